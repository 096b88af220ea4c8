/* Emitted programs against the interpreter: every kernel computes, on odd shapes, what the graph
 * says in double precision; and the emitted C is clean under both compilers' warnings. */
#include "compile.h"

#include "graph/step.h"
#include "tests/support/command.h"
#include "tests/support/interpreter.h"
#include "tests/support/weights.h"

#include <check.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *emit_suite(void);

/* Differences allowed, of the largest element of a tensor. */
static const struct {
    const char *name;
    double limit;
} precisions[] = {{"f64", 1e-11}, {"f32", 2e-5}};
enum { N_PRECISIONS = sizeof precisions / sizeof precisions[0] };

static glob_t cases;

/* ---- models ---------------------------------------------------------------------------------- */

/* A model of every elementwise operator that the table has, on operands that broadcast both ways.
 */
static void write_elementwise(const char *path)
{
    FILE *out = fopen(path, "w");
    ck_assert(out != NULL);
    fprintf(out, "model Elementwise {\n    input x : f32[5, 4, 37]\n"
                 "    param a : f32[5, 1, 37] ~ uniform(0.3, 1.7)\n"
                 "    param b : f32[4, 1] ~ uniform(0.4, 1.6)\n");
    for (int op = 0; op < N_OPS; op++) {
        const Operator *row = op_row((OpKind)op);
        if (row->group != OP_IS_ELEMENTWISE || row->internal ||
            (row->names[PART_VALUE] & (NAMES_U | NAMES_P)))
            continue;
        fprintf(out, "    %s_ = %s(%s)\n    output %s_\n    loss %s_loss = mean(%s_ * x)\n",
                row->name, row->name, row->arity == 2 ? "a, b" : "a - b * 0.1", row->name,
                row->name, row->name);
    }
    fprintf(out, "    loss all = mean(square(b))\n}\ntrain {\n    precision = f32\n"
                 "    data = synthetic(seed = 3)\n"
                 "    optimizer = sgd(lr = 0.1, momentum = 0.9, nesterov = true)\n"
                 "    steps = 1\n}\n");
    fclose(out);
}

/* Case i, in the precision wanted, as scratch/model.net; the last case is made from the table. */
static const char *model_of(int number, const char *precision)
{
    static char path[256];
    const char *scratch = scratch_folder();
    snprintf(path, sizeof path, "%s/model.net", scratch);
    char source[256];
    snprintf(source, sizeof source, "%s/elementwise.net", scratch);
    if (number == (int)cases.gl_pathc)
        write_elementwise(source);
    const CommandResult *result =
        run_shell("sed \"s/precision = f32/precision = %s/\" %s > %s", precision,
                  number < (int)cases.gl_pathc ? cases.gl_pathv[number] : source, path);
    ck_assert_int_eq(result->status, 0);
    return path;
}

/* ---- the oracle ------------------------------------------------------------------------------ */

static Graph *graph_of(Arena *arena, const char *path)
{
    Options options = {.command = COMMAND_EMIT, .file = path, .target = "cpu", .quiet = true};
    Compilation model;
    int status;
    ck_assert(compile_problem(arena, &options, &model, &status));
    Graph *copy = NEW(arena, Graph);
    *copy = *model.graph;
    return copy;
}

/* The step's numbers before the first step. */
static void set_step(const Graph *graph, double *values)
{
    for (int g = 0; g < graph->train.n_groups; g++) {
        const Hyper *h = &graph->train.groups[g].hyper;
        values[step_slot(g, STEP_RATE)] = h->lr;
        values[step_slot(g, STEP_CORRECTION1)] = 1 / (1 - h->beta1);
        values[step_slot(g, STEP_CORRECTION2)] = 1 / (1 - h->beta2);
    }
}

static void set_from(const Machine *machine, const Weights *weights, int tensor)
{
    int64_t n;
    double *values = weights_get(weights, machine->graph->tensors[tensor].name, &n);
    ck_assert_msg(values != NULL, "there is no '%s'", machine->graph->tensors[tensor].name);
    memcpy(machine->values[tensor], values, (size_t)n * sizeof *values);
    free(values);
}

static Machine run_oracle(Arena *arena, const Graph *graph, const Weights *start,
                          const Weights *dump)
{
    Machine machine = machine_new(arena, graph);
    for (int t = 0; t < graph->n_tensors; t++)
        if (graph->tensors[t].class == CLASS_parameter && graph->tensors[t].producer < 0)
            set_from(&machine, start, t);
    for (int i = 0; i < graph->n_inputs; i++)
        set_from(&machine, dump, graph->inputs[i]);
    set_step(graph, machine.values[graph->step]);
    machine_run(&machine);
    return machine;
}

/* ---- comparing ----------------------------------------------------------------------------------
 */

/* What the oracle calls a tensor of the dump: a parameter's new value, a gradient, an output. */
static int oracle_tensor(const Machine *machine, const char *name)
{
    const Graph *graph = machine->graph;
    for (int i = 0; i < graph->n_outputs; i++)
        if (strcmp(graph->outputs[i].name, name) == 0)
            return graph->outputs[i].tensor;
    char renewed[256];
    snprintf(renewed, sizeof renewed, "%s.new", name);
    const int found = machine_find(machine, renewed);
    return found >= 0 ? found : machine_find(machine, name);
}

static void compare(const Machine *machine, const Weights *dump, const char *name, double limit)
{
    int64_t n;
    double *ours = weights_get(dump, name, &n);
    const int tensor = oracle_tensor(machine, name);
    ck_assert_msg(tensor >= 0, "the oracle has no '%s'", name);
    const double *theirs = machine->values[tensor];
    double largest = 1e-6, worst = 0;
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(theirs[i]));
        worst = fmax(worst, fabs(ours[i] - theirs[i]));
        ck_assert_msg(!isnan(ours[i]), "%s[%lld] is not a number", name, (long long)i);
    }
    ck_assert_msg(worst <= limit * largest, "%s differs by %g of %g", name, worst, largest);
    free(ours);
}

START_TEST(every_kernel_computes_what_the_graph_says)
{
    const char *scratch = scratch_folder();
    const double limit = precisions[_i % N_PRECISIONS].limit;
    const char *path = model_of(_i / N_PRECISIONS, precisions[_i % N_PRECISIONS].name);
    const CommandResult *result = run_shell(
        "rm -rf %s/out && CFLAGS=\"-O2 -march=native\" %s build %s -q --target cpu -o %s/out && "
        "%s/out/model --quiet --steps 0 --save %s/start.st && "
        "%s/out/model --quiet --steps 1 --dump %s/dump.st",
        scratch, rematc_path(), path, scratch, scratch, scratch, scratch, scratch);
    ck_assert_msg(result->status == 0, "%s%s", result->out, result->err);
    char file[256];
    snprintf(file, sizeof file, "%s/start.st", scratch);
    Weights *start = weights_open(file);
    snprintf(file, sizeof file, "%s/dump.st", scratch);
    Weights *dump = weights_open(file);
    ck_assert(start && dump);
    Arena *arena = arena_new();
    const Machine machine = run_oracle(arena, graph_of(arena, path), start, dump);
    int compared = 0;
    for (const char *name; (name = weights_name(dump, compared)); compared++)
        compare(&machine, dump, name, limit);
    ck_assert_int_gt(compared, 8);
    arena_free(arena);
    weights_close(start);
    weights_close(dump);
}
END_TEST

/* ---- warnings
 * ------------------------------------------------------------------------------------ */

/* But for what clang says of loops that it left as they are: that is no fault of the text. */
START_TEST(emitted_code_compiles_without_warnings)
{
    static const char *const compilers[] = {"gcc", "clang"};
    const char *scratch = scratch_folder();
    for (int precision = 0; precision < N_PRECISIONS; precision++) {
        const char *path = model_of(_i, precisions[precision].name);
        for (int i = 0; i < 2; i++) {
            const CommandResult *result = run_shell(
                "rm -rf %s/out && %s emit %s -q --target cpu -o %s/out && cd %s/out && "
                "for f in *.c; do %s -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp -O1 -Wall "
                "-Wextra -Wpedantic -Werror -Wno-pass-failed -c $f -o /dev/null || exit 1; done",
                scratch, rematc_path(), path, scratch, scratch, compilers[i]);
            ck_assert_msg(result->status == 0, "%s: %s", compilers[i], result->err);
        }
    }
}
END_TEST

Suite *emit_suite(void)
{
    Suite *suite = suite_create("emit");
    TCase *tcase = tcase_create("emit");
    glob("tests/cases/kernels/*.net", 0, NULL, &cases);
    tcase_set_timeout(tcase, 600);
    tcase_add_loop_test(tcase, every_kernel_computes_what_the_graph_says, 0,
                        N_PRECISIONS * ((int)cases.gl_pathc + 1));
    tcase_add_loop_test(tcase, emitted_code_compiles_without_warnings, 0, (int)cases.gl_pathc + 1);
    suite_add_tcase(suite, tcase);
    return suite;
}
