/* liveness.c: which registers of a frame still matter at a given place in its code.

   A register is live where some path leads to a use of it before it is written again.  Frames are not cleared, so dead registers keep what they
   last held; before a full collection the run room clears them by this analysis, so that what only a dead variable refers to goes, and weak
   pointers, finalizers and units see what the program means.  Ephemeral collections do without: they take all registers for live.

   Backward data flow over bit sets, one a instruction, until nothing changes.  Where control may arrive from outside (landing places of
   exits), what is live there is taken for live everywhere: a superset, which is always safe. */
#include "code/code.h"

#include <stdlib.h>

typedef struct Liveness {
    const Instruction *code;
    uint64_t length, words; /* instructions; words of 64 bits in a set */
    uint64_t *before;       /* what is live before each instruction */
    uint64_t *everywhere;   /* what is live at any landing place */
    uint64_t *now;
} Liveness;

static void set_add(uint64_t *set, unsigned r) { set[r >> 6] |= UINT64_C(1) << (r & 63); }
static void set_drop(uint64_t *set, unsigned r) { set[r >> 6] &= ~(UINT64_C(1) << (r & 63)); }
static void set_add_run(uint64_t *set, unsigned first, unsigned count) {
    for (unsigned i = 0; i < count; i++) set_add(set, first + i);
}

/* The registers that a run operand (letter f, in A) uses. */
static void add_run_uses(uint64_t *set, Instruction i) {
    unsigned a = instruction_a(i), b = instruction_b(i), c = instruction_c(i);
    switch (instruction_op(i)) {
    case OP_CLOSURE: case OP_CLOSUREREC: case OP_CLOSUREDYN: case OP_CLOSURERECDYN: set_add_run(set, a, c); break;
    case OP_CALL: case OP_CALL_REG: case OP_CALL_SELF: case OP_APPLY:
    case OP_TAIL_CALL: case OP_TAIL_CALL_REG: case OP_TAIL_SELF: case OP_TAIL_APPLY: set_add_run(set, a + 3, c); break;
    case OP_RETURN_MANY: case OP_SET_VALUES: case OP_LIST: case OP_LIST_STAR: set_add_run(set, a, b); break;
    case OP_RESTORE_VALUES: set_add_run(set, a, 2); break;
    case OP_RESUME_UNWIND: set_add_run(set, a, 3); break;
    case OP_KEYS: case OP_MARK_CLEANUP: case OP_MARK_BLOCK: break;
    default: set_add(set, a); break;
    }
}

/* Does the instruction write R[A] whatever happens, and not read it (save as an operand that is named apart)? */
static bool writes_first(Opcode op) {
    switch (op) {
    case OP_CALL: case OP_CALL_REG: case OP_CALL_SELF: case OP_APPLY: case OP_CLOSURE: case OP_CLOSUREDYN: case OP_LIST: case OP_LIST_STAR: return true;
    default: return opcodes[op].operands[1] == 'd';
    }
}

static bool is_mark(Opcode op) { return op == OP_MARK_BLOCK || op == OP_MARK_CATCH || op == OP_MARK_CLEANUP; }

static void join(Liveness *l, int64_t target) {
    if (target < 0 || target >= (int64_t)l->length) return;
    for (uint64_t w = 0; w < l->words; w++) l->now[w] |= l->before[(uint64_t)target * l->words + w];
}

/* What is live behind instruction `at`, into l->now. */
static void live_behind(Liveness *l, uint64_t at) {
    Instruction i = l->code[at];
    Opcode op = instruction_op(i);
    memcpy(l->now, l->everywhere, l->words * 8);
    if (code_falls_through(op)) join(l, (int64_t)at + 1);
    const char *letters = opcodes[op].operands;
    if (letters[3] == 'j') join(l, (int64_t)at + 1 + instruction_sc(i));
    if (letters[2] == 'J' && !is_mark(op)) join(l, (int64_t)at + 1 + instruction_d(i));
    if (op == OP_JUMP_TABLE)
        for (unsigned k = 0; k < instruction_b(i); k++) join(l, (int64_t)at + 1 + k);
}

/* From what is live behind the instruction to what is live before it. */
static void transfer(Liveness *l, uint64_t at) {
    Instruction i = l->code[at];
    Opcode op = instruction_op(i);
    const char *letters = opcodes[op].operands;
    if (writes_first(op)) set_drop(l->now, instruction_a(i));
    if (letters[1] == 's' || letters[1] == 'u') set_add(l->now, instruction_a(i));
    if (letters[1] == 'f') add_run_uses(l->now, i);
    if (letters[2] == 's') set_add(l->now, instruction_b(i));
    if (letters[3] == 's') set_add(l->now, instruction_c(i));
}

/* What landing places need is needed everywhere; true if that is news. */
static bool note_landings(Liveness *l) {
    bool news = false;
    for (uint64_t at = 0; at < l->length; at++) {
        Instruction i = l->code[at];
        if (!is_mark(instruction_op(i))) continue;
        int64_t target = (int64_t)at + 1 + instruction_d(i);
        for (uint64_t w = 0; w < l->words; w++) {
            uint64_t more = l->before[(uint64_t)target * l->words + w] & ~l->everywhere[w];
            if (more) news = true;
            l->everywhere[w] |= more;
        }
    }
    return news;
}

static void solve(Liveness *l) {
    bool changed = true;
    while (changed) {
        changed = false;
        for (uint64_t at = l->length; at-- > 0;) {
            live_behind(l, at);
            transfer(l, at);
            if (memcmp(l->now, l->before + at * l->words, l->words * 8) != 0) {
                memcpy(l->before + at * l->words, l->now, l->words * 8);
                changed = true;
            }
        }
        if (note_landings(l)) changed = true;
    }
}

bool code_live_registers(const Instruction *code, uint64_t length, uint64_t offset, uint64_t *live) {
    uint64_t words = (instruction_a(code[0]) + 63) / 64 + 1;
    Liveness l = {code, length, words, calloc(length * words, 8), calloc(words, 8), calloc(words, 8)};
    bool ok = l.before && l.everywhere && l.now;
    if (ok) {
        solve(&l);
        for (uint64_t w = 0; w + 1 < words; w++) live[w] = l.before[offset * words + w] | l.everywhere[w];
    }
    free(l.before);
    free(l.everywhere);
    free(l.now);
    return ok;
}
