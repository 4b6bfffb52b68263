/* strings.c: strings (CLHS 16).  CHAR and SCHAR are with the arrays (arrays.c).

   All functions take string designators and bounding indices as the standard has them; keyword arguments are taken apart here, since none
   of these calls Lisp.  What makes a string makes a full one, so that any character can be stored in it; names of symbols are the only
   base strings that leave this chapter. */
#include "prim/strings.h"
#include "run/vector.h"

/* -- Designators, keywords, bounds -- */

Text designated_text(Thread *t, Obj x, uint32_t *cell) {
    if (LIKELY(is_string(x))) return text_of_string(x);
    if (is_symbol(x)) return text_of_string(symbol_slots(x)[SYMBOL_NAME]);
    if (!is_char(x)) signal_type_error(t, x, alloc_list(t, 4, (Obj[]){SYM(OR), SYM(STRING), SYM(SYMBOL), SYM(CHARACTER)}));
    *cell = char_of_obj(x);
    return (Text){cell, 1, true};
}

Obj designated_string(Thread *t, Obj x) {
    uint32_t cell;
    if (is_string(x)) return x;
    if (is_symbol(x)) return symbol_slots(x)[SYMBOL_NAME];
    return full_string_of_text(t, designated_text(t, x, &cell));
}

void keywords_parse(Thread *t, const Obj *args, uint32_t from, uint32_t n, Keyword *keywords, uint32_t count) {
    if (from == n) return;
    if ((n - from) % 2) signal_format(t, SYM(PROGRAM_ERROR), "Odd number of keyword arguments.", 0);
    Obj unknown = UNBOUND, allow = UNBOUND;
    for (uint32_t i = n; i > from;) { /* from the last, so that the first stays */
        Obj value = args[--i], name = args[--i];
        uint32_t k = 0;
        while (k < count && !eq(keywords[k].name, name)) k++;
        if (k < count) keywords[k].value = value;
        else if (!eq(name, SYM(K_ALLOW_OTHER_KEYS))) unknown = name;
        if (eq(name, SYM(K_ALLOW_OTHER_KEYS))) allow = value;
    }
    if (!eq(unknown, UNBOUND) && (eq(allow, UNBOUND) || is_nil(allow)))
        signal_format(t, SYM(PROGRAM_ERROR), "Unknown keyword argument ~S.", 1, unknown);
}

static NORETURN void signal_bound(Thread *t, Obj x, uint64_t low, uint64_t high) {
    signal_type_error(t, x, alloc_list(t, 3, (Obj[]){SYM(INTEGER), obj_of_fix((int64_t)low), obj_of_fix((int64_t)high)}));
}

void bounds_check(Thread *t, Obj start, Obj end, uint64_t length, uint64_t *start_out, uint64_t *end_out) {
    if (!is_nil(end) && (!is_fix(end) || (uint64_t)fix_of_obj(end) > length)) signal_bound(t, end, 0, length);
    *end_out = is_nil(end) ? length : (uint64_t)fix_of_obj(end);
    if (!is_fix(start) || (uint64_t)fix_of_obj(start) > *end_out) signal_bound(t, start, 0, *end_out);
    *start_out = (uint64_t)fix_of_obj(start);
}

/* -- Comparing -- */

typedef struct Pair {
    Text a, b;
    uint64_t start1; /* of a in its string */
    uint32_t cell_a, cell_b;
} Pair;

static void pair_from_arguments(Thread *t, Obj *args, uint32_t n, Pair *p) {
    p->a = designated_text(t, args[0], &p->cell_a);
    p->b = designated_text(t, args[1], &p->cell_b);
    p->start1 = 0;
    if (n == 2) return;
    Keyword k[] = {{SYM(K_START1), obj_of_fix(0)}, {SYM(K_END1), NIL}, {SYM(K_START2), obj_of_fix(0)}, {SYM(K_END2), NIL}};
    uint64_t end1, start2, end2;
    keywords_parse(t, args, 2, n, k, 4);
    bounds_check(t, k[0].value, k[1].value, p->a.length, &p->start1, &end1);
    bounds_check(t, k[2].value, k[3].value, p->b.length, &start2, &end2);
    p->a = text_part(p->a, p->start1, end1);
    p->b = text_part(p->b, start2, end2);
}

static inline uint32_t folded(Text s, uint64_t i, bool fold) {
    uint32_t c = text_char(s, i);
    return fold ? code_downcase(c) : c;
}

static bool pair_equal(const Pair *p, bool fold) {
    if (!fold) return texts_equal(p->a, p->b);
    if (p->a.length != p->b.length) return false;
    for (uint64_t i = 0; i < p->a.length; i++)
        if (folded(p->a, i, true) != folded(p->b, i, true)) return false;
    return true;
}

enum { LESS = 1, SAME = 2, MORE = 4 };

/* The index in the first string where the two differ, if the order is among `allowed`; else NIL. */
static Obj pair_compare(const Pair *p, unsigned allowed, bool fold) {
    uint64_t least = p->a.length < p->b.length ? p->a.length : p->b.length, i = 0;
    while (i < least && folded(p->a, i, fold) == folded(p->b, i, fold)) i++;
    unsigned order;
    if (i == least) order = p->a.length < p->b.length ? LESS : p->a.length > p->b.length ? MORE : SAME;
    else order = folded(p->a, i, fold) < folded(p->b, i, fold) ? LESS : MORE;
    return order & allowed ? obj_of_fix((int64_t)(p->start1 + i)) : NIL;
}

#define PAIR_LAMBDA_LIST "string1 string2 &key (start1 0) end1 (start2 0) end2"
#define EQUALITY(c_name, name, fold, what)                                      \
    BUILTIN_IN_PLACE(c_name, name, 2, ARGS_ANY, PAIR_LAMBDA_LIST, what " (CLHS 16.2).") { \
        Pair p;                                                                 \
        pair_from_arguments(t, args, n, &p);                                    \
        return obj_of_bool(pair_equal(&p, fold));                               \
    }
#define COMPARISON(c_name, name, allowed, fold, what)                           \
    BUILTIN_IN_PLACE(c_name, name, 2, ARGS_ANY, PAIR_LAMBDA_LIST, what " (CLHS 16.2).") { \
        Pair p;                                                                 \
        pair_from_arguments(t, args, n, &p);                                    \
        return pair_compare(&p, allowed, fold);                                 \
    }

EQUALITY(string_eq, "STRING=", false, "Whether the strings have the same characters")
EQUALITY(string_equal, "STRING-EQUAL", true, "Whether the strings have the same characters, case aside")
COMPARISON(string_ne, "STRING/=", LESS | MORE, false, "Where the strings differ, or NIL")
COMPARISON(string_lt, "STRING<", LESS, false, "Where the first string is found to be less, or NIL")
COMPARISON(string_gt, "STRING>", MORE, false, "Where the first string is found to be greater, or NIL")
COMPARISON(string_le, "STRING<=", LESS | SAME, false, "Where the first string is found to be less, its end if equal, or NIL")
COMPARISON(string_ge, "STRING>=", MORE | SAME, false, "Where the first string is found to be greater, its end if equal, or NIL")
COMPARISON(string_not_equal, "STRING-NOT-EQUAL", LESS | MORE, true, "STRING/=, case aside")
COMPARISON(string_lessp, "STRING-LESSP", LESS, true, "STRING<, case aside")
COMPARISON(string_greaterp, "STRING-GREATERP", MORE, true, "STRING>, case aside")
COMPARISON(string_not_greaterp, "STRING-NOT-GREATERP", LESS | SAME, true, "STRING<=, case aside")
COMPARISON(string_not_lessp, "STRING-NOT-LESSP", MORE | SAME, true, "STRING>=, case aside")

/* -- Case -- */

typedef enum CaseChange { CASE_UP, CASE_DOWN, CASE_CAPITAL } CaseChange;

/* Changes the case of characters [start, end) of the simple string `data`, which begin at `offset`. */
static void change_case(Obj data, uint64_t offset, uint64_t start, uint64_t end, CaseChange how) {
    bool wide = obj_type(data) == TYPE_STRING, within = false;
    uint8_t *narrow = obj_raw(data);
    uint32_t *full = obj_raw(data);
    for (uint64_t i = offset + start; i < offset + end; i++) {
        uint32_t c = wide ? full[i] : narrow[i];
        uint32_t changed = how == CASE_UP || (how == CASE_CAPITAL && !within) ? code_upcase(c) : code_downcase(c);
        if (how == CASE_CAPITAL) within = code_is_alphanumeric(c);
        if (wide) full[i] = changed;
        else narrow[i] = (uint8_t)changed;
    }
}

static void bounds_from_arguments(Thread *t, Obj *args, uint32_t n, uint64_t length, uint64_t *start, uint64_t *end) {
    Keyword k[] = {{SYM(K_START), obj_of_fix(0)}, {SYM(K_END), NIL}};
    keywords_parse(t, args, 1, n, k, 2);
    bounds_check(t, k[0].value, k[1].value, length, start, end);
}

static Obj case_changed(Thread *t, Obj *args, uint32_t n, CaseChange how) {
    uint32_t cell;
    uint64_t start, end;
    Text from = designated_text(t, args[0], &cell);
    bounds_from_arguments(t, args, n, from.length, &start, &end);
    Obj s = full_string_of_text(t, from);
    change_case(s, 0, start, end, how);
    return s;
}

static Obj case_changed_in_place(Thread *t, Obj *args, uint32_t n, CaseChange how) {
    if (!is_string(args[0])) signal_type_error(t, args[0], SYM(STRING));
    uint64_t start, end;
    Span span = vector_span(t, args[0]);
    bounds_from_arguments(t, args, n, span.length, &start, &end);
    change_case(span.data, span.start, start, end, how);
    return args[0];
}

#define CASE_LAMBDA_LIST "string &key (start 0) end"
BUILTIN_IN_PLACE(string_upcase, "STRING-UPCASE", 1, ARGS_ANY, CASE_LAMBDA_LIST, "A copy of the string in upper case (CLHS 16.2).") {
    return case_changed(t, args, n, CASE_UP);
}
BUILTIN_IN_PLACE(string_downcase, "STRING-DOWNCASE", 1, ARGS_ANY, CASE_LAMBDA_LIST, "A copy of the string in lower case (CLHS 16.2).") {
    return case_changed(t, args, n, CASE_DOWN);
}
BUILTIN_IN_PLACE(string_capitalize, "STRING-CAPITALIZE", 1, ARGS_ANY, CASE_LAMBDA_LIST, "A copy of the string with words capitalized (CLHS 16.2).") {
    return case_changed(t, args, n, CASE_CAPITAL);
}
BUILTIN_IN_PLACE(nstring_upcase, "NSTRING-UPCASE", 1, ARGS_ANY, CASE_LAMBDA_LIST, "The string, put in upper case (CLHS 16.2).") {
    return case_changed_in_place(t, args, n, CASE_UP);
}
BUILTIN_IN_PLACE(nstring_downcase, "NSTRING-DOWNCASE", 1, ARGS_ANY, CASE_LAMBDA_LIST, "The string, put in lower case (CLHS 16.2).") {
    return case_changed_in_place(t, args, n, CASE_DOWN);
}
BUILTIN_IN_PLACE(nstring_capitalize, "NSTRING-CAPITALIZE", 1, ARGS_ANY, CASE_LAMBDA_LIST, "The string, with words capitalized (CLHS 16.2).") {
    return case_changed_in_place(t, args, n, CASE_CAPITAL);
}

/* -- Trimming -- */

static bool bag_has(Thread *t, Obj bag, uint32_t code) {
    Obj c = obj_of_char(code);
    for (; is_cons(bag); bag = cdr(bag))
        if (eq(car(bag), c)) return true;
    if (is_nil(bag)) return false;
    Span s = vector_span(t, bag);
    for (uint64_t i = 0; i < s.length; i++)
        if (eq(element_ref(t, s.data, s.start + i), c)) return true;
    return false;
}

static Obj trimmed(Thread *t, Obj bag, Obj string, bool left, bool right) {
    uint32_t cell;
    Text s = designated_text(t, string, &cell);
    uint64_t start = 0, end = s.length;
    if (!is_list(bag) && !is_vector(bag)) signal_type_error(t, bag, SYM(SEQUENCE));
    if (is_list(bag)) list_length(t, bag);
    while (left && start < end && bag_has(t, bag, text_char(s, start))) start++;
    while (right && start < end && bag_has(t, bag, text_char(s, end - 1))) end--;
    if (start == 0 && end == s.length && is_simple_string(string)) return string;
    return full_string_of_text(t, text_part(s, start, end));
}

BUILTIN_IN_PLACE(string_trim, "STRING-TRIM", 2, 2, "character-bag string", "The string without the bag's characters at both ends (CLHS 16.2).") {
    return trimmed(t, args[0], args[1], true, true);
}
BUILTIN_IN_PLACE(string_left_trim, "STRING-LEFT-TRIM", 2, 2, "character-bag string", "The string without the bag's characters at its beginning (CLHS 16.2).") {
    return trimmed(t, args[0], args[1], true, false);
}
BUILTIN_IN_PLACE(string_right_trim, "STRING-RIGHT-TRIM", 2, 2, "character-bag string", "The string without the bag's characters at its end (CLHS 16.2).") {
    return trimmed(t, args[0], args[1], false, true);
}

/* -- Making -- */

BUILTIN_IN_PLACE(string, "STRING", 1, 1, "string-designator", "The string that is meant: itself, a symbol's name, or that of one character (CLHS 16.2).") {
    return designated_string(t, args[0]);
}

BUILTIN(make_string, "MAKE-STRING", 1, ARGS_ANY, "size &key initial-element (element-type 'character)", "A fresh simple string (CLHS 16.2).") {
    Keyword k[] = {{SYM(K_INITIAL_ELEMENT), obj_of_char(0)}, {SYM(K_ELEMENT_TYPE), SYM(CHARACTER)}};
    const uint64_t limit = UINT64_C(1) << 44;
    keywords_parse(t, args, 1, n, k, 2);
    if (!is_fix(args[0]) || (uint64_t)fix_of_obj(args[0]) >= limit) signal_index_error(t, args[0], limit);
    if (!is_char(k[0].value)) signal_type_error(t, k[0].value, SYM(CHARACTER));
    uint64_t length = (uint64_t)fix_of_obj(args[0]);
    uint32_t code = char_of_obj(k[0].value);
    bool narrow = eq(k[1].value, SYM(BASE_CHAR)) || eq(k[1].value, SYM(STANDARD_CHAR));
    if (narrow && code >= BASE_CHAR_LIMIT) signal_type_error(t, k[0].value, SYM(BASE_CHAR));
    Obj s = alloc_raw(t, narrow ? TYPE_BASE_STRING : TYPE_STRING, length);
    if (narrow) memset(obj_raw(s), (int)code, length);
    else if (code)
        for (uint64_t i = 0; i < length; i++) ((uint32_t *)obj_raw(s))[i] = code;
    return s;
}
