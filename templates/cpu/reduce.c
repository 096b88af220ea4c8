/* Skeletons of the sum of an elementwise expression over axes of its domain, in an order that no
 * number of threads changes. Two functions: `down`, where the last axis is kept and whole rows are
 * added up, and `along`, where the last axis is summed. The compiler copies one of them for each
 * program, with its own text in the regions; what stands in them sums the rows, or all, of a
 * tensor. */
#include "kernels.h"

//@begin down
//@begin signature
RT_KERNEL void sum_down(const void *in0, void *out0, int64_t n0, int64_t n1)
//@end
{
    //@begin sizes
    const int64_t KEPT = 1, SUMMED = n0, COLUMNS = n1;
    //@end
    //@begin pointers
    RT_READS(f32, x0, in0, n0 * n1);
    RT_WRITES(f32, y0, out0, n1);
    //@end
    enum { BLOCK = 64 }; /* rows are added in blocks and then the blocks: less rounding */
    const int64_t SPAN = rt_least(RT_CHUNK, 64 + COLUMNS / 32 / 16 * 16);
    const int64_t pieces = (COLUMNS + SPAN - 1) / SPAN;
    RT_PARALLEL(KEPT * SUMMED * COLUMNS)
    for (int64_t piece = 0; piece < KEPT * pieces; piece++) {
        const int64_t kept = piece / pieces, from = piece % pieces * SPAN;
        const int64_t to = rt_least(COLUMNS, from + SPAN);
        real total[RT_CHUNK], part[RT_CHUNK];
        for (int64_t i = 0; i < to - from; i++)
            total[i] = 0;
        for (int64_t block = 0; block < SUMMED; block += BLOCK) {
            for (int64_t i = 0; i < to - from; i++)
                part[i] = 0;
            for (int64_t summed = block; summed < rt_least(SUMMED, block + BLOCK); summed++) {
                (void)summed;
                //@begin row
                const int64_t at = summed * n1;
                //@end
                //@begin random
                //@end
                RT_PRAGMA(omp simd)
                for (int64_t i = from; i < to; i++) {
                    //@begin body
                    part[i - from] += LOAD_f32(x0, at + i);
                    //@end
                }
            }
            for (int64_t i = 0; i < to - from; i++)
                total[i] += part[i];
        }
        for (int64_t i = from; i < to; i++) {
            const real sum = total[i - from];
            const int64_t out = kept * COLUMNS + i;
            //@begin store
            STORE_f32(y0, out, sum);
            //@end
        }
    }
    rt_ran();
}
//@end

//@begin along
//@begin signature
RT_KERNEL void sum_along(const void *in0, void *out0, int64_t n0, int64_t n1)
//@end
{
    //@begin sizes
    const int64_t KEPT = 1, SUMMED = n0, COLUMNS = n1;
    //@end
    //@begin pointers
    RT_READS(f32, x0, in0, n0 * n1);
    RT_WRITES(f32, y0, out0, 1);
    //@end
    /* Each sum is cut into PIECES of about as many units; a unit is a row's chunk. */
    const int64_t chunks = (COLUMNS + RT_CHUNK - 1) / RT_CHUNK, units = SUMMED * chunks;
    const int64_t PIECES = KEPT >= RT_PIECES ? 1 : rt_least(RT_PIECES, units);
    real parts[RT_PIECES * RT_PIECES];
    RT_PARALLEL(KEPT * SUMMED * COLUMNS)
    for (int64_t piece = 0; piece < KEPT * PIECES; piece++) {
        const int64_t kept = piece / PIECES, number = piece % PIECES;
        real sum = 0;
        for (int64_t unit = number * units / PIECES; unit < (number + 1) * units / PIECES; unit++) {
            const int64_t summed = unit / chunks, from = unit % chunks * RT_CHUNK;
            const int64_t to = rt_least(COLUMNS, from + RT_CHUNK);
            (void)summed;
            real part = 0;
            //@begin row
            const int64_t at = summed * n1;
            //@end
            //@begin random
            //@end
            RT_PRAGMA(omp simd reduction(+ : part))
            for (int64_t i = from; i < to; i++) {
                //@begin body
                part += LOAD_f32(x0, at + i);
                //@end
            }
            sum += part;
        }
        const int64_t out = kept;
        if (PIECES > 1) {
            parts[piece] = sum;
            continue;
        }
        //@begin store
        STORE_f32(y0, out, sum);
        //@end
    }
    for (int64_t out = 0; PIECES > 1 && out < KEPT; out++) {
        real sum = 0;
        for (int64_t number = 0; number < PIECES; number++)
            sum += parts[out * PIECES + number];
        //@begin store
        STORE_f32(y0, out, sum);
        //@end
    }
    rt_ran();
}
//@end
