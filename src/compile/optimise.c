/* optimise.c: tree to tree.

   Two walks.  The census counts how often variables and functions are used.  The rewriting walk then

       puts known functions in place (beta.c): in FUNCALL, MULTIPLE-VALUE-CALL, and local functions that are called once
       makes local functions of variables that hold a lambda expression and are only called
       replaces variables that only name a constant or another variable, drops variables that are not used
       decides tests that are constant, drops forms without effect whose value is not wanted
       makes OR of (let ((x a)) (if x x b))
       finds local functions that are loops (local.c)

   A form's children are rewritten first, but for bindings: what is known of a variable is noted before the body is rewritten, and a function
   that is put in place is rewritten there.  Counts are kept right by whoever removes or adds uses. */
#include "compile/compiler.h"

/* -- Census -- */

static void census(Compiler *c, Node *n);

static void census_function(Compiler *c, Lambda *fn) {
    Lambda *outer = c->lambda;
    uint32_t cleanups = c->cleanups;
    c->lambda = fn;
    c->cleanups = 0;
    census(c, fn->body);
    c->lambda = outer;
    c->cleanups = cleanups;
}

/* What a node counts for by itself; its children are counted by the caller. */
static void census_node(Compiler *c, Node *n) {
    switch (n->kind) {
    case N_LOCAL: case N_SUPPLIED: n->var->refs++; break;
    case N_SET: n->var->sets++; break;
    case N_CALL_LOCAL: n->fn->calls++; break;
    case N_LOCAL_FUNCTION: n->fn->escapes++; break;
    case N_FUNCALL:
        if (n->kids[0]->kind == N_LOCAL) n->kids[0]->var->funcalls++;
        break;
    case N_LAMBDA: census_function(c, n->fn); break;
    case N_FUNCTIONS:
        for (uint32_t i = 0; i < n->var_count; i++) census_function(c, n->fns[i]);
        break;
    case N_BLOCK:
        n->block->owner = c->lambda;
        n->block->cleanups = c->cleanups;
        break;
    case N_RETURN:
        if (n->block->owner != c->lambda || n->block->cleanups != c->cleanups) n->block->crossed = true;
        break;
    case N_TAGBODY:
        n->tagbody->owner = c->lambda;
        n->tagbody->cleanups = c->cleanups;
        break;
    case N_GO:
        if (n->tagbody->owner != c->lambda || n->tagbody->cleanups != c->cleanups) n->tagbody->crossed = true;
        break;
    default: break;
    }
}

static void census(Compiler *c, Node *n) {
    census_node(c, n);
    for (uint32_t i = 0; i < n->count; i++) {
        bool protected = n->kind == N_UNWIND && i == 0;
        if (protected) c->cleanups++;
        census(c, n->kids[i]);
        if (protected) c->cleanups--;
    }
}

void uncount(Node *n) {
    switch (n->kind) {
    case N_LOCAL: case N_SUPPLIED: n->var->refs--; break;
    case N_SET: n->var->sets--; break;
    case N_CALL_LOCAL: n->fn->calls--; break;
    case N_LOCAL_FUNCTION: n->fn->escapes--; break;
    case N_FUNCALL:
        if (n->kids[0]->kind == N_LOCAL) n->kids[0]->var->funcalls--;
        break;
    case N_LAMBDA: uncount(n->fn->body); break;
    case N_FUNCTIONS:
        for (uint32_t i = 0; i < n->var_count; i++)
            if (n->fns[i]->mode != FUNCTION_GONE) uncount(n->fns[i]->body);
        break;
    default: break;
    }
    for (uint32_t i = 0; i < n->count; i++) uncount(n->kids[i]);
}

/* -- Rewriting -- */

static Node *rewrite(Compiler *c, Node *n);

/* The flag NODE_SETS of a node whose children have theirs. */
static Node *flagged(Node *n) {
    n->flags &= (uint8_t)~NODE_SETS;
    if (n->kind == N_SET || n->kind == N_FUNCTIONS || n->kind == N_CALL_LOCAL) n->flags |= NODE_SETS;
    for (uint32_t i = 0; i < n->count; i++) n->flags |= n->kids[i]->flags & NODE_SETS;
    return n;
}

static void rewrite_kids(Compiler *c, Node *n, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) n->kids[i] = rewrite(c, n->kids[i]);
}

/* -- Conditionals, sequences -- */

static Node *rewrite_if(Compiler *c, Node *n) {
    Node *test = n->kids[0];
    if (test->kind == N_PRIM && test->op == OP_NOT) {
        Node *then = n->kids[1];
        n->kids[0] = test->kids[0];
        n->kids[1] = n->kids[2];
        n->kids[2] = then;
        return rewrite_if(c, n);
    }
    if (test->kind == N_CONST || test->kind == N_LAMBDA) {
        bool yes = !node_is_nil(c, test);
        uncount(n->kids[yes ? 2 : 1]);
        uncount(test);
        return n->kids[yes ? 1 : 2];
    }
    return n;
}

/* Drops pure forms in front of the last. */
static Node *rewrite_progn(Node *n) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->count; i++) {
        Node *kid = n->kids[i];
        if (i + 1 < n->count && node_is_pure(kid)) uncount(kid);
        else n->kids[kept++] = kid;
    }
    n->count = kept;
    return kept == 1 ? n->kids[0] : n;
}

/* -- LET -- */

/* (let ((x a)) (if x x b)), x not used otherwise */
static bool is_or(const Node *n) {
    if (n->var_count != 1 || n->vars[0]->special || n->vars[0]->refs != 2 || n->vars[0]->sets) return false;
    const Node *body = n->kids[1];
    return body->kind == N_IF && body->kids[0]->kind == N_LOCAL && body->kids[0]->var == n->vars[0] && body->kids[1]->kind == N_LOCAL &&
           body->kids[1]->var == n->vars[0];
}

/* Notes what the uses of a variable may be replaced by. */
static void note_binding(Variable *v, Node *init) {
    if (v->special || v->sets) return;
    if (init->kind == N_CONST) v->alias = init;
    if (init->kind == N_LOCAL && !init->var->sets && !init->var->special && !v->declared) v->alias = init;
}

/* Whether the variable only stands for the lambda expression that is called through it. */
static bool is_called_lambda(const Variable *v, const Node *init) {
    return init->kind == N_LAMBDA && !v->special && !v->sets && v->refs && v->refs == v->funcalls;
}

/* Takes such variables out of the LET and makes them local functions around it: the N_FUNCTIONS, or NULL. */
static Node *extract_lambdas(Compiler *c, Node *n) {
    uint32_t found = 0, kept = 0;
    for (uint32_t i = 0; i < n->var_count; i++) found += is_called_lambda(n->vars[i], n->kids[i]);
    if (!found) return NULL;
    Node *f = node_new(c, N_FUNCTIONS, 1);
    f->fns = arena_alloc(c, found * sizeof(Lambda *));
    for (uint32_t i = 0; i < n->var_count; i++) {
        Variable *v = n->vars[i];
        if (!is_called_lambda(v, n->kids[i])) {
            n->vars[kept] = v;
            n->kids[kept++] = n->kids[i];
            continue;
        }
        Lambda *fn = n->kids[i]->fn;
        v->known = fn;
        fn->calls = v->funcalls;
        fn->escapes = 0;
        fn->group = f;
        fn->var = variable_temporary(c);
        f->fns[f->var_count++] = fn;
    }
    n->kids[kept] = n->kids[n->var_count];
    n->var_count = kept;
    n->count = kept + 1;
    f->kids[0] = kept ? n : n->kids[0];
    return f;
}

/* Drops variables that are not used and whose initial value has no effect. */
static Node *drop_unused(Node *n) {
    uint32_t kept = 0, body = n->var_count;
    for (uint32_t i = 0; i < body; i++) {
        Variable *v = n->vars[i];
        if (!v->special && !v->refs && !v->sets && node_is_pure(n->kids[i])) {
            uncount(n->kids[i]);
            continue;
        }
        n->vars[kept] = v;
        n->kids[kept++] = n->kids[i];
    }
    n->kids[kept] = n->kids[body];
    n->var_count = kept;
    n->count = kept + 1;
    return kept ? n : n->kids[0];
}

static Node *rewrite_functions(Compiler *c, Node *n);

/* Tests of constants. */
static Node *rewrite_prim(Compiler *c, Node *n) {
    if (n->op == OP_EQ && n->kids[0]->kind == N_CONST && n->kids[1]->kind == N_CONST)
        return node_const(c, obj_of_bool(eq(ref(c, n->kids[0]->ref), ref(c, n->kids[1]->ref))));
    if (n->op == OP_NOT && n->kids[0]->kind == N_CONST) return node_const(c, obj_of_bool(node_is_nil(c, n->kids[0])));
    return n;
}

/* (or a b): if A is T or NIL this is (if a t b). */
static Node *rewrite_or(Compiler *c, Node *n) {
    if (node_is_boolean(n->kids[0])) return node_if(c, n->kids[0], node_const(c, T_), n->kids[1]);
    if (node_is_nil(c, n->kids[0])) return n->kids[1];
    if (n->kids[0]->kind != N_CONST) return n;
    uncount(n->kids[1]);
    return n->kids[0];
}

/* A LET whose initial values are rewritten and whose body is not. */
static Node *rewrite_let(Compiler *c, Node *n) {
    Node *functions = extract_lambdas(c, n);
    if (functions) return rewrite_functions(c, functions);
    uint32_t body = n->var_count;
    for (uint32_t i = 0; i < body; i++) note_binding(n->vars[i], n->kids[i]);
    n->kids[body] = rewrite(c, n->kids[body]);
    n = drop_unused(n);
    if (n->kind != N_LET || !is_or(n)) return n;
    Node *or = node_new(c, N_OR, 2);
    or->kids[0] = n->kids[0];
    or->kids[1] = n->kids[1]->kids[2];
    return rewrite_or(c, or);
}

/* -- Uses -- */

static Node *rewrite_local(Compiler *c, Node *n) {
    while (n->var->alias) {
        Node *a = n->var->alias;
        n->var->refs--;
        if (a->kind == N_CONST) {
            Node *k = node_new(c, N_CONST, 0);
            k->ref = a->ref;
            return k;
        }
        n->var = a->var;
        n->var->refs++;
    }
    return n;
}

/* What beta.c made of a call: a LET whose body is still to be rewritten, or that body. */
static Node *rewrite_beta(Compiler *c, Node *n, const Node *body) {
    if (n == body) return rewrite(c, n);
    if (n->kind == N_LET) return flagged(rewrite_let(c, n));
    n->kids[1] = rewrite(c, n->kids[1]);
    return n;
}

/* A call whose arguments are rewritten and whose function is a lambda expression, not rewritten. */
static Node *rewrite_lambda_call(Compiler *c, Node *n) {
    Lambda *fn = n->kids[0]->fn;
    Node *let = beta_call(c, fn, n->count - 1, n->kids + 1);
    if (let) return rewrite_beta(c, let, fn->body);
    n->kids[0] = rewrite(c, n->kids[0]);
    return n;
}

static Node *rewrite_funcall(Compiler *c, Node *n) {
    rewrite_kids(c, n, 1, n->count);
    Node *f = n->kids[0];
    if (f->kind == N_LAMBDA) return rewrite_lambda_call(c, n);
    if (f->kind == N_LOCAL && f->var->known) {
        Node *call = node_new(c, N_CALL_LOCAL, n->count - 1);
        call->line = n->line;
        call->fn = f->var->known;
        for (uint32_t i = 1; i < n->count; i++) call->kids[i - 1] = n->kids[i];
        f->var->refs--;
        f->var->funcalls--;
        return rewrite_call_local(c, call);
    }
    if (f->kind == N_LOCAL) f->var->funcalls--;
    n->kids[0] = rewrite(c, f);
    if (n->kids[0]->kind == N_LOCAL) n->kids[0]->var->funcalls++;
    return n;
}

static Node *rewrite_values_call(Compiler *c, Node *n) {
    rewrite_kids(c, n, 1, n->count);
    Node *f = n->kids[0];
    if (f->kind == N_LAMBDA && n->count == 1) return rewrite_lambda_call(c, n);
    if (f->kind == N_LAMBDA && n->count == 2) {
        Node *bind = beta_values_call(c, f->fn, n->kids[1]);
        if (bind) return rewrite_beta(c, bind, f->fn->body);
    }
    n->kids[0] = rewrite(c, f);
    return n;
}

/* A call of a local function, arguments rewritten: the function itself if this is the only use. */
Node *rewrite_call_local(Compiler *c, Node *n) {
    Lambda *fn = n->fn;
    if (fn->calls != 1 || fn->escapes || fn->active) return n;
    Node *let = beta_call(c, fn, n->count, n->kids);
    if (!let) return n;
    fn->mode = FUNCTION_GONE;
    fn->calls = 0;
    return rewrite_beta(c, let, fn->body);
}

/* -- Local functions -- */

static void drop_unused_functions(Node *n) {
    for (bool again = true; again;) {
        again = false;
        for (uint32_t i = 0; i < n->var_count; i++) {
            Lambda *fn = n->fns[i];
            if (fn->mode == FUNCTION_GONE || fn->calls || fn->escapes) continue;
            fn->mode = FUNCTION_GONE;
            again = true;
            uncount(fn->body);
        }
    }
}

static Node *rewrite_functions(Compiler *c, Node *n) {
    drop_unused_functions(n);
    n->kids[0] = rewrite(c, n->kids[0]);
    for (uint32_t i = 0; i < n->var_count; i++) {
        Lambda *fn = n->fns[i];
        if (fn->mode == FUNCTION_GONE) continue;
        fn->active = true;
        fn->body = rewrite(c, fn->body);
        fn->active = false;
    }
    uint32_t kept = 0;
    drop_unused_functions(n);
    for (uint32_t i = 0; i < n->var_count; i++)
        if (n->fns[i]->mode != FUNCTION_GONE) n->fns[kept++] = n->fns[i];
    n->var_count = kept;
    return kept ? jump_functions(c, n) : n->kids[0];
}

/* -- The walk -- */

static Node *rewrite_kind(Compiler *c, Node *n) {
    switch (n->kind) {
    case N_LOCAL: return rewrite_local(c, n);
    case N_LAMBDA: n->fn->body = rewrite(c, n->fn->body); return n;
    case N_FUNCTIONS: return rewrite_functions(c, n);
    case N_FUNCALL: return rewrite_funcall(c, n);
    case N_CALL_VALUES: return rewrite_values_call(c, n);
    case N_LET: rewrite_kids(c, n, 0, n->var_count); return rewrite_let(c, n);
    default: break;
    }
    rewrite_kids(c, n, 0, n->count);
    switch (n->kind) {
    case N_IF: return rewrite_if(c, n);
    case N_PRIM: return rewrite_prim(c, n);
    case N_OR: return rewrite_or(c, n);
    case N_PROGN: return rewrite_progn(n);
    case N_CALL_LOCAL: return rewrite_call_local(c, n);
    default: return n;
    }
}

static Node *rewrite(Compiler *c, Node *n) { return flagged(rewrite_kind(c, n)); }

void optimise(Compiler *c, Lambda *top) {
    c->cleanups = 0;
    c->lambda = top;
    census(c, top->body);
    top->body = rewrite(c, top->body);
}
