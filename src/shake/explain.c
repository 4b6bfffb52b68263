/* explain.c: why a symbol stays, told when all links are broken and nothing has been collected yet.

   A walk from the roots, breadth first, notes for every object what it was met from.  A default link takes part when the last of its conditions
   has been met: so, unlike a path in the graph of what is left, no path leads through a link that only keeps itself.  What is told is the
   parts of symbols on the way, and the links; functions are known by the names under which they are called. */
#include "shake/split.h"

#include <stdlib.h>

#define NO_LINK UINT32_MAX

typedef struct Node {
    Obj x, parent;   /* x.w is 0: free */
    uint32_t link;   /* through which it was met, or NO_LINK */
    uint32_t waits;  /* chain of conditions of links that wait for x: index + 1 into Trace.waits */
    bool met;
} Node;

typedef struct Wait {
    uint32_t link, next;
} Wait;

typedef struct Trace {
    Shake *s;
    Node *nodes;
    uint64_t capacity, count;
    Wait *waits;
    uint32_t *missing; /* by link: conditions that have not been met */
    Obj *queue;
    uint64_t head, tail, room;
} Trace;

/* -- The table -- */

static Node *node_place(const Trace *t, Obj x) {
    uint64_t i = (x.w >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20 & (t->capacity - 1);
    while (t->nodes[i].x.w && !eq(t->nodes[i].x, x)) i = (i + 1) & (t->capacity - 1);
    return &t->nodes[i];
}

static void table_grow(Trace *t) {
    Node *old = t->nodes;
    uint64_t n = t->capacity;
    t->capacity = n ? 2 * n : 1 << 16;
    t->nodes = calloc(t->capacity, sizeof *t->nodes);
    must(t->nodes);
    for (uint64_t i = 0; i < n; i++)
        if (old[i].x.w) *node_place(t, old[i].x) = old[i];
    free(old);
}

static Node *node_of(Trace *t, Obj x) {
    if (2 * (t->count + 1) > t->capacity) table_grow(t);
    Node *node = node_place(t, x);
    if (!node->x.w) {
        *node = (Node){.x = x, .parent = NIL, .link = NO_LINK};
        t->count++;
    }
    return node;
}

/* -- The walk -- */

static void see(Trace *t, Obj x, Obj parent, uint32_t link) {
    if (!is_ref(x) || !heap_contains(t->s->t->heap, (const void *)address_of(x))) return;
    Node *node = node_of(t, x);
    if (node->met) return;
    node->met = true;
    node->parent = parent;
    node->link = link;
    if (t->tail == t->room) {
        t->room = t->room ? 2 * t->room : 1 << 16;
        t->queue = realloc(t->queue, t->room * sizeof *t->queue);
        must(t->queue);
    }
    t->queue[t->tail++] = x;
}

static void link_met(Trace *t, uint32_t i, Obj from) {
    const LinkRecord *l = &t->s->links[i];
    see(t, l->holder, from, i);
    see(t, l->key, from, i);
    see(t, l->item, from, i);
}

static void see_slots(Trace *t, Obj x) {
    if (!is_obj(x)) {
        see(t, car(x), x, NO_LINK);
        see(t, cdr(x), x, NO_LINK);
        return;
    }
    Type type = obj_type(x);
    unsigned weak = type == TYPE_HASH_ENTRIES ? obj_flags(x) & (ENTRIES_WEAK_KEY | ENTRIES_WEAK_VALUE) : 0;
    if (shapes[type].layout == LAYOUT_RAW || type == TYPE_WEAK_POINTER) return;
    for (uint64_t k = 0; k < obj_length(x); k++) {
        if (k >= ENTRIES_PAIRS && weak & ((k - ENTRIES_PAIRS) & 1 ? ENTRIES_WEAK_VALUE : ENTRIES_WEAK_KEY)) continue;
        see(t, obj_slots(x)[k], x, NO_LINK);
    }
}

static void walk(Trace *t) {
    while (t->head < t->tail) {
        Obj x = t->queue[t->head++];
        see_slots(t, x);
        for (uint32_t w = node_place(t, x)->waits; w; w = t->waits[w - 1].next)
            if (--t->missing[t->waits[w - 1].link] == 0) link_met(t, t->waits[w - 1].link, x);
    }
}

/* Enters what the links wait for. */
static void links_enter(Trace *t) {
    uint64_t n = t->s->link_count;
    uint32_t used = 0;
    t->waits = calloc(n * SHAKE_CONDITIONS + 1, sizeof *t->waits);
    t->missing = calloc(n + 1, sizeof *t->missing);
    must(t->waits && t->missing);
    for (uint32_t i = 0; i < n; i++) {
        const LinkRecord *l = &t->s->links[i];
        for (uint32_t k = 0; k < l->count; k++) {
            Node *node = node_of(t, l->conditions[k]);
            t->waits[used] = (Wait){i, node->waits};
            node->waits = ++used;
            t->missing[i]++;
        }
    }
}

struct Trace *trace_make(Shake *s) {
    Trace *t = calloc(1, sizeof *t);
    must(t);
    t->s = s;
    table_grow(t);
    links_enter(t);
    World *w = s->t->world;
    for (const Obj *p = &w->packages; p < &w->roots_end; p++) see(t, *p, NIL, NO_LINK);
    for (uint64_t i = 0; i < s->root_count; i++) see(t, s->roots[i], NIL, NO_LINK);
    for (uint32_t i = 0; i < s->link_count; i++)
        if (!s->links[i].count) link_met(t, i, NIL);
    walk(t);
    return t;
}

void trace_free(Trace *t) {
    free(t->nodes);
    free(t->waits);
    free(t->missing);
    free(t->queue);
    free(t);
}

/* -- Telling -- */

static void tell(Shake *s, FILE *to, Obj x) {
    static const char *const uses[FACETS] = {"symbol", "name of", "function", "variable", "variable that is set:", "soft call of", "text of", "call of"};
    Facet facet = FACET_WHOLE;
    if (shake_is_facet(x, &facet) || has_type(x, TYPE_SYMBOL)) fprintf(to, "    %s %s\n", uses[facet], shake_name(s, shake_number(s, x)));
}

void shake_explain(Shake *s, uint64_t number, FILE *to) {
    static const Facet facets[] = {FACET_FUNCTION, FACET_VALUE, FACET_WHOLE, FACET_NAME};
    fprintf(to, "%s\n", shake_name(s, number));
    for (size_t i = 0; i < COUNT_OF(facets); i++) {
        const Node *node = node_place(s->trace, s->symbols[number].at[facets[i]]);
        if (!node->met) continue;
        while (node->x.w) {
            tell(s, to, node->x);
            if (node->link != NO_LINK) fprintf(to, "    link: %s\n", link_infos[s->links[node->link].kind].name);
            if (is_nil(node->parent)) break;
            node = node_place(s->trace, node->parent);
        }
        fprintf(to, "    root\n");
        return;
    }
    fprintf(to, "    goes\n");
}

bool shake_met(const Shake *s, Obj x) { return node_place(s->trace, x)->met; }
Obj shake_parent(const Shake *s, Obj x) { return node_place(s->trace, x)->parent; }
