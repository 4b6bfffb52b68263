/* node.c: making nodes, and what every pass asks of them. */
#include "compile/compiler.h"

Node *node_new(Compiler *c, NodeKind kind, uint32_t kids) {
    Node *n = arena_alloc(c, sizeof *n);
    n->kind = (uint8_t)kind;
    n->count = kids;
    n->line = c->line;
    n->kids = kids ? arena_alloc(c, kids * sizeof(Node *)) : NULL;
    return n;
}

Node *node_const(Compiler *c, Obj value) {
    Node *n = node_new(c, N_CONST, 0);
    n->ref = ref_new(c, value);
    return n;
}

Node *node_local(Compiler *c, Variable *v) {
    Node *n = node_new(c, N_LOCAL, 0);
    n->var = v;
    v->used = true;
    return n;
}

Node *node_set(Compiler *c, Variable *v, Node *value) {
    Node *n = node_new(c, N_SET, 1);
    n->var = v;
    n->kids[0] = value;
    return n;
}

Node *node_if(Compiler *c, Node *test, Node *then, Node *otherwise) {
    Node *n = node_new(c, N_IF, 3);
    n->kids[0] = test;
    n->kids[1] = then;
    n->kids[2] = otherwise;
    return n;
}

Node *node_let1(Compiler *c, Variable *v, Node *init, Node *body) {
    Node *n = node_new(c, N_LET, 2);
    n->vars = arena_alloc(c, sizeof(Variable *));
    n->vars[0] = v;
    n->var_count = 1;
    n->kids[0] = init;
    n->kids[1] = body;
    return n;
}

Node *node_progn2(Compiler *c, Node *first, Node *second) {
    Node *n = node_new(c, N_PROGN, 2);
    n->kids[0] = first;
    n->kids[1] = second;
    return n;
}

Node *node_prim(Compiler *c, Opcode op, uint32_t kids, Node **args) {
    Node *n = node_new(c, N_PRIM, kids);
    n->op = (uint8_t)op;
    for (uint32_t i = 0; i < kids; i++) n->kids[i] = args[i];
    return n;
}

Variable *variable_new(Compiler *c, Ref name) {
    Variable *v = arena_alloc(c, sizeof *v);
    v->name = name;
    return v;
}

/* A variable of the compiler's own. */
Variable *variable_temporary(Compiler *c) {
    Variable *v = variable_new(c, (Ref){0});
    v->ignorable = true;
    return v;
}

/* -- Questions -- */

bool node_is_nil(const Compiler *c, const Node *n) { return n->kind == N_CONST && is_nil(ref(c, n->ref)); }
bool node_is_true(const Compiler *c, const Node *n) { return n->kind == N_CONST && !is_nil(ref(c, n->ref)); }

bool node_is_fixnum(const Compiler *c, const Node *n, int64_t *value) {
    if (n->kind != N_CONST || !is_fix(ref(c, n->ref))) return false;
    *value = fix_of_obj(ref(c, n->ref));
    return true;
}

bool node_is_simple(const Node *n) { return n->kind == N_CONST || n->kind == N_LOCAL || n->kind == N_NO_ARG; }

static bool prim_is_pure(Opcode op) {
    return op == OP_EQ || op == OP_NOT || op == OP_TEST || op == OP_CONS || op == OP_LIST || op == OP_LIST_STAR || op == OP_STRUCTURE_P;
}

bool node_is_pure(const Node *n) {
    switch (n->kind) {
    case N_CONST: case N_NO_ARG: case N_LOCAL: case N_LAMBDA: case N_LOCAL_FUNCTION: case N_SUPPLIED: return true;
    case N_PRIM: if (!prim_is_pure((Opcode)n->op)) return false; break;
    case N_IF: case N_OR: case N_PROGN: case N_VALUES: break;
    default: return false;
    }
    for (uint32_t i = 0; i < n->count; i++)
        if (!node_is_pure(n->kids[i])) return false;
    return true;
}

bool node_is_single(const Node *n) {
    switch (n->kind) {
    case N_CONST: case N_NO_ARG: case N_LOCAL: case N_SET: case N_SPECIAL: case N_SET_SPECIAL: case N_GLOBAL_FUNCTION: case N_LAMBDA:
    case N_LOCAL_FUNCTION: case N_PRIM: case N_COMPARE: case N_SUPPLIED: case N_DEFAULT: case N_TAGBODY: return true;
    case N_GO: case N_RETURN: case N_THROW: return true; /* do not come back */
    case N_IF: return node_is_single(n->kids[1]) && node_is_single(n->kids[2]);
    case N_OR: return node_is_single(n->kids[1]);
    case N_PROGN: case N_LET: case N_VALUES_BIND: return node_is_single(n->kids[n->count - 1]);
    case N_THE: return node_is_single(n->kids[0]);
    case N_VALUES: return n->count == 1;
    default: return false;
    }
}

/* Whether the value is T or NIL, and made so by a test that a jump can make. */
bool node_is_boolean(const Node *n) {
    return n->kind == N_COMPARE || (n->kind == N_PRIM && (n->op == OP_NOT || n->op == OP_EQ || n->op == OP_TEST || n->op == OP_STRUCTURE_P));
}
