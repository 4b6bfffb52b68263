/* stream_make.c: CLHS chapter 21: making, closing and asking streams.

   OPEN is Lisp (lisp/streams.lisp): it merges pathnames and decides what happens to a file that exists.  Here is what it decides with:
   %OPEN-DESCRIPTOR asks the system, %MAKE-FILE-STREAM makes the stream, CLOSE gives the file its name. */
#include "prim/streams.h"

#include "run/vector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- Files -- */

/* (native-name mode): mode bits 1 read, 2 write, 4 create, 8 exclusively, 16 truncate, 32 append.  The descriptor, or NIL and the error number. */
BUILTIN(open_descriptor, "%OPEN-DESCRIPTOR", 2, 3, "native-name mode &optional permissions",
        "Open a file: its descriptor, or NIL and the system's error number.") {
    int64_t mode = fix_of_obj(args[1]);
    int flags = O_CLOEXEC | ((mode & 3) == 3 ? O_RDWR : (mode & 2) ? O_WRONLY : O_RDONLY);
    flags |= (mode & 4 ? O_CREAT : 0) | (mode & 8 ? O_EXCL : 0) | (mode & 16 ? O_TRUNC : 0) | (mode & 32 ? O_APPEND : 0);
    char *name = utf8_of_string(args[0], NULL);
    int fd, error = 0;
    do fd = open(name, flags, (mode_t)fix_of_obj(ARG(2, obj_of_fix(0666))));
    while (fd < 0 && errno == EINTR && !(t->event & EVENT_INTERRUPT));
    if (fd < 0) error = errno;
    struct stat st;
    if (fd >= 0 && !(mode & 2) && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        fd = -1;
        error = EISDIR;
    }
    free(name);
    if (fd < 0) return values_2(t, NIL, obj_of_fix(error));
    return obj_of_fix(fd);
}

BUILTIN(close_descriptor, "%CLOSE-DESCRIPTOR", 1, 1, "descriptor", "Close a descriptor that no stream owns.") {
    close((int)fix_of_obj(args[0]));
    return NIL;
}

BUILTIN(make_file_stream, "%MAKE-FILE-STREAM", 11, 11,
        "descriptor state codec replacement element-bits element-type format pathname file temporary position",
        "A stream over a descriptor; STATE as in streams.h, FILE and TEMPORARY what CLOSE renames.") {
    Obj s = stream_make(t, STREAM_FD, fix_of_obj(args[1]));
    int fd = (int)fix_of_obj(args[0]);
    stream_put(s, STREAM_FD_NUMBER, fd);
    if (isatty(fd)) stream_put(s, STREAM_STATE, fix_of_obj(args[1]) | STREAM_INTERACTIVE | STREAM_LINE_FLUSH);
    stream_put(s, STREAM_CODEC, fix_of_obj(args[2]));
    init_field(s, STREAM_REPLACEMENT, is_char(args[3]) ? obj_of_fix(char_of_obj(args[3])) : NIL);
    init_field(s, STREAM_ELEMENT_BITS, args[4]);
    init_field(s, STREAM_ELEMENT_TYPE, args[5]);
    init_field(s, STREAM_FORMAT, args[6]);
    init_field(s, STREAM_PATHNAME, args[7]);
    init_field(s, STREAM_FILE, args[8]);
    init_field(s, STREAM_TEMPORARY, args[9]);
    if (eq(args[10], SYM(K_END))) lseek(fd, 0, SEEK_END);
    return s;
}

/* Gives the file its name, or takes the traces of an aborted one away: 0 or the error. */
static int settle_file(Obj s, bool abort) {
    Obj file = obj_slots(s)[STREAM_FILE], temporary = obj_slots(s)[STREAM_TEMPORARY];
    if (is_nil(file)) return 0;
    char *name = utf8_of_string(file, NULL), *other = is_nil(temporary) ? NULL : utf8_of_string(temporary, NULL);
    int bad = 0;
    if (!abort) bad = other ? rename(other, name) : 0;
    else if (other) bad = unlink(other);
    else if (stream_is(s, STREAM_NEW_FILE)) bad = unlink(name);
    int error = bad ? errno : 0;
    free(name);
    free(other);
    return error;
}

static void close_fd(Thread *t, Obj s, bool abort) {
    int fd = (int)stream_get(s, STREAM_FD_NUMBER), error;
    if (abort) stream_put(s, STREAM_OUT_COUNT, 0);
    else stream_flush_fd(t, s);
    while (stream_get(s, STREAM_OUT_COUNT)) stream_flush_fd(t, s);
    stream_put(s, STREAM_KIND, STREAM_CLOSED);
    if (!stream_is(s, STREAM_KEEP_FD)) close(fd);
    error = settle_file(s, abort);
    init_field(s, STREAM_IN_BUFFER, NIL); /* NOBARRIER: NIL, also below */
    init_field(s, STREAM_OUT_BUFFER, NIL);
    if (error) stream_error(t, s, "Closing ~S failed: ~A", 2, s, alloc_text(t, strerror(error)));
}

BUILTIN(close, "CLOSE", 1, ARGS_ANY, "stream &key abort", "Close a stream (CLHS CLOSE): T, or NIL if it was closed already.  With :ABORT T a new file is deleted, a replaced one stays as it was.") {
    if (!is_stream(args[0])) signal_type_error(t, args[0], SYM(STREAM));
    if (n % 2 == 0) signal_format(t, SYM(PROGRAM_ERROR), "Odd number of keyword arguments", 0);
    Obj abort = NO_ARG, allow = NO_ARG, other = NO_ARG;
    for (uint32_t i = 1; i < n; i += 2) {
        Obj *to = eq(args[i], SYM(K_ABORT)) ? &abort : eq(args[i], SYM(K_ALLOW_OTHER_KEYS)) ? &allow : NULL;
        if (!to) other = args[i];
        else if (eq(*to, NO_ARG)) *to = args[i + 1];
    }
    if (!eq(other, NO_ARG) && (eq(allow, NO_ARG) || is_nil(allow)))
        signal_format(t, SYM(PROGRAM_ERROR), "Unknown keyword argument ~S", 1, other);
    Obj s = args[0];
    if (stream_get(s, STREAM_KIND) == STREAM_CLOSED) return NIL;
    if (stream_get(s, STREAM_KIND) == STREAM_FD) close_fd(t, s, !eq(abort, NO_ARG) && !is_nil(abort));
    stream_put(s, STREAM_KIND, STREAM_CLOSED);
    return T_;
}

/* -- String streams -- */

BUILTIN(make_string_input_stream, "MAKE-STRING-INPUT-STREAM", 1, 3, "string &optional start end",
        "An input stream of a string's characters (CLHS MAKE-STRING-INPUT-STREAM).") {
    if (!is_string(args[0])) signal_type_error(t, args[0], SYM(STRING));
    Obj bounds[4] = {SYM(K_START), ARG(1, obj_of_fix(0)), SYM(K_END), ARG(2, NIL)};
    uint64_t start, end, offset;
    bounds_from_keywords(t, bounds, 0, 4, string_length(args[0]), &start, &end);
    Obj storage = string_storage(args[0], &offset), s = stream_make(t, STREAM_STRING_INPUT, STREAM_INPUT);
    init_field(s, STREAM_IN_BUFFER, storage);
    stream_put(s, STREAM_POSITION, (int64_t)(offset + start));
    stream_put(s, STREAM_END, (int64_t)(offset + end));
    stream_put(s, STREAM_FD_NUMBER, (int64_t)offset); /* what FILE-POSITION counts from */
    return s;
}

BUILTIN(make_string_output_stream, "%MAKE-STRING-OUTPUT-STREAM", 0, 1, "&optional element-type", "See MAKE-STRING-OUTPUT-STREAM.") {
    Obj s = stream_make(t, STREAM_STRING_OUTPUT, STREAM_OUTPUT);
    init_field(s, STREAM_ELEMENT_TYPE, ARG(0, SYM(CHARACTER)));
    return s;
}

/* The kind of string that a string stream gives: the one asked for if it can hold the characters. */
static Type string_type(Obj element_type, const uint32_t *text, uint64_t length) {
    if (is_nil(element_type) && length == 0) return TYPE_NIL_VECTOR;
    if (!eq(element_type, SYM(BASE_CHAR))) return TYPE_STRING;
    for (uint64_t i = 0; i < length; i++)
        if (text[i] >= BASE_CHAR_LIMIT) return TYPE_STRING;
    return TYPE_BASE_STRING;
}

BUILTIN(get_output_stream_string, "GET-OUTPUT-STREAM-STRING", 1, 1, "string-output-stream",
        "The characters written to the stream since the last such call, as a string (CLHS GET-OUTPUT-STREAM-STRING).") {
    Obj s = args[0];
    if (!is_stream(s)) signal_type_error(t, s, SYM(STRING_STREAM));
    int64_t kind = stream_get(s, STREAM_KIND);
    if (kind == STREAM_CLOSED && stream_get(s, STREAM_WAS) == STREAM_STRING_OUTPUT) kind = STREAM_STRING_OUTPUT;
    if (kind != STREAM_STRING_OUTPUT) signal_type_error(t, s, SYM(STRING_STREAM));
    uint64_t length = (uint64_t)stream_get(s, STREAM_POSITION);
    const uint32_t *from = length ? obj_raw(obj_slots(s)[STREAM_OUT_BUFFER]) : NULL;
    Obj text = alloc_raw(t, string_type(obj_slots(s)[STREAM_ELEMENT_TYPE], from, length), length);
    if (has_type(text, TYPE_STRING) && length) memcpy(obj_raw(text), from, length * 4);
    if (has_type(text, TYPE_BASE_STRING))
        for (uint64_t i = 0; i < length; i++) ((uint8_t *)obj_raw(text))[i] = (uint8_t)from[i];
    stream_put(s, STREAM_POSITION, 0);
    stream_put(s, STREAM_COLUMN, 0);
    return text;
}

static bool has_fill_pointer(Obj string) {
    return is_string(string) && obj_type(string) == TYPE_ARRAY && is_fix(obj_slots(string)[ARRAY_FILL_POINTER]);
}

/* A swapped string: the stream keeps the handle and fetches the string for every character (fill_push in stream_core.c). */
BUILTIN(make_fill_stream, "%MAKE-FILL-POINTER-OUTPUT-STREAM", 1, 1, "string", "An output stream that pushes onto a string with fill pointer.") {
    size_t pins = swap_pins(t);
    bool right = has_fill_pointer(array_behind(t, args[0]));
    swap_unpin(t, pins);
    if (!right)
        signal_type_error(t, args[0], alloc_list(t, 3, (Obj[]){SYM(AND), SYM(STRING), alloc_list(t, 2, (Obj[]){SYM(SATISFIES), SYM(ARRAY_HAS_FILL_POINTER_P)})}));
    Obj s = stream_make(t, STREAM_FILL_OUTPUT, STREAM_OUTPUT);
    init_field(s, STREAM_FIRST, args[0]);
    return s;
}

/* -- Composites -- */

static bool input_p(Thread *t, Obj s);
static bool output_p(Thread *t, Obj s);

static void need_input(Thread *t, Obj s) {
    if (!is_stream(s)) signal_type_error(t, s, SYM(STREAM));
    if (!input_p(t, s)) signal_type_error(t, s, alloc_list(t, 2, (Obj[]){SYM(SATISFIES), intern_text(t, t->world->package_cl, "INPUT-STREAM-P")}));
}

static void need_output(Thread *t, Obj s) {
    if (!is_stream(s)) signal_type_error(t, s, SYM(STREAM));
    if (!output_p(t, s)) signal_type_error(t, s, alloc_list(t, 2, (Obj[]){SYM(SATISFIES), intern_text(t, t->world->package_cl, "OUTPUT-STREAM-P")}));
}

static Obj composite(Thread *t, StreamKind kind, int64_t state, Obj first, Obj second) {
    Obj s = stream_make(t, kind, state);
    init_field(s, STREAM_FIRST, first);
    init_field(s, STREAM_SECOND, second);
    return s;
}

BUILTIN(make_broadcast_stream, "MAKE-BROADCAST-STREAM", 0, ARGS_ANY, "&rest streams",
        "An output stream that writes to all its components (CLHS MAKE-BROADCAST-STREAM).") {
    for (uint32_t i = 0; i < n; i++) need_output(t, args[i]);
    return composite(t, STREAM_BROADCAST, STREAM_OUTPUT, alloc_list(t, n, args), NIL);
}

BUILTIN(make_concatenated_stream, "MAKE-CONCATENATED-STREAM", 0, ARGS_ANY, "&rest streams",
        "An input stream that reads its components, one after the other (CLHS MAKE-CONCATENATED-STREAM).") {
    for (uint32_t i = 0; i < n; i++) need_input(t, args[i]);
    return composite(t, STREAM_CONCATENATED, STREAM_INPUT, alloc_list(t, n, args), NIL);
}

BUILTIN(make_synonym_stream, "MAKE-SYNONYM-STREAM", 1, 1, "symbol", "A stream that stands for the symbol's current value (CLHS MAKE-SYNONYM-STREAM).") {
    if (!is_symbol(args[0])) signal_type_error(t, args[0], SYM(SYMBOL));
    return composite(t, STREAM_SYNONYM, STREAM_INPUT | STREAM_OUTPUT, args[0], NIL);
}

BUILTIN(make_two_way_stream, "MAKE-TWO-WAY-STREAM", 2, 2, "input-stream output-stream",
        "A stream that reads from one stream and writes to another (CLHS MAKE-TWO-WAY-STREAM).") {
    need_input(t, args[0]);
    need_output(t, args[1]);
    return composite(t, STREAM_TWO_WAY, STREAM_INPUT | STREAM_OUTPUT, args[0], args[1]);
}

BUILTIN(make_echo_stream, "MAKE-ECHO-STREAM", 2, 2, "input-stream output-stream",
        "As MAKE-TWO-WAY-STREAM; what is read is also written to the output stream (CLHS MAKE-ECHO-STREAM).") {
    need_input(t, args[0]);
    need_output(t, args[1]);
    return composite(t, STREAM_ECHO, STREAM_INPUT | STREAM_OUTPUT, args[0], args[1]);
}

/* The field of a composite of this kind, closed or not. */
static Obj component(Thread *t, Obj s, StreamKind kind, int field, Obj type) {
    if (!is_stream(s) || stream_get(s, STREAM_WAS) != (int64_t)kind) signal_type_error(t, s, type);
    return obj_slots(s)[field];
}

static Obj copy_list(Thread *t, Obj list) {
    Obj head = alloc_cons(t, NIL, NIL), tail = head;
    for (; is_cons(list); list = cdr(list)) {
        Obj cell = alloc_cons(t, car(list), NIL);
        cons_slots(tail)[1] = cell; /* NOBARRIER: fresh */
        tail = cell;
    }
    return cdr(head);
}

BUILTIN(broadcast_stream_streams, "BROADCAST-STREAM-STREAMS", 1, 1, "broadcast-stream", "Its components, a fresh list (CLHS BROADCAST-STREAM-STREAMS).") {
    return copy_list(t, component(t, args[0], STREAM_BROADCAST, STREAM_FIRST, SYM(BROADCAST_STREAM)));
}
BUILTIN(concatenated_stream_streams, "CONCATENATED-STREAM-STREAMS", 1, 1, "concatenated-stream", "The components that are still to be read, the current one first (CLHS CONCATENATED-STREAM-STREAMS).") {
    return copy_list(t, component(t, args[0], STREAM_CONCATENATED, STREAM_FIRST, SYM(CONCATENATED_STREAM)));
}
BUILTIN(synonym_stream_symbol, "SYNONYM-STREAM-SYMBOL", 1, 1, "synonym-stream", "Its symbol (CLHS SYNONYM-STREAM-SYMBOL).") {
    return component(t, args[0], STREAM_SYNONYM, STREAM_FIRST, SYM(SYNONYM_STREAM));
}
BUILTIN(two_way_stream_input_stream, "TWO-WAY-STREAM-INPUT-STREAM", 1, 1, "two-way-stream", "The component that is read (CLHS TWO-WAY-STREAM-INPUT-STREAM).") {
    return component(t, args[0], STREAM_TWO_WAY, STREAM_FIRST, SYM(TWO_WAY_STREAM));
}
BUILTIN(two_way_stream_output_stream, "TWO-WAY-STREAM-OUTPUT-STREAM", 1, 1, "two-way-stream", "The component that is written (CLHS TWO-WAY-STREAM-OUTPUT-STREAM).") {
    return component(t, args[0], STREAM_TWO_WAY, STREAM_SECOND, SYM(TWO_WAY_STREAM));
}
BUILTIN(echo_stream_input_stream, "ECHO-STREAM-INPUT-STREAM", 1, 1, "echo-stream", "The component that is read (CLHS ECHO-STREAM-INPUT-STREAM).") {
    return component(t, args[0], STREAM_ECHO, STREAM_FIRST, SYM(ECHO_STREAM));
}
BUILTIN(echo_stream_output_stream, "ECHO-STREAM-OUTPUT-STREAM", 1, 1, "echo-stream", "The component that is written (CLHS ECHO-STREAM-OUTPUT-STREAM).") {
    return component(t, args[0], STREAM_ECHO, STREAM_SECOND, SYM(ECHO_STREAM));
}

/* -- Questions -- */

static Obj stream_arg(Thread *t, Obj s) {
    if (!is_stream(s)) signal_type_error(t, s, SYM(STREAM));
    return s;
}

static bool direction_p(Thread *t, Obj s, int bit) {
    if (!is_stream(s)) signal_type_error(t, s, SYM(STREAM));
    if (stream_get(s, STREAM_KIND) == STREAM_SYNONYM) return direction_p(t, symbol_value(t, obj_slots(s)[STREAM_FIRST]), bit);
    return stream_is(s, bit);
}
static bool input_p(Thread *t, Obj s) { return direction_p(t, s, STREAM_INPUT); }
static bool output_p(Thread *t, Obj s) { return direction_p(t, s, STREAM_OUTPUT); }

BUILTIN(input_stream_p, "INPUT-STREAM-P", 1, 1, "stream", "True if the stream can be read (CLHS INPUT-STREAM-P).") { return obj_of_bool(input_p(t, args[0])); }
BUILTIN(output_stream_p, "OUTPUT-STREAM-P", 1, 1, "stream", "True if the stream can be written (CLHS OUTPUT-STREAM-P).") { return obj_of_bool(output_p(t, args[0])); }
BUILTIN(open_stream_p, "OPEN-STREAM-P", 1, 1, "stream", "True if the stream is not closed (CLHS OPEN-STREAM-P).") {
    return obj_of_bool(stream_get(stream_arg(t, args[0]), STREAM_KIND) != STREAM_CLOSED);
}
BUILTIN(interactive_stream_p, "INTERACTIVE-STREAM-P", 1, 1, "stream", "True if the stream is a terminal (CLHS INTERACTIVE-STREAM-P).") {
    Obj s = stream_resolve_input(t, stream_arg(t, args[0]));
    return obj_of_bool(stream_get(s, STREAM_KIND) == STREAM_FD && stream_is(s, STREAM_INTERACTIVE));
}

/* The stream below composites that decides about element type and format. */
static Obj deciding_stream(Thread *t, Obj s) {
    for (;;) {
        s = stream_resolve_input(t, s);
        Obj first = obj_slots(s)[STREAM_FIRST];
        int64_t kind = stream_get(s, STREAM_KIND);
        if (kind == STREAM_ECHO) s = first;
        else if ((kind == STREAM_BROADCAST || kind == STREAM_CONCATENATED) && is_cons(first)) s = car(first);
        else return s;
    }
}

BUILTIN(stream_element_type, "STREAM-ELEMENT-TYPE", 1, 1, "stream", "Type specifier of what the stream's elements are (CLHS STREAM-ELEMENT-TYPE).") {
    Obj s = deciding_stream(t, stream_arg(t, args[0]));
    if (stream_get(s, STREAM_WAS) == STREAM_BROADCAST) return T_;
    return obj_slots(s)[STREAM_ELEMENT_TYPE];
}
BUILTIN(stream_external_format, "STREAM-EXTERNAL-FORMAT", 1, 1, "stream", "The stream's external format (CLHS STREAM-EXTERNAL-FORMAT).") {
    return obj_slots(deciding_stream(t, stream_arg(t, args[0])))[STREAM_FORMAT];
}
BUILTIN(stream_pathname, "%STREAM-PATHNAME", 1, 1, "stream", "Pathname of the file that the stream, or the one it is a synonym of, was opened for, or NIL.") {
    return obj_slots(stream_resolve_input(t, stream_arg(t, args[0])))[STREAM_PATHNAME];
}
BUILTIN(stream_type, "%STREAM-TYPE", 1, 1, "stream", "The name of the stream's class.") {
    switch (stream_get(stream_arg(t, args[0]), STREAM_WAS)) {
    case STREAM_FD: return SYM(FILE_STREAM);
    case STREAM_STRING_INPUT:
    case STREAM_STRING_OUTPUT:
    case STREAM_FILL_OUTPUT: return SYM(STRING_STREAM);
    case STREAM_BROADCAST: return SYM(BROADCAST_STREAM);
    case STREAM_CONCATENATED: return SYM(CONCATENATED_STREAM);
    case STREAM_SYNONYM: return SYM(SYNONYM_STREAM);
    case STREAM_TWO_WAY: return SYM(TWO_WAY_STREAM);
    case STREAM_ECHO: return SYM(ECHO_STREAM);
    default: return SYM(STREAM);
    }
}
BUILTIN(stream_mend, "%STREAM-MEND", 2, 2, "stream string",
        "Replace the next malformed bytes in the stream's buffer by the encoding of the string; how many bytes were malformed.") {
    Obj s = stream_arg(t, args[0]);
    int size = 0;
    uint8_t text[64];
    size_t bytes = 0, length = string_length(args[1]);
    for (size_t i = 0; i < length && bytes + CODEC_BYTES <= sizeof text; i++)
        bytes += (size_t)codec_encode((Codec)stream_get(s, STREAM_CODEC), string_char(args[1], i), text + bytes);
    int64_t at = stream_malformed(s, &size), end = stream_get(s, STREAM_END), change = (int64_t)bytes - size;
    if (size == 0) return obj_of_fix(0);
    Obj buffer = obj_slots(s)[STREAM_IN_BUFFER];
    if (end + change > (int64_t)obj_length(buffer)) {
        Obj larger = alloc_raw(t, TYPE_U8_VECTOR, 2 * obj_length(buffer));
        memcpy(obj_raw(larger), obj_raw(buffer), (size_t)end);
        set_field(t, s, STREAM_IN_BUFFER, larger);
        buffer = larger;
    }
    uint8_t *p = obj_raw(buffer);
    memmove(p + at + bytes, p + at + size, (size_t)(end - at - size));
    memcpy(p + at, text, bytes);
    stream_put(s, STREAM_END, end + change);
    return obj_of_fix(size);
}
BUILTIN(stream_field, "%STREAM-REF", 2, 2, "stream index", "Field of a stream; see streams.h.") {
    return obj_slots(stream_arg(t, args[0]))[fix_of_obj(args[1])];
}
