/* hash.h: hash codes and hash tables.  Part of run's door. */
#ifndef HASH_H
#define HASH_H

#include "run/equal.h"

enum { NO_ENTRY = -1 };

/* -- hash.c: hash codes, 31 bits -- */

/* The code of a key under a test; *by_address is set when it depends on the key's address. */
uint32_t hash_key(Thread *t, Test test, Obj key, bool *by_address);
/* Whether under the test a key's code depends on its address; the code of such a key. */
bool hashed_by_address(Test test, Obj key);
uint32_t hash_address(Obj key);
/* SXHASH: the same for EQUAL objects, always. */
uint64_t hash_stable(Thread *t, Obj x);

/* -- table.c -- */

Obj table_make(Thread *t, Test test, Obj test_name, uint64_t size, unsigned weak_flags);
uint64_t table_count(Thread *t, Obj table);
uint64_t table_capacity(Obj table);
/* The value of a key; false when there is none. */
bool table_get(Thread *t, Obj table, Obj key, Obj *value);
void table_put(Thread *t, Obj table, Obj key, Obj value);
bool table_remove(Thread *t, Obj table, Obj key);
void table_clear(Thread *t, Obj table);
/* The first live entry at or after position i: its position, NO_ENTRY at the end. */
int64_t table_next(Thread *t, Obj table, uint64_t i, Obj *key, Obj *value);
/* Links everything anew, in an order that depends on the entries alone; not on what happened to the table. */
void table_normalise(Obj table);

/* For tests that are Lisp functions: entries by hash code. */
int64_t table_probe(Thread *t, Obj table, uint32_t hash, int64_t previous);
void table_add(Thread *t, Obj table, Obj key, Obj value, uint32_t hash);
/* Whether there still is an entry at position i: the test's function may have changed the table, or the collector a weak one. */
bool table_live_at(Thread *t, Obj table, int64_t i);
void table_remove_at(Thread *t, Obj table, int64_t i);
static inline Obj *table_pair(Obj table, int64_t i) { return obj_slots(obj_slots(table)[HASH_TABLE_ENTRIES]) + ENTRIES_PAIRS + 2 * i; }

#endif
