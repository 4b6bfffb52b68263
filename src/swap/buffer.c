/* buffer.c: the swapping buffer: who is in it, and who has to go.

   The buffer is runs of granules end to end, each behind a header that says whose it is and how long; free runs are nobody's.  An array needs one hole
   of contiguous granules.  The best hole is the one whose youngest array was used longest ago (the rule of the Interlisp-10 swapper, over
   granules instead of pages), so what is found is least recently used over contiguous runs.  The search starts behind the array that was
   fetched last and, when it has found a hole, gives up improving it after LOOKS runs: then it is that rule over a window which goes round.
   A run that is younger than the best hole so far cannot be part of a better one, so the search goes on behind it: it is linear.

   Time is the number of fetches: uses between two fetches are equally long ago.

   The address range is fixed and below the dynamic area.  So every store of a reference into an array passes the write barrier, which notes the page. */
#include "swap/inside.h"

#include <errno.h>

enum { LOOKS = 512 };
#define CLOCK_MOST (UINT32_MAX - 2)

static SwapHeader *header_at(char *p) { return (SwapHeader *)(void *)p; }
static char *run_end(char *p) { return p + (size_t)header_at(p)->size * GRANULE; }

static void run_free(char *p, uint32_t size) { *header_at(p) = (SwapHeader){.size = size}; }

/* Makes the buffer one free run. */
static void buffer_clear(Swap *s) {
    s->end = s->buffer + s->pages * SWAP_PAGE;
    s->hand = s->buffer;
    if (s->pages) run_free(s->buffer, (uint32_t)(s->pages * (SWAP_PAGE / GRANULE)));
}

static void buffer_close(Swap *s) {
    if (!s->buffer) return;
    pages_release(s->buffer, s->reserved * SWAP_PAGE);
    pages_release(s->dirty, s->reserved);
    s->buffer = NULL;
}

/* Reserves a range of addresses of so many pages; fewer where that is refused, but room for the buffer as it is to be. */
static bool buffer_reserve(Swap *s, size_t pages) {
    char *at = pages_reserve((void *)SWAP_BASE, pages * SWAP_PAGE);
    s->dirty = at ? pages_reserve(NULL, pages) : NULL;
    if (!s->dirty) {
        s->shadow.error = errno;
        if (at) pages_release(at, pages * SWAP_PAGE);
        return pages / 2 >= s->pages && pages > 1 && buffer_reserve(s, pages / 2);
    }
    s->buffer = at;
    s->reserved = pages;
    buffer_clear(s);
    return true;
}

static bool buffer_open(Swap *s) { return s->buffer || buffer_reserve(s, SWAP_PAGES_MOST); }

/* -- Pins -- */

static uint64_t running_index(const Swap *s) {
    Obj (*running)(Thread *t) = s->thread->world->running_code;
    Obj code = running ? running(s->thread) : NIL;
    return is_handle(code) ? handle_index(code) : 0;
}

static bool is_pinned(const Swap *s, uint32_t owner, uint64_t running) {
    if (owner == running) return true;
    for (size_t i = 0; i < s->pins.count; i++)
        if (s->pins.items[i] == owner) return true;
    return false;
}

/* -- Holes -- */

typedef struct Hole {
    char *at;
    uint32_t size, used; /* used: of its youngest array, 0 if it is free altogether */
} Hole;

/* Joins a free run with the free ones behind it, but not over a place that others know as the beginning of a run. */
static void run_join(Swap *s, char *p, const char *known) {
    for (char *q = run_end(p); q < s->end && !header_at(q)->owner && q != s->hand && q != known; q = run_end(p)) header_at(p)->size += header_at(q)->size;
}

/* Looks for a better hole that begins at *start, which becomes the next place to begin at. */
static void hole_try(Swap *s, char **start, uint32_t size, bool pinned, uint64_t running, Hole *best, unsigned *looks) {
    char *p = *start, *behind_worst = p;
    uint32_t sum = 0, worst = 0;
    while (sum < size) {
        if (p == s->end) {
            *start = s->end;
            return;
        }
        SwapHeader *h = header_at(p);
        if (!h->owner) run_join(s, p, best->at);
        uint32_t used = !h->owner ? 0 : pinned && is_pinned(s, h->owner, running) ? UINT32_MAX : h->used + 1;
        ++*looks;
        if (used >= best->used) {
            *start = run_end(p);
            return;
        }
        sum += h->size;
        p = run_end(p);
        if (used >= worst) {
            worst = used;
            behind_worst = p;
        }
    }
    *best = (Hole){*start, sum, worst};
    *start = behind_worst;
}

static Hole hole_find(Swap *s, uint32_t size, bool pinned) {
    Hole best = {.at = NULL, .used = UINT32_MAX};
    uint64_t running = pinned ? running_index(s) : 0;
    unsigned looks = 0;
    for (char *p = s->hand; p < s->end && best.used && (looks < LOOKS || !best.at);) hole_try(s, &p, size, pinned, running, &best, &looks);
    for (char *p = s->buffer; p < s->hand && best.used && (looks < LOOKS || !best.at);) hole_try(s, &p, size, pinned, running, &best, &looks);
    return best;
}

/* -- Taking -- */

static void clock_rebase(Swap *s) {
    for (char *p = s->buffer; p < s->end; p = run_end(p)) header_at(p)->used = 0;
    s->thread->swap_clock = 0;
}

/* Adds room for `need` granules behind the end; what is in the buffer stays. */
static bool buffer_grow(Swap *s, uint64_t need) {
    size_t pages = (size_t)(need * GRANULE + SWAP_PAGE - 1) / SWAP_PAGE;
    if (s->pages + pages > s->reserved) return false;
    run_free(s->end, (uint32_t)(pages * (SWAP_PAGE / GRANULE)));
    s->hand = s->end;
    s->end += pages * SWAP_PAGE;
    s->pages += pages;
    return true;
}

/* For those who handle a fault it may. */
static bool may_grow(const Swap *s) { return s->reserve || s->torture; }

/* A hole for `need` granules; the buffer grows if it may. */
static SwapFault buffer_hole(Swap *s, uint64_t need, bool pinned, Hole *hole) {
    bool empty = !s->pages;
    if (!buffer_open(s) || (empty && !may_grow(s))) return SWAP_NO_BUFFER;
    if (need <= s->pages * (SWAP_PAGE / GRANULE)) {
        *hole = hole_find(s, (uint32_t)need, pinned);
        if (hole->at) return SWAP_FINE;
    }
    if (!may_grow(s) || !buffer_grow(s, need)) return SWAP_TOO_BIG;
    *hole = hole_find(s, (uint32_t)need, pinned);
    return hole->at ? SWAP_FINE : SWAP_TOO_BIG;
}

/* Evicts what is in the hole. */
static SwapFault hole_clear(Swap *s, const Hole *hole) {
    SwapFault fault = SWAP_FINE;
    for (char *p = hole->at, *next; p < hole->at + (size_t)hole->size * GRANULE && fault == SWAP_FINE; p = next) {
        next = run_end(p);
        if (header_at(p)->owner) fault = entry_evict(s, &s->entries[header_at(p)->owner]);
    }
    return fault;
}

char *buffer_take(Swap *s, uint32_t size, bool pinned, SwapFault *fault) {
    uint64_t need = (uint64_t)size + 1;
    Hole hole = {.at = NULL};
    swap_recall(s->thread);
    *fault = buffer_hole(s, need, pinned, &hole);
    if (*fault == SWAP_FINE) *fault = hole_clear(s, &hole);
    if (*fault == SWAP_FULL && may_grow(s) && buffer_grow(s, need)) {
        hole = (Hole){.at = s->hand, .size = header_at(s->hand)->size};
        *fault = SWAP_FINE;
    }
    if (*fault != SWAP_FINE) return NULL;
    if (s->thread->swap_clock++ >= CLOCK_MOST) clock_rebase(s);
    *header_at(hole.at) = (SwapHeader){.size = (uint32_t)need, .used = s->thread->swap_clock};
    s->hand = run_end(hole.at);
    if (hole.size > need) run_free(s->hand, hole.size - (uint32_t)need);
    if (s->hand == s->end) s->hand = s->buffer;
    return hole.at + sizeof(SwapHeader);
}

void buffer_drop(Swap *s, SwapEntry *e) {
    SwapHeader *h = swap_header(e);
    swap_recall(s->thread);
    e->hits += h->hits;
    e->used = h->used;
    if (s->torture) memset(e->place, 0xDB, (size_t)e->size * GRANULE);
    h->owner = 0;
    e->place = NULL;
}

void buffer_each(Swap *s, void (*visit)(Swap *s, SwapEntry *e, void *data), void *data) {
    if (!s->buffer) return;
    for (char *p = s->buffer, *next; p < s->end; p = next) {
        next = run_end(p);
        if (header_at(p)->owner) visit(s, &s->entries[header_at(p)->owner], data);
    }
}

/* -- Emptying -- */

SwapFault swap_evict_all(Thread *t, bool all) {
    Swap *s = t->world->swap;
    SwapFault fault = SWAP_FINE;
    if (!s || !s->buffer) return SWAP_FINE;
    uint64_t running = running_index(s);
    for (char *p = s->buffer, *next; p < s->end; p = next) {
        next = run_end(p);
        uint32_t owner = header_at(p)->owner;
        if (!owner || (!all && is_pinned(s, owner, running))) continue;
        SwapFault f = entry_evict(s, &s->entries[owner]);
        if (f != SWAP_FINE) fault = f;
    }
    for (char *p = s->buffer; p < s->end; p = run_end(p)) /* so that the next time there is little to walk over */
        if (!header_at(p)->owner) run_join(s, p, NULL);
    return fault;
}

size_t swap_buffer_pages(const Thread *t) { return t->world->swap ? t->world->swap->pages : (size_t)SWAP_PAGES_DEFAULT; }

unsigned swap_set_reserve(Thread *t, bool open) {
    Swap *s = swap_of(t);
    if (open) s->reserve++;
    else if (s->reserve) s->reserve--;
    return s->reserve;
}

SwapFault swap_set_buffer(Thread *t, size_t pages) {
    Swap *s = swap_of(t);
    must(pages <= SWAP_PAGES_MOST);
    SwapFault fault = swap_evict_all(t, true);
    if (fault != SWAP_FINE) return s->pages && pages > s->pages && buffer_grow(s, (pages - s->pages) * (SWAP_PAGE / GRANULE)) ? SWAP_FINE : fault;
    size_t before = s->pages;
    s->pins.count = 0;
    s->pages = pages;
    if (!s->buffer && pages <= SWAP_PAGES_DEFAULT) return SWAP_FINE; /* it is opened when it is needed */
    if (s->buffer && pages <= s->reserved) {
        buffer_clear(s);
        pages_discard(s->end, s->buffer + s->reserved * SWAP_PAGE);
        return SWAP_FINE;
    }
    bool was_open = s->buffer;
    buffer_close(s);
    if (buffer_open(s)) return SWAP_FINE;
    s->pages = before;
    must(!was_open || buffer_open(s));
    return SWAP_FULL;
}
