/* Looks at each row of the schedule as it runs: its time (--profile), whether a recompute gives the
 * bits of the first run (--verify), and tensors that are gone at the end of the step (--dump). */
#include "rt_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool rt_watching;

/* The seconds of a row in the last steps. The first step of a run does not count: it finds cold
 * caches. */
enum { MOST_TIMES = 64 };

typedef struct {
    double seconds[MOST_TIMES], median, least;
    int64_t n; /* how often it ran */
} RowTime;

static bool want_profile, want_verify, want_dump, is_last;
static int row;
static int64_t n_steps;
static double row_start, empty_seconds; /* empty: what looking at a row costs by itself */
static RowTime *times;                  /* for each row */
static char **originals;     /* for each write: what it wrote first, where it is written again */
static char **dumped;        /* for each dump */
static char **dumped_inputs; /* for each input */
static char *scratch;        /* the largest write that is a repeat */

/* ---- memory ---- */

/* The write of the first run that a write repeats. */
static int original_of(int schedule_row, int position)
{
    const RtScheduleRow *r = &rt_program.schedule[schedule_row];
    const int first = rt_program.writes[r->first_write + position].repeats;
    return first < 0 ? -1 : rt_program.schedule[first].first_write + position;
}

static void take_originals(void)
{
    const RtScheduleRow *last = &rt_program.schedule[rt_program.n_schedule - 1];
    size_t largest = 0;
    originals =
        (char **)rt_alloc((size_t)last->first_write + (size_t)last->n_writes, sizeof *originals);
    for (int r = 0; r < rt_program.n_schedule; r++)
        for (int k = 0; k < rt_program.schedule[r].n_writes; k++) {
            const int original = original_of(r, k);
            if (original < 0)
                continue;
            const size_t bytes = rt_program.writes[original].bytes;
            if (!originals[original])
                originals[original] = (char *)rt_alloc(bytes, 1);
            largest = bytes > largest ? bytes : largest;
        }
    scratch = (char *)rt_alloc(largest, 1);
}

static void take_dumps(void)
{
    dumped = (char **)rt_alloc((size_t)rt_program.n_dumps, sizeof *dumped);
    for (int i = 0; i < rt_program.n_dumps; i++)
        dumped[i] = (char *)rt_alloc(rt_program.dumps[i].bytes, 1);
    dumped_inputs = (char **)rt_alloc((size_t)rt_program.n_inputs, sizeof *dumped_inputs);
    for (int i = 0; i < rt_program.n_inputs; i++)
        dumped_inputs[i] = (char *)rt_alloc(rt_program.inputs[i].tensor.bytes, 1);
}

/* Waits for what was launched; returns when. */
static double row_end(void)
{
    char byte;
    rt_device_get(&byte, 0, 1);
    return rt_seconds();
}

static void time_empty_rows(void)
{
    empty_seconds = 1;
    for (int i = 0; i < 100; i++) {
        const double start = rt_seconds(), seconds = row_end() - start;
        empty_seconds = seconds < empty_seconds ? seconds : empty_seconds;
    }
}

void rt_watch_open(const RtOptions *options)
{
    want_profile = options->profile != NULL;
    want_verify = options->verify && rt_program.n_schedule > 0;
    want_dump = options->dump != NULL;
    rt_watching = want_profile || want_verify || want_dump;
    if (want_profile)
        times = (RowTime *)rt_alloc((size_t)rt_program.n_schedule, sizeof *times);
    if (want_profile)
        time_empty_rows();
    if (want_verify)
        take_originals();
    if (want_dump)
        take_dumps();
}

/* ---- a step ---- */

void rt_watch_begin(bool last)
{
    row = 0;
    is_last = last;
    for (int i = 0; want_dump && last && i < rt_program.n_inputs; i++)
        memcpy(dumped_inputs[i], rt_device_batch(i), rt_program.inputs[i].tensor.bytes);
    row_start = rt_seconds();
}

static void add_time(void)
{
    const double measured = row_end() - row_start - empty_seconds;
    const double seconds = measured > 0 ? measured : 0;
    RowTime *time = &times[row];
    time->seconds[time->n <= 1 ? 0 : (time->n - 1) % MOST_TIMES] = seconds;
    if (time->n == 0 || seconds < time->least)
        time->least = seconds;
    time->n++;
}

static void verify_write(const RtScheduleRow *r, int position)
{
    const RtWrite *write = &rt_program.writes[r->first_write + position];
    if (originals[r->first_write + position])
        rt_device_get(originals[r->first_write + position], write->offset, write->bytes);
    const int original = original_of(row, position);
    if (original < 0)
        return;
    rt_device_get(scratch, write->offset, write->bytes);
    if (memcmp(scratch, originals[original], write->bytes) == 0)
        return;
    size_t byte = 0;
    while (scratch[byte] == originals[original][byte])
        byte++;
    rt_fail(70, "--verify: the recompute of %s (row %d, %s) differs from its first run at byte %zu",
            r->name, row, r->op, byte);
}

void rt_watch_row(void)
{
    const RtScheduleRow *r = &rt_program.schedule[row];
    if (want_profile)
        add_time();
    for (int k = 0; k < r->n_writes; k++) {
        const RtWrite *write = &rt_program.writes[r->first_write + k];
        if (want_verify)
            verify_write(r, k);
        if (want_dump && is_last && write->dump >= 0)
            rt_device_get(dumped[write->dump], write->offset, write->bytes);
    }
    row++;
    row_start = rt_seconds();
}

void rt_watch_end(void)
{
    n_steps++;
}

/* ---- files ---- */

static void print_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static int count_times(const RowTime *time)
{
    const int64_t n = time->n > 1 ? time->n - 1 : time->n;
    return n < MOST_TIMES ? (int)n : MOST_TIMES;
}

/* A row's time is its median, scaled so that the rows add up to the median step: what disturbs a
 * step now and then is in no row's median. Rows that did not run stay without a time. */
static void find_medians(void)
{
    double steps[MOST_TIMES] = {0}, sum = 0;
    for (int i = 0; i < rt_program.n_schedule; i++) {
        const int n = count_times(&times[i]);
        for (int k = 0; k < n; k++)
            steps[k] += times[i].seconds[k];
        times[i].median = rt_median(times[i].seconds, n);
        sum += times[i].median;
    }
    const double step = rt_median(steps, count_times(&times[0]));
    for (int i = 0; i < rt_program.n_schedule && sum > 0; i++)
        times[i].median *= step / sum;
}

static void write_profile(const char *path)
{
    static const char *const phases[] = {"forward", "recompute", "backward", "update"};
    FILE *out = fopen(path, "w");
    if (!out)
        rt_fail(RT_EXIT_ENVIRONMENT, "cannot write '%s': %s", path, strerror(errno));
    fprintf(out, "{\"schema\":\"rematc-profile/1\",\"model\":");
    print_string(out, rt_program.name);
    fprintf(out, ",\"target\":\"%s\",\"device\":", rt_program.target);
    print_string(out, rt_device_name());
    fprintf(out, ",\"steps\":%lld,\"rows\":[", (long long)n_steps);
    for (int i = 0; i < rt_program.n_schedule && times[i].n > 0; i++) {
        const RtScheduleRow *r = &rt_program.schedule[i];
        fprintf(out, "%s\n{\"op\":", i ? "," : "");
        print_string(out, r->op);
        fprintf(out, ",\"name\":");
        print_string(out, r->name);
        fprintf(out, ",\"phase\":\"%s\",\"seconds\":%.9g,\"least_seconds\":%.9g}", phases[r->phase],
                times[i].median, times[i].least);
    }
    fprintf(out, "\n]}\n");
    if (ferror(out) || fclose(out) != 0)
        rt_fail(RT_EXIT_ENVIRONMENT, "cannot write '%s': %s", path, strerror(errno));
}

static void write_dump(const char *path)
{
    const size_t most =
        (size_t)rt_program.n_parameters + (size_t)rt_program.n_dumps + (size_t)rt_program.n_inputs;
    RtSaved *saved = (RtSaved *)rt_alloc(most, sizeof *saved);
    int n = 0;
    for (int i = 0; i < rt_program.n_parameters; i++)
        saved[n++].tensor = &rt_program.parameters[i].tensor;
    for (int i = 0; i < rt_program.n_dumps; i++) {
        saved[n].tensor = &rt_program.dumps[i];
        saved[n++].host = dumped[i];
    }
    for (int i = 0; i < rt_program.n_inputs; i++) {
        saved[n].tensor = &rt_program.inputs[i].tensor;
        saved[n++].host = dumped_inputs[i];
    }
    const char *const meta[][2] = {{"model", rt_program.name}};
    rt_safetensors_write(path, saved, n, meta, 1);
    free(saved);
}

static void free_all(char **buffers, int n)
{
    for (int i = 0; buffers && i < n; i++)
        free(buffers[i]);
    free(buffers);
}

void rt_watch_close(const RtOptions *options)
{
    if (want_profile) {
        find_medians();
        write_profile(options->profile);
    }
    if (want_dump)
        write_dump(options->dump);
    free(times);
    free_all(dumped, rt_program.n_dumps);
    free_all(dumped_inputs, rt_program.n_inputs);
    if (originals) {
        const RtScheduleRow *last = &rt_program.schedule[rt_program.n_schedule - 1];
        free_all(originals, last->first_write + last->n_writes);
    }
    free(scratch);
}
