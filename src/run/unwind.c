/* unwind.c: non-local exits.

   The exits of a thread are a stack of records beside the Lisp stack: blocks and tagbodies that closures may reach, catches, cleanups
   (UNWIND-PROTECT), re-entries from C.  A transfer names its target by serial, so an exit that is gone is known to be gone.  Unwinding goes
   from the top down: a cleanup on the way is dropped and run with the rest of the journey in its registers, and RESUME_UNWIND goes on; a
   re-entry on the way means that C frames must be left: the outer loop takes over at its door. */
#include "run/frame.h"

void exit_push(Thread *t, ExitKind kind, uint32_t reg, Obj tag, Obj *base, int64_t offset) {
    if (t->exit_top == t->exit_end) exits_exhausted(t);
    *t->exit_top++ = (struct Exit){kind, reg, ++t->exit_serial, tag, base - t->stack, offset, t->binding_top - t->bindings, t->door};
}

bool exit_find_serial(Thread *t, uint64_t serial) {
    size_t lo = 0, hi = (size_t)(t->exit_top - t->exits);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (t->exits[mid].serial < serial)
            lo = mid + 1;
        else
            hi = mid;
    }
    struct Exit *e = &t->exits[lo];
    return e < t->exit_top && e->serial == serial && e->kind != EXIT_REENTRY; /* code from a file may name any serial; no block is a re-entry */
}

bool exit_find_catch(Thread *t, Obj tag, uint64_t *serial) {
    for (struct Exit *e = t->exit_top; e-- > t->exits;)
        if (e->kind == EXIT_CATCH && eq(e->tag, tag)) {
            *serial = e->serial;
            return true;
        }
    return false;
}

/* Puts what remains of an unwinding into a cleanup's registers. */
static void cleanup_enter(Thread *t, Obj *r, uint64_t serial, Obj value) {
    Obj rest = NIL;
    for (uint32_t i = t->value_count; i-- > 1;) rest = alloc_cons(t, t->values[i], rest);
    r[0] = obj_of_fix((int64_t)serial);
    r[1] = value;
    r[2] = t->value_count == 0 ? obj_of_fix(0) : rest;
}

void unwind_towards(Thread *t, uint64_t serial, Obj value, int64_t *offset) {
    for (;;) {
        struct Exit *e = --t->exit_top;
        must(e >= t->exits);
        if (e->serial != serial && e->kind != EXIT_CLEANUP && e->kind != EXIT_REENTRY) continue;
        unbind_to(t, t->bindings + e->bindings);
        if (e->kind == EXIT_REENTRY) {
            t->unwind_target = serial;
            t->values[0] = value;
            t->door = e->door;
            t->door_reason = DOOR_UNWIND;
            longjmp(*t->door, 1);
        }
        t->base = t->stack + e->base;
        t->top = t->base + frame_size(t, frame_function(t->base));
        *offset = e->offset;
        stack_rearm(t);
        Obj *r = t->base + e->reg;
        if (e->kind == EXIT_CLEANUP) {
            cleanup_enter(t, r, serial, value);
        } else if (e->kind == EXIT_TAGBODY) {
            r[1] = value;
            t->exit_top++;
        } else {
            r[0] = value;
        }
        return;
    }
}
