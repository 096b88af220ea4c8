/* A batch is uploaded on a second stream, and the kernel that reads it does not wait for the
 * upload. */
#include "bug.h"

static __global__ void twice(const float *x, float *y, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n)
        y[i] = 2 * x[i];
}

BUG(17, "missing event wait")
{
    const int n = 64;
    float *pinned, *x = on_device<float>(n), *y = on_device<float>(n);
    cudaMallocHost(&pinned, n * sizeof(float));
    cudaStream_t compute, upload;
    cudaStreamCreateWithFlags(&compute, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&upload, cudaStreamNonBlocking);
    cudaEvent_t there;
    cudaEventCreateWithFlags(&there, cudaEventDisableTiming);
    std::vector<float> expected(n);
    for (int i = 0; i < n; i++)
        expected[i] = 2 * (pinned[i] = (float)i);
    cudaMemcpyAsync(x, pinned, n * sizeof(float), cudaMemcpyHostToDevice, upload);
    cudaEventRecord(there, upload);
    if (!planted)
        cudaStreamWaitEvent(compute, there, 0);
    LAUNCH(twice, 1, 64, 0, compute, x, y, n);
    cudaStreamSynchronize(compute);
    return difference(from_device(y, n), expected);
}
