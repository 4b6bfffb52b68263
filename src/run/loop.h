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
NORETURN Obj loop_undefined_function(Thread *t, Obj cell);

#endif
