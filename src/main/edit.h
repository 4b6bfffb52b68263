/* edit.h: the line editor of terminals. */
#ifndef EDIT_H
#define EDIT_H

#include "run/run.h"

/* Registers the line editor as the reader of standard input, if that is a terminal that can be edited on. */
void edit_create(Thread *t);
void edit_end(Thread *t);

#endif
