/* Skeletons of the sum of an elementwise expression over axes of its domain, in an order that
 * depends on shapes alone. Two of them: `down`, where the last axis is kept and whole rows are
 * added up, and `along`, where the last axis is summed. The compiler copies one of them for each
 * program, with its own text in the regions; what stands in them sums a [6, 16] tensor.
 *
 * A sum is cut into PARTS; where that is more than one, the first kernel leaves the parts in the
 * step's workspace, parts[part * OUTPUTS + output], and the second adds them in order. */
#include "kernels.h"

//@begin down
/* A block: 32 lanes side by side, VECTOR columns each, and RT_BLOCK / 32 warps that take every
 * eighth row. */
//@begin kernel
RT_GLOBAL sum_down_kernel(const void *in0, void *out0, real *parts)
//@end
{
    //@begin sizes
    typedef uint32_t Count;
    enum { VECTOR = 4, PARTS = 2 };
    const Count KEPT = 1, SUMMED = 6, COLUMNS = 16;
    //@end
    //@begin pointers
    const rt_f32 *x0 = (const rt_f32 *)in0;
    rt_f32 *y0 = (rt_f32 *)out0;
    //@end
    enum { WARPS = RT_BLOCK / RT_WARP, WIDTH = RT_WARP * VECTOR };
    SHARED(real, sums, WARPS * WIDTH);
    const Count across = (COLUMNS + WIDTH - 1) / WIDTH;
    const Count kept = blockIdx.x / across / PARTS, number = blockIdx.x / across % PARTS;
    const Count lane = threadIdx.x % RT_WARP, warp = threadIdx.x / RT_WARP;
    const Count from = blockIdx.x % across * WIDTH + lane * VECTOR;
    const Count first = (Count)((uint64_t)number * SUMMED / PARTS);
    const Count last = (Count)((uint64_t)(number + 1) * SUMMED / PARTS);
    real part[VECTOR] = {};
    for (Count summed = first + warp; from < COLUMNS && summed < last; summed += WARPS) {
        const Count to = from + VECTOR;
        //@begin row
        const int64_t at_x0 = summed * 16;
        //@end
        //@begin random
        //@end
        //@begin loads
        VECTOR_LOAD(x0, at_x0 + from);
        //@end
#pragma unroll
        for (Count i = from; i < to; i++) {
            //@begin body
            const real v0 = LOADED(x0, i - from);
            SUM_DOWN(v0);
            //@end
        }
    }
#pragma unroll
    for (int j = 0; j < VECTOR; j++)
        sums[warp * WIDTH + (Count)j * RT_WARP + lane] = part[j];
    __syncthreads();
    if (warp > 0 || from >= COLUMNS)
        return;
#pragma unroll
    for (int j = 0; j < VECTOR; j++) {
        real sum = 0;
#pragma unroll
        for (Count other = 0; other < WARPS; other++)
            sum += sums[other * WIDTH + (Count)j * RT_WARP + lane];
        const Count out = kept * COLUMNS + from + (Count)j;
        if (PARTS > 1) {
            parts[(size_t)number * (KEPT * COLUMNS) + out] = sum;
        } else {
            //@begin store
            STORE_f32(y0, out, sum);
            //@end
        }
    }
}

//@begin finish
//@begin finish_kernel
RT_GLOBAL sum_down_finish(void *out0, const real *parts)
//@end
{
    //@begin finish_sizes
    typedef uint32_t Count;
    enum { PARTS = 2 };
    const Count OUTPUTS = 16;
    rt_f32 *y0 = (rt_f32 *)out0;
    //@end
    const Count out = (Count)blockIdx.x * RT_BLOCK + threadIdx.x;
    if (out >= OUTPUTS)
        return;
    real sum = 0;
    for (Count number = 0; number < PARTS; number++)
        sum += parts[(size_t)number * OUTPUTS + out];
    //@begin store
    STORE_f32(y0, out, sum);
    //@end
}
//@end

//@begin signature
RT_KERNEL void sum_down(const void *in0, void *out0)
//@end
{
    //@begin touches
    rt_touch(in0, sizeof(rt_f32) * 96);
    rt_touch(out0, sizeof(rt_f32) * 16);
    //@end
    real *parts = (real *)rt_workspace;
    //@begin launch
    RT_LAUNCH(sum_down_kernel, 2, in0, out0, parts);
    RT_LAUNCH(sum_down_finish, 1, out0, parts);
    //@end
    rt_ran();
}
//@end

//@begin along
/* GROUP threads for each part of each output; a unit is a row's CHUNK. */
//@begin kernel
RT_GLOBAL sum_along_kernel(const void *in0, void *out0, real *parts)
//@end
{
    //@begin sizes
    typedef uint32_t Count;
    enum { GROUP = 256, VECTOR = 4, PARTS = 1 };
    const Count KEPT = 1, SUMMED = 6, COLUMNS = 16;
    //@end
    //@begin pointers
    const rt_f32 *x0 = (const rt_f32 *)in0;
    rt_f32 *y0 = (rt_f32 *)out0;
    //@end
    const Count CHUNK = 4 * GROUP * VECTOR;
    const Count piece = (Count)blockIdx.x * (RT_BLOCK / GROUP) + threadIdx.x / GROUP;
    if (piece >= KEPT * PARTS)
        return;
    const Count kept = piece / PARTS, number = piece % PARTS, lane = threadIdx.x % GROUP;
    const Count chunks = (COLUMNS + CHUNK - 1) / CHUNK, units = SUMMED * chunks;
    const Count first = (Count)((uint64_t)number * units / PARTS);
    const Count last = (Count)((uint64_t)(number + 1) * units / PARTS);
    real sum = 0;
    for (Count unit = first; unit < last; unit++) {
        const Count summed = unit / chunks, begin = unit % chunks * CHUNK;
        const Count end = COLUMNS - begin < CHUNK ? COLUMNS : begin + CHUNK;
        (void)summed;
        real part = 0;
        //@begin row
        const int64_t at_x0 = summed * 16;
        //@end
        for (Count from = begin + lane * VECTOR; from < end; from += GROUP * VECTOR) {
            const Count to = from + VECTOR;
            //@begin random
            //@end
            //@begin loads
            VECTOR_LOAD(x0, at_x0 + from);
            //@end
#pragma unroll
            for (Count i = from; i < to; i++) {
                //@begin body
                const real v0 = LOADED(x0, i - from);
                SUM_ALONG(v0);
                //@end
            }
        }
        sum += part;
    }
    sum = group_sum<GROUP>(sum);
    if (lane > 0)
        return;
    const Count out = kept;
    if (PARTS > 1) {
        parts[(size_t)number * KEPT + out] = sum;
    } else {
        //@begin store
        STORE_f32(y0, out, sum);
        //@end
    }
}

//@begin finish
//@end

//@begin signature
RT_KERNEL void sum_along(const void *in0, void *out0)
//@end
{
    //@begin touches
    rt_touch(in0, sizeof(rt_f32) * 96);
    rt_touch(out0, sizeof(rt_f32));
    //@end
    real *parts = (real *)rt_workspace;
    //@begin launch
    RT_LAUNCH(sum_along_kernel, 1, in0, out0, parts);
    //@end
    rt_ran();
}
//@end
