/* Annealing over sets of runs. A move drops a value in a gap between two reads that spans an
 * overloaded run (its writer runs again, with what that lacks), takes a re-run away, or shifts one
 * to another stage. The budget is a penalty whose weight follows how often it is met. */
#include "plan/retention.h"

#include "plan/bounds.h"
#include "plan/random.h"
#include "plan/replay.h"
#include "plan/runset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    RunKey key;
    bool inserted;
} Change;

typedef struct {
    const RecomputeProblem *problem;
    const SearchOptions *options;
    Random random;
    RunSet *set;
    Change *changes; /* of the move at hand, to take it back */
    int n_changes, capacity;
    int room;       /* runs that the move at hand may still add */
    double penalty; /* cost of one byte of overload */
    int64_t work_end;
    int64_t least_peak; /* no schedule has less */
    bool shrinks;       /* looks for the smallest peak: lowers the budget whenever it is met */
    bool stopped;
    RunKey *best; /* the cheapest set of runs within the budget */
    int n_best;
    double best_cost; /* INFINITY: none yet */
} Search;

/* --- changes that can be taken back --------------------------------------------------------------
 */

static void change(Search *s, RunKey key, bool insert)
{
    if (s->n_changes == s->capacity) {
        s->capacity = 2 * s->capacity + 64;
        s->changes = xrealloc(s->changes, (size_t)s->capacity * sizeof *s->changes);
    }
    s->changes[s->n_changes++] = (Change){key, insert};
    if (insert)
        runset_insert(s->set, key);
    else
        runset_remove(s->set, key);
}

static void take_back(Search *s)
{
    while (s->n_changes > 0) {
        Change c = s->changes[--s->n_changes];
        if (c.inserted)
            runset_remove(s->set, c.key);
        else
            runset_insert(s->set, c.key);
    }
}

static bool is_rerun(const Search *s, RunKey key)
{
    return key_stage(s->set, key) != key_node(s->set, key);
}

/* The run that wrote the copy of v which a read at `key` would find. */
static RunKey birth_before(const Search *s, int v, RunKey key)
{
    const KeyList *births = &s->set->births[v];
    int i = births->n;
    while (births->data[i - 1] >= key)
        i--;
    return births->data[i - 1];
}

static void remove_if_useless(Search *s, RunKey key);

/* Removes a re-run, and the re-runs that served it alone. */
static void remove_run(Search *s, RunKey key)
{
    const RecomputeProblem *p = s->problem;
    int node = key_node(s->set, key);
    change(s, key, false);
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++)
        if (s->set->writers[p->reads[e]] >= 0)
            remove_if_useless(s, birth_before(s, p->reads[e], key));
}

static void remove_if_useless(Search *s, RunKey key)
{
    if (is_rerun(s, key) && runset_is_useless(s->set, key))
        remove_run(s, key);
}

/* --- moves ---------------------------------------------------------------------------------------
 */

/* Whether v, last read at `end`, should be computed again for `key` and not be kept until then. */
static bool prefers_rerun(Search *s, int v, RunKey end, RunKey key)
{
    int writer = s->set->writers[v];
    if (s->room <= 0 || (s->problem->runs_once && s->problem->runs_once[writer]))
        return false;
    int64_t peak = runset_peak_between(s->set, end, key);
    double chance = peak + s->set->bytes[v] > s->set->budget ? 0.85 : 0.15;
    return random_unit(&s->random) < chance;
}

/* Runs node again in the stage, with those of its inputs that it chooses not to keep until then. */
static void run_again(Search *s, int stage, int node)
{
    const RecomputeProblem *p = s->problem;
    RunKey key = run_key(s->set, stage, node);
    s->room--;
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++) {
        int v = p->reads[e];
        if (s->set->writers[v] < 0)
            continue;
        RunKey end = runset_copy_end(s->set, v, key);
        if (end < key && key_stage(s->set, end) != stage && prefers_rerun(s, v, end, key))
            run_again(s, stage, s->set->writers[v]);
    }
    RunKey old[8];
    int n_old = 0;
    for (int e = p->write_start[node]; e < p->write_start[node + 1] && n_old < 8; e++)
        old[n_old++] = birth_before(s, p->writes[e], key);
    change(s, key, true);
    for (int i = 0; i < n_old; i++)
        if (runset_has(s->set, old[i]))
            remove_if_useless(s, old[i]);
}

/* The first read of v after `key` by which its copy at `key` is still the one; -1: none. */
static RunKey next_read(const Search *s, int v, RunKey key)
{
    const KeyList *reads = &s->set->reads[v], *births = &s->set->births[v];
    for (int i = 0; i < reads->n; i++)
        if (reads->data[i] > key) {
            for (int b = births->n - 1; b >= 0 && births->data[b] > key; b--)
                if (births->data[b] < reads->data[i])
                    return -1;
            return reads->data[i];
        }
    return -1;
}

/* An overloaded run, or any where none is. */
static RunKey pick_hot(Search *s)
{
    const RunSet *set = s->set;
    int start = random_below(&s->random, set->n);
    if (set->overload > 0)
        for (int i = 0; i < set->n; i++) {
            int at = start + i < set->n ? start + i : start + i - set->n;
            if (set->live[at] > set->budget)
                return set->keys[at];
        }
    return set->keys[start];
}

/* Drops a value over a gap between reads that spans a hot run. */
static bool drop_value(Search *s)
{
    RunKey hot = pick_hot(s);
    int stage = key_stage(s->set, hot);
    for (int tries = 0; tries < 16; tries++) {
        int v = random_below(&s->random, s->problem->n_values);
        int writer = s->set->writers[v];
        if (writer < 0 || writer >= stage || s->set->bytes[v] == 0 ||
            (s->problem->runs_once && s->problem->runs_once[writer]))
            continue;
        RunKey next = next_read(s, v, hot);
        if (next < 0 || runset_copy_end(s->set, v, hot + 1) <= hot)
            continue;
        int next_stage = key_stage(s->set, next);
        RunKey key = run_key(s->set, next_stage, writer);
        if (next_stage >= s->problem->n_nodes || key <= hot || runset_has(s->set, key))
            continue;
        s->room = 200;
        run_again(s, next_stage, writer);
        return true;
    }
    return false;
}

static RunKey pick_rerun(Search *s)
{
    const RunSet *set = s->set;
    if (set->n == s->problem->n_nodes)
        return -1;
    for (int tries = 0; tries < 64; tries++) {
        RunKey key = set->keys[random_below(&s->random, set->n)];
        if (is_rerun(s, key))
            return key;
    }
    return -1;
}

/* Keeps what a re-run computes from the run before it. */
static bool keep_value(Search *s)
{
    RunKey key = pick_rerun(s);
    if (key < 0)
        return false;
    remove_run(s, key);
    return true;
}

/* Moves a re-run to a stage nearby. */
static bool shift_run(Search *s)
{
    RunKey key = pick_rerun(s);
    if (key < 0)
        return false;
    int node = key_node(s->set, key), stage = key_stage(s->set, key);
    int distance = 1 + random_below(&s->random, 6);
    int to = random_below(&s->random, 2) ? stage + distance : stage - distance;
    RunKey new_key = run_key(s->set, to, node);
    if (to <= node || to >= s->problem->n_nodes || runset_has(s->set, new_key))
        return false;
    s->room = 200;
    run_again(s, to, node);
    if (runset_has(s->set, key))
        remove_run(s, key);
    return true;
}

static bool try_move(Search *s)
{
    int dice = random_below(&s->random, 16);
    if (s->set->overload > 0 ? dice < 9 : dice < 5)
        return drop_value(s);
    return dice < 13 ? keep_value(s) : shift_run(s);
}

/* --- annealing -----------------------------------------------------------------------------------
 */

static void remember_best(Search *s)
{
    s->best = xrealloc(s->best, (size_t)s->set->n * sizeof *s->best);
    memcpy(s->best, s->set->keys, (size_t)s->set->n * sizeof *s->best);
    s->n_best = s->set->n;
    s->best_cost = s->set->cost;
}

/* The set at hand is within the budget. */
static void take_feasible(Search *s)
{
    if (s->shrinks) {
        remember_best(s);
        int64_t peak = runset_peak(s->set);
        s->stopped = s->stopped || peak <= s->least_peak;
        runset_set_budget(s->set, peak - 1);
    } else if (s->set->cost < s->best_cost * (1 - 1e-9)) {
        remember_best(s);
        s->stopped = s->stopped || s->best_cost <= s->options->enough;
    }
}

static void step(Search *s, double temperature)
{
    double cost = s->set->cost, overload = (double)s->set->overload;
    s->n_changes = 0;
    s->set->work += 20;
    if (!try_move(s))
        return;
    double delta = s->set->cost - cost + s->penalty * ((double)s->set->overload - overload);
    if (delta > 0 && delta > temperature * random_exponential(&s->random))
        take_back(s);
    else if (s->set->overload == 0)
        take_feasible(s);
}

/* The weight of the budget follows the share of the last steps that met it. */
static void adapt_penalty(Search *s, int n_feasible, int n)
{
    if (4 * n_feasible < n)
        s->penalty *= 1.05;
    else if (2 * n_feasible > n)
        s->penalty /= 1.05;
}

static bool is_stopped(Search *s)
{
    const SearchOptions *o = s->options;
    if (!s->stopped && o->progress)
        s->stopped = o->progress(o->context, isfinite(s->best_cost) ? s->best_cost : -1,
                                 (double)s->set->work / (double)s->work_end);
    return s->stopped;
}

/* One annealing until the work is done, from temperature `hot` down to `cold`. */
static void anneal(Search *s, int64_t work, double hot, double cold)
{
    enum { LEVELS = 256, BATCH = 64 };
    double ratio = cold / hot, temperature = hot;
    for (int level = LEVELS; level > 1; level /= 2)
        ratio = sqrt(ratio);
    int64_t start = s->set->work;
    for (int level = 1; level <= LEVELS; level++, temperature *= ratio)
        while (s->set->work < start + work / LEVELS * level && !is_stopped(s)) {
            int n_feasible = 0;
            for (int i = 0; i < BATCH; i++) {
                step(s, temperature);
                n_feasible += s->set->overload == 0;
            }
            adapt_penalty(s, n_feasible, BATCH);
        }
}

/* --- restarts ------------------------------------------------------------------------------------
 */

/* The cost of one node, and of one byte over the budget at one run, to begin with. */
static double mean_cost(const Search *s)
{
    return recompute_base_cost(s->problem) / s->problem->n_nodes;
}

static double first_penalty(const Search *s)
{
    double bytes = 1;
    for (int v = 0; v < s->problem->n_values; v++)
        bytes += (double)s->set->bytes[v] / s->problem->n_values;
    return 0.25 * mean_cost(s) / bytes;
}

static void return_to_base(Search *s)
{
    RunSet *set = s->set;
    for (int i = set->n - 1; i >= 0; i--)
        if (is_rerun(s, set->keys[i]))
            runset_remove(set, set->keys[i]);
    set->cost = recompute_base_cost(s->problem);
}

/* Restarts from the base order, each with its share of the work; none after the first where that
 * found nothing within the budget. */
static void search_all(Search *s)
{
    enum { RESTARTS = 3 };
    double mean = mean_cost(s);
    for (int k = 0; k < RESTARTS && !s->stopped; k++) {
        return_to_base(s);
        s->penalty = first_penalty(s);
        anneal(s, s->work_end / RESTARTS, mean, 0.01 * mean);
        if (!s->best)
            return;
    }
}

static Search search_new(const RecomputeProblem *problem, const SearchOptions *options)
{
    static const double work_per_second = 5e8;
    size_t room = problem->budget_bytes - problem->resident_bytes;
    Search s = {.problem = problem, .options = options, .best_cost = INFINITY};
    s.random.state = options->seed;
    s.set = runset_new(problem, room < INT64_MAX ? (int64_t)room : INT64_MAX);
    s.work_end = (int64_t)(options->effort * work_per_second);
    return s;
}

/* The best set as a sequence, replayed; frees the search. */
static RecomputeSchedule search_end(Search *s)
{
    RecomputeSchedule out = {.n = s->n_best};
    out.sequence = xcalloc((size_t)out.n + 1, sizeof *out.sequence);
    for (int i = 0; i < out.n; i++)
        out.sequence[i] = key_node(s->set, s->best[i]);
    if (s->best) {
        ReplayReport report = replay_sequence(s->problem, out.sequence, out.n);
        if (report.fault)
            bug("a recompute schedule does not replay: %s at run %d", report.fault, report.at);
        out.cost = report.cost;
        out.peak_bytes = report.peak_bytes;
    }
    runset_free(s->set);
    free(s->changes);
    free(s->best);
    return out;
}

bool retention_search(const RecomputeProblem *problem, const SearchOptions *options,
                      RecomputeSchedule *out)
{
    if (problem->budget_bytes < problem->resident_bytes)
        return false;
    Search s = search_new(problem, options);
    if (s.set->overload == 0)
        remember_best(&s);
    else
        search_all(&s);
    bool found = s.best != NULL;
    *out = search_end(&s);
    if (!found)
        recompute_schedule_free(out);
    if (out->peak_bytes > problem->budget_bytes)
        bug("a recompute schedule takes %zu bytes, more than the %zu that it was made for",
            out->peak_bytes, problem->budget_bytes);
    return found;
}

/* Anneals with a budget that is always just below the best peak so far, down to `least_bytes`. */
static RecomputeSchedule shrink_peak(const RecomputeProblem *problem, const SearchOptions *options,
                                     size_t least_bytes)
{
    Search s = search_new(problem, options);
    s.shrinks = true;
    s.least_peak = (int64_t)(least_bytes - problem->resident_bytes);
    s.penalty = first_penalty(&s);
    take_feasible(&s);
    anneal(&s, s.work_end, mean_cost(&s), 0.01 * mean_cost(&s));
    return search_end(&s);
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
