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

/* Copies the build id out of a segment of notes; false if it has none. */
static bool find_build_id(const char *p, size_t bytes, uint8_t *id) {
    const char *end = p + bytes;
    while (p + sizeof(Elf64_Nhdr) <= end) {
        const Elf64_Nhdr *note = (const Elf64_Nhdr *)(const void *)p;
        const char *name = p + sizeof *note, *description = name + bits_round_up(note->n_namesz, 4); /* NOLINT(clang-analyzer-core.*): the header of a program is somewhere */
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && !memcmp(name, "GNU", 4)) {
            memcpy(id, description, note->n_descsz < RUNTIME_ID_BYTES ? note->n_descsz : RUNTIME_ID_BYTES);
            return true;
        }
        p = description + bits_round_up(note->n_descsz, 4);
    }
    return false;
}

void image_runtime_id(uint8_t id[RUNTIME_ID_BYTES]) {
    const char *start = (const char *)&__ehdr_start;
    __asm__("" : "+r"(start)); /* the whole file begins here, not only its first record */
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(const void *)(start + __ehdr_start.e_phoff);
    const char *base = NULL;
    memset(id, 0, RUNTIME_ID_BYTES);
    for (int i = 0; i < __ehdr_start.e_phnum && !base; i++) /* where address 0 of the file's own addresses lies */
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0) base = start - segments[i].p_vaddr;
    for (int i = 0; i < __ehdr_start.e_phnum; i++)
        if (segments[i].p_type == PT_NOTE && find_build_id(base + segments[i].p_vaddr, segments[i].p_memsz, id)) return;
}

/* -- The executable -- */

int image_executable(void) {
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const char *name = (const char *)getauxval(AT_EXECFN); /* without /proc: the name that EXECVE was given */
    return fd < 0 && name ? open(name, O_RDONLY | O_CLOEXEC) : fd;
}
