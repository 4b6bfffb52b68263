/* equal.c: EQUAL and EQUALP (CLHS 5.3), and which function stands for which test.

   Both walk two objects in step without recursion in C: what remains to be compared is a stack of frames, small on the C stack
   and in malloc'ed memory when structures nest deeply in their CARs.  A frame is a pair of objects and the index of the next
   pair of parts to compare; along CDRs the walk needs no frame, so long lists cost nothing.

   Limit: circular structures that are equal never end, as the standard allows. */
#include "run/equal.h"

#include "run/hash.h"
#include "run/run.h"
#include "text/text.h"

#include <stdlib.h>

/* -- The stack of what remains -- */

typedef struct Frame {
    Obj a, b;
    uint64_t next;
} Frame;

enum { FRAMES_ON_STACK = 32 };

typedef struct Rest {
    Frame *frames;
    size_t count, size;
    Frame first[FRAMES_ON_STACK];
} Rest;

static void rest_init(Rest *r) {
    r->frames = r->first;
    r->count = 0;
    r->size = FRAMES_ON_STACK;
}

static void rest_free(Rest *r) {
    if (r->frames != r->first) free(r->frames);
}

static void rest_push(Rest *r, Obj a, Obj b) {
    if (r->count == r->size) {
        Frame *more = malloc(2 * r->size * sizeof *more);
        must(more);
        memcpy(more, r->frames, r->count * sizeof *more);
        rest_free(r);
        r->frames = more;
        r->size *= 2;
    }
    r->frames[r->count++] = (Frame){a, b, 0};
}

/* -- EQUAL -- */

static inline uint64_t span_bit(Span s, uint64_t i) {
    return ((const uint64_t *)obj_raw(s.data))[(s.start + i) >> 6] >> ((s.start + i) & 63) & 1;
}

static bool bits_equal(Obj a, Obj b) {
    Span x, y;
    uint64_t n = vector_length(a);
    if (n != vector_length(b) || !span_within(a, n, &x) || !span_within(b, n, &y)) return false;
    for (uint64_t i = 0; i < n; i++)
        if (span_bit(x, i) != span_bit(y, i)) return false;
    return true;
}

static bool any_strings_equal(Obj a, Obj b) {
    Span x, y;
    if (is_simple_string(a) && is_simple_string(b)) return strings_equal(a, b);
    uint64_t n = vector_length(a);
    if (n != vector_length(b) || !span_within(a, n, &x) || !span_within(b, n, &y)) return false;
    for (uint64_t i = 0; i < n; i++)
        if (simple_string_char(x.data, x.start + i) != simple_string_char(y.data, y.start + i)) return false;
    return true;
}

static bool is_equal_by_elements(Obj x) { return is_string(x) || is_bit_vector(x) || is_swapped_string(x) || is_swapped_bit_vector(x); }

/* EQUAL of two words of which not both are conses; pathnames are compared by frames. */
static bool atoms_equal(Thread *t, Obj a, Obj b) {
    if (eq(a, b)) return true;
    if (UNLIKELY(is_handle(a) || is_handle(b))) {
        if (!is_equal_by_elements(a) || !is_equal_by_elements(b)) return false;
        size_t pins = swap_pins(t);
        bool same = atoms_equal(t, array_behind(t, a), array_behind(t, b));
        swap_unpin(t, pins);
        return same;
    }
    if (!is_obj(a) || !is_obj(b)) return false;
    if (is_string(a)) return is_string(b) && any_strings_equal(a, b);
    if (is_bit_vector(a)) return is_bit_vector(b) && bits_equal(a, b);
    return number_eql(a, b);
}

static bool both_pathnames(Obj a, Obj b) { return has_type(a, TYPE_PATHNAME) && has_type(b, TYPE_PATHNAME); }

/* Compares a and b as far as it can without descending; what it must descend into goes to the stack. */
static bool equal_step(Thread *t, Rest *r, Obj a, Obj b) {
    for (; is_cons(a) && is_cons(b) && !eq(a, b); a = cdr(a), b = cdr(b)) {
        Obj x = car(a), y = car(b);
        if ((is_cons(x) && is_cons(y)) || both_pathnames(x, y)) {
            if (eq(x, y)) continue;
            rest_push(r, cdr(a), cdr(b));
            rest_push(r, x, y);
            return true;
        }
        if (!atoms_equal(t, x, y)) return false;
    }
    if (!eq(a, b) && both_pathnames(a, b) && obj_length(a) == obj_length(b)) {
        for (uint64_t i = 0; i < obj_length(a); i++) rest_push(r, obj_slots(a)[i], obj_slots(b)[i]);
        return true;
    }
    return atoms_equal(t, a, b);
}

bool obj_equal(Thread *t, Obj a, Obj b) {
    if (!(is_cons(a) && is_cons(b)) && !both_pathnames(a, b)) return atoms_equal(t, a, b);
    Rest r;
    rest_init(&r);
    bool same = equal_step(t, &r, a, b);
    while (same && r.count) {
        Frame f = r.frames[--r.count];
        same = equal_step(t, &r, f.a, f.b);
    }
    rest_free(&r);
    return same;
}

/* -- EQUALP -- */

uint32_t char_fold(uint32_t code) { return code_downcase(code); }

static bool dimensions_equal(Obj a, Obj b) {
    bool va = is_vector(a), vb = is_vector(b);
    if (va || vb) return va && vb && vector_length(a) == vector_length(b);
    uint64_t rank = array_rank(a);
    if (rank != array_rank(b)) return false;
    for (uint64_t i = 0; i < rank; i++)
        if (!eq(obj_slots(a)[ARRAY_DIMENSIONS + i], obj_slots(b)[ARRAY_DIMENSIONS + i])) return false;
    return true;
}

/* Whether two objects have parts that EQUALP compares one by one, and equally many of them. */
static bool same_shape(Obj a, Obj b) {
    if (is_cons(a)) return is_cons(b);
    if (!is_obj(a) || !is_obj(b)) return false;
    if (is_array(a)) return is_array(b) && dimensions_equal(a, b);
    if (obj_type(a) != obj_type(b)) return false;
    if (obj_type(a) == TYPE_STRUCTURE) return eq(obj_slots(a)[0], obj_slots(b)[0]);
    return obj_type(a) == TYPE_PATHNAME && obj_length(a) == obj_length(b);
}

static bool atoms_equalp(Thread *t, Obj a, Obj b) {
    if (eq(a, b)) return true;
    if (is_char(a)) return is_char(b) && char_fold(char_of_obj(a)) == char_fold(char_of_obj(b));
    if (is_number(a)) return is_number(b) && number_equal(t, a, b);
    return false;
}

/* Part i of an object that `same_shape` knows; false when there is none. */
static bool part(Thread *t, Obj x, uint64_t i, Obj *out) {
    if (is_array(x)) {
        if (i >= (is_vector(x) ? vector_length(x) : array_total(x))) return false;
        *out = row_major_ref(t, x, i);
        return true;
    }
    if (i >= obj_length(x)) return false;
    *out = obj_slots(x)[i];
    return true;
}

static bool simple_strings_equalp(Obj a, Obj b) {
    for (uint64_t i = 0; i < obj_length(a); i++) {
        uint32_t x = simple_string_char(a, i), y = simple_string_char(b, i);
        if (x != y && char_fold(x) != char_fold(y)) return false;
    }
    return true;
}

/* Tables with a user's test are equal to themselves only, for no leaf can search them. */
static bool tables_equalp(Thread *t, Obj a, Obj b) {
    Obj key, x, y, kind = obj_slots(a)[HASH_TABLE_KIND];
    if (!eq(kind, obj_slots(b)[HASH_TABLE_KIND]) || eq(kind, obj_of_fix(TEST_OTHER)) || table_count(t, a) != table_count(t, b)) return false;
    for (int64_t i = table_next(t, a, 0, &key, &x); i != NO_ENTRY; i = table_next(t, a, (uint64_t)i + 1, &key, &x))
        if (!table_get(t, b, key, &y) || !obj_equalp(t, x, y)) return false;
    return true;
}

/* Compares the tails or remaining parts of the frame on top, pushing what it must descend into.  a and b are the frame's arrays; the frame
   itself keeps handles. */
static bool parts_equalp(Thread *t, Rest *r, Frame f, Obj a, Obj b) {
    Obj x, y;
    if (is_cons(a) && is_cons(b)) {
        rest_push(r, cdr(a), cdr(b));
        rest_push(r, car(a), car(b));
        return true;
    }
    if (has_type(a, TYPE_HASH_TABLE)) return has_type(b, TYPE_HASH_TABLE) && tables_equalp(t, a, b);
    if (!same_shape(a, b)) return atoms_equalp(t, a, b);
    if (is_simple_string(a) && is_simple_string(b)) return simple_strings_equalp(a, b);
    for (uint64_t i = f.next; part(t, a, i, &x) && part(t, b, i, &y); i++) {
        if (atoms_equalp(t, x, y)) continue;
        if (is_char(x) || is_number(x)) return false;
        rest_push(r, f.a, f.b);
        r->frames[r->count - 1].next = i + 1;
        rest_push(r, x, y);
        return true;
    }
    return true;
}

static bool equalp_step(Thread *t, Rest *r) {
    Frame f = r->frames[--r->count];
    if (eq(f.a, f.b)) return true;
    if (LIKELY(!is_handle(f.a) && !is_handle(f.b))) return parts_equalp(t, r, f, f.a, f.b);
    size_t pins = swap_pins(t);
    bool same = parts_equalp(t, r, f, array_behind(t, f.a), array_behind(t, f.b));
    swap_unpin(t, pins);
    return same;
}

static bool has_parts(Obj x) { return is_ref(x) || is_handle(x); }

bool obj_equalp(Thread *t, Obj a, Obj b) {
    if (!has_parts(a) || !has_parts(b)) return atoms_equalp(t, a, b);
    Rest r;
    rest_init(&r);
    rest_push(&r, a, b);
    bool same = true;
    while (same && r.count) same = equalp_step(t, &r);
    rest_free(&r);
    return same;
}

/* -- Tests as arguments -- */

Test test_of_function(Obj f) {
    static const Obj names[] = {SYM(EQL), SYM(EQ), SYM(EQUAL), SYM(EQUALP)};
    if (is_nil(f)) return TEST_EQL;
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (eq(f, names[i]) || eq(f, symbol_slots(names[i])[SYMBOL_FUNCTION])) return (Test)i;
    return TEST_OTHER;
}

bool test_is_eq(Test test, Obj x) {
    if (test == TEST_EQ) return true;
    if (test == TEST_EQUALP || test == TEST_OTHER) return is_symbol(x);
    if (!is_obj(x)) return test == TEST_EQL || !(is_cons(x) || is_swapped_string(x) || is_swapped_bit_vector(x));
    Type type = obj_type(x);
    if (test == TEST_EQL) return !is_number(x);
    return !is_number(x) && !is_array(x) && type != TYPE_PATHNAME;
}
