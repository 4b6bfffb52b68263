/* purify.c: what goes to the pure area, and what happens to who writes there.

   PURIFY and IMPURIFY are Clozure CL's (Gary Byers): immutable objects that are likely to live long are copied to a read-only section, which the
   collector ignores and the OS shares; what becomes obsolete there is wasted until everything is brought back.  heap/pure.c moves; here is the choice.
   An object goes by what refers to it, never by its type alone:

       code vectors of functions               nothing writes into finished code
       names of interned symbols               CLHS (SYMBOL-NAME) forbids to change them
       strings among constants of functions    literals: CLHS 3.7.1 forbids to change them
       bignums and doubles among constants     numbers are never changed
       debug information: documentation,       the system's own, written once
       names of source files, source places

   Other strings stay, and so do strings in literal lists and vectors.  The value of a LOAD-TIME-VALUE form may be changed; a string is held by a cell
   (compile/analyse-special.c), so it is no constant here.

   Code in a unit's block goes too.  The copies make closures without owner again (CLOSURE for CLOSUREDYN), and the functions over such code lose theirs, the last
   value of their environment; so nothing keeps the unit any more, and it is unmapped by the collection that ends the purifying.

   A write to the area is a fault of the processor.  If it comes from a leaf or an instruction that has written its state down (those that store into strings
   do), it becomes an error of type PURE-MEMORY-ERROR in the leaf's place, which names the object; otherwise the process dies and says why. */
#include "image/purify.h"

#include "code/code.h"
#include "text/text.h"

#include <signal.h>

/* -- The choice -- */

static void choose_constants(Heap *h, Obj constants) {
    if (!has_type(constants, TYPE_SIMPLE_VECTOR) || !obj_length(constants)) return;
    for (uint64_t i = 0; i < obj_length(constants); i++) {
        Obj x = obj_slots(constants)[i];
        if (has_type(x, TYPE_BIGNUM) || has_type(x, TYPE_DOUBLE) || is_simple_string(x)) pure_choose(h, x);
    }
    Obj debug = obj_slots(constants)[0];
    if (!has_type(debug, TYPE_SIMPLE_VECTOR) || obj_length(debug) != DEBUG_LENGTH) return;
    const Obj *fields = obj_slots(debug);
    if (has_type(fields[DEBUG_PLACES], TYPE_U32_VECTOR)) pure_choose(h, fields[DEBUG_PLACES]);
    if (is_simple_string(fields[DEBUG_FILE])) pure_choose(h, fields[DEBUG_FILE]);
    if (is_simple_string(fields[DEBUG_DOC])) pure_choose(h, fields[DEBUG_DOC]);
}

static void choose(Heap *h, Obj x) {
    Obj *slots = obj_slots(x);
    switch (obj_type(x)) {
    case TYPE_SYMBOL:
        if (!is_nil(slots[SYMBOL_PACKAGE]) && is_simple_string(slots[SYMBOL_NAME])) pure_choose(h, slots[SYMBOL_NAME]);
        break;
    case TYPE_FUNCTION:
    case TYPE_FUNCALLABLE:
        if (has_type(slots[FUNCTION_CODE], TYPE_CODE)) pure_choose(h, slots[FUNCTION_CODE]);
        choose_constants(h, slots[FUNCTION_CONSTANTS]);
        break;
    default: break;
    }
}

/* -- Code of units -- */

static bool in_block(Heap *h, Obj code) { return has_type(code, TYPE_CODE) && !heap_contains(h, obj_words(code)) && !pure_contains(h, obj_words(code)); }

static void choose_block(Heap *h, Obj x) {
    if (obj_type(x) == TYPE_FUNCTION && in_block(h, obj_slots(x)[FUNCTION_CODE])) pure_choose(h, obj_slots(x)[FUNCTION_CODE]);
}

/* A function over code in a block, whose owner it is about to lose. */
static void leave_unit(Thread *t, Obj x) {
    if (obj_type(x) == TYPE_FUNCTION && in_block(t->heap, obj_slots(x)[FUNCTION_CODE])) heap_shrink(t, x, obj_length(x) - 1);
}

static void drop_owners(Obj code) {
    Instruction *i = obj_raw(code), *end = i + obj_length(code);
    for (; i < end; i++) {
        if (instruction_op(*i) == OP_CLOSUREDYN) *i -= OP_CLOSUREDYN - OP_CLOSURE;
        if (instruction_op(*i) == OP_CLOSURERECDYN) *i -= OP_CLOSURERECDYN - OP_CLOSUREREC;
    }
}

static const PurePolicy policy = {choose, leave_unit, drop_owners}, units_only = {choose_block, leave_unit, drop_owners};

/* -- Writes to the area -- */

/* A signal handler has no other way to the thread. */
static Thread *guarded;
static struct sigaction previous;

static void on_fault(int number, siginfo_t *info, void *context) {
    Thread *t = guarded;
    Obj x;
    (void)number;
    (void)context;
    if (!pure_contains(t->heap, info->si_addr)) { /* not ours: it happens again, under the handler that was there before */
        sigaction(SIGSEGV, &previous, NULL);
        return;
    }
    if (!pure_object_at(t->heap, info->si_addr, &x)) must_die("access to unused pure space at %p", info->si_addr);
    if (!t->door) must_die("a write to the %s at %p in pure space, which is read-only", shapes[obj_type(x)].name, info->si_addr);
    signal_condition(t, intern_text(t, t->world->package_ext, "PURE-MEMORY-ERROR"), 2, intern_text(t, t->world->package_keyword, "OBJECT"), x);
}

void pure_guard(Thread *t) {
    if (guarded) return;
    guarded = t;
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    must(sigaction(SIGSEGV, &action, &previous) == 0);
}

/* -- The operations -- */

bool purify(Thread *t) {
    pure_guard(t);
    return pure_take(t, &policy);
}

bool purify_units(Thread *t) {
    pure_guard(t);
    return pure_take(t, &units_only);
}

bool impurify(Thread *t) { return pure_give_back(t); }

bool pure_garbage(Thread *t, size_t *bytes) {
    size_t used;
    if (!pure_survey(t, &used)) return false;
    *bytes = pure_bytes(t->heap) - used;
    return true;
}

void pure_adopt(Heap *h, char *start, char *end) { pure_set_area(h, start, end); }
