/* encode.c: external formats: characters to bytes and back.

   A codec is two functions on one character.  Decoding says how many bytes a character took, that more bytes are needed, or how many bytes
   are malformed (the longest prefix of a well-formed sequence, at least one byte, as the Unicode standard recommends, so that a
   reader that replaces them resynchronises where everybody else does).  Surrogates and codes above 10FFFF are no characters to
   any codec: encoding says 0 for what the format cannot express.

   UTF-8's table (Unicode, table 3-7): the second byte of E0, ED, F0, F4 is restricted further, which rules out overlong forms and surrogates. */
#include "text/text.h"

/* Bytes of the sequence that starts with this byte; 0 if none does. */
static int utf8_size(uint8_t b) {
    if (b < 0x80) return 1;
    if (b < 0xC2) return 0;
    if (b < 0xE0) return 2;
    if (b < 0xF0) return 3;
    return b < 0xF5 ? 4 : 0;
}

static bool utf8_second_ok(uint8_t first, uint8_t second) {
    switch (first) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return (second & 0xC0) == 0x80;
    }
}

static int decode_utf8(const uint8_t *p, size_t n, uint32_t *code) {
    int size = utf8_size(p[0]);
    if (size == 0) return -1;
    if (size == 1) {
        *code = p[0];
        return 1;
    }
    uint32_t c = p[0] & (0x7Fu >> size);
    for (int i = 1; i < size; i++) {
        if ((size_t)i >= n) return 0;
        if (i == 1 ? !utf8_second_ok(p[0], p[1]) : (p[i] & 0xC0) != 0x80) return -i;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    *code = c;
    return size;
}

static int encode_utf8(uint32_t c, uint8_t *out) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    int size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (int i = size - 1; i > 0; i--, c >>= 6) out[i] = (uint8_t)(0x80 | (c & 0x3F));
    out[0] = (uint8_t)(0xF00u >> size | c);
    return size;
}

static uint32_t unit16(const uint8_t *p, bool big) { return big ? (uint32_t)(p[0] << 8 | p[1]) : (uint32_t)(p[1] << 8 | p[0]); }

static int utf16_decode(const uint8_t *p, size_t n, uint32_t *code, bool big) {
    if (n < 2) return 0;
    uint32_t c = unit16(p, big);
    if (c < 0xD800 || c > 0xDFFF) {
        *code = c;
        return 2;
    }
    if (c > 0xDBFF) return -2;
    if (n < 4) return 0;
    uint32_t low = unit16(p + 2, big);
    if (low < 0xDC00 || low > 0xDFFF) return -2;
    *code = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    return 4;
}

static void put_unit16(uint8_t *out, uint32_t unit, bool big) {
    out[big ? 0 : 1] = (uint8_t)(unit >> 8);
    out[big ? 1 : 0] = (uint8_t)unit;
}

static int utf16_encode(uint32_t c, uint8_t *out, bool big) {
    if (c < 0x10000) {
        put_unit16(out, c, big);
        return 2;
    }
    put_unit16(out, 0xD800 + ((c - 0x10000) >> 10), big);
    put_unit16(out + 2, 0xDC00 + (c & 0x3FF), big);
    return 4;
}

int codec_decode(Codec codec, const uint8_t *p, size_t n, uint32_t *code) {
    if (n == 0) return 0;
    switch (codec) {
    case CODEC_UTF8: return decode_utf8(p, n, code);
    case CODEC_LATIN1: *code = p[0]; return 1;
    case CODEC_ASCII: *code = p[0]; return p[0] < 0x80 ? 1 : -1;
    case CODEC_UTF16LE: return utf16_decode(p, n, code, false);
    case CODEC_UTF16BE: return utf16_decode(p, n, code, true);
    case CODEC_BINARY: break;
    }
    return -1;
}

int codec_encode(Codec codec, uint32_t c, uint8_t *out) {
    if ((c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return 0;
    switch (codec) {
    case CODEC_UTF8: return encode_utf8(c, out);
    case CODEC_LATIN1: out[0] = (uint8_t)c; return c < 0x100;
    case CODEC_ASCII: out[0] = (uint8_t)c; return c < 0x80;
    case CODEC_UTF16LE: return utf16_encode(c, out, false);
    case CODEC_UTF16BE: return utf16_encode(c, out, true);
    case CODEC_BINARY: break;
    }
    return 0;
}
