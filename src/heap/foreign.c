/* foreign.c: memory outside the heap that an object in it owns: mapped units, buffers of writers.

   An entry is an object, what it owns (an address that only its maker understands), how many bytes that is, and a C function that gives it back.
   The object is not kept alive by being here.  When marking has come to its very end, weak tables and finalizers included, what is still
   unmarked is gone for good: no finalizer that is about to run can reach it.  So it is released there and then, in the collector, and needs no
   Lisp; that is the difference to finalize.c, whose functions see their object once more.

   The bytes count like bytes of the tenured generation in the decision for a full collection, and like allocation in the decision for any: so a
   program that loads and forgets large units in a small heap is collected in time.

   Limit: an ephemeral collection looks at every entry; there are as many as mapped units, thousands at most. */
#include "heap/space.h"

#include <stdlib.h>

void foreign_add(Thread *t, Obj owner, void *data, size_t bytes, ForeignRelease release) {
    Heap *h = t->heap;
    ForeignTable *table = &h->foreign;
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 32;
        Foreign *items = realloc(table->items, capacity * sizeof *items);
        if (!items) must_die("no memory for the table of foreign memory");
        table->items = items;
        table->capacity = capacity;
    }
    table->items[table->count++] = (Foreign){owner, data, bytes, release};
    table->bytes += bytes;
    table->fresh += bytes;
    if (table->fresh >= h->threshold[0]) {
        table->fresh = 0;
        heap_raise(t, EVENT_COLLECT);
    }
}

bool foreign_next(const Heap *h, size_t *i, ForeignRelease release, Obj *owner, void **data) {
    while (*i < h->foreign.count) {
        Foreign f = h->foreign.items[(*i)++];
        if (f.release != release) continue;
        *owner = f.owner;
        *data = f.data;
        return true;
    }
    return false;
}

size_t foreign_bytes(const Heap *h) { return h->foreign.bytes; }

void foreign_release_dead(Heap *h) {
    ForeignTable *table = &h->foreign;
    size_t kept = 0;
    for (size_t i = 0; i < table->count; i++) {
        Foreign f = table->items[i];
        if (is_alive(h, f.owner)) {
            table->items[kept++] = f;
            continue;
        }
        table->bytes -= f.bytes;
        f.release(f.data);
    }
    table->count = kept;
    table->fresh = 0;
}

void foreign_forward(Heap *h) {
    for (size_t i = 0; i < h->foreign.count; i++) h->foreign.items[i].owner = forward(h, h->foreign.items[i].owner);
}
