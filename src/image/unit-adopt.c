/* unit-adopt.c: code of units becomes code of the heap: before a world is saved or purified.

   Every function over a unit that the last full collection found gets a copy of its code in the heap, one copy for all functions over the same code
   vector, and NIL in the place of the owner.  The dynamic closure instructions stay in the copy: they now hand on NIL.  Nothing refers to the owner
   then, and the next collection unmaps the unit.

   Frames that run such a function return into it by its closure and an offset, so into the copy (law 5).  Only the innermost Lisp frame has an address
   in hand: so the leaf is called by a function of the library, which is in no unit. */
#include "image/unit-map.h"

#include <stdlib.h>

typedef struct Adoption {
    Thread *t;
    Obj *functions;
    size_t count, room;
} Adoption;

static bool is_foreign_code(Thread *t, Obj code) {
    Obj owner;
    void *data;
    if (!is_obj(code)) return false;
    for (size_t i = 0; foreign_next(t->heap, &i, unit_unmap, &owner, &data);)
        if (code.w - (uintptr_t)((Unit *)data)->base < ((Unit *)data)->size) return true;
    return false;
}

static void note_function(void *data, Obj x) {
    Adoption *a = data;
    if (!has_type(x, TYPE_FUNCTION) || !is_foreign_code(a->t, obj_slots(x)[FUNCTION_CODE])) return;
    if (a->count == a->room) {
        a->room = a->room ? 2 * a->room : 256;
        a->functions = realloc(a->functions, a->room * sizeof(Obj));
        must(a->functions != NULL);
    }
    a->functions[a->count++] = x;
}

static int by_code(const void *a, const void *b) {
    uint64_t x = obj_slots(*(const Obj *)a)[FUNCTION_CODE].w, y = obj_slots(*(const Obj *)b)[FUNCTION_CODE].w;
    return x < y ? -1 : x > y;
}

static Obj copy_of_code(Thread *t, Obj code) {
    Obj copy = alloc_raw(t, TYPE_CODE, obj_length(code));
    memcpy(obj_raw(copy), obj_raw(code), 8 * obj_length(code));
    return copy;
}

uint64_t unit_adopt(Thread *t) {
    Adoption a = {.t = t};
    Obj code = UNBOUND, copy = UNBOUND;
    heap_each_object(t->heap, note_function, &a);
    if (a.count) qsort(a.functions, a.count, sizeof(Obj), by_code);
    for (size_t i = 0; i < a.count; i++) {
        Obj f = a.functions[i];
        if (!eq(obj_slots(f)[FUNCTION_CODE], code)) {
            code = obj_slots(f)[FUNCTION_CODE];
            copy = copy_of_code(t, code);
        }
        set_field(t, f, FUNCTION_CODE, copy);
        set_field(t, f, obj_length(f) - 1, NIL);
    }
    free(a.functions);
    return a.count;
}
