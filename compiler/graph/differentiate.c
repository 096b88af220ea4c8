/* Reverse mode over the graph: losses have gradient one; nodes are gone through from last to first;
 * then come the updates. */
#include "graph/differentiate.h"
#include "graph/gradient.h"
#include "graph/optimizer.h"
#include "graph/step.h"

#include <stdlib.h>

static Node *copy_nodes(Arena *arena, const Graph *from)
{
    Graph copy = {0};
    for (int n = 0; n < from->n_nodes; n++)
        graph_add_node(arena, &copy, from->nodes[n]);
    return copy.nodes;
}

/* The training graph before differentiation: the forward nodes, and the step's numbers. */
static Graph *training_graph(Arena *arena, const Graph *from)
{
    Graph *to = NEW(arena, Graph);
    *to = *from;
    to->stage = STAGE_TRAINING;
    to->nodes = copy_nodes(arena, from);
    to->tensors = NULL;
    to->n_tensors = 0;
    for (int t = 0; t < from->n_tensors; t++)
        graph_add_tensor(arena, to, from->tensors[t]);
    Shape shape = {.rank = 1, .size = {step_slot(from->train.n_groups, 0)}};
    to->step = graph_add_tensor(arena, to, tensor_default("step", shape, DT_f64, CLASS_input));
    for (int i = 0; i < to->n_losses; i++)
        to->nodes[to->tensors[to->losses[i].tensor].producer].replayable = false;
    return to;
}

/* A node that only changes the precision of a parameter. */
static bool is_cast(const Graph *graph, const Node *node)
{
    return node->op == KERNEL_fused && node->program->n_instrs == 1 && node->n_inputs == 1 &&
           graph->tensors[node->inputs[0]].class == CLASS_parameter &&
           graph->tensors[node->outputs[0]].class == CLASS_activation;
}

static bool is_float(Dtype dtype)
{
    return dtype == DT_f32 || dtype == DT_bf16 || dtype == DT_f64;
}

static void mark_needed(Diff *diff)
{
    const Graph *graph = diff->from;
    for (int t = 0; t < graph->n_tensors; t++) {
        diff->root[t] = t;
        diff->needed[t] = graph->tensors[t].class == CLASS_parameter;
        diff->gradient[t].tensor = -1;
    }
    for (int n = 0; n < graph->n_nodes; n++) {
        const Node *node = &graph->nodes[n];
        bool needed = false;
        for (int i = 0; i < node->n_inputs; i++)
            needed = needed || diff->needed[node->inputs[i]];
        for (int i = 0; i < node->n_outputs; i++)
            diff->needed[node->outputs[i]] =
                needed && is_float(graph->tensors[node->outputs[i]].dtype);
        if (is_cast(graph, node))
            diff->root[node->outputs[0]] = node->inputs[0];
    }
}

static void backward_node(Diff *diff, int n)
{
    const Node *node = &diff->from->nodes[n];
    bool known = false, needed = false;
    for (int i = 0; i < node->n_outputs; i++)
        known = known || gradient_known(diff, node->outputs[i]);
    for (int i = 0; i < node->n_inputs; i++)
        needed = needed || diff->needed[node->inputs[i]];
    if (!known || !needed)
        return;
    diff->node = n;
    switch (node->op) {
    case KERNEL_fused:
    case KERNEL_reduce: backward_program(diff, node); break;
    case KERNEL_matmul: backward_matmul(diff, node); break;
    case KERNEL_embedding: backward_embedding(diff, node); break;
    case KERNEL_copy: backward_copy(diff, node); break;
    default: bug("no derivative of %s", op_row(node->op)->name);
    }
    for (int i = 0; i < node->n_outputs; i++)
        gradient_release(diff, node->outputs[i]);
}

/* How many forward nodes read each parameter, itself or its cast. */
static int *count_uses(const Diff *diff)
{
    int *uses = xcalloc((size_t)diff->from->n_tensors, sizeof *uses);
    for (int n = 0; n < diff->from->n_nodes; n++)
        for (int i = 0; i < diff->from->nodes[n].n_inputs; i++)
            uses[diff->root[diff->from->nodes[n].inputs[i]]]++;
    return uses;
}

/* Makes the gradient of a parameter a tensor, or says that it has none. */
static int parameter_gradient(Diff *diff, int parameter, Diag *diag)
{
    const Tensor *tensor = &diff->from->tensors[parameter];
    if (!gradient_known(diff, parameter)) {
        diag_error(diag, tensor->span, "parameter '%s' gets no gradient: no loss depends on it",
                   tensor->name);
        return -1;
    }
    return gradient_whole(diff, parameter);
}

/* Goes through the forward nodes from last to first. Without clipping, a parameter is updated as
 * soon as no node that reads it is left. */
static void backward_all(Diff *diff, bool update, Diag *diag)
{
    int *uses = count_uses(diff);
    for (int n = diff->from->n_nodes - 1; n >= 0; n--) {
        const Node *node = &diff->from->nodes[n];
        diff->node = n;
        backward_node(diff, n);
        for (int i = 0; i < node->n_inputs; i++) {
            int of = diff->root[node->inputs[i]];
            if (--uses[of] > 0 || diff->from->tensors[of].class != CLASS_parameter)
                continue;
            int gradient = parameter_gradient(diff, of, diag);
            if (gradient >= 0 && update)
                optimizer_update(diff->arena, diff->to, of, gradient, -1);
        }
    }
    free(uses);
}

/* The sum of squares of a gradient, added to the sum so far (or -1). Sums go over the parameters in
 * their order. */
static int square_sum(Diff *diff, int parameter, int so_far, const char *name)
{
    Shape shape = diff->from->tensors[parameter].shape;
    Shape domain = shape_widened(&shape, shape.rank), one = shape_widened(&(Shape){0}, domain.rank);
    Reading reading = reading_begin(diff->arena, &domain);
    int g = reading_tensor(&reading, diff->gradient[parameter].tensor, &domain, 0);
    int square = program_unary(&reading.b, OP_square, g);
    program_output(&reading.b, square, &one);
    bool is_sum = shape_count(&domain) > 1;
    if (so_far >= 0) {
        int there = reading_tensor(&reading, so_far, &one, 0);
        if (is_sum)
            reading.b.program->accumulate_input = reading.b.program->instrs[there].slot;
        else
            reading.b.program->outputs[0].instr = program_binary(&reading.b, OP_add, there, square);
    }
    int *inputs;
    Program *program = reading_finish(&reading, &inputs);
    int sum = diff_tensor(diff, tensor_default(name, (Shape){0}, diff->sum, CLASS_workspace));
    Node *node =
        diff_node(diff, is_sum ? KERNEL_reduce : KERNEL_fused, program->n_inputs, inputs, 1, &sum);
    node->program = program;
    node->phase = PHASE_update;
    node->name = name;
    node->what = "norm";
    node->forward = -1;
    node->instance = 0;
    for (int i = 0; i < program->n_inputs; i++)
        if (so_far >= 0 && inputs[i] == so_far)
            node->takes[0] = i;
    return sum;
}

static void clip_and_update(Diff *diff)
{
    Graph *to = diff->to;
    bool by_group = to->train.clip.kind == CLIP_GROUP;
    to->n_norms = by_group ? to->train.n_groups : 1;
    to->norms = nones(diff->arena, to->n_norms);
    for (int t = 0; t < diff->from->n_tensors; t++) {
        if (diff->from->tensors[t].class != CLASS_parameter)
            continue;
        int *norm = &to->norms[by_group ? diff->from->tensors[t].group : 0];
        *norm = square_sum(diff, t, *norm,
                           arena_printf(diff->arena, "norm.%s", diff->from->tensors[t].name));
    }
    for (int t = 0; t < diff->from->n_tensors; t++)
        if (diff->from->tensors[t].class == CLASS_parameter)
            optimizer_update(diff->arena, to, t, diff->gradient[t].tensor,
                             to->norms[by_group ? diff->from->tensors[t].group : 0]);
}

/* Parameters that no node reads. */
static void check_unused(Diff *diff, Diag *diag)
{
    bool *read = xcalloc((size_t)diff->from->n_tensors, sizeof *read);
    for (int n = 0; n < diff->from->n_nodes; n++)
        for (int i = 0; i < diff->from->nodes[n].n_inputs; i++)
            read[diff->from->nodes[n].inputs[i]] = true;
    for (int t = 0; t < diff->from->n_tensors; t++)
        if (diff->from->tensors[t].class == CLASS_parameter && !read[t])
            parameter_gradient(diff, t, diag);
    free(read);
}

Graph *graph_differentiate(Arena *arena, const Graph *fused, Diag *diag)
{
    int errors = diag_errors(diag);
    size_t n = (size_t)fused->n_tensors;
    Diff diff = {.arena = arena,
                 .from = fused,
                 .to = training_graph(arena, fused),
                 .root = NEW_N(arena, int, n + 1),
                 .needed = NEW_N(arena, bool, n + 1),
                 .gradient = NEW_N(arena, Gradient, n + 1),
                 .sum = fused->train.precision == DT_f64 ? DT_f64 : DT_f32};
    mark_needed(&diff);
    for (int i = 0; i < fused->n_losses; i++)
        diff.gradient[fused->losses[i].tensor].constant += 1;
    bool clips = fused->train.clip.kind != CLIP_NONE;
    backward_all(&diff, !clips, diag);
    check_unused(&diff, diag);
    if (diag_errors(diag) > errors)
        return NULL;
    if (clips)
        clip_and_update(&diff);
    return diff.to;
}
