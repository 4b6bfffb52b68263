/* follow.c: where symbols that a program makes (READ, INTERN...) can come to.

   A symbol that is made of characters reaches a definition only if it comes to a place that asks for one: a call of it, SYMBOL-VALUE, FIND-CLASS, :TEST of
   MEMBER... (lisp/dynamic-uses.lisp has the list).  A program that compares and prints what it reads never does that, and then the symbol needs to be
   nothing but a name.

   A flow analysis of the program's code, over all functions at once and without regard to who calls them.  A *mask* says of a value from which sources it may
   come itself, and what is in it.  Masks of registers are kept by instruction; of parameters, values and environments by function (`Body`); of what is
   stored into objects by kind of object; of special variables by symbol.  All grow only, until nothing changes.

       a call by name of a function of the program    arguments to its parameters, its values back
       of a function of the library                   what its rule says; else its value may hold its arguments, and what is stored anywhere.  If it is no leaf it
                                                      may call what the program passes around: arguments *escape*, and what escaped functions return comes back
       any other                                      arguments escape, and so on

   A function escapes if it is a value: a closure, #'F, something that data hold; so does a symbol's function if the whole symbol can be met.  The library's code
   is not looked at: functions of COMMON-LISP without a rule ask for no definition, others without a rule may.

   Two limits.  ERROR and MEMBER as data are taken for types: a program that calls one of them by its symbol, with what it reads, has an error that says so.  Objects of a kind are one, so a program that stores what it reads and also calls functions that it has stored is taken to call what it reads. */
#include "prim/follow.h"

#include "code/code.h"
#include "prim/dynamic.h"
#include "text/text.h"

#include <stdlib.h>

typedef uint64_t Mask; /* sources, a bit each: in the lower half, of the value itself; in the upper half, of what it holds */

enum { PARAMETERS = 16 }; /* that are told apart; the last stands for the rest */
typedef enum Store { STORE_CONS, STORE_VECTOR, STORE_STRUCTURE, STORE_CELL, STORE_OTHER, STORES } Store;

typedef struct Rule {
    Obj symbol;
    unsigned flags;
    uint64_t positions; /* of arguments by which something is looked for */
    int keys;           /* from this one on arguments are keywords and values by which something is looked for; -1: none are */
    char *text;
    bool passed;        /* the function is passed around */
} Rule;

typedef struct Body {
    uint64_t code; /* the code object's word */
    const Instruction *words;
    uint64_t length;
    Obj *constants; /* as they were when symbols were whole */
    uint8_t *sources; /* by instruction: source + 1, or 0; NULL: there is none */
    Mask parameters[PARAMETERS], environment, values;
    Mask *ever; /* by register: all that was ever in it */
    bool escapes, met;
} Body;

/* A symbol in the program's code. */
typedef struct Callee {
    Obj symbol;
    const Rule *rule;
    Body *body;    /* its function, if that is the program's code */
    char *text;
    Mask value;    /* as a variable */
    bool library, standard, leaf, unknown, passed, callable;
} Callee;

typedef struct Use {
    const char *what; /* NULL: none */
    uint64_t code;
} Use;

struct Follow {
    Thread *t;
    Obj mark;
    Rule *rules;
    Body *bodies;
    Callee *callees;
    size_t rule_count, body_count, callee_count;
    Use uses[FOLLOW_SOURCES];
    Mask stored[STORES], escaped, returned, thrown; /* escaped: arguments of unknown functions; returned: their values */
    int source_count;
    bool storing; /* a function that stores its arguments is passed around */
    bool changed;
    Body *now; /* the one that is worked on */
};

/* -- Tables -- */

static int compare_words(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b; /* the first word of all three kinds of entries */
    return (x > y) - (x < y);
}
static void *find_word(uint64_t word, const void *table, size_t count, size_t size) { return bsearch(&word, table, count, size, compare_words); }

static Body *body_of(const Follow *f, Obj function) {
    if (!has_type(function, TYPE_FUNCTION)) return NULL;
    return find_word(obj_slots(function)[FUNCTION_CODE].w, f->bodies, f->body_count, sizeof *f->bodies);
}
static Callee *callee_of(const Follow *f, Obj symbol) { return find_word(symbol.w, f->callees, f->callee_count, sizeof *f->callees); }
static const Rule *rule_of(const Follow *f, Obj symbol) { return find_word(symbol.w, f->rules, f->rule_count, sizeof *f->rules); }

static void rules_make(Follow *f, Obj list) {
    for (Obj l = list; is_cons(l); l = cdr(l)) f->rule_count++;
    f->rules = calloc(f->rule_count + 1, sizeof *f->rules);
    must(f->rules);
    for (size_t i = 0; is_cons(list); list = cdr(list)) {
        const Obj *v = obj_slots(car(list));
        f->rules[i++] = (Rule){v[0], (unsigned)fix_of_obj(v[1]), (uint64_t)fix_of_obj(v[2]), (int)fix_of_obj(v[3]), utf8_of_string(symbol_slots(v[0])[SYMBOL_NAME], NULL), false};
    }
    qsort(f->rules, f->rule_count, sizeof *f->rules, compare_words);
}

/* Once to count, once to note. */
static void body_note(void *data, Obj *words, size_t bytes) {
    Follow *f = data;
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_FUNCTION || !has_type(words[1 + FUNCTION_CODE], TYPE_CODE)) return;
    Obj code = words[1 + FUNCTION_CODE], constants = words[1 + FUNCTION_CONSTANTS];
    if (address_of(constants) < address_of(f->mark)) return;
    if (f->bodies) {
        Body *b = &f->bodies[f->body_count];
        *b = (Body){.code = code.w, .words = obj_raw(code), .length = obj_length(code), .constants = obj_slots(constants)};
    }
    f->body_count++;
}

/* Closures of the same code are one; their constants are copied, since the shake changes them. */
static void bodies_settle(Follow *f) {
    size_t kept = 0;
    qsort(f->bodies, f->body_count, sizeof *f->bodies, compare_words);
    for (size_t i = 0; i < f->body_count; i++)
        if (!kept || f->bodies[kept - 1].code != f->bodies[i].code) f->bodies[kept++] = f->bodies[i];
    f->body_count = kept;
    for (size_t i = 0; i < kept; i++) {
        Body *b = &f->bodies[i];
        uint64_t count = (b->constants[-1].w >> 16) + 1; /* the header is before the first */
        Obj *copy = malloc(count * sizeof *copy);
        b->ever = calloc(instruction_a(b->words[0]) + 1, sizeof *b->ever);
        must(copy && b->ever);
        memcpy(copy, b->constants - 1, count * sizeof *copy);
        b->constants = copy + 1;
    }
}

static uint64_t constant_count(const Body *b) { return header_length(b->constants[-1]); }

/* Once to count, once to note. */
static void callees_note(Follow *f) {
    f->callee_count = 0;
    for (size_t i = 0; i < f->body_count; i++)
        for (uint64_t k = 1; k < constant_count(&f->bodies[i]); k++) {
            if (!has_type(f->bodies[i].constants[k], TYPE_SYMBOL)) continue;
            if (f->callees) f->callees[f->callee_count].symbol = f->bodies[i].constants[k];
            f->callee_count++;
        }
}

static bool is_library_symbol(const Follow *f, Obj symbol) { return address_of(symbol) < address_of(f->mark); }

static void callee_settle(const Follow *f, Callee *c) {
    const Obj *slots = symbol_slots(c->symbol);
    Obj function = slots[SYMBOL_FUNCTION];
    c->rule = rule_of(f, c->symbol);
    c->text = utf8_of_string(slots[SYMBOL_NAME], NULL);
    c->library = is_library_symbol(f, c->symbol);
    c->standard = eq(slots[SYMBOL_PACKAGE], f->t->world->package_cl);
    c->leaf = has_type(function, TYPE_FUNCTION) && is_builtin(obj_slots(function)[FUNCTION_CODE]);
    c->callable = is_function(function) || is_removed(function);
    c->body = body_of(f, function);
    c->unknown = !c->body && (!c->library || has_type(function, TYPE_FUNCALLABLE));
}

static void callees_make(Follow *f) {
    size_t kept = 0;
    callees_note(f);
    f->callees = calloc(f->callee_count + 1, sizeof *f->callees);
    must(f->callees);
    callees_note(f);
    qsort(f->callees, f->callee_count, sizeof *f->callees, compare_words);
    for (size_t i = 0; i < f->callee_count; i++)
        if (!kept || !eq(f->callees[kept - 1].symbol, f->callees[i].symbol)) f->callees[kept++] = f->callees[i];
    f->callee_count = kept;
    for (size_t i = 0; i < kept; i++) callee_settle(f, &f->callees[i]);
}

/* A function that something other than a symbol's function cell refers to escapes. */
static void escapes_note(void *data, Obj *words, size_t bytes) {
    const Follow *f = data;
    bool cons = !is_header(words[0]);
    (void)bytes;
    if (!cons && shapes[header_type(words[0])].layout == LAYOUT_RAW) return;
    uint64_t end = cons ? 2 : 1 + header_length(words[0]);
    for (uint64_t i = cons ? 0 : 1; i < end; i++) {
        if (!cons && header_type(words[0]) == TYPE_SYMBOL && i == 1 + SYMBOL_FUNCTION) continue;
        Body *b = body_of(f, words[i]);
        if (b) b->escapes = true;
    }
}

Follow *follow_survey(Thread *t, Obj mark, Obj rules) {
    Follow *f = calloc(1, sizeof *f);
    must(f);
    f->t = t;
    f->mark = mark;
    rules_make(f, rules);
    heap_each(t->heap, body_note, f);
    f->bodies = calloc(f->body_count + 1, sizeof *f->bodies);
    must(f->bodies);
    f->body_count = 0;
    heap_each(t->heap, body_note, f);
    bodies_settle(f);
    callees_make(f);
    heap_each(t->heap, escapes_note, f);
    return f;
}

int follow_source(Follow *f, Obj callee, Obj code, uint64_t at) {
    Body *b = find_word(code.w, f->bodies, f->body_count, sizeof *f->bodies);
    const Rule *rule = rule_of(f, callee);
    if (!b || !rule || !(rule->flags & RULE_SOURCE)) return -1;
    int source = f->source_count < FOLLOW_SOURCES ? f->source_count++ : FOLLOW_SOURCES - 1;
    if (!b->sources) b->sources = calloc(b->length, 1);
    must(b->sources);
    b->sources[at] = (uint8_t)(source + 1);
    return source;
}

/* -- Masks -- */

static void grow(Follow *f, Mask *mask, Mask more) {
    if (!(more & ~*mask)) return;
    *mask |= more;
    f->changed = true;
}

static Mask itself(Mask mask) { return mask & UINT32_MAX; }
static Mask inside(Mask mask) { return mask >> 32; }
/* Of an object that holds such a value. */
static Mask holding(Mask mask) { return (mask | mask >> 32) << 32; }
/* Of something in such an object, which may be an object too. */
static Mask held(Mask mask) { return inside(mask) | (inside(mask) << 32); }
/* Of something that is one, or in one. */
static Mask any_of(Mask mask) { return (itself(mask) | inside(mask)) | holding(mask); }

/* What unknown code can find stored; cells are closures' own affair. */
static Mask stored(const Follow *f) {
    Mask all = 0;
    for (int i = 0; i < STORES; i++)
        if (i != STORE_CELL) all |= f->stored[i];
    return all;
}

/* Such a value comes to what asks for a definition by it. */
static void use_note(Follow *f, Mask mask, const char *what) {
    for (unsigned i = 0; mask && i < FOLLOW_SOURCES; i++)
        if (itself(mask) >> i & 1 && !f->uses[i].what) f->uses[i] = (Use){what, f->now ? f->now->code : 0};
}

/* An unknown function gets arguments like that: the mask of its value. */
static Mask escape(Follow *f, Mask arguments) {
    Mask all = any_of(arguments | stored(f));
    grow(f, &f->escaped, all);
    if (f->storing) grow(f, &f->stored[STORE_OTHER], all);
    return all | f->returned;
}

/* -- One function -- */

/* What is known before an instruction. */
typedef struct State {
    Mask values; /* of values behind the first */
    Mask registers[];
} State;

typedef struct Pass {
    Follow *f;
    Body *body;
    uint64_t at;
    unsigned frame;
    uint32_t *slots; /* by instruction: its kept state + 1, if control comes to it from elsewhere */
    uint8_t *exits;  /* by instruction: an exit leads there */
    char *states;
    uint64_t *seen;
    State *now;
    bool again;
} Pass;

static size_t state_bytes(const Pass *p) { return sizeof(State) + p->frame * sizeof(Mask); }
static State *state_at(const Pass *p, uint32_t slot) { return (State *)(void *)(p->states + (slot - 1) * state_bytes(p)); }

static void join(Pass *p, int64_t target) {
    uint32_t slot = p->slots[target];
    State *s = state_at(p, slot);
    bool more = !p->seen[slot];
    p->seen[slot] = 1;
    more |= (p->now->values & ~s->values) != 0;
    s->values |= p->now->values;
    for (unsigned r = 0; r < p->frame; r++) {
        more |= (p->now->registers[r] & ~s->registers[r]) != 0;
        s->registers[r] |= p->now->registers[r];
    }
    if (more && (uint64_t)target <= p->at) p->again = true;
}

static void set(Pass *p, unsigned r, Mask mask) {
    p->now->registers[r] = mask;
    grow(p->f, &p->body->ever[r], mask);
}
static void set_run(Pass *p, unsigned first, uint64_t count, Mask mask) {
    for (uint64_t r = first; r < first + count && r < p->frame; r++) set(p, (unsigned)r, mask);
}
static Mask get(const Pass *p, unsigned r) { return p->now->registers[r]; }
static Mask get_run(const Pass *p, unsigned first, uint64_t count) {
    Mask all = 0;
    for (uint64_t r = first; r < first + count && r < p->frame; r++) all |= get(p, (unsigned)r);
    return all;
}

/* -- Calls -- */

static void pass_arguments(const Pass *p, Body *to, unsigned first, unsigned count) {
    for (unsigned i = 0; i < count; i++) grow(p->f, &to->parameters[i < PARAMETERS ? i : PARAMETERS - 1], get(p, first + i));
}

/* The parameters from number i on. */
static Mask parameters_from(const Body *b, unsigned i) {
    Mask all = 0;
    for (i = i < PARAMETERS ? i : PARAMETERS - 1; i < PARAMETERS; i++) all |= b->parameters[i];
    return all;
}

/* Is the argument before that one a keyword whose value is only data? */
static bool is_data_keyword(const Pass *p, unsigned r) {
    int64_t i = dynamic_writer(p->body->words, p->body->length, p->at, r);
    if (i < 0 || instruction_op(p->body->words[i]) != OP_CONST) return false;
    const Rule *rule = rule_of(p->f, p->body->constants[instruction_d(p->body->words[i])]);
    return rule && rule->flags & RULE_KEYWORD;
}

/* By what of its argument number i, in register r, does the function look for something? */
static bool looks_by(const Pass *p, const Callee *c, unsigned i, unsigned r) {
    if (!c->rule) return !c->standard;
    if (i < 60 && c->rule->positions >> i & 1) return true;
    if (c->rule->keys < 0 || i < (unsigned)c->rule->keys) return false;
    return (i - (unsigned)c->rule->keys) % 2 == 0 || !is_data_keyword(p, r - 1);
}

static Mask call_library(Pass *p, const Callee *c, unsigned first, unsigned count) {
    Follow *f = p->f;
    unsigned flags = c->rule ? c->rule->flags : c->standard ? 0 : RULE_INSIDE;
    Mask all = get_run(p, first, count), result = any_of(stored(f));
    for (unsigned i = 0; i < count; i++) {
        Mask mask = get(p, first + i);
        if (!(flags & (i ? RULE_SECOND_ITEM : RULE_ITEM)) || i > 1) result |= any_of(mask);
        if (mask && looks_by(p, c, i, first + i)) use_note(f, flags & RULE_INSIDE ? any_of(mask) : mask, c->text);
    }
    if (flags & RULE_STORES) grow(f, &f->stored[STORE_OTHER], any_of(all));
    if (!c->leaf) {
        escape(f, all);
        result |= f->returned;
    }
    return flags & RULE_CLEAN ? 0 : flags & RULE_OBJECT ? holding(result) : result;
}

static Mask call_named(Pass *p, Obj symbol, unsigned first, unsigned count) {
    Callee *c = callee_of(p->f, symbol);
    if (!c) return escape(p->f, get_run(p, first, count));
    if (c->body) {
        pass_arguments(p, c->body, first, count);
        return c->body->values;
    }
    if (!c->unknown) return call_library(p, c, first, count);
    grow(p->f, &p->f->stored[STORE_OTHER], any_of(get_run(p, first, count))); /* it may be a writer */
    return escape(p->f, get_run(p, first, count));
}

/* A call of what is in a register. */
static Mask call_register(Pass *p, unsigned callee, Mask arguments, const char *what) {
    use_note(p->f, get(p, callee), what);
    return escape(p->f, arguments);
}

/* The value of a call, or of another instruction that makes symbols. */
static Mask with_source(const Pass *p, Mask mask) {
    unsigned source = p->body->sources ? p->body->sources[p->at] : 0;
    return source ? mask | any_of((Mask)1 << (source - 1)) : mask;
}

static void step_call(Pass *p, Instruction i) {
    unsigned a = instruction_a(i), b = instruction_b(i), c = instruction_c(i);
    Opcode op = instruction_op(i);
    Mask result = 0;
    switch (op) {
    case OP_CALL: case OP_TAIL_CALL: result = call_named(p, p->body->constants[b], a + 3, c); break;
    case OP_CALL_REG: case OP_TAIL_CALL_REG: result = call_register(p, b, get_run(p, a + 3, c), "FUNCALL"); break;
    case OP_APPLY: case OP_TAIL_APPLY: result = call_register(p, b, get_run(p, a + 3, c), "APPLY"); break;
    case OP_CALL_VALUES: result = call_register(p, b, get(p, a) | p->now->values, "MULTIPLE-VALUE-CALL"); break;
    default:
        pass_arguments(p, p->body, a + 3, c);
        result = p->body->values;
        break;
    }
    result = with_source(p, result);
    p->now->values = result;
    set_run(p, a, p->frame - a, 0);
    set(p, a, result);
    if (op == OP_TAIL_CALL || op == OP_TAIL_CALL_REG || op == OP_TAIL_SELF || op == OP_TAIL_APPLY) grow(p->f, &p->body->values, result);
}

/* -- Other instructions -- */

static void step_closures(Pass *p, Instruction i) {
    unsigned a = instruction_a(i);
    Obj k = p->body->constants[instruction_b(i)];
    bool one = has_type(k, TYPE_FUNCTION);
    uint64_t n = one ? 1 : obj_length(k);
    Mask values = get_run(p, a, instruction_c(i));
    for (uint64_t j = 0; j < n; j++) {
        Body *to = body_of(p->f, one ? k : obj_slots(k)[j]);
        if (to) grow(p->f, &to->environment, values);
    }
    set_run(p, a, n, 0);
}

/* The symbol is a variable that is set. */
static void step_variable(Pass *p, Mask mask, Obj symbol) {
    Callee *c = callee_of(p->f, symbol);
    if (!c) return;
    if (c->library && !(c->rule && c->rule->flags & RULE_VARIABLE)) use_note(p->f, mask, c->text);
    grow(p->f, &c->value, mask);
}

static void step_load(Pass *p, Instruction i, Store store) { set(p, instruction_a(i), held(get(p, instruction_b(i))) | p->f->stored[store]); }
static void step_store(Pass *p, Store store, unsigned r) { grow(p->f, &p->f->stored[store], get(p, r)); }

/* Instructions that move values without a call; false: it is none of them. */
static bool step_move(Pass *p, Instruction i) {
    unsigned a = instruction_a(i), b = instruction_b(i), c = instruction_c(i);
    Callee *variable;
    switch (instruction_op(i)) {
    case OP_MOVE: case OP_CELL: set(p, a, get(p, b)); return true;
    case OP_CONST: case OP_FUNCTION_REF: set(p, a, 0); return true;
    case OP_ENV: set(p, a, p->body->environment); return true;
    case OP_ENV_CELL_REF: set(p, a, p->body->environment | p->f->stored[STORE_CELL]); return true;
    case OP_ENV_CELL_SET: step_store(p, STORE_CELL, a); return true;
    case OP_CELL_REF: set(p, a, get(p, b) | p->f->stored[STORE_CELL]); return true; /* a cell is what it holds */
    case OP_CELL_SET: step_store(p, STORE_CELL, b); return true;
    case OP_SYMBOL_REF:
        variable = callee_of(p->f, p->body->constants[b]);
        set(p, a, variable ? variable->value : 0);
        return true;
    case OP_SYMBOL_SET: case OP_BIND: step_variable(p, get(p, a), p->body->constants[b]); return true;
    case OP_BIND_LISTS: use_note(p->f, any_of(get(p, a)), "PROGV"); set(p, a, 0); return true;
    case OP_CAR: case OP_CDR: case OP_CADR: case OP_CDDR: step_load(p, i, STORE_CONS); return true;
    case OP_SVREF: case OP_AREF: step_load(p, i, STORE_VECTOR); return true;
    case OP_STRUCTURE_REF: step_load(p, i, STORE_STRUCTURE); return true;
    case OP_SET_CAR: case OP_SET_CDR: step_store(p, STORE_CONS, b); return true;
    case OP_SVSET: case OP_ASET: step_store(p, STORE_VECTOR, c); return true;
    case OP_STRUCTURE_SET: step_store(p, STORE_STRUCTURE, b); return true;
    case OP_CONS: set(p, a, holding(get(p, b) | get(p, c))); return true;
    case OP_LIST: set(p, a, holding(get_run(p, a, b))); return true;
    case OP_LIST_STAR: set(p, a, b == 1 ? get(p, a) : holding(get_run(p, a, b))); return true;
    default: return false;
    }
}

/* Instructions about several values and exits; false: it is none of them. */
static bool step_values(Pass *p, Instruction i) {
    unsigned a = instruction_a(i), b = instruction_b(i);
    State *now = p->now;
    Follow *f = p->f;
    Mask rest;
    switch (instruction_op(i)) {
    case OP_REST: case OP_KEYS:
        rest = parameters_from(p->body, instruction_c(p->body->words[0]));
        if (instruction_op(i) == OP_REST) set(p, a, holding(rest));
        else set_run(p, a, obj_length(p->body->constants[b]) - 1, rest);
        return true;
    case OP_RETURN: grow(f, &p->body->values, get(p, a)); return true;
    case OP_RETURN_VALUES: grow(f, &p->body->values, get(p, a) | now->values); return true;
    case OP_RETURN_MANY: grow(f, &p->body->values, get_run(p, a, b)); return true;
    case OP_ONE_VALUE: now->values = 0; return true;
    case OP_SET_VALUES: now->values = get_run(p, a, b); return true;
    case OP_SET_VALUES_LIST:
        now->values = held(get(p, b)) | f->stored[STORE_CONS];
        set(p, a, now->values);
        return true;
    case OP_GET_VALUES: set_run(p, a, b ? b : 1, get(p, a) | now->values); return true;
    case OP_VALUES_LIST: set(p, a, holding(get(p, a) | now->values)); return true;
    case OP_SAVE_VALUES: set(p, a + 1, now->values); return true;
    case OP_RESTORE_VALUES: now->values = get(p, a + 1); return true;
    case OP_EXIT: case OP_THROW: grow(f, &f->thrown, get(p, b) | now->values); return true;
    default: return false;
    }
}

static bool is_mark(Opcode op) { return op == OP_MARK_BLOCK || op == OP_MARK_CATCH || op == OP_MARK_CLEANUP; }

/* Is what such a predicate is true of neither a symbol that was made nor something that can hold one? */
static bool excludes_symbols(unsigned predicate) {
    static const uint64_t plain = 1ull << PRED_NULL | 1ull << PRED_FIXNUM | 1ull << PRED_INTEGER | 1ull << PRED_RATIONAL | 1ull << PRED_SINGLE | 1ull << PRED_DOUBLE |
                                  1ull << PRED_FLOAT | 1ull << PRED_REAL | 1ull << PRED_NUMBER | 1ull << PRED_COMPLEX | 1ull << PRED_CHARACTER | 1ull << PRED_STRING |
                                  1ull << PRED_SIMPLE_STRING | 1ull << PRED_BIT_VECTOR | 1ull << PRED_SIMPLE_BIT_VECTOR | 1ull << PRED_FUNCTION | 1ull << PRED_PACKAGE;
    return predicate < 64 && plain >> predicate & 1;
}

/* Jumps; of what a predicate tells, on which way the register holds no symbol. */
static void step_jump(Pass *p, Instruction i) {
    Opcode op = instruction_op(i);
    const char *letters = opcodes[op].operands;
    int64_t next = (int64_t)p->at + 1;
    unsigned a = instruction_a(i);
    bool test = (op == OP_JUMP_IF || op == OP_JUMP_UNLESS) && excludes_symbols(instruction_n(i));
    Mask before = letters[1] == 's' ? get(p, a) : 0;
    if ((test && op == OP_JUMP_IF) || op == OP_JUMP_NIL) p->now->registers[a] = 0;
    if (letters[3] == 'j') join(p, next + instruction_sc(i));
    if (letters[2] == 'J') join(p, next + instruction_d(i));
    if (op == OP_JUMP_TABLE)
        for (unsigned k = 0; k <= instruction_b(i); k++) join(p, next + k);
    if (letters[1] == 's') p->now->registers[a] = test && op == OP_JUMP_UNLESS ? 0 : before;
}

static void step(Pass *p, Instruction i) {
    Opcode op = instruction_op(i);
    switch (op) {
    case OP_CALL: case OP_CALL_REG: case OP_CALL_SELF: case OP_CALL_VALUES: case OP_APPLY: case OP_TAIL_CALL: case OP_TAIL_CALL_REG: case OP_TAIL_SELF: case OP_TAIL_APPLY:
        step_call(p, i);
        return;
    case OP_CLOSURE: case OP_CLOSUREREC: case OP_CLOSUREDYN: case OP_CLOSURERECDYN: step_closures(p, i); return;
    default: break;
    }
    if (op == OP_FUNCTION_REF || op == OP_CONST) grow(p->f, &p->f->returned, with_source(p, 0)); /* #'READ is passed on */
    if (!step_move(p, i) && !step_values(p, i) && (opcodes[op].operands[1] == 'd' || opcodes[op].operands[1] == 'u') && !is_mark(op)) set(p, instruction_a(i), 0);
    step_jump(p, i);
}

/* Numbers the places that control comes to from elsewhere; how many there are. */
static uint32_t number_targets(Pass *p) {
    const Body *b = p->body;
    uint32_t n = 0;
    for (uint64_t at = 1; at < b->length; at++) {
        Instruction i = b->words[at];
        int64_t from, to;
        if (!instruction_jumps(i, at, &from, &to)) continue;
        for (int64_t target = from; target <= to; target++)
            if (!p->slots[target]) p->slots[target] = ++n;
        if (is_mark(instruction_op(i))) p->exits[from] = 1;
    }
    return n;
}

/* An exit arrives: registers may hold whatever they ever held. */
static void arrive(Pass *p) {
    for (unsigned r = 0; r < p->frame; r++) p->now->registers[r] = p->body->ever[r] | p->f->thrown;
    p->now->values |= p->f->thrown;
}

/* Once over the code, from what is known. */
static void pass(Pass *p) {
    const Body *b = p->body;
    uint32_t slot;
    bool live = true;
    memset(p->now, 0, state_bytes(p));
    for (unsigned i = 0; i < p->frame && i < instruction_c(b->words[0]); i++) set(p, i, b->parameters[i < PARAMETERS ? i : PARAMETERS - 1]);
    for (p->at = 1; p->at < b->length; p->at++) {
        Instruction i = b->words[p->at];
        if ((slot = p->slots[p->at])) {
            p->at--; /* where the state comes from */
            if (live) join(p, (int64_t)p->at + 1);
            p->at++;
            live = p->seen[slot];
            if (live) memcpy(p->now, state_at(p, slot), state_bytes(p));
            if (live && p->exits[p->at]) arrive(p);
        }
        if (!live) continue;
        step(p, i);
        live = code_falls_through(instruction_op(i));
    }
}

static void body_solve(Follow *f, Body *b) {
    Pass p = {.f = f, .body = b, .frame = instruction_a(b->words[0]) + 1};
    f->now = b;
    if (b->escapes)
        for (unsigned i = 0; i < PARAMETERS; i++) grow(f, &b->parameters[i], f->escaped);
    p.slots = calloc(b->length + 1, sizeof *p.slots);
    p.exits = calloc(b->length + 1, 1);
    must(p.slots && p.exits);
    uint32_t targets = number_targets(&p);
    p.states = calloc(targets + 1, state_bytes(&p));
    p.seen = calloc(targets + 1, sizeof *p.seen);
    p.now = malloc(state_bytes(&p));
    must(p.states && p.seen && p.now);
    do {
        p.again = false;
        pass(&p);
    } while (p.again);
    if (b->escapes) grow(f, &f->returned, b->values);
    free(p.slots);
    free(p.exits);
    free(p.states);
    free(p.seen);
    free(p.now);
}

/* -- The whole -- */

/* The symbol's function is a value, or the symbol is. */
static void pass_around(Follow *f, Obj symbol, bool function) {
    Callee *c = callee_of(f, symbol);
    Rule *rule = find_word(symbol.w, f->rules, f->rule_count, sizeof *f->rules);
    if (rule && rule->flags & RULE_TYPE && !function) return;
    if (c) c->passed = true;
    if (rule) rule->passed = true;
}

typedef struct Data {
    Follow *f;
    Shake *s;
    Obj *wholes; /* of the rules, as the shake has them, and behind each the symbol; sorted */
} Data;

/* Data of the program that hold a symbol pass its function around. */
static void data_note(void *data, Obj *words, size_t bytes) {
    const Data *d = data;
    bool cons = !is_header(words[0]);
    (void)bytes;
    if (!cons && shapes[header_type(words[0])].layout == LAYOUT_RAW) return;
    Obj x = cons ? cons_of_address(words) : obj_of_address(words);
    if (address_of(x) < address_of(d->f->mark) || !dynamic_users_data(d->s, d->f->mark, x) || !shake_met(d->s, x)) return;
    uint64_t end = cons ? 2 : 1 + header_length(words[0]);
    for (uint64_t i = cons ? 0 : 1; i < end; i++) {
        const Obj *found = find_word(words[i].w, d->wholes, d->f->rule_count, 2 * sizeof(Obj));
        if (found) pass_around(d->f, found[1], false);
    }
}

static void data_notes(Follow *f, Shake *s) {
    Data d = {f, s, calloc(f->rule_count + 1, 2 * sizeof(Obj))};
    must(d.wholes);
    for (size_t i = 0; i < f->rule_count; i++) {
        d.wholes[2 * i] = shake_facet(s, f->rules[i].symbol, FACET_WHOLE);
        d.wholes[2 * i + 1] = f->rules[i].symbol;
    }
    qsort(d.wholes, f->rule_count, 2 * sizeof(Obj), compare_words);
    heap_each(f->t->heap, data_note, &d);
    free(d.wholes);
}

/* What is passed around: #'F or 'F in code that can be met, or a symbol that is data. */
static void passed_note(Follow *f, Shake *s) {
    for (size_t i = 0; i < f->body_count; i++) {
        const Body *b = &f->bodies[i];
        for (uint64_t at = 1; b->met && at < b->length; at++) {
            Opcode op = instruction_op(b->words[at]);
            if (op == OP_FUNCTION_REF) pass_around(f, b->constants[instruction_b(b->words[at])], true);
            else if (op == OP_CONST) pass_around(f, b->constants[instruction_d(b->words[at])], false);
        }
    }
    data_notes(f, s);
    for (size_t i = 0; i < f->callee_count; i++) {
        Callee *c = &f->callees[i];
        c->passed |= !c->library && shake_met(s, shake_facet(s, c->symbol, FACET_WHOLE));
        if (c->body && c->passed) c->body->escapes = true;
        f->storing |= c->passed && c->unknown;
    }
    for (size_t i = 0; i < f->rule_count; i++) f->storing |= f->rules[i].passed && f->rules[i].flags & RULE_STORES;
}

/* Functions of the library that look for something and are passed around may get whatever escapes. */
static void passed_solve(Follow *f) {
    f->now = NULL;
    for (size_t i = 0; i < f->callee_count; i++) {
        const Callee *c = &f->callees[i];
        if (c->passed && c->callable && !c->body && !c->unknown && !c->rule && !c->standard) use_note(f, any_of(f->escaped), c->text);
    }
    for (size_t i = 0; i < f->rule_count; i++)
        if (f->rules[i].passed && (f->rules[i].positions || f->rules[i].keys >= 0)) use_note(f, any_of(f->escaped), f->rules[i].text);
}

void follow_solve(Follow *f, Shake *s) {
    for (size_t i = 0; i < f->body_count; i++) f->bodies[i].met = shake_met(s, (Obj){f->bodies[i].code});
    passed_note(f, s);
    do {
        f->changed = false;
        for (size_t i = 0; i < f->body_count; i++)
            if (f->bodies[i].met) body_solve(f, &f->bodies[i]);
    } while (f->changed);
    passed_solve(f);
}

const char *follow_use(const Follow *f, int source, Obj *code) {
    const Use *use = &f->uses[source];
    *code = use->code ? ((Obj){use->code}) : NIL;
    return use->what;
}

void follow_free(Follow *f) {
    for (size_t i = 0; i < f->body_count; i++) {
        free(f->bodies[i].constants - 1);
        free(f->bodies[i].sources);
        free(f->bodies[i].ever);
    }
    for (size_t i = 0; i < f->callee_count; i++) free(f->callees[i].text);
    for (size_t i = 0; i < f->rule_count; i++) free(f->rules[i].text);
    free(f->rules);
    free(f->bodies);
    free(f->callees);
    free(f);
}
