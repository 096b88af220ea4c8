/* From buffers with times to a packing with sections: sweep the births and deaths in order of time,
 * and open a section at each birth that follows a death (what is alive between two such births only
 * grows, so the last set holds the others). */
#include "place/packing.h"

#include <stdlib.h>
#include <string.h>

/* Orders int64_t as order_sort orders uint64_t. */
static uint64_t time_bits(int64_t time)
{
    return (uint64_t)time ^ (uint64_t)1 << 63;
}

static void sort_by_time(const Buffer *buffers, int *ids, int n, bool by_death)
{
    int *order = xmalloc(2 * (size_t)n * sizeof *order), *sorted = order + n;
    uint64_t *times = xmalloc((size_t)n * sizeof *times);
    for (int i = 0; i < n; i++) {
        order[i] = i;
        times[i] = time_bits(by_death ? buffers[ids[i]].upper : buffers[ids[i]].lower);
    }
    order_sort(times, order, n);
    for (int i = 0; i < n; i++)
        sorted[i] = ids[order[i]];
    memcpy(ids, sorted, (size_t)n * sizeof *ids);
    free(times);
    free(order);
}

void packing_sort(const Buffer *buffers, int *ids, int n)
{
    sort_by_time(buffers, ids, n, false);
}

/* ids are in order of birth; sets from and to, and counts the sections. */
static void find_sections(Packing *packing, const Buffer *buffers)
{
    int n = packing->n, section = 0, n_dead = 0;
    int *deaths = xmalloc((size_t)n * sizeof *deaths);
    Buffer *local = xmalloc((size_t)n * sizeof *local);
    for (int i = 0; i < n; i++) {
        deaths[i] = i;
        local[i] = buffers[packing->original[i]];
    }
    sort_by_time(local, deaths, n, true);
    for (int i = 0; i < n; i++) {
        bool some_died = false;
        for (; local[deaths[n_dead]].upper <= local[i].lower; n_dead++) {
            packing->to[deaths[n_dead]] = section + 1;
            some_died = true;
        }
        section += some_died;
        packing->from[i] = section;
    }
    for (; n_dead < n; n_dead++)
        packing->to[deaths[n_dead]] = section + 1;
    packing->n_sections = section + 1;
    free(local);
    free(deaths);
}

static void measure_loads(Packing *packing)
{
    int64_t *change = xcalloc((size_t)packing->n_sections + 1, sizeof *change), sum = 0;
    for (int i = 0; i < packing->n; i++) {
        change[packing->from[i]] += packing->size[i];
        change[packing->to[i]] -= packing->size[i];
    }
    for (int s = 0; s < packing->n_sections; s++) {
        packing->load[s] = sum += change[s];
        if (sum > packing->lower_bound)
            packing->lower_bound = sum;
    }
    free(change);
}

static int log2_floor(int x)
{
    int log = 0;
    while (x >>= 1)
        log++;
    return log;
}

/* A sparse table: row k holds the largest of 2^k loads from each section on. */
static void measure_peaks(Packing *packing)
{
    size_t n = (size_t)packing->n_sections;
    int n_rows = log2_floor(packing->n_sections) + 1;
    int64_t *table = xmalloc((size_t)n_rows * n * sizeof *table);
    memcpy(table, packing->load, n * sizeof *table);
    for (int k = 1; k < n_rows; k++) {
        const int64_t *row = table + (size_t)(k - 1) * n;
        size_t half = (size_t)1 << (k - 1);
        for (size_t s = 0; s + 2 * half <= n; s++)
            table[(size_t)k * n + s] = row[s] > row[s + half] ? row[s] : row[s + half];
    }
    for (int i = 0; i < packing->n; i++) {
        int k = log2_floor(packing->to[i] - packing->from[i]);
        const int64_t *row = table + (size_t)k * n;
        int64_t left = row[packing->from[i]], right = row[packing->to[i] - (1 << k)];
        packing->peak[i] = left > right ? left : right;
    }
    free(table);
}

static int64_t common_divisor(const Packing *packing)
{
    int64_t divisor = 0;
    for (int i = 0; i < packing->n; i++)
        for (int64_t size = packing->size[i]; size != 0;) {
            int64_t rest = divisor % size;
            divisor = size;
            size = rest;
        }
    return divisor;
}

Packing *packing_new(Arena *arena, const Buffer *buffers, int *ids, int n)
{
    Packing *packing = NEW(arena, Packing);
    *packing = (Packing){
        .n = n,
        .from = NEW_N(arena, int, n),
        .to = NEW_N(arena, int, n),
        .size = NEW_N(arena, int64_t, n),
        .life = NEW_N(arena, int64_t, n),
        .peak = NEW_N(arena, int64_t, n),
        .original = NEW_N(arena, int, n),
    };
    packing_sort(buffers, ids, n);
    for (int i = 0; i < n; i++) {
        const Buffer *buffer = &buffers[ids[i]];
        packing->original[i] = ids[i];
        packing->size[i] = (int64_t)buffer->size;
        packing->life[i] = buffer->upper - buffer->lower;
    }
    find_sections(packing, buffers);
    packing->load = NEW_N(arena, int64_t, packing->n_sections);
    packing->first = NEW_N(arena, int, packing->n_sections + 1);
    for (int i = 0, s = 0; s <= packing->n_sections; s++) {
        while (i < n && packing->from[i] < s)
            i++;
        packing->first[s] = i;
    }
    packing->unit = common_divisor(packing);
    measure_loads(packing);
    measure_peaks(packing);
    return packing;
}
