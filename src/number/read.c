/* read.c: the number that a token denotes (CLHS 2.3.1, 2.3.2).

       integer  [sign] digit+                          in the given base
                [sign] decimal-digit+ .
       ratio    [sign] digit+ / digit+                 in the given base
       float    [sign] decimal-digit* . decimal-digit+ [exponent]
                [sign] decimal-digit+ [. decimal-digit*] exponent
       exponent marker [sign] decimal-digit+           marker: e s f d l

   In this order, as bases above ten make integers of what looks like a float.  Floats are read by strtod and strtof, which round correctly; a
   float out of its format's range is a READER-ERROR (CLHS 2.3.1.1). */
#include "number/tower.h"

#include <math.h>
#include <stdlib.h>

static int digit_value(char c, unsigned base) {
    int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
    return v < (int)base ? v : -1;
}

static size_t count_digits(const char *p, const char *end, unsigned base) {
    const char *q = p;
    while (q < end && digit_value(*q, base) >= 0) q++;
    return (size_t)(q - p);
}

/* -- Integers -- */

static Obj parse_long(Thread *t, const char *digits, size_t n, unsigned base, bool negative) {
    size_t bits_per_digit = (size_t)bits_highest(base - 1) + 1;
    mp_size_t room = (mp_size_t)(n * bits_per_digit / 64 + 2);
    Obj x = big_allocate(t, room);
    unsigned char *values = malloc(n);
    must(values);
    for (size_t i = 0; i < n; i++) values[i] = (unsigned char)digit_value(digits[i], base);
    mp_size_t count = mpn_set_str(big_limbs(x), values, n, (int)base);
    free(values);
    return big_finish(t, x, count, negative);
}

Obj integer_of_digits(Thread *t, const char *digits, size_t n, unsigned base, bool negative) {
    enum { SAFE_DIGITS = 11 }; /* 36^11 < 2^61 */
    while (n > 1 && *digits == '0') {
        digits++;
        n--;
    }
    if (n > SAFE_DIGITS && !(base <= 10 && n <= 18)) return parse_long(t, digits, n, base, negative);
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v * (int64_t)base + digit_value(digits[i], base);
    return obj_of_fix(negative ? -v : v);
}

/* -- Floats -- */

static bool format_is_single(char marker, Obj float_format) {
    switch (marker) {
    case 's': case 'f': return true;
    case 'd': case 'l': return false;
    default: return !eq(float_format, SYM(DOUBLE_FLOAT)) && !eq(float_format, SYM(LONG_FLOAT));
    }
}

/* What has a number's syntax but no value: UNBOUND, and *problem says why. */
static Obj unreadable(const char **problem, const char *control) {
    *problem = control;
    return UNBOUND;
}

static NORETURN void signal_unreadable(Thread *t, const char *control, const char *token, size_t bytes) {
    Obj text = alloc_raw(t, TYPE_BASE_STRING, bytes);
    memcpy(obj_raw(text), token, bytes);
    signal_format(t, SYM(READER_ERROR), control, 1, text);
}

/* Reads the token, known to have a float's syntax; `marker` is the place of its exponent marker, or its end. */
static Obj read_float(Thread *t, const char *token, size_t bytes, const char *marker, Obj float_format, const char **problem) {
    enum { LOCAL = 128 };
    char local[LOCAL], *text = bytes < LOCAL ? local : malloc(bytes + 1);
    must(text);
    memcpy(text, token, bytes);
    text[bytes] = 0;
    size_t at = (size_t)(marker - token);
    char letter = 'e';
    if (at < bytes) {
        letter = (char)(text[at] | 0x20);
        text[at] = 'e';
    }
    bool single = format_is_single(letter, float_format), nonzero = strcspn(text, "123456789") < at;
    double d = single ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (text != local) free(text);
    if (isinf(d)) return unreadable(problem, "~A is too large for its float format");
    if (d == 0 && nonzero) return unreadable(problem, "~A is too small for its float format");
    return make_float(t, single, d);
}

static Obj parse_float(Thread *t, const char *token, const char *p, const char *end, Obj float_format, const char **problem) {
    size_t whole = count_digits(p, end, 10), fraction = 0;
    p += whole;
    bool dot = p < end && *p == '.';
    if (dot) {
        fraction = count_digits(++p, end, 10);
        p += fraction;
    }
    if (whole + fraction == 0) return UNBOUND;
    size_t bytes = (size_t)(end - token);
    if (p == end) return dot && fraction ? read_float(t, token, bytes, end, float_format, problem) : UNBOUND;
    if (whole == 0 && fraction == 0) return UNBOUND;
    const char *marker = p;
    if (!memchr("esfdlESFDL", *p, 10)) return UNBOUND;
    if (++p < end && (*p == '+' || *p == '-')) p++;
    size_t exponent = count_digits(p, end, 10);
    if (exponent == 0 || p + exponent != end) return UNBOUND;
    return read_float(t, token, bytes, marker, float_format, problem);
}

/* -- Tokens -- */

Obj number_parse_quietly(Thread *t, const char *token, size_t bytes, unsigned base, Obj float_format, const char **problem) {
    const char *p = token, *end = token + bytes;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return UNBOUND;
    size_t n = count_digits(p, end, base);
    if (n && p + n == end) return integer_of_digits(t, p, n, base, negative);
    if (n && p[n] == '/') {
        const char *q = p + n + 1;
        size_t m = count_digits(q, end, base);
        if (!m || q + m != end) return UNBOUND;
        Obj d = integer_of_digits(t, q, m, base, false);
        if (is_zero_fix(d)) return unreadable(problem, "division by zero in ~A");
        return rational_make(t, integer_of_digits(t, p, n, base, negative), d);
    }
    n = count_digits(p, end, 10);
    if (n && p + n + 1 == end && p[n] == '.') return integer_of_digits(t, p, n, 10, negative);
    return parse_float(t, token, p, end, float_format, problem);
}

Obj number_parse(Thread *t, const char *token, size_t bytes, unsigned base, Obj float_format) {
    const char *problem = NULL;
    Obj x = number_parse_quietly(t, token, bytes, base, float_format, &problem);
    if (problem) signal_unreadable(t, problem, token, bytes);
    return x;
}
