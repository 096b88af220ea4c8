/* What the simulator's files know of each other: options, reports, memory regions, the fibre that
 * runs, operations on streams, and the hooks of the checker. See README.md for what it does. */
#ifndef CUDASIM_SIM_H
#define CUDASIM_SIM_H

#include "include/cuda_runtime.h"
#include <deque>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifndef SIM_ASAN
#define SIM_ASAN 0
#endif
#if SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

enum SimOrder { ORDER_FORWARD, ORDER_REVERSE, ORDER_LIFO, ORDER_RANDOM };
enum SimAsync { ASYNC_LATE, ASYNC_EARLY, ASYNC_RANDOM };
enum { SIM_EXIT_REPORT = 86 };

/* From the environment: CUDASIM_ORDER=forward|reverse|lifo|random, CUDASIM_SEED=N,
 * CUDASIM_STRICT=0|1, CUDASIM_ASYNC=late|early|random, CUDASIM_MEMORY=BYTES, CUDASIM_DRIVER=none,
 * CUDASIM_TRACE=FILE. */
struct SimOptions {
    SimOrder order;
    SimAsync async;
    uint64_t seed;
    bool strict;
    bool driver;
    size_t memory_bytes;
    unsigned sample; /* 0: all blocks run */
    FILE *trace;
};
extern SimOptions sim_options;

/* Ends the program with status 86: `cudasim: FINDER: message (kernel, block, thread)`. */
[[noreturn]] void sim_report(const char *finder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One line into the trace: every call of the runtime is there, in order, what the host wrote into
 * pinned memory before it, and `ran graph` when a graph that was launched has run. */
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t sim_random();

/* --- threads
 * --------------------------------------------------------------------------------------- */

enum {
    SIM_WARP = 32,
    SIM_MAX_THREADS = 1024,
    SIM_SHARED_BYTES = 232448,
    SIM_STATIC_SHARED = 49152
};

enum FibreState { FIBRE_READY, FIBRE_AT_BARRIER, FIBRE_AT_WARP, FIBRE_DONE };
enum WarpKind { WARP_SYNC, WARP_BALLOT, WARP_SHUFFLE };

struct Fibre {
    void *stack_pointer, *fake_stack;
    uint3 index;
    int id;
    FibreState state;
    int line; /* of the barrier or warp operation where it waits */
    WarpKind kind;
    unsigned mask;
    uint64_t bits, result;
    SimShuffle how;
    int argument, width;
    unsigned barrier_epoch, warp_epoch;
};

struct SimRun {
    const SimLaunch *launch; /* NULL while the host runs */
    Fibre *fibre;
    unsigned block;
    const void *args;
    size_t args_bytes;
    const std::function<void()> *body;
    char *shared;
    size_t shared_used;
};
extern SimRun sim_run;

void sim_run_launch(const SimLaunch &launch, const std::function<void()> &body, const void *args,
                    size_t args_bytes);
/* True where the address is on a fibre's stack. */
bool sim_on_stack(uintptr_t address);

/* --- memory
 * ---------------------------------------------------------------------------------------- */

enum SimSpace { SPACE_DEVICE, SPACE_PINNED };
struct SimRegion {
    char *begin;
    size_t bytes;
    SimSpace space;
    bool live;
    int number;         /* of its space, from 0 */
    uint64_t last_seen; /* of pinned memory: checksum of what the device or the trace saw there */
};
/* The region that holds the address, also a freed one, or NULL. */
SimRegion *sim_region(const void *address);
/* Ends with a report unless bytes at the address are in one live allocation of the device. */
void sim_demand_device(const char *who, const void *address, size_t bytes);
bool sim_is_pinned(const void *address);
/* Into the trace: `host_write pinned N` for each pinned allocation that the host has written since
 * this was last asked. */
void sim_trace_host_writes();
/* Device memory is out of the host's reach but while an operation runs. */
void sim_open_memory();
void sim_close_memory();
void sim_poison(void *memory, size_t bytes);

/* --- streams
 * --------------------------------------------------------------------------------------- */

typedef std::vector<uint64_t> SimClock; /* by stream: how much of it has happened before */

struct SimRange {
    char *begin;
    size_t bytes;
};

/* begin is called when the work is enqueued (or its graph is launched) and gives what is to run. */
struct SimOp {
    std::string name;
    std::function<std::function<void()>()> begin;
    std::vector<SimRange> writes = {}; /* what it may write; empty: anything. Set by sim_enqueue */
};
void sim_enqueue(cudaStream_t stream, SimOp op);
/* Ends with a report where a stream is being captured. */
void sim_forbid_capture(const char *call);
bool sim_is_stream(cudaStream_t stream);

/* --- the checker
 * ----------------------------------------------------------------------------------- */

struct SimChecker {
    void (*allocate)(void *memory, size_t bytes);
    void (*release)(void *memory, size_t bytes);
    void (*forget_shared)(void *memory, size_t bytes);
    void (*begin)(const char *name, int stream, uint64_t number, const SimClock &clock,
                  const std::vector<SimRange> &writes);
    void (*end)();
    void (*write)(void *memory, size_t bytes);
    void (*read)(const void *memory, size_t bytes);
    void (*copy)(void *to, const void *from, size_t bytes);
    void (*atomic)(const void *memory, size_t bytes);
};
extern const SimChecker *sim_checker; /* NULL where the checker is not linked */
/* arena.cpp, where it is linked: what the step of the schedule that is being launched may write. */
__attribute__((weak)) std::vector<SimRange> sim_row_writes();
char *sim_first_allocation();

#endif
