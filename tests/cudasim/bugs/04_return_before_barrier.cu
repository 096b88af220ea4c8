/* Threads without an element return before the barrier that the others wait at. */
#include "bug.h"

static __global__ void early_return(const float *x, float *y, int n, bool planted)
{
    SHARED(float, part, 64);
    int t = threadIdx.x;
    if (planted && t >= n)
        return;
    part[t] = t < n ? x[t] : 0;
    __syncthreads();
    if (t < n)
        y[t] = part[n - 1 - t];
}

BUG(4, "return before a barrier")
{
    std::vector<float> x = numbers(50), reversed(x.rbegin(), x.rend());
    float *y = on_device<float>(50);
    LAUNCH(early_return, 1, 64, 0, 0, on_device(x), y, 50, planted);
    return difference(from_device(y, 50), reversed);
}
