/* What is said of plans: each example under each strategy, replayed from its JSON by a program that
 * shares nothing with the compiler; tables of plans. */
#include "base/base.h"
#include "plan/strategies/strategies.h"
#include "tests/support/command.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

Suite *report_suite(void);

/* Each example at its small size, for both targets. */
START_TEST(every_plan_replays_from_its_json)
{
    const char *strategy = strategies[_i].name;
    const CommandResult *result = run_shell(
        "for f in examples/*/*.net; do for t in cpu cuda; do "
        "%s plan $f $(sed -n \"s/^# small: //p\" $f) --target $t --strategy %s --format json -q "
        "-o %s/$(basename $(dirname $f))-$(basename $f .net)-$t.json || exit 1; done; done; "
        "python3 tests/oracle/replay_plan.py %s/*.json",
        rematc_path(), strategy, scratch_folder(), scratch_folder());
    ck_assert_msg(result->status == 0, "%s: %s%s", strategy, result->out, result->err);
    ck_assert_msg(strstr(result->out, ": 0 faults"), "%s: %s", strategy, result->out);
}
END_TEST

/* Rows of `json` that have the key. */
static int count_rows(const char *json, const char *key)
{
    int n = 0;
    for (const char *at = json; (at = strstr(at, key)) != NULL; at += strlen(key))
        n++;
    return n;
}

START_TEST(tables_of_plans_are_json_too)
{
    const CommandResult *result =
        run_shell("%s plan examples/tutorial/deep.net --compare --format json -q | "
                  "python3 -m json.tool",
                  rematc_path());
    ck_assert_msg(result->status == 0, "%s", result->err);
    ck_assert_int_eq(count_rows(result->out, "\"peak_bytes\""), N_STRATEGIES);
    result =
        run_shell("%s plan examples/tutorial/deep.net --pareto 3 --format json -q", rematc_path());
    ck_assert_msg(result->status == 0, "%s", result->err);
    ck_assert_int_eq(count_rows(result->out, "\"overhead\""), 3);
}
END_TEST

START_TEST(a_plan_does_not_differ_from_itself)
{
    const CommandResult *result =
        run_shell("cd %s && $OLDPWD/%s plan $OLDPWD/examples/tutorial/deep.net --format json -q -o "
                  "a.json && $OLDPWD/%s diff a.json a.json",
                  scratch_folder(), rematc_path(), rematc_path());
    ck_assert_msg(result->status == 0, "%s", result->err);
    ck_assert_str_eq(result->out, "no difference in bytes, time or decisions\n");
}
END_TEST

START_TEST(a_model_has_each_parameter_once)
{
    const CommandResult *result = run_shell("%s check examples/tutorial/mlp.net", rematc_path());
    /* 256 128 + 128 + 128 64 + 64 + 64 32 + 32 + 32 10 + 10 */
    ck_assert_msg(strstr(result->out, " 43562 parameters "), "%s", result->out);
}
END_TEST

Suite *report_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("report");
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, every_plan_replays_from_its_json, 0, N_STRATEGIES);
    tcase_add_test(tcase, tables_of_plans_are_json_too);
    tcase_add_test(tcase, a_plan_does_not_differ_from_itself);
    tcase_add_test(tcase, a_model_has_each_parameter_once);
    suite_add_tcase(suite, tcase);
    return suite;
}
