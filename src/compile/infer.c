/* infer.c: types of values, and the typed instructions that they allow.

   Requires the optimised tree.  One walk gives every node the set of the kinds of its value (type.c): from constants, from instructions, from
   variables that are never assigned, and from declarations.  Where both operands of an operation are known to be double-floats, or
   single-floats, it becomes the typed instruction; a constant beside a float becomes a float of that type, which is what contagion makes of it.

   Typed instructions trust their operands, so what is only declared must be verified before: `trust` marks the variables and THE forms whose
   declaration was relied upon, and the generator puts a CHECK where they get their values.  Other declarations of variables are verified
   where one predicate can tell, unless the body says (SAFETY 0): but not that integers that arithmetic makes are fixnums, which would cost each
   turn of each loop an instruction.

   Fixnum arithmetic stays generic: its fast way costs two tests, and a sum declared to be a fixnum may still not be one. */
#include "compile/compiler.h"
#include "number/number.h"

static bool subset(uint32_t a, uint32_t b) { return (a & ~b) == 0; }

static uint32_t infer(Compiler *c, Node *n);

static void infer_kids(Compiler *c, Node *n) {
    for (uint32_t i = 0; i < n->count; i++) infer(c, n->kids[i]);
}

/* -- Variables -- */

/* A number, declared to be an integer of some kind, where arithmetic made it. */
bool infer_is_computed(uint32_t type, uint32_t declared) { return subset(type, TS_NUMBER) && subset(declared, TS_INTEGER); }

/* The variable is bound to a value of the type. */
static void infer_binding(Variable *v, uint32_t type) {
    v->type = v->sets ? TS_ANY : type;
    v->proven = subset(type, v->declared);
    if (v->declared && !v->unsafe && !v->special) {
        v->check_sets_too = true;
        if (!v->proven && !infer_is_computed(type, v->declared)) v->check = true;
    }
    if (!v->declared) return;
    uint32_t both = v->type & v->declared;
    v->type = both ? both : v->declared;
}

static void infer_function(Compiler *c, Lambda *fn) {
    for (uint32_t i = 0; i < fn->param_count; i++) infer_binding(fn->params[i], TS_ANY);
    infer(c, fn->body);
}

static void trust(Node *n);

/* The type of an instruction's value depends on that of some operands. */
static void trust_operands(Node *n) {
    switch (n->op) {
    case OP_AREF: case OP_NEG: trust(n->kids[0]); break;
    case OP_SVSET: case OP_ASET: case OP_CHAR_SET: case OP_BIT_SET: case OP_STRUCTURE_SET: trust(n->kids[n->imm]); break;
    case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV: case OP_ADDI: case OP_MULI:
        for (uint32_t i = 0; i < n->count; i++) trust(n->kids[i]);
        break;
    default: break;
    }
}

/* The type of the node is relied upon: what is only declared must be checked. */
static void trust(Node *n) {
    switch (n->kind) {
    case N_LOCAL:
        if (!n->var->declared) break;
        if (!n->var->proven) n->var->check = true;
        if (n->var->sets) n->var->check_sets = true;
        break;
    case N_THE:
        if (!subset(n->kids[0]->type, (uint32_t)n->imm)) n->flags |= NODE_CHECK;
        else trust(n->kids[0]);
        break;
    case N_IF:
        trust(n->kids[1]);
        trust(n->kids[2]);
        break;
    case N_PROGN: case N_LET: case N_VALUES_BIND: trust(n->kids[n->count - 1]); break;
    case N_OR:
        trust(n->kids[0]);
        trust(n->kids[1]);
        break;
    case N_PRIM: trust_operands(n); break;
    case N_CALL: case N_VALUES: case N_SET:
        if (n->count) trust(n->kids[0]);
        break;
    default: break;
    }
}

/* -- Arithmetic -- */

typedef struct TypedRow {
    uint8_t op, double_op, single_op;
} TypedRow;

static const TypedRow typed_rows[] = {
    {OP_ADD, OP_DF_ADD, OP_SF_ADD}, {OP_SUB, OP_DF_SUB, OP_SF_SUB}, {OP_MUL, OP_DF_MUL, OP_SF_MUL}, {OP_DIV, OP_DF_DIV, OP_SF_DIV},
    {OP_ADDI, OP_DF_ADD, OP_SF_ADD}, {OP_MULI, OP_DF_MUL, OP_SF_MUL}};

static const TypedRow *typed_row(Opcode op) {
    for (size_t i = 0; i < COUNT_OF(typed_rows); i++)
        if (typed_rows[i].op == op) return &typed_rows[i];
    return NULL;
}

/* Is the fixnum a float of the type?  Comparisons are of the numbers as they are, without contagion. */
static bool is_exact(Obj x, uint32_t type) {
    int64_t most = (int64_t)1 << (type == TS_DOUBLE ? 53 : 24), n = fix_of_obj(x);
    return -most <= n && n <= most;
}

/* A constant that contagion would make a float of the type. */
static bool constant_as_float(Compiler *c, Node *n, uint32_t type, bool exact) {
    if (n->kind != N_CONST) return false;
    Obj x = ref(c, n->ref);
    if (!is_fix(x) && !(is_single(x) && type == TS_DOUBLE)) return false;
    if (is_fix(x) && exact && !is_exact(x, type)) return false;
    n->ref = ref_new(c, type == TS_DOUBLE ? alloc_double(c->t, number_to_double(c->t, x)) : obj_of_single(number_to_single(c->t, x)));
    n->type = type;
    return true;
}

/* The float type of both operands (after turning a constant; `exact`: only if that does not change its value), or 0. */
static uint32_t common_float(Compiler *c, Node *a, Node *b, bool exact) {
    for (uint32_t type = TS_SINGLE; type <= TS_DOUBLE; type <<= 1) {
        if (a->type != type && b->type != type) continue;
        if ((a->type == type || constant_as_float(c, a, type, exact)) && (b->type == type || constant_as_float(c, b, type, exact))) return type;
    }
    return 0;
}

/* The second operand of an instruction with an immediate one. */
static void immediate_operand(Compiler *c, Node *n) {
    Node *k = node_const(c, obj_of_fix(n->imm));
    k->type = TS_FIXNUM;
    Node **kids = arena_alloc(c, 2 * sizeof(Node *));
    kids[0] = n->kids[0];
    kids[1] = k;
    n->kids = kids;
    n->count = 2;
    n->imm = 0;
}

static uint32_t infer_arithmetic(Compiler *c, Node *n, const TypedRow *row) {
    bool immediate = n->count == 1;
    uint32_t a = n->kids[0]->type;
    if (immediate) {
        if (a != TS_DOUBLE && a != TS_SINGLE) return subset(a, TS_INTEGER) ? TS_INTEGER : TS_NUMBER;
        immediate_operand(c, n);
    }
    uint32_t type = common_float(c, n->kids[0], n->kids[1], false), b = n->kids[1]->type;
    if (type) {
        n->op = type == TS_DOUBLE ? row->double_op : row->single_op;
        trust(n->kids[0]);
        trust(n->kids[1]);
        return type;
    }
    if ((a == TS_DOUBLE && subset(b, TS_REAL)) || (b == TS_DOUBLE && subset(a, TS_REAL))) return TS_DOUBLE;
    if (subset(a | b, TS_INTEGER) && n->op != OP_DIV) return TS_INTEGER;
    return subset(a | b, TS_RATIONAL) ? TS_RATIONAL : subset(a | b, TS_REAL) ? TS_REAL : TS_NUMBER;
}

static uint32_t infer_compare(Compiler *c, Node *n) {
    static const uint8_t immediates[][2] = {{OP_JUMP_LTI, OP_JUMP_LT}, {OP_JUMP_GTI, OP_JUMP_LT}, {OP_JUMP_LEI, OP_JUMP_LE},
                                            {OP_JUMP_GEI, OP_JUMP_LE}, {OP_JUMP_EQI, OP_JUMP_NUM_EQ}, {OP_JUMP_NEI, OP_JUMP_NUM_NE}};
    static const uint8_t typed[][2] = {{OP_JUMP_LT, OP_DF_JUMP_LT}, {OP_JUMP_LE, OP_DF_JUMP_LE}, {OP_JUMP_NUM_EQ, OP_DF_JUMP_EQ}, {OP_JUMP_NUM_NE, OP_DF_JUMP_NE}};
    if (n->count == 1 && n->kids[0]->type == TS_DOUBLE) {
        for (size_t i = 0; i < COUNT_OF(immediates); i++) {
            if (immediates[i][0] != n->op) continue;
            n->pred = n->op == OP_JUMP_GTI || n->op == OP_JUMP_GEI;
            n->op = immediates[i][1];
            immediate_operand(c, n);
            break;
        }
    }
    if (n->count == 2 && common_float(c, n->kids[0], n->kids[1], true) == TS_DOUBLE) {
        for (size_t i = 0; i < COUNT_OF(typed); i++) {
            if (typed[i][0] != n->op) continue;
            n->op = typed[i][1];
            trust(n->kids[0]);
            trust(n->kids[1]);
            break;
        }
    }
    return TS_SYMBOL | TS_NULL;
}

/* -- Other instructions and calls -- */

static uint32_t infer_aref(const Node *vector) {
    switch (vector->type) {
    case TS_DOUBLE_VECTOR: return TS_DOUBLE;
    case TS_SINGLE_VECTOR: return TS_SINGLE;
    case TS_BIT_VECTOR: return TS_FIXNUM;
    case TS_STRING: return TS_CHARACTER;
    default: return TS_ANY;
    }
}

static uint32_t infer_prim(Compiler *c, Node *n) {
    const TypedRow *row = typed_row((Opcode)n->op);
    if (row) return infer_arithmetic(c, n, row);
    switch (n->op) {
    case OP_AREF: return infer_aref(n->kids[0]);
    case OP_NEG: return subset(n->kids[0]->type, TS_NUMBER) && n->kids[0]->type != TS_FIXNUM ? n->kids[0]->type : TS_NUMBER;
    case OP_CONS: case OP_LIST: return TS_CONS;
    case OP_LENGTH: return TS_FIXNUM;
    case OP_EQ: case OP_NOT: case OP_TEST: case OP_STRUCTURE_P: return TS_SYMBOL | TS_NULL;
    case OP_LOGAND: case OP_LOGANDI: case OP_LOGIOR: case OP_LOGXOR: case OP_ASH: case OP_ASHI: return TS_INTEGER;
    case OP_SVSET: case OP_ASET: case OP_CHAR_SET: case OP_BIT_SET: case OP_STRUCTURE_SET: return n->kids[n->imm]->type;
    case OP_CHAR_REF: return TS_CHARACTER;
    case OP_BIT_REF: return TS_FIXNUM;
    default: return TS_ANY;
    }
}

static bool is_called(const Compiler *c, const Node *n, const char *name) {
    Obj text = symbol_slots(ref(c, n->ref))[SYMBOL_NAME];
    return obj_type(text) == TYPE_BASE_STRING && obj_length(text) == strlen(name) && memcmp(obj_raw(text), name, strlen(name)) == 0;
}

/* Functions of the standard that make floats of floats. */
static uint32_t infer_call(const Compiler *c, const Node *n) {
    if (n->count == 0 || !is_symbol(ref(c, n->ref)) || !eq(symbol_slots(ref(c, n->ref))[SYMBOL_PACKAGE], c->t->world->package_cl)) return TS_ANY;
    uint32_t a = n->kids[0]->type;
    if (n->count == 1 && (a == TS_DOUBLE || a == TS_SINGLE)) {
        static const char *const names[] = {"COS", "SIN", "TAN", "ATAN", "EXP", "ABS", "SINH", "COSH", "TANH"};
        for (size_t i = 0; i < COUNT_OF(names); i++)
            if (is_called(c, n, names[i])) return a;
    }
    if (n->count == 2 && is_called(c, n, "COERCE") && n->kids[1]->kind == N_CONST) {
        if (eq(ref(c, n->kids[1]->ref), SYM(DOUBLE_FLOAT))) return TS_DOUBLE;
        if (eq(ref(c, n->kids[1]->ref), SYM(SINGLE_FLOAT))) return TS_SINGLE | TS_DOUBLE;
    }
    return TS_ANY;
}

/* -- The walk -- */

static uint32_t infer_the(Compiler *c, Node *n) {
    uint32_t value = infer(c, n->kids[0]), both = value & (uint32_t)n->imm;
    return both ? both : (uint32_t)n->imm;
}

static uint32_t infer_kind(Compiler *c, Node *n) {
    switch (n->kind) {
    case N_CONST: return type_of_constant(ref(c, n->ref));
    case N_LOCAL: return n->var->type ? n->var->type : TS_ANY;
    case N_LAMBDA: infer_function(c, n->fn); return TS_FUNCTION;
    case N_THE: return infer_the(c, n);
    case N_LET:
        for (uint32_t i = 0; i < n->var_count; i++) {
            uint32_t type = infer(c, n->kids[i]);
            if (n->kids[i]->kind == N_CONST && !(type & n->vars[i]->declared)) n->vars[i]->declared = 0; /* not initialised yet */
            infer_binding(n->vars[i], type);
        }
        return infer(c, n->kids[n->var_count]);
    case N_VALUES_BIND:
        infer(c, n->kids[0]);
        for (uint32_t i = 0; i < n->var_count; i++) infer_binding(n->vars[i], TS_ANY);
        return infer(c, n->kids[1]);
    case N_FUNCTIONS:
        for (uint32_t i = 0; i < n->var_count; i++) infer_function(c, n->fns[i]);
        infer(c, n->kids[0]);
        return TS_ANY;
    default: break;
    }
    infer_kids(c, n);
    switch (n->kind) {
    case N_SET: return n->kids[0]->type;
    case N_IF: return n->kids[1]->type | n->kids[2]->type;
    case N_OR: return (n->kids[0]->type & ~(uint32_t)TS_NULL) | n->kids[1]->type;
    case N_PROGN: return n->kids[n->count - 1]->type;
    case N_PRIM: return infer_prim(c, n);
    case N_COMPARE: return infer_compare(c, n);
    case N_CALL: return infer_call(c, n);
    case N_TAGBODY: return TS_NULL;
    case N_VALUES: return n->count ? n->kids[0]->type : TS_NULL;
    default: return TS_ANY;
    }
}

static uint32_t infer(Compiler *c, Node *n) {
    uint32_t type = infer_kind(c, n);
    return n->type = type ? type : TS_ANY;
}

void infer_types(Compiler *c, Lambda *top) { infer_function(c, top); }
