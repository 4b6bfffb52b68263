/* main.c: the command line.

       windfall [OPTION...] [FILE [ARGUMENT...]]

   C knows the options' syntax and what must be known before there is a heap; what they do is SYS::%TOPLEVEL's affair (lisp/repl.lisp), which
   gets them as a list in the order given and returns the exit code.
   `windfall deliver ...` is SYS::%DELIVER-COMMAND's affair, `windfall explain ...` SYS::%EXPLAIN-COMMAND's.  An executable that was saved with a toplevel function has no options: the whole command line is the application's.  Exit codes: EXT:QUIT's, 1 after an uncaught error, 2 for a
   command line that makes no sense. */
#include "main/boot.h"
#include "compile/compile.h"
#include "main/edit.h"
#include "prim/prim.h"
#include "text/text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define VERSION "0.1.0"

typedef struct Action {
    const char *kind, *text; /* "EVAL", "LOAD" */
} Action;

typedef struct Options {
    Action *actions;
    int action_count;
    size_t heap_limit;
    bool no_init, quit, verify;
    const char *command; /* the Lisp function of `deliver` or `explain`, or NULL */
    const char *script, *image, *shadow;
    int64_t swap_pages; /* -1: not given */
    bool compress;      /* shadow space */
    ImageFile *image_file; /* of --image */
    const char *library, *save, *runtime, *slim; /* for those who build the system */
    char **arguments; /* NULL-ended: those of the script */
} Options;

static const char usage[] = "usage: windfall [OPTION...] [FILE [ARGUMENT...]]\n       windfall deliver FILE|SYSTEM [OPTION...]\n       windfall explain PROGRAM [NAME...]\n";
static const char help[] =
    "Runs the Lisp program FILE, or without one reads forms and prints their values.  DELIVER makes an executable of a program; try windfall deliver --help.\n"
    "EXPLAIN tells what is in one, and why; try windfall explain --help.\n"
    "\n"
    "  --eval FORM        evaluate FORM                  (--eval and --load are done in the order given)\n"
    "  --load FILE        load FILE\n"
    "  --quit             end after --eval and --load instead of reading forms\n"
    "  --script FILE      the same as FILE without option; what follows are its arguments\n"
    "  --image FILE       start from the image in FILE instead of the system's own\n"
    "  --verify-image     check the image's contents against their checksums first\n"
    "  --heap-limit N     use at most N bytes of memory for objects; K, M, G may follow the number\n"
    "  --swap             swap the compiled code of definitions, as MKSWAPP says\n"
    "  --swap-buffer N    a swapping buffer of N pages of 4 KB\n"
    "  --shadow FILE      keep swapped arrays in FILE instead of a temporary file\n"
    "  --shadow-compression WHAT   zstd: compress swapped arrays; none: do not, as without the option\n"
    "  --no-init          do not load ~/.windfallrc\n"
    "  --library DIR      make the system anew from its library's source in DIR\n"
    "  --save FILE        save the system as an executable FILE and end; with --runtime R behind the runtime in R\n"
    "                     and, with --slim S, the one in S for delivered programs\n"
    "  --version          print the version and end\n"
    "  --help             print this and end\n"
    "\n"
    "A program's arguments are in WINDFALL:*COMMAND-LINE-ARGUMENTS*.  The exit code is that of (QUIT code), 1 after an\n"
    "uncaught error, 2 for a wrong command line, otherwise 0.\n";

/* -- Options -- */

NORETURN static void wrong_usage(const char *what, const char *word) {
    fprintf(stderr, "windfall: %s: %s\n%sTry windfall --help.\n", what, word, usage);
    exit(2);
}

/* A number of bytes with an optional K, M or G. */
static size_t parse_bytes(const char *text) {
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    int shift = 0;
    if (end == text || text[0] == '-') wrong_usage("not a number of bytes", text);
    if (*end) {
        static const char units[] = "kKmMgG";
        const char *unit = strchr(units, *end);
        if (!unit || end[1]) wrong_usage("not a number of bytes", text);
        shift = 10 * (1 + (int)(unit - units) / 2);
    }
    if (n == 0 || n > (UINT64_MAX >> 20) >> shift) wrong_usage("not a possible size", text);
    return (size_t)n << shift;
}

static int64_t parse_pages(const char *text) {
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (end == text || *end || text[0] == '-' || n > SWAP_PAGES_MOST) wrong_usage("not a possible number of pages", text);
    return (int64_t)n;
}

/* The value of the option in argv[*i]: behind its =, or the next word. */
static bool parse_compression(const char *word) {
    if (strcmp(word, "zstd") && strcmp(word, "none")) wrong_usage("not zstd or none", word);
    return !strcmp(word, "zstd");
}

static const char *option_value(char **argv, int *i) {
    const char *equals = strchr(argv[*i], '=');
    if (equals) return equals + 1;
    if (!argv[*i + 1]) wrong_usage("an argument is missing", argv[*i]);
    return argv[++*i];
}

static bool is_option(const char *word, const char *option) {
    size_t n = strlen(option);
    return !strncmp(word, option, n) && (word[n] == 0 || word[n] == '=');
}

static void print_and_exit(const char *first, const char *second) {
    fputs(first, stdout);
    fputs(second, stdout);
    exit(fflush(stdout) ? 1 : 0);
}

static void parse_option(Options *o, char **argv, int *i) {
    const char *word = argv[*i];
    if (is_option(word, "--eval")) o->actions[o->action_count++] = (Action){"EVAL", option_value(argv, i)};
    else if (is_option(word, "--load")) o->actions[o->action_count++] = (Action){"LOAD", option_value(argv, i)};
    else if (is_option(word, "--heap-limit")) o->heap_limit = parse_bytes(option_value(argv, i));
    else if (!strcmp(word, "--swap")) o->actions[o->action_count++] = (Action){"EVAL", "(cl:setq windfall:noswapflg cl:nil)"};
    else if (is_option(word, "--swap-buffer")) o->swap_pages = parse_pages(option_value(argv, i));
    else if (is_option(word, "--shadow-compression")) o->compress = parse_compression(option_value(argv, i));
    else if (is_option(word, "--shadow")) o->shadow = option_value(argv, i);
    else if (is_option(word, "--image")) o->image = option_value(argv, i);
    else if (is_option(word, "--library")) o->library = option_value(argv, i);
    else if (is_option(word, "--save")) o->save = option_value(argv, i);
    else if (is_option(word, "--runtime")) o->runtime = option_value(argv, i);
    else if (is_option(word, "--slim")) o->slim = option_value(argv, i);
    else if (!strcmp(word, "--verify-image")) o->verify = true;
    else if (is_option(word, "--script")) o->script = option_value(argv, i);
    else if (!strcmp(word, "--quit")) o->quit = true;
    else if (!strcmp(word, "--no-init")) o->no_init = true;
    else if (!strcmp(word, "--version")) print_and_exit("Windfall " VERSION "\n", "");
    else if (!strcmp(word, "--help") || !strcmp(word, "-h")) print_and_exit(usage, help);
    else wrong_usage("unknown option", word);
}

static void open_image(Options *o) {
    const char *why = NULL;
    o->image_file = image_open(o->image, &why);
    if (!o->image_file) image_refused(o->image, why);
}

static Options parse_options(int argc, char **argv) {
    Options o = {.actions = calloc((size_t)argc + 1, sizeof(Action)), .arguments = argv + argc, .swap_pages = -1};
    must(o.actions);
    if (argc > 1 && (!strcmp(argv[1], "deliver") || !strcmp(argv[1], "explain"))) {
        o.command = argv[1][0] == 'd' ? "%DELIVER-COMMAND" : "%EXPLAIN-COMMAND";
        o.quit = true;
        o.arguments = argv + 2;
        return o;
    }
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--")) {
            o.arguments = argv + i + 1;
            break;
        }
        if (argv[i][0] != '-' || !argv[i][1]) o.script = argv[i];
        else parse_option(&o, argv, &i);
        if (o.image && !o.image_file) {
            open_image(&o);
            if (image_flags(o.image_file) & IMAGE_OWN_ARGUMENTS) { /* the rest is the application's */
                o.arguments = argv + i + 1;
                break;
            }
        }
        if (o.script) {
            o.arguments = argv + i + 1;
            break;
        }
    }
    return o;
}

/* -- The call -- */

static Obj text_or_nil(Thread *t, const char *text) { return text ? string_of_utf8(t, text, strlen(text)) : NIL; }

static Obj action_list(Thread *t, const Options *o) {
    Obj list = NIL;
    for (int i = o->action_count; i-- > 0;) {
        Obj kind = intern_text(t, t->world->package_keyword, o->actions[i].kind);
        list = alloc_cons(t, alloc_cons(t, kind, text_or_nil(t, o->actions[i].text)), list);
    }
    return list;
}

/* -- The world -- */

/* The world that the options ask for: the library's, an image's, or that of the image in the executable. */
static Thread *world_start(const Options *o, ImageFile *own, int argc, char **argv) {
    if (o->library) return boot_library(o->library, o->heap_limit, argc, argv);
    const char *name = o->image ? o->image : argv[0] ? argv[0] : "windfall", *why = NULL;
    ImageFile *image = o->image_file ? o->image_file : own;
    if (!image) image_refused(name, "this executable holds no image; use --image FILE or --library DIR");
    if ((o->verify || getenv("WINDFALL_VERIFY_IMAGE")) && (why = image_verify(image))) image_refused(name, why);
    bool foreign = image_is_foreign(image);
    Thread *t = boot_image(image, name, o->heap_limit, argc, argv);
    if (foreign) compiler_create(t);
    else compiler_attach(t);
    return t;
}

/* Saves the system before anything has run in it. */
static int save_system(Thread *t, const Options *o) {
    int error = 0;
    ImageRequest request = {.file = o->save, .runtime = o->runtime ? o->runtime : "", .slim = o->slim, .mode = 0755, .purify = true};
    const char *what = world_save(t, &request, &error);
    if (!what) return 0;
    fprintf(stderr, "windfall: cannot save %s: %s%s%s\n", o->save, what, error ? ": " : "", error ? strerror(error) : "");
    return 1;
}

int main(int argc, char **argv) {
    const char *why = NULL;
    ImageFile *own = image_open(NULL, &why);
    const char *own_problem = why;
    bool application = own && image_flags(own) & IMAGE_OWN_ARGUMENTS;
    Options o = {.actions = NULL, .arguments = argv + (argc > 0), .swap_pages = -1};
    if (!application) o = parse_options(argc, argv);
    if (own_problem && !o.image && !o.library) image_refused(argv[0] ? argv[0] : "windfall", own_problem);
    Thread *t = world_start(&o, own, argc, argv);
    if (o.save) return save_system(t, &o);
    if (o.shadow) swap_set_file(t, o.shadow);
    if (o.compress && !swap_set_compression(t, -1)) {
        fputs("windfall: --shadow-compression needs the library libzstd.so.1, which cannot be opened\n", stderr);
        return 1;
    }
    if (o.swap_pages >= 0) swap_set_buffer(t, (size_t)o.swap_pages);
    if (!is_nil(t->world->entry)) return world_run_entry(t, o.arguments);
    if (!o.script && !o.quit) edit_create(t);
    if (o.command) {
        Obj list = argument_list(t, o.arguments);
        return world_run(t, o.command, 1, &list);
    }
    Obj call[5] = {action_list(t, &o), text_or_nil(t, o.script), argument_list(t, o.arguments), obj_of_bool(o.no_init), obj_of_bool(o.quit)};
    free(o.actions);
    int code = world_run(t, "%TOPLEVEL", COUNT_OF(call), call);
    edit_end(t);
    return code;
}

#ifdef __SANITIZE_ADDRESS__
/* What lives as long as the process is referred to from memory that the leak detector does not read. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif
