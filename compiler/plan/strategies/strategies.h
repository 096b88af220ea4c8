/* The table of strategies: one row in strategies.def, one file each. */
#ifndef STRATEGIES_H
#define STRATEGIES_H

#include "plan/pool.h"

typedef struct {
    const char *name, *help;
    PlanStrategy *run;
    void (*offer)(Pool *pool); /* all that it tries, whatever the budget; NULL where that depends */
} Strategy;

enum {
#define STRATEGY(name, offer, help) STRATEGY_##name,
#include "plan/strategies/strategies.def"
#undef STRATEGY
    N_STRATEGIES
};

extern const Strategy strategies[N_STRATEGIES];

/* The row, or NULL. */
const Strategy *strategy_find(const char *name);

#define STRATEGY(name, offer, help) PlanStrategy strategy_##name;
#include "plan/strategies/strategies.def"
#undef STRATEGY

/* All the plans that a searching strategy tries, for `auto` to start from. */
void chen_offer(Pool *pool);
void recursive_offer(Pool *pool);
void rotor_offer(Pool *pool);
void selective_offer(Pool *pool);
/* The plan of `marked`; the useless marks take time. */
Plan *marked_plan(Arena *arena, const Problem *problem, bool with_useless);
/* All that `auto` tries. */
void auto_offer(Pool *pool);

typedef enum { OPTIMAL_FOUND, OPTIMAL_NONE, OPTIMAL_GAVE_UP } OptimalStatus;
/* The cheapest plan with first runs in base order and at most live_bytes live at any step; *work is
 * how many choices may be looked at, and counts down. */
OptimalStatus optimal_plan(Arena *arena, const Problem *problem, size_t live_bytes, int64_t *work,
                           Plan **plan);

#endif
