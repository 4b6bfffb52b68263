/* print.c: integers and floats as digits.

   Integers go through mpn_get_str, which is subquadratic.  A float's shortest digits are those of the decimal nearest to it with as many digits as
   it takes to be read back as the same float (Steele and White, 1990).  A decimal of DBL_DIG (FLT_DIG) digits survives a trip through a
   normal float, so if that many do, the digits without trailing zeros are shortest; otherwise one or two digits more are tried.
   The nearest decimal is not the only candidate in one place: above a power of two floats lie twice as far apart as below it, so
   there the next decimal above may read back when the nearest one, below, does not. */
#include "number/tower.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* -- Integers -- */

static const char digit_characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static char *small_to_text(int64_t n, unsigned base) {
    char buffer[72], *p = buffer + sizeof buffer;
    uint64_t m = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    *--p = 0;
    do *--p = digit_characters[m % base];
    while (m /= base);
    if (n < 0) *--p = '-';
    char *text = strdup(p);
    must(text);
    return text;
}

char *integer_to_text(Obj integer, unsigned base) {
    must(base >= 2 && base <= 36);
    if (is_fix(integer)) return small_to_text(fix_of_obj(integer), base);
    Integer x;
    integer_view(&x, integer);
    size_t room = mpn_sizeinbase(x.limbs, x.count, (int)base) + 3;
    char *text = malloc(room);
    must(text);
    mp_limb_t *copy = scratch_take(x.count);
    mpn_copyi(copy, x.limbs, x.count);
    unsigned char *digits = (unsigned char *)text + x.negative;
    size_t n = mpn_get_str(digits, (int)base, copy, x.count), skip = 0;
    free(copy);
    while (skip + 1 < n && digits[skip] == 0) skip++;
    for (size_t i = skip; i < n; i++) digits[i - skip] = (unsigned char)digit_characters[digits[i]];
    digits[n - skip] = 0;
    if (x.negative) text[0] = '-';
    return text;
}

/* -- Floats -- */

typedef struct Decimal {
    char text[40]; /* D.DDDe+XX */
} Decimal;

static bool reads_back(const Decimal *d, double value, bool single) {
    return single ? strtof(d->text, NULL) == (float)value : strtod(d->text, NULL) == value;
}

/* Adds one to the last digit of a decimal of `count` digits.  Nines ripple; all nines are not a candidate, since the shorter 1 was. */
static void increment(Decimal *d, int count) {
    for (int i = count; i >= 0; i--) {
        if (i == 1 && count > 1) i = 0;
        if (d->text[i] != '9') {
            d->text[i]++;
            return;
        }
        d->text[i] = '0';
    }
}

static bool is_power_of_two(double value) {
    int e;
    return frexp(value, &e) == 0.5;
}

/* The decimal of `count` digits that reads back as value, if there is one. */
static bool try_digits(Decimal *d, double value, bool single, int count) {
    snprintf(d->text, sizeof d->text, "%.*e", count - 1, value);
    if (reads_back(d, value, single)) return true;
    if (!is_power_of_two(value)) return false;
    increment(d, count == 1 ? 0 : count);
    return reads_back(d, value, single);
}

int float_shortest(double value, bool single, char *digits) {
    value = fabs(value);
    if (value == 0) {
        strcpy(digits, "0");
        return 1;
    }
    Decimal d;
    bool normal = value >= (single ? (double)FLT_MIN : DBL_MIN);
    int count = !normal ? 1 : single ? FLT_DIG : DBL_DIG;
    while (!try_digits(&d, value, single, count)) count++;
    int n = 0;
    const char *p = d.text;
    for (; *p != 'e'; p++)
        if (*p != '.') digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0') n--;
    digits[n] = 0;
    return atoi(p + 1) + 1;
}
