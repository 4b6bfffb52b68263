/* pack.c: blocks that are stored compressed.

   What is compressed is the stowed block, by itself, as a zstd frame without its magic number; if that is no shorter, the block is stored as it is.  Checksums are
   those of what was compressed: a damaged frame cannot be unpacked, or is found out by them.

   Arrays are small and much alike, so their frames are made with a dictionary: they are a third smaller than without, and unpacked three times as fast, since a frame
   needs no tables of its own.  It is trained from arrays that are swapped: the first time when there are enough of them, and anew whenever there are sixteen times as many as
   then, for the first ones may be like no others.  A dictionary lives as long as the process, since frames made with it do.  An image has one, trained from its own arrays.
   (docs/decisions/swapping.md has the figures.) */
#include "swap/inside.h"

#include <stdlib.h>

enum {
    LEVEL = 3,               /* of zstd */
    FIRST_TRAINING = 1 << 17, /* bytes of arrays */
    AGAIN = 16,
    DICTIONARY_LEAST = 512,
    DICTIONARY_MOST = 1 << 14,
    DICTIONARY_PART = 16,    /* the dictionary is no more than this part of what it is made for */
    SAMPLES = 1 << 20,       /* what it is trained from, */
    BLOCK_MOST = 1 << 16,    /* no more than so much of one block */
    PIECE = 4096             /* in pieces of so much */
};

/* -- Training -- */

static uint64_t sample_size(const SwapEntry *e) { return (uint64_t)e->size * GRANULE < BLOCK_MOST ? (uint64_t)e->size * GRANULE : BLOCK_MOST; }

static uint64_t samples_total(const Swap *s) {
    uint64_t total = 0;
    for (uint64_t i = 1; i <= s->count; i++) total += sample_size(&s->entries[i]);
    return total;
}

/* Fills `samples` with blocks that lie evenly among all, of so many bytes; the number of their pieces. */
static unsigned samples_take(Swap *s, uint64_t total, char *samples, size_t *sizes, SwapTranslate translate, const void *data) {
    uint64_t seen = 0, taken = 0;
    unsigned count = 0;
    for (uint64_t i = 1; i <= s->count; i++) {
        SwapEntry *e = &s->entries[i];
        uint64_t n = sample_size(e);
        seen += n;
        if (!n || taken + n > SAMPLES || (total > SAMPLES && (taken + n) * (total / 1024) > seen * (SAMPLES / 1024))) continue;
        char *p = block_scratch(s, (size_t)e->size * GRANULE);
        if (block_translated(s, e, p, translate, data) != SWAP_FINE) continue;
        memcpy(samples + taken, p, n);
        taken += n;
        for (uint64_t at = 0; at < n; at += PIECE) sizes[count++] = n - at < PIECE ? n - at : PIECE;
    }
    return count;
}

void *dictionary_make(Swap *s, const Packer *p, unsigned number, SwapTranslate translate, const void *data, size_t *bytes) {
    uint64_t total = samples_total(s);
    size_t room = total / DICTIONARY_PART < DICTIONARY_MOST ? total / DICTIONARY_PART : DICTIONARY_MOST;
    *bytes = 0;
    if (room < DICTIONARY_LEAST) return NULL;
    char *samples = malloc(SAMPLES), *to = malloc(room);
    size_t *sizes = malloc(SAMPLES / GRANULE * sizeof *sizes); /* no piece is smaller than a granule */
    if (samples && to && sizes) *bytes = packer_train(p, number, to, room, samples, sizes, samples_take(s, total, samples, sizes, translate, data));
    free(samples);
    free(sizes);
    if (*bytes) return to;
    free(to);
    return NULL;
}

bool unpacker_ready(Swap *s) { return s->packing.unpacker || (s->packing.unpacker = unpacker_make()); }

bool dictionary_add(Swap *s, void *dictionary, size_t bytes) {
    Packing *k = &s->packing;
    if (!unpacker_ready(s) || !unpacker_add(k->unpacker, dictionary, bytes)) return false;
    free(k->dictionary);
    k->dictionary = dictionary;
    k->dictionary_bytes = bytes;
    k->dictionaries++;
    return true;
}

void pack_count(Swap *s, uint32_t size) {
    Packing *k = &s->packing;
    size_t bytes;
    if (!k->packer) return;
    k->seen += (uint64_t)size * GRANULE;
    if (k->seen < k->train_at || k->dictionaries == UNPACKER_MOST) return;
    k->train_at *= AGAIN;
    void *dictionary = dictionary_make(s, k->packer, k->dictionaries + 1, NULL, NULL, &bytes);
    if (!dictionary) return;
    if (dictionary_add(s, dictionary, bytes)) packer_use(k->packer, dictionary, bytes, k->level); /* or, without memory for it, as before */
    else free(dictionary);
}

/* -- Blocks -- */

static char *frame_scratch(Swap *s, size_t bytes) {
    Packing *k = &s->packing;
    if (k->frame_bytes >= bytes) return k->frame;
    char *frame = realloc(k->frame, bytes);
    if (!frame) return NULL;
    k->frame = frame;
    k->frame_bytes = bytes;
    return frame;
}

const char *block_pack(Swap *s, const Packer *packer, const char *p, uint32_t size, uint32_t *stored) {
    *stored = size;
    if (!packer) return p;
    size_t room = (size_t)(size - 1) * GRANULE + FRAME_MAGIC_BYTES; /* or it would save nothing */
    char *frame = frame_scratch(s, room + GRANULE);
    if (!frame) return p;
    size_t n = packer_pack(packer, frame, room, p, (size_t)size * GRANULE);
    if (!n) return p;
    memset(frame + n, 0, GRANULE);
    *stored = (uint32_t)((n - FRAME_MAGIC_BYTES + GRANULE - 1) / GRANULE);
    return frame + FRAME_MAGIC_BYTES;
}

SwapFault block_read_packed(Swap *s, const SwapEntry *e, char *to) {
    if (!WHOLE) return SWAP_DAMAGED; /* the slim runtime has neither swapper nor decoder */
    size_t bytes = (size_t)e->stored * GRANULE;
    char *frame = frame_scratch(s, bytes + FRAME_MAGIC_BYTES); /* what made the frame had room for it, too; that of an image may be new here */
    if (!frame) must_die("no memory to read a compressed array of %zu bytes", bytes);
    if (!shadow_read(&s->shadow, e->offset, e->flags, frame + FRAME_MAGIC_BYTES, bytes)) return SWAP_UNREADABLE;
    memcpy(frame, frame_magic, FRAME_MAGIC_BYTES);
    return unpacker_unpack(s->packing.unpacker, to, (size_t)e->size * GRANULE, frame, bytes + FRAME_MAGIC_BYTES) ? SWAP_FINE : SWAP_DAMAGED;
}

/* -- The setting -- */

int swap_compression(const Thread *t) { return t->world->swap ? t->world->swap->packing.level : 0; }

bool swap_set_compression(Thread *t, int level) {
    Swap *s = swap_of(t);
    Packing *k = &s->packing;
    Packer *packer = NULL;
    if (level < 0) level = LEVEL;
    if (level && (!unpacker_ready(s) || !(packer = packer_open(level)))) return false;
    if (packer && k->dictionary) packer_use(packer, k->dictionary, k->dictionary_bytes, level);
    packer_close(k->packer);
    k->packer = packer;
    k->level = level;
    if (!k->train_at) k->train_at = k->dictionaries ? FIRST_TRAINING * AGAIN : FIRST_TRAINING;
    return true;
}
