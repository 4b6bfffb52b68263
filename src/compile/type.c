/* type.c: type specifiers as sets of kinds.

   The compiler uses types for a few decisions only (which typed instruction, which test is known), so a type is the set of the kinds of
   objects that it may contain, at least; what it does not understand is TS_ANY.  Deftypes are expanded by their functions. */
#include "compile/compiler.h"

typedef struct TypeRow {
    Obj name;
    uint32_t set;
} TypeRow;

/* The set of an atomic specifier of the standard; 0 if it is none that we know. */
static uint32_t type_of_name(Obj name) {
    const TypeRow rows[] = {
        {SYM(FIXNUM), TS_FIXNUM}, {SYM(INTEGER), TS_INTEGER}, {SYM(BIGNUM), TS_BIGNUM}, {SYM(RATIO), TS_RATIO},
        {SYM(RATIONAL), TS_RATIONAL}, {SYM(REAL), TS_REAL}, {SYM(NUMBER), TS_NUMBER}, {SYM(COMPLEX), TS_COMPLEX},
        {SYM(FLOAT), TS_FLOAT}, {SYM(SINGLE_FLOAT), TS_SINGLE}, {SYM(SHORT_FLOAT), TS_SINGLE}, {SYM(DOUBLE_FLOAT), TS_DOUBLE},
        {SYM(LONG_FLOAT), TS_DOUBLE}, {SYM(BIT), TS_FIXNUM}, {SYM(UNSIGNED_BYTE), TS_INTEGER}, {SYM(SIGNED_BYTE), TS_INTEGER},
        {SYM(CONS), TS_CONS}, {SYM(LIST), TS_LIST}, {SYM(NULL), TS_NULL}, {SYM(SYMBOL), TS_SYMBOL | TS_NULL}, {SYM(KEYWORD), TS_SYMBOL},
        {SYM(CHARACTER), TS_CHARACTER}, {SYM(BASE_CHAR), TS_CHARACTER}, {SYM(STANDARD_CHAR), TS_CHARACTER},
        {SYM(STRING), TS_STRING | TS_ARRAY}, {SYM(SIMPLE_STRING), TS_STRING}, {SYM(SIMPLE_BASE_STRING), TS_STRING},
        {SYM(SIMPLE_VECTOR), TS_SIMPLE_VECTOR}, {SYM(FUNCTION), TS_FUNCTION}, {SYM(COMPILED_FUNCTION), TS_FUNCTION},
        {SYM(SIMPLE_BIT_VECTOR), TS_BIT_VECTOR}, {SYM(BIT_VECTOR), TS_BIT_VECTOR | TS_ARRAY},
        {SYM(VECTOR), TS_STRING | TS_SIMPLE_VECTOR | TS_DOUBLE_VECTOR | TS_SINGLE_VECTOR | TS_BIT_VECTOR | TS_ARRAY},
        {SYM(ARRAY), TS_STRING | TS_SIMPLE_VECTOR | TS_DOUBLE_VECTOR | TS_SINGLE_VECTOR | TS_BIT_VECTOR | TS_ARRAY},
        {SYM(SIMPLE_ARRAY), TS_STRING | TS_SIMPLE_VECTOR | TS_DOUBLE_VECTOR | TS_SINGLE_VECTOR | TS_BIT_VECTOR | TS_ARRAY},
        {SYM(SEQUENCE), TS_LIST | TS_STRING | TS_SIMPLE_VECTOR | TS_DOUBLE_VECTOR | TS_SINGLE_VECTOR | TS_BIT_VECTOR | TS_ARRAY},
        {SYM(HASH_TABLE), TS_OTHER}, {SYM(PACKAGE), TS_OTHER}, {SYM(STREAM), TS_OTHER}, {SYM(PATHNAME), TS_OTHER},
        {SYM(BASE_STRING), TS_STRING | TS_ARRAY}, {T_, TS_ANY}, {SYM(ATOM), TS_ANY & ~(uint32_t)TS_CONS}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (eq(rows[i].name, name)) return rows[i].set;
    return 0;
}

/* Whether (NAME variable...) declares types rather than something else. */
bool type_is_known(Obj symbol) {
    return type_of_name(symbol) || !eq(symbol_info(symbol, SYM(TYPE_EXPANDER), UNBOUND), UNBOUND) ||
           !eq(symbol_info(symbol, SYM(CLASS), UNBOUND), UNBOUND);
}

/* (INTEGER low high) and its kin: within the fixnums? */
static uint32_t type_of_range(Obj head, Obj rest) {
    Obj a = is_cons(rest) ? car(rest) : SYM(STAR);
    Obj b = is_cons(rest) && is_cons(cdr(rest)) ? cadr(rest) : SYM(STAR);
    if (eq(head, SYM(MOD))) return is_fix(a) ? TS_FIXNUM : TS_INTEGER;
    if (eq(head, SYM(UNSIGNED_BYTE))) return is_fix(a) && fix_of_obj(a) <= 61 ? TS_FIXNUM : TS_INTEGER;
    if (eq(head, SYM(SIGNED_BYTE))) return is_fix(a) && fix_of_obj(a) <= 62 ? TS_FIXNUM : TS_INTEGER;
    if (is_cons(a)) a = car(a);
    if (is_cons(b)) b = car(b);
    if (is_fix(a) && is_fix(b)) return TS_FIXNUM;
    return TS_INTEGER;
}

static uint32_t type_of_simple_array(Obj rest) {
    Obj element = is_cons(rest) ? car(rest) : SYM(STAR);
    Obj dimensions = is_cons(rest) && is_cons(cdr(rest)) ? cadr(rest) : SYM(STAR);
    bool one = (is_cons(dimensions) && is_nil(cdr(dimensions))) || (is_fix(dimensions) && fix_of_obj(dimensions) == 1);
    if (!one) return type_of_name(SYM(ARRAY));
    if (eq(element, SYM(DOUBLE_FLOAT)) || eq(element, SYM(LONG_FLOAT))) return TS_DOUBLE_VECTOR;
    if (eq(element, SYM(SINGLE_FLOAT)) || eq(element, SYM(SHORT_FLOAT))) return TS_SINGLE_VECTOR;
    if (eq(element, SYM(BIT))) return TS_BIT_VECTOR;
    if (eq(element, T_)) return TS_SIMPLE_VECTOR;
    if (eq(element, SYM(CHARACTER)) || eq(element, SYM(BASE_CHAR))) return TS_STRING;
    if (eq(element, SYM(STAR))) return type_of_name(SYM(ARRAY));
    return TS_ARRAY;
}

static uint32_t type_of_object(Obj x) {
    if (is_fix(x)) return TS_FIXNUM;
    if (is_char(x)) return TS_CHARACTER;
    if (is_single(x)) return TS_SINGLE;
    if (is_nil(x)) return TS_NULL;
    if (is_cons(x)) return TS_CONS;
    if (is_symbol(x)) return TS_SYMBOL;
    if (has_type(x, TYPE_DOUBLE)) return TS_DOUBLE;
    return TS_ANY;
}

uint32_t type_of_constant(Obj x) { return type_of_object(x); }

static uint32_t type_of_members(Obj rest) {
    uint32_t set = 0;
    for (; is_cons(rest); rest = cdr(rest)) set |= type_of_object(car(rest));
    return set;
}

/* AND and OR. */
static uint32_t type_of_combination(Compiler *c, Ref rest, bool both) {
    uint32_t n, set = both ? TS_ANY : 0;
    Ref first = ref_list(c, ref(c, rest), &n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t one = type_parse(c, ref_at(first, i));
        set = both ? set & one : set | one;
    }
    return set ? set : TS_ANY;
}

/* A DEFTYPE's expansion: the expander takes the whole specifier as a list. */
static uint32_t type_of_expansion(Compiler *c, Ref specifier, Obj expander) {
    Thread *t = c->t;
    if (c->inline_depth > 40) return TS_ANY;
    Obj x = ref(c, specifier);
    Obj args[2] = {is_cons(x) ? x : alloc_cons(t, x, NIL), NIL};
    Ref expansion = ref_new(c, lisp_call(t, expander, 2, args));
    c->inline_depth++;
    uint32_t set = type_parse(c, expansion);
    c->inline_depth--;
    return set;
}

uint32_t type_parse(Compiler *c, Ref specifier) {
    Obj x = ref(c, specifier);
    Obj head = is_cons(x) ? car(x) : x, rest = is_cons(x) ? cdr(x) : NIL;
    if (!is_symbol(head)) return TS_ANY;
    if (is_cons(x)) {
        if (eq(head, SYM(INTEGER)) || eq(head, SYM(MOD)) || eq(head, SYM(UNSIGNED_BYTE)) || eq(head, SYM(SIGNED_BYTE)))
            return type_of_range(head, rest);
        if (eq(head, SYM(SIMPLE_ARRAY))) return type_of_simple_array(rest);
        if (eq(head, SYM(AND)) || eq(head, SYM(OR))) return type_of_combination(c, ref_new(c, rest), eq(head, SYM(AND)));
        if (eq(head, SYM(MEMBER)) || eq(head, SYM(EQL))) return type_of_members(rest);
        if (eq(head, SYM(NOT)) || eq(head, SYM(SATISFIES))) return TS_ANY;
        if (eq(head, SYM(VALUES))) return is_cons(rest) ? type_parse(c, ref_new(c, car(rest))) : TS_ANY;
    }
    uint32_t set = type_of_name(head);
    if (set) return set;
    Obj expander = symbol_info(head, SYM(TYPE_EXPANDER), UNBOUND);
    if (is_function(expander)) return type_of_expansion(c, specifier, expander);
    return TS_ANY;
}
