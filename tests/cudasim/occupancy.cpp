/* Reads what `nvcc --resource-usage` says of kernels on standard input and prints a table:
 * registers, shared memory, spills, and occupancy by the toolkit's own calculation on a card of
 * that architecture. Blocks of 256 threads. Exits 1 where a kernel spills, uses local memory, or is
 * below the floor given as the argument (percent). */
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

static bool print_row(const Kernel &kernel, int floor, int *least)
{
    for (const Card &card : cards) {
        if (card.arch != kernel.arch)
            continue;
        const int percent = occupancy(card, kernel);
        const bool good = percent >= floor && kernel.spills == 0 && kernel.stack == 0;
        printf("sm_%-3d %-5s %4d registers %6d shared %4d%% %s%s\n", card.arch, card.name,
               kernel.registers, kernel.shared, percent, kernel.name.c_str(),
               good ? "" : "   <-- spills, local memory or occupancy");
        *least = percent < *least ? percent : *least;
        return good;
    }
    return false;
}

int main(int argc, char **argv)
{
    const int floor = argc > 1 ? atoi(argv[1]) : 50;
    char line[4096], name[2048];
    Kernel kernel;
    int n = 0, bad = 0, least = 100, most_registers = 0;
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
            bad += !print_row(kernel, floor, &least);
            most_registers = kernel.registers > most_registers ? kernel.registers : most_registers;
            n++;
        }
    }
    printf("%d kernels, %d bad; occupancy %d%% or more, %d registers or fewer\n", n, bad, least,
           most_registers);
    return n == 0 || bad > 0;
}
