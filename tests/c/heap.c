/* heap.c: the heap against a plain model.

   The model is a graph of nodes in C; the same graph is built in the heap, through the same operations (stores through the barrier). After
   each collection both are walked side by side from the roots: each slot must hold what the model says, weak references may be broken
   only where the model's own, naive collector finds the object dead, and after a full collection must be broken there.

   HEAP_SEED sets the first seed, HEAP_ROUNDS the number of seeds. */
#include "heap/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LIMIT_MB = 512, ROOTS = 64, NODES = 200000 };

static Thread *t;
static Obj roots[ROOTS];
static jmp_buf door;

static void scan_roots(Thread *thread, void *data, RootVisitor visit, void *visitor) {
    (void)thread;
    (void)data;
    visit(visitor, roots, ROOTS, "test roots");
}

static void collect(int generation) { heap_collect(t, generation); }

/* -- Random numbers: xorshift -- */

static uint64_t state;
static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
static uint32_t below(uint32_t n) { return (uint32_t)(next_random() >> 20) % n; }

/* -- The model -- */

typedef enum Kind { CONS, VECTOR, CELL, TEXT, POINTER, ENTRIES, KINDS } Kind;

/* A value: a node if `node` is not 0, else a fixnum; `broken`: a weak reference whose object is gone. */
typedef struct Val {
    uint32_t node;
    int32_t fix;
    bool broken;
} Val;

typedef struct Node {
    Kind kind;
    unsigned flags;
    uint32_t count;
    Val *slots;
    Obj real;
    bool alive, visited, used;
} Node;

static Node nodes[NODES];
static uint32_t free_nodes[NODES], free_count, queue[NODES];
static uint32_t model_roots[ROOTS];
static Node *visited_list[NODES];
static uint32_t visited_count;

static Obj real_of(Val v) { return v.broken ? BROKEN : v.node ? nodes[v.node].real : obj_of_fix(v.fix); }

static Obj *real_slots(const Node *n) {
    switch (n->kind) {
    case CONS: return cons_slots(n->real);
    case ENTRIES: return obj_slots(n->real) + ENTRIES_PAIRS;
    default: return obj_slots(n->real);
    }
}

static uint32_t node_pick(void) {
    for (int i = 0; i < 20; i++) {
        if (!visited_count) return 0;
        Node *n = visited_list[below(visited_count)];
        if (n->used) return (uint32_t)(n - nodes);
    }
    return 0;
}

static Val val_pick(void) {
    uint32_t n = below(4) ? node_pick() : 0;
    return (Val){n, (int32_t)below(1u << 30), false};
}

static uint32_t size_pick(Kind kind) {
    switch (kind) {
    case CONS: return 2;
    case CELL: return 1;
    case POINTER: return 1;
    case ENTRIES: return 2 * (1 + below(40));
    case TEXT: return below(50) ? below(200) : 40000 + below(100000);
    default: return below(100) ? below(12) : below(10) ? below(700) : 4090 + below(5000);
    }
}

static Obj node_allocate(const Node *n) {
    switch (n->kind) {
    case CONS: return alloc_cons(t, real_of(n->slots[0]), real_of(n->slots[1]));
    case CELL: return alloc_boxed(t, TYPE_CELL, 1, NIL);
    case POINTER: return weak_pointer_make(t, real_of(n->slots[0]));
    case TEXT: return alloc_raw(t, TYPE_BASE_STRING, n->count);
    case ENTRIES: {
        Obj x = alloc_flagged(t, TYPE_HASH_ENTRIES, n->flags, ENTRIES_PAIRS + n->count, EMPTY);
        init_field(x, ENTRIES_LINK, NIL);
        init_field(x, ENTRIES_INDEX, NIL);
        return x;
    }
    default: return alloc_boxed(t, TYPE_SIMPLE_VECTOR, n->count, real_of(val_pick())); /* the padding, too, is filled with it */
    }
}

/* A new node and its object; its slots refer to what there is. */
static uint32_t node_make(void) {
    if (!free_count) return 0;
    uint32_t index = free_nodes[--free_count];
    Node *n = &nodes[index];
    static const Kind common[] = {CONS, CONS, CONS, VECTOR, VECTOR, CELL, TEXT, POINTER, ENTRIES};
    *n = (Node){.kind = common[below(COUNT_OF(common))], .used = true};
    n->flags = below(8);
    n->count = size_pick(n->kind);
    if (n->kind == TEXT) {
        n->real = node_allocate(n);
        for (uint32_t i = 0; i < n->count; i++) ((uint8_t *)obj_raw(n->real))[i] = (uint8_t)(index * 7 + i);
    } else {
        n->slots = calloc(n->count + 1, sizeof(Val));
        for (uint32_t i = 0; i < n->count; i++) n->slots[i] = n->count > 1000 && i % 64 ? (Val){0, 1, false} : val_pick();
        n->real = node_allocate(n);
        for (uint32_t i = 0; i < n->count && n->kind != POINTER; i++) real_slots(n)[i] = real_of(n->slots[i]);
    }
    visited_list[visited_count++] = n;
    return index;
}

static void mutate(void) {
    Node *n = &nodes[node_pick()];
    if (!n->used || n->kind == TEXT || n->kind == POINTER || !n->count) return;
    uint32_t i = below(n->count);
    n->slots[i] = val_pick();
    set_slot(t, &real_slots(n)[i], real_of(n->slots[i]));
}

static void root_change(void) {
    uint32_t i = below(ROOTS);
    model_roots[i] = below(3) ? node_pick() : 0;
    roots[i] = model_roots[i] ? nodes[model_roots[i]].real : NIL;
}

/* -- The model's collector -- */

static uint32_t queue_count;

static void model_mark(Val v) {
    if (!v.node || nodes[v.node].alive) return;
    nodes[v.node].alive = true;
    queue[queue_count++] = v.node;
}

static bool val_alive(Val v) { return !v.node || nodes[v.node].alive; }

static void model_drain(void) {
    while (queue_count) {
        Node *n = &nodes[queue[--queue_count]];
        if (n->kind == TEXT || n->kind == POINTER) continue;
        if (n->kind == ENTRIES && n->flags & 3) continue;
        for (uint32_t i = 0; i < n->count; i++) model_mark(n->slots[i]);
    }
}

static void model_ephemerons(void) {
    uint32_t before;
    do {
        before = 0;
        for (uint32_t k = 1; k < NODES; k++) {
            Node *n = &nodes[k];
            if (!n->used || !n->alive || n->kind != ENTRIES || !(n->flags & 3)) continue;
            unsigned kind = n->flags & 7;
            for (uint32_t i = 0; i < n->count; i += 2) {
                Val key = n->slots[i], value = n->slots[i + 1];
                if ((kind == 1 || kind == 5 || kind == 7) && val_alive(key)) model_mark(value);
                if ((kind == 2 || kind == 6 || kind == 7) && val_alive(value)) model_mark(key);
            }
        }
        before = queue_count;
        model_drain();
    } while (before);
}

static void model_collect(void) {
    for (uint32_t k = 1; k < NODES; k++) nodes[k].alive = nodes[k].visited = false;
    for (uint32_t i = 0; i < ROOTS; i++) model_mark((Val){model_roots[i], 0, false});
    model_drain();
    model_ephemerons();
}

/* -- Comparison -- */

static void expect(uint32_t index, Obj real) {
    Node *n = &nodes[index];
    assert_true(n->used);
    if (n->visited) {
        assert_true(eq(n->real, real));
        return;
    }
    n->visited = true;
    n->real = real;
    queue[queue_count++] = index;
}

static void check_value(Val *v, Obj real, bool weak, bool must_break) {
    if (weak && eq(real, BROKEN)) {
        assert_true(v->broken || !val_alive(*v));
        *v = (Val){0, 0, true};
        return;
    }
    if (v->broken) {
        assert_true(eq(real, BROKEN));
        return;
    }
    if (weak && must_break) assert_true(val_alive(*v));
    if (v->node)
        expect(v->node, real);
    else
        assert_true(eq(real, obj_of_fix(v->fix)));
}

static void compare_entries(Node *n, bool full) {
    for (uint32_t i = 0; i < n->count; i += 2) {
        Val *key = &n->slots[i], *value = &n->slots[i + 1];
        Obj k = real_slots(n)[i], v = real_slots(n)[i + 1];
        bool dead = !val_alive(*key) || !val_alive(*value);
        if (eq(k, BROKEN) && is_nil(v)) { /* broken by this collection */
            assert_true(n->flags & 3 && dead);
            assert_true(obj_flags(n->real) & ENTRIES_STALE);
            init_field(n->real, ENTRIES_PAIRS + i + 1, obj_of_fix(0));
            *key = (Val){0, 0, true};
            *value = (Val){0, 0, false};
            continue;
        }
        if (full && n->flags & 3) assert_false(dead);
        check_value(key, k, false, false);
        check_value(value, v, false, false);
    }
}

static void compare_node(Node *n, bool full) {
    if (n->kind == CONS) {
        assert_true(is_cons(n->real));
    } else {
        static const Type types[] = {0, TYPE_SIMPLE_VECTOR, TYPE_CELL, TYPE_BASE_STRING, TYPE_WEAK_POINTER, TYPE_HASH_ENTRIES};
        assert_true(has_type(n->real, types[n->kind]));
    }
    if (n->kind == TEXT) {
        assert_int_equal(obj_length(n->real), n->count);
        for (uint32_t i = 0; i < n->count; i++)
            if (((uint8_t *)obj_raw(n->real))[i] != (uint8_t)((uint32_t)(n - nodes) * 7 + i)) fail_msg("text damaged");
    } else if (n->kind == ENTRIES) {
        compare_entries(n, full);
    } else {
        for (uint32_t i = 0; i < n->count; i++) check_value(&n->slots[i], real_slots(n)[i], n->kind == POINTER, full);
    }
}

static void compare(bool full) {
    queue_count = 0;
    for (uint32_t i = 0; i < ROOTS; i++) {
        if (model_roots[i])
            expect(model_roots[i], roots[i]);
        else
            assert_true(is_nil(roots[i]));
    }
    visited_count = 0;
    while (queue_count) {
        Node *n = &nodes[queue[--queue_count]];
        visited_list[visited_count++] = n;
        compare_node(n, full);
    }
    for (uint32_t k = 1; k < NODES; k++) {
        if (!nodes[k].used || nodes[k].visited) continue;
        free(nodes[k].slots);
        nodes[k] = (Node){0};
        free_nodes[free_count++] = k;
    }
}

static void model_reset(void) {
    free_count = visited_count = queue_count = 0;
    for (uint32_t k = 1; k < NODES; k++) {
        free(nodes[k].slots);
        nodes[k] = (Node){0};
        free_nodes[free_count++] = k;
    }
    for (uint32_t i = 0; i < ROOTS; i++) {
        roots[i] = NIL;
        model_roots[i] = 0;
    }
}

static unsigned torture_of(uint64_t seed) {
    unsigned flags = TORTURE_VERIFY;
    if (seed % 3) flags |= TORTURE_MOVE;
    return flags;
}

static void run_seed(uint64_t seed) {
    state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    model_reset();
    collect(3);
    heap_set_torture(t->heap, torture_of(seed));
    for (int round = 0; round < 40; round++) {
        uint32_t n = below(2500);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t what = below(100);
            if (what < 40) {
                uint32_t made = node_make();
                if (made && below(4) == 0) {
                    uint32_t r = below(ROOTS);
                    model_roots[r] = made;
                    roots[r] = nodes[made].real;
                }
            } else if (what < 97) {
                mutate();
            } else {
                root_change();
            }
        }
        int generation = below(3) ? 0 : (int)below(4);
        model_collect();
        collect(generation);
        compare(generation == 3);
    }
    heap_set_torture(t->heap, 0);
}

static void test_random_graphs(void **unused) {
    (void)unused;
    const char *first = getenv("HEAP_SEED"), *rounds = getenv("HEAP_ROUNDS");
    uint64_t seed = first ? strtoull(first, NULL, 10) : 1, count = rounds ? strtoull(rounds, NULL, 10) : 12;
    for (uint64_t s = seed; s < seed + count; s++) {
        fprintf(stderr, "seed %llu\r", (unsigned long long)s);
        run_seed(s);
    }
}

/* -- Weakness, directed -- */

static void clean(void) {
    model_reset();
    heap_set_torture(t->heap, TORTURE_VERIFY);
    collect(3);
    collect(3);
    collect(3);
}

static Obj entries(unsigned flags, uint64_t capacity) {
    Obj x = alloc_flagged(t, TYPE_HASH_ENTRIES, flags, ENTRIES_PAIRS + 2 * capacity, EMPTY);
    init_field(x, ENTRIES_LINK, NIL);
    init_field(x, ENTRIES_INDEX, NIL);
    return x;
}

/* A chain of ephemerons in one old table, each key the value of the one before: all live by the first key, all die with it. */
static void test_ephemeron_chain(void **unused) {
    (void)unused;
    enum { LONG = 50000 };
    for (int generation = 0; generation < 4; generation += 3) {
        for (int backwards = 0; backwards < 2; backwards++) {
            clean();
            roots[0] = entries(ENTRIES_WEAK_KEY, LONG);
            collect(2), collect(2), collect(2);
            Obj key = alloc_cons(t, obj_of_fix(0), NIL);
            roots[1] = key;
            for (uint64_t i = 0; i < LONG; i++) {
                uint64_t at = backwards ? LONG - 1 - i : i;
                Obj value = alloc_cons(t, obj_of_fix((int64_t)i + 1), NIL);
                set_field(t, roots[0], ENTRIES_PAIRS + 2 * at, key);
                set_field(t, roots[0], ENTRIES_PAIRS + 2 * at + 1, value);
                key = value;
            }
            collect(generation);
            key = roots[1];
            for (uint64_t i = 0; i < LONG; i++) {
                uint64_t at = backwards ? LONG - 1 - i : i;
                assert_true(eq(obj_slots(roots[0])[ENTRIES_PAIRS + 2 * at], key));
                key = obj_slots(roots[0])[ENTRIES_PAIRS + 2 * at + 1];
                assert_int_equal(fix_of_obj(car(key)), i + 1);
            }
            roots[1] = NIL;
            collect(generation == 3 ? 3 : 1);
            for (uint64_t i = 0; i < LONG; i++) assert_true(eq(obj_slots(roots[0])[ENTRIES_PAIRS + 2 * i], BROKEN));
            assert_true(obj_flags(roots[0]) & ENTRIES_STALE);
        }
    }
}

/* Only entries whose keys moved are flagged, in old tables too. */
static void test_moved_keys(void **unused) {
    (void)unused;
    clean();
    enum { CAPACITY = 8, HEADS = 8 };
    Obj index = alloc_raw(t, TYPE_U32_VECTOR, HEADS + 2 * CAPACITY);
    roots[0] = entries(0, CAPACITY);
    init_field(roots[0], ENTRIES_INDEX, index);
    roots[1] = alloc_cons(t, NIL, NIL);
    collect(2), collect(2), collect(2), collect(2);
    entries_set_by_address(t, roots[0]);
    set_field(t, roots[0], ENTRIES_PAIRS, roots[1]);
    alloc_cons(t, NIL, NIL); /* garbage below the young key */
    set_field(t, roots[0], ENTRIES_PAIRS + 2 * 5, alloc_cons(t, obj_of_fix(5), NIL));
    set_field(t, roots[0], ENTRIES_PAIRS + 2 * 5 + 1, alloc_cons(t, obj_of_fix(6), NIL));
    collect(0);
    uint32_t *words = obj_raw(obj_slots(roots[0])[ENTRIES_INDEX]);
    assert_true(obj_flags(roots[0]) & ENTRIES_STALE);
    for (int i = 0; i < CAPACITY; i++) assert_int_equal(words[HEADS + CAPACITY + i] & HASH_MOVED, i == 5 ? HASH_MOVED : 0);
    assert_int_equal(fix_of_obj(car(obj_slots(roots[0])[ENTRIES_PAIRS + 10])), 5);
}

static void test_finalizers(void **unused) {
    (void)unused;
    for (int generation = 0; generation < 4; generation++) {
        clean();
        Obj object = alloc_cons(t, obj_of_fix(1), NIL);
        Obj function = alloc_cons(t, object, NIL), got, call; /* refers to its object: does not keep it */
        roots[0] = weak_pointer_make(t, object);
        roots[1] = object;
        finalizer_add(t, object, function);
        for (int i = 0; i < generation; i++) collect(i);
        assert_false(finalizer_take(t->heap, &got, &call));
        roots[1] = NIL;
        t->event = 0;
        collect(generation);
        assert_true(t->event & EVENT_FINALIZE);
        collect(generation);
        assert_true(finalizer_take(t->heap, &got, &call));
        assert_true(eq(car(call), got));
        assert_int_equal(fix_of_obj(car(got)), 1);
        assert_true(eq(weak_pointer_value(roots[0]), got));
        assert_false(finalizer_take(t->heap, &got, &call));
        collect(3);
        assert_true(eq(weak_pointer_value(roots[0]), BROKEN));
    }
}

/* -- Deep, large, exhausted -- */

static void test_deep_chains(void **unused) {
    (void)unused;
    enum { LINKS = 10000000 };
    clean();
    heap_set_torture(t->heap, 0);
    for (int way = 0; way < 4; way++) {
        roots[0] = NIL;
        collect(3);
        for (int64_t i = 0; i < LINKS; i++) {
            Obj other = way >= 2 ? alloc_cons(t, obj_of_fix(i), NIL) : obj_of_fix(i);
            roots[0] = way & 1 ? alloc_cons(t, roots[0], other) : alloc_cons(t, other, roots[0]);
            if (way >= 2 && i == LINKS / 3) break;
        }
        uint64_t begun = clock_nanoseconds();
        collect(3);
        fprintf(stderr, "chain %d: %.0f ms\n", way, (double)(clock_nanoseconds() - begun) / 1e6);
        int64_t n = 0;
        for (Obj x = roots[0]; !is_nil(x); x = way & 1 ? car(x) : cdr(x)) n++;
        assert_int_equal(n, way >= 2 ? LINKS / 3 + 1 : LINKS);
    }
    roots[0] = NIL;
}

/* A large vector is left where it is while little below it is dead, and stays what it was when it moves. */
static void test_large_vectors(void **unused) {
    (void)unused;
    enum { LENGTH = 100000 };
    clean();
    roots[1] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 3000, NIL);
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, LENGTH, NIL);
    for (uint64_t i = 0; i < LENGTH; i++) init_field(roots[0], i, obj_of_fix((int64_t)i));
    uintptr_t at = address_of(roots[0]);
    assert_int_equal(at % 1024, 0);
    roots[1] = NIL;
    collect(0);
    assert_true(address_of(roots[0]) == at);
    roots[1] = alloc_cons(t, roots[0], NIL);
    collect(1);
    collect(2);
    assert_true(address_of(roots[0]) == at);
    Obj moved = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 50000, NIL);
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, LENGTH, moved);
    at = address_of(roots[0]);
    for (uint64_t i = 0; i < LENGTH; i++) init_field(roots[0], i, obj_of_fix((int64_t)i));
    collect(0);
    assert_true(address_of(roots[0]) < at);
    for (uint64_t i = 0; i < LENGTH; i++) assert_true(eq(obj_slots(roots[0])[i], obj_of_fix((int64_t)i)));
    assert_int_equal(obj_length(car(roots[1])), LENGTH);
}

/* Fills the heap three times with one kind of object; each time the condition is signalled and can be handled. */
static void fill(int kind) {
    for (int64_t i = 0;; i++) {
        Obj x = kind == 0 ? NIL : kind == 1 ? alloc_boxed(t, TYPE_SIMPLE_VECTOR, 100000, NIL) : alloc_raw(t, TYPE_STRING, 1000);
        roots[0] = alloc_cons(t, kind ? x : obj_of_fix(i), roots[0]);
        if (t->event & EVENT_COLLECT) {
            t->event = 0;
            heap_collect_now(t);
        }
    }
}

static void test_exhaustion(void **unused) {
    (void)unused;
    clean();
    heap_set_torture(t->heap, 0);
    for (int kind = 0; kind < 3; kind++) {
        for (int time = 0; time < 3; time++) {
            t->door = &door;
            if (!setjmp(door)) fill(kind);
            while (t->door_reason == DOOR_RETRY) {
                heap_collect(t, 3);
                if (!setjmp(door)) fill(kind);
            }
            assert_true(eq(t->door_args[0], SYM(HEAP_EXHAUSTED)));
            for (int i = 0; i < 1000; i++) roots[1] = alloc_cons(t, NIL, NIL); /* what a handler needs */
            roots[0] = NIL;
            t->event = 0;
            heap_collect_now(t);
        }
    }
    if (!setjmp(door)) {
        alloc_boxed(t, TYPE_SIMPLE_VECTOR, (uint64_t)FIX_MAX, NIL);
        fail();
    }
    if (!setjmp(door)) {
        alloc_raw(t, TYPE_STRING, UINT64_C(1) << 40);
        fail();
    }
    assert_true(eq(t->door_args[0], SYM(HEAP_EXHAUSTED)));
    t->door = NULL;
}

/* -- Shrinking, and what the remembered set costs -- */

static void test_shrink(void **unused) {
    (void)unused;
    clean();
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1000, NIL);
    roots[1] = alloc_cons(t, NIL, NIL);
    collect(2), collect(2), collect(2), collect(2);
    for (uint64_t i = 0; i < 1000; i++) set_field(t, roots[0], i, alloc_cons(t, NIL, NIL));
    heap_shrink(t, roots[0], 10);
    collect(0);
    collect(3);
    assert_int_equal(obj_length(roots[0]), 10);
    for (uint64_t i = 0; i < 10; i++) assert_true(is_cons(obj_slots(roots[0])[i]));
}

static void test_useless_bits(void **unused) {
    (void)unused;
    clean();
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1000, NIL);
    collect(2), collect(2), collect(2), collect(2);
    for (uint64_t i = 0; i < 1000; i++) set_field(t, roots[0], i, alloc_cons(t, NIL, NIL));
    for (uint64_t i = 0; i < 1000; i++) set_field(t, roots[0], i, NIL);
    assert_int_equal(heap_verify(t->heap), 501);
    collect(0);
    assert_int_equal(heap_verify(t->heap), 0);
}

static int setup(void **unused) {
    (void)unused;
    t = calloc(1, sizeof *t);
    t->stack = calloc(1, sizeof(Obj));
    for (int i = 0; i < ROOTS; i++) roots[i] = NIL;
    Heap *heap = heap_create((size_t)LIMIT_MB << 20);
    heap_attach_thread(heap, t);
    heap_add_roots(heap, scan_roots, NULL);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs), cmocka_unit_test(test_ephemeron_chain), cmocka_unit_test(test_moved_keys),
        cmocka_unit_test(test_finalizers),    cmocka_unit_test(test_large_vectors),   cmocka_unit_test(test_shrink),
        cmocka_unit_test(test_useless_bits),  cmocka_unit_test(test_deep_chains),     cmocka_unit_test(test_exhaustion),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
