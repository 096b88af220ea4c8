/* The runtime of an emitted training program: all that the program and the runtime know of each
 * other. It includes nothing of the compiler. Files: main.c (options and the training loop),
 * data*.c (one file a source), metrics.c, safetensors.c, resume.c, and one device file a target
 * (cpu.c, cuda.cu). Everything is allocated before the first step. C11, and valid as CUDA C++. */
#ifndef RT_H
#define RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exit statuses: wrong data or weights, wrong option, environment falls short. */
enum { RT_EXIT_DATA = 1, RT_EXIT_USAGE = 2, RT_EXIT_ENVIRONMENT = 3 };

typedef enum { RT_F32, RT_BF16, RT_F64, RT_I32, RT_BOOL } RtDtype;

enum { RT_MAX_RANK = 8 };

/* A tensor in the arena. */
typedef struct {
    const char *name;
    RtDtype dtype;
    int rank;
    int64_t shape[RT_MAX_RANK];
    size_t offset, bytes;
} RtTensor;

typedef enum { RT_CONSTANT, RT_NORMAL, RT_UNIFORM } RtInitKind;

typedef struct {
    RtTensor tensor;
    RtInitKind init; /* constant(a); normal(mean a, deviation b); uniform(from a to b) */
    double a, b;
    uint32_t stream; /* of the random generator; the element's index counts within it */
} RtParameter;

/* An input or target. classes: i32 values must be 0..classes-1, or `ignore` where has_ignore. */
typedef struct {
    RtTensor tensor;
    int64_t classes;
    bool has_ignore;
    int64_t ignore;
} RtInput;

/* One option of the data source, as in the model file. */
typedef struct {
    const char *name, *text; /* text: NULL where it is a number */
    double number;
    bool constant; /* `name = constant(number)`: every element of the field is that */
} RtDataOption;

typedef struct {
    double lr, beta1, beta2;
} RtGroup;

typedef enum { RT_SCHEDULE_CONSTANT, RT_SCHEDULE_LINEAR, RT_SCHEDULE_COSINE } RtScheduleKind;

typedef enum { RT_FORWARD, RT_RECOMPUTE, RT_BACKWARD, RT_UPDATE } RtPhase;

/* What a step of the schedule writes. */
typedef struct {
    size_t offset, bytes;
    /* recompute: the step whose write of the same position has the same bits; else -1 */
    int repeats;
    int dump; /* index into dumps: copied out for --dump when this step has run; else -1 */
} RtWrite;

/* A row of the schedule, for --profile, --verify, --dump and error messages. */
typedef struct {
    const char *op, *name;
    RtPhase phase;
    int first_write, n_writes; /* in writes[] */
} RtScheduleRow;

/* The emitted program defines exactly one: rt_program. */
typedef struct {
    const char *name, *target, *strategy;
    size_t arena_bytes, alignment;
    const RtParameter *parameters;
    int n_parameters;
    const RtTensor *states; /* of the optimizer: `layer[0].weight.m`; zero at the start */
    int n_states;
    const RtInput *inputs;
    int n_inputs;
    /* f32 (f64 in an f64 program) scalars, there until the end of the step */
    const RtTensor *losses;
    int n_losses;
    /* gradients `PATH.grad` and outputs; their offset is where they are written */
    const RtTensor *dumps;
    int n_dumps;
    /* squared norm of the gradients, one a clip group; none without clip */
    const RtTensor *grad_norms;
    int n_grad_norms;
    size_t step_offset; /* of the step's numbers: see RtStep */
    const RtGroup *groups;
    int n_groups;
    struct {
        RtScheduleKind kind;
        double to;
        int64_t steps, warmup;
    } lr_schedule;
    const char *data_source;
    const RtDataOption *data_options;
    int n_data_options;
    int64_t steps;
    uint64_t seed;
    const RtScheduleRow *schedule;
    int n_schedule;
    const RtWrite *writes;
    /* One training step on the batch in the arena. Where the step's `training` is 0 it returns
     * after the forward pass. */
    void (*step)(char *arena);
    /* What the plan expects a step to take (0: nothing), and by whose times. */
    double step_seconds;
    const char *timed_by;
} RtProgram;

extern const RtProgram rt_program;

/* The first bytes of the tensor at step_offset; doubles follow: for each group its learning rate,
 * 1 / (1 - beta1^(k + 1)), 1 / (1 - beta2^(k + 1)). */
typedef struct {
    uint32_t seed[2], step, training;
} RtStep;

/* What a kernel says at its end: a step of the schedule has run or, on a GPU, has been launched. */
void rt_ran(void);

/* Ends the program: `NAME: error: ...`, and a newline, on standard error. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3), noreturn))
#endif
void rt_fail(int status, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
