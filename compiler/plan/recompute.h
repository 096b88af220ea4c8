/* The recompute problem as numbers alone, and its answer: a sequence of node runs.
 *
 * Nodes are numbered in base order; every node runs for the first time in that order and may run
 * again anywhere after. A value lives from a run of its writer to the last read before the writer
 * runs again. The peak is the largest sum of live values and workspace at any run. */
#ifndef RECOMPUTE_H
#define RECOMPUTE_H

#include "base/base.h"

typedef struct {
    int n_nodes, n_values;
    const double *cost;            /* [n_nodes], >= 0 */
    const size_t *workspace_bytes; /* [n_nodes], live during the node's run; NULL: none */
    const size_t *taken_bytes; /* [n_nodes], of what it reads and writes over: live once only during
                                  its run; NULL: none */
    const bool *runs_once;     /* [n_nodes], side effects: never again; NULL: none */
    /* Node k reads the values reads[read_start[k]] .. before reads[read_start[k + 1]], and writes
     * likewise. A value is written by at most one node, and read only by later ones. A value that
     * no node writes takes no part: count it in resident_bytes. */
    const int *read_start, *reads;
    const int *write_start, *writes;
    const size_t *value_bytes; /* [n_values]; their sum, and the workspace's, below 2^62 */
    const bool *is_output;     /* [n_values], live to the end of the sequence; NULL: none */
    size_t resident_bytes;     /* live throughout, beside the values */
    size_t budget_bytes;
} RecomputeProblem;

typedef struct {
    int *sequence; /* node ids; malloc'ed */
    int n;
    double cost; /* of all runs, the first ones included */
    size_t peak_bytes;
} RecomputeSchedule;

/* The writer of each value, -1 where no node writes it; malloc'ed. */
int *recompute_writers(const RecomputeProblem *problem);

/* The cost of running every node once. */
double recompute_base_cost(const RecomputeProblem *problem);

/* Every node once, in base order; cost and peak are filled in. */
RecomputeSchedule recompute_base_schedule(const RecomputeProblem *problem);

void recompute_schedule_free(RecomputeSchedule *schedule);

#endif
