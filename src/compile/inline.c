/* inline.c: calls of functions of the standard that are instructions.

   One table: name, least and greatest number of arguments, the function that makes the tree, and what it needs to know.  A function of the
   table returns NULL to decline; then the call stays a call, and the leaf of the same name does the work and signals the errors.  The index of a
   row is kept in the symbol's INFO under SYS::%INLINE-INDEX.  Calls with the wrong number of arguments are left alone.

   Arithmetic of more than two arguments becomes a chain of two-argument instructions; comparisons of more than two a chain of tests
   over temporaries, because all arguments are to be evaluated. */
#include "compile/compiler.h"
#include "number/number.h"
#include "text/text.h"

typedef struct InlineRow {
    const char *name; /* "%...": package WINDFALL-SYSTEM */
    uint16_t min, max;
    Node *(*make)(Compiler *c, const struct InlineRow *row, uint32_t n, Node **args);
    uint8_t op, extra;
    const char *path;
} InlineRow;

enum { MANY = 250 };

static bool fits_imm(const Compiler *c, const Node *n, int64_t *v) { return node_is_fixnum(c, n, v) && *v >= INT16_MIN && *v <= INT16_MAX; }

static Node *prim1(Compiler *c, Opcode op, Node *a) { return node_prim(c, op, 1, &a); }
static Node *prim2(Compiler *c, Opcode op, Node *a, Node *b) {
    Node *args[2] = {a, b};
    return node_prim(c, op, 2, args);
}
static Node *prim_imm(Compiler *c, Opcode op, Node *a, int64_t imm) {
    Node *n = prim1(c, op, a);
    n->imm = (int32_t)imm;
    return n;
}

/* -- Plain instructions -- */

/* The arguments are the operands; an instruction without a result has the value of argument `extra`. */
static Node *make_prim(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    Node *p = node_prim(c, (Opcode)row->op, n, args);
    p->imm = row->extra;
    return p;
}

/* CHAR, BIT and their stores: `extra` tells that the vector must be simple. */
static Node *make_element(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    Node *p = node_prim(c, (Opcode)row->op, n, args);
    p->pred = row->extra;
    p->imm = n == 3 ? 2 : 0;
    return p;
}

static Node *make_test(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    Node *p = node_prim(c, OP_TEST, n, args);
    p->pred = row->extra;
    return p;
}

/* C[AD]*R and kin: `path` lists the steps, the last first as in the name. */
static Node *make_path(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)n;
    Node *x = args[0];
    for (size_t i = strlen(row->path); i > 0; i--) {
        if (row->path[i - 1] == 'A') x = prim1(c, OP_CAR, x);
        else if (i >= 2 && row->path[i - 2] == 'A') x = prim1(c, OP_CADR, x), i--;
        else if (i >= 2 && row->path[i - 2] == 'D') x = prim1(c, OP_CDDR, x), i--;
        else x = prim1(c, OP_CDR, x);
    }
    return x;
}

static Node *make_values(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row;
    Node *v = node_new(c, N_VALUES, n);
    for (uint32_t i = 0; i < n; i++) v->kids[i] = args[i];
    return v;
}

static Node *make_list(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    if (n == 0) return node_const(c, NIL);
    return node_prim(c, (Opcode)row->op, n, args);
}

static Node *make_list_star(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    if (n == 1) return make_values(c, row, n, args);
    return node_prim(c, n == 2 ? OP_CONS : OP_LIST_STAR, n, args);
}

/* EQL with a constant that is the same object when it is the same number. */
static Node *make_eql(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row, (void)n;
    for (int i = 0; i < 2; i++) {
        if (args[i]->kind != N_CONST) continue;
        Obj x = ref(c, args[i]->ref);
        if (is_list(x) || !is_number(x) || is_fix(x) || is_single(x)) return prim2(c, OP_EQ, args[0], args[1]);
    }
    return NULL;
}

/* ENDP checks that its argument is a list. */
static Node *make_endp(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row, (void)n;
    Node *check = prim1(c, OP_CHECK, args[0]);
    check->pred = PRED_LIST;
    check->ref = ref_new(c, SYM(LIST));
    return prim1(c, OP_NOT, check);
}

/* -- Arithmetic -- */

static Node *fold(Compiler *c, Opcode op, int64_t a, int64_t b) {
    int64_t r;
    bool overflow = op == OP_ADD ? __builtin_add_overflow(a, b, &r) : op == OP_SUB ? __builtin_sub_overflow(a, b, &r) : __builtin_mul_overflow(a, b, &r);
    return overflow || !fits_fix(r) ? NULL : node_const(c, obj_of_fix(r));
}

static Node *arithmetic2(Compiler *c, Opcode op, Node *a, Node *b) {
    int64_t x, y;
    if (node_is_fixnum(c, a, &x) && node_is_fixnum(c, b, &y)) {
        Node *folded = fold(c, op, x, y);
        if (folded) return folded;
    }
    if (op == OP_ADD && fits_imm(c, b, &y)) return prim_imm(c, OP_ADDI, a, y);
    if (op == OP_ADD && fits_imm(c, a, &x)) return prim_imm(c, OP_ADDI, b, x);
    if (op == OP_SUB && fits_imm(c, b, &y) && y > INT16_MIN) return prim_imm(c, OP_ADDI, a, -y);
    if (op == OP_MUL && fits_imm(c, b, &y)) return prim_imm(c, OP_MULI, a, y);
    if (op == OP_MUL && fits_imm(c, a, &x)) return prim_imm(c, OP_MULI, b, x);
    return prim2(c, op, a, b);
}

/* + and *: `extra` is the unit. */
static Node *make_sum(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    if (n == 0) return node_const(c, obj_of_fix(row->extra));
    if (n == 1) return prim_imm(c, row->op == OP_ADD ? OP_ADDI : OP_MULI, args[0], row->extra);
    Node *x = args[0];
    for (uint32_t i = 1; i < n; i++) x = arithmetic2(c, (Opcode)row->op, x, args[i]);
    return x;
}

/* - */
static Node *make_difference(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    if (n == 1) {
        int64_t x;
        if (node_is_fixnum(c, args[0], &x) && fits_fix(-x)) return node_const(c, obj_of_fix(-x));
        return prim1(c, OP_NEG, args[0]);
    }
    Node *x = args[0];
    for (uint32_t i = 1; i < n; i++) x = arithmetic2(c, (Opcode)row->op, x, args[i]);
    return x;
}

static Node *make_quotient(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row;
    Node *x = n == 1 ? prim2(c, OP_DIV, node_const(c, obj_of_fix(1)), args[0]) : args[0];
    for (uint32_t i = 1; i < n; i++) x = prim2(c, OP_DIV, x, args[i]);
    return x;
}

static Node *make_increment(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)n;
    return arithmetic2(c, (Opcode)row->op, args[0], node_const(c, obj_of_fix(1)));
}

/* LOGAND, LOGIOR, LOGXOR. */
static Node *make_logical(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    if (n == 0) return node_const(c, obj_of_fix(row->op == OP_LOGAND ? -1 : 0));
    if (n == 1) return prim_imm(c, OP_LOGANDI, args[0], -1);
    Node *x = args[0];
    for (uint32_t i = 1; i < n; i++) {
        int64_t y;
        if (row->op == OP_LOGAND && fits_imm(c, args[i], &y)) x = prim_imm(c, OP_LOGANDI, x, y);
        else if (row->op == OP_LOGAND && fits_imm(c, x, &y)) x = prim_imm(c, OP_LOGANDI, args[i], y);
        else x = prim2(c, (Opcode)row->op, x, args[i]);
    }
    return x;
}

static Node *make_lognot(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row, (void)n;
    return prim2(c, OP_LOGXOR, args[0], node_const(c, obj_of_fix(-1)));
}

static Node *make_ash(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    int64_t y;
    return fits_imm(c, args[1], &y) ? prim_imm(c, OP_ASHI, args[0], y) : make_prim(c, row, n, args);
}

/* TRUNCATE and FLOOR: an instruction where one value is wanted (the generator decides). */
static Node *make_division(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    Node *call = node_new(c, N_CALL, 2);
    call->op = row->op;
    call->kids[0] = args[0];
    call->kids[1] = n == 2 ? args[1] : node_const(c, obj_of_fix(1));
    return call;
}

/* -- Comparisons -- */

typedef enum Relation { REL_LT, REL_LE, REL_GT, REL_GE, REL_EQ, REL_NE } Relation;

static Node *compare_imm(Compiler *c, Relation r, Node *a, int64_t imm) {
    static const uint8_t ops[] = {OP_JUMP_LTI, OP_JUMP_LEI, OP_JUMP_GTI, OP_JUMP_GEI, OP_JUMP_EQI, OP_JUMP_NEI};
    Node *n = node_new(c, N_COMPARE, 1);
    n->op = ops[r];
    n->kids[0] = a;
    n->imm = (int32_t)imm;
    return n;
}

static Node *compare2(Compiler *c, Relation r, Node *a, Node *b) {
    static const Relation mirrored[] = {REL_GT, REL_GE, REL_LT, REL_LE, REL_EQ, REL_NE};
    static const uint8_t ops[] = {OP_JUMP_LT, OP_JUMP_LE, OP_JUMP_LT, OP_JUMP_LE, OP_JUMP_NUM_EQ, OP_JUMP_NUM_NE};
    int64_t imm;
    if (fits_imm(c, b, &imm)) return compare_imm(c, r, a, imm);
    if (fits_imm(c, a, &imm)) return compare_imm(c, mirrored[r], b, imm);
    Node *n = node_new(c, N_COMPARE, 2);
    n->op = ops[r];
    n->pred = r == REL_GT || r == REL_GE; /* operands the other way round */
    n->kids[0] = a;
    n->kids[1] = b;
    return n;
}

/* A LET of temporaries for all arguments that are not constants; args[] become references of which each may be used once. */
static Node *temporaries(Compiler *c, uint32_t n, Node **args) {
    Node *let = node_new(c, N_LET, n + 1);
    let->vars = arena_alloc(c, n * sizeof(Variable *));
    let->var_count = n;
    for (uint32_t i = 0; i < n; i++) {
        let->vars[i] = variable_temporary(c);
        let->kids[i] = args[i];
        args[i] = node_local(c, let->vars[i]);
    }
    return let;
}

static Node *make_compare(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    Relation r = (Relation)row->extra;
    if (n == 1) return NULL;
    if (n == 2) return compare2(c, r, args[0], args[1]);
    if (r == REL_NE || n > 8) return NULL;
    Node *let = temporaries(c, n, args);
    Node *x = compare2(c, r, args[n - 2], args[n - 1]);
    for (uint32_t i = n - 2; i > 0; i--)
        x = node_if(c, compare2(c, r, args[i - 1], node_local(c, args[i]->var)), x, node_const(c, NIL));
    let->kids[n] = x;
    return let;
}

/* ZEROP, PLUSP, MINUSP. */
static Node *make_sign(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)n;
    return compare_imm(c, (Relation)row->extra, args[0], 0);
}

/* ODDP, EVENP. */
static Node *make_parity(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)n;
    return compare_imm(c, REL_EQ, prim_imm(c, OP_LOGANDI, args[0], 1), row->extra);
}

/* MAX and MIN of two. */
static Node *make_extreme(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    Node *let = temporaries(c, n, args);
    Node *test = compare2(c, (Relation)row->extra, args[0], args[1]);
    let->kids[n] = node_if(c, test, node_local(c, args[1]->var), node_local(c, args[0]->var));
    return let;
}

/* -- Functions -- */

static Node *make_funcall(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row;
    Node *call = node_new(c, N_FUNCALL, n);
    for (uint32_t i = 0; i < n; i++) call->kids[i] = args[i];
    return call;
}

static Node *make_apply(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    Node *last = args[n - 1];
    if (node_is_nil(c, last)) return make_funcall(c, row, n - 1, args);
    Node *call = node_new(c, N_APPLY, n);
    for (uint32_t i = 0; i < n; i++) call->kids[i] = args[i];
    return call;
}

/* -- Structures: (layout index type read-only-p) of a reader -- */

static bool accessor_parse(Obj accessor, Obj *layout, int64_t *index) {
    if (!is_cons(accessor) || !is_cons(cdr(accessor)) || !has_type(car(accessor), TYPE_LAYOUT) || !is_fix(cadr(accessor))) return false;
    *layout = car(accessor);
    *index = fix_of_obj(cadr(accessor));
    return *index >= 0 && *index <= UINT8_MAX;
}

static Node *structure_reader(Compiler *c, Obj accessor, Node **args) {
    Obj layout;
    int64_t index;
    if (!accessor_parse(accessor, &layout, &index)) return NULL;
    Node *n = prim1(c, OP_STRUCTURE_REF, args[0]);
    n->pred = (uint8_t)index;
    n->ref = ref_new(c, layout);
    return n;
}

/* (%STRUCTURE-SETF 'reader object value) */
static Node *make_structure_setf(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row, (void)n;
    Obj layout;
    int64_t index;
    if (args[0]->kind != N_CONST || !is_symbol(ref(c, args[0]->ref))) return NULL;
    if (!accessor_parse(symbol_info(ref(c, args[0]->ref), SYM(STRUCTURE_ACCESSOR), NIL), &layout, &index)) return NULL;
    Node *set = prim2(c, OP_STRUCTURE_SET, args[1], args[2]);
    set->pred = (uint8_t)index;
    set->imm = 1;
    set->ref = ref_new(c, layout);
    return set;
}

/* (%STRUCTURE-P object layout) with a constant layout. */
static Node *make_structure_p(Compiler *c, const InlineRow *row, uint32_t n, Node **args) {
    (void)row, (void)n;
    if (args[1]->kind != N_CONST || !has_type(ref(c, args[1]->ref), TYPE_LAYOUT)) return NULL;
    Node *p = prim1(c, OP_STRUCTURE_P, args[0]);
    p->ref = args[1]->ref;
    return p;
}

/* -- The table -- */

static const InlineRow rows[] = {
    {"CAR", 1, 1, make_prim, OP_CAR, 0, 0}, {"CDR", 1, 1, make_prim, OP_CDR, 0, 0}, {"FIRST", 1, 1, make_prim, OP_CAR, 0, 0},
    {"REST", 1, 1, make_prim, OP_CDR, 0, 0}, {"SECOND", 1, 1, make_path, 0, 0, "AD"}, {"THIRD", 1, 1, make_path, 0, 0, "ADD"},
    {"FOURTH", 1, 1, make_path, 0, 0, "ADDD"},
    {"CAAR", 1, 1, make_path, 0, 0, "AA"}, {"CADR", 1, 1, make_path, 0, 0, "AD"}, {"CDAR", 1, 1, make_path, 0, 0, "DA"},
    {"CDDR", 1, 1, make_path, 0, 0, "DD"}, {"CAAAR", 1, 1, make_path, 0, 0, "AAA"}, {"CAADR", 1, 1, make_path, 0, 0, "AAD"},
    {"CADAR", 1, 1, make_path, 0, 0, "ADA"}, {"CADDR", 1, 1, make_path, 0, 0, "ADD"}, {"CDAAR", 1, 1, make_path, 0, 0, "DAA"},
    {"CDADR", 1, 1, make_path, 0, 0, "DAD"}, {"CDDAR", 1, 1, make_path, 0, 0, "DDA"}, {"CDDDR", 1, 1, make_path, 0, 0, "DDD"},
    {"CADDDR", 1, 1, make_path, 0, 0, "ADDD"}, {"CADADR", 1, 1, make_path, 0, 0, "ADAD"}, {"CDDDDR", 1, 1, make_path, 0, 0, "DDDD"},
    {"CADDAR", 1, 1, make_path, 0, 0, "ADDA"}, {"CAADDR", 1, 1, make_path, 0, 0, "AADD"}, {"CDADDR", 1, 1, make_path, 0, 0, "DADD"},
    {"CONS", 2, 2, make_prim, OP_CONS, 0, 0}, {"LIST", 0, MANY, make_list, OP_LIST, 0, 0}, {"LIST*", 1, MANY, make_list_star, 0, 0, 0},
    {"RPLACA", 2, 2, make_prim, OP_SET_CAR, 0, 0}, {"RPLACD", 2, 2, make_prim, OP_SET_CDR, 0, 0},
    {"%RPLACA", 2, 2, make_prim, OP_SET_CAR, 1, 0}, {"%RPLACD", 2, 2, make_prim, OP_SET_CDR, 1, 0},
    {"EQ", 2, 2, make_prim, OP_EQ, 0, 0}, {"EQL", 2, 2, make_eql, 0, 0, 0}, {"NOT", 1, 1, make_prim, OP_NOT, 0, 0},
    {"NULL", 1, 1, make_prim, OP_NOT, 0, 0}, {"ENDP", 1, 1, make_endp, 0, 0, 0},
    {"SVREF", 2, 2, make_prim, OP_SVREF, 0, 0}, {"AREF", 2, 2, make_prim, OP_AREF, 0, 0}, {"CHAR", 2, 2, make_element, OP_CHAR_REF, 0, 0},
    {"SCHAR", 2, 2, make_element, OP_CHAR_REF, 1, 0}, {"BIT", 2, 2, make_element, OP_BIT_REF, 0, 0}, {"SBIT", 2, 2, make_element, OP_BIT_REF, 1, 0},
    {"%CHAR-SET", 3, 3, make_element, OP_CHAR_SET, 0, 0}, {"%SCHAR-SET", 3, 3, make_element, OP_CHAR_SET, 1, 0},
    {"%BIT-SET", 3, 3, make_element, OP_BIT_SET, 0, 0}, {"%SBIT-SET", 3, 3, make_element, OP_BIT_SET, 1, 0},
    {"%SVSET", 3, 3, make_prim, OP_SVSET, 2, 0}, {"%ASET", 3, 3, make_prim, OP_ASET, 2, 0}, {"LENGTH", 1, 1, make_prim, OP_LENGTH, 0, 0},
    {"+", 0, MANY, make_sum, OP_ADD, 0, 0}, {"*", 0, MANY, make_sum, OP_MUL, 1, 0}, {"-", 1, MANY, make_difference, OP_SUB, 0, 0},
    {"/", 1, MANY, make_quotient, OP_DIV, 0, 0}, {"1+", 1, 1, make_increment, OP_ADD, 0, 0}, {"1-", 1, 1, make_increment, OP_SUB, 0, 0},
    {"LOGAND", 0, MANY, make_logical, OP_LOGAND, 0, 0}, {"LOGIOR", 0, MANY, make_logical, OP_LOGIOR, 0, 0},
    {"LOGXOR", 0, MANY, make_logical, OP_LOGXOR, 0, 0}, {"LOGNOT", 1, 1, make_lognot, 0, 0, 0}, {"ASH", 2, 2, make_ash, OP_ASH, 0, 0},
    {"TRUNCATE", 1, 2, make_division, OP_TRUNCATE, 0, "TRUNCATE"}, {"FLOOR", 1, 2, make_division, OP_FLOOR, 0, "FLOOR"},
    {"REM", 2, 2, make_prim, OP_REM, 0, 0}, {"MOD", 2, 2, make_prim, OP_MOD, 0, 0},
    {"<", 1, MANY, make_compare, 0, REL_LT, 0}, {"<=", 1, MANY, make_compare, 0, REL_LE, 0}, {">", 1, MANY, make_compare, 0, REL_GT, 0},
    {">=", 1, MANY, make_compare, 0, REL_GE, 0}, {"=", 1, MANY, make_compare, 0, REL_EQ, 0}, {"/=", 1, MANY, make_compare, 0, REL_NE, 0},
    {"ZEROP", 1, 1, make_sign, 0, REL_EQ, 0}, {"PLUSP", 1, 1, make_sign, 0, REL_GT, 0}, {"MINUSP", 1, 1, make_sign, 0, REL_LT, 0},
    {"ODDP", 1, 1, make_parity, 0, 1, 0}, {"EVENP", 1, 1, make_parity, 0, 0, 0},
    {"MAX", 2, 2, make_extreme, 0, REL_LT, 0}, {"MIN", 2, 2, make_extreme, 0, REL_GT, 0},
    {"VALUES", 0, MANY, make_values, 0, 0, 0}, {"IDENTITY", 1, 1, make_values, 0, 0, 0},
    {"FUNCALL", 1, MANY, make_funcall, 0, 0, 0}, {"APPLY", 2, MANY, make_apply, 0, 0, 0},
    {"%STRUCTURE-SETF", 3, 3, make_structure_setf, 0, 0, 0}, {"%STRUCTURE-P", 2, 2, make_structure_p, 0, 0, 0},
};

enum { TESTS_FROM = 1000 }; /* indices of predicates.def */

static void inline_register(Thread *t, const char *name, uint32_t index) {
    Obj package = name[0] == '%' ? t->world->package_sys : t->world->package_cl;
    set_symbol_info(t, intern_text(t, package, name), SYM(INLINE_INDEX), obj_of_fix(index));
}

/* Tells the symbols their rows. */
void inline_create(Thread *t) {
    for (uint32_t i = 0; i < PRED_COUNT; i++)
        if (predicate_names[i][0]) inline_register(t, predicate_names[i], TESTS_FROM + i);
    for (uint32_t i = 0; i < COUNT_OF(rows); i++) inline_register(t, rows[i].name, i);
}

Node *inline_call(Compiler *c, Scope *s, Ref name, uint32_t n, Node **args) {
    Obj symbol = ref(c, name);
    if (eq(symbol, SYM(FUNCALL)) && n > 0) return analyse_funcall(c, s, n, args, name);
    Obj index = symbol_info(symbol, SYM(INLINE_INDEX), NIL);
    if (is_fix(index)) {
        uint32_t i = (uint32_t)fix_of_obj(index);
        if (i >= TESTS_FROM) {
            InlineRow test = {NULL, 1, 1, NULL, OP_TEST, (uint8_t)(i - TESTS_FROM), NULL};
            return n == 1 ? make_test(c, &test, n, args) : NULL;
        }
        const InlineRow *row = &rows[i];
        if (n < row->min || n > row->max) return NULL;
        Node *node = row->make(c, row, n, args);
        if (node && node->kind == N_CALL) node->ref = name;
        return node;
    }
    Obj accessor = symbol_info(symbol, SYM(STRUCTURE_ACCESSOR), NIL);
    return is_cons(accessor) && n == 1 ? structure_reader(c, accessor, args) : NULL;
}
