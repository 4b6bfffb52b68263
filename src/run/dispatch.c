/* dispatch.c: class codes, and the keys of words that carry no layout. */
#include "run/dispatch.h"

#include "code/code.h"

/* Of an ARRAY, of rank 1 or not, over a storage of the type. */
static unsigned array_class_code(bool vector, Type storage) {
    if (!vector) return TYPE_ARRAY;
    switch (storage) {
    case TYPE_NIL_VECTOR:
    case TYPE_BASE_STRING:
    case TYPE_STRING: return CLASS_CODE_GENERAL_STRING;
    case TYPE_BIT_VECTOR: return CLASS_CODE_GENERAL_BIT_VECTOR;
    default: return CLASS_CODE_GENERAL_VECTOR;
    }
}

static unsigned object_class_code(Obj x) {
    Type type = obj_type(x);
    switch (type) {
    case TYPE_ARRAY: return array_class_code(array_rank(x) == 1, obj_type(array_storage(x)));
    case TYPE_STREAM: return obj_flags(x) ? CLASS_CODE_FILE_STREAM + obj_flags(x) - 1 : TYPE_STREAM;
    case TYPE_PATHNAME: return obj_flags(x) & PATHNAME_LOGICAL ? CLASS_CODE_LOGICAL_PATHNAME : TYPE_PATHNAME;
    default: return type;
    }
}

unsigned class_code(Obj x) {
    if (is_fix(x)) return CLASS_CODE_FIXNUM;
    if (is_list(x)) return is_nil(x) ? CLASS_CODE_NULL : CLASS_CODE_CONS;
    if (is_obj(x)) return object_class_code(x);
    if (is_char(x)) return CLASS_CODE_CHARACTER;
    if (is_single(x)) return CLASS_CODE_SINGLE;
    if (is_handle(x)) return handle_type(x) == TYPE_ARRAY ? array_class_code(handle_is_vector(x), handle_storage(x)) : handle_type(x);
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
