/* dominate.c: dominators, by semidominators and nearest common ancestors (Georgiadis, "Linear-Time Algorithms for Dominators", 2005: SEMI-NCA).

   All is in numbers of a depth-first preorder.  The semidominator of w is the least v from which a path leads to w over nodes greater than w; it is found from
   the last node back, with a forest of the nodes already done whose paths are compressed.  Then the dominator of w is its nearest ancestor, in
   the dominator tree so far, that is not greater than its semidominator. */
#include "shake/graph.h"

#include <stdlib.h>

typedef struct Dominators {
    const Graph *g;
    uint32_t count;
    uint32_t *number;   /* preorder number by node */
    uint32_t *node;     /* and back */
    uint32_t *parent;   /* all that follow by number */
    uint32_t *semi, *label, *ancestor, *dominator;
    uint32_t *before, *before_end; /* predecessors, by number */
    uint32_t *stack;
} Dominators;

static uint32_t *numbers(size_t count) {
    uint32_t *p = calloc(count + 1, sizeof *p);
    must(p);
    return p;
}

static void depth_first(Dominators *d) {
    const Graph *g = d->g;
    uint32_t *next = numbers(g->count), depth = 0;
    for (uint32_t i = 0; i < g->count; i++) d->number[i] = NO_NODE;
    d->stack[depth++] = 0;
    d->number[0] = d->count++;
    while (depth) {
        uint32_t v = d->stack[depth - 1], e = g->first[v] + next[v];
        if (e == g->end[v]) {
            depth--;
            continue;
        }
        next[v]++;
        uint32_t to = g->edges[e].to;
        if (d->number[to] != NO_NODE) continue;
        d->parent[d->count] = d->number[v];
        d->node[d->count] = to;
        d->number[to] = d->count++;
        d->stack[depth++] = to;
    }
    free(next);
}

/* Predecessors: of number w those in before[before_end[w - 1]..before_end[w]). */
static void predecessors(Dominators *d) {
    const Graph *g = d->g;
    for (uint64_t e = 0; e < g->edge_count; e++) d->before_end[d->number[g->edges[e].to] + 1]++;
    for (uint32_t i = 0; i < d->count; i++) d->before_end[i + 1] += d->before_end[i];
    for (uint32_t i = 0; i < d->count; i++)
        for (uint32_t e = g->first[d->node[i]]; e < g->end[d->node[i]]; e++) d->before[d->before_end[d->number[g->edges[e].to]]++] = i;
}

/* The node with the least semidominator on the forest's path above v. */
static uint32_t evaluate(Dominators *d, uint32_t v) {
    uint32_t depth = 0;
    if (d->ancestor[v] == NO_NODE) return v;
    for (uint32_t u = v; d->ancestor[d->ancestor[u]] != NO_NODE; u = d->ancestor[u]) d->stack[depth++] = u;
    while (depth--) {
        uint32_t u = d->stack[depth], a = d->ancestor[u];
        if (d->semi[d->label[a]] < d->semi[d->label[u]]) d->label[u] = d->label[a];
        d->ancestor[u] = d->ancestor[a];
    }
    return d->label[v];
}

static void semidominators(Dominators *d) {
    for (uint32_t i = 0; i < d->count; i++) {
        d->semi[i] = d->label[i] = i;
        d->ancestor[i] = NO_NODE;
    }
    for (uint32_t w = d->count; w-- > 1;) {
        for (uint32_t i = d->before_end[w - 1]; i < d->before_end[w]; i++) {
            uint32_t u = evaluate(d, d->before[i]);
            if (d->semi[u] < d->semi[w]) d->semi[w] = d->semi[u];
        }
        d->ancestor[w] = d->parent[w];
    }
}

void graph_dominate(Graph *g) {
    Dominators d = {.g = g};
    uint32_t **arrays[] = {&d.number, &d.node, &d.parent, &d.semi, &d.label, &d.ancestor, &d.dominator, &d.before_end, &d.stack};
    for (size_t i = 0; i < COUNT_OF(arrays); i++) *arrays[i] = numbers((size_t)g->count + 1);
    d.before = numbers(g->edge_count);
    depth_first(&d);
    predecessors(&d);
    semidominators(&d);
    g->dominator = numbers(g->count);
    for (uint32_t i = 0; i < g->count; i++) g->dominator[i] = NO_NODE;
    g->dominator[0] = 0;
    for (uint32_t w = 1; w < d.count; w++) {
        uint32_t v = d.parent[w];
        while (v > d.semi[w]) v = d.dominator[v];
        d.dominator[w] = v;
        g->dominator[d.node[w]] = d.node[v];
    }
    g->preorder = d.node;
    d.node = NULL;
    for (size_t i = 0; i < COUNT_OF(arrays); i++) free(*arrays[i]);
    free(d.before);
}

void graph_sum(const Graph *g, uint64_t *values) {
    for (uint32_t i = g->met; i-- > 1;) values[g->dominator[g->preorder[i]]] += values[g->preorder[i]];
}
