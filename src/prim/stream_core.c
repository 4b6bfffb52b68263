/* stream_core.c: how characters and bytes pass through streams.

   Reading has two steps.  `stream_fill` gets bytes from the system into the buffer and is the only place that waits; decoding takes one
   character out of the buffer and consumes nothing until it is complete.  So a leaf that is interrupted while it waits has changed
   nothing and can be run again from the start, after the interrupt has been handled in Lisp (%RETRY-CALL); malformed bytes are mended in the buffer
   by a restart (%DECODING-CALL) and the leaf is run again in the same way.

   Writing never waits with a signal pending either: what the system does not take then stays in the buffer, which grows.

   Standard input flushes standard output before it waits.  Terminals are flushed at the end of every line, and so is standard error.

   A broken pipe behind standard output ends the process as SIGPIPE does: quietly; a terminal that is gone, as SIGHUP does.

   Waiting for input is done by `wait_for_input`, which lets a signal in only while it waits, so none is missed. */
#include "prim/streams.h"
#include "run/dispatch.h"
#include "run/vector.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { BUFFER_BYTES = 16384, STRING_START = 64, SYNONYM_LIMIT = 1000 };

/* -- Errors -- */

NORETURN void stream_error(Thread *t, Obj stream, const char *control, uint32_t count, Obj a, Obj b) {
    Obj items[2] = {a, b};
    signal_condition(t, SYM(SIMPLE_STREAM_ERROR), 6, SYM(K_STREAM), stream, SYM(K_FORMAT_CONTROL), alloc_text(t, control),
                     SYM(K_FORMAT_ARGUMENTS), alloc_list(t, count, items));
}

static NORETURN void system_error(Thread *t, Obj stream, const char *what) {
    Obj why = alloc_text(t, strerror(errno));
    stream_error(t, stream, "~A failed: ~A", 2, alloc_text(t, what), why);
}

/* The object cannot be read from, or written to: says why. */
static NORETURN void wrong_stream(Thread *t, Obj s, const char *control) {
    if (!is_stream(s)) signal_type_error(t, s, SYM(STREAM));
    if (stream_get(s, STREAM_KIND) == STREAM_CLOSED) stream_error(t, s, "~S is closed", 1, s, NIL);
    stream_error(t, s, control, 1, s, NIL);
}

static NORETURN void not_input(Thread *t, Obj s) { wrong_stream(t, s, "~S is not an input stream"); }
static NORETURN void not_output(Thread *t, Obj s) { wrong_stream(t, s, "~S is not an output stream"); }

NORETURN void stream_signal_eof(Thread *t, Obj stream) { signal_condition(t, SYM(END_OF_FILE), 2, SYM(K_STREAM), stream); }

int64_t stream_malformed(Obj s, int *size) {
    Codec codec = (Codec)stream_get(s, STREAM_CODEC);
    const uint8_t *start = stream_in_bytes(s), *p = start + stream_get(s, STREAM_POSITION), *end = start + stream_get(s, STREAM_END);
    uint32_t code;
    int used = 1;
    while (p < end && (used = codec_decode(codec, p, (size_t)(end - p), &code)) > 0) p += used;
    *size = p == end ? 0 : used < 0 ? -used : (int)(end - p);
    return p - start;
}

/* The stream that an input stream's next character comes from, through composites of all kinds. */
static Obj input_source(Thread *t, Obj stream) {
    for (;;) {
        Obj s = stream_resolve_input(t, stream), first = obj_slots(s)[STREAM_FIRST];
        int64_t kind = stream_get(s, STREAM_KIND);
        if (kind == STREAM_ECHO) stream = first;
        else if (kind == STREAM_CONCATENATED && is_cons(first)) stream = car(first);
        else return s;
    }
}

NORETURN void stream_give_up(Thread *t, int32_t why, Obj stream, const char *function, uint32_t n, const Obj *args) {
    Obj call[DOOR_ARGUMENTS];
    uint32_t k = 0;
    bool malformed = why == STREAM_MALFORMED;
    if (malformed) {
        Obj s = input_source(t, stream), octets = NIL;
        int size = 0;
        const uint8_t *p = stream_in_bytes(s) + stream_malformed(s, &size);
        for (int i = size; i-- > 0;) octets = alloc_cons(t, obj_of_fix(p[i]), octets);
        call[k++] = s;
        call[k++] = octets;
    }
    call[k++] = builtin_function(t, function);
    must(k + n <= DOOR_ARGUMENTS);
    for (uint32_t i = 0; i < n; i++) call[k++] = args[i];
    door_call(t, malformed ? SYM(DECODING_CALL) : SYM(RETRY_CALL), k, call);
}

/* -- Objects -- */

Obj stream_make(Thread *t, StreamKind kind, int64_t state) {
    static const uint8_t codes[STREAM_CLOSED] = {
        [STREAM_FD] = CLASS_CODE_FILE_STREAM,           [STREAM_STRING_INPUT] = CLASS_CODE_STRING_STREAM,
        [STREAM_STRING_OUTPUT] = CLASS_CODE_STRING_STREAM, [STREAM_FILL_OUTPUT] = CLASS_CODE_STRING_STREAM,
        [STREAM_BROADCAST] = CLASS_CODE_BROADCAST_STREAM, [STREAM_CONCATENATED] = CLASS_CODE_CONCATENATED_STREAM,
        [STREAM_SYNONYM] = CLASS_CODE_SYNONYM_STREAM,   [STREAM_TWO_WAY] = CLASS_CODE_TWO_WAY_STREAM,
        [STREAM_ECHO] = CLASS_CODE_ECHO_STREAM,
    };
    Obj s = alloc_flagged(t, TYPE_STREAM, codes[kind] - CLASS_CODE_FILE_STREAM + 1u, STREAM_LENGTH, obj_of_fix(0));
    stream_put(s, STREAM_KIND, kind);
    stream_put(s, STREAM_STATE, state);
    stream_put(s, STREAM_WAS, kind);
    init_field(s, STREAM_IN_BUFFER, NIL);
    init_field(s, STREAM_OUT_BUFFER, NIL);
    init_field(s, STREAM_REPLACEMENT, NIL);
    init_field(s, STREAM_ELEMENT_TYPE, SYM(CHARACTER));
    init_field(s, STREAM_FORMAT, SYM(K_DEFAULT));
    for (int i = STREAM_FIRST; i <= STREAM_TEMPORARY; i++) init_field(s, (uint64_t)i, NIL);
    return s;
}

Obj stream_designated_input(Thread *t, Obj x) {
    if (is_nil(x)) x = symbol_value(t, SYM(STANDARD_INPUT));
    else if (eq(x, T_)) x = symbol_value(t, SYM(TERMINAL_IO));
    if (!is_stream(x)) signal_type_error(t, x, SYM(STREAM));
    return x;
}

Obj stream_designated_output(Thread *t, Obj x) {
    if (is_nil(x)) x = symbol_value(t, SYM(STANDARD_OUTPUT));
    else if (eq(x, T_)) x = symbol_value(t, SYM(TERMINAL_IO));
    if (!is_stream(x)) signal_type_error(t, x, SYM(STREAM));
    return x;
}

static Obj resolve(Thread *t, Obj s, bool input) {
    for (int i = 0; i < SYNONYM_LIMIT; i++) {
        if (!is_stream(s)) signal_type_error(t, s, SYM(STREAM));
        switch (stream_get(s, STREAM_KIND)) {
        case STREAM_SYNONYM: s = symbol_value(t, obj_slots(s)[STREAM_FIRST]); break;
        case STREAM_TWO_WAY: s = obj_slots(s)[input ? STREAM_FIRST : STREAM_SECOND]; break;
        case STREAM_ECHO:
            if (input) return s;
            s = obj_slots(s)[STREAM_SECOND];
            break;
        default: return s;
        }
    }
    stream_error(t, s, "~S is a synonym of itself", 1, s, NIL);
}

Obj stream_resolve_input(Thread *t, Obj stream) { return resolve(t, stream, true); }
Obj stream_resolve_output(Thread *t, Obj stream) { return resolve(t, stream, false); }

Obj string_storage(Obj string, uint64_t *offset) {
    *offset = 0;
    while (obj_type(string) == TYPE_ARRAY) {
        *offset += (uint64_t)fix_of_obj(obj_slots(string)[ARRAY_OFFSET]);
        string = obj_slots(string)[ARRAY_DATA];
    }
    return string;
}

/* -- Output of a descriptor -- */

/* Nobody reads standard output any more: the default action of the signal, which may be ignored for other descriptors. */
static void die_by_signal(int number) {
    signal(number, SIG_DFL);
    raise(number);
}

/* Writes out the buffer as far as the system takes it: 0, or the error.  Stops early when a signal waits to be handled. */
static int write_out(Thread *t, Obj s) {
    int64_t count = stream_get(s, STREAM_OUT_COUNT), done = 0;
    if (count == 0) return 0;
    uint8_t *bytes = obj_raw(obj_slots(s)[STREAM_OUT_BUFFER]);
    int fd = (int)stream_get(s, STREAM_FD_NUMBER), error = 0;
    while (done < count && !error) {
        ssize_t n = write(fd, bytes + done, (size_t)(count - done));
        if (n >= 0) {
            done += n;
        } else if (errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, -1);
        } else if (errno != EINTR) {
            error = errno;
        } else if (t->event & EVENT_INTERRUPT) {
            break;
        }
    }
    if (error == EPIPE && stream_is(s, STREAM_KEEP_FD)) die_by_signal(SIGPIPE);
    if (error == EIO && stream_is(s, STREAM_KEEP_FD)) die_by_signal(SIGHUP);
    if (error) done = count;
    memmove(bytes, bytes + done, (size_t)(count - done));
    stream_put(s, STREAM_OUT_COUNT, count - done);
    return error;
}

void stream_flush_fd(Thread *t, Obj s) {
    int error = write_out(t, s);
    if (!error) return;
    errno = error;
    system_error(t, s, "Writing");
}

void stream_drop_input(Obj s) {
    int64_t unread = stream_get(s, STREAM_END) - stream_get(s, STREAM_POSITION);
    if (unread > 0) lseek((int)stream_get(s, STREAM_FD_NUMBER), -unread, SEEK_CUR);
    stream_put(s, STREAM_POSITION, 0);
    stream_put(s, STREAM_END, 0);
    stream_put(s, STREAM_LAST, 0);
}

/* Where `bytes` more bytes of output go; flushes, or enlarges the buffer. */
static uint8_t *out_room(Thread *t, Obj s, size_t bytes) {
    Obj buffer = obj_slots(s)[STREAM_OUT_BUFFER];
    if (stream_get(s, STREAM_END) != 0) stream_drop_input(s);
    if (is_nil(buffer)) {
        if (!stream_is(s, STREAM_OUTPUT)) not_output(t, s);
        buffer = alloc_raw_unfilled(t, TYPE_U8_VECTOR, BUFFER_BYTES);
        set_field(t, s, STREAM_OUT_BUFFER, buffer);
    }
    size_t count = (size_t)stream_get(s, STREAM_OUT_COUNT);
    if (obj_length(buffer) - count < bytes) {
        stream_flush_fd(t, s);
        count = (size_t)stream_get(s, STREAM_OUT_COUNT);
        if (obj_length(buffer) - count < bytes) {
            Obj larger = alloc_raw(t, TYPE_U8_VECTOR, 2 * obj_length(buffer) + bytes);
            memcpy(obj_raw(larger), obj_raw(buffer), count);
            set_field(t, s, STREAM_OUT_BUFFER, larger);
            buffer = larger;
        }
    }
    return (uint8_t *)obj_raw(buffer) + count;
}

void stream_write_bytes(Thread *t, Obj s, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        size_t n = count < BUFFER_BYTES / 2 ? count : BUFFER_BYTES / 2;
        memcpy(out_room(t, s, n), bytes, n);
        stream_put(s, STREAM_OUT_COUNT, stream_get(s, STREAM_OUT_COUNT) + (int64_t)n);
        bytes += n;
        count -= n;
    }
}

/* Encodes a character, or the stream's replacement for it: bytes, 0 if that is to be an error. */
static int encode_or_replace(Obj s, uint32_t code, uint8_t *out) {
    Codec codec = (Codec)stream_get(s, STREAM_CODEC);
    int size = codec_encode(codec, code, out);
    Obj replacement = obj_slots(s)[STREAM_REPLACEMENT];
    if (size || is_nil(replacement)) return size;
    size = codec_encode(codec, (uint32_t)fix_of_obj(replacement), out);
    return size ? size : codec_encode(codec, '?', out);
}

static void text_to_binary(Thread *t, Obj s) {
    if (stream_get(s, STREAM_CODEC) == CODEC_BINARY) stream_error(t, s, "~S is a stream of bytes, not of characters", 1, s, NIL);
}

/* Writes characters [start, end) to a descriptor; returns where it stopped, `end` unless a character cannot be encoded. */
static uint64_t fd_write_string(Thread *t, Obj s, Obj string, uint64_t start, uint64_t end) {
    text_to_binary(t, s);
    int64_t column = stream_get(s, STREAM_COLUMN);
    bool simple = stream_get(s, STREAM_CODEC) <= CODEC_ASCII, newline = false;
    uint64_t i = start;
    while (i < end) {
        uint64_t part = end - i < BUFFER_BYTES / 16 ? end : i + BUFFER_BYTES / 16;
        uint8_t *to = out_room(t, s, (size_t)(part - i) * CODEC_BYTES), *p = to;
        int size = 1;
        for (; i < part && size; i++) {
            uint32_t c = simple_string_char(string, i);
            if (LIKELY(c < 0x80 && simple)) *p++ = (uint8_t)c;
            else p += size = encode_or_replace(s, c, p);
            column = c == '\n' ? 0 : column + 1;
            newline |= c == '\n';
        }
        stream_put(s, STREAM_OUT_COUNT, stream_get(s, STREAM_OUT_COUNT) + (p - to));
        if (!size) {
            i--;
            break;
        }
    }
    stream_put(s, STREAM_COLUMN, column);
    if (newline && stream_is(s, STREAM_LINE_FLUSH)) stream_flush_fd(t, s);
    return i;
}

/* -- Output of strings -- */

/* Room for `more` characters in a string output stream: where they go. */
static uint32_t *string_room(Thread *t, Obj s, uint64_t more) {
    uint64_t used = (uint64_t)stream_get(s, STREAM_POSITION);
    Obj buffer = obj_slots(s)[STREAM_OUT_BUFFER];
    uint64_t size = is_nil(buffer) ? 0 : obj_length(buffer);
    if (size - used < more) {
        uint64_t larger = 2 * size > used + more ? 2 * size : used + more;
        Obj fresh = alloc_raw(t, TYPE_STRING, larger < STRING_START ? STRING_START : larger);
        if (used) memcpy(obj_raw(fresh), obj_raw(buffer), used * 4);
        set_field(t, s, STREAM_OUT_BUFFER, fresh);
        buffer = fresh;
    }
    stream_put(s, STREAM_POSITION, (int64_t)(used + more));
    return (uint32_t *)obj_raw(buffer) + used;
}

static void copy_string(uint32_t *to, Obj string, uint64_t start, uint64_t end) {
    if (obj_type(string) == TYPE_STRING) {
        memcpy(to, (uint32_t *)obj_raw(string) + start, (end - start) * 4);
    } else {
        const uint8_t *from = obj_raw(string);
        for (uint64_t i = start; i < end; i++) *to++ = from[i];
    }
}

static void advance_column(Obj s, Obj string, uint64_t start, uint64_t end) {
    for (uint64_t i = end; i > start; i--) {
        if (simple_string_char(string, i - 1) == '\n') {
            stream_put(s, STREAM_COLUMN, (int64_t)(end - i));
            return;
        }
    }
    stream_put(s, STREAM_COLUMN, stream_get(s, STREAM_COLUMN) + (int64_t)(end - start));
}

/* VECTOR-PUSH-EXTEND of one character onto a string with fill pointer. */
static void fill_push(Thread *t, Obj s, uint32_t code) {
    size_t pins = swap_pins(t);
    Obj array = array_behind(t, obj_slots(s)[STREAM_FIRST]);
    Obj *slots = obj_slots(array);
    if (!is_fix(slots[ARRAY_FILL_POINTER])) stream_error(t, s, "~S has no fill pointer any more", 1, array, NIL);
    uint64_t fill = (uint64_t)fix_of_obj(slots[ARRAY_FILL_POINTER]), total = (uint64_t)fix_of_obj(slots[ARRAY_TOTAL]), offset;
    Obj storage = string_storage(array, &offset);
    if (fill == total) {
        if (!(obj_flags(array) & ARRAY_ADJUSTABLE)) stream_error(t, s, "~S is full and not adjustable", 1, array, NIL);
        uint64_t larger = total < 16 ? 32 : 2 * total;
        Obj fresh = alloc_raw(t, obj_type(storage), larger);
        size_t unit = obj_type(storage) == TYPE_STRING ? 4 : 1;
        memcpy(obj_raw(fresh), (char *)obj_raw(storage) + offset * unit, total * unit);
        set_field(t, array, ARRAY_DATA, fresh);
        slots[ARRAY_OFFSET] = obj_of_fix(0); /* NOBARRIER: fixnums and NIL, here and below */
        slots[ARRAY_DISPLACED_P] = NIL;
        slots[ARRAY_TOTAL] = slots[ARRAY_DIMENSIONS] = obj_of_fix((int64_t)larger);
        storage = fresh;
        offset = 0;
    }
    if (obj_type(storage) == TYPE_STRING) ((uint32_t *)obj_raw(storage))[offset + fill] = code;
    else if (code < 0x80) ((uint8_t *)obj_raw(storage))[offset + fill] = (uint8_t)code;
    else signal_type_error(t, obj_of_char(code), SYM(BASE_CHAR));
    slots[ARRAY_FILL_POINTER] = obj_of_fix((int64_t)fill + 1);
    stream_put(s, STREAM_COLUMN, code == '\n' ? 0 : stream_get(s, STREAM_COLUMN) + 1);
    swap_unpin(t, pins);
}

/* -- Output, any stream -- */

NORETURN static void cannot_encode(Thread *t, Obj s, uint32_t code) {
    Obj call[3] = {s, obj_of_char(code), NIL};
    door_call(t, SYM(ENCODING_CALL), 3, call);
}

uint64_t stream_write_range(Thread *t, Obj stream, Obj string, uint64_t start, uint64_t end) {
    Obj s = stream_resolve_output(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: return fd_write_string(t, s, string, start, end);
    case STREAM_STRING_OUTPUT:
        copy_string(string_room(t, s, end - start), string, start, end);
        advance_column(s, string, start, end);
        return end;
    case STREAM_FILL_OUTPUT:
        for (uint64_t i = start; i < end; i++) fill_push(t, s, simple_string_char(string, i));
        return end;
    case STREAM_BROADCAST:
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) stream_write_string(t, car(l), string, start, end);
        return end;
    default: not_output(t, s);
    }
}

void stream_write_string(Thread *t, Obj stream, Obj string, uint64_t start, uint64_t end) {
    uint64_t i = stream_write_range(t, stream, string, start, end);
    if (i < end) cannot_encode(t, stream, simple_string_char(string, i));
}

static void fd_write_char(Thread *t, Obj s, uint32_t code) {
    text_to_binary(t, s);
    uint8_t *p = out_room(t, s, CODEC_BYTES);
    int size = encode_or_replace(s, code, p);
    if (!size) cannot_encode(t, s, code);
    stream_put(s, STREAM_OUT_COUNT, stream_get(s, STREAM_OUT_COUNT) + size);
    stream_put(s, STREAM_COLUMN, code == '\n' ? 0 : stream_get(s, STREAM_COLUMN) + 1);
    if (code == '\n' && stream_is(s, STREAM_LINE_FLUSH)) stream_flush_fd(t, s);
}

void stream_write_char(Thread *t, Obj stream, uint32_t code) {
    Obj s = stream_resolve_output(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: fd_write_char(t, s, code); return;
    case STREAM_STRING_OUTPUT:
        *string_room(t, s, 1) = code;
        stream_put(s, STREAM_COLUMN, code == '\n' ? 0 : stream_get(s, STREAM_COLUMN) + 1);
        return;
    case STREAM_FILL_OUTPUT: fill_push(t, s, code); return;
    case STREAM_BROADCAST:
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) stream_write_char(t, car(l), code);
        return;
    default: not_output(t, s);
    }
}

void stream_write_text(Thread *t, Obj stream, const char *utf8, size_t bytes) {
    Obj text = string_of_utf8(t, utf8, bytes);
    stream_write_string(t, stream, text, 0, obj_length(text));
}

void stream_write_codes(Thread *t, Obj stream, const uint32_t *codes, size_t count) {
    Obj s = stream_resolve_output(t, stream);
    if (stream_get(s, STREAM_KIND) != STREAM_STRING_OUTPUT) {
        for (size_t i = 0; i < count; i++) stream_write_char(t, s, codes[i]);
        return;
    }
    memcpy(string_room(t, s, count), codes, count * sizeof *codes);
    size_t line = count;
    while (line > 0 && codes[line - 1] != '\n') line--;
    stream_put(s, STREAM_COLUMN, (line ? 0 : stream_get(s, STREAM_COLUMN)) + (int64_t)(count - line));
}

int64_t stream_column(Thread *t, Obj stream) {
    Obj s = stream_resolve_output(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD:
    case STREAM_STRING_OUTPUT:
    case STREAM_FILL_OUTPUT: return stream_get(s, STREAM_COLUMN);
    case STREAM_BROADCAST: {
        int64_t column = 0;
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) column = stream_column(t, car(l));
        return column;
    }
    default: not_output(t, s);
    }
}

void stream_flush(Thread *t, Obj stream) {
    Obj s = stream_resolve_output(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: stream_flush_fd(t, s); return;
    case STREAM_BROADCAST:
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) stream_flush(t, car(l));
        return;
    case STREAM_STRING_OUTPUT:
    case STREAM_FILL_OUTPUT: return;
    default: not_output(t, s);
    }
}

int streams_finish(Thread *t) {
    Obj out = symbol_slots(SYM(STDOUT))[SYMBOL_VALUE], err = symbol_slots(SYM(STDERR))[SYMBOL_VALUE];
    int error = is_stream(out) ? write_out(t, out) : 0;
    if (is_stream(err)) write_out(t, err);
    return error;
}

int streams_exit_code(Thread *t, Obj code) {
    int error = streams_finish(t), asked = is_fix(code) ? (int)(fix_of_obj(code) & 0xFF) : 1;
    if (error) fprintf(stderr, "Standard output cannot be written: %s.\n", strerror(error));
    return error && !asked ? 1 : asked;
}

/* -- Input of a descriptor -- */

/* Makes room at the end of the input buffer, keeping what is unread and what can be unread. */
static void in_room(Thread *t, Obj s) {
    Obj buffer = obj_slots(s)[STREAM_IN_BUFFER];
    if (is_nil(buffer)) {
        set_field(t, s, STREAM_IN_BUFFER, alloc_raw_unfilled(t, TYPE_U8_VECTOR, BUFFER_BYTES));
        return;
    }
    int64_t position = stream_get(s, STREAM_POSITION), end = stream_get(s, STREAM_END), from = position - stream_get(s, STREAM_LAST);
    int64_t size = (int64_t)obj_length(buffer);
    if (end == position || (end == size && from > 0)) {
        uint8_t *bytes = obj_raw(buffer);
        memmove(bytes, bytes + from, (size_t)(end - from));
        stream_put(s, STREAM_POSITION, position - from);
        stream_put(s, STREAM_END, end - from);
        end -= from;
    }
    if (end == size) {
        Obj larger = alloc_raw(t, TYPE_U8_VECTOR, 2 * (uint64_t)size);
        memcpy(obj_raw(larger), obj_raw(buffer), (size_t)end);
        set_field(t, s, STREAM_IN_BUFFER, larger);
    }
}

static bool readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

bool wait_for_input(Thread *t, int fd) {
    sigset_t interrupt, old;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &old);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!(t->event & EVENT_INTERRUPT) && ppoll(&p, 1, NULL, &old) < 0 && errno == EINTR) continue;
    sigprocmask(SIG_SETMASK, &old, NULL);
    return !(t->event & EVENT_INTERRUPT);
}

static int64_t fill_from_editor(Thread *t, Obj s) {
    int64_t end = stream_get(s, STREAM_END);
    size_t room = obj_length(obj_slots(s)[STREAM_IN_BUFFER]) - (size_t)end;
    int64_t got = t->world->line_reader(t, stream_in_bytes(s) + end, room);
    if (got > 0) stream_put(s, STREAM_END, end + got);
    return got;
}

int64_t stream_fill(Thread *t, Obj s, bool wait) {
    if (stream_get(s, STREAM_KIND) != STREAM_FD || !stream_is(s, STREAM_INPUT)) not_input(t, s);
    if (stream_get(s, STREAM_OUT_COUNT)) stream_flush_fd(t, s);
    in_room(t, s);
    int fd = (int)stream_get(s, STREAM_FD_NUMBER);
    bool ready = readable(fd);
    if (!ready && !wait) return STREAM_WOULD_BLOCK;
    if (!ready && stream_is(s, STREAM_KEEP_FD | STREAM_INTERACTIVE)) streams_finish(t);
    if (wait && fd == 0 && t->world->line_reader && stream_is(s, STREAM_INTERACTIVE)) return fill_from_editor(t, s);
    for (;;) {
        if (!ready && !wait_for_input(t, fd)) return STREAM_INTERRUPTED;
        int64_t end = stream_get(s, STREAM_END);
        ssize_t n = read(fd, stream_in_bytes(s) + end, obj_length(obj_slots(s)[STREAM_IN_BUFFER]) - (size_t)end);
        if (n >= 0) {
            stream_put(s, STREAM_END, end + n);
            return n;
        }
        if (errno == EAGAIN) {
            if (!wait) return STREAM_WOULD_BLOCK;
            ready = false;
        } else if (errno != EINTR) {
            system_error(t, s, "Reading");
        }
    }
}

int32_t stream_next_char(Thread *t, Obj s, int *size) {
    Codec codec = (Codec)stream_get(s, STREAM_CODEC);
    text_to_binary(t, s);
    for (;;) {
        int64_t position = stream_get(s, STREAM_POSITION), available = stream_get(s, STREAM_END) - position;
        uint32_t code;
        int used = available > 0 ? codec_decode(codec, stream_in_bytes(s) + position, (size_t)available, &code) : 0;
        if (used > 0) {
            *size = used;
            return (int32_t)code;
        }
        if (used == 0) {
            int64_t got = stream_fill(t, s, true);
            if (got > 0) continue;
            if (got < 0) return (int32_t)got;
            if (available == 0) return STREAM_EOF;
            used = (int)-available;
        }
        *size = -used;
        Obj replacement = obj_slots(s)[STREAM_REPLACEMENT];
        return is_nil(replacement) ? STREAM_MALFORMED : (int32_t)fix_of_obj(replacement);
    }
}

/* A line was read: counts it; what a user types at a terminal ends the line on the screen, too. */
static void line_read(Obj s) {
    stream_put(s, STREAM_LINE, stream_get(s, STREAM_LINE) + 1);
    if (!stream_is(s, STREAM_INTERACTIVE)) return;
    Obj out = symbol_slots(SYM(STDOUT))[SYMBOL_VALUE];
    if (is_stream(out) && stream_is(out, STREAM_INTERACTIVE)) stream_put(out, STREAM_COLUMN, 0);
}

static int32_t fd_read_char(Thread *t, Obj s) {
    int32_t c = stream_read_ascii(s);
    if (c >= 0) return c;
    int size;
    c = stream_next_char(t, s, &size);
    if (c < 0) return c;
    stream_put(s, STREAM_POSITION, stream_get(s, STREAM_POSITION) + size);
    stream_put(s, STREAM_LAST, size);
    if (c == '\n') line_read(s);
    return c;
}

/* -- Input, any stream -- */

static int32_t string_read_char(Obj s) {
    int64_t position = stream_get(s, STREAM_POSITION);
    if (position >= stream_get(s, STREAM_END)) return STREAM_EOF;
    uint32_t c = simple_string_char(obj_slots(s)[STREAM_IN_BUFFER], (uint64_t)position);
    stream_put(s, STREAM_POSITION, position + 1);
    stream_put(s, STREAM_LAST, 1);
    if (c == '\n') stream_put(s, STREAM_LINE, stream_get(s, STREAM_LINE) + 1);
    return (int32_t)c;
}

static int32_t echo_read_char(Thread *t, Obj s) {
    int32_t c = stream_read_char(t, obj_slots(s)[STREAM_FIRST]);
    if (c < 0) return c;
    if (stream_get(s, STREAM_LAST)) stream_put(s, STREAM_LAST, 0);
    else stream_write_char(t, obj_slots(s)[STREAM_SECOND], (uint32_t)c);
    return c;
}

/* Reads from (or peeks into) the first component that has something left; the others are dropped. */
static int32_t concatenated_read_char(Thread *t, Obj s, int32_t (*reader)(Thread *, Obj)) {
    for (;;) {
        Obj list = obj_slots(s)[STREAM_FIRST];
        if (is_nil(list)) return STREAM_EOF;
        int32_t c = reader(t, car(list));
        if (c != STREAM_EOF) return c;
        set_field(t, s, STREAM_FIRST, cdr(list));
    }
}

int32_t stream_read_char(Thread *t, Obj stream) {
    Obj s = stream_resolve_input(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: return fd_read_char(t, s);
    case STREAM_STRING_INPUT: return string_read_char(s);
    case STREAM_ECHO: return echo_read_char(t, s);
    case STREAM_CONCATENATED: return concatenated_read_char(t, s, stream_read_char);
    default: not_input(t, s);
    }
}

int32_t stream_peek_char(Thread *t, Obj stream) {
    Obj s = stream_resolve_input(t, stream);
    int size;
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: return stream_next_char(t, s, &size);
    case STREAM_STRING_INPUT: {
        int64_t position = stream_get(s, STREAM_POSITION);
        if (position >= stream_get(s, STREAM_END)) return STREAM_EOF;
        return (int32_t)simple_string_char(obj_slots(s)[STREAM_IN_BUFFER], (uint64_t)position);
    }
    case STREAM_ECHO: return stream_peek_char(t, obj_slots(s)[STREAM_FIRST]);
    case STREAM_CONCATENATED: return concatenated_read_char(t, s, stream_peek_char);
    default: not_input(t, s);
    }
}

static void buffer_unread_char(Thread *t, Obj s) {
    int64_t last = stream_get(s, STREAM_LAST), position = stream_get(s, STREAM_POSITION) - last;
    if (!last) stream_error(t, s, "No character can be unread from ~S now", 1, s, NIL);
    stream_put(s, STREAM_POSITION, position);
    stream_put(s, STREAM_LAST, 0);
    uint32_t c = 0;
    if (stream_get(s, STREAM_KIND) == STREAM_FD) codec_decode((Codec)stream_get(s, STREAM_CODEC), stream_in_bytes(s) + position, (size_t)last, &c);
    else c = simple_string_char(obj_slots(s)[STREAM_IN_BUFFER], (uint64_t)position);
    if (c == '\n') stream_put(s, STREAM_LINE, stream_get(s, STREAM_LINE) - 1);
}

void stream_unread_char(Thread *t, Obj stream) {
    Obj s = stream_resolve_input(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD:
    case STREAM_STRING_INPUT: buffer_unread_char(t, s); return;
    case STREAM_ECHO:
        stream_unread_char(t, obj_slots(s)[STREAM_FIRST]);
        stream_put(s, STREAM_LAST, 1);
        return;
    case STREAM_CONCATENATED:
        if (is_nil(obj_slots(s)[STREAM_FIRST])) stream_error(t, s, "No character can be unread from ~S now", 1, s, NIL);
        stream_unread_char(t, car(obj_slots(s)[STREAM_FIRST]));
        return;
    default: not_input(t, s);
    }
}

int64_t stream_line(Thread *t, Obj stream) {
    Obj s = stream_resolve_input(t, stream);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD:
    case STREAM_STRING_INPUT: return stream_get(s, STREAM_LINE) + 1;
    case STREAM_ECHO: return stream_line(t, obj_slots(s)[STREAM_FIRST]);
    case STREAM_CONCATENATED: return is_nil(obj_slots(s)[STREAM_FIRST]) ? 0 : stream_line(t, car(obj_slots(s)[STREAM_FIRST]));
    default: return 0;
    }
}

/* -- The standard streams -- */

static Obj standard_fd(Thread *t, int fd, int64_t state) {
    Obj s = stream_make(t, STREAM_FD, state | STREAM_KEEP_FD | STREAM_BIVALENT);
    if (isatty(fd)) stream_put(s, STREAM_STATE, stream_get(s, STREAM_STATE) | STREAM_INTERACTIVE | STREAM_LINE_FLUSH);
    stream_put(s, STREAM_FD_NUMBER, fd);
    stream_put(s, STREAM_ELEMENT_BITS, 8);
    stream_put(s, STREAM_CODEC, CODEC_UTF8);
    init_field(s, STREAM_REPLACEMENT, obj_of_fix(0xFFFD));
    init_field(s, STREAM_FORMAT, SYM(K_UTF_8));
    return s;
}

static void set_variable(Thread *t, Obj symbol, Obj value) {
    obj_set_flags(symbol, obj_flags(symbol) | SYMBOL_SPECIAL);
    set_symbol(t, symbol, SYMBOL_VALUE, value);
}

static Obj synonym(Thread *t, Obj symbol) {
    Obj s = stream_make(t, STREAM_SYNONYM, STREAM_INPUT | STREAM_OUTPUT);
    init_field(s, STREAM_FIRST, symbol);
    return s;
}

void streams_create(Thread *t) {
    set_variable(t, SYM(STDIN), standard_fd(t, 0, STREAM_INPUT));
    set_variable(t, SYM(STDOUT), standard_fd(t, 1, STREAM_OUTPUT));
    set_variable(t, SYM(STDERR), standard_fd(t, 2, STREAM_OUTPUT | STREAM_LINE_FLUSH));
    set_variable(t, SYM(STANDARD_INPUT), synonym(t, SYM(STDIN)));
    set_variable(t, SYM(STANDARD_OUTPUT), synonym(t, SYM(STDOUT)));
    set_variable(t, SYM(ERROR_OUTPUT), synonym(t, SYM(STDERR)));
    set_variable(t, SYM(TRACE_OUTPUT), synonym(t, SYM(STDOUT)));
    Obj terminal = stream_make(t, STREAM_TWO_WAY, STREAM_INPUT | STREAM_OUTPUT);
    init_field(terminal, STREAM_FIRST, synonym(t, SYM(STDIN)));
    init_field(terminal, STREAM_SECOND, synonym(t, SYM(STDOUT)));
    set_variable(t, SYM(TERMINAL_IO), terminal);
    set_variable(t, SYM(QUERY_IO), synonym(t, SYM(TERMINAL_IO)));
    set_variable(t, SYM(DEBUG_IO), synonym(t, SYM(TERMINAL_IO)));
}

/* -- Images -- */

static void detach(void *data, Obj *words, size_t bytes) {
    (void)data;
    (void)bytes;
    if (!is_header(words[0]) || header_type(words[0]) != TYPE_STREAM) return;
    Obj s = obj_of_address(words);
    if (stream_get(s, STREAM_KIND) != STREAM_FD) return;
    static const int counts[] = {STREAM_POSITION, STREAM_END, STREAM_LAST, STREAM_LINE, STREAM_OUT_COUNT, STREAM_COLUMN};
    for (size_t i = 0; i < COUNT_OF(counts); i++) stream_put(s, counts[i], 0);
    init_field(s, STREAM_IN_BUFFER, NIL); /* NOBARRIER: NIL, also below */
    init_field(s, STREAM_OUT_BUFFER, NIL);
    if (stream_is(s, STREAM_KEEP_FD) && stream_get(s, STREAM_FD_NUMBER) <= 2) {
        int64_t lines = stream_get(s, STREAM_FD_NUMBER) == 2 ? STREAM_LINE_FLUSH : 0;
        stream_put(s, STREAM_STATE, (stream_get(s, STREAM_STATE) & ~(int64_t)(STREAM_INTERACTIVE | STREAM_LINE_FLUSH)) | lines);
        return;
    }
    stream_put(s, STREAM_KIND, STREAM_CLOSED);
    stream_put(s, STREAM_FD_NUMBER, -1);
    init_field(s, STREAM_FILE, NIL);
    init_field(s, STREAM_TEMPORARY, NIL);
}

void streams_detach(Thread *t) { heap_each(t->heap, detach, NULL); }

void streams_attach(Thread *t) {
    const Obj variables[] = {SYM(STDIN), SYM(STDOUT), SYM(STDERR)};
    for (int fd = 0; fd < 3; fd++) {
        Obj s = symbol_slots(variables[fd])[SYMBOL_VALUE];
        if (!is_stream(s) || stream_get(s, STREAM_KIND) != STREAM_FD)
            set_variable(t, variables[fd], standard_fd(t, fd, fd ? STREAM_OUTPUT | (fd == 2 ? STREAM_LINE_FLUSH : 0) : STREAM_INPUT));
        else if (isatty(fd))
            stream_put(s, STREAM_STATE, stream_get(s, STREAM_STATE) | STREAM_INTERACTIVE | STREAM_LINE_FLUSH);
    }
}
