/* removed.c: what a delivered program knows of the functions that were taken away: what keeps them.

   The cell of such a function holds a marker with the number of a group of removals.def, or 0: the shaker found it unused.

   World.removed (text/package.c) lists packages that were shaken off, in a program that looks names up; and symbols, and values of symbols that stay, if it is trusted with
   some of the names that it makes, or if nothing asks for definitions by them (lisp/dynamic.lisp).  In the first case finding one of the symbols is an error.  In the
   second it is made anew: it needs to be nothing but a name.  Should its function, value, class or properties be asked for nevertheless, that is an error too. */
#include "prim/deliver.h"
#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const removal_keeps[] = {
    ":KEEP-SYMBOLS",
#define GROUP(id, keeps) keeps,
#define GONE(group, name)
#include "prim/removals.def"
#undef GROUP
#undef GONE
};

Obj removal_told(Thread *t, const char *keeps) {
    char *text = NULL;
    const char *problem = t->world->shed_problem;
    must(asprintf(&text, problem ? "%s keeps it (%s)" : "%s keeps it", keeps, problem) > 0);
    Obj told = string_of_utf8(t, text, strlen(text));
    free(text);
    return told;
}

/* -- Names -- */

void check_not_removed(Thread *t, Obj package, Text name) {
    if (LIKELY(!package_symbol_removed(t, package, name)) || shed_fetch(t)) return;
    signal_format(t, SYM(PACKAGE_ERROR), "The symbol ~A of ~A was removed by delivery; ~A.", 3, string_of_text(t, name), car(obj_slots(package)[PACKAGE_NAMES]), removal_told(t, removal_keeps[0]));
}

NORETURN static void signal_removed(Thread *t, Obj symbol) {
    const Obj *slots = symbol_slots(symbol);
    Obj package = has_type(slots[SYMBOL_PACKAGE], TYPE_PACKAGE) ? car(obj_slots(slots[SYMBOL_PACKAGE])[PACKAGE_NAMES]) : NIL;
    signal_format(t, SYM(PACKAGE_ERROR), "The symbol ~A of ~A was removed by delivery; :KEEP-SYMBOLS keeps it.", 2, slots[SYMBOL_NAME], package);
}

void check_definitions(Thread *t, Obj symbol) {
    Obj function = symbol_slots(symbol)[SYMBOL_FUNCTION];
    if (UNLIKELY(is_removed(function)) && removed_group(function) >= REMOVED_WITH_PROPERTIES) signal_removed(t, symbol);
}

void check_properties(Thread *t, Obj symbol) {
    Obj function = symbol_slots(symbol)[SYMBOL_FUNCTION];
    if (UNLIKELY(is_removed(function)) && removed_group(function) == REMOVED_WITH_PROPERTIES) signal_removed(t, symbol);
}

/* -- Functions -- */

const char *removed_by(Obj cell) {
    Obj function = is_symbol(cell) ? symbol_slots(cell)[SYMBOL_FUNCTION] : NIL;
    if (!is_removed(function)) return NULL;
    return removed_group(function) < COUNT_OF(removal_keeps) ? removal_keeps[removed_group(function)] : removal_keeps[0];
}

BUILTIN(value_removed_p, "%VALUE-REMOVED-P", 1, 1, "symbol", "If the value of the symbol was taken away when the program was delivered: \"KEYWORD keeps it\", a string; else NIL.") {
    return is_symbol(args[0]) && symbol_value_removed(t, args[0]) ? removal_told(t, removal_keeps[0]) : NIL;
}

bool is_removed_macro(Obj function) { return eq(function, removed_marker(REMOVED_KEEP_MACROS)); }

BUILTIN(removed_by, "%REMOVED-BY", 1, 1, "name", "If the function of that name was taken away when the program was delivered: \"KEYWORD keeps it\", a string; else NIL.") {
    const char *keeps = is_symbol(args[0]) || is_cons(args[0]) ? removed_by(function_name_cell(t, args[0])) : NULL;
    return keeps ? removal_told(t, keeps) : NIL;
}

BUILTIN(fetch_shed, "%FETCH-SHED", 0, 0, "", "Fetches what was shaken off, if the program has a shed: true if it is there now and was not before.") { return obj_of_bool(shed_fetch(t)); }
