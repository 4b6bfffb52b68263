/* explain.c: facts about a delivery, gathered on the way and written to a file.

   Three worlds are looked at, and objects followed from one to the next:

       before   as it is when the shake begins: names (names.c), and the bytes of everything, by name and kind
       broken   all default links are cut, nothing has been collected: the graph (shake/graph.c), its dominators, and by them the entities
                (entities.c): this says who keeps what.  A table, weak in its keys, leads from every object to its node
       image    every object is where the file has it: its bytes go to the node that it had, or, if it was made since, to that of an object
                that refers to it

   A world that is not shaken is looked at only as it is.  The table of nodes must not be in the image.  It lies behind the objects that it mentions; so when it is taken
   away, before the last collection, what lies behind it slides down by its size, and nothing else moves.

   Nothing of this changes the program that is written: tests/world/explain.sh compares. */
#include "prim/explain.h"

#include "text/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Removal {
    const char *text;
    uint64_t *numbers;  /* of symbols */
    uint32_t count;
    uint64_t *rest;     /* the nodes that would stay */
} Removal;

typedef struct Place {
    uint64_t at;        /* address and tag */
    uint32_t node;
} Place;

struct Explain {
    Thread *t;
    const char *file, *heading;
    unsigned round;
    Names *names;
    Entities *before, *now;
    Obj table;               /* the weak table of nodes, or NIL */
    uint64_t *without[LINK_KINDS];
    Removal *removals;
    uint32_t removal_count;
    ShakeFigures figures;
    Place *places;           /* of all objects, ascending */
    uint64_t place_count, table_at, table_bytes;
    uint64_t *node_bytes;    /* in the image */
};

static void scan_table(Thread *t, void *data, RootVisitor visit, void *visitor_data) {
    (void)t;
    visit(visitor_data, &((Explain *)data)->table, 1, "delivery's table of nodes");
}

Explain *explain_make(Thread *t, const char *file, const char *heading) {
    Explain *e = calloc(1, sizeof *e);
    must(e);
    e->t = t;
    e->file = file;
    e->heading = heading;
    e->table = NIL;
    heap_add_roots(t->heap, scan_table, e);
    return e;
}

/* -- The table of nodes -- */

static void table_make(Explain *e) {
    const Graph *g = e->now->g;
    uint64_t n = 0;
    Obj table = alloc_flagged(e->t, TYPE_HASH_ENTRIES, ENTRIES_WEAK_KEY, ENTRIES_PAIRS + 2 * (uint64_t)g->met, NIL);
    for (uint32_t i = 0; i < g->met; i++) {
        Obj x = g->objects[g->order[i]];
        init_field(table, ENTRIES_PAIRS + 2 * n, is_ref(x) && !is_nil(x) ? x : EMPTY);
        init_field(table, ENTRIES_PAIRS + 2 * n++ + 1, obj_of_fix(g->order[i]));
    }
    e->table = table;
}

/* Of the parts of a symbol, which all are the symbol now, the one that is charged with its bytes. */
static int node_rank(const Explain *e, uint32_t node) {
    const char *kind = e->now->all[e->now->of_node[node]].kind;
    return !strcmp(kind, "symbol") ? 0 : !strcmp(kind, "name") ? 1 : !strcmp(kind, "function") || !strcmp(kind, "macro") ? 2 : 3;
}

static int compare_places(const void *a, const void *b) {
    const Place *x = a, *y = b;
    return x->at != y->at ? x->at < y->at ? -1 : 1 : x->node < y->node ? -1 : x->node > y->node;
}

/* Where the objects of the table lie now. */
static void places_take(Explain *e) {
    uint64_t pairs = (obj_length(e->table) - ENTRIES_PAIRS) / 2, n = 0;
    free(e->places);
    e->places = calloc(pairs + 1, sizeof *e->places);
    must(e->places);
    for (uint64_t i = 0; i < pairs; i++) {
        const Obj *pair = &obj_slots(e->table)[ENTRIES_PAIRS + 2 * i];
        if (is_ref(pair[0])) e->places[n++] = (Place){pair[0].w, (uint32_t)fix_of_obj(pair[1])};
    }
    qsort(e->places, n, sizeof *e->places, compare_places);
    e->place_count = 0;
    for (uint64_t i = 0; i < n; i++) {
        Place *last = e->place_count ? &e->places[e->place_count - 1] : NULL;
        if (!last || last->at != e->places[i].at) e->places[e->place_count++] = e->places[i];
        else if (node_rank(e, e->places[i].node) < node_rank(e, last->node)) last->node = e->places[i].node;
    }
    e->table_at = address_of(e->table);
    e->table_bytes = header_bytes(obj_header(e->table));
    e->table = NIL;
}

/* -- Before -- */

static bool meta_kind(void *data, Obj x, Kind *kind) {
    const Name *name = names_of(data, x);
    if (name) *kind = name->kind;
    return name && name->kind != KIND_FUNCTION;
}

static void own_itself(void *data, Obj x, uint64_t place, size_t bytes) {
    void **both = data;
    Survey *c = both[0];
    uint32_t node = is_nil(x) ? 1 : graph_node(both[1], x);
    (void)bytes;
    c->owner[place] = node == NO_NODE ? 0 : node;
}

/* Counts the world as it stands: every object is its own node. */
static void count_world(Explain *e, Entities *entities) {
    Survey *c = survey_make(e->t);
    void *both[] = {c, entities->g};
    survey_classify(c, meta_kind, e->names);
    survey_each(c, own_itself, both);
    entities_count(entities, c);
}

/* What the places of the last round were called: names by the objects as they lie now. */
static Name *former_names(Explain *e, uint64_t *count) {
    *count = 0;
    if (is_nil(e->table)) return NULL;
    places_take(e);
    Name *names = calloc(e->place_count + 1, sizeof *names);
    must(names);
    for (uint64_t i = 0; i < e->place_count; i++) {
        const Entity *x = &e->now->all[e->now->of_node[e->places[i].node]];
        if (!x->node) continue;
        Kind kind = KIND_SYMBOL;
        if (!strcmp(x->kind, "class")) kind = KIND_CLASS;
        if (!strcmp(x->kind, "method")) kind = KIND_METHOD;
        if (!strcmp(x->kind, "generic function")) kind = KIND_GENERIC;
        if (!strcmp(x->kind, "function") && has_type((Obj){e->places[i].at}, TYPE_FUNCTION)) kind = KIND_FUNCTION;
        names[(*count)++] = (Name){.x = {e->places[i].at}, .kind = kind, .package = x->package, .text = x->text};
    }
    return names;
}

/* The question with that text: the last, or a new one. */
static Removal *question_of(Explain *e, const char *text) {
    if (e->removal_count && !strcmp(e->removals[e->removal_count - 1].text, text)) return &e->removals[e->removal_count - 1];
    e->removals = realloc(e->removals, (e->removal_count + 1) * sizeof *e->removals);
    must(e->removals);
    e->removals[e->removal_count] = (Removal){.text = text};
    return &e->removals[e->removal_count++];
}

void explain_question(Explain *e, const char *text, Obj symbol) {
    Removal *r = question_of(e, text);
    uint64_t i = 0;
    while (i < e->names->symbol_count && !eq(e->names->symbols[i].x, symbol)) i++;
    must(i < e->names->symbol_count);
    r->numbers = realloc(r->numbers, (r->count + 1) * sizeof *r->numbers);
    must(r->numbers);
    r->numbers[r->count++] = i;
}

void explain_begin(Explain *e, Obj told) {
    uint64_t count;
    Name *former = former_names(e, &count);
    e->names = names_make(e->t, told, former, count);
    free(former);
    e->removal_count = 0;
    if (e->round++) return;
    e->before = entities_make(graph_make(e->t, NULL), e->names);
    count_world(e, e->before);
}

/* -- Broken -- */

static void ask_removals(Explain *e, Shake *s) {
    const Graph *g = e->now->g;
    for (uint32_t i = 0; i < e->removal_count; i++) {
        Removal *r = &e->removals[i];
        uint64_t *cut = calloc(g->count / 64 + 1, 8);
        must(cut);
        for (uint32_t k = 0; k < r->count; k++) {
            uint32_t node = graph_node(g, shake_facet(s, e->names->symbols[r->numbers[k]].x, FACET_FUNCTION));
            if (node != NO_NODE) node_set(cut, node);
        }
        r->rest = graph_without(g, LINK_KINDS, cut);
        free(cut);
    }
}

void explain_shaken(Explain *e, Shake *s) {
    must(shake_symbols(s) == e->names->symbol_count);
    e->now = entities_make(graph_make(e->t, s), e->names);
    for (unsigned i = 0; i < LINK_KINDS; i++) e->without[i] = graph_without(e->now->g, i, NULL);
    ask_removals(e, s);
    table_make(e);
}

void explain_whole(Explain *e) {
    e->now = e->before;
    e->before = NULL;
    for (uint32_t i = 0; i < e->now->count; i++) {
        e->now->all[i].retained = 0;
        memset(e->now->all[i].own, 0, sizeof e->now->all[i].own);
    }
    table_make(e);
}

void explain_figures(Explain *e, const ShakeFigures *figures) { e->figures = *figures; }

/* -- The image -- */

void explain_settle(Explain *e) {
    heap_compact(e->t);
    places_take(e);
}

typedef struct Placing {
    Explain *e;
    Survey *c;
} Placing;

static void count_bytes(void *data, Obj x, uint64_t place, size_t bytes) {
    const Placing *p = data;
    (void)x;
    p->e->node_bytes[p->c->owner[place]] += bytes;
}

typedef struct MetaPlaces {
    const Explain *e;
    const Survey *c;
} MetaPlaces;

static bool meta_place(void *data, Obj x, Kind *kind) {
    const MetaPlaces *m = data;
    uint64_t place;
    if (!survey_place(m->c, x, &place) || m->c->owner[place] == NO_NODE) return false;
    const char *name = m->e->now->all[m->e->now->of_node[m->c->owner[place]]].kind;
    if (!strcmp(name, "class")) *kind = KIND_CLASS;
    else if (!strcmp(name, "method")) *kind = KIND_METHOD;
    else return false;
    return true;
}

void explain_image(Thread *t, void *data) {
    Explain *e = data;
    Survey *c = survey_make(t);
    for (uint64_t i = 0; i < e->place_count; i++) {
        Obj x = {e->places[i].at};
        uint64_t place;
        if (address_of(x) > e->table_at && heap_contains(t->heap, (const void *)address_of(x))) x.w -= e->table_bytes;
        must(survey_place(c, x, &place));
        c->owner[place] = e->places[i].node;
    }
    MetaPlaces meta = {e, c};
    survey_classify(c, meta_place, &meta);
    survey_inherit(c, e->now->g->count);
    entities_count(e->now, c);
    e->node_bytes = calloc((size_t)e->now->g->count + 1, sizeof *e->node_bytes);
    must(e->node_bytes);
    Placing placing = {e, c};
    survey_each(c, count_bytes, &placing);
}

/* -- Writing -- */

/* A text in a field: tab, newline and backslash are written as \t, \n, \\. */
static void put_text(FILE *to, const char *text) {
    for (; *text; text++) {
        if (*text == '\t') fputs("\\t", to);
        else if (*text == '\n') fputs("\\n", to);
        else if (*text == '\\') fputs("\\\\", to);
        else fputc(*text, to);
    }
}

static void put_own(FILE *to, const Entity *x) {
    fputc('\t', to);
    for (int k = 0, any = 0; k < KINDS; k++)
        if (x->own[k]) fprintf(to, "%s%d:%llu", any++ ? " " : "", k, (unsigned long long)x->own[k]);
    fputc('\n', to);
}

static void put_entities(FILE *to, const Entities *all) {
    for (uint32_t i = 0; i < all->count; i++) {
        const Entity *x = &all->all[i];
        fprintf(to, "E\t%s\t", x->kind);
        put_text(to, x->package);
        fputc('\t', to);
        put_text(to, x->text);
        fprintf(to, "\t%llu\t%u\t%u\t%d\t%s", (unsigned long long)x->retained, x->parent, x->via, x->only, x->how ? x->how : "");
        put_own(to, x);
    }
}

static void put_before(FILE *to, const Entities *all) {
    for (uint32_t i = 0; all && i < all->count; i++) {
        const Entity *x = &all->all[i];
        fprintf(to, "B\t%s\t", x->kind);
        put_text(to, x->package);
        fputc('\t', to);
        put_text(to, x->text);
        put_own(to, x);
    }
}

/* The bytes of the nodes that are not in the bitmap. */
static uint64_t bytes_without(const Explain *e, const uint64_t *rest) {
    uint64_t bytes = 0;
    for (uint32_t i = 1; i < e->now->g->count; i++)
        if (!node_bit(rest, i)) bytes += e->node_bytes[i];
    return bytes;
}

static void put_links(FILE *to, const Explain *e) {
    for (int i = 0; i < LINK_KINDS; i++)
        if (e->without[i])
            fprintf(to, "L\t%s\t%s\t%llu\t%llu\t%llu\n", link_infos[i].name, link_infos[i].what, (unsigned long long)e->figures.links[i],
                    (unsigned long long)e->figures.kept[i], (unsigned long long)bytes_without(e, e->without[i]));
    for (uint32_t i = 0; i < e->removal_count && e->before; i++) {
        const Removal *r = &e->removals[i];
        fprintf(to, "R\t%s\t%llu", r->text, (unsigned long long)bytes_without(e, r->rest));
        for (uint32_t k = 0; k < r->count; k++) fprintf(to, "\t%s:%s", e->names->symbols[r->numbers[k]].package, e->names->symbols[r->numbers[k]].text);
        fputc('\n', to);
    }
}

const char *explain_write(Explain *e, const ImageLayout *layout, int *system_error) {
    FILE *to = fopen(e->file, "w");
    if (to) {
        fprintf(to, "windfall-explain\t1\nbuild\t%016llx\nbytes\t%llu\n%s", (unsigned long long)layout->build, (unsigned long long)layout->bytes, e->heading);
        for (unsigned i = 0; i < layout->count; i++) fprintf(to, "P\t%s\t%llu\n", layout->parts[i].name, (unsigned long long)layout->parts[i].bytes);
        for (int i = 0; i < KINDS; i++) fprintf(to, "K\t%s\n", kind_names[i]);
        put_entities(to, e->now);
        put_before(to, e->before);
        put_links(to, e);
        fputs("end\n", to);
    }
    bool failed = !to || ferror(to);
    if (to && fclose(to) != 0) failed = true;
    *system_error = failed ? errno : 0;
    return failed ? "the facts cannot be written" : NULL;
}
