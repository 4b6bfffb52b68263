/* declare.c: the declarations at the head of a body (CLHS 3.3).

   A declaration is bound when it concerns a variable that the form itself binds, and then holds for that variable only; else it is free
   and holds for the body.  SPECIAL is both: its bound part makes the binding special, its free part the references in the body.  The forms
   that bind ask `declare_variable` for each of their variables and `declare_free` when they come to the body. */
#include "compile/compiler.h"

/* -- Reading -- */

static void body_add(Compiler *c, Body *b, DeclarationKind kind, Obj name, Obj type, uint32_t value) {
    Declaration *d = arena_alloc(c, sizeof *d);
    *d = (Declaration){b->declarations, (uint8_t)kind, false, ref_new(c, name), ref_new(c, type), value};
    b->declarations = d;
}

/* Adds one declaration for each of the names. */
static void body_add_names(Compiler *c, Body *b, DeclarationKind kind, Obj names, Obj type, Obj specifier) {
    for (; is_cons(names); names = cdr(names)) {
        Obj name = car(names);
        bool function = kind == DECLARE_FTYPE || kind == DECLARE_INLINE || kind == DECLARE_NOTINLINE;
        if (is_cons(name) && eq(car(name), SYM(FUNCTION)) && (kind == DECLARE_IGNORE || kind == DECLARE_IGNORABLE)) continue;
        if (function ? !is_function_name(name) : !is_symbol(name)) compile_error(c, "~S in the declaration ~S is not a name", 2, name, specifier);
        body_add(c, b, kind, name, type, 0);
    }
    if (!is_nil(names)) compile_error(c, "~S is a malformed declaration", 1, specifier);
}

static void body_add_optimize(Compiler *c, Body *b, Obj qualities) {
    for (; is_cons(qualities); qualities = cdr(qualities)) {
        Obj q = car(qualities);
        Obj name = is_cons(q) ? car(q) : q;
        Obj value = is_cons(q) ? (is_cons(cdr(q)) ? cadr(q) : NIL) : obj_of_fix(3);
        if (eq(name, SYM(SAFETY)) && is_fix(value) && fix_of_obj(value) >= 0 && fix_of_obj(value) <= 3)
            body_add(c, b, DECLARE_SAFETY, SYM(SAFETY), NIL, (uint32_t)fix_of_obj(value));
    }
}

/* One declaration specifier.  An unknown one whose head is a type's name declares that type: (FIXNUM X). */
static void body_declare(Compiler *c, Body *b, Obj specifier) {
    if (!is_cons(specifier)) compile_error(c, "~S is not a declaration", 1, specifier);
    Obj head = car(specifier), rest = cdr(specifier);
    if (eq(head, SYM(SPECIAL))) body_add_names(c, b, DECLARE_SPECIAL, rest, NIL, specifier);
    else if (eq(head, SYM(TYPE)) && is_cons(rest)) body_add_names(c, b, DECLARE_TYPE, cdr(rest), car(rest), specifier);
    else if (eq(head, SYM(FTYPE)) && is_cons(rest)) body_add_names(c, b, DECLARE_FTYPE, cdr(rest), car(rest), specifier);
    else if (eq(head, SYM(INLINE))) body_add_names(c, b, DECLARE_INLINE, rest, NIL, specifier);
    else if (eq(head, SYM(NOTINLINE))) body_add_names(c, b, DECLARE_NOTINLINE, rest, NIL, specifier);
    else if (eq(head, SYM(IGNORE))) body_add_names(c, b, DECLARE_IGNORE, rest, NIL, specifier);
    else if (eq(head, SYM(IGNORABLE))) body_add_names(c, b, DECLARE_IGNORABLE, rest, NIL, specifier);
    else if (eq(head, SYM(OPTIMIZE))) body_add_optimize(c, b, rest);
    else if (eq(head, SYM(DYNAMIC_EXTENT)) || eq(head, SYM(DECLARATION))) return;
    else if (is_cons(head)) body_add_names(c, b, DECLARE_TYPE, rest, head, specifier);
    else if (is_symbol(head) && type_is_known(head)) body_add_names(c, b, DECLARE_TYPE, rest, head, specifier);
}

/* Splits the forms of a body into declarations, docstring and the rest. */
Body body_parse(Compiler *c, Ref forms, bool documented) {
    Body b = {NULL, {0}, {0}};
    Obj x = ref(c, forms);
    for (; is_cons(x); x = cdr(x)) {
        Obj form = car(x);
        if (is_cons(form) && eq(car(form), SYM(DECLARE))) {
            Obj d = cdr(form);
            for (; is_cons(d); d = cdr(d)) body_declare(c, &b, car(d));
            if (!is_nil(d)) compile_error(c, "~S is a malformed declaration", 1, form);
        } else if (documented && (is_simple_string(form) || is_swapped_simple_string(form)) && is_cons(cdr(x)) && !b.doc.i) {
            b.doc = ref_new(c, form);
        } else break;
    }
    b.forms = ref_new(c, x);
    return b;
}

/* -- Use -- */

bool declared_special(Compiler *c, Body *body, Obj name) {
    bool special = false;
    if (body)
        for (Declaration *d = body->declarations; d; d = d->next)
            if (d->kind == DECLARE_SPECIAL && eq(ref(c, d->name), name)) special = true;
    return special;
}

/* Gives a variable what the declarations say about it and marks them bound. */
void declare_variable(Compiler *c, Body *body, Variable *v) {
    if (!body) return;
    for (Declaration *d = body->declarations; d; d = d->next) {
        if (d->kind == DECLARE_SAFETY && d->value == 0) v->unsafe = true;
        if (!eq(ref(c, d->name), ref(c, v->name))) continue;
        switch (d->kind) {
        case DECLARE_SPECIAL: break;
        case DECLARE_TYPE:
            d->bound = true;
            v->declared = type_parse(c, d->type);
            v->declared_type = d->type;
            break;
        case DECLARE_IGNORE: v->ignored = d->bound = true; break;
        case DECLARE_IGNORABLE: v->ignorable = d->bound = true; break;
        default: break;
        }
    }
}

/* The scope of a body with free declarations. */
Scope *declare_free(Compiler *c, Body *body, Scope *s) {
    for (Declaration *d = body->declarations; d; d = d->next) {
        switch (d->kind) {
        case DECLARE_SPECIAL: s = scope_push(c, s, SCOPE_SPECIAL, d->name); break;
        case DECLARE_INLINE: s = scope_push(c, s, SCOPE_INLINE, d->name); break;
        case DECLARE_NOTINLINE: s = scope_push(c, s, SCOPE_NOTINLINE, d->name); break;
        case DECLARE_FTYPE:
            s = scope_push(c, s, SCOPE_FTYPE, d->name);
            s->ref = d->type;
            break;
        case DECLARE_TYPE:
            if (d->bound) break;
            s = scope_push(c, s, SCOPE_TYPE, d->name);
            s->ref = d->type;
            break;
        case DECLARE_SAFETY:
            s = scope_push(c, s, SCOPE_SAFETY, d->name);
            s->index = d->value;
            break;
        default: break;
        }
    }
    return s;
}
