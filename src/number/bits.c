/* bits.c: integers as infinite rows of bits in two's complement.

   Magnitudes are turned into two's complement limb by limb while they are read (complement and ripple a carry), combined, and the result is
   turned back if its sign came out negative.  One limb more than the longer operand always holds the result. */
#include "number/tower.h"

typedef enum BitOp { BIT_AND, BIT_IOR, BIT_XOR } BitOp;

/* -- Two's complement, limb by limb -- */

typedef struct Reader {
    const mp_limb_t *limbs;
    mp_size_t count;
    mp_limb_t mask, carry; /* all ones and 1 for a negative number, else 0 */
} Reader;

static Reader reader_of(const Integer *x) { return (Reader){x->limbs, x->count, x->negative ? ~(mp_limb_t)0 : 0, x->negative}; }

static inline mp_limb_t read_limb(Reader *r, mp_size_t i) {
    mp_limb_t limb = ((i < r->count ? r->limbs[i] : 0) ^ r->mask) + r->carry;
    r->carry = r->carry && limb == 0;
    return limb;
}

static inline uint64_t combine(BitOp op, uint64_t a, uint64_t b) { return op == BIT_AND ? a & b : op == BIT_IOR ? a | b : a ^ b; }

static Obj bit_operation(Thread *t, BitOp op, Obj a, Obj b) {
    if (!is_integer(a)) signal_type_error(t, a, SYM(INTEGER));
    if (!is_integer(b)) signal_type_error(t, b, SYM(INTEGER));
    if (both_fix(a, b)) return (Obj){combine(op, a.w, b.w)};
    Integer x, y;
    integer_view(&x, a);
    integer_view(&y, b);
    mp_size_t n = (x.count > y.count ? x.count : y.count) + 1;
    if (op == BIT_AND && !x.negative && !y.negative) n = x.count < y.count ? x.count : y.count;
    Obj r = big_allocate(t, n + 1);
    mp_limb_t *d = big_limbs(r);
    Reader p = reader_of(&x), q = reader_of(&y);
    for (mp_size_t i = 0; i < n; i++) d[i] = combine(op, read_limb(&p, i), read_limb(&q, i));
    bool negative = combine(op, x.negative, y.negative);
    if (negative) mpn_neg(d, d, n);
    return big_finish(t, r, n, negative);
}

Obj number_logand(Thread *t, Obj a, Obj b) { return bit_operation(t, BIT_AND, a, b); }
Obj number_logior(Thread *t, Obj a, Obj b) { return bit_operation(t, BIT_IOR, a, b); }
Obj number_logxor(Thread *t, Obj a, Obj b) { return bit_operation(t, BIT_XOR, a, b); }
Obj number_lognot(Thread *t, Obj a) {
    if (is_fix(a)) return obj_of_fix(~fix_of_obj(a));
    if (!is_integer(a)) signal_type_error(t, a, SYM(INTEGER));
    return integer_sub(t, obj_of_fix(-1), a);
}

/* -- Shifts -- */

static Obj shift_left(Thread *t, Obj a, uint64_t count) {
    if (is_zero_fix(a)) return a;
    if (is_fix(a) && count < 62) {
        int64_t n = fix_of_obj(a), s = (int64_t)((uint64_t)n << count);
        if (s >> count == n && fits_fix(s)) return obj_of_fix(s);
    }
    if (count > UINT64_C(1) << 40) signal_too_large(t);
    Integer x;
    integer_view(&x, a);
    mp_size_t skip = (mp_size_t)(count / 64), n = x.count + skip + 1;
    Obj r = big_allocate(t, n);
    mp_limb_t *d = big_limbs(r);
    mpn_zero(d, skip);
    if (count % 64) {
        d[n - 1] = mpn_lshift(d + skip, x.limbs, x.count, (unsigned)(count % 64));
    } else {
        mpn_copyi(d + skip, x.limbs, x.count);
        d[n - 1] = 0;
    }
    return big_finish(t, r, n, x.negative);
}

/* Shifts towards minus infinity: a negative magnitude is rounded up. */
static Obj shift_right(Thread *t, Obj a, uint64_t count) {
    if (is_fix(a)) return obj_of_fix(fix_of_obj(a) >> (count > 63 ? 63 : count));
    Integer x;
    integer_view(&x, a);
    mp_size_t skip = (mp_size_t)(count / 64), n = x.count - skip;
    if (n <= 0) return obj_of_fix(x.negative ? -1 : 0);
    Obj r = big_allocate(t, n + 1);
    mp_limb_t *d = big_limbs(r), lost = 0;
    if (count % 64) lost = mpn_rshift(d, x.limbs + skip, n, (unsigned)(count % 64));
    else mpn_copyi(d, x.limbs + skip, n);
    d[n] = 0;
    if (x.negative) {
        for (mp_size_t i = 0; i < skip && !lost; i++) lost = x.limbs[i];
        if (lost) d[n] = mpn_add_1(d, d, n, 1);
    }
    return big_finish(t, r, n + 1, x.negative);
}

Obj number_ash(Thread *t, Obj a, Obj count) {
    if (!is_integer(a)) signal_type_error(t, a, SYM(INTEGER));
    if (!is_integer(count)) signal_type_error(t, count, SYM(INTEGER));
    if (!is_fix(count)) {
        if (is_zero_fix(a)) return a;
        if (integer_sign(count) > 0) signal_too_large(t);
        return obj_of_fix(integer_sign(a) < 0 ? -1 : 0);
    }
    int64_t n = fix_of_obj(count);
    return n >= 0 ? shift_left(t, a, (uint64_t)n) : shift_right(t, a, (uint64_t)-n);
}

/* -- Counting -- */

uint64_t integer_length(Obj a) {
    if (is_fix(a)) {
        uint64_t n = (uint64_t)(fix_of_obj(a) ^ fix_of_obj(a) >> 63);
        return n ? (uint64_t)bits_highest(n) + 1 : 0;
    }
    Integer x;
    integer_view(&x, a);
    uint64_t bits = (uint64_t)x.count * 64 - (uint64_t)__builtin_clzll(x.limbs[x.count - 1]);
    /* -2^k needs one bit less than 2^k. */
    return x.negative && mpn_scan1(x.limbs, 0) == bits - 1 ? bits - 1 : bits;
}

uint64_t integer_bit_count(Obj a) {
    if (is_fix(a)) return (uint64_t)bits_count((uint64_t)(fix_of_obj(a) ^ fix_of_obj(a) >> 63));
    Integer x;
    integer_view(&x, a);
    uint64_t ones = mpn_popcount(x.limbs, x.count);
    /* |a| - 1 has the bits of lognot(a): the lowest one becomes zero, the zeros below it ones. */
    return x.negative ? ones - 1 + mpn_scan1(x.limbs, 0) : ones;
}

bool integer_bit(Obj a, uint64_t index) {
    if (is_fix(a)) return fix_of_obj(a) >> (index > 63 ? 63 : index) & 1;
    Integer x;
    integer_view(&x, a);
    if (index / 64 >= (uint64_t)x.count) return x.negative;
    bool bit = x.limbs[index / 64] >> (index % 64) & 1;
    return x.negative && index > mpn_scan1(x.limbs, 0) ? !bit : bit;
}

/* The `size` bits from `position` on, as a number that is not negative. */
Obj integer_load_byte(Thread *t, uint64_t size, uint64_t position, Obj a) {
    if (is_fix(a) && (size < 61 || fix_of_obj(a) >= 0)) {
        int64_t n = fix_of_obj(a) >> (position > 63 ? 63 : position);
        return obj_of_fix(size > 61 ? n : n & ((INT64_C(1) << size) - 1));
    }
    Obj shifted = position ? shift_right(t, a, position) : a;
    if (integer_sign(shifted) >= 0 && integer_length(shifted) <= size) return shifted;
    Obj mask = integer_sub(t, shift_left(t, obj_of_fix(1), size), obj_of_fix(1));
    return number_logand(t, shifted, mask);
}
