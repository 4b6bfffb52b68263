/* dispatch.h: the key by which generic functions look at an argument.  Part of run's door.

   The key of an instance, structure or funcallable instance is its layout; of anything else it is the layout of its built-in class, found
   by a small number, the class code, in World.class_keys, which the library fills.  An instance whose layout is obsolete (its class was
   redefined) has the key BROKEN, which no dispatch cache holds: so the cache misses, and Lisp brings the instance up to date.

   Class codes: an object's code is its type; other words and arrays have codes of their own, from TYPE_COUNT on. */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "heap/heap.h"

#define CLASS_CODES(X)                                                                                                                \
    X(FIXNUM, "FIXNUM") X(CONS, "CONS") X(NULL, "NULL") X(CHARACTER, "CHARACTER") X(SINGLE, "SINGLE-FLOAT") X(OTHER, "T")             \
    X(GENERAL_VECTOR, "VECTOR") X(GENERAL_STRING, "STRING") X(GENERAL_BIT_VECTOR, "BIT-VECTOR")

enum {
    CLASS_CODE_FIRST = TYPE_COUNT - 1,
#define X(id, name) CLASS_CODE_##id,
    CLASS_CODES(X)
#undef X
    CLASS_CODE_COUNT
};

/* The class code of any word, and the name that goes with a code. */
unsigned class_code(Obj x);
const char *class_code_name(unsigned code);
/* The key of a word that is neither an instance nor a structure. */
Obj class_key_slow(Thread *t, Obj x);

/* The code vector that all funcallable instances share: ENTRY for any number of arguments, DISPATCH.  In the room's file of the loop. */
Obj funcallable_code(Thread *t);

static inline bool layout_is_valid(Obj layout) { return !is_nil(obj_slots(layout)[LAYOUT_VALID]); }

static inline Obj class_key(Thread *t, Obj x) {
    if (LIKELY(is_obj(x)) && (obj_type(x) == TYPE_INSTANCE || obj_type(x) == TYPE_STRUCTURE)) {
        Obj layout = obj_slots(x)[0];
        return LIKELY(layout_is_valid(layout)) ? layout : BROKEN;
    }
    return class_key_slow(t, x);
}

#endif
