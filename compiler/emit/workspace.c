/* A graph in, bytes of workspace of its nodes out: the parts of sums, and what a matrix product
 * needs to split its inner axis among multiprocessors. */
#include "emit/workspace.h"

enum {
    BUSY_BLOCKS = 256,   /* blocks that keep a device busy */
    BLOCK_COLUMNS = 128, /* columns that a block sums side by side */
    LEAST_ROWS = 64,     /* of a part, where rows are summed */
    LEAST_TERMS = 4096,  /* of a part, where a row is summed along itself */
    PRODUCT_TILE = 128,  /* rows and columns of a product that one multiprocessor computes */
    LEAST_SPLIT = 512,   /* length of a piece of the inner axis */
    MOST_SPLITS = 16
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The sum runs along the last axis that has any length. */
static bool sums_along(const Program *program)
{
    int axis = program->domain.rank - 1;
    while (axis > 0 && program->domain.size[axis] == 1)
        axis--;
    return axis >= 0 && program->outputs[0].as.size[axis] != program->domain.size[axis];
}

int workspace_reduce_parts(const Program *program)
{
    const int64_t outputs = shape_count(&program->outputs[0].as);
    const int64_t terms = outputs ? shape_count(&program->domain) / outputs : 0;
    const bool along = sums_along(program);
    const int64_t blocks = along ? outputs : ceil_div(outputs, BLOCK_COLUMNS);
    const int64_t wanted = blocks ? ceil_div(BUSY_BLOCKS, blocks) : 1;
    const int64_t parts = least(wanted, terms / (along ? LEAST_TERMS : LEAST_ROWS));
    return parts > 1 ? (int)parts : 1;
}

static size_t reduce_bytes(const Program *program)
{
    const int parts = workspace_reduce_parts(program);
    const size_t outputs = (size_t)shape_count(&program->outputs[0].as);
    return parts > 1 ? (size_t)parts * outputs * sizeof(float) : 0;
}

/* f32 copies of the result, one for each piece of the inner axis, where there are too few tiles for
 * all multiprocessors and the inner axis is long. */
static size_t matmul_bytes(const Matmul *s)
{
    int64_t tiles = ceil_div(s->m, PRODUCT_TILE) * ceil_div(s->n, PRODUCT_TILE);
    int64_t inner = 1;
    for (int i = 0; i < MATMUL_BATCH; i++)
        inner *= s->step_c[i] != 0 ? s->batch[i] : 1;
    tiles *= inner;
    const int64_t splits =
        least(least(s->k / LEAST_SPLIT, BUSY_BLOCKS / (tiles > 0 ? tiles : 1)), MOST_SPLITS);
    return splits > 1 ? (size_t)(splits * inner * s->m * s->n) * sizeof(float) : 0;
}

void workspace_add(Problem *problem, const Graph *graph)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        const Node *node = &graph->nodes[i];
        if (node->matmul)
            problem->nodes[i].workspace_bytes = matmul_bytes(node->matmul);
        else if (node->program && program_is_reduce(node->program))
            problem->nodes[i].workspace_bytes = reduce_bytes(node->program);
    }
}
