/* unit-map.c: mapping a unit, and giving it back.

   The file is mapped privately, so that patching writes only the pages that have closures in them and the others are shared with whoever has the file
   mapped; then it is made read-only.  Nothing of the code is copied.  The constants are read once, through the same mapping.

   COMPILE-FILE never writes over a file: it renames a new one into its place, and the old one stays as it is for those who have it mapped.  Against
   other programs, which may overwrite it or cut it off, there is lease.c. */
#include "image/unit-map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a mapping costs besides its bytes, for the collector's reckoning: kernel structures and page tables. */
enum { MAPPING_COST = 16 * 1024 };

static const char *header_check(const UnitHeader *h, size_t size) {
    if (size < UNIT_HEADER) return "it is truncated";
    if (h->version != UNIT_VERSION) return "it has another format version";
    if (h->size != size) return "its length is wrong";
    uint64_t room = size - UNIT_HEADER;
    if (h->code_bytes > room || h->code_bytes % 16 || h->constants_bytes > room - h->code_bytes ||
        h->debug_bytes != room - h->code_bytes - h->constants_bytes)
        return "its sections do not fit";
    if (h->flags & ~(uint32_t)UNIT_HAS_DEBUG || h->reserved[0] || h->reserved[1] || h->reserved[2]) return "its header has unknown parts";
    if (h->objects > h->constants_bytes || h->debug_objects > h->debug_bytes) return "its tables do not fit";
    UnitHeader zeroed = *h;
    zeroed.checksum = 0;
    uint64_t sum = unit_checksum(&zeroed, UNIT_HEADER, 0);
    if (unit_checksum((const char *)h + UNIT_HEADER, room, sum) != h->checksum) return "its checksum is wrong";
    if (h->interface != unit_interface()) return "it was compiled by another version of the system";
    return NULL;
}

static Unit *unit_new(char *base, size_t size, int lease) {
    const UnitHeader *h = (const UnitHeader *)(const void *)base;
    Unit *u = calloc(1, sizeof *u);
    must(u != NULL);
    u->base = base;
    u->size = size;
    u->lease = lease;
    u->code = base + UNIT_CODE_AT;
    u->code_bytes = h->code_bytes;
    u->constants = (const uint8_t *)u->code + h->code_bytes;
    u->constants_end = u->debug = u->constants + h->constants_bytes;
    u->debug_end = u->debug + h->debug_bytes;
    u->objects = h->objects;
    u->debug_objects = h->debug_objects;
    return u;
}

/* Maps an open file. */
static const char *unit_map_file(int fd, const char *path, Unit **unit, int *error) {
    char magic[8];
    size_t size;
    int lease;
    ssize_t got = pread(fd, magic, sizeof magic, 0);
    if (got < 0) {
        *error = errno;
        return NULL;
    }
    if (got != sizeof magic || memcmp(magic, UNIT_MAGIC, sizeof magic) != 0) return NULL;
    char *base = lease_map(fd, path, &size, &lease);
    if (!base) return errno == ENOMEM ? "there is no room to map it" : "it cannot be mapped";
    const char *wrong = header_check((const UnitHeader *)(const void *)base, size);
    if (!wrong && !unit_patch(base + UNIT_CODE_AT, ((const UnitHeader *)(const void *)base)->code_bytes)) wrong = "its code is malformed";
    if (!wrong && mprotect(base, size, PROT_READ) != 0) wrong = "it cannot be protected";
    if (wrong) {
        lease_end(lease);
        munmap(base, size);
        return wrong;
    }
    lease_begin(lease, base);
    *unit = unit_new(base, size, lease);
    return NULL;
}

const char *unit_map(const char *path, Unit **unit, int *error) {
    *unit = NULL;
    *error = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *error = errno;
        return NULL;
    }
    const char *wrong = unit_map_file(fd, path, unit, error);
    close(fd);
    return wrong;
}

void unit_unmap(void *unit) {
    Unit *u = unit;
    lease_end(u->lease);
    munmap(u->base, u->size);
    free(u->stack);
    free(u);
}

void unit_own(Thread *t, Obj owner, Unit *unit) {
    foreign_add(t, owner, unit, unit->size + MAPPING_COST, unit_unmap);
    if (lease_many() && unit->lease != NO_LEASE) heap_request(t, 2);
}

/* -- Loaded units -- */

bool unit_loaded(Thread *t, size_t i, Obj *owner, size_t *code_bytes) {
    void *data;
    for (size_t at = 0; foreign_next(t->heap, &at, unit_unmap, owner, &data);) {
        if (i-- > 0) continue;
        *code_bytes = ((Unit *)data)->code_bytes;
        return true;
    }
    return false;
}

static Unit *unit_of_owner(Thread *t, Obj owner) {
    Obj o;
    void *data;
    for (size_t at = 0; foreign_next(t->heap, &at, unit_unmap, &o, &data);)
        if (eq(o, owner)) return data;
    return NULL;
}

static bool code_within(const Unit *u, Obj function) {
    Obj code = obj_slots(function)[FUNCTION_CODE];
    return is_obj(code) && code.w - (uintptr_t)u->base < u->size;
}

bool unit_owns(Thread *t, Obj owner, Obj function) {
    const Unit *u = unit_of_owner(t, owner);
    return u && has_type(function, TYPE_FUNCTION) && code_within(u, function);
}

typedef struct Count {
    const Unit *unit;
    uint64_t functions;
} Count;

static void count_function(void *data, Obj x) {
    Count *c = data;
    if (has_type(x, TYPE_FUNCTION) && code_within(c->unit, x)) c->functions++;
}

uint64_t unit_count_functions(Thread *t, Obj owner) {
    Count c = {unit_of_owner(t, owner), 0};
    if (c.unit) heap_each_object(t->heap, count_function, &c);
    return c.functions;
}
