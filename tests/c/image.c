/* image.c: images on the level of C: checksums, what is checked before it is believed, builtins by name.

   Each step that makes or loads a world runs in a process of its own, since the static page is at a fixed address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "compile/compile.h"
#include "image/format.h"
#include "image/purify.h"
#include "run/hash.h"
#include "text/text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[] = "/tmp/windfall-image-test-XXXXXX";

static World *world_new(void) {
    World *w = calloc(1, sizeof *w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    return w;
}

/* Runs `body` in a process of its own; its exit code. */
static int in_process(int (*body)(void)) {
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* a crash is the child's, not a failed test in it */
        _exit(body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static Obj user(Thread *t, const char *symbol) { return intern_text(t, t->world->package_user, symbol); }

static int body_save(void) {
    World *w = world_new();
    w->heap = heap_create(64 << 20);
    Thread *t = thread_create(w);
    packages_create(t);
    trampoline_create(t);
    builtins_install(t);
    compiler_create(t);
    Obj table = table_make(t, TEST_EQ, SYM(EQ), 8, 0), keys = NIL;
    for (int i = 0; i < 100; i++) {
        Obj key = alloc_cons(t, obj_of_fix(i), NIL);
        keys = alloc_cons(t, key, keys);
        table_put(t, table, key, obj_of_fix(i));
        if (i % 3 == 0) table_remove(t, table, key);
    }
    set_symbol(t, user(t, "TABLE"), SYMBOL_VALUE, table);
    set_symbol(t, user(t, "KEYS"), SYMBOL_VALUE, keys);
    finalizer_add(t, keys, SYM(CONS));
    if (!purify(t)) return 2;
    int error;
    const char *what = image_save(t, &(ImageRequest){.file = name, .mode = 0644}, &error);
    if (what) fprintf(stderr, "%s (%d)\n", what, error);
    return what != NULL;
}

/* Loads the image, calls a compiled function and a builtin, looks everything up. */
static int body_load(void) {
    const char *why = NULL;
    ImageFile *f = image_open(name, &why);
    if (!f) return 2;
    if (image_verify(f)) return 3;
    Thread *t = image_load(f, world_new(), 64 << 20, &why);
    if (!t) return 4;
    Obj table = symbol_slots(user(t, "TABLE"))[SYMBOL_VALUE], keys = symbol_slots(user(t, "KEYS"))[SYMBOL_VALUE], value = NIL;
    if (table_count(t, table) != 66 || !eq(finalizer_function(t->heap, keys), SYM(CONS))) return 5;
    for (int i = 99; i >= 0; i--, keys = cdr(keys))
        if (table_get(t, table, car(keys), &value) != (i % 3 != 0) || (i % 3 && fix_of_obj(value) != i)) return 6;
    Obj pure_name = symbol_slots(user(t, "KEYS"))[SYMBOL_NAME], x;
    if (!pure_contains(t->heap, obj_words(pure_name)) || !pure_object_at(t->heap, obj_raw(pure_name), &x) || !eq(x, pure_name)) return 8;
    heap_collect(t, 3);
    heap_verify(t->heap);
    Obj args[2] = {obj_of_fix(3), obj_of_fix(4)};
    if (!eq(lisp_call(t, intern_text(t, t->world->package_cl, "+"), 2, args), obj_of_fix(7))) return 7;
    return 0;
}

static int body_refused(void) {
    const char *why = NULL;
    ImageFile *f = image_open(name, &why);
    if (!f) return why && *why ? 20 : 21;
    if (!image_load(f, world_new(), 64 << 20, &why)) return *why ? 22 : 23;
    return 24;
}

/* -- Changing the file -- */

static size_t size;
static char *bytes;

static void file_read(void) {
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    bytes = malloc(1 << 24);
    size = fread(bytes, 1, 1 << 24, f);
    fclose(f);
}

static void file_write(const char *data, size_t n) {
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void header_seal(char *image) {
    ImageHeader *h = (ImageHeader *)(void *)image;
    h->checksum = 0;
    h->checksum = image_checksum(image, IMAGE_PAGE, 0);
}

/* The image with its header changed by `change`, and sealed again. */
static int with_header(void (*change)(ImageHeader *h), int (*body)(void)) {
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    change((ImageHeader *)(void *)copy);
    header_seal(copy);
    file_write(copy, size);
    free(copy);
    int code = in_process(body);
    file_write(bytes, size);
    return code;
}

static void other_version(ImageHeader *h) { h->version++; }
static void other_interface(ImageHeader *h) {
    h->interface++;
    h->runtime_id[0] ^= 1;
}
static void other_runtime(ImageHeader *h) { h->runtime_id[0] ^= 1; }
/* As if the areas of the process that wrote it had been elsewhere: no reference of the image fits, so the words are made to. */
static void other_places(ImageHeader *h) {
    Relocation r = {.dynamic = {h->heap.start, h->heap.bytes, 64 << 12}, .pure = {h->pure_start, h->sections[SECTION_PURE].bytes, (uint64_t)-(16 << 12)}};
    char *image = (char *)h, *area = image + h->sections[SECTION_DYNAMIC].offset, *page = image + h->sections[SECTION_STATIC].offset;
    relocate_objects(&r, page + (STATIC_SYMBOLS - STATIC_BASE), STATIC_USED - (STATIC_SYMBOLS - STATIC_BASE));
    relocate_objects(&r, area, h->heap.bytes);
    relocate_words(&r, h->roots, h->root_count);
    relocate_words(&r, (Obj *)(void *)(image + h->sections[SECTION_FINALIZERS].offset), h->sections[SECTION_FINALIZERS].bytes / 8);
    h->heap.start += r.dynamic.delta;
    h->pure_start += r.pure.delta;
    for (int i = 0; i < SECTION_COUNT; i++) h->sections[i].checksum = image_checksum(image + h->sections[i].offset, h->sections[i].bytes, (uint64_t)i);
}
static void wild_offset(ImageHeader *h) { h->sections[1].offset = UINT64_MAX - 4095; }
static void wild_size(ImageHeader *h) { h->sections[2].bytes = UINT64_MAX; }
static void wild_pure(ImageHeader *h) { h->sections[SECTION_PURE].bytes -= 8; }
static void wild_pure_start(ImageHeader *h) { h->pure_start += 16; }
static void wild_stored(ImageHeader *h) { h->sections[SECTION_TABLES].stored = h->sections[SECTION_TABLES].bytes + 1; }
static void not_packed(ImageHeader *h) { h->sections[SECTION_DYNAMIC].stored -= 1; }
static void wild_roots(ImageHeader *h) { h->root_count = 1000; }
static void wild_bytes(ImageHeader *h) { h->bytes -= IMAGE_PAGE; }
static void wild_tls(ImageHeader *h) { h->tls_next = 1 << 20; }

/* -- Tests -- */

static void test_checksum(void **state) {
    (void)state;
    char data[200];
    for (int i = 0; i < 200; i++) data[i] = (char)(i * 7);
    uint64_t seen[201];
    for (int n = 0; n <= 200; n++) {
        seen[n] = image_checksum(data, (size_t)n, 0);
        for (int k = 0; k < n; k++) assert_true(seen[k] != seen[n]);
        assert_true(image_checksum(data, (size_t)n, 1) != seen[n]);
    }
    for (int bit = 0; bit < 1600; bit++) {
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
        assert_true(image_checksum(data, 200, 0) != seen[200]);
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
    }
}

static void test_save_load(void **state) {
    (void)state;
    assert_int_equal(in_process(body_save), 0);
    assert_int_equal(in_process(body_load), 0);
    file_read();
    assert_int_equal(in_process(body_save), 0);
    char *first = bytes;
    size_t first_size = size;
    file_read();
    assert_int_equal(size, first_size);
    assert_memory_equal(first, bytes, size);
    free(first);
}

/* Frames as they are made, cut, too short for the room, too long, followed by something, changed. */
static void test_pack(void **state) {
    (void)state;
    enum { N = 100000 };
    char *data = malloc(N), *back = malloc(N + 1), *longer;
    void *frame = malloc(N);
    size_t n;
    for (int i = 0; i < N; i++) data[i] = (char)(i / 100 + i % 7);
    Packer *packer = packer_open(9);
    assert_non_null(packer);
    n = packer_pack(packer, frame, N, data, N);
    assert_true(n && n < N / 2);
    assert_true(frame_unpack(back, N, frame, n));
    assert_memory_equal(data, back, N);
    assert_false(frame_unpack(back, N - 1, frame, n));
    assert_false(frame_unpack(back, N + 1, frame, n));
    for (size_t cut = 0; cut < n; cut += n / 50 + 1) assert_false(frame_unpack(back, N, frame, cut));
    longer = calloc(n + 100, 1);
    memcpy(longer, frame, n);
    for (int i = 0; i < 4; i++) longer[n + (size_t)i] = "\x27\xB5\x2F\xFD"[i]; /* the magic number of version 0.7 */
    assert_false(frame_unpack(back, N, longer, n + 100));
    for (int i = 0; i < 4; i++) longer[i] = longer[n + (size_t)i];
    assert_false(frame_unpack(back, N, longer, n));
    memcpy(longer, frame, n);
    for (size_t bit = 0; bit < 8 * n; bit += 7) { /* is unpacked to something else, or refused; under the sanitizers too */
        longer[bit / 8] = (char)(longer[bit / 8] ^ 1 << bit % 8);
        (void)frame_unpack(back, N, longer, n);
        longer[bit / 8] = (char)(longer[bit / 8] ^ 1 << bit % 8);
    }
    assert_int_equal(packer_pack(packer, frame, 2, "abc", 3), 0);
    packer_close(packer);
}

static void test_refused(void **state) {
    (void)state;
    assert_int_equal(with_header(other_version, body_refused), 20);
    assert_int_equal(with_header(other_interface, body_refused), 20);
    assert_int_equal(with_header(wild_offset, body_refused), 20);
    assert_int_equal(with_header(wild_size, body_refused), 20);
    assert_int_equal(with_header(wild_pure, body_refused), 20);
    assert_int_equal(with_header(wild_pure_start, body_refused), 20);
    assert_int_equal(with_header(wild_stored, body_refused), 20);
    assert_int_equal(with_header(not_packed, body_refused), 22);
    assert_int_equal(with_header(wild_roots, body_refused), 20);
    assert_int_equal(with_header(wild_bytes, body_refused), 20);
    assert_int_equal(with_header(wild_tls, body_refused), 20);
    assert_int_equal(with_header(other_runtime, body_load), 0);
    assert_int_equal(with_header(other_places, body_load), 0);
}

/* Two builtins with names of equal length change their numbers, as if another runtime had written the image: CAR and CDR. */
static void test_builtins_by_name(void **state) {
    (void)state;
    char *copy = malloc(size);
    memcpy(copy, bytes, size);
    ImageHeader *h = (ImageHeader *)(void *)copy;
    Section *s = &h->sections[SECTION_BUILTINS];
    char *names = copy + s->offset, *gone = NULL;
    for (char *p = names; p < names + s->bytes; p += strlen(p) + 1)
        if (!strcmp(p, "CAR")) gone = p;
    assert_non_null(gone);
    memcpy(gone, "QQQ", 3);
    s->checksum = image_checksum(names, s->bytes, SECTION_BUILTINS);
    h->runtime_id[0] ^= 1;
    header_seal(copy);
    file_write(copy, size);
    assert_int_equal(in_process(body_refused), 22); /* a builtin that this runtime does not have */
    char *plus = NULL, *minus = NULL;
    memcpy(gone, "CAR", 3);
    for (char *p = names; p < names + s->bytes; p += strlen(p) + 1) {
        if (!strcmp(p, "+")) plus = p;
        if (!strcmp(p, "-")) minus = p;
    }
    assert_true(plus && minus);
    *plus = '-';
    *minus = '+';
    s->checksum = image_checksum(names, s->bytes, SECTION_BUILTINS);
    header_seal(copy);
    file_write(copy, size);
    assert_int_equal(in_process(body_load), 7); /* + calls what the image's names say is behind that number: - */
    file_write(bytes, size);
    free(copy);
}

static void test_truncated(void **state) {
    (void)state;
    for (size_t n = 0; n < size; n += size / 37 + 1) {
        file_write(bytes, n);
        assert_int_equal(in_process(body_refused), 20);
    }
    file_write(bytes, size);
    assert_int_equal(in_process(body_load), 0);
}

int main(void) {
    int fd = mkstemp(name);
    if (fd < 0) return 1;
    close(fd);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum), cmocka_unit_test(test_pack), cmocka_unit_test(test_save_load), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_builtins_by_name), cmocka_unit_test(test_truncated),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(name);
    return failed;
}
