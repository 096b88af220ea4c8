/* The cheapest schedule of a small recompute problem, with proof. */
#ifndef EXACT_H
#define EXACT_H

#include "plan/recompute.h"

typedef enum { EXACT_SOLVED, EXACT_INFEASIBLE, EXACT_GAVE_UP } ExactStatus;

typedef struct {
    double effort;      /* work allowed, about seconds; counted in work, not in time */
    double worst_extra; /* dearer re-runs than this are not looked for; INFINITY: all are */
    bool (*stop)(void *context); /* asked now and then (NULL: never); true gives up */
    void *context;
} ExactOptions;

/* Searches all schedules, re-runs in any order and number, for the cheapest within the budget.
 * Gives up where the effort ends, after two million states, or above 128 values. */
ExactStatus exact_search(const RecomputeProblem *problem, const ExactOptions *options,
                         RecomputeSchedule *out);

/* The schedule of the smallest peak of all, whatever the budget. */
ExactStatus exact_least_peak(const RecomputeProblem *problem, const ExactOptions *options,
                             RecomputeSchedule *out);

#endif
