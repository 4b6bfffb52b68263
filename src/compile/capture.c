/* capture.c: who lives where.

   Requires the optimised tree.  Leaves: the owner of every variable; for every function the variables that its closure copies (`free`);
   which variables are captured (and, if assigned, boxed); which blocks and tagbodies need a mark, because an exit to them comes from
   another function or passes an UNWIND-PROTECT.

   A local function needs no closure if it uses no variable of another function, directly or through local functions that do.  This is a
   fixpoint over the references between local functions, which the walk collects; it is reached in a few rounds because a
   reference usually goes to a function defined before. */
#include "compile/compiler.h"

typedef struct Capture {
    struct Capture *next;
    Lambda *user, *fn; /* `user` refers to the local function `fn` as a value or calls it */
    bool call;
} Capture;

typedef struct Group {
    struct Group *next;
    Node *node;
} Group;

typedef struct Walk {
    Compiler *c;
    Lambda *fn;       /* the function that the node belongs to */
    uint32_t cleanups; /* UNWIND-PROTECTs around it within that function */
    Capture *captures;
    Group *groups;
} Walk;

static void walk(Walk *w, Node *n);

/* Adds the variable to those that closures of `fn` copy; false if it is one of them already. */
static bool free_add(Compiler *c, Lambda *fn, Variable *v) {
    for (uint32_t i = 0; i < fn->free_count; i++)
        if (fn->free[i] == v) return false;
    if (fn->free_count == fn->free_room) {
        uint32_t room = fn->free_room ? 2 * fn->free_room : 4;
        Variable **more = arena_alloc(c, room * sizeof(Variable *));
        for (uint32_t i = 0; i < fn->free_count; i++) more[i] = fn->free[i];
        fn->free = more;
        fn->free_room = room;
    }
    fn->free[fn->free_count++] = v;
    return true;
}

/* Makes the variable available to `fn` and all functions between it and the owner. */
static void capture_variable(Compiler *c, Lambda *fn, Variable *v) {
    v->captured = true;
    for (; fn != v->owner && free_add(c, fn, v); fn = fn->parent) must(fn->parent != NULL);
}

static void use_variable(Walk *w, Variable *v) {
    if (v->owner != w->fn) capture_variable(w->c, w->fn, v);
}

static void bind_owner(Walk *w, Variable *v) { v->owner = w->fn; }

static void walk_function(Walk *w, Lambda *fn) {
    Walk inner = *w;
    inner.fn = fn;
    inner.cleanups = 0;
    fn->parent = w->fn;
    for (uint32_t i = 0; i < fn->param_count; i++) fn->params[i]->owner = fn;
    walk(&inner, fn->body);
    w->captures = inner.captures;
    w->groups = inner.groups;
}

static void use_function(Walk *w, Lambda *fn, bool call) {
    Capture *u = arena_alloc(w->c, sizeof *u);
    *u = (Capture){w->captures, w->fn, fn, call};
    w->captures = u;
}

static void walk_functions(Walk *w, Node *n) {
    Group *g = arena_alloc(w->c, sizeof *g);
    *g = (Group){w->groups, n};
    w->groups = g;
    for (uint32_t i = 0; i < n->var_count; i++) {
        Lambda *fn = n->fns[i];
        bind_owner(w, fn->var);
        if (fn->mode != FUNCTION_JUMPED) continue;
        for (uint32_t k = 0; k < fn->param_count; k++) bind_owner(w, fn->params[k]);
        fn->parent = w->fn;
    }
    for (uint32_t i = 0; i < n->var_count; i++) {
        Lambda *fn = n->fns[i];
        if (fn->mode == FUNCTION_CLOSED) walk_function(w, fn);
        if (fn->mode == FUNCTION_JUMPED) walk(w, fn->body);
    }
}

/* The exit from `w` to a block or tagbody: does it need an unwinding? */
static bool walk_exit(Walk *w, Lambda *owner, uint32_t cleanups, Variable *id) {
    if (owner == w->fn && cleanups == w->cleanups) return false;
    use_variable(w, id);
    return true;
}

static void walk_kids(Walk *w, Node *n) {
    for (uint32_t i = 0; i < n->count; i++) walk(w, n->kids[i]);
}

static void walk_block(Walk *w, Node *n) {
    Block *b = n->block;
    b->owner = w->fn;
    b->cleanups = w->cleanups;
    b->id = variable_temporary(w->c);
    bind_owner(w, b->id);
    walk_kids(w, n);
}

static void walk_tagbody(Walk *w, Node *n) {
    Tagbody *t = n->tagbody;
    t->owner = w->fn;
    t->cleanups = w->cleanups;
    t->id = variable_temporary(w->c);
    bind_owner(w, t->id);
    walk_kids(w, n);
}

static void walk(Walk *w, Node *n) {
    switch (n->kind) {
    case N_LOCAL: use_variable(w, n->var); break;
    case N_SET:
        walk_kids(w, n);
        use_variable(w, n->var);
        break;
    case N_SUPPLIED: use_variable(w, n->var); break;
    case N_DEFAULT: walk_kids(w, n); break;
    case N_LAMBDA: walk_function(w, n->fn); break;
    case N_LET: case N_VALUES_BIND:
        for (uint32_t i = 0; i < n->var_count; i++) bind_owner(w, n->vars[i]);
        walk_kids(w, n);
        break;
    case N_FUNCTIONS:
        walk_functions(w, n);
        walk_kids(w, n);
        break;
    case N_CALL_LOCAL:
        walk_kids(w, n);
        if (n->fn->mode == FUNCTION_CLOSED) use_function(w, n->fn, true);
        break;
    case N_LOCAL_FUNCTION: use_function(w, n->fn, false); break;
    case N_BLOCK: walk_block(w, n); break;
    case N_RETURN:
        walk_kids(w, n);
        n->block->returns++;
        if (!walk_exit(w, n->block->owner, n->block->cleanups, n->block->id)) break;
        n->flags |= NODE_FAR;
        n->block->marked = true;
        break;
    case N_TAGBODY: walk_tagbody(w, n); break;
    case N_GO:
        n->tagbody->uses[n->imm]++;
        if (!walk_exit(w, n->tagbody->owner, n->tagbody->cleanups, n->tagbody->id)) break;
        n->flags |= NODE_FAR;
        n->tagbody->marked = n->tagbody->far[n->imm] = true;
        break;
    case N_UNWIND:
        w->cleanups++;
        walk(w, n->kids[0]);
        w->cleanups--;
        walk(w, n->kids[1]);
        break;
    default: walk_kids(w, n); break;
    }
}

/* -- Local functions -- */

static bool is_member(const Node *group, const Variable *v) {
    for (uint32_t i = 0; i < group->var_count; i++)
        if (group->fns[i]->var == v && group->fns[i]->needs_env) return true;
    return false;
}

/* LABELS functions that refer to each other as closures share one environment: what any of them needs, then the closures. */
static void settle_group(Compiler *c, Node *group) {
    Lambda all = {.free = NULL};
    bool mutual = false;
    for (uint32_t i = 0; i < group->var_count; i++) {
        Lambda *fn = group->fns[i];
        for (uint32_t k = 0; k < fn->free_count; k++) {
            if (is_member(group, fn->free[k])) mutual = true;
            else free_add(c, &all, fn->free[k]);
        }
    }
    if (!mutual) return;
    group->imm = (int32_t)all.free_count;
    group->flags |= NODE_MUTUAL;
    for (uint32_t i = 0; i < group->var_count; i++)
        if (group->fns[i]->needs_env) free_add(c, &all, group->fns[i]->var);
    for (uint32_t i = 0; i < group->var_count; i++) {
        if (!group->fns[i]->needs_env) continue;
        group->fns[i]->free = all.free;
        group->fns[i]->free_count = all.free_count;
    }
}

static void settle_functions(Walk *w) {
    for (Capture *u = w->captures; u; u = u->next)
        if (u->fn->free_count) u->fn->needs_env = true;
    for (bool again = true; again;) {
        again = false;
        for (Capture *u = w->captures; u; u = u->next) {
            if (!u->fn->needs_env) continue;
            for (Lambda *l = u->user; l != u->fn->var->owner; l = l->parent)
                if (!l->needs_env) l->needs_env = again = true;
        }
    }
    for (Capture *u = w->captures; u; u = u->next)
        if (u->fn->needs_env && !(u->call && u->user == u->fn)) capture_variable(w->c, u->user, u->fn->var);
    for (Group *g = w->groups; g; g = g->next) settle_group(w->c, g->node);
}

void capture(Compiler *c, Lambda *top) {
    Walk w = {c, top, 0, NULL, NULL};
    for (uint32_t i = 0; i < top->param_count; i++) top->params[i]->owner = top;
    walk(&w, top->body);
    settle_functions(&w);
}
