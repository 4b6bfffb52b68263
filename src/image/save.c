/* save.c: the world to a file.

   What is written must be the same for the same inputs.  A full collection without gaps puts every object in the order in which it was
   allocated; then all that depends on the history of collections is made canonical: hash tables are linked anew in the order of their
   entries, fillers are zeroed.  Words that are addresses are so relative to HEAP_BASE and PURE_BASE; a process whose areas lie elsewhere relocates first.

   The file takes the old one's place whole or not at all (base/newfile.c), and processes that have mapped the old one keep it. */
#include "image/format.h"

#include "run/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Writer {
    NewFile file;
    uint64_t at;          /* bytes written so far */
    const char *what;     /* what has failed, or NULL */
    int error;
} Writer;

/* -- Writing -- */

static void fail(Writer *w, const char *what) {
    if (w->what) return;
    w->error = errno;
    w->what = what;
}

static void put(Writer *w, const void *data, size_t bytes) {
    if (w->what) return;
    errno = newfile_write(&w->file, data, bytes);
    if (errno) fail(w, "writing failed");
    else w->at += bytes;
}

static void pad(Writer *w) {
    static const char zeros[IMAGE_PAGE];
    put(w, zeros, (size_t)(-w->at % IMAGE_PAGE));
}

/* Writes the runtime part of a file ("": the one that runs), without the image that may stand behind it. */
static void put_runtime(Writer *w, const char *name) {
    int fd = name[0] ? open(name, O_RDONLY | O_CLOEXEC) : image_executable();
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(w, "the runtime cannot be read");
        if (fd >= 0) close(fd);
        return;
    }
    uint64_t left = (uint64_t)st.st_size;
    ImageTrailer trailer;
    if (left >= sizeof trailer && pread(fd, &trailer, sizeof trailer, (off_t)(left - sizeof trailer)) == sizeof trailer &&
        !memcmp(trailer.magic, TRAILER_MAGIC, 16) && trailer.back <= left)
        left -= trailer.back;
    char buffer[1 << 16];
    while (left && !w->what) {
        ssize_t n = read(fd, buffer, left < sizeof buffer ? left : sizeof buffer);
        if (n <= 0) fail(w, "the runtime cannot be read");
        else put(w, buffer, (size_t)n);
        left -= n > 0 ? (uint64_t)n : 0;
    }
    close(fd);
}

/* -- Making the heap canonical -- */

static void canonical_object(void *data, Obj *words, size_t bytes) {
    (void)data;
    if (!is_header(words[0])) return;
    if (header_type(words[0]) == TYPE_FILLER) memset(words + 1, 0, bytes - 8);
    if (header_type(words[0]) == TYPE_HASH_TABLE) table_normalise(obj_of_address(words));
}

/* Fills the last page of the area with a filler: pages of the image stay clean when the process goes on allocating. */
static void fill_page(Thread *t) {
    size_t rest = (size_t)(-(uintptr_t)t->free % IMAGE_PAGE);
    if (!rest) return;
    memset(t->free, 0, rest);
    *(Obj *)(void *)t->free = header_make(TYPE_FILLER, 0, (rest - 8) / 8);
    t->free += rest;
}

/* -- The parts -- */

typedef struct Parts {
    ImageHeader header;
    const void *data[SECTION_COUNT];
    void *owned[SECTION_COUNT]; /* those that were made for the purpose */
} Parts;

static void part(Parts *p, SectionKind kind, const void *data, size_t bytes, uint64_t count) {
    p->data[kind] = data;
    p->header.sections[kind].bytes = p->header.sections[kind].stored = bytes;
    p->header.sections[kind].count = count;
    p->header.sections[kind].checksum = image_checksum(data, bytes, kind);
}

static void *allocate(size_t bytes) {
    void *p = malloc(bytes ? bytes : 1);
    must(p);
    return p;
}

static void part_tables(Parts *p, Thread *t, uint64_t heap_start) {
    size_t count;
    const uint64_t *tables = heap_listed_tables(t->heap, &count);
    uint64_t *copy = p->owned[SECTION_TABLES] = allocate(count * 8);
    for (size_t i = 0; i < count; i++) copy[i] = tables[i] - heap_start;
    part(p, SECTION_TABLES, copy, count * 8, count);
}

/* Finalizers travel along, except those of foreign objects, which do not outlive their process. */
static void part_finalizers(Parts *p, Thread *t, const Relocation *r) {
    size_t waiting, due, n = 0, kept = 0;
    const Obj *all[2] = {heap_finalizers(t->heap, false, &waiting), heap_finalizers(t->heap, true, &due)};
    Obj *copy = p->owned[SECTION_FINALIZERS] = allocate((waiting + due) * 16);
    for (size_t i = 0; i < waiting + due; i++) {
        const Obj *pair = i < waiting ? all[0] + 2 * i : all[1] + 2 * (i - waiting);
        if (has_type(pair[0], TYPE_FOREIGN)) continue;
        if (i < waiting) kept++;
        copy[2 * n] = relocate_word(r, pair[0]);
        copy[2 * n++ + 1] = relocate_word(r, pair[1]);
    }
    part(p, SECTION_FINALIZERS, copy, n * 16, kept);
}

/* The builtins' names, each with its zero, in the order of their numbers. */
static void part_builtins(Parts *p) {
    size_t bytes = 0, at = 0;
    for (uint32_t i = 0; i < builtins_total(); i++) bytes += strlen(builtin_at(i)->name) + 1;
    char *names = p->owned[SECTION_BUILTINS] = allocate(bytes);
    for (uint32_t i = 0; i < builtins_total(); i++) {
        size_t n = strlen(builtin_at(i)->name) + 1;
        memcpy(names + at, builtin_at(i)->name, n);
        at += n;
    }
    part(p, SECTION_BUILTINS, names, bytes, builtins_total());
}

/* Compresses what becomes shorter by it; NULL, or what went wrong. */
static const char *parts_pack(Parts *p, int level) {
    const char *what = NULL;
    for (int i = 0; i < SECTION_COUNT && !what; i++) {
        void *packed;
        size_t stored;
        what = image_pack(p->data[i], p->header.sections[i].bytes, level, &packed, &stored);
        if (what || !packed) continue;
        free(p->owned[i]);
        p->data[i] = p->owned[i] = packed;
        p->header.sections[i].stored = stored;
    }
    return what;
}

static void header_fill(Parts *p, Thread *t, const Relocation *r, unsigned flags) {
    ImageHeader *h = &p->header;
    World *w = t->world;
    memcpy(h->magic, IMAGE_MAGIC, 16);
    h->version = IMAGE_VERSION;
    h->flags = flags;
    h->interface = image_interface();
    image_runtime_id(h->runtime_id);
    snprintf(h->system, sizeof h->system, "Windfall");
    h->heap = heap_state(t->heap);
    h->heap.start = HEAP_BASE;
    h->pure_start = PURE_BASE;
    h->layout_count = w->layout_count;
    h->tls_next = w->tls_next;
    h->root_count = (uint64_t)(&w->roots_end - &w->packages);
    must(h->root_count <= IMAGE_ROOTS);
    for (uint64_t i = 0; i < h->root_count; i++) h->roots[i] = relocate_word(r, (&w->packages)[i]);
}

/* Gives sections and the whole their places. */
static void header_place(ImageHeader *h) {
    uint64_t at = IMAGE_PAGE;
    for (int i = 0; i < SECTION_COUNT; i++) {
        h->sections[i].offset = at;
        at += bits_round_up(h->sections[i].stored, IMAGE_PAGE);
    }
    h->bytes = at + sizeof(ImageTrailer);
    h->checksum = 0;
    char page[IMAGE_PAGE] = {0};
    memcpy(page, h, sizeof *h);
    h->checksum = image_checksum(page, sizeof page, 0);
}

static void put_image(Writer *w, const Parts *p) {
    pad(w);
    put(w, &p->header, sizeof p->header);
    for (int i = 0; i < SECTION_COUNT; i++) {
        pad(w);
        put(w, p->data[i], p->header.sections[i].stored);
    }
    pad(w);
    ImageTrailer trailer = {.back = p->header.bytes};
    memcpy(trailer.magic, TRAILER_MAGIC, 16);
    trailer.checksum = image_checksum(&trailer, sizeof trailer, 0);
    put(w, &trailer, sizeof trailer);
}

/* -- The file -- */

static void write_file(Writer *w, const ImageRequest *request, const Parts *parts) {
    errno = newfile_open(&w->file, request->file, 0600);
    if (errno) {
        fail(w, "the file cannot be made");
        return;
    }
    if (request->runtime) put_runtime(w, request->runtime);
    put_image(w, parts);
    if (!w->what && fchmod(w->file.fd, (mode_t)request->mode) != 0) fail(w, "setting its permissions failed");
    errno = newfile_close(&w->file, w->what ? w->error ? w->error : EIO : 0);
    if (errno) fail(w, "putting it in its place failed");
}

const char *image_save(Thread *t, const ImageRequest *request, int *system_error) {
    must(t->top == t->stack && t->binding_top == t->bindings);
    heap_compact(t);
    heap_each(t->heap, canonical_object, NULL);
    fill_page(t);
    HeapState state = heap_state(t->heap);
    char *pure, *pure_end;
    pure_area(t->heap, &pure, &pure_end);
    uint64_t pure_at = (uint64_t)(uintptr_t)pure, pure_used = (uint64_t)(pure_end - pure);
    Relocation r = {.dynamic = {state.start, state.bytes, HEAP_BASE - state.start}, .pure = {pure_at, pure_used, pure_used ? PURE_BASE - pure_at : 0}};
    Parts parts = {0};
    part_finalizers(&parts, t, &r);
    if (relocation_moves(&r)) {
        relocate_objects(&r, (void *)(uintptr_t)state.start, state.bytes);
        relocate_objects(&r, (void *)STATIC_SYMBOLS, STATIC_USED - (STATIC_SYMBOLS - STATIC_BASE));
    }
    header_fill(&parts, t, &r, request->flags);
    part(&parts, SECTION_STATIC, (const void *)STATIC_BASE, STATIC_USED, STATIC_SYMBOL_COUNT);
    part(&parts, SECTION_DYNAMIC, (const void *)(uintptr_t)state.start, state.bytes, 0);
    part(&parts, SECTION_PURE, pure, pure_used, 0);
    part_tables(&parts, t, state.start);
    part_builtins(&parts);
    Writer w = {.what = request->compression ? parts_pack(&parts, request->compression) : NULL};
    header_place(&parts.header);
    if (!w.what) write_file(&w, request, &parts);
    for (int i = 0; i < SECTION_COUNT; i++) free(parts.owned[i]);
    *system_error = w.error;
    return w.what;
}
