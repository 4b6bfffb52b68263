/* clock.c: time since some fixed instant, and time this process has run. */
#include "base/base.h"

#include <time.h>

static uint64_t clock_read(clockid_t which) {
    struct timespec ts;
    must(clock_gettime(which, &ts) == 0);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_nanoseconds(void) { return clock_read(CLOCK_MONOTONIC); }
uint64_t clock_run_nanoseconds(void) { return clock_read(CLOCK_PROCESS_CPUTIME_ID); }
