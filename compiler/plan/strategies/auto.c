/* The product: seeds from every other strategy and from the chain programme with all options of
 * every block, then local search; the cheapest that fits wins. What is tried does not depend on the
 * budget, so that more memory never costs time. */
#include "plan/chain.h"
#include "plan/cut.h"
#include "plan/order.h"
#include "plan/refine.h"
#include "plan/strategies/strategies.h"

#include <math.h>

static void offer_fixed(Pool *pool)
{
    pool_offer(pool, strategy_none(pool->arena, pool->problem, pool->options));
    pool_offer(pool, marked_plan(pool->arena, pool->problem, false));
    pool_offer(pool, strategy_sqrt(pool->arena, pool->problem, pool->options));
}

/* What a minimum cut at the loss runs again, each node as late as it can. */
static void offer_cut(void *context, const bool *runs_again)
{
    Pool *pool = context;
    Arena *scratch = arena_new();
    Segments segments = segments_new(scratch, pool->problem, 1);
    segments_add(&segments, -1);
    segments.open[0] = segments.on_demand = true;
    for (int i = 0; i < pool->problem->n_nodes; i++)
        if (runs_again[i])
            segments.of_node[i] = 0;
    pool_offer_segments(pool, &segments);
    arena_free(scratch);
}

static void offer_options(Pool *pool)
{
    enum { MOST_BLOCKS = 100, MOST_CUTS = 200 };
    Catalog catalog = catalog_new(pool->arena, pool->problem, false);
    Catalog merged = catalog_merge(pool->arena, &catalog, MOST_BLOCKS);
    ChainOptions with = {.splits = true, .most_units = 1000, .most_plans = 300};
    chain_offer(pool, &merged, &with);
    cut_visit(pool->problem, pool_affordable(pool, MOST_CUTS), offer_cut, pool);
}

/* Plans spread over the pool, with nodes put off; *gained is of the one returned, which gained
 * most. */
static const Plan *offer_put_off(Pool *pool, Arena *scratch, size_t *gained)
{
    enum { N_TRIED = 8 };
    const Plan *tried[N_TRIED], *best = NULL;
    int n = pool->n < N_TRIED ? pool->n : N_TRIED;
    for (int i = 0; i < n; i++)
        tried[i] = pool->best[(int64_t)i * pool->n / n].plan;
    *gained = 0;
    for (int i = 0; i < n; i++) {
        size_t bytes;
        const Plan *moved = order_put_off(scratch, pool->problem, tried[i], &bytes);
        if (bytes == 0)
            continue;
        pool_offer(pool, moved);
        if (bytes > *gained) {
            *gained = bytes;
            best = moved;
        }
    }
    return best;
}

/* Above so many nodes the time is better spent once. */
enum { MOST_NODES = 3000 };

/* The search once more with the backward pass in the order that helped most. */
static void offer_reordered(Pool *pool)
{
    Arena *scratch = arena_new();
    size_t gained;
    const Plan *order =
        pool->problem->n_nodes <= MOST_NODES ? offer_put_off(pool, scratch, &gained) : NULL;
    if (order) {
        int *original = NEW_N(scratch, int, pool->problem->n_nodes);
        Problem *problem = order_apply(scratch, pool->problem, order, original);
        Pool other = pool_new(scratch, problem, pool->options);
        offer_options(&other);
        for (int i = 0; i < other.n; i++) {
            Plan *plan = other.best[i].plan;
            for (int s = 0; s < plan->n_steps; s++)
                plan->sequence[s] = original[plan->sequence[s]];
            pool_offer(pool, plan);
        }
    }
    arena_free(scratch);
}

/* The index of the smallest plan above the bytes; pool->n where there is none. */
static int first_above(const Pool *pool, size_t bytes)
{
    int i = 0;
    while (i < pool->n && pool->best[i].arena_bytes <= bytes)
        i++;
    return i;
}

/* What lies higher than it is live is tried again with as much less to live in. */
static void refine_from(Pool *pool, int start, size_t bytes, int64_t work)
{
    enum { MOST_TRIES = 2 };
    const PlanOptions *options = pool->options;
    if (start < 0 || start >= pool->n || (options->stop && options->stop(options->context)))
        return;
    Arena *scratch = arena_new();
    const Plan *plan = pool->best[start].plan;
    size_t live_bytes = bytes;
    for (int i = 0; i < MOST_TRIES; i++) {
        plan = refine_plan(scratch, pool->problem, plan, live_bytes, options, work);
        size_t arena_bytes = plan ? pool_offer(pool, plan) : 0;
        if (arena_bytes <= bytes || arena_bytes - bytes >= live_bytes)
            break;
        live_bytes -= arena_bytes - bytes;
    }
    arena_free(scratch);
}

/* From the cheapest plan that fits and from the next larger one. */
static void refine_at(Pool *pool, size_t bytes, int64_t work)
{
    refine_from(pool, first_above(pool, bytes), bytes, work);
    refine_from(pool, first_above(pool, bytes) - 1, bytes, work);
}

/* Local search at budgets from large ones down to the smallest, most of them near that, and then at
 * the smallest sizes of arena that it came to. */
static void offer_refined(Pool *pool)
{
    enum { N_BUDGETS = 64, N_SMALLEST = 8 };
    static const double most_work = 3e6, work_per_node = 3e3; /* of one start, about 2 ns each */
    if (pool->n == 0 || pool->problem->n_nodes > MOST_NODES)
        return;
    double work = pool->options->effort * fmin(most_work, work_per_node * pool->problem->n_nodes);
    size_t low = pool->best[0].arena_bytes, high = pool->best[pool->n - 1].arena_bytes;
    for (int i = N_BUDGETS - 1; i >= 0; i--) {
        double share = (double)i / N_BUDGETS;
        refine_at(pool, low + (size_t)((double)(high - low) * share * share * share),
                  (int64_t)work);
    }
    for (int i = N_SMALLEST; i >= 0; i--)
        if (i < pool->n)
            refine_at(pool, pool->best[i].arena_bytes, (int64_t)(i > 0 ? work : 8 * work));
}

void auto_offer(Pool *pool)
{
    offer_fixed(pool);
    chen_offer(pool);
    recursive_offer(pool);
    rotor_offer(pool);
    selective_offer(pool);
    offer_options(pool);
    offer_reordered(pool);
    offer_refined(pool);
}

Plan *strategy_auto(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    Pool pool = pool_new(arena, problem, options);
    auto_offer(&pool);
    return pool_choose(&pool, "auto");
}
