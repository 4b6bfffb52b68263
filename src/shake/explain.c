/* explain.c: why a symbol stays, told when all links are broken and nothing has been collected yet.

   A path in the reference graph (graph.h), from what stays to the root: no path leads through a link that only keeps itself.  What is told is the parts of
   symbols on the way, and the links; functions are known by the names under which they are called. */
#include "shake/graph.h"
#include "shake/split.h"

static void tell(Shake *s, FILE *to, Obj x) {
    static const char *const uses[FACETS] = {"symbol", "name of", "function", "variable", "variable that is set:", "soft call of", "text of", "call of"};
    Facet facet = FACET_WHOLE;
    if (shake_is_facet(x, &facet) || has_type(x, TYPE_SYMBOL)) fprintf(to, "    %s %s\n", uses[facet], shake_name(s, shake_number(s, x)));
}

void shake_explain(Shake *s, uint64_t number, FILE *to) {
    static const Facet facets[] = {FACET_FUNCTION, FACET_VALUE, FACET_WHOLE, FACET_NAME};
    const Graph *g = s->graph;
    fprintf(to, "%s\n", shake_name(s, number));
    for (size_t i = 0; i < COUNT_OF(facets); i++) {
        Obj x = s->symbols[number].at[facets[i]];
        if (!shake_met(s, x)) continue;
        for (uint32_t node = graph_node(g, x); node; node = g->parent[node]) {
            tell(s, to, g->objects[node]);
            if ((g->how[node] & EDGE_KIND) == EDGE_LINK) fprintf(to, "    link: %s\n", link_infos[g->how[node] & ~(uint32_t)EDGE_KIND].name);
        }
        fprintf(to, "    root\n");
        return;
    }
    fprintf(to, "    goes\n");
}

bool shake_met(const Shake *s, Obj x) {
    uint32_t node = graph_node(s->graph, x);
    return node != NO_NODE && s->graph->parent[node] != NO_NODE;
}

Obj shake_parent(const Shake *s, Obj x) {
    uint32_t node = graph_node(s->graph, x), parent = node == NO_NODE ? NO_NODE : s->graph->parent[node];
    return parent == NO_NODE ? NIL : s->graph->objects[parent];
}
