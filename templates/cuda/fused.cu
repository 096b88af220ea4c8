/* Skeleton of a fused kernel: the compiler copies what follows once for each program of elementwise
 * operators and row reductions, with its own text in the regions. What stands in them here is the
 * logarithm of a row's sum of exponentials, and a row less that, so that this file compiles and can
 * be tested.
 *
 * A piece of SPAN elements of a row (the whole row where there is a reduction) is the work of GROUP
 * threads, each taking VECTOR elements at a time. A row goes through its passes in order: each but
 * the last ends in one or more reductions along the row; outputs are stored by the last alone, so
 * that an output may have the bytes of an input. Count holds every index. */
#include "kernels.h"

//@begin kernel
RT_GLOBAL log_softmax_kernel(const void *in0, void *out0)
//@end
{
    //@begin sizes
    typedef uint32_t Count;
    enum { GROUP = 32, VECTOR = 4 };
    const Count ROWS = 4, COLUMNS = 16, SPAN = 16;
    //@end
    //@begin pointers
    const rt_f32 *x0 = (const rt_f32 *)in0;
    rt_f32 *y0 = (rt_f32 *)out0;
    //@end
    const Count pieces = (COLUMNS + SPAN - 1) / SPAN;
    const Count piece = (Count)blockIdx.x * (RT_BLOCK / GROUP) + threadIdx.x / GROUP;
    if (piece >= ROWS * pieces)
        return;
    const Count lane = threadIdx.x % GROUP;
    const Count row = piece / pieces, begin = piece % pieces * SPAN;
    const Count start = begin + lane * VECTOR,
                end = begin + SPAN < COLUMNS ? begin + SPAN : COLUMNS;
    (void)row, (void)lane, (void)start, (void)end;
    //@begin row
    const int64_t at_x0 = row * 16;
    const int64_t at_y0 = row * 16;
    ROW_SUM_START(v1);
    //@end
    //@begin passes
    //@begin pass
    for (Count from = start; from < end; from += GROUP * VECTOR) {
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
            ROW_SUM_ADD(v1, r_exp(v0));
            //@end
        }
        //@begin stores
        //@end
    }
    //@begin after
    ROW_SUM_END(v1);
    //@end
    //@end
    for (Count from = start; from < end; from += GROUP * VECTOR) {
        VECTOR_LOAD(x0, at_x0 + from);
        VECTOR_KEEP(y0);
#pragma unroll
        for (Count i = from; i < from + VECTOR; i++)
            STORED(y0, i - from, LOADED(x0, i - from) - r_log(v1));
        VECTOR_STORE(y0, at_y0 + from);
    }
    //@end
}

//@begin signature
RT_KERNEL void log_softmax(const void *in0, void *out0)
//@end
{
    //@begin touches
    rt_touch(in0, sizeof(rt_f32) * 64);
    rt_touch(out0, sizeof(rt_f32) * 64);
    //@end
    //@begin launch
    RT_LAUNCH(log_softmax_kernel, rt_blocks(4, RT_BLOCK / 32), in0, out0);
    //@end
    rt_ran();
}
