/* Skeleton of a fused kernel: the compiler copies the function below once for each program of
 * elementwise operators and row reductions, with its own text in the regions. What stands in them
 * here is softmax over rows of 16, so that this file compiles and can be tested.
 *
 * Rows are shared by the threads. A row goes through its passes in order: each but the last ends in
 * one or more reductions along the row; outputs are stored by the last alone, so that an output may
 * have the bytes of an input. Where there is no reduction a row is cut into pieces. */
#include "kernels.h"

//@begin signature
RT_KERNEL void fused(const void *in0, void *out0)
//@end
{
    //@begin sizes
    enum { ROWS = 4, COLUMNS = 16, SPAN = 16 }; /* a piece has SPAN columns */
    //@end
    //@begin pointers
    const rt_f32 *x0 = in0;
    rt_f32 *y0 = out0;
    rt_touch(x0, sizeof *x0 * 64);
    rt_touch(y0, sizeof *y0 * 64);
    //@end
    const int64_t pieces = (COLUMNS + SPAN - 1) / SPAN;
    RT_PARALLEL((int64_t)ROWS * COLUMNS)
    for (int64_t piece = 0; piece < ROWS * pieces; piece++) {
        const int64_t row = piece / pieces, start = piece % pieces * SPAN;
        const int64_t end = rt_least(COLUMNS, start + SPAN);
        //@begin row
        const int64_t at0 = row * COLUMNS;
        real v1 = -HUGE_VAL, v3 = 0;
        //@end
        //@begin passes
        //@begin pass
        for (int64_t from = start; from < end; from += RT_CHUNK) {
            const int64_t to = rt_least(end, from + RT_CHUNK);
            //@begin random
            //@end
            //@begin simd
            RT_PRAGMA(omp simd reduction(max : v1))
            //@end
            for (int64_t i = from; i < to; i++) {
                //@begin body
                const real v0 = LOAD_f32(x0, at0 + i);
                v1 = v0 > v1 ? v0 : v1;
                //@end
            }
        }
        //@begin after
        //@end
        //@end
        for (int64_t i = start; i < end; i++)
            v3 += r_exp(LOAD_f32(x0, at0 + i) - v1);
        for (int64_t i = start; i < end; i++)
            STORE_f32(y0, at0 + i, r_exp(LOAD_f32(x0, at0 + i) - v1) / v3);
        //@end
    }
    rt_ran();
}
