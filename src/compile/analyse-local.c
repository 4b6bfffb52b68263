/* analyse-local.c: forms that bind: LET, LET*, FLET, LABELS, MACROLET, SYMBOL-MACROLET, LOCALLY, FUNCTION. */
#include "compile/compiler.h"
#include "text/text.h"

/* -- Variables -- */

/* name, (name) or (name init): *init.i is 0 if there is none. */
static Ref binding_parse(Compiler *c, Ref binding, Ref *init, Ref form) {
    Obj x = ref(c, binding);
    *init = (Ref){0};
    if (is_symbol(x)) return binding;
    if (!is_cons(x) || !is_list(cdr(x)) || (is_cons(cdr(x)) && !is_nil(cddr(x))))
        compile_error(c, "~S is not a binding, in ~S", 2, x, ref(c, form));
    Ref name = ref_new(c, car(x));
    if (is_cons(cdr(x))) *init = ref_new(c, cadr(x));
    return name;
}

static Node *binding_init(Compiler *c, Scope *s, Ref init) { return init.i ? analyse(c, s, init) : node_const(c, NIL); }

static Node *let_parallel(Compiler *c, Scope *s, Ref form, Ref first, uint32_t n, Body *body) {
    Node *let = node_new(c, N_LET, n + 1);
    let->vars = arena_alloc(c, (n + 1) * sizeof(Variable *));
    let->var_count = n;
    Scope *inner = s;
    for (uint32_t i = 0; i < n; i++) {
        Ref init;
        Ref name = binding_parse(c, ref_at(first, i), &init, form);
        let->kids[i] = binding_init(c, s, init);
        Variable *v = new_bound_variable(c, name, body);
        let->vars[i] = v;
        for (uint32_t j = 0; j < i; j++)
            if (eq(ref(c, let->vars[j]->name), ref(c, name))) compile_error(c, "The variable ~S is bound twice by ~S", 2, ref(c, name), ref(c, form));
    }
    for (uint32_t i = 0; i < n; i++) inner = bind_variable(c, inner, let->vars[i]);
    let->kids[n] = analyse_body(c, declare_free(c, body, inner), body->forms);
    for (uint32_t i = 0; i < n; i++) check_used(c, let->vars[i]);
    return let;
}

static Node *let_sequential(Compiler *c, Scope *s, Ref form, Ref first, uint32_t n, Body *body) {
    Node *top = NULL, **hole = &top;
    Variable **vars = arena_alloc(c, (n + 1) * sizeof(Variable *));
    for (uint32_t i = 0; i < n; i++) {
        Ref init;
        Ref name = binding_parse(c, ref_at(first, i), &init, form);
        Node *value = binding_init(c, s, init);
        vars[i] = new_bound_variable(c, name, body);
        *hole = node_let1(c, vars[i], value, NULL);
        hole = &(*hole)->kids[1];
        s = bind_variable(c, s, vars[i]);
    }
    *hole = analyse_body(c, declare_free(c, body, s), body->forms);
    for (uint32_t i = 0; i < n; i++) check_used(c, vars[i]);
    return top;
}

Node *analyse_let(Compiler *c, Scope *s, Ref form, bool sequential) {
    Obj rest = cdr(ref(c, form));
    Ref forms = ref_new(c, cdr(rest));
    if (!is_list(car(rest))) compile_error(c, "Malformed bindings: ~S", 1, ref(c, form));
    uint32_t n;
    Ref first = ref_list(c, car(rest), &n);
    Body body = body_parse(c, forms, false);
    if (n == 0) return analyse_body(c, declare_free(c, &body, s), body.forms);
    return sequential || n == 1 ? let_sequential(c, s, form, first, n, &body) : let_parallel(c, s, form, first, n, &body);
}

Node *analyse_locally(Compiler *c, Scope *s, Ref forms) {
    Body body = body_parse(c, forms, false);
    return analyse_body(c, declare_free(c, &body, s), body.forms);
}

Node *analyse_symbol_macrolet(Compiler *c, Scope *s, Ref form) {
    Obj rest = cdr(ref(c, form));
    Ref forms = ref_new(c, cdr(rest));
    uint32_t n;
    Ref first = ref_list(c, car(rest), &n);
    Body body = body_parse(c, forms, false);
    Scope *inner = s;
    for (uint32_t i = 0; i < n; i++) {
        Obj b = ref(c, ref_at(first, i));
        if (!is_cons(b) || !is_symbol(car(b)) || !is_cons(cdr(b)) || !is_nil(cddr(b)))
            compile_error(c, "~S is not a binding, in ~S", 2, b, ref(c, form));
        if (symbol_flags(car(b)) & (SYMBOL_SPECIAL | SYMBOL_CONSTANT | SYMBOL_GLOBAL) || declared_special(c, &body, car(b)))
            compile_error(c, "~S is special and cannot be a symbol macro", 1, car(b));
        inner = scope_push(c, inner, SCOPE_SYMBOL_MACRO, ref_new(c, car(b)));
        inner->ref = ref_new(c, cadr(b));
    }
    return analyse_body(c, declare_free(c, &body, inner), body.forms);
}

/* -- Functions -- */

/* The name of the block around the body of the function: the symbol, also for (SETF symbol). */
static Ref block_name(Compiler *c, Obj name) { return ref_new(c, is_symbol(name) ? name : cadr(name)); }

/* (FLET name :IN outer), what backtraces show. */
static Ref local_name(Compiler *c, Obj name, bool recursive) {
    Thread *t = c->t;
    Obj outer = c->lambda ? ref(c, c->lambda->name) : NIL;
    Obj items[4] = {recursive ? SYM(LABELS) : SYM(FLET), name, intern_text(t, t->world->package_keyword, "IN"), outer};
    return ref_new(c, alloc_list(t, is_nil(outer) ? 2 : 4, items));
}

static void check_definition(Compiler *c, Obj d, Ref form) {
    if (!is_cons(d) || !is_function_name(car(d)) || !is_cons(cdr(d)) || !is_list(cadr(d)))
        compile_error(c, "~S is not a function definition, in ~S", 2, d, ref(c, form));
}

Node *analyse_flet(Compiler *c, Scope *s, Ref form, bool recursive) {
    Obj rest = cdr(ref(c, form));
    Ref forms = ref_new(c, cdr(rest));
    uint32_t n;
    Ref first = ref_list(c, car(rest), &n);
    Node *node = node_new(c, N_FUNCTIONS, 1);
    node->fns = arena_alloc(c, (n + 1) * sizeof(Lambda *));
    node->var_count = n;
    Scope *inner = s;
    for (uint32_t i = 0; i < n; i++) {
        Obj d = ref(c, ref_at(first, i));
        check_definition(c, d, form);
        Lambda *fn = node->fns[i] = arena_alloc(c, sizeof *fn);
        fn->group = node;
        fn->recursive = recursive;
        fn->var = variable_temporary(c);
        Ref name = ref_new(c, car(d));
        inner = scope_push(c, inner, SCOPE_FUNCTION, name);
        inner->fn = fn;
        fn->name = local_name(c, ref(c, name), recursive);
    }
    for (uint32_t i = 0; i < n; i++) {
        Obj d = ref(c, ref_at(first, i));
        Ref block = block_name(c, car(d));
        Ref lambda_list = ref_new(c, cadr(d));
        Ref body = ref_new(c, cddr(d));
        analyse_function(c, recursive ? inner : s, node->fns[i], lambda_list, body, block.i ? block : (Ref){0});
    }
    Body body = body_parse(c, forms, false);
    node->kids[0] = analyse_body(c, declare_free(c, &body, inner), body.forms);
    return n ? node : node->kids[0];
}

/* (FUNCTION x) */
Node *analyse_function_form(Compiler *c, Scope *s, Ref form) {
    Obj x = ref(c, form);
    if (is_cons(x) && (eq(car(x), SYM(LAMBDA)) || eq(car(x), SYM(NAMED_LAMBDA)))) {
        Node *n = node_new(c, N_LAMBDA, 0);
        n->fn = analyse_lambda(c, s, form);
        return n;
    }
    if (!is_function_name(x)) compile_error(c, "~S is not the name of a function", 1, x);
    Scope *e = scope_function(c, s, x);
    if (e && e->kind == SCOPE_FUNCTION) {
        Node *n = node_new(c, N_LOCAL_FUNCTION, 0);
        n->fn = e->fn;
        return n;
    }
    if (e && e->kind == SCOPE_MACRO) compile_error(c, "~S names a local macro, not a function", 1, x);
    if (e) compile_error(c, "The local function ~S does not exist while macros are expanded", 1, x);
    Node *n = node_new(c, N_GLOBAL_FUNCTION, 0);
    n->ref = form;
    return n;
}

/* -- Macros -- */

/* The macro function of a MACROLET definition, compiled in the environment of the form. */
static Ref macrolet_function(Compiler *c, Scope *s, Obj definition) {
    Thread *t = c->t;
    Obj args[3] = {car(definition), cadr(definition), cddr(definition)};
    Obj lambda = lisp_call(t, intern_text(t, t->world->package_sys, "%PARSE-MACRO"), 3, args);
    Ref expression = ref_new(c, lambda);
    return ref_new(c, compile_nested(c, expression, environment_of_scope(c, s)));
}

Node *analyse_macrolet(Compiler *c, Scope *s, Ref form) {
    Obj rest = cdr(ref(c, form));
    Ref forms = ref_new(c, cdr(rest));
    uint32_t n;
    Ref first = ref_list(c, car(rest), &n);
    Scope *inner = s;
    for (uint32_t i = 0; i < n; i++) {
        Obj d = ref(c, ref_at(first, i));
        if (!is_cons(d) || !is_symbol(car(d)) || !is_cons(cdr(d)))
            compile_error(c, "~S is not a macro definition, in ~S", 2, d, ref(c, form));
        Ref name = ref_new(c, car(d));
        Ref function = macrolet_function(c, s, d);
        inner = scope_push(c, inner, SCOPE_MACRO, name);
        inner->ref = function;
    }
    Body body = body_parse(c, forms, false);
    return analyse_body(c, declare_free(c, &body, inner), body.forms);
}
