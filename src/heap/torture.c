/* torture.c: how to give bugs a chance, in any build: WINDFALL_TORTURE=gc,verify,move,tiny,swap,swap-library,alloc:N */
#include "heap/space.h"

#include <stdlib.h>

enum { TINY = 16 * 1024, VERIFY_ALL_EVERY = 256 };

/* A header of no type: whoever takes it for an object dies; as a reference it leads nowhere. */
#define POISON UINT64_C(0xDEADF1EEDEADFFFF)

unsigned heap_torture(const Heap *h) { return h->torture; }

void heap_set_torture(Heap *h, unsigned flags) {
    h->torture = flags;
    if (flags & TORTURE_TINY) heap_configure(h, TINY, (size_t)2 * TINY, (size_t)4 * TINY);
    if (flags & TORTURE_GC) heap_raise(h->thread, EVENT_COLLECT);
}

void torture_poison(Heap *h, uintptr_t from, uintptr_t to) {
    (void)h;
    for (uint64_t *p = (uint64_t *)from; p < (uint64_t *)to; p++) *p = POISON;
}

void torture_verify(Heap *h, int generation) {
    bool all = generation == FULL || !(h->torture & TORTURE_GC) || h->statistics.count[generation] % VERIFY_ALL_EVERY == 0;
    verify_above(h, all || h->from > h->base[0] ? (uintptr_t)h->start : h->from);
}

/* Does the list `text` begin with `word`? */
static bool begins_with(const char *text, const char *word, const char **rest) {
    size_t n = strlen(word);
    if (strncmp(text, word, n) != 0) return false;
    *rest = text + n;
    return true;
}

void torture_read_environment(Heap *h) {
    const char *p = getenv("WINDFALL_TORTURE");
    unsigned flags = 0;
    while (p && *p) {
        if (begins_with(p, "gc", &p)) flags |= TORTURE_GC;
        else if (begins_with(p, "verify", &p)) flags |= TORTURE_VERIFY;
        else if (begins_with(p, "move", &p)) flags |= TORTURE_MOVE;
        else if (begins_with(p, "tiny", &p)) flags |= TORTURE_TINY;
        else if (begins_with(p, "swap-library", &p)) flags |= TORTURE_LIBRARY;
        else if (begins_with(p, "swap", &p)) flags |= TORTURE_SWAP;
        else if (begins_with(p, "alloc:", &p)) heap_fail_allocation(h, strtoull(p, NULL, 10));
        p += strcspn(p, ",");
        p += *p == ',';
    }
    if (flags) heap_set_torture(h, flags);
}
