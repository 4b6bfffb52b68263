/* compound.c: swapped arrays of several objects, hash tables and arrays with a header, against a plain model.

   Keys of the tables are fixnums and conses (those are hashed by address, and move); values are fixnums.  Between random stores and removals the tables and arrays are evicted,
   the buffer changes its size, and garbage is collected with everything moving.  What an operation makes grow out of its block is given back with compound_replace.
   A duplicate must be as the array is and have nothing in common with it.

   HEAP_SEED sets the seed. */
#include "run/hash.h"
#include "swap/swap.h"
#include "random.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { TABLES = 6, KEYS = 120, ARRAYS = 8, LENGTH = 40, ROUNDS = 400 };

static Thread *t;
static Obj roots[TABLES + ARRAYS + KEYS]; /* handles, and the conses that are keys */
static int64_t entries[TABLES][2 * KEYS]; /* the value of fixnum key i, then of cons i; 0: none */
static int64_t elements[ARRAYS][LENGTH];
static uint32_t fill[ARRAYS];

static void scan_roots(Thread *thread, void *data, RootVisitor visit, void *visitor) {
    (void)thread;
    (void)data;
    visit(visitor, roots, COUNT_OF(roots), "test roots");
}

static Obj key_at(uint32_t i) { return i < KEYS ? obj_of_fix(i) : roots[TABLES + ARRAYS + i - KEYS]; }

/* What a leaf that works in place does: fetches, and gives back what has grown. */
static Obj fetch(Obj handle) {
    swap_begin(t);
    return swap_fetch(t, handle);
}
static void give_back(Obj handle, Obj x) {
    if (compound_has_grown(x)) assert_int_equal(compound_replace(t, handle, x), SWAP_FINE);
}

/* -- Hash tables -- */

static void table_check(Obj table, const int64_t *model) {
    uint64_t count = 0;
    Obj value;
    for (uint32_t i = 0; i < 2 * KEYS; i++) {
        bool found = table_get(t, table, key_at(i), &value);
        assert_int_equal(found, model[i] != 0);
        if (found) assert_int_equal(fix_of_obj(value), model[i]);
        count += found;
    }
    assert_int_equal(table_count(t, table), count);
}

static void table_act(uint32_t k) {
    for (uint32_t n = below(12); n-- > 0;) {
        uint32_t i = below(2 * KEYS);
        Obj table = fetch(roots[k]);
        if (below(3)) {
            entries[k][i] = 1 + (int64_t)below(1000);
            table_put(t, table, key_at(i), obj_of_fix(entries[k][i]));
        } else {
            assert_int_equal(table_remove(t, table, key_at(i)), entries[k][i] != 0);
            entries[k][i] = 0;
        }
        give_back(roots[k], table);
    }
}

static void table_duplicate(uint32_t k) {
    SwapFault fault;
    Obj copy = compound_duplicate(t, roots[k], &fault);
    assert_int_equal(fault, SWAP_FINE);
    assert_true(heap_contains(t->heap, obj_words(copy)) && !compound_has_grown(copy));
    table_check(copy, entries[k]);
    table_put(t, copy, key_at(0), obj_of_fix(-1));
    table_check(fetch(roots[k]), entries[k]);
    roots[k] = compound_store(t, compound_copy(t, roots[k]), &fault); /* another array with the same content */
    assert_int_equal(fault, SWAP_FINE);
}

/* -- Arrays with a header: vectors with fill pointers -- */

static Obj vector_new(uint32_t a) {
    Obj x = alloc_boxed(t, TYPE_ARRAY, ARRAY_DIMENSIONS + 1, NIL), data = alloc_boxed(t, TYPE_SIMPLE_VECTOR, LENGTH, obj_of_fix(0));
    init_field(x, ARRAY_DATA, data);
    init_field(x, ARRAY_OFFSET, obj_of_fix(0));
    init_field(x, ARRAY_FILL_POINTER, obj_of_fix(fill[a] = below(LENGTH)));
    init_field(x, ARRAY_TOTAL, obj_of_fix(LENGTH));
    init_field(x, ARRAY_DIMENSIONS, obj_of_fix(LENGTH));
    memset(elements[a], 0, sizeof elements[a]);
    return x;
}

static void vector_check(Obj x, uint32_t a) {
    assert_int_equal(fix_of_obj(obj_slots(x)[ARRAY_FILL_POINTER]), fill[a]);
    for (uint32_t i = 0; i < LENGTH; i++) {
        Obj element = obj_slots(obj_slots(x)[ARRAY_DATA])[i];
        assert_int_equal(fix_of_obj(is_cons(element) ? car(element) : element), elements[a][i]);
    }
}

static void vector_act(uint32_t a) {
    Obj handle = roots[TABLES + a], x = fetch(handle);
    uint64_t before = compound_hash(x);
    assert_int_equal(handle_storage(handle), TYPE_SIMPLE_VECTOR);
    assert_true(handle_is_vector(handle) && handle_type(handle) == TYPE_ARRAY);
    uint32_t i = below(LENGTH);
    int64_t value = elements[a][i] + 1 + below(1000);
    Obj data = obj_slots(x)[ARRAY_DATA];
    if (below(4) == 0) { /* it gets other elements, as ADJUST-ARRAY does */
        Obj other = alloc_boxed(t, TYPE_SIMPLE_VECTOR, LENGTH, NIL);
        memcpy(obj_slots(other), obj_slots(data), LENGTH * sizeof(Obj));
        set_field(t, x, ARRAY_DATA, data = other);
        assert_true(compound_has_grown(x));
    }
    elements[a][i] = value;
    set_field(t, data, i, below(2) ? obj_of_fix(value) : alloc_cons(t, obj_of_fix(value), NIL));
    if (below(3) == 0) obj_slots(x)[ARRAY_FILL_POINTER] = obj_of_fix(fill[a] = below(LENGTH)); /* NOBARRIER: a fixnum */
    assert_true(compound_hash(x) != before);
    give_back(handle, x);
}

/* -- The rounds -- */

static void disturb(void) {
    switch (below(5)) {
    case 0: assert_int_equal(swap_evict_all(t, true), SWAP_FINE); break;
    case 1: assert_int_equal(swap_set_buffer(t, 12 + below(30)), SWAP_FINE); break;
    case 2: heap_verify(t->heap); break;
    default: heap_collect(t, (int)below(4)); break;
    }
}

static void test_random(void **unused) {
    (void)unused;
    SwapFault fault;
    random_begin();
    for (uint32_t i = 0; i < KEYS; i++) roots[TABLES + ARRAYS + i] = alloc_cons(t, obj_of_fix(i), NIL);
    for (uint32_t k = 0; k < TABLES; k++) roots[k] = compound_store(t, table_make(t, TEST_EQ, NIL, 4, 0), &fault);
    for (uint32_t a = 0; a < ARRAYS; a++) roots[TABLES + a] = compound_store(t, vector_new(a), &fault);
    heap_set_torture(t->heap, TORTURE_MOVE);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t k = below(TABLES), a = below(ARRAYS);
        table_act(k);
        vector_act(a);
        disturb();
        table_check(fetch(roots[k]), entries[k]);
        vector_check(fetch(roots[TABLES + a]), a);
        if (below(20) == 0) table_duplicate(k);
    }
    heap_set_torture(t->heap, 0);
    for (uint32_t k = 0; k < TABLES; k++) table_check(fetch(roots[k]), entries[k]);
    for (uint32_t a = 0; a < ARRAYS; a++) vector_check(fetch(roots[TABLES + a]), a);
    for (uint32_t i = 0; i < COUNT_OF(roots); i++) roots[i] = NIL;
    heap_collect(t, 3);
    assert_int_equal(swap_statistics(t).arrays, 0);
}

/* What cannot be swapped, and why. */
static void test_problems(void **unused) {
    (void)unused;
    Obj vector = vector_new(0), displaced = vector_new(1);
    assert_null(compound_problem(vector));
    assert_null(compound_problem(obj_slots(vector)[ARRAY_DATA]));
    assert_null(compound_problem(table_make(t, TEST_EQ, NIL, 4, 0)));
    assert_non_null(strstr(compound_problem(table_make(t, TEST_EQ, NIL, 4, ENTRIES_WEAK_KEY)), "weak"));
    init_field(displaced, ARRAY_DISPLACED_P, SYM(T));
    assert_non_null(strstr(compound_problem(displaced), "displaced"));
    assert_non_null(compound_problem(NIL));
    assert_non_null(compound_problem(obj_of_fix(1)));
    assert_non_null(compound_problem(alloc_cons(t, NIL, NIL)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_problems)};
    t = world_new();
    for (uint32_t i = 0; i < COUNT_OF(roots); i++) roots[i] = NIL;
    heap_add_roots(t->heap, scan_roots, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
