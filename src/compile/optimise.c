/* optimise.c: tree to tree.

   Two walks.  The census counts how often variables and functions are used.  The rewriting walk goes from the leaves up and

       puts known functions in place (beta.c), in FUNCALL, MULTIPLE-VALUE-CALL, and local functions that are called once
       decides tests that are constant, drops forms without effect whose value is not wanted
       makes OR of (let ((x a)) (if x x b))
       drops variables that are not used, replaces those that only name a constant or an unassigned variable

   Counts are kept right by whoever removes or adds uses. */
#include "compile/compiler.h"

/* -- Census -- */

static void census_function(Compiler *c, Lambda *fn) { census(c, fn->body); }

void census(Compiler *c, Node *n) {
    n->flags &= (uint8_t)~NODE_SETS;
    switch (n->kind) {
    case N_LOCAL: case N_SUPPLIED: n->var->refs++; break;
    case N_SET:
        n->var->sets++;
        n->flags |= NODE_SETS;
        break;
    case N_CALL_LOCAL: n->fn->calls++; break;
    case N_LOCAL_FUNCTION: n->fn->escapes++; break;
    case N_LAMBDA: census_function(c, n->fn); break;
    case N_FUNCTIONS:
        for (uint32_t i = 0; i < n->var_count; i++) census_function(c, n->fns[i]);
        n->flags |= NODE_SETS;
        break;
    default: break;
    }
    for (uint32_t i = 0; i < n->count; i++) {
        census(c, n->kids[i]);
        n->flags |= n->kids[i]->flags & NODE_SETS;
    }
}

/* Takes the uses within a tree that is dropped out of the counts. */
static void uncount(Node *n) {
    switch (n->kind) {
    case N_LOCAL: case N_SUPPLIED: n->var->refs--; break;
    case N_SET: n->var->sets--; break;
    case N_CALL_LOCAL: n->fn->calls--; break;
    case N_LOCAL_FUNCTION: n->fn->escapes--; break;
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
        if (test->kind == N_LAMBDA) uncount(test);
        return n->kids[yes ? 1 : 2];
    }
    return n;
}

/* Drops pure forms in front of the last, and flattens. */
static Node *rewrite_progn(Compiler *c, Node *n) {
    (void)c;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->count; i++) {
        Node *kid = n->kids[i];
        if (i + 1 < n->count && node_is_pure(kid)) uncount(kid);
        else n->kids[kept++] = kid;
    }
    n->count = kept;
    return kept == 1 ? n->kids[0] : n;
}

/* (let ((x a)) (if x x b)), x not used otherwise */
static bool is_or(const Node *n) {
    if (n->var_count != 1 || n->vars[0]->special || n->vars[0]->refs != 2 || n->vars[0]->sets) return false;
    const Node *body = n->kids[1];
    return body->kind == N_IF && body->kids[0]->kind == N_LOCAL && body->kids[0]->var == n->vars[0] && body->kids[1]->kind == N_LOCAL &&
           body->kids[1]->var == n->vars[0];
}

static Node *rewrite_let(Compiler *c, Node *n) {
    if (is_or(n)) {
        Node *or = node_new(c, N_OR, 2);
        or->kids[0] = n->kids[0];
        or->kids[1] = n->kids[1]->kids[2];
        or->flags = n->flags;
        return or;
    }
    return n;
}

/* A call whose function is a lambda expression. */
static Node *rewrite_funcall(Compiler *c, Node *n) {
    Node *f = n->kids[0];
    if (f->kind != N_LAMBDA) return n;
    Node *let = beta_call(c, f->fn, n->count - 1, n->kids + 1);
    return let ? let : n;
}

static Node *rewrite_values_call(Compiler *c, Node *n) {
    Node *f = n->kids[0];
    if (n->count == 1) {
        Node *call = node_new(c, N_FUNCALL, 1);
        call->kids[0] = f;
        return rewrite_funcall(c, call);
    }
    if (n->count != 2 || f->kind != N_LAMBDA) return n;
    Node *bind = beta_values_call(c, f->fn, n->kids[1]);
    return bind ? bind : n;
}

static Node *rewrite_kind(Compiler *c, Node *n) {
    switch (n->kind) {
    case N_IF: return rewrite_if(c, n);
    case N_PROGN: return rewrite_progn(c, n);
    case N_LET: return rewrite_let(c, n);
    case N_FUNCALL: return rewrite_funcall(c, n);
    case N_CALL_VALUES: return rewrite_values_call(c, n);
    default: return n;
    }
}

static Node *rewrite(Compiler *c, Node *n) {
    if (n->kind == N_LAMBDA) n->fn->body = rewrite(c, n->fn->body);
    if (n->kind == N_FUNCTIONS)
        for (uint32_t i = 0; i < n->var_count; i++) n->fns[i]->body = rewrite(c, n->fns[i]->body);
    for (uint32_t i = 0; i < n->count; i++) n->kids[i] = rewrite(c, n->kids[i]);
    return rewrite_kind(c, n);
}

void optimise(Compiler *c, Lambda *top) {
    census(c, top->body);
    top->body = rewrite(c, top->body);
}
