/* barrier.c: the remembered set: which granules of older generations may refer to younger ones.

   Two bitmaps, `remembered` with a bit a granule and `summary` with a bit for 256 of them (4 KB of heap), so that a walk costs what
   was touched: a gigabyte of heap has 32 KB of summary.  Noting is idempotent: what is noted already costs nothing more to scan.

   The barrier's filter (set_slot in heap.h) lets through stores of a younger address into an older one; here those within one
   generation are dropped too.  Generations only ever merge (a boundary moves to where an older one was, or up to `free`), so a
   reference that crosses no boundary now crosses none later, and bits need never be found by scanning: they are noted by stores,
   carried along when their granule moves, and cleared when a scan finds that they have become useless.

   Invariants
     heap.age      (heap.h) as seen from here: a slot that `crosses` has its granule's bit set
     remember.sum  the summary bit of every set bit is set */
#include "heap/space.h"

enum { SUMMARY = 256, SUMMARY_WORDS = SUMMARY / 64, BATCH = 64 };

void remembered_set(Heap *h, size_t g) {
    bit_set(h->remembered, g);
    bit_set(h->summary, g / SUMMARY);
}

void barrier_note(Thread *t, Obj *slot) {
    Heap *h = t->heap;
    uintptr_t at = (uintptr_t)slot;
    if (at >= (uintptr_t)h->start) {
        if (crosses(h, at, *slot)) remembered_set(h, granule_of(h, at));
    } else if (at >= h->shadow.from) { /* below that is the static page, which is scanned whole by every collection */
        h->shadow.note(t, slot);
    }
}

/* The first s in [s, end) whose summary bit is set, or end. */
static size_t next_summary(const Heap *h, size_t s, size_t end) {
    while (s < end) {
        uint64_t bits = h->summary[s >> 6] >> (s & 63);
        if (bits) {
            s += (size_t)bits_lowest(bits);
            return s < end ? s : end;
        }
        s = (s | 63) + 1;
    }
    return end;
}

/* Those bits of word w that are of granules in [g, end). */
static uint64_t word_within(uint64_t bits, size_t w, size_t g, size_t end) {
    if (w < g >> 6 || w > (end - 1) >> 6) return 0;
    if (w == g >> 6) bits &= ~bits_below(g);
    if (w == end >> 6) bits &= bits_below(end);
    return bits;
}

/* Visits the granules of a batch, then forgets those that proved useless, and the summary bits over them. */
static void batch_visit(Heap *h, const size_t *batch, size_t count, GranuleVisitor visit, void *data) {
    for (size_t i = 0; i < count; i++) {
        if (visit(h, (Obj *)address_of_granule(h, batch[i]), data)) continue;
        bit_clear(h->remembered, batch[i]);
        const uint64_t *words = &h->remembered[batch[i] / SUMMARY * SUMMARY_WORDS];
        if (!(words[0] | words[1] | words[2] | words[3])) bit_clear(h->summary, batch[i] / SUMMARY);
    }
}

/* Remembered granules are scattered over old memory, so each would be a cache miss: they are taken in batches and prefetched. */
void remembered_walk(Heap *h, uintptr_t from, uintptr_t to, GranuleVisitor visit, void *data) {
    if (from >= to) return;
    size_t batch[BATCH + SUMMARY], count = 0;
    size_t g = granule_of(h, from), end = granule_of(h, to), last = (end - 1) / SUMMARY + 1;
    for (size_t s = next_summary(h, g / SUMMARY, last); s < last; s = next_summary(h, s + 1, last)) {
        for (size_t w = s * SUMMARY_WORDS; w < (s + 1) * SUMMARY_WORDS; w++) {
            for (uint64_t bits = word_within(h->remembered[w], w, g, end); bits; bits &= bits - 1) {
                batch[count] = w * 64 + (size_t)bits_lowest(bits);
                __builtin_prefetch((const void *)address_of_granule(h, batch[count++]), 1);
            }
        }
        if (count < BATCH) continue;
        batch_visit(h, batch, count, visit, data);
        count = 0;
    }
    batch_visit(h, batch, count, visit, data);
}

void remembered_relocate(Heap *h, uintptr_t from) {
    if (from >= h->mark_end) return;
    size_t g = granule_of(h, from), end = granule_of(h, h->mark_end), last = (end - 1) / SUMMARY + 1;
    for (size_t s = next_summary(h, g / SUMMARY, last); s < last; s = next_summary(h, s + 1, last)) {
        uint64_t old[SUMMARY_WORDS], kept = 0;
        for (size_t i = 0; i < SUMMARY_WORDS; i++) {
            size_t w = s * SUMMARY_WORDS + i;
            old[i] = word_within(h->remembered[w], w, g, end);
            kept |= h->remembered[w] &= ~old[i];
        }
        if (!kept) bit_clear(h->summary, s);
        for (size_t i = 0; i < SUMMARY_WORDS; i++) {
            size_t w = s * SUMMARY_WORDS + i;
            for (uint64_t bits = old[i] & h->marks[w]; bits; bits &= bits - 1) {
                uintptr_t at = forward_address(h, address_of_granule(h, w * 64 + (size_t)bits_lowest(bits)));
                const Obj *pair = (const Obj *)at;
                if (crosses(h, at, pair[0]) || crosses(h, at, pair[1])) remembered_set(h, granule_of(h, at));
            }
        }
    }
}

static bool granule_is_alive(Heap *h, Obj *pair, void *data) {
    (void)data;
    return bit_test(h->marks, granule_of(h, (uintptr_t)pair));
}

void remembered_drop_dead(Heap *h, uintptr_t from, uintptr_t to) { remembered_walk(h, from, to, granule_is_alive, NULL); }
