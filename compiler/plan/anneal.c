/* Annealing with the budget as a penalty, whose weight follows how often the budget is met. */
#include "plan/anneal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- the best so far ------------------------------------------------------------------------ */

static void remember_best(Annealer *a)
{
    size_t bytes = (size_t)a->set->n * sizeof *a->best.keys;
    a->best.keys = xrealloc(a->best.keys, bytes);
    memcpy(a->best.keys, a->set->keys, bytes);
    a->best.n = a->set->n;
    a->best.cost = a->set->cost;
}

/* The set at hand is within the budget. */
static void take_feasible(Annealer *a)
{
    if (a->shrinks) {
        int64_t peak = runset_peak(a->set);
        remember_best(a);
        a->stopped = a->stopped || peak <= a->least_peak;
        runset_set_budget(a->set, peak - 1);
    } else if (a->set->cost < a->best.cost * (1 - 1e-9)) {
        remember_best(a);
        a->told_cost = fmin(a->told_cost, a->best.cost);
        a->stopped = a->stopped || a->best.cost <= a->options->enough;
    }
}

/* --- annealing ------------------------------------------------------------------------------ */

static void step(Annealer *a, double temperature)
{
    double cost = a->set->cost, overload = (double)a->set->overload;
    a->n_changes = 0;
    a->set->work += 20;
    if (!move_try(a))
        return;
    double delta = a->set->cost - cost + a->penalty * ((double)a->set->overload - overload);
    if (delta > 0 && delta > temperature * random_exponential(&a->random))
        move_take_back(a);
    else if (a->set->overload == 0)
        take_feasible(a);
}

/* Some steps at one temperature; the weight of the budget follows the share of them that met it. */
static void run_batch(Annealer *a, double temperature)
{
    enum { BATCH = 64 };
    int n_feasible = 0;
    for (int i = 0; i < BATCH; i++) {
        step(a, temperature);
        n_feasible += a->set->overload == 0;
    }
    if (4 * n_feasible < BATCH)
        a->penalty *= 1.05;
    else if (2 * n_feasible > BATCH)
        a->penalty /= 1.05;
}

static bool is_stopped(Annealer *a)
{
    const SearchOptions *o = a->options;
    if (!a->stopped && o->progress)
        a->stopped = o->progress(o->context, isfinite(a->told_cost) ? a->told_cost : -1,
                                 (double)a->set->work / (double)a->work_end);
    return a->stopped;
}

void anneal(Annealer *a, double share, double hot, double cold)
{
    enum { LEVELS = 256 };
    double mean = recompute_base_cost(a->problem) / a->problem->n_nodes;
    double temperature = hot * mean, ratio = cold / hot;
    for (int level = LEVELS; level > 1; level /= 2)
        ratio = sqrt(ratio);
    free(a->best.keys);
    a->best = (Snapshot){.cost = INFINITY};
    if (a->set->overload == 0)
        take_feasible(a);
    int64_t start = a->set->work;
    double work = share * (double)a->work_end / LEVELS;
    for (int level = 1; level <= LEVELS; level++, temperature *= ratio)
        while (a->set->work < start + (int64_t)(work * level) && !is_stopped(a))
            run_batch(a, temperature);
}

/* --- beginnings ----------------------------------------------------------------------------- */

/* A quarter of a node's mean cost for each mean value of bytes over the budget. */
static double first_penalty(const Annealer *a)
{
    double bytes = 1, n_values = a->problem->n_values;
    for (int v = 0; v < a->problem->n_values; v++)
        bytes += (double)a->set->bytes[v] / n_values;
    return 0.25 * recompute_base_cost(a->problem) / a->problem->n_nodes / bytes;
}

void anneal_become(Annealer *a, const RunKey *keys, int n)
{
    RunSet *set = a->set;
    for (int i = set->n - 1, k = n - 1; i >= 0; i--) {
        while (k >= 0 && keys[k] > set->keys[i])
            k--;
        if (k < 0 || keys[k] != set->keys[i])
            runset_remove(set, set->keys[i]);
    }
    for (int i = 0; i < n; i++)
        if (!runset_has(set, keys[i]))
            runset_insert(set, keys[i]);
    /* Summed anew: the rounding of a long search must not add up. */
    set->cost = 0;
    for (int i = 0; i < set->n; i++)
        set->cost += a->problem->cost[key_node(set, set->keys[i])];
}

void anneal_reset(Annealer *a)
{
    RunSet *set = a->set;
    for (int i = set->n - 1; i >= 0; i--)
        if (is_rerun(a, set->keys[i]))
            runset_remove(set, set->keys[i]);
    set->cost = recompute_base_cost(a->problem);
    a->penalty = first_penalty(a);
}

Annealer annealer_new(const RecomputeProblem *problem, const SearchOptions *options)
{
    static const double work_per_second = 5e8;
    size_t room = problem->budget_bytes - problem->resident_bytes;
    Annealer a = {.problem = problem, .options = options, .told_cost = INFINITY};
    a.best.cost = INFINITY;
    a.random.state = options->seed;
    a.set = runset_new(problem, room < INT64_MAX ? (int64_t)room : INT64_MAX);
    a.penalty = first_penalty(&a);
    a.work_end = (int64_t)(options->effort * work_per_second);
    return a;
}

void annealer_free(Annealer *a)
{
    runset_free(a->set);
    free(a->changes);
    free(a->best.keys);
}
