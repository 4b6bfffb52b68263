/* deliver-strings.c: what a program reaches by strings: directives of FORMAT, functions of ~/name/, symbols and packages that it looks up by name.

   A directive stays while there is a string that has it; so a program that makes control strings at run time may miss one: 0 in its place in the table says so.
   A symbol with a function, a value, properties or a class stays while the program itself (not the library) has a string with its name and
   looks names up; a package likewise.  (Strings that are symbols' own names do not count.)  Names that are computed are not found here.

   Strings are looked at when symbols are whole and packages complete; links are handed in when symbols are split. */
#include "prim/deliver.h"

#include "text/text.h"

#include <stdlib.h>

enum { DIRECTIVE_CODES = 128, NAME_MOST = 80 };

typedef enum Looker { BY_FORMAT, BY_SYMBOL_NAME, BY_PACKAGE_NAME } Looker;

typedef struct Named {
    Obj string, item;
    Looker looker;
} Named;

struct StringNames {
    Thread *t;
    Obj mark;
    Obj directives;   /* FORMAT's table, by upper-case code */
    Obj lookers[6];   /* symbols of the functions that look names up */
    Obj *names;       /* strings that are names of symbols, sorted by address */
    size_t name_count;
    Named *items;
    size_t count, room;
};

/* Who looks names up: the program itself calls one of these, or what it calls reads. */
static const struct {
    const char *name;
    Facet facet;
    Looker looker;
} lookers[] = {{"FIND-SYMBOL", FACET_CALL, BY_SYMBOL_NAME}, {"INTERN", FACET_CALL, BY_SYMBOL_NAME}, {"READ-FROM-STRING", FACET_CALL, BY_SYMBOL_NAME},
               {"FIND-PACKAGE", FACET_CALL, BY_PACKAGE_NAME}, {"FIND-SYMBOL", FACET_CALL, BY_PACKAGE_NAME}, {"INTERN", FACET_CALL, BY_PACKAGE_NAME}};

/* -- FORMAT -- */

/* The directive behind the tilde at *i: its upper-case code, or 0; *i becomes its place. */
static uint32_t directive_at(Obj string, uint64_t *i) {
    uint64_t length = obj_length(string);
    for (++*i; *i < length; ++*i) {
        uint32_t c = simple_string_char(string, *i);
        if (c == '\'') ++*i;
        else if (c >= DIRECTIVE_CODES) return 0;
        else if (!strchr("0123456789+-,#vV:@", (int)c)) return code_upcase(c);
    }
    return 0;
}

typedef struct FormatWork {
    Shake *s;
    Obj used[DIRECTIVE_CODES]; /* objects that are kept by strings with the directive */
} FormatWork;

static void string_directives(void *data, Obj *words, size_t bytes) {
    FormatWork *work = data;
    Obj x = obj_of_address(words);
    (void)bytes;
    if (!is_header(words[0]) || !is_simple_string(x)) return;
    bool seen[DIRECTIVE_CODES] = {false};
    for (uint64_t i = 0; i < obj_length(x); i++) {
        uint32_t c = simple_string_char(x, i) == '~' ? directive_at(x, &i) : 0;
        if (!c || seen[c] || is_nil(work->used[c])) continue;
        seen[c] = true;
        shake_need(work->s, x, work->used[c]);
    }
}

static void directives_record(Shake *s, Obj table) {
    Thread *t = shake_thread(s);
    FormatWork work = {.s = s};
    if (!has_type(table, TYPE_SIMPLE_VECTOR)) return;
    for (uint64_t i = 0; i < DIRECTIVE_CODES; i++) {
        work.used[i] = NIL;
        Obj item = obj_slots(table)[i];
        if (!is_ref(item) || is_nil(item)) continue;
        work.used[i] = alloc_cons(t, NIL, NIL);
        shake_link(s, LINK_DIRECTIVE, table, i, NIL, item, 2, (Obj[]){table, work.used[i]});
        set_field(t, table, i, obj_of_fix(0));
    }
    heap_each(t->heap, string_directives, &work);
}

/* -- Names -- */

static void note(StringNames *n, Obj string, Obj item, Looker looker) {
    if (n->count == n->room) {
        n->room = n->room ? 2 * n->room : 256;
        n->items = realloc(n->items, n->room * sizeof *n->items);
        must(n->items);
    }
    n->items[n->count++] = (Named){string, item, looker};
}

/* Is there anything about the symbol but its name? */
static bool is_symbol_used(Obj symbol) {
    Obj *slots = symbol_slots(symbol);
    return is_function(slots[SYMBOL_FUNCTION]) || !eq(slots[SYMBOL_VALUE], UNBOUND) || is_cons(slots[SYMBOL_PLIST]) || is_cons(slots[SYMBOL_INFO]);
}

/* The function that ~/name/ at [from, to) of a control string means. */
static void note_format_function(StringNames *n, Obj string, uint64_t from, uint64_t to) {
    uint32_t name[NAME_MOST];
    uint64_t length = to - from, colon = length, behind = 0;
    if (length > NAME_MOST) return;
    for (uint64_t i = 0; i < length; i++) {
        name[i] = code_upcase(simple_string_char(string, from + i));
        if (name[i] != ':') continue;
        if (colon == length) colon = i;
        behind = i + 1;
    }
    Text package_name = {name, colon, true}, own = {name + behind, length - behind, true};
    Obj package = colon == length ? n->t->world->package_user : package_find_text(n->t, NIL, package_name), status;
    if (is_nil(package)) return;
    Obj symbol = package_find_symbol_text(package, own, &status);
    if (!is_nil(status)) note(n, string, symbol, BY_FORMAT);
}

static void scan_format(StringNames *n, Obj string) {
    for (uint64_t i = 0; i < obj_length(string); i++) {
        if (simple_string_char(string, i) != '~' || directive_at(string, &i) != '/') continue;
        uint64_t from = i + 1;
        for (i = from; i < obj_length(string) && simple_string_char(string, i) != '/';) i++;
        note_format_function(n, string, from, i);
    }
}

static void find_name(void *data, Obj *words, size_t bytes) {
    StringNames *n = data;
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_SYMBOL) return;
    if (n->names) n->names[n->name_count] = words[1 + SYMBOL_NAME];
    n->name_count++;
}

static int compare_words(const void *a, const void *b) {
    uint64_t x = ((const Obj *)a)->w, y = ((const Obj *)b)->w;
    return (x > y) - (x < y);
}

static void find_names(StringNames *n) {
    n->name_count = 0;
    heap_each(n->t->heap, find_name, n);
    for (uint64_t i = 1; i < STATIC_SYMBOL_COUNT; i++) find_name(n, (Obj *)(STATIC_SYMBOLS + SYMBOL_BYTES * i), SYMBOL_BYTES);
}

static void names_sort(StringNames *n) {
    find_names(n);
    n->names = calloc(n->name_count + 1, sizeof *n->names);
    must(n->names);
    find_names(n);
    qsort(n->names, n->name_count, sizeof *n->names, compare_words);
}

static void scan_string(void *data, Obj *words, size_t bytes) {
    StringNames *n = data;
    Obj x = obj_of_address(words), status;
    (void)bytes;
    if (!is_header(words[0]) || !is_simple_string(x)) return;
    scan_format(n, x);
    if (address_of(x) < address_of(n->mark) || obj_length(x) == 0 || obj_length(x) > NAME_MOST) return;
    if (bsearch(&x, n->names, n->name_count, sizeof x, compare_words)) return;
    Text text = text_of_string(x);
    for (Obj l = n->t->world->packages; is_cons(l); l = cdr(l)) {
        Obj symbol = package_find_symbol_text(car(l), text, &status);
        if (!is_nil(status) && !is_nil(symbol) && !eq(status, SYM(K_INHERITED)) && is_symbol_used(symbol)) note(n, x, symbol, BY_SYMBOL_NAME);
        for (Obj names = obj_slots(car(l))[PACKAGE_NAMES]; is_cons(names); names = cdr(names))
            if (!eq(car(names), x) && texts_equal(text_of_string(car(names)), text)) note(n, x, car(l), BY_PACKAGE_NAME);
    }
}

StringNames *strings_scan(Thread *t, Obj mark) {
    StringNames *n = calloc(1, sizeof *n);
    must(n);
    n->t = t;
    n->mark = mark;
    Obj symbol = named_symbol(t, "SYS:*DIRECTIVES*");
    n->directives = is_nil(symbol) ? NIL : symbol_value(t, symbol);
    for (size_t i = 0; i < COUNT_OF(lookers); i++) n->lookers[i] = named_symbol(t, lookers[i].name);
    names_sort(n);
    heap_each(t->heap, scan_string, n);
    return n;
}

void strings_record(Shake *s, StringNames *n) {
    for (size_t i = 0; i < n->count; i++) {
        const Named *named = &n->items[i];
        Obj item = shake_facet(s, named->item, FACET_WHOLE);
        if (named->looker == BY_FORMAT) shake_link(s, LINK_NAMED, NIL, 0, NIL, item, 1, &named->string);
        for (size_t k = 0; k < COUNT_OF(lookers); k++) {
            Obj looker = is_nil(n->lookers[k]) ? NIL : shake_facet(s, n->lookers[k], lookers[k].facet);
            if (lookers[k].looker == named->looker && is_obj(looker))
                shake_link(s, LINK_NAMED, NIL, 0, NIL, item, 2, (Obj[]){named->string, looker});
        }
    }
    directives_record(s, n->directives);
}

void strings_free(StringNames *n) {
    free(n->items);
    free(n->names);
    free(n);
}
