/* What the program says while it trains: JSON lines for scripts, one line of progress for people,
 * and errors. */
#include "rt_internal.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static FILE *metrics; /* NULL: not wanted */
static const char *metrics_path;
static bool is_terminal, line_is_open; /* standard error; a progress line stands on it */
static double start_seconds, shown_seconds;
static int64_t first_step = -1;

double rt_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void rt_fail(int status, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s%s: error: ", line_is_open ? "\n" : "", rt_program.name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(status);
}

void *rt_alloc(size_t n, size_t bytes)
{
    void *memory = calloc(n ? n : 1, bytes ? bytes : 1);
    if (!memory)
        rt_fail(RT_EXIT_ENVIRONMENT, "out of memory (%zu x %zu bytes)", n, bytes);
    return memory;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rt_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    return n > 0 ? (values[(n - 1) / 2] + values[n / 2]) / 2 : 0;
}

/* ---- JSON ---- */

static void print_string(const char *text)
{
    fputc('"', metrics);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', metrics);
        if ((unsigned char)*text >= 32)
            fputc(*text, metrics);
    }
    fputc('"', metrics);
}

/* The fewest digits that tell a double from all others, 9 of a float; JSON has no infinity. */
static void print_number(double value, RtDtype dtype)
{
    char text[32];
    if (!isfinite(value)) {
        fputs("null", metrics);
        return;
    }
    snprintf(text, sizeof text, "%.9g", value);
    for (int digits = 10; dtype == RT_F64 && digits <= 17 && strtod(text, NULL) != value; digits++)
        snprintf(text, sizeof text, "%.*g", digits, value);
    fputs(text, metrics);
}

static void end_line(void)
{
    fputs("}\n", metrics);
    if (fflush(metrics) != 0)
        rt_fail(RT_EXIT_ENVIRONMENT, "cannot write '%s': %s", metrics_path, strerror(errno));
}

/* Losses are added as the program's own type adds them. */
static double total_loss(const RtResult *result)
{
    double sum = 0;
    float sum32 = 0;
    for (int i = 0; i < rt_program.n_losses; i++) {
        sum += result->losses[i];
        sum32 += (float)result->losses[i];
    }
    return rt_program.n_losses > 0 && rt_program.losses[0].dtype == RT_F64 ? sum : (double)sum32;
}

static RtDtype loss_dtype(void)
{
    return rt_program.n_losses > 0 ? rt_program.losses[0].dtype : RT_F32;
}

static int64_t count_parameters(void)
{
    int64_t n = 0;
    for (int i = 0; i < rt_program.n_parameters; i++) {
        int64_t size = 1;
        for (int axis = 0; axis < rt_program.parameters[i].tensor.rank; axis++)
            size *= rt_program.parameters[i].tensor.shape[axis];
        n += size;
    }
    return n;
}

/* ---- start, step, done ---- */

void rt_metrics_open(const RtOptions *options)
{
    is_terminal = isatty(STDERR_FILENO) && !options->quiet;
    start_seconds = rt_seconds();
    metrics_path = options->metrics;
    if (!metrics_path)
        return;
    metrics = strcmp(metrics_path, "-") == 0 ? stdout : fopen(metrics_path, "w");
    if (!metrics)
        rt_fail(RT_EXIT_ENVIRONMENT, "cannot write '%s': %s", metrics_path, strerror(errno));
}

void rt_metrics_start(void)
{
    if (!metrics)
        return;
    fprintf(metrics, "{\"event\":\"start\",\"peak_bytes\":%zu,\"parameters\":%lld,\"device\":",
            rt_device_peak_bytes(), (long long)count_parameters());
    print_string(rt_device_name());
    end_line();
}

static double norm_of(const RtResult *result)
{
    double sum = 0;
    for (int i = 0; i < rt_program.n_grad_norms; i++)
        sum += result->grad_norms[i];
    return sqrt(sum);
}

static void print_step(const RtOptions *options, int64_t k, const RtResult *result)
{
    fprintf(metrics, "{\"event\":\"step\",\"step\":%lld,\"loss\":", (long long)k + 1);
    print_number(total_loss(result), loss_dtype());
    fprintf(metrics, ",\"losses\":{");
    for (int i = 0; i < rt_program.n_losses; i++) {
        fputs(i ? "," : "", metrics);
        print_string(rt_program.losses[i].name);
        fputc(':', metrics);
        print_number(result->losses[i], rt_program.losses[i].dtype);
    }
    fprintf(metrics, "},\"lr\":");
    print_number(rt_program.n_groups > 0 ? rt_learning_rate(0, k) : 0, RT_F64);
    fprintf(metrics, ",\"grad_norm\":");
    print_number(rt_program.n_grad_norms > 0 && !options->eval ? norm_of(result) : NAN,
                 loss_dtype());
    fprintf(metrics, ",\"step_ms\":%.3f", result->ms);
    end_line();
}

static void print_progress(const RtOptions *options, int64_t k, const RtResult *result)
{
    const double now = rt_seconds();
    if (now - shown_seconds < 0.2 && k + 1 < options->steps)
        return;
    const double elapsed = now - start_seconds;
    const double rate = elapsed > 0 ? (double)(k + 1 - first_step) / elapsed : 0;
    const long left = rate > 0 ? (long)((double)(options->steps - k - 1) / rate + 0.5) : 0;
    fprintf(stderr, "\rstep %lld/%lld  loss %.5g  %.3g steps/s  %ld:%02ld left \033[K",
            (long long)k + 1, (long long)options->steps, total_loss(result), rate, left / 60,
            left % 60);
    fflush(stderr);
    line_is_open = true;
    shown_seconds = now;
}

static double sum_of_losses;

/* The last steps' times. The first step of a run does not count: it finds cold caches. */
enum { MOST_TIMES = 1024 };
static double step_times[MOST_TIMES];
static int64_t n_steps;

void rt_metrics_step(const RtOptions *options, int64_t k, const RtResult *result)
{
    if (first_step < 0)
        first_step = k;
    sum_of_losses += total_loss(result);
    step_times[n_steps <= 1 ? 0 : (n_steps - 1) % MOST_TIMES] = result->ms;
    n_steps++;
    if (metrics)
        print_step(options, k, result);
    if (is_terminal)
        print_progress(options, k, result);
}

static double median_ms(void)
{
    const int64_t n = n_steps > 1 ? n_steps - 1 : n_steps;
    return rt_median(step_times, n < MOST_TIMES ? (int)n : MOST_TIMES);
}

/* "12.3 ms", three digits. */
static void print_ms(double ms)
{
    fprintf(stderr, "%.*f ms", ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3, ms);
}

static void print_summary(const RtOptions *options, int64_t steps, bool stopped, double wall,
                          double ms)
{
    if (options->eval && steps > 0)
        fprintf(stderr, "%s: mean loss %.9g\n", rt_program.name, sum_of_losses / (double)steps);
    fprintf(stderr, "%s: %s after %lld steps, %.1f s, peak %.1f MiB", rt_program.name,
            stopped ? "stopped" : "done", (long long)steps, wall,
            (double)rt_device_peak_bytes() / 1048576.0);
    if (steps > 0) {
        fprintf(stderr, ", step ");
        print_ms(ms);
    }
    if (steps > 0 && !options->eval && rt_program.step_seconds > 0) {
        fprintf(stderr, " (predicted ");
        print_ms(1000 * rt_program.step_seconds);
        fprintf(stderr, " by %s)", rt_program.timed_by);
    }
    fputc('\n', stderr);
}

void rt_metrics_done(const RtOptions *options, int64_t steps, bool stopped)
{
    const double wall = rt_seconds() - start_seconds, ms = median_ms();
    if (line_is_open)
        fputc('\n', stderr);
    line_is_open = false;
    if (!options->quiet)
        print_summary(options, steps, stopped, wall, ms);
    if (!metrics)
        return;
    fprintf(metrics, "{\"event\":\"done\",\"steps\":%lld,\"wall_s\":%.3f,\"peak_bytes\":%zu,",
            (long long)steps, wall, rt_device_peak_bytes());
    if (options->eval && steps > 0)
        fprintf(metrics, "\"mean_loss\":%.9g,", sum_of_losses / (double)steps);
    if (steps > 0)
        fprintf(metrics, "\"step_ms_median\":%.6g,", ms);
    if (!options->eval)
        fprintf(metrics, "\"predicted_step_ms\":%.6g,", 1000 * rt_program.step_seconds);
    fprintf(metrics, "\"arena_high_water_bytes\":%zu", rt_device_high_water_bytes());
    end_line();
    if (metrics != stdout && fclose(metrics) != 0)
        rt_fail(RT_EXIT_ENVIRONMENT, "cannot write '%s': %s", metrics_path, strerror(errno));
    metrics = NULL;
}
