/* finalize.c: functions called with an object when nothing else reaches it any more.

   A finalizer is an ephemeron: its object is not kept alive by being here, and its function is kept alive by the object; so a function
   that refers to its own object does not keep it for ever.  When marking has come to its end, finalizers with unmarked objects are due:
   object and function are marked (brought back, with all that they reach) and moved to the ready list, which is a root.
   Weak references to an object brought back are kept: it is gone when it is really gone.  SYS::%RUN-FINALIZERS takes from the ready list at a safe
   point.  All finalizers that one collection finds become due together, whatever refers to whatever, latest registered first.

   The first `old` entries are all of tenured objects with tenured functions, and an ephemeral collection passes them over. */
#include "heap/space.h"

#include <stdlib.h>

void finalizer_push(FinalizerTable *table, Obj object, Obj function) {
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        Finalizer *items = realloc(table->items, capacity * sizeof *items);
        if (!items) must_die("no memory for finalizers");
        table->items = items;
        table->capacity = capacity;
    }
    table->items[table->count++] = (Finalizer){object, function};
}

void finalizer_add(Thread *t, Obj object, Obj function) { finalizer_push(&t->heap->finalizers, object, function); }

size_t finalizer_cancel(Heap *h, Obj object, Obj function) {
    FinalizerTable *table = &h->finalizers;
    size_t kept = 0, old = 0;
    for (size_t i = 0; i < table->count; i++) {
        Finalizer f = table->items[i];
        if (eq(f.object, object) && (is_nil(function) || eq(f.function, function))) continue;
        if (i < table->old) old++;
        table->items[kept++] = f;
    }
    size_t gone = table->count - kept;
    table->count = kept;
    table->old = old;
    return gone;
}

Obj finalizer_function(const Heap *h, Obj object) {
    for (size_t i = h->finalizers.count; i-- > 0;)
        if (eq(h->finalizers.items[i].object, object)) return h->finalizers.items[i].function;
    return NIL;
}

bool finalizer_take(Heap *h, Obj *object, Obj *function) {
    if (!h->ready.count) return false;
    Finalizer f = h->ready.items[--h->ready.count];
    *object = f.object;
    *function = f.function;
    return true;
}

/* The finalizers that this collection has to look at begin here. */
static size_t finalizers_first(const Heap *h) { return h->from < h->base[2] ? 0 : h->finalizers.old; }

void finalizers_mark(Heap *h) {
    for (size_t i = 0; i < h->ready.count; i++) {
        mark_reference(h, h->ready.items[i].object);
        mark_reference(h, h->ready.items[i].function);
    }
}

void finalizers_each(Heap *h, WaitVisitor visit) {
    for (size_t i = finalizers_first(h); i < h->finalizers.count; i++) visit(h, h->finalizers.items[i].object, h->finalizers.items[i].function);
}

bool finalizers_find(Heap *h) {
    FinalizerTable *table = &h->finalizers;
    size_t first = finalizers_first(h), kept = first, due = h->ready.count, old = table->old;
    for (size_t i = first; i < table->count; i++) {
        Finalizer f = table->items[i];
        if (is_alive(h, f.object)) {
            table->items[kept++] = f;
            continue;
        }
        finalizer_push(&h->ready, f.object, f.function);
        if (i < old) table->old--;
    }
    table->count = kept;
    for (size_t i = due; i < h->ready.count; i++) {
        mark_reference(h, h->ready.items[i].object);
        mark_reference(h, h->ready.items[i].function);
    }
    if (due == h->ready.count) return false;
    heap_raise(h->thread, EVENT_FINALIZE);
    return true;
}

static void finalizers_forward_from(const Heap *h, FinalizerTable *table, size_t first) {
    for (size_t i = first; i < table->count; i++) {
        table->items[i].object = forward(h, table->items[i].object);
        table->items[i].function = forward(h, table->items[i].function);
    }
}

void finalizers_forward(Heap *h) {
    finalizers_forward_from(h, &h->finalizers, finalizers_first(h));
    finalizers_forward_from(h, &h->ready, 0);
}

static bool is_tenured(const Heap *h, Obj x) { return !refers_into(x, h->base[2], (size_t)((uintptr_t)h->end - h->base[2])); }

/* Extends the part of the table whose entries are all tenured; the younger ones keep their order. */
void finalizers_tenure(Heap *h) {
    FinalizerTable *table = &h->finalizers;
    for (size_t i = table->old; i < table->count; i++) {
        Finalizer f = table->items[i];
        if (!is_tenured(h, f.object) || !is_tenured(h, f.function)) continue;
        memmove(&table->items[table->old + 1], &table->items[table->old], (i - table->old) * sizeof f);
        table->items[table->old++] = f;
    }
}
