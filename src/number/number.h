/* number.h: the tower.  Door of room number.  Every function signals TYPE-ERROR for what is not a number of the kind it takes. */
#ifndef NUMBER_H
#define NUMBER_H

#include "heap/heap.h"

Obj number_add(Thread *t, Obj a, Obj b);
Obj number_sub(Thread *t, Obj a, Obj b);
Obj number_mul(Thread *t, Obj a, Obj b);
Obj number_div(Thread *t, Obj a, Obj b);
Obj number_negate(Thread *t, Obj a);
int number_compare(Thread *t, Obj a, Obj b); /* reals: -1, 0, 1; 2 if unordered (NaN) */
bool number_equal(Thread *t, Obj a, Obj b);  /* = */
bool number_eql(Obj a, Obj b);               /* EQL of two words of any kind: EQ, or the same number of the same type */
Obj number_logand(Thread *t, Obj a, Obj b);
Obj number_logior(Thread *t, Obj a, Obj b);
Obj number_logxor(Thread *t, Obj a, Obj b);
Obj number_ash(Thread *t, Obj a, Obj count);
/* Quotient; *remainder too if not NULL.  Integers give integers, reals as the standard says. */
Obj number_truncate(Thread *t, Obj a, Obj b, Obj *remainder);
Obj number_floor(Thread *t, Obj a, Obj b, Obj *remainder);
uint64_t number_hash(Obj x);       /* stable; equal for EQL numbers */
uint64_t number_hash_value(Obj x); /* stable; equal for numbers that are =, as EQUALP needs */

Obj integer_of_i64(Thread *t, int64_t n);
Obj integer_of_u64(Thread *t, uint64_t n);
/* Value of an integer that fits; false if x is none or does not. */
bool i64_of_integer(Obj x, int64_t *out);
bool u64_of_integer(Obj x, uint64_t *out);
double number_to_double(Thread *t, Obj real);
float number_to_single(Thread *t, Obj real);

Obj number_to_float(Thread *t, Obj real, bool single);
Obj number_abs(Thread *t, Obj real);
int number_sign(Thread *t, Obj real); /* -1, 0, 1 */
bool number_is_zero(Thread *t, Obj a);
Obj number_real_part(Obj x);
Obj number_imaginary_part(Obj x);
Obj complex_make(Thread *t, Obj re, Obj im);
Obj rational_make(Thread *t, Obj numerator, Obj denominator); /* of any two integers */
Obj rational_make_reduced(Thread *t, Obj n, Obj d);                /* no common factor, d > 0 */
Obj rational_numerator(Obj x);
Obj rational_denominator(Obj x);
Obj rational_of_double(Thread *t, double d); /* exact */
Obj rational_near_float(Thread *t, Obj x);     /* RATIONALIZE of a float */
/* A float, or FLOATING-POINT-OVERFLOW or -INVALID-OPERATION when r is not finite though the operands are. */
Obj number_float_result(Thread *t, bool single, double r, Obj operation, Obj a, Obj b);
/* |d| = *significand x 2^result, exactly; d is finite. */
int float_decode(double d, bool single, uint64_t *significand);

/* -- divide.c -- */

typedef enum Rounding { ROUND_TRUNCATE, ROUND_FLOOR, ROUND_CEILING, ROUND_ROUND } Rounding;
Obj number_divide(Thread *t, Rounding mode, Obj a, Obj b, Obj *remainder);
Obj number_fdivide(Thread *t, Rounding mode, Obj a, Obj b, Obj *remainder); /* the quotient as a float */
Obj number_rem(Thread *t, Obj a, Obj b);
Obj number_mod(Thread *t, Obj a, Obj b);

/* -- irrational.c -- */

typedef enum FunctionId {
    FUNCTION_EXP, FUNCTION_SQRT, FUNCTION_SIN, FUNCTION_COS, FUNCTION_TAN, FUNCTION_ASIN, FUNCTION_ACOS, FUNCTION_ATAN,
    FUNCTION_SINH, FUNCTION_COSH, FUNCTION_TANH, FUNCTION_ASINH, FUNCTION_ACOSH, FUNCTION_ATANH
} FunctionId;
/* The function of any number; `name` is what an arithmetic error reports as its operation. */
Obj number_function(Thread *t, FunctionId id, Obj name, Obj x);
Obj number_atan2(Thread *t, Obj y, Obj x);
Obj number_phase(Thread *t, Obj x);
Obj number_magnitude(Thread *t, Obj x); /* ABS of any number */
Obj number_cis(Thread *t, Obj x);
Obj number_log(Thread *t, Obj x);
Obj number_log_base(Thread *t, Obj x, Obj base);
Obj number_expt(Thread *t, Obj base, Obj power);

/* -- random.c -- */

enum { RANDOM_STATE_WORDS = 4 };
uint64_t random_state_word(Obj state, unsigned i);
Obj random_state_of_words(Thread *t, const uint64_t *words); /* not all zero */
Obj random_state_seeded(Thread *t, uint64_t seed);
Obj random_state_fresh(Thread *t); /* seeded from the system's entropy */
Obj random_state_copy(Thread *t, Obj state);
Obj random_below(Thread *t, Obj limit, Obj state);

/* -- integer.c: arguments are integers -- */

Obj integer_add(Thread *t, Obj a, Obj b);
Obj integer_sub(Thread *t, Obj a, Obj b);
Obj integer_mul(Thread *t, Obj a, Obj b);
Obj integer_negate(Thread *t, Obj a);
/* Truncating division; quotient and remainder may be NULL. */
void integer_divide(Thread *t, Obj a, Obj b, Obj *quotient, Obj *remainder);
Obj integer_divide_exactly(Thread *t, Obj a, Obj b);
int integer_compare(Obj a, Obj b);
int integer_sign(Obj a);
bool integer_odd(Obj a);
Obj integer_gcd(Thread *t, Obj a, Obj b);
Obj integer_power(Thread *t, Obj a, uint64_t n);
Obj integer_sqrt(Thread *t, Obj a);

/* -- bits.c: arguments are integers, but for lognot, which checks -- */

Obj number_lognot(Thread *t, Obj a);
uint64_t integer_length(Obj a);
uint64_t integer_bit_count(Obj a);
bool integer_bit(Obj a, uint64_t index);
Obj integer_load_byte(Thread *t, uint64_t size, uint64_t position, Obj a);

/* -- read.c, print.c: numbers as text -- */

/* The number that the token (ASCII bytes) denotes in `base` with `float_format` the default float type symbol; UNBOUND if it denotes none. */
Obj number_parse(Thread *t, const char *token, size_t bytes, unsigned base, Obj float_format);
/* The same, but where number_parse signals a READER-ERROR: UNBOUND, and *problem is a format control with the token as argument. */
Obj number_parse_quietly(Thread *t, const char *token, size_t bytes, unsigned base, Obj float_format, const char **problem);
/* The integer of n digits of the base, all valid. */
Obj integer_of_digits(Thread *t, const char *digits, size_t n, unsigned base, bool negative);
/* Digits of an integer in `base`, upper case, sign first: malloc'ed, NUL-terminated. */
char *integer_to_text(Obj integer, unsigned base);
/* Shortest decimal digits that read back as the same float: digits into `digits` (at least 20 bytes), returns the decimal exponent e with |value| = 0.DIGITS x 10^e;
   zero gives "0" and 1. */
int float_shortest(double value, bool single, char *digits);

#endif
