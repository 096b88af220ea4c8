/* The exact checker. The kernels' text is compiled by clang with -fsanitize=thread, which puts a
 * call before each access to memory; libtsan is not linked, the calls come here. Each byte of
 * device and shared memory has a cell: who wrote it last, who read it last, in which launch and
 * between which barriers. Two accesses that nothing orders are reported whatever order the fibres
 * ran in; so are reads of what was never written, addresses outside the allocations, and work on
 * two streams that no event orders. */
#include "sim.h"
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace
{

/* An access: op 0 is "none". The thread is block * 1024 + index, or HOST_COPY. */
struct Access {
    uint32_t op, thread, barrier, warp;
};
enum : uint32_t { HOST_COPY = 0xffffffffu };

struct Cell {
    Access write, read;
    uint32_t other_reader; /* one more thread that read since the last write, or HOST_COPY */
    bool atomic;           /* the write was an atomic */
};

struct Shadow {
    char *begin;
    size_t bytes;
    Cell *cells;
    bool live;
};

struct Op {
    std::string name;
    size_t stream;
    uint64_t number;
};

std::vector<Shadow> shadows;
Shadow shared_shadow;
std::vector<Op> ops(1);
SimClock now;
std::vector<SimRange> may_write; /* empty: anything */
uint32_t checked_op;             /* the last other operation found to come before this one */

/* A tensor of more than 4 GiB, as the schedule's steps wrote it; and how far the operation that
 * runs has read it. Of sampled launches alone. */
struct Large {
    SimRange range;
    bool read, read_last;
};
std::vector<Large> large;

Cell *map_cells(size_t bytes)
{
    void *cells = mmap(nullptr, bytes * sizeof(Cell) + 1, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cells == MAP_FAILED) {
        perror("cudasim: shadow");
        exit(3);
    }
    return (Cell *)cells;
}

void allocate(void *memory, size_t bytes)
{
    shadows.push_back({(char *)memory, bytes, map_cells(bytes), true});
}

void release(void *memory, size_t)
{
    for (Shadow &shadow : shadows)
        if (shadow.begin == memory)
            shadow.live = false;
}

void forget_shared(void *memory, size_t bytes)
{
    if (!shared_shadow.begin)
        shared_shadow = {(char *)memory, SIM_SHARED_BYTES, map_cells(SIM_SHARED_BYTES), true};
    memset((void *)shared_shadow.cells, 0, bytes * sizeof(Cell));
}

Shadow *find(const char *at)
{
    if ((size_t)(at - shared_shadow.begin) < shared_shadow.bytes)
        return &shared_shadow;
    for (size_t i = shadows.size(); i-- > 0;)
        if ((size_t)(at - shadows[i].begin) < shadows[i].bytes)
            return &shadows[i];
    return nullptr;
}

/* The device's memory at an address and the cells of it, or NULL where the address is not of the
 * device. */
Cell *cells_at(const char *at, size_t bytes)
{
    Shadow *shadow = find(at);
    if (!shadow)
        return nullptr;
    if (!shadow->live)
        sim_report("checker", "access to freed memory");
    size_t offset = (size_t)(at - shadow->begin);
    size_t end = shadow == &shared_shadow ? sim_run.shared_used : shadow->bytes;
    if (offset + bytes > end)
        sim_report("checker", "access of %zu bytes past the end of its memory", bytes);
    return shadow->cells + offset;
}

/* A step of the schedule writes its tensors and nothing else of the arena. */
void check_range(const char *at, size_t bytes)
{
    for (const SimRange &range : may_write)
        if ((size_t)(at - range.begin) < range.bytes &&
            bytes <= range.bytes - (size_t)(at - range.begin))
            return;
    if (!may_write.empty() && find(at) != &shared_shadow)
        sim_report("arena", "'%s' writes memory of the arena that is none of its step's tensors",
                   ops.back().name.c_str());
}

/* What another operation did must have happened before this one. */
void check_op_order(const Access &before, const char *what)
{
    const Op &other = ops[before.op];
    bool ordered = other.stream < now.size() && now[other.stream] >= other.number;
    if (!ordered)
        sim_report("streams", "%s conflicts with '%s' of another stream: no event orders them",
                   what, other.name.c_str());
    checked_op = before.op;
}

Access this_access()
{
    uint32_t op = (uint32_t)ops.size() - 1;
    const Fibre *fibre = sim_run.fibre;
    if (!fibre)
        return {op, HOST_COPY, 0, 0};
    return {op, sim_run.block * SIM_MAX_THREADS + (uint32_t)fibre->id, fibre->barrier_epoch,
            fibre->warp_epoch};
}

/* True where nothing orders an access of this launch before the present one. */
bool races(const Access &before, const Access &self)
{
    if (before.op != self.op || before.thread == self.thread || before.thread == HOST_COPY)
        return false;
    if (before.thread / SIM_MAX_THREADS != self.thread / SIM_MAX_THREADS)
        return true;
    if (before.barrier != self.barrier)
        return false;
    bool same_warp = before.thread / SIM_WARP == self.thread / SIM_WARP;
    return !same_warp || before.warp == self.warp;
}

[[noreturn]] void report_race(const char *what, const Access &before)
{
    sim_report("race", "%s: block %u, thread %u, and nothing orders the two", what,
               before.thread / SIM_MAX_THREADS, before.thread % SIM_MAX_THREADS);
}

bool of_other_op(const Access &before, const Access &self)
{
    return before.op && before.op != self.op && before.op != checked_op;
}

void note_read(Cell *cell, const Access &self)
{
    if (sim_options.sample)
        return; /* what the blocks left out should have written is not there, and cells cost memory
                 */
    if (cell->write.op == 0)
        sim_report("uninitialised", "reads memory that nobody wrote");
    if (of_other_op(cell->write, self))
        check_op_order(cell->write, "a read");
    if (races(cell->write, self))
        report_race("reads what another thread wrote", cell->write);
    bool two_readers = cell->read.op == self.op && cell->read.thread != self.thread &&
                       cell->read.barrier == self.barrier;
    cell->other_reader = two_readers ? cell->read.thread : HOST_COPY;
    cell->read = self;
}

void note_write(Cell *cell, const Access &self, bool atomic)
{
    if (of_other_op(cell->write, self))
        check_op_order(cell->write, "a write");
    if (of_other_op(cell->read, self))
        check_op_order(cell->read, "a write");
    if (races(cell->write, self) && !(atomic && cell->atomic))
        report_race("writes what another thread wrote", cell->write);
    if (races(cell->read, self))
        report_race("writes what another thread read", cell->read);
    Access other = cell->read;
    other.thread = cell->other_reader;
    if (races(other, self))
        report_race("writes what another thread read", other);
    cell->write = self;
    cell->atomic = atomic;
    cell->read = Access{};
}

extern "C" char __executable_start, end;

/* Not of the device: a kernel may touch its stack, its arguments and the program's constants. */
void check_elsewhere(uintptr_t at)
{
    bool constant = at >= (uintptr_t)&__executable_start && at < (uintptr_t)&end;
    bool argument = at - (uintptr_t)sim_run.args < sim_run.args_bytes;
    bool body = at - (uintptr_t)sim_run.body < sizeof *sim_run.body;
    if (!constant && !argument && !body && !sim_on_stack(at))
        sim_report("checker", "a kernel touches memory that is not of the device: %p", (void *)at);
}

/* --- of sampled launches, which run the last block: an index that wraps around does not reach the
 * last byte of a tensor that it goes through --- */

void note_large(const SimRange &range)
{
    for (size_t i = large.size(); i-- > 0;) {
        const SimRange &old = large[i].range;
        if (old.begin < range.begin + range.bytes && range.begin < old.begin + old.bytes)
            large.erase(large.begin() + (long)i);
    }
    if (range.bytes >> 32 != 0)
        large.push_back({range, false, false});
}

void note_large_read(const char *at, size_t bytes)
{
    for (Large &tensor : large)
        if ((size_t)(at - tensor.range.begin) < tensor.range.bytes) {
            tensor.read = true;
            tensor.read_last |= at + bytes == tensor.range.begin + tensor.range.bytes;
        }
}

void check_last_reads()
{
    for (Large &tensor : large) {
        if (tensor.read && !tensor.read_last)
            sim_report("arena", "'%s' did not read the last byte of a tensor that it reads",
                       ops.back().name.c_str());
        tensor.read = tensor.read_last = false;
    }
}

/* The last byte of each tensor must have been written. Sums in parts write their tensors in a
 * second launch. */
void check_last_writes()
{
    for (const SimRange &range : may_write) {
        const Cell *cell = cells_at(range.begin + range.bytes - 1, 1);
        if (cell && cell->write.op != ops.size() - 1)
            sim_report("arena", "'%s' did not write the last byte of its tensor",
                       ops.back().name.c_str());
    }
}

/* Accesses of the instrumented text. */
void access(void *memory, size_t bytes, bool writes)
{
    Cell *cells = cells_at((const char *)memory, bytes);
    if (!sim_run.launch) {
        if (cells)
            sim_report("host", "the host touches device memory");
        return;
    }
    if (!cells) {
        check_elsewhere((uintptr_t)memory);
        return;
    }
    if (writes)
        check_range((const char *)memory, bytes);
    else if (sim_options.sample)
        note_large_read((const char *)memory, bytes);
    Access self = this_access();
    for (size_t i = 0; i < bytes; i++)
        writes ? note_write(&cells[i], self, false) : note_read(&cells[i], self);
}

void begin(const char *name, int stream, uint64_t number, const SimClock &clock,
           const std::vector<SimRange> &writes)
{
    may_write = writes;
    for (const SimRange &range : writes)
        if (sim_options.sample)
            note_large(range);
    ops.push_back({name, (size_t)stream, number});
    now = clock;
    checked_op = 0;
}

void finish()
{
    if (sim_options.sample)
        check_last_reads();
    if (sim_options.sample && may_write.size() == 1)
        check_last_writes();
    may_write.clear();
}

void range_write(void *memory, size_t bytes)
{
    Cell *cells = cells_at((const char *)memory, bytes);
    check_range((const char *)memory, bytes);
    for (size_t i = 0; cells && i < bytes; i++)
        note_write(&cells[i], this_access(), false);
}

void range_read(const void *memory, size_t bytes)
{
    Cell *cells = cells_at((const char *)memory, bytes);
    for (size_t i = 0; cells && i < bytes; i++)
        note_read(&cells[i], this_access());
}

void range_copy(void *to, const void *from, size_t bytes)
{
    range_read(from, bytes);
    range_write(to, bytes);
}

void atomic(const void *memory, size_t bytes)
{
    Cell *cells = cells_at((const char *)memory, bytes);
    if (!cells)
        return;
    Access self = this_access();
    for (size_t i = 0; i < bytes; i++) {
        if (cells[i].write.op == 0)
            sim_report("uninitialised", "an atomic on memory that nobody wrote");
        note_write(&cells[i], self, true);
    }
}

const SimChecker checker = {allocate,    release,    forget_shared, begin, finish,
                            range_write, range_read, range_copy,    atomic};

struct Install {
    Install()
    {
        sim_checker = &checker;
    }
} install;

} // namespace

/* --- the calls that clang puts in
 * ------------------------------------------------------------------ */

#define CALLS(bytes)                                                                               \
    void __tsan_read##bytes(void *at)                                                              \
    {                                                                                              \
        access(at, bytes, false);                                                                  \
    }                                                                                              \
    void __tsan_write##bytes(void *at)                                                             \
    {                                                                                              \
        access(at, bytes, true);                                                                   \
    }                                                                                              \
    void __tsan_read_write##bytes(void *at)                                                        \
    {                                                                                              \
        access(at, bytes, false);                                                                  \
        access(at, bytes, true);                                                                   \
    }                                                                                              \
    void __tsan_unaligned_read##bytes(void *at)                                                    \
    {                                                                                              \
        access(at, bytes, false);                                                                  \
    }                                                                                              \
    void __tsan_unaligned_write##bytes(void *at)                                                   \
    {                                                                                              \
        access(at, bytes, true);                                                                   \
    }                                                                                              \
    void __tsan_unaligned_read_write##bytes(void *at)                                              \
    {                                                                                              \
        access(at, bytes, false);                                                                  \
        access(at, bytes, true);                                                                   \
    }

extern "C" {
void __tsan_init()
{
}
void __tsan_func_entry(void *)
{
}
void __tsan_func_exit()
{
}
void __tsan_vptr_update(void **, void *)
{
}
void __tsan_vptr_read(void **)
{
}
void __tsan_ignore_thread_begin()
{
}
void __tsan_ignore_thread_end()
{
}
CALLS(1)
CALLS(2)
CALLS(4)
CALLS(8)
CALLS(16)

/* Reference counts of std::shared_ptr and the like: the host's own. */
#define ATOMICS(bits, type)                                                                        \
    type __tsan_atomic##bits##_load(const volatile type *at, int)                                  \
    {                                                                                              \
        return *at;                                                                                \
    }                                                                                              \
    void __tsan_atomic##bits##_store(volatile type *at, type value, int)                           \
    {                                                                                              \
        *at = value;                                                                               \
    }                                                                                              \
    type __tsan_atomic##bits##_fetch_add(volatile type *at, type value, int)                       \
    {                                                                                              \
        type old = *at;                                                                            \
        *at = old + value;                                                                         \
        return old;                                                                                \
    }                                                                                              \
    type __tsan_atomic##bits##_fetch_sub(volatile type *at, type value, int)                       \
    {                                                                                              \
        type old = *at;                                                                            \
        *at = old - value;                                                                         \
        return old;                                                                                \
    }
ATOMICS(8, char)
ATOMICS(32, int)
ATOMICS(64, long)

/* clang turns copies of structs into calls of these, uninstrumented: in a kernel they are accesses.
 */
void *memcpy(void *to, const void *from, size_t bytes)
{
    if (sim_run.fibre && bytes) {
        access((void *)from, bytes, false);
        access(to, bytes, true);
    }
    for (size_t i = 0; i < bytes; i++)
        ((volatile char *)to)[i] = ((const volatile char *)from)[i];
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    if (sim_run.fibre && bytes)
        access(to, bytes, true);
    for (size_t i = 0; i < bytes; i++)
        ((volatile char *)to)[i] = (char)value;
    return to;
}
}
