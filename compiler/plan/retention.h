/* The recompute search: which values to keep and which to compute again, so that the live peak fits
 * the budget at the least cost. Annealing over sets of runs (runset.h). */
#ifndef RETENTION_H
#define RETENTION_H

#include "plan/recompute.h"

typedef struct {
    uint64_t seed;
    double effort; /* work allowed, about seconds; counted in work, not in time */
    double enough; /* a schedule of this cost or less ends the search; 0: none does */
    /* Told often: the cost of the best schedule so far (negative: none fits yet) and the share of
     * the work done. Returns true to stop. NULL: never told. */
    bool (*progress)(void *context, double best_cost, double share);
    void *context;
} SearchOptions;

/* True: *out is a schedule within the budget, checked by replay. False: none was found. */
bool retention_search(const RecomputeProblem *problem, const SearchOptions *options,
                      RecomputeSchedule *out);

/* A schedule of the smallest peak that the search can find, whatever the budget: no
 * retention_search with the same options finds one below. */
RecomputeSchedule retention_least_peak(const RecomputeProblem *problem,
                                       const SearchOptions *options);

#endif
