/* lease.c: files that are mapped, and somebody writes to.

   A private mapping shows what is in the file, as long as the page was not written to.  So another program that overwrites or truncates a mapped unit in
   its place (cp does; COMPILE-FILE does not) would change the code that runs, or take it away (SIGBUS).  Linux can tell beforehand: who holds a read
   lease on a file is sent SIGIO when somebody opens it for writing or truncates it, and that somebody waits until the lease is given back.  The
   handler puts a copy of the contents, as they still are, in the mapping's place, at the same addresses, and gives the lease back.

   Where no lease can be had (file systems that have none, a file of somebody else, a file that is being written, too many units), the file is
   read into memory instead.  So what runs never changes; nothing is copied unless it must be.

   Limit: a process that is stopped for longer than /proc/sys/fs/lease-break-time (45 s) loses the lease, and a disk may fail: the next access to a page
   that is gone is a message and the end of the process, for images too, which have no lease. */
#include "image/image.h"
#include "image/unit-map.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LEASES_MOST = 192, LEASES_MANY = 128 }; /* each costs a descriptor */

typedef struct Lease {
    char *volatile base; /* NULL: its pages are not final yet */
    size_t size;
    int fd;     /* -1: the lease was given back, the memory is our own */
    char *name; /* NULL: the row is free */
} Lease;

/* Signal handlers have no other way to them. */
static Lease leases[LEASES_MOST];

/* -- Signals -- */

NORETURN static void die(const char *name, const char *what) {
    const char *const parts[] = {"windfall: ", name, ": ", what, "\n"};
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (write(2, parts[i], strlen(parts[i])) < 0) break;
    _exit(2);
}

/* Puts a copy in the mapping's place. */
static void lease_give_back(Lease *l) {
    char *copy = mmap(NULL, l->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) die(l->name, "somebody writes to it, and there is no memory to keep what it was");
    memcpy(copy, l->base, l->size);
    if (mprotect(copy, l->size, PROT_READ) != 0 || mremap(copy, l->size, l->size, MREMAP_MAYMOVE | MREMAP_FIXED, l->base) != l->base)
        die(l->name, "somebody writes to it, and what it was cannot be kept");
    fcntl(l->fd, F_SETLEASE, F_UNLCK);
    close(l->fd);
    l->fd = -1;
}

/* Gives back the lease if somebody waits for it. */
static void lease_answer(Lease *l) {
    if (l->base && l->fd >= 0 && fcntl(l->fd, F_GETLEASE) == F_UNLCK) lease_give_back(l);
}

static void on_break(int number) {
    int saved = errno;
    (void)number;
    for (int i = 0; i < LEASES_MOST; i++) lease_answer(&leases[i]);
    errno = saved;
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    for (int i = 0; i < LEASES_MOST; i++)
        if (leases[i].base && (uintptr_t)info->si_addr - (uintptr_t)leases[i].base < leases[i].size) die(leases[i].name, "the unit was cut off while it was in use, or cannot be read");
    die("a mapped file", "it was cut off while it was in use, or cannot be read");
}

void lease_guard(void) {
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}

/* -- Files -- */

/* A read lease on the file: a descriptor that holds it, or -1. */
static int lease_take(int fd) {
    static bool ready;
    if (!ready) {
        struct sigaction action = {.sa_handler = on_break, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        sigaction(SIGIO, &action, NULL);
        lease_guard();
        ready = true;
    }
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return -1;
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0) fcntl(fd, F_SETLEASE, F_UNLCK);
    return own;
}

/* All of the file in memory of our own. */
static char *contents_read(int fd, size_t size) {
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    for (size_t at = 0; at < size;) {
        ssize_t n = pread(fd, base + at, size - at, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) { /* what is missing will have the wrong checksum */
            if (n == 0) return base;
            munmap(base, size);
            return NULL;
        }
        at += (size_t)n;
    }
    return base;
}

char *lease_map(int fd, const char *name, size_t *size, int *lease) {
    Lease *l = leases;
    struct stat st;
    while (l < leases + LEASES_MOST && l->name) l++;
    int own = l < leases + LEASES_MOST ? lease_take(fd) : -1;
    char *base = NULL;
    *lease = NO_LEASE;
    if (fstat(fd, &st) == 0 && st.st_size > 0) { /* only now: nobody changes it any more */
        *size = (size_t)st.st_size;
        base = own < 0 ? contents_read(fd, *size) : mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    }
    if (!base || base == MAP_FAILED) {
        if (own >= 0) close(own);
        return NULL;
    }
    if (own < 0) return base;
    *lease = (int)(l - leases);
    *l = (Lease){.base = NULL, .size = *size, .fd = own, .name = strdup(name)};
    must(l->name != NULL);
    return base;
}

bool lease_many(void) {
    int n = 0;
    for (int i = 0; i < LEASES_MOST; i++) n += leases[i].name != NULL;
    return n >= LEASES_MANY;
}

void lease_begin(int lease, char *base) {
    if (lease == NO_LEASE) return;
    leases[lease].base = base;
    lease_answer(&leases[lease]); /* who came before: the handler left this one alone */
}

void lease_end(int lease) {
    if (lease == NO_LEASE) return;
    Lease *l = &leases[lease];
    l->base = NULL;
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* from here on the handler leaves it alone */
    if (l->fd >= 0) close(l->fd);
    free(l->name);
    l->name = NULL;
}
