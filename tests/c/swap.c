/* swap.c: swapped arrays against a plain model.

   Slots of a root vector hold handles.  Each stands for a pointer array (fixnums, strings, handles of other slots' arrays, references to itself by way of a
   second part) or for bytes, and the model knows what is in it.  Between random stores, collections of random generations, evictions, sizes of the
   buffer and levels of compression every array must be found as it was; after a full collection exactly the arrays that the model finds reachable exist.

   HEAP_SEED sets the seed, HEAP_ROUNDS the number of rounds. */
#include "swap/swap.h"
#include "random.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 60, WORDS = 300, STRINGS = 8, OTHERS = 16 };

static Thread *t;
static World *world;
static Obj roots[1];

/* What is in the array of a slot.  Words: a number n below 256 is a string that says n, else a fixnum; `other[i]` is the array that word i refers to, or 0. */
typedef struct Model {
    uint32_t serial, length; /* 0: none */
    bool bytes;
    uint32_t words[WORDS], other[OTHERS];
} Model;
static Model model[SLOTS];
static Model past[4096]; /* by serial: arrays that are reachable from others though no slot has them any more */
static uint32_t serial;

static void scan_roots(Thread *thread, void *data, RootVisitor visit, void *visitor) {
    (void)thread;
    (void)data;
    visit(visitor, roots, 1, "test roots");
}

/* -- Words -- */

static Obj word_make(uint32_t n) {
    if (n >= 256) return obj_of_fix(n);
    Obj s = alloc_raw(t, TYPE_U8_VECTOR, STRINGS);
    memset(obj_raw(s), (int)n, STRINGS);
    return below(2) ? s : alloc_cons(t, s, obj_of_fix(n));
}

static void word_check(Obj x, uint32_t n) {
    if (n >= 256) {
        assert_true(eq(x, obj_of_fix(n)));
        return;
    }
    if (is_cons(x)) {
        assert_true(eq(cdr(x), obj_of_fix(n)));
        x = car(x);
    }
    assert_true(has_type(x, TYPE_U8_VECTOR) && obj_length(x) == STRINGS);
    for (int i = 0; i < STRINGS; i++) assert_int_equal(((uint8_t *)obj_raw(x))[i], n);
}

/* -- Arrays -- */

static Obj slot(uint32_t k) { return obj_slots(roots[0])[k]; }

static Obj fetch(Obj handle) {
    SwapFault fault;
    swap_begin(t);
    assert_true(swap_try(t, handle, &fault));
    return swap_object(swap_entry(t, handle));
}

/* A pointer array has a second part, a vector of the others and of the array itself. */
static void array_make(uint32_t k) {
    Model *m = &model[k];
    SwapFault fault;
    *m = (Model){.serial = ++serial, .length = 1 + below(below(4) ? 30 : WORDS), .bytes = below(4) == 0};
    Obj parts[2] = {m->bytes ? alloc_raw(t, TYPE_U8_VECTOR, m->length) : alloc_boxed(t, TYPE_SIMPLE_VECTOR, (uint64_t)m->length + 1, NIL), NIL};
    for (uint32_t i = 0; i < m->length; i++) {
        m->words[i] = below(m->bytes ? 256 : 400);
        if (m->bytes) ((uint8_t *)obj_raw(parts[0]))[i] = (uint8_t)m->words[i];
        else init_field(parts[0], i, word_make(m->words[i]));
    }
    if (!m->bytes) {
        parts[1] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, OTHERS + 1, NIL);
        for (uint32_t i = 0; i < OTHERS; i++) {
            uint32_t other = below(SLOTS * 4);
            if (other >= SLOTS || other == k || !model[other].serial) continue;
            m->other[i] = model[other].serial;
            init_field(parts[1], i, slot(other));
        }
        init_field(parts[1], OTHERS, parts[0]);
        init_field(parts[0], m->length, parts[1]);
    }
    Obj handle = swap_store(t, obj_type(parts[0]), true, parts, m->bytes ? 1 : 2, m->serial, 0, &fault);
    assert_int_equal(fault, SWAP_FINE);
    set_field(t, roots[0], k, handle);
    past[m->serial % COUNT_OF(past)] = *m;
}

static void array_check(Obj handle, const Model *m, int depth) {
    assert_int_equal(swap_entry(t, handle)->note, m->serial);
    Obj x = fetch(handle);
    assert_true(eq(swap_handle_of(t, x), handle));
    if (m->bytes) {
        for (uint32_t i = 0; i < m->length; i++) assert_int_equal(((uint8_t *)obj_raw(x))[i], m->words[i]);
        return;
    }
    assert_int_equal(obj_length(x), m->length + 1);
    for (uint32_t i = 0; i < m->length; i++) word_check(obj_slots(x)[i], m->words[i]);
    Obj second = obj_slots(x)[m->length], others[OTHERS];
    assert_true(eq(obj_slots(second)[OTHERS], x));
    memcpy(others, obj_slots(second), sizeof others);
    for (uint32_t i = 0; i < OTHERS; i++) {
        assert_true(m->other[i] ? is_handle(others[i]) : is_nil(others[i]));
        if (m->other[i] && depth) array_check(others[i], &past[m->other[i] % COUNT_OF(past)], depth - 1);
    }
}

static void array_store(uint32_t k) {
    Model *m = &model[k];
    if (!m->serial) return;
    Obj x = fetch(slot(k));
    for (uint32_t n = below(5); n-- > 0;) {
        uint32_t i = below(m->length);
        m->words[i] = below(m->bytes ? 256 : 400);
        if (m->bytes) ((uint8_t *)obj_raw(x))[i] = (uint8_t)m->words[i];
        else set_field(t, x, i, word_make(m->words[i]));
    }
    past[m->serial % COUNT_OF(past)] = *m;
}

/* -- Rounds -- */

static void reach(const Model *m, bool *seen) {
    if (seen[m->serial % COUNT_OF(past)]) return;
    seen[m->serial % COUNT_OF(past)] = true;
    for (uint32_t i = 0; !m->bytes && i < OTHERS; i++)
        if (m->other[i]) reach(&past[m->other[i] % COUNT_OF(past)], seen);
}

static uint64_t reachable(void) {
    static bool seen[COUNT_OF(past)];
    uint64_t count = 0;
    memset(seen, 0, sizeof seen);
    for (uint32_t k = 0; k < SLOTS; k++)
        if (model[k].serial) reach(&model[k], seen);
    for (size_t i = 0; i < COUNT_OF(past); i++) count += seen[i];
    return count;
}

static void act(void) {
    static const int levels[] = {0, -1, 1, 9};
    switch (below(9)) {
    case 0: assert_int_equal(swap_evict_all(t, true), SWAP_FINE); break;
    case 1: assert_int_equal(swap_set_buffer(t, 2 + below(30)), SWAP_FINE); break;
    case 2:
        heap_collect(t, 3);
        assert_int_equal(swap_statistics(t).arrays, reachable());
        break;
    case 3: heap_verify(t->heap); break;
    case 4: assert_true(swap_set_compression(t, levels[below(COUNT_OF(levels))])); break;
    default: heap_collect(t, (int)below(4)); break;
    }
}

static void test_random(void **unused) {
    (void)unused;
    int rounds = getenv("HEAP_ROUNDS") ? atoi(getenv("HEAP_ROUNDS")) : 600;
    random_begin();
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, SLOTS, NIL);
    uint64_t most_packed = 0;
    for (int round = 0; round < rounds; round++) {
        heap_set_torture(t->heap, below(3) ? 0 : TORTURE_MOVE);
        for (uint32_t i = below(10); i-- > 0;) array_make(below(SLOTS));
        for (uint32_t i = below(20); i-- > 0;) array_store(below(SLOTS));
        if (below(4) == 0) {
            uint32_t k = below(SLOTS);
            model[k].serial = 0;
            set_field(t, roots[0], k, NIL);
        }
        act();
        for (uint32_t i = 0; i < 20; i++) {
            uint32_t k = below(SLOTS);
            if (model[k].serial) array_check(slot(k), &model[k], 2);
        }
        if (swap_statistics(t).packed > most_packed) most_packed = swap_statistics(t).packed;
    }
    if (rounds >= 100) assert_in_range(most_packed, 10, UINT32_MAX);
    swap_set_compression(t, 0);
    heap_set_torture(t->heap, 0);
    for (uint32_t k = 0; k < SLOTS; k++)
        if (model[k].serial) array_check(slot(k), &model[k], 1);
    roots[0] = NIL;
    heap_collect(t, 3);
    assert_int_equal(swap_statistics(t).arrays, 0);
    assert_int_equal(swap_statistics(t).garbage, 0);
    memset(model, 0, sizeof model);
}

/* Pins: what has been fetched stays while there is room for more, and a fault says so when there is not. */
static void test_pins(void **unused) {
    (void)unused;
    enum { COUNT = 40 };
    SwapFault fault;
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, COUNT, NIL);
    for (uint32_t i = 0; i < COUNT; i++) {
        Obj v = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 127, obj_of_fix(i));
        set_field(t, roots[0], i, swap_store(t, TYPE_SIMPLE_VECTOR, true, &v, 1, i, 0, &fault));
    }
    assert_int_equal(swap_set_buffer(t, 4), SWAP_FINE);
    swap_begin(t);
    uint32_t fit = 0;
    while (fit < COUNT && swap_try(t, slot(fit), &fault)) fit++;
    assert_int_equal(fit, 4 * 4096 / (1024 + 16));
    assert_int_equal(fault, SWAP_TOO_BIG);
    for (uint32_t i = 0; i < fit; i++) assert_true(eq(obj_slots(swap_object(swap_entry(t, slot(i))))[126], obj_of_fix(i)));
    swap_unpin(t, 3);
    assert_true(swap_try(t, slot(COUNT - 1), &fault));
    for (uint32_t i = 0; i < 3; i++) assert_non_null(swap_entry(t, slot(i))->place);
    assert_null(swap_entry(t, slot(3))->place); /* of those that are free to go, the one that was used longest ago */
    swap_begin(t);
    assert_int_equal(swap_set_buffer(t, 0), SWAP_FINE);
    assert_false(swap_try(t, slot(0), &fault));
    assert_int_equal(fault, SWAP_NO_BUFFER);
    roots[0] = NIL;
    swap_set_buffer(t, 64);
}

/* An array that gets other parts. */
static void test_replace(void **unused) {
    (void)unused;
    SwapFault fault;
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1, NIL);
    Obj small = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 3, obj_of_fix(1)), large = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 5000, obj_of_fix(2));
    Obj handle = swap_store(t, TYPE_SIMPLE_VECTOR, true, &small, 1, 0, 0, &fault);
    set_field(t, roots[0], 0, handle);
    fetch(handle);
    assert_int_equal(swap_replace(t, handle, &large, 1), SWAP_FINE);
    assert_null(swap_entry(t, handle)->place);
    Obj x = fetch(handle);
    assert_int_equal(obj_length(x), 5000);
    assert_true(eq(obj_slots(x)[4999], obj_of_fix(2)));
    Obj copy = swap_copy(t, handle, NULL, &fault);
    assert_true(heap_contains(t->heap, obj_words(copy)) && obj_length(copy) == 5000 && eq(obj_slots(copy)[0], obj_of_fix(2)));
    roots[0] = NIL;
    heap_collect(t, 3);
    assert_false(swap_is_valid(t, handle));
}

/* -- Compression -- */

enum { TEXTS = 300, TEXT_BYTES = 400 };

/* Texts of words that are alike, but none the same. */
static void texts_make(char *texts, size_t *sizes) {
    static const char *const words[] = {"CAR ", "CDR ", "LAMBDA ", "THE-LONGER-NAME ", "X ", "((", "))", "0.5d0 "};
    for (uint32_t i = 0; i < TEXTS; i++) {
        char *p = texts + i * TEXT_BYTES, *end = p + TEXT_BYTES;
        while (p < end) {
            const char *w = words[below(COUNT_OF(words))];
            size_t n = strlen(w) < (size_t)(end - p) ? strlen(w) : (size_t)(end - p);
            memcpy(p, w, n);
            p += n;
        }
        sizes[i] = TEXT_BYTES;
    }
}

/* Frames with a dictionary: shorter than without; whole, cut, with one bit changed, read with another dictionary. */
static void test_frames(void **unused) {
    (void)unused;
    static char texts[TEXTS * TEXT_BYTES], dictionary[4096], second[4096], frame[TEXT_BYTES], without[TEXT_BYTES], back[TEXT_BYTES];
    static size_t sizes[TEXTS];
    state = 12345;
    texts_make(texts, sizes);
    Packer *p = packer_open(3);
    Unpacker *u = unpacker_make();
    assert_non_null(p);
    size_t bytes = packer_train(p, 1, dictionary, sizeof dictionary, texts, sizes, TEXTS), plain = packer_pack(p, without, sizeof without, texts, TEXT_BYTES);
    assert_true(bytes && plain && packer_use(p, dictionary, bytes, 3));
    size_t n = packer_pack(p, frame, sizeof frame, texts, TEXT_BYTES);
    assert_in_range(n, 1, plain - 1);
    assert_false(unpacker_unpack(u, back, TEXT_BYTES, frame, n)); /* the dictionary is not known yet */
    assert_true(unpacker_unpack(u, back, TEXT_BYTES, without, plain));
    assert_true(unpacker_add(u, dictionary, bytes));
    assert_false(unpacker_add(u, dictionary, bytes)); /* its number is not the next one */
    assert_false(unpacker_add(u, texts, 4096));
    assert_true(unpacker_unpack(u, back, TEXT_BYTES, frame, sizeof frame) && !memcmp(back, texts, TEXT_BYTES));
    assert_true(unpacker_unpack(u, back, TEXT_BYTES, without, plain) && !memcmp(back, texts, TEXT_BYTES));
    assert_false(unpacker_unpack(u, back, TEXT_BYTES - 1, frame, n));
    for (size_t cut = 0; cut < n; cut++) assert_false(unpacker_unpack(u, back, TEXT_BYTES, frame, cut));
    for (size_t bit = 0; bit < 8 * n; bit++) { /* unpacked to something else, or refused; under the sanitizers too */
        frame[bit / 8] = (char)(frame[bit / 8] ^ 1 << bit % 8);
        (void)unpacker_unpack(u, back, TEXT_BYTES, frame, n);
        frame[bit / 8] = (char)(frame[bit / 8] ^ 1 << bit % 8);
    }
    size_t more = packer_train(p, 2, second, sizeof second, texts, sizes, TEXTS / 2);
    assert_true(more && unpacker_add(u, second, more));
    assert_true(unpacker_unpack(u, back, TEXT_BYTES, frame, n) && !memcmp(back, texts, TEXT_BYTES));
    assert_int_equal(packer_train(p, 3, second, sizeof second, texts, sizes, 1), 0); /* too few */
    packer_close(p);
    unpacker_free(u);
}

/* What is stored compressed takes less room; what cannot become shorter is stored as it is; dictionaries are trained when there is enough to train them from. */
static void test_compression(void **unused) {
    (void)unused;
    enum { COUNT = 400, LENGTH = 100 };
    SwapFault fault;
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, COUNT, NIL);
    assert_true(swap_set_compression(t, -1));
    assert_int_equal(swap_compression(t), 3);
    for (uint32_t i = 0; i < COUNT; i++) {
        bool noise = i % 4 == 3;
        Obj v = alloc_raw(t, TYPE_U8_VECTOR, 8 * LENGTH);
        uint64_t *words = (uint64_t *)obj_raw(v);
        for (uint32_t k = 0; k < LENGTH; k++) words[k] = noise ? (uint64_t)below(1 << 30) * below(1 << 30) * 7919 ^ (uint64_t)below(1 << 30) << 34 : (uint64_t)i * k;
        Obj handle = swap_store(t, TYPE_U8_VECTOR, true, &v, 1, i, 0, &fault);
        set_field(t, roots[0], i, handle);
        const SwapEntry *e = swap_entry(t, handle);
        assert_true(noise ? !(e->flags & SWAP_PACKED) && e->stored == e->size : e->flags & SWAP_PACKED && e->stored < e->size);
    }
    SwapStatistics st = swap_statistics(t);
    assert_int_equal(st.packed, COUNT * 3 / 4);
    assert_true(st.stored < st.bytes);
    assert_int_equal(swap_evict_all(t, true), SWAP_FINE);
    for (uint32_t i = 0; i < COUNT; i += 4)
        for (uint32_t k = 0; k < LENGTH; k++) assert_int_equal(((uint64_t *)obj_raw(fetch(slot(i))))[k], (uint64_t)i * k);
    ((uint64_t *)obj_raw(fetch(slot(0))))[5] = 77; /* written back as it is when compression is off again */
    assert_true(swap_set_compression(t, 0));
    assert_int_equal(swap_evict_all(t, true), SWAP_FINE);
    assert_int_equal(swap_statistics(t).packed, COUNT * 3 / 4 - 1);
    assert_int_equal(((uint64_t *)obj_raw(fetch(slot(0))))[5], 77);
    roots[0] = NIL;
    heap_collect(t, 3);
    assert_int_equal(swap_statistics(t).arrays, 0);
}

/* The pair of words of number i: what a function has. */
static Obj *pair(uint32_t i) { return obj_slots(slot(i)); }

static void no_loans(Obj *words) { assert_true(is_handle(words[0]) && eq(words[0], words[1])); }

static void count_lent(void *data, Obj x) {
    if (has_type(x, TYPE_SIMPLE_VECTOR) && obj_length(x) == 2 && !is_handle(obj_slots(x)[0])) ++*(uint32_t *)data;
}

/* Words that were lent are the places of the array that their handle stands for, and handles again after a fetch, an eviction, a collection, a look at all objects, or when too many
   are lent.  Two pairs share each array. */
static void test_loans(void **unused) {
    (void)unused;
    enum { PAIRS = 40, LENGTH = 60 };
    SwapFault fault;
    Obj handles[PAIRS];
    assert_int_equal(swap_set_buffer(t, 3), SWAP_FINE);
    roots[0] = alloc_boxed(t, TYPE_SIMPLE_VECTOR, PAIRS, NIL);
    for (uint32_t i = 0; i < PAIRS; i++) {
        if (i % 2 == 0) {
            Obj parts[] = {alloc_boxed(t, TYPE_SIMPLE_VECTOR, 1 + i, obj_of_fix(i)), alloc_raw(t, TYPE_CODE, LENGTH)};
            ((uint64_t *)obj_raw(parts[1]))[LENGTH - 1] = i;
            handles[i] = handles[i + 1] = swap_store(t, (Type)0, false, parts, 2, i, SWAP_CONSTANT, &fault);
        }
        set_field(t, roots[0], i, alloc_boxed(t, TYPE_SIMPLE_VECTOR, 2, handles[i]));
    }
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t i = below(PAIRS), lent = 0;
        uint64_t fetches = swap_statistics(t).fetches;
        if (is_handle(pair(i)[0])) {
            no_loans(pair(i));
            const SwapEntry *e = swap_enter(t, handles[i], below(2));
            assert_non_null(e);
            if (swap_statistics(t).fetches != fetches)
                for (uint32_t k = 0; k < PAIRS; k++) no_loans(pair(k));
            swap_lend(t, e, pair(i));
        }
        assert_int_equal(((uint64_t *)obj_raw(pair(i)[0]))[LENGTH - 1], i & ~1u);
        assert_true(obj_length(pair(i)[1]) == 1 + (i & ~1u) && eq(obj_slots(pair(i)[1])[0], obj_of_fix(i & ~1u)));
        assert_true(eq(swap_handle_of(t, pair(i)[1]), handles[i]));
        switch (below(40)) {
        case 0: heap_collect(t, (int)below(4)); break;
        case 1: assert_int_equal(swap_evict_all(t, below(2)), SWAP_FINE); break;
        case 2: assert_int_equal(swap_set_buffer(t, 2 + below(3)), SWAP_FINE); break;
        case 3: swap_count_hits(t, true); break;
        case 4: heap_verify(t->heap); break;
        case 5:
            heap_each_object(t->heap, count_lent, &lent);
            assert_int_equal(lent, 0);
            break;
        default: continue;
        }
        for (uint32_t k = 0; k < PAIRS; k++) no_loans(pair(k));
        if (swap_count_hits(t, false)) { /* nothing is lent then */
            swap_count_hits(t, true);
            swap_lend(t, swap_enter(t, handles[i], false), pair(i));
            no_loans(pair(i));
            swap_count_hits(t, false);
        }
    }
    for (uint32_t n = 0; n < 10000; n++) { /* more than may be lent */
        Obj many = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 2, handles[0]);
        const SwapEntry *e = swap_enter(t, handles[0], false);
        swap_lend(t, e, obj_slots(many));
        assert_true(eq(obj_slots(many)[0], swap_raw_object(e)));
    }
    roots[0] = NIL;
    heap_collect(t, 3);
    assert_int_equal(swap_statistics(t).arrays, 0);
}

static int set_up(void **unused) {
    (void)unused;
    static World w;
    world = &w;
    w.heap = heap_create(64 << 20);
    static Thread thread;
    t = &thread;
    t->world = world;
    w.thread = t;
    heap_attach_thread(w.heap, t);
    heap_add_roots(w.heap, scan_roots, NULL);
    roots[0] = NIL;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_pins), cmocka_unit_test(test_replace), cmocka_unit_test(test_loans), cmocka_unit_test(test_frames), cmocka_unit_test(test_compression)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
