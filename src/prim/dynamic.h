/* dynamic.h: where a program can make names at run time (dynamic.c); for deliver.c. */
#ifndef DYNAMIC_H
#define DYNAMIC_H

#include "code/code.h"
#include "shake/shake.h"

#include <stdio.h>

typedef struct Dynamic Dynamic;

/* Looks through all code for uses of the functions in the list; between `shake_begin` and `shake_split`.  MARK: what is older is the library's; RULES: see follow.h. */
Dynamic *dynamic_survey(Thread *t, Obj callees, Obj rules, Obj mark);
/* Writes what can be met of it, with paths, as text for Lisp's reader; in ShakeOptions.broken. */
void dynamic_report(Shake *s, const Dynamic *d, FILE *to);
void dynamic_free(Dynamic *d);

/* The one instruction from which the value of the register before instruction `at` comes; -1: not known. */
int64_t dynamic_writer(const Instruction *code, uint64_t length, uint64_t at, unsigned r);
/* In `broken`: is it data of the program: younger than the mark, neither a function's constants nor a part of a symbol of the library? */
bool dynamic_users_data(Shake *s, Obj mark, Obj x);

#endif
