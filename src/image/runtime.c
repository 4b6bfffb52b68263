/* runtime.c: the runtimes in a file, and whether an image can live on one.

       [ whole runtime | slim runtime | zeros | trailer of the slim one ] [ image ]        (the runtimes end at a page)

   The whole runtime begins the file, so it is what runs.  The slim one lies behind it to be copied when a program is delivered; a delivered program has only
   one of them.

   An image that goes behind another runtime than the one that writes it gets that one's build id and numbers of builtins, so that nothing needs to be adjusted when
   it starts.  A runtime says where its table of builtins is in a note of its ELF file (identity.c), beside the build id. */
#include "image/format.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- Reading the file -- */

static char *read_range(int fd, uint64_t from, uint64_t bytes) {
    char *data = malloc(bytes + 1);
    uint64_t got = 0;
    while (data && got < bytes) {
        ssize_t n = pread(fd, data + got, bytes - got, (off_t)(from + got));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            free(data);
            return NULL;
        }
        got += (uint64_t)n;
    }
    return data;
}

static bool read_record(int fd, void *to, size_t bytes, uint64_t end) {
    return end >= bytes && pread(fd, to, bytes, (off_t)(end - bytes)) == (ssize_t)bytes;
}

/* Where what stands before the image ends. */
static uint64_t runtimes_end(int fd, uint64_t size) {
    ImageTrailer trailer;
    bool image = read_record(fd, &trailer, sizeof trailer, size) && !memcmp(trailer.magic, TRAILER_MAGIC, 16) && trailer.back <= size;
    return image ? size - trailer.back : size;
}

/* The bytes of the runtimes that `kind` means; NULL with the reason. */
static char *read_runtimes(int fd, RuntimeKind kind, size_t *bytes, const char **why) {
    struct stat st;
    SlimTrailer slim;
    *why = "the runtime cannot be read";
    if (fstat(fd, &st) != 0) return NULL;
    uint64_t from = 0, end = runtimes_end(fd, (uint64_t)st.st_size);
    bool two = read_record(fd, &slim, sizeof slim, end) && !memcmp(slim.magic, SLIM_MAGIC, 16) && slim.at < end && slim.bytes <= end - slim.at;
    if (kind == RUNTIME_SLIM) {
        if (!two) {
            *why = "there is no slim runtime in the file";
            return NULL;
        }
        from = slim.at;
        end = slim.at + slim.bytes;
    } else if (kind == RUNTIME_WHOLE && two) {
        end = slim.at;
    }
    *bytes = end - from;
    char *data = read_range(fd, from, end - from);
    if (data && kind == RUNTIME_SLIM && image_checksum(data, slim.bytes, 0) != slim.checksum) {
        *why = "the slim runtime in the file is damaged";
        free(data);
        return NULL;
    }
    return data;
}

/* -- What the ELF file says -- */

/* What lies at an address when the runtime runs; NULL if the file does not say `bytes` of it. */
static const char *loaded_at(const Runtime *r, uint64_t address, uint64_t bytes) {
    const Elf64_Ehdr *e = (const void *)r->data;
    const Elf64_Phdr *p = (const void *)(r->data + e->e_phoff);
    for (int i = 0; i < e->e_phnum; i++) {
        if (p[i].p_type != PT_LOAD || address < p[i].p_vaddr || p[i].p_offset > r->bytes || p[i].p_filesz > r->bytes - p[i].p_offset) continue;
        uint64_t at = address - p[i].p_vaddr;
        if (at <= p[i].p_filesz && bytes <= p[i].p_filesz - at) return r->data + p[i].p_offset + at;
    }
    return NULL;
}

/* The note of that owner and type, of at least `bytes` bytes. */
static const void *runtime_note(const Runtime *r, const char *owner, uint32_t type, size_t bytes) {
    const Elf64_Ehdr *e = (const void *)r->data;
    const Elf64_Phdr *p = (const void *)(r->data + e->e_phoff);
    for (int i = 0; i < e->e_phnum; i++) {
        size_t size = 0;
        if (p[i].p_type != PT_NOTE || p[i].p_offset > r->bytes || p[i].p_filesz > r->bytes - p[i].p_offset) continue;
        const void *note = note_find(r->data + p[i].p_offset, p[i].p_filesz, owner, type, &size);
        if (note && size >= bytes) return note;
    }
    return NULL;
}

static bool is_executable(const Runtime *r) {
    const Elf64_Ehdr *e = (const void *)r->data;
    return r->bytes >= sizeof *e && !memcmp(e->e_ident, ELFMAG, SELFMAG) && e->e_phoff <= r->bytes && e->e_phnum <= (r->bytes - e->e_phoff) / sizeof(Elf64_Phdr);
}

/* Our number of the builtin with that name, NO_BUILTIN if we have none.  `guess` is looked at first. */
static uint32_t our_number(const char *name, size_t room, uint32_t guess) {
    uint32_t total = builtins_total();
    if (guess < total && !strncmp(builtin_at(guess)->name, name, room)) return guess;
    for (uint32_t i = 0; i < total; i++)
        if (!strncmp(builtin_at(i)->name, name, room)) return i;
    return NO_BUILTIN;
}

/* Fills `builtins` from the table that the runtime's own note points to. */
static bool match_builtins(Runtime *r) {
    const RuntimeNote *note = runtime_note(r, "Windfall", RUNTIME_NOTE, sizeof *note);
    if (!note || !note->stride || note->stop < note->start) return false;
    uint64_t count = (note->stop - note->start) / note->stride;
    const char *table = loaded_at(r, note->start, note->stop - note->start);
    if (!table || count >= NO_BUILTIN) return false;
    r->builtins = malloc(builtins_total() * sizeof *r->builtins);
    must(r->builtins);
    for (uint32_t i = 0; i < builtins_total(); i++) r->builtins[i] = NO_BUILTIN;
    for (uint32_t i = 0, guess = 0; i < count; i++) {
        uint64_t address;
        memcpy(&address, table + i * note->stride, sizeof address); /* a descriptor begins with its name */
        const char *name = loaded_at(r, address, 1);
        if (!name) return false;
        uint32_t ours = our_number(name, (size_t)(r->data + r->bytes - name), guess);
        guess = ours + 1;
        if (ours != NO_BUILTIN) r->builtins[ours] = i;
    }
    return true;
}

/* -- For others -- */

const char *runtime_open(Runtime *r, const char *file, RuntimeKind kind) {
    const char *why = "the runtime cannot be read";
    memset(r, 0, sizeof *r);
    int fd = file[0] ? open(file, O_RDONLY | O_CLOEXEC) : image_executable();
    if (fd < 0) return why;
    r->data = read_runtimes(fd, kind, &r->bytes, &why);
    close(fd);
    if (!r->data) return why;
    const char *id = is_executable(r) ? runtime_note(r, "GNU", NT_GNU_BUILD_ID, 1) : NULL;
    uint8_t own[RUNTIME_ID_BYTES];
    image_runtime_id(own);
    if (id) memcpy(r->id, id, BUILD_ID_BYTES);
    if (!memcmp(own, r->id, sizeof own)) return NULL;
    if (id && match_builtins(r)) return NULL;
    runtime_close(r);
    return "it is no runtime of Windfall";
}

void runtime_close(Runtime *r) {
    free(r->data);
    free(r->builtins);
    r->data = NULL;
    r->builtins = NULL;
}

typedef struct Need {
    const Runtime *runtime;
    bool *lacks;
    bool any;
} Need;

static void object_needs(void *data, Obj *words, size_t bytes) {
    Need *need = data;
    if (is_header(words[0]) && shapes[header_type(words[0])].layout == LAYOUT_RAW) return;
    for (size_t i = 0; i < bytes / sizeof(Obj); i++) {
        if (!is_builtin(words[i])) continue;
        uint32_t k = builtin_of_obj(words[i]);
        if (k >= builtins_total() || need->runtime->builtins[k] != NO_BUILTIN) continue;
        need->any = need->lacks[k] = true;
    }
}

bool runtime_lacks(const Runtime *r, Thread *t, bool *lacks) {
    Need need = {r, lacks, false};
    memset(lacks, 0, builtins_total() * sizeof *lacks);
    if (r->builtins) heap_each(t->heap, object_needs, &need);
    return need.any;
}
