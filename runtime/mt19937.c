/* Both generators are the same recurrence with other widths and constants. */
#include "mt19937.h"

void mt32_seed(Mt32 *mt, uint32_t seed)
{
    for (uint32_t i = 0; i < 624; i++) {
        mt->state[i] = seed;
        seed = 1812433253u * (seed ^ seed >> 30) + i + 1;
    }
    mt->next = 624;
}

static void mt32_turn(Mt32 *mt)
{
    for (int i = 0; i < 624; i++) {
        uint32_t bits = (mt->state[i] & 0x80000000u) | (mt->state[(i + 1) % 624] & 0x7FFFFFFFu);
        mt->state[i] = mt->state[(i + 397) % 624] ^ bits >> 1 ^ (bits & 1 ? 0x9908B0DFu : 0);
    }
    mt->next = 0;
}

uint32_t mt32_next(Mt32 *mt)
{
    if (mt->next == 624)
        mt32_turn(mt);
    uint32_t x = mt->state[mt->next++];
    x ^= x >> 11;
    x ^= x << 7 & 0x9D2C5680u;
    x ^= x << 15 & 0xEFC60000u;
    return x ^ x >> 18;
}

double mt32_unit(Mt32 *mt)
{
    uint32_t high = mt32_next(mt) >> 5, low = mt32_next(mt) >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

uint32_t mt32_upto(Mt32 *mt, uint32_t max)
{
    if (!max)
        return 0;
    uint32_t mask = max, value;
    for (int shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    do
        value = mt32_next(mt) & mask;
    while (value > max);
    return value;
}

void mt64_seed(Mt64 *mt, uint64_t seed)
{
    for (uint64_t i = 0; i < 312; i++) {
        mt->state[i] = seed;
        seed = 6364136223846793005u * (seed ^ seed >> 62) + i + 1;
    }
    mt->next = 312;
}

static void mt64_turn(Mt64 *mt)
{
    for (int i = 0; i < 312; i++) {
        uint64_t bits =
            (mt->state[i] & 0xFFFFFFFF80000000u) | (mt->state[(i + 1) % 312] & 0x7FFFFFFFu);
        mt->state[i] =
            mt->state[(i + 156) % 312] ^ bits >> 1 ^ (bits & 1 ? 0xB5026F5AA96619E9u : 0);
    }
    mt->next = 0;
}

uint64_t mt64_next(Mt64 *mt)
{
    if (mt->next == 312)
        mt64_turn(mt);
    uint64_t x = mt->state[mt->next++];
    x ^= x >> 29 & 0x5555555555555555u;
    x ^= x << 17 & 0x71D67FFFEDA60000u;
    x ^= x << 37 & 0xFFF7EEE000000000u;
    return x ^ x >> 43;
}
