/* Whole programs: every example, shrunk as its line `# small:` says and on synthetic data, under
 * every strategy. What one strategy computes every other must compute to the bit, in the memory it
 * said. */
#include "base/base.h"
#include "plan/strategies/strategies.h"
#include "tests/support/command.h"

#include <check.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *whole_suite(void);

static glob_t examples;

/* The example with its data replaced by synthetic ones of the same fields, in the scratch folder.
 */
static const char *synthetic_model(const char *path)
{
    static char copy[256];
    snprintf(copy, sizeof copy, "%s/model.net", scratch_folder());
    const CommandResult *result =
        run_shell("sed \"s/^ *data *=.*/    data = synthetic(seed = 1)/\" %s > %s", path, copy);
    ck_assert_int_eq(result->status, 0);
    return copy;
}

static const char *small_defines(const char *path)
{
    static char defines[512];
    const CommandResult *result = run_shell("sed -n \"s/^# small: //p\" %s", path);
    snprintf(defines, sizeof defines, "%s", result->out);
    defines[strcspn(defines, "\n")] = '\0';
    ck_assert_msg(defines[0] != '\0', "%s has no line `# small:`", path);
    return defines;
}

/* Builds the program; it is small, so that what it costs to compile is most of the test. */
static void build(const char *model, const char *defines, const char *name, const char *options)
{
    const char *scratch = scratch_folder();
    const CommandResult *result = run_shell(
        "rm -rf %s/%s && CFLAGS=\"-O1 -march=native\" %s build %s %s -o %s/%s --target cpu -q %s",
        scratch, name, rematc_path(), model, defines, scratch, name, options);
    ck_assert_msg(result->status == 0, "build %s %s: %s", model, options, result->err);
}

/* Losses, weights and a dump go to scratch/NAME.*; the memory is what the plan said. */
static void train(const char *name, int threads)
{
    const char *scratch = scratch_folder();
    const CommandResult *result =
        run_shell("%s/%s/model --steps 20 --quiet --threads %d --metrics %s/%s.jsonl "
                  "--save %s/%s.weights --dump %s/%s.dump",
                  scratch, name, threads, scratch, name, scratch, name, scratch, name);
    ck_assert_msg(result->status == 0, "run %s: %s", name, result->err);
    result = run_shell("cat %s/%s/model.plan.json", scratch, name);
    double planned = last_number(result->out, "peak_bytes");
    result = run_shell("cat %s/%s.jsonl", scratch, name);
    ck_assert(planned == last_number(result->out, "peak_bytes"));
    ck_assert(last_number(result->out, "arena_high_water_bytes") <= planned);
    ck_assert(last_number(result->out, "arena_high_water_bytes") > planned / 2);
    ck_assert(isfinite(last_number(result->out, "loss")));
    run_shell("sed -n \"s/.*\\\"step\\\": *\\([0-9]*\\).*\\\"loss\\\": *\\([^,]*\\),.*/\\1 \\2/p\" "
              "%s/%s.jsonl > %s/%s.losses",
              scratch, name, scratch, name);
}

static void assert_same(const char *a, const char *b, const char *suffix, const char *what)
{
    char path_a[256], path_b[256];
    snprintf(path_a, sizeof path_a, "%s/%s.%s", scratch_folder(), a, suffix);
    snprintf(path_b, sizeof path_b, "%s/%s.%s", scratch_folder(), b, suffix);
    ck_assert_msg(same_files(path_a, path_b), "%s differ: %s", suffix, what);
}

static void keep_as(const char *from, const char *to)
{
    static const char *const suffixes[] = {"losses", "weights", "dump"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        run_shell("mv %s/%s.%s %s/%s.%s", scratch_folder(), from, suffixes[i], scratch_folder(), to,
                  suffixes[i]);
}

START_TEST(every_strategy_computes_the_same_bits_at_one_thread_and_at_two)
{
    static const char *const base[] = {"", "one", "two"};
    const char *path = examples.gl_pathv[_i];
    const char *model = synthetic_model(path), *defines = small_defines(path);
    for (int i = 0; i < N_STRATEGIES; i++) {
        char options[64], what[256];
        snprintf(options, sizeof options, "--strategy %s", strategies[i].name);
        build(model, defines, "other", options);
        for (int threads = 1; threads <= 2; threads++) {
            train("other", threads);
            if (i == STRATEGY_none) {
                keep_as("other", base[threads]);
                continue;
            }
            snprintf(what, sizeof what, "%s %s at %d threads", path, options, threads);
            assert_same(base[threads], "other", "losses", what);
            assert_same(base[threads], "other", "weights", what);
            assert_same(base[threads], "other", "dump", what);
        }
    }
}
END_TEST

/* y = dropout(x) (p - w), loss = sum(y w), learning rate 1, p = 0: after one step p must be y,
 * which it is only where the replay draws the numbers of the first run. */
START_TEST(replayed_dropout_draws_the_same_numbers)
{
    const char *scratch = scratch_folder();
    run_shell("cat > %s/drop.net <<EOF\n"
              "module Random(x, p, w) {\n    return tanh(dropout(x, p = 0.4)) * (p - w)\n}\n"
              "model Drop {\n    input x : f32[7, 33]\n"
              "    param p : f32[7, 33] ~ zeros()\n    param w : f32[7, 33] ~ normal(0, 1)\n"
              "    checkpoint y = Random(x, p, w)\n    output y\n    loss sum(y * w)\n}\n"
              "train {\n    data = synthetic(seed = 5)\n    optimizer = sgd(lr = 1.0)\n"
              "    steps = 1\n}\nEOF",
              scratch);
    for (int i = 0; i < N_STRATEGIES; i++) {
        const CommandResult *result = run_shell(
            "rm -rf %s/drop && %s build %s/drop.net -o %s/drop --target cpu -q "
            "--strategy %s && %s/drop/drop --quiet --dump %s/drop.dump",
            scratch, rematc_path(), scratch, scratch, strategies[i].name, scratch, scratch);
        ck_assert_msg(result->status == 0, "%s: %s", strategies[i].name, result->err);
        result = run_shell("/usr/bin/python3 -c \"import sys; sys.path.insert(0, "
                           "\\\"tests/oracle\\\"); import tensors; "
                           "d = tensors.load(\\\"%s/drop.dump\\\"); "
                           "sys.exit(not ((d[\\\"p\\\"] == d[\\\"y\\\"]).all() and "
                           "0.2 < (d[\\\"p\\\"] == 0).mean() < 0.6))\"",
                           scratch);
        ck_assert_msg(result->status == 0, "%s: p is not y %s", strategies[i].name, result->err);
    }
}
END_TEST

START_TEST(emission_does_not_depend_on_place_or_time)
{
    const char *scratch = scratch_folder();
    const CommandResult *result =
        run_shell("mkdir -p \"%s/a b\" && cp examples/bert/bert.net \"%s/a b/bert.net\" && "
                  "%s emit examples/bert/bert.net -q -o %s/first && cd \"%s/a b\" && "
                  "%s/%s emit bert.net -q -o second && "
                  "sed -i s,examples/bert/,, %s/first/*.json && diff -r %s/first second",
                  scratch, scratch, rematc_path(), scratch, scratch, "$OLDPWD", rematc_path(),
                  scratch, scratch);
    ck_assert_msg(result->status == 0, "%s%s", result->out, result->err);
}
END_TEST

START_TEST(an_emitted_folder_builds_by_itself_in_a_path_with_a_space)
{
    const char *scratch = scratch_folder();
    const CommandResult *result =
        run_shell("mkdir -p \"%s/with space\" && %s emit examples/tutorial/mlp.net -q --target cpu "
                  "-o \"%s/with space/mlp\" && cd \"%s/with space/mlp\" && "
                  "make -s CFLAGS=\"-O1 -Wall -Wextra -Werror\" && ./mlp --steps 2 --quiet",
                  scratch, rematc_path(), scratch, scratch);
    ck_assert_msg(result->status == 0, "%s%s", result->out, result->err);
}
END_TEST

/* A model file may be called anything; the program is called like it where make and a shell can. */
static const struct {
    const char *file, *program; /* file: as in a shell's double quotes */
} stems[] = {
    {"my model.net", "my model"},
    {"-x.net", "-x"},
    {"1x.net", "1x"},
    {"a.b-c.net", "a.b-c"},
    {"\u00fc\u6a21.net", "\u00fc\u6a21"},
    {"main.net", "main"},
    {"clean.net", "clean_model"},
    {"a\\$(b)#.net", "a__b__"},
};

/* All into one folder: what another program left there does no harm. */
START_TEST(any_name_of_a_model_file_gives_a_program)
{
    const char *scratch = scratch_folder();
    const char *file = stems[_i].file, *program = stems[_i].program;
    const CommandResult *result = run_shell(
        "cp examples/tutorial/mlp.net \"%s/%s\" && mkdir -p %s/other && touch "
        "%s/other/other.c && CFLAGS=-O0 %s build \"%s/%s\" -o %s/other --target cpu -q && "
        "cd %s/other && \"./%s\" --steps 1 --quiet && test -s \"./%s.plan.json\" && make -q && "
        "make -s clean && ! test -e \"./%s\"",
        scratch, file, scratch, scratch, rematc_path(), scratch, file, scratch, scratch, program,
        program, program);
    ck_assert_msg(result->status == 0, "%s: %s%s", file, result->out, result->err);
}
END_TEST

/* Counted from outside: a library loaded before the C library counts every allocation. */
START_TEST(no_memory_is_taken_after_the_first_step)
{
    const char *scratch = scratch_folder();
    const char *model = synthetic_model("examples/bert/bert.net");
    const CommandResult *result =
        run_shell("gcc -shared -fPIC -O1 -o %s/count.so tests/preload/count_allocations.c -ldl && "
                  "%s build %s %s -q -o %s/none --target cpu --strategy marked",
                  scratch, rematc_path(), model, small_defines("examples/bert/bert.net"), scratch);
    ck_assert_msg(result->status == 0, "%s", result->err);
    char counts[2][64];
    for (int i = 0; i < 2; i++) {
        result = run_shell("OMP_WAIT_POLICY=passive LD_PRELOAD=%s/count.so %s/none/model --quiet "
                           "--threads 1 --metrics /dev/null --steps %d",
                           scratch, scratch, i ? 40 : 2);
        const char *line = strstr(result->err, "allocations: ");
        ck_assert_msg(line, "%s", result->err);
        snprintf(counts[i], sizeof counts[i], "%.40s", line);
    }
    ck_assert_str_eq(counts[0], counts[1]);
}
END_TEST

/* A script of tests/oracle/, where PyTorch is there. */
static void assert_oracle_agrees(const char *script, const char *arguments)
{
    if (run_shell("/usr/bin/python3 -c \"import torch\"")->status != 0) {
        say_skipped("no PyTorch here: nothing is compared with it");
        return;
    }
    const CommandResult *result =
        run_shell("/usr/bin/python3 tests/oracle/%s %s %s", script, rematc_path(), arguments);
    printf("%s", result->out);
    ck_assert_msg(result->status == 0, "%s%s", result->out, result->err);
}

START_TEST(the_bert_step_agrees_with_pytorch)
{
    assert_oracle_agrees("bert_torch.py", "f32");
}
END_TEST

START_TEST(the_bert_step_agrees_with_pytorch_in_double_precision)
{
    assert_oracle_agrees("bert_torch.py", "f64");
}
END_TEST

/* Models that nobody wrote: tests/oracle/random_net.py. */
START_TEST(random_models_agree_with_pytorch_under_every_strategy)
{
    assert_oracle_agrees("random_torch.py", getenv("LONG") ? "0 40" : "0 5");
}
END_TEST

/* ---- the length of the text ------------------------------------------------------------------ */

/* Lines of an emitted program. */
typedef struct {
    int all, rows, calls; /* rows of tables, lines of train_step */
} Lines;

static Lines count_lines(const char *path)
{
    FILE *in = fopen(path, "r");
    ck_assert_msg(in != NULL, "there is no %s", path);
    Lines lines = {0};
    bool in_table = false, in_step = false;
    for (char line[4096]; fgets(line, sizeof line, in);) {
        lines.all += strchr(line, '\n') != NULL;
        in_table = (in_table || strstr(line, "_at[] = {")) && line[0] != '}';
        in_step = (in_step || strstr(line, "void train_step(")) && line[0] != '}';
        lines.rows += in_table;
        lines.calls += in_step;
    }
    ck_assert_int_eq(fclose(in), 0);
    return lines;
}

static Lines lines_of(const char *model, const char *options, const char *target)
{
    const char *scratch = scratch_folder();
    const CommandResult *result =
        run_shell("rm -rf %s/text && %s emit %s %s --target %s -q -o %s/text && "
                  "mv %s/text/$(basename %s .net).c* %s/text/program",
                  scratch, rematc_path(), model, options, target, scratch, scratch, model, scratch);
    ck_assert_msg(result->status == 0, "%s %s: %s", model, options, result->err);
    char path[256];
    snprintf(path, sizeof path, "%s/text/program", scratch);
    return count_lines(path);
}

static const char *const both_targets[] = {"cpu", "cuda"};

/* More layers: more rows in the tables and more calls, and nothing else. */
static void assert_grows_in_tables(const char *model, const char *few, const char *many,
                                   const char *target)
{
    const Lines a = lines_of(model, few, target), b = lines_of(model, many, target);
    ck_assert_int_gt(b.rows, a.rows);
    ck_assert_int_gt(b.calls, a.calls);
    ck_assert_msg(b.all - b.rows - b.calls == a.all - a.rows - a.calls,
                  "%s for %s: %s gives %d lines but for tables and calls, %s %d", model, target,
                  few, a.all - a.rows - a.calls, many, b.all - b.rows - b.calls);
}

START_TEST(the_text_grows_with_layers_in_tables_and_calls_alone)
{
    const Lines bert = lines_of("examples/bert/bert.net", "", both_targets[_i]);
    printf("bert for %s: %d lines, %d of them rows of tables, %d calls\n", both_targets[_i],
           bert.all, bert.rows, bert.calls);
    ck_assert_int_lt(bert.all, 3000);
    ck_assert_int_gt(bert.rows, 100);
    ck_assert_int_gt(bert.calls, 40);
    assert_grows_in_tables("examples/bert/bert.net", "-D layers=8", "-D layers=16",
                           both_targets[_i]);
}
END_TEST

/* Blocks of 4 layers. */
START_TEST(a_thousand_layers_are_tables_and_calls)
{
    assert_grows_in_tables("examples/tutorial/deep.net", "-D blocks=25", "-D blocks=250",
                           both_targets[_i]);
}
END_TEST

Suite *whole_suite(void)
{
    Suite *suite = suite_create("whole");
    TCase *tcase = tcase_create("whole");
    glob("examples/*/*.net", 0, NULL, &examples);
    tcase_set_timeout(tcase, 1200);
    tcase_add_loop_test(tcase, every_strategy_computes_the_same_bits_at_one_thread_and_at_two, 0,
                        (int)examples.gl_pathc);
    tcase_add_test(tcase, replayed_dropout_draws_the_same_numbers);
    tcase_add_test(tcase, emission_does_not_depend_on_place_or_time);
    tcase_add_test(tcase, an_emitted_folder_builds_by_itself_in_a_path_with_a_space);
    tcase_add_test(tcase, no_memory_is_taken_after_the_first_step);
    tcase_add_test(tcase, the_bert_step_agrees_with_pytorch);
    tcase_add_test(tcase, the_bert_step_agrees_with_pytorch_in_double_precision);
    tcase_add_test(tcase, random_models_agree_with_pytorch_under_every_strategy);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("names");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, any_name_of_a_model_file_gives_a_program, 0,
                        (int)(sizeof stems / sizeof stems[0]));
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("text");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, the_text_grows_with_layers_in_tables_and_calls_alone, 0, 2);
    tcase_add_loop_test(tcase, a_thousand_layers_are_tables_and_calls, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
