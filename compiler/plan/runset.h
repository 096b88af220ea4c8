/* A schedule that can be changed run by run: the search's working state.
 *
 * The schedule is a set of keys (stage, node): in stage t the re-runs come first, in base order,
 * then node t for the first time. Inserting or removing one run updates cost, the bytes live at
 * each run and the overload by touching only the stretches of the copies that change. Any set of
 * keys that holds all first runs is a valid schedule, so only the budget has to be searched for. */
#ifndef RUNSET_H
#define RUNSET_H

#include "plan/recompute.h"

typedef int64_t RunKey; /* stage * n_nodes + node */

typedef struct {
    RunKey *data; /* ascending */
    int n, capacity;
} KeyList;

typedef struct {
    const RecomputeProblem *problem;
    int *writers;   /* [n_values] */
    int64_t *bytes; /* [n_values] */
    int64_t budget; /* what values and workspace may take together */
    int n, capacity;
    RunKey *keys;     /* [n], ascending */
    int64_t *live;    /* [n], bytes live at each run */
    KeyList *births;  /* [n_values], the runs that write it */
    KeyList *reads;   /* [n_values], the runs that read it; an output's last one is past the end */
    double cost;      /* of all runs */
    int64_t overload; /* sum over runs of the bytes above the budget */
    int64_t work;     /* what has been done so far, about 1 ns a unit */
} RunSet;

/* The base order without any re-run. */
RunSet *runset_new(const RecomputeProblem *problem, int64_t budget);
void runset_free(RunSet *set);
void runset_set_budget(RunSet *set, int64_t budget);

/* The key must be absent, resp. present and not a first run. */
void runset_insert(RunSet *set, RunKey key);
void runset_remove(RunSet *set, RunKey key);
bool runset_has(const RunSet *set, RunKey key);

/* The last read of the copy of v that a read at `key` would find (its birth where it has none
 * before the next birth); the copy is born before `key`. */
RunKey runset_copy_end(const RunSet *set, int v, RunKey key);
/* No copy written by the run at `key` is read by any. */
bool runset_is_useless(const RunSet *set, RunKey key);
/* The first run at or after `key`, as an index; n where there is none. */
int runset_index(const RunSet *set, RunKey key);
/* The most bytes live at runs in (from, to]. */
int64_t runset_peak_between(const RunSet *set, RunKey from, RunKey to);
int64_t runset_peak(const RunSet *set);

static inline RunKey run_key(const RunSet *set, int stage, int node)
{
    return (RunKey)stage * set->problem->n_nodes + node;
}
static inline int key_stage(const RunSet *set, RunKey key)
{
    return (int)(key / set->problem->n_nodes);
}
static inline int key_node(const RunSet *set, RunKey key)
{
    return (int)(key % set->problem->n_nodes);
}

#endif
