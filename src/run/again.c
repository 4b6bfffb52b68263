/* again.c: leaves and swapped arrays.

   A leaf knows nothing of handles.  Where it wants an array and gets a handle it signals a TYPE-ERROR with the handle as datum, and leaves by the
   door before it has changed anything: every leaf checks all its arguments first (tests/swapped-leaves.lisp tries those that take arrays).  Here
   the error is stopped: when the datum is one of the leaf's arguments and the type expected is one of arrays, the leaf is called once more with a
   copy of its arguments in which the array stands in the handle's place.  Resident arrays pay nothing for this, and no leaf can forget it.

   Which place?  When the same handle is given twice, as in (VECTOR-PUSH h h), one may be meant as an object like any other: so the places are
   tried one after another, then together, until the leaf is content; a leaf that refuses has done nothing.

   A leaf that is marked as working in place gets the array in the swapping buffer, pinned.  Others, which may keep what they are given (MAKE-SYMBOL),
   get a fresh resident copy; if they changed it, the copy becomes the handle's content.  Either way a value that is the array becomes
   the handle again, and so does what an error of the second try speaks of.

   The copied arguments lie on the Lisp stack above what the failed call used, so a leaf that calls Lisp (few do, none in place) has them
   rooted there.

   Limit: an array that is part of an argument, as an element of a list, is not fetched here.  Leaves that look into such are treated by hand:
   EQUAL and EQUALP, hash codes, the printer. */
#include "run/frame.h"
#include "swap/swap.h"

/* -- What was expected -- */

static bool names_array(Obj name) {
    static const Obj names[] = {SYM(ARRAY), SYM(VECTOR), SYM(STRING), SYM(SEQUENCE), SYM(SIMPLE_VECTOR), SYM(SIMPLE_STRING), SYM(HASH_TABLE),
                                SYM(BIT_VECTOR), SYM(SIMPLE_BIT_VECTOR), SYM(SIMPLE_ARRAY), SYM(BASE_STRING), SYM(SIMPLE_BASE_STRING)};
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (eq(name, names[i])) return true;
    return false;
}

static bool wants_array(Obj type) {
    if (!is_cons(type)) return names_array(type);
    if (eq(car(type), SYM(SATISFIES))) return is_cons(cdr(type)) && eq(cadr(type), SYM(ARRAY_HAS_FILL_POINTER_P));
    if (!eq(car(type), SYM(OR))) return names_array(car(type));
    for (type = cdr(type); is_cons(type); type = cdr(type))
        if (wants_array(car(type))) return true;
    return false;
}

/* The datum of the TYPE-ERROR that is to be signalled, if an array was expected; UNBOUND for other errors. */
static Obj unwanted(Thread *t) {
    const Obj *a = t->door_args;
    bool type_error = eq(t->door_function, SYM(LEAF_ERROR)) && t->door_count == 5 && eq(a[0], SYM(TYPE_ERROR)) && eq(a[1], SYM(K_DATUM));
    return type_error && wants_array(a[4]) ? a[2] : UNBOUND;
}

/* -- Which leaf, which arguments -- */

/* The running code and its constants, where they are; false while they are nowhere. */
static bool code_find(Thread *t, const Instruction **code, const Obj **constants) {
    const Obj *f = obj_slots(frame_function(t->base));
    if (is_obj(f[FUNCTION_CODE])) {
        *code = obj_raw(f[FUNCTION_CODE]);
        *constants = obj_slots(f[FUNCTION_CONSTANTS]);
        return true;
    }
    const SwapEntry *e = swap_entry(t, f[FUNCTION_CODE]);
    if (!e->place) return false;
    *code = obj_raw(swap_raw_object(e));
    *constants = obj_slots(swap_object(e));
    return true;
}

/* Finds the call of a leaf that the instruction before `offset` is. */
static bool call_find(Thread *t, int64_t offset, Again *g) {
    const Instruction *code;
    const Obj *constants;
    Obj f, *r = t->base;
    if (!t->pc || !code_find(t, &code, &constants)) return false;
    Instruction ins = code[offset - 1];
    g->given = r + instruction_a(ins) + FRAME_HEADER;
    g->n = instruction_c(ins);
    switch (instruction_op(ins)) {
    case OP_CALL:
    case OP_TAIL_CALL: f = symbol_slots(constants[instruction_b(ins)])[SYMBOL_FUNCTION]; break;
    case OP_CALL_REG:
    case OP_TAIL_CALL_REG: f = r[instruction_b(ins)]; break;
    case OP_CALL_VALUES:
        f = r[instruction_b(ins)];
        g->n = (uint32_t)fix_of_obj(g->given[-2]);
        break;
    case OP_APPLY:
    case OP_TAIL_APPLY: /* the arguments are spread behind the frame */
        f = r[instruction_b(ins)];
        g->given = r + instruction_a(code[0]) + FRAME_HEADER;
        if (t->top < g->given) return false;
        g->n = (uint32_t)(t->top - g->given);
        break;
    default: return false;
    }
    if (is_symbol(f)) f = symbol_slots(f)[SYMBOL_FUNCTION];
    if (!has_type(f, TYPE_FUNCTION) || !is_builtin(obj_slots(f)[FUNCTION_CODE])) return false;
    g->leaf = builtin_at(builtin_of_obj(obj_slots(f)[FUNCTION_CODE]));
    return true;
}

/* Places beyond the 64th count as none. */
static uint64_t places_of(const Again *g, Obj handle) {
    uint64_t places = 0;
    for (uint32_t i = 0; i < g->n && i < 64; i++)
        if (eq(g->given[i], handle)) places |= UINT64_C(1) << i;
    return places;
}

static bool in_place(const Again *g) { return ((const Builtin *)g->leaf)->in_place; }

/* -- Substitution -- */

/* The first place that holds the array; when all subsets were tried, the last of them was all places. */
static uint32_t first_place(const struct SwappedArgument *s) { return (uint32_t)bits_lowest(s->subset ? s->subset : s->places); }

/* Puts an array into the places of subset; the others hold the handle. */
static void substitute(Again *g, struct SwappedArgument *s, Obj array) {
    for (uint32_t i = 0; i < g->n && i < 64; i++)
        if (s->places >> i & 1) g->args[i] = s->subset >> i & 1 ? array : s->handle;
}

/* The next subset of the places, in binary order; false when all were tried. */
static bool subset_next(struct SwappedArgument *s) {
    s->subset = (s->subset - s->places) & s->places;
    return s->subset != 0;
}

static bool array_add(Thread *t, Again *g, Obj handle) {
    uint64_t places = places_of(g, handle);
    if (!places || g->count == AGAIN_ARRAYS) return false;
    struct SwappedArgument *s = &g->arrays[g->count];
    *s = (struct SwappedArgument){handle, places, 0, 0};
    subset_next(s);
    Obj array = in_place(g) ? swap_fetch(t, handle) : compound_copy(t, handle);
    if (!in_place(g)) s->sum = compound_hash(array);
    substitute(g, s, array);
    g->count++;
    return true;
}

static struct SwappedArgument *array_find(Again *g, Obj x) {
    for (uint32_t i = 0; i < g->count; i++)
        if (eq(g->arrays[i].handle, x) || eq(g->args[first_place(&g->arrays[i])], x)) return &g->arrays[i];
    return NULL;
}

/* A word as the program knows it: the handle of an array that stands in for one. */
static Obj outward(Thread *t, Again *g, Obj x) {
    if (!is_obj(x)) return x;
    struct SwappedArgument *s = g->active ? array_find(g, x) : NULL;
    if (s) return s->handle;
    Obj handle = swap_handle_of(t, x);
    return is_nil(handle) ? x : handle;
}

/* -- The door -- */

void leaf_give_up(Thread *t) {
    if (t->again.active) t->top = t->again.top;
    t->again.active = false;
    swap_unpin(t, 0);
}

/* The error is the program's.  Lists of format arguments are fresh. */
static void error_outward(Thread *t, Again *g) {
    for (uint32_t i = 0; i < t->door_count; i++) {
        t->door_args[i] = outward(t, g, t->door_args[i]);
        if (!eq(t->door_function, SYM(LEAF_ERROR)) || i < 2 || !eq(t->door_args[i - 1], SYM(K_FORMAT_ARGUMENTS))) continue;
        for (Obj l = t->door_args[i]; is_cons(l); l = cdr(l)) cons_slots(l)[0] = outward(t, g, car(l)); /* NOBARRIER: fresh list */
    }
}

static bool begin(Thread *t, int64_t offset, Obj datum) {
    Again *g = &t->again;
    if (!is_handle(datum) || !call_find(t, offset, g) || !places_of(g, datum)) return false;
    g->top = t->top;
    g->args = t->top;
    if (!stack_ensure(t, g->args + g->n)) return false;
    memcpy(g->args, g->given, g->n * sizeof(Obj));
    g->count = 0;
    return true;
}

/* Prepares the next try; false when there is none that could help. */
static bool advance(Thread *t, Again *g, Obj datum) {
    struct SwappedArgument *s = array_find(g, datum);
    if (!s) return is_handle(datum) && array_add(t, g, datum);
    Obj array = g->args[first_place(s)];
    if (!subset_next(s)) return false;
    substitute(g, s, array);
    return true;
}

/* What the leaf has changed in copies, and arrays that have grown out of their blocks, becomes what the handles stand for.  A fault is signalled: then the
   copy is lost, not so the grown array, which is whole where it is. */
static void arrays_keep(Thread *t, Again *g) {
    for (uint32_t i = 0; i < g->count; i++) {
        struct SwappedArgument *s = &g->arrays[i];
        Obj array = g->args[first_place(s)];
        if (in_place(g) ? !compound_has_grown(array) : compound_hash(array) == s->sum) continue;
        SwapFault fault = compound_replace(t, s->handle, array);
        if (fault != SWAP_FINE && !in_place(g)) door_call(t, SYM(SWAP_FAULT), 2, (Obj[]){s->handle, obj_of_fix(fault)});
    }
}

bool leaf_wants_arrays(Thread *t, int64_t offset) {
    Again *g = &t->again;
    Obj datum = unwanted(t);
    if (!is_marker(datum) && (g->active || begin(t, offset, datum)) && advance(t, g, datum)) {
        g->active = true;
        return true;
    }
    if (g->active || swap_pins(t)) error_outward(t, g);
    leaf_give_up(t);
    return false;
}

Obj leaf_try_again(Thread *t) {
    Again *g = &t->again;
    t->top = g->args + g->n;
    Obj value = ((const Builtin *)g->leaf)->fn(t, g->args, g->n);
    value = outward(t, g, value);
    for (uint32_t i = 1; i < t->value_count; i++) t->values[i] = outward(t, g, t->values[i]);
    arrays_keep(t, g);
    leaf_give_up(t);
    return value;
}
