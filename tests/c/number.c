/* number.c: the tower against GMP's mpz and mpq layers and against identities, on random operands of all sizes.

   Random integers are made of long runs of equal bits, which is where carries and borrows go wrong.  SEED=n repeats a run. */
#include "number/number.h"

#include <float.h>
#include <gmp.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 4000 };

static Thread *t;
static char *mark;
static gmp_randstate_t randoms;

/* -- Scaffold -- */

static int setup(void **state) {
    (void)state;
    World *w = calloc(1, sizeof *w);
    t = calloc(1, sizeof *t);
    t->world = w;
    w->thread = t;
    w->heap = heap_create(0);
    heap_attach_thread(w->heap, t);
    unsigned long seed = getenv("SEED") ? strtoul(getenv("SEED"), NULL, 10) : (unsigned long)clock_nanoseconds() % 1000000;
    print_message("SEED=%lu\n", seed);
    gmp_randinit_default(randoms);
    gmp_randseed_ui(randoms, seed);
    mark = t->free;
    return 0;
}

/* Nothing collects here, so each round starts with the same nursery. */
static void new_round(void) { t->free = mark; }

static uint64_t word(void) { return gmp_urandomb_ui(randoms, 32) << 32 | gmp_urandomb_ui(randoms, 32); }
static uint64_t below(uint64_t n) { return word() % n; }

static Obj obj_of_mpz(const mpz_t z) {
    char *text = mpz_get_str(NULL, 16, z);
    Obj x = number_parse(t, text, strlen(text), 16, SYM(SINGLE_FLOAT));
    free(text);
    return x;
}
static void mpz_of_obj(mpz_t z, Obj x) {
    char *text = integer_to_text(x, 16);
    assert_int_equal(mpz_set_str(z, text, 16), 0);
    free(text);
}

static void random_mpz(mpz_t z) {
    static const unsigned sizes[] = {3, 62, 63, 64, 65, 128, 200, 1000, 5000};
    mpz_rrandomb(z, randoms, 1 + below(sizes[below(COUNT_OF(sizes))]));
    if (below(8) == 0) mpz_set_ui(z, below(3));
    if (below(8) == 0) mpz_ui_pow_ui(z, 2, 55 + below(80));
    if (below(2)) mpz_neg(z, z);
}

/* number.fix holds and the value is the expected one. */
static void assert_integer(Obj x, const mpz_t expected, const char *what) {
    mpz_t z;
    mpz_init(z);
    mpz_of_obj(z, x);
    if (mpz_cmp(z, expected)) {
        gmp_printf("%s: %Zd instead of %Zd\n", what, z, expected);
        fail();
    }
    bool small = mpz_cmp_si(z, FIX_MAX) <= 0 && mpz_cmp_si(z, FIX_MIN) >= 0;
    assert_int_equal(small, is_fix(x));
    if (!small) assert_true(((const uint64_t *)obj_raw(x))[obj_length(x) - 1] != 0);
    mpz_clear(z);
}

/* -- Integers -- */

static void check_sums(Obj a, Obj b, const mpz_t x, const mpz_t y) {
    mpz_t z;
    mpz_init(z);
    mpz_add(z, x, y);
    assert_integer(number_add(t, a, b), z, "+");
    mpz_sub(z, x, y);
    assert_integer(number_sub(t, a, b), z, "-");
    mpz_mul(z, x, y);
    assert_integer(number_mul(t, a, b), z, "*");
    mpz_mul(z, x, x);
    assert_integer(number_mul(t, a, a), z, "square");
    mpz_neg(z, x);
    assert_integer(number_negate(t, a), z, "negate");
    int c = mpz_cmp(x, y);
    assert_int_equal(number_compare(t, a, b), (c > 0) - (c < 0));
    assert_int_equal(number_eql(a, b), c == 0);
    mpz_clear(z);
}

static void check_bits(Obj a, Obj b, const mpz_t x, const mpz_t y) {
    mpz_t z;
    mpz_init(z);
    mpz_and(z, x, y);
    assert_integer(number_logand(t, a, b), z, "logand");
    mpz_ior(z, x, y);
    assert_integer(number_logior(t, a, b), z, "logior");
    mpz_xor(z, x, y);
    assert_integer(number_logxor(t, a, b), z, "logxor");
    mpz_com(z, x);
    assert_integer(number_lognot(t, a), z, "lognot");
    assert_int_equal(integer_bit_count(a), mpz_sgn(x) < 0 ? mpz_popcount(z) : mpz_popcount(x));
    const mpz_t *length_of = mpz_sgn(x) < 0 ? (const mpz_t *)&z : (const mpz_t *)x;
    assert_int_equal(integer_length(a), mpz_sgn(*length_of) ? mpz_sizeinbase(*length_of, 2) : 0);
    uint64_t n = below(300), size = below(200);
    assert_int_equal(integer_bit(a, n), mpz_tstbit(x, n));
    mpz_mul_2exp(z, x, n);
    assert_integer(number_ash(t, a, obj_of_fix((int64_t)n)), z, "ash left");
    mpz_fdiv_q_2exp(z, x, n);
    assert_integer(number_ash(t, a, obj_of_fix(-(int64_t)n)), z, "ash right");
    mpz_fdiv_r_2exp(z, z, size);
    assert_integer(integer_load_byte(t, size, n, a), z, "ldb");
    mpz_clear(z);
}

static void check_division(Obj a, Obj b, const mpz_t x, const mpz_t y) {
    mpz_t q, r;
    mpz_inits(q, r, NULL);
    Obj rest;
    mpz_tdiv_qr(q, r, x, y);
    assert_integer(number_truncate(t, a, b, &rest), q, "truncate");
    assert_integer(rest, r, "truncate's remainder");
    assert_integer(number_truncate(t, a, b, NULL), q, "truncate");
    assert_integer(number_rem(t, a, b), r, "rem");
    mpz_fdiv_qr(q, r, x, y);
    assert_integer(number_floor(t, a, b, &rest), q, "floor");
    assert_integer(rest, r, "floor's remainder");
    assert_integer(number_mod(t, a, b), r, "mod");
    mpz_cdiv_qr(q, r, x, y);
    assert_integer(number_divide(t, ROUND_CEILING, a, b, &rest), q, "ceiling");
    assert_integer(rest, r, "ceiling's remainder");
    mpz_gcd(q, x, y);
    assert_integer(integer_gcd(t, a, b), q, "gcd");
    /* round: the remainder is at most half the divisor, and the quotient even when it is half */
    Obj n = number_divide(t, ROUND_ROUND, a, b, &rest), twice = number_mul(t, number_abs(t, rest), obj_of_fix(2));
    int c = number_compare(t, twice, number_abs(t, b));
    assert_true(c < 0 || (c == 0 && !integer_odd(n)));
    assert_true(number_eql(number_add(t, number_mul(t, n, b), rest), a));
    mpz_clears(q, r, NULL);
}

static void test_integers(void **state) {
    (void)state;
    mpz_t x, y;
    mpz_inits(x, y, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        new_round();
        random_mpz(x);
        random_mpz(y);
        if (below(10) == 0) mpz_set(y, x);
        Obj a = obj_of_mpz(x), b = obj_of_mpz(y);
        assert_integer(a, x, "parsing");
        check_sums(a, b, x, y);
        check_bits(a, b, x, y);
        if (mpz_sgn(y)) check_division(a, b, x, y);
        mpz_abs(x, x);
        a = obj_of_mpz(x);
        mpz_sqrt(y, x);
        assert_integer(integer_sqrt(t, a), y, "isqrt");
        uint64_t power = below(20);
        mpz_pow_ui(y, x, power);
        assert_integer(integer_power(t, a, power), y, "power");
    }
    mpz_clears(x, y, NULL);
}

static void test_bases(void **state) {
    (void)state;
    mpz_t x;
    mpz_init(x);
    for (int i = 0; i < ROUNDS; i++) {
        new_round();
        random_mpz(x);
        unsigned base = 2 + (unsigned)below(35);
        Obj a = obj_of_mpz(x);
        char *text = integer_to_text(a, base), *expected = mpz_get_str(NULL, -(int)base, x);
        assert_string_equal(text, expected);
        assert_true(number_eql(number_parse(t, text, strlen(text), base, SYM(SINGLE_FLOAT)), a));
        free(text);
        free(expected);
    }
    mpz_clear(x);
}

static void test_million_digits(void **state) {
    (void)state;
    new_round();
    uint64_t start = clock_nanoseconds();
    Obj x = number_sub(t, integer_power(t, obj_of_fix(10), 1000000), obj_of_fix(1));
    char *text = integer_to_text(x, 10);
    assert_int_equal(strlen(text), 1000000);
    assert_int_equal(strspn(text, "9"), 1000000);
    assert_true(number_eql(number_parse(t, text, strlen(text), 10, SYM(SINGLE_FLOAT)), x));
    free(text);
    print_message("a million digits written and read: %.3f s\n", (double)(clock_nanoseconds() - start) / 1e9);
}

/* -- Ratios -- */

static Obj random_rational(mpq_t q) {
    do random_mpz(mpq_denref(q));
    while (!mpz_sgn(mpq_denref(q)));
    random_mpz(mpq_numref(q));
    Obj n = obj_of_mpz(mpq_numref(q)), d = obj_of_mpz(mpq_denref(q));
    mpq_canonicalize(q);
    return rational_make(t, n, d);
}

static void assert_rational(Obj x, const mpq_t expected, const char *what) {
    assert_integer(rational_numerator(x), mpq_numref(expected), what);
    assert_integer(rational_denominator(x), mpq_denref(expected), what);
    assert_int_equal(has_type(x, TYPE_RATIO), mpz_cmp_ui(mpq_denref(expected), 1) != 0);
}

static void test_ratios(void **state) {
    (void)state;
    mpq_t x, y, z;
    mpq_inits(x, y, z, NULL);
    for (int i = 0; i < ROUNDS / 4; i++) {
        new_round();
        Obj a = random_rational(x), b = random_rational(y);
        assert_rational(a, x, "ratio");
        mpq_add(z, x, y);
        assert_rational(number_add(t, a, b), z, "+");
        mpq_sub(z, x, y);
        assert_rational(number_sub(t, a, b), z, "-");
        mpq_mul(z, x, y);
        assert_rational(number_mul(t, a, b), z, "*");
        int c = mpq_cmp(x, y);
        assert_int_equal(number_compare(t, a, b), (c > 0) - (c < 0));
        if (!mpq_sgn(y)) continue;
        mpq_div(z, x, y);
        assert_rational(number_div(t, a, b), z, "/");
        Obj r, q = number_floor(t, a, b, &r);
        assert_true(number_eql(number_add(t, number_mul(t, q, b), r), a));
        assert_true(number_is_zero(t, r) || number_sign(t, r) == number_sign(t, b));
        assert_true(number_compare(t, number_abs(t, r), number_abs(t, b)) < 0);
    }
    mpq_clears(x, y, z, NULL);
}

/* -- Floats -- */

static double double_of_bits(uint64_t bits) {
    double d;
    memcpy(&d, &bits, 8);
    return d;
}

/* The shortest digits read back, none shorter does, and of that length none is nearer. */
static void check_shortest(double d, bool single) {
    char digits[40], text[64], other[64];
    int e = float_shortest(d, single, digits), n = (int)strlen(digits);
    assert_true(n <= (single ? 9 : 17) && n >= 1 && (n == 1 || digits[n - 1] != '0') && digits[0] != '0');
    snprintf(text, sizeof text, "0.%se%d", digits, e);
    double back = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (back != d) fail_msg("%.17g gives %s", d, text);
    for (int shorter = 1; shorter < n; shorter++) {
        snprintf(other, sizeof other, "%.*e", shorter - 1, d);
        double near = single ? (double)strtof(other, NULL) : strtod(other, NULL);
        if (near == d) fail_msg("%.17g gives %s, but %s is shorter", d, text, other);
    }
    snprintf(other, sizeof other, "%.*e", n - 1, d);
    double nearest = single ? (double)strtof(other, NULL) : strtod(other, NULL);
    char nearest_digits[64];
    snprintf(nearest_digits, sizeof nearest_digits, "%c%s", other[0], n > 1 ? other + 2 : "");
    if (nearest == d && strncmp(nearest_digits, digits, (size_t)n)) fail_msg("%.17g gives %s, but %s is nearer", d, text, other);
    Obj token = number_parse(t, text, strlen(text), 10, single ? SYM(SINGLE_FLOAT) : SYM(DOUBLE_FLOAT));
    assert_true(single ? is_single(token) && single_of_obj(token) == (float)d : double_of_obj(token) == d);
}

static void test_float_digits(void **state) {
    (void)state;
    for (int e = -1074; e <= 1023; e++) check_shortest(ldexp(1, e), false);
    for (int e = -149; e <= 127; e++) check_shortest(ldexp(1, e), true);
    static const double hard[] = {5e-324, 2.2250738585072014e-308, 2.2250738585072011e-308, 1.7976931348623157e308, 9007199254740993.0, 0.1, 1e23, 9.5e-5,
                                  5.0e-324 * 3, 4.35, 123456789012345680.0, 2.0 / 3, 8.41e21, 9.109e-31, 299792458.0};
    for (size_t i = 0; i < COUNT_OF(hard); i++) check_shortest(hard[i], false);
    for (int i = 0; i < 5 * ROUNDS; i++) {
        new_round();
        uint64_t bits = word() & INT64_MAX;
        if (i % 8 == 0) bits &= UINT64_C(0x000FFFFFFFFFFFFF); /* denormal */
        double d = double_of_bits(bits);
        if (isfinite(d) && d > 0) check_shortest(d, false);
        float f = (float)double_of_bits((word() & UINT64_C(0x000FFFFFFFFFFFFF)) | (895 + below(250)) << 52);
        if (isfinite(f) && f > 0) check_shortest((double)f, true);
        check_shortest((double)(1 + below(100000)) / 1000.0, false);
    }
}

/* A rational and its float: the float is the nearest, and comparison is exact. */
static void test_rounding(void **state) {
    (void)state;
    mpq_t q;
    mpq_init(q);
    for (int i = 0; i < ROUNDS; i++) {
        new_round();
        Obj a = random_rational(q);
        if (number_is_zero(t, a) || fabs(log2(fabs(mpq_get_d(q)))) > 1000) continue;
        double d = number_to_double(t, a);
        Obj exact = rational_of_double(t, d), error = number_abs(t, number_sub(t, a, exact));
        Obj below_it = rational_of_double(t, nextafter(d, -HUGE_VAL)), above_it = rational_of_double(t, nextafter(d, HUGE_VAL));
        assert_true(number_compare(t, error, number_abs(t, number_sub(t, a, below_it))) <= 0);
        assert_true(number_compare(t, error, number_abs(t, number_sub(t, a, above_it))) <= 0);
        assert_int_equal(number_compare(t, a, alloc_double(t, d)), number_compare(t, a, exact));
        assert_int_equal(number_compare(t, alloc_double(t, d), a), number_compare(t, exact, a));
        assert_true(number_to_double(t, exact) == d);
    }
    mpq_clear(q);
}

static void test_denormals(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        new_round();
        double d = double_of_bits(word() & (UINT64_C(0x000FFFFFFFFFFFFF) >> below(52)));
        Obj x = rational_of_double(t, d);
        assert_true(number_to_double(t, x) == d);
        float f = (float)ldexp((double)(1 + below(1 << 23)), -149);
        assert_true(number_to_single(t, rational_of_double(t, (double)f)) == f);
        /* Halfway between two denormals: to the even one. */
        Obj half = rational_make(t, obj_of_fix(1), number_ash(t, obj_of_fix(1), obj_of_fix(1075)));
        double up = nextafter(d, 1);
        uint64_t bits;
        memcpy(&bits, &d, 8);
        assert_true(number_to_double(t, number_add(t, x, half)) == (bits & 1 ? up : d));
    }
}

static void test_rationalize(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS / 2; i++) {
        new_round();
        double d = (double)(1 + below(10000)) / (double)(1 + below(10000));
        Obj x = alloc_double(t, d), r = rational_near_float(t, x);
        assert_true(number_to_double(t, r) == d);
        assert_true(number_compare(t, rational_denominator(r), obj_of_fix(10000)) <= 0);
    }
}

/* -- Tokens -- */

static void test_tokens(void **state) {
    (void)state;
    static const char *const numbers[] = {"1", "+1", "-1", "1.", "-0.", "1/2", "-3/6", ".5", "+.5e3", "1.5", "1e5", "1.e5", "1E+5", "1d-3", "1.5s0", "2f1", "3l2", "00012"};
    static const char *const others[] = {"", "+", "-", ".", "+.", "1+", "1/", "/2", "1/2/3", "1/-2", "1.5.2", "e5", ".e5", "1e", "1e+", "1x5", "1.2/3", "a", "1e5.0", "--1"};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (eq(number_parse(t, numbers[i], strlen(numbers[i]), 10, SYM(SINGLE_FLOAT)), UNBOUND)) fail_msg("%s is a number", numbers[i]);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (!eq(number_parse(t, others[i], strlen(others[i]), 10, SYM(SINGLE_FLOAT)), UNBOUND)) fail_msg("%s is no number", others[i]);
    assert_true(is_single(number_parse(t, "1e0", 3, 10, SYM(SINGLE_FLOAT))));
    assert_true(has_type(number_parse(t, "1e0", 3, 10, SYM(DOUBLE_FLOAT)), TYPE_DOUBLE));
    assert_true(eq(number_parse(t, "1e1", 3, 16, SYM(SINGLE_FLOAT)), obj_of_fix(0x1e1)));
    assert_true(eq(number_parse(t, "12.", 3, 16, SYM(SINGLE_FLOAT)), obj_of_fix(12)));
    assert_true(eq(number_parse(t, "-6/3", 4, 10, SYM(SINGLE_FLOAT)), obj_of_fix(-2)));
}

/* -- Errors: a call that leaves by the door with a condition of the type -- */

typedef Obj (*Binary)(Thread *t, Obj a, Obj b);

static void assert_signals(Binary f, Obj a, Obj b, Obj type) {
    jmp_buf door;
    t->door = &door;
    if (!setjmp(door)) {
        f(t, a, b);
        t->door = NULL;
        fail_msg("no error");
    }
    t->door = NULL;
    assert_true(eq(t->door_args[0], type));
}
static Obj parse_text(Thread *thread, Obj text, Obj unused) {
    (void)unused;
    return number_parse(thread, obj_raw(text), obj_length(text), 10, SYM(DOUBLE_FLOAT));
}

static void test_errors(void **state) {
    (void)state;
    new_round();
    Obj zero = obj_of_fix(0), one = obj_of_fix(1), huge = alloc_double(t, DBL_MAX);
    assert_signals(number_div, one, zero, SYM(DIVISION_BY_ZERO));
    assert_signals(number_div, huge, alloc_double(t, 0), SYM(DIVISION_BY_ZERO));
    assert_signals(number_div, one, obj_of_single(0), SYM(DIVISION_BY_ZERO));
    assert_signals(number_mod, one, zero, SYM(DIVISION_BY_ZERO));
    assert_signals(number_mul, huge, huge, SYM(FLOATING_POINT_OVERFLOW));
    assert_signals(number_add, integer_power(t, obj_of_fix(10), 400), huge, SYM(FLOATING_POINT_OVERFLOW));
    assert_signals(number_add, NIL, one, SYM(TYPE_ERROR));
    assert_signals(number_add, one, NIL, SYM(TYPE_ERROR));
    assert_signals(number_logand, one, huge, SYM(TYPE_ERROR));
    assert_signals(number_expt, zero, obj_of_fix(-1), SYM(DIVISION_BY_ZERO));
    assert_signals(parse_text, alloc_text(t, "1e999"), zero, SYM(READER_ERROR));
    assert_signals(parse_text, alloc_text(t, "1e-999"), zero, SYM(READER_ERROR));
    assert_signals(parse_text, alloc_text(t, "1/0"), zero, SYM(READER_ERROR));
    assert_signals(random_below, zero, random_state_seeded(t, 1), SYM(TYPE_ERROR));
}

/* -- Hashes, random numbers -- */

static void test_hashes(void **state) {
    (void)state;
    mpq_t q;
    mpq_init(q);
    for (int i = 0; i < ROUNDS / 4; i++) {
        new_round();
        Obj a = random_rational(q), b = rational_make(t, obj_of_mpz(mpq_numref(q)), obj_of_mpz(mpq_denref(q)));
        assert_true(number_hash(a) == number_hash(b) && number_eql(a, b));
        assert_true(number_hash_value(a) == number_hash_value(b));
        double d = (double)((int64_t)word() >> below(64)) / (double)(UINT64_C(1) << below(60));
        assert_true(number_hash_value(alloc_double(t, d)) == number_hash_value(rational_of_double(t, d)));
        assert_true(number_hash_value(alloc_double(t, d)) == number_hash_value(complex_make(t, alloc_double(t, d), obj_of_fix(0))));
    }
    assert_false(number_eql(alloc_double(t, 0.0), alloc_double(t, -0.0)));
    assert_true(number_hash_value(alloc_double(t, 0.0)) == number_hash_value(alloc_double(t, -0.0)));
    mpq_clear(q);
}

static void test_random(void **state) {
    (void)state;
    Obj s = random_state_seeded(t, 42), big = integer_power(t, obj_of_fix(7), 100);
    Obj copy = random_state_copy(t, s);
    mark = t->free;
    int counts[10] = {0};
    for (int i = 0; i < 20000; i++) {
        new_round();
        Obj r = random_below(t, obj_of_fix(10), s);
        assert_true(number_eql(r, random_below(t, obj_of_fix(10), copy)));
        counts[fix_of_obj(r)]++;
        Obj b = random_below(t, big, s);
        assert_true(integer_sign(b) >= 0 && integer_compare(b, big) < 0);
        assert_true(number_eql(b, random_below(t, big, copy)));
        float f = single_of_obj(random_below(t, obj_of_single(0.3f), s));
        assert_true(f >= 0 && f < 0.3f);
        random_below(t, obj_of_single(0.3f), copy);
    }
    for (int i = 0; i < 10; i++) assert_in_range(counts[i], 1800, 2200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_bases),       cmocka_unit_test(test_million_digits), cmocka_unit_test(test_ratios),
        cmocka_unit_test(test_float_digits), cmocka_unit_test(test_rounding),  cmocka_unit_test(test_denormals),      cmocka_unit_test(test_rationalize),
        cmocka_unit_test(test_tokens),     cmocka_unit_test(test_errors),      cmocka_unit_test(test_hashes),         cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
