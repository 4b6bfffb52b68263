/* analyse-lambda.c: lambda expressions with ordinary lambda lists (CLHS 3.4.1).

   A parameter list is read into rows first, which checks its syntax; then rows become parameters and a chain of bindings around the body:

       required, rest      a variable in the frame (PARAMS); if special, LET binds the symbol to it
       optional, key       likewise, and before: LET of the supplied-p variable, DEFAULT with the initial form
       aux                 LET

   so that the scope of every initial form is what the standard asks for: all parameters to its left.  Registers of the parameters are in the order of
   PARAMS; a parameter that was not supplied holds NO_ARG until its DEFAULT. */
#include "compile/compiler.h"
#include "text/text.h"

typedef enum RowKind { ROW_REQUIRED, ROW_OPTIONAL, ROW_REST, ROW_KEY, ROW_AUX } RowKind;

typedef struct Row {
    uint8_t kind;
    Ref name, init, supplied, keyword; /* init.i 0: none */
} Row;

typedef struct Rows {
    Row *rows;
    uint32_t count;
    Lambda *fn;
    Ref list;
} Rows;

/* -- Reading lambda lists -- */

NORETURN static void bad_lambda_list(Compiler *c, const Rows *r) { compile_error(c, "~S is not an ordinary lambda list", 1, ref(c, r->list)); }

static Ref maybe_ref(Compiler *c, Obj list) { return is_cons(list) ? ref_new(c, car(list)) : (Ref){0}; }

/* (variable [init [supplied-p]]), or ((keyword variable) ...) for &KEY. */
static void row_parse_list(Compiler *c, Rows *r, Row *row, Obj spec) {
    Obj name = car(spec), rest = cdr(spec);
    if (row->kind == ROW_KEY && is_cons(name)) {
        if (!is_symbol(car(name)) || !is_cons(cdr(name)) || !is_nil(cddr(name))) bad_lambda_list(c, r);
        row->keyword = ref_new(c, car(name));
        name = cadr(name);
    }
    row->name = ref_new(c, name);
    row->init = maybe_ref(c, rest);
    Obj last = is_cons(rest) ? cdr(rest) : rest;
    if (row->kind != ROW_AUX && is_cons(last)) {
        row->supplied = ref_new(c, car(last));
        last = cdr(last);
    }
    if (!is_nil(last)) bad_lambda_list(c, r);
}

static void row_add(Compiler *c, Rows *r, RowKind kind, Obj spec) {
    Row *row = &r->rows[r->count++];
    *row = (Row){(uint8_t)kind, {0}, {0}, {0}, {0}};
    if (is_cons(spec) && kind != ROW_REQUIRED && kind != ROW_REST) row_parse_list(c, r, row, spec);
    else row->name = ref_new(c, spec);
    Obj name = ref(c, row->name);
    if (!is_symbol(name)) bad_lambda_list(c, r);
    if (kind == ROW_KEY && !row->keyword.i) {
        Obj status;
        row->keyword = ref_new(c, package_intern(c->t, c->t->world->package_keyword, symbol_slots(name)[SYMBOL_NAME], &status));
    }
    if (kind == ROW_REQUIRED) r->fn->required++;
    if (kind == ROW_OPTIONAL) r->fn->optional++;
    if (kind == ROW_KEY) r->fn->key_count++;
}

/* The state that a lambda list keyword leads to; the order in a lambda list is that of the numbers. */
enum { IN_REQUIRED, IN_OPTIONAL, IN_REST, AFTER_REST, IN_KEY, AFTER_KEYS, IN_AUX };

static int lambda_list_keyword(Obj x) {
    if (eq(x, SYM(A_OPTIONAL))) return IN_OPTIONAL;
    if (eq(x, SYM(A_REST))) return IN_REST;
    if (eq(x, SYM(A_KEY))) return IN_KEY;
    if (eq(x, SYM(A_ALLOW_OTHER_KEYS))) return AFTER_KEYS;
    if (eq(x, SYM(A_AUX))) return IN_AUX;
    return -1;
}

static bool is_foreign_keyword(Obj x) { return eq(x, SYM(A_BODY)) || eq(x, SYM(A_WHOLE)) || eq(x, SYM(A_ENVIRONMENT)); }

static void rows_parse(Compiler *c, Rows *r) {
    int state = IN_REQUIRED;
    Obj x = ref(c, r->list);
    for (; is_cons(x); x = cdr(x)) {
        Obj item = car(x);
        int next = lambda_list_keyword(item);
        if (is_foreign_keyword(item)) bad_lambda_list(c, r);
        if (next >= 0) {
            if (next <= state || state == IN_REST || (next == AFTER_KEYS && state != IN_KEY)) bad_lambda_list(c, r);
            state = next;
            if (state == IN_KEY) r->fn->key = true;
            if (state == AFTER_KEYS) r->fn->allow_other_keys = true;
            continue;
        }
        switch (state) {
        case IN_REQUIRED: row_add(c, r, ROW_REQUIRED, item); break;
        case IN_OPTIONAL: row_add(c, r, ROW_OPTIONAL, item); break;
        case IN_REST:
            row_add(c, r, ROW_REST, item);
            r->fn->rest = true;
            state = AFTER_REST;
            break;
        case IN_KEY: row_add(c, r, ROW_KEY, item); break;
        case IN_AUX: row_add(c, r, ROW_AUX, item); break;
        default: bad_lambda_list(c, r);
        }
    }
    if (!is_nil(x) || state == IN_REST) bad_lambda_list(c, r);
}

static void rows_check_names(Compiler *c, const Rows *r) {
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t j = 0; j < i && r->rows[i].kind != ROW_AUX; j++)
            if (eq(ref(c, r->rows[i].name), ref(c, r->rows[j].name)))
                compile_error(c, "The variable ~S appears twice in the lambda list ~S", 2, ref(c, r->rows[i].name), ref(c, r->list));
}

/* -- Binding -- */

/* A variable that a form binds; special if it is so declared or proclaimed. */
Variable *new_bound_variable(Compiler *c, Ref name, Body *body) {
    Obj x = ref(c, name);
    if (!is_symbol(x)) compile_error(c, "~S is not a variable", 1, x);
    unsigned flags = symbol_flags(x);
    if (flags & SYMBOL_CONSTANT || is_nil(x) || eq(x, T_) || is_keyword(x)) compile_error(c, "~S is a constant and cannot be bound", 1, x);
    if (flags & SYMBOL_GLOBAL) compile_error(c, "~S is a global variable and cannot be bound", 1, x);
    Variable *v = variable_new(c, name);
    v->special = flags & SYMBOL_SPECIAL || declared_special(c, body, x);
    declare_variable(c, body, v);
    return v;
}

Scope *bind_variable(Compiler *c, Scope *s, Variable *v) {
    s = scope_push(c, s, v->special ? SCOPE_SPECIAL : SCOPE_VARIABLE, v->name);
    s->var = v;
    return s;
}

/* Notes a style warning if a lexical variable was never used. */
void check_used(Compiler *c, Variable *v) {
    if (v->used || v->special || v->ignored || v->ignorable) return;
    Obj name = ref(c, v->name);
    if (is_nil(symbol_slots(symbol_object(name))[SYMBOL_PACKAGE])) return;
    compile_warn(c, "STYLE-WARNING", "The variable ~S is never used", v->name, c->lambda ? c->lambda->name : v->name);
}

/* Puts a LET of `v` into the hole; the new hole is its body. */
static Node **chain_let(Compiler *c, Node **hole, Variable *v, Node *init) {
    *hole = node_let1(c, v, init, NULL);
    return &(*hole)->kids[1];
}

static Node **chain_progn(Compiler *c, Node **hole, Node *first) {
    *hole = node_progn2(c, first, NULL);
    return &(*hole)->kids[1];
}

/* The initial form and the supplied-p variable of an optional or key parameter. */
static Node **chain_default(Compiler *c, Scope *s, Node **hole, const Row *row, Variable *raw, Variable *supplied) {
    Node *init = row->init.i ? analyse(c, s, row->init) : node_const(c, NIL);
    if (supplied) {
        Node *test = node_new(c, N_SUPPLIED, 0);
        test->var = raw;
        hole = chain_let(c, hole, supplied, test);
    }
    Node *fill = node_new(c, N_DEFAULT, 1);
    fill->var = raw;
    fill->kids[0] = init;
    return chain_progn(c, hole, fill);
}

/* One parameter: extends *scope and the chain. */
static Node **chain_row(Compiler *c, Scope **scope, Node **hole, const Row *row, Lambda *fn, Body *body, Variable **bound) {
    Variable *v = new_bound_variable(c, row->name, body);
    bound[0] = v;
    bound[1] = NULL;
    if (row->kind == ROW_AUX) {
        hole = chain_let(c, hole, v, row->init.i ? analyse(c, *scope, row->init) : node_const(c, NIL));
        *scope = bind_variable(c, *scope, v);
        return hole;
    }
    Variable *raw = v->special ? variable_temporary(c) : v;
    fn->params[fn->param_count++] = raw;
    Variable *sp = NULL, *sp_raw = NULL;
    if (row->supplied.i) {
        bound[1] = sp = new_bound_variable(c, row->supplied, body);
        sp_raw = sp->special ? variable_temporary(c) : sp;
    }
    if (row->kind == ROW_OPTIONAL || row->kind == ROW_KEY) hole = chain_default(c, *scope, hole, row, raw, sp_raw);
    if (v->special) hole = chain_let(c, hole, v, node_local(c, raw));
    *scope = bind_variable(c, *scope, v);
    if (!sp) return hole;
    if (sp->special) hole = chain_let(c, hole, sp, node_local(c, sp_raw));
    *scope = bind_variable(c, *scope, sp);
    return hole;
}

/* -- Functions -- */

static void analyse_parameters(Compiler *c, Lambda *fn, Rows *r) {
    uint32_t n = 0;
    for (Obj x = ref(c, r->list); is_cons(x); x = cdr(x)) n++;
    r->rows = arena_alloc(c, (n + 1) * sizeof(Row));
    r->fn = fn;
    rows_parse(c, r);
    rows_check_names(c, r);
    fn->params = arena_alloc(c, (r->count + 1) * sizeof(Variable *));
    bool first = true;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->rows[i].kind != ROW_KEY) continue;
        Ref k = ref_new(c, ref(c, r->rows[i].keyword));
        if (first) fn->keywords = k;
        first = false;
    }
}

/* Fills in `fn`: lambda list, declarations, body; the body in a block if `block` names one (block.i 0: none). */
void analyse_function(Compiler *c, Scope *s, Lambda *fn, Ref lambda_list, Ref forms, Ref block) {
    Lambda *outer = c->lambda;
    c->lambda = fn;
    fn->lambda_list = lambda_list;
    fn->line = c->line;
    Rows r = {NULL, 0, fn, lambda_list};
    analyse_parameters(c, fn, &r);
    fn->analysed = true;
    Body body = body_parse(c, forms, true);
    fn->doc = body.doc;
    Variable **bound = arena_alloc(c, (2 * (size_t)r.count + 1) * sizeof(Variable *));
    Node **hole = &fn->body;
    for (uint32_t i = 0; i < r.count; i++) hole = chain_row(c, &s, hole, &r.rows[i], fn, &body, bound + 2 * (size_t)i);
    s = declare_free(c, &body, s);
    if (block.i) {
        Node *b = node_new(c, N_BLOCK, 1);
        b->block = arena_alloc(c, sizeof(Block));
        b->block->name = block;
        s = scope_push(c, s, SCOPE_BLOCK, block);
        s->block = b->block;
        *hole = b;
        hole = &b->kids[0];
    }
    *hole = analyse_body(c, s, body.forms);
    for (uint32_t i = 0; i < 2 * r.count; i++)
        if (bound[i]) check_used(c, bound[i]);
    c->lambda = outer;
}

/* (LAMBDA lambda-list form...) or (NAMED-LAMBDA name lambda-list form...) */
Lambda *analyse_lambda(Compiler *c, Scope *s, Ref expression) {
    Obj x = ref(c, expression);
    bool named = is_cons(x) && eq(car(x), SYM(NAMED_LAMBDA));
    if (!is_cons(x) || !(named || eq(car(x), SYM(LAMBDA)))) compile_error(c, "~S is not a lambda expression", 1, x);
    Obj rest = named && is_cons(cdr(x)) ? cddr(x) : cdr(x);
    if (!is_cons(rest) || (named && !is_cons(cdr(x)))) compile_error(c, "~S is not a lambda expression", 1, x);
    Lambda *fn = arena_alloc(c, sizeof *fn);
    Obj items[2] = {SYM(LAMBDA), car(rest)};
    fn->name = ref_new(c, named ? cadr(x) : alloc_list(c->t, 2, items));
    Ref lambda_list = ref_new(c, car(rest));
    Ref forms = ref_new(c, cdr(rest));
    analyse_function(c, s, fn, lambda_list, forms, (Ref){0});
    return fn;
}
