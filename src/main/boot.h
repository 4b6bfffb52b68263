/* boot.h: from nothing to a world with the library loaded. */
#ifndef BOOT_H
#define BOOT_H

#include "run/run.h"

/* Makes the world: heap (limit in bytes, 0 for the default), thread, packages, builtins, compiler; then loads the library that is embedded
   in the executable.  A failure is a message and exit 2. */
Thread *boot_world(size_t heap_limit, int argc, char **argv);

/* Reads and evaluates all forms of a text in UTF-8, in package WINDFALL-SYSTEM, with nothing but the C reader and the compiler. */
void boot_load_text(Thread *t, const char *name, const char *text, size_t bytes);

#endif
