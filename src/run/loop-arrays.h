/* loop-arrays.h: the instructions on arrays and structures: a piece of the function `interpret` in loop.c, which includes it where they belong.

   Each has a fast way for the simple vectors that programs use most and leaves the rest, swapped arrays and errors included, to room run's slow.c:
   there the array is looked at in full.  AREF and ASET take any vector; CHAR_REF, BIT_REF and their stores only strings and bit vectors. */
    /* -- Arrays and structures -- */
L_SVREF : {
    Obj v = R[B], i = R[C];
    if (LIKELY(has_type(v, TYPE_SIMPLE_VECTOR) && is_fix(i) && (uint64_t)fix_of_obj(i) < obj_length(v))) {
        R[A] = obj_slots(v)[fix_of_obj(i)];
        NEXT();
    }
    SYNC();
    value = slow_svref(t, v, i);
    R[A] = value;
    NEXT();
}
L_SVSET : {
    Obj v = R[A], i = R[B];
    if (LIKELY(has_type(v, TYPE_SIMPLE_VECTOR) && is_fix(i) && (uint64_t)fix_of_obj(i) < obj_length(v))) {
        set_field(t, v, (uint64_t)fix_of_obj(i), R[C]);
        NEXT();
    }
    SYNC();
    slow_svset(t, v, i, R[C]);
    NEXT();
}
L_AREF : {
    Obj v = R[B], i = R[C];
    if (LIKELY(is_obj(v) && is_fix(i) && (uint64_t)fix_of_obj(i) < obj_length(v))) {
        uint64_t k = (uint64_t)fix_of_obj(i);
        switch (obj_type(v)) {
        case TYPE_SIMPLE_VECTOR: R[A] = obj_slots(v)[k]; NEXT();
        case TYPE_STRING: R[A] = obj_of_char(((uint32_t *)obj_raw(v))[k]); NEXT();
        case TYPE_BASE_STRING: R[A] = obj_of_char(((uint8_t *)obj_raw(v))[k]); NEXT();
        case TYPE_U8_VECTOR: R[A] = obj_of_fix(((uint8_t *)obj_raw(v))[k]); NEXT();
        case TYPE_FIXNUM_VECTOR: R[A] = ((Obj *)obj_raw(v))[k]; NEXT();
        case TYPE_BIT_VECTOR: R[A] = obj_of_fix(((uint64_t *)obj_raw(v))[k >> 6] >> (k & 63) & 1); NEXT();
        case TYPE_DOUBLE_VECTOR:
            SYNC();
            value = alloc_double(t, ((double *)obj_raw(v))[k]);
            R[A] = value;
            NEXT();
        default: break;
        }
    }
    SYNC();
    value = slow_aref(t, v, i);
    R[A] = value;
    NEXT();
}
L_ASET : {
    Obj v = R[A], i = R[B], x = R[C];
    if (LIKELY(is_obj(v) && is_fix(i) && (uint64_t)fix_of_obj(i) < obj_length(v))) {
        uint64_t k = (uint64_t)fix_of_obj(i);
        switch (obj_type(v)) {
        case TYPE_SIMPLE_VECTOR: set_field(t, v, k, x); NEXT();
        case TYPE_STRING:
            if (!is_char(x)) break;
            SYNC(); /* a string in pure space faults, and the fault becomes an error here */
            ((uint32_t *)obj_raw(v))[k] = char_of_obj(x);
            NEXT();
        case TYPE_FIXNUM_VECTOR:
            if (!is_fix(x)) break;
            ((Obj *)obj_raw(v))[k] = x;
            NEXT();
        case TYPE_BIT_VECTOR:
            if (x.w > obj_of_fix(1).w || !is_fix(x)) break;
            ((uint64_t *)obj_raw(v))[k >> 6] =
                (((uint64_t *)obj_raw(v))[k >> 6] & ~(UINT64_C(1) << (k & 63))) | (uint64_t)fix_of_obj(x) << (k & 63);
            NEXT();
        case TYPE_U8_VECTOR:
            if (!is_fix(x) || (uint64_t)fix_of_obj(x) > 255) break;
            ((uint8_t *)obj_raw(v))[k] = (uint8_t)fix_of_obj(x);
            NEXT();
        case TYPE_DOUBLE_VECTOR:
            if (!has_type(x, TYPE_DOUBLE)) break;
            ((double *)obj_raw(v))[k] = double_of_obj(x);
            NEXT();
        default: break;
        }
    }
    SYNC();
    slow_aset(t, v, i, x);
    NEXT();
}
#define ELEMENT_INDEX(v, i) (LIKELY(is_obj(v) && is_fix(i)) && LIKELY((uint64_t)fix_of_obj(i) < obj_length(v)))
L_CHAR_REF : {
    Obj v = R[B], i = R[C];
    if (ELEMENT_INDEX(v, i)) {
        if (obj_type(v) == TYPE_STRING) {
            R[A] = obj_of_char(((uint32_t *)obj_raw(v))[fix_of_obj(i)]);
            NEXT();
        }
        if (obj_type(v) == TYPE_BASE_STRING) {
            R[A] = obj_of_char(((uint8_t *)obj_raw(v))[fix_of_obj(i)]);
            NEXT();
        }
    }
    SYNC();
    value = slow_char_ref(t, v, i, N);
    R[A] = value;
    NEXT();
}
L_CHAR_SET : {
    Obj v = R[A], i = R[B], x = R[C];
    SYNC();
    if (ELEMENT_INDEX(v, i) && obj_type(v) == TYPE_STRING && is_char(x)) {
        ((uint32_t *)obj_raw(v))[fix_of_obj(i)] = char_of_obj(x);
    } else {
        slow_char_set(t, v, i, x, N);
    }
    NEXT();
}
L_BIT_REF : {
    Obj v = R[B], i = R[C];
    if (ELEMENT_INDEX(v, i) && LIKELY(obj_type(v) == TYPE_BIT_VECTOR)) {
        uint64_t k = (uint64_t)fix_of_obj(i);
        R[A] = obj_of_fix(((uint64_t *)obj_raw(v))[k >> 6] >> (k & 63) & 1);
        NEXT();
    }
    SYNC();
    value = slow_bit_ref(t, v, i, N);
    R[A] = value;
    NEXT();
}
L_BIT_SET : {
    Obj v = R[A], i = R[B], x = R[C];
    SYNC();
    if (ELEMENT_INDEX(v, i) && LIKELY(obj_type(v) == TYPE_BIT_VECTOR) && (x.w & ~obj_of_fix(1).w) == 0) {
        uint64_t k = (uint64_t)fix_of_obj(i), *w = (uint64_t *)obj_raw(v) + (k >> 6);
        *w = (*w & ~(UINT64_C(1) << (k & 63))) | (uint64_t)fix_of_obj(x) << (k & 63);
    } else {
        slow_bit_set(t, v, i, x, N);
    }
    NEXT();
}
L_LENGTH:
    SYNC();
    value = slow_length(t, R[B]);
    R[A] = value;
    NEXT();
L_STRUCTURE_REF:
    value = R[B];
    if (UNLIKELY(!has_type(value, TYPE_STRUCTURE) ||
                 (!eq(obj_slots(value)[STRUCTURE_LAYOUT], K[C]) && !slow_structure_p(value, K[C])))) {
        SYNC();
        signal_type_error(t, value, obj_slots(K[C])[LAYOUT_NAME]);
    }
    R[A] = obj_slots(value)[N];
    NEXT();
L_STRUCTURE_SET:
    value = R[A];
    if (UNLIKELY(!has_type(value, TYPE_STRUCTURE) ||
                 (!eq(obj_slots(value)[STRUCTURE_LAYOUT], K[C]) && !slow_structure_p(value, K[C])))) {
        SYNC();
        signal_type_error(t, value, obj_slots(K[C])[LAYOUT_NAME]);
    }
    set_field(t, value, N, R[B]);
    NEXT();
L_STRUCTURE_P:
    R[A] = obj_of_bool(slow_structure_p(R[B], K[C]));
    NEXT();
