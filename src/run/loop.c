/* loop.c: the bytecode loop.

   One C function runs all Lisp code: calls, returns, unwinding and errors do not nest it; only `lisp_call` (run.c) does.  Its state is in
   C locals: R, the frame's registers; pc; code, the first instruction; K, the constants.  Before anything that may signal, allocate at length
   or collect, SYNC writes them to the thread; after anything that may have moved code, RELOAD takes them again (law 5).

   Entering: interpret(t, how, f, base, n) runs until the frame of kind FRAME_REENTRY returns.  ENTER_CALL calls f, which is compiled code, with n
   arguments at base, where the header is already built but for the function.  ENTER_DOOR goes on after a leaf left by the door.

   A failing instruction: the leaf has recorded a function and arguments; they are called from a frame of kind FRAME_DOOR on top of the frame
   of the instruction, and the value becomes the instruction's (R[A], if it has one). */
#include "number/number.h"
#include "run/dispatch.h"
#include "run/frame.h"
#include "run/loop.h"
#include "run/vector.h"

#include "run/instruction.h"

/* A function with code of its own, not a leaf's or a generic function's. */
static inline bool is_compiled(Obj f) { return has_type(f, TYPE_FUNCTION) && !is_builtin(obj_slots(f)[FUNCTION_CODE]); }

Obj interpret(Thread *t, Enter how, Obj f, Obj *base, uint32_t n) {
    static const void *const labels[OP_COUNT] = {
#define OP(id, operands, effect) [OP_##id] = &&L_##id,
#include "code/opcodes.def"
#undef OP
    };
    Obj *R = base, *K = NULL, *nb;
    static const Instruction no_code[1]; /* a leaf may be called before any code runs, to handle an error for one */
    const Instruction *pc = NULL, *code = no_code;
    Instruction ins = 0;
    uint32_t waiting = 0;
    Obj value;
    int64_t offset;

    if (how == ENTER_CALL) {
        nb = base;
        goto call;
    }
    R = t->base;
    offset = code_leave(t);
    goto door;

    /* -- Calls: f, its arguments nb[0..n-1], header at nb[-3..-1] without the function -- */
call:
    if (UNLIKELY(!is_obj(f) || obj_type(f) != TYPE_FUNCTION)) goto call_other;
call_function:
    value = obj_slots(f)[FUNCTION_CODE];
    if (UNLIKELY(!is_code(value))) goto call_builtin;
    nb[-2] = f;
    R = nb;
    code = obj_raw(value);
    K = obj_slots(obj_slots(f)[FUNCTION_CONSTANTS]);
    pc = code + 1;
    ins = code[0];
entry:
    if (UNLIKELY(R + A > t->stack_limit)) goto entry_slow;
    if (UNLIKELY(n < B)) goto wrong_count;
    if (n < C) {
        for (uint32_t i = n; i < C; i++) R[i] = NO_ARG;
        waiting = 0;
    } else if (n > C) {
        if (!N) goto wrong_count;
        waiting = n - C;
        Obj *frame_end = R + A;
        if (UNLIKELY(frame_end + waiting > t->high_water) && !stack_ensure(t, frame_end + waiting)) goto stack_exhausted;
        memmove(frame_end, R + C, waiting * sizeof(Obj));
    } else {
        waiting = 0;
    }
    NEXT();

entry_slow : {
    t->base = R;
    t->pc = NULL;
    t->top = R + n;
    if (!stack_ensure(t, R + A)) goto stack_exhausted;
    if (t->event) {
        Obj handler = safepoint(t);
        R = t->base;
        if (is_nil(handler)) {
            FRAME_RELOAD(entry_unfetched);
            pc = code + 1;
            ins = code[0];
        } else {
            f = symbol_slots(handler)[SYMBOL_FUNCTION];
            offset = n;
            n = 0;
            goto entry_later;
        }
    }
    if (!stack_ensure(t, R + A)) goto stack_exhausted;
    if (n < B || (n > C && !N)) goto wrong_count;
    if (n <= C) {
        for (uint32_t i = n; i < C; i++) R[i] = NO_ARG;
        waiting = 0;
    } else {
        waiting = n - C;
        if (!stack_ensure(t, R + A + waiting)) goto stack_exhausted;
        memmove(R + A, R + C, waiting * sizeof(Obj));
    }
    NEXT();
}
entry_unfetched:
    offset = n;
    n = 2;
    R[offset + 1 + FRAME_HEADER] = obj_slots(R[-2])[FUNCTION_CODE];
    R[offset + 2 + FRAME_HEADER] = obj_of_fix(t->swap_fault);
    f = symbol_slots(SYM(SWAP_FAULT))[SYMBOL_FUNCTION];
    /* Calls f with n arguments that are already there, then does the entry again, with `offset` arguments. */
entry_later:
    R[offset] = obj_of_fix(offset);
    nb = R + offset + 1 + FRAME_HEADER;
    nb[-3] = obj_of_fix(nb - R);
    nb[-1] = frame_word(0, FRAME_ENTRY);
    goto call;

wrong_count:
    t->base = R;
    t->pc = NULL;
    t->top = R + n;
    if (UNLIKELY(t->limit - t->free < 512)) { /* no second try here: so there must be room for the message */
        loop_collect_fully(t);
        FRAME_RELOAD(entry_unfetched);
        ins = code[0];
    }
    loop_fetch(t);
    t->door_function = SYM(LEAF_ERROR);
    t->door_args[0] = SYM(PROGRAM_ERROR);
    t->door_args[1] = SYM(K_FORMAT_CONTROL);
    t->door_args[2] = alloc_text(t, n < B ? "Too few arguments: ~S was called with ~D." : "Too many arguments: ~S was called with ~D.");
    t->door_args[3] = SYM(K_FORMAT_ARGUMENTS);
    t->door_args[4] = alloc_list(t, 2, (Obj[]){function_name(t, R[-2]), obj_of_fix(n)});
    t->door_count = 5;
    offset = (int64_t)frame_word(1, FRAME_INSTEAD).w;
    goto door_frame;

stack_exhausted:
    t->base = R;
    t->pc = NULL;
    t->top = R + n;
    stack_open_reserve(t);
    t->door_function = SYM(LEAF_ERROR);
    t->door_args[0] = SYM(CONTROL_STACK_EXHAUSTED);
    t->door_args[1] = SYM(K_FORMAT_CONTROL);
    t->door_args[2] = alloc_text(t, "Control stack exhausted.");
    t->door_args[3] = SYM(K_FORMAT_ARGUMENTS);
    t->door_args[4] = NIL;
    t->door_count = 5;
    offset = (int64_t)frame_word(1, FRAME_INSTEAD).w;
    goto door_frame;

call_other:
    if (is_slot_access(f)) goto call_slot;
    if (is_obj(f) && obj_type(f) == TYPE_FUNCALLABLE) {
        Obj gf = f;
        f = dispatch_find(t, obj_slots(gf)[FUNCALLABLE_CACHE], nb, n);
        if (is_slot_access(f)) goto call_slot;
        if (LIKELY(!eq(f, UNBOUND))) goto call;
        if (!is_nil(obj_slots(gf)[FUNCALLABLE_DISCRIMINATOR])) {
            f = obj_slots(gf)[FUNCALLABLE_DISCRIMINATOR];
            goto call;
        }
        SYNC();
        value = alloc_list(t, n, nb);
        nb[0] = gf;
        nb[1] = value;
        n = 2;
        f = symbol_slots(SYM(DISPATCH_MISS))[SYMBOL_FUNCTION];
        if (!is_function(f)) must_die("a generic function is called before SYS:%%DISPATCH-MISS is defined");
        goto call;
    }
    if (is_symbol(f)) {
        value = symbol_slots(f)[SYMBOL_FUNCTION];
        if (is_function(value) && !(symbol_flags(f) & SYMBOL_MACRO)) {
            f = value;
            goto call;
        }
    }
    SYNC();
    if (loop_fetched(t, nb + n)) goto call_other;
    value = alloc_list(t, n, nb);
    nb[0] = f;
    nb[1] = value;
    n = 2;
    f = symbol_slots(SYM(UNDEFINED_CALL))[SYMBOL_FUNCTION];
    must(is_function(f)); /* a leaf until the library is loaded: prim/early.c */
    goto call;

    /* f stands for a slot accessor: see dispatch.h. */
call_slot : {
    uint64_t writes = slot_access_writes(f), index = slot_access_index(f);
    if (UNLIKELY(n != 1 + writes)) {
        SYNC();
        if (nb + n > t->top) t->top = nb + n;
        signal_format(t, SYM(PROGRAM_ERROR), "A slot accessor was called with ~D argument~:P.", 1, obj_of_fix(n));
    }
    Obj *slot = instance_slot(nb[writes], index);
    value = writes ? nb[0] : *slot;
    if (writes) set_slot(t, slot, value);
    if (UNLIKELY(eq(value, UNBOUND))) {
        nb[1] = obj_of_fix((int64_t)index);
        n = 2;
        f = symbol_slots(SYM(READ_UNBOUND))[SYMBOL_FUNCTION];
        goto call;
    }
    t->value_count = 1;
    if (UNLIKELY(fix_of_obj(nb[-1]) & 7)) {
        R = nb;
        goto return_value;
    }
    nb[-3] = value;
    NEXT();
}

call_builtin : {
    if (UNLIKELY(is_handle(value))) goto call_swapped;
    const Builtin *b = builtin_at(builtin_of_obj(value));
    SYNC();
    if (nb + n > t->top) t->top = nb + n;
    t->value_count = 1;
    if (UNLIKELY(n < b->min || (n > b->max && b->max != ARGS_ANY))) slow_arguments(t, f, n);
    value = b->fn(t, nb, n);
    if (UNLIKELY(t->event || t->retrying)) goto builtin_events;
    if (UNLIKELY(fix_of_obj(nb[-1]) & 7)) {
        R = nb;
        goto return_value;
    }
    nb[-3] = value;
    NEXT();
}

    /* Swapped code: as call_function goes on, once it is there. */
call_swapped:
    TAKE_SWAPPED(f, false, call_unfetched);
    nb[-2] = f;
    R = nb;
    pc = code + 1;
    ins = code[0];
    goto entry;
call_unfetched:
    if (!stack_ensure(t, nb + n + 2)) stack_open_reserve(t);
    memmove(nb + 2, nb, n * sizeof(Obj));
    nb[0] = obj_of_fix(t->swap_fault);
    nb[1] = f;
    n += 2;
    f = symbol_slots(SYM(CALL_UNFETCHED))[SYMBOL_FUNCTION];
    goto call;

    /* A leaf's second try, with arrays in the places of handles: again.c. */
again:
    nb = t->again.given;
    t->value_count = 1;
    value = leaf_try_again(t);
    if (t->event || t->retrying) goto builtin_events;
    if (fix_of_obj(nb[-1]) & 7) {
        R = nb;
        goto return_value;
    }
    nb[-3] = value;
    NEXT();

builtin_events:
    t->retrying = false;
    if (t->event & EVENT_REENTERED) {
        __atomic_fetch_and(&t->event, ~(uint32_t)EVENT_REENTERED, __ATOMIC_SEQ_CST);
        stack_limit_update(t);
        if (!(fix_of_obj(nb[-1]) & 7)) {
            FRAME_RELOAD(return_unfetched);
            pc = code + frame_offset(nb);
        }
    }
    if (fix_of_obj(nb[-1]) & 7) {
        R = nb;
        goto return_value;
    }
    nb[-3] = value;
    if (t->value_count != 1 || !t->event) NEXT();
    n = (uint32_t)(nb - R) - FRAME_HEADER + 1; /* behind the value only dead registers follow: the compiler uses them as a stack */
    goto poll;

    /* -- Returns: value, and t->value_count set -- */
return_value:
    nb = R;
    if (LIKELY((fix_of_obj(nb[-1]) & 7) == FRAME_CALL)) {
        R = frame_caller(nb);
        FRAME_RELOAD(return_unfetched);
        pc = code + frame_offset(nb);
        nb[-3] = value;
        NEXT();
    }
    switch (frame_kind(nb)) {
    case FRAME_REENTRY: return value;
    case FRAME_INSTEAD:
        R = frame_caller(nb);
        goto return_value;
    case FRAME_DISCARD:
        R = frame_caller(nb);
        FRAME_RELOAD(return_unfetched);
        pc = code + frame_offset(nb);
        t->value_count = 1;
        NEXT();
    case FRAME_RESUME:
        R = frame_caller(nb);
        FRAME_RELOAD(return_unfetched);
        pc = code + frame_offset(nb);
        NEXT();
    case FRAME_REPEAT:
        R = frame_caller(nb);
        FRAME_RELOAD(return_unfetched);
        pc = code + frame_offset(nb);
        goto again_instruction;
    case FRAME_ENTRY:
        R = frame_caller(nb);
        n = (uint32_t)fix_of_obj(nb[-FRAME_HEADER - 1]);
        FRAME_RELOAD(return_unfetched);
        pc = code + 1;
        ins = code[0];
        goto entry;
    default: /* FRAME_DOOR */
        R = frame_caller(nb);
        FRAME_RELOAD(return_unfetched);
        pc = code + frame_offset(nb);
        ins = pc[-1];
        if (is_tail(instruction_op(ins))) goto return_value;
        if (has_destination(ins)) R[A] = value;
        NEXT();
    }

    /* The code of frame R cannot be fetched, to which the frame at nb returns `value`: what repairs that is called in the place of the frame at nb, and
       returns the same values as it. */
return_unfetched:
    n = t->value_count;
    if (!stack_ensure(t, nb + n + 3)) stack_open_reserve(t);
    nb[0] = obj_of_fix(t->swap_fault);
    nb[1] = R[-2];
    nb[2] = value;
    for (uint32_t i = 1; i < n; i++) nb[2 + i] = t->values[i];
    n += 2;
    f = symbol_slots(SYM(RETURN_UNFETCHED))[SYMBOL_FUNCTION];
    goto call;
    /* The same of frame R, which is to go on at `offset`; t->top is its end. */
resume_unfetched:
    nb = t->top + FRAME_HEADER;
    nb[-3] = obj_of_fix(nb - R);
    nb[-1] = frame_word(offset, FRAME_RESUME);
    value = NIL;
    goto return_unfetched;

    /* -- The door: a leaf left; t->base and top are as it left them, and the next instruction is the one at `offset` -- */
door:
    switch (t->door_reason) {
    case DOOR_RETRY:
        if (WHOLE) leaf_give_up(t);
        t->retrying = true;
        waiting = t->waiting;
        loop_collect_fully(t);
        R = t->base;
        offset--;
        FRAME_RELOAD(resume_unfetched);
        pc = code + offset;
        goto again_instruction;
    case DOOR_UNWIND:
        if (WHOLE) leaf_give_up(t);
        value = t->values[0];
        unwind_towards(t, t->unwind_target, value, &offset);
        goto landed;
    default:
        if (!WHOLE || !leaf_wants_arrays(t, offset)) break;
        FRAME_RELOAD(resume_unfetched); /* it is there: it was looked into */
        pc = code + offset;
        goto again;
    }
    t->retrying = false;
    offset = (int64_t)(t->door_repeat ? frame_word(offset - 1, FRAME_REPEAT) : frame_word(offset, FRAME_DOOR)).w;
    t->door_repeat = false;
door_frame:
    loop_fetch_handler(t);
    nb = t->top + FRAME_HEADER;
    if (!stack_ensure(t, nb + DOOR_ARGUMENTS)) stack_open_reserve(t);
    nb[-3] = obj_of_fix(nb - R);
    nb[-1] = (Obj){(uint64_t)offset};
    n = t->door_count;
    memcpy(nb, t->door_args, n * sizeof(Obj));
    f = t->door_function;
    t->door_count = 0;
    goto call;

    /* The instruction at pc is executed once more. */
again_instruction:
    if (UNLIKELY(instruction_op(*pc) == OP_CALL_VALUES)) loop_restore_values(t, R + instruction_a(*pc) + FRAME_HEADER);
    NEXT();

landed:
    R = t->base;
    FRAME_RELOAD(resume_unfetched);
    pc = code + offset;
    NEXT();

    /* A safe point inside a function: everything live is in the first n registers; goes on at pc. */
poll : {
    SYNC();
    t->top = R + n;
    offset = pc - code;
    Obj handler = safepoint(t);
    R = t->base;
    if (is_nil(handler)) {
        FRAME_RELOAD(resume_unfetched);
        pc = code + offset;
        NEXT();
    }
    nb = t->top + FRAME_HEADER;
    nb[-3] = obj_of_fix(nb - R);
    nb[-1] = frame_word(offset, FRAME_DISCARD);
    f = symbol_slots(handler)[SYMBOL_FUNCTION];
    n = 0;
    goto call;
}

    /* -- Entry -- */
L_ENTRY:
    must(!"ENTRY is executed by calls");
L_REST : {
    Obj list = NIL, *args = R + instruction_a(code[0]);
    SYNC();
    t->top += waiting;
    t->waiting = waiting;
    for (uint32_t i = waiting; i-- > 0;) list = alloc_cons(t, args[i], list);
    R[A] = list;
    NEXT();
}
L_KEYS:
    SYNC();
    t->top += waiting;
    t->waiting = waiting;
    slow_keys(t, R + A, K[B], R + instruction_a(code[0]), waiting);
    NEXT();

    /* -- Moves -- */
L_MOVE:
    R[A] = R[B];
    NEXT();
L_CONST:
    R[A] = K[D];
    NEXT();
L_FIX:
    R[A] = obj_of_fix(D);
    NEXT();
L_NIL:
    R[A] = NIL;
    NEXT();
L_TRUE:
    R[A] = T_;
    NEXT();
L_NO_ARG:
    R[A] = NO_ARG;
    NEXT();

    /* -- Variables -- */
#define E(i) (obj_slots(R[-2])[FUNCTION_ENV + (i)])
L_ENV:
    R[A] = E(B);
    NEXT();
L_CELL : {
    SYNC();
    Obj *p = (Obj *)(void *)heap_allocate(t, 16);
    p[0] = header_make(TYPE_CELL, 0, 1);
    p[1] = R[B];
    R[A] = obj_of_address(p);
    NEXT();
}
L_CELL_REF:
    R[A] = obj_slots(R[B])[CELL_VALUE];
    NEXT();
L_CELL_SET:
    set_field(t, R[A], CELL_VALUE, R[B]);
    NEXT();
L_ENV_CELL_REF:
    R[A] = obj_slots(E(B))[CELL_VALUE];
    NEXT();
L_ENV_CELL_SET:
    set_field(t, E(B), CELL_VALUE, R[A]);
    NEXT();
L_SYMBOL_REF:
    value = symbol_value(t, K[B]);
    if (UNLIKELY(eq(value, UNBOUND))) {
        SYNC();
        value = slow_symbol_ref(t, K[B]);
    }
    R[A] = value;
    NEXT();
L_SYMBOL_SET:
    set_symbol_value(t, K[B], R[A]);
    NEXT();
L_FUNCTION_REF:
    value = symbol_slots(K[B])[SYMBOL_FUNCTION];
    if (UNLIKELY(!is_function(value))) {
        SYNC();
        value = loop_undefined_function(t, K[B]);
    }
    R[A] = value;
    NEXT();
L_BIND:
    SYNC();
    bind_special(t, K[B], R[A]);
    NEXT();
L_UNBIND:
    unbind_to(t, t->binding_top - 2 * (size_t)A);
    NEXT();
L_BIND_LISTS:
    SYNC();
    R[A] = loop_bind_lists(t, R[A], R[B]);
    NEXT();
L_UNBIND_TO:
    value = R[A];
    if (is_fix(value) && fix_of_obj(value) >= 0) unbind_to(t, t->bindings + fix_of_obj(value));
    NEXT();

    /* -- Closures -- */
L_CLOSURE:
L_CLOSUREREC:
    SYNC();
    slow_make_closures(t, R + A, K[B], C, UNBOUND);
    NEXT();
L_CLOSUREDYN:
L_CLOSURERECDYN:
    SYNC();
    slow_make_closures(t, R + A, K[B], C, obj_slots(R[-2])[obj_length(R[-2]) - 1]);
    NEXT();

    /* -- Calls -- */
#define CALL_HEADER()                                  \
    do {                                               \
        nb = R + A + FRAME_HEADER;                     \
        nb[-3] = obj_of_fix(nb - R);                   \
        nb[-1] = frame_word(pc - code, FRAME_CALL);    \
    } while (0)
L_CALL:
    CALL_HEADER();
    f = symbol_slots(K[B])[SYMBOL_FUNCTION];
    n = C;
    if (LIKELY(is_obj(f) && obj_type(f) == TYPE_FUNCTION)) goto call_function;
    if (is_marker(f)) f = K[B];
    goto call_other;
L_CALL_REG:
    f = R[B];
    n = C;
    CALL_HEADER();
    goto call;
L_CALL_SELF:
    CALL_HEADER();
    f = R[-2];
    n = C;
    goto call_function;
L_CALL_VALUES:
    f = R[B];
    n = t->value_count;
    SYNC();
    if (!stack_ensure(t, R + A + FRAME_HEADER + n)) goto values_exhausted;
    value = R[A];
    CALL_HEADER();
    nb[-2] = obj_of_fix(n);
    nb[0] = value;
    for (uint32_t i = 1; i < n; i++) nb[i] = t->values[i];
    goto call;
values_exhausted:
    signal_format(t, SYM(CONTROL_STACK_EXHAUSTED), "Control stack exhausted.", 0);
    /* The spread arguments of anything but compiled code lie behind the frame, so that a second try finds the list as it was. */
L_APPLY:
    f = R[B];
    n = C;
    if (UNLIKELY(!is_compiled(f))) goto apply_apart;
    SYNC();
    nb = R + A + FRAME_HEADER;
    n = slow_spread(t, nb, n);
    CALL_HEADER();
    goto call_function;
apply_apart:
    SYNC();
    nb = t->top + FRAME_HEADER;
    if (!stack_ensure(t, nb + n)) goto values_exhausted;
    memcpy(nb, R + A + FRAME_HEADER, n * sizeof(Obj));
    n = slow_spread(t, nb, n);
    nb[-3] = obj_of_fix(nb - R);
    nb[-1] = frame_word(pc - code, FRAME_DOOR);
    goto call;

    /* Tail calls move the arguments down and take over the frame's header; builtins are called where the arguments are, so that a
       second try finds them. */
L_TAIL_CALL:
    f = symbol_slots(K[B])[SYMBOL_FUNCTION];
    if (UNLIKELY(is_marker(f))) f = K[B];
    n = C;
    goto tail;
L_TAIL_CALL_REG:
    f = R[B];
    n = C;
    goto tail;
L_TAIL_SELF:
    f = R[-2];
    n = C;
    goto tail;
L_TAIL_APPLY:
    f = R[B];
    n = C;
    if (UNLIKELY(!is_compiled(f))) goto apply_apart;
    SYNC();
    n = slow_spread(t, R + A + FRAME_HEADER, n);
tail:
    nb = R + A + FRAME_HEADER;
    if (LIKELY(is_obj(f) && obj_type(f) == TYPE_FUNCTION)) {
        if (!is_builtin(obj_slots(f)[FUNCTION_CODE])) {
            for (uint32_t i = 0; i < n; i++) R[i] = nb[i];
            nb = R;
            goto call_function;
        }
        /* A builtin, or a funcallable or designator: an ordinary call whose value is returned by FRAME_INSTEAD. */
    }
    nb[-3] = obj_of_fix(nb - R);
    nb[-1] = frame_word(pc - code, FRAME_INSTEAD);
    if (is_obj(f) && obj_type(f) == TYPE_FUNCALLABLE) {
        Obj effective = dispatch_find(t, obj_slots(f)[FUNCALLABLE_CACHE], nb, n);
        if (LIKELY(!eq(effective, UNBOUND))) {
            f = effective;
            goto tail;
        }
    }
    goto call;

L_RETURN:
    t->value_count = 1;
    value = R[A];
    goto return_value;
L_RETURN_VALUES:
    value = R[A];
    goto return_value;
L_RETURN_MANY : {
    uint32_t count = B;
    value = count ? R[A] : NIL;
    t->value_count = count;
    for (uint32_t i = 1; i < count; i++) t->values[i] = R[A + i];
    goto return_value;
}
L_DISPATCH:
    must(!"DISPATCH is executed by calls");

    /* -- Values -- */
L_ONE_VALUE:
    t->value_count = 1;
    NEXT();
L_SET_VALUES : {
    uint32_t count = B;
    t->value_count = count;
    for (uint32_t i = 1; i < count; i++) t->values[i] = R[A + i];
    if (!count) R[A] = NIL;
    NEXT();
}
L_SET_VALUES_LIST:
    SYNC();
    R[A] = loop_values_of_list(t, R[B]);
    NEXT();
L_GET_VALUES : {
    uint32_t count = B, have = t->value_count;
    if (!have) R[A] = NIL;
    for (uint32_t i = 1; i < count; i++) R[A + i] = i < have ? t->values[i] : NIL;
    NEXT();
}
L_VALUES_LIST:
    SYNC();
    R[A] = slow_list_of_values(t, R[A]);
    NEXT();
L_SAVE_VALUES:
    if (LIKELY(t->value_count == 1)) {
        R[A + 1] = obj_of_fix(1);
    } else {
        SYNC();
        value = slow_list_of_values(t, R[A]);
        R[A + 1] = value;
    }
    NEXT();
L_RESTORE_VALUES:
    if (LIKELY(is_fix(R[A + 1]))) {
        t->value_count = 1;
    } else {
        SYNC();
        R[A] = loop_values_of_list(t, R[A + 1]);
    }
    NEXT();

    /* -- Jumps -- */
L_JUMP:
    JUMP_LONG();
    NEXT();
L_JUMP_BACK:
    JUMP_LONG();
    if (UNLIKELY(t->event)) {
        n = instruction_a(code[0]);
        goto poll;
    }
    NEXT();
L_JUMP_NIL:
    if (is_nil(R[A])) JUMP_LONG();
    NEXT();
L_JUMP_TRUE:
    if (!is_nil(R[A])) JUMP_LONG();
    NEXT();
L_JUMP_ARG:
    if (!eq(R[A], NO_ARG)) JUMP_LONG();
    NEXT();
L_JUMP_IF:
    if (predicate_holds(N, R[A])) JUMP_LONG();
    NEXT();
L_JUMP_UNLESS:
    if (!predicate_holds(N, R[A])) JUMP_LONG();
    NEXT();
L_JUMP_EQ:
    if (eq(R[A], R[B])) JUMP_SHORT();
    NEXT();
L_JUMP_NE:
    if (!eq(R[A], R[B])) JUMP_SHORT();
    NEXT();
L_JUMP_EQK:
    if (eq(R[A], K[B])) JUMP_SHORT();
    NEXT();
L_JUMP_NEK:
    if (!eq(R[A], K[B])) JUMP_SHORT();
    NEXT();
    COMPARE(JUMP_LT, <, slow_less(t, x_, y_), true)
    COMPARE(JUMP_LE, <=, slow_less_equal(t, x_, y_), true)
    COMPARE(JUMP_NLT, <, slow_less(t, x_, y_), false)
    COMPARE(JUMP_NLE, <=, slow_less_equal(t, x_, y_), false)
    COMPARE(JUMP_NUM_EQ, ==, number_equal(t, x_, y_), true)
    COMPARE(JUMP_NUM_NE, ==, number_equal(t, x_, y_), false)
    COMPARE_IMMEDIATE(JUMP_LTI, <, slow_less(t, x_, y_), true)
    COMPARE_IMMEDIATE(JUMP_LEI, <=, slow_less_equal(t, x_, y_), true)
    COMPARE_IMMEDIATE(JUMP_GTI, >, slow_less(t, y_, x_), true)
    COMPARE_IMMEDIATE(JUMP_GEI, >=, slow_less_equal(t, y_, x_), true)
    COMPARE_IMMEDIATE(JUMP_EQI, ==, number_equal(t, x_, y_), true)
    COMPARE_IMMEDIATE(JUMP_NEI, ==, number_equal(t, x_, y_), false)
    COMPARE_IMMEDIATE(JUMP_NLTI, <, slow_less(t, x_, y_), false)
    COMPARE_IMMEDIATE(JUMP_NLEI, <=, slow_less_equal(t, x_, y_), false)
    COMPARE_IMMEDIATE(JUMP_NGTI, >, slow_less(t, y_, x_), false)
    COMPARE_IMMEDIATE(JUMP_NGEI, >=, slow_less_equal(t, y_, x_), false)
L_JUMP_TABLE:
    value = R[A];
    pc += is_fix(value) && (uint64_t)fix_of_obj(value) < B ? fix_of_obj(value) : (int64_t)B;
    NEXT();

    /* -- Exits -- */
L_MARK_BLOCK:
    SYNC();
    exit_push(t, N ? EXIT_TAGBODY : EXIT_BLOCK, A, NIL, R, pc + D - code);
    R[A] = obj_of_fix((int64_t)t->exit_serial);
    NEXT();
L_MARK_CATCH:
    SYNC();
    exit_push(t, EXIT_CATCH, A, R[A], R, pc + D - code);
    NEXT();
L_MARK_CLEANUP:
    SYNC();
    exit_push(t, EXIT_CLEANUP, A, NIL, R, pc + D - code);
    NEXT();
L_POP_EXIT:
    t->exit_top -= A;
    NEXT();
L_EXIT:
    SYNC();
    if (!exit_find_serial(t, (uint64_t)fix_of_obj(R[A])))
        signal_format(t, SYM(CONTROL_ERROR), "The block or tagbody to return to is no longer active.", 0);
    unwind_towards(t, (uint64_t)fix_of_obj(R[A]), R[B], &offset);
    goto landed;
L_THROW : {
    uint64_t serial;
    SYNC();
    if (!exit_find_catch(t, R[A], &serial)) signal_format(t, SYM(CONTROL_ERROR), "There is no catch for the tag ~S.", 1, R[A]);
    unwind_towards(t, serial, R[B], &offset);
    goto landed;
}
L_RESUME_UNWIND : {
    uint64_t serial = (uint64_t)fix_of_obj(R[A]);
    SYNC();
    value = R[A + 1];
    t->value_count = 1;
    if (is_fix(R[A + 2])) {
        t->value_count = 0;
    } else {
        for (Obj l = R[A + 2]; is_cons(l) && t->value_count < VALUES_LIMIT; l = cdr(l)) t->values[t->value_count++] = car(l);
    }
    if (!exit_find_serial(t, serial)) signal_format(t, SYM(CONTROL_ERROR), "The exit that an unwinding was going to is gone.", 0);
    unwind_towards(t, serial, value, &offset);
    goto landed;
}

    /* -- Tests and lists -- */
L_TEST:
    R[A] = obj_of_bool(predicate_holds(N, R[B]));
    NEXT();
L_EQ:
    R[A] = obj_of_bool(eq(R[B], R[C]));
    NEXT();
L_NOT:
    R[A] = obj_of_bool(is_nil(R[B]));
    NEXT();
#define LIST_ACCESS(opcode, access)                    \
    L_##opcode : value = R[B];                         \
    if (UNLIKELY(!is_list(value))) goto not_a_list;    \
    R[A] = access(value);                              \
    NEXT();
    LIST_ACCESS(CAR, car)
    LIST_ACCESS(CDR, cdr)
#define LIST_ACCESS_2(opcode, access)                  \
    L_##opcode : value = R[B];                         \
    if (UNLIKELY(!is_list(value))) goto not_a_list;    \
    value = cdr(value);                                \
    if (UNLIKELY(!is_list(value))) goto not_a_list;    \
    R[A] = access(value);                              \
    NEXT();
    LIST_ACCESS_2(CADR, car)
    LIST_ACCESS_2(CDDR, cdr)
not_a_list:
    SYNC();
    signal_type_error(t, value, SYM(LIST));
L_CONS : {
    SYNC();
    Obj *p = (Obj *)(void *)heap_allocate(t, 16);
    p[0] = R[B];
    p[1] = R[C];
    R[A] = cons_of_address(p);
    NEXT();
}
L_LIST:
    SYNC();
    R[A] = alloc_list(t, B, R + A);
    NEXT();
L_LIST_STAR : {
    SYNC();
    Obj list = R[A + B - 1];
    for (uint32_t i = B - 1; i-- > 0;) list = alloc_cons(t, R[A + i], list);
    R[A] = list;
    NEXT();
}
L_SET_CAR:
    value = R[A];
    if (UNLIKELY(!is_cons(value))) goto not_a_cons;
    set_car(t, value, R[B]);
    NEXT();
L_SET_CDR:
    value = R[A];
    if (UNLIKELY(!is_cons(value))) goto not_a_cons;
    set_cdr(t, value, R[B]);
    NEXT();
not_a_cons:
    SYNC();
    signal_type_error(t, value, SYM(CONS));

#include "run/loop-arrays.h"
#include "run/loop-arithmetic.h"

    /* -- Checks -- */
L_CHECK:
    if (LIKELY(N == PRED_FIXNUM && is_fix(R[A]))) NEXT();
    if (UNLIKELY(!predicate_holds(N, R[A]))) {
        SYNC();
        signal_type_error(t, R[A], K[B]);
    }
    NEXT();
}
