/* Every strategy on made-up training problems: legal, laid out without overlap, never above what
 * keeping everything needs; and the simulator catches what is planted. */
#include "plan/device.h"
#include "plan/mincut.h"
#include "plan/order.h"
#include "plan/proof.h"
#include "plan/refine.h"
#include "plan/search.h"
#include "tests/support/command.h"
#include "tests/support/make_problem.h"

#include <check.h>
#include <math.h>
#include <string.h>

Suite *plan_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

static size_t arena_of(const Problem *problem, const Plan *plan)
{
    Timeline timeline = plan_simulate(arena, problem, plan);
    ck_assert_msg(!timeline.error, "%s: %s", plan->strategy, timeline.error);
    Layout layout = plan_layout(arena, problem, &timeline, true);
    const char *error = layout_verify(arena, problem, &timeline, &layout);
    ck_assert_msg(!error, "%s: %s", plan->strategy, error);
    ck_assert_uint_ge(layout.arena_bytes, timeline.max_live_bytes);
    return layout.arena_bytes;
}

/* Replays with bytes instead of lives: each value in its own place holds a number that says what
 * wrote it from what; the numbers that each node reads must not depend on the plan. */
static uint64_t *fingerprints(const Problem *problem, const Plan *plan)
{
    uint64_t *value = NEW_N(arena, uint64_t, problem->n_values);
    uint64_t *read = NEW_N(arena, uint64_t, problem->n_nodes);
    for (int v = 0; v < problem->n_values; v++)
        value[v] = problem->values[v].producer < 0 ? (uint64_t)v + 1 : 0;
    for (int s = 0; s < plan->n_steps; s++) {
        const ProblemNode *node = &problem->nodes[plan->sequence[s]];
        uint64_t hash = (uint64_t)plan->sequence[s];
        for (int i = 0; i < node->n_reads; i++)
            hash = hash * 0x100000001b3u + value[node->reads[i]];
        uint64_t *before = &read[plan->sequence[s]];
        ck_assert(*before == 0 || *before == hash + 1);
        *before = hash + 1;
        for (int w = 0; w < node->n_writes; w++) {
            int takes = problem->values[node->writes[w]].takes;
            value[node->writes[w]] = hash * 31 + (uint64_t)w + 1;
            if (takes >= 0)
                value[takes] = 0;
        }
    }
    return read;
}

static const PlanOptions no_budget = {.effort = 0.002};

static void check_strategies(const Problem *problem)
{
    const Plan *none = strategy_none(arena, problem, &no_budget);
    const uint64_t *wanted = fingerprints(problem, none);
    arena_of(problem, none);
    for (int i = 0; i < N_STRATEGIES; i++) {
        const Plan *plan = strategies[i].run(arena, problem, &no_budget);
        ck_assert_str_eq(plan->strategy, strategies[i].name);
        arena_of(problem, plan);
        const uint64_t *got = fingerprints(problem, plan);
        ck_assert(memcmp(wanted, got, (size_t)problem->n_nodes * sizeof *got) == 0);
    }
}

START_TEST(every_strategy_is_legal_on_random_problems)
{
    for (int k = 0; k < 8; k++)
        check_strategies(make_random(arena, 100 * (uint64_t)_i + (uint64_t)k, 3 + _i));
}
END_TEST

START_TEST(every_strategy_is_legal_on_models)
{
    check_strategies(make_transformer(arena, 1 + 3 * _i));
    check_strategies(make_chain(arena, 1 + 7 * _i, 1000, 64));
}
END_TEST

START_TEST(a_problem_reads_back_as_printed)
{
    const Problem *problem = make_random(arena, (uint64_t)_i, 20);
    Text text = text_new(arena), again = text_new(arena);
    problem_print(&text, problem);
    const char *error;
    const Problem *read = problem_read(arena, text.data, &error);
    ck_assert_msg(read != NULL, "%s", error);
    problem_print(&again, read);
    ck_assert_str_eq(text.data, again.data);
    const Plan *plan = strategy_sqrt(arena, problem, &no_budget);
    Text printed = text_new(arena);
    plan_print(&printed, problem, plan);
    const Plan *back = plan_read(arena, problem, printed.data, &error);
    ck_assert_msg(back != NULL, "%s", error);
    ck_assert_int_eq(back->n_steps, plan->n_steps);
    ck_assert(memcmp(back->sequence, plan->sequence, (size_t)plan->n_steps * sizeof(int)) == 0);
}
END_TEST

static const char *const bad_problems[] = {
    "",
    "value 1 activation",
    "problem 64\nvalue 1 activation 0 -1 0 \"x\"\n",
    "problem 64\ninstance -1 -1 0 \"\" \"\"\nnode forward 1 1 0 -1 0 \"a\" \"b\"\nreads 3\n",
    "problem 64\nnode forward -1 1 0 -1 0 \"a\" \"b\"\n",
    "problem 64 65\n",
    "problem 64\ninstance 0 -1 0 \"\" \"\"\n",
    "problem 64\nvalue 99999999999999999999 activation -1 -1 0 \"x\"\n",
};

START_TEST(a_malformed_problem_is_refused)
{
    const char *error;
    ck_assert_ptr_null(problem_read(arena, bad_problems[_i], &error));
    ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(every_built_in_device_is_complete)
{
    const Device *device = device_find(arena, device_name(_i));
    ck_assert_ptr_nonnull(device);
    ck_assert_uint_gt(device->memory_bytes, 0);
    ck_assert(device->launch > 0 && device->efficiency <= 1);
}
END_TEST

static const char *const bad_devices[] = {
    "matmul f32 = 1e12", "bandwidth = fast", "speed = 1", "vector", "vector = -1", "memory = 3.3",
};

START_TEST(a_malformed_device_is_refused)
{
    const char *error;
    ck_assert_ptr_null(device_read(arena, "bad", bad_devices[_i], &error));
    ck_assert_ptr_nonnull(strstr(error, ": error: "));
    ck_assert_ptr_null(device_find(arena, "abacus"));
}
END_TEST

/* --- planted faults ------------------------------------------------------------------------------
 */

static const char *simulate_edited(const Problem *problem, const int *sequence, int n)
{
    Plan plan = {"edited", NEW_N(arena, int, n), n, NULL, 0};
    memcpy(plan.sequence, sequence, (size_t)n * sizeof(int));
    return plan_simulate(arena, problem, &plan).error;
}

START_TEST(illegal_plans_are_caught)
{
    const Problem *problem = make_chain(arena, 3, 100, 64);
    const Plan *none = strategy_none(arena, problem, &no_budget);
    int n = none->n_steps, *edited = NEW_N(arena, int, n + 1), update = -1;
    ck_assert_ptr_null(simulate_edited(problem, none->sequence, n));
    for (int i = 0; i < n; i++) { /* any node left out is missed */
        memcpy(edited, none->sequence, (size_t)n * sizeof(int));
        memmove(edited + i, edited + i + 1, (size_t)(n - 1 - i) * sizeof(int));
        ck_assert_ptr_nonnull(simulate_edited(problem, edited, n - 1));
        if (problem->nodes[i].phase == PHASE_update && update < 0)
            update = i;
    }
    memcpy(edited, none->sequence, (size_t)n * sizeof(int));
    edited[n] = update; /* twice */
    ck_assert_ptr_nonnull(strstr(simulate_edited(problem, edited, n + 1), "only once"));
    edited[n] = problem->nodes[update].reads[0]; /* some node; replaced below */
    for (int i = 0; i < problem->n_nodes; i++)
        if (problem->nodes[i].phase == PHASE_forward && problem->nodes[i].n_reads == 2)
            edited[n] = i; /* a layer after its parameter's update */
    ck_assert_ptr_nonnull(strstr(simulate_edited(problem, edited, n + 1), "overwritten"));
    edited[n] = n;
    ck_assert_ptr_nonnull(strstr(simulate_edited(problem, edited, n + 1), "does not exist"));
    edited[0] = 1;
    edited[1] = 0;
    ck_assert_ptr_nonnull(strstr(simulate_edited(problem, edited, n), "not written yet"));
}
END_TEST

START_TEST(overlapping_layouts_are_caught)
{
    const Problem *problem = make_transformer(arena, 1);
    const Plan *plan = strategy_none(arena, problem, &no_budget);
    Timeline timeline = plan_simulate(arena, problem, plan);
    Layout layout = plan_layout(arena, problem, &timeline, true);
    ck_assert_ptr_null(layout_verify(arena, problem, &timeline, &layout));
    for (int l = 0; l < timeline.n_lives; l++) {
        size_t right = layout.offsets[l];
        layout.offsets[l] = layout.arena_bytes; /* above the end, or away from what it takes */
        ck_assert_ptr_nonnull(layout_verify(arena, problem, &timeline, &layout));
        layout.offsets[l] = right;
    }
    for (int l = 0; l < timeline.n_lives; l++)
        if (timeline.lives[l].alias_of < 0 && layout.offsets[l] > 0) {
            layout.offsets[l] = 0; /* on the first parameter */
            ck_assert_ptr_nonnull(layout_verify(arena, problem, &timeline, &layout));
            return;
        }
}
END_TEST

/* --- memory as the paper says --------------------------------------------------------------------
 */

static double kept_bytes(PlanStrategy *strategy, int layers)
{
    const Problem *problem = make_chain(arena, layers, 1 << 16, 64);
    size_t resident = 0;
    for (int v = 0; v < problem->n_values; v++)
        if (problem->values[v].resident && problem->values[v].takes < 0)
            resident += value_bytes(problem, v);
    return (double)(arena_of(problem, strategy(arena, problem, &no_budget)) - resident);
}

/* The exponent of n between 64 and 1024 layers. */
static double growth(PlanStrategy *strategy)
{
    return log(kept_bytes(strategy, 1024) / kept_bytes(strategy, 64)) / log(16);
}

START_TEST(memory_grows_as_n_and_as_its_root)
{
    ck_assert_double_eq_tol(growth(strategy_none), 1, 0.05);
    ck_assert_double_eq_tol(growth(strategy_sqrt), 0.5, 0.08);
    ck_assert_double_eq_tol(growth(strategy_chen), 0.5, 0.08);
}
END_TEST

START_TEST(memory_grows_as_the_logarithm_of_n)
{
    double last = kept_bytes(strategy_recursive, 64);
    for (int layers = 128; layers <= 1024; layers *= 2) { /* a doubling adds about one layer */
        double more = kept_bytes(strategy_recursive, layers);
        ck_assert_double_le(more - last, 1.5 * (1 << 16));
        last = more;
    }
}
END_TEST

START_TEST(sqrt_runs_the_forward_pass_at_most_once_more)
{
    const Problem *problem = make_chain(arena, 256, 1000, 64);
    double forward = 0, all = 0;
    for (int i = 0; i < problem->n_nodes; i++) {
        all += problem->nodes[i].seconds;
        if (problem->nodes[i].phase == PHASE_forward)
            forward += problem->nodes[i].seconds;
    }
    const Plan *plan = strategy_sqrt(arena, problem, &no_budget);
    ck_assert_double_le(plan_simulate(arena, problem, plan).seconds, all + forward);
}
END_TEST

/* --- the oracle ----------------------------------------------------------------------------------
 */

typedef struct {
    const Problem *problem;
    size_t live_bytes;
    int sequence[64], n;
    double best;
} Brute;

static double cost_of(const Problem *problem, const Plan *plan, size_t *live_bytes)
{
    Arena *scratch = arena_new();
    Timeline timeline = plan_simulate(scratch, problem, plan);
    double seconds = timeline.error ? (double)INFINITY : timeline.seconds;
    *live_bytes = timeline.max_live_bytes;
    arena_free(scratch);
    return seconds;
}

/* Every sequence with first runs in base order and at most `reruns` more. */
static void try_all(Brute *b, int stage, int reruns)
{
    if (stage == b->problem->n_nodes) {
        Plan plan = {"brute", b->sequence, b->n, NULL, 0};
        size_t live;
        double seconds = cost_of(b->problem, &plan, &live);
        if (live <= b->live_bytes && seconds < b->best)
            b->best = seconds;
        return;
    }
    b->sequence[b->n++] = stage;
    try_all(b, stage + 1, reruns);
    b->n--;
    for (int id = 0; id < stage && reruns > 0; id++)
        if (b->problem->nodes[id].replayable) {
            b->sequence[b->n++] = id;
            try_all(b, stage, reruns - 1);
            b->n--;
        }
}

/* Ten times a hundred. */
START_TEST(optimal_agrees_with_brute_force_on_1000_problems)
{
    enum { N_PROBLEMS = 100, MOST_NODES = 12, MOST_RERUNS = 2 };
    uint64_t seed = (uint64_t)_i;
    int n_with_reruns = 0;
    for (int n = 0; n < N_PROBLEMS;) {
        Problem *problem = make_random(arena, random_next(&seed), 2 + random_below(&seed, 2));
        if (problem->n_nodes > MOST_NODES)
            continue;
        n++;
        size_t most;
        Plan *plan = strategy_none(arena, problem, &no_budget);
        cost_of(problem, plan, &most);
        Brute brute = {.problem = problem, .best = (double)INFINITY};
        brute.live_bytes = most - 1 - (size_t)random_below(&seed, (int)most / 2);
        try_all(&brute, 0, MOST_RERUNS);
        size_t live = 0;
        int64_t work = 10000000;
        OptimalStatus status = optimal_plan(arena, problem, brute.live_bytes, &work, &plan);
        ck_assert_int_ne(status, OPTIMAL_GAVE_UP);
        double found = status == OPTIMAL_FOUND ? cost_of(problem, plan, &live) : (double)INFINITY;
        ck_assert_uint_le(live, brute.live_bytes);
        ck_assert(found <= brute.best * (1 + 1e-12));
        if (status == OPTIMAL_NONE || plan->n_steps <= problem->n_nodes + MOST_RERUNS)
            ck_assert(found >= brute.best * (1 - 1e-12) || isinf(found));
        n_with_reruns += status == OPTIMAL_FOUND && plan->n_steps > problem->n_nodes;
    }
    ck_assert_int_ge(n_with_reruns, N_PROBLEMS / 20);
}
END_TEST

/* A cut over all 2^n sides of a small random network. */
START_TEST(a_minimum_cut_is_the_least_of_all_cuts)
{
    enum { N = 7 };
    uint64_t seed = (uint64_t)_i;
    int64_t capacity[N][N] = {{0}};
    Network *network = network_new(arena, N);
    for (int k = 0; k < 14; k++) {
        int from = random_below(&seed, N), to = random_below(&seed, N),
            more = random_below(&seed, 20);
        network_add(network, from, to, more);
        capacity[from][to] += more;
    }
    int64_t least = INT64_MAX;
    for (int side = 0; side < 1 << N; side++) {
        if (!(side & 1) || side & 2)
            continue;
        int64_t cut = 0;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++)
                cut += side >> i & 1 && !(side >> j & 1) ? capacity[i][j] : 0;
        least = cut < least ? cut : least;
    }
    bool side[N];
    ck_assert_int_eq(network_cut(network, side), least);
    int64_t cut = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            cut += side[i] && !side[j] ? capacity[i][j] : 0;
    ck_assert_int_eq(cut, least);
}
END_TEST

START_TEST(no_plan_is_below_the_bounds)
{
    uint64_t seed = (uint64_t)_i;
    for (int k = 0; k < 10; k++) {
        Problem *problem = make_random(arena, random_next(&seed), 2 + random_below(&seed, 5));
        PlanOptions options = {.has_budget = true, .budget_bytes = 1, .effort = 0.01};
        const Strategy *optimal = &strategies[STRATEGY_optimal];
        Solution least = plan_search(arena, problem, optimal, &options);
        ck_assert_uint_ge(least.layout.arena_bytes, least.lower_bound_bytes);
        Solution *line = plan_pareto(arena, problem, optimal, &options, 6);
        for (int i = 0; i < 6; i++)
            ck_assert(line[i].overhead >= line[i].overhead_lower_bound - 1e-12);
    }
}
END_TEST

/* A random legal sequence: nodes as soon as chance wants it, what is overwritten after all its
 * readers, forward nodes again here and there. NULL where chance led nowhere. */
static Plan *random_plan(const Problem *problem, uint64_t *seed, int reruns)
{
    int n = 0, *ready = NEW_N(arena, int, problem->n_nodes);
    bool *ran = NEW_N(arena, bool, problem->n_nodes);
    Plan *plan = NEW(arena, Plan);
    plan->strategy = "random";
    plan->sequence = NEW_N(arena, int, problem->n_nodes + reruns);
    for (int left = problem->n_nodes; left > 0;) {
        n = 0;
        for (int i = 0; i < problem->n_nodes; i++) {
            bool good = !ran[i];
            for (int k = 0; k < problem->nodes[i].n_reads && good; k++) {
                int producer = problem->values[problem->nodes[i].reads[k]].producer;
                good = producer < 0 || ran[producer];
            }
            if (good)
                ready[n++] = i;
        }
        /* One of the first few or any: both near to and far from the base order. */
        int most = random_below(seed, 2) ? n : n < 3 ? n : 3;
        int node = ready[random_below(seed, most)];
        ran[node] = true;
        plan->sequence[plan->n_steps++] = node;
        left--;
        int again = plan->sequence[random_below(seed, plan->n_steps)];
        if (reruns > 0 && problem->nodes[again].replayable && random_below(seed, 4) == 0) {
            plan->sequence[plan->n_steps++] = again;
            reruns--;
        }
    }
    return plan_simulate(arena, problem, plan).error ? NULL : plan;
}

START_TEST(no_legal_sequence_is_below_the_bounds)
{
    uint64_t seed = (uint64_t)_i;
    int n_legal = 0;
    for (int k = 0; k < 40; k++) {
        const Problem *problem = make_random(arena, random_next(&seed), 2 + random_below(&seed, 4));
        double base = 0;
        for (int i = 0; i < problem->n_nodes; i++)
            base += problem->nodes[i].seconds;
        for (int tries = 0; tries < 30; tries++) {
            Plan *plan = random_plan(problem, &seed, random_below(&seed, 4));
            if (!plan)
                continue;
            n_legal++;
            Timeline timeline = plan_simulate(arena, problem, plan);
            ck_assert_uint_ge(timeline.max_live_bytes, proof_memory(problem));
            double extra = proof_rerun_seconds(problem, timeline.max_live_bytes);
            ck_assert(timeline.seconds - base >= extra - 1e-9 * base);
        }
    }
    ck_assert_int_ge(n_legal, 30);
}
END_TEST

/* --- budgets -------------------------------------------------------------------------------------
 */

START_TEST(the_smallest_budget_is_exact_and_time_falls_as_the_budget_grows)
{
    const Strategy *strategy = &strategies[_i];
    const Problem *problems[] = {make_random(arena, 7, 30), make_transformer(arena, 5)};
    for (int k = 0; k < 2; k++) {
        PlanOptions options = {.has_budget = true, .budget_bytes = 1, .effort = 0.01};
        Solution least = plan_search(arena, problems[k], strategy, &options);
        ck_assert(!least.fits);
        options.budget_bytes = least.smallest_bytes - 1;
        Solution refused = plan_search(arena, problems[k], strategy, &options);
        ck_assert(!refused.fits && refused.smallest_bytes == least.smallest_bytes);
        options.budget_bytes++;
        ck_assert(plan_search(arena, problems[k], strategy, &options).fits);
        Solution *line = plan_pareto(arena, problems[k], strategy, &options, 12);
        for (int i = 0; i < 12; i++) {
            ck_assert(line[i].fits && line[i].layout.arena_bytes <= line[i].keep_all_bytes);
            ck_assert(i == 0 || line[i].timeline.seconds <= line[i - 1].timeline.seconds);
            ck_assert(line[i].overhead >= line[i].overhead_lower_bound - 1e-12);
        }
    }
}
END_TEST

START_TEST(auto_is_never_worse_than_another_strategy_at_its_peak)
{
    const Problem *problem =
        _i % 2 ? make_random(arena, (uint64_t)_i, 10 + 4 * _i) : make_transformer(arena, 2 + _i);
    for (int k = 0; k < N_STRATEGIES; k++) {
        if (k == STRATEGY_optimal)
            continue;
        Solution other = plan_search(arena, problem, &strategies[k], &no_budget);
        PlanOptions options = no_budget;
        options.has_budget = true;
        options.budget_bytes = other.layout.arena_bytes;
        Solution best = plan_search(arena, problem, &strategies[STRATEGY_auto], &options);
        ck_assert(best.fits && best.timeline.seconds <= other.timeline.seconds * (1 + 1e-12));
    }
}
END_TEST

START_TEST(putting_nodes_off_changes_no_number)
{
    const Problem *problem = make_random(arena, (uint64_t)_i, 25);
    const Plan *plan = strategy_sqrt(arena, problem, &no_budget);
    size_t gained;
    const Plan *moved = order_put_off(arena, problem, plan, &gained);
    ck_assert(memcmp(fingerprints(problem, plan), fingerprints(problem, moved),
                     (size_t)problem->n_nodes * sizeof(uint64_t)) == 0);
    Timeline before = plan_simulate(arena, problem, plan);
    Timeline after = plan_simulate(arena, problem, moved);
    ck_assert_ptr_null(after.error);
    ck_assert_uint_eq(before.max_live_bytes - gained, after.max_live_bytes);
}
END_TEST

START_TEST(refining_changes_no_number_and_keeps_its_promises)
{
    const Problem *problem =
        _i % 2 ? make_random(arena, (uint64_t)_i, 30) : make_transformer(arena, 2 + _i / 4);
    const Plan *plan = strategy_sqrt(arena, problem, &no_budget);
    const Plan *none = strategy_none(arena, problem, &no_budget);
    Timeline before = plan_simulate(arena, problem, plan);
    const Plan *kept = refine_plan(arena, problem, plan, SIZE_MAX / 4, &no_budget, 100000);
    ck_assert(plan->n_steps == problem->n_nodes || kept->n_steps == none->n_steps);
    size_t budget = before.max_live_bytes - before.max_live_bytes / 20;
    for (uint64_t seed = 0; seed < 3; seed++) {
        const PlanOptions with = {.seed = seed};
        const Plan *refined = refine_plan(arena, problem, plan, budget, &with, 1000000);
        const Plan *again = refine_plan(arena, problem, plan, budget, &with, 1000000);
        ck_assert((refined == NULL) == (again == NULL));
        if (!refined)
            continue;
        ck_assert_int_eq(refined->n_steps, again->n_steps);
        ck_assert(memcmp(refined->sequence, again->sequence,
                         (size_t)refined->n_steps * sizeof(int)) == 0);
        ck_assert_ptr_null(plan_simulate(arena, problem, refined).error);
        ck_assert(memcmp(fingerprints(problem, plan), fingerprints(problem, refined),
                         (size_t)problem->n_nodes * sizeof(uint64_t)) == 0);
    }
}
END_TEST

static bool at_most(void *limit, int64_t value)
{
    return value <= *(int64_t *)limit;
}

START_TEST(fit_finds_the_largest_value)
{
    for (int64_t limit = 0; limit <= 40; limit++) {
        int n_tried;
        ck_assert_int_eq(fit_search(at_most, &limit, 1, 33, &n_tried), limit < 33 ? limit : 33);
        ck_assert_int_le(n_tried, 12);
    }
}
END_TEST

/* --- marks ---------------------------------------------------------------------------------------
 */

START_TEST(marks_lower_the_peak_of_a_deep_chain_and_are_not_called_useless)
{
    const Problem *problem = make_transformer(arena, 6);
    const Plan *marked = strategy_marked(arena, problem, &no_budget);
    const Plan *none = strategy_none(arena, problem, &no_budget);
    ck_assert_uint_lt(arena_of(problem, marked), arena_of(problem, none) / 2);
    ck_assert_int_le(marked->n_useless_marks, 1);
}
END_TEST

START_TEST(a_mark_that_saves_nothing_is_listed)
{
    const Problem *problem = make_chain(arena, 2, 64, 1 << 20);
    const Plan *marked = strategy_marked(arena, problem, &no_budget);
    ck_assert_int_eq(marked->n_useless_marks, 2);
    ck_assert_uint_eq(arena_of(problem, marked),
                      arena_of(problem, strategy_none(arena, problem, &no_budget)));
}
END_TEST

START_TEST(what_is_marked_keep_is_never_recomputed)
{
    Problem *problem = make_transformer(arena, 4);
    for (int v = 0; v < problem->n_values; v++)
        problem->values[v].keep = problem->values[v].class == CLASS_activation;
    const Plan *marked = strategy_marked(arena, problem, &no_budget);
    ck_assert_int_eq(marked->n_steps, problem->n_nodes);
}
END_TEST

/* Six values cross each of its inner places: cuts must be there too, not at its narrow ends alone.
 */
START_TEST(a_model_that_is_narrow_at_its_ends_alone_is_cut_too)
{
    static const char model[] = "tests/cases/ok/long_skips.net --target cpu";
    const CommandResult *result =
        run_shell("%s plan %s --strategy chen --format json -q", rematc_path(), model);
    ck_assert_msg(result->status == 0, "%s", result->err);
    double none = last_number(result->out, "keep_all_peak_bytes");
    ck_assert_double_lt(last_number(result->out, "peak_bytes"), 0.65 * none);
    result = run_shell("%s plan %s --budget %.0f -q", rematc_path(), model, 0.5 * none);
    ck_assert_msg(result->status == 0, "%s", result->err);
}
END_TEST

Suite *plan_suite(void)
{
    Suite *suite = suite_create("plan");
    TCase *tcase = tcase_create("plan");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, every_strategy_is_legal_on_random_problems, 0, 16);
    tcase_add_loop_test(tcase, every_strategy_is_legal_on_models, 0, 4);
    tcase_add_loop_test(tcase, a_problem_reads_back_as_printed, 0, 10);
    tcase_add_loop_test(tcase, a_malformed_problem_is_refused, 0,
                        (int)(sizeof bad_problems / sizeof *bad_problems));
    tcase_add_loop_test(tcase, every_built_in_device_is_complete, 0, device_count());
    tcase_add_loop_test(tcase, a_malformed_device_is_refused, 0,
                        (int)(sizeof bad_devices / sizeof *bad_devices));
    tcase_add_test(tcase, illegal_plans_are_caught);
    tcase_add_test(tcase, overlapping_layouts_are_caught);
    tcase_add_loop_test(tcase, optimal_agrees_with_brute_force_on_1000_problems, 0, 10);
    tcase_add_loop_test(tcase, a_minimum_cut_is_the_least_of_all_cuts, 0, 50);
    tcase_add_loop_test(tcase, no_plan_is_below_the_bounds, 0, 4);
    tcase_add_loop_test(tcase, no_legal_sequence_is_below_the_bounds, 0, 10);
    tcase_add_test(tcase, memory_grows_as_n_and_as_its_root);
    tcase_add_test(tcase, memory_grows_as_the_logarithm_of_n);
    tcase_add_test(tcase, sqrt_runs_the_forward_pass_at_most_once_more);
    tcase_add_loop_test(tcase, the_smallest_budget_is_exact_and_time_falls_as_the_budget_grows, 0,
                        N_STRATEGIES);
    tcase_add_loop_test(tcase, auto_is_never_worse_than_another_strategy_at_its_peak, 0, 6);
    tcase_add_loop_test(tcase, putting_nodes_off_changes_no_number, 0, 20);
    tcase_add_loop_test(tcase, refining_changes_no_number_and_keeps_its_promises, 0, 16);
    tcase_add_test(tcase, fit_finds_the_largest_value);
    tcase_add_test(tcase, marks_lower_the_peak_of_a_deep_chain_and_are_not_called_useless);
    tcase_add_test(tcase, a_mark_that_saves_nothing_is_listed);
    tcase_add_test(tcase, what_is_marked_keep_is_never_recomputed);
    tcase_add_test(tcase, a_model_that_is_narrow_at_its_ends_alone_is_cut_too);
    suite_add_tcase(suite, tcase);
    return suite;
}
