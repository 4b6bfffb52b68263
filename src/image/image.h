/* image.h: the world written to a file, and mapped again.  Door of room image.

   An image is the static page, the dynamic and the pure area as they lie in memory, with a header that says what else a world needs.  It is saved by
   a process that does nothing else any more (prim/images.c forks one), and mapped when a process starts; no Lisp runs in between. */
#ifndef IMAGE_H
#define IMAGE_H

#include "run/run.h"

enum ImageFlags {
    IMAGE_OWN_ARGUMENTS = 1, /* the command line is the application's alone: no options of ours */
};

/* -- runtime.c -- */

/* What stands before an image in an executable: two runtimes, of which the first runs; or of those only the first, or only the second, as the first. */
typedef enum RuntimeKind { RUNTIME_ALL, RUNTIME_WHOLE, RUNTIME_SLIM } RuntimeKind;

enum { RUNTIME_ID_BYTES = 32 };
#define NO_BUILTIN UINT32_MAX

typedef struct Runtime {
    char *data; /* as the file has it, malloc'ed */
    size_t bytes;
    uint8_t id[RUNTIME_ID_BYTES]; /* its build id, zero-padded */
    uint32_t *builtins; /* its numbers for our builtins, NO_BUILTIN for what it has not; NULL: it is the one that runs */
} Runtime;

/* Reads a runtime from a file ("": the one that this process runs).  NULL, or what went wrong; then there is nothing to close. */
const char *runtime_open(Runtime *r, const char *file, RuntimeKind kind);
void runtime_close(Runtime *r);
/* Which builtins do objects of the heap refer to that the runtime has not?  lacks[number of ours]; false if none. */
bool runtime_lacks(const Runtime *r, Thread *t, bool *lacks);

/* -- save.c -- */

/* What a file consists of, in its order. */
enum { IMAGE_PARTS = 16 };
typedef struct ImageLayout {
    uint64_t bytes, build; /* of the whole file; a checksum of all that is in the image */
    unsigned count;
    struct {
        const char *name;
        uint64_t bytes;
    } parts[IMAGE_PARTS];
} ImageLayout;

typedef struct ImageRequest {
    const char *file;
    const char *runtime; /* NULL: the image alone; "": behind a copy of the running executable's runtime; else behind that of this file */
    RuntimeKind kind;    /* which of the runtimes there */
    bool fitting;        /* the whole runtime instead of the slim one, if something refers to what that has not */
    const char *slim;    /* a file whose runtime goes behind the whole one as the slim one; NULL: none is added */
    unsigned mode;       /* permission bits */
    unsigned flags;      /* ImageFlags */
    bool impurify;       /* world_save: brings what is in pure space back to the dynamic area first, */
    bool purify;         /* and then purifies */
    int compression;     /* level of zstd, 1 to 19, or 0: none */
    bool dry;            /* do everything but write the file */
    ImageLayout *layout; /* is filled, if not NULL */
    void (*settled)(Thread *t, void *data); /* called, if not NULL, when every object is where the image will have it, but for relocation */
    void *data;
} ImageRequest;

/* Writes the image of a world in which nothing runs: stack, bindings and exits are empty.  The world is of no use afterwards: tables have been
   renumbered, and perhaps everything was relocated.  NULL, or what went wrong as a text for users; *system_error is then the errno or 0.
   The file is either the old one or the new one, whole. */
const char *image_save(Thread *t, const ImageRequest *request, int *system_error);

/* -- layout.c -- */

/* ImageLayout.build of the image in a file, from its header alone: false and what is wrong, if there is none. */
bool image_build(const char *file, uint64_t *build, const char **why);

/* -- lease.c -- */

/* An access to a mapped file that has become shorter is a message and the end. */
void lease_guard(void);

/* -- load.c -- */

typedef struct ImageFile ImageFile;

/* Opens the image in a file, or (NULL) behind the runtime in the running executable, and checks its header.  NULL: there is none, or it cannot
   be used; *why says so, and is NULL if the executable has none. */
ImageFile *image_open(const char *file, const char **why);
/* Was it written by another build of the runtime? */
bool image_is_foreign(const ImageFile *image);
unsigned image_flags(const ImageFile *image);
/* Checks the contents against their checksums: NULL or what is wrong. */
const char *image_verify(ImageFile *image);
/* Makes the world of the image and closes the file.  NULL: it cannot be used; *why says so. */
Thread *image_load(ImageFile *image, World *w, size_t heap_limit, const char **why);

#endif
