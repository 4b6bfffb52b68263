/* check.c: are the contents of an image a world?

   Checksums keep accidents away; this keeps away what has the right checksums and is wrong all the same: a forged file, or a mistake of the
   writer.  It runs with --verify-image, and before anything is relocated, since relocation walks the areas by what the headers say.

   First the areas are walked to note where objects start; then every word of every object, of the header's roots, of the lists of tables
   and finalizers is looked at: a reference must go to the start of an object of the right kind within an area, a builtin must have a name.
   What C code takes for granted of an object is in `rows` and a few functions.  The words are those of the file, wherever it is mapped:
   `words_of` finds what one refers to.

   Code is verified (code_verify), each function with its own constants, when everything lies in its place: image_check_code.

   Limit: what Lisp code takes for granted (slots of streams and packages, the contents of symbol tables, lists that must end) is not known here. */
#include "image/format.h"

#include "code/code.h"
#include "run/hash.h"
#include "text/text.h"

#include <stdlib.h>

typedef struct Part {
    uint64_t from, bytes; /* as words refer to it */
    const char *data;     /* where it lies now */
    uint64_t *starts;     /* one bit for 16 bytes */
} Part;

enum { PART_STATIC, PART_DYNAMIC, PART_PURE, PART_COUNT };

typedef struct Check {
    Part parts[PART_COUNT];
    uint64_t builtins, tls_next;
    const SwapRecord *records; /* of handles, `handles` of them */
    uint64_t handles;
    const char *wrong;
} Check;

static bool refuse(Check *c, const char *why) {
    if (!c->wrong) c->wrong = why;
    return false;
}

/* -- Words -- */

static const Obj *words_at(const Part *p, uint64_t at) { return (const Obj *)(const void *)(p->data + at); }

/* The object that a reference refers to; NULL if there is none. */
static const Obj *words_of(const Check *c, Obj x) {
    uint64_t address = address_of(x);
    for (int k = 0; k < PART_COUNT; k++) {
        const Part *p = &c->parts[k];
        uint64_t at = address - p->from;
        if (at >= p->bytes) continue;
        if (at % 16 || !(p->starts[at >> 10] >> (at >> 4 & 63) & 1)) return NULL;
        return words_at(p, at);
    }
    return NULL;
}

static bool is_of(const Check *c, Obj x, Type type) {
    const Obj *words = is_obj(x) ? words_of(c, x) : NULL;
    return words && header_type(words[0]) == type;
}

static uint64_t length_of(const Check *c, Obj x) { return header_length(words_of(c, x)[0]); }

static bool check_handle(Check *c, Obj x) {
    const SwapRecord *r = handle_index(x) < c->handles ? &c->records[handle_index(x)] : NULL;
    return r && r->size && eq(handle_make((Type)r->type, (Type)(r->detail >> 1), r->detail & 1, handle_index(x)), x) ? true : refuse(c, "there is a handle of no array");
}

/* Any word that may stand in a slot. */
static bool check_word(Check *c, Obj x) {
    if (is_fix(x) || is_nil(x) || is_char(x) || is_single(x) || is_marker(x)) return true;
    if (is_builtin(x)) return x.w >> 8 < c->builtins ? true : refuse(c, "there is a builtin without a name");
    if (is_handle(x)) return check_handle(c, x);
    if (!is_ref(x)) return refuse(c, "there is a word that is no object");
    const Obj *words = words_of(c, x);
    if (!words) return refuse(c, "there is a reference to no object");
    if (is_header(words[0]) != is_obj(x)) return refuse(c, "there is a reference with the wrong tag");
    return is_header(words[0]) && header_type(words[0]) == TYPE_FILLER ? refuse(c, "there is a reference to a gap") : true;
}

static bool check_words(Check *c, const Obj *words, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if (!check_word(c, words[i])) return false;
    return true;
}

/* -- Objects: what C code takes for granted -- */

/* Objects of the type have so many slots, or at least so many. */
typedef struct Row {
    uint8_t type, least;
    bool exact;
} Row;

static const Row rows[] = {
    {TYPE_SYMBOL, SYMBOL_LENGTH, true}, {TYPE_RATIO, 2, true}, {TYPE_COMPLEX, 2, true}, {TYPE_FUNCTION, FUNCTION_ENV, false},
    {TYPE_FUNCALLABLE, FUNCALLABLE_LENGTH, true}, {TYPE_CELL, 1, true}, {TYPE_ARRAY, ARRAY_DIMENSIONS, false}, {TYPE_INSTANCE, 2, true},
    {TYPE_STRUCTURE, 1, false}, {TYPE_LAYOUT, LAYOUT_LENGTH, true}, {TYPE_PACKAGE, PACKAGE_LENGTH, true}, {TYPE_HASH_TABLE, HASH_TABLE_LENGTH, true},
    {TYPE_READTABLE, READTABLE_LENGTH, true}, {TYPE_RANDOM_STATE, 1, true}, {TYPE_WEAK_POINTER, WEAK_POINTER_LENGTH, true},
    {TYPE_HASH_ENTRIES, ENTRIES_PAIRS, false}, {TYPE_BIGNUM, 1, false}, {TYPE_DOUBLE, 1, true},
};

static bool check_length(Check *c, Type type, uint64_t n) {
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].type == type && (rows[i].exact ? n != rows[i].least : n < rows[i].least)) return refuse(c, "there is an object of a wrong length");
    return true;
}

static bool is_text(const Check *c, Obj x) { return is_of(c, x, TYPE_BASE_STRING) || is_of(c, x, TYPE_STRING); }

static bool symbol_fits(const Check *c, const Obj *s) {
    return is_text(c, s[SYMBOL_NAME]) && is_fix(s[SYMBOL_HASH]) && (uint64_t)fix_of_obj(s[SYMBOL_HASH]) >> 32 < c->tls_next &&
           (is_nil(s[SYMBOL_PACKAGE]) || is_of(c, s[SYMBOL_PACKAGE], TYPE_PACKAGE));
}

static bool function_fits(const Check *c, const Obj *s) {
    if (is_handle_of(s[FUNCTION_CODE], TYPE_CODE)) return eq(s[FUNCTION_CODE], s[FUNCTION_CONSTANTS]);
    return is_builtin(s[FUNCTION_CODE]) || (is_of(c, s[FUNCTION_CODE], TYPE_CODE) && is_of(c, s[FUNCTION_CONSTANTS], TYPE_SIMPLE_VECTOR));
}

static bool layout_fits(const Check *c, const Obj *s) {
    return is_fix(s[LAYOUT_DEPTH]) && is_fix(s[LAYOUT_SLOT_COUNT]) && is_of(c, s[LAYOUT_ANCESTORS], TYPE_SIMPLE_VECTOR) &&
           (uint64_t)fix_of_obj(s[LAYOUT_DEPTH]) < length_of(c, s[LAYOUT_ANCESTORS]);
}

static bool is_vector_of(const Check *c, Obj x) {
    const Obj *words = is_obj(x) ? words_of(c, x) : NULL;
    return words && (header_type(words[0]) == TYPE_ARRAY || is_simple_vector_type(header_type(words[0])));
}

/* Heads, next entries and hash codes: table.c. */
static bool entries_fit(const Check *c, const Obj *words) {
    uint64_t n = header_length(words[0]), capacity = (n - ENTRIES_PAIRS) / 2;
    Obj index = words[1 + ENTRIES_INDEX];
    if (n % 2 || !is_of(c, index, TYPE_U32_VECTOR) || length_of(c, index) <= 2 * capacity) return false;
    uint64_t heads = length_of(c, index) - 2 * capacity;
    if (heads & (heads - 1)) return false;
    const uint32_t *links = (const uint32_t *)(const void *)(words_of(c, index) + 1);
    for (uint64_t i = 0; i < heads + capacity; i++)
        if (links[i] > capacity) return false;
    return true;
}

static bool table_fits(const Check *c, const Obj *s) {
    if (!is_of(c, s[HASH_TABLE_ENTRIES], TYPE_HASH_ENTRIES)) return false;
    uint64_t capacity = (length_of(c, s[HASH_TABLE_ENTRIES]) - ENTRIES_PAIRS) / 2;
    for (int i = HASH_TABLE_KIND; i <= HASH_TABLE_FREE; i++)
        if (!is_fix(s[i]) || (uint64_t)fix_of_obj(s[i]) > (i == HASH_TABLE_KIND ? 16 : capacity)) return false;
    return true;
}

static bool object_fits(const Check *c, const Obj *words) {
    const Obj *s = words + 1;
    switch (header_type(words[0])) {
    case TYPE_SYMBOL: return symbol_fits(c, s);
    case TYPE_FUNCTION: return function_fits(c, s);
    case TYPE_FUNCALLABLE:
        return is_of(c, s[FUNCALLABLE_CODE], TYPE_CODE) && is_of(c, s[FUNCALLABLE_CONSTANTS], TYPE_SIMPLE_VECTOR) && is_of(c, s[FUNCALLABLE_LAYOUT], TYPE_LAYOUT);
    case TYPE_INSTANCE: return is_of(c, s[INSTANCE_LAYOUT], TYPE_LAYOUT);
    case TYPE_STRUCTURE: return is_of(c, s[STRUCTURE_LAYOUT], TYPE_LAYOUT);
    case TYPE_LAYOUT: return layout_fits(c, s);
    case TYPE_ARRAY: return is_vector_of(c, s[ARRAY_DATA]);
    case TYPE_HASH_TABLE: return table_fits(c, s);
    case TYPE_HASH_ENTRIES: return entries_fit(c, words);
    default: return true;
    }
}

static bool check_object(Check *c, const Obj *words) {
    if (!is_header(words[0])) return check_words(c, words, 2);
    Type type = header_type(words[0]);
    if (shapes[type].layout == LAYOUT_RAW) return true;
    if (!check_words(c, words + 1, header_length(words[0]))) return false;
    return object_fits(c, words) ? true : refuse(c, "there is an object that is not what its type promises");
}

/* -- Areas -- */

/* May an object of the area begin with this word? */
static bool begins(int part, Obj head) {
    if (!is_header(head)) return part == PART_DYNAMIC;
    if (header_type(head) >= TYPE_COUNT) return false;
    if (part == PART_STATIC) return header_type(head) == TYPE_SYMBOL;
    return part == PART_DYNAMIC || shapes[header_type(head)].layout == LAYOUT_RAW;
}

static bool find_starts(Check *c, int k) {
    Part *p = &c->parts[k];
    p->starts = calloc((p->bytes >> 10) + 1, 8);
    if (!p->starts) return refuse(c, "there is no memory to check it");
    for (uint64_t at = 0; at < p->bytes;) {
        Obj head = *words_at(p, at);
        if (!begins(k, head)) return refuse(c, "there is an object of no known type");
        uint64_t size = is_header(head) ? header_bytes(head) : 16;
        if (size > p->bytes - at) return refuse(c, "there is an object that is longer than its area");
        if (is_header(head) && !check_length(c, header_type(head), header_length(head))) return false;
        p->starts[at >> 10] |= UINT64_C(1) << (at >> 4 & 63);
        at += size;
    }
    return true;
}

static bool check_area(Check *c, int k) {
    const Part *p = &c->parts[k];
    for (uint64_t at = 0; at < p->bytes;) {
        const Obj *words = words_at(p, at);
        if (!check_object(c, words)) return false;
        at += is_header(words[0]) ? header_bytes(words[0]) : 16;
    }
    return true;
}

/* -- Lists and names -- */

/* Ascending offsets of entries that the collector must know. */
static bool check_tables(Check *c, const uint64_t *offsets, uint64_t n) {
    const Part *p = &c->parts[PART_DYNAMIC];
    for (uint64_t i = 0; i < n; i++) {
        if (offsets[i] >= p->bytes || (i && offsets[i] <= offsets[i - 1])) return refuse(c, "its list of tables is wrong");
        if (!is_of(c, (Obj){(p->from + offsets[i]) | TAG_OBJ}, TYPE_HASH_ENTRIES)) return refuse(c, "its list of tables is wrong");
    }
    return true;
}

/* As many names as there are, each ended by a zero. */
static bool check_names(Check *c, const char *names, uint64_t bytes, uint64_t count) {
    uint64_t zeros = 0;
    for (uint64_t i = 0; i < bytes; i++) zeros += names[i] == 0;
    return zeros == count && (bytes == 0 || names[bytes - 1] == 0) ? true : refuse(c, "its names of builtins are wrong");
}

/* -- Swapped arrays -- */

/* The granules at which objects of the block begin; false if it is not objects end to end, those with references first. */
static bool block_starts(const SwapRecord *r, const char *p, uint64_t *starts) {
    for (uint64_t at = 0; at < r->size;) {
        Obj head = *(const Obj *)(const void *)(p + at * 16);
        if (is_header(head) && header_type(head) >= TYPE_COUNT) return false;
        bool raw = is_header(head) && shapes[header_type(head)].layout == LAYOUT_RAW;
        uint64_t granules = is_header(head) ? header_bytes(head) / 16 : 1;
        if (raw != (at >= r->boxed) || granules > (raw ? r->size : r->boxed) - at) return false;
        starts[at >> 6] |= UINT64_C(1) << (at & 63);
        at += granules;
    }
    return true;
}

static bool block_words_fit(Check *c, const SwapRecord *r, const char *p, const uint64_t *starts) {
    const Obj *words = (const Obj *)(const void *)p;
    for (uint64_t i = 0; i < (uint64_t)r->boxed * 2; i++) {
        if (is_header(words[i]) && starts[i >> 7] >> (i >> 1 & 63) & 1 && !(i & 1)) continue;
        if (!swap_is_relative(words[i])) {
            if (!check_word(c, words[i])) return false;
            continue;
        }
        uint64_t to = swap_relative_offset(words[i]) / 16;
        if (swap_relative_offset(words[i]) % 16 || to >= r->size || !(starts[to >> 6] >> (to & 63) & 1) || is_header(words[2 * to]) != is_obj(words[i])) return false;
    }
    Type first = header_type(words[0]);
    if (r->type != TYPE_CODE) return is_header(words[0]) && first == r->type;
    const Obj *code = words + 2 * (uint64_t)r->boxed;
    return is_header(words[0]) && first == TYPE_SIMPLE_VECTOR && r->boxed < r->size && header_type(code[0]) == TYPE_CODE && header_length(code[0]) > 0;
}

static bool check_blocks(Check *c, const char *blocks, uint64_t bytes) {
    if (!c->handles) return true;
    Unpacker *u = swap_record_unpacker(c->records, blocks, bytes);
    if (!u) return refuse(c, "the dictionary of its swapped arrays is wrong");
    for (uint64_t i = 1; i < c->handles && !c->wrong; i++) {
        const SwapRecord *r = &c->records[i];
        if (!r->size) continue;
        char *p = swap_record_read(r, u, blocks, bytes);
        uint64_t *starts = calloc(r->size / 64 + 1, 8);
        if (!p || !starts) refuse(c, "its table of handles is wrong");
        else if (!block_starts(r, p, starts) || !block_words_fit(c, r, p, starts)) refuse(c, "there is a swapped array that is none");
        free(starts);
        free(p);
    }
    unpacker_free(u);
    return !c->wrong;
}

static bool check_all(Check *c, const ImageHeader *h, const void *const contents[SECTION_COUNT]) {
    const Obj *nil = contents[SECTION_STATIC];
    const Section *s = h->sections;
    for (int k = 0; k < PART_COUNT; k++)
        if (!find_starts(c, k)) return false;
    if (!is_nil(nil[0]) || !is_nil(nil[1])) return refuse(c, "NIL is not NIL");
    if (header_length(*words_at(&c->parts[PART_STATIC], 0)) != SYMBOL_LENGTH) return refuse(c, "NIL is not NIL");
    for (int k = 0; k < PART_PURE; k++)
        if (!check_area(c, k)) return false;
    return check_words(c, h->roots, h->root_count) && check_words(c, contents[SECTION_FINALIZERS], s[SECTION_FINALIZERS].bytes / 8) &&
           check_tables(c, contents[SECTION_TABLES], s[SECTION_TABLES].count) &&
           check_names(c, contents[SECTION_BUILTINS], s[SECTION_BUILTINS].bytes, s[SECTION_BUILTINS].count) &&
           check_blocks(c, contents[SECTION_SHADOW], s[SECTION_SHADOW].bytes);
}

const char *image_check(const ImageHeader *h, const void *const contents[SECTION_COUNT]) {
    const uint64_t symbols = STATIC_SYMBOLS - STATIC_BASE;
    Check c = {.builtins = h->sections[SECTION_BUILTINS].count, .tls_next = h->tls_next, .records = contents[SECTION_HANDLES], .handles = h->sections[SECTION_HANDLES].count};
    c.parts[PART_STATIC] = (Part){.from = STATIC_SYMBOLS, .bytes = STATIC_USED - symbols, .data = (const char *)contents[SECTION_STATIC] + symbols};
    c.parts[PART_DYNAMIC] = (Part){.from = h->heap.start, .bytes = h->heap.bytes, .data = contents[SECTION_DYNAMIC]};
    c.parts[PART_PURE] = (Part){.from = h->pure_start, .bytes = h->sections[SECTION_PURE].bytes, .data = contents[SECTION_PURE]};
    check_all(&c, h, contents);
    for (int k = 0; k < PART_COUNT; k++) free(c.parts[k].starts);
    return c.wrong;
}

/* -- Code -- */

const char *image_check_code(const void *area, uint64_t bytes) {
    const char *wrong = NULL;
    uint64_t size, offset;
    for (const char *p = area, *end = p + bytes; p < end && !wrong; p += size) {
        const Obj *words = (const Obj *)(const void *)p;
        size = is_header(words[0]) ? header_bytes(words[0]) : 16;
        if (!is_header(words[0]) || header_type(words[0]) != TYPE_FUNCTION || !is_obj(words[1 + FUNCTION_CODE])) continue;
        Obj code = words[1 + FUNCTION_CODE];
        uint64_t values = header_length(words[0]) - FUNCTION_ENV;
        /* a template's closures have an environment, it has none */
        wrong = code_verify(obj_raw(code), obj_length(code), words[1 + FUNCTION_CONSTANTS], values ? values : UINT16_MAX + 1, &offset);
    }
    return wrong;
}

typedef struct SwappedCheck {
    Thread *t;
    const char *wrong;
} SwappedCheck;

static void check_swapped(void *data, Obj *words, size_t bytes) {
    SwappedCheck *c = data;
    uint64_t length, offset;
    (void)bytes;
    if (c->wrong || !is_header(words[0]) || header_type(words[0]) != TYPE_FUNCTION || !is_handle(words[1 + FUNCTION_CODE])) return;
    Obj handle = words[1 + FUNCTION_CODE];
    Instruction *code = code_read(c->t, handle, &length);
    Obj constants = code ? swap_look(c->t, handle) : NIL;
    uint64_t values = header_length(words[0]) - FUNCTION_ENV;
    if (is_nil(constants)) c->wrong = "a swapped function cannot be read";
    else c->wrong = code_verify(code, length, constants, values ? values : UINT16_MAX + 1, &offset);
    free(code);
}

const char *image_check_swapped(Thread *t) {
    SwappedCheck c = {.t = t};
    heap_each(t->heap, check_swapped, &c);
    return c.wrong;
}
