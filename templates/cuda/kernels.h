/* What every kernel of the CUDA target shares, beside what kernel.h has for all targets: loads and
 * stores of 16 bytes, functions, the random generator, sums over lanes, and how threads share work.
 *
 * A kernel call is one step of the schedule: on the host it touches what it reads and writes (the
 * arena's high-water mark), launches on the one stream and ends with rt_ran(). Nothing waits,
 * nothing allocates, and no argument changes from step to step, so that a step can be captured once
 * and replayed. Every sum has an order that depends on shapes alone: no atomics. */
#ifndef KERNELS_H
#define KERNELS_H

#include "kernel.h"
#include "philox.h"

#include <cuda_bf16.h>
#include <cuda_runtime.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RT_KERNEL [[maybe_unused]] static
/* What a launch runs: RT_BLOCK threads a block, four blocks or more on a multiprocessor. */
#define RT_GLOBAL static __global__ void __launch_bounds__(RT_BLOCK, 4)

/* The tests of rematc compile this text without nvcc and give these two other meanings. */
#ifndef LAUNCH
#define LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                     \
    kernel<<<grid, block, shared_bytes, stream>>>(__VA_ARGS__)
#define SHARED(type, name, n) __shared__ type name[n]
#endif

enum { RT_BLOCK = 256, RT_WARP = 32 };
#define RT_ALL_LANES 0xffffffffu

/* On the one stream, RT_BLOCK threads a block; nothing while the program prepares (see
 * rt_is_preparing). */
#define RT_LAUNCH(kernel, grid, ...)                                                               \
    do {                                                                                           \
        if (!rt_is_preparing)                                                                      \
            LAUNCH(kernel, grid, RT_BLOCK, 0, rt_stream, __VA_ARGS__);                             \
    } while (0)

/* ---- the runtime's side --------------------------------------------------------------------- */

extern cudaStream_t rt_stream; /* of all kernels */
extern char *rt_workspace;     /* of the step that runs: memory that the plan counts, or NULL */
extern size_t rt_workspace_bytes;
extern bool rt_is_training;
/* A dry run of the step before the first: products choose their algorithms, nothing is launched. */
extern bool rt_is_preparing;

/* The workspace of the calls up to the next rt_ran(). */
static inline void use_workspace(void *start, size_t bytes)
{
    rt_touch(start, bytes);
    rt_workspace = (char *)start;
    rt_workspace_bytes = bytes;
}

/* Ends the program where a CUDA call failed; what: the call. */
void rt_check(cudaError_t error, const char *what);

/* ---- bf16 ------------------------------------------------------------------------------------ */

typedef __nv_bfloat16 rt_bf16;

static __device__ __forceinline__ float rt_from_bf16(rt_bf16 value)
{
    return __bfloat162float(value);
}

static __device__ __forceinline__ rt_bf16 rt_to_bf16(float value)
{
    return __float2bfloat16_rn(value);
}

/* ---- N elements at once: loads and stores of 16 bytes where they are that long
 * -------------------- */

template <int N>
static __device__ __forceinline__ void load_vector(real (&to)[N], const float *from)
{
    if constexpr (N % 4 == 0) {
#pragma unroll
        for (int i = 0; i < N / 4; i++) {
            const float4 four = reinterpret_cast<const float4 *>(from)[i];
            to[4 * i] = four.x;
            to[4 * i + 1] = four.y;
            to[4 * i + 2] = four.z;
            to[4 * i + 3] = four.w;
        }
    } else {
#pragma unroll
        for (int i = 0; i < N; i++)
            to[i] = from[i];
    }
}

/* Two bf16 in a word: the first is the lower half. */
static __device__ __forceinline__ void split_pair(unsigned pair, real *first, real *second)
{
    *first = __uint_as_float(pair << 16);
    *second = __uint_as_float(pair & 0xffff0000u);
}

static __device__ __forceinline__ unsigned join_pair(real first, real second)
{
    const unsigned low = __bfloat16_as_ushort(rt_to_bf16(first));
    return low | (unsigned)__bfloat16_as_ushort(rt_to_bf16(second)) << 16;
}

template <int N>
static __device__ __forceinline__ void load_vector(real (&to)[N], const rt_bf16 *from)
{
    if constexpr (N % 8 == 0) {
#pragma unroll
        for (int i = 0; i < N / 8; i++) {
            const uint4 eight = reinterpret_cast<const uint4 *>(from)[i];
            split_pair(eight.x, &to[8 * i], &to[8 * i + 1]);
            split_pair(eight.y, &to[8 * i + 2], &to[8 * i + 3]);
            split_pair(eight.z, &to[8 * i + 4], &to[8 * i + 5]);
            split_pair(eight.w, &to[8 * i + 6], &to[8 * i + 7]);
        }
    } else if constexpr (N % 4 == 0) {
        const uint2 four = *reinterpret_cast<const uint2 *>(from);
        split_pair(four.x, &to[0], &to[1]);
        split_pair(four.y, &to[2], &to[3]);
    } else {
#pragma unroll
        for (int i = 0; i < N; i++)
            to[i] = rt_from_bf16(from[i]);
    }
}

/* The step's scalars, where the other operands have one element too. */
template <int N>
static __device__ __forceinline__ void load_vector(real (&to)[N], const rt_f64 *from)
{
#pragma unroll
    for (int i = 0; i < N; i++)
        to[i] = (real)from[i];
}

template <int N>
static __device__ __forceinline__ void load_vector(real (&to)[N], const int32_t *from)
{
    if constexpr (N % 4 == 0) {
#pragma unroll
        for (int i = 0; i < N / 4; i++) {
            const int4 four = reinterpret_cast<const int4 *>(from)[i];
            to[4 * i] = (real)four.x;
            to[4 * i + 1] = (real)four.y;
            to[4 * i + 2] = (real)four.z;
            to[4 * i + 3] = (real)four.w;
        }
    } else {
#pragma unroll
        for (int i = 0; i < N; i++)
            to[i] = (real)from[i];
    }
}

template <int N>
static __device__ __forceinline__ void load_vector(real (&to)[N], const uint8_t *from)
{
    if constexpr (N % 4 == 0) {
#pragma unroll
        for (int i = 0; i < N / 4; i++) {
            const unsigned four = reinterpret_cast<const unsigned *>(from)[i];
            to[4 * i] = (real)(four & 255u);
            to[4 * i + 1] = (real)(four >> 8 & 255u);
            to[4 * i + 2] = (real)(four >> 16 & 255u);
            to[4 * i + 3] = (real)(four >> 24);
        }
    } else {
#pragma unroll
        for (int i = 0; i < N; i++)
            to[i] = (real)from[i];
    }
}

template <int N>
static __device__ __forceinline__ void store_vector(float *to, const real (&from)[N])
{
    if constexpr (N % 4 == 0) {
#pragma unroll
        for (int i = 0; i < N / 4; i++)
            reinterpret_cast<float4 *>(to)[i] =
                make_float4(from[4 * i], from[4 * i + 1], from[4 * i + 2], from[4 * i + 3]);
    } else {
#pragma unroll
        for (int i = 0; i < N; i++)
            to[i] = from[i];
    }
}

template <int N>
static __device__ __forceinline__ void store_vector(rt_bf16 *to, const real (&from)[N])
{
    if constexpr (N % 8 == 0) {
#pragma unroll
        for (int i = 0; i < N / 8; i++)
            reinterpret_cast<uint4 *>(to)[i] =
                make_uint4(join_pair(from[8 * i], from[8 * i + 1]),
                           join_pair(from[8 * i + 2], from[8 * i + 3]),
                           join_pair(from[8 * i + 4], from[8 * i + 5]),
                           join_pair(from[8 * i + 6], from[8 * i + 7]));
    } else if constexpr (N % 4 == 0) {
        *reinterpret_cast<uint2 *>(to) =
            make_uint2(join_pair(from[0], from[1]), join_pair(from[2], from[3]));
    } else {
#pragma unroll
        for (int i = 0; i < N; i++)
            to[i] = rt_to_bf16(from[i]);
    }
}

template <int N>
static __device__ __forceinline__ void store_vector(int32_t *to, const real (&from)[N])
{
#pragma unroll
    for (int i = 0; i < N; i++)
        to[i] = (int32_t)from[i];
}

template <int N>
static __device__ __forceinline__ void store_vector(uint8_t *to, const real (&from)[N])
{
#pragma unroll
    for (int i = 0; i < N; i++)
        to[i] = (uint8_t)(from[i] != 0);
}

/* ---- sums over a group of threads: 1, a warp, or the block
 * ---------------------------------------- */

/* Every thread of the group gets the value. Calls may follow each other: scratch is free on return.
 */
template <int GROUP> static __device__ __forceinline__ real group_sum(real value)
{
    if constexpr (GROUP > 1) {
#pragma unroll
        for (int lanes = RT_WARP / 2; lanes > 0; lanes /= 2)
            value += __shfl_xor_sync(RT_ALL_LANES, value, lanes);
        __syncwarp();
    }
    if constexpr (GROUP > RT_WARP) {
        SHARED(real, part, GROUP / RT_WARP);
        if (threadIdx.x % RT_WARP == 0)
            part[threadIdx.x / RT_WARP] = value;
        __syncthreads();
        value = part[0];
#pragma unroll
        for (int warp = 1; warp < GROUP / RT_WARP; warp++)
            value += part[warp];
        __syncthreads();
    }
    return value;
}

template <int GROUP> static __device__ __forceinline__ real group_max(real value)
{
    if constexpr (GROUP > 1) {
#pragma unroll
        for (int lanes = RT_WARP / 2; lanes > 0; lanes /= 2) {
            const real other = __shfl_xor_sync(RT_ALL_LANES, value, lanes);
            value = other > value ? other : value;
        }
        __syncwarp();
    }
    if constexpr (GROUP > RT_WARP) {
        SHARED(real, part, GROUP / RT_WARP);
        if (threadIdx.x % RT_WARP == 0)
            part[threadIdx.x / RT_WARP] = value;
        __syncthreads();
        value = part[0];
#pragma unroll
        for (int warp = 1; warp < GROUP / RT_WARP; warp++)
            value = part[warp] > value ? part[warp] : value;
        __syncthreads();
    }
    return value;
}

template <int GROUP> static __device__ __forceinline__ void group_wait(void)
{
    if constexpr (GROUP > RT_WARP)
        __syncthreads();
    else if constexpr (GROUP > 1)
        __syncwarp();
}

/* ---- how threads share the work of a fused kernel -----------------------------------------------
 *
 * A kernel is a template of the sizes of its axes, n0, n1, ...: one text, and compiled code for
 * each call's sizes. Their type is that of all of its indexes, Count: 32 bits where the whole
 * domain fits. A Share says who does what:
 *
 *     RtElements   each thread takes VECTOR elements
 *     RtRows       a row is the work of GROUP threads: a warp, or a block where it is long; each
 *                  takes VECTOR elements at a time
 *     RtSumDown    columns are summed: 32 lanes side by side, VECTOR columns each, and the warps of
 * a block take every eighth row RtSumAlong   rows are summed: GROUP threads for each part of each
 * sum
 *
 * A sum is cut into `parts`, so that few sums keep the device busy too. */

/* VECTOR: `most`, 16 bytes of the narrowest tensor, where rows have a multiple of that. */
static constexpr int rt_vector(uint64_t columns, int most)
{
    return columns % (uint64_t)most == 0 ? most : most > 4 && columns % 4 == 0 ? 4 : 1;
}

static constexpr int rt_group(uint64_t columns)
{
    return columns <= 1024 ? RT_WARP : RT_BLOCK;
}

static constexpr unsigned rt_blocks(int64_t units, int64_t per_block)
{
    return (unsigned)((units + per_block - 1) / per_block);
}

template <auto rows, auto columns, int most, bool whole> struct RtShare {
    typedef decltype(columns) Count;
    static constexpr int VECTOR = rt_vector(columns, most), GROUP = whole ? rt_group(columns) : 1;
    static constexpr Count ROWS = rows, COLUMNS = columns, SPAN = whole ? columns : (Count)VECTOR;
    static constexpr Count PIECES = columns / SPAN; /* SPAN divides the row */
    static constexpr unsigned BLOCKS = rt_blocks((int64_t)ROWS * PIECES, RT_BLOCK / GROUP);
};
template <auto rows, auto columns, int most> using RtElements = RtShare<rows, columns, most, false>;
template <auto rows, auto columns, int most> using RtRows = RtShare<rows, columns, most, true>;

template <auto kept, auto summed, auto columns, int most, int parts> struct RtSumDown {
    typedef decltype(columns) Count;
    static constexpr int VECTOR = rt_vector(columns, most), WIDTH = RT_WARP * VECTOR;
    static constexpr Count KEPT = kept, SUMMED = summed, COLUMNS = columns;
    static constexpr Count ACROSS = (columns + WIDTH - 1) / WIDTH;
    static constexpr unsigned BLOCKS = (unsigned)(KEPT * parts * ACROSS);
};

template <auto kept, auto summed, auto columns, int most, int parts> struct RtSumAlong {
    typedef decltype(columns) Count;
    static constexpr int VECTOR = rt_vector(columns, most), GROUP = rt_group(summed * columns);
    static constexpr Count KEPT = kept, SUMMED = summed, COLUMNS = columns;
    static constexpr unsigned BLOCKS = rt_blocks((int64_t)KEPT * parts, RT_BLOCK / GROUP);
};

/* The start of a kernel of rows or of elements: this thread's `row`, its number `lane` in the
 * group, and the elements `start`, start + GROUP * VECTOR, ... before `end`. A thread without work
 * ends. */
#define RT_SHARE(...)                                                                              \
    typedef __VA_ARGS__ Share;                                                                     \
    typedef typename Share::Count Count;                                                           \
    enum { GROUP = Share::GROUP, VECTOR = Share::VECTOR };                                         \
    const Count piece = (Count)blockIdx.x * (RT_BLOCK / GROUP) + threadIdx.x / GROUP;              \
    if (piece >= Share::ROWS * Share::PIECES)                                                      \
        return;                                                                                    \
    const Count row = piece / Share::PIECES, lane = threadIdx.x % GROUP;                           \
    const Count begin = piece % Share::PIECES * Share::SPAN;                                       \
    const Count start = begin + lane * VECTOR, end = begin + Share::SPAN;                          \
    (void)row, (void)lane, (void)start, (void)end

/* ---- what the text of fused kernels is made of --------------------------------------------------
 *
 * x0_v, y0_v and u0_v are VECTOR elements of a tensor and VECTOR random numbers, in registers. The
 * values of a row are stored when all of the group have read what may lie there. */
#define RT_EACH(j) _Pragma("unroll") for (Count j = 0; j < VECTOR; j++)

#define VECTOR_LOAD(x, at)                                                                         \
    real x##_v[VECTOR];                                                                            \
    load_vector(x##_v, x + (at))
#define VECTOR_KEEP(y)      real y##_v[VECTOR]
#define VECTOR_STORE(y, at) store_vector(y + (at), y##_v)
#define VECTOR_RANDOM(u, first, step, stream)                                                      \
    real u##_v[VECTOR];                                                                            \
    uniform_vector(u##_v, (uint64_t)(first), step, stream)

#define ROW_STORE(STORE, y, i, v)                                                                  \
    do {                                                                                           \
        group_wait<GROUP>();                                                                       \
        if (lane == 0)                                                                             \
            STORE(y, i, v);                                                                        \
    } while (0)
#define ROW_STORE_f32(y, i, v)  ROW_STORE(STORE_f32, y, i, v)
#define ROW_STORE_bf16(y, i, v) ROW_STORE(STORE_bf16, y, i, v)
#define ROW_STORE_f64(y, i, v)  ROW_STORE(STORE_f64, y, i, v)
#define ROW_STORE_i32(y, i, v)  ROW_STORE(STORE_i32, y, i, v)
#define ROW_STORE_bool(y, i, v) ROW_STORE(STORE_bool, y, i, v)

/* Arguments of a launch: n elements that it reads or writes. */
template <class T> static inline const T *rt_reads(const void *start, size_t n)
{
    rt_touch(start, sizeof(T) * n);
    return (const T *)start;
}

template <class T> static inline T *rt_writes(void *start, size_t n)
{
    rt_touch(start, sizeof(T) * n);
    return (T *)start;
}

/* Adds up parts[number * outputs + out] in order. */
template <auto outputs, int parts, bool accumulate, class T>
RT_GLOBAL rt_finish_kernel(T *y, const real *part)
{
    typedef decltype(outputs) Count;
    const Count out = (Count)blockIdx.x * RT_BLOCK + threadIdx.x;
    if (out >= outputs)
        return;
    real sum[1] = {0}, before[1] = {0};
    for (Count number = 0; number < parts; number++)
        sum[0] += part[(size_t)number * outputs + out];
    if constexpr (accumulate) {
        load_vector(before, y + out);
        sum[0] = before[0] + sum[0];
    }
    store_vector(y + out, sum);
}

/* The launch of that, after the kernel that left the parts in the step's workspace. */
template <auto outputs, int parts, bool accumulate, class T> static inline void rt_finish_sums(T *y)
{
    RT_LAUNCH((rt_finish_kernel<outputs, parts, accumulate, T>), rt_blocks(outputs, RT_BLOCK), y,
              (const real *)rt_workspace);
}

static __host__ __device__ __forceinline__ int64_t rt_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- functions: the library's full-precision ones
 * ------------------------------------------------- */

static __device__ __forceinline__ real r_exp(real x)
{
    return expf(x);
}
static __device__ __forceinline__ real r_log(real x)
{
    return logf(x);
}
static __device__ __forceinline__ real r_tanh(real x)
{
    return tanhf(x);
}
static __device__ __forceinline__ real r_erf(real x)
{
    return erff(x);
}
static __device__ __forceinline__ real r_sqrt(real x)
{
    return sqrtf(x);
}
static __device__ __forceinline__ real r_abs(real x)
{
    return fabsf(x);
}

static __device__ __forceinline__ real r_gelu_tanh_slope(real a)
{
    const real t = r_tanh(R(0.79788456080286535588) * (a + R(0.044715) * a * a * a));
    const real inner = R(0.79788456080286535588) * (1 + R(0.134145) * a * a);
    return R(0.5) * (1 + t) + R(0.5) * a * (1 - t * t) * inner;
}

static __device__ __forceinline__ real r_silu_slope(real a)
{
    const real s = 1 / (1 + r_exp(-a));
    return s * (1 + a * (1 - s));
}

/* ---- random numbers -------------------------------------------------------------------------- */

static __device__ __forceinline__ real uniform_of(uint32_t word)
{
    return (real)(int32_t)(word >> 8) * R(1.0 / 16777216);
}

/* Elements first..first + N - 1 of a stream, the same bits as the CPU's: the counter is (element /
 * 4 as 64 bits, stream, step), keyed by the seed, and element i takes word i % 4. Where N is a
 * multiple of 4, so is first. */
template <int N>
static __device__ __forceinline__ void uniform_vector(real (&u)[N], uint64_t first,
                                                      const RtStep *step, uint32_t stream)
{
    if constexpr (N % 4 == 0) {
#pragma unroll
        for (int i = 0; i < N / 4; i++) {
            const uint64_t block = first / 4 + (uint64_t)i;
            const RtRandom random = rt_philox((uint32_t)block, (uint32_t)(block >> 32), stream,
                                              step->step, step->seed[0], step->seed[1]);
#pragma unroll
            for (int j = 0; j < 4; j++)
                u[4 * i + j] = uniform_of(random.word[j]);
        }
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) {
            const uint64_t element = first + (uint64_t)i, block = element / 4;
            const RtRandom random = rt_philox((uint32_t)block, (uint32_t)(block >> 32), stream,
                                              step->step, step->seed[0], step->seed[1]);
            const uint32_t even = element % 4 >= 2 ? random.word[2] : random.word[0];
            const uint32_t odd = element % 4 >= 2 ? random.word[3] : random.word[1];
            u[i] = uniform_of(element % 2 ? odd : even);
        }
    }
}

#endif
