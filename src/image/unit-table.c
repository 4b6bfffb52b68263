/* unit-table.c: growing buffers, and the table of the objects that a writer has written. */
#include "image/unit-table.h"

#include <stdlib.h>

/* -- Buffers -- */

void buffer_put(Buffer *b, const void *bytes, size_t n) {
    if (b->room - b->n < n) {
        size_t room = b->room ? 2 * b->room : 4096;
        while (room - b->n < n) room *= 2;
        b->p = realloc(b->p, room);
        must(b->p != NULL);
        b->room = room;
    }
    if (n) memcpy(b->p + b->n, bytes, n);
    b->n += n;
}

void buffer_byte(Buffer *b, uint8_t byte) {
    if (b->n < b->room) b->p[b->n++] = byte;
    else buffer_put(b, &byte, 1);
}

void buffer_number(Buffer *b, uint64_t n) {
    for (; n >= 0x80; n >>= 7) buffer_byte(b, (uint8_t)(n | 0x80));
    buffer_byte(b, (uint8_t)n);
}

void buffer_signed(Buffer *b, int64_t n) { buffer_number(b, (uint64_t)n << 1 ^ (uint64_t)(n >> 63)); }

/* -- Objects -- */

static uint64_t collections(Thread *t) {
    const HeapStatistics *s = heap_statistics(t->heap);
    return s->count[0] + s->count[1] + s->count[2] + s->count[3];
}

static size_t place_of(const ObjectTable *table, Obj x) {
    return (size_t)((x.w * UINT64_C(0x9E3779B97F4A7C15)) >> 24) & (table->index_size - 1);
}

static void index_add(ObjectTable *table, Obj x, uint32_t position) {
    size_t i = place_of(table, x);
    while (table->index[i]) i = (i + 1) & (table->index_size - 1);
    table->index[i] = position + 1;
}

/* Makes the index again, for `room` objects at least. */
static void index_make(Thread *t, ObjectTable *table, Obj objects, size_t room) {
    size_t size = table->index_size ? table->index_size : 256;
    while (size < 2 * room) size *= 2;
    if (size != table->index_size) {
        free(table->index);
        table->index = malloc(size * sizeof(uint32_t));
        must(table->index != NULL);
        table->index_size = size;
    }
    memset(table->index, 0, size * sizeof(uint32_t));
    for (uint32_t i = 0; i < table->count; i++) index_add(table, obj_slots(objects)[i], i);
    table->epoch = collections(t);
    table->stale = false;
}

int64_t numbers_find(Thread *t, ObjectTable *table, Obj objects, Obj x) {
    if (!table->index_size || table->stale || table->epoch != collections(t)) index_make(t, table, objects, table->count + 1);
    for (size_t i = place_of(table, x); table->index[i]; i = (i + 1) & (table->index_size - 1))
        if (eq(obj_slots(objects)[table->index[i] - 1], x)) return table->index[i] - 1;
    return NOT_FOUND;
}

uint32_t numbers_push(Thread *t, ObjectTable *table, Obj writer, uint64_t slot, Obj x) {
    Obj objects = obj_slots(writer)[slot];
    if (table->count == obj_length(objects)) {
        Obj larger = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 2 * obj_length(objects), NIL);
        memcpy(obj_slots(larger), obj_slots(objects), table->count * sizeof(Obj)); /* NOBARRIER: fresh object */
        set_field(t, writer, slot, objects = larger);
    }
    if (table->count == table->room) {
        table->room = table->room ? 2 * table->room : 256;
        table->numbers = realloc(table->numbers, table->room * sizeof(int32_t));
        must(table->numbers != NULL);
    }
    uint32_t position = table->count++;
    set_field(t, objects, position, x);
    table->numbers[position] = NUMBER_PENDING;
    if (2 * (size_t)table->count > table->index_size || table->stale || table->epoch != collections(t)) index_make(t, table, objects, 2 * (size_t)table->count);
    else index_add(table, x, position);
    return position;
}

void numbers_forget(ObjectTable *table) {
    table->stale |= table->count != table->kept;
    table->count = table->kept;
    table->next = table->kept_next;
}

void numbers_keep(ObjectTable *table) {
    table->kept = table->count;
    table->kept_next = table->next;
}

void numbers_free(ObjectTable *table) {
    free(table->index);
    free(table->numbers);
}
