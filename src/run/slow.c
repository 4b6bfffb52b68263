/* slow.c: what instructions do when their fast way does not fit.  All may leave by the door. */
#include "number/number.h"
#include "run/frame.h"
#include "run/vector.h"
#include "swap/swap.h"

static bool is_double(Obj x) { return has_type(x, TYPE_DOUBLE); }

#define FLOATS_FIRST(name, op, general)                                                              \
    Obj name(Thread *t, Obj a, Obj b) {                                                              \
        if (is_double(a) && is_double(b)) {                                                          \
            double d = double_of_obj(a) op double_of_obj(b);                                         \
            if (LIKELY(__builtin_isfinite(d))) return alloc_double(t, d);                            \
        } else if (is_single(a) && is_single(b)) {                                                   \
            float f = single_of_obj(a) op single_of_obj(b);                                          \
            if (LIKELY(__builtin_isfinite(f))) return obj_of_single(f);                              \
        }                                                                                            \
        return general(t, a, b);                                                                     \
    }
FLOATS_FIRST(slow_add, +, number_add)
FLOATS_FIRST(slow_sub, -, number_sub)
FLOATS_FIRST(slow_mul, *, number_mul)

bool slow_less(Thread *t, Obj a, Obj b) {
    if (is_double(a) && is_double(b)) return double_of_obj(a) < double_of_obj(b);
    return number_compare(t, a, b) == -1;
}

bool slow_less_equal(Thread *t, Obj a, Obj b) {
    if (is_double(a) && is_double(b)) return double_of_obj(a) <= double_of_obj(b);
    int c = number_compare(t, a, b);
    return c == -1 || c == 0;
}

Obj slow_list_of_values(Thread *t, Obj first) {
    Obj list = NIL;
    for (uint32_t i = t->value_count; i-- > 1;) list = alloc_cons(t, t->values[i], list);
    return t->value_count ? alloc_cons(t, first, list) : NIL;
}

Obj slow_symbol_ref(Thread *t, Obj symbol) {
    Obj v = shed_fetch(t) ? symbol_value(t, symbol) : UNBOUND;
    if (eq(v, UNBOUND)) signal_condition(t, SYM(UNBOUND_VARIABLE), 2, SYM(K_NAME), symbol);
    return v;
}

/* Keyword arguments: see KEYS in opcodes.def.  The leftmost of equal keywords counts. */
void slow_keys(Thread *t, Obj *target, Obj spec, Obj *args, uint32_t n) {
    uint32_t count = (uint32_t)obj_length(spec) - 1;
    Obj *keys = obj_slots(spec) + 1, unknown = UNBOUND;
    bool allowed = !is_nil(keys[-1]), decided = false;
    for (uint32_t i = 0; i < count; i++) target[i] = NO_ARG;
    if (n % 2) signal_format(t, SYM(PROGRAM_ERROR), "Odd number of keyword arguments.", 0);
    for (uint32_t j = 0; j < n; j += 2) {
        uint32_t i = 0;
        while (i < count && !eq(keys[i], args[j])) i++;
        if (i < count && eq(target[i], NO_ARG)) target[i] = args[j + 1];
        if (eq(args[j], SYM(K_ALLOW_OTHER_KEYS))) {
            if (!decided && !is_nil(args[j + 1])) allowed = true;
            decided = true;
        } else if (i == count && eq(unknown, UNBOUND)) {
            unknown = args[j];
        }
    }
    if (!allowed && !eq(unknown, UNBOUND)) signal_format(t, SYM(PROGRAM_ERROR), "Unknown keyword argument ~S.", 1, unknown);
}

/* Spreads the list args[n - 1] over args[n - 1]...; returns the new count. */
uint32_t slow_spread(Thread *t, Obj *args, uint32_t n) {
    Obj list = args[n - 1];
    uint64_t length = 0;
    for (Obj l = list; !is_nil(l); l = cdr(l), length++) {
        if (!is_cons(l)) signal_type_error(t, l, SYM(LIST));
        if (length > (uint64_t)(t->stack_end - t->stack)) signal_type_error(t, list, SYM(LIST));
    }
    if (!stack_ensure(t, args + n + 2 * length)) signal_format(t, SYM(CONTROL_STACK_EXHAUSTED), "Control stack exhausted by the arguments of APPLY.", 0);
    n--;
    for (Obj l = list; !is_nil(l); l = cdr(l)) args[n++] = car(l);
    return n;
}

static Obj closure_of_template(Thread *t, Obj template, uint32_t count) {
    Obj f = alloc_boxed(t, TYPE_FUNCTION, FUNCTION_ENV + count, NIL);
    Obj code = code_word(t, template);
    init_field(f, FUNCTION_CODE, code);
    init_field(f, FUNCTION_CONSTANTS, is_handle(code) ? code : obj_slots(template)[FUNCTION_CONSTANTS]);
    if (is_handle(code)) swap_lend_used(t, obj_slots(f));
    return f;
}

/* The vector of a CLOSUREREC is data like any other: code from a file may have changed it since it was verified. */
static bool templates_fit(Obj templates, const Obj *run, uint32_t count, uint32_t owners) {
    if (obj_type(templates) != TYPE_SIMPLE_VECTOR) return true;
    uint64_t n = obj_length(templates);
    for (uint64_t i = 0; i < n; i++) {
        Obj template = obj_slots(templates)[i];
        if (!has_type(template, TYPE_FUNCTION)) return false;
        uint64_t values = obj_length(template) - FUNCTION_ENV;
        if (values && values != count + n + owners) return false;
        for (uint64_t k = 0; values && k < count; k++)
            if (has_type(obj_slots(template)[FUNCTION_ENV + k], TYPE_CELL) && !has_type(run[k], TYPE_CELL)) return false;
    }
    return true;
}

/* CLOSURE (a template) and CLOSUREREC (a vector of them) over run[0..count-1]; an owner other than UNBOUND comes last.  Results go to
   run[0]...; the first is returned. */
Obj slow_make_closures(Thread *t, Obj *run, Obj templates, uint32_t count, Obj owner) {
    bool one = obj_type(templates) != TYPE_SIMPLE_VECTOR;
    uint32_t n = one ? 1 : (uint32_t)obj_length(templates), siblings = one ? 0 : n, owners = eq(owner, UNBOUND) ? 0 : 1;
    Obj made[256];
    if (n > COUNT_OF(made) || !templates_fit(templates, run, count, owners)) signal_format(t, SYM(PROGRAM_ERROR), "~S are no templates for closures.", 1, templates);
    for (uint32_t i = 0; i < n; i++)
        made[i] = closure_of_template(t, one ? templates : obj_slots(templates)[i], count + siblings + owners);
    for (uint32_t i = 0; i < n; i++) {
        Obj *env = obj_slots(made[i]) + FUNCTION_ENV; /* NOBARRIER: fresh objects */
        memcpy(env, run, count * sizeof(Obj));
        memcpy(env + count, made, siblings * sizeof(Obj));
        if (owners) env[count + siblings] = owner;
    }
    memcpy(run, made, n * sizeof(Obj));
    return made[0];
}

bool slow_structure_p(Obj x, Obj layout) {
    if (!has_type(x, TYPE_STRUCTURE)) return false;
    Obj mine = obj_slots(x)[STRUCTURE_LAYOUT];
    if (eq(mine, layout)) return true;
    uint64_t depth = (uint64_t)fix_of_obj(obj_slots(layout)[LAYOUT_DEPTH]);
    Obj ancestors = obj_slots(mine)[LAYOUT_ANCESTORS];
    return depth < obj_length(ancestors) && eq(obj_slots(ancestors)[depth], layout);
}

/* -- Arrays: resident ones that the loop does not know by heart, and swapped ones, which are fetched and then treated alike -- */

static inline Obj array_of(Thread *t, Obj v) {
    if (LIKELY(!is_handle(v)) || handle_type(v) == TYPE_CODE || handle_type(v) == TYPE_HASH_TABLE) return v;
    swap_begin(t);
    return swap_fetch(t, v);
}

/* What is wrong is the vector, if it is one of another kind. */
static void need_kind(Thread *t, Obj v, bool right, Obj type) {
    if (UNLIKELY(!right)) signal_type_error(t, v, type);
}
static void need_string(Thread *t, Obj v, bool simple) {
    need_kind(t, v, simple ? is_simple_string(v) : is_string(v), simple ? SYM(SIMPLE_STRING) : SYM(STRING));
}
static void need_bits(Thread *t, Obj v, bool simple) {
    need_kind(t, v, simple ? has_type(v, TYPE_BIT_VECTOR) : is_bit_vector(v), simple ? SYM(SIMPLE_BIT_VECTOR) : SYM(BIT_VECTOR));
}

Obj slow_svref(Thread *t, Obj v, Obj i) {
    v = array_of(t, v);
    need_kind(t, v, has_type(v, TYPE_SIMPLE_VECTOR), SYM(SIMPLE_VECTOR));
    return array_ref(t, v, i);
}
void slow_svset(Thread *t, Obj v, Obj i, Obj x) {
    v = array_of(t, v);
    need_kind(t, v, has_type(v, TYPE_SIMPLE_VECTOR), SYM(SIMPLE_VECTOR));
    array_set(t, v, i, x);
}
Obj slow_aref(Thread *t, Obj v, Obj i) { return array_ref(t, array_of(t, v), i); }
void slow_aset(Thread *t, Obj v, Obj i, Obj x) { array_set(t, array_of(t, v), i, x); }
Obj slow_length(Thread *t, Obj v) { return sequence_length(t, array_of(t, v)); }

Obj slow_char_ref(Thread *t, Obj v, Obj i, bool simple) {
    v = array_of(t, v);
    need_string(t, v, simple);
    return array_ref(t, v, i);
}
void slow_char_set(Thread *t, Obj v, Obj i, Obj x, bool simple) {
    v = array_of(t, v);
    need_string(t, v, simple);
    array_set(t, v, i, x);
}
Obj slow_bit_ref(Thread *t, Obj v, Obj i, bool simple) {
    v = array_of(t, v);
    need_bits(t, v, simple);
    return array_ref(t, v, i);
}
void slow_bit_set(Thread *t, Obj v, Obj i, Obj x, bool simple) {
    v = array_of(t, v);
    need_bits(t, v, simple);
    array_set(t, v, i, x);
}

void slow_arguments(Thread *t, Obj f, uint32_t n) {
    signal_format(t, SYM(PROGRAM_ERROR), "Invalid number of arguments for ~S: ~S.", 2, f, obj_of_fix(n));
}
