/* thread.h: the state of one thread, and of the world that threads share.  Part of heap's door.

   The thread is the first parameter of everything that touches Lisp.  Each section belongs to one room; other rooms read it through
   that room's functions.  There is no mutable global state in C outside these two structures. */
#ifndef THREAD_H
#define THREAD_H

#include "word/word.h"

#include <setjmp.h>

enum { VALUES_LIMIT = 4096 }; /* MULTIPLE-VALUES-LIMIT */
enum { DOOR_ARGUMENTS = 16 };

/* Why the bytecode loop should stop at the next safe point: bits of Thread.event. */
enum { EVENT_COLLECT = 1, EVENT_INTERRUPT = 2, EVENT_FINALIZE = 4, EVENT_TORTURE = 8, EVENT_REENTERED = 16, EVENT_SWAP = 32 };

/* What a leaf that leaves through the door asks for. */
typedef enum DoorReason {
    DOOR_SIGNAL = 1,  /* call DOOR_FUNCTION with DOOR_ARGS in the leaf's place; its value is the leaf's */
    DOOR_RETRY = 2,   /* collect fully, then run the same call once more (heap full; no side effect has happened yet) */
    DOOR_UNWIND = 3,  /* an unwinding has passed a re-entry: go on with it at the outer loop */
} DoorReason;

/* A leaf that is tried again because some of its arguments are swapped arrays: run/again.c. */
enum { AGAIN_ARRAYS = 32 };
typedef struct Again {
    bool active;
    const void *leaf; /* the Builtin */
    Obj *given, *args; /* its arguments as the program gave them; with arrays in the places of handles */
    Obj *top;          /* Thread.top at the first try */
    uint32_t n, count;
    struct SwappedArgument {
        Obj handle;
        uint64_t places; /* arguments that are this handle, a bit each */
        uint64_t subset; /* which of these places hold the array now, a bit each */
        uint64_t sum;    /* of a copy's content before */
    } arrays[AGAIN_ARRAYS];
} Again;

typedef struct Thread Thread;
typedef struct World World;
typedef struct Heap Heap;

struct Thread {
    /* heap: allocation */
    char *free;           /* next free byte of the nursery, a multiple of 16 */
    char *limit;          /* above this, allocation goes the slow way */
    uintptr_t young_base; /* objects at or above it are in the youngest generation and need no barrier */
    World *world;
    Heap *heap;

    /* swap: the table of handles (swap/swap.h) */
    struct SwapEntry *swap_entries;
    uint32_t swap_clock; /* counts fetches */
    uint32_t swap_fault; /* why code could not be entered */

    /* run: the Lisp stack.  Every word of [stack, top) is a Lisp word; see run.h for a frame. */
    volatile uint32_t event;
    Obj *volatile stack_limit; /* function entry compares with it; an event lowers it to `stack` */
    Obj *stack, *stack_end;    /* the region that programs may use */
    Obj *stack_reserve_end;    /* its end when handlers of exhaustion may use the reserve too */
    Obj *base;                 /* the running frame's register 0 */
    Obj *top;                  /* first word past what is live, at safe points and in leaves */
    Obj *high_water;           /* everything from it up is zero; frames may grow up to it without asking */
    const uint64_t *pc;        /* the running instruction's successor, at safe points and in leaves */

    /* run: values of the last call; values[0] is kept in a register by the loop */
    uint32_t value_count;
    Obj values[VALUES_LIMIT];

    /* run: special bindings */
    Obj *tls;           /* thread-local values by symbol_tls_index; NO_TLS where there is none */
    uint32_t tls_size;
    Obj *bindings;      /* pairs: symbol, saved tls value */
    Obj *binding_top, *binding_end;

    /* run: exits (blocks, tagbodies, catches, cleanups, re-entries) */
    struct Exit *exits, *exit_top, *exit_end;
    uint64_t exit_serial;
    uint64_t unwind_target; /* serial of the exit that a DOOR_UNWIND looks for; its values are in values[] */

    /* run: the door */
    jmp_buf *door;
    DoorReason door_reason;
    Obj door_function;
    Obj door_args[DOOR_ARGUMENTS];
    uint32_t door_count;
    bool door_repeat; /* the call is to repair something, and the instruction is run again afterwards */
    bool retrying; /* the running call is the second try after DOOR_RETRY: a full heap is an error now */
    Again again;
    uint32_t waiting; /* arguments behind the frame, while REST or KEYS runs */
    uint32_t depth; /* nesting of re-entries */
};

struct World {
    Heap *heap;
    Thread *thread;       /* the only one, so far */
    /* Lisp words, all roots, from `packages` to `roots_end` */
    Obj packages;         /* list of all packages */
    Obj package_cl, package_keyword, package_sys, package_ext, package_user;
    Obj class_keys;       /* simple-vector: class code to the layout of the built-in class (run/dispatch.h); NIL at first */
    Obj trampoline;       /* function of a function and a list that applies it: what re-entries call */
    Obj funcallable_code; /* code vector and constants of all funcallable instances */
    Obj entry;            /* of a delivered program: the function of the list of arguments that it runs; NIL: SYS::%TOPLEVEL */
    Obj removed;          /* of a delivered program that looks names up: a (UNSIGNED-BYTE 32) vector of what was shaken off (prim/removed.c); else NIL */
    Obj shed;             /* of a delivered program whose shed (image/shed.h) has not been fetched: (name . exports); else NIL */
    Obj roots_end;
    struct Swap *swap;    /* room swap's; NULL until something is swapped */
    WordStack recoded;    /* old code word, new one, new constants: functions that are to be changed at the next safe point */
    Obj (*running_code)(Thread *t); /* the code word of the running function; room run sets it */
    uint64_t layout_count; /* layouts made so far: the source of their hash numbers */
    uint32_t tls_next;    /* next free index of thread-local values; 0 is never used */
    void *compiler;       /* the compiler's contexts, linked; it registers its own roots */
    int argc;
    char **argv;
    /* Reads a line of a terminal with editing: bytes, 0 at the end, -2 if a signal came; NULL: there is none.  main/edit.c registers it. */
    int64_t (*line_reader)(Thread *t, uint8_t *to, size_t size);
    struct Editor *editor;
    /* The outcome of the last work on pure space (prim/purify.c). */
    bool pure_failed;
    size_t pure_garbage;
    uint64_t build;                /* which build the image is (its header's checksum); 0: there is none */
    bool (*fetch_shed)(Thread *t); /* while there is a shed: fetches it (image/shed-fetch.c), false if that failed; else NULL */
    char *shed_problem;            /* why the shed could not be fetched */
};

/* Fetches what was shaken off, if the program has it in a file and it is not there yet: true if it is there now and was not before, so that whoever missed
   something looks again.  Nothing moves. */
static inline bool shed_fetch(Thread *t) { return WHOLE && UNLIKELY(t->world->fetch_shed != NULL) && t->world->fetch_shed(t); }

#endif
