/* instruction.h: the words in which loop.c is written: operands, the step to the next instruction, families of instructions.  Only loop.c
   includes it, inside whose one function the macros make sense: R, K, pc, code, ins, t and the labels are its locals. */
#ifndef INSTRUCTION_H
#define INSTRUCTION_H

#include "number/number.h"
#include "run/dispatch.h"
#include "run/frame.h"

#define A instruction_a(ins)
#define B instruction_b(ins)
#define C instruction_c(ins)
#define SB instruction_si(ins)
#define SC instruction_sc(ins)
#define D instruction_d(ins)
#define N instruction_n(ins)

#define SYNC() (t->base = R, t->pc = pc, t->top = R + instruction_a(code[0]))
/* Code and constants of a function whose code is swapped and not lent; `otherwise` is where to go if it cannot be fetched; `again`: it ran before. */
#define TAKE_SWAPPED(function, again, otherwise)                \
    do {                                                        \
        const SwapEntry *e_ = code_enter(t, function, again);   \
        if (UNLIKELY(!e_)) goto otherwise;                      \
        code = obj_raw(swap_raw_object(e_));                    \
        K = obj_slots(swap_object(e_));                         \
    } while (0)
/* The same of the frame at R, whatever its code is. */
#define FRAME_RELOAD(otherwise)                                 \
    do {                                                        \
        Obj *self_ = obj_slots(R[-2]);                          \
        if (!WHOLE || LIKELY(is_code(self_[FUNCTION_CODE]))) {  \
            code = obj_raw(self_[FUNCTION_CODE]);               \
            K = obj_slots(self_[FUNCTION_CONSTANTS]);           \
        } else {                                                \
            TAKE_SWAPPED(R[-2], true, otherwise);               \
        }                                                       \
    } while (0)
#define NEXT()                         \
    do {                               \
        ins = *pc++;                   \
        goto *labels[ins & 0xFF];      \
    } while (0)
#define JUMP_SHORT() (pc += instruction_sc(ins))
#define JUMP_LONG() (pc += D)

static inline bool predicate_holds(unsigned which, Obj x) {
    switch (which) {
#define PREDICATE(id, name, test) \
    case PRED_##id: return test;
#include "code/predicates.def"
#undef PREDICATE
    default: must(!"predicate"); return false;
    }
}

/* The effective function in a dispatch cache for these arguments, or UNBOUND. */
static inline Obj dispatch_find(Thread *t, Obj cache, Obj *args, uint32_t n) {
    if (!has_type(cache, TYPE_SIMPLE_VECTOR)) return UNBOUND;
    Obj *c = obj_slots(cache), *end = c + obj_length(cache);
    uint32_t keys = (uint32_t)fix_of_obj(*c++);
    if (keys > n || keys > 4) return UNBOUND;
    Obj key[4];
    for (uint32_t i = 0; i < keys; i++) key[i] = class_key(t, args[i]);
    for (; c + keys < end; c += keys + 1) {
        uint32_t i = 0;
        while (i < keys && eq(c[i], key[i])) i++;
        if (i == keys) return c[keys];
    }
    return UNBOUND;
}

/* Is R[A] where the instruction's value goes? */
static bool has_destination(Instruction ins) {
    char a = opcodes[instruction_op(ins)].operands[1];
    return a == 'd' || a == 'u' || a == 'f';
}

static bool is_tail(Opcode op) { return op == OP_TAIL_CALL || op == OP_TAIL_CALL_REG || op == OP_TAIL_SELF || op == OP_TAIL_APPLY; }

/* The operands of a typed instruction are double-floats if our compiler wrote the code.  If not, it is enough that they are objects: each has 8 bytes
   behind its header to be taken for a double. */
static inline bool both_obj(Obj a, Obj b) { return LIKELY((((a.w ^ TAG_OBJ) | (b.w ^ TAG_OBJ)) & TAG_MASK) == 0); }

#define ARITHMETIC(opcode, builtin_overflow, slow)                                                   \
    L_##opcode : {                                                                                   \
        Obj x_ = R[B], y_ = R[C];                                                                    \
        int64_t r_;                                                                                  \
        if (LIKELY(both_fix(x_, y_)) && !builtin_overflow((int64_t)x_.w, (int64_t)y_.w, &r_)) {      \
            R[A] = (Obj){(uint64_t)r_};                                                              \
        } else {                                                                                     \
            SYNC();                                                                                  \
            Obj v_ = slow(t, x_, y_);                                                                \
            R[A] = v_;                                                                               \
        }                                                                                            \
        NEXT();                                                                                      \
    }
#define BITWISE(opcode, op, slow)                                        \
    L_##opcode : {                                                       \
        Obj x_ = R[B], y_ = R[C];                                        \
        if (LIKELY(both_fix(x_, y_))) {                                  \
            R[A] = (Obj){x_.w op y_.w};                                  \
        } else {                                                         \
            SYNC();                                                      \
            Obj v_ = slow(t, x_, y_);                                    \
            R[A] = v_;                                                   \
        }                                                                \
        NEXT();                                                          \
    }
#define COMPARE(opcode, op, slow, wanted)                                \
    L_##opcode : {                                                       \
        Obj x_ = R[A], y_ = R[B];                                        \
        bool r_;                                                         \
        if (LIKELY(both_fix(x_, y_))) {                                  \
            r_ = (int64_t)x_.w op(int64_t) y_.w;                         \
        } else {                                                         \
            SYNC();                                                      \
            r_ = slow;                                                   \
        }                                                                \
        if (r_ == wanted) JUMP_SHORT();                                  \
        NEXT();                                                          \
    }
#define COMPARE_IMMEDIATE(opcode, op, slow, wanted)                      \
    L_##opcode : {                                                       \
        Obj x_ = R[A], y_ = obj_of_fix(SB);                              \
        bool r_;                                                         \
        if (LIKELY(is_fix(x_))) {                                        \
            r_ = (int64_t)x_.w op(int64_t) y_.w;                         \
        } else {                                                         \
            SYNC();                                                      \
            r_ = slow;                                                   \
        }                                                                \
        if (r_ == wanted) JUMP_SHORT();                                  \
        NEXT();                                                          \
    }
#define DOUBLES(opcode, op, general)                                     \
    L_##opcode : {                                                       \
        Obj x_ = R[B], y_ = R[C];                                        \
        double d_ = both_obj(x_, y_) ? double_of_obj(x_) op double_of_obj(y_) : __builtin_nan(""); \
        SYNC();                                                          \
        Obj v_ = LIKELY(__builtin_isfinite(d_)) ? alloc_double(t, d_) : general(t, x_, y_); \
        R[A] = v_;                                                       \
        NEXT();                                                          \
    }
#define SINGLES(opcode, op, general)                                     \
    L_##opcode : {                                                       \
        float f_ = single_of_obj(R[B]) op single_of_obj(R[C]);           \
        if (LIKELY(__builtin_isfinite(f_))) {                            \
            R[A] = obj_of_single(f_);                                    \
        } else {                                                         \
            SYNC();                                                      \
            Obj v_ = general(t, R[B], R[C]);                             \
            R[A] = v_;                                                   \
        }                                                                \
        NEXT();                                                          \
    }
/* A two-operand integer division; fast when both are fixnums and the divisor is positive. */
#define DIVISION(opcode, fast, general)                                  \
    L_##opcode : {                                                       \
        Obj x_ = R[B], y_ = R[C];                                        \
        if (LIKELY(both_fix(x_, y_)) && LIKELY((int64_t)y_.w > 0)) {     \
            int64_t p = (int64_t)x_.w, q = (int64_t)y_.w;                \
            R[A] = fast;                                                 \
        } else {                                                         \
            SYNC();                                                      \
            Obj m_ = NIL, v_ = general;                                  \
            (void)m_;                                                    \
            R[A] = v_;                                                   \
        }                                                                \
        NEXT();                                                          \
    }

#endif
