/* compiler.c: leaves of chapter 3: compilation, environments, what is known of compiled functions.

   %COMPILE-FORM and %COMPILE-LAMBDA are two of the few leaves that call Lisp: the compiler calls macro functions.  The others look things up.
   An ENVIRONMENT's slots are association lists (compile/compiler.h); NIL is the null lexical environment. */
#include "code/code.h"
#include "compile/compile.h"
#include "run/run.h"
#include "swap/swap.h"
#include "text/text.h"

#include <stdlib.h>

/* -- Compilation -- */

BUILTIN(compile_form, "%COMPILE-FORM", 1, 2, "form &optional environment", "A function of no arguments that evaluates the form (CLHS 3.2).") {
    return compile_form(t, args[0], ARG(1, NIL));
}

BUILTIN(compile_lambda, "%COMPILE-LAMBDA", 1, 2, "lambda-expression &optional environment",
        "The function that the expression (LAMBDA ...) or (NAMED-LAMBDA name ...) denotes in the environment (CLHS 3.2).") {
    return compile_lambda(t, args[0], ARG(1, NIL));
}

/* -- Environments -- */

/* The entry of the name in one of the lists of the environment, or NIL. */
static Obj environment_entry(Thread *t, Obj environment, int slot, Obj name) {
    if (is_nil(environment)) return NIL;
    if (!has_type(environment, TYPE_ENVIRONMENT)) signal_type_error(t, environment, SYM(ENVIRONMENT));
    for (Obj x = obj_slots(environment)[slot]; is_cons(x); x = cdr(x))
        if (function_names_equal(car(car(x)), name)) return car(x);
    return NIL;
}

static bool entry_is(Thread *t, Obj entry, const char *kind) { return eq(cadr(entry), intern_text(t, t->world->package_keyword, kind)); }

static void check_symbol(Thread *t, Obj x) {
    if (!is_symbol(x)) signal_type_error(t, x, SYM(SYMBOL));
}

BUILTIN(macro_function, "%MACRO-FUNCTION", 1, 2, "symbol &optional environment", "The macro function of the symbol in the environment, or NIL (CLHS 3.8).") {
    Obj symbol = args[0];
    check_symbol(t, symbol);
    Obj entry = environment_entry(t, ARG(1, NIL), ENVIRONMENT_FUNCTIONS, symbol);
    if (!is_nil(entry)) return entry_is(t, entry, "MACRO") ? caddr(entry) : NIL;
    return symbol_flags(symbol) & SYMBOL_MACRO ? symbol_slots(symbol)[SYMBOL_FUNCTION] : NIL;
}

BUILTIN(symbol_macro_expansion, "%SYMBOL-MACRO-EXPANSION", 1, 2, "symbol &optional environment",
        "The expansion of the symbol macro and T; NIL and NIL if the symbol is none there.") {
    Obj symbol = args[0];
    check_symbol(t, symbol);
    Obj entry = environment_entry(t, ARG(1, NIL), ENVIRONMENT_VARIABLES, symbol);
    if (!is_nil(entry)) return entry_is(t, entry, "SYMBOL-MACRO") ? values_2(t, caddr(entry), T_) : values_2(t, NIL, NIL);
    if (!(symbol_flags(symbol) & SYMBOL_SYMBOL_MACRO)) return values_2(t, NIL, NIL);
    return values_2(t, symbol_info(symbol, SYM(SYMBOL_MACRO_EXPANSION), NIL), T_);
}

BUILTIN(local_function_p, "%LOCAL-FUNCTION-P", 2, 2, "name environment", "Whether the name is that of a function of FLET or LABELS in the environment.") {
    Obj entry = environment_entry(t, args[1], ENVIRONMENT_FUNCTIONS, args[0]);
    return obj_of_bool(!is_nil(entry) && entry_is(t, entry, "FUNCTION"));
}

BUILTIN(environment_function, "%ENVIRONMENT-FUNCTION", 2, 2, "name environment",
        "What the environment says of the operator: (name :FUNCTION nil), (name :MACRO function), or NIL if it says nothing.") {
    return environment_entry(t, args[1], ENVIRONMENT_FUNCTIONS, args[0]);
}

BUILTIN(environment_variable, "%ENVIRONMENT-VARIABLE", 2, 2, "symbol environment",
        "What the environment says of the variable: (name :LEXICAL t), (name :SPECIAL t), (name :SYMBOL-MACRO expansion), or NIL.") {
    return environment_entry(t, args[1], ENVIRONMENT_VARIABLES, args[0]);
}

BUILTIN(environment_declarations, "%ENVIRONMENT-DECLARATIONS", 1, 1, "environment",
        "Free declarations in force, innermost first: (name :INLINE t), (name :NOTINLINE t), (name :TYPE type), (name :FTYPE type).") {
    if (is_nil(args[0])) return NIL;
    if (!has_type(args[0], TYPE_ENVIRONMENT)) signal_type_error(t, args[0], SYM(ENVIRONMENT));
    return obj_slots(args[0])[ENVIRONMENT_DECLARATIONS];
}

BUILTIN(augment_environment, "%AUGMENT-ENVIRONMENT", 4, 4, "environment variables functions declarations",
        "A new environment: the entries of three lists in front of those of ENVIRONMENT, which may be NIL.") {
    Obj env = alloc_boxed(t, TYPE_ENVIRONMENT, ENVIRONMENT_LENGTH, NIL);
    if (!is_nil(args[0]) && !has_type(args[0], TYPE_ENVIRONMENT)) signal_type_error(t, args[0], SYM(ENVIRONMENT));
    for (uint32_t i = 0; i < ENVIRONMENT_LENGTH; i++) {
        Obj tail = is_nil(args[0]) ? NIL : obj_slots(args[0])[i];
        uint32_t count = 0;
        for (Obj x = args[i + 1]; is_cons(x); x = cdr(x)) count++;
        Obj head = NIL, last = NIL;
        for (Obj x = args[i + 1]; count > 0; x = cdr(x), count--) {
            Obj cell = alloc_cons(t, car(x), tail);
            if (is_nil(head)) head = cell;
            else cons_slots(last)[1] = cell; /* NOBARRIER: fresh cons */
            last = cell;
        }
        init_field(env, i, is_nil(head) ? tail : head);
    }
    return env;
}

BUILTIN(special_operator_p, "SPECIAL-OPERATOR-P", 1, 1, "symbol", "Whether the symbol names a special operator (CLHS 3.8).") {
    check_symbol(t, args[0]);
    return obj_of_bool(is_special_operator(args[0]));
}

/* -- Structures -- */

BUILTIN(structure_setf, "%STRUCTURE-SETF", 3, 3, "reader object value",
        "(SETF (reader object) value) for the reader of a DEFSTRUCT slot; the compiler makes an instruction of it.") {
    Obj accessor = symbol_info(args[0], SYM(STRUCTURE_ACCESSOR), NIL);
    if (!is_cons(accessor) || !has_type(car(accessor), TYPE_LAYOUT)) signal_format(t, SYM(PROGRAM_ERROR), "~S is not the reader of a structure's slot", 1, args[0]);
    Obj layout = car(accessor), x = args[1];
    uint64_t depth = (uint64_t)fix_of_obj(obj_slots(layout)[LAYOUT_DEPTH]);
    bool fits = has_type(x, TYPE_STRUCTURE);
    if (fits) {
        Obj ancestors = obj_slots(obj_slots(x)[STRUCTURE_LAYOUT])[LAYOUT_ANCESTORS];
        fits = depth < obj_length(ancestors) && eq(obj_slots(ancestors)[depth], layout);
    }
    if (!fits) signal_type_error(t, x, obj_slots(layout)[LAYOUT_NAME]);
    set_field(t, x, (uint64_t)fix_of_obj(cadr(accessor)), args[2]);
    return args[2];
}

/* -- Compiled functions -- */

/* Code vector, or NIL, and constants. */
static Obj code_of_function(Thread *t, Obj x, Obj *constants) {
    Obj code;
    if (!is_function(x)) signal_type_error(t, x, SYM(FUNCTION));
    function_parts(t, x, &code, constants);
    return code;
}

BUILTIN(disassemble, "%DISASSEMBLE", 1, 1, "function",
        "A list of strings, one an instruction, and the vector of constants; NIL for a builtin.") {
    Obj constants, code = code_of_function(t, args[0], &constants);
    if (is_nil(code)) return values_2(t, NIL, NIL);
    Obj lines = NIL;
    for (uint64_t i = obj_length(code); i > 0; i--) {
        char text[160];
        code_disassemble(obj_raw(code), i - 1, text, sizeof text);
        lines = alloc_cons(t, alloc_text(t, text), lines);
    }
    return values_2(t, lines, constants);
}

BUILTIN(verify_function, "%VERIFY-FUNCTION", 1, 2, "function &optional template-p",
        "NIL if the function's bytecode is sound; else what is wrong and the offset.  TEMPLATE-P: its closures may have any environment.") {
    enum { ANY_ENVIRONMENT = UINT16_MAX + 1 };
    Obj constants, code = code_of_function(t, args[0], &constants);
    if (is_nil(code)) return NIL;
    uint64_t at, environment = n > 1 && !is_nil(args[1]) ? ANY_ENVIRONMENT : obj_length(args[0]) - FUNCTION_ENV;
    const char *wrong = code_verify(obj_raw(code), obj_length(code), constants, environment, &at);
    if (!wrong) {
        uint8_t *cells = calloc(ANY_ENVIRONMENT, 1);
        must(cells != NULL);
        wrong = code_verify_flow(obj_raw(code), obj_length(code), constants, cells);
        free(cells);
    }
    return wrong ? values_2(t, alloc_text(t, wrong), obj_of_fix((int64_t)at)) : NIL;
}

BUILTIN(function_templates, "%FUNCTION-TEMPLATES", 1, 1, "function", "The functions among the constants of the function's code: those nested in it.") {
    Obj list = NIL, constants;
    if (is_nil(code_of_function(t, args[0], &constants))) return NIL;
    for (uint64_t i = obj_length(constants); i > 0; i--) {
        Obj x = obj_slots(constants)[i - 1];
        if (has_type(x, TYPE_FUNCTION)) list = alloc_cons(t, x, list);
    }
    return list;
}

BUILTIN(change_function_constants, "%CHANGE-FUNCTION-CONSTANTS", 3, 3, "function from to",
        "Puts TO in the place of each constant of the function's code that is FROM, debug information apart; how many there were.") {
    int64_t count = 0;
    if (!has_type(args[0], TYPE_FUNCTION) || is_builtin(obj_slots(args[0])[FUNCTION_CODE])) return obj_of_fix(0);
    swap_begin(t);
    Obj constants = function_is_swapped(t, args[0]) ? swap_fetch(t, code_word(t, args[0])) : obj_slots(args[0])[FUNCTION_CONSTANTS];
    for (uint64_t i = 1; i < obj_length(constants); i++) {
        if (!eq(obj_slots(constants)[i], args[1])) continue;
        set_field(t, constants, i, args[2]);
        count++;
    }
    return obj_of_fix(count);
}
