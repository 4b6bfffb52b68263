/* compress.c: sections of images as zstd frames.

   The two directions are linked in two ways.  Unpacking is part of the runtime, since an executable needs nothing but libc where it runs: the decoder
   of libzstd.a, without those of the formats before 2016, which the library would bring along (91 KB) and which are replaced by nothing below: 131 KB.
   Packing (217 KB) happens only where somebody saves with :COMPRESSION, so libzstd is opened there, when it is needed; without it that is an error. */
#include "image/format.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <zstd.h>

/* -- Packing -- */

typedef struct Packer {
    __typeof__(&ZSTD_compress) compress;
    __typeof__(&ZSTD_compressBound) bound;
    __typeof__(&ZSTD_isError) is_error;
} Packer;

static bool packer_find(Packer *p) {
    void *library = dlopen("libzstd.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    p->compress = (__typeof__(p->compress))dlsym(library, "ZSTD_compress");
    p->bound = (__typeof__(p->bound))dlsym(library, "ZSTD_compressBound");
    p->is_error = (__typeof__(p->is_error))dlsym(library, "ZSTD_isError");
    return p->compress && p->bound && p->is_error;
}

const char *image_pack(const void *data, size_t bytes, int level, void **packed, size_t *stored) {
    Packer p;
    *packed = NULL;
    *stored = bytes;
    if (!packer_find(&p)) return "compression needs the library libzstd.so.1, which cannot be opened";
    size_t room = p.bound(bytes);
    void *to = malloc(room);
    if (!to) return "no memory for compression";
    size_t n = p.compress(to, room, data, bytes, level);
    if (p.is_error(n) || n >= bytes) { /* not worth it: as it is */
        free(to);
    } else {
        *packed = to;
        *stored = n;
    }
    return NULL;
}

/* -- Unpacking -- */

/* Exactly one frame: what stands behind it could be one of another format. */
bool image_unpack(void *to, size_t bytes, const void *from, size_t stored) {
    static const uint8_t magic[4] = {0x28, 0xB5, 0x2F, 0xFD};
    if (stored < sizeof magic || memcmp(from, magic, sizeof magic) != 0 || ZSTD_findFrameCompressedSize(from, stored) != stored) return false;
    return ZSTD_decompress(to, bytes, from, stored) == bytes;
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
