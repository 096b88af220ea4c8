/* A product of two matrices stored by rows: B' leading dimension is given as its number of rows. */
#include "bug.h"
#include <cublas_v2.h>

BUG(16, "wrong leading dimension")
{
    const int m = 5, n = 7, k = 9;
    std::vector<float> a = numbers(m * k, 1), b = numbers(k * n, 2), c(m * n);
    for (int i = 0; i < m * n; i++)
        for (int l = 0; l < k; l++)
            c[i] += a[i / n * k + l] * b[l * n + i % n];
    float *result = on_device<float>(m * n), *workspace = on_device<float>(256);
    const float one = 1, zero = 0;
    cublasHandle_t handle;
    cublasCreate(&handle);
    cublasSetWorkspace(handle, workspace, 1024);
    cublasGemmStridedBatchedEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &one, on_device(b),
                               CUDA_R_32F, planted ? k : n, 0, on_device(a), CUDA_R_32F, k, 0,
                               &zero, result, CUDA_R_32F, n, 0, 1, CUBLAS_COMPUTE_32F,
                               CUBLAS_GEMM_DEFAULT);
    return difference(from_device(result, m * n), c);
}
