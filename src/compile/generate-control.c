/* generate-control.c: exits: BLOCK, TAGBODY, CATCH, UNWIND-PROTECT, PROGV.

   An exit within the function that passes no UNWIND-PROTECT undoes what lies between and jumps.  Any other one unwinds to a mark,
   which the block or tagbody pushes on entry (capture.c decided); the mark's identity is a variable, captured by closures like others.

   A cleanup is generated once.  It is entered on the normal way with NIL in the first of the three registers of the unwinding state and by
   an unwinding with something else there; at its end this register tells whether to go on or to resume the unwinding. */
#include "compile/generate.h"

static void push_dynamic(Gen *g, DynamicKind kind, unsigned n) {
    Dynamic *d = arena_alloc(g->c, sizeof *d);
    *d = (Dynamic){g->dynamic, (uint8_t)kind, n};
    g->dynamic = d;
}

/* -- Blocks -- */

static void gen_marked_block(Gen *g, Node *n, Dest d) {
    Block *b = n->block;
    unsigned saved = g->top, id = gen_alloc(g), v = gen_alloc(g);
    bool all = d.kind == DEST_VALUES || d.kind == DEST_RETURN;
    Label *far = label_new(g), *near = label_new(g);
    Dest inner = all ? dest_values(v) : d.kind == DEST_EFFECT ? d : dest_fresh(v);
    bind_register(g, b->id, id);
    emit_jump_to(g, instruction_ad(OP_MARK_BLOCK, 0, id, 0), far);
    push_dynamic(g, DYNAMIC_EXIT, 1);
    Target target = {inner, g->dynamic, near};
    b->target = &target;
    gen(g, n->kids[0], inner);
    label_place(g, near);
    undo(g, g->dynamic->up);
    g->dynamic = g->dynamic->up;
    if (d.kind != DEST_EFFECT) emit_abc(g, OP_MOVE, id, v, 0);
    label_place(g, far);
    g->top = saved;
    if (all) finish_values(g, d, id);
    else finish(g, d, id);
    b->target = NULL;
}

void gen_block(Gen *g, Node *n, Dest d) {
    Block *b = n->block;
    if (b->marked) {
        gen_marked_block(g, n, d);
        return;
    }
    Target target = {d, g->dynamic, label_new(g)};
    b->target = &target;
    gen(g, n->kids[0], d);
    label_place(g, target.end);
    b->target = NULL;
}

void gen_return(Gen *g, Node *n) {
    unsigned saved = g->top;
    if (n->flags & NODE_FAR) {
        unsigned v = gen_alloc(g);
        gen(g, n->kids[0], dest_values(v));
        emit_abc(g, OP_EXIT, variable_raw(g, n->block->id), v, 0);
        g->reachable = false;
        g->top = saved;
        return;
    }
    Target *t = n->block->target;
    must(t != NULL);
    Dest d = t->dest;
    if (d.kind == DEST_TEST) d.next = NEXT_NONE;
    if (g->dynamic == t->dynamic) gen(g, n->kids[0], d);
    else {
        Dest inner = dest_inside(g, d, n->kids[0]);
        gen(g, n->kids[0], inner);
        undo(g, t->dynamic);
        Dynamic *dynamic = g->dynamic;
        g->dynamic = t->dynamic;
        dest_after(g, d, inner);
        g->dynamic = dynamic;
    }
    if (g->reachable) jump(g, t->end);
    g->top = saved;
}

/* -- Tagbodies -- */

static void gen_parts(Gen *g, Node *n) {
    Tagbody *t = n->tagbody;
    for (uint32_t i = 0; i <= t->count; i++) {
        if (i > 0) {
            label_place(g, &t->labels[i - 1]);
            if (t->uses[i - 1]) {
                g->reachable = true;
                g->label_at = (int32_t)g->length;
            }
        }
        gen(g, n->kids[i], dest_effect());
    }
}

/* Where an unwinding arrives: goes on to the tag whose index is in the register, the last one if none before. */
static void gen_dispatch(Gen *g, Tagbody *t, unsigned index) {
    uint32_t last = t->count;
    while (last > 0 && !t->far[last - 1]) last--;
    for (uint32_t i = 0; i < last; i++) {
        if (!t->far[i]) continue;
        if (i + 1 == last) {
            jump(g, &t->labels[i]);
            return;
        }
        Label *next = label_new(g);
        emit_jump_to(g, instruction_abc(OP_JUMP_NEI, 0, index, i, 0), next);
        jump(g, &t->labels[i]);
        label_place(g, next);
    }
}

void gen_tagbody(Gen *g, Node *n, Dest d) {
    Tagbody *t = n->tagbody;
    unsigned saved = g->top, id = 0;
    Label *far = label_new(g), *end = label_new(g);
    for (uint32_t i = 0; i < t->count; i++) t->labels[i].at = -1;
    if (t->marked) {
        id = gen_alloc_many(g, 2);
        bind_register(g, t->id, id);
        emit_jump_to(g, instruction_ad(OP_MARK_BLOCK, 1, id, 0), far);
        push_dynamic(g, DYNAMIC_EXIT, 1);
    }
    t->dynamic = g->dynamic;
    gen_parts(g, n);
    if (t->marked) {
        undo(g, g->dynamic->up);
        g->dynamic = g->dynamic->up;
        jump(g, end);
        label_place(g, far);
        gen_dispatch(g, t, id + 1);
        label_place(g, end);
    }
    g->top = saved;
    if (d.kind == DEST_EFFECT || !g->reachable) return;
    Node nil = {.kind = N_CONST};
    gen(g, &nil, d);
}

void gen_go(Gen *g, Node *n) {
    Tagbody *t = n->tagbody;
    if (n->flags & NODE_FAR) {
        unsigned saved = g->top, index = gen_alloc(g);
        emit_ad(g, OP_FIX, index, n->imm);
        emit_abc(g, OP_ONE_VALUE, 0, 0, 0);
        emit_abc(g, OP_EXIT, variable_raw(g, t->id), index, 0);
        g->reachable = false;
        g->top = saved;
        return;
    }
    undo(g, t->dynamic);
    jump(g, &t->labels[n->imm]);
}

/* -- Catches -- */

void gen_catch(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, r = gen_alloc(g);
    bool all = d.kind == DEST_VALUES || d.kind == DEST_RETURN;
    Label *far = label_new(g);
    gen(g, n->kids[0], dest_fresh(r));
    emit_jump_to(g, instruction_ad(OP_MARK_CATCH, 0, r, 0), far);
    push_dynamic(g, DYNAMIC_EXIT, 1);
    gen(g, n->kids[1], all ? dest_values(r) : d.kind == DEST_EFFECT ? d : dest_fresh(r));
    undo(g, g->dynamic->up);
    g->dynamic = g->dynamic->up;
    label_place(g, far);
    g->top = saved;
    if (all) finish_values(g, d, r);
    else finish(g, d, r);
}

void gen_throw(Gen *g, Node *n) {
    unsigned saved = g->top, tag = gen_alloc(g), v;
    gen(g, n->kids[0], dest_fresh(tag));
    v = gen_alloc(g);
    gen(g, n->kids[1], dest_values(v));
    emit_abc(g, OP_THROW, tag, v, 0);
    g->reachable = false;
    g->top = saved;
}

void gen_unwind(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, state = gen_alloc_many(g, 3), v = gen_alloc_many(g, 2);
    bool all = (d.kind == DEST_VALUES || d.kind == DEST_RETURN) && !node_is_single(n->kids[0]);
    Label *cleanup = label_new(g), *normal = label_new(g);
    emit_jump_to(g, instruction_ad(OP_MARK_CLEANUP, 0, state, 0), cleanup);
    push_dynamic(g, DYNAMIC_EXIT, 1);
    gen(g, n->kids[0], all ? dest_values(v) : d.kind == DEST_EFFECT ? d : dest_reg(v));
    undo(g, g->dynamic->up);
    g->dynamic = g->dynamic->up;
    if (all) emit_abc(g, OP_SAVE_VALUES, v, 0, 0);
    emit_abc(g, OP_NIL, state, 0, 0);
    label_place(g, cleanup);
    gen(g, n->kids[1], dest_effect());
    emit_jump_to(g, instruction_ad(OP_JUMP_NIL, 0, state, 0), normal);
    emit_abc(g, OP_RESUME_UNWIND, state, 0, 0);
    g->reachable = false;
    label_place(g, normal);
    if (all) emit_abc(g, OP_RESTORE_VALUES, v, 0, 0);
    g->top = saved;
    if (all) finish_values(g, d, v);
    else finish(g, d, v);
}

void gen_progv(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, depth = gen_alloc(g);
    gen(g, n->kids[0], dest_fresh(depth));
    unsigned values = gen_operand(g, n->kids[1]);
    emit_abc(g, OP_BIND_LISTS, depth, values, 0);
    push_dynamic(g, DYNAMIC_PROGV, depth);
    Dest inner = dest_inside(g, d, n->kids[2]);
    gen(g, n->kids[2], inner);
    undo(g, g->dynamic->up);
    g->dynamic = g->dynamic->up;
    dest_after(g, d, inner);
    g->top = saved;
}
