/* trace.c: swapped arrays as the collector sees them.

   A full collection meets handles.  Each is marked once, and what its block refers to is traced: where it lies in the buffer, or as it is read from
   shadow space (only the part with references is read), and its links.  What was not marked is freed.  If tenured objects move, every block that is
   away is read, forwarded and, if that changed it, written; a block in the buffer is forwarded there and found changed when it is evicted.

   An ephemeral collection looks only at entries with SWAP_YOUNG: at the links of those that are away (swap.young), and at the whole of those that are in
   the buffer.  An entry gets the flag when it is evicted with links, fetched with links, or when a reference was stored into a page of it.

   A block that cannot be read, or is damaged, is noted as broken: whoever fetches it gets the error.  What only it referred to is gone; it was
   unreachable before.  When a forwarded block cannot be written, all its words become links: nothing is lost, and memory is what it costs. */
#include "swap/inside.h"

#include <stdlib.h>

static const char root_name[] = ROOT_SHADOW;

/* -- Marking -- */

static void trace_mark(Thread *t, Obj handle) {
    Swap *s = t->world->swap;
    SwapEntry *e = swap_entry(t, handle);
    if (e->flags & SWAP_MARKED) return;
    e->flags |= SWAP_MARKED;
    if (e->boxed && !words_push(&s->waiting, handle_index(handle))) must_die("no memory to trace swapped arrays");
    heap_reached(t->heap, handle);
}

/* What stands in shadow space where links are may be references of long ago (links_take_all). */
static void links_blank(const SwapEntry *e, char *p) {
    for (uint64_t i = 0; e->links && i < e->links->count; i++) ((Obj *)(void *)p)[e->links->items[i].word] = obj_of_fix(0);
}

static void entry_trace(Swap *s, SwapEntry *e) {
    Heap *h = s->thread->heap;
    char *p = e->place;
    if (!p) {
        if (block_read_boxed(s, e, &p) != SWAP_FINE) {
            e->flags |= SWAP_BROKEN;
            p = NULL;
        } else links_blank(e, p);
    }
    if (p) heap_trace(h, (const Obj *)(void *)p, (const Obj *)(void *)p + 2 * (size_t)e->boxed);
    for (uint64_t i = 0; e->links && i < e->links->count; i++) heap_trace(h, &e->links->items[i].value, &e->links->items[i].value + 1);
}

static bool trace_drain(Thread *t) {
    Swap *s = t->world->swap;
    bool any = s->waiting.count;
    while (s->waiting.count) {
        uint64_t index = s->waiting.items[--s->waiting.count];
        entry_trace(s, &s->entries[index]);
    }
    return any;
}

static void trace_look(Thread *t, Obj handle, RootVisitor visit, void *data) {
    Obj first = swap_look(t, handle);
    if (!is_nil(first)) block_slots((char *)address_of(first), swap_entry(t, handle)->boxed, visit, data, root_name);
}

static bool trace_alive(Thread *t, Obj handle) { return swap_entry(t, handle)->flags & SWAP_MARKED; }

/* -- Freeing -- */

/* Finds the free extents of shadow space anew. */
static void shadow_compact(Swap *s) {
    uint64_t *used = malloc(8 * (s->count + 1));
    size_t count = 0;
    if (!used) return;
    for (uint64_t i = 1; i <= s->count; i++) {
        const SwapEntry *e = &s->entries[i];
        if (e->stored && !(e->flags & SWAP_ELSEWHERE)) used[count++] = (uint64_t)e->offset << 32 | e->stored;
    }
    shadow_rebuild(&s->shadow, used, count);
    free(used);
}

/* The list of young entries without those that are no more: their indices will be used again. */
static void young_keep(Swap *s) {
    size_t kept = 0;
    for (size_t i = 0; i < s->young.count; i++)
        if (s->entries[s->young.items[i]].flags & SWAP_YOUNG) s->young.items[kept++] = s->young.items[i];
    s->young.count = kept;
}

static void trace_sweep(Thread *t) {
    Swap *s = t->world->swap;
    uint64_t freed = 0;
    s->pins.count = 0;
    for (uint64_t i = 1; i <= s->count; i++) {
        SwapEntry *e = &s->entries[i];
        if (!e->size) continue;
        if (e->flags & SWAP_MARKED) {
            e->flags &= (uint8_t)~SWAP_MARKED;
            continue;
        }
        if (e->place) buffer_drop(s, e);
        s->hits += e->hits;
        handle_release(s, e);
        freed++;
    }
    s->freed += freed;
    handles_trim(s);
    if (!freed) return;
    young_keep(s);
    shadow_compact(s);
}

/* -- Visiting references -- */

typedef struct Visit {
    RootVisitor visit;
    void *data;
} Visit;

static void links_visit(SwapEntry *e, const Visit *v) {
    for (uint64_t i = 0; e->links && i < e->links->count; i++) v->visit(v->data, &e->links->items[i].value, 1, root_name);
}

/* All words of the block become links, since it cannot be written. */
static void links_take_all(Swap *s, SwapEntry *e, const Obj *words) {
    SwapLinks *all = malloc(sizeof(SwapLinks) + (size_t)e->boxed * 2 * sizeof(SwapLink));
    if (!all) must_die("neither shadow space nor memory for a swapped array");
    all->count = 0;
    for (uint64_t i = 0; i < (uint64_t)e->boxed * 2; i++)
        if (is_ref(words[i]) && !(words[i].w >> 63)) all->items[all->count++] = (SwapLink){i, words[i]};
    for (uint64_t i = 0; e->links && i < e->links->count; i++) all->items[all->count++] = e->links->items[i];
    free(e->links);
    e->links = all;
    entry_note_young(s, e);
}

/* A block that is away: its stored references. */
static void stored_visit(Swap *s, SwapEntry *e, const Visit *v) {
    char *p = block_scratch(s, (size_t)e->size * GRANULE);
    if (block_read(s, e, p) != SWAP_FINE) {
        e->flags |= SWAP_BROKEN;
        return;
    }
    links_blank(e, p);
    block_slots(p, e->boxed, v->visit, v->data, root_name);
    if (block_check_boxed(e, p) == e->check_boxed) return;
    e->flags |= SWAP_MOVED;
    if (!block_write(s, e, p)) links_take_all(s, e, (const Obj *)(const void *)p);
}

static void buffered_visit(Swap *s, SwapEntry *e, void *data) {
    const Visit *v = data;
    (void)s;
    uint32_t before = block_check_boxed(e, e->place);
    block_slots(e->place, e->boxed, v->visit, v->data, root_name);
    if (block_check_boxed(e, e->place) != before) e->flags |= SWAP_MOVED;
}

/* Notes the entries in the buffer whose pages were stored into. */
static void note_dirty(Swap *s, SwapEntry *e, void *data) {
    (void)data;
    size_t first = (size_t)(e->place - s->buffer) / SWAP_PAGE, last = (size_t)(e->place + (size_t)e->boxed * GRANULE - s->buffer) / SWAP_PAGE;
    for (size_t i = first; e->boxed && i <= last; i++)
        if (s->dirty[i]) {
            entry_note_young(s, e);
            return;
        }
}

static void dirty_take(Swap *s) {
    if (!s->any_dirty) return;
    buffer_each(s, note_dirty, NULL);
    memset(s->dirty, 0, s->pages);
    s->any_dirty = false;
}

static void young_visit(Swap *s, Visit *v) {
    for (size_t i = 0; i < s->young.count; i++) {
        SwapEntry *e = &s->entries[s->young.items[i]];
        if (e->place) buffered_visit(s, e, v);
        else links_visit(e, v);
    }
}

/* The scanner of roots. */
static void trace_roots(Thread *t, void *data, RootVisitor visit, void *visitor) {
    Swap *s = data;
    Visit v = {visit, visitor};
    bool full = heap_phase(t->heap) == HEAP_IDLE || heap_collects_all(t->heap);
    dirty_take(s);
    if (heap_phase(t->heap) == HEAP_MARKING && full) return; /* from handles: trace_mark */
    if (!full) {
        young_visit(s, &v);
        return;
    }
    bool stored = heap_phase(t->heap) == HEAP_IDLE || heap_moves_tenured(t->heap);
    for (uint64_t i = 1; i <= s->count; i++) {
        SwapEntry *e = &s->entries[i];
        if (!e->size || !e->boxed) continue;
        if (e->place) {
            buffered_visit(s, e, &v);
            continue;
        }
        links_visit(e, &v);
        if (stored) stored_visit(s, e, &v);
    }
}

/* -- After a collection -- */

typedef struct YoungSearch {
    const Heap *heap;
    bool found;
} YoungSearch;

static void find_young(void *data, Obj *slots, size_t count, const char *name) {
    YoungSearch *y = data;
    (void)name;
    for (size_t i = 0; i < count && !y->found; i++) y->found = heap_is_young(y->heap, slots[i]);
}

static bool entry_is_young(const Swap *s, SwapEntry *e) {
    YoungSearch y = {.heap = s->thread->heap};
    if (e->place) block_slots(e->place, e->boxed, find_young, &y, NULL);
    for (uint64_t i = 0; e->links && i < e->links->count; i++) find_young(&y, &e->links->items[i].value, 1, NULL);
    return y.found;
}

static void trace_after(Thread *t) {
    Swap *s = t->world->swap;
    size_t kept = 0;
    for (size_t i = 0; i < s->young.count; i++) {
        SwapEntry *e = &s->entries[s->young.items[i]];
        if (entry_is_young(s, e)) s->young.items[kept++] = s->young.items[i];
        else e->flags &= (uint8_t)~SWAP_YOUNG;
    }
    s->young.count = kept;
}

static bool trace_valid(Thread *t, Obj handle) { return swap_is_valid(t, handle); }

static void trace_note(Thread *t, Obj *slot) {
    Swap *s = t->world->swap;
    if (!swap_contains(slot)) return;
    s->dirty[((char *)slot - s->buffer) / SWAP_PAGE] = 1;
    s->any_dirty = true;
}

void trace_install(Swap *s) {
    const HeapShadow hooks = {.mark = trace_mark, .drain = trace_drain, .alive = trace_alive, .sweep = trace_sweep, .look = trace_look, .valid = trace_valid, .note = trace_note,
                              .recall = swap_recall, .from = SWAP_BASE};
    heap_set_shadow(s->thread->heap, &hooks);
    heap_add_roots(s->thread->heap, trace_roots, s);
    heap_add_after_collection(s->thread->heap, trace_after);
}
