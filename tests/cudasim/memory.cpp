/* Device and pinned memory: allocations filled with NaN bits, guarded and out of the host's reach
 * while no operation runs; copies, checked against the allocations and delayed by the streams. */
#include "sim.h"
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

enum { PAGE = 4096, GUARD = 1 << 16 };

static std::deque<SimRegion> regions; /* a deque: pointers to regions stay */
static size_t device_used;

SimRegion *sim_region(const void *address)
{
    SimRegion *found = nullptr;
    for (SimRegion &region : regions) {
        bool inside = (size_t)((const char *)address - region.begin) < region.bytes;
        if (inside && (!found || region.live))
            found = &region;
    }
    return found;
}

char *sim_first_allocation()
{
    for (const SimRegion &region : regions)
        if (region.space == SPACE_DEVICE)
            return region.begin;
    return nullptr;
}

void sim_demand_device(const char *who, const void *address, size_t bytes)
{
    if (bytes == 0)
        return;
    const SimRegion *region = sim_region(address);
    if (!region || region->space != SPACE_DEVICE)
        sim_report("bounds", "%s: address %p is not of the device", who, address);
    if (!region->live)
        sim_report("bounds", "%s: the memory was freed", who);
    size_t left = (size_t)(region->begin + region->bytes - (const char *)address);
    if (bytes > left)
        sim_report("bounds", "%s: %zu bytes, %zu past the end of the allocation", who, bytes,
                   bytes - left);
}

bool sim_is_pinned(const void *address)
{
    const SimRegion *region = sim_region(address);
    return region && region->space == SPACE_PINNED;
}

void sim_poison(void *memory, size_t bytes)
{
    if (!sim_options.sample) /* else there is more of it than should be touched */
        memset(memory, 0xff, bytes);
}

static uint64_t checksum(const void *memory, size_t bytes)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++)
        sum = (sum ^ ((const unsigned char *)memory)[i]) * 0x100000001b3u;
    return sum;
}

/* What the device writes into pinned memory is no write of the host's. */
static void note_device_write(void *memory)
{
    SimRegion *region = sim_options.trace ? sim_region(memory) : nullptr;
    if (region && region->space == SPACE_PINNED)
        region->last_seen = checksum(region->begin, region->bytes);
}

void sim_trace_host_writes()
{
    for (SimRegion &region : regions) {
        if (region.space != SPACE_PINNED || !region.live)
            continue;
        const uint64_t now = checksum(region.begin, region.bytes);
        if (now != region.last_seen)
            fprintf(sim_options.trace, "host_write pinned %d\n", region.number);
        region.last_seen = now;
    }
}

/* --- out of the host's reach
 * ----------------------------------------------------------------------- */

static int open_depth;

static void on_fault(int, siginfo_t *info, void *)
{
    const SimRegion *region = sim_region(info->si_addr);
    if (region && region->space == SPACE_DEVICE && !sim_run.launch)
        sim_report("host", "the host touches device memory at %p", info->si_addr);
    if (sim_on_stack((uintptr_t)info->si_addr))
        sim_report("stack", "a thread's stack is full");
    sim_report("bounds", "access to %p", info->si_addr);
}

static void catch_faults()
{
    static char stack[1 << 16];
    stack_t alternate{};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action {
    };
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
}

static void protect_all(int how)
{
    if (SIM_ASAN)
        return;
    for (const SimRegion &region : regions)
        if (region.live && region.space == SPACE_DEVICE)
            mprotect(region.begin, region.bytes, how);
}

void sim_open_memory()
{
    if (open_depth++ == 0)
        protect_all(PROT_READ | PROT_WRITE);
}

void sim_close_memory()
{
    if (--open_depth == 0)
        protect_all(PROT_NONE);
}

/* --- allocation
 * ------------------------------------------------------------------------------------ */

/* Device memory: whole pages between guard pages; with ASan the heap, whose red zones are exact. */
static char *take_pages(size_t bytes)
{
    if (SIM_ASAN)
        return (char *)aligned_alloc(256, (bytes + 255) / 256 * 256);
    size_t pages = (bytes + PAGE - 1) / PAGE * PAGE;
    char *memory = (char *)mmap(nullptr, pages + 2 * GUARD, PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return nullptr;
    mprotect(memory + GUARD, pages, PROT_READ | PROT_WRITE);
    return memory + GUARD;
}

static void add_region(char *memory, size_t bytes, SimSpace space)
{
    int number = 0;
    for (const SimRegion &region : regions)
        number += region.space == space;
    regions.push_back({memory, bytes, space, true, number, 0});
    note_device_write(memory);
}

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    sim_forbid_capture("cudaMalloc");
    sim_trace("malloc %zu", bytes);
    if (regions.empty() && !SIM_ASAN)
        catch_faults();
    char *taken = bytes > sim_options.memory_bytes - device_used ? nullptr : take_pages(bytes);
    if (!taken)
        return cudaErrorMemoryAllocation;
    device_used += bytes;
    sim_poison(taken, bytes);
#if SIM_ASAN
    ASAN_POISON_MEMORY_REGION(taken + bytes, (256 - bytes % 256) % 256);
#endif
    add_region(taken, bytes, SPACE_DEVICE);
    if (!SIM_ASAN && !open_depth)
        mprotect(taken, bytes, PROT_NONE);
    if (sim_checker)
        sim_checker->allocate(taken, bytes);
    *memory = taken;
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    sim_forbid_capture("cudaMallocHost");
    sim_trace("malloc_host %zu", bytes);
    char *taken = (char *)aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!taken)
        return cudaErrorMemoryAllocation;
    sim_poison(taken, bytes);
    add_region(taken, bytes, SPACE_PINNED);
    *memory = taken;
    return cudaSuccess;
}

static cudaError_t release(void *memory, SimSpace space)
{
    if (!memory)
        return cudaSuccess;
    cudaDeviceSynchronize();
    SimRegion *region = sim_region(memory);
    if (!region || !region->live || region->begin != memory || region->space != space)
        sim_report("bounds", "freed, but not as it was allocated: %p", memory);
    region->live = false;
    if (space == SPACE_DEVICE) {
        device_used -= region->bytes;
        if (sim_checker)
            sim_checker->release(memory, region->bytes);
    }
    if (SIM_ASAN || space == SPACE_PINNED)
        free(memory);
    else
        mprotect(memory, region->bytes, PROT_NONE); /* the address is never given out again */
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory)
{
    sim_trace("free");
    return release(memory, SPACE_DEVICE);
}

cudaError_t cudaFreeHost(void *memory)
{
    sim_trace("free_host");
    return release(memory, SPACE_PINNED);
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
    *free_bytes = sim_options.memory_bytes - device_used;
    *total_bytes = sim_options.memory_bytes;
    return cudaSuccess;
}

/* --- copies
 * ---------------------------------------------------------------------------------------- */

static void tell_write(void *memory, size_t bytes)
{
    if (sim_checker)
        sim_checker->write(memory, bytes);
}

static std::function<void()> begin_upload(void *to, const void *from, size_t bytes)
{
    sim_demand_device("copy to the device", to, bytes);
    if (!sim_is_pinned(from)) {
        /* Not pinned: the call may return only when the bytes have been read. */
        auto staged = std::make_shared<std::string>((const char *)from, bytes);
        return [=] {
            memcpy(to, staged->data(), bytes);
            tell_write(to, bytes);
        };
    }
    uint64_t before = checksum(from, bytes);
    return [=] {
        if (checksum(from, bytes) != before)
            sim_report("pinned",
                       "a pinned buffer was rewritten while its copy of %zu bytes was under way",
                       bytes);
        memcpy(to, from, bytes);
        tell_write(to, bytes);
    };
}

static std::function<void()> begin_download(void *to, const void *from, size_t bytes)
{
    sim_demand_device("copy from the device", from, bytes);
    sim_poison(to, bytes); /* until the copy is done nobody may count on what is there */
    note_device_write(to);
    return [=] {
        if (sim_checker)
            sim_checker->read(from, bytes);
        memcpy(to, from, bytes);
        note_device_write(to);
    };
}

static std::function<void()> begin_move(void *to, const void *from, size_t bytes)
{
    sim_demand_device("copy on the device", to, bytes);
    sim_demand_device("copy on the device", from, bytes);
    return [=] {
        memmove(to, from, bytes);
        if (sim_checker)
            sim_checker->copy(to, from, bytes);
    };
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    static const char *const names[] = {"host", "upload", "download", "move", "default"};
    bool pageable = (kind == cudaMemcpyHostToDevice && !sim_is_pinned(from)) ||
                    (kind == cudaMemcpyDeviceToHost && !sim_is_pinned(to));
    const SimRegion *region = sim_region(kind == cudaMemcpyHostToDevice ? from : to);
    sim_trace("%s%s %zu %d", names[kind], pageable ? " pageable" : "", bytes,
              region ? region->number : -1);
    if (bytes == 0)
        return cudaSuccess;
    std::function<std::function<void()>()> begin;
    if (kind == cudaMemcpyHostToDevice)
        begin = [=] { return begin_upload(to, from, bytes); };
    else if (kind == cudaMemcpyDeviceToHost)
        begin = [=] { return begin_download(to, from, bytes); };
    else if (kind == cudaMemcpyDeviceToDevice)
        begin = [=] { return begin_move(to, from, bytes); };
    else
        return cudaErrorInvalidValue;
    sim_enqueue(stream, {names[kind], begin});
    if (pageable && kind == cudaMemcpyDeviceToHost)
        return cudaStreamSynchronize(stream);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    sim_forbid_capture("cudaMemcpy");
    cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    return error ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    sim_trace("memset %zu", bytes);
    sim_demand_device("memset", memory, bytes);
    sim_enqueue(stream, {"memset", [=] {
                             return [=] {
                                 memset(memory, value, bytes);
                                 tell_write(memory, bytes);
                             };
                         }});
    return cudaSuccess;
}

cudaError_t cudaMemset(void *memory, int value, size_t bytes)
{
    sim_forbid_capture("cudaMemset");
    cudaError_t error = cudaMemsetAsync(memory, value, bytes, nullptr);
    return error ? error : cudaStreamSynchronize(nullptr);
}
