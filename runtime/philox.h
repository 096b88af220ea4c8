/* Philox-4x32-10, the counter-based generator of Salmon et al. 2011 (Random123): four words are a
 * function of a counter of four words and a key of two, with no state between calls. C11 and CUDA.
 */
#ifndef PHILOX_H
#define PHILOX_H

#include <stdint.h>

#if defined(__CUDACC__) || defined(__CUDA__)
#define RT_EVERYWHERE __host__ __device__
#else
#define RT_EVERYWHERE
#endif

typedef struct {
    uint32_t word[4];
} RtRandom;

RT_EVERYWHERE static inline RtRandom rt_philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                                               uint32_t k0, uint32_t k1)
{
    RtRandom out;
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out.word[0] = c0;
    out.word[1] = c1;
    out.word[2] = c2;
    out.word[3] = c3;
    return out;
}

#endif
