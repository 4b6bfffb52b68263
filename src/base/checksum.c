/* checksum.c: the checksum of images, units and shadow space: 64 bits wide; four lanes of words, each multiplied and rotated, so that it runs at
   memory speed.  It is there against damage, not against malice. */
#include "base/base.h"

#include <string.h>

#define PRIME_1 UINT64_C(0x9E3779B97F4A7C15)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)

static inline uint64_t rotate(uint64_t x, int n) { return x << n | x >> (64 - n); }
static inline uint64_t lane_add(uint64_t lane, uint64_t word) { return rotate(lane + word * PRIME_2, 31) * PRIME_1; }
static inline uint64_t finish(uint64_t h) {
    h = (h ^ h >> 33) * PRIME_2;
    h = (h ^ h >> 29) * PRIME_1;
    return h ^ h >> 32;
}

uint64_t bytes_checksum(const void *data, size_t bytes, uint64_t seed) {
    const uint8_t *p = data;
    uint64_t lanes[4] = {seed + PRIME_1, seed + PRIME_2, seed, seed - PRIME_1}, rest[4] = {0}, h = bytes;
    size_t n = bytes;
    for (; n >= 32; p += 32, n -= 32) {
        uint64_t words[4];
        memcpy(words, p, 32);
        for (int i = 0; i < 4; i++) lanes[i] = lane_add(lanes[i], words[i]);
    }
    if (n) memcpy(rest, p, n); /* nothing may lie nowhere */
    for (int i = 0; i < 4; i++) h = lane_add(h ^ lanes[i], rest[i]);
    return finish(h);
}
