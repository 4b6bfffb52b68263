/* verify.c: can running this code do harm?

   The loop trusts code: it does not check register numbers, constants or jumps.  So code that comes from a file is verified first, and tests
   verify what the compiler makes.  The check is by instruction, without data flow: any word in a register is a valid Lisp word, and most
   instructions that depend on the kind of a word check it when they run.

   What only data flow shows is flow.c's affair: that cells are cells, and that exits and bindings are undone by whom they were done.  Everything else that an
   instruction is given by registers it checks itself when it runs, typed instructions (FX_, DF_, SF_), JUMP_TABLE and RESUME_UNWIND included: with wrong
   operands their results are wrong, but they are Lisp words.

   Invariants
     verify.entry    ENTRY is the first instruction and no other; REST and KEYS follow it at once
     verify.frame    every register named, runs and frames of calls included, lies within the frame that ENTRY asks for
     verify.constant every constant exists and has the shape that its instruction asks for
     verify.jump     jumps stay within the code; only JUMP_BACK goes backward
     verify.end      the last instruction does not fall through */
#include "code/code.h"

typedef struct Verify {
    const Instruction *code;
    uint64_t length, env, frame, at;
    Obj constants;
    uint64_t constant_count;
} Verify;

/* -- Operands -- */

static bool frame_has(const Verify *v, uint64_t first, uint64_t count) { return first + count <= v->frame; }

static const char *check_jump(const Verify *v, int64_t offset, bool back) {
    int64_t target = (int64_t)v->at + 1 + offset;
    if (target < 1 || target >= (int64_t)v->length) return "jump out of the code";
    if (back ? offset >= 0 : offset < 0) return "jump in the wrong direction";
    Opcode op = instruction_op(v->code[target]);
    if (op == OP_REST || op == OP_KEYS) return "jump into the entry";
    return NULL;
}

static const char *check_constant(const Verify *v, int64_t k) {
    return k < 0 || (uint64_t)k >= v->constant_count ? "no such constant" : NULL;
}

/* One letter of the operand description; `value` is the unsigned field, `d` the 32-bit one. */
static const char *check_operand(const Verify *v, char letter, unsigned value, int32_t d, Opcode op) {
    switch (letter) {
    case 'd': case 's': case 'u': case 'f': return frame_has(v, value, 1) ? NULL : "no such register";
    case 'k': return check_constant(v, value);
    case 'K': return check_constant(v, d);
    case 'j': return check_jump(v, (int16_t)value, false);
    case 'J': return check_jump(v, d, op == OP_JUMP_BACK);
    case 'p': return value < PRED_COUNT ? NULL : "no such predicate";
    default: return NULL;
    }
}

static const char *check_operands(const Verify *v, Instruction i) {
    Opcode op = instruction_op(i);
    const char *letters = opcodes[op].operands;
    unsigned fields[4] = {instruction_n(i), instruction_a(i), instruction_b(i), instruction_c(i)};
    for (int k = 0; k < 4 && letters[k]; k++) {
        const char *wrong = check_operand(v, letters[k], fields[k], instruction_d(i), op);
        if (wrong) return wrong;
    }
    return NULL;
}

/* -- Runs of registers -- */

enum { HEADER = 3, TEMPLATES_MOST = 256 };

static const char *check_call(const Verify *v, uint64_t first, uint64_t arguments) {
    return frame_has(v, first, HEADER + arguments) ? NULL : "the frame of the call does not fit";
}

static const char *check_run(const Verify *v, uint64_t first, uint64_t count) {
    return frame_has(v, first, count) ? NULL : "the registers do not fit";
}

static Obj constant(const Verify *v, unsigned k) { return obj_slots(v->constants)[k]; }

static const char *check_templates(const Verify *v, unsigned first, unsigned k, unsigned copied, unsigned owner) {
    Obj templates = constant(v, k);
    if (!has_type(templates, TYPE_SIMPLE_VECTOR)) return "not a vector of templates";
    uint64_t n = obj_length(templates);
    if (n == 0 || n > TEMPLATES_MOST) return "no possible number of templates";
    for (uint64_t i = 0; i < n; i++)
        if (!has_type(obj_slots(templates)[i], TYPE_FUNCTION)) return "not a template";
    if (owner && v->env == 0) return "there is no owner";
    return check_run(v, first, n > copied ? n : copied);
}

static const char *check_keys(const Verify *v, unsigned first, unsigned k) {
    Obj keys = constant(v, k);
    if (!has_type(keys, TYPE_SIMPLE_VECTOR) || obj_length(keys) == 0) return "not a vector of keywords";
    for (uint64_t i = 1; i < obj_length(keys); i++)
        if (!is_symbol(obj_slots(keys)[i])) return "not a keyword";
    return check_run(v, first, obj_length(keys) - 1);
}

static const char *check_field(const Verify *v, unsigned k, unsigned field) {
    Obj layout = constant(v, k);
    if (!has_type(layout, TYPE_LAYOUT)) return "not a layout";
    Obj count = obj_slots(layout)[LAYOUT_SLOT_COUNT];
    return is_fix(count) && field <= (uint64_t)fix_of_obj(count) ? NULL : "no such field";
}

static const char *check_jump_table(const Verify *v, unsigned count) {
    if (v->at + 1 + count >= v->length) return "the table does not fit";
    for (unsigned k = 1; k <= count; k++)
        if (instruction_op(v->code[v->at + k]) != OP_JUMP) return "not a table of jumps";
    return NULL;
}

/* What an instruction asks for beyond its letters. */
static const char *check_rest(const Verify *v, Instruction i) {
    unsigned a = instruction_a(i), b = instruction_b(i), c = instruction_c(i);
    switch (instruction_op(i)) {
    case OP_ENV: case OP_ENV_CELL_REF: case OP_ENV_CELL_SET: return b < v->env ? NULL : "no such value in the environment";
    case OP_SYMBOL_REF: case OP_SYMBOL_SET: case OP_FUNCTION_REF: case OP_BIND:
        return is_symbol(constant(v, b)) ? NULL : "not a symbol";
    case OP_CALL: case OP_TAIL_CALL: return is_symbol(constant(v, b)) ? check_call(v, a, c) : "not a symbol";
    case OP_CALL_REG: case OP_TAIL_CALL_REG: case OP_CALL_SELF: case OP_TAIL_SELF: return check_call(v, a, c);
    case OP_APPLY: case OP_TAIL_APPLY: return c ? check_call(v, a, c) : "no list to spread";
    case OP_CLOSURE: case OP_CLOSUREDYN:
        if (!has_type(constant(v, b), TYPE_FUNCTION)) return "not a template";
        if (instruction_op(i) == OP_CLOSUREDYN && v->env == 0) return "there is no owner";
        return check_run(v, a, c ? c : 1);
    case OP_CLOSUREREC: return check_templates(v, a, b, c, 0);
    case OP_CLOSURERECDYN: return check_templates(v, a, b, c, 1);
    case OP_KEYS: return check_keys(v, a, b);
    case OP_RETURN_MANY: case OP_SET_VALUES: return b <= VALUES_LIMIT ? check_run(v, a, b ? b : 1) : "too many values";
    case OP_LIST: return check_run(v, a, b);
    case OP_LIST_STAR: return b ? check_run(v, a, b) : "no tail";
    case OP_GET_VALUES: return check_run(v, a, b);
    case OP_SAVE_VALUES: case OP_RESTORE_VALUES: return check_run(v, a, 2);
    case OP_MARK_BLOCK: return instruction_n(i) <= 1 ? check_run(v, a, 1 + instruction_n(i)) : "no such kind of exit";
    case OP_MARK_CLEANUP: case OP_RESUME_UNWIND: return check_run(v, a, 3);
    case OP_STRUCTURE_REF: case OP_STRUCTURE_SET: return check_field(v, c, instruction_n(i));
    case OP_STRUCTURE_P: return has_type(constant(v, c), TYPE_LAYOUT) ? NULL : "not a layout";
    case OP_JUMP_TABLE: return check_jump_table(v, b);
    default: return NULL;
    }
}

/* -- The whole -- */

bool code_falls_through(Opcode op) {
    switch (op) {
    case OP_JUMP: case OP_JUMP_BACK: case OP_TAIL_CALL: case OP_TAIL_CALL_REG: case OP_TAIL_SELF: case OP_TAIL_APPLY: case OP_RETURN:
    case OP_RETURN_VALUES: case OP_RETURN_MANY: case OP_EXIT: case OP_THROW: case OP_RESUME_UNWIND: case OP_DISPATCH: return false;
    default: return true;
    }
}

/* ENTRY, and the place of REST and KEYS. */
static const char *check_entry(Verify *v, Instruction i) {
    Opcode op = instruction_op(i);
    if ((v->at == 0) != (op == OP_ENTRY)) return "ENTRY in the wrong place";
    if (op == OP_ENTRY) {
        v->frame = instruction_a(i);
        if (instruction_n(i) > 1 || instruction_b(i) > instruction_c(i)) return "malformed ENTRY";
        return instruction_c(i) <= v->frame ? NULL : "the arguments do not fit";
    }
    if (op != OP_REST && op != OP_KEYS) return NULL;
    if (instruction_n(v->code[0]) != 1) return "no arguments wait";
    bool second = v->at == 2 && op == OP_KEYS && instruction_op(v->code[1]) == OP_REST;
    return v->at == 1 || second ? NULL : "REST or KEYS not behind ENTRY";
}

const char *code_verify(const Instruction *code, uint64_t length, Obj constants, uint64_t env_length, uint64_t *at) {
    Verify v = {code, length, env_length, 0, 0, constants, 0};
    *at = 0;
    if (!has_type(constants, TYPE_SIMPLE_VECTOR)) return "constants are not a vector";
    v.constant_count = obj_length(constants);
    if (length == 0) return "empty";
    for (; v.at < length; *at = ++v.at) {
        Instruction i = code[v.at];
        if (instruction_op(i) >= OP_COUNT) return "no such instruction";
        const char *wrong = check_entry(&v, i);
        if (!wrong) wrong = check_operands(&v, i);
        if (!wrong) wrong = check_rest(&v, i);
        if (wrong) return wrong;
    }
    *at = length - 1;
    return code_falls_through(instruction_op(code[length - 1])) ? "falls through the end" : NULL;
}
