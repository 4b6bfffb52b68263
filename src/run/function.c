/* function.c: names and functions: cells, designators, builtins. */
#include "run/frame.h"
#include "text/text.h"

/* The symbol whose function cell holds (SETF name): made when first asked for, kept under %SETF-FUNCTION. */
static Obj setf_cell(Thread *t, Obj name, Obj symbol, bool make) {
    Obj cell = symbol_info(symbol, SYM(SETF_FUNCTION), NIL);
    if (!is_nil(cell) || !make) return cell;
    cell = make_symbol(t, symbol_slots(symbol)[SYMBOL_NAME]);
    set_symbol_info(t, cell, SYM(SETF), name);
    set_symbol_info(t, symbol, SYM(SETF_FUNCTION), cell);
    return cell;
}

static Obj name_cell(Thread *t, Obj name, bool make) {
    if (is_symbol(name)) return name;
    if (is_cons(name) && eq(car(name), SYM(SETF)) && is_cons(cdr(name)) && is_nil(cddr(name)) && is_symbol(cadr(name)))
        return setf_cell(t, name, cadr(name), make);
    Obj rest = alloc_list(t, 3, (Obj[]){SYM(CONS), SYM(SYMBOL), SYM(NULL)});
    Obj setf_name[] = {SYM(CONS), alloc_list(t, 2, (Obj[]){SYM(EQL), SYM(SETF)}), rest};
    signal_type_error(t, name, alloc_list(t, 3, (Obj[]){SYM(OR), SYM(SYMBOL), alloc_list(t, 3, setf_name)}));
}

Obj function_name_cell(Thread *t, Obj name) { return name_cell(t, name, true); }
Obj function_name_cell_if_any(Thread *t, Obj name) { return name_cell(t, name, false); }

Obj designated_function(Thread *t, Obj designator) {
    if (is_function(designator)) return designator;
    if (!is_symbol(designator)) signal_type_error(t, designator, SYM(FUNCTION));
    Obj f = symbol_slots(designator)[SYMBOL_FUNCTION];
    if (UNLIKELY(!is_function(f)) && shed_fetch(t)) f = symbol_slots(designator)[SYMBOL_FUNCTION];
    if (!is_function(f) || (symbol_flags(designator) & SYMBOL_MACRO))
        signal_condition(t, SYM(UNDEFINED_FUNCTION), 2, SYM(K_NAME), designator);
    return f;
}

static Obj builtin_symbol(Thread *t, const char *name) {
    World *w = t->world;
    Obj package = w->package_cl;
    if (name[0] == '%' && name[1]) {
        package = w->package_sys;
    } else if (!strncmp(name, "EXT:", 4)) {
        package = w->package_ext;
        name += 4;
    } else if (!strncmp(name, "SYS:", 4)) {
        package = w->package_sys;
        name += 4;
    }
    Obj symbol = intern_text(t, package, name);
    package_export(t, package, symbol);
    return symbol;
}

Obj builtin_function(Thread *t, const char *name) {
    uint32_t i = 0;
    while (strcmp(builtin_at(i)->name, name) != 0) must(++i < builtins_total());
    Obj f = alloc_boxed(t, TYPE_FUNCTION, 2, NIL);
    init_field(f, FUNCTION_CODE, obj_of_builtin(i));
    return f;
}

void builtins_install(Thread *t) {
    for (uint32_t i = 0; i < builtins_total(); i++) {
        Obj f = alloc_boxed(t, TYPE_FUNCTION, 2, NIL);
        init_field(f, FUNCTION_CODE, obj_of_builtin(i));
        set_symbol(t, builtin_symbol(t, builtin_at(i)->name), SYMBOL_FUNCTION, f);
    }
}
