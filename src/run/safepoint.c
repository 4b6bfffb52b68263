/* safepoint.c: events: collections, finalizers, interrupts.

   Whoever wants the bytecode loop's attention sets a bit in Thread.event and pulls `stack_limit` down, so function entries, JUMP_BACK and the
   return of builtins notice.  A signal handler may do so at any time; nothing else happens in one. */
#include "run/frame.h"

#include <errno.h>
#include <signal.h>

void event_raise(Thread *t, uint32_t bits) {
    __atomic_fetch_or(&t->event, bits, __ATOMIC_SEQ_CST);
    t->stack_limit = t->stack;
}

Obj safepoint(Thread *t) {
    uint32_t bits = __atomic_exchange_n(&t->event, 0, __ATOMIC_SEQ_CST);
    if (bits & (EVENT_COLLECT | EVENT_TORTURE)) heap_collect_now(t);
    if (WHOLE && bits & EVENT_SWAP) {
        swap_torture_point(t);
        event_raise(t, EVENT_SWAP);
    }
    stack_limit_update(t);
    Obj handler = bits & EVENT_INTERRUPT ? SYM(INTERRUPT) : bits & EVENT_FINALIZE ? SYM(RUN_FINALIZERS) : NIL;
    if ((bits & EVENT_INTERRUPT) && (bits & EVENT_FINALIZE)) event_raise(t, EVENT_FINALIZE);
    if (!is_nil(handler) && !is_function(symbol_slots(handler)[SYMBOL_FUNCTION])) return NIL;
    return handler;
}

/* The one static variable: a signal handler has no other way to the thread. */
static Thread *interruptible;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    int saved = errno;
    if (interruptible) event_raise(interruptible, EVENT_INTERRUPT);
    errno = saved;
}

void interrupts_enable(Thread *t) {
    interruptible = t;
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of a file's size is an error like any other */
}
