/* A block sum whose barrier stands inside the branch that only some threads take. */
#include "bug.h"

static __global__ void barrier_in_branch(const float *x, float *y, bool planted)
{
    SHARED(float, part, 64);
    int t = threadIdx.x;
    part[t] = x[t];
    __syncthreads();
    for (int half = 32; half > 0; half /= 2) {
        if (t < half) {
            part[t] += part[t + half];
            if (planted)
                __syncthreads();
        }
        if (!planted)
            __syncthreads();
    }
    if (t == 0)
        y[0] = part[0];
}

BUG(3, "barrier inside a branch")
{
    std::vector<float> x = numbers(64);
    float *y = on_device<float>(1);
    LAUNCH(barrier_in_branch, 1, 64, 0, 0, on_device(x), y, planted);
    return difference(from_device(y, 1), {total(x)});
}
