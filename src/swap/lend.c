/* lend.c: functions that hold places in the buffer for a while.

   The code word and the constants of a function whose code is swapped are both the handle.  If every call and every return went by way of its entry, swapped code would be a
   third slower where there is little but calls.  So a function that has been entered is *lent* the places: its two words are the code and the constants where they lie
   in the buffer, as if it were resident, and the next calls and returns do not know the difference.

   All loans are recalled together, and the words are the handle again: before an array leaves its place, before anybody looks at all objects (a collection, an image),
   and whenever time goes on.  Time is counted in fetches (buffer.c): of all uses between two of them only the first one matters to what is least recently used, and the first one is
   not lent yet.  So replacement is as exact as if every call were seen, and a recall costs no more than the first uses before it did.

   A *hit* is therefore all that a function does between two recalls.  Who wants to know of every call has them counted, and nothing is lent meanwhile.

   Words that were lent need no write barrier: the collector never meets them (swap.lent).  Who reads a function's code word asks for it by `code_word` (run/run.h). */
#include "swap/inside.h"

enum { LOANS_MOST = 4096 };

static void lend(Swap *s, const SwapEntry *e, Obj *words) {
    if (s->loans.count == LOANS_MOST) swap_recall(s->thread);
    if (!words_push(&s->loans, (uintptr_t)words)) return;
    words[0] = swap_raw_object(e); /* NOBARRIER: swap.lent */
    words[1] = swap_object(e);
}

void swap_lend(Thread *t, const SwapEntry *e, Obj *words) {
    Swap *s = t->world->swap;
    if (!s->counting) lend(s, e, words);
}

void swap_lend_used(Thread *t, Obj *words) {
    const SwapEntry *e = swap_entry(t, words[0]);
    if (e->place && swap_header(e)->used == t->swap_clock) swap_lend(t, e, words);
}

void swap_recall(Thread *t) {
    Swap *s = t->world->swap;
    while (s && s->loans.count) {
        Obj *words = (Obj *)s->loans.items[--s->loans.count];
        words[0] = words[1] = swap_handle_of(t, words[1]);
    }
}

bool swap_count_hits(Thread *t, bool each) {
    Swap *s = swap_of(t);
    bool before = s->counting;
    swap_recall(t);
    s->counting = each;
    return before;
}
