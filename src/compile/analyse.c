/* analyse.c: from forms to the tree: symbols, calls, macros.

   Requires nothing but the form; leaves a tree in which every name is resolved: to a Variable, a Lambda, a Block, a Tagbody, or to a global
   symbol.  What is a function call and may be one instruction becomes that here (inline.c), for calls through FUNCALL and #' as well.
   Special operators are in analyse-special.c, lambda expressions in analyse-lambda.c, local functions and macros in analyse-local.c. */
#include "compile/compiler.h"
#include "text/text.h"
#include "text/text.h"

enum { INLINE_LIMIT = 12 };

/* -- Symbols -- */

static bool is_inline_constant(Obj x) { return !is_ref(x) || is_symbol(x) || (is_number(x)); }

static Node *special_reference(Compiler *c, Ref name) {
    Node *n = node_new(c, N_SPECIAL, 0);
    n->ref = name;
    return n;
}

/* A symbol without lexical meaning. */
static Node *analyse_global(Compiler *c, Scope *s, Ref form) {
    Obj x = ref(c, form);
    unsigned flags = symbol_flags(x);
    if (flags & SYMBOL_CONSTANT) {
        Obj value = symbol_slots(x)[SYMBOL_VALUE];
        if (!eq(value, UNBOUND) && is_inline_constant(value)) return node_const(c, value);
        return special_reference(c, form);
    }
    if (flags & SYMBOL_SYMBOL_MACRO) return analyse(c, s, ref_new(c, symbol_info(x, SYM(SYMBOL_MACRO_EXPANSION), NIL)));
    if (!(flags & (SYMBOL_SPECIAL | SYMBOL_GLOBAL)) && eq(symbol_slots(x)[SYMBOL_VALUE], UNBOUND))
        compile_warn(c, "WARNING", "Undefined variable ~S", form, form);
    return special_reference(c, form);
}

static Node *analyse_symbol(Compiler *c, Scope *s, Ref form) {
    Obj x = ref(c, form);
    if (is_nil(x) || eq(x, T_) || is_keyword(x)) return node_const(c, x);
    Scope *e = scope_variable(c, s, x);
    if (!e) return analyse_global(c, s, form);
    switch (e->kind) {
    case SCOPE_VARIABLE: return node_local(c, e->var);
    case SCOPE_SYMBOL_MACRO: return analyse(c, s, e->ref);
    case SCOPE_ALIEN_VARIABLE: compile_error(c, "The lexical variable ~S has no value while macros are expanded", 1, x);
    default: return special_reference(c, form);
    }
}

/* (SETQ name value), one pair; `value` is a form. */
Node *analyse_set(Compiler *c, Scope *s, Ref name, Ref value) {
    Obj x = ref(c, name);
    if (!is_symbol(x)) compile_error(c, "~S is not a variable", 1, x);
    Scope *e = scope_variable(c, s, x);
    Ref expansion = {0};
    bool macro = false;
    if (e && e->kind == SCOPE_SYMBOL_MACRO) {
        macro = true;
        expansion = e->ref;
    } else if (!e && symbol_flags(x) & SYMBOL_SYMBOL_MACRO) {
        macro = true;
        expansion = ref_new(c, symbol_info(x, SYM(SYMBOL_MACRO_EXPANSION), NIL));
    }
    if (macro) {
        Obj items[3] = {SYM(SETF), ref(c, expansion), ref(c, value)};
        return analyse(c, s, ref_new(c, alloc_list(c->t, 3, items)));
    }
    if (e && e->kind == SCOPE_ALIEN_VARIABLE) compile_error(c, "The lexical variable ~S has no value while macros are expanded", 1, x);
    if (e && e->kind == SCOPE_VARIABLE) return node_set(c, e->var, analyse(c, s, value));
    if (symbol_flags(x) & SYMBOL_CONSTANT) compile_error(c, "~S is a constant and cannot be assigned", 1, x);
    if (!e && !(symbol_flags(x) & (SYMBOL_SPECIAL | SYMBOL_GLOBAL)) && eq(symbol_slots(x)[SYMBOL_VALUE], UNBOUND))
        compile_warn(c, "WARNING", "Undefined variable ~S", name, name);
    Node *n = node_new(c, N_SET_SPECIAL, 1);
    n->ref = name;
    n->kids[0] = analyse(c, s, value);
    return n;
}

/* -- Macros -- */

/* One expansion of the form by the macro function, through *MACROEXPAND-HOOK*. */
Ref macroexpand(Compiler *c, Scope *s, Ref form, Obj function) {
    Ref f = ref_new(c, function);
    Obj env = environment_of_scope(c, s);
    Obj hook = symbol_value(c->t, SYM(MACROEXPAND_HOOK));
    Obj args[3];
    if (eq(hook, UNBOUND) || eq(hook, SYM(FUNCALL)) || eq(hook, symbol_slots(SYM(FUNCALL))[SYMBOL_FUNCTION])) {
        args[0] = ref(c, form);
        args[1] = env;
        return ref_new(c, lisp_call(c->t, ref(c, f), 2, args));
    }
    args[0] = ref(c, f);
    args[1] = ref(c, form);
    args[2] = env;
    return ref_new(c, lisp_call(c->t, hook, 3, args));
}

/* -- Calls -- */

static Node *call_node(Compiler *c, NodeKind kind, Ref name, uint32_t n, Node **args) {
    Node *call = node_new(c, kind, n);
    call->ref = name;
    for (uint32_t i = 0; i < n; i++) call->kids[i] = args[i];
    return call;
}

/* FUNCALL of a lambda expression: what ((LAMBDA ...) ...) and inline expansions are. */
static Node *lambda_call(Compiler *c, Scope *s, Ref expression, uint32_t n, Node **args) {
    Node *f = node_new(c, N_LAMBDA, 0);
    Node *call = node_new(c, N_FUNCALL, n + 1);
    for (uint32_t i = 0; i < n; i++) call->kids[i + 1] = args[i];
    call->kids[0] = f;
    f->fn = analyse_lambda(c, s, expression);
    return call;
}

/* (%DEFUN 'name #'(NAMED-LAMBDA name ...)): the function may call itself without looking at the name's cell (CLHS 3.2.2.3). */
static void note_definition(Compiler *c, uint32_t n, Node **args) {
    if (n != 2 || args[0]->kind != N_CONST || args[1]->kind != N_LAMBDA) return;
    Lambda *fn = args[1]->fn;
    if (is_symbol(ref(c, fn->name)) && eq(ref(c, args[0]->ref), ref(c, fn->name))) fn->self = fn->name;
}

/* A call of the global function with arguments that are analysed already. */
Node *analyse_named_call(Compiler *c, Scope *s, Ref name, uint32_t n, Node **args, Ref form) {
    Obj x = ref(c, name);
    (void)form;
    if (eq(x, SYM(SET_DEFUN))) note_definition(c, n, args);
    if (is_symbol(x) && (!is_nil(symbol_slots(x)[SYMBOL_INFO]) || eq(x, SYM(FUNCALL))) && !scope_notinline(c, s, x)) {
        Node *inlined = inline_call(c, s, name, n, args);
        if (inlined) return inlined;
        Obj expansion = symbol_info(x, SYM(INLINE_EXPANSION), NIL);
        if (is_cons(expansion) && c->inline_depth < INLINE_LIMIT) {
            c->inline_depth++;
            Node *call = lambda_call(c, NULL, ref_new(c, expansion), n, args);
            c->inline_depth--;
            return call;
        }
    }
    Node *call = call_node(c, N_CALL, name, n, args);
    if (c->lambda && eq(ref(c, c->lambda->name), x) && scope_notinline(c, s, x)) call->flags |= NODE_NOTINLINE;
    return call;
}

/* (FUNCALL function argument...) */
Node *analyse_funcall(Compiler *c, Scope *s, uint32_t n, Node **args, Ref form) {
    if (args[0]->kind == N_GLOBAL_FUNCTION) return analyse_named_call(c, s, args[0]->ref, n - 1, args + 1, form);
    if (args[0]->kind == N_LOCAL_FUNCTION) {
        args[0]->fn->escapes--;
        return local_call(c, args[0]->fn, n - 1, args + 1);
    }
    return call_node(c, N_FUNCALL, (Ref){0}, n, args);
}

/* A call of an FLET or LABELS function. */
Node *local_call(Compiler *c, Lambda *fn, uint32_t n, Node **args) {
    Node *call = node_new(c, N_CALL_LOCAL, n);
    call->fn = fn;
    uint32_t most = fn->required + fn->optional;
    if (fn->analysed && (n < fn->required || (n > most && !fn->rest && !fn->key)))
        compile_warn(c, "WARNING", "Wrong number of arguments in a call of the local function ~S", fn->name, (Ref){0});
    for (uint32_t i = 0; i < n; i++) call->kids[i] = args[i];
    return call;
}

static Node **analyse_arguments(Compiler *c, Scope *s, Ref form, uint32_t *n) {
    Ref first = ref_list(c, cdr(ref(c, form)), n);
    Node **args = *n ? arena_alloc(c, *n * sizeof(Node *)) : NULL;
    for (uint32_t i = 0; i < *n; i++) args[i] = analyse(c, s, ref_at(first, i));
    return args;
}

/* The expansion by the operator's compiler macro, or the form's own Ref if it declines or there is none. */
static Ref compiler_macroexpand(Compiler *c, Scope *s, Ref form, Obj name) {
    if (is_nil(symbol_slots(name)[SYMBOL_INFO])) return form;
    Obj function = symbol_info(name, SYM(COMPILER_MACRO), NIL);
    if (is_nil(function) || scope_notinline(c, s, name)) return form;
    Ref expansion = macroexpand(c, s, form, function);
    return eq(ref(c, expansion), ref(c, form)) ? form : expansion;
}

static Node *analyse_global_call(Compiler *c, Scope *s, Ref form) {
    Obj head = car(ref(c, form));
    Ref name = ref_new(c, head);
    bool known = true;
    if (head.w >= SYM(NIL).w && head.w < STATIC_BASE + STATIC_SIZE) {
        Node *special = analyse_special(c, s, form, &known);
        if (known) return special;
        head = ref(c, name);
    }
    if (symbol_flags(head) & SYMBOL_MACRO) return analyse(c, s, macroexpand(c, s, form, symbol_slots(head)[SYMBOL_FUNCTION]));
    Ref expansion = compiler_macroexpand(c, s, form, head);
    if (expansion.i != form.i) return analyse(c, s, expansion);
    uint32_t n;
    Node **args = analyse_arguments(c, s, form, &n);
    return analyse_named_call(c, s, name, n, args, form);
}

/* A form whose operator is a symbol. */
static Node *analyse_call(Compiler *c, Scope *s, Ref form) {
    Scope *e = scope_function(c, s, car(ref(c, form)));
    if (!e) return analyse_global_call(c, s, form);
    if (e->kind == SCOPE_MACRO) return analyse(c, s, macroexpand(c, s, form, ref(c, e->ref)));
    if (e->kind == SCOPE_ALIEN_FUNCTION)
        compile_error(c, "The local function ~S does not exist while macros are expanded", 1, car(ref(c, form)));
    uint32_t n;
    Node **args = analyse_arguments(c, s, form, &n);
    return local_call(c, e->fn, n, args);
}

static Node *analyse_compound(Compiler *c, Scope *s, Ref form) {
    Obj x = ref(c, form), head = car(x);
    if (is_symbol(head)) return analyse_call(c, s, form);
    if (!is_cons(head) || !eq(car(head), SYM(LAMBDA))) compile_error(c, "~S is not a function call", 1, x);
    uint32_t n;
    Ref expression = ref_new(c, head);
    Node **args = analyse_arguments(c, s, form, &n);
    return lambda_call(c, s, expression, n, args);
}

Node *analyse(Compiler *c, Scope *s, Ref form) {
    stack_check(c);
    Obj x = ref(c, form);
    if (is_symbol(x)) return analyse_symbol(c, s, form);
    if (!is_cons(x)) return node_const(c, x);
    uint32_t outer = c->line, line = reader_line(ref(c, c->places), x);
    if (line) c->line = line;
    Node *n = analyse_compound(c, s, form);
    c->line = outer;
    return n;
}

/* The forms of a list as one node. */
Node *analyse_body(Compiler *c, Scope *s, Ref forms) {
    uint32_t n;
    Ref first = ref_list(c, ref(c, forms), &n);
    if (n == 0) return node_const(c, NIL);
    if (n == 1) return analyse(c, s, first);
    Node *progn = node_new(c, N_PROGN, n);
    for (uint32_t i = 0; i < n; i++) progn->kids[i] = analyse(c, s, ref_at(first, i));
    return progn;
}
