/* The recompute search: which values to keep and which to compute again, so that the live peak fits
 * the budget at the least cost. Annealing over sets of runs (runset.h). */
#ifndef PLAN_RETENTION_H
#define PLAN_RETENTION_H

#include "plan/recompute.h"

typedef struct {
    uint64_t seed;
    double effort; /* work allowed, about seconds; counted in work, not in time */
    /* Told now and then: the best cost so far (negative: none fits yet) and the share of the work
     * done. Returns true to stop. NULL: never. */
    bool (*progress)(void *context, double best_cost, double share);
    void *context;
} SearchOptions;

/* True: *out is a schedule within the budget, checked by replay. False: none was found. */
bool retention_search(const RecomputeProblem *problem, const SearchOptions *options,
                      RecomputeSchedule *out);

#endif
