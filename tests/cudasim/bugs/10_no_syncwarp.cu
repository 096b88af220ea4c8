/* Lanes of a warp exchange values through shared memory and trust that they run in step. */
#include "bug.h"

static __global__ void warp_synchronous(const float *x, float *y, bool planted)
{
    SHARED(float, part, 32);
    int t = threadIdx.x;
    part[t] = x[t];
    if (!planted)
        __syncwarp();
    for (int half = 16; half > 0; half /= 2) {
        float other = t < half ? part[t + half] : 0;
        if (!planted)
            __syncwarp();
        if (t < half)
            part[t] += other;
        if (!planted)
            __syncwarp();
    }
    if (t == 0)
        y[0] = part[0];
}

BUG(10, "warp-synchronous code without __syncwarp")
{
    std::vector<float> x = numbers(32);
    float *y = on_device<float>(1);
    LAUNCH(warp_synchronous, 1, 32, 0, 0, on_device(x), y, planted);
    return difference(from_device(y, 1), {total(x)});
}
