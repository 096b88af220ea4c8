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
    {OP_permute, "y$ = permute(reshape(concat(p$, q$, axis = 1), [ROWS, COLUMNS, 2]), [2, 0, 1])"},
    {OP_split, "a$, b$ = split(concat(p$, q$, axis = 1), parts = 2, axis = -1); y$ = a$ * exp(b$)"},
    {OP_concat, "y$ = concat(p$, q$, axis = 0)"},
    {OP_slice, "y$ = slice(concat(p$, q$, axis = 1), axis = 1, from = 1, to = COLUMNS + 1)"},
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

#define BF16 "precision = bf16"

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

/* No multiples of 4, 32 or a block; one row, one column; rows that are a block and one more; whole
 * blocks, so that no last one is left over; long rows. A norm over two columns magnifies what its
 * sums round. */
static const struct {
    int rows, columns;
    double tolerance;     /* against the CPU, of a tensor's largest element */
    const char *clean_in; /* precision under the checker and the sanitizers */
} sizes[] = {{33, 130, 1e-5, ""}, {257, 1, 1e-5, BF16}, {1, 35, 1e-5, ""},  {8, 128, 1e-5, BF16},
             {260, 2, 1e-4, ""},  {5, 129, 1e-5, BF16}, {3, 1032, 1e-5, ""}};
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
        compare_rows(sizes[_i].rows, sizes[_i].columns, "", sizes[_i].tolerance);
}
END_TEST

/* The rounding of bf16 is 2^-9 of a value; what one target rounds up the other may round down. */
START_TEST(every_row_in_bf16)
{
    if (cuda_can_run("plain") && (_i == 1 || cuda_is_long()))
        compare_rows(sizes[_i].rows, sizes[_i].columns, BF16, 0.03);
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
    write_model(model, sizes[size].rows, sizes[size].columns, sizes[size].clean_in);
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

/* ---- indexes past 2^32, without the memory
 * ------------------------------------------------------------ */

/* Tensors of 4.6 to 4.8 thousand million elements. Of each launch a sample of blocks runs, among
 * them the last, which must write and read the last bytes. */
static const char *const huge[] = {
    "param a : f32[120001, 1] ~ uniform(0.1, 1)\nparam b : f32[40004] ~ uniform(0.1, 1)\n"
    "y = a * b\nz = tanh(y)\nloss sum(softmax(z) * y)",
    "param a : f32[120001, 3] ~ uniform(0.1, 1)\nparam b : f32[3, 40004] ~ uniform(0.1, 1)\n"
    "param c : f32[120001] ~ uniform(0.1, 1)\ny = dropout(matmul(a, b), p = 0.5)\n"
    "t = transpose(y, 0, 1)\nloss sum(tanh(t) * c)",
    "input ids : i32[70001]\nparam e : f32[3, 65541] ~ uniform(0.1, 1)\n"
    "loss sum(square(embedding(ids, e)))",
};
enum { N_HUGE = sizeof huge / sizeof *huge };

static void emit_huge(int model)
{
    char path[128];
    snprintf(path, sizeof path, "%s/huge.net", scratch_folder());
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fprintf(out,
            "model Huge {\n%s\n}\ntrain { data = synthetic(seed = 1)\noptimizer = sgd(lr = 1e-3)\n"
            "steps = 1 }\n",
            huge[model]);
    ck_assert_int_eq(fclose(out), 0);
    program_emit(path, "--strategy none", "cuda", "huge");
}

/* Products are our own kernel: the library's would be computed in full. */
static const CommandResult *run_huge(void)
{
    cuda_build("check", "huge");
    return run_shell("CUDASIM_LT=refuse CUDASIM_SAMPLE=2 CUDASIM_MEMORY=400000000000 "
                     "%s/huge/check.sim --quiet",
                     scratch_folder());
}

START_TEST(indexes_pass_two_to_the_32)
{
    if (cuda_on_gpu() || !cuda_can_run("check") || (_i > 0 && !cuda_is_long()))
        return;
    emit_huge(_i);
    must_succeed(run_huge(), "huge");
}
END_TEST

/* The same programs with an index of 32 bits: what they write, or read, is then elsewhere. */
static const struct {
    int model;
    const char *file, *edit, *finding;
} narrow[] = {
    {0, "huge.cu", "s|_STORE(y0, at + from)|_STORE(y0, (uint32_t)(at + from))|", "did not write"},
    {0, "huge.cu", "s|_LOAD(x0, at + from)|_LOAD(x0, (uint32_t)(at + from))|", "did not read"},
    {0, "huge.cu", "s|at = summed . n1|at = (uint32_t)(summed * n1)|", "did not read"},
    {1, "copy.cu", "s|box.n <= INT32_MAX|true|", "did not"},
    {1, "matmul.cu", "s|const int64_t at = at_c|const uint32_t at = at_c|", "did not write"},
    {1, "matmul.cu", "s|load(s.a, a, at_a + in_a)|load(s.a, a, (uint32_t)(at_a + in_a))|",
     "did not read"},
    {2, "embedding.cu", "s|out.at. =|out[(uint32_t)at] =|", "did not write"},
    {2, "embedding_backward.cu", "s|at . width + column)|(uint32_t)(at * width + column))|",
     "did not read"},
};
enum { N_NARROW = sizeof narrow / sizeof *narrow };

START_TEST(an_index_of_32_bits_is_found)
{
    if (cuda_on_gpu() || !cuda_can_run("check") || (_i > 0 && !cuda_is_long()))
        return;
    const char *s = scratch_folder(), *file = narrow[_i].file;
    emit_huge(narrow[_i].model);
    must_succeed(run_shell("cd %s/huge && cp %s before && sed -i \"%s\" %s && ! cmp -s before %s",
                           s, file, narrow[_i].edit, file, file),
                 narrow[_i].edit);
    const CommandResult *result = run_huge();
    ck_assert_int_eq(result->status, 86);
    ck_assert_msg(strstr(result->err, narrow[_i].finding), "%s: %s", narrow[_i].edit, result->err);
}
END_TEST

Suite *cuda_suite(void)
{
    Suite *suite = suite_create("cuda");
    TCase *rows = tcase_create("rows"), *checker = tcase_create("checker");
    TCase *indexes = tcase_create("indexes");
    tcase_set_timeout(indexes, 600);
    tcase_set_timeout(rows, 1200);
    tcase_set_timeout(checker, 1200);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, checker);
    suite_add_tcase(suite, indexes);
    tcase_add_loop_test(rows, every_row_as_on_the_cpu, 0, N_SIZES);
    tcase_add_loop_test(rows, every_row_in_bf16, 0, N_SIZES);
    tcase_add_test(rows, products_without_the_library);
    tcase_add_loop_test(checker, every_row_is_clean, 0, 2 * N_SIZES);
    tcase_add_test(checker, a_write_beside_its_tensor_is_found);
    tcase_add_loop_test(indexes, indexes_pass_two_to_the_32, 0, N_HUGE);
    tcase_add_loop_test(indexes, an_index_of_32_bits_is_found, 0, N_NARROW);
    return suite;
}
