/* The command line: exit statuses, help, and messages that name what was expected. */
#include "base/base.h"
#include "tests/support/command.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *cli_suite(void);

static const struct {
    const char *arguments;
    int status;
    const char *says; /* in standard error, or standard output where the status is 0 */
} lines[] = {
    {"", EXIT_USAGE, "usage: rematc COMMAND"},
    {"--help", EXIT_DONE, "usage: rematc COMMAND"},
    {"--version", EXIT_DONE, "rematc "},
    {"plam x.net", EXIT_USAGE, "did you mean 'plan'?"},
    {"plan", EXIT_USAGE, "no model file is given"},
    {"plan --help", EXIT_DONE, "--budget BYTES"},
    {"plan --bugdet 3 x.net", EXIT_USAGE, "there is no option '--bugdet'"},
    {"plan x.net --budget 3parsecs", EXIT_USAGE, "--budget takes BYTES (most bytes"},
    {"plan x.net --budget", EXIT_USAGE, "needs an argument"},
    {"plan x.net --format yaml", EXIT_USAGE, "text, json, html, svg or perfetto), not 'yaml'"},
    {"plan x.net --pareto 3 --format svg", EXIT_USAGE, "take --format text or json, not svg"},
    {"plan x.net y.net", EXIT_USAGE, "one model file is expected"},
    {"plan x.net --alignment 3", EXIT_USAGE, "--alignment takes"},
    {"plan no-such-file.net", EXIT_INPUT, "no-such-file.net: error: cannot be read: No such file"},
    {"plan examples/tutorial/mlp.net --strategy magic", EXIT_USAGE, "none, marked, sqrt"},
    {"plan examples/tutorial/mlp.net --target tpu", EXIT_USAGE, "cpu"},
    {"plan examples/tutorial/mlp.net -D bach=3", EXIT_INPUT, "did you mean"},
    {"plan examples/tutorial/mlp.net -D batch=0", EXIT_INPUT, "batch"},
    {"emit examples/tutorial/mlp.net", EXIT_USAGE, "-o DIR is missing"},
    {"emit examples/tutorial/mlp.net -o /proc/none/there", EXIT_ENVIRONMENT, "/proc/none"},
    {"check examples/tutorial/mlp.net", EXIT_DONE, ""},
    {"plan tests/cases/ok/input_in_place.net", EXIT_DONE, ""},
    {"fit examples/tutorial/mlp.net", EXIT_USAGE, "--budget BYTES is missing"},
    {"fit examples/tutorial/mlp.net --budget 10 --vary depth", EXIT_INPUT, "depth"},
    {"diff a.json", EXIT_USAGE, "usage: rematc diff"},
    {"diff no-a.json no-b.json", EXIT_INPUT, "no-a.json"},
    {"ops", EXIT_DONE, "gelu"},
    {"strategies", EXIT_DONE, "sqrt"},
    {"targets", EXIT_DONE, "cuda"},
    {"devices", EXIT_DONE, "h100"},
};

START_TEST(each_command_line_ends_with_the_right_status_and_words)
{
    const CommandResult *result = run_shell("%s %s", rematc_path(), lines[_i].arguments);
    const char *text = lines[_i].status == EXIT_DONE ? result->out : result->err;
    ck_assert_msg(result->status == lines[_i].status, "rematc %s: status %d, wanted %d\n%s",
                  lines[_i].arguments, result->status, lines[_i].status, result->err);
    ck_assert_msg(strstr(text, lines[_i].says), "rematc %s: '%s' is not in: %s",
                  lines[_i].arguments, lines[_i].says, text);
}
END_TEST

START_TEST(the_model_may_come_from_standard_input)
{
    const CommandResult *result =
        run_shell("%s plan - --format json < examples/tutorial/mlp.net", rematc_path());
    ck_assert_int_eq(result->status, EXIT_DONE);
    ck_assert(strstr(result->out, "\"model\": \"model\""));
}
END_TEST

START_TEST(the_refusal_names_the_exact_smallest_budget)
{
    const char *model = "examples/tutorial/deep.net -D blocks=4";
    const CommandResult *result =
        run_shell("%s plan %s --budget 1k --target cpu", rematc_path(), model);
    ck_assert_int_eq(result->status, EXIT_INPUT);
    const char *line = strstr(result->err, "error: no plan fits 1000 B (1000 bytes): the smallest "
                                           "possible budget is ");
    ck_assert_msg(line, "%s", result->err);
    unsigned long long smallest = 0;
    ck_assert_int_eq(sscanf(strstr(line, "budget is ") + 10, "%llu", &smallest), 1);
    result = run_shell("%s plan %s --target cpu --format json --budget %llu", rematc_path(), model,
                       smallest);
    ck_assert_msg(result->status == EXIT_DONE, "%llu bytes: %s", smallest, result->err);
    ck_assert(last_number(result->out, "peak_bytes") <= (double)smallest);
    result = run_shell("%s plan %s --target cpu --budget %llu", rematc_path(), model, smallest - 1);
    ck_assert_int_eq(result->status, EXIT_INPUT);
}
END_TEST

Suite *cli_suite(void)
{
    Suite *suite = suite_create("cli");
    TCase *tcase = tcase_create("cli");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, each_command_line_ends_with_the_right_status_and_words, 0,
                        sizeof lines / sizeof lines[0]);
    tcase_add_test(tcase, the_model_may_come_from_standard_input);
    tcase_add_test(tcase, the_refusal_names_the_exact_smallest_budget);
    suite_add_tcase(suite, tcase);
    return suite;
}
