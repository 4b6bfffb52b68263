/* inside.h: the swapper's own structures.  Private to room swap; the theory is in swap.h. */
#ifndef INSIDE_H
#define INSIDE_H

#include "swap/swap.h"

enum { GRANULE = 16, BIN_COUNT = 33, SWAP_ELSEWHERE = SWAP_IMAGE | SWAP_PARENT };

/* References of a block that is away to objects that were young when it went. */
typedef struct SwapLink {
    uint64_t word; /* index in the block */
    Obj value;
} SwapLink;
typedef struct SwapLinks {
    uint64_t count;
    SwapLink items[];
} SwapLinks;

/* Shadow space: granule numbers.  The file begins with a page of its own. */
typedef struct Shadow {
    int fd;              /* -1: not made yet */
    int error;           /* errno of the last failure */
    const char *name;    /* NULL: temporary */
    uint64_t end;        /* first granule never used */
    uint64_t garbage;    /* granules in `bins` */
    WordStack bins[BIN_COUNT]; /* free extents by log2 of their size: offset << 32 | size */
    int parent_fd;       /* of the process that forked this one, or -1 */
    int image_fd;        /* of the image whose section holds arrays, */
    uint64_t image_at;   /* where the section begins in it */
} Shadow;

/* How blocks are compressed (pack.c). */
typedef struct Packing {
    int level;              /* of zstd; 0: what is written from now on is stored as it is */
    Packer *packer;         /* NULL if `level` is 0 */
    Unpacker *unpacker;     /* there before any compressed block is */
    unsigned dictionaries;  /* how many there are */
    void *dictionary;       /* the last of them, of */
    size_t dictionary_bytes;
    uint64_t seen, train_at; /* bytes of arrays that were stored while `level` was not 0; when they are so many, a dictionary is trained */
    char *frame;            /* memory for a frame */
    size_t frame_bytes;
} Packing;

typedef struct Swap {
    Thread *thread;
    SwapEntry *entries;
    uint64_t count, most; /* highest index in use; the table has room for indices below `most` */
    WordStack unused;    /* indices below it that are free */
    Shadow shadow;
    Packing packing;

    char *buffer, *end;  /* reserved when it is first needed; NULL before */
    char *hand;          /* where the search for room begins */
    size_t pages, reserved; /* of the buffer; of address range for it */
    uint8_t *dirty;      /* by page: a reference was stored there since the last collection */
    bool any_dirty;
    WordStack pins;      /* indices */
    WordStack loans;     /* addresses of pairs of words */
    bool counting;       /* every call: nothing is lent */

    WordStack young;     /* indices of entries with SWAP_YOUNG */
    WordStack waiting;   /* marked, to be traced */
    char *scratch;       /* a block as it is in shadow space */
    size_t scratch_bytes;

    uint64_t stored;     /* bytes of new arrays and their entries since the last full collection, */
    uint64_t due;        /* which is asked for when they are so many */
    uint64_t fetches, evictions, written, nanoseconds, freed, hits;
    bool torture;
    unsigned reserve;    /* faults that are being handled: the buffer may grow beyond its size */
} Swap;

/* The thread's swapper, made if there is none. */
Swap *swap_of(Thread *t);
static inline uint64_t swap_index(const Swap *s, const SwapEntry *e) { return (uint64_t)(e - s->entries); }

static inline Obj entry_handle(const Swap *s, const SwapEntry *e) { return handle_make((Type)e->type, (Type)(e->detail >> 1), e->detail & 1, swap_index(s, e)); }

/* -- shadow.c -- */

/* A place for `size` granules; false: shadow space is full or cannot be made. */
bool shadow_allocate(Shadow *d, uint32_t size, uint32_t *offset);
void shadow_free(Shadow *d, uint32_t offset, uint32_t size);
bool shadow_write(Shadow *d, uint32_t offset, const void *from, size_t bytes);
/* False: unreadable or too short. */
bool shadow_read(Shadow *d, uint32_t offset, unsigned flags, void *to, size_t bytes);
/* A file without a name in the folder for temporary files; -1 with errno set. */
int shadow_open_temporary(void);
/* Finds the free extents anew: `used` are all that are in use, offset << 32 | size, in any order.  Gives back the end of the file. */
void shadow_rebuild(Shadow *d, uint64_t *used, size_t count);

/* -- handle.c -- */

/* A free index, or 0: no more. */
uint64_t handle_take(Swap *s);
void handle_release(Swap *s, SwapEntry *e);
/* After a full collection: the table ends behind the last array that lives, and low indices are used first. */
void handles_trim(Swap *s);
/* An array has been made: many of them are reason for a full collection, which alone frees any. */
void handle_reckon(Swap *s, const SwapEntry *e);

/* -- block.c: the forms of a block -- */

/* Space for a block of that many bytes that is nobody's.  Before an array gets its size this has been asked for with block_reserve (false: no memory); so it is there
   for whoever reads one, the collector too. */
char *block_scratch(Swap *s, size_t bytes);
bool block_reserve(Swap *s, size_t bytes);
/* Calls `visit` for the slots of the objects in [p, p + granules). */
void block_slots(char *p, uint32_t granules, RootVisitor visit, void *data, const char *name);
/* Takes the young references out of the boxed part at p, where fixnum 0 takes their places, and makes references into the block relative. */
bool block_stow(Swap *s, SwapEntry *e, char *p, const char *place);
/* The inverse: relative references become those to `place`, and links are put back; block_settle frees them. */
void block_fill(const SwapEntry *e, char *p, const char *place);
void block_settle(SwapEntry *e, char *p, const char *place);
/* A copy at p of a block that is settled for `from`: settles it for `to`. */
void block_move(const SwapEntry *e, char *p, const char *from, const char *to);
uint32_t block_check_boxed(const SwapEntry *e, const char *p);
uint32_t block_check_raw(const SwapEntry *e, const char *p);
/* Reads the stowed block and checks it. */
SwapFault block_read(Swap *s, SwapEntry *e, char *to);
/* The same for its boxed part only, to scratch memory. */
SwapFault block_read_boxed(Swap *s, SwapEntry *e, char **to);
/* Writes a stowed block to a new place and frees the old one; false: the old one is as it was. */
bool block_write(Swap *s, SwapEntry *e, const char *p);
void entry_note_young(Swap *s, SwapEntry *e);

/* -- pack.c: compressed blocks -- */

/* A new array of that many granules is going to be stored: it may be time for a new dictionary. */
void pack_count(Swap *s, uint32_t size);
/* The stowed block as it is to be stored in *stored granules: packed, or p itself if there is no packer or that would be no shorter. */
const char *block_pack(Swap *s, const Packer *packer, const char *p, uint32_t size, uint32_t *stored);
/* Reads and unpacks a block with SWAP_PACKED; its checksums are still to be compared. */
SwapFault block_read_packed(Swap *s, const SwapEntry *e, char *to);
/* A dictionary trained from the swapped arrays as persist.c writes them, in memory that the caller frees; NULL: they are too few. */
void *dictionary_make(Swap *s, const Packer *p, unsigned number, SwapTranslate translate, const void *data, size_t *bytes);
/* Makes what unpacks, if it is not there; false: no memory. */
bool unpacker_ready(Swap *s);
/* From now on there may be frames with the dictionary, which is the swapper's then; false: it is none, and the caller's. */
bool dictionary_add(Swap *s, void *dictionary, size_t bytes);

static inline uint32_t dictionary_check(const void *p, size_t bytes) { return (uint32_t)bytes_checksum(p, bytes, 2); }

/* -- persist.c -- */

/* The stowed block with its links among its words, and references as `translate`, if not NULL, gives them. */
SwapFault block_translated(Swap *s, SwapEntry *e, char *p, SwapTranslate translate, const void *data);

/* -- buffer.c -- */

/* Room for a block of `size` granules, with its header written; NULL with *fault set.  `pinned`: running code and pins stay. */
char *buffer_take(Swap *s, uint32_t size, bool pinned, SwapFault *fault);
/* Makes the space of an entry in the buffer free, without writing it back. */
void buffer_drop(Swap *s, SwapEntry *e);
/* Calls `visit` for every entry in the buffer. */
void buffer_each(Swap *s, void (*visit)(Swap *s, SwapEntry *e, void *data), void *data);

/* -- swap.c -- */
SwapFault entry_evict(Swap *s, SwapEntry *e);

/* -- trace.c -- */
void trace_install(Swap *s);

#endif
