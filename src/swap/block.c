/* block.c: a block in its two forms.

   In the buffer its objects are as anywhere in memory.  In shadow space it is *stowed*: a reference to another object of the same block is its distance
   from the block's start with the sign bit set (no other reference has it), and where there was a reference to a young object there is fixnum 0,
   while the reference itself is a link.  So what is stored does not change when young objects move, and has the same checksum as long as
   the program does not change the array. */
#include "swap/inside.h"

#include <errno.h>
#include <stdlib.h>

#define RELATIVE (UINT64_C(1) << 63)

bool block_reserve(Swap *s, size_t bytes) {
    if (s->scratch_bytes >= bytes) return true;
    char *p = realloc(s->scratch, bytes);
    if (!p) {
        s->shadow.error = errno;
        return false;
    }
    s->scratch = p;
    s->scratch_bytes = bytes;
    return true;
}

char *block_scratch(Swap *s, size_t bytes) {
    must(bytes <= s->scratch_bytes);
    return s->scratch;
}

void block_slots(char *p, uint32_t granules, RootVisitor visit, void *data, const char *name) {
    char *end = p + (size_t)granules * GRANULE;
    while (p < end) {
        Obj *words = (Obj *)(void *)p;
        if (is_header(words[0])) {
            visit(data, words + 1, header_length(words[0]), name);
            p += header_bytes(words[0]);
        } else {
            visit(data, words, 2, name);
            p += GRANULE;
        }
    }
}

void entry_note_young(Swap *s, SwapEntry *e) {
    if (e->flags & SWAP_YOUNG) return;
    e->flags |= SWAP_YOUNG;
    if (!words_push(&s->young, swap_index(s, e))) must_die("no memory for the list of swapped arrays");
}

bool block_stow(Swap *s, SwapEntry *e, char *p, const char *place) {
    Obj *words = (Obj *)(void *)p;
    size_t count = (size_t)e->boxed * 2, young = 0;
    uintptr_t from = (uintptr_t)place, span = (uintptr_t)e->size * GRANULE;
    for (size_t i = 0; i < count; i++) {
        if (!is_ref(words[i])) continue;
        if (words[i].w - from < span) words[i].w = (words[i].w - from) | RELATIVE;
        else young += heap_is_young(s->thread->heap, words[i]);
    }
    if (!young) return true;
    must(!e->links);
    e->links = malloc(sizeof(SwapLinks) + young * sizeof(SwapLink));
    if (!e->links) {
        block_settle(e, p, place);
        return false;
    }
    e->links->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!heap_is_young(s->thread->heap, words[i])) continue;
        e->links->items[e->links->count++] = (SwapLink){i, words[i]};
        words[i] = obj_of_fix(0);
    }
    return true;
}

void block_move(const SwapEntry *e, char *p, const char *from, const char *to) {
    uintptr_t start = (uintptr_t)from, span = (uintptr_t)e->size * GRANULE;
    Obj *words = (Obj *)(void *)p;
    for (size_t i = 0; i < (size_t)e->boxed * 2; i++)
        if (is_ref(words[i]) && words[i].w - start < span) words[i].w += (uintptr_t)to - start;
}

void block_fill(const SwapEntry *e, char *p, const char *place) {
    Obj *words = (Obj *)(void *)p;
    for (size_t i = 0; i < (size_t)e->boxed * 2; i++)
        if (words[i].w & RELATIVE && is_ref(words[i])) words[i].w = (words[i].w & ~RELATIVE) + (uintptr_t)place;
    for (uint64_t i = 0; e->links && i < e->links->count; i++) words[e->links->items[i].word] = e->links->items[i].value;
}

void block_settle(SwapEntry *e, char *p, const char *place) {
    block_fill(e, p, place);
    free(e->links);
    e->links = NULL;
}

/* -- Reading and writing -- */

uint32_t block_check_boxed(const SwapEntry *e, const char *p) { return (uint32_t)bytes_checksum(p, (size_t)e->boxed * GRANULE, 1); }
uint32_t block_check_raw(const SwapEntry *e, const char *p) {
    return (uint32_t)bytes_checksum(p + (size_t)e->boxed * GRANULE, (size_t)(e->size - e->boxed) * GRANULE, 2);
}

SwapFault block_read_boxed(Swap *s, SwapEntry *e, char **to) {
    bool packed = e->flags & SWAP_PACKED;
    *to = block_scratch(s, (size_t)(packed ? e->size : e->boxed) * GRANULE);
    if (e->flags & SWAP_BROKEN) return SWAP_DAMAGED;
    if (packed) {
        SwapFault fault = block_read_packed(s, e, *to);
        if (fault != SWAP_FINE) return fault;
    } else if (!shadow_read(&s->shadow, e->offset, e->flags, *to, (size_t)e->boxed * GRANULE)) return SWAP_UNREADABLE;
    return block_check_boxed(e, *to) == e->check_boxed ? SWAP_FINE : SWAP_DAMAGED;
}

SwapFault block_read(Swap *s, SwapEntry *e, char *to) {
    if (e->flags & SWAP_BROKEN) return SWAP_DAMAGED;
    if (e->flags & SWAP_PACKED) {
        SwapFault fault = block_read_packed(s, e, to);
        if (fault != SWAP_FINE) return fault;
    } else if (!shadow_read(&s->shadow, e->offset, e->flags, to, (size_t)e->size * GRANULE)) return SWAP_UNREADABLE;
    return block_check_boxed(e, to) == e->check_boxed && block_check_raw(e, to) == e->check_raw ? SWAP_FINE : SWAP_DAMAGED;
}

bool block_write(Swap *s, SwapEntry *e, const char *p) {
    uint32_t offset, stored;
    const char *form = block_pack(s, s->packing.packer, p, e->size, &stored);
    if (!shadow_allocate(&s->shadow, stored, &offset)) return false;
    if (!shadow_write(&s->shadow, offset, form, (size_t)stored * GRANULE)) {
        shadow_free(&s->shadow, offset, stored);
        return false;
    }
    if (e->stored && !(e->flags & SWAP_ELSEWHERE)) shadow_free(&s->shadow, e->offset, e->stored);
    e->offset = offset;
    e->stored = stored;
    e->flags &= (uint8_t)~(SWAP_ELSEWHERE | SWAP_PACKED);
    if (stored < e->size) e->flags |= SWAP_PACKED;
    e->check_boxed = block_check_boxed(e, p);
    e->check_raw = block_check_raw(e, p);
    s->written += (uint64_t)stored * GRANULE;
    return true;
}
