/* backquote.c: what a backquoted template means.

   The reader reads `x with the commas in x as (UNQUOTE form), (UNQUOTE-SPLICING form), (UNQUOTE-NSPLICING form), and expands at once, so
   the innermost backquote is expanded first and the commas that are left belong to the outer ones (CLHS 2.4.6).  The expansion is walked
   again as part of the outer template; therefore it is ordinary list structure.

   The result is built from the last element to the first:

       element x, constant rest        (QUOTE (x . rest))  if x is constant too
       element x, rest (LIST ...)      (LIST x ...)            rest (LIST* ...) or (CONS a b): (LIST* x ...)
       otherwise                       (CONS x rest)
       spliced x                       (APPEND x rest), or (APPEND x ...) if rest is (APPEND ...)

   One exception: an element that is itself a splicing comma of an outer level may become several forms; it stands only where any
   number of forms may stand, in LIST, LIST* and APPEND. */
#include "text/text.h"

static bool is_form(Obj x, Obj head) { return is_cons(x) && eq(car(x), head); }
static bool is_comma(Obj x, Obj which) { return is_form(x, which) && is_cons(cdr(x)) && is_nil(cddr(x)); }
static bool is_splice(Obj x) { return is_comma(x, SYM(UNQUOTE_SPLICING)) || is_comma(x, SYM(UNQUOTE_NSPLICING)); }

static Obj list_2(Thread *t, Obj a, Obj b) { return alloc_cons(t, a, alloc_cons(t, b, NIL)); }
static Obj quote(Thread *t, Obj x) { return list_2(t, SYM(QUOTE), x); }

/* Whether the form is a constant that means itself or is quoted; *value gets what it means. */
static bool is_constant(Obj form, Obj *value) {
    *value = form;
    if (is_cons(form)) {
        if (!is_comma(form, SYM(QUOTE))) return false;
        *value = cadr(form);
        return true;
    }
    return is_nil(form) || eq(form, T_) || !is_symbol(form) || is_keyword(form);
}

/* A comma belongs to this level or, behind a constant quote, to an outer one: neither may disappear in a constant. */
static bool has_comma(Obj x) {
    for (; is_cons(x); x = cdr(x)) {
        if (is_comma(x, SYM(UNQUOTE)) || is_splice(x)) return true;
        if (has_comma(car(x))) return true;
    }
    if (!has_type(x, TYPE_SIMPLE_VECTOR)) return false;
    for (uint64_t i = 0; i < obj_length(x); i++)
        if (has_comma(obj_slots(x)[i])) return true;
    return false;
}

static Obj join_element(Thread *t, Obj element, Obj rest) {
    Obj a, d;
    bool many = is_splice(element);
    bool constant = is_constant(rest, &d);
    if (constant && is_constant(element, &a) && !has_comma(element) && !has_comma(rest)) return quote(t, alloc_cons(t, a, d));
    if (constant && is_nil(d)) return list_2(t, SYM(LIST), element);
    if (is_form(rest, SYM(LIST)) || is_form(rest, SYM(LISTX))) return alloc_cons(t, car(rest), alloc_cons(t, element, cdr(rest)));
    if (is_form(rest, SYM(CONS))) return alloc_cons(t, SYM(LISTX), alloc_cons(t, element, cdr(rest)));
    return alloc_cons(t, many || is_splice(rest) ? SYM(LISTX) : SYM(CONS), list_2(t, element, rest));
}

static Obj join_spliced(Thread *t, Obj list, Obj rest) {
    if (is_nil(rest) && !is_splice(list)) return list;
    if (is_form(rest, SYM(APPEND))) return alloc_cons(t, SYM(APPEND), alloc_cons(t, list, cdr(rest)));
    if (is_nil(rest)) return list_2(t, SYM(APPEND), list);
    return alloc_cons(t, SYM(APPEND), list_2(t, list, rest));
}

static Obj expand(Thread *t, Obj x, bool *wrong);

static Obj expand_list(Thread *t, Obj x, bool *wrong) {
    Obj reversed = NIL;
    for (; is_cons(x) && !is_comma(x, SYM(UNQUOTE)) && !is_splice(x); x = cdr(x)) reversed = alloc_cons(t, car(x), reversed);
    Obj form = expand(t, x, wrong);
    for (; is_cons(reversed); reversed = cdr(reversed)) {
        Obj item = car(reversed);
        form = is_splice(item) ? join_spliced(t, cadr(item), form) : join_element(t, expand(t, item, wrong), form);
    }
    return form;
}

static Obj expand_vector(Thread *t, Obj x, bool *wrong) {
    Obj list = NIL;
    for (uint64_t i = obj_length(x); i-- > 0;) list = alloc_cons(t, obj_slots(x)[i], list);
    return list_2(t, SYM(BQ_VECTOR), expand_list(t, list, wrong));
}

static Obj expand(Thread *t, Obj x, bool *wrong) {
    if (is_comma(x, SYM(UNQUOTE))) return cadr(x);
    if (is_splice(x)) *wrong = true;
    Obj value;
    if (*wrong) return x;
    if (!is_cons(x)) {
        if (has_type(x, TYPE_SIMPLE_VECTOR) && has_comma(x)) return expand_vector(t, x, wrong);
        return is_constant(x, &value) ? x : quote(t, x);
    }
    return has_comma(x) ? expand_list(t, x, wrong) : quote(t, x);
}

Obj backquote_expand(Thread *t, Obj template) {
    bool wrong = false;
    Obj form = expand(t, template, &wrong);
    return wrong ? UNBOUND : form;
}
