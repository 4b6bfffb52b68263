/* text.c: tests of room text: strings, symbols and packages, the C reader, backquote.

   Forms are compared as text by a small printer of the test's own, so that reader and Lisp printer do not vouch for each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "text/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

static Thread *t;
static World world;

static int set_up(void **state) {
    (void)state;
    t = calloc(1, sizeof *t);
    Heap *heap = heap_create((size_t)64 << 20);
    world.heap = heap;
    world.thread = t;
    t->world = &world;
    heap_attach_thread(heap, t);
    packages_create(t);
    return 0;
}

/* -- A printer -- */

static char printed[65536];
static size_t printed_length;

static void put(const char *text) {
    size_t n = strlen(text);
    assert_true(printed_length + n < sizeof printed);
    memcpy(printed + printed_length, text, n + 1);
    printed_length += n;
}

static void print(Obj x);

static void print_list(Obj x) {
    put("(");
    print(car(x));
    for (x = cdr(x); is_cons(x); x = cdr(x)) {
        put(" ");
        print(car(x));
    }
    if (!is_nil(x)) {
        put(" . ");
        print(x);
    }
    put(")");
}

static void print_text(const char *quote, Obj string) {
    char *s = utf8_of_string(string, NULL);
    put(quote);
    put(s);
    put(quote);
    free(s);
}

static void print(Obj x) {
    char number[64];
    if (is_fix(x)) snprintf(number, sizeof number, "%lld", (long long)fix_of_obj(x)), put(number);
    else if (is_char(x)) snprintf(number, sizeof number, "#\\%X", char_of_obj(x)), put(number);
    else if (is_symbol(x)) {
        Obj package = symbol_slots(x)[SYMBOL_PACKAGE];
        if (is_nil(package)) put("#:");
        else if (eq(package, world.package_keyword)) put(":");
        print_text("", symbol_slots(x)[SYMBOL_NAME]);
    } else if (is_cons(x)) print_list(x);
    else if (is_text_string(x)) print_text("\"", x);
    else if (has_type(x, TYPE_SIMPLE_VECTOR)) {
        put("#(");
        for (uint64_t i = 0; i < obj_length(x); i++) {
            if (i) put(" ");
            print(obj_slots(x)[i]);
        }
        put(")");
    } else put(shapes[obj_type(x)].name);
}

/* -- Reading -- */

static Reader reader;

static void start(const char *text) {
    reader_start(&reader, text, strlen(text), world.package_user);
    reader.base_strings = true;
    reader.features = alloc_list(t, 2, (Obj[]){intern_text(t, world.package_keyword, "WINDFALL"), intern_text(t, world.package_keyword, "UNIX")});
}

static const char *show(const char *text) {
    Obj x;
    start(text);
    printed_length = 0;
    if (read_form(t, &reader, &x)) print(x);
    else snprintf(printed, sizeof printed, "!%d", (int)reader.status);
    return printed;
}

static const char *show_wide(const char *text) {
    Obj x, full = full_string_of_text(t, text_of_string(string_of_utf8(t, text, strlen(text))));
    start("");
    reader.p = obj_raw(full);
    reader.end = reader.p + 4 * obj_length(full);
    reader.wide = true;
    printed_length = 0;
    if (read_form(t, &reader, &x)) print(x);
    else snprintf(printed, sizeof printed, "!%d", (int)reader.status);
    return printed;
}

static void expect(const char *text, const char *wanted) {
    assert_string_equal(show(text), wanted);
    assert_string_equal(show_wide(text), wanted);
}

static void test_read_lists(void **state) {
    (void)state;
    expect("(a b c)", "(A B C)");
    expect("()", "NIL");
    expect("( )", "NIL");
    expect(" ( ( a . b) . (c d) )", "((A . B) C D)");
    expect("(a . (b . (c)))", "(A B C)");
    expect("(a;x\n b #|c #| d |# |# e)", "(A B E)");
    expect("'(a 'b)", "(QUOTE (A (QUOTE B)))");
    expect("#'car", "(FUNCTION CAR)");
    expect("#(1 2 (3))", "#(1 2 (3))");
    expect("#()", "#()");
    expect("\"a\\\"b\\\\c\"", "\"a\"b\\c\"");
    expect("(a . b c)", "!4");
    expect("(a . )", "!4");
    expect(")", "!3");
    expect("(a", "!2");
    expect("\"a", "!2");
    expect("#|a", "!2");
    expect("  ; nothing", "!1");
    expect("", "!1");
    expect("#|||#a", "A");
    expect("#|#||#|#a", "A");
}

static void test_read_tokens(void **state) {
    (void)state;
    expect("foo|bar|\\baz", "FOObarbAZ");
    expect("||", "");
    expect("1", "1");
    expect("-12", "-12");
    expect("+12", "12");
    expect("+", "+");
    expect("-", "-");
    expect("1+", "1+");
    expect("\\1", "1");
    expect(":key", ":KEY");
    expect("#:foo", "#:FOO");
    expect("cl:car", "CAR");
    expect("CL::CAR", "CAR");
    expect("cl:no-such", "!6");
    expect("no-such:car", "!6");
    expect("a:b:c", "!6");
    expect("...", "!6");
    expect("é", "É");
    expect("straße", "STRAßE");
    expect("123456789012345678", "123456789012345678");
    expect("a.b", "A.B");
    expect("a#b", "A#B");
}

static void test_read_dispatch(void **state) {
    (void)state;
    expect("#\\a", "#\\61");
    expect("#\\A", "#\\41");
    expect("(#\\( #\\) #\\; #\\\")", "(#\\28 #\\29 #\\3B #\\22)");
    expect("#\\Space", "#\\20");
    expect("#\\newline", "#\\A");
    expect("#\\ ", "#\\20");
    expect("#\\|", "#\\7C");
    expect("#\\\\", "#\\5C");
    expect("#\\U3bb", "#\\3BB");
    expect("#\\u", "#\\75");
    expect("#\\\xce\xbb", "#\\3BB");
    expect("#\\nosuch", "!6");
    expect("#xFF", "255");
    expect("#b-101", "-5");
    expect("#o17", "15");
    expect("#36rZ", "35");
    expect("#*1011", "SIMPLE-BIT-VECTOR");
    expect("(#+windfall a #-windfall b #+(and windfall (not sbcl)) c #+(or) no::d #-(or unix) \"e\" f)", "(A C F)");
    expect("#+sbcl sb-ext:foo b", "B");
    expect("#.(foo)", "!6");
    expect("#1=(a)", "!6");
    expect("#<foo>", "!6");
}

static void test_read_backquote(void **state) {
    (void)state;
    expect("`a", "(QUOTE A)");
    expect("`1", "1");
    expect("`(a b)", "(QUOTE (A B))");
    expect("`(a ,b)", "(LIST (QUOTE A) B)");
    expect("`(a ,b c)", "(LIST* (QUOTE A) B (QUOTE (C)))");
    expect("`(a . ,b)", "(CONS (QUOTE A) B)");
    expect("`(,@a)", "A");
    expect("`(,@a b)", "(APPEND A (QUOTE (B)))");
    expect("`(,@a ,@b . c)", "(APPEND A B (QUOTE C))");
    expect("`(a #(1 ,b))", "(LIST (QUOTE A) (%BQ-VECTOR (LIST 1 B)))");
    expect("`(a `(b ,(c ,d)))", "(LIST (QUOTE A) (LIST (QUOTE LIST) (QUOTE (QUOTE B)) (LIST (QUOTE C) D)))");
    expect("``(,,@a)", "(CONS (QUOTE LIST) A)");
    expect("``(,@,@a)", "(CONS (QUOTE APPEND) A)");
    expect("`,@a", "!4");
    expect("`(a . ,@b)", "!4");
    expect(",a", "!4");
    expect("`(,a ,',b)", "!4");
}

static void test_read_depth(void **state) {
    (void)state;
    static char deep[100001];
    memset(deep, '(', 100000);
    assert_string_equal(show(deep), "!5");
    for (int i = 0; i < 100000; i++) deep[i] = "'`,"[i % 3 ? i % 2 : 0];
    assert_string_equal(show(deep), "!5");
}

static void test_places(void **state) {
    (void)state;
    Obj x;
    start("(a\n (b)\n  (c (d\n)) #(1 (2)) `(e ,(f))) next");
    reader.note_places = true;
    assert_true(read_form(t, &reader, &x));
    Obj places = reader_places(t, &reader), c = car(cddr(x));
    assert_int_equal(reader_line(places, x), 1);
    assert_int_equal(reader_line(places, cadr(x)), 2);
    assert_int_equal(reader_line(places, c), 3);
    assert_int_equal(reader_line(places, cadr(c)), 3);
    assert_int_equal(reader_line(places, caddr(car(cddr(cddr(x))))), 4);
    assert_int_equal(reader_line(places, cdr(x)), 0);
    assert_int_equal(reader_line(NIL, x), 0);
}

/* -- Packages -- */

static void test_static_symbols(void **state) {
    (void)state;
    Obj status;
    assert_true(eq(package_look_up(t, world.package_user, text_of_string(alloc_text(t, "CAR")), &status), intern_text(t, world.package_cl, "CAR")));
    assert_true(eq(status, SYM(K_INHERITED)));
    assert_true(is_nil(package_look_up(t, world.package_cl, text_of_string(alloc_text(t, "NIL")), &status)));
    assert_true(eq(status, SYM(K_EXTERNAL)));
    assert_true(is_keyword(SYM(K_NAME)));
    assert_false(is_keyword(NIL));
    assert_true(eq(symbol_slots(SYM(K_NAME))[SYMBOL_VALUE], SYM(K_NAME)));
    assert_int_equal(fix_of_obj(obj_slots(obj_slots(world.package_cl)[PACKAGE_EXTERNAL])[TABLE_LIVE]), 978);
    assert_int_equal(fix_of_obj(obj_slots(obj_slots(world.package_cl)[PACKAGE_INTERNAL])[TABLE_LIVE]), 0);
}

/* Random interning, exporting and removing against a plain array. */
static void test_tables(void **state) {
    (void)state;
    enum { N = 2000 };
    static Obj model[N];
    unsigned seed = 12345;
    Obj p = package_make(t, alloc_list(t, 1, (Obj[]){alloc_text(t, "TABLES")})), status;
    for (int i = 0; i < N; i++) model[i] = UNBOUND;
    for (int step = 0; step < 40000; step++) {
        seed = seed * 1103515245 + 12345;
        unsigned i = seed >> 8 & 0x7FF;
        if (i >= N) continue;
        char name[16];
        snprintf(name, sizeof name, "S%u", i);
        Obj x = package_look_up(t, p, text_of_string(alloc_text(t, name)), &status);
        assert_true(eq(is_nil(status) ? UNBOUND : x, model[i]));
        switch (seed >> 24 & 3) {
        case 0: case 1: model[i] = intern_text(t, p, name); break;
        case 2: if (!is_nil(status)) package_export(t, p, x); break;
        default:
            if (is_nil(status)) break;
            assert_true(package_remove_symbol(t, p, eq(status, SYM(K_EXTERNAL)) ? PACKAGE_EXTERNAL : PACKAGE_INTERNAL, x));
            model[i] = UNBOUND;
        }
    }
}

/* -- Characters, UTF-8 -- */

static void test_utf8(void **state) {
    (void)state;
    char bytes[4];
    for (uint32_t c = 0; c < CODE_LIMIT; c += c < 0x3000 ? 1 : 61) {
        unsigned n = utf8_encode(c, bytes);
        const char *p = bytes;
        assert_int_equal(utf8_decode(&p, bytes + n), c);
        assert_ptr_equal(p, bytes + n);
    }
    const char *bad[] = {"\xC0\x80", "\xE0\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xE2\x82"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *p = bad[i];
        assert_int_equal(utf8_decode(&p, p + strlen(p)), 0xFFFD);
    }
}

/* The tables against the library from which they were made: every character. */
static void test_character_tables(void **state) {
    (void)state;
    for (int32_t c = 128; c < CODE_LIMIT; c++) {
        utf8proc_category_t k = utf8proc_category(c);
        bool letter = k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO, digit = k == UTF8PROC_CATEGORY_ND, sharp = c == 0xDF || c == 0x1E9E;
        int32_t u = utf8proc_toupper(c), l = utf8proc_tolower(c);
        assert_int_equal(code_upcase((uint32_t)c), utf8proc_tolower(u) == c && !sharp ? u : c);
        assert_int_equal(code_downcase((uint32_t)c), utf8proc_toupper(l) == c && !sharp ? l : c);
        assert_int_equal(code_is_alphabetic((uint32_t)c), letter);
        assert_int_equal(code_is_alphanumeric((uint32_t)c), letter || digit);
        int weight = code_digit((uint32_t)c, 36);
        assert_int_equal(weight >= 0, digit);
        if (digit) assert_int_equal(weight ? code_digit((uint32_t)c - 1, 36) : 0, weight ? weight - 1 : 0);
        char name[CHARACTER_NAME_SIZE];
        bool seen = k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_SO && k != UTF8PROC_CATEGORY_MN && k != UTF8PROC_CATEGORY_MC && k != UTF8PROC_CATEGORY_ME;
        assert_int_equal(code_name((uint32_t)c, name), !seen);
    }
}

static void test_characters(void **state) {
    (void)state;
    for (uint32_t c = 0; c < CODE_LIMIT; c++) {
        uint32_t u = code_upcase(c), l = code_downcase(c);
        assert_true(u == c || code_downcase(u) == c);
        assert_true(l == c || code_upcase(l) == c);
    }
    assert_int_equal(code_upcase(0xDF), 0xDF);
    assert_int_equal(code_upcase(0xE9), 0xC9);
    assert_int_equal(code_digit('z', 36), 35);
    assert_int_equal(code_digit('8', 8), -1);
    assert_int_equal(code_digit(0x0663, 10), 3);
    assert_int_equal(code_digit(0x1D7D9, 10), 1);
    char name[CHARACTER_NAME_SIZE];
    for (uint32_t c = 0; c < CODE_LIMIT; c += c < 1000 ? 1 : 97)
        if (code_name(c, name)) assert_int_equal(code_of_name((Text){name, strlen(name), false}), c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_lists),     cmocka_unit_test(test_read_tokens),    cmocka_unit_test(test_read_dispatch),
        cmocka_unit_test(test_read_backquote), cmocka_unit_test(test_read_depth),     cmocka_unit_test(test_places),
        cmocka_unit_test(test_static_symbols), cmocka_unit_test(test_tables),         cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_characters),     cmocka_unit_test(test_character_tables),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
