/* Chen et al. 2016, section 4.4: the chain is cut into k + 1 parts of which k ends are kept; each
 * part is replayed in its own turn, and treated in the same way while that happens: k log_{k+1}(n)
 * kept at a time. The last part is next to what reads it, and needs no replay. Without a budget
 * this is k = 1, the least memory; with one, wider and shallower trees that fit and repeat less. */
#include "plan/blocks.h"
#include "plan/strategies/strategies.h"

typedef struct {
    const Blocks *blocks;
    Segments segments;
    int k, depth;
} Tree;

/* The blocks first .. before end, of which all insides are live at once while `parent` is
 * replayed. */
static void keep_in(Tree *t, int first, int end, int parent)
{
    for (int i = first > 0 ? t->blocks->end[first - 1] : 0; i < t->blocks->end[end - 1]; i++)
        t->segments.of_node[t->blocks->node[i]] = parent;
}

static void split(Tree *t, int first, int end, int parent, int depth)
{
    int n = end - first, parts = n < t->k + 1 ? n : t->k + 1;
    if (n < 1)
        return;
    if (n == 1 || depth == t->depth) {
        keep_in(t, first, end, parent);
        return;
    }
    for (int part = 0; part < parts; part++) {
        int from = first + n * part / parts, to = first + n * (part + 1) / parts;
        bool last = part == parts - 1;
        split(t, from, to, last ? parent : segments_add(&t->segments, parent), depth + 1);
    }
}

static void offer(Pool *pool, const Blocks *blocks, int k, int depth)
{
    Arena *scratch = arena_new();
    Tree tree = {.blocks = blocks, .k = k, .depth = depth};
    tree.segments = segments_new(scratch, pool->problem, 2 * blocks->n + 1);
    split(&tree, 0, blocks->n, -1, 0);
    pool_offer_segments(pool, &tree.segments);
    arena_free(scratch);
}

void recursive_offer(Pool *pool)
{
    enum { WIDEST = 8, DEEPEST = 30, EACH = 8 };
    Blocks blocks = blocks_find(pool->arena, pool->problem);
    int widest = pool_affordable(pool, WIDEST * EACH) / EACH;
    offer(pool, &blocks, 1, DEEPEST);
    for (int k = 1; k <= widest; k++)
        for (int depth = 1, reach = 1; reach < blocks.n; depth++, reach *= k + 1)
            offer(pool, &blocks, k, depth);
}

Plan *strategy_recursive(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    Pool pool = pool_new(arena, problem, options);
    recursive_offer(&pool);
    return pool_choose(&pool, "recursive");
}
