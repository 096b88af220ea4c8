/* A shuffle that names all lanes, in a branch that half of them take; the values are those of lanes
 * that do. */
#include "bug.h"

static __global__ void half_sum(const float *x, float *y, bool planted)
{
    int t = threadIdx.x;
    float value = x[t];
    if (t < 16) {
        for (int step = 8; step > 0; step /= 2)
            value += __shfl_xor_sync(planted ? 0xffffffffu : 0xffffu, value, step);
        y[t] = value;
    }
    __syncthreads();
    if (t >= 16)
        y[t] = y[0];
}

BUG(12, "full-mask shuffle in a divergent branch")
{
    std::vector<float> x = numbers(32);
    float sum = total(std::vector<float>(x.begin(), x.begin() + 16));
    float *y = on_device<float>(32);
    LAUNCH(half_sum, 1, 32, 0, 0, on_device(x), y, planted);
    return difference(from_device(y, 32), std::vector<float>(32, sum));
}
