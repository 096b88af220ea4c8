/* rematc fit: the largest value of a const with which the model fits the budget. */
#include "commands.h"
#include "compile.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

/* What one value of the const comes to. */
typedef struct {
    bool compiled; /* false: the model is wrong with this value */
    bool fits;
    size_t arena_bytes; /* the least that the strategy can do */
    int status;
} Trial;

static Trial try_value(const Options *options, int64_t value, bool silent)
{
    Arena *arena = arena_new();
    Options with = *options;
    Compilation model;
    Trial trial = {.status = EXIT_DONE};
    with.defines = NEW_N(arena, const char *, options->n_defines + 1);
    memcpy(with.defines, options->defines, (size_t)options->n_defines * sizeof *with.defines);
    with.defines[with.n_defines++] =
        arena_printf(arena, "%s=%lld", options->vary, (long long)value);
    with.silent = silent;
    trial.compiled = compile_problem(arena, &with, &model, &trial.status);
    if (trial.compiled) {
        const Compiled *plan = compile_plan(&model, model.strategy, true, options->budget_bytes);
        trial.fits = plan->solution->fits;
        trial.arena_bytes = trial.fits ? plan->layout->arena_bytes : plan->solution->smallest_bytes;
    }
    arena_free(arena);
    return trial;
}

/* What fit_search asks about; the last trial of each answer is kept to be told of. */
typedef struct {
    const Options *options;
    Trial best, next;
} Trials;

static bool fits(void *context, int64_t value)
{
    Trials *trials = context;
    Trial trial = try_value(trials->options, value, true);
    bool good = trial.compiled && trial.fits;
    *(good ? &trials->best : &trials->next) = trial;
    return good;
}

int fit_command(int argc, char **argv)
{
    Arena *arena = arena_new();
    Options options;
    int status;
    if (!options_parse(arena, COMMAND_FIT, argc, argv, &options, &status)) {
        arena_free(arena);
        return status;
    }
    Trials trials = {.options = &options, .best = try_value(&options, 1, false)};
    const Trial *best = &trials.best, *next = &trials.next;
    status = best->status;
    if (best->compiled && !best->fits) {
        fprintf(stderr,
                "%s: error: no plan fits %s (%zu bytes): the smallest possible budget is "
                "%zu bytes, with %s = 1\n",
                options.file, size_format(arena, options.budget_bytes), options.budget_bytes,
                best->arena_bytes, options.vary);
        status = EXIT_INPUT;
    } else if (best->compiled) {
        int n_tried;
        int64_t value = fit_search(fits, &trials, 2, INT32_MAX, &n_tried);
        printf("%s = %lld\n%s = %lld needs %zu bytes of %zu; ", options.vary, (long long)value,
               options.vary, (long long)value, best->arena_bytes, options.budget_bytes);
        if (next->compiled)
            printf("%s = %lld needs %zu\n", options.vary, (long long)value + 1, next->arena_bytes);
        else
            printf("the model is not sound with %s = %lld\n", options.vary, (long long)value + 1);
    }
    arena_free(arena);
    return status;
}
