/* A planted bug: one .cu file here with kernels that take `planted`, and a run that gives the
 * largest difference from the right result (NaN where a NaN came out). With planted false it must
 * be right under every finder. The text also compiles with nvcc. */
#ifndef BUG_H
#define BUG_H

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>
#include <vector>

#ifndef LAUNCH
#define LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                     \
    kernel<<<grid, block, shared_bytes, stream>>>(__VA_ARGS__)
#define SHARED(type, name, n) __shared__ type name[n]
#endif

struct Bug {
    int number;
    const char *name;
    double (*run)(bool planted);
};
void bug_add(const Bug &bug);

/* BUG(1, "matmul without the second barrier") { ... return difference; } */
#define BUG(number, name)                                                                          \
    static double run_bug(bool planted);                                                           \
    static const struct Add {                                                                      \
        Add()                                                                                      \
        {                                                                                          \
            bug_add({number, name, run_bug});                                                      \
        }                                                                                          \
    } add;                                                                                         \
    static double run_bug(bool planted)

template <class T> T *on_device(const std::vector<T> &values)
{
    T *memory = nullptr;
    cudaMalloc(&memory, values.size() * sizeof(T));
    cudaMemcpy(memory, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice);
    return memory;
}

template <class T> T *on_device(size_t n)
{
    T *memory = nullptr;
    cudaMalloc(&memory, n * sizeof(T));
    return memory;
}

template <class T> std::vector<T> from_device(const T *memory, size_t n)
{
    std::vector<T> values(n);
    cudaMemcpy(values.data(), memory, n * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
}

/* Integers as floats: sums of them are exact in any order. */
static inline std::vector<float> numbers(size_t n, int seed = 1)
{
    std::vector<float> values(n);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)((i * 7 + (size_t)seed * 13) % 17) - 8.0f;
    return values;
}

/* The largest difference; a NaN stays. */
static inline double difference(const std::vector<float> &a, const std::vector<float> &b)
{
    double most = 0;
    for (size_t i = 0; i < a.size(); i++) {
        double d = std::fabs((double)a[i] - (double)b[i]);
        if (std::isnan(d) || std::isnan(most))
            most = NAN;
        else if (d > most)
            most = d;
    }
    return most;
}

static inline float total(const std::vector<float> &values)
{
    float sum = 0;
    for (float value : values)
        sum += value;
    return sum;
}

#endif
