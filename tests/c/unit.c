/* unit.c: units without a compiler: what is written comes back, code is patched and runs where it is mapped, the collector unmaps it, damage is
   refused. */
#include "image/unit-map.h"
#include "image/unit-table.h"
#include "run/run.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

static Thread *t;
static char path[64], other[64];

static int world_setup(void **state) {
    (void)state;
    t = world_new();
    snprintf(path, sizeof path, "/tmp/windfall-unit-%d.wfu", (int)getpid());
    snprintf(other, sizeof other, "/tmp/windfall-unit-%d.new", (int)getpid());
    return 0;
}

static int files_remove(void **state) {
    (void)state;
    unlink(path);
    unlink(other);
    return 0;
}

/* -- What tests are made of -- */

#define TEMPLATE(constants, values, ...) FUNCTION_NEW(t, constants, values, __VA_ARGS__)
#define I instruction_abc

/* (lambda (x) (lambda () x)) */
static Obj closure_maker(void) {
    Obj inner = TEMPLATE(0, NULL, I(OP_ENTRY, 0, 1, 0, 0), I(OP_ENV, 0, 0, 0, 0), I(OP_RETURN, 0, 0, 0, 0));
    return TEMPLATE(1, &inner, I(OP_ENTRY, 0, 1, 1, 1), I(OP_CLOSURE, 0, 0, 1, 1), I(OP_RETURN, 0, 0, 0, 0));
}

/* Writes a unit of one call with the arguments. */
static void write_unit(Obj function, Obj arguments) {
    Obj writer = unit_writer_make(t), object;
    assert_int_equal(unit_write_call(t, writer, function, arguments, &object), UNIT_FINE);
    assert_int_equal(unit_write_file(t, writer, path, true), 0);
}

static Obj open_unit(Obj owner) {
    Obj loader;
    int error;
    const char *wrong = unit_open(t, path, owner, &loader, &error);
    assert_null(wrong);
    assert_int_equal(error, 0);
    assert_false(is_nil(loader));
    return loader;
}

static Obj list2(Obj a, Obj b) { return alloc_list(t, 2, (Obj[]){a, b}); }

static bool is_mapped(void) {
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    bool found = false;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) found |= strstr(line, path) != NULL;
    fclose(f);
    return found;
}

/* -- Tests -- */

static void constants_come_back(void **state) {
    (void)state;
    Obj name = alloc_text(t, "text"), symbol = intern_text(t, t->world->package_user, "UNIT-SYMBOL"), pair = list2(obj_of_fix(-5), name);
    Obj circle = list2(obj_of_fix(1), obj_of_fix(2));
    set_cdr(t, cdr(circle), circle);
    Obj vector = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 3, pair);
    Obj items[] = {symbol, pair, vector, circle, alloc_double(t, 1.5), obj_of_char('x'), obj_of_single(2.5f), T_, NIL, SYM(CAR), SYM(K_NAME)};
    write_unit(SYM(LIST), alloc_list(t, COUNT_OF(items), items));
    Obj function, arguments, loader = open_unit(list2(T_, T_));
    assert_true(unit_next(t, loader, NIL, &function, &arguments));
    assert_true(eq(function, SYM(LIST)));
    Obj got[COUNT_OF(items)];
    for (size_t i = 0; i < COUNT_OF(items); i++, arguments = cdr(arguments)) got[i] = car(arguments);
    assert_true(eq(got[0], symbol));
    assert_true(eq(car(got[1]), obj_of_fix(-5)) && strings_equal(cadr(got[1]), name));
    for (int i = 0; i < 3; i++) assert_true(eq(obj_slots(got[2])[i], got[1]));
    assert_true(eq(cddr(got[3]), got[3]));
    assert_true(double_of_obj(got[4]) == 1.5);
    for (size_t i = 5; i < COUNT_OF(items); i++) assert_true(eq(got[i], items[i]));
    assert_false(unit_next(t, loader, NIL, &function, &arguments));
}

static void what_cannot_be_written_is_named(void **state) {
    (void)state;
    Obj writer = unit_writer_make(t), object, code = alloc_raw(t, TYPE_CODE, 1), table = alloc_boxed(t, TYPE_HASH_TABLE, 4, NIL);
    assert_int_equal(unit_write_call(t, writer, SYM(LIST), alloc_cons(t, list2(T_, code), NIL), &object), UNIT_NEVER);
    assert_true(eq(object, code));
    assert_int_equal(unit_write_call(t, writer, SYM(LIST), alloc_cons(t, list2(T_, table), NIL), &object), UNIT_MAKE);
    assert_true(eq(object, table));
    unit_write_value(t, writer, table); /* as if a call had made it */
    assert_int_equal(unit_write_call(t, writer, SYM(LIST), alloc_cons(t, list2(T_, table), NIL), &object), UNIT_FINE);
    assert_int_equal(unit_write_file(t, writer, "/no-such-directory/x", true), 2);
}

static Obj kept; /* a root */
static void scan_kept(Thread *thread, void *data, RootVisitor visit, void *visitor_data) {
    (void)thread, (void)data;
    visit(visitor_data, &kept, 1, "test");
}

static void code_runs_in_place_and_is_unmapped(void **state) {
    (void)state;
    heap_add_roots(t->heap, scan_kept, NULL);
    write_unit(SYM(LIST), alloc_list(t, 1, (Obj[]){closure_maker()}));
    Obj function, arguments, owner = list2(T_, T_);
    assert_true(unit_next(t, open_unit(owner), NIL, &function, &arguments));
    Obj maker = car(arguments);
    assert_true(eq(obj_slots(maker)[obj_length(maker) - 1], owner));
    assert_true(unit_owns(t, owner, maker));
    assert_int_equal(instruction_op(((const Instruction *)obj_raw(obj_slots(maker)[FUNCTION_CODE]))[1]), OP_CLOSUREDYN);
    kept = lisp_call(t, maker, 1, (Obj[]){obj_of_fix(42)});
    assert_true(eq(obj_slots(kept)[FUNCTION_ENV], obj_of_fix(42)) && obj_length(kept) == FUNCTION_ENV + 2);
    heap_collect(t, 3);
    assert_true(is_mapped());
    assert_true(eq(lisp_call(t, kept, 0, NULL), obj_of_fix(42)));
    kept = NIL;
    heap_collect(t, 3);
    heap_collect(t, 3); /* registers of frames that are gone */
    assert_false(is_mapped());
}

static void patching_refuses_what_is_no_code(void **state) {
    (void)state;
    _Alignas(16) Obj words[4] = {header_make(TYPE_CODE, 0, 3), NIL, NIL, NIL};
    assert_true(unit_patch((char *)words, sizeof words));
    words[0] = header_make(TYPE_CODE, 0, 4);
    assert_false(unit_patch((char *)words, sizeof words));
    words[0] = header_make(TYPE_BIGNUM, 0, 3);
    assert_false(unit_patch((char *)words, sizeof words));
    words[0] = obj_of_fix(1);
    assert_false(unit_patch((char *)words, sizeof words));
}

static void write_octets(const char *octets, size_t n) {
    FILE *f = fopen(other, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(octets, 1, n, f), n);
    fclose(f);
}

/* Every single bit of a unit, and every length. */
static void damage_is_refused(void **state) {
    (void)state;
    char octets[4096], copy[4096];
    write_unit(SYM(LIST), alloc_list(t, 1, (Obj[]){closure_maker()}));
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(octets, 1, sizeof octets, f);
    fclose(f);
    Unit *u;
    int error;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        memcpy(copy, octets, n);
        copy[bit / 8] ^= (char)(1 << bit % 8);
        write_octets(copy, n);
        const char *wrong = unit_map(other, &u, &error);
        assert_true(wrong || bit < 64); /* in the magic number: no unit */
        assert_null(u);
    }
    for (size_t length = 0; length < n; length++) {
        write_octets(octets, length);
        assert_true(unit_map(other, &u, &error) || length < 8);
        assert_null(u);
    }
}

static void numbers_of_objects(void **state) {
    (void)state;
    ObjectTable table = {0};
    Obj writer = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1, NIL);
    set_field(t, writer, 0, alloc_boxed(t, TYPE_SIMPLE_VECTOR, 4, NIL));
    kept = writer;
    for (int i = 0; i < 3000; i++) {
        Obj x = alloc_cons(t, obj_of_fix(i), NIL);
        assert_int_equal(numbers_find(t, &table, obj_slots(kept)[0], x), NOT_FOUND);
        assert_int_equal(numbers_push(t, &table, kept, 0, x), i);
        if (i % 500 == 499) heap_collect(t, i % 1000 == 999 ? 3 : 0);
        if (i == 1000) numbers_keep(&table);
    }
    for (int i = 0; i < 3000; i++) {
        Obj objects = obj_slots(kept)[0], x = obj_slots(objects)[i];
        assert_true(eq(car(x), obj_of_fix(i)));
        assert_int_equal(numbers_find(t, &table, objects, x), i);
    }
    Obj last = obj_slots(obj_slots(kept)[0])[2000];
    numbers_forget(&table);
    assert_int_equal(table.count, 1001);
    assert_int_equal(numbers_find(t, &table, obj_slots(kept)[0], last), NOT_FOUND);
    numbers_free(&table);
    kept = NIL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_come_back),   cmocka_unit_test(what_cannot_be_written_is_named), cmocka_unit_test(code_runs_in_place_and_is_unmapped),
        cmocka_unit_test(patching_refuses_what_is_no_code), cmocka_unit_test(damage_is_refused), cmocka_unit_test(numbers_of_objects),
    };
    return cmocka_run_group_tests(tests, world_setup, files_remove);
}
