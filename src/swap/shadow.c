/* shadow.c: shadow space, the file where swapped arrays are.

   A temporary file without a name (in TMPDIR or /tmp), or the one that --shadow names.  It grows as it is used; place is given out in granules of 16
   bytes.  What is freed goes to bins by the logarithm of its size, from which allocation takes first; adjoining free extents are united when
   a collection has freed arrays: then all that is free is found anew from what is used, and the end of the file is given back.

   Nothing is ever written over: changed arrays go to a new place before the old one is freed.  So whatever happens in between, one of the two is whole.
   The table of handles is in memory: a file outlives its process only as a number of bytes, and the next process to name it begins anew.

   A named file begins with a page that says what it is, and is locked: no other file is overwritten, and no other process uses it.

   Limit: 2^32 granules, 64 GB. */
#include "swap/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_GRANULE = SWAP_PAGE / GRANULE };
static const char magic[32] = "Windfall shadow space 1\n";

/* -- The file -- */

int shadow_open_temporary(void) {
    const char *folder = getenv("TMPDIR");
    char name[4096];
    if (!folder || !folder[0]) folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    int n = snprintf(name, sizeof name, "%s/windfall-shadow-XXXXXX", folder);
    if (n < 0 || (size_t)n >= sizeof name) return -1;
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0) unlink(name);
    return fd;
}

/* A file that is empty or was shadow space; -1 with errno set for any other. */
static int open_named(const char *name) {
    char page[SWAP_PAGE] = {0};
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) goto fail;
    ssize_t n = pread(fd, page, sizeof magic, 0);
    if (n > 0 && memcmp(page, magic, sizeof magic) != 0) {
        errno = EEXIST;
        goto fail;
    }
    if (n < 0 || ftruncate(fd, 0) != 0) goto fail;
    memcpy(page, magic, sizeof magic);
    if (pwrite(fd, page, sizeof page, 0) != sizeof page) goto fail;
    return fd;
fail:;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool shadow_open(Shadow *d) {
    if (d->fd >= 0) return true;
    d->fd = d->name ? open_named(d->name) : shadow_open_temporary();
    if (d->fd < 0) d->error = errno;
    d->end = FIRST_GRANULE;
    return d->fd >= 0;
}

int swap_system_error(Thread *t) { return swap_of(t)->shadow.error; }
void swap_set_file(Thread *t, const char *name) { swap_of(t)->shadow.name = name; }

bool shadow_write(Shadow *d, uint32_t offset, const void *from, size_t bytes) {
    const char *p = from;
    off_t at = (off_t)offset * GRANULE;
    while (bytes) {
        ssize_t n = pwrite(d->fd, p, bytes, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            d->error = n < 0 ? errno : ENOSPC;
            return false;
        }
        p += n;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

bool shadow_read(Shadow *d, uint32_t offset, unsigned flags, void *to, size_t bytes) {
    char *p = to;
    off_t at = (off_t)offset * GRANULE + (flags & SWAP_IMAGE ? (off_t)d->image_at : 0);
    int fd = flags & SWAP_IMAGE ? d->image_fd : flags & SWAP_PARENT ? d->parent_fd : d->fd;
    while (bytes) {
        ssize_t n = pread(fd, p, bytes, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            d->error = n < 0 ? errno : 0;
            return false;
        }
        p += n;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* -- Places -- */

static unsigned bin_of(uint64_t size) { return (unsigned)bits_highest(size); }

/* What cannot be noted is lost until the next rebuilding. */
static void extent_put(Shadow *d, uint64_t offset, uint64_t size) {
    if (words_push(&d->bins[bin_of(size)], offset << 32 | size)) d->garbage += size;
}

void shadow_free(Shadow *d, uint32_t offset, uint32_t size) { extent_put(d, offset, size); }

/* Takes an extent out of a bin; the last ones of its own bin may be large enough, all of a higher bin are. */
static bool extent_take(Shadow *d, unsigned bin, uint64_t size, uint64_t *extent) {
    WordStack *s = &d->bins[bin];
    enum { LOOKS = 8 };
    for (size_t i = s->count; i > 0 && i + LOOKS > s->count; i--) {
        if ((uint32_t)s->items[i - 1] < size) continue;
        *extent = s->items[i - 1];
        s->items[i - 1] = s->items[--s->count];
        return true;
    }
    return false;
}

bool shadow_allocate(Shadow *d, uint32_t size, uint32_t *offset) {
    uint64_t extent;
    if (!shadow_open(d)) return false;
    for (unsigned bin = bin_of(size); bin < BIN_COUNT; bin++) {
        if (!extent_take(d, bin, size, &extent)) continue;
        uint64_t left = (uint32_t)extent - size;
        d->garbage -= (uint32_t)extent;
        *offset = (uint32_t)(extent >> 32);
        if (left) extent_put(d, *offset + (uint64_t)size, left);
        return true;
    }
    if (d->end + size > UINT32_MAX) {
        d->error = EFBIG;
        return false;
    }
    *offset = (uint32_t)d->end;
    d->end += size;
    return true;
}

static int compare_extents(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void shadow_rebuild(Shadow *d, uint64_t *used, size_t count) {
    if (d->fd < 0) return;
    uint64_t at = FIRST_GRANULE;
    qsort(used, count, 8, compare_extents);
    for (int i = 0; i < BIN_COUNT; i++) d->bins[i].count = 0;
    d->garbage = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t offset = used[i] >> 32;
        must(offset >= at);
        if (offset > at) extent_put(d, at, offset - at);
        at = offset + (uint32_t)used[i];
    }
    d->end = at;
    if (ftruncate(d->fd, (off_t)at * GRANULE) != 0) d->error = errno;
}
