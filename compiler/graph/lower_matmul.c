/* linear, matmul and embedding: one kernel each. A linear's bias is an addition of its own here, so
 * that it can join the elementwise operators that follow; fuse.c gives a lonely one to the matmul.
 */
#include "graph/lower.h"

static int matmul_node(Lower *lower, const int *inputs, int output, Matmul matmul)
{
    int node = lower_kernel(lower, KERNEL_matmul, 2, inputs, 1, &output);
    Matmul *kept = NEW(lower->arena, Matmul);
    *kept = matmul;
    kept->alpha = 1;
    lower->to->nodes[node].matmul = kept;
    return node;
}

static Matmul matmul_plain(int64_t m, int64_t n, int64_t k)
{
    Matmul matmul = {.m = m, .n = n, .k = k, .lda = k, .ldb = n, .ldc = n};
    for (int i = 0; i < MATMUL_BATCH; i++)
        matmul.batch[i] = 1;
    return matmul;
}

void lower_linear(Lower *lower)
{
    const Shape *x = lower_shape(lower, 0), *weight = lower_shape(lower, 1);
    const Shape *shape = &lower->from->tensors[lower->node->outputs[0]].shape;
    int64_t n = weight->size[0], k = weight->size[1];
    Matmul matmul = matmul_plain(shape_count(x) / k, n, k);
    matmul.transpose_b = true;
    matmul.ldb = k;
    int inputs[2] = {lower_matrix(lower, 0), lower_matrix(lower, 1)};
    if (lower->node->n_inputs < 3) {
        matmul_node(lower, inputs, lower_output(lower, 0, lower->activation), matmul);
        return;
    }
    int product = lower_between(lower, "product", *shape, lower->activation);
    matmul_node(lower, inputs, product, matmul);
    Saying saying = say(lower, shape);
    Shape as = saying.to.b.program->domain;
    int sum = program_binary(&saying.to.b, OP_add, say_tensor(&saying, product, &as),
                             say_operand(&saying, 2, false));
    say_done(&saying, sum, &as, lower_output(lower, 0, lower->activation));
    lower->to->nodes[lower->to->n_nodes - 1].what = "bias";
}

/* Steps of an operand through the leading axes of the product: 0 where it is broadcast. */
static void batch_steps(const Shape *operand, int64_t step[MATMUL_BATCH])
{
    int64_t unit = operand->size[operand->rank - 1] * operand->size[operand->rank - 2];
    for (int i = 0; i < MATMUL_BATCH; i++) {
        int axis = operand->rank - 3 - i, slot = MATMUL_BATCH - 1 - i;
        int64_t size = axis >= 0 ? operand->size[axis] : 1;
        step[slot] = size > 1 ? unit : 0;
        unit *= size;
    }
}

void lower_matmul(Lower *lower)
{
    Shape a = *lower_shape(lower, 0), b = *lower_shape(lower, 1);
    Shape c = lower->from->tensors[lower->node->outputs[0]].shape;
    bool turned_a = lower_attr(lower, "transpose_a")->i;
    bool turned_b = lower_attr(lower, "transpose_b")->i;
    int64_t k = a.size[a.rank - 1 - turned_a];
    Matmul matmul = matmul_plain(c.size[c.rank - 2], c.size[c.rank - 1], k);
    matmul.transpose_a = turned_a;
    matmul.transpose_b = turned_b;
    matmul.lda = a.size[a.rank - 1];
    matmul.ldb = b.size[b.rank - 1];
    bool one_b = shape_count(&b) == b.size[b.rank - 1] * b.size[b.rank - 2];
    if (one_b && !turned_a) {
        /* One matrix for all rows of a: the leading axes are more rows. */
        matmul.m = shape_count(&c) / matmul.n;
    } else {
        batch_steps(&a, matmul.step_a);
        batch_steps(&b, matmul.step_b);
        batch_steps(&c, matmul.step_c);
        for (int i = 0; i < c.rank - 2; i++)
            matmul.batch[MATMUL_BATCH - 1 - i] = c.size[c.rank - 3 - i];
    }
    int inputs[2] = {lower_matrix(lower, 0), lower_matrix(lower, 1)};
    matmul_node(lower, inputs, lower_output(lower, 0, lower->activation), matmul);
}

/* Rows are copied as they are: in the table's precision. */
void lower_embedding(Lower *lower)
{
    int inputs[2] = {lower_operand(lower, 0), lower_operand(lower, 1)};
    int output = lower_output(lower, 0, lower->to->tensors[inputs[1]].dtype);
    lower->is_sum[lower->node->outputs[0]] = false;
    lower_kernel(lower, KERNEL_embedding, 2, inputs, 1, &output);
}
