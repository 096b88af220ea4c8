/* Elements to other places: a box of up to eight axes is read with one set of steps and written
 * with another (transposes, slices, joins), or added to what is there. */
#include "kernels.h"

enum { RANK = 8 };

/* The box with axes of size 1 dropped and neighbours that step alike made one; padded with 1 in
 * front, so that the last axis is the innermost. */
static CopyShape simplified(const CopyShape *shape)
{
    CopyShape result = *shape;
    int at = RANK; /* axes at..RANK-1 are done */
    for (int axis = RANK - 1; axis >= 0; axis--) {
        if (shape->size[axis] == 1)
            continue;
        if (at < RANK && shape->step_to[axis] == result.step_to[at] * result.size[at] &&
            shape->step_from[axis] == result.step_from[at] * result.size[at]) {
            result.size[at] *= shape->size[axis];
            continue;
        }
        at--;
        result.size[at] = shape->size[axis];
        result.step_to[at] = shape->step_to[axis];
        result.step_from[at] = shape->step_from[axis];
    }
    for (int axis = 0; axis < at; axis++) {
        result.size[axis] = 1;
        result.step_to[axis] = result.step_from[axis] = 0;
    }
    if (at == RANK)
        result.step_to[RANK - 1] = result.step_from[RANK - 1] = 1;
    return result;
}

#define MOVE_ROW(Type)                                                                             \
    do {                                                                                           \
        Type *y = (Type *)to + start_to;                                                           \
        const Type *x = (const Type *)from + start_from;                                           \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i * step_to] = x[i * step_from];                                                     \
    } while (0)

#define ADD_ROW(dtype)                                                                             \
    do {                                                                                           \
        rt_##dtype *y = (rt_##dtype *)to + start_to;                                               \
        const rt_##dtype *x = (const rt_##dtype *)from + start_from;                               \
        for (int64_t i = 0; i < n; i++)                                                            \
            STORE_##dtype(y, i *step_to,                                                           \
                          LOAD_##dtype(y, i *step_to) + LOAD_##dtype(x, i * step_from));           \
    } while (0)

static void copy_row(const CopyShape *shape, const void *from, int64_t start_from, void *to,
                     int64_t start_to)
{
    const int64_t n = shape->size[RANK - 1];
    const int64_t step_to = shape->step_to[RANK - 1], step_from = shape->step_from[RANK - 1];
    const size_t bytes = rt_dtype_bytes(shape->dtype);
    if (shape->accumulate && shape->dtype == RT_F32)
        ADD_ROW(f32);
    else if (shape->accumulate && shape->dtype == RT_BF16)
        ADD_ROW(bf16);
    else if (shape->accumulate)
        for (int64_t i = 0; i < n; i++)
            ((double *)to)[start_to + i * step_to] +=
                ((const double *)from)[start_from + i * step_from];
    else if (step_to == 1 && step_from == 1)
        memcpy((char *)to + (size_t)start_to * bytes,
               (const char *)from + (size_t)start_from * bytes, (size_t)n * bytes);
    else if (bytes == 4)
        MOVE_ROW(uint32_t);
    else if (bytes == 8)
        MOVE_ROW(uint64_t);
    else if (bytes == 2)
        MOVE_ROW(uint16_t);
    else
        MOVE_ROW(uint8_t);
}

static size_t extent_bytes(const CopyShape *shape, const int64_t step[], int64_t offset)
{
    int64_t last = offset;
    for (int axis = 0; axis < RANK; axis++)
        last += (shape->size[axis] - 1) * step[axis];
    return (size_t)(last + 1) * rt_dtype_bytes(shape->dtype);
}

void copy(const CopyShape *shape, const void *from, void *to)
{
    const CopyShape box = simplified(shape);
    int64_t n_rows = 1;
    for (int axis = 0; axis < RANK - 1; axis++)
        n_rows *= box.size[axis];
    rt_touch(from, extent_bytes(&box, box.step_from, box.offset_from));
    rt_touch(to, extent_bytes(&box, box.step_to, box.offset_to));
    if (box.zero_bytes > 0)
        memset(to, 0, box.zero_bytes);
    RT_PARALLEL(n_rows * box.size[RANK - 1])
    for (int64_t row = 0; row < n_rows; row++) {
        int64_t start_to = box.offset_to, start_from = box.offset_from, rest = row;
        for (int axis = RANK - 2; axis >= 0; axis--) {
            const int64_t i = rest % box.size[axis];
            rest /= box.size[axis];
            start_to += i * box.step_to[axis];
            start_from += i * box.step_from[axis];
        }
        copy_row(&box, from, start_from, to, start_to);
    }
    if (!box.more)
        rt_ran();
}
