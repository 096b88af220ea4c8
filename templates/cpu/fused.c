/* Skeleton of a fused kernel: the compiler copies the function below once for each program of
 * elementwise operators and row reductions, with its own text in the regions. What stands in them
 * here is the logarithm of a row's sum of exponentials, and a row less that, so that this file
 * compiles and can be tested.
 *
 * Rows are shared by the threads. A row goes through its passes in order: each but the last ends in
 * one or more reductions along the row; outputs are stored by the last alone, so that an output may
 * have the bytes of an input. Where there is no reduction a row is cut into pieces of SPAN. */
#include "kernels.h"

//@begin signature
RT_KERNEL void log_softmax(const void *in0, void *out0, int64_t n0, int64_t n1)
//@end
{
    //@begin sizes
    const int64_t ROWS = n0, COLUMNS = n1, SPAN = COLUMNS;
    //@end
    //@begin pointers
    RT_READS(f32, x0, in0, n0 * n1);
    RT_WRITES(f32, y0, out0, n0 * n1);
    //@end
    const int64_t pieces = (COLUMNS + SPAN - 1) / SPAN;
    RT_PARALLEL(ROWS * COLUMNS)
    for (int64_t piece = 0; piece < ROWS * pieces; piece++) {
        const int64_t row = piece / pieces, start = piece % pieces * SPAN;
        const int64_t end = rt_least(COLUMNS, start + SPAN);
        (void)row;
        //@begin row
        const int64_t at_x0 = row * n1;
        const int64_t at_y0 = row * n1;
        ROW_SUM_START(v1);
        //@end
        //@begin passes
        //@begin pass
        for (int64_t from = start; from < end; from += RT_CHUNK) {
            const int64_t to = rt_least(end, from + RT_CHUNK);
            //@begin random
            //@end
            //@begin simd
            RT_PRAGMA(omp simd reduction(+ : v1))
            //@end
            for (int64_t i = from; i < to; i++) {
                //@begin body
                const real v0 = LOAD_f32(x0, at_x0 + i);
                ROW_SUM_ADD(v1, r_exp(v0));
                //@end
            }
        }
        //@begin after
        ROW_SUM_END(v1);
        //@end
        //@end
        for (int64_t i = start; i < end; i++)
            STORE_f32(y0, at_y0 + i, LOAD_f32(x0, at_x0 + i) - r_log(v1));
        //@end
    }
    rt_ran();
}
