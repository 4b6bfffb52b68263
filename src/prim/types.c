/* types.c: type predicates: those of predicates.def, which are instructions too, as functions; and those that are rarer. */
#include "run/run.h"

#define PREDICATE(id, name, test)                                                                       \
    BUILTIN(predicate_##id, name, 1, 1, "object", "Whether the object is of the type of this name.") { \
        Obj x = args[0];                                                                                \
        return obj_of_bool(test);                                                                       \
    }
#include "code/predicates.def"
#undef PREDICATE

/* PREDICATES BY SHAPE: one function, one shape. */
#define SHAPE_PREDICATE(c_name, name, shape)                                                         \
    BUILTIN(c_name, name, 1, 1, "object", "Whether the object is of the type of this name.") { return obj_of_bool(has_type(args[0], TYPE_##shape)); }

SHAPE_PREDICATE(is_stream, "STREAMP", STREAM)
SHAPE_PREDICATE(is_readtable, "READTABLEP", READTABLE)
SHAPE_PREDICATE(is_pathname, "PATHNAMEP", PATHNAME)
SHAPE_PREDICATE(is_random_state, "RANDOM-STATE-P", RANDOM_STATE)
SHAPE_PREDICATE(is_bignum, "%BIGNUMP", BIGNUM)
SHAPE_PREDICATE(is_ratio, "%RATIOP", RATIO)
SHAPE_PREDICATE(is_environment, "%ENVIRONMENTP", ENVIRONMENT)
SHAPE_PREDICATE(is_weak_pointer, "%WEAK-POINTER-P", WEAK_POINTER)

BUILTIN(is_compiled_function, "COMPILED-FUNCTION-P", 1, 1, "object", "Whether the object is a function: every function is compiled.") {
    return obj_of_bool(is_function(args[0]));
}

BUILTIN(is_simple_array, "%SIMPLE-ARRAY-P", 1, 1, "object", "Whether the object is an array that is neither displaced nor adjustable and has no fill pointer.") {
    Obj x = args[0];
    if (!is_array(x)) return NIL;
    if (obj_type(x) != TYPE_ARRAY) return T_;
    return obj_of_bool(is_nil(obj_slots(x)[ARRAY_FILL_POINTER]) && is_nil(obj_slots(x)[ARRAY_DISPLACED_P]) && !(obj_flags(x) & ARRAY_ADJUSTABLE));
}

BUILTIN(is_base_string, "%BASE-STRING-P", 1, 1, "object", "Whether the object is a string of base characters.") {
    return obj_of_bool(is_vector(args[0]) && obj_type(array_storage(args[0])) == TYPE_BASE_STRING);
}

/* Type tests of arrays are by shape: the element type of a shape never changes. */
BUILTIN(storage_code, "%STORAGE-CODE", 1, 1, "array", "A number that stands for the element type of the array.") {
    if (!is_array(args[0])) signal_type_error(t, args[0], SYM(ARRAY));
    return obj_of_fix(obj_type(array_storage(args[0])));
}
