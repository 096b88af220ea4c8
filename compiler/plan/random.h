/* Random numbers for searches: the same on every machine, from + * and / of IEEE doubles alone. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

typedef struct {
    uint64_t state;
} Random;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_bits(Random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

/* Uniform in [0, n), n > 0; the bias of at most n / 2^32 does not matter here. */
static inline int random_below(Random *random, int n)
{
    return (int)((random_bits(random) >> 32) * (uint64_t)n >> 32);
}

/* Uniform in [0, 1). */
static inline double random_unit(Random *random)
{
    return (double)(random_bits(random) >> 11) * 0x1p-53;
}

/* Exponential with mean 1: the number of halvings, then ln by its series in (m - 1) / (m + 1). */
static inline double random_exponential(Random *random)
{
    double m = 1 - random_unit(random), halvings = 0;
    for (; m < 0.5; m *= 2)
        halvings++;
    double s = (1 - m) / (1 + m), q = s * s;
    return halvings * 0.69314718055994531 + 2 * s * (1 + q * (1.0 / 3 + q * (0.2 + q / 7)));
}

#endif
