/* package.c: symbols and packages.

   A package has two hash vectors, one of internal and one of external symbols; an inherited symbol is an external one of a used package.
   Keys are names: a place holds the symbol, whose HASH field saves most comparisons of characters.  Open addressing with linear steps; the
   vector grows when three quarters of its places are not EMPTY.

   What must stay consistent under an allocation failure (law: allocate before you change) is arranged thus: room for the new entry
   is made first, the symbol second, and only then are both changed.

   Conflicts are Lisp's affair (lisp/packages.lisp); here an operation does what it says.

   Invariants
     package.name   no two symbols in both tables of a package have the same name
     package.home   a symbol whose package is P is present in P
     package.count  TABLE_LIVE counts symbols, TABLE_USED symbols and DELETED; TABLE_USED stays below the number of places */
#include "text/text.h"

/* -- Tables of symbols -- */

enum { SMALLEST_TABLE = 16 };

static uint64_t table_places(Obj table) { return obj_length(table) - TABLE_PLACES; }

static Obj table_make(Thread *t, uint64_t places) {
    Obj table = alloc_boxed(t, TYPE_SIMPLE_VECTOR, TABLE_PLACES + places, EMPTY);
    init_field(table, TABLE_LIVE, obj_of_fix(0));
    init_field(table, TABLE_USED, obj_of_fix(0));
    return table;
}

Obj symbol_table_find(Obj table, Text name, uint32_t hash) {
    Obj *places = obj_slots(table) + TABLE_PLACES;
    uint64_t mask = table_places(table) - 1;
    for (uint64_t i = hash & mask;; i = (i + 1) & mask) {
        Obj x = places[i];
        if (eq(x, EMPTY)) return UNBOUND;
        if (eq(x, DELETED) || symbol_hash(x) != hash) continue;
        if (texts_equal(text_of_string(symbol_slots(x)[SYMBOL_NAME]), name)) return x;
    }
}

static void table_add(Thread *t, Obj table, Obj symbol) {
    Obj *places = obj_slots(table) + TABLE_PLACES;
    uint64_t mask = table_places(table) - 1, i = symbol_hash(symbol) & mask;
    while (!eq(places[i], EMPTY) && !eq(places[i], DELETED)) i = (i + 1) & mask;
    Obj *counts = obj_slots(table);
    if (eq(places[i], EMPTY)) counts[TABLE_USED] = obj_of_fix(fix_of_obj(counts[TABLE_USED]) + 1);
    counts[TABLE_LIVE] = obj_of_fix(fix_of_obj(counts[TABLE_LIVE]) + 1);
    set_slot(t, &places[i], symbol);
}

/* Makes room for one more symbol. */
static Obj table_reserve(Thread *t, Obj package, int field) {
    Obj table = obj_slots(package)[field];
    uint64_t places = table_places(table);
    if (4 * ((uint64_t)fix_of_obj(obj_slots(table)[TABLE_USED]) + 1) <= 3 * places) return table;
    uint64_t live = (uint64_t)fix_of_obj(obj_slots(table)[TABLE_LIVE]);
    uint64_t wanted = places;
    while (2 * (live + 1) > wanted) wanted *= 2;
    Obj larger = table_make(t, wanted);
    for (uint64_t i = 0; i < places; i++) {
        Obj x = obj_slots(table)[TABLE_PLACES + i];
        if (!eq(x, EMPTY) && !eq(x, DELETED)) table_add(t, larger, x);
    }
    set_field(t, package, (uint64_t)field, larger);
    return larger;
}

void package_add_symbol(Thread *t, Obj package, int field, Obj symbol) {
    table_add(t, table_reserve(t, package, field), symbol);
}

bool package_remove_symbol(Thread *t, Obj package, int field, Obj symbol) {
    (void)t;
    Obj table = obj_slots(package)[field], *counts = obj_slots(table), *places = counts + TABLE_PLACES;
    uint64_t mask = table_places(table) - 1;
    for (uint64_t i = symbol_hash(symbol) & mask; !eq(places[i], EMPTY); i = (i + 1) & mask) {
        if (!eq(places[i], symbol)) continue;
        places[i] = DELETED; /* NOBARRIER: immediate */
        counts[TABLE_LIVE] = obj_of_fix(fix_of_obj(counts[TABLE_LIVE]) - 1);
        return true;
    }
    return false;
}

/* -- Symbols -- */

/* A symbol with a simple string that nobody changes as its name. */
static Obj symbol_alloc(Thread *t, Obj name, uint32_t hash) {
    Obj x = alloc_boxed(t, TYPE_SYMBOL, SYMBOL_LENGTH, NIL);
    init_field(x, SYMBOL_VALUE, UNBOUND);
    init_field(x, SYMBOL_FUNCTION, UNBOUND);
    init_field(x, SYMBOL_NAME, name);
    init_field(x, SYMBOL_HASH, obj_of_fix(hash));
    return x;
}

Obj make_symbol(Thread *t, Obj name) {
    Text text = text_of_string(name);
    if (!is_simple_string(name)) name = string_of_text(t, text);
    return symbol_alloc(t, name, text_hash(text));
}

bool is_keyword(Obj x) {
    if (!has_type(x, TYPE_SYMBOL)) return false;
    Obj p = obj_slots(x)[SYMBOL_PACKAGE];
    return !is_nil(p) && eq(p, symbol_slots(SYM(K_NAME))[SYMBOL_PACKAGE]);
}

/* -- Finding packages -- */

static bool names_match(Obj names, Text name) {
    for (; is_cons(names); names = cdr(names))
        if (texts_equal(text_of_string(car(names)), name)) return true;
    return false;
}

Obj package_find_text(Thread *t, Obj current, Text name) {
    if (!is_nil(current))
        for (Obj l = obj_slots(current)[PACKAGE_LOCAL_NICKNAMES]; is_cons(l); l = cdr(l))
            if (texts_equal(text_of_string(car(car(l))), name)) return cdr(car(l));
    for (Obj l = t->world->packages; is_cons(l); l = cdr(l))
        if (names_match(obj_slots(car(l))[PACKAGE_NAMES], name)) return car(l);
    return shed_fetch(t) ? package_find_text(t, current, name) : NIL;
}

Obj package_find(Thread *t, Obj name) { return package_find_text(t, NIL, text_of_string(name)); }

/* -- Finding symbols -- */

/* The symbol that is in one of the package's own tables, and how; *status NIL: none. */
static Obj find_present(Obj package, Text name, uint32_t hash, Obj *status) {
    Obj *slots = obj_slots(package);
    Obj x = symbol_table_find(slots[PACKAGE_INTERNAL], name, hash);
    *status = SYM(K_INTERNAL);
    if (!eq(x, UNBOUND)) return x;
    x = symbol_table_find(slots[PACKAGE_EXTERNAL], name, hash);
    *status = eq(x, UNBOUND) ? NIL : SYM(K_EXTERNAL);
    return eq(x, UNBOUND) ? NIL : x;
}

static Obj find_inherited(Obj package, Text name, uint32_t hash, Obj *status) {
    *status = SYM(K_INHERITED);
    for (Obj l = obj_slots(package)[PACKAGE_USES]; is_cons(l); l = cdr(l)) {
        Obj x = symbol_table_find(obj_slots(car(l))[PACKAGE_EXTERNAL], name, hash);
        if (!eq(x, UNBOUND)) return x;
    }
    *status = NIL;
    return NIL;
}

Obj package_find_symbol_text(Obj package, Text name, Obj *status) {
    uint32_t hash = text_hash(name);
    Obj x = find_present(package, name, hash, status);
    return is_nil(*status) ? find_inherited(package, name, hash, status) : x;
}

/* -- What a delivery took away --

   World.removed is a vector of 64-bit words, the first a RemovedMode, the others ascending: one for each symbol that went, of the hash of home and name (upper
   50 bits), its number in symbols.def or 0 (11 bits) and REMOVED_EXTERNAL, REMOVED_DEFINED, REMOVED_PROPERTIES; one for each symbol that stays and whose value went, and for
   each name of a package that went, which are hashes only. */

enum { REMOVED_FLAG_BITS = 3, REMOVED_LOW_BITS = 14 };
_Static_assert(STATIC_SYMBOL_COUNT <= 1 << (REMOVED_LOW_BITS - REMOVED_FLAG_BITS), "numbers of static symbols fit into World.removed");

static uint64_t hash_more(uint64_t h, Text text) {
    for (uint64_t i = 0; i < text.length; i++) h = (h ^ text_char(text, i)) * 0x100000001B3u;
    return (h ^ 0x110000) * 0x100000001B3u; /* no character: names do not run together */
}

uint64_t removed_word(Obj home, Text name, uint64_t number, unsigned flags) {
    uint64_t h = hash_more(hash_more(0xCBF29CE484222325u, text_of_string(car(obj_slots(home)[PACKAGE_NAMES]))), name);
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15u;
    return h >> REMOVED_LOW_BITS << REMOVED_LOW_BITS | number << REMOVED_FLAG_BITS | flags;
}

uint64_t removed_value_word(uint64_t word) { return (word >> REMOVED_LOW_BITS) * 0x9FB21C651E98DF25u >> REMOVED_LOW_BITS << REMOVED_LOW_BITS; }
uint64_t removed_package_word(Text name) { return hash_more(0x84222325CBF29CE4u, name) * 0x9E3779B97F4A7C15u >> REMOVED_LOW_BITS << REMOVED_LOW_BITS; }

/* The word that begins like this one, or 0. */
static uint64_t removed_find(Obj removed, uint64_t wanted) {
    if (LIKELY(!has_type(removed, TYPE_U32_VECTOR))) return 0;
    const uint64_t *words = obj_raw(removed);
    wanted = wanted >> REMOVED_LOW_BITS << REMOVED_LOW_BITS;
    uint64_t low = 1, high = obj_length(removed) / 2;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (words[middle] < wanted) low = middle + 1;
        else high = middle;
    }
    return low < obj_length(removed) / 2 && words[low] >> REMOVED_LOW_BITS == wanted >> REMOVED_LOW_BITS ? words[low] : 0;
}

/* The word for a symbol of that home, or 0. */
static uint64_t removed_symbol(const Thread *t, Obj home, Text name) {
    if (!is_cons(obj_slots(home)[PACKAGE_NAMES]) || eq(home, t->world->package_keyword)) return 0;
    return removed_find(t->world->removed, removed_word(home, name, 0, 0));
}

static bool has_removed(const Thread *t, RemovedMode mode) {
    Obj removed = t->world->removed;
    return UNLIKELY(has_type(removed, TYPE_U32_VECTOR)) && *(const uint64_t *)obj_raw(removed) == mode;
}

bool package_symbol_removed(Thread *t, Obj package, Text name) {
    Obj status;
    if (!has_removed(t, REMOVED_ERROR) || !has_type(package, TYPE_PACKAGE)) return false;
    uint32_t hash = text_hash(name);
    find_present(package, name, hash, &status);
    if (!is_nil(status)) return false;
    if (removed_symbol(t, package, name)) return true;
    find_inherited(package, name, hash, &status);
    for (Obj l = obj_slots(package)[PACKAGE_USES]; is_nil(status) && is_cons(l); l = cdr(l))
        if (removed_symbol(t, car(l), name) & REMOVED_EXTERNAL) return true;
    return false;
}

bool symbol_value_removed(Thread *t, Obj symbol) {
    const Obj *slots = symbol_slots(symbol);
    if (!has_type(slots[SYMBOL_PACKAGE], TYPE_PACKAGE) || !is_cons(obj_slots(slots[SYMBOL_PACKAGE])[PACKAGE_NAMES])) return false;
    return removed_find(t->world->removed, removed_value_word(removed_word(slots[SYMBOL_PACKAGE], text_of_string(slots[SYMBOL_NAME]), 0, 0))) != 0;
}

bool package_removed(Thread *t, Text name) { return removed_find(t->world->removed, removed_package_word(name)) != 0; }

/* Makes the symbol that the word tells of anew; a static one is where it was, without its name. */
static Obj symbol_renew(Thread *t, Obj home, Text name, uint32_t hash, uint64_t word) {
    uint64_t number = word >> REMOVED_FLAG_BITS & ((1 << (REMOVED_LOW_BITS - REMOVED_FLAG_BITS)) - 1);
    Obj string = string_of_text(t, name), x = (Obj){(STATIC_SYMBOLS + SYMBOL_BYTES * number) | TAG_OBJ};
    table_reserve(t, home, word & REMOVED_EXTERNAL ? PACKAGE_EXTERNAL : PACKAGE_INTERNAL);
    if (number) set_symbol(t, x, SYMBOL_NAME, string);
    else x = symbol_alloc(t, string, hash);
    set_symbol(t, x, SYMBOL_PACKAGE, home);
    if (word & (REMOVED_DEFINED | REMOVED_PROPERTIES) && is_marker(symbol_slots(x)[SYMBOL_FUNCTION]))
        set_symbol(t, x, SYMBOL_FUNCTION, removed_marker(word & REMOVED_PROPERTIES ? REMOVED_WITH_PROPERTIES : REMOVED_RENEWED));
    package_add_symbol(t, home, word & REMOVED_EXTERNAL ? PACKAGE_EXTERNAL : PACKAGE_INTERNAL, x);
    return x;
}

/* What find_present and find_inherited would have found; *status NIL: nothing. */
static Obj renew_present(Thread *t, Obj package, Text name, uint32_t hash, Obj *status) {
    uint64_t word = has_removed(t, REMOVED_MAKE_ANEW) ? removed_symbol(t, package, name) : 0;
    *status = !word ? NIL : word & REMOVED_EXTERNAL ? SYM(K_EXTERNAL) : SYM(K_INTERNAL);
    return word ? symbol_renew(t, package, name, hash, word) : NIL;
}

static Obj renew_inherited(Thread *t, Obj package, Text name, uint32_t hash, Obj *status) {
    *status = SYM(K_INHERITED);
    for (Obj l = has_removed(t, REMOVED_MAKE_ANEW) ? obj_slots(package)[PACKAGE_USES] : NIL; is_cons(l); l = cdr(l)) {
        uint64_t word = removed_symbol(t, car(l), name);
        if (word & REMOVED_EXTERNAL) return symbol_renew(t, car(l), name, hash, word);
    }
    *status = NIL;
    return NIL;
}

Obj package_present_symbol(Thread *t, Obj package, Text name, Obj *status) {
    uint32_t hash = text_hash(name);
    Obj x = find_present(package, name, hash, status);
    return is_nil(*status) ? renew_present(t, package, name, hash, status) : x;
}

static Obj look_up_hashed(Thread *t, Obj package, Text name, uint32_t hash, Obj *status) {
    Obj x = find_present(package, name, hash, status);
    if (is_nil(*status)) x = renew_present(t, package, name, hash, status);
    if (is_nil(*status)) x = find_inherited(package, name, hash, status);
    if (is_nil(*status)) x = renew_inherited(t, package, name, hash, status);
    return x;
}

Obj package_look_up(Thread *t, Obj package, Text name, Obj *status) { return look_up_hashed(t, package, name, text_hash(name), status); }

/* -- Interning -- */

static void make_keyword(Thread *t, Obj symbol) {
    set_symbol(t, symbol, SYMBOL_VALUE, symbol);
    obj_set_flags(symbol, symbol_flags(symbol) | SYMBOL_CONSTANT);
}

Obj package_intern_text(Thread *t, Obj package, Text name, Obj *status) {
    uint32_t hash = text_hash(name);
    Obj x = look_up_hashed(t, package, name, hash, status);
    if (!is_nil(*status)) return x;
    bool keyword = eq(package, t->world->package_keyword);
    Obj table = table_reserve(t, package, keyword ? PACKAGE_EXTERNAL : PACKAGE_INTERNAL);
    x = symbol_alloc(t, string_of_text(t, name), hash);
    init_field(x, SYMBOL_PACKAGE, package);
    if (keyword) make_keyword(t, x);
    table_add(t, table, x);
    return x;
}

Obj package_intern(Thread *t, Obj package, Obj name, Obj *status) {
    return package_intern_text(t, package, text_of_string(name), status);
}

Obj intern_text(Thread *t, Obj package, const char *name) {
    Obj status;
    return package_intern_text(t, package, (Text){name, strlen(name), false}, &status);
}

void package_empty(Thread *t, Obj package) {
    for (int field = PACKAGE_INTERNAL; field <= PACKAGE_EXTERNAL; field++) {
        Obj table = table_make(t, SMALLEST_TABLE);
        set_field(t, package, (uint64_t)field, table);
    }
}

void package_export(Thread *t, Obj package, Obj symbol) {
    Text name = text_of_string(symbol_slots(symbol)[SYMBOL_NAME]);
    Obj there = symbol_table_find(obj_slots(package)[PACKAGE_EXTERNAL], name, symbol_hash(symbol));
    if (!eq(there, UNBOUND)) return;
    table_reserve(t, package, PACKAGE_EXTERNAL);
    package_remove_symbol(t, package, PACKAGE_INTERNAL, symbol);
    package_add_symbol(t, package, PACKAGE_EXTERNAL, symbol);
}

/* -- The first packages -- */

Obj package_make(Thread *t, Obj names) {
    Obj p = alloc_boxed(t, TYPE_PACKAGE, PACKAGE_LENGTH, NIL);
    init_field(p, PACKAGE_NAMES, names);
    Obj internal = table_make(t, SMALLEST_TABLE), external = table_make(t, SMALLEST_TABLE);
    init_field(p, PACKAGE_INTERNAL, internal);
    init_field(p, PACKAGE_EXTERNAL, external);
    t->world->packages = alloc_cons(t, p, t->world->packages);
    return p;
}

static Obj package_named(Thread *t, const char *name, const char *nickname) {
    Obj names = nickname ? alloc_cons(t, alloc_text(t, nickname), NIL) : NIL;
    return package_make(t, alloc_cons(t, alloc_text(t, name), names));
}

static void package_use(Thread *t, Obj user, Obj used) {
    init_field(user, PACKAGE_USES, alloc_cons(t, used, obj_slots(user)[PACKAGE_USES]));
    init_field(used, PACKAGE_USED_BY, alloc_cons(t, user, obj_slots(used)[PACKAGE_USED_BY]));
}

enum { IN_CL, IN_SYS, IN_EXT, IN_KEY };
static const uint8_t static_homes[] = {
#define S(id, name, package) IN_##package,
#include "word/symbols.def"
#undef S
};

static void put_static_symbol(Thread *t, Obj symbol, Obj package) {
    Obj *slots = symbol_slots(symbol);
    uint32_t hash = string_hash(slots[SYMBOL_NAME]);
    slots[SYMBOL_HASH] = obj_of_fix((int64_t)symbol_tls_index(symbol) << 32 | hash);
    set_symbol(t, symbol, SYMBOL_PACKAGE, package);
    package_add_symbol(t, package, PACKAGE_EXTERNAL, symbol);
    if (eq(package, t->world->package_keyword)) make_keyword(t, symbol);
}

void packages_create(Thread *t) {
    static const char *const common_lisp[] = {
#define C(name) name,
#include "text/cl-symbols.def"
#undef C
    };
    World *w = t->world;
    w->packages = NIL;
    w->package_user = package_named(t, "COMMON-LISP-USER", "CL-USER");
    w->package_ext = package_named(t, "WINDFALL", "EXT");
    w->package_sys = package_named(t, "WINDFALL-SYSTEM", "SYS");
    w->package_keyword = package_named(t, "KEYWORD", NULL);
    w->package_cl = package_named(t, "COMMON-LISP", "CL");
    package_use(t, w->package_ext, w->package_cl);
    package_use(t, w->package_sys, w->package_cl);
    package_use(t, w->package_user, w->package_ext);
    package_use(t, w->package_user, w->package_cl);
    const Obj homes[] = {[IN_CL] = w->package_cl, [IN_SYS] = w->package_sys, [IN_EXT] = w->package_ext, [IN_KEY] = w->package_keyword};
    for (uint64_t i = 0; i < STATIC_SYMBOL_COUNT; i++)
        put_static_symbol(t, i ? obj_of_address((void *)(STATIC_SYMBOLS + SYMBOL_BYTES * i)) : NIL, homes[static_homes[i]]);
    for (size_t i = 0; i < COUNT_OF(common_lisp); i++) package_export(t, w->package_cl, intern_text(t, w->package_cl, common_lisp[i]));
    for (uint64_t i = S_BLOCK; i <= S_UNWIND_PROTECT; i++)
        obj_set_flags(obj_of_address((void *)(STATIC_SYMBOLS + SYMBOL_BYTES * i)), SYMBOL_DEFINED_SPECIAL_OPERATOR);
    symbol_slots(NIL)[SYMBOL_VALUE] = NIL;
    symbol_slots(T_)[SYMBOL_VALUE] = T_;
    obj_set_flags(symbol_object(NIL), symbol_flags(NIL) | SYMBOL_CONSTANT);
    obj_set_flags(T_, symbol_flags(T_) | SYMBOL_CONSTANT);
}
