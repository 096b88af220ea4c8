/* The best plans for a chain of blocks under every budget at once: Beaumont, Eyraud-Dubois,
 * Herrmann, Joly, Shilova, "Optimal checkpointing for heterogeneous chains" (rotor), with options a
 * block, and with memory needs measured from real timelines in place of a formula. */
#ifndef PLAN_CHAIN_H
#define PLAN_CHAIN_H

#include "plan/options.h"
#include "plan/pool.h"

typedef struct {
    bool splits; /* blocks may be dropped together and replayed together: the full programme, cubic
                    in the number of blocks. Else each block on its own. */
    int most_units; /* resolution of memory; exact where the sizes' common divisor allows */
    int most_plans; /* how many of the programme's answers are laid out and offered, if
                       the effort allows so many */
} ChainOptions;

/* Offers the pool what the programme finds for budgets from the smallest to keeping everything. */
void chain_offer(Pool *pool, const Catalog *catalog, const ChainOptions *options);

#endif
