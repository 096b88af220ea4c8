/* Composes two copies axis by axis: an axis of the second runs over one or more whole axes of the
 * first, of which only the outermost may be a part. */
#include "graph/copy.h"

typedef struct {
    int64_t size, step_to, step_from;
} Axis;

typedef struct {
    Axis axes[2 * COPY_RANK];
    int n;
} Axes;

/* Steps that the first copy has in what it writes; false unless it writes everything in order. */
static bool written_steps(const CopyPart *first, int64_t step[COPY_RANK])
{
    int64_t unit = 1;
    for (int i = COPY_RANK - 1; i >= 0; i--) {
        step[i] = unit;
        if (first->size[i] > 1 && first->step_to[i] != unit)
            return false;
        unit *= first->size[i];
    }
    return first->offset_to == 0;
}

/* The innermost axis longer than one that has the step, or -1. */
static int axis_of_step(const CopyPart *first, const int64_t step[COPY_RANK], int64_t wanted)
{
    for (int i = COPY_RANK - 1; i >= 0; i--)
        if (step[i] == wanted && first->size[i] > 1)
            return i;
    return -1;
}

/* One axis of the second copy (n elements, step in the tensor between) as axes of the first,
 * innermost first. at: where in each axis the copy starts. */
static bool follow_axis(const CopyPart *first, const int64_t step[COPY_RANK],
                        const int64_t at[COPY_RANK], Axis axis, Axes *axes)
{
    int64_t n = axis.size, step_to = axis.step_to;
    int i = n > 1 ? axis_of_step(first, step, axis.step_from) : 0;
    for (; n > 1; i--) {
        if (i < 0)
            return false;
        int64_t size = first->size[i], here = n < size ? n : size;
        bool whole = here == size && at[i] == 0;
        if (n % here != 0 || at[i] + here > size || (n > here && !whole) ||
            axes->n == 2 * COPY_RANK)
            return false;
        if (here > 1)
            axes->axes[axes->n++] = (Axis){here, step_to, first->step_from[i]};
        step_to *= here;
        n /= here;
    }
    return true;
}

/* Joins neighbours that are one axis on both sides. */
static void merge(Axes *axes)
{
    int n = 0;
    for (int i = 0; i < axes->n; i++) {
        Axis *last = n ? &axes->axes[n - 1] : NULL, next = axes->axes[i];
        if (last && next.step_to == last->step_to * last->size &&
            next.step_from == last->step_from * last->size)
            last->size *= next.size;
        else
            axes->axes[n++] = next;
    }
    axes->n = n;
}

bool copy_compose(const CopyPart *first, const CopyPart *then, CopyPart *result)
{
    int64_t step[COPY_RANK], at[COPY_RANK], rest = then->offset_from;
    Axes axes = {.n = 0};
    if (!written_steps(first, step))
        return false;
    *result = (CopyPart){.offset_to = then->offset_to, .offset_from = first->offset_from};
    for (int i = 0; i < COPY_RANK; i++) {
        at[i] = first->size[i] > 1 ? rest / step[i] : 0;
        rest -= at[i] * step[i];
        result->offset_from += at[i] * first->step_from[i];
    }
    for (int i = COPY_RANK - 1; i >= 0; i--) {
        Axis axis = {then->size[i], then->step_to[i], then->step_from[i]};
        if (!follow_axis(first, step, at, axis, &axes))
            return false;
    }
    merge(&axes);
    if (axes.n > COPY_RANK)
        return false;
    for (int i = 0; i < COPY_RANK; i++) {
        bool there = i < axes.n;
        result->size[COPY_RANK - 1 - i] = there ? axes.axes[i].size : 1;
        result->step_to[COPY_RANK - 1 - i] = there ? axes.axes[i].step_to : 0;
        result->step_from[COPY_RANK - 1 - i] = there ? axes.axes[i].step_from : 0;
    }
    return true;
}
