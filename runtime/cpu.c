/* The CPU as a device: the arena is host memory, batches are written where the kernels read them,
 * and a launch is a call. */
#define _DEFAULT_SOURCE
#include "rt_internal.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* OpenBLAS's own; a BLAS that lacks them is used as it is. */
void openblas_set_num_threads(int n) __attribute__((weak));

const int rt_device_lag = 0;
const char *rt_high_water;

static char *arena;
static double launch_ms;

/* libgomp's threads spin between parallel loops by default, which costs a busy machine several
 * times the work itself; how long they do is read from the environment before main. */
void rt_device_early(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", argv);
}

void rt_device_open(const RtOptions *options)
{
    if (options->threads > 0)
        omp_set_num_threads(options->threads);
    if (openblas_set_num_threads)
        openblas_set_num_threads(omp_get_max_threads());
    const size_t huge = (size_t)2 << 20;
    const size_t alignment = rt_program.arena_bytes >= 2 * huge ? huge : 4096;
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, rt_program.arena_bytes ? rt_program.arena_bytes : 1))
        rt_fail(RT_EXIT_ENVIRONMENT, "the model needs %zu bytes, which the system does not give",
                rt_program.arena_bytes);
    arena = memory;
    rt_high_water = arena;
    if (alignment == huge)
        madvise(arena, rt_program.arena_bytes, MADV_HUGEPAGE);
}

const char *rt_device_name(void)
{
    static char name[32];
    snprintf(name, sizeof name, "cpu, %d threads", omp_get_max_threads());
    return name;
}

void rt_device_put(size_t offset, const void *from, size_t bytes)
{
    memcpy(arena + offset, from, bytes);
    if (arena + offset + bytes > rt_high_water)
        rt_high_water = arena + offset + bytes;
}

void rt_device_get(void *to, size_t offset, size_t bytes)
{
    memcpy(to, arena + offset, bytes);
}

void *rt_device_batch(int i)
{
    const RtTensor *tensor = &rt_program.inputs[i].tensor;
    return arena + tensor->offset;
}

void rt_device_batch_wait(void)
{
}

void rt_device_launch(const void *numbers)
{
    const double start = rt_seconds();
    rt_device_put(rt_program.step_offset, numbers, rt_numbers_bytes());
    rt_program.step(arena);
    launch_ms = 1000 * (rt_seconds() - start);
}

static double scalar(const RtTensor *tensor)
{
    if (tensor->dtype == RT_F64) {
        double value;
        memcpy(&value, arena + tensor->offset, sizeof value);
        return value;
    }
    float value;
    memcpy(&value, arena + tensor->offset, sizeof value);
    return value;
}

void rt_device_result(RtResult *result)
{
    for (int i = 0; i < rt_program.n_losses; i++)
        result->losses[i] = scalar(&rt_program.losses[i]);
    for (int i = 0; i < rt_program.n_grad_norms; i++)
        result->grad_norms[i] = scalar(&rt_program.grad_norms[i]);
    result->ms = launch_ms;
}

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
    free(arena);
    arena = NULL;
}

void rt_ran(void)
{
    if (rt_watching)
        rt_watch_row();
}
