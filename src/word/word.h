/* word.h: what a Lisp word is.  Door of room word.

   A word is 64 bits; its two low bits say what it is:

       ...............................................................00   fixnum, 62 bits, signed
       .....................................................address....01   cons: CAR at the address, CDR 8 bytes on; no header
       .....................................................address....10   object with a header
       .............payload, 56 bits.......................  kkkkk 0 11   immediate: character, single-float, marker, swap handle, builtin
       ......length, 48 bits.......................ffffff  ttttttt 1 11   a header: never a value, only the first word of an object

   Addresses are multiples of 16.  A header is told from every value by its three low bits, so memory can be walked.
   `length` counts elements as the shape's row in shapes.def says.

   NIL is a cons-tagged word whose CAR and CDR are NIL, at a fixed address in the static page, so CAR and CDR of NIL need no test
   and NIL is a constant of the C compiler.  The symbols of symbols.def lie behind it at fixed addresses: SYM(LAMBDA) is a
   constant too.  NIL's name, plist and so on are in the symbol object with index 0 (`symbol_slots` knows).

   Invariants
     word.fix   a fixnum's word is its value times 4
     word.nil   NIL is consp by tag and not by `is_cons`; `is_list` is the tag alone
     word.head  the first word of every object but a cons is a header; no other word in the heap is */
#ifndef WORD_H
#define WORD_H

#include "base/base.h"

#include <string.h>

typedef struct Obj {
    uint64_t w;
} Obj;

typedef enum Type {
#define SHAPE(id, name, layout, bits) TYPE_##id,
#include "word/shapes.def"
#undef SHAPE
    TYPE_COUNT
} Type;

typedef enum Layout { LAYOUT_BOXED, LAYOUT_RAW, LAYOUT_WEAK } ShapeLayout;

typedef struct Shape {
    const char *name;
    uint8_t layout;    /* ShapeLayout */
    uint8_t log2_bits; /* of one element */
} Shape;

extern const Shape shapes[TYPE_COUNT];

/* -- Tags -- */

enum { TAG_FIX = 0, TAG_CONS = 1, TAG_OBJ = 2, TAG_IMM = 3, TAG_MASK = 3 };
enum { IMM_CHAR = 0x03, IMM_SINGLE = 0x0B, IMM_MARKER = 0x13, IMM_HANDLE = 0x1B, IMM_BUILTIN = 0x23 };

#define STATIC_BASE UINT64_C(0x10000000)
#define STATIC_SIZE UINT64_C(0x100000)
#define SYMBOL_BYTES 64
#define STATIC_SYMBOLS (STATIC_BASE + 64)

enum {
#define S(id, name, package) S_##id,
#include "word/symbols.def"
#undef S
    STATIC_SYMBOL_COUNT
};

#define NIL ((Obj){STATIC_BASE | TAG_CONS})
#define SYM(id) ((Obj){(STATIC_SYMBOLS + SYMBOL_BYTES * (uint64_t)S_##id) | TAG_OBJ})
#define T_ SYM(T)
#define MARKER(n) ((Obj){(uint64_t)(n) << 8 | IMM_MARKER})
#define UNBOUND MARKER(1)  /* a variable, function or slot without a value */
#define NO_TLS MARKER(2)   /* no thread-local value: look at the symbol */
#define EMPTY MARKER(3)    /* a hash entry never used */
#define DELETED MARKER(4)  /* a hash entry removed */
#define NO_ARG MARKER(5)   /* an optional or keyword argument that was not supplied */
#define BROKEN MARKER(6)   /* a weak reference whose object is gone */
#define REMOVED_FIRST 64   /* markers from MARKER(64) to MARKER(127): a function that was taken away when the program was delivered, and why */
#define EOF_MARK MARKER(7) /* leaves that read return it at the end of a stream */

#define FIX_MAX (INT64_C(0x1FFFFFFFFFFFFFFF))
#define FIX_MIN (-FIX_MAX - 1)

static inline bool eq(Obj a, Obj b) { return a.w == b.w; }
static inline bool is_nil(Obj x) { return x.w == NIL.w; }
static inline bool is_fix(Obj x) { return (x.w & TAG_MASK) == TAG_FIX; }
static inline bool is_list(Obj x) { return (x.w & TAG_MASK) == TAG_CONS; }
static inline bool is_cons(Obj x) { return is_list(x) && !is_nil(x); }
static inline bool is_obj(Obj x) { return (x.w & TAG_MASK) == TAG_OBJ; }
static inline bool is_imm(Obj x) { return (x.w & TAG_MASK) == TAG_IMM; }
/* A reference: its address lies somewhere, as opposed to fixnums and immediates. */
static inline bool is_ref(Obj x) { return is_list(x) || is_obj(x); }
static inline bool is_char(Obj x) { return (x.w & 0xFF) == IMM_CHAR; }
static inline bool is_single(Obj x) { return (x.w & 0xFF) == IMM_SINGLE; }
static inline bool is_marker(Obj x) { return (x.w & 0xFF) == IMM_MARKER; }
static inline bool is_header(Obj x) { return (x.w & 7) == 7; }
static inline bool both_fix(Obj a, Obj b) { return ((a.w | b.w) & TAG_MASK) == TAG_FIX; }

/* -- Conversions -- */

static inline Obj obj_of_fix(int64_t n) { return (Obj){(uint64_t)n << 2}; }
static inline int64_t fix_of_obj(Obj x) { return (int64_t)x.w >> 2; }
static inline bool fits_fix(int64_t n) { return n >= FIX_MIN && n <= FIX_MAX; }
static inline Obj obj_of_char(uint32_t code) { return (Obj){(uint64_t)code << 8 | IMM_CHAR}; }
static inline uint32_t char_of_obj(Obj x) { return (uint32_t)(x.w >> 8); }
static inline Obj obj_of_bool(bool b) { return b ? T_ : NIL; }

static inline Obj obj_of_single(float f) {
    uint32_t u;
    memcpy(&u, &f, 4);
    return (Obj){(uint64_t)u << 32 | IMM_SINGLE};
}
static inline float single_of_obj(Obj x) {
    uint32_t u = (uint32_t)(x.w >> 32);
    float f;
    memcpy(&f, &u, 4);
    return f;
}
static inline Obj obj_of_builtin(uint32_t index) { return (Obj){(uint64_t)index << 8 | IMM_BUILTIN}; }
static inline bool is_builtin(Obj x) { return (x.w & 0xFF) == IMM_BUILTIN; }
static inline uint32_t builtin_of_obj(Obj x) { return (uint32_t)(x.w >> 8); }

/* -- Swap handles --

   A handle stands for an array in shadow space, one handle for one array, so EQ works.  The word says what predicates must know without
   looking at the array:

       ...index, 40 bits...  0  sssssss  v  ttttttt  000 11011       (from bit 24, 23, 16, 15, 8, 0)

   t: the type of the outermost object (CODE, SIMPLE_VECTOR, STRING, ARRAY, HASH_TABLE, ...); v: it is a vector (of rank 1);
   s: the type of the simple vector that holds the elements, which is t for simple vectors and 0 for code and hash tables. */
static inline bool is_handle(Obj x) { return WHOLE && (x.w & 0xFF) == IMM_HANDLE; } /* the slim runtime has no swapper */
static inline Obj handle_make(Type type, Type storage, bool vector, uint64_t index) {
    return (Obj){index << 24 | (uint64_t)storage << 16 | (uint64_t)vector << 15 | (uint64_t)type << 8 | IMM_HANDLE};
}
static inline Type handle_type(Obj h) { return (Type)(h.w >> 8 & 0x7F); }
static inline Type handle_storage(Obj h) { return (Type)(h.w >> 16 & 0x7F); }
static inline bool handle_is_vector(Obj h) { return h.w >> 15 & 1; }
static inline uint64_t handle_index(Obj h) { return h.w >> 24; }
/* A handle of an array whose outermost object is of the type. */
static inline bool is_handle_of(Obj x, Type type) { return is_handle(x) && handle_type(x) == type; }

static inline uintptr_t address_of(Obj x) { return x.w & ~(uint64_t)TAG_MASK; }
static inline Obj obj_of_address(const void *p) { return (Obj){(uint64_t)(uintptr_t)p | TAG_OBJ}; }
static inline Obj cons_of_address(const void *p) { return (Obj){(uint64_t)(uintptr_t)p | TAG_CONS}; }

/* `group` numbers what took the function away; 0: the shaker. */
static inline Obj removed_marker(unsigned group) { return MARKER(REMOVED_FIRST + group); }
static inline bool is_removed(Obj x) { return is_marker(x) && x.w >> 8 >= REMOVED_FIRST && x.w >> 8 < 2 * REMOVED_FIRST; }
/* Groups beside those of prim/removals.def: of a symbol that was made anew by its name, and for which something was defined, perhaps properties too. */
enum { REMOVED_WITH_PROPERTIES = REMOVED_FIRST - 2, REMOVED_RENEWED = REMOVED_FIRST - 1 };
static inline unsigned removed_group(Obj x) { return (unsigned)(x.w >> 8) - REMOVED_FIRST; }

/* -- Conses -- */

static inline Obj *cons_slots(Obj x) { return (Obj *)(uintptr_t)(x.w - TAG_CONS); }
/* CAR and CDR of a list: x must be a cons or NIL. */
static inline Obj car(Obj x) { return cons_slots(x)[0]; }
static inline Obj cdr(Obj x) { return cons_slots(x)[1]; }
static inline Obj cadr(Obj x) { return car(cdr(x)); }
static inline Obj cddr(Obj x) { return cdr(cdr(x)); }
static inline Obj caddr(Obj x) { return car(cddr(x)); }

/* -- Headers -- */

static inline Obj header_make(Type type, unsigned flags, uint64_t length) {
    return (Obj){length << 16 | (uint64_t)flags << 10 | (uint64_t)type << 3 | 7};
}
static inline Type header_type(Obj h) { return (Type)(h.w >> 3 & 0x7F); }
static inline unsigned header_flags(Obj h) { return (unsigned)(h.w >> 10 & 0x3F); }
static inline uint64_t header_length(Obj h) { return h.w >> 16; }

/* The words of an object: [0] is the header.  x must be tagged as an object. */
static inline Obj *obj_words(Obj x) { return (Obj *)(uintptr_t)(x.w - TAG_OBJ); }
/* The first word behind the header. */
static inline Obj *obj_slots(Obj x) { return (Obj *)(uintptr_t)(x.w - TAG_OBJ + 8); }
static inline void *obj_raw(Obj x) { return (void *)(uintptr_t)(x.w - TAG_OBJ + 8); }
static inline Obj obj_header(Obj x) { return obj_words(x)[0]; }
static inline Type obj_type(Obj x) { return header_type(obj_header(x)); }
static inline uint64_t obj_length(Obj x) { return header_length(obj_header(x)); }
static inline unsigned obj_flags(Obj x) { return header_flags(obj_header(x)); }
static inline void obj_set_flags(Obj x, unsigned flags) {
    Obj h = obj_header(x);
    obj_words(x)[0] = header_make(header_type(h), flags, header_length(h));
}
static inline bool has_type(Obj x, Type type) { return is_obj(x) && obj_type(x) == type; }

/* Bytes that an object with this header occupies, header and padding included. */
static inline size_t header_bytes(Obj h) {
    uint64_t bits = header_length(h) << shapes[header_type(h)].log2_bits;
    return (size_t)bits_round_up(8 + ((bits + 7) >> 3), 16);
}

/* -- Symbols -- */

enum { SYMBOL_VALUE, SYMBOL_FUNCTION, SYMBOL_NAME, SYMBOL_PACKAGE, SYMBOL_PLIST, SYMBOL_INFO, SYMBOL_HASH, SYMBOL_LENGTH };
/* INFO is a property list of the system's own: SETF function, macro, type, class, ...; HASH is a fixnum: the name's hash in the
   low 32 bits, the index of the thread-local value (0: none) above. */
enum {
    SYMBOL_CONSTANT = 1, /* DEFCONSTANT, keywords, NIL and T: may not be assigned or bound */
    SYMBOL_SPECIAL = 2,  /* proclaimed special */
    SYMBOL_MACRO = 4,    /* the function cell holds a macro function */
    SYMBOL_GLOBAL = 8,   /* may be assigned but not bound */
    SYMBOL_DEFINED_SPECIAL_OPERATOR = 16,
    SYMBOL_SYMBOL_MACRO = 32 /* DEFINE-SYMBOL-MACRO: the expansion is in INFO */
};

static inline bool is_symbol(Obj x) { return is_nil(x) || has_type(x, TYPE_SYMBOL); }
static inline Obj *symbol_slots(Obj x) { return is_nil(x) ? (Obj *)(uintptr_t)(STATIC_SYMBOLS + 8) : obj_slots(x); }
static inline Obj symbol_object(Obj x) { return is_nil(x) ? ((Obj){STATIC_SYMBOLS | TAG_OBJ}) : x; }
static inline unsigned symbol_flags(Obj x) { return obj_flags(symbol_object(x)); }
static inline uint32_t symbol_hash(Obj x) { return (uint32_t)(uint64_t)fix_of_obj(symbol_slots(x)[SYMBOL_HASH]); }
static inline uint32_t symbol_tls_index(Obj x) { return (uint32_t)((uint64_t)fix_of_obj(symbol_slots(x)[SYMBOL_HASH]) >> 32); }

/* -- Shapes with named fields: indices for obj_slots -- */

enum { RATIO_NUMERATOR, RATIO_DENOMINATOR };
enum { COMPLEX_REAL, COMPLEX_IMAGINARY };
enum { CELL_VALUE };
enum { BIGNUM_NEGATIVE = 1 }; /* flag */

/* ARRAY: a multi-dimensional, displaced, adjustable or fill-pointer array over a data vector (or, if displaced, another array).
   Rank = length - ARRAY_DIMENSIONS.  A vector's element i is element OFFSET + i of DATA, in row-major order. */
enum { ARRAY_DATA, ARRAY_OFFSET, ARRAY_FILL_POINTER, ARRAY_TOTAL, ARRAY_DISPLACED_P, ARRAY_DIMENSIONS };
enum { ARRAY_ADJUSTABLE = 1 }; /* flag */

/* HASH_TABLE: run/table.c.  TEST is the test's name; FUNCTION and HASHER are the functions of a user's test, NIL otherwise. */
enum {
    HASH_TABLE_ENTRIES, HASH_TABLE_TEST, HASH_TABLE_KIND, HASH_TABLE_COUNT, HASH_TABLE_USED, HASH_TABLE_FREE, HASH_TABLE_WEAKNESS,
    HASH_TABLE_REHASH_SIZE, HASH_TABLE_REHASH_THRESHOLD, HASH_TABLE_FUNCTION, HASH_TABLE_HASHER, HASH_TABLE_LENGTH
};

/* LAYOUT: what a structure's or an instance's first slot points to.  ANCESTORS is a simple-vector of the layouts from the root
   (index 0) to itself (index DEPTH), so a structure type test is one compare; HASH is a stable fixnum for dispatch caches. */
enum { LAYOUT_NAME, LAYOUT_CLASS, LAYOUT_DEPTH, LAYOUT_ANCESTORS, LAYOUT_SLOT_COUNT, LAYOUT_SLOTS, LAYOUT_INFO, LAYOUT_HASH, LAYOUT_VALID, LAYOUT_LENGTH };
enum { INSTANCE_LAYOUT, INSTANCE_SLOTS };
enum { STRUCTURE_LAYOUT, STRUCTURE_FIELDS };

static inline double double_of_obj(Obj x) { return *(double *)obj_raw(x); }

/* -- Strings and vectors -- */

static inline bool is_simple_string(Obj x) {
    return is_obj(x) && (obj_type(x) == TYPE_BASE_STRING || obj_type(x) == TYPE_STRING || obj_type(x) == TYPE_NIL_VECTOR);
}
/* Character code i of a simple string; i is within its length. */
static inline uint32_t simple_string_char(Obj s, uint64_t i) {
    return obj_type(s) == TYPE_STRING ? ((uint32_t *)obj_raw(s))[i] : ((uint8_t *)obj_raw(s))[i];
}
/* A one-dimensional simple array, T-vectors included. */
static inline bool is_simple_vector_type(Type type) { return type == TYPE_SIMPLE_VECTOR || type >= TYPE_BASE_STRING; }

#endif
