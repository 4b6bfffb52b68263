/* stream_bytes.c: CLHS chapter 21, bytes, sequences and positions.

   An element of a binary stream is an integer of ELEMENT_BITS bits (negative: signed), stored in as many whole bytes, little-endian.
   The leaves for whole sequences move bytes and characters in bulk; what they were doing when a signal came is in the arguments of the
   call that %RETRY-CALL makes: the same sequence from where they stopped. */
#include "number/number.h"
#include "prim/streams.h"

#include <sys/stat.h>
#include <unistd.h>

enum { ELEMENT_BYTES_LIMIT = 1024 };

/* -- Elements -- */

static NORETURN void not_binary(Thread *t, Obj s) { stream_error(t, s, "~S is a stream of characters, not of bytes", 1, s, NIL); }

static Obj binary_stream(Thread *t, Obj stream, bool input) {
    if (!is_stream(stream)) signal_type_error(t, stream, SYM(STREAM));
    Obj s = input ? stream_resolve_input(t, stream) : stream_resolve_output(t, stream);
    if (stream_get(s, STREAM_KIND) == STREAM_CLOSED) stream_error(t, s, "~S is closed", 1, s, NIL);
    if (stream_get(s, STREAM_KIND) == STREAM_FD && !stream_get(s, STREAM_ELEMENT_BITS)) not_binary(t, s);
    return s;
}

static size_t element_bytes(Obj s) {
    int64_t bits = stream_get(s, STREAM_ELEMENT_BITS);
    return bits ? (size_t)((bits < 0 ? -bits : bits) + 7) / 8 : 1;
}

/* The integer whose little-endian bytes these are. */
static Obj integer_of_bytes(Thread *t, const uint8_t *p, size_t bytes, bool is_signed) {
    Obj n = NIL;
    bool negative = is_signed && p[bytes - 1] >= 0x80;
    for (size_t i = bytes; i > 0;) {
        size_t part = i % 4 ? i % 4 : 4;
        int64_t word = 0;
        for (size_t k = 0; k < part; k++) word = word << 8 | p[--i];
        if (is_nil(n)) n = obj_of_fix(negative ? word - ((int64_t)1 << 8 * part) : word);
        else n = number_logior(t, number_ash(t, n, obj_of_fix(8 * (int64_t)part)), obj_of_fix(word));
    }
    return n;
}

static NORETURN void wrong_element(Thread *t, Obj s, Obj datum) {
    int64_t bits = stream_get(s, STREAM_ELEMENT_BITS);
    Obj type = alloc_cons(t, obj_of_fix(bits < 0 ? -bits : bits), NIL);
    signal_type_error(t, datum, alloc_cons(t, bits < 0 ? SYM(SIGNED_BYTE) : SYM(UNSIGNED_BYTE), type));
}

/* The little-endian bytes of an element; TYPE-ERROR if it is none of the stream's type. */
static void bytes_of_integer(Thread *t, Obj s, Obj x, uint8_t *out) {
    int64_t bits = stream_get(s, STREAM_ELEMENT_BITS);
    size_t bytes = element_bytes(s);
    if (!is_fix(x) && !has_type(x, TYPE_BIGNUM)) wrong_element(t, s, x);
    Obj rest = x, top = number_ash(t, x, obj_of_fix(bits < 0 ? bits + 1 : -bits));
    if (!eq(top, obj_of_fix(0)) && !(bits < 0 && eq(top, obj_of_fix(-1)))) wrong_element(t, s, x);
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)fix_of_obj(number_logand(t, rest, obj_of_fix(0xFF)));
        rest = number_ash(t, rest, obj_of_fix(-8));
    }
}

/* -- One byte -- */

/* The next element; otherwise *why says why there is none. */
static Obj read_element(Thread *t, Obj stream, int32_t *why) {
    Obj s = binary_stream(t, stream, true);
    *why = STREAM_EOF;
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_ECHO: {
        Obj x = read_element(t, obj_slots(s)[STREAM_FIRST], why);
        if (eq(x, NO_ARG)) return x;
        Obj to = binary_stream(t, obj_slots(s)[STREAM_SECOND], false);
        uint8_t bytes[ELEMENT_BYTES_LIMIT];
        bytes_of_integer(t, to, x, bytes);
        stream_write_bytes(t, to, bytes, element_bytes(to));
        return x;
    }
    case STREAM_CONCATENATED:
        while (is_cons(obj_slots(s)[STREAM_FIRST])) {
            Obj x = read_element(t, car(obj_slots(s)[STREAM_FIRST]), why);
            if (!eq(x, NO_ARG) || *why != STREAM_EOF) return x;
            set_field(t, s, STREAM_FIRST, cdr(obj_slots(s)[STREAM_FIRST]));
        }
        return NO_ARG;
    case STREAM_FD: break;
    default: not_binary(t, s);
    }
    size_t bytes = element_bytes(s);
    while (stream_get(s, STREAM_END) - stream_get(s, STREAM_POSITION) < (int64_t)bytes) {
        int64_t got = stream_fill(t, s, true);
        if (got > 0) continue;
        *why = (int32_t)(got ? got : STREAM_EOF);
        return NO_ARG;
    }
    int64_t position = stream_get(s, STREAM_POSITION);
    stream_put(s, STREAM_POSITION, position + (int64_t)bytes);
    stream_put(s, STREAM_LAST, 0);
    const uint8_t *p = stream_in_bytes(s) + position;
    int64_t bits = stream_get(s, STREAM_ELEMENT_BITS);
    return bits == 8 ? obj_of_fix(*p) : integer_of_bytes(t, p, bytes, bits < 0);
}

static void write_element(Thread *t, Obj stream, Obj x) {
    Obj s = binary_stream(t, stream, false);
    if (stream_get(s, STREAM_KIND) == STREAM_BROADCAST) {
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) write_element(t, car(l), x);
        return;
    }
    if (stream_get(s, STREAM_KIND) != STREAM_FD) not_binary(t, s);
    uint8_t bytes[ELEMENT_BYTES_LIMIT];
    bytes_of_integer(t, s, x, bytes);
    stream_write_bytes(t, s, bytes, element_bytes(s));
}

BUILTIN(read_byte, "READ-BYTE", 1, 3, "stream &optional eof-error-p eof-value",
        "Read one element of a binary input stream, an integer (CLHS READ-BYTE).") {
    int32_t why;
    Obj x = read_element(t, args[0], &why);
    if (!eq(x, NO_ARG)) return x;
    if (why != STREAM_EOF) stream_give_up(t, why, args[0], "READ-BYTE", n, args);
    if (!is_nil(ARG(1, T_))) stream_signal_eof(t, args[0]);
    return ARG(2, NIL);
}

BUILTIN(write_byte, "WRITE-BYTE", 2, 2, "byte stream", "Write one element to a binary output stream (CLHS WRITE-BYTE); the integer.") {
    write_element(t, args[1], args[0]);
    return args[0];
}

/* -- Sequences -- */

/* A part of a sequence: a list's tail, or a vector's storage. */
typedef struct Part {
    Obj list, storage;
    uint64_t offset, start, end;
} Part;

static uint64_t list_length(Thread *t, Obj list) {
    uint64_t length = 0;
    Obj l = list;
    for (; is_cons(l); l = cdr(l)) length++;
    if (!is_nil(l)) signal_type_error(t, l, SYM(LIST));
    return length;
}

static uint64_t vector_length(Obj v) {
    if (obj_type(v) != TYPE_ARRAY) return obj_length(v);
    Obj fill = obj_slots(v)[ARRAY_FILL_POINTER];
    return (uint64_t)fix_of_obj(is_fix(fill) ? fill : obj_slots(v)[ARRAY_TOTAL]);
}

static Part part_of(Thread *t, Obj *args, uint32_t n) {
    Part p = {NIL, NIL, 0, 0, 0};
    if (!is_list(args[0]) && !is_vector(args[0])) signal_type_error(t, args[0], SYM(SEQUENCE));
    bounds_from_keywords(t, args, 2, n, is_list(args[0]) ? list_length(t, args[0]) : vector_length(args[0]), &p.start, &p.end);
    if (is_list(args[0])) {
        p.list = args[0];
        for (uint64_t i = 0; i < p.start; i++) p.list = cdr(p.list);
    } else {
        p.storage = string_storage(args[0], &p.offset);
    }
    return p;
}

static Obj element_type_of(Type type) {
    return type == TYPE_BASE_STRING ? SYM(BASE_CHAR) : type == TYPE_STRING ? SYM(CHARACTER) : SYM(INTEGER);
}

/* Stores an integer or character as element i of a simple vector. */
static void storage_set(Thread *t, Obj v, uint64_t i, Obj x) {
    Type type = obj_type(v);
    void *at = obj_raw(v);
    int64_t n = 0;
    uint64_t u = 0;
    bool small = i64_of_integer(x, &n), natural = u64_of_integer(x, &u);
#define STORE(ID, ctype, ok)                                                                                                               \
    case TYPE_##ID:                                                                                                                        \
        if (!(ok)) break;                                                                                                                  \
        ((ctype *)at)[i] = (ctype)(natural ? u : (uint64_t)n);                                                                                        \
        return;
    switch (type) {
    case TYPE_SIMPLE_VECTOR: set_field(t, v, i, x); return;
    case TYPE_FIXNUM_VECTOR:
        if (!is_fix(x)) break;
        obj_slots(v)[i] = x; /* NOBARRIER: a fixnum */
        return;
    case TYPE_STRING:
        if (!is_char(x)) break;
        ((uint32_t *)at)[i] = char_of_obj(x);
        return;
    case TYPE_BASE_STRING:
        if (!is_char(x) || char_of_obj(x) > 0x7F) break;
        ((uint8_t *)at)[i] = (uint8_t)char_of_obj(x);
        return;
    case TYPE_BIT_VECTOR:
        if (!natural || u > 1) break;
        ((uint64_t *)at)[i / 64] = (((uint64_t *)at)[i / 64] & ~((uint64_t)1 << i % 64)) | u << i % 64;
        return;
        STORE(U8_VECTOR, uint8_t, natural && u <= UINT8_MAX)
        STORE(U16_VECTOR, uint16_t, natural && u <= UINT16_MAX)
        STORE(U32_VECTOR, uint32_t, natural && u <= UINT32_MAX)
        STORE(U64_VECTOR, uint64_t, natural)
        STORE(I8_VECTOR, int8_t, small && n == (int8_t)n)
        STORE(I16_VECTOR, int16_t, small && n == (int16_t)n)
        STORE(I32_VECTOR, int32_t, small && n == (int32_t)n)
        STORE(I64_VECTOR, int64_t, small)
    default: break;
    }
#undef STORE
    signal_type_error(t, x, element_type_of(type));
}

static Obj storage_get(Thread *t, Obj v, uint64_t i) {
    const void *at = obj_raw(v);
    switch (obj_type(v)) {
    case TYPE_SIMPLE_VECTOR:
    case TYPE_FIXNUM_VECTOR: return obj_slots(v)[i];
    case TYPE_STRING:
    case TYPE_BASE_STRING: return obj_of_char(simple_string_char(v, i));
    case TYPE_BIT_VECTOR: return obj_of_fix((int64_t)(((const uint64_t *)at)[i / 64] >> i % 64 & 1));
    case TYPE_U8_VECTOR: return obj_of_fix(((const uint8_t *)at)[i]);
    case TYPE_I8_VECTOR: return obj_of_fix(((const int8_t *)at)[i]);
    case TYPE_U16_VECTOR: return obj_of_fix(((const uint16_t *)at)[i]);
    case TYPE_I16_VECTOR: return obj_of_fix(((const int16_t *)at)[i]);
    case TYPE_U32_VECTOR: return obj_of_fix(((const uint32_t *)at)[i]);
    case TYPE_I32_VECTOR: return obj_of_fix(((const int32_t *)at)[i]);
    case TYPE_U64_VECTOR: return integer_of_u64(t, ((const uint64_t *)at)[i]);
    case TYPE_I64_VECTOR: return integer_of_i64(t, ((const int64_t *)at)[i]);
    default: signal_type_error(t, v, SYM(VECTOR));
    }
}

/* Whether the sequence is to be filled with (or written as) bytes.  A bivalent stream takes what the vector holds. */
static bool wants_bytes(Thread *t, Obj stream, Part p, bool input) {
    Obj s = input ? stream_resolve_input(t, stream) : stream_resolve_output(t, stream);
    Obj first = obj_slots(s)[STREAM_FIRST];
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: break;
    case STREAM_ECHO: return wants_bytes(t, first, p, input);
    case STREAM_BROADCAST:
    case STREAM_CONCATENATED: return is_cons(first) && wants_bytes(t, car(first), p, input);
    default: return false;
    }
    if (!stream_is(s, STREAM_BIVALENT)) return stream_get(s, STREAM_ELEMENT_BITS) != 0;
    return !is_nil(p.storage) && !is_simple_string(p.storage) && obj_type(p.storage) != TYPE_SIMPLE_VECTOR;
}

/* (UNSIGNED-BYTE 8) vectors of a stream of such bytes: in blocks.  Returns the index behind the last that was read. */
static uint64_t read_octets(Thread *t, Obj s, Part p, int32_t *why) {
    uint8_t *to = (uint8_t *)obj_raw(p.storage) + p.offset;
    uint64_t i = p.start;
    stream_put(s, STREAM_LAST, 0);
    while (i < p.end) {
        int64_t position = stream_get(s, STREAM_POSITION), available = stream_get(s, STREAM_END) - position;
        if (available <= 0) {
            int64_t got = stream_fill(t, s, true);
            if (got > 0) continue;
            *why = (int32_t)(got ? got : STREAM_EOF);
            break;
        }
        uint64_t m = (uint64_t)available < p.end - i ? (uint64_t)available : p.end - i;
        memcpy(to + i, stream_in_bytes(s) + position, m);
        stream_put(s, STREAM_POSITION, position + (int64_t)m);
        i += m;
    }
    return i;
}

/* Characters of a descriptor into a full string.  Returns the index behind the last that was read. */
static uint64_t read_text(Thread *t, Obj s, Part p, int32_t *why) {
    uint32_t *to = (uint32_t *)obj_raw(p.storage) + p.offset;
    uint64_t i = p.start;
    while (i < p.end) {
        int32_t c = stream_read_ascii(s);
        if (c < 0) c = stream_read_char(t, s);
        if (c < 0) {
            *why = c;
            break;
        }
        to[i++] = (uint32_t)c;
    }
    return i;
}

static Obj read_one(Thread *t, Obj stream, bool bytes, int32_t *why) {
    if (bytes) return read_element(t, stream, why);
    int32_t c = stream_read_char(t, stream);
    *why = c;
    return c < 0 ? NO_ARG : obj_of_char((uint32_t)c);
}

static NORETURN void give_up_sequence(Thread *t, Obj *args, Part p, uint64_t i, int32_t why) {
    Obj again[6] = {args[0], args[1], SYM(K_START), obj_of_fix((int64_t)i), SYM(K_END), obj_of_fix((int64_t)p.end)};
    stream_give_up(t, why, args[1], "READ-SEQUENCE", 6, again);
}

BUILTIN_IN_PLACE(read_sequence, "READ-SEQUENCE", 2, ARGS_ANY, "sequence stream &key start end",
        "Fill a sequence, or a part of it, with elements of an input stream; the index of the first element that was not stored (CLHS READ-SEQUENCE).") {
    Part p = part_of(t, args, n);
    if (!is_stream(args[1])) signal_type_error(t, args[1], SYM(STREAM));
    bool bytes = wants_bytes(t, args[1], p, true);
    int32_t why = STREAM_EOF;
    uint64_t i = p.start;
    Obj s = stream_resolve_input(t, args[1]), list = p.list;
    bool fd = stream_get(s, STREAM_KIND) == STREAM_FD;
    bool octets = fd && bytes && has_type(p.storage, TYPE_U8_VECTOR) && stream_get(s, STREAM_ELEMENT_BITS) == 8;
    if (octets || (fd && !bytes && has_type(p.storage, TYPE_STRING))) {
        i = octets ? read_octets(t, s, p, &why) : read_text(t, s, p, &why);
        if (i < p.end && why != STREAM_EOF) give_up_sequence(t, args, p, i, why);
        return obj_of_fix((int64_t)i);
    }
    for (; i < p.end; i++) {
        Obj x = read_one(t, args[1], bytes, &why);
        if (eq(x, NO_ARG)) {
            if (why != STREAM_EOF) give_up_sequence(t, args, p, i, why);
            break;
        }
        if (is_nil(p.storage)) {
            set_car(t, list, x);
            list = cdr(list);
        } else {
            storage_set(t, p.storage, p.offset + i, x);
        }
    }
    return obj_of_fix((int64_t)i);
}

static void write_one(Thread *t, Obj stream, Obj x, bool bytes) {
    if (bytes) write_element(t, stream, x);
    else if (is_char(x)) stream_write_char(t, stream, char_of_obj(x));
    else signal_type_error(t, x, SYM(CHARACTER));
}

BUILTIN_IN_PLACE(write_sequence, "WRITE-SEQUENCE", 2, ARGS_ANY, "sequence stream &key start end",
        "Write the elements of a sequence, or of a part of it, to an output stream; the sequence (CLHS WRITE-SEQUENCE).") {
    Part p = part_of(t, args, n);
    if (!is_stream(args[1])) signal_type_error(t, args[1], SYM(STREAM));
    bool bytes = wants_bytes(t, args[1], p, false);
    Obj s = stream_resolve_output(t, args[1]), list = p.list;
    if (is_simple_string(p.storage) && !bytes) {
        stream_write_string(t, s, p.storage, p.offset + p.start, p.offset + p.end);
        return args[0];
    }
    if (bytes && has_type(p.storage, TYPE_U8_VECTOR) && stream_get(s, STREAM_KIND) == STREAM_FD && stream_get(s, STREAM_ELEMENT_BITS) == 8) {
        stream_write_bytes(t, s, (uint8_t *)obj_raw(p.storage) + p.offset + p.start, p.end - p.start);
        return args[0];
    }
    for (uint64_t i = p.start; i < p.end; i++) {
        write_one(t, args[1], is_nil(p.storage) ? car(list) : storage_get(t, p.storage, p.offset + i), bytes);
        list = cdr(list);
    }
    return args[0];
}

/* -- Positions -- */

/* Position of a descriptor's reader or writer in bytes, -1 if it has none. */
static int64_t fd_position(Obj s) {
    int64_t at = lseek((int)stream_get(s, STREAM_FD_NUMBER), 0, SEEK_CUR);
    if (at < 0) return -1;
    return at - (stream_get(s, STREAM_END) - stream_get(s, STREAM_POSITION)) + stream_get(s, STREAM_OUT_COUNT);
}

/* Where a position specification is, in bytes from the start; -1 if it is none. */
static int64_t wanted_position(Obj spec, int64_t unit, int64_t end) {
    if (eq(spec, SYM(K_START))) return 0;
    if (eq(spec, SYM(K_END))) return end;
    return is_fix(spec) && fix_of_obj(spec) >= 0 ? fix_of_obj(spec) * unit : -1;
}

static NORETURN void wrong_position(Thread *t, Obj spec) {
    Obj number = alloc_cons(t, SYM(INTEGER), alloc_cons(t, obj_of_fix(0), NIL));
    Obj member = alloc_list(t, 3, (Obj[]){SYM(MEMBER), SYM(K_START), SYM(K_END)});
    signal_type_error(t, spec, alloc_list(t, 3, (Obj[]){SYM(OR), member, number}));
}

static Obj fd_move(Thread *t, Obj s, Obj spec) {
    struct stat st;
    int fd = (int)stream_get(s, STREAM_FD_NUMBER);
    stream_flush_fd(t, s);
    if (fstat(fd, &st) != 0) return NIL;
    int64_t to = wanted_position(spec, (int64_t)element_bytes(s), st.st_size);
    if (to < 0) wrong_position(t, spec);
    if (stream_is(s, STREAM_INPUT) && !stream_is(s, STREAM_OUTPUT) && S_ISREG(st.st_mode) && to > st.st_size)
        stream_error(t, s, "Position ~S is behind the end of ~S", 2, spec, s);
    stream_put(s, STREAM_POSITION, 0);
    stream_put(s, STREAM_END, 0);
    stream_put(s, STREAM_LAST, 0);
    return obj_of_bool(lseek(fd, to, SEEK_SET) >= 0);
}

static Obj string_move(Thread *t, Obj s, Obj spec) {
    int64_t base = stream_get(s, STREAM_FD_NUMBER), end = stream_get(s, STREAM_END);
    int64_t to = wanted_position(spec, 1, end - base);
    if (to < 0 || to > end - base) wrong_position(t, spec);
    stream_put(s, STREAM_POSITION, base + to);
    stream_put(s, STREAM_LAST, 0);
    return T_;
}

BUILTIN(file_position, "FILE-POSITION", 1, 2, "stream &optional position",
        "Where the next element is read or written, or NIL if that is not known; with a position (an index, :START or :END) moves there and returns true if it could (CLHS FILE-POSITION).") {
    if (!is_stream(args[0])) signal_type_error(t, args[0], SYM(STREAM));
    Obj s = stream_resolve_input(t, args[0]);
    switch (stream_get(s, STREAM_KIND)) {
    case STREAM_FD: {
        if (n == 2) return fd_move(t, s, args[1]);
        int64_t at = fd_position(s);
        return at < 0 ? NIL : obj_of_fix(at / (int64_t)element_bytes(s));
    }
    case STREAM_STRING_INPUT:
        if (n == 2) return string_move(t, s, args[1]);
        return obj_of_fix(stream_get(s, STREAM_POSITION) - stream_get(s, STREAM_FD_NUMBER));
    case STREAM_STRING_OUTPUT: return n == 2 ? NIL : obj_of_fix(stream_get(s, STREAM_POSITION));
    case STREAM_BROADCAST: {
        Obj last = NIL;
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) last = car(l);
        if (is_nil(last)) return n == 2 ? NIL : obj_of_fix(0);
        Obj again[2] = {last, ARG(1, NIL)};
        return builtin_file_position(t, again, n);
    }
    case STREAM_CLOSED: stream_error(t, s, "~S is closed", 1, s, NIL);
    default: return NIL;
    }
}

BUILTIN(file_length, "FILE-LENGTH", 1, 1, "stream", "Length of the stream's file in elements (CLHS FILE-LENGTH).") {
    if (!is_stream(args[0])) signal_type_error(t, args[0], SYM(FILE_STREAM));
    int64_t kind = stream_get(args[0], STREAM_KIND);
    if (kind == STREAM_TWO_WAY || kind == STREAM_ECHO) signal_type_error(t, args[0], SYM(FILE_STREAM));
    Obj s = stream_resolve_output(t, args[0]);
    if (stream_get(s, STREAM_KIND) == STREAM_BROADCAST) {
        Obj last = NIL;
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) last = car(l);
        return is_nil(last) ? obj_of_fix(0) : builtin_file_length(t, &last, 1);
    }
    if (stream_get(s, STREAM_KIND) == STREAM_CLOSED) stream_error(t, s, "~S is closed", 1, s, NIL);
    struct stat st;
    if (stream_get(s, STREAM_KIND) != STREAM_FD || is_nil(obj_slots(s)[STREAM_PATHNAME])) signal_type_error(t, args[0], SYM(FILE_STREAM));
    stream_flush_fd(t, s);
    if (fstat((int)stream_get(s, STREAM_FD_NUMBER), &st) != 0) return NIL;
    return obj_of_fix(st.st_size / (int64_t)element_bytes(s));
}

/* Bytes that a character or string would take. */
BUILTIN_IN_PLACE(file_string_length, "FILE-STRING-LENGTH", 2, 2, "stream object",
        "By how much FILE-POSITION would grow if the string or character were written (CLHS FILE-STRING-LENGTH), or NIL.") {
    if (!is_stream(args[0])) signal_type_error(t, args[0], SYM(STREAM));
    if (!is_char(args[1]) && !is_string(args[1])) signal_type_error(t, args[1], SYM(STRING));
    Obj s = stream_resolve_output(t, args[0]);
    int64_t kind = stream_get(s, STREAM_KIND), bytes = 0;
    uint8_t buffer[CODEC_BYTES];
    if (kind == STREAM_BROADCAST) {
        Obj last = NIL;
        for (Obj l = obj_slots(s)[STREAM_FIRST]; is_cons(l); l = cdr(l)) last = car(l);
        if (is_nil(last)) return obj_of_fix(1);
        Obj again[2] = {last, args[1]};
        return builtin_file_string_length(t, again, 2);
    }
    if (kind != STREAM_FD) return NIL;
    Codec codec = (Codec)stream_get(s, STREAM_CODEC);
    if (is_char(args[1])) return obj_of_fix(codec_encode(codec, char_of_obj(args[1]), buffer));
    for (uint64_t i = 0; i < string_length(args[1]); i++) bytes += codec_encode(codec, string_char(args[1], i), buffer);
    return obj_of_fix(bytes);
}
