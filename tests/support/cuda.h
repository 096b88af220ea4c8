/* Emitted CUDA programs in tests: written, built with the simulator of tests/cudasim (or with nvcc
 * where GPU=1 is set), run, and compared with the CPU target. All in the scratch folder. */
#ifndef TEST_CUDA_H
#define TEST_CUDA_H

#include "tests/support/command.h"
#include "tests/support/tensors.h"

#include <stdbool.h>

/* GPU=1 (make gpu-check): the same tests with programs that nvcc builds, on the GPU of this
 * machine. */
bool cuda_on_gpu(void);

/* LONG=1 (make check-long): all shapes, builds, strategies and architectures. */
bool cuda_is_long(void);

/* False, and a line that says so, where there is no simulator's build of that name. */
bool cuda_can_run(const char *build);

/* Fails the test with what the command said where it did not end well. */
void must_succeed(const CommandResult *result, const char *what);

/* scratch/FOLDER gets the program of a model for a target. */
void program_emit(const char *model, const char *options, const char *target, const char *folder);

/* FOLDER/BUILD.sim is the program, and FOLDER/NAME too, by the name that it has for users. */
void cuda_build(const char *build, const char *folder);

/* Builds the CPU program in its folder. */
void cpu_build(const char *folder);

/* Runs the simulated program with --dump into FOLDER/NAME.dump and --metrics into
 * FOLDER/NAME.jsonl. */
void cuda_run(const char *build, const char *folder, const char *environment, const char *options,
              const char *name);

/* The same for the CPU program of that name, into FOLDER/cpu.*, after building it. */
void cpu_run(const char *folder, const char *program, const char *options);

/* What a run dumped. */
TestTensors dump_of(const char *folder, const char *name);

/* The last number of that name in a run's metrics. */
double metric_of(const char *folder, const char *name, const char *key);

/* The largest difference of all tensors of two dumps, over each one's largest element; prints the
 * worst. On a GPU a hundredth of it: approximate functions, other orders of sums. */
double worst_difference(const TestTensors *a, const TestTensors *b, const char *what);

void expect_same_bits(const char *folder_a, const char *name_a, const char *folder_b,
                      const char *name_b);

#endif
