/* integers.c: leaves of CLHS 12.2 that take integers: bits, bytes, square roots, digits.

   A byte specifier is a cons (size . position). */
#include "run/run.h"

#include "code/code.h"
#include "number/number.h"
#include "text/text.h"

#include <stdlib.h>

static Obj fix(int64_t n) { return obj_of_fix(n); }

static void check_integer(Thread *t, Obj x) {
    if (!is_fix(x) && !has_type(x, TYPE_BIGNUM)) signal_type_error(t, x, SYM(INTEGER));
}

static Obj list_2(Thread *t, Obj a, Obj b) { return alloc_cons(t, a, alloc_cons(t, b, NIL)); }

/* A count of bits; what is too large for a machine word is larger than any memory. */
static uint64_t check_unsigned(Thread *t, Obj x) {
    check_integer(t, x);
    if (integer_sign(x) < 0) signal_type_error(t, x, SYM(UNSIGNED_BYTE));
    return is_fix(x) ? (uint64_t)fix_of_obj(x) : (uint64_t)FIX_MAX;
}

/* -- Logical operations -- */

#define LOGICAL(c_name, name, f, identity, doc)                                       \
    BUILTIN(c_name, name, 0, ARGS_ANY, "&rest integers", doc) {                       \
        Obj r = fix(identity);                                                        \
        for (uint32_t i = 0; i < n; i++) r = f(t, r, args[i]);                        \
        return r;                                                                     \
    }
static Obj logeqv(Thread *t, Obj a, Obj b) { return number_lognot(t, number_logxor(t, a, b)); }
LOGICAL(logand, "LOGAND", number_logand, -1, "Bitwise and.")
LOGICAL(logior, "LOGIOR", number_logior, 0, "Bitwise inclusive or.")
LOGICAL(logxor, "LOGXOR", number_logxor, 0, "Bitwise exclusive or.")
LOGICAL(logeqv, "LOGEQV", logeqv, -1, "Bitwise equivalence.")

BUILTIN(lognot, "LOGNOT", 1, 1, "integer", "Bitwise complement.") { return number_lognot(t, args[0]); }

#define LOGICAL_2(c_name, name, expression, doc) \
    BUILTIN(c_name, name, 2, 2, "integer1 integer2", doc) { \
        Obj a = args[0], b = args[1];                       \
        return expression;                                  \
    }
LOGICAL_2(lognand, "LOGNAND", number_lognot(t, number_logand(t, a, b)), "Complement of and.")
LOGICAL_2(lognor, "LOGNOR", number_lognot(t, number_logior(t, a, b)), "Complement of inclusive or.")
LOGICAL_2(logandc1, "LOGANDC1", number_logand(t, number_lognot(t, a), b), "And of the complement of integer1 and integer2.")
LOGICAL_2(logandc2, "LOGANDC2", number_logand(t, a, number_lognot(t, b)), "And of integer1 and the complement of integer2.")
LOGICAL_2(logorc1, "LOGORC1", number_logior(t, number_lognot(t, a), b), "Or of the complement of integer1 and integer2.")
LOGICAL_2(logorc2, "LOGORC2", number_logior(t, a, number_lognot(t, b)), "Or of integer1 and the complement of integer2.")
LOGICAL_2(logtest, "LOGTEST", obj_of_bool(!number_is_zero(t, number_logand(t, a, b))), "Whether the integers have a one bit in common.")

/* BOOLE's operation is a truth table: bit 3 is the result for the bits 1 and 1, bit 2 for 1 and 0, bit 1 for 0 and 1, bit 0 for 0 and 0. */
BUILTIN(boole, "BOOLE", 3, 3, "op integer1 integer2", "The bitwise operation that op, one of the BOOLE- constants, stands for.") {
    if (!is_fix(args[0]) || fix_of_obj(args[0]) < 0 || fix_of_obj(args[0]) > 15) signal_index_error(t, args[0], 16);
    unsigned table = (unsigned)fix_of_obj(args[0]);
    Obj a = args[1], b = args[2], r = fix(0);
    check_integer(t, a);
    check_integer(t, b);
    for (unsigned bit = 0; bit < 4; bit++)
        if (table >> bit & 1) r = number_logior(t, r, number_logand(t, bit & 2 ? a : number_lognot(t, a), bit & 1 ? b : number_lognot(t, b)));
    return r;
}

BUILTIN(ash, "ASH", 2, 2, "integer count", "The integer shifted left by count bits, or right when count is negative.") { return number_ash(t, args[0], args[1]); }
BUILTIN(integer_length, "INTEGER-LENGTH", 1, 1, "integer", "Bits needed to represent the integer, without its sign.") {
    check_integer(t, args[0]);
    return fix((int64_t)integer_length(args[0]));
}
BUILTIN(logcount, "LOGCOUNT", 1, 1, "integer", "One bits of an integer, or zero bits of a negative one.") {
    check_integer(t, args[0]);
    return fix((int64_t)integer_bit_count(args[0]));
}
BUILTIN(logbitp, "LOGBITP", 2, 2, "index integer", "Whether the bit of that index is one.") {
    uint64_t index = check_unsigned(t, args[0]);
    check_integer(t, args[1]);
    return obj_of_bool(integer_bit(args[1], index));
}

/* -- Bytes -- */

BUILTIN(byte, "BYTE", 2, 2, "size position", "The specifier of the byte of size bits whose lowest bit is at position.") {
    check_unsigned(t, args[0]);
    check_unsigned(t, args[1]);
    return alloc_cons(t, args[0], args[1]);
}

typedef struct Byte {
    uint64_t size, position;
} Byte;

static Byte byte_of(Thread *t, Obj x) {
    if (!is_cons(x)) signal_type_error(t, x, SYM(CONS));
    return (Byte){check_unsigned(t, car(x)), check_unsigned(t, cdr(x))};
}

static Obj byte_mask(Thread *t, Byte b) {
    Obj ones = integer_sub(t, number_ash(t, fix(1), fix((int64_t)b.size)), fix(1));
    return number_ash(t, ones, fix((int64_t)b.position));
}

static Obj load_byte(Thread *t, Obj byte, Obj x) {
    Byte b = byte_of(t, byte);
    check_integer(t, x);
    return integer_load_byte(t, b.size, b.position, x);
}

BUILTIN(byte_size, "BYTE-SIZE", 1, 1, "byte", "The size of the byte in bits.") {
    byte_of(t, args[0]);
    return car(args[0]);
}
BUILTIN(byte_position, "BYTE-POSITION", 1, 1, "byte", "The position of the byte's lowest bit.") {
    byte_of(t, args[0]);
    return cdr(args[0]);
}
BUILTIN(ldb, "LDB", 2, 2, "byte integer", "The byte of the integer, as an integer that is not negative.") { return load_byte(t, args[0], args[1]); }
BUILTIN(ldb_test, "LDB-TEST", 2, 2, "byte integer", "Whether the byte of the integer has a one bit.") {
    return obj_of_bool(!number_is_zero(t, load_byte(t, args[0], args[1])));
}
BUILTIN(mask_field, "MASK-FIELD", 2, 2, "byte integer", "The integer with all bits outside the byte zero.") {
    Obj v = load_byte(t, args[0], args[1]);
    return number_ash(t, v, cdr(args[0]));
}
/* The integer with the bits of the byte taken from `bits`, which is in place. */
static Obj replace_bits(Thread *t, Byte b, Obj bits, Obj x) {
    Obj mask = byte_mask(t, b);
    return number_logior(t, number_logand(t, bits, mask), number_logand(t, x, number_lognot(t, mask)));
}
BUILTIN(dpb, "DPB", 3, 3, "newbyte byte integer", "The integer with the byte replaced by the low bits of newbyte.") {
    Byte b = byte_of(t, args[1]);
    check_integer(t, args[0]);
    check_integer(t, args[2]);
    Obj low = integer_load_byte(t, b.size, 0, args[0]);
    return replace_bits(t, b, number_ash(t, low, fix((int64_t)b.position)), args[2]);
}
BUILTIN(deposit_field, "DEPOSIT-FIELD", 3, 3, "newbyte byte integer", "The integer with the bits of the byte replaced by those of newbyte.") {
    Byte b = byte_of(t, args[1]);
    check_integer(t, args[0]);
    check_integer(t, args[2]);
    return replace_bits(t, b, args[0], args[2]);
}

/* -- Roots -- */

BUILTIN(isqrt, "ISQRT", 1, 1, "natural", "The greatest integer whose square is at most the argument.") {
    check_integer(t, args[0]);
    if (integer_sign(args[0]) < 0) signal_type_error(t, args[0], SYM(UNSIGNED_BYTE));
    return integer_sqrt(t, args[0]);
}

/* -- Digits -- */

static unsigned check_radix(Thread *t, Obj radix) {
    if (!is_fix(radix) || fix_of_obj(radix) < 2 || fix_of_obj(radix) > 36)
        signal_type_error(t, radix, alloc_cons(t, SYM(INTEGER), list_2(t, fix(2), fix(36))));
    return (unsigned)fix_of_obj(radix);
}

BUILTIN(integer_string, "%INTEGER-STRING", 1, 2, "integer &optional (radix 10)", "The digits of the integer, upper case, as a base string.") {
    unsigned radix = check_radix(t, ARG(1, fix(10)));
    check_integer(t, args[0]);
    char *text = integer_to_text(args[0], radix);
    Obj s = alloc_text(t, text);
    free(text);
    return s;
}

static bool is_blank(uint32_t c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0; }

static bool is_digit(uint32_t c, unsigned radix) {
    uint32_t v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'z' ? c - 'a' + 10 : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 99;
    return v < radix;
}

/* The integer of the digits [from, to) of the string. */
static Obj digits_value(Thread *t, Obj string, uint64_t from, uint64_t to, unsigned radix, bool negative) {
    enum { LOCAL = 64 };
    char local[LOCAL];
    uint64_t n = to - from;
    char *digits = n <= LOCAL ? local : obj_raw(alloc_raw(t, TYPE_BASE_STRING, n));
    for (uint64_t i = 0; i < n; i++) digits[i] = (char)string_char(string, from + i);
    return integer_of_digits(t, digits, n, radix, negative);
}

static uint64_t check_bound(Thread *t, Obj x, uint64_t low, uint64_t high) {
    if (!is_fix(x) || fix_of_obj(x) < (int64_t)low || fix_of_obj(x) > (int64_t)high)
        signal_type_error(t, x, alloc_cons(t, SYM(INTEGER), list_2(t, fix((int64_t)low), fix((int64_t)high))));
    return (uint64_t)fix_of_obj(x);
}

BUILTIN_IN_PLACE(parse_integer, "%PARSE-INTEGER", 5, 5, "string start end radix junk-allowed", "PARSE-INTEGER with all arguments given. Values: the integer or NIL, the index where it ended.") {
    Obj string = args[0];
    if (!is_string(string)) signal_type_error(t, string, SYM(STRING));
    uint64_t length = string_length(string), end = is_nil(args[2]) ? length : check_bound(t, args[2], 0, length);
    uint64_t start = check_bound(t, args[1], 0, end), i = start;
    unsigned radix = check_radix(t, args[3]);
    while (i < end && is_blank(string_char(string, i))) i++;
    uint32_t sign = i < end ? string_char(string, i) : 0;
    if (sign == '+' || sign == '-') i++;
    uint64_t from = i;
    while (i < end && is_digit(string_char(string, i), radix)) i++;
    uint64_t to = i;
    if (is_nil(args[4])) {
        while (i < end && is_blank(string_char(string, i))) i++;
        if (from == to || i < end) signal_format(t, SYM(PARSE_ERROR), "~S is not an integer in radix ~D", 2, string, args[3]);
    }
    return values_2(t, from == to ? NIL : digits_value(t, string, from, to, radix, sign == '-'), fix((int64_t)i));
}
