/* An element past 2^31 of a large tensor, its index computed in 32 bits. The base is moved back so
 * that the element asked for is the only memory there is. */
#include "bug.h"

static __global__ void far_element(const float *x, float *y, int row, int width, bool planted)
{
    size_t i = planted ? (size_t)(row * width) : (size_t)row * (size_t)width;
    y[0] = *(const float *)((uintptr_t)x + i * sizeof *x);
}

BUG(14, "32-bit index overflow")
{
    const int row = 70000, width = 40000;
    float *x = on_device(std::vector<float>{42.0f});
    float *base = (float *)((uintptr_t)x - (size_t)row * width * sizeof *x);
    float *y = on_device<float>(1);
    LAUNCH(far_element, 1, 1, 0, 0, base, y, row, width, planted);
    return difference(from_device(y, 1), {42.0f});
}
