/* unit.c: fuzzer of the loader of units: forged units, whose checksum is right.

   A unit with a function, one of several that use every kind of instruction, is changed at random, in the header, in the instructions, in the byte codes of constants
   and debug information, sealed again with a right checksum, and loaded in a process of its own.  It must be refused, or everything that it makes obeys
   the laws of the heap, and its functions can be called, with whatever result, without leaving the bounds of anything: an error, an endless loop
   and a full heap are fine, a signal or a sanitizer's report (MODE=asan) is not.

   `unit [SECONDS [SEED [ROUNDS]]]`: for so long, but no more than so many rounds. */
#include "compile/compile.h"
#include "image/unit-map.h"
#include "run/run.h"
#include "text/text.h"

#include "fork.h"

#include <setjmp.h>

typedef struct Source {
    const char *function, *arguments; /* those that do no harm */
} Source;

static const Source sources[] = {
    {"(lambda (x y) (cons (+ x (* y 2)) (if (< x y) x (- y 1))))", "(1 2)"},
    {"(lambda (x) (let ((n 0)) (let ((f (lambda (y) (setq n (+ n y)) n))) (funcall f x) (funcall f 2) n)))", "(1)"},
    {"(lambda (x) (let ((n 0)) (lambda () (lambda (y) (setq n (cons y n)) (list x n)))))", "(1)"},
    {"(lambda (l) (labels ((ev (l) (if l (od (cdr l)) t)) (od (l) (if l (ev (cdr l)) nil))) (list (ev l) #'ev #'od)))", "((1 2 3))"},
    {"(lambda (x) (let ((a 1)) (labels ((f (n) (if (< n 1) (g a) (f (- n 1)))) (g (m) (setq a (+ a m)) (if (< a 5) (f x) a))) (list #'f (g 1)))))", "(2)"},
    {"(lambda (x) (block b (funcall (lambda () (return-from b (list x 1)))) 2))", "(1)"},
    {"(lambda (x) (catch 'tag (unwind-protect (throw 'tag (list x)) (car (list x)))))", "(1)"},
    {"(lambda (x) (catch 'a (catch 'b (unwind-protect (if x (throw 'a 1) (throw 'b 2)) (list x))) 3))", "(nil)"},
    {"(lambda (x) (let ((i 0) (f nil)) (tagbody a (setq f (lambda () (go b))) (if (eql i 3) (funcall f)) (setq i (+ i 1)) (go a) b (setq i (* i 2))) (cons x i)))", "(1)"},
    {"(lambda (x) (let ((*fuzz* x)) (declare (special *fuzz*)) (list *fuzz* (let ((*fuzz* 2)) (declare (special *fuzz*)) (list *fuzz*)))))", "(1)"},
    {"(lambda (x) (progv '(*fuzz-2* *fuzz-3*) (list x 2) (list (symbol-value '*fuzz-2*) (let ((*fuzz-3* 1)) (declare (special *fuzz-3*)) (list x)))))", "(1)"},
    {"(lambda (a &optional (b 2) &rest r &key (k 3) l) (list a b r k l))", "(1 2 :k 3)"},
    {"(lambda (x) (multiple-value-call #'list (floor x 3) (values x 1 2)))", "(7)"},
    {"(lambda (x) (multiple-value-prog1 (values x 2 3) (list x)))", "(1)"},
    {"(lambda (x) (unwind-protect (values x 2 3) (list x)))", "(1)"},
    {"(lambda (x) (apply #'list x (list 1 2 3)))", "(1)"},
    {"(lambda (x) (declare (type double-float x)) (let ((y (* x 2.5d0))) (if (< y 3d0) (+ x y) (- y x))))", "(1.5d0)"},
    {"(lambda (v i) (list (svref v i) (aref v i) (length v)))", "(#(1 2 3) 1)"},
    {"(lambda (s i) (list (char s i) (length s)))", "(\"text\" 1)"},
    {"(lambda (x) (if (consp x) (list x '(a \"text\" 1.5d0 123456789012345678901234567890 #\\x 2/3 #(1 2 3))) '(a b c)))", "((1))"},
    {"(lambda (f x) (funcall f x (rplaca (list x) 3)))", "(list 2)"},
};

static Thread *t;
static char path[64];
static struct {
    uint8_t *bytes;
    size_t size;
} units[COUNT_OF(sources)]; /* each has one function */
static size_t which; /* of them */
static uint8_t *unit, forged[1 << 16];
static size_t unit_size;

/* -- The unit -- */

static void world_make(void) {
    World *w = calloc(1, sizeof *w);
    for (Obj *p = &w->packages; p < &w->roots_end; p++) *p = NIL;
    w->heap = heap_create(64 << 20);
    t = thread_create(w);
    packages_create(t);
    trampoline_create(t);
    builtins_install(t);
    compiler_create(t);
}

static Obj form_of(const char *text) {
    Reader r;
    Obj form = NIL;
    reader_start(&r, text, strlen(text), t->world->package_sys);
    must(read_form(t, &r, &form));
    return form;
}

static void unit_make(size_t i) {
    Obj writer = unit_writer_make(t), object;
    Obj function = compile_lambda_for_file(t, form_of(sources[i].function), NIL);
    must(unit_write_call(t, writer, SYM(LIST), alloc_list(t, 1, (Obj[]){function}), &object) == UNIT_FINE);
    must(unit_write_file(t, writer, path, true) == 0);
    FILE *f = fopen(path, "rb");
    must(f);
    units[i].bytes = malloc(sizeof forged);
    must(units[i].bytes);
    units[i].size = fread(units[i].bytes, 1, sizeof forged, f);
    must(units[i].size < sizeof forged);
    fclose(f);
}

/* -- Forging -- */

static uint64_t odd_number(void) {
    static const uint64_t odd[] = {0, 1, 7, 8, 15, 16, 0x7F, 0x80, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF, INT64_MAX, UINT64_MAX, UINT64_MAX - 15};
    uint64_t n = odd[below(COUNT_OF(odd))];
    return below(2) ? n : below(2) ? unit_size + below(64) - 32 : below(1000);
}

static void forge_header(void) {
    UnitHeader *h = (UnitHeader *)(void *)forged;
    switch (below(7)) {
    case 0: h->code_bytes = odd_number(); break;
    case 1: h->constants_bytes = odd_number(); break;
    case 2: h->debug_bytes = odd_number(); break;
    case 3: h->objects = (uint32_t)odd_number(); break;
    case 4: h->debug_objects = (uint32_t)odd_number(); break;
    case 5: { /* sections that add up, in other places */
        uint64_t n = 16 * below(4);
        h->code_bytes += n;
        h->constants_bytes -= n;
        break;
    }
    default: forged[8 + below(80)] = (uint8_t)random_next();
    }
}

static void forge_instruction(Instruction *code, size_t n) {
    Instruction *i = &code[below(n)];
    switch (below(7)) {
    case 0: *i = (*i & ~UINT64_C(0xFF)) | below(OP_COUNT); break;
    case 1: *i ^= UINT64_C(1) << below(64); break;
    case 2: *i = code[below(n)]; break;
    case 3: {
        Instruction *k = &code[below(n)], swap = *i;
        *i = *k;
        *k = swap;
        break;
    }
    default: { /* a small number in a field */
        unsigned shift = (unsigned)(16 * (1 + below(3)));
        *i = (*i & ~(UINT64_C(0xFFFF) << shift)) | below(12) << shift;
    }
    }
}

static void forge_bytes(uint8_t *p, size_t n) {
    if (!n) return;
    size_t at = below(n);
    switch (below(4)) {
    case 0: p[at] = (uint8_t)below(UNIT_OP_COUNT); break;
    case 1: p[at] = (uint8_t)random_next(); break;
    case 2: memset(p + at, 0xFF, n - at < 9 ? n - at : 9); break;
    default: p[at] = (uint8_t)(p[at] + (below(2) ? 1 : -1));
    }
}

/* A forged unit in `forged`, with a right checksum. */
static void forge(void) {
    which = below(COUNT_OF(sources));
    unit = units[which].bytes;
    unit_size = units[which].size;
    const UnitHeader *h = (const UnitHeader *)(const void *)unit;
    memcpy(forged, unit, unit_size);
    for (uint64_t k = 1 + below(3); k > 0; k--) switch (below(12)) {
        case 0: forge_header(); break;
        case 1: case 2: case 3: case 4: case 5: case 6: case 7: case 8: forge_instruction((Instruction *)(void *)(forged + UNIT_CODE_AT), h->code_bytes / 8); break;
        case 9: case 10: forge_bytes(forged + UNIT_CODE_AT + h->code_bytes, h->constants_bytes); break;
        default: forge_bytes(forged + UNIT_CODE_AT + h->code_bytes + h->constants_bytes, h->debug_bytes);
        }
    UnitHeader *f = (UnitHeader *)(void *)forged;
    f->checksum = 0;
    f->checksum = unit_checksum(forged + UNIT_HEADER, unit_size - UNIT_HEADER, unit_checksum(f, UNIT_HEADER, 0));
}

/* -- Loading, in a process of its own -- */

static Obj kept; /* a root: the functions loaded */
static void scan_kept(Thread *thread, void *data, RootVisitor visit, void *visitor_data) {
    (void)thread, (void)data;
    visit(visitor_data, &kept, 1, "fuzz");
}

static void load_all(Obj owner) {
    Obj loader, function, arguments;
    int error;
    if (unit_open(t, path, owner, &loader, &error) || is_nil(loader)) _exit(REFUSED);
    while (unit_next(t, loader, T_, &function, &arguments))
        if (is_cons(arguments) && has_type(car(arguments), TYPE_FUNCTION) && eq(function, SYM(LIST))) kept = alloc_cons(t, car(arguments), kept);
}

/* Calls the function, with its own arguments or with others, and what it returns, if that is a function. */
static void call(uint64_t choice) {
    Obj list = form_of(sources[which].arguments), arguments[8];
    Obj values[] = {obj_of_fix(3), list, NIL, alloc_double(t, 1.5), alloc_text(t, "text"), T_, obj_of_fix(0), SYM(CAR)};
    uint32_t n = 0;
    for (Obj l = list; is_cons(l) && n < COUNT_OF(arguments); l = cdr(l)) arguments[n++] = car(l);
    if (choice % 4 == 0) arguments[choice / 4 % n] = values[choice / 64 % COUNT_OF(values)];
    Obj result = lisp_call(t, car(kept), n, arguments);
    for (int depth = 0; depth < 3 && (has_type(result, TYPE_FUNCTION) || is_cons(result)); depth++) {
        if (is_cons(result)) result = car(result);
        if (has_type(result, TYPE_FUNCTION)) result = lisp_call(t, result, choice / 4096 % 2, arguments);
    }
    /* What a function has left behind would be met now. */
    lisp_call(t, SYM(LIST), 1, arguments);
}

static void child(uint64_t choice) {
    static jmp_buf door;
    t->door = &door;
    if (setjmp(door)) _exit(REFUSED);
    load_all(alloc_cons(t, T_, T_));
    t->door = NULL;
    heap_add_roots(t->heap, scan_kept, NULL);
    heap_collect(t, 3);
    heap_verify(t->heap);
    if (is_cons(kept)) call(choice);
    heap_collect(t, 3);
    heap_verify(t->heap);
}

int main(int argc, char **argv) {
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10, most = argc > 3 ? strtoull(argv[3], NULL, 10) : 4000, rounds = 0, accepted = 0, bad = 0;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : clock_nanoseconds() | 1;
    printf("unit: seed %llu\n", (unsigned long long)seed);
    snprintf(path, sizeof path, "/tmp/windfall-fuzz-%d.wfu", (int)getpid());
    world_make();
    for (size_t i = 0; i < COUNT_OF(sources); i++) unit_make(i);
    uint64_t end = clock_nanoseconds() + seconds * UINT64_C(1000000000);
    for (; clock_nanoseconds() < end && rounds < most && bad < 10; rounds++) {
        uint64_t before = seed;
        forge();
        FILE *f = fopen(path, "wb");
        must(f && fwrite(forged, 1, unit_size, f) == unit_size && fclose(f) == 0);
        int code = in_child(child, random_next(), 300);
        if (code != REFUSED) accepted++;
        if (code != BAD) continue;
        bad++;
        printf("unit: round %llu, seed %llu\n", (unsigned long long)rounds, (unsigned long long)before);
    }
    unlink(path);
    printf("unit: %llu forged units, %llu accepted, %llu bad\n", (unsigned long long)rounds, (unsigned long long)accepted, (unsigned long long)bad);
    return bad != 0;
}
