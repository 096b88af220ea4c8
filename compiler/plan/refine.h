/* Local search on a whole plan: what runs again, and when, without regard to blocks or segments. */
#ifndef PLAN_REFINE_H
#define PLAN_REFINE_H

#include "plan/plan.h"

/* A cheaper plan with at most live_bytes live at any step, by annealing over the runs of the given
 * one in its own order of first runs (anneal.h), with the options' seed, until they say stop; NULL
 * where none was found. work: how much may be
 * done, about 2 ns a unit. The caller simulates the plan: what is written in place is known to the
 * search only roughly. */
Plan *refine_plan(Arena *arena, const Problem *problem, const Plan *plan, size_t live_bytes,
                  const PlanOptions *options, int64_t work);

#endif
