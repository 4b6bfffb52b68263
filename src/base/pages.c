/* pages.c: address space by the page. */
#include "base/base.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *pages_reserve(void *wanted, size_t bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (wanted ? MAP_FIXED_NOREPLACE : 0);
    void *at = mmap(wanted, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (at == MAP_FAILED) return NULL;
    if (wanted && at != wanted) {
        munmap(at, bytes);
        return NULL;
    }
    return at;
}

void pages_discard(void *from, void *to) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t lo = bits_round_up((uintptr_t)from, page), hi = (uintptr_t)to & ~(page - 1);
    if (lo < hi) must(madvise((void *)lo, hi - lo, MADV_DONTNEED) == 0);
}

void pages_release(void *at, size_t bytes) { must(munmap(at, bytes) == 0); }

/* The number in a one-line file, or `otherwise` if there is none ("max" included).  Without stdio: this runs at every start. */
static size_t number_in_file(const char *path, size_t otherwise) {
    char text[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return otherwise;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0 || text[0] < '0' || text[0] > '9') return otherwise;
    size_t number = 0;
    for (const char *p = text; p < text + n && *p >= '0' && *p <= '9'; p++) number = number > SIZE_MAX / 10 - 1 ? SIZE_MAX : 10 * number + (size_t)(*p - '0');
    return number;
}

size_t pages_available(void) {
    size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    size_t group = number_in_file("/sys/fs/cgroup/memory.max", machine);
    size_t older = number_in_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", machine);
    if (older < group) group = older;
    return group < machine ? group : machine;
}
