/* The order of the methods, cheap ones first, on each part of the problem that is independent of
 * the others; a part stops as soon as it is as low as the whole arena has to be anyway. */
#include "place/packing.h"

#include <stdlib.h>
#include <string.h>

/* A core of the early 2020s does about this many steps a second. */
static const double steps_per_second = 5e7;

enum {
    MOST_LEVELS = 16,            /* of whole-run buffers under whole-run buffers ... */
    MOST_LEVELS_LARGE = 2,       /* ... in parts too large for the depth-first search */
    MOST_SEARCHED = 3000,        /* buffers of a part, for the depth-first search */
    MOST_FIRST_FIT = 50000,      /* ... for first fit, which is quadratic */
    MOST_QUICK_FIRST_FIT = 3000, /* ... where only the greedy passes are asked for */
    FIRST_SLICE = 500000         /* steps for a method before the next has its turn */
};

/* The buffers ids[0..n) without those that are alive throughout, which lie below them. */
typedef struct {
    Packing *packing;
    int64_t base;
} PartOfRun;

typedef struct {
    Arena *arena;
    const Buffer *buffers;
    const PlaceOptions *options;
    size_t *offsets;
    ARRAY(PartOfRun) parts;
    int64_t height, lower_bound, proved; /* of the whole arena, as far as it is known */
    int64_t steps;
    const char *method;
} Placer;

static bool takes_room(const Buffer *buffer)
{
    return buffer->size > 0 && buffer->lower < buffer->upper;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void report(const Incumbent *best)
{
    const PlaceWatch *watch = best->options->watch;
    if (watch && watch->report)
        watch->report(watch->context, (size_t)(best->base + best->height),
                      (size_t)(best->base + best->packing->lower_bound), best->method);
}

void incumbent_offer(Incumbent *best, const int64_t *offsets, int64_t height, const char *method)
{
    if (height >= best->height)
        return;
    best->height = height;
    best->method = method;
    memcpy(best->offsets, offsets, (size_t)best->packing->n * sizeof *offsets);
    report(best);
}

void incumbent_offer_order(Incumbent *best, const int *order, const int64_t *offsets,
                           int64_t height, const char *method)
{
    if (height >= best->order_height)
        return;
    best->order_height = height;
    memcpy(best->order, order, (size_t)best->packing->n * sizeof *order);
    incumbent_offer(best, offsets, height, method);
}

bool incumbent_done(const Incumbent *best)
{
    const PlaceWatch *watch = best->options->watch;
    bool stopped = watch && watch->stop && *watch->stop;
    bool refuted = best->options->capacity && best->proved > best->goal;
    return best->height <= best->goal || best->height <= best->proved || refuted ||
           best->steps <= 0 || stopped;
}

static void try_valleys(Arena *arena, Incumbent *best)
{
    int *order = NEW_N(arena, int, best->packing->n);
    int64_t *offsets = NEW_N(arena, int64_t, best->packing->n);
    Valley *valley = valley_new(arena, best->packing);
    for (Key key = 0; key < N_KEYS && best->height > best->goal; key++) {
        order_by_key(best->packing, key, order);
        int64_t height = valley_fill(valley, order, best->height, offsets, &best->steps);
        incumbent_offer_order(best, order, offsets, height, key_names[key]);
    }
}

static void try_first_fits(Arena *arena, Incumbent *best)
{
    static const struct {
        Key key;
        const char *method;
    } fits[] = {{KEY_SIZE, "first-fit-size"},
                {KEY_PEAK_LIFE, "first-fit-peak-life"},
                {KEY_BIRTH, "first-fit-birth"}};
    int *order = NEW_N(arena, int, best->packing->n);
    int64_t *offsets = NEW_N(arena, int64_t, best->packing->n);
    int most = best->options->effort > 0 ? MOST_FIRST_FIT : MOST_QUICK_FIRST_FIT;
    for (int k = 0; k < 3 && best->packing->n <= most && best->height > best->goal; k++) {
        order_by_key(best->packing, fits[k].key, order);
        int64_t height = first_fit(best->packing, order, best->height, offsets, &best->steps);
        incumbent_offer(best, offsets, height, fits[k].method);
    }
}

/* The methods that can go on for ever take turns, for longer each time, and the search above all:
 * it is what solves the hard parts that are small enough for it. */
static void improve(Arena *arena, Incumbent *best)
{
    const Packing *packing = best->packing;
    uint64_t seed = best->options->seed;
    Restart *restart = restart_new(arena, packing, seed);
    Local *local = local_new(arena, packing, seed);
    Search *search = packing->n <= MOST_SEARCHED ? search_new(arena, packing, seed) : NULL;
    int64_t slice = FIRST_SLICE, search_slice = FIRST_SLICE;
    for (; !incumbent_done(best); slice += slice / 4, search_slice *= 2) {
        if (search)
            search_run(search, best, best->steps - search_slice);
        report(best);
        restart_run(restart, best, best->steps - slice);
        report(best);
        local_run(local, best, best->steps - slice);
        report(best);
    }
}

static void solve_part(Placer *placer, const PartOfRun *part)
{
    Arena *scratch = arena_new();
    const Packing *packing = part->packing;
    Incumbent best = {
        .packing = packing,
        .offsets = NEW_N(scratch, int64_t, packing->n),
        .height = INT64_MAX,
        .order = NEW_N(scratch, int, packing->n),
        .order_height = INT64_MAX,
        .goal = larger(placer->height, (int64_t)placer->options->capacity) - part->base,
        .proved = packing->lower_bound,
        .steps = placer->steps,
        .options = placer->options,
        .base = part->base,
    };
    try_valleys(scratch, &best);
    try_first_fits(scratch, &best);
    if (!incumbent_done(&best))
        improve(scratch, &best);
    for (int i = 0; i < packing->n; i++)
        placer->offsets[packing->original[i]] = (size_t)(part->base + best.offsets[i]);
    if (part->base + best.height > placer->height || !placer->method) {
        placer->height = larger(placer->height, part->base + best.height);
        placer->method = best.method;
    }
    placer->proved = larger(placer->proved, part->base + best.proved);
    placer->steps = best.steps;
    arena_free(scratch);
}

/* Takes the buffers that live throughout out of the packing and puts them at the bottom, from base
 * on. ids then holds the n others that are returned. */
static int sink_whole_run(Placer *placer, const Packing *packing, int *ids, int64_t *base)
{
    int n = 0;
    for (int i = 0; i < packing->n; i++) {
        if (packing->from[i] == 0 && packing->to[i] == packing->n_sections) {
            placer->offsets[packing->original[i]] = (size_t)*base;
            *base += packing->size[i];
        } else {
            ids[n++] = packing->original[i];
        }
    }
    return n;
}

static void split(Placer *placer, int *ids, int n, int64_t base, int level);

/* One part in time: as it is, or split further above what lives throughout. */
static void split_part(Placer *placer, int *ids, int n, int64_t base, int level)
{
    Packing *packing = packing_new(placer->arena, placer->buffers, ids, n);
    placer->lower_bound = larger(placer->lower_bound, base + packing->lower_bound);
    int64_t raised = base;
    int most_levels = n <= MOST_SEARCHED ? MOST_LEVELS : MOST_LEVELS_LARGE;
    int n_rest = level < most_levels ? sink_whole_run(placer, packing, ids, &raised) : n;
    if (n_rest == n)
        PUSH(placer->arena, placer->parts, ((PartOfRun){packing, base}));
    else
        split(placer, ids, n_rest, raised, level + 1);
}

/* ids is in order of birth: cuts it at the times at which nothing lives. */
static void split(Placer *placer, int *ids, int n, int64_t base, int level)
{
    const Buffer *buffers = placer->buffers;
    for (int begin = 0, end; begin < n; begin = end) {
        int64_t last = buffers[ids[begin]].upper;
        for (end = begin + 1; end < n && buffers[ids[end]].lower < last; end++)
            last = larger(last, buffers[ids[end]].upper);
        split_part(placer, ids + begin, end - begin, base, level);
    }
}

static int compare_parts(const void *a, const void *b)
{
    const PartOfRun *x = a, *y = b;
    int64_t left = x->base + x->packing->lower_bound, right = y->base + y->packing->lower_bound;
    return (left < right) - (left > right);
}

/* The indices of the buffers that take room. */
static int *used_buffers(Arena *arena, const Buffer *buffers, int n, int *n_used)
{
    int *ids = NEW_N(arena, int, n);
    *n_used = 0;
    for (int i = 0; i < n; i++)
        if (takes_room(&buffers[i]))
            ids[(*n_used)++] = i;
    return ids;
}

size_t place_lower_bound(const Buffer *buffers, int n)
{
    Arena *scratch = arena_new();
    int n_used;
    int *ids = used_buffers(scratch, buffers, n, &n_used);
    size_t bound = 0;
    if (n_used > 0)
        bound = (size_t)packing_new(scratch, buffers, ids, n_used)->lower_bound;
    arena_free(scratch);
    return bound;
}

static void place_used(Placer *placer, int *ids, int n)
{
    packing_sort(placer->buffers, ids, n);
    split(placer, ids, n, 0, 0);
    if (placer->parts.n > 1)
        qsort(placer->parts.data, (size_t)placer->parts.n, sizeof *placer->parts.data,
              compare_parts);
    placer->height = placer->proved = placer->lower_bound;
    for (int i = 0; i < placer->parts.n; i++)
        solve_part(placer, &placer->parts.data[i]);
}

Placement place(Arena *arena, const Buffer *buffers, int n, const PlaceOptions *options)
{
    Placer placer = {
        .arena = arena_new(),
        .buffers = buffers,
        .options = options,
        .offsets = NEW_N(arena, size_t, n),
        .steps = (int64_t)(options->effort * steps_per_second),
    };
    int n_used;
    int *ids = used_buffers(placer.arena, buffers, n, &n_used);
    if (n_used > 0)
        place_used(&placer, ids, n_used);
    arena_free(placer.arena);
    return (Placement){
        .offsets = placer.offsets,
        .arena_bytes = (size_t)placer.height,
        .lower_bound_bytes = (size_t)placer.lower_bound,
        .optimal = placer.height == placer.proved,
        .infeasible = options->capacity && (size_t)placer.proved > options->capacity,
        .method = placer.method ? placer.method : "stack",
    };
}
