/* frames.c: the frames of the control stack as data, for backtraces and the debugger. */
#include "run/frame.h"
#include "text/text.h"

/* The source line of an offset: the last entry of PLACES at or before it. */
static Obj line_of_offset(Obj debug, int64_t offset) {
    Obj places = debug_part(debug, DEBUG_PLACES), line = debug_part(debug, DEBUG_LINE);
    if (!has_type(places, TYPE_U32_VECTOR)) return line;
    uint32_t *p = obj_raw(places);
    for (uint64_t i = 0; i + 1 < obj_length(places) && p[i] < offset; i += 2) line = obj_of_fix(p[i + 1]);
    return line;
}

/* (name arguments file line function): the arguments are what the parameters' registers hold now. */
static Obj describe_frame(Thread *t, Obj *base, int64_t offset) {
    Obj f = frame_function(base), debug = function_debug(t, f);
    Obj name = NIL, file = NIL, line = NIL, args = NIL;
    if (!is_nil(debug)) {
        name = obj_slots(debug)[DEBUG_NAME];
        file = debug_part(debug, DEBUG_FILE);
        line = line_of_offset(debug, offset);
    }
    for (uint32_t i = function_parameters(t, f); i-- > 0;)
        if (!eq(base[i], NO_ARG)) args = alloc_cons(t, is_marker(base[i]) ? NIL : base[i], args);
    return alloc_list(t, 5, (Obj[]){name, args, file, line, f});
}

BUILTIN(backtrace, "%BACKTRACE", 0, 1, "(&optional (limit 1000))",
        "List of the frames from the innermost out, at most LIMIT (a fixnum): each (name arguments file line function).") {
    int64_t limit = n > 0 && is_fix(args[0]) ? fix_of_obj(args[0]) : 1000;
    Obj head = alloc_cons(t, NIL, NIL), last = head;
    int64_t offset = code_leave(t);
    for (Obj *base = t->base; limit-- > 0;) {
        if (!eq(frame_function(base), t->world->trampoline)) {
            Obj cell = alloc_cons(t, describe_frame(t, base, offset), NIL);
            cons_slots(last)[1] = cell; /* NOBARRIER: fresh */
            last = cell;
        }
        Obj *caller = frame_caller(base);
        if (caller == base || caller < t->stack) break;
        offset = frame_offset(base);
        base = caller;
    }
    return cdr(head);
}

BUILTIN(stack_depth, "%STACK-DEPTH", 0, 0, "()", "Words in use on the control stack.") { return obj_of_fix(t->top - t->stack); }
