/* deliver.c: a world becomes one program: what the treeshaker is told of packages, properties, functions and classes.

   Lisp (lisp/deliver.lisp) knows what a delivery is asked for, and classes and generic functions; it hands over a description and is not heard of
   again: a process forked for it forgets all that runs, and from then on C alone works, so that the delivering code keeps nothing.

       gather     units' and pure code comes to the heap
       shake      record, break, collect, reinstate (room shake); once more after the cleanup functions
       save       purify and write

   needs.def says what C calls and reads by itself, removals.def what keywords take away; deliver-strings.c looks at strings. */
#include "prim/deliver.h"

#include "image/purify.h"
#include "image/shed.h"
#include "prim/dynamic.h"
#include "prim/explain.h"
#include "prim/prim.h"
#include "run/dispatch.h"
#include "number/number.h"
#include "shake/shake.h"
#include "text/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The plan, a simple-vector in World.entry: lisp/deliver.lisp fills it in this order. */
enum {
    PLAN_ENTRY,      /* function of the list of arguments */
    PLAN_ROOTS,      /* list of objects to keep; a symbol is kept with all that it holds */
    PLAN_LINKS,      /* list of #(kind holder slot key item condition...) */
    PLAN_MARK,       /* an object: what is older is the library's */
    PLAN_FLAGS,      /* PlanFlags */
    PLAN_IDENTITIES, /* list of vectors and closures whose symbols, also in lists, are only names */
    PLAN_REMOVED,    /* list of symbols whose functions go, referred to or not */
    PLAN_NAMES,      /* list of symbols whose names stay */
    PLAN_NEXT,       /* NIL, or a function that returns the plan of one more round */
    PLAN_INTERROGATE, /* list of symbols of which is told what keeps them */
    PLAN_PENDING,    /* list of (setter value object): places of users to be set when Lisp runs again */
    PLAN_TOLD,       /* for reports: list of #(object kind package name fields), see explain.h */
    PLAN_DYNAMIC,    /* list of symbols: functions that make names at run time */
    PLAN_RULES,      /* list of vectors: what follow.c is to know of functions */
    PLAN_REVIEW,     /* NIL, or a function of what the survey of their uses found, a string: NIL, or another plan, or a string, what is wrong */
    PLAN_SWAP        /* NIL, or a function that swaps again what was made resident to be looked at */
};
enum PlanFlags { PLAN_SHAKE = 1, PLAN_KEEP_MACROS = 2, PLAN_KEEP_DEBUG = 4, PLAN_KEEP_DOCUMENTATION = 8, PLAN_VERBOSE = 16, PLAN_KEEP_NAMES = 64, PLAN_KEEP_STUBS = 128, PLAN_KEEP_SLOT_NAMES = 256, PLAN_NOTE_REMOVED = 512, PLAN_NOTE_PACKAGES = 1024, PLAN_MAKE_ANEW = 2048 };

static Obj plan_part(Thread *t, unsigned part) { return obj_slots(t->world->entry)[part]; }
static bool plan_flag(Thread *t, unsigned flag) { return fix_of_obj(plan_part(t, PLAN_FLAGS)) & flag; }

/* -- What C needs -- */

typedef struct Need {
    Facet if_facet;
    const char *if_name;
    Facet facet;
    const char *name;
} Need;

static const Need needs[] = {
#define NEED(if_facet, if_name, facet, name) {FACET_##if_facet, if_name, FACET_##facet, name},
#define SOFT(name)
#include "prim/needs.def"
#undef NEED
#undef SOFT
};

static const char *const soft_names[] = {
#define NEED(if_facet, if_name, facet, name)
#define SOFT(name) name,
#include "prim/needs.def"
#undef NEED
#undef SOFT
};

Obj named_symbol(Thread *t, const char *name) {
    World *w = t->world;
    Obj package = w->package_cl, status;
    if (name[0] == '%') package = w->package_sys;
    else if (name[0] == ':') package = w->package_keyword, name++;
    else if (!strncmp(name, "SYS:", 4)) package = w->package_sys, name += 4;
    else if (!strncmp(name, "EXT:", 4)) package = w->package_ext, name += 4;
    Obj symbol = package_find_symbol_text(package, (Text){name, strlen(name), false}, &status);
    return is_nil(status) ? NIL : symbol;
}

/* The symbols of needs.def, found while there are packages. */
typedef struct NeedSymbols {
    Obj condition[COUNT_OF(needs)], symbol[COUNT_OF(needs)], soft[COUNT_OF(soft_names)];
    uint32_t soft_count;
} NeedSymbols;

static void needs_find(Thread *t, NeedSymbols *found) {
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        found->condition[i] = needs[i].if_name[0] ? named_symbol(t, needs[i].if_name) : T_;
        found->symbol[i] = strcmp(needs[i].name, "*") != 0 ? named_symbol(t, needs[i].name) : T_;
    }
    found->soft_count = 0;
    for (size_t i = 0; i < COUNT_OF(soft_names); i++) {
        Obj symbol = named_symbol(t, soft_names[i]);
        if (!is_nil(symbol)) found->soft[found->soft_count++] = symbol;
    }
}

/* Hands in that `condition` keeps that part of the symbol; a function that is called softly, only if somebody does so. */
static void need_record(Shake *s, Obj condition, Obj symbol, Facet facet) {
    Obj item = shake_facet(s, symbol, facet), conditions[2] = {condition, NIL};
    if (facet == FACET_FUNCTION && shake_is_soft(s, symbol)) conditions[1] = shake_facet(s, symbol, FACET_SOFT);
    if (is_nil(condition) && is_nil(conditions[1])) shake_root(s, item);
    else shake_link(s, LINK_NEED, NIL, 0, NIL, item, 2, conditions);
}

static void needs_record(Shake *s, const NeedSymbols *found) {
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        if (is_nil(found->condition[i]) || is_nil(found->symbol[i])) continue;
        Obj condition = needs[i].if_name[0] ? shake_facet(s, found->condition[i], needs[i].if_facet) : NIL;
        if (is_obj(condition) && needs[i].if_facet == FACET_FUNCTION && !is_function(obj_slots(condition)[0])) continue; /* it has been removed */
        if (!eq(found->symbol[i], T_)) {
            need_record(s, condition, found->symbol[i], needs[i].facet);
            continue;
        }
        for (uint64_t k = 1; k < STATIC_SYMBOL_COUNT; k++)
            shake_need(s, condition, shake_facet(s, obj_of_address((void *)(STATIC_SYMBOLS + SYMBOL_BYTES * k)), needs[i].facet));
    }
}

/* -- Removed functions -- */

static const char *const removal_ids[] = {
    "SHAKEN",
#define GROUP(id, keeps) #id,
#define GONE(group, name)
#include "prim/removals.def"
#undef GROUP
#undef GONE
};

static const struct {
    uint8_t group;
    const char *name;
} gone[] = {
#define GROUP(id, keeps)
#define GONE(group, name) {REMOVED_##group, name},
#include "prim/removals.def"
#undef GROUP
#undef GONE
};

static void removal_apply(Thread *t, Obj symbol, unsigned group) {
    set_slot(t, &symbol_slots(symbol)[SYMBOL_FUNCTION], removed_marker(group));
    obj_set_flags(symbol_object(symbol), symbol_flags(symbol) & ~(unsigned)SYMBOL_MACRO);
}

/* -- Packages -- */

static void link_all(Shake *s, LinkKind kind, Obj package, uint64_t field) {
    for (Obj l = obj_slots(package)[field]; is_cons(l); l = cdr(l)) {
        Obj item = shake_facet(s, car(l), FACET_NAME), ends[2] = {package, is_cons(item) ? cdr(item) : item};
        shake_link(s, kind, package, field, NIL, item, 2, ends);
    }
    set_field(shake_thread(s), package, field, NIL);
}

static void link_table(Shake *s, LinkKind kind, Obj package, uint64_t field) {
    Obj table = obj_slots(package)[field];
    for (uint64_t i = TABLE_PLACES; i < obj_length(table); i++) {
        Obj x = obj_slots(table)[i];
        if (eq(x, EMPTY) || eq(x, DELETED)) continue;
        Obj text = shake_facet(s, x, FACET_TEXT), ends[2] = {package, text};
        shake_link(s, kind, package, 0, NIL, text, 2, ends);
    }
}

static void packages_record(Shake *s) {
    Thread *t = shake_thread(s);
    Obj all = t->world->packages;
    t->world->packages = NIL;
    for (Obj l = all; is_cons(l); l = cdr(l)) {
        Obj p = car(l);
        shake_link(s, LINK_PACKAGE, NIL, 0, NIL, p, 1, &p);
        link_table(s, LINK_INTERNAL, p, PACKAGE_INTERNAL);
        link_table(s, LINK_EXTERNAL, p, PACKAGE_EXTERNAL);
        link_all(s, LINK_USE, p, PACKAGE_USES);
        link_all(s, LINK_USED_BY, p, PACKAGE_USED_BY);
        link_all(s, LINK_SHADOWING, p, PACKAGE_SHADOWING);
        link_all(s, LINK_NICKNAME, p, PACKAGE_LOCAL_NICKNAMES);
        if (!plan_flag(t, PLAN_KEEP_DOCUMENTATION)) set_field(t, p, PACKAGE_DOC, NIL);
        package_empty(t, p);
    }
}

static void reinstate(Thread *t, LinkKind kind, Obj holder, Obj key, Obj item) {
    (void)key;
    if (kind == LINK_MACRO) {
        set_symbol(t, holder, SYMBOL_FUNCTION, item);
        obj_set_flags(holder, obj_flags(holder) | SYMBOL_MACRO);
        return;
    }
    if (kind == LINK_FINALIZER) {
        finalizer_add(t, holder, item);
        return;
    }
    if (kind == LINK_USER) {
        set_field(t, t->world->entry, PLAN_PENDING, alloc_cons(t, item, plan_part(t, PLAN_PENDING)));
        return;
    }
    if (kind == LINK_PACKAGE) t->world->packages = alloc_cons(t, item, t->world->packages);
    else package_add_symbol(t, holder, kind == LINK_EXTERNAL ? PACKAGE_EXTERNAL : PACKAGE_INTERNAL, item);
}

/* -- Properties -- */

/* The kind of link of an INFO property: by its indicator. */
static LinkKind info_kind(Shake *s, Obj key) {
    static const struct {
        uint16_t symbol, kind;
    } kinds[] = {
        {S_CLASS, LINK_CLASS}, {S_TYPE_EXPANDER, LINK_TYPE_EXPANDER}, {S_STRUCTURE_DESCRIPTION, LINK_STRUCTURE},
        {S_STRUCTURE_ACCESSOR, LINK_STRUCTURE_ACCESSOR}, {S_SETF_EXPANDER, LINK_SETF_EXPANDER}, {S_SETF_FUNCTION, LINK_SETF_FUNCTION},
        {S_COMPILER_MACRO, LINK_COMPILER_MACRO}, {S_SYMBOL_MACRO_EXPANSION, LINK_SYMBOL_MACRO}, {S_INLINE_EXPANSION, LINK_INLINE},
        {S_INLINE_DECLARED, LINK_INLINE}, {S_GLOBAL_TYPE, LINK_DECLARED_TYPE}, {S_GLOBAL_FTYPE, LINK_DECLARED_TYPE},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (eq(key, shake_facet(s, obj_of_address((void *)(STATIC_SYMBOLS + SYMBOL_BYTES * (uint64_t)kinds[i].symbol)), FACET_WHOLE))) return (LinkKind)kinds[i].kind;
    return LINK_PROPERTY;
}

/* Who can expand macros: the compiler, and the program if it asks for that itself. */
static const struct {
    const char *name;
    Facet facet;
} expanders[] = {{"%COMPILE-FORM", FACET_FUNCTION}, {"%COMPILE-LAMBDA", FACET_FUNCTION}, {"MACROEXPAND", FACET_CALL}, {"MACROEXPAND-1", FACET_CALL}, {"MACRO-FUNCTION", FACET_CALL}};

typedef struct PropertyWork {
    Obj expanders[COUNT_OF(expanders)]; /* symbols, or NIL */
    Obj setf, documentation, plist_reader; /* wholes of SETF and %DOCUMENTATION; the function SYMBOL-PLIST */
    bool keep_documentation;
} PropertyWork;

/* A property of INFO: it is there while both symbol and indicator can be met. */
static void info_record(Shake *s, const PropertyWork *work, Obj name, Obj key, Obj item) {
    LinkKind kind = eq(key, work->documentation) ? LINK_DOCUMENTATION : info_kind(s, key);
    if (kind == LINK_DOCUMENTATION && !work->keep_documentation) return;
    Obj conditions[3] = {name, shake_facet(s, key, FACET_NAME), NIL};
    if (kind == LINK_SETF_FUNCTION) { /* a cell that is yet to be defined stays if somebody calls it; one that was removed is found by the error */
        Obj function = obj_slots(shake_facet(s, item, FACET_FUNCTION))[0];
        if (!is_function(function)) conditions[2] = shake_facet(s, item, is_removed(function) ? FACET_TEXT : FACET_FUNCTION);
        else conditions[0] = shake_facet(s, name, FACET_WHOLE); /* as with its own function: a name that is only compared calls nothing */
    }
    if (eq(key, work->setf)) { /* of the cell of (SETF f): the name that errors show, which C reads */
        item = shake_identify(s, item);
        conditions[0] = shake_facet(s, name, FACET_TEXT);
        conditions[1] = NIL;
    }
    shake_link(s, kind, name, SYMBOL_INFO, shake_facet(s, key, FACET_NAME), item, 3, conditions);
}

static void macro_record(Shake *s, const PropertyWork *work, Obj whole) {
    Obj macro = shake_macro(s, whole), name = shake_facet(s, whole, FACET_NAME);
    if (!is_nil(macro) && plan_flag(shake_thread(s), PLAN_KEEP_MACROS)) shake_link(s, LINK_MACRO, name, 0, NIL, macro, 1, &name);
    for (size_t i = 0; i < COUNT_OF(expanders) && !is_nil(macro); i++) {
        Obj expander = shake_facet(s, work->expanders[i], expanders[i].facet);
        if (is_obj(expander) && !is_marker(obj_slots(expander)[0])) shake_link(s, LINK_MACRO, name, 0, NIL, macro, 2, (Obj[]){name, expander});
    }
}

static void properties_record(Shake *s, Obj whole, void *data) {
    const PropertyWork *work = data;
    Thread *t = shake_thread(s);
    Obj *slots = symbol_slots(whole), name = shake_facet(s, whole, FACET_NAME);
    macro_record(s, work, whole);
    for (Obj l = slots[SYMBOL_INFO]; is_cons(l); l = cddr(l)) info_record(s, work, name, car(l), cadr(l));
    for (Obj l = slots[SYMBOL_PLIST]; is_cons(l) && is_cons(cdr(l)); l = cddr(l)) {
        Obj key = shake_facet(s, car(l), FACET_NAME);
        shake_link(s, LINK_PROPERTY, name, SYMBOL_PLIST, key, cadr(l), 2, (Obj[]){name, key});
        if (is_obj(work->plist_reader)) shake_link(s, LINK_PROPERTY, name, SYMBOL_PLIST, key, cadr(l), 2, (Obj[]){name, work->plist_reader});
    }
    set_slot(t, &slots[SYMBOL_INFO], NIL);
    set_slot(t, &slots[SYMBOL_PLIST], NIL);
}

/* -- Functions -- */

typedef struct ObjectWork {
    Shake *s;
    Obj none; /* debug information that says nothing */
    Obj print_object, output_pathname, class_of_layout;
    bool keep, documentation, keep_names, slot_names, shed;
} ObjectWork;

/* A function's name stays with it if names stay. */
static void debug_record(ObjectWork *work, Obj constants) {
    Shake *s = work->s;
    Thread *t = shake_thread(s);
    Obj debug = constants_debug(constants);
    if (is_nil(debug) || eq(debug, work->none)) return;
    Obj *slots = obj_slots(debug);
    for (uint64_t i = 0; i < obj_length(debug); i++) set_slot(t, &slots[i], shake_identify(s, slots[i]));
    if (!work->documentation && obj_length(debug) > DEBUG_DOC) set_field(t, debug, DEBUG_DOC, NIL);
    if (work->keep) return;
    for (uint64_t i = DEBUG_LAMBDA_LIST; i < DEBUG_DOC && i < obj_length(debug); i++) set_field(t, debug, i, NIL);
    if (!work->keep_names) set_field(t, debug, DEBUG_NAME, NIL);
    bool documented = !is_nil(debug_part(debug, DEBUG_DOC));
    if (!documented && !work->shed) heap_shrink(t, debug, DEBUG_SHORT_LENGTH); /* a shed brings the others back */
    if (work->keep_names || documented) shake_link(s, LINK_DEBUG, constants, 0, NIL, debug, 1, &constants);
    set_field(t, constants, 0, work->none);
}

/* The symbols in a simple-vector, and in vectors and lists of vectors in it, are names. */
static void identify_elements(Shake *s, Obj x) {
    if (is_cons(x) && has_type(car(x), TYPE_SIMPLE_VECTOR)) {
        for (; is_cons(x); x = cdr(x)) identify_elements(s, car(x));
        return;
    }
    if (!has_type(x, TYPE_SIMPLE_VECTOR)) return;
    for (uint64_t i = 0; i < obj_length(x); i++) {
        identify_elements(s, obj_slots(x)[i]);
        if (!is_cons(obj_slots(x)[i]) || !has_type(car(obj_slots(x)[i]), TYPE_SIMPLE_VECTOR))
            set_field(shake_thread(s), x, i, shake_identify(s, obj_slots(x)[i]));
    }
}

/* What a structure's layout knows that only printing and classes need. */
static void structure_record(const ObjectWork *work, Obj layout) {
    Shake *s = work->s;
    Obj info = obj_slots(layout)[LAYOUT_INFO], slots = obj_slots(layout)[LAYOUT_SLOTS];
    if (!has_type(info, TYPE_SIMPLE_VECTOR)) return;
    Obj asker = shake_facet(s, work->class_of_layout, FACET_FUNCTION), printer = shake_facet(s, work->print_object, FACET_FUNCTION);
    if (is_obj(asker)) shake_link(s, LINK_STRUCTURE_LAYOUT, layout, LAYOUT_INFO, NIL, info, 2, (Obj[]){layout, asker});
    set_field(shake_thread(s), layout, LAYOUT_INFO, NIL);
    Obj class = obj_slots(layout)[LAYOUT_CLASS];
    if (is_obj(asker)) shake_link(s, LINK_STRUCTURE_LAYOUT, layout, LAYOUT_CLASS, NIL, class, 2, (Obj[]){layout, asker});
    set_field(shake_thread(s), layout, LAYOUT_CLASS, NIL);
    if (work->slot_names) return;
    if (is_obj(printer)) shake_link(s, LINK_STRUCTURE_SLOTS, layout, LAYOUT_SLOTS, NIL, slots, 2, (Obj[]){layout, printer});
    set_field(shake_thread(s), layout, LAYOUT_SLOTS, NIL);
}

static bool is_built_in_layout(Thread *t, Obj layout) {
    Obj keys = t->world->class_keys;
    for (uint64_t i = 0; has_type(keys, TYPE_SIMPLE_VECTOR) && i < obj_length(keys); i++)
        if (eq(obj_slots(keys)[i], layout)) return true;
    return false;
}

static void object_record(void *data, Obj *words, size_t bytes) {
    ObjectWork *work = data;
    (void)bytes;
    if (!is_header(words[0])) return;
    Obj x = obj_of_address(words);
    Thread *t = shake_thread(work->s);
    switch (header_type(words[0])) {
    case TYPE_FUNCTION: debug_record(work, obj_slots(x)[FUNCTION_CONSTANTS]); break;
    case TYPE_FUNCALLABLE:
        debug_record(work, obj_slots(x)[FUNCALLABLE_CONSTANTS]);
        shake_need(work->s, x, shake_facet(work->s, SYM(DISPATCH_MISS), FACET_FUNCTION));
        break;
    case TYPE_PATHNAME: need_record(work->s, x, work->output_pathname, FACET_FUNCTION); break;
    case TYPE_LAYOUT: /* something of that shape may be printed, unless it is only the class of a kind of words */
        if (!is_built_in_layout(t, x)) need_record(work->s, x, work->print_object, FACET_FUNCTION);
        identify_elements(work->s, obj_slots(x)[LAYOUT_SLOTS]);
        identify_elements(work->s, obj_slots(x)[LAYOUT_INFO]);
        structure_record(work, x);
        set_field(t, x, LAYOUT_NAME, shake_facet(work->s, obj_slots(x)[LAYOUT_NAME], FACET_NAME)); break;
    default: break;
    }
}

/* -- Classes -- */

/* Kinds of words to layouts of built-in classes: while something dispatches or asks for classes. */
static void built_in_record(Shake *s, Obj class_of, Obj class_key) {
    Thread *t = shake_thread(s);
    Obj keys = t->world->class_keys;
    if (!has_type(keys, TYPE_SIMPLE_VECTOR)) return;
    Obj askers[] = {shake_facet(s, SYM(DISPATCH_MISS), FACET_FUNCTION), shake_facet(s, class_of, FACET_FUNCTION), shake_facet(s, class_key, FACET_FUNCTION)};
    for (uint64_t i = 0; i < obj_length(keys); i++) {
        for (size_t k = 0; k < COUNT_OF(askers); k++)
            if (is_obj(askers[k])) shake_link(s, LINK_BUILT_IN_CLASS, keys, i, NIL, obj_slots(keys)[i], 1, &askers[k]);
        set_field(t, keys, i, NIL);
    }
}

static LinkKind kind_named(Obj name) {
    for (int i = 0; i < LINK_KINDS; i++)
        if (texts_equal(text_of_string(name), (Text){link_infos[i].id, strlen(link_infos[i].id), false})) return (LinkKind)i;
    must_die("an unknown kind of link");
}

/* Links that Lisp hands over: its vectors #(kind holder slot key item condition...). */
static void lisp_links_record(Shake *s, Obj first) {
    for (Obj links = first; is_cons(links); links = cdr(links)) {
        const Obj *v = obj_slots(car(links));
        shake_link(s, kind_named(v[0]), v[1], (uint64_t)fix_of_obj(v[2]), v[3], v[4], (unsigned)(obj_length(car(links)) - 5), v + 5);
    }
    for (Obj l = first; is_cons(l); l = cdr(l))
        if (is_obj(obj_slots(car(l))[1])) set_field(shake_thread(s), obj_slots(car(l))[1], (uint64_t)fix_of_obj(obj_slots(car(l))[2]), NIL);
}

/* Vectors, and functions, whose values are meant. */
static void identities_record(Shake *s, Obj objects) {
    for (; is_cons(objects); objects = cdr(objects)) {
        Obj x = car(objects);
        for (uint64_t i = has_type(x, TYPE_FUNCTION) ? FUNCTION_ENV : 0; i < obj_length(x); i++)
            set_field(shake_thread(s), x, i, shake_identify(s, obj_slots(x)[i]));
    }
}

/* -- A round -- */

/* Takes away the functions that keywords remove: a string of PLAN_REMOVED names a group of removals.def, a symbol a function; and there may be a list of
   the symbols of smashed packages, behind the name of that group. */
static void functions_remove(Thread *t) {
    for (Obj l = plan_part(t, PLAN_REMOVED); is_cons(l); l = cdr(l)) {
        for (Obj smashed = is_cons(car(l)) ? cdr(car(l)) : NIL; is_cons(smashed); smashed = cdr(smashed)) removal_apply(t, car(smashed), REMOVED_SMASH_PACKAGES);
        if (is_symbol(car(l))) removal_apply(t, car(l), REMOVED_FUNCTIONS_TO_REMOVE);
        if (!is_string(car(l))) continue;
        Text group = text_of_string(car(l));
        for (size_t i = 0; i < COUNT_OF(gone); i++) {
            const char *id = removal_ids[gone[i].group];
            if (!texts_equal(group, (Text){id, strlen(id), false})) continue;
            Obj symbol = named_symbol(t, gone[i].name);
            if (!is_nil(symbol)) removal_apply(t, symbol, gone[i].group);
        }
    }
    set_field(t, t->world->entry, PLAN_REMOVED, NIL);
}

/* Takes everything from the plan but what later rounds need; the lists themselves must not keep what they mention. */
static Obj plan_take(Thread *t, unsigned part) {
    Obj x = plan_part(t, part);
    set_field(t, t->world->entry, part, NIL);
    return x;
}

/* What is asked when links are broken: numbers of symbols; for a report; for a survey. */
typedef struct Questions {
    uint64_t *numbers;
    size_t count;
    Explain *explain; /* or NULL */
    Dynamic *dynamic; /* or NULL */
    FILE *survey;
} Questions;

static void questions_make(Shake *s, Questions *q, Obj symbols) {
    for (Obj l = symbols; is_cons(l); l = cdr(l)) q->count++;
    q->numbers = calloc(q->count + 1, sizeof *q->numbers);
    must(q->numbers);
    for (size_t i = 0; is_cons(symbols); symbols = cdr(symbols)) q->numbers[i++] = shake_number(s, car(symbols));
}

static int compare_words(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Adds words to World.removed. */
static void removed_add(Thread *t, const uint64_t *words, uint64_t count) {
    bool first = !has_type(t->world->removed, TYPE_U32_VECTOR);
    uint64_t old = first ? 1 : obj_length(t->world->removed) / 2;
    Obj removed = alloc_raw(t, TYPE_U32_VECTOR, 2 * (old + count));
    uint64_t *to = obj_raw(removed);
    if (first) to[0] = plan_flag(t, PLAN_MAKE_ANEW) ? REMOVED_MAKE_ANEW : REMOVED_ERROR;
    else memcpy(to, obj_raw(t->world->removed), 8 * old);
    memcpy(to + old, words, 8 * count);
    qsort(to + 1, old + count - 1, 8, compare_words);
    t->world->removed = removed;
}

/* Notes the names that go. */
static void removed_note(Shake *s) {
    uint64_t *words = calloc(shake_symbols(s), sizeof *words), count = 0;
    must(words);
    for (uint64_t i = 1; i < shake_symbols(s); i++)
        if (shake_gone(s, i)) words[count++] = shake_gone(s, i);
    removed_add(shake_thread(s), words, count);
    free(words);
}

/* The names of the packages that there are, as words of World.removed, for the caller to free. */
static uint64_t *package_words(Thread *t, uint64_t *count) {
    uint64_t *words = NULL;
    *count = 0;
    for (Obj l = t->world->packages; is_cons(l); l = cdr(l))
        for (Obj names = obj_slots(car(l))[PACKAGE_NAMES]; is_cons(names); names = cdr(names)) {
            words = realloc(words, (*count + 1) * sizeof *words);
            must(words);
            words[(*count)++] = removed_package_word(text_of_string(car(names)));
        }
    return words;
}

/* Notes those of the packages that there were which are gone. */
static void removed_packages_note(Thread *t, const uint64_t *before, uint64_t count) {
    uint64_t left, *words = package_words(t, &left);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t k = 0;
        while (k < left && words[k] != before[i]) k++;
        if (k == left) removed_add(t, &before[i], 1);
    }
    free(words);
}

static void collected(Shake *s, void *data) {
    (void)data;
    if (plan_flag(shake_thread(s), PLAN_NOTE_REMOVED)) removed_note(s);
    if (plan_flag(shake_thread(s), PLAN_VERBOSE)) report_functions(s);
}

static void interrogate(Shake *s, void *data) {
    const Questions *q = data;
    for (size_t i = 0; i < q->count && !q->survey; i++) shake_explain(s, q->numbers[i], stderr);
    if (q->explain) explain_shaken(q->explain, s);
    if (!q->survey) return;
    dynamic_report(s, q->dynamic, q->survey); /* the process was forked for that */
    _exit(fclose(q->survey) == 0 ? 0 : 1);
}

/* Names the objects of the world, and asks what would go without the functions that keywords remove. */
static void explain_world(Thread *t, Explain *explain) {
    static const char *const keeps[] = {
        "",
#define GROUP(id, keeps) keeps,
#define GONE(group, name)
#include "prim/removals.def"
#undef GROUP
#undef GONE
    };
    explain_begin(explain, plan_take(t, PLAN_TOLD));
    for (size_t i = 0; i < COUNT_OF(gone); i++) explain_question(explain, keeps[gone[i].group], named_symbol(t, gone[i].name));
}

/* -- Finalizers -- */

/* A finalizer must not bring back what is shaken off: it goes with its object. */
static void finalizers_record(Shake *s) {
    Heap *heap = shake_thread(s)->heap;
    Obj object, function;
    size_t count;
    while (finalizer_take(heap, &object, &function)) {}
    for (const Obj *pairs; (pairs = heap_finalizers(heap, false, &count), count); finalizer_cancel(heap, pairs[0], NIL)) {
        need_record(s, pairs[0], SYM(RUN_FINALIZERS), FACET_FUNCTION);
        for (size_t i = 0; i < count; i++)
            if (eq(pairs[2 * i], pairs[0])) shake_link(s, LINK_FINALIZER, pairs[0], 0, NIL, shake_facet(s, pairs[2 * i + 1], FACET_WHOLE), 1, &pairs[0]);
    }
}

/* -- Swapped arrays -- */

static void find_handle(void *data, Obj *words, size_t bytes) {
    bool *found = data;
    uint64_t length = is_header(words[0]) ? header_length(words[0]) + 1 : 2;
    (void)bytes;
    if (is_header(words[0]) && shapes[header_type(words[0])].layout == LAYOUT_RAW) return;
    for (uint64_t i = is_header(words[0]); i < length; i++) *found |= is_handle(words[i]);
}

/* Does something refer to a swapped array?  (Code has been made resident: lisp/deliver.lisp.) */
static bool has_handles(Thread *t) {
    bool found = false;
    heap_each(t->heap, find_handle, &found);
    return found;
}

/* What lies in shadow space may mention any static symbol, and is not looked at. */
static void keep_static_symbols(Shake *s) {
    for (uint64_t i = 1; i < STATIC_SYMBOL_COUNT; i++)
        shake_root(s, shake_facet(s, obj_of_address((void *)(STATIC_SYMBOLS + SYMBOL_BYTES * i)), FACET_WHOLE));
}

/* One round; or, with `survey`, what comes of it up to the collection, dynamic names told there. */
/* What is older is the library's, which calls no function by a name that it holds as a constant; but the forms that its macros make do, so that with a
   compiler nothing is older than the mark. */
static Obj library_mark(Thread *t) {
    Obj compiler = named_symbol(t, "%COMPILE-FORM");
    return is_function(symbol_slots(compiler)[SYMBOL_FUNCTION]) ? NIL : plan_part(t, PLAN_MARK);
}

static void shake_round(Thread *t, Explain *explain, FILE *survey, bool shed) {
    NeedSymbols found;
    Shake *s = shake_begin(t);
    needs_find(t, &found);
    Obj class_of = named_symbol(t, "%CLASS-OF"), class_key = named_symbol(t, "%CLASS-KEY");
    PropertyWork properties = {.keep_documentation = plan_flag(t, PLAN_KEEP_DOCUMENTATION)};
    for (size_t i = 0; i < COUNT_OF(expanders); i++) properties.expanders[i] = named_symbol(t, expanders[i].name);
    Obj documentation = named_symbol(t, "%DOCUMENTATION"), plist_reader = named_symbol(t, "SYMBOL-PLIST");
    ObjectWork debug = {.s = s, .keep = plan_flag(t, PLAN_KEEP_DEBUG), .documentation = properties.keep_documentation, .keep_names = plan_flag(t, PLAN_KEEP_NAMES),
                       .print_object = named_symbol(t, "PRINT-OBJECT"), .output_pathname = named_symbol(t, "SYS:OUTPUT-PATHNAME"),
                       .class_of_layout = named_symbol(t, "%STRUCTURE-CLASS-OF-LAYOUT"), .slot_names = plan_flag(t, PLAN_KEEP_SLOT_NAMES), .shed = shed};
    Obj dynamic = plan_take(t, PLAN_DYNAMIC), rules = plan_take(t, PLAN_RULES);
    Questions q = {.explain = explain, .survey = survey, .dynamic = survey ? dynamic_survey(t, dynamic, rules, plan_part(t, PLAN_MARK)) : NULL};
    set_field(t, t->world->entry, PLAN_REVIEW, NIL);
    ShakeOptions options = {.mark = library_mark(t), .macro = removed_marker(REMOVED_KEEP_MACROS), .keep_names = plan_flag(t, PLAN_KEEP_NAMES), .keep_undefined = plan_flag(t, PLAN_KEEP_STUBS), .soft = found.soft, .soft_count = found.soft_count, .reinstate = reinstate,
                            .explain = is_cons(plan_part(t, PLAN_INTERROGATE)) || plan_flag(t, PLAN_VERBOSE) || survey,
                            .broken = explain || survey || is_cons(plan_part(t, PLAN_INTERROGATE)) ? interrogate : NULL, .collected = collected};
    StringNames *names = strings_scan(t, plan_part(t, PLAN_MARK));
    options.data = &q;
    if (explain) explain_world(t, explain);
    shake_split(s, &options);
    questions_make(s, &q, plan_take(t, PLAN_INTERROGATE));
    properties.setf = shake_facet(s, SYM(SETF), FACET_WHOLE);
    properties.documentation = documentation;
    properties.plist_reader = shake_facet(s, plist_reader, FACET_FUNCTION);
    debug.none = alloc_boxed(t, TYPE_SIMPLE_VECTOR, DEBUG_SHORT_LENGTH, NIL);
    shake_why(s, "the list of what is to be kept");
    for (Obj l = plan_take(t, PLAN_ROOTS); is_cons(l); l = cdr(l)) shake_root(s, car(l));
    shake_why(s, "the list of names that are to be kept");
    for (Obj l = plan_take(t, PLAN_NAMES); is_cons(l); l = cdr(l)) shake_root(s, shake_facet(s, car(l), FACET_NAME));
    shake_why(s, "what the runtime needs at any time");
    uint64_t package_count, *packages = package_words(t, &package_count);
    finalizers_record(s);
    if (has_handles(t)) keep_static_symbols(s);
    needs_record(s, &found);
    packages_record(s);
    properties_record(s, NIL, &properties);
    shake_each_symbol(s, properties_record, &properties);
    identities_record(s, plan_take(t, PLAN_IDENTITIES));
    lisp_links_record(s, plan_take(t, PLAN_LINKS));
    heap_each(t->heap, object_record, &debug);
    strings_record(s, names);
    built_in_record(s, class_of, class_key);
    shake_collect(s);
    if (plan_flag(t, PLAN_NOTE_PACKAGES)) removed_packages_note(t, packages, package_count);
    free(packages);
    if (plan_flag(t, PLAN_VERBOSE)) report_figures(shake_figures(s));
    if (explain) explain_figures(explain, shake_figures(s));
    free(q.numbers);
    strings_free(names);
    shake_end(s);
}

/* -- Delivering -- */

/* The leaf of that name in the runtime, for a symbol whose own function is gone. */
static void leaf_restore(Thread *t, Obj symbol, const char *name) {
    if (is_function(symbol_slots(symbol)[SYMBOL_FUNCTION])) return;
    for (uint32_t i = 0; i < builtins_total(); i++) {
        if (strcmp(builtin_at(i)->name, name) != 0) continue;
        Obj f = alloc_boxed(t, TYPE_FUNCTION, 2, NIL);
        init_field(f, FUNCTION_CODE, obj_of_builtin(i));
        set_symbol(t, symbol, SYMBOL_FUNCTION, f);
    }
}

static void forget_binding(void *data, Obj *words, size_t bytes) {
    (void)data;
    (void)bytes;
    if (is_header(words[0]) && header_type(words[0]) == TYPE_SYMBOL)
        words[1 + SYMBOL_HASH] = obj_of_fix((int64_t)((uint64_t)fix_of_obj(words[1 + SYMBOL_HASH]) & UINT32_MAX)); /* NOBARRIER: immediate */
}

/* Which variables have been bound, and in what order, is history: nothing is bound now, and the program numbers them anew. */
static void bindings_forget(Thread *t) {
    heap_each(t->heap, forget_binding, NULL);
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++) forget_binding(NULL, (Obj *)(STATIC_SYMBOLS + SYMBOL_BYTES * i), SYMBOL_BYTES);
    t->world->tls_next = 1;
}

/* Sets the places of users whose links stay. */
static void places_set(Thread *t) {
    while (is_cons(plan_part(t, PLAN_PENDING))) {
        Obj call = car(plan_part(t, PLAN_PENDING)), arguments[2] = {cadr(call), caddr(call)};
        set_field(t, t->world->entry, PLAN_PENDING, cdr(plan_part(t, PLAN_PENDING)));
        lisp_call(t, car(call), 2, arguments);
        thread_abandon(t);
    }
}

/* Code that was made resident to be looked at is swapped again; that of other functions over it at a safe point: now. */
static void code_swap(Thread *t) {
    Obj swapper = plan_part(t, PLAN_SWAP);
    if (!is_function(swapper)) return;
    lisp_call(t, swapper, 0, NULL);
    thread_abandon(t);
    if (heap_work_waits(t->heap)) heap_collect_now(t);
}

/* The next plan comes to World.entry.  NULL, or what is wrong. */
static const char *plan_make(Thread *t, Obj planner) {
    Obj plan = lisp_call(t, planner, 0, NULL);
    if (is_string(plan)) return utf8_of_string(plan, NULL);
    t->world->entry = plan;
    thread_abandon(t);
    return NULL;
}

/* The same for a program with a shed: what the planner returns is a function that goes on when the world has been copied. */
static const char *plan_make_with_shed(Thread *t, Obj planner, Shed **shed) {
    const char *problem = plan_make(t, planner);
    if (problem || (problem = world_gather(t, true))) return problem;
    streams_finish(t);
    streams_detach(t);
    *shed = shed_begin(t);
    return plan_make(t, t->world->entry);
}

/* -- The survey of dynamic names -- */

/* In a process forked for it: writes the survey. */
NORETURN static void survey_run(Thread *t, int to) {
    FILE *survey = fdopen(to, "w");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    functions_remove(t);
    set_field(t, t->world->entry, PLAN_NEXT, NIL);
    set_field(t, t->world->entry, PLAN_SWAP, NIL);
    if (!survey || world_gather(t, true)) _exit(1);
    shake_round(t, NULL, survey, false);
    _exit(1);
}

/* What the survey of the plan found: a string in the heap, or NIL: it failed. */
static Obj survey_read(Thread *t) {
    int ends[2], status = 0;
    char *text = NULL, part[1 << 14];
    size_t length = 0;
    ssize_t n;
    if (pipe(ends) != 0) return NIL;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        survey_run(t, ends[1]);
    }
    close(ends[1]);
    FILE *to = open_memstream(&text, &length);
    must(to);
    while (child > 0 && (n = read(ends[0], part, sizeof part)) != 0)
        if (n > 0) fwrite(part, 1, (size_t)n, to);
        else if (errno != EINTR) break;
    close(ends[0]);
    fclose(to);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    Obj found = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? string_of_utf8(t, text, length) : NIL;
    free(text);
    return found;
}

/* Lisp judges what the survey found, until it has no other plan.  NULL, or what is wrong. */
static const char *plan_review(Thread *t) {
    while (is_function(plan_part(t, PLAN_REVIEW))) {
        Obj found = survey_read(t);
        if (is_nil(found)) return "the survey of dynamic names failed";
        Obj plan = lisp_call(t, plan_part(t, PLAN_REVIEW), 1, &found);
        thread_abandon(t);
        if (is_string(plan)) return utf8_of_string(plan, NULL);
        if (is_nil(plan)) return NULL;
        t->world->entry = plan;
    }
    return NULL;
}

typedef struct Delivery {
    ImageRequest request;
    char *facts, *heading; /* the file for facts about the program, or NULL; its first lines */
    char *shed; /* the file for what is shaken off, or NULL */
} Delivery;

/* A world that is not shaken is explained as it is. */
static void explain_unshaken(Thread *t, Explain *explain) {
    heap_compact(t);
    explain_begin(explain, plan_take(t, PLAN_TOLD));
    explain_whole(explain);
}

/* Writes the program, the facts about it, and what was shaken off. */
static const char *program_write(Thread *t, Delivery *d, Explain *explain, const Shed *shed, int *system_error) {
    ImageLayout layout = {0};
    ImageRequest *request = &d->request;
    if (explain) {
        explain_settle(explain);
        request->settled = explain_image;
        request->data = explain;
    }
    request->layout = &layout;
    const char *problem = image_save(t, request, system_error);
    if (!problem && explain) problem = explain_write(explain, &layout, system_error);
    if (!problem && shed && !request->dry) problem = shed_write(shed, d->shed, layout.build, system_error);
    return problem;
}

/* Tells a user at a terminal what is going on, and with how many bytes. */
static void progress(const char *phase, uint64_t bytes) {
    if (!isatty(STDERR_FILENO)) return;
    fprintf(stderr, "; %s", phase);
    if (bytes) fprintf(stderr, " %llu KB", (unsigned long long)bytes / 1024);
    fputc('\n', stderr);
}

static const char *work_deliver(Thread *t, void *data, int *system_error) {
    Delivery *d = data;
    ImageRequest *request = &d->request;
    Explain *explain = d->facts ? explain_make(t, d->facts, d->heading) : NULL;
    progress("gathering", 0);
    Shed *shed = NULL;
    const char *problem = d->shed ? plan_make_with_shed(t, t->world->entry, &shed) : plan_make(t, t->world->entry);
    if (problem || (problem = plan_review(t))) return problem;
    functions_remove(t);
    if ((problem = world_gather(t, true))) return problem;
    streams_detach(t);
    progress("shaking", heap_state(t->heap).bytes);
    if (plan_flag(t, PLAN_SHAKE)) {
        shake_round(t, explain, NULL, shed != NULL);
        places_set(t);
        if (is_function(plan_part(t, PLAN_NEXT))) {
            if ((problem = plan_make(t, plan_part(t, PLAN_NEXT)))) return problem;
            functions_remove(t);
            shake_round(t, explain, NULL, shed != NULL);
            places_set(t);
        }
        progress("shaken: left", heap_state(t->heap).bytes);
    } else if (explain) explain_unshaken(t, explain);
    if (plan_flag(t, PLAN_VERBOSE)) {
        report_census(t);
        report_runtime(t);
    }
    leaf_restore(t, SYM(ERROR), "ERROR");
    leaf_restore(t, SYM(LEAF_ERROR), "%LEAF-ERROR");
    leaf_restore(t, SYM(UNDEFINED_CALL), "%UNDEFINED-CALL");
    if (shed) {
        shed_settle(shed, d->shed, is_function(plan_part(t, PLAN_SWAP)));
        progress("shed", shed_bytes(shed));
    }
    code_swap(t);
    t->world->entry = plan_part(t, PLAN_ENTRY);
    bindings_forget(t);
    if (shed || has_handles(t)) request->kind = RUNTIME_WHOLE; /* the slim one has no swapper, and not all that the shed may call */
    progress("writing", 0);
    if (!purify(t)) return "pure space has no room for the code";
    writing_begins();
    return program_write(t, d, explain, shed, system_error);
}

BUILTIN(deliver_world, "%DELIVER-WORLD", 7, 7, "native-name runtime planner facts heading dry-p shed",
        "Write a program, by a process forked for it, as the plan says that PLANNER returns (deliver.c).  FACTS: a file for facts about it, or NIL; HEADING: its first lines.  DRY-P: the program itself is not "
        "written.  SHED: a file for what is shaken off, or NIL; then PLANNER returns a function that returns the plan.  NIL, or what went wrong, a string, and the system's error number.") {
    char *file = utf8_of_string(args[0], NULL), *runtime = is_string(args[1]) ? utf8_of_string(args[1], NULL) : NULL;
    Delivery d = {.request = {.file = file, .runtime = runtime ? runtime : "", .kind = runtime ? RUNTIME_WHOLE : RUNTIME_SLIM, .fitting = true, .mode = 0755,
                              .flags = IMAGE_OWN_ARGUMENTS, .dry = !is_nil(args[5])}};
    if (is_string(args[3])) d.facts = utf8_of_string(args[3], NULL);
    if (is_string(args[4])) d.heading = utf8_of_string(args[4], NULL);
    if (is_string(args[6])) d.shed = utf8_of_string(args[6], NULL);
    Obj entry = t->world->entry;
    t->world->entry = args[2];
    Obj result = fork_work(t, work_deliver, &d);
    t->world->entry = entry;
    free(file);
    free(runtime);
    free(d.facts);
    free(d.heading);
    free(d.shed);
    return result;
}

BUILTIN(executable_build, "%EXECUTABLE-BUILD", 1, 1, "native-name", "The number of the build of the image in that executable; or NIL, and what is wrong.") {
    char *file = utf8_of_string(args[0], NULL);
    uint64_t build;
    const char *why = NULL;
    bool found = image_build(file, &build, &why);
    free(file);
    return found ? integer_of_u64(t, build) : values_2(t, NIL, alloc_text(t, why));
}
