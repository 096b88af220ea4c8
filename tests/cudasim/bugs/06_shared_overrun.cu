/* A neighbour's difference: the last thread reads one element past the shared array. */
#include "bug.h"

static __global__ void neighbour(const float *x, float *y, bool planted)
{
    SHARED(float, row, 64);
    int t = threadIdx.x;
    row[t] = x[t];
    __syncthreads();
    float next = planted || t + 1 < 64 ? row[t + 1] : 0;
    y[t] = t + 1 < 64 ? next - row[t] : 0;
}

BUG(6, "shared array overrun by one")
{
    std::vector<float> x = numbers(64), steps(64);
    for (int i = 0; i + 1 < 64; i++)
        steps[i] = x[i + 1] - x[i];
    float *y = on_device<float>(64);
    LAUNCH(neighbour, 1, 64, 0, 0, on_device(x), y, planted);
    return difference(from_device(y, 64), steps);
}
