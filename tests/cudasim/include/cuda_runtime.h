/* The part of CUDA's language and runtime that emitted programs use, as plain C++ for g++ and
 * clang++. A kernel's text compiles unchanged against this; the simulator beside this folder runs
 * its threads as fibres. Names, argument orders and enum values are CUDA's; what is missing here is
 * not used by what we emit. */
#ifndef CUDASIM_CUDA_RUNTIME_H
#define CUDASIM_CUDA_RUNTIME_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <tuple>

#define CUDASIM 1

/* --- the language
 * ---------------------------------------------------------------------------------- */

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __noinline__    __attribute__((noinline))
#define __launch_bounds__(...)

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned vx = 1, unsigned vy = 1, unsigned vz = 1) : x(vx), y(vy), z(vz)
    {
    }
};
/* Vectors: a copy to or from memory is one access of the whole width, and must be aligned to it.
 * The test is out of line, because a compiler may take the alignment for granted. */
void sim_demand_aligned(const void *address, size_t bytes);
#define CUDASIM_VECTOR2(name, type, bytes)                                                         \
    struct alignas(bytes) name {                                                                   \
        type x, y;                                                                                 \
        name() = default;                                                                          \
        name(type vx, type vy) : x(vx), y(vy)                                                      \
        {                                                                                          \
        }                                                                                          \
        name(const name &from)                                                                     \
        {                                                                                          \
            *this = from;                                                                          \
        }                                                                                          \
        name &operator=(const name &from)                                                          \
        {                                                                                          \
            sim_demand_aligned(&from, bytes);                                                      \
            sim_demand_aligned(this, bytes);                                                       \
            x = from.x, y = from.y;                                                                \
            return *this;                                                                          \
        }                                                                                          \
    };                                                                                             \
    static inline name make_##name(type x, type y)                                                 \
    {                                                                                              \
        return name(x, y);                                                                         \
    }
#define CUDASIM_VECTOR4(name, type, bytes)                                                         \
    struct alignas(bytes) name {                                                                   \
        type x, y, z, w;                                                                           \
        name() = default;                                                                          \
        name(type vx, type vy, type vz, type vw) : x(vx), y(vy), z(vz), w(vw)                      \
        {                                                                                          \
        }                                                                                          \
        name(const name &from)                                                                     \
        {                                                                                          \
            *this = from;                                                                          \
        }                                                                                          \
        name &operator=(const name &from)                                                          \
        {                                                                                          \
            sim_demand_aligned(&from, bytes);                                                      \
            sim_demand_aligned(this, bytes);                                                       \
            x = from.x, y = from.y, z = from.z, w = from.w;                                        \
            return *this;                                                                          \
        }                                                                                          \
    };                                                                                             \
    static inline name make_##name(type x, type y, type z, type w)                                 \
    {                                                                                              \
        return name(x, y, z, w);                                                                   \
    }
CUDASIM_VECTOR2(float2, float, 8)
CUDASIM_VECTOR2(uint2, unsigned, 8)
CUDASIM_VECTOR2(int2, int, 8)
CUDASIM_VECTOR4(float4, float, 16)
CUDASIM_VECTOR4(uint4, unsigned, 16)
CUDASIM_VECTOR4(int4, int, 16)

/* Of the fibre that runs; the scheduler writes them before it switches. */
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
enum { warpSize = 32 };

/* Where a call stands: the return address is no use, the compiler may have doubled the call. */
#define CUDASIM_SITE int line = __builtin_LINE()

void __syncthreads(CUDASIM_SITE);
void __syncwarp(unsigned mask = 0xffffffffu, CUDASIM_SITE);
int __syncthreads_or(int predicate, CUDASIM_SITE);
static inline void __threadfence()
{
}
unsigned __ballot_sync(unsigned mask, int predicate, CUDASIM_SITE);
int __any_sync(unsigned mask, int predicate, CUDASIM_SITE);
int __all_sync(unsigned mask, int predicate, CUDASIM_SITE);

enum SimShuffle { SIM_SHUFFLE_FROM, SIM_SHUFFLE_UP, SIM_SHUFFLE_DOWN, SIM_SHUFFLE_XOR };
uint64_t sim_shuffle(SimShuffle how, unsigned mask, uint64_t bits, int argument, int width,
                     int line);

template <class T>
T sim_shuffle_value(SimShuffle how, unsigned mask, T value, int argument, int width, int line)
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
    uint64_t bits = 0;
    __builtin_memcpy(&bits, &value, sizeof value);
    bits = sim_shuffle(how, mask, bits, argument, width, line);
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}
template <class T> T __shfl_sync(unsigned mask, T value, int lane, int width = 32, CUDASIM_SITE)
{
    return sim_shuffle_value(SIM_SHUFFLE_FROM, mask, value, lane, width, line);
}
template <class T> T __shfl_up_sync(unsigned mask, T value, int delta, int width = 32, CUDASIM_SITE)
{
    return sim_shuffle_value(SIM_SHUFFLE_UP, mask, value, delta, width, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, int delta, int width = 32, CUDASIM_SITE)
{
    return sim_shuffle_value(SIM_SHUFFLE_DOWN, mask, value, delta, width, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, CUDASIM_SITE)
{
    return sim_shuffle_value(SIM_SHUFFLE_XOR, mask, value, lanes, width, line);
}

/* Atomics: fibres do not preempt, so the plain operation is one; the checker is told. */
void sim_atomic(const void *address, size_t bytes);
template <class T> T sim_atomic_swap(T *address, T value)
{
    sim_atomic(address, sizeof(T));
    T old;
    __builtin_memcpy(&old, address, sizeof(T));
    __builtin_memcpy(address, &value, sizeof(T));
    return old;
}
#if defined(__clang__)
#define SIM_UNCHECKED __attribute__((no_sanitize("thread")))
#else
#define SIM_UNCHECKED
#endif
#define CUDASIM_ATOMIC(name, expression)                                                           \
    template <class T> SIM_UNCHECKED T name(T *address, T value)                                   \
    {                                                                                              \
        sim_atomic(address, sizeof(T));                                                            \
        T old = *address;                                                                          \
        *address = expression;                                                                     \
        return old;                                                                                \
    }
CUDASIM_ATOMIC(atomicAdd, old + value)
CUDASIM_ATOMIC(atomicMax, old > value ? old : value)
CUDASIM_ATOMIC(atomicMin, old < value ? old : value)
CUDASIM_ATOMIC(atomicExch, value)
CUDASIM_ATOMIC(atomicOr, old | value)
template <class T> SIM_UNCHECKED T atomicCAS(T *address, T compare, T value)
{
    sim_atomic(address, sizeof(T));
    T old = *address;
    if (old == compare)
        *address = value;
    return old;
}

static inline float rsqrtf(float x)
{
    return 1.0f / sqrtf(x);
}
static inline unsigned __umulhi(unsigned a, unsigned b)
{
    return (unsigned)(((uint64_t)a * b) >> 32);
}
static inline int __popc(unsigned bits)
{
    return __builtin_popcount(bits);
}
static inline unsigned __float_as_uint(float x)
{
    unsigned bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}
static inline float __uint_as_float(unsigned bits)
{
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}
template <class T> T __ldg(const T *address)
{
    return *address;
}

/* Shared arrays. Each has a slot in the block's shared memory, found by where it is declared. */
void *sim_shared(size_t bytes, size_t align, const char *file, int line);
void *sim_dynamic_shared(size_t align);
#define SHARED(type, name, n)                                                                      \
    type *const name = (type *)sim_shared(sizeof(type) * (n), alignof(type), __FILE__, __LINE__)
#define DYNAMIC_SHARED(type, name) type *const name = (type *)sim_dynamic_shared(alignof(type))

/* --- the runtime
 * ----------------------------------------------------------------------------------- */

typedef enum {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorNotReady = 600,
    cudaErrorStreamCaptureUnsupported = 900,
    cudaErrorStreamCaptureUnjoined = 904
} cudaError_t;
enum cudaMemcpyKind {
    cudaMemcpyHostToHost,
    cudaMemcpyHostToDevice,
    cudaMemcpyDeviceToHost,
    cudaMemcpyDeviceToDevice,
    cudaMemcpyDefault
};
enum { cudaStreamDefault = 0, cudaStreamNonBlocking = 1 };
enum { cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2 };
enum { cudaHostAllocDefault = 0 };
enum cudaStreamCaptureMode {
    cudaStreamCaptureModeGlobal,
    cudaStreamCaptureModeThreadLocal,
    cudaStreamCaptureModeRelaxed
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr {
    cudaDevAttrMultiProcessorCount = 16,
    cudaDevAttrComputeCapabilityMajor = 75,
    cudaDevAttrComputeCapabilityMinor = 76
};
struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem;
    int major, minor, multiProcessorCount;
};
typedef struct SimStream *cudaStream_t;
typedef struct SimEvent *cudaEvent_t;
typedef struct SimGraph *cudaGraph_t;
typedef struct SimGraphExec *cudaGraphExec_t;

cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device);
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes);
cudaError_t cudaMalloc(void **memory, size_t bytes);
template <class T> cudaError_t cudaMalloc(T **memory, size_t bytes)
{
    return cudaMalloc((void **)memory, bytes);
}
cudaError_t cudaFree(void *memory);
cudaError_t cudaMallocHost(void **memory, size_t bytes);
template <class T> cudaError_t cudaMallocHost(T **memory, size_t bytes)
{
    return cudaMallocHost((void **)memory, bytes);
}
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream = nullptr);
cudaError_t cudaMemset(void *memory, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream = nullptr);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
const char *cudaGetErrorString(cudaError_t error);
const char *cudaGetErrorName(cudaError_t error);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags);
cudaError_t cudaStreamCreate(cudaStream_t *stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreate(cudaEvent_t *event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to);
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph,
                                 unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t sim_function_attribute(const void *kernel, cudaFuncAttribute attribute, int value);
template <class T>
cudaError_t cudaFuncSetAttribute(T *kernel, cudaFuncAttribute attribute, int value)
{
    return sim_function_attribute((const void *)kernel, attribute, value);
}

/* --- launching
 * ------------------------------------------------------------------------------------- */

struct SimLaunch {
    const char *name;
    const void *kernel;
    dim3 grid, block;
    size_t shared_bytes;
};
/* body runs one thread; args_bytes at args are the launch's copy of the arguments. */
void sim_launch(const SimLaunch &launch, cudaStream_t stream, std::function<void()> body,
                std::shared_ptr<void> args, size_t args_bytes);

template <class... P, class... A>
void sim_launch_kernel(const char *name, void (*kernel)(P...), dim3 grid, dim3 block,
                       size_t shared_bytes, cudaStream_t stream, A... args)
{
    auto values = std::make_shared<std::tuple<P...>>(args...);
    auto *at = values.get();
    sim_launch(
        {name, (const void *)kernel, grid, block, shared_bytes}, stream,
        [kernel, at] { std::apply(kernel, *at); }, values, sizeof *at);
}
#define LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                     \
    sim_launch_kernel(#kernel, kernel, grid, block, shared_bytes, stream, __VA_ARGS__)

#endif
