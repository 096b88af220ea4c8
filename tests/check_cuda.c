/* Emitted CUDA programs in the simulator of tests/cudasim: every row of the operator table and
 * random chains against the CPU target; whole programs under every strategy, bit for bit; the order
 * of calls within a step; what is said where there is no GPU or too little memory. Set LONG=1 (make
 * check-long) for all shapes, builds and strategies. */
#include "graph/ops.h"
#include "tests/support/command.h"
#include "tests/support/tensors.h"

#include "base/base.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *cuda_suite(void);

/* GPU=1 (make gpu-check): the same tests with programs that nvcc builds, on the GPU of this
 * machine. */
static bool on_gpu(void)
{
    return getenv("GPU") != NULL;
}

static bool can_simulate(const char *build)
{
    char path[64];
    if (on_gpu())
        return strcmp(build, "plain") == 0;
    snprintf(path, sizeof path, "build/cudasim/%s/flags", build);
    if (access(path, R_OK) == 0)
        return true;
    say_skipped("the CUDA simulator's build '%s' needs g++ and clang++", build);
    return false;
}

static bool is_long(void)
{
    return getenv("LONG") != NULL;
}

/* ---- emitting, building, running
 * -------------------------------------------------------------------- */

static void must(const CommandResult *result, const char *what)
{
    ck_assert_msg(result->status == 0, "%s: exit %d\n%s%s", what, result->status, result->out,
                  result->err);
}

/* scratch/FOLDER gets the program for a target. */
static void emit(const char *model, const char *options, const char *target, const char *folder)
{
    must(run_shell("%s emit -q %s %s --target %s -o %s/%s", rematc_path(), model, options, target,
                   scratch_folder(), folder),
         "emit");
}

/* FOLDER/BUILD.sim is the program. */
static void build_simulated(const char *build, const char *folder)
{
    if (on_gpu()) {
        const char *s = scratch_folder();
        must(run_shell("make -s -C %s/%s ARCH=-arch=native && ln -sf $(sed -n \"s/^NAME *:= //p\" "
                       "%s/%s/Makefile) "
                       "%s/%s/%s.sim",
                       s, folder, s, folder, s, folder, build),
             "nvcc");
        return;
    }
    must(run_shell("tests/cudasim/build.sh %s %s/%s", build, scratch_folder(), folder), "build");
}

/* Runs the simulated program with --dump into FOLDER/NAME.dump and --metrics into
 * FOLDER/NAME.jsonl. */
static void run_simulated(const char *build, const char *folder, const char *environment,
                          const char *options, const char *name)
{
    const char *s = scratch_folder();
    must(run_shell("cd %s/%s && %s ./%s.sim --quiet %s --dump %s.dump --metrics %s.jsonl", s,
                   folder, environment, build, options, name, name),
         build);
}

static void run_on_cpu(const char *folder, const char *program, const char *options)
{
    const char *s = scratch_folder();
    must(
        run_shell(
            "cd %s/%s && make -s CFLAGS=-O1 && ./%s --quiet %s --dump cpu.dump --metrics cpu.jsonl",
            s, folder, program, options),
        "the CPU program");
}

static TestTensors dump_of(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s.dump", scratch_folder(), folder, name);
    return tensors_read(path);
}

/* The largest difference of all tensors, over each one's largest element; prints the worst. */
static double worst_difference(const TestTensors *a, const TestTensors *b, const char *what)
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
    return on_gpu() ? most / 100 : most; /* approximate functions, other orders of sums */
}

static void expect_same_bits(const char *folder_a, const char *name_a, const char *folder_b,
                             const char *name_b)
{
    TestTensors a = dump_of(folder_a, name_a), b = dump_of(folder_b, name_b);
    ck_assert_msg(tensors_same_bits(&a, &b), "%s/%s and %s/%s differ", folder_a, name_a, folder_b,
                  name_b);
    tensors_free(&a);
    tensors_free(&b);
}

/* ---- every row of the table, from text that the table's rows give
 * ------------------------------------- */

/* How each row that is no elementwise operator is called, on p [ROWS, COLUMNS]; $ is the row's
 * number. */
static const struct {
    OpKind op;
    const char *text;
} calls[] = {
    {OP_linear, "y$ = linear(p$, out = 7) as linear$"},
    {OP_matmul, "y$ = matmul(p$, q$, transpose_b = true)"},
    {OP_embedding, "y$ = embedding(ids, e$) * p$"},
    {OP_layer_norm, "y$ = layer_norm(p$) as norm$"},
    {OP_softmax, "y$ = (softmax(p$, mask = mask) + softmax(p$ - 1)) * COLUMNS"},
    {OP_reshape, "y$ = reshape(p$, [-1])"},
    {OP_transpose, "y$ = transpose(p$, 0, 1)"},
    {OP_permute, "y$ = permute(reshape(p$, [ROWS, COLUMNS / 2, 2]), [2, 0, 1])"},
    {OP_split, "a$, b$ = split(p$, parts = 2, axis = -1); y$ = a$ * exp(b$)"},
    {OP_concat, "y$ = concat(p$, q$, axis = 0)"},
    {OP_slice, "y$ = slice(p$, axis = 1, from = 1, to = COLUMNS)"},
    {OP_sum, "y$ = sum(p$, axis = 0) + sum(q$)"},
    {OP_mean, "y$ = mean(p$, axis = 1, keep = true) * mean(q$, axis = 0)"},
    {OP_max, "y$ = max(p$, axis = 1)"},
    {OP_cross_entropy, "y$ = cross_entropy(p$, labels, reduction = none)"},
    {OP_masked_mean, "y$ = masked_mean(p$, weight = mask)"},
};

/* Text with each $ replaced. */
static void print_numbered(FILE *out, const char *text, int number)
{
    for (; *text; text++)
        if (*text == '$')
            fprintf(out, "%d", number);
        else
            fputc(*text, out);
}

static const char *call_of(OpKind op)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].op == op)
            return calls[i].text;
    ck_abort_msg("the operator %s has no call in this test", op_row(op)->name);
}

static bool is_tested(OpKind op)
{
    const Operator *row = op_row(op);
    return row->group != OP_IS_KERNEL && !row->internal;
}

static void print_row(FILE *out, OpKind op)
{
    const Operator *row = op_row(op);
    if (row->group == OP_IS_OPERATOR) {
        print_numbered(out, call_of(op), (int)op);
        fputc('\n', out);
        return;
    }
    char text[80];
    /* The second operand is a row that is broadcast for every other operator. */
    snprintf(text, sizeof text, row->arity == 2 ? "y$ = %s(p$, %s)\n" : "y$ = %s(p$)\n", row->name,
             op % 2 ? "slice(q$, axis = 0, from = 0, to = 1)" : "q$");
    print_numbered(out, text, (int)op);
}

static bool uses(OpKind op, const char *name)
{
    const Operator *row = op_row(op);
    return row->group == OP_IS_ELEMENTWISE ? row->arity == 2 : strstr(call_of(op), name) != NULL;
}

/* A chain of random operators on [ROWS, COLUMNS]. */
static void print_chain(FILE *out, int number, uint32_t seed)
{
    static const char *const steps[] = {"gelu(%s)",       "tanh(%s)",
                                        "%s * c$",        "%s + mean(%s, axis = 1, keep = true)",
                                        "layer_norm(%s)", "dropout(%s, p = 0.3)",
                                        "softmax(%s)",    "%s - d$",
                                        "sigmoid(%s)",    "relu(%s - 0.1)",
                                        "square(%s)",     "maximum(%s, d$)"};
    char line[160];
    fprintf(out, "x%d = c%d\n", number, number);
    for (int i = 0; i < 8; i++) {
        seed = seed * 1664525u + 1013904223u;
        char step[96], x[16];
        snprintf(x, sizeof x, "x%d", number);
        const char *text = steps[(seed >> 16) % (sizeof steps / sizeof *steps)];
        const char *hole = strstr(text, "%s"), *other = strstr(hole + 2, "%s");
        snprintf(step, sizeof step, "%.*s%s%.*s%s%s", (int)(hole - text), text, x,
                 (int)(other ? other - hole - 2 : (int)strlen(hole + 2)), hole + 2, other ? x : "",
                 other ? other + 2 : "");
        snprintf(line, sizeof line, "x$ = %s\n", step);
        print_numbered(out, line, number);
    }
    print_numbered(out, "loss chain$ = sum(x$ * d$)\nz$ = x$\noutput z$\n", number);
}

enum { N_CHAINS = 3, CHAIN = 1000 };

static void print_parameters(FILE *out, OpKind op)
{
    print_numbered(out, "param p$ : f32[ROWS, COLUMNS] ~ uniform(0.3, 1.4)\n", (int)op);
    if (uses(op, "q$"))
        print_numbered(out, "param q$ : f32[ROWS, COLUMNS] ~ uniform(0.4, 1.5)\n", (int)op);
    if (op == OP_embedding)
        print_numbered(out, "param e$ : f32[9, COLUMNS] ~ normal(0, 1)\n", (int)op);
}

/* A model with all rows and some chains. */
static void write_model(const char *path, int rows, int columns, const char *precision)
{
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fprintf(out, "const ROWS = %d, COLUMNS = %d\nmodel Rows {\n", rows, columns);
    fprintf(out,
            "input ids : i32[ROWS]\ninput labels : i32[ROWS]\ninput mask : bool[ROWS, COLUMNS]\n");
    for (int op = 0; op < N_OPS; op++)
        if (is_tested((OpKind)op))
            print_parameters(out, (OpKind)op);
    for (int i = CHAIN; i < CHAIN + N_CHAINS; i++)
        print_numbered(out,
                       "param c$ : f32[ROWS, COLUMNS] ~ normal(0, 1)\nparam d$ : f32[COLUMNS] ~ "
                       "normal(0, 1)\n",
                       i);
    for (int op = 0; op < N_OPS; op++)
        if (is_tested((OpKind)op)) {
            print_row(out, (OpKind)op);
            print_numbered(out, "output y$\nloss l$ = sum(square(y$) * y$ * 0.3 + y$)\n", op);
        }
    for (int i = CHAIN; i < CHAIN + N_CHAINS; i++)
        print_chain(out, i, (uint32_t)(i + rows));
    fprintf(
        out,
        "}\ntrain {\ndata = synthetic(seed = 3)\noptimizer = adamw(lr = 1e-3)\nsteps = 2\n%s}\n",
        precision);
    ck_assert_int_eq(fclose(out), 0);
}

/* Not multiples of 4, of 32, of a block; one row; few columns; multiples of 16 bytes. */
static const struct {
    int rows, columns;
} sizes[] = {{33, 130}, {6, 36}, {1, 2}, {260, 2}, {3, 1032}};
enum { N_SIZES = sizeof sizes / sizeof *sizes, N_SHORT = 2 };

/* One program with all rows on both targets, and in three orders of threads and streams. */
static void compare_rows(int rows, int columns, const char *precision, double tolerance)
{
    char model[128], what[64];
    snprintf(model, sizeof model, "%s/rows.net", scratch_folder());
    write_model(model, rows, columns, precision);
    snprintf(what, sizeof what, "every operator, [%d, %d]%s%s", rows, columns,
             *precision ? ", " : "", precision);
    emit(model, "", "cuda", "rows");
    emit(model, "", "cpu", "rows_cpu");
    build_simulated("plain", "rows");
    run_simulated("plain", "rows", "", "", "forward");
    run_on_cpu("rows_cpu", "rows", "");
    TestTensors cuda = dump_of("rows", "forward"), cpu = dump_of("rows_cpu", "cpu");
    ck_assert_double_le(worst_difference(&cpu, &cuda, what), tolerance);
    tensors_free(&cuda);
    tensors_free(&cpu);
    run_simulated("plain", "rows", "CUDASIM_ORDER=lifo CUDASIM_ASYNC=early", "", "lifo");
    expect_same_bits("rows", "forward", "rows", "lifo");
    run_simulated("plain", "rows", "CUDASIM_ORDER=random CUDASIM_ASYNC=random", "", "random");
    expect_same_bits("rows", "forward", "rows", "random");
}

START_TEST(every_row_as_on_the_cpu)
{
    if (can_simulate("plain") && (_i < N_SHORT || is_long()))
        compare_rows(sizes[_i].rows, sizes[_i].columns, "", 1e-5);
}
END_TEST

/* The rounding of bf16 is 2^-9 of a value; what one target rounds up the other may round down. */
START_TEST(every_row_in_bf16)
{
    if (can_simulate("plain") && (_i == 1 || is_long()))
        compare_rows(sizes[_i].rows, sizes[_i].columns, "precision = bf16", 0.03);
}
END_TEST

/* Products for which the library has no algorithm are computed by our own kernel: another order of
 * sums. */
START_TEST(products_without_the_library)
{
    if (on_gpu() || !can_simulate("plain"))
        return;
    char model[128];
    snprintf(model, sizeof model, "%s/rows.net", scratch_folder());
    write_model(model, sizes[0].rows, sizes[0].columns, "");
    emit(model, "", "cuda", "rows");
    build_simulated("plain", "rows");
    run_simulated("plain", "rows", "", "", "library");
    run_simulated("plain", "rows", "CUDASIM_LT=refuse CUDASIM_ORDER=lifo", "", "own");
    TestTensors library = dump_of("rows", "library"), own = dump_of("rows", "own");
    ck_assert_double_le(worst_difference(&library, &own, "our own products"), 1e-5);
    tensors_free(&library);
    tensors_free(&own);
}
END_TEST

/* The exact checker and the sanitizers, over the same programs. */
START_TEST(every_row_is_clean)
{
    static const char *const builds[] = {"check", "sanitize"};
    const int size = _i / 2;
    const bool in_short = _i == 0; /* the checker on the first size */
    if (!can_simulate(builds[_i % 2]) || (!in_short && !is_long()))
        return;
    char model[128];
    snprintf(model, sizeof model, "%s/rows.net", scratch_folder());
    write_model(model, sizes[size].rows, sizes[size].columns, "");
    emit(model, "", "cuda", "rows");
    build_simulated(builds[_i % 2], "rows");
    run_simulated(builds[_i % 2], "rows", "", "", builds[_i % 2]);
}
END_TEST

/* An element outside of its tensor, within the arena: found by the program's own table of writes.
 */
START_TEST(a_write_beside_its_tensor_is_found)
{
    if (on_gpu() || !can_simulate("check"))
        return;
    char model[128];
    snprintf(model, sizeof model, "%s/rows.net", scratch_folder());
    write_model(model, sizes[0].rows, sizes[0].columns, "");
    emit(model, "", "cuda", "rows");
    must(run_shell("sed -i \"s|at >= n . words|at >= n * words + 9|; s|i = at . words|i = at / "
                   "words %% n|\" "
                   "%s/rows/embedding.cu",
                   scratch_folder()),
         "sed");
    build_simulated("check", "rows");
    const CommandResult *result = run_shell("%s/rows/check.sim --quiet", scratch_folder());
    ck_assert_int_eq(result->status, 86);
    ck_assert_ptr_nonnull(strstr(result->err, "cudasim: arena: "));
}
END_TEST

/* Indexes past 2^32, without the memory: a sample of blocks runs, among them the last, which must
 * write the last bytes. The same program with rows that start at 32 bits must be found out. */
START_TEST(indexes_pass_two_to_the_32)
{
    if (on_gpu() || !can_simulate("check"))
        return;
    char model[128], command[256];
    snprintf(model, sizeof model, "%s/huge.net", scratch_folder());
    FILE *out = fopen(model, "w");
    ck_assert_ptr_nonnull(out);
    fputs("model Huge {\nparam a : f32[120001, 1] ~ uniform(0.1, 1)\n"
          "param b : f32[40004] ~ uniform(0.1, 1)\ny = a * b\nz = tanh(y)\nloss sum(softmax(z) * "
          "y)\n}\n"
          "train { data = synthetic(seed = 1)\noptimizer = sgd(lr = 1e-3)\nsteps = 1 }\n",
          out);
    ck_assert_int_eq(fclose(out), 0);
    snprintf(command, sizeof command,
             "CUDASIM_SAMPLE=2 CUDASIM_MEMORY=400000000000 %s/huge/check.sim --quiet",
             scratch_folder());
    emit(model, "", "cuda", "huge");
    build_simulated("check", "huge");
    must(run_shell("%s", command), "huge");
    must(run_shell("sed -i \"s|at_y0 = row . n1|at_y0 = (uint32_t)(row * n1)|\" %s/huge/huge.cu",
                   scratch_folder()),
         "sed");
    build_simulated("check", "huge");
    ck_assert_int_eq(run_shell("%s", command)->status, 86);
}
END_TEST

/* ---- whole programs
 * --------------------------------------------------------------------------------- */

typedef struct {
    const char *model, *name, *options;
    bool synthetic; /* the data source is replaced */
    const char *precision;
    double tolerance; /* against the CPU, of a tensor's largest element; tenth of it for the loss */
} Program;

#define SMALL_BERT "-D layers=3 -D hidden=48 -D heads=4 -D ffn=80 -D vocab=101 -D seq=24 -D batch=3"
static const Program programs[] = {
    {"examples/tutorial/mlp.net", "mlp", "", false, "f32", 5e-5},
    {"examples/bert/bert.net", "bert", SMALL_BERT, true, "f32", 5e-5},
    {"examples/bert/bert.net", "bert16", SMALL_BERT, true, "bf16", 5e-3},
};

/* The model file: the example, or a copy of it that needs no files. */
static const char *model_of(const Program *program)
{
    static char path[128];
    if (!program->synthetic)
        return program->model;
    snprintf(path, sizeof path, "%s/%s.net", scratch_folder(), program->name);
    must(run_shell(
             "sed \"s/^ *data *=.*/    data = synthetic(seed = 1)\\n    precision = %s/\" %s > %s",
             program->precision, program->model, path),
         "sed");
    return path;
}

static double metric(const char *folder, const char *name, const char *key)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s.jsonl", scratch_folder(), folder, name);
    char *text = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(text);
    const double value = last_number(text, key);
    free(text);
    return value;
}

static double planned_peak(const char *folder, const char *program)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s.plan.json", scratch_folder(), folder, program);
    char *text = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(text);
    const char *at = strstr(text, "\"peak_bytes\"");
    ck_assert_ptr_nonnull(at);
    const double value = strtod(strchr(at, ':') + 1, NULL);
    free(text);
    return value;
}

/* Emits, builds and runs one program under options; its dump is FOLDER/run.dump. Peak measured =
 * planned, and nothing lies beyond it. */
static void run_program(const Program *program, const char *options, const char *folder)
{
    char all[256];
    snprintf(all, sizeof all, "%s %s", program->options, options);
    emit(model_of(program), all, "cuda", folder);
    build_simulated("plain", folder);
    run_simulated("plain", folder, "", "--steps 4", "run");
    const double planned = planned_peak(folder, program->name);
    ck_assert_double_eq(metric(folder, "run", "peak_bytes"), planned);
    ck_assert_double_le(metric(folder, "run", "arena_high_water_bytes"), planned);
}

/* Names of all strategies but `none`, from the command itself. */
static int list_strategies(char names[][32], int most)
{
    const CommandResult *result = run_shell("%s strategies", rematc_path());
    must(result, "strategies");
    int n = 0;
    for (const char *at = result->out; *at && n < most; at = strchr(at, '\n') + 1) {
        snprintf(names[n], 32, "%.*s", (int)strcspn(at, " \n"), at);
        n += strcmp(names[n], "none") != 0;
    }
    return n;
}

static bool is_short(const char *strategy)
{
    return strcmp(strategy, "marked") == 0 || strcmp(strategy, "auto") == 0;
}

START_TEST(strategies_change_no_bit)
{
    const Program *program = &programs[_i];
    char names[16][32];
    if (!can_simulate("plain") || (_i == 2 && !is_long()))
        return;
    run_program(program, "--strategy none", "none");
    const double most = planned_peak("none", program->name);
    const int n = list_strategies(names, 16);
    ck_assert_int_ge(n, 6);
    for (int i = 0; i < n; i++) {
        char options[96];
        if (!is_short(names[i]) && !is_long())
            continue;
        const bool wants_budget = strcmp(names[i], "auto") == 0;
        snprintf(options, sizeof options,
                 wants_budget ? "--strategy %s --budget %.0f" : "--strategy %s", names[i],
                 most * (program->synthetic ? 0.8 : 1));
        run_program(program, options, names[i]);
        expect_same_bits("none", "run", names[i], "run");
        printf("%s: %s has the bits of none; peak %.0f bytes, %.0f without recompute\n",
               program->name, names[i], planned_peak(names[i], program->name), most);
        ck_assert_double_le(planned_peak(names[i], program->name), most);
    }
}
END_TEST

START_TEST(programs_train_as_on_the_cpu)
{
    const Program *program = &programs[_i];
    if (!can_simulate("plain"))
        return;
    run_program(program, "--strategy none", "none");
    char all[256];
    snprintf(all, sizeof all, "%s --strategy none", program->options);
    emit(model_of(program), all, "cpu", "cpu");
    run_on_cpu("cpu", program->name, "--steps 4");
    TestTensors cuda = dump_of("none", "run"), cpu = dump_of("cpu", "cpu");
    ck_assert_double_le(worst_difference(&cpu, &cuda, program->name), program->tolerance);
    const double a = metric("none", "run", "loss"), b = metric("cpu", "cpu", "loss");
    ck_assert_msg(fabs(a - b) <= program->tolerance * (on_gpu() ? 1 : 0.1) * fabs(b),
                  "%s: loss %.9g, on the CPU %.9g", program->name, a, b);
    tensors_free(&cuda);
    tensors_free(&cpu);
}
END_TEST

/* ---- the shape of a step
 * ------------------------------------------------------------------------------ */

static int count_lines(const char *text, const char *end, const char *start)
{
    int n = 0;
    for (const char *at = text; at && at < end; at = strchr(at, '\n')) {
        at += *at == '\n';
        n += strncmp(at, start, strlen(start)) == 0;
    }
    return n;
}

/* From the third step on a step is one graph: uploads, events, one launch, results. Nothing is
 * allocated, no stream is waited for, and no algorithm is chosen. */
START_TEST(a_step_neither_waits_nor_allocates)
{
    const Program *program = &programs[_i];
    if (on_gpu() || !can_simulate("plain") || (_i == 2 && !is_long()))
        return;
    run_program(program, "--strategy marked", "marked");
    must(run_shell("cd %s/marked && CUDASIM_TRACE=trace ./plain.sim --quiet --steps 6",
                   scratch_folder()),
         "run");
    char path[128];
    snprintf(path, sizeof path, "%s/marked/trace", scratch_folder());
    char *trace = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(trace);
    char *captured = strstr(trace, "end capture"), *last = captured;
    ck_assert_ptr_nonnull(captured);
    for (char *at = captured; (at = strstr(at, "launch graph")); at++)
        last = at;
    static const char *const forbidden[] = {"malloc",
                                            "free",
                                            "synchronize stream",
                                            "synchronize device",
                                            "heuristic",
                                            "launch ",
                                            "matmul",
                                            "memset",
                                            "begin capt",
                                            "upload pageable",
                                            "download pageable"};
    char *first = strstr(captured, "launch graph");
    ck_assert_int_eq(count_lines(first, last + 1, "launch graph"), 5);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        const int found = count_lines(first, last, forbidden[i]);
        const int graphs =
            strcmp(forbidden[i], "launch ") == 0 ? count_lines(first, last, "launch graph") : 0;
        ck_assert_msg(found == graphs, "%d times '%s' between steps", found, forbidden[i]);
    }
    ck_assert_int_eq(count_lines(trace, last, "malloc "), 1);
    char *begun = strstr(trace, "upload");
    printf("%s: %d launches and %d products a step\n", program->name,
           count_lines(strstr(trace, "begin capture"), captured, "launch "),
           count_lines(strstr(trace, "begin capture"), captured, "matmul"));
    ck_assert_int_eq(count_lines(begun, last, "heuristic"), 0);
    free(trace);
}
END_TEST

/* ---- what goes wrong
 * ------------------------------------------------------------------------------------ */

static int n_lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

START_TEST(the_environment_falls_short)
{
    if (on_gpu() || !can_simulate("plain"))
        return;
    run_program(&programs[0], "--strategy none", "none");
    const char *s = scratch_folder();
    const CommandResult *result =
        run_shell("cd %s/none && CUDASIM_DRIVER=none ./plain.sim --steps 1", s);
    ck_assert_int_eq(result->status, 3);
    ck_assert_int_eq(n_lines(result->err), 1);
    ck_assert_ptr_nonnull(strstr(result->err, "no usable GPU"));
    result = run_shell("cd %s/none && CUDASIM_MEMORY=300000 ./plain.sim --steps 1", s);
    ck_assert_int_eq(result->status, 3);
    ck_assert_int_eq(n_lines(result->err), 1);
    ck_assert_ptr_nonnull(strstr(result->err, "300000"));
    ck_assert_ptr_nonnull(strstr(result->err, "--budget"));
}
END_TEST

/* Wrong files: the same message and status as the CPU program's. */
START_TEST(bad_input_is_said_alike)
{
    static const char *const options[] = {"--load nothing.safetensors", "--load bad.safetensors",
                                          "--steps x", "--resume nowhere"};
    if (!can_simulate("plain"))
        return;
    run_program(&programs[0], "--strategy none", "none");
    emit(programs[0].model, "--strategy none", "cpu", "cpu");
    const char *s = scratch_folder();
    must(run_shell("cd %s/cpu && make -s CFLAGS=-O1", s), "make");
    must(run_shell("printf garbage > %s/none/bad.safetensors; cp %s/none/bad.safetensors %s/cpu", s,
                   s, s),
         "files");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const CommandResult *result = run_shell("cd %s/none && ./plain.sim %s", s, options[i]);
        const int status = result->status;
        char *said = strdup(result->err);
        result = run_shell("cd %s/cpu && ./mlp %s", s, options[i]);
        ck_assert_int_eq(status, result->status);
        ck_assert_int_ne(status, 0);
        ck_assert_str_eq(said, result->err);
        free(said);
    }
}
END_TEST

START_TEST(a_resumed_run_is_the_same_run)
{
    if (!can_simulate("plain"))
        return;
    run_program(&programs[0], "--strategy none", "none");
    const char *s = scratch_folder();
    must(run_shell("cd %s/none && ./plain.sim --quiet --steps 2 --checkpoint-every 2 "
                   "--checkpoint-dir half",
                   s),
         "half");
    must(run_shell(
             "cd %s/none && ./plain.sim --quiet --steps 4 --resume half --dump again.dump --verify",
             s),
         "resume");
    expect_same_bits("none", "run", "none", "again");
}
END_TEST

/* ---- what nvcc says
 * ------------------------------------------------------------------------------------- */

static bool has_nvcc(void)
{
    if (run_shell("command -v nvcc")->status == 0)
        return true;
    say_skipped("no nvcc: registers, spills, occupancy and widths of loads are not looked at");
    return false;
}

/* No warning, no spill, no local memory, occupancy of half or more, loads of 16 bytes:
 * tests/cudasim/static.sh. */
START_TEST(nvcc_makes_good_code_of_it)
{
    const Program *program = &programs[_i];
    if (!has_nvcc() || (_i > 0 && !is_long()))
        return;
    /* At its full size: the kernels that a user gets. */
    emit(model_of(program), "", "cuda", "static");
    const char *archs = is_long() ? "80 75 86 89 90 100" : "80";
    const CommandResult *result =
        run_shell("tests/cudasim/static.sh %s/static %s", scratch_folder(), archs);
    must(result, "static.sh");
    printf("%s, sm_%s: %s", program->name, archs, result->out);
}
END_TEST

/* The real program, on a machine without a driver: one line, exit 3. */
START_TEST(the_real_program_says_that_there_is_no_gpu)
{
    if (!has_nvcc() || access("/dev/nvidia0", F_OK) == 0)
        return;
    emit(programs[0].model, "", "cuda", "real");
    const char *s = scratch_folder();
    must(run_shell("make -s -C %s/real ARCH=-arch=sm_80", s), "make");
    const CommandResult *result = run_shell("%s/real/mlp --steps 1", s);
    ck_assert_int_eq(result->status, 3);
    ck_assert_int_eq(n_lines(result->err), 1);
    ck_assert_ptr_nonnull(strstr(result->err, "no usable GPU"));
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 1200);
    suite_add_tcase(suite, tcase);
    return tcase;
}

Suite *cuda_suite(void)
{
    const int n_programs = (int)(sizeof programs / sizeof *programs);
    Suite *suite = suite_create("cuda");
    TCase *rows = add_case(suite, "rows"), *checker = add_case(suite, "checker");
    TCase *whole = add_case(suite, "programs"), *wrong = add_case(suite, "wrong");
    TCase *nvcc = add_case(suite, "nvcc");
    tcase_add_loop_test(rows, every_row_as_on_the_cpu, 0, N_SIZES);
    tcase_add_loop_test(rows, every_row_in_bf16, 0, N_SIZES);
    tcase_add_test(rows, products_without_the_library);
    tcase_add_loop_test(checker, every_row_is_clean, 0, 2 * N_SIZES);
    tcase_add_test(checker, a_write_beside_its_tensor_is_found);
    tcase_add_test(checker, indexes_pass_two_to_the_32);
    tcase_add_loop_test(whole, strategies_change_no_bit, 0, n_programs);
    tcase_add_loop_test(whole, programs_train_as_on_the_cpu, 0, n_programs);
    tcase_add_loop_test(whole, a_step_neither_waits_nor_allocates, 0, n_programs);
    tcase_add_test(whole, a_resumed_run_is_the_same_run);
    tcase_add_test(wrong, the_environment_falls_short);
    tcase_add_test(wrong, bad_input_is_said_alike);
    tcase_add_loop_test(nvcc, nvcc_makes_good_code_of_it, 0, n_programs);
    tcase_add_test(nvcc, the_real_program_says_that_there_is_no_gpu);
    return suite;
}
