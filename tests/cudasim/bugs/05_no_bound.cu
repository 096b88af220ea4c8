/* The last block has fewer elements than threads, and `i < n` is missing. */
#include "bug.h"

static __global__ void scale(const float *x, float *y, int n, bool planted)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (planted || i < n)
        y[i] = 2 * x[i];
}

BUG(5, "missing i < n")
{
    std::vector<float> x = numbers(200), twice = x;
    for (float &value : twice)
        value *= 2;
    float *y = on_device<float>(200);
    LAUNCH(scale, 4, 64, 0, 0, on_device(x), y, 200, planted);
    return difference(from_device(y, 200), twice);
}
