/* string.c: strings as C sees them.

   A string is a base string (bytes, ASCII), a full string (32-bit characters), or an ARRAY of rank 1 over one of them, with fill pointer or
   displacement.  `text_of_string` reduces all of these to a pointer, a length and a width; everything else works on that.
   What C makes from text is as narrow as the text allows; strings that Lisp code fills are full. */
#include "text/text.h"

#include <stdlib.h>

bool is_text_string(Obj x) {
    if (!is_obj(x)) return false;
    if (obj_type(x) == TYPE_ARRAY && obj_length(x) != ARRAY_DIMENSIONS + 1) return false;
    while (obj_type(x) == TYPE_ARRAY) x = obj_slots(x)[ARRAY_DATA];
    return is_simple_string(x);
}

Text text_of_string(Obj s) {
    uint64_t offset = 0, length;
    if (obj_type(s) != TYPE_ARRAY) {
        length = obj_length(s);
    } else {
        Obj fill = obj_slots(s)[ARRAY_FILL_POINTER];
        length = (uint64_t)fix_of_obj(is_fix(fill) ? fill : obj_slots(s)[ARRAY_TOTAL]);
        for (; obj_type(s) == TYPE_ARRAY; s = obj_slots(s)[ARRAY_DATA]) offset += (uint64_t)fix_of_obj(obj_slots(s)[ARRAY_OFFSET]);
    }
    must(is_simple_string(s));
    bool wide = obj_type(s) == TYPE_STRING;
    return (Text){(const char *)obj_raw(s) + (wide ? 4 * offset : offset), length, wide};
}

uint64_t string_length(Obj string) { return text_of_string(string).length; }
uint32_t string_char(Obj string, uint64_t i) { return text_char(text_of_string(string), i); }

/* -- Comparing and hashing -- */

bool texts_equal(Text a, Text b) {
    if (a.length != b.length) return false;
    if (a.wide == b.wide) return !memcmp(a.data, b.data, a.wide ? 4 * a.length : a.length);
    for (uint64_t i = 0; i < a.length; i++)
        if (text_char(a, i) != text_char(b, i)) return false;
    return true;
}

bool strings_equal(Obj a, Obj b) { return texts_equal(text_of_string(a), text_of_string(b)); }

/* FNV-1a, a character at a time. */
uint32_t text_hash(Text s) {
    uint32_t h = 2166136261u;
    if (s.wide) {
        for (uint64_t i = 0; i < s.length; i++) h = (h ^ ((const uint32_t *)s.data)[i]) * 16777619u;
    } else {
        for (uint64_t i = 0; i < s.length; i++) h = (h ^ ((const uint8_t *)s.data)[i]) * 16777619u;
    }
    return h;
}

uint32_t string_hash(Obj string) { return text_hash(text_of_string(string)); }

/* -- Making strings -- */

static bool text_is_ascii(Text s) {
    if (!s.wide) return true;
    for (uint64_t i = 0; i < s.length; i++)
        if (((const uint32_t *)s.data)[i] >= 128) return false;
    return true;
}

Obj string_of_text(Thread *t, Text s) {
    if (!text_is_ascii(s)) return full_string_of_text(t, s);
    Obj x = alloc_raw(t, TYPE_BASE_STRING, s.length);
    uint8_t *to = obj_raw(x);
    if (!s.wide) memcpy(to, s.data, s.length);
    else
        for (uint64_t i = 0; i < s.length; i++) to[i] = (uint8_t)((const uint32_t *)s.data)[i];
    return x;
}

Obj full_string_of_text(Thread *t, Text s) {
    Obj x = alloc_raw(t, TYPE_STRING, s.length);
    uint32_t *to = obj_raw(x);
    if (s.wide) memcpy(to, s.data, 4 * s.length);
    else
        for (uint64_t i = 0; i < s.length; i++) to[i] = ((const uint8_t *)s.data)[i];
    return x;
}

Obj string_of_utf8(Thread *t, const char *utf8, size_t bytes) {
    const char *p = utf8, *end = utf8 + bytes;
    uint64_t n = 0;
    while (p < end) utf8_decode(&p, end), n++;
    bool ascii = n == bytes;
    for (size_t i = 0; ascii && i < bytes; i++) ascii = (uint8_t)utf8[i] < 128;
    if (ascii) return string_of_text(t, (Text){utf8, bytes, false});
    Obj x = alloc_raw(t, TYPE_STRING, n);
    uint32_t *to = obj_raw(x);
    for (p = utf8; p < end;) *to++ = utf8_decode(&p, end);
    return x;
}

/* -- UTF-8 -- */

/* Surrogates are characters like others: what is written can be read again. */
uint32_t utf8_decode(const char **p, const char *end) {
    const uint8_t *s = (const uint8_t *)*p;
    size_t left = (size_t)(end - *p);
    uint32_t c = s[0];
    unsigned more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 9;
    ++*p;
    if (!more) return c;
    if (more == 9 || left <= more) return 0xFFFD;
    c &= 0x3Fu >> more;
    for (unsigned i = 1; i <= more; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0xFFFD;
        c = c << 6 | (s[i] & 0x3F);
    }
    if (c < (more == 1 ? 0x80u : more == 2 ? 0x800u : 0x10000u) || c > 0x10FFFF) return 0xFFFD;
    *p += more;
    return c;
}

unsigned utf8_encode(uint32_t c, char *out) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    out[0] = (char)(lead[more] | c >> (6 * more));
    for (unsigned i = 1; i <= more; i++) out[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3F));
    return more + 1;
}

char *utf8_of_string(Obj string, size_t *bytes) {
    Text s = text_of_string(string);
    char *out = malloc(4 * s.length + 1), *p = out;
    must(out);
    for (uint64_t i = 0; i < s.length; i++) p += utf8_encode(text_char(s, i), p);
    *p = 0;
    if (bytes) *bytes = (size_t)(p - out);
    return out;
}
