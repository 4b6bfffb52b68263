/* boot.c: from source to a world.

   Nearly always the world is an image that is mapped (start.c).  The first one is made from source: the library's forms are read by the C reader,
   compiled and run one by one, in the order of lisp/ORDER.  A top-level PROGN is taken apart, so that a macro defined in it serves the forms
   behind it. */
#include "main/boot.h"

#include "compile/compile.h"
#include "prim/prim.h"
#include "text/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void boot_eval(Thread *t, Obj form) {
    Obj f = compile_form(t, form, NIL);
    lisp_call(t, f, 0, NULL);
}

/* The forms lie on the Lisp stack while they wait: evaluation moves things. */
static void boot_eval_toplevel(Thread *t, Obj form) {
    if (!is_cons(form) || !eq(car(form), SYM(PROGN))) {
        boot_eval(t, form);
        return;
    }
    push_root(t, cdr(form));
    while (is_cons(t->top[-1])) {
        Obj first = car(t->top[-1]);
        t->top[-1] = cdr(t->top[-1]);
        boot_eval_toplevel(t, first);
    }
    pop_root(t);
}

static NORETURN void boot_fail(const char *name, const Reader *r) {
    fprintf(stderr, "windfall: %s:%u: %s\n", name, r->error_line ? r->error_line : r->line, r->message ? r->message : "cannot be read");
    exit(2);
}

/* Reads and evaluates all forms of a text in UTF-8, in package WINDFALL-SYSTEM, with nothing but the C reader and the compiler. */
static void boot_load_text(Thread *t, const char *name, const char *text, size_t bytes) {
    Reader r;
    Obj form;
    reader_start(&r, text, bytes, t->world->package_sys);
    r.line = 1;
    r.base_strings = r.note_places = true;
    r.exports = true;
    for (;;) {
        r.package = symbol_value(t, SYM(PACKAGE_VAR));
        r.features = symbol_value(t, SYM(FEATURES));
        unsigned line = r.line;
        if (!read_form(t, &r, &form)) break;
        push_root(t, form);
        Obj place = alloc_cons(t, alloc_text(t, name), alloc_cons(t, obj_of_fix(line), reader_places(t, &r)));
        set_symbol_value(t, SYM(SOURCE_PLACE), place);
        boot_eval_toplevel(t, pop_root(t));
    }
    if (r.status != READ_NOTHING) boot_fail(name, &r);
}

/* -- The library -- */

/* The contents of a file in memory of its own, ended by zero. */
static char *file_text(const char *name, size_t *bytes) {
    FILE *f = fopen(name, "rb");
    char *text = NULL;
    size_t size = 0, room = 0;
    while (f) {
        if (size + 1 >= room) text = realloc(text, room = room ? 2 * room : 1 << 16);
        must(text);
        size_t n = fread(text + size, 1, room - size - 1, f);
        if (n == 0) break;
        size += n;
    }
    if (!f || ferror(f)) {
        fprintf(stderr, "windfall: %s: %s\n", name, strerror(errno));
        exit(2);
    }
    fclose(f);
    text[size] = 0;
    *bytes = size;
    return text;
}

/* A file that is no Lisp becomes an element (name . text) of SYS::*LIBRARY-TEXTS*, for the next file to take. */
static void keep_text(Thread *t, const char *name, const char *text, size_t bytes) {
    Obj variable = intern_text(t, t->world->package_sys, "*LIBRARY-TEXTS*"), before = symbol_slots(variable)[SYMBOL_VALUE];
    Obj pair = alloc_cons(t, alloc_text(t, name), string_of_utf8(t, text, bytes));
    set_symbol(t, variable, SYMBOL_VALUE, alloc_cons(t, pair, is_list(before) ? before : NIL));
}

/* Loads the files that DIRECTORY/ORDER lists; their forms know them as lisp/NAME. */
static void load_library(Thread *t, const char *directory) {
    char path[4096], name[300];
    size_t bytes;
    snprintf(path, sizeof path, "%s/ORDER", directory);
    char *order = file_text(path, &bytes), *rest = order;
    for (char *word; (word = strtok_r(rest, " \n", &rest));) {
        snprintf(path, sizeof path, "%s/%s", directory, word);
        snprintf(name, sizeof name, "lisp/%s", word);
        char *text = file_text(path, &bytes);
        size_t length = strlen(word);
        if (length > 5 && !strcmp(word + length - 5, ".lisp")) boot_load_text(t, name, text, bytes);
        else keep_text(t, name, text, bytes);
        free(text);
    }
    free(order);
}

/* -- The world -- */

Thread *boot_library(const char *directory, size_t heap_limit, int argc, char **argv) {
    World *w = world_make(argc, argv);
    w->heap = heap_create(heap_limit);
    Thread *t = thread_create(w);
    packages_create(t);
    trampoline_create(t);
    builtins_install(t);
    set_symbol(t, SYM(PACKAGE_VAR), SYMBOL_VALUE, w->package_sys);
    set_symbol(t, SYM(FEATURES), SYMBOL_VALUE, NIL);
    set_symbol(t, SYM(SOURCE_PLACE), SYMBOL_VALUE, NIL);
    streams_create(t);
    compiler_create(t);
    load_library(t, directory);
    set_symbol(t, SYM(SOURCE_PLACE), SYMBOL_VALUE, NIL);
    set_symbol(t, SYM(PACKAGE_VAR), SYMBOL_VALUE, w->package_user);
    interrupts_enable(t);
    return t;
}
