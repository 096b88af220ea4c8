/* The next batch is written into the pinned buffer while the copy of the last one may still read
 * it. */
#include "bug.h"

static __global__ void keep(const float *x, float *y)
{
    y[threadIdx.x] = x[threadIdx.x];
}

BUG(20, "pinned buffer rewritten during its copy")
{
    const int n = 64;
    float *pinned, *x = on_device<float>(n), *y = on_device<float>(2 * n);
    cudaMallocHost(&pinned, n * sizeof(float));
    cudaStream_t stream;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    std::vector<float> expected(2 * n);
    for (int batch = 0; batch < 2; batch++) {
        if (batch == 1 && !planted)
            cudaStreamSynchronize(stream);
        for (int i = 0; i < n; i++)
            expected[batch * n + i] = pinned[i] = (float)(batch * 1000 + i);
        cudaMemcpyAsync(x, pinned, n * sizeof(float), cudaMemcpyHostToDevice, stream);
        LAUNCH(keep, 1, n, 0, stream, x, y + batch * n);
    }
    cudaStreamSynchronize(stream);
    return difference(from_device(y, 2 * n), expected);
}
