/* A permutation that needs no memory: place i of n in the order of one epoch. */
#ifndef SHUFFLE_H
#define SHUFFLE_H

#include "philox.h"

/* The item that comes at place i (0 <= i < n) of the epoch; over all i, each of 0..n-1 once. A
 * Feistel network of six rounds permutes the numbers of 2 h bits, the least that hold n; what falls
 * beyond n is permuted again until it falls within (cycle walking, at most 4 times on average). */
static inline int64_t rt_shuffled(int64_t i, int64_t n, uint64_t seed, int64_t epoch)
{
    unsigned half = 1;
    while ((int64_t)1 << (2 * half) < n)
        half++;
    const uint32_t mask = (uint32_t)(((uint64_t)1 << half) - 1);
    uint64_t x = (uint64_t)i;
    do {
        uint32_t left = (uint32_t)(x >> half) & mask, right = (uint32_t)x & mask;
        for (uint32_t round = 0; round < 6; round++) {
            RtRandom random = rt_philox(right, round, (uint32_t)epoch, 0x53485546u, (uint32_t)seed,
                                        (uint32_t)(seed >> 32));
            uint32_t next = left ^ (random.word[0] & mask);
            left = right;
            right = next;
        }
        x = (uint64_t)left << half | right;
    } while (x >= (uint64_t)n);
    return (int64_t)x;
}

#endif
