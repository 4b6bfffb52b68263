/* must.c: assertions that stay in release builds. */
#include "base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

NORETURN void must_fail(const char *file, int line, const char *what) {
    fprintf(stderr, "windfall: internal error at %s:%d: must(%s)\n", file, line, what);
    abort();
}

NORETURN void must_die(const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    fputs("windfall: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(2);
}
