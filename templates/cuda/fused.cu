/* Skeleton of a fused kernel: the compiler copies what follows once for each program of elementwise
 * operators and row reductions, with its own text in the regions. What stands in them here is the
 * logarithm of a row's sum of exponentials, and a row less that, so that this file compiles and can
 * be tested.
 *
 * A row goes through its passes in order: each but the last ends in one or more reductions along
 * the row; outputs are stored by the last alone, so that an output may have the bytes of an input.
 */
#include "kernels.h"

//@begin kernel
template <auto n0, auto n1> RT_GLOBAL log_softmax_kernel(const rt_f32 *x0, rt_f32 *y0)
//@end
{
    //@begin share
    RT_SHARE(RtRows<n0, n1, 4>);
    //@end
    //@begin row
    const int64_t at = row * n1;
    real v1 = 0;
    //@end
    //@begin passes
    //@begin pass
    for (Count from = start; from < end; from += GROUP * VECTOR) {
        //@begin loads
        VECTOR_LOAD(x0, at + from);
        //@end
        //@begin body
        RT_EACH(j)
            v1 += r_exp(x0_v[j]);
        //@end
        //@begin stores
        //@end
    }
    //@begin after
    v1 = group_sum<GROUP>(v1);
    //@end
    //@end
    for (Count from = start; from < end; from += GROUP * VECTOR) {
        VECTOR_LOAD(x0, at + from);
        VECTOR_KEEP(y0);
        RT_EACH(j)
            y0_v[j] = x0_v[j] - r_log(v1);
        VECTOR_STORE(y0, at + from);
    }
    //@end
}

//@begin signature
template <auto n0, auto n1> RT_KERNEL void log_softmax(const void *in0, void *out0)
//@end
{
    //@begin launch
    RT_LAUNCH((log_softmax_kernel<n0, n1>), (RtRows<n0, n1, 4>::BLOCKS),
              rt_reads<rt_f32>(in0, n0 * n1), rt_writes<rt_f32>(out0, n0 * n1));
    //@end
    rt_ran();
}
