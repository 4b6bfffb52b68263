/* graph.h: the reference graph of the heap: who is met from where, who dominates whom.  Part of shake's door.

   Nodes are the objects and conses of the dynamic area, the symbols of the static page while no shake has split them, and node 0, the root, which refers to all
   that is alive by itself.  An edge is a reference, with how it is one: a slot; a default link or a need (links.def), which is an edge from the last of its
   conditions to be met; an entry of a weak table, likewise from whichever of table and key is met last; or, from node 0, the reason.

   The tree of parents is a breadth-first one, so paths in it are shortest.  The dominator of a node is the last node that every path to it leads
   through: what a node dominates would go with it. */
#ifndef GRAPH_H
#define GRAPH_H

#include "shake/shake.h"

#define NO_NODE UINT32_MAX
enum { EDGE_KIND = 3 << 28, EDGE_SLOT = 0, EDGE_LINK = 1 << 28, EDGE_ENTRY = 2 << 28, EDGE_ROOT = 3 << 28 }; /* the rest: slot, LinkKind, or reason */

static inline bool node_bit(const uint64_t *bits, uint32_t i) { return bits[i >> 6] >> (i & 63) & 1; }
static inline void node_set(uint64_t *bits, uint32_t i) { bits[i >> 6] |= UINT64_C(1) << (i & 63); }

typedef struct Edge {
    uint32_t to, how;
} Edge;

typedef struct Graph {
    Thread *t;
    Shake *s;               /* whose links take part, or NULL */
    uint32_t count;
    Obj *objects;           /* by node */
    uint32_t *numbers;      /* node by granule of the dynamic area */
    uint32_t *parent, *how; /* by node: from where it was met first, NO_NODE: not at all */
    uint32_t *order, met;   /* nodes as they were met */
    uint32_t *first, *end;  /* by node: its edges */
    Edge *edges;
    uint64_t edge_count, edge_room;
    uint32_t *dominator;    /* by node; NO_NODE: not met; NULL before `graph_dominate` */
    uint32_t *preorder;     /* the nodes met, every dominator before what it dominates; the same */
    const char **reasons;   /* by number */
    uint32_t reason_count;
} Graph;

/* -- graph.c -- */

/* The graph of the heap as it stands; of a shake (in `broken`), with its links and roots, or of all that there is (NULL).  It is valid until something moves. */
Graph *graph_make(Thread *t, Shake *s);
void graph_free(Graph *g);
/* The node of an object, NO_NODE: it is none. */
uint32_t graph_node(const Graph *g, Obj x);
/* Which nodes would be met if links of that kind did not count (LINK_KINDS: all count), and the nodes in `cut`, a bitmap or NULL, were not there: a bitmap for the
   caller to free. */
uint64_t *graph_without(const Graph *g, unsigned kind, const uint64_t *cut);

/* -- dominate.c -- */

/* Finds the dominators. */
void graph_dominate(Graph *g);
/* Adds to the value of each node those of all that it dominates. */
void graph_sum(const Graph *g, uint64_t *values);

#endif
