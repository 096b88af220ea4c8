/* Every strategy on every example over many budgets: `auto` is never worse than another strategy,
 * more memory never costs time, no plan is above keeping everything or below its bound, and the
 * smallest budget is exact. Small sizes; LONG=1 (make check-long) takes the full ones too. */
#include "plan/search.h"
#include "tests/support/command.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *budgets_suite(void);

enum { N_BUDGETS = 20 };

static const char *const examples[] = {
    "examples/tutorial/mlp.net", "examples/tutorial/deep.net", "examples/fashion/mlp.net",
    "examples/bert/bert.net",    "examples/gpt/gpt.net",
};
enum { N_EXAMPLES = sizeof examples / sizeof *examples };

static Arena *arena;
static PlanOptions options;

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

/* Solutions for n budgets; whatever they are they must keep what every solution promises. */
static const Solution *solve(const Problem *problem, int strategy, const size_t *budgets, int n)
{
    const Solution *all =
        plan_search_all(arena, problem, &strategies[strategy], &options, budgets, n);
    for (int i = 0; i < n; i++) {
        const Solution *s = &all[i];
        ck_assert_uint_ge(s->layout.arena_bytes, s->lower_bound_bytes);
        ck_assert_uint_le(s->layout.arena_bytes, s->keep_all_bytes);
        ck_assert(s->fits == (s->layout.arena_bytes <= budgets[i]));
        ck_assert_msg(!s->fits || s->overhead >= s->overhead_lower_bound - 1e-12,
                      "%s at %zu: %g below %g", s->strategy->name, budgets[i], s->overhead,
                      s->overhead_lower_bound);
    }
    return all;
}

/* What a strategy says it needs is enough, and a byte less is not. */
static size_t check_smallest(const Problem *problem, int strategy)
{
    const size_t one = 1;
    const Solution *least = solve(problem, strategy, &one, 1);
    ck_assert(!least->fits);
    size_t bytes = least->smallest_bytes, both[] = {bytes, bytes - 1};
    const Solution *near = solve(problem, strategy, both, 2);
    ck_assert(near[0].fits);
    ck_assert_msg(!near[1].fits && near[1].smallest_bytes == bytes, "%s: %zu, then %zu",
                  strategies[strategy].name, bytes, near[1].smallest_bytes);
    return bytes;
}

static void check_against(const Solution *best, const Solution *other, size_t budget_bytes)
{
    ck_assert_msg(!other->fits || best->timeline.seconds <= other->timeline.seconds,
                  "%s at %zu: %.17g, auto %.17g", other->strategy->name, budget_bytes,
                  other->timeline.seconds, best->timeline.seconds);
}

/* With the options at hand. */
static void check_example(const char *path, bool small)
{
    const Problem *problem = read_example(path, small);
    options.effort = small ? 0.02 : 1;
    size_t budgets[N_BUDGETS], least = SIZE_MAX, most = 0;
    for (int k = 0; k < N_STRATEGIES; k++) {
        size_t bytes = check_smallest(problem, k);
        least = bytes < least ? bytes : least;
        if (k == STRATEGY_none)
            most = bytes;
    }
    for (int i = 0; i < N_BUDGETS; i++)
        budgets[i] = least + (most - least) * (size_t)i / (N_BUDGETS - 1);
    const Solution *best = solve(problem, STRATEGY_auto, budgets, N_BUDGETS);
    for (int i = 0; i < N_BUDGETS; i++) {
        ck_assert_msg(best[i].fits, "auto has no plan within %zu", budgets[i]);
        ck_assert_msg(i == 0 || best[i].timeline.seconds <= best[i - 1].timeline.seconds,
                      "%zu bytes cost time", budgets[i]);
    }
    for (int k = 0; k < N_STRATEGIES; k++) {
        if (k == STRATEGY_optimal || k == STRATEGY_auto)
            continue;
        const Solution *other = solve(problem, k, budgets, N_BUDGETS);
        for (int i = 0; i < N_BUDGETS; i++)
            check_against(&best[i], &other[i], budgets[i]);
    }
}

START_TEST(auto_is_never_worse_on_small_examples)
{
    check_example(examples[_i], true);
}
END_TEST

/* Another seed is another search, with the same promises; the same seed is the same plan. */
START_TEST(every_seed_keeps_the_promises)
{
    const Problem *problem = read_example("examples/gpt/gpt.net", true);
    options.seed = 1 + (uint64_t)_i;
    check_example("examples/gpt/gpt.net", true);
    size_t bytes = solve(problem, STRATEGY_none, (size_t[]){1}, 1)->keep_all_bytes / 2;
    const Solution *once = solve(problem, STRATEGY_auto, &bytes, 1);
    const Solution *again = solve(problem, STRATEGY_auto, &bytes, 1);
    ck_assert_int_eq(once->plan->n_steps, again->plan->n_steps);
    ck_assert(memcmp(once->plan->sequence, again->plan->sequence,
                     (size_t)once->plan->n_steps * sizeof(int)) == 0);
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
    tcase_add_loop_test(tcase, every_seed_keeps_the_promises, 0, 2);
    tcase_add_loop_test(tcase, auto_is_never_worse_on_full_examples, 0, N_EXAMPLES);
    suite_add_tcase(suite, tcase);
    return suite;
}
