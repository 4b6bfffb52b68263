/* boot.h: from nothing to a world, mapped from an image or made from the library's source; and its start. */
#ifndef BOOT_H
#define BOOT_H

#include "image/image.h"

/* -- start.c -- */

World *world_make(int argc, char **argv);
/* Makes the world of an image, which is closed.  A failure is a message and exit 2. */
Thread *boot_image(ImageFile *image, const char *name, size_t heap_limit, int argc, char **argv);
/* The list of the strings of a NULL-ended vector. */
Obj argument_list(Thread *t, char **arguments);
/* Calls a function of WINDFALL-SYSTEM, or a delivered program's entry, and writes what the standard streams still hold; the exit code. */
int world_run(Thread *t, const char *function, uint32_t n, const Obj *arguments);
int world_run_entry(Thread *t, char **arguments);
/* Says on standard error why there can be no start, and exits with code 2. */
NORETURN void image_refused(const char *name, const char *why);

/* -- boot.c -- */

/* Makes the world: heap (limit in bytes, 0 for the default), thread, packages, builtins, compiler; then loads the library, the files that DIRECTORY/ORDER
   lists.  A failure is a message and exit 2. */
Thread *boot_library(const char *directory, size_t heap_limit, int argc, char **argv);

#endif
