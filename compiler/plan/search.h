/* A strategy's plan, checked and laid out, and searches over budgets. */
#ifndef PLAN_SEARCH_H
#define PLAN_SEARCH_H

#include "plan/strategies/strategies.h"

typedef struct {
    const Strategy *strategy;
    Plan *plan;
    Timeline timeline;
    Layout layout;
    bool fits; /* always true without a budget */
    size_t
        smallest_bytes; /* where it does not fit: the smallest budget that this strategy accepts */
    size_t keep_all_bytes; /* arena and time of the plan `none` */
    double keep_all_seconds, overhead;
    size_t lower_bound_bytes;    /* no schedule of this problem has a lower peak */
    double overhead_lower_bound; /* nor less overhead within the budget; without one: within this
                                    plan's own arena */
} Solution;

/* Runs the strategy, replays its plan and checks the layout; a plan that fails is a bug of ours and
 * ends the run as one. Where the plan does not fit, it is that of the smallest arena: its peak step
 * is what binds. */
Solution plan_search(Arena *arena, const Problem *problem, const Strategy *strategy,
                     const PlanOptions *options);

/* `optimal`, or `at most 0.4 % of the step from optimal`. */
const char *plan_gap(Arena *arena, const Solution *solution);

/* The same for n budgets, with one search where the strategy tries the same for all. */
Solution *plan_search_all(Arena *arena, const Problem *problem, const Strategy *strategy,
                          const PlanOptions *options, const size_t *budgets, int n);

/* Solutions for n budgets from the smallest possible to what keeping everything takes. */
Solution *plan_pareto(Arena *arena, const Problem *problem, const Strategy *strategy,
                      const PlanOptions *options, int n);

/* The largest value >= first that fits, or first - 1; *n_tried counts the questions. Exact where
 * larger values need more memory; the answer always fits, and the next value does not. */
int64_t fit_search(bool (*fits)(void *context, int64_t value), void *context, int64_t first,
                   int64_t most, int *n_tried);

#endif
