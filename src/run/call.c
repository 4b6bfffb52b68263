/* call.c: re-entry from C, and the loop's helpers.

   `lisp_call` runs a nested loop.  It does so by calling a trampoline, a function of a function and a list of arguments that applies the one to the
   other, so that whatever goes wrong (a bad designator, a wrong argument count) goes wrong in a Lisp frame.  A record on the stack of exits
   marks the re-entry; an unwinding that passes it leaves the C frames by the outer loop's door. */
#include "run/dispatch.h"
#include "run/frame.h"
#include "run/loop.h"
#include "text/text.h"

enum { REENTRY_MAX = 400 };

/* Runs f from C until it returns; the landing place of the door is here, outside the loop's own C frame. */
static Obj run_loop(Thread *t, Obj f, Obj *base, uint32_t n) {
    jmp_buf door;
    t->door = &door;
    if (_setjmp(door) == 0) return interpret(t, ENTER_CALL, f, base, n);
    return interpret(t, ENTER_DOOR, NIL, NULL, 0);
}

Obj lisp_call(Thread *t, Obj function, uint32_t n, const Obj *args) {
    Obj list = alloc_list(t, n, args);
    Obj *base = t->base, *top = t->top;
    int64_t offset = base ? code_leave(t) : 0;
    jmp_buf *door = t->door;
    Again again = t->again;
    t->again.active = false;
    if (++t->depth > REENTRY_MAX || !stack_ensure(t, top + 64)) {
        t->depth = 0;
        signal_format(t, SYM(CONTROL_STACK_EXHAUSTED), "Too many nested calls from C into Lisp.", 0);
    }
    uint32_t depth = t->depth;
    exit_push(t, EXIT_REENTRY, 0, NIL, base ? base : t->stack, 0);
    Obj *nb = top + FRAME_HEADER;
    nb[-3] = obj_of_fix(base ? nb - base : 0);
    nb[-1] = frame_word(offset, FRAME_REENTRY);
    nb[0] = function;
    nb[1] = list;
    Obj value = run_loop(t, t->world->trampoline, nb, 2);
    t->exit_top--;
    t->depth = depth - 1;
    t->again = again;
    t->door = door;
    t->base = base;
    t->top = top;
    if (base) code_return(t, offset);
    event_raise(t, EVENT_REENTERED);
    return value;
}

/* -- Code made by hand -- */

static Obj code_make(Thread *t, uint32_t count, const Instruction *instructions) {
    Obj code = alloc_raw(t, TYPE_CODE, count);
    memcpy(obj_raw(code), instructions, count * sizeof(Instruction));
    return code;
}

static Obj constants_make(Thread *t, const char *name) {
    Obj debug = alloc_boxed(t, TYPE_SIMPLE_VECTOR, DEBUG_LENGTH, NIL);
    init_field(debug, DEBUG_NAME, intern_text(t, t->world->package_sys, name));
    Obj constants = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1, debug);
    return constants;
}

Obj funcallable_code(Thread *t) {
    if (!has_type(t->world->funcallable_code, TYPE_CODE)) {
        const Instruction code[] = {instruction_abc(OP_ENTRY, 1, 1, 0, 0), instruction_abc(OP_DISPATCH, 0, 0, 0, 0)};
        t->world->funcallable_code = code_make(t, COUNT_OF(code), code);
    }
    return t->world->funcallable_code;
}

void trampoline_create(Thread *t) {
    const Instruction code[] = {
        instruction_abc(OP_ENTRY, 0, 7, 2, 2),
        instruction_abc(OP_MOVE, 0, 5, 1, 0),
        instruction_abc(OP_APPLY, 0, 2, 0, 1),
        instruction_abc(OP_RETURN_VALUES, 0, 2, 0, 0),
    };
    Obj f = alloc_boxed(t, TYPE_FUNCTION, FUNCTION_ENV, NIL);
    init_field(f, FUNCTION_CODE, code_make(t, COUNT_OF(code), code));
    init_field(f, FUNCTION_CONSTANTS, constants_make(t, "%CALL-FROM-C"));
    t->world->trampoline = f;
}

/* -- The loop's helpers -- */

void loop_collect_fully(Thread *t) { heap_collect(t, 3); }

Obj loop_bind_lists(Thread *t, Obj symbols, Obj values) {
    Obj depth = obj_of_fix(t->binding_top - t->bindings);
    for (Obj s = symbols; is_cons(s); s = cdr(s)) {
        if (!is_symbol(car(s))) signal_type_error(t, car(s), SYM(SYMBOL));
        if (symbol_flags(car(s)) & SYMBOL_CONSTANT)
            signal_format(t, SYM(PROGRAM_ERROR), "The constant ~S cannot be bound.", 1, car(s));
    }
    for (; is_cons(symbols); symbols = cdr(symbols)) {
        bind_special(t, car(symbols), is_cons(values) ? car(values) : UNBOUND);
        if (is_cons(values)) values = cdr(values);
    }
    return depth;
}

Obj loop_values_of_list(Thread *t, Obj list) {
    uint32_t n = 0;
    for (Obj l = list; !is_nil(l); l = cdr(l), n++) {
        if (!is_cons(l)) signal_type_error(t, l, SYM(LIST));
        if (n == VALUES_LIMIT) signal_format(t, SYM(PROGRAM_ERROR), "More than ~D values.", 1, obj_of_fix(VALUES_LIMIT));
        t->values[n] = car(l);
    }
    t->value_count = n;
    return n ? t->values[0] : NIL;
}

/* Before CALL_VALUES is executed again: what it took from the current values lies in the frame that it built. */
void loop_restore_values(Thread *t, Obj *nb) {
    t->value_count = (uint32_t)fix_of_obj(nb[-2]);
    nb[-3] = nb[0];
    for (uint32_t i = 1; i < t->value_count; i++) t->values[i] = nb[i];
}

bool loop_fetched(Thread *t, Obj *end) {
    if (!WHOLE || !t->world->fetch_shed) return false;
    if (end > t->top) t->top = end;
    return shed_fetch(t);
}

enum { AMPLE = 64 << 20 };

void loop_fetch(Thread *t) {
    if (WHOLE && t->world->fetch_shed && heap_state(t->heap).bytes + AMPLE < heap_capacity(t->heap)) shed_fetch(t);
}

void loop_fetch_handler(Thread *t) {
    if (!WHOLE || LIKELY(!t->world->fetch_shed) || !is_symbol(t->door_function)) return;
    Obj f = symbol_slots(t->door_function)[SYMBOL_FUNCTION];
    if (is_function(f) && is_builtin(obj_slots(f)[FUNCTION_CODE])) loop_fetch(t);
}

Obj loop_undefined_function(Thread *t, Obj cell) {
    Obj function = shed_fetch(t) ? symbol_slots(cell)[SYMBOL_FUNCTION] : UNBOUND;
    if (is_function(function)) return function;
    Obj name = symbol_info(cell, SYM(SETF), cell);
    signal_condition(t, SYM(UNDEFINED_FUNCTION), 2, SYM(K_NAME), name);
}
