/* verify.c: walks the heap and checks every law, in the order in which the headers state them.

   Everything below the youngest generation has been through a collection, so it parses: it is walked once to note where objects start, and
   once more to look at every slot.  References into the youngest generation are checked for range only.  The note of starts uses the marks,
   which are clear between collections.

   Torture that collects at every safe point verifies only what the collection worked on, from `from` up, and everything now and then. */
#include "heap/space.h"

#include <inttypes.h>

static NORETURN void broken(const Heap *h, const char *law, const Obj *p, Obj v) {
    must_die("heap law %s broken at %p (generation bases %#" PRIxPTR " %#" PRIxPTR " %#" PRIxPTR " %#" PRIxPTR ", free %p): word %#" PRIx64, law,
             (const void *)p, h->base[3], h->base[2], h->base[1], h->base[0], (void *)h->thread->free, v.w);
}

static void verify_starts(Heap *h) {
    const char *p = (const char *)h->verify_from;
    while (p < (const char *)h->base[0]) {
        Obj head = *(const Obj *)(const void *)p;
        if (is_header(head) && header_type(head) >= TYPE_COUNT) broken(h, "slide.parse", (const Obj *)(const void *)p, head);
        bit_set(h->marks, granule_of(h, (uintptr_t)p));
        p += bytes_at((const Obj *)(const void *)p);
    }
    if (p != (const char *)h->base[0]) broken(h, "slide.parse", (const Obj *)(const void *)p, NIL);
    for (int k = 0; k < FULL; k++)
        if (h->base[k] >= h->verify_from && h->base[k] < h->base[0] && !bit_test(h->marks, granule_of(h, h->base[k]))) broken(h, "generation bases", (const Obj *)h->base[k], NIL);
}

/* Is v a word that may stand in a slot? */
static void verify_word(Heap *h, const Obj *slot, Obj v) {
    if (is_header(v)) broken(h, "word.head", slot, v);
    if (is_handle(v) && (!h->shadow.valid || !h->shadow.valid(h->thread, v))) broken(h, "handle of no array", slot, v);
    if (!in_dynamic(h, v)) {
        if (refers_into(v, (uintptr_t)h->pure.start, (size_t)(h->pure.end - h->pure.start)) && !pure_is_start(h, v)) broken(h, "pure.start", slot, v);
        return;
    }
    uintptr_t at = address_of(v);
    if (at >= (uintptr_t)h->thread->free) broken(h, "reference beyond free", slot, v);
    if (at % GRANULE) broken(h, "word alignment", slot, v);
    if (at >= h->base[0] || at < h->verify_from) return;
    if (!bit_test(h->marks, granule_of(h, at))) broken(h, "reference to no object", slot, v);
    Obj head = *(const Obj *)at;
    if (is_header(head) != is_obj(v)) broken(h, "reference with the wrong tag", slot, v);
    if (is_header(head) && header_type(head) == TYPE_FILLER) broken(h, "reference to a filler", slot, v);
}

static void verify_slot(Heap *h, const Obj *slot) {
    verify_word(h, slot, *slot);
    if (!crosses(h, (uintptr_t)slot, *slot)) return;
    size_t g = granule_of(h, (uintptr_t)slot);
    if (!bit_test(h->remembered, g)) broken(h, "heap.age", slot, *slot);
    if (!bit_test(h->summary, g / 256)) broken(h, "remember.sum", slot, *slot);
}

static void verify_entries(Heap *h, const Obj *p) {
    if (is_obj(p[1 + ENTRIES_LINK])) broken(h, "weak link between collections", p, p[1 + ENTRIES_LINK]);
    if (!entries_are_listed(*p)) return;
    for (size_t low = 0, high = h->tables.count; low < high;) {
        size_t middle = (low + high) / 2;
        if (h->tables.items[middle] == (uintptr_t)p) return;
        if (h->tables.items[middle] < (uintptr_t)p) low = middle + 1;
        else high = middle;
    }
    broken(h, "list of tables", p, *p);
}

static void verify_object(Heap *h, const Obj *p) {
    Obj header = *p;
    if (!is_header(header)) {
        verify_slot(h, p);
        verify_slot(h, p + 1);
        return;
    }
    if (shapes[header_type(header)].layout == LAYOUT_RAW) return;
    if (header_type(header) == TYPE_HASH_ENTRIES) verify_entries(h, p);
    for (uint64_t i = 0; i < header_length(header); i++) verify_slot(h, p + 1 + i);
    if (!(header_length(header) & 1) && p[1 + header_length(header)].w) broken(h, "mark.pad", p, p[1 + header_length(header)]);
}

static void verify_root(void *heap, Obj *slots, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (!is_header(slots[i]) || strcmp(name, ROOT_STATIC_SYMBOLS) != 0) verify_word(heap, &slots[i], slots[i]);
}

static bool count_useless(Heap *h, Obj *pair, void *data) {
    size_t *useless = data;
    *useless += !crosses(h, (uintptr_t)pair, pair[0]) && !crosses(h, (uintptr_t)pair, pair[1]);
    return true;
}

size_t verify_above(Heap *h, uintptr_t from) {
    size_t useless = 0;
    h->verify_from = from;
    if (!(h->base[3] <= h->base[2] && h->base[2] <= h->base[1] && h->base[1] <= h->base[0] && h->base[0] <= (uintptr_t)h->thread->free))
        broken(h, "generation order", NULL, NIL);
    verify_starts(h);
    for (const Obj *p = (const Obj *)from; (uintptr_t)p < h->base[0]; p = (const Obj *)((uintptr_t)p + bytes_at(p))) verify_object(h, p);
    heap_visit_roots(h, verify_root, h);
    for (size_t i = 0; i < h->tables.count; i++)
        if (h->tables.items[i] >= from && !bit_test(h->marks, granule_of(h, h->tables.items[i])))
            broken(h, "list of tables", (const Obj *)h->tables.items[i], NIL);
    size_t first = granule_of(h, from) >> 6;
    memset(&h->marks[first], 0, 8 * ((granule_of(h, h->base[0]) >> 6) - first + 1));
    remembered_walk(h, (uintptr_t)h->start, h->base[0], count_useless, &useless);
    h->statistics.remembered_useless = useless;
    return useless;
}

size_t heap_verify(Heap *h) {
    recall_places(h);
    return verify_above(h, (uintptr_t)h->start);
}
