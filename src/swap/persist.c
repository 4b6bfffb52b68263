/* persist.c: shadow space as a section of an image or executable, where it is used in place.

   The section is blocks end to end, stowed, with all references among them and no links (everything an image holds is tenured).  Blocks may be compressed (pack.c); what
   they need for it, a dictionary, comes before them, so that nothing in the file depends on what the process compressed while it ran.  The table of handles is a
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

static void words_translate(const SwapEntry *e, char *p, SwapTranslate translate, const void *data) {
    Obj *words = (Obj *)(void *)p;
    for (uint64_t i = 0; i < (uint64_t)e->boxed * 2; i++)
        if (!is_header(words[i]) && !swap_is_relative(words[i])) words[i] = translate(data, words[i]);
}

SwapFault block_translated(Swap *s, SwapEntry *e, char *p, SwapTranslate translate, const void *data) {
    SwapFault fault = block_read(s, e, p);
    if (fault != SWAP_FINE) return fault;
    for (uint64_t i = 0; e->links && i < e->links->count; i++) ((Obj *)(void *)p)[e->links->items[i].word] = e->links->items[i].value;
    if (translate) words_translate(e, p, translate, data);
    return SWAP_FINE;
}

/* -- To an image -- */

typedef struct Export {
    Swap *swap;
    SwapTranslate translate;
    const void *data;
    Packer *packer; /* NULL: blocks are stored as they are */
    SwapRecord *records;
    int fd;
    uint64_t bytes; /* written so far */
} Export;

static bool export_write(Export *x, const char *p, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(x->fd, p + done, size - done, (off_t)(x->bytes + done));
        if (n <= 0 && errno != EINTR) return false;
        if (n > 0) done += (size_t)n;
    }
    x->bytes += size;
    return true;
}

static bool export_block(Export *x, uint64_t index) {
    Swap *s = x->swap;
    SwapEntry *e = &s->entries[index];
    char *p = block_scratch(s, (size_t)e->size * GRANULE);
    uint32_t stored;
    if (block_translated(s, e, p, x->translate, x->data) != SWAP_FINE) return false;
    const char *form = block_pack(s, x->packer, p, e->size, &stored);
    x->records[index] = (SwapRecord){.size = e->size, .boxed = e->boxed, .offset = (uint32_t)(x->bytes / GRANULE), .stored = stored, .check_boxed = block_check_boxed(e, p),
                                     .check_raw = block_check_raw(e, p), .note = e->note, .type = e->type, .detail = e->detail,
                                     .flags = (uint8_t)((e->flags & SWAP_CONSTANT) | (stored < e->size ? SWAP_PACKED : 0))};
    return export_write(x, form, (size_t)stored * GRANULE);
}

/* The dictionary, if there is one, is the first block: its record is that of no handle. */
static bool export_dictionary(Export *x, int level) {
    static const char zeros[GRANULE];
    size_t bytes;
    char *dictionary = dictionary_make(x->swap, x->packer, 1, x->translate, x->data, &bytes);
    if (!dictionary) return true;
    uint32_t size = (uint32_t)((bytes + GRANULE - 1) / GRANULE);
    x->records[0] = (SwapRecord){.size = size, .stored = size, .note = (uint32_t)bytes, .check_raw = dictionary_check(dictionary, bytes)};
    bool good = packer_use(x->packer, dictionary, bytes, level) && export_write(x, dictionary, bytes) && export_write(x, zeros, (size_t)size * GRANULE - bytes);
    free(dictionary);
    return good;
}

static bool export_all(Export *x, int level) {
    Swap *s = x->swap;
    if (swap_evict_all(s->thread, true) != SWAP_FINE || !x->records || x->fd < 0) return false;
    if (level && (!(x->packer = packer_open(level)) || !export_dictionary(x, level))) return false;
    for (uint64_t i = 1; i <= s->count; i++)
        if (s->entries[i].size && !export_block(x, i)) return false;
    return true;
}

bool swap_export(Thread *t, SwapTranslate translate, const void *data, int level, SwapRecord **records, uint64_t *count, int *fd, uint64_t *bytes) {
    Swap *s = t->world->swap;
    *records = NULL;
    *count = *bytes = 0;
    *fd = -1;
    if (!s || is_nil(swap_next(t, NIL))) return true;
    Export x = {.swap = s, .translate = translate, .data = data, .records = calloc(s->count + 1, sizeof(SwapRecord)), .fd = shadow_open_temporary()};
    bool good = export_all(&x, level ? level : s->packing.level);
    packer_close(x.packer);
    *records = x.records;
    *count = s->count + 1;
    *fd = x.fd;
    *bytes = x.bytes;
    if (good) return true;
    free(*records);
    *records = NULL;
    if (*fd >= 0) close(*fd);
    return false;
}

/* -- From an image -- */

/* No frame holds more than this many times its size: 128 KB in a block of four bytes. */
enum { EXPANSION_MOST = 1 << 15 };

static bool record_fits(const SwapRecord *r, uint64_t granules) {
    bool packed = r->flags & SWAP_PACKED;
    return (uint64_t)r->offset + r->stored <= granules && (packed ? r->stored < r->size && r->size / EXPANSION_MOST <= r->stored : r->stored == r->size) && r->boxed <= r->size &&
           r->type < TYPE_COUNT && r->detail < 2 * TYPE_COUNT && !(r->flags & ~(SWAP_CONSTANT | SWAP_PACKED)) && ((r->flags & SWAP_CONSTANT) != 0) == (r->type == TYPE_CODE);
}

static bool is_dictionary(const SwapRecord *r, uint64_t granules) { return record_fits(r, granules) && !r->flags && r->note <= (uint64_t)r->size * GRANULE; }

static bool import_dictionary(Swap *s, const SwapRecord *r, uint64_t granules) {
    size_t bytes = r->note;
    if (!r->size) return true;
    if (!is_dictionary(r, granules)) return false;
    void *dictionary = malloc(bytes);
    if (dictionary && shadow_read(&s->shadow, r->offset, SWAP_IMAGE, dictionary, bytes) && dictionary_check(dictionary, bytes) == r->check_raw && dictionary_add(s, dictionary, bytes)) return true;
    free(dictionary);
    return false;
}

bool swap_import(Thread *t, const SwapRecord *records, uint64_t count, int fd, uint64_t at, uint64_t bytes) {
    Swap *s = swap_of(t);
    must(!s->count);
    s->shadow.image_fd = fd;
    s->shadow.image_at = at;
    if (!import_dictionary(s, &records[0], bytes / GRANULE)) return false;
    for (uint64_t i = 1; i < count; i++) {
        const SwapRecord *r = &records[i];
        uint64_t index = handle_take(s);
        if (index != i || !record_fits(r, bytes / GRANULE) || !block_reserve(s, (size_t)r->size * GRANULE) || (r->flags & SWAP_PACKED && !unpacker_ready(s))) return false;
        s->entries[i] = (SwapEntry){.size = r->size, .boxed = r->boxed, .offset = r->offset, .stored = r->stored, .check_boxed = r->check_boxed, .check_raw = r->check_raw,
                                    .note = r->note, .type = r->type, .detail = r->detail, .flags = r->flags | SWAP_IMAGE};
    }
    for (uint64_t i = s->count; i > 0; i--)
        if (!s->entries[i].size) handle_release(s, &s->entries[i]);
    return true;
}

Unpacker *swap_record_unpacker(const SwapRecord *records, const char *blocks, uint64_t bytes) {
    Unpacker *u = unpacker_make();
    if (!u) return NULL;
    const SwapRecord *r = &records[0];
    const char *p = blocks + (uint64_t)r->offset * GRANULE;
    if (!r->size || (is_dictionary(r, bytes / GRANULE) && dictionary_check(p, r->note) == r->check_raw && unpacker_add(u, p, r->note))) return u;
    unpacker_free(u);
    return NULL;
}

char *swap_record_read(const SwapRecord *r, Unpacker *u, const char *blocks, uint64_t bytes) {
    if (!record_fits(r, bytes / GRANULE)) return NULL;
    size_t stored = (size_t)r->stored * GRANULE, size = (size_t)r->size * GRANULE;
    const char *p = blocks + (uint64_t)r->offset * GRANULE;
    char *block = malloc(size), *frame = malloc(stored + FRAME_MAGIC_BYTES);
    bool good = block && frame;
    if (good && !(r->flags & SWAP_PACKED)) memcpy(block, p, size);
    else if (good) {
        memcpy(frame, frame_magic, FRAME_MAGIC_BYTES);
        memcpy(frame + FRAME_MAGIC_BYTES, p, stored);
        good = unpacker_unpack(u, block, size, frame, stored + FRAME_MAGIC_BYTES);
    }
    free(frame);
    if (good) return block;
    free(block);
    return NULL;
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
