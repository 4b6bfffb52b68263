/* sort.c: sorting by a predicate of the system's own, without calling it.

   (%SORT-FAST sequence predicate key) sorts in place and returns T, or returns NIL when it cannot: it can when the predicate is <, >, CHAR<, CHAR>, STRING< or STRING>, the
   key is none, CAR or CDR, and all keys are of the kind that the predicate takes, so nobody can tell that it was not called.  What the sort moves
   are pairs of a key and its element, in malloc'ed memory; then the elements go back to where they came from (the conses of a
   list stay where they are).  Fixnums are sorted by radix, a byte at a time from the lowest, skipping bytes that are the same in all;
   other keys by merging.  Both are stable, so SORT and STABLE-SORT share them; > is < of the reversed order. */
#include "prim/sequence.h"

#include <stdlib.h>

typedef struct Pair {
    Obj key, element;
} Pair;

typedef enum Kind { KIND_NONE, KIND_FIXNUM, KIND_REAL, KIND_CHAR, KIND_STRING } Kind;

/* -- Fixnums: radix -- */

/* Signed order as unsigned order, turned round for >. */
static void bias_keys(Pair *p, uint64_t n, bool descending) {
    uint64_t flip = UINT64_C(1) << 63;
    for (uint64_t i = 0; i < n; i++) p[i].key.w = descending ? ~(p[i].key.w ^ flip) : p[i].key.w ^ flip;
}

/* Sorts n pairs by key words, using as many of scratch; the result is in p. */
static void radix_sort(Pair *p, Pair *scratch, uint64_t n) {
    Pair *from = p, *to = scratch;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        uint64_t count[257] = {0};
        for (uint64_t i = 0; i < n; i++) count[(from[i].key.w >> shift & 255) + 1]++;
        if (count[(from[0].key.w >> shift & 255) + 1] == n) continue;
        for (unsigned b = 0; b < 256; b++) count[b + 1] += count[b];
        for (uint64_t i = 0; i < n; i++) to[count[from[i].key.w >> shift & 255]++] = from[i];
        Pair *other = from;
        from = to;
        to = other;
    }
    if (from != p) memcpy(p, from, n * sizeof *p);
}

/* -- Others: merging -- */

static int compare_strings(Obj a, Obj b) {
    uint64_t na = obj_length(a), nb = obj_length(b), n = na < nb ? na : nb;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t x = simple_string_char(a, i), y = simple_string_char(b, i);
        if (x != y) return x < y ? -1 : 1;
    }
    return na < nb ? -1 : na > nb;
}

typedef struct Order {
    Thread *t;
    Kind kind;
    bool descending;
} Order;

/* Whether b must come before a. */
static bool goes_before(const Order *o, Obj b, Obj a) {
    int c;
    if (o->kind == KIND_STRING)
        c = compare_strings(b, a);
    else if (o->kind == KIND_CHAR || both_fix(a, b))
        c = b.w == a.w ? 0 : (int64_t)b.w < (int64_t)a.w ? -1 : 1;
    else
        c = number_compare(o->t, b, a);
    return o->descending ? c == 1 : c == -1;
}

enum { RUN = 8 };

static void insertion_sort(const Order *o, Pair *p, uint64_t n) {
    for (uint64_t i = 1; i < n; i++) {
        Pair x = p[i];
        uint64_t k = i;
        for (; k > 0 && goes_before(o, x.key, p[k - 1].key); k--) p[k] = p[k - 1];
        p[k] = x;
    }
}

static void merge_runs(const Order *o, const Pair *a, uint64_t na, const Pair *b, uint64_t nb, Pair *to) {
    while (na && nb) {
        if (goes_before(o, b->key, a->key))
            *to++ = *b++, nb--;
        else
            *to++ = *a++, na--;
    }
    memcpy(to, na ? a : b, (na + nb) * sizeof *to);
}

static void merge_sort(const Order *o, Pair *p, Pair *scratch, uint64_t n) {
    Pair *from = p, *to = scratch;
    for (uint64_t i = 0; i < n; i += RUN) insertion_sort(o, p + i, n - i < RUN ? n - i : RUN);
    for (uint64_t width = RUN; width < n; width *= 2) {
        for (uint64_t i = 0; i < n; i += 2 * width) {
            uint64_t na = n - i < width ? n - i : width, nb = n - i - na < width ? n - i - na : width;
            merge_runs(o, from + i, na, from + i + na, nb, to + i);
        }
        Pair *other = from;
        from = to;
        to = other;
    }
    if (from != p) memcpy(p, from, n * sizeof *p);
}

/* -- Which sorts can be done here -- */

static bool stands_for(Obj f, Obj name) { return eq(f, name) || eq(f, symbol_slots(name)[SYMBOL_FUNCTION]); }

static Kind kind_of_predicate(Obj f, bool *descending) {
    static const struct {
        Obj up, down;
        Kind kind;
    } known[] = {{SYM(LESS), SYM(GREATER), KIND_REAL}, {SYM(CHAR_LESS), SYM(CHAR_GREATER), KIND_CHAR}, {SYM(STRING_LESS), SYM(STRING_GREATER), KIND_STRING}};
    for (unsigned i = 0; i < COUNT_OF(known); i++) {
        *descending = stands_for(f, known[i].down);
        if (*descending || stands_for(f, known[i].up)) return known[i].kind;
    }
    return KIND_NONE;
}

/* The kind again, KIND_FIXNUM where all keys are; KIND_NONE if a key is not of the kind. */
static Kind kind_of_keys(const Pair *p, uint64_t n, Kind kind) {
    bool fixnums = kind == KIND_REAL;
    for (uint64_t i = 0; i < n; i++) {
        Obj k = p[i].key;
        if (is_fix(k) && kind == KIND_REAL) continue;
        fixnums = false;
        if (kind == KIND_CHAR ? !is_char(k) : kind == KIND_STRING ? !is_simple_string(k) : !is_real(k)) return KIND_NONE;
    }
    return fixnums ? KIND_FIXNUM : kind;
}

typedef enum KeyPart { PART_SELF, PART_CAR, PART_CDR, PART_OTHER } KeyPart;

static KeyPart part_of_key(Obj key) {
    if (is_nil(key)) return PART_SELF;
    return stands_for(key, SYM(CAR)) ? PART_CAR : stands_for(key, SYM(CDR)) ? PART_CDR : PART_OTHER;
}

/* Keys and elements of the sequence; false if an element has no such part. */
static bool take_pairs(Thread *t, Obj x, uint64_t n, KeyPart part, Pair *p) {
    Cursor c = cursor_start(t, x, (Range){0, n, n});
    for (uint64_t i = 0; i < n; i++) {
        (void)cursor_next(t, &c, &p[i].element);
        Obj e = p[i].element;
        if (part != PART_SELF && !is_list(e)) return false;
        p[i].key = part == PART_SELF ? e : part == PART_CAR ? car(e) : cdr(e);
    }
    return true;
}

static void give_back(Thread *t, Obj x, uint64_t n, const Pair *p) {
    Obj tail = x;
    Span s = {NIL, 0, 0, TYPE_SIMPLE_VECTOR};
    if (!is_list(x)) s = vector_span(t, x);
    for (uint64_t i = 0; i < n; i++) {
        if (is_list(x)) {
            set_car(t, tail, p[i].element);
            tail = cdr(tail);
        } else {
            element_set(t, s.data, s.start + i, p[i].element);
        }
    }
}

/* Sorts the pairs if all keys are right. */
static bool sort_pairs(Thread *t, Pair *p, uint64_t n, Kind kind, bool descending) {
    Order o = {t, kind_of_keys(p, n, kind), descending};
    if (o.kind == KIND_NONE) return false;
    if (o.kind == KIND_FIXNUM && n > 64) {
        bias_keys(p, n, descending);
        radix_sort(p, p + n, n);
    } else {
        merge_sort(&o, p, p + n, n);
    }
    return true;
}

BUILTIN_IN_PLACE(sort_fast, "%SORT-FAST", 3, 3, "(sequence predicate key)", "Sorts the sequence in place, stably, and returns T; NIL, and nothing changed, when that would need calls.") {
    uint64_t length = (uint64_t)fix_of_obj(sequence_length(t, args[0]));
    bool descending;
    Kind kind = kind_of_predicate(args[1], &descending);
    KeyPart part = part_of_key(args[2]);
    if (kind == KIND_NONE || part == PART_OTHER) return NIL;
    if (length < 2) return T_;
    if (!is_list(args[0])) (void)vector_span(t, args[0]);
    Pair *p = calloc(2 * length, sizeof *p);
    if (!p) return NIL;
    bool done = take_pairs(t, args[0], length, part, p) && sort_pairs(t, p, length, kind, descending);
    if (done) give_back(t, args[0], length, p);
    free(p);
    return obj_of_bool(done);
}
