/* random.c: pseudo-random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64.

   A RANDOM-STATE has one slot, a vector of the generator's four 64-bit words.  Integers below a limit are drawn by rejection from the
   least power of two that is not below it, so that all are equally likely; floats have all bits of their precision. */
#include "number/tower.h"

#include <sys/random.h>

static uint64_t *state_words(Obj state) { return obj_raw(obj_slots(state)[0]); }

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

static uint64_t next_word(uint64_t *s) {
    uint64_t result = rotate(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

/* -- States -- */

uint64_t random_state_word(Obj state, unsigned i) { return state_words(state)[i]; }

static Obj state_allocate(Thread *t) {
    Obj words = alloc_raw(t, TYPE_U64_VECTOR, RANDOM_STATE_WORDS);
    return alloc_boxed(t, TYPE_RANDOM_STATE, 1, words);
}

Obj random_state_seeded(Thread *t, uint64_t seed) {
    Obj state = state_allocate(t);
    for (int i = 0; i < RANDOM_STATE_WORDS; i++) {
        uint64_t z = seed += UINT64_C(0x9E3779B97F4A7C15);
        z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
        state_words(state)[i] = z ^ z >> 31;
    }
    return state;
}

Obj random_state_fresh(Thread *t) {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = clock_nanoseconds();
    return random_state_seeded(t, seed);
}

Obj random_state_of_words(Thread *t, const uint64_t *words) {
    Obj state = state_allocate(t);
    memcpy(state_words(state), words, RANDOM_STATE_WORDS * sizeof *words);
    return state;
}
Obj random_state_copy(Thread *t, Obj state) { return random_state_of_words(t, state_words(state)); }

/* -- Numbers -- */

static uint64_t word_below(uint64_t *s, uint64_t limit) {
    uint64_t mask = limit == 1 ? 0 : ~UINT64_C(0) >> __builtin_clzll(limit - 1), r;
    do r = next_word(s) & mask;
    while (r >= limit);
    return r;
}

static Obj integer_below(Thread *t, uint64_t *s, Obj limit) {
    mp_size_t n = (mp_size_t)obj_length(limit);
    Obj r = big_allocate(t, n);
    mp_limb_t *d = big_limbs(r), top = big_limbs(limit)[n - 1], mask = ~(mp_limb_t)0 >> __builtin_clzll(top);
    do {
        for (mp_size_t i = 0; i < n; i++) d[i] = next_word(s);
        d[n - 1] &= mask;
    } while (mpn_cmp(d, big_limbs(limit), n) >= 0);
    return big_finish(t, r, n, false);
}

static double unit_double(uint64_t *s) { return (double)(next_word(s) >> 11) * 0x1p-53; }
static float unit_single(uint64_t *s) { return (float)(next_word(s) >> 40) * 0x1p-24f; }

Obj random_below(Thread *t, Obj limit, Obj state) {
    uint64_t *s = state_words(state);
    Kind k = number_kind(limit);
    if (k < KIND_RATIO && integer_sign(limit) > 0) {
        return is_fix(limit) ? obj_of_fix((int64_t)word_below(s, (uint64_t)fix_of_obj(limit))) : integer_below(t, s, limit);
    }
    if (k == KIND_SINGLE && single_of_obj(limit) > 0) {
        float below = single_of_obj(limit), r;
        do r = unit_single(s) * below;
        while (r >= below);
        return obj_of_single(r);
    }
    if (k == KIND_DOUBLE && double_of_obj(limit) > 0) {
        double below = double_of_obj(limit), r;
        do r = unit_double(s) * below;
        while (r >= below);
        return alloc_double(t, r);
    }
    Obj zero = alloc_cons(t, alloc_cons(t, obj_of_fix(0), NIL), NIL);
    Obj integers = alloc_cons(t, SYM(INTEGER), zero), floats = alloc_cons(t, SYM(FLOAT), zero);
    signal_type_error(t, limit, alloc_cons(t, SYM(OR), alloc_cons(t, integers, alloc_cons(t, floats, NIL))));
}
