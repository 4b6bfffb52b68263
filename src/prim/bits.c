/* bits.c: operations on bit arrays (CLHS 15), a word at a time.

   An operation is its truth table, four bits: the result for a, b = 00, 01, 10, 11 from the lowest.  So one loop does all sixteen. */
#include "run/run.h"
#include "run/vector.h"

static inline uint64_t combine(unsigned table, uint64_t a, uint64_t b) {
    uint64_t r = 0;
    if (table & 1) r |= ~a & ~b;
    if (table & 2) r |= ~a & b;
    if (table & 4) r |= a & ~b;
    if (table & 8) r |= a & b;
    return r;
}

/* 64 bits of the span from bit i; what is past the end of its vector is garbage or zero. */
static uint64_t bits_at(Span s, uint64_t i) {
    const uint64_t *words = obj_raw(s.data);
    uint64_t bit = s.start + i, last = (obj_length(s.data) - 1) >> 6;
    uint64_t low = words[bit >> 6] >> (bit & 63);
    if ((bit & 63) == 0 || bit >> 6 == last) return low;
    return low | words[(bit >> 6) + 1] << (64 - (bit & 63));
}

/* Stores the low `n` bits of x at bit i. */
static void store_bits(Span s, uint64_t i, uint64_t x, uint64_t n) {
    uint64_t *words = obj_raw(s.data), bit = s.start + i, shift = bit & 63;
    uint64_t mask = n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
    uint64_t *w = &words[bit >> 6];
    w[0] = (w[0] & ~(mask << shift)) | (x & mask) << shift;
    if (shift + n > 64) w[1] = (w[1] & ~(mask >> (64 - shift))) | (x & mask) >> (64 - shift);
}

BUILTIN_IN_PLACE(bit_combine, "%BIT-COMBINE", 4, 4, "(truth-table a b result)", "Combines two bit arrays of equal size into a third, which may be one of them.") {
    Span a = array_span(t, args[1]), b = array_span(t, args[2]), r = array_span(t, args[3]);
    unsigned table = (unsigned)fix_of_obj(args[0]);
    if (a.type != TYPE_BIT_VECTOR || b.type != TYPE_BIT_VECTOR || r.type != TYPE_BIT_VECTOR || b.length != a.length || r.length != a.length)
        signal_type_error(t, args[3], SYM(BIT_VECTOR));
    for (uint64_t i = 0; i < a.length; i += 64) {
        uint64_t left = a.length - i;
        store_bits(r, i, combine(table, bits_at(a, i), bits_at(b, i)), left < 64 ? left : 64);
    }
    return args[3];
}
