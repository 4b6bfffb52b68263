/* entities.c: the graph in terms of what has a name: functions, variables, symbols, classes, methods, packages.

   A node that has a name is an *entity*; every other node belongs to the nearest entity that dominates it, or to none (number 0).  A path between entities
   is told by the first thing that matters on it: a default link; the field of a class; else what kind of thing refers. */
#include "prim/explain.h"

#include "code/code.h"

#include <stdio.h>
#include <stdlib.h>

/* -- Which nodes are entities -- */

static const char *const facet_kinds[FACETS] = {
    [FACET_WHOLE] = "symbol", [FACET_NAME] = "name", [FACET_FUNCTION] = "function", [FACET_VALUE] = "variable",
    [FACET_SET] = "variable", [FACET_SOFT] = "function", [FACET_TEXT] = "name", [FACET_CALL] = "function",
};
_Static_assert(FACETS == 8, "every part of a symbol has a kind");

static bool facet_of(const Graph *g, uint32_t node, Facet *facet) { return g->s && node && shake_is_facet(g->objects[node], facet); }

/* The name of the symbol that a node is or is a part of. */
static const Name *symbol_name(const Entities *e, uint32_t node) {
    const Graph *g = e->g;
    Facet facet;
    Obj x = g->objects[node];
    if (facet_of(g, node, &facet) || (g->s && has_type(x, TYPE_SYMBOL))) return names_of_number(e->names, shake_number(g->s, x));
    if (!has_type(x, TYPE_SYMBOL)) return NULL;
    if (address_of(x) - STATIC_SYMBOLS < SYMBOL_BYTES * (uint64_t)STATIC_SYMBOL_COUNT) return names_of_number(e->names, (address_of(x) - STATIC_SYMBOLS) / SYMBOL_BYTES);
    return names_find(e->names->symbols + STATIC_SYMBOL_COUNT, e->names->symbol_count - STATIC_SYMBOL_COUNT, x);
}

static uint32_t entity_add(Entities *e, uint32_t node, const char *kind, const Name *name) {
    if (e->count == e->room) {
        e->room = e->room ? 2 * e->room : 1024;
        e->all = realloc(e->all, e->room * sizeof *e->all);
        must(e->all);
    }
    e->all[e->count] = (Entity){.node = node, .kind = kind, .package = name ? name->package : "", .text = name ? name->text : ""};
    e->of_node[node] = e->count;
    return e->count++;
}

/* Is the node the content of the part of the symbol that has the same name, and dominated by it? */
static bool is_content(const Entities *e, uint32_t node, const Name *name) {
    uint32_t above = e->g->dominator[node];
    Facet facet;
    if (!facet_of(e->g, above, &facet) || facet != FACET_FUNCTION) return false;
    const Name *symbol = symbol_name(e, above);
    return symbol && symbol->text == name->text;
}

static bool is_function_kind(const char *kind) { return !strcmp(kind, "function") || !strcmp(kind, "macro") || !strcmp(kind, "method"); }

/* Is a part of a symbol to be told as one with the entity that dominates it: another part of the same symbol, which holds it? */
static bool is_merged(const Entities *e, uint32_t node, Facet facet, const Name *name) {
    const Entity *above = &e->all[e->owner[e->g->dominator[node]]];
    if (facet == FACET_FUNCTION || facet == FACET_WHOLE || above->text != name->text || !strcmp(above->kind, "function") || !strcmp(above->kind, "macro")) return false;
    return !strcmp(above->kind, facet_kinds[facet]) || facet != FACET_VALUE || graph_node(e->g, obj_slots(e->g->objects[node])[0]) == NO_NODE;
}

/* A function that is called and was removed, or one that is only called if it is there: it holds nothing; or one as it is called: that is the function itself. */
static bool is_empty_function(const Entities *e, uint32_t node, Facet facet) {
    return facet == FACET_SOFT || facet == FACET_CALL || (facet == FACET_FUNCTION && graph_node(e->g, obj_slots(e->g->objects[node])[0]) == NO_NODE);
}

static void node_enter(Entities *e, uint32_t node) {
    const Graph *g = e->g;
    Obj x = g->objects[node];
    Facet facet = FACET_WHOLE;
    bool part = facet_of(g, node, &facet);
    const Name *name = is_obj(x) ? part || obj_type(x) == TYPE_SYMBOL ? symbol_name(e, node) : names_of(e->names, x) : NULL;
    uint32_t above = e->owner[g->dominator[node]];
    if (!name || (part && (is_empty_function(e, node, facet) || is_merged(e, node, facet, name)))) return;
    if (part || obj_type(x) == TYPE_SYMBOL) {
        entity_add(e, node, facet == FACET_FUNCTION && name->macro ? "macro" : facet_kinds[facet], name);
        return;
    }
    if (name->kind == KIND_FUNCTION) {
        bool own = !!names_find(e->names->others.items, e->names->others.count, x);
        if (own ? is_content(e, node, name) : above && is_function_kind(e->all[above].kind)) return;
    }
    static const char *const singular[KINDS] = {[KIND_FUNCTION] = "function", [KIND_CLASS] = "class", [KIND_METHOD] = "method", [KIND_GENERIC] = "generic function", [KIND_PACKAGE] = "package"};
    entity_add(e, node, name->macro ? "macro" : singular[name->kind] ? singular[name->kind] : "object", name);
}

/* -- How an entity refers to another -- */

static bool is_constants(const Graph *g, uint32_t node) {
    uint32_t above = g->parent[node];
    return above != NO_NODE && above && is_function(g->objects[above]) && g->how[node] == (EDGE_SLOT | FUNCTION_CONSTANTS);
}

static const char *use_of(const char *kind, Facet facet) {
    if (!strcmp(kind, "function") || !strcmp(kind, "macro")) return "calls";
    if (!strcmp(kind, "variable")) return facet == FACET_SET ? "sets or binds" : "reads";
    if (!strcmp(kind, "name")) return "compares with";
    return "refers to";
}

/* The texts in a row, of which the memory goes with the process. */
static const char *joined(const char *before, const char *text, const char *behind) {
    char *to = NULL;
    must(asprintf(&to, "%s%s%s", before, text, behind) >= 0);
    return to;
}

/* The name of the field by which an instance with these fields refers to `node`, whose parents lead to it; or NULL. */
static const char *field_name(const Entities *e, uint32_t from, uint32_t node) {
    const Graph *g = e->g;
    const Name *name = is_obj(g->objects[from]) ? names_of(e->names, g->objects[from]) : NULL;
    if (!name || !name->fields) return NULL;
    for (uint32_t v = node; v != from; v = g->parent[v]) {
        uint32_t above = g->parent[v];
        bool slots = has_type(g->objects[above], TYPE_SIMPLE_VECTOR) && g->parent[above] == from && above != from;
        for (uint32_t i = 0; slots && name->fields[i]; i++)
            if (g->how[v] == (EDGE_SLOT | i)) return name->fields[i];
    }
    return NULL;
}

/* What the edge by which `v` was met says by itself, or NULL. */
static const char *edge_words(const Entities *e, uint32_t v) {
    const Graph *g = e->g;
    uint32_t how = g->how[v] & (uint32_t)EDGE_KIND, detail = g->how[v] & ~(uint32_t)EDGE_KIND;
    if (how == EDGE_ROOT) return g->reasons[detail];
    if (how == EDGE_ENTRY) return "is a key of a weak table, with it";
    if (how == EDGE_LINK) return detail == LINK_NEED ? "needs, in C code," : joined("keeps (link: ", link_infos[detail].name, ")");
    return NULL;
}

static const char *relation(const Entities *e, uint32_t from, uint32_t node) {
    const Graph *g = e->g;
    Facet facet = FACET_WHOLE;
    const Entity *to = &e->all[e->of_node[node]];
    bool direct = false, constants = false;
    (void)facet_of(g, node, &facet);
    for (uint32_t v = node; v != from; v = g->parent[v]) {
        const char *words = edge_words(e, v);
        if (words) return words;
        if (is_constants(g, v)) constants = true;
        Facet step = FACET_WHOLE;
        if (g->parent[v] != NO_NODE && g->parent[v] && is_constants(g, g->parent[v]) && (v == node || (facet_of(g, v, &step) && step == FACET_CALL))) direct = true;
    }
    if (!from) return "a root";
    const char *field = field_name(e, from, node), *kind = e->all[e->of_node[from]].kind;
    if (field) return joined("has as ", field, "");
    if (direct) return use_of(to->kind, facet);
    if (constants) return "has in its constants";
    if (!strcmp(kind, "variable")) return "has in its value";
    if (!strcmp(kind, "symbol") || !strcmp(kind, "name")) return "is a symbol that has";
    return "refers to";
}

/* -- Making -- */

/* Only one entity refers to the nodes that `node` dominates from outside: its dominator. */
static void note_only(Entities *e) {
    const Graph *g = e->g;
    for (uint32_t i = 0; i < e->count; i++) e->all[i].only = true;
    for (uint32_t i = 0; i < g->met; i++) {
        uint32_t v = g->order[i];
        for (uint32_t k = g->first[v]; k < g->end[v]; k++) {
            uint32_t to = e->of_node[g->edges[k].to], from = e->owner[v];
            if (!to || from == to || from == e->all[to].parent) continue;
            uint32_t up = from;
            while (up && up != to) up = e->all[up].parent; /* from within it */
            if (!up) e->all[to].only = false;
        }
    }
}

Entities *entities_make(Graph *g, const Names *names) {
    Entities *e = calloc(1, sizeof *e);
    must(e);
    e->g = g;
    e->names = names;
    e->of_node = calloc((size_t)g->count + 1, sizeof *e->of_node);
    e->owner = calloc((size_t)g->count + 1, sizeof *e->owner);
    must(e->of_node && e->owner);
    graph_dominate(g);
    entity_add(e, 0, "", NULL);
    for (uint32_t i = 1; i < g->met; i++) {
        uint32_t v = g->preorder[i];
        node_enter(e, v);
        e->owner[v] = e->of_node[v] ? e->of_node[v] : e->owner[g->dominator[v]];
    }
    for (uint32_t i = 1; i < e->count; i++) {
        Entity *x = &e->all[i];
        x->parent = e->owner[g->dominator[x->node]];
        uint32_t from = g->parent[x->node];
        while (from && !e->of_node[from]) from = g->parent[from];
        x->via = from ? e->of_node[from] : 0;
        x->how = relation(e, from, x->node);
    }
    note_only(e);
    static const Name rest = {.package = "", .text = "unused symbols that C code names, padding"};
    e->owner[g->count] = entity_add(e, g->count, "runtime", &rest);
    return e;
}

/* -- Bytes -- */

typedef struct Counting {
    Entities *e;
    const Survey *c;
} Counting;

static void count_object(void *data, Obj x, uint64_t place, size_t bytes) {
    const Counting *both = data;
    (void)x;
    both->e->all[both->e->owner[both->c->owner[place]]].own[both->c->kind[place]] += bytes;
}

void entities_count(Entities *e, Survey *c) {
    Counting both = {e, c};
    survey_each(c, count_object, &both);
    for (uint32_t i = e->count; i-- > 0;) {
        Entity *x = &e->all[i];
        for (int k = 0; k < KINDS; k++) x->retained += x->own[k];
        if (i) e->all[x->parent].retained += x->retained;
    }
}
