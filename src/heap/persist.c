/* persist.c: the heap as an image sees it: compacted and described when one is saved, filled when one is loaded.

   An image is the dynamic area as it lies in memory after a full collection that left no gaps.  When it is mapped again all of it is tenured:
   there is nothing younger, so nothing is remembered, and side tables begin as zeros.  What the collector knows besides the area itself
   travels along: the list of weak and address-hashed tables, the finalizers, the configuration.

   Thresholds of a heap that is smaller than the one they were made for are kept within its size. */
#include "heap/space.h"

void heap_compact(Thread *t) {
    Heap *h = t->heap;
    h->compact = true;
    heap_collect(t, FULL);
}

HeapState heap_state(const Heap *h) {
    HeapState s = {.start = (uint64_t)(uintptr_t)h->start, .bytes = (uint64_t)(h->thread->free - h->start)};
    for (int i = 0; i < 3; i++) s.threshold[i] = h->threshold[i];
    s.growth_least = h->growth_least;
    s.egc = h->egc;
    return s;
}

uint64_t heap_start(const Heap *h) { return (uint64_t)(uintptr_t)h->start; }
size_t heap_capacity(const Heap *h) { return (size_t)(h->soft_end - h->start); }

void heap_each(const Heap *h, WordsVisitor visit, void *data) {
    recall_places(h);
    for (char *p = h->start; p < h->thread->free;) {
        size_t bytes = bytes_at((const Obj *)(void *)p);
        visit(data, (Obj *)(void *)p, bytes);
        p += bytes;
    }
}

const uint64_t *heap_listed_tables(const Heap *h, size_t *count) {
    *count = h->tables.count;
    return h->tables.items;
}

const Obj *heap_finalizers(const Heap *h, bool ready, size_t *count) {
    const FinalizerTable *table = ready ? &h->ready : &h->finalizers;
    *count = table->count;
    return (const Obj *)(const void *)table->items;
}

/* -- Filling -- */

void heap_adopt(Heap *h, const HeapState *s, const uint64_t *tables, size_t table_count) {
    must(!h->thread && s->bytes <= (uint64_t)(h->soft_end - h->start) && s->bytes % GRANULE == 0);
    h->adopted = true;
    h->touched = h->start + s->bytes;
    h->base[0] = h->base[1] = h->base[2] = (uintptr_t)h->touched;
    size_t most = (size_t)(h->end - h->start) / 8;
    size_t threshold[3];
    for (int i = 0; i < 3; i++, most *= 2) threshold[i] = s->threshold[i] < most ? (size_t)s->threshold[i] : most;
    heap_configure(h, threshold[0], threshold[1], threshold[2]);
    h->egc = s->egc;
    h->growth_least = (size_t)s->growth_least;
    h->full_at = h->base[2] + h->growth_least;
    for (size_t i = 0; i < table_count; i++)
        if (!words_push(&h->tables, tables[i])) must_die("no memory for the list of hash tables");
}

void heap_adopt_finalizers(Heap *h, const Obj *pairs, size_t count, bool ready) {
    FinalizerTable *table = ready ? &h->ready : &h->finalizers;
    for (size_t i = 0; i < count; i++) finalizer_push(table, pairs[2 * i], pairs[2 * i + 1]);
    if (!ready) table->old = table->count;
}
