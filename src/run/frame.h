/* frame.h: how a frame's header is coded; for room run only. */
#ifndef FRAME_H
#define FRAME_H

#include "run/run.h"

/* What a return to the frame's caller means. */
typedef enum FrameKind {
    FRAME_CALL,    /* the value goes to base[-3], which is the calling instruction's R[A] */
    FRAME_DOOR,    /* called in a failed instruction's place: the value is that instruction's */
    FRAME_DISCARD, /* inserted at a safe point: the value is dropped */
    FRAME_ENTRY,   /* inserted at a function entry: the entry is done again; the word before the header holds the argument count */
    FRAME_INSTEAD, /* called in the place of the frame below, which returns the values at once */
    FRAME_REENTRY, /* called from C */
    FRAME_RESUME,  /* inserted before the caller goes on: the values become the current values, all but the first */
    FRAME_REPEAT,  /* called in a failed instruction's place: that is executed again */
} FrameKind;

enum { FRAME_HEADER = 3 };

static inline Obj frame_word(int64_t offset, FrameKind kind) { return obj_of_fix(offset << 3 | (int64_t)kind); }
static inline FrameKind frame_kind(Obj *base) { return (FrameKind)(fix_of_obj(base[-1]) & 7); }
static inline int64_t frame_offset(Obj *base) { return fix_of_obj(base[-1]) >> 3; }
static inline Obj *frame_caller(Obj *base) { return base - fix_of_obj(base[-3]); }
static inline Obj frame_function(Obj *base) { return base[-2]; }

/* First instruction of a function whose code is resident. */
static inline const Instruction *function_code(Obj f) { return obj_raw(obj_slots(f)[FUNCTION_CODE]); }

/* An exit: what a non-local transfer can reach or must pass.  Serials grow from the bottom up. */
typedef enum ExitKind { EXIT_BLOCK, EXIT_TAGBODY, EXIT_CATCH, EXIT_CLEANUP, EXIT_REENTRY } ExitKind;
struct Exit {
    ExitKind kind;
    uint32_t reg;          /* the instruction's A */
    uint64_t serial;
    Obj tag;               /* of a catch */
    int64_t base;          /* frame, in words from the bottom of the stack */
    int64_t offset;        /* where it continues, in instructions */
    int64_t bindings;      /* binding depth, in words */
    jmp_buf *door;         /* of a re-entry: the outer loop's */
};

/* frame.c */
/* Makes the words below `upto` usable; false: the stack is exhausted. */
bool stack_ensure(Thread *t, Obj *upto);
/* Uses the reserve for a handler of exhaustion; dies if it is in use already. */
void stack_open_reserve(Thread *t);
/* The same for bindings and exits: signal that there is no room for more. */
NORETURN void bindings_exhausted(Thread *t);
NORETURN void exits_exhausted(Thread *t);
/* Closes the reserves again when the program has come back from them. */
void stack_rearm(Thread *t);
/* Lets function entries see the event flag again, or not. */
void stack_limit_update(Thread *t);

/* swapped.c: functions whose code is in shadow space, besides what run.h says of them. */
uint32_t frame_size(const Thread *t, Obj f);
/* Has the swapped code of a function there, which is called, or (`again`) returned to, and lends it the places.  NULL: it cannot be fetched. */
const SwapEntry *code_enter(Thread *t, Obj f, bool again);

/* dead.c: clears the registers of all frames that no longer matter; before full collections. */
void frames_clear_dead(Thread *t);

/* forget.c: drops the entries of dispatch caches whose classes have lost their names; before full collections. */
void caches_forget(Thread *t);

/* unwind.c */
void exit_push(Thread *t, ExitKind kind, uint32_t reg, Obj tag, Obj *base, int64_t offset);
/* Finds the exit; false if it is gone. */
bool exit_find_serial(Thread *t, uint64_t serial);
bool exit_find_catch(Thread *t, Obj tag, uint64_t *serial);
/* Unwinds towards the exit: runs to the next landing (cleanup or target), with t->base and *offset where to go on.
   Current values: the first in `value`, the others in the thread.  Past a re-entry it leaves by the outer loop's door. */
void unwind_towards(Thread *t, uint64_t serial, Obj value, int64_t *offset);

/* slow.c: what instructions do when their fast way does not fit */
Obj slow_add(Thread *t, Obj a, Obj b);
Obj slow_sub(Thread *t, Obj a, Obj b);
Obj slow_mul(Thread *t, Obj a, Obj b);
bool slow_less(Thread *t, Obj a, Obj b);
bool slow_less_equal(Thread *t, Obj a, Obj b);
Obj slow_list_of_values(Thread *t, Obj first);
Obj slow_symbol_ref(Thread *t, Obj symbol);
void slow_keys(Thread *t, Obj *target, Obj spec, Obj *args, uint32_t n);
uint32_t slow_spread(Thread *t, Obj *args, uint32_t n);
Obj slow_make_closures(Thread *t, Obj *run, Obj templates, uint32_t count, Obj owner);
bool slow_structure_p(Obj x, Obj layout);
Obj slow_svref(Thread *t, Obj v, Obj i);
void slow_svset(Thread *t, Obj v, Obj i, Obj x);
Obj slow_aref(Thread *t, Obj v, Obj i);
void slow_aset(Thread *t, Obj v, Obj i, Obj x);
Obj slow_length(Thread *t, Obj v);
Obj slow_char_ref(Thread *t, Obj v, Obj i, bool simple);
void slow_char_set(Thread *t, Obj v, Obj i, Obj x, bool simple);
Obj slow_bit_ref(Thread *t, Obj v, Obj i, bool simple);
void slow_bit_set(Thread *t, Obj v, Obj i, Obj x, bool simple);
void slow_arguments(Thread *t, Obj f, uint32_t n);

/* again.c: a leaf has left by the door with a Lisp error; `offset` is behind the instruction.  True: an argument is a swapped array, and the leaf is to be tried again, by `leaf_try_again`. */
bool leaf_wants_arrays(Thread *t, int64_t offset);
/* The leaf's value. */
Obj leaf_try_again(Thread *t);
/* What was tried is given up: the program goes on elsewhere. */
void leaf_give_up(Thread *t);

/* safepoint.c: handles the raised events; a symbol whose function must be called now, or NIL. */
Obj safepoint(Thread *t);

#endif
