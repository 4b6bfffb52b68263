/* swapped.c: functions whose code is in shadow space.

   The block of such code is its constants and debug information, then the instructions, the table of places and the documentation; code word and
   constants of the function are the handle.  The first call or return fetches the block if it must and lends the function both places (swap/lend.c);
   from then on it is called as a resident one is, and everywhere its code runs the same instructions.

   Nested functions have code of their own and so blocks of their own; their templates, which are constants, stay resident.

   A function is swapped by changing its two words.  Other functions over the same code (closures made before) keep the resident code until
   `functions_recode` has walked the heap, which needs a safe point: `World.recoded` holds what is to be changed into what.

   Code from a unit's block makes closures without owner once it is swapped, and its functions lose theirs, as when they are purified. */
#include "run/frame.h"

#include <stdlib.h>

/* -- The running code -- */

/* Where code is, or NULL while it is evicted. */
static uintptr_t code_place(const Thread *t, Obj f) {
    Obj code = obj_slots(f)[FUNCTION_CODE];
    if (is_obj(code)) return (uintptr_t)obj_raw(code);
    const SwapEntry *e = swap_entry(t, code);
    return e->place ? (uintptr_t)obj_raw(swap_raw_object(e)) : 0;
}

const SwapEntry *code_enter(Thread *t, Obj f, bool again) {
    const SwapEntry *e = swap_enter(t, obj_slots(f)[FUNCTION_CODE], again);
    if (e) swap_lend(t, e, obj_slots(f));
    return e;
}

int64_t code_leave(const Thread *t) {
    return (int64_t)((uintptr_t)t->pc - code_place(t, frame_function(t->base))) / (int64_t)sizeof(Instruction);
}
void code_return(Thread *t, int64_t offset) {
    t->pc = (const Instruction *)(code_place(t, frame_function(t->base)) + (uintptr_t)offset * sizeof(Instruction));
}
void code_reload(Thread *t) { event_raise(t, EVENT_REENTERED); }

SwapFault buffer_resize(Thread *t, size_t pages) {
    int64_t offset = code_leave(t);
    SwapFault fault = swap_set_buffer(t, pages);
    code_return(t, offset);
    code_reload(t);
    return fault;
}

/* -- What is known without fetching: the entry's note -- */

static uint32_t note_make(Instruction entry) { return instruction_a(entry) | (uint32_t)instruction_c(entry) << 16; }

uint32_t frame_size(const Thread *t, Obj f) {
    Obj code = obj_slots(f)[FUNCTION_CODE];
    return is_obj(code) ? instruction_a(function_code(f)[0]) : swap_entry(t, code)->note & 0xFFFF;
}

uint32_t function_parameters(const Thread *t, Obj f) {
    Obj code = obj_slots(f)[FUNCTION_CODE];
    return is_obj(code) ? instruction_c(function_code(f)[0]) : swap_entry(t, code)->note >> 16;
}

void function_parts(Thread *t, Obj f, Obj *code, Obj *constants) {
    SwapFault fault;
    *code = code_word(t, f);
    *constants = obj_slots(f)[FUNCTION_CONSTANTS];
    if (is_handle(*code)) {
        Obj copy;
        *constants = swap_copy(t, *code, &copy, &fault);
        *code = fault == SWAP_FINE ? copy : NIL;
    }
    if (!is_obj(*code)) *code = *constants = NIL;
}

Obj function_debug(Thread *t, Obj f) {
    Obj code, constants;
    shed_fetch(t);
    function_parts(t, f, &code, &constants);
    return constants_debug(constants);
}

Obj function_name(Thread *t, Obj f) {
    Obj code = obj_slots(f)[FUNCTION_CODE], constants = is_handle(code) ? swap_look(t, code) : obj_slots(f)[FUNCTION_CONSTANTS];
    Obj debug = constants_debug(constants), name = is_nil(debug) ? NIL : obj_slots(debug)[DEBUG_NAME];
    return is_nil(name) ? SYM(FUNCTION) : name;
}

Instruction *code_read(Thread *t, Obj handle, uint64_t *length) {
    const SwapEntry *e = swap_entry(t, handle);
    size_t bytes = (size_t)(e->size - e->boxed) * 16;
    Obj *copy = malloc(bytes);
    if (!copy) return NULL;
    if (!swap_peek(t, handle, copy, bytes)) {
        free(copy);
        return NULL;
    }
    *length = header_length(copy[0]);
    memmove(copy, copy + 1, *length * sizeof(Instruction));
    return (Instruction *)(void *)copy;
}

void function_set_documentation(Thread *t, Obj f, Obj text) {
    Obj code = code_word(t, f), constants = obj_slots(f)[FUNCTION_CONSTANTS];
    if (is_handle(code)) {
        swap_begin(t);
        constants = swap_fetch(t, code);
    }
    Obj debug = constants_debug(constants);
    if (!is_nil(debug) && obj_length(debug) > DEBUG_DOC) set_field(t, debug, DEBUG_DOC, text);
}

/* -- Swapping -- */

static bool in_unit(const Thread *t, Obj code) { return !heap_contains(t->heap, obj_words(code)) && !pure_contains(t->heap, obj_words(code)); }

static void recoded_note(Thread *t, Obj old, Obj code, Obj constants) {
    WordStack *s = &t->world->recoded;
    if (!words_push(s, old.w) || !words_push(s, code.w) || !words_push(s, constants.w)) must_die("no memory for a list of functions");
}

static void function_recode(Thread *t, Obj f, Obj code, Obj constants) {
    Obj old = obj_slots(f)[FUNCTION_CODE];
    set_field(t, f, FUNCTION_CODE, code);
    set_field(t, f, FUNCTION_CONSTANTS, constants);
    if (is_obj(old) && in_unit(t, old)) heap_shrink(t, f, obj_length(f) - 1);
}

/* A copy of code from a unit's block whose closures have no owner. */
static Obj code_without_owner(Thread *t, Obj code) {
    Obj copy = alloc_raw(t, TYPE_CODE, obj_length(code));
    Instruction *i = obj_raw(copy), *end = i + obj_length(code);
    memcpy(i, obj_raw(code), obj_length(code) * sizeof(Instruction));
    for (; i < end; i++) {
        if (instruction_op(*i) == OP_CLOSUREDYN) *i -= OP_CLOSUREDYN - OP_CLOSURE;
        if (instruction_op(*i) == OP_CLOSURERECDYN) *i -= OP_CLOSURERECDYN - OP_CLOSUREREC;
    }
    return copy;
}

/* The parts of a block; their number. */
static uint32_t code_parts(Thread *t, Obj code, Obj constants, Obj *parts) {
    uint32_t n = 0;
    Obj debug = constants_debug(constants);
    bool known = !is_nil(debug);
    parts[n++] = constants;
    if (known) parts[n++] = debug;
    parts[n++] = in_unit(t, code) ? code_without_owner(t, code) : code;
    if (known && has_type(debug_part(debug, DEBUG_PLACES), TYPE_U32_VECTOR)) parts[n++] = debug_part(debug, DEBUG_PLACES);
    if (known && is_simple_string(debug_part(debug, DEBUG_DOC))) parts[n++] = debug_part(debug, DEBUG_DOC);
    return n;
}

/* Is the constant a template?  Those of a unit have an environment too, the last value of which is the owner until they are swapped. */
static bool is_template(const Thread *t, Obj x) {
    if (!has_type(x, TYPE_FUNCTION)) return false;
    Obj code = obj_slots(x)[FUNCTION_CODE];
    return obj_length(x) == FUNCTION_ENV || is_handle(code) || (is_obj(code) && in_unit(t, code));
}

/* Calls `change` for the templates among the constants, those of CLOSUREREC included. */
static SwapFault templates_each(Thread *t, Obj constants, SwapFault (*change)(Thread *t, Obj f)) {
    SwapFault fault = SWAP_FINE;
    for (uint64_t i = 1; i < obj_length(constants) && fault == SWAP_FINE; i++) {
        Obj x = obj_slots(constants)[i];
        if (is_template(t, x)) fault = change(t, x);
        if (!has_type(x, TYPE_SIMPLE_VECTOR)) continue;
        for (uint64_t k = 0; k < obj_length(x) && is_template(t, obj_slots(x)[k]) && fault == SWAP_FINE; k++) fault = change(t, obj_slots(x)[k]);
    }
    return fault;
}

/* The flag is there because constants may lead back to the function. */
static SwapFault function_swap_one(Thread *t, Obj f) {
    Obj code = obj_slots(f)[FUNCTION_CODE], constants = obj_slots(f)[FUNCTION_CONSTANTS], parts[8];
    if (!has_type(code, TYPE_CODE) || !has_type(constants, TYPE_SIMPLE_VECTOR) || obj_flags(f) & FUNCTION_BEING_SWAPPED) return SWAP_FINE;
    obj_set_flags(f, obj_flags(f) | FUNCTION_BEING_SWAPPED);
    SwapFault fault = templates_each(t, constants, function_swap_one);
    obj_set_flags(f, obj_flags(f) & ~(unsigned)FUNCTION_BEING_SWAPPED);
    if (fault != SWAP_FINE) return fault;
    uint32_t n = code_parts(t, code, constants, parts);
    Obj handle = swap_store(t, (Type)0, false, parts, n, note_make(((Instruction *)obj_raw(code))[0]), SWAP_CONSTANT, &fault);
    if (fault != SWAP_FINE) return fault;
    recoded_note(t, code, handle, handle);
    function_recode(t, f, handle, handle);
    return SWAP_FINE;
}

static SwapFault function_unswap_one(Thread *t, Obj f) {
    if (!function_is_swapped(t, f)) return SWAP_FINE;
    SwapFault fault;
    Obj handle = obj_slots(f)[FUNCTION_CODE], code, constants = swap_copy(t, handle, &code, &fault);
    if (fault != SWAP_FINE) return fault;
    recoded_note(t, handle, code, constants);
    function_recode(t, f, code, constants);
    return templates_each(t, constants, function_unswap_one);
}

/* Changes a function, in code that may be running. */
static SwapFault function_change(Thread *t, Obj f, SwapFault (*change)(Thread *t, Obj f)) {
    if (!has_type(f, TYPE_FUNCTION)) return SWAP_FINE;
    swap_recall(t);
    int64_t offset = code_leave(t);
    SwapFault fault = change(t, f);
    code_return(t, offset);
    code_reload(t);
    return fault;
}

SwapFault function_swap(Thread *t, Obj f) { return function_change(t, f, function_swap_one); }
SwapFault function_unswap(Thread *t, Obj f) { return function_change(t, f, function_unswap_one); }

/* -- The others over the same code -- */

static int compare_words(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void recode_object(void *thread, Obj x) {
    Thread *t = thread;
    const WordStack *s = &t->world->recoded;
    if (!has_type(x, TYPE_FUNCTION)) return;
    uint64_t code = obj_slots(x)[FUNCTION_CODE].w;
    const uint64_t *found = bsearch(&code, s->items, s->count / 3, 3 * sizeof(uint64_t), compare_words);
    if (found) function_recode(t, x, (Obj){found[1]}, (Obj){found[2]});
}

static void recode_work(Thread *t) {
    WordStack *s = &t->world->recoded;
    heap_collect(t, 0);
    if (!s->count) return;
    qsort(s->items, s->count / 3, 3 * sizeof(uint64_t), compare_words);
    heap_each_object(t->heap, recode_object, t);
    words_release(s);
}

void functions_recode(Thread *t) { heap_request_work(t, recode_work); }
void functions_leave(Thread *t) {
    if (!heap_work_waits(t->heap)) words_release(&t->world->recoded);
}
