/* swap.c: the swapper as Lisp sees it; lisp/swap.lisp has the functions that users call.

   A leaf that stores or reads returns the fault as a fixnum when that fails (lisp/swap.lisp signals it, with restarts) and an array, or NIL, when it is done.  Faults of arrays
   that are used and of code that is called are SYS::%SWAP-FAULT's and its kin's. */
#include "run/run.h"
#include "text/text.h"

static void check_handle(Thread *t, Obj x) {
    if (!is_handle(x)) signal_type_error(t, x, intern_text(t, t->world->package_ext, "SWPARRAY"));
}

static Obj fault_result(SwapFault fault, Obj done) { return fault == SWAP_FINE ? done : obj_of_fix(fault); }

/* -- Code -- */

static Obj change_all(Thread *t, Obj list, bool others, SwapFault (*change)(Thread *t, Obj f)) {
    SwapFault fault = SWAP_FINE;
    for (; is_cons(list) && fault == SWAP_FINE; list = cdr(list)) fault = change(t, car(list));
    if (others) functions_recode(t);
    else functions_leave(t);
    return fault_result(fault, NIL);
}

/* Both with what was shaken off fetched before: its patches look for the constants of functions where they were. */
BUILTIN(swap_code, "%SWAP-CODE", 2, 2, "functions others",
        "Swaps the code of the functions; of all other functions over the same code too, at the next safe point, unless OTHERS is NIL.") {
    shed_fetch(t);
    return change_all(t, args[0], !is_nil(args[1]), function_swap);
}
BUILTIN(unswap_code, "%UNSWAP-CODE", 2, 2, "functions others", "The inverse of %SWAP-CODE.") {
    shed_fetch(t);
    return change_all(t, args[0], !is_nil(args[1]), function_unswap);
}

BUILTIN(code_handle, "%CODE-HANDLE", 1, 1, "object", "The handle of a function's code, or NIL if it is no function or its code is not swapped.") {
    return function_is_swapped(t, args[0]) ? code_word(t, args[0]) : NIL;
}

BUILTIN(code_words, "%CODE-WORDS", 1, 1, "object", "The number of instructions of a function; NIL of anything without code of its own.") {
    if (!has_type(args[0], TYPE_FUNCTION) || is_builtin(obj_slots(args[0])[FUNCTION_CODE])) return NIL;
    Obj code = code_word(t, args[0]);
    return obj_of_fix(is_handle(code) ? 2 * (int64_t)(swap_entry(t, code)->size - swap_entry(t, code)->boxed) : (int64_t)obj_length(code));
}

BUILTIN(function_has_run, "%FUNCTION-HAS-RUN", 1, 1, "function", "Whether the function was seen running at a collection since this was asked last.") {
    if (!has_type(args[0], TYPE_FUNCTION)) return NIL;
    unsigned flags = obj_flags(args[0]);
    if (flags & FUNCTION_HAS_RUN) obj_set_flags(args[0], flags & ~(unsigned)FUNCTION_HAS_RUN);
    return obj_of_bool(flags & FUNCTION_HAS_RUN);
}

/* -- Data -- */

BUILTIN(swap_array, "%SWAP-ARRAY", 1, 1, "array", "A handle of a copy of an array or hash table.") {
    SwapFault fault;
    const char *problem = compound_problem(args[0]);
    if (problem) signal_format(t, SYM(SIMPLE_ERROR), "~S cannot be swapped: ~A.", 2, args[0], alloc_text(t, problem));
    Obj handle = compound_store(t, args[0], &fault);
    return fault_result(fault, handle);
}

BUILTIN(unswap_array, "%UNSWAP-ARRAY", 1, 1, "handle", "A resident copy of a swapped array.") {
    SwapFault fault;
    check_handle(t, args[0]);
    Obj copy = compound_duplicate(t, args[0], &fault);
    return fault_result(fault, copy);
}

BUILTIN(swparrayp, "EXT:SWPARRAYP", 1, 1, "object", "The object if it is a swapped array, else NIL.  (INTERLISP-10: SWPARRAYP.)") {
    return is_handle(args[0]) ? args[0] : NIL;
}

/* -- The buffer -- */

BUILTIN(buffer_pages, "%BUFFER-PAGES", 0, 0, "", "Pages of the swapping buffer.") { return obj_of_fix((int64_t)swap_buffer_pages(t)); }

BUILTIN(set_buffer_pages, "%SET-BUFFER-PAGES", 1, 1, "pages", "Makes the swapping buffer so large; everything in it is evicted.") {
    if (!is_fix(args[0]) || fix_of_obj(args[0]) < 0 || fix_of_obj(args[0]) > SWAP_PAGES_MOST) signal_index_error(t, args[0], (uint64_t)SWAP_PAGES_MOST + 1);
    return fault_result(buffer_resize(t, (size_t)fix_of_obj(args[0])), NIL);
}

BUILTIN(swap_reserve, "%SWAP-RESERVE", 1, 1, "open", "Has the buffer grow instead of being too small, until it is closed again; returns how many have opened it.") {
    return obj_of_fix(swap_set_reserve(t, !is_nil(args[0])));
}

BUILTIN(swap_evict, "%SWAP-EVICT", 0, 0, "", "Evicts everything but the running code.") { return fault_result(swap_evict_all(t, false), NIL); }

BUILTIN(swap_torture, "%SWAP-TORTURE", 1, 1, "flag", "Has everything evicted at every safe point, or not.") {
    swap_set_torture(t, !is_nil(args[0]));
    event_raise(t, EVENT_SWAP);
    return NIL;
}

BUILTIN(swap_torture_p, "%SWAP-TORTURE-P", 0, 0, "", "Whether WINDFALL_TORTURE asks for swapping: :ALL, :LIBRARY or NIL.") {
    unsigned flags = heap_torture(t->heap);
    if (!(flags & (TORTURE_SWAP | TORTURE_LIBRARY))) return NIL;
    return intern_text(t, t->world->package_keyword, flags & TORTURE_SWAP ? "ALL" : "LIBRARY");
}

/* -- Compression -- */

BUILTIN(shadow_compression, "%SHADOW-COMPRESSION", 0, 0, "", "The level of zstd at which arrays are compressed when they are stored; 0: not at all.") { return obj_of_fix(swap_compression(t)); }

BUILTIN(set_shadow_compression, "%SET-SHADOW-COMPRESSION", 1, 1, "level", "Sets it; -1 is the usual one.  NIL if the library that compresses cannot be opened.") {
    return obj_of_bool(swap_set_compression(t, (int)fix_of_obj(args[0])));
}

/* -- Figures -- */

static Obj list_of_figures(Thread *t, const uint64_t *figures, uint32_t n) {
    Obj list = NIL;
    while (n-- > 0) list = alloc_cons(t, obj_of_fix((int64_t)figures[n]), list);
    return list;
}

BUILTIN(swap_totals, "%SWAP-TOTALS", 0, 0, "",
        "Arrays, their bytes, bytes stored, of the file, free in it, of handles, in the buffer, of the buffer; hits, fetches, evictions, bytes written, nanoseconds, arrays freed, arrays compressed.") {
    SwapStatistics s = swap_statistics(t);
    const uint64_t figures[] = {s.arrays, s.bytes, s.stored, s.file, s.garbage, s.resident, s.in_buffer, s.buffer, s.hits, s.fetches, s.evictions, s.written, s.nanoseconds, s.freed, s.packed};
    return list_of_figures(t, figures, COUNT_OF(figures));
}

static Obj name_of_code(Thread *t, Obj handle) {
    Obj constants = swap_look(t, handle), debug = constants_debug(constants);
    return is_nil(debug) ? NIL : obj_slots(debug)[DEBUG_NAME];
}

BUILTIN(swap_figures, "%SWAP-FIGURES", 1, 1, "handle", "Bytes of the array, bytes stored, hits, fetches, nanoseconds spent in them, and 1 if it is in the buffer, else 0.") {
    check_handle(t, args[0]);
    const SwapEntry *e = swap_entry(t, args[0]);
    const uint64_t figures[] = {(uint64_t)e->size * 16, (uint64_t)e->stored * 16, swap_hits(e), e->fetches, (uint64_t)e->time * 64, e->place != NULL};
    return list_of_figures(t, figures, COUNT_OF(figures));
}

BUILTIN(swap_name, "%SWAP-NAME", 1, 1, "handle", "The name of the function whose code the array is, or the handle.") {
    check_handle(t, args[0]);
    return handle_type(args[0]) == TYPE_CODE ? name_of_code(t, args[0]) : args[0];
}

BUILTIN(count_swap_hits, "EXT:COUNT-SWAP-HITS", 0, 1, "&optional (each t)",
        "Has each call of swapped code counted as a hit, for which calls and returns of swapped code are slower, or no longer.  Returns whether it was so.") {
    return obj_of_bool(swap_count_hits(t, !is_nil(ARG(0, T_))));
}

BUILTIN(swap_next, "%SWAP-NEXT", 1, 1, "handle", "The next swapped array, from NIL on; NIL: there is none.") { return swap_next(t, args[0]); }

BUILTIN(swap_system_error, "%SWAP-SYSTEM-ERROR", 0, 0, "", "What the system said to the last fault: its number, or 0.") { return obj_of_fix(swap_system_error(t)); }
