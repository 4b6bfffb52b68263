/* survey.c: all objects of a world by place: of what kind they are, whom they belong to.

   A type says little: a simple-vector may be the constants of a function, the slots of a class or somebody's data.  So the holder decides: functions *claim* their
   constants and debug information, symbols their names, tables their entries, and what nobody claims is what its type says. */
#include "prim/explain.h"

#include "code/code.h"
#include "text/text.h"

#include <stdlib.h>

const char *const kind_names[KINDS] = {
#define KIND(id, name) name,
#include "prim/kinds.def"
#undef KIND
};

enum { CLAIM_DEPTH = 64, CLAIMED = 0x80 };

Survey *survey_make(Thread *t) {
    Survey *c = calloc(1, sizeof *c);
    must(c);
    HeapState state = heap_state(t->heap);
    char *pure, *pure_end;
    pure_area(t->heap, &pure, &pure_end);
    c->t = t;
    c->start[0] = state.start;
    c->bytes[0] = state.bytes;
    c->start[1] = (uint64_t)(uintptr_t)pure;
    c->bytes[1] = (uint64_t)(pure_end - pure);
    c->start[2] = STATIC_SYMBOLS;
    c->bytes[2] = SYMBOL_BYTES * (uint64_t)STATIC_SYMBOL_COUNT;
    for (int i = 0; i < AREAS; i++) c->count += c->bytes[i] / 16;
    c->kind = calloc(c->count + 1, sizeof *c->kind);
    c->owner = malloc((c->count + 1) * sizeof *c->owner);
    must(c->kind && c->owner);
    for (uint64_t i = 0; i < c->count; i++) c->owner[i] = NO_NODE;
    return c;
}

bool survey_place(const Survey *c, Obj x, uint64_t *place) {
    uint64_t before = 0, at = address_of(x);
    if (!is_ref(x)) return false;
    if (is_nil(x)) at = STATIC_SYMBOLS;
    for (int i = 0; i < AREAS; before += c->bytes[i++] / 16) {
        if (at - c->start[i] >= c->bytes[i]) continue;
        *place = before + (at - c->start[i]) / 16;
        return true;
    }
    return false;
}

void survey_each(Survey *c, SurveyVisitor visit, void *data) {
    uint64_t place = 0;
    for (int i = 0; i < AREAS; i++)
        for (uint64_t at = 0; at < c->bytes[i];) {
            const Obj *words = (const Obj *)(uintptr_t)(c->start[i] + at);
            size_t bytes = is_header(words[0]) ? header_bytes(words[0]) : 16;
            visit(data, is_header(words[0]) ? obj_of_address(words) : cons_of_address(words), place, bytes);
            at += bytes;
            place += bytes / 16;
        }
}

/* -- Kinds -- */

typedef struct Classify {
    Survey *c;
    MetaKind meta;
    void *data;
} Classify;

static Kind kind_of_type(Obj x) {
    if (!is_obj(x)) return KIND_LIST;
    switch (obj_type(x)) {
    case TYPE_CODE: return KIND_CODE;
    case TYPE_FUNCTION:
    case TYPE_CELL: return KIND_FUNCTION;
    case TYPE_FUNCALLABLE: return KIND_GENERIC;
    case TYPE_SYMBOL: return KIND_SYMBOL;
    case TYPE_LAYOUT: return KIND_CLASS;
    case TYPE_PACKAGE: return KIND_PACKAGE;
    case TYPE_BASE_STRING:
    case TYPE_STRING:
    case TYPE_NIL_VECTOR: return KIND_STRING;
    case TYPE_HASH_TABLE:
    case TYPE_HASH_ENTRIES: return KIND_TABLE;
    case TYPE_RATIO:
    case TYPE_COMPLEX:
    case TYPE_BIGNUM:
    case TYPE_DOUBLE: return KIND_NUMBER;
    case TYPE_STRUCTURE: return KIND_STRUCTURE;
    case TYPE_INSTANCE: return KIND_INSTANCE;
    case TYPE_STREAM: return KIND_STREAM;
    case TYPE_FILLER: return KIND_FILLER;
    case TYPE_SIMPLE_VECTOR:
    case TYPE_ARRAY: return KIND_VECTOR;
    default: return is_simple_vector_type(obj_type(x)) ? KIND_VECTOR : KIND_OTHER;
    }
}

static bool claim(Survey *c, Obj x, Kind kind) {
    uint64_t place;
    if (is_nil(x) || !survey_place(c, x, &place) || has_type(x, TYPE_SYMBOL) || c->kind[place] & CLAIMED) return false;
    c->kind[place] = (uint8_t)(CLAIMED | kind);
    return true;
}

/* A tree of conses and the strings in it. */
static void claim_tree(Survey *c, Obj x, Kind kind, int depth) {
    for (; is_cons(x) && depth < CLAIM_DEPTH && claim(c, x, kind); x = cdr(x)) claim_tree(c, car(x), kind, depth + 1);
    if (is_simple_string(x)) claim(c, x, kind);
}

static void claim_vector(Survey *c, Obj x, Kind kind) {
    if (!has_type(x, TYPE_SIMPLE_VECTOR) || !claim(c, x, kind)) return;
    for (uint64_t i = 0; i < obj_length(x); i++) claim_tree(c, obj_slots(x)[i], kind, 0);
}

static void claim_constants(Survey *c, Obj constants) {
    if (!has_type(constants, TYPE_SIMPLE_VECTOR)) return;
    claim(c, constants, KIND_CONSTANTS);
    Obj debug = obj_length(constants) ? obj_slots(constants)[0] : NIL;
    if (!has_type(debug, TYPE_SIMPLE_VECTOR) || obj_length(debug) != DEBUG_LENGTH) return;
    claim_vector(c, debug, KIND_DEBUG);
    claim(c, obj_slots(debug)[DEBUG_PLACES], KIND_DEBUG);
}

static void claim_symbol(Survey *c, const Obj *slots) {
    if (is_simple_string(slots[SYMBOL_NAME])) claim(c, slots[SYMBOL_NAME], KIND_NAME);
    for (Obj l = slots[SYMBOL_PLIST]; is_cons(l) && claim(c, l, KIND_SYMBOL);) l = cdr(l);
    for (Obj l = slots[SYMBOL_INFO]; is_cons(l) && claim(c, l, KIND_SYMBOL);) l = cdr(l);
}

static void object_claims(void *data, Obj x, uint64_t place, size_t bytes) {
    Classify *k = data;
    Kind kind = KIND_OTHER;
    (void)place;
    (void)bytes;
    if (!is_obj(x)) return;
    const Obj *slots = obj_slots(x);
    switch (obj_type(x)) {
    case TYPE_SYMBOL: claim_symbol(k->c, slots); break;
    case TYPE_FUNCTION: claim_constants(k->c, slots[FUNCTION_CONSTANTS]); break;
    case TYPE_FUNCALLABLE:
        claim_vector(k->c, slots[FUNCALLABLE_SLOTS], KIND_GENERIC);
        claim_vector(k->c, slots[FUNCALLABLE_CACHE], KIND_GENERIC);
        break;
    case TYPE_LAYOUT:
        claim_vector(k->c, slots[LAYOUT_ANCESTORS], KIND_CLASS);
        claim_vector(k->c, slots[LAYOUT_SLOTS], KIND_CLASS);
        break;
    case TYPE_PACKAGE:
        for (uint64_t i = 0; i < obj_length(x); i++) {
            claim_tree(k->c, slots[i], KIND_PACKAGE, 0);
            if (has_type(slots[i], TYPE_SIMPLE_VECTOR)) claim(k->c, slots[i], KIND_PACKAGE);
        }
        break;
    case TYPE_HASH_ENTRIES: claim(k->c, slots[ENTRIES_INDEX], KIND_TABLE); break;
    case TYPE_INSTANCE:
        if (k->meta && k->meta(k->data, x, &kind) && claim(k->c, x, kind)) claim_vector(k->c, slots[INSTANCE_SLOTS], kind);
        break;
    default: break;
    }
}

static void object_kind(void *data, Obj x, uint64_t place, size_t bytes) {
    Survey *c = data;
    (void)bytes;
    c->kind[place] = c->kind[place] & CLAIMED ? (uint8_t)(c->kind[place] & ~CLAIMED) : (uint8_t)kind_of_type(x);
}

void survey_classify(Survey *c, MetaKind meta, void *data) {
    Classify k = {c, meta, data};
    survey_each(c, object_claims, &k);
    survey_each(c, object_kind, c);
}

/* -- Owners -- */

typedef struct Inherit {
    Survey *c;
    Obj *queue;
    uint64_t head, tail;
    uint32_t rest;
} Inherit;

static void queue_owned(void *data, Obj x, uint64_t place, size_t bytes) {
    Inherit *in = data;
    (void)bytes;
    if (in->c->owner[place] != NO_NODE) in->queue[in->tail++] = x;
}

static void inherit_slot(Inherit *in, Obj x, uint32_t owner) {
    uint64_t place;
    if (!survey_place(in->c, x, &place) || in->c->owner[place] != NO_NODE) return;
    in->c->owner[place] = owner;
    in->queue[in->tail++] = x;
}

static void own_rest(void *data, Obj x, uint64_t place, size_t bytes) {
    const Inherit *in = data;
    (void)x;
    (void)bytes;
    if (in->c->owner[place] == NO_NODE) in->c->owner[place] = in->rest;
}

void survey_inherit(Survey *c, uint32_t rest) {
    Inherit in = {.c = c, .rest = rest, .queue = malloc((c->count + 1) * sizeof(Obj))};
    must(in.queue);
    survey_each(c, queue_owned, &in);
    while (in.head < in.tail) {
        Obj x = in.queue[in.head++];
        uint64_t place;
        must(survey_place(c, x, &place));
        uint32_t owner = c->owner[place];
        if (is_cons(x)) {
            inherit_slot(&in, car(x), owner);
            inherit_slot(&in, cdr(x), owner);
        } else {
            x = symbol_object(x);
            for (uint64_t i = 0; shapes[obj_type(x)].layout != LAYOUT_RAW && i < obj_length(x); i++) inherit_slot(&in, obj_slots(x)[i], owner);
        }
    }
    free(in.queue);
    survey_each(c, own_rest, &in);
}
