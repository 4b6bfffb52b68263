/* dispatch.h: the key by which generic functions look at an argument.  Part of run's door.

   The key of an instance, structure or funcallable instance is its layout; of anything else it is the layout of its built-in class, found
   by a small number, the class code, in World.class_keys, which the library fills.  An instance whose layout is obsolete (its class was
   redefined) has the key BROKEN, which no dispatch cache holds: so the cache misses, and Lisp brings the instance up to date.

   Instead of an effective function a cache may hold a *slot access*, a marker: the call reads slot number i of its only argument, or
   writes its first argument to slot number i of its second, without a frame.  An unbound slot becomes a call of SYS::%READ-UNBOUND with
   the instance and the index.

   Class codes: an object's code is its type; other words and arrays have codes of their own, from TYPE_COUNT on.  The flags of a stream's
   header are 1 + its code - CLASS_CODE_FILE_STREAM; a logical pathname has the flag PATHNAME_LOGICAL. */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "code/code.h"

#define CLASS_CODES(X)                                                                                                                \
    X(FIXNUM, "FIXNUM") X(CONS, "CONS") X(NULL, "NULL") X(CHARACTER, "CHARACTER") X(SINGLE, "SINGLE-FLOAT") X(OTHER, "T")             \
    X(GENERAL_VECTOR, "VECTOR") X(GENERAL_STRING, "STRING") X(GENERAL_BIT_VECTOR, "BIT-VECTOR")                                        \
    X(FILE_STREAM, "FILE-STREAM") X(STRING_STREAM, "STRING-STREAM") X(BROADCAST_STREAM, "BROADCAST-STREAM")                            \
    X(CONCATENATED_STREAM, "CONCATENATED-STREAM") X(SYNONYM_STREAM, "SYNONYM-STREAM") X(TWO_WAY_STREAM, "TWO-WAY-STREAM")              \
    X(ECHO_STREAM, "ECHO-STREAM") X(LOGICAL_PATHNAME, "LOGICAL-PATHNAME")

enum {
    CLASS_CODE_FIRST = TYPE_COUNT - 1,
#define X(id, name) CLASS_CODE_##id,
    CLASS_CODES(X)
#undef X
    CLASS_CODE_COUNT
};

enum { PATHNAME_LOGICAL = 1 };

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

/* -- Slot accesses -- */

enum { SLOT_ACCESS_FIRST = 256 }; /* markers from here on */
static inline Obj slot_access_make(uint64_t index, bool writes) { return MARKER(SLOT_ACCESS_FIRST + (index << 1 | writes)); }
static inline bool is_slot_access(Obj x) { return is_marker(x) && x.w >> 8 >= SLOT_ACCESS_FIRST; }
static inline uint64_t slot_access_index(Obj x) { return ((x.w >> 8) - SLOT_ACCESS_FIRST) >> 1; }
static inline uint64_t slot_access_writes(Obj x) { return x.w >> 8 & 1; }
/* Slot number i of an instance or funcallable instance that has it. */
static inline Obj *instance_slot(Obj x, uint64_t i) {
    return &obj_slots(obj_slots(x)[obj_type(x) == TYPE_INSTANCE ? (int)INSTANCE_SLOTS : (int)FUNCALLABLE_SLOTS])[i];
}

#endif
