/* names.c: what the objects of a world are called, noted before a shake takes names away.

   Symbols are noted by number, as the shake counts them: the static ones, then those of the heap in their order, which neither allocation nor
   a collection changes (law 3).  Everything else by address, for as long as nothing moves: functions by the cell that holds them, else by their
   debug information; packages; what Lisp tells. */
#include "prim/explain.h"

#include "code/code.h"
#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>

static char *text_of(Obj x) { return is_string(x) ? utf8_of_string(x, NULL) : strdup(""); }

static const char *package_name(Obj package) {
    if (!has_type(package, TYPE_PACKAGE)) return "";
    Obj names = obj_slots(package)[PACKAGE_NAMES];
    return is_cons(names) ? text_of(car(names)) : "";
}

static int compare_names(const void *a, const void *b) {
    uint64_t x = ((const Name *)a)->x.w, y = ((const Name *)b)->x.w;
    return x < y ? -1 : x > y;
}

void names_sort(Name *names, uint64_t count) {
    if (count) qsort(names, count, sizeof *names, compare_names);
}

const Name *names_find(const Name *names, uint64_t count, Obj x) {
    uint64_t low = 0;
    while (low < count) {
        uint64_t middle = (low + count) / 2;
        if (names[middle].x.w < x.w) low = middle + 1;
        else if (names[middle].x.w > x.w) count = middle;
        else return &names[middle];
    }
    return NULL;
}

/* -- Noting -- */

typedef struct Noting {
    Thread *t;
    Names *names;
    const Name *former;
    uint64_t former_count;
    Obj package;       /* the package noted last, and its name */
    const char *package_text;
    bool functions;    /* the second pass */
} Noting;

static void note(NameList *l, Name name) {
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 1024;
        l->items = realloc(l->items, l->room * sizeof *l->items);
        must(l->items);
    }
    l->items[l->count++] = name;
}

static const char *noted_package(Noting *k, Obj package) {
    if (!eq(package, k->package)) {
        k->package = package;
        k->package_text = package_name(package);
    }
    return k->package_text;
}

static Name symbol_name(Noting *k, Obj symbol) {
    const Obj *slots = symbol_slots(symbol);
    Name name = {.x = symbol, .kind = KIND_SYMBOL, .macro = symbol_flags(symbol) & SYMBOL_MACRO};
    const Name *former = names_find(k->former, k->former_count, symbol);
    name.text = text_of(slots[SYMBOL_NAME]);
    name.package = noted_package(k, slots[SYMBOL_PACKAGE]);
    if (former && (!name.text[0] || !name.package[0])) {
        free((void *)(uintptr_t)name.text);
        name.text = former->text;
        name.package = former->package;
    }
    return name;
}

static void note_symbol(Noting *k, Obj symbol) {
    Names *n = k->names;
    Name name = symbol_name(k, symbol);
    n->symbols[n->symbol_count++] = name;
    Obj function = symbol_slots(symbol)[SYMBOL_FUNCTION];
    if (!has_type(function, TYPE_FUNCTION)) return;
    name.x = function;
    name.kind = KIND_FUNCTION;
    note(&n->others, name);
}

static size_t write_name(char *to, size_t room, Obj name, int depth) {
    size_t n = 0;
    if (is_cons(name) && depth < 4) {
        if (room < 8) return 0;
        to[n++] = '(';
        for (; is_cons(name) && n + 8 < room; name = cdr(name)) {
            n += write_name(to + n, room - n - 4, car(name), depth + 1);
            if (is_cons(cdr(name))) to[n++] = ' ';
        }
        to[n++] = ')';
        return n;
    }
    char *text = is_symbol(name) ? text_of(symbol_slots(name)[SYMBOL_NAME]) : is_string(name) ? text_of(name) : strdup("...");
    n = strlen(text) < room ? strlen(text) : room;
    memcpy(to, text, n);
    free(text);
    return n;
}

static Obj first_symbol(Obj name) {
    while (is_cons(name)) name = is_cons(cdr(name)) && eq(car(name), SYM(SETF)) ? cadr(name) : car(name);
    return name;
}

/* A field of a function's debug information, or NIL. */
static Obj debug_field(Obj f, unsigned field) {
    Obj constants = obj_slots(f)[FUNCTION_CONSTANTS];
    Obj debug = has_type(constants, TYPE_SIMPLE_VECTOR) && obj_length(constants) ? obj_slots(constants)[0] : NIL;
    return has_type(debug, TYPE_SIMPLE_VECTOR) && obj_length(debug) == DEBUG_LENGTH ? obj_slots(debug)[field] : NIL;
}

/* A name like (LAMBDA (X)) says nothing of a package; but the system's own files do. */
static const char *function_package(Noting *k, Obj f, Obj name) {
    Obj symbol = first_symbol(name), file = debug_field(f, DEBUG_FILE);
    const char *package = is_symbol(symbol) ? noted_package(k, symbol_slots(symbol)[SYMBOL_PACKAGE]) : "";
    if (!is_cons(name) || eq(symbol, cadr(name))) return package;
    return is_simple_string(file) && string_length(file) > 5 && texts_equal(text_part(text_of_string(file), 0, 5), (Text){"lisp/", 5, false}) ? "WINDFALL-SYSTEM" : "";
}

/* A function that no cell holds. */
static void note_function(Noting *k, Obj f) {
    Obj name = debug_field(f, DEBUG_NAME);
    char text[256];
    const Name *former = names_find(k->former, k->former_count, f);
    if (former) note(&k->names->anonymous, (Name){.x = f, .kind = former->kind, .package = former->package, .text = former->text});
    if (former || is_nil(name)) return;
    text[write_name(text, sizeof text - 1, name, 0)] = 0;
    note(&k->names->anonymous, (Name){.x = f, .kind = KIND_FUNCTION, .text = strdup(text), .package = function_package(k, f, name)});
}

static void note_object(void *data, Obj *words, size_t bytes) {
    Noting *k = data;
    (void)bytes;
    if (!is_header(words[0])) return;
    Obj x = obj_of_address(words);
    Type type = header_type(words[0]);
    if (k->functions) {
        if (type == TYPE_FUNCTION && !names_find(k->names->others.items, k->names->others.count, x)) note_function(k, x);
    } else if (type == TYPE_SYMBOL) note_symbol(k, x);
    else if (type == TYPE_PACKAGE) note(&k->names->others, (Name){.x = x, .kind = KIND_PACKAGE, .package = package_name(x), .text = package_name(x)});
}

/* -- What Lisp tells -- */

static Kind kind_told(Obj text) {
    char *name = text_of(text);
    Kind kind = KIND_INSTANCE;
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(kind_names[i], name)) kind = (Kind)i;
    free(name);
    return kind;
}

static char **fields_told(Obj fields) {
    if (!has_type(fields, TYPE_SIMPLE_VECTOR)) return NULL;
    uint64_t count = obj_length(fields);
    char **names = calloc(count + 1, sizeof *names);
    must(names);
    for (uint64_t i = 0; i < count; i++) names[i] = text_of(obj_slots(fields)[i]);
    return names;
}

static void note_told(Noting *k, Obj told) {
    Obj fields = NIL;
    char **field_names = NULL;
    for (; is_cons(told); told = cdr(told)) {
        const Obj *v = obj_slots(car(told));
        const Name *former = names_find(k->former, k->former_count, v[0]);
        bool known = former && former->kind == kind_told(v[1]);
        Name name = known ? *former : ((Name){.x = v[0], .kind = kind_told(v[1]), .package = text_of(v[2]), .text = text_of(v[3])});
        if (!eq(v[4], fields)) field_names = fields_told(fields = v[4]);
        name.fields = field_names;
        note(&k->names->others, name);
    }
}

Names *names_make(Thread *t, Obj told, const Name *former, uint64_t former_count) {
    Names *n = calloc(1, sizeof *n);
    must(n);
    uint64_t most = heap_state(t->heap).bytes / SYMBOL_BYTES + STATIC_SYMBOL_COUNT;
    n->symbols = calloc(most, sizeof *n->symbols);
    must(n->symbols);
    Noting k = {.t = t, .names = n, .former = former, .former_count = former_count, .package = NIL, .package_text = ""};
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++) note_symbol(&k, i ? obj_of_address((void *)(STATIC_SYMBOLS + SYMBOL_BYTES * i)) : NIL);
    heap_each(t->heap, note_object, &k);
    note_told(&k, told);
    names_sort(n->others.items, n->others.count);
    k.functions = true;
    heap_each(t->heap, note_object, &k);
    return n;
}

const Name *names_of(const Names *n, Obj x) {
    const Name *name = names_find(n->others.items, n->others.count, x);
    return name ? name : names_find(n->anonymous.items, n->anonymous.count, x);
}
const Name *names_of_number(const Names *n, uint64_t number) { return number < n->symbol_count ? &n->symbols[number] : NULL; }
