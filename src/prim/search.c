/* search.c: searching sequences without calling functions: FIND, POSITION, COUNT, REMOVE, SUBSTITUTE, SEARCH, MISMATCH.

   The test is EQ, EQL, EQUAL or EQUALP, given as its code (%TEST-CODE), and there is no key.  Elements are compared as words when the item is equal
   to itself only, and characters of strings without being made Lisp words. */
#include "prim/sequence.h"

/* What one search looks for. */
typedef struct Wanted {
    Test test;
    Obj item;
} Wanted;

static Wanted wanted(Thread *t, Obj code, Obj item) {
    Test test = need_test_code(t, code);
    return (Wanted){test_is_eq(test, item) ? TEST_EQ : test, item};
}

static inline bool is_wanted(Thread *t, const Wanted *w, Obj x) {
    return w->test == TEST_EQ ? eq(w->item, x) : test_objects(t, w->test, w->item, x);
}

enum { NOWHERE = -1 };

/* -- Positions -- */

static int64_t find_char(Span s, Obj item) {
    if (!is_char(item)) return NOWHERE;
    uint32_t c = char_of_obj(item);
    if (s.type == TYPE_BASE_STRING) {
        const uint8_t *from = (const uint8_t *)obj_raw(s.data) + s.start, *at = c < BASE_CHAR_LIMIT ? memchr(from, (int)c, s.length) : NULL;
        return at ? at - from : NOWHERE;
    }
    const uint32_t *from = (const uint32_t *)obj_raw(s.data) + s.start;
    for (uint64_t i = 0; i < s.length; i++)
        if (from[i] == c) return (int64_t)i;
    return NOWHERE;
}

/* 64 bits of the span from bit i, each 1 if it equals `bit`; those past its end are 0. */
static uint64_t equal_bits(Span s, uint64_t i, bool bit) {
    const uint64_t *words = obj_raw(s.data);
    uint64_t at = s.start + i, left = s.length - i, here = 64 - (at & 63);
    uint64_t w = words[at >> 6] >> (at & 63);
    if (left > here && here < 64) w |= words[(at >> 6) + 1] << here;
    if (!bit) w = ~w;
    return left < 64 ? w & ((UINT64_C(1) << left) - 1) : w;
}

static int64_t find_bit(Span s, Obj item) {
    if (!eq(item, obj_of_fix(0)) && !eq(item, obj_of_fix(1))) return NOWHERE;
    for (uint64_t i = 0; i < s.length; i += 64) {
        uint64_t w = equal_bits(s, i, fix_of_obj(item) != 0);
        if (w) return (int64_t)i + bits_lowest(w);
    }
    return NOWHERE;
}

static uint64_t count_bits(Span s, Obj item) {
    uint64_t count = 0;
    if (!eq(item, obj_of_fix(0)) && !eq(item, obj_of_fix(1))) return 0;
    for (uint64_t i = 0; i < s.length; i += 64) count += (uint64_t)bits_count(equal_bits(s, i, fix_of_obj(item) != 0));
    return count;
}

static int64_t find_word(Span s, Obj item) {
    const Obj *from = obj_slots(s.data) + s.start;
    for (uint64_t i = 0; i < s.length; i++)
        if (eq(from[i], item)) return (int64_t)i;
    return NOWHERE;
}

static int64_t vector_position(Thread *t, Obj v, Range r, const Wanted *w, bool from_end) {
    Span all = vector_span(t, v), s = {all.data, all.start + r.start, r.end - r.start, all.type};
    if (from_end) {
        for (uint64_t i = s.length; i-- > 0;)
            if (is_wanted(t, w, element_ref(t, s.data, s.start + i))) return (int64_t)(r.start + i);
        return NOWHERE;
    }
    int64_t at = NOWHERE;
    if (w->test == TEST_EQ && (s.type == TYPE_STRING || s.type == TYPE_BASE_STRING))
        at = find_char(s, w->item);
    else if (w->test == TEST_EQ && s.type == TYPE_SIMPLE_VECTOR)
        at = find_word(s, w->item);
    else if (w->test == TEST_EQ && s.type == TYPE_BIT_VECTOR)
        at = find_bit(s, w->item);
    else
        for (uint64_t i = 0; i < s.length && at == NOWHERE; i++)
            if (is_wanted(t, w, element_ref(t, s.data, s.start + i))) at = (int64_t)i;
    return at == NOWHERE ? NOWHERE : at + (int64_t)r.start;
}

/* The position of the first or last wanted element of the range, and that element. */
static int64_t position(Thread *t, Obj x, Range r, const Wanted *w, bool from_end, Obj *element) {
    int64_t at = NOWHERE, i = (int64_t)r.start;
    if (!is_list(x)) {
        at = vector_position(t, x, r, w, from_end);
        if (at != NOWHERE) *element = row_major_ref(t, x, (uint64_t)at);
        return at;
    }
    Obj e;
    for (Cursor c = cursor_start(t, x, r); cursor_next(t, &c, &e); i++) {
        if (!is_wanted(t, w, e)) continue;
        at = i;
        *element = e;
        if (!from_end) return at;
    }
    return at;
}

/* The commonest searches of lists take no detour: from the start to the end, which may be improper. */
static bool plain_list(Obj x, Obj from_end, Obj start, Obj end) { return is_list(x) && is_nil(from_end) && eq(start, obj_of_fix(0)) && is_nil(end); }

static int64_t list_position(Thread *t, Obj list, const Wanted *w, Obj *element) {
    Walk walk = walk_start();
    int64_t i = 0;
    Obj p = list;
    for (; is_cons(p); p = cdr(p), i++) {
        if (is_wanted(t, w, car(p))) {
            *element = car(p);
            return i;
        }
        if (walk_circular(&walk, p)) signal_improper_list(t, list, p);
    }
    if (!is_nil(p)) signal_improper_list(t, list, p);
    return NOWHERE;
}

/* args: code item sequence from-end start end */
static int64_t search_element(Thread *t, Obj *args, Obj *element) {
    Wanted w = wanted(t, args[0], args[1]);
    if (plain_list(args[2], args[3], args[4], args[5])) return list_position(t, args[2], &w, element);
    return position(t, args[2], range_of(t, args[2], args[4], args[5]), &w, !is_nil(args[3]), element);
}

BUILTIN_IN_PLACE(find, "%FIND", 6, 6, "(test-code item sequence from-end start end)", "FIND without key.") {
    Obj element = NIL;
    return search_element(t, args, &element) == NOWHERE ? NIL : element;
}
BUILTIN_IN_PLACE(position, "%POSITION", 6, 6, "(test-code item sequence from-end start end)", "POSITION without key.") {
    Obj element;
    int64_t at = search_element(t, args, &element);
    return at == NOWHERE ? NIL : obj_of_fix(at);
}

static uint64_t count_wanted(Thread *t, Obj x, Range r, const Wanted *w) {
    uint64_t count = 0;
    Obj e;
    if (w->test == TEST_EQ && is_bit_vector(x)) {
        Span s = vector_span(t, x);
        return count_bits((Span){s.data, s.start + r.start, r.end - r.start, s.type}, w->item);
    }
    for (Cursor c = cursor_start(t, x, r); cursor_next(t, &c, &e);) count += is_wanted(t, w, e);
    return count;
}
BUILTIN_IN_PLACE(count_element, "%COUNT", 5, 5, "(test-code item sequence start end)", "COUNT without key.") {
    Wanted w = wanted(t, args[0], args[1]);
    return obj_of_fix((int64_t)count_wanted(t, args[2], range_of(t, args[2], args[3], args[4]), &w));
}

/* -- Removing and substituting -- */

/* Which of the wanted elements are meant: the numbers [skip, skip + limit). */
typedef struct Choice {
    uint64_t skip, limit;
} Choice;

static Choice choice(Thread *t, Obj x, Range r, const Wanted *w, Obj from_end, Obj count) {
    if (is_nil(count)) return (Choice){0, UINT64_MAX};
    uint64_t limit = is_fix(count) ? (fix_of_obj(count) < 0 ? 0 : (uint64_t)fix_of_obj(count)) : UINT64_MAX;
    if (has_type(count, TYPE_BIGNUM) && (obj_flags(count) & BIGNUM_NEGATIVE)) limit = 0;
    if (!is_fix(count) && !has_type(count, TYPE_BIGNUM)) signal_type_error(t, count, SYM(INTEGER));
    if (is_nil(from_end)) return (Choice){0, limit};
    uint64_t all = count_wanted(t, x, r, w);
    return (Choice){all > limit ? all - limit : 0, limit};
}

/* Sets a bit for every chosen element of the range. */
static Obj mark_wanted(Thread *t, Obj x, Range r, const Wanted *w, Choice c) {
    Obj marks = alloc_raw(t, TYPE_BIT_VECTOR, r.end - r.start), e;
    uint64_t *words = obj_raw(marks), seen = 0, i = 0;
    for (Cursor k = cursor_start(t, x, r); cursor_next(t, &k, &e); i++) {
        if (!is_wanted(t, w, e)) continue;
        if (seen >= c.skip && seen - c.skip < c.limit) words[i >> 6] |= UINT64_C(1) << (i & 63);
        seen++;
    }
    return marks;
}

BUILTIN_IN_PLACE(mark, "%MARK", 7, 7, "(test-code item sequence from-end start end count)", "The bit vector, from start to end, of the elements that REMOVE removes.") {
    Wanted w = wanted(t, args[0], args[1]);
    Range r = range_of(t, args[2], args[4], args[5]);
    return mark_wanted(t, args[2], r, &w, choice(t, args[2], r, &w, args[3], args[6]));
}

/* DELETE of all wanted elements of a whole list. */
BUILTIN_IN_PLACE(delete_from_list, "%DELETE-FROM-LIST", 3, 3, "(test-code item list)", "DELETE of a list without keywords.") {
    Wanted w = wanted(t, args[0], args[1]);
    Obj head = NIL, last = NIL;
    list_length(t, args[2]);
    for (Obj p = args[2]; is_cons(p); p = cdr(p)) {
        if (is_wanted(t, &w, car(p))) continue;
        if (is_nil(head))
            head = p;
        else if (!eq(cdr(last), p))
            set_cdr(t, last, p);
        last = p;
    }
    if (!is_nil(last) && !is_nil(cdr(last))) set_cdr(t, last, NIL);
    return head;
}

BUILTIN_IN_PLACE(remove_from_list, "%REMOVE-FROM-LIST", 3, 3, "(test-code item list)", "REMOVE from a list without keywords.") {
    Wanted w = wanted(t, args[0], args[1]);
    Obj head = NIL, last = NIL;
    list_length(t, args[2]);
    for (Obj p = args[2]; is_cons(p); p = cdr(p)) {
        if (is_wanted(t, &w, car(p))) continue;
        Obj cell = alloc_cons(t, car(p), NIL);
        if (is_nil(head))
            head = cell;
        else
            cons_slots(last)[1] = cell; /* NOBARRIER: fresh conses */
        last = cell;
    }
    return head;
}

BUILTIN_IN_PLACE(substitute, "%NSUBSTITUTE", 8, 8, "(test-code new item sequence from-end start end count)", "NSUBSTITUTE without key.") {
    Wanted w = wanted(t, args[0], args[2]);
    Obj x = args[3], p = x;
    Range r = range_of(t, x, args[5], args[6]);
    Choice c = choice(t, x, r, &w, args[4], args[7]);
    uint64_t seen = 0;
    for (uint64_t i = 0; is_list(x) && i < r.start; i++) p = cdr(p);
    for (uint64_t i = r.start; i < r.end; i++) {
        if (is_wanted(t, &w, is_list(x) ? car(p) : row_major_ref(t, x, i)) && seen++ >= c.skip && seen - 1 - c.skip < c.limit) {
            if (is_list(x))
                set_car(t, p, args[1]);
            else
                row_major_set(t, x, i, args[1]);
        }
        if (is_list(x)) p = cdr(p);
    }
    return x;
}

/* -- Two sequences -- */

/* The elements of a range as words: a simple vector's own where they lie, else a fresh copy. */
typedef struct Words {
    const Obj *at;
    uint64_t count;
} Words;

static Words words_of(Thread *t, Obj x, Range r) {
    uint64_t n = r.end - r.start;
    if (!is_list(x)) {
        Span s = vector_span(t, x);
        if (s.type == TYPE_SIMPLE_VECTOR) return (Words){obj_slots(s.data) + s.start + r.start, n};
    }
    Obj copy = alloc_boxed(t, TYPE_SIMPLE_VECTOR, n, NIL);
    Cursor c = cursor_start(t, x, r);
    for (uint64_t i = 0; i < n; i++) (void)cursor_next(t, &c, &obj_slots(copy)[i]); /* NOBARRIER: fresh object */
    return (Words){obj_slots(copy), n};
}

static bool words_match(Thread *t, Test test, const Obj *a, const Obj *b, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if (!test_objects(t, test, a[i], b[i])) return false;
    return true;
}

static int64_t search_words(Thread *t, Test test, Words a, Words b, bool from_end) {
    if (a.count > b.count) return NOWHERE;
    uint64_t last = b.count - a.count;
    for (uint64_t i = 0; i <= last; i++) {
        uint64_t k = from_end ? last - i : i;
        if (words_match(t, test, a.at, b.at + k, a.count)) return (int64_t)k;
    }
    return NOWHERE;
}

/* Two ranges of strings of the same width, searched in bytes; a find between characters is passed over. */
static int64_t search_bytes(const char *a, uint64_t na, const char *b, uint64_t nb, unsigned size) {
    const char *from = b, *end = b + nb * size;
    if (na == 0) return 0;
    for (;;) {
        const char *at = memmem(from, (size_t)(end - from), a, na * size);
        if (!at) return NOWHERE;
        if ((uint64_t)(at - b) % size == 0) return (at - b) / size;
        from = at + 1;
    }
}

static bool same_width_strings(Thread *t, Obj a, Obj b, Span *sa, Span *sb) {
    if (is_list(a) || is_list(b)) return false;
    *sa = vector_span(t, a);
    *sb = vector_span(t, b);
    return sa->type == sb->type && (sa->type == TYPE_STRING || sa->type == TYPE_BASE_STRING);
}

/* args: code sequence1 sequence2 from-end start1 end1 start2 end2 */
BUILTIN_IN_PLACE(search, "%SEARCH", 8, 8, "(test-code sequence1 sequence2 from-end start1 end1 start2 end2)", "SEARCH without key.") {
    Test test = need_test_code(t, args[0]);
    Range ra = range_of(t, args[1], args[4], args[5]), rb = range_of(t, args[2], args[6], args[7]);
    Span sa, sb;
    int64_t at;
    if (test != TEST_EQUALP && is_nil(args[3]) && same_width_strings(t, args[1], args[2], &sa, &sb)) {
        unsigned size = sa.type == TYPE_STRING ? 4 : 1;
        const char *a = (char *)obj_raw(sa.data) + (sa.start + ra.start) * size, *b = (char *)obj_raw(sb.data) + (sb.start + rb.start) * size;
        at = search_bytes(a, ra.end - ra.start, b, rb.end - rb.start, size);
    } else {
        Words a = words_of(t, args[1], ra), b = words_of(t, args[2], rb);
        at = search_words(t, test, a, b, !is_nil(args[3]));
    }
    return at == NOWHERE ? NIL : obj_of_fix(at + (int64_t)rb.start);
}

BUILTIN_IN_PLACE(mismatch, "%MISMATCH", 8, 8, "(test-code sequence1 sequence2 from-end start1 end1 start2 end2)", "MISMATCH without key.") {
    Test test = need_test_code(t, args[0]);
    Range ra = range_of(t, args[1], args[4], args[5]), rb = range_of(t, args[2], args[6], args[7]);
    Words a = words_of(t, args[1], ra), b = words_of(t, args[2], rb);
    bool back = !is_nil(args[3]);
    uint64_t shorter = a.count < b.count ? a.count : b.count, i = 0;
    while (i < shorter && test_objects(t, test, a.at[back ? a.count - 1 - i : i], b.at[back ? b.count - 1 - i : i])) i++;
    if (i == a.count && i == b.count) return NIL;
    return obj_of_fix((int64_t)(back ? ra.end - i : ra.start + i));
}
