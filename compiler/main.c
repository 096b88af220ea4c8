/* The pipeline: what happens to a model, in this order and nowhere else. A pass is one function in
 * one file; the checkers (graph_verify, the simulation, layout_verify) run always. */
#include "compile.h"

#include "base/output.h"
#include "base/size.h"
#include "commands.h"
#include "elaborate/check.h"
#include "elaborate/expand.h"
#include "emit/emit.h"
#include "emit/workspace.h"
#include "grammar/parse.h"
#include "graph/differentiate.h"
#include "graph/fuse.h"
#include "plan/measure.h"
#include "plan/search.h"
#include "progress.h"
#include "source.h"

#include <stdio.h>
#include <string.h>

/* -d STAGE: true where this is the stage to print; the run then ends. */
static bool dumps(const Options *options, const char *stage)
{
    return options->dump && strcmp(options->dump, stage) == 0;
}

static const Graph *verified(Arena *arena, const Graph *graph, const char *pass)
{
    const char *error = graph_verify(arena, graph);
    if (error)
        bug("%s made a wrong graph: %s", pass, error);
    return graph;
}

/* Each stage hands its value to the next; a stage that reported errors is the last. */
static bool run_front(Compilation *model, Text *dump)
{
    Arena *arena = model->arena;
    const Options *options = model->options;
    Diag *diag = model->diag;
    const Ast *ast = parse_source(arena, diag);
    if (diag_errors(diag))
        return false;
    if (dumps(options, "parse"))
        return ast_print(dump, ast), true;
    check_ast(arena, ast, diag);
    const Consts *consts =
        consts_resolve(arena, ast, source_overrides(arena, options), options->n_defines, diag);
    if (diag_errors(diag))
        return false;
    const Graph *expanded = expand(arena, ast, consts, diag);
    if (diag_errors(diag))
        return false;
    verified(arena, expanded, "expand");
    if (dumps(options, "expand"))
        return graph_print(dump, expanded), true;
    const Graph *fused = verified(arena, graph_fuse(arena, expanded), "fuse");
    if (dumps(options, "fuse"))
        return graph_print(dump, fused), true;
    model->graph = graph_differentiate(arena, fused, diag);
    if (diag_errors(diag))
        return false;
    verified(arena, model->graph, "differentiate");
    if (dumps(options, "differentiate"))
        return graph_print(dump, model->graph), true;
    size_t alignment = options->alignment ? options->alignment : model->target->alignment;
    Problem *problem = measure(arena, model->graph, model->device, alignment, diag);
    if (model->target->lanes)
        workspace_add(problem, model->graph);
    if (options->profile && !source_profile(model, problem))
        return false;
    model->problem = problem;
    if (dumps(options, "measure"))
        problem_print(dump, model->problem);
    return true;
}

static PlanOptions plan_options(const Compilation *model, bool has_budget, size_t budget_bytes)
{
    return (PlanOptions){.has_budget = has_budget,
                         .budget_bytes = budget_bytes,
                         .seed = model->options->seed,
                         .effort = model->options->plan_seconds};
}

static Compiled *compiled_from(const Compilation *model, const Solution *solution, bool has_budget,
                               size_t budget_bytes)
{
    Compiled *compiled = NEW(model->arena, Compiled);
    *compiled = (Compiled){.diag = model->diag,
                           .name = model->name,
                           .target = model->target->name,
                           .device = model->device->name,
                           .has_budget = has_budget,
                           .budget_bytes = budget_bytes,
                           .graph = model->graph,
                           .problem = model->problem,
                           .solution = solution,
                           .plan = solution->plan,
                           .timeline = &solution->timeline,
                           .layout = &solution->layout};
    return compiled;
}

Compiled *compile_plan(const Compilation *model, const char *strategy, bool has_budget,
                       size_t budget_bytes)
{
    PlanOptions options = plan_options(model, has_budget, budget_bytes);
    Solution *solution = NEW(model->arena, Solution);
    progress_attach(model->options, &options);
    *solution = plan_search(model->arena, model->problem, strategy_find(strategy), &options);
    progress_detach();
    return compiled_from(model, solution, has_budget, budget_bytes);
}

Compiled **compile_pareto(const Compilation *model, const char *strategy, int n)
{
    PlanOptions options = plan_options(model, true, 0);
    progress_attach(model->options, &options);
    const Solution *solutions =
        plan_pareto(model->arena, model->problem, strategy_find(strategy), &options, n);
    progress_detach();
    Compiled **compiled = NEW_N(model->arena, Compiled *, n);
    for (int i = 0; i < n; i++)
        compiled[i] = compiled_from(model, &solutions[i], true, solutions[i].layout.arena_bytes);
    return compiled;
}

/* Who plans: what the user names, else auto under a budget, else the marks, else nobody. */
static void choose_strategy(Compilation *model)
{
    const Train *train = &model->graph->train;
    const Options *options = model->options;
    model->has_budget = options->has_budget || (train->has_budget && !options->lift_budget);
    model->budget_bytes = options->has_budget ? options->budget_bytes : train->budget_bytes;
    bool marked = false;
    for (int i = 0; i < model->problem->n_instances; i++)
        marked = marked || model->problem->instances[i].checkpoint;
    model->strategy = options->strategy   ? options->strategy
                      : model->has_budget ? "auto"
                      : marked            ? "marked"
                                          : "none";
}

bool compile_problem(Arena *arena, const Options *options, Compilation *model, int *status)
{
    *model = (Compilation){.arena = arena, .options = options};
    Text dump = text_new(arena);
    *status = source_open(model);
    if (*status != EXIT_DONE)
        return false;
    bool good = run_front(model, &dump);
    diag_finish(model->diag);
    *status = good ? EXIT_DONE : EXIT_INPUT;
    if (dump.n)
        fwrite(dump.data, 1, dump.n, stdout);
    if (!good || dump.n)
        return false;
    choose_strategy(model);
    return true;
}

static void warn_of_marks(const Compilation *model, const Plan *plan)
{
    for (int i = 0; i < plan->n_useless_marks; i++) {
        const UselessMark *mark = &plan->useless_marks[i];
        const Instance *instance = &model->graph->instances[mark->instance];
        diag_warning(model->diag, instance->span,
                     "checkpointing %s saves nothing: the %zu bytes that it drops are not there at "
                     "the peak",
                     instance->path, mark->bytes);
    }
}

/* The line that scripts read, and what binds. */
static void refuse(const Compilation *model, const Compiled *smallest)
{
    const Timeline *timeline = smallest->timeline;
    const ProblemNode *node = &model->problem->nodes[smallest->plan->sequence[timeline->peak_step]];
    const char *file = diag_source(model->diag)->name;
    fprintf(stderr,
            "%s: error: no plan fits %s (%zu bytes): the smallest possible budget is %zu bytes\n",
            file, size_format(model->arena, model->budget_bytes), model->budget_bytes,
            smallest->solution->smallest_bytes);
    fprintf(stderr, "%s: note: it is bound by step %d, %s %s (%s), where these are live:\n", file,
            timeline->peak_step, phase_name(node->phase), node->name, node->op);
    Text live = text_new(model->arena);
    report_live(&live, smallest);
    fwrite(live.data, 1, live.n, stderr);
}

bool compile_asked(const Compilation *model, Compiled **compiled, int *status)
{
    *compiled = compile_plan(model, model->strategy, model->has_budget, model->budget_bytes);
    *status = EXIT_DONE;
    if (!(*compiled)->solution->fits) {
        refuse(model, *compiled);
        *status = EXIT_INPUT;
        return false;
    }
    if (!model->options->quiet)
        warn_of_marks(model, (*compiled)->plan);
    Text dump = text_new(model->arena);
    if (dumps(model->options, "plan"))
        plan_print(&dump, model->problem, (*compiled)->plan);
    if (dumps(model->options, "layout"))
        report_layout(&dump, *compiled);
    if (dump.n)
        fwrite(dump.data, 1, dump.n, stdout);
    return dump.n == 0;
}

/* The seconds of the plan's steps by the clock. */
static double foretold_seconds(const Compilation *model, const Compiled *compiled)
{
    if (!model->clock || model->clock == model->device)
        return compiled->timeline->seconds;
    const Problem *timed =
        measure(model->arena, model->graph, model->clock, model->problem->alignment, model->diag);
    double seconds = 0;
    for (int i = 0; i < compiled->plan->n_steps; i++)
        seconds += timed->nodes[compiled->plan->sequence[i]].seconds;
    return seconds;
}

/* The file is not named by its path, so that the program does not depend on where it was. */
static const char *timed_by(const Compilation *model)
{
    const char *device = (model->clock ? model->clock : model->device)->name;
    const char *slash = strrchr(device, '/');
    return model->options->profile ? "the profile" : slash ? slash + 1 : device;
}

Emission compile_emission(const Compilation *model, const Compiled *compiled)
{
    return (Emission){.graph = model->graph,
                      .problem = model->problem,
                      .plan = compiled->plan,
                      .timeline = compiled->timeline,
                      .layout = compiled->layout,
                      .target = model->target,
                      .name = model->name,
                      .has_budget = compiled->has_budget,
                      .budget_bytes = compiled->budget_bytes,
                      .keep_all_peak_bytes = compiled->solution->keep_all_bytes,
                      .step_seconds = foretold_seconds(model, compiled),
                      .timed_by = timed_by(model)};
}

void compile_program(const Compilation *model, const Compiled *compiled, const char *directory)
{
    Arena *arena = model->arena;
    Emission emission = compile_emission(model, compiled);
    emit_program(arena, &emission, directory);
    Text json = text_new(arena);
    report_json(&json, compiled);
    Output output =
        output_open(arena, arena_printf(arena, "%s/%s.plan.json", directory, model->name));
    fwrite(json.data, 1, json.n, output.stream);
    output_commit(&output);
}

void write_result(const Compilation *model, const Text *text)
{
    if (!model->options->output) {
        fwrite(text->data, 1, text->n, stdout);
        if (fflush(stdout) != 0)
            fatal("cannot write to standard output:");
        return;
    }
    Output output = output_open(model->arena, model->options->output);
    fwrite(text->data, 1, text->n, output.stream);
    output_commit(&output);
}

typedef struct {
    const char *name;
    CommandRun *run;
    const char *help;
} Command;

static const Command commands[] = {
    {"check", check_command, "parse and check a model only"},
    {"plan", plan_command, "solve and show the plan"},
    {"emit", emit_command, "write the standalone training program"},
    {"build", build_command, "write it and compile it"},
    {"run", run_command, "build in a cache and train now"},
    {"fit", fit_command, "the largest batch, or other const, that fits a budget"},
    {"diff", diff_command, "what changed between two plans; exit status 1 if the peak grew"},
    {"solve", solve_command, "a raw recompute instance (.g in, JSON out)"},
    {"pack", pack_command, "offsets for a raw packing instance (CSV in, JSON out)"},
    {"data", data_command, "vocabularies and token files from text"},
    {"ops", ops_command, "the operators"},
    {"strategies", strategies_command, "the ways to plan"},
    {"targets", targets_command, "what programs are written for"},
    {"devices", devices_command, "the time models"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *out)
{
    fputs("usage: rematc COMMAND ...; rematc COMMAND --help says more\n\n", out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
}

static int unknown_command(const char *name)
{
    Arena *arena = arena_new();
    Nearest nearest = nearest_start(name);
    for (int i = 0; i < N_COMMANDS; i++)
        nearest_offer(&nearest, commands[i].name);
    fprintf(stderr, "rematc: error: there is no command '%s'%s\n", name,
            nearest_hint(arena, &nearest));
    arena_free(arena);
    print_usage(stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("rematc " REMATC_VERSION);
        return EXIT_DONE;
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown_command(argv[1]);
}
