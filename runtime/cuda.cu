/* A GPU as a device: one allocation, one stream for all kernels, a second one for uploads. Nothing
 * in a step waits: batches and the step's numbers go from pinned memory through the second stream,
 * events order the two, losses are copied to pinned memory and read one step late. The step is
 * launched as it is once and then captured, so that from the second on it is one call; where each
 * row of the schedule is watched
 * (--profile, --verify, --dump) it is always launched as it is. */
#include "rt_internal.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int rt_device_lag = 1;
const char *rt_high_water;
cudaStream_t rt_stream;
char *rt_workspace;
size_t rt_workspace_bytes;
bool rt_is_training, rt_is_preparing;

enum { SLOTS = 2 }; /* steps whose results may be on their way */

static char *arena;
static cudaStream_t upload_stream;
static cudaEvent_t uploaded, step_done[SLOTS], step_begun[SLOTS];
static cudaGraphExec_t graph;
static char **batches;        /* pinned; one an input, and last the step's numbers */
static float *results[SLOTS]; /* pinned: losses, then norms */
static int64_t n_launched, n_read;
static int row; /* of the schedule, for messages */

static const char *error_place(void)
{
    static char text[300];
    if (row < rt_program.n_schedule)
        snprintf(text, sizeof text, " (row %d of the schedule: %s of %s)", row,
                 rt_program.schedule[row].op, rt_program.schedule[row].name);
    return text;
}

void rt_check(cudaError_t error, const char *what)
{
    if (error != cudaSuccess)
        rt_fail(RT_EXIT_ENVIRONMENT, "%s: %s%s", what, cudaGetErrorString(error), error_place());
}

/* ---- opening
 * ------------------------------------------------------------------------------------------ */

void rt_device_early(char **argv)
{
    (void)argv;
}

static void find_device(void)
{
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || count == 0)
        rt_fail(RT_EXIT_ENVIRONMENT,
                "there is no usable GPU: %s; `rematc build %s.net --target cpu` makes a program "
                "that needs none",
                error == cudaSuccess ? "none is installed" : cudaGetErrorString(error),
                rt_program.name);
    rt_check(cudaSetDevice(0), "cudaSetDevice");
}

/* The budget leaves the driver something of what is free. */
static void fail_for_memory(size_t needed, size_t there, size_t total)
{
    const size_t kibibytes = there >> 10, spare = (size_t)64 << 10;
    const bool in_mebibytes = kibibytes > 2 * spare;
    rt_fail(RT_EXIT_ENVIRONMENT,
            "the model needs %zu bytes of GPU memory, and %zu are free (of %zu); "
            "`rematc build %s.net --budget %zu%s` plans for what is there",
            needed, there, total, rt_program.name,
            in_mebibytes ? (kibibytes - spare) >> 10 : kibibytes, in_mebibytes ? "MiB" : "KiB");
}

static void take_arena(void)
{
    size_t there = 0, total = 0;
    rt_check(cudaMemGetInfo(&there, &total), "cudaMemGetInfo");
    const size_t needed = rt_program.arena_bytes ? rt_program.arena_bytes : 1;
    void *memory = NULL;
    if (needed > there || cudaMalloc(&memory, needed) != cudaSuccess)
        fail_for_memory(needed, there, total);
    arena = (char *)memory;
    rt_high_water = arena;
}

static void *take_pinned(size_t bytes)
{
    void *memory = NULL;
    rt_check(cudaMallocHost(&memory, bytes ? bytes : 1), "cudaMallocHost");
    return memory;
}

static void take_buffers(void)
{
    const int n = rt_program.n_inputs;
    batches = (char **)rt_alloc((size_t)n + 1, sizeof *batches);
    for (int i = 0; i < n; i++)
        batches[i] = (char *)take_pinned(rt_program.inputs[i].tensor.bytes);
    batches[n] = (char *)take_pinned(rt_numbers_bytes());
    const size_t n_results = (size_t)(rt_program.n_losses + rt_program.n_grad_norms);
    for (int i = 0; i < SLOTS; i++)
        results[i] = (float *)take_pinned(n_results * sizeof(float));
}

static void make_streams(void)
{
    rt_check(cudaStreamCreateWithFlags(&rt_stream, cudaStreamNonBlocking), "cudaStreamCreate");
    rt_check(cudaStreamCreateWithFlags(&upload_stream, cudaStreamNonBlocking), "cudaStreamCreate");
    rt_check(cudaEventCreateWithFlags(&uploaded, cudaEventDisableTiming), "cudaEventCreate");
    for (int i = 0; i < SLOTS; i++) {
        rt_check(cudaEventCreate(&step_begun[i]), "cudaEventCreate");
        rt_check(cudaEventCreate(&step_done[i]), "cudaEventCreate");
    }
}

/* A dry run: every product chooses its algorithm, and the highest byte in use is known. */
static void prepare(void)
{
    rt_is_preparing = true;
    row = 0;
    rt_program.step(arena);
    rt_is_preparing = false;
}

void rt_device_open(const RtOptions *options)
{
    rt_is_training = !options->eval;
    find_device();
    take_arena();
    take_buffers();
    make_streams();
    prepare();
}

const char *rt_device_name(void)
{
    static struct cudaDeviceProp properties;
    rt_check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
    return properties.name;
}

/* ---- memory
 * ------------------------------------------------------------------------------------------- */

static void wait_for_all(void)
{
    rt_check(cudaStreamSynchronize(upload_stream), "cudaStreamSynchronize");
    rt_check(cudaStreamSynchronize(rt_stream), "cudaStreamSynchronize");
}

void rt_device_put(size_t offset, const void *from, size_t bytes)
{
    wait_for_all();
    rt_check(cudaMemcpy(arena + offset, from, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    if (arena + offset + bytes > rt_high_water)
        rt_high_water = arena + offset + bytes;
}

void rt_device_get(void *to, size_t offset, size_t bytes)
{
    wait_for_all();
    rt_check(cudaMemcpy(to, arena + offset, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

void *rt_device_batch(int i)
{
    return batches[i];
}

void rt_device_batch_wait(void)
{
    if (n_launched > 0)
        rt_check(cudaEventSynchronize(uploaded), "cudaEventSynchronize");
}

/* ---- a step
 * ------------------------------------------------------------------------------------------- */

static void upload(int i, size_t offset, size_t bytes)
{
    rt_check(
        cudaMemcpyAsync(arena + offset, batches[i], bytes, cudaMemcpyHostToDevice, upload_stream),
        "cudaMemcpyAsync");
}

/* Inputs share their bytes with what a step makes after their last use: the upload waits for the
 * step before, and the step for the upload. */
static void upload_batch(const void *numbers)
{
    const int n = rt_program.n_inputs;
    if (n_launched > 0)
        rt_check(cudaStreamWaitEvent(upload_stream, step_done[(n_launched - 1) % SLOTS], 0),
                 "cudaStreamWaitEvent");
    memcpy(batches[n], numbers, rt_numbers_bytes());
    for (int i = 0; i < n; i++)
        upload(i, rt_program.inputs[i].tensor.offset, rt_program.inputs[i].tensor.bytes);
    upload(n, rt_program.step_offset, rt_numbers_bytes());
    rt_check(cudaEventRecord(uploaded, upload_stream), "cudaEventRecord");
    rt_check(cudaStreamWaitEvent(rt_stream, uploaded, 0), "cudaStreamWaitEvent");
}

static void capture(void)
{
    cudaGraph_t captured;
    rt_check(cudaStreamBeginCapture(rt_stream, cudaStreamCaptureModeGlobal),
             "cudaStreamBeginCapture");
    rt_program.step(arena);
    rt_check(cudaStreamEndCapture(rt_stream, &captured), "cudaStreamEndCapture");
    rt_check(cudaGraphInstantiate(&graph, captured, 0), "cudaGraphInstantiate");
    rt_check(cudaGraphDestroy(captured), "cudaGraphDestroy");
}

static void run_step(void)
{
    row = 0;
    if (n_launched == 0 || rt_watching) {
        rt_program.step(arena);
        return;
    }
    if (!graph)
        capture();
    rt_check(cudaGraphLaunch(graph, rt_stream), "cudaGraphLaunch");
}

static void download(const RtTensor *tensor, float *to)
{
    rt_check(
        cudaMemcpyAsync(to, arena + tensor->offset, sizeof *to, cudaMemcpyDeviceToHost, rt_stream),
        "cudaMemcpyAsync");
}

void rt_device_launch(const void *numbers)
{
    const int slot = (int)(n_launched % SLOTS);
    upload_batch(numbers);
    rt_check(cudaEventRecord(step_begun[slot], rt_stream), "cudaEventRecord");
    run_step();
    for (int i = 0; i < rt_program.n_losses; i++)
        download(&rt_program.losses[i], &results[slot][i]);
    for (int i = 0; rt_is_training && i < rt_program.n_grad_norms; i++)
        download(&rt_program.grad_norms[i], &results[slot][rt_program.n_losses + i]);
    rt_check(cudaEventRecord(step_done[slot], rt_stream), "cudaEventRecord");
    n_launched++;
}

void rt_device_result(RtResult *result)
{
    const int slot = (int)(n_read++ % SLOTS);
    rt_check(cudaEventSynchronize(step_done[slot]), "a step");
    for (int i = 0; i < rt_program.n_losses; i++)
        result->losses[i] = results[slot][i];
    for (int i = 0; i < rt_program.n_grad_norms; i++)
        result->grad_norms[i] = rt_is_training ? results[slot][rt_program.n_losses + i] : 0;
    float ms = 0;
    rt_check(cudaEventElapsedTime(&ms, step_begun[slot], step_done[slot]), "cudaEventElapsedTime");
    result->ms = ms;
}

void rt_ran(void)
{
    rt_workspace = NULL;
    rt_workspace_bytes = 0;
    if (!rt_is_preparing) {
        rt_check(cudaPeekAtLastError(), "a launch");
        if (rt_watching)
            rt_watch_row();
    }
    row++;
}

/* ---- closing
 * ------------------------------------------------------------------------------------------ */

size_t rt_device_peak_bytes(void)
{
    return arena ? rt_program.arena_bytes : 0;
}

size_t rt_device_high_water_bytes(void)
{
    return (size_t)(rt_high_water - arena);
}

void rt_device_close(void)
{
    wait_for_all();
    if (graph)
        cudaGraphExecDestroy(graph);
    for (int i = 0; i <= rt_program.n_inputs; i++)
        cudaFreeHost(batches[i]);
    free(batches);
    for (int i = 0; i < SLOTS; i++) {
        cudaFreeHost(results[i]);
        cudaEventDestroy(step_begun[i]);
        cudaEventDestroy(step_done[i]);
    }
    cudaEventDestroy(uploaded);
    cudaStreamDestroy(upload_stream);
    cudaStreamDestroy(rt_stream);
    cudaFree(arena);
    arena = NULL;
}
