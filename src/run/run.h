/* run.h: frames, calls, values, bindings, unwinding, safe points.  Door of room run.

   A frame lies on the thread's Lisp stack; register 0 is at `base`, three words before it are its header:

       base[-3]  distance in words down to the caller's base, as a fixnum (0: called from C)
       base[-2]  the function that runs (its closure keeps its code: law 6)
       base[-1]  the caller's return offset, in instructions from the start of the caller's code, as a fixnum
       base[0..] registers: the arguments first

   A caller builds the callee's frame at the end of its own: CALL A puts header and arguments at R[A], R[A+1], R[A+2], R[A+3]... So the stack is dense,
   every word of [stack, top) is a Lisp word, and the collector reads it from one end to the other.  Registers that were not yet
   written hold what older frames left there since the last collection, which is always valid; a collection zeroes all above `top`.

   A builtin (C leaf) gets its arguments where they lie on the stack; it returns its first value and, if it returns another number than one,
   uses `values_...`.  Values other than the first are in Thread.values[1..]; Thread.value_count says how many there are. */
#ifndef RUN_H
#define RUN_H

#include "code/code.h"
#include "heap/heap.h"
#include "swap/swap.h"

/* -- Builtins -- */

typedef Obj (*BuiltinFn)(Thread *t, Obj *args, uint32_t n);

enum { ARGS_ANY = 0xFFFF };

typedef struct Builtin {
    const char *name; /* "CAR": COMMON-LISP; "%CAR": WINDFALL-SYSTEM; "EXT:GC": WINDFALL (external); "SYS:X": WINDFALL-SYSTEM */
    BuiltinFn fn;
    uint16_t min, max; /* number of arguments; ARGS_ANY: no upper bound */
    bool in_place;     /* see BUILTIN_IN_PLACE */
#ifndef WINDFALL_SLIM
    const char *lambda_list;
    const char *doc;
#endif
} __attribute__((aligned(8))) Builtin;

/* The slim runtime has no documentation. */
#ifdef WINDFALL_SLIM
#define DOCUMENTED(lambda_list, doc)
#else
#define DOCUMENTED(lambda_list, doc) , lambda_list, doc
#endif

/* BUILTIN(c_name, "NAME", min, max, "lambda list", "docstring") { body: t, args, n in scope; returns Obj }
   Descriptors gather in a section of their own; nothing else lists them. */
#define BUILTIN(c_name, name, min, max, lambda_list, doc) BUILTIN_OF_KIND(c_name, name, min, max, false, lambda_list, doc)
/* The same for a leaf that may work on a swapped array where it lies in the swapping buffer: it keeps no argument anywhere but in its value, returns
   nothing that is part of one, and calls no Lisp.  Others work on a copy, which is written back if they change it (again.c). */
#define BUILTIN_IN_PLACE(c_name, name, min, max, lambda_list, doc) BUILTIN_OF_KIND(c_name, name, min, max, true, lambda_list, doc)
#define BUILTIN_OF_KIND(c_name, name, min, max, in_place, lambda_list, doc)                                                           \
    static Obj builtin_##c_name(Thread *t, Obj *args, uint32_t n);                                                                   \
    static const Builtin descriptor_##c_name __attribute__((used, section("builtins"), aligned(8))) = {name, builtin_##c_name, min, max, in_place DOCUMENTED(lambda_list, doc)}; \
    static Obj builtin_##c_name(Thread *t __attribute__((unused)), Obj *args __attribute__((unused)), uint32_t n __attribute__((unused)))

/* An optional argument of a builtin, or `otherwise` when it was not given. */
#define ARG(i, otherwise) ((i) < n ? args[i] : (otherwise))

extern const Builtin __start_builtins[], __stop_builtins[];
static inline const Builtin *builtin_at(uint32_t index) { return &__start_builtins[index]; }
static inline uint32_t builtins_total(void) { return (uint32_t)(__stop_builtins - __start_builtins); }

/* -- Values: what a builtin uses to return other than one value -- */

static inline Obj values_0(Thread *t) {
    t->value_count = 0;
    return NIL;
}
static inline Obj values_2(Thread *t, Obj a, Obj b) {
    t->value_count = 2;
    t->values[1] = b;
    return a;
}
static inline Obj values_3(Thread *t, Obj a, Obj b, Obj c) {
    t->value_count = 3;
    t->values[1] = b;
    t->values[2] = c;
    return a;
}

/* -- run.c -- */

Thread *thread_create(World *w);
/* Forgets everything that runs: stack, special bindings, exits.  No cleanup form is run; the C frames below must never be returned to. */
void thread_abandon(Thread *t);
/* Installs all builtins as functions of their symbols.  Packages exist. */
void builtins_install(Thread *t);
/* A function of the builtin with that name: for C code that has Lisp call it in a program whose symbols may have no names. */
Obj builtin_function(Thread *t, const char *name);

/* Re-entry: calls a function (or a symbol's) from C and returns its first value; the others are in t->values.  The one way from C into Lisp.
   Everything may have moved afterwards: what the caller keeps is in registered roots or on the Lisp stack (`push_root`).
   A non-local exit through the caller leaves by its door: the caller owns nothing that needs freeing, or has registered it. */
Obj lisp_call(Thread *t, Obj function, uint32_t n, const Obj *args);

/* Keeps words on the Lisp stack over a `lisp_call`: push, then read back with `root_at`, then pop. */
static inline void push_root(Thread *t, Obj x) { *t->top++ = x; }
static inline Obj pop_root(Thread *t) { return *--t->top; }

/* call.c: makes the function that re-entries call; packages exist. */
void trampoline_create(Thread *t);

/* -- symbols' values and functions -- */

/* The current value of a variable, UNBOUND if there is none. */
static inline Obj symbol_value(Thread *t, Obj symbol) {
    uint32_t i = symbol_tls_index(symbol);
    if (i) {
        Obj v = t->tls[i];
        if (!eq(v, NO_TLS)) return v;
    }
    return symbol_slots(symbol)[SYMBOL_VALUE];
}
void set_symbol_value(Thread *t, Obj symbol, Obj v);
void bind_special(Thread *t, Obj symbol, Obj v);
void unbind_to(Thread *t, Obj *binding_top);
/* The value under `key` in a symbol's INFO list, or `otherwise`. */
Obj symbol_info(Obj symbol, Obj key, Obj otherwise);
void set_symbol_info(Thread *t, Obj symbol, Obj key, Obj value);
/* The cell symbol of a function name: the symbol itself, or for (SETF name) the symbol that holds its function. */
Obj function_name_cell(Thread *t, Obj name);
/* The same for those who only look: NIL, which never has a function, instead of a cell that would have to be made. */
Obj function_name_cell_if_any(Thread *t, Obj name);
/* The function that a function designator names; signals UNDEFINED-FUNCTION or TYPE-ERROR. */
Obj designated_function(Thread *t, Obj designator);

/* -- swapped.c: functions whose code is in shadow space -- */

/* The offset of the running instruction's successor in its code, and its inverse.  Between the two, code may be evicted, moved or swapped. */
int64_t code_leave(const Thread *t);
void code_return(Thread *t, int64_t offset);
/* Has the loop take the running code anew when the leaf returns. */
void code_reload(Thread *t);
/* Number of required and optional parameters of a compiled function. */
uint32_t function_parameters(const Thread *t, Obj f);
/* Code vector and constants of a function; copies if it is swapped, which live as long as somebody refers to them.  NILs for a builtin. */
void function_parts(Thread *t, Obj f, Obj *code, Obj *constants);
/* A function's debug information, of swapped code a copy; NIL: it has none, or it cannot be read. */
Obj function_debug(Thread *t, Obj f);
/* What a message calls the function: it must not hold the function, since a condition may be kept.  Nothing is allocated. */
Obj function_name(Thread *t, Obj f);
/* A copy of swapped code, malloc'ed, and its length; NULL if it cannot be read. */
Instruction *code_read(Thread *t, Obj handle, uint64_t *length);
/* The function's code word; of swapped code it is the handle, whether the function has been lent places in the buffer (swap/lend.c) or not. */
static inline Obj code_word(const Thread *t, Obj f) {
    Obj code = obj_slots(f)[FUNCTION_CODE];
    return WHOLE && is_obj(code) && UNLIKELY(swap_contains(obj_words(code))) ? swap_handle_of(t, obj_slots(f)[FUNCTION_CONSTANTS]) : code;
}
/* Is the function's code swapped? */
static inline bool function_is_swapped(const Thread *t, Obj f) { return has_type(f, TYPE_FUNCTION) && is_handle(code_word(t, f)); }
/* Swaps the code of a compiled function and of those nested in it.  Other functions over the same code follow with functions_recode.  With a fault
   other than SWAP_FINE those nested may have been swapped already. */
SwapFault function_swap(Thread *t, Obj f);
/* The inverse. */
SwapFault function_unswap(Thread *t, Obj f);
/* Has all functions over code that was swapped or unswapped follow at the next safe point; or leaves them as they are. */
void functions_recode(Thread *t);
void functions_leave(Thread *t);
/* Sets the size of the swapping buffer in pages. */
SwapFault buffer_resize(Thread *t, size_t pages);
/* The documentation string of a compiled function. */
void function_set_documentation(Thread *t, Obj f, Obj text);

/* -- events -- */
void event_raise(Thread *t, uint32_t bits); /* async-signal-safe */
void interrupts_enable(Thread *t);          /* SIGINT raises EVENT_INTERRUPT from now on */

#endif
