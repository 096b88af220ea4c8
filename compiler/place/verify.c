/* The independent checker: takes the buffers from the lowest offset up and keeps, over time, which
 * of them reaches highest. Whoever starts below what is already there overlaps it. O(n log n). */
#include "place/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const Buffer *buffers;
    const size_t *offsets;
    int n_times, n_leaves;
    int64_t *times; /* sorted, distinct */
    int *whole;     /* per node: the buffer with the highest top among those over its whole span */
    int *highest;   /* per node: the buffer with the highest top among those over any of it */
} Sweep;

typedef struct {
    size_t offset;
    int id;
} Entry;

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int compare_entries(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool takes_room(const Buffer *buffer)
{
    return buffer->size > 0 && buffer->lower < buffer->upper;
}

static size_t top_of(const Sweep *sweep, int id)
{
    return id < 0 ? 0 : sweep->offsets[id] + sweep->buffers[id].size;
}

static int higher(const Sweep *sweep, int a, int b)
{
    return top_of(sweep, a) >= top_of(sweep, b) ? a : b;
}

/* What reaches highest anywhere in the times a <= t < b. */
static int sweep_query(const Sweep *sweep, int node, int low, int high, int a, int b)
{
    if (b <= low || high <= a)
        return -1;
    if (a <= low && high <= b)
        return sweep->highest[node];
    int middle = (low + high) / 2;
    int left = sweep_query(sweep, 2 * node, low, middle, a, b);
    int right = sweep_query(sweep, 2 * node + 1, middle, high, a, b);
    return higher(sweep, sweep->whole[node], higher(sweep, left, right));
}

static void sweep_add(Sweep *sweep, int node, int low, int high, int a, int b, int id)
{
    if (b <= low || high <= a)
        return;
    sweep->highest[node] = higher(sweep, id, sweep->highest[node]);
    if (a <= low && high <= b) {
        sweep->whole[node] = higher(sweep, id, sweep->whole[node]);
        return;
    }
    int middle = (low + high) / 2;
    sweep_add(sweep, 2 * node, low, middle, a, b, id);
    sweep_add(sweep, 2 * node + 1, middle, high, a, b, id);
}

static int time_index(const Sweep *sweep, int64_t time)
{
    const int64_t *found =
        bsearch(&time, sweep->times, (size_t)sweep->n_times, sizeof time, compare_times);
    return (int)(found - sweep->times);
}

static void sweep_prepare(Arena *arena, Sweep *sweep, int n)
{
    sweep->times = NEW_N(arena, int64_t, 2 * (size_t)n + 2);
    int n_all = 0;
    for (int i = 0; i < n; i++)
        if (takes_room(&sweep->buffers[i])) {
            sweep->times[n_all++] = sweep->buffers[i].lower;
            sweep->times[n_all++] = sweep->buffers[i].upper;
        }
    qsort(sweep->times, (size_t)n_all, sizeof *sweep->times, compare_times);
    for (int i = 0; i < n_all; i++)
        if (i == 0 || sweep->times[i] != sweep->times[sweep->n_times - 1])
            sweep->times[sweep->n_times++] = sweep->times[i];
    sweep->n_leaves = 1;
    while (sweep->n_leaves < sweep->n_times)
        sweep->n_leaves *= 2;
    size_t bytes = 2 * (size_t)sweep->n_leaves * sizeof(int);
    sweep->whole = memset(arena_alloc(arena, bytes), 0xff, bytes);
    sweep->highest = memset(arena_alloc(arena, bytes), 0xff, bytes);
}

static const char *check_overlaps(Arena *arena, Sweep *sweep, int n)
{
    Entry *entries = NEW_N(arena, Entry, n);
    for (int i = 0; i < n; i++)
        entries[i] = (Entry){sweep->offsets[i], i};
    qsort(entries, (size_t)n, sizeof *entries, compare_entries);
    for (int k = 0; k < n; k++) {
        int i = entries[k].id;
        if (!takes_room(&sweep->buffers[i]))
            continue;
        int a = time_index(sweep, sweep->buffers[i].lower);
        int b = time_index(sweep, sweep->buffers[i].upper);
        int below = sweep_query(sweep, 1, 0, sweep->n_leaves, a, b);
        if (top_of(sweep, below) > sweep->offsets[i])
            return arena_printf(arena, "buffers %d and %d are alive together and overlap", below,
                                i);
        sweep_add(sweep, 1, 0, sweep->n_leaves, a, b, i);
    }
    return NULL;
}

/* By differences at each time, unlike place_lower_bound's callers. */
static size_t max_live(Arena *arena, const Sweep *sweep, int n)
{
    size_t *change = NEW_N(arena, size_t, sweep->n_times + 1), sum = 0, most = 0;
    for (int i = 0; i < n; i++)
        if (takes_room(&sweep->buffers[i])) {
            change[time_index(sweep, sweep->buffers[i].lower)] += sweep->buffers[i].size;
            change[time_index(sweep, sweep->buffers[i].upper)] -= sweep->buffers[i].size;
        }
    for (int t = 0; t < sweep->n_times; t++) {
        sum += change[t];
        most = sum > most ? sum : most;
    }
    return most;
}

static const char *check_sums(Arena *arena, const Sweep *sweep, int n, const Placement *placement)
{
    size_t height = 0, bound = max_live(arena, sweep, n);
    for (int i = 0; i < n; i++) {
        if (sweep->buffers[i].size > SIZE_MAX - sweep->offsets[i])
            return arena_printf(arena, "buffer %d ends beyond the largest address", i);
        if (takes_room(&sweep->buffers[i]) && top_of(sweep, i) > height)
            height = top_of(sweep, i);
    }
    if (height != placement->arena_bytes)
        return arena_printf(arena, "the arena is said to be %zu bytes, but is %zu",
                            placement->arena_bytes, height);
    if (bound != placement->lower_bound_bytes)
        return arena_printf(arena, "the lower bound is said to be %zu bytes, but is %zu",
                            placement->lower_bound_bytes, bound);
    if (height == bound && !placement->optimal)
        return "the arena is at the lower bound, but not said to be optimal";
    return NULL;
}

const char *place_verify(Arena *arena, const Buffer *buffers, int n, const Placement *placement)
{
    Arena *scratch = arena_new();
    Sweep sweep = {.buffers = buffers, .offsets = placement->offsets};
    sweep_prepare(scratch, &sweep, n);
    const char *wrong = check_sums(scratch, &sweep, n, placement);
    if (!wrong)
        wrong = check_overlaps(scratch, &sweep, n);
    if (wrong)
        wrong = arena_strdup(arena, wrong);
    arena_free(scratch);
    return wrong;
}
