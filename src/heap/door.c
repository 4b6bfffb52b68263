/* door.c: the one door by which C leaves with a Lisp error.

   A leaf that cannot go on records in the thread what Lisp function is to be called in its place and jumps to the bytecode loop's landing
   place.  The loop builds the call in the dynamic context of the leaf, so handlers run before anything is unwound, and the value of that
   call becomes the leaf's value (USE-VALUE and the like). */
#include "heap/heap.h"

#include <stdarg.h>
#include <stdio.h>

NORETURN void door_call(Thread *t, Obj function, uint32_t count, const Obj *args) {
    must(count <= DOOR_ARGUMENTS);
    if (!t->door) must_die("a Lisp error before there is a door");
    t->door_reason = DOOR_SIGNAL;
    t->door_function = function;
    t->door_count = count;
    memcpy(t->door_args, args, count * sizeof(Obj));
    longjmp(*t->door, 1);
}

NORETURN void door_retry(Thread *t) {
    if (!t->door) must_die("heap exhausted before there is a door");
    t->door_reason = DOOR_RETRY;
    longjmp(*t->door, 1);
}

NORETURN void signal_condition(Thread *t, Obj type, uint32_t count, ...) {
    Obj args[DOOR_ARGUMENTS];
    must(count + 1 <= DOOR_ARGUMENTS);
    va_list ap;
    va_start(ap, count);
    args[0] = type;
    for (uint32_t i = 0; i < count; i++) args[i + 1] = va_arg(ap, Obj);
    va_end(ap);
    door_call(t, SYM(LEAF_ERROR), count + 1, args);
}

NORETURN void signal_type_error(Thread *t, Obj datum, Obj expected) {
    signal_condition(t, SYM(TYPE_ERROR), 4, SYM(K_DATUM), datum, SYM(K_EXPECTED_TYPE), expected);
}

NORETURN void signal_index_error(Thread *t, Obj index, uint64_t limit) {
    Obj upper = alloc_cons(t, obj_of_fix((int64_t)limit), NIL);
    Obj type = alloc_cons(t, SYM(INTEGER), alloc_cons(t, obj_of_fix(0), alloc_cons(t, upper, NIL)));
    signal_type_error(t, index, type);
}

NORETURN void signal_format(Thread *t, Obj type, const char *control, uint32_t count, ...) {
    Obj items[8];
    must(count <= COUNT_OF(items));
    va_list ap;
    va_start(ap, count);
    for (uint32_t i = 0; i < count; i++) items[i] = va_arg(ap, Obj);
    va_end(ap);
    signal_condition(t, type, 4, SYM(K_FORMAT_CONTROL), alloc_text(t, control), SYM(K_FORMAT_ARGUMENTS), alloc_list(t, count, items));
}
