/* random.c: leaves for RANDOM and its states (CLHS 12.1.7). */
#include "run/run.h"

#include "number/number.h"

static Obj check_state(Thread *t, Obj x) {
    if (!has_type(x, TYPE_RANDOM_STATE)) signal_type_error(t, x, SYM(RANDOM_STATE));
    return x;
}

BUILTIN(random, "RANDOM", 1, 2, "limit &optional (state *random-state*)", "A number that is not negative and below the limit, of its type.") {
    Obj state = n > 1 ? args[1] : symbol_value(t, SYM(RANDOM_STATE_VAR));
    return random_below(t, args[0], check_state(t, state));
}
BUILTIN(make_random_state, "MAKE-RANDOM-STATE", 0, 1, "&optional state", "A copy of the state, of the current one (NIL), or a state from the system's entropy (T).") {
    Obj state = ARG(0, NIL);
    if (eq(state, T_)) return random_state_fresh(t);
    return random_state_copy(t, check_state(t, is_nil(state) ? symbol_value(t, SYM(RANDOM_STATE_VAR)) : state));
}
BUILTIN(seed_random_state, "EXT:SEED-RANDOM-STATE", 1, 1, "seed", "A random state that is a function of the seed, an (UNSIGNED-BYTE 64).") {
    uint64_t seed;
    if (!u64_of_integer(args[0], &seed)) signal_type_error(t, args[0], SYM(UNSIGNED_BYTE));
    return random_state_seeded(t, seed);
}

/* What #S(RANDOM-STATE ...) is printed with and read from. */
BUILTIN(random_state_words, "%RANDOM-STATE-WORDS", 1, 1, "state", "The generator's words, a list of four integers.") {
    Obj list = NIL, state = check_state(t, args[0]);
    for (unsigned i = RANDOM_STATE_WORDS; i-- > 0;) list = alloc_cons(t, integer_of_u64(t, random_state_word(state, i)), list);
    return list;
}
BUILTIN(words_random_state, "%WORDS-RANDOM-STATE", 1, 1, "words", "The random state with these words, a list of four (UNSIGNED-BYTE 64), not all zero.") {
    uint64_t words[RANDOM_STATE_WORDS], any = 0;
    Obj list = args[0];
    for (unsigned i = 0; i < RANDOM_STATE_WORDS; i++, list = cdr(list)) {
        if (!is_cons(list)) signal_type_error(t, list, SYM(CONS));
        if (!u64_of_integer(car(list), &words[i])) signal_type_error(t, car(list), SYM(UNSIGNED_BYTE));
        any |= words[i];
    }
    if (!any) signal_type_error(t, args[0], SYM(RANDOM_STATE));
    return random_state_of_words(t, words);
}
