/* Chen et al. 2016, Algorithm 3: walk through the forward pass, add up what it would keep, and cut
 * at the first candidate after more than B bytes. The paper's search over B (B = sqrt(x y / 2) from
 * the bytes x kept between segments and y of the largest one, then a few values around it) is
 * widened to a grid; each distinct segmentation is costed by its real layout. */
#include "plan/blocks.h"
#include "plan/strategies/strategies.h"

#include <math.h>
#include <string.h>

typedef struct {
    const Problem *problem;
    Blocks blocks;
    double *bytes; /* [blocks] of all that a block writes */
    double *edge;  /* [blocks] of what its last node writes: what a cut there keeps */
    bool *cut;     /* [blocks] a segment ends here */
    double x, y;   /* of the latest segmentation: kept between segments; the largest segment */
} Chain;

static double written(const Problem *problem, int node)
{
    double bytes = 0;
    for (int w = 0; w < problem->nodes[node].n_writes; w++)
        bytes += (double)value_bytes(problem, problem->nodes[node].writes[w]);
    return bytes;
}

static Chain chain_new(Arena *arena, const Problem *problem)
{
    Chain c = {.problem = problem, .blocks = blocks_find(arena, problem)};
    c.bytes = NEW_N(arena, double, c.blocks.n);
    c.edge = NEW_N(arena, double, c.blocks.n);
    c.cut = NEW_N(arena, bool, c.blocks.n);
    for (int b = 0, i = 0; b < c.blocks.n; b++)
        for (; i < c.blocks.end[b]; i++) {
            c.edge[b] = written(problem, c.blocks.node[i]);
            c.bytes[b] += c.edge[b];
        }
    return c;
}

/* Algorithm 3. True where the segmentation differs from the one before. */
static bool segment(Chain *c, double budget)
{
    double inside = 0;
    bool changed = false;
    c->x = c->y = 0;
    for (int b = 0; b < c->blocks.n; b++) {
        inside += c->bytes[b];
        bool cut = inside > budget || b == c->blocks.n - 1;
        changed |= cut != c->cut[b];
        c->cut[b] = cut;
        if (!cut)
            continue;
        c->x += c->edge[b];
        c->y = fmax(c->y, inside);
        inside = 0;
    }
    return changed;
}

/* The last segment is next to the loss and is not replayed. */
static void offer(Pool *pool, const Chain *c)
{
    Arena *scratch = arena_new();
    Segments segments = segments_new(scratch, c->problem, c->blocks.n + 1);
    int last = c->blocks.n - 2;
    while (last >= 0 && !c->cut[last])
        last--;
    for (int b = 0, i = 0, id = -1; b <= last; b++) {
        if (b == 0 || c->cut[b - 1])
            id = segments_add(&segments, -1);
        for (; i < c->blocks.end[b]; i++)
            segments.of_node[c->blocks.node[i]] = id;
    }
    pool_offer_segments(pool, &segments);
    arena_free(scratch);
}

static void try_budget(Pool *pool, Chain *c, double budget)
{
    if (segment(c, budget))
        offer(pool, c);
}

void chen_offer(Pool *pool)
{
    enum { N_ROUNDS = 3, MOST_BUDGETS = 48 };
    Chain chain = chain_new(pool->arena, pool->problem);
    double total = 0, budget = 0;
    for (int round = 0; round < N_ROUNDS; round++) {
        try_budget(pool, &chain, budget);
        budget = sqrt(chain.x * chain.y / 2);
    }
    for (int b = 0; b < chain.blocks.n; b++)
        total += chain.bytes[b];
    int n_budgets = pool_affordable(pool, MOST_BUDGETS); /* from one block to all of them */
    double step = pow(chain.blocks.n + 1, 1.0 / n_budgets);
    for (int i = 0; i <= n_budgets; i++, total /= step)
        try_budget(pool, &chain, total);
}

Plan *strategy_chen(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    Pool pool = pool_new(arena, problem, options);
    chen_offer(&pool);
    return pool_choose(&pool, "chen");
}
