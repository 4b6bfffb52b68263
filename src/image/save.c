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
#include <sys/mman.h>
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

/* Writes the runtime, and behind it the one that programs are delivered with. */
static void put_runtimes(Writer *w, const Runtime *r, const Runtime *slim) {
    put(w, r->data, r->bytes);
    if (!slim->data) return;
    SlimTrailer trailer = {.magic = SLIM_MAGIC, .at = w->at, .bytes = slim->bytes, .checksum = image_checksum(slim->data, slim->bytes, 0)};
    put(w, slim->data, slim->bytes);
    if (-w->at % IMAGE_PAGE < sizeof trailer) pad(w);
    static const char zeros[IMAGE_PAGE];
    put(w, zeros, (size_t)(-(w->at + sizeof trailer) % IMAGE_PAGE));
    put(w, &trailer, sizeof trailer);
}

/* -- Making the heap canonical -- */

void image_canonical(void *data, Obj *words, size_t bytes) {
    (void)data;
    if (!is_header(words[0])) return;
    if (header_type(words[0]) == TYPE_FILLER) memset(words + 1, 0, bytes - 8);
    if (header_type(words[0]) == TYPE_HASH_TABLE) table_normalise(obj_of_address(words));
    if (header_type(words[0]) == TYPE_FUNCTION) obj_set_flags(obj_of_address(words), header_flags(words[0]) & ~(unsigned)FUNCTION_HAS_RUN);
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

/* The builtins' names, each with its zero, in the order of their numbers; none for a runtime of other numbers, on which alone the image lives. */
static void part_builtins(Parts *p, const Runtime *r) {
    if (r->builtins) {
        part(p, SECTION_BUILTINS, NULL, 0, 0);
        return;
    }
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

static Obj translate_word(const void *relocation, Obj x) { return relocate_word(relocation, x); }

/* The swapped arrays and their table; NULL, or what went wrong. */
static const char *part_swapped(Parts *p, Thread *t, const Relocation *r, int level) {
    SwapRecord *records;
    uint64_t count, bytes;
    int fd;
    if (!swap_export(t, translate_word, r, level, &records, &count, &fd, &bytes)) return "a swapped array cannot be read";
    void *blocks = bytes ? mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (fd >= 0) close(fd);
    p->owned[SECTION_HANDLES] = records;
    part(p, SECTION_HANDLES, records, count * sizeof *records, count);
    if (blocks == MAP_FAILED) return "swapped arrays cannot be mapped";
    part(p, SECTION_SHADOW, blocks, bytes, 0);
    return NULL;
}

/* The section as a frame, if that is shorter. */
static void part_pack(Parts *p, const Packer *packer, int kind) {
    size_t bytes = p->header.sections[kind].bytes, stored;
    void *frame = allocate(bytes);
    if (!bytes || !(stored = packer_pack(packer, frame, bytes - 1, p->data[kind], bytes))) {
        free(frame);
        return;
    }
    free(p->owned[kind]);
    p->data[kind] = p->owned[kind] = frame;
    p->header.sections[kind].stored = stored;
}

static const char *const no_packer = "compression needs the library libzstd.so.1, which cannot be opened";

/* Compresses what becomes shorter by it, but for shadow space, which is used in place and compressed array by array; NULL, or what went wrong. */
static const char *parts_pack(Parts *p, int level) {
    Packer *packer = packer_open(level);
    if (!packer) return no_packer;
    for (int i = 0; i < SECTION_COUNT; i++)
        if (i != SECTION_SHADOW) part_pack(p, packer, i);
    packer_close(packer);
    return NULL;
}

static void header_fill(Parts *p, Thread *t, const Relocation *r, const Runtime *runtime, unsigned flags) {
    ImageHeader *h = &p->header;
    World *w = t->world;
    memcpy(h->magic, IMAGE_MAGIC, 16);
    h->version = IMAGE_VERSION;
    h->flags = flags;
    h->interface = image_interface();
    image_runtime_id(h->runtime_id);
    if (runtime->data) memcpy(h->runtime_id, runtime->id, RUNTIME_ID_BYTES);
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

static void write_file(Writer *w, const ImageRequest *request, const Runtime *runtime, const Runtime *slim, const Parts *parts) {
    errno = newfile_open(&w->file, request->file, 0600);
    if (errno) {
        fail(w, "the file cannot be made");
        return;
    }
    if (runtime->data) put_runtimes(w, runtime, slim);
    put_image(w, parts);
    if (!w->what && fchmod(w->file.fd, (mode_t)request->mode) != 0) fail(w, "setting its permissions failed");
    errno = newfile_close(&w->file, w->what ? w->error ? w->error : EIO : 0);
    if (errno) fail(w, "putting it in its place failed");
}

/* NULL, or why the world cannot live on the runtime. */
static const char *runtime_refuses(const Runtime *r, Thread *t) {
    bool *lacks = allocate(builtins_total() * sizeof *lacks);
    uint32_t i = 0;
    char *text = NULL;
    if (runtime_lacks(r, t, lacks)) {
        while (!lacks[i]) i++;
        must(asprintf(&text, "the runtime has no builtin %s", builtin_at(i)->name) > 0);
    }
    free(lacks);
    return text;
}

static const char *save_on(Thread *t, const ImageRequest *request, const Runtime *runtime, const Runtime *slim, int *system_error) {
    HeapState state = heap_state(t->heap);
    char *pure, *pure_end;
    pure_area(t->heap, &pure, &pure_end);
    uint64_t pure_at = (uint64_t)(uintptr_t)pure, pure_used = (uint64_t)(pure_end - pure);
    Relocation r = {.dynamic = {state.start, state.bytes, HEAP_BASE - state.start}, .pure = {pure_at, pure_used, pure_used ? PURE_BASE - pure_at : 0},
                    .builtins = runtime->builtins, .builtin_count = builtins_total()};
    Parts parts = {0};
    part_finalizers(&parts, t, &r);
    if (relocation_moves(&r) || r.builtins) {
        relocate_objects(&r, (void *)(uintptr_t)state.start, state.bytes);
        relocate_objects(&r, (void *)STATIC_SYMBOLS, STATIC_USED - (STATIC_SYMBOLS - STATIC_BASE));
    }
    header_fill(&parts, t, &r, runtime, request->flags);
    part(&parts, SECTION_STATIC, (const void *)STATIC_BASE, STATIC_USED, STATIC_SYMBOL_COUNT);
    part(&parts, SECTION_DYNAMIC, (const void *)(uintptr_t)state.start, state.bytes, 0);
    part(&parts, SECTION_PURE, pure, pure_used, 0);
    part_tables(&parts, t, state.start);
    part_builtins(&parts, runtime);
    Writer w = {.what = part_swapped(&parts, t, &r, request->compression)};
    if (!w.what && request->compression) w.what = parts_pack(&parts, request->compression);
    header_place(&parts.header);
    if (!w.what && request->layout) image_layout(request->layout, runtime, &parts.header);
    if (!w.what && !request->dry) write_file(&w, request, runtime, slim, &parts);
    for (int i = 0; i < SECTION_COUNT; i++) free(parts.owned[i]);
    *system_error = w.error;
    return w.what;
}

/* Opens the runtime that is asked for and looks whether the world can live on it; NULL, or what is wrong. */
static const char *runtime_choose(Thread *t, const ImageRequest *request, RuntimeKind kind, Runtime *runtime) {
    const char *what = runtime_open(runtime, request->runtime, kind);
    if (!what && kind == RUNTIME_SLIM && request->compression) what = "the slim runtime cannot unpack a compressed image";
    if (!what) what = runtime_refuses(runtime, t);
    if (!what || !request->fitting || kind == RUNTIME_WHOLE) return what;
    runtime_close(runtime);
    return runtime_choose(t, request, RUNTIME_WHOLE, runtime);
}

const char *image_save(Thread *t, const ImageRequest *request, int *system_error) {
    Runtime runtime = {.data = NULL}, slim = {.data = NULL};
    must(t->top == t->stack && t->binding_top == t->bindings);
    heap_compact(t);
    errno = 0;
    const char *what = request->runtime ? runtime_choose(t, request, request->kind, &runtime) : NULL;
    if (!what && request->slim) what = runtime_open(&slim, request->slim, RUNTIME_WHOLE);
    *system_error = what ? errno : 0;
    if (!what) {
        heap_each(t->heap, image_canonical, NULL);
        fill_page(t);
        if (request->settled) request->settled(t, request->data);
        what = save_on(t, request, &runtime, &slim, system_error);
    }
    runtime_close(&runtime);
    runtime_close(&slim);
    return what;
}
