/* Plans in, the Pareto front of arena and time out. */
#include "plan/pool.h"

#include <string.h>

Pool pool_new(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    return (Pool){.arena = arena, .problem = problem, .options = options};
}

/* Where a candidate belongs, or -1 where something known is as good. */
static int find_place(const Pool *pool, size_t arena_bytes, double seconds)
{
    int at = 0;
    while (at < pool->n && pool->best[at].arena_bytes <= arena_bytes)
        at++;
    return at > 0 && pool->best[at - 1].seconds <= seconds ? -1 : at;
}

static Plan *copy_plan(Arena *arena, const Plan *plan)
{
    Plan *copy = NEW(arena, Plan);
    *copy = *plan;
    copy->sequence = NEW_N(arena, int, plan->n_steps);
    memcpy(copy->sequence, plan->sequence, (size_t)plan->n_steps * sizeof(int));
    return copy;
}

static void insert(Pool *pool, int at, Candidate candidate)
{
    /* Those as small that are slower come just before, larger ones that are not faster after. */
    int from = at, to = at;
    while (from > 0 && pool->best[from - 1].arena_bytes == candidate.arena_bytes)
        from--;
    while (to < pool->n && pool->best[to].seconds >= candidate.seconds)
        to++;
    if (pool->n == pool->capacity)
        pool->best = array_grow(pool->arena, pool->best, &pool->capacity, sizeof *pool->best);
    memmove(pool->best + from + 1, pool->best + to, (size_t)(pool->n - to) * sizeof *pool->best);
    pool->best[from] = candidate;
    pool->n += 1 - (to - from);
    const PlanOptions *options = pool->options;
    if (options->progress)
        options->progress(options->context, candidate.arena_bytes, candidate.seconds);
}

/* Nothing more is tried, so that the best so far is what is chosen. */
static bool is_stopped(const Pool *pool)
{
    const PlanOptions *options = pool->options;
    return pool->n > 0 && options->stop && options->stop(options->context);
}

size_t pool_offer(Pool *pool, const Plan *plan)
{
    if (is_stopped(pool))
        return SIZE_MAX;
    Arena *scratch = arena_new();
    size_t arena_bytes = SIZE_MAX;
    Timeline timeline = plan_simulate(scratch, pool->problem, plan);
    pool->work += (int64_t)plan->n_steps * 100 + timeline.n_lives * 50;
    if (!timeline.error) {
        arena_bytes = pool->last_live_bytes = timeline.max_live_bytes;
        if (find_place(pool, arena_bytes, timeline.seconds) >= 0) {
            arena_bytes = plan_layout(scratch, pool->problem, &timeline, true).arena_bytes;
            pool->work += (int64_t)timeline.n_lives * 1000;
            int at = find_place(pool, arena_bytes, timeline.seconds);
            if (at >= 0)
                insert(pool, at,
                       (Candidate){copy_plan(pool->arena, plan), arena_bytes, timeline.seconds});
        }
    }
    arena_free(scratch);
    return arena_bytes;
}

size_t pool_offer_segments(Pool *pool, const Segments *segments)
{
    if (is_stopped(pool))
        return SIZE_MAX;
    Arena *scratch = arena_new();
    Plan *plan = segments_schedule(scratch, pool->problem, segments, "");
    pool->work += (int64_t)plan->n_steps * 100;
    size_t arena_bytes = pool_offer(pool, plan);
    arena_free(scratch);
    return arena_bytes;
}

int pool_affordable(const Pool *pool, int most)
{
    enum { FEW = 16 };
    static const double nodes_per_second = 3e5; /* scheduled, simulated and laid out */
    double n = pool->options->effort * nodes_per_second / (pool->problem->n_nodes + 1);
    return n >= most ? most : n < FEW ? FEW : (int)n;
}

static void offer_base_order(Pool *pool)
{
    Plan plan = {.strategy = "", .n_steps = pool->problem->n_nodes};
    Arena *scratch = arena_new();
    plan.sequence = NEW_N(scratch, int, plan.n_steps);
    for (int i = 0; i < plan.n_steps; i++)
        plan.sequence[i] = i;
    pool_offer(pool, &plan);
    arena_free(scratch);
}

Plan *pool_choose(Pool *pool, const char *strategy)
{
    offer_base_order(pool);
    if (pool->n == 0)
        bug("the base order of the training graph is not a legal plan");
    Plan *plan = pool->best[0].plan;
    for (int i = 1; pool->options->has_budget && i < pool->n; i++)
        if (pool->best[i].arena_bytes <= pool->options->budget_bytes)
            plan = pool->best[i].plan;
    plan->strategy = strategy;
    return plan;
}
