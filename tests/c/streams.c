/* streams.c: tests of codecs and streams: random text through files and strings against a plain model; malformed bytes; composites; closing.

   Leaves are called by name, as Lisp would call them; a leaf that leaves through the door lands in `call` again, which then says which function it
   asked for.  The seed is printed; STREAMS_SEED sets it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "prim/streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static Thread *t;
static World world;
static char file_name[] = "/tmp/windfall-streams-XXXXXX";
static bool left; /* the last leaf left through the door */

static int set_up(void **state) {
    (void)state;
    const char *seed = getenv("STREAMS_SEED");
    unsigned n = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
    printf("STREAMS_SEED=%u\n", n);
    srandom(n);
    t = calloc(1, sizeof *t);
    Heap *heap = heap_create((size_t)512 << 20);
    world.heap = heap;
    world.thread = t;
    t->world = &world;
    heap_attach_thread(heap, t);
    packages_create(t);
    streams_create(t);
    close(mkstemp(file_name));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return unlink(file_name);
}

static Obj call(const char *name, uint32_t n, const Obj *args) {
    for (uint32_t i = 0; i < builtins_total(); i++) {
        const Builtin *b = builtin_at(i);
        if (strcmp(b->name, name) != 0) continue;
        jmp_buf door;
        Obj copy[16];
        assert_true(n >= b->min && n <= b->max);
        if (n) memcpy(copy, args, n * sizeof(Obj));
        t->door = &door;
        t->value_count = 1;
        left = setjmp(door) != 0;
        Obj value = left ? t->door_function : b->fn(t, copy, n);
        t->door = NULL;
        return value;
    }
    fail_msg("no leaf %s", name);
    return NIL;
}

#define CALL(name, ...) call(name, (uint32_t)(sizeof((Obj[]){__VA_ARGS__}) / sizeof(Obj)), (Obj[]){__VA_ARGS__})
#define FIX(n) obj_of_fix(n)
#define EXPECT(value, expected) assert_int_equal((value).w, (expected).w)
#define EXPECT_DOOR(form, symbol)         \
    do {                                  \
        Obj function_ = (form);           \
        assert_true(left);                \
        EXPECT(function_, SYM(symbol));   \
    } while (0)

static Obj text(const char *s) { return string_of_utf8(t, s, strlen(s)); }

static void expect_text(Obj string, const char *expected) {
    char *s = utf8_of_string(string, NULL);
    assert_string_equal(s, expected);
    free(s);
}

static Obj open_file(int mode, Codec codec, Obj replacement, int bits) {
    Obj fd = CALL("%OPEN-DESCRIPTOR", text(file_name), FIX(mode));
    assert_true(is_fix(fd));
    return CALL("%MAKE-FILE-STREAM", fd, FIX(mode & 3), FIX(codec), replacement, FIX(bits), SYM(CHARACTER), NIL, text(file_name), NIL, NIL, NIL);
}

static void write_file(const void *bytes, size_t n) {
    FILE *f = fopen(file_name, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* -- Codecs -- */

static void codec_round_trip(void **state) {
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++) {
        bool surrogate = c >= 0xD800 && c < 0xE000;
        for (int codec = CODEC_UTF8; codec <= CODEC_UTF16BE; codec++) {
            uint8_t b[CODEC_BYTES];
            uint32_t back = 0;
            int n = codec_encode((Codec)codec, c, b);
            bool can = !surrogate && (codec == CODEC_LATIN1 ? c < 256 : codec == CODEC_ASCII ? c < 128 : true);
            assert_int_equal(n != 0, can);
            if (!n) continue;
            assert_int_equal(codec_decode((Codec)codec, b, (size_t)n, &back), n);
            assert_int_equal(back, c);
            for (int part = 0; part < n; part++) assert_int_equal(codec_decode((Codec)codec, b, (size_t)part, &back), 0);
        }
    }
}

static void malformed_utf8(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int result;
    } cases[] = {
        {"\x80", 1, -1}, {"\xC0\x80", 2, -1}, {"\xC1\xBF", 2, -1}, {"\xE0\x80\x80", 3, -1}, {"\xED\xA0\x80", 3, -1}, {"\xF0\x80\x80\x80", 4, -1},
        {"\xF4\x90\x80\x80", 4, -1}, {"\xF5\x80\x80\x80", 4, -1}, {"\xE2\x82" "A", 3, -2}, {"\xF0\x9F\x98" "A", 4, -3}, {"\xC3" "A", 2, -1},
        {"\xE2\x82", 2, 0}, {"\xF0\x9F\x98", 3, 0}, {"\xF4\x8F\xBF\xBF", 4, 4}, {"\xEE\x80\x80", 3, 3},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t code;
        assert_int_equal(codec_decode(CODEC_UTF8, (const uint8_t *)cases[i].bytes, cases[i].n, &code), cases[i].result);
    }
}

/* -- Random text -- */

enum { TEXT_LENGTH = 60000 };

static uint32_t random_code(void) {
    switch (random() % 8) {
    case 0: return '\n';
    case 1: return 0x80 + (uint32_t)random() % 0x700;
    case 2: return 0x1F300 + (uint32_t)random() % 0x300;
    case 3: return 0x3000 + (uint32_t)random() % 0x3000;
    default: return ' ' + (uint32_t)random() % 95;
    }
}

static Obj random_text(uint64_t length) {
    Obj s = alloc_raw(t, TYPE_STRING, length);
    for (uint64_t i = 0; i < length; i++) ((uint32_t *)obj_raw(s))[i] = random_code();
    return s;
}

/* Reads a whole stream by random operations and compares with the string. */
static void read_against(Obj stream, Obj model) {
    uint64_t i = 0, n = obj_length(model);
    int64_t line = 1;
    while (i < n) {
        uint32_t c = simple_string_char(model, i);
        assert_int_equal(fix_of_obj(CALL("%STREAM-LINE", stream)), line);
        switch (random() % 5) {
        case 0:
            EXPECT(CALL("PEEK-CHAR", NIL, stream), obj_of_char(c));
            break;
        case 1:
            EXPECT(CALL("READ-CHAR", stream), obj_of_char(c));
            EXPECT(CALL("UNREAD-CHAR", obj_of_char(c), stream), NIL);
            break;
        case 2: {
            if (random() % 20) break;
            Obj got = CALL("READ-LINE", stream);
            uint64_t from = i;
            while (i < n && simple_string_char(model, i) != '\n') i++;
            assert_int_equal(obj_length(got), i - from);
            for (uint64_t k = from; k < i; k++) assert_int_equal(simple_string_char(got, k - from), simple_string_char(model, k));
            EXPECT(t->values[1], obj_of_bool(i == n));
            if (i < n) i++, line++;
            break;
        }
        default:
            EXPECT(CALL("READ-CHAR", stream), obj_of_char(c));
            i++;
            line += c == '\n';
        }
    }
    EXPECT(CALL("READ-CHAR", stream, NIL, FIX(7)), FIX(7));
    EXPECT_DOOR(CALL("READ-CHAR", stream), LEAF_ERROR);
    EXPECT(t->door_args[0], SYM(END_OF_FILE));
}

static void file_round_trip(void **state) {
    (void)state;
    static const Codec codecs[] = {CODEC_UTF8, CODEC_UTF16LE, CODEC_UTF16BE};
    for (size_t k = 0; k < COUNT_OF(codecs); k++) {
        Obj model = random_text(TEXT_LENGTH), out = open_file(2 + 4 + 16, codecs[k], NIL, 0);
        uint64_t i = 0;
        while (i < TEXT_LENGTH) {
            uint64_t part = 1 + (uint64_t)random() % 3000, end = i + part < TEXT_LENGTH ? i + part : TEXT_LENGTH;
            if (random() % 2) CALL("WRITE-STRING", model, out, SYM(K_START), FIX((int64_t)i), SYM(K_END), FIX((int64_t)end));
            else CALL("WRITE-CHAR", obj_of_char(simple_string_char(model, i)), out), end = i + 1;
            assert_false(left);
            i = end;
        }
        EXPECT(CALL("CLOSE", out), T_);
        Obj in = open_file(1, codecs[k], NIL, 0);
        read_against(in, model);
        EXPECT(CALL("FILE-POSITION", in, SYM(K_START)), T_);
        stream_put(in, STREAM_LINE, 0);
        read_against(in, model);
        CALL("CLOSE", in);
    }
}

static void string_round_trip(void **state) {
    (void)state;
    Obj model = random_text(5000), out = call("%MAKE-STRING-OUTPUT-STREAM", 0, NULL);
    for (uint64_t i = 0; i < 5000; i++) CALL("WRITE-CHAR", obj_of_char(simple_string_char(model, i)), out);
    Obj got = CALL("GET-OUTPUT-STREAM-STRING", out);
    assert_true(strings_equal(got, model));
    assert_int_equal(obj_length(CALL("GET-OUTPUT-STREAM-STRING", out)), 0);
    read_against(CALL("MAKE-STRING-INPUT-STREAM", model), model);
}

/* -- Errors -- */

static void malformed_file(void **state) {
    (void)state;
    write_file("ab\xFF" "cd\nxyz", 9);
    Obj in = open_file(1, CODEC_UTF8, NIL, 0);
    EXPECT_DOOR(CALL("READ-LINE", in), DECODING_CALL);
    EXPECT(car(t->door_args[1]), FIX(0xFF));
    EXPECT(CALL("%STREAM-MEND", in, text("é!")), FIX(1));
    expect_text(CALL("READ-LINE", in), "abé!cd");
    CALL("CLOSE", in);
    in = open_file(1, CODEC_UTF8, obj_of_char('?'), 0);
    expect_text(CALL("READ-LINE", in), "ab?cd");
    CALL("CLOSE", in);
    write_file("x\xE2\x82", 3);
    in = open_file(1, CODEC_UTF8, NIL, 0);
    EXPECT(CALL("READ-CHAR", in), obj_of_char('x'));
    EXPECT_DOOR(CALL("READ-CHAR", in), DECODING_CALL);
    EXPECT(CALL("%STREAM-MEND", in, text("")), FIX(2));
    EXPECT(CALL("READ-CHAR", in, NIL, NIL), NIL);
    CALL("CLOSE", in);
}

static void unencodable(void **state) {
    (void)state;
    Obj out = open_file(2 + 16, CODEC_LATIN1, NIL, 0);
    EXPECT_DOOR(CALL("WRITE-STRING", text("aé→b"), out), ENCODING_CALL);
    EXPECT(t->door_args[1], obj_of_char(0x2192));
    EXPECT(t->door_args[6], FIX(3));
    EXPECT(CALL("FILE-POSITION", out), FIX(2));
    CALL("CLOSE", out);
}

static void closed_streams(void **state) {
    (void)state;
    write_file("abc", 3);
    Obj in = open_file(1, CODEC_UTF8, NIL, 0);
    EXPECT(CALL("CLOSE", in), T_);
    EXPECT(CALL("CLOSE", in), NIL);
    EXPECT_DOOR(CALL("READ-CHAR", in), LEAF_ERROR);
    EXPECT(t->door_args[0], SYM(SIMPLE_STREAM_ERROR));
    EXPECT_DOOR(CALL("WRITE-CHAR", obj_of_char('x'), in), LEAF_ERROR);
    EXPECT_DOOR(CALL("READ-CHAR", FIX(3)), LEAF_ERROR);
    EXPECT(t->door_args[0], SYM(TYPE_ERROR));
}

/* -- Bytes -- */

static void bytes_round_trip(void **state) {
    (void)state;
    static const int sizes[] = {8, -8, 16, -16, 24, 32, -32, 61, -64, 64, 12};
    for (size_t k = 0; k < COUNT_OF(sizes); k++) {
        int bits = sizes[k];
        int64_t top = bits < 0 ? ((int64_t)1 << (-bits > 60 ? 59 : -bits - 1)) : ((int64_t)1 << (bits > 60 ? 60 : bits));
        int64_t values[200];
        Obj out = open_file(2 + 16, CODEC_BINARY, NIL, bits);
        for (int i = 0; i < 200; i++) {
            values[i] = (int64_t)(((uint64_t)random() << 31 ^ (uint64_t)random()) % (uint64_t)top);
            if (bits < 0 && random() % 2) values[i] = -values[i] - 1;
            CALL("WRITE-BYTE", FIX(values[i]), out);
            assert_false(left);
        }
        EXPECT(CALL("FILE-POSITION", out), FIX(200));
        if (bits < 60 && bits > -60) EXPECT_DOOR(CALL("WRITE-BYTE", FIX(top), out), LEAF_ERROR);
        CALL("CLOSE", out);
        Obj in = open_file(1, CODEC_BINARY, NIL, bits);
        EXPECT(CALL("FILE-LENGTH", in), FIX(200));
        for (int i = 0; i < 200; i++) EXPECT(CALL("READ-BYTE", in), FIX(values[i]));
        EXPECT(CALL("READ-BYTE", in, NIL, NIL), NIL);
        EXPECT(CALL("FILE-POSITION", in, FIX(100)), T_);
        EXPECT(CALL("READ-BYTE", in), FIX(values[100]));
        CALL("CLOSE", in);
    }
}

static void sequences(void **state) {
    (void)state;
    write_file("0123456789", 10);
    Obj in = open_file(1, CODEC_BINARY, NIL, 8), v = alloc_raw(t, TYPE_U8_VECTOR, 8), w = alloc_boxed(t, TYPE_SIMPLE_VECTOR, 8, NIL);
    EXPECT(CALL("READ-SEQUENCE", v, in, SYM(K_START), FIX(2), SYM(K_END), FIX(6)), FIX(6));
    assert_memory_equal(obj_raw(v), "\0\0" "0123" "\0\0", 8);
    EXPECT(CALL("READ-SEQUENCE", w, in), FIX(6));
    EXPECT(obj_slots(w)[5], FIX('9'));
    EXPECT(obj_slots(w)[6], NIL);
    CALL("CLOSE", in);
    in = open_file(1, CODEC_UTF8, NIL, 0);
    Obj list = alloc_list(t, 3, (Obj[]){NIL, NIL, NIL});
    EXPECT(CALL("READ-SEQUENCE", list, in), FIX(3));
    EXPECT(caddr(list), obj_of_char('2'));
    CALL("CLOSE", in);
}

/* -- Composites -- */

static void composites(void **state) {
    (void)state;
    Obj a = CALL("MAKE-STRING-INPUT-STREAM", text("ab")), b = CALL("MAKE-STRING-INPUT-STREAM", text("c\nd"));
    Obj both = CALL("MAKE-CONCATENATED-STREAM", a, b), out = call("%MAKE-STRING-OUTPUT-STREAM", 0, NULL), out2 = call("%MAKE-STRING-OUTPUT-STREAM", 0, NULL);
    Obj echo = CALL("MAKE-ECHO-STREAM", both, CALL("MAKE-BROADCAST-STREAM", out, out2));
    EXPECT(CALL("READ-CHAR", echo), obj_of_char('a'));
    EXPECT(CALL("UNREAD-CHAR", obj_of_char('a'), echo), NIL);
    EXPECT(CALL("PEEK-CHAR", NIL, echo), obj_of_char('a'));
    expect_text(CALL("READ-LINE", echo), "abc");
    EXPECT(CALL("READ-CHAR", echo), obj_of_char('d'));
    EXPECT(CALL("READ-CHAR", echo, NIL, NIL), NIL);
    expect_text(CALL("GET-OUTPUT-STREAM-STRING", out), "abc\nd");
    expect_text(CALL("GET-OUTPUT-STREAM-STRING", out2), "abc\nd");
    EXPECT_DOOR(CALL("MAKE-TWO-WAY-STREAM", out, out2), LEAF_ERROR);
    EXPECT(CALL("FRESH-LINE", out), NIL);
    CALL("WRITE-STRING", text("x\nyz"), out);
    EXPECT(CALL("%STREAM-COLUMN", out), FIX(2));
    EXPECT(CALL("FRESH-LINE", out), T_);
    expect_text(CALL("GET-OUTPUT-STREAM-STRING", out), "x\nyz\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codec_round_trip), cmocka_unit_test(malformed_utf8), cmocka_unit_test(file_round_trip), cmocka_unit_test(string_round_trip),
        cmocka_unit_test(malformed_file),   cmocka_unit_test(unencodable),    cmocka_unit_test(closed_streams),  cmocka_unit_test(bytes_round_trip),
        cmocka_unit_test(sequences),        cmocka_unit_test(composites),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
