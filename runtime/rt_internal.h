/* What the files of the runtime know of each other; the program itself needs rt.h alone. */
#ifndef RT_INTERNAL_H
#define RT_INTERNAL_H

#include "rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- options.c ---- */

typedef struct {
    int64_t steps, checkpoint_every; /* 0: no checkpoints */
    uint64_t seed;
    int threads; /* 0: the machine's */
    bool eval, verify, quiet;
    const char *data, *load, *save, *resume, *checkpoint_dir, *metrics, *profile, *dump;
} RtOptions;

/* Ends the program after --help, or where the command line is wrong (exit 2). */
RtOptions rt_options_parse(int argc, char **argv);

/* ---- numbers.c: what a step needs to know, and initial weights ---- */

/* Bytes of the step's numbers (RtStep and three doubles a group). */
size_t rt_numbers_bytes(void);
/* Those of step k (from 0), into `numbers`. */
void rt_numbers_fill(void *numbers, int64_t k, uint64_t seed, bool training);
/* The learning rate of a group at step k. */
double rt_learning_rate(int group, int64_t k);
/* Puts the initial weights into the arena, and zeros into the optimizer's states. */
void rt_weights_initialize(uint64_t seed);

/* ---- metrics.c: JSON lines, the progress line, and errors ---- */

typedef struct {
    double *losses;     /* one a loss of the program */
    double *grad_norms; /* squared, one a clip group */
    double ms;
} RtResult;

void rt_metrics_open(const RtOptions *options);
void rt_metrics_start(void);
/* After step k (from 0) of `end`. */
void rt_metrics_step(const RtOptions *options, int64_t k, const RtResult *result);
/* After the last: steps that ran, and whether the user stopped it. */
void rt_metrics_done(const RtOptions *options, int64_t steps, bool stopped);
/* The middle one (0 of none); puts the values into order. */
double rt_median(double *values, int n);
double rt_seconds(void); /* of a clock that never goes back */

/* ---- safetensors.c ---- */

/* A tensor to write: its bytes are at host, or where that is NULL in the arena. */
typedef struct {
    const RtTensor *tensor;
    const void *host;
} RtSaved;

/* Written beside its place and renamed. meta: pairs of name and value. A full disk and the like end
 * the program with exit 3, and path has its old contents. */
void rt_safetensors_write(const char *path, const RtSaved *saved, int n,
                          const char *const meta[][2], int n_meta);

typedef struct RtArchive RtArchive;
/* Ends the program (exit 1) where the file is no well-formed safetensors file. */
RtArchive *rt_safetensors_open(const char *path);
/* The bytes of the tensor of that name, dtype and shape; ends the program (exit 1), naming it,
 * where the file has none. */
const void *rt_safetensors_find(const RtArchive *archive, const RtTensor *tensor);
/* The value of a name in the file's metadata, or NULL. */
const char *rt_safetensors_meta(const RtArchive *archive, const char *name);
void rt_safetensors_close(RtArchive *archive);

/* ---- resume.c ---- */

void rt_weights_load(const char *path);
void rt_weights_save(const char *path);
/* Weights, states and the number of steps done, into DIR/checkpoint.safetensors. */
void rt_checkpoint_write(const char *directory, int64_t steps, uint64_t seed);
/* Reads them back; returns the number of steps done. */
int64_t rt_checkpoint_read(const char *directory, uint64_t seed);
/* Makes the folder where it is not there. */
void rt_checkpoint_prepare(const char *directory);

/* ---- watch.c: --profile, --verify and --dump look at each step of the schedule ---- */

/* True where they must be told of each: rt_ran() then calls rt_watch_row. */
extern bool rt_watching;

/* Takes all the memory that will be needed. */
void rt_watch_open(const RtOptions *options);
/* Before step k. last: the step whose tensors --dump wants. */
void rt_watch_begin(bool last);
/* The next row of the schedule has run. */
void rt_watch_row(void);
void rt_watch_end(void);
/* Writes what was asked for. */
void rt_watch_close(const RtOptions *options);

/* ---- the device: cpu.c or cuda.cu ---- */

/* Before anything else in main: may start the program anew with another environment. */
void rt_device_early(char **argv);
/* Threads, the arena. Ends the program (exit 3) where the machine falls short. */
void rt_device_open(const RtOptions *options);
const char *rt_device_name(void);
/* Between host memory and the arena; both wait for what was launched. */
void rt_device_put(size_t offset, const void *from, size_t bytes);
void rt_device_get(void *to, size_t offset, size_t bytes);
/* Host memory where the batch of input i is to be written before a launch. */
void *rt_device_batch(int i);
/* Waits until the batches may be overwritten. */
void rt_device_batch_wait(void);
/* Starts one step; numbers as of rt_numbers_fill. */
void rt_device_launch(const void *numbers);
/* Steps that may be launched before the first result is asked for: 0, or 1 where results are read
 * late so that the device never waits. */
extern const int rt_device_lag;
/* The result of the oldest step whose result was not asked for. */
void rt_device_result(RtResult *result);
/* Bytes asked of the system for the arena, and up to the highest byte that a kernel was given. */
size_t rt_device_peak_bytes(void);
size_t rt_device_high_water_bytes(void);
void rt_device_close(void);

/* Zeroed memory, taken before the first step; ends the program where there is none. */
void *rt_alloc(size_t n, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
