/* pure.c: the pure area: raw objects that live long, read-only, and no concern of the collector.

   The area is an address range of its own, below the dynamic one, with nothing but RAW objects in it, end to end:

       PURE_BASE                        free                                          end
         | code, names, numbers: read-only | no access ...                              |

   As raw objects hold no references (law 4), nothing here is ever marked, forwarded or scanned; a reference into it is outside of every range that the
   collector asks about.  So nothing here dies by itself either: what nobody refers to any more is wasted until all is taken back.

   Moving in (`pure_take`) follows a full collection, when all of [start, base[0]) is alive and parses: a mark bit says which objects go; each is copied,
   and its old copy's first raw word says where to; then every reference in the system is translated, and one more collection closes the gaps.
   What lies in foreign blocks (code of units) is kept in a sorted list instead, since blocks are not written to; when nothing refers to such a block any
   more it goes by that collection.

   Moving out (`pure_give_back`) finds what is referred to, with a bitmap over the area and the arithmetic of the slide (space.h): all granules of an
   object that is alive are marked, and its new place is the number of marks below it.  The live ones are packed at the end of the dynamic
   area, where they and everything are declared tenured, so that no age is wrong; the collection behind it sorts out the rest.

   Weak references follow what moves like others.  Those alone do not make an object count as used in `pure_survey`, but carry it out in
   `pure_give_back`, after which the collection breaks them by its own rules.

   Limit: the area has PURE_SIZE bytes of address space.

   Invariants
     pure.raw     the area holds RAW objects only, and parses from start to free
     pure.start   a reference into the area is tagged as an object and refers to the start of one
     pure.closed  between safe points no page of it is writable */
#include "heap/space.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static uintptr_t page_size(void) { return (uintptr_t)sysconf(_SC_PAGESIZE); }
static char *page_below(char *p) { return (char *)((uintptr_t)p & ~(page_size() - 1)); }
static char *page_above(char *p) { return page_below(p + page_size() - 1); }

static void pure_protect(char *from, char *to, int protection) {
    from = page_below(from);
    to = page_above(to);
    if (from < to && mprotect(from, (size_t)(to - from), protection) != 0) must_die("cannot change the protection of pure space");
}

static bool addresses_take(char *wanted, size_t bytes, char **at) {
    *at = pages_reserve(wanted, bytes);
    if (*at) pure_protect(*at, *at + bytes, PROT_NONE);
    return *at;
}

static bool area_begin(PureArea *a, size_t bytes) {
    size_t size = bytes ? bits_round_up(bytes, page_size()) : page_size();
    if (!addresses_take((char *)PURE_BASE, size, &a->start) && !addresses_take(NULL, size = PURE_SIZE, &a->start)) return false;
    a->free = a->start;
    a->end = a->start + size;
    return true;
}

/* Only what is needed is taken at first: limits of address space are kept, and a process that never purifies more saves the time.  Then all the rest,
   or if something lies in it what is needed. */
char *pure_reserve(Heap *h, size_t bytes) {
    PureArea *a = &h->pure;
    if (bytes > PURE_SIZE || (!a->start && !area_begin(a, bytes))) return NULL;
    char *limit = a->start + PURE_SIZE, *at;
    if (bytes > (size_t)(limit - a->free)) return NULL;
    if (bytes <= (size_t)(a->end - a->free)) return a->start;
    char *needed = page_above(a->free + bytes);
    if (addresses_take(a->end, (size_t)(limit - a->end), &at)) a->end = limit;
    else if (addresses_take(a->end, (size_t)(needed - a->end), &at)) a->end = needed;
    else return NULL;
    return a->start;
}

void pure_area(const Heap *h, char **start, char **end) {
    *start = h->pure.start;
    *end = h->pure.free;
}

void pure_set_area(Heap *h, char *start, char *end) {
    must(start && start == h->pure.start && end >= start && end <= h->pure.end && (uintptr_t)end % GRANULE == 0);
    h->pure.free = end;
    pure_protect(start, end, PROT_READ);
}

char *pure_extend(Heap *h, size_t bytes, int fd, uint64_t offset) {
    PureArea *a = &h->pure;
    char *used = a->free;
    size_t gap = used ? (size_t)(page_above(used) - used) : 0;
    if (!pure_reserve(h, gap + bytes)) return NULL;
    if (!used) used = a->free;
    if (mmap(used + gap, bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, (off_t)offset) == MAP_FAILED) return NULL;
    if (gap) { /* the rest of the last page becomes an object */
        pure_protect(used, used + gap, PROT_READ | PROT_WRITE);
        *(Obj *)(void *)used = header_make(TYPE_FILLER, 0, (gap - 8) / 8);
        pure_protect(used, used + gap, PROT_READ);
    }
    pure_set_area(h, a->start, used + gap + bytes);
    return used + gap;
}

size_t pure_bytes(const Heap *h) { return (size_t)(h->pure.free - h->pure.start); }

bool heap_contains(const Heap *h, const void *p) { return (const char *)p >= h->start && (const char *)p < h->end; }
bool pure_contains(const Heap *h, const void *p) { return (const char *)p >= h->pure.start && (const char *)p < h->pure.end; }

/* -- Where objects start: noted when somebody asks -- */

static size_t pure_granule(const Heap *h, uintptr_t at) { return (at - (uintptr_t)h->pure.start) / GRANULE; }

static void starts_extend(Heap *h) {
    PureArea *a = &h->pure;
    if (!a->starts && !(a->starts = pages_reserve(NULL, PURE_SIZE / GRANULE / 8))) must_die("no memory to look into pure space");
    if (!a->noted) a->noted = a->start;
    while (a->noted < a->free) {
        Obj header = *(const Obj *)(const void *)a->noted;
        if (!is_header(header) || header_type(header) >= TYPE_COUNT || shapes[header_type(header)].layout != LAYOUT_RAW)
            must_die("heap law pure.raw broken at %p: word %#lx", (void *)a->noted, (unsigned long)header.w);
        bit_set(a->starts, pure_granule(h, (uintptr_t)a->noted));
        a->noted += header_bytes(header);
    }
    if (a->noted != a->free) must_die("heap law pure.raw broken at the end of the area, %p", (void *)a->free);
}

bool pure_object_at(Heap *h, const void *p, Obj *x) {
    if (!pure_contains(h, p) || (const char *)p >= h->pure.free) return false;
    starts_extend(h);
    size_t g = pure_granule(h, (uintptr_t)p);
    while (!bit_test(h->pure.starts, g)) g--;
    *x = obj_of_address(h->pure.start + g * GRANULE);
    return true;
}

bool pure_is_start(Heap *h, Obj x) {
    starts_extend(h);
    return is_obj(x) && (char *)address_of(x) < h->pure.free && address_of(x) % GRANULE == 0 && bit_test(h->pure.starts, pure_granule(h, address_of(x)));
}

static void starts_forget(PureArea *a) {
    if (a->starts) pages_release(a->starts, PURE_SIZE / GRANULE / 8);
    a->starts = NULL;
    a->noted = NULL;
}

/* -- Every reference in the system -- */

/* What a walk does with each word that is a reference.  `strong_only`: it does not see weak ones. */
typedef struct Walk {
    Heap *heap;
    Obj (*translate)(struct Walk *walk, Obj x);
    bool strong_only;
    uint64_t *marks;      /* of granules of the pure area */
    uint32_t *relocation; /* the number of marks below each 64 granules */
    size_t bytes;         /* of objects marked */
    char *to;
} Walk;

static void walk_slot(Walk *w, Obj *slot) {
    if (!is_ref(*slot)) return;
    Obj v = w->translate(w, *slot);
    if (!eq(v, *slot)) *slot = v; /* NOBARRIER: nothing that moves here becomes younger than what refers to it */
}

static void walk_slots(void *walk, Obj *slots, size_t count, const char *name) {
    (void)name;
    for (size_t i = 0; i < count; i++) walk_slot(walk, &slots[i]);
}

static void walk_entries(Walk *w, Obj *words) {
    unsigned flags = header_flags(words[0]);
    uint64_t capacity = entries_capacity(words);
    for (uint64_t i = 0; i < capacity; i++) {
        Obj *key = entries_key(words, i), old = key[0];
        if (!w->strong_only || !(flags & ENTRIES_WEAK_KEY)) walk_slot(w, key);
        if (!w->strong_only || !(flags & ENTRIES_WEAK_VALUE)) walk_slot(w, key + 1);
        if (!eq(old, key[0]) && flags & ENTRIES_BY_ADDRESS) entries_note_moved(words, i);
    }
}

static void walk_object(Walk *w, Obj *p) {
    Obj header = *p;
    if (!is_header(header)) {
        walk_slots(w, p, 2, NULL);
    } else if (header_type(header) == TYPE_HASH_ENTRIES) {
        walk_entries(w, p);
    } else if (header_type(header) == TYPE_WEAK_POINTER) {
        if (!w->strong_only) walk_slot(w, &p[1 + WEAK_POINTER_VALUE]);
    } else if (shapes[header_type(header)].layout == LAYOUT_BOXED) {
        walk_slots(w, p + 1, header_length(header), NULL);
    }
}

static void walk_finalizers(Walk *w, FinalizerTable *table, bool strong) {
    for (size_t i = 0; i < table->count; i++) {
        if (strong || !w->strong_only) walk_slot(w, &table->items[i].object);
        walk_slot(w, &table->items[i].function);
    }
}

/* Everything below base[0] has just been through a full collection. */
static void walk_all(Walk *w) {
    Heap *h = w->heap;
    heap_visit_roots(h, walk_slots, w);
    walk_finalizers(w, &h->finalizers, false);
    walk_finalizers(w, &h->ready, true);
    for (Obj *p = (Obj *)h->start; (uintptr_t)p < h->base[0]; p = (Obj *)((uintptr_t)p + bytes_at(p))) walk_object(w, p);
}

/* A full collection after which the live objects lie without gaps. */
static void collect_closely(Thread *t) {
    t->heap->compact = true;
    heap_collect(t, FULL);
}

/* -- Moving in -- */

static bool in_static(Obj x) { return refers_into(x, STATIC_BASE, STATIC_SIZE); }

void pure_choose(Heap *h, Obj x) {
    if (!is_obj(x) || pure_contains(h, obj_words(x)) || in_static(x)) return;
    must(shapes[obj_type(x)].layout == LAYOUT_RAW && obj_type(x) != TYPE_FILLER);
    if (!in_dynamic(h, x)) {
        if (!words_push(&h->pure.blocks, address_of(x))) must_die("no memory for the list of code to purify");
    } else if (!is_marked(h, x)) {
        bit_set(h->marks, granule_of(h, address_of(x)));
        h->pure.chosen += header_bytes(obj_header(x));
    }
}

static int compare_addresses(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Makes a sorted list of what lies in blocks, each once, and room for the addresses of the copies. */
static void blocks_sort(PureArea *a) {
    size_t all = a->blocks.count;
    if (!all) return;
    a->sorted = malloc(8 * all);
    a->block_copies = calloc(all, 8);
    if (!a->sorted || !a->block_copies) must_die("no memory for the list of code to purify");
    memcpy(a->sorted, a->blocks.items, 8 * all);
    qsort(a->sorted, all, 8, compare_addresses);
    for (size_t i = 0; i < all; i++) {
        uint64_t at = a->sorted[i];
        if (a->sorted_count && a->sorted[a->sorted_count - 1] == at) continue;
        a->sorted[a->sorted_count++] = at;
        a->chosen += header_bytes(*(const Obj *)(uintptr_t)at);
    }
}

/* Where the address of the copy of what lies at `at` in a block is kept; NULL if that is not in the list. */
static uint64_t *block_copy(const PureArea *a, uint64_t at) {
    const uint64_t *found = a->sorted_count ? bsearch(&at, a->sorted, a->sorted_count, 8, compare_addresses) : NULL;
    return found ? &a->block_copies[found - a->sorted] : NULL;
}

static void blocks_forget(PureArea *a) {
    words_release(&a->blocks);
    free(a->sorted);
    free(a->block_copies);
    a->sorted = a->block_copies = NULL;
    a->sorted_count = 0;
}

static void choose_all(Heap *h, const PurePolicy *policy) {
    h->pure.chosen = 0;
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++) policy->choose(h, obj_of_address((void *)(STATIC_SYMBOLS + SYMBOL_BYTES * i)));
    for (Obj *p = (Obj *)h->start; (uintptr_t)p < h->base[0]; p = (Obj *)((uintptr_t)p + bytes_at(p)))
        if (is_header(*p)) policy->choose(h, obj_of_address(p));
    blocks_sort(&h->pure);
}

static Obj copy_one(Heap *h, const Obj *p) {
    Obj copy = obj_of_address(h->pure.free);
    memcpy(h->pure.free, p, header_bytes(*p));
    h->pure.free += header_bytes(*p);
    return copy;
}

/* Copies the chosen objects that are code, or those that are not: so code lies together. */
static void chosen_copy(Heap *h, bool code) {
    for (Obj *p = (Obj *)h->start; (uintptr_t)p < h->base[0]; p = (Obj *)((uintptr_t)p + bytes_at(p)))
        if (is_header(*p) && is_marked(h, obj_of_address(p)) && (header_type(*p) == TYPE_CODE) == code) p[1] = copy_one(h, p);
}

/* In the order in which the heap's objects refer to them: where a unit is mapped says nothing (image.same). */
static void blocks_copy(Heap *h, const PurePolicy *policy) {
    for (size_t i = 0; i < h->pure.blocks.count; i++) {
        uint64_t at = h->pure.blocks.items[i], *to = block_copy(&h->pure, at);
        if (*to) continue;
        Obj copy = copy_one(h, (const Obj *)at);
        policy->copied(copy);
        *to = copy.w;
    }
}

static Obj translate_chosen(Walk *w, Obj x) {
    const Heap *h = w->heap;
    const PureArea *a = &h->pure;
    if (in_dynamic(h, x)) return is_marked(h, x) ? obj_words(x)[1] : x;
    if (!is_obj(x) || in_static(x)) return x;
    const uint64_t *copy = block_copy(a, address_of(x));
    return copy ? ((Obj){*copy}) : x;
}

static void chosen_move(Thread *t, const PurePolicy *policy) {
    Heap *h = t->heap;
    char *from = h->pure.free;
    pure_protect(from, from + h->pure.chosen, PROT_READ | PROT_WRITE);
    chosen_copy(h, true);
    blocks_copy(h, policy);
    chosen_copy(h, false);
    pure_protect(from, h->pure.free, PROT_READ);
    if (h->pure.blocks.count)
        for (Obj *p = (Obj *)h->start; (uintptr_t)p < h->base[0]; p = (Obj *)((uintptr_t)p + bytes_at(p)))
            if (is_header(*p)) policy->leave(t, obj_of_address(p));
    Walk w = {.heap = h, .translate = translate_chosen};
    walk_all(&w);
}

static void clear_all_marks(Heap *h) { memset(h->marks, 0, 8 * ((granule_of(h, h->base[0]) >> 6) + 1)); }

bool pure_take(Thread *t, const PurePolicy *policy) {
    Heap *h = t->heap;
    collect_closely(t);
    choose_all(h, policy);
    bool room = pure_reserve(h, h->pure.chosen), any = room && h->pure.chosen;
    if (any) chosen_move(t, policy);
    clear_all_marks(h);
    blocks_forget(&h->pure);
    if (any) collect_closely(t);
    return room;
}

/* -- What is used -- */

static bool tables_make(Walk *w, Heap *h) {
    size_t granules = pure_bytes(h) / GRANULE;
    w->heap = h;
    w->marks = pages_reserve(NULL, (granules / 64 + 1) * 8);
    w->relocation = w->marks ? pages_reserve(NULL, (granules / 64 + 1) * 4) : NULL;
    if (w->marks && !w->relocation) pages_release(w->marks, (granules / 64 + 1) * 8);
    return w->relocation;
}

static void tables_release(Walk *w) {
    size_t granules = pure_bytes(w->heap) / GRANULE;
    pages_release(w->marks, (granules / 64 + 1) * 8);
    pages_release(w->relocation, (granules / 64 + 1) * 4);
}

static Obj translate_note(Walk *w, Obj x) {
    const Heap *h = w->heap;
    if (!refers_into(x, (uintptr_t)h->pure.start, pure_bytes(h))) return x;
    size_t g = pure_granule(h, address_of(x)), bytes = header_bytes(obj_header(x));
    if (bit_test(w->marks, g)) return x;
    w->bytes += bytes;
    for (size_t i = 0; i < bytes / GRANULE; i++) bit_set(w->marks, g + i);
    return x;
}

bool pure_survey(Thread *t, size_t *used) {
    Walk w = {.translate = translate_note, .strong_only = true};
    *used = 0;
    if (!pure_bytes(t->heap)) return true;
    heap_collect(t, FULL);
    if (!tables_make(&w, t->heap)) return false;
    walk_all(&w);
    tables_release(&w);
    *used = w.bytes;
    return true;
}

void pure_census(const Heap *h, Census *census) {
    *census = (Census){0};
    for (const char *p = h->pure.start; p < h->pure.free;) {
        Obj header = *(const Obj *)(const void *)p;
        census->count[header_type(header)]++;
        census->bytes[header_type(header)] += header_bytes(header);
        p += header_bytes(header);
    }
}

/* -- Moving out -- */

static Obj translate_out(Walk *w, Obj x) {
    const Heap *h = w->heap;
    if (!refers_into(x, (uintptr_t)h->pure.start, pure_bytes(h))) return x;
    size_t g = pure_granule(h, address_of(x));
    size_t below = w->relocation[g >> 6] + (size_t)bits_count(w->marks[g >> 6] & bits_below(g));
    return obj_of_address(w->to + below * GRANULE);
}

/* Packs the granules that are marked at w->to. */
static void live_copy(Walk *w) {
    size_t words = pure_bytes(w->heap) / GRANULE / 64 + 1, below = 0;
    for (size_t i = 0; i < words; i++) {
        w->relocation[i] = (uint32_t)below;
        for (uint64_t bits = w->marks[i]; bits; bits &= bits - 1)
            memcpy(w->to + GRANULE * below++, w->heap->pure.start + GRANULE * (i * 64 + (size_t)bits_lowest(bits)), GRANULE);
    }
}

/* The area as it was when it was reserved: whatever was mapped there is gone. */
static void pure_empty(Heap *h) {
    PureArea *a = &h->pure;
    char *end = page_above(a->free);
    if (mmap(a->start, (size_t)(end - a->start), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        must_die("cannot empty pure space");
    a->free = a->start;
    starts_forget(a);
}

bool pure_give_back(Thread *t) {
    Heap *h = t->heap;
    Walk w = {.translate = translate_note};
    if (!pure_bytes(h)) return true;
    collect_closely(t);
    if (!tables_make(&w, h)) return false;
    walk_all(&w);
    bool room = (size_t)(h->soft_end - (char *)h->base[0]) >= w.bytes;
    if (room) {
        w.to = (char *)h->base[0]; /* the nursery is empty: torture's gap at most lies behind */
        live_copy(&w);
        w.translate = translate_out;
        walk_all(&w);
        t->free = w.to + w.bytes;
        h->base[0] = h->base[1] = h->base[2] = (uintptr_t)t->free;
    }
    tables_release(&w);
    if (!room) return false;
    pure_empty(h);
    collect_closely(t);
    return true;
}
