/* Emitted CUDA programs in the scratch folder: written, built, run, compared. */
#include "tests/support/cuda.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cuda_on_gpu(void)
{
    return getenv("GPU") != NULL;
}

bool cuda_is_long(void)
{
    return getenv("LONG") != NULL;
}

bool cuda_can_run(const char *build)
{
    char path[64];
    if (cuda_on_gpu())
        return strcmp(build, "plain") == 0;
    snprintf(path, sizeof path, "build/cudasim/%s/flags", build);
    if (access(path, R_OK) == 0)
        return true;
    say_skipped("the CUDA simulator's build '%s' needs g++ and clang++", build);
    return false;
}

void must_succeed(const CommandResult *result, const char *what)
{
    ck_assert_msg(result->status == 0, "%s: exit %d\n%s%s", what, result->status, result->out,
                  result->err);
}

/* ---- emitting, building, running
 * -------------------------------------------------------------------- */

void program_emit(const char *model, const char *options, const char *target, const char *folder)
{
    must_succeed(run_shell("%s emit -q %s %s --target %s -o %s/%s", rematc_path(), model, options,
                           target, scratch_folder(), folder),
                 "emit");
}

void cuda_build(const char *build, const char *folder)
{
    const char *s = scratch_folder();
    if (cuda_on_gpu())
        must_succeed(run_shell("make -s -C %s/%s ARCH=-arch=native && "
                               "ln -sf $(sed -n \"s/^NAME *:= //p\" %s/%s/Makefile) %s/%s/%s.sim",
                               s, folder, s, folder, s, folder, build),
                     "nvcc");
    else
        must_succeed(run_shell("tests/cudasim/build.sh %s %s/%s && ln -sf %s.sim "
                               "%s/%s/$(sed -n \"s/^NAME *:= //p\" %s/%s/Makefile)",
                               build, s, folder, build, s, folder, s, folder),
                     "build");
}

void cpu_build(const char *folder)
{
    must_succeed(run_shell("make -s -C %s/%s CFLAGS=-O0", scratch_folder(), folder), "make");
}

void cuda_run(const char *build, const char *folder, const char *environment, const char *options,
              const char *name)
{
    const char *s = scratch_folder();
    must_succeed(run_shell("cd %s/%s && %s ./%s.sim --quiet %s --dump %s.dump --metrics %s.jsonl",
                           s, folder, environment, build, options, name, name),
                 build);
}

void cpu_run(const char *folder, const char *program, const char *options)
{
    cpu_build(folder);
    must_succeed(run_shell("cd %s/%s && ./%s --quiet %s --dump cpu.dump --metrics cpu.jsonl",
                           scratch_folder(), folder, program, options),
                 "the CPU program");
}

/* ---- looking at what came out
 * ----------------------------------------------------------------------- */

TestTensors dump_of(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s.dump", scratch_folder(), folder, name);
    return tensors_read(path);
}

double metric_of(const char *folder, const char *name, const char *key)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s.jsonl", scratch_folder(), folder, name);
    char *text = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(text);
    const double value = last_number(text, key);
    free(text);
    return value;
}

double worst_difference(const TestTensors *a, const TestTensors *b, const char *what)
{
    double most = 0;
    const char *where = "";
    ck_assert_int_eq(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        const TestTensor *other = tensors_find(b, a->list[i].name);
        ck_assert_msg(other, "%s: %s is in one dump only", what, a->list[i].name);
        const double d = tensors_difference(&a->list[i], other);
        ck_assert_msg(!isnan(d), "%s: %s has a NaN or another kind", what, a->list[i].name);
        where = d > most ? a->list[i].name : where;
        most = d > most ? d : most;
    }
    fflush(stdout);
    printf("%s: CUDA against CPU: at most %.1e of a tensor's largest element (%s)\n", what, most,
           where);
    return cuda_on_gpu() ? most / 100 : most;
}

void expect_same_bits(const char *folder_a, const char *name_a, const char *folder_b,
                      const char *name_b)
{
    TestTensors a = dump_of(folder_a, name_a), b = dump_of(folder_b, name_b);
    ck_assert_msg(tensors_same_bits(&a, &b), "%s/%s and %s/%s differ", folder_a, name_a, folder_b,
                  name_b);
    tensors_free(&a);
    tensors_free(&b);
}
