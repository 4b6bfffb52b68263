/* purify.c: pure space as Lisp sees it (extensions; PURIFY and IMPURIFY are Clozure CL's names).

   Things move at safe points only, so these leaves ask for the work, and the loop does it as they return; lisp/purify.lisp waits for it and asks for
   the outcome. */
#include "image/purify.h"
#include "run/run.h"

static void work_purify(Thread *t) { t->world->pure_failed = !purify(t); }
static void work_impurify(Thread *t) { t->world->pure_failed = !impurify(t); }
static void work_survey(Thread *t) { t->world->pure_failed = !pure_garbage(t, &t->world->pure_garbage); }

BUILTIN(purify, "%PURIFY", 0, 0, "", "Asks for purifying at the next safe point.") {
    heap_request_work(t, work_purify);
    return NIL;
}
BUILTIN(impurify, "%IMPURIFY", 0, 0, "", "Asks for impurifying at the next safe point.") {
    heap_request_work(t, work_impurify);
    return NIL;
}
BUILTIN(survey, "%PURE-SURVEY", 0, 0, "", "Asks for a survey of the pure area at the next safe point.") {
    heap_request_work(t, work_survey);
    return NIL;
}
BUILTIN(work_waits, "%PURE-WORK-WAITS-P", 0, 0, "", "Whether the work that was asked for is still to be done; STORAGE-CONDITION if it could not be done for lack of room.") {
    if (heap_work_waits(t->heap)) return T_;
    if (t->world->pure_failed) {
        t->world->pure_failed = false;
        signal_condition(t, SYM(HEAP_EXHAUSTED), 0);
    }
    return NIL;
}
BUILTIN(survey_result, "%PURE-SURVEY-RESULT", 0, 0, "", "The bytes of the pure area that nothing referred to at the last survey.") {
    return obj_of_fix((int64_t)t->world->pure_garbage);
}
BUILTIN(pure_size, "EXT:PURE-BYTES", 0, 0, "", "Bytes in use in pure space.") { return obj_of_fix((int64_t)pure_bytes(t->heap)); }
BUILTIN(pure_p, "EXT:PURE-P", 1, 1, "object", "Whether object lies in pure space; of a function, whether its code does.") {
    Obj x = args[0];
    if (is_function(x)) x = obj_slots(x)[FUNCTION_CODE];
    return obj_of_bool(is_obj(x) && pure_contains(t->heap, obj_words(x)));
}
BUILTIN(pure_census, "%PURE-CENSUS", 0, 0, "", "What is in pure space: a list of (type-name count bytes).") {
    Census census;
    Obj list = NIL;
    pure_census(t->heap, &census);
    for (int type = 0; type < TYPE_COUNT; type++) {
        if (!census.count[type]) continue;
        Obj row[] = {alloc_text(t, shapes[type].name), obj_of_fix((int64_t)census.count[type]), obj_of_fix((int64_t)census.bytes[type])};
        list = alloc_cons(t, alloc_list(t, 3, row), list);
    }
    return list;
}
