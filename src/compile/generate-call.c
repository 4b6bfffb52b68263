/* generate-call.c: calls, multiple values, closures, local functions.

   The frame of a call lies at A = top: header in A..A+2, arguments from A+3.  A function that is computed is put into the header itself
   (A+1), where the call reads it before the header is written.  A call whose value is returned at once is a tail call, provided nothing is
   to be undone; a tail call of the function itself with as many arguments as it has parameters is a jump back to its head. */
#include "compile/generate.h"
#include "text/text.h"

/* Arguments in succession from register `first`, which are allocated here. */
static void gen_arguments(Gen *g, Node *const *args, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        unsigned r = gen_alloc(g);
        gen(g, args[i], dest_fresh(r));
    }
}

static bool is_tail(const Gen *g, Dest d) { return d.kind == DEST_RETURN && g->dynamic == NULL; }

/* The call at `base` is made: its values go to `d`. */
static void finish_call(Gen *g, Dest d, unsigned base) {
    if (d.kind == DEST_REG || d.kind == DEST_VALUES) {
        if (base != d.reg) emit_abc(g, OP_MOVE, d.reg, base, 0);
    } else finish_values(g, d, base);
}

/* Emits the call or, in tail position, its tail form (`op` again: it has none); `b` is the operand that tells the function. */
static void emit_call(Gen *g, Dest d, Opcode op, Opcode tail, unsigned base, unsigned b, uint32_t n, uint32_t line) {
    place_note(g, line);
    if (tail != op && is_tail(g, d)) {
        emit_abc(g, tail, base, b, n);
        g->reachable = false;
        return;
    }
    emit_abc(g, op, base, b, n);
    finish_call(g, d, base);
}

static unsigned call_base(Gen *g, Dest d) {
    unsigned base = dest_base(g, d);
    gen_alloc_many(g, 2);
    return base;
}

/* -- Assigning parameters -- */

/* Whether the tree uses the variable. */
static bool mentions(const Node *n, const Variable *v) {
    if ((n->kind == N_LOCAL || n->kind == N_SET || n->kind == N_SUPPLIED) && n->var == v) return true;
    if (n->kind == N_LAMBDA || n->kind == N_FUNCTIONS || n->kind == N_LOCAL_FUNCTION || n->kind == N_CALL_LOCAL) return true;
    for (uint32_t i = 0; i < n->count; i++)
        if (mentions(n->kids[i], v)) return true;
    return false;
}

/* Whether a later argument, or the code for this one before its end, reads the parameter. */
static bool needs_temporary(Node *const *args, uint32_t n, uint32_t i, const Variable *v) {
    if (!writes_last(args[i])) return true;
    for (uint32_t j = i + 1; j < n; j++)
        if (mentions(args[j], v)) return true;
    return false;
}

/* New values for the parameters, all computed before any is assigned; parameters hold values, not cells, afterwards. */
static void gen_assign(Gen *g, Variable *const *params, Node *const *args, uint32_t n) {
    unsigned saved = g->top;
    unsigned *from = arena_alloc(g->c, (n + 1) * sizeof(unsigned));
    for (uint32_t i = 0; i < n; i++) {
        from[i] = params[i]->index;
        if (args[i]->kind == N_LOCAL && args[i]->var == params[i] && !variable_boxed(params[i])) continue;
        if (!params[i]->refs && !params[i]->sets) {
            gen(g, args[i], dest_effect());
            continue;
        }
        bool temporary = variable_boxed(params[i]) || needs_temporary(args, n, i, params[i]);
        if (temporary) from[i] = gen_alloc(g);
        gen(g, args[i], temporary ? dest_fresh(from[i]) : dest_reg(from[i]));
    }
    for (uint32_t i = 0; i < n; i++)
        if (from[i] != params[i]->index) emit_abc(g, OP_MOVE, params[i]->index, from[i], 0);
    g->top = saved;
}

/* -- Calls of global functions -- */

static bool is_self(const Gen *g, const Node *n) {
    const Compiler *c = g->c;
    return g->fn->self.i && !(n->flags & NODE_NOTINLINE) && eq(ref(c, n->ref), ref(c, g->fn->self));
}

/* (TRUNCATE a b), (FLOOR a b) where the first value is all that is wanted. */
static void gen_division(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, r[2];
    gen_operands(g, n->kids, 2, r);
    unsigned target = dest_register(g, d);
    emit_abc(g, (Opcode)n->op, target, r[0], r[1]);
    g->top = saved;
    finish(g, d, target);
}

void gen_call(Gen *g, Node *n, Dest d) {
    if (n->op && d.kind != DEST_VALUES && d.kind != DEST_RETURN) {
        gen_division(g, n, d);
        return;
    }
    unsigned saved = g->top;
    bool self = is_self(g, n);
    if (self && is_tail(g, d) && g->head && n->count == g->fn->required) {
        gen_assign(g, g->fn->params, n->kids, n->count);
        jump(g, g->head);
        return;
    }
    unsigned base = call_base(g, d);
    gen_arguments(g, n->kids, n->count);
    if (self) emit_call(g, d, OP_CALL_SELF, OP_TAIL_SELF, base, 0, n->count, n->line);
    else {
        Ref cell = ref_new(g->c, function_name_cell(g->c->t, ref(g->c, n->ref)));
        compile_note_call(g->c, n->ref, n->line ? n->line : g->fn->line);
        bool stays = eq(ref(g->c, n->ref), SYM(ERROR)); /* backtraces show who signals an error */
        emit_call(g, d, OP_CALL, stays ? OP_CALL : OP_TAIL_CALL, base, constant_index(g, cell), n->count, n->line);
    }
    g->top = saved;
}

/* -- Calls of computed functions -- */

/* Puts the function where the call reads it: the register of a variable, or A+1. */
static unsigned gen_callee(Gen *g, Node *f, unsigned base, const Node *n) {
    bool plain = f->kind == N_LOCAL && f->var->place == PLACE_REGISTER && !variable_boxed(f->var) && !(f->var->sets && n->flags & NODE_SETS);
    if (plain) return f->var->index;
    gen(g, f, dest_reg(base + 1));
    return base + 1;
}

void gen_funcall(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, base = call_base(g, d);
    unsigned f = gen_callee(g, n->kids[0], base, n);
    gen_arguments(g, n->kids + 1, n->count - 1);
    if (n->kind == N_APPLY) emit_call(g, d, OP_APPLY, OP_TAIL_APPLY, base, f, n->count - 1, n->line);
    else emit_call(g, d, OP_CALL_REG, OP_TAIL_CALL_REG, base, f, n->count - 1, n->line);
    g->top = saved;
}

/* -- Local functions -- */

/* The function itself, in a register or (nothing captured) as a constant, into `reg` if it must be loaded. */
static unsigned local_function(Gen *g, Lambda *fn, unsigned reg) {
    if (!fn->needs_env) {
        function_template(g->c, fn);
        emit_ad(g, OP_CONST, reg, (int32_t)constant_index(g, fn->template));
        return reg;
    }
    if (fn->var->place == PLACE_REGISTER) return fn->var->index;
    must(fn->var->place == PLACE_ENV);
    emit_abc(g, OP_ENV, reg, fn->var->index, 0);
    return reg;
}

static void gen_jumped_call(Gen *g, Node *n) {
    gen_assign(g, n->fn->params, n->kids, n->count);
    undo(g, n->fn->dynamic);
    jump(g, n->fn->head);
}

void gen_call_local(Gen *g, Node *n, Dest d) {
    Lambda *fn = n->fn;
    if (fn->mode == FUNCTION_JUMPED) {
        gen_jumped_call(g, n);
        return;
    }
    unsigned saved = g->top;
    bool self = g->fn == fn;
    if (self && is_tail(g, d) && g->head && n->count == fn->required) {
        gen_assign(g, fn->params, n->kids, n->count);
        jump(g, g->head);
        return;
    }
    unsigned base = call_base(g, d);
    gen_arguments(g, n->kids, n->count);
    if (self) emit_call(g, d, OP_CALL_SELF, OP_TAIL_SELF, base, 0, n->count, n->line);
    else emit_call(g, d, OP_CALL_REG, OP_TAIL_CALL_REG, base, local_function(g, fn, base + 1), n->count, n->line);
    g->top = saved;
}

void gen_local_function(Gen *g, Node *n, Dest d) {
    if (d.kind == DEST_EFFECT) return;
    unsigned saved = g->top, r = dest_register(g, d);
    r = local_function(g, n->fn, r);
    g->top = saved;
    finish(g, d, r);
}

/* What closures of the function copy, in succession from `base`; only the first `count` of its free variables. */
static void gen_free_values(Gen *g, const Lambda *fn, unsigned base, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        Variable *v = fn->free[i];
        must(v->place != PLACE_NONE);
        if (v->place == PLACE_REGISTER) emit_abc(g, OP_MOVE, base + i, v->index, 0);
        else emit_abc(g, OP_ENV, base + i, v->index, 0);
    }
}

void gen_lambda(Gen *g, Node *n, Dest d) {
    Lambda *fn = n->fn;
    if (d.kind == DEST_EFFECT) return;
    generate_function(g->c, fn);
    unsigned saved = g->top;
    if (fn->free_count == 0) {
        unsigned r = dest_register(g, d);
        emit_ad(g, OP_CONST, r, (int32_t)constant_index(g, fn->template));
        g->top = saved;
        finish(g, d, r);
        return;
    }
    unsigned base = dest_base(g, d);
    gen_alloc_many(g, fn->free_count);
    gen_free_values(g, fn, base, fn->free_count);
    emit_abc(g, OP_CLOSURE, base, constant_index(g, fn->template), fn->free_count);
    g->top = saved;
    finish(g, d, base);
}

/* Closures that refer to each other: made together. */
static void gen_mutual(Gen *g, Node *n) {
    uint32_t count = 0;
    Lambda *some = NULL;
    for (uint32_t i = 0; i < n->var_count; i++)
        if (n->fns[i]->needs_env) {
            count++;
            some = n->fns[i];
        }
    unsigned base = gen_alloc_many(g, count), saved = g->top;
    uint32_t shared = (uint32_t)n->imm;
    if (shared > count) gen_alloc_many(g, shared - count);
    must(some);
    gen_free_values(g, some, base, shared);
    g->top = saved;
    Obj templates = alloc_boxed(g->c->t, TYPE_SIMPLE_VECTOR, count, NIL);
    for (uint32_t i = 0, k = 0; i < n->var_count; i++) {
        if (!n->fns[i]->needs_env) continue;
        function_template(g->c, n->fns[i]);
        init_field(templates, k, ref(g->c, n->fns[i]->template));
        n->fns[i]->var->place = PLACE_REGISTER;
        n->fns[i]->var->index = base + k++;
    }
    emit_abc(g, OP_CLOSUREREC, base, constant_index_of(g, templates), shared);
}

static void gen_closed(Gen *g, Node *n) {
    if (n->flags & NODE_MUTUAL) gen_mutual(g, n);
    for (uint32_t i = 0; i < n->var_count; i++) {
        Lambda *fn = n->fns[i];
        if (fn->mode != FUNCTION_CLOSED || (!fn->calls && !fn->escapes)) continue;
        if (fn->needs_env && !(n->flags & NODE_MUTUAL)) {
            unsigned base = gen_alloc(g), saved = g->top;
            gen_alloc_many(g, fn->free_count);
            gen_free_values(g, fn, base, fn->free_count);
            function_template(g->c, fn);
            emit_abc(g, OP_CLOSURE, base, constant_index(g, fn->template), fn->free_count);
            g->top = saved;
            fn->var->place = PLACE_REGISTER;
            fn->var->index = base;
        }
        generate_function(g->c, fn);
    }
}

/* The bodies of functions that are jumped to, behind the form in which they are called. */
static void gen_jumped(Gen *g, Node *n, Dest d, Label *end) {
    unsigned saved = g->top;
    Dest inner = d;
    if (d.kind == DEST_TEST) inner.next = NEXT_NONE;
    for (uint32_t i = 0; i < n->var_count; i++) {
        Lambda *fn = n->fns[i];
        if (fn->mode != FUNCTION_JUMPED) continue;
        label_place(g, fn->head);
        for (uint32_t k = 0; k < fn->required; k++) bind_register(g, fn->params[k], fn->params[k]->index);
        gen(g, fn->body, inner);
        g->top = saved;
        if (g->reachable) jump(g, end);
    }
}

/* FLET and LABELS. */
void gen_functions(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top;
    bool jumps = false;
    gen_closed(g, n);
    for (uint32_t i = 0; i < n->var_count; i++) {
        Lambda *fn = n->fns[i];
        if (fn->mode != FUNCTION_JUMPED) continue;
        jumps = true;
        fn->head = label_new(g);
        fn->dynamic = g->dynamic;
        for (uint32_t k = 0; k < fn->param_count; k++) {
            fn->params[k]->place = PLACE_REGISTER;
            fn->params[k]->index = gen_alloc(g);
        }
    }
    if (!jumps) gen(g, n->kids[0], d);
    else {
        Label *end = label_new(g);
        Dest inner = d;
        if (d.kind == DEST_TEST) inner.next = NEXT_NONE;
        gen(g, n->kids[0], inner);
        if (g->reachable) jump(g, end);
        gen_jumped(g, n, d, end);
        label_place(g, end);
    }
    g->top = saved;
}

/* -- Multiple values -- */

void gen_values(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top;
    bool all = d.kind == DEST_VALUES || d.kind == DEST_RETURN;
    if (n->count == 1) {
        if (node_is_single(n->kids[0]) || !all) gen(g, n->kids[0], d);
        else {
            unsigned r = dest_base(g, d);
            gen(g, n->kids[0], dest_fresh(r));
            g->top = saved;
            finish(g, d, r);
        }
        return;
    }
    if (all) {
        unsigned base = dest_base(g, d);
        for (uint32_t i = 0; i < n->count; i++) {
            unsigned r = i ? gen_alloc(g) : base;
            gen(g, n->kids[i], dest_fresh(r));
        }
        g->top = saved;
        if (d.kind == DEST_RETURN) {
            emit_abc(g, OP_RETURN_MANY, base, n->count, 0);
            g->reachable = false;
        } else {
            emit_abc(g, OP_SET_VALUES, base, n->count, 0);
            finish_values(g, d, base);
        }
        return;
    }
    unsigned r = n->count ? gen_operand(g, n->kids[0]) : gen_alloc(g);
    if (n->count == 0) emit_abc(g, OP_NIL, r, 0, 0);
    bool sets = false;
    for (uint32_t i = 1; i < n->count; i++) sets |= n->kids[i]->flags & NODE_SETS;
    if (sets && r < saved) {
        unsigned copy = gen_alloc(g);
        emit_abc(g, OP_MOVE, copy, r, 0);
        r = copy;
    }
    for (uint32_t i = 1; i < n->count; i++) gen(g, n->kids[i], dest_effect());
    g->top = saved;
    finish(g, d, r);
}

/* MULTIPLE-VALUE-BIND. */
void gen_values_bind(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, base = gen_alloc(g);
    gen(g, n->kids[0], dest_values(base));
    if (n->var_count > 1) gen_alloc_many(g, n->var_count - 1);
    emit_abc(g, OP_GET_VALUES, base, n->var_count, 0);
    for (uint32_t i = 0; i < n->var_count; i++) bind_register(g, n->vars[i], base + i);
    gen(g, n->kids[1], d);
    g->top = saved;
}

void gen_prog1_values(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top;
    bool all = (d.kind == DEST_VALUES || d.kind == DEST_RETURN) && !node_is_single(n->kids[0]);
    unsigned r = gen_alloc(g);
    gen(g, n->kids[0], all ? dest_values(r) : d.kind == DEST_EFFECT ? d : dest_fresh(r));
    if (all) {
        gen_alloc(g);
        emit_abc(g, OP_SAVE_VALUES, r, 0, 0);
    }
    gen(g, n->kids[1], dest_effect());
    if (all) emit_abc(g, OP_RESTORE_VALUES, r, 0, 0);
    g->top = saved;
    if (all) finish_values(g, d, r);
    else finish(g, d, r);
}

/* The values of several forms as one list in `base`. */
static void gen_values_lists(Gen *g, Node *const *forms, uint32_t n, unsigned base) {
    gen_alloc_many(g, 2);
    for (uint32_t i = 0; i < n; i++) {
        unsigned r = gen_alloc(g);
        gen(g, forms[i], dest_values(r));
        emit_abc(g, OP_VALUES_LIST, r, 0, 0);
    }
    emit_abc(g, OP_CALL, base, constant_index_of(g, intern_text(g->c->t, g->c->t->world->package_cl, "APPEND")), n);
}

static bool is_function_list(Gen *g, const Node *f) {
    return f->kind == N_GLOBAL_FUNCTION && eq(ref(g->c, f->ref), SYM(LIST));
}

void gen_call_values(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top;
    uint32_t forms = n->count - 1;
    if (forms == 1 && is_function_list(g, n->kids[0])) {
        unsigned base = dest_base(g, d);
        gen(g, n->kids[1], dest_values(base));
        emit_abc(g, OP_VALUES_LIST, base, 0, 0);
        g->top = saved;
        finish(g, d, base);
        return;
    }
    unsigned f = gen_alloc(g);
    gen(g, n->kids[0], dest_fresh(f));
    unsigned base = gen_alloc(g);
    place_note(g, n->line);
    if (forms == 1) {
        gen(g, n->kids[1], dest_values(base));
        emit_abc(g, OP_CALL_VALUES, base, f, 0);
    } else {
        gen_alloc_many(g, 2);
        unsigned list = gen_alloc(g);
        gen_values_lists(g, n->kids + 1, forms, list);
        emit_abc(g, OP_APPLY, base, f, 1);
    }
    g->top = saved;
    finish_call(g, d, base);
}
