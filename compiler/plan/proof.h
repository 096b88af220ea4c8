/* What no schedule can do better, in any order of backward and update nodes and with any number of
 * reruns. */
#ifndef PLAN_PROOF_H
#define PLAN_PROOF_H

#include "plan/problem.h"

/* No schedule's peak is below this. */
size_t proof_memory(const Problem *problem);

/* The reruns of any schedule within the budget take at least so many seconds; 0 where nothing can
 * be said. Relaxes the moment at which one node runs for the first time: what its descendants among
 * the backward nodes still read is there, or runs again, and then so does or is what that reads
 * (a minimum cut, with the bytes priced by Lagrange). The maximum over several such moments. */
double proof_rerun_seconds(const Problem *problem, size_t budget_bytes);

/* The same cuts as seeds of plans: for up to `most` prices of a byte, from cheap to dear and
 * between, tells which nodes run again ([n_nodes]) after the moment that asks for most. Early nodes
 * are taken to be a little cheaper, so that equal layers do not all change at once. */
void proof_visit_cuts(const Problem *problem, int most,
                      void (*visit)(void *context, const bool *runs_again), void *context);

#endif
