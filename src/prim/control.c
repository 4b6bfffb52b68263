/* control.c: chapter 5: function names and definitions, identity, values; and the leaves under the macros of lisp/boot.lisp.

   A function name is a symbol or (SETF symbol).  Its definition lies in the function cell of its cell symbol (`function_name_cell`), and
   what else is known of it (inline expansion, compiler macro, ftype) in that symbol's INFO list.

   %CHECK-ARGUMENTS and %CHECK-KEYS verify the list that a macro takes apart; they return the list, so that a check is one call within
   an expression. */
#include "prim/prim.h"
#include "run/equal.h"

#include <stdlib.h>

static Obj check_symbol(Thread *t, Obj x) {
    if (!is_symbol(x)) signal_type_error(t, x, SYM(SYMBOL));
    return x;
}

static void check_function(Thread *t, Obj x) {
    if (!is_function(x)) signal_type_error(t, x, SYM(FUNCTION));
}

/* -- INFO -- */

BUILTIN(info, "%INFO", 2, 3, "symbol key &optional default", "What the system knows of the symbol under the key.") {
    check_definitions(t, check_symbol(t, args[0]));
    return symbol_info(args[0], args[1], ARG(2, NIL));
}

BUILTIN(set_info, "%SET-INFO", 3, 3, "symbol key value", "Keeps VALUE under KEY with the symbol.") {
    set_symbol_info(t, check_symbol(t, args[0]), args[1], args[2]);
    return args[2];
}

/* Takes the key and its value out of the symbol's INFO list. */
static void remove_info(Thread *t, Obj symbol, Obj key) {
    Obj before = NIL;
    for (Obj tail = symbol_slots(symbol)[SYMBOL_INFO]; is_cons(tail); tail = cddr(tail)) {
        if (eq(car(tail), key)) {
            if (is_nil(before))
                set_symbol(t, symbol, SYMBOL_INFO, cddr(tail));
            else
                set_cdr(t, before, cddr(tail));
            return;
        }
        before = cdr(tail);
    }
}

BUILTIN(remove_info, "%REMOVE-INFO", 2, 2, "symbol key", "Forgets what is kept under KEY with the symbol.") {
    remove_info(t, check_symbol(t, args[0]), args[1]);
    return NIL;
}

BUILTIN(symbol_flags, "%SYMBOL-FLAGS", 1, 1, "symbol", "1 constant, 2 special, 4 macro, 8 global, 16 special operator, 32 symbol macro.") {
    return obj_of_fix((int64_t)symbol_flags(check_symbol(t, args[0])));
}

BUILTIN(set_symbol_flags, "%SET-SYMBOL-FLAGS", 2, 2, "symbol flags", "Replaces the flags of the symbol.") {
    check_symbol(t, args[0]);
    if (!is_fix(args[1]) || (uint64_t)fix_of_obj(args[1]) > 63) signal_index_error(t, args[1], 64);
    obj_set_flags(symbol_object(args[0]), (unsigned)fix_of_obj(args[1]));
    return args[1];
}

BUILTIN(symbol_flag_p, "%SYMBOL-FLAG-P", 2, 2, "symbol flags", "Whether one of the flags is set.") {
    if (!is_fix(args[1])) signal_type_error(t, args[1], SYM(FIXNUM));
    return obj_of_bool((symbol_flags(check_symbol(t, args[0])) & (unsigned)fix_of_obj(args[1])) != 0);
}

/* -- Definitions -- */

static unsigned cell_flags(Obj cell) { return symbol_flags(cell); }

static void set_cell_flags(Obj cell, unsigned set, unsigned clear) {
    obj_set_flags(symbol_object(cell), (cell_flags(cell) & ~clear) | set);
}

/* The cell of a name that may be given a definition: special operators may not. */
static Obj definable_cell(Thread *t, Obj name) {
    Obj cell = function_name_cell(t, name);
    if (cell_flags(cell) & SYMBOL_DEFINED_SPECIAL_OPERATOR)
        signal_format(t, SYM(PROGRAM_ERROR), "~S is a special operator and cannot be redefined.", 1, name);
    return cell;
}

/* A function that is replaced is not traced any more: what TRACE keeps would keep its code. */
static void define_function(Thread *t, Obj cell, Obj function) {
    remove_info(t, cell, SYM(TRACED));
    remove_info(t, cell, SYM(TRACER));
    set_symbol(t, cell, SYMBOL_FUNCTION, function);
    set_cell_flags(cell, 0, SYMBOL_MACRO);
}

BUILTIN(function_cell, "%FUNCTION-CELL", 1, 1, "name", "The symbol in whose function cell the function NAME is defined.") {
    return function_name_cell(t, args[0]);
}

/* A definition has been stored: the policy of swapping is asked, in the leaf's place, when there is one (lisp/swap.lisp). */
static Obj definition_stored(Thread *t, Obj name, Obj function, Obj value) {
    Obj policy = symbol_slots(SYM(DEFINITION_STORED))[SYMBOL_FUNCTION];
    if (!is_function(policy) || is_nil(symbol_value(t, SYM(SWAP_POLICY)))) return value;
    door_call(t, policy, 3, (Obj[]){name, function, value});
}

BUILTIN(set_function, "%SET-FUNCTION", 2, 2, "name function", "Makes FUNCTION the global function NAME.") {
    check_function(t, args[1]);
    define_function(t, definable_cell(t, args[0]), args[1]);
    return definition_stored(t, args[0], args[1], args[1]);
}

BUILTIN(defun, "%DEFUN", 2, 2, "name function", "Makes FUNCTION the global function NAME and forgets what was known of the old one; returns NAME.") {
    check_function(t, args[1]);
    Obj cell = definable_cell(t, args[0]);
    define_function(t, cell, args[1]);
    remove_info(t, cell, SYM(STRUCTURE_ACCESSOR));
    return definition_stored(t, args[0], args[1], args[0]);
}

BUILTIN(set_macro, "%SET-MACRO", 2, 2, "symbol function", "Makes FUNCTION, of a form and an environment, the global macro function of the symbol.") {
    check_symbol(t, args[0]);
    check_function(t, args[1]);
    if ((cell_flags(args[0]) & SYMBOL_DEFINED_SPECIAL_OPERATOR) == 0) set_symbol(t, args[0], SYMBOL_FUNCTION, args[1]);
    set_cell_flags(args[0], SYMBOL_MACRO, 0);
    remove_info(t, args[0], SYM(STRUCTURE_ACCESSOR));
    return definition_stored(t, args[0], args[1], args[1]);
}

BUILTIN(fboundp, "FBOUNDP", 1, 1, "name", "Whether the function name has a global definition: function, macro or special operator.") {
    Obj cell = function_name_cell_if_any(t, args[0]);
    if ((is_removed(symbol_slots(cell)[SYMBOL_FUNCTION]) || (is_nil(cell) && is_cons(args[0]))) && shed_fetch(t)) cell = function_name_cell_if_any(t, args[0]);
    check_definitions(t, cell);
    Obj function = symbol_slots(cell)[SYMBOL_FUNCTION];
    return obj_of_bool(is_function(function) || is_removed_macro(function) || (cell_flags(cell) & SYMBOL_DEFINED_SPECIAL_OPERATOR));
}

BUILTIN(fmakunbound, "FMAKUNBOUND", 1, 1, "name", "Removes the global definition of the function name.") {
    Obj cell = definable_cell(t, args[0]);
    define_function(t, cell, UNBOUND);
    set_cell_flags(cell, 0, SYMBOL_MACRO);
    remove_info(t, cell, SYM(STRUCTURE_ACCESSOR));
    return args[0];
}

/* A special operator has none: the function that signals what FUNCALL of its name does stands for it. */
BUILTIN(fdefinition, "FDEFINITION", 1, 1, "name", "The global function or macro function that NAME names.") {
    Obj cell = function_name_cell_if_any(t, args[0]);
    if (!is_function(symbol_slots(cell)[SYMBOL_FUNCTION])) shed_fetch(t);
    cell = function_name_cell(t, args[0]);
    Obj function = symbol_slots(cell)[SYMBOL_FUNCTION];
    if (cell_flags(cell) & SYMBOL_DEFINED_SPECIAL_OPERATOR) function = symbol_slots(SYM(CALL_SPECIAL_OPERATOR))[SYMBOL_FUNCTION];
    if (!is_function(function)) signal_condition(t, SYM(UNDEFINED_FUNCTION), 2, SYM(K_NAME), args[0]);
    return function;
}

BUILTIN(global_macro, "%GLOBAL-MACRO", 1, 1, "symbol", "The global macro function of the symbol or NIL.") {
    check_symbol(t, args[0]);
    if (is_removed(symbol_slots(args[0])[SYMBOL_FUNCTION])) shed_fetch(t);
    return cell_flags(args[0]) & SYMBOL_MACRO ? symbol_slots(args[0])[SYMBOL_FUNCTION] : NIL;
}

BUILTIN(global_function, "%GLOBAL-FUNCTION", 1, 1, "name", "The global function, not macro, of the name or NIL.") {
    Obj cell = function_name_cell_if_any(t, args[0]);
    Obj function = symbol_slots(cell)[SYMBOL_FUNCTION];
    return is_function(function) && !(cell_flags(cell) & SYMBOL_MACRO) ? function : NIL;
}

/* -- Functions as objects -- */

BUILTIN(function_debug, "%FUNCTION-DEBUG", 1, 1, "function",
        "The debug information of compiled code, #(name lambda-list file line places documentation ...), or NIL for a builtin.") {
    check_function(t, args[0]);
    shed_fetch(t);
    Obj code, constants;
    function_parts(t, args[0], &code, &constants);
    Obj debug = constants_debug(constants);
    if (is_nil(debug) || obj_length(debug) >= DEBUG_LENGTH) return debug;
    Obj whole = alloc_boxed(t, TYPE_SIMPLE_VECTOR, DEBUG_LENGTH, NIL);
    init_field(whole, DEBUG_NAME, obj_slots(debug)[DEBUG_NAME]);
    return whole;
}

BUILTIN(set_function_documentation, "%SET-FUNCTION-DOCUMENTATION", 2, 2, "function text", "Makes TEXT the documentation of compiled code; nothing for a builtin.") {
    check_function(t, args[0]);
    function_set_documentation(t, args[0], args[1]);
    return args[1];
}

BUILTIN(builtin_info, "%BUILTIN-INFO", 1, 1, "function", "Name, lambda list and documentation of a builtin, three strings (the slim runtime has only the name), or NIL for another function.") {
    check_function(t, args[0]);
    Obj code = obj_slots(args[0])[FUNCTION_CODE];
    if (!is_builtin(code)) return NIL;
    const Builtin *b = builtin_at(builtin_of_obj(code));
#ifdef WINDFALL_SLIM
    return values_3(t, alloc_text(t, b->name), NIL, NIL);
#else
    return values_3(t, alloc_text(t, b->name), alloc_text(t, b->lambda_list), alloc_text(t, b->doc));
#endif
}

/* -- Equality -- */

BUILTIN(eq, "EQ", 2, 2, "x y", "Whether the arguments are the same object.") { return obj_of_bool(eq(args[0], args[1])); }

BUILTIN(eql, "EQL", 2, 2, "x y", "Whether the arguments are the same object, or numbers of the same type and value, or the same character.") {
    return obj_of_bool(number_eql(args[0], args[1]));
}

BUILTIN(equal, "EQUAL", 2, 2, "x y", "Whether the arguments are EQL, or conses, strings, bit-vectors or pathnames with EQUAL parts.") {
    return obj_of_bool(obj_equal(t, args[0], args[1]));
}

BUILTIN(equalp, "EQUALP", 2, 2, "x y",
        "Whether the arguments are EQUAL, or = as numbers, or CHAR-EQUAL, or arrays or structures with EQUALP parts; hash tables only if EQ.") {
    return obj_of_bool(obj_equalp(t, args[0], args[1]));
}

/* -- Values -- */

BUILTIN(identity, "IDENTITY", 1, 1, "object", "The argument.") { return args[0]; }

BUILTIN(not, "NOT", 1, 1, "x", "T if the argument is NIL, else NIL.") { return obj_of_bool(is_nil(args[0])); }

BUILTIN(values, "VALUES", 0, ARGS_ANY, "&rest objects", "The arguments as multiple values.") {
    if (n > VALUES_LIMIT) signal_format(t, SYM(PROGRAM_ERROR), "More than ~D values.", 1, obj_of_fix(VALUES_LIMIT));
    for (uint32_t i = 1; i < n; i++) t->values[i] = args[i];
    t->value_count = n;
    return n ? args[0] : NIL;
}

BUILTIN(values_list, "VALUES-LIST", 1, 1, "list", "The elements of the list as multiple values.") {
    uint32_t count = 0;
    Obj tail = args[0];
    for (; is_cons(tail); tail = cdr(tail)) {
        if (count == VALUES_LIMIT) signal_format(t, SYM(PROGRAM_ERROR), "More than ~D values.", 1, obj_of_fix(VALUES_LIMIT));
        t->values[count++] = car(tail);
    }
    if (!is_nil(tail)) signal_type_error(t, tail, SYM(LIST));
    t->value_count = count;
    return count ? t->values[0] : NIL;
}

/* -- Under the macros -- */

static Obj find_in_list(Obj item, Obj list) {
    while (is_cons(list) && !eq(car(list), item)) list = cdr(list);
    return is_cons(list) ? list : NIL;
}

static Obj find_in_alist(Obj item, Obj list) {
    for (; is_cons(list); list = cdr(list))
        if (is_cons(car(list)) && eq(car(car(list)), item)) return car(list);
    return NIL;
}

BUILTIN(memq, "SYS:MEMQ", 2, 2, "item list", "The tail of the list that begins with the item, by EQ.") { return find_in_list(args[0], args[1]); }
BUILTIN(memq_too, "%MEMQ", 2, 2, "item list", "MEMQ.") { return find_in_list(args[0], args[1]); }
BUILTIN(assq, "SYS:ASSQ", 2, 2, "item alist", "The first pair with the item as its CAR, by EQ.") { return find_in_alist(args[0], args[1]); }
BUILTIN(assq_too, "%ASSQ", 2, 2, "item alist", "ASSQ.") { return find_in_alist(args[0], args[1]); }

BUILTIN(find_key, "%FIND-KEY", 2, 2, "plist key", "The tail of the property list that begins with the value of the key, or NIL.") {
    for (Obj tail = args[0]; is_cons(tail) && is_cons(cdr(tail)); tail = cddr(tail))
        if (eq(car(tail), args[1])) return cdr(tail);
    return NIL;
}

BUILTIN(check_arguments, "%CHECK-ARGUMENTS", 4, 4, "list min max context",
        "The list, which must have at least MIN elements, and if MAX is not NIL be a proper list of at most MAX; PROGRAM-ERROR.") {
    int64_t min = fix_of_obj(args[1]), count = 0;
    bool bounded = is_fix(args[2]);
    int64_t limit = bounded ? fix_of_obj(args[2]) + 1 : min;
    Obj tail = args[0];
    for (; is_cons(tail) && count < limit; tail = cdr(tail)) count++;
    if (count < min)
        signal_format(t, SYM(PROGRAM_ERROR), "Too few arguments for ~{~A~^ ~}, at least ~D: ~S", 3, args[3], args[1], args[0]);
    if (bounded && count == limit)
        signal_format(t, SYM(PROGRAM_ERROR), "Too many arguments for ~{~A~^ ~}, at most ~D: ~S", 3, args[3], args[2], args[0]);
    if (bounded && !is_nil(tail)) signal_format(t, SYM(PROGRAM_ERROR), "Not a proper list for ~{~A~^ ~}: ~S", 2, args[3], args[0]);
    return args[0];
}

static bool list_has(Obj list, Obj item) {
    for (; is_cons(list); list = cdr(list))
        if (eq(car(list), item)) return true;
    return false;
}

BUILTIN(check_keys, "%CHECK-KEYS", 3, 3, "plist keywords context",
        "The property list, whose keys must be among KEYWORDS (T: any) unless it says :ALLOW-OTHER-KEYS; PROGRAM-ERROR.") {
    bool open = eq(args[1], T_), seen = open;
    Obj unknown = UNBOUND, tail = args[0];
    for (; is_cons(tail); tail = cddr(tail)) {
        if (!is_cons(cdr(tail))) break;
        Obj key = car(tail);
        if (eq(key, SYM(K_ALLOW_OTHER_KEYS))) {
            if (!seen) open = !is_nil(cadr(tail));
            seen = true;
        } else if (eq(unknown, UNBOUND) && !list_has(args[1], key)) {
            unknown = key;
        }
    }
    if (!is_nil(tail)) signal_format(t, SYM(PROGRAM_ERROR), "Odd number of keyword arguments for ~{~A~^ ~}: ~S", 2, args[2], args[0]);
    if (!eq(unknown, UNBOUND) && !open)
        signal_format(t, SYM(PROGRAM_ERROR), "Unknown keyword ~S for ~{~A~^ ~}; known are ~S", 3, unknown, args[2], args[1]);
    return args[0];
}

/* The characters of strings and symbols' names one behind the other, in a malloc'ed array of code points. */
static uint32_t *concatenate_names(Thread *t, const Obj *parts, uint32_t n, uint64_t *length) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        Obj part = is_symbol(parts[i]) ? symbol_slots(parts[i])[SYMBOL_NAME] : parts[i];
        if (!is_text_string(part)) signal_type_error(t, part, SYM(STRING));
        total += text_of_string(part).length;
    }
    uint32_t *codes = malloc((total + 1) * sizeof *codes);
    must(codes);
    *length = 0;
    for (uint32_t i = 0; i < n; i++) {
        Text s = text_of_string(is_symbol(parts[i]) ? symbol_slots(parts[i])[SYMBOL_NAME] : parts[i]);
        for (uint64_t k = 0; k < s.length; k++) codes[(*length)++] = text_char(s, k);
    }
    return codes;
}

BUILTIN(string_concat, "%STRING-CONCAT", 0, ARGS_ANY, "&rest parts", "A string of the characters of strings and of symbols' names.") {
    uint64_t length;
    uint32_t *codes = concatenate_names(t, args, n, &length);
    Obj string = string_of_text(t, (Text){codes, length, true});
    free(codes);
    return string;
}

BUILTIN(symbol_concat, "%SYMBOL-CONCAT", 0, ARGS_ANY, "&rest parts", "The symbol in the current package whose name is made of strings and symbols' names.") {
    uint64_t length;
    Obj package = symbol_value(t, SYM(PACKAGE_VAR)), status;
    uint32_t *codes = concatenate_names(t, args, n, &length);
    Obj name = string_of_text(t, (Text){codes, length, true});
    free(codes);
    return package_intern(t, package, name, &status);
}
