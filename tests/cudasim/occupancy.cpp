/* Reads what `nvcc --resource-usage` says of kernels on standard input and prints a table:
 * registers, shared memory, spills, and occupancy by the toolkit's own calculation on a card of
 * that architecture, then a line an architecture. Blocks of 256 threads. Exits 1 where a kernel
 * spills, uses local memory, or is below the floor given as the argument (percent). */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_occupancy.h>
#include <string>

struct Card {
    int arch;
    const char *name;
    int threads, blocks, shared_bytes, shared_optin, reserved, processors;
};
/* Limits of a multiprocessor: the CUDA C++ programming guide's table of compute capabilities. */
static const Card cards[] = {
    {75, "T4", 1024, 16, 65536, 65536, 0, 40},
    {80, "A100", 2048, 32, 167936, 166912, 1024, 108},
    {86, "A10", 1536, 16, 102400, 101376, 1024, 72},
    {89, "L4", 1536, 24, 102400, 101376, 1024, 58},
    {90, "H100", 2048, 32, 233472, 232448, 1024, 132},
    {100, "B200", 2048, 32, 233472, 232448, 1024, 148},
};

struct Kernel {
    std::string name;
    int arch = 0, registers = 0, shared = 0, stack = 0, spills = 0;
};

static int occupancy(const Card &card, const Kernel &kernel)
{
    cudaOccDeviceProp device{};
    device.computeMajor = card.arch / 10;
    device.computeMinor = card.arch % 10;
    device.maxThreadsPerBlock = 1024;
    device.maxThreadsPerMultiprocessor = card.threads;
    device.regsPerBlock = device.regsPerMultiprocessor = 65536;
    device.warpSize = 32;
    device.sharedMemPerBlock = 49152;
    device.sharedMemPerMultiprocessor = (size_t)card.shared_bytes;
    device.sharedMemPerBlockOptin = (size_t)card.shared_optin;
    device.reservedSharedMemPerBlock = (size_t)card.reserved;
    device.numSms = card.processors;
    cudaOccFuncAttributes function{};
    function.maxThreadsPerBlock = 1024;
    function.numRegs = kernel.registers;
    function.sharedSizeBytes = (size_t)kernel.shared;
    function.maxDynamicSharedSizeBytes = 49152;
    function.numBlockBarriers = 1;
    function.partitionedGCConfig = PARTITIONED_GC_OFF;
    cudaOccDeviceState state{};
    state.carveoutConfig = SHAREDMEM_CARVEOUT_DEFAULT;
    cudaOccResult result{};
    if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &function, &state, 256, 0) !=
        CUDA_OCC_SUCCESS)
        return -1;
    return 100 * result.activeBlocksPerMultiprocessor * 256 / card.threads;
}

static int number_before(const char *line, const char *word)
{
    const char *at = strstr(line, word);
    while (at && at > line && !(at[-1] >= '0' && at[-1] <= '9'))
        at--;
    while (at && at > line && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return at ? atoi(at) : 0;
}

/* Of all kernels for one card. */
struct Summary {
    int n, bad, registers, shared, least, sum;
};
static Summary summaries[sizeof cards / sizeof *cards];

static void add_row(size_t c, const Kernel &kernel, int floor)
{
    const int percent = occupancy(cards[c], kernel);
    const bool good = percent >= floor && kernel.spills == 0 && kernel.stack == 0;
    printf("sm_%-3d %-5s %4d registers %6d shared %4d%% %s%s\n", cards[c].arch, cards[c].name,
           kernel.registers, kernel.shared, percent, kernel.name.c_str(),
           good ? "" : "   <-- spills, local memory or occupancy");
    Summary &all = summaries[c];
    all.least = all.n == 0 || percent < all.least ? percent : all.least;
    all.registers = kernel.registers > all.registers ? kernel.registers : all.registers;
    all.shared = kernel.shared > all.shared ? kernel.shared : all.shared;
    all.sum += percent;
    all.bad += !good;
    all.n++;
}

static void print_row(const Kernel &kernel, int floor)
{
    for (size_t c = 0; c < sizeof cards / sizeof *cards; c++)
        if (cards[c].arch == kernel.arch)
            add_row(c, kernel, floor);
}

/* Kernels that are not as they should be; 1 where there is none at all. */
static int print_summaries()
{
    int bad = 0, n = 0;
    for (size_t c = 0; c < sizeof cards / sizeof *cards; c++) {
        const Summary &all = summaries[c];
        if (all.n > 0)
            printf("sm_%-3d %-5s %d kernels, %d bad: at most %d registers, %d B shared; occupancy "
                   "%d %% or more, %d %% on average\n",
                   cards[c].arch, cards[c].name, all.n, all.bad, all.registers, all.shared,
                   all.least, all.sum / all.n);
        bad += all.bad;
        n += all.n;
    }
    return n == 0 ? 1 : bad;
}

int main(int argc, char **argv)
{
    const int floor = argc > 1 ? atoi(argv[1]) : 50;
    char line[4096], name[2048];
    Kernel kernel;
    while (fgets(line, sizeof line, stdin)) {
        int arch;
        if (sscanf(line, "ptxas info : Compiling entry function '%2047[^']' for 'sm_%d'", name,
                   &arch) == 2) {
            kernel = Kernel();
            kernel.name = name;
            kernel.arch = arch;
        } else if (strstr(line, "bytes stack frame")) {
            kernel.stack = number_before(line, " bytes stack frame");
            kernel.spills = number_before(line, " bytes spill stores") +
                            number_before(line, " bytes spill loads");
        } else if (strstr(line, "Used ") && strstr(line, " registers")) {
            kernel.registers = number_before(line, " registers");
            kernel.shared = number_before(line, " bytes smem");
            print_row(kernel, floor);
        }
    }
    return print_summaries() > 0;
}
