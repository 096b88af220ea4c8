/* Shape rules: operands and attributes in, shapes and dtypes of the values out, or what is wrong.
 * Rules fill Call.result; rule_fail notes the first error and the operand that it is about. */
#include "graph/shapes.h"

#include <math.h>
#include <string.h>

typedef struct {
    Arena *arena;
    const Operator *row;
    const Operand *in;
    int n_in;
    const Attr *attrs;
    OpShapes result;
} Call;

/* More elements than any machine holds; keeps products of sizes far from overflow. */
static const int64_t max_elements = (int64_t)1 << 48;

int axis_of(int64_t axis, int rank)
{
    if (axis < -rank || axis >= rank)
        return -1;
    return (int)(axis < 0 ? axis + rank : axis);
}

__attribute__((format(printf, 3, 4))) static void rule_fail(Call *call, int culprit,
                                                            const char *format, ...)
{
    if (call->result.error)
        return;
    Text text = text_new(call->arena);
    va_list args;
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    call->result.error = text.data;
    call->result.culprit = culprit;
}

static const Attr *attr_of(const Call *call, const char *name)
{
    for (int i = 0; i < call->row->n_params; i++)
        if (strcmp(call->row->params[i].name, name) == 0)
            return &call->attrs[i];
    bug("%s has no parameter '%s'", call->row->name, name);
}

static const char *text_of(const Call *call, const Shape *shape)
{
    return shape_text(call->arena, shape);
}

static bool is_float(Dtype dtype)
{
    return dtype == DT_f32 || dtype == DT_bf16 || dtype == DT_f64;
}

static void gives(Call *call, Shape shape)
{
    call->result.outputs[0] = (Operand){.given = true, .shape = shape, .dtype = DT_f32};
}

static bool has_rank(Call *call, int i, int least)
{
    if (call->in[i].shape.rank >= least)
        return true;
    rule_fail(call, i, "%s needs at least %d ax%s here, this has shape %s", call->row->name, least,
              least == 1 ? "is" : "es", text_of(call, &call->in[i].shape));
    return false;
}

static bool has_float(Call *call, int i)
{
    if (call->in[i].scalar || is_float(call->in[i].dtype))
        return true;
    rule_fail(call, i, "%s needs a float tensor here, this is %s", call->row->name,
              dtype_name(call->in[i].dtype));
    return false;
}

static bool has_integers(Call *call, int i)
{
    if (!call->in[i].scalar && call->in[i].dtype == DT_i32)
        return true;
    rule_fail(call, i, "%s needs an i32 tensor here, this is %s", call->row->name,
              dtype_name(call->in[i].dtype));
    return false;
}

/* The axis that an attribute names, or -1 after an error. */
static int has_axis(Call *call, const char *name, const Shape *shape)
{
    int64_t axis = attr_of(call, name)->i;
    int result = axis_of(axis, shape->rank);
    if (result < 0)
        rule_fail(call, -1, "axis %lld is not one of the %d axes of %s", (long long)axis,
                  shape->rank, text_of(call, shape));
    return result;
}

static Shape vector(int64_t n)
{
    return (Shape){.rank = 1, .size = {n}};
}

static Shape matrix(int64_t m, int64_t n)
{
    return (Shape){.rank = 2, .size = {m, n}};
}

static void creates(Call *call, const char *name, int position, Shape shape, Init init)
{
    call->result.parameters[call->result.n_parameters++] =
        (NewParameter){.name = name, .position = position, .shape = shape, .init = init};
}

static Init constant(double value)
{
    return (Init){.kind = INIT_CONSTANT, .a = value};
}

static void shape_elementwise(Call *call)
{
    Shape shape = call->in[0].shape;
    if (call->row->names[PART_VALUE] & NAMES_P) {
        double p = attr_of(call, "p")->f;
        if (!(p >= 0 && p <= 1))
            rule_fail(call, -1, "%s needs a probability from 0 to 1, not %g", call->row->name, p);
    }
    if (call->n_in == 2 && !shape_broadcast(&call->in[0].shape, &call->in[1].shape, &shape))
        rule_fail(call, 1,
                  "shapes %s and %s do not fit: sizes must be equal or 1, from the last "
                  "axis on",
                  text_of(call, &call->in[0].shape), text_of(call, &call->in[1].shape));
    gives(call, shape);
}

static void shape_linear(Call *call)
{
    if (!has_rank(call, 0, 1) || !has_float(call, 0))
        return;
    Shape shape = call->in[0].shape;
    int64_t n_in = shape.size[shape.rank - 1], n_out = attr_of(call, "out")->i;
    bool given_out = attr_of(call, "out")->given;
    double bound = 1 / sqrt((double)n_in);
    Init init = {.kind = INIT_UNIFORM, .a = -bound, .b = bound};
    const Operand *weight = &call->in[1], *bias = &call->in[2];
    if (weight->given) {
        if (weight->shape.rank != 2 || weight->shape.size[1] != n_in)
            rule_fail(call, 1,
                      "linear needs a weight of shape [out, %lld] for x of shape %s, this is %s",
                      (long long)n_in, text_of(call, &shape), text_of(call, &weight->shape));
        else if (given_out && n_out != weight->shape.size[0])
            rule_fail(
                call, 1, "linear with out = %lld needs a weight of shape [%lld, %lld], this is %s",
                (long long)n_out, (long long)n_out, (long long)n_in, text_of(call, &weight->shape));
        n_out = weight->shape.size[0];
    } else if (!given_out || n_out < 1) {
        rule_fail(call, -1, "linear needs out = N (N at least 1) or weight = W");
    } else {
        creates(call, "weight", 1, matrix(n_out, n_in), init);
    }
    if (bias->given && (bias->shape.rank != 1 || bias->shape.size[0] != n_out))
        rule_fail(call, 2, "linear needs a bias of shape [%lld], this is %s", (long long)n_out,
                  text_of(call, &bias->shape));
    /* A given weight stands for the whole linear: a bias is then only there where it is given too.
     */
    if (!bias->given && !weight->given && attr_of(call, "bias")->i)
        creates(call, "bias", 2, vector(n_out), init);
    shape.size[shape.rank - 1] = n_out;
    gives(call, shape);
}

static void shape_matmul(Call *call)
{
    if (!has_rank(call, 0, 2) || !has_rank(call, 1, 2) || !has_float(call, 0) ||
        !has_float(call, 1))
        return;
    Shape a = call->in[0].shape, b = call->in[1].shape;
    bool turned_a = attr_of(call, "transpose_a")->i, turned_b = attr_of(call, "transpose_b")->i;
    int64_t m = a.size[a.rank - 1 - !turned_a], k = a.size[a.rank - 1 - turned_a];
    int64_t k_b = b.size[b.rank - 1 - !turned_b], n = b.size[b.rank - 1 - turned_b];
    if (k != k_b)
        rule_fail(call, 1, "matmul of %s%s and %s%s: inner sizes %lld and %lld differ",
                  text_of(call, &a), turned_a ? " transposed" : "", text_of(call, &b),
                  turned_b ? " transposed" : "", (long long)k, (long long)k_b);
    a.rank -= 2;
    b.rank -= 2;
    Shape shape;
    if (a.rank > MATMUL_BATCH || b.rank > MATMUL_BATCH)
        rule_fail(call, a.rank > MATMUL_BATCH ? 0 : 1, "matmul takes at most %d leading axes",
                  MATMUL_BATCH);
    if (!shape_broadcast(&a, &b, &shape)) {
        rule_fail(call, 1, "matmul's leading axes %s and %s do not fit", text_of(call, &a),
                  text_of(call, &b));
        return;
    }
    shape.size[shape.rank++] = m;
    shape.size[shape.rank++] = n;
    gives(call, shape);
}

static void shape_embedding(Call *call)
{
    if (!has_integers(call, 0) || !has_rank(call, 0, 1))
        return;
    const Attr *vocab = attr_of(call, "vocab"), *out = attr_of(call, "out");
    Shape shape = call->in[0].shape, table = matrix(vocab->i, out->i);
    if (call->in[1].given) {
        table = call->in[1].shape;
        if (table.rank != 2)
            rule_fail(call, 1, "embedding needs a weight of shape [vocab, out], this is %s",
                      text_of(call, &table));
    } else if (!vocab->given || !out->given || vocab->i < 1 || out->i < 1) {
        rule_fail(call, -1, "embedding needs a weight, or vocab = N and out = N");
    } else {
        creates(call, "weight", 1, table, (Init){.kind = INIT_NORMAL, .a = 0, .b = 1});
    }
    if (shape.rank == MAX_RANK) {
        rule_fail(call, 0, "embedding would give more than %d axes", MAX_RANK);
        return;
    }
    shape.size[shape.rank++] = table.size[1];
    gives(call, shape);
}

static void shape_layer_norm(Call *call)
{
    if (!has_rank(call, 0, 1) || !has_float(call, 0))
        return;
    Shape shape = call->in[0].shape, last = vector(shape.size[shape.rank - 1]);
    for (int i = 1; i <= 2; i++) {
        if (!call->in[i].given)
            creates(call, i == 1 ? "weight" : "bias", i, last, constant(i == 1));
        else if (!shape_equal(&call->in[i].shape, &last))
            rule_fail(call, i, "layer_norm needs shape %s here, this is %s", text_of(call, &last),
                      text_of(call, &call->in[i].shape));
    }
    gives(call, shape);
}

static void shape_softmax(Call *call)
{
    Shape shape = call->in[0].shape, wide;
    if (!has_rank(call, 0, 1) || !has_float(call, 0))
        return;
    int axis = has_axis(call, "axis", &shape);
    const Operand *mask = &call->in[1];
    if (mask->given && mask->dtype != DT_bool)
        rule_fail(call, 1, "softmax needs a mask of dtype bool, this is %s",
                  dtype_name(mask->dtype));
    if (mask->given &&
        (!shape_broadcast(&shape, &mask->shape, &wide) || !shape_equal(&wide, &shape)))
        rule_fail(call, 1, "softmax's mask of shape %s does not broadcast to x of shape %s",
                  text_of(call, &mask->shape), text_of(call, &shape));
    if (attr_of(call, "causal")->i && (shape.rank < 2 || axis != shape.rank - 1))
        rule_fail(call, 0, "a causal softmax needs two axes and runs over the last one");
    gives(call, shape);
}

static void shape_reshape(Call *call)
{
    const Attr *to = attr_of(call, "shape");
    Shape shape = {.rank = to->n_list};
    if (to->n_list > MAX_RANK) {
        rule_fail(call, -1, "a shape has at most %d axes", MAX_RANK);
        return;
    }
    int64_t count = shape_count(&call->in[0].shape), rest = 1;
    int open = -1;
    for (int i = 0; i < shape.rank; i++) {
        shape.size[i] = to->list[i];
        if (to->list[i] == -1 && open < 0)
            open = i;
        else if (to->list[i] < 1)
            rule_fail(call, -1, "sizes of a shape are at least 1; one of them may be -1");
        else if (rest > max_elements / to->list[i])
            rule_fail(call, -1, "a shape with more elements than any machine holds");
        else
            rest *= to->list[i];
    }
    if (open >= 0 && rest > 0 && count % rest == 0)
        shape.size[open] = count / rest;
    else if (open >= 0 || count != rest)
        rule_fail(call, -1, "%s has %lld elements and cannot be reshaped to %s",
                  text_of(call, &call->in[0].shape), (long long)count, text_of(call, &shape));
    gives(call, shape);
    call->result.outputs[0].dtype = call->in[0].dtype;
}

static void shape_transpose(Call *call)
{
    Shape shape = call->in[0].shape;
    int i = has_axis(call, "axis1", &shape), j = has_axis(call, "axis2", &shape);
    if (i < 0 || j < 0)
        return;
    shape.size[i] = call->in[0].shape.size[j];
    shape.size[j] = call->in[0].shape.size[i];
    gives(call, shape);
    call->result.outputs[0].dtype = call->in[0].dtype;
}

static void shape_permute(Call *call)
{
    const Attr *order = attr_of(call, "order");
    Shape from = call->in[0].shape, shape = from;
    bool seen[MAX_RANK] = {false}, good = order->n_list == from.rank;
    for (int i = 0; good && i < from.rank; i++) {
        int axis = axis_of(order->list[i], from.rank);
        good = axis >= 0 && !seen[axis];
        if (good) {
            seen[axis] = true;
            shape.size[i] = from.size[axis];
        }
    }
    if (!good)
        rule_fail(call, -1, "the order must name each of the %d axes of %s once", from.rank,
                  text_of(call, &from));
    gives(call, shape);
    call->result.outputs[0].dtype = call->in[0].dtype;
}

static void shape_split(Call *call)
{
    Shape shape = call->in[0].shape;
    int axis = has_axis(call, "axis", &shape);
    int64_t parts = attr_of(call, "parts")->i;
    if (axis < 0)
        return;
    if (parts < 1 || shape.size[axis] % parts != 0) {
        rule_fail(call, -1, "axis %d of %s cannot be split into %lld equal parts", axis,
                  text_of(call, &shape), (long long)parts);
        return;
    }
    if (parts != call->result.n_outputs) {
        rule_fail(call, -1, "split into %lld parts gives %lld values, not %d", (long long)parts,
                  (long long)parts, call->result.n_outputs);
        return;
    }
    shape.size[axis] /= parts;
    for (int i = 0; i < call->result.n_outputs; i++)
        call->result.outputs[i] =
            (Operand){.given = true, .shape = shape, .dtype = call->in[0].dtype};
}

static void shape_concat(Call *call)
{
    if (call->n_in < 1) {
        rule_fail(call, -1, "concat needs at least one tensor");
        return;
    }
    Shape shape = call->in[0].shape;
    int axis = has_axis(call, "axis", &shape);
    for (int i = 1; axis >= 0 && i < call->n_in; i++) {
        Shape next = call->in[i].shape, same = shape;
        if (next.rank == shape.rank)
            same.size[axis] = next.size[axis];
        if (!shape_equal(&next, &same))
            rule_fail(call, i, "concat along axis %d: shape %s does not fit %s", axis,
                      text_of(call, &next), text_of(call, &call->in[0].shape));
        else if (call->in[i].dtype != call->in[0].dtype)
            rule_fail(call, i, "concat of %s and %s", dtype_name(call->in[0].dtype),
                      dtype_name(call->in[i].dtype));
        else
            shape.size[axis] += next.size[axis];
    }
    gives(call, shape);
    call->result.outputs[0].dtype = call->in[0].dtype;
}

static void shape_slice(Call *call)
{
    Shape shape = call->in[0].shape;
    int axis = has_axis(call, "axis", &shape);
    if (axis < 0)
        return;
    const Attr *end = attr_of(call, "to");
    int64_t from = attr_of(call, "from")->i, to = end->given ? end->i : shape.size[axis];
    if (from < 0 || from >= to || to > shape.size[axis])
        rule_fail(call, -1, "positions %lld..%lld are not within axis %d of %s", (long long)from,
                  (long long)to, axis, text_of(call, &shape));
    shape.size[axis] = to - from;
    gives(call, shape);
    call->result.outputs[0].dtype = call->in[0].dtype;
}

/* sum, mean, max. */
static void shape_reduction(Call *call)
{
    Shape from = call->in[0].shape, shape = {.rank = 0};
    bool keep = attr_of(call, "keep")->i, all = !attr_of(call, "axis")->given;
    int axis = all ? -1 : has_axis(call, "axis", &from);
    for (int i = 0; i < from.rank; i++) {
        if (!all && i != axis)
            shape.size[shape.rank++] = from.size[i];
        else if (keep)
            shape.size[shape.rank++] = 1;
    }
    gives(call, shape);
}

static void shape_sum(Call *call)
{
    shape_reduction(call);
}

static void shape_mean(Call *call)
{
    shape_reduction(call);
}

static void shape_max(Call *call)
{
    shape_reduction(call);
}

static void shape_cross_entropy(Call *call)
{
    if (!has_rank(call, 0, 1) || !has_float(call, 0) || !has_integers(call, 1))
        return;
    Shape rows = call->in[0].shape;
    rows.rank--;
    if (!shape_equal(&rows, &call->in[1].shape))
        rule_fail(call, 1, "cross_entropy of logits %s needs labels of shape %s, these are %s",
                  text_of(call, &call->in[0].shape), text_of(call, &rows),
                  text_of(call, &call->in[1].shape));
    const char *reduction = attr_of(call, "reduction")->word;
    bool none = strcmp(reduction, "none") == 0;
    if (!none && strcmp(reduction, "mean") != 0 && strcmp(reduction, "sum") != 0)
        rule_fail(call, -1, "reduction is mean, sum or none, not '%s'", reduction);
    gives(call, none ? rows : (Shape){.rank = 0});
}

static void shape_masked_mean(Call *call)
{
    if (!has_float(call, 0))
        return;
    Shape wide;
    if (!shape_broadcast(&call->in[0].shape, &call->in[1].shape, &wide) ||
        !shape_equal(&wide, &call->in[0].shape))
        rule_fail(call, 1, "masked_mean's weight of shape %s does not broadcast to x of shape %s",
                  text_of(call, &call->in[1].shape), text_of(call, &call->in[0].shape));
    gives(call, (Shape){.rank = 0});
}

typedef void Rule(Call *);

static Rule *const rules[N_OPS] = {
#define ELEMENTWISE(name, signature, value, by_a, by_b, help) [OP_##name] = shape_elementwise,
#define OPERATOR(name, signature, help)                       [OP_##name] = shape_##name,
#define KERNEL(name, help)
#include "graph/ops.def"
#undef ELEMENTWISE
#undef OPERATOR
#undef KERNEL
};

static bool is_operand(const OpParam *param)
{
    return param->type == PARAM_TENSOR || param->type == PARAM_TENSOR_OR_BOOL;
}

int op_operands(const Operator *row)
{
    int n = 0;
    for (int i = 0; i < row->n_params; i++)
        n += is_operand(&row->params[i]);
    return row->n_params ? n : row->arity;
}

/* The parameter of operand i. */
static const OpParam *operand_param(const Operator *row, int i)
{
    for (int k = 0; k < row->n_params; k++)
        if (is_operand(&row->params[k]) && (row->params[k].variadic || i-- == 0))
            return &row->params[k];
    return NULL;
}

/* Operands that are missing, and numbers where only a tensor makes sense. */
static void check_operands(Call *call)
{
    for (int i = 0; i < call->n_in; i++) {
        const OpParam *param = operand_param(call->row, i);
        if (!call->in[i].given && param && !param->optional)
            rule_fail(call, i, "%s needs %s", call->row->name, param->name);
        else if (call->in[i].scalar && call->row->group != OP_IS_ELEMENTWISE)
            rule_fail(call, i, "%s needs a tensor here, not a number", call->row->name);
    }
}

static void check_sizes(Call *call)
{
    for (int i = 0; i < call->result.n_outputs; i++) {
        const Shape *shape = &call->result.outputs[i].shape;
        int64_t n = 1;
        for (int axis = 0; axis < shape->rank; axis++) {
            if (shape->size[axis] > max_elements / n)
                rule_fail(call, -1, "%s gives a tensor of shape %s, too large for any machine",
                          call->row->name, text_of(call, shape));
            else
                n *= shape->size[axis];
        }
    }
}

OpShapes op_infer(Arena *arena, OpKind op, const Operand *operands, int n_operands,
                  const Attr *attrs, int n_wanted)
{
    Call call = {.arena = arena,
                 .row = op_row(op),
                 .in = operands,
                 .n_in = n_operands,
                 .attrs = attrs,
                 .result = {.culprit = -1, .n_outputs = n_wanted}};
    call.result.outputs = NEW_N(arena, Operand, n_wanted ? n_wanted : 1);
    if (rules[op] != shape_split && n_wanted != 1)
        rule_fail(&call, -1, "%s gives one value, not %d", call.row->name, n_wanted);
    check_operands(&call);
    if (!call.result.error)
        rules[op](&call);
    if (!call.result.error)
        check_sizes(&call);
    return call.result;
}
