/* follow.h: where symbols that a program makes can come to (follow.c); for dynamic.c. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "shake/shake.h"

enum { FOLLOW_SOURCES = 32 };

typedef struct Follow Follow;

/* What a rule says of a function, a variable or a keyword: #(symbol flags positions keys), made by lisp/dynamic-uses.lisp. */
enum {
    RULE_CLEAN = 1,    /* the function's values are no symbols and hold none of those that came in */
    RULE_VARIABLE = 2, /* the library looks for nothing by what the variable holds */
    RULE_STORES = 4,   /* the function puts an argument into another, or keeps it */
    RULE_SOURCE = 8,   /* the function makes symbols */
    RULE_KEYWORD = 16, /* the keyword's argument is looked at as data only */
    RULE_HARMLESS = 32, /* the function is none of COMMON-LISP's and asks for no definition */
    RULE_INSIDE = 64,  /* the function looks for what is in its arguments, too: forms, types, names that are lists */
    RULE_OBJECT = 128, /* the function's value is no symbol, but may hold arguments */
    RULE_TYPE = 256,   /* the symbol is a type too, and as data it is that */
    RULE_ITEM = 512,   /* the first argument is looked for and not returned */
    RULE_SECOND_ITEM = 1024 /* the second one is */
};

/* Looks through the code of the program, which is younger than the mark; before `shake_split`. */
Follow *follow_survey(Thread *t, Obj mark, Obj rules);
/* The instruction at that place in the code mentions or calls the function CALLEE: the number of a source, if it makes symbols; else -1. */
int follow_source(Follow *f, Obj callee, Obj code, uint64_t at);
/* Follows all sources through what can be met; in ShakeOptions.broken. */
void follow_solve(Follow *f, Shake *s);
/* By what a symbol of the source comes to its definition, with the code in which that is (NIL: none); NULL: it does not. */
const char *follow_use(const Follow *f, int source, Obj *code);
void follow_free(Follow *f);

#endif
