/* frame.c: the Lisp stack, and a thread's other memory.

   The stack is one reservation; memory is taken as it is used.  A function entry compares the end of its frame with `stack_limit`, which is
   normally `high_water`: above that mark every word is zero, so registers that a function has not yet written always hold words that were
   valid at the last collection (frames are not cleared when they are made).  Passing the mark moves it up a step.  A collection clears what
   lies between the top and the mark and pulls the mark down.

   Invariants
     frame.dense  every word of [stack, top) is a Lisp word that is valid now
     frame.zero   every word of [high_water, stack_reserve_end) is zero */
#include "run/frame.h"

#include <stdlib.h>

enum {
    STACK_WORDS = 40 << 20, /* 320 MB of address space */
    STACK_RESERVE = 1 << 16,
    STACK_STEP = 1 << 11,
    STACK_MARGIN = 64, /* words past a frame that header and a few arguments may use unasked */
    FRAMES_NOTED = 64,
    TLS_MAX = 1 << 16,
    BINDINGS_WORDS = 8 << 20,
    BINDINGS_RESERVE = 1 << 14,
    EXITS_MAX = 4 << 20,
    EXITS_RESERVE = 1 << 12
};

void stack_limit_update(Thread *t) {
    t->stack_limit = t->high_water - STACK_MARGIN;
    if (t->event) t->stack_limit = t->stack;
}

bool stack_ensure(Thread *t, Obj *upto) {
    upto += STACK_MARGIN;
    if (upto > t->stack_end) return false;
    if (upto > t->high_water) {
        t->high_water = upto + STACK_STEP < t->stack_end ? upto + STACK_STEP : t->stack_end;
        stack_limit_update(t);
    }
    return true;
}

void stack_open_reserve(Thread *t) {
    if (t->stack_end == t->stack_reserve_end) must_die("control stack exhausted again in the handler of its exhaustion");
    t->stack_end = t->stack_reserve_end;
}

NORETURN void bindings_exhausted(Thread *t) {
    Obj *end = t->bindings + BINDINGS_WORDS;
    if (t->binding_end == end) must_die("binding stack exhausted again in the handler of its exhaustion");
    t->binding_end = end;
    signal_format(t, SYM(CONTROL_STACK_EXHAUSTED), "The binding stack is exhausted.", 0);
}

NORETURN void exits_exhausted(Thread *t) {
    struct Exit *end = t->exits + EXITS_MAX;
    if (t->exit_end == end) must_die("too many nested exits in the handler of their exhaustion");
    t->exit_end = end;
    signal_format(t, SYM(CONTROL_STACK_EXHAUSTED), "Too many nested exits.", 0);
}

void stack_rearm(Thread *t) {
    Obj *soft = t->bindings + BINDINGS_WORDS - BINDINGS_RESERVE;
    struct Exit *few = t->exits + EXITS_MAX - EXITS_RESERVE;
    if (t->binding_top < soft - BINDINGS_RESERVE) t->binding_end = soft;
    if (t->exit_top < few - EXITS_RESERVE) t->exit_end = few;
    Obj *end = t->stack_reserve_end - STACK_RESERVE;
    if (t->stack_end != end && t->base < end - STACK_RESERVE) {
        t->stack_end = end;
        if (t->high_water > end) {
            memset(end, 0, (size_t)((char *)t->high_water - (char *)end));
            t->high_water = end;
        }
        stack_limit_update(t);
    }
}

/* frame.zero: after a collection nothing stale may lie above the top.  Code may have moved, and who goes on takes its place from the frame: there is
   no pc for a second collection at the same safe point. */
static void stack_clear_above(Thread *t) {
    t->pc = NULL;
    memset(t->top, 0, (size_t)((char *)t->high_water - (char *)t->top));
    Obj *mark = t->top + STACK_STEP;
    if (mark < t->high_water) t->high_water = mark;
    stack_limit_update(t);
}

/* The functions of the innermost frames at a collection have run lately: what SWAP-COLD-CODE goes by. */
static void functions_note_run(Thread *t) {
    Obj *base = t->base;
    for (int i = 0; base && i < FRAMES_NOTED; i++) {
        Obj f = frame_function(base), *caller = frame_caller(base);
        if (!(obj_flags(f) & FUNCTION_HAS_RUN)) obj_set_flags(f, obj_flags(f) | FUNCTION_HAS_RUN);
        if (caller == base || caller < t->stack) return;
        base = caller;
    }
}

static void thread_scan_roots(Thread *t, void *data, RootVisitor visit, void *visitor) {
    (void)data;
    World *w = t->world;
    visit(visitor, t->stack, (size_t)(t->top - t->stack), "control stack");
    visit(visitor, t->tls, t->tls_size, "special bindings");
    visit(visitor, t->bindings, (size_t)(t->binding_top - t->bindings), "saved special bindings");
    for (struct Exit *e = t->exits; e < t->exit_top; e++) visit(visitor, &e->tag, 1, "catch tags");
    visit(visitor, t->values, t->value_count < VALUES_LIMIT ? t->value_count : VALUES_LIMIT, "values");
    visit(visitor, t->door_args, t->door_count, "arguments of an error");
    visit(visitor, &t->door_function, 1, "arguments of an error");
    visit(visitor, (Obj *)w->recoded.items, w->recoded.count, "code that is being swapped");
    visit(visitor, &w->packages, (size_t)(&w->roots_end - &w->packages), "world");
}

/* Takes `bytes` off the front of a reservation, by whole pages. */
static void *take(char **at, size_t bytes) {
    void *p = *at;
    *at += bits_round_up(bytes, 4096);
    return p;
}

static Obj running_code(Thread *t) { return t->base ? code_word(t, frame_function(t->base)) : NIL; }

/* What is held by accident: before full collections. */
static void let_go(Thread *t) {
    frames_clear_dead(t);
    caches_forget(t);
}

Thread *thread_create(World *w) {
    const size_t stack = (size_t)STACK_WORDS * sizeof(Obj), tls = TLS_MAX * sizeof(Obj), bindings = (size_t)BINDINGS_WORDS * sizeof(Obj);
    const size_t exits = (size_t)EXITS_MAX * sizeof(struct Exit), all = sizeof(Thread) + tls + exits + bindings + stack + (size_t)5 * 4096;
    char *at = pages_reserve(NULL, all);
    if (!at) must_die("cannot reserve %zu bytes for a thread", all);
    Thread *t = take(&at, sizeof *t);
    t->world = w;
    w->thread = t;
    t->tls = take(&at, tls);
    t->exits = t->exit_top = take(&at, exits);
    t->bindings = t->binding_top = take(&at, bindings);
    t->stack = take(&at, stack);
    t->stack_reserve_end = t->stack + STACK_WORDS - (1 << 12);
    t->stack_end = t->stack_reserve_end - STACK_RESERVE;
    t->top = t->stack;
    t->high_water = t->stack + STACK_STEP;
    t->tls_size = 1;
    t->binding_end = t->bindings + BINDINGS_WORDS - BINDINGS_RESERVE;
    t->exit_end = t->exits + EXITS_MAX - EXITS_RESERVE;
    t->values[0] = NIL;
    t->door_function = NIL;
    w->tls_next = 1;
    stack_limit_update(t);
    w->running_code = running_code;
    heap_attach_thread(w->heap, t);
    heap_add_roots(w->heap, thread_scan_roots, NULL);
    heap_add_after_collection(w->heap, stack_clear_above);
    heap_add_after_collection(w->heap, functions_note_run);
    heap_add_before_full_collection(w->heap, let_go);
    return t;
}

void thread_abandon(Thread *t) {
    unbind_to(t, t->bindings);
    t->exit_top = t->exits;
    t->top = t->stack;
    t->base = NULL;
    t->value_count = t->door_count = t->waiting = t->depth = 0;
    t->door_function = NIL;
    t->retrying = false;
}
