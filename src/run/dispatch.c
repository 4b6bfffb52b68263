/* dispatch.c: class codes, and the keys of words that carry no layout. */
#include "run/dispatch.h"

#include "code/code.h"

static unsigned array_class_code(Obj x) {
    if (array_rank(x) != 1) return TYPE_ARRAY;
    switch (obj_type(array_storage(x))) {
    case TYPE_BASE_STRING:
    case TYPE_STRING: return CLASS_CODE_GENERAL_STRING;
    case TYPE_BIT_VECTOR: return CLASS_CODE_GENERAL_BIT_VECTOR;
    default: return CLASS_CODE_GENERAL_VECTOR;
    }
}

unsigned class_code(Obj x) {
    if (is_fix(x)) return CLASS_CODE_FIXNUM;
    if (is_list(x)) return is_nil(x) ? CLASS_CODE_NULL : CLASS_CODE_CONS;
    if (is_obj(x)) return obj_type(x) == TYPE_ARRAY ? array_class_code(x) : obj_type(x);
    if (is_char(x)) return CLASS_CODE_CHARACTER;
    if (is_single(x)) return CLASS_CODE_SINGLE;
    return CLASS_CODE_OTHER;
}

const char *class_code_name(unsigned code) {
    static const char *const names[] = {
#define X(id, name) name,
        CLASS_CODES(X)
#undef X
    };
    must(code < CLASS_CODE_COUNT);
    return code < TYPE_COUNT ? shapes[code].name : names[code - TYPE_COUNT];
}

Obj class_key_slow(Thread *t, Obj x) {
    if (has_type(x, TYPE_FUNCALLABLE)) {
        Obj layout = obj_slots(x)[FUNCALLABLE_LAYOUT];
        return layout_is_valid(layout) ? layout : BROKEN;
    }
    Obj keys = t->world->class_keys;
    return !is_obj(keys) ? NIL : obj_slots(keys)[class_code(x)];
}
