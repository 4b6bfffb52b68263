/* dynamic.h: where a program can make names at run time (dynamic.c); for deliver.c. */
#ifndef DYNAMIC_H
#define DYNAMIC_H

#include "shake/shake.h"

#include <stdio.h>

typedef struct Dynamic Dynamic;

/* Looks through all code for uses of the functions in the list; between `shake_begin` and `shake_split`.  MARK: what is older is the library's. */
Dynamic *dynamic_survey(Thread *t, Obj callees, Obj mark);
/* Writes what can be met of it, with paths, as text for Lisp's reader; in ShakeOptions.broken. */
void dynamic_report(Shake *s, const Dynamic *d, FILE *to);
void dynamic_free(Dynamic *d);

#endif
