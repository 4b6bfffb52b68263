/* identity.c: whether an image and a runtime understand each other.

   The words of an image mean what shapes, instructions, predicates and static symbols say: their tables are hashed into one number, the
   interface.  An image of another interface is refused.  Builtins are not part of it: their numbers are looked up by name.

   To hash the tables takes longer than the rest of a start.  So the image also has the build id of the runtime that wrote it (the linker's hash of
   the executable's contents); the same build id means the same interface and the same numbers of builtins, and nothing is hashed. */
#include "image/format.h"

#include "code/code.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/auxv.h>

#define PRIME_1 UINT64_C(0x9E3779B97F4A7C15)

uint64_t image_checksum(const void *data, size_t bytes, uint64_t seed) { return bytes_checksum(data, bytes, seed); }

/* -- Interface -- */

static uint64_t hash_text(uint64_t h, const char *text) { return image_checksum(text, strlen(text), h); }

static const char *const static_names[] = {
#define S(id, name, package) name " " #package,
#include "word/symbols.def"
#undef S
};

uint64_t image_interface(void) {
    uint64_t h = IMAGE_VERSION;
    for (int i = 0; i < TYPE_COUNT; i++) {
        h = hash_text(h, shapes[i].name);
        h = h * PRIME_1 + (uint64_t)shapes[i].layout * 8 + shapes[i].log2_bits;
    }
    for (int i = 0; i < OP_COUNT; i++) h = hash_text(hash_text(h, opcodes[i].name), opcodes[i].operands);
    for (int i = 0; i < PRED_COUNT; i++) h = hash_text(h, predicate_names[i]);
    for (size_t i = 0; i < COUNT_OF(static_names); i++) h = hash_text(h, static_names[i]);
    return h;
}

/* -- Build id -- */

extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

/* The linker fills the section in: a note like that of the build id. */
static const struct {
    Elf64_Nhdr header;
    char owner[12];
    const Builtin *start, *stop;
    uint64_t stride;
} builtins_note __attribute__((used, section(".note.windfall"), aligned(8))) = {
    {sizeof "Windfall", sizeof(RuntimeNote), RUNTIME_NOTE}, "Windfall", __start_builtins, __stop_builtins, sizeof(Builtin)};

const void *note_find(const char *notes, size_t bytes, const char *owner, uint32_t type, size_t *size) {
    while (bytes >= sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *note = (const void *)notes;
        uint64_t description = sizeof *note + bits_round_up(note->n_namesz, 4), all = description + bits_round_up(note->n_descsz, 4); /* NOLINT(clang-analyzer-core.*): the header of a program is somewhere */
        if (all > bytes) break;
        *size = note->n_descsz;
        if (note->n_type == type && note->n_namesz == strlen(owner) + 1 && !memcmp(notes + sizeof *note, owner, note->n_namesz)) return notes + description;
        notes += all;
        bytes -= all;
    }
    return NULL;
}

void image_runtime_id(uint8_t id[RUNTIME_ID_BYTES]) {
    const char *start = (const char *)&__ehdr_start;
    __asm__("" : "+r"(start)); /* the whole file begins here, not only its first record */
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(const void *)(start + __ehdr_start.e_phoff);
    const char *base = NULL;
    memset(id, 0, RUNTIME_ID_BYTES);
    for (int i = 0; i < __ehdr_start.e_phnum && !base; i++) /* where address 0 of the file's own addresses lies */
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0) base = start - segments[i].p_vaddr;
    for (int i = 0; i < __ehdr_start.e_phnum; i++) {
        size_t size;
        const void *found = segments[i].p_type == PT_NOTE ? note_find(base + segments[i].p_vaddr, segments[i].p_memsz, "GNU", NT_GNU_BUILD_ID, &size) : NULL;
        if (found && size == BUILD_ID_BYTES) memcpy(id, found, BUILD_ID_BYTES);
    }
}

/* -- The executable -- */

int image_executable(void) {
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const char *name = (const char *)getauxval(AT_EXECFN); /* without /proc: the name that EXECVE was given */
    return fd < 0 && name ? open(name, O_RDONLY | O_CLOEXEC) : fd;
}
