/* Emitted CUDA programs, in the simulator, on files: the examples train on images, tokens and
 * sentence pairs as the CPU target does, and go on from a checkpoint as if they had never stopped.
 * Wrong input, full disks, no driver and too little memory end both targets in the same words. */
#include "tests/support/cuda.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

Suite *inputs_suite(void);

#define PROSE "tests/cases/text/prose.txt"

/* ---- files to train on
 * -------------------------------------------------------------------------------- */

static char data[96]; /* their folder, made once, before the tests' own processes start */

enum { N_IMAGES = 40, PIXELS = 28 * 28 };

/* Any bytes: the numbers of a linear congruential generator. */
static unsigned char next_byte(void)
{
    static uint32_t state = 7;
    state = state * 1664525u + 1013904223u;
    return (unsigned char)(state >> 24);
}

/* An IDX file, packed: its header, then n bytes below `limit`. */
static void write_idx(const char *name, const unsigned char *header, unsigned header_bytes, int n,
                      int limit)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", data, name);
    gzFile file = gzopen(path, "wb");
    if (!file || gzwrite(file, header, header_bytes) != (int)header_bytes)
        exit(EXIT_FAILURE);
    for (int i = 0; i < n; i++)
        gzputc(file, next_byte() % limit);
    if (gzclose(file) != Z_OK)
        exit(EXIT_FAILURE);
}

static void write_images(void)
{
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, N_IMAGES, 0, 0, 0, 28, 0, 0, 0, 28};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, N_IMAGES};
    write_idx("train-images-idx3-ubyte.gz", images, sizeof images, N_IMAGES * PIXELS, 256);
    write_idx("train-labels-idx1-ubyte.gz", labels, sizeof labels, N_IMAGES, 10);
}

static void make_data(void)
{
    snprintf(data, sizeof data, "%s/data", scratch_folder());
    const CommandResult *result =
        run_shell("mkdir -p %s && R=%s && $R data vocab --size 200 -o %s/v " PROSE " && "
                  "$R data encode --vocab %s/v --min-sentences 2 -o %s/pairs " PROSE " && "
                  "$R data tokens --vocab %s/v -o %s/tokens.bin " PROSE,
                  data, rematc_path(), data, data, data, data, data);
    if (result->status != 0) {
        fputs(result->err, stderr);
        exit(EXIT_FAILURE);
    }
    write_images();
}

/* ---- examples on files
 * -------------------------------------------------------------------------------- */

enum { N_STEPS = 6, HALF = 3 };

static const struct {
    const char *model, *name, *options, *files;
} examples[] = {
    {"examples/bert/bert.net", "bert",
     "-D layers=2 -D hidden=48 -D heads=4 -D ffn=80 -D vocab=200 -D seq=24 -D batch=3 "
     "--strategy marked",
     "pairs"},
    {"examples/fashion/mlp.net", "mlp", "-D batch=9", "."},
    {"examples/gpt/gpt.net", "gpt",
     "-D layers=2 -D hidden=48 -D heads=4 -D vocab=200 -D seq=19 -D batch=2 -D drop=0.2 "
     "--strategy marked",
     "tokens.bin"},
};

/* The losses of a run's steps. */
static int read_losses(const char *folder, const char *name, double losses[], int most)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s/%s.jsonl", scratch_folder(), folder, name);
    char *text = read_whole_file(path, NULL);
    ck_assert_ptr_nonnull(text);
    int n = 0;
    for (const char *at = text; (at = strstr(at, "\"event\":\"step\"")) != NULL && n < most; at++)
        losses[n++] = strtod(strstr(at, "\"loss\":") + strlen("\"loss\":"), NULL);
    free(text);
    return n;
}

/* The second run has all steps, the first those after `from`. A GPU's functions are approximate. */
static void expect_near_losses(const char *folder_a, const char *a, const char *folder_b,
                               const char *b, int from, double tolerance)
{
    double ours[N_STEPS], other[N_STEPS], most = 0;
    ck_assert_int_eq(read_losses(folder_a, a, ours, N_STEPS), N_STEPS - from);
    ck_assert_int_eq(read_losses(folder_b, b, other, N_STEPS), N_STEPS);
    for (int i = from; i < N_STEPS; i++) {
        const double difference = fabs(ours[i - from] - other[i]) / fabs(other[i]);
        ck_assert_msg(difference <= tolerance * (cuda_on_gpu() ? 100 : 1), "step %d: %.9g and %.9g",
                      i + 1, ours[i - from], other[i]);
        most = difference > most ? difference : most;
    }
    printf("%s/%s: losses of %d steps as %s/%s: at most %.1e apart\n", folder_a, a, N_STEPS - from,
           folder_b, b, most);
}

/* Batches are made on the host and only carried over: the same bits. */
static void expect_same_inputs(const TestTensors *a, const TestTensors *b)
{
    static const char *const names[] = {"image", "label",  "tokens",    "next",      "types",
                                        "mask",  "labels", "loss_mask", "is_swapped"};
    int n = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const TestTensor *x = tensors_find(a, names[i]), *y = tensors_find(b, names[i]);
        ck_assert_int_eq(x == NULL, y == NULL);
        if (x)
            ck_assert_mem_eq(x->data, y->data, x->bytes);
        n += x != NULL;
    }
    ck_assert_int_ge(n, 2);
}

static void build_both(int example)
{
    program_emit(examples[example].model, examples[example].options, "cuda", "cuda");
    program_emit(examples[example].model, examples[example].options, "cpu", "cpu");
    cuda_build("plain", "cuda");
}

START_TEST(an_example_on_files_trains_as_on_the_cpu)
{
    char options[192];
    if (!cuda_can_run("plain") || (_i > 1 && !cuda_is_long()))
        return;
    build_both(_i);
    snprintf(options, sizeof options, "--steps %d --data %s/%s", N_STEPS, data, examples[_i].files);
    cuda_run("plain", "cuda", "CUDASIM_ASYNC=random", options, "run");
    cpu_run("cpu", examples[_i].name, options);
    TestTensors cuda = dump_of("cuda", "run"), cpu = dump_of("cpu", "cpu");
    expect_same_inputs(&cuda, &cpu);
    ck_assert_double_le(worst_difference(&cpu, &cuda, examples[_i].model), 2e-4);
    expect_near_losses("cuda", "run", "cpu", "cpu", 0, 1e-5);
    tensors_free(&cuda);
    tensors_free(&cpu);
}
END_TEST

/* All steps but the first are graphs here. */
static void run_steps(const char *folder, const char *program, int example, const char *options)
{
    must_succeed(run_shell("cd %s/%s && CUDASIM_ASYNC=random ./%s --quiet --data %s/%s %s",
                           scratch_folder(), folder, program, data, examples[example].files,
                           options),
                 options);
}

START_TEST(a_resumed_run_is_the_same_run)
{
    if (!cuda_can_run("plain") || (_i > 1 && !cuda_is_long()))
        return;
    const char *s = scratch_folder(), *name = examples[_i].name;
    build_both(_i);
    run_steps("cuda", name, _i, "--steps 6 --save whole.st --metrics whole.jsonl");
    run_steps("cuda", name, _i, "--steps 3 --checkpoint-every 3 --checkpoint-dir half");
    run_steps("cuda", name, _i, "--steps 6 --resume half --save again.st --metrics again.jsonl");
    must_succeed(run_shell("cd %s/cuda && cmp whole.st again.st", s), "the same weights");
    expect_near_losses("cuda", "again", "cuda", "whole", HALF, 0);
    run_steps("cuda", name, _i, "--steps 0 --load whole.st --save once.st");
    must_succeed(run_shell("cd %s/cuda && cmp whole.st once.st", s), "weights through a file");
    /* A checkpoint is the same on every target. */
    cpu_build("cpu");
    run_steps("cpu", name, _i, "--steps 6 --resume ../cuda/half --metrics again.jsonl");
    expect_near_losses("cpu", "again", "cuda", "whole", HALF, 1e-5);
}
END_TEST

/* The exact checker and the sanitizers over whole programs: uploads, steps row by row and as
 * graphs, results. */
START_TEST(an_example_on_files_is_clean)
{
    static const char *const builds[] = {"check", "sanitize"};
    const char *build = builds[_i % 2];
    const int example = _i / 2;
    if (cuda_on_gpu() || !cuda_can_run(build) || !cuda_is_long())
        return;
    program_emit(examples[example].model, examples[example].options, "cuda", "cuda");
    cuda_build(build, "cuda");
    run_steps("cuda", examples[example].name, example, "--steps 4 --save a.st --verify");
    run_steps("cuda", examples[example].name, example, "--steps 4 --save b.st");
    must_succeed(run_shell("cd %s/cuda && cmp a.st b.st", scratch_folder()), "the same weights");
}
END_TEST

/* ---- the same words on both targets
 * ------------------------------------------------------------------- */

/* What a program does not take: its option on the command line, and a part of the message. */
static const struct {
    const char *commands;
    int status;
    const char *says;
} refused[] = {
#define REFUSED(commands, status, says) {commands, status, says},
#include "tests/cases/program/refused.def"
#undef REFUSED
};

/* Files that an example cannot train on; $D is the folder of those that it can. */
static const struct {
    int example;
    const char *commands, *says;
} bad_data[] = {
    {0, "$P --data nowhere", "nowhere.idx: cannot be opened"},
    {0, "cp $D/pairs.* . && head -c 100 $D/pairs.bin > pairs.bin && $P --data pairs", "is cut off"},
    {0,
     "cp $D/pairs.* . && printf \"\\377\\377\" | dd of=pairs.bin conv=notrunc 2> dd.txt && "
     "$P --data pairs",
     "the token at offset 0 is 65535, but"},
    {1, "$P --data nowhere", "nowhere/train-images-idx3-ubyte.gz: cannot be opened"},
    {1,
     "mkdir -p d && cp $D/train* d && gzip -dc $D/train-labels* | tr \"\\003\" \"\\013\" | "
     "gzip > d/train-labels-idx1-ubyte.gz && $P --data d",
     "is 11, but the model has 10 classes"},
    {1,
     "mkdir -p d && cp $D/train* d && gzip -dc $D/train-images* | head -c 99 | "
     "gzip > d/train-images-idx3-ubyte.gz && $P --data d",
     "its header tells of"},
    {1,
     "mkdir -p d && cp $D/train* d && head -c 999 $D/train-images* > d/train-images-idx3-ubyte.gz "
     "&& $P --data d",
     "cannot be unpacked"},
    {2, "$P --data nowhere", "nowhere: cannot be opened"},
    {2, "$P --data $D/pairs.bin", "is no token file"},
    {2,
     "cp $D/tokens.bin t && printf \"\\377\\377\" | dd of=t bs=1 seek=1100 conv=notrunc 2> dd.txt "
     "&& $P --data t",
     "is 65535, but the model"},
};
enum {
    N_BAD_DATA = sizeof bad_data / sizeof *bad_data,
    N_REFUSED = sizeof refused / sizeof *refused
};

static char home[96]; /* home/cuda/NAME/NAME and home/cpu/NAME/NAME are the programs */

static void build_for_both(const char *model, const char *options, const char *name)
{
    static const char *const targets[] = {"cuda", "cpu"};
    for (int i = 0; i < 2; i++) {
        char folder[64];
        snprintf(folder, sizeof folder, "%s/%s", targets[i], name);
        program_emit(model, options, targets[i], folder);
        i == 0 ? cuda_build("plain", folder) : cpu_build(folder);
    }
}

static void build_all_for_both(void)
{
    make_data();
    snprintf(home, sizeof home, "%s", scratch_folder());
    if (!cuda_can_run("plain"))
        return;
    must_succeed(run_shell("mkdir -p %s/cuda %s/cpu", home, home), "mkdir");
    build_for_both("tests/cases/program/small.net", "", "small");
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        build_for_both(examples[i].model, examples[i].options, examples[i].name);
}

/* The commands with each target's program: the same status, the same words. */
static void expect_refused(const char *program, const char *commands, int status, const char *says)
{
    char said[2][1024];
    for (int i = 0; i < 2; i++) {
        const CommandResult *result =
            run_shell("cd %s/%s && P=\"./%s/%s --quiet\" && D=%s && %s", home, i ? "cpu" : "cuda",
                      program, program, data, commands);
        ck_assert_msg(result->status == status, "%s, %s: status %d: %s", i ? "cpu" : "cuda",
                      commands, result->status, result->err);
        snprintf(said[i], sizeof said[i], "%s", result->err);
    }
    ck_assert_str_eq(said[0], said[1]);
    ck_assert_msg(strstr(said[0], says) != NULL, "%s: %s", commands, said[0]);
}

START_TEST(wrong_input_is_refused_alike)
{
    if (cuda_can_run("plain"))
        expect_refused("small", refused[_i].commands, refused[_i].status, refused[_i].says);
}
END_TEST

START_TEST(wrong_data_are_refused_alike)
{
    if (cuda_can_run("plain"))
        expect_refused(examples[bad_data[_i].example].name, bad_data[_i].commands, 1,
                       bad_data[_i].says);
}
END_TEST

/* ---- no GPU, too little memory
 * ------------------------------------------------------------------------ */

START_TEST(without_a_driver_it_says_so)
{
    if (cuda_on_gpu() || !cuda_can_run("plain"))
        return;
    const CommandResult *result =
        run_shell("cd %s/cuda/small && CUDASIM_DRIVER=none ./small --steps 1", home);
    ck_assert_int_eq(result->status, 3);
    ck_assert_int_eq(text_lines(result->err), 1);
    ck_assert_ptr_nonnull(strstr(result->err, "no usable GPU"));
}
END_TEST

/* What is needed, what is there, and a command; the program that the command makes then runs in
 * that memory. */
START_TEST(with_too_little_memory_it_names_the_command_that_helps)
{
    if (cuda_on_gpu() || !cuda_can_run("plain"))
        return;
    const char *deep = "examples/tutorial/deep.net", *s = scratch_folder();
    program_emit(deep, "-D batch=64 -D width=48 --strategy none", "cuda", "none");
    cuda_build("plain", "none");
    char *plan = strdup(run_shell("cat %s/none/deep.plan.json", s)->out);
    const size_t needed = (size_t)strtod(strstr(plan, "\"peak_bytes\":") + 13, NULL);
    const size_t there = needed * 9 / 10;
    free(plan);
    const CommandResult *result =
        run_shell("cd %s/none && CUDASIM_MEMORY=%zu ./deep --steps 1", s, there);
    char expected[96], budget[32];
    ck_assert_int_eq(result->status, 3);
    ck_assert_int_eq(text_lines(result->err), 1);
    snprintf(expected, sizeof expected, "needs %zu bytes of GPU memory, and %zu are free", needed,
             there);
    ck_assert_msg(strstr(result->err, expected), "%s", result->err);
    const char *command = strstr(result->err, "`rematc build deep.net --budget ");
    ck_assert_msg(command &&
                      sscanf(command, "`rematc build deep.net --budget %31[^` ]", budget) == 1,
                  "%s", result->err);
    char options[128];
    snprintf(options, sizeof options, "-D batch=64 -D width=48 --budget %s", budget);
    program_emit(deep, options, "cuda", "fits");
    cuda_build("plain", "fits");
    must_succeed(run_shell("cd %s/fits && CUDASIM_MEMORY=%zu ./deep --quiet --steps 2", s, there),
                 "the program for that memory");
}
END_TEST

Suite *inputs_suite(void)
{
    const int n_examples = (int)(sizeof examples / sizeof *examples);
    Suite *suite = suite_create("inputs");
    TCase *files = tcase_create("files"), *wrong = tcase_create("wrong");
    tcase_set_timeout(files, 1200);
    tcase_set_timeout(wrong, 600);
    tcase_add_unchecked_fixture(files, make_data, NULL);
    tcase_add_unchecked_fixture(wrong, build_all_for_both, NULL);
    tcase_add_loop_test(files, an_example_on_files_trains_as_on_the_cpu, 0, n_examples);
    tcase_add_loop_test(files, a_resumed_run_is_the_same_run, 0, n_examples);
    tcase_add_loop_test(files, an_example_on_files_is_clean, 0, 2 * n_examples);
    tcase_add_loop_test(wrong, wrong_input_is_refused_alike, 0, N_REFUSED);
    tcase_add_loop_test(wrong, wrong_data_are_refused_alike, 0, N_BAD_DATA);
    tcase_add_test(wrong, without_a_driver_it_says_so);
    tcase_add_test(wrong, with_too_little_memory_it_names_the_command_that_helps);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, wrong);
    return suite;
}
