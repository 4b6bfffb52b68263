/* removed.c: what a delivered program knows of the functions that were taken away: what keeps them.

   The cell of such a function holds a marker with the number of a group of removals.def, or 0: the shaker found it unused.

   World.removed lists symbols that were shaken off, in a program that looks symbols up by computed names: 32 bits each, made of the hash codes of name
   and home package, ascending.  So FIND-SYMBOL can tell a symbol that is missing from one that never was; one name in a million that never
   was is taken for a missing one. */
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

uint32_t removed_word(uint32_t name_hash, uint32_t package_hash) { return name_hash ^ package_hash * 0x9E3779B1u; }

static bool is_listed(Obj removed, uint32_t word) {
    const uint32_t *words = obj_raw(removed);
    uint64_t low = 0, high = obj_length(removed);
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (words[middle] == word) return true;
        if (words[middle] < word) low = middle + 1;
        else high = middle;
    }
    return false;
}

static bool is_listed_in(Obj removed, Obj package, uint32_t name_hash) {
    Obj names = obj_slots(package)[PACKAGE_NAMES];
    return is_cons(names) && is_listed(removed, removed_word(name_hash, text_hash(text_of_string(car(names)))));
}

bool was_removed(Thread *t, Obj package, uint32_t name_hash) {
    Obj removed = t->world->removed;
    if (!has_type(removed, TYPE_U32_VECTOR) || !has_type(package, TYPE_PACKAGE)) return false;
    if (is_listed_in(removed, package, name_hash)) return true;
    for (Obj l = obj_slots(package)[PACKAGE_USES]; is_cons(l); l = cdr(l))
        if (is_listed_in(removed, car(l), name_hash)) return true;
    return false;
}

/* -- Functions -- */

const char *removed_by(Thread *t, Obj cell) {
    if (!is_symbol(cell)) return NULL;
    Obj *slots = symbol_slots(cell), function = slots[SYMBOL_FUNCTION];
    if (is_removed(function)) return removal_keeps[removed_group(function)];
    return eq(function, UNBOUND) && was_removed(t, slots[SYMBOL_PACKAGE], symbol_hash(cell)) ? removal_keeps[0] : NULL;
}

BUILTIN(removed_by, "%REMOVED-BY", 1, 1, "name", "If the function of that name was taken away when the program was delivered: the keyword that keeps it, a string; else NIL.") {
    const char *keeps = is_symbol(args[0]) || is_cons(args[0]) ? removed_by(t, function_name_cell(t, args[0])) : NULL;
    return keeps ? string_of_utf8(t, keeps, strlen(keeps)) : NIL;
}
