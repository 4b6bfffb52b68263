/* unit-read.c: the loader: makes a unit's constants and tells Lisp what to call.

   A small stack machine over the byte codes of unit-format.h.  It runs up to the next CALL, whose function and arguments go to Lisp; the call's value
   comes back with the next step.  Between two steps its stack is empty, and all that it remembers lies in a simple-vector, the loader, whose numbers
   are stored last: so a step that the heap's exhaustion makes the loop run again begins where it began.

   Functions are made as templates with the owner behind as many values as their closures have; one without such values serves as the function itself.

   What it reads has the right checksum, and nothing is believed all the same: stack, tables, offsets, ends; that objects are what their types
   promise (unit-object.c); that functions may run (unit-check.c). */
#include "image/unit-map.h"
#include "run/run.h"
#include "text/text.h"

#include <stdlib.h>

enum { LOADER_UNIT, LOADER_OWNER, LOADER_OBJECTS, LOADER_DEBUG_OBJECTS, LOADER_AT, LOADER_DEBUG_AT, LOADER_COUNT, LOADER_DEBUG_COUNT, LOADER_LENGTH };
enum { CHARACTERS = 0x110000, FLAGS_MOST = 63 };

typedef struct Stream {
    const uint8_t *p, *end;
    Obj objects;
    uint64_t count;
} Stream;

typedef struct Machine {
    Thread *t;
    Unit *unit;
    Obj owner, value;
    Stream constants, debug;
    Stream *s;       /* the one that is being read */
    bool failed;
} Machine;

/* -- Reading -- */

static uint64_t number(Machine *m) {
    uint64_t n = 0;
    for (unsigned shift = 0; m->s->p < m->s->end && shift < 64; shift += 7) {
        uint8_t byte = *m->s->p++;
        n |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return n;
    }
    m->failed = true;
    return 0;
}

static int64_t signed_number(Machine *m) {
    uint64_t n = number(m);
    return (int64_t)(n >> 1 ^ -(n & 1));
}

static const uint8_t *bytes(Machine *m, uint64_t n) {
    const uint8_t *p = m->s->p;
    if (n > (uint64_t)(m->s->end - p)) {
        m->failed = true;
        return NULL;
    }
    m->s->p += n;
    return p;
}

/* -- The stack and the tables -- */

static void push(Machine *m, Obj x) {
    Unit *u = m->unit;
    if (u->depth == u->room) {
        u->room = u->room ? 2 * u->room : 256;
        u->stack = realloc(u->stack, u->room * sizeof(Obj));
        must(u->stack != NULL);
    }
    u->stack[u->depth++] = x;
}

/* The n topmost words, popped; NULL if there are not so many. */
static Obj *pop(Machine *m, uint64_t n) {
    static Obj none[1]; /* no words of a stack that nothing was pushed on yet */
    if (n > m->unit->depth) {
        m->failed = true;
        return NULL;
    }
    if (!n && !m->unit->stack) return none;
    m->unit->depth -= n;
    return m->unit->stack + m->unit->depth;
}

static void note(Machine *m, Obj x) {
    if (m->s->count >= obj_length(m->s->objects)) m->failed = true;
    else set_field(m->t, m->s->objects, m->s->count++, x);
}

static void made(Machine *m, Obj x) {
    note(m, x);
    push(m, x);
}

static Obj object(Machine *m, const Stream *s, uint64_t n) {
    if (n < s->count) return obj_slots(s->objects)[n];
    m->failed = true;
    return NIL;
}

/* -- Texts: symbols, strings, packages -- */

/* A text of the stream; wide ones are decoded to malloc'ed memory, *wide, to be freed. */
static Text text(Machine *m, uint32_t **wide) {
    uint64_t head = number(m), n = head >> 1;
    *wide = NULL;
    if (!(head & 1)) {
        const uint8_t *p = bytes(m, n);
        return (Text){p, p ? n : 0, false};
    }
    if (n > (uint64_t)(m->s->end - m->s->p)) m->failed = true;
    if (m->failed) return (Text){"", 0, false};
    *wide = malloc(n * sizeof(uint32_t) + 1);
    must(*wide != NULL);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t code = number(m);
        if (code >= CHARACTERS) m->failed = true;
        (*wide)[i] = (uint32_t)code;
    }
    return (Text){*wide, n, true};
}

static Obj package_number(Machine *m, uint64_t n) {
    Obj package = object(m, n & 1 ? &m->debug : &m->constants, n >> 1);
    if (!has_type(package, TYPE_PACKAGE)) m->failed = true;
    return package;
}

static void make_package(Machine *m) {
    uint32_t *wide;
    Text name = text(m, &wide);
    Obj string = m->failed ? NIL : string_of_text(m->t, name);
    free(wide);
    if (m->failed) return;
    Obj package = package_find(m->t, string);
    if (is_nil(package)) {
        m->unit->depth = 0;
        signal_condition(m->t, SYM(PACKAGE_ERROR), 2, SYM(K_PACKAGE), string);
    }
    note(m, package);
}

static void make_symbol_in(Machine *m, Obj package) {
    uint32_t *wide;
    Obj status;
    Text name = text(m, &wide);
    if (!m->failed) made(m, is_nil(package) ? make_symbol(m->t, string_of_text(m->t, name)) : package_intern_text(m->t, package, name, &status));
    free(wide);
}

static void make_setter(Machine *m) {
    const Obj *symbol = pop(m, 1);
    if (!symbol || !is_symbol(*symbol)) m->failed = true;
    else made(m, function_name_cell(m->t, alloc_list(m->t, 2, (Obj[]){SYM(SETF), *symbol})));
}

static void make_string(Machine *m, bool base) {
    uint32_t *wide;
    Text s = text(m, &wide);
    if (!m->failed) made(m, base ? string_of_text(m->t, s) : full_string_of_text(m->t, s));
    free(wide);
}

/* -- Objects -- */

static void make_list(Machine *m, uint64_t n, bool dotted) {
    Obj *items = n < m->unit->depth + !dotted ? pop(m, n + dotted) : NULL;
    if (!items || !n) {
        m->failed = true;
        return;
    }
    Obj first = alloc_cons(m->t, items[0], NIL), last = first;
    note(m, first);
    for (uint64_t i = 1; i < n; i++) {
        Obj next = alloc_cons(m->t, items[i], NIL);
        cons_slots(last)[1] = next; /* NOBARRIER: fresh cons */
        last = next;
        note(m, next);
    }
    if (dotted) cons_slots(last)[1] = items[n]; /* NOBARRIER: fresh cons */
    push(m, first);
}

static void make_boxed(Machine *m, Type type, unsigned flags, uint64_t n) {
    Obj *items = pop(m, n);
    if (!items || type >= TYPE_COUNT || shapes[type].layout != LAYOUT_BOXED || flags > FLAGS_MOST) {
        m->failed = true;
        return;
    }
    Obj x = alloc_flagged(m->t, type, flags, n, NIL);
    memcpy(obj_slots(x), items, n * sizeof(Obj)); /* NOBARRIER: fresh object */
    if (unit_boxed_fits(x)) made(m, x);
    else m->failed = true;
}

static void make_raw(Machine *m) {
    uint64_t type = number(m), flags = number(m), length = number(m);
    if (type >= TYPE_COUNT || shapes[type].layout != LAYOUT_RAW || flags > FLAGS_MOST || length >> 40) {
        m->failed = true;
        return;
    }
    uint64_t size = ((length << shapes[type].log2_bits) + 7) / 8;
    const uint8_t *p = bytes(m, size);
    if (!p) return;
    Obj x = alloc_raw(m->t, (Type)type, length);
    obj_set_flags(x, (unsigned)flags);
    memcpy(obj_raw(x), p, size);
    if (unit_raw_fits(x)) made(m, x);
    else m->failed = true;
}

static void make_places(Machine *m) {
    uint64_t n = number(m);
    uint32_t offset = 0, line = 0;
    if (n > (uint64_t)(m->s->end - m->s->p)) {
        m->failed = true;
        return;
    }
    Obj x = alloc_raw(m->t, TYPE_U32_VECTOR, 2 * n);
    uint32_t *words = obj_raw(x);
    for (uint64_t i = 0; i < n; i++) {
        words[2 * i] = offset += (uint32_t)signed_number(m);
        words[2 * i + 1] = line += (uint32_t)signed_number(m);
    }
    made(m, x);
}

/* -- Functions -- */

static bool run(Machine *m);

/* The next debug information, or NIL if there is none in the file. */
static Obj next_debug(Machine *m) {
    if (m->debug.p == m->debug.end) return NIL;
    if (m->s == &m->debug) { /* functions are no debug information */
        m->failed = true;
        return NIL;
    }
    Stream *s = m->s;
    m->s = &m->debug;
    run(m);
    m->s = s;
    const Obj *x = pop(m, 1);
    if (x && unit_debug_fits(*x)) return *x;
    m->failed = true;
    return NIL;
}

static NORETURN void signal_unfit(Machine *m, const char *why) {
    m->unit->depth = 0;
    signal_format(m->t, SYM(SIMPLE_ERROR), "A function of the unit does not pass verification: ~A.", 1, alloc_text(m->t, why));
}

/* Verifies the function; values that its closures need as cells are cells in the template already, for who makes a closure of it to know. */
static void verify_template(Machine *m, Obj f, uint64_t environment) {
    uint8_t few[64] = {0}, *cells = environment < sizeof few ? few : calloc(environment + 1, 1);
    must(cells != NULL);
    const char *wrong = unit_verify(obj_slots(f)[FUNCTION_CODE], obj_slots(f)[FUNCTION_CONSTANTS], environment, cells);
    for (uint64_t i = 0; !wrong && i < environment; i++)
        if (cells[i]) init_field(f, FUNCTION_ENV + i, alloc_boxed(m->t, TYPE_CELL, 1, NIL));
    if (cells != few) free(cells);
    if (wrong) signal_unfit(m, wrong);
}

static void make_fixup(Machine *m) {
    Obj container = object(m, m->s, number(m));
    uint64_t slot = number(m);
    Obj value = object(m, m->s, number(m));
    Obj function = has_type(container, TYPE_FUNCTION) ? container : NIL;
    if (!is_nil(function)) container = obj_slots(function)[FUNCTION_CONSTANTS];
    if (m->failed || !unit_slot_fits(container, slot) || (!is_nil(function) && (slot == 0 || !eq(obj_slots(function)[obj_length(function) - 1], m->owner)))) {
        m->failed = true;
        return;
    }
    set_slot(m->t, is_cons(container) ? &cons_slots(container)[slot] : &obj_slots(container)[slot], value);
    if (!is_nil(function)) verify_template(m, function, obj_length(function) - FUNCTION_ENV - 1);
}

static void make_template(Machine *m) {
    uint64_t at = number(m), environment = number(m), n = number(m);
    const Unit *u = m->unit;
    Obj debug = next_debug(m);
    const Obj *items = n ? pop(m, n - 1) : NULL;
    if (!items || at % 16 || at + 8 > u->code_bytes || environment > UINT16_MAX) {
        m->failed = true;
        return;
    }
    Obj code = obj_of_address(u->code + at), header = obj_header(code);
    if (!is_header(header) || header_type(header) != TYPE_CODE || header_length(header) > (u->code_bytes - at - 8) / 8) {
        m->failed = true;
        return;
    }
    Obj constants = alloc_boxed(m->t, TYPE_SIMPLE_VECTOR, n, NIL);
    init_field(constants, 0, debug);
    memcpy(obj_slots(constants) + 1, items, (n - 1) * sizeof(Obj)); /* NOBARRIER: fresh object */
    Obj f = alloc_boxed(m->t, TYPE_FUNCTION, FUNCTION_ENV + environment + 1, NIL);
    init_field(f, FUNCTION_CODE, code);
    init_field(f, FUNCTION_CONSTANTS, constants);
    init_field(f, FUNCTION_ENV + environment, m->owner);
    verify_template(m, f, environment);
    made(m, f);
}

static void make_debug(Machine *m) {
    const Obj *items = pop(m, DEBUG_LENGTH);
    if (!items) return;
    Obj debug = alloc_boxed(m->t, TYPE_SIMPLE_VECTOR, DEBUG_LENGTH, NIL);
    memcpy(obj_slots(debug), items, DEBUG_LENGTH * sizeof(Obj)); /* NOBARRIER: fresh object */
    push(m, debug);
}

/* -- The machine -- */

static void make_word(Machine *m) {
    const uint8_t *p = bytes(m, 8);
    if (!p) return;
    Obj x;
    memcpy(&x, p, 8);
    if (unit_word_fits(x)) push(m, x);
    else m->failed = true;
}

static void make_cell(Machine *m) {
    Obj cell = alloc_boxed(m->t, TYPE_CELL, 1, m->value);
    note(m, cell);
}

/* One instruction that is neither END, CALL nor DEBUG. */
static void step(Machine *m, UnitOp op) {
    const World *w = m->t->world;
    switch (op) {
    case UNIT_FALSE: push(m, NIL); break;
    case UNIT_TRUE: push(m, T_); break;
    case UNIT_FIX: push(m, obj_of_fix(signed_number(m))); break;
    case UNIT_WORD: make_word(m); break;
    case UNIT_REF: push(m, object(m, &m->constants, number(m))); break;
    case UNIT_DEBUG_REF: push(m, object(m, &m->debug, number(m))); break;
    case UNIT_PACKAGE: make_package(m); break;
    case UNIT_SYMBOL: make_symbol_in(m, package_number(m, number(m))); break;
    case UNIT_KEYWORD: make_symbol_in(m, w->package_keyword); break;
    case UNIT_CL: make_symbol_in(m, w->package_cl); break;
    case UNIT_SYS: make_symbol_in(m, w->package_sys); break;
    case UNIT_UNINTERNED: make_symbol_in(m, NIL); break;
    case UNIT_SETTER: make_setter(m); break;
    case UNIT_BASE_STRING: make_string(m, true); break;
    case UNIT_STRING: make_string(m, false); break;
    case UNIT_LIST: make_list(m, number(m), false); break;
    case UNIT_LIST_STAR: make_list(m, number(m), true); break;
    case UNIT_VECTOR: make_boxed(m, TYPE_SIMPLE_VECTOR, 0, number(m)); break;
    case UNIT_RAW: make_raw(m); break;
    case UNIT_BOXED: {
        uint64_t type = number(m), flags = number(m);
        make_boxed(m, (Type)type, (unsigned)flags, number(m));
        break;
    }
    case UNIT_TEMPLATE: make_template(m); break;
    case UNIT_FIXUP: make_fixup(m); break;
    case UNIT_VALUE: note(m, m->value); break;
    case UNIT_CELL: make_cell(m); break;
    case UNIT_PLACES: make_places(m); break;
    default: m->failed = true;
    }
}

/* Runs to the end of a record: true at a CALL or DEBUG, false at the end or after a failure. */
static bool run(Machine *m) {
    while (!m->failed && m->s->p < m->s->end) {
        UnitOp op = (UnitOp)*m->s->p++;
        if (op == UNIT_CALL) return true;
        if (op == UNIT_END) return false;
        if (op == UNIT_DEBUG) {
            make_debug(m);
            return true;
        }
        step(m, op);
    }
    m->failed = true;
    return false;
}

/* -- The loader -- */

const char *unit_open(Thread *t, const char *path, Obj owner, Obj *loader, int *error) {
    Unit *u;
    *loader = NIL;
    Obj x = alloc_boxed(t, TYPE_SIMPLE_VECTOR, LOADER_LENGTH, obj_of_fix(0)); /* what can fail comes before the mapping */
    const char *wrong = unit_map(path, &u, error);
    if (wrong || !u) return wrong;
    unit_own(t, owner, u);
    init_field(x, LOADER_UNIT, obj_of_fix((int64_t)(uintptr_t)u));
    init_field(x, LOADER_OWNER, owner);
    init_field(x, LOADER_OBJECTS, alloc_boxed(t, TYPE_SIMPLE_VECTOR, u->objects, NIL));
    init_field(x, LOADER_DEBUG_OBJECTS, alloc_boxed(t, TYPE_SIMPLE_VECTOR, u->debug_objects, NIL));
    *loader = x;
    return NULL;
}

static NORETURN void signal_malformed(Machine *m) {
    m->unit->depth = 0;
    signal_format(m->t, SYM(SIMPLE_ERROR), "The unit is malformed.", 0);
}

static void loader_read(Machine *m, const Obj *slots) {
    const Unit *u = m->unit;
    m->owner = slots[LOADER_OWNER];
    m->constants = (Stream){u->constants + fix_of_obj(slots[LOADER_AT]), u->constants_end, slots[LOADER_OBJECTS], (uint64_t)fix_of_obj(slots[LOADER_COUNT])};
    m->debug = (Stream){u->debug + fix_of_obj(slots[LOADER_DEBUG_AT]), u->debug_end, slots[LOADER_DEBUG_OBJECTS], (uint64_t)fix_of_obj(slots[LOADER_DEBUG_COUNT])};
    m->s = &m->constants;
    m->unit->depth = 0;
}

static void loader_write(const Machine *m, Obj *slots) {
    const Unit *u = m->unit;
    slots[LOADER_AT] = obj_of_fix(m->constants.p - u->constants); /* NOBARRIER: fixnums */
    slots[LOADER_DEBUG_AT] = obj_of_fix(m->debug.p - u->debug);
    slots[LOADER_COUNT] = obj_of_fix((int64_t)m->constants.count);
    slots[LOADER_DEBUG_COUNT] = obj_of_fix((int64_t)m->debug.count);
}

/* The unit lives on; what was needed to load it does not. */
static void stack_free(Unit *u) {
    free(u->stack);
    u->stack = NULL;
    u->room = 0;
}

bool unit_next(Thread *t, Obj loader, Obj value, Obj *function, Obj *arguments) {
    Obj *slots = obj_slots(loader);
    Machine m = {.t = t, .unit = (Unit *)(uintptr_t)fix_of_obj(slots[LOADER_UNIT]), .value = value};
    loader_read(&m, slots);
    bool more = run(&m);
    if (more) {
        uint64_t n = number(&m);
        const Obj *items = m.failed || n >= m.unit->depth ? NULL : pop(&m, n + 1);
        if (items) {
            *arguments = alloc_list(t, (uint32_t)n, items);
            *function = items[n];
        } else m.failed = true;
    }
    if (m.failed || m.unit->depth) signal_malformed(&m);
    if (!more) stack_free(m.unit);
    loader_write(&m, slots);
    return more;
}
