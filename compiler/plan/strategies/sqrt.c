/* Chen et al. 2016, sections 4.1 and 4.2: about sqrt(n) equal segments of the chain of n blocks.
 * The last one is next to the loss, where a replay would only repeat what is still there. */
#include "plan/blocks.h"
#include "plan/segments.h"
#include "plan/strategies/strategies.h"

#include <math.h>

Plan *strategy_sqrt(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    (void)options;
    Blocks blocks = blocks_find(arena, problem);
    int n_segments = (int)lround(sqrt(blocks.n));
    Segments segments = segments_new(arena, problem, n_segments);
    for (int s = 0, block = 0; s < n_segments; s++) {
        int end = (int)((int64_t)blocks.n * (s + 1) / n_segments);
        int id = s < n_segments - 1 ? segments_add(&segments, -1) : -1;
        for (int i = block > 0 ? blocks.end[block - 1] : 0; i < blocks.end[end - 1]; i++)
            segments.of_node[blocks.node[i]] = id;
        block = end;
    }
    return segments_schedule(arena, problem, &segments, "sqrt");
}
