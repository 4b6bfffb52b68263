/* base.h: the C we wished for; no Lisp.  Door of room base.

   Assertions that stay in release builds (`must`), bit arithmetic, page-granular memory, files written whole, a monotonic clock.
   Nothing here knows what a Lisp word is. */
#ifndef BASE_H
#define BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NORETURN __attribute__((noreturn)) /* not _Noreturn: cppcheck does not heed that */
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Two links of the runtime are made of these sources: the whole one, and the slim one of delivered programs, which has not what only development needs.
   Whole files are left out by the Makefile (DEVELOPMENT); what is in a file of both asks this constant. */
#ifdef WINDFALL_SLIM
enum { WHOLE = 0 };
#else
enum { WHOLE = 1 };
#endif

/* must.c */

/* Dies with file, line and the condition's text: a mistake of ours, never of the user's. */
NORETURN void must_fail(const char *file, int line, const char *what);
NORETURN void must_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define must(cond) (LIKELY(cond) ? (void)0 : must_fail(__FILE__, __LINE__, #cond))

/* pages.c */

/* Reserves `bytes` of address space at `wanted` (or anywhere if NULL), readable and writable, taken as used.
   Returns NULL when the range is refused. */
void *pages_reserve(void *wanted, size_t bytes);
/* Gives the pages wholly inside [from, to) back to the OS; they read as zero afterwards. */
void pages_discard(void *from, void *to);
void pages_release(void *at, size_t bytes);
/* Memory that this process may use, in bytes: the machine's, or its cgroup's if that is less. */
size_t pages_available(void);


/* words.c: a stack of 64-bit words that grows by pages, up to a bound. */
typedef struct WordStack {
    uint64_t *items;
    size_t count, capacity;
    size_t most; /* `capacity` never exceeds it; 0: no bound */
} WordStack;
/* Doubles the room.  False at the bound, or when the system refuses memory; the stack is as it was. */
bool words_grow(WordStack *s);
/* Gives all the memory back and empties the stack. */
void words_release(WordStack *s);

/* newfile.c: a file that takes another's place, whole or not at all.  The functions return 0 or the error number. */
typedef struct NewFile {
    int fd;
    char *temporary;
    const char *path;
} NewFile;
/* Makes the temporary file, with those permissions (less the umask), for `path`, which must live until the end, and removes those that killed writers of `path` have left. */
int newfile_open(NewFile *f, const char *path, unsigned mode);
int newfile_write(const NewFile *f, const void *data, size_t bytes);
/* Ends the writing: puts the file in its place or, after an error, removes it.  The error, or that of this step. */
int newfile_close(NewFile *f, int error);

/* checksum.c */
uint64_t bytes_checksum(const void *data, size_t bytes, uint64_t seed);

/* compress.c: zstd frames. */
enum { FRAME_MAGIC_BYTES = 4, UNPACKER_MOST = 4 };
extern const uint8_t frame_magic[FRAME_MAGIC_BYTES]; /* what every frame begins with */
/* Opens the library that packs; NULL: it cannot be opened, or there is no memory.  `level` is one of zstd, 1 to 19. */
typedef struct Packer Packer;
Packer *packer_open(int level);
void packer_close(Packer *p);
/* Makes a dictionary of at most `room` bytes for what is like the samples, which lie end to end; its size, or 0: they are too few. */
size_t packer_train(const Packer *p, unsigned number, void *to, size_t room, const void *samples, const size_t *sizes, unsigned count);
/* What is packed from now on is packed with that dictionary.  False: there is no memory. */
bool packer_use(Packer *p, const void *dictionary, size_t bytes, int level);
/* The length of the frame; 0: there is no room for it. */
size_t packer_pack(const Packer *p, void *to, size_t room, const void *from, size_t bytes);
/* Unpacks frames with dictionaries, whose numbers count from 1 in the order in which they are added. */
typedef struct Unpacker Unpacker;
Unpacker *unpacker_make(void); /* NULL: no memory */
void unpacker_free(Unpacker *u);
/* False: there are too many, it is none, or it has another number. */
bool unpacker_add(Unpacker *u, const void *dictionary, size_t bytes);
/* Fills [to, to + bytes) with what the frame at the beginning of [from, from + most) holds; false if it is damaged or holds another number of bytes. */
bool unpacker_unpack(Unpacker *u, void *to, size_t bytes, const void *from, size_t most);
/* The same of a frame without dictionary that is exactly as long as `stored`. */
bool frame_unpack(void *to, size_t bytes, const void *from, size_t stored);

/* clock.c */
uint64_t clock_nanoseconds(void);     /* monotonic */
uint64_t clock_run_nanoseconds(void); /* CPU time of the process */

/* -- Bits -- */

static inline uint64_t bits_round_up(uint64_t n, uint64_t to) { return (n + to - 1) & ~(to - 1); }
static inline int bits_lowest(uint64_t n) { return __builtin_ctzll(n); }
static inline int bits_highest(uint64_t n) { return 63 - __builtin_clzll(n); }
static inline int bits_count(uint64_t n) { return __builtin_popcountll(n); }

/* -- Word stacks, inline -- */

static inline bool words_push(WordStack *s, uint64_t w) {
    if (UNLIKELY(s->count == s->capacity) && !words_grow(s)) return false;
    s->items[s->count++] = w;
    return true;
}

#endif
