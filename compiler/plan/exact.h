/* The cheapest schedule of a small recompute problem, with proof. */
#ifndef EXACT_H
#define EXACT_H

#include "plan/recompute.h"

typedef enum { EXACT_SOLVED, EXACT_INFEASIBLE, EXACT_GAVE_UP } ExactStatus;

/* Searches all schedules, re-runs in any order and number, for the cheapest within the budget.
 * Gives up after `max_states` states (about 100 bytes each) or where a problem has over 128 values;
 * schedules of extra cost above `worst_extra` are not looked for (INFINITY: all are). `stop` is
 * asked now and then (NULL: never); true makes it give up. */
ExactStatus exact_search(const RecomputeProblem *problem, int max_states, double worst_extra,
                         bool (*stop)(void *context), void *context, RecomputeSchedule *out);

/* The schedule of the smallest peak of all, whatever the budget. */
ExactStatus exact_least_peak(const RecomputeProblem *problem, int max_states,
                             bool (*stop)(void *context), void *context, RecomputeSchedule *out);

#endif
