/* arithmetic.c: + - * / and comparison over the whole tower.

   Two operands meet at the larger of their kinds (contagion, CLHS 12.1.4.4).  Ratios are added and multiplied as Knuth does (TAOCP 4.5.1): the
   greatest common divisors are taken of the parts and not of the products.  Comparison never rounds (CLHS 12.1.4.1): a rational and a float are
   compared as rationals when the float may not hold the rational exactly.

   Float traps: an infinite result of finite operands is FLOATING-POINT-OVERFLOW, a NaN from none is FLOATING-POINT-INVALID-OPERATION, a
   zero divisor is DIVISION-BY-ZERO; underflow gives a denormal or zero. */
#include "number/tower.h"

#include <math.h>

/* -- Failures -- */

NORETURN void signal_arithmetic(Thread *t, Obj type, Obj operation, Obj a, Obj b) {
    Obj operands = alloc_cons(t, a, eq(b, UNBOUND) ? NIL : alloc_cons(t, b, NIL));
    signal_condition(t, type, 4, SYM(K_OPERATION), operation, SYM(K_OPERANDS), operands);
}

static bool finite_operand(Obj x) {
    Kind k = number_kind(x);
    if (k == KIND_COMPLEX) return finite_operand(obj_slots(x)[COMPLEX_REAL]) && finite_operand(obj_slots(x)[COMPLEX_IMAGINARY]);
    return k < KIND_SINGLE || k > KIND_DOUBLE || isfinite(float_value(x));
}

Obj number_float_result(Thread *t, bool single, double r, Obj operation, Obj a, Obj b) {
    if (single) r = (double)(float)r;
    if (UNLIKELY(!isfinite(r)) && finite_operand(a) && finite_operand(b))
        signal_arithmetic(t, isnan(r) ? SYM(FLOATING_POINT_INVALID_OPERATION) : SYM(FLOATING_POINT_OVERFLOW), operation, a, b);
    return make_float(t, single, r);
}

static Kind kind_of_number(Thread *t, Obj x) {
    Kind k = number_kind(x);
    if (k == KIND_NONE) signal_type_error(t, x, SYM(NUMBER));
    return k;
}
static Kind kind_of_real(Thread *t, Obj x) {
    Kind k = number_kind(x);
    if (k >= KIND_COMPLEX) signal_type_error(t, x, SYM(REAL));
    return k;
}

/* -- Making ratios and complexes -- */

Obj rational_numerator(Obj x) { return is_integer(x) ? x : obj_slots(x)[RATIO_NUMERATOR]; }
Obj rational_denominator(Obj x) { return is_integer(x) ? obj_of_fix(1) : obj_slots(x)[RATIO_DENOMINATOR]; }

/* n / d without common factor, d positive. */
Obj rational_make_reduced(Thread *t, Obj n, Obj d) {
    if (d.w == obj_of_fix(1).w) return n;
    Obj r = alloc_boxed(t, TYPE_RATIO, 2, n);
    init_field(r, RATIO_DENOMINATOR, d);
    return r;
}

Obj rational_make(Thread *t, Obj n, Obj d) {
    if (is_zero_fix(d)) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(SLASH), n, d);
    if (both_fix(n, d) && fix_of_obj(n) % fix_of_obj(d) == 0) return integer_of_i64(t, fix_of_obj(n) / fix_of_obj(d));
    Obj g = integer_gcd(t, n, d);
    if (integer_sign(d) < 0) g = integer_negate(t, g);
    return rational_make_reduced(t, integer_divide_exactly(t, n, g), integer_divide_exactly(t, d, g));
}

/* A complex of two reals of one kind, or both rational; a rational with imaginary part 0 is its real part. */
static Obj complex_of_parts(Thread *t, Obj re, Obj im) {
    if (is_zero_fix(im)) return re;
    Obj c = alloc_boxed(t, TYPE_COMPLEX, 2, re);
    init_field(c, COMPLEX_IMAGINARY, im);
    return c;
}

Obj complex_make(Thread *t, Obj re, Obj im) {
    Kind k = kind_max(kind_of_real(t, re), kind_of_real(t, im));
    if (k < KIND_SINGLE) return complex_of_parts(t, re, im);
    bool single = k == KIND_SINGLE;
    return complex_of_parts(t, number_to_float(t, re, single), number_to_float(t, im, single));
}

Obj number_real_part(Obj x) { return has_type(x, TYPE_COMPLEX) ? obj_slots(x)[COMPLEX_REAL] : x; }
Obj number_imaginary_part(Obj x) { return has_type(x, TYPE_COMPLEX) ? obj_slots(x)[COMPLEX_IMAGINARY] : obj_of_fix(0); }

/* -- Ratios -- */

static Obj ratio_sum(Thread *t, Obj a, Obj b, bool subtract) {
    Obj an = rational_numerator(a), ad = rational_denominator(a), bn = rational_numerator(b), bd = rational_denominator(b);
    Obj g = integer_gcd(t, ad, bd);
    Obj left = integer_mul(t, an, integer_divide_exactly(t, bd, g)), right = integer_mul(t, bn, integer_divide_exactly(t, ad, g));
    Obj n = subtract ? integer_sub(t, left, right) : integer_add(t, left, right);
    if (is_zero_fix(n)) return n;
    Obj h = integer_gcd(t, n, g);
    return rational_make_reduced(t, integer_divide_exactly(t, n, h), integer_mul(t, integer_divide_exactly(t, ad, g), integer_divide_exactly(t, bd, h)));
}

static Obj ratio_product(Thread *t, Obj an, Obj ad, Obj bn, Obj bd) {
    if (is_zero_fix(an) || is_zero_fix(bn)) return obj_of_fix(0);
    Obj g = integer_gcd(t, an, bd), h = integer_gcd(t, bn, ad);
    return rational_make_reduced(t, integer_mul(t, integer_divide_exactly(t, an, g), integer_divide_exactly(t, bn, h)),
                          integer_mul(t, integer_divide_exactly(t, ad, h), integer_divide_exactly(t, bd, g)));
}

static Obj ratio_mul(Thread *t, Obj a, Obj b) {
    return ratio_product(t, rational_numerator(a), rational_denominator(a), rational_numerator(b), rational_denominator(b));
}

static Obj ratio_div(Thread *t, Obj a, Obj b) {
    Obj bn = rational_numerator(b), bd = rational_denominator(b);
    if (is_zero_fix(bn)) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(SLASH), a, b);
    if (integer_sign(bn) < 0) {
        bn = integer_negate(t, bn);
        bd = integer_negate(t, bd);
    }
    return ratio_product(t, rational_numerator(a), rational_denominator(a), bd, bn);
}

/* -- Complexes -- */

static Obj complex_mul(Thread *t, Obj a, Obj b) {
    Obj ar = number_real_part(a), ai = number_imaginary_part(a), br = number_real_part(b), bi = number_imaginary_part(b);
    if (!has_type(a, TYPE_COMPLEX)) return complex_make(t, number_mul(t, a, br), number_mul(t, a, bi));
    if (!has_type(b, TYPE_COMPLEX)) return complex_make(t, number_mul(t, ar, b), number_mul(t, ai, b));
    return complex_make(t, number_sub(t, number_mul(t, ar, br), number_mul(t, ai, bi)),
                        number_add(t, number_mul(t, ar, bi), number_mul(t, ai, br)));
}

/* Smith's way for floats, which neither overflows nor loses digits when the parts differ much; it is exact for rationals as well. */
static Obj complex_div(Thread *t, Obj a, Obj b) {
    Obj ar = number_real_part(a), ai = number_imaginary_part(a), br = number_real_part(b), bi = number_imaginary_part(b);
    if (!has_type(b, TYPE_COMPLEX)) return complex_make(t, number_div(t, ar, b), number_div(t, ai, b));
    bool real_larger = number_compare(t, number_abs(t, br), number_abs(t, bi)) >= 0;
    Obj large = real_larger ? br : bi, small = real_larger ? bi : br;
    Obj ratio = number_div(t, small, large), d = number_add(t, large, number_mul(t, small, ratio));
    Obj p = real_larger ? ar : ai, q = real_larger ? ai : ar;
    Obj re = number_add(t, p, number_mul(t, q, ratio));
    Obj im = real_larger ? number_sub(t, ai, number_mul(t, ar, ratio)) : number_sub(t, number_mul(t, ai, ratio), ar);
    return complex_make(t, number_div(t, re, d), number_div(t, im, d));
}

/* -- The four operations -- */

static Obj float_operation(Thread *t, char op, bool single, Obj a, Obj b) {
    double x = number_to_double(t, a), y = number_to_double(t, b), r;
    if (single) {
        x = (double)number_to_single(t, a);
        y = (double)number_to_single(t, b);
    }
    switch (op) {
    case '+': return number_float_result(t, single, x + y, SYM(PLUS), a, b);
    case '-': return number_float_result(t, single, x - y, SYM(MINUS), a, b);
    case '*': return number_float_result(t, single, x * y, SYM(STAR), a, b);
    default:
        if (y == 0 && !isnan(x)) signal_arithmetic(t, SYM(DIVISION_BY_ZERO), SYM(SLASH), a, b);
        r = x / y;
        return number_float_result(t, single, r, SYM(SLASH), a, b);
    }
}

static Obj arithmetic(Thread *t, char op, Obj a, Obj b) {
    Kind k = kind_max(kind_of_number(t, a), kind_of_number(t, b));
    if (k == KIND_SINGLE || k == KIND_DOUBLE) return float_operation(t, op, k == KIND_SINGLE, a, b);
    switch (op) {
    case '+':
    case '-':
        if (k == KIND_RATIO) return ratio_sum(t, a, b, op == '-');
        if (k < KIND_RATIO) return op == '+' ? integer_add(t, a, b) : integer_sub(t, a, b);
        return complex_make(t, arithmetic(t, op, number_real_part(a), number_real_part(b)),
                            arithmetic(t, op, number_imaginary_part(a), number_imaginary_part(b)));
    case '*': return k == KIND_RATIO ? ratio_mul(t, a, b) : k < KIND_RATIO ? integer_mul(t, a, b) : complex_mul(t, a, b);
    default: return k == KIND_RATIO ? ratio_div(t, a, b) : k < KIND_RATIO ? rational_make(t, a, b) : complex_div(t, a, b);
    }
}

static inline bool both_double(Obj a, Obj b) { return has_type(a, TYPE_DOUBLE) && has_type(b, TYPE_DOUBLE); }

Obj number_add(Thread *t, Obj a, Obj b) {
    if (both_fix(a, b)) return integer_of_i64(t, fix_of_obj(a) + fix_of_obj(b));
    if (both_double(a, b)) return number_float_result(t, false, double_of_obj(a) + double_of_obj(b), SYM(PLUS), a, b);
    return arithmetic(t, '+', a, b);
}
Obj number_sub(Thread *t, Obj a, Obj b) {
    if (both_fix(a, b)) return integer_of_i64(t, fix_of_obj(a) - fix_of_obj(b));
    if (both_double(a, b)) return number_float_result(t, false, double_of_obj(a) - double_of_obj(b), SYM(MINUS), a, b);
    return arithmetic(t, '-', a, b);
}
Obj number_mul(Thread *t, Obj a, Obj b) {
    if (both_double(a, b)) return number_float_result(t, false, double_of_obj(a) * double_of_obj(b), SYM(STAR), a, b);
    return arithmetic(t, '*', a, b);
}
Obj number_div(Thread *t, Obj a, Obj b) { return arithmetic(t, '/', a, b); }

Obj number_negate(Thread *t, Obj a) {
    switch (kind_of_number(t, a)) {
    case KIND_RATIO: return rational_make_reduced(t, integer_negate(t, rational_numerator(a)), rational_denominator(a));
    case KIND_SINGLE: return obj_of_single(-single_of_obj(a));
    case KIND_DOUBLE: return alloc_double(t, -double_of_obj(a));
    case KIND_COMPLEX: return complex_of_parts(t, number_negate(t, number_real_part(a)), number_negate(t, number_imaginary_part(a)));
    default: return integer_negate(t, a);
    }
}

/* The absolute value of a real. */
Obj number_abs(Thread *t, Obj a) {
    Kind k = kind_of_real(t, a);
    if (k == KIND_SINGLE) return obj_of_single(fabsf(single_of_obj(a)));
    if (k == KIND_DOUBLE) return signbit(double_of_obj(a)) ? alloc_double(t, fabs(double_of_obj(a))) : a;
    return number_sign(t, a) < 0 ? number_negate(t, a) : a;
}

int number_sign(Thread *t, Obj a) {
    Kind k = kind_of_real(t, a);
    if (k < KIND_RATIO) return integer_sign(a);
    if (k == KIND_RATIO) return integer_sign(rational_numerator(a));
    double d = float_value(a);
    return d < 0 ? -1 : d > 0;
}

bool number_is_zero(Thread *t, Obj a) {
    Kind k = kind_of_number(t, a);
    if (k == KIND_COMPLEX) return number_is_zero(t, number_real_part(a)) && number_is_zero(t, number_imaginary_part(a));
    return k < KIND_SINGLE ? is_zero_fix(a) : float_value(a) == 0;
}

/* -- Comparison -- */

static int rational_compare(Thread *t, Obj a, Obj b) {
    if (is_integer(a) && is_integer(b)) return integer_compare(a, b);
    return integer_compare(integer_mul(t, rational_numerator(a), rational_denominator(b)),
                           integer_mul(t, rational_numerator(b), rational_denominator(a)));
}

static int compare_doubles(double x, double y) { return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; }

/* A rational against a float's value. */
static int compare_with_float(Thread *t, Obj a, double y) {
    enum { EXACT_BITS = 53 };
    if (isnan(y)) return 2;
    if (isinf(y)) return y > 0 ? -1 : 1;
    if (is_fix(a) && integer_length(a) <= EXACT_BITS) return compare_doubles((double)fix_of_obj(a), y);
    return rational_compare(t, a, rational_of_double(t, y));
}

int number_compare(Thread *t, Obj a, Obj b) {
    if (both_fix(a, b)) return fix_of_obj(a) < fix_of_obj(b) ? -1 : fix_of_obj(a) > fix_of_obj(b);
    Kind ka = kind_of_real(t, a), kb = kind_of_real(t, b);
    if (ka >= KIND_SINGLE && kb >= KIND_SINGLE) return compare_doubles(float_value(a), float_value(b));
    if (kb >= KIND_SINGLE) return compare_with_float(t, a, float_value(b));
    if (ka < KIND_SINGLE) return rational_compare(t, a, b);
    int c = compare_with_float(t, b, float_value(a));
    return c == 2 ? 2 : -c;
}

bool number_equal(Thread *t, Obj a, Obj b) {
    if (both_fix(a, b)) return eq(a, b);
    Kind k = kind_max(kind_of_number(t, a), kind_of_number(t, b));
    if (k < KIND_SINGLE) return number_eql(a, b);
    if (k < KIND_COMPLEX) return number_compare(t, a, b) == 0;
    return number_compare(t, number_real_part(a), number_real_part(b)) == 0 &&
           number_compare(t, number_imaginary_part(a), number_imaginary_part(b)) == 0;
}

bool number_eql(Obj a, Obj b) {
    if (eq(a, b)) return true;
    if (!is_obj(a) || !is_obj(b) || obj_type(a) != obj_type(b)) return false;
    switch (obj_type(a)) {
    case TYPE_BIGNUM: return eq(obj_header(a), obj_header(b)) && mpn_cmp(big_limbs(a), big_limbs(b), (mp_size_t)obj_length(a)) == 0;
    case TYPE_DOUBLE: return memcmp(obj_raw(a), obj_raw(b), 8) == 0;
    case TYPE_RATIO:
    case TYPE_COMPLEX: return number_eql(obj_slots(a)[0], obj_slots(b)[0]) && number_eql(obj_slots(a)[1], obj_slots(b)[1]);
    default: return false;
    }
}

/* -- Hashing -- */

static uint64_t mix(uint64_t h) {
    h ^= h >> 32;
    h *= UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 29;
    h *= UINT64_C(0xBF58476D1CE4E5B9);
    return h ^ h >> 32;
}

uint64_t number_hash(Obj x) {
    uint64_t h = 0, bits;
    switch (number_kind(x)) {
    case KIND_BIG:
        for (uint64_t i = 0; i < obj_length(x); i++) h = mix(h ^ big_limbs(x)[i]);
        return h + obj_flags(x);
    case KIND_DOUBLE: memcpy(&bits, obj_raw(x), 8); return mix(bits + TYPE_DOUBLE);
    case KIND_RATIO:
    case KIND_COMPLEX: return mix(number_hash(obj_slots(x)[0]) * 31 + number_hash(obj_slots(x)[1]) + (uint64_t)obj_type(x));
    default: return mix(x.w);
    }
}

uint64_t number_hash_value(Obj x) {
    if (has_type(x, TYPE_COMPLEX)) {
        uint64_t im = number_hash_value(number_imaginary_part(x)), re = number_hash_value(number_real_part(x));
        return im == number_hash_value(obj_of_fix(0)) ? re : mix(re * 31 + im);
    }
    double d = real_to_double(x);
    uint64_t bits;
    if (d == 0) d = 0;
    memcpy(&bits, &d, 8);
    return mix(bits);
}
