/* words.c: a stack of words that grows by pages.

   The collector's work lists live in these: they must grow while the Lisp heap is full, so they are apart from it and from malloc, they
   move by remapping (no copy, no double residence), and a refusal is an answer, not a death. */
#include "base/base.h"

#include <sys/mman.h>

enum { FIRST_WORDS = 8192 };

bool words_grow(WordStack *s) {
    size_t capacity = s->capacity ? 2 * s->capacity : FIRST_WORDS;
    if (s->most && capacity > s->most) return false;
    void *at = s->capacity ? mremap(s->items, s->capacity * 8, capacity * 8, MREMAP_MAYMOVE)
                           : mmap(NULL, capacity * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return false;
    s->items = at;
    s->capacity = capacity;
    return true;
}

void words_release(WordStack *s) {
    if (s->capacity) pages_release(s->items, s->capacity * 8);
    s->items = NULL;
    s->count = s->capacity = 0;
}
