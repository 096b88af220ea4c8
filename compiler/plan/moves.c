/* The moves: drop a value in a gap between two reads that spans an overloaded run (its writer runs
 * again, with what that lacks), take a re-run away, or shift one to another stage. */
#include "plan/anneal.h"

#include <math.h>
#include <stdlib.h>

/* --- changes that can be taken back --------------------------------------------------------------
 */

static void change(Annealer *a, RunKey key, bool insert)
{
    if (a->n_changes == a->capacity) {
        a->capacity = 2 * a->capacity + 64;
        a->changes = xrealloc(a->changes, (size_t)a->capacity * sizeof *a->changes);
    }
    a->changes[a->n_changes++] = (Change){key, insert};
    if (insert)
        runset_insert(a->set, key);
    else
        runset_remove(a->set, key);
}

void move_take_back(Annealer *a)
{
    while (a->n_changes > 0) {
        Change c = a->changes[--a->n_changes];
        if (c.inserted)
            runset_remove(a->set, c.key);
        else
            runset_insert(a->set, c.key);
    }
}

/* The run that wrote the copy of v which a read at `key` would find. */
static RunKey birth_before(const Annealer *a, int v, RunKey key)
{
    const KeyList *births = &a->set->births[v];
    int i = births->n;
    while (births->data[i - 1] >= key)
        i--;
    return births->data[i - 1];
}

static void remove_if_useless(Annealer *a, RunKey key);

/* Removes a re-run, and the re-runs that served it alone. */
static void remove_run(Annealer *a, RunKey key)
{
    const RecomputeProblem *p = a->problem;
    int node = key_node(a->set, key);
    change(a, key, false);
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++)
        if (a->set->writers[p->reads[e]] >= 0)
            remove_if_useless(a, birth_before(a, p->reads[e], key));
}

static void remove_if_useless(Annealer *a, RunKey key)
{
    if (is_rerun(a, key) && runset_is_useless(a->set, key))
        remove_run(a, key);
}

/* --- moves ---------------------------------------------------------------------------------------
 */

/* Whether v, last read at `end`, should be computed again for `key` and not be kept until then. */
static bool prefers_rerun(Annealer *a, int v, RunKey end, RunKey key)
{
    int writer = a->set->writers[v];
    if (a->room <= 0 || (a->problem->runs_once && a->problem->runs_once[writer]))
        return false;
    int64_t peak = runset_peak_between(a->set, end, key);
    bool fits = peak + a->set->bytes[v] <= a->set->budget;
    if (a->strict)
        return !fits;
    double chance = fits ? 0.15 : 0.85;
    return random_unit(&a->random) < chance;
}

/* Runs node again in the stage, with those of its inputs that it chooses not to keep until then. */
static void run_again(Annealer *a, int stage, int node)
{
    const RecomputeProblem *p = a->problem;
    RunKey key = run_key(a->set, stage, node);
    a->room--;
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++) {
        int v = p->reads[e];
        if (a->set->writers[v] < 0)
            continue;
        RunKey end = runset_copy_end(a->set, v, key);
        if (end < key && key_stage(a->set, end) != stage && prefers_rerun(a, v, end, key))
            run_again(a, stage, a->set->writers[v]);
    }
    RunKey old[8];
    int n_old = 0;
    for (int e = p->write_start[node]; e < p->write_start[node + 1] && n_old < 8; e++)
        old[n_old++] = birth_before(a, p->writes[e], key);
    change(a, key, true);
    for (int i = 0; i < n_old; i++)
        if (runset_has(a->set, old[i]))
            remove_if_useless(a, old[i]);
}

/* The first read of v after `key` by which its copy at `key` is still the one; -1: none. */
static RunKey next_read(const Annealer *a, int v, RunKey key)
{
    const KeyList *reads = &a->set->reads[v], *births = &a->set->births[v];
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
static RunKey pick_hot(Annealer *a)
{
    const RunSet *set = a->set;
    int start = random_below(&a->random, set->n);
    if (set->overload > 0)
        for (int i = 0; i < set->n; i++) {
            int at = start + i < set->n ? start + i : start + i - set->n;
            if (set->live[at] > set->budget)
                return set->keys[at];
        }
    return set->keys[start];
}

/* Where v would run again if its copy were dropped at the hot run: in the stage that reads it next;
 * -1 where it cannot be dropped there. */
static RunKey rerun_after(const Annealer *a, int v, RunKey hot)
{
    int writer = a->set->writers[v];
    if (writer < 0 || writer >= key_stage(a->set, hot) || a->set->bytes[v] == 0 ||
        (a->problem->runs_once && a->problem->runs_once[writer]))
        return -1;
    RunKey next = next_read(a, v, hot);
    if (next < 0 || runset_copy_end(a->set, v, hot + 1) <= hot)
        return -1;
    int stage = key_stage(a->set, next);
    RunKey key = run_key(a->set, stage, writer);
    return stage < a->problem->n_nodes && key > hot && !runset_has(a->set, key) ? key : -1;
}

static void drop_until(Annealer *a, RunKey key)
{
    enum { MOST_RUNS = 200 };
    a->room = MOST_RUNS;
    run_again(a, key_stage(a->set, key), key_node(a->set, key));
}

/* Drops a value over a gap between reads that spans a hot run. */
static bool drop_value(Annealer *a)
{
    RunKey hot = pick_hot(a);
    for (int tries = 0; tries < 16; tries++) {
        RunKey key = rerun_after(a, random_below(&a->random, a->problem->n_values), hot);
        if (key >= 0) {
            drop_until(a, key);
            return true;
        }
    }
    return false;
}

static RunKey pick_rerun(Annealer *a)
{
    const RunSet *set = a->set;
    if (set->n == a->problem->n_nodes)
        return -1;
    for (int tries = 0; tries < 64; tries++) {
        RunKey key = set->keys[random_below(&a->random, set->n)];
        if (is_rerun(a, key))
            return key;
    }
    return -1;
}

/* Keeps what a re-run computes from the run before it. */
static bool keep_value(Annealer *a)
{
    RunKey key = pick_rerun(a);
    if (key < 0)
        return false;
    remove_run(a, key);
    return true;
}

/* Moves a re-run to a stage nearby. */
static bool shift_run(Annealer *a)
{
    RunKey key = pick_rerun(a);
    if (key < 0)
        return false;
    int node = key_node(a->set, key), stage = key_stage(a->set, key);
    int distance = 1 + random_below(&a->random, 6);
    int to = random_below(&a->random, 2) ? stage + distance : stage - distance;
    RunKey new_key = run_key(a->set, to, node);
    if (to <= node || to >= a->problem->n_nodes || runset_has(a->set, new_key))
        return false;
    drop_until(a, new_key);
    if (runset_has(a->set, key))
        remove_run(a, key);
    return true;
}

bool move_try(Annealer *a)
{
    int dice = random_below(&a->random, 16);
    if (a->set->overload > 0 ? dice < 9 : dice < 5)
        return drop_value(a);
    return dice < 13 ? keep_value(a) : shift_run(a);
}

void move_prune(Annealer *a)
{
    a->n_changes = 0;
    for (int i = a->set->n - 1; i >= 0; i--)
        if (i < a->set->n)
            remove_if_useless(a, a->set->keys[i]);
}

/* --- greedy --------------------------------------------------------------------------------- */

typedef struct {
    int value;
    double cost_per_byte;
} Candidate;

static int by_cost_per_byte(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    if (x->cost_per_byte != y->cost_per_byte)
        return x->cost_per_byte < y->cost_per_byte ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* Drops the values that are cheapest for their bytes at the run with the most live, until it is
 * within the budget. False where that cannot be done. */
static bool relieve(Annealer *a, Candidate *candidates)
{
    const RunSet *set = a->set;
    int worst = 0, n = 0;
    for (int i = 1; i < set->n; i++)
        if (set->live[i] > set->live[worst])
            worst = i;
    RunKey hot = set->keys[worst];
    for (int v = 0; v < a->problem->n_values; v++)
        if (rerun_after(a, v, hot) >= 0)
            candidates[n++] =
                (Candidate){v, a->problem->cost[set->writers[v]] / (double)set->bytes[v]};
    qsort(candidates, (size_t)n, sizeof *candidates, by_cost_per_byte);
    for (int i = 0; i < n && set->live[runset_index(set, hot)] > set->budget; i++) {
        RunKey key = rerun_after(a, candidates[i].value, hot);
        a->n_changes = 0;
        if (key >= 0)
            drop_until(a, key);
    }
    return set->live[runset_index(set, hot)] <= set->budget;
}

void move_greedily(Annealer *a)
{
    Candidate *candidates = xcalloc((size_t)a->problem->n_values + 1, sizeof *candidates);
    for (int i = 0; i < 2 * a->problem->n_nodes && a->set->overload > 0; i++)
        if (!relieve(a, candidates))
            break;
    free(candidates);
}

typedef struct {
    RunKey key;
    double cost;
} Rerun;

static int by_cost(const void *a, const void *b)
{
    const Rerun *x = a, *y = b;
    if (x->cost != y->cost)
        return x->cost > y->cost ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

void move_keep_all(Annealer *a)
{
    Rerun *reruns = xcalloc((size_t)a->set->n + 1, sizeof *reruns);
    int n = 0;
    for (int i = 0; i < a->set->n; i++)
        if (is_rerun(a, a->set->keys[i]))
            reruns[n++] =
                (Rerun){a->set->keys[i], a->problem->cost[key_node(a->set, a->set->keys[i])]};
    qsort(reruns, (size_t)n, sizeof *reruns, by_cost);
    for (int i = 0; i < n; i++) {
        int64_t overload = a->set->overload;
        a->n_changes = 0;
        if (!runset_has(a->set, reruns[i].key))
            continue;
        remove_run(a, reruns[i].key);
        if (a->set->overload > overload)
            move_take_back(a);
    }
    free(reruns);
}

/* The drop over the hottest run that costs least for what it takes off the overload; -1: none. */
static RunKey best_drop(Annealer *a)
{
    const RunSet *set = a->set;
    int worst = 0;
    for (int i = 1; i < set->n; i++)
        if (set->live[i] > set->live[worst])
            worst = i;
    RunKey hot = set->keys[worst], best = -1;
    double best_price = INFINITY, cost = set->cost;
    int64_t overload = set->overload;
    for (int v = 0; v < a->problem->n_values; v++) {
        RunKey key = rerun_after(a, v, hot);
        if (key < 0)
            continue;
        a->n_changes = 0;
        drop_until(a, key);
        double gained = (double)(overload - set->overload), price = (set->cost - cost) / gained;
        if (gained > 0 && price < best_price) {
            best_price = price;
            best = key;
        }
        move_take_back(a);
        a->set->cost = cost;
    }
    return best;
}

bool move_down(Annealer *a, int64_t work_end)
{
    a->strict = true;
    while (a->set->overload > 0 && a->set->work < work_end) {
        RunKey key = best_drop(a);
        if (key < 0)
            break;
        a->n_changes = 0;
        drop_until(a, key);
        move_prune(a);
    }
    a->strict = false;
    return a->set->overload == 0;
}
