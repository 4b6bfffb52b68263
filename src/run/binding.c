/* binding.c: special variables: values, bindings, and the INFO list of symbols.

   A symbol that was ever bound has an index into the thread's table of thread-local values; NO_TLS there means that the symbol's own
   (global) value counts.  Binding saves the table's word on the binding stack.  The table and the binding stack are roots that every
   collection reads, so neither binding nor unbinding nor assigning a bound variable needs the write barrier. */
#include "run/frame.h"

static uint32_t tls_index(Thread *t, Obj symbol) {
    uint32_t i = symbol_tls_index(symbol);
    if (i) return i;
    i = t->world->tls_next++;
    must(i < (1 << 16));
    t->tls[i] = NO_TLS;
    t->tls_size = i + 1;
    Obj *slots = symbol_slots(symbol);
    slots[SYMBOL_HASH] = obj_of_fix((int64_t)((uint64_t)i << 32 | symbol_hash(symbol)));
    return i;
}

void set_symbol_value(Thread *t, Obj symbol, Obj v) {
    uint32_t i = symbol_tls_index(symbol);
    if (i && !eq(t->tls[i], NO_TLS))
        t->tls[i] = v;
    else
        set_symbol(t, symbol, SYMBOL_VALUE, v);
}

void bind_special(Thread *t, Obj symbol, Obj v) {
    uint32_t i = tls_index(t, symbol);
    if (UNLIKELY(t->binding_top + 2 > t->binding_end)) bindings_exhausted(t);
    t->binding_top[0] = symbol;
    t->binding_top[1] = t->tls[i];
    t->binding_top += 2;
    t->tls[i] = v;
}

void unbind_to(Thread *t, Obj *binding_top) {
    while (t->binding_top > binding_top) {
        t->binding_top -= 2;
        t->tls[symbol_tls_index(t->binding_top[0])] = t->binding_top[1];
    }
}

Obj symbol_info(Obj symbol, Obj key, Obj otherwise) {
    for (Obj p = symbol_slots(symbol)[SYMBOL_INFO]; is_cons(p); p = cddr(p))
        if (eq(car(p), key)) return cadr(p);
    return otherwise;
}

void set_symbol_info(Thread *t, Obj symbol, Obj key, Obj value) {
    for (Obj p = symbol_slots(symbol)[SYMBOL_INFO]; is_cons(p); p = cddr(p))
        if (eq(car(p), key)) {
            set_car(t, cdr(p), value);
            return;
        }
    Obj rest = symbol_slots(symbol)[SYMBOL_INFO];
    set_symbol(t, symbol, SYMBOL_INFO, alloc_cons(t, key, alloc_cons(t, value, rest)));
}
