/* sequences.c: sequences (CLHS 17): access, copying, filling, replacing, reversing, joining.

   What calls no function is here and in search.c; lisp/sequences.lisp does the keywords and what calls predicates, keys and tests.
   A list is measured before it is worked on, so an improper one is a TYPE-ERROR before anything is changed; a vector is reduced
   to a span of its storage. */
#include "prim/sequence.h"

/* -- Bounds -- */

static NORETURN void signal_bounds(Thread *t, Obj bound, uint64_t low, uint64_t high) {
    Obj upper = alloc_cons(t, obj_of_fix((int64_t)high), NIL);
    signal_type_error(t, bound, alloc_cons(t, SYM(INTEGER), alloc_cons(t, obj_of_fix((int64_t)low), upper)));
}

static inline uint64_t need_bound(Thread *t, Obj x, uint64_t low, uint64_t high) {
    if (UNLIKELY(!is_fix(x) || fix_of_obj(x) < (int64_t)low || fix_of_obj(x) > (int64_t)high)) signal_bounds(t, x, low, high);
    return (uint64_t)fix_of_obj(x);
}

Range range_of(Thread *t, Obj sequence, Obj start, Obj end) {
    uint64_t length = (uint64_t)fix_of_obj(sequence_length(t, sequence));
    uint64_t to = is_nil(end) ? length : need_bound(t, end, 0, length);
    return (Range){need_bound(t, start, 0, to), to, length};
}

Test need_test_code(Thread *t, Obj code) {
    if (!is_fix(code) || (uint64_t)fix_of_obj(code) >= TEST_OTHER) signal_type_error(t, code, SYM(FIXNUM));
    return (Test)fix_of_obj(code);
}

static Obj list_tail(Obj list, uint64_t n) {
    while (n-- > 0) list = cdr(list);
    return list;
}

Cursor cursor_start(Thread *t, Obj sequence, Range r) {
    if (is_list(sequence)) return (Cursor){list_tail(sequence, r.start), r.start, r.end - r.start, true};
    Span s = vector_span(t, sequence);
    return (Cursor){s.data, s.start + r.start, r.end - r.start, false};
}

static Span span_range(Thread *t, Obj vector, Range r) {
    Span s = vector_span(t, vector);
    return (Span){s.data, s.start + r.start, r.end - r.start, s.type};
}

BUILTIN_IN_PLACE(bounds, "%BOUNDS", 3, 3, "(sequence start end)", "The end that START and END, which may be NIL, mean for the sequence; TYPE-ERROR if they are no bounds of it.") {
    return obj_of_fix((int64_t)range_of(t, args[0], args[1], args[2]).end);
}

/* -- Elements -- */

static uint64_t need_index(Thread *t, Obj x, uint64_t limit) {
    if (UNLIKELY(!is_fix(x) || (uint64_t)fix_of_obj(x) >= limit)) signal_index_error(t, x, limit);
    return (uint64_t)fix_of_obj(x);
}

/* The cons of element `index` of a list; the length is found out only for the error. */
static Obj element_cons(Thread *t, Obj list, Obj index) {
    Obj p = list;
    if (is_fix(index) && fix_of_obj(index) >= 0) {
        uint64_t i = (uint64_t)fix_of_obj(index);
        while (i > 0 && is_cons(p)) p = cdr(p), i--;
        if (i == 0 && is_cons(p)) return p;
    }
    signal_index_error(t, index, list_length(t, list));
}

static inline void need_sequence(Thread *t, Obj x) {
    if (UNLIKELY(!is_list(x) && !is_vector(x))) signal_type_error(t, x, SYM(SEQUENCE));
}

BUILTIN_IN_PLACE(elt, "ELT", 2, 2, "(sequence index)", "Element of a sequence, before its fill pointer (CLHS 17.3).") {
    need_sequence(t, args[0]);
    if (is_list(args[0])) return car(element_cons(t, args[0], args[1]));
    return row_major_ref(t, args[0], need_index(t, args[1], vector_length(args[0])));
}
BUILTIN_IN_PLACE(set_elt, "%SETELT", 3, 3, "(sequence index object)", "(SETF (ELT sequence index) object): returns object.") {
    need_sequence(t, args[0]);
    if (is_list(args[0]))
        set_car(t, element_cons(t, args[0], args[1]), args[2]);
    else
        row_major_set(t, args[0], need_index(t, args[1], vector_length(args[0])), args[2]);
    return args[2];
}

/* -- Copying -- */

Obj vector_make(Thread *t, Type type, uint64_t length) {
    return type == TYPE_SIMPLE_VECTOR ? alloc_boxed(t, type, length, NIL) : alloc_raw(t, type, length);
}

static Obj copy_conses(Thread *t, Obj list, uint64_t n) {
    if (n == 0) return NIL;
    Obj head = alloc_cons(t, car(list), NIL), last = head;
    while (--n > 0) {
        list = cdr(list);
        Obj cell = alloc_cons(t, car(list), NIL);
        cons_slots(last)[1] = cell; /* NOBARRIER: fresh conses */
        last = cell;
    }
    return head;
}

static Obj subsequence(Thread *t, Obj x, Range r) {
    if (is_list(x)) return copy_conses(t, list_tail(x, r.start), r.end - r.start);
    Span from = span_range(t, x, r);
    Obj v = vector_make(t, from.type, from.length);
    span_copy(t, (Span){v, 0, from.length, from.type}, from);
    return v;
}

BUILTIN_IN_PLACE(subseq, "SUBSEQ", 2, 3, "(sequence start &optional end)", "A fresh sequence of the elements from start to end (CLHS 17.3).") {
    return subsequence(t, args[0], range_of(t, args[0], args[1], ARG(2, NIL)));
}
BUILTIN_IN_PLACE(copy_seq, "COPY-SEQ", 1, 1, "(sequence)", "A fresh sequence of the same elements (CLHS 17.3).") {
    return subsequence(t, args[0], range_of(t, args[0], obj_of_fix(0), NIL));
}

/* -- Filling and replacing -- */

BUILTIN_IN_PLACE(fill, "%FILL", 4, 4, "(sequence item start end)", "FILL without keywords.") {
    Range r = range_of(t, args[0], args[2], args[3]);
    if (is_list(args[0])) {
        Obj p = list_tail(args[0], r.start);
        for (uint64_t i = r.start; i < r.end; i++, p = cdr(p)) set_car(t, p, args[1]);
        return args[0];
    }
    Span s = span_range(t, args[0], r);
    if (!element_fits(s.type, args[1])) signal_type_error(t, args[1], element_type(t, s.type));
    span_fill(t, s, args[1]);
    return args[0];
}

/* Copies through a fresh vector where a list takes part in both sides. */
static void replace_lists(Thread *t, Obj to, Range rt, Obj from, Range rf) {
    uint64_t n = rt.end - rt.start;
    Obj x, copy = alloc_boxed(t, TYPE_SIMPLE_VECTOR, n, NIL);
    Cursor c = cursor_start(t, from, rf);
    for (uint64_t i = 0; i < n && cursor_next(t, &c, &x); i++) init_field(copy, i, x);
    if (!is_list(to)) {
        span_copy(t, span_range(t, to, rt), (Span){copy, 0, n, TYPE_SIMPLE_VECTOR});
        return;
    }
    Obj p = list_tail(to, rt.start);
    for (uint64_t i = 0; i < n; i++, p = cdr(p)) set_car(t, p, obj_slots(copy)[i]);
}

BUILTIN_IN_PLACE(replace, "%REPLACE", 6, 6, "(target source start1 end1 start2 end2)", "REPLACE without keywords.") {
    Range to = range_of(t, args[0], args[2], args[3]), from = range_of(t, args[1], args[4], args[5]);
    uint64_t count = to.end - to.start < from.end - from.start ? to.end - to.start : from.end - from.start;
    to.end = to.start + count;
    from.end = from.start + count;
    if (is_list(args[0]) || is_list(args[1]))
        replace_lists(t, args[0], to, args[1], from);
    else
        span_copy(t, span_range(t, args[0], to), span_range(t, args[1], from));
    return args[0];
}

/* -- Reversing -- */

static void reverse_words(Obj *to, const Obj *from, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) to[i] = from[n - 1 - i]; /* NOBARRIER: fresh object */
}
static void reverse_chars(uint32_t *to, const uint32_t *from, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) to[i] = from[n - 1 - i];
}

static Obj reverse_list(Thread *t, Obj list) {
    Obj result = NIL;
    list_length(t, list);
    for (; is_cons(list); list = cdr(list)) result = alloc_cons(t, car(list), result);
    return result;
}

BUILTIN_IN_PLACE(reverse, "REVERSE", 1, 1, "(sequence)", "A fresh sequence of the same elements in reverse order (CLHS 17.3).") {
    if (is_list(args[0])) return reverse_list(t, args[0]);
    Span s = span_range(t, args[0], range_of(t, args[0], obj_of_fix(0), NIL));
    Obj v = vector_make(t, s.type, s.length);
    if (s.type == TYPE_SIMPLE_VECTOR)
        reverse_words(obj_slots(v), obj_slots(s.data) + s.start, s.length);
    else if (s.type == TYPE_STRING)
        reverse_chars(obj_raw(v), (uint32_t *)obj_raw(s.data) + s.start, s.length);
    else
        for (uint64_t i = 0; i < s.length; i++) element_set(t, v, i, element_ref(t, s.data, s.start + s.length - 1 - i));
    return v;
}

BUILTIN_IN_PLACE(nreverse, "NREVERSE", 1, 1, "(sequence)", "The sequence with its elements in reverse order, made from its own parts (CLHS 17.3).") {
    if (is_list(args[0])) {
        Obj list = args[0], result = NIL;
        list_length(t, list);
        while (is_cons(list)) {
            Obj next = cdr(list);
            set_cdr(t, list, result);
            result = list;
            list = next;
        }
        return result;
    }
    Span s = span_range(t, args[0], range_of(t, args[0], obj_of_fix(0), NIL));
    for (uint64_t i = 0; i < s.length / 2; i++) {
        uint64_t a = s.start + i, b = s.start + s.length - 1 - i;
        Obj x = element_ref(t, s.data, a), y = element_ref(t, s.data, b);
        element_set(t, s.data, a, y);
        element_set(t, s.data, b, x);
    }
    return args[0];
}

/* -- Joining -- */

BUILTIN_IN_PLACE(concatenate_list, "%CONCATENATE-LIST", 0, ARGS_ANY, "(&rest sequences)", "CONCATENATE to a list.") {
    Obj head = NIL, last = NIL, x;
    for (uint32_t i = 0; i < n; i++) {
        Cursor c = cursor_start(t, args[i], range_of(t, args[i], obj_of_fix(0), NIL));
        while (cursor_next(t, &c, &x)) {
            Obj cell = alloc_cons(t, x, NIL);
            if (is_nil(head))
                head = cell;
            else
                cons_slots(last)[1] = cell; /* NOBARRIER: fresh conses */
            last = cell;
        }
    }
    return head;
}

static void store_sequence(Thread *t, Obj v, Type type, uint64_t at, Obj x, Range r) {
    Obj e;
    if (!is_list(x)) {
        span_copy(t, (Span){v, at, r.length, type}, span_range(t, x, r));
        return;
    }
    Cursor c = cursor_start(t, x, r);
    while (cursor_next(t, &c, &e)) element_set(t, v, at++, e);
}

BUILTIN_IN_PLACE(concatenate_vector, "%CONCATENATE-VECTOR", 1, ARGS_ANY, "(type-code &rest sequences)", "CONCATENATE to a simple vector of the type.") {
    if (!is_fix(args[0]) || (uint64_t)fix_of_obj(args[0]) >= TYPE_COUNT || !is_simple_vector_type((Type)fix_of_obj(args[0])))
        signal_type_error(t, args[0], SYM(FIXNUM));
    Type type = (Type)fix_of_obj(args[0]);
    uint64_t total = 0, at = 0;
    for (uint32_t i = 1; i < n; i++) total += (uint64_t)fix_of_obj(sequence_length(t, args[i]));
    Obj v = vector_make(t, type, total);
    for (uint32_t i = 1; i < n; i++) {
        Range r = range_of(t, args[i], obj_of_fix(0), NIL);
        store_sequence(t, v, type, at, args[i], r);
        at += r.length;
    }
    return v;
}

/* -- Removing what is marked -- */

/* MARKS is a bit vector: bit i is 1 if element START + i is to go. */
static bool marked(Obj marks, uint64_t i) { return ((const uint64_t *)obj_raw(marks))[i >> 6] >> (i & 63) & 1; }

static Obj list_without(Thread *t, Obj list, Obj marks, uint64_t start) {
    Obj head = NIL, last = NIL;
    uint64_t i = 0, n = obj_length(marks);
    for (; is_cons(list); list = cdr(list), i++) {
        if (i >= start && i - start < n && marked(marks, i - start)) continue;
        Obj cell = alloc_cons(t, car(list), NIL);
        if (is_nil(head))
            head = cell;
        else
            cons_slots(last)[1] = cell; /* NOBARRIER: fresh conses */
        last = cell;
    }
    return head;
}

static Obj cut_list(Thread *t, Obj list, Obj marks, uint64_t start) {
    Obj head = NIL, last = NIL;
    uint64_t i = 0, n = obj_length(marks);
    for (Obj p = list; is_cons(p); p = cdr(p), i++) {
        if (i >= start && i - start < n && marked(marks, i - start)) continue;
        if (is_nil(head))
            head = p;
        else
            set_cdr(t, last, p);
        last = p;
    }
    if (!is_nil(last)) set_cdr(t, last, NIL);
    return head;
}

/* The marked ones of `length` elements; a predicate may have shortened the sequence meanwhile. */
static uint64_t count_marks(Obj marks, uint64_t start, uint64_t length) {
    uint64_t count = 0, n = obj_length(marks);
    for (uint64_t i = 0; i < n && start + i < length; i++) count += marked(marks, i);
    return count;
}

/* Copies the unmarked elements of s to `to` from its element `at`. */
static void copy_unmarked(Thread *t, Obj to, uint64_t at, Span s, Obj marks, uint64_t start) {
    uint64_t n = obj_length(marks);
    for (uint64_t i = 0; i < s.length; i++)
        if (!(i >= start && i - start < n && marked(marks, i - start))) element_set(t, to, at++, element_ref(t, s.data, s.start + i));
}

/* (%REMOVE-MARKED sequence marks start destructive-p) */
BUILTIN_IN_PLACE(remove_marked, "%REMOVE-MARKED", 4, 4, "(sequence marks start destructive-p)",
        "The sequence without the elements whose bits in the bit vector marks, which begins at element start, are 1.") {
    Obj x = args[0], marks = args[1];
    uint64_t start = (uint64_t)fix_of_obj(args[2]);
    if (is_list(x)) return is_nil(args[3]) ? list_without(t, x, marks, start) : cut_list(t, x, marks, start);
    Span s = vector_span(t, x);
    uint64_t gone = count_marks(marks, start, s.length);
    if (!is_nil(args[3]) && obj_type(x) == TYPE_ARRAY && !is_nil(obj_slots(x)[ARRAY_FILL_POINTER])) {
        copy_unmarked(t, s.data, s.start, s, marks, start);
        obj_slots(x)[ARRAY_FILL_POINTER] = obj_of_fix((int64_t)(s.length - gone)); /* NOBARRIER: a fixnum */
        return x;
    }
    Obj v = vector_make(t, s.type, s.length - gone);
    copy_unmarked(t, v, 0, s, marks, start);
    return v;
}
