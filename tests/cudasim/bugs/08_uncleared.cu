/* A gradient is added into memory that nobody cleared. */
#include "bug.h"

static __global__ void add_into(const float *x, float *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] += x[i];
}

BUG(8, "accumulates into uncleared memory")
{
    std::vector<float> x = numbers(100);
    float *y = on_device<float>(100);
    if (!planted)
        cudaMemset(y, 0, 400);
    LAUNCH(add_into, 2, 64, 0, 0, on_device(x), y, 100);
    return difference(from_device(y, 100), x);
}
