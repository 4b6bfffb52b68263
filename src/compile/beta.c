/* beta.c: a call of a known lambda expression becomes a LET.

   The parameters become the variables of the LET, in the order in which the arguments are evaluated; a parameter without argument gets NO_ARG,
   and what its DEFAULT and SUPPLIED nodes will find is settled here, at compile time.  They stand in the chain of bindings that
   analyse-lambda.c builds around the body, so the walk along that chain meets all of them.

   MULTIPLE-VALUE-CALL of a function of optional parameters (what MULTIPLE-VALUE-BIND is) becomes VALUES_BIND in the same way. */
#include "compile/compiler.h"

/* The next link of the chain behind the node, or NULL if it is the body proper. */
static Node **chain_next(Node *n) {
    if (n->kind == N_PROGN && n->count == 2) return &n->kids[1];
    if (n->kind == N_LET && n->var_count == 1 && n->count == 2) return &n->kids[1];
    return NULL;
}

/* Tells the DEFAULT and SUPPLIED nodes of the parameter whether there is an argument; without one, the DEFAULT becomes a LET of it. */
static void settle(Compiler *c, Lambda *fn, Variable *param, bool supplied) {
    Node *n = fn->body;
    for (Node **next; (next = chain_next(n)); n = *next) {
        Node *first = n->kids[0];
        if ((first->kind != N_DEFAULT && first->kind != N_SUPPLIED) || first->var != param) continue;
        if (first->kind == N_SUPPLIED) {
            n->kids[0] = node_const(c, obj_of_bool(supplied));
            param->refs--;
            continue;
        }
        if (supplied) {
            uncount(first);
            n->kids[0] = node_const(c, NIL);
            return;
        }
        *n = *node_let1(c, param, first->kids[0], n->kids[1]);
        return;
    }
}

typedef struct Beta {
    Compiler *c;
    Node *let;
    uint32_t count;
} Beta;

static void beta_bind(Beta *b, Variable *v, Node *init) {
    b->let->vars[b->count] = v;
    b->let->kids[b->count++] = init;
}

/* The place of the key parameter with this keyword, or key_count. */
static uint32_t key_index(Compiler *c, const Lambda *fn, Obj keyword) {
    uint32_t i = 0;
    while (i < fn->key_count && !eq(ref(c, ref_at(fn->keywords, i)), keyword)) i++;
    return i;
}

static bool keys_fit(Compiler *c, const Lambda *fn, uint32_t n, Node **args) {
    if (n & 1 || fn->rest) return false;
    for (uint32_t i = 0; i < n; i += 2) {
        if (args[i]->kind != N_CONST) return false;
        if (eq(ref(c, args[i]->ref), SYM(K_ALLOW_OTHER_KEYS))) return false;
        if (key_index(c, fn, ref(c, args[i]->ref)) == fn->key_count && !fn->allow_other_keys) return false;
    }
    return true;
}

/* Binds key parameters to the arguments args[0..n). */
static void beta_keys(Beta *b, Lambda *fn, uint32_t n, Node **args) {
    Compiler *c = b->c;
    Variable **params = fn->params + fn->required + fn->optional;
    bool *seen = arena_alloc(c, fn->key_count + 1);
    for (uint32_t i = 0; i < n; i += 2) {
        uint32_t k = key_index(c, fn, ref(c, args[i]->ref));
        bool first = k < fn->key_count && !seen[k];
        if (first) seen[k] = true;
        beta_bind(b, first ? params[k] : variable_temporary(c), args[i + 1]);
    }
    for (uint32_t k = 0; k < fn->key_count; k++) {
        settle(c, fn, params[k], seen[k]);
    }
}

Node *beta_call(Compiler *c, Lambda *fn, uint32_t n, Node **args) {
    uint32_t positional = fn->required + fn->optional;
    if (n < fn->required || (n > positional && !fn->rest && !fn->key)) return NULL;
    uint32_t more = n > positional ? n - positional : 0;
    if (more > UINT8_MAX || (fn->key && !keys_fit(c, fn, more, args + n - more))) return NULL;
    Beta b = {c, node_new(c, N_LET, fn->param_count + more + 1), 0};
    b.let->vars = arena_alloc(c, (fn->param_count + more + 1) * sizeof(Variable *));
    for (uint32_t i = 0; i < positional; i++) {
        if (i < n) beta_bind(&b, fn->params[i], args[i]);
        if (i >= fn->required) settle(c, fn, fn->params[i], i < n);
    }
    if (fn->rest) beta_bind(&b, fn->params[positional], more ? node_prim(c, OP_LIST, more, args + positional) : node_const(c, NIL));
    if (fn->key) beta_keys(&b, fn, more, args + n - more);
    if (b.count == 0) return fn->body;
    b.let->var_count = b.count;
    b.let->count = b.count + 1;
    b.let->kids[b.count] = fn->body;
    return b.let;
}

/* Whether all optional parameters have the default NIL and no supplied-p variable. */
static bool plain_optionals(Compiler *c, Lambda *fn) {
    uint32_t seen = 0;
    Node *n = fn->body;
    for (Node **next; (next = chain_next(n)); n = *next) {
        if (n->kids[0]->kind == N_SUPPLIED) return false;
        if (n->kids[0]->kind != N_DEFAULT) continue;
        if (!node_is_nil(c, n->kids[0]->kids[0])) return false;
        seen++;
    }
    return seen == fn->optional;
}

/* (MULTIPLE-VALUE-CALL fn form).  Requires census: a rest parameter that is not used takes what is left over. */
Node *beta_values_call(Compiler *c, Lambda *fn, Node *form) {
    if (form->kind == N_VALUES) return beta_call(c, fn, form->count, form->kids);
    if (fn->required || fn->key || !fn->rest || !plain_optionals(c, fn)) return NULL;
    Variable *rest = fn->params[fn->optional];
    if (rest->refs || rest->sets) return NULL;
    for (uint32_t i = 0; i < fn->optional; i++) settle(c, fn, fn->params[i], true);
    if (fn->optional == 0) return node_progn2(c, form, fn->body);
    Node *bind = node_new(c, N_VALUES_BIND, 2);
    bind->vars = fn->params;
    bind->var_count = fn->optional;
    bind->kids[0] = form;
    bind->kids[1] = fn->body;
    return bind;
}
