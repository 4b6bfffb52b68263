/* compile.h: forms to functions.  Door of room compile. */
#ifndef COMPILE_H
#define COMPILE_H

#include "run/run.h"

/* Tells the collector of the compiler, and the symbols of the functions that it knows. */
void compiler_create(Thread *t);
/* The first half of it: for a world whose symbols know already. */
void compiler_attach(Thread *t);
/* Compiles a form in the environment (NIL or an ENVIRONMENT): a function of no arguments that evaluates it.  Calls macro functions. */
Obj compile_form(Thread *t, Obj form, Obj environment);
/* Compiles a lambda expression (LAMBDA ...) or (NAMED-LAMBDA name ...) in the environment: the function itself. */
Obj compile_lambda(Thread *t, Obj lambda, Obj environment);
/* The same for COMPILE-FILE: LOAD-TIME-VALUE becomes a cell that holds a function of no arguments; whoever loads the code fills the cell with its value. */
Obj compile_form_for_file(Thread *t, Obj form, Obj environment);
Obj compile_lambda_for_file(Thread *t, Obj lambda, Obj environment);

/* Slots of an ENVIRONMENT as macro functions see it: association lists, innermost first.
   variables: (name :LEXICAL t) (name :SPECIAL t) (name :SYMBOL-MACRO expansion)
   functions: (name :FUNCTION nil) (name :MACRO function)   declarations: (name :INLINE t), :NOTINLINE, (name :TYPE type), :FTYPE */
enum { ENVIRONMENT_VARIABLES, ENVIRONMENT_FUNCTIONS, ENVIRONMENT_DECLARATIONS, ENVIRONMENT_LENGTH };

bool is_special_operator(Obj symbol);
/* EQ, or the same (SETF symbol). */
bool function_names_equal(Obj a, Obj b);

#endif
