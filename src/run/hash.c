/* hash.c: hash codes.

   A code has 31 bits and is the same for keys that are the same under the test.  Numbers, characters, symbols and what is made of
   them hash independently of addresses; other objects hash by address, but only where EQ is what compares them and they are the
   key itself: inside a list or an array they count by their type alone, because nobody tells us when they move.

       EQ       fixnums, characters, symbols; all else by address
       EQL      also numbers
       EQUAL    also conses (to a depth and length), strings, bit vectors, pathnames
       EQUALP   numbers as = sees them (their value as a double), characters and strings without case, arrays, structures, hash tables

   A swapped array has the code of the array, and is fetched for it; one that is compared by EQ has its handle's, which never changes.

   SXHASH is the EQUAL code where no address is used. */
#include "run/hash.h"

#include "swap/swap.h"
#include "text/text.h"

#include <math.h>

enum { DEPTH_LIMIT = 4, LENGTH_LIMIT = 16, BITS_LIMIT = 1024 };

static inline uint64_t mix(uint64_t x) { return x * UINT64_C(0x9E3779B97F4A7C15); }
static inline uint32_t fold(uint64_t x) { return (uint32_t)(mix(x) >> 33); }
static inline uint64_t join(uint64_t h, uint64_t x) { return (mix(h) >> 7 ^ x) + UINT64_C(0x632BE59BD9B4E019); }

/* Every kind of object that has parts has a constant of its own. */
static inline uint64_t type_hash(Obj x) { return is_obj(x) ? (uint64_t)obj_type(x) * UINT64_C(0x51ED27) : x.w; }

/* The code of a swapped array is that of the array. */
static uint64_t swapped_hash(Thread *t, Obj handle, int depth, uint64_t (*hash)(Thread *t, Obj x, int depth)) {
    size_t pins = swap_pins(t);
    uint64_t h = hash(t, swap_fetch(t, handle), depth);
    swap_unpin(t, pins);
    return h;
}

/* -- EQUAL -- */

static uint64_t bits_hash(Obj x) {
    Span s;
    uint64_t n = vector_length(x), h = n;
    if (n > BITS_LIMIT) n = BITS_LIMIT;
    if (!span_within(x, n, &s)) return h;
    for (uint64_t i = 0; i < n; i++)
        if (!eq(element_ref(NULL, s.data, s.start + i), obj_of_fix(0))) h = join(h, i);
    return h;
}

static uint64_t equal_hash(Thread *t, Obj x, int depth);

static uint64_t list_hash(Thread *t, Obj x, int depth) {
    uint64_t h = 1;
    if (depth == 0) return h;
    for (int i = 0; is_cons(x) && i < LENGTH_LIMIT; x = cdr(x), i++) h = join(h, equal_hash(t, car(x), depth - 1));
    return is_cons(x) ? h : join(h, equal_hash(t, x, depth - 1));
}

static uint64_t pathname_hash(Thread *t, Obj x, int depth) {
    uint64_t h = 2;
    if (depth == 0) return h;
    for (uint64_t i = 0; i < obj_length(x); i++) h = join(h, equal_hash(t, obj_slots(x)[i], depth - 1));
    return h;
}

static uint64_t equal_hash(Thread *t, Obj x, int depth) {
    if (is_symbol(x)) return symbol_hash(x);
    if (is_list(x)) return list_hash(t, x, depth);
    if (is_string(x)) return string_hash(x);
    if (is_number(x)) return number_hash(x);
    if (is_bit_vector(x)) return bits_hash(x);
    if (has_type(x, TYPE_PATHNAME)) return pathname_hash(t, x, depth);
    if (is_swapped_string(x) || is_swapped_bit_vector(x)) return swapped_hash(t, x, depth, equal_hash);
    return type_hash(x);
}

uint64_t hash_stable(Thread *t, Obj x) {
    if (has_type(x, TYPE_STRUCTURE)) return (uint64_t)fold(equal_hash(t, obj_slots(obj_slots(x)[0])[LAYOUT_NAME], DEPTH_LIMIT));
    return fold(equal_hash(t, x, DEPTH_LIMIT));
}

/* -- EQUALP -- */

static uint64_t double_hash(double d) {
    uint64_t bits;
    if (d == 0) d = 0; /* both zeros alike */
    memcpy(&bits, &d, 8);
    return bits ^ bits >> 32;
}

/* An integer's value, exact when it is a double's. */
static double integer_double(Obj x) {
    if (is_fix(x)) return (double)fix_of_obj(x);
    const uint64_t *limbs = obj_raw(x);
    uint64_t n = obj_length(x);
    double d = 0;
    for (uint64_t i = n > 3 ? n - 3 : 0; i < n; i++) d += ldexp((double)limbs[i], (int)(64 * (i < 1000 ? i : 1000)));
    return obj_flags(x) & BIGNUM_NEGATIVE ? -d : d;
}

/* The same for numbers that are =. */
static uint64_t number_value_hash(Obj x) {
    if (is_single(x)) return double_hash((double)single_of_obj(x));
    if (has_type(x, TYPE_DOUBLE)) return double_hash(double_of_obj(x));
    if (has_type(x, TYPE_COMPLEX)) return number_value_hash(obj_slots(x)[COMPLEX_REAL]);
    if (!has_type(x, TYPE_RATIO)) return double_hash(integer_double(x));
    Obj p = obj_slots(x)[RATIO_NUMERATOR], q = obj_slots(x)[RATIO_DENOMINATOR];
    return both_fix(p, q) ? double_hash(integer_double(p) / integer_double(q)) : 3;
}

static uint64_t equalp_hash(Thread *t, Obj x, int depth);

static uint64_t array_hash(Thread *t, Obj x, int depth) {
    Span s;
    uint64_t n = is_vector(x) ? vector_length(x) : array_total(x), h = n + 5;
    if (n > LENGTH_LIMIT) n = LENGTH_LIMIT;
    if (depth == 0 || !span_within(x, n, &s)) return h;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t e = 0;
        if (s.type == TYPE_U64_VECTOR) e = double_hash((double)((const uint64_t *)obj_raw(s.data))[s.start + i]);
        else if (s.type == TYPE_I64_VECTOR) e = double_hash((double)((const int64_t *)obj_raw(s.data))[s.start + i]);
        else if (s.type == TYPE_DOUBLE_VECTOR) e = double_hash(((const double *)obj_raw(s.data))[s.start + i]);
        else e = equalp_hash(t, element_ref(NULL, s.data, s.start + i), depth - 1);
        h = join(h, e);
    }
    return h;
}

static uint64_t fields_hash(Thread *t, Obj x, uint64_t h, uint64_t from, int depth) {
    uint64_t n = obj_length(x);
    for (uint64_t i = from; depth && i < n && i < LENGTH_LIMIT; i++) h = join(h, equalp_hash(t, obj_slots(x)[i], depth - 1));
    return h;
}

static uint64_t equalp_hash(Thread *t, Obj x, int depth) {
    if (is_symbol(x)) return symbol_hash(x);
    if (is_char(x)) return char_fold(char_of_obj(x)) * 31u + 7;
    if (is_number(x)) return number_value_hash(x);
    if (is_list(x)) {
        uint64_t h = 1;
        for (int i = 0; depth && is_cons(x) && i < LENGTH_LIMIT; x = cdr(x), i++) h = join(h, equalp_hash(t, car(x), depth - 1));
        return h;
    }
    if (is_array(x)) return array_hash(t, x, depth);
    if (has_type(x, TYPE_STRUCTURE)) return fields_hash(t, x, symbol_hash(obj_slots(obj_slots(x)[0])[LAYOUT_NAME]), STRUCTURE_FIELDS, depth);
    if (has_type(x, TYPE_PATHNAME)) return fields_hash(t, x, 2, 0, depth);
    if (has_type(x, TYPE_HASH_TABLE)) return 11;
    if (is_handle(x)) return swapped_hash(t, x, depth, equalp_hash);
    return type_hash(x);
}

/* -- By test -- */

/* Keeps runs of 256 numbers or of 256 addresses together, so keys that are used one after another share cache lines of the index. */
static inline uint32_t fold_near(uint64_t x) { return fold(x >> 8) ^ (uint32_t)(x & 255); }

uint32_t hash_address(Obj key) { return fold_near(key.w >> 4); }

static uint32_t hash_word(Obj key, bool *by_address) {
    if (is_symbol(key)) return fold(symbol_hash(key));
    if (!is_ref(key)) return fold_near(key.w >> 2);
    *by_address = true;
    return hash_address(key);
}

/* What EQUALP compares by parts or by value. */
static bool is_equalp_by_parts(Obj key) {
    return !is_obj(key) || is_number(key) || is_array(key) || is_symbol(key) || has_type(key, TYPE_STRUCTURE) || has_type(key, TYPE_PATHNAME) ||
           has_type(key, TYPE_HASH_TABLE);
}

bool hashed_by_address(Test test, Obj key) {
    if (!is_ref(key) || is_symbol(key)) return false;
    switch (test) {
    case TEST_EQ: return true;
    case TEST_EQL: return !is_number(key);
    case TEST_EQUAL: return test_is_eq(TEST_EQUAL, key);
    default: return !is_equalp_by_parts(key);
    }
}

uint32_t hash_key(Thread *t, Test test, Obj key, bool *by_address) {
    if (is_fix(key) && test != TEST_EQUALP) return fold_near(key.w >> 2);
    switch (test) {
    case TEST_EQ: return hash_word(key, by_address);
    case TEST_EQL: return is_obj(key) && is_number(key) ? fold(number_hash(key)) : hash_word(key, by_address);
    case TEST_EQUAL: return test_is_eq(TEST_EQUAL, key) ? hash_word(key, by_address) : fold(equal_hash(t, key, DEPTH_LIMIT));
    default: return is_equalp_by_parts(key) ? fold(equalp_hash(t, key, DEPTH_LIMIT)) : hash_word(key, by_address);
    }
}
