/* The search over schedules: restarts of the annealing fill a pool; then pairs of its members are
 * crossed, each giving the runs of its part of the nodes, and what comes of it is annealed from a
 * lower temperature. Members far apart share most of their structure but differ in which of two
 * regions they keep, which single moves cannot exchange. */
#include "plan/retention.h"

#include "plan/anneal.h"
#include "plan/bounds.h"
#include "plan/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POOL = 10, CROSSINGS = 30, MOST_FAILURES = 6, ENOUGH_EQUAL = 5, LARGE = 2000 };

typedef struct {
    Snapshot members[POOL];
    int n;
} Pool;

/* --- the pool ------------------------------------------------------------------------------- */

static int cheapest_of(const Pool *pool)
{
    int best = 0;
    for (int i = 1; i < pool->n; i++)
        if (pool->members[i].cost < pool->members[best].cost)
            best = i;
    return best;
}

/* To a millionth: near enough for more work to be in vain. */
static bool are_equal(const Pool *pool)
{
    double cost = pool->members[0].cost;
    for (int i = 1; i < pool->n; i++)
        if (fabs(pool->members[i].cost - cost) > 1e-6 * cost)
            return false;
    return true;
}

/* Takes over the annealing's best in place of the dearest member, where it is cheaper than that and
 * like no other. */
static void pool_offer(Pool *pool, Annealer *a)
{
    int worst = 0;
    for (int i = 0; i < pool->n; i++) {
        if (pool->members[i].cost == a->best.cost)
            return;
        if (pool->members[i].cost > pool->members[worst].cost)
            worst = i;
    }
    if (a->best.cost > pool->members[worst].cost)
        return;
    free(pool->members[worst].keys);
    pool->members[worst] = a->best;
    a->best = (Snapshot){.cost = INFINITY};
}

static void pool_free(Pool *pool)
{
    for (int i = 0; i < pool->n; i++)
        free(pool->members[i].keys);
}

/* --- crossing ------------------------------------------------------------------------------- */

/* The runs of nodes low <= node < high as in b, of all others as in a. */
static void cross(Annealer *s, const Snapshot *a, const Snapshot *b, int low, int high)
{
    RunKey *keys = xcalloc((size_t)a->n + (size_t)b->n, sizeof *keys);
    int n = 0;
    for (int i = 0, k = 0; i < a->n || k < b->n;) {
        RunKey from_a = i < a->n ? a->keys[i] : INT64_MAX,
               from_b = k < b->n ? b->keys[k] : INT64_MAX;
        RunKey key = from_a < from_b ? from_a : from_b;
        int node = key_node(s->set, key);
        if (key == (low <= node && node < high ? from_b : from_a))
            keys[n++] = key;
        i += key == from_a;
        k += key == from_b;
    }
    anneal_become(s, keys, n);
    move_prune(s);
    free(keys);
}

static void cross_any(Annealer *a, const Pool *pool)
{
    const Snapshot *one = &pool->members[random_below(&a->random, pool->n)];
    const Snapshot *other = &pool->members[random_below(&a->random, pool->n)];
    int low = random_below(&a->random, a->problem->n_nodes + 1);
    int high = random_below(&a->random, a->problem->n_nodes + 1);
    cross(a, one, other, low < high ? low : high, low < high ? high : low);
}

/* --- the search ----------------------------------------------------------------------------- */

/* Restarts from the base order for half of the work, the first ones short: something is there soon.
 */
static void fill_pool(Annealer *a, Pool *pool)
{
    for (int k = 0; k < POOL && !a->stopped; k++) {
        anneal_reset(a);
        anneal(a, (k + 1.0) / (POOL * (POOL + 1)), 1, 0.01);
        if (a->best.keys) {
            pool->members[pool->n++] = a->best;
            a->best = (Snapshot){.cost = INFINITY};
        }
        if ((pool->n == 0 && k + 1 == MOST_FAILURES) ||
            (pool->n == ENOUGH_EQUAL && are_equal(pool)))
            return;
    }
}

/* Leaves the best schedule in a->best. Where the first restarts all end at the same cost, no more
 * is done: further ones would too. */
static void search_all(Annealer *a)
{
    Pool pool = {.n = 0};
    fill_pool(a, &pool);
    for (int k = 0; k < CROSSINGS && pool.n > 1 && !a->stopped && !are_equal(&pool); k++) {
        cross_any(a, &pool);
        anneal(a, 0.5 / CROSSINGS, 0.1, 0.01);
        pool_offer(&pool, a);
    }
    free(a->best.keys);
    a->best = (Snapshot){.cost = INFINITY};
    if (pool.n > 0) {
        int best = cheapest_of(&pool);
        a->best = pool.members[best];
        pool.members[best].keys = NULL;
    }
    pool_free(&pool);
}

/* Where a move takes long, restarts would come to nothing: one annealing, not hot, from a greedy
 * beginning. */
static void search_large(Annealer *a)
{
    move_greedily(a);
    anneal(a, 1, 0.1, 0.01);
}

/* The best set as a sequence, replayed; frees the annealer. */
static RecomputeSchedule take_schedule(Annealer *a)
{
    RecomputeSchedule out = {.n = a->best.n};
    if (a->best.keys) {
        out.sequence = xcalloc((size_t)out.n + 1, sizeof *out.sequence);
        for (int i = 0; i < out.n; i++)
            out.sequence[i] = key_node(a->set, a->best.keys[i]);
        ReplayReport report = replay_sequence(a->problem, out.sequence, out.n);
        if (report.fault)
            bug("a recompute schedule does not replay: %s at run %d", report.fault, report.at);
        out.cost = report.cost;
        out.peak_bytes = report.peak_bytes;
    }
    annealer_free(a);
    return out;
}

bool retention_search(const RecomputeProblem *problem, const SearchOptions *options,
                      RecomputeSchedule *out)
{
    *out = (RecomputeSchedule){0};
    if (problem->budget_bytes < problem->resident_bytes)
        return false;
    Annealer a = annealer_new(problem, options);
    if (a.set->overload == 0)
        anneal(&a, 0, 1, 1);
    else if (problem->n_nodes < LARGE)
        search_all(&a);
    else
        search_large(&a);
    *out = take_schedule(&a);
    if (out->peak_bytes > problem->budget_bytes)
        bug("a recompute schedule takes %zu bytes, more than the %zu that it was made for",
            out->peak_bytes, problem->budget_bytes);
    return out->sequence != NULL;
}

/* Anneals with a budget that is always just below the best peak so far, down to `least_bytes`. */
static RecomputeSchedule shrink_peak(const RecomputeProblem *problem, const SearchOptions *options,
                                     size_t least_bytes)
{
    Annealer a = annealer_new(problem, options);
    a.shrinks = true;
    a.least_peak = (int64_t)(least_bytes - problem->resident_bytes);
    anneal(&a, 1, 1, 0.01);
    return take_schedule(&a);
}

RecomputeSchedule retention_least_peak(const RecomputeProblem *problem,
                                       const SearchOptions *options)
{
    RecomputeProblem below = *problem;
    below.budget_bytes = SIZE_MAX;
    size_t least_bytes = bounds_memory(problem);
    RecomputeSchedule least = shrink_peak(&below, options, least_bytes), lower;
    while (least.peak_bytes > least_bytes) {
        below.budget_bytes = least.peak_bytes - 1;
        if (!retention_search(&below, options, &lower))
            break;
        recompute_schedule_free(&least);
        least = lower;
    }
    return least;
}
