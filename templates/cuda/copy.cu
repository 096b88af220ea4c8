/* Elements to other places: a box of up to eight axes is read with one set of steps and written
 * with another (transposes, slices, joins), or added to what is there. A thread moves one word:
 * several elements where both sides go through memory in order, else one. */
#include "kernels.h"

enum { RANK = 8 };

typedef struct {
    int64_t size[RANK], step_to[RANK], step_from[RANK];
    int64_t n; /* product of the sizes */
} Box;

/* The box with axes of size 1 dropped and neighbours that step alike made one; padded with 1 in
 * front, so that the last axis is the innermost. */
static Box simplified(const CopyShape *shape)
{
    Box box;
    int at = RANK; /* axes at..RANK-1 are done */
    for (int axis = RANK - 1; axis >= 0; axis--) {
        if (shape->size[axis] == 1)
            continue;
        if (at < RANK && shape->step_to[axis] == box.step_to[at] * box.size[at] &&
            shape->step_from[axis] == box.step_from[at] * box.size[at]) {
            box.size[at] *= shape->size[axis];
            continue;
        }
        at--;
        box.size[at] = shape->size[axis];
        box.step_to[at] = shape->step_to[axis];
        box.step_from[at] = shape->step_from[axis];
    }
    for (int axis = 0; axis < at; axis++) {
        box.size[axis] = 1;
        box.step_to[axis] = box.step_from[axis] = 0;
    }
    if (at == RANK)
        box.step_to[RANK - 1] = box.step_from[RANK - 1] = 1;
    box.n = 1;
    for (int axis = 0; axis < RANK; axis++)
        box.n *= box.size[axis];
    return box;
}

/* The same box in words of so many elements: true where all starts and steps allow it. */
static bool widen(Box *box, int64_t elements, int64_t offset_to, int64_t offset_from)
{
    const int last = RANK - 1;
    if (box->step_to[last] != 1 || box->step_from[last] != 1 || box->size[last] % elements ||
        offset_to % elements || offset_from % elements)
        return false;
    for (int axis = 0; axis < last; axis++)
        if (box->step_to[axis] % elements || box->step_from[axis] % elements)
            return false;
    for (int axis = 0; axis < last; axis++) {
        box->step_to[axis] /= elements;
        box->step_from[axis] /= elements;
    }
    box->size[last] /= elements;
    box->n /= elements;
    return true;
}

/* Where element `rest` of the box is on both sides. Index: 32 bits where all fits, divisions are
 * dear. */
template <class Index>
static __device__ __forceinline__ void locate(const Box &box, int64_t number, int64_t *to,
                                              int64_t *from)
{
    Index rest = (Index)number;
#pragma unroll
    for (int axis = RANK - 1; axis >= 0; axis--) {
        const Index size = (Index)box.size[axis], i = size == 1 ? 0 : rest % size;
        rest = size == 1 ? rest : rest / size;
        *to += (int64_t)i * box.step_to[axis];
        *from += (int64_t)i * box.step_from[axis];
    }
}

template <class Word, class Index> RT_GLOBAL move_words(Box box, const Word *from, Word *to)
{
    const int64_t number = (int64_t)blockIdx.x * RT_BLOCK + threadIdx.x;
    if (number >= box.n)
        return;
    int64_t at_to = 0, at_from = 0;
    locate<Index>(box, number, &at_to, &at_from);
    to[at_to] = from[at_from];
}

static __device__ __forceinline__ void add_to(float *to, float value)
{
    *to += value;
}
static __device__ __forceinline__ void add_to(rt_bf16 *to, rt_bf16 value)
{
    *to = __float2bfloat16_rn(__bfloat162float(*to) + __bfloat162float(value));
}

template <class T, class Index> RT_GLOBAL add_elements(Box box, const T *from, T *to)
{
    const int64_t number = (int64_t)blockIdx.x * RT_BLOCK + threadIdx.x;
    if (number >= box.n)
        return;
    int64_t at_to = 0, at_from = 0;
    locate<Index>(box, number, &at_to, &at_from);
    add_to(to + at_to, from[at_from]);
}

template <class Word> static void launch_move(const Box &box, const void *from, void *to)
{
    const unsigned blocks = rt_blocks(box.n, RT_BLOCK);
    if (box.n <= INT32_MAX)
        RT_LAUNCH((move_words<Word, uint32_t>), blocks, box, (const Word *)from, (Word *)to);
    else
        RT_LAUNCH((move_words<Word, uint64_t>), blocks, box, (const Word *)from, (Word *)to);
}

template <class T> static void launch_add(const Box &box, const void *from, void *to)
{
    const unsigned blocks = rt_blocks(box.n, RT_BLOCK);
    if (box.n <= INT32_MAX)
        RT_LAUNCH((add_elements<T, uint32_t>), blocks, box, (const T *)from, (T *)to);
    else
        RT_LAUNCH((add_elements<T, uint64_t>), blocks, box, (const T *)from, (T *)to);
}

static void launch_words(const CopyShape *shape, Box box, const void *from, void *to)
{
    const size_t bytes = rt_dtype_bytes(shape->dtype);
    if (shape->accumulate)
        shape->dtype == RT_BF16 ? launch_add<rt_bf16>(box, from, to)
                                : launch_add<float>(box, from, to);
    else if (widen(&box, 16 / (int64_t)bytes, shape->offset_to, shape->offset_from))
        launch_move<uint4>(box, from, to);
    else if (bytes == 4)
        launch_move<uint32_t>(box, from, to);
    else if (bytes == 2)
        launch_move<uint16_t>(box, from, to);
    else
        launch_move<uint8_t>(box, from, to);
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
    const size_t bytes = rt_dtype_bytes(shape->dtype);
    rt_touch(from, extent_bytes(shape, shape->step_from, shape->offset_from));
    rt_touch(to, extent_bytes(shape, shape->step_to, shape->offset_to));
    if (shape->zero_bytes > 0 && !rt_is_preparing)
        rt_check(cudaMemsetAsync(to, 0, shape->zero_bytes, rt_stream), "cudaMemsetAsync");
    launch_words(shape, simplified(shape), (const char *)from + (size_t)shape->offset_from * bytes,
                 (char *)to + (size_t)shape->offset_to * bytes);
    if (!shape->more)
        rt_ran();
}
