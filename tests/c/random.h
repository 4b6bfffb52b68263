/* random.h: random numbers for tests, the same again with the environment variable HEAP_SEED. */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t state;

static inline uint32_t below(uint32_t n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % n;
}

/* Begins anew, by HEAP_SEED or else by chance, and tells by what. */
static inline void random_begin(void) {
    state = getenv("HEAP_SEED") ? (uint64_t)strtoull(getenv("HEAP_SEED"), NULL, 10) : (uint64_t)getpid();
    printf("seed %lu\n", (unsigned long)state);
    state = state * UINT64_C(2654435761) + UINT64_C(88172645463325252);
}

#endif
