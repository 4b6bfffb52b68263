/* arithmetic.c: leaves of CLHS 12.2 that take any numbers: operations, comparisons, division, powers, parts of numbers. */
#include "run/run.h"

#include "code/code.h"
#include "number/number.h"

static Obj fix(int64_t n) { return obj_of_fix(n); }

static void check_integer(Thread *t, Obj x) {
    if (!is_fix(x) && !has_type(x, TYPE_BIGNUM)) signal_type_error(t, x, SYM(INTEGER));
}
static void check_number(Thread *t, Obj x) {
    if (!is_number(x)) signal_type_error(t, x, SYM(NUMBER));
}
static void check_real(Thread *t, Obj x) {
    if (!is_real(x)) signal_type_error(t, x, SYM(REAL));
}
static void check_rational(Thread *t, Obj x) {
    if (!is_rational(x)) signal_type_error(t, x, SYM(RATIONAL));
}

/* -- Operations -- */

BUILTIN(add, "+", 0, ARGS_ANY, "&rest numbers", "The sum of the numbers.") {
    Obj r = fix(0);
    if (n == 1) check_number(t, args[0]);
    if (n) r = args[0];
    for (uint32_t i = 1; i < n; i++) r = number_add(t, r, args[i]);
    return r;
}
BUILTIN(multiply, "*", 0, ARGS_ANY, "&rest numbers", "The product of the numbers.") {
    Obj r = fix(1);
    if (n == 1) check_number(t, args[0]);
    if (n) r = args[0];
    for (uint32_t i = 1; i < n; i++) r = number_mul(t, r, args[i]);
    return r;
}
BUILTIN(subtract, "-", 1, ARGS_ANY, "number &rest more", "The negative of the number, or what remains of it when the others are subtracted.") {
    if (n == 1) return number_negate(t, args[0]);
    Obj r = args[0];
    for (uint32_t i = 1; i < n; i++) r = number_sub(t, r, args[i]);
    return r;
}
BUILTIN(divide, "/", 1, ARGS_ANY, "number &rest more", "The reciprocal of the number, or the number divided by the others.") {
    if (n == 1) return number_div(t, fix(1), args[0]);
    Obj r = args[0];
    for (uint32_t i = 1; i < n; i++) r = number_div(t, r, args[i]);
    return r;
}
BUILTIN(one_plus, "1+", 1, 1, "number", "The number plus one.") { return number_add(t, args[0], fix(1)); }
BUILTIN(one_minus, "1-", 1, 1, "number", "The number minus one.") { return number_sub(t, args[0], fix(1)); }

BUILTIN(abs, "ABS", 1, 1, "number", "The absolute value.") { return number_magnitude(t, args[0]); }
BUILTIN(signum, "SIGNUM", 1, 1, "number", "The number divided by its absolute value, or the zero that it is.") {
    Obj x = args[0];
    check_number(t, x);
    if (is_rational(x)) return fix(number_sign(t, x));
    if (number_is_zero(t, x)) return x;
    return number_div(t, x, number_magnitude(t, x));
}
BUILTIN(expt, "EXPT", 2, 2, "base power", "The base to the power; exact when both are rational and the power is an integer.") { return number_expt(t, args[0], args[1]); }
BUILTIN(gcd, "GCD", 0, ARGS_ANY, "&rest integers", "The greatest common divisor, not negative; 0 of no integers.") {
    Obj r = fix(0);
    for (uint32_t i = 0; i < n; i++) {
        check_integer(t, args[i]);
        r = integer_gcd(t, r, args[i]);
    }
    return r;
}
BUILTIN(lcm, "LCM", 0, ARGS_ANY, "&rest integers", "The least common multiple, not negative; 1 of no integers.") {
    Obj r = fix(1);
    for (uint32_t i = 0; i < n; i++) check_integer(t, args[i]);
    for (uint32_t i = 0; i < n; i++) {
        if (number_is_zero(t, args[i])) return fix(0);
        r = integer_mul(t, r, integer_divide_exactly(t, args[i], integer_gcd(t, r, args[i])));
        r = number_abs(t, r);
    }
    return r;
}

/* -- Comparisons -- */

BUILTIN(equal_numbers, "=", 1, ARGS_ANY, "number &rest more", "Whether all are the same number; exact.") {
    bool result = true;
    check_number(t, args[0]);
    for (uint32_t i = 1; i < n; i++) result &= number_equal(t, args[i - 1], args[i]);
    return obj_of_bool(result);
}
BUILTIN(different_numbers, "/=", 1, ARGS_ANY, "number &rest more", "Whether no two are the same number; exact.") {
    bool result = true;
    check_number(t, args[0]);
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t j = 0; j < i; j++) result &= !number_equal(t, args[j], args[i]);
    return obj_of_bool(result);
}

/* COMPARISON: true when each neighbouring pair compares as `test` of c says; NaNs (c is 2) never do. */
#define COMPARISON(c_name, name, test, doc)                                    \
    BUILTIN(c_name, name, 1, ARGS_ANY, "real &rest more", doc) {              \
        bool result = true;                                                    \
        check_real(t, args[0]);                                                \
        for (uint32_t i = 1; i < n; i++) {                                     \
            int c = number_compare(t, args[i - 1], args[i]);                   \
            result &= (test);                                                  \
        }                                                                      \
        return obj_of_bool(result);                                            \
    }
COMPARISON(less, "<", c == -1, "Whether each is less than the next; exact.")
COMPARISON(greater, ">", c == 1, "Whether each is greater than the next; exact.")
COMPARISON(not_greater, "<=", c <= 0, "Whether each is at most the next; exact.")
COMPARISON(not_less, ">=", c == 0 || c == 1, "Whether each is at least the next; exact.")

static Obj extremum(Thread *t, Obj *args, uint32_t n, int wanted) {
    Obj r = args[0];
    check_real(t, r);
    for (uint32_t i = 1; i < n; i++)
        if (number_compare(t, args[i], r) == wanted) r = args[i];
    return r;
}
BUILTIN(max, "MAX", 1, ARGS_ANY, "real &rest more", "The greatest of the reals, as it is.") { return extremum(t, args, n, 1); }
BUILTIN(min, "MIN", 1, ARGS_ANY, "real &rest more", "The least of the reals, as it is.") { return extremum(t, args, n, -1); }

/* -- Predicates -- */

BUILTIN(zerop, "ZEROP", 1, 1, "number", "Whether the number is zero.") { return obj_of_bool(number_is_zero(t, args[0])); }
BUILTIN(plusp, "PLUSP", 1, 1, "real", "Whether the real is greater than zero.") { return obj_of_bool(number_sign(t, args[0]) > 0); }
BUILTIN(minusp, "MINUSP", 1, 1, "real", "Whether the real is less than zero.") { return obj_of_bool(number_sign(t, args[0]) < 0); }
BUILTIN(evenp, "EVENP", 1, 1, "integer", "Whether the integer is divisible by two.") {
    check_integer(t, args[0]);
    return obj_of_bool(!integer_odd(args[0]));
}
BUILTIN(oddp, "ODDP", 1, 1, "integer", "Whether the integer is not divisible by two.") {
    check_integer(t, args[0]);
    return obj_of_bool(integer_odd(args[0]));
}

/* -- Division -- */

#define DIVISION(c_name, name, f, mode, doc)                                                                        \
    BUILTIN(c_name, name, 1, 2, "number &optional (divisor 1)", doc " Values: the quotient and the remainder.") { \
        Obj r, q = f(t, mode, args[0], ARG(1, fix(1)), &r);                                                         \
        return values_2(t, q, r);                                                                                   \
    }
DIVISION(floor, "FLOOR", number_divide, ROUND_FLOOR, "The quotient, rounded towards negative infinity.")
DIVISION(ceiling, "CEILING", number_divide, ROUND_CEILING, "The quotient, rounded towards positive infinity.")
DIVISION(truncate, "TRUNCATE", number_divide, ROUND_TRUNCATE, "The quotient, rounded towards zero.")
DIVISION(round, "ROUND", number_divide, ROUND_ROUND, "The quotient, rounded to the nearest integer, to the even one of two.")
DIVISION(ffloor, "FFLOOR", number_fdivide, ROUND_FLOOR, "The quotient, rounded towards negative infinity, as a float.")
DIVISION(fceiling, "FCEILING", number_fdivide, ROUND_CEILING, "The quotient, rounded towards positive infinity, as a float.")
DIVISION(ftruncate, "FTRUNCATE", number_fdivide, ROUND_TRUNCATE, "The quotient, rounded towards zero, as a float.")
DIVISION(fround, "FROUND", number_fdivide, ROUND_ROUND, "The quotient, rounded to the nearest integer, as a float.")

BUILTIN(mod, "MOD", 2, 2, "number divisor", "The remainder of FLOOR.") { return number_mod(t, args[0], args[1]); }
BUILTIN(rem, "REM", 2, 2, "number divisor", "The remainder of TRUNCATE.") { return number_rem(t, args[0], args[1]); }

/* -- Parts of numbers -- */

BUILTIN(numerator, "NUMERATOR", 1, 1, "rational", "The numerator of the rational in lowest terms.") {
    check_rational(t, args[0]);
    return rational_numerator(args[0]);
}
BUILTIN(denominator, "DENOMINATOR", 1, 1, "rational", "The denominator of the rational in lowest terms, positive.") {
    check_rational(t, args[0]);
    return rational_denominator(args[0]);
}
BUILTIN(complex, "COMPLEX", 1, 2, "realpart &optional (imagpart 0)", "The complex number of these parts; a rational if they are rational and imagpart is 0.") {
    Obj im = fix(0);
    if (n > 1) im = args[1];
    return complex_make(t, args[0], im);
}
BUILTIN(realpart, "REALPART", 1, 1, "number", "The real part.") {
    check_number(t, args[0]);
    return number_real_part(args[0]);
}
BUILTIN(imagpart, "IMAGPART", 1, 1, "number", "The imaginary part; for a real, zero of its type.") {
    check_number(t, args[0]);
    if (is_rational(args[0]) || has_type(args[0], TYPE_COMPLEX)) return number_imaginary_part(args[0]);
    return number_mul(t, fix(0), args[0]);
}
BUILTIN(conjugate, "CONJUGATE", 1, 1, "number", "The complex conjugate.") {
    check_number(t, args[0]);
    if (!has_type(args[0], TYPE_COMPLEX)) return args[0];
    return complex_make(t, number_real_part(args[0]), number_negate(t, number_imaginary_part(args[0])));
}
BUILTIN(phase, "PHASE", 1, 1, "number", "The angle of the number's polar representation, in radians.") { return number_phase(t, args[0]); }
BUILTIN(cis, "CIS", 1, 1, "radians", "The complex number on the unit circle at that angle.") { return number_cis(t, args[0]); }

BUILTIN(number_hash, "%NUMBER-HASH", 1, 1, "number", "A hash code, the same for numbers that are EQL.") {
    check_number(t, args[0]);
    return fix((int64_t)(number_hash(args[0]) >> 4));
}
