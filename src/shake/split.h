/* split.h: what shake.c and split.c share.  Private to room shake. */
#ifndef SPLIT_H
#define SPLIT_H

#include "shake/shake.h"

/* A symbol while it is split.  Numbers below STATIC_SYMBOL_COUNT are those of symbols.def. */
typedef struct SymbolParts {
    Obj at[FACETS];   /* where they lie; a fixnum: gone */
    Obj hash;         /* what the HASH field held */
    Obj macro;        /* before the collection: its macro function, or NIL */
    Obj value;        /* of a static symbol: what stays even if no Lisp code can see it; UNBOUND if that would keep something */
    uint64_t word;    /* of World.removed; 0: it has no home */
    unsigned flags;
    bool soft, had_function, had_value;
    char *text;       /* its name, if it is to be told */
} SymbolParts;

typedef struct LinkRecord {
    LinkKind kind;
    uint32_t count;
    uint64_t slot;
    Obj holder, key, item, conditions[SHAKE_CONDITIONS];
} LinkRecord;

struct Shake {
    Thread *t;
    ShakeOptions options;
    ShakeFigures figures;
    SymbolParts *symbols;
    uint64_t symbol_count;
    uint32_t *roster;    /* by place in World.shed (image/shed.h): the number of the symbol there, 0: it is none */
    LinkRecord *links;
    uint64_t link_count, link_room;
    Obj *roots;
    const char **root_reasons, *why;
    uint64_t root_count, root_room, reason_room;
    struct Graph *graph; /* what is met from where, while reports are made */
};

static inline bool is_static_symbol(Obj x) { return is_obj(x) && x.w - STATIC_SYMBOLS < SYMBOL_BYTES * (uint64_t)STATIC_SYMBOL_COUNT; }
static inline uint64_t static_number(Obj x) { return (x.w - STATIC_SYMBOLS) / SYMBOL_BYTES; }
static inline Obj static_symbol(uint64_t number) { return (Obj){(STATIC_SYMBOLS + SYMBOL_BYTES * number) | TAG_OBJ}; }

/* Makes parts of all symbols. */
void symbols_split(Shake *s);
/* Where the parts lie after a collection. */
void symbols_find(Shake *s);
/* Makes symbols of the parts that are left. */
void symbols_join(Shake *s);
#endif
