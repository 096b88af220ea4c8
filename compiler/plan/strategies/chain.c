/* rotor (Beaumont et al. 2019): the chain of blocks, each block kept whole or dropped whole, runs
 * of blocks replayed together and within each other; optimal for a chain under a byte budget. */
#include "plan/chain.h"
#include "plan/strategies/strategies.h"

void rotor_offer(Pool *pool)
{
    enum { MOST_BLOCKS = 100 };
    Catalog whole = catalog_new(pool->arena, pool->problem, true);
    Catalog merged = catalog_merge(pool->arena, &whole, MOST_BLOCKS);
    ChainOptions with = {.splits = true, .most_units = 1000, .most_plans = 200};
    chain_offer(pool, &merged, &with);
}

Plan *strategy_chain(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    Pool pool = pool_new(arena, problem, options);
    rotor_offer(&pool);
    return pool_choose(&pool, "chain");
}
