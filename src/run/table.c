/* table.c: hash tables.

   A table points to its entries, an object that the collector knows (HASH_ENTRIES), so that weakness and address changes are the
   collector's affair and looking up is ours:

       entries   link | index | key 0 | value 0 | key 1 | value 1 | ...            capacity pairs, in order of insertion
       index     heads[nb] | next[capacity] | hash[capacity]                       32-bit words; nb is a power of two

   Key i is in the chain of head hash[i] & (nb - 1); heads and links hold an entry's number plus one, 0 at the end.  Since the whole
   hash code is kept, comparing it spares most comparisons of unequal keys, and growing computes no hash code again.
   A removed entry's key is DELETED and it is in the free chain, which uses the same links.

   The collector, having moved a key of a table some of whose keys are hashed by address, sets HASH_MOVED in its hash word and STALE in
   the entries; having broken a weak entry it sets its key to BROKEN, its value to NIL, and STALE.  Every operation looks at
   STALE first and relinks exactly those entries.

   Invariants
     table.count  COUNT entries of the first USED are live; all others of these are in the free chain
     table.chain  a live entry is in the chain of its hash word, once */
#include "run/hash.h"

enum { SMALLEST = 8 };
static const uint64_t largest = UINT64_C(1) << 30;

/* -- The parts of a table, as C pointers; good until the next allocation of entries -- */

typedef struct View {
    Obj table, entries, *pairs;
    uint32_t *heads, *next, *hash;
    uint64_t capacity, mask;
} View;

static View view_of(Obj table) {
    Obj entries = obj_slots(table)[HASH_TABLE_ENTRIES];
    Obj index = obj_slots(entries)[ENTRIES_INDEX];
    uint64_t capacity = (obj_length(entries) - ENTRIES_PAIRS) / 2, nb = obj_length(index) - 2 * capacity;
    uint32_t *words = obj_raw(index);
    return (View){table, entries, obj_slots(entries) + ENTRIES_PAIRS, words, words + nb, words + nb + capacity, capacity, nb - 1};
}

static inline uint64_t fix_field(Obj table, int i) { return (uint64_t)fix_of_obj(obj_slots(table)[i]); }
static inline void set_fix_field(Obj table, int i, uint64_t n) { obj_slots(table)[i] = obj_of_fix((int64_t)n); /* NOBARRIER: a fixnum */ }

static void link_entry(View *v, uint64_t i) {
    uint32_t *head = &v->heads[v->hash[i] & v->mask];
    v->next[i] = *head;
    *head = (uint32_t)i + 1;
}

static void unlink_entry(View *v, uint64_t i) {
    uint32_t *at = &v->heads[v->hash[i] & v->mask];
    while (*at && *at != i + 1) at = &v->next[*at - 1];
    must(*at); /* table.chain */
    *at = v->next[i];
}

/* Entry i is free from now on. */
static void free_entry(View *v, uint64_t i) {
    v->pairs[2 * i] = DELETED;
    v->pairs[2 * i + 1] = NIL; /* NOBARRIER: immediate, and NIL is older than everything */
    v->next[i] = (uint32_t)fix_field(v->table, HASH_TABLE_FREE);
    set_fix_field(v->table, HASH_TABLE_FREE, i + 1);
    set_fix_field(v->table, HASH_TABLE_COUNT, fix_field(v->table, HASH_TABLE_COUNT) - 1);
}

/* -- What the collector has changed -- */

static void table_repair(View *v) {
    Test test = (Test)fix_field(v->table, HASH_TABLE_KIND);
    uint64_t used = fix_field(v->table, HASH_TABLE_USED);
    bool weak = obj_flags(v->entries) & (ENTRIES_WEAK_KEY | ENTRIES_WEAK_VALUE);
    obj_set_flags(v->entries, obj_flags(v->entries) & ~(unsigned)ENTRIES_STALE);
    for (uint64_t i = 0; i < used; i++) {
        bool broken = weak && eq(v->pairs[2 * i], BROKEN);
        if (!broken && !(v->hash[i] & HASH_MOVED)) continue;
        v->hash[i] &= ~HASH_MOVED;
        if (!broken && !hashed_by_address(test, v->pairs[2 * i])) continue;
        unlink_entry(v, i);
        if (broken) {
            free_entry(v, i);
            continue;
        }
        v->hash[i] = hash_address(v->pairs[2 * i]);
        link_entry(v, i);
    }
}

void table_normalise(Obj table) {
    View v = view_of(table);
    Test test = (Test)fix_field(table, HASH_TABLE_KIND);
    bool by_address = obj_flags(v.entries) & ENTRIES_BY_ADDRESS;
    if (obj_flags(v.entries) & ENTRIES_STALE) table_repair(&v);
    memset(v.heads, 0, 4 * (v.mask + 1 + v.capacity));
    uint64_t free = 0, used = fix_field(table, HASH_TABLE_USED);
    for (uint64_t i = used; i < v.capacity; i++) v.hash[i] = 0;
    for (uint64_t i = used; i-- > 0;) {
        if (eq(v.pairs[2 * i], DELETED)) {
            v.hash[i] = 0;
            v.next[i] = (uint32_t)free;
            free = i + 1;
            continue;
        }
        if (by_address && hashed_by_address(test, v.pairs[2 * i])) v.hash[i] = hash_address(v.pairs[2 * i]);
        link_entry(&v, i);
    }
    set_fix_field(table, HASH_TABLE_FREE, free);
}

static inline View current_view(Thread *t, Obj table) {
    if (UNLIKELY(!has_type(table, TYPE_HASH_TABLE))) signal_type_error(t, table, SYM(HASH_TABLE));
    View v = view_of(table);
    if (UNLIKELY(obj_flags(v.entries) & ENTRIES_STALE)) table_repair(&v);
    return v;
}

/* -- Making and growing -- */

static Obj entries_make(Thread *t, uint64_t capacity, unsigned flags) {
    uint64_t nb = SMALLEST;
    while (nb < capacity) nb *= 2;
    Obj index = alloc_raw(t, TYPE_U32_VECTOR, nb + 2 * capacity);
    Obj entries = alloc_flagged(t, TYPE_HASH_ENTRIES, flags, ENTRIES_PAIRS + 2 * capacity, EMPTY);
    init_field(entries, ENTRIES_LINK, NIL);
    init_field(entries, ENTRIES_INDEX, index);
    return entries;
}

Obj table_make(Thread *t, Test test, Obj test_name, uint64_t size, unsigned weak_flags) {
    if (size > largest) signal_index_error(t, obj_of_fix((int64_t)size), largest);
    Obj entries = entries_make(t, size < SMALLEST ? SMALLEST : size, weak_flags);
    Obj table = alloc_boxed(t, TYPE_HASH_TABLE, HASH_TABLE_LENGTH, NIL);
    init_field(table, HASH_TABLE_ENTRIES, entries);
    init_field(table, HASH_TABLE_TEST, test_name);
    init_field(table, HASH_TABLE_KIND, obj_of_fix(test));
    init_field(table, HASH_TABLE_COUNT, obj_of_fix(0));
    init_field(table, HASH_TABLE_USED, obj_of_fix(0));
    init_field(table, HASH_TABLE_FREE, obj_of_fix(0));
    return table;
}

/* Twice the room.  All entries are live: there is no free chain. */
static View table_grow(Thread *t, View *old) {
    if (old->capacity > largest / 2) signal_heap_exhausted(t, 64 * old->capacity);
    View v = *old;
    v.entries = entries_make(t, 2 * old->capacity, obj_flags(old->entries));
    Obj *pairs = obj_slots(v.entries) + ENTRIES_PAIRS;
    memcpy(pairs, old->pairs, 16 * old->capacity); /* NOBARRIER: fresh object */
    set_field(t, v.table, HASH_TABLE_ENTRIES, v.entries);
    v = view_of(v.table);
    memcpy(v.hash, old->hash, 4 * old->capacity);
    for (uint64_t i = 0; i < old->capacity; i++) link_entry(&v, i);
    return v;
}

/* -- Looking up -- */

static inline int64_t find_word(const View *v, Obj key, uint32_t hash) {
    for (uint32_t i = v->heads[hash & v->mask]; i; i = v->next[i - 1])
        if (eq(v->pairs[2 * (size_t)(i - 1)], key)) return (int64_t)i - 1;
    return NO_ENTRY;
}

static int64_t find_key(Thread *t, const View *v, Test test, Obj key, uint32_t hash) {
    if (test_is_eq(test, key)) return find_word(v, key, hash);
    for (uint32_t i = v->heads[hash & v->mask]; i; i = v->next[i - 1])
        if (v->hash[i - 1] == hash && test_objects(t, test, key, v->pairs[2 * (size_t)(i - 1)])) return (int64_t)i - 1;
    return NO_ENTRY;
}

static inline Test kind_of(const View *v) { return (Test)fix_field(v->table, HASH_TABLE_KIND); }

bool table_get(Thread *t, Obj table, Obj key, Obj *value) {
    View v = current_view(t, table);
    bool by_address = false;
    int64_t i = find_key(t, &v, kind_of(&v), key, hash_key(t, kind_of(&v), key, &by_address));
    if (i == NO_ENTRY) return false;
    *value = v.pairs[2 * i + 1];
    return true;
}

uint64_t table_count(Thread *t, Obj table) {
    View v = current_view(t, table);
    return fix_field(v.table, HASH_TABLE_COUNT);
}

uint64_t table_capacity(Obj table) { return view_of(table).capacity; }

/* -- Changing -- */

/* A free entry's number. */
static uint64_t take_entry(Thread *t, View *v) {
    uint64_t i = fix_field(v->table, HASH_TABLE_FREE);
    if (i) {
        set_fix_field(v->table, HASH_TABLE_FREE, v->next[i - 1]);
        return i - 1;
    }
    i = fix_field(v->table, HASH_TABLE_USED);
    if (i == v->capacity) *v = table_grow(t, v);
    set_fix_field(v->table, HASH_TABLE_USED, i + 1);
    return i;
}

static void add_entry(Thread *t, View *v, Obj key, Obj value, uint32_t hash, bool by_address) {
    uint64_t i = take_entry(t, v);
    if (by_address) entries_set_by_address(t, v->entries);
    set_slot(t, &v->pairs[2 * i], key);
    set_slot(t, &v->pairs[2 * i + 1], value);
    v->hash[i] = hash;
    link_entry(v, i);
    set_fix_field(v->table, HASH_TABLE_COUNT, fix_field(v->table, HASH_TABLE_COUNT) + 1);
}

void table_put(Thread *t, Obj table, Obj key, Obj value) {
    View v = current_view(t, table);
    bool by_address = false;
    uint32_t hash = hash_key(t, kind_of(&v), key, &by_address);
    int64_t i = find_key(t, &v, kind_of(&v), key, hash);
    if (i != NO_ENTRY)
        set_slot(t, &v.pairs[2 * i + 1], value);
    else
        add_entry(t, &v, key, value, hash, by_address);
}

bool table_remove(Thread *t, Obj table, Obj key) {
    View v = current_view(t, table);
    bool by_address = false;
    int64_t i = find_key(t, &v, kind_of(&v), key, hash_key(t, kind_of(&v), key, &by_address));
    if (i == NO_ENTRY) return false;
    unlink_entry(&v, (uint64_t)i);
    free_entry(&v, (uint64_t)i);
    return true;
}

void table_clear(Thread *t, Obj table) {
    View v = current_view(t, table);
    uint64_t used = fix_field(table, HASH_TABLE_USED);
    if (used == 0) return;
    for (uint64_t i = 0; i < 2 * used; i++) v.pairs[i] = EMPTY; /* NOBARRIER: immediate */
    memset(v.heads, 0, 4 * (v.mask + 1 + 2 * v.capacity));
    obj_set_flags(v.entries, obj_flags(v.entries) & (ENTRIES_WEAK_KEY | ENTRIES_WEAK_VALUE | ENTRIES_EITHER));
    set_fix_field(table, HASH_TABLE_COUNT, 0);
    set_fix_field(table, HASH_TABLE_USED, 0);
    set_fix_field(table, HASH_TABLE_FREE, 0);
}

int64_t table_next(Thread *t, Obj table, uint64_t i, Obj *key, Obj *value) {
    View v = current_view(t, table);
    uint64_t used = fix_field(table, HASH_TABLE_USED);
    for (; i < used; i++) {
        Obj k = v.pairs[2 * i];
        if (eq(k, DELETED) || eq(k, EMPTY) || eq(k, BROKEN)) continue;
        *key = k;
        *value = v.pairs[2 * i + 1];
        return (int64_t)i;
    }
    return NO_ENTRY;
}

/* -- Tests that are Lisp functions -- */

int64_t table_probe(Thread *t, Obj table, uint32_t hash, int64_t previous) {
    View v = current_view(t, table);
    uint32_t i = previous == NO_ENTRY ? v.heads[hash & v.mask] : v.next[previous];
    for (; i; i = v.next[i - 1])
        if (v.hash[i - 1] == hash) return (int64_t)i - 1;
    return NO_ENTRY;
}

void table_add(Thread *t, Obj table, Obj key, Obj value, uint32_t hash) {
    View v = current_view(t, table);
    add_entry(t, &v, key, value, hash, false);
}

bool table_live_at(Thread *t, Obj table, int64_t i) {
    View v = current_view(t, table);
    return i >= 0 && (uint64_t)i < v.capacity && !is_marker(v.pairs[2 * i]);
}

void table_remove_at(Thread *t, Obj table, int64_t i) {
    View v = current_view(t, table);
    unlink_entry(&v, (uint64_t)i);
    free_entry(&v, (uint64_t)i);
}
