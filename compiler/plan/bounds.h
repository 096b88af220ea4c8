/* What no schedule can do better, whatever planner it comes from. */
#ifndef BOUNDS_H
#define BOUNDS_H

#include "plan/recompute.h"

/* A budget below this has no schedule: the most that one node needs at its own run, with what later
 * nodes still have to find although it cannot be computed again. */
size_t bounds_memory(const RecomputeProblem *problem);

/* What the re-runs of any schedule within the budget cost at least; INFINITY where none exists. */
double bounds_extra_cost(const RecomputeProblem *problem);

#endif
