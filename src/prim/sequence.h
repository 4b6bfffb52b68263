/* sequence.h: bounds of sequences and walking through them, for the leaves of CLHS 17. */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include "run/equal.h"
#include "run/run.h"

/* Elements [start, end) of a sequence of `length` elements, checked. */
typedef struct Range {
    uint64_t start, end, length;
} Range;

/* TYPE-ERROR for what is no proper sequence and for wrong bounds; `end` NIL is the length. */
Range range_of(Thread *t, Obj sequence, Obj start, Obj end);
Test need_test_code(Thread *t, Obj code);

/* A walk through a range from its start: `cursor_next` gives the elements one by one. */
typedef struct Cursor {
    Obj tail; /* the rest of a list; the storage of a vector */
    uint64_t i, left;
    bool list;
} Cursor;

Cursor cursor_start(Thread *t, Obj sequence, Range r);
static inline bool cursor_next(Thread *t, Cursor *c, Obj *x) {
    if (c->left == 0) return false;
    c->left--;
    if (c->list) {
        *x = car(c->tail);
        c->tail = cdr(c->tail);
    } else {
        *x = element_ref(t, c->tail, c->i++);
    }
    return true;
}

/* A fresh simple vector of the type with `length` elements, 0 or NIL. */
Obj vector_make(Thread *t, Type type, uint64_t length);

#endif
