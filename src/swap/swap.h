/* swap.h: arrays that live in a file and are fetched when they are used.  Door of room swap.

   A swapped array is one *block* in shadow space (a file) and one *handle*, an immediate word that stands for it (word.h).  To be read or run it is
   fetched into the *swapping buffer*, a range of addresses of its own below the dynamic area; there it is made of ordinary objects, which
   all C code can read.  A block may be more than one object (an array and its data, code and its constants): first those with references,
   then the raw ones; references among them are relative in the file and absolute in the buffer.

       handle -> entry -> place in the buffer, if it is there:   | owner size used hits | objects with references | raw objects |
                      -> place in shadow space, with checksums:                         | the same, relative ...  | the same    |

   Fetching may evict what was used longest ago.  It happens only when code is entered (`swap_enter`) and when an instruction or a leaf looks into an
   array (`swap_fetch`).  The latter never evicts the code that is running nor what has been fetched since `swap_begin`.  So whoever holds a place in a C local holds
   it until the next call of code, and no longer (law 5).

   What changed in the buffer is found by its checksum when it is evicted, and written to a new place; the old one is free then.

   The collector: a full collection marks handles, traces the references of their blocks in shadow space and frees what was not marked.  An ephemeral one
   never reads shadow space: references to young objects are kept in memory beside the entry (*links*) while a block is away.

   Calls and returns of code that is there cost what those of resident code do: a function that is entered is *lent* the places of its code and constants,
   which stand in its two words instead of the handle until they are recalled (lend.c).

   Invariants
     swap.one    one array has one handle: EQ tells whether two are the same
     swap.young  a block in shadow space refers to tenured objects only; its other references are its links
     swap.pin    the array whose code runs, and those fetched since `swap_begin`, are not evicted by `swap_fetch`
     swap.lent   words that were lent hold places of a block that is there, and the collector never meets them */
#ifndef SWAP_H
#define SWAP_H

#include "heap/heap.h"

#define SWAP_BASE UINT64_C(0x180000000000) /* where the buffer lies: below HEAP_BASE, so that stores into it pass the write barrier, and above what sanitizers take */
enum { SWAP_PAGE = 4096, SWAP_PAGES_DEFAULT = 64, SWAP_PAGES_MOST = 1 << 20 };

typedef enum SwapFault {
    SWAP_FINE,
    SWAP_TOO_BIG,    /* the array is larger than the buffer, or than what pinned arrays leave of it */
    SWAP_NO_BUFFER,  /* the buffer has size 0 */
    SWAP_UNREADABLE, /* shadow space cannot be read there: an error of the system, or the file is too short */
    SWAP_DAMAGED,    /* it can be read, and the checksum is wrong */
    SWAP_FULL        /* shadow space cannot be made or written */
} SwapFault;

/* One array.  Sizes and file offsets are in granules of 16 bytes. */
typedef struct SwapEntry {
    char *place;              /* of its first object in the buffer, or NULL */
    struct SwapLinks *links;  /* while it is away: its references to objects that were young; NULL if there are none */
    uint32_t size, boxed;     /* of the block; of the objects with references at its start */
    uint32_t offset, stored;  /* in shadow space, and how much it takes there */
    uint32_t check_boxed, check_raw;
    uint32_t note;            /* what its maker wants to know without fetching it */
    uint32_t hits, fetches;   /* hits: uses of code (lend.c) or looks into data, as of the last eviction */
    uint32_t time;            /* spent in fetching, in 64 nanoseconds */
    uint32_t used;            /* clock of the last use, as of the last eviction */
    uint8_t type, flags;
    uint16_t detail;          /* of the handle: storage and vector */
} SwapEntry;
enum {
    SWAP_MARKED = 1,    /* by the full collection that is going on */
    SWAP_YOUNG = 2,     /* it may refer to young objects: ephemeral collections look at it */
    SWAP_CONSTANT = 4,  /* its raw objects never change: code */
    SWAP_MOVED = 8,     /* it was fetched, or a collection changed its references, since its maker cleared this */
    SWAP_IMAGE = 16,    /* its place is in the image's section, which is never written */
    SWAP_BROKEN = 32,   /* a collection found it unreadable or damaged: what it referred to is lost */
    SWAP_PACKED = 64,   /* compressed */
    SWAP_PARENT = 128   /* its place is in the shadow space of the process that forked this one, which is never written */
};

/* What lies before an array in the buffer. */
typedef struct SwapHeader {
    uint32_t owner; /* index of the handle; 0: free */
    uint32_t size;  /* in granules, this one included */
    uint32_t used;  /* clock */
    uint32_t hits;
} SwapHeader;

static inline SwapEntry *swap_entry(const Thread *t, Obj handle) { return &t->swap_entries[handle_index(handle)]; }
static inline SwapHeader *swap_header(const SwapEntry *e) { return (SwapHeader *)(void *)(e->place - sizeof(SwapHeader)); }

/* -- swap.c: arrays -- */

/* A new array: a block of `count` parts, objects with references before raw ones, the first being what the handle stands for.  The parts are copied;
   `storage` and `vector` go to the handle (word.h), whose type is that of the first part, or CODE if it is code (`flags` has SWAP_CONSTANT); `note` and
   `flags` go to the entry.  NIL, with *fault set, if shadow space takes no more; nothing has happened then. */
Obj swap_store(Thread *t, Type storage, bool vector, const Obj *parts, uint32_t count, uint32_t note, unsigned flags, SwapFault *fault);
/* Where the array is now, for as long as swap.pin says: its first object.  Leaves through the door if it cannot be fetched: SYS::%SWAP-FAULT is called
   and then the instruction is run again. */
Obj swap_fetch(Thread *t, Obj handle);
/* The same without leaving: false, with *fault set. */
bool swap_try(Thread *t, Obj handle, SwapFault *fault);
/* The same for code that is to run next: nothing is pinned, everything else may go.  Its entry, or NULL with the fault in t->swap_fault.  If the code ran before,
   the buffer, which must have become smaller since, grows when it is too small. */
SwapEntry *swap_enter(Thread *t, Obj handle, bool again);
/* A resident copy of the block as fresh objects, made without the buffer; its first object, and the first raw one if `raw` is not NULL.  NIL with
   *fault set if it cannot be read. */
Obj swap_copy(Thread *t, Obj handle, Obj *raw, SwapFault *fault);
/* The first object of the block, with the other objects with references, where it is or in memory that the next call of the swapper uses for something else: for those who
   only look.  NIL if it cannot be read. */
Obj swap_look(Thread *t, Obj handle);
/* The block's first raw object's contents, at most `bytes` of them with its header, wherever it is: for those who only look (dead.c). */
bool swap_peek(Thread *t, Obj handle, void *to, size_t bytes);
/* Pins are a stack: how many there are, and back to that many.  swap_begin drops all: a new instruction begins. */
size_t swap_pins(const Thread *t);
void swap_unpin(Thread *t, size_t mark);
void swap_begin(Thread *t);
/* The handle's block is these parts from now on, of whatever sizes; they may be resident, or parts of its own block in the buffer.  It is not in the buffer
   afterwards.  With a fault nothing has changed. */
SwapFault swap_replace(Thread *t, Obj handle, const Obj *parts, uint32_t count);
/* The handle of the block in the buffer whose first object x is, else NIL. */
Obj swap_handle_of(const Thread *t, Obj x);
/* Leaves through the door with the error of the fault; the instruction is run again when it has been repaired. */
NORETURN void swap_signal(Thread *t, Obj handle, SwapFault fault);
/* The keyword of a fault. */
const char *swap_fault_name(SwapFault fault);

/* The first object of an array that is in the buffer; its first raw object. */
static inline Obj swap_object(const SwapEntry *e) { return obj_of_address(e->place); }
static inline Obj swap_raw_object(const SwapEntry *e) { return obj_of_address(e->place + (size_t)e->boxed * 16); }

/* -- compound.c: arrays with a header and hash tables, which are several objects -- */

enum { COMPOUND_PARTS = 3 };
/* Why an array cannot be swapped, or NULL. */
const char *compound_problem(Obj x);
/* swap_store and swap_replace of any array that can be swapped. */
Obj compound_store(Thread *t, Obj x, SwapFault *fault);
SwapFault compound_replace(Thread *t, Obj handle, Obj x);
/* Whether a part lies elsewhere than the first one: a table has grown, a vector was extended. */
bool compound_has_grown(Obj x);
/* A hash table was fetched, or its keys may have moved. */
void compound_refresh(SwapEntry *e);
/* swap_copy, for use as a resident array; the second leaves through the door if it cannot be read. */
Obj compound_duplicate(Thread *t, Obj handle, SwapFault *fault);
Obj compound_copy(Thread *t, Obj handle);
/* A sum of all words of the array. */
uint64_t compound_hash(Obj x);

/* -- lend.c: functions that hold places in the buffer -- */

/* Two words that are the handle of an array that is there become its first raw object and its first object, until they are recalled.  Nothing happens while calls are
   counted. */
void swap_lend(Thread *t, const SwapEntry *e, Obj *words);
/* The same if nobody could tell: the array has been used since the last fetch. */
void swap_lend_used(Thread *t, Obj *words);
/* All words that were lent are handles again. */
void swap_recall(Thread *t);
/* Whether each call of code is a hit, for which nothing is lent; returns what it was. */
bool swap_count_hits(Thread *t, bool each);

/* -- buffer.c -- */

size_t swap_buffer_pages(const Thread *t);
/* Makes the buffer that many pages; everything in it is evicted.  What cannot be written back stays, and hinders the buffer from becoming smaller: then there is a fault other
   than SWAP_FINE. */
SwapFault swap_set_buffer(Thread *t, size_t pages);
/* Evicts everything that is not pinned, the running code too if `all`. */
SwapFault swap_evict_all(Thread *t, bool all);
/* While a fault is being handled (the calls nest), the buffer grows instead of being too small; how many are now. */
unsigned swap_set_reserve(Thread *t, bool open);
static inline bool swap_contains(const void *p) { return (uint64_t)(uintptr_t)p - SWAP_BASE < (uint64_t)SWAP_PAGES_MOST * SWAP_PAGE; }

/* -- handle.c -- */

typedef struct SwapStatistics {
    uint64_t arrays, bytes;         /* swapped now, and what they would take in memory */
    uint64_t stored, file, garbage; /* bytes of shadow space: in use, of the file, free in it */
    uint64_t resident;              /* bytes of handles and links in memory */
    uint64_t in_buffer, buffer;     /* bytes of arrays in the buffer, of the buffer */
    uint64_t hits, fetches, evictions, written, nanoseconds;
    uint64_t freed;                 /* arrays that collections have freed */
    uint64_t packed;                /* arrays that are stored compressed */
} SwapStatistics;
SwapStatistics swap_statistics(Thread *t);
/* The next handle with an index greater than that of `handle` (NIL: the first), or NIL. */
Obj swap_next(Thread *t, Obj handle);
/* Is it a handle of an array that exists? */
bool swap_is_valid(const Thread *t, Obj handle);
/* Hits of the array until now. */
uint64_t swap_hits(const SwapEntry *e);

/* -- shadow.c -- */

/* What the system said to the last fault: errno, or 0. */
int swap_system_error(Thread *t);
/* The file to use instead of a temporary one; before anything is swapped. */
void swap_set_file(Thread *t, const char *name);

/* -- pack.c: compression -- */

/* The level of zstd, 1 to 19, at which arrays are compressed when they are stored, 0: not at all.  -1 sets the usual one.  What is stored already stays as it is.  False:
   the library that compresses cannot be opened. */
int swap_compression(const Thread *t);
bool swap_set_compression(Thread *t, int level);

/* -- persist.c: shadow space as an image has it -- */

/* A handle in an image; sizes and offsets, from the beginning of the blocks, are in granules.  The first record is that of the dictionary with which blocks are compressed:
   `note` are its bytes.  Without one all its fields are 0. */
typedef struct SwapRecord {
    uint32_t size, boxed, offset, check_boxed, check_raw, note;
    uint8_t type, flags;
    uint16_t detail;
    uint32_t stored; /* less than `size` if it is compressed */
} SwapRecord;
typedef Obj (*SwapTranslate)(const void *data, Obj x);
/* What a fork does first: shadow space goes on being the parent's. */
void swap_detach(Thread *t);
/* Writes all blocks, with references as `translate` gives them, to a file without a name, *fd, of *bytes; the records are malloc'ed.  They are compressed if a `level` is given
   or swap_set_compression has.  False: a block cannot be read, or the file not be written.  Nothing is swapped: *count is 0. */
bool swap_export(Thread *t, SwapTranslate translate, const void *data, int level, SwapRecord **records, uint64_t *count, int *fd, uint64_t *bytes);
/* The inverse, before anything else is swapped: the blocks stay where they are in the file, which is the swapper's from now on.  False: the records are wrong. */
bool swap_import(Thread *t, const SwapRecord *records, uint64_t count, int fd, uint64_t at, uint64_t bytes);
/* For those who check an image without a world: what unpacks its blocks (NULL: the dictionary is wrong, or there is no memory); a block in memory that the caller frees (NULL: it, or its record, is wrong). */
Unpacker *swap_record_unpacker(const SwapRecord *records, const char *blocks, uint64_t bytes);
char *swap_record_read(const SwapRecord *r, Unpacker *u, const char *blocks, uint64_t bytes);
/* Changes the references in all blocks.  False: one cannot be read or written. */
bool swap_translate(Thread *t, SwapTranslate translate, const void *data);
/* Is the word in a stowed block one that refers to the block itself, and does it refer to a place within? */
static inline bool swap_is_relative(Obj x) { return x.w >> 63 && is_ref(x); }
static inline uint64_t swap_relative_offset(Obj x) { return address_of(x) & ~(UINT64_C(1) << 63); }

/* -- Inline -- */

static inline void swap_use(const Thread *t, const SwapEntry *e) {
    SwapHeader *h = swap_header(e);
    h->used = t->swap_clock;
    h->hits++;
}

/* -- Torture -- */

/* Everything is evicted at every safe point, so at every entry too; what was evicted is overwritten, and the buffer grows when it must. */
void swap_set_torture(Thread *t, bool on);
void swap_torture_point(Thread *t);

#endif
