/* handle.c: the table of handles, and figures.

   The table is one reservation of address space, so an entry never moves; indices of arrays that have died are used again.  A full collection has then made
   sure that no word of the old handle is left.

   Limit: 16 million handles; fewer where so large a range of addresses is refused. */
#include "swap/inside.h"

#include <stdlib.h>

enum { ENTRIES_MOST = 1 << 24, ENTRIES_LEAST = 1 << 16, DUE_LEAST = 4 << 20 };

Swap *swap_of(Thread *t) {
    Swap *s = t->world->swap;
    if (s) return s;
    s = calloc(1, sizeof *s);
    must(s);
    s->thread = t;
    for (s->most = 2 * (uint64_t)ENTRIES_MOST; !s->entries && s->most > ENTRIES_LEAST;) s->entries = pages_reserve(NULL, (s->most /= 2) * sizeof(SwapEntry));
    if (!s->entries) must_die("no room for the table of swap handles");
    s->shadow.fd = s->shadow.image_fd = s->shadow.parent_fd = -1;
    s->pages = SWAP_PAGES_DEFAULT;
    s->due = DUE_LEAST;
    t->world->swap = s;
    t->swap_entries = s->entries;
    trace_install(s);
    return s;
}

uint64_t handle_take(Swap *s) {
    if (s->unused.count) return s->unused.items[--s->unused.count];
    return s->count + 1 < s->most ? ++s->count : 0;
}

void handle_release(Swap *s, SwapEntry *e) {
    free(e->links);
    *e = (SwapEntry){0};
    if (!words_push(&s->unused, swap_index(s, e))) must_die("no memory for the table of swap handles");
}

void handles_trim(Swap *s) {
    uint64_t last = s->count, live = 0;
    while (last && !s->entries[last].size) last--;
    pages_discard(&s->entries[last + 1], &s->entries[s->count + 1]);
    s->count = last;
    words_release(&s->unused);
    for (uint64_t i = last; i > 0; i--) {
        live += sizeof(SwapEntry) + (uint64_t)s->entries[i].stored * GRANULE;
        if (!s->entries[i].size && !words_push(&s->unused, i)) must_die("no memory for the table of swap handles");
    }
    s->stored = 0;
    s->due = live < DUE_LEAST ? DUE_LEAST : live;
}

void handle_reckon(Swap *s, const SwapEntry *e) {
    s->stored += sizeof(SwapEntry) + (uint64_t)e->stored * GRANULE;
    if (s->stored >= s->due) heap_request(s->thread, 3);
}

bool swap_is_valid(const Thread *t, Obj handle) {
    const Swap *s = t->world->swap;
    return s && handle_index(handle) && handle_index(handle) <= s->count && s->entries[handle_index(handle)].size &&
           s->entries[handle_index(handle)].type == handle_type(handle);
}

Obj swap_next(Thread *t, Obj handle) {
    const Swap *s = t->world->swap;
    for (uint64_t i = is_nil(handle) ? 1 : handle_index(handle) + 1; s && i <= s->count; i++)
        if (s->entries[i].size) return entry_handle(s, &s->entries[i]);
    return NIL;
}

uint64_t swap_hits(const SwapEntry *e) { return e->hits + (e->place ? (uint64_t)swap_header(e)->hits : 0); }

static void add_in_buffer(Swap *s, SwapEntry *e, void *data) {
    SwapStatistics *st = data;
    (void)s;
    st->in_buffer += (uint64_t)e->size * GRANULE;
}

SwapStatistics swap_statistics(Thread *t) {
    Swap *s = swap_of(t);
    SwapStatistics st = {.fetches = s->fetches, .evictions = s->evictions, .written = s->written, .nanoseconds = s->nanoseconds, .freed = s->freed, .hits = s->hits};
    for (uint64_t i = 1; i <= s->count; i++) {
        const SwapEntry *e = &s->entries[i];
        if (!e->size) continue;
        st.arrays++;
        st.bytes += (uint64_t)e->size * GRANULE;
        st.stored += (uint64_t)e->stored * GRANULE;
        st.packed += (e->flags & SWAP_PACKED) != 0;
        st.hits += swap_hits(e);
        if (e->links) st.resident += sizeof(SwapLinks) + e->links->count * sizeof(SwapLink);
    }
    st.resident += s->count * sizeof(SwapEntry);
    st.file = s->shadow.fd >= 0 ? s->shadow.end * GRANULE : 0;
    st.garbage = s->shadow.garbage * GRANULE;
    st.buffer = (uint64_t)s->pages * SWAP_PAGE;
    buffer_each(s, add_in_buffer, &st);
    return st;
}
