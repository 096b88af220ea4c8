/* Runs one launch: the blocks one after another, the threads of a block as fibres. In: a launch and
 * the body of one thread. Out: its effects on memory, or a report. A thread runs until it ends or
 * waits at a barrier or a warp operation; who runs next is the order's choice. */
#include "sim.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;
SimRun sim_run;

enum { STACK_BYTES = 128 * 1024, GUARD_BYTES = 4096 };

struct SharedSlot {
    const char *file;
    int line;
    size_t bytes;
    char *at;
};

static Fibre fibres[SIM_MAX_THREADS];
static int ready[SIM_MAX_THREADS], ready_first, n_ready, n_threads, n_done;
static char *stacks;
static void *scheduler_pointer;
static std::vector<SharedSlot> slots;
static size_t static_used;
static char *dynamic_shared;
#if SIM_ASAN
static void *scheduler_fake;
static const void *scheduler_bottom;
static size_t scheduler_bytes;
#endif

/* --- switching stacks (x86-64, System V: the callee-saved registers are all there is to keep)
 * -------- */

extern "C" void sim_switch(void **save, void *load);
asm(".text\n"
    ".globl sim_switch\n"
    ".type sim_switch,@function\n"
    "sim_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size sim_switch,.-sim_switch\n");

static char *stack_of(int id)
{
    return stacks + (size_t)id * (STACK_BYTES + GUARD_BYTES) + GUARD_BYTES;
}

static void make_stacks()
{
    size_t bytes = (size_t)SIM_MAX_THREADS * (STACK_BYTES + GUARD_BYTES);
    stacks = (char *)mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED) {
        perror("cudasim: stacks");
        exit(3);
    }
    for (int i = 0; i < SIM_MAX_THREADS; i++)
        mprotect(stack_of(i) - GUARD_BYTES, GUARD_BYTES, PROT_NONE);
}

bool sim_on_stack(uintptr_t address)
{
    size_t bytes = (size_t)SIM_MAX_THREADS * (STACK_BYTES + GUARD_BYTES);
    return stacks && address - (uintptr_t)stacks < bytes;
}

static void leave_fibre(Fibre *fibre)
{
#if SIM_ASAN
    __sanitizer_start_switch_fiber(fibre->state == FIBRE_DONE ? nullptr : &fibre->fake_stack,
                                   scheduler_bottom, scheduler_bytes);
#endif
    sim_switch(&fibre->stack_pointer, scheduler_pointer);
#if SIM_ASAN
    __sanitizer_finish_switch_fiber(fibre->fake_stack, &scheduler_bottom, &scheduler_bytes);
#endif
}

static void fibre_main()
{
#if SIM_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_bottom, &scheduler_bytes);
#endif
    (*sim_run.body)();
    sim_run.fibre->state = FIBRE_DONE;
    n_done++;
    leave_fibre(sim_run.fibre);
}

static void enter_fibre(Fibre *fibre)
{
    sim_run.fibre = fibre;
    threadIdx = fibre->index;
#if SIM_ASAN
    __sanitizer_start_switch_fiber(&scheduler_fake, stack_of(fibre->id), STACK_BYTES);
#endif
    sim_switch(&scheduler_pointer, fibre->stack_pointer);
#if SIM_ASAN
    __sanitizer_finish_switch_fiber(scheduler_fake, nullptr, nullptr);
#endif
    sim_run.fibre = nullptr;
}

static void start_fibre(int id)
{
    Fibre *fibre = &fibres[id];
    *fibre = Fibre{};
    fibre->id = id;
    unsigned x = (unsigned)id;
    fibre->index = uint3{x % blockDim.x, x / blockDim.x % blockDim.y, x / blockDim.x / blockDim.y};
    /* Six registers, the address that `ret` takes, and 8 bytes that keep the stack at 16. */
    void **top = (void **)(stack_of(id) + STACK_BYTES) - 2;
    top[0] = (void *)fibre_main;
    for (int i = 1; i <= 6; i++)
        top[-i] = nullptr;
    fibre->stack_pointer = top - 6;
}

/* --- who runs next
 * --------------------------------------------------------------------------------- */

static void push_ready(int id)
{
    fibres[id].state = FIBRE_READY;
    ready[(ready_first + n_ready++) % SIM_MAX_THREADS] = id;
}

/* Makes the threads of a mask over [first, first + n) ready, in the order's direction. */
template <class Choose> static void push_range(int first, int n, Choose choose)
{
    bool backwards = sim_options.order == ORDER_REVERSE || sim_options.order == ORDER_LIFO;
    for (int i = 0; i < n; i++) {
        int id = backwards ? first + n - 1 - i : first + i;
        if (choose(id))
            push_ready(id);
    }
}

static int pop_ready()
{
    int last = (ready_first + n_ready - 1) % SIM_MAX_THREADS;
    if (sim_options.order == ORDER_RANDOM) {
        int chosen = (ready_first + (int)(sim_random() % (unsigned)n_ready)) % SIM_MAX_THREADS;
        std::swap(ready[chosen], ready[last]);
    }
    n_ready--;
    if (sim_options.order == ORDER_LIFO || sim_options.order == ORDER_RANDOM)
        return ready[last];
    int id = ready[ready_first];
    ready_first = (ready_first + 1) % SIM_MAX_THREADS;
    return id;
}

/* --- barriers
 * -------------------------------------------------------------------------------------- */

static void release_barrier()
{
    int line = 0, where = -1;
    for (int i = 0; i < n_threads; i++) {
        if (fibres[i].state != FIBRE_AT_BARRIER)
            continue;
        sim_run.fibre = &fibres[i];
        if (sim_options.strict && where >= 0 && line != fibres[i].line)
            sim_report("strict",
                       "thread %d waits at the barrier of line %d, thread %d at that of line %d",
                       where, line, i, fibres[i].line);
        where = i;
        line = fibres[i].line;
        fibres[i].barrier_epoch++;
    }
    if (sim_options.strict && n_done)
        sim_report("strict",
                   "%d threads ended before the barrier of line %d that %d others wait at", n_done,
                   line, n_threads - n_done);
    sim_run.fibre = nullptr;
    push_range(0, n_threads, [](int id) { return fibres[id].state == FIBRE_AT_BARRIER; });
}

/* --- warps
 * ----------------------------------------------------------------------------------------- */

static int lane_of(const Fibre *fibre)
{
    return fibre->id % SIM_WARP;
}

/* Lanes of the warp that wait at a warp operation with this mask. */
static unsigned arrived(int first, unsigned mask)
{
    unsigned lanes = 0;
    for (int lane = 0; lane < SIM_WARP && first + lane < n_threads; lane++) {
        const Fibre *fibre = &fibres[first + lane];
        if ((mask >> lane & 1) && fibre->state == FIBRE_AT_WARP && fibre->mask == mask)
            lanes |= 1u << lane;
    }
    return lanes;
}

/* Lanes of a mask that are there and have not ended. */
static unsigned living(int first, unsigned mask)
{
    unsigned lanes = 0;
    for (int lane = 0; lane < SIM_WARP && first + lane < n_threads; lane++)
        if ((mask >> lane & 1) && fibres[first + lane].state != FIBRE_DONE)
            lanes |= 1u << lane;
    return lanes;
}

static int shuffle_source(const Fibre *fibre)
{
    int lane = lane_of(fibre), width = fibre->width, base = lane / width * width, from = lane;
    switch (fibre->how) {
    case SIM_SHUFFLE_FROM: return base + (fibre->argument & (width - 1));
    case SIM_SHUFFLE_UP: from = lane - fibre->argument; return from < base ? lane : from;
    case SIM_SHUFFLE_DOWN: from = lane + fibre->argument; return from >= base + width ? lane : from;
    case SIM_SHUFFLE_XOR: from = lane ^ fibre->argument; return from >= base + width ? lane : from;
    }
    return lane;
}

static void finish_shuffle(Fibre *fibre, int first, unsigned lanes)
{
    int from = shuffle_source(fibre);
    if (lanes >> from & 1) {
        fibre->result = fibres[first + from].bits;
        return;
    }
    if (sim_options.strict) {
        sim_run.fibre = fibre;
        sim_report("strict", "the shuffle of line %d reads lane %d, which does not take part",
                   fibre->line, from);
    }
    fibre->result = ~(uint64_t)0;
}

static void check_same_operation(int first, unsigned lanes)
{
    const Fibre *one = &fibres[first + __builtin_ctz(lanes)];
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        Fibre *fibre = &fibres[first + __builtin_ctz(rest)];
        if (fibre->line == one->line && fibre->kind == one->kind)
            continue;
        sim_run.fibre = fibre;
        sim_report("strict", "lanes of one mask meet at different warp operations: lines %d and %d",
                   one->line, fibre->line);
    }
}

static void release_warp(int first, unsigned lanes)
{
    if (sim_options.strict)
        check_same_operation(first, lanes);
    uint64_t votes = 0;
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        int lane = __builtin_ctz(rest);
        votes |= (uint64_t)(fibres[first + lane].bits != 0) << lane;
    }
    for (unsigned rest = lanes; rest; rest &= rest - 1) {
        Fibre *fibre = &fibres[first + __builtin_ctz(rest)];
        if (fibre->kind == WARP_SHUFFLE)
            finish_shuffle(fibre, first, lanes);
        else if (fibre->kind == WARP_BALLOT)
            fibre->result = votes;
        else
            fibre->warp_epoch++;
    }
    push_range(first, SIM_WARP, [=](int id) { return lanes >> (id - first) & 1; });
}

static uint64_t wait_at_warp(WarpKind kind, unsigned mask, uint64_t bits, int line)
{
    Fibre *self = sim_run.fibre;
    if (!self)
        sim_report("strict", "a warp operation outside a kernel");
    if (sim_options.strict && !(mask >> lane_of(self) & 1))
        sim_report("strict", "line %d: the calling lane %d is not in its mask %08x", line,
                   lane_of(self), mask);
    self->kind = kind;
    self->mask = mask | 1u << lane_of(self);
    self->bits = bits;
    self->line = line;
    self->state = FIBRE_AT_WARP;
    int first = self->id - lane_of(self);
    unsigned lanes = arrived(first, self->mask);
    if (lanes == living(first, self->mask))
        release_warp(first, lanes);
    leave_fibre(self);
    return self->result;
}

/* No thread can run: the end of the block, a barrier that is complete, or a mistake. */
static void resolve_wait()
{
    int waiting = -1, at_barrier = 0;
    for (int i = 0; i < n_threads; i++) {
        at_barrier += fibres[i].state == FIBRE_AT_BARRIER;
        if (fibres[i].state == FIBRE_AT_WARP && waiting < 0)
            waiting = i;
    }
    if (waiting < 0) {
        release_barrier();
        return;
    }
    int first = waiting - waiting % SIM_WARP;
    Fibre *fibre = &fibres[waiting];
    unsigned lanes = arrived(first, fibre->mask);
    /* Lanes that ended after the others came are not waited for. */
    if (lanes != living(first, fibre->mask) && sim_options.strict) {
        sim_run.fibre = fibre;
        sim_report(
            "strict",
            "line %d: lanes %08x wait for %08x, which never come (%d threads are at a barrier)",
            fibre->line, lanes, living(first, fibre->mask) & ~lanes, at_barrier);
    }
    release_warp(first, lanes);
}

void __syncthreads(int line)
{
    Fibre *self = sim_run.fibre;
    if (!self)
        sim_report("strict", "a barrier outside a kernel");
    self->state = FIBRE_AT_BARRIER;
    self->line = line;
    leave_fibre(self);
}

void __syncwarp(unsigned mask, int line)
{
    wait_at_warp(WARP_SYNC, mask, 0, line);
}

unsigned __ballot_sync(unsigned mask, int predicate, int line)
{
    return (unsigned)wait_at_warp(WARP_BALLOT, mask, predicate != 0, line);
}

int __any_sync(unsigned mask, int predicate, int line)
{
    return __ballot_sync(mask, predicate, line) != 0;
}

int __all_sync(unsigned mask, int predicate, int line)
{
    return __ballot_sync(mask, !predicate, line) == 0;
}

uint64_t sim_shuffle(SimShuffle how, unsigned mask, uint64_t bits, int argument, int width,
                     int line)
{
    Fibre *self = sim_run.fibre;
    if (self) {
        self->how = how;
        self->argument = argument;
        self->width = width;
    }
    return wait_at_warp(WARP_SHUFFLE, mask, bits, line);
}

void sim_demand_aligned(const void *address, size_t bytes)
{
    if (((uintptr_t)address & (bytes - 1)) != 0)
        sim_report("aligned", "an access of %zu bytes at %p", bytes, address);
}

void sim_atomic(const void *address, size_t bytes)
{
    if (sim_checker)
        sim_checker->atomic(address, bytes);
}

/* --- shared memory
 * --------------------------------------------------------------------------------- */

static char *shared_take(size_t bytes, size_t align)
{
    enum { GAP = 64 };
    align = std::max<size_t>(align, 16);
    size_t at = (sim_run.shared_used + GAP + align - 1) / align * align;
    if (at + bytes > SIM_SHARED_BYTES)
        sim_report("launch", "more shared memory than a block can have");
    sim_run.shared_used = at + bytes;
#if SIM_ASAN
    ASAN_UNPOISON_MEMORY_REGION(sim_run.shared + at, bytes);
#endif
    Fibre *self = sim_run.fibre;
    sim_run.fibre = nullptr; /* the poison is not the thread's write */
    sim_poison(sim_run.shared + at, bytes);
    sim_run.fibre = self;
    return sim_run.shared + at;
}

void *sim_shared(size_t bytes, size_t align, const char *file, int line)
{
    for (const SharedSlot &slot : slots)
        if (slot.line == line && slot.file == file && slot.bytes == bytes)
            return slot.at;
    static_used += bytes;
    if (static_used > SIM_STATIC_SHARED)
        sim_report("launch", "%zu bytes of static shared memory: at most 48 KiB", static_used);
    slots.push_back({file, line, bytes, shared_take(bytes, align)});
    return slots.back().at;
}

void *sim_dynamic_shared(size_t)
{
    return dynamic_shared;
}

static void reset_shared(size_t dynamic_bytes)
{
    if (!sim_run.shared)
        sim_run.shared = (char *)aligned_alloc(1024, SIM_SHARED_BYTES);
#if SIM_ASAN
    ASAN_POISON_MEMORY_REGION(sim_run.shared, SIM_SHARED_BYTES);
#endif
    if (sim_checker)
        sim_checker->forget_shared(sim_run.shared, sim_run.shared_used);
    slots.clear();
    sim_run.shared_used = static_used = 0;
    dynamic_shared = shared_take(dynamic_bytes, 128);
}

/* --- a launch
 * -------------------------------------------------------------------------------------- */

static void run_block(unsigned block, size_t dynamic_bytes)
{
    sim_run.block = block;
    blockIdx =
        uint3{block % gridDim.x, block / gridDim.x % gridDim.y, block / gridDim.x / gridDim.y};
    reset_shared(dynamic_bytes);
    ready_first = n_ready = n_done = 0;
    for (int i = 0; i < n_threads; i++)
        start_fibre(i);
    push_range(0, n_threads, [](int) { return true; });
    while (n_done < n_threads) {
        if (n_ready)
            enter_fibre(&fibres[pop_ready()]);
        else
            resolve_wait();
    }
}

/* Which blocks run, in order. CUDASIM_SAMPLE=N: the first, the last and N - 2 between, so that
 * tensors of more than 2^31 elements can be gone through without the time and the memory; results
 * are then of no use, addresses are. */
static std::vector<unsigned> order_of(unsigned n_blocks)
{
    std::vector<unsigned> order;
    if (sim_options.sample >= 2 && n_blocks > sim_options.sample) {
        order = {0, n_blocks - 1};
        while (order.size() < sim_options.sample)
            order.push_back((unsigned)(sim_random() % n_blocks));
        return order;
    }
    for (unsigned i = 0; i < n_blocks; i++)
        order.push_back(sim_options.order == ORDER_REVERSE ? n_blocks - 1 - i : i);
    if (sim_options.order == ORDER_RANDOM)
        for (unsigned i = n_blocks; i > 1; i--)
            std::swap(order[i - 1], order[sim_random() % i]);
    return order;
}

void sim_run_launch(const SimLaunch &launch, const std::function<void()> &body, const void *args,
                    size_t args_bytes)
{
    if (!stacks)
        make_stacks();
    sim_run.launch = &launch;
    sim_run.args = args;
    sim_run.args_bytes = args_bytes;
    sim_run.body = &body;
    gridDim = launch.grid;
    blockDim = launch.block;
    n_threads = (int)(blockDim.x * blockDim.y * blockDim.z);
    unsigned n_blocks = gridDim.x * gridDim.y * gridDim.z;
    for (unsigned block : order_of(n_blocks))
        run_block(block, launch.shared_bytes);
    sim_run.launch = nullptr;
}
