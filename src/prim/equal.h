/* equal.h: EQUAL and EQUALP for other leaves (hash tables, TREE-EQUAL, ...). */
#ifndef EQUAL_H
#define EQUAL_H

#include "run/run.h"

bool objects_equal(Thread *t, Obj a, Obj b);
bool objects_equalp(Thread *t, Obj a, Obj b);

#endif
