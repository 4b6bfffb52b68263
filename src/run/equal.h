/* equal.h: EQUAL and EQUALP.  Part of run's door. */
#ifndef EQUAL_H
#define EQUAL_H

#include "run/vector.h"

/* A swapped array is as its array. */
bool obj_equal(Thread *t, Obj a, Obj b);
bool obj_equalp(Thread *t, Obj a, Obj b);
/* What two characters must share to be CHAR-EQUAL. */
uint32_t char_fold(uint32_t code);

/* The tests for which lists, sequences and hash tables have their own loops. */
typedef enum Test { TEST_EQL, TEST_EQ, TEST_EQUAL, TEST_EQUALP, TEST_OTHER } Test;

/* The test that a function or its name stands for; NIL stands for EQL. */
Test test_of_function(Obj function);
/* Whether under this test an object is equal to itself only, so that comparing words is enough. */
bool test_is_eq(Test test, Obj x);
static inline bool test_objects(Thread *t, Test test, Obj a, Obj b) {
    if (eq(a, b)) return true;
    switch (test) {
    case TEST_EQ: return false;
    case TEST_EQUAL: return obj_equal(t, a, b);
    case TEST_EQUALP: return obj_equalp(t, a, b);
    default: return number_eql(a, b);
    }
}

#endif
