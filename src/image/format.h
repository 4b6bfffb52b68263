/* format.h: the file format of images.  Private to room image; docs/image-format.md tells it to those who write a reader.

       [ runtime, padded to a page ]     only in an executable
       header                            one page
       sections                          each beginning at a page: static, dynamic, pure, tables, finalizers, builtins, handles, shadow
       trailer                           64 bytes, the last of the file

   The trailer says where the header is, counted back from the end of the file; so anything may stand before it.  All numbers are little-endian.
   Words are Lisp words as they lie in memory when the dynamic area begins at `heap.start` and the pure area at `pure_start`.

   Invariants
     image.page    sections and header begin at multiples of PAGE in the file when the file does; so they can be mapped
     image.same    nothing in the file depends on when, where or by which process it was written */
#ifndef FORMAT_H
#define FORMAT_H

#include "image/image.h"

#include "heap/heap.h"

#define IMAGE_MAGIC "Windfall image\n"   /* 16 bytes with its zero */
#define TRAILER_MAGIC "Windfall-trailer"  /* 16 bytes without */
enum { IMAGE_VERSION = 4, IMAGE_PAGE = 4096, IMAGE_ROOTS = 16 };

typedef enum SectionKind { SECTION_STATIC, SECTION_DYNAMIC, SECTION_PURE, SECTION_TABLES, SECTION_FINALIZERS, SECTION_BUILTINS, SECTION_HANDLES, SECTION_SHADOW, SECTION_COUNT } SectionKind;

typedef struct Section {
    uint64_t offset;   /* from the header's beginning, a multiple of IMAGE_PAGE */
    uint64_t bytes;    /* of its contents */
    uint64_t checksum; /* of its contents */
    uint64_t stored;   /* bytes in the file: `bytes`, or less; then they are a zstd frame that holds the contents */
    uint64_t count;    /* TABLES: entries; FINALIZERS: pairs that wait, the rest is due; BUILTINS: names; HANDLES: records */
} Section;

typedef struct ImageHeader {
    char magic[16];
    uint32_t version, flags;              /* ImageFlags */
    uint64_t checksum;                    /* of the header page with this field 0 */
    uint64_t bytes;                       /* of the image, trailer included */
    uint64_t interface;                   /* image_interface() of the runtime that wrote it */
    uint8_t runtime_id[RUNTIME_ID_BYTES]; /* that runtime's build id, zero-padded; all zero: it has none */
    char system[32];                      /* name and version for messages */
    HeapState heap;
    uint64_t pure_start;                  /* PURE_BASE of the runtime that wrote it */
    uint64_t layout_count, tls_next, root_count;
    Obj roots[IMAGE_ROOTS];               /* World.packages and what follows */
    Section sections[SECTION_COUNT];
} ImageHeader;

typedef struct ImageTrailer {
    char magic[16];
    uint64_t back;     /* bytes from the header's beginning to the end of the file */
    uint64_t checksum; /* of this record with this field 0 */
    uint64_t unused[4];
} ImageTrailer;

_Static_assert(sizeof(ImageHeader) <= IMAGE_PAGE, "the header is one page");
_Static_assert(sizeof(ImageTrailer) == 64, "the trailer has 64 bytes");

/* Behind a slim runtime, the last of the page before the image. */
#define SLIM_MAGIC "Windfall-slim\0\0" /* 16 bytes with the last zero */
typedef struct SlimTrailer {
    char magic[16];
    uint64_t at, bytes; /* in the file */
    uint64_t checksum;  /* of the slim runtime's bytes */
} SlimTrailer;

/* A note in each runtime: where its table of builtins lies when it is loaded. */
enum { RUNTIME_NOTE = 1, BUILD_ID_BYTES = 20 };
typedef struct RuntimeNote {
    uint64_t start, stop, stride;
} RuntimeNote;

#define STATIC_USED (STATIC_SYMBOLS - STATIC_BASE + SYMBOL_BYTES * (uint64_t)STATIC_SYMBOL_COUNT)

/* -- identity.c -- */

/* Checksum of `bytes` bytes, going on from `seed`. */
uint64_t image_checksum(const void *data, size_t bytes, uint64_t seed);
/* What an image's words mean: shapes, instructions, predicates, static symbols, this format. */
uint64_t image_interface(void);
/* The build id of the running executable, zero-padded. */
void image_runtime_id(uint8_t id[RUNTIME_ID_BYTES]);

/* The contents of the note of that owner and type among the notes in [notes, notes + bytes), NULL if there is none; *size are its bytes. */
const void *note_find(const char *notes, size_t bytes, const char *owner, uint32_t type, size_t *size);

/* Opens the file that this process runs. */
int image_executable(void);

/* -- layout.c -- */

void image_layout(ImageLayout *layout, const Runtime *runtime, const ImageHeader *h);

/* -- check.c -- */

/* Are the sections' contents, wherever they are mapped, those of a world?  NULL, or what is wrong. */
const char *image_check(const ImageHeader *h, const void *const contents[SECTION_COUNT]);
/* Does the code of all functions in the dynamic area, with everything in its place, pass verification?  NULL, or what is wrong. */
const char *image_check_code(const void *area, uint64_t bytes);

/* The same of functions whose code is swapped, in a world that is there. */
const char *image_check_swapped(Thread *t);

/* -- relocate.c -- */

/* How words of an image change: references into [from, from + bytes) of an area move by `delta`; builtins get the numbers in `builtins`, if that is not NULL. */
typedef struct AreaMove {
    uint64_t from, bytes, delta;
} AreaMove;
typedef struct Relocation {
    AreaMove dynamic, pure;
    const uint32_t *builtins;
    uint32_t builtin_count;
} Relocation;
/* Do addresses change? */
static inline bool relocation_moves(const Relocation *r) { return r->dynamic.delta || r->pure.delta; }
Obj relocate_word(const Relocation *r, Obj x);
void relocate_words(const Relocation *r, Obj *words, size_t count);
/* The objects and conses in [from, from + bytes), end to end: of the dynamic area or the static page.  If addresses change, tables hashed by address are marked so that they find that out. */
void relocate_objects(const Relocation *r, void *from, size_t bytes);
/* Marks all entries of a table hashed by address.  `index` is where its index vector lies now. */
void table_mark_moved(Obj *words, Obj index);

/* -- save.c -- */

/* Makes an object the same whatever happened to it: hash tables are linked in the order of their entries, fillers zeroed (a visitor of heap_each). */
void image_canonical(void *data, Obj *words, size_t bytes);

#endif
