/* newfile.c: a file that takes another's place, whole or not at all.

   It is written under a temporary name in the same directory, NAME.PID.tmp, synced, and renamed over NAME.  So a failure or a kill at any
   instant leaves the old file or the new one, and who has the old one open or mapped keeps it.

   The writer holds a lock (flock) on the temporary file, which ends with the writer, however that ends.  A temporary file of the same NAME that is not
   locked was left by somebody who was killed: the next writer of NAME removes it.  A file that has just been made and is not locked yet may be
   removed like that; its maker sees, once it has the lock, that the file has no name any more, and makes another. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".tmp"

/* -- What others have left -- */

/* Is the file's name NAME.digits.tmp? */
static bool is_temporary(const char *file, const char *name) {
    size_t n = strlen(name);
    if (strncmp(file, name, n) != 0 || file[n] != '.') return false;
    size_t digits = strspn(file + n + 1, "0123456789");
    return digits && !strcmp(file + n + 1 + digits, SUFFIX);
}

static void remove_if_left(int directory, const char *file) {
    int fd = openat(directory, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(directory, file, 0);
    close(fd);
}

static void remove_left(const char *path) {
    const char *slash = strrchr(path, '/');
    char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    DIR *d = directory ? opendir(directory) : NULL;
    for (struct dirent *e; d && (e = readdir(d));)
        if (is_temporary(e->d_name, slash ? slash + 1 : path)) remove_if_left(dirfd(d), e->d_name);
    if (d) closedir(d);
    free(directory);
}

/* -- The new one -- */

/* Makes the temporary file and locks it: the errno, or 0. */
static int make(NewFile *f, unsigned mode) {
    for (;;) {
        struct stat st;
        f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (f->fd < 0) return errno;
        while (flock(f->fd, LOCK_EX) != 0 && errno == EINTR) {}
        if (fstat(f->fd, &st) == 0 && st.st_nlink) return 0;
        close(f->fd);
    }
}

int newfile_open(NewFile *f, const char *path, unsigned mode) {
    struct stat st;
    *f = (NewFile){.fd = -1, .path = path};
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) return S_ISDIR(st.st_mode) ? EISDIR : EINVAL; /* not in the place of a device */
    remove_left(path);
    size_t room = strlen(path) + 32;
    f->temporary = malloc(room);
    if (!f->temporary) return ENOMEM;
    snprintf(f->temporary, room, "%s.%ld%s", path, (long)getpid(), SUFFIX);
    int error = make(f, mode);
    if (error) free(f->temporary);
    return error;
}

int newfile_write(const NewFile *f, const void *data, size_t bytes) {
    const char *p = data;
    while (bytes) {
        ssize_t n = write(f->fd, p, bytes < (1u << 30) ? bytes : 1u << 30);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n ? errno : EIO;
        p += n;
        bytes -= (size_t)n;
    }
    return 0;
}

int newfile_close(NewFile *f, int error) {
    if (!error && fsync(f->fd) != 0) error = errno;
    if (!error && rename(f->temporary, f->path) != 0) error = errno;
    if (error) unlink(f->temporary);
    if (close(f->fd) != 0 && !error) error = errno;
    free(f->temporary);
    return error;
}
