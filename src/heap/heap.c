/* heap.c: making the heap, the static page, and the figures that others ask for.

   The dynamic area is one reservation, at HEAP_BASE if that is free; side tables (space.h) are reserved by its size, together a fiftieth of it, and like it are taken as used.
   If the range is refused a smaller one is tried, down to 32 MB.  The static page lies at a fixed address, so that NIL and the symbols that
   C names are constants of the C compiler. */
#include "heap/space.h"

#include <stdlib.h>

enum { LEAST_LIMIT = 4 << 20, LEAST_DEFAULT = 32 << 20, MEGABYTE = 1 << 20, SHARE_OF_MACHINE = 2 };
#define MOST_DEFAULT ((size_t)8 << 30)
#define DEFAULT_G0 ((size_t)32 << 20)
#define MOST_LIMIT ((size_t)64 << 30)

static const char *const static_names[] = {
#define S(id, name, package) name,
#include "word/symbols.def"
#undef S
};

const char *static_symbol_name(Obj x) {
    if (is_nil(x)) return static_names[0];
    return is_obj(x) && x.w - STATIC_SYMBOLS < SYMBOL_BYTES * (uint64_t)STATIC_SYMBOL_COUNT ? static_names[(x.w - STATIC_SYMBOLS) / SYMBOL_BYTES] : NULL;
}

static uint32_t text_hash(const char *s) {
    uint32_t h = 2166136261u;
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

/* The side tables for the reservation, each beginning at a page; false if the system refuses. */
static bool tables_reserve(Heap *h, size_t limit) {
    size_t granules = limit / GRANULE, blocks = limit / BLOCK + 1;
    size_t sizes[5] = {(blocks + 1) * 8, (blocks + 4) * 8, granules / 256 / 8 + 16, blocks / 8 + 16, blocks * 4 + 8}, total = 0;
    for (int i = 0; i < 5; i++) total += sizes[i] = (size_t)bits_round_up(sizes[i], 4096);
    char *at = pages_reserve(NULL, total);
    if (!at) return false;
    h->marks = (uint64_t *)(void *)at;
    h->remembered = (uint64_t *)(void *)(at += sizes[0]);
    h->summary = (uint64_t *)(void *)(at += sizes[1]);
    h->large = (uint64_t *)(void *)(at += sizes[2]);
    h->relocation = (uint32_t *)(void *)(at + sizes[3]);
    return true;
}

static char *dynamic_reserve(size_t limit) {
    char *at = pages_reserve((void *)HEAP_BASE, limit);
    return at ? at : pages_reserve(NULL, limit);
}

/* The default for a heap: half of what the process may use. */
static size_t default_limit(void) {
    size_t limit = pages_available() / SHARE_OF_MACHINE;
    if (limit > MOST_DEFAULT) limit = MOST_DEFAULT;
    return limit < LEAST_DEFAULT ? LEAST_DEFAULT : limit;
}

static void area_reserve(Heap *h, size_t limit) {
    bool given = limit;
    if (!limit) limit = default_limit();
    if (limit > MOST_LIMIT) limit = MOST_LIMIT;
    if (limit < LEAST_LIMIT) limit = LEAST_LIMIT;
    limit = (size_t)bits_round_up(limit, MEGABYTE);
    while (!(h->start = dynamic_reserve(limit))) {
        if (given || limit <= LEAST_DEFAULT) must_die("cannot reserve %zu MB of address space for the heap", limit / MEGABYTE);
        limit = (size_t)bits_round_up(limit / 2, MEGABYTE);
    }
    if (!tables_reserve(h, limit)) must_die("cannot reserve the tables of a heap of %zu MB", limit / MEGABYTE);
    h->end = h->start + limit;
    h->reserve = limit / 64 + (limit >= (size_t)64 * MEGABYTE ? MEGABYTE : limit / 64);
    h->soft_end = h->end - h->reserve;
    h->touched = h->start;
    h->stack.most = limit / 64 / 8 < 65536 ? 65536 : limit / 64 / 8;
    for (int i = 0; i < 4; i++) h->base[i] = (uintptr_t)h->start;
}

static void static_page_make(void) {
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
}

Heap *heap_create_empty(size_t limit) {
    Heap *h = calloc(1, sizeof *h);
    must(h);
    area_reserve(h, limit);
    h->egc = true;
    h->requested = -1;
    h->shadow.from = UINTPTR_MAX;
    h->growth_least = (size_t)32 * MEGABYTE;
    size_t most = (size_t)(h->end - h->start) / 8; /* small heaps have small generations */
    size_t g0 = DEFAULT_G0 < most ? DEFAULT_G0 : most;
    heap_configure(h, g0, 2 * g0, 3 * g0);
    h->full_at = h->base[2] + h->growth_least;
    return h;
}

Heap *heap_create(size_t limit) {
    Heap *h = heap_create_empty(limit);
    static_page_make();
    return h;
}

void heap_attach_thread(Heap *h, Thread *t) {
    t->heap = h;
    h->thread = t;
    t->free = (char *)h->base[0];
    size_t room = (size_t)(h->soft_end - t->free);
    t->limit = t->free + (room < h->threshold[0] ? room : h->threshold[0]);
    t->young_base = h->base[0];
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT && !h->adopted; i++) {
        Obj name = alloc_text(t, static_names[i]);
        ((Obj *)(STATIC_SYMBOLS + SYMBOL_BYTES * i))[1 + SYMBOL_NAME] = name;
    }
    if (WHOLE) torture_read_environment(h);
}

void heap_add_roots(Heap *h, RootScanner scan, void *data) {
    must(h->root_count < ROOTS_MOST);
    h->roots[h->root_count].scan = scan;
    h->roots[h->root_count++].data = data;
}

void heap_add_after_collection(Heap *h, AfterCollection done) {
    must(h->hook_count < HOOKS_MOST);
    h->hooks[h->hook_count++] = done;
}

void heap_add_before_full_collection(Heap *h, AfterCollection prepare) {
    must(!h->prepare);
    h->prepare = prepare;
}

void heap_set_shadow(Heap *h, const HeapShadow *shadow) { h->shadow = *shadow; }
HeapPhase heap_phase(const Heap *h) { return h->phase; }
bool heap_collects_all(const Heap *h) { return h->from == (uintptr_t)h->start; }
bool heap_moves_tenured(const Heap *h) { return h->moves_tenured; }
bool heap_is_young(const Heap *h, Obj x) { return refers_into(x, h->base[2], (uintptr_t)h->end - h->base[2]); }

/* -- Figures -- */

size_t heap_limit(const Heap *h) { return (size_t)(h->end - h->start); }
const HeapStatistics *heap_statistics(const Heap *h) { return &h->statistics; }
uint64_t heap_allocated(const Thread *t) { return t->heap->statistics.allocated + ((uintptr_t)t->free - t->heap->base[0]); }

size_t heap_generation_bytes(const Heap *h, int generation) {
    must(generation >= 0 && generation <= FULL);
    return (generation ? h->base[generation - 1] : (uintptr_t)h->thread->free) - h->base[generation];
}

/* -- Configuration -- */

size_t heap_threshold(const Heap *h, int generation) { return h->threshold[generation]; }

void heap_configure(Heap *h, size_t t0, size_t t1, size_t t2) {
    must(t0 && t0 <= t1 && t1 <= t2);
    h->threshold[0] = t0;
    h->threshold[1] = t1;
    h->threshold[2] = t2;
}

bool heap_egc(const Heap *h) { return h->egc; }
void heap_set_egc(Heap *h, bool enabled) { h->egc = enabled; }
size_t heap_growth_least(const Heap *h) { return h->growth_least; }
void heap_set_growth_least(Heap *h, size_t bytes) { h->growth_least = bytes; }
void heap_use_growth_least(Heap *h) { h->full_at = h->base[2] + h->growth_least; }
void heap_set_verbose(Heap *h, bool ephemeral, bool full) {
    h->verbose = ephemeral;
    h->verbose_full = full;
}
bool heap_verbose(const Heap *h, bool full) { return full ? h->verbose_full : h->verbose; }
