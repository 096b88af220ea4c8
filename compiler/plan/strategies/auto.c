/* The product: seeds from every other strategy and from the chain programme with all options of
 * every block; the cheapest that fits wins. What is tried does not depend on the budget, so that
 * more memory never costs time. */
#include "plan/chain.h"
#include "plan/proof.h"
#include "plan/strategies/strategies.h"

static void offer_fixed(Pool *pool)
{
    PlanStrategy *const fixed[] = {strategy_none, strategy_marked, strategy_sqrt};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        pool_offer(pool, fixed[i](pool->arena, pool->problem, pool->options));
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

void auto_offer(Pool *pool)
{
    enum { MOST_BLOCKS = 100, MOST_CUTS = 200 };
    offer_fixed(pool);
    chen_offer(pool);
    recursive_offer(pool);
    rotor_offer(pool);
    selective_offer(pool);
    Catalog catalog = catalog_new(pool->arena, pool->problem, false);
    Catalog merged = catalog_merge(pool->arena, &catalog, MOST_BLOCKS);
    ChainOptions with = {.splits = true, .most_units = 1000, .most_plans = 300};
    chain_offer(pool, &merged, &with);
    proof_visit_cuts(pool->problem, MOST_CUTS, offer_cut, pool);
}

Plan *strategy_auto(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    Pool pool = pool_new(arena, problem, options);
    auto_offer(&pool);
    return pool_choose(&pool, "auto");
}
