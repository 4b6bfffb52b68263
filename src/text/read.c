/* read.c: the reader in C, over memory.

   A recursive descent over standard syntax, standard readtable, :UPCASE.  Tokens gather in the reader's buffer (larger ones in a string that
   nobody refers to), are tried as numbers when they may be numbers, and become symbols otherwise.

   What it does not read it leaves to the Lisp reader with READ_OTHER: #. #= ## #S #P #C #A #n( #n* unknown dispatch characters, control
   characters, odd package markers, and nesting deeper than DEPTH_LIMIT.  Whoever boots from it does without these.

   Conventions: `take` reads a character and `give_back` undoes it; a function that reads a form returns GOT_FORM, or with what it met
   instead; GOT_FAIL has set status, message and line. */
#include "text/text.h"
#include "number/number.h"

#include <stdlib.h>

enum { DEPTH_LIMIT = 4000 };

typedef enum Got { GOT_FORM, GOT_CLOSE, GOT_DOT, GOT_COMMENT, GOT_END, GOT_FAIL } Got;

/* -- Characters -- */

/* The next character, -1 at the end. */
static inline int32_t take(Reader *r) {
    if (UNLIKELY(r->p >= r->end)) return -1;
    uint32_t c;
    if (r->wide) {
        memcpy(&c, r->p, 4);
        r->p += 4;
    } else if (LIKELY((uint8_t)*r->p < 128)) {
        c = (uint8_t)*r->p++;
    } else {
        c = utf8_decode(&r->p, r->end);
    }
    if (c == '\n') r->line++;
    return (int32_t)c;
}

/* Goes back to `at`, where c was taken. */
static inline void give_back(Reader *r, const char *at, int32_t c) {
    r->p = at;
    if (c == '\n') r->line--;
}

static const uint8_t standard_kinds[128] = {
    READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_WHITESPACE, READ_WHITESPACE,
    READ_ODD, READ_WHITESPACE, READ_WHITESPACE, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD,
    READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD, READ_ODD,
    [' '] = READ_WHITESPACE, ['"'] = READ_TERMINATING, ['\''] = READ_TERMINATING, ['('] = READ_TERMINATING, [')'] = READ_TERMINATING,
    [','] = READ_TERMINATING, [';'] = READ_TERMINATING, ['`'] = READ_TERMINATING, [127] = READ_ODD};

static inline ReadKind kind_of(const Reader *r, int32_t c) {
    if (LIKELY(c < 128)) return (ReadKind)r->kinds[c];
    return r->odd_wide || c == 0xA0 || c == 0xFFFD ? READ_ODD : READ_CONSTITUENT;
}

static Got fail(Reader *r, ReadStatus status, const char *message) {
    r->status = status;
    r->message = message;
    r->error_line = r->line;
    return GOT_FAIL;
}
static Got fail_end(Reader *r) { return fail(r, READ_UNFINISHED, "end of text within a form"); }

/* -- Tokens -- */

static void token_start(Reader *r) {
    r->token = r->token_fixed;
    r->token_length = 0;
    r->token_size = COUNT_OF(r->token_fixed);
}

static void token_grow(Thread *t, Reader *r) {
    uint32_t *larger = obj_raw(alloc_raw(t, TYPE_STRING, 2 * r->token_size)); /* garbage at the next collection */
    memcpy(larger, r->token, 4 * r->token_length);
    r->token = larger;
    r->token_size *= 2;
}

static inline void token_add(Thread *t, Reader *r, uint32_t c) {
    if (UNLIKELY(r->token_length == r->token_size)) token_grow(t, r);
    r->token[r->token_length++] = c;
}

/* Between bars: up to the closing one. */
static bool token_add_bars(Thread *t, Reader *r) {
    for (;;) {
        int32_t c = take(r);
        if (c == '|') return true;
        if (c == '\\') c = take(r);
        if (c < 0) return false;
        token_add(t, r, (uint32_t)c);
    }
}

/* Gathers a token.  Unescaped characters are upcased, `colon` is where the last unescaped colon stands, `colons` how many there are. */
static Got read_token(Thread *t, Reader *r) {
    token_start(r);
    r->escaped = false;
    r->colons = 0;
    for (;;) {
        const char *at = r->p;
        int32_t c = take(r);
        if (c < 0) return GOT_FORM;
        ReadKind kind = kind_of(r, c);
        if (kind == READ_WHITESPACE || kind == READ_TERMINATING) {
            give_back(r, at, c);
            return GOT_FORM;
        }
        if (kind == READ_ODD) return fail(r, READ_OTHER, "a character that is no constituent");
        if (c == '\\') {
            r->escaped = true;
            if ((c = take(r)) < 0) return fail_end(r);
            token_add(t, r, (uint32_t)c);
        } else if (c == '|') {
            r->escaped = true;
            if (!token_add_bars(t, r)) return fail_end(r);
        } else {
            if (c == ':') r->colons++, r->colon = r->token_length;
            token_add(t, r, code_upcase((uint32_t)c));
        }
    }
}

static Text token_text(Reader *r, uint64_t start) {
    return (Text){r->token + start, r->token_length - start, true};
}

/* -- Numbers -- */

/* Short decimal integers at once, everything else by number_parse.  UNBOUND: not a number. */
static Obj token_number(Thread *t, Reader *r, unsigned base, const char **problem) {
    uint64_t n = r->token_length, i = 0;
    const uint32_t *s = r->token;
    if (base == 10 && n < 18) {
        bool negative = s[0] == '-';
        int64_t value = 0;
        for (i = negative || s[0] == '+'; i < n && s[i] >= '0' && s[i] <= '9'; i++) value = value * 10 + (s[i] - '0');
        if (i == n && n > (s[0] < '0')) return obj_of_fix(negative ? -value : value);
    }
    char small[128], *text = small;
    if (n > sizeof small) text = obj_raw(alloc_raw(t, TYPE_BASE_STRING, n));
    for (i = 0; i < n; i++) {
        if (s[i] >= 128) return UNBOUND;
        text[i] = (char)s[i];
    }
    return number_parse_quietly(t, text, n, base, r->float_format, problem);
}

static bool may_be_number(const Reader *r, unsigned base) {
    if (r->escaped || r->colons) return false;
    uint32_t c = r->token[0];
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || (base > 10 && c < 128 && code_digit(c, base) >= 0);
}

static bool is_rational_number(Obj x) { return is_fix(x) || has_type(x, TYPE_BIGNUM) || has_type(x, TYPE_RATIO); }

/* -- Symbols -- */

static Got qualified_symbol(Thread *t, Reader *r, Obj *out) {
    Obj status;
    uint64_t last = r->colon;
    if (r->colons == 1 && last == 0 && (r->token_length > 1 || r->escaped)) {
        *out = package_intern_text(t, t->world->package_keyword, token_text(r, 1), &status);
        return GOT_FORM;
    }
    bool internal = r->colons == 2 && last > 1 && r->token[last - 1] == ':';
    uint64_t end = internal ? last - 1 : last;
    if ((!internal && r->colons != 1) || end == 0 || (last + 1 == r->token_length && !r->escaped)) return fail(r, READ_OTHER, "odd package markers");
    Obj package = package_find_text(t, r->package, (Text){r->token, end, true});
    if (is_nil(package)) return fail(r, READ_OTHER, "there is no such package");
    if (package_symbol_removed(t, package, token_text(r, last + 1))) return fail(r, READ_OTHER, "a symbol that was removed by delivery");
    if (internal) {
        *out = package_intern_text(t, package, token_text(r, last + 1), &status);
        return GOT_FORM;
    }
    *out = package_look_up(t, package, token_text(r, last + 1), &status);
    if (r->exports && !eq(status, SYM(K_EXTERNAL))) {
        *out = package_intern_text(t, package, token_text(r, last + 1), &status);
        package_export(t, package, *out);
        return GOT_FORM;
    }
    return eq(status, SYM(K_EXTERNAL)) ? GOT_FORM : fail(r, READ_OTHER, "the symbol is not external in its package");
}

static Got token_object(Thread *t, Reader *r, Obj *out) {
    *out = NIL;
    if (!r->escaped) {
        uint64_t dots = 0;
        while (dots < r->token_length && r->token[dots] == '.') dots++;
        if (dots == r->token_length) return dots == 1 ? GOT_DOT : fail(r, READ_OTHER, "a token of dots");
    }
    if (r->suppress) return GOT_FORM;
    if (may_be_number(r, r->base)) {
        const char *problem = NULL;
        *out = token_number(t, r, r->base, &problem);
        if (problem) return fail(r, READ_OTHER, "a number that has no value");
        if (!eq(*out, UNBOUND)) return GOT_FORM;
    }
    if (r->colons) return qualified_symbol(t, r, out);
    Obj status;
    if (package_symbol_removed(t, r->package, token_text(r, 0))) return fail(r, READ_OTHER, "a symbol that was removed by delivery");
    *out = package_intern_text(t, r->package, token_text(r, 0), &status);
    return GOT_FORM;
}

/* -- Lists -- */

static Got read_any(Thread *t, Reader *r, Obj *out);

/* A form where nothing but a form may stand. */
static Got read_one(Thread *t, Reader *r, Obj *out) {
    Got got;
    do got = read_any(t, r, out);
    while (got == GOT_COMMENT);
    if (got == GOT_CLOSE) return fail(r, READ_WRONG, "a closing parenthesis where a form is wanted");
    if (got == GOT_DOT) return fail(r, READ_WRONG, "a dot where a form is wanted");
    if (got == GOT_END) return fail_end(r);
    return got;
}

/* Notes are kept in the heap: nothing is lost when an allocation leaves through the door. */
static void note_place(Thread *t, Reader *r, Obj list, unsigned line) {
    if (r->place_count + 2 > r->place_size) {
        r->place_size = r->place_size ? 2 * r->place_size : 64;
        Obj larger = alloc_boxed(t, TYPE_SIMPLE_VECTOR, r->place_size, obj_of_fix(0));
        for (size_t i = 0; i < r->place_count; i++) init_field(larger, i, obj_slots(r->places)[i]);
        r->places = larger;
    }
    init_field(r->places, r->place_count++, list);
    init_field(r->places, r->place_count++, obj_of_fix(line));
}

/* Behind the dot: one form and the parenthesis. */
static Got read_tail(Thread *t, Reader *r, Obj last) {
    Obj x, rest;
    Got got = read_one(t, r, &x);
    if (got != GOT_FORM) return got;
    do got = read_any(t, r, &rest);
    while (got == GOT_COMMENT);
    if (got == GOT_END) return fail_end(r);
    if (got == GOT_FAIL) return got;
    if (got != GOT_CLOSE) return fail(r, READ_WRONG, "more than one form after a dot in a list");
    cons_slots(last)[1] = x; /* NOBARRIER: fresh */
    return GOT_FORM;
}

/* Skips whitespace; true if a closing parenthesis follows, which is taken. */
static bool take_close(Reader *r) {
    for (;;) {
        const char *at = r->p;
        int32_t c = take(r);
        if (c == ')') return true;
        if (c >= 0 && kind_of(r, c) == READ_WHITESPACE) continue;
        if (c >= 0) give_back(r, at, c);
        return false;
    }
}

/* Behind "(": the head is allocated before the elements, see text.h on places. */
static Got read_list(Thread *t, Reader *r, Obj *out) {
    unsigned line = r->line;
    *out = NIL;
    if (take_close(r)) return GOT_FORM;
    Obj head = alloc_cons(t, NIL, NIL), last = NIL;
    if (r->note_places) note_place(t, r, head, line);
    for (;;) {
        Obj x;
        Got got = read_any(t, r, &x);
        if (got == GOT_FORM) {
            Obj cell = is_nil(last) ? head : alloc_cons(t, NIL, NIL);
            cons_slots(cell)[0] = x; /* NOBARRIER: fresh, as all here */
            if (!is_nil(last)) cons_slots(last)[1] = cell;
            last = cell;
        } else if (got == GOT_CLOSE) {
            if (!is_nil(last)) *out = head;
            return GOT_FORM;
        } else if (got == GOT_DOT) {
            if (is_nil(last)) return fail(r, READ_OTHER, "nothing before a dot in a list");
            *out = head;
            return read_tail(t, r, last);
        } else if (got != GOT_COMMENT) {
            return got == GOT_END ? fail_end(r) : got;
        }
    }
}

/* -- Strings, comments -- */

static Got read_string(Thread *t, Reader *r, Obj *out) {
    token_start(r);
    for (;;) {
        int32_t c = take(r);
        if (c == '"') break;
        if (c == '\\') c = take(r);
        if (c < 0) return fail_end(r);
        token_add(t, r, (uint32_t)c);
    }
    *out = r->suppress ? NIL : r->base_strings ? string_of_text(t, token_text(r, 0)) : full_string_of_text(t, token_text(r, 0));
    return GOT_FORM;
}

static void skip_line(Reader *r) {
    int32_t c;
    do c = take(r);
    while (c >= 0 && c != '\n');
}

static Got skip_balanced(Reader *r) {
    for (unsigned level = 1; level > 0;) {
        int32_t c = take(r);
        while (c == '|' || c == '#') {
            int32_t other = c == '|' ? '#' : '|', next = take(r);
            if (next == other) {
                level += c == '#' ? 1u : -1u;
                break;
            }
            c = next;
        }
        if (c < 0) return fail_end(r);
    }
    return GOT_COMMENT;
}

/* -- Quotes -- */

static Got read_prefixed(Thread *t, Reader *r, Obj head, Obj *out) {
    Obj x;
    Got got = read_one(t, r, &x);
    if (got == GOT_FORM) *out = alloc_cons(t, head, alloc_cons(t, x, NIL));
    return got;
}

static Got read_backquote(Thread *t, Reader *r, Obj *out) {
    Obj x;
    r->backquotes++;
    Got got = read_one(t, r, &x);
    r->backquotes--;
    if (got != GOT_FORM || r->suppress) return got;
    *out = backquote_expand(t, x);
    return eq(*out, UNBOUND) ? fail(r, READ_WRONG, ",@ where nothing can be spliced") : GOT_FORM;
}

static Got read_comma(Thread *t, Reader *r, Obj *out) {
    if (!r->backquotes && !r->suppress) return fail(r, READ_WRONG, "a comma outside of a backquote");
    const char *at = r->p;
    int32_t c = take(r);
    Obj head = c == '@' ? SYM(UNQUOTE_SPLICING) : c == '.' ? SYM(UNQUOTE_NSPLICING) : SYM(UNQUOTE);
    if (c >= 0 && c != '@' && c != '.') give_back(r, at, c);
    unsigned saved = r->backquotes;
    if (r->backquotes) r->backquotes--;
    Got got = read_prefixed(t, r, head, out);
    r->backquotes = saved;
    return got;
}

/* -- Dispatching -- */

/* #\x: the character after the backslash counts whatever it is. */
static Got read_character(Thread *t, Reader *r, Obj *out) {
    const char *at = r->p;
    int32_t c = take(r);
    if (c < 0) return fail_end(r);
    const char *behind = r->p;
    if (kind_of(r, c) == READ_CONSTITUENT && c != '\\' && c != '|') {
        give_back(r, at, c);
        Got got = read_token(t, r);
        if (got != GOT_FORM) return got;
    } else {
        at = r->p;
        int32_t next = take(r);
        if (next >= 0) give_back(r, at, next);
        if (next >= 0 && kind_of(r, next) == READ_CONSTITUENT) return fail(r, READ_OTHER, "an odd character name");
        r->token_length = 1;
    }
    *out = obj_of_char((uint32_t)c);
    if (r->token_length == 1 || r->suppress) return r->p == behind || r->suppress ? GOT_FORM : fail(r, READ_OTHER, "an odd character name");
    int32_t code = code_of_name(token_text(r, 0));
    if (code < 0) return fail(r, READ_OTHER, "no such character name");
    *out = obj_of_char((uint32_t)code);
    return GOT_FORM;
}

static Got read_rational(Thread *t, Reader *r, unsigned base, Obj *out) {
    Got got = read_token(t, r);
    *out = NIL;
    if (got != GOT_FORM || r->suppress) return got;
    if (r->escaped || r->colons || r->token_length == 0 || base < 2 || base > 36) return fail(r, READ_OTHER, "not a rational");
    const char *problem = NULL;
    *out = token_number(t, r, base, &problem);
    return is_rational_number(*out) ? GOT_FORM : fail(r, READ_OTHER, "not a rational in this radix");
}

static Got read_vector(Thread *t, Reader *r, Obj *out) {
    Obj list;
    bool noting = r->note_places;
    r->note_places = false;
    Got got = read_list(t, r, &list);
    r->note_places = noting;
    if (got != GOT_FORM || r->suppress) return got;
    uint64_t n = 0, i = 0;
    for (Obj l = list; is_cons(l); l = cdr(l)) n++;
    Obj vector = alloc_boxed(t, TYPE_SIMPLE_VECTOR, n, NIL);
    for (; is_cons(list); list = cdr(list)) init_field(vector, i++, car(list));
    *out = vector;
    return is_nil(list) ? GOT_FORM : fail(r, READ_OTHER, "a dotted vector");
}

static Got read_bits(Thread *t, Reader *r, Obj *out) {
    Got got = read_token(t, r);
    if (got != GOT_FORM) return got;
    Obj bits = alloc_raw(t, TYPE_BIT_VECTOR, r->token_length);
    for (uint64_t i = 0; i < r->token_length && !r->suppress; i++) {
        if (r->escaped || (r->token[i] != '0' && r->token[i] != '1')) return fail(r, READ_OTHER, "not a bit");
        if (r->token[i] == '1') ((uint8_t *)obj_raw(bits))[i / 8] |= (uint8_t)(1u << i % 8);
    }
    *out = bits;
    return GOT_FORM;
}

static Got read_uninterned(Thread *t, Reader *r, Obj *out) {
    Got got = read_token(t, r);
    if (got != GOT_FORM) return got;
    *out = NIL;
    if (r->suppress) return GOT_FORM;
    if (r->colons || (r->token_length == 0 && !r->escaped)) return fail(r, READ_OTHER, "not a symbol without a package");
    if (may_be_number(r, r->base)) return fail(r, READ_OTHER, "not a symbol without a package");
    *out = make_symbol(t, string_of_text(t, token_text(r, 0)));
    return GOT_FORM;
}

/* -- #+ and #- -- */

/* Whether a feature expression holds; *wrong if it is none. */
static bool feature_holds(Obj x, Obj features, bool *wrong) {
    if (is_symbol(x)) {
        for (; is_cons(features); features = cdr(features))
            if (eq(car(features), x)) return true;
        return false;
    }
    *wrong = *wrong || !is_cons(x) || !is_symbol(car(x));
    if (*wrong) return false;
    Text op = text_of_string(symbol_slots(car(x))[SYMBOL_NAME]);
    bool and = texts_equal(op, (Text){"AND", 3, false}), or = texts_equal(op, (Text){"OR", 2, false});
    if (texts_equal(op, (Text){"NOT", 3, false}) && is_cons(cdr(x)) && is_nil(cddr(x))) return !feature_holds(cadr(x), features, wrong);
    if (!and && !or) *wrong = true;
    bool result = and;
    for (Obj l = cdr(x); is_cons(l); l = cdr(l))
        if (feature_holds(car(l), features, wrong) != and) result = or;
    return result;
}

static Got read_conditional(Thread *t, Reader *r, bool wanted, Obj *out) {
    Obj test, package = r->package;
    unsigned suppress = r->suppress;
    bool wrong = false;
    r->package = t->world->package_keyword;
    r->suppress = 0;
    Got got = read_one(t, r, &test);
    r->package = package;
    r->suppress = suppress;
    if (got != GOT_FORM) return got;
    bool holds = feature_holds(test, r->features, &wrong) == wanted;
    if (wrong) return fail(r, READ_OTHER, "not a feature expression");
    if (holds) return read_one(t, r, out);
    r->suppress++;
    got = read_one(t, r, out);
    r->suppress--;
    return got == GOT_FORM ? GOT_COMMENT : got;
}

static Got read_dispatch(Thread *t, Reader *r, Obj *out) {
    int32_t c = take(r);
    unsigned argument = 0;
    bool given = c >= '0' && c <= '9';
    for (; c >= '0' && c <= '9'; c = take(r))
        if (argument < 1000) argument = argument * 10 + (unsigned)(c - '0');
    if (c < 0) return fail_end(r);
    if (given && (c == 'r' || c == 'R')) return read_rational(t, r, argument, out);
    if (given) return fail(r, READ_OTHER, "a dispatch character with an argument");
    switch (c) {
    case '\'': return read_prefixed(t, r, SYM(FUNCTION), out);
    case '\\': return read_character(t, r, out);
    case '(': return read_vector(t, r, out);
    case '|': return skip_balanced(r);
    case '+': case '-': return read_conditional(t, r, c == '+', out);
    case ':': return read_uninterned(t, r, out);
    case '*': return read_bits(t, r, out);
    case 'x': case 'X': return read_rational(t, r, 16, out);
    case 'o': case 'O': return read_rational(t, r, 8, out);
    case 'b': case 'B': return read_rational(t, r, 2, out);
    default: return fail(r, READ_OTHER, "a dispatch character");
    }
}

/* -- Forms -- */

static Got read_macro(Thread *t, Reader *r, int32_t c, Obj *out) {
    switch (c) {
    case '(': return read_list(t, r, out);
    case ')': return GOT_CLOSE;
    case '\'': return read_prefixed(t, r, SYM(QUOTE), out);
    case '"': return read_string(t, r, out);
    case ';': skip_line(r); return GOT_COMMENT;
    case '`': return read_backquote(t, r, out);
    case ',': return read_comma(t, r, out);
    default: return read_dispatch(t, r, out);
    }
}

static Got read_any(Thread *t, Reader *r, Obj *out) {
    const char *at;
    int32_t c;
    do {
        at = r->p;
        c = take(r);
        if (c < 0) return GOT_END;
    } while (kind_of(r, c) == READ_WHITESPACE);
    *out = NIL;
    if (kind_of(r, c) == READ_TERMINATING || (c == '#' && kind_of(r, c) != READ_ODD)) {
        if (r->depth == DEPTH_LIMIT) return fail(r, READ_DEEP, "nested too deeply");
        r->depth++;
        Got got = read_macro(t, r, c, out);
        r->depth--;
        return got;
    }
    give_back(r, at, c);
    Got got = read_token(t, r);
    return got == GOT_FORM ? token_object(t, r, out) : got;
}

void reader_start(Reader *r, const char *text, size_t bytes, Obj package) {
    memset(r, 0, offsetof(Reader, token_fixed));
    r->kinds = standard_kinds;
    r->p = text;
    r->end = text + bytes;
    r->line = 1;
    r->base = 10;
    r->package = package;
    r->float_format = SYM(SINGLE_FLOAT);
    r->features = r->places = NIL;
}

bool read_form(Thread *t, Reader *r, Obj *out) {
    r->status = READ_DONE;
    r->depth = r->suppress = 0;
    r->place_count = r->place_size = 0;
    Got got;
    do got = read_any(t, r, out);
    while (got == GOT_COMMENT);
    if (got == GOT_FORM) return true;
    if (got == GOT_END) fail(r, READ_NOTHING, "end of text");
    if (got == GOT_CLOSE) fail(r, READ_CLOSE, "unmatched closing parenthesis");
    if (got == GOT_DOT) fail(r, READ_WRONG, "a dot outside of a list");
    return false;
}

/* -- Places -- */

Obj reader_places(Thread *t, Reader *r) {
    Obj v = r->places;
    if (r->place_count == 0) return NIL;
    heap_shrink(t, v, r->place_count);
    r->place_count = r->place_size = 0;
    return v;
}

unsigned reader_line(Obj places, Obj list) {
    if (is_nil(places)) return 0;
    uint64_t low = 0, high = obj_length(places) / 2;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        Obj x = obj_slots(places)[2 * middle];
        if (eq(x, list)) return (unsigned)fix_of_obj(obj_slots(places)[2 * middle + 1]);
        if (x.w < list.w) low = middle + 1;
        else high = middle;
    }
    return 0;
}
