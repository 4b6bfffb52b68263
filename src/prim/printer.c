/* printer.c: leaves of the printer (CLHS 22.1.3): how atoms look, and whole data of the plain kinds.

   The printer proper is Lisp (lisp/printer.lisp).  It first offers an object to %WRITE-PLAIN: if the whole tree consists of conses, simple vectors,
   symbols, numbers, characters and strings, and nothing asks for level, length, circularity or layout, it is printed here at a stroke;
   otherwise nothing has been printed and Lisp goes on, using %WRITE-ATOM for the leaves of the tree.

   A symbol is written so that it reads back as itself: which characters need an escape depends on the readtable's case; a name that could be a
   number, or that is all dots, is put between bars.

   What is printed gathers in the Printer and goes to the stream at once when its owner ends with `flush`: so a leaf that must be run again
   because the heap is full has printed nothing yet. */
#include "number/number.h"
#include "prim/streams.h"
#include "swap/swap.h"
#include "text/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEW_CODES = 256 };

typedef struct Printer {
    Thread *t;
    Obj stream;
    bool escape, readably, gensym, radix, array;
    unsigned base;
    Obj print_case, table_case, package, float_format;
    uint64_t count, room;
    uint32_t *codes; /* `few`, or the characters of a string in the heap */
    uint32_t few[FEW_CODES];
} Printer;

static void printer_open(Printer *p, Thread *t, Obj stream) {
    p->t = t;
    p->stream = stream;
    p->count = 0;
    p->room = FEW_CODES;
    p->codes = p->few;
}

static void printer_init(Printer *p, Thread *t, Obj stream) {
    Obj table = symbol_value(t, SYM(READTABLE_VAR)), base = symbol_value(t, SYM(PRINT_BASE));
    printer_open(p, t, stream);
    p->readably = !is_nil(symbol_value(t, SYM(PRINT_READABLY)));
    p->escape = p->readably || !is_nil(symbol_value(t, SYM(PRINT_ESCAPE)));
    p->gensym = p->readably || !is_nil(symbol_value(t, SYM(PRINT_GENSYM)));
    p->array = p->readably || !is_nil(symbol_value(t, SYM(PRINT_ARRAY)));
    p->radix = !is_nil(symbol_value(t, SYM(PRINT_RADIX)));
    p->base = is_fix(base) && fix_of_obj(base) >= 2 && fix_of_obj(base) <= 36 ? (unsigned)fix_of_obj(base) : 10;
    p->print_case = symbol_value(t, SYM(PRINT_CASE));
    p->table_case = has_type(table, TYPE_READTABLE) && !p->readably ? obj_slots(table)[READTABLE_CASE] : SYM(K_UPCASE);
    p->package = symbol_value(t, SYM(PACKAGE_VAR));
    p->float_format = symbol_value(t, SYM(READ_DEFAULT_FLOAT_FORMAT));
}

static void flush(Printer *p) {
    if (p->count) stream_write_codes(p->t, p->stream, p->codes, p->count);
}

static void enlarge(Printer *p) {
    uint32_t *larger = obj_raw(alloc_raw(p->t, TYPE_STRING, 2 * p->room));
    memcpy(larger, p->codes, p->count * sizeof *larger);
    p->codes = larger;
    p->room *= 2;
}

static void put(Printer *p, uint32_t c) {
    if (UNLIKELY(p->count == p->room)) enlarge(p);
    p->codes[p->count++] = c;
}

/* ASCII only. */
static void put_text(Printer *p, const char *s) {
    while (*s) put(p, (unsigned char)*s++);
}

/* -- Symbols -- */

static bool is_upper(uint32_t c) { return code_downcase(c) != c; }
static bool is_lower(uint32_t c) { return code_upcase(c) != c; }

/* Does the character need an escape wherever it stands in a token? */
static bool char_is_special(Printer *p, uint32_t c) {
    if (c <= ' ' || c == 127 || c == 0xA0 || (c < 128 && strchr("\"'(),;`:\\|", (int)c))) return true;
    if (eq(p->table_case, SYM(K_UPCASE))) return is_lower(c);
    if (eq(p->table_case, SYM(K_DOWNCASE))) return is_upper(c);
    return false;
}

/* Could the token be taken for a number (CLHS 2.3.1.1, potential numbers), or is it all dots? */
static bool token_is_number_like(Printer *p, Text name) {
    bool digit = false, dots = true;
    for (uint64_t i = 0; i < name.length; i++) {
        uint32_t c = text_char(name, i);
        bool in_base = code_digit(c, p->base > 10 ? p->base : 10) >= 0 && c < 128;
        if (in_base) digit = true;
        if (c != '.') dots = false;
        bool letter = c < 128 && ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!in_base && !letter && !(c < 128 && strchr("+-./^_", (int)c))) return false;
        if (!in_base && letter && i + 1 < name.length) {
            uint32_t d = text_char(name, i + 1);
            if (d < 128 && (d | 32) >= 'a' && (d | 32) <= 'z' && code_digit(d, p->base) < 0) return false;
        }
    }
    if (dots) return true;
    if (!digit) return false;
    uint32_t first = text_char(name, 0), last = text_char(name, name.length - 1);
    if (!(code_digit(first, p->base > 10 ? p->base : 10) >= 0 || strchr("+-.^_", (int)first))) return false;
    return last != '+' && last != '-';
}

static bool name_needs_bars(Printer *p, Text name) {
    if (name.length == 0) return true;
    for (uint64_t i = 0; i < name.length; i++) {
        uint32_t c = text_char(name, i);
        if (char_is_special(p, c) || (i == 0 && c == '#')) return true;
    }
    return token_is_number_like(p, name);
}

/* One character of a name that is not escaped, in the case that *PRINT-CASE* and the readtable ask for; `inside` a word? */
static uint32_t char_in_case(Printer *p, uint32_t c, bool inside, int inverted) {
    if (eq(p->table_case, SYM(K_PRESERVE))) return c;
    if (eq(p->table_case, SYM(K_INVERT))) return inverted > 0 ? code_downcase(c) : inverted < 0 ? code_upcase(c) : c;
    bool upcase_table = eq(p->table_case, SYM(K_UPCASE));
    if (upcase_table ? !is_upper(c) : !is_lower(c)) return c;
    if (eq(p->print_case, SYM(K_DOWNCASE))) return code_downcase(c);
    if (eq(p->print_case, SYM(K_CAPITALIZE))) return inside ? code_downcase(c) : code_upcase(c);
    return code_upcase(c);
}

/* 1: all letters are upper case; -1: all lower; 0: mixed or none. */
static int name_single_case(Text name) {
    bool upper = false, lower = false;
    for (uint64_t i = 0; i < name.length; i++) {
        upper |= is_upper(text_char(name, i));
        lower |= is_lower(text_char(name, i));
    }
    return upper == lower ? 0 : upper ? 1 : -1;
}

static void put_name(Printer *p, Obj string) {
    Text name = text_of_string(string);
    if (p->escape && name_needs_bars(p, name)) {
        put(p, '|');
        for (uint64_t i = 0; i < name.length; i++) {
            uint32_t c = text_char(name, i);
            if (c == '|' || c == '\\') put(p, '\\');
            put(p, c);
        }
        put(p, '|');
        return;
    }
    int inverted = eq(p->table_case, SYM(K_INVERT)) ? name_single_case(name) : 0;
    bool inside = false;
    for (uint64_t i = 0; i < name.length; i++) {
        uint32_t c = text_char(name, i);
        put(p, char_in_case(p, c, inside, inverted));
        inside = code_is_alphanumeric(c);
    }
}

static void put_symbol(Printer *p, Obj symbol) {
    Obj *slots = symbol_slots(symbol), home = slots[SYMBOL_PACKAGE], status;
    if (p->escape) {
        if (is_nil(home)) {
            if (p->gensym) put_text(p, "#:");
        } else if (eq(home, p->t->world->package_keyword)) {
            put(p, ':');
        } else if (!eq(home, p->package) &&
                   (!has_type(p->package, TYPE_PACKAGE) || !eq(package_look_up(p->t, p->package, text_of_string(slots[SYMBOL_NAME]), &status), symbol) || is_nil(status))) {
            Obj found = package_look_up(p->t, home, text_of_string(slots[SYMBOL_NAME]), &status);
            put_name(p, car(obj_slots(home)[PACKAGE_NAMES]));
            put_text(p, eq(found, symbol) && eq(status, SYM(K_EXTERNAL)) ? ":" : "::");
        }
    }
    put_name(p, slots[SYMBOL_NAME]);
}

/* -- Numbers -- */

static void put_fixnum(Printer *p, int64_t n) {
    char text[24], *q = text + sizeof text;
    uint64_t m = n < 0 ? -(uint64_t)n : (uint64_t)n;
    *--q = 0;
    do *--q = (char)('0' + m % 10);
    while (m /= 10);
    if (n < 0) *--q = '-';
    put_text(p, q);
}

static void put_integer(Printer *p, Obj x) {
    if (is_fix(x) && p->base == 10) {
        put_fixnum(p, fix_of_obj(x));
        return;
    }
    char *digits = integer_to_text(x, p->base);
    put_text(p, digits);
    free(digits);
}

static void put_radix(Printer *p) {
    char text[8];
    switch (p->base) {
    case 2: put_text(p, "#b"); break;
    case 8: put_text(p, "#o"); break;
    case 16: put_text(p, "#x"); break;
    default:
        snprintf(text, sizeof text, "#%ur", p->base);
        put_text(p, text);
    }
}

static void put_rational(Printer *p, Obj x) {
    bool ratio = has_type(x, TYPE_RATIO);
    if (p->radix && (p->base != 10 || ratio)) put_radix(p);
    put_integer(p, ratio ? obj_slots(x)[RATIO_NUMERATOR] : x);
    if (ratio) {
        put(p, '/');
        put_integer(p, obj_slots(x)[RATIO_DENOMINATOR]);
    } else if (p->radix && p->base == 10) {
        put(p, '.');
    }
}

static void put_float_special(Printer *p, double d, bool single) {
    const char *kind = single ? "SINGLE-FLOAT" : "DOUBLE-FLOAT";
    char text[64];
    if (isnan(d))
        snprintf(text, sizeof text, "#<%s NaN>", kind);
    else
        snprintf(text, sizeof text, "#.EXT:%s-%s-INFINITY", kind, d < 0 ? "NEGATIVE" : "POSITIVE");
    put_text(p, text);
}

/* 0.DIGITS x 10^e as 12.34 when 10^-3 <= value < 10^7, else as 1.234e56. */
static void float_layout(const char *digits, int e, char *out, size_t size, int *exponent) {
    int n = (int)strlen(digits), point = e;
    *exponent = 0;
    if (e < -2 || e > 7) {
        point = 1;
        *exponent = e - 1;
    }
    char *q = out, *end = out + size - 2;
    if (point <= 0) {
        *q++ = '0';
        *q++ = '.';
        for (int i = point; i < 0; i++) *q++ = '0';
        for (int i = 0; i < n && q < end; i++) *q++ = digits[i];
    } else {
        for (int i = 0; i < point; i++) *q++ = i < n ? digits[i] : '0';
        *q++ = '.';
        if (n <= point) *q++ = '0';
        for (int i = point; i < n && q < end; i++) *q++ = digits[i];
    }
    *q = 0;
}

static void put_float(Printer *p, Obj x) {
    bool single = is_single(x);
    double d = single ? (double)single_of_obj(x) : double_of_obj(x);
    if (!isfinite(d)) {
        put_float_special(p, d, single);
        return;
    }
    char digits[32], text[64], tail[16] = "";
    int exponent = 0;
    if (d == 0)
        strcpy(text, "0.0");
    else
        float_layout(digits, float_shortest(fabs(d), single, digits), text, sizeof text, &exponent);
    bool double_default = eq(p->float_format, SYM(DOUBLE_FLOAT)) || eq(p->float_format, SYM(LONG_FLOAT));
    if (single == double_default)
        snprintf(tail, sizeof tail, "%c%d", single ? 'f' : 'd', exponent);
    else if (exponent)
        snprintf(tail, sizeof tail, "e%d", exponent);
    if (signbit(d)) put(p, '-');
    put_text(p, text);
    put_text(p, tail);
}

static void put_number(Printer *p, Obj x) {
    if (has_type(x, TYPE_COMPLEX)) {
        put_text(p, "#C(");
        put_number(p, obj_slots(x)[COMPLEX_REAL]);
        put(p, ' ');
        put_number(p, obj_slots(x)[COMPLEX_IMAGINARY]);
        put(p, ')');
    } else if (is_rational(x)) {
        put_rational(p, x);
    } else {
        put_float(p, x);
    }
}

/* -- Characters and strings -- */

/* The pretty printer drops blanks at the end of a line: a space goes by its name there. */
static void put_character(Printer *p, Obj x) {
    char name[CHARACTER_NAME_SIZE];
    uint32_t code = char_of_obj(x);
    if (!p->escape) {
        put(p, code);
        return;
    }
    put_text(p, "#\\");
    bool name_space = p->readably || !is_nil(symbol_value(p->t, SYM(PRINT_PRETTY)));
    if ((!code_is_graphic(code) || (code == ' ' && name_space) || code == 0xA0) && code_name(code, name))
        put_text(p, name);
    else
        put(p, code);
}

static void put_string(Printer *p, Obj x) {
    Text s = text_of_string(x);
    if (p->escape) put(p, '"');
    for (uint64_t i = 0; i < s.length; i++) {
        uint32_t c = text_char(s, i);
        if (p->escape && (c == '"' || c == '\\')) put(p, '\\');
        put(p, c);
    }
    if (p->escape) put(p, '"');
}

static void put_bits(Printer *p, Obj x) {
    put_text(p, "#*");
    uint64_t *words = obj_raw(x);
    for (uint64_t i = 0; i < obj_length(x); i++) put(p, words[i >> 6] >> (i & 63) & 1 ? '1' : '0');
}

static bool is_swapped_atom(Printer *p, Obj x) { return is_swapped_string(x) || (is_handle_of(x, TYPE_BIT_VECTOR) && p->array); }

static bool put_atom(Printer *p, Obj x);

static bool put_swapped(Printer *p, Obj x) {
    size_t pins = swap_pins(p->t);
    put_atom(p, swap_fetch(p->t, x));
    swap_unpin(p->t, pins);
    return true;
}

/* Prints the object if it is an atom whose look C knows. */
static bool put_atom(Printer *p, Obj x) {
    if (is_symbol(x))
        put_symbol(p, x);
    else if (is_number(x))
        put_number(p, x);
    else if (is_char(x))
        put_character(p, x);
    else if (is_text_string(x))
        put_string(p, x);
    else if (has_type(x, TYPE_BIT_VECTOR) && p->array)
        put_bits(p, x);
    else
        return is_swapped_atom(p, x) && put_swapped(p, x);
    return true;
}

/* -- Plain data -- */

enum { PLAIN_DEPTH = 200, PLAIN_NODES = 4000 };

/* Is the tree one that C prints whole?  *budget counts its nodes down, so a circle ends too. */
static bool is_plain(Printer *p, Obj x, int depth, int *budget) {
    if (depth == 0) return false;
    for (; is_cons(x); x = cdr(x)) {
        if (--*budget < 0) return false;
        Obj first = car(x);
        if ((is_cons(first) || is_obj(first) || is_handle(first)) && !is_plain(p, first, depth - 1, budget)) return false;
    }
    if (has_type(x, TYPE_SIMPLE_VECTOR)) {
        if (!p->array) return false;
        for (uint64_t i = 0; i < obj_length(x); i++) {
            if (--*budget < 0 || !is_plain(p, obj_slots(x)[i], depth - 1, budget)) return false;
        }
        return true;
    }
    return is_symbol(x) || is_number(x) || is_char(x) || is_text_string(x) || (has_type(x, TYPE_BIT_VECTOR) && p->array) ||
           is_swapped_atom(p, x);
}

static void put_plain(Printer *p, Obj x);

static bool put_abbreviated(Printer *p, Obj x) {
    if (!is_cons(cdr(x)) || !is_nil(cddr(x))) return false;
    if (eq(car(x), SYM(QUOTE)))
        put(p, '\'');
    else if (eq(car(x), SYM(FUNCTION)))
        put_text(p, "#'");
    else
        return false;
    put_plain(p, cadr(x));
    return true;
}

static void put_plain(Printer *p, Obj x) {
    if (is_cons(x)) {
        if (put_abbreviated(p, x)) return;
        put(p, '(');
        put_plain(p, car(x));
        for (x = cdr(x); is_cons(x); x = cdr(x)) {
            put(p, ' ');
            put_plain(p, car(x));
        }
        if (!is_nil(x)) {
            put_text(p, " . ");
            put_plain(p, x);
        }
        put(p, ')');
    } else if (has_type(x, TYPE_SIMPLE_VECTOR)) {
        put_text(p, "#(");
        for (uint64_t i = 0; i < obj_length(x); i++) {
            if (i) put(p, ' ');
            put_plain(p, obj_slots(x)[i]);
        }
        put(p, ')');
    } else {
        put_atom(p, x);
    }
}

/* -- Leaves -- */

/* Do the variables ask for something that plain printing does not do? */
static bool is_fancy(Thread *t) {
    return !is_nil(symbol_value(t, SYM(PRINT_PRETTY))) || !is_nil(symbol_value(t, SYM(PRINT_CIRCLE))) ||
           !is_nil(symbol_value(t, SYM(PRINT_LEVEL))) || !is_nil(symbol_value(t, SYM(PRINT_LENGTH)));
}

BUILTIN(write_atom, "%WRITE-ATOM", 2, 2, "object stream",
        "Prints OBJECT on the output STREAM under the printer's variables and returns T if it is a symbol, number, character, string or simple "
        "bit vector; else prints nothing and returns NIL.") {
    Printer p;
    printer_init(&p, t, args[1]);
    bool done = put_atom(&p, args[0]);
    flush(&p);
    return obj_of_bool(done);
}

BUILTIN(write_plain, "%WRITE-PLAIN", 2, 3, "object stream &optional mode",
        "Prints OBJECT whole and returns T if it consists, within limits, of conses, simple vectors and atoms that %WRITE-ATOM knows, and the variables do not ask for "
        "level, length, circularity or layout; else prints nothing and returns NIL.  MODE 1 prints as PRIN1, 0 as PRINC; STREAM is a designator.") {
    Obj mode = ARG(2, NIL);
    int budget = PLAIN_NODES;
    if (is_fancy(t)) return NIL;
    Printer p;
    printer_init(&p, t, stream_designated_output(t, args[1]));
    if (is_fix(mode)) p.escape = fix_of_obj(mode) == 1;
    if (!p.escape) p.array = !is_nil(symbol_value(t, SYM(PRINT_ARRAY)));
    if (!is_plain(&p, args[0], PLAIN_DEPTH, &budget)) return NIL;
    put_plain(&p, args[0]);
    flush(&p);
    return T_;
}

/* Writes the digits of an integer, sign first, with separators between groups, padded on the left. */
static void put_format_integer(Printer *p, const char *digits, const char *sign, int64_t mincol, uint32_t padchar, uint32_t comma, int64_t interval) {
    int64_t length = (int64_t)strlen(digits), commas = interval ? (length - 1) / interval : 0, signs = (int64_t)strlen(sign);
    for (int64_t i = length + commas + signs; i < mincol; i++) put(p, padchar);
    put_text(p, sign);
    for (int64_t i = 0; i < length; i++) {
        if (interval && i && (length - i) % interval == 0) put(p, comma);
        put(p, (unsigned char)digits[i]);
    }
}

static int64_t small_argument(Thread *t, Obj x, int64_t low, int64_t high) {
    if (!is_fix(x) || fix_of_obj(x) < low || fix_of_obj(x) > high)
        signal_type_error(t, x, alloc_list(t, 3, (Obj[]){SYM(INTEGER), obj_of_fix(low), obj_of_fix(high)}));
    return fix_of_obj(x);
}

static uint32_t char_argument(Thread *t, Obj x) {
    if (!is_char(x)) signal_type_error(t, x, SYM(CHARACTER));
    return char_of_obj(x);
}

BUILTIN(write_integer, "%WRITE-INTEGER", 8, 8, "object stream base mincol padchar comma interval plus-p",
        "Writes an integer in a base as FORMAT's ~R does, right-justified; INTERVAL 0 means no separators.  NIL, and nothing written, for another object.") {
    enum { FAR = 1 << 30 };
    Obj x = args[0];
    if (!is_fix(x) && !has_type(x, TYPE_BIGNUM)) return NIL;
    Printer p;
    printer_open(&p, t, args[1]);
    p.base = (unsigned)small_argument(t, args[2], 2, 36);
    bool less = has_type(args[3], TYPE_BIGNUM) ? integer_sign(args[3]) < 0 : is_fix(args[3]) && fix_of_obj(args[3]) < 0;
    int64_t mincol = less ? 0 : small_argument(t, args[3], 0, FAR), interval = small_argument(t, args[6], 0, FAR);
    uint32_t padchar = char_argument(t, args[4]), comma = char_argument(t, args[5]);
    bool negative = integer_sign(x) < 0;
    const char *sign = negative ? "-" : is_nil(args[7]) ? "" : "+";
    char *digits = integer_to_text(x, p.base);
    put_format_integer(&p, digits + negative, sign, mincol, padchar, comma, interval);
    free(digits);
    flush(&p);
    return T_;
}

BUILTIN(write_repeated, "%WRITE-REPEATED", 3, 3, "character count stream", "Writes the character COUNT times; not at all if that is negative.") {
    Printer p;
    printer_open(&p, t, args[2]);
    uint32_t c = char_argument(t, args[0]);
    for (int64_t i = small_argument(t, args[1], FIX_MIN, FIX_MAX); i > 0; i--) put(&p, c);
    flush(&p);
    return NIL;
}

BUILTIN(address, "%ADDRESS", 1, 1, "object", "The object's present address or word, an integer: for #<...> and for looking at memory; it changes when the object is moved.") {
    return integer_of_u64(t, is_ref(args[0]) ? address_of(args[0]) : args[0].w);
}

BUILTIN(shape_name, "%SHAPE-NAME", 1, 1, "object", "The name of the object's shape, a string; NIL for immediates and conses.") {
    return is_obj(args[0]) ? alloc_text(t, shapes[obj_type(args[0])].name) : NIL;
}

/* -- Marks in string output streams: FORMAT changes the case of what ~( ~) has written in its place -- */

static bool is_collecting(Obj s) { return stream_get(s, STREAM_KIND) == STREAM_STRING_OUTPUT; }

BUILTIN(stream_mark, "%STREAM-MARK", 1, 1, "stream", "How much has been written to a string output stream since its text was taken last; NIL for other streams.") {
    Obj s = stream_resolve_output(t, args[0]);
    return is_collecting(s) ? obj_of_fix(stream_get(s, STREAM_POSITION)) : NIL;
}

/* The character with the case that ~( ~) gives it: mode 0 down, 1 each word's first up, 2 the first word's first up, 3 up.  *state: 0 no word begun
   yet, 1 inside a word, 2 between words. */
static uint32_t char_recased(uint32_t c, int64_t mode, int *state) {
    bool word = code_is_alphanumeric(c), start = word && (mode == 1 ? *state != 1 : mode == 2 && *state == 0);
    if (word || *state) *state = word ? 1 : 2;
    return mode == 3 || start ? code_upcase(c) : code_downcase(c);
}

BUILTIN(stream_recase, "%STREAM-RECASE", 3, 3, "stream mark mode",
        "Changes the case of what was written to a string output stream since the mark was taken: MODE 0 down, 1 capitalized, 2 only the first word so, 3 up.") {
    Obj s = stream_resolve_output(t, args[0]);
    int64_t mode = small_argument(t, args[2], 0, 3), i = small_argument(t, args[1], 0, FIX_MAX), end;
    int state = 0;
    if (!is_collecting(s)) return NIL;
    end = stream_get(s, STREAM_POSITION);
    uint32_t *codes = end ? obj_raw(obj_slots(s)[STREAM_OUT_BUFFER]) : NULL;
    for (; i < end; i++) codes[i] = char_recased(codes[i], mode, &state);
    return NIL;
}

BUILTIN(set_stream_column, "%SET-STREAM-COLUMN", 2, 2, "stream column", "Makes a string output stream believe that it stands at the column, for FRESH-LINE and FORMAT's ~T.") {
    Obj s = stream_resolve_output(t, args[0]);
    if (is_collecting(s)) stream_put(s, STREAM_COLUMN, small_argument(t, args[1], 0, FIX_MAX));
    return NIL;
}
