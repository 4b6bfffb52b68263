/* local.c: local functions that are jumped to.

   When every call of a local function has the same continuation, calling it is going somewhere and never coming back: its body can stand in the
   frame of the function around it, parameters are registers, a call assigns them and jumps.  So loops written as LABELS cost what DO
   costs.  That is the case if every call is in tail position of the body of the LABELS form, or of another such function of it.  A form
   whose functions are called from one place outside only, not in tail position, is moved to that place first.

   The search starts with all functions that qualify by themselves (only called, by position, with a fitting number of arguments) and
   strikes out those with a call elsewhere; a function that is struck out is an ordinary one, and the calls in it are not in tail
   position any more; so it is repeated until nothing changes. */
#include "compile/compiler.h"

typedef struct Scan {
    Node *group;
    Node *outside;          /* the call from outside of the functions that is not in tail position */
    uint32_t outside_count; /* how many calls from outside there are */
    uint32_t dynamic;       /* forms around the node, up to the group, behind which something is to be undone */
    bool in_function, moving;
} Scan;

static void scan(Scan *s, Node *n, bool tail);

static bool arguments_fit(const Lambda *fn, uint32_t n) {
    return !fn->rest && !fn->key && n >= fn->required && n <= fn->required + fn->optional;
}

static void scan_call(Scan *s, Node *n, bool tail) {
    Lambda *fn = n->fn;
    if (fn->group != s->group) return;
    if (!arguments_fit(fn, n->count)) fn->jumpable = false;
    if (!s->in_function) {
        s->outside_count++;
        s->outside = n;
        if (s->moving) return;
    }
    if (!tail) fn->jumpable = false;
}

/* A tree that control does not leave by a jump. */
static void scan_apart(Scan *s, Node *n) {
    s->dynamic++;
    scan(s, n, false);
    s->dynamic--;
}

static void scan_kids(Scan *s, Node *n, bool tail) {
    for (uint32_t i = 0; i < n->count; i++) scan(s, n->kids[i], tail && i + 1 == n->count);
}

static bool has_specials(const Node *n) {
    for (uint32_t i = 0; i < n->var_count; i++)
        if (n->vars[i]->special) return true;
    return false;
}

static void scan_block(Scan *s, Node *n, bool tail) {
    Block *b = n->block;
    if (b->crossed) {
        scan_apart(s, n->kids[0]);
        return;
    }
    b->tail = tail;
    b->dynamic = s->dynamic;
    scan(s, n->kids[0], tail);
    b->tail = false;
}

/* Walks a tree of which the root is in tail position or not. */
static void scan(Scan *s, Node *n, bool tail) {
    switch (n->kind) {
    case N_CALL_LOCAL:
        scan_kids(s, n, false);
        scan_call(s, n, tail);
        break;
    case N_LAMBDA: scan_apart(s, n->fn->body); break;
    case N_IF:
        scan(s, n->kids[0], false);
        scan(s, n->kids[1], tail);
        scan(s, n->kids[2], tail);
        break;
    case N_OR: case N_PROGN: case N_VALUES_BIND: scan_kids(s, n, tail); break;
    case N_LET:
        for (uint32_t i = 0; i < n->var_count; i++) scan(s, n->kids[i], false);
        if (has_specials(n)) scan_apart(s, n->kids[n->var_count]);
        else scan(s, n->kids[n->var_count], tail);
        break;
    case N_FUNCTIONS:
        for (uint32_t i = 0; i < n->var_count; i++) {
            if (n->fns[i]->mode == FUNCTION_JUMPED) scan(s, n->fns[i]->body, tail);
            else scan_apart(s, n->fns[i]->body);
        }
        scan_kids(s, n, tail);
        break;
    case N_BLOCK: scan_block(s, n, tail); break;
    case N_RETURN: scan_kids(s, n, n->block->tail && s->dynamic == n->block->dynamic); break;
    case N_CATCH: case N_UNWIND: case N_PROGV:
        for (uint32_t i = 0; i < n->count; i++) scan_apart(s, n->kids[i]);
        break;
    case N_TAGBODY:
        s->dynamic += n->tagbody->crossed;
        scan_kids(s, n, false);
        s->dynamic -= n->tagbody->crossed;
        break;
    default: scan_kids(s, n, false); break;
    }
}

/* Strikes out functions until the rest is consistent; true if there is a rest. */
static bool find_jumpable(Scan *s) {
    Node *group = s->group;
    for (uint32_t i = 0; i < group->var_count; i++) {
        Lambda *fn = group->fns[i];
        fn->jumpable = !fn->escapes && !fn->rest && !fn->key;
    }
    for (uint32_t before = UINT32_MAX, count = 0;; before = count) {
        s->outside_count = 0;
        s->in_function = false;
        scan(s, group->kids[0], true);
        s->in_function = true;
        for (uint32_t i = 0; i < group->var_count; i++) {
            if (group->fns[i]->jumpable) scan(s, group->fns[i]->body, true);
            else scan_apart(s, group->fns[i]->body);
        }
        count = 0;
        for (uint32_t i = 0; i < group->var_count; i++) count += group->fns[i]->jumpable;
        if (count == before || count == 0) return count > 0;
    }
}

/* Gives the calls NO_ARG for optional parameters without argument. */
static void fill_arguments(Compiler *c, Node *n) {
    if (n->kind == N_CALL_LOCAL && n->fn->mode == FUNCTION_JUMPED && n->count < n->fn->param_count) {
        Node **args = arena_alloc(c, n->fn->param_count * sizeof(Node *));
        for (uint32_t i = 0; i < n->fn->param_count; i++) args[i] = i < n->count ? n->kids[i] : node_new(c, N_NO_ARG, 0);
        n->kids = args;
        n->count = n->fn->param_count;
    }
    if (n->kind == N_LAMBDA) fill_arguments(c, n->fn->body);
    if (n->kind == N_FUNCTIONS)
        for (uint32_t i = 0; i < n->var_count; i++) fill_arguments(c, n->fns[i]->body);
    for (uint32_t i = 0; i < n->count; i++) fill_arguments(c, n->kids[i]);
}

static void settle_jumped(Compiler *c, Node *group) {
    bool optionals = false;
    for (uint32_t i = 0; i < group->var_count; i++) {
        if (!group->fns[i]->jumpable) continue;
        group->fns[i]->mode = FUNCTION_JUMPED;
        optionals |= group->fns[i]->optional > 0;
    }
    if (!optionals) return;
    for (uint32_t i = 0; i < group->var_count; i++) fill_arguments(c, group->fns[i]->body);
    fill_arguments(c, group->kids[0]);
}

/* Whether all functions are jumped to if the one call from outside is made the body of the form. */
static bool can_move(Scan *s) {
    s->moving = true;
    if (!find_jumpable(s) || s->outside_count != 1) return false;
    for (uint32_t i = 0; i < s->group->var_count; i++)
        if (!s->group->fns[i]->jumpable) return false;
    return true;
}

Node *jump_functions(Compiler *c, Node *n) {
    Scan s = {.group = n};
    bool found = find_jumpable(&s), all = found;
    for (uint32_t i = 0; i < n->var_count; i++) all &= n->fns[i]->jumpable;
    if (!all) {
        Scan m = {.group = n};
        if (can_move(&m)) {
            Node *call = node_new(c, N_CALL_LOCAL, 0), *site = m.outside, *body = n->kids[0];
            *call = *site;
            *site = *n;
            site->kids = arena_alloc(c, sizeof(Node *));
            site->kids[0] = call;
            for (uint32_t i = 0; i < site->var_count; i++) site->fns[i]->group = site;
            settle_jumped(c, site);
            return body == site ? site : body;
        }
        if (!find_jumpable(&s)) return n;
    }
    settle_jumped(c, n);
    return n;
}
