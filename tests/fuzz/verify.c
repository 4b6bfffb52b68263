/* verify.c: fuzzer of the bytecode verifier and the disassembler.

   An input is taken as the words of a code vector, with a fixed vector of constants of all shapes.  Neither may crash or read outside of
   the block, which has exactly the size of the code (build with MODE=asan).  What the verifier accepts is checked once more by a plain walk that
   asks the few questions on which memory safety rests, in other words than the verifier's.

   With libFuzzer: compile with -DFUZZ_LIBRARY -fsanitize=fuzzer.  Alone: `verify [SECONDS [SEED]]` makes random and mutated code for so long. */
#include "run/run.h"
#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Thread *t;
static Obj constants;
enum { CONSTANTS = 8, ENVIRONMENT = 3 };

static void world_make(void) {
    static World world;
    World *w = &world;
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->heap = heap_create(0);
    t = thread_create(w);
    packages_create(t);
    Obj template = alloc_boxed(t, TYPE_FUNCTION, FUNCTION_ENV, NIL);
    Obj keys = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 3, SYM(K_START));
    Obj items[CONSTANTS] = {NIL, SYM(FUNCALL), template, alloc_boxed(t, TYPE_LAYOUT, LAYOUT_LENGTH, NIL), keys,
                            alloc_boxed(t, TYPE_SIMPLE_VECTOR, 2, template), obj_of_fix(5), alloc_double(t, 1.5)};
    constants = alloc_boxed(t, TYPE_SIMPLE_VECTOR, CONSTANTS, NIL);
    for (uint64_t i = 0; i < CONSTANTS; i++) init_field(constants, i, items[i]);
}

/* -- The plain walk -- */

static void check_accepted(const Instruction *code, uint64_t n) {
    uint64_t frame = instruction_a(code[0]);
    for (uint64_t i = 0; i < n; i++) {
        const char *letters = opcodes[instruction_op(code[i])].operands;
        uint64_t field[4] = {instruction_n(code[i]), instruction_a(code[i]), instruction_b(code[i]), instruction_c(code[i])};
        for (int k = 0; k < 4; k++) {
            if (strchr("dsuf", letters[k])) must(field[k] < frame);
            if (letters[k] == 'k') must(field[k] < CONSTANTS);
            if (letters[k] == 'K') must(instruction_d(code[i]) >= 0 && instruction_d(code[i]) < CONSTANTS);
            int64_t to = letters[k] == 'j' ? instruction_sc(code[i]) : letters[k] == 'J' ? instruction_d(code[i]) : 0;
            to += (int64_t)i + 1;
            if (letters[k] == 'j' || letters[k] == 'J') must(to > 0 && to < (int64_t)n);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!t) world_make();
    uint64_t n = size / sizeof(Instruction), at;
    Instruction *code = malloc(n * sizeof(Instruction) + 1);
    memcpy(code, data, n * sizeof(Instruction));
    const char *wrong = code_verify(code, n, constants, ENVIRONMENT, &at);
    must(n == 0 || at < n);
    if (!wrong) check_accepted(code, n);
    for (uint64_t i = 0; i < n; i++) {
        char text[48];
        code_disassemble(code, i, text, sizeof text);
        must(strlen(text) < sizeof text);
    }
    free(code);
    return wrong == NULL;
}

#ifndef FUZZ_LIBRARY

static uint64_t seed;

static uint64_t random_next(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}
static unsigned below(unsigned n) { return (unsigned)(random_next() % n); }

/* An instruction that is often right. */
static Instruction random_instruction(uint64_t i, uint64_t n) {
    Opcode op = (Opcode)below(OP_COUNT);
    const char *letters = opcodes[op].operands;
    unsigned field[4];
    for (int k = 0; k < 4; k++) field[k] = strchr("dsuf", letters[k]) ? below(12) : letters[k] == 'k' ? below(CONSTANTS) : below(4);
    if (letters[2] == 'K') return instruction_ad(op, field[0], field[1], (int32_t)below(CONSTANTS + 1));
    if (letters[2] == 'J') return instruction_ad(op, field[0], field[1], (int32_t)below((unsigned)n) - (op == OP_JUMP_BACK ? (int32_t)i : 0));
    return instruction_abc(op, field[0], field[1], field[2], field[3]);
}

static size_t random_code(Instruction *code) {
    size_t n = 2 + below(20);
    code[0] = instruction_abc(OP_ENTRY, below(2), 16, below(3), 2);
    for (size_t i = 1; i + 1 < n; i++) code[i] = random_instruction(i, n);
    code[n - 1] = instruction_abc(OP_RETURN, 0, 0, 0, 0);
    for (unsigned flips = below(3); flips > 0; flips--) ((uint8_t *)code)[below((unsigned)(n * sizeof *code))] ^= (uint8_t)(1u << below(8));
    return n;
}

int main(int argc, char **argv) {
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10, runs = 0, accepted = 0;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : clock_nanoseconds() | 1;
    printf("verify: seed %llu\n", (unsigned long long)seed);
    uint64_t end = clock_nanoseconds() + seconds * UINT64_C(1000000000);
    Instruction code[64];
    for (; clock_nanoseconds() < end; runs++) accepted += (uint64_t)LLVMFuzzerTestOneInput((uint8_t *)code, random_code(code) * sizeof *code);
    printf("verify: %llu inputs, %llu accepted\n", (unsigned long long)runs, (unsigned long long)accepted);
    return 0;
}

#endif
