/* The table of strategies as data. */
#include "plan/strategies/strategies.h"

#include <string.h>

const Strategy strategies[N_STRATEGIES] = {
#define STRATEGY(name, offer, help) {#name, help, strategy_##name, offer},
#include "plan/strategies/strategies.def"
#undef STRATEGY
};

const Strategy *strategy_find(const char *name)
{
    for (int i = 0; i < N_STRATEGIES; i++)
        if (strcmp(name, strategies[i].name) == 0)
            return &strategies[i];
    return NULL;
}
