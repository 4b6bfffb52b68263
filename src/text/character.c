/* character.c: properties of characters, by utf8proc.

   Case is one to one and both ways: a character has case only if its other case leads back to it, so that CHAR-UPCASE and CHAR-DOWNCASE are
   inverse to each other (CLHS 13.1.4.3).  A dotless i has no upper case; nor has a sharp s, whose capital Unicode does not count as its
   simple upper case, though utf8proc does.

   Names: those of the standard and of ASCII's control characters, and `Uhhhh` for all others that cannot be seen.
   NAME-CHAR knows in addition the synonyms that programs use.
   Limit: the names of the Unicode database (LATIN_SMALL_LETTER_E_WITH_ACUTE) are not kept. */
#include "text/text.h"

#include <stdio.h>
#include <utf8proc.h>

/* -- Case -- */

enum { SHARP_S = 0xDF, CAPITAL_SHARP_S = 0x1E9E };

static uint32_t upper(uint32_t c) { return (uint32_t)utf8proc_toupper((utf8proc_int32_t)c); }
static uint32_t lower(uint32_t c) { return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c); }

uint32_t code_upcase_slow(uint32_t c) {
    uint32_t u = c == SHARP_S ? c : upper(c);
    return u != c && lower(u) == c ? u : c;
}

uint32_t code_downcase_slow(uint32_t c) {
    uint32_t l = c == CAPITAL_SHARP_S ? c : lower(c);
    return l != c && upper(l) == c ? l : c;
}

/* -- Classes -- */

bool code_is_alphabetic(uint32_t c) {
    if (c < 128) return (c | 32) >= 'a' && (c | 32) <= 'z';
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

bool code_is_alphanumeric(uint32_t c) {
    if (c < 128) return code_is_alphabetic(c) || (c >= '0' && c <= '9');
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || k == UTF8PROC_CATEGORY_ND;
}

bool code_is_graphic(uint32_t c) { return (c >= 32 && c < 127) || c >= 160; }

/* Decimal digits come in runs of ten, so the value is the distance from the beginning of the run, modulo 10. */
static int unicode_digit(uint32_t c) {
    if (c < 128 || utf8proc_category((utf8proc_int32_t)c) != UTF8PROC_CATEGORY_ND) return -1;
    uint32_t first = c;
    while (utf8proc_category((utf8proc_int32_t)(first - 1)) == UTF8PROC_CATEGORY_ND) first--;
    return (int)((c - first) % 10);
}

int code_digit(uint32_t c, unsigned radix) {
    int weight = c >= '0' && c <= '9' ? (int)c - '0' : c < 128 && code_is_alphabetic(c) ? (int)(c | 32) - 'a' + 10 : unicode_digit(c);
    return weight < (int)radix ? weight : -1;
}

/* Has a picture of its own: is not a control, format, surrogate, private, unassigned, combining or space character. */
static bool code_is_visible(uint32_t c) {
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_SO && (k < UTF8PROC_CATEGORY_MN || k > UTF8PROC_CATEGORY_ME);
}

/* -- Names -- */

static const char *const control_names[33] = {
    "Nul", "Soh", "Stx", "Etx", "Eot", "Enq", "Ack", "Bel", "Backspace", "Tab", "Newline", "Vt", "Page", "Return", "So", "Si", "Dle",
    "Dc1", "Dc2", "Dc3", "Dc4", "Nak", "Syn", "Etb", "Can", "Em",  "Sub", "Esc", "Fs", "Gs", "Rs", "Us", "Space"};

static const struct {
    const char *name;
    uint32_t code;
} synonyms[] = {{"Rubout", 127}, {"Linefeed", 10}, {"Null", 0}, {"Escape", 27}, {"Delete", 127}, {"Del", 127},
                {"Altmode", 27}, {"Bell", 7},      {"Bs", 8},   {"Ht", 9},      {"Lf", 10},      {"Ff", 12},
                {"Cr", 13},      {"Sp", 32},       {"Nbsp", 160}, {"No-break_space", 160}, {"Bom", 0xFEFF}};

bool code_name(uint32_t c, char *out) {
    if (c <= 32) snprintf(out, CHARACTER_NAME_SIZE, "%s", control_names[c]);
    else if (c < 127) return false;
    else if (c == 127) snprintf(out, CHARACTER_NAME_SIZE, "Rubout");
    else if (c == 160) snprintf(out, CHARACTER_NAME_SIZE, "No-break_space");
    else if (code_is_visible(c)) return false;
    else snprintf(out, CHARACTER_NAME_SIZE, "U%X", (unsigned)c);
    return true;
}

static bool name_is(Text name, const char *text) {
    if (strlen(text) != name.length) return false;
    for (uint64_t i = 0; i < name.length; i++)
        if (code_downcase(text_char(name, i)) != code_downcase((uint8_t)text[i])) return false;
    return true;
}

/* Uhhhh, U+hhhh or Xhh: up to six hexadecimal digits. */
static int32_t code_of_hexadecimal(Text name) {
    uint64_t i = 1;
    if (name.length < 2) return -1;
    uint32_t first = text_char(name, 0) | 32;
    if (first != 'u' && first != 'x') return -1;
    if (first == 'u' && text_char(name, 1) == '+') i++;
    if (i == name.length || name.length - i > 6) return -1;
    int32_t code = 0;
    for (; i < name.length; i++) {
        uint32_t c = text_char(name, i);
        int d = c < 128 ? code_digit(c, 16) : -1;
        if (d < 0) return -1;
        code = code * 16 + d;
    }
    return code < CODE_LIMIT ? code : -1;
}

int32_t code_of_name(Text name) {
    for (size_t i = 0; i < COUNT_OF(control_names); i++)
        if (name_is(name, control_names[i])) return (int32_t)i;
    for (size_t i = 0; i < COUNT_OF(synonyms); i++)
        if (name_is(name, synonyms[i].name)) return (int32_t)synonyms[i].code;
    return code_of_hexadecimal(name);
}
