/* mpn.c: the slim runtime's large products, quotients, roots and divisors against GMP's: random numbers of many sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <gmp.h>

/* The functions under test get names of their own; GMP's are __gmpn_... here. */
#undef mpn_mul
#undef mpn_mul_n
#undef mpn_sqr
#undef mpn_tdiv_qr
#undef mpn_sqrtrem
#undef mpn_gcd
#define mpn_mul small_mul
#define mpn_mul_n small_mul_n
#define mpn_sqr small_sqr
#define mpn_tdiv_qr small_tdiv_qr
#define mpn_sqrtrem small_sqrtrem
#define mpn_gcd small_gcd
mp_limb_t small_mul(mp_limb_t *r, const mp_limb_t *a, mp_size_t n, const mp_limb_t *b, mp_size_t m);
void small_mul_n(mp_limb_t *r, const mp_limb_t *a, const mp_limb_t *b, mp_size_t n);
void small_sqr(mp_limb_t *r, const mp_limb_t *a, mp_size_t n);
void small_tdiv_qr(mp_limb_t *q, mp_limb_t *r, mp_size_t zeros, const mp_limb_t *n, mp_size_t nn, const mp_limb_t *d, mp_size_t dn);
mp_size_t small_sqrtrem(mp_limb_t *r, mp_limb_t *remainder, const mp_limb_t *a, mp_size_t n);
mp_size_t small_gcd(mp_limb_t *g, mp_limb_t *u, mp_size_t un, mp_limb_t *v, mp_size_t vn);
#include "number/mpn.c"

#include <stdio.h>
#include <time.h>

enum { MOST = 3000, ROUNDS = 3000 };

static mp_limb_t a[MOST + 2], b[MOST + 2], r[2 * MOST + 4], s[2 * MOST + 4], q[MOST + 2], p[MOST + 2], x[MOST + 2], y[MOST + 2];

/* n limbs, the top one not zero: random ones, or long runs of equal bits, in which carries go far. */
static void fill(mp_limb_t *to, mp_size_t n) {
    if (rand() % 2) mpn_random(to, n);
    else mpn_random2(to, n);
}

static mp_size_t size(int round) { return 1 + rand() % (round % 50 == 0 ? MOST : round % 5 == 0 ? 300 : 12); }

static void test_products(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        mp_size_t n = size(i), m = size(i);
        if (m > n) m = n;
        fill(a, n);
        fill(b, m);
        assert_int_equal(mpn_mul(r, a, n, b, m), __gmpn_mul(s, a, n, b, m));
        assert_memory_equal(r, s, (size_t)(n + m) * sizeof *r);
        mpn_sqr(r, a, n);
        __gmpn_sqr(s, a, n);
        assert_memory_equal(r, s, (size_t)(2 * n) * sizeof *r);
    }
}

static void test_quotients(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        mp_size_t n = size(i), m = size(i);
        if (m > n) m = n;
        fill(a, n);
        fill(b, m);
        if (i % 3 == 0 && n > m) { /* a quotient without rest, or nearly */
            fill(p, n - m);
            if (m >= n - m) __gmpn_mul(a, b, m, p, n - m);
            else __gmpn_mul(a, p, n - m, b, m);
            if (i % 2) mpn_sub_1(a, a, n, 1);
        }
        mpn_tdiv_qr(q, r, 0, a, n, b, m);
        __gmpn_tdiv_qr(p, s, 0, a, n, b, m);
        assert_memory_equal(q, p, (size_t)(n - m + 1) * sizeof *q);
        assert_memory_equal(r, s, (size_t)m * sizeof *r);
    }
}

static void test_roots(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS / 4; i++) {
        mp_size_t n = size(i);
        fill(a, n);
        if (i % 3 == 0 && n > 1) { /* a square, or one less */
            n = n / 2 * 2;
            fill(b, n / 2);
            __gmpn_sqr(a, b, n / 2);
            if (i % 2) mpn_sub_1(a, a, n, 1);
            if (a[n - 1] == 0) n--;
        }
        mpn_sqrtrem(r, NULL, a, n);
        __gmpn_sqrtrem(s, NULL, a, n);
        assert_memory_equal(r, s, (size_t)((n + 1) / 2) * sizeof *r);
    }
}

static void test_divisors(void **state) {
    (void)state;
    for (int i = 0; i < ROUNDS / 2; i++) {
        mp_size_t n = size(i) / 2 + 1, m = size(i) / 2 + 1, k = size(i) / 2 + 1, m1;
        fill(p, n);
        fill(q, m);
        fill(b, k);
        p[0] |= 1, q[0] |= 1, b[0] |= 1; /* GMP wants odd numbers */
        if (n >= k) __gmpn_mul(a, p, n, b, k);
        else __gmpn_mul(a, b, k, p, n);
        if (m >= k) __gmpn_mul(x, q, m, b, k);
        else __gmpn_mul(x, b, k, q, m);
        n = limbs_used(a, n + k);
        m1 = limbs_used(x, m + k);
        mp_limb_t *u = a, *v = x;
        if (n < m1 || (n == m1 && mpn_cmp(a, x, n) < 0)) {
            mp_size_t swap = n;
            u = x, v = a, n = m1, m1 = swap;
        }
        mp_limb_t *u2 = r, *v2 = s; /* copies for the other function */
        memcpy(u2, u, (size_t)n * sizeof *u);
        memcpy(v2, v, (size_t)m1 * sizeof *v);
        mp_size_t g1 = mpn_gcd(p, u, n, v, m1), g2 = __gmpn_gcd(y, u2, n, v2, m1);
        assert_int_equal(g1, g2);
        assert_memory_equal(p, y, (size_t)g1 * sizeof *p);
    }
}

int main(int argc, char **argv) {
    unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products), cmocka_unit_test(test_quotients), cmocka_unit_test(test_roots), cmocka_unit_test(test_divisors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
