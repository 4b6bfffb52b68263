/* image.c: fuzzer of the loader of images: damaged and forged ones.

   A small image, plain or compressed, with code, pure space, hash tables and finalizers, is changed at random; in a process of its own it is opened,
   verified and loaded, at its own address or at another, by the runtime that wrote it or as if by another.

       header      one bit of header or trailer: refused when it is opened, without any verification
       damage      flipped bits, truncation, zeros: refused, or it works as ever
       forged      words, lengths, offsets and counts are changed, and all checksums made right again: refused, or a heap that obeys every law

   Nothing else is allowed: no signal, no failed assertion, no sanitizer's report (MODE=asan).

   `image [SECONDS [SEED [ROUNDS]]]`: for so long, but no more than so many rounds. */
#include "compile/compile.h"
#include "image/format.h"
#include "image/purify.h"
#include "run/hash.h"
#include "text/text.h"

#include "fork.h"

#include <sys/mman.h>

static char path[64];
static uint8_t *image, *changed;
static size_t image_size, changed_size;

/* -- The image -- */

static World *world_new(void) {
    World *w = calloc(1, sizeof *w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    return w;
}

static Obj user(Thread *t, const char *symbol) { return intern_text(t, t->world->package_user, symbol); }

static Obj function_of(Thread *t, const char *text) {
    Reader r;
    Obj form = NIL;
    reader_start(&r, text, strlen(text), t->world->package_sys);
    must(read_form(t, &r, &form));
    return compile_lambda(t, form, NIL);
}

/* Saves a world; compressed if the choice is odd. */
static void save(uint64_t choice) {
    World *w = world_new();
    w->heap = heap_create(64 << 20);
    Thread *t = thread_create(w);
    packages_create(t);
    trampoline_create(t);
    builtins_install(t);
    compiler_create(t);
    Obj table = table_make(t, TEST_EQ, SYM(EQ), 8, 0), weak = table_make(t, TEST_EQ, SYM(EQ), 8, ENTRIES_WEAK_KEY), keys = NIL;
    for (int i = 0; i < 100; i++) {
        Obj key = alloc_cons(t, obj_of_fix(i), alloc_double(t, i));
        keys = alloc_cons(t, key, keys);
        table_put(t, table, key, obj_of_fix(i));
        table_put(t, weak, key, keys);
        if (i % 3 == 0) table_remove(t, table, key);
    }
    set_symbol(t, user(t, "TABLE"), SYMBOL_VALUE, table);
    set_symbol(t, user(t, "WEAK"), SYMBOL_VALUE, weak);
    set_symbol(t, user(t, "KEYS"), SYMBOL_VALUE, keys);
    set_symbol(t, user(t, "F"), SYMBOL_FUNCTION, function_of(t, "(lambda (x) (let ((n 0)) (let ((f (lambda (y) (setq n (+ n y)) n))) (funcall f x) (funcall f 2) (list n x 'a))))"));
    finalizer_add(t, keys, SYM(CONS));
    int error;
    if (!purify(t) || image_save(t, &(ImageRequest){.file = path, .mode = 0644, .compression = choice & 1 ? 3 : 0}, &error)) _exit(BAD);
}

static void image_make(uint64_t choice) {
    must(in_child(save, choice, 60000) == LOADED);
    FILE *f = fopen(path, "rb");
    must(f && !fseek(f, 0, SEEK_END));
    image_size = (size_t)ftell(f);
    rewind(f);
    image = malloc(image_size);
    changed = malloc(image_size);
    must(image && changed && fread(image, 1, image_size, f) == image_size);
    fclose(f);
}

/* -- Changing it -- */

typedef enum Kind { HEADER, DAMAGE, FORGED } Kind;

static void flip(size_t from, size_t n) { changed[from + below(n)] ^= (uint8_t)(1u << below(8)); }

static void damage(void) {
    switch (below(4)) {
    case 0: changed_size = below(image_size); break;
    case 1: {
        size_t from = below(image_size), n = below(4 * IMAGE_PAGE);
        memset(changed + from, 0, n < image_size - from ? n : image_size - from);
        break;
    }
    default:
        for (uint64_t n = 1 + below(3); n > 0; n--) flip(0, image_size);
    }
}

static uint64_t odd_word(void) {
    const ImageHeader *h = (const ImageHeader *)(const void *)image;
    uint64_t at = below(h->heap.bytes);
    switch (below(10)) {
    case 0: return below(64);
    case 1: return UINT64_MAX - below(64);
    case 2: return header_make((Type)below(TYPE_COUNT + 2), (unsigned)below(64), below(2) ? below(64) : below(UINT64_C(1) << 48)).w;
    case 3: return obj_of_builtin((uint32_t)below(3000)).w;
    case 4: return (h->heap.start + at) | below(4);
    case 5: return ((h->heap.start + at) & ~UINT64_C(15)) | (1 + below(2));
    case 6: return (STATIC_BASE + 16 * below(STATIC_USED / 8)) | (1 + below(2));
    case 7: return ((h->pure_start + below(h->sections[SECTION_PURE].bytes + 64)) & ~UINT64_C(15)) | TAG_OBJ;
    default: return random_next();
    }
}

static void forge_header(void) {
    ImageHeader *h = (ImageHeader *)(void *)changed;
    Section *s = &h->sections[below(SECTION_COUNT)];
    uint64_t n = below(2) ? below(5000) : below(2) ? IMAGE_PAGE * below(300) : odd_word();
    switch (below(8)) {
    case 0: s->offset = n; break;
    case 1: s->bytes = n; break;
    case 2: s->count = n; break;
    case 3: s->stored = n; break;
    case 4: h->heap.bytes = h->sections[SECTION_DYNAMIC].bytes = n; break;
    case 5: h->roots[below(IMAGE_ROOTS)] = (Obj){odd_word()}; break;
    case 6: h->tls_next = below(70000); break;
    default: ((uint64_t *)(void *)changed)[14 + below(30)] = n;
    }
}

static void seal(void) {
    ImageHeader *h = (ImageHeader *)(void *)changed;
    for (int i = 0; i < SECTION_COUNT; i++) {
        Section *s = &h->sections[i];
        bool within = s->offset <= image_size && s->bytes <= image_size - s->offset && s->stored == s->bytes;
        if (within) s->checksum = image_checksum(changed + s->offset, s->bytes, (uint64_t)i);
    }
    h->checksum = 0;
    h->checksum = image_checksum(changed, IMAGE_PAGE, 0);
}

static void forge(void) {
    const ImageHeader *h = (const ImageHeader *)(const void *)image;
    for (uint64_t n = 1 + below(3); n > 0; n--) {
        const Section *s = &h->sections[below(3) ? SECTION_DYNAMIC : below(SECTION_COUNT)];
        if (below(4) == 0) forge_header();
        else if (s->bytes >= 8 && s->stored == s->bytes) {
            uint64_t *word = (uint64_t *)(void *)(changed + s->offset + below(s->bytes / 8) * 8);
            if (below(3)) *word = odd_word();
            else *word ^= UINT64_C(1) << below(64);
        }
    }
    seal();
}

static Kind change(void) {
    Kind kind = (Kind)below(3);
    memcpy(changed, image, image_size);
    changed_size = image_size;
    if (kind == HEADER && below(2)) flip(0, IMAGE_PAGE);
    else if (kind == HEADER) flip(image_size - sizeof(ImageTrailer), sizeof(ImageTrailer));
    else if (kind == DAMAGE) damage();
    else forge();
    return kind;
}

/* -- Loading -- */

static ImageFile *open_or_end(void) {
    const char *why = NULL;
    ImageFile *f = image_open(path, &why);
    if (!f) _exit(why && *why ? REFUSED : BAD);
    return f;
}

static void open_only(uint64_t choice) {
    (void)choice;
    open_or_end();
}

/* Loads it, elsewhere if the choice is odd. */
static Thread *load(uint64_t choice) {
    const char *why = NULL;
    ImageFile *f = open_or_end();
    if (image_verify(f)) _exit(REFUSED);
    if (choice & 1) must(mmap((void *)HEAP_BASE, IMAGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED);
    Thread *t = image_load(f, world_new(), 64 << 20, &why);
    if (!t) _exit(why && *why ? REFUSED : BAD);
    return t;
}

static void load_damaged(uint64_t choice) {
    Thread *t = load(choice);
    Obj table = symbol_slots(user(t, "TABLE"))[SYMBOL_VALUE], keys = symbol_slots(user(t, "KEYS"))[SYMBOL_VALUE], value = NIL;
    if (table_count(t, table) != 66 || !eq(finalizer_function(t->heap, keys), SYM(CONS))) _exit(DIFFERENT);
    for (int i = 99; i >= 0; i--, keys = cdr(keys))
        if (table_get(t, table, car(keys), &value) != (i % 3 != 0) || (i % 3 && fix_of_obj(value) != i)) _exit(DIFFERENT);
    Obj list = lisp_call(t, user(t, "F"), 1, (Obj[]){obj_of_fix(40)});
    if (!is_cons(list) || !eq(car(list), obj_of_fix(42))) _exit(DIFFERENT);
    heap_collect(t, 3);
    heap_verify(t->heap);
}

static void load_forged(uint64_t choice) {
    Thread *t = load(choice);
    heap_collect(t, 3);
    heap_verify(t->heap);
    heap_collect(t, 3);
}

static const char *try(Kind kind) {
    static void (*const bodies[])(uint64_t) = {open_only, load_damaged, load_forged};
    int code = in_child(bodies[kind], random_next(), 20000);
    if (code == BAD || code == ENDLESS || code == DIFFERENT || code == LISP_ERROR) return "bad";
    return kind == HEADER && code != REFUSED ? "believed" : code == REFUSED ? NULL : "";
}

int main(int argc, char **argv) {
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10, most = argc > 3 ? strtoull(argv[3], NULL, 10) : 4000, rounds = 0, accepted = 0, bad = 0;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : clock_nanoseconds() | 1;
    printf("image: seed %llu\n", (unsigned long long)seed);
    snprintf(path, sizeof path, "/tmp/windfall-fuzz-%d.wfi", (int)getpid());
    uint64_t end = clock_nanoseconds() + seconds * UINT64_C(1000000000);
    for (; clock_nanoseconds() < end && rounds < most && bad < 10; rounds++) {
        if (rounds % 500 == 0) image_make(rounds / 500);
        uint64_t before = seed;
        Kind kind = change();
        FILE *f = fopen(path, "wb");
        must(f && fwrite(changed, 1, changed_size, f) == changed_size && fclose(f) == 0);
        const char *wrong = try(kind);
        if (wrong && !*wrong) accepted++;
        if (!wrong || !*wrong) continue;
        bad++;
        printf("image: round %llu, seed %llu, kind %d: %s\n", (unsigned long long)rounds, (unsigned long long)before, kind, wrong);
    }
    unlink(path);
    printf("image: %llu damaged and forged images, %llu accepted, %llu bad\n", (unsigned long long)rounds, (unsigned long long)accepted, (unsigned long long)bad);
    return bad != 0;
}
