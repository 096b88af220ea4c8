/* Local search over the order that valley fill takes: buffers that end above the goal, and buffers
 * alive with them, change their places in the order; a change is kept if no more lies above the
 * goal than before. */
#include "place/packing.h"

#include <string.h>

struct Local {
    Valley *valley;
    int *order, *trial; /* permutations */
    int64_t *offsets;
    int *critical; /* buffers that end above the goal */
    int n_critical;
    double excess;  /* of order: size above the goal times sections lived in */
    int64_t height; /* of order */
    int stalled;    /* changes since the last gain; -1: no order yet */
    int n_starts;
    uint64_t random;
};

enum { N_START_KEYS = KEY_SIZE + 1, START_NOISE = 2000, MOST_STALLED = 300 };

Local *local_new(Arena *arena, const Packing *packing, uint64_t seed)
{
    Local *local = NEW(arena, Local);
    *local = (Local){
        .valley = valley_new(arena, packing),
        .order = NEW_N(arena, int, packing->n),
        .trial = NEW_N(arena, int, packing->n),
        .offsets = NEW_N(arena, int64_t, packing->n),
        .critical = NEW_N(arena, int, packing->n),
        .stalled = -1,
        .random = seed + 1,
    };
    return local;
}

static double excess_above(const Packing *packing, const int64_t *offsets, int64_t goal)
{
    double sum = 0;
    for (int i = 0; i < packing->n; i++) {
        int64_t low = offsets[i] > goal ? offsets[i] : goal;
        int64_t top = offsets[i] + packing->size[i];
        if (top > low)
            sum += (double)(top - low) * (double)(packing->to[i] - packing->from[i]);
    }
    return sum;
}

static void adopt(Local *local, const Incumbent *best, int64_t height, double excess)
{
    const Packing *packing = best->packing;
    int *swap = local->order;
    local->order = local->trial;
    local->trial = swap;
    local->height = height;
    local->excess = excess;
    local->n_critical = 0;
    for (int i = 0; i < packing->n; i++)
        if (local->offsets[i] + packing->size[i] > best->goal)
            local->critical[local->n_critical++] = i;
}

/* Every other start is at the best order known, the rest at the keys, with more noise each time
 * around. */
static void start(Local *local, Incumbent *best)
{
    int round = local->n_starts++ / 2;
    if (local->n_starts % 2 == 1)
        memcpy(local->trial, best->order, (size_t)best->packing->n * sizeof *best->order);
    else
        order_by_noisy_key(best->packing, (Key)(round % N_START_KEYS),
                           START_NOISE * (round / N_START_KEYS), &local->random, local->trial);
    int64_t height =
        valley_fill(local->valley, local->trial, INT64_MAX, local->offsets, &best->steps);
    incumbent_offer_order(best, local->trial, local->offsets, height, "local search");
    adopt(local, best, height, excess_above(best->packing, local->offsets, best->goal));
    local->stalled = 0;
}

static int place_in_order(const int *order, int buffer)
{
    int k = 0;
    while (order[k] != buffer)
        k++;
    return k;
}

static void move_in_order(int *order, int from, int to)
{
    int buffer = order[from];
    if (to < from)
        memmove(order + to + 1, order + to, (size_t)(from - to) * sizeof *order);
    else
        memmove(order + from, order + from + 1, (size_t)(to - from) * sizeof *order);
    order[to] = buffer;
}

/* Some buffer that is alive with the given one, or any where a few guesses find none. */
static int some_overlap(Local *local, const Packing *packing, int buffer)
{
    int other = buffer;
    for (int guess = 0; guess < 50; guess++) {
        other = noise_below(&local->random, packing->n);
        if (other != buffer && packing->from[other] < packing->to[buffer] &&
            packing->from[buffer] < packing->to[other])
            break;
    }
    return other;
}

/* One change to the trial order at or near a critical buffer. */
static void change(Local *local, const Packing *packing)
{
    int *order = local->trial;
    int buffer = local->critical[noise_below(&local->random, local->n_critical)];
    int at = place_in_order(order, buffer);
    int other = place_in_order(order, some_overlap(local, packing, buffer));
    switch (noise_below(&local->random, 4)) {
    case 0: move_in_order(order, at, noise_below(&local->random, at + 1)); break;
    case 1:
        order[at] = order[other];
        order[other] = buffer;
        break;
    case 2: move_in_order(order, other, noise_below(&local->random, packing->n)); break;
    default: move_in_order(order, other, other + noise_below(&local->random, packing->n - other));
    }
}

static void step(Local *local, Incumbent *best)
{
    const Packing *packing = best->packing;
    memcpy(local->trial, local->order, (size_t)packing->n * sizeof *local->order);
    for (int n_changes = 1 + noise_below(&local->random, 3); n_changes > 0; n_changes--)
        change(local, packing);
    int64_t limit = local->height + (local->height - best->goal) / 2 + 1;
    best->steps -= packing->n;
    int64_t height = valley_fill(local->valley, local->trial, limit, local->offsets, &best->steps);
    local->stalled++;
    if (height == INT64_MAX)
        return;
    incumbent_offer_order(best, local->trial, local->offsets, height, "local search");
    double excess = excess_above(packing, local->offsets, best->goal);
    if (excess > local->excess && height >= local->height)
        return;
    if (excess < local->excess || height < local->height)
        local->stalled = 0;
    adopt(local, best, height, excess);
}

void local_run(Local *local, Incumbent *best, int64_t steps_left)
{
    while (best->steps > steps_left && !incumbent_done(best)) {
        if (local->stalled < 0 || local->stalled > MOST_STALLED || local->n_critical == 0)
            start(local, best);
        else
            step(local, best);
    }
}
