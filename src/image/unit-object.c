/* unit-object.c: are the objects that a unit is made of what their types promise?

   A unit says of most objects only their type, flags, length and contents.  The right checksum says that nobody has changed them by accident; that they
   are consistent is seen here, before anything uses them, so that no leaf is surprised later: a bignum that is no bignum, an array
   larger than its data, a character beyond Unicode.  What has invariants that cannot be seen here (functions, layouts, hash tables) is
   not made in this way at all. */
#include "image/unit-map.h"
#include "number/number.h"
#include "run/dispatch.h"

enum { CHARACTERS = 0x110000, PATHNAME_LENGTH = 6, RANK_MOST = 64 };

bool unit_word_fits(Obj x) {
    uint64_t rest = x.w >> 8;
    if (is_char(x)) return rest < CHARACTERS;
    if (is_single(x)) return (rest & 0xFFFFFF) == 0;
    return is_marker(x) && rest >= 1 && rest <= 7;
}

static bool all_characters(const uint32_t *codes, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if (codes[i] >= CHARACTERS) return false;
    return true;
}

static bool all_fixnums(const Obj *words, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if (!is_fix(words[i])) return false;
    return true;
}

/* A bignum has no leading zeros and is no fixnum. */
static bool bignum_fits(const uint64_t *limbs, uint64_t n, bool negative) {
    if (n == 0 || limbs[n - 1] == 0) return false;
    return n > 1 || limbs[0] > (uint64_t)FIX_MAX + negative;
}

bool unit_raw_fits(Obj x) {
    uint64_t n = obj_length(x);
    unsigned flags = obj_flags(x);
    if (obj_type(x) == TYPE_BIGNUM) return flags <= BIGNUM_NEGATIVE && bignum_fits(obj_raw(x), n, flags & BIGNUM_NEGATIVE);
    if (flags) return false;
    switch (obj_type(x)) {
    case TYPE_CODE: case TYPE_FOREIGN: case TYPE_FILLER: return false;
    case TYPE_DOUBLE: return n == 1;
    case TYPE_STRING: return all_characters(obj_raw(x), n);
    case TYPE_FIXNUM_VECTOR: return all_fixnums(obj_raw(x), n);
    default: return true;
    }
}

static bool is_integer(Obj x) { return is_fix(x) || has_type(x, TYPE_BIGNUM); }

static bool ratio_fits(const Obj *slots, uint64_t n) {
    if (n != 2 || !is_integer(slots[RATIO_NUMERATOR]) || !is_integer(slots[RATIO_DENOMINATOR])) return false;
    Obj d = slots[RATIO_DENOMINATOR];
    return is_fix(d) ? fix_of_obj(d) > 1 : !(obj_flags(d) & BIGNUM_NEGATIVE);
}

static bool is_natural(Obj x) { return is_fix(x) && fix_of_obj(x) >= 0; }

/* Total size, and where the elements lie. */
static bool array_fits(Obj a) {
    const Obj *slots = obj_slots(a);
    if (obj_length(a) < ARRAY_DIMENSIONS || array_rank(a) > RANK_MOST || obj_flags(a) > ARRAY_ADJUSTABLE) return false;
    Obj data = slots[ARRAY_DATA], fill = slots[ARRAY_FILL_POINTER];
    if (!is_array(data) || !is_natural(slots[ARRAY_OFFSET]) || !is_natural(slots[ARRAY_TOTAL])) return false;
    uint64_t offset = (uint64_t)fix_of_obj(slots[ARRAY_OFFSET]), total = (uint64_t)fix_of_obj(slots[ARRAY_TOTAL]), product = 1;
    uint64_t room = obj_type(data) == TYPE_ARRAY ? (uint64_t)fix_of_obj(obj_slots(data)[ARRAY_TOTAL]) : obj_length(data);
    for (uint64_t i = 0; i < array_rank(a); i++) {
        Obj d = slots[ARRAY_DIMENSIONS + i];
        if (!is_natural(d) || __builtin_mul_overflow(product, (uint64_t)fix_of_obj(d), &product)) return false;
    }
    if (!is_nil(fill) && (!is_natural(fill) || array_rank(a) != 1 || (uint64_t)fix_of_obj(fill) > total)) return false;
    return product == total && offset <= room && total <= room - offset;
}

bool unit_boxed_fits(Obj x) {
    const Obj *slots = obj_slots(x);
    uint64_t n = obj_length(x);
    switch (obj_type(x)) {
    case TYPE_SIMPLE_VECTOR: return obj_flags(x) == 0;
    case TYPE_RATIO: return obj_flags(x) == 0 && ratio_fits(slots, n);
    case TYPE_COMPLEX: return obj_flags(x) == 0 && n == 2 && is_real(slots[COMPLEX_REAL]) && is_real(slots[COMPLEX_IMAGINARY]);
    case TYPE_ARRAY: return array_fits(x);
    case TYPE_PATHNAME: return obj_flags(x) <= PATHNAME_LOGICAL && n == PATHNAME_LENGTH;
    case TYPE_RANDOM_STATE: return obj_flags(x) == 0 && n == 1 && has_type(slots[0], TYPE_U64_VECTOR) && obj_length(slots[0]) == RANDOM_STATE_WORDS;
    default: return false;
    }
}

/* Not all that has slots may be changed behind its maker's back. */
bool unit_slot_fits(Obj x, uint64_t slot) {
    if (is_cons(x)) return slot < 2;
    if (!has_type(x, TYPE_SIMPLE_VECTOR) && !has_type(x, TYPE_CELL)) return false;
    return slot < obj_length(x);
}

/* NIL, or name, lambda list, file, line, places, documentation. */
bool unit_debug_fits(Obj x) {
    if (is_nil(x)) return true;
    if (!has_type(x, TYPE_SIMPLE_VECTOR) || obj_length(x) != DEBUG_LENGTH) return false;
    Obj line = obj_slots(x)[DEBUG_LINE], places = obj_slots(x)[DEBUG_PLACES];
    return (is_nil(line) || is_fix(line)) && (is_nil(places) || has_type(places, TYPE_U32_VECTOR));
}
