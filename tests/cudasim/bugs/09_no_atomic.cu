/* Blocks count into one cell, without an atomic. */
#include "bug.h"

static __global__ void count(int *counter, bool planted)
{
    if (threadIdx.x != 0)
        return;
    if (planted)
        *counter += 1;
    else
        atomicAdd(counter, 1);
}

BUG(9, "missing atomic between blocks")
{
    int *counter = on_device(std::vector<int>{0});
    LAUNCH(count, 8, 32, 0, 0, counter, planted);
    return std::abs(from_device(counter, 1)[0] - 8);
}
