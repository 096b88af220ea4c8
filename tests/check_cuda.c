/* The kernels of emitted CUDA programs in the simulator of tests/cudasim: every row of the operator
 * table and random chains against the CPU target, in several orders of threads and streams, under
 * the exact checker and the sanitizers; indexes that pass 32 bits. LONG=1 (make check-long) takes
 * all shapes and builds. */
#include "base/base.h"
#include "graph/ops.h"
#include "tests/support/cuda.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *cuda_suite(void);

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
    program_emit(model, "", "cuda", "rows");
    program_emit(model, "", "cpu", "rows_cpu");
    cuda_build("plain", "rows");
    cuda_run("plain", "rows", "", "", "forward");
    cpu_run("rows_cpu", "rows", "");
    TestTensors cuda = dump_of("rows", "forward"), cpu = dump_of("rows_cpu", "cpu");
    ck_assert_double_le(worst_difference(&cpu, &cuda, what), tolerance);
    tensors_free(&cuda);
    tensors_free(&cpu);
    cuda_run("plain", "rows", "CUDASIM_ORDER=lifo CUDASIM_ASYNC=early", "", "lifo");
    expect_same_bits("rows", "forward", "rows", "lifo");
    cuda_run("plain", "rows", "CUDASIM_ORDER=random CUDASIM_ASYNC=random", "", "random");
    expect_same_bits("rows", "forward", "rows", "random");
}

START_TEST(every_row_as_on_the_cpu)
{
    if (cuda_can_run("plain") && (_i < N_SHORT || cuda_is_long()))
        compare_rows(sizes[_i].rows, sizes[_i].columns, "", 1e-5);
}
END_TEST

/* The rounding of bf16 is 2^-9 of a value; what one target rounds up the other may round down. */
START_TEST(every_row_in_bf16)
{
    if (cuda_can_run("plain") && (_i == 1 || cuda_is_long()))
        compare_rows(sizes[_i].rows, sizes[_i].columns, "precision = bf16", 0.03);
}
END_TEST

/* Products for which the library has no algorithm are computed by our own kernel: another order of
 * sums. */
START_TEST(products_without_the_library)
{
    if (cuda_on_gpu() || !cuda_can_run("plain"))
        return;
    char model[128];
    snprintf(model, sizeof model, "%s/rows.net", scratch_folder());
    write_model(model, sizes[0].rows, sizes[0].columns, "");
    program_emit(model, "", "cuda", "rows");
    cuda_build("plain", "rows");
    cuda_run("plain", "rows", "", "", "library");
    cuda_run("plain", "rows", "CUDASIM_LT=refuse CUDASIM_ORDER=lifo", "", "own");
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
    if (!cuda_can_run(builds[_i % 2]) || (!in_short && !cuda_is_long()))
        return;
    char model[128];
    snprintf(model, sizeof model, "%s/rows.net", scratch_folder());
    write_model(model, sizes[size].rows, sizes[size].columns, "");
    program_emit(model, "", "cuda", "rows");
    cuda_build(builds[_i % 2], "rows");
    cuda_run(builds[_i % 2], "rows", "", "", builds[_i % 2]);
}
END_TEST

/* An element outside of its tensor, within the arena: found by the program's own table of writes.
 */
START_TEST(a_write_beside_its_tensor_is_found)
{
    if (cuda_on_gpu() || !cuda_can_run("check"))
        return;
    char model[128];
    snprintf(model, sizeof model, "%s/rows.net", scratch_folder());
    write_model(model, sizes[0].rows, sizes[0].columns, "");
    program_emit(model, "", "cuda", "rows");
    must_succeed(
        run_shell("sed -i \"s|at >= n . words|at >= n * words + 9|; s|i = at . words|i = at / "
                  "words %% n|\" "
                  "%s/rows/embedding.cu",
                  scratch_folder()),
        "sed");
    cuda_build("check", "rows");
    const CommandResult *result = run_shell("%s/rows/check.sim --quiet", scratch_folder());
    ck_assert_int_eq(result->status, 86);
    ck_assert_ptr_nonnull(strstr(result->err, "cudasim: arena: "));
}
END_TEST

/* Indexes past 2^32, without the memory: a sample of blocks runs, among them the last, which must
 * write the last bytes. The same program with rows that start at 32 bits must be found out. */
START_TEST(indexes_pass_two_to_the_32)
{
    if (cuda_on_gpu() || !cuda_can_run("check"))
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
    program_emit(model, "", "cuda", "huge");
    cuda_build("check", "huge");
    must_succeed(run_shell("%s", command), "huge");
    must_succeed(run_shell("sed -i \"s|at = row . n1|at = (uint32_t)(row * n1)|\" %s/huge/huge.cu",
                           scratch_folder()),
                 "sed");
    cuda_build("check", "huge");
    ck_assert_int_eq(run_shell("%s", command)->status, 86);
}
END_TEST

Suite *cuda_suite(void)
{
    Suite *suite = suite_create("cuda");
    TCase *rows = tcase_create("rows"), *checker = tcase_create("checker");
    tcase_set_timeout(rows, 1200);
    tcase_set_timeout(checker, 1200);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, checker);
    tcase_add_loop_test(rows, every_row_as_on_the_cpu, 0, N_SIZES);
    tcase_add_loop_test(rows, every_row_in_bf16, 0, N_SIZES);
    tcase_add_test(rows, products_without_the_library);
    tcase_add_loop_test(checker, every_row_is_clean, 0, 2 * N_SIZES);
    tcase_add_test(checker, a_write_beside_its_tensor_is_found);
    tcase_add_test(checker, indexes_pass_two_to_the_32);
    return suite;
}
