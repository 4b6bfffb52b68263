/* compile.c: what the compiler makes of forms: the exact instructions for some, sound code and the right value for many.

   There is no library here: forms are made of special operators and leaves only. */
#include "compile/compile.h"
#include "run/frame.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

static Thread *t;

static int world_setup(void **state) {
    (void)state;
    t = world_new();
    set_symbol(t, SYM(SOURCE_PLACE), SYMBOL_VALUE, NIL);
    compiler_create(t);
    return 0;
}

static Obj read_text(const char *text) {
    Reader r;
    Obj form = NIL;
    reader_start(&r, text, strlen(text), t->world->package_sys);
    assert_true(read_form(t, &r, &form));
    return form;
}

/* Verifies the function and those nested in it. */
static void verify(Obj f, int depth) {
    Obj code = obj_slots(f)[FUNCTION_CODE], constants = obj_slots(f)[FUNCTION_CONSTANTS];
    uint64_t at;
    const char *wrong = code_verify(obj_raw(code), obj_length(code), constants, 64, &at);
    if (wrong) print_message("%s at %lu\n", wrong, (unsigned long)at);
    assert_null(wrong);
    for (uint64_t i = 1; i < obj_length(constants) && depth < 8; i++)
        if (has_type(obj_slots(constants)[i], TYPE_FUNCTION)) verify(obj_slots(constants)[i], depth + 1);
}

static Obj compile_text(const char *text) {
    Obj f = compile_form(t, read_text(text), NIL);
    verify(f, 0);
    return f;
}

/* The instructions of (function lambda), one a line, except ENTRY. */
static void expect(const char *lambda, const char *expected) {
    Obj f = compile_lambda(t, read_text(lambda), NIL);
    verify(f, 0);
    Obj code = obj_slots(f)[FUNCTION_CODE];
    char all[4000] = "";
    for (uint64_t i = 1; i < obj_length(code); i++) {
        char line[100];
        code_disassemble(obj_raw(code), i, line, sizeof line);
        strcat(strcat(all, line), "\n");
    }
    assert_string_equal(all, expected);
}

static void test_code(void **state) {
    (void)state;
    expect("(lambda (x) x)", "RETURN R0\n");
    expect("(lambda (x) (+ x 1))", "ADDI R1 R0 1\nRETURN R1\n");
    expect("(lambda (x y) (if (< x y) x y))", "JUMP_NLT R0 R1 ->3\nRETURN R0\nRETURN R1\n");
    expect("(lambda (x y) (if (if x y nil) 1 2))", "JUMP_NIL R0 ->5\nJUMP_NIL R1 ->5\nFIX R2 1\nRETURN R2\nFIX R2 2\nRETURN R2\n");
    expect("(lambda (x) (let ((y (car x))) (setq y (cdr y)) y))", "CAR R1 R0\nCDR R1 R1\nRETURN R1\n");
    expect("(lambda (f x) (funcall f x 2))", "MOVE R5 R1\nFIX R6 2\nTAIL_CALL_REG R2 R0 2\n");
    expect("(lambda (x) (let ((y 5)) (let ((z x)) (cons y z))))", "FIX R1 5\nCONS R2 R1 R0\nRETURN R2\n");
    expect("(lambda (x) (let ((n 0)) (tagbody top (if (consp x) nil (go end)) (setq n (+ n 1)) (setq x (cdr x)) (go top) end) n))",
           "FIX R1 0\nJUMP_UNLESS CONSP R0 ->6\nADDI R1 R1 1\nCDR R0 R0\nJUMP_BACK ->2\nRETURN R1\n");
    expect("(lambda (l) (labels ((lp (l n) (if l (lp (cdr l) (+ n 1)) n))) (lp l 0)))",
           "MOVE R1 R0\nFIX R2 0\nJUMP_NIL R1 ->7\nCDR R1 R1\nADDI R2 R2 1\nJUMP_BACK ->3\nRETURN R2\n");
    expect("(lambda (x) (multiple-value-call #'(lambda (&optional a b &rest r) (cons a b)) (floor x)))",
           "MOVE R4 R0\nFIX R5 1\nCALL R1 K1 2\nGET_VALUES R1 2\nCONS R3 R1 R2\nRETURN R3\n");
    expect("(lambda (x) (block b (if x (return-from b 1)) 2))", "JUMP_NIL R0 ->4\nFIX R1 1\nRETURN R1\nFIX R1 2\nRETURN R1\n");
    expect("(lambda (x) (funcall #'(lambda (y &optional (z 3)) (cons y z)) x))", "FIX R1 3\nCONS R2 R0 R1\nRETURN R2\n");
    expect("(lambda () (if (eq 1 2) (foo) 3))", "FIX R1 3\nRETURN R1\n");
}

static int64_t value_of(const char *text) {
    Obj x = lisp_call(t, compile_text(text), 0, NULL);
    assert_true(is_fix(x));
    return fix_of_obj(x);
}

static void test_values(void **state) {
    (void)state;
    const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"(let ((x 1) (y 2)) (+ x y))", 3},
        {"(let ((x 1)) (let ((f #'(lambda () (setq x (+ x 1))))) (funcall f) (funcall f)))", 3},
        {"(labels ((f (n) (if (= n 0) 1 (* n (f (- n 1)))))) (f 10))", 3628800},
        {"(catch 'a (unwind-protect (throw 'a 1) 2))", 1},
        {"(block b (unwind-protect 1 (return-from b 2)))", 2},
        {"(block b (funcall #'(lambda () (return-from b 7))) 8)", 7},
        {"(let ((n 0)) (tagbody top (funcall #'(lambda () (setq n (+ n 1)) (if (< n 5) (go top) nil)))) n)", 5},
        {"(progv '(foo) '(5) (symbol-value 'foo))", 5},
        {"(funcall #'(lambda (&key a (b (+ a 1))) (+ (* 10 a) b)) :a 4)", 45},
        {"(let ((x 3)) (symbol-macrolet ((y x)) (setq x 4) y))", 4},
        {"(let ((k 10)) (labels ((e (n) (if (= n 0) k (o (- n 1)))) (o (n) (if (= n 0) 0 (e (- n 1))))) (+ (e 4) (e 3) (funcall #'e 2))))", 20},
        {"(multiple-value-call #'+ (values 1 2) (values 3 4))", 10},
        {"(let ((*x* 1)) (declare (special *x*)) (let ((f #'(lambda () (declare (special *x*)) *x*)) (*x* 5)) (declare (special *x*)) (funcall f)))", 5},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) assert_int_equal(value_of(rows[i].text), rows[i].value);
}

/* Functions so large that conditional jumps need detours and constants their hash table. */
static void test_large(void **state) {
    (void)state;
    enum { FORMS = 40000 };
    char *text = malloc(FORMS * 20 + 1000), *p = text;
    p += sprintf(p, "(let ((x 5)) (if (> x 3) (progn ");
    for (int i = 0; i < FORMS; i++) p += sprintf(p, "(setq x (+ x 1)) ");
    sprintf(p, " x) 0))");
    assert_int_equal(value_of(text), 5 + FORMS);
    p = text + sprintf(text, "(let ((n 0)) ");
    for (int i = 0; i < 5000; i++) p += sprintf(p, "(if '(%d) (setq n (+ n 1)) 0) ", i);
    sprintf(p, " n)");
    assert_int_equal(value_of(text), 5000);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_code), cmocka_unit_test(test_values), cmocka_unit_test(test_large)};
    return cmocka_run_group_tests(tests, world_setup, NULL);
}
