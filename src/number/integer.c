/* integer.c: fixnums and bignums.

   A bignum is a magnitude in 64-bit limbs, lowest first, with the sign in the header flag BIGNUM_NEGATIVE; the arithmetic is GMP's mpn layer
   on those limbs where they lie.  Results are computed into a fresh object that is large enough and then cut to size: the object is
   mostly the last one allocated, so what is cut off goes back to the nursery.  Operands are looked at through `Integer`, which gives a
   fixnum the looks of a one-limb bignum, so that each operation is written once.

   Scratch memory is malloc'ed after everything in the heap has been allocated: the door (heap exhausted) must not leave any behind. */
#include "number/tower.h"

#include <stdlib.h>

/* -- Views and results -- */

void integer_view(Integer *v, Obj x) {
    if (is_fix(x)) {
        int64_t n = fix_of_obj(x);
        v->negative = n < 0;
        v->one = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
        v->limbs = &v->one;
        v->count = n != 0;
    } else {
        v->negative = obj_flags(x) & BIGNUM_NEGATIVE;
        v->limbs = obj_raw(x);
        v->count = (mp_size_t)obj_length(x);
    }
}

NORETURN void signal_too_large(Thread *t) { signal_condition(t, SYM(HEAP_EXHAUSTED), 0); }

Obj big_allocate(Thread *t, mp_size_t count) {
    enum { LARGE_LIMBS = 1024 }; /* the heap places large objects with care */
    if (UNLIKELY(count >= LARGE_LIMBS)) return alloc_raw(t, TYPE_BIGNUM, (uint64_t)count);
    Obj header = header_make(TYPE_BIGNUM, 0, (uint64_t)count);
    Obj *p = (Obj *)(void *)heap_allocate(t, header_bytes(header));
    p[0] = header;
    return obj_of_address(p);
}

Obj big_finish(Thread *t, Obj x, mp_size_t count, bool negative) {
    mp_limb_t *d = big_limbs(x);
    while (count > 0 && d[count - 1] == 0) count--;
    mp_limb_t low = count ? d[0] : 0;
    if (count <= 1 && low <= (mp_limb_t)FIX_MAX + negative) {
        size_t bytes = header_bytes(obj_header(x));
        if ((char *)obj_words(x) + bytes == t->free) t->free = (char *)obj_words(x);
        else heap_shrink(t, x, 0);
        return obj_of_fix(negative ? (int64_t)(0 - low) : (int64_t)low);
    }
    if ((mp_size_t)obj_length(x) != count) heap_shrink(t, x, (uint64_t)count);
    if ((count & 1) == 0) d[count] = 0; /* padding, so that equal heaps are equal bytes */
    obj_set_flags(x, negative ? BIGNUM_NEGATIVE : 0);
    return x;
}

Obj integer_of_limb(Thread *t, mp_limb_t magnitude, bool negative) {
    if (magnitude <= (mp_limb_t)FIX_MAX + negative) return obj_of_fix(negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude);
    Obj x = big_allocate(t, 1);
    big_limbs(x)[0] = magnitude;
    obj_set_flags(x, negative ? BIGNUM_NEGATIVE : 0);
    return x;
}

Obj integer_of_i64(Thread *t, int64_t n) {
    return fits_fix(n) ? obj_of_fix(n) : integer_of_limb(t, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, n < 0);
}
Obj integer_of_u64(Thread *t, uint64_t n) { return integer_of_limb(t, n, false); }

bool i64_of_integer(Obj x, int64_t *out) {
    if (is_fix(x)) {
        *out = fix_of_obj(x);
        return true;
    }
    if (!has_type(x, TYPE_BIGNUM) || obj_length(x) > 1) return false;
    bool negative = obj_flags(x) & BIGNUM_NEGATIVE;
    mp_limb_t m = big_limbs(x)[0];
    if (m > (mp_limb_t)INT64_MAX + negative) return false;
    *out = (int64_t)(negative ? 0 - m : m);
    return true;
}
bool u64_of_integer(Obj x, uint64_t *out) {
    if (is_fix(x) && fix_of_obj(x) >= 0) *out = (uint64_t)fix_of_obj(x);
    else if (has_type(x, TYPE_BIGNUM) && obj_length(x) == 1 && !(obj_flags(x) & BIGNUM_NEGATIVE)) *out = big_limbs(x)[0];
    else return false;
    return true;
}

mp_limb_t *scratch_take(mp_size_t count) {
    mp_limb_t *p = malloc(((size_t)count + 1) * sizeof *p);
    must(p);
    return p;
}

/* -- Sums and products -- */

static Obj add_magnitudes(Thread *t, const Integer *a, const Integer *b, bool negative) {
    if (a->count < b->count) {
        const Integer *c = a;
        a = b;
        b = c;
    }
    Obj x = big_allocate(t, a->count + 1);
    mp_limb_t *d = big_limbs(x);
    d[a->count] = mpn_add(d, a->limbs, a->count, b->limbs, b->count);
    return big_finish(t, x, a->count + 1, negative);
}

static int compare_magnitudes(const Integer *a, const Integer *b) {
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    return a->count ? mpn_cmp(a->limbs, b->limbs, a->count) : 0;
}

static Obj sum(Thread *t, Obj a, Obj b, bool flip) {
    Integer x, y;
    integer_view(&x, a);
    integer_view(&y, b);
    y.negative ^= flip;
    if (x.negative == y.negative) return add_magnitudes(t, &x, &y, x.negative);
    const Integer *large = &x, *small = &y;
    if (compare_magnitudes(large, small) < 0) {
        large = &y;
        small = &x;
    }
    if (!large->count) return obj_of_fix(0);
    Obj r = big_allocate(t, large->count);
    mpn_sub(big_limbs(r), large->limbs, large->count, small->limbs, small->count);
    return big_finish(t, r, large->count, large->negative);
}

Obj integer_add(Thread *t, Obj a, Obj b) {
    return both_fix(a, b) ? integer_of_i64(t, fix_of_obj(a) + fix_of_obj(b)) : sum(t, a, b, false);
}
Obj integer_sub(Thread *t, Obj a, Obj b) {
    return both_fix(a, b) ? integer_of_i64(t, fix_of_obj(a) - fix_of_obj(b)) : sum(t, a, b, true);
}

Obj integer_negate(Thread *t, Obj a) {
    if (is_fix(a)) return integer_of_i64(t, -fix_of_obj(a));
    mp_size_t n = (mp_size_t)obj_length(a);
    Obj x = big_allocate(t, n);
    mpn_copyi(big_limbs(x), big_limbs(a), n);
    return big_finish(t, x, n, !(obj_flags(a) & BIGNUM_NEGATIVE));
}

Obj integer_mul(Thread *t, Obj a, Obj b) {
    int64_t p;
    if (both_fix(a, b) && !__builtin_mul_overflow(fix_of_obj(a), fix_of_obj(b), &p)) return integer_of_i64(t, p);
    Integer x, y;
    integer_view(&x, a);
    integer_view(&y, b);
    const Integer *large = &x, *small = &y;
    if (x.count < y.count) {
        large = &y;
        small = &x;
    }
    if (!small->count) return obj_of_fix(0);
    Obj r = big_allocate(t, large->count + small->count);
    mp_limb_t *d = big_limbs(r);
    if (small->count == 1) d[large->count] = mpn_mul_1(d, large->limbs, large->count, small->limbs[0]);
    else if (large->limbs == small->limbs) mpn_sqr(d, large->limbs, large->count);
    else mpn_mul(d, large->limbs, large->count, small->limbs, small->count);
    return big_finish(t, r, large->count + small->count, x.negative != y.negative);
}

/* -- Division: truncating -- */

/* Magnitudes with at least two limbs in the divisor and no fewer in the dividend. */
static void divide_long(Thread *t, const Integer *x, const Integer *y, Obj *quotient, Obj *remainder) {
    mp_size_t qn = x->count - y->count + 1, rn = y->count;
    Obj r = remainder ? big_allocate(t, rn) : NIL, q = quotient ? big_allocate(t, qn) : NIL;
    mp_limb_t *spare = quotient && remainder ? NULL : scratch_take(quotient ? rn : qn);
    mpn_tdiv_qr(quotient ? big_limbs(q) : spare, remainder ? big_limbs(r) : spare, 0, x->limbs, x->count, y->limbs, y->count);
    free(spare);
    bool q_negative = x->negative != y->negative, r_negative = x->negative;
    if (quotient) *quotient = big_finish(t, q, qn, q_negative);
    if (remainder) *remainder = big_finish(t, r, rn, r_negative);
}

void integer_divide(Thread *t, Obj a, Obj b, Obj *quotient, Obj *remainder) {
    if (is_zero_fix(b)) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(SLASH), a, b);
    if (both_fix(a, b)) {
        int64_t x = fix_of_obj(a), y = fix_of_obj(b);
        if (quotient) *quotient = integer_of_i64(t, x / y);
        if (remainder) *remainder = obj_of_fix(x % y);
        return;
    }
    Integer x, y;
    integer_view(&x, a);
    integer_view(&y, b);
    if (compare_magnitudes(&x, &y) < 0) {
        if (quotient) *quotient = obj_of_fix(0);
        if (remainder) *remainder = a;
    } else if (y.count > 1) {
        divide_long(t, &x, &y, quotient, remainder);
    } else if (quotient) {
        bool q_negative = x.negative != y.negative, r_negative = x.negative;
        mp_size_t n = x.count;
        Obj q = big_allocate(t, n);
        mp_limb_t r = mpn_divrem_1(big_limbs(q), 0, x.limbs, n, y.limbs[0]);
        *quotient = big_finish(t, q, n, q_negative);
        if (remainder) *remainder = integer_of_limb(t, r, r_negative);
    } else if (remainder) {
        *remainder = integer_of_limb(t, mpn_mod_1(x.limbs, x.count, y.limbs[0]), x.negative);
    }
}

/* a / b where b is known to divide a. */
Obj integer_divide_exactly(Thread *t, Obj a, Obj b) {
    if (b.w == obj_of_fix(1).w) return a;
    Obj q;
    integer_divide(t, a, b, &q, NULL);
    return q;
}

/* -- Comparison -- */

int integer_compare(Obj a, Obj b) {
    if (both_fix(a, b)) return fix_of_obj(a) < fix_of_obj(b) ? -1 : fix_of_obj(a) > fix_of_obj(b);
    Integer x, y;
    integer_view(&x, a);
    integer_view(&y, b);
    if (x.negative != y.negative) return x.negative ? -1 : 1;
    int c = compare_magnitudes(&x, &y);
    c = (c > 0) - (c < 0);
    return x.negative ? -c : c;
}

int integer_sign(Obj a) {
    if (is_fix(a)) return fix_of_obj(a) < 0 ? -1 : fix_of_obj(a) > 0;
    return obj_flags(a) & BIGNUM_NEGATIVE ? -1 : 1;
}

bool integer_odd(Obj a) { return is_fix(a) ? fix_of_obj(a) & 1 : big_limbs(a)[0] & 1; }

/* -- Greatest common divisor, powers, roots -- */

static uint64_t gcd_limbs(uint64_t a, uint64_t b) {
    if (!a || !b) return a | b;
    int shift = bits_lowest(a | b);
    a >>= bits_lowest(a);
    do {
        b >>= bits_lowest(b);
        if (a > b) {
            uint64_t c = a;
            a = b;
            b = c;
        }
        b -= a;
    } while (b);
    return a << shift;
}

/* Copies the magnitude without its low zero bits, of which it returns the number; *count becomes the copy's length. */
static mp_bitcnt_t copy_odd_part(mp_limb_t *to, const Integer *x, mp_size_t *count) {
    mp_bitcnt_t zeros = mpn_scan1(x->limbs, 0);
    mp_size_t skip = (mp_size_t)(zeros / 64);
    *count = x->count - skip;
    if (zeros % 64) mpn_rshift(to, x->limbs + skip, *count, (unsigned)(zeros % 64));
    else mpn_copyi(to, x->limbs + skip, *count);
    while (to[*count - 1] == 0) --*count;
    return zeros;
}

/* Both have at least two limbs. */
static Obj gcd_long(Thread *t, const Integer *x, const Integer *y) {
    mp_size_t room = (x->count < y->count ? x->count : y->count) + 1, m, n;
    Obj r = big_allocate(t, room);
    mp_limb_t *u = scratch_take(2 * (x->count + y->count) + 2), *v = u + x->count + 1, *g = v + y->count;
    mp_bitcnt_t zx = copy_odd_part(u, x, &m), zy = copy_odd_part(v, y, &n), zeros = zx < zy ? zx : zy;
    bool order = m > n || (m == n && mpn_cmp(u, v, m) >= 0);
    mp_size_t gn = order ? mpn_gcd(g, u, m, v, n) : mpn_gcd(g, v, n, u, m), skip = (mp_size_t)(zeros / 64);
    mp_limb_t *d = big_limbs(r);
    mpn_zero(d, room);
    if (zeros % 64) {
        mp_limb_t top = mpn_lshift(d + skip, g, gn, (unsigned)(zeros % 64));
        if (top) d[skip + gn] = top;
    } else {
        mpn_copyi(d + skip, g, gn);
    }
    free(u);
    return big_finish(t, r, room, false);
}

Obj integer_gcd(Thread *t, Obj a, Obj b) {
    Integer x, y;
    integer_view(&x, a);
    integer_view(&y, b);
    if (!x.count || !y.count) {
        Obj z = x.count ? a : b;
        return integer_sign(z) < 0 ? integer_negate(t, z) : z;
    }
    if (x.count > 1 && y.count > 1) return gcd_long(t, &x, &y);
    if (x.count > 1) return integer_of_limb(t, gcd_limbs(mpn_mod_1(x.limbs, x.count, y.limbs[0]), y.limbs[0]), false);
    if (y.count > 1) return integer_of_limb(t, gcd_limbs(mpn_mod_1(y.limbs, y.count, x.limbs[0]), x.limbs[0]), false);
    return integer_of_limb(t, gcd_limbs(x.limbs[0], y.limbs[0]), false);
}

/* a to the power of n, by squaring from the top bit down; the intermediate results together are no larger than the last one. */
Obj integer_power(Thread *t, Obj a, uint64_t n) {
    if (n == 0) return obj_of_fix(1);
    if (is_fix(a) && fix_of_obj(a) >= -1 && fix_of_obj(a) <= 1) return fix_of_obj(a) == -1 && !(n & 1) ? obj_of_fix(1) : a;
    uint64_t length = integer_length(a);
    if (n > (UINT64_C(1) << 40) / length) signal_too_large(t);
    Integer x;
    integer_view(&x, a);
    if (x.count == 1 && (x.limbs[0] & (x.limbs[0] - 1)) == 0) {
        bool negative = x.negative && (n & 1);
        return number_ash(t, obj_of_fix(negative ? -1 : 1), obj_of_fix((int64_t)(n * (uint64_t)bits_lowest(x.limbs[0]))));
    }
    Obj r = a;
    for (int bit = bits_highest(n) - 1; bit >= 0; bit--) {
        r = integer_mul(t, r, r);
        if (n >> bit & 1) r = integer_mul(t, r, a);
    }
    return r;
}

/* The greatest integer whose square is not above a, a not negative. */
Obj integer_sqrt(Thread *t, Obj a) {
    Integer x;
    integer_view(&x, a);
    if (!x.count) return a;
    Obj r = big_allocate(t, (x.count + 1) / 2);
    mpn_sqrtrem(big_limbs(r), NULL, x.limbs, x.count);
    return big_finish(t, r, (x.count + 1) / 2, false);
}
