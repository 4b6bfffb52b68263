/* unit-table.h: what a unit's writer is made of: buffers, and tables of the objects written.  Not a door. */
#ifndef UNIT_TABLE_H
#define UNIT_TABLE_H

#include "image/unit-format.h"

/* Bytes that grow; what is behind `kept` is forgotten when a call cannot be written. */
typedef struct Buffer {
    uint8_t *p;
    size_t n, room, kept;
} Buffer;

void buffer_put(Buffer *b, const void *bytes, size_t n);
void buffer_byte(Buffer *b, uint8_t byte);
void buffer_number(Buffer *b, uint64_t n);
void buffer_signed(Buffer *b, int64_t n);

/* Objects and their numbers in the unit, found by address.  The objects themselves are in a simple-vector of the heap; a collection moves them,
   and then the hash index is made anew.  NUMBER_PENDING: the object is being written. */
enum { NUMBER_PENDING = -1, NOT_FOUND = -1 };

typedef struct ObjectTable {
    uint32_t *index;    /* open addressing: position + 1, 0 empty */
    size_t index_size;
    int32_t *numbers;   /* by position */
    size_t room;
    uint32_t count, kept;         /* positions */
    uint32_t next, kept_next;     /* the next number */
    uint64_t epoch;               /* of the index: collections so far */
    bool stale;
} ObjectTable;

/* The tables' vector of objects is slot `slot` of the writer. */
int64_t numbers_find(Thread *t, ObjectTable *table, Obj objects, Obj x);
/* Adds an object that is not there, pending; returns its position. */
uint32_t numbers_push(Thread *t, ObjectTable *table, Obj writer, uint64_t slot, Obj x);
void numbers_forget(ObjectTable *table);
void numbers_keep(ObjectTable *table);
void numbers_free(ObjectTable *table);

#endif
