/* hash.c: hash codes.

   A code has 31 bits and is the same for keys that are the same under the test.  Numbers, characters, symbols and what is made of
   them hash independently of addresses; other objects hash by address, but only where EQ is what compares them and they are the
   key itself: inside a list or an array they count by their type alone, because nobody tells us when they move.

       EQ       fixnums, characters, symbols; all else by address
       EQL      also numbers
       EQUAL    also conses (to a depth and length), strings, bit vectors, pathnames
       EQUALP   numbers as = sees them (their value as a double), characters and strings without case, arrays, structures, hash tables

   SXHASH is the EQUAL code where no address is used. */
#include "run/hash.h"

#include "text/text.h"

#include <math.h>

enum { DEPTH_LIMIT = 4, LENGTH_LIMIT = 16, BITS_LIMIT = 1024 };

static inline uint64_t mix(uint64_t x) { return x * UINT64_C(0x9E3779B97F4A7C15); }
static inline uint32_t fold(uint64_t x) { return (uint32_t)(mix(x) >> 33); }
static inline uint64_t join(uint64_t h, uint64_t x) { return (mix(h) >> 7 ^ x) + UINT64_C(0x632BE59BD9B4E019); }

/* Every kind of object that has parts has a constant of its own. */
static inline uint64_t type_hash(Obj x) { return is_obj(x) ? (uint64_t)obj_type(x) * UINT64_C(0x51ED27) : x.w; }

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

static uint64_t equal_hash(Obj x, int depth);

static uint64_t list_hash(Obj x, int depth) {
    uint64_t h = 1;
    if (depth == 0) return h;
    for (int i = 0; is_cons(x) && i < LENGTH_LIMIT; x = cdr(x), i++) h = join(h, equal_hash(car(x), depth - 1));
    return is_cons(x) ? h : join(h, equal_hash(x, depth - 1));
}

static uint64_t pathname_hash(Obj x, int depth) {
    uint64_t h = 2;
    if (depth == 0) return h;
    for (uint64_t i = 0; i < obj_length(x); i++) h = join(h, equal_hash(obj_slots(x)[i], depth - 1));
    return h;
}

static uint64_t equal_hash(Obj x, int depth) {
    if (is_symbol(x)) return symbol_hash(x);
    if (is_list(x)) return list_hash(x, depth);
    if (!is_obj(x)) return x.w;
    if (is_string(x)) return string_hash(x);
    if (is_number(x)) return number_hash(x);
    if (is_bit_vector(x)) return bits_hash(x);
    if (has_type(x, TYPE_PATHNAME)) return pathname_hash(x, depth);
    return type_hash(x);
}

uint64_t hash_stable(Obj x) {
    if (has_type(x, TYPE_STRUCTURE)) return (uint64_t)fold(equal_hash(obj_slots(obj_slots(x)[0])[LAYOUT_NAME], DEPTH_LIMIT));
    return fold(equal_hash(x, DEPTH_LIMIT));
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

static uint64_t equalp_hash(Obj x, int depth);

static uint64_t array_hash(Obj x, int depth) {
    Span s;
    uint64_t n = is_vector(x) ? vector_length(x) : array_total(x), h = n + 5;
    if (n > LENGTH_LIMIT) n = LENGTH_LIMIT;
    if (depth == 0 || !span_within(x, n, &s)) return h;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t e = 0;
        if (s.type == TYPE_U64_VECTOR) e = double_hash((double)((const uint64_t *)obj_raw(s.data))[s.start + i]);
        else if (s.type == TYPE_I64_VECTOR) e = double_hash((double)((const int64_t *)obj_raw(s.data))[s.start + i]);
        else if (s.type == TYPE_DOUBLE_VECTOR) e = double_hash(((const double *)obj_raw(s.data))[s.start + i]);
        else e = equalp_hash(element_ref(NULL, s.data, s.start + i), depth - 1);
        h = join(h, e);
    }
    return h;
}

static uint64_t fields_hash(Obj x, uint64_t h, uint64_t from, int depth) {
    uint64_t n = obj_length(x);
    for (uint64_t i = from; depth && i < n && i < LENGTH_LIMIT; i++) h = join(h, equalp_hash(obj_slots(x)[i], depth - 1));
    return h;
}

static uint64_t equalp_hash(Obj x, int depth) {
    if (is_symbol(x)) return symbol_hash(x);
    if (is_char(x)) return char_fold(char_of_obj(x)) * 31u + 7;
    if (is_number(x)) return number_value_hash(x);
    if (is_list(x)) {
        uint64_t h = 1;
        for (int i = 0; depth && is_cons(x) && i < LENGTH_LIMIT; x = cdr(x), i++) h = join(h, equalp_hash(car(x), depth - 1));
        return h;
    }
    if (is_array(x)) return array_hash(x, depth);
    if (has_type(x, TYPE_STRUCTURE)) return fields_hash(x, symbol_hash(obj_slots(obj_slots(x)[0])[LAYOUT_NAME]), STRUCTURE_FIELDS, depth);
    if (has_type(x, TYPE_PATHNAME)) return fields_hash(x, 2, 0, depth);
    if (has_type(x, TYPE_HASH_TABLE)) return 11;
    return type_hash(x);
}

/* -- By test -- */

/* Keeps runs of 256 numbers or of 256 addresses together, so keys that are used one after another share cache lines of the index. */
static inline uint32_t fold_near(uint64_t x) { return fold(x >> 8) ^ (uint32_t)(x & 255); }

static uint32_t hash_word(Obj key, bool *by_address) {
    if (is_symbol(key)) return fold(symbol_hash(key));
    if (!is_ref(key)) return fold_near(key.w >> 2);
    *by_address = true;
    return fold_near(key.w >> 4);
}

uint32_t hash_key(Test test, Obj key, bool *by_address) {
    if (is_fix(key) && test != TEST_EQUALP) return fold_near(key.w >> 2);
    switch (test) {
    case TEST_EQ: return hash_word(key, by_address);
    case TEST_EQL: return is_obj(key) && is_number(key) ? fold(number_hash(key)) : hash_word(key, by_address);
    case TEST_EQUAL: return test_is_eq(TEST_EQUAL, key) ? hash_word(key, by_address) : fold(equal_hash(key, DEPTH_LIMIT));
    default: break;
    }
    bool parts = !is_obj(key) || is_number(key) || is_array(key) || is_symbol(key) || has_type(key, TYPE_STRUCTURE) ||
                 has_type(key, TYPE_PATHNAME) || has_type(key, TYPE_HASH_TABLE);
    return parts ? fold(equalp_hash(key, DEPTH_LIMIT)) : hash_word(key, by_address);
}
