/* equal.c: EQ, EQL, EQUAL, EQUALP.

   A comparison is iterative: pairs that are still to be compared wait on a stack of this file's own, so a list that is a million deep in the
   CAR needs memory and no C stack.  A long list is walked along the CDR and needs nothing: leaves in the CAR are compared at once, and
   only where the CAR is itself a tree does the CDR wait.

   The stack is outside the heap.  Raw words may lie there because a leaf never collects (law 1); it is freed before the leaf returns, and
   nothing that is called while it exists signals an error.  EQUALP of numbers is `=`, which cannot fail on numbers.

   Limit: comparison of circular structures does not end, as the standard allows, and cannot be interrupted. */
#include "prim/equal.h"

#include "number/number.h"
#include "run/vector.h"
#include "text/text.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { INLINE_PAIRS = 64 };

typedef struct Pending {
    Obj *items; /* pairs */
    size_t count, capacity;
    Obj inline_items[2 * INLINE_PAIRS];
} Pending;

static void pending_start(Pending *p) {
    p->items = p->inline_items;
    p->count = 0;
    p->capacity = 2 * INLINE_PAIRS;
}

static void pending_end(Pending *p) {
    if (p->items != p->inline_items) free(p->items);
}

static void pending_push(Pending *p, Obj a, Obj b) {
    if (p->count == p->capacity) {
        bool inside = p->items == p->inline_items;
        Obj *items = realloc(inside ? NULL : p->items, 2 * p->capacity * sizeof(Obj));
        must(items);
        if (inside) memcpy(items, p->inline_items, sizeof p->inline_items);
        p->items = items;
        p->capacity *= 2;
    }
    p->items[p->count++] = a;
    p->items[p->count++] = b;
}

static bool pending_pop(Pending *p, Obj *a, Obj *b) {
    if (!p->count) return false;
    *b = p->items[--p->count];
    *a = p->items[--p->count];
    return true;
}

/* -- EQUAL -- */

static bool bit_vectors_equal(Thread *t, Obj a, Obj b) {
    uint64_t length = vector_length(a);
    if (vector_length(b) != length) return false;
    for (uint64_t i = 0; i < length; i++)
        if (!eq(row_major_ref(t, a, i), row_major_ref(t, b, i))) return false;
    return true;
}

/* Compares what are not both conses; pushes what remains to be compared. */
static bool atoms_equal(Thread *t, Pending *p, Obj a, Obj b) {
    if (number_eql(a, b)) return true;
    if (!is_obj(a) || !is_obj(b)) return false;
    if (is_string(a)) return is_string(b) && texts_equal(text_of_string(a), text_of_string(b));
    if (is_bit_vector(a)) return is_bit_vector(b) && bit_vectors_equal(t, a, b);
    if (obj_type(a) == TYPE_PATHNAME && obj_type(b) == TYPE_PATHNAME && obj_length(a) == obj_length(b)) {
        for (uint64_t i = 0; i < obj_length(a); i++) pending_push(p, obj_slots(a)[i], obj_slots(b)[i]);
        return true;
    }
    return false;
}

typedef bool (*AtomTest)(Thread *t, Pending *p, Obj a, Obj b);

/* Compares trees of conses whose leaves `atoms` compares. */
static bool trees_equal(Thread *t, Obj a, Obj b, AtomTest atoms) {
    Pending pending;
    pending_start(&pending);
    bool same = true;
    do {
        while (same && !eq(a, b)) {
            if (!is_cons(a) || !is_cons(b)) {
                same = atoms(t, &pending, a, b);
                break;
            }
            Obj x = car(a), y = car(b);
            if (is_cons(x) && is_cons(y)) {
                if (!is_nil(cdr(a)) || !is_nil(cdr(b))) pending_push(&pending, cdr(a), cdr(b));
                a = x;
                b = y;
            } else {
                same = eq(x, y) || atoms(t, &pending, x, y);
                a = cdr(a);
                b = cdr(b);
            }
        }
    } while (same && pending_pop(&pending, &a, &b));
    pending_end(&pending);
    return same;
}

bool objects_equal(Thread *t, Obj a, Obj b) {
    if (eq(a, b)) return true;
    if ((is_fix(a) && is_fix(b)) || is_symbol(a) || is_symbol(b)) return false;
    return trees_equal(t, a, b, atoms_equal);
}

/* -- EQUALP -- */

static bool chars_equalp(Obj a, Obj b) {
    return utf8proc_toupper((utf8proc_int32_t)char_of_obj(a)) == utf8proc_toupper((utf8proc_int32_t)char_of_obj(b)) ||
           utf8proc_tolower((utf8proc_int32_t)char_of_obj(a)) == utf8proc_tolower((utf8proc_int32_t)char_of_obj(b));
}

static bool same_dimensions(Obj a, Obj b) {
    uint64_t rank_a = obj_type(a) == TYPE_ARRAY ? array_rank(a) : 1, rank_b = obj_type(b) == TYPE_ARRAY ? array_rank(b) : 1;
    if (rank_a != rank_b) return false;
    if (rank_a == 1) return vector_length(a) == vector_length(b);
    for (uint64_t i = 0; i < rank_a; i++)
        if (!eq(obj_slots(a)[ARRAY_DIMENSIONS + i], obj_slots(b)[ARRAY_DIMENSIONS + i])) return false;
    return true;
}

static bool atoms_equalp(Thread *t, Pending *p, Obj a, Obj b);

static bool arrays_equalp(Thread *t, Pending *p, Obj a, Obj b) {
    if (!same_dimensions(a, b)) return false;
    uint64_t n = is_vector(a) ? vector_length(a) : array_total(a);
    for (uint64_t i = 0; i < n; i++) {
        Obj x = row_major_ref(t, a, i), y = row_major_ref(t, b, i);
        if (eq(x, y)) continue;
        if (is_ref(x) && is_ref(y) && !is_number(x))
            pending_push(p, x, y);
        else if (!atoms_equalp(t, p, x, y))
            return false;
    }
    return true;
}

static bool structures_equalp(Pending *p, Obj a, Obj b) {
    if (!eq(obj_slots(a)[STRUCTURE_LAYOUT], obj_slots(b)[STRUCTURE_LAYOUT])) return false;
    for (uint64_t i = STRUCTURE_FIELDS; i < obj_length(a); i++) pending_push(p, obj_slots(a)[i], obj_slots(b)[i]);
    return true;
}

static bool atoms_equalp(Thread *t, Pending *p, Obj a, Obj b) {
    if (eq(a, b)) return true;
    if (is_number(a)) return is_number(b) && number_equal(t, a, b);
    if (is_char(a)) return is_char(b) && chars_equalp(a, b);
    if (!is_obj(a) || !is_obj(b)) return false;
    if (is_array(a)) return is_array(b) && arrays_equalp(t, p, a, b);
    Type type = obj_type(a);
    if (type != obj_type(b)) return false;
    if (type == TYPE_STRUCTURE) return structures_equalp(p, a, b);
    return atoms_equal(t, p, a, b);
}

bool objects_equalp(Thread *t, Obj a, Obj b) { return eq(a, b) || trees_equal(t, a, b, atoms_equalp); }

/* -- Leaves -- */

BUILTIN(eq, "EQ", 2, 2, "x y", "Whether the arguments are the same object.") { return obj_of_bool(eq(args[0], args[1])); }

BUILTIN(eql, "EQL", 2, 2, "x y", "Whether the arguments are the same object, or numbers of the same type and value, or the same character.") {
    return obj_of_bool(number_eql(args[0], args[1]));
}

BUILTIN(equal, "EQUAL", 2, 2, "x y", "Whether the arguments are EQL, or conses, strings, bit-vectors or pathnames with EQUAL parts.") {
    return obj_of_bool(objects_equal(t, args[0], args[1]));
}

BUILTIN(equalp, "EQUALP", 2, 2, "x y",
        "Whether the arguments are EQUAL, or = as numbers, or CHAR-EQUAL, or arrays, structures or hash tables with EQUALP parts.") {
    return obj_of_bool(objects_equalp(t, args[0], args[1]));
}
