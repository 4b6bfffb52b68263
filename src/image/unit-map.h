/* unit-map.h: a mapped unit, as the loader sees it.  Not a door. */
#ifndef UNIT_MAP_H
#define UNIT_MAP_H

#include "image/unit-format.h"

typedef struct Unit {
    char *base;            /* of the mapping, the file's first byte */
    int lease;
    size_t size;           /* of the file */
    char *code;
    size_t code_bytes;
    const uint8_t *constants, *constants_end, *debug, *debug_end;
    uint32_t objects, debug_objects;
    Obj *stack;            /* of the loading machine; empty between calls */
    size_t depth, room;
} Unit;

/* Maps the file and checks it: NULL and *unit; or what is wrong.  *unit is NULL and the result NULL if it cannot be opened or is no unit. */
const char *unit_map(const char *path, Unit **unit, int *error);
void unit_unmap(void *unit);
/* The pages are final: no more writing. */
void unit_own(Thread *t, Obj owner, Unit *unit);

/* -- lease.c -- */

enum { NO_LEASE = -1 };
/* Private, writable memory with the contents of an open file, which others will not change: mapped, under a lease, or read.  NULL: errno says why. */
char *lease_map(int fd, const char *name, size_t *size, int *lease);
/* Are there so many leases that a collection, which may find some to be of no use any more, is worth while? */
bool lease_many(void);
/* The pages are final, and not writable any more. */
void lease_begin(int lease, char *base);
/* Before the memory is given back. */
void lease_end(int lease);

/* -- unit-object.c: may a unit have such an object? -- */

bool unit_word_fits(Obj x);
bool unit_raw_fits(Obj x);
bool unit_boxed_fits(Obj x);
bool unit_slot_fits(Obj x, uint64_t slot);
bool unit_debug_fits(Obj x);

#endif
