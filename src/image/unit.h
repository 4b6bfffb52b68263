/* unit.h: compiled files whose code is collected.  Part of the door of room image.

   COMPILE-FILE (lisp/compile-file.lisp) drives a writer: one call of a function for each top-level form, its arguments constants, functions among
   them as templates.  LOAD maps the file and drives a loader, which makes the constants of the next call and hands it to Lisp.  C never calls
   Lisp here.

   The mapping belongs to an owner, a Lisp object that LOAD makes.  Every function over the unit's code has the owner as last value of its
   environment: templates are made with it, closures get it by CLOSUREDYN and CLOSURERECDYN, which the loader puts in the place of CLOSURE and
   CLOSUREREC before the first instruction runs.  A frame holds its function.  So the owner, and with it the mapping, lives exactly as long as
   somebody can run the code; the collector unmaps it (heap/foreign.c). */
#ifndef UNIT_H
#define UNIT_H

#include "code/code.h"
#include "heap/heap.h"

/* -- unit-write.c: a writer is a simple-vector -- */

Obj unit_writer_make(Thread *t);
/* Writes a call of `function` (a function's name, or a function) with the list of constants.  UNBOUND; or the object that must be made by a call of its own
   first (UNIT_MAKE), or cannot be in a file (UNIT_NEVER, UNIT_DEEP); then nothing has been written. */
typedef enum UnitProblem { UNIT_FINE, UNIT_MAKE, UNIT_NEVER, UNIT_DEEP } UnitProblem;
UnitProblem unit_write_call(Thread *t, Obj writer, Obj function, Obj arguments, Obj *object);
/* The value of the call written last is `object` in the loaded unit; or, for a cell, its contents. */
void unit_write_value(Thread *t, Obj writer, Obj object);
/* Writes the file, whole or not at all; 0 or the error number.  Without debug information if `debug` is false. */
int unit_write_file(Thread *t, Obj writer, const char *path, bool debug);

/* -- unit-read.c: a loader is a simple-vector -- */

/* Opens and checks a unit.  NULL and *loader; or what is wrong.  *loader is NIL if the file cannot be opened (*error says why) or is no unit (*error 0). */
const char *unit_open(Thread *t, const char *path, Obj owner, Obj *loader, int *error);
/* Goes on to the next call: false at the end.  `value` is that of the last call. */
bool unit_next(Thread *t, Obj loader, Obj value, Obj *function, Obj *arguments);

/* -- unit-map.c -- */

/* The owner of the i-th loaded unit and its code's bytes; false behind the last. */
bool unit_loaded(Thread *t, size_t i, Obj *owner, size_t *code_bytes);
/* Does the function's code lie in the owner's unit? */
bool unit_owns(Thread *t, Obj owner, Obj function);
/* Counts the functions over the owner's unit that the last collection found; code vectors among them once. */
uint64_t unit_count_functions(Thread *t, Obj owner);

#endif
