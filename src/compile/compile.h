/* compile.h: forms to functions.  Door of room compile. */
#ifndef COMPILE_H
#define COMPILE_H

#include "run/run.h"

void compiler_create(Thread *t);
/* Compiles a form in the environment (NIL or an ENVIRONMENT): a function of no arguments that evaluates it.  Calls macro functions. */
Obj compile_form(Thread *t, Obj form, Obj environment);
/* Compiles a lambda expression (LAMBDA ...) or (NAMED-LAMBDA name ...) in the environment: the function itself. */
Obj compile_lambda(Thread *t, Obj lambda, Obj environment);

#endif
