/* One partial sum for each warp, of which the last is never written. */
#include "bug.h"

static __global__ void warp_sums(const float *x, float *y, bool planted)
{
    SHARED(float, part, 4);
    int t = threadIdx.x, lane = t % 32, warp = t / 32;
    float sum = x[t];
    for (int step = 16; step > 0; step /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, step);
    if (lane == 0 && (!planted || warp < 3))
        part[warp] = sum;
    __syncthreads();
    if (t == 0)
        y[0] = part[0] + part[1] + part[2] + part[3];
}

BUG(7, "shared element never written")
{
    std::vector<float> x = numbers(128);
    float *y = on_device<float>(1);
    LAUNCH(warp_sums, 1, 128, 0, 0, on_device(x), y, planted);
    return difference(from_device(y, 1), {total(x)});
}
