/* weak.c: weak pointers, weak hash tables, and keys hashed by address.

   The entries of a weak table are ephemerons (Hayes, OOPSLA 1997): a value that only its own dead key can reach is dead.

       weak in         an entry keeps        and is broken when
       key             value, if key lives   key is dead
       value           key, if value lives   value is dead
       both, "and"     nothing               either is dead
       both, "or"      one if the other lives    both are dead

   When the marker has come to an end, the entries of the tables it met are looked through once; what that marks may make further keys live,
   so it is done again.  If the second look still finds something, the third would be the beginning of a quadratic walk: instead every
   unresolved entry is put into a table by the object that it waits for (a trigger), and from then on the marker asks that table about each
   object it marks.  So the work is linear in objects and entries.

   Old tables (below the region that is collected) are known by address, in h->tables, and only their remembered granules are looked at:
   an entry that no store has touched since it aged holds nothing young.  Thus tables are exactly as weak in an ephemeral collection as in a
   full one, and cost only what was stored into them.

   Tables hashed by address are listed too: when a key moves, its entry is flagged in the index vector (HASH_MOVED) and the table is
   flagged (ENTRIES_STALE), so that only entries whose keys really moved are linked anew. */
#include "heap/space.h"

#include <stdlib.h>

/* -- Weak pointers -- */

Obj weak_pointer_make(Thread *t, Obj x) {
    Obj pointer = alloc_boxed(t, TYPE_WEAK_POINTER, WEAK_POINTER_LENGTH, NIL);
    init_field(pointer, WEAK_POINTER_VALUE, x);
    return pointer;
}

/* -- What the marker meets -- */

static void trigger_table(Heap *h, Obj *words);

/* Lists of weak objects end with T; a link that refers to no object means: not in a list. */
void weak_begin(Heap *h) {
    h->weak_tables = h->weak_pointers = T_;
    while (h->tables.count && h->tables.items[h->tables.count - 1] >= h->from) h->tables.count--;
    h->old_tables = h->tables.count;
    h->touched_tables.count = 0;
    h->last_table.from = h->last_table.to = 0;
}

/* The number of listed tables that begin at or below `at`, among the first n. */
static size_t tables_up_to(const Heap *h, size_t n, uintptr_t at) {
    size_t low = 0;
    while (low < n) {
        size_t middle = (low + n) / 2;
        if (h->tables.items[middle] <= at) low = middle + 1;
        else n = middle;
    }
    return low;
}

Obj *weak_old_table(Heap *h, uintptr_t at) {
    if (at >= h->last_table.from && at < h->last_table.to) return h->last_table.table;
    size_t i = tables_up_to(h, h->old_tables, at);
    uintptr_t end = 0;
    Obj *table = NULL;
    if (i) {
        table = (Obj *)h->tables.items[i - 1];
        end = (uintptr_t)table + bytes_at(table);
    }
    if (at < end) {
        h->last_table.from = (uintptr_t)table;
        h->last_table.to = end;
    } else {
        table = NULL;
        h->last_table.from = end;
        h->last_table.to = i < h->old_tables ? h->tables.items[i] : UINTPTR_MAX;
    }
    return h->last_table.table = table;
}

void entries_set_by_address(Thread *t, Obj entries) {
    Heap *h = t->heap;
    Obj *words = obj_words(entries);
    bool listed = entries_are_listed(words[0]);
    obj_set_flags(entries, obj_flags(entries) | ENTRIES_BY_ADDRESS);
    if (listed || (uintptr_t)words >= h->base[0] || !heap_contains(h, words)) return;
    size_t i = tables_up_to(h, h->tables.count, (uintptr_t)words);
    if (i && h->tables.items[i - 1] == (uintptr_t)words) return;
    if (!words_push(&h->tables, 0)) must_die("no memory for the list of hash tables");
    memmove(&h->tables.items[i + 1], &h->tables.items[i], 8 * (h->tables.count - 1 - i));
    h->tables.items[i] = (uintptr_t)words;
}

void weak_found(Heap *h, Obj *words) {
    Obj header = words[0];
    if (header_type(header) == TYPE_WEAK_POINTER) {
        if (is_obj(words[1 + WEAK_POINTER_LINK])) return;
        words[1 + WEAK_POINTER_LINK] = h->weak_pointers;
        h->weak_pointers = obj_of_address(words);
        return;
    }
    if (is_obj(words[1 + ENTRIES_LINK])) return;
    mark_reference(h, words[1 + ENTRIES_INDEX]);
    if (entries_are_listed(header) && !words_push(&h->tables, (uintptr_t)words)) must_die("no memory for the list of hash tables");
    if (!entries_are_weak(header)) {
        mark_range(h, entries_key(words, 0), entries_key(words, entries_capacity(words)));
        if (!entries_are_listed(header)) return;
    }
    words[1 + ENTRIES_LINK] = h->weak_tables;
    h->weak_tables = obj_of_address(words);
    if (h->triggers && entries_are_weak(header)) trigger_table(h, words);
}

bool weak_touched(Heap *h, Obj *pair) {
    Obj *words = weak_old_table(h, (uintptr_t)pair);
    if (!words || !entries_are_weak(words[0])) return false;
    WordStack *touched = &h->touched_tables;
    if (!touched->count || touched->items[touched->count - 1] != (uintptr_t)words)
        if (!words_push(touched, (uintptr_t)words)) must_die("no memory for the list of hash tables");
    mark_reference(h, words[1 + ENTRIES_INDEX]);
    return true;
}

/* -- Entries -- */

typedef void (*EntryVisitor)(Heap *h, Obj *words, uint64_t entry);

/* Calls `visit` for the entries of an old table that have a part in a remembered granule. */
static void each_old_entry(Heap *h, Obj *words, EntryVisitor visit) {
    size_t first = granule_of(h, (uintptr_t)words), count = bytes_at(words) / GRANULE;
    uint64_t capacity = entries_capacity(words);
    for (size_t k = 1; k < count; k++) {
        size_t g = first + k;
        if (!(g & 63) && !h->remembered[g >> 6]) {
            k += 63;
            continue;
        }
        if (!bit_test(h->remembered, g)) continue;
        if (k >= 2 && k - 2 < capacity) visit(h, words, k - 2);
        if (k - 1 < capacity) visit(h, words, k - 1);
    }
}

/* All weak entries that this collection may have to break. */
static void each_weak_entry(Heap *h, EntryVisitor visit) {
    for (Obj x = h->weak_tables; !eq(x, T_); x = obj_slots(x)[ENTRIES_LINK]) {
        Obj *words = obj_words(x);
        if (!entries_are_weak(words[0])) continue;
        uint64_t capacity = entries_capacity(words);
        for (uint64_t i = 0; i < capacity; i++) visit(h, words, i);
    }
    for (size_t i = 0; i < h->touched_tables.count; i++) each_old_entry(h, (Obj *)h->touched_tables.items[i], visit);
}

/* Calls `visit` for what the entry keeps, and what it waits for. */
static void entry_waits(Heap *h, const Obj *words, const Obj *key, WaitVisitor visit) {
    unsigned flags = header_flags(words[0]);
    bool by_key = flags & ENTRIES_WEAK_KEY, by_value = flags & ENTRIES_WEAK_VALUE;
    if (by_key && by_value && !(flags & ENTRIES_EITHER)) return;
    if (by_key) visit(h, key[0], key[1]);
    if (by_value) visit(h, key[1], key[0]);
}

static void wait_mark(Heap *h, Obj waits, Obj held) {
    if (is_alive(h, waits)) mark_reference(h, held);
}

static void entry_mark(Heap *h, Obj *words, uint64_t entry) { entry_waits(h, words, entries_key(words, entry), wait_mark); }

/* -- Triggers: what is held by the object it waits for; chained by hash -- */

typedef struct Trigger {
    Obj waits, held;
    uint64_t next; /* index + 1 of the next trigger of the same hash */
} Trigger;

struct TriggerMap {
    uint64_t *slots; /* by hash: index + 1 of the first trigger */
    Trigger *items;
    size_t count, slot_bytes, item_bytes;
    int shift;
    bool full; /* something found no room: looks must go on */
};

static size_t trigger_hash(const struct TriggerMap *map, Obj x) {
    return (size_t)((address_of(x) >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> map->shift);
}

static void trigger_count(Heap *h, Obj waits, Obj held) {
    if (!is_alive(h, held) && !is_alive(h, waits)) h->triggers->count++;
}

static void trigger_add(Heap *h, Obj waits, Obj held) {
    struct TriggerMap *map = h->triggers;
    if (is_alive(h, held)) return;
    if (is_alive(h, waits)) {
        mark_reference(h, held);
        return;
    }
    if (map->count == map->item_bytes / sizeof(Trigger)) {
        map->full = true;
        return;
    }
    uint64_t *slot = &map->slots[trigger_hash(map, waits)];
    map->items[map->count] = (Trigger){waits, held, *slot};
    *slot = ++map->count;
}

static void entry_trigger_count(Heap *h, Obj *words, uint64_t entry) { entry_waits(h, words, entries_key(words, entry), trigger_count); }
static void entry_trigger_add(Heap *h, Obj *words, uint64_t entry) { entry_waits(h, words, entries_key(words, entry), trigger_add); }

/* The entries of a table that is found in trigger mode. */
static void trigger_table(Heap *h, Obj *words) {
    uint64_t capacity = entries_capacity(words);
    for (uint64_t i = 0; i < capacity; i++) entry_trigger_add(h, words, i);
}

/* Enters trigger mode; false if there is no memory for it. */
static bool triggers_begin(Heap *h, struct TriggerMap *map) {
    *map = (struct TriggerMap){0};
    h->triggers = map;
    each_weak_entry(h, entry_trigger_count);
    finalizers_each(h, trigger_count);
    h->triggers = NULL;
    size_t slots = 1024;
    while (slots < map->count) slots *= 2;
    map->shift = 64 - bits_highest(slots);
    map->slot_bytes = slots * 8;
    map->item_bytes = bits_round_up(4 * slots * sizeof(Trigger), 4096); /* address space: tables still to be found need room too */
    map->count = 0;
    map->slots = pages_reserve(NULL, map->slot_bytes);
    if (!map->slots) return false;
    map->items = pages_reserve(NULL, map->item_bytes);
    if (!map->items) {
        pages_release(map->slots, map->slot_bytes);
        return false;
    }
    h->triggers = map;
    each_weak_entry(h, entry_trigger_add);
    finalizers_each(h, trigger_add);
    return true;
}

void weak_reached(Heap *h, Obj x) {
    struct TriggerMap *map = h->triggers;
    for (uint64_t i = map->slots[trigger_hash(map, x)]; i; i = map->items[i - 1].next)
        if (eq(map->items[i - 1].waits, x)) mark_reference(h, map->items[i - 1].held);
}

static void triggers_end(Heap *h) {
    pages_release(h->triggers->slots, h->triggers->slot_bytes);
    pages_release(h->triggers->items, h->triggers->item_bytes);
    h->triggers = NULL;
}

/* -- The fixpoint -- */

/* Looks through all entries, at most `most` times, until a look marks nothing; false if the last one still did. */
static bool weak_looks(Heap *h, unsigned most) {
    for (unsigned i = 0; i < most; i++) {
        uint64_t before = h->marked_any;
        each_weak_entry(h, entry_mark);
        finalizers_each(h, wait_mark);
        mark_drain(h);
        if (h->marked_any == before) return true;
    }
    return false;
}

static void weak_fixpoint(Heap *h) {
    struct TriggerMap map;
    if (weak_looks(h, 2)) return;
    if (triggers_begin(h, &map)) {
        mark_drain(h);
        triggers_end(h);
        if (!map.full) return;
    }
    weak_looks(h, ~0u);
}

void weak_mark(Heap *h) {
    weak_fixpoint(h);
    if (finalizers_find(h)) {
        mark_drain(h);
        weak_fixpoint(h);
    }
}

/* -- Breaking -- */

static void entry_break(Heap *h, Obj *words, uint64_t entry) {
    Obj *key = entries_key(words, entry);
    bool key_lives = is_alive(h, key[0]), value_lives = is_alive(h, key[1]);
    if (key_lives && value_lives) return;
    key[0] = BROKEN;
    key[1] = NIL;
    obj_set_flags(obj_of_address(words), header_flags(words[0]) | ENTRIES_STALE);
}

void weak_break(Heap *h) {
    each_weak_entry(h, entry_break);
    for (Obj x = h->weak_tables, next; !eq(x, T_); x = next) {
        next = obj_slots(x)[ENTRIES_LINK];
        obj_slots(x)[ENTRIES_LINK] = NIL;
    }
    for (Obj x = h->weak_pointers, next; !eq(x, T_); x = next) {
        Obj *slots = obj_slots(x);
        next = slots[WEAK_POINTER_LINK];
        slots[WEAK_POINTER_LINK] = NIL;
        if (!is_alive(h, slots[WEAK_POINTER_VALUE])) slots[WEAK_POINTER_VALUE] = BROKEN;
    }
}

/* -- Forwarding -- */

/* The index vector's words while the slide is at `at`: it has been moved if it lies below. */
static Obj index_now(const Heap *h, Obj index, uintptr_t at) { return address_of(index) < at ? forward(h, index) : index; }

/* Notes in the index vector that the key of the entry has moved. */
static void entry_moved(Obj *words, Obj index, uint64_t entry) {
    uint64_t capacity = entries_capacity(words);
    obj_set_flags(obj_of_address(words), header_flags(words[0]) | ENTRIES_STALE);
    if (!has_type(index, TYPE_U32_VECTOR) || obj_length(index) < 2 * capacity) return;
    ((uint32_t *)obj_raw(index))[obj_length(index) - capacity + entry] |= HASH_MOVED;
}

void entries_note_moved(Obj *words, uint64_t entry) { entry_moved(words, words[1 + ENTRIES_INDEX], entry); }

void weak_forward_entries(Heap *h, Obj *words) {
    Obj *key = entries_key(words, 0), index = index_now(h, words[1 + ENTRIES_INDEX], (uintptr_t)words);
    uint64_t capacity = entries_capacity(words);
    bool by_address = header_flags(words[0]) & ENTRIES_BY_ADDRESS;
    words[1 + ENTRIES_INDEX] = forward(h, words[1 + ENTRIES_INDEX]);
    for (uint64_t i = 0; i < capacity; i++, key += 2) {
        Obj k = forward(h, key[0]);
        key[1] = forward(h, key[1]);
        if (eq(k, key[0])) continue;
        key[0] = k;
        if (by_address) entry_moved(words, index, i);
    }
}

static bool forward_old_pair(Heap *h, Obj *pair, void *data) {
    Obj a = forward(h, pair[0]), b = forward(h, pair[1]);
    Obj *words = eq(b, pair[1]) ? NULL : weak_old_table(h, (uintptr_t)pair);
    (void)data;
    if (words && pair > words && header_flags(words[0]) & ENTRIES_BY_ADDRESS)
        entry_moved(words, words[1 + ENTRIES_INDEX], (uint64_t)(pair - words) / 2 - 1); /* the index vector has not been moved yet */
    pair[0] = a;
    pair[1] = b;
    return crosses(h, (uintptr_t)pair, a) || crosses(h, (uintptr_t)pair, b);
}

void weak_forward_old(Heap *h, uintptr_t to) {
    h->old_tables = tables_up_to(h, h->tables.count, to - 1);
    h->last_table.from = h->last_table.to = 0;
    remembered_walk(h, (uintptr_t)h->start, to, forward_old_pair, NULL);
}

/* -- The list of tables -- */

static int compare_addresses(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Those met in this collection are behind those that are older than it: sorted, so that all are, and forwarded. */
void weak_forward_tables(Heap *h) {
    size_t old = h->tables.count;
    while (old && h->tables.items[old - 1] >= h->from) old--;
    if (old == h->tables.count) return;
    qsort(h->tables.items + old, h->tables.count - old, 8, compare_addresses);
    for (size_t i = old; i < h->tables.count; i++)
        if (h->tables.items[i] >= h->moved_from && h->tables.items[i] < h->mark_end) h->tables.items[i] = forward_address(h, h->tables.items[i]);
}
