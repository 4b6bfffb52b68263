/* shed-format.h: the file of a shed.  Private to room image; docs/image-format.md tells it to those who write a reader.

       header      one page
       pure        code, names, places in sources, end to end; padded to a page: mapped as it is
       objects     all others, end to end, in the order of their ages
       patches     what the program's own objects held before they were shaken
       names       symbols that are to be in packages
       packages    all packages there were

   Words are Lisp words; of references, those to objects of the shed are SHED_OBJECT or SHED_PURE + offset, those to objects of the program SHED_EXPORT + 16 * index
   into the vector that the program carries, and those to the static page are as they are.  Swap handles are references to the program too. */
#ifndef SHED_FORMAT_H
#define SHED_FORMAT_H

#include "image/format.h"
#include "image/shed.h"

#define SHED_MAGIC "Windfall shed\n\0" /* 16 bytes with the last zero */
#define SHED_OBJECT (UINT64_C(1) << 60)
#define SHED_EXPORT (UINT64_C(1) << 61)
#define SHED_PURE (UINT64_C(1) << 62)
enum { SHED_VERSION = 1 };

typedef enum PatchMode {
    PATCH_REPLACE, /* the slot gets the value, if it still holds what delivery left there */
    PATCH_FORCE,   /* ... whatever it holds */
    PATCH_UNION,   /* a list: ... else what the list has not is added */
    PATCH_PLIST,   /* a property list: what it has not is added */
    PATCH_FLAGS,   /* a symbol's flags, if they are still what delivery left */
    PATCH_PUT,     /* the holder is a hash table: the key gets the value, if it has none */
    PATCH_DEBUG,   /* the holder is a function: if its code is swapped by now, the value is its debug information */
    PATCH_MODES
} PatchMode;

typedef struct ShedPatch {
    Obj holder, left, value; /* LEFT: what delivery left there; of PUT the key */
    uint32_t slot, mode;
} ShedPatch;

typedef struct ShedName {
    Obj package, symbol;
    uint64_t external;
} ShedName;

typedef struct ShedHeader {
    char magic[16];
    uint32_t version, unused;
    uint64_t checksum;  /* of the header page with this field 0 */
    uint64_t build;     /* of the program */
    uint64_t interface; /* image_interface() */
    uint8_t runtime_id[RUNTIME_ID_BYTES];
    uint64_t check_pure, check_objects, check_tables;
    uint64_t pure_bytes, object_bytes, patch_count, name_count, package_count, export_count;
} ShedHeader;

_Static_assert(sizeof(ShedHeader) <= IMAGE_PAGE, "the header is one page");

/* Where the objects begin in the file; bytes of patches, names and packages. */
static inline uint64_t shed_objects_at(const ShedHeader *h) { return IMAGE_PAGE + bits_round_up(h->pure_bytes, IMAGE_PAGE); }
static inline uint64_t shed_table_bytes(const ShedHeader *h) { return h->patch_count * sizeof(ShedPatch) + h->name_count * sizeof(ShedName) + h->package_count * sizeof(Obj); }
static inline uint64_t shed_file_bytes(const ShedHeader *h) { return shed_objects_at(h) + h->object_bytes + shed_table_bytes(h); }

/* The pure part is read and summed in pieces. */
enum { SHED_PIECE = 1 << 16 };
static inline size_t shed_piece(uint64_t bytes, uint64_t done) { return bytes - done < SHED_PIECE ? (size_t)(bytes - done) : SHED_PIECE; }

#endif
