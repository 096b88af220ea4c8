/* A budget is a promise: under each of many budgets, from the smallest that is possible to what
 * keeping everything takes, a program uses what its plan says and no more than the budget, and its
 * losses and weights are those of the program that keeps everything, to the bit. */
#include "tests/support/command.h"
#include "tests/support/cuda.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *promises_suite(void);

/* The examples at their small sizes, and two models of other shapes. In the two MLPs no recompute
 * lowers the peak: one budget is all there is. */
static const struct {
    const char *path;
    bool has_range;
} models[] = {
    {"examples/bert/bert.net", true},     {"examples/gpt/gpt.net", true},
    {"examples/tutorial/deep.net", true}, {"tests/cases/kernels/shapes.net", true},
    {"tests/cases/ok/u_shape.net", true}, {"examples/tutorial/mlp.net", false},
    {"examples/fashion/mlp.net", false},
};

/* $M is the model on synthetic data, $S its size, $R rematc; the current folder is the scratch
 * folder. */
static const CommandResult *run(const char *path, const char *commands)
{
    const char *scratch = scratch_folder();
    return run_shell("S=$(sed -n \"s/^# small: //p\" %s); sed \"s/^ *data *=.*/    data = "
                     "synthetic(seed = 1)/\" %s > %s/model.net; R=\"$(realpath %s)\"; M=model.net; "
                     "export CFLAGS=%s; cd %s; %s",
                     path, path, scratch, rematc_path(), cuda_is_long() ? "-O1" : "-O0", scratch,
                     commands);
}

static size_t peak_of(const char *text)
{
    const double bytes = last_number(text, "peak_bytes");
    return bytes > 0 ? (size_t)bytes : 0;
}

/* Builds and trains under these options, into NAME.losses and NAME.weights. Only what differs from
 * the last plan is compiled: the kernels stay. Returns the bytes that the program measured. */
static size_t train(const char *path, const char *options, const char *name)
{
    char commands[1024];
    snprintf(
        commands, sizeof commands,
        "$R build $M $S %s --target cpu -q -o program && program/model --steps 3 --quiet "
        "--metrics m.jsonl --save %s.weights && "
        "sed -n \"s/,\\\"lr\\\".*//p\" m.jsonl > %s.losses && "
        "test $(wc -l < %s.losses) = 3 && "
        "echo \"{\\\"peak_bytes\\\": $(sed -n \"s/.*\\\"peak_bytes\\\": *\\([0-9]*\\),.*/\\1/p\" "
        "program/model.plan.json)}\" && cat m.jsonl",
        options, name, name, name);
    const CommandResult *result = run(path, commands);
    ck_assert_msg(result->status == 0, "%s %s: %.999s", path, options, result->err);
    const size_t measured = peak_of(result->out);
    ck_assert_msg(last_number(result->out, "arena_high_water_bytes") <= (double)measured,
                  "%s %s: more was touched than allocated", path, options);
    *strchr(result->out, '\n') = '\0'; /* what is left is the plan's line */
    ck_assert_msg(measured == peak_of(result->out), "%s %s: measured %zu bytes, planned %zu", path,
                  options, measured, peak_of(result->out));
    return measured;
}

static size_t smallest_budget(const char *path)
{
    const CommandResult *result = run(path, "$R plan $M $S --target cpu --budget 1");
    const char *words = "smallest possible budget is ";
    const char *at = strstr(result->err, words);
    ck_assert_msg(at, "%s: %.999s", path, result->err);
    return (size_t)strtoull(at + strlen(words), NULL, 10);
}

static void assert_same_as_none(const char *path, const char *suffix, size_t budget)
{
    char none[256], other[256];
    snprintf(none, sizeof none, "%s/none.%s", scratch_folder(), suffix);
    snprintf(other, sizeof other, "%s/other.%s", scratch_folder(), suffix);
    ck_assert_msg(same_files(none, other), "%s: other %s under %zu bytes", path, suffix, budget);
}

START_TEST(every_budget_is_kept_and_changes_no_bit)
{
    const char *path = models[_i].path;
    const size_t most = train(path, "--budget none --strategy none", "none");
    const size_t least = smallest_budget(path);
    ck_assert_msg(models[_i].has_range ? least < most : least == most, "%s: %zu to %zu bytes", path,
                  least, most);
    const int n = !models[_i].has_range ? 1 : cuda_is_long() ? 20 : 4;
    int n_lower = 0;
    for (int i = 0; i < n; i++) {
        const size_t budget = least + (n > 1 ? (most - least) * (size_t)i / (size_t)(n - 1) : 0);
        char options[64];
        snprintf(options, sizeof options, "--budget %zu", budget);
        const size_t peak = train(path, options, "other");
        ck_assert_msg(peak <= budget, "%s: %zu bytes under a budget of %zu", path, peak, budget);
        n_lower += peak < most;
        assert_same_as_none(path, "losses", budget);
        assert_same_as_none(path, "weights", budget);
    }
    printf("promises: %s: %d from %zu to %zu bytes, each kept; %d below keeping all\n", path, n,
           least, most, n_lower);
    ck_assert(n_lower >= n - 1); /* the plans are not all the same one */
}
END_TEST

Suite *promises_suite(void)
{
    Suite *suite = suite_create("promises");
    TCase *tcase = tcase_create("promises");
    tcase_set_timeout(tcase, 900);
    tcase_add_loop_test(tcase, every_budget_is_kept_and_changes_no_bit, 0,
                        sizeof models / sizeof models[0]);
    suite_add_tcase(suite, tcase);
    return suite;
}
