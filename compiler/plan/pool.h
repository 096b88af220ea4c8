/* The plans a strategy has found so far: the cheapest for every size of arena. */
#ifndef PLAN_POOL_H
#define PLAN_POOL_H

#include "plan/plan.h"
#include "plan/segments.h"

typedef struct {
    Plan *plan;
    size_t arena_bytes; /* of a quick layout */
    double seconds;
} Candidate;

typedef struct {
    Arena *arena;
    const Problem *problem;
    const PlanOptions *options;
    Candidate *best; /* [n] ascending arena, descending time */
    int n, capacity;
    int64_t work;           /* done in offers, about 1 ns a unit */
    size_t last_live_bytes; /* of the latest offer */
} Pool;

Pool pool_new(Arena *arena, const Problem *problem, const PlanOptions *options);
/* Simulates and lays out the plan, copies it if nothing known is as small and as cheap, and gives
 * the bytes of its arena; SIZE_MAX for a sequence that is not legal. */
size_t pool_offer(Pool *pool, const Plan *plan);
/* The same for the plan of some segments. */
size_t pool_offer_segments(Pool *pool, const Segments *segments);

/* How many plans of this size a search may try: at most `most`, fewer for large problems or little
 * effort, at least a few. */
int pool_affordable(const Pool *pool, int most);

/* The cheapest plan whose arena fits the budget; where none does, or there is no budget, the
 * smallest. The pool must not depend on the budget in what it has within it, so that more memory
 * never costs time. Offers the base order first, which is always legal. */
Plan *pool_choose(Pool *pool, const char *strategy);

#endif
