/* Three tensors in one arena: the bytes of h were given to g while h is still to be read. */
#include "bug.h"

static __global__ void plus_one(const float *x, float *y)
{
    y[threadIdx.x] = x[threadIdx.x] + 1;
}

static __global__ void product(const float *x, const float *y, float *z)
{
    z[threadIdx.x] = x[threadIdx.x] * y[threadIdx.x];
}

BUG(19, "arena buffer used after its bytes were given away")
{
    const int n = 64;
    std::vector<float> x = numbers(n), expected(n);
    for (int i = 0; i < n; i++)
        expected[i] = (x[i] + 1) * (x[i] + 2);
    float *arena = on_device<float>(4 * n);
    float *in = arena, *h = arena + n, *g = planted ? h : arena + 2 * n, *out = arena + 3 * n;
    cudaMemcpy(in, x.data(), n * sizeof(float), cudaMemcpyHostToDevice);
    LAUNCH(plus_one, 1, n, 0, 0, in, h);
    LAUNCH(plus_one, 1, n, 0, 0, h, g);
    LAUNCH(product, 1, n, 0, 0, h, g, out);
    return difference(from_device(out, n), expected);
}
