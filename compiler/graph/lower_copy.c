/* Operators that only move elements: views for free, else the kernel `copy`. Along one axis a
 * tensor is seen as [outer, axis, inner]. */
#include "graph/lower.h"
#include "graph/shapes.h"

static Copy *copy_node(Lower *lower, int n_parts, int n_inputs, const int *inputs, int n_outputs,
                       const int *outputs)
{
    int node = lower_kernel(lower, KERNEL_copy, n_inputs, inputs, n_outputs, outputs);
    Copy *copy = NEW(lower->arena, Copy);
    copy->n_parts = n_parts;
    copy->parts = NEW_N(lower->arena, CopyPart, n_parts);
    lower->to->nodes[node].copy = copy;
    return copy;
}

static CopyPart part_empty(void)
{
    CopyPart part = {.offset_to = 0};
    for (int i = 0; i < COPY_RANK; i++)
        part.size[i] = 1;
    return part;
}

void lower_permuted(Lower *lower, int from, const Shape *shape, const int *order, int to)
{
    int64_t step_from[MAX_RANK] = {0}, unit = 1, step_to = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        step_from[i] = unit;
        unit *= shape->size[i];
    }
    CopyPart part = part_empty();
    for (int i = shape->rank - 1; i >= 0; i--) {
        int slot = COPY_RANK - shape->rank + i;
        part.size[slot] = shape->size[order[i]];
        part.step_from[slot] = step_from[order[i]];
        part.step_to[slot] = step_to;
        step_to *= part.size[slot];
    }
    copy_node(lower, 1, 1, &from, 1, &to)->parts[0] = part;
}

/* The box [outer, n, inner] of a tensor that has `from_axis` positions on the axis, starting at
 * `from`, to one that has `to_axis`, starting at `to`. */
static CopyPart part_along(int64_t outer, int64_t n, int64_t inner, int64_t from_axis, int64_t from,
                           int64_t to_axis, int64_t to)
{
    CopyPart part = part_empty();
    enum { OUTER = COPY_RANK - 3, AXIS, INNER };
    part.size[OUTER] = outer;
    part.step_from[OUTER] = from_axis * inner;
    part.step_to[OUTER] = to_axis * inner;
    part.size[AXIS] = n;
    part.step_from[AXIS] = part.step_to[AXIS] = inner;
    part.size[INNER] = inner;
    part.step_from[INNER] = part.step_to[INNER] = 1;
    part.offset_from = from * inner;
    part.offset_to = to * inner;
    return part;
}

static int64_t product(const Shape *shape, int first, int end)
{
    int64_t n = 1;
    for (int i = first; i < end; i++)
        n *= shape->size[i];
    return n;
}

void lower_reshape(Lower *lower)
{
    lower->value[lower->node->outputs[0]] = lower_operand(lower, 0);
    lower->is_sum[lower->node->outputs[0]] = lower->is_sum[lower->node->inputs[0]];
}

static Dtype dtype_of(const Lower *lower, int i)
{
    return lower->to->tensors[lower_operand(lower, i)].dtype;
}

/* Output i in the precision of operand 0. */
static int moved_output(Lower *lower, int i)
{
    int output = lower_output(lower, i, dtype_of(lower, 0));
    lower->is_sum[lower->node->outputs[i]] = lower->is_sum[lower->node->inputs[0]];
    return output;
}

static int axis_attr(const Lower *lower, const char *name)
{
    int64_t axis = lower_attr(lower, name)->i;
    return (int)(axis < 0 ? axis + lower_shape(lower, 0)->rank : axis);
}

/* The order moves no elements where the axes larger than one keep theirs. */
static bool order_moves(const Shape *shape, const int *order)
{
    int last = -1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->size[order[i]] == 1)
            continue;
        if (order[i] < last)
            return true;
        last = order[i];
    }
    return false;
}

static void permute_by(Lower *lower, const int *order)
{
    if (order_moves(lower_shape(lower, 0), order))
        lower_permuted(lower, lower_operand(lower, 0), lower_shape(lower, 0), order,
                       moved_output(lower, 0));
    else
        lower_reshape(lower);
}

void lower_transpose(Lower *lower)
{
    int order[MAX_RANK] = {0}, i = axis_attr(lower, "axis1"), j = axis_attr(lower, "axis2");
    for (int axis = 0; axis < MAX_RANK; axis++)
        order[axis] = axis == i ? j : axis == j ? i : axis;
    permute_by(lower, order);
}

void lower_permute(Lower *lower)
{
    const Attr *list = lower_attr(lower, "order");
    int order[MAX_RANK] = {0};
    for (int i = 0; i < list->n_list; i++)
        order[i] = axis_of(list->list[i], list->n_list);
    permute_by(lower, order);
}

void lower_split(Lower *lower)
{
    const Shape *shape = lower_shape(lower, 0);
    int axis = axis_attr(lower, "axis"), n = lower->node->n_outputs;
    int from = lower_operand(lower, 0);
    int64_t inner = product(shape, axis + 1, shape->rank), outer = product(shape, 0, axis);
    int64_t total = shape->size[axis], each = total / n;
    if (n == 1) {
        lower_reshape(lower);
        return;
    }
    int *outputs = NEW_N(lower->arena, int, n);
    for (int i = 0; i < n; i++)
        outputs[i] = moved_output(lower, i);
    Copy *copy = copy_node(lower, n, 1, &from, n, outputs);
    for (int i = 0; i < n; i++)
        copy->parts[i] = part_along(outer, each, inner, total, i * each, each, 0);
}

/* Tensors of unlike precision meet in that of activations. */
static bool same_dtypes(const Lower *lower)
{
    bool same = true;
    for (int i = 1; i < lower->node->n_inputs; i++)
        same = same && dtype_of(lower, i) == dtype_of(lower, 0);
    return same;
}

void lower_concat(Lower *lower)
{
    const Shape *shape = &lower->from->tensors[lower->node->outputs[0]].shape;
    int axis = axis_attr(lower, "axis"), n = lower->node->n_inputs;
    int64_t inner = product(shape, axis + 1, shape->rank), outer = product(shape, 0, axis);
    int64_t total = shape->size[axis], at = 0;
    bool same = same_dtypes(lower);
    if (n == 1) {
        lower_reshape(lower);
        return;
    }
    int *inputs = NEW_N(lower->arena, int, n);
    for (int i = 0; i < n; i++)
        inputs[i] = same ? lower_operand(lower, i) : lower_matrix(lower, i);
    int output = lower_output(lower, 0, lower->to->tensors[inputs[0]].dtype);
    lower->is_sum[lower->node->outputs[0]] = same && lower->is_sum[lower->node->inputs[0]];
    Copy *copy = copy_node(lower, n, n, inputs, 1, &output);
    for (int i = 0; i < n; i++) {
        int64_t own = lower_shape(lower, i)->size[axis];
        copy->parts[i] = part_along(outer, own, inner, own, 0, total, at);
        at += own;
    }
}

void lower_slice(Lower *lower)
{
    const Shape *shape = lower_shape(lower, 0);
    const Shape *result = &lower->from->tensors[lower->node->outputs[0]].shape;
    int axis = axis_attr(lower, "axis"), from = lower_operand(lower, 0);
    int64_t own = result->size[axis], total = shape->size[axis];
    if (own == total) {
        lower_reshape(lower);
        return;
    }
    int output = moved_output(lower, 0);
    copy_node(lower, 1, 1, &from, 1, &output)->parts[0] =
        part_along(product(shape, 0, axis), own, product(shape, axis + 1, shape->rank), total,
                   lower_attr(lower, "from")->i, own, 0);
}
