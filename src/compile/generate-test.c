/* generate-test.c: IF, OR, comparisons and tests.

   A test is generated for two labels, of which one may follow at once; so nested conditionals become jumps to where they lead, and no boolean
   is made that only a jump would read.  "Jump unless" is an instruction of its own for the order relations: with a NaN neither a < b nor a >= b. */
#include "compile/generate.h"

/* The instruction that jumps when `op` does not. */
static Opcode negated(Opcode op) {
    static const uint8_t pairs[][2] = {
        {OP_JUMP_LT, OP_JUMP_NLT}, {OP_JUMP_LE, OP_JUMP_NLE}, {OP_JUMP_NUM_EQ, OP_JUMP_NUM_NE}, {OP_JUMP_LTI, OP_JUMP_NLTI},
        {OP_JUMP_LEI, OP_JUMP_NLEI}, {OP_JUMP_GTI, OP_JUMP_NGTI}, {OP_JUMP_GEI, OP_JUMP_NGEI}, {OP_JUMP_EQI, OP_JUMP_NEI},
        {OP_JUMP_EQ, OP_JUMP_NE}, {OP_JUMP_EQK, OP_JUMP_NEK}, {OP_JUMP_IF, OP_JUMP_UNLESS}, {OP_DF_JUMP_LT, OP_DF_JUMP_NLT},
        {OP_DF_JUMP_LE, OP_DF_JUMP_NLE}, {OP_DF_JUMP_EQ, OP_DF_JUMP_NE}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (pairs[i][0] == op) return (Opcode)pairs[i][1];
        if (pairs[i][1] == op) return (Opcode)pairs[i][0];
    }
    must(false);
    return op;
}

/* Jumps by the instruction, whose opcode jumps when the test is true. */
static void branch(Gen *g, Instruction i, Dest d) {
    if (d.next == NEXT_YES) {
        Instruction n = (i & ~(Instruction)0xFF) | (Instruction)negated(instruction_op(i));
        emit_jump_to(g, n, d.no);
        return;
    }
    emit_jump_to(g, i, d.yes);
    if (d.next == NEXT_NONE) jump(g, d.no);
}

static void test_compare(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, r[2];
    gen_operands(g, n->kids, n->count, r);
    g->top = saved;
    Opcode op = (Opcode)n->op;
    place_note(g, n->line);
    if (n->count == 1) branch(g, instruction_abc(op, 0, r[0], (unsigned)n->imm, 0), d);
    else if (n->pred) branch(g, instruction_abc(op, 0, r[1], r[0], 0), d);
    else branch(g, instruction_abc(op, 0, r[0], r[1], 0), d);
}

static void test_eq(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top, r[2];
    Node *a = n->kids[0], *b = n->kids[1];
    if (a->kind == N_CONST) {
        a = n->kids[1];
        b = n->kids[0];
    }
    if (node_is_nil(g->c, b)) {
        gen(g, a, dest_test(d.no, d.yes, d.next == NEXT_YES ? NEXT_NO : d.next == NEXT_NO ? NEXT_YES : NEXT_NONE));
        return;
    }
    if (b->kind == N_CONST) {
        r[0] = gen_operand(g, a);
        g->top = saved;
        branch(g, instruction_abc(OP_JUMP_EQK, 0, r[0], constant_index(g, b->ref), 0), d);
        return;
    }
    gen_operands(g, n->kids, 2, r);
    g->top = saved;
    branch(g, instruction_abc(OP_JUMP_EQ, 0, r[0], r[1], 0), d);
}

static Dest dest_not(Dest d) {
    return dest_test(d.no, d.yes, d.next == NEXT_YES ? NEXT_NO : d.next == NEXT_NO ? NEXT_YES : NEXT_NONE);
}

/* A boolean for a test; false if the node has no such instruction. */
static bool gen_test(Gen *g, Node *n, Dest d) {
    if (n->kind == N_COMPARE) {
        test_compare(g, n, d);
        return true;
    }
    unsigned saved = g->top;
    switch (n->op) {
    case OP_NOT: gen(g, n->kids[0], dest_not(d)); return true;
    case OP_EQ: test_eq(g, n, d); return true;
    case OP_TEST: {
        unsigned r = gen_operand(g, n->kids[0]);
        g->top = saved;
        branch(g, instruction_ad(OP_JUMP_IF, n->pred, r, 0), d);
        return true;
    }
    default: return false;
    }
}

bool gen_boolean(Gen *g, Node *n, Dest d) {
    if (d.kind == DEST_TEST) return gen_test(g, n, d);
    if (d.kind == DEST_EFFECT) {
        Label *here = label_new(g);
        bool done = gen_test(g, n, dest_test(here, here, NEXT_YES));
        label_place(g, here);
        return done;
    }
    Label *yes = label_new(g), *no = label_new(g), *end = label_new(g);
    gen_test(g, n, dest_test(yes, no, NEXT_YES));
    unsigned saved = g->top, r = dest_register(g, d);
    label_place(g, yes);
    emit_abc(g, OP_TRUE, r, 0, 0);
    if (d.kind == DEST_RETURN) finish(g, d, r);
    else jump(g, end);
    label_place(g, no);
    emit_abc(g, OP_NIL, r, 0, 0);
    label_place(g, end);
    g->top = saved;
    finish(g, d, r);
    return true;
}

/* -- IF and OR -- */

/* Where control goes for a branch that needs no code: a constant that only decides a test or is not wanted, a GO or RETURN-FROM that
   is a jump forward.  NULL if it needs code. */
static Label *direct_branch(const Gen *g, const Node *n, Dest d, Label *end) {
    if (n->kind == N_CONST && d.kind == DEST_EFFECT) return end;
    if (n->kind == N_CONST && d.kind == DEST_TEST) return is_nil(ref(g->c, n->ref)) ? d.no : d.yes;
    if (n->flags & NODE_FAR) return NULL;
    if (n->kind == N_GO && n->tagbody->dynamic == g->dynamic && n->tagbody->labels[n->imm].at < 0) return &n->tagbody->labels[n->imm];
    if (n->kind == N_RETURN && n->block->target && n->block->target->dynamic == g->dynamic)
        return direct_branch(g, n->kids[0], n->block->target->dest, n->block->target->end);
    return NULL;
}

void gen_if(Gen *g, Node *n, Dest d) {
    Label *end = label_new(g);
    Label *direct_yes = direct_branch(g, n->kids[1], d, end), *direct_no = direct_branch(g, n->kids[2], d, end);
    Label *yes = direct_yes ? direct_yes : label_new(g), *no = direct_no ? direct_no : label_new(g);
    unsigned saved = g->top;
    Next next = !direct_yes ? NEXT_YES : !direct_no ? NEXT_NO : NEXT_NONE;
    if (direct_yes && direct_no && d.kind == DEST_TEST) {
        if (direct_yes == d.yes && direct_no == d.no) next = (Next)d.next;
        if (direct_yes == d.no && direct_no == d.yes) next = d.next == NEXT_YES ? NEXT_NO : d.next == NEXT_NO ? NEXT_YES : NEXT_NONE;
    }
    if (direct_yes == end) next = direct_no ? NEXT_YES : next;
    else if (direct_no == end) next = direct_yes ? NEXT_NO : next;
    gen(g, n->kids[0], dest_test(yes, no, next));
    g->top = saved;
    Dest inner = d;
    if (d.kind == DEST_TEST && !direct_no) inner.next = NEXT_NONE;
    if (!direct_yes) {
        label_place(g, yes);
        gen(g, n->kids[1], inner);
        g->top = saved;
        if (!direct_no && g->reachable && d.kind != DEST_TEST) jump(g, end);
    }
    if (!direct_no) {
        label_place(g, no);
        gen(g, n->kids[2], d);
        g->top = saved;
    }
    label_place(g, end);
}

/* (or a b) */
void gen_or(Gen *g, Node *n, Dest d) {
    unsigned saved = g->top;
    Label *second = label_new(g), *end = label_new(g);
    if (d.kind == DEST_TEST) gen(g, n->kids[0], dest_test(d.yes, second, NEXT_NO));
    else if (d.kind == DEST_EFFECT) gen(g, n->kids[0], dest_test(end, second, NEXT_NO));
    else {
        unsigned r = dest_register(g, d);
        gen(g, n->kids[0], d.kind == DEST_RETURN || d.fresh ? dest_fresh(r) : dest_reg(r));
        if (d.kind == DEST_REG) emit_jump_to(g, instruction_ad(OP_JUMP_TRUE, 0, r, 0), end);
        else {
            emit_jump_to(g, instruction_ad(OP_JUMP_NIL, 0, r, 0), second);
            finish(g, d, r);
            if (d.kind == DEST_VALUES) jump(g, end);
        }
    }
    g->top = saved;
    label_place(g, second);
    gen(g, n->kids[1], d);
    g->top = saved;
    label_place(g, end);
}
