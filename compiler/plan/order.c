/* Local search over the order of the nodes that run once. The simulation judges what is legal. */
#include "plan/order.h"

#include <string.h>

static Plan *copy_plan(Arena *arena, const Plan *plan)
{
    Plan *copy = NEW(arena, Plan);
    *copy = *plan;
    copy->sequence = NEW_N(arena, int, plan->n_steps);
    memcpy(copy->sequence, plan->sequence, (size_t)plan->n_steps * sizeof(int));
    return copy;
}

static size_t peak_of(const Problem *problem, const Plan *plan, int *step)
{
    Arena *scratch = arena_new();
    Timeline timeline = plan_simulate(scratch, problem, plan);
    size_t peak = timeline.error ? SIZE_MAX : timeline.max_live_bytes;
    *step = timeline.peak_step;
    arena_free(scratch);
    return peak;
}

/* The first step after `step` that reads what its node writes. */
static int first_use(const Problem *problem, const Plan *plan, int step)
{
    const ProblemNode *node = &problem->nodes[plan->sequence[step]];
    for (int s = step + 1; s < plan->n_steps; s++) {
        const ProblemNode *other = &problem->nodes[plan->sequence[s]];
        for (int k = 0; k < other->n_reads; k++)
            for (int w = 0; w < node->n_writes; w++)
                if (other->reads[k] == node->writes[w])
                    return s;
    }
    return plan->n_steps;
}

/* Moves the node of step `from` to step `to` > from; those between come one earlier. */
static void move_later(Plan *plan, int from, int to)
{
    int node = plan->sequence[from];
    memmove(plan->sequence + from, plan->sequence + from + 1, (size_t)(to - from) * sizeof(int));
    plan->sequence[to] = node;
}

static void move_back(Plan *plan, int from, int to)
{
    int node = plan->sequence[to];
    memmove(plan->sequence + from + 1, plan->sequence + from, (size_t)(to - from) * sizeof(int));
    plan->sequence[from] = node;
}

/* Tries a few later places for the node at the peak; true where one of them lowers it. */
static bool put_off_once(const Problem *problem, Plan *plan, size_t *peak, int *step)
{
    enum { N_PLACES = 6 };
    int from = *step, last = first_use(problem, plan, from) - 1, best_to = -1, at;
    if (problem->nodes[plan->sequence[from]].phase == PHASE_forward)
        return false;
    size_t best = *peak;
    for (int i = N_PLACES; i > 0; i--) {
        int to = from + (int)((int64_t)(last - from) * i / N_PLACES);
        if (to == from)
            continue;
        move_later(plan, from, to);
        size_t bytes = peak_of(problem, plan, &at);
        move_back(plan, from, to);
        if (bytes < best) {
            best = bytes;
            best_to = to;
        }
    }
    if (best_to < 0)
        return false;
    move_later(plan, from, best_to);
    *peak = peak_of(problem, plan, step);
    return true;
}

Plan *order_put_off(Arena *arena, const Problem *problem, const Plan *plan, size_t *gained)
{
    enum { MOST_MOVES = 8 };
    Plan *moved = copy_plan(arena, plan);
    int step;
    size_t before = peak_of(problem, moved, &step), peak = before;
    for (int i = 0; i < MOST_MOVES && put_off_once(problem, moved, &peak, &step); i++)
        continue;
    *gained = before - peak;
    return moved;
}

Problem *order_apply(Arena *arena, const Problem *problem, const Plan *plan, int *original)
{
    Problem *out = NEW(arena, Problem);
    *out = *problem;
    out->nodes = NEW_N(arena, ProblemNode, problem->n_nodes);
    out->values = NEW_N(arena, Value, problem->n_values);
    int *place = NEW_N(arena, int, problem->n_nodes), n = 0;
    memset(place, -1, (size_t)problem->n_nodes * sizeof(int));
    for (int forward = 1; forward >= 0; forward--)
        for (int s = 0; s < plan->n_steps; s++) {
            int node = plan->sequence[s];
            if (place[node] >= 0 || (problem->nodes[node].phase == PHASE_forward) != forward)
                continue;
            original[n] = node;
            place[node] = n++;
        }
    for (int i = 0; i < n; i++) {
        out->nodes[i] = problem->nodes[original[i]];
        if (out->nodes[i].forward >= 0)
            out->nodes[i].forward = place[out->nodes[i].forward];
    }
    for (int v = 0; v < problem->n_values; v++) {
        out->values[v] = problem->values[v];
        if (out->values[v].producer >= 0)
            out->values[v].producer = place[out->values[v].producer];
    }
    return out;
}
