/* Orders of buffers: a stable radix sort, and the keys of the greedy methods in its terms. */
#include "place/packing.h"

#include <stdlib.h>
#include <string.h>

const char *const key_names[N_KEYS] = {"peak-area", "peak-life", "life", "area",
                                       "sections",  "size",      "birth"};

typedef struct {
    uint64_t value;
    int id;
} Item;

static void sort_by_byte(const Item *in, Item *out, int n, int shift)
{
    int start[257] = {0};
    for (int i = 0; i < n; i++)
        start[(in[i].value >> shift & 255) + 1]++;
    for (int b = 0; b < 256; b++)
        start[b + 1] += start[b];
    for (int i = 0; i < n; i++)
        out[start[in[i].value >> shift & 255]++] = in[i];
}

void order_sort(const uint64_t *values, int *order, int n)
{
    Item *items = xmalloc(2 * (size_t)n * sizeof *items), *in = items, *out = items + n;
    uint64_t all_or = 0, all_and = ~(uint64_t)0;
    for (int i = 0; i < n; i++) {
        in[i] = (Item){values[order[i]], order[i]};
        all_or |= in[i].value;
        all_and &= in[i].value;
    }
    for (int shift = 0; shift < 64; shift += 8) {
        if (((all_or ^ all_and) >> shift & 255) == 0)
            continue;
        sort_by_byte(in, out, n, shift);
        Item *swap = in;
        in = out;
        out = swap;
    }
    for (int i = 0; i < n; i++)
        order[i] = in[i].id;
    free(items);
}

/* The bits of a positive double rise with its value. */
static uint64_t area_bits(int64_t size, int64_t life)
{
    double area = (double)size * (double)life;
    uint64_t bits;
    memcpy(&bits, &area, sizeof bits);
    return bits;
}

static uint64_t primary(const Packing *packing, Key key, int i)
{
    switch (key) {
    case KEY_PEAK_AREA:
    case KEY_PEAK_LIFE: return (uint64_t)packing->peak[i];
    case KEY_LIFE: return (uint64_t)packing->life[i];
    case KEY_AREA: return area_bits(packing->size[i], packing->life[i]);
    case KEY_SECTIONS: return (uint64_t)(packing->to[i] - packing->from[i]);
    case KEY_SIZE: return (uint64_t)packing->size[i];
    default: return 0;
    }
}

static uint64_t secondary(const Packing *packing, Key key, int i)
{
    switch (key) {
    case KEY_PEAK_AREA: return area_bits(packing->size[i], packing->life[i]);
    case KEY_PEAK_LIFE: return (uint64_t)packing->life[i];
    case KEY_LIFE:
    case KEY_SECTIONS: return (uint64_t)packing->size[i];
    default: return 0;
    }
}

void order_by_key(const Packing *packing, Key key, int *order)
{
    int n = packing->n;
    uint64_t *values = xmalloc((size_t)n * sizeof *values);
    for (int i = 0; i < n; i++) {
        order[i] = i;
        values[i] = ~secondary(packing, key, i);
    }
    order_sort(values, order, n);
    for (int i = 0; i < n; i++)
        values[i] = ~primary(packing, key, i);
    order_sort(values, order, n);
    free(values);
}

uint64_t noise_next(uint64_t *random)
{
    uint64_t x = *random += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

int noise_below(uint64_t *random, int n)
{
    return (int)((noise_next(random) >> 32) * (uint64_t)n >> 32);
}

/* The logarithm to base 2, in units of 2^-16, straight between powers of two: with integers alone,
 * for the same order on every machine. */
static int64_t log2_fixed(int64_t x)
{
    if (x <= 0)
        return 0;
    int whole = 63 - __builtin_clzll((unsigned long long)x);
    uint64_t fraction = (uint64_t)x << (63 - whole) << 1;
    return (int64_t)whole << 16 | (int64_t)(fraction >> 48);
}

/* A peak weighs as its fourth power: near to first, but not always. */
static int64_t log_of_key(const Packing *packing, Key key, int i)
{
    int64_t size = log2_fixed(packing->size[i]), life = log2_fixed(packing->life[i]);
    switch (key) {
    case KEY_PEAK_AREA: return 4 * log2_fixed(packing->peak[i]) + size + life;
    case KEY_PEAK_LIFE: return 4 * log2_fixed(packing->peak[i]) + life;
    case KEY_LIFE: return life;
    case KEY_AREA: return size + life;
    case KEY_SECTIONS: return log2_fixed(packing->to[i] - packing->from[i]);
    default: return size;
    }
}

void order_by_noisy_key(const Packing *packing, Key key, int amplitude, uint64_t *random,
                        int *order)
{
    int n = packing->n;
    uint64_t *values = xmalloc((size_t)n * sizeof *values);
    for (int i = 0; i < n; i++) {
        int noise = noise_below(random, 2 * amplitude + 1) - amplitude;
        values[i] = (uint64_t)(((int64_t)1 << 40) - log_of_key(packing, key, i) - noise);
        order[i] = i;
    }
    order_sort(values, order, n);
    free(values);
}
