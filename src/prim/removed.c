/* removed.c: what a delivered program knows of the functions that were taken away: what keeps them.

   The cell of such a function holds a marker with the number of a group of removals.def, or 0: the shaker found it unused.

   World.removed lists symbols that were shaken off, and values of symbols that stay, in a program that is trusted with names that it makes (lisp/dynamic.lisp), and packages,
   in every program that makes names: 32 bits each, made of the hash codes of name and home package, ascending.  So who looks one up can tell what is missing
   from what never was; one name in a million that never was is taken for a missing one. */
#include "prim/prim.h"
#include "text/text.h"

static const char *const removal_keeps[] = {
    ":KEEP-SYMBOLS",
#define GROUP(id, keeps) keeps,
#define GONE(group, name)
#include "prim/removals.def"
#undef GROUP
#undef GONE
};

/* -- Names -- */

void check_not_removed(Thread *t, Obj package, Text name) {
    if (UNLIKELY(package_symbol_removed(t, package, name)))
        signal_format(t, SYM(PACKAGE_ERROR), "The symbol ~A of ~A was removed by delivery; :KEEP-SYMBOLS keeps it.", 2, string_of_text(t, name), car(obj_slots(package)[PACKAGE_NAMES]));
}

/* -- Functions -- */

const char *removed_by(Obj cell) {
    Obj function = is_symbol(cell) ? symbol_slots(cell)[SYMBOL_FUNCTION] : NIL;
    return is_removed(function) ? removal_keeps[removed_group(function)] : NULL;
}

BUILTIN(value_removed_p, "%VALUE-REMOVED-P", 1, 1, "symbol", "Was the value of the symbol taken away when the program was delivered?") {
    return obj_of_bool(is_symbol(args[0]) && symbol_value_removed(t, args[0]));
}

BUILTIN(removed_by, "%REMOVED-BY", 1, 1, "name", "If the function of that name was taken away when the program was delivered: the keyword that keeps it, a string; else NIL.") {
    const char *keeps = is_symbol(args[0]) || is_cons(args[0]) ? removed_by(function_name_cell(t, args[0])) : NULL;
    return keeps ? string_of_utf8(t, keeps, strlen(keeps)) : NIL;
}
