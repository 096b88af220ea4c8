/* What this machine does in a second, as a device file on standard output: the rates of the
 * kernels that programs are made of, with the threads that programs use. Times are the least of
 * several, since what else runs only adds to them; but that of waking the threads is the median. */
#include "kernels.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* OpenBLAS's own; a BLAS that lacks them is used as it is. */
void openblas_set_num_threads(int n) __attribute__((weak));

const char *rt_high_water;

void rt_ran(void)
{
}

typedef struct {
    MatmulShape shape;
    float *x, *y, *z;
    int64_t rows, columns;
} Work;

typedef void Job(const Work *work);

/* ---- jobs ---- */

static void multiply(const Work *work)
{
    matmul(&work->shape, work->x, work->y, NULL, work->z);
}

/* Of each row gelu and softmax: 20 operations an element, counted as the planner counts them, 8 a
 * function. */
RT_KERNEL void exponentials(const Work *work)
{
    const int64_t n = work->columns;
    RT_PARALLEL(work->rows * n)
    for (int64_t row = 0; row < work->rows; row++) {
        const float *x = work->x + row * n;
        float *y = work->y + row * n, most = -HUGE_VALF, sum = 0;
        RT_PRAGMA(omp simd reduction(max : most))
        for (int64_t i = 0; i < n; i++) {
            y[i] = 0.5f * x[i] * (1 + r_erf(x[i] * 0.70710678f));
            most = y[i] > most ? y[i] : most;
        }
        RT_PRAGMA(omp simd reduction(+ : sum))
        for (int64_t i = 0; i < n; i++)
            sum += r_exp(y[i] - most);
        RT_PRAGMA(omp simd)
        for (int64_t i = 0; i < n; i++)
            y[i] = r_exp(y[i] - most) / sum;
    }
}

RT_KERNEL void stream(const Work *work)
{
    RT_PARALLEL(work->columns)
    for (int64_t i = 0; i < work->columns; i++)
        work->z[i] = work->x[i] + 0.5f * work->y[i];
}

RT_KERNEL void wake(const Work *work)
{
    RT_PRAGMA(omp parallel for schedule(static))
    for (int64_t i = 0; i < omp_get_max_threads(); i++)
        work->x[16 * i] = 0;
}

RT_KERNEL void call(const Work *work)
{
    RT_PARALLEL(work->columns)
    for (int64_t i = 0; i < work->columns; i++)
        work->y[i] = work->x[i] + 1;
}

/* ---- times ---- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct {
    double least, median;
} Times;

/* Of one run, after one that does not count. */
static Times times_of(Job *job, const Work *work)
{
    enum { MOST = 4096 };
    static double seconds[MOST];
    int n = 0;
    job(work);
    const double start = now();
    for (double last = start; n < 3 || (n < MOST && last < start + 0.04); n++) {
        job(work);
        const double end = now();
        seconds[n] = end - last;
        last = end;
    }
    qsort(seconds, (size_t)n, sizeof *seconds, compare);
    return (Times){seconds[0], seconds[n / 2]};
}

static MatmulShape square(RtDtype dtype, int64_t n)
{
    return (MatmulShape){.a = dtype,
                         .b = dtype,
                         .bias = dtype,
                         .c = dtype,
                         .m = n,
                         .n = n,
                         .k = n,
                         .lda = n,
                         .ldb = n,
                         .ldc = n,
                         .batch = {1, 1, 1, 1},
                         .alpha = 1};
}

enum { MATMUL_F32, MATMUL_BF16, MATMUL_F64, VECTOR, BANDWIDTH, CACHED, LAUNCH, WAKE, N_JOBS };
/* Elements: three times LONG are more than caches hold, and three times SHORT are less. */
enum { LONG = 8 << 20, SHORT = 256 << 10 };

/* amount: what a run does, in the unit of its rate. */
static const struct {
    Job *job;
    RtDtype dtype;
    int64_t size, rows, columns;
    double amount;
} jobs[N_JOBS] = {
    [MATMUL_F32] = {multiply, RT_F32, 512, 0, 0, 2.0 * 512 * 512 * 512},
    [MATMUL_BF16] = {multiply, RT_BF16, 256, 0, 0, 2.0 * 256 * 256 * 256},
    [MATMUL_F64] = {multiply, RT_F64, 512, 0, 0, 2.0 * 512 * 512 * 512},
    [VECTOR] = {exponentials, RT_F32, 1, 256, 512, 20.0 * 256 * 512},
    [BANDWIDTH] = {stream, RT_F32, 1, 0, LONG, 12.0 * LONG},
    [CACHED] = {stream, RT_F32, 1, 0, SHORT, 12.0 * SHORT},
    [LAUNCH] = {call, RT_F32, 1, 0, 64, 1},
    [WAKE] = {wake, RT_F32, 1, 0, 0, 1},
};

/* Several rounds, so that what else runs for a moment does not spoil one rate. */
static void measure(Work work, Times times[N_JOBS])
{
    enum { ROUNDS = 6 };
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < N_JOBS; i++) {
            work.shape = square(jobs[i].dtype, jobs[i].size);
            work.rows = jobs[i].rows;
            work.columns = jobs[i].columns;
            const Times t = times_of(jobs[i].job, &work);
            if (round == 0 || t.least < times[i].least)
                times[i].least = t.least;
            if (round == 0 || t.median < times[i].median)
                times[i].median = t.median;
        }
}

/* Memory that was never written to is one page of zeros for the system. */
static float *filled(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; x && i < n; i++)
        x[i] = (float)(i % 251) / 251 - 0.5f;
    return x;
}

static void print_rate(const char *key, int job, const Times times[N_JOBS])
{
    printf("%-11s = %.3g\n", key, jobs[job].amount / times[job].least);
}

int main(int argc, char **argv)
{
    const int threads = omp_get_max_threads();
    if (openblas_set_num_threads)
        openblas_set_num_threads(threads);
    const Work work = {.x = filled(LONG), .y = filled(LONG), .z = filled(LONG)};
    if (!work.x || !work.y || !work.z)
        return RT_EXIT_ENVIRONMENT;
    Times times[N_JOBS];
    measure(work, times);
    printf("# Measured by rematc with the kernels of its programs; without this file it measures "
           "again.\n");
    printf("description = %s, %d thread%s\n", argc > 1 ? argv[1] : "this machine", threads,
           threads > 1 ? "s" : "");
    printf("memory      = %ld MiB\n",
           sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024);
    print_rate("matmul f32", MATMUL_F32, times);
    print_rate("matmul bf16", MATMUL_BF16, times);
    print_rate("matmul f64", MATMUL_F64, times);
    print_rate("vector", VECTOR, times);
    print_rate("bandwidth", BANDWIDTH, times);
    print_rate("cached", CACHED, times);
    printf("cache       = %d\n", 16 * SHORT);
    printf("launch      = %.3g\n", times[LAUNCH].least);
    printf("cores       = %d\n", threads);
    printf("wake        = %.3g\n", times[WAKE].median);
    return 0;
}
