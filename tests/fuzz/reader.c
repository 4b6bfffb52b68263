/* reader.c: fuzzer of the C reader.

   Each input is read as UTF-8 and, decoded, as 32-bit characters; both must agree on every form's status and on where it ended, and
   nothing may crash, hang or read outside of the text (build with MODE=asan).  The text lies in a block of exactly its size.

   With libFuzzer: compile with -DFUZZ_LIBRARY -fsanitize=fuzzer.  Alone: `reader [SECONDS [SEED]]` mutates the seeds below for so long. */
#include "run/run.h"
#include "text/text.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS_PER_PACKAGE = 500, FORMS_LIMIT = 10000 };

static Thread *t;

static void world_make(void) {
    static World world;
    World *w = &world;
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->heap = heap_create(0);
    t = thread_create(w);
    packages_create(t);
}

/* Everything that inputs have interned goes: a new package in place of the old one. */
static void package_renew(void) {
    World *w = t->world;
    if (!is_nil(w->package_user)) w->packages = cdr(w->packages);
    w->package_user = package_make(t, alloc_list(t, 1, (Obj[]){alloc_text(t, "FUZZ")}));
    init_field(w->package_user, PACKAGE_USES, alloc_list(t, 1, &w->package_cl));
    heap_collect(t, 3);
}

typedef struct Outcome {
    ReadStatus status;
    uint64_t forms, left, conses;
} Outcome;

static uint64_t count_conses(Obj x, unsigned depth) {
    uint64_t n = 0;
    for (; is_cons(x); x = cdr(x)) n += 1 + (depth ? count_conses(car(x), depth - 1) : 0);
    return n;
}

/* Reads all forms.  An error that leaves through the door (a float out of range) ends the text. */
static Outcome read_all(const void *text, size_t bytes, bool wide) {
    static Reader r;
    static jmp_buf door;
    static Outcome o;
    reader_start(&r, text, bytes, t->world->package_user);
    o = (Outcome){READ_DONE, 0, 0, 0};
    r.wide = wide;
    r.note_places = true;
    t->door = &door;
    if (setjmp(door)) {
        o.status = READ_WRONG;
    } else {
        Obj form;
        while (o.forms < FORMS_LIMIT && read_form(t, &r, &form)) {
            o.forms++;
            o.conses += count_conses(form, 100);
            must(r.p <= r.end);
        }
        o.status = r.status;
    }
    must(r.p <= r.end);
    t->door = NULL;
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static unsigned inputs;
    if (!t) world_make();
    if (inputs++ % INPUTS_PER_PACKAGE == 0) package_renew();
    char *text = malloc(size ? size : 1);
    uint32_t *codes = malloc(4 * size + 4);
    must(text && codes);
    memcpy(text, data, size);
    size_t n = 0;
    for (const char *p = text, *end = text + size; p < end;) codes[n++] = utf8_decode(&p, end);
    Outcome narrow = read_all(text, size, false);
    Outcome full = read_all(codes, 4 * n, true);
    must(narrow.status == full.status && narrow.forms == full.forms && narrow.conses == full.conses);
    free(text);
    free(codes);
    return 0;
}

#ifndef FUZZ_LIBRARY

static const char *const seeds[] = {
    "(defun f (x &optional (y 1.5e3)) \"doc\\\"s\" `(,x ,@y . ,z) #'car 'q)",
    "#(1 2/3 -4.5d0 +.5) #*1011 #\\Space #\\x #xFF #b101 #36rZZ #:foo :key cl:car sys::%car |a b|\\c",
    "#+(and a (not b)) (x) #-(or) y #|a #|b|# c|# ; comment\n(a . (b . c))",
    "``(a ,,b ,@,c `(,@,@d)) `#(1 ,x) ,@y `,@z",
    "((((((((((((((((((((()))))))))))))))))))) #1=(a #1#) #.(x) #S(foo :a 1) #c(1 2) #p\"x\" 1.e 1e 1e999 1/0 ... . :: a::b a:::b",
};
static const char *const pieces[] = {"(", ")", " . ", "'", "`", ",", ",@", ",.", "#(", "#|", "|#", "#\\", "\"", "\\", "|", ";", "\n", "#+", "#-", "#:",
                                     "::", ":", "1e10", "1/2", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xFF", "#x", "#37r", "#'", "nil", "cl:", "#*", " ", "\f", "\x7F", "\x08"};

static uint64_t state = 88172645463325252u;
static uint32_t below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % n;
}

static size_t mutate(uint8_t *text, size_t n, size_t most) {
    size_t at = n ? below((uint32_t)n) : 0;
    switch (below(5)) {
    case 0: if (n) text[at] = (uint8_t)below(256); return n;
    case 1: { /* a piece goes in */
        const char *piece = pieces[below(COUNT_OF(pieces))];
        size_t m = strlen(piece);
        if (n + m > most) return n;
        memmove(text + at + m, text + at, n - at);
        memcpy(text + at, piece, m);
        return n + m;
    }
    case 2: { /* a part goes out */
        size_t m = n - at < 4 ? n - at : 1 + below(4);
        memmove(text + at, text + at + m, n - at - m);
        return n - m;
    }
    case 3: { /* a part comes twice */
        size_t m = n - at;
        if (m > 16) m = 1 + below(16);
        if (n + m > most) return n;
        memmove(text + at + m, text + at, n - at);
        return n + m;
    }
    default: return at;
    }
}

int main(int argc, char **argv) {
    enum { MOST = 4096 };
    static uint8_t text[MOST];
    double seconds = argc > 1 ? atof(argv[1]) : 10;
    if (argc > 2) state = strtoull(argv[2], NULL, 10) | 1;
    uint64_t start = clock_nanoseconds(), runs = 0;
    while ((double)(clock_nanoseconds() - start) < seconds * 1e9) {
        const char *seed = seeds[below(COUNT_OF(seeds))];
        size_t n = strlen(seed);
        memcpy(text, seed, n);
        for (uint32_t i = below(24) + 1; i-- > 0;) n = below(50) ? mutate(text, n, MOST) : n;
        LLVMFuzzerTestOneInput(text, n);
        runs++;
    }
    printf("reader: %llu inputs, no finding\n", (unsigned long long)runs);
    return 0;
}
#endif
