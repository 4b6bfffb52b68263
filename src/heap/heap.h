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

/* Where the dynamic area begins, unless something else lies there: so images are mapped as they are. */
#define HEAP_BASE UINT64_C(0x200000000000)
/* Makes the heap and the static page with the symbols of symbols.def (names set, packages NIL).  limit 0: what fits the machine. */
Heap *heap_create(size_t limit);
/* The name of a symbol of symbols.def, also where its NAME was shaken off; NULL for other words. */
const char *static_symbol_name(Obj x);
/* Makes a heap without static page, for an image to be mapped into: see persist.c. */
Heap *heap_create_empty(size_t limit);
void heap_attach_thread(Heap *heap, Thread *t);
void heap_add_roots(Heap *heap, RootScanner scan, void *data);
/* `done` is called at the end of every collection, when everything is in its new place: to clear the stack above `top`, to drop caches by
   address, ... */
typedef void (*AfterCollection)(Thread *t);
void heap_add_after_collection(Heap *heap, AfterCollection done);
/* `prepare` is called before every full collection: to let go what is held by accident. */
void heap_add_before_full_collection(Heap *heap, AfterCollection prepare);
size_t heap_limit(const Heap *heap);

typedef struct HeapStatistics {
    uint64_t count[4];        /* collections, by generation; [3]: full */
    uint64_t nanoseconds[4];  /* of processor time */
    uint64_t longest[4];      /* the longest of them, in nanoseconds as the clock on the wall goes */
    uint64_t marked[4];       /* objects found alive */
    uint64_t allocated;       /* bytes, up to the last collection */
    size_t live;              /* bytes below `free` after the last collection */
    uint64_t remembered_useless; /* what the last heap_verify found superfluous */
} HeapStatistics;
const HeapStatistics *heap_statistics(const Heap *heap);
/* Bytes allocated since the beginning. */
uint64_t heap_allocated(const Thread *t);
/* Bytes in generation 0, 1, 2 or 3 (tenured). */
size_t heap_generation_bytes(const Heap *heap, int generation);
size_t heap_threshold(const Heap *heap, int generation);
/* Sets the cumulative thresholds in bytes; they must not decrease. */
void heap_configure(Heap *heap, size_t t0, size_t t1, size_t t2);
bool heap_egc(const Heap *heap);
/* Enables or disables ephemeral collections; when they are disabled every collection is full. */
void heap_set_egc(Heap *heap, bool enabled);
/* Least growth of the tenured generation between two full collections. */
size_t heap_growth_least(const Heap *heap);
void heap_set_growth_least(Heap *heap, size_t bytes);
/* Applies the growth from here: the next full collection is due when so much more has been tenured. */
void heap_use_growth_least(Heap *heap);
/* Reports each ephemeral and each full collection on standard error. */
void heap_set_verbose(Heap *heap, bool ephemeral, bool full);
bool heap_verbose(const Heap *heap, bool full);

/* -- allocate.c -- */

/* The slow way of `heap_allocate`: more nursery, an event, or the door. */
char *heap_allocate_slow(Thread *t, size_t bytes);
/* An object of a RAW shape, its elements zero. */
Obj alloc_raw(Thread *t, Type type, uint64_t length);
/* The same with whatever lies there as elements: for buffers, of which only what was filled is read. */
Obj alloc_raw_unfilled(Thread *t, Type type, uint64_t length);
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
/* Asks for a collection of that generation at the next safe point. */
void heap_request(Thread *t, int generation);

/* Has `work` done at the next safe point, in the place of a collection.  There it may collect, and move things by functions of the heap. */
typedef void (*HeapWork)(Thread *t);
void heap_request_work(Thread *t, HeapWork work);
/* Whether work that was asked for is still to be done. */
bool heap_work_waits(const Heap *heap);

/* -- weak.c -- */

/* HASH_ENTRIES, as the collector and the hash tables both know it: docs/gc.md has the protocol. */
enum { ENTRIES_LINK, ENTRIES_INDEX, ENTRIES_PAIRS };
enum {
    ENTRIES_WEAK_KEY = 1, ENTRIES_WEAK_VALUE = 2,
    ENTRIES_EITHER = 4,       /* with both: an entry lives while either does */
    ENTRIES_BY_ADDRESS = 8,   /* some keys are hashed by their address */
    ENTRIES_STALE = 16        /* a collection moved a key or broke an entry */
};
#define HASH_MOVED UINT32_C(0x80000000) /* in an entry's hash word: the key has moved */
/* Gives a table ENTRIES_BY_ADDRESS, of which the collector must know. */
void entries_set_by_address(Thread *t, Obj entries);

enum { WEAK_POINTER_VALUE, WEAK_POINTER_LINK, WEAK_POINTER_LENGTH };
/* A weak pointer to x.  Its value is BROKEN when x has gone. */
Obj weak_pointer_make(Thread *t, Obj x);
static inline Obj weak_pointer_value(Obj pointer) { return obj_slots(pointer)[WEAK_POINTER_VALUE]; }

/* -- shadow space: arrays outside the heap that handles (word.h) stand for, as room swap has them -- */

/* What a heap knows of them.  In a full collection `mark` is called with every handle that is met, `drain` traces (with heap_trace) what the marked arrays refer
   to and says whether there was anything, `alive` tells whether a handle has been marked, and `sweep` frees those that have not.  References in them are visited
   as roots are, by a scanner of their own, under the name ROOT_SHADOW; `look` visits those of one array, for those who only look.  `note` is the write barrier of stores at `from` or above but below the dynamic area.
   `recall` is called before all objects are looked at: none refers to a place in an array then. */
typedef struct HeapShadow {
    void (*mark)(Thread *t, Obj handle);
    bool (*drain)(Thread *t);
    bool (*alive)(Thread *t, Obj handle);
    void (*sweep)(Thread *t);
    void (*look)(Thread *t, Obj handle, RootVisitor visit, void *data);
    bool (*valid)(Thread *t, Obj handle);
    void (*note)(Thread *t, Obj *slot);
    void (*recall)(Thread *t);
    uintptr_t from;
} HeapShadow;
#define ROOT_SHADOW "swapped arrays"
void heap_set_shadow(Heap *heap, const HeapShadow *shadow);
/* Marks what the words of [from, to) refer to. */
void heap_trace(Heap *heap, const Obj *from, const Obj *to);
/* A handle has been marked: what waits for it is. */
void heap_reached(Heap *heap, Obj handle);
/* What roots are visited for. */
typedef enum HeapPhase { HEAP_IDLE, HEAP_MARKING, HEAP_FORWARDING } HeapPhase;
HeapPhase heap_phase(const Heap *heap);
bool heap_collects_all(const Heap *heap);
/* In a full collection that forwards: do tenured objects move too? */
bool heap_moves_tenured(const Heap *heap);
/* Is x a reference to an object that is not tenured? */
bool heap_is_young(const Heap *heap, Obj x);

/* -- finalize.c -- */

/* When `object` is reachable only from its own finalizers, (function object) is called at a safe point: by SYS::%RUN-FINALIZERS, which
   EVENT_FINALIZE announces.  A function that refers to the object does not keep it alive. */
void finalizer_add(Thread *t, Obj object, Obj function);
/* Forgets the finalizers of `object`, or only those with `function` if that is not NIL; returns how many. */
size_t finalizer_cancel(Heap *heap, Obj object, Obj function);
/* The function of the latest finalizer of the object, or NIL. */
Obj finalizer_function(const Heap *heap, Obj object);
/* Takes one finalizer that is due off the list; false if there is none. */
bool finalizer_take(Heap *heap, Obj *object, Obj *function);

/* -- foreign.c -- */

/* `owner` owns memory outside the heap, `bytes` of it; when the owner is gone for good, release(data) is called, in the collector: it must
   not touch the heap.  The bytes hurry the collector. */
typedef void (*ForeignRelease)(void *data);
void foreign_add(Thread *t, Obj owner, void *data, size_t bytes, ForeignRelease release);
/* The next entry with that release function, from number *i on, which becomes the number behind it; false if there is none. */
bool foreign_next(const Heap *heap, size_t *i, ForeignRelease release, Obj *owner, void **data);
size_t foreign_bytes(const Heap *heap);

/* -- why.c: who keeps what -- */

/* The shortest path of references from a root to x: a list (root-name object slot object slot ... x), or NIL if there is none.  A slot is a
   fixnum: 0 and 1 are CAR and CDR of a cons, else it is as for obj_slots.  Paths through what a package holds come after all others; the control
   stack and special bindings are asked last. */
Obj heap_why_live(Thread *t, Obj x);
/* Counts objects and bytes by type in one generation (3: tenured) as of the last collection; the youngest is not counted. */
typedef struct Census {
    uint64_t count[TYPE_COUNT + 1], bytes[TYPE_COUNT + 1]; /* [TYPE_COUNT]: conses */
} Census;
void heap_census(const Heap *heap, int generation, Census *census);
/* Visits every object and cons below the youngest generation: all that the last collection found.  The visitor may not allocate. */
typedef void (*ObjectVisitor)(void *data, Obj x);
void heap_each_object(const Heap *heap, ObjectVisitor visit, void *data);

/* -- pure.c: raw objects that live long, read-only, unseen by the collector -- */

#define PURE_BASE UINT64_C(0x20000000)
#define PURE_SIZE UINT64_C(0x40000000) /* of address space */

/* Reserves addresses for `bytes` more than are in use, at PURE_BASE or, when those are taken, elsewhere; returns the area's start, NULL if there is no room. */
char *pure_reserve(Heap *heap, size_t bytes);
/* The part in use: *end is *start when there is nothing in it. */
void pure_area(const Heap *heap, char **start, char **end);
/* Declares that [start, end), at the start of the reserved area, holds raw objects end to end: a mapped section of an image. */
void pure_set_area(Heap *heap, char *start, char *end);
/* Maps `bytes` of raw objects end to end, from `offset` of a file on, which is a multiple of a page, behind what the area has; where they begin, NULL if that cannot be done. */
char *pure_extend(Heap *heap, size_t bytes, int fd, uint64_t offset);
size_t pure_bytes(const Heap *heap);
/* Does p lie in the dynamic area? */
bool heap_contains(const Heap *heap, const void *p);
/* Does p lie in the pure area, used or not? */
bool pure_contains(const Heap *heap, const void *p);
/* The object around the address p, if one lies there. */
bool pure_object_at(Heap *heap, const void *p, Obj *x);

/* What goes to the area.  `choose` is called with every object and passes what it wants moved to `pure_choose`: raw objects that nothing will ever write
   to, of the dynamic area or of a foreign block.  (What is pure already is passed over.)  If there were any of the latter, `leave` is called with
   every object before references are changed, and `copied` with the copy of each while it is still writable. */
typedef struct PurePolicy {
    void (*choose)(Heap *heap, Obj x);
    void (*leave)(Thread *t, Obj x);
    void (*copied)(Obj x);
} PurePolicy;
void pure_choose(Heap *heap, Obj x);
/* The following three only at a safe point; each collects fully before it begins, the first two at the end too.
   Moves what is chosen into the pure area.  False, with nothing done, if it has no room. */
bool pure_take(Thread *t, const PurePolicy *policy);
/* Moves what is still referred to back to the dynamic area, and empties the pure one.  False, with nothing done, if there is no room. */
bool pure_give_back(Thread *t);
/* The bytes of the area that are referred to other than weakly.  False: no memory to find out. */
bool pure_survey(Thread *t, size_t *used);
void pure_census(const Heap *heap, Census *census);

/* -- verify.c -- */

/* Walks everything below the youngest generation and checks every law; dies with a description where one is broken.  Returns the number of
   remembered bits that are superfluous. */
size_t heap_verify(Heap *heap);

/* -- persist.c: the heap as an image sees it -- */

/* Collects everything that can be collected and leaves no gaps.  The Lisp stack is empty: everything alive is in registered roots. */
void heap_compact(Thread *t);
/* The dynamic area: [start, start + bytes) is in use; and the configuration. */
typedef struct HeapState {
    uint64_t start, bytes;
    uint64_t threshold[3], growth_least, egc;
} HeapState;
HeapState heap_state(const Heap *heap);
/* Calls `visit` for every object and cons of the dynamic area; [start, start + bytes) has no gaps after `heap_compact`. */
typedef void (*WordsVisitor)(void *data, Obj *words, size_t bytes);
void heap_each(const Heap *heap, WordsVisitor visit, void *data);
/* Addresses of the HASH_ENTRIES that the collector knows by name, ascending. */
const uint64_t *heap_listed_tables(const Heap *heap, size_t *count);
uint64_t heap_start(const Heap *heap);
/* Most bytes of a heap that may be in use without being short. */
size_t heap_capacity(const Heap *heap);
/* Pairs of object and function: finalizers that wait, or (ready) that are due. */
const Obj *heap_finalizers(const Heap *heap, bool ready, size_t *count);
/* Tells an empty heap, before there is a thread, that `state->bytes` bytes of live objects lie at its start: they are tenured. */
void heap_adopt(Heap *heap, const HeapState *state, const uint64_t *tables, size_t table_count);
/* Adds finalizers of adopted objects. */
void heap_adopt_finalizers(Heap *heap, const Obj *pairs, size_t count, bool ready);

/* -- torture.c -- */

enum {
    TORTURE_GC = 1,      /* collect at every safe point */
    TORTURE_VERIFY = 2,  /* verify after each collection, poison what was freed */
    TORTURE_MOVE = 4,    /* leave and take gaps, so that everything moves */
    TORTURE_TINY = 8,    /* generations of a few pages */
    TORTURE_SWAP = 16,   /* lisp/swap.lisp: all code is swapped, and evicted at every safe point */
    TORTURE_LIBRARY = 32 /* the same, of the library only */
};
unsigned heap_torture(const Heap *heap);
void heap_set_torture(Heap *heap, unsigned flags);
/* Fails the n-th allocation from now with a STORAGE-CONDITION; 0: no more of that. */
void heap_fail_allocation(Heap *heap, uint64_t n);

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
/* EXT:HEAP-EXHAUSTED, a STORAGE-CONDITION; releases part of the reserve for its handlers. */
NORETURN void signal_heap_exhausted(Thread *t, size_t bytes);

/* -- Events -- */

/* Raises bits of Thread.event, so that the loop stops at the next safe point. */
static inline void heap_raise(Thread *t, uint32_t bits) {
    __atomic_fetch_or(&t->event, bits, __ATOMIC_RELAXED);
    t->stack_limit = t->stack;
}

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
