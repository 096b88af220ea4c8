/* Skeletons of the sum of an elementwise expression over axes of its domain, in an order that
 * depends on shapes alone. Two of them: `down`, where the last axis is kept and whole rows are
 * added up, and `along`, where the last axis is summed. The compiler copies one of them for each
 * program, with its own text in the regions; what stands in them sums a tensor of two axes.
 *
 * A sum is cut into PARTS; where that is more than one, the kernel leaves the parts in the step's
 * workspace, parts[part * OUTPUTS + output], and rt_finish_sums adds them in order. */
#include "kernels.h"

//@begin down
//@begin kernel
template <auto n0, auto n1, int PARTS>
RT_GLOBAL sum_down_kernel(const rt_f32 *x0, rt_f32 *y0, real *parts)
//@end
{
    //@begin share
    typedef RtSumDown<1, n0, n1, 4, PARTS> Share;
    //@end
    typedef typename Share::Count Count;
    enum { VECTOR = Share::VECTOR, WIDTH = Share::WIDTH, WARPS = RT_BLOCK / RT_WARP };
    const Count SUMMED = Share::SUMMED, COLUMNS = Share::COLUMNS, across = Share::ACROSS;
    SHARED(real, sums, WARPS * WIDTH);
    const Count kept = blockIdx.x / across / PARTS, number = blockIdx.x / across % PARTS;
    const Count lane = threadIdx.x % RT_WARP, warp = threadIdx.x / RT_WARP;
    const Count from = blockIdx.x % across * WIDTH + lane * VECTOR;
    const Count first = (Count)((uint64_t)number * SUMMED / PARTS);
    const Count last = (Count)((uint64_t)(number + 1) * SUMMED / PARTS);
    real part[VECTOR] = {};
    for (Count summed = first + warp; from < COLUMNS && summed < last; summed += WARPS) {
        //@begin row
        const int64_t at = summed * n1;
        //@end
        //@begin loads
        VECTOR_LOAD(x0, at + from);
        //@end
        //@begin body
        RT_EACH(j)
            part[j] += x0_v[j];
        //@end
    }
    RT_EACH(j)
        sums[warp * WIDTH + j * RT_WARP + lane] = part[j];
    __syncthreads();
    if (warp > 0 || from >= COLUMNS)
        return;
    RT_EACH(j) {
        real sum = 0;
#pragma unroll
        for (Count other = 0; other < WARPS; other++)
            sum += sums[other * WIDTH + j * RT_WARP + lane];
        const Count out = kept * COLUMNS + from + j;
        if (PARTS > 1) {
            parts[(size_t)number * (Share::KEPT * COLUMNS) + out] = sum;
        } else {
            //@begin store
            STORE_f32(y0, out, sum);
            //@end
        }
    }
}

//@begin signature
template <auto n0, auto n1, int PARTS> RT_KERNEL void sum_down(const void *in0, void *out0)
//@end
{
    //@begin launch
    RT_LAUNCH((sum_down_kernel<n0, n1, PARTS>), (RtSumDown<1, n0, n1, 4, PARTS>::BLOCKS),
              rt_reads<rt_f32>(in0, n0 * n1), rt_writes<rt_f32>(out0, n1), (real *)rt_workspace);
    if constexpr (PARTS > 1)
        rt_finish_sums<n1, PARTS, false>((rt_f32 *)out0);
    //@end
    rt_ran();
}
//@end

//@begin along
//@begin kernel
template <auto n0, auto n1, int PARTS>
RT_GLOBAL sum_along_kernel(const rt_f32 *x0, rt_f32 *y0, real *parts)
//@end
{
    //@begin share
    typedef RtSumAlong<1, n0, n1, 4, PARTS> Share;
    //@end
    typedef typename Share::Count Count;
    enum { VECTOR = Share::VECTOR, GROUP = Share::GROUP };
    const Count COLUMNS = Share::COLUMNS, CHUNK = 4 * GROUP * VECTOR;
    const Count piece = (Count)blockIdx.x * (RT_BLOCK / GROUP) + threadIdx.x / GROUP;
    if (piece >= Share::KEPT * PARTS)
        return;
    const Count out = piece / PARTS, number = piece % PARTS, lane = threadIdx.x % GROUP;
    /* A unit is a row's CHUNK. */
    const Count chunks = (COLUMNS + CHUNK - 1) / CHUNK, units = Share::SUMMED * chunks;
    const Count first = (Count)((uint64_t)number * units / PARTS);
    const Count last = (Count)((uint64_t)(number + 1) * units / PARTS);
    [[maybe_unused]] const Count kept = out;
    real sum = 0;
    for (Count unit = first; unit < last; unit++) {
        [[maybe_unused]] const Count summed = unit / chunks;
        const Count begin = unit % chunks * CHUNK;
        const Count end = COLUMNS - begin < CHUNK ? COLUMNS : begin + CHUNK;
        real part = 0;
        //@begin row
        const int64_t at = summed * n1;
        //@end
        for (Count from = begin + lane * VECTOR; from < end; from += GROUP * VECTOR) {
            //@begin loads
            VECTOR_LOAD(x0, at + from);
            //@end
            //@begin body
            RT_EACH(j)
                part += x0_v[j];
            //@end
        }
        sum += part;
    }
    sum = group_sum<GROUP>(sum);
    if (lane > 0)
        return;
    if (PARTS > 1) {
        parts[(size_t)number * Share::KEPT + out] = sum;
    } else {
        //@begin store
        STORE_f32(y0, out, sum);
        //@end
    }
}

//@begin signature
template <auto n0, auto n1, int PARTS> RT_KERNEL void sum_along(const void *in0, void *out0)
//@end
{
    //@begin launch
    RT_LAUNCH((sum_along_kernel<n0, n1, PARTS>), (RtSumAlong<1, n0, n1, 4, PARTS>::BLOCKS),
              rt_reads<rt_f32>(in0, n0 * n1), rt_writes<rt_f32>(out0, 1), (real *)rt_workspace);
    if constexpr (PARTS > 1)
        rt_finish_sums<1u, PARTS, false>((rt_f32 *)out0);
    //@end
    rt_ran();
}
//@end
