/* load.c: an image becomes the world.

   The static page, the dynamic and the pure area are mapped privately from the file, where they were: a process reads from the disk what it touches, and
   has pages of its own of what it writes.  The pure area is read-only, so its pages are those of the file's cache, one for all processes.  If an area
   could not be reserved at the image's address, or the runtime numbers its builtins in another way, the first two are walked and adjusted (relocate.c).

   Sections that are compressed are unpacked to memory of the process, and then nothing is shared.

   Nothing is believed unseen: trailer and header have checksums, every length and offset is compared with the file's size; the contents are checked
   when somebody asks for it, when they are unpacked, and before they are relocated.  Whatever does not fit is a message, never a crash.

   Limit: a file that is made shorter while it is mapped ends the process, with a message (lease.c). */
#include "image/format.h"

#include "image/purify.h"
#include "image/shed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct ImageFile {
    int fd;
    uint64_t start;    /* of the header, in the file */
    bool same_runtime; /* as the one that wrote it: numbers of builtins agree */
    bool verified;     /* the contents have been checked */
    uint64_t build;    /* the header's checksum */
    char message[200];
    union {
        ImageHeader header;
        char page[IMAGE_PAGE];
    };
};

static const char *const section_names[] = {"static page", "dynamic area", "pure area", "table list", "finalizers", "builtins' names", "handles", "shadow space"};

/* -- Reading -- */

static bool read_at(int fd, void *to, size_t bytes, uint64_t at) {
    char *p = to;
    while (bytes) {
        ssize_t n = pread(fd, p, bytes, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        at += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return true;
}

/* Notes why the image cannot be used; returns false. */
static bool refuse(ImageFile *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(ImageFile *f, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(f->message, sizeof f->message, format, list);
    va_end(list);
    return false;
}

static bool is_packed(const Section *s) { return WHOLE && s->stored != s->bytes; }

/* Fills `to` with the contents of a compressed section, which are compared with their checksum on the occasion. */
static bool section_unpack(ImageFile *f, SectionKind kind, void *to) {
    const Section *s = &f->header.sections[kind];
    void *frame = mmap(NULL, s->stored, PROT_READ, MAP_PRIVATE, f->fd, (off_t)(f->start + s->offset));
    if (frame == MAP_FAILED) return refuse(f, "the image cannot be mapped: %s", strerror(errno));
    bool good = frame_unpack(to, s->bytes, frame, s->stored) && image_checksum(to, s->bytes, kind) == s->checksum;
    munmap(frame, s->stored);
    return good ? true : refuse(f, "the image is damaged: its compressed %s is wrong", section_names[kind]);
}

/* Section contents in memory of its own, ended by zero; NULL, perhaps with a message, if it cannot be read.  The caller frees it. */
static void *section_read(ImageFile *f, SectionKind kind) {
    const Section *s = &f->header.sections[kind];
    char *data = malloc(s->bytes + 1);
    if (!data || !(is_packed(s) ? section_unpack(f, kind, data) : read_at(f->fd, data, s->bytes, f->start + s->offset))) {
        free(data);
        return NULL;
    }
    data[s->bytes] = 0;
    return data;
}

/* -- Checking -- */

static bool check_trailer(ImageFile *f, uint64_t size, bool *none) {
    ImageTrailer trailer;
    *none = size < sizeof trailer || !read_at(f->fd, &trailer, sizeof trailer, size - sizeof trailer) || memcmp(trailer.magic, TRAILER_MAGIC, 16);
    if (*none) return refuse(f, "it is no image, or has been cut off");
    uint64_t checksum = trailer.checksum;
    trailer.checksum = 0;
    if (image_checksum(&trailer, sizeof trailer, 0) != checksum) return refuse(f, "the image's trailer is damaged");
    if (trailer.back > size || trailer.back < IMAGE_PAGE + sizeof trailer) return refuse(f, "the image is incomplete");
    f->start = size - trailer.back;
    if (f->start % IMAGE_PAGE) return refuse(f, "the image does not begin at a page of the file");
    return true;
}

#define SECTION_MOST (UINT64_C(1) << 46)

static bool heap_state_fits(const ImageHeader *h) {
    const HeapState *s = &h->heap;
    bool grow = s->threshold[0] >= IMAGE_PAGE && s->threshold[0] <= s->threshold[1] && s->threshold[1] <= s->threshold[2];
    return grow && s->threshold[2] <= SECTION_MOST && s->growth_least <= SECTION_MOST && s->egc <= 1;
}

/* The three areas do not overlap: a reference is to one of them. */
static bool places_fit(const ImageHeader *h) {
    const uint64_t from[] = {STATIC_BASE, h->heap.start, h->pure_start}, bytes[] = {STATIC_SIZE, h->heap.bytes, h->sections[SECTION_PURE].bytes};
    for (int i = 0; i < 3; i++) {
        if (from[i] > UINT64_MAX / 2) return false;
        for (int k = 0; k < i; k++)
            if (from[i] < from[k] + bytes[k] && from[k] < from[i] + bytes[i]) return false;
    }
    return true;
}

static bool check_sections(ImageFile *f) {
    const ImageHeader *h = &f->header;
    uint64_t at = IMAGE_PAGE, end = h->bytes - sizeof(ImageTrailer);
    for (int i = 0; i < SECTION_COUNT; i++) {
        const Section *s = &h->sections[i];
        if (s->offset != at || s->offset > end || s->stored > end - s->offset || s->stored > s->bytes || s->bytes > SECTION_MOST || (!WHOLE && s->stored != s->bytes)) return refuse(f, "the image's sections are damaged");
        at += bits_round_up(s->stored, IMAGE_PAGE);
    }
    const Section *s = h->sections;
    bool good = at == end && s[SECTION_STATIC].bytes == STATIC_USED && s[SECTION_DYNAMIC].bytes == h->heap.bytes && h->heap.bytes % IMAGE_PAGE == 0 &&
                s[SECTION_PURE].bytes <= PURE_SIZE && s[SECTION_PURE].bytes % 16 == 0 && h->pure_start % IMAGE_PAGE == 0 && s[SECTION_TABLES].count < h->heap.bytes && s[SECTION_TABLES].bytes == 8 * s[SECTION_TABLES].count &&
                s[SECTION_FINALIZERS].bytes % 16 == 0 && s[SECTION_FINALIZERS].count <= s[SECTION_FINALIZERS].bytes / 16 && h->heap.start % IMAGE_PAGE == 0 &&
                h->tls_next >= 1 && h->tls_next < 1 << 16 && h->root_count <= IMAGE_ROOTS && h->flags <= IMAGE_OWN_ARGUMENTS && heap_state_fits(h) && places_fit(h);
    good = good && s[SECTION_HANDLES].bytes == sizeof(SwapRecord) * s[SECTION_HANDLES].count && s[SECTION_HANDLES].count < 1 << 25 && s[SECTION_SHADOW].bytes % 16 == 0 &&
           s[SECTION_SHADOW].stored == s[SECTION_SHADOW].bytes;
    return good ? true : refuse(f, "the image's sections are damaged");
}

static bool check_header(ImageFile *f, uint64_t size) {
    ImageHeader *h = &f->header;
    if (!read_at(f->fd, f->page, IMAGE_PAGE, f->start)) return refuse(f, "the image's header cannot be read");
    if (memcmp(h->magic, IMAGE_MAGIC, 16)) return refuse(f, "the image has no header");
    if (h->version != IMAGE_VERSION) return refuse(f, "the image has version %u of the format, this Windfall reads version %d", h->version, IMAGE_VERSION);
    uint64_t checksum = h->checksum;
    f->build = checksum;
    h->checksum = 0;
    if (image_checksum(f->page, IMAGE_PAGE, 0) != checksum) return refuse(f, "the image's header is damaged");
    if (h->bytes != size - f->start) return refuse(f, "the image is incomplete");
    uint8_t id[RUNTIME_ID_BYTES], none[RUNTIME_ID_BYTES] = {0};
    image_runtime_id(id);
    f->same_runtime = !memcmp(id, h->runtime_id, sizeof id) && memcmp(id, none, sizeof id);
    if (!f->same_runtime && (!WHOLE || h->interface != image_interface()))
        return refuse(f, "the image was made by a Windfall with other instructions or object shapes; make it anew with this one");
    if (h->root_count != (offsetof(World, roots_end) - offsetof(World, packages)) / sizeof(Obj)) return refuse(f, "the image's header is damaged");
    return check_sections(f);
}

static void image_close(ImageFile *f) {
    if (f->fd >= 0) close(f->fd);
    free(f);
}

ImageFile *image_open(const char *file, const char **why) {
    ImageFile *f = calloc(1, sizeof *f);
    must(f);
    struct stat st;
    bool none = false;
    f->fd = file ? open(file, O_RDONLY | O_CLOEXEC) : image_executable();
    if (f->fd < 0 || fstat(f->fd, &st) != 0) refuse(f, "%s", strerror(errno));
    else if (S_ISDIR(st.st_mode)) refuse(f, "%s", strerror(EISDIR));
    else if (check_trailer(f, (uint64_t)st.st_size, &none) && check_header(f, (uint64_t)st.st_size)) return f;
    *why = none && !file ? NULL : strdup(f->message);
    image_close(f);
    return NULL;
}

bool image_is_foreign(const ImageFile *f) { return !f->same_runtime; }
unsigned image_flags(const ImageFile *f) { return f->header.flags; }

/* -- Verifying the contents -- */

/* The contents, to be read only, when they agree with their checksum; NULL with a message else. */
static const void *section_view(ImageFile *f, SectionKind kind) {
    const Section *s = &f->header.sections[kind];
    if (!s->bytes) return "";
    if (is_packed(s)) {
        void *contents = section_read(f, kind);
        if (!contents && !f->message[0]) refuse(f, "the image cannot be read");
        return contents;
    }
    void *at = mmap(NULL, s->bytes, PROT_READ, MAP_PRIVATE, f->fd, (off_t)(f->start + s->offset));
    if (at == MAP_FAILED) refuse(f, "the image cannot be mapped: %s", strerror(errno));
    else if (image_checksum(at, s->bytes, kind) == s->checksum) return at;
    else refuse(f, "the image is damaged: the checksum of its %s is wrong", section_names[kind]);
    if (at != MAP_FAILED) munmap(at, s->bytes);
    return NULL;
}

static void section_leave(const Section *s, const void *contents) {
    if (!contents || !s->bytes) return;
    if (is_packed(s)) free((void *)(uintptr_t)contents);
    else munmap((void *)(uintptr_t)contents, s->bytes);
}

static bool sections_verify(ImageFile *f) {
    const ImageHeader *h = &f->header;
    const void *contents[SECTION_COUNT] = {NULL};
    int n = 0;
    while (n < SECTION_COUNT && (contents[n] = section_view(f, (SectionKind)n))) n++;
    const char *wrong = WHOLE && n == SECTION_COUNT ? image_check(h, contents) : NULL;
    for (int i = 0; i < SECTION_COUNT; i++) section_leave(&h->sections[i], contents[i]);
    if (wrong) return refuse(f, "the image is damaged: %s", wrong);
    f->verified = n == SECTION_COUNT;
    return f->verified;
}

const char *image_verify(ImageFile *f) { return sections_verify(f) ? NULL : strdup(f->message); }

/* -- Mapping -- */

static bool section_map(ImageFile *f, SectionKind kind, void *to, int protection, int flags) {
    const Section *s = &f->header.sections[kind];
    void *at = is_packed(s) ? mmap(to, s->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0)
                            : mmap(to, s->bytes, protection, MAP_PRIVATE | flags, f->fd, (off_t)(f->start + s->offset));
    if (at == to) return !is_packed(s) || (section_unpack(f, kind, to) && mprotect(to, s->bytes, protection) == 0);
    if (at != MAP_FAILED) munmap(at, s->bytes);
    return refuse(f, "the image cannot be mapped at %p", to);
}

/* Numbers of this runtime's builtins by those of the image; NULL with a message if one is missing. */
static uint32_t *builtins_match(ImageFile *f, char *names) {
    uint64_t count = f->header.sections[SECTION_BUILTINS].count, bytes = f->header.sections[SECTION_BUILTINS].bytes;
    if (!count) {
        refuse(f, "the image is that of a delivered program and runs only on its own runtime");
        return NULL;
    }
    uint32_t *numbers = calloc(count + 1, sizeof *numbers);
    must(numbers);
    const char *name = names;
    for (uint64_t i = 0; i < count; i++) {
        if (name >= names + bytes) {
            refuse(f, "the image's builtins are damaged");
            break;
        }
        uint32_t k = (uint32_t)i, total = builtins_total();
        if (k >= total || strcmp(builtin_at(k)->name, name))
            for (k = 0; k < total && strcmp(builtin_at(k)->name, name); k++) {}
        if (k == total) {
            refuse(f, "the image needs the builtin %.60s, which this Windfall does not have", name);
            break;
        }
        numbers[i] = k;
        name += strlen(name) + 1;
    }
    if (!f->message[0]) return numbers;
    free(numbers);
    return NULL;
}

/* How the references of the image change in this heap. */
static Relocation image_relocation(const ImageFile *f, const Heap *heap) {
    const ImageHeader *h = &f->header;
    uint64_t pure = h->sections[SECTION_PURE].bytes;
    char *at, *end;
    pure_area(heap, &at, &end);
    return (Relocation){.dynamic = {h->heap.start, h->heap.bytes, heap_start(heap) - h->heap.start}, .pure = {h->pure_start, pure, pure ? (uint64_t)(uintptr_t)at - h->pure_start : 0}};
}

/* Adjusts what is mapped to its place and to this runtime. */
static bool image_adjust(ImageFile *f, Relocation r) {
    ImageHeader *h = &f->header;
    uint32_t *numbers = NULL;
    if (!f->verified && !sections_verify(f)) return false;
    if (WHOLE && !f->same_runtime) {
        char *names = section_read(f, SECTION_BUILTINS);
        numbers = names ? builtins_match(f, names) : NULL;
        free(names);
        if (!numbers) return f->message[0] ? false : refuse(f, "the image cannot be read");
        r.builtins = numbers;
        r.builtin_count = (uint32_t)h->sections[SECTION_BUILTINS].count;
    }
    relocate_objects(&r, (void *)STATIC_SYMBOLS, STATIC_USED - (STATIC_SYMBOLS - STATIC_BASE));
    relocate_objects(&r, (void *)(uintptr_t)(h->heap.start + r.dynamic.delta), h->heap.bytes);
    relocate_words(&r, h->roots, h->root_count);
    free(numbers);
    return true;
}

/* Tells the heap what it has now. */
static bool image_adopt(ImageFile *f, Heap *heap, const Relocation *r) {
    const ImageHeader *h = &f->header;
    uint64_t start = heap_start(heap);
    uint64_t *tables = section_read(f, SECTION_TABLES), count = h->sections[SECTION_TABLES].count;
    Obj *finalizers = section_read(f, SECTION_FINALIZERS);
    bool good = tables && finalizers;
    for (uint64_t i = 0; good && i < count; i++) {
        good = tables[i] < h->heap.bytes && tables[i] % 16 == 0; /* NOLINT(clang-analyzer-core.*): check_sections compares count and bytes */
        tables[i] += start;
    }
    if (good) {
        uint64_t waiting = h->sections[SECTION_FINALIZERS].count, all = h->sections[SECTION_FINALIZERS].bytes / 16;
        relocate_words(r, finalizers, 2 * all);
        heap_adopt(heap, &h->heap, tables, count);
        heap_adopt_finalizers(heap, finalizers, waiting, false);
        heap_adopt_finalizers(heap, finalizers + 2 * waiting, all - waiting, true);
    }
    free(tables);
    free(finalizers);
    return good ? true : f->message[0] ? false : refuse(f, "the image's tables are damaged");
}

static bool pure_map(ImageFile *f, Heap *heap) {
    char *at = pure_reserve(heap, f->header.sections[SECTION_PURE].bytes);
    if (!at) return refuse(f, "the system has no addresses for pure space");
    if (!section_map(f, SECTION_PURE, at, PROT_READ, MAP_FIXED)) return false;
    pure_adopt(heap, at, at + f->header.sections[SECTION_PURE].bytes);
    return true;
}

static bool image_map(ImageFile *f, Heap *heap) {
    ImageHeader *h = &f->header;
    if (h->heap.bytes > heap_capacity(heap))
        return refuse(f, "the image has %llu MB, and the heap may have %llu", (unsigned long long)h->heap.bytes >> 20, (unsigned long long)heap_capacity(heap) >> 20);
    if (!section_map(f, SECTION_STATIC, (void *)STATIC_BASE, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE)) return false;
    if (!section_map(f, SECTION_DYNAMIC, (void *)(uintptr_t)heap_start(heap), PROT_READ | PROT_WRITE, MAP_FIXED | MAP_NORESERVE)) return false;
    if (h->sections[SECTION_PURE].bytes && !pure_map(f, heap)) return false;
    Relocation r = image_relocation(f, heap);
    if ((relocation_moves(&r) || !f->same_runtime) && !image_adjust(f, r)) return false;
    if (!image_adopt(f, heap, &r)) return false;
    const char *wrong = WHOLE && f->verified ? image_check_code((const void *)(uintptr_t)heap_start(heap), h->heap.bytes) : NULL;
    return wrong ? refuse(f, "the image is damaged: code does not pass verification: %s", wrong) : true;
}

static Obj translate_word(const void *relocation, Obj x) { return relocate_word(relocation, x); }

/* Swapped arrays stay where they are in the file; the swapper keeps it open. */
static bool image_swap(ImageFile *f, Thread *t) {
    const Section *s = f->header.sections;
    if (!s[SECTION_HANDLES].count) return true;
    if (!WHOLE) return refuse(f, "this runtime has no swapper");
    Relocation r = image_relocation(f, t->heap);
    SwapRecord *records = section_read(f, SECTION_HANDLES);
    int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    bool good = records && fd >= 0 && swap_import(t, records, s[SECTION_HANDLES].count, fd, f->start + s[SECTION_SHADOW].offset, s[SECTION_SHADOW].bytes);
    free(records);
    if (!good) return f->message[0] ? false : refuse(f, "the image's swapped arrays are damaged");
    if (relocation_moves(&r) && !swap_translate(t, translate_word, &r)) return refuse(f, "the image's swapped arrays cannot be adjusted to their place");
    const char *wrong = WHOLE && f->verified ? image_check_swapped(t) : NULL;
    return wrong ? refuse(f, "the image is damaged: %s", wrong) : true;
}

Thread *image_load(ImageFile *f, World *w, size_t heap_limit, const char **why) {
    ImageHeader *h = &f->header;
    lease_guard();
    w->heap = heap_create_empty(heap_limit);
    if (!image_map(f, w->heap)) {
        *why = strdup(f->message);
        image_close(f);
        return NULL;
    }
    Thread *t = thread_create(w);
    if (pure_bytes(w->heap)) pure_guard(t);
    memcpy(&w->packages, h->roots, h->root_count * sizeof(Obj));
    w->build = f->build;
    if (WHOLE && !is_nil(w->shed)) w->fetch_shed = shed_fetch_now;
    w->layout_count = h->layout_count;
    w->tls_next = (uint32_t)h->tls_next;
    t->tls_size = w->tls_next;
    for (uint32_t i = 1; i < t->tls_size; i++) t->tls[i] = NO_TLS;
    bool good = image_swap(f, t);
    if (!good) *why = strdup(f->message);
    image_close(f);
    return good ? t : NULL;
}
