/* Backward and update nodes in another order: what is summed in which order is in the graph, so
 * that any order in which reads find what they mean gives the same numbers. */
#ifndef PLAN_ORDER_H
#define PLAN_ORDER_H

#include "plan/plan.h"

/* The plan with nodes at the peak put off, as long as that lowers the peak. *gained: by how many
 * bytes. A weight gradient larger than the two tensors that it is made of is worth waiting for. */
Plan *order_put_off(Arena *arena, const Problem *problem, const Plan *plan, size_t *gained);

/* The same problem with its nodes in the order of a plan's first runs, forward ones first;
 * original[i] is the node that node i was. */
Problem *order_apply(Arena *arena, const Problem *problem, const Plan *plan, int *original);

#endif
