/* edit.c: lines of a terminal, with editing and history, by libedit.

   The library is looked for when a terminal is to be edited on, not before: starts stay short, and the system runs where it is missing.

   Standard input asks `edit_read` for bytes when it is a terminal; so READ and READ-LINE need not know.  The prompt is the REPL's: SYS::%SET-PROMPT says what
   stands before the first line and before those that continue it; without a prompt (a program reads) the terminal's own line discipline
   is used, since what the program printed on the line is not ours to redraw.  A signal ends the call with nothing consumed.

   History is kept in ~/.windfall_history. */
#include "main/edit.h"

#include "prim/prim.h"
#include "text/text.h"

#include <dlfcn.h>
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_SIZE = 1000, READ_AGAIN = -2 };

/* The functions of libedit that are used, at the places of their own names. */
#define EDIT_FUNCTIONS(X) X(el_init) X(el_end) X(el_set) X(el_get) X(el_gets) X(el_source) X(history_init) X(history_end) X(history)

typedef struct Library {
#define X(name) __typeof__(&name) name;
    EDIT_FUNCTIONS(X)
#undef X
} Library;

/* False if the library, or a function, is missing. */
static bool library_open(Library *l) {
    void *at = dlopen("libedit.so.2", RTLD_NOW | RTLD_GLOBAL);
    if (!at) return false;
#define X(name) l->name = (__typeof__(l->name))dlsym(at, #name);
    EDIT_FUNCTIONS(X)
#undef X
#define X(name) && l->name
    return true EDIT_FUNCTIONS(X);
#undef X
}

struct Editor {
    Library lib;
    EditLine *el;
    History *history;
    Thread *t;
    char *prompt, *continued; /* malloc'ed; prompt NULL: no editing */
    char *file;               /* of the history */
    char *rest;               /* what of the last line did not fit, malloc'ed */
    size_t rest_bytes;
};

/* The editor that a call-back of the library belongs to. */
static struct Editor *editor_of(EditLine *el) {
    struct Editor *e = NULL;
    __typeof__(&el_get) get = (__typeof__(&el_get))dlsym(RTLD_DEFAULT, "el_get");
    must(get && get(el, EL_CLIENTDATA, &e) == 0);
    return e;
}

static char *current_prompt(EditLine *el) {
    struct Editor *e = editor_of(el);
    return e->prompt;
}

/* One character of the terminal for libedit: 1, 0 at the end, -1 when a signal came. */
static int next_character(EditLine *el, wchar_t *c) {
    struct Editor *e = editor_of(el);
    mbstate_t state = {0};
    for (;;) {
        char byte;
        if (!wait_for_input(e->t, 0)) return -1;
        ssize_t n = read(0, &byte, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        size_t used = mbrtowc(c, &byte, 1, &state);
        if (used == (size_t)-1) {
            *c = 0xFFFD;
            return 1;
        }
        if (used != (size_t)-2) return 1;
    }
}

/* Gives out what is left of the last line. */
static int64_t take_rest(struct Editor *e, uint8_t *to, size_t size) {
    size_t n = e->rest_bytes < size ? e->rest_bytes : size;
    memcpy(to, e->rest, n);
    memmove(e->rest, e->rest + n, e->rest_bytes - n);
    e->rest_bytes -= n;
    return (int64_t)n;
}

static int64_t read_plain(Thread *t, uint8_t *to, size_t size) {
    for (;;) {
        if (!wait_for_input(t, 0)) return READ_AGAIN;
        ssize_t n = read(0, to, size);
        if (n >= 0) return n;
        if (errno != EINTR) return 0;
    }
}

static void remember(struct Editor *e, const char *line) {
    HistEvent ev;
    if (line[0] == '\n' || line[0] == 0) return;
    e->lib.history(e->history, &ev, H_ENTER, line);
    if (e->file) e->lib.history(e->history, &ev, H_SAVE, e->file);
}

static int64_t edit_read(Thread *t, uint8_t *to, size_t size) {
    struct Editor *e = t->world->editor;
    if (e->rest_bytes) return take_rest(e, to, size);
    if (!e->prompt) return read_plain(t, to, size);
    if (t->event & EVENT_INTERRUPT) return READ_AGAIN;
    int count = 0;
    const char *line = e->lib.el_gets(e->el, &count);
    if (!line || count <= 0) {
        bool interrupted = t->event & EVENT_INTERRUPT;
        if (write(1, "\n", 1) < 0) return 0;
        return interrupted ? READ_AGAIN : 0;
    }
    remember(e, line);
    free(e->prompt);
    e->prompt = strdup(e->continued);
    e->rest = realloc(e->rest, (size_t)count);
    must(e->rest);
    memcpy(e->rest, line, (size_t)count);
    e->rest_bytes = (size_t)count;
    return take_rest(e, to, size);
}

static char *history_file(void) {
    const char *home = getenv("HOME");
    char *name = NULL;
    if (!home || asprintf(&name, "%s/.windfall_history", home) < 0) return NULL;
    return name;
}

void edit_create(Thread *t) {
    const char *terminal = getenv("TERM");
    if (!isatty(0) || !isatty(1) || !terminal || !strcmp(terminal, "dumb")) return;
    setlocale(LC_CTYPE, "");
    struct Editor *e = calloc(1, sizeof *e);
    must(e);
    HistEvent ev;
    bool usable = library_open(&e->lib);
    e->t = t;
    e->el = usable ? e->lib.el_init("windfall", stdin, stdout, stderr) : NULL;
    e->history = usable ? e->lib.history_init() : NULL;
    if (!e->el || !e->history) {
        free(e);
        return;
    }
    e->file = history_file();
    e->lib.history(e->history, &ev, H_SETSIZE, HISTORY_SIZE);
    e->lib.history(e->history, &ev, H_SETUNIQUE, 1);
    if (e->file) e->lib.history(e->history, &ev, H_LOAD, e->file);
    e->lib.el_set(e->el, EL_CLIENTDATA, e);
    e->lib.el_set(e->el, EL_PROMPT, current_prompt);
    e->lib.el_set(e->el, EL_EDITOR, "emacs");
    e->lib.el_set(e->el, EL_SIGNAL, 0);
    e->lib.el_set(e->el, EL_HIST, e->lib.history, e->history);
    e->lib.el_set(e->el, EL_GETCFN, next_character);
    e->lib.el_source(e->el, NULL);
    t->world->editor = e;
    t->world->line_reader = edit_read;
}

void edit_end(Thread *t) {
    struct Editor *e = t->world->editor;
    if (!e) return;
    e->lib.el_end(e->el);
    e->lib.history_end(e->history);
    t->world->line_reader = NULL;
    t->world->editor = NULL;
}

BUILTIN(set_prompt, "%SET-PROMPT", 2, 2, "prompt continued",
        "What the line editor shows before the next line and before those that follow it; NIL: no editing.  False if there is no editor.") {
    struct Editor *e = t->world->editor;
    if (!e) return NIL;
    free(e->prompt);
    free(e->continued);
    e->prompt = is_nil(args[0]) ? NULL : utf8_of_string(args[0], NULL);
    e->continued = is_nil(args[1]) ? NULL : utf8_of_string(args[1], NULL);
    return T_;
}
