/* boot.c: from nothing to a world with the library loaded.

   The library is Lisp text inside the executable (tools/embed makes `library_files`).  Its forms are read by the C reader, compiled and run one by
   one, in the order of lisp/ORDER.  A top-level PROGN is taken apart, so that a macro defined in it serves the forms behind it. */
#include "main/boot.h"

#include "compile/compile.h"
#include "prim/prim.h"
#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct LibraryFile {
    const char *name, *start, *end;
} LibraryFile;
extern const LibraryFile library_files[];

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

void boot_load_text(Thread *t, const char *name, const char *text, size_t bytes) {
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

Thread *boot_world(size_t heap_limit, int argc, char **argv) {
    World *w = calloc(1, sizeof *w);
    must(w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->argc = argc;
    w->argv = argv;
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
    for (const LibraryFile *f = library_files; f->name; f++)
        boot_load_text(t, f->name, f->start, (size_t)(f->end - f->start));
    interrupts_enable(t);
    return t;
}
