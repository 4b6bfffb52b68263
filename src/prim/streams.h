/* streams.h: stream objects, and how C code reads and writes through them.  Shared by the files of room prim.

   A stream is one boxed object; its kind says what the fields mean.  All state is in the heap: buffers are raw vectors that may move at
   safe points only, so a leaf takes their address anew and keeps it for its own duration.

       FD            a file descriptor, with a buffer for input and one for output, made when first needed
       STRING_INPUT  characters [POSITION, END) of the simple string IN_BUFFER
       STRING_OUTPUT POSITION characters in the growing string OUT_BUFFER
       FILL_OUTPUT   pushes onto the string with fill pointer FIRST
       BROADCAST     FIRST is the list of components       CONCATENATED  FIRST is the list of what is still to be read
       SYNONYM       FIRST is the symbol                   TWO_WAY, ECHO FIRST is the input, SECOND the output component
       CLOSED        closed; WAS is the kind that it had

   Composites are followed in C.  Closing changes the kind, so the fast ways need no test of their own.

   Invariants
     streams.unread   the LAST bytes (characters, for strings) before POSITION are still in the buffer: UNREAD-CHAR steps back over them
     streams.mode     of an FD stream, at most one of the buffers is in use: input is dropped (and the file repositioned) before output */
#ifndef STREAMS_H
#define STREAMS_H

#include "prim/prim.h"
#include "text/text.h"

typedef enum StreamKind {
    STREAM_FD,
    STREAM_STRING_INPUT,
    STREAM_STRING_OUTPUT,
    STREAM_FILL_OUTPUT,
    STREAM_BROADCAST,
    STREAM_CONCATENATED,
    STREAM_SYNONYM,
    STREAM_TWO_WAY,
    STREAM_ECHO,
    STREAM_CLOSED,
} StreamKind;

/* Fields; those marked # are fixnums. */
enum {
    STREAM_KIND,         /* # StreamKind */
    STREAM_STATE,        /* # bits, below */
    STREAM_POSITION,     /* # next to be read, or number written (strings) */
    STREAM_END,          /* # past the last that can be read without asking the system */
    STREAM_LAST,         /* # size of the character last read: what UNREAD-CHAR steps back; 0: nothing.  Echo: 1 = do not echo the next */
    STREAM_LINE,         /* # newlines read so far */
    STREAM_CODEC,        /* # Codec */
    STREAM_IN_BUFFER,    /* U8_VECTOR, simple string, or NIL */
    STREAM_OUT_BUFFER,   /* U8_VECTOR, STRING, or NIL */
    STREAM_OUT_COUNT,    /* # bytes waiting in OUT_BUFFER */
    STREAM_COLUMN,       /* # column of the next character written */
    STREAM_FD_NUMBER,    /* # */
    STREAM_REPLACEMENT,  /* # character code for what cannot be decoded or encoded, or NIL: signal */
    STREAM_ELEMENT_BITS, /* # binary: bits of an element, negative if signed; 0 for characters */
    STREAM_ELEMENT_TYPE, /* type specifier */
    STREAM_FORMAT,       /* external format as given */
    STREAM_FIRST,
    STREAM_SECOND,
    STREAM_PATHNAME, /* of a file, or NIL */
    STREAM_FILE,     /* native name that CLOSE gives to TEMPORARY, or that of a new file that CLOSE :ABORT T deletes, or NIL */
    STREAM_TEMPORARY,/* native name that the file has until it is closed, or NIL */
    STREAM_WAS,      /* # kind before it was closed */
    STREAM_LENGTH
};

enum {
    STREAM_INPUT = 1,
    STREAM_OUTPUT = 2,
    STREAM_INTERACTIVE = 4, /* a terminal */
    STREAM_LINE_FLUSH = 8,  /* written out at the end of every line */
    STREAM_BIVALENT = 16,   /* characters and bytes */
    STREAM_KEEP_FD = 32,    /* CLOSE leaves the descriptor alone: standard input and output */
    STREAM_NEW_FILE = 64,   /* CLOSE :ABORT T deletes FILE */
};

/* What stream_read_char and its kin return instead of a character code or byte. */
enum { STREAM_EOF = -1, STREAM_INTERRUPTED = -2, STREAM_MALFORMED = -3, STREAM_WOULD_BLOCK = -4 };

static inline bool is_stream(Obj x) { return has_type(x, TYPE_STREAM); }
static inline int64_t stream_get(Obj s, int field) { return fix_of_obj(obj_slots(s)[field]); }
/* NOBARRIER: a fixnum. */
static inline void stream_put(Obj s, int field, int64_t n) { obj_slots(s)[field] = obj_of_fix(n); }
static inline bool stream_is(Obj s, int bits) { return (stream_get(s, STREAM_STATE) & bits) != 0; }

/* -- stream_core.c: what other chapters use -- */

/* The stream that an input (output) stream designator stands for: NIL is *STANDARD-INPUT* (*STANDARD-OUTPUT*), T is *TERMINAL-IO*.
   TYPE-ERROR for what is no stream designator. */
Obj stream_designated_input(Thread *t, Obj x);
Obj stream_designated_output(Thread *t, Obj x);

/* Next character's code; STREAM_EOF at the end; STREAM_INTERRUPTED when a signal came while waiting, STREAM_MALFORMED when the next bytes are
   no character: nothing has been consumed by this call and the leaf leaves by `stream_give_up`. */
int32_t stream_read_char(Thread *t, Obj stream);
/* The same without consuming. */
int32_t stream_peek_char(Thread *t, Obj stream);
/* Steps back over the character read last. */
void stream_unread_char(Thread *t, Obj stream);
/* Number of newlines read so far, plus one: the line of the next character.  0 if unknown. */
int64_t stream_line(Thread *t, Obj stream);

void stream_write_char(Thread *t, Obj stream, uint32_t code);
/* `bytes` bytes of UTF-8. */
void stream_write_text(Thread *t, Obj stream, const char *utf8, size_t bytes);
/* Characters as code points. */
void stream_write_codes(Thread *t, Obj stream, const uint32_t *codes, size_t count);
/* Characters [start, end) of a simple string. */
void stream_write_string(Thread *t, Obj stream, Obj simple_string, uint64_t start, uint64_t end);
/* Column of the next character to be written, -1 if unknown. */
int64_t stream_column(Thread *t, Obj stream);
/* Writes out what waits in buffers, through composites. */
void stream_flush(Thread *t, Obj stream);

/* Leaves a leaf after STREAM_INTERRUPTED or STREAM_MALFORMED: the signal is handled or the DECODING-ERROR signalled, and then `function` of
   package COMMON-LISP or SYS ("%...") is called with the n arguments, in the leaf's place. */
NORETURN void stream_give_up(Thread *t, int32_t why, Obj stream, const char *function, uint32_t n, const Obj *args);
NORETURN void stream_signal_eof(Thread *t, Obj stream);
/* A STREAM-ERROR with a message. */
NORETURN void stream_error(Thread *t, Obj stream, const char *control, uint32_t count, Obj a, Obj b);

/* -- stream_core.c, for the other stream files -- */

Obj stream_make(Thread *t, StreamKind kind, int64_t state);
/* As stream_write_string, but stops at a character that cannot be encoded: where it stopped, `end` if it did not. */
uint64_t stream_write_range(Thread *t, Obj stream, Obj simple_string, uint64_t start, uint64_t end);
/* Follows synonym, two-way and echo streams to what takes the characters (echo is not followed for input). */
Obj stream_resolve_input(Thread *t, Obj stream);
Obj stream_resolve_output(Thread *t, Obj stream);
/* FD: gets more bytes: > 0 how many, 0 at the end, or STREAM_INTERRUPTED; with `wait` false also STREAM_WOULD_BLOCK. */
int64_t stream_fill(Thread *t, Obj fd_stream, bool wait);
void stream_flush_fd(Thread *t, Obj fd_stream);
/* FD: forgets buffered input and puts the file's position where the reader is. */
void stream_drop_input(Obj fd_stream);
void stream_write_bytes(Thread *t, Obj fd_stream, const uint8_t *bytes, size_t count);
/* One character of an FD stream from its buffer: its code, or STREAM_...; *size gets its bytes (or those that are malformed). */
int32_t stream_next_char(Thread *t, Obj fd_stream, int *size);
static inline uint8_t *stream_in_bytes(Obj fd_stream) { return (uint8_t *)obj_raw(obj_slots(fd_stream)[STREAM_IN_BUFFER]); }
/* The fast way of reading a character of an FD stream: a code below 128 but no newline, if the buffer has one; else -1. */
static inline int32_t stream_read_ascii(Obj s) {
    int64_t position = stream_get(s, STREAM_POSITION);
    if (position >= stream_get(s, STREAM_END) || stream_get(s, STREAM_CODEC) > CODEC_ASCII) return -1;
    uint8_t c = stream_in_bytes(s)[position];
    if (c >= 0x80 || c == '\n') return -1;
    stream_put(s, STREAM_POSITION, position + 1);
    stream_put(s, STREAM_LAST, 1);
    return c;
}
/* Where in the input buffer the first malformed bytes at or behind the reading position are, and how many (0: there are none). */
int64_t stream_malformed(Obj fd_stream, int *size);
/* The simple string below a string, and where its characters begin in it. */
Obj string_storage(Obj string, uint64_t *offset);
/* :START and :END among the arguments from `from` on, checked against `length`. */
void bounds_from_keywords(Thread *t, Obj *args, uint32_t from, uint32_t n, uint64_t length, uint64_t *start, uint64_t *end);

#endif
