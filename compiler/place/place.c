/* The order of the methods, cheap ones first, on each part of the problem that is independent of
 * the others; a part stops as soon as it is as low as the whole arena has to be anyway. */
#include "place/packing.h"

#include <stdlib.h>
#include <string.h>

/* One core of the early 2020s does about this many steps a second. */
static const double steps_per_second = 1e8;

static bool takes_room(const Buffer *buffer)
{
    return buffer->size > 0 && buffer->lower < buffer->upper;
}

void incumbent_offer(Incumbent *best, const int64_t *offsets, int64_t height, const char *method)
{
    if (height >= best->height)
        return;
    best->height = height;
    best->method = method;
    best->proved = height == best->packing->lower_bound;
    memcpy(best->offsets, offsets, (size_t)best->packing->n * sizeof *offsets);
    const PlaceWatch *watch = best->options->watch;
    if (watch && watch->report)
        watch->report(watch->context, (size_t)(best->base + height),
                      (size_t)(best->base + best->packing->lower_bound), method);
}

bool incumbent_done(const Incumbent *best)
{
    const PlaceWatch *watch = best->options->watch;
    bool stopped = best->height != INT64_MAX && watch && watch->stop && *watch->stop;
    return best->height <= best->goal || best->proved || best->steps <= 0 || stopped;
}

static void try_valleys(Arena *arena, Incumbent *best)
{
    int *order = NEW_N(arena, int, best->packing->n);
    int64_t *offsets = NEW_N(arena, int64_t, best->packing->n);
    Valley *valley = valley_new(arena, best->packing);
    for (Key key = 0; key < N_KEYS && best->height > best->goal; key++) {
        order_by_key(best->packing, key, order);
        int64_t height = valley_fill(valley, order, best->height, offsets, &best->steps);
        incumbent_offer(best, offsets, height, key_names[key]);
    }
}

size_t place_lower_bound(const Buffer *buffers, int n)
{
    Arena *scratch = arena_new();
    int *ids = NEW_N(scratch, int, n), n_used = 0;
    for (int i = 0; i < n; i++)
        if (takes_room(&buffers[i]))
            ids[n_used++] = i;
    size_t bound = 0;
    if (n_used > 0)
        bound = (size_t)packing_new(scratch, buffers, ids, n_used)->lower_bound;
    arena_free(scratch);
    return bound;
}

Placement place(Arena *arena, const Buffer *buffers, int n, const PlaceOptions *options)
{
    Placement placement = {.offsets = NEW_N(arena, size_t, n), .optimal = true, .method = "none"};
    Arena *scratch = arena_new();
    int *ids = NEW_N(scratch, int, n), n_used = 0;
    for (int i = 0; i < n; i++)
        if (takes_room(&buffers[i]))
            ids[n_used++] = i;
    if (n_used > 0) {
        Packing *packing = packing_new(scratch, buffers, ids, n_used);
        Incumbent best = {
            .packing = packing,
            .offsets = NEW_N(scratch, int64_t, n_used),
            .height = INT64_MAX,
            .goal = packing->lower_bound,
            .steps = (int64_t)(options->effort * steps_per_second),
            .options = options,
        };
        if ((int64_t)options->capacity > best.goal)
            best.goal = (int64_t)options->capacity;
        try_valleys(scratch, &best);
        for (int i = 0; i < n_used; i++)
            placement.offsets[packing->original[i]] = (size_t)best.offsets[i];
        placement.arena_bytes = (size_t)best.height;
        placement.lower_bound_bytes = (size_t)packing->lower_bound;
        placement.optimal = best.proved;
        placement.method = best.method;
    }
    placement.infeasible = options->capacity && options->capacity < placement.lower_bound_bytes;
    arena_free(scratch);
    return placement;
}
