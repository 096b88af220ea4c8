/* Per operator inside each block: every block on its own keeps the subset of its saved tensors that
 * is best for the whole, a knapsack over the exact Pareto sets of the blocks. */
#include "plan/chain.h"
#include "plan/strategies/strategies.h"

void selective_offer(Pool *pool)
{
    Catalog catalog = catalog_new(pool->arena, pool->problem, false);
    ChainOptions with = {.splits = false, .most_units = 2000, .most_plans = 200};
    chain_offer(pool, &catalog, &with);
}

Plan *strategy_selective(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    Pool pool = pool_new(arena, problem, options);
    selective_offer(&pool);
    return pool_choose(&pool, "selective");
}
