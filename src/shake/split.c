/* split.c: symbols in parts.

   A symbol is one object for three uses: a name, a function, a variable; whoever mentions it for one of them would keep what belongs to the
   others.  And the symbols that C names lie in the static page, where no collection looks for the dead.  So for the time of a shake a symbol S is several
   objects:

       S              the whole: holds the parts.  For a static symbol, a copy in the heap
       S name         an identity, to be compared and looked up; holds the text
       S text         its name and home package, to be printed
       S function     what the function cell held
       S call         holds the function: the program itself calls it
       S value        what the value cell held
       S set          holds the value: somebody can change it
       S soft         holds nothing: somebody would call the function if it were there

   and what refers to S refers to what it uses.  Ordinary data refers to the whole, since anything may be done with it.  Code tells by its
   instructions: a CALL's constant is the function (or, of the functions of ShakeOptions.soft in the library, soft), a variable's the value, what is compared only is the name.  A constant of a function of the
   library is a name too: the library never calls a function by a name that it holds as a constant (tests/world/deliver.sh), and its functions are those
   older than a mark, since neither allocation nor the collector ever reorders (law 3).

   The property lists stay with the whole; whoever hands in the links breaks them (`shake_each_symbol`).

   When the collection is over, a symbol of which any part is left is made whole again: at its fixed address, or where the whole lies, or anew.  A
   symbol without text is one that is called or bound and otherwise never seen: it needs no name, unless an error may tell that it has no function or value.

   Limit: SYMBOL-VALUE and BOUNDP of a name computed by the library itself, in a list constant, count as data. */
#include "shake/split.h"

#include "image/shed.h"
#include "text/text.h"

#include <stdlib.h>

enum { PART_CONTENT, PART_NUMBER, PART_NAME, PART_LENGTH };    /* function, value; NAME: the name's part, or the text's, if it is to stay */
enum { TEXT_NAME = PART_CONTENT, TEXT_PACKAGE = PART_NAME };    /* text */

/* -- Parts -- */

bool shake_is_facet(Obj x, Facet *facet) {
    if (!has_type(x, TYPE_CELL) || !obj_flags(x)) return false;
    *facet = (Facet)obj_flags(x);
    return true;
}

static Obj part_number(Obj x) { return obj_slots(x)[PART_NUMBER]; }

static Obj part_make(Shake *s, Facet facet, Obj content, uint64_t number, Obj name, Obj text) {
    Obj x = alloc_flagged(s->t, TYPE_CELL, facet, PART_LENGTH, content);
    init_field(x, PART_NUMBER, obj_of_fix((int64_t)number));
    bool undefined = facet == FACET_SOFT || ((facet == FACET_FUNCTION || facet == FACET_VALUE) && is_marker(content));
    init_field(x, PART_NAME, s->options.keep_names ? name : s->options.keep_undefined && undefined ? text : NIL);
    return x;
}

static Obj text_make(Shake *s, const Obj *slots, uint64_t number) {
    Obj x = part_make(s, FACET_TEXT, slots[SYMBOL_NAME], number, NIL, NIL);
    init_field(x, TEXT_PACKAGE, slots[SYMBOL_PACKAGE]);
    return x;
}

static void whole_clear(Thread *t, Obj symbol) {
    Obj *slots = obj_slots(symbol);
    set_slot(t, &slots[SYMBOL_VALUE], UNBOUND);
    set_slot(t, &slots[SYMBOL_FUNCTION], UNBOUND);
    for (int i = SYMBOL_NAME; i <= SYMBOL_INFO; i++) set_slot(t, &slots[i], NIL);
}

/* A static symbol keeps a value that costs nothing: C code reads it there. */
static Obj cheap_value(const Shake *s, Obj value) {
    return is_ref(value) && heap_contains(s->t->heap, (const void *)address_of(value)) ? UNBOUND : value;
}

static void symbol_split(Shake *s, uint64_t number, Obj symbol) {
    Thread *t = s->t;
    SymbolParts *parts = &s->symbols[number];
    Obj *slots = obj_slots(symbol), whole = symbol;
    parts->hash = slots[SYMBOL_HASH];
    parts->flags = obj_flags(symbol);
    parts->had_function = is_function(slots[SYMBOL_FUNCTION]);
    parts->had_value = !eq(slots[SYMBOL_VALUE], UNBOUND);
    if (s->options.explain) parts->text = utf8_of_string(slots[SYMBOL_NAME], NULL);
    bool macro = parts->flags & SYMBOL_MACRO;
    parts->macro = macro ? slots[SYMBOL_FUNCTION] : NIL;
    Obj text = text_make(s, slots, number), name = part_make(s, FACET_NAME, text, number, NIL, NIL);
    Obj function = part_make(s, FACET_FUNCTION, macro ? s->options.macro : slots[SYMBOL_FUNCTION], number, name, text);
    Obj value = part_make(s, FACET_VALUE, slots[SYMBOL_VALUE], number, name, text);
    Obj set = part_make(s, FACET_SET, value, number, name, text);
    Obj plist = slots[SYMBOL_PLIST], info = slots[SYMBOL_INFO];
    parts->value = cheap_value(s, slots[SYMBOL_VALUE]);
    Obj call = part_make(s, FACET_CALL, function, number, name, text);
    if (macro) parts->flags &= ~(unsigned)SYMBOL_MACRO;
    if (is_static_symbol(symbol)) whole = alloc_flagged(t, TYPE_SYMBOL, parts->flags, SYMBOL_LENGTH, NIL);
    whole_clear(t, symbol);
    set_slot(t, &obj_slots(whole)[SYMBOL_VALUE], set);
    set_slot(t, &obj_slots(whole)[SYMBOL_FUNCTION], call);
    set_slot(t, &obj_slots(whole)[SYMBOL_NAME], name);
    set_slot(t, &obj_slots(whole)[SYMBOL_PLIST], plist);
    set_slot(t, &obj_slots(whole)[SYMBOL_INFO], info);
    obj_slots(whole)[SYMBOL_HASH] = obj_of_fix((int64_t)number); /* NOBARRIER: immediate */
    parts->at[FACET_WHOLE] = whole;
    parts->at[FACET_NAME] = name;
    parts->at[FACET_TEXT] = text;
    parts->at[FACET_FUNCTION] = function;
    parts->at[FACET_VALUE] = value;
    parts->at[FACET_SET] = set;
    parts->at[FACET_CALL] = call;
    parts->at[FACET_SOFT] = part_make(s, FACET_SOFT, NIL, number, name, text);
}

uint64_t shake_symbols(const Shake *s) { return s->symbol_count; }
Obj shake_part(const Shake *s, uint64_t number, Facet facet) { return s->symbols[number].at[facet]; }

uint64_t shake_gone(const Shake *s, uint64_t number) {
    const SymbolParts *parts = &s->symbols[number];
    if (!parts->word || !is_obj(parts->at[FACET_TEXT])) return parts->word;
    return parts->had_value && !is_obj(parts->at[FACET_VALUE]) ? removed_value_word(parts->word) : 0;
}

uint64_t shake_number(Shake *s, Obj symbol) {
    Facet facet;
    (void)s;
    if (is_static_symbol(symbol)) return static_number(symbol);
    return (uint64_t)fix_of_obj(shake_is_facet(symbol, &facet) ? part_number(symbol) : obj_slots(symbol)[SYMBOL_HASH]);
}

const char *shake_name(const Shake *s, uint64_t number) { return s->symbols[number].text ? s->symbols[number].text : ""; }

Obj shake_facet(Shake *s, Obj symbol, Facet facet) {
    Facet own;
    if (!has_type(symbol, TYPE_SYMBOL) && !shake_is_facet(symbol, &own)) return symbol;
    uint64_t number = shake_number(s, symbol);
    return number ? s->symbols[number].at[facet] : NIL;
}

Obj shake_macro(Shake *s, Obj symbol) { return has_type(symbol, TYPE_SYMBOL) ? s->symbols[shake_number(s, symbol)].macro : NIL; }

bool shake_is_soft(Shake *s, Obj symbol) { return has_type(symbol, TYPE_SYMBOL) && s->symbols[shake_number(s, symbol)].soft; }

Obj shake_identify(Shake *s, Obj tree) {
    for (Obj x = tree; is_cons(x); x = cdr(x)) {
        set_car(s->t, x, shake_identify(s, car(x)));
        if (!is_list(cdr(x))) set_cdr(s->t, x, shake_identify(s, cdr(x)));
    }
    return is_cons(tree) ? tree : shake_facet(s, tree, FACET_NAME);
}

void shake_each_symbol(Shake *s, void (*visit)(Shake *s, Obj whole, void *data), void *data) {
    for (uint64_t i = 1; i < s->symbol_count; i++) visit(s, s->symbols[i].at[FACET_WHOLE], data);
}

/* -- Walking -- */

typedef void (*WordChange)(Shake *s, Obj *word);

typedef struct Walk {
    Shake *s;
    WordChange change;
} Walk;

static void walk_object(void *data, Obj *words, size_t bytes) {
    Walk *walk = data;
    (void)bytes;
    if (!is_header(words[0])) {
        walk->change(walk->s, &words[0]);
        walk->change(walk->s, &words[1]);
        return;
    }
    if (shapes[header_type(words[0])].layout == LAYOUT_RAW) return;
    uint64_t length = header_length(words[0]);
    for (uint64_t i = 1; i <= length; i++) walk->change(walk->s, &words[i]);
}

/* Changes all words of the heap, the static page, the world and the Lisp stack. */
static void walk_all(Shake *s, WordChange change) {
    Thread *t = s->t;
    Walk walk = {s, change};
    heap_each(t->heap, walk_object, &walk);
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++) walk_object(&walk, obj_words(static_symbol(i)), SYMBOL_BYTES);
    for (Obj *p = &t->world->packages; p < &t->world->roots_end; p++) change(s, p);
    for (Obj *p = t->stack; p < t->top; p++) change(s, p);
}

/* -- Code -- */

enum { USE_NAME = 1, USE_FUNCTION = 2, USE_VALUE = 4, USE_SET = 8, USE_WHOLE = 16 };

static unsigned constant_use(Opcode op) {
    switch (op) {
    case OP_CALL:
    case OP_TAIL_CALL:
    case OP_FUNCTION_REF: return USE_FUNCTION;
    case OP_SYMBOL_REF: return USE_VALUE;
    case OP_SYMBOL_SET:
    case OP_BIND: return USE_SET;
    case OP_JUMP_EQK:
    case OP_JUMP_NEK:
    case OP_CHECK: return USE_NAME;
    default: return USE_WHOLE;
    }
}

/* Notes for each constant how the code uses it. */
static void code_uses(const Instruction *code, uint64_t length, uint8_t *uses, uint64_t count) {
    for (uint64_t i = 0; i < length; i++) {
        Opcode op = instruction_op(code[i]);
        const char *operands = opcodes[op].operands;
        int64_t k = -1;
        if (operands[2] == 'K') k = instruction_d(code[i]);
        else if (operands[2] == 'k') k = instruction_b(code[i]);
        else if (operands[3] == 'k') k = instruction_c(code[i]);
        if (k >= 0 && (uint64_t)k < count) uses[k] |= (uint8_t)constant_use(op);
    }
}

static Facet facet_of_use(unsigned use, bool library, bool soft) {
    if (use == USE_FUNCTION) return !library ? FACET_CALL : soft ? FACET_SOFT : FACET_FUNCTION;
    if (use == USE_VALUE) return FACET_VALUE;
    if (!(use & ~(unsigned)(USE_SET | USE_VALUE))) return FACET_SET;
    if (use == USE_NAME || (library && !(use & (USE_FUNCTION | USE_VALUE | USE_SET)))) return FACET_NAME;
    return FACET_WHOLE;
}

static void split_constants(void *data, Obj *words, size_t bytes) {
    Shake *s = data;
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_FUNCTION || !has_type(words[1 + FUNCTION_CODE], TYPE_CODE)) return;
    Obj code = words[1 + FUNCTION_CODE], constants = words[1 + FUNCTION_CONSTANTS];
    uint64_t count = obj_length(constants);
    bool library = address_of(constants) < address_of(s->options.mark);
    uint8_t few[256] = {0}, *uses = count <= sizeof few ? few : calloc(count, 1);
    must(uses);
    code_uses(obj_raw(code), obj_length(code), uses, count);
    for (uint64_t i = 1; i < count; i++) {
        Obj x = obj_slots(constants)[i];
        if (!has_type(x, TYPE_SYMBOL)) continue;
        bool soft = s->symbols[shake_number(s, x)].soft;
        set_field(s->t, constants, i, shake_facet(s, x, facet_of_use(uses[i], library, soft)));
    }
    if (uses != few) free(uses);
}

/* -- The roster of a shed: the shake's symbols are other objects than those before it -- */

static void roster_number(Shake *s) {
    Obj roster = s->t->world->shed;
    uint64_t count = roster_count(roster);
    if (!count) return;
    s->roster = calloc(count, sizeof *s->roster);
    must(s->roster);
    for (uint64_t i = 0; i < count; i++)
        if (has_type(*roster_place(roster, i), TYPE_SYMBOL)) s->roster[i] = (uint32_t)shake_number(s, *roster_place(roster, i));
}

static void roster_join(Shake *s) {
    for (uint64_t i = 0; s->roster && i < roster_count(s->t->world->shed); i++) {
        if (!s->roster[i]) continue;
        Obj whole = s->symbols[s->roster[i]].at[FACET_WHOLE];
        set_slot(s->t, roster_place(s->t->world->shed, i), is_obj(whole) ? whole : BROKEN);
    }
}

/* -- Splitting -- */

static void number_symbol(void *data, Obj *words, size_t bytes) {
    Shake *s = data;
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_SYMBOL) return;
    if (s->symbols) s->symbols[s->symbol_count].at[FACET_WHOLE] = obj_of_address(words);
    s->symbol_count++;
}

static void static_to_whole(Shake *s, Obj *word) {
    if (is_static_symbol(*word) && static_number(*word)) set_slot(s->t, word, s->symbols[static_number(*word)].at[FACET_WHOLE]);
}

/* While packages are whole: what World.removed will say of the symbol if it goes.  A keyword can be made anew, and the system's own names are nobody's affair, unless there is a
   shed, in which they are the same as before. */
static void symbol_word(const World *w, SymbolParts *parts, uint64_t number, Obj symbol) {
    Obj *slots = obj_slots(symbol), home = slots[SYMBOL_PACKAGE], status;
    if (!has_type(home, TYPE_PACKAGE) || !is_cons(obj_slots(home)[PACKAGE_NAMES]) || eq(home, w->package_keyword) || (is_nil(w->shed) && eq(home, w->package_sys))) return;
    Text name = text_of_string(slots[SYMBOL_NAME]);
    package_find_symbol_text(home, name, &status);
    bool defined = is_function(slots[SYMBOL_FUNCTION]) || !eq(slots[SYMBOL_VALUE], UNBOUND) || is_cons(slots[SYMBOL_INFO]);
    parts->word = removed_word(home, name, number < STATIC_SYMBOL_COUNT ? number : 0,
                               (eq(status, SYM(K_EXTERNAL)) ? REMOVED_EXTERNAL : 0) | (defined ? REMOVED_DEFINED : 0) | (is_cons(slots[SYMBOL_PLIST]) ? REMOVED_PROPERTIES : 0));
}

void symbols_split(Shake *s) {
    Thread *t = s->t;
    s->symbol_count = STATIC_SYMBOL_COUNT;
    heap_each(t->heap, number_symbol, s);
    s->symbols = calloc(s->symbol_count, sizeof *s->symbols);
    must(s->symbols);
    for (uint64_t i = 1; i < STATIC_SYMBOL_COUNT; i++) s->symbols[i].at[FACET_WHOLE] = static_symbol(i);
    s->symbol_count = STATIC_SYMBOL_COUNT;
    heap_each(t->heap, number_symbol, s);
    s->figures.symbols = s->symbol_count;
    for (uint64_t i = 1; i < s->symbol_count; i++) symbol_word(t->world, &s->symbols[i], i, s->symbols[i].at[FACET_WHOLE]);
    for (uint64_t i = 1; i < s->symbol_count; i++) symbol_split(s, i, s->symbols[i].at[FACET_WHOLE]);
    for (uint32_t i = 0; i < s->options.soft_count; i++) s->symbols[shake_number(s, s->options.soft[i])].soft = true;
    roster_number(s);
    walk_all(s, static_to_whole);
    heap_each(t->heap, split_constants, s);
}

/* -- Joining -- */

static void find_part(void *data, Obj *words, size_t bytes) {
    Shake *s = data;
    Obj x = obj_of_address(words);
    (void)bytes;
    if (!is_header(words[0])) return;
    if (header_type(words[0]) == TYPE_SYMBOL) s->symbols[fix_of_obj(obj_slots(x)[SYMBOL_HASH])].at[FACET_WHOLE] = x;
    Facet facet;
    if (shake_is_facet(x, &facet)) s->symbols[fix_of_obj(part_number(x))].at[facet] = x;
}

/* Makes symbol number i of its parts; where it lies comes to at[FACET_WHOLE].  Its HASH stays its number. */
static void symbol_join(Shake *s, uint64_t i, Obj nameless) {
    Thread *t = s->t;
    SymbolParts *parts = &s->symbols[i];
    Obj text = parts->at[FACET_TEXT], function = parts->at[FACET_FUNCTION], value = parts->at[FACET_VALUE], whole = parts->at[FACET_WHOLE];
    bool is_static = i < STATIC_SYMBOL_COUNT, left = false;
    for (int f = 0; f < FACETS; f++) left |= is_obj(parts->at[f]);
    if (!left && !is_static) return;
    if (is_static) whole = static_symbol(i);
    else if (!is_obj(whole)) whole = alloc_boxed(t, TYPE_SYMBOL, SYMBOL_LENGTH, NIL);
    Obj *slots = obj_slots(whole);
    bool has_function = is_obj(function) && is_function(obj_slots(function)[PART_CONTENT]);
    obj_set_flags(whole, has_function ? parts->flags : parts->flags & ~(unsigned)SYMBOL_MACRO);
    set_slot(t, &slots[SYMBOL_VALUE], is_obj(value) ? obj_slots(value)[PART_CONTENT] : is_static ? parts->value : UNBOUND);
    set_slot(t, &slots[SYMBOL_FUNCTION], is_obj(function) ? obj_slots(function)[PART_CONTENT] : parts->had_function ? removed_marker(0) : UNBOUND);
    set_slot(t, &slots[SYMBOL_NAME], is_obj(text) ? obj_slots(text)[TEXT_NAME] : nameless);
    set_slot(t, &slots[SYMBOL_PACKAGE], is_obj(text) ? obj_slots(text)[TEXT_PACKAGE] : NIL);
    slots[SYMBOL_HASH] = obj_of_fix((int64_t)i); /* NOBARRIER: immediate */
    parts->at[FACET_WHOLE] = whole;
    s->figures.symbols_kept += left;
    s->figures.names_kept += is_obj(text);
}

static void part_to_symbol(Shake *s, Obj *word) {
    Facet facet;
    if (!is_obj(*word) || !heap_contains(s->t->heap, (const void *)address_of(*word))) return;
    uint64_t number;
    if (shake_is_facet(*word, &facet)) number = (uint64_t)fix_of_obj(part_number(*word));
    else if (obj_type(*word) == TYPE_SYMBOL) number = (uint64_t)fix_of_obj(obj_slots(*word)[SYMBOL_HASH]);
    else return;
    if (!eq(*word, s->symbols[number].at[FACET_WHOLE])) set_slot(s->t, word, s->symbols[number].at[FACET_WHOLE]);
}

void symbols_find(Shake *s) {
    for (uint64_t i = 0; i < s->symbol_count; i++)
        for (int f = 0; f < FACETS; f++) s->symbols[i].at[f] = obj_of_fix(0);
    heap_each(s->t->heap, find_part, s);
}

void symbols_join(Shake *s) {
    Thread *t = s->t;
    Obj nameless = alloc_text(t, "");
    for (uint64_t i = 1; i < s->symbol_count; i++) symbol_join(s, i, nameless);
    roster_join(s);
    walk_all(s, part_to_symbol);
    for (uint64_t i = 1; i < s->symbol_count; i++) {
        Obj whole = s->symbols[i].at[FACET_WHOLE];
        if (is_obj(whole)) obj_slots(whole)[SYMBOL_HASH] = s->symbols[i].hash; /* NOBARRIER: immediate */
    }
}
