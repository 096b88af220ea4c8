/* First fit: what is placed is a list in order of offset, and a buffer goes into the first gap
 * between those of them that it is alive with. Better than valley fill where lifetimes are first
 * in, first out. */
#include "place/packing.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t offset, top;
    int from, to;
} Placed;

static int64_t lowest_gap(const Placed *placed, int n_placed, int from, int to, int64_t size,
                          int64_t *steps)
{
    int64_t low = 0;
    int k = 0;
    for (; k < n_placed && placed[k].offset - low < size; k++)
        if (placed[k].top > low && placed[k].from < to && from < placed[k].to)
            low = placed[k].top;
    *steps -= k / 8 + 1;
    return low;
}

static void insert(Placed *placed, int n_placed, Placed entry)
{
    int low = 0, high = n_placed;
    while (low < high) {
        int middle = (low + high) / 2;
        if (placed[middle].offset < entry.offset)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(placed + low + 1, placed + low, (size_t)(n_placed - low) * sizeof *placed);
    placed[low] = entry;
}

int64_t first_fit(const Packing *packing, const int *order, int64_t limit, int64_t *offsets,
                  int64_t *steps)
{
    Placed *placed = xmalloc((size_t)packing->n * sizeof *placed);
    int64_t height = 0;
    for (int k = 0; k < packing->n && height < limit; k++) {
        int i = order[k], from = packing->from[i], to = packing->to[i];
        offsets[i] = lowest_gap(placed, k, from, to, packing->size[i], steps);
        int64_t top = offsets[i] + packing->size[i];
        insert(placed, k, (Placed){offsets[i], top, from, to});
        height = top > height ? top : height;
    }
    free(placed);
    return height < limit ? height : INT64_MAX;
}
