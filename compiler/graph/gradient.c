/* Keeping the gradients: new tensors, sharing, adding in place, letting go. */
#include "graph/gradient.h"

#include <string.h>

bool gradient_known(const Diff *diff, int of)
{
    return diff->gradient[of].tensor >= 0 || diff->gradient[of].constant != 0;
}

int diff_tensor(Diff *diff, Tensor tensor)
{
    int id = graph_add_tensor(diff->arena, diff->to, tensor);
    while (diff->n_holders <= id) {
        diff->holders = array_room(diff->arena, diff->holders, diff->n_holders, sizeof(int));
        diff->holders[diff->n_holders++] = 0;
    }
    return id;
}

Node *diff_node(Diff *diff, OpKind op, int n_inputs, const int *inputs, int n_outputs,
                const int *outputs)
{
    const Node *forward = &diff->from->nodes[diff->node];
    Node node = {.op = op,
                 .phase = PHASE_backward,
                 .name = forward->name,
                 .what = forward->what,
                 .inputs = ints(diff->arena, n_inputs, inputs),
                 .n_inputs = n_inputs,
                 .outputs = ints(diff->arena, n_outputs, outputs),
                 .n_outputs = n_outputs,
                 .takes = nones(diff->arena, n_outputs),
                 .forward = diff->node,
                 .instance = forward->instance,
                 .span = forward->span};
    int id = graph_add_node(diff->arena, diff->to, node);
    for (int i = 0; i < n_outputs; i++)
        diff->to->tensors[outputs[i]].producer = id;
    return &diff->to->nodes[id];
}

static void hold(Diff *diff, int of, int tensor)
{
    Gradient *gradient = &diff->gradient[of];
    if (gradient->tensor >= 0)
        diff->holders[gradient->tensor]--;
    gradient->tensor = tensor;
    if (tensor >= 0)
        diff->holders[tensor]++;
}

void gradient_release(Diff *diff, int of)
{
    hold(diff, of, -1);
}

void gradient_share(Diff *diff, int of, const Gradient *gradient)
{
    hold(diff, of, gradient->tensor);
    diff->gradient[of].everywhere = gradient->everywhere;
}

/* A tensor for the gradient of `of`, under its final name; what has the name becomes a part. */
static int new_tensor(Diff *diff, int of)
{
    const Tensor *tensor = &diff->from->tensors[of];
    Gradient *gradient = &diff->gradient[of];
    const char *name = arena_printf(diff->arena, "%s.grad", tensor->name);
    if (gradient->tensor >= 0 && diff->to->tensors[gradient->tensor].origin == of)
        diff->to->tensors[gradient->tensor].name =
            arena_printf(diff->arena, "%s.part%d", name, ++gradient->n_parts);
    Tensor result = tensor_default(name, tensor->shape, tensor->dtype, CLASS_gradient);
    result.origin = of;
    result.instance = diff->from->nodes[diff->node].instance;
    result.span = tensor->span;
    return diff_tensor(diff, result);
}

Target target_begin(Diff *diff, int of, bool in_place)
{
    const Gradient *known = &diff->gradient[of];
    Target target = {.of = of, .onto = -1, .rest = -1};
    if (known->tensor >= 0) {
        const Tensor *there = &diff->to->tensors[known->tensor];
        if (in_place && !known->everywhere && diff->holders[known->tensor] == 1 &&
            there->dtype == diff->from->tensors[of].dtype)
            target.onto = known->tensor;
        else
            target.rest = known->tensor;
        target.rest_everywhere = known->everywhere;
    }
    target.tensor = new_tensor(diff, of);
    return target;
}

/* The node result = tensor (a scalar where everywhere) + other (a tensor, or -1) + constant. */
static void add_node(Diff *diff, int result, int tensor, bool everywhere, int other,
                     double constant)
{
    const Shape *shape = &diff->to->tensors[result].shape;
    Shape domain = shape_widened(shape, shape->rank), one = shape_widened(&(Shape){0}, domain.rank);
    Reading reading = reading_begin(diff->arena, &domain);
    int sum = program_constant(&reading.b, constant);
    if (other >= 0)
        sum = program_binary(&reading.b, OP_add, reading_tensor(&reading, other, &domain, 0), sum);
    if (tensor >= 0)
        sum = program_binary(&reading.b, OP_add,
                             reading_tensor(&reading, tensor, everywhere ? &one : &domain, 0), sum);
    program_output(&reading.b, sum, &domain);
    int *inputs;
    Program *program = reading_finish(&reading, &inputs);
    diff_node(diff, KERNEL_fused, program->n_inputs, inputs, 1, &result)->program = program;
}

void target_end(Diff *diff, const Target *target)
{
    hold(diff, target->of, target->tensor);
    diff->gradient[target->of].everywhere = false;
    if (target->rest < 0)
        return;
    int sum = new_tensor(diff, target->of);
    add_node(diff, sum, target->rest, target->rest_everywhere, target->tensor, 0);
    hold(diff, target->of, sum);
}

int gradient_whole(Diff *diff, int of)
{
    Gradient *known = &diff->gradient[of];
    if (known->tensor >= 0 && !known->everywhere && known->constant == 0)
        return known->tensor;
    int whole = new_tensor(diff, of);
    add_node(diff, whole, known->tensor, known->everywhere, -1, known->constant);
    hold(diff, of, whole);
    known->everywhere = false;
    known->constant = 0;
    return whole;
}
