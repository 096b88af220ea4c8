/* 100 threads: the last warp has 4 lanes, and an exchange reads lanes that are not there. What is
 * read there is not used, so that results are right. */
#include "bug.h"

static __global__ void pair_maximum(const float *x, float *y, int n, bool planted)
{
    int t = threadIdx.x;
    float value = x[t < n ? t : n - 1];
    float other = __shfl_xor_sync(0xffffffffu, value, 4);
    if (t < n)
        y[t] = (t ^ 4) < n ? fmaxf(value, other) : value;
    (void)planted;
}

BUG(13, "full-mask xor shuffle with 100 threads")
{
    const int n = 100;
    std::vector<float> x = numbers(n), best(n);
    for (int i = 0; i < n; i++)
        best[i] = (i ^ 4) < n ? std::fmax(x[i], x[i ^ 4]) : x[i];
    float *y = on_device<float>(n);
    LAUNCH(pair_maximum, 1, planted ? n : 128, 0, 0, on_device(x), y, n, planted);
    return difference(from_device(y, n), best);
}
