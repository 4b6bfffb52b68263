/* strings.h: string designators, keyword arguments and bounds for leaves.  Shared by the files of room prim. */
#ifndef STRINGS_H
#define STRINGS_H

#include "run/run.h"
#include "text/text.h"

/* The text of a string designator: a string, a symbol's name, or a character, whose code goes to *cell.  TYPE-ERROR for what is none. */
Text designated_text(Thread *t, Obj x, uint32_t *cell);
/* The same as a string; a character gives a fresh one. */
Obj designated_string(Thread *t, Obj x);

typedef struct Keyword {
    Obj name, value;
} Keyword;
/* Finds the values of the keywords among the arguments from `from` on; the first of several counts.  PROGRAM-ERROR for an odd number of
   arguments, and for other keywords unless :ALLOW-OTHER-KEYS is true. */
void keywords_parse(Thread *t, const Obj *args, uint32_t from, uint32_t n, Keyword *keywords, uint32_t count);
/* Bounding indices; end may be NIL.  TYPE-ERROR unless 0 <= start <= end <= length. */
void bounds_check(Thread *t, Obj start, Obj end, uint64_t length, uint64_t *start_out, uint64_t *end_out);

#endif
