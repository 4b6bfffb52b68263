/* irrational.c: exp, log, powers, roots, the circular and hyperbolic functions and their inverses (CLHS 12.1.3.3, 12.2).

   Each function is a row of a table: the C library's function of a real, the one of a complex, where the real one is defined, and on which side
   of its branch cut a real outside lies (the sign of the imaginary zero it gets; CLHS names the quadrant with which each cut is
   continuous).  Rationals give single-floats (CLHS 12.1.3.3); singles are computed as doubles and rounded once more. */
#include "number/tower.h"

#include <complex.h>
#include <math.h>

typedef double complex Z;

typedef struct Function {
    double (*of_real)(double);
    Z (*of_complex)(Z);
    double low, high;      /* the real function is defined on [low, high] */
    double below, above;   /* the imaginary part that a real below or above the domain gets */
} Function;

static const Function functions[] = {
    [FUNCTION_EXP] = {exp, cexp, -HUGE_VAL, HUGE_VAL, 0, 0},    [FUNCTION_SQRT] = {sqrt, csqrt, -0.0, HUGE_VAL, 0.0, 0},
    [FUNCTION_SIN] = {sin, csin, -HUGE_VAL, HUGE_VAL, 0, 0},    [FUNCTION_COS] = {cos, ccos, -HUGE_VAL, HUGE_VAL, 0, 0},
    [FUNCTION_TAN] = {tan, ctan, -HUGE_VAL, HUGE_VAL, 0, 0},    [FUNCTION_ASIN] = {asin, casin, -1, 1, 0.0, -0.0},
    [FUNCTION_ACOS] = {acos, cacos, -1, 1, 0.0, -0.0},          [FUNCTION_ATAN] = {atan, catan, -HUGE_VAL, HUGE_VAL, 0, 0},
    [FUNCTION_SINH] = {sinh, csinh, -HUGE_VAL, HUGE_VAL, 0, 0}, [FUNCTION_COSH] = {cosh, ccosh, -HUGE_VAL, HUGE_VAL, 0, 0},
    [FUNCTION_TANH] = {tanh, ctanh, -HUGE_VAL, HUGE_VAL, 0, 0}, [FUNCTION_ASINH] = {asinh, casinh, -HUGE_VAL, HUGE_VAL, 0, 0},
    [FUNCTION_ACOSH] = {acosh, cacosh, 1, HUGE_VAL, 0.0, 0},    [FUNCTION_ATANH] = {atanh, catanh, -1, 1, 0.0, 0.0},
};

/* -- Words and C complexes -- */

/* Whether a result computed from x is single: x has no double part. */
static bool gives_single(Obj x) {
    return number_kind(number_real_part(x)) != KIND_DOUBLE && number_kind(number_imaginary_part(x)) != KIND_DOUBLE;
}

static Z complex_value(Thread *t, Obj x) {
    double re = number_to_double(t, number_real_part(x));
    return CMPLX(re, has_type(x, TYPE_COMPLEX) ? number_to_double(t, number_imaginary_part(x)) : 0.0);
}

static Obj complex_result(Thread *t, bool single, Z z, Obj operation, Obj a, Obj b) {
    Obj re = number_float_result(t, single, creal(z), operation, a, b), im = number_float_result(t, single, cimag(z), operation, a, b);
    return complex_make(t, re, im);
}

static void check_number(Thread *t, Obj x) {
    if (number_kind(x) == KIND_NONE) signal_type_error(t, x, SYM(NUMBER));
}

/* -- Functions of one number -- */

Obj number_function(Thread *t, FunctionId id, Obj name, Obj x) {
    const Function *f = &functions[id];
    check_number(t, x);
    bool single = gives_single(x);
    if (has_type(x, TYPE_COMPLEX)) return complex_result(t, single, f->of_complex(complex_value(t, x)), name, x, UNBOUND);
    double d = number_to_double(t, x);
    if (id == FUNCTION_ATANH && fabs(d) == 1) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), name, x, UNBOUND);
    if (d < f->low) return complex_result(t, single, f->of_complex(CMPLX(d, f->below)), name, x, UNBOUND);
    if (d > f->high) return complex_result(t, single, f->of_complex(CMPLX(d, f->above)), name, x, UNBOUND);
    return number_float_result(t, single, f->of_real(d), name, x, UNBOUND);
}

Obj number_atan2(Thread *t, Obj y, Obj x) {
    if (number_kind(y) >= KIND_COMPLEX) signal_type_error(t, y, SYM(REAL));
    if (number_kind(x) >= KIND_COMPLEX) signal_type_error(t, x, SYM(REAL));
    return make_float(t, gives_single(x) && gives_single(y), atan2(number_to_double(t, y), number_to_double(t, x)));
}

Obj number_phase(Thread *t, Obj x) {
    check_number(t, x);
    return number_atan2(t, number_imaginary_part(x), number_real_part(x));
}

/* |x| of any number. */
Obj number_magnitude(Thread *t, Obj x) {
    check_number(t, x);
    if (!has_type(x, TYPE_COMPLEX)) return number_abs(t, x);
    Z z = complex_value(t, x);
    return number_float_result(t, gives_single(x), hypot(creal(z), cimag(z)), SYM(SQRT), x, UNBOUND);
}

Obj number_cis(Thread *t, Obj x) {
    if (number_kind(x) >= KIND_COMPLEX) signal_type_error(t, x, SYM(REAL));
    double d = number_to_double(t, x);
    return complex_result(t, gives_single(x), CMPLX(cos(d), sin(d)), SYM(EXP), x, UNBOUND);
}

/* -- Logarithms -- */

/* ln of a positive integer, as large as it may be. */
static double log_of_integer(Thread *t, Obj x) {
    enum { SAFE_LENGTH = 1000 };
    uint64_t length = integer_length(x);
    if (length <= SAFE_LENGTH) return log(number_to_double(t, x));
    int64_t drop = (int64_t)length - SAFE_LENGTH;
    return log(number_to_double(t, number_ash(t, x, obj_of_fix(-drop)))) + (double)drop * M_LN2;
}

/* ln |x| for a real that is not zero. */
static double log_of_magnitude(Thread *t, Obj x) {
    if (is_integer(x)) return log_of_integer(t, number_abs(t, x));
    double d = fabs(real_to_double(x));
    if (!has_type(x, TYPE_RATIO)) return log(d);
    if (d > 1e-300 && d < 1e300) return log(fabs(number_to_double(t, x)));
    return log_of_integer(t, number_abs(t, rational_numerator(x))) - log_of_integer(t, rational_denominator(x));
}

static Z log_of_number(Thread *t, Obj x) {
    if (has_type(x, TYPE_COMPLEX)) return clog(complex_value(t, x));
    if (number_is_zero(t, x)) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(LOG), x, UNBOUND);
    return CMPLX(log_of_magnitude(t, x), number_sign(t, x) < 0 ? M_PI : 0);
}

static bool is_positive_real(Thread *t, Obj x) { return !has_type(x, TYPE_COMPLEX) && number_sign(t, x) > 0; }

Obj number_log(Thread *t, Obj x) {
    check_number(t, x);
    if (number_kind(x) != KIND_COMPLEX && number_kind(x) >= KIND_SINGLE && isnan(float_value(x))) return x;
    Z z = log_of_number(t, x);
    if (has_type(x, TYPE_COMPLEX) || number_sign(t, x) < 0) return complex_result(t, gives_single(x), z, SYM(LOG), x, UNBOUND);
    return number_float_result(t, gives_single(x), creal(z), SYM(LOG), x, UNBOUND);
}

Obj number_log_base(Thread *t, Obj x, Obj base) {
    check_number(t, x);
    check_number(t, base);
    bool single = gives_single(x) && gives_single(base);
    if (number_is_zero(t, base)) return make_float(t, single, 0);
    if (!is_positive_real(t, x) || !is_positive_real(t, base)) {
        Obj n = number_log(t, single ? x : number_mul(t, x, alloc_double(t, 1)));
        return number_div(t, n, number_log(t, single ? base : number_mul(t, base, alloc_double(t, 1))));
    }
    double n = log_of_magnitude(t, x), d = log_of_magnitude(t, base), q = n / d;
    if (d == 0) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(LOG), x, base);
    /* A whole power of a whole base has a whole logarithm, whatever the division's last bit says. */
    double whole = nearbyint(q);
    if (fabs(whole) < 1e6 && fabs(q - whole) < 1e-12 * (1 + fabs(whole))) {
        double b = number_to_double(t, base), power = pow(b, whole);
        if (isfinite(power) && number_compare(t, alloc_double(t, power), x) == 0) q = whole;
    }
    return number_float_result(t, single, q, SYM(LOG), x, base);
}

/* -- Powers -- */

/* By squaring, for complexes. */
static Obj power_by_squaring(Thread *t, Obj base, Obj power) {
    Obj r = obj_of_fix(1);
    for (int64_t bit = (int64_t)integer_length(power) - 1; bit >= 0; bit--) {
        r = number_mul(t, r, r);
        if (integer_bit(power, (uint64_t)bit)) r = number_mul(t, r, base);
    }
    return r;
}

static Obj rational_power(Thread *t, Obj base, Obj power) {
    bool inverse = integer_sign(power) < 0;
    Obj magnitude = inverse ? integer_negate(t, power) : power, n = rational_numerator(base), d = rational_denominator(base);
    uint64_t e;
    if (is_zero_fix(base) && inverse) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(EXPT), base, power);
    if (!u64_of_integer(magnitude, &e)) {
        if (!is_fix(base) || fix_of_obj(base) < -1 || fix_of_obj(base) > 1) signal_too_large(t);
        e = integer_odd(magnitude) ? 1 : 2;
    }
    n = integer_power(t, n, e);
    d = integer_power(t, d, e);
    return inverse ? rational_make(t, d, n) : rational_make_reduced(t, n, d);
}

static Obj integer_exponent(Thread *t, Obj base, Obj power) {
    Kind k = number_kind(base);
    if (k < KIND_SINGLE) return is_zero_fix(power) ? obj_of_fix(1) : rational_power(t, base, power);
    if (k == KIND_COMPLEX) {
        if (is_zero_fix(power)) return number_add(t, number_mul(t, base, obj_of_fix(0)), obj_of_fix(1));
        if (integer_sign(power) > 0) return power_by_squaring(t, base, power);
        return number_div(t, obj_of_fix(1), power_by_squaring(t, base, integer_negate(t, power)));
    }
    double b = float_value(base);
    if (b == 0 && integer_sign(power) < 0) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(EXPT), base, power);
    double p = real_to_double(power);
    bool odd_lost = !is_fix(power) && integer_odd(power) && b < 0;
    double r = pow(odd_lost ? -b : b, p);
    return number_float_result(t, k == KIND_SINGLE, odd_lost ? -r : r, SYM(EXPT), base, power);
}

Obj number_expt(Thread *t, Obj base, Obj power) {
    check_number(t, base);
    check_number(t, power);
    if (is_integer(power)) return integer_exponent(t, base, power);
    bool single = gives_single(base) && gives_single(power);
    if (!has_type(base, TYPE_COMPLEX) && !has_type(power, TYPE_COMPLEX)) {
        double b = number_to_double(t, base), p = number_to_double(t, power);
        if (b == 0 && p < 0) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(EXPT), base, power);
        if (!(b < 0) || p == trunc(p)) return number_float_result(t, single, pow(b, p), SYM(EXPT), base, power);
    }
    if (number_is_zero(t, base)) {
        if (number_sign(t, number_real_part(power)) <= 0) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(EXPT), base, power);
        return complex_make(t, make_float(t, single, 0), make_float(t, single, 0));
    }
    Z z = cexp(complex_value(t, power) * log_of_number(t, base));
    return complex_result(t, single, z, SYM(EXPT), base, power);
}
