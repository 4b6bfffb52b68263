/* run.c: the bytecode loop with code assembled by hand: calls, recursion, tail calls, exits, errors, the stack's end. */
#include "run/frame.h"
#include "run/loop.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

static Thread *t;

static int world_setup(void **state) {
    (void)state;
    t = world_new();
    return 0;
}

#define FUNCTION(constants, values, ...) FUNCTION_NEW(t, constants, values, __VA_ARGS__)
#define I instruction_abc
#define J instruction_ad

static int64_t call_fix(Obj f, int64_t x) {
    Obj arg = obj_of_fix(x);
    return fix_of_obj(lisp_call(t, f, 1, &arg));
}

static void test_recursion(void **state) {
    (void)state;
    Obj name = intern_text(t, t->world->package_user, "FIB");
    Obj fib = FUNCTION(1, &name, I(OP_ENTRY, 0, 12, 1, 1), I(OP_JUMP_LTI, 0, 0, 2, 7), I(OP_ADDI, 0, 4, 0, (unsigned)-1),
                       I(OP_CALL, 0, 1, 1, 1), I(OP_ADDI, 0, 5, 0, (unsigned)-2), I(OP_CALL, 0, 2, 1, 1), I(OP_ADD, 0, 1, 1, 2),
                       I(OP_RETURN, 0, 1, 0, 0), I(OP_RETURN, 0, 0, 0, 0), I(OP_RETURN, 0, 0, 0, 0));
    set_symbol(t, name, SYMBOL_FUNCTION, fib);
    int n = getenv("FIB") ? atoi(getenv("FIB")) : 20;
    uint64_t start = clock_nanoseconds();
    int64_t r = call_fix(fib, n);
    if (n == 20) assert_int_equal(r, 6765);
    print_message("fib(%d) = %ld in %.3f s\n", n, (long)r, (double)(clock_nanoseconds() - start) / 1e9);
}

static void test_tail_loop(void **state) {
    (void)state;
    Obj loop = FUNCTION(0, NULL, I(OP_ENTRY, 0, 12, 1, 1), I(OP_JUMP_EQI, 0, 0, 0, 2), I(OP_ADDI, 0, 4, 0, (unsigned)-1),
                        I(OP_TAIL_SELF, 0, 1, 0, 1), I(OP_RETURN, 0, 0, 0, 0));
    assert_int_equal(call_fix(loop, 3000000), 0);
}

static void test_deep_recursion(void **state) {
    (void)state;
    Obj deep = FUNCTION(0, NULL, I(OP_ENTRY, 0, 12, 1, 1), I(OP_JUMP_EQI, 0, 0, 0, 4), I(OP_ADDI, 0, 4, 0, (unsigned)-1),
                        I(OP_CALL_SELF, 0, 1, 0, 1), I(OP_ADDI, 0, 1, 1, 1), I(OP_RETURN, 0, 1, 0, 0), I(OP_RETURN, 0, 0, 0, 0));
    assert_int_equal(call_fix(deep, 1000000), 1000000);
}

static void test_catch(void **state) {
    (void)state;
    Obj tag = intern_text(t, t->world->package_user, "TAG");
    Obj thrower = FUNCTION(1, &tag, I(OP_ENTRY, 0, 8, 1, 1), J(OP_CONST, 0, 1, 1), I(OP_ADDI, 0, 2, 0, 5), I(OP_ONE_VALUE, 0, 0, 0, 0),
                           I(OP_THROW, 0, 1, 2, 0), I(OP_RETURN, 0, 1, 0, 0));
    Obj name = intern_text(t, t->world->package_user, "THROWER");
    set_symbol(t, name, SYMBOL_FUNCTION, thrower);
    Obj constants[] = {tag, name};
    Obj catcher = FUNCTION(2, constants, I(OP_ENTRY, 0, 12, 1, 1), J(OP_CONST, 0, 1, 1), J(OP_MARK_CATCH, 0, 1, 4), I(OP_MOVE, 0, 5, 0, 0),
                           I(OP_CALL, 0, 2, 2, 1), I(OP_POP_EXIT, 0, 1, 0, 0), I(OP_RETURN, 0, 0, 0, 0), I(OP_RETURN, 0, 1, 0, 0));
    assert_int_equal(call_fix(catcher, 37), 42);
    assert_ptr_equal(t->exit_top, t->exits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_tail_loop),
        cmocka_unit_test(test_deep_recursion),
        cmocka_unit_test(test_catch),
    };
    return cmocka_run_group_tests(tests, world_setup, NULL);
}
