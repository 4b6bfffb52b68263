/* compile.c: forms to functions: the context of a compilation, and the list of passes.

       analyse    form -> tree: macros expanded, names resolved, declarations read, calls of known functions made instructions
       optimise   tree -> tree: constants folded, local functions that are called once or in loops put in place, dead code dropped
       infer      types of values; typed instructions where they are certain or declared
       capture    who lives where: owners of variables, values that closures copy, cells, exits that need a mark
       generate   tree -> instructions of a stack-disciplined register machine; assemble.c makes the code vector of them

   Only the analysis runs Lisp code (macro functions, the macroexpand hook, LOAD-TIME-VALUE); behind it nothing moves.

   A macro function may leave through the compiler by a non-local exit: then the context stays behind in the world's list.  A context that is
   in use is inside `lisp_call`, so its depth is less than that of the thread; at the next entry all others are freed.

   Limit: forms nested so deeply that a recursive walk would use more than STACK_LIMIT bytes of C stack are a PROGRAM-ERROR. */
#include "compile/compiler.h"
#include "run/hash.h"
#include "text/text.h"

#include <stdarg.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 64 * 1024, STACK_LIMIT = 3 * 1024 * 1024, ROOTS_AT_FIRST = 1024 };

/* -- The arena -- */

typedef struct ArenaChunk {
    struct ArenaChunk *next;
    size_t used, size;
    _Alignas(16) char bytes[];
} ArenaChunk;

void *arena_alloc(Compiler *c, size_t bytes) {
    bytes = bits_round_up(bytes, 16);
    ArenaChunk *a = c->arena;
    if (!a || a->size - a->used < bytes) {
        size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        a = malloc(sizeof *a + size);
        must(a != NULL);
        a->next = c->arena;
        a->used = 0;
        a->size = size;
        c->arena = a;
    }
    void *p = a->bytes + a->used;
    a->used += bytes;
    memset(p, 0, bytes);
    return p;
}

/* -- References -- */

Ref ref_new(Compiler *c, Obj x) {
    if (c->root_count == c->root_room) {
        c->root_room *= 2;
        c->roots = realloc(c->roots, c->root_room * sizeof(Obj));
        must(c->roots != NULL);
    }
    c->roots[c->root_count] = x;
    return (Ref){c->root_count++};
}

Ref ref_list(Compiler *c, Obj list, uint32_t *count) {
    Ref first = {c->root_count};
    uint32_t n = 0;
    for (Obj x = list; is_cons(x); x = cdr(x), n++) {
        ref_new(c, car(x));
        if (!is_list(cdr(x))) compile_error(c, "~S is not a proper list", 1, list);
        must(n < UINT32_MAX / 2);
    }
    *count = n;
    return first;
}

static void compiler_scan(Thread *t, void *data, RootVisitor visit, void *visitor_data) {
    (void)data;
    for (Compiler *c = t->world->compiler; c; c = c->outer) visit(visitor_data, c->roots, c->root_count, "compiler");
}

/* -- Errors and warnings -- */

void compile_error(Compiler *c, const char *control, uint32_t count, ...) {
    Obj args[2] = {NIL, NIL};
    va_list list;
    va_start(list, count);
    for (uint32_t i = 0; i < count; i++) args[i] = va_arg(list, Obj);
    va_end(list);
    signal_format(c->t, SYM(PROGRAM_ERROR), control, count, args[0], args[1]);
}

/* Notes a warning; it is given when the analysis is done. */
void compile_warn(Compiler *c, const char *kind, const char *control, Ref argument, Ref form) {
    Warning *w = arena_alloc(c, sizeof *w);
    *w = (Warning){NULL, kind, control, argument, form, c->line};
    *c->last_warning = w;
    c->last_warning = &w->next;
}

/* A compilation unit's notes: (quoted . called), each NIL or a table that is weak in its keys, for a unit may last as long as the program (LOAD of a
   script that serves for ever); uninterned symbols are not noted.  CALLED are the functions without definition that code refers to: their cells, with (name file . line).  QUOTED
   are symbols without definition that stand as constants in the code: what the forms of the file may define when it is loaded. */
static Obj unit_notes(Compiler *c) {
    Obj notes = symbol_value(c->t, SYM(UNDEFINED_FUNCTIONS));
    return is_cons(notes) ? notes : NIL;
}

static Obj notes_table(Thread *t, Obj *slot) {
    if (is_nil(*slot)) set_slot(t, slot, table_make(t, TEST_EQ, SYM(EQ), 16, ENTRIES_WEAK_KEY));
    return *slot;
}

/* The function of that name is referred to. */
void compile_note_call(Compiler *c, Ref name, uint32_t line) {
    Obj notes = unit_notes(c), x = ref(c, name), known;
    if (is_nil(notes) || (is_symbol(x) && is_nil(symbol_slots(x)[SYMBOL_PACKAGE]))) return;
    Obj cell = function_name_cell(c->t, x);
    if (!eq(symbol_slots(cell)[SYMBOL_FUNCTION], UNBOUND)) return;
    Obj table = notes_table(c->t, &cons_slots(notes)[1]);
    if (table_get(c->t, table, cell, &known)) return;
    Obj place = alloc_cons(c->t, ref(c, c->file), obj_of_fix(line));
    table_put(c->t, table, cell, alloc_cons(c->t, x, place));
}

/* The object is a constant. */
static void note_quoted(Compiler *c, Obj notes, Obj x, unsigned depth) {
    for (unsigned n = 0; is_cons(x) && n < 256; x = cdr(x), n++)
        if (depth < 4) note_quoted(c, notes, car(x), depth + 1);
    if (is_nil(x) || !is_symbol(x) || is_keyword(x) || is_nil(symbol_slots(x)[SYMBOL_PACKAGE]) || !eq(symbol_slots(x)[SYMBOL_FUNCTION], UNBOUND)) return;
    table_put(c->t, notes_table(c->t, &cons_slots(notes)[0]), x, T_);
}
void compile_note_quoted(Compiler *c, Ref r) {
    Obj notes = unit_notes(c);
    if (!is_nil(notes)) note_quoted(c, notes, ref(c, r), 0);
}

/* Calls (SYS::%COMPILER-WARN kind control arguments form) for what was noted. */
static void compiler_give_warnings(Compiler *c) {
    Thread *t = c->t;
    if (eq(symbol_slots(SYM(COMPILER_WARN))[SYMBOL_FUNCTION], UNBOUND)) return;
    for (Warning *w = c->warnings; w; w = w->next) {
        Obj args[4];
        args[0] = intern_text(t, t->world->package_keyword, w->kind);
        args[1] = alloc_text(t, w->control);
        args[2] = alloc_cons(t, ref(c, w->argument), NIL);
        args[3] = ref(c, w->form);
        Obj *bindings = t->binding_top;
        if (w->line) bind_special(t, SYM(SOURCE_PLACE), alloc_cons(t, ref(c, c->file), obj_of_fix(w->line)));
        lisp_call(t, SYM(COMPILER_WARN), 4, args);
        unbind_to(t, bindings);
    }
}

/* Fails if the C stack below the outermost entry has grown too large. */
void stack_check(Compiler *c) {
    char here;
    if (c->stack_mark - &here > STACK_LIMIT) compile_error(c, "The form is nested too deeply to be compiled", 0);
}

/* -- Contexts -- */

static void compiler_free(Compiler *c) {
    c->t->world->compiler = c->outer;
    for (ArenaChunk *a = c->arena, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    free(c->roots);
    free(c);
}

/* *SOURCE-PLACE*: (file . line) or (file line . places). */
static void compiler_read_place(Compiler *c) {
    Obj place = symbol_value(c->t, SYM(SOURCE_PLACE));
    Obj rest = is_cons(place) ? cdr(place) : NIL;
    Obj line = is_cons(rest) ? car(rest) : rest;
    c->file = ref_new(c, is_cons(place) ? car(place) : NIL);
    c->places = ref_new(c, is_cons(rest) && has_type(cdr(rest), TYPE_SIMPLE_VECTOR) ? cdr(rest) : NIL);
    c->line = is_fix(line) ? (uint32_t)fix_of_obj(line) : 0;
}

/* A new context inside `outer`, whose memory it does not share.  Root 0 is NIL. */
static Compiler *compiler_new(Thread *t, Compiler *outer) {
    Compiler *c = calloc(1, sizeof *c);
    must(c != NULL);
    char here;
    c->outer = outer;
    c->t = t;
    c->depth = t->depth;
    c->root_room = ROOTS_AT_FIRST;
    c->roots = malloc(c->root_room * sizeof(Obj));
    must(c->roots != NULL);
    c->stack_mark = outer ? outer->stack_mark : &here;
    c->last_warning = &c->warnings;
    ref_new(c, NIL);
    compiler_read_place(c);
    t->world->compiler = c;
    return c;
}

/* The context of a compilation that Lisp asks for; contexts that were left by non-local exits are freed. */
static Compiler *compiler_enter(Thread *t) {
    Compiler *c = t->world->compiler;
    while (c && c->depth >= t->depth) {
        compiler_free(c);
        c = t->world->compiler;
    }
    return compiler_new(t, c);
}

void compiler_attach(Thread *t) {
    t->world->compiler = NULL;
    heap_add_roots(t->heap, compiler_scan, NULL);
}

void compiler_create(Thread *t) {
    compiler_attach(t);
    inline_create(t);
}

/* -- The passes -- */

static Obj compiler_run(Compiler *c, Lambda *top) {
    optimise(c, top);
    compiler_give_warnings(c);
    infer_types(c, top);
    capture(c, top);
    Obj function = generate(c, top);
    compiler_free(c);
    return function;
}

static Obj compile_lambda_in(Compiler *c, Obj lambda, Obj environment) {
    Ref expression = ref_new(c, lambda);
    Scope *s = scope_of_environment(c, environment);
    return compiler_run(c, analyse_lambda(c, s, expression));
}

static Obj compile_form_in(Compiler *c, Obj form, Obj environment) {
    Ref f = ref_new(c, form);
    Scope *s = scope_of_environment(c, environment);
    Lambda *top = arena_alloc(c, sizeof *top);
    c->lambda = top;
    top->line = c->line;
    top->body = analyse(c, s, f);
    return compiler_run(c, top);
}

Obj compile_form(Thread *t, Obj form, Obj environment) { return compile_form_in(compiler_enter(t), form, environment); }
Obj compile_lambda(Thread *t, Obj lambda, Obj environment) { return compile_lambda_in(compiler_enter(t), lambda, environment); }

Obj compile_form_for_file(Thread *t, Obj form, Obj environment) {
    Compiler *c = compiler_enter(t);
    c->for_file = true;
    return compile_form_in(c, form, environment);
}

Obj compile_lambda_for_file(Thread *t, Obj lambda, Obj environment) {
    Compiler *c = compiler_enter(t);
    c->for_file = true;
    return compile_lambda_in(c, lambda, environment);
}

/* Compiles a lambda expression while another compilation goes on. */
Obj compile_nested(Compiler *c, Ref lambda, Obj environment) {
    return compile_lambda_in(compiler_new(c->t, c), ref(c, lambda), environment);
}

/* Evaluates a form in the null environment while another compilation goes on. */
Obj compile_evaluate(Compiler *c, Ref form) {
    Obj function = compile_form_in(compiler_new(c->t, c), ref(c, form), NIL);
    return lisp_call(c->t, function, 0, NULL);
}

/* A cell that holds the function which evaluates the form: for COMPILE-FILE. */
Obj compile_later(Compiler *c, Ref form) {
    Compiler *inner = compiler_new(c->t, c);
    inner->for_file = true;
    Obj function = compile_form_in(inner, ref(c, form), NIL);
    return alloc_boxed(c->t, TYPE_CELL, 1, function);
}
