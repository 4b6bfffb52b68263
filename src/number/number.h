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
uint64_t number_hash(Obj x); /* stable; equal for EQL numbers */

Obj integer_of_i64(Thread *t, int64_t n);
Obj integer_of_u64(Thread *t, uint64_t n);
/* Value of an integer that fits; false if x is none or does not. */
bool i64_of_integer(Obj x, int64_t *out);
bool u64_of_integer(Obj x, uint64_t *out);
double number_to_double(Thread *t, Obj real);
float number_to_single(Thread *t, Obj real);

/* -- read.c, print.c: numbers as text -- */

/* The number that the token (ASCII bytes) denotes in `base` with `float_format` the default float type symbol; UNBOUND if it denotes none. */
Obj number_parse(Thread *t, const char *token, size_t bytes, unsigned base, Obj float_format);
/* Digits of an integer in `base`, upper case, sign first: malloc'ed, NUL-terminated. */
char *integer_to_text(Obj integer, unsigned base);
/* Shortest decimal digits that read back as the same float: digits into `digits` (at least 20 bytes), returns the decimal exponent e with value = 0.DIGITS x 10^e. */
int float_shortest(double value, bool single, char *digits);

#endif
