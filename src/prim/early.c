/* early.c: what an error is where there are no conditions: a line on standard error and the end.

   The first files of the library are loaded while ERROR, SYS::%LEAF-ERROR and SYS::%UNDEFINED-CALL are the leaves below; lisp/conditions.lisp puts
   the real functions in their place.  So a mistake in those files says what it is instead of failing silently.  And a delivered program that can
   neither handle nor signal a condition has lost the real ones (prim/deliver.c): its errors are reported here, by type, with the report's
   main words.  The printer here knows only enough to show the culprit; it prints at most a few levels and elements. */
#include "prim/prim.h"
#include "run/frame.h"

#include <stdio.h>
#include <stdlib.h>

enum { EARLY_DEPTH = 6, EARLY_LENGTH = 12 };

static void early_put_string(Obj s) {
    for (uint64_t i = 0; i < obj_length(s); i++) {
        uint32_t c = simple_string_char(s, i);
        fputc(c < 128 ? (int)c : '?', stderr);
    }
}

static void early_print(Obj x, int depth);

static void early_print_list(Obj x, int depth) {
    fputc('(', stderr);
    for (int i = 0; is_cons(x); i++, x = cdr(x)) {
        if (i) fputc(' ', stderr);
        if (i == EARLY_LENGTH || depth == 0) {
            fputs("...", stderr);
            x = NIL;
            break;
        }
        early_print(car(x), depth - 1);
    }
    if (!is_nil(x)) {
        fputs(" . ", stderr);
        early_print(x, depth - 1);
    }
    fputc(')', stderr);
}

static void early_print_symbol(Obj x) {
    Obj name = symbol_slots(x)[SYMBOL_NAME];
    if (is_simple_string(name) && obj_length(name)) early_put_string(name);
    else if (static_symbol_name(x)) fputs(static_symbol_name(x), stderr);
    else fprintf(stderr, "#:%08X", symbol_hash(x));
}

static void early_print(Obj x, int depth) {
    if (is_fix(x)) fprintf(stderr, "%lld", (long long)fix_of_obj(x));
    else if (is_char(x)) fprintf(stderr, "#\\U+%X", char_of_obj(x));
    else if (is_symbol(x)) early_print_symbol(x);
    else if (is_cons(x)) early_print_list(x, depth);
    else if (is_simple_string(x)) early_put_string(x);
    else if (is_function(x) && has_type(obj_slots(x)[FUNCTION_CONSTANTS], TYPE_SIMPLE_VECTOR)) {
        fputs("#'", stderr);
        early_print(obj_slots(obj_slots(obj_slots(x)[FUNCTION_CONSTANTS])[0])[DEBUG_NAME], 2);
    } else if (has_type(x, TYPE_INSTANCE) && depth > 0 && has_type(obj_slots(x)[INSTANCE_SLOTS], TYPE_SIMPLE_VECTOR)) {
        Obj slots = obj_slots(x)[INSTANCE_SLOTS];
        fputs("#<", stderr);
        for (uint64_t i = 0; i < obj_length(slots); i++) {
            if (i) fputc(' ', stderr);
            early_print(obj_slots(slots)[i], depth - 1);
        }
        fputc('>', stderr);
    } else if (is_obj(x)) fprintf(stderr, "#<%s>", shapes[obj_type(x)].name);
    else fprintf(stderr, "#<word %llx>", (unsigned long long)x.w);
}

/* The names of the frames that run, the innermost first. */
static void early_backtrace(Thread *t) {
    fputs("  in", stderr);
    for (Obj *base = t->base; base > t->stack; base = frame_caller(base)) {
        Obj constants = obj_slots(frame_function(base))[FUNCTION_CONSTANTS]; /* nothing is swapped so early */
        if (has_type(constants, TYPE_SIMPLE_VECTOR)) {
            fputc(' ', stderr);
            early_print(obj_slots(obj_slots(constants)[0])[DEBUG_NAME], 2);
        }
        if (frame_caller(base) == base) break;
    }
    fputc('\n', stderr);
}

/* -- Errors of delivered programs -- */

static Obj initarg(uint32_t n, const Obj *args, Obj key) {
    for (uint32_t i = 1; i + 1 < n; i += 2)
        if (eq(args[i], key)) return args[i + 1];
    return UNBOUND;
}

/* Prints a control string whose directives each show one argument. */
static void report_format(Obj control, Obj arguments) {
    for (uint64_t i = 0; i < obj_length(control); i++) {
        uint32_t c = simple_string_char(control, i);
        if (c != '~' || i + 1 == obj_length(control)) {
            fputc(c < 128 ? (int)c : '?', stderr);
            continue;
        }
        i++;
        if (is_cons(arguments)) {
            early_print(car(arguments), EARLY_DEPTH);
            arguments = cdr(arguments);
        }
    }
}

/* What the report functions of lisp/conditions.lisp say, of the conditions that C code signals. */
static void report_condition(Thread *t, uint32_t n, const Obj *args) {
    if (is_simple_string(args[0])) {
        fputs("SIMPLE-ERROR: ", stderr);
        report_format(args[0], alloc_list(t, n - 1, args + 1));
        fputc('\n', stderr);
        return;
    }
    Obj datum = initarg(n, args, SYM(K_DATUM)), name = initarg(n, args, SYM(K_NAME)), control = initarg(n, args, SYM(K_FORMAT_CONTROL));
    early_print(args[0], 1);
    fputs(": ", stderr);
    if (is_simple_string(control)) {
        report_format(control, initarg(n, args, SYM(K_FORMAT_ARGUMENTS)));
    } else if (!eq(datum, UNBOUND)) {
        fputs("The value ", stderr);
        early_print(datum, EARLY_DEPTH);
        fputs(" is not of type ", stderr);
        early_print(initarg(n, args, SYM(K_EXPECTED_TYPE)), EARLY_DEPTH);
        fputc('.', stderr);
    } else if (!eq(name, UNBOUND)) {
        fputs(eq(args[0], SYM(UNBOUND_VARIABLE)) ? "The variable " : "The function ", stderr);
        early_print(is_symbol(name) ? symbol_info(name, SYM(SETF), name) : name, 2); /* a cell knows of what */
        bool variable = eq(args[0], SYM(UNBOUND_VARIABLE));
        const char *keeps = !variable ? removed_by(is_symbol(name) ? name : function_name_cell(t, name)) : is_symbol(name) && symbol_value_removed(t, name) ? ":KEEP-SYMBOLS" : NULL;
        fputs(keeps ? " was removed by delivery" : variable ? " has no value." : " is not defined.", stderr);
        if (keeps) fprintf(stderr, t->world->shed_problem ? "; %s keeps it (%s)." : "; %s keeps it.", keeps, t->world->shed_problem);
    }
    fputc('\n', stderr);
}

NORETURN static void delivered_die(Thread *t, uint32_t n, const Obj *args) {
    streams_finish(t);
    fputs("Unhandled ", stderr);
    report_condition(t, n, args);
    exit(1);
}

NORETURN static void early_die(Thread *t, const char *what, uint32_t n, const Obj *args) {
    fflush(stdout);
    fprintf(stderr, "windfall: %s while the library is being loaded:", what);
    for (uint32_t i = 0; i < n; i++) {
        fputc(' ', stderr);
        early_print(args[i], EARLY_DEPTH);
    }
    fputs("\n  at ", stderr);
    early_print(symbol_value(t, SYM(SOURCE_PLACE)), 2);
    fputc('\n', stderr);
    early_backtrace(t);
    exit(1);
}

BUILTIN(early_error, "ERROR", 1, ARGS_ANY, "datum &rest arguments", "Signals an error.") {
    if (shed_fetch(t)) { /* the real function goes on in the leaf's place */
        Obj function = symbol_slots(SYM(ERROR))[SYMBOL_FUNCTION];
        if (n <= DOOR_ARGUMENTS) door_call(t, function, n, args);
        door_call(t, t->world->trampoline, 2, (Obj[]){function, alloc_list(t, n, args)});
    }
    if (!is_nil(t->world->entry)) delivered_die(t, n, args);
    early_die(t, "error", n, args);
}

BUILTIN(early_leaf_error, "%LEAF-ERROR", 1, ARGS_ANY, "type &rest initargs", "What a failed leaf becomes: the error of this type.") {
    if (!is_nil(t->world->entry)) delivered_die(t, n, args);
    early_die(t, "error", n, args);
}

BUILTIN(early_undefined_call, "%UNDEFINED-CALL", 2, 2, "name arguments", "What a call of an undefined function becomes.") {
    if (!is_nil(t->world->entry)) delivered_die(t, 3, (Obj[]){SYM(UNDEFINED_FUNCTION), SYM(K_NAME), args[0]});
    early_die(t, "undefined function", n, args);
}

BUILTIN(early_end, "%EARLY-DIE", 1, ARGS_ANY, "&rest culprits", "Ends the process: an error that the library cannot report yet.") { early_die(t, "error", n, args); }
