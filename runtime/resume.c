/* Weights and checkpoints in files. A checkpoint holds all that the next step depends on: weights,
 * the optimizer's states, how many steps are done, and the seed. */
#include "rt_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void rt_weights_load(const char *path)
{
    RtArchive *archive = rt_safetensors_open(path);
    for (int i = 0; i < rt_program.n_parameters; i++) {
        const RtTensor *tensor = &rt_program.parameters[i].tensor;
        rt_device_put(tensor->offset, rt_safetensors_find(archive, tensor), tensor->bytes);
    }
    rt_safetensors_close(archive);
}

static RtSaved *list_tensors(bool states, int *n)
{
    RtSaved *saved = (RtSaved *)rt_alloc(
        (size_t)rt_program.n_parameters + (size_t)rt_program.n_states, sizeof *saved);
    *n = 0;
    for (int i = 0; i < rt_program.n_parameters; i++)
        saved[(*n)++].tensor = &rt_program.parameters[i].tensor;
    for (int i = 0; states && i < rt_program.n_states; i++)
        saved[(*n)++].tensor = &rt_program.states[i];
    return saved;
}

void rt_weights_save(const char *path)
{
    int n;
    RtSaved *saved = list_tensors(false, &n);
    const char *const meta[][2] = {{"model", rt_program.name}};
    rt_safetensors_write(path, saved, n, meta, 1);
    free(saved);
}

static const char *checkpoint_path(const char *directory)
{
    static char path[4096];
    const int n = snprintf(path, sizeof path, "%s/checkpoint.safetensors", directory);
    if (n < 0 || (size_t)n >= sizeof path)
        rt_fail(RT_EXIT_USAGE, "the name of the folder for checkpoints is too long");
    return path;
}

void rt_checkpoint_prepare(const char *directory)
{
    struct stat status;
    if (mkdir(directory, 0777) != 0 &&
        (errno != EEXIST || stat(directory, &status) != 0 || !S_ISDIR(status.st_mode)))
        rt_fail(RT_EXIT_ENVIRONMENT, "cannot make the folder '%s': %s", directory, strerror(errno));
}

void rt_checkpoint_write(const char *directory, int64_t steps, uint64_t seed)
{
    int n;
    char steps_text[32], seed_text[32];
    RtSaved *saved = list_tensors(true, &n);
    snprintf(steps_text, sizeof steps_text, "%lld", (long long)steps);
    snprintf(seed_text, sizeof seed_text, "%llu", (unsigned long long)seed);
    const char *const meta[][2] = {
        {"model", rt_program.name}, {"steps", steps_text}, {"seed", seed_text}};
    rt_safetensors_write(checkpoint_path(directory), saved, n, meta, 3);
    free(saved);
}

int64_t rt_checkpoint_read(const char *directory, uint64_t seed)
{
    const char *path = checkpoint_path(directory);
    RtArchive *archive = rt_safetensors_open(path);
    const char *steps_text = rt_safetensors_meta(archive, "steps");
    const char *seed_text = rt_safetensors_meta(archive, "seed");
    char *end = NULL;
    const long long steps = steps_text ? strtoll(steps_text, &end, 10) : -1;
    if (steps < 0 || steps > INT32_MAX || !end || *end || !seed_text)
        rt_fail(RT_EXIT_DATA, "%s: is no checkpoint: its metadata has no steps and seed", path);
    if (strtoull(seed_text, NULL, 10) != seed)
        rt_fail(RT_EXIT_DATA, "%s: was written with --seed %s", path, seed_text);
    int n;
    RtSaved *saved = list_tensors(true, &n);
    for (int i = 0; i < n; i++)
        rt_device_put(saved[i].tensor->offset, rt_safetensors_find(archive, saved[i].tensor),
                      saved[i].tensor->bytes);
    free(saved);
    rt_safetensors_close(archive);
    return steps;
}
