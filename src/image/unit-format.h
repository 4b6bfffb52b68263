/* unit-format.h: how a unit (a compiled file, NAME.wfu) lies on disk; shared by writer and reader.  docs/unit-format.md tells it at length.

       header | code | constants | debug information

   The header is 96 bytes, little-endian.  Code is a row of code vectors as they lie in memory: header word, instructions, padding to 16 bytes; it
   refers to nothing by address and runs where the file is mapped.  Constants and debug information are byte codes for a small stack machine, below.

   Numbers in them are varints: seven bits a byte, the lowest first, the top bit set on all but the last; signed ones are zigzag-coded.  A text
   is a varint, length * 2 + wide, then bytes or, if wide, varints.

   Every object made (conses of a list, first to last, included) gets the next number of the stream's table of objects.  The debug stream has a
   table of its own, so that it can be left out. */
#ifndef UNIT_FORMAT_H
#define UNIT_FORMAT_H

#include "image/unit.h"

#define UNIT_MAGIC "\x89WFU\r\n\x1A\n"
enum { UNIT_VERSION = 1, UNIT_HEADER = 96, UNIT_CODE_AT = UNIT_HEADER };
enum { UNIT_HAS_DEBUG = 1 }; /* flag */

typedef struct UnitHeader {
    char magic[8];
    uint32_t version, flags;
    uint64_t interface;      /* unit_interface() of the system that wrote it */
    uint64_t size;           /* of the file */
    uint64_t code_bytes, constants_bytes, debug_bytes;
    uint32_t objects, debug_objects; /* sizes of the two tables */
    uint64_t reserved[3];
    uint64_t checksum;       /* of the whole file with this field zero */
} UnitHeader;
_Static_assert(sizeof(UnitHeader) == UNIT_HEADER, "the header has no padding");

/* UNIT_OP(name): the byte codes.  "pops" and "pushes" are of the machine's stack. */
#define UNIT_OPS(OP)                                                                                          \
    OP(END)         /* the stream's end */                                                                    \
    OP(FALSE)       /* pushes NIL */                                                                          \
    OP(TRUE)        /* pushes T */                                                                            \
    OP(FIX)         /* signed: pushes a fixnum */                                                             \
    OP(WORD)        /* 8 bytes: pushes an immediate word that is no fixnum (character, single-float, marker) */ \
    OP(REF)         /* number: pushes an object of the constants' table */                                    \
    OP(DEBUG_REF)   /* number: pushes an object of the debug table */                                         \
    OP(PACKAGE)     /* text: makes an object, pushes nothing */                                               \
    OP(SYMBOL)      /* package's number * 2 + (1: in the debug table), text: interns and pushes */             \
    OP(KEYWORD)     /* text */                                                                                \
    OP(CL)          /* text: a symbol of COMMON-LISP */                                                       \
    OP(SYS)         /* text: a symbol of WINDFALL-SYSTEM */                                                   \
    OP(UNINTERNED)  /* text: a fresh symbol without package */                                                \
    OP(SETTER)      /* pops a symbol, pushes the cell of the function (SETF symbol) */                          \
    OP(BASE_STRING) /* text: pushes a simple base string */                                                   \
    OP(STRING)      /* text: pushes a simple character string */                                              \
    OP(LIST)        /* n: pops n, pushes their list */                                                        \
    OP(LIST_STAR)   /* n: pops n and a tail, pushes their dotted list */                                       \
    OP(VECTOR)      /* n: pops n, pushes a simple-vector */                                                   \
    OP(RAW)         /* type, flags, length, bytes: pushes an object of a RAW shape */                          \
    OP(BOXED)       /* type, flags, n: pops n, pushes an object of a BOXED shape */                            \
    OP(TEMPLATE)    /* offset in the code, environment's length, n: pops n constants (number 0 is the debug information), pushes a function */ \
    OP(FIXUP)       /* object's number, slot, number: stores the second object into a slot of the first, of a function into its constants */     \
    OP(CALL)        /* n: pops n arguments and a function or its name; calls */                                \
    OP(VALUE)       /* the value of the last call becomes an object of the table; pushes nothing */            \
    OP(CELL)        /* as VALUE, the value put into a cell */                                                  \
    OP(PLACES)      /* n, then n pairs of signed differences: pushes a vector of offsets and lines */          \
    OP(DEBUG)       /* pops the fields of a function's debug information, pushes it */

typedef enum UnitOp {
#define OP(name) UNIT_##name,
    UNIT_OPS(OP)
#undef OP
    UNIT_OP_COUNT
} UnitOp;

/* unit-check.c */
uint64_t unit_checksum(const void *bytes, size_t n, uint64_t seed);
/* A number that changes whenever code of an older build would mean something else: made of the tables of instructions, predicates and shapes. */
uint64_t unit_interface(void);
/* Turns CLOSURE and CLOSUREREC into their dynamic kin in all code vectors of the block; false if it is no row of code vectors. */
bool unit_patch(char *block, size_t bytes);
/* May the function run, whose closures have so many values and the owner?  NULL, or what is wrong.  cells[i] becomes 1 if value i must be a cell. */
const char *unit_verify(Obj code, Obj constants, uint64_t environment, uint8_t *cells);

#endif
