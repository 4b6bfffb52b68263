/* purify.h: code and names in read-only space, and back.  Part of image's door; the theory is in docs/pure.md. */
#ifndef PURIFY_H
#define PURIFY_H

#include "heap/heap.h"

/* These four only at a safe point (heap_request_work); each collects fully. */

/* Moves code, names of interned symbols, literal strings and numbers to the pure area.  False, with nothing done, if it has no room for them. */
bool purify(Thread *t);
/* Moves the code of loaded units there, and nothing else: then they are unmapped. */
bool purify_units(Thread *t);
/* Moves what is alive of the pure area back and empties it.  False, with nothing done, if the dynamic area has no room. */
bool impurify(Thread *t);
/* The bytes of the pure area that nothing refers to, save weakly.  False: no memory to find out. */
bool pure_garbage(Thread *t, size_t *bytes);

/* For images.  The part of the area in use is [*start, *end), as `pure_area` of heap.h says; it is a section as it stands.  A loader calls
   `pure_reserve`, maps the section privately at the address that this returns (which is PURE_BASE unless that is taken), calls `pure_adopt`, and when there
   is a thread `pure_guard`. */
void pure_adopt(Heap *heap, char *start, char *end);
/* From now on a write to the area is a Lisp error. */
void pure_guard(Thread *t);

#endif
