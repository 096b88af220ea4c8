/* Options, reports and the trace; and the answers about the device that is simulated. */
#include "sim.h"
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

const SimChecker *sim_checker;

static const char *option(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static SimOptions read_options()
{
    SimOptions options{};
    std::string order = option("CUDASIM_ORDER", "forward"), async = option("CUDASIM_ASYNC", "late");
    options.order = order == "reverse"  ? ORDER_REVERSE
                    : order == "lifo"   ? ORDER_LIFO
                    : order == "random" ? ORDER_RANDOM
                                        : ORDER_FORWARD;
    options.async = async == "early" ? ASYNC_EARLY : async == "random" ? ASYNC_RANDOM : ASYNC_LATE;
    options.seed = strtoull(option("CUDASIM_SEED", "1"), nullptr, 10);
    options.strict = *option("CUDASIM_STRICT", "1") == '1';
    options.driver = std::string(option("CUDASIM_DRIVER", "there")) != "none";
    options.memory_bytes = strtoull(option("CUDASIM_MEMORY", "8589934592"), nullptr, 10);
    options.sample = (unsigned)atoi(option("CUDASIM_SAMPLE", "0"));
    const char *trace = option("CUDASIM_TRACE", "");
    options.trace = *trace ? fopen(trace, "w") : nullptr;
    return options;
}

SimOptions sim_options = read_options();

uint64_t sim_random()
{
    static uint64_t state = sim_options.seed;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void sim_report(const char *finder, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr, "cudasim: %s: ", finder);
    vfprintf(stderr, format, args);
    va_end(args);
    if (sim_run.launch)
        fprintf(stderr, " (%s, block %u, thread %d)", sim_run.launch->name, sim_run.block,
                sim_run.fibre ? sim_run.fibre->id : -1);
    fputc('\n', stderr);
    if (sim_options.trace)
        fflush(sim_options.trace);
    _exit(SIM_EXIT_REPORT);
}

void sim_trace(const char *format, ...)
{
    if (!sim_options.trace)
        return;
    sim_trace_host_writes();
    va_list args;
    va_start(args, format);
    vfprintf(sim_options.trace, format, args);
    va_end(args);
    fputc('\n', sim_options.trace);
}

/* --- the device
 * ------------------------------------------------------------------------------------ */

cudaError_t cudaGetDeviceCount(int *count)
{
    if (!sim_options.driver)
        return cudaErrorInsufficientDriver; /* as the real one: the output stays untouched */
    *count = 1;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    return device == 0 ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaGetDevice(int *device)
{
    *device = 0;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device)
{
    if (device != 0)
        return cudaErrorInvalidValue;
    *properties = cudaDeviceProp{};
    snprintf(properties->name, sizeof properties->name, "cudasim");
    properties->totalGlobalMem = sim_options.memory_bytes;
    properties->major = 8;
    properties->multiProcessorCount = 4;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device)
{
    cudaDeviceProp properties;
    cudaError_t error = cudaGetDeviceProperties(&properties, device);
    if (error)
        return error;
    *value = attribute == cudaDevAttrMultiProcessorCount      ? properties.multiProcessorCount
             : attribute == cudaDevAttrComputeCapabilityMajor ? properties.major
                                                              : properties.minor;
    return cudaSuccess;
}

cudaError_t cudaGetLastError()
{
    return cudaSuccess; /* what would be an error of a launch is a report here */
}

cudaError_t cudaPeekAtLastError()
{
    return cudaSuccess;
}

const char *cudaGetErrorName(cudaError_t error)
{
    return error == cudaSuccess ? "cudaSuccess" : "cudaError";
}

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInsufficientDriver:
        return "CUDA driver version is insufficient for CUDA runtime version";
    default: return "an error";
    }
}
