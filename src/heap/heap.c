/* heap.c: the areas, and the static page. */
#include "heap/heap.h"

#include <stdlib.h>

struct Heap {
    char *start, *end;
    struct {
        RootScanner scan;
        void *data;
    } roots[32];
    unsigned root_count;
};

static const char *const static_names[] = {
#define S(id, name, package) name,
#include "word/symbols.def"
#undef S
};

static uint32_t text_hash(const char *s) {
    uint32_t h = 2166136261u;
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

Heap *heap_create(size_t limit) {
    Heap *heap = calloc(1, sizeof *heap);
    must(heap);
    if (!limit) limit = (size_t)4 << 30;
    heap->start = pages_reserve(NULL, limit);
    if (!heap->start) must_die("cannot reserve %zu bytes of address space", limit);
    heap->end = heap->start + limit;
    if (!pages_reserve((void *)STATIC_BASE, STATIC_SIZE)) must_die("address %#lx is taken", (unsigned long)STATIC_BASE);
    cons_slots(NIL)[0] = cons_slots(NIL)[1] = NIL;
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++) {
        Obj *p = (Obj *)(STATIC_SYMBOLS + SYMBOL_BYTES * i);
        p[0] = header_make(TYPE_SYMBOL, 0, SYMBOL_LENGTH);
        p[1 + SYMBOL_VALUE] = p[1 + SYMBOL_FUNCTION] = UNBOUND;
        p[1 + SYMBOL_PACKAGE] = p[1 + SYMBOL_PLIST] = p[1 + SYMBOL_INFO] = NIL;
        p[1 + SYMBOL_HASH] = obj_of_fix(text_hash(static_names[i]));
        p[1 + SYMBOL_NAME] = NIL;
    }
    return heap;
}

void heap_attach_thread(Heap *heap, Thread *t) {
    t->heap = heap;
    t->free = heap->start;
    t->limit = heap->end;
    t->young_base = (uintptr_t)heap->start;
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++) {
        Obj name = alloc_text(t, static_names[i]);
        ((Obj *)(STATIC_SYMBOLS + SYMBOL_BYTES * i))[1 + SYMBOL_NAME] = name;
    }
}

void heap_add_roots(Heap *heap, RootScanner scan, void *data) {
    must(heap->root_count < COUNT_OF(heap->roots));
    heap->roots[heap->root_count].scan = scan;
    heap->roots[heap->root_count++].data = data;
}

size_t heap_limit(const Heap *heap) { return (size_t)(heap->end - heap->start); }

char *heap_allocate_slow(Thread *t, size_t bytes) { signal_heap_exhausted(t, bytes); }

NORETURN void signal_heap_exhausted(Thread *t, size_t bytes) {
    (void)t;
    must_die("heap exhausted: %zu bytes", bytes);
}

void heap_collect(Thread *t, int generation) {
    (void)t;
    (void)generation;
}
void heap_collect_now(Thread *t) { heap_collect(t, 0); }
