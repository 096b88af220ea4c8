/* EXPANDED to FUSED, operator by operator: the walk over the nodes, elementwise rows, and what the
 * rules of lower_*.c share. Reshapes cost nothing: a tensor of `to` may stand for several of
 * `from`. */
#include "graph/lower.h"

#include <string.h>

Saying say(Lower *lower, const Shape *domain)
{
    Shape wide = shape_widened(domain, domain->rank);
    return (Saying){.lower = lower, .to = reading_begin(lower->arena, &wide)};
}

int say_tensor(Saying *saying, int tensor, const Shape *as)
{
    return reading_tensor(&saying->to, tensor, as, 0);
}

int say_operand(Saying *saying, int i, bool rows)
{
    const Lower *lower = saying->lower;
    if (lower->node->inputs[i] == SCALAR_INPUT)
        return program_constant(&saying->to.b, lower->node->scalars[i]);
    Shape shape = *lower_shape(lower, i);
    if (rows)
        shape.size[shape.rank++] = 1;
    Shape as = shape_widened(&shape, saying->to.b.program->domain.rank);
    return say_tensor(saying, lower_operand(lower, i), &as);
}

void say_done(Saying *saying, int instr, const Shape *as, int to)
{
    Lower *lower = saying->lower;
    int *inputs;
    program_output(&saying->to.b, instr, as);
    const Program *program = reading_finish(&saying->to, &inputs);
    OpKind kernel = program_is_reduce(program) ? KERNEL_reduce : KERNEL_fused;
    int node = lower_kernel(lower, kernel, program->n_inputs, inputs, 1, &to);
    lower->to->nodes[node].program = program;
}

const Attr *lower_attr(const Lower *lower, const char *name)
{
    const Operator *row = op_row(lower->node->op);
    for (int i = 0; i < row->n_params; i++)
        if (strcmp(row->params[i].name, name) == 0)
            return &lower->node->attrs[i];
    bug("%s has no parameter '%s'", row->name, name);
}

const Shape *lower_shape(const Lower *lower, int i)
{
    return &lower->from->tensors[lower->node->inputs[i]].shape;
}

int lower_operand(const Lower *lower, int i)
{
    return lower->value[lower->node->inputs[i]];
}

static int add_tensor(Lower *lower, Tensor tensor)
{
    tensor.producer = -1;
    return graph_add_tensor(lower->arena, lower->to, tensor);
}

int lower_output(Lower *lower, int i, Dtype dtype)
{
    int from = lower->node->outputs[i];
    Tensor tensor = lower->from->tensors[from];
    tensor.dtype = dtype;
    tensor.class = CLASS_activation;
    lower->is_sum[from] = dtype == lower->sum;
    return lower->value[from] = add_tensor(lower, tensor);
}

int lower_between(Lower *lower, const char *suffix, Shape shape, Dtype dtype)
{
    const char *name = arena_printf(lower->arena, "%s.%s",
                                    lower->from->tensors[lower->node->outputs[0]].name, suffix);
    Tensor tensor = tensor_default(name, shape, dtype, CLASS_activation);
    tensor.instance = lower->node->instance;
    tensor.span = lower->node->span;
    return add_tensor(lower, tensor);
}

int lower_kernel(Lower *lower, OpKind kernel, int n_inputs, const int *inputs, int n_outputs,
                 const int *outputs)
{
    Node node = {.op = kernel,
                 .name = lower->to->tensors[outputs[0]].name,
                 .what = op_row(lower->node->op)->name,
                 .inputs = ints(lower->arena, n_inputs, inputs),
                 .n_inputs = n_inputs,
                 .outputs = ints(lower->arena, n_outputs, outputs),
                 .n_outputs = n_outputs,
                 .takes = nones(lower->arena, n_outputs),
                 .replayable = true,
                 .forward = -1,
                 .instance = lower->node->instance,
                 .span = lower->node->span};
    int id = graph_add_node(lower->arena, lower->to, node);
    for (int i = 0; i < n_outputs; i++)
        lower->to->tensors[outputs[i]].producer = id;
    return id;
}

/* A copy of a tensor in the precision of activations, made once. */
static int cast_of(Lower *lower, int tensor)
{
    Tensor copy = lower->to->tensors[tensor];
    copy.name = arena_printf(lower->arena, "%s.%s", copy.name, dtype_name(lower->activation));
    int known = map_get(lower->casts, copy.name);
    if (known >= 0)
        return known;
    copy.dtype = lower->activation;
    copy.class = CLASS_activation;
    copy.init = (Init){.kind = INIT_NONE};
    copy.keep = false;
    Saying saying = say(lower, &copy.shape);
    Shape as = saying.to.b.program->domain;
    int instr = say_tensor(&saying, tensor, &as);
    int to = add_tensor(lower, copy);
    say_done(&saying, instr, &as, to);
    Node *node = &lower->to->nodes[lower->to->n_nodes - 1];
    node->what = "cast";
    node->instance = copy.instance;
    map_add(lower->casts, copy.name, to);
    return to;
}

int lower_matrix(Lower *lower, int i)
{
    int tensor = lower_operand(lower, i);
    return lower->to->tensors[tensor].dtype == lower->activation ? tensor : cast_of(lower, tensor);
}

/* A result of reductions alone stays as precise as they are. */
static Dtype elementwise_dtype(const Lower *lower)
{
    const Node *node = lower->node;
    bool sums = true;
    for (int i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] == SCALAR_INPUT)
            continue;
        sums = sums && lower->is_sum[node->inputs[i]];
    }
    int rank = lower->from->tensors[node->outputs[0]].shape.rank;
    return sums || rank == 0 ? lower->sum : lower->activation;
}

static void lower_elementwise(Lower *lower)
{
    const Node *node = lower->node;
    const Operator *row = op_row(node->op);
    Saying saying = say(lower, &lower->from->tensors[node->outputs[0]].shape);
    Shape as = saying.to.b.program->domain;
    int arg[N_ARGS] = {-1, -1, -1, -1, -1, -1};
    for (int i = 0; i < node->n_inputs; i++)
        arg[i] = say_operand(&saying, i, false);
    if (row->names[PART_VALUE] & NAMES_U)
        arg[ARG_U] = program_random(&saying.to.b, node->stream);
    if (row->names[PART_VALUE] & NAMES_P)
        arg[ARG_P] = program_constant(&saying.to.b, node->attrs[row->n_params - 1].f);
    int value = program_element(&saying.to.b, node->op, PART_VALUE, arg);
    Dtype dtype = elementwise_dtype(lower);
    say_done(&saying, value, &as, lower_output(lower, 0, dtype));
}

static LowerRule *const rules[N_OPS] = {
#define ELEMENTWISE(name, signature, value, by_a, by_b, help) [OP_##name] = lower_elementwise,
#define OPERATOR(name, signature, help)                       [OP_##name] = lower_##name,
#define KERNEL(name, help)
#include "graph/ops.def"
#undef ELEMENTWISE
#undef OPERATOR
#undef KERNEL
};

/* Parameters, inputs: what no node writes. */
static void lower_sources(Lower *lower)
{
    for (int i = 0; i < lower->from->n_tensors; i++) {
        Tensor tensor = lower->from->tensors[i];
        if (tensor.producer >= 0)
            continue;
        if (tensor.class == CLASS_parameter)
            tensor.dtype = lower->sum;
        lower->value[i] = add_tensor(lower, tensor);
    }
}

/* A tensor that can be reported or returned: written by a node for this purpose alone, in the shape
 * that the user sees. */
static int lower_named(Lower *lower, int from)
{
    int to = lower->value[from];
    const Tensor *wanted = &lower->from->tensors[from];
    if (to < 0 || to >= lower->to->n_tensors)
        bug("'%s' has no value", wanted->name);
    if (lower->to->tensors[to].producer < 0 || lower->to->tensors[to].class == CLASS_output ||
        (wanted->shape.rank == 0 && lower->to->tensors[to].dtype != lower->sum)) {
        Node *view = NEW(lower->arena, Node);
        *view = (Node){.op = OP_reshape,
                       .inputs = ints(lower->arena, 1, &from),
                       .n_inputs = 1,
                       .outputs = ints(lower->arena, 1, &from),
                       .n_outputs = 1,
                       .instance = wanted->instance,
                       .span = wanted->span};
        lower->node = view;
        Saying saying = say(lower, &wanted->shape);
        Shape as = saying.to.b.program->domain;
        int instr = say_tensor(&saying, to, &as);
        to = lower_between(lower, "output", wanted->shape,
                           wanted->shape.rank ? lower->to->tensors[to].dtype : lower->sum);
        say_done(&saying, instr, &as, to);
        lower->to->nodes[lower->to->n_nodes - 1].what = "output";
    }
    lower->to->tensors[to].class = CLASS_output;
    lower->to->tensors[to].shape = wanted->shape;
    return to;
}

static Named *lower_names(Lower *lower, const Named *names, int n)
{
    Named *result = NEW_N(lower->arena, Named, n ? n : 1);
    for (int i = 0; i < n; i++)
        result[i] = (Named){names[i].name, lower_named(lower, names[i].tensor)};
    return result;
}

/* Marks on views are marks on what holds their elements. */
static void lower_marks(Lower *lower)
{
    for (int i = 0; i < lower->from->n_tensors; i++)
        if (lower->from->tensors[i].keep)
            lower->to->tensors[lower->value[i]].keep = true;
}

Graph *graph_lower(Arena *arena, const Graph *expanded)
{
    Graph *to = NEW(arena, Graph);
    *to = *expanded;
    to->stage = STAGE_FUSED;
    to->tensors = NULL;
    to->nodes = NULL;
    to->n_tensors = to->n_nodes = 0;
    to->step = -1;
    bool f64 = expanded->train.precision == DT_f64;
    Lower lower = {.arena = arena,
                   .from = expanded,
                   .to = to,
                   .value = nones(arena, expanded->n_tensors),
                   .is_sum = NEW_N(arena, bool, expanded->n_tensors + 1),
                   .casts = map_new(arena),
                   .activation = expanded->train.precision,
                   .sum = f64 ? DT_f64 : DT_f32};
    lower_sources(&lower);
    for (int i = 0; i < expanded->n_nodes; i++) {
        lower.node = &expanded->nodes[i];
        rules[lower.node->op](&lower);
    }
    to->inputs = ints(arena, expanded->n_inputs, expanded->inputs);
    for (int i = 0; i < to->n_inputs; i++)
        to->inputs[i] = lower.value[expanded->inputs[i]];
    to->losses = lower_names(&lower, expanded->losses, expanded->n_losses);
    to->outputs = lower_names(&lower, expanded->outputs, expanded->n_outputs);
    lower_marks(&lower);
    return to;
}
