/* world.h: what tests in C share that run code without the library: a world with nothing but packages and builtins, and functions assembled by hand. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "run/run.h"
#include "text/text.h"

#include <stdlib.h>

static inline Thread *world_new(void) {
    World *w = calloc(1, sizeof *w);
    must(w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->heap = heap_create(0);
    Thread *t = thread_create(w);
    packages_create(t);
    trampoline_create(t);
    builtins_install(t);
    return t;
}

/* A function without environment, of instructions and of constants behind the debug information. */
static inline Obj function_new(Thread *t, uint32_t n, const Instruction *code, uint32_t constants, const Obj *values) {
    Obj vector = alloc_raw(t, TYPE_CODE, n);
    memcpy(obj_raw(vector), code, n * sizeof *code);
    Obj k = alloc_boxed(t, TYPE_SIMPLE_VECTOR, constants + 1, NIL);
    init_field(k, 0, alloc_boxed(t, TYPE_SIMPLE_VECTOR, DEBUG_LENGTH, NIL));
    for (uint32_t i = 0; i < constants; i++) init_field(k, i + 1, values[i]);
    Obj f = alloc_boxed(t, TYPE_FUNCTION, FUNCTION_ENV, NIL);
    init_field(f, FUNCTION_CODE, vector);
    init_field(f, FUNCTION_CONSTANTS, k);
    return f;
}
#define FUNCTION_NEW(t, constants, values, ...) \
    function_new(t, (uint32_t)(sizeof((const Instruction[]){__VA_ARGS__}) / 8), (const Instruction[]){__VA_ARGS__}, constants, values)

#endif
