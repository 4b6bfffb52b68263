/* shed.h: what a delivery shakes off, kept in a file beside the program and fetched on demand.  Part of image's door.

   The *shed* of a program is all that the undelivered world had and the program has not: objects, and what the program's own objects held then.  It is made
   of a copy of the world before anything was taken away, and a *roster*: a weak table of all its objects, which tells after the shake where each
   one is now, or that it has gone.

       shed_begin      the copy, the roster; then the program is shaken
       shed_settle     compares the copy with what is left
       shed_write      to the file, when the program has been written

   Fetching (shed-fetch.c) is no return to the old world: what the program has changed since it started stays as it is.  docs/decisions/shedding.md tells
   why it is done so, docs/image-format.md what is in the file, docs/manual/delivering.md what users see. */
#ifndef SHED_H
#define SHED_H

#include "run/run.h"

/* -- shed-make.c -- */

typedef struct Shed Shed;

/* Begins: no Lisp runs, and everything is in the dynamic area.  World.shed is the roster. */
Shed *shed_begin(Thread *t);
/* When nothing more goes: fills World.shed, which is part of the program, with `name`, that of the file, and what the shed refers to.  `swaps`: code is going to be swapped. */
void shed_settle(Shed *s, const char *name, bool swaps);
/* Bytes of the file. */
uint64_t shed_bytes(const Shed *s);
/* Writes the file, for the program of that build (ImageLayout.build).  NULL, or what went wrong; *system_error is then the errno or 0. */
const char *shed_write(const Shed *s, const char *file, uint64_t build, int *system_error);

/* -- The roster: HASH_ENTRIES, weak by key, without index; keys are the objects -- */

static inline uint64_t roster_count(Obj roster) { return has_type(roster, TYPE_HASH_ENTRIES) ? (obj_length(roster) - ENTRIES_PAIRS) / 2 : 0; }
static inline Obj *roster_place(Obj roster, uint64_t i) { return &obj_slots(roster)[ENTRIES_PAIRS + 2 * i]; }

/* -- shed-fetch.c -- */

/* World.fetch_shed. */
bool shed_fetch_now(Thread *t);

#endif
