/* compound.c: arrays of several objects.

   A simple vector is one object.  An array with a header is two, header and elements; a hash table is three: the table, its entries and
   their index.  Each refers to the next in one slot, so they are a chain:

       ARRAY -- ARRAY_DATA --> simple vector
       HASH_TABLE -- HASH_TABLE_ENTRIES --> HASH_ENTRIES -- ENTRIES_INDEX --> (UNSIGNED-BYTE 32) vector

   The parts are one block in shadow space.  An operation may give a part a successor outside the block (a table grows, a vector is extended):
   such an array is whole, and stays so if it is evicted, but its block no longer holds all of it; `compound_replace` makes a new one.

   Keys hashed by address: while the table sleeps they move without its entries knowing.  So the entries of a table that was fetched, or over which a
   collection passed while it was in the buffer, are all marked as moved, and it rehashes what needs it when it is used.

   Limit: weak tables are not swapped, for only the collector may break their entries; nor are displaced arrays, for two arrays that share
   elements would have to be one block. */
#include "swap/inside.h"

/* The slot of a part that refers to the next one; NULL when there is none. */
static Obj *part_link(Obj x) {
    switch (obj_type(x)) {
    case TYPE_ARRAY: return &obj_slots(x)[ARRAY_DATA];
    case TYPE_HASH_TABLE: return &obj_slots(x)[HASH_TABLE_ENTRIES];
    case TYPE_HASH_ENTRIES: return &obj_slots(x)[ENTRIES_INDEX];
    default: return NULL;
    }
}

static bool is_displaced(Obj array) { return !is_nil(obj_slots(array)[ARRAY_DISPLACED_P]) || obj_type(obj_slots(array)[ARRAY_DATA]) == TYPE_ARRAY; }
static bool is_weak(Obj table) { return obj_flags(obj_slots(table)[HASH_TABLE_ENTRIES]) & (ENTRIES_WEAK_KEY | ENTRIES_WEAK_VALUE); }

const char *compound_problem(Obj x) {
    if (has_type(x, TYPE_ARRAY)) return is_displaced(x) ? "it is displaced to another array" : NULL;
    if (has_type(x, TYPE_HASH_TABLE)) return is_weak(x) ? "it is a weak hash table" : NULL;
    return is_obj(x) && is_simple_vector_type(obj_type(x)) ? NULL : "it is no array";
}

static uint32_t compound_parts(Obj x, Obj parts[COMPOUND_PARTS]) {
    uint32_t count = 0;
    for (Obj *link = &x; link; link = part_link(*link)) parts[count++] = *link;
    return count;
}

/* -- Storing -- */

Obj compound_store(Thread *t, Obj x, SwapFault *fault) {
    Obj parts[COMPOUND_PARTS];
    uint32_t count = compound_parts(x, parts);
    bool table = obj_type(x) == TYPE_HASH_TABLE, header = obj_type(x) == TYPE_ARRAY;
    Type storage = table ? (Type)0 : obj_type(parts[count - 1]);
    bool vector = !table && (!header || obj_length(x) == ARRAY_DIMENSIONS + 1);
    return swap_store(t, storage, vector, parts, count, 0, 0, fault);
}

SwapFault compound_replace(Thread *t, Obj handle, Obj x) {
    Obj parts[COMPOUND_PARTS];
    uint32_t count = compound_parts(x, parts);
    return swap_replace(t, handle, parts, count);
}

bool compound_has_grown(Obj x) {
    bool inside = swap_contains(obj_words(x));
    for (Obj *link = &x; link; link = part_link(*link))
        if (swap_contains(obj_words(*link)) != inside) return true;
    return false;
}

/* -- Keys that have moved -- */

static void entries_moved(Obj entries) {
    uint64_t capacity = (obj_length(entries) - ENTRIES_PAIRS) / 2;
    Obj index = obj_slots(entries)[ENTRIES_INDEX];
    uint32_t *hash = (uint32_t *)obj_raw(index) + obj_length(index) - capacity;
    const Obj *pairs = obj_slots(entries) + ENTRIES_PAIRS;
    for (uint64_t i = 0; i < capacity; i++)
        if (!is_marker(pairs[2 * i])) hash[i] |= HASH_MOVED;
    obj_set_flags(entries, obj_flags(entries) | ENTRIES_STALE);
}

void compound_refresh(SwapEntry *e) {
    Obj entries = obj_slots(swap_object(e))[HASH_TABLE_ENTRIES];
    if (obj_flags(entries) & ENTRIES_BY_ADDRESS) entries_moved(entries);
    e->flags &= (uint8_t)~SWAP_MOVED;
}

/* -- Copies -- */

Obj compound_duplicate(Thread *t, Obj handle, SwapFault *fault) {
    Obj copy = swap_copy(t, handle, NULL, fault);
    if (!has_type(copy, TYPE_HASH_TABLE)) return copy;
    Obj entries = obj_slots(copy)[HASH_TABLE_ENTRIES];
    if (obj_flags(entries) & ENTRIES_BY_ADDRESS) {
        entries_set_by_address(t, entries);
        entries_moved(entries);
    }
    return copy;
}

Obj compound_copy(Thread *t, Obj handle) {
    SwapFault fault;
    Obj copy = compound_duplicate(t, handle, &fault);
    if (fault != SWAP_FINE) swap_signal(t, handle, fault);
    return copy;
}

/* Each step is a bijection of the sum, so that a single word that differs is always seen. */
static uint64_t sum_words(uint64_t sum, const Obj *words, size_t count) {
    for (size_t i = 0; i < count; i++) {
        sum = (sum ^ words[i].w) * UINT64_C(0x9E3779B97F4A7C15);
        sum ^= sum >> 29;
    }
    return sum;
}

uint64_t compound_hash(Obj x) {
    uint64_t sum = 0;
    for (Obj *link = &x; link; link = part_link(*link)) sum = sum_words(sum, obj_words(*link), header_bytes(obj_header(*link)) / 8);
    return sum;
}
