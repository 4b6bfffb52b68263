/* loop.h: the bytecode loop's entry and its helpers; for room run only. */
#ifndef LOOP_H
#define LOOP_H

#include "run/run.h"

typedef enum Enter { ENTER_CALL, ENTER_DOOR } Enter;

Obj interpret(Thread *t, Enter how, Obj f, Obj *base, uint32_t n);

/* call.c */
void loop_collect_fully(Thread *t);
Obj loop_bind_lists(Thread *t, Obj symbols, Obj values); /* the binding depth before, a fixnum */
Obj loop_values_of_list(Thread *t, Obj list);            /* sets the current values, returns the first */
void loop_restore_values(Thread *t, Obj *nb);
/* The function of the cell, which has none: fetched if it was shaken off, else an error. */
Obj loop_undefined_function(Thread *t, Obj cell);
/* Fetches what was shaken off, functions' names among it, if there is so much room that it cannot fail for want of it; the second, if the function that is to be called
   for an error is a leaf that stands for one that was shaken off (prim/early.c). */
void loop_fetch(Thread *t);
void loop_fetch_handler(Thread *t);
/* Has what was shaken off been fetched now?  `end`: the end of the arguments of a call. */
bool loop_fetched(Thread *t, Obj *end);

#endif
