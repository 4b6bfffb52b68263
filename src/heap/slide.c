/* slide.c: where everything goes, and the moving of it.

   Live objects slide towards older addresses and keep their order, so their ages stay readable from their addresses (law 3).
   One sequential pass over the marks gives each block (1 KB) the place of its first live granule; the new address of anything is then

       start + 16 * (relocation[block] + popcount(marks of the block below it))

   and one more pass over the live objects forwards their slots and copies each down.  Sources are never overwritten before they are
   read: destinations only ever lie below.  The dense prefix, up to the first dead granule, is forwarded but not moved; when nothing
   behind it moves it is not even looked at.

   Large objects (32 KB and more) start at a block, so their place can be chosen apart from what lies before them: one stays where it is when
   the gap below it is less than an eighth of its size, and a filler takes the gap.  So a large vector is copied only when the garbage
   below it is worth the copy; the fillers cost at most an eighth of the large objects, and a compacting collection (memory is
   short) leaves none.

   Limit: block places are 32-bit granule numbers, so the area has at most 64 GB.

   Invariants
     slide.down   no object moves up
     slide.parse  the area below the new free address is objects, conses and fillers, end to end */
#include "heap/space.h"

enum { KEEP_SHARE = 8 };

/* The place of the large object that starts at granule g when everything before it ends at `to`. */
static size_t large_place(const Heap *h, size_t g, size_t to) {
    size_t size = bytes_at((const Obj *)address_of_granule(h, g)) / GRANULE;
    if (!h->compact && g - to <= size / KEEP_SHARE) return g;
    return bits_round_up(to, BLOCK / GRANULE);
}

/* Torture: a gap at the bottom, every other time, so that whatever lies there has moved by the next time. */
static size_t torture_gap(Heap *h, size_t first) {
    size_t gap = 3;
    h->torture_gap = !h->torture_gap;
    if (!is_tortured(h, TORTURE_MOVE) || !h->torture_gap) return 0;
    for (size_t i = 0; i < gap; i++)
        if (bit_test(h->marks, first + i)) return 0;
    return gap;
}

/* The first unmarked granule in [g, end). */
static size_t first_unmarked(const Heap *h, size_t g, size_t end) {
    uint64_t bits = ~h->marks[g >> 6] & ~bits_below(g);
    size_t w = g >> 6;
    while (!bits && w < end >> 6) bits = ~h->marks[++w];
    if (!bits) return end;
    g = w * 64 + (size_t)bits_lowest(bits);
    return g < end ? g : end;
}

uintptr_t slide_plan(Heap *h, uintptr_t from) {
    size_t first = granule_of(h, from), end = granule_of(h, h->mark_end), to = first;
    h->moved_from = address_of_granule(h, first_unmarked(h, first, end));
    if (h->moved_from < h->mark_end) to += torture_gap(h, first);
    for (size_t block = first >> 6; block <= end >> 6; block++) {
        uint64_t bits = h->marks[block];
        if (UNLIKELY(bit_test(h->large, block)) && to < block * 64) to = large_place(h, block * 64, to);
        if (block == first >> 6) { /* marks below `first` are of what stays */
            h->relocation[block] = (uint32_t)(to - (size_t)bits_count(bits & bits_below(first)));
            bits &= ~bits_below(first);
        } else {
            h->relocation[block] = (uint32_t)to;
        }
        to += (size_t)bits_count(bits);
    }
    return address_of_granule(h, to);
}

/* -- Forwarding -- */

void slide_forward_slots(void *heap, Obj *slots, size_t count, const char *name) {
    const Heap *h = heap;
    (void)name;
    for (size_t i = 0; i < count; i++) {
        Obj v = forward(h, slots[i]);
        if (!eq(v, slots[i])) slots[i] = v;
    }
}

/* Forwards the slots of the object with a header at p; returns its size. */
static size_t slide_forward_object(Heap *h, Obj *p) {
    Obj header = *p;
    const Shape *shape = &shapes[header_type(header)];
    if (shape->layout == LAYOUT_BOXED) {
        slide_forward_slots(h, p + 1, header_length(header), NULL);
    } else if (shape->layout == LAYOUT_WEAK) {
        if (header_type(header) == TYPE_HASH_ENTRIES)
            weak_forward_entries(h, p);
        else
            p[1 + WEAK_POINTER_VALUE] = forward(h, p[1 + WEAK_POINTER_VALUE]);
    }
    return header_bytes(header);
}

/* -- Moving -- */

/* Copies downwards by granules. */
static inline void slide_copy(Obj *to, const Obj *p, size_t bytes) {
    if (bytes > 512) {
        memmove(to, p, bytes);
        return;
    }
    for (size_t i = 0; i < bytes / 8; i += 2) {
        Obj a = p[i], b = p[i + 1];
        to[i] = a;
        to[i + 1] = b;
    }
}

/* Forwards and moves the run of live objects [p, end) to `to`; returns where they end.  A run is a stretch of marked granules. */
static Obj *slide_run_of_objects(Heap *h, Obj *p, const Obj *end, Obj *to) {
    while (p < end) {
        if (!is_header(*p)) {
            Obj a = forward(h, p[0]), d = forward(h, p[1]);
            to[0] = a;
            to[1] = d;
            p += 2;
            to += 2;
            continue;
        }
        if (UNLIKELY((uintptr_t)p % BLOCK == 0) && bit_test(h->large, granule_of(h, (uintptr_t)p) >> 6)) {
            Obj *place = (Obj *)forward_address(h, (uintptr_t)p);
            if (place != to) filler_put(to, (size_t)((char *)place - (char *)to));
            to = place;
        }
        size_t bytes = slide_forward_object(h, p);
        if (to != p) slide_copy(to, p, bytes);
        p = (Obj *)((char *)p + bytes);
        to = (Obj *)((char *)to + bytes);
    }
    return to;
}

/* The dense prefix: forwards without moving and without writing what stays the same. */
static void slide_forward_prefix(Heap *h, Obj *p, const Obj *end) {
    while (p < end) {
        if (is_header(*p)) {
            p = (Obj *)((char *)p + slide_forward_object(h, p));
        } else {
            slide_forward_slots(h, p, 2, NULL);
            p += 2;
        }
    }
}

void slide_run(Heap *h, uintptr_t from) {
    slide_forward_prefix(h, (Obj *)from, (const Obj *)h->moved_from);
    size_t g = granule_of(h, h->moved_from), end = granule_of(h, h->mark_end);
    Obj *to = (Obj *)h->moved_from;
    if (h->moved_from == from) { /* with a gap at the bottom, perhaps */
        to = (Obj *)forward_address(h, from);
        if ((uintptr_t)to != from) filler_put((void *)from, (uintptr_t)to - from);
    }
    while (g < end) {
        uint64_t bits = h->marks[g >> 6] >> (g & 63);
        if (!bits) {
            g = (g | 63) + 1;
            continue;
        }
        g += (size_t)bits_lowest(bits);
        if (g >= end) break;
        size_t stop = first_unmarked(h, g, end);
        to = slide_run_of_objects(h, (Obj *)address_of_granule(h, g), (const Obj *)address_of_granule(h, stop), to);
        g = stop;
    }
}

void slide_fill_gaps(Heap *h, uintptr_t from, uintptr_t to) {
    size_t g = granule_of(h, from), end = granule_of(h, to);
    while ((g = first_unmarked(h, g, end)) < end) {
        size_t stop = g;
        do {
            uint64_t bits = h->marks[stop >> 6] >> (stop & 63);
            if (bits) {
                stop += (size_t)bits_lowest(bits);
                break;
            }
            stop = (stop | 63) + 1;
        } while (stop < end);
        if (stop > end) stop = end;
        filler_put((void *)address_of_granule(h, g), (stop - g) * GRANULE);
        g = stop;
    }
}
