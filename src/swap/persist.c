/* persist.c: shadow space as a section of an image or executable, where it is used in place.

   The section is blocks end to end, stowed, with all references among them and no links (everything an image holds is tenured).  The table of handles is a
   section of its own; indices stay, since they are in the image's words.  A process that starts from the image reads blocks from the image's file, where they lie;
   what changes goes to its own shadow space, as everywhere (shadow.c: nothing is written over).

   An image is saved by a child of the process (prim/images.c): it shares the parent's file, from which it only reads; a collection that it makes
   writes to a file of its own. */
#include "swap/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void swap_detach(Thread *t) {
    Swap *s = t->world->swap;
    if (!s || s->shadow.fd < 0) return;
    s->shadow.parent_fd = s->shadow.fd;
    s->shadow.fd = -1;
    s->shadow.name = NULL;
    for (int i = 0; i < BIN_COUNT; i++) s->shadow.bins[i].count = 0;
    for (uint64_t i = 1; i <= s->count; i++)
        if (s->entries[i].stored && !(s->entries[i].flags & SWAP_IMAGE)) s->entries[i].flags |= SWAP_PARENT;
}

/* The block as it is stored, with its links among the words; false if it cannot be read. */
static bool block_whole(Swap *s, SwapEntry *e, char *p) {
    if (block_read(s, e, p) != SWAP_FINE) return false;
    for (uint64_t i = 0; e->links && i < e->links->count; i++) ((Obj *)(void *)p)[e->links->items[i].word] = e->links->items[i].value;
    return true;
}

static void words_translate(const SwapEntry *e, char *p, SwapTranslate translate, const void *data) {
    Obj *words = (Obj *)(void *)p;
    for (uint64_t i = 0; i < (uint64_t)e->boxed * 2; i++)
        if (!is_header(words[i]) && !swap_is_relative(words[i])) words[i] = translate(data, words[i]);
}

static bool block_export(Swap *s, uint64_t index, SwapTranslate translate, const void *data, int fd, uint64_t *bytes, SwapRecord *record) {
    SwapEntry *e = &s->entries[index];
    size_t size = (size_t)e->size * GRANULE;
    char *p = block_scratch(s, size);
    if (!block_whole(s, e, p)) return false;
    words_translate(e, p, translate, data);
    *record = (SwapRecord){.size = e->size, .boxed = e->boxed, .offset = (uint32_t)(*bytes / GRANULE), .check_boxed = block_check_boxed(e, p), .check_raw = block_check_raw(e, p),
                           .note = e->note, .type = e->type, .flags = e->flags & SWAP_CONSTANT, .detail = e->detail};
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, p + done, size - done, (off_t)(*bytes + done));
        if (n <= 0 && errno != EINTR) return false;
        if (n > 0) done += (size_t)n;
    }
    *bytes += size;
    return true;
}

bool swap_export(Thread *t, SwapTranslate translate, const void *data, SwapRecord **records, uint64_t *count, int *fd, uint64_t *bytes) {
    Swap *s = t->world->swap;
    *records = NULL;
    *count = *bytes = 0;
    *fd = -1;
    if (!s || is_nil(swap_next(t, NIL))) return true;
    if (swap_evict_all(t, true) != SWAP_FINE) return false;
    *records = calloc(s->count + 1, sizeof(SwapRecord));
    *fd = shadow_open_temporary();
    bool good = *records && *fd >= 0;
    for (uint64_t i = 1; good && i <= s->count; i++)
        if (s->entries[i].size) good = block_export(s, i, translate, data, *fd, bytes, &(*records)[i]);
    *count = s->count + 1;
    if (good) return true;
    free(*records);
    *records = NULL;
    if (*fd >= 0) close(*fd);
    return false;
}

static bool record_fits(const SwapRecord *r, uint64_t granules) {
    return (uint64_t)r->offset + r->size <= granules && r->boxed <= r->size && r->type < TYPE_COUNT && r->detail < 2 * TYPE_COUNT && !(r->flags & ~SWAP_CONSTANT) &&
           ((r->flags & SWAP_CONSTANT) != 0) == (r->type == TYPE_CODE);
}

bool swap_import(Thread *t, const SwapRecord *records, uint64_t count, int fd, uint64_t at, uint64_t bytes) {
    Swap *s = swap_of(t);
    must(!s->count);
    s->shadow.image_fd = fd;
    s->shadow.image_at = at;
    for (uint64_t i = 1; i < count; i++) {
        const SwapRecord *r = &records[i];
        uint64_t index = handle_take(s);
        if (index != i || !record_fits(r, bytes / GRANULE)) return false;
        s->entries[i] = (SwapEntry){.size = r->size, .boxed = r->boxed, .offset = r->offset, .stored = r->size, .check_boxed = r->check_boxed, .check_raw = r->check_raw,
                                    .note = r->note, .type = r->type, .detail = r->detail, .flags = r->flags | SWAP_IMAGE};
    }
    for (uint64_t i = s->count; i > 0; i--)
        if (!s->entries[i].size) handle_release(s, &s->entries[i]);
    return true;
}

bool swap_translate(Thread *t, SwapTranslate translate, const void *data) {
    Swap *s = t->world->swap;
    for (uint64_t i = 1; s && i <= s->count; i++) {
        SwapEntry *e = &s->entries[i];
        if (!e->size || !e->boxed) continue;
        char *p = block_scratch(s, (size_t)e->size * GRANULE);
        if (block_read(s, e, p) != SWAP_FINE) return false;
        words_translate(e, p, translate, data);
        if (block_check_boxed(e, p) != e->check_boxed && !block_write(s, e, p)) return false;
    }
    return true;
}
