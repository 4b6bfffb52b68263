/* code.c: the verifier on sound and on broken code, and the disassembler. */
#include "run/run.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static Thread *t;
static Obj constants; /* debug, symbol, function template, layout, #(nil :k), #(template template) */

#define I instruction_abc
#define J instruction_ad

static int world_setup(void **state) {
    (void)state;
    World *w = calloc(1, sizeof *w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->heap = heap_create(0);
    t = thread_create(w);
    packages_create(t);
    constants = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 6, NIL);
    Obj template = alloc_boxed(t, TYPE_FUNCTION, FUNCTION_ENV, NIL);
    Obj keys = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 2, NIL);
    init_field(keys, 1, SYM(K_START));
    init_field(constants, 1, SYM(FUNCALL));
    init_field(constants, 2, template);
    init_field(constants, 3, alloc_boxed(t, TYPE_LAYOUT, LAYOUT_LENGTH, NIL));
    init_field(constants, 4, keys);
    init_field(constants, 5, alloc_boxed(t, TYPE_SIMPLE_VECTOR, 2, template));
    return 0;
}

static const char *verify(uint64_t n, const Instruction *code) {
    uint64_t at;
    return code_verify(code, n, constants, 1, &at);
}
#define VERIFY(...) verify(sizeof((const Instruction[]){__VA_ARGS__}) / sizeof(Instruction), (const Instruction[]){__VA_ARGS__})
#define ENTRY I(OP_ENTRY, 0, 8, 1, 2)
#define RET I(OP_RETURN, 0, 0, 0, 0)

/* Sound code with the instruction in it. */
#define GOOD(...) assert_null(VERIFY(ENTRY, __VA_ARGS__, RET))
#define BAD(...) assert_non_null(VERIFY(ENTRY, __VA_ARGS__, RET))

static void test_entry(void **state) {
    (void)state;
    assert_null(VERIFY(ENTRY, RET));
    assert_non_null(verify(0, NULL));
    assert_non_null(VERIFY(RET));
    assert_non_null(VERIFY(ENTRY, ENTRY, RET));
    assert_non_null(VERIFY(I(OP_ENTRY, 0, 1, 1, 2), RET));  /* two arguments, one register */
    assert_non_null(VERIFY(I(OP_ENTRY, 0, 8, 2, 1), RET));  /* fewer in all than required */
    assert_non_null(VERIFY(I(OP_ENTRY, 2, 8, 1, 1), RET));
    assert_null(VERIFY(I(OP_ENTRY, 1, 8, 1, 1), I(OP_REST, 0, 1, 0, 0), RET));
    assert_null(VERIFY(I(OP_ENTRY, 1, 8, 1, 1), I(OP_REST, 0, 1, 0, 0), I(OP_KEYS, 0, 2, 4, 0), RET));
    assert_null(VERIFY(I(OP_ENTRY, 1, 8, 1, 1), I(OP_KEYS, 0, 2, 4, 0), RET));
    assert_non_null(VERIFY(I(OP_ENTRY, 1, 8, 1, 1), I(OP_KEYS, 0, 8, 4, 0), RET));
    assert_non_null(VERIFY(I(OP_ENTRY, 1, 8, 1, 1), I(OP_KEYS, 0, 2, 1, 0), RET));
    assert_non_null(VERIFY(I(OP_ENTRY, 0, 8, 1, 1), I(OP_REST, 0, 1, 0, 0), RET));
    assert_non_null(VERIFY(I(OP_ENTRY, 1, 8, 1, 1), I(OP_NIL, 0, 1, 0, 0), I(OP_REST, 0, 1, 0, 0), RET));
}

static void test_end(void **state) {
    (void)state;
    assert_non_null(VERIFY(ENTRY));
    assert_non_null(VERIFY(ENTRY, I(OP_NIL, 0, 0, 0, 0)));
    assert_non_null(VERIFY(ENTRY, I(OP_CALL, 0, 1, 1, 1)));
    assert_null(VERIFY(ENTRY, I(OP_TAIL_CALL, 0, 1, 1, 1)));
    assert_null(VERIFY(ENTRY, I(OP_NIL, 0, 0, 0, 0), J(OP_JUMP_BACK, 0, 0, -2)));
    assert_non_null(VERIFY(ENTRY, (Instruction)OP_COUNT, RET));
}

static void test_registers(void **state) {
    (void)state;
    GOOD(I(OP_MOVE, 0, 7, 7, 0));
    BAD(I(OP_MOVE, 0, 8, 0, 0));
    BAD(I(OP_MOVE, 0, 0, 8, 0));
    GOOD(I(OP_ADD, 0, 7, 7, 7));
    BAD(I(OP_ADD, 0, 0, 0, 8));
    GOOD(I(OP_CALL, 0, 4, 1, 1));
    BAD(I(OP_CALL, 0, 5, 1, 1));
    BAD(I(OP_CALL_REG, 0, 4, 0, 2));
    BAD(I(OP_CALL_REG, 0, 4, 9, 1));
    BAD(I(OP_APPLY, 0, 4, 0, 0));
    GOOD(I(OP_LIST, 0, 4, 4, 0));
    BAD(I(OP_LIST, 0, 4, 5, 0));
    BAD(I(OP_SAVE_VALUES, 0, 7, 0, 0));
    GOOD(I(OP_GET_VALUES, 0, 5, 3, 0));
    BAD(I(OP_GET_VALUES, 0, 5, 4, 0));
    GOOD(I(OP_ENV, 0, 0, 0, 0));
    BAD(I(OP_ENV, 0, 0, 1, 0));
    BAD(I(OP_MARK_BLOCK, 1, 7, 0, 0));
    BAD(J(OP_MARK_CLEANUP, 0, 6, 0));
}

static void test_constants(void **state) {
    (void)state;
    GOOD(J(OP_CONST, 0, 0, 5));
    BAD(J(OP_CONST, 0, 0, 6));
    BAD(J(OP_CONST, 0, 0, -1));
    GOOD(I(OP_SYMBOL_REF, 0, 0, 1, 0));
    BAD(I(OP_SYMBOL_REF, 0, 0, 2, 0));
    BAD(I(OP_CALL, 0, 1, 2, 1));
    GOOD(I(OP_CLOSURE, 0, 1, 2, 2));
    BAD(I(OP_CLOSURE, 0, 1, 1, 2));
    BAD(I(OP_CLOSURE, 0, 7, 2, 2));
    GOOD(I(OP_CLOSUREREC, 0, 6, 5, 0));
    BAD(I(OP_CLOSUREREC, 0, 7, 5, 0));
    BAD(I(OP_CLOSUREREC, 0, 1, 4, 0));
    GOOD(I(OP_STRUCTURE_P, 0, 0, 0, 3));
    BAD(I(OP_STRUCTURE_P, 0, 0, 0, 1));
    BAD(J(OP_JUMP_IF, PRED_COUNT, 0, 0));
}

static void test_jumps(void **state) {
    (void)state;
    GOOD(J(OP_JUMP, 0, 0, 0));
    BAD(J(OP_JUMP, 0, 0, 1));
    BAD(J(OP_JUMP, 0, 0, -1));
    BAD(J(OP_JUMP_NIL, 0, 0, -1));
    BAD(I(OP_JUMP_EQ, 0, 0, 0, 0xFFFF));
    BAD(I(OP_JUMP_EQ, 0, 0, 0, 1));
    GOOD(J(OP_JUMP_BACK, 0, 0, -1));
    BAD(J(OP_JUMP_BACK, 0, 0, -2)); /* to ENTRY */
    BAD(J(OP_JUMP_BACK, 0, 0, 0));
    GOOD(I(OP_JUMP_TABLE, 0, 0, 2, 0), J(OP_JUMP, 0, 0, 1), J(OP_JUMP, 0, 0, 0));
    BAD(I(OP_JUMP_TABLE, 0, 0, 2, 0), J(OP_JUMP, 0, 0, 0));
    assert_non_null(VERIFY(I(OP_ENTRY, 1, 8, 1, 1), I(OP_REST, 0, 1, 0, 0), J(OP_JUMP_BACK, 0, 0, -2)));
}

static void test_disassembler(void **state) {
    (void)state;
    char text[80];
    const struct {
        Instruction i;
        const char *text;
    } rows[] = {
        {I(OP_ENTRY, 0, 8, 1, 2), "ENTRY 0 8 1 2"},       {I(OP_ADD, 0, 1, 2, 3), "ADD R1 R2 R3"},
        {I(OP_ADDI, 0, 1, 2, (unsigned)-5), "ADDI R1 R2 -5"}, {J(OP_CONST, 0, 3, 7), "CONST R3 K7"},
        {J(OP_JUMP, 0, 0, 4), "JUMP ->5"},                 {I(OP_JUMP_LTI, 0, 1, 2, 3), "JUMP_LTI R1 2 ->4"},
        {J(OP_JUMP_IF, PRED_CONS, 1, 0), "JUMP_IF CONSP R1 ->1"}, {I(OP_CALL, 0, 4, 1, 2), "CALL R4 K1 2"},
        {(Instruction)OP_COUNT, "?"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        code_disassemble(&rows[i].i, 0, text, sizeof text);
        assert_string_equal(text, rows[i].text);
    }
    code_disassemble(&rows[1].i, 0, text, 6); /* too small a buffer is cut, not overrun */
    assert_true(strlen(text) < 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry),     cmocka_unit_test(test_end),   cmocka_unit_test(test_registers),
        cmocka_unit_test(test_constants), cmocka_unit_test(test_jumps), cmocka_unit_test(test_disassembler),
    };
    return cmocka_run_group_tests(tests, world_setup, NULL);
}
