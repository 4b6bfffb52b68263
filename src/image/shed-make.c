/* shed-make.c: what a delivery took away, found by comparing two worlds.

   Nobody tells the shed what was shaken off.  The copy has the world before, the roster where its objects are now; so for each object of the copy:

       it has gone      it belongs to the shed, as it was
       it is there      every field that holds something else now becomes a patch: what delivery left there, and what was there before

   This finds what went for whatever reason: links that were broken and not reinstated, functions that keywords removed, names, debug information,
   slots' accessors, generic functions that became plain ones.  Three things are told in another way than as fields, since the program itself goes
   on changing them by adding: what packages hold, property lists, hash tables.  Values of variables are patches only where the value was shaken
   off, not where it is another: that is history.

   What the shed refers to in the program is *exported*: the program carries a vector of it, so that it is alive and can be found wherever it has moved to.

   Of the shed's objects those are left out that nothing in a patch leads to: what the delivering process itself had made. */
#include "image/shed-format.h"

#include "run/hash.h"
#include "text/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Exports {
    Obj *words;
    uint64_t count, room;
    uint32_t *index; /* by hash: 1 + number of the word */
    uint64_t places; /* a power of two */
} Exports;

struct Shed {
    Thread *t;
    uint64_t start, bytes; /* where the copied area lay */
    char *copy, *statics;  /* the dynamic area and the static page as they were */
    Obj packages;          /* World.packages then */
    uint64_t count;        /* objects in the roster */
    uint64_t *offsets;     /* by number: in the copy */
    Obj *now;              /* by number: where it is, BROKEN: it has gone */
    uint32_t *numbers;     /* by granule of the copy: 1 + number, 0: no object begins there */
    uint64_t *places;      /* by number: SHED_OBJECT or SHED_PURE + offset there, 0: it is not in the shed */
    uint8_t *pure;         /* by number: it goes to the pure part */
    uint32_t *met;         /* numbers of what is to be looked at */
    uint64_t met_count;
    bool swaps;
    Exports exports;
    ShedHeader header;
    char *pure_part, *objects, *tables;
    ShedPatch *patches;
    ShedName *names;
    Obj *all;              /* packages */
    uint64_t patch_room, name_room, package_room;
};

static void *room(void *items, uint64_t count, uint64_t *most, size_t size) {
    if (count < *most) return items;
    *most = *most ? 2 * *most : 1024;
    items = realloc(items, (size_t)*most * size);
    must(items);
    return items;
}

static void *zeros(uint64_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    must(p);
    return p;
}

/* -- The copy and the roster -- */

static void number_object(void *data, Obj *words, size_t bytes) {
    Shed *s = data;
    (void)bytes;
    if (is_header(words[0]) && header_type(words[0]) == TYPE_FILLER) return;
    uint64_t offset = (uint64_t)(uintptr_t)words - s->start;
    s->offsets[s->count++] = offset;
    s->numbers[offset / 16] = (uint32_t)s->count;
}

/* Swapped arrays to which only what goes refers must stay: their handles come behind the objects, as values of what is always alive. */
static void note_handles(void *data, Obj *words, size_t bytes) {
    Exports *handles = data;
    uint64_t first = is_header(words[0]), n = first ? header_length(words[0]) : 2;
    (void)bytes;
    if (first && shapes[header_type(words[0])].layout == LAYOUT_RAW) return;
    for (uint64_t i = first; i < first + n; i++) {
        if (!is_handle(words[i])) continue;
        handles->words = room(handles->words, handles->count, &handles->room, sizeof *handles->words);
        handles->words[handles->count++] = words[i];
    }
}

static Obj word_at(const Shed *s, uint64_t offset) {
    const Obj *words = (const Obj *)(const void *)(s->copy + offset);
    return (Obj){(s->start + offset) | (is_header(words[0]) ? TAG_OBJ : TAG_CONS)};
}

Shed *shed_begin(Thread *t) {
    Shed *s = zeros(1, sizeof *s);
    s->t = t;
    heap_set_torture(t->heap, heap_torture(t->heap) & ~(unsigned)TORTURE_MOVE); /* whose gaps are no objects */
    heap_compact(t);
    heap_each(t->heap, image_canonical, NULL);
    HeapState state = heap_state(t->heap);
    s->start = state.start;
    s->bytes = state.bytes;
    s->packages = t->world->packages;
    s->copy = zeros(s->bytes, 1);
    s->statics = zeros(STATIC_USED, 1);
    s->numbers = zeros(s->bytes / 16, sizeof *s->numbers);
    s->offsets = zeros(s->bytes / 16, sizeof *s->offsets);
    memcpy(s->copy, (const void *)(uintptr_t)s->start, s->bytes);
    memcpy(s->statics, (const void *)STATIC_BASE, STATIC_USED);
    heap_each(t->heap, number_object, s);
    Exports handles = {.words = NULL};
    heap_each(t->heap, note_handles, &handles);
    Obj roster = alloc_flagged(t, TYPE_HASH_ENTRIES, ENTRIES_WEAK_KEY, ENTRIES_PAIRS + 2 * (s->count + handles.count), NIL);
    for (uint64_t i = 0; i < handles.count; i++) {
        roster_place(roster, s->count + i)[0] = obj_of_fix(0); /* NOBARRIER: fresh object, also below */
        roster_place(roster, s->count + i)[1] = handles.words[i];
    }
    free(handles.words);
    for (uint64_t i = 0; i < s->count; i++) *roster_place(roster, i) = word_at(s, s->offsets[i]);
    t->world->shed = roster;
    return s;
}

/* A vector that has become shorter, as debug information does, cannot be what it was: the old one counts as gone, and who refers to it is patched. */
static bool is_shorter(const Shed *s, uint64_t number, Obj now) {
    Obj before = *(const Obj *)(const void *)(s->copy + s->offsets[number]);
    return has_type(now, TYPE_SIMPLE_VECTOR) && obj_length(now) < header_length(before);
}

static void roster_take(Shed *s) {
    Obj roster = s->t->world->shed;
    must(roster_count(roster) >= s->count);
    s->now = zeros(s->count, sizeof *s->now);
    s->places = zeros(s->count, sizeof *s->places);
    s->pure = zeros(s->count, sizeof *s->pure);
    s->met = zeros(s->count, sizeof *s->met);
    for (uint64_t i = 0; i < s->count; i++) {
        Obj now = *roster_place(roster, i);
        s->now[i] = is_shorter(s, i, now) ? BROKEN : now;
    }
    s->t->world->shed = NIL;
}

/* -- Words of the copy, in the shed's terms -- */

static bool is_static(Obj x) { return is_ref(x) && x.w - STATIC_BASE < STATIC_SIZE; }

static uint64_t word_hash(Obj x) { return (x.w * UINT64_C(0x9E3779B97F4A7C15)) >> 20; }

static void exports_grow(Exports *e) {
    free(e->index);
    e->places = e->places ? 2 * e->places : 4096;
    e->index = zeros(e->places, sizeof *e->index);
    for (uint64_t i = 0; i < e->count; i++) {
        uint64_t at = word_hash(e->words[i]) & (e->places - 1);
        while (e->index[at]) at = (at + 1) & (e->places - 1);
        e->index[at] = (uint32_t)i + 1;
    }
}

/* A word of the program, as the shed refers to it. */
static Obj word_export(Shed *s, Obj x) {
    if ((!is_ref(x) && !is_handle(x)) || is_static(x)) return x;
    Exports *e = &s->exports;
    if (2 * e->count >= e->places) exports_grow(e);
    uint64_t at = word_hash(x) & (e->places - 1);
    while (e->index[at] && !eq(e->words[e->index[at] - 1], x)) at = (at + 1) & (e->places - 1);
    if (!e->index[at]) {
        e->words = room(e->words, e->count, &e->room, sizeof *e->words);
        e->words[e->count++] = x;
        e->index[at] = (uint32_t)e->count;
    }
    return (Obj){(SHED_EXPORT + 16 * (uint64_t)(e->index[at] - 1)) | TAG_OBJ};
}

/* The number of the object of the copy to which a word refers. */
static uint64_t number_of(const Shed *s, Obj x) {
    must(address_of(x) - s->start < s->bytes);
    uint32_t number = s->numbers[(address_of(x) - s->start) / 16];
    must(number);
    return number - 1;
}

static bool is_moved(const Shed *s, Obj x) { return is_ref(x) && !is_static(x) && address_of(x) - s->start < s->bytes; }

/* Has it gone? */
static bool is_gone(const Shed *s, Obj x) { return is_moved(s, x) && eq(s->now[number_of(s, x)], BROKEN); }

/* What the word is in the program; BROKEN if it has gone. */
static Obj word_now(const Shed *s, Obj x) { return is_moved(s, x) ? s->now[number_of(s, x)] : x; }

/* A word of the copy, as the shed refers to it once all that it holds has its place there. */
static Obj word_encode(Shed *s, Obj x) {
    if (!is_gone(s, x)) return word_export(s, word_now(s, x));
    uint64_t place = s->places[number_of(s, x)];
    must(place);
    return (Obj){place | (x.w & TAG_MASK)};
}

/* The object of the copy; its words that are Lisp words, from *first on; how many. */
static Obj *copy_words(const Shed *s, uint64_t number, uint64_t *first) {
    Obj *words = (Obj *)(void *)(s->copy + s->offsets[number]);
    *first = is_header(words[0]);
    return words;
}

static uint64_t copy_length(const Obj *words) {
    if (!is_header(words[0])) return 2;
    return shapes[header_type(words[0])].layout == LAYOUT_RAW ? 0 : header_length(words[0]);
}

/* -- Reaching -- */

static void reach(Shed *s, Obj x) {
    if (!is_gone(s, x)) return;
    uint64_t number = number_of(s, x);
    if (s->places[number]) return;
    s->places[number] = 1;
    s->met[s->met_count++] = (uint32_t)number;
}

/* What nobody writes to, as in image/purify.c. */
static void choose(Shed *s, Obj x) {
    if (is_obj(x) && is_gone(s, x)) s->pure[number_of(s, x)] = true;
}

static void choose_parts(Shed *s, const Obj *words) {
    Type type = header_type(words[0]);
    if (type == TYPE_SYMBOL && !is_nil(words[1 + SYMBOL_PACKAGE])) choose(s, words[1 + SYMBOL_NAME]);
    if (type == TYPE_FUNCTION) choose(s, words[1 + FUNCTION_CODE]);
    if (type == TYPE_SIMPLE_VECTOR && header_length(words[0]) > DEBUG_PLACES && header_length(words[0]) <= DEBUG_LENGTH) choose(s, words[1 + DEBUG_PLACES]);
}

static bool is_pure(const Shed *s, uint64_t number) {
    uint64_t first;
    const Obj *words = copy_words(s, number, &first);
    Type type = first ? header_type(words[0]) : TYPE_COUNT;
    return s->pure[number] && (type == TYPE_CODE || type == TYPE_BASE_STRING || type == TYPE_STRING || type == TYPE_U32_VECTOR);
}

static void reach_all(Shed *s) {
    while (s->met_count) {
        uint64_t first, number = s->met[--s->met_count];
        const Obj *words = copy_words(s, number, &first);
        if (first) choose_parts(s, words);
        for (uint64_t i = 0, n = copy_length(words); i < n; i++) reach(s, words[first + i]);
    }
}

/* -- Patches: what is meant is noted in words of the copy, and encoded when everything has its place -- */

static void patch(Shed *s, PatchMode mode, Obj holder, uint64_t slot, Obj left, Obj value) {
    s->patches = room(s->patches, s->header.patch_count, &s->patch_room, sizeof *s->patches);
    s->patches[s->header.patch_count++] = (ShedPatch){word_export(s, holder), mode == PATCH_PUT ? left : word_export(s, left), value, (uint32_t)slot, mode};
    reach(s, value);
    if (mode == PATCH_PUT) reach(s, left);
}

static bool differs(const Shed *s, Obj before, Obj now) { return !eq(word_now(s, before), now); }

static void compare_symbol(Shed *s, const Obj *before, unsigned flags, Obj symbol) {
    const Obj *now = symbol_slots(symbol);
    Obj value = now[SYMBOL_VALUE];
    if (differs(s, before[SYMBOL_VALUE], value) && (eq(value, UNBOUND) || is_gone(s, before[SYMBOL_VALUE]))) patch(s, PATCH_REPLACE, symbol, SYMBOL_VALUE, value, before[SYMBOL_VALUE]);
    for (uint64_t i = SYMBOL_FUNCTION; i <= SYMBOL_PACKAGE; i++)
        if (differs(s, before[i], now[i])) patch(s, PATCH_REPLACE, symbol, i, now[i], before[i]);
    for (uint64_t i = SYMBOL_PLIST; i <= SYMBOL_INFO; i++)
        if (differs(s, before[i], now[i])) patch(s, PATCH_PLIST, symbol, i, now[i], before[i]);
    if (flags != symbol_flags(symbol)) patch(s, PATCH_FLAGS, symbol, 0, obj_of_fix(symbol_flags(symbol)), obj_of_fix(flags));
}

/* Symbols that the table of the copy has and that of the package has not. */
static void compare_names(Shed *s, Obj package, uint64_t field, Obj table_before) {
    uint64_t first;
    const Obj *table = copy_words(s, number_of(s, table_before), &first) + 1;
    Obj now = obj_slots(package)[field];
    for (uint64_t i = TABLE_PLACES, n = header_length(table[-1]); i < n; i++) {
        Obj x = word_now(s, table[i]);
        if (eq(table[i], EMPTY) || eq(table[i], DELETED)) continue;
        if (is_symbol(x) && eq(symbol_table_find(now, text_of_string(symbol_slots(x)[SYMBOL_NAME]), symbol_hash(x)), x)) continue;
        s->names = room(s->names, s->header.name_count, &s->name_room, sizeof *s->names);
        s->names[s->header.name_count++] = (ShedName){word_export(s, package), table[i], field == PACKAGE_EXTERNAL};
        reach(s, table[i]);
    }
}

static void compare_package(Shed *s, const Obj *before, Obj package) {
    const Obj *now = obj_slots(package);
    for (uint64_t i = 0; i < PACKAGE_LENGTH; i++) {
        if (i == PACKAGE_INTERNAL || i == PACKAGE_EXTERNAL) compare_names(s, package, i, before[i]);
        else if (differs(s, before[i], now[i])) patch(s, i == PACKAGE_DOC || i == PACKAGE_LOCKED ? PATCH_REPLACE : PATCH_UNION, package, i, now[i], before[i]);
    }
}

/* Entries that the table had, and that it has not now. */
static void compare_table(Shed *s, const Obj *before, Obj table) {
    if (!is_moved(s, before[HASH_TABLE_ENTRIES]) || !is_nil(obj_slots(table)[HASH_TABLE_FUNCTION])) return;
    uint64_t first;
    const Obj *entries = copy_words(s, number_of(s, before[HASH_TABLE_ENTRIES]), &first) + 1;
    for (uint64_t i = ENTRIES_PAIRS, n = header_length(entries[-1]); i + 1 < n; i += 2) {
        Obj key = word_now(s, entries[i]), value;
        if (is_marker(entries[i])) continue;
        if (!is_marker(key) && table_get(s->t, table, key, &value)) continue;
        patch(s, PATCH_PUT, table, 0, entries[i], entries[i + 1]);
    }
}

/* A list of weak pointers, perhaps behind a number, as classes and specializers have it. */
static bool is_weak_list(Obj x) { return is_cons(x) && (has_type(car(x), TYPE_WEAK_POINTER) || (is_cons(cdr(x)) && has_type(cadr(x), TYPE_WEAK_POINTER))); }

static void compare_slots(Shed *s, const Obj *words, uint64_t first, Obj now) {
    const Obj *slots = is_cons(now) ? cons_slots(now) : obj_slots(now);
    uint64_t n = copy_length(words), least = is_cons(now) || obj_length(now) >= n ? n : obj_length(now);
    bool generic = has_type(now, TYPE_FUNCALLABLE);
    for (uint64_t i = 0; i < least; i++) {
        if (has_type(now, TYPE_WEAK_POINTER) && i == WEAK_POINTER_LINK) continue;
        bool cache = generic && (i == FUNCALLABLE_CACHE || i == FUNCALLABLE_DISCRIMINATOR); /* made for the methods that are left */
        if (!cache && !differs(s, words[first + i], slots[i])) continue;
        patch(s, cache ? PATCH_FORCE : is_weak_list(slots[i]) ? PATCH_UNION : PATCH_REPLACE, now, i, slots[i], words[first + i]);
    }
}

/* The constants of a function whose code is swapped are no vector any more that a patch could find. */
static void compare_debug(Shed *s, const Obj *before, Obj function) {
    Obj constants = obj_slots(function)[FUNCTION_CONSTANTS];
    uint64_t first;
    if (!s->swaps || !is_moved(s, before[FUNCTION_CONSTANTS]) || !has_type(constants, TYPE_SIMPLE_VECTOR) || !obj_length(constants)) return;
    const Obj *words = copy_words(s, number_of(s, before[FUNCTION_CONSTANTS]), &first);
    if (is_moved(s, words[1])) patch(s, PATCH_DEBUG, function, 0, NIL, words[1]);
}

static void compare(Shed *s, uint64_t number) {
    uint64_t first;
    const Obj *words = copy_words(s, number, &first);
    Obj now = s->now[number];
    if (!first) {
        compare_slots(s, words, 0, now);
        return;
    }
    switch (header_type(words[0])) {
    case TYPE_SYMBOL: compare_symbol(s, words + 1, header_flags(words[0]), now); break;
    case TYPE_PACKAGE: compare_package(s, words + 1, now); break;
    case TYPE_HASH_TABLE: compare_table(s, words + 1, now); break;
    case TYPE_STREAM: case TYPE_HASH_ENTRIES: break;
    case TYPE_FUNCTION: compare_debug(s, words + 1, now); compare_slots(s, words, 1, now); break;
    default: compare_slots(s, words, 1, now);
    }
}

static void compare_statics(Shed *s) {
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++) {
        uint64_t at = STATIC_SYMBOLS - STATIC_BASE + SYMBOL_BYTES * i;
        const Obj *words = (const Obj *)(const void *)(s->statics + at);
        compare_symbol(s, words + 1, header_flags(words[0]), i ? obj_of_address((const void *)(STATIC_BASE + at)) : NIL);
    }
}

/* World.packages as it was. */
static void note_packages(Shed *s) {
    for (Obj l = s->packages; is_moved(s, l);) {
        uint64_t first;
        const Obj *cons = copy_words(s, number_of(s, l), &first);
        s->all = room(s->all, s->header.package_count, &s->package_room, sizeof *s->all);
        s->all[s->header.package_count++] = cons[0];
        reach(s, cons[0]);
        l = cons[1];
    }
}

/* -- Encoding -- */

static void object_encode(Shed *s, const Obj *words, Obj *to) {
    size_t bytes = is_header(words[0]) ? header_bytes(words[0]) : 16;
    uint64_t first = is_header(words[0]), n = copy_length(words);
    memcpy(to, words, bytes);
    Type type = first ? header_type(words[0]) : TYPE_COUNT;
    for (uint64_t i = first; i < first + n; i++) {
        if ((type == TYPE_HASH_ENTRIES && i == 1 + ENTRIES_LINK) || (type == TYPE_WEAK_POINTER && i == 1 + WEAK_POINTER_LINK)) to[i] = NIL;
        else to[i] = word_encode(s, words[i]);
    }
    if (type == TYPE_SYMBOL) to[1 + SYMBOL_HASH] = obj_of_fix((int64_t)symbol_hash(obj_of_address(words))); /* without thread-local value */
}

/* Gives what was met its place in the shed, in the order of ages. */
static void place_all(Shed *s) {
    for (uint64_t i = 0; i < s->count; i++) {
        if (!s->places[i]) continue;
        uint64_t first;
        const Obj *words = copy_words(s, i, &first);
        bool pure = is_pure(s, i);
        uint64_t *bytes = pure ? &s->header.pure_bytes : &s->header.object_bytes;
        s->places[i] = (pure ? SHED_PURE : SHED_OBJECT) + *bytes;
        *bytes += first ? header_bytes(words[0]) : 16;
    }
}

static void objects_encode(Shed *s) {
    s->pure_part = zeros(s->header.pure_bytes, 1);
    s->objects = zeros(s->header.object_bytes, 1);
    for (uint64_t i = 0, first; i < s->count; i++) {
        char *to = s->places[i] & SHED_PURE ? s->pure_part + (s->places[i] & ~SHED_PURE) : s->objects + (s->places[i] & ~SHED_OBJECT);
        if (s->places[i]) object_encode(s, copy_words(s, i, &first), (Obj *)(void *)to);
    }
    s->header.check_objects = image_checksum(s->objects, s->header.object_bytes, 0);
    for (uint64_t done = 0; done < s->header.pure_bytes; done += SHED_PIECE)
        s->header.check_pure = image_checksum(s->pure_part + done, shed_piece(s->header.pure_bytes, done), s->header.check_pure);
}

static void tables_encode(Shed *s) {
    for (uint64_t i = 0; i < s->header.patch_count; i++) {
        s->patches[i].value = word_encode(s, s->patches[i].value);
        if (s->patches[i].mode == PATCH_PUT) s->patches[i].left = word_encode(s, s->patches[i].left);
    }
    for (uint64_t i = 0; i < s->header.name_count; i++) s->names[i].symbol = word_encode(s, s->names[i].symbol);
    for (uint64_t i = 0; i < s->header.package_count; i++) s->all[i] = word_encode(s, s->all[i]);
    char *at = s->tables = zeros(shed_table_bytes(&s->header), 1);
    const struct {
        const void *data;
        size_t bytes;
    } tables[] = {{s->patches, s->header.patch_count * sizeof *s->patches}, {s->names, s->header.name_count * sizeof *s->names}, {s->all, s->header.package_count * sizeof *s->all}};
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (tables[i].bytes) memcpy(at, tables[i].data, tables[i].bytes);
        at += tables[i].bytes;
    }
    s->header.check_tables = image_checksum(s->tables, shed_table_bytes(&s->header), 0);
}

void shed_settle(Shed *s, const char *name, bool swaps) {
    Thread *t = s->t;
    s->swaps = swaps;
    roster_take(s);
    for (uint64_t i = 0; i < s->count; i++)
        if (!eq(s->now[i], BROKEN)) compare(s, i);
    compare_statics(s);
    note_packages(s);
    reach_all(s);
    place_all(s);
    objects_encode(s);
    tables_encode(s);
    Obj exports = alloc_boxed(t, TYPE_SIMPLE_VECTOR, s->exports.count, NIL);
    for (uint64_t i = 0; i < s->exports.count; i++) init_field(exports, i, s->exports.words[i]);
    s->header.export_count = s->exports.count;
    t->world->shed = alloc_cons(t, string_of_utf8(t, name, strlen(name)), exports);
}

/* -- Writing -- */

uint64_t shed_bytes(const Shed *s) { return shed_file_bytes(&s->header); }

const char *shed_write(const Shed *s, const char *file, uint64_t build, int *system_error) {
    union {
        ShedHeader header;
        char page[IMAGE_PAGE];
    } first = {.page = {0}};
    NewFile f;
    first.header = s->header;
    memcpy(first.header.magic, SHED_MAGIC, 16);
    first.header.version = SHED_VERSION;
    first.header.build = build;
    first.header.interface = image_interface();
    image_runtime_id(first.header.runtime_id);
    first.header.checksum = image_checksum(first.page, IMAGE_PAGE, 0);
    *system_error = newfile_open(&f, file, 0644);
    if (*system_error) return "the file of what was shaken off cannot be made";
    static const char padding[IMAGE_PAGE];
    int error = newfile_write(&f, first.page, IMAGE_PAGE);
    if (!error) error = newfile_write(&f, s->pure_part, s->header.pure_bytes);
    if (!error) error = newfile_write(&f, padding, (size_t)(-s->header.pure_bytes % IMAGE_PAGE));
    if (!error) error = newfile_write(&f, s->objects, s->header.object_bytes);
    if (!error) error = newfile_write(&f, s->tables, shed_table_bytes(&s->header));
    *system_error = newfile_close(&f, error);
    return *system_error ? "the file of what was shaken off cannot be written" : NULL;
}
