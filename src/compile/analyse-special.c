/* analyse-special.c: the special operators, but for those that bind functions or variables (analyse-local.c).

   One table: symbol, least and greatest number of arguments, the function that makes the tree.  An argument count outside of the bounds
   is a PROGRAM-ERROR; so is a GO or RETURN-FROM without its target. */
#include "compile/compiler.h"
#include "number/number.h"

static Node *special_quote(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)s, (void)form, (void)n;
    compile_note_quoted(c, args);
    return node_const(c, ref(c, args));
}

static Node *special_if(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    Node *test = analyse(c, s, args);
    Node *then = analyse(c, s, ref_at(args, 1));
    return node_if(c, test, then, n == 3 ? analyse(c, s, ref_at(args, 2)) : node_const(c, NIL));
}

static Node *progn_of(Compiler *c, Scope *s, Ref args, uint32_t n) {
    if (n == 0) return node_const(c, NIL);
    if (n == 1) return analyse(c, s, args);
    Node *progn = node_new(c, N_PROGN, n);
    for (uint32_t i = 0; i < n; i++) progn->kids[i] = analyse(c, s, ref_at(args, i));
    return progn;
}

static Node *special_progn(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    return progn_of(c, s, args, n);
}

static Node *special_setq(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    if (n & 1) compile_error(c, "SETQ with an odd number of arguments: ~S", 1, ref(c, form));
    if (n == 0) return node_const(c, NIL);
    if (n == 2) return analyse_set(c, s, args, ref_at(args, 1));
    Node *progn = node_new(c, N_PROGN, n / 2);
    for (uint32_t i = 0; i < n / 2; i++) progn->kids[i] = analyse_set(c, s, ref_at(args, 2 * i), ref_at(args, 2 * i + 1));
    return progn;
}

/* -- Control -- */

static Node *special_block(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    if (!is_symbol(ref(c, args))) compile_error(c, "~S is not the name of a block", 1, ref(c, args));
    Node *block = node_new(c, N_BLOCK, 1);
    block->block = arena_alloc(c, sizeof(Block));
    block->block->name = args;
    s = scope_push(c, s, SCOPE_BLOCK, args);
    s->block = block->block;
    block->kids[0] = progn_of(c, s, ref_at(args, 1), n - 1);
    return block;
}

static Node *special_return_from(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    Scope *e = s;
    while (e && !(e->kind == SCOPE_BLOCK && eq(ref(c, e->name), ref(c, args)))) e = e->up;
    if (!e) compile_error(c, "RETURN-FROM the unknown block ~S", 1, ref(c, args));
    Node *r = node_new(c, N_RETURN, 1);
    r->block = e->block;
    r->kids[0] = n == 2 ? analyse(c, s, ref_at(args, 1)) : node_const(c, NIL);
    return r;
}

static bool is_tag(Obj x) { return is_symbol(x) || is_fix(x) || has_type(x, TYPE_BIGNUM); }

/* The scope with the tags of the body; tag i of the tagbody gets index i. */
static Scope *tagbody_scope(Compiler *c, Scope *s, Tagbody *tags, Ref args, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        Obj x = ref(c, ref_at(args, i));
        if (!is_tag(x)) continue;
        for (Scope *e = s; e && e->kind == SCOPE_TAG && e->tagbody == tags; e = e->up)
            if (number_eql(ref(c, e->name), x)) compile_error(c, "The tag ~S appears twice in a TAGBODY", 1, x);
        s = scope_push(c, s, SCOPE_TAG, ref_at(args, i));
        s->tagbody = tags;
        s->index = tags->count++;
    }
    return s;
}

static Node *special_tagbody(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    Tagbody *tags = arena_alloc(c, sizeof *tags);
    s = tagbody_scope(c, s, tags, args, n);
    tags->uses = arena_alloc(c, (tags->count + 1) * sizeof(uint32_t));
    tags->far = arena_alloc(c, tags->count + 1);
    tags->labels = arena_alloc(c, (tags->count + 1) * sizeof(Label));
    Node *node = node_new(c, N_TAGBODY, tags->count + 1);
    node->tagbody = tags;
    uint32_t part = 0;
    for (uint32_t i = 0; i <= n; part++) {
        uint32_t from = i;
        while (i < n && !is_tag(ref(c, ref_at(args, i)))) i++;
        node->kids[part] = progn_of(c, s, ref_at(args, from), i - from);
        i++;
    }
    return node;
}

static Node *special_go(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form, (void)n;
    Scope *e = s;
    while (e && !(e->kind == SCOPE_TAG && number_eql(ref(c, e->name), ref(c, args)))) e = e->up;
    if (!e) compile_error(c, "GO to the unknown tag ~S", 1, ref(c, args));
    Node *go = node_new(c, N_GO, 0);
    go->tagbody = e->tagbody;
    go->imm = (int32_t)e->index;
    return go;
}

/* A node of the kind whose children are the first `fixed` arguments and the others as a PROGN. */
static Node *fixed_and_body(Compiler *c, Scope *s, NodeKind kind, Ref args, uint32_t n, uint32_t fixed) {
    Node *node = node_new(c, kind, fixed + 1);
    for (uint32_t i = 0; i < fixed; i++) node->kids[i] = analyse(c, s, ref_at(args, i));
    node->kids[fixed] = progn_of(c, s, ref_at(args, fixed), n - fixed);
    return node;
}

static Node *special_catch(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    return fixed_and_body(c, s, N_CATCH, args, n, 1);
}
static Node *special_throw(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    return fixed_and_body(c, s, N_THROW, args, n, 1);
}
static Node *special_unwind_protect(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    return fixed_and_body(c, s, N_UNWIND, args, n, 1);
}
static Node *special_progv(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    return fixed_and_body(c, s, N_PROGV, args, n, 2);
}
static Node *special_multiple_value_prog1(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    return n == 1 ? analyse(c, s, args) : fixed_and_body(c, s, N_PROG1_VALUES, args, n, 1);
}

static Node *special_multiple_value_call(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    Node *node = node_new(c, N_CALL_VALUES, n);
    for (uint32_t i = 0; i < n; i++) node->kids[i] = analyse(c, s, ref_at(args, i));
    return node;
}

/* -- The rest -- */

/* Whether the innermost declaration of safety asks for none. */
static bool is_unsafe(const Scope *s) {
    while (s && s->kind != SCOPE_SAFETY) s = s->up;
    return s && s->index == 0;
}

static Node *special_the(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form, (void)n;
    uint32_t set = type_parse(c, args);
    Node *value = analyse(c, s, ref_at(args, 1));
    if (set == TS_ANY) return value;
    Node *the = node_new(c, N_THE, 1);
    the->imm = (int32_t)set;
    the->ref = args;
    the->kids[0] = value;
    Obj specifier = ref(c, args);
    bool many = is_cons(specifier) && eq(car(specifier), SYM(VALUES));
    if (!many && !is_unsafe(s)) the->flags |= NODE_VERIFY;
    return the;
}

static Node *special_eval_when(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form;
    for (Obj x = ref(c, args); is_cons(x); x = cdr(x))
        if (eq(car(x), SYM(K_EXECUTE)) || eq(car(x), SYM(EVAL))) return progn_of(c, s, ref_at(args, 1), n - 1);
    return node_const(c, NIL);
}

/* A string is held by a cell: the value, unlike a literal, may be changed, so it must not be taken for one (image/purify.c). */
static Node *special_load_time_value(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)s, (void)form, (void)n;
    Obj value = c->for_file ? compile_later(c, args) : compile_evaluate(c, args);
    if (!c->for_file && !is_simple_string(value)) return node_const(c, value);
    Node *cell = node_const(c, c->for_file ? value : alloc_boxed(c->t, TYPE_CELL, 1, value));
    return node_prim(c, OP_CELL_REF, 1, &cell);
}

static Ref rest_of(Compiler *c, Ref form) { return ref_new(c, cdr(ref(c, form))); }

static Node *special_locally(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_locally(c, s, rest_of(c, form));
}
static Node *special_let(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_let(c, s, form, false);
}
static Node *special_letx(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_let(c, s, form, true);
}
static Node *special_flet(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_flet(c, s, form, false);
}
static Node *special_labels(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_flet(c, s, form, true);
}
static Node *special_macrolet(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_macrolet(c, s, form);
}
static Node *special_symbol_macrolet(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_symbol_macrolet(c, s, form);
}
static Node *special_function(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)form, (void)n;
    return analyse_function_form(c, s, args);
}
static Node *special_lambda(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n) {
    (void)args, (void)n;
    return analyse_function_form(c, s, form);
}

/* -- The table -- */

typedef struct SpecialRow {
    uint32_t symbol, min, max;
    Node *(*analyse)(Compiler *c, Scope *s, Ref form, Ref args, uint32_t n);
} SpecialRow;

enum { ANY = 0x7FFFFFFF };

static const SpecialRow special_rows[] = {
    {S_BLOCK, 1, ANY, special_block}, {S_CATCH, 1, ANY, special_catch}, {S_EVAL_WHEN, 1, ANY, special_eval_when},
    {S_FLET, 1, ANY, special_flet}, {S_FUNCTION, 1, 1, special_function}, {S_GO, 1, 1, special_go}, {S_IF, 2, 3, special_if},
    {S_LABELS, 1, ANY, special_labels}, {S_LET, 1, ANY, special_let}, {S_LETX, 1, ANY, special_letx},
    {S_LOAD_TIME_VALUE, 1, 2, special_load_time_value}, {S_LOCALLY, 0, ANY, special_locally}, {S_MACROLET, 1, ANY, special_macrolet},
    {S_MULTIPLE_VALUE_CALL, 1, ANY, special_multiple_value_call}, {S_MULTIPLE_VALUE_PROG1, 1, ANY, special_multiple_value_prog1},
    {S_PROGN, 0, ANY, special_progn}, {S_PROGV, 2, ANY, special_progv}, {S_QUOTE, 1, 1, special_quote},
    {S_RETURN_FROM, 1, 2, special_return_from}, {S_SETQ, 0, ANY, special_setq}, {S_SYMBOL_MACROLET, 1, ANY, special_symbol_macrolet},
    {S_TAGBODY, 0, ANY, special_tagbody}, {S_THE, 2, 2, special_the}, {S_THROW, 2, 2, special_throw},
    {S_UNWIND_PROTECT, 1, ANY, special_unwind_protect}, {S_LAMBDA, 1, ANY, special_lambda}};

static const SpecialRow *special_row(Obj operator) {
    for (size_t i = 0; i < COUNT_OF(special_rows); i++)
        if (eq(operator, (Obj){(STATIC_SYMBOLS + SYMBOL_BYTES * (uint64_t)special_rows[i].symbol) | TAG_OBJ})) return &special_rows[i];
    return NULL;
}

bool is_special_operator(Obj symbol) { return !eq(symbol, SYM(LAMBDA)) && special_row(symbol) != NULL; }

Node *analyse_special(Compiler *c, Scope *s, Ref form, bool *known) {
    const SpecialRow *row = special_row(car(ref(c, form)));
    *known = row != NULL;
    if (!row) return NULL;
    uint32_t n;
    Ref args = ref_list(c, cdr(ref(c, form)), &n);
    if (n < row->min || n > row->max) compile_error(c, "Wrong number of arguments: ~S", 1, ref(c, form));
    return row->analyse(c, s, form, args, n);
}
