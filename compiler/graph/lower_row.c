/* Operators along a row or over axes: softmax, layer_norm, losses, sums. */
#include "graph/lower.h"
#include "graph/shapes.h"

#include <string.h>

static int scaled(Builder *b, int x, double factor)
{
    return program_binary(b, OP_mul, x, program_constant(b, factor));
}

/* --- an axis made the last one ------------------------------------------------------------------
 */

/* The view [outer, axis, inner] of a shape, and of the same with the last two exchanged. */
static Shape view_around(const Shape *shape, int axis)
{
    Shape view = {.rank = 3, .size = {1, shape->size[axis], 1}};
    for (int i = 0; i < shape->rank; i++)
        if (i != axis)
            view.size[i < axis ? 0 : 2] *= shape->size[i];
    return view;
}

static Shape view_turned(const Shape *view)
{
    return (Shape){.rank = 3, .size = {view->size[0], view->size[2], view->size[1]}};
}

static const int turn[3] = {0, 2, 1};

/* --- softmax ------------------------------------------------------------------------------------
 */

/* 1 where the column is not after the position. */
static int causal_mask(Builder *b)
{
    int next = program_binary(b, OP_add, program_index(b, INSTR_POSITION), program_constant(b, 1));
    return program_binary(b, OP_greater, next, program_index(b, INSTR_COLUMN));
}

static int softmax_of(Builder *b, int x)
{
    int moved = program_binary(b, OP_sub, x, program_row(b, INSTR_ROW_MAX, x));
    int e = program_unary(b, OP_exp, moved);
    int sum = program_row(b, INSTR_ROW_SUM, e);
    return program_binary(b, OP_mul, e, program_binary(b, OP_div, program_constant(b, 1), sum));
}

/* The axes of a shape with one of them brought to the end, and the way back. */
typedef struct {
    int to_end[MAX_RANK], back[MAX_RANK];
} Turning;

static Turning turning_of(int rank, int axis)
{
    Turning turning = {{0}, {0}};
    for (int i = 0; i < rank; i++) {
        turning.to_end[i] = i + 1 == rank ? axis : i < axis ? i : i + 1;
        turning.back[turning.to_end[i]] = i;
    }
    return turning;
}

/* Operand i with its axes in another order, as a tensor of the shape `turned`. */
static int turned_operand(Lower *lower, int i, int rank, const int *order, Shape *turned)
{
    int source = lower_operand(lower, i);
    Shape shape = shape_widened(lower_shape(lower, i), rank);
    turned->rank = rank;
    for (int k = 0; k < rank; k++)
        turned->size[k] = shape.size[order[k]];
    int moved =
        lower_between(lower, i ? "mask" : "turned", *turned, lower->to->tensors[source].dtype);
    lower_permuted(lower, source, &shape, order, moved);
    return moved;
}

/* Over another axis than the last: the axis is brought to the end and back. */
static void softmax_across(Lower *lower, int axis)
{
    Shape turned, mask;
    int rank = lower_shape(lower, 0)->rank;
    Turning turning = turning_of(rank, axis);
    int moved = turned_operand(lower, 0, rank, turning.to_end, &turned);
    Saying saying = say(lower, &turned);
    Builder *b = &saying.to.b;
    int x = say_tensor(&saying, moved, &turned);
    if (lower->node->n_inputs > 1) {
        int allowed = turned_operand(lower, 1, rank, turning.to_end, &mask);
        x = program_binary(b, OP_where, x, say_tensor(&saying, allowed, &mask));
    }
    int result = lower_between(lower, "softmax", turned, lower->activation);
    say_done(&saying, softmax_of(b, x), &turned, result);
    lower_permuted(lower, result, &turned, turning.back, lower_output(lower, 0, lower->activation));
}

void lower_softmax(Lower *lower)
{
    Shape shape = *lower_shape(lower, 0);
    int axis = axis_of(lower_attr(lower, "axis")->i, shape.rank);
    if (axis != shape.rank - 1) {
        softmax_across(lower, axis);
        return;
    }
    Saying saying = say(lower, &shape);
    Builder *b = &saying.to.b;
    int x = say_operand(&saying, 0, false);
    if (lower->node->n_inputs > 1)
        x = program_binary(b, OP_where, x, say_operand(&saying, 1, false));
    if (lower_attr(lower, "causal")->i)
        x = program_binary(b, OP_where, x, causal_mask(b));
    say_done(&saying, softmax_of(b, x), &shape, lower_output(lower, 0, lower->activation));
}

/* --- layer_norm ---------------------------------------------------------------------------------
 */

void lower_layer_norm(Lower *lower)
{
    Shape shape = *lower_shape(lower, 0);
    double unit = 1 / (double)shape.size[shape.rank - 1];
    Saying saying = say(lower, &shape);
    Builder *b = &saying.to.b;
    int x = say_operand(&saying, 0, false);
    int mean = scaled(b, program_row(b, INSTR_ROW_SUM, x), unit);
    int moved = program_binary(b, OP_sub, x, mean);
    int squares = program_row(b, INSTR_ROW_SUM, program_unary(b, OP_square, moved));
    int eps = program_constant(b, lower_attr(lower, "eps")->f);
    int deviation =
        program_unary(b, OP_rsqrt, program_binary(b, OP_add, scaled(b, squares, unit), eps));
    int y = program_binary(b, OP_mul, moved, deviation);
    y = program_binary(b, OP_mul, y, say_operand(&saying, 1, false));
    y = program_binary(b, OP_add, y, say_operand(&saying, 2, false));
    say_done(&saying, y, &shape, lower_output(lower, 0, lower->activation));
}

/* --- sums and the like
 * ------------------------------------------------------------------------------ */

/* The shape of operand 0 with a 1 on each axis that is reduced. */
static Shape reduced_as(const Lower *lower)
{
    Shape as = shape_widened(lower_shape(lower, 0), lower_shape(lower, 0)->rank);
    const Attr *attr = lower_attr(lower, "axis");
    int axis = attr->given ? axis_of(attr->i, as.rank) : -1;
    for (int i = 0; i < as.rank; i++)
        if (axis < 0 || i == axis)
            as.size[i] = 1;
    return as;
}

/* sum and mean: along the row where only the last of several axes is reduced, else over axes. */
static void sum_by(Lower *lower, bool mean)
{
    Saying saying = say(lower, lower_shape(lower, 0));
    Builder *b = &saying.to.b;
    const Shape *domain = &b->program->domain;
    Shape as = reduced_as(lower), rows = shape_rows(domain);
    int x = say_operand(&saying, 0, false);
    if (mean)
        x = scaled(b, x, (double)shape_count(&as) / (double)shape_count(domain));
    if (domain->rank > 1 && shape_equal(&as, &rows))
        x = program_row(b, INSTR_ROW_SUM, x);
    say_done(&saying, x, &as, lower_output(lower, 0, lower->sum));
}

void lower_sum(Lower *lower)
{
    sum_by(lower, false);
}

void lower_mean(Lower *lower)
{
    sum_by(lower, true);
}

void lower_max(Lower *lower)
{
    Shape from = shape_widened(lower_shape(lower, 0), lower_shape(lower, 0)->rank);
    const Attr *attr = lower_attr(lower, "axis");
    int source = lower_operand(lower, 0), axis = attr->given ? axis_of(attr->i, from.rank) : -1;
    Dtype dtype = lower->to->tensors[source].dtype;
    Shape view = {.rank = 3, .size = {1, 1, shape_count(&from)}};
    if (axis >= 0) {
        Shape around = view_around(&from, axis);
        view = view_turned(&around);
        if (around.size[2] > 1) {
            int moved = lower_between(lower, "turned", view, dtype);
            lower_permuted(lower, source, &around, turn, moved);
            source = moved;
        }
    }
    Saying saying = say(lower, &view);
    Shape rows = shape_rows(&view);
    int x = say_tensor(&saying, source, &view);
    say_done(&saying, program_row(&saying.to.b, INSTR_ROW_MAX, x), &rows,
             lower_output(lower, 0, dtype == DT_f64 ? DT_f64 : lower->sum));
}

/* --- losses
 * ----------------------------------------------------------------------------------------- */

/* A loss of each row, 0 where the label is `ignore`. */
static void loss_rows(Lower *lower, int to)
{
    Shape shape = *lower_shape(lower, 0);
    Saying saying = say(lower, &shape);
    Builder *b = &saying.to.b;
    int x = say_operand(&saying, 0, false), label = say_operand(&saying, 1, true);
    int ignore = program_constant(b, (double)lower_attr(lower, "ignore")->i);
    int highest = program_row(b, INSTR_ROW_MAX, x);
    int e = program_unary(b, OP_exp, program_binary(b, OP_sub, x, highest));
    int log = program_unary(b, OP_log, program_row(b, INSTR_ROW_SUM, e));
    int all = program_binary(b, OP_add, highest, log);
    int hit = program_binary(b, OP_equal, program_index(b, INSTR_COLUMN), label);
    int own = program_row(b, INSTR_ROW_SUM, program_binary(b, OP_zero_unless, x, hit));
    int loss = program_binary(b, OP_sub, all, own);
    int ignored = program_binary(b, OP_equal, label, ignore);
    int counts = program_binary(b, OP_sub, program_constant(b, 1), ignored);
    Shape as = shape_rows(&shape);
    say_done(&saying, program_binary(b, OP_zero_unless, loss, counts), &as, to);
}

/* The sum of a tensor over all of its elements. */
static void sum_all(Lower *lower, int tensor, int to)
{
    Saying saying = say(lower, &lower->to->tensors[tensor].shape);
    Shape domain = saying.to.b.program->domain, as = shape_widened(&(Shape){0}, domain.rank);
    say_done(&saying, say_tensor(&saying, tensor, &domain), &as, to);
}

/* How many labels are not `ignore`. */
static int count_labels(Lower *lower)
{
    Saying saying = say(lower, lower_shape(lower, 1));
    Builder *b = &saying.to.b;
    Shape domain = b->program->domain, as = shape_widened(&(Shape){0}, domain.rank);
    int ignore = program_constant(b, (double)lower_attr(lower, "ignore")->i);
    int ignored = program_binary(b, OP_equal, say_operand(&saying, 1, false), ignore);
    int counts = program_binary(b, OP_sub, program_constant(b, 1), ignored);
    int to = lower_between(lower, "count", (Shape){0}, lower->sum);
    say_done(&saying, counts, &as, to);
    return to;
}

/* to = above / (below + eps), all scalars. */
static void quotient(Lower *lower, int above, int below, double eps, int to)
{
    Shape scalar = {0};
    Saying saying = say(lower, &scalar);
    Builder *b = &saying.to.b;
    Shape as = b->program->domain;
    int x = say_tensor(&saying, above, &as), y = say_tensor(&saying, below, &as);
    y = program_binary(b, OP_add, y, program_constant(b, eps));
    say_done(&saying, program_binary(b, OP_div, x, y), &as, to);
}

void lower_cross_entropy(Lower *lower)
{
    const char *reduction = lower_attr(lower, "reduction")->word;
    if (strcmp(reduction, "none") == 0) {
        loss_rows(lower, lower_output(lower, 0, lower->sum));
        return;
    }
    Shape shape = *lower_shape(lower, 1);
    int rows = lower_between(lower, "rows", shape, lower->sum);
    loss_rows(lower, rows);
    if (strcmp(reduction, "sum") == 0) {
        sum_all(lower, rows, lower_output(lower, 0, lower->sum));
        return;
    }
    int sum = lower_between(lower, "sum", (Shape){0}, lower->sum);
    sum_all(lower, rows, sum);
    int count = count_labels(lower);
    quotient(lower, sum, count, 0, lower_output(lower, 0, lower->sum));
}

void lower_masked_mean(Lower *lower)
{
    int sums[2];
    for (int weighted = 0; weighted < 2; weighted++) {
        Saying saying = say(lower, lower_shape(lower, 0));
        Builder *b = &saying.to.b;
        Shape as = shape_widened(&(Shape){0}, b->program->domain.rank);
        Shape rows = shape_rows(&b->program->domain);
        int x = say_operand(&saying, 1, false);
        if (weighted)
            x = program_binary(b, OP_mul, say_operand(&saying, 0, false), x);
        if (shape_equal(&as, &rows) && b->program->instrs[x].per_row)
            x = program_row(b, INSTR_ROW_SUM, x);
        sums[weighted] = lower_between(lower, weighted ? "sum" : "count", (Shape){0}, lower->sum);
        say_done(&saying, x, &as, sums[weighted]);
    }
    quotient(lower, sums[1], sums[0], 1e-7, lower_output(lower, 0, lower->sum));
}
