/* text.h: characters, strings, symbols and packages, the C reader.  Door of room text.

   Reading in C.  `read_form` reads one datum of standard syntax from memory.  It starts the system (lisp/ is read by it before there is
   any Lisp) and it is the fast path of READ: what it cannot read it leaves (READ_OTHER), and the reader in Lisp begins again where
   this one began.  It reads UTF-8 or, with `wide`, 32-bit characters in place, so a base string (ASCII) needs no copy.  It calls no
   Lisp, so nothing moves under it, and it signals nothing: errors come back as status, text and line.

   Places.  With `note_places` the reader remembers the line of every list's opening parenthesis.  The first cons of a list is allocated
   before its elements are read, and neither allocation nor the collector ever reorders (law 3): so the vector that `reader_places` makes,
   #(list line list line ...), is sorted by address for good, and `reader_line` finds a list in it by bisection, after any number of
   collections.  Whoever compiles the form keeps the vector in a root as long as he wants lines. */
#ifndef TEXT_H
#define TEXT_H

#include "heap/heap.h"

/* -- string.c -- */

/* The characters of any string where they lie, fill pointer and displacement considered.  Valid until the next safe point. */
typedef struct Text {
    const void *data; /* uint32_t if wide, else bytes */
    uint64_t length;
    bool wide;
} Text;

static inline uint32_t text_char(Text s, uint64_t i) {
    return s.wide ? ((const uint32_t *)s.data)[i] : ((const uint8_t *)s.data)[i];
}
static inline Text text_part(Text s, uint64_t start, uint64_t end) {
    return (Text){(const char *)s.data + (s.wide ? 4 * start : start), end - start, s.wide};
}
bool is_text_string(Obj x); /* STRINGP */
Text text_of_string(Obj string);
/* A fresh simple string: base if all codes are below 128, else full. */
Obj string_of_text(Thread *t, Text s);
Obj string_of_utf8(Thread *t, const char *utf8, size_t bytes);
/* A fresh full (4-byte) string. */
Obj full_string_of_text(Thread *t, Text s);
bool texts_equal(Text a, Text b);
uint32_t text_hash(Text s);
/* UTF-8 of any string (NUL-terminated, malloc'ed; *bytes gets its length if not NULL). */
char *utf8_of_string(Obj string, size_t *bytes);
bool strings_equal(Obj a, Obj b); /* simple strings, any mixture of base and full, same characters */
uint32_t string_hash(Obj simple_string); /* the same for base and full strings of the same characters */
/* Length and characters of any string, fill pointer and displacement considered. */
uint64_t string_length(Obj string);
uint32_t string_char(Obj string, uint64_t i);

/* One character of UTF-8 at *p < end; advances.  What is not UTF-8 is U+FFFD, a byte at a time. */
uint32_t utf8_decode(const char **p, const char *end);
/* Writes at most 4 bytes, returns how many. */
unsigned utf8_encode(uint32_t code, char *out);

/* -- encode.c: external formats -- */

/* Those up to ASCII have the codes below 128 as single bytes. */
typedef enum Codec { CODEC_UTF8, CODEC_LATIN1, CODEC_ASCII, CODEC_UTF16LE, CODEC_UTF16BE, CODEC_BINARY } Codec;
enum { CODEC_BYTES = 4 }; /* that a character takes at most */
/* Decodes one character from n bytes: > 0 the bytes it took; 0 more bytes are needed; < 0 minus the number of malformed bytes. */
int codec_decode(Codec codec, const uint8_t *p, size_t n, uint32_t *code);
/* Encodes one character into at most CODEC_BYTES bytes: how many, 0 if the format cannot express it. */
int codec_encode(Codec codec, uint32_t code, uint8_t *out);

/* -- character.c -- */

enum { CODE_LIMIT = 0x110000, CHARACTER_NAME_SIZE = 32 };

uint32_t code_upcase_slow(uint32_t code);
uint32_t code_downcase_slow(uint32_t code);
static inline uint32_t code_upcase(uint32_t c) {
    return c >= 128 ? code_upcase_slow(c) : c >= 'a' && c <= 'z' ? c - 32 : c;
}
static inline uint32_t code_downcase(uint32_t c) {
    return c >= 128 ? code_downcase_slow(c) : c >= 'A' && c <= 'Z' ? c + 32 : c;
}
bool code_is_alphabetic(uint32_t code);
bool code_is_alphanumeric(uint32_t code);
bool code_is_graphic(uint32_t code);
/* The weight of the digit in the radix, -1 if it is none; decimal digits of all scripts count. */
int code_digit(uint32_t code, unsigned radix);
/* The name of a character that has one, in CHARACTER_NAME_SIZE bytes. */
bool code_name(uint32_t code, char *out);
/* The code of the character with that name, -1 if there is none; case does not matter. */
int32_t code_of_name(Text name);

/* -- package.c --
   A package: names (list of strings, the name first), hash vectors of internal and external symbols, use and used-by lists, shadowing
   symbols, local nicknames (an association list of strings and packages). */
enum { PACKAGE_NAMES, PACKAGE_INTERNAL, PACKAGE_EXTERNAL, PACKAGE_USES, PACKAGE_USED_BY, PACKAGE_SHADOWING, PACKAGE_LOCAL_NICKNAMES, PACKAGE_DOC, PACKAGE_LOCKED, PACKAGE_LENGTH };

/* Makes COMMON-LISP, KEYWORD, WINDFALL-SYSTEM (SYS), WINDFALL (EXT), COMMON-LISP-USER and puts the static symbols into them. */
void packages_create(Thread *t);
/* A package without symbols, in the world's list. `names`: list of fresh strings. */
Obj package_make(Thread *t, Obj names);
Obj package_find(Thread *t, Obj name_string);           /* NIL if there is none; no local nicknames */
/* The package that a name denotes in the package `current` (local nicknames first; NIL: none of these). */
Obj package_find_text(Thread *t, Obj current, Text name);
/* The symbol of that name accessible in the package, as far as it is there; *status is NIL, :INTERNAL, :EXTERNAL or :INHERITED. */
Obj package_find_symbol_text(Obj package, Text name, Obj *status);
/* The same; and what a delivery took away is made anew, if World.removed says so. */
Obj package_look_up(Thread *t, Obj package, Text name, Obj *status);
/* The same of the package's own symbols. */
Obj package_present_symbol(Thread *t, Obj package, Text name, Obj *status);
/* Was a symbol of that name, accessible in the package, taken away when the program was delivered, and is it an error to look it up (World.removed)? */
bool package_symbol_removed(Thread *t, Obj package, Text name);
/* Was the value of a symbol, or a package of that name? */
bool symbol_value_removed(Thread *t, Obj symbol);
bool package_removed(Thread *t, Text name);
/* What World.removed says of all symbols (package.c); and its words: for a symbol of a package, `number` in symbols.def or 0; for the value of a symbol that has that word; for a package. */
typedef enum RemovedMode { REMOVED_ERROR, REMOVED_MAKE_ANEW } RemovedMode;
enum { REMOVED_EXTERNAL = 1, REMOVED_DEFINED = 2, REMOVED_PROPERTIES = 4 };
uint64_t removed_word(Obj home, Text name, uint64_t number, unsigned flags);
uint64_t removed_value_word(uint64_t word);
uint64_t removed_package_word(Text name);
Obj package_intern(Thread *t, Obj package, Obj name_string, Obj *status);
Obj package_intern_text(Thread *t, Obj package, Text name, Obj *status);
/* Makes both tables of the package empty and small. */
void package_empty(Thread *t, Obj package);
void package_export(Thread *t, Obj package, Obj symbol); /* no conflict check */
Obj intern_text(Thread *t, Obj package, const char *name);
Obj make_symbol(Thread *t, Obj name_string);             /* uninterned */
bool is_keyword(Obj x);

/* A hash vector of symbols: [0] live entries, [1] entries that are not EMPTY, then a power of two of places. */
enum { TABLE_LIVE, TABLE_USED, TABLE_PLACES };
/* The symbol in the table, or UNBOUND. */
Obj symbol_table_find(Obj table, Text name, uint32_t hash);
/* Adds a symbol that is not there to the table in field `field` of the package. */
void package_add_symbol(Thread *t, Obj package, int field, Obj symbol);
bool package_remove_symbol(Thread *t, Obj package, int field, Obj symbol);

/* READTABLE: what prim/reader.c makes of its fields; CASE is one of :UPCASE :DOWNCASE :PRESERVE :INVERT. */
enum { READTABLE_SYNTAX, READTABLE_KINDS, READTABLE_MACROS, READTABLE_EXTRA, READTABLE_CASE, READTABLE_DISPATCH, READTABLE_LENGTH };

/* -- read.c -- */

typedef enum ReadStatus {
    READ_DONE,       /* a form */
    READ_NOTHING,    /* the end, before a form began */
    READ_UNFINISHED, /* the end, within a form */
    READ_CLOSE,      /* a closing parenthesis, before a form began; it is taken */
    READ_WRONG,      /* `message` says what */
    READ_DEEP,       /* nested too deeply for C */
    READ_OTHER,      /* syntax that is the Lisp reader's affair */
} ReadStatus;

/* What a character is to the C reader.  READ_ODD: not standard, the Lisp reader's affair. */
typedef enum ReadKind { READ_CONSTITUENT, READ_WHITESPACE, READ_TERMINATING, READ_ODD } ReadKind;

typedef struct Reader {
    const char *p, *end; /* what is still to be read */
    bool wide;           /* characters of 32 bits instead of UTF-8 */
    bool note_places;
    bool exports;        /* the library's own text: EXT:NAME makes the symbol and makes it external */
    bool base_strings;   /* literal strings of ASCII are base strings */
    bool odd_wide;       /* characters of codes above 127 are odd */
    const uint8_t *kinds; /* ReadKind of the codes below 128 */
    unsigned backquotes; /* how many backquotes there are around, less the commas */
    unsigned line;       /* of p; the caller sets it to 1 at the start of a text */
    unsigned base;       /* *READ-BASE* */
    Obj package;         /* *PACKAGE* */
    Obj float_format;    /* *READ-DEFAULT-FLOAT-FORMAT* */
    Obj features;        /* *FEATURES*, a list */
    ReadStatus status;
    const char *message;
    unsigned error_line;
    /* private */
    unsigned depth, suppress;
    Obj places; /* a vector with room */
    size_t place_count, place_size;
    bool escaped;                        /* the last token: has it \ or |, */
    unsigned colons;                     /* how many colons, */
    uint64_t colon;                      /* where the last is, */
    uint32_t *token;                     /* and its characters */
    uint64_t token_length, token_size;
    uint32_t token_fixed[256];
} Reader;

/* A reader of the text with base 10, single floats, no features. */
void reader_start(Reader *r, const char *text, size_t bytes, Obj package);
/* Reads one form: true and *out, or false and why in `status`.  Afterwards p is behind the form's last character. */
bool read_form(Thread *t, Reader *r, Obj *out);
/* The places of the last form, a simple vector, or NIL if it has no list; the reader forgets them. */
Obj reader_places(Thread *t, Reader *r);
/* The line of the list in such a vector (or NIL), 0 if unknown. */
unsigned reader_line(Obj places, Obj list);

/* -- backquote.c -- */

/* What `template means, with commas in it as (UNQUOTE x), (UNQUOTE-SPLICING x), (UNQUOTE-NSPLICING x): a form of LIST, LIST*, CONS, APPEND,
   QUOTE and %BQ-VECTOR.  UNBOUND if ,@ stands where nothing can be spliced. */
Obj backquote_expand(Thread *t, Obj template);

#endif
