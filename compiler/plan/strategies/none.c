/* Keeps everything: the base order, each node once. */
#include "plan/strategies/strategies.h"

Plan *strategy_none(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    (void)options;
    Plan *plan = NEW(arena, Plan);
    plan->strategy = "none";
    plan->n_steps = problem->n_nodes;
    plan->sequence = NEW_N(arena, int, problem->n_nodes);
    for (int i = 0; i < problem->n_nodes; i++)
        plan->sequence[i] = i;
    return plan;
}
