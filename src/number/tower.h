/* tower.h: what the files of room number share; no other room includes it.

   The tower, lowest first: fixnum, bignum, ratio, single-float, double-float, complex.  The kinds are numbered in that order so that
   contagion of two operands is the larger of their kinds.

   Invariants
     number.fix      an integer that fits a fixnum is one; a bignum's top limb is not zero
     number.ratio    a ratio's denominator is an integer > 1 without common factor with the numerator
     number.complex  both parts are rational and the imaginary part is not 0, or both are floats of one format */
#ifndef TOWER_H
#define TOWER_H

#include "number/number.h"

#include <gmp.h>

typedef enum Kind { KIND_FIX, KIND_BIG, KIND_RATIO, KIND_SINGLE, KIND_DOUBLE, KIND_COMPLEX, KIND_NONE } Kind;

static inline Kind number_kind(Obj x) {
    if (is_fix(x)) return KIND_FIX;
    if (is_single(x)) return KIND_SINGLE;
    if (!is_obj(x)) return KIND_NONE;
    switch (obj_type(x)) {
    case TYPE_BIGNUM: return KIND_BIG;
    case TYPE_RATIO: return KIND_RATIO;
    case TYPE_DOUBLE: return KIND_DOUBLE;
    case TYPE_COMPLEX: return KIND_COMPLEX;
    default: return KIND_NONE;
    }
}
static inline Kind kind_max(Kind a, Kind b) { return a > b ? a : b; }
static inline bool is_integer(Obj x) { return is_fix(x) || has_type(x, TYPE_BIGNUM); }
static inline bool is_zero_fix(Obj x) { return x.w == 0; }

/* -- integer.c -- */

/* An integer's sign and magnitude; `one` holds a fixnum's.  Zero has no limbs.  The view does not survive a safe point. */
typedef struct Integer {
    const mp_limb_t *limbs;
    mp_size_t count;
    bool negative;
    mp_limb_t one;
} Integer;

void integer_view(Integer *v, Obj x);
/* A bignum of `count` limbs that the caller fills, then passes through `big_finish`. */
Obj big_allocate(Thread *t, mp_size_t count);
/* The integer whose magnitude is the low `count` limbs of x, made normal: number.fix. */
Obj big_finish(Thread *t, Obj x, mp_size_t count, bool negative);
static inline mp_limb_t *big_limbs(Obj x) { return obj_raw(x); }
Obj integer_of_limb(Thread *t, mp_limb_t magnitude, bool negative);
/* STORAGE-CONDITION: the result would be larger than any memory. */
NORETURN void signal_too_large(Thread *t);
mp_limb_t *scratch_take(mp_size_t count);

/* -- arithmetic.c: failures -- */

NORETURN void signal_arithmetic(Thread *t, Obj type, Obj operation, Obj a, Obj b);

/* -- float.c -- */
double real_to_double(Obj real); /* infinite on overflow; x is a real */
float real_to_single(Obj real);
static inline double float_value(Obj x) { return is_single(x) ? (double)single_of_obj(x) : double_of_obj(x); }
static inline Obj make_float(Thread *t, bool single, double d) { return single ? obj_of_single((float)d) : alloc_double(t, d); }

#endif
