/* graph.c: the walk that makes the graph.

   Breadth first.  What an object keeps only together with others waits: a *pending* thing, the ends of a default link or one entry of a weak table, counts how
   many of its conditions are still to be met, and hangs in the list of each of them; the last one to be met gets the edge.  So a cycle of links that
   only keep each other is never entered, which is exactly what the collection decides (shake.c). */
#include "shake/graph.h"

#include "shake/split.h"

#include <stdlib.h>

enum { PENDING_ENDS = 3 };

typedef struct Pending {
    uint32_t missing, how;
    Obj ends[PENDING_ENDS];
} Pending;

typedef struct Wait {
    uint32_t pending, next; /* next: index + 1 */
} Wait;

typedef struct Walk {
    Graph *g;
    bool keep;              /* edges and tree are noted */
    unsigned without;       /* a kind of link that does not count */
    const uint64_t *cut;
    uint64_t *seen, *done;  /* by node */
    uint32_t *queue, head, tail;
    uint32_t *waiting;      /* by node: list of waits, index + 1 */
    Pending *pending;
    uint64_t pending_count, pending_room;
    Wait *waits;
    uint64_t wait_count, wait_room;
} Walk;

static void *zeroed(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    must(p);
    return p;
}

static void *grown(void *items, uint64_t count, uint64_t *room, size_t size) {
    if (count < *room) return items;
    *room = *room ? 2 * *room : 1024;
    items = realloc(items, (size_t)*room * size);
    must(items);
    return items;
}

/* -- Nodes -- */

static uint64_t granule(const Graph *g, Obj x) { return (address_of(x) - heap_start(g->t->heap)) / 16; }

uint32_t graph_node(const Graph *g, Obj x) {
    if (!is_ref(x)) return NO_NODE;
    if (is_static_symbol(x)) return g->s || is_nil(x) ? NO_NODE : 1 + (uint32_t)static_number(x);
    if (!heap_contains(g->t->heap, (const void *)address_of(x))) return NO_NODE;
    return g->numbers[granule(g, x)];
}

static void count_node(void *data, Obj *words, size_t bytes) {
    Graph *g = data;
    (void)words;
    (void)bytes;
    g->count++;
}

static void enter_node(void *data, Obj *words, size_t bytes) {
    Graph *g = data;
    Obj x = is_header(words[0]) ? obj_of_address(words) : cons_of_address(words);
    (void)bytes;
    g->numbers[granule(g, x)] = g->count;
    g->objects[g->count++] = x;
}

static void nodes_make(Graph *g) {
    const uint32_t statics = g->s ? 1 : 1 + STATIC_SYMBOL_COUNT;
    g->count = statics;
    heap_each(g->t->heap, count_node, g);
    g->objects = zeroed(g->count, sizeof *g->objects);
    g->numbers = zeroed(heap_state(g->t->heap).bytes / 16 + 1, sizeof *g->numbers);
    g->objects[0] = NIL;
    for (uint32_t i = 1; i < statics; i++) g->objects[i] = static_symbol(i - 1);
    g->count = statics;
    heap_each(g->t->heap, enter_node, g);
}

/* -- Meeting -- */

static void meet(Walk *w, uint32_t from, Obj x, uint32_t how) {
    Graph *g = w->g;
    uint32_t to = graph_node(g, x);
    if (to == NO_NODE || (w->cut && node_bit(w->cut, to))) return;
    if (w->keep) {
        g->edges = grown(g->edges, g->edge_count, &g->edge_room, sizeof *g->edges);
        g->edges[g->edge_count++] = (Edge){to, how};
    }
    if (node_bit(w->seen, to)) return;
    node_set(w->seen, to);
    w->queue[w->tail++] = to;
    if (!w->keep) return;
    g->parent[to] = from;
    g->how[to] = how;
}

static void pending_met(Walk *w, uint32_t from, uint32_t p) {
    for (int i = 0; i < PENDING_ENDS; i++) meet(w, from, w->pending[p].ends[i], w->pending[p].how);
}

static uint32_t pending_add(Walk *w, uint32_t how, Obj a, Obj b, Obj c) {
    w->pending = grown(w->pending, w->pending_count, &w->pending_room, sizeof *w->pending);
    w->pending[w->pending_count] = (Pending){0, how, {a, b, c}};
    return (uint32_t)w->pending_count++;
}

static void wait_for(Walk *w, uint32_t node, uint32_t p) {
    w->waits = grown(w->waits, w->wait_count, &w->wait_room, sizeof *w->waits);
    w->waits[w->wait_count] = (Wait){p, w->waiting[node]};
    w->waiting[node] = (uint32_t)++w->wait_count;
    w->pending[p].missing++;
}

/* -- Weak tables -- */

/* `kept` stays while `condition` does and the table, which is being met. */
static void entry_half(Walk *w, uint32_t table, Obj condition, Obj kept) {
    uint32_t node = graph_node(w->g, condition);
    if (graph_node(w->g, kept) == NO_NODE) return;
    if (node == NO_NODE || node_bit(w->done, node)) meet(w, table, kept, EDGE_ENTRY);
    else wait_for(w, node, pending_add(w, EDGE_ENTRY, kept, NIL, NIL));
}

static void entries_met(Walk *w, uint32_t from, Obj x) {
    unsigned flags = obj_flags(x);
    bool weak_key = flags & ENTRIES_WEAK_KEY, weak_value = flags & ENTRIES_WEAK_VALUE, either = flags & ENTRIES_EITHER;
    for (uint64_t k = 0; k < obj_length(x); k++) {
        bool pair = k >= ENTRIES_PAIRS;
        if (!pair || (!weak_key && !weak_value)) {
            if (k != ENTRIES_LINK) meet(w, from, obj_slots(x)[k], EDGE_SLOT | (uint32_t)k);
            continue;
        }
        if ((k - ENTRIES_PAIRS) & 1) continue;
        Obj key = obj_slots(x)[k], value = obj_slots(x)[k + 1];
        if (weak_key && (!weak_value || either)) entry_half(w, from, key, value);
        if (weak_value && (!weak_key || either)) entry_half(w, from, value, key);
    }
}

/* -- The walk -- */

static void object_met(Walk *w, uint32_t from) {
    Obj x = w->g->objects[from];
    if (!is_obj(x)) {
        meet(w, from, car(x), EDGE_SLOT | 0);
        meet(w, from, cdr(x), EDGE_SLOT | 1);
        return;
    }
    Type type = obj_type(x);
    if (shapes[type].layout == LAYOUT_RAW || type == TYPE_WEAK_POINTER) return;
    if (type == TYPE_HASH_ENTRIES) {
        entries_met(w, from, x);
        return;
    }
    for (uint64_t k = 0; k < obj_length(x); k++) meet(w, from, obj_slots(x)[k], EDGE_SLOT | (uint32_t)(k & ~(uint64_t)EDGE_KIND));
}

/* The number of the reason. */
static uint32_t reason(Graph *g, const char *text) {
    uint32_t i = 0;
    while (i < g->reason_count && strcmp(g->reasons[i], text) != 0) i++;
    if (i < g->reason_count) return EDGE_ROOT | i;
    g->reasons = realloc(g->reasons, (i + 1) * sizeof *g->reasons);
    must(g->reasons);
    g->reasons[g->reason_count++] = text;
    return EDGE_ROOT | i;
}

static void roots_met(Walk *w) {
    Graph *g = w->g;
    World *world = g->t->world;
    for (Obj *p = &world->packages; p < &world->roots_end; p++)
        meet(w, 0, *p, reason(g, p == &world->entry ? "the program" : p == &world->packages ? "the list of all packages" : "the runtime's own words"));
    for (uint32_t i = 0; !g->s && i < STATIC_SYMBOL_COUNT; i++) meet(w, 0, static_symbol(i), reason(g, "symbols that the runtime names"));
    for (uint64_t i = 0; g->s && i < g->s->root_count; i++) meet(w, 0, g->s->roots[i], reason(g, g->s->root_reasons[i]));
}

/* The links of the shake as pending things, with the same numbers. */
static void links_enter(Walk *w) {
    const Shake *s = w->g->s;
    for (uint64_t i = 0; s && i < s->link_count; i++) {
        const LinkRecord *l = &s->links[i];
        if (l->kind == w->without) continue;
        uint32_t p = pending_add(w, EDGE_LINK | l->kind, l->item, l->holder, l->key);
        bool possible = true;
        for (uint32_t k = 0; k < l->count; k++) possible &= graph_node(w->g, l->conditions[k]) != NO_NODE;
        for (uint32_t k = 0; possible && k < l->count; k++) wait_for(w, graph_node(w->g, l->conditions[k]), p);
        if (!l->count) pending_met(w, 0, p);
    }
}

static void walk(Walk *w) {
    Graph *g = w->g;
    w->seen = zeroed(g->count / 64 + 1, 8);
    w->done = zeroed(g->count / 64 + 1, 8);
    w->queue = zeroed(g->count, sizeof *w->queue);
    w->waiting = zeroed(g->count, sizeof *w->waiting);
    node_set(w->seen, 0);
    w->queue[w->tail++] = 0;
    while (w->head < w->tail) {
        uint32_t v = w->queue[w->head++];
        if (w->keep) g->first[v] = (uint32_t)g->edge_count;
        node_set(w->done, v);
        if (v) object_met(w, v);
        else {
            roots_met(w);
            links_enter(w);
        }
        for (uint32_t i = w->waiting[v]; i; i = w->waits[i - 1].next)
            if (--w->pending[w->waits[i - 1].pending].missing == 0) pending_met(w, v, w->waits[i - 1].pending);
        if (w->keep) g->end[v] = (uint32_t)g->edge_count;
    }
    free(w->done);
    free(w->waiting);
    free(w->pending);
    free(w->waits);
}

Graph *graph_make(Thread *t, Shake *s) {
    Graph *g = zeroed(1, sizeof *g);
    g->t = t;
    g->s = s;
    nodes_make(g);
    uint32_t **arrays[] = {&g->parent, &g->how, &g->first, &g->end};
    for (size_t i = 0; i < COUNT_OF(arrays); i++) *arrays[i] = zeroed(g->count, sizeof **arrays[i]);
    for (uint32_t i = 0; i < g->count; i++) g->parent[i] = NO_NODE;
    Walk w = {.g = g, .keep = true, .without = LINK_KINDS};
    walk(&w);
    free(w.seen);
    g->order = w.queue;
    g->met = w.tail;
    return g;
}

uint64_t *graph_without(const Graph *g, unsigned kind, const uint64_t *cut) {
    Graph copy = *g; /* reasons may not grow: all are there */
    Walk w = {.g = &copy, .without = kind, .cut = cut};
    walk(&w);
    free(w.queue);
    return w.seen;
}

void graph_free(Graph *g) {
    if (!g) return;
    void *const owned[] = {g->objects, g->numbers, g->parent, g->how, g->order, g->first, g->end, g->edges, g->dominator, g->preorder, g->reasons};
    for (size_t i = 0; i < COUNT_OF(owned); i++) free(owned[i]);
    free(g);
}
