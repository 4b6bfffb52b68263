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

BUILTIN(is_sequence, "%SEQUENCEP", 1, 1, "object", "Whether the object is a list or a vector.") { return obj_of_bool(is_list(args[0]) || is_vector(args[0]) || is_swapped_vector(args[0])); }

BUILTIN(is_base_string, "%BASE-STRING-P", 1, 1, "object", "Whether the object is a string of base characters.") {
    if (is_handle(args[0])) return obj_of_bool(is_swapped_vector(args[0]) && handle_storage(args[0]) == TYPE_BASE_STRING);
    return obj_of_bool(is_vector(args[0]) && obj_type(array_storage(args[0])) == TYPE_BASE_STRING);
}
