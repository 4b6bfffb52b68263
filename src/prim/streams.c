/* streams.c: CLHS chapter 21, characters: READ-CHAR to FRESH-LINE.

   Each leaf resolves a stream designator, calls stream_core.c, and turns what that returns into values or conditions.  READ-LINE looks for the whole
   line in a descriptor's buffer before it consumes any of it, so that it can be run again after an interrupt. */
#include "prim/streams.h"

#include <termios.h>
#include <unistd.h>

/* -- Arguments -- */

static Obj input_arg(Thread *t, Obj *args, uint32_t n, uint32_t i) { return stream_designated_input(t, ARG(i, NIL)); }
static Obj output_arg(Thread *t, Obj *args, uint32_t n, uint32_t i) { return stream_designated_output(t, ARG(i, NIL)); }

/* What a reading function does at the end: eof-error-p and eof-value are arguments i and i + 1. */
static Obj at_eof(Thread *t, Obj *args, uint32_t n, uint32_t i, Obj stream) {
    if (!is_nil(ARG(i, T_))) stream_signal_eof(t, stream);
    return ARG(i + 1, NIL);
}

/* The simple string below a string argument, and its bounds by :START and :END among the arguments from `from` on. */
static Obj string_range(Thread *t, Obj *args, uint32_t n, uint32_t from, uint64_t *start, uint64_t *end, uint64_t *offset) {
    if (!is_string(args[0])) signal_type_error(t, args[0], SYM(STRING));
    bounds_from_keywords(t, args, from, n, string_length(args[0]), start, end);
    Obj storage = string_storage(args[0], offset);
    *start += *offset;
    *end += *offset;
    return storage;
}

static uint64_t bound(Thread *t, Obj x, uint64_t low, uint64_t high) {
    if (!is_fix(x) || fix_of_obj(x) < (int64_t)low || fix_of_obj(x) > (int64_t)high) signal_index_error(t, x, high + 1);
    return (uint64_t)fix_of_obj(x);
}

void bounds_from_keywords(Thread *t, Obj *args, uint32_t from, uint32_t n, uint64_t length, uint64_t *start, uint64_t *end) {
    Obj s = NO_ARG, e = NO_ARG, other = NO_ARG, allow = NO_ARG;
    if (from < n && (n - from) % 2) signal_format(t, SYM(PROGRAM_ERROR), "Odd number of keyword arguments", 0);
    for (uint32_t i = from; i + 1 < n; i += 2) {
        Obj *to = eq(args[i], SYM(K_START)) ? &s : eq(args[i], SYM(K_END)) ? &e : eq(args[i], SYM(K_ALLOW_OTHER_KEYS)) ? &allow : NULL;
        if (!to) other = args[i];
        else if (eq(*to, NO_ARG)) *to = args[i + 1];
    }
    if (!eq(other, NO_ARG) && (eq(allow, NO_ARG) || is_nil(allow)))
        signal_format(t, SYM(PROGRAM_ERROR), "Unknown keyword argument ~S", 1, other);
    *end = eq(e, NO_ARG) || is_nil(e) ? length : bound(t, e, 0, length);
    *start = eq(s, NO_ARG) ? 0 : bound(t, s, 0, *end);
}

/* -- Characters in -- */

BUILTIN(read_char, "READ-CHAR", 0, 4, "&optional stream eof-error-p eof-value recursive-p",
        "Read one character from an input stream (CLHS READ-CHAR); END-OF-FILE at its end, or eof-value.") {
    if (n > 0 && is_stream(args[0]) && stream_get(args[0], STREAM_KIND) == STREAM_FD) {
        int32_t fast = stream_read_ascii(args[0]);
        if (LIKELY(fast >= 0)) return obj_of_char((uint32_t)fast);
    }
    Obj s = input_arg(t, args, n, 0);
    int32_t c = stream_read_char(t, s);
    if (LIKELY(c >= 0)) return obj_of_char((uint32_t)c);
    if (c == STREAM_EOF) return at_eof(t, args, n, 1, s);
    stream_give_up(t, c, s, "READ-CHAR", n, args);
}

BUILTIN(unread_char, "UNREAD-CHAR", 1, 2, "character &optional stream", "Put the character that was read last back (CLHS UNREAD-CHAR); NIL.") {
    if (!is_char(args[0])) signal_type_error(t, args[0], SYM(CHARACTER));
    stream_unread_char(t, input_arg(t, args, n, 1));
    return NIL;
}

/* Whether the character is whitespace in the readtable, or, before there is one, in the standard's. */
static bool is_whitespace(Obj readtable, int32_t c) {
    if (has_type(readtable, TYPE_READTABLE)) return char_is_whitespace(readtable, (uint32_t)c);
    return c == ' ' || (c >= 9 && c <= 13 && c != 11);
}

/* (peek-type stream eof-error-p eof-value): PEEK-CHAR with T skips whitespace[2] of the standard syntax; PEEK-CHAR of a readtable that
   has another is the reader's affair. */
BUILTIN(peek_char, "PEEK-CHAR", 0, 5, "&optional peek-type stream eof-error-p eof-value recursive-p",
        "The next character of an input stream, not consumed; with peek-type T or a character, what comes before it is skipped (CLHS PEEK-CHAR).") {
    Obj type = ARG(0, NIL), s = input_arg(t, args, n, 1), table = symbol_value(t, SYM(READTABLE_VAR));
    if (!is_nil(type) && !eq(type, T_) && !is_char(type)) signal_type_error(t, type, SYM(CHARACTER));
    for (;;) {
        int32_t c = stream_peek_char(t, s);
        if (c == STREAM_EOF) return at_eof(t, args, n, 2, s);
        if (c < 0) stream_give_up(t, c, s, "PEEK-CHAR", n, args);
        bool skip = eq(type, T_) ? is_whitespace(table, c) : is_char(type) && c != (int32_t)char_of_obj(type);
        if (!skip) return obj_of_char((uint32_t)c);
        stream_read_char(t, s);
    }
}

/* Whether a character can be read at once: 1 yes, 0 not now, STREAM_EOF never again. */
static int32_t listen_stream(Thread *t, Obj stream) {
    Obj s = stream_resolve_input(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: {
        if (stream_get(s, STREAM_POSITION) < stream_get(s, STREAM_END)) return 1;
        int64_t got = stream_fill(t, s, false);
        return got > 0 ? 1 : got == 0 ? STREAM_EOF : 0;
    }
    case STREAM_ECHO: return listen_stream(t, obj_slots(s)[STREAM_FIRST]);
    case STREAM_CONCATENATED: {
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) {
            int32_t got = listen_stream(t, car(l));
            if (got != STREAM_EOF) return got;
        }
        return STREAM_EOF;
    }
    default: {
        int32_t c = stream_peek_char(t, s);
        return c >= 0 ? 1 : c;
    }
    }
}

BUILTIN(listen, "LISTEN", 0, 1, "&optional stream", "True if a character can be read without waiting (CLHS LISTEN); false at the end of a file.") {
    return obj_of_bool(listen_stream(t, input_arg(t, args, n, 0)) == 1);
}

BUILTIN(read_char_no_hang, "READ-CHAR-NO-HANG", 0, 4, "&optional stream eof-error-p eof-value recursive-p",
        "Read a character if one can be had without waiting, else NIL (CLHS READ-CHAR-NO-HANG).") {
    Obj s = input_arg(t, args, n, 0);
    int32_t c = listen_stream(t, s);
    if (c == 0) return NIL;
    if (c == 1) c = stream_read_char(t, s);
    if (c >= 0) return obj_of_char((uint32_t)c);
    if (c == STREAM_EOF) return at_eof(t, args, n, 1, s);
    stream_give_up(t, c, s, "READ-CHAR-NO-HANG", n, args);
}

BUILTIN(clear_input, "CLEAR-INPUT", 0, 1, "&optional stream", "Forget what a terminal has sent and nobody has read (CLHS CLEAR-INPUT); NIL.") {
    Obj s = stream_resolve_input(t, input_arg(t, args, n, 0));
    if (stream_get(s, STREAM_KIND) == STREAM_CLOSED) stream_error(t, s, "~S is closed", 1, s, NIL);
    if (stream_get(s, STREAM_KIND) == STREAM_FD && stream_is(s, STREAM_INTERACTIVE)) {
        tcflush((int)stream_get(s, STREAM_FD_NUMBER), TCIFLUSH);
        stream_put(s, STREAM_POSITION, 0);
        stream_put(s, STREAM_END, 0);
        stream_put(s, STREAM_LAST, 0);
    }
    return NIL;
}

/* -- Lines in -- */

static Obj full_string(Thread *t, uint64_t length) { return alloc_raw(t, TYPE_STRING, length); }

/* Number of buffered bytes up to the next newline or, if the input ends before one, all; gets more until one is there.
   Negative: STREAM_INTERRUPTED. */
static int64_t find_line(Thread *t, Obj s, bool *missing_newline) {
    int64_t seen = 0;
    for (;;) {
        int64_t position = stream_get(s, STREAM_POSITION), available = stream_get(s, STREAM_END) - position;
        if (available > seen) {
            const uint8_t *from = stream_in_bytes(s) + position;
            const uint8_t *at = memchr(from + seen, '\n', (size_t)(available - seen));
            if (at) return at - from;
            seen = available;
        }
        int64_t got = stream_fill(t, s, true);
        if (got == 0) *missing_newline = true;
        if (got <= 0) return got == 0 ? seen : got;
    }
}

/* Decodes `bytes` bytes at the reading position into a fresh string; NO_ARG if some are malformed. */
static Obj decode_line(Thread *t, Obj s, int64_t bytes) {
    Obj line = full_string(t, (uint64_t)bytes), replacement = obj_slots(s)[STREAM_REPLACEMENT];
    Codec codec = (Codec)stream_get(s, STREAM_CODEC);
    const uint8_t *p = stream_in_bytes(s) + stream_get(s, STREAM_POSITION), *end = p + bytes;
    uint32_t *to = obj_raw(line);
    uint64_t length = 0;
    while (p < end) {
        uint32_t code = *p;
        int size = code < 0x80 ? 1 : codec_decode(codec, p, (size_t)(end - p), &code);
        if (size <= 0) {
            if (is_nil(replacement)) return NO_ARG;
            code = (uint32_t)fix_of_obj(replacement);
            size = size ? -size : (int)(end - p);
        }
        to[length++] = code;
        p += size;
    }
    if (length == (uint64_t)bytes) return line;
    Obj exact = full_string(t, length);
    memcpy(obj_raw(exact), to, length * 4);
    return exact;
}

static void consume_line(Thread *t, Obj s, int64_t bytes, bool missing_newline) {
    stream_put(s, STREAM_POSITION, stream_get(s, STREAM_POSITION) + bytes);
    stream_put(s, STREAM_LAST, 0);
    if (!missing_newline) stream_read_char(t, s);
}

/* READ-LINE by characters, for what has no buffer of its own. */
static Obj read_line_slowly(Thread *t, Obj s, bool *missing_newline, int32_t *why) {
    Obj line = full_string(t, 80);
    uint64_t length = 0;
    for (;;) {
        int32_t c = stream_read_char(t, s);
        if (c == '\n') break;
        if (c < 0) {
            *why = c;
            *missing_newline = true;
            if (c != STREAM_EOF || length == 0) return NO_ARG;
            break;
        }
        if (length == obj_length(line)) {
            Obj larger = full_string(t, 2 * length);
            memcpy(obj_raw(larger), obj_raw(line), length * 4);
            line = larger;
        }
        ((uint32_t *)obj_raw(line))[length++] = (uint32_t)c;
    }
    Obj exact = full_string(t, length);
    memcpy(obj_raw(exact), obj_raw(line), length * 4);
    return exact;
}

static Obj read_line_string(Thread *t, Obj s, bool *missing_newline) {
    Obj from = obj_slots(s)[STREAM_IN_BUFFER];
    int64_t position = stream_get(s, STREAM_POSITION), end = stream_get(s, STREAM_END), i = position;
    while (i < end && simple_string_char(from, (uint64_t)i) != '\n') i++;
    *missing_newline = i == end;
    if (position == end) return NO_ARG;
    Obj line = full_string(t, (uint64_t)(i - position));
    uint32_t *to = obj_raw(line);
    for (int64_t k = position; k < i; k++) *to++ = simple_string_char(from, (uint64_t)k);
    stream_put(s, STREAM_POSITION, i);
    if (i < end) stream_read_char(t, s);
    return line;
}

BUILTIN(read_line, "READ-LINE", 0, 4, "&optional stream eof-error-p eof-value recursive-p",
        "Read up to the next newline, which is not in the string returned; the second value is true if the input ended without one (CLHS READ-LINE).") {
    Obj stream = input_arg(t, args, n, 0), s = stream_resolve_input(t, stream), line;
    bool missing = false;
    int32_t why = STREAM_EOF;
    if (stream_get(s, STREAM_KIND) == STREAM_STRING_INPUT) {
        line = read_line_string(t, s, &missing);
    } else if (stream_get(s, STREAM_KIND) == STREAM_FD && stream_get(s, STREAM_CODEC) <= CODEC_ASCII) {
        int64_t bytes = find_line(t, s, &missing);
        if (bytes < 0) stream_give_up(t, (int32_t)bytes, s, "READ-LINE", n, args);
        line = bytes == 0 && missing ? NO_ARG : decode_line(t, s, bytes);
        if (!eq(line, NO_ARG)) consume_line(t, s, bytes, missing);
        else if (bytes) why = STREAM_MALFORMED;
    } else {
        line = read_line_slowly(t, s, &missing, &why);
    }
    if (!eq(line, NO_ARG)) return values_2(t, line, obj_of_bool(missing));
    if (why != STREAM_EOF) stream_give_up(t, why, s, "READ-LINE", n, args);
    return values_2(t, at_eof(t, args, n, 1, stream), T_);
}

/* -- Characters out -- */

/* Writes a range of a string; a character that cannot be encoded becomes a condition whose restarts go on behind it with `function`. */
static void write_range(Thread *t, Obj *args, Obj stream, Obj storage, uint64_t start, uint64_t end, uint64_t offset, const char *function) {
    uint64_t i = stream_write_range(t, stream, storage, start, end);
    if (LIKELY(i == end)) return;
    Obj call[9] = {stream, obj_of_char(simple_string_char(storage, i)), builtin_function(t, function), args[0], stream,
                   SYM(K_START), obj_of_fix((int64_t)(i + 1 - offset)), SYM(K_END), obj_of_fix((int64_t)(end - offset))};
    door_call(t, SYM(ENCODING_CALL), 9, call);
}

BUILTIN(write_char, "WRITE-CHAR", 1, 2, "character &optional stream", "Write one character to an output stream (CLHS WRITE-CHAR); the character.") {
    if (!is_char(args[0])) signal_type_error(t, args[0], SYM(CHARACTER));
    stream_write_char(t, output_arg(t, args, n, 1), char_of_obj(args[0]));
    return args[0];
}

BUILTIN_IN_PLACE(write_string, "WRITE-STRING", 1, ARGS_ANY, "string &optional stream &key start end",
        "Write the characters of a string, or of a part of it (CLHS WRITE-STRING); the string.") {
    uint64_t start, end, offset;
    Obj storage = string_range(t, args, n, 2, &start, &end, &offset);
    write_range(t, args, output_arg(t, args, n, 1), storage, start, end, offset, "WRITE-STRING");
    return args[0];
}

BUILTIN_IN_PLACE(write_line, "WRITE-LINE", 1, ARGS_ANY, "string &optional stream &key start end",
        "Write the characters of a string and a newline (CLHS WRITE-LINE); the string.") {
    uint64_t start, end, offset;
    Obj storage = string_range(t, args, n, 2, &start, &end, &offset), s = output_arg(t, args, n, 1);
    write_range(t, args, s, storage, start, end, offset, "WRITE-LINE");
    stream_write_char(t, s, '\n');
    return args[0];
}

BUILTIN(terpri, "TERPRI", 0, 1, "&optional stream", "Write a newline (CLHS TERPRI); NIL.") {
    stream_write_char(t, output_arg(t, args, n, 0), '\n');
    return NIL;
}

BUILTIN(fresh_line, "FRESH-LINE", 0, 1, "&optional stream", "Write a newline unless the stream is at the start of a line (CLHS FRESH-LINE); true if it did.") {
    Obj s = output_arg(t, args, n, 0);
    if (stream_column(t, s) == 0) return NIL;
    stream_write_char(t, s, '\n');
    return T_;
}

BUILTIN(stream_column, "%STREAM-COLUMN", 1, 1, "stream", "Column of the next character to be written to the stream, or NIL if it is not known.") {
    int64_t column = stream_column(t, stream_designated_output(t, args[0]));
    return column < 0 ? NIL : obj_of_fix(column);
}

BUILTIN(stream_line, "%STREAM-LINE", 1, 1, "stream", "Line of the next character to be read from the stream, counted from 1, or NIL if it is not known.") {
    int64_t line = stream_line(t, stream_designated_input(t, args[0]));
    return line ? obj_of_fix(line) : NIL;
}

BUILTIN(finish_output, "FINISH-OUTPUT", 0, 1, "&optional stream", "Write out what is buffered and wait until it has arrived (CLHS FINISH-OUTPUT); NIL.") {
    stream_flush(t, output_arg(t, args, n, 0));
    return NIL;
}

BUILTIN(force_output, "FORCE-OUTPUT", 0, 1, "&optional stream", "Begin to write out what is buffered (CLHS FORCE-OUTPUT); NIL.") {
    stream_flush(t, output_arg(t, args, n, 0));
    return NIL;
}

BUILTIN(clear_output, "CLEAR-OUTPUT", 0, 1, "&optional stream", "Forget what is buffered for a terminal (CLHS CLEAR-OUTPUT); NIL.") {
    Obj s = stream_resolve_output(t, output_arg(t, args, n, 0));
    if (stream_get(s, STREAM_KIND) == STREAM_CLOSED) stream_error(t, s, "~S is closed", 1, s, NIL);
    if (stream_get(s, STREAM_KIND) == STREAM_FD && stream_is(s, STREAM_INTERACTIVE)) stream_put(s, STREAM_OUT_COUNT, 0);
    return NIL;
}
