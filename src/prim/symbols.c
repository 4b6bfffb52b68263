/* symbols.c: symbols (CLHS 10): their five attributes, property lists, making fresh ones.

   Names of functions and macros are in control.c, packages in packages.c.  What (SETF GET) and the like store through are the leaves
   %PUT and %SET-SYMBOL-PLIST. */
#include "number/number.h"
#include "prim/prim.h"
#include "prim/strings.h"

#include <stdlib.h>

static Obj need_symbol(Thread *t, Obj x) {
    if (UNLIKELY(!is_symbol(x))) signal_type_error(t, x, SYM(SYMBOL));
    return x;
}

/* -- Attributes -- */

BUILTIN(symbol_name, "SYMBOL-NAME", 1, 1, "symbol", "The name of the symbol, a string not to be changed (CLHS 10.2).") {
    return symbol_slots(need_symbol(t, args[0]))[SYMBOL_NAME];
}

BUILTIN(symbol_package, "SYMBOL-PACKAGE", 1, 1, "symbol", "The home package of the symbol, or NIL (CLHS 10.2).") {
    return symbol_slots(need_symbol(t, args[0]))[SYMBOL_PACKAGE];
}

BUILTIN(set_symbol_package, "%SET-SYMBOL-PACKAGE", 2, 2, "symbol package", "Makes PACKAGE (or NIL) the home package of the symbol.") {
    need_symbol(t, args[0]);
    if (!is_nil(args[1]) && !has_type(args[1], TYPE_PACKAGE)) signal_type_error(t, args[1], SYM(PACKAGE));
    set_symbol(t, args[0], SYMBOL_PACKAGE, args[1]);
    return args[1];
}

BUILTIN(symbol_plist, "SYMBOL-PLIST", 1, 1, "symbol", "The property list of the symbol (CLHS 10.2).") {
    check_properties(t, need_symbol(t, args[0]));
    return symbol_slots(args[0])[SYMBOL_PLIST];
}

BUILTIN(set_symbol_plist, "%SET-SYMBOL-PLIST", 2, 2, "symbol list", "(SETF (SYMBOL-PLIST symbol) list).") {
    need_symbol(t, args[0]);
    if (!is_list(args[1])) signal_type_error(t, args[1], SYM(LIST));
    set_symbol(t, args[0], SYMBOL_PLIST, args[1]);
    return args[1];
}

BUILTIN(symbol_value, "SYMBOL-VALUE", 1, 1, "symbol", "The current value of the dynamic variable (CLHS 10.2).") {
    Obj v = symbol_value(t, need_symbol(t, args[0]));
    if (UNLIKELY(eq(v, UNBOUND)) && shed_fetch(t)) v = symbol_value(t, args[0]);
    if (UNLIKELY(eq(v, UNBOUND))) check_definitions(t, args[0]);
    if (UNLIKELY(eq(v, UNBOUND))) signal_condition(t, SYM(UNBOUND_VARIABLE), 2, SYM(K_NAME), args[0]);
    return v;
}

static void need_variable(Thread *t, Obj x) {
    if (symbol_flags(need_symbol(t, x)) & SYMBOL_CONSTANT)
        signal_format(t, SYM(PROGRAM_ERROR), "~S is a constant and cannot be changed.", 1, x);
}

BUILTIN(set, "SET", 2, 2, "symbol value", "Gives the dynamic variable a value (CLHS 10.2).") {
    need_variable(t, args[0]);
    set_symbol_value(t, args[0], args[1]);
    return args[1];
}

/* Without a table of what was removed nobody knows. */
static bool may_be_removed(Thread *t, Obj symbol) { return is_nil(t->world->removed) || symbol_value_removed(t, symbol); }

BUILTIN(boundp, "BOUNDP", 1, 1, "symbol", "Whether the dynamic variable has a value (CLHS 10.2).") {
    bool bound = !eq(symbol_value(t, need_symbol(t, args[0])), UNBOUND);
    if (!bound && may_be_removed(t, args[0]) && shed_fetch(t)) bound = !eq(symbol_value(t, args[0]), UNBOUND);
    if (!bound) check_definitions(t, args[0]);
    return obj_of_bool(bound);
}

BUILTIN(makunbound, "MAKUNBOUND", 1, 1, "symbol", "Takes the value of the dynamic variable away (CLHS 10.2).") {
    need_variable(t, args[0]);
    set_symbol_value(t, args[0], UNBOUND);
    return args[0];
}

BUILTIN(symbol_function, "SYMBOL-FUNCTION", 1, 1, "symbol", "The function or macro function of the symbol (CLHS 10.2).") {
    Obj f = symbol_slots(need_symbol(t, args[0]))[SYMBOL_FUNCTION];
    if (!is_function(f) && shed_fetch(t)) f = symbol_slots(args[0])[SYMBOL_FUNCTION];
    if (symbol_flags(args[0]) & SYMBOL_DEFINED_SPECIAL_OPERATOR) f = symbol_slots(SYM(CALL_SPECIAL_OPERATOR))[SYMBOL_FUNCTION];
    if (!is_function(f)) signal_condition(t, SYM(UNDEFINED_FUNCTION), 2, SYM(K_NAME), args[0]);
    return f;
}

BUILTIN(symbol_hash, "%SYMBOL-HASH", 1, 1, "symbol", "The hash code of the symbol's name, a fixnum.") {
    return obj_of_fix(symbol_hash(need_symbol(t, args[0])));
}

/* -- Property lists -- */

/* The tail of the property list that begins with the indicator, or NIL; TYPE-ERROR for a list that is none. */
static Obj find_property(Thread *t, Obj symbol, Obj indicator, Obj *before) {
    Obj list = symbol_slots(need_symbol(t, symbol))[SYMBOL_PLIST], p = list;
    *before = NIL;
    check_properties(t, symbol);
    while (is_cons(p) && is_cons(cdr(p))) {
        if (eq(car(p), indicator)) return p;
        *before = cdr(p);
        p = cddr(p);
    }
    if (!is_nil(p)) signal_type_error(t, is_cons(p) ? cdr(p) : p, SYM(CONS));
    return NIL;
}

BUILTIN(get, "GET", 2, 3, "symbol indicator &optional default", "The value of the symbol's property (CLHS 10.2).") {
    Obj before, p = find_property(t, args[0], args[1], &before);
    return is_nil(p) ? ARG(2, NIL) : cadr(p);
}

BUILTIN(put, "%PUT", 3, 3, "symbol indicator value", "(SETF (GET symbol indicator) value): returns value.") {
    Obj before, p = find_property(t, args[0], args[1], &before);
    if (is_nil(p)) {
        Obj rest = alloc_cons(t, args[2], symbol_slots(args[0])[SYMBOL_PLIST]);
        set_symbol(t, args[0], SYMBOL_PLIST, alloc_cons(t, args[1], rest));
    } else {
        set_car(t, cdr(p), args[2]);
    }
    return args[2];
}

BUILTIN(remprop, "REMPROP", 2, 2, "symbol indicator", "Removes the symbol's property; true if there was one (CLHS 10.2).") {
    Obj before, p = find_property(t, args[0], args[1], &before);
    if (is_nil(p)) return NIL;
    if (is_nil(before)) set_symbol(t, args[0], SYMBOL_PLIST, cddr(p));
    else set_cdr(t, before, cddr(p));
    return T_;
}

/* -- Fresh symbols -- */

static Obj need_string(Thread *t, Obj x) {
    if (!is_string(x)) signal_type_error(t, x, SYM(STRING));
    return x;
}

BUILTIN(make_symbol, "MAKE-SYMBOL", 1, 1, "name", "A fresh symbol without a package (CLHS 10.2).") {
    return make_symbol(t, need_string(t, args[0]));
}

BUILTIN(copy_symbol, "COPY-SYMBOL", 1, 2, "symbol &optional copy-properties", "A fresh symbol of the same name (CLHS 10.2).") {
    Obj from = need_symbol(t, args[0]), copy = make_symbol(t, symbol_slots(from)[SYMBOL_NAME]);
    if (is_nil(ARG(1, NIL))) return copy;
    Obj plist = NIL, last = NIL;
    for (Obj p = symbol_slots(from)[SYMBOL_PLIST]; is_cons(p); p = cdr(p)) {
        Obj cell = alloc_cons(t, car(p), NIL);
        if (is_nil(last)) plist = cell;
        else cons_slots(last)[1] = cell; /* NOBARRIER: fresh */
        last = cell;
    }
    init_field(copy, SYMBOL_VALUE, symbol_value(t, from));
    init_field(copy, SYMBOL_FUNCTION, symbol_slots(from)[SYMBOL_FUNCTION]);
    init_field(copy, SYMBOL_PLIST, plist);
    obj_set_flags(copy, symbol_flags(from) & SYMBOL_MACRO);
    return copy;
}

/* A string: the prefix and the decimal digits of the integer.  Room for the digits is taken first, so that nothing outside of the heap is
   held while an allocation may fail. */
static Obj numbered_name(Thread *t, Text prefix, Obj number) {
    uint64_t most = is_fix(number) ? 20 : 20 * obj_length(number) + 1;
    Obj name = alloc_raw(t, prefix.wide ? TYPE_STRING : TYPE_BASE_STRING, prefix.length + most);
    char *to = obj_raw(name), *digits = integer_to_text(number, 10);
    size_t n = strlen(digits);
    memcpy(to, prefix.data, prefix.wide ? 4 * prefix.length : prefix.length);
    for (size_t i = 0; i < n; i++) {
        if (prefix.wide) ((uint32_t *)(void *)to)[prefix.length + i] = (uint8_t)digits[i];
        else to[prefix.length + i] = digits[i];
    }
    free(digits);
    heap_shrink(t, name, prefix.length + n);
    return name;
}

static bool is_natural(Obj x) {
    return is_fix(x) ? fix_of_obj(x) >= 0 : has_type(x, TYPE_BIGNUM) && !(obj_flags(x) & BIGNUM_NEGATIVE);
}

BUILTIN(gensym, "GENSYM", 0, 1, "&optional prefix-or-suffix", "A fresh symbol without a package, named by *GENSYM-COUNTER* (CLHS 10.2).") {
    Text prefix = {"G", 1, false};
    Obj counter = symbol_value(t, SYM(GENSYM_COUNTER)), x = ARG(0, NIL);
    if (eq(counter, UNBOUND)) counter = obj_of_fix(1);
    if (!is_natural(counter)) signal_type_error(t, counter, SYM(UNSIGNED_BYTE));
    if (n > 0 && is_natural(x)) return make_symbol(t, numbered_name(t, prefix, x));
    if (n > 0) prefix = text_of_string(need_string(t, x));
    Obj symbol = make_symbol(t, numbered_name(t, prefix, counter));
    set_symbol_value(t, SYM(GENSYM_COUNTER), number_add(t, counter, obj_of_fix(1)));
    return symbol;
}
