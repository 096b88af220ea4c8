/* rematc plan: the plan in the form asked for, all strategies beside each other, the trade of
 * memory for time over many budgets, or the reason for one tensor. */
#include "commands.h"
#include "compile.h"

#include "base/size.h"
#include "plan/strategies/strategies.h"

#include <stdio.h>
#include <string.h>

/* Every strategy on its own terms; under the budget where there is one. */
static void put_comparison(const Compilation *model, Text *out)
{
    TableRow table[N_STRATEGIES];
    for (int i = 0; i < N_STRATEGIES; i++) {
        const char *name = strategies[i].name;
        table[i] =
            (TableRow){name, compile_plan(model, name, model->has_budget, model->budget_bytes)};
    }
    report_table_form(model->options->format)(out, table, N_STRATEGIES);
}

static void put_pareto(const Compilation *model, Text *out)
{
    const char *strategy = model->options->strategy ? model->strategy : "auto";
    int n = model->options->pareto;
    Compiled **compiled = compile_pareto(model, strategy, n);
    TableRow *table = NEW_N(out->arena, TableRow, n);
    for (int i = 0; i < n; i++)
        table[i] = (TableRow){arena_printf(out->arena, "%d", i + 1), compiled[i]};
    report_table_form(model->options->format)(out, table, n);
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
        put_comparison(model, &out);
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
        if (model->graph->tensors[i].class != CLASS_parameter ||
            model->graph->tensors[i].producer >= 0)
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
