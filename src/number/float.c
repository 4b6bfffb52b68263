/* float.c: from rationals to floats and back, correctly rounded.

   A rational becomes a float by way of its leading 64 bits and one sticky bit that says whether anything lies below them; `round_scaled`
   rounds those once, to nearest even, at the place where the format ends, denormals included.  A float becomes a rational exactly. */
#include "number/tower.h"

#include <float.h>
#include <math.h>

/* -- Rounding -- */

/* (m + something below 1 if sticky) x 2^e as a float of the format; m has its top bit set.  Infinite on overflow. */
static double round_scaled(uint64_t m, bool sticky, int64_t e, bool single) {
    int64_t precision = single ? FLT_MANT_DIG : DBL_MANT_DIG;
    int64_t lowest = single ? FLT_MIN_EXP - FLT_MANT_DIG : DBL_MIN_EXP - DBL_MANT_DIG; /* weight of a denormal's last bit */
    int64_t weight = e + 64 - precision;
    if (weight < lowest) weight = lowest;
    int64_t drop = weight - e;
    if (drop > 64) return 0;
    uint64_t kept = drop == 64 ? 0 : m >> drop;
    uint64_t half = UINT64_C(1) << (drop - 1), rest = m & (half | (half - 1));
    if (rest > half || (rest == half && (sticky || (kept & 1)))) kept++;
    double r = weight > 2000 ? HUGE_VAL : ldexp((double)kept, (int)weight);
    return single && r > (double)FLT_MAX ? HUGE_VAL : r;
}

/* The magnitude's leading 64 bits, its top bit set; *e such that the magnitude is about m x 2^e. */
static uint64_t leading_bits(const Integer *x, int64_t *e, bool *sticky) {
    mp_size_t n = x->count;
    unsigned shift = (unsigned)__builtin_clzll(x->limbs[n - 1]);
    uint64_t m = x->limbs[n - 1] << shift, below = 0;
    if (n > 1) {
        if (shift) m |= x->limbs[n - 2] >> (64 - shift);
        below = x->limbs[n - 2] << shift;
    }
    for (mp_size_t i = n - 3; i >= 0 && !below; i--) below = x->limbs[i];
    *sticky = below != 0;
    *e = (int64_t)(n - 1) * 64 - shift;
    return m;
}

static double integer_to_float(Obj x, bool single) {
    Integer v;
    integer_view(&v, x);
    if (!v.count) return 0;
    int64_t e;
    bool sticky;
    uint64_t m = leading_bits(&v, &e, &sticky);
    double d = round_scaled(m, sticky, e, single);
    return v.negative ? -d : d;
}

/* Divides so that the quotient has at least 65 bits: all that rounding needs, with the remainder as sticky bit. */
static double ratio_to_float(Thread *t, Obj x, bool single) {
    Obj n = rational_numerator(x), d = rational_denominator(x), q, r;
    int64_t shift = 66 + (int64_t)integer_length(d) - (int64_t)integer_length(n);
    if (shift > 0) n = number_ash(t, n, obj_of_fix(shift));
    else d = number_ash(t, d, obj_of_fix(-shift));
    integer_divide(t, n, d, &q, &r);
    Integer v;
    integer_view(&v, q);
    int64_t e;
    bool sticky;
    uint64_t m = leading_bits(&v, &e, &sticky);
    double f = round_scaled(m, sticky || !is_zero_fix(r), e - shift, single);
    return integer_sign(q) < 0 ? -f : f;
}

/* -- Conversions -- */

static double to_float(Thread *t, Obj x, bool single) {
    switch (number_kind(x)) {
    case KIND_FIX:
        return single ? (double)(float)fix_of_obj(x) : (double)fix_of_obj(x);
    case KIND_BIG: return integer_to_float(x, single);
    case KIND_RATIO: return ratio_to_float(t, x, single);
    case KIND_SINGLE: return (double)single_of_obj(x);
    case KIND_DOUBLE: return single ? (double)(float)double_of_obj(x) : double_of_obj(x);
    default: signal_type_error(t, x, SYM(REAL));
    }
}

/* A float of the format, or FLOATING-POINT-OVERFLOW. */
static double to_finite_float(Thread *t, Obj x, bool single) {
    double d = to_float(t, x, single);
    if (UNLIKELY(isinf(d)) && !(number_kind(x) >= KIND_SINGLE && isinf(float_value(x))))
        signal_arithmetic(t, SYM(FLOATING_POINT_OVERFLOW), SYM(COERCE), x, single ? SYM(SINGLE_FLOAT) : SYM(DOUBLE_FLOAT));
    return d;
}

double number_to_double(Thread *t, Obj real) {
    if (has_type(real, TYPE_DOUBLE)) return double_of_obj(real);
    return to_finite_float(t, real, false);
}
float number_to_single(Thread *t, Obj real) {
    if (is_single(real)) return single_of_obj(real);
    return (float)to_finite_float(t, real, true);
}
Obj number_to_float(Thread *t, Obj real, bool single) {
    if (single) return obj_of_single(number_to_single(t, real));
    return has_type(real, TYPE_DOUBLE) ? real : alloc_double(t, number_to_double(t, real));
}

/* The leading 53 bits of a ratio's parts, divided: not correctly rounded, but the same for the same ratio, and without allocation. */
double real_to_double(Obj x) {
    if (!has_type(x, TYPE_RATIO)) return is_integer(x) ? integer_to_float(x, false) : float_value(x);
    Obj parts[2] = {rational_numerator(x), rational_denominator(x)};
    uint64_t m[2];
    int64_t e[2];
    for (int i = 0; i < 2; i++) {
        Integer v;
        bool sticky;
        integer_view(&v, parts[i]);
        m[i] = leading_bits(&v, &e[i], &sticky);
    }
    int64_t scale = e[0] - e[1];
    double d = ldexp((double)m[0] / (double)m[1], (int)(scale > 3000 ? 3000 : scale < -3000 ? -3000 : scale));
    return integer_sign(parts[0]) < 0 ? -d : d;
}

/* -- Taking floats apart -- */

/* |d| = *significand x 2^result, exactly; d is finite.  The significand of a normal number has the format's full precision. */
int float_decode(double d, bool single, uint64_t *significand) {
    int e, precision = single ? FLT_MANT_DIG : DBL_MANT_DIG, lowest = single ? FLT_MIN_EXP - FLT_MANT_DIG : DBL_MIN_EXP - DBL_MANT_DIG;
    double m = frexp(fabs(d), &e);
    e -= precision;
    if (d == 0) {
        *significand = 0;
        return lowest;
    }
    *significand = (uint64_t)ldexp(m, precision);
    if (e < lowest) {
        *significand >>= lowest - e;
        e = lowest;
    }
    return e;
}

Obj rational_of_double(Thread *t, double d) {
    uint64_t m;
    if (!isfinite(d)) signal_arithmetic(t, SYM(FLOATING_POINT_INVALID_OPERATION), SYM(RATIONAL), alloc_double(t, d), UNBOUND);
    int e = float_decode(d, false, &m);
    if (m == 0) return obj_of_fix(0);
    int zeros = bits_lowest(m);
    m >>= zeros;
    e += zeros;
    Obj n = obj_of_fix(d < 0 ? -(int64_t)m : (int64_t)m);
    if (e >= 0) return number_ash(t, n, obj_of_fix(e));
    Obj r = alloc_boxed(t, TYPE_RATIO, 2, n);
    init_field(r, RATIO_DENOMINATOR, number_ash(t, obj_of_fix(1), obj_of_fix(-e)));
    return r;
}

/* The simplest rational in [a, b], 0 < a < b: the continued fraction that the two share, and one step further. */
static Obj simplest_between(Thread *t, Obj a, Obj b) {
    Obj one = obj_of_fix(1), p0 = obj_of_fix(0), q0 = one, p1 = one, q1 = obj_of_fix(0);
    for (;;) {
        Obj k = number_divide(t, ROUND_CEILING, a, one, NULL);
        bool done = number_compare(t, k, b) <= 0;
        if (!done) k = integer_sub(t, k, one);
        Obj p = integer_add(t, integer_mul(t, k, p1), p0), q = integer_add(t, integer_mul(t, k, q1), q0);
        if (done) return rational_make_reduced(t, p, q);
        p0 = p1, q0 = q1, p1 = p, q1 = q;
        Obj low = number_div(t, one, number_sub(t, b, k));
        b = number_div(t, one, number_sub(t, a, k));
        a = low;
    }
}

/* Half a unit in the last place to both sides is what the format cannot tell apart. */
Obj rational_near_float(Thread *t, Obj x) {
    uint64_t m;
    double d = float_value(x);
    if (!isfinite(d)) return rational_of_double(t, d);
    int e = float_decode(d, is_single(x), &m);
    if (m == 0 || e >= 0) return rational_of_double(t, d);
    Obj scale = number_ash(t, obj_of_fix(1), obj_of_fix(1 - e));
    Obj low = rational_make(t, obj_of_fix((int64_t)(2 * m - 1)), scale), high = rational_make(t, obj_of_fix((int64_t)(2 * m + 1)), scale);
    Obj r = simplest_between(t, low, high);
    return d < 0 ? number_negate(t, r) : r;
}
