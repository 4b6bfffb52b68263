/* mpn.c: large products, quotients, roots and divisors for the slim runtime, in the place of GMP's.

   GMP's own functions choose among a dozen algorithms, up to Fourier transforms: 110 KB of code that a small program carries and hardly ever runs.  These have
   the same names, so that the linker does not look for the others, and one algorithm each, over GMP's loops in assembler:

       product     Karatsuba's three products of halves, and the schoolbook below KARATSUBA limbs
       quotient    GMP's schoolbook and divide-and-conquer over that product
       root        Newton's iteration from above, begun with the root of the upper half
       divisor     Lehmer's: the quotients of the two leading limbs are collected in a matrix that is then applied to all limbs

   Numbers are the same; those of more than some ten thousand digits take longer than in the whole runtime (docs/decisions/slim-runtime.md). */
#include "base/base.h"

#include <gmp.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 Limbs2;

enum { KARATSUBA = 28, DIVIDE_AND_CONQUER = 60 };

/* GMP's loops that its header does not declare. */
mp_limb_t __gmpn_mul_basecase(mp_limb_t *r, const mp_limb_t *a, mp_size_t n, const mp_limb_t *b, mp_size_t m);
mp_limb_t __gmpn_sbpi1_div_qr(mp_limb_t *q, mp_limb_t *n, mp_size_t nn, const mp_limb_t *d, mp_size_t dn, mp_limb_t inverse);
mp_limb_t __gmpn_dcpi1_div_qr(mp_limb_t *q, mp_limb_t *n, mp_size_t nn, const mp_limb_t *d, mp_size_t dn, mp_limb_t inverse[1]);
mp_limb_t __gmpn_divrem_2(mp_limb_t *q, mp_size_t zeros, mp_limb_t *n, mp_size_t nn, const mp_limb_t *d);

static mp_limb_t *limbs_new(mp_size_t n) {
    mp_limb_t *p = malloc((size_t)n * sizeof *p);
    must(p);
    return p;
}

/* -- Products -- */

/* |a - b| of n and m <= n limbs to d; is it negative? */
static bool distance(mp_limb_t *d, const mp_limb_t *a, mp_size_t n, const mp_limb_t *b, mp_size_t m) {
    if (mpn_sub(d, a, n, b, m) == 0) return false;
    mpn_neg(d, d, n);
    return true;
}

/* a * b, both of n limbs, to r; `spare` has 4n + 512.  With B the weight of h limbs:
   (a1 B + a0) (b1 B + b0) = a1 b1 B^2 + (a0 b0 + a1 b1 - (a0 - a1) (b0 - b1)) B + a0 b0. */
static void multiply_halves(mp_limb_t *r, const mp_limb_t *a, const mp_limb_t *b, mp_size_t n, mp_limb_t *spare) {
    if (n < KARATSUBA) {
        __gmpn_mul_basecase(r, a, n, b, n);
        return;
    }
    mp_size_t h = (n + 1) / 2, k = n - h;
    mp_limb_t *cross = spare + 2 * h, *rest = spare + 4 * h;
    bool minus = distance(spare, a, h, a + h, k) != distance(spare + h, b, h, b + h, k);
    multiply_halves(cross, spare, spare + h, h, rest);
    multiply_halves(r, a, b, h, rest);
    multiply_halves(r + 2 * h, a + h, b + h, k, rest);
    mp_limb_t carry = mpn_add(spare, r, 2 * h, r + 2 * h, 2 * k);
    if (minus) carry += mpn_add_n(spare, spare, cross, 2 * h);
    else carry -= mpn_sub_n(spare, spare, cross, 2 * h);
    carry += mpn_add_n(r + h, r + h, spare, 2 * h);
    mpn_add_1(r + 3 * h, r + 3 * h, 2 * n - 3 * h, carry);
}

/* The larger factor is taken in pieces of the smaller one's size. */
mp_limb_t mpn_mul(mp_limb_t *r, const mp_limb_t *a, mp_size_t n, const mp_limb_t *b, mp_size_t m) {
    if (m < KARATSUBA) {
        __gmpn_mul_basecase(r, a, n, b, m);
        return r[n + m - 1];
    }
    mp_limb_t *spare = limbs_new(6 * m + 512), *piece = spare + 4 * m + 512;
    multiply_halves(r, a, b, m, spare);
    mp_size_t at = m;
    for (; n - at >= m; at += m) {
        multiply_halves(piece, a + at, b, m, spare);
        memcpy(r + at + m, piece + m, (size_t)m * sizeof *r);
        mpn_add_1(r + at + m, r + at + m, m, mpn_add_n(r + at, r + at, piece, m));
    }
    if (n > at) {
        mp_size_t k = n - at;
        mpn_mul(piece, b, m, a + at, k);
        memcpy(r + at + m, piece + m, (size_t)k * sizeof *r);
        mpn_add_1(r + at + m, r + at + m, k, mpn_add_n(r + at, r + at, piece, m));
    }
    free(spare);
    return r[n + m - 1];
}

void mpn_mul_n(mp_limb_t *r, const mp_limb_t *a, const mp_limb_t *b, mp_size_t n) { mpn_mul(r, a, n, b, n); }
void mpn_sqr(mp_limb_t *r, const mp_limb_t *a, mp_size_t n) { mpn_mul(r, a, n, a, n); }

/* -- Quotients -- */

/* floor((B^3 - 1) / (high B + low)) - B, B = 2^64, the top bit of `high` set (Möller and Granlund, Improved division by invariant integers, 2011). */
static mp_limb_t reciprocal(mp_limb_t high, mp_limb_t low) {
    mp_limb_t v = (mp_limb_t)(((Limbs2)~high << 64 | ~(mp_limb_t)0) / high), p = high * v + low;
    if (p < low) {
        v--;
        if (p >= high) {
            v--;
            p -= high;
        }
        p -= high;
    }
    Limbs2 t = (Limbs2)v * low;
    p += (mp_limb_t)(t >> 64);
    if (p < (mp_limb_t)(t >> 64)) {
        v--;
        if (((Limbs2)p << 64 | (mp_limb_t)t) >= ((Limbs2)high << 64 | low)) v--;
    }
    return v;
}

/* n / d, dn > 1 limbs: shifted so that the divisor's top bit is set. */
static void divide_large(mp_limb_t *q, mp_limb_t *r, const mp_limb_t *n, mp_size_t nn, const mp_limb_t *d, mp_size_t dn) {
    mp_limb_t *rest = limbs_new(nn + 1 + dn), *divisor = rest + nn + 1;
    unsigned shift = (unsigned)__builtin_clzll(d[dn - 1]);
    memcpy(rest, n, (size_t)nn * sizeof *rest);
    memcpy(divisor, d, (size_t)dn * sizeof *rest);
    rest[nn] = shift ? mpn_lshift(rest, rest, nn, shift) : 0;
    if (shift) mpn_lshift(divisor, divisor, dn, shift);
    mp_limb_t inverse = reciprocal(divisor[dn - 1], divisor[dn - 2]);
    if (dn == 2) __gmpn_divrem_2(q, 0, rest, nn + 1, divisor);
    else if (dn < DIVIDE_AND_CONQUER || nn + 1 - dn < DIVIDE_AND_CONQUER) __gmpn_sbpi1_div_qr(q, rest, nn + 1, divisor, dn, inverse);
    else __gmpn_dcpi1_div_qr(q, rest, nn + 1, divisor, dn, &inverse);
    if (shift) mpn_rshift(r, rest, dn, shift);
    else memcpy(r, rest, (size_t)dn * sizeof *r);
    free(rest);
}

void mpn_tdiv_qr(mp_limb_t *q, mp_limb_t *r, mp_size_t zeros, const mp_limb_t *n, mp_size_t nn, const mp_limb_t *d, mp_size_t dn) {
    must(zeros == 0);
    if (dn == 1) r[0] = mpn_divrem_1(q, 0, n, nn, d[0]);
    else divide_large(q, r, n, nn, d, dn);
}

/* -- Roots -- */

/* The root of 128 bits, plus at most 1. */
static Limbs2 root_above(Limbs2 x) {
    Limbs2 r = (Limbs2)1 << 64;
    for (Limbs2 next; (next = (r + x / r) / 2) < r;) r = next;
    return r + 1;
}

/* More than sqrt(a), to x, m + 1 limbs, of which nearly half are right if there are many. */
static void root_begin(mp_limb_t *x, mp_size_t m, const mp_limb_t *a, mp_size_t n) {
    memset(x, 0, (size_t)(m + 1) * sizeof *x);
    if (m >= 4) {
        mp_size_t low = m / 2 - 1;
        mpn_sqrtrem(x + low, NULL, a + 2 * low, n - 2 * low);
        mpn_add_1(x + low, x + low, m + 1 - low, 1);
    } else {
        Limbs2 top = root_above(n % 2 ? a[n - 1] : (Limbs2)a[n - 1] << 64 | a[n - 2]);
        x[(n - 1) / 2] = (mp_limb_t)top;
        x[(n - 1) / 2 + 1] = (mp_limb_t)(top >> 64);
    }
}

/* floor(sqrt(a)) to r, (n + 1) / 2 limbs; the remainder is not wanted.  Newton's iteration decreases until it has the root. */
mp_size_t mpn_sqrtrem(mp_limb_t *r, mp_limb_t *remainder, const mp_limb_t *a, mp_size_t n) {
    must(!remainder);
    mp_size_t m = (n + 1) / 2;
    mp_limb_t *x = limbs_new(3 * (m + 1)), *y = x + m + 1, *spare = y + m + 1;
    root_begin(x, m, a, n);
    for (;;) {
        mp_size_t xn = x[m] ? m + 1 : m;
        memset(y, 0, (size_t)(m + 1) * sizeof *y);
        if (n >= xn) mpn_tdiv_qr(y, spare, 0, a, n, x, xn); /* n - xn + 1 <= m + 1 limbs */
        mpn_add_n(y, y, x, m + 1);
        mpn_rshift(y, y, m + 1, 1);
        if (mpn_cmp(y, x, m + 1) >= 0) break;
        memcpy(x, y, (size_t)(m + 1) * sizeof *x);
    }
    memcpy(r, x, (size_t)m * sizeof *r);
    free(x);
    return 0;
}

/* -- Divisors -- */

typedef struct Matrix {
    int64_t a, b, c, d; /* (u, v) becomes (a u + b v, c u + d v); a and b have opposite signs, or one is 0; so have c and d */
} Matrix;

/* Euclid's steps that the leading 62 bits of u and v decide (Knuth, The Art of Computer Programming 2, 4.5.2, algorithm L). */
static Matrix leading_steps(const mp_limb_t *u, const mp_limb_t *v, mp_size_t n) {
    unsigned shift = (unsigned)__builtin_clzll(u[n - 1]);
    int64_t x = (int64_t)(((Limbs2)u[n - 1] << 64 | u[n - 2]) >> (66 - shift)), y = (int64_t)(((Limbs2)v[n - 1] << 64 | v[n - 2]) >> (66 - shift));
    Matrix m = {1, 0, 0, 1};
    while (y + m.c != 0 && y + m.d != 0) {
        int64_t q = (x + m.a) / (y + m.c);
        if (q != (x + m.b) / (y + m.d)) break;
        m = (Matrix){m.c, m.d, m.a - q * m.c, m.b - q * m.d};
        int64_t rest = x - q * y;
        x = y;
        y = rest;
    }
    return m;
}

/* a u + b v, which is not negative and has n limbs. */
static void combine(mp_limb_t *r, int64_t a, const mp_limb_t *u, int64_t b, const mp_limb_t *v, mp_size_t n) {
    if (a < b) {
        combine(r, b, v, a, u, n);
        return;
    }
    mpn_mul_1(r, u, n, (mp_limb_t)a);
    if (b) mpn_submul_1(r, v, n, (mp_limb_t)-b);
}

static mp_limb_t limb_gcd(mp_limb_t a, mp_limb_t b) {
    while (b) {
        mp_limb_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static mp_size_t limbs_used(const mp_limb_t *p, mp_size_t n) {
    while (n && !p[n - 1]) n--;
    return n;
}

/* The greatest common divisor of u and v <= u to g; its length.  Both are overwritten. */
mp_size_t mpn_gcd(mp_limb_t *g, mp_limb_t *u, mp_size_t un, mp_limb_t *v, mp_size_t vn) {
    mp_limb_t *spare = limbs_new(2 * un + 2), *other = spare + un + 1;
    while (vn > 1) {
        Matrix m = un == vn ? leading_steps(u, v, un) : (Matrix){1, 0, 0, 1};
        if (m.b) {
            combine(spare, m.a, u, m.b, v, un);
            combine(other, m.c, u, m.d, v, un);
            memcpy(u, spare, (size_t)un * sizeof *u);
            memcpy(v, other, (size_t)un * sizeof *v);
        } else {
            mpn_tdiv_qr(spare, other, 0, u, un, v, vn);
            memcpy(u, v, (size_t)vn * sizeof *u);
            memcpy(v, other, (size_t)vn * sizeof *v);
            un = vn;
        }
        un = limbs_used(u, un);
        vn = limbs_used(v, vn);
    }
    if (vn) {
        g[0] = limb_gcd(v[0], mpn_mod_1(u, un, v[0]));
        un = 1;
    } else {
        memcpy(g, u, (size_t)un * sizeof *g);
    }
    free(spare);
    return un;
}
