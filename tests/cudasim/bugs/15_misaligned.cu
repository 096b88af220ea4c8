/* A float4 is read at a row that starts at no multiple of 16 bytes. */
#include "bug.h"

static __global__ void sum_rows(const float *x, float *y, int width, bool planted)
{
    const float *row = x + threadIdx.x * width;
    float sum = 0;
    int i = 0;
    for (; planted && i + 4 <= width; i += 4) {
        float4 four = *(const float4 *)(row + i);
        sum += four.x + four.y + four.z + four.w;
    }
    for (; i < width; i++)
        sum += row[i];
    y[threadIdx.x] = sum;
}

BUG(15, "misaligned float4 load")
{
    const int width = 5, rows = 32;
    std::vector<float> x = numbers(width * rows), sums(rows);
    for (int i = 0; i < width * rows; i++)
        sums[i / width] += x[i];
    float *y = on_device<float>(rows);
    LAUNCH(sum_rows, 1, rows, 0, 0, on_device(x), y, width, planted);
    return difference(from_device(y, rows), sums);
}
