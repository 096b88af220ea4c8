/* rematc plan: the plan in the form asked for, all strategies beside each other, the trade of
 * memory for time over many budgets, or the reason for one tensor. */
#include "commands.h"
#include "compile.h"

#include "base/json.h"
#include "base/size.h"
#include "plan/strategies/strategies.h"

#include <stdio.h>
#include <string.h>

/* One line of --compare and --pareto. */
static void put_line(Text *out, const char *label, const Compiled *compiled)
{
    text_printf(out, "%-14s %14zu %10s %11.3f ms %8.2f %% %8.2f %%  %s\n", label,
                compiled->layout->arena_bytes,
                size_format(out->arena, compiled->layout->arena_bytes),
                1e3 * compiled->timeline->seconds, 100 * compiled->solution->overhead,
                100 * compiled->solution->overhead_lower_bound, compiled->plan->strategy);
}

static void put_heads(Text *out, const char *label)
{
    text_printf(out, "%-14s %14s %10s %14s %10s %10s  %s\n", label, "peak bytes", "", "step",
                "overhead", "at least", "strategy");
}

/* Every strategy on its own terms; under the budget where there is one. */
static void compare(const Compilation *model, Text *out)
{
    put_heads(out, "strategy");
    for (int i = 0; i < N_STRATEGIES; i++) {
        const Compiled *compiled =
            compile_plan(model, strategies[i].name, model->has_budget, model->budget_bytes);
        put_line(out, strategies[i].name, compiled);
        if (!compiled->solution->fits)
            text_printf(out, "%-14s (above the budget of %zu bytes)\n", "", model->budget_bytes);
    }
}

static void put_pareto(const Compilation *model, Text *out)
{
    const char *strategy = model->options->strategy ? model->strategy : "auto";
    int n = model->options->pareto;
    Compiled **compiled = compile_pareto(model, strategy, n);
    put_heads(out, "point");
    for (int i = 0; i < n; i++)
        put_line(out, arena_printf(out->arena, "%d", i + 1), compiled[i]);
}

static bool put_why(const Compilation *model, Text *out, const Compiled *compiled)
{
    if (report_why(out, compiled, model->options->why))
        return true;
    Nearest nearest = nearest_start(model->options->why);
    for (int i = 0; i < model->problem->n_values; i++)
        nearest_offer(&nearest, model->problem->values[i].name);
    fprintf(stderr, "rematc plan: error: no tensor is called '%s'%s\n", model->options->why,
            nearest_hint(model->arena, &nearest));
    return false;
}

static int show(const Compilation *model)
{
    const Options *options = model->options;
    Text out = text_new(model->arena);
    Compiled *compiled = NULL;
    int status = EXIT_DONE;
    if (options->compare)
        compare(model, &out);
    else if (options->pareto)
        put_pareto(model, &out);
    else if (!compile_asked(model, &compiled, &status))
        return status;
    else if (options->why && !put_why(model, &out, compiled))
        return EXIT_INPUT;
    else if (!options->why)
        report_form(options->format)(&out, compiled);
    write_result(model, &out);
    return EXIT_DONE;
}

int plan_command(int argc, char **argv)
{
    Arena *arena = arena_new();
    Options options;
    Compilation model;
    int status;
    if (options_parse(arena, COMMAND_PLAN, argc, argv, &options, &status) &&
        compile_problem(arena, &options, &model, &status))
        status = show(&model);
    arena_free(arena);
    return status;
}

static void say_sound(const Compilation *model)
{
    size_t bytes = 0, n = 0;
    for (int i = 0; i < model->graph->n_tensors; i++) {
        if (model->graph->tensors[i].class != CLASS_parameter)
            continue;
        n += (size_t)shape_count(&model->graph->tensors[i].shape);
        bytes += model->problem->values[i].bytes;
    }
    printf("%s: %s is sound: %zu parameters in %s\n", model->options->file, model->graph->name, n,
           size_format(model->arena, bytes));
}

int check_command(int argc, char **argv)
{
    Arena *arena = arena_new();
    Options options;
    Compilation model;
    int status;
    if (options_parse(arena, COMMAND_CHECK, argc, argv, &options, &status) &&
        compile_problem(arena, &options, &model, &status) && !options.quiet)
        say_sound(&model);
    arena_free(arena);
    return status;
}
