/* explain.h: facts about a program that is being delivered: what is in it, why, and what was shaken off.  Private to delivery (prim/deliver.c).

   docs/manual/explaining.md tells users what comes of it and has the format of the file. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "image/image.h"
#include "shake/graph.h"

/* Kinds of bytes. */
typedef enum Kind {
#define KIND(id, name) KIND_##id,
#include "prim/kinds.def"
#undef KIND
    KINDS
} Kind;
extern const char *const kind_names[KINDS];

/* -- explain.c: the order of events in a delivery -- */

typedef struct Explain Explain;

/* Facts will go to the file; `heading` are its first lines.  The memory goes with the process. */
Explain *explain_make(Thread *t, const char *file, const char *heading);
/* Nothing moves from here to the next three.  `told`: a list of #(object kind package name fields) for objects that C cannot name: texts, fields a vector of texts or
   NIL. */
void explain_begin(Explain *e, Obj told);
/* Asks what would go without that function and others of the same text. */
void explain_question(Explain *e, const char *text, Obj symbol);
/* In `broken`, if the world is shaken; */
void explain_shaken(Explain *e, Shake *s);
/* otherwise. */
void explain_whole(Explain *e);
/* When links have been reinstated: how many. */
void explain_figures(Explain *e, const ShakeFigures *figures);
/* The last before `image_save`; `explain_image` for ImageRequest.settled. */
void explain_settle(Explain *e);
void explain_image(Thread *t, void *e);
/* Writes the facts.  NULL, or what went wrong. */
const char *explain_write(Explain *e, const ImageLayout *layout, int *system_error);

/* -- survey.c: all objects of a world by place, with kind and owner -- */

enum { AREAS = 3 };

typedef struct Survey {
    Thread *t;
    uint64_t start[AREAS], bytes[AREAS]; /* the dynamic area, the pure one, the static symbols */
    uint64_t count;                      /* granules in all of them */
    uint8_t *kind;                       /* by granule at which an object begins */
    uint32_t *owner;                     /* the node that it belongs to; NO_NODE: of none yet */
} Survey;

/* `is_meta` says whether an instance is a class, a method, or a generic function, and which. */
typedef bool (*MetaKind)(void *data, Obj x, Kind *kind);
Survey *survey_make(Thread *t);
void survey_classify(Survey *c, MetaKind meta, void *data);
/* The granule of an object; false: it lies in none of the areas. */
bool survey_place(const Survey *c, Obj x, uint64_t *place);
typedef void (*SurveyVisitor)(void *data, Obj x, uint64_t place, size_t bytes);
void survey_each(Survey *c, SurveyVisitor visit, void *data);
/* What has no owner gets that of an object that refers to it; if there is none, `rest`. */
void survey_inherit(Survey *c, uint32_t rest);

/* -- names.c: what objects are called -- */

typedef struct Name {
    Obj x;
    Kind kind;           /* that is: KIND_SYMBOL, KIND_FUNCTION, KIND_CLASS, KIND_METHOD, KIND_GENERIC, KIND_PACKAGE */
    bool macro;          /* the symbol names a macro */
    const char *package, *text;
    char **fields;       /* names of the slots of an instance, or NULL; ended by NULL */
} Name;

typedef struct NameList {
    Name *items;         /* ascending by address */
    uint64_t count, room;
} NameList;

typedef struct Names {
    Name *symbols;       /* by number, as the shake counts them */
    uint64_t symbol_count;
    NameList others, anonymous; /* anonymous: functions that no cell holds */
} Names;

/* The names of the world as it stands.  Those of `former` are used for what has lost its own: pairs ascending by address. */
Names *names_make(Thread *t, Obj told, const Name *former, uint64_t former_count);
const Name *names_of(const Names *n, Obj x);
/* The symbols may have been split since. */
const Name *names_of_number(const Names *n, uint64_t number);
void names_sort(Name *names, uint64_t count);
const Name *names_find(const Name *names, uint64_t count, Obj x);

/* -- entities.c: the graph in terms of what has a name -- */

typedef struct Entity {
    uint32_t node;
    const char *kind, *package, *text;
    uint32_t parent;   /* the entity that dominates it; 0: none */
    uint32_t via;      /* the one before it on a shortest path from a root */
    const char *how;   /* how that one refers to it */
    bool only;         /* no other than the dominating entity refers to it or its parts */
    uint64_t retained, own[KINDS];
} Entity;

typedef struct Entities {
    Graph *g;
    const Names *names;
    Entity *all;        /* [0]: what no entity owns */
    uint32_t count, room;
    uint32_t *of_node;  /* the entity that a node is, or 0 */
    uint32_t *owner;    /* the entity that it belongs to; of node g->count, which stands for what is there without anybody's reference: the last one */
} Entities;

Entities *entities_make(Graph *g, const Names *names);
/* Counts the bytes of the objects, by their owners. */
void entities_count(Entities *e, Survey *c);

#endif
