/* Tiles of 16 by 16 in shared memory; the second barrier is left out. */
#include "bug.h"

enum { TILE = 16 };

static __global__ void matmul_second(const float *a, const float *b, float *c, int n, bool planted)
{
    SHARED(float, tile_a, TILE *TILE);
    SHARED(float, tile_b, TILE *TILE);
    int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * TILE + y,
        column = blockIdx.x * TILE + x;
    float sum = 0;
    for (int from = 0; from < n; from += TILE) {
        tile_a[y * TILE + x] = a[row * n + from + x];
        tile_b[y * TILE + x] = b[(from + y) * n + column];
        __syncthreads();
        for (int k = 0; k < TILE; k++)
            sum += tile_a[y * TILE + k] * tile_b[k * TILE + x];
        if (!planted)
            __syncthreads();
    }
    c[row * n + column] = sum;
}

BUG(1, "matmul without the second barrier")
{
    const int n = 48;
    std::vector<float> a = numbers(n * n, 1), b = numbers(n * n, 2), c(n * n);
    for (int i = 0; i < n * n; i++)
        for (int k = 0; k < n; k++)
            c[i] += a[i / n * n + k] * b[k * n + i % n];
    float *result = on_device<float>(n * n);
    LAUNCH(matmul_second, dim3(n / TILE, n / TILE), dim3(TILE, TILE), 0, 0, on_device(a),
           on_device(b), result, n, planted);
    return difference(from_device(result, n * n), c);
}
