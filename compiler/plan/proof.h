/* What no schedule can do better, in any order of backward and update nodes and with any number of
 * reruns. */
#ifndef PLAN_PROOF_H
#define PLAN_PROOF_H

#include "plan/problem.h"

/* No schedule's peak is below this. */
size_t proof_memory(const Problem *problem);

/* The reruns of any schedule within the budget take at least so many seconds; 0 where nothing can
 * be said. At the moment when one node runs for the first time, what its descendants among the
 * backward nodes still read is there, or runs again, and then so does or is what that reads
 * (cut.h). What must run again in intervals that follow each other adds up; where a node's place
 * among others is not known, the best place counts; and the maximum over several such bounds. */
double proof_rerun_seconds(const Problem *problem, size_t budget_bytes);

#endif
