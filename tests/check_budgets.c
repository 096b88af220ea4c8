/* Every strategy on every example over many budgets: `auto` is never worse than another strategy,
 * more memory never costs time, no plan is above keeping everything or below its bound, and the
 * smallest budget is exact. Small sizes; LONG=1 (make check-long) takes the full ones too. */
#include "plan/search.h"
#include "tests/support/command.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

Suite *budgets_suite(void);

enum { N_BUDGETS = 20 };

static const char *const examples[] = {
    "examples/tutorial/mlp.net", "examples/tutorial/deep.net", "examples/fashion/mlp.net",
    "examples/bert/bert.net",    "examples/gpt/gpt.net",
};
enum { N_EXAMPLES = sizeof examples / sizeof *examples };

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

/* The example as it stands, or with what its line `# small:` says. */
static const Problem *read_example(const char *path, bool small)
{
    const CommandResult *result =
        run_shell("%s plan -q %s -d measure $(test %d = 0 || sed -n \"s/^. small: //p\" %s)",
                  rematc_path(), path, small, path);
    ck_assert_msg(result->status == EXIT_DONE, "%s: %s", path, result->err);
    const char *error;
    const Problem *problem = problem_read(arena, result->out, &error);
    ck_assert_msg(problem != NULL, "%s: %s", path, error);
    return problem;
}

static Solution solve(const Problem *problem, int strategy, size_t budget_bytes)
{
    PlanOptions options = {.has_budget = true, .budget_bytes = budget_bytes};
    Solution s = plan_search(arena, problem, &strategies[strategy], &options);
    ck_assert_uint_ge(s.layout.arena_bytes, s.lower_bound_bytes);
    ck_assert_uint_le(s.layout.arena_bytes, s.keep_all_bytes);
    if (s.fits)
        ck_assert_msg(s.overhead >= s.overhead_lower_bound - 1e-12, "%s at %zu: %g below %g",
                      s.strategy->name, budget_bytes, s.overhead, s.overhead_lower_bound);
    return s;
}

static void check_at(const Problem *problem, size_t budget_bytes, double *seconds)
{
    Solution best = solve(problem, STRATEGY_auto, budget_bytes);
    ck_assert_msg(best.fits, "auto has no plan within %zu", budget_bytes);
    ck_assert_msg(best.timeline.seconds <= *seconds, "%zu bytes cost time", budget_bytes);
    *seconds = best.timeline.seconds;
    for (int k = 0; k < N_STRATEGIES; k++) {
        if (k == STRATEGY_optimal || k == STRATEGY_auto)
            continue;
        Solution other = solve(problem, k, budget_bytes);
        ck_assert_msg(!other.fits || best.timeline.seconds <= other.timeline.seconds,
                      "%s at %zu: %.17g, auto %.17g", strategies[k].name, budget_bytes,
                      other.timeline.seconds, best.timeline.seconds);
    }
}

/* What a strategy says it needs is enough, and a byte less is not. */
static size_t check_smallest(const Problem *problem, int strategy)
{
    Solution least = solve(problem, strategy, 1);
    ck_assert(!least.fits);
    size_t bytes = least.smallest_bytes;
    ck_assert(solve(problem, strategy, bytes).fits);
    Solution refused = solve(problem, strategy, bytes - 1);
    ck_assert_msg(!refused.fits && refused.smallest_bytes == bytes, "%s: %zu, then %zu",
                  strategies[strategy].name, bytes, refused.smallest_bytes);
    return bytes;
}

static void check_example(const char *path, bool small)
{
    const Problem *problem = read_example(path, small);
    size_t least = SIZE_MAX, most = solve(problem, STRATEGY_none, 1).keep_all_bytes;
    for (int k = 0; k < N_STRATEGIES; k++) {
        size_t bytes = check_smallest(problem, k);
        least = bytes < least ? bytes : least;
    }
    double seconds = INFINITY;
    for (int i = 0; i < N_BUDGETS; i++)
        check_at(problem, least + (most - least) * (size_t)i / (N_BUDGETS - 1), &seconds);
}

START_TEST(auto_is_never_worse_on_small_examples)
{
    check_example(examples[_i], true);
}
END_TEST

START_TEST(auto_is_never_worse_on_full_examples)
{
    if (getenv("LONG"))
        check_example(examples[_i], false);
    else
        say_skipped("%s in full: only with LONG=1", examples[_i]);
}
END_TEST

Suite *budgets_suite(void)
{
    Suite *suite = suite_create("budgets");
    TCase *tcase = tcase_create("budgets");
    tcase_set_timeout(tcase, 1200);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, auto_is_never_worse_on_small_examples, 0, N_EXAMPLES);
    tcase_add_loop_test(tcase, auto_is_never_worse_on_full_examples, 0, N_EXAMPLES);
    suite_add_tcase(suite, tcase);
    return suite;
}
