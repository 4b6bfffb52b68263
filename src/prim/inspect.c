/* inspect.c: leaves that look into the heap, for those who develop: what is in it, who keeps what, whether its laws hold. */
#include "run/run.h"

/* -- What is there, and who keeps it -- */

BUILTIN(census, "%HEAP-CENSUS", 1, 1, "generation",
        "What is in generation 1, 2 or 3 since it was last collected: a list of (type-name count bytes).") {
    Census census;
    Obj list = NIL;
    if (!is_fix(args[0]) || fix_of_obj(args[0]) < 1 || fix_of_obj(args[0]) > 3) signal_index_error(t, args[0], 4);
    heap_census(t->heap, (int)fix_of_obj(args[0]), &census);
    for (int type = 0; type <= TYPE_COUNT; type++) {
        if (!census.count[type]) continue;
        Obj row[] = {alloc_text(t, type == TYPE_COUNT ? "CONS" : shapes[type].name), obj_of_fix((int64_t)census.count[type]),
                     obj_of_fix((int64_t)census.bytes[type])};
        list = alloc_cons(t, alloc_list(t, 3, row), list);
    }
    return list;
}

BUILTIN(why_live, "%WHY-LIVE", 1, 1, "object", "The shortest path from a root to object: (root-name object slot object slot ... object), or NIL.") {
    shed_fetch(t); /* or its exports would be the reason */
    return heap_why_live(t, args[0]);
}

/* -- Torture -- */

BUILTIN(heap_verify, "EXT:VERIFY-HEAP", 0, 0, "", "Checks every law of the heap and dies if one is broken; returns the number of superfluous remembered bits.") {
    return obj_of_fix((int64_t)heap_verify(t->heap));
}
BUILTIN(fail_allocation, "%FAIL-ALLOCATION", 1, 1, "n", "Lets the n-th allocation from now fail with a STORAGE-CONDITION; 0: none.") {
    if (!is_fix(args[0]) || fix_of_obj(args[0]) < 0) signal_index_error(t, args[0], FIX_MAX);
    heap_fail_allocation(t->heap, (uint64_t)fix_of_obj(args[0]));
    return NIL;
}
