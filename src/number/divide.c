/* divide.c: division with remainder: truncate, floor, ceiling and round of any reals (CLHS 12.1.4, FLOOR).

   All four are truncation and a correction of one.  Integers divide exactly; rationals by the integer quotient of n1 d2 by d1 n2;
   floats divide, drop the fraction and take the remainder a - q b, in the format that contagion gives. */
#include "number/tower.h"

#include <math.h>

/* -- Truncation -- */

static Kind check_reals(Thread *t, Obj a, Obj b) {
    Kind ka = number_kind(a), kb = number_kind(b);
    if (ka >= KIND_COMPLEX) signal_type_error(t, a, SYM(REAL));
    if (kb >= KIND_COMPLEX) signal_type_error(t, b, SYM(REAL));
    return kind_max(ka, kb);
}

static void truncate_ratios(Thread *t, Obj a, Obj b, Obj *q, Obj *r) {
    if (is_zero_fix(b)) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(TRUNCATE), a, b);
    integer_divide(t, integer_mul(t, rational_numerator(a), rational_denominator(b)),
                   integer_mul(t, rational_denominator(a), rational_numerator(b)), q, NULL);
    if (r) *r = number_sub(t, a, number_mul(t, *q, b));
}

/* The truncated quotient of floats, and the remainder, as doubles; singles are kept in their precision. */
static double truncate_floats(Thread *t, bool single, Obj a, Obj b, double *r) {
    double x = single ? (double)number_to_single(t, a) : number_to_double(t, a);
    double y = single ? (double)number_to_single(t, b) : number_to_double(t, b);
    if (y == 0) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(TRUNCATE), a, b);
    double exact = x / y, q = trunc(single ? (double)(float)exact : exact);
    if (!isfinite(q)) signal_arithmetic(t, isfinite(x) && isfinite(y) ? SYM(FLOATING_POINT_OVERFLOW) : SYM(FLOATING_POINT_INVALID_OPERATION), SYM(TRUNCATE), a, b);
    double product = (q == 0 ? 0.0 : q) * y, rest = x - (single ? (double)(float)product : product); /* the integer 0 has no sign */
    *r = single ? (double)(float)rest : rest;
    return q;
}

Obj number_truncate(Thread *t, Obj a, Obj b, Obj *remainder) {
    Obj q;
    if (both_fix(a, b) && !is_zero_fix(b)) {
        int64_t x = fix_of_obj(a), y = fix_of_obj(b);
        if (remainder) *remainder = obj_of_fix(x % y);
        return integer_of_i64(t, x / y);
    }
    Kind k = check_reals(t, a, b);
    if (k < KIND_RATIO) {
        integer_divide(t, a, b, &q, remainder);
    } else if (k == KIND_RATIO) {
        truncate_ratios(t, a, b, &q, remainder);
    } else {
        double r, d = truncate_floats(t, k == KIND_SINGLE, a, b, &r);
        q = fabs(d) < 0x1p61 ? obj_of_fix((int64_t)d) : rational_of_double(t, d);
        if (remainder) *remainder = make_float(t, k == KIND_SINGLE, r);
    }
    return q;
}

/* -- Corrections -- */

/* By how much the truncated quotient is to be corrected, given the remainder: -1, 0 or 1. */
static int correction(Thread *t, Rounding mode, Obj q, Obj r, Obj b) {
    int rs = number_sign(t, r), bs = number_sign(t, b), away = rs == bs ? 1 : -1;
    if (rs == 0 || mode == ROUND_TRUNCATE) return 0;
    if (mode == ROUND_FLOOR) return away < 0 ? -1 : 0;
    if (mode == ROUND_CEILING) return away > 0 ? 1 : 0;
    Obj twice = number_add(t, number_abs(t, r), number_abs(t, r));
    int c = number_compare(t, twice, number_abs(t, b));
    return c > 0 || (c == 0 && integer_odd(q)) ? away : 0;
}

Obj number_divide(Thread *t, Rounding mode, Obj a, Obj b, Obj *remainder) {
    Obj r, q = number_truncate(t, a, b, &r);
    int c = correction(t, mode, q, r, b);
    if (c) {
        q = integer_add(t, q, obj_of_fix(c));
        if (remainder) r = c > 0 ? number_sub(t, r, b) : number_add(t, r, b);
    }
    if (remainder) *remainder = r;
    return q;
}

Obj number_floor(Thread *t, Obj a, Obj b, Obj *remainder) {
    if (both_fix(a, b) && !is_zero_fix(b)) {
        int64_t x = fix_of_obj(a), y = fix_of_obj(b), q = x / y, r = x % y;
        if (r && (r ^ y) < 0) {
            q--;
            r += y;
        }
        if (remainder) *remainder = obj_of_fix(r);
        return integer_of_i64(t, q);
    }
    return number_divide(t, ROUND_FLOOR, a, b, remainder);
}

/* Modulus and remainder without the quotient where integers allow it. */
Obj number_rem(Thread *t, Obj a, Obj b) {
    Obj r;
    if (is_integer(a) && is_integer(b)) integer_divide(t, a, b, NULL, &r);
    else number_truncate(t, a, b, &r);
    return r;
}
Obj number_mod(Thread *t, Obj a, Obj b) {
    Obj r = number_rem(t, a, b);
    int rs = number_sign(t, r);
    return rs && rs != number_sign(t, b) ? number_add(t, r, b) : r;
}

/* -- Quotients as floats: FFLOOR and its kin -- */

static double correct_float(Rounding mode, double q, double r, double y) {
    if (r == 0 || mode == ROUND_TRUNCATE) return 0;
    double away = (r < 0) == (y < 0) ? 1 : -1, twice = 2 * fabs(r);
    if (mode == ROUND_FLOOR) return away < 0 ? -1 : 0;
    if (mode == ROUND_CEILING) return away > 0 ? 1 : 0;
    return twice > fabs(y) || (twice == fabs(y) && fmod(q, 2) != 0) ? away : 0;
}

Obj number_fdivide(Thread *t, Rounding mode, Obj a, Obj b, Obj *remainder) {
    Kind k = check_reals(t, a, b);
    bool single = k != KIND_DOUBLE;
    if (k < KIND_SINGLE) return number_to_float(t, number_divide(t, mode, a, b, remainder), true);
    double r, q = truncate_floats(t, single, a, b, &r), y = number_to_double(t, b);
    if (r == 0) r = 0; /* x - q y with a float q gives no negative zero */
    double c = correct_float(mode, q, r, y);
    if (c != 0) q += c;
    if (remainder) *remainder = make_float(t, single, c != 0 ? r - c * y : r);
    return make_float(t, single, q);
}
