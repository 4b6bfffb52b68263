/* deliver.h: what the files of delivery share.  Private to room prim. */
#ifndef DELIVER_H
#define DELIVER_H

#include "prim/prim.h"
#include "shake/shake.h"

/* Groups of what keywords take away: places in the table of removed.c. */
enum {
    REMOVED_SHAKEN,
#define GROUP(id, keeps) REMOVED_##id,
#define GONE(group, name)
#include "prim/removals.def"
#undef GROUP
#undef GONE
};

/* -- deliver.c -- */

/* The symbol with a name as BUILTIN writes it; NIL if it has been shaken off in the first round. */
Obj named_symbol(Thread *t, const char *name);

/* -- deliver-report.c: what :CALL-COUNT tells, on standard error -- */

/* How many links of each kind there were, and how many are left. */
void report_figures(const ShakeFigures *f);
/* A line for each function that stays: the bytes of its code and constants, its name. */
void report_functions(Shake *s);
/* What the image holds, by type. */
void report_census(Thread *t);
/* Which leaves are the reason that the whole runtime is taken. */
void report_runtime(Thread *t);

/* -- deliver-strings.c -- */

typedef struct StringNames StringNames;

/* Notes what strings name, while there are packages and symbols are whole; `mark`: what is older is the library's. */
StringNames *strings_scan(Thread *t, Obj mark);
/* Hands in FORMAT's directives and what strings name. */
void strings_record(Shake *s, StringNames *names);
void strings_free(StringNames *names);

#endif
