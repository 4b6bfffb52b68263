/* loop-arithmetic.h: the instructions on numbers: a piece of the function `interpret` in loop.c, which includes it where they belong.

   Two fixnums are added as words; what overflows, and every other number, goes to room number.  The typed instructions look at nothing. */
    /* -- Arithmetic -- */
    ARITHMETIC(ADD, __builtin_add_overflow, slow_add)
    ARITHMETIC(SUB, __builtin_sub_overflow, slow_sub)
L_MUL : {
    Obj x = R[B], y = R[C];
    int64_t r;
    if (LIKELY(both_fix(x, y)) && !__builtin_mul_overflow(fix_of_obj(x), (int64_t)y.w, &r)) {
        R[A] = (Obj){(uint64_t)r};
    } else {
        SYNC();
        value = slow_mul(t, x, y);
        R[A] = value;
    }
    NEXT();
}
L_ADDI : {
    Obj x = R[B];
    int64_t r;
    if (LIKELY(is_fix(x)) && !__builtin_add_overflow((int64_t)x.w, (int64_t)SC * 4, &r)) {
        R[A] = (Obj){(uint64_t)r};
    } else {
        SYNC();
        value = number_add(t, x, obj_of_fix(SC));
        R[A] = value;
    }
    NEXT();
}
L_MULI : {
    Obj x = R[B];
    int64_t r;
    if (LIKELY(is_fix(x)) && !__builtin_mul_overflow((int64_t)x.w, (int64_t)SC, &r)) {
        R[A] = (Obj){(uint64_t)r};
    } else {
        SYNC();
        value = number_mul(t, x, obj_of_fix(SC));
        R[A] = value;
    }
    NEXT();
}
L_NEG:
    SYNC();
    value = number_negate(t, R[B]);
    R[A] = value;
    NEXT();
    BITWISE(LOGAND, &, number_logand)
    BITWISE(LOGIOR, |, number_logior)
    BITWISE(LOGXOR, ^, number_logxor)
L_LOGANDI:
    if (LIKELY(is_fix(R[B]))) {
        R[A] = (Obj){R[B].w & obj_of_fix(SC).w};
    } else {
        SYNC();
        value = number_logand(t, R[B], obj_of_fix(SC));
        R[A] = value;
    }
    NEXT();
L_ASH:
    SYNC();
    value = number_ash(t, R[B], R[C]);
    R[A] = value;
    NEXT();
L_ASHI : {
    Obj x = R[B];
    int count = SC;
    if (LIKELY(is_fix(x))) {
        if (count <= 0) {
            R[A] = obj_of_fix(fix_of_obj(x) >> (count < -62 ? 62 : -count));
            NEXT();
        }
        if (count < 61 && fix_of_obj(x) == (fix_of_obj(x) << count << 2) >> 2 >> count) {
            R[A] = obj_of_fix(fix_of_obj(x) << count);
            NEXT();
        }
    }
    SYNC();
    value = number_ash(t, x, obj_of_fix(count));
    R[A] = value;
    NEXT();
}
    DIVISION(TRUNCATE, obj_of_fix(p / q), number_truncate(t, x_, y_, NULL))
    DIVISION(REM, ((Obj){(uint64_t)(p % q)}), (number_truncate(t, x_, y_, &m_), m_))
    DIVISION(FLOOR, obj_of_fix(p >= 0 ? p / q : ~(~p / q)), number_floor(t, x_, y_, NULL))
    DIVISION(MOD, ((Obj){(uint64_t)(p % q + (p % q < 0 ? q : 0))}), (number_floor(t, x_, y_, &m_), m_))
L_DIV:
    SYNC();
    value = number_div(t, R[B], R[C]);
    R[A] = value;
    NEXT();
    /* Typed instructions know their operands, but what code from a file gives them must not be believed to the point of harm: the result is a word of
       the type, whatever it was made of, and no address is taken from what has none. */
#define FIXNUMS(opcode, word)                                                    \
    L_##opcode : R[A] = (Obj){(word) & ~(uint64_t)TAG_MASK};                     \
    NEXT();
    FIXNUMS(FX_ADD, R[B].w + R[C].w)
    FIXNUMS(FX_SUB, R[B].w - R[C].w)
    FIXNUMS(FX_MUL, (uint64_t)fix_of_obj(R[B]) * R[C].w)
    DOUBLES(DF_ADD, +, number_add)
    DOUBLES(DF_SUB, -, number_sub)
    DOUBLES(DF_MUL, *, number_mul)
    DOUBLES(DF_DIV, /, number_div)
#define DOUBLE_JUMP(opcode, test)                                                \
    L_##opcode : {                                                               \
        Obj x = R[A], y = R[B];                                                  \
        if (UNLIKELY(!both_obj(x, y))) NEXT();                                   \
        double a = double_of_obj(x), b = double_of_obj(y);                       \
        if (test) JUMP_SHORT();                                                  \
        NEXT();                                                                  \
    }
    DOUBLE_JUMP(DF_JUMP_LT, a < b)
    DOUBLE_JUMP(DF_JUMP_NLT, !(a < b))
    DOUBLE_JUMP(DF_JUMP_LE, a <= b)
    DOUBLE_JUMP(DF_JUMP_NLE, !(a <= b))
    DOUBLE_JUMP(DF_JUMP_EQ, a == b)
    DOUBLE_JUMP(DF_JUMP_NE, a != b)
    SINGLES(SF_ADD, +, number_add)
    SINGLES(SF_SUB, -, number_sub)
    SINGLES(SF_MUL, *, number_mul)
    SINGLES(SF_DIV, /, number_div)
