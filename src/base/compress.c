/* compress.c: zstd frames.

   The two directions are linked in two ways.  Unpacking is part of the runtime, since an executable needs nothing but libc where it runs: the decoder
   of libzstd.a, without those of the formats before 2016, which the library would bring along (91 KB) and which are replaced by nothing below: 131 KB.
   Packing (217 KB) and the training of dictionaries happen only where somebody asks for compression, so libzstd is opened there; without it that is an error.

   A *dictionary* is what many short texts have in common.  A frame says by its number which one it was made with; 0: with none. */
#include "base/base.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <zdict.h>
#include <zstd.h>

const uint8_t frame_magic[FRAME_MAGIC_BYTES] = {0x28, 0xB5, 0x2F, 0xFD};

/* -- Packing -- */

#define PACKER_FUNCTIONS(F) \
    F(ZSTD_createCCtx) F(ZSTD_freeCCtx) F(ZSTD_CCtx_reset) F(ZSTD_CCtx_setParameter) F(ZSTD_createCDict) F(ZSTD_freeCDict) F(ZSTD_CCtx_refCDict) F(ZSTD_compress2) F(ZSTD_isError) \
    F(ZDICT_trainFromBuffer) F(ZDICT_isError)

struct Packer {
    void *library;
#define MEMBER(f) __typeof__(&(f)) f;
    PACKER_FUNCTIONS(MEMBER)
    ZSTD_CCtx *context;
    ZSTD_CDict *dictionary;
};

static bool packer_link(Packer *p) {
    bool good = true;
#define LOOK_UP(f) good = (p->f = (__typeof__(p->f))dlsym(p->library, #f)) && good;
    PACKER_FUNCTIONS(LOOK_UP)
    return good;
}

void packer_close(Packer *p) {
    if (!p) return;
    if (p->context) {
        p->ZSTD_freeCDict(p->dictionary);
        p->ZSTD_freeCCtx(p->context);
    }
    if (p->library) dlclose(p->library);
    free(p);
}

Packer *packer_open(int level) {
    Packer *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    if (p->library && packer_link(p) && (p->context = p->ZSTD_createCCtx()) && !p->ZSTD_isError(p->ZSTD_CCtx_setParameter(p->context, ZSTD_c_compressionLevel, level))) return p;
    packer_close(p);
    return NULL;
}

bool packer_use(Packer *p, const void *dictionary, size_t bytes, int level) {
    ZSTD_CDict *d = p->ZSTD_createCDict(dictionary, bytes, level);
    p->ZSTD_CCtx_reset(p->context, ZSTD_reset_session_only); /* a frame for which there was no room is never finished */
    if (!d || p->ZSTD_isError(p->ZSTD_CCtx_refCDict(p->context, d))) {
        p->ZSTD_freeCDict(d);
        return false;
    }
    p->ZSTD_freeCDict(p->dictionary);
    p->dictionary = d;
    return true;
}

size_t packer_train(const Packer *p, unsigned number, void *to, size_t room, const void *samples, const size_t *sizes, unsigned count) {
    size_t n = p->ZDICT_trainFromBuffer(to, room, samples, sizes, count);
    uint32_t id = number;
    if (p->ZDICT_isError(n)) return 0;
    memcpy((char *)to + 4, &id, sizeof id); /* its number, behind its magic number */
    return n;
}

size_t packer_pack(const Packer *p, void *to, size_t room, const void *from, size_t bytes) {
    size_t n = p->ZSTD_compress2(p->context, to, room, from, bytes);
    return p->ZSTD_isError(n) ? 0 : n;
}

/* -- Unpacking -- */

struct Unpacker {
    ZSTD_DCtx *context;
    unsigned count;
    ZSTD_DDict *dictionaries[UNPACKER_MOST];
};

Unpacker *unpacker_make(void) {
    Unpacker *u = calloc(1, sizeof *u);
    if (u && (u->context = ZSTD_createDCtx())) return u;
    free(u);
    return NULL;
}

void unpacker_free(Unpacker *u) {
    for (unsigned i = 0; i < u->count; i++) ZSTD_freeDDict(u->dictionaries[i]);
    ZSTD_freeDCtx(u->context);
    free(u);
}

bool unpacker_add(Unpacker *u, const void *dictionary, size_t bytes) {
    if (u->count == UNPACKER_MOST) return false;
    ZSTD_DDict *d = ZSTD_createDDict(dictionary, bytes);
    if (!d || ZSTD_getDictID_fromDDict(d) != u->count + 1) {
        ZSTD_freeDDict(d);
        return false;
    }
    u->dictionaries[u->count++] = d;
    return true;
}

/* The length of the one frame at the beginning; 0: there is none that can be believed. */
static size_t frame_length(const void *from, size_t most) {
    if (most < FRAME_MAGIC_BYTES || memcmp(from, frame_magic, FRAME_MAGIC_BYTES) != 0) return 0;
    size_t n = ZSTD_findFrameCompressedSize(from, most);
    return ZSTD_isError(n) ? 0 : n;
}

bool unpacker_unpack(Unpacker *u, void *to, size_t bytes, const void *from, size_t most) {
    size_t n = frame_length(from, most);
    unsigned number = n ? ZSTD_getDictID_fromFrame(from, n) : 0;
    if (!n || number > u->count) return false;
    return (number ? ZSTD_decompress_usingDDict(u->context, to, bytes, from, n, u->dictionaries[number - 1]) : ZSTD_decompressDCtx(u->context, to, bytes, from, n)) == bytes;
}

/* Exactly one frame: what stands behind it could be one of another format. */
bool frame_unpack(void *to, size_t bytes, const void *from, size_t stored) {
    return stored && frame_length(from, stored) == stored && ZSTD_decompress(to, bytes, from, stored) == bytes;
}

/* In the place of the decoders of old formats, which the library calls for frames with other magic numbers: never. */
NORETURN static void legacy_called(void) { must_die("a zstd frame of an old format"); }
#define UNUSED(name) NORETURN void name(void) __attribute__((alias("legacy_called")));
#define LEGACY(v) \
    UNUSED(ZBUFFv##v##_createDCtx) UNUSED(ZBUFFv##v##_decompressContinue) UNUSED(ZBUFFv##v##_decompressInitDictionary) UNUSED(ZBUFFv##v##_freeDCtx) \
    UNUSED(ZSTDv##v##_createDCtx) UNUSED(ZSTDv##v##_decompress_usingDict) UNUSED(ZSTDv##v##_findFrameSizeInfoLegacy) UNUSED(ZSTDv##v##_freeDCtx) \
    UNUSED(ZSTDv##v##_getFrameParams)
LEGACY(05)
LEGACY(06)
LEGACY(07)
