/* heap.h: areas by age, allocation, barrier, collection.  Door of room heap.

   The dynamic area is one range; free memory is at its end and allocation is a bump of Thread.free.  C never collects (law 1): when the
   nursery is full, allocation takes more and raises EVENT_COLLECT; the bytecode loop calls `heap_collect` at its next safe point, where
   every live value is in a frame, the thread record or a registered root.  So C code keeps raw words without ceremony, as long as
   it does not call back into Lisp.

   Stores.  `init_...` fills an object allocated since the last safe point; it needs no barrier (all that was allocated between two
   collections is in one generation).  `set_...` stores into anything else.

   When memory is exhausted an allocation leaves through the door (DOOR_RETRY, then a STORAGE-CONDITION): so a leaf allocates before it
   changes anything, or is such that being run once more from the start does no harm.

   Invariants
     heap.age    no slot of an older generation refers to a younger one unless its remembered bit is set
     heap.zero   a word of the dynamic area below `free` is part of exactly one object or cons */
#ifndef HEAP_H
#define HEAP_H

#include "heap/thread.h"

/* -- Roots -- */

/* Called for every root slot.  `count` words at `slots` are roots; `name` says what they are, for WHY-LIVE. */
typedef void (*RootVisitor)(void *visitor_data, Obj *slots, size_t count, const char *name);
typedef void (*RootScanner)(Thread *t, void *data, RootVisitor visit, void *visitor_data);

/* -- heap.c -- */

/* Makes the heap and the static page with the symbols of symbols.def (names set, packages NIL).  limit 0: what fits the machine. */
Heap *heap_create(size_t limit);
void heap_attach_thread(Heap *heap, Thread *t);
void heap_add_roots(Heap *heap, RootScanner scan, void *data);
/* `done` is called at the end of every collection. */
void heap_add_after_collection(Heap *heap, void (*done)(Thread *t));
size_t heap_limit(const Heap *heap);

/* -- allocate.c -- */

/* The slow way of `heap_allocate`: more nursery, an event, or the door. */
char *heap_allocate_slow(Thread *t, size_t bytes);
/* An object of a RAW shape, its elements zero. */
Obj alloc_raw(Thread *t, Type type, uint64_t length);
/* An object of a BOXED or WEAK shape, every slot `fill`. */
Obj alloc_boxed(Thread *t, Type type, uint64_t length, Obj fill);
/* The same with a flags field. */
Obj alloc_flagged(Thread *t, Type type, unsigned flags, uint64_t length, Obj fill);
/* Shortens a RAW or BOXED object in place; the rest becomes filler. */
void heap_shrink(Thread *t, Obj x, uint64_t length);

/* -- barrier.c -- */
void barrier_note(Thread *t, Obj *slot);

/* -- collect.c -- */

/* Collects: `generation` 0, 1, 2 (ephemeral) or 3 (full).  Only at a safe point. */
void heap_collect(Thread *t, int generation);
/* The collection that the event asked for: picks the generation. */
void heap_collect_now(Thread *t);

/* -- door.c: how C signals a Lisp error.  None of these returns. -- */

/* Leaves the leaf and calls `function` with the arguments in its place. */
NORETURN void door_call(Thread *t, Obj function, uint32_t count, const Obj *args);
NORETURN void door_retry(Thread *t);
/* (ERROR 'type initarg value ...), by way of SYS::%LEAF-ERROR; `count` further arguments of type Obj. */
NORETURN void signal_condition(Thread *t, Obj type, uint32_t count, ...);
/* TYPE-ERROR; `expected` is a type specifier. */
NORETURN void signal_type_error(Thread *t, Obj datum, Obj expected);
/* TYPE-ERROR of an index that is not in [0, limit). */
NORETURN void signal_index_error(Thread *t, Obj index, uint64_t limit);
/* A condition of `type` (PROGRAM-ERROR, CONTROL-ERROR, SIMPLE-ERROR, ...) with a format control and up to four arguments. */
NORETURN void signal_format(Thread *t, Obj type, const char *control, uint32_t count, ...);
NORETURN void signal_heap_exhausted(Thread *t, size_t bytes);

/* -- Allocation, inline -- */

/* `bytes` (a multiple of 16) of uninitialised nursery: the caller fills every word before the next safe point. */
static inline char *heap_allocate(Thread *t, size_t bytes) {
    char *p = t->free;
    if (UNLIKELY((size_t)(t->limit - p) < bytes)) return heap_allocate_slow(t, bytes);
    t->free = p + bytes;
    return p;
}

static inline Obj alloc_cons(Thread *t, Obj a, Obj d) {
    Obj *p = (Obj *)(void *)heap_allocate(t, 16);
    p[0] = a;
    p[1] = d;
    return cons_of_address(p);
}

static inline Obj alloc_double(Thread *t, double d) {
    Obj *p = (Obj *)(void *)heap_allocate(t, 16);
    p[0] = header_make(TYPE_DOUBLE, 0, 1);
    memcpy(p + 1, &d, 8);
    return obj_of_address(p);
}

/* A base string of the ASCII text. */
Obj alloc_text(Thread *t, const char *text);
/* A list of `count` words. */
Obj alloc_list(Thread *t, uint32_t count, const Obj *items);

/* -- Stores with the barrier -- */

/* Stores v into a slot of an object.  The law is stated once, here: a store that may put a reference to a younger object into an older
   one is noted in the remembered set.  What lies in the youngest generation needs nothing, nor does an older or immediate value. */
static inline void set_slot(Thread *t, Obj *slot, Obj v) {
    *slot = v;
    if ((uintptr_t)slot < t->young_base && v.w > (uintptr_t)slot && is_ref(v)) barrier_note(t, slot);
}
static inline void set_car(Thread *t, Obj cons, Obj v) { set_slot(t, &cons_slots(cons)[0], v); }
static inline void set_cdr(Thread *t, Obj cons, Obj v) { set_slot(t, &cons_slots(cons)[1], v); }
static inline void set_field(Thread *t, Obj x, uint64_t i, Obj v) { set_slot(t, &obj_slots(x)[i], v); }
static inline void init_field(Obj x, uint64_t i, Obj v) { obj_slots(x)[i] = v; } /* NOBARRIER: fresh object */
static inline void set_symbol(Thread *t, Obj symbol, int field, Obj v) { set_slot(t, &symbol_slots(symbol)[field], v); }

#endif
