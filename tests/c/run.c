/* run.c: the bytecode loop with code assembled by hand: calls, recursion, tail calls, exits, errors, the stack's end. */
#include "run/frame.h"
#include "run/loop.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static Thread *t;

static int world_setup(void **state) {
    (void)state;
    World *w = calloc(1, sizeof *w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->heap = heap_create(0);
    t = thread_create(w);
    packages_create(t);
    trampoline_create(t);
    builtins_install(t);
    return 0;
}

static Obj make_function(uint32_t n, const Instruction *code, uint32_t constants, const Obj *values) {
    Obj vector = alloc_raw(t, TYPE_CODE, n);
    memcpy(obj_raw(vector), code, n * 8);
    Obj k = alloc_boxed(t, TYPE_SIMPLE_VECTOR, constants + 1, NIL);
    init_field(k, 0, alloc_boxed(t, TYPE_SIMPLE_VECTOR, DEBUG_LENGTH, NIL));
    for (uint32_t i = 0; i < constants; i++) init_field(k, i + 1, values[i]);
    Obj f = alloc_boxed(t, TYPE_FUNCTION, FUNCTION_ENV, NIL);
    init_field(f, FUNCTION_CODE, vector);
    init_field(f, FUNCTION_CONSTANTS, k);
    return f;
}
#define FUNCTION(constants, values, ...) \
    make_function((uint32_t)(sizeof((const Instruction[]){__VA_ARGS__}) / 8), (const Instruction[]){__VA_ARGS__}, constants, values)
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
