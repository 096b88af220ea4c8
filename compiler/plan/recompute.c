/* Small facts about a recompute problem: who writes what, the base order's cost and peak. */
#include "plan/recompute.h"

#include "plan/replay.h"

#include <stdlib.h>

int *recompute_writers(const RecomputeProblem *problem)
{
    int *writers = xcalloc((size_t)problem->n_values + 1, sizeof *writers);
    for (int v = 0; v < problem->n_values; v++)
        writers[v] = -1;
    for (int k = 0; k < problem->n_nodes; k++)
        for (int e = problem->write_start[k]; e < problem->write_start[k + 1]; e++)
            writers[problem->writes[e]] = k;
    return writers;
}

double recompute_base_cost(const RecomputeProblem *problem)
{
    double cost = 0;
    for (int k = 0; k < problem->n_nodes; k++)
        cost += problem->cost[k];
    return cost;
}

RecomputeSchedule recompute_base_schedule(const RecomputeProblem *problem)
{
    RecomputeSchedule schedule = {.n = problem->n_nodes};
    schedule.sequence = xcalloc((size_t)schedule.n + 1, sizeof *schedule.sequence);
    for (int k = 0; k < schedule.n; k++)
        schedule.sequence[k] = k;
    ReplayReport report = replay_sequence(problem, schedule.sequence, schedule.n);
    if (report.fault)
        bug("the base order does not replay: %s at run %d", report.fault, report.at);
    schedule.cost = report.cost;
    schedule.peak_bytes = report.peak_bytes;
    return schedule;
}

void recompute_schedule_free(RecomputeSchedule *schedule)
{
    free(schedule->sequence);
    *schedule = (RecomputeSchedule){0};
}
