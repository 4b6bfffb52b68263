/* arrays.c: arrays and vectors (CLHS 15): making, access, headers; bit operations are in bits.c.

   A simple vector is made by its type code, a fixnum: the shape's number (TYPE_SIMPLE_VECTOR, TYPE_BIT_VECTOR, ...), which
   %ELEMENT-TYPE-CODE finds for the element types that need no type system; lisp/arrays.lisp asks SUBTYPEP about the others and does the
   keyword work of MAKE-ARRAY and ADJUST-ARRAY.  Everything else about an array is an ARRAY object (word.h) over a simple vector. */
#include "run/run.h"
#include "run/vector.h"

/* One less than the number of subscripts, dimensions or elements that cannot be. */
static const uint64_t array_limit = UINT64_C(1) << 44;
enum { RANK_LIMIT = 64 };

/* -- Arguments -- */

static inline Obj need_array(Thread *t, Obj x) {
    if (UNLIKELY(!is_array(x))) signal_type_error(t, x, SYM(ARRAY));
    return x;
}
static inline Obj need_vector(Thread *t, Obj x) {
    if (UNLIKELY(!is_vector(x))) signal_type_error(t, x, SYM(VECTOR));
    return x;
}
static inline uint64_t need_index(Thread *t, Obj x, uint64_t limit) {
    if (UNLIKELY(!is_fix(x) || (uint64_t)fix_of_obj(x) >= limit)) signal_index_error(t, x, limit);
    return (uint64_t)fix_of_obj(x);
}

static uint64_t rank_of(Obj a) { return obj_type(a) == TYPE_ARRAY ? array_rank(a) : 1; }
static uint64_t dimension(Obj a, uint64_t axis) {
    return obj_type(a) == TYPE_ARRAY ? (uint64_t)fix_of_obj(obj_slots(a)[ARRAY_DIMENSIONS + axis]) : obj_length(a);
}

/* -- Access -- */

BUILTIN_IN_PLACE(svref, "SVREF", 2, 2, "(simple-vector index)", "Element of a simple vector (CLHS 15.2).") {
    if (UNLIKELY(!has_type(args[0], TYPE_SIMPLE_VECTOR))) signal_type_error(t, args[0], SYM(SIMPLE_VECTOR));
    return obj_slots(args[0])[need_index(t, args[1], obj_length(args[0]))];
}
BUILTIN_IN_PLACE(svset, "%SVSET", 3, 3, "(simple-vector index object)", "(SETF (SVREF simple-vector index) object): returns object.") {
    if (UNLIKELY(!has_type(args[0], TYPE_SIMPLE_VECTOR))) signal_type_error(t, args[0], SYM(SIMPLE_VECTOR));
    set_field(t, args[0], need_index(t, args[1], obj_length(args[0])), args[2]);
    return args[2];
}

/* The row-major index of `n` subscripts, each checked. */
static uint64_t row_major_index(Thread *t, Obj array, const Obj *subscripts, uint32_t n) {
    need_array(t, array);
    uint64_t rank = rank_of(array), index = 0;
    if (UNLIKELY(n != rank))
        signal_format(t, SYM(PROGRAM_ERROR), "Wrong number of subscripts, ~S, for an array of rank ~S.", 2, obj_of_fix(n), obj_of_fix((int64_t)rank));
    for (uint32_t i = 0; i < n; i++) {
        uint64_t d = dimension(array, i);
        index = index * d + need_index(t, subscripts[i], d);
    }
    return index;
}

BUILTIN_IN_PLACE(aref, "AREF", 1, ARGS_ANY, "(array &rest subscripts)", "Element of an array; fill pointers are ignored (CLHS 15.2).") {
    if (n == 2) return array_ref(t, args[0], args[1]);
    return row_major_ref(t, args[0], row_major_index(t, args[0], args + 1, n - 1));
}
BUILTIN_IN_PLACE(aset, "%ASET", 2, ARGS_ANY, "(array &rest subscripts-and-object)", "(SETF (AREF array subscripts...) object): returns object, the last argument.") {
    if (n == 3)
        array_set(t, args[0], args[1], args[2]);
    else
        row_major_set(t, args[0], row_major_index(t, args[0], args + 1, n - 2), args[n - 1]);
    return args[n - 1];
}
BUILTIN_IN_PLACE(row_major_aref, "ROW-MAJOR-AREF", 2, 2, "(array index)", "Element of an array by its row-major index (CLHS 15.2).") {
    return row_major_ref(t, args[0], need_index(t, args[1], array_total(need_array(t, args[0]))));
}
BUILTIN_IN_PLACE(row_major_set, "%ROW-MAJOR-SET", 3, 3, "(array index object)", "(SETF (ROW-MAJOR-AREF array index) object): returns object.") {
    row_major_set(t, args[0], need_index(t, args[1], array_total(need_array(t, args[0]))), args[2]);
    return args[2];
}
BUILTIN_IN_PLACE(row_major_index, "ARRAY-ROW-MAJOR-INDEX", 1, ARGS_ANY, "(array &rest subscripts)", "The row-major index of the subscripts (CLHS 15.2).") {
    return obj_of_fix((int64_t)row_major_index(t, args[0], args + 1, n - 1));
}
BUILTIN_IN_PLACE(in_bounds_p, "ARRAY-IN-BOUNDS-P", 1, ARGS_ANY, "(array &rest subscripts)", "Whether the subscripts are within the array's bounds (CLHS 15.2).") {
    uint64_t rank = rank_of(need_array(t, args[0]));
    if (n - 1 != rank)
        signal_format(t, SYM(PROGRAM_ERROR), "Wrong number of subscripts, ~S, for an array of rank ~S.", 2, obj_of_fix(n - 1), obj_of_fix((int64_t)rank));
    for (uint32_t i = 1; i < n; i++) {
        if (!is_fix(args[i]) && !has_type(args[i], TYPE_BIGNUM)) signal_type_error(t, args[i], SYM(INTEGER));
        if (!is_fix(args[i]) || (uint64_t)fix_of_obj(args[i]) >= dimension(args[0], i - 1)) return NIL;
    }
    return T_;
}

static Obj need_string(Thread *t, Obj x, Obj type) {
    if (UNLIKELY(eq(type, SYM(STRING)) ? !is_string(x) : !is_simple_string(x))) signal_type_error(t, x, type);
    return x;
}
BUILTIN_IN_PLACE(char, "CHAR", 2, 2, "(string index)", "Character of a string; fill pointers are ignored (CLHS 16.2).") {
    return array_ref(t, need_string(t, args[0], SYM(STRING)), args[1]);
}
BUILTIN_IN_PLACE(schar, "SCHAR", 2, 2, "(simple-string index)", "Character of a simple string (CLHS 16.2).") {
    return array_ref(t, need_string(t, args[0], SYM(SIMPLE_STRING)), args[1]);
}
BUILTIN_IN_PLACE(set_char, "%CHAR-SET", 3, 3, "(string index character)", "(SETF (CHAR string index) character): returns the character.") {
    array_set(t, need_string(t, args[0], SYM(STRING)), args[1], args[2]);
    return args[2];
}
BUILTIN_IN_PLACE(set_schar, "%SCHAR-SET", 3, 3, "(simple-string index character)", "(SETF (SCHAR string index) character): returns the character.") {
    array_set(t, need_string(t, args[0], SYM(SIMPLE_STRING)), args[1], args[2]);
    return args[2];
}

static void need_bits(Thread *t, Obj a, bool simple) {
    bool ok = simple ? is_array(a) && (obj_type(a) != TYPE_ARRAY || !obj_flags(a)) : is_array(a);
    if (ok && obj_type(array_storage(a)) == TYPE_BIT_VECTOR) return;
    signal_type_error(t, a, alloc_cons(t, simple ? SYM(SIMPLE_ARRAY) : SYM(ARRAY), alloc_cons(t, SYM(BIT), NIL)));
}
BUILTIN_IN_PLACE(bit, "BIT", 1, ARGS_ANY, "(bit-array &rest subscripts)", "Bit of a bit array (CLHS 15.2).") {
    need_bits(t, args[0], false);
    return row_major_ref(t, args[0], row_major_index(t, args[0], args + 1, n - 1));
}
BUILTIN_IN_PLACE(sbit, "SBIT", 1, ARGS_ANY, "(simple-bit-array &rest subscripts)", "Bit of a simple bit array (CLHS 15.2).") {
    need_bits(t, args[0], true);
    return row_major_ref(t, args[0], row_major_index(t, args[0], args + 1, n - 1));
}
BUILTIN_IN_PLACE(set_bit, "%BIT-SET", 2, ARGS_ANY, "(bit-array &rest subscripts-and-bit)", "(SETF (BIT bit-array subscripts...) bit): returns the bit.") {
    need_bits(t, args[0], false);
    row_major_set(t, args[0], row_major_index(t, args[0], args + 1, n - 2), args[n - 1]);
    return args[n - 1];
}

/* -- Making -- */

static uint64_t need_size(Thread *t, Obj x) {
    if (!is_fix(x) || (uint64_t)fix_of_obj(x) >= array_limit) signal_index_error(t, x, array_limit);
    return (uint64_t)fix_of_obj(x);
}

BUILTIN(vector, "VECTOR", 0, ARGS_ANY, "(&rest objects)", "A fresh simple vector of its arguments (CLHS 15.2).") {
    Obj v = alloc_boxed(t, TYPE_SIMPLE_VECTOR, n, NIL);
    for (uint32_t i = 0; i < n; i++) init_field(v, i, args[i]);
    return v;
}
BUILTIN(make_simple_vector, "%MAKE-SIMPLE-VECTOR", 2, 2, "(length initial-element)", "A fresh simple vector.") {
    return alloc_boxed(t, TYPE_SIMPLE_VECTOR, need_size(t, args[0]), args[1]);
}

static Type need_code(Thread *t, Obj x) {
    if (!is_fix(x) || (uint64_t)fix_of_obj(x) >= TYPE_COUNT || !is_simple_vector_type((Type)fix_of_obj(x)))
        signal_type_error(t, x, SYM(FIXNUM));
    return (Type)fix_of_obj(x);
}

/* A simple vector of any type; `init` UNBOUND leaves 0 (NIL in simple vectors). */
static Obj make_vector(Thread *t, Type type, uint64_t length, Obj init) {
    if (type == TYPE_SIMPLE_VECTOR) return alloc_boxed(t, type, length, is_marker(init) ? obj_of_fix(0) : init);
    if (!is_marker(init) && !element_fits(type, init)) signal_type_error(t, init, element_type(t, type));
    Obj v = alloc_raw(t, type, length);
    if (!is_marker(init)) span_fill(t, (Span){v, 0, length, type}, init);
    return v;
}

BUILTIN(make_specialized, "%MAKE-SPECIALIZED", 2, 3, "(type-code length &optional initial-element)", "A fresh simple vector of the type.") {
    Type type = need_code(t, args[0]);
    return make_vector(t, type, need_size(t, args[1]), ARG(2, NO_ARG));
}

/* The product of a list of dimensions, each checked. */
static uint64_t total_of(Thread *t, Obj dimensions) {
    uint64_t rank = list_length(t, dimensions), total = 1;
    if (rank >= RANK_LIMIT) signal_format(t, SYM(SIMPLE_ERROR), "An array cannot have ~S dimensions.", 1, obj_of_fix((int64_t)rank));
    for (Obj d = dimensions; !is_nil(d); d = cdr(d)) {
        uint64_t size = need_size(t, car(d));
        if (size && total > array_limit / size) signal_index_error(t, car(d), array_limit);
        total *= size;
    }
    return total;
}

/* An array header over `data`, which has enough elements from `offset` on. */
static Obj make_array_header(Thread *t, Obj data, Obj offset, Obj dimensions, unsigned flags) {
    uint64_t i = 0, total = total_of(t, dimensions);
    Obj a = alloc_flagged(t, TYPE_ARRAY, flags, ARRAY_DIMENSIONS + list_length(t, dimensions), NIL);
    init_field(a, ARRAY_DATA, data);
    init_field(a, ARRAY_OFFSET, offset);
    init_field(a, ARRAY_TOTAL, obj_of_fix((int64_t)total));
    for (Obj d = dimensions; !is_nil(d); d = cdr(d)) init_field(a, ARRAY_DIMENSIONS + i++, car(d));
    return a;
}

BUILTIN(make_simple_array, "%MAKE-SIMPLE-ARRAY", 2, 3, "(type-code dimensions &optional initial-element)",
        "A fresh simple array; the type code NIL means T, dimensions are a list or one integer.") {
    Type type = is_nil(args[0]) ? TYPE_SIMPLE_VECTOR : need_code(t, args[0]);
    if (!is_list(args[1])) return make_vector(t, type, need_size(t, args[1]), ARG(2, NO_ARG));
    Obj data = make_vector(t, type, total_of(t, args[1]), ARG(2, NO_ARG));
    bool vector = is_cons(args[1]) && is_nil(cdr(args[1]));
    return vector ? data : make_array_header(t, data, obj_of_fix(0), args[1], 0);
}

/* (%MAKE-ARRAY-HEADER data offset fill-pointer displaced-p adjustable-p dimensions) */
BUILTIN(make_header, "%MAKE-ARRAY-HEADER", 6, 6, "(data offset fill-pointer displaced-p adjustable-p dimensions)",
        "An array over the elements of the array data from offset; fill-pointer is NIL or an index, dimensions a list.") {
    uint64_t total = total_of(t, args[5]), offset = need_size(t, args[1]);
    if (is_swapped_array(args[0])) signal_format(t, SYM(SIMPLE_ERROR), "An array cannot be displaced to ~S, which is swapped.", 1, args[0]);
    if (offset + total > array_total(need_array(t, args[0]))) signal_index_error(t, args[1], array_total(args[0]));
    Obj a = make_array_header(t, args[0], args[1], args[5], is_nil(args[4]) ? 0 : ARRAY_ADJUSTABLE);
    init_field(a, ARRAY_FILL_POINTER, args[2]);
    init_field(a, ARRAY_DISPLACED_P, args[3]);
    return a;
}

/* Makes the array header args[0] be as the other header args[1] is; the ranks are the same. */
BUILTIN(become_array, "%BECOME-ARRAY", 2, 2, "(array other)", "Makes the adjustable array share all that the other array header of its rank says.") {
    if (is_handle(args[0]) && has_type(args[1], TYPE_ARRAY) && !is_nil(obj_slots(args[1])[ARRAY_DISPLACED_P]))
        signal_format(t, SYM(SIMPLE_ERROR), "~S is swapped and cannot be displaced.", 1, args[0]);
    if (!has_type(args[0], TYPE_ARRAY) || !has_type(args[1], TYPE_ARRAY) || obj_length(args[0]) != obj_length(args[1]))
        signal_type_error(t, args[0], SYM(ARRAY));
    for (uint64_t i = 0; i < obj_length(args[0]); i++) set_field(t, args[0], i, obj_slots(args[1])[i]);
    return args[0];
}

/* (%ROW-MAJOR-REPLACE to to-index from from-index count) */
BUILTIN_IN_PLACE(row_major_replace, "%ROW-MAJOR-REPLACE", 5, 5, "(to to-index from from-index count)", "Copies count elements by row-major index, fill pointers ignored.") {
    Span to = array_span(t, args[0]), from = array_span(t, args[2]);
    uint64_t count = need_index(t, args[4], (to.length < from.length ? to.length : from.length) + 1);
    uint64_t at = need_index(t, args[1], to.length - count + 1), source = need_index(t, args[3], from.length - count + 1);
    span_copy(t, (Span){to.data, to.start + at, count, to.type}, (Span){from.data, from.start + source, count, from.type});
    return args[0];
}

/* -- Element types -- */

/* The type code for integers from low to high, of which each may be NIL for unbounded. */
static Type code_of_range(Obj low, Obj high) {
    static const Type kinds[] = {TYPE_BIT_VECTOR, TYPE_U8_VECTOR, TYPE_I8_VECTOR, TYPE_U16_VECTOR, TYPE_I16_VECTOR, TYPE_U32_VECTOR,
                                 TYPE_I32_VECTOR, TYPE_FIXNUM_VECTOR, TYPE_U64_VECTOR, TYPE_I64_VECTOR};
    for (unsigned i = 0; i < COUNT_OF(kinds); i++)
        if (element_fits(kinds[i], low) && element_fits(kinds[i], high)) return kinds[i];
    return TYPE_SIMPLE_VECTOR;
}

/* A bound of an INTEGER type: (n) excludes n. */
static Obj bound(Thread *t, Obj x, int64_t inward) {
    if (is_cons(x) && is_nil(cdr(x)) && is_fix(car(x))) return number_add(t, car(x), obj_of_fix(inward));
    return x;
}

static Type code_of_list(Thread *t, Obj type) {
    Obj head = car(type), a = is_cons(cdr(type)) ? cadr(type) : SYM(STAR);
    Obj b = is_cons(cdr(type)) && is_cons(cddr(type)) ? caddr(type) : SYM(STAR);
    bool sized = is_fix(a) && fix_of_obj(a) > 0 && fix_of_obj(a) <= 64;
    Obj zero = obj_of_fix(0), one = obj_of_fix(1);
    if (eq(head, SYM(INTEGER))) return code_of_range(bound(t, a, 1), bound(t, b, -1));
    if (eq(head, SYM(MOD)) && is_fix(a)) return code_of_range(zero, number_sub(t, a, one));
    if (eq(head, SYM(UNSIGNED_BYTE)))
        return sized ? code_of_range(zero, number_sub(t, number_ash(t, one, a), one)) : TYPE_SIMPLE_VECTOR;
    if (eq(head, SYM(SIGNED_BYTE))) {
        if (!sized) return TYPE_SIMPLE_VECTOR;
        Obj half = number_ash(t, one, number_sub(t, a, one));
        return code_of_range(number_negate(t, half), number_sub(t, half, one));
    }
    if (eq(head, SYM(SINGLE_FLOAT)) || eq(head, SYM(SHORT_FLOAT))) return TYPE_SINGLE_VECTOR;
    if (eq(head, SYM(DOUBLE_FLOAT)) || eq(head, SYM(LONG_FLOAT))) return TYPE_DOUBLE_VECTOR;
    return TYPE_COUNT;
}

BUILTIN(element_type_code, "%ELEMENT-TYPE-CODE", 1, 1, "(type)", "The type code of vectors whose elements are of the type; NIL when the type system must say.") {
    static const struct {
        Obj name;
        Type type;
    } known[] = {{T_, TYPE_SIMPLE_VECTOR},           {NIL, TYPE_NIL_VECTOR},                   {SYM(STAR), TYPE_SIMPLE_VECTOR},         {SYM(BIT), TYPE_BIT_VECTOR},
                 {SYM(CHARACTER), TYPE_STRING},      {SYM(BASE_CHAR), TYPE_BASE_STRING},      {SYM(STANDARD_CHAR), TYPE_BASE_STRING},
                 {SYM(EXTENDED_CHAR), TYPE_STRING},  {SYM(FIXNUM), TYPE_FIXNUM_VECTOR},       {SYM(SINGLE_FLOAT), TYPE_SINGLE_VECTOR},
                 {SYM(SHORT_FLOAT), TYPE_SINGLE_VECTOR}, {SYM(DOUBLE_FLOAT), TYPE_DOUBLE_VECTOR}, {SYM(LONG_FLOAT), TYPE_DOUBLE_VECTOR},
                 {SYM(INTEGER), TYPE_SIMPLE_VECTOR}, {SYM(SYMBOL), TYPE_SIMPLE_VECTOR},       {SYM(LIST), TYPE_SIMPLE_VECTOR}};
    for (unsigned i = 0; i < COUNT_OF(known); i++)
        if (eq(args[0], known[i].name)) return obj_of_fix(known[i].type);
    Type type = is_cons(args[0]) ? code_of_list(t, args[0]) : TYPE_COUNT;
    return type == TYPE_COUNT ? NIL : obj_of_fix(type);
}

BUILTIN_IN_PLACE(type_code, "%ARRAY-TYPE-CODE", 1, 1, "(array)", "The type code of the vector that holds the array's elements.") {
    return obj_of_fix(obj_type(array_storage(need_array(t, args[0]))));
}
BUILTIN(code_element_type, "%CODE-ELEMENT-TYPE", 1, 1, "(type-code)", "The element type of vectors of that type.") {
    return element_type(t, need_code(t, args[0]));
}
BUILTIN_IN_PLACE(array_element_type, "ARRAY-ELEMENT-TYPE", 1, 1, "(array)", "The type of what the array can hold (CLHS 15.2).") {
    return element_type(t, obj_type(array_storage(need_array(t, args[0]))));
}
BUILTIN(fits_p, "%FITS-P", 2, 2, "(type-code object)", "Whether the object may be an element of vectors of that type.") {
    return obj_of_bool(element_fits(need_code(t, args[0]), args[1]));
}

/* -- What an array is -- */

static bool is_simple_array(Obj a) {
    if (obj_type(a) != TYPE_ARRAY) return true;
    const Obj *s = obj_slots(a);
    return !obj_flags(a) && is_nil(s[ARRAY_FILL_POINTER]) && is_nil(s[ARRAY_DISPLACED_P]);
}

BUILTIN_IN_PLACE(array_rank, "ARRAY-RANK", 1, 1, "(array)", "Number of dimensions (CLHS 15.2).") { return obj_of_fix((int64_t)rank_of(need_array(t, args[0]))); }
BUILTIN_IN_PLACE(array_dimension, "ARRAY-DIMENSION", 2, 2, "(array axis)", "One dimension; fill pointers are ignored (CLHS 15.2).") {
    uint64_t axis = need_index(t, args[1], rank_of(need_array(t, args[0])));
    return obj_of_fix((int64_t)dimension(args[0], axis));
}
BUILTIN_IN_PLACE(array_dimensions, "ARRAY-DIMENSIONS", 1, 1, "(array)", "List of the dimensions (CLHS 15.2).") {
    Obj list = NIL;
    for (uint64_t i = rank_of(need_array(t, args[0])); i-- > 0;) list = alloc_cons(t, obj_of_fix((int64_t)dimension(args[0], i)), list);
    return list;
}
BUILTIN_IN_PLACE(array_total_size, "ARRAY-TOTAL-SIZE", 1, 1, "(array)", "Number of elements (CLHS 15.2).") {
    return obj_of_fix((int64_t)array_total(need_array(t, args[0])));
}
BUILTIN_IN_PLACE(adjustable_p, "ADJUSTABLE-ARRAY-P", 1, 1, "(array)", "Whether ADJUST-ARRAY gives the identical array (CLHS 15.2).") {
    return obj_of_bool(obj_type(need_array(t, args[0])) == TYPE_ARRAY && (obj_flags(args[0]) & ARRAY_ADJUSTABLE));
}
BUILTIN_IN_PLACE(has_fill_pointer_p, "ARRAY-HAS-FILL-POINTER-P", 1, 1, "(array)", "Whether the array has a fill pointer (CLHS 15.2).") {
    return obj_of_bool(obj_type(need_array(t, args[0])) == TYPE_ARRAY && !is_nil(obj_slots(args[0])[ARRAY_FILL_POINTER]));
}
BUILTIN(array_displacement, "ARRAY-DISPLACEMENT", 1, 1, "(array)", "What the array is displaced to, and the offset; NIL and 0 otherwise (CLHS 15.2).") {
    if (obj_type(need_array(t, args[0])) != TYPE_ARRAY || is_nil(obj_slots(args[0])[ARRAY_DISPLACED_P])) return values_2(t, NIL, obj_of_fix(0));
    return values_2(t, obj_slots(args[0])[ARRAY_DATA], obj_slots(args[0])[ARRAY_OFFSET]);
}
BUILTIN(simple_array_p, "%SIMPLE-ARRAY-P", 1, 1, "(object)", "Whether the object is a simple array.") {
    if (is_handle(args[0])) {
        if (handle_type(args[0]) != TYPE_ARRAY) return obj_of_bool(is_swapped_array(args[0]));
        size_t pins = swap_pins(t);
        bool simple = is_simple_array(swap_fetch(t, args[0]));
        swap_unpin(t, pins);
        return obj_of_bool(simple);
    }
    return obj_of_bool(is_array(args[0]) && is_simple_array(args[0]));
}
BUILTIN(array_data, "%ARRAY-DATA", 1, 1, "(array)", "The simple vector that holds the elements, and where they begin in it.") {
    Span s = array_span(t, args[0]);
    return values_2(t, s.data, obj_of_fix((int64_t)s.start));
}

/* -- Fill pointers -- */

static Obj *need_fill_pointer(Thread *t, Obj v) {
    if (has_type(v, TYPE_ARRAY) && !is_nil(obj_slots(v)[ARRAY_FILL_POINTER])) return &obj_slots(v)[ARRAY_FILL_POINTER];
    need_vector(t, v);
    signal_type_error(t, v, alloc_cons(t, SYM(SATISFIES), alloc_cons(t, SYM(ARRAY_HAS_FILL_POINTER_P), NIL)));
}

BUILTIN_IN_PLACE(fill_pointer, "FILL-POINTER", 1, 1, "(vector)", "The fill pointer (CLHS 15.2).") { return *need_fill_pointer(t, args[0]); }
BUILTIN_IN_PLACE(set_fill_pointer, "%SET-FILL-POINTER", 2, 2, "(vector index)", "(SETF (FILL-POINTER vector) index): returns index.") {
    Obj *fill = need_fill_pointer(t, args[0]);
    need_index(t, args[1], array_total(args[0]) + 1);
    *fill = args[1]; /* NOBARRIER: a fixnum */
    return args[1];
}
BUILTIN_IN_PLACE(vector_pop, "VECTOR-POP", 1, 1, "(vector)", "Decreases the fill pointer and returns the element there (CLHS 15.2).") {
    Obj *fill = need_fill_pointer(t, args[0]);
    if (fix_of_obj(*fill) == 0) signal_format(t, SYM(SIMPLE_ERROR), "VECTOR-POP: there is nothing left in ~S.", 1, args[0]);
    Obj x = row_major_ref(t, args[0], (uint64_t)fix_of_obj(*fill) - 1);
    *fill = obj_of_fix(fix_of_obj(*fill) - 1); /* NOBARRIER: a fixnum */
    return x;
}

static Obj push_at_fill(Thread *t, Obj v, Obj x, Obj *fill) {
    Obj at = *fill;
    row_major_set(t, v, (uint64_t)fix_of_obj(at), x);
    *fill = obj_of_fix(fix_of_obj(at) + 1); /* NOBARRIER: a fixnum */
    return at;
}
BUILTIN_IN_PLACE(vector_push, "VECTOR-PUSH", 2, 2, "(new-element vector)", "Stores at the fill pointer and increases it; NIL when the vector is full (CLHS 15.2).") {
    Obj *fill = need_fill_pointer(t, args[1]);
    if ((uint64_t)fix_of_obj(*fill) >= array_total(args[1])) return NIL;
    return push_at_fill(t, args[1], args[0], fill);
}

/* More room for an adjustable vector: a new storage of its own. */
static void extend(Thread *t, Obj v, uint64_t extra) {
    uint64_t total = array_total(v);
    Span old = array_span(t, v);
    if (total + extra >= array_limit) signal_index_error(t, obj_of_fix((int64_t)(total + extra)), array_limit);
    Obj data = make_vector(t, old.type, total + extra, NO_ARG);
    span_copy(t, (Span){data, 0, total, old.type}, old);
    Obj size = obj_of_fix((int64_t)(total + extra));
    set_field(t, v, ARRAY_DATA, data);
    obj_slots(v)[ARRAY_OFFSET] = obj_of_fix(0); /* NOBARRIER: fixnums and NIL, which is older than everything */
    obj_slots(v)[ARRAY_DISPLACED_P] = NIL;
    obj_slots(v)[ARRAY_TOTAL] = size;
    obj_slots(v)[ARRAY_DIMENSIONS] = size;
}
BUILTIN_IN_PLACE(vector_push_extend, "VECTOR-PUSH-EXTEND", 2, 3, "(new-element vector &optional extension)",
        "Stores at the fill pointer and increases it, making the vector longer when it is full (CLHS 15.2).") {
    Obj v = args[1], *fill = need_fill_pointer(t, v);
    uint64_t total = array_total(v), extra = total < 8 ? 8 : total;
    if (n > 2 && (!is_fix(args[2]) || fix_of_obj(args[2]) <= 0)) signal_index_error(t, args[2], array_limit);
    if ((uint64_t)fix_of_obj(*fill) >= total) {
        if (!(obj_flags(v) & ARRAY_ADJUSTABLE)) signal_format(t, SYM(SIMPLE_ERROR), "~S is full and not adjustable.", 1, v);
        if (!element_fits(obj_type(array_storage(v)), args[0])) signal_type_error(t, args[0], element_type(t, obj_type(array_storage(v))));
        if (n > 2) extra = (uint64_t)fix_of_obj(args[2]) > total ? (uint64_t)fix_of_obj(args[2]) : total;
        extend(t, v, extra);
    }
    return push_at_fill(t, v, args[0], fill);
}

BUILTIN_IN_PLACE(length, "LENGTH", 1, 1, "(sequence)", "Number of elements, up to the fill pointer if there is one (CLHS 17.3).") { return sequence_length(t, args[0]); }
