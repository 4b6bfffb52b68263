/* shake.c: record, break, collect, reinstate.

   A record must not keep what it mentions, and must be there when all its conditions are: so it is held by ephemerons, one within
   the other.  The table of records is weak in its keys, the first conditions; its values are the records, or, where there is a second
   condition, a weak table of one entry more, and so on:

       condition 1 -> [ condition 2 -> [ ... record ] ]        record: #(kind holder slot key item)

   One full collection decides all of them, chains, cycles and conjunctions included, by the same fixpoint that serves weak hash tables
   (heap/weak.c).  Afterwards a record that can still be reached belongs to a link that is to be reinstated.

   Invariants
     shake.roots   during the collection nothing is alive but by the roots of the shake, the world's own words, and what the links' breaking left
     shake.whole   a link is reinstated exactly if every condition is alive */
#include "shake/graph.h"
#include "shake/split.h"

#include <stdlib.h>

const LinkInfo link_infos[LINK_KINDS] = {
#define LINK(id, name, how, what) {#id, name, what, HOW_##how},
#include "shake/links.def"
#undef LINK
};

enum { RECORD_KIND, RECORD_HOLDER, RECORD_SLOT, RECORD_KEY, RECORD_ITEM, RECORD_LENGTH };

/* -- Handing in -- */

Shake *shake_begin(Thread *t) {
    must(t->top == t->stack && t->binding_top == t->bindings);
    Shake *s = calloc(1, sizeof *s);
    must(s);
    s->t = t;
    t->value_count = 0;
    heap_set_torture(t->heap, heap_torture(t->heap) & ~(unsigned)TORTURE_MOVE); /* whose gaps are no objects: the heap is walked below */
    heap_compact(t);
    s->figures.bytes_before = heap_state(t->heap).bytes;
    return s;
}

void shake_split(Shake *s, const ShakeOptions *options) {
    s->options = *options;
    symbols_split(s);
}

Thread *shake_thread(const Shake *s) { return s->t; }
const ShakeFigures *shake_figures(const Shake *s) { return &s->figures; }

void shake_end(Shake *s) {
    for (uint64_t i = 0; i < s->symbol_count && s->options.explain; i++) free(s->symbols[i].text);
    free(s->symbols);
    free(s->roster);
    free(s->links);
    free(s->roots);
    free(s->root_reasons);
    free(s);
}

/* Room for one more of `size` bytes. */
static void *room(void *items, uint64_t count, uint64_t *most, size_t size) {
    if (count < *most) return items;
    *most = *most ? 2 * *most : 1024;
    items = realloc(items, (size_t)*most * size);
    must(items);
    return items;
}

/* Does the word refer to something that a collection may find dead? */
static bool may_die(const Shake *s, Obj x) { return is_ref(x) && heap_contains(s->t->heap, (const void *)address_of(x)); }

void shake_link(Shake *s, LinkKind kind, Obj holder, uint64_t slot, Obj key, Obj item, unsigned count, const Obj *conditions) {
    s->links = room(s->links, s->link_count, &s->link_room, sizeof *s->links);
    LinkRecord *l = &s->links[s->link_count++];
    *l = (LinkRecord){.kind = kind, .holder = holder, .slot = slot, .key = key, .item = item};
    for (unsigned i = 0; i < count; i++) {
        if (!may_die(s, conditions[i])) continue;
        must(l->count < SHAKE_CONDITIONS);
        l->conditions[l->count++] = conditions[i];
    }
    s->figures.links[kind]++;
}

void shake_root(Shake *s, Obj x) {
    s->roots = room(s->roots, s->root_count, &s->root_room, sizeof *s->roots);
    s->root_reasons = room(s->root_reasons, s->root_count, &s->reason_room, sizeof *s->root_reasons);
    s->root_reasons[s->root_count] = s->why ? s->why : "a root";
    s->roots[s->root_count++] = x;
}

void shake_why(Shake *s, const char *why) { s->why = why; }

void shake_need(Shake *s, Obj condition, Obj x) {
    if (may_die(s, condition)) shake_link(s, LINK_NEED, NIL, 0, NIL, x, 1, &condition);
    else shake_root(s, x);
}

/* -- Records in the heap -- */

static Obj weak_table(Thread *t, uint64_t pairs) {
    Obj table = alloc_flagged(t, TYPE_HASH_ENTRIES, ENTRIES_WEAK_KEY, ENTRIES_PAIRS + 2 * pairs, NIL);
    for (uint64_t i = 0; i < pairs; i++) init_field(table, ENTRIES_PAIRS + 2 * i, EMPTY);
    return table;
}

static Obj record_make(Thread *t, const LinkRecord *l) {
    Obj record = alloc_boxed(t, TYPE_SIMPLE_VECTOR, RECORD_LENGTH, NIL);
    const Obj fields[RECORD_LENGTH] = {obj_of_fix(l->kind), l->holder, obj_of_fix((int64_t)l->slot), l->key, l->item};
    for (uint64_t i = 0; i < RECORD_LENGTH; i++) init_field(record, i, fields[i]);
    for (uint32_t i = l->count; i-- > 1;) {
        Obj inner = weak_table(t, 1);
        init_field(inner, ENTRIES_PAIRS, l->conditions[i]);
        init_field(inner, ENTRIES_PAIRS + 1, record);
        record = inner;
    }
    return record;
}

/* The table of all records; those without condition have their key for themselves. */
static Obj records_make(Shake *s) {
    Obj table = weak_table(s->t, s->link_count);
    for (uint64_t i = 0; i < s->link_count; i++) {
        Obj record = record_make(s->t, &s->links[i]);
        init_field(table, ENTRIES_PAIRS + 2 * i, s->links[i].count ? s->links[i].conditions[0] : NIL);
        init_field(table, ENTRIES_PAIRS + 2 * i + 1, record);
    }
    return table;
}

/* The record of an entry, or NIL: a condition is gone. */
static Obj record_left(Obj key, Obj value) {
    while (!eq(key, BROKEN) && has_type(value, TYPE_HASH_ENTRIES)) {
        key = obj_slots(value)[ENTRIES_PAIRS];
        value = obj_slots(value)[ENTRIES_PAIRS + 1];
    }
    return eq(key, BROKEN) ? NIL : value;
}

/* -- Reinstating -- */

static Obj *holder_slot(Obj holder, uint64_t slot) { return &(is_nil(holder) ? symbol_slots(holder) : obj_slots(holder))[slot]; }

static bool plist_has(Obj plist, Obj key) {
    for (; is_cons(plist); plist = cddr(plist))
        if (eq(car(plist), key)) return true;
    return false;
}

static void record_reinstate(Shake *s, const Obj *record) {
    Thread *t = s->t;
    LinkKind kind = (LinkKind)fix_of_obj(record[RECORD_KIND]);
    Obj holder = record[RECORD_HOLDER], key = record[RECORD_KEY], item = record[RECORD_ITEM];
    uint64_t slot = (uint64_t)fix_of_obj(record[RECORD_SLOT]);
    s->figures.kept[kind]++;
    if (link_infos[kind].how == HOW_NONE) return;
    if (link_infos[kind].how == HOW_CALL) {
        s->options.reinstate(t, kind, holder, key, item);
        return;
    }
    Obj *place = holder_slot(holder, slot), value = item;
    if (link_infos[kind].how == HOW_LIST) value = alloc_cons(t, item, *place);
    if (link_infos[kind].how == HOW_PLIST) {
        if (plist_has(*place, key)) return;
        value = alloc_cons(t, key, alloc_cons(t, item, *place));
    }
    set_slot(t, place, value);
}

/* The last first: so lists get their order. */
static void records_reinstate(Shake *s, Obj records) {
    uint64_t count = (obj_length(records) - ENTRIES_PAIRS) / 2;
    for (uint64_t i = count; i-- > 0;) {
        const Obj *pair = &obj_slots(records)[ENTRIES_PAIRS + 2 * i];
        Obj record = record_left(pair[0], pair[1]);
        if (!is_nil(record)) record_reinstate(s, obj_slots(record));
    }
}

/* -- Collecting -- */

void shake_collect(Shake *s) {
    Thread *t = s->t;
    if (s->options.broken) {
        s->graph = graph_make(s->t, s);
        s->options.broken(s, s->options.data);
        graph_free(s->graph);
    }
    Obj records = records_make(s), roots = alloc_list(t, (uint32_t)s->root_count, s->roots);
    push_root(t, roots);
    push_root(t, records);
    heap_compact(t);
    symbols_find(s);
    if (s->options.collected) s->options.collected(s, s->options.data);
    symbols_join(s);
    records_reinstate(s, pop_root(t));
    pop_root(t);
    heap_compact(t);
    s->figures.bytes_after = heap_state(t->heap).bytes;
}
