/* What is kept over a moment and what runs again after it: a minimum cut, with bytes priced. */
#ifndef PLAN_CUT_H
#define PLAN_CUT_H

#include "plan/moment.h"

/* Seconds that must run again after the moment within the budget, for what is read until a later
 * one (NULL: to the end). The best of all prices of a byte (Lagrange); INFINITY where what is
 * surely live does not fit. */
double cut_bound(const Facts *facts, const Moment *moment, const Moment *until,
                 size_t budget_bytes);

/* The same cuts as seeds of plans: for up to `most` prices of a byte, from cheap to dear and
 * between, tells which nodes run again ([n_nodes]) after the moment that asks for most. Early nodes
 * are taken to be a little cheaper, so that equal layers do not all change at once. */
void cut_visit(const Problem *problem, int most,
               void (*visit)(void *context, const bool *runs_again), void *context);

#endif
