/* vector.c: elements of arrays of every kind, lengths of sequences.

   Every array comes down to a simple vector (its storage), a start and a length: a Span.  An ARRAY object leads there through
   one DATA link, or several when it is displaced.  An array that others are displaced to may have been adjusted to less than
   they need; so a span is checked against the storage each time it is made, and an element is never read outside its vector.

   What an element may be is decided here alone, by the storage's type: `element_set` signals the TYPE-ERROR. */
#include "run/vector.h"

/* -- Elements -- */

Obj element_ref_wide(Thread *t, Obj data, uint64_t i) {
    const void *raw = obj_raw(data);
    switch (obj_type(data)) {
    case TYPE_I8_VECTOR: return obj_of_fix(((const int8_t *)raw)[i]);
    case TYPE_U16_VECTOR: return obj_of_fix(((const uint16_t *)raw)[i]);
    case TYPE_I16_VECTOR: return obj_of_fix(((const int16_t *)raw)[i]);
    case TYPE_U32_VECTOR: return obj_of_fix(((const uint32_t *)raw)[i]);
    case TYPE_I32_VECTOR: return obj_of_fix(((const int32_t *)raw)[i]);
    case TYPE_U64_VECTOR: return integer_of_u64(t, ((const uint64_t *)raw)[i]);
    case TYPE_I64_VECTOR: return integer_of_i64(t, ((const int64_t *)raw)[i]);
    case TYPE_FIXNUM_VECTOR: return ((const Obj *)raw)[i];
    case TYPE_SINGLE_VECTOR: return obj_of_single(((const float *)raw)[i]);
    case TYPE_DOUBLE_VECTOR: return alloc_double(t, ((const double *)raw)[i]);
    case TYPE_NIL_VECTOR: signal_format(t, SYM(SIMPLE_ERROR), "A vector of element type NIL has no elements that could be read.", 0);
    default: must_die("element of an object that is no vector");
    }
}

static Obj sized_type(Thread *t, Obj name, int64_t bits) { return alloc_cons(t, name, alloc_cons(t, obj_of_fix(bits), NIL)); }

Obj element_type(Thread *t, Type type) {
    switch (type) {
    case TYPE_SIMPLE_VECTOR: return T_;
    case TYPE_NIL_VECTOR: return NIL;
    case TYPE_BASE_STRING: return SYM(BASE_CHAR);
    case TYPE_STRING: return SYM(CHARACTER);
    case TYPE_BIT_VECTOR: return SYM(BIT);
    case TYPE_U8_VECTOR: return sized_type(t, SYM(UNSIGNED_BYTE), 8);
    case TYPE_I8_VECTOR: return sized_type(t, SYM(SIGNED_BYTE), 8);
    case TYPE_U16_VECTOR: return sized_type(t, SYM(UNSIGNED_BYTE), 16);
    case TYPE_I16_VECTOR: return sized_type(t, SYM(SIGNED_BYTE), 16);
    case TYPE_U32_VECTOR: return sized_type(t, SYM(UNSIGNED_BYTE), 32);
    case TYPE_I32_VECTOR: return sized_type(t, SYM(SIGNED_BYTE), 32);
    case TYPE_U64_VECTOR: return sized_type(t, SYM(UNSIGNED_BYTE), 64);
    case TYPE_I64_VECTOR: return sized_type(t, SYM(SIGNED_BYTE), 64);
    case TYPE_FIXNUM_VECTOR: return SYM(FIXNUM);
    case TYPE_SINGLE_VECTOR: return SYM(SINGLE_FLOAT);
    case TYPE_DOUBLE_VECTOR: return SYM(DOUBLE_FLOAT);
    default: must_die("element type of an object that is no vector");
    }
}

static inline bool fix_within(Obj v, int64_t low, int64_t high) { return is_fix(v) && fix_of_obj(v) >= low && fix_of_obj(v) <= high; }

bool element_fits(Type type, Obj v) {
    int64_t i;
    uint64_t u;
    switch (type) {
    case TYPE_SIMPLE_VECTOR: return true;
    case TYPE_BASE_STRING: return is_char(v) && char_of_obj(v) < BASE_CHAR_LIMIT;
    case TYPE_STRING: return is_char(v);
    case TYPE_BIT_VECTOR: return fix_within(v, 0, 1);
    case TYPE_U8_VECTOR: return fix_within(v, 0, UINT8_MAX);
    case TYPE_I8_VECTOR: return fix_within(v, INT8_MIN, INT8_MAX);
    case TYPE_U16_VECTOR: return fix_within(v, 0, UINT16_MAX);
    case TYPE_I16_VECTOR: return fix_within(v, INT16_MIN, INT16_MAX);
    case TYPE_U32_VECTOR: return fix_within(v, 0, UINT32_MAX);
    case TYPE_I32_VECTOR: return fix_within(v, INT32_MIN, INT32_MAX);
    case TYPE_U64_VECTOR: return u64_of_integer(v, &u);
    case TYPE_I64_VECTOR: return i64_of_integer(v, &i);
    case TYPE_FIXNUM_VECTOR: return is_fix(v);
    case TYPE_SINGLE_VECTOR: return is_single(v);
    case TYPE_DOUBLE_VECTOR: return has_type(v, TYPE_DOUBLE);
    default: return false;
    }
}

static void bit_store(uint64_t *words, uint64_t i, bool on) {
    uint64_t bit = UINT64_C(1) << (i & 63);
    words[i >> 6] = on ? words[i >> 6] | bit : words[i >> 6] & ~bit;
}

void element_set(Thread *t, Obj data, uint64_t i, Obj v) {
    Type type = obj_type(data);
    void *raw = obj_raw(data);
    if (type == TYPE_SIMPLE_VECTOR) {
        set_field(t, data, i, v);
        return;
    }
    if (UNLIKELY(!element_fits(type, v))) signal_type_error(t, v, element_type(t, type));
    switch (type) {
    case TYPE_BASE_STRING: ((uint8_t *)raw)[i] = (uint8_t)char_of_obj(v); break;
    case TYPE_STRING: ((uint32_t *)raw)[i] = char_of_obj(v); break;
    case TYPE_BIT_VECTOR: bit_store(raw, i, fix_of_obj(v) != 0); break;
    case TYPE_U8_VECTOR:
    case TYPE_I8_VECTOR: ((uint8_t *)raw)[i] = (uint8_t)fix_of_obj(v); break;
    case TYPE_U16_VECTOR:
    case TYPE_I16_VECTOR: ((uint16_t *)raw)[i] = (uint16_t)fix_of_obj(v); break;
    case TYPE_U32_VECTOR:
    case TYPE_I32_VECTOR: ((uint32_t *)raw)[i] = (uint32_t)fix_of_obj(v); break;
    case TYPE_U64_VECTOR: (void)u64_of_integer(v, (uint64_t *)raw + i); break;
    case TYPE_I64_VECTOR: (void)i64_of_integer(v, (int64_t *)raw + i); break;
    case TYPE_FIXNUM_VECTOR: ((Obj *)raw)[i] = v; break;
    case TYPE_SINGLE_VECTOR: ((float *)raw)[i] = single_of_obj(v); break;
    case TYPE_DOUBLE_VECTOR: ((double *)raw)[i] = double_of_obj(v); break;
    default: must_die("store into an object that is no vector");
    }
}

/* -- Spans -- */

static NORETURN void signal_shrunk(Thread *t, Obj array) {
    signal_format(t, SYM(SIMPLE_ERROR), "The array that ~S is displaced to has become too small for it.", 1, array);
}

bool span_within(Obj array, uint64_t length, Span *out) {
    uint64_t start = 0;
    while (obj_type(array) == TYPE_ARRAY) {
        start += (uint64_t)fix_of_obj(obj_slots(array)[ARRAY_OFFSET]);
        array = obj_slots(array)[ARRAY_DATA];
    }
    *out = (Span){array, start, length, obj_type(array)};
    return start + length <= obj_length(array);
}

static Span span_through(Thread *t, Obj array, uint64_t length) {
    Span s;
    if (UNLIKELY(!span_within(array, length, &s))) signal_shrunk(t, array);
    return s;
}

Span array_span(Thread *t, Obj array) {
    if (!is_array(array)) signal_type_error(t, array, SYM(ARRAY));
    return span_through(t, array, array_total(array));
}

Span vector_span(Thread *t, Obj vector) {
    if (!is_vector(vector)) signal_type_error(t, vector, SYM(VECTOR));
    return span_through(t, vector, vector_length(vector));
}

/* -- Filling and copying -- */

static void fill_bits(uint64_t *words, uint64_t from, uint64_t to, bool on) {
    uint64_t fill = on ? ~UINT64_C(0) : 0;
    for (; from < to && (from & 63); from++) bit_store(words, from, on);
    for (; from + 64 <= to; from += 64) words[from >> 6] = fill;
    for (; from < to; from++) bit_store(words, from, on);
}

static unsigned element_bytes(Type type) { return 1u << (shapes[type].log2_bits - 3); }

/* Repeats the first element, of `size` bytes, `count` times in all: what is there already is copied behind itself. */
static void repeat_bytes(char *first, size_t size, uint64_t count) {
    for (uint64_t have = 1; have < count;) {
        uint64_t more = have < count - have ? have : count - have;
        memcpy(first + have * size, first, more * size);
        have += more;
    }
}

void span_fill(Thread *t, Span s, Obj x) {
    uint64_t end = s.start + s.length;
    if (s.length == 0) return;
    if (s.type == TYPE_BIT_VECTOR) {
        fill_bits(obj_raw(s.data), s.start, end, fix_of_obj(x) != 0);
    } else if (s.type == TYPE_SIMPLE_VECTOR && is_ref(x)) {
        for (uint64_t i = s.start; i < end; i++) set_field(t, s.data, i, x);
    } else {
        unsigned size = element_bytes(s.type);
        element_set(t, s.data, s.start, x);
        repeat_bytes((char *)obj_raw(s.data) + s.start * size, size, s.length); /* NOBARRIER: not a reference */
    }
}

static void widen_string(Span to, Span from) {
    uint32_t *d = (uint32_t *)obj_raw(to.data) + to.start;
    const uint8_t *s = (const uint8_t *)obj_raw(from.data) + from.start;
    for (uint64_t i = 0; i < from.length; i++) d[i] = s[i];
}

void span_copy(Thread *t, Span to, Span from) {
    uint64_t n = from.length;
    if (to.type == TYPE_STRING && from.type == TYPE_BASE_STRING) {
        widen_string(to, from);
    } else if (to.type == from.type && to.type != TYPE_BIT_VECTOR && to.type != TYPE_SIMPLE_VECTOR) {
        unsigned size = element_bytes(to.type);
        memmove((char *)obj_raw(to.data) + to.start * size, (char *)obj_raw(from.data) + from.start * size, n * size);
    } else if (to.type == TYPE_SIMPLE_VECTOR && (uintptr_t)obj_words(to.data) >= t->young_base && from.type == TYPE_SIMPLE_VECTOR) {
        memmove(obj_slots(to.data) + to.start, obj_slots(from.data) + from.start, n * 8); /* NOBARRIER: the youngest generation */
    } else if (eq(to.data, from.data) && to.start > from.start) {
        for (uint64_t i = n; i-- > 0;) element_set(t, to.data, to.start + i, element_ref(t, from.data, from.start + i));
    } else {
        for (uint64_t i = 0; i < n; i++) element_set(t, to.data, to.start + i, element_ref(t, from.data, from.start + i));
    }
}

/* -- Access -- */

static uint64_t checked_index(Thread *t, Obj index, uint64_t limit) {
    if (UNLIKELY(!is_fix(index) || (uint64_t)fix_of_obj(index) >= limit)) signal_index_error(t, index, limit);
    return (uint64_t)fix_of_obj(index);
}

Obj row_major_ref(Thread *t, Obj array, uint64_t index) {
    if (obj_type(array) != TYPE_ARRAY) return element_ref(t, array, index);
    Span s = span_through(t, array, index + 1);
    return element_ref(t, s.data, s.start + index);
}

void row_major_set(Thread *t, Obj array, uint64_t index, Obj value) {
    if (obj_type(array) != TYPE_ARRAY) {
        element_set(t, array, index, value);
        return;
    }
    Span s = span_through(t, array, index + 1);
    element_set(t, s.data, s.start + index, value);
}

static NORETURN void signal_not_vector(Thread *t, Obj array) {
    if (!is_array(array)) signal_type_error(t, array, SYM(ARRAY));
    signal_format(t, SYM(PROGRAM_ERROR), "Wrong number of subscripts, 1, for an array of rank ~S.", 1, obj_of_fix((int64_t)array_rank(array)));
}

Obj array_ref(Thread *t, Obj array, Obj index) {
    if (UNLIKELY(!is_vector(array))) signal_not_vector(t, array);
    return row_major_ref(t, array, checked_index(t, index, array_total(array)));
}

void array_set(Thread *t, Obj array, Obj index, Obj value) {
    if (UNLIKELY(!is_vector(array))) signal_not_vector(t, array);
    row_major_set(t, array, checked_index(t, index, array_total(array)), value);
}

/* -- Lengths -- */

/* TYPE-ERROR for a list that ends in `tail`, a cons when it is circular. */
NORETURN void signal_improper_list(Thread *t, Obj list, Obj tail) {
    if (!is_list(tail)) signal_type_error(t, tail, SYM(LIST));
    signal_type_error(t, list, alloc_cons(t, SYM(SATISFIES), alloc_cons(t, SYM(PROPER_LIST_P), NIL)));
}

uint64_t list_length(Thread *t, Obj list) {
    Walk w = walk_start();
    Obj p = list;
    for (; is_cons(p); p = cdr(p))
        if (walk_circular(&w, p)) signal_improper_list(t, list, p);
    if (UNLIKELY(!is_nil(p))) signal_improper_list(t, list, p);
    return w.count;
}

Obj sequence_length(Thread *t, Obj x) {
    if (is_list(x)) return obj_of_fix((int64_t)list_length(t, x));
    if (UNLIKELY(!is_vector(x))) signal_type_error(t, x, SYM(SEQUENCE));
    return obj_of_fix((int64_t)vector_length(x));
}
