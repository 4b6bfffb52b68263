/* start.c: an image becomes the world of this process and runs.

   The world of a delivered program has an entry, the function that is the program; every other begins with SYS::%TOPLEVEL, which is told what the command
   line asks for.  Both return the exit code. */
#include "main/boot.h"

#include "prim/prim.h"
#include "text/text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

World *world_make(int argc, char **argv) {
    World *w = calloc(1, sizeof *w);
    must(w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->argc = argc;
    w->argv = argv;
    return w;
}

NORETURN void image_refused(const char *name, const char *why) {
    fprintf(stderr, "windfall: %s: %s\n", name, why);
    exit(2);
}

Thread *boot_image(ImageFile *image, const char *name, size_t heap_limit, int argc, char **argv) {
    const char *why;
    Thread *t = image_load(image, world_make(argc, argv), heap_limit, &why);
    if (!t) image_refused(name, why);
    streams_attach(t);
    interrupts_enable(t);
    return t;
}

Obj argument_list(Thread *t, char **arguments) {
    Obj list = NIL;
    int n = 0;
    while (arguments[n]) n++;
    while (n-- > 0) list = alloc_cons(t, string_of_utf8(t, arguments[n], strlen(arguments[n])), list);
    return list;
}

int world_run(Thread *t, const char *function, uint32_t n, const Obj *arguments) {
    return streams_exit_code(t, lisp_call(t, intern_text(t, t->world->package_sys, function), n, arguments));
}

int world_run_entry(Thread *t, char **arguments) {
    if (!is_function(symbol_slots(SYM(INTERRUPT))[SYMBOL_FUNCTION])) signal(SIGINT, SIG_DFL);
    Obj list = argument_list(t, arguments);
    return streams_exit_code(t, lisp_call(t, t->world->entry, 1, &list));
}
