/* A problem in, its chain of blocks out. A position between two forward nodes is a cut where the
 * number of values that cross it is as small as in the narrow places of this model: 1 for a chain
 * with residual connections, 2 for an LSTM, more for a U-Net. What nearly the whole model reads,
 * such as an attention mask, crosses everywhere and does not count. */
#include "plan/blocks.h"

#include <stdlib.h>

static Blocks forward_nodes(Arena *arena, const Problem *problem)
{
    Blocks blocks = {.node = NEW_N(arena, int, problem->n_nodes)};
    for (int i = 0; i < problem->n_nodes; i++)
        if (problem->nodes[i].phase == PHASE_forward)
            blocks.node[blocks.n_nodes++] = i;
    return blocks;
}

/* crossing[i]: values that cross from node i to later ones; those that no backward node reads count
 * `unwanted` times. */
static int *count_crossings(Arena *scratch, const Problem *problem, const Blocks *blocks,
                            int unwanted)
{
    int n = blocks->n_nodes;
    int *last = NEW_N(scratch, int, problem->n_values),
        *reads = NEW_N(scratch, int, problem->n_values);
    int *born = NEW_N(scratch, int, problem->n_values), *crossing = NEW_N(scratch, int, n + 1);
    for (int i = 0; i < n; i++) {
        const ProblemNode *node = &problem->nodes[blocks->node[i]];
        for (int k = 0; k < node->n_writes; k++)
            born[node->writes[k]] = last[node->writes[k]] = i;
        for (int k = 0; k < node->n_reads; k++) {
            last[node->reads[k]] = i;
            reads[node->reads[k]]++;
        }
    }
    bool *wanted = NEW_N(scratch, bool, problem->n_values);
    for (int i = 0; i < problem->n_nodes; i++)
        for (int k = 0; k < problem->nodes[i].n_reads; k++)
            wanted[problem->nodes[i].reads[k]] |= problem->nodes[i].phase != PHASE_forward;
    for (int v = 0; v < problem->n_values; v++) {
        bool everywhere = reads[v] > 2 && last[v] - born[v] > n / 2;
        int producer = problem->values[v].producer;
        if (producer < 0 || problem->nodes[producer].phase != PHASE_forward || everywhere)
            continue;
        int weight = wanted[v] ? 1 : unwanted;
        crossing[born[v]] += weight;
        crossing[last[v]] -= weight;
    }
    for (int i = 1; i < n; i++)
        crossing[i] += crossing[i - 1];
    return crossing;
}

static int count_cuts(const int *crossing, int n, int width)
{
    int n_cuts = 0;
    for (int i = 0; i + 1 < n; i++)
        n_cuts += crossing[i] <= width;
    return n_cuts;
}

/* Enough for segments to be worth it. */
static bool are_enough(int n_cuts, int n)
{
    return (int64_t)n_cuts * n_cuts * 4 >= n;
}

/* The least width that gives enough cuts. */
static int choose_width(const int *crossing, int n)
{
    int width = 1, n_cuts;
    while (n_cuts = count_cuts(crossing, n, width), !are_enough(n_cuts, n) && n_cuts < n - 1)
        width++;
    return width;
}

typedef struct {
    const int *crossing, *kept; /* of all values; with those that no backward node reads dear */
    Blocks *blocks;
} Cutter;

/* Cuts the nodes first .. before end. The narrow places of the whole may all be at its ends: what
 * is left of more than a third of it is cut by its own width. */
static void cut(Cutter *c, int first, int end)
{
    int n = end - first, width = choose_width(c->crossing + first, n), from = first;
    const int *crossing = c->crossing;
    if (are_enough(count_cuts(c->kept + first, n, width), n))
        crossing = c->kept;
    for (int i = first; i < end; i++) {
        if (i < end - 1 && crossing[i] > width)
            continue;
        int size = i + 1 - from;
        if (3 * size > c->blocks->n_nodes && size < n)
            cut(c, from, i + 1);
        else
            c->blocks->end[c->blocks->n++] = i + 1;
        from = i + 1;
    }
}

Blocks blocks_find(Arena *arena, const Problem *problem)
{
    Blocks blocks = forward_nodes(arena, problem);
    int n = blocks.n_nodes;
    blocks.end = NEW_N(arena, int, n);
    if (n == 0)
        return blocks;
    Arena *scratch = arena_new();
    Cutter cutter = {.crossing = count_crossings(scratch, problem, &blocks, 1),
                     .kept = count_crossings(scratch, problem, &blocks, 1000),
                     .blocks = &blocks};
    cut(&cutter, 0, n);
    arena_free(scratch);
    return blocks;
}
