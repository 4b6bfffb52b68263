/* character-table.c: writes the tables that src/text/character-table.h describes, as C, to standard output.

   Case is one to one and both ways: a character has case only if its other case leads back to it (src/text/character.c says why).  A sharp s has none:
   Unicode does not count its capital as its simple upper case, though utf8proc does. */
#include "text/character-table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { LIMIT = 0x110000, SHARP_S = 0xDF, CAPITAL_SHARP_S = 0x1E9E, ROWS = 256 };

/* -- Properties -- */

static int upper(int c) { return c == SHARP_S ? c : utf8proc_toupper(c); }
static int lower(int c) { return c == CAPITAL_SHARP_S ? c : utf8proc_tolower(c); }

/* Decimal digits come in runs of ten: the weight is the distance from the beginning of the run, modulo 10. */
static int digit_weight(int c) {
    int first = c;
    while (utf8proc_category(first - 1) == UTF8PROC_CATEGORY_ND) first--;
    return (c - first) % 10;
}

/* Visible: no mark, separator, control, format, surrogate, private or unassigned character. */
static int class_of(int c) {
    utf8proc_category_t k = utf8proc_category(c);
    if (k == UTF8PROC_CATEGORY_ND) return CHARACTER_DIGIT + digit_weight(c);
    if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) return CHARACTER_LETTER;
    return k > UTF8PROC_CATEGORY_ME && k <= UTF8PROC_CATEGORY_SO ? CHARACTER_VISIBLE : CHARACTER_INVISIBLE;
}

static int32_t case_of(int c) {
    int u = upper(c), l = lower(c);
    if (u != c && lower(u) == c) return 2 * (u - c);
    return l != c && upper(l) == c ? 2 * (l - c) + 1 : 0;
}

static int32_t cases[ROWS];
static int case_count = 1;

static int case_number(int c) {
    int32_t wanted = case_of(c);
    int i = 0;
    while (i < case_count && cases[i] != wanted) i++;
    if (i == ROWS) abort();
    if (i == case_count) cases[case_count++] = wanted;
    return i;
}

/* -- Tables -- */

static void print_bytes(const char *name, const uint8_t *bytes, int n) {
    printf("const uint8_t %s[%d] = {", name, n);
    for (int i = 0; i < n; i++) printf("%s%d,", i % 32 ? "" : "\n", bytes[i]);
    printf("};\n");
}

/* Cuts n bytes into rows of `size`: equal ones once to `rows`, their numbers in the place of the bytes.  Returns how many numbers there are; adds to *count. */
static int share_rows(uint8_t *bytes, int n, int size, uint8_t *rows, int *count) {
    int out = 0;
    for (int at = 0; at < n; at += size) {
        int i = 0;
        while (i < *count && memcmp(rows + i * size, bytes + at, (size_t)size)) i++;
        if (i == ROWS) abort();
        if (i == *count) memcpy(rows + (*count)++ * size, bytes + at, (size_t)size);
        bytes[out++] = (uint8_t)i;
    }
    return out;
}

static void print_tables(const char *name, int property(int), int low_bits, int middle_bits) {
    static uint8_t bytes[LIMIT], low[ROWS << 6], middle[ROWS << 6];
    char full[64];
    int low_count = 0, middle_count = 0;
    for (int c = 0; c < LIMIT; c++) bytes[c] = (uint8_t)property(c);
    int n = share_rows(bytes, LIMIT, 1 << low_bits, low, &low_count);
    n = share_rows(bytes, n, 1 << middle_bits, middle, &middle_count);
    snprintf(full, sizeof full, "character_%s_top", name);
    print_bytes(full, bytes, n);
    snprintf(full, sizeof full, "character_%s_middle", name);
    print_bytes(full, middle, middle_count << middle_bits);
    snprintf(full, sizeof full, "character_%s_low", name);
    print_bytes(full, low, low_count << low_bits);
}

int main(void) {
    printf("/* Made by tools/character-table.c with utf8proc %s. */\n#include \"text/character-table.h\"\n", utf8proc_version());
    print_tables("class", class_of, CLASS_LOW, CLASS_MIDDLE);
    print_tables("case", case_number, CASE_LOW, CASE_MIDDLE);
    printf("const int32_t character_cases[%d] = {", case_count);
    for (int i = 0; i < case_count; i++) printf("%d,", cases[i]);
    printf("};\n");
    return 0;
}
