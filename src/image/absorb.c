/* absorb.c: code of loaded units becomes code of the heap, before an image is saved.

   A unit's code lies in a mapping of its file, which does not outlive the process.  Every function over it gets a copy of its code vector in
   the heap, one for all functions that share it, and lets go of the owner, its last value; the copy's CLOSUREDYN copies NIL from then on.  The next
   collection finds the owners dead and unmaps the units.

   The caller has compacted the heap, so that it can be walked, and nothing runs. */
#include "image/format.h"

#include "code/code.h"
#include "image/unit.h"

#include <stdlib.h>

typedef struct Absorber {
    Thread *t;
    Obj *functions; /* those with code outside of the heap */
    size_t count, room;
    uint64_t start, bytes; /* of the dynamic area */
} Absorber;

static void note_function(void *data, Obj *words, size_t bytes) {
    Absorber *a = data;
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_FUNCTION) return;
    Obj code = words[1 + FUNCTION_CODE];
    if (!is_obj(code) || code.w - a->start < a->bytes) return;
    if (a->count == a->room) {
        a->room = a->room ? 2 * a->room : 256;
        a->functions = realloc(a->functions, a->room * sizeof(Obj));
        must(a->functions);
    }
    a->functions[a->count++] = obj_of_address(words);
}

static int by_code(const void *a, const void *b) {
    uint64_t x = obj_slots(*(const Obj *)a)[FUNCTION_CODE].w, y = obj_slots(*(const Obj *)b)[FUNCTION_CODE].w;
    if (x != y) return x < y ? -1 : 1;
    x = ((const Obj *)a)->w;
    y = ((const Obj *)b)->w;
    return x < y ? -1 : x > y;
}

static void forget_owner(Thread *t, Obj function) {
    Obj owner;
    size_t bytes;
    uint64_t last = obj_length(function) - 1;
    for (size_t i = 0; unit_loaded(t, i, &owner, &bytes); i++)
        if (last >= FUNCTION_ENV && eq(obj_slots(function)[last], owner)) {
            set_field(t, function, last, NIL);
            return;
        }
}

bool absorb_units(Thread *t) {
    HeapState state = heap_state(t->heap);
    Absorber a = {.t = t, .start = state.start, .bytes = state.bytes};
    heap_each(t->heap, note_function, &a);
    if (a.count) qsort(a.functions, a.count, sizeof(Obj), by_code);
    uint64_t need = 0;
    for (size_t i = 0; i < a.count; i++) need += header_bytes(obj_header(obj_slots(a.functions[i])[FUNCTION_CODE])) + 1024;
    bool room = need < heap_capacity(t->heap) - state.bytes;
    Obj last = NIL, copy = NIL;
    for (size_t i = 0; room && i < a.count; i++) {
        Obj f = a.functions[i], code = obj_slots(f)[FUNCTION_CODE];
        if (!eq(code, last)) {
            copy = alloc_raw(t, TYPE_CODE, obj_length(code));
            memcpy(obj_raw(copy), obj_raw(code), obj_length(code) * sizeof(Instruction));
            last = code;
        }
        set_field(t, f, FUNCTION_CODE, copy);
        forget_owner(t, f);
    }
    free(a.functions);
    return room;
}
