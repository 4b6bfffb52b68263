/* flow.c: what only data flow shows of code that comes from a file.

   verify.c looks at one instruction at a time.  Three things need the way by which an instruction is reached: that CELL_REF and its kin find a cell;
   that POP_EXIT and UNBIND undo what this function has done and not what its callers have; and that a function returns with nothing left to undo.

   A forward analysis.  The state at an instruction is what each register holds, as far as it matters, and two stacks: the exits and the bindings that
   are in force.  An element of a stack is known by the instruction that pushed it, so there is one state of the stacks for each
   instruction, or the code is refused.  Registers meet to NOTHING where ways join that differ.  An exit may be taken while it is in force, at any
   time: whatever is written meanwhile is joined to the state of its landing place.  Only backward jumps can ask for one more pass.

   A value of the environment is a cell if whoever makes the closure put one there.  So the result says for which values that is required (env_cells), and
   templates carry it to the code that makes closures of them: such a value is a cell in the template already (unit-read.c).

   Invariants
     flow.cell    what is read or written as a cell is one
     flow.exit    exits are popped by the function that pushed them, the last first, all before it returns; bindings too */
#include "code/code.h"

#include <stdlib.h>

/* What a register holds: FROM_ENV + i is value i of the environment. */
enum { NOTHING, A_CELL, FROM_ENV, ENV_MOST = UINT16_MAX - FROM_ENV };
enum { NO_SLOT = UINT32_MAX };

typedef struct State {
    uint32_t exits, bindings; /* the offsets of the instructions that pushed the topmost; 0: none */
    bool seen;
    uint16_t registers[];
} State;

typedef struct Flow {
    const Instruction *code;
    uint64_t length, frame, at;
    Obj constants;
    uint8_t *env_cells;
    uint32_t *slots;   /* by instruction: the number of its kept state, if it is jumped to */
    uint32_t *parents; /* by pushing instruction: what it pushed upon */
    char *states;
    State *now;
    const char *wrong;
    bool again;
} Flow;

static size_t state_bytes(const Flow *f) { return bits_round_up(sizeof(State) + f->frame * sizeof(uint16_t), 8); }
static State *state_at(const Flow *f, uint64_t at) { return (State *)(void *)(f->states + f->slots[at] * state_bytes(f)); }

static void refuse(Flow *f, const char *why) {
    if (!f->wrong) f->wrong = why;
}

/* -- Joining -- */

static void join_register(Flow *f, uint64_t target, unsigned r, uint16_t value) {
    State *s = state_at(f, target);
    if (s->registers[r] == value || s->registers[r] == NOTHING) return;
    s->registers[r] = NOTHING;
    if (target <= f->at) f->again = true;
}

/* The present state, with these stacks, reaches the target. */
static void join(Flow *f, uint64_t target, uint32_t exits, uint32_t bindings) {
    State *s = state_at(f, target);
    if (!s->seen) {
        memcpy(s, f->now, state_bytes(f));
        s->exits = exits;
        s->bindings = bindings;
        s->seen = true;
        if (target <= f->at) f->again = true;
        return;
    }
    if (s->exits != exits || s->bindings != bindings) refuse(f, "exits or bindings differ where ways join");
    for (unsigned r = 0; r < f->frame; r++) join_register(f, target, r, f->now->registers[r]);
}

static void join_now(Flow *f, int64_t target) { join(f, (uint64_t)target, f->now->exits, f->now->bindings); }

/* -- Registers -- */

static uint64_t landing(const Flow *f, uint32_t mark) { return (uint64_t)((int64_t)mark + 1 + instruction_d(f->code[mark])); }

static void set(Flow *f, unsigned r, uint16_t value) {
    if (f->now->registers[r] == value) return;
    f->now->registers[r] = value;
    for (uint32_t e = f->now->exits; e; e = f->parents[e]) join_register(f, landing(f, e), r, value);
}

static void set_run(Flow *f, uint64_t first, uint64_t count) {
    for (uint64_t r = first; r < first + count; r++) set(f, (unsigned)r, NOTHING);
}

static void need_cell(Flow *f, unsigned r) {
    uint16_t value = f->now->registers[r];
    if (value >= FROM_ENV) f->env_cells[value - FROM_ENV] = 1;
    else if (value != A_CELL) refuse(f, "not a cell");
}

/* A closure of the template is made: its first values are the registers from `first` on. */
static void need_cells_of(Flow *f, Obj template, unsigned first, uint64_t copied) {
    uint64_t n = obj_length(template) - FUNCTION_ENV;
    for (uint64_t i = 0; i < n; i++) {
        if (!has_type(obj_slots(template)[FUNCTION_ENV + i], TYPE_CELL)) continue;
        if (i < copied) need_cell(f, (unsigned)(first + i));
        else refuse(f, "not a cell");
    }
}

/* -- Instructions -- */

static void push(Flow *f, uint32_t *stack) {
    f->parents[f->at] = *stack;
    *stack = (uint32_t)f->at;
}

/* Pops n elements that were pushed by such an instruction. */
static void pop(Flow *f, uint32_t *stack, unsigned n, bool (*by)(Opcode)) {
    for (; n; n--) {
        if (!*stack || !by(instruction_op(f->code[*stack]))) {
            refuse(f, "undoes what has not been done");
            return;
        }
        *stack = f->parents[*stack];
    }
}
static bool is_mark(Opcode op) { return op == OP_MARK_BLOCK || op == OP_MARK_CATCH || op == OP_MARK_CLEANUP; }
static bool is_bind(Opcode op) { return op == OP_BIND; }
static bool is_bind_lists(Opcode op) { return op == OP_BIND_LISTS; }

static void step_mark(Flow *f, Instruction i) {
    unsigned a = instruction_a(i);
    uint32_t outer = f->now->exits;
    bool stays = instruction_op(i) == OP_MARK_BLOCK && instruction_n(i) == 1;
    set_run(f, a, instruction_op(i) == OP_MARK_CLEANUP ? 3 : stays ? 2 : 1);
    push(f, &f->now->exits);
    join(f, landing(f, (uint32_t)f->at), stays ? f->now->exits : outer, f->now->bindings);
}

static void step_closures(Flow *f, Instruction i) {
    unsigned a = instruction_a(i), copied = instruction_c(i);
    Obj k = obj_slots(f->constants)[instruction_b(i)];
    bool one = has_type(k, TYPE_FUNCTION);
    uint64_t n = one ? 1 : obj_length(k);
    for (uint64_t j = 0; j < n; j++) need_cells_of(f, one ? k : obj_slots(k)[j], a, copied);
    set_run(f, a, n);
}

/* What the instruction does to the registers. */
static void step_registers(Flow *f, Instruction i) {
    unsigned a = instruction_a(i), b = instruction_b(i);
    Opcode op = instruction_op(i);
    switch (op) {
    case OP_CELL: set(f, a, A_CELL); break;
    case OP_CONST: set(f, a, has_type(obj_slots(f->constants)[instruction_d(i)], TYPE_CELL) ? A_CELL : NOTHING); break;
    case OP_MOVE: set(f, a, f->now->registers[b]); break;
    case OP_ENV: set(f, a, b < ENV_MOST ? (uint16_t)(FROM_ENV + b) : NOTHING); break;
    case OP_CELL_REF:
        need_cell(f, b);
        set(f, a, NOTHING);
        break;
    case OP_CELL_SET: need_cell(f, a); break;
    case OP_ENV_CELL_REF:
        f->env_cells[b] = 1;
        set(f, a, NOTHING);
        break;
    case OP_ENV_CELL_SET: f->env_cells[b] = 1; break;
    case OP_CLOSURE: case OP_CLOSUREREC: case OP_CLOSUREDYN: case OP_CLOSURERECDYN: step_closures(f, i); break;
    case OP_CALL: case OP_CALL_REG: case OP_CALL_SELF: case OP_CALL_VALUES: case OP_APPLY: set_run(f, a, f->frame - a); break;
    case OP_KEYS: set_run(f, a, obj_length(obj_slots(f->constants)[b]) - 1); break;
    case OP_GET_VALUES: set_run(f, a, b ? b : 1); break;
    case OP_SAVE_VALUES: set(f, a + 1, NOTHING); break;
    case OP_LIST: case OP_LIST_STAR: case OP_RESTORE_VALUES: set(f, a, NOTHING); break;
    case OP_SET_VALUES:
        if (!b) set(f, a, NOTHING);
        break;
    default:
        if (opcodes[op].operands[1] == 'd' || opcodes[op].operands[1] == 'u') set(f, a, NOTHING);
    }
}

/* What it does to the stacks. */
static void step_stacks(Flow *f, Instruction i) {
    State *now = f->now;
    switch (instruction_op(i)) {
    case OP_MARK_BLOCK: case OP_MARK_CATCH: case OP_MARK_CLEANUP: step_mark(f, i); break;
    case OP_POP_EXIT: pop(f, &now->exits, instruction_a(i), is_mark); break;
    case OP_BIND: case OP_BIND_LISTS: push(f, &now->bindings); break;
    case OP_UNBIND: pop(f, &now->bindings, instruction_a(i), is_bind); break;
    case OP_UNBIND_TO: pop(f, &now->bindings, 1, is_bind_lists); break;
    case OP_RETURN: case OP_RETURN_VALUES: case OP_RETURN_MANY: case OP_TAIL_CALL: case OP_TAIL_CALL_REG: case OP_TAIL_SELF: case OP_TAIL_APPLY:
        if (now->exits || now->bindings) refuse(f, "returns with something left to undo");
        break;
    default: break;
    }
}

static void step_jumps(Flow *f, Instruction i) {
    const char *letters = opcodes[instruction_op(i)].operands;
    int64_t next = (int64_t)f->at + 1;
    if (letters[3] == 'j') join_now(f, next + instruction_sc(i));
    if (letters[2] == 'J' && !is_mark(instruction_op(i))) join_now(f, next + instruction_d(i));
    if (instruction_op(i) == OP_JUMP_TABLE)
        for (unsigned k = 0; k <= instruction_b(i); k++) join_now(f, next + k);
}

/* -- The whole -- */

/* Once over the code, from what is known. */
static void pass(Flow *f) {
    bool live = true;
    memset(f->now, 0, state_bytes(f));
    f->again = false;
    for (f->at = 1; f->at < f->length && !f->wrong; f->at++) {
        Instruction i = f->code[f->at];
        if (f->slots[f->at] != NO_SLOT) {
            f->at--; /* where the state comes from */
            if (live) join_now(f, (int64_t)f->at + 1);
            f->at++;
            live = state_at(f, f->at)->seen;
            if (live) memcpy(f->now, state_at(f, f->at), state_bytes(f));
        }
        if (!live) continue;
        step_registers(f, i);
        step_stacks(f, i);
        step_jumps(f, i);
        live = code_falls_through(instruction_op(i));
    }
}

/* Numbers the instructions that are jumped to; how many there are. */
static uint32_t number_targets(Flow *f) {
    uint32_t n = 0;
    for (uint64_t at = 0; at < f->length; at++) f->slots[at] = NO_SLOT;
    for (uint64_t at = 1; at < f->length; at++) {
        Instruction i = f->code[at];
        int64_t from, to;
        if (!instruction_jumps(i, at, &from, &to)) continue;
        for (; from <= to; from++)
            if (f->slots[from] == NO_SLOT) f->slots[from] = n++;
    }
    return n;
}

/* Is there anything that the analysis is about? */
static bool has_work(const Instruction *code, uint64_t length) {
    for (uint64_t i = 1; i < length; i++)
        switch (instruction_op(code[i])) {
        case OP_CELL_REF: case OP_CELL_SET: case OP_ENV_CELL_REF: case OP_ENV_CELL_SET: case OP_CLOSURE: case OP_CLOSUREREC: case OP_CLOSUREDYN:
        case OP_CLOSURERECDYN: case OP_BIND: case OP_UNBIND: case OP_BIND_LISTS: case OP_UNBIND_TO: case OP_MARK_BLOCK: case OP_MARK_CATCH:
        case OP_MARK_CLEANUP: case OP_POP_EXIT: return true;
        default: break;
        }
    return false;
}

const char *code_verify_flow(const Instruction *code, uint64_t length, Obj constants, uint8_t *env_cells) {
    enum { MOST = 1 << 28 }; /* bytes of states: no compiler makes code that needs so many */
    if (!has_work(code, length)) return NULL;
    Flow f = {.code = code, .length = length, .frame = instruction_a(code[0]), .constants = constants, .env_cells = env_cells};
    f.slots = malloc(length * sizeof *f.slots);
    f.parents = calloc(length, sizeof *f.parents);
    uint64_t targets = f.slots ? number_targets(&f) : 0;
    bool fits = (targets + 1) * state_bytes(&f) < MOST;
    f.states = fits ? calloc(targets + 1, state_bytes(&f)) : NULL;
    f.now = malloc(state_bytes(&f));
    if (!f.slots || !f.parents || !f.states || !f.now) refuse(&f, "too large to be verified");
    do
        if (!f.wrong) pass(&f);
    while (f.again && !f.wrong);
    free(f.slots);
    free(f.parents);
    free(f.states);
    free(f.now);
    return f.wrong;
}
