/* character.c: properties of characters.

   Case is one to one and both ways: a character has case only if its other case leads back to it, so that CHAR-UPCASE and CHAR-DOWNCASE are
   inverse to each other (CLHS 13.1.4.3).  A dotless i has no upper case.  What Unicode says is in tables of character-table.h.

   Names: those of the standard and of ASCII's control characters, and `Uhhhh` for all others that cannot be seen.
   NAME-CHAR knows in addition the synonyms that programs use.
   Limit: the names of the Unicode database (LATIN_SMALL_LETTER_E_WITH_ACUTE) are not kept. */
#include "text/text.h"

#include "text/character-table.h"

#include <stdio.h>

/* -- Properties -- */

static inline unsigned table_find(const uint8_t *top, const uint8_t *middle, const uint8_t *low, int middle_bits, int low_bits, uint32_t c) {
    unsigned row = (unsigned)top[c >> (middle_bits + low_bits)] << middle_bits | (c >> low_bits & ((1u << middle_bits) - 1));
    return low[(unsigned)middle[row] << low_bits | (c & ((1u << low_bits) - 1))];
}

static unsigned class_of(uint32_t c) {
    if (c >= CODE_LIMIT) return CHARACTER_INVISIBLE;
    return table_find(character_class_top, character_class_middle, character_class_low, CLASS_MIDDLE, CLASS_LOW, c);
}

/* The other case of a character that has this one, otherwise the character. */
static uint32_t other_case(uint32_t c, int upper) {
    if (c >= CODE_LIMIT) return c;
    int32_t k = character_cases[table_find(character_case_top, character_case_middle, character_case_low, CASE_MIDDLE, CASE_LOW, c)];
    return (k & 1) == upper ? (uint32_t)((int32_t)c + (k >> 1)) : c;
}

uint32_t code_upcase_slow(uint32_t c) { return other_case(c, 0); }
uint32_t code_downcase_slow(uint32_t c) { return other_case(c, 1); }

bool code_is_alphabetic(uint32_t c) {
    if (c < 128) return (c | 32) >= 'a' && (c | 32) <= 'z';
    return class_of(c) == CHARACTER_LETTER;
}

bool code_is_alphanumeric(uint32_t c) {
    if (c < 128) return code_is_alphabetic(c) || (c >= '0' && c <= '9');
    return class_of(c) >= CHARACTER_LETTER;
}

bool code_is_graphic(uint32_t c) { return (c >= 32 && c < 127) || c >= 160; }

int code_digit(uint32_t c, unsigned radix) {
    unsigned k = class_of(c);
    int weight = k >= CHARACTER_DIGIT ? (int)(k - CHARACTER_DIGIT) : c < 128 && code_is_alphabetic(c) ? (int)(c | 32) - 'a' + 10 : -1;
    return weight < (int)radix ? weight : -1;
}

/* Has a picture of its own: is not a control, format, surrogate, private, unassigned, combining or space character. */
static bool code_is_visible(uint32_t c) { return class_of(c) != CHARACTER_INVISIBLE; }

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
