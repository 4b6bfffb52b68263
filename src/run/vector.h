/* vector.h: elements of arrays of every kind, lengths of sequences.  Part of run's door. */
#ifndef VECTOR_H
#define VECTOR_H

#include "code/code.h"
#include "number/number.h"
#include "swap/swap.h"

/* The array behind a handle, fetched and pinned; another word itself. */
static inline Obj array_behind(Thread *t, Obj x) { return UNLIKELY(is_handle(x)) ? swap_fetch(t, x) : x; }

/* A base character's code is below this. */
enum { BASE_CHAR_LIMIT = 128 };

/* The type specifier of an element of a simple vector of this type: T, BIT, CHARACTER, (UNSIGNED-BYTE 8), ... */
Obj element_type(Thread *t, Type type);
void element_set(Thread *t, Obj data, uint64_t i, Obj v);
/* Whether v may be an element of a simple vector of this type. */
bool element_fits(Type type, Obj v);
Obj element_ref_wide(Thread *t, Obj data, uint64_t i);

/* Element i of a simple vector of any type; i is within its length. */
static inline Obj element_ref(Thread *t, Obj data, uint64_t i) {
    switch (obj_type(data)) {
    case TYPE_SIMPLE_VECTOR: return obj_slots(data)[i];
    case TYPE_BASE_STRING: return obj_of_char(((const uint8_t *)obj_raw(data))[i]);
    case TYPE_STRING: return obj_of_char(((const uint32_t *)obj_raw(data))[i]);
    case TYPE_BIT_VECTOR: return obj_of_fix((int64_t)(((const uint64_t *)obj_raw(data))[i >> 6] >> (i & 63) & 1));
    case TYPE_U8_VECTOR: return obj_of_fix(((const uint8_t *)obj_raw(data))[i]);
    default: return element_ref_wide(t, data, i);
    }
}

/* A run of elements of a simple vector: what any vector comes down to. */
typedef struct Span {
    Obj data;
    uint64_t start, length;
    Type type;
} Span;

/* The first `length` elements of an array; false when what it is displaced to has become too small. */
bool span_within(Obj array, uint64_t length, Span *out);
/* All elements of an array of any rank, fill pointer not considered; checked against the storage behind a displacement. */
Span array_span(Thread *t, Obj array);
/* The elements of a vector up to its fill pointer. */
Span vector_span(Thread *t, Obj vector);
/* Number of elements of a vector, up to its fill pointer. */
static inline uint64_t vector_length(Obj v) {
    if (obj_type(v) != TYPE_ARRAY) return obj_length(v);
    Obj fill = obj_slots(v)[ARRAY_FILL_POINTER];
    return (uint64_t)fix_of_obj(is_nil(fill) ? obj_slots(v)[ARRAY_TOTAL] : fill);
}
/* Number of elements of an array, fill pointer not considered. */
static inline uint64_t array_total(Obj a) {
    return obj_type(a) != TYPE_ARRAY ? obj_length(a) : (uint64_t)fix_of_obj(obj_slots(a)[ARRAY_TOTAL]);
}

/* Fills a span with x, which fits. */
void span_fill(Thread *t, Span s, Obj x);
/* Copies `from` to the start of `to`, which is as long; the two may overlap.  TYPE-ERROR for an element that does not fit. */
void span_copy(Thread *t, Span to, Span from);

/* Row-major access; array_ref and array_set with one index want a vector.  TYPE-ERROR for a wrong array, index or value. */
Obj array_ref(Thread *t, Obj array, Obj index);
void array_set(Thread *t, Obj array, Obj index, Obj value);
Obj row_major_ref(Thread *t, Obj array, uint64_t index);
void row_major_set(Thread *t, Obj array, uint64_t index, Obj value);
/* LENGTH: TYPE-ERROR for what is no proper sequence. */
Obj sequence_length(Thread *t, Obj sequence);
/* Number of conses of a proper list; TYPE-ERROR for a dotted or circular one. */
uint64_t list_length(Thread *t, Obj list);
NORETURN void signal_improper_list(Thread *t, Obj list, Obj tail);

/* Walks a list and notices a circle: Brent's algorithm.  `step` must be called with each cons; it is true when the walk has come back. */
typedef struct Walk {
    Obj mark;
    uint64_t count, next;
} Walk;
static inline Walk walk_start(void) { return (Walk){UNBOUND, 0, 64}; }
static inline bool walk_circular(Walk *w, Obj cons) {
    if (UNLIKELY(eq(w->mark, cons))) return true;
    if (UNLIKELY(++w->count == w->next)) {
        w->mark = cons;
        w->next *= 2;
    }
    return false;
}

#endif
