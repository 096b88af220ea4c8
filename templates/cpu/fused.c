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
    const int64_t ROWS = n0, COLUMNS = n1, SPAN = COLUMNS, PIECES = 1;
    //@end
    //@begin pointers
    RT_READS(f32, x0, in0, n0 * n1);
    RT_WRITES(f32, y0, out0, n0 * n1);
    //@end
    RT_PARALLEL(ROWS * COLUMNS)
    for (int64_t piece = 0; piece < ROWS * PIECES; piece++) {
        RT_PIECE(piece, row, start, end);
        //@begin row
        const int64_t at = row * n1;
        real v1 = 0;
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
                v1 += r_exp(LOAD_f32(x0, at + i));
                //@end
            }
        }
        //@begin after
        //@end
        //@end
        for (int64_t i = start; i < end; i++)
            STORE_f32(y0, at + i, LOAD_f32(x0, at + i) - r_log(v1));
        //@end
    }
    rt_ran();
}
