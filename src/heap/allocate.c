/* allocate.c: new objects, the slow way of allocation, and what happens when memory ends.

   Allocation bumps Thread.free up to Thread.limit.  When the nursery is used up the limit is moved on by a little (nothing is collected
   here: law 1) and EVENT_COLLECT is raised, so that the loop collects at its next safe point.

   When `soft_end` is reached, the allocation leaves by the door and is run again after a full collection (DOOR_RETRY).  If it then finds no
   room again, memory is exhausted: half of the reserve behind soft_end is released for the handlers, and a STORAGE-CONDITION is signalled.
   A handler that exhausts that too gets half of the rest, and so on; at the next collection that leaves room the reserve is whole again.
   As sliding needs no room of its own, this works for conses as for vectors.

   A request that is larger than the whole heap is refused at once: it needs no reserve. */
#include "heap/space.h"

enum { GRACE = 256 * 1024, LEAST_RESERVE = 64 * 1024 };

/* The condition is made in advance (lisp/conditions.lisp): it takes no room. */
static NORETURN void signal_no_room(Thread *t) { signal_condition(t, SYM(HEAP_EXHAUSTED), 0); }

NORETURN void signal_heap_exhausted(Thread *t, size_t bytes) {
    Heap *h = t->heap;
    size_t rest = (size_t)(h->end - h->soft_end);
    if (rest < LEAST_RESERVE) must_die("heap exhausted (%zu bytes wanted), and the reserve for handlers too", bytes);
    h->soft_end += bits_round_up(rest / 2, GRANULE);
    signal_no_room(t);
}

/* Torture: counts down to an allocation that fails. */
static void torture_allocation(Thread *t) {
    Heap *h = t->heap;
    if (--h->torture_allocations) return;
    signal_no_room(t);
}

char *heap_allocate_slow(Thread *t, size_t bytes) {
    Heap *h = t->heap;
    if (bytes > (size_t)(h->soft_end - h->start)) signal_no_room(t);
    if (UNLIKELY(h->torture_allocations != 0)) torture_allocation(t);
    if ((size_t)(h->soft_end - t->free) < bytes) {
        if (h->shortage == SHORTAGE_COLLECTED) signal_heap_exhausted(t, bytes);
        h->shortage = SHORTAGE_ASKED;
        door_retry(t);
    }
    char *p = t->free;
    t->free += bytes;
    if (UNLIKELY(h->torture_allocations != 0)) {
        t->limit = t->free;
        if (t->free > (char *)h->base[0] + h->threshold[0]) heap_raise(t, EVENT_COLLECT);
        return p;
    }
    if (t->free > t->limit) t->limit = (size_t)(h->soft_end - t->free) > GRACE ? t->free + GRACE : h->soft_end;
    heap_raise(t, EVENT_COLLECT);
    return p;
}

void heap_fail_allocation(Heap *h, uint64_t n) {
    h->torture_allocations = n;
    h->thread->limit = h->thread->free;
}

/* Room for an object; large ones start at a block (slide.c).  What is skipped is dead and never parsed. */
static Obj *allocate_object(Thread *t, Type type, unsigned flags, uint64_t length, size_t *bytes) {
    if (UNLIKELY(length >> 47)) signal_no_room(t);
    Obj header = header_make(type, flags, length);
    *bytes = header_bytes(header);
    size_t skip = *bytes < LARGE ? 0 : (size_t)(-(uintptr_t)t->free % BLOCK);
    Obj *p = (Obj *)(void *)(heap_allocate(t, *bytes + skip) + skip);
    p[0] = header;
    return p;
}

Obj alloc_flagged(Thread *t, Type type, unsigned flags, uint64_t length, Obj fill) {
    size_t bytes;
    Obj *p = allocate_object(t, type, flags, length, &bytes);
    for (size_t i = 1; i < bytes / 8; i++) p[i] = fill;
    return obj_of_address(p);
}

Obj alloc_boxed(Thread *t, Type type, uint64_t length, Obj fill) { return alloc_flagged(t, type, 0, length, fill); }

Obj alloc_raw(Thread *t, Type type, uint64_t length) {
    size_t bytes;
    Obj *p = allocate_object(t, type, 0, length, &bytes);
    memset(p + 1, 0, bytes - 8);
    return obj_of_address(p);
}

Obj alloc_raw_unfilled(Thread *t, Type type, uint64_t length) {
    size_t bytes;
    return obj_of_address(allocate_object(t, type, 0, length, &bytes));
}

void heap_shrink(Thread *t, Obj x, uint64_t length) {
    Obj *p = obj_words(x), header = p[0];
    size_t before = header_bytes(header);
    must(length <= header_length(header));
    p[0] = header_make(header_type(header), header_flags(header), length);
    size_t after = header_bytes(p[0]);
    if (shapes[header_type(header)].layout != LAYOUT_RAW && !(length & 1)) p[1 + length] = (Obj){0}; /* mark.pad */
    if (after == before) return;
    char *end = (char *)p + after;
    if ((char *)p + before == t->free && (uintptr_t)p >= t->young_base) {
        t->free = end;
        return;
    }
    memset(end, 0, before - after); /* remembered granules there now hold nothing */
    filler_put(end, before - after);
}

Obj alloc_text(Thread *t, const char *text) {
    size_t n = strlen(text);
    Obj s = alloc_raw(t, TYPE_BASE_STRING, n);
    memcpy(obj_raw(s), text, n);
    return s;
}

Obj alloc_list(Thread *t, uint32_t count, const Obj *items) {
    Obj list = NIL;
    for (uint32_t i = count; i-- > 0;) list = alloc_cons(t, items[i], list);
    return list;
}
