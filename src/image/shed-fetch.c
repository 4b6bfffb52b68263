/* shed-fetch.c: what was shaken off comes back into the running program.

   Whoever misses something (an undefined function, a symbol that is not in its package, a FORMAT directive, ...) calls `shed_fetch` and, if that says
   so, looks again.  It may be in the midst of a leaf: nothing moves, nothing is collected.  The objects of the shed are made in the nursery, as they would be by allocation; then the
   program's own objects are patched, where the program has not changed them meanwhile, and packages get their symbols back.

   A symbol of the shed whose name the program has made anew becomes the program's: every reference to it is one to that.

   The file is looked for where WINDFALL_SHED says, else beside the executable, else by the name that delivery was given.  Nothing is changed before header, build, lengths
   and checksums have been found right.  Code and names are mapped and not read: a page of the file is fetched when something on it is called, and the system may drop it again.  If they are not, the program goes on without it, and the error that comes says why. */
#include "image/shed-format.h"

#include "image/purify.h"
#include "run/hash.h"
#include "text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Fetch {
    Thread *t;
    char *file;
    int fd;
    union {
        ShedHeader header;
        char page[IMAGE_PAGE];
    };
    char *tables;      /* malloc'ed: patches, names, packages */
    ShedPatch *patches;
    ShedName *names;
    Obj *packages, exports;
    char *place, *pure; /* where the objects are in the heap, and the pure part is mapped */
    char problem[300];
} Fetch;

static bool refuse(Fetch *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(Fetch *f, const char *format, ...) {
    char reason[200];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof reason, format, list);
    va_end(list);
    snprintf(f->problem, sizeof f->problem, "%.90s %s", f->file, reason);
    return false;
}

/* -- The file -- */

/* Its name, malloc'ed. */
static char *file_name(Thread *t) {
    const char *asked = getenv("WINDFALL_SHED");
    if (asked && *asked) return strdup(asked);
    char *given = utf8_of_string(car(t->world->shed), NULL), *beside = NULL, own[PATH_MAX];
    const char *base = strrchr(given, '/') ? strrchr(given, '/') + 1 : given;
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (n > 0) {
        own[n] = 0;
        char *slash = strrchr(own, '/');
        if (asprintf(&beside, "%.*s/%s", slash ? (int)(slash - own) : 0, own, base) < 0) beside = NULL;
    }
    if (beside && (access(beside, F_OK) == 0 || access(given, F_OK) != 0)) {
        free(given);
        return beside;
    }
    free(beside);
    return given;
}

static bool read_at(Fetch *f, void *to, size_t bytes, uint64_t at) {
    for (size_t done = 0; done < bytes;) {
        ssize_t n = pread(f->fd, (char *)to + done, bytes - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return refuse(f, "cannot be read: %s", n < 0 ? strerror(errno) : "it has become shorter");
        done += (size_t)n;
    }
    return true;
}

/* Is it the shed of this program, and whole? */
static bool header_check(Fetch *f, uint64_t size) {
    ShedHeader *h = &f->header;
    uint8_t id[RUNTIME_ID_BYTES];
    uint64_t checksum = h->checksum;
    h->checksum = 0;
    image_runtime_id(id);
    if (memcmp(h->magic, SHED_MAGIC, 16) != 0) return refuse(f, "is no shed");
    if (h->version != SHED_VERSION) return refuse(f, "has version %u of the format", h->version);
    if (image_checksum(f->page, IMAGE_PAGE, 0) != checksum) return refuse(f, "is damaged");
    if (h->build != f->t->world->build || h->interface != image_interface() || memcmp(id, h->runtime_id, sizeof id) != 0 || h->export_count != obj_length(f->exports))
        return refuse(f, "belongs to another build of the program");
    if (h->pure_bytes > size || h->object_bytes > size || h->patch_count > size || h->name_count > size || h->package_count > size || shed_file_bytes(h) != size)
        return refuse(f, "is incomplete");
    return true;
}

static bool file_open(Fetch *f) {
    struct stat st;
    f->fd = open(f->file, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st) != 0) return refuse(f, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(st.st_mode)) return refuse(f, "is no file");
    if (st.st_size < IMAGE_PAGE) return refuse(f, "is incomplete");
    return read_at(f, f->page, IMAGE_PAGE, 0) && header_check(f, (uint64_t)st.st_size);
}

static bool tables_read(Fetch *f) {
    const ShedHeader *h = &f->header;
    size_t bytes = (size_t)shed_table_bytes(h);
    f->tables = malloc(bytes + 1);
    if (!f->tables) return refuse(f, "cannot be read: no memory");
    if (!read_at(f, f->tables, bytes, shed_objects_at(h) + h->object_bytes)) return false;
    f->patches = (ShedPatch *)(void *)f->tables;
    f->names = (ShedName *)(void *)(f->patches + h->patch_count);
    f->packages = (Obj *)(void *)(f->names + h->name_count);
    return image_checksum(f->tables, bytes, 0) == h->check_tables ? true : refuse(f, "is damaged");
}

/* The pure part is compared with its checksum, and mapped behind what the pure area has. */
static bool pure_map(Fetch *f) {
    const ShedHeader *h = &f->header;
    char *piece = malloc(SHED_PIECE);
    bool good = piece || refuse(f, "cannot be read: no memory");
    uint64_t sum = 0;
    for (uint64_t done = 0; good && done < h->pure_bytes; done += SHED_PIECE) {
        size_t n = shed_piece(h->pure_bytes, done);
        good = read_at(f, piece, n, IMAGE_PAGE + done);
        if (good) sum = image_checksum(piece, n, sum);
    }
    free(piece);
    if (!good) return false;
    if (sum != h->check_pure) return refuse(f, "is damaged");
    f->pure = h->pure_bytes ? pure_extend(f->t->heap, h->pure_bytes, f->fd, IMAGE_PAGE) : NULL;
    if (h->pure_bytes && !f->pure) return refuse(f, "cannot be mapped");
    pure_guard(f->t);
    return true;
}

/* What patches may allocate at most, roughly: the heap has so much more before anything is changed. */
static size_t patch_room(const ShedHeader *h) { return (size_t)bits_round_up(64 * (h->patch_count + h->name_count + h->package_count), 16) + (1 << 16); }

/* The objects come to the heap as the file has them: nobody sees them yet. */
static bool objects_read(Fetch *f) {
    Thread *t = f->t;
    size_t bytes = (size_t)f->header.object_bytes, needed = bytes + patch_room(&f->header);
    if (heap_state(t->heap).bytes + needed > heap_capacity(t->heap)) return refuse(f, "needs %zu KB more than the heap has", needed / 1024);
    char *place = f->place = heap_allocate(t, needed);
    t->free = place; /* it was allocated to be there */
    if (!read_at(f, place, bytes, shed_objects_at(&f->header))) return false;
    return image_checksum(place, bytes, 0) == f->header.check_objects ? true : refuse(f, "is damaged");
}

/* -- Checking what the checksums cannot know -- */

static bool word_fits(const Fetch *f, Obj x) {
    const ShedHeader *h = &f->header;
    if (is_header(x)) return false;
    if (!is_ref(x)) return !is_handle(x);
    uint64_t kind = x.w & (SHED_OBJECT | SHED_EXPORT | SHED_PURE), offset = address_of(x) & ~kind;
    if (kind == 0) return x.w - STATIC_BASE < STATIC_SIZE;
    return kind == SHED_OBJECT ? offset < h->object_bytes : kind == SHED_PURE ? offset < h->pure_bytes && is_obj(x) : kind == SHED_EXPORT && offset / 16 < h->export_count;
}

static bool object_fits(const Fetch *f, const Obj *words, uint64_t room, uint64_t *bytes) {
    bool first = is_header(words[0]);
    if (first && (header_type(words[0]) >= TYPE_COUNT || header_type(words[0]) == TYPE_FILLER || header_length(words[0]) > room)) return false;
    *bytes = first ? header_bytes(words[0]) : 16;
    if (*bytes > room) return false;
    uint64_t n = !first ? 2 : shapes[header_type(words[0])].layout == LAYOUT_RAW ? 0 : header_length(words[0]);
    for (uint64_t i = first; i < first + n; i++)
        if (!word_fits(f, words[i])) return false;
    return true;
}

/* Do the objects parse, and do all words refer to something that is there? */
static bool contents_check(Fetch *f) {
    const ShedHeader *h = &f->header;
    bool good = true;
    for (uint64_t at = 0, bytes = 0; good && at < h->object_bytes; at += bytes) good = object_fits(f, (const Obj *)(const void *)(f->place + at), h->object_bytes - at, &bytes);
    for (uint64_t i = 0; good && i < h->patch_count; i++)
        good = word_fits(f, f->patches[i].holder) && word_fits(f, f->patches[i].left) && word_fits(f, f->patches[i].value) && f->patches[i].mode < PATCH_MODES;
    for (uint64_t i = 0; good && i < h->name_count; i++) good = word_fits(f, f->names[i].package) && word_fits(f, f->names[i].symbol);
    for (uint64_t i = 0; good && i < h->package_count; i++) good = word_fits(f, f->packages[i]);
    return good ? true : refuse(f, "is damaged");
}

/* -- Words -- */

static Obj *object_words(const Fetch *f, Obj x) { return (Obj *)(void *)(f->place + (address_of(x) & ~SHED_OBJECT)); }

/* What a word of the file is in this process.  A symbol that the program has made anew is a filler by now, with that of the program in the place of its hash code. */
static Obj word_here(const Fetch *f, Obj x) {
    if (!is_ref(x) || !(x.w & (SHED_OBJECT | SHED_EXPORT | SHED_PURE))) return x;
    if (x.w & SHED_EXPORT) return obj_slots(f->exports)[(x.w & ~SHED_EXPORT) / 16];
    if (x.w & SHED_PURE) return (Obj){(x.w & ~SHED_PURE) + (uint64_t)(uintptr_t)f->pure};
    const Obj *words = object_words(f, x);
    return is_obj(x) && header_type(words[0]) == TYPE_FILLER ? words[1 + SYMBOL_HASH] : ((Obj){(uint64_t)(uintptr_t)words | (x.w & TAG_MASK)});
}

/* -- Symbols that the program has made anew -- */

/* The symbol of that name that is present in the package, or UNBOUND. */
static Obj present(Obj package, Obj name) {
    Text text = text_of_string(name);
    Obj x = symbol_table_find(obj_slots(package)[PACKAGE_INTERNAL], text, text_hash(text));
    return eq(x, UNBOUND) ? symbol_table_find(obj_slots(package)[PACKAGE_EXTERNAL], text, text_hash(text)) : x;
}

static void symbols_match(const Fetch *f) {
    for (uint64_t i = 0; i < f->header.name_count; i++) {
        const ShedName *n = &f->names[i];
        if (!is_obj(n->symbol) || !(n->symbol.w & SHED_OBJECT) || n->package.w & SHED_OBJECT) continue;
        Obj *words = object_words(f, n->symbol);
        if (header_type(words[0]) != TYPE_SYMBOL || eq(words[1 + SYMBOL_PACKAGE], NIL)) continue;
        Obj there = present(word_here(f, n->package), word_here(f, words[1 + SYMBOL_NAME]));
        if (eq(there, UNBOUND)) continue;
        words[0] = header_make(TYPE_FILLER, header_flags(words[0]), SYMBOL_LENGTH);
        words[1 + SYMBOL_HASH] = there;
    }
}

/* -- Property lists: what one has not is added -- */

static bool plist_has(Obj plist, Obj key) {
    for (; is_cons(plist) && is_cons(cdr(plist)); plist = cddr(plist))
        if (eq(car(plist), key)) return true;
    return false;
}

static void plist_patch(Thread *t, Obj *slot, Obj value) {
    for (Obj l = value; is_cons(l) && is_cons(cdr(l)); l = cddr(l))
        if (!plist_has(*slot, car(l))) set_slot(t, slot, alloc_cons(t, car(l), alloc_cons(t, cadr(l), *slot)));
}

/* -- Objects -- */

static size_t words_bytes(const Obj *words) { return is_header(words[0]) ? header_bytes(words[0]) : 16; }

static void objects_settle(const Fetch *f) {
    for (uint64_t at = 0; at < f->header.object_bytes;) {
        Obj *words = (Obj *)(void *)(f->place + at);
        uint64_t first = is_header(words[0]), n = first ? header_length(words[0]) : 2;
        at += words_bytes(words);
        if (first && shapes[header_type(words[0])].layout == LAYOUT_RAW) continue;
        for (uint64_t i = first; i < first + n; i++) words[i] = word_here(f, words[i]);
    }
}

/* What the shed's symbol was defined as, and the program's is not. */
static void symbol_merge(const Fetch *f, const Obj *words) {
    Thread *t = f->t;
    Obj symbol = words[1 + SYMBOL_HASH], *slots = symbol_slots(symbol);
    if (eq(slots[SYMBOL_VALUE], UNBOUND)) set_slot(t, &slots[SYMBOL_VALUE], word_here(f, words[1 + SYMBOL_VALUE]));
    if (is_marker(slots[SYMBOL_FUNCTION])) set_slot(t, &slots[SYMBOL_FUNCTION], word_here(f, words[1 + SYMBOL_FUNCTION]));
    if (!symbol_flags(symbol)) obj_set_flags(symbol_object(symbol), header_flags(words[0]));
    plist_patch(t, &slots[SYMBOL_PLIST], word_here(f, words[1 + SYMBOL_PLIST]));
    plist_patch(t, &slots[SYMBOL_INFO], word_here(f, words[1 + SYMBOL_INFO]));
}

static void symbols_merge(const Fetch *f) {
    for (uint64_t at = 0; at < f->header.object_bytes;) {
        const Obj *words = (const Obj *)(const void *)(f->place + at);
        if (is_header(words[0]) && header_type(words[0]) == TYPE_FILLER) symbol_merge(f, words);
        at += words_bytes(words);
    }
}

/* When everything is in its place: tables hashed by address learn that all keys have other addresses, and fillers are emptied. */
static void objects_finish(const Fetch *f) {
    for (uint64_t at = 0; at < f->header.object_bytes;) {
        Obj *words = (Obj *)(void *)(f->place + at);
        Type type = is_header(words[0]) ? header_type(words[0]) : TYPE_COUNT;
        if (type == TYPE_FILLER) {
            words[0] = header_make(TYPE_FILLER, 0, SYMBOL_LENGTH);
            memset(words + 1, 0, SYMBOL_BYTES - 8);
        }
        if (type == TYPE_HASH_ENTRIES && header_flags(words[0]) & ENTRIES_BY_ADDRESS) table_mark_moved(words, words[1 + ENTRIES_INDEX]);
        at += words_bytes(words);
    }
}

/* -- Patches -- */

static bool list_has(Obj list, Obj x) {
    for (; is_cons(list); list = cdr(list))
        if (eq(car(list), x) || (has_type(x, TYPE_WEAK_POINTER) && has_type(car(list), TYPE_WEAK_POINTER) && eq(weak_pointer_value(car(list)), weak_pointer_value(x)))) return true;
    return false;
}

/* What the list has and the value has not comes before the value's elements; a number in front, as lists of weak pointers have it, stays there. */
static Obj list_union(Thread *t, Obj list, Obj value) {
    Obj result = value, *end = NULL;
    for (Obj l = list; is_cons(l); l = cdr(l)) {
        if (is_fix(car(l)) || list_has(value, car(l))) continue;
        Obj cell = alloc_cons(t, car(l), value);
        if (end) *end = cell; /* NOBARRIER: fresh cons */
        else result = cell;
        end = &cons_slots(cell)[1];
    }
    if (!end || !is_cons(value) || !is_fix(car(value))) return result;
    *end = cdr(value); /* NOBARRIER: fresh cons */
    return alloc_cons(t, car(value), result);
}

static Obj *holder_slot(Obj holder, uint64_t slot) { return &(is_cons(holder) ? cons_slots(holder) : is_nil(holder) ? symbol_slots(holder) : obj_slots(holder))[slot]; }

static void debug_restore(Thread *t, Obj function, Obj debug) {
    Obj code = has_type(function, TYPE_FUNCTION) ? code_word(t, function) : NIL;
    SwapFault fault;
    size_t pins = swap_pins(t);
    if (!is_handle(code) || !swap_try(t, code, &fault)) return;
    Obj constants = swap_object(swap_entry(t, code));
    if (has_type(constants, TYPE_SIMPLE_VECTOR) && obj_length(constants)) set_field(t, constants, 0, debug);
    swap_unpin(t, pins);
}

static void patch_apply(const Fetch *f, const ShedPatch *p) {
    Thread *t = f->t;
    Obj holder = word_here(f, p->holder), left = word_here(f, p->left), value = word_here(f, p->value), there;
    if (p->mode == PATCH_FLAGS) {
        if (fix_of_obj(left) == symbol_flags(holder)) obj_set_flags(symbol_object(holder), (unsigned)fix_of_obj(value));
        return;
    }
    if (p->mode == PATCH_DEBUG) return;
    if (p->mode == PATCH_PUT) {
        if (!table_get(t, holder, left, &there)) table_put(t, holder, left, value);
        return;
    }
    Obj *slot = holder_slot(holder, p->slot);
    if (p->mode == PATCH_PLIST) plist_patch(t, slot, value);
    else if (p->mode == PATCH_FORCE || eq(*slot, left)) set_slot(t, slot, value);
    else if (p->mode == PATCH_UNION) set_slot(t, slot, list_union(t, *slot, value));
}

static void names_add(const Fetch *f) {
    for (uint64_t i = 0; i < f->header.name_count; i++) {
        Obj package = word_here(f, f->names[i].package), symbol = word_here(f, f->names[i].symbol);
        if (eq(present(package, symbol_slots(symbol)[SYMBOL_NAME]), UNBOUND)) package_add_symbol(f->t, package, f->names[i].external ? PACKAGE_EXTERNAL : PACKAGE_INTERNAL, symbol);
    }
}

/* All packages there were, in their order, behind those that the program has made. */
static void packages_add(const Fetch *f) {
    Thread *t = f->t;
    Obj all = NIL;
    for (uint64_t i = f->header.package_count; i-- > 0;) all = alloc_cons(t, word_here(f, f->packages[i]), all);
    t->world->packages = list_union(t, t->world->packages, all);
}

/* -- Fetching -- */

static void fetch_all(Fetch *f) {
    Thread *t = f->t;
    t->free = f->place + f->header.object_bytes;
    symbols_match(f);
    objects_settle(f);
    symbols_merge(f);
    for (uint64_t i = 0; i < f->header.patch_count; i++) patch_apply(f, &f->patches[i]);
    for (uint64_t i = 0; i < f->header.patch_count; i++) /* which may have been patched itself */
        if (f->patches[i].mode == PATCH_DEBUG) debug_restore(t, word_here(f, f->patches[i].holder), word_here(f, f->patches[i].value));
    names_add(f);
    packages_add(f);
    objects_finish(f);
    t->world->shed = NIL;
    t->world->removed = NIL;
    t->world->fetch_shed = NULL;
}

bool shed_fetch_now(Thread *t) {
    Fetch f = {.t = t, .fd = -1, .exports = cdr(t->world->shed)};
    f.file = file_name(t);
    bool good = file_open(&f) && tables_read(&f) && objects_read(&f) && contents_check(&f) && pure_map(&f);
    if (good) fetch_all(&f);
    free(t->world->shed_problem);
    t->world->shed_problem = good ? NULL : strdup(f.problem);
    free(f.file);
    free(f.tables);
    if (f.fd >= 0) close(f.fd);
    return good;
}
