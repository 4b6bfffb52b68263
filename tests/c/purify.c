/* purify.c: the pure area against a plain model.

   A root vector holds strings, directly and behind conses, vectors, tables and weak pointers.  Every string says in its bytes which one it is; those with an
   odd number may become pure.  Between random stores, random collections and moves in and out of the pure area each string must be found as it was,
   and the area must hold, by its own account, exactly the bytes that the model finds referred to.

   HEAP_SEED sets the seed, HEAP_ROUNDS the number of rounds. */
#include "image/purify.h"
#include "random.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 300, ROOTS = 4 };

static Thread *t;
static Obj roots[ROOTS];
static uint32_t model[SLOTS]; /* the number of the string in each slot; 0: none */
static uint32_t serial;

static void scan_roots(Thread *thread, void *data, RootVisitor visit, void *visitor) {
    (void)thread;
    (void)data;
    visit(visitor, roots, ROOTS, "test roots");
}

/* -- Strings that say who they are -- */

static uint64_t length_of(uint32_t number) { return 4 + (number % 50 != 1 ? number * 7 % 90 : 30000 + number * 13 % 40000); }

static Obj string_make(uint32_t number) {
    Obj s = alloc_raw(t, TYPE_U8_VECTOR, length_of(number));
    uint8_t *p = obj_raw(s);
    memcpy(p, &number, 4);
    for (uint64_t i = 4; i < obj_length(s); i++) p[i] = (uint8_t)(number + i);
    return s;
}

static void string_check(Obj s, uint32_t number) {
    assert_true(has_type(s, TYPE_U8_VECTOR));
    assert_int_equal(obj_length(s), length_of(number));
    const uint8_t *p = obj_raw(s);
    assert_memory_equal(p, &number, 4);
    for (uint64_t i = 4; i < obj_length(s); i++) assert_int_equal(p[i], (uint8_t)(number + i));
}

static void choose_odd(Heap *h, Obj x) {
    if (obj_type(x) == TYPE_U8_VECTOR && obj_length(x) >= 4 && ((uint8_t *)obj_raw(x))[0] & 1) pure_choose(h, x);
}

static const PurePolicy policy = {choose_odd, NULL, NULL};

/* -- The slots: number modulo 4 says how the string is wrapped -- */

static Obj wrap(uint32_t number, Obj s) {
    switch (number / 2 % 4) {
    case 0: return s;
    case 1: return alloc_cons(t, obj_of_fix(1), s);
    case 2: {
        Obj v = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 5, s);
        return v;
    }
    default: {
        Obj p = weak_pointer_make(t, s);
        return alloc_cons(t, p, s);
    }
    }
}

static Obj unwrap(uint32_t number, Obj x) {
    switch (number / 2 % 4) {
    case 0: return x;
    case 1: return cdr(x);
    case 2:
        assert_true(eq(obj_slots(x)[0], obj_slots(x)[4]));
        return obj_slots(x)[0];
    default: assert_true(eq(weak_pointer_value(car(x)), cdr(x))); return cdr(x);
    }
}

static void store(uint32_t slot) {
    model[slot] = below(5) ? ++serial : 0;
    set_field(t, roots[0], slot, model[slot] ? wrap(model[slot], string_make(model[slot])) : NIL);
}

static size_t check_all(void) {
    size_t pure = 0;
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (!model[i]) continue;
        Obj s = unwrap(model[i], obj_slots(roots[0])[i]);
        string_check(s, model[i]);
        if (pure_contains(t->heap, obj_words(s))) pure += header_bytes(obj_header(s));
    }
    heap_verify(t->heap);
    return pure;
}

static void act(void) {
    size_t used;
    switch (below(8)) {
    case 0:
        assert_true(pure_take(t, &policy));
        for (uint32_t i = 0; i < SLOTS; i++)
            if (model[i] & 1) assert_true(pure_contains(t->heap, obj_words(unwrap(model[i], obj_slots(roots[0])[i]))));
        break;
    case 1:
        if (below(3)) break;
        assert_true(pure_give_back(t));
        assert_int_equal(pure_bytes(t->heap), 0);
        break;
    case 2:
        assert_true(pure_survey(t, &used));
        assert_int_equal(used, check_all());
        break;
    default: heap_collect(t, (int)below(4)); break;
    }
}

static void test_random(void **unused) {
    (void)unused;
    int rounds = getenv("HEAP_ROUNDS") ? atoi(getenv("HEAP_ROUNDS")) : 400;
    random_begin();
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, SLOTS, NIL);
    for (int round = 0; round < rounds; round++) {
        heap_set_torture(t->heap, below(2) ? TORTURE_MOVE : 0);
        for (uint32_t i = below(100); i-- > 0;) store(below(SLOTS));
        act();
        check_all();
    }
    heap_set_torture(t->heap, 0);
    assert_true(pure_give_back(t));
    check_all();
    roots[0] = NIL;
}

/* -- Tables by address: a key that goes in or out has moved -- */

static void test_keys(void **unused) {
    (void)unused;
    enum { CAPACITY = 20 };
    Obj index = alloc_raw(t, TYPE_U32_VECTOR, 2 * CAPACITY + 8);
    Obj x = alloc_flagged(t, TYPE_HASH_ENTRIES, 0, ENTRIES_PAIRS + 2 * CAPACITY, EMPTY), before[CAPACITY];
    init_field(x, ENTRIES_LINK, NIL);
    init_field(x, ENTRIES_INDEX, index);
    for (uint32_t i = 0; i < CAPACITY; i++) init_field(x, ENTRIES_PAIRS + 2 * i, string_make(51 + i));
    entries_set_by_address(t, x);
    roots[1] = x;
    for (int turn = 0; turn < 6; turn++) {
        heap_collect(t, 3);
        heap_collect(t, 3);
        x = roots[1];
        uint32_t *words = (uint32_t *)obj_raw(obj_slots(x)[ENTRIES_INDEX]) + CAPACITY + 8;
        memset(words, 0, CAPACITY * 4);
        obj_set_flags(x, ENTRIES_BY_ADDRESS);
        for (uint32_t i = 0; i < CAPACITY; i++) before[i] = obj_slots(x)[ENTRIES_PAIRS + 2 * i];
        assert_true(turn & 1 ? pure_give_back(t) : pure_take(t, &policy));
        x = roots[1];
        words = (uint32_t *)obj_raw(obj_slots(x)[ENTRIES_INDEX]) + CAPACITY + 8;
        for (uint32_t i = 0; i < CAPACITY; i++) {
            Obj key = obj_slots(x)[ENTRIES_PAIRS + 2 * i];
            string_check(key, 51 + i);
            if (!eq(key, before[i])) assert_true(words[i] & HASH_MOVED);
            if (i % 2 == 0) assert_int_equal(pure_contains(t->heap, obj_words(key)), !(turn & 1));
        }
        assert_true(obj_flags(x) & ENTRIES_STALE);
        heap_verify(t->heap);
    }
    roots[1] = NIL;
}

/* -- Weak references alone: not in use, and broken on the way out -- */

static void test_weak(void **unused) {
    (void)unused;
    size_t used;
    roots[2] = string_make(77);
    roots[3] = weak_pointer_make(t, roots[2]);
    assert_true(pure_take(t, &policy));
    assert_true(eq(weak_pointer_value(roots[3]), roots[2]));
    assert_true(pure_survey(t, &used) && used == header_bytes(obj_header(roots[2])));
    roots[2] = NIL;
    assert_true(pure_survey(t, &used) && used == 0);
    string_check(weak_pointer_value(roots[3]), 77);
    assert_true(pure_give_back(t));
    assert_true(eq(weak_pointer_value(roots[3]), BROKEN));
    roots[3] = NIL;
}

/* -- Read-only; adopted from a file -- */

static void write_dies(uint8_t *p) {
    pid_t child = fork();
    int status;
    if (!child) {
        signal(SIGSEGV, SIG_DFL);
        *p ^= 1;
        _exit(0);
    }
    assert_true(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void test_adopt(void **unused) {
    char *start, *end;
    Obj x;
    (void)unused;
    roots[2] = string_make(101);
    roots[3] = string_make(103);
    assert_true(pure_take(t, &policy));
    write_dies(obj_raw(roots[2]));
    pure_area(t->heap, &start, &end);
    assert_int_equal(end - start, header_bytes(obj_header(roots[2])) + header_bytes(obj_header(roots[3])));
    FILE *f = tmpfile();
    assert_true(f && fwrite(start, 1, (size_t)(end - start), f) == (size_t)(end - start) && !fflush(f));
    static Heap *other; /* heaps are for ever */
    other = heap_create_empty(32 << 20);
    char *at = pure_reserve(other, (size_t)(end - start));
    assert_true(at && at != start);
    assert_ptr_equal(mmap(at, (size_t)(end - start), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fileno(f), 0), at);
    pure_adopt(other, at, at + (end - start));
    assert_int_equal(pure_bytes(other), end - start);
    assert_true(pure_object_at(other, at + 20, &x));
    string_check(x, 101);
    assert_true(pure_object_at(other, at + (end - start) - 1, &x));
    string_check(x, 103);
    assert_false(pure_object_at(other, at + (end - start), &x));
    write_dies(obj_raw(x));
    fclose(f);
    assert_true(pure_give_back(t));
    string_check(roots[2], 101);
    assert_false(pure_contains(t->heap, obj_words(roots[2])));
    roots[2] = roots[3] = NIL;
}

/* -- No room: nothing is done -- */

static void test_no_room(void **unused) {
    (void)unused;
    Obj list = NIL;
    size_t used;
    for (uint32_t n = 0; n < 300; n++) list = alloc_cons(t, string_make(2601 + 100 * n), list);
    roots[2] = list;
    assert_true(pure_take(t, &policy));
    size_t pure = pure_bytes(t->heap);
    while (pure_give_back(t)) { /* fill up until it is refused */
        assert_true(pure_take(t, &policy));
        roots[3] = alloc_cons(t, alloc_raw(t, TYPE_U8_VECTOR, 1 << 20), roots[3]);
    }
    assert_int_equal(pure_bytes(t->heap), pure);
    assert_true(pure_survey(t, &used) && used == pure);
    heap_verify(t->heap);
    roots[3] = NIL;
    assert_true(pure_give_back(t));
    uint32_t n = 300;
    for (list = roots[2]; n-- > 0; list = cdr(list)) string_check(car(list), 2601 + 100 * n);
    roots[2] = NIL;
}

static int setup(void **unused) {
    (void)unused;
    t = calloc(1, sizeof *t);
    t->stack = calloc(1, sizeof(Obj));
    for (int i = 0; i < ROOTS; i++) roots[i] = NIL;
    Heap *heap = heap_create((size_t)64 << 20);
    heap_attach_thread(heap, t);
    heap_add_roots(heap, scan_roots, NULL);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random), cmocka_unit_test(test_keys),    cmocka_unit_test(test_weak),
        cmocka_unit_test(test_adopt),  cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
