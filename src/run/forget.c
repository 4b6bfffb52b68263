/* forget.c: lets go what dispatch caches hold of classes that are gone.

   A cache refers to layouts, a layout to its class, and a class to all that it is made of.  A class that a program has dropped, with
   (SETF FIND-CLASS), UNINTERN or DELETE-PACKAGE, would so live on in the cache of every generic function that has seen an instance of it.  Hence
   before a full collection entries stay only where every key is the current layout of the class that its own name still leads to.  Entries
   of classes that live without a name go too; they come back with the next call.

   SYS::*FUNCALLABLES* lists all funcallable instances by weak pointers, and is cleared of broken ones here.

   forget.tail: the entries of a cache are dense; behind them, up to the vector's end, is NIL, which is the key of nothing. */
#include "run/frame.h"

enum { STRUCTURE_DESCRIPTION_LAYOUT = 1 }; /* element of what DEFSTRUCT keeps (lisp/structures.lisp) */

static bool is_named(Obj name) { return is_symbol(name) && !is_nil(symbol_slots(name)[SYMBOL_PACKAGE]); }

/* Does the layout's name lead to it? */
static bool layout_is_found(Obj layout) {
    if (!has_type(layout, TYPE_LAYOUT)) return false;
    Obj *slots = obj_slots(layout), name = slots[LAYOUT_NAME], class = slots[LAYOUT_CLASS];
    if (is_nil(slots[LAYOUT_VALID]) || !is_named(name)) return false;
    Obj named = symbol_info(name, SYM(CLASS), NIL), structure = symbol_info(name, SYM(STRUCTURE_DESCRIPTION), NIL);
    if (is_nil(named) && has_type(structure, TYPE_SIMPLE_VECTOR)) return eq(obj_slots(structure)[STRUCTURE_DESCRIPTION_LAYOUT], layout);
    return eq(named, class);
}

static void cache_forget(Thread *t, Obj cache) {
    if (!has_type(cache, TYPE_SIMPLE_VECTOR) || obj_length(cache) < 2) return;
    uint64_t length = obj_length(cache), keys = (uint64_t)fix_of_obj(obj_slots(cache)[0]), to = 1;
    for (uint64_t from = 1; from + keys < length && !is_nil(obj_slots(cache)[from]); from += keys + 1) {
        uint64_t found = 0;
        while (found < keys && layout_is_found(obj_slots(cache)[from + found])) found++;
        if (found < keys) continue;
        for (uint64_t i = 0; i <= keys && to < from; i++) set_field(t, cache, to + i, obj_slots(cache)[from + i]);
        to += keys + 1;
    }
    for (; to < length; to++) set_field(t, cache, to, NIL);
}

void caches_forget(Thread *t) {
    Obj list = symbol_slots(SYM(FUNCALLABLES))[SYMBOL_VALUE], last = NIL;
    for (; is_cons(list); list = cdr(list)) {
        Obj funcallable = weak_pointer_value(car(list));
        if (eq(funcallable, BROKEN)) {
            if (is_nil(last)) set_symbol(t, SYM(FUNCALLABLES), SYMBOL_VALUE, cdr(list));
            else set_cdr(t, last, cdr(list));
            continue;
        }
        cache_forget(t, obj_slots(funcallable)[FUNCALLABLE_CACHE]);
        last = list;
    }
}
