/* floats.c: leaves of CLHS 12.2 that make floats or take them apart, and the irrational functions. */
#include "run/run.h"

#include "code/code.h"
#include "number/number.h"

#include <float.h>
#include <math.h>

static Obj fix(int64_t n) { return obj_of_fix(n); }

static void check_float(Thread *t, Obj x) {
    if (!is_single(x) && !has_type(x, TYPE_DOUBLE)) signal_type_error(t, x, SYM(FLOAT));
}
static double value_of(Obj x) { return is_single(x) ? (double)single_of_obj(x) : double_of_obj(x); }
static Obj float_like(Thread *t, Obj prototype, double d) { return is_single(prototype) ? obj_of_single((float)d) : alloc_double(t, d); }

/* -- Irrational functions -- */

#define FUNCTION_LEAF(c_name, name, id, doc) \
    BUILTIN(c_name, name, 1, 1, "number", doc) { return number_function(t, FUNCTION_##id, SYM(id), args[0]); }
FUNCTION_LEAF(exp, "EXP", EXP, "e to the power of the number.")
FUNCTION_LEAF(sqrt, "SQRT", SQRT, "The principal square root.")
FUNCTION_LEAF(sin, "SIN", SIN, "The sine of an angle in radians.")
FUNCTION_LEAF(cos, "COS", COS, "The cosine of an angle in radians.")
FUNCTION_LEAF(tan, "TAN", TAN, "The tangent of an angle in radians.")
FUNCTION_LEAF(asin, "ASIN", ASIN, "The arc sine in radians.")
FUNCTION_LEAF(acos, "ACOS", ACOS, "The arc cosine in radians.")
FUNCTION_LEAF(sinh, "SINH", SINH, "The hyperbolic sine.")
FUNCTION_LEAF(cosh, "COSH", COSH, "The hyperbolic cosine.")
FUNCTION_LEAF(tanh, "TANH", TANH, "The hyperbolic tangent.")
FUNCTION_LEAF(asinh, "ASINH", ASINH, "The inverse hyperbolic sine.")
FUNCTION_LEAF(acosh, "ACOSH", ACOSH, "The inverse hyperbolic cosine.")
FUNCTION_LEAF(atanh, "ATANH", ATANH, "The inverse hyperbolic tangent.")

BUILTIN(atan, "ATAN", 1, 2, "y &optional x", "The arc tangent in radians; with x the angle of the point x, y.") {
    return n > 1 ? number_atan2(t, args[0], args[1]) : number_function(t, FUNCTION_ATAN, SYM(ATAN), args[0]);
}
BUILTIN(log, "LOG", 1, 2, "number &optional base", "The logarithm to the base, which is e by default.") {
    return n > 1 ? number_log_base(t, args[0], args[1]) : number_log(t, args[0]);
}

/* -- Conversions -- */

BUILTIN(float, "FLOAT", 1, 2, "real &optional prototype", "The real as a float of the prototype's format; a float as it is, else a single-float, when there is none.") {
    Obj x = args[0];
    if (!is_real(x)) signal_type_error(t, x, SYM(REAL));
    if (n > 1) check_float(t, args[1]);
    if (n == 1) return is_rational(x) ? number_to_float(t, x, true) : x;
    return number_to_float(t, x, is_single(args[1]));
}
BUILTIN(rational, "RATIONAL", 1, 1, "real", "The rational that is exactly the real.") {
    if (is_rational(args[0])) return args[0];
    if (!is_real(args[0])) signal_type_error(t, args[0], SYM(REAL));
    return rational_of_double(t, value_of(args[0]));
}
BUILTIN(rationalize, "RATIONALIZE", 1, 1, "real", "The simplest rational that the real's format cannot tell from it.") {
    if (is_rational(args[0])) return args[0];
    if (!is_real(args[0])) signal_type_error(t, args[0], SYM(REAL));
    return rational_near_float(t, args[0]);
}

/* -- Parts -- */

BUILTIN(decode_float, "DECODE-FLOAT", 1, 1, "float", "Values: significand in [1/2, 1), exponent, sign as a float.") {
    check_float(t, args[0]);
    int e;
    double d = value_of(args[0]), m = frexp(fabs(d), &e);
    return values_3(t, float_like(t, args[0], m), fix(e), float_like(t, args[0], signbit(d) ? -1 : 1));
}
BUILTIN(integer_decode_float, "INTEGER-DECODE-FLOAT", 1, 1, "float", "Values: significand as an integer, exponent, sign as an integer.") {
    check_float(t, args[0]);
    double d = value_of(args[0]);
    uint64_t m;
    if (!isfinite(d)) signal_type_error(t, args[0], SYM(FLOAT));
    int e = float_decode(d, is_single(args[0]), &m);
    return values_3(t, fix((int64_t)m), fix(e), fix(signbit(d) ? -1 : 1));
}
BUILTIN(scale_float, "SCALE-FLOAT", 2, 2, "float integer", "The float times two to the power of the integer.") {
    enum { FAR = 10000 };
    check_float(t, args[0]);
    if (!is_fix(args[1]) && !has_type(args[1], TYPE_BIGNUM)) signal_type_error(t, args[1], SYM(INTEGER));
    int64_t e = is_fix(args[1]) ? fix_of_obj(args[1]) : integer_sign(args[1]) * (int64_t)FAR;
    double d = ldexp(value_of(args[0]), (int)(e > FAR ? FAR : e < -FAR ? -FAR : e));
    return number_float_result(t, is_single(args[0]), d, SYM(SCALE_FLOAT), args[0], args[1]);
}
BUILTIN(float_digits, "FLOAT-DIGITS", 1, 1, "float", "Binary digits of the float's format.") {
    check_float(t, args[0]);
    return fix(is_single(args[0]) ? FLT_MANT_DIG : DBL_MANT_DIG);
}
BUILTIN(float_precision, "FLOAT-PRECISION", 1, 1, "float", "Significant binary digits of the float: fewer if it is denormal, none if zero.") {
    check_float(t, args[0]);
    uint64_t m;
    double d = value_of(args[0]);
    if (!isfinite(d)) return fix(is_single(args[0]) ? FLT_MANT_DIG : DBL_MANT_DIG);
    float_decode(d, is_single(args[0]), &m);
    return fix(m ? bits_highest(m) + 1 : 0);
}
BUILTIN(float_radix, "FLOAT-RADIX", 1, 1, "float", "Two.") {
    check_float(t, args[0]);
    return fix(FLT_RADIX);
}
BUILTIN(float_sign, "FLOAT-SIGN", 1, 2, "float1 &optional (float2 1)", "The absolute value of float2 with the sign of float1.") {
    check_float(t, args[0]);
    if (n > 1) check_float(t, args[1]);
    return n > 1 ? float_like(t, args[1], copysign(value_of(args[1]), value_of(args[0]))) : float_like(t, args[0], copysign(1, value_of(args[0])));
}

/* -- Representation -- */

BUILTIN(float_shortest, "%FLOAT-SHORTEST", 1, 1, "float", "Values: the shortest digits that read back as the magnitude, a base string; e, the magnitude being 0.DIGITS x 10^e.") {
    enum { DIGITS = 40 };
    char digits[DIGITS];
    check_float(t, args[0]);
    if (!isfinite(value_of(args[0]))) signal_type_error(t, args[0], SYM(FLOAT));
    int e = float_shortest(value_of(args[0]), is_single(args[0]), digits);
    return values_2(t, alloc_text(t, digits), fix(e));
}
BUILTIN(float_bits, "%FLOAT-BITS", 1, 1, "float", "The bits of the float's IEEE 754 representation, an integer that is not negative.") {
    check_float(t, args[0]);
    if (is_single(args[0])) return fix((int64_t)(args[0].w >> 32));
    uint64_t bits;
    memcpy(&bits, obj_raw(args[0]), sizeof bits);
    return integer_of_u64(t, bits);
}
BUILTIN(make_single, "%MAKE-SINGLE-FLOAT", 1, 1, "bits", "The single-float of these 32 bits.") {
    uint64_t bits;
    if (!u64_of_integer(args[0], &bits) || bits >> 32) signal_type_error(t, args[0], SYM(UNSIGNED_BYTE));
    return (Obj){bits << 32 | IMM_SINGLE};
}
BUILTIN(make_double, "%MAKE-DOUBLE-FLOAT", 1, 1, "bits", "The double-float of these 64 bits.") {
    uint64_t bits;
    double d;
    if (!u64_of_integer(args[0], &bits)) signal_type_error(t, args[0], SYM(UNSIGNED_BYTE));
    memcpy(&d, &bits, sizeof d);
    return alloc_double(t, d);
}
BUILTIN(float_infinity_p, "EXT:FLOAT-INFINITY-P", 1, 1, "float", "Whether the float is an infinity.") {
    check_float(t, args[0]);
    return obj_of_bool(isinf(value_of(args[0])));
}
BUILTIN(float_nan_p, "EXT:FLOAT-NAN-P", 1, 1, "float", "Whether the float is not a number.") {
    check_float(t, args[0]);
    return obj_of_bool(isnan(value_of(args[0])));
}
