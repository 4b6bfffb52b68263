/* prim.h: what the rooms behind prim need of it besides the leaves.  Door of room prim. */
#ifndef PRIM_H
#define PRIM_H

#include "run/run.h"

/* Makes the standard streams over descriptors 0, 1, 2 and gives the standard's variables their values. */
void streams_create(Thread *t);
/* Writes out standard output and standard error, as far as they take it; never signals. */
void streams_finish(Thread *t);
/* Waits until a descriptor can be read; false if an interrupt is to be handled first. */
bool wait_for_input(Thread *t, int fd);
/* Whether the readtable says that the character is whitespace. */
bool char_is_whitespace(Obj readtable, uint32_t c);

#endif
