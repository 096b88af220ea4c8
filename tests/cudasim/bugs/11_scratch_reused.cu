/* Two block sums in a row share their scratch: a fast warp overwrites what a slow one still reads.
 */
#include "bug.h"

static __device__ float block_sum(float value, float *part, bool leading_barrier)
{
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (int step = 16; step > 0; step /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, step);
    if (leading_barrier)
        __syncthreads();
    if (lane == 0)
        part[warp] = value;
    __syncthreads();
    value = lane < 4 ? part[lane] : 0;
    for (int step = 16; step > 0; step /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}

static __global__ void two_sums(const float *x, float *y, bool planted)
{
    SHARED(float, part, 4);
    float value = x[threadIdx.x];
    float sum = block_sum(value, part, !planted);
    float squares = block_sum(value * value, part, !planted);
    y[threadIdx.x] = sum + squares;
}

BUG(11, "block-reduce scratch reused without a barrier")
{
    std::vector<float> x = numbers(128);
    float sum = 0;
    for (float value : x)
        sum += value + value * value;
    float *y = on_device<float>(128);
    LAUNCH(two_sums, 1, 128, 0, 0, on_device(x), y, planted);
    return difference(from_device(y, 128), std::vector<float>(128, sum));
}
