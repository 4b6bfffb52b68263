/* mark.c: finds what is alive.

   An object is marked when it is first seen, by the bit of its first granule; when its turn comes, the bits of its other granules are
   set and its slots are seen.  Between the two it passes a short queue, entered with a prefetch, so that several cache misses are under
   way at once.  The stack is pushed CDR first, so that a long list needs no depth; a chain the other way round does.

   The stack is bounded (a part of the heap's size, and the system may refuse memory when it is wanted most).  What it cannot take is
   dropped, marked as it is, and the lowest such address kept.  When the stack has run empty all marked objects from there up are
   scanned once more: objects are parsed from one marked granule to the next, which works because every object below has all its
   granules marked.  Each such round marks at least a stack's fill of new objects, so there are few.

   Long vectors are seen by pieces: the rest is kept on the stack as a range (its end, then its beginning with the tag of an immediate).

   Invariants
     mark.all   when marking ends, all granules of a marked object are marked
     mark.pad   the padding word of an object that has been marked is zero: the remembered set sees whole granules
     mark.from  nothing below `from` is marked or looked into, save remembered granules */
#include "heap/space.h"

enum { QUEUE = 8, PIECE = 256 };

static void mark_overflow(Heap *h, uintptr_t at) {
    if (!h->overflow || at < h->overflow) h->overflow = at;
}

static inline void mark_word(Heap *h, uintptr_t from, size_t span, Obj x) {
    if (!refers_into(x, from, span)) {
        if (UNLIKELY(is_handle(x)) && from == (uintptr_t)h->start) h->shadow.mark(h->thread, x);
        return;
    }
    size_t g = granule_of(h, x.w);
    uint64_t bit = UINT64_C(1) << (g & 63), *word = &h->marks[g >> 6];
    if (*word & bit) return;
    *word |= bit;
    if (UNLIKELY(!words_push(&h->stack, x.w))) mark_overflow(h, address_of(x));
}

void mark_reference(Heap *h, Obj x) { mark_word(h, h->from, h->mark_end - h->from, x); }

/* Sets the marks of granules [g, g + n). */
static void mark_granules(uint64_t *marks, size_t g, size_t n) {
    size_t last = g + n - 1;
    uint64_t low = ~bits_below(g), high = ~UINT64_C(0) >> (63 - (last & 63));
    if (g >> 6 == last >> 6) {
        marks[g >> 6] |= low & high;
        return;
    }
    marks[g >> 6] |= low;
    memset(&marks[(g >> 6) + 1], 0xFF, 8 * ((last >> 6) - (g >> 6) - 1));
    marks[last >> 6] |= high;
}

/* Sees the slots [p, end); only a piece of them if there are many. */
static void mark_slots(Heap *h, uintptr_t from, size_t span, const Obj *p, const Obj *end) {
    if (UNLIKELY(end - p > PIECE)) {
        /* The range takes two words of the stack, both or none. */
        if (h->stack.capacity - h->stack.count >= 2 || words_grow(&h->stack)) {
            h->stack.items[h->stack.count++] = (uintptr_t)end;
            h->stack.items[h->stack.count++] = (uintptr_t)(p + PIECE) | TAG_IMM;
            end = p + PIECE;
        }
    }
    for (; p < end; p++) mark_word(h, from, span, *p);
}

void mark_range(Heap *h, const Obj *p, const Obj *end) { mark_slots(h, h->from, h->mark_end - h->from, p, end); }

static void mark_object(Heap *h, uintptr_t from, size_t span, Obj *p) {
    Obj header = *p;
    const Shape *shape = &shapes[header_type(header)];
    size_t g = granule_of(h, (uintptr_t)p), bytes = header_bytes(header);
    if (bytes > GRANULE) mark_granules(h->marks, g, bytes / GRANULE);
    if (UNLIKELY(bytes >= LARGE) && (uintptr_t)p % BLOCK == 0) bit_set(h->large, g >> 6);
    if (shape->layout == LAYOUT_RAW) return;
    Obj *padding = p + 1 + header_length(header); /* mark.pad */
    if (!(header_length(header) & 1) && padding->w) padding->w = 0;
    if (UNLIKELY(shape->layout == LAYOUT_WEAK)) {
        weak_found(h, p);
        return;
    }
    mark_slots(h, from, span, p + 1, p + 1 + header_length(header));
}

static inline void mark_scan(Heap *h, uintptr_t from, size_t span, Obj x) {
    h->marked_any++;
    if (UNLIKELY(h->triggers != NULL)) weak_reached(h, x);
    if ((x.w & TAG_MASK) == TAG_CONS) {
        mark_word(h, from, span, cons_slots(x)[1]);
        mark_word(h, from, span, cons_slots(x)[0]);
    } else {
        mark_object(h, from, span, obj_words(x));
    }
}

/* Empties the stack through the queue. */
static void mark_stack(Heap *h) {
    uintptr_t from = h->from;
    size_t span = h->mark_end - from;
    Obj queue[QUEUE] = {0};
    unsigned at = 0, held = 0;
    for (;;) {
        Obj x = queue[at];
        if (h->stack.count) {
            Obj y = {h->stack.items[--h->stack.count]};
            if (UNLIKELY((y.w & TAG_MASK) == TAG_IMM)) {
                const Obj *end = (const Obj *)(uintptr_t)h->stack.items[--h->stack.count];
                mark_slots(h, from, span, (const Obj *)(uintptr_t)(y.w - TAG_IMM), end);
                continue;
            }
            __builtin_prefetch((const void *)address_of(y));
            queue[at] = y;
            held += !x.w;
        } else {
            if (!held) return;
            queue[at].w = 0;
            held -= !!x.w;
        }
        at = (at + 1) % QUEUE;
        if (x.w) mark_scan(h, from, span, x);
    }
}

/* The next marked granule at or above g, or `end`. */
static size_t next_marked(const Heap *h, size_t g, size_t end) {
    if (g >= end) return end;
    uint64_t bits = h->marks[g >> 6] & ~bits_below(g);
    size_t word = g >> 6, last = (end - 1) >> 6;
    while (!bits) {
        if (word == last) return end;
        bits = h->marks[++word];
    }
    g = word * 64 + (size_t)bits_lowest(bits);
    return g < end ? g : end;
}

static void mark_rest(Heap *h) {
    mark_stack(h);
    while (h->overflow) {
        size_t g = granule_of(h, h->overflow), end = granule_of(h, h->mark_end);
        h->overflow = 0;
        for (g = next_marked(h, g, end); g < end; g = next_marked(h, g, end)) {
            Obj *p = (Obj *)address_of_granule(h, g);
            mark_scan(h, h->from, h->mark_end - h->from, reference_to(p));
            g += bytes_at(p) / GRANULE;
            mark_stack(h);
        }
    }
}

/* What is marked may be handles, whose arrays refer to more. */
void mark_drain(Heap *h) {
    do mark_rest(h);
    while (h->shadow.drain && h->shadow.drain(h->thread));
}

/* At once, not by pieces: the words may be gone when their turn comes. */
void heap_trace(Heap *h, const Obj *from, const Obj *to) {
    for (; from < to; from++) mark_word(h, h->from, h->mark_end - h->from, *from);
}

void heap_reached(Heap *h, Obj handle) {
    h->marked_any++;
    if (h->triggers) weak_reached(h, handle);
}

static void mark_root_slots(void *heap, Obj *slots, size_t count, const char *name) {
    Heap *h = heap;
    (void)name;
    for (size_t i = 0; i < count; i++) mark_word(h, h->from, h->mark_end - h->from, slots[i]);
    if (h->stack.count > 4096) mark_stack(h);
}

static bool mark_pair(Heap *h, Obj *pair, void *data) {
    (void)data;
    if (UNLIKELY(h->old_tables) && weak_touched(h, pair)) return true;
    if (UNLIKELY(is_header(pair[0]) && header_type(pair[0]) == TYPE_WEAK_POINTER)) {
        if (refers_into(pair[1], h->from, h->mark_end - h->from)) weak_found(h, pair);
        return true;
    }
    mark_word(h, h->from, h->mark_end - h->from, pair[1]);
    mark_word(h, h->from, h->mark_end - h->from, pair[0]);
    return true;
}

/* Marks from the roots and from the remembered set below `from`.  The slots of listed tables are weak.c's affair. */
void mark_roots(Heap *h) {
    heap_visit_roots(h, mark_root_slots, h);
    mark_stack(h);
    remembered_walk(h, (uintptr_t)h->start, h->from, mark_pair, NULL);
    mark_stack(h);
}
