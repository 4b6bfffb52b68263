/* boot.h: from nothing to a world: mapped from an image, or made from the library's source. */
#ifndef BOOT_H
#define BOOT_H

#include "image/image.h"

/* Makes the world of an image, which is closed.  A failure is a message and exit 2. */
Thread *boot_image(ImageFile *image, const char *name, size_t heap_limit, int argc, char **argv);

/* Makes the world: heap (limit in bytes, 0 for the default), thread, packages, builtins, compiler; then loads the library, the files that DIRECTORY/ORDER
   lists.  A failure is a message and exit 2. */
Thread *boot_library(const char *directory, size_t heap_limit, int argc, char **argv);

#endif
