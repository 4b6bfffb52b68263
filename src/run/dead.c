/* dead.c: lets go what only dead registers hold.

   Before a full collection every frame's registers that no path uses any more (code/liveness.c) are overwritten with a marker.  Where the frame goes on
   follows from the frame above it: the kind of that frame and its return offset.  Frames that wait in the middle of an instruction (a leaf
   that called back into Lisp), or at their entry, keep everything.

   Deep recursion has many frames at few places, so results are cached by place. */
#include "run/frame.h"

#include <stdlib.h>

enum { CACHE_PLACES = 64, SET_WORDS = 4 }; /* frames of more than 256 registers are left alone */

typedef struct Place {
    Obj code; /* the code word */
    int64_t offset;
    uint64_t live[SET_WORDS];
} Place;

static bool find_live(Thread *t, Obj code, int64_t offset, uint64_t *live) {
    if (is_obj(code)) return code_live_registers(obj_raw(code), obj_length(code), (uint64_t)offset, live);
    uint64_t length;
    Instruction *copy = code_read(t, code, &length);
    bool found = copy && code_live_registers(copy, length, (uint64_t)offset, live);
    free(copy);
    return found;
}

static const uint64_t *live_at(Thread *t, Place *cache, Obj f, int64_t offset) {
    Obj code = obj_slots(f)[FUNCTION_CODE];
    Place *p = &cache[(code.w / 16 + (uint64_t)offset * 7) % CACHE_PLACES];
    if (eq(p->code, code) && p->offset == offset) return p->live;
    if (frame_size(t, f) > SET_WORDS * 64) return NULL;
    p->code = NIL;
    if (!find_live(t, code, offset, p->live)) return NULL;
    p->code = code;
    p->offset = offset;
    return p->live;
}

/* Clears the dead ones of the first `count` registers of a frame that goes on at `offset`. */
static void clear_frame(Thread *t, Place *cache, Obj *base, int64_t offset, int64_t count) {
    const uint64_t *live = live_at(t, cache, frame_function(base), offset);
    if (!live) return;
    for (int64_t i = 0; i < count; i++)
        if (!(live[i >> 6] >> (i & 63) & 1)) base[i] = UNBOUND;
}

void frames_clear_dead(Thread *t) {
    if (!t->base) return;
    Place cache[CACHE_PLACES] = {0};
    Obj *base = t->base;
    if (t->pc) {
        int64_t offset = code_leave(t), size = frame_size(t, frame_function(base));
        if (t->retrying) offset--;
        clear_frame(t, cache, base, offset, t->top - base < size ? t->top - base : size);
    }
    for (;;) {
        Obj *caller = frame_caller(base);
        if (caller == base || caller < t->stack) return;
        FrameKind kind = frame_kind(base);
        int64_t size = frame_size(t, frame_function(caller)), below = base - caller - FRAME_HEADER;
        if (kind == FRAME_CALL || kind == FRAME_DOOR || kind == FRAME_DISCARD)
            clear_frame(t, cache, caller, frame_offset(base), below < size ? below : size);
        base = caller;
    }
}
