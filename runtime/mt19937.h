/* The Mersenne Twister of Matsumoto and Nishimura, 32 bits (1998) and 64 bits (2004): the
 * generators of C++'s <random> and of numpy's RandomState, by which LiBai builds its samples. */
#ifndef MT19937_H
#define MT19937_H

#include <stdint.h>

typedef struct {
    uint32_t state[624];
    int next;
} Mt32;

typedef struct {
    uint64_t state[312];
    int next;
} Mt64;

void mt32_seed(Mt32 *mt, uint32_t seed);
uint32_t mt32_next(Mt32 *mt);
void mt64_seed(Mt64 *mt, uint64_t seed);
uint64_t mt64_next(Mt64 *mt);

/* What numpy's RandomState makes of it: uniform in [0, 1) with 53 bits; and uniform in 0..max, by
 * rejection of the lowest bits that hold max (no draw where max is 0). */
double mt32_unit(Mt32 *mt);
uint32_t mt32_upto(Mt32 *mt, uint32_t max);

#endif
