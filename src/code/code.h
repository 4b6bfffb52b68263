/* code.h: code as data: instructions, code vectors, functions.  Door of room code.

   A function is an object FUNCTION: code word, constants vector, environment values.  The code word is a code vector, wherever it lies, a builtin's
   index (an immediate), or a swap handle; then the second slot is the same handle, and code and constants are one block in shadow space.  A code vector holds instruction words only; the first is
   ENTRY.  Constant 0 is the debug information, a simple-vector (DEBUG_... below); nested functions are constants too, as
   templates: FUNCTION objects without environment, which serve as the function itself where nothing is captured.

   A funcallable instance (generic function) has code and constants like a function; its code is ENTRY, DISPATCH.  CACHE is a simple-vector

       #(n  key...  effective  key... effective  ...)      n: number of leading arguments that are looked at

   one entry after another, every key a layout or class (what %CLASS-KEY gives for the argument); `effective` is a function that is called with
   the arguments as they are.  No entry: the function SYS::%DISPATCH-MISS is called with the funcallable instance and the list of arguments.
   With n = 0 the function DISCRIMINATOR is called in its place. */
#ifndef CODE_H
#define CODE_H

#include "heap/heap.h"

typedef enum Opcode {
#define OP(id, operands, effect) OP_##id,
#include "code/opcodes.def"
#undef OP
    OP_COUNT
} Opcode;

typedef enum Predicate {
#define PREDICATE(id, name, test) PRED_##id,
#include "code/predicates.def"
#undef PREDICATE
    PRED_COUNT
} Predicate;

typedef struct OpcodeInfo {
    const char *name, *operands, *effect;
} OpcodeInfo;
extern const OpcodeInfo opcodes[OP_COUNT];
extern const char *const predicate_names[PRED_COUNT];

typedef uint64_t Instruction;

static inline Instruction instruction_abc(Opcode op, unsigned n, unsigned a, unsigned b, unsigned c) {
    return (Instruction)op | (Instruction)(n & 0xFF) << 8 | (Instruction)(a & 0xFFFF) << 16 | (Instruction)(b & 0xFFFF) << 32 |
           (Instruction)(c & 0xFFFF) << 48;
}
static inline Instruction instruction_ad(Opcode op, unsigned n, unsigned a, int32_t d) {
    return (Instruction)op | (Instruction)(n & 0xFF) << 8 | (Instruction)(a & 0xFFFF) << 16 | (Instruction)(uint32_t)d << 32;
}
static inline Opcode instruction_op(Instruction i) { return (Opcode)(i & 0xFF); }
static inline unsigned instruction_n(Instruction i) { return (unsigned)(i >> 8 & 0xFF); }
static inline unsigned instruction_a(Instruction i) { return (unsigned)(i >> 16 & 0xFFFF); }
static inline unsigned instruction_b(Instruction i) { return (unsigned)(i >> 32 & 0xFFFF); }
static inline unsigned instruction_c(Instruction i) { return (unsigned)(i >> 48); }
static inline int instruction_si(Instruction i) { return (int16_t)(i >> 32); } /* B, signed */
static inline int instruction_sc(Instruction i) { return (int16_t)(i >> 48); } /* C, signed */
static inline int32_t instruction_d(Instruction i) { return (int32_t)(i >> 32); }
/* Can the instruction at `at` go on elsewhere than behind itself?  Then at the places from *from to *to. */
static inline bool instruction_jumps(Instruction i, uint64_t at, int64_t *from, int64_t *to) {
    const char *letters = opcodes[instruction_op(i)].operands;
    *from = *to = (int64_t)at + 1;
    if (letters[3] == 'j') *from = *to += instruction_sc(i);
    else if (letters[2] == 'J') *from = *to += instruction_d(i);
    else if (instruction_op(i) == OP_JUMP_TABLE) *to += instruction_b(i);
    else return false;
    return true;
}

/* -- Functions -- */

enum { FUNCTION_CODE, FUNCTION_CONSTANTS, FUNCTION_ENV };
enum { FUNCALLABLE_CODE, FUNCALLABLE_CONSTANTS, FUNCALLABLE_LAYOUT, FUNCALLABLE_SLOTS, FUNCALLABLE_CACHE, FUNCALLABLE_DISCRIMINATOR, FUNCALLABLE_LENGTH };
/* Constant 0 of compiled code.  PLACES maps code offsets to source: a (UNSIGNED-BYTE 32) vector of pairs offset, line.  In a delivered program that keeps
   nothing but names the vector has only that one element. */
enum { DEBUG_NAME, DEBUG_LAMBDA_LIST, DEBUG_FILE, DEBUG_LINE, DEBUG_PLACES, DEBUG_DOC, DEBUG_LENGTH, DEBUG_SHORT_LENGTH = 1 };

static inline bool is_function(Obj x) { return is_obj(x) && (obj_type(x) == TYPE_FUNCTION || obj_type(x) == TYPE_FUNCALLABLE); }

/* Flags of FUNCTION: it was on the stack at a collection since somebody cleared this; its code is being swapped. */
enum { FUNCTION_HAS_RUN = 1, FUNCTION_BEING_SWAPPED = 2 };

/* A code word is an object or an immediate: one bit tells. */
static inline bool is_code(Obj word) { return !(word.w & (TAG_OBJ ^ TAG_IMM)); }

/* The debug information among a function's constants; NIL: there is none. */
static inline Obj constants_debug(Obj constants) {
    if (!has_type(constants, TYPE_SIMPLE_VECTOR) || !obj_length(constants)) return NIL;
    Obj debug = obj_slots(constants)[0];
    if (!has_type(debug, TYPE_SIMPLE_VECTOR)) return NIL;
    return obj_length(debug) >= DEBUG_LENGTH || obj_length(debug) == DEBUG_SHORT_LENGTH ? debug : NIL;
}
/* A part of debug information; NIL: it is not known. */
static inline Obj debug_part(Obj debug, unsigned part) { return part < obj_length(debug) ? obj_slots(debug)[part] : NIL; }

/* -- Predicates that predicates.def and others use -- */

bool is_keyword(Obj x); /* text/package.c */
static inline bool is_rational(Obj x) { return is_fix(x) || has_type(x, TYPE_BIGNUM) || has_type(x, TYPE_RATIO); }
static inline bool is_real(Obj x) { return is_rational(x) || is_single(x) || has_type(x, TYPE_DOUBLE); }
static inline bool is_number(Obj x) { return is_real(x) || has_type(x, TYPE_COMPLEX); }
static inline uint64_t array_rank(Obj a) { return obj_length(a) - ARRAY_DIMENSIONS; }
static inline bool is_array(Obj x) {
    return is_obj(x) && (obj_type(x) == TYPE_ARRAY || is_simple_vector_type(obj_type(x)));
}
static inline bool is_vector(Obj x) {
    return is_obj(x) && ((obj_type(x) == TYPE_ARRAY && array_rank(x) == 1) || is_simple_vector_type(obj_type(x)));
}
/* The simple vector that holds an array's elements, through all displacements. */
static inline Obj array_storage(Obj a) {
    while (obj_type(a) == TYPE_ARRAY) a = obj_slots(a)[ARRAY_DATA];
    return a;
}
static inline bool is_string(Obj x) { return is_vector(x) && is_simple_string(array_storage(x)); }
static inline bool is_bit_vector(Obj x) { return is_vector(x) && obj_type(array_storage(x)) == TYPE_BIT_VECTOR; }

/* The same for handles: what a swapped array is, which its handle says. */
static inline bool is_swapped_array(Obj x) { return is_handle(x) && handle_storage(x) != 0; }
static inline bool is_swapped_vector(Obj x) { return is_handle(x) && handle_is_vector(x); }
static inline bool is_swapped_string(Obj x) {
    if (!is_swapped_vector(x)) return false;
    Type type = handle_storage(x);
    return type == TYPE_BASE_STRING || type == TYPE_STRING || type == TYPE_NIL_VECTOR;
}
static inline bool is_swapped_simple_string(Obj x) { return is_swapped_string(x) && handle_type(x) != TYPE_ARRAY; }
static inline bool is_swapped_bit_vector(Obj x) { return is_swapped_vector(x) && handle_storage(x) == TYPE_BIT_VECTOR; }

/* -- verify.c -- */

/* Checks that running the code can do no harm: NULL, or what is wrong, with *at the offset. */
const char *code_verify(const Instruction *code, uint64_t length, Obj constants, uint64_t env_length, uint64_t *at);
/* Does the next instruction follow? */
bool code_falls_through(Opcode op);

/* -- flow.c -- */

/* Checks code that passes code_verify for what only data flow shows: NULL, or what is wrong.  env_cells[i] is set to 1 if value i of the
   environment must be a cell.  A template whose closures need one has a cell in that place. */
const char *code_verify_flow(const Instruction *code, uint64_t length, Obj constants, uint8_t *env_cells);

/* -- liveness.c -- */

/* The registers that matter when execution goes on at `offset`: one bit each in `live`, which has room for the frame's registers rounded up to
   64.  False: no memory for the analysis. */
bool code_live_registers(const Instruction *code, uint64_t length, uint64_t offset, uint64_t *live);

/* -- disassemble.c -- */

/* Writes one instruction as text, at most `size` bytes; constants by `print_constant` index only. */
void code_disassemble(const Instruction *code, uint64_t offset, char *buffer, size_t size);

#endif
