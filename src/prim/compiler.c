/* compiler.c: the compiler's leaves: compiling, and what names mean in a lexical environment.

   An ENVIRONMENT is what macro functions get: association lists of variables, functions and declarations, innermost first (compile/scope.c).
   NIL stands for the global environment.  %COMPILE-FORM and %COMPILE-LAMBDA call macro functions: they are the re-entry that law 2 allows. */
#include "compile/compiler.h"

#include "text/text.h"

static Obj environment_slot(Thread *t, Obj environment, int slot) {
    if (is_nil(environment)) return NIL;
    if (!has_type(environment, TYPE_ENVIRONMENT)) signal_type_error(t, environment, SYM(ENVIRONMENT));
    return obj_slots(environment)[slot];
}

/* The rest of the innermost entry of the name, (kind . data), or NIL. */
static Obj environment_entry(Thread *t, Obj environment, int slot, Obj name) {
    for (Obj tail = environment_slot(t, environment, slot); is_cons(tail); tail = cdr(tail)) {
        Obj key = car(car(tail));
        if (eq(key, name) || (is_cons(key) && is_cons(name) && eq(car(key), car(name)) && eq(cadr(key), cadr(name)))) return cdr(car(tail));
    }
    return NIL;
}

static bool entry_is(Thread *t, Obj entry, const char *kind) { return eq(car(entry), intern_text(t, t->world->package_keyword, kind)); }

static Obj check_symbol(Thread *t, Obj x) {
    if (!is_symbol(x)) signal_type_error(t, x, SYM(SYMBOL));
    return x;
}

BUILTIN(compile_form, "%COMPILE-FORM", 1, 2, "form &optional environment", "A function of no arguments that evaluates the form.") {
    return compile_form(t, args[0], ARG(1, NIL));
}

BUILTIN(compile_lambda, "%COMPILE-LAMBDA", 1, 2, "lambda-expression &optional environment", "The function that the lambda expression denotes.") {
    return compile_lambda(t, args[0], ARG(1, NIL));
}

BUILTIN(macro_function, "%MACRO-FUNCTION", 2, 2, "symbol environment", "The macro function of the symbol in the environment, or NIL.") {
    Obj entry = environment_entry(t, args[1], ENVIRONMENT_FUNCTIONS, check_symbol(t, args[0]));
    if (!is_nil(entry)) return entry_is(t, entry, "MACRO") ? cadr(entry) : NIL;
    return symbol_flags(args[0]) & SYMBOL_MACRO ? symbol_slots(args[0])[SYMBOL_FUNCTION] : NIL;
}

BUILTIN(local_function_p, "%LOCAL-FUNCTION-P", 2, 2, "name environment", "Whether the name is that of a function of FLET or LABELS in the environment.") {
    Obj entry = environment_entry(t, args[1], ENVIRONMENT_FUNCTIONS, args[0]);
    return obj_of_bool(!is_nil(entry) && entry_is(t, entry, "FUNCTION"));
}

BUILTIN(symbol_macro_expansion, "%SYMBOL-MACRO-EXPANSION", 2, 2, "symbol environment",
        "What the symbol macro stands for in the environment, and T; NIL and NIL if it is none.") {
    Obj entry = environment_entry(t, args[1], ENVIRONMENT_VARIABLES, check_symbol(t, args[0]));
    if (!is_nil(entry)) return entry_is(t, entry, "SYMBOL-MACRO") ? values_2(t, cadr(entry), T_) : values_2(t, NIL, NIL);
    if (symbol_flags(args[0]) & SYMBOL_SYMBOL_MACRO) return values_2(t, symbol_info(args[0], SYM(SYMBOL_MACRO_EXPANSION), NIL), T_);
    return values_2(t, NIL, NIL);
}

BUILTIN(special_operator_p, "SPECIAL-OPERATOR-P", 1, 1, "symbol", "Whether the symbol names a special operator.") {
    return obj_of_bool((symbol_flags(check_symbol(t, args[0])) & SYMBOL_DEFINED_SPECIAL_OPERATOR) != 0);
}
