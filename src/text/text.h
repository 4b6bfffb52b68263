/* text.h: characters, strings, symbols and packages, tokens.  Door of room text. */
#ifndef TEXT_H
#define TEXT_H

#include "heap/heap.h"

/* -- string.c -- */

/* A simple string: base if all codes are below 128, else full. */
Obj string_of_utf8(Thread *t, const char *utf8, size_t bytes);
/* UTF-8 of any string (NUL-terminated, malloc'ed; *bytes gets its length if not NULL). */
char *utf8_of_string(Obj string, size_t *bytes);
bool strings_equal(Obj a, Obj b); /* simple strings, any mixture of base and full, same characters */
uint32_t string_hash(Obj simple_string); /* the same for base and full strings of the same characters */
/* Length and characters of any string, fill pointer and displacement considered. */
uint64_t string_length(Obj string);
uint32_t string_char(Obj string, uint64_t i);

/* -- package.c --
   A package: names (list of strings, the name first), hash vectors of internal and external symbols, use and used-by lists, shadowing
   symbols, local nicknames. */
enum { PACKAGE_NAMES, PACKAGE_INTERNAL, PACKAGE_EXTERNAL, PACKAGE_USES, PACKAGE_USED_BY, PACKAGE_SHADOWING, PACKAGE_LOCAL_NICKNAMES, PACKAGE_DOC, PACKAGE_LOCKED, PACKAGE_LENGTH };

/* Makes COMMON-LISP, KEYWORD, WINDFALL-SYSTEM (SYS), WINDFALL (EXT), COMMON-LISP-USER and puts the static symbols into them. */
void packages_create(Thread *t);
Obj package_find(Thread *t, Obj name_string);           /* NIL if there is none; no local nicknames */
/* The symbol of that name accessible in the package; *status is NIL, :INTERNAL, :EXTERNAL or :INHERITED. */
Obj package_find_symbol(Thread *t, Obj package, Obj name_string, Obj *status);
Obj package_intern(Thread *t, Obj package, Obj name_string, Obj *status);
void package_export(Thread *t, Obj package, Obj symbol); /* no conflict check */
Obj intern_text(Thread *t, Obj package, const char *name);
Obj make_symbol(Thread *t, Obj name_string);             /* uninterned */

#endif
