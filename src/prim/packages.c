/* packages.c: packages (CLHS 11): finding, interning, and the leaves under lisp/packages.lisp, which does the checking of conflicts.

   The leaves that change a package do just what they say and check only that their arguments are packages, strings and symbols. */
#include "prim/prim.h"
#include "prim/strings.h"

static Obj need_package(Thread *t, Obj x) {
    if (UNLIKELY(!has_type(x, TYPE_PACKAGE))) signal_type_error(t, x, SYM(PACKAGE));
    return x;
}
static Obj need_symbol(Thread *t, Obj x) {
    if (UNLIKELY(!is_symbol(x))) signal_type_error(t, x, SYM(SYMBOL));
    return x;
}
static Text need_name(Thread *t, Obj x) {
    if (UNLIKELY(!is_string(x))) signal_type_error(t, x, SYM(STRING));
    return text_of_string(x);
}

static Obj current_package(Thread *t) { return need_package(t, symbol_value(t, SYM(PACKAGE_VAR))); }

/* -- Finding packages -- */

static Obj find_package(Thread *t, Obj x) {
    uint32_t cell;
    if (has_type(x, TYPE_PACKAGE)) return x;
    Text name = designated_text(t, x, &cell);
    Obj package = package_find_text(t, current_package(t), name);
    if (UNLIKELY(is_nil(package) && package_removed(t, name)))
        signal_format(t, SYM(PACKAGE_ERROR), "The package ~A was removed by delivery; ~A.", 2, string_of_text(t, name), removal_told(t, ":PACKAGES-TO-KEEP"));
    return package;
}

/* The package that a designator means; PACKAGE-ERROR if there is none. */
static Obj designated_package(Thread *t, Obj x) {
    Obj p = find_package(t, x);
    if (is_nil(p))
        signal_condition(t, SYM(PACKAGE_ERROR), 6, SYM(K_PACKAGE), x, SYM(K_FORMAT_CONTROL), alloc_text(t, "There is no package ~S."),
                         SYM(K_FORMAT_ARGUMENTS), alloc_list(t, 1, &x));
    return p;
}

BUILTIN_IN_PLACE(find_package, "FIND-PACKAGE", 1, 1, "name", "The package with the name or nickname, or NIL (CLHS 11.2).") { return find_package(t, args[0]); }

BUILTIN(find_global_package, "%FIND-GLOBAL-PACKAGE", 1, 1, "name", "FIND-PACKAGE without local nicknames.") {
    uint32_t cell;
    return package_find_text(t, NIL, designated_text(t, args[0], &cell));
}

BUILTIN(designated_package, "%PACKAGE", 1, 1, "designator", "The package that is meant; PACKAGE-ERROR if there is none.") {
    return designated_package(t, args[0]);
}

BUILTIN(all_packages, "%ALL-PACKAGES", 0, 0, "", "The list of all packages, not to be changed.") {
    shed_fetch(t);
    return t->world->packages;
}

/* -- Symbols by name -- */

BUILTIN(intern, "INTERN", 1, 2, "string &optional package", "The symbol of that name in the package, made if need be, and how it was found (CLHS 11.2).") {
    Text name = need_name(t, args[0]);
    Obj package = n > 1 ? designated_package(t, args[1]) : current_package(t), status;
    check_not_removed(t, package, name);
    Obj symbol = package_intern_text(t, package, name, &status);
    return values_2(t, symbol, status);
}

BUILTIN_IN_PLACE(find_symbol, "FIND-SYMBOL", 1, 2, "string &optional package", "The symbol of that name accessible in the package, and how (CLHS 11.2).") {
    Text name = need_name(t, args[0]);
    Obj package = n > 1 ? designated_package(t, args[1]) : current_package(t), status;
    check_not_removed(t, package, name);
    Obj symbol = package_look_up(t, package, name, &status);
    return values_2(t, symbol, status);
}

BUILTIN(present_symbol, "%PRESENT-SYMBOL", 2, 2, "name package", "The symbol present in the package and :INTERNAL or :EXTERNAL, or NIL and NIL.") {
    Obj status, symbol = package_present_symbol(t, need_package(t, args[1]), need_name(t, args[0]), &status);
    return values_2(t, symbol, status);
}

/* -- Changing packages -- */

BUILTIN(make_package, "%MAKE-PACKAGE", 1, 1, "names", "A package with a list of fresh strings as its names, added to the list of all packages.") {
    for (Obj l = args[0]; is_cons(l); l = cdr(l)) need_name(t, car(l));
    return package_make(t, args[0]);
}

BUILTIN(forget_package, "%FORGET-PACKAGE", 1, 1, "package", "Takes the package out of the list of all packages.") {
    Obj last = NIL;
    for (Obj l = t->world->packages; is_cons(l); last = l, l = cdr(l)) {
        if (!eq(car(l), args[0])) continue;
        if (is_nil(last)) t->world->packages = cdr(l);
        else set_cdr(t, last, cdr(l));
        return T_;
    }
    return NIL;
}

static uint64_t need_field(Thread *t, Obj x) {
    if (!is_fix(x) || (uint64_t)fix_of_obj(x) >= PACKAGE_LENGTH) signal_index_error(t, x, PACKAGE_LENGTH);
    return (uint64_t)fix_of_obj(x);
}

BUILTIN(package_ref, "%PACKAGE-REF", 2, 2, "package index",
        "A part of the package: 0 names, 3 used packages, 4 users, 5 shadowing symbols, 6 local nicknames, 7 documentation, 8 lock.") {
    return obj_slots(need_package(t, args[0]))[need_field(t, args[1])];
}

BUILTIN(package_set, "%PACKAGE-SET", 3, 3, "package index value", "Replaces a part of the package: see %PACKAGE-REF.") {
    need_package(t, args[0]);
    uint64_t field = need_field(t, args[1]);
    if (field == PACKAGE_INTERNAL || field == PACKAGE_EXTERNAL) signal_type_error(t, args[1], SYM(LIST));
    set_field(t, args[0], field, args[2]);
    return args[2];
}

BUILTIN(add_symbol, "%ADD-SYMBOL", 3, 3, "symbol package externalp", "Makes the symbol present in the package, where no symbol of that name is.") {
    package_add_symbol(t, need_package(t, args[1]), is_nil(args[2]) ? PACKAGE_INTERNAL : PACKAGE_EXTERNAL, need_symbol(t, args[0]));
    return args[0];
}

BUILTIN(remove_symbol, "%REMOVE-SYMBOL", 2, 2, "symbol package", "Makes the symbol not present in the package; true if it was.") {
    Obj package = need_package(t, args[1]), symbol = need_symbol(t, args[0]);
    return obj_of_bool(package_remove_symbol(t, package, PACKAGE_INTERNAL, symbol) || package_remove_symbol(t, package, PACKAGE_EXTERNAL, symbol));
}

/* -- Lists of symbols -- */

/* Whether an external symbol of a used package is accessible in `package`: no symbol of its name comes before it. */
static bool is_accessible(Obj package, Obj symbol) {
    Obj status;
    Obj found = package_find_symbol_text(package, text_of_string(symbol_slots(symbol)[SYMBOL_NAME]), &status);
    return eq(found, symbol) && eq(status, SYM(K_INHERITED));
}

/* The symbols of a table on `list`; with `package`, only those that it inherits. */
static Obj list_table(Thread *t, Obj table, Obj package, Obj list) {
    for (uint64_t i = TABLE_PLACES; i < obj_length(table); i++) {
        Obj x = obj_slots(table)[i];
        if (eq(x, EMPTY) || eq(x, DELETED)) continue;
        if (is_nil(package) || is_accessible(package, x)) list = alloc_cons(t, x, list);
    }
    return list;
}

BUILTIN(package_symbols, "%PACKAGE-SYMBOLS", 2, 2, "package kinds", "Fresh list of the package's symbols; kinds is the sum of 1 internal, 2 external, 4 inherited.") {
    Obj package = need_package(t, args[0]), *slots = obj_slots(package), list = NIL;
    shed_fetch(t);
    int64_t kinds = is_fix(args[1]) ? fix_of_obj(args[1]) : 0;
    if (kinds & 1) list = list_table(t, slots[PACKAGE_INTERNAL], NIL, list);
    if (kinds & 2) list = list_table(t, slots[PACKAGE_EXTERNAL], NIL, list);
    if (!(kinds & 4)) return list;
    for (Obj l = slots[PACKAGE_USES]; is_cons(l); l = cdr(l)) list = list_table(t, obj_slots(car(l))[PACKAGE_EXTERNAL], package, list);
    return list;
}
