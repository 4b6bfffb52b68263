/* dynamic.c: where a program can make names at run time.

   What a shake keeps is what can be met from the program's entry.  A name that is made of characters (INTERN, READ...) is met by nobody: so
   delivery must know the places where that can happen.  The functions that do it are few, and told by Lisp (lisp/dynamic.lisp), which also judges.
   Here, before the symbols are split, all code is looked through for its uses of those functions:

       a call            what each argument is, if it is a constant: looked for backward from the call, to the instruction that wrote its register
       another mention   #'INTERN, 'INTERN: nothing is known of the arguments

   and when all links are broken, each of those places whose code can be met is told, with the names on the path by which it is met.  What is told is
   text, for the reader, since it comes from another process:

       (sites unmet), each a list; a site:
       (:callee 0 :function "RUN" :file "app.lisp" :line 3 :library nil :arguments ((:string "FOO") nil) :path ("MAIN" "RUN"))

   :followed t :use ("FUNCALL" "RUN") says that what the place makes can come to where definitions are asked for (follow.c).  An argument is (:string text) (:symbol package name) (:package name) (:variable package name) (:constant), or NIL: not known; :arguments T: nothing is
   known, not even how many.  (:callee 3 :data t :path (...)): data of the program holds the symbol.  Unmet is (package name) for each symbol of the
   program that has a function or a value and that nothing meets: what a name could reach in vain.

   Limit: what comes to the register by several ways is not known, even if all bring the same constant. */
#include "prim/dynamic.h"

#include "prim/follow.h"

#include "text/text.h"

#include <stdlib.h>

typedef struct Site {
    Obj code;
    char *text;
    int source; /* for follow.c, or -1 */
} Site;

typedef struct CodeName {
    uint64_t code;
    Obj debug;
    char *name;
} CodeName;

struct Dynamic {
    Thread *t;
    Obj mark;
    Follow *follow;
    Obj *callees;
    uint32_t callee_count;
    Site *sites;
    size_t site_count, site_room;
    CodeName *names;
    size_t name_count, name_room;
    Obj *symbols;        /* of the program, with a function or value */
    char **symbol_texts; /* (package name) */
    size_t symbol_count, symbol_room;
};

/* -- Text for the reader -- */

static Obj package_name(Obj package) { return is_cons(obj_slots(package)[PACKAGE_NAMES]) ? car(obj_slots(package)[PACKAGE_NAMES]) : NIL; }

/* Text within a string that the reader reads. */
static void put_plain(FILE *to, const char *text) {
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\') fputc('\\', to);
        fputc(*p, to);
    }
}

static void put_text(FILE *to, Obj string) {
    char *text = utf8_of_string(string, NULL);
    put_plain(to, text);
    free(text);
}

static void put_string(FILE *to, Obj string) {
    fputc('"', to);
    put_text(to, string);
    fputc('"', to);
}

/* A name as a person reads it, within a string. */
static void put_name(Thread *t, FILE *to, Obj x) {
    if (is_cons(x)) {
        for (int first = 1; is_cons(x); x = cdr(x), first = 0) {
            fputc(first ? '(' : ' ', to);
            put_name(t, to, car(x));
        }
        fputc(')', to);
    } else if (is_symbol(x)) {
        Obj home = symbol_slots(x)[SYMBOL_PACKAGE], user = package_find_text(t, NIL, (Text){"COMMON-LISP-USER", 16, false});
        if (has_type(home, TYPE_PACKAGE) && !eq(home, t->world->package_cl) && !eq(home, user)) {
            if (!eq(home, t->world->package_keyword)) put_text(to, package_name(home));
            fputs(eq(home, t->world->package_keyword) ? ":" : "::", to);
        }
        put_text(to, symbol_slots(x)[SYMBOL_NAME]);
    } else if (is_string(x)) {
        put_text(to, x);
    } else if (is_fix(x)) {
        fprintf(to, "%lld", (long long)fix_of_obj(x));
    }
}

static char *name_text(Thread *t, Obj name) {
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    must(to);
    put_name(t, to, name);
    fclose(to);
    return text;
}

static void put_symbol(FILE *to, const char *kind, Obj symbol) {
    Obj home = symbol_slots(symbol)[SYMBOL_PACKAGE];
    fprintf(to, "(%s ", kind);
    if (has_type(home, TYPE_PACKAGE) && is_string(package_name(home))) put_string(to, package_name(home));
    else fputs("nil", to);
    fputc(' ', to);
    put_string(to, symbol_slots(symbol)[SYMBOL_NAME]);
    fputc(')', to);
}

static void put_constant(FILE *to, Obj x) {
    if (is_string(x)) {
        fputs("(:string ", to);
        put_string(to, x);
        fputc(')', to);
    } else if (is_symbol(x)) {
        put_symbol(to, ":symbol", x);
    } else if (has_type(x, TYPE_PACKAGE) && is_string(package_name(x))) {
        fputs("(:package ", to);
        put_string(to, package_name(x));
        fputc(')', to);
    } else {
        fputs("(:constant)", to);
    }
}

/* -- Looking backward -- */

typedef struct Look {
    Thread *t;
    const Instruction *code;
    uint64_t length;
    const Obj *constants;
} Look;

/* Does control come to an instruction behind `from`, up to `to`, only from there? */
static bool is_closed(const Instruction *code, uint64_t length, int64_t from, int64_t to) {
    for (int64_t i = 1; i < (int64_t)length; i++) {
        if (i >= from && i < to) continue;
        const char *operands = opcodes[instruction_op(code[i])].operands;
        int64_t first = i + 1, last;
        if (operands[2] == 'J') first = last = first + instruction_d(code[i]);
        else if (operands[3] == 'j') first = last = first + instruction_sc(code[i]);
        else if (instruction_op(code[i]) == OP_JUMP_TABLE) last = first + instruction_b(code[i]);
        else continue;
        if (last > from && first <= to) return false;
    }
    return true;
}

int64_t dynamic_writer(const Instruction *code, uint64_t length, uint64_t at, unsigned r) {
    for (int64_t i = (int64_t)at - 1; i > 0; i--) {
        char a = opcodes[instruction_op(code[i])].operands[1];
        if (a == 'f' ? r >= instruction_a(code[i]) : (a == 'd' || a == 'u') && r == instruction_a(code[i]))
            return code_falls_through(instruction_op(code[i])) && is_closed(code, length, i, (int64_t)at) ? i : -1;
    }
    return -1;
}

/* Does the instruction call the function of that name, of CL or SYS? */
static bool calls(const Look *l, Instruction i, const char *name) {
    Opcode op = instruction_op(i);
    if (op != OP_CALL && op != OP_TAIL_CALL) return false;
    Obj cell = l->constants[instruction_b(i)];
    return is_symbol(cell) && texts_equal(text_of_string(symbol_slots(cell)[SYMBOL_NAME]), (Text){name, strlen(name), false});
}

/* Writes what the register holds before instruction `at`. */
static void put_argument(const Look *l, FILE *to, uint64_t at, unsigned r, int depth) {
    int64_t i = dynamic_writer(l->code, l->length, at, r);
    Instruction w = i < 0 ? 0 : l->code[i];
    switch (i < 0 || depth > 8 ? OP_ENTRY : instruction_op(w)) {
    case OP_CONST: put_constant(to, l->constants[instruction_d(w)]); return;
    case OP_NIL: put_constant(to, NIL); return;
    case OP_TRUE: put_constant(to, T_); return;
    case OP_FIX: fputs("(:constant)", to); return;
    case OP_MOVE: put_argument(l, to, (uint64_t)i, instruction_b(w), depth + 1); return;
    case OP_SYMBOL_REF: put_symbol(to, ":variable", l->constants[instruction_b(w)]); return;
    case OP_CALL:
        if (r == instruction_a(w) && instruction_c(w) == 1 && (calls(l, w, "FIND-PACKAGE") || calls(l, w, "%PACKAGE"))) {
            put_argument(l, to, (uint64_t)i, instruction_a(w) + 3, depth + 1);
            return;
        }
        break;
    default: break;
    }
    fputs("nil", to);
}

/* -- The survey -- */

static int64_t callee_number(const Dynamic *d, Obj x) {
    for (uint32_t i = 0; i < d->callee_count; i++)
        if (eq(d->callees[i], x)) return i;
    return -1;
}

static unsigned line_at(Obj debug, uint64_t offset) {
    Obj places = debug_part(debug, DEBUG_PLACES), line = debug_part(debug, DEBUG_LINE);
    unsigned found = is_fix(line) ? (unsigned)fix_of_obj(line) : 0;
    if (!has_type(places, TYPE_U32_VECTOR)) return found;
    const uint32_t *p = obj_raw(places);
    for (uint64_t i = 0; i + 1 < obj_length(places) && p[i] < offset + 1; i += 2) found = p[i + 1];
    return found;
}

static void site_note(Dynamic *d, Obj function, Obj debug, const Look *l, uint64_t at, int64_t callee) {
    if (d->site_count == d->site_room) {
        d->site_room = d->site_room ? 2 * d->site_room : 256;
        d->sites = realloc(d->sites, d->site_room * sizeof *d->sites);
        must(d->sites);
    }
    Site *site = &d->sites[d->site_count++];
    size_t length;
    Instruction i = l->code[at];
    Opcode op = instruction_op(i);
    site->code = obj_slots(function)[FUNCTION_CODE];
    site->source = follow_source(d->follow, d->callees[callee], site->code, at);
    FILE *to = open_memstream(&site->text, &length);
    must(to);
    fprintf(to, ":callee %lld :library %s", (long long)callee, address_of(obj_slots(function)[FUNCTION_CONSTANTS]) < address_of(d->mark) ? "t" : "nil");
    if (!is_nil(debug)) {
        fputs(" :function \"", to);
        put_name(d->t, to, obj_slots(debug)[DEBUG_NAME]);
        fputs("\" :file ", to);
        if (is_string(debug_part(debug, DEBUG_FILE))) put_string(to, debug_part(debug, DEBUG_FILE));
        else fputs("nil", to);
        fprintf(to, " :line %u", line_at(debug, at));
    }
    fputs(" :arguments ", to);
    if (op == OP_CALL || op == OP_TAIL_CALL) {
        fputc('(', to);
        for (unsigned k = 0; k < instruction_c(i); k++) {
            fputc(' ', to);
            put_argument(l, to, at, instruction_a(i) + 3 + k, 0);
        }
        fputc(')', to);
    } else {
        fputc('t', to);
    }
    fclose(to);
}

/* The constant that an instruction mentions; -1: none, or only to compare with it. */
static int64_t mentioned(Instruction i) {
    switch (instruction_op(i)) {
    case OP_CALL: case OP_TAIL_CALL: case OP_FUNCTION_REF: return instruction_b(i);
    case OP_CONST: return instruction_d(i);
    default: return -1;
    }
}

static void code_survey(Dynamic *d, Obj function, Obj debug) {
    Obj code = obj_slots(function)[FUNCTION_CODE], constants = obj_slots(function)[FUNCTION_CONSTANTS];
    const Instruction *words = obj_raw(code);
    for (uint64_t i = 0; i < obj_length(code); i++) {
        int64_t k = mentioned(words[i]), callee;
        if (k < 0 || (callee = callee_number(d, obj_slots(constants)[k])) < 0) continue;
        site_note(d, function, debug, &(Look){d->t, words, obj_length(code), obj_slots(constants)}, i, callee);
    }
}

static bool mentions_callee(const Dynamic *d, Obj constants) {
    for (uint64_t i = 1; i < obj_length(constants); i++)
        if (is_symbol(obj_slots(constants)[i]) && callee_number(d, obj_slots(constants)[i]) >= 0) return true;
    return false;
}

static void function_survey(void *data, Obj *words, size_t bytes) {
    Dynamic *d = data;
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_FUNCTION || !has_type(words[1 + FUNCTION_CODE], TYPE_CODE)) return;
    Obj function = obj_of_address(words), code = words[1 + FUNCTION_CODE], constants = words[1 + FUNCTION_CONSTANTS], debug = constants_debug(constants);
    if (d->name_count == d->name_room) {
        d->name_room = d->name_room ? 2 * d->name_room : 4096;
        d->names = realloc(d->names, d->name_room * sizeof *d->names);
        must(d->names);
    }
    d->names[d->name_count++] = (CodeName){code.w, is_nil(debug) ? NIL : obj_slots(debug)[DEBUG_NAME], NULL};
    if (mentions_callee(d, constants)) code_survey(d, function, debug);
}

/* Symbols younger than the mark that something is defined for. */
static void symbol_survey(void *data, Obj *words, size_t bytes) {
    Dynamic *d = data;
    Obj x = obj_of_address(words);
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_SYMBOL || address_of(x) < address_of(d->mark)) return;
    const Obj *slots = obj_slots(x);
    bool defined = is_function(slots[SYMBOL_FUNCTION]) || !is_marker(slots[SYMBOL_VALUE]);
    if (!defined || obj_flags(x) & SYMBOL_MACRO || !has_type(slots[SYMBOL_PACKAGE], TYPE_PACKAGE) || eq(slots[SYMBOL_PACKAGE], d->t->world->package_keyword)) return;
    if (d->symbol_count == d->symbol_room) {
        d->symbol_room = d->symbol_room ? 2 * d->symbol_room : 256;
        d->symbols = realloc(d->symbols, d->symbol_room * sizeof *d->symbols);
        d->symbol_texts = realloc(d->symbol_texts, d->symbol_room * sizeof *d->symbol_texts);
        must(d->symbols && d->symbol_texts);
    }
    size_t length;
    d->symbols[d->symbol_count] = x;
    FILE *to = open_memstream(&d->symbol_texts[d->symbol_count++], &length);
    must(to);
    put_symbol(to, "", x);
    fclose(to);
}

static int code_compare(const void *a, const void *b) {
    uint64_t x = ((const CodeName *)a)->code, y = ((const CodeName *)b)->code;
    return x < y ? -1 : x > y;
}

/* Several closures share code: the first of them stands for it. */
static void names_settle(Dynamic *d) {
    qsort(d->names, d->name_count, sizeof *d->names, code_compare);
    size_t kept = 0;
    for (size_t i = 0; i < d->name_count; i++)
        if (!kept || d->names[kept - 1].code != d->names[i].code) d->names[kept++] = d->names[i];
    d->name_count = kept;
    for (size_t i = 0; i < kept; i++) d->names[i].name = is_nil(d->names[i].debug) ? NULL : name_text(d->t, d->names[i].debug);
}

Dynamic *dynamic_survey(Thread *t, Obj callees, Obj rules, Obj mark) {
    Dynamic *d = calloc(1, sizeof *d);
    must(d);
    d->t = t;
    d->mark = mark;
    d->follow = follow_survey(t, mark, rules);
    for (Obj l = callees; is_cons(l); l = cdr(l)) d->callee_count++;
    d->callees = calloc(d->callee_count + 1, sizeof *d->callees);
    must(d->callees);
    for (uint32_t i = 0; is_cons(callees); callees = cdr(callees)) d->callees[i++] = car(callees);
    heap_each(t->heap, function_survey, d);
    heap_each(t->heap, symbol_survey, d);
    names_settle(d);
    return d;
}

void dynamic_free(Dynamic *d) {
    for (size_t i = 0; i < d->site_count; i++) free(d->sites[i].text);
    for (size_t i = 0; i < d->name_count; i++) free(d->names[i].name);
    for (size_t i = 0; i < d->symbol_count; i++) free(d->symbol_texts[i]);
    follow_free(d->follow);
    free(d->symbols);
    free(d->symbol_texts);
    free(d->sites);
    free(d->names);
    free(d->callees);
    free(d);
}

/* -- Telling -- */

/* The name of what stands on a path, or NULL: nothing that has one. */
static const char *step_name(Shake *s, const Dynamic *d, Obj x) {
    Facet facet;
    if (shake_is_facet(x, &facet) || has_type(x, TYPE_SYMBOL)) return shake_name(s, shake_number(s, x));
    if (has_type(x, TYPE_FUNCTION)) x = obj_slots(x)[FUNCTION_CODE];
    if (!has_type(x, TYPE_CODE)) return NULL;
    const CodeName key = {.code = x.w}, *found = bsearch(&key, d->names, d->name_count, sizeof key, code_compare);
    return found ? found->name : NULL;
}

/* Names from the root to x; of what has the same name as what stands before it, one. */
static void put_path(Shake *s, const Dynamic *d, FILE *to, Obj x, const char *below) {
    const char *name = step_name(s, d, x);
    Obj parent = shake_parent(s, x);
    if (!is_nil(parent)) put_path(s, d, to, parent, name ? name : below);
    size_t length = name ? strlen(name) : 0, other = below ? strlen(below) : 0;
    if (!name || (below && (length <= other ? !strcmp(below + other - length, name) : !strcmp(name + length - other, below)))) return;
    fputc('"', to);
    if (has_type(x, TYPE_FUNCTION) || has_type(x, TYPE_CODE)) fputs(name, to); /* as `name_text` wrote it */
    else put_plain(to, name);
    fputs("\" ", to);
}

/* By what the symbols of the site come to their definitions, and the function where. */
static void report_use(Shake *s, const Dynamic *d, FILE *to, const Site *site) {
    Obj code;
    if (site->source < 0) return;
    const char *use = follow_use(d->follow, site->source, &code);
    fputs(use ? " :followed t :use (\"" : " :followed t", to);
    if (!use) return;
    put_plain(to, use);
    const char *name = is_nil(code) ? NULL : step_name(s, d, code);
    fprintf(to, name ? "\" \"%s\")" : "\")", name);
}

static void report_sites(Shake *s, const Dynamic *d, FILE *to) {
    follow_solve(d->follow, s);
    for (size_t i = 0; i < d->site_count; i++) {
        if (!shake_met(s, d->sites[i].code)) continue;
        fprintf(to, "(%s :path (", d->sites[i].text);
        put_path(s, d, to, d->sites[i].code, NULL);
        fputc(')', to);
        report_use(s, d, to, &d->sites[i]);
        fputs(")\n", to);
    }
}

typedef struct Holders {
    Shake *s;
    const Dynamic *d;
    FILE *to;
    Obj *wholes; /* of the callees */
    bool *told;
} Holders;

bool dynamic_users_data(Shake *s, Obj mark, Obj x) {
    Facet facet;
    if (address_of(x) < address_of(mark) || has_type(x, TYPE_SYMBOL)) return false;
    if (shake_is_facet(x, &facet)) {
        Obj whole = shake_part(s, shake_number(s, x), FACET_WHOLE);
        return facet == FACET_VALUE && shake_number(s, x) >= STATIC_SYMBOL_COUNT && address_of(whole) >= address_of(mark);
    }
    Obj debug = constants_debug(x); /* that of all functions says nothing now, or all (deliver.c) */
    return is_nil(debug) || (obj_length(debug) == DEBUG_SHORT_LENGTH && !is_nil(obj_slots(debug)[DEBUG_NAME]));
}

/* Tells of the first object of the program that holds a callee's symbol. */
static void report_holder(void *data, Obj *words, size_t bytes) {
    Holders *h = data;
    (void)bytes;
    bool cons = !is_header(words[0]);
    if (!cons && shapes[header_type(words[0])].layout == LAYOUT_RAW) return;
    Obj x = cons ? cons_of_address(words) : obj_of_address(words);
    if (eq(x, h->d->t->world->shed)) return; /* a roster holds nothing */
    uint64_t first = cons ? 0 : 1, end = cons ? 2 : 1 + header_length(words[0]);
    for (uint64_t k = first; k < end; k++) {
        if (!is_obj(words[k])) continue;
        for (uint32_t i = 0; i < h->d->callee_count; i++) {
            if (h->told[i] || !eq(words[k], h->wholes[i]) || !shake_met(h->s, x) || !dynamic_users_data(h->s, h->d->mark, x)) continue;
            h->told[i] = true;
            fprintf(h->to, "(:callee %u :data t :path (", i);
            put_path(h->s, h->d, h->to, x, NULL);
            fputs("))\n", h->to);
        }
    }
}

static void report_data(Shake *s, const Dynamic *d, FILE *to) {
    Holders h = {s, d, to, calloc(d->callee_count + 1, sizeof(Obj)), calloc(d->callee_count + 1, sizeof(bool))};
    must(h.wholes && h.told);
    for (uint32_t i = 0; i < d->callee_count; i++) h.wholes[i] = shake_facet(s, d->callees[i], FACET_WHOLE);
    heap_each(d->t->heap, report_holder, &h);
    free(h.wholes);
    free(h.told);
}

static void report_unmet(Shake *s, const Dynamic *d, FILE *to) {
    for (size_t i = 0; i < d->symbol_count; i++) {
        Obj x = d->symbols[i], function = shake_facet(s, x, FACET_FUNCTION);
        if (!shake_met(s, x) && !shake_met(s, function) && !shake_met(s, obj_slots(function)[0]) && !shake_met(s, shake_facet(s, x, FACET_VALUE)))
            fprintf(to, "%s\n", d->symbol_texts[i]);
    }
}

void dynamic_report(Shake *s, const Dynamic *d, FILE *to) {
    fputs("((", to);
    report_sites(s, d, to);
    report_data(s, d, to);
    fputs(")(", to);
    report_unmet(s, d, to);
    fputs("))", to);
}
