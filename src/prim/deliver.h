/* deliver.h: what the files of delivery share.  Private to room prim. */
#ifndef DELIVER_H
#define DELIVER_H

#include "prim/prim.h"
#include "shake/shake.h"

/* -- deliver.c -- */

/* The symbol with a name as BUILTIN writes it; NIL if it has been shaken off in the first round. */
Obj named_symbol(Thread *t, const char *name);

/* -- deliver-strings.c -- */

typedef struct StringNames StringNames;

/* Notes what strings name, while there are packages and symbols are whole; `mark`: what is older is the library's. */
StringNames *strings_scan(Thread *t, Obj mark);
/* Hands in FORMAT's directives and what strings name. */
void strings_record(Shake *s, StringNames *names);
void strings_free(StringNames *names);

#endif
