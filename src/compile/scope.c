/* scope.c: lexical scopes: what a name means at a place in the source, and the ENVIRONMENT objects that macro functions see of it.

   A scope is a chain of entries, the innermost first; every name looked up walks it.  An ENVIRONMENT is made only when a macro function is
   called inside a scope, and kept in the entry, so entries are turned into Lisp data once.  The other way, `scope_of_environment` makes
   entries of an ENVIRONMENT that Lisp hands to the compiler; its lexical variables and functions belong to code that does not run
   yet, so they become aliens: names that are known and may not be used. */
#include "compile/compiler.h"
#include "text/text.h"

Scope *scope_push(Compiler *c, Scope *up, ScopeKind kind, Ref name) {
    Scope *s = arena_alloc(c, sizeof *s);
    s->kind = (uint8_t)kind;
    s->name = name;
    s->up = up;
    return s;
}

/* (SETF symbol) */
static bool is_setf_name(Obj x) {
    return is_cons(x) && eq(car(x), SYM(SETF)) && is_cons(cdr(x)) && is_symbol(cadr(x)) && is_nil(cddr(x));
}
bool is_function_name(Obj x) { return is_symbol(x) || is_setf_name(x); }

/* EQ, or the same (SETF symbol). */
bool function_names_equal(Obj a, Obj b) { return eq(a, b) || (is_setf_name(a) && is_setf_name(b) && eq(cadr(a), cadr(b))); }

/* The entry that says what the symbol means as a variable; NULL if the scope says nothing. */
Scope *scope_variable(const Compiler *c, Scope *s, Obj name) {
    for (; s; s = s->up)
        if (s->kind <= SCOPE_ALIEN_VARIABLE && eq(ref(c, s->name), name)) return s;
    return NULL;
}

/* The entry that says what the name means as an operator. */
Scope *scope_function(Compiler *c, Scope *s, Obj name) {
    for (; s; s = s->up)
        if (s->kind >= SCOPE_FUNCTION && s->kind <= SCOPE_ALIEN_FUNCTION && function_names_equal(ref(c, s->name), name)) return s;
    return NULL;
}

/* Whether calls of the global function may not be inlined here. */
bool scope_notinline(Compiler *c, Scope *s, Obj name) {
    for (; s; s = s->up)
        if ((s->kind == SCOPE_INLINE || s->kind == SCOPE_NOTINLINE) && function_names_equal(ref(c, s->name), name)) return s->kind == SCOPE_NOTINLINE;
    return is_symbol(name) && eq(symbol_info(name, SYM(INLINE_DECLARED), NIL), SYM(NOTINLINE));
}

/* -- ENVIRONMENT objects -- */

static Obj entry_list(Compiler *c, Obj name, const char *kind, Obj value) {
    Thread *t = c->t;
    Obj tail = alloc_cons(t, value, NIL);
    return alloc_cons(t, name, alloc_cons(t, intern_text(t, t->world->package_keyword, kind), tail));
}

/* Adds what one entry says to an ENVIRONMENT that is still being made. */
static void environment_add(Compiler *c, Obj env, const Scope *s) {
    int slot;
    Obj entry, name = ref(c, s->name);
    switch (s->kind) {
    case SCOPE_VARIABLE: slot = ENVIRONMENT_VARIABLES; entry = entry_list(c, name, "LEXICAL", T_); break;
    case SCOPE_SPECIAL: slot = ENVIRONMENT_VARIABLES; entry = entry_list(c, name, "SPECIAL", T_); break;
    case SCOPE_SYMBOL_MACRO: slot = ENVIRONMENT_VARIABLES; entry = entry_list(c, name, "SYMBOL-MACRO", ref(c, s->ref)); break;
    case SCOPE_ALIEN_VARIABLE: slot = ENVIRONMENT_VARIABLES; entry = entry_list(c, name, "LEXICAL", T_); break;
    case SCOPE_FUNCTION: case SCOPE_ALIEN_FUNCTION: slot = ENVIRONMENT_FUNCTIONS; entry = entry_list(c, name, "FUNCTION", NIL); break;
    case SCOPE_MACRO: slot = ENVIRONMENT_FUNCTIONS; entry = entry_list(c, name, "MACRO", ref(c, s->ref)); break;
    case SCOPE_INLINE: slot = ENVIRONMENT_DECLARATIONS; entry = entry_list(c, name, "INLINE", T_); break;
    case SCOPE_NOTINLINE: slot = ENVIRONMENT_DECLARATIONS; entry = entry_list(c, name, "NOTINLINE", T_); break;
    case SCOPE_TYPE: slot = ENVIRONMENT_DECLARATIONS; entry = entry_list(c, name, "TYPE", ref(c, s->ref)); break;
    case SCOPE_FTYPE: slot = ENVIRONMENT_DECLARATIONS; entry = entry_list(c, name, "FTYPE", ref(c, s->ref)); break;
    default: return;
    }
    init_field(env, (uint64_t)slot, alloc_cons(c->t, entry, obj_slots(env)[slot]));
}

/* The ENVIRONMENT of a scope: NIL for the null lexical environment. */
Obj environment_of_scope(Compiler *c, Scope *s) {
    if (!s) return NIL;
    if (s->env.i) return ref(c, s->env);
    enum { STEP = 64 };
    Scope *chain[STEP];
    uint32_t n = 0;
    Scope *up = s;
    for (; up && !up->env.i && n < STEP; up = up->up) chain[n++] = up;
    Obj outer = environment_of_scope(c, up);
    Obj env = alloc_boxed(c->t, TYPE_ENVIRONMENT, ENVIRONMENT_LENGTH, NIL);
    if (!is_nil(outer))
        for (uint32_t i = 0; i < ENVIRONMENT_LENGTH; i++) init_field(env, i, obj_slots(outer)[i]);
    while (n > 0) environment_add(c, env, chain[--n]);
    s->env = ref_new(c, env);
    return env;
}

static bool is_key(Compiler *c, Obj key, const char *text) { return eq(key, intern_text(c->t, c->t->world->package_keyword, text)); }

static Scope *scope_of_entry(Compiler *c, Scope *s, Obj entry) {
    Ref name = ref_new(c, car(entry));
    Obj key = cadr(entry), value = caddr(entry);
    ScopeKind kind = is_key(c, key, "LEXICAL")        ? SCOPE_ALIEN_VARIABLE
                     : is_key(c, key, "SPECIAL")      ? SCOPE_SPECIAL
                     : is_key(c, key, "SYMBOL-MACRO") ? SCOPE_SYMBOL_MACRO
                     : is_key(c, key, "MACRO")        ? SCOPE_MACRO
                     : is_key(c, key, "NOTINLINE")    ? SCOPE_NOTINLINE
                     : is_key(c, key, "INLINE")       ? SCOPE_INLINE
                     : is_key(c, key, "TYPE")         ? SCOPE_TYPE
                     : is_key(c, key, "FTYPE")        ? SCOPE_FTYPE
                                                      : SCOPE_ALIEN_FUNCTION;
    s = scope_push(c, s, kind, name);
    s->ref = ref_new(c, value);
    return s;
}

Scope *scope_of_environment(Compiler *c, Obj environment) {
    if (is_nil(environment)) return NULL;
    if (!has_type(environment, TYPE_ENVIRONMENT)) signal_type_error(c->t, environment, SYM(NULL));
    Scope *s = NULL;
    for (int slot = 0; slot < ENVIRONMENT_LENGTH; slot++) {
        uint32_t n = 0;
        Ref first = ref_list(c, obj_slots(environment)[slot], &n);
        while (n > 0) s = scope_of_entry(c, s, ref(c, ref_at(first, --n)));
    }
    if (s) s->env = ref_new(c, environment);
    return s;
}
