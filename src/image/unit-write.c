/* unit-write.c: the writer: constants as byte codes, code vectors in a row, debug information apart.

   What is EQ in the file's source is EQ in the loaded unit, over all of its top-level forms: every object but numbers and immediates is remembered with its number.
   Objects that contain themselves are written with NIL in the place and a FIXUP at the end.

   An object that only Lisp can describe (MAKE-LOAD-FORM, a hash table, a swapped array, a class, a structure's layout, a LOAD-TIME-VALUE) stops the writer: everything of
   the call is taken back, Lisp writes the calls that make the object, and then comes again.

   Constants of the compiler: a function without environment is a template.  How many values its closures have is in the instructions that make them.
   The description of a structure type has its layout in slot 1, and the layout the description as its INFO: there NIL is written, since the call
   that gets the description finds or makes the layout.

   Debug information contains what can be read back easily; any other object in it (in a default of a lambda list, say) becomes NIL. */
#include "image/unit-table.h"
#include "run/run.h"
#include "text/text.h"

#include <stdlib.h>

enum { DEPTH_MOST = 10000, DEBUG_DEPTH_MOST = 100, OBJECTS_AT_FIRST = 256, NO_CONTAINER = -1 };
enum { WRITER_STATE, WRITER_OBJECTS, WRITER_DEBUG_OBJECTS, WRITER_LENGTH };

/* An object refers to one that was being written: both by position. */
typedef struct Fixup {
    int64_t container;
    uint64_t slot;
    int64_t value;
} Fixup;

typedef struct State {
    Buffer code, constants, debug;
    ObjectTable objects, debug_objects;
    Fixup *fixups;
    size_t fixup_count, fixup_room;
} State;

typedef struct Writer {
    Thread *t;
    State *state;
    Obj self;
    Buffer *out;
    ObjectTable *table;
    uint64_t slot;          /* of the table's objects in `self` */
    bool debugging;
    uint64_t element_values; /* of the templates in the vector that is being written */
    unsigned depth;
    UnitProblem problem;
    Obj object;
} Writer;

static bool put(Writer *w, Obj x, int64_t container, uint64_t slot);

/* -- Numbers of objects -- */

static void op(Writer *w, UnitOp code) { buffer_byte(w->out, (uint8_t)code); }

static void op_number(Writer *w, UnitOp code, uint64_t n) {
    op(w, code);
    buffer_number(w->out, n);
}

static int64_t find(Writer *w, Obj x) { return numbers_find(w->t, w->table, obj_slots(w->self)[w->slot], x); }
static uint32_t begin(Writer *w, Obj x) { return numbers_push(w->t, w->table, w->self, w->slot, x); }
static void finish(Writer *w, uint32_t position) { w->table->numbers[position] = (int32_t)w->table->next++; }

static bool fail(Writer *w, UnitProblem problem, Obj x) {
    w->problem = problem;
    w->object = x;
    return false;
}

/* Refers to an object that has been written or is being written; *done tells whether it was one. */
static bool put_known(Writer *w, Obj x, int64_t container, uint64_t slot, bool *done) {
    State *s = w->state;
    *done = true;
    if (w->debugging) {
        int64_t i = numbers_find(w->t, &s->objects, obj_slots(w->self)[WRITER_OBJECTS], x);
        if (i != NOT_FOUND && s->objects.numbers[i] != NUMBER_PENDING) {
            op_number(w, UNIT_REF, (uint64_t)s->objects.numbers[i]);
            return true;
        }
    }
    int64_t i = find(w, x);
    *done = i != NOT_FOUND;
    if (!*done) return true;
    if (w->table->numbers[i] != NUMBER_PENDING) {
        op_number(w, w->debugging ? UNIT_DEBUG_REF : UNIT_REF, (uint64_t)w->table->numbers[i]);
        return true;
    }
    op(w, UNIT_FALSE);
    if (w->debugging) return true;
    if (container == NO_CONTAINER) return fail(w, UNIT_NEVER, x);
    if (s->fixup_count == s->fixup_room) {
        s->fixup_room = s->fixup_room ? 2 * s->fixup_room : 16;
        s->fixups = realloc(s->fixups, s->fixup_room * sizeof *s->fixups);
        must(s->fixups != NULL);
    }
    s->fixups[s->fixup_count++] = (Fixup){container, slot, i};
    return true;
}

/* -- Texts -- */

static void put_text(Writer *w, Text s) {
    bool wide = false;
    for (uint64_t i = 0; s.wide && i < s.length && !wide; i++) wide = text_char(s, i) > 127;
    buffer_number(w->out, s.length << 1 | wide);
    if (!s.wide) {
        buffer_put(w->out, s.data, s.length);
        return;
    }
    for (uint64_t i = 0; i < s.length; i++) {
        if (wide) buffer_number(w->out, text_char(s, i));
        else buffer_byte(w->out, (uint8_t)text_char(s, i));
    }
}

/* The package's number in one of the tables, coded as SYMBOL wants it. */
static uint64_t package_number(Writer *w, Obj package) {
    State *s = w->state;
    int64_t i = numbers_find(w->t, &s->objects, obj_slots(w->self)[WRITER_OBJECTS], package);
    if (i != NOT_FOUND) return (uint64_t)s->objects.numbers[i] << 1;
    i = find(w, package);
    if (i == NOT_FOUND) {
        op(w, UNIT_PACKAGE);
        put_text(w, text_of_string(car(obj_slots(package)[PACKAGE_NAMES])));
        i = begin(w, package);
        finish(w, (uint32_t)i);
    }
    return (uint64_t)w->table->numbers[i] << 1 | w->debugging;
}

static bool put_symbol(Writer *w, Obj x) {
    const World *world = w->t->world;
    Obj package = symbol_slots(x)[SYMBOL_PACKAGE], setter = is_nil(package) ? symbol_info(x, SYM(SETF), NIL) : NIL;
    if (!is_nil(setter)) { /* the cell of (SETF name) */
        if (!put(w, cadr(setter), NO_CONTAINER, 0)) return false;
        op(w, UNIT_SETTER);
        finish(w, begin(w, x));
        return true;
    }
    if (is_nil(package)) op(w, UNIT_UNINTERNED);
    else if (eq(package, world->package_keyword)) op(w, UNIT_KEYWORD);
    else if (eq(package, world->package_cl)) op(w, UNIT_CL);
    else if (eq(package, world->package_sys)) op(w, UNIT_SYS);
    else op_number(w, UNIT_SYMBOL, package_number(w, package));
    put_text(w, text_of_string(symbol_slots(x)[SYMBOL_NAME]));
    finish(w, begin(w, x));
    return true;
}

static void put_package(Writer *w, Obj x) {
    uint64_t n = package_number(w, x);
    op_number(w, n & 1 ? UNIT_DEBUG_REF : UNIT_REF, n >> 1);
}

/* -- Objects with parts -- */

/* The conses from x on that are not yet written become one LIST. */
static bool put_list(Writer *w, Obj x) {
    uint32_t first = w->table->count, n = 0;
    Obj tail = x;
    do {
        begin(w, tail);
        n++;
        tail = cdr(tail);
    } while (is_cons(tail) && find(w, tail) == NOT_FOUND);
    tail = x;
    for (uint32_t i = 0; i < n; i++, tail = cdr(tail))
        if (!put(w, car(tail), first + i, 0)) return false;
    if (!is_nil(tail) && !put(w, tail, first + n - 1, 1)) return false;
    op_number(w, is_nil(tail) ? UNIT_LIST : UNIT_LIST_STAR, n);
    for (uint32_t i = 0; i < n; i++) finish(w, first + i);
    return true;
}

static bool is_structure_description(Obj x) {
    if (obj_length(x) < 2 || !has_type(obj_slots(x)[1], TYPE_LAYOUT)) return false;
    return eq(obj_slots(obj_slots(x)[1])[LAYOUT_INFO], x);
}

static bool put_boxed(Writer *w, Obj x) {
    uint32_t position = begin(w, x);
    uint64_t n = obj_length(x);
    bool vector = obj_type(x) == TYPE_SIMPLE_VECTOR, description = vector && is_structure_description(x);
    for (uint64_t i = 0; i < n; i++)
        if (!put(w, description && i == 1 ? NIL : obj_slots(x)[i], position, i)) return false;
    if (vector) {
        op_number(w, UNIT_VECTOR, n);
    } else {
        op_number(w, UNIT_BOXED, obj_type(x));
        buffer_number(w->out, obj_flags(x));
        buffer_number(w->out, n);
    }
    finish(w, position);
    return true;
}

static void put_raw(Writer *w, Obj x) {
    op_number(w, UNIT_RAW, obj_type(x));
    buffer_number(w->out, obj_flags(x));
    buffer_number(w->out, obj_length(x));
    buffer_put(w->out, obj_raw(x), ((obj_length(x) << shapes[obj_type(x)].log2_bits) + 7) / 8);
    finish(w, begin(w, x));
}

/* -- Functions -- */

static bool is_template(const Thread *t, Obj x) { return obj_length(x) == FUNCTION_ENV && has_type(code_word(t, x), TYPE_CODE); }

static void put_places(Writer *w, Obj places) {
    if (!has_type(places, TYPE_U32_VECTOR)) {
        op(w, UNIT_FALSE);
        return;
    }
    const uint32_t *words = obj_raw(places);
    uint64_t n = obj_length(places) / 2;
    op_number(w, UNIT_PLACES, n);
    for (uint64_t i = 0; i < 2 * n; i++) buffer_signed(w->out, (int64_t)words[i] - (i < 2 ? 0 : words[i - 2]));
    finish(w, begin(w, places));
}

/* The record of the template that has just been written. */
static void put_debug(Writer *w, Obj debug) {
    Writer d = {.t = w->t, .state = w->state, .self = w->self, .out = &w->state->debug, .table = &w->state->debug_objects,
                .slot = WRITER_DEBUG_OBJECTS, .debugging = true, .depth = DEPTH_MOST - DEBUG_DEPTH_MOST};
    bool known = has_type(debug, TYPE_SIMPLE_VECTOR);
    for (uint64_t i = 0; i < DEBUG_LENGTH; i++) {
        Obj x = known ? debug_part(debug, (unsigned)i) : NIL;
        if (i == DEBUG_PLACES) put_places(&d, x);
        else put(&d, x, NO_CONTAINER, 0);
    }
    op(&d, UNIT_DEBUG);
}

/* How many values the closures have that the code makes of its constant k: a template or a vector of templates. */
static uint64_t closure_values(Obj code, Obj constants, uint64_t k) {
    const Instruction *i = obj_raw(code), *end = i + obj_length(code);
    for (; i < end; i++) {
        if (instruction_b(*i) != k) continue;
        if (instruction_op(*i) == OP_CLOSURE) return instruction_c(*i);
        if (instruction_op(*i) == OP_CLOSUREREC) return instruction_c(*i) + obj_length(obj_slots(constants)[k]);
    }
    return 0;
}

/* Templates may refer to themselves (recursion without captured values): the FIXUP of a function is of its constants. */
static bool put_template(Writer *w, Obj x) {
    Obj code = obj_slots(x)[FUNCTION_CODE], constants = obj_slots(x)[FUNCTION_CONSTANTS];
    uint64_t n = obj_length(constants), values = w->element_values;
    uint32_t position = begin(w, x);
    for (uint64_t k = 1; k < n; k++) {
        Obj item = obj_slots(constants)[k];
        bool nested = has_type(item, TYPE_FUNCTION) || has_type(item, TYPE_SIMPLE_VECTOR);
        w->element_values = nested ? closure_values(code, constants, k) : 0;
        if (!put(w, item, position, k)) return false;
    }
    w->element_values = values;
    Buffer *b = &w->state->code;
    op_number(w, UNIT_TEMPLATE, b->n);
    buffer_number(w->out, values);
    buffer_number(w->out, n);
    size_t size = header_bytes(obj_header(code)), used = 8 + 8 * obj_length(code);
    buffer_put(b, obj_words(code), used);
    buffer_put(b, "\0\0\0\0\0\0\0\0", size - used);
    finish(w, position);
    put_debug(w, obj_slots(constants)[0]);
    return true;
}

/* -- Any object -- */

static bool put_object(Writer *w, Obj x) {
    if (is_handle(x)) return fail(w, UNIT_MAKE, x);
    Type type = obj_type(x);
    switch (type) {
    case TYPE_SYMBOL: return put_symbol(w, x);
    case TYPE_BASE_STRING: case TYPE_STRING:
        op(w, type == TYPE_STRING ? UNIT_STRING : UNIT_BASE_STRING);
        put_text(w, text_of_string(x));
        finish(w, begin(w, x));
        return true;
    case TYPE_PACKAGE: put_package(w, x); return true;
    case TYPE_SIMPLE_VECTOR: case TYPE_RATIO: case TYPE_COMPLEX: case TYPE_ARRAY: case TYPE_PATHNAME: case TYPE_RANDOM_STATE: return put_boxed(w, x);
    case TYPE_FUNCTION: return is_template(w->t, x) ? put_template(w, x) : fail(w, UNIT_MAKE, x);
    case TYPE_CODE: case TYPE_FOREIGN: case TYPE_FILLER: return fail(w, UNIT_NEVER, x);
    default:
        if (shapes[type].layout != LAYOUT_RAW) return fail(w, UNIT_MAKE, x);
        put_raw(w, x);
        return true;
    }
}

/* In debug information: is the object worth writing? */
static bool is_plain(Obj x) {
    if (is_list(x)) return true;
    if (is_handle(x)) return false;
    switch (obj_type(x)) {
    case TYPE_SYMBOL: case TYPE_BASE_STRING: case TYPE_STRING: case TYPE_RATIO: case TYPE_COMPLEX: case TYPE_BIGNUM: case TYPE_DOUBLE: return true;
    default: return false;
    }
}

/* Writes what pushes x; slot `slot` of the object at position `container` is where it will be. */
static bool put(Writer *w, Obj x, int64_t container, uint64_t slot) {
    bool done;
    if (is_nil(x)) op(w, UNIT_FALSE);
    else if (eq(x, T_)) op(w, UNIT_TRUE);
    else if (is_fix(x)) {
        op(w, UNIT_FIX);
        buffer_signed(w->out, fix_of_obj(x));
    } else if (is_imm(x) && !is_handle(x)) {
        op(w, UNIT_WORD);
        buffer_put(w->out, &x, 8);
    } else {
        if (w->debugging && (!is_plain(x) || w->depth >= DEPTH_MOST)) {
            op(w, UNIT_FALSE);
            return true;
        }
        if (!put_known(w, x, container, slot, &done) || done) return !w->problem;
        if (w->depth >= DEPTH_MOST) return fail(w, UNIT_DEEP, x);
        w->depth++;
        bool fine = is_cons(x) ? put_list(w, x) : put_object(w, x);
        w->depth--;
        return fine;
    }
    return true;
}

/* -- The door -- */

static void state_clear(State *s) {
    free(s->code.p);
    free(s->constants.p);
    free(s->debug.p);
    numbers_free(&s->objects);
    numbers_free(&s->debug_objects);
    free(s->fixups);
    *s = (State){0};
}

static void state_free(void *data) {
    state_clear(data);
    free(data);
}

Obj unit_writer_make(Thread *t) {
    Obj writer = alloc_boxed(t, TYPE_SIMPLE_VECTOR, WRITER_LENGTH, NIL);
    init_field(writer, WRITER_OBJECTS, alloc_boxed(t, TYPE_SIMPLE_VECTOR, OBJECTS_AT_FIRST, NIL));
    init_field(writer, WRITER_DEBUG_OBJECTS, alloc_boxed(t, TYPE_SIMPLE_VECTOR, OBJECTS_AT_FIRST, NIL));
    State *s = calloc(1, sizeof *s);
    must(s != NULL);
    init_field(writer, WRITER_STATE, obj_of_fix((int64_t)(uintptr_t)s));
    foreign_add(t, writer, s, sizeof *s, state_free);
    return writer;
}

/* A writer in the state that the last complete call left. */
static Writer writer_begin(Thread *t, Obj writer) {
    State *s = (State *)(uintptr_t)fix_of_obj(obj_slots(writer)[WRITER_STATE]);
    s->code.n = s->code.kept;
    s->constants.n = s->constants.kept;
    s->debug.n = s->debug.kept;
    numbers_forget(&s->objects);
    numbers_forget(&s->debug_objects);
    s->fixup_count = 0;
    return (Writer){.t = t, .state = s, .self = writer, .out = &s->constants, .table = &s->objects, .slot = WRITER_OBJECTS, .object = UNBOUND};
}

static void writer_keep(State *s) {
    s->code.kept = s->code.n;
    s->constants.kept = s->constants.n;
    s->debug.kept = s->debug.n;
    numbers_keep(&s->objects);
    numbers_keep(&s->debug_objects);
}

UnitProblem unit_write_call(Thread *t, Obj writer, Obj function, Obj arguments, Obj *object) {
    Writer w = writer_begin(t, writer);
    uint64_t n = 0;
    for (Obj x = arguments; is_cons(x) && !w.problem; x = cdr(x), n++) put(&w, car(x), NO_CONTAINER, 0);
    if (!w.problem) put(&w, function, NO_CONTAINER, 0);
    *object = w.object;
    if (w.problem) return w.problem;
    const State *s = w.state;
    for (size_t i = 0; i < s->fixup_count; i++) {
        op_number(&w, UNIT_FIXUP, (uint64_t)s->objects.numbers[s->fixups[i].container]);
        buffer_number(w.out, s->fixups[i].slot);
        buffer_number(w.out, (uint64_t)s->objects.numbers[s->fixups[i].value]);
    }
    op_number(&w, UNIT_CALL, n);
    writer_keep(w.state);
    return UNIT_FINE;
}

void unit_write_value(Thread *t, Obj writer, Obj object) {
    Writer w = writer_begin(t, writer);
    op(&w, has_type(object, TYPE_CELL) ? UNIT_CELL : UNIT_VALUE);
    finish(&w, begin(&w, object));
    writer_keep(w.state);
}

/* -- The file -- */

static UnitHeader header_of(const State *s, bool debug) {
    UnitHeader h = {.version = UNIT_VERSION, .flags = debug ? UNIT_HAS_DEBUG : 0, .interface = unit_interface()};
    memcpy(h.magic, UNIT_MAGIC, sizeof h.magic);
    h.code_bytes = s->code.n;
    h.constants_bytes = s->constants.n;
    h.debug_bytes = debug ? s->debug.n : 0;
    h.objects = s->objects.next;
    h.debug_objects = debug ? s->debug_objects.next : 0;
    h.size = UNIT_HEADER + h.code_bytes + h.constants_bytes + h.debug_bytes;
    return h;
}

/* The sections in one buffer, behind room for the header, and the header with its checksum. */
static void file_lay_out(const State *s, bool debug, Buffer *file) {
    UnitHeader h = header_of(s, debug);
    buffer_put(file, &h, sizeof h);
    buffer_put(file, s->code.p, s->code.n);
    buffer_put(file, s->constants.p, s->constants.n);
    buffer_put(file, s->debug.p, h.debug_bytes);
    h.checksum = unit_checksum(file->p + UNIT_HEADER, file->n - UNIT_HEADER, unit_checksum(&h, sizeof h, 0));
    memcpy(file->p, &h, sizeof h);
}

int unit_write_file(Thread *t, Obj writer, const char *path, bool debug) {
    Writer w = writer_begin(t, writer);
    op(&w, UNIT_END);
    Buffer file = {0};
    file_lay_out(w.state, debug, &file);
    state_clear(w.state); /* now, and not when the collector finds that the writer is gone */
    NewFile new;
    int error = newfile_open(&new, path, 0666);
    if (!error) error = newfile_close(&new, newfile_write(&new, file.p, file.n));
    free(file.p);
    return error;
}
