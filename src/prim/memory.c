/* memory.c: the collector as Lisp sees it (extensions; the names are Clozure CL's).

   A collection cannot happen in a leaf: GC asks for one, and the loop makes it as the leaf returns, before GC's caller goes on. */
#include "run/run.h"

enum { KILOBYTE = 1024 };

BUILTIN(gc, "EXT:GC", 0, 1, "&optional (generation 3)",
        "Collects garbage: fully, or only generations 0 to `generation` if that is 0, 1 or 2.  Returns NIL.") {
    Obj g = ARG(0, obj_of_fix(3));
    if (is_nil(g) || eq(g, T_)) g = obj_of_fix(3);
    if (!is_fix(g) || fix_of_obj(g) < 0 || fix_of_obj(g) > 3) signal_index_error(t, g, 4);
    heap_request(t, (int)fix_of_obj(g));
    return NIL;
}

/* -- The ephemeral collector -- */

BUILTIN(egc, "EXT:EGC", 1, 1, "flag", "Enables the ephemeral collector if flag is true, disables it if NIL; returns whether it was enabled.") {
    bool was = heap_egc(t->heap);
    heap_set_egc(t->heap, !is_nil(args[0]));
    return obj_of_bool(was);
}

BUILTIN(egc_enabled_p, "EXT:EGC-ENABLED-P", 0, 0, "", "Whether the ephemeral collector is enabled.") { return obj_of_bool(heap_egc(t->heap)); }
BUILTIN(egc_active_p, "EXT:EGC-ACTIVE-P", 0, 0, "",
        "Whether ephemeral collections happen: here, whenever the ephemeral collector is enabled, however full the heap is.") {
    return obj_of_bool(heap_egc(t->heap));
}

BUILTIN(configure_egc, "EXT:CONFIGURE-EGC", 3, 3, "generation-0-size generation-1-size generation-2-size",
        "Sets the sizes, in kilobytes and cumulative, at which the three young generations are collected; they must not decrease.") {
    size_t bytes[3];
    for (uint32_t i = 0; i < 3; i++) {
        if (!is_fix(args[i]) || fix_of_obj(args[i]) < 1 || fix_of_obj(args[i]) > (int64_t)(heap_limit(t->heap) / KILOBYTE))
            signal_index_error(t, args[i], heap_limit(t->heap) / KILOBYTE);
        bytes[i] = (size_t)fix_of_obj(args[i]) * KILOBYTE;
        if (i && bytes[i] < bytes[i - 1])
            signal_format(t, SYM(SIMPLE_ERROR), "Sizes of generations must not decrease: ~D, ~D, ~D.", 3, args[0], args[1], args[2]);
    }
    heap_configure(t->heap, bytes[0], bytes[1], bytes[2]);
    return NIL;
}

BUILTIN(egc_configuration, "EXT:EGC-CONFIGURATION", 0, 0, "",
        "The sizes in kilobytes, cumulative, at which generations 0, 1 and 2 are collected: three values.") {
    Obj kilobytes[3];
    for (int i = 0; i < 3; i++) kilobytes[i] = obj_of_fix((int64_t)(heap_threshold(t->heap, i) / KILOBYTE));
    return values_3(t, kilobytes[0], kilobytes[1], kilobytes[2]);
}

/* -- Figures -- */

/* Total, full, g2, g1, g0: five values. */
static Obj values_by_generation(Thread *t, const uint64_t *figures) {
    uint64_t total = 0;
    for (int i = 0; i < 4; i++) {
        total += figures[i];
        t->values[4 - i] = obj_of_fix((int64_t)figures[i]);
    }
    t->value_count = 5;
    return obj_of_fix((int64_t)total);
}

BUILTIN(gccounts, "EXT:GCCOUNTS", 0, 0, "", "Numbers of collections so far: all, full, of generation 2, of 1, of 0: five values.") {
    return values_by_generation(t, heap_statistics(t->heap)->count);
}
BUILTIN(gc_nanoseconds, "%GC-NANOSECONDS", 0, 0, "", "Time spent in collections, in nanoseconds: all, full, of generation 2, of 1, of 0: five values.") {
    return values_by_generation(t, heap_statistics(t->heap)->nanoseconds);
}
BUILTIN(gc_longest, "%GC-LONGEST", 0, 0, "", "Longest collections in nanoseconds: their sum (of no use), full, of generation 2, of 1, of 0: five values.") {
    return values_by_generation(t, heap_statistics(t->heap)->longest);
}
BUILTIN(bytes_allocated, "EXT:TOTAL-BYTES-ALLOCATED", 0, 0, "", "Bytes allocated since the program began.") {
    return obj_of_fix((int64_t)heap_allocated(t));
}
BUILTIN(heap_size, "EXT:HEAP-LIMIT", 0, 0, "", "The greatest size of the heap in bytes, as --heap-limit or the machine set it.") {
    return obj_of_fix((int64_t)heap_limit(t->heap));
}
BUILTIN(generation_bytes, "%GENERATION-BYTES", 1, 1, "generation", "Bytes in use in generation 0, 1, 2 or 3 (tenured).") {
    if (!is_fix(args[0]) || fix_of_obj(args[0]) < 0 || fix_of_obj(args[0]) > 3) signal_index_error(t, args[0], 4);
    return obj_of_fix((int64_t)heap_generation_bytes(t->heap, (int)fix_of_obj(args[0])));
}

BUILTIN(gc_verbose, "EXT:GC-VERBOSE", 1, 2, "full &optional (ephemeral full)", "Whether full and ephemeral collections are reported on standard error.") {
    heap_set_verbose(t->heap, !is_nil(ARG(1, args[0])), !is_nil(args[0]));
    return NIL;
}
BUILTIN(gc_verbose_p, "EXT:GC-VERBOSE-P", 0, 0, "", "Whether full and whether ephemeral collections are reported: two values.") {
    return values_2(t, obj_of_bool(heap_verbose(t->heap, true)), obj_of_bool(heap_verbose(t->heap, false)));
}

BUILTIN(gc_threshold, "EXT:LISP-HEAP-GC-THRESHOLD", 0, 0, "", "The least growth of the tenured generation, in bytes, between two full collections.") {
    return obj_of_fix((int64_t)heap_growth_least(t->heap));
}
BUILTIN(set_gc_threshold, "EXT:SET-LISP-HEAP-GC-THRESHOLD", 1, 1, "bytes", "Sets what LISP-HEAP-GC-THRESHOLD returns.") {
    if (!is_fix(args[0]) || fix_of_obj(args[0]) < 0) signal_index_error(t, args[0], heap_limit(t->heap));
    heap_set_growth_least(t->heap, (size_t)fix_of_obj(args[0]));
    return args[0];
}
BUILTIN(use_gc_threshold, "EXT:USE-LISP-HEAP-GC-THRESHOLD", 0, 0, "", "Makes the next full collection due when the tenured generation has grown by the threshold.") {
    heap_use_growth_least(t->heap);
    return NIL;
}

/* -- Weak pointers, finalizers -- */

static void need_weak_pointer(Thread *t, Obj x) {
    if (!has_type(x, TYPE_WEAK_POINTER)) signal_type_error(t, x, SYM(WEAK_POINTER));
}

BUILTIN(make_weak_pointer, "EXT:MAKE-WEAK-POINTER", 1, 1, "object", "A pointer to object that does not keep it.") { return weak_pointer_make(t, args[0]); }
BUILTIN(weak_pointer_p, "EXT:WEAK-POINTER-P", 1, 1, "object", "Whether object is a weak pointer.") { return obj_of_bool(has_type(args[0], TYPE_WEAK_POINTER)); }
BUILTIN(weak_pointer_value, "EXT:WEAK-POINTER-VALUE", 1, 1, "weak-pointer", "The object and T, or NIL and NIL when it is gone: two values.") {
    need_weak_pointer(t, args[0]);
    Obj x = weak_pointer_value(args[0]);
    return eq(x, BROKEN) ? values_2(t, NIL, NIL) : values_2(t, x, T_);
}

BUILTIN(add_finalizer, "%ADD-FINALIZER", 2, 2, "object function", "Calls function with object when nothing else reaches it.") {
    finalizer_add(t, args[0], args[1]);
    return args[0];
}
BUILTIN(cancel_finalizer, "%CANCEL-FINALIZER", 1, 2, "object &optional function", "Forgets the object's finalizers, or only those with function; returns how many.") {
    return obj_of_fix((int64_t)finalizer_cancel(t->heap, args[0], ARG(1, NIL)));
}
BUILTIN(finalizer_function, "%FINALIZER-FUNCTION", 1, 1, "object", "The function of the object's latest finalizer, or NIL.") {
    return finalizer_function(t->heap, args[0]);
}
BUILTIN(take_finalizer, "%TAKE-FINALIZER", 0, 0, "", "A function that is due, its object and T, or NIL, NIL and NIL.") {
    Obj object, function;
    if (!finalizer_take(t->heap, &object, &function)) return values_3(t, NIL, NIL, NIL);
    return values_3(t, function, object, T_);
}
