/* compiler.h: what the compiler's passes share: contexts, references, the tree.  Not a door.

   A compilation is a Compiler, linked to the one it is nested in (a macro function may call COMPILE).  Its memory is one arena.
   While forms are analysed macro functions run, and everything in the heap may move; so nodes never hold an Obj.  They hold a Ref: an index
   in the context's table of roots.  Behind the analysis no Lisp runs and raw words may be kept in C variables, yet the tree keeps its Refs.

   The tree has one kind of node for everything: a kind, children, and a few fields whose use the list of kinds tells.  So a pass that
   treats most kinds alike is a loop over the children.  Variables, functions, blocks and tagbodies are records of their own, which the
   nodes point to; no name is looked up after the analysis.

   Invariants
     compile.ref    between two calls of Lisp code no C variable of the compiler holds a reference into the heap
     compile.tree   every node is the child of one node at most, so passes may change nodes in place
     compile.owner  behind capture.c: a variable's `owner` is the function in whose frame it lives */
#ifndef COMPILER_H
#define COMPILER_H

#include "compile/compile.h"

typedef struct Ref {
    uint32_t i;
} Ref;

typedef struct Compiler Compiler;
typedef struct Node Node;
typedef struct Scope Scope;
typedef struct Variable Variable;
typedef struct Lambda Lambda;
typedef struct Block Block;
typedef struct Tagbody Tagbody;

/* -- The tree -- */

typedef enum NodeKind {
    N_CONST,     /* ref */
    N_NO_ARG,    /* the marker NO_ARG */
    N_LOCAL,     /* var */
    N_SET,       /* var; value */
    N_SPECIAL,   /* ref: symbol */
    N_SET_SPECIAL, /* ref: symbol; value */
    N_GLOBAL_FUNCTION, /* ref: name */
    N_LAMBDA,    /* fn: a closure */
    N_LOCAL_FUNCTION, /* fn: FLET or LABELS function as a value */
    N_IF,        /* test then else */
    N_OR,        /* first second */
    N_PROGN,     /* forms */
    N_LET,       /* vars; inits, body */
    N_VALUES_BIND, /* vars; form, body */
    N_FUNCTIONS, /* fns (FLET, LABELS); body */
    N_CALL,      /* ref: name; arguments */
    N_CALL_LOCAL, /* fn; arguments */
    N_FUNCALL,   /* function, arguments */
    N_APPLY,     /* function, arguments, list */
    N_BLOCK,     /* block; body */
    N_RETURN,    /* block; value */
    N_TAGBODY,   /* tagbody; the part before the first tag, part 0, part 1 ... */
    N_GO,        /* tagbody, imm: index of the tag */
    N_CATCH,     /* tag body */
    N_THROW,     /* tag value */
    N_UNWIND,    /* protected cleanup */
    N_PROGV,     /* symbols values body */
    N_CALL_VALUES, /* function forms */
    N_PROG1_VALUES, /* first rest */
    N_VALUES,    /* forms */
    N_PRIM,      /* op, imm, pred, ref: one instruction over the children; if it has no result the value is child `imm` */
    N_COMPARE,   /* op: JUMP_LT...; two children, or one and imm: a boolean */
    N_THE,       /* imm: TypeSet, ref: specifier; form */
    N_DEFAULT,   /* var; init: an optional parameter gets its default */
    N_SUPPLIED,  /* var: was the optional parameter supplied */
} NodeKind;

enum {
    NODE_SETS = 1,      /* something within assigns a lexical variable */
    NODE_FAR = 2,       /* RETURN, GO: by way of an unwinding */
    NODE_NOTINLINE = 4, /* CALL: not even of itself */
    NODE_CHECK = 16,    /* THE: to be verified, since an instruction relies on it */
    NODE_VERIFY = 32,   /* THE: to be verified if that is cheap */
    NODE_MUTUAL = 8     /* FUNCTIONS: closures that refer to each other; imm counts the shared values before them */
};

struct Node {
    uint8_t kind, op, pred, flags;
    uint32_t count, line;
    int32_t imm;
    Ref ref;
    uint32_t type; /* TypeSet of the value, behind infer.c */
    union {
        Variable *var;
        Variable **vars;
        Lambda *fn;
        Lambda **fns;
        Block *block;
        Tagbody *tagbody;
    };
    uint32_t var_count; /* of vars or fns */
    Node **kids;
};

/* Where the generator finds a variable. */
typedef enum Place { PLACE_NONE, PLACE_REGISTER, PLACE_ENV } Place;

struct Variable {
    Ref name;
    Lambda *owner;
    uint32_t refs, sets;
    bool special;   /* a special binding: the record only names it */
    bool captured;  /* used by a function other than the owner */
    bool ignored, ignorable, used; /* declared; seen by the analysis */
    bool proven;     /* infer.c: its first value certainly is of the declared type */
    bool unsafe;     /* declared where SAFETY is 0 */
    bool check_sets_too; /* verify assignments by what is no computed number */
    bool check, check_sets; /* verify the declared type when it is bound, when it is assigned */
    uint8_t place;
    uint32_t declared; /* TypeSet by declaration */
    uint32_t type;     /* what infer.c found */
    uint32_t index;    /* register or environment index */
    Ref declared_type; /* specifier, for CHECK */
    uint32_t funcalls; /* refs that are the function of a FUNCALL */
    Node *alias;       /* optimise.c: every use means this constant or variable */
    Lambda *known;     /* optimise.c: the local function that every FUNCALL of it calls */
};

/* A captured variable that is assigned lives in a cell. */
static inline bool variable_boxed(const Variable *v) { return v->captured && v->sets > 0; }

typedef enum FunctionMode { FUNCTION_CLOSED, FUNCTION_JUMPED, FUNCTION_GONE } FunctionMode;

typedef struct Label {
    int32_t at;      /* -1: not placed */
    uint32_t uses;
} Label;

struct Lambda {
    Ref name, lambda_list, doc, form;
    uint32_t required, optional, key_count, param_count;
    bool rest, key, allow_other_keys, analysed; /* its lambda list is read */
    Variable **params; /* required, optional, rest, keys */
    Ref keywords;      /* first of key_count Refs in succession */
    Node *body;
    Lambda *parent;
    uint32_t line;
    Ref self;          /* the global name under which calls of itself are known, or 0 */
    /* capture.c */
    Variable **free;
    uint32_t free_count, free_room;
    bool needs_env;
    /* FLET and LABELS functions */
    Variable *var;     /* holds the closure */
    Node *group;       /* the N_FUNCTIONS that defines it */
    uint32_t calls, escapes;
    uint8_t mode;
    bool recursive;
    Label *head;       /* FUNCTION_JUMPED: where its body starts */
    struct Dynamic *dynamic;
    bool jumpable;     /* local.c: still a candidate */
    bool active;       /* optimise.c: its body is being rewritten */
    Ref template;      /* the FUNCTION made of it */
};

struct Block {
    Ref name;
    Lambda *owner;
    Variable *id;      /* the exit's identity, if marked */
    uint32_t returns, cleanups;
    bool crossed;      /* census: a RETURN is in another function or under an UNWIND-PROTECT; an estimate */
    bool tail;         /* local.c: the block is in tail position */
    uint32_t dynamic;  /* local.c: forms to be undone around it */
    bool marked;
    struct Target *target;
};

struct Tagbody {
    Lambda *owner;
    Variable *id;
    uint32_t count, cleanups;
    bool crossed;      /* as in Block */
    bool marked;
    uint32_t *uses;    /* GOs by tag */
    bool *far;         /* tags reached by an unwinding */
    Label *labels;
    struct Dynamic *dynamic;
};

/* -- Scopes: what names mean -- */

typedef enum ScopeKind {
    SCOPE_VARIABLE, SCOPE_SPECIAL, SCOPE_SYMBOL_MACRO, SCOPE_ALIEN_VARIABLE, SCOPE_TYPE,
    SCOPE_FUNCTION, SCOPE_MACRO, SCOPE_ALIEN_FUNCTION, SCOPE_INLINE, SCOPE_NOTINLINE, SCOPE_FTYPE,
    SCOPE_BLOCK, SCOPE_TAG, SCOPE_SAFETY
} ScopeKind;

struct Scope {
    uint8_t kind;
    Ref name;
    Ref env; /* the ENVIRONMENT made of this scope and those above it, or 0 */
    Ref ref; /* expansion, macro function, type specifier */
    uint32_t index; /* of a tag; value of a quality */
    union {
        Variable *var;
        Lambda *fn;
        Block *block;
        Tagbody *tagbody;
    };
    Scope *up;
};

/* -- Declarations of one body -- */

typedef enum DeclarationKind { DECLARE_SPECIAL, DECLARE_TYPE, DECLARE_FTYPE, DECLARE_INLINE, DECLARE_NOTINLINE, DECLARE_IGNORE, DECLARE_IGNORABLE, DECLARE_SAFETY } DeclarationKind;
typedef struct Declaration {
    struct Declaration *next;
    uint8_t kind;
    bool bound; /* applies to a variable bound by the form at whose head it stands */
    Ref name, type;
    uint32_t value;
} Declaration;

typedef struct Body {
    Declaration *declarations;
    Ref forms, doc; /* the list of forms behind declarations; doc.i 0 if there is none */
} Body;

/* -- The context -- */

typedef struct Warning {
    struct Warning *next;
    const char *kind, *control;
    Ref argument, form;
    uint32_t line;
} Warning;

struct Compiler {
    Compiler *outer;
    Thread *t;
    uint32_t depth; /* of re-entries when it started */
    struct ArenaChunk *arena;
    Obj *roots;
    uint32_t root_count, root_room;
    uint32_t stamp;
    uint32_t inline_depth;
    Lambda *lambda; /* being analysed */
    Warning *warnings, **last_warning;
    Ref file, places; /* places: lines of the lists that the reader made, see text.h */
    uint32_t line;    /* of the form at hand */
    uint32_t cleanups; /* census: UNWIND-PROTECTs around the node within its function */
    uint32_t serial;
    bool for_file;     /* LOAD-TIME-VALUE waits */
    char *stack_mark;  /* address of a local of the outermost entry */
};

/* compile.c */
void *arena_alloc(Compiler *c, size_t bytes); /* zeroed */
Ref ref_new(Compiler *c, Obj x);
/* All elements of a proper list as Refs in succession: the first; *count tells how many.  PROGRAM-ERROR if the list is not proper. */
Ref ref_list(Compiler *c, Obj list, uint32_t *count);
NORETURN void compile_error(Compiler *c, const char *control, uint32_t count, ...);
void compile_warn(Compiler *c, const char *kind, const char *control, Ref argument, Ref form);
void compile_note_call(Compiler *c, Ref name, uint32_t line);
void compile_note_quoted(Compiler *c, Ref r);
void stack_check(Compiler *c);
Obj compile_nested(Compiler *c, Ref lambda, Obj environment);
Obj compile_evaluate(Compiler *c, Ref form);
Obj compile_later(Compiler *c, Ref form);
static inline Obj ref(const Compiler *c, Ref r) { return c->roots[r.i]; }
static inline void ref_set(Compiler *c, Ref r, Obj x) { c->roots[r.i] = x; }
static inline Ref ref_at(Ref first, uint32_t i) { return (Ref){first.i + i}; }

/* node.c */
Node *node_new(Compiler *c, NodeKind kind, uint32_t kids);
Node *node_const(Compiler *c, Obj value);
Node *node_local(Compiler *c, Variable *v);
Node *node_set(Compiler *c, Variable *v, Node *value);
Node *node_if(Compiler *c, Node *test, Node *then, Node *otherwise);
Node *node_let1(Compiler *c, Variable *v, Node *init, Node *body);
Node *node_progn2(Compiler *c, Node *first, Node *second);
Node *node_prim(Compiler *c, Opcode op, uint32_t kids, Node **args);
Variable *variable_new(Compiler *c, Ref name);
Variable *variable_temporary(Compiler *c);
bool node_is_nil(const Compiler *c, const Node *n);
bool node_is_true(const Compiler *c, const Node *n); /* a constant other than NIL */
bool node_is_fixnum(const Compiler *c, const Node *n, int64_t *value);
bool node_is_simple(const Node *n);                  /* constant or variable: no effect, no cost */
bool node_is_pure(const Node *n);                    /* evaluating it has no effect and cannot fail */
bool node_is_single(const Node *n);                  /* certainly one value */

bool node_is_boolean(const Node *n);

/* scope.c */
Scope *scope_push(Compiler *c, Scope *up, ScopeKind kind, Ref name);
Scope *scope_variable(const Compiler *c, Scope *s, Obj name);
Scope *scope_function(Compiler *c, Scope *s, Obj name);
bool scope_notinline(Compiler *c, Scope *s, Obj name);
Scope *scope_of_environment(Compiler *c, Obj environment);
Obj environment_of_scope(Compiler *c, Scope *s);
bool is_function_name(Obj name);

/* declare.c */
Body body_parse(Compiler *c, Ref forms, bool documented);
void declare_variable(Compiler *c, Body *body, Variable *v);
Scope *declare_free(Compiler *c, Body *body, Scope *s);
bool declared_special(Compiler *c, Body *body, Obj name);

/* type.c: sets of disjoint kinds of objects, as bits */
enum {
    TS_FIXNUM = 1, TS_BIGNUM = 2, TS_RATIO = 4, TS_SINGLE = 8, TS_DOUBLE = 16, TS_COMPLEX = 32, TS_CHARACTER = 64, TS_NULL = 128,
    TS_SYMBOL = 256 /* but NIL */, TS_CONS = 512, TS_FUNCTION = 1024, TS_STRING = 2048, TS_SIMPLE_VECTOR = 4096,
    TS_DOUBLE_VECTOR = 8192, TS_SINGLE_VECTOR = 16384, TS_BIT_VECTOR = 32768 /* these three simple */, TS_ARRAY = 65536 /* any other */,
    TS_OTHER = 131072, TS_ANY = 262143
};
enum {
    TS_INTEGER = TS_FIXNUM | TS_BIGNUM, TS_RATIONAL = TS_INTEGER | TS_RATIO, TS_FLOAT = TS_SINGLE | TS_DOUBLE, TS_REAL = TS_RATIONAL | TS_FLOAT,
    TS_NUMBER = TS_REAL | TS_COMPLEX, TS_LIST = TS_NULL | TS_CONS
};
uint32_t type_parse(Compiler *c, Ref specifier);
bool type_is_known(Obj symbol);
uint32_t type_of_constant(Obj x);

/* analyse.c */
Node *analyse(Compiler *c, Scope *s, Ref form);
Node *analyse_body(Compiler *c, Scope *s, Ref forms);
Node *analyse_set(Compiler *c, Scope *s, Ref name, Ref value);
Node *analyse_named_call(Compiler *c, Scope *s, Ref name, uint32_t n, Node **args, Ref form);
Node *analyse_funcall(Compiler *c, Scope *s, uint32_t n, Node **args, Ref form);
Node *local_call(Compiler *c, Lambda *fn, uint32_t n, Node **args);
Ref macroexpand(Compiler *c, Scope *s, Ref form, Obj function);

/* analyse-special.c: *known is false if the operator is no special operator */
Node *analyse_special(Compiler *c, Scope *s, Ref form, bool *known);

/* analyse-lambda.c */
Lambda *analyse_lambda(Compiler *c, Scope *s, Ref expression);
void analyse_function(Compiler *c, Scope *s, Lambda *fn, Ref lambda_list, Ref forms, Ref block);
Variable *new_bound_variable(Compiler *c, Ref name, Body *body);
Scope *bind_variable(Compiler *c, Scope *s, Variable *v);
void check_used(Compiler *c, Variable *v);

/* analyse-local.c */
Node *analyse_function_form(Compiler *c, Scope *s, Ref form);
Node *analyse_flet(Compiler *c, Scope *s, Ref form, bool recursive);
Node *analyse_macrolet(Compiler *c, Scope *s, Ref form);
Node *analyse_symbol_macrolet(Compiler *c, Scope *s, Ref form);
Node *analyse_let(Compiler *c, Scope *s, Ref form, bool sequential);
Node *analyse_locally(Compiler *c, Scope *s, Ref forms);

/* inline.c: the tree for a call of a function of the standard that needs no call; NULL if there is none */
Node *inline_call(Compiler *c, Scope *s, Ref name, uint32_t n, Node **args);
void inline_create(Thread *t);

/* -- The passes behind the analysis -- */

/* optimise.c */
void optimise(Compiler *c, Lambda *top);
void uncount(Node *n); /* takes the uses within a tree that is dropped out of the counts */
Node *rewrite_call_local(Compiler *c, Node *n);

/* local.c: FLET and LABELS functions that are only jumped to.  Requires: body and functions rewritten, unused functions GONE. */
Node *jump_functions(Compiler *c, Node *n);

/* beta.c: calls of known functions put in place; NULL if the arguments do not fit or the function is of a kind that needs a call */
Node *beta_call(Compiler *c, Lambda *fn, uint32_t n, Node **args);
Node *beta_values_call(Compiler *c, Lambda *fn, Node *form);

/* infer.c */
void infer_types(Compiler *c, Lambda *top);
bool infer_is_computed(uint32_t type, uint32_t declared);

/* capture.c */
void capture(Compiler *c, Lambda *top);

/* generate.c */
Obj generate(Compiler *c, Lambda *top);

#endif
