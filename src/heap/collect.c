/* collect.c: one collection, full or ephemeral; and when to do which.

   mark (mark.c, weak.c), plan, forward and slide (slide.c) are the same for every generation; an ephemeral collection only starts
   at the base of the oldest generation that it takes, and has the remembered set as one root more.

   Promotion is one step at a time (a young object that happens to be alive when a collection comes is not thrown among the old for that):

       collection of   g0        g0+g1             g0+g1+g2 and full
       g0 becomes      g1        g1                g1
       g1 becomes                g2                g2
       g2 becomes                                  tenured

   by nothing more than forwarding the bases.  Exception, one: when more than half of a good part of a nursery survives, the program is building
   something; then all is tenured at once, for it would only be marked again and again.

   A full collection first looks how much is dead among the tenured.  If that is little (under 1/32), the dead become fillers, the
   tenured stay where they are, and the rest is as in an ephemeral collection of g2: references from tenured to younger objects are known by
   the remembered set, so the tenured need not be forwarded.  Otherwise everything slides.

   Full collections happen on demand, when memory is short, and when the tenured generation has grown by three quarters of what the last
   full collection left alive (at least by the growth threshold): so their cost is proportional to what is tenured. */
#include "heap/space.h"

#include <malloc.h>
#include <stdio.h>

enum { TOLERATED = 32, KEEP_TOUCHED = 8, KEEP_FRUGAL = 1 << 16 };

void heap_visit_roots(Heap *h, RootVisitor visit, void *data) {
    visit(data, (Obj *)STATIC_SYMBOLS, (size_t)STATIC_SYMBOL_COUNT * SYMBOL_BYTES / sizeof(Obj), ROOT_STATIC_SYMBOLS); /* with their headers */
    for (unsigned i = 0; i < h->root_count; i++) h->roots[i].scan(h->thread, h->roots[i].data, visit, data);
}

/* -- The phases -- */

static void marks_clear(Heap *h) {
    size_t first = granule_of(h, h->from) >> 6, last = granule_of(h, h->mark_end) >> 6;
    memset(&h->marks[first], 0, 8 * (last - first + 1));
    memset(&h->large[first >> 6], 0, 8 * ((last >> 6) - (first >> 6) + 1));
}

static void phase_mark(Heap *h) {
    h->phase = HEAP_MARKING;
    weak_begin(h);
    finalizers_mark(h);
    mark_roots(h);
    mark_drain(h);
    weak_mark(h);
    weak_break(h);
    foreign_release_dead(h);
    if (h->shadow.sweep && heap_collects_all(h)) h->shadow.sweep(h->thread);
    must(!h->stack.count && !h->overflow);
}

/* Bytes that are marked in [from, to). */
static size_t marked_bytes(const Heap *h, uintptr_t from, uintptr_t to) {
    size_t g = granule_of(h, from), end = granule_of(h, to), sum = 0;
    for (size_t w = g >> 6; w < end >> 6; w++) sum += (size_t)bits_count(h->marks[w]);
    if (end & 63) sum += (size_t)bits_count(h->marks[end >> 6] & bits_below(end));
    return sum * GRANULE;
}

/* Where sliding starts.  In a full collection, above the tenured generation if little of it is dead. */
static uintptr_t phase_fill(Heap *h, int generation) {
    if (generation < FULL) return h->from;
    remembered_drop_dead(h, h->from, h->mark_end);
    size_t tenured = h->base[2] - h->from;
    if (h->compact || is_tortured(h, TORTURE_MOVE) || tenured - marked_bytes(h, h->from, h->base[2]) > tenured / TOLERATED) return h->from;
    slide_fill_gaps(h, h->from, h->base[2]);
    return h->base[2];
}

/* The bases after the collection. */
static void phase_promote(Heap *h, int generation, uintptr_t from, uintptr_t new_free) {
    uintptr_t young = h->base[2] > from ? h->base[2] : from; /* the collected part of the young generations */
    size_t collected = h->mark_end - young, survived = new_free - forward_address(h, young);
    uintptr_t b0 = forward_address(h, h->base[0]), b1 = h->base[1] >= from ? forward_address(h, h->base[1]) : h->base[1];
    if (generation >= 2) h->base[2] = b1;
    if (generation >= 1) h->base[1] = b0;
    h->base[0] = new_free;
    if (!h->egc || (survived > collected / 2 && survived > h->threshold[0] / 4)) h->base[2] = h->base[1] = new_free;
}

static void phase_slide(Heap *h, int generation) {
    uintptr_t from = phase_fill(h, generation);
    uintptr_t new_free = slide_plan(h, from);
    bool moves = h->moved_from < h->mark_end;
    h->phase = HEAP_FORWARDING;
    h->moves_tenured = generation == FULL && h->moved_from < h->base[2];
    phase_promote(h, generation, from, new_free);
    weak_forward_tables(h);
    weak_forward_old(h, from);
    if (moves) {
        heap_visit_roots(h, slide_forward_slots, h);
        finalizers_forward(h);
        foreign_forward(h);
        slide_run(h, from);
    }
    remembered_relocate(h, from);
    finalizers_tenure(h);
    h->thread->free = (char *)new_free;
    h->phase = HEAP_IDLE;
}

/* -- Afterwards -- */

/* Opens the nursery at `free`; arms the reserve again if there is room. */
static void nursery_open(Heap *h) {
    Thread *t = h->thread;
    char *soft = h->end - h->reserve;
    if (t->free + LARGE <= soft) h->soft_end = soft;
    if (is_tortured(h, TORTURE_MOVE) && h->soft_end - t->free > 4096) t->free += 48; /* dead: so everything will slide */
    size_t room = t->free < h->soft_end ? (size_t)(h->soft_end - t->free) : 0;
    t->limit = t->free + (room < h->threshold[0] ? room : h->threshold[0]);
    if (t->limit > t->free && h->torture_allocations) t->limit = t->free;
    t->young_base = h->base[0];
}

/* After a full collection: what lies well above the nursery goes back to the system, with its part of the tables; after one that (GC) asked for,
   the nursery too, so that the process has no more than it needs. */
static void memory_return(Heap *h) {
    Thread *t = h->thread;
    char *keep = h->frugal ? t->free + KEEP_FRUGAL : t->limit + (size_t)(t->free - h->start) / KEEP_TOUCHED;
    if (keep >= h->touched) return;
    size_t from = granule_of(h, (uintptr_t)keep) / 64 + 1, to = granule_of(h, (uintptr_t)h->touched) / 64;
    pages_discard(h->marks + from, h->marks + to);
    pages_discard(h->relocation + from, h->relocation + to);
    pages_discard(keep, h->touched);
    h->touched = keep;
}

static void schedule_full(Heap *h) {
    size_t live = h->base[2] - (uintptr_t)h->start, growth = live / 4 * 3;
    h->full_at = h->base[2] + h->foreign.bytes + (growth < h->growth_least ? h->growth_least : growth);
}

static void statistics_note(Heap *h, int generation, size_t before, uint64_t started, uint64_t run_before) {
    HeapStatistics *s = &h->statistics;
    uint64_t spent = clock_nanoseconds() - started;
    s->count[generation]++;
    s->nanoseconds[generation] += clock_run_nanoseconds() - run_before;
    if (spent > s->longest[generation]) s->longest[generation] = spent;
    s->marked[generation] += h->marked_any;
    s->live = (size_t)(h->thread->free - h->start);
    if (generation == FULL ? h->verbose_full : h->verbose)
        fprintf(stderr, ";; %s collection%s: %zu KB, %zu KB alive, %.3f ms\n", generation == FULL ? "full" : "ephemeral",
                generation == FULL ? "" : (const char *[]){" of g0", " of g1", " of g2"}[generation], before / 1024, s->live / 1024,
                (double)spent / 1e6);
}

/* -- A collection -- */

void heap_collect(Thread *t, int generation) {
    Heap *h = t->heap;
    uint64_t started = clock_nanoseconds(), run_before = clock_run_nanoseconds();
    size_t before = (size_t)(t->free - h->start);
    recall_places(h);
    if (generation == FULL && h->prepare) h->prepare(t);
    h->compact |= h->shortage == SHORTAGE_ASKED;
    h->from = h->base[generation];
    h->mark_end = (uintptr_t)t->free;
    h->moved_from = h->mark_end;
    h->marked_any = 0;
    if (t->free > h->touched) h->touched = t->free;
    h->statistics.allocated += (uintptr_t)t->free - h->base[0];
    phase_mark(h);
    phase_slide(h, generation);
    marks_clear(h);
    if (is_tortured(h, TORTURE_VERIFY)) torture_poison(h, (uintptr_t)t->free, h->mark_end);
    h->shortage = h->shortage == SHORTAGE_ASKED && generation == FULL ? SHORTAGE_COLLECTED : SHORTAGE_NONE;
    nursery_open(h);
    h->compact = false;
    if (generation == FULL) {
        schedule_full(h);
        memory_return(h);
        words_release(&h->stack);
    }
    for (unsigned i = 0; i < h->hook_count; i++) h->hooks[i](t);
    statistics_note(h, generation, before, started, run_before);
    if (is_tortured(h, TORTURE_VERIFY)) torture_verify(h, generation);
}

/* -- Policy -- */

void heap_request(Thread *t, int generation) {
    if (generation > t->heap->requested) t->heap->requested = generation;
    heap_raise(t, EVENT_COLLECT);
}

/* Is there less room than a nursery? */
static bool memory_is_short(const Heap *h) { return h->end - (ptrdiff_t)h->reserve - h->thread->free < (ptrdiff_t)h->threshold[0]; }

static int generation_due(const Heap *h) {
    uintptr_t free = (uintptr_t)h->thread->free;
    if (!h->egc || h->base[2] + h->foreign.bytes >= h->full_at || memory_is_short(h)) return FULL;
    if (free - h->base[2] >= h->threshold[2]) return 2;
    return free - h->base[1] >= h->threshold[1];
}

void heap_request_work(Thread *t, HeapWork work) {
    t->heap->work = work;
    heap_raise(t, EVENT_COLLECT);
}

bool heap_work_waits(const Heap *h) { return h->work; }

void heap_collect_now(Thread *t) {
    Heap *h = t->heap;
    if (h->work) {
        h->work(t);
        h->work = NULL;
        h->requested = -1;
        if (is_tortured(h, TORTURE_GC)) heap_raise(t, EVENT_COLLECT);
        return;
    }
    int generation = generation_due(h);
    if (h->requested > generation) generation = h->requested;
    h->frugal = h->requested == FULL;
    h->requested = -1;
    h->compact = memory_is_short(h);
    heap_collect(t, generation);
    if (h->frugal) malloc_trim(0); /* what unmapped units and closed streams had */
    h->frugal = false;
    if (generation < FULL && memory_is_short(h)) {
        h->compact = true;
        heap_collect(t, FULL);
    }
    if (is_tortured(h, TORTURE_GC)) heap_raise(t, EVENT_COLLECT);
}
