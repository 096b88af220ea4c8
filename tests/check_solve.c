/* The raw recompute search against oracles: a plain table over all states, all short sequences, and
 * a verifier that must see each planted fault. */
#include "plan/bounds.h"
#include "plan/exact.h"
#include "plan/instance.h"
#include "plan/random.h"
#include "plan/replay.h"
#include "plan/retention.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *solve_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

/* --- random small problems ------------------------------------------------------------------ */

enum { MOST_NODES = 7, MOST_VALUES = 10 };

/* Nodes write one or two values and read some of the earlier ones; a few have workspace, run only
 * once or leave an output. With plain: one value a node and nothing else. */
static RecomputeProblem *random_problem(uint64_t seed, int n_nodes, bool plain)
{
    Random random = {seed};
    RecomputeProblem *p = NEW(arena, RecomputeProblem);
    double *cost = NEW_N(arena, double, n_nodes);
    size_t *workspace = NEW_N(arena, size_t, n_nodes), *bytes = NEW_N(arena, size_t, MOST_VALUES);
    bool *once = NEW_N(arena, bool, n_nodes), *output = NEW_N(arena, bool, MOST_VALUES);
    int *read_start = NEW_N(arena, int, n_nodes + 1), *write_start = NEW_N(arena, int, n_nodes + 1);
    ARRAY(int) reads = {0}, writes = {0};
    for (int k = 0; k < n_nodes; k++) {
        for (int v = 0; v < writes.n; v++)
            if (random_below(&random, 5) < 2 || (v == writes.n - 1 && random_below(&random, 4)))
                PUSH(arena, reads, v);
        bool has_room = writes.n + 1 + n_nodes - k <= MOST_VALUES;
        int n_writes = !plain && has_room && random_below(&random, 4) == 0 ? 2 : 1;
        for (int i = 0; i < n_writes; i++) {
            int v = writes.n;
            bytes[v] = (size_t)random_below(&random, 9);
            output[v] = !plain && random_below(&random, 10) == 0;
            PUSH(arena, writes, v);
        }
        cost[k] = 1 + random_below(&random, 9);
        workspace[k] = plain ? 0 : (size_t)random_below(&random, 3);
        once[k] = !plain && random_below(&random, 8) == 0;
        read_start[k + 1] = reads.n;
        write_start[k + 1] = writes.n;
    }
    *p = (RecomputeProblem){.n_nodes = n_nodes,
                            .n_values = writes.n,
                            .cost = cost,
                            .workspace_bytes = workspace,
                            .runs_once = once,
                            .read_start = read_start,
                            .reads = reads.data,
                            .write_start = write_start,
                            .writes = writes.data,
                            .value_bytes = bytes,
                            .is_output = output,
                            .resident_bytes = plain ? 0 : 5};
    RecomputeSchedule base = recompute_base_schedule(p);
    size_t least = bounds_memory(p);
    p->budget_bytes = least + (size_t)random_below(&random, (int)(base.peak_bytes - least) + 1);
    recompute_schedule_free(&base);
    return p;
}

/* --- the oracle: the extra cost of every (stage, live values), relaxed to the end ---------- */

static size_t mask_bytes(const RecomputeProblem *p, unsigned mask)
{
    size_t bytes = p->resident_bytes;
    for (int v = 0; v < p->n_values; v++)
        if (mask >> v & 1)
            bytes += p->value_bytes[v];
    return bytes;
}

static unsigned list_mask(const int *list, int from, int to)
{
    unsigned mask = 0;
    for (int e = from; e < to; e++)
        mask |= 1U << list[e];
    return mask;
}

typedef double Table[MOST_NODES + 1][1 << MOST_VALUES];

static bool lower(double *entry, double cost)
{
    bool lowers = cost < *entry;
    *entry = lowers ? cost : *entry;
    return lowers;
}

/* All that can follow one state: dropping one value, running one node. */
static bool relax(const RecomputeProblem *p, Table table, int stage, unsigned live)
{
    bool changed = false;
    double cost = table[stage][live];
    for (int v = 0; v < p->n_values; v++)
        if (live >> v & 1)
            changed |= lower(&table[stage][live & ~(1U << v)], cost);
    for (int k = 0; k <= stage && k < p->n_nodes; k++) {
        unsigned reads = list_mask(p->reads, p->read_start[k], p->read_start[k + 1]);
        unsigned after = live | list_mask(p->writes, p->write_start[k], p->write_start[k + 1]);
        bool again = k < stage;
        if ((reads & ~live) || (again && p->runs_once[k]) ||
            mask_bytes(p, after) + p->workspace_bytes[k] > p->budget_bytes)
            continue;
        changed |= lower(&table[stage + !again][after], cost + (again ? p->cost[k] : 0));
    }
    return changed;
}

/* INFINITY: no schedule within the budget. */
static double oracle_extra(const RecomputeProblem *p)
{
    static Table table;
    unsigned n_masks = 1U << p->n_values, outputs = 0;
    for (int stage = 0; stage <= p->n_nodes; stage++)
        for (unsigned live = 0; live < n_masks; live++)
            table[stage][live] = INFINITY;
    table[0][0] = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (int stage = 0; stage <= p->n_nodes; stage++)
            for (unsigned live = 0; live < n_masks; live++)
                if (isfinite(table[stage][live]))
                    changed |= relax(p, table, stage, live);
    }
    for (int v = 0; v < p->n_values; v++)
        outputs |= p->is_output[v] ? 1U << v : 0;
    return table[p->n_nodes][outputs];
}

/* --- exact ---------------------------------------------------------------------------------- */

static const ExactOptions all = {.effort = 0.05, .worst_extra = INFINITY};

START_TEST(optimal_agrees_with_a_plain_table_on_1000_problems)
{
    int n_feasible = 0;
    for (int i = 0; i < 50; i++) {
        uint64_t seed = 50 * (uint64_t)_i + (uint64_t)i;
        RecomputeProblem *p = random_problem(seed, 3 + (int)(seed % 5), seed % 2 == 0);
        RecomputeSchedule exact;
        double oracle = oracle_extra(p);
        ExactStatus status = exact_search(p, &all, &exact);
        ck_assert_int_eq(status, isfinite(oracle) ? EXACT_SOLVED : EXACT_INFEASIBLE);
        if (status != EXACT_SOLVED)
            continue;
        n_feasible++;
        ck_assert_double_eq(exact.cost, recompute_base_cost(p) + oracle);
        ck_assert_uint_le(exact.peak_bytes, p->budget_bytes);
        recompute_schedule_free(&exact);
    }
    ck_assert_int_gt(n_feasible, 25);
}
END_TEST

/* The cheapest of all sequences of length n that begin with at_most `n_done` given runs. */
static double cheapest_sequence(const RecomputeProblem *p, int *sequence, int n_done, int n)
{
    if (n_done == n) {
        ReplayReport report = replay_sequence(p, sequence, n);
        return report.fault || report.peak_bytes > p->budget_bytes ? INFINITY : report.cost;
    }
    double best = INFINITY;
    for (sequence[n_done] = 0; sequence[n_done] < p->n_nodes; sequence[n_done]++)
        best = fmin(best, cheapest_sequence(p, sequence, n_done + 1, n));
    return best;
}

START_TEST(optimal_agrees_with_all_short_sequences)
{
    enum { N_NODES = 4, LONGEST = 7 };
    RecomputeProblem *p = random_problem(7000 + (uint64_t)_i, N_NODES, _i % 2);
    int sequence[LONGEST];
    double best = INFINITY;
    for (int n = N_NODES; n <= LONGEST; n++)
        best = fmin(best, cheapest_sequence(p, sequence, 0, n));
    RecomputeSchedule exact = {0};
    ExactStatus status = exact_search(p, &all, &exact);
    if (status == EXACT_SOLVED) {
        ck_assert_double_le(exact.cost, best);
        ck_assert(exact.n > LONGEST || exact.cost == best);
    } else {
        ck_assert_int_eq(status, EXACT_INFEASIBLE);
        ck_assert(isinf(best));
    }
    recompute_schedule_free(&exact);
}
END_TEST

START_TEST(the_least_peak_fits_and_one_byte_less_does_not)
{
    RecomputeProblem *p = random_problem(9000 + (uint64_t)_i, MOST_NODES - 1, _i % 2);
    RecomputeSchedule least;
    ck_assert_int_eq(exact_least_peak(p, &all, &least), EXACT_SOLVED);
    p->budget_bytes = least.peak_bytes;
    ck_assert(isfinite(oracle_extra(p)));
    p->budget_bytes = least.peak_bytes - 1;
    ck_assert(isinf(oracle_extra(p)));
    recompute_schedule_free(&least);
}
END_TEST

START_TEST(optimal_gives_up_where_its_effort_ends)
{
    RecomputeProblem *p = random_problem(4, MOST_NODES, true);
    ExactOptions little = {.effort = 2e-7, .worst_extra = INFINITY};
    RecomputeSchedule exact;
    ck_assert_int_eq(exact_search(p, &little, &exact), EXACT_GAVE_UP);
}
END_TEST

/* --- the search ----------------------------------------------------------------------------- */

START_TEST(search_is_never_below_optimal_and_mostly_equal)
{
    int n_equal = 0, n_feasible = 0;
    for (int i = 0; i < 100; i++) {
        RecomputeProblem *p = random_problem(20000 + (uint64_t)i, MOST_NODES, i % 2);
        SearchOptions options = {.seed = (uint64_t)i, .effort = 0.005};
        RecomputeSchedule found;
        double oracle = oracle_extra(p) + recompute_base_cost(p);
        n_feasible += isfinite(oracle);
        if (!retention_search(p, &options, &found))
            continue;
        ck_assert_double_ge(found.cost, oracle);
        n_equal += found.cost == oracle;
        recompute_schedule_free(&found);
    }
    ck_assert_int_gt(n_feasible, 50);
    ck_assert_int_ge(20 * n_equal, 19 * n_feasible);
}
END_TEST

START_TEST(search_gives_the_same_schedule_again)
{
    RecomputeProblem *p = random_problem(31, MOST_NODES, true);
    SearchOptions options = {.seed = 5, .effort = 0.005};
    RecomputeSchedule a, b;
    p->budget_bytes = bounds_memory(p) + 2;
    ck_assert(retention_search(p, &options, &a) && retention_search(p, &options, &b));
    ck_assert_int_eq(a.n, b.n);
    ck_assert_mem_eq(a.sequence, b.sequence, (size_t)a.n * sizeof *a.sequence);
    recompute_schedule_free(&a);
    recompute_schedule_free(&b);
}
END_TEST

START_TEST(search_names_a_least_peak_that_holds)
{
    RecomputeProblem *p = random_problem(40000 + (uint64_t)_i, MOST_NODES, true);
    SearchOptions options = {.seed = 1, .effort = 0.01};
    RecomputeSchedule least = retention_least_peak(p, &options), found;
    p->budget_bytes = least.peak_bytes - 1;
    ck_assert(!retention_search(p, &options, &found));
    p->budget_bytes = least.peak_bytes;
    ck_assert(isfinite(oracle_extra(p)));
    recompute_schedule_free(&least);
}
END_TEST

/* A chain forward and back: node i reads i - 1, and backward nodes the forward one they mirror. */
static RecomputeProblem *chain_problem(int n_forward)
{
    int n = 2 * n_forward, n_reads = 0;
    RecomputeProblem *p = NEW(arena, RecomputeProblem);
    double *cost = NEW_N(arena, double, n);
    size_t *bytes = NEW_N(arena, size_t, n);
    int *read_start = NEW_N(arena, int, n + 1), *reads = NEW_N(arena, int, 2 * n);
    int *write_start = NEW_N(arena, int, n + 1), *writes = NEW_N(arena, int, n);
    for (int k = 0; k < n; k++) {
        cost[k] = 1 + k % 7;
        bytes[k] = 100 + (size_t)(k % 13) * 10;
        if (k > 0)
            reads[n_reads++] = k - 1;
        if (k > n_forward)
            reads[n_reads++] = n - 1 - k;
        read_start[k + 1] = n_reads;
        writes[k] = k;
        write_start[k + 1] = k + 1;
    }
    *p = (RecomputeProblem){.n_nodes = n,
                            .n_values = n,
                            .cost = cost,
                            .read_start = read_start,
                            .reads = reads,
                            .write_start = write_start,
                            .writes = writes,
                            .value_bytes = bytes};
    return p;
}

START_TEST(a_large_problem_is_answered_within_its_work)
{
    RecomputeProblem *p = chain_problem(1500);
    SearchOptions options = {.seed = 1, .effort = 0.5};
    RecomputeSchedule base = recompute_base_schedule(p), found;
    p->budget_bytes = base.peak_bytes * 6 / 10;
    ck_assert(retention_search(p, &options, &found));
    double bound = bounds_extra_cost(p), extra = found.cost - base.cost;
    ck_assert_double_gt(bound, 0);
    ck_assert_double_ge(extra, bound);
    ck_assert_double_le(extra, 1.2 * bound);
    recompute_schedule_free(&base);
    recompute_schedule_free(&found);
}
END_TEST

/* --- bounds --------------------------------------------------------------------------------- */

START_TEST(bounds_are_never_above_the_optimum)
{
    int n_positive = 0;
    for (int i = 0; i < 300; i++) {
        RecomputeProblem *p = random_problem(60000 + (uint64_t)i, MOST_NODES, i % 2);
        double bound = bounds_extra_cost(p), oracle = oracle_extra(p);
        ck_assert_double_le(bound, oracle);
        n_positive += bound > 0;
        p->budget_bytes = bounds_memory(p) - 1;
        ck_assert(isinf(bounds_extra_cost(p)) && isinf(oracle_extra(p)));
    }
    ck_assert_int_gt(n_positive, 50);
}
END_TEST

/* --- the verifier --------------------------------------------------------------------------- */

/* a (3 bytes) -> b (5) -> c (7, with 2 of workspace), d reads a and c (1); b runs once. */
static const RecomputeProblem diamond = {.n_nodes = 4,
                                         .n_values = 4,
                                         .cost = (const double[]){1, 2, 4, 8},
                                         .workspace_bytes = (const size_t[]){0, 0, 2, 0},
                                         .runs_once = (const bool[]){false, true, false, false},
                                         .read_start = (const int[]){0, 0, 1, 2, 4},
                                         .reads = (const int[]){0, 1, 0, 2},
                                         .write_start = (const int[]){0, 1, 2, 3, 4},
                                         .writes = (const int[]){0, 1, 2, 3},
                                         .value_bytes = (const size_t[]){3, 5, 7, 1},
                                         .resident_bytes = 100};

START_TEST(replay_counts_cost_and_peak)
{
    ReplayReport kept = replay_sequence(&diamond, (const int[]){0, 1, 2, 3}, 4);
    ck_assert_ptr_null(kept.fault);
    ck_assert_double_eq(kept.cost, 15);
    ck_assert_uint_eq(kept.peak_bytes, 100 + 3 + 5 + 7 + 2);
    ck_assert_int_eq(kept.peak_at, 2);
    ReplayReport again = replay_sequence(&diamond, (const int[]){0, 1, 2, 0, 3}, 5);
    ck_assert_ptr_null(again.fault);
    ck_assert_double_eq(again.cost, 16);
    ck_assert_uint_eq(again.peak_bytes, 100 + 5 + 7 + 2);
    ck_assert_int_eq(again.n_reruns, 1);
}
END_TEST

static const struct {
    int sequence[6], n, at;
} faults[] = {
    {{0, 1, 2}, 3, 3},          /* ends too early */
    {{0, 2, 1, 3}, 4, 1},       /* first runs out of order */
    {{1, 0, 2, 3}, 4, 0},       /* before its input */
    {{0, 1, 1, 2, 3}, 5, 2},    /* runs once */
    {{0, 1, 2, 4, 3}, 5, 3},    /* no such node */
    {{0, 1, 2, -1, 3}, 5, 3},   /* no such node */
    {{0, 1, 2, 3, 0, 1}, 6, 5}, /* runs once, at the end */
};

START_TEST(replay_sees_each_fault)
{
    ReplayReport report = replay_sequence(&diamond, faults[_i].sequence, faults[_i].n);
    ck_assert_ptr_nonnull(report.fault);
    ck_assert_int_eq(report.at, faults[_i].at);
}
END_TEST

START_TEST(replay_refuses_sums_that_overflow)
{
    RecomputeProblem huge = diamond;
    huge.resident_bytes = SIZE_MAX - 8;
    ck_assert_ptr_nonnull(replay_sequence(&huge, (const int[]){0, 1, 2, 3}, 4).fault);
}
END_TEST

/* --- instances ------------------------------------------------------------------------------ */

START_TEST(an_instance_is_read)
{
    static const char text[] = "3 3\n10 2.5 0\r\n20 1 0\n 5 0 1 \n0 2\n0 1\n1 2\n\n";
    const char *message;
    RecomputeProblem *p = instance_parse(arena, "x.g", text, strlen(text), &message);
    ck_assert_msg(p != NULL, "%s", message);
    ck_assert_int_eq(p->n_nodes, 3);
    ck_assert_double_eq(p->cost[0], 2.5);
    ck_assert_uint_eq(p->value_bytes[1], 20);
    /* NOLINTNEXTLINE: the analyzer loses the bytes within Check's code */
    ck_assert_mem_eq(p->read_start, ((const int[]){0, 0, 1, 3}), 4 * sizeof(int));
    ck_assert_mem_eq(p->reads, ((const int[]){0, 0, 1}), 3 * sizeof(int));
}
END_TEST

static const struct {
    const char *text, *message;
} bad_instances[] = {
    {"", "x.g:1:1: error: expected the number of nodes, found the end of the file"},
    {"2\n", "x.g:1:2: error: expected the number of edges, found the end of the line"},
    {"0 0\n", "x.g:1:1: error: expected at least one node"},
    {"2 0 7\n1 1 0\n1 1 0\n", "x.g:1:5: error: expected the end of the line"},
    {"9999999 0\n", "x.g:1:1: error: 9999999 is too large"},
    {"1000 0\n1 1 0\n", "x.g:1:1: error: the file is too short"},
    {"1 0\n-5 1 0\n", "x.g:2:1: error: expected a size in bytes, found the negative number -5"},
    {"1 0\n5 -1 0\n", "x.g:2:3: error: expected a cost, found the negative number -1"},
    {"1 0\n5 nan 0\n", "x.g:2:3: error: expected a cost, found 'nan'"},
    {"1 0\n5 1e999 0\n", "x.g:2:3: error: the cost 1e999 is too large"},
    {"1 0\n5 1 2\n", "x.g:2:5: error: 2 is too large for is_backward"},
    {"1 0\n5x 1 0\n", "x.g:2:1: error: expected a size in bytes, found '5x'"},
    {"1 0\n99999999999999999999 1 0\n", "x.g:2:1: error: 99999999999999999999 is too large"},
    {"2 0\n4611686018427387904 1 0\n1 1 0\n", "x.g:3:1: error: the sizes add up to more"},
    {"2 1\n1 1 0\n1 1 0\n0 2\n", "x.g:4:3: error: 2 is too large for a node's number"},
    {"2 1\n1 1 0\n1 1 0\n1 1\n", "x.g:4:1: error: node 1 cannot read its own output"},
    {"2 1\n1 1 0\n1 1 0\n", "x.g:4:1: error: expected a node's number, found the end of the file"},
    {"2 1\n1 1 0\n1 1 0\n0 1\n0 1\n", "x.g:5:1: error: expected the end of the file"},
    {"2 1\n1 1 0\n1 1 0\n1 0\n",
     "x.g:4:1: error: the edge 1 0 goes back in the order of the nodes: "
     "list the nodes"},
    {"3 3\n1 1 0\n1 1 0\n1 1 0\n0 1\n1 2\n2 0\n",
     "x.g:7:1: error: the edge 2 0 goes back in the order of the nodes: the graph has a cycle"},
};

START_TEST(a_bad_instance_is_refused_where_it_is_wrong)
{
    const char *text = bad_instances[_i].text, *message = NULL;
    ck_assert_ptr_null(instance_parse(arena, "x.g", text, strlen(text), &message));
    size_t n = strlen(bad_instances[_i].message);
    ck_assert_msg(strncmp(message, bad_instances[_i].message, n) == 0, "%s", message);
}
END_TEST

Suite *solve_suite(void)
{
    enum { N_FAULTS = sizeof faults / sizeof faults[0] };
    enum { N_BAD = sizeof bad_instances / sizeof bad_instances[0] };
    Suite *suite = suite_create("solve");
    TCase *tcase = tcase_create("solve");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, optimal_agrees_with_a_plain_table_on_1000_problems, 0, 20);
    tcase_add_loop_test(tcase, optimal_agrees_with_all_short_sequences, 0, 100);
    tcase_add_loop_test(tcase, the_least_peak_fits_and_one_byte_less_does_not, 0, 50);
    tcase_add_test(tcase, optimal_gives_up_where_its_effort_ends);
    tcase_add_test(tcase, search_is_never_below_optimal_and_mostly_equal);
    tcase_add_test(tcase, search_gives_the_same_schedule_again);
    tcase_add_loop_test(tcase, search_names_a_least_peak_that_holds, 0, 20);
    tcase_add_test(tcase, a_large_problem_is_answered_within_its_work);
    tcase_add_test(tcase, bounds_are_never_above_the_optimum);
    tcase_add_test(tcase, replay_counts_cost_and_peak);
    tcase_add_loop_test(tcase, replay_sees_each_fault, 0, N_FAULTS);
    tcase_add_test(tcase, replay_refuses_sums_that_overflow);
    tcase_add_test(tcase, an_instance_is_read);
    tcase_add_loop_test(tcase, a_bad_instance_is_refused_where_it_is_wrong, 0, N_BAD);
    suite_add_tcase(suite, tcase);
    return suite;
}
