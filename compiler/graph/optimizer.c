/* Optimizers: what an update does to a parameter, its gradient and its states, as one program. The
 * formulas are PyTorch's (torch.optim.SGD, Adam, AdamW, 2.x, single tensor). */
#include "graph/optimizer.h"
#include "graph/build.h"
#include "graph/step.h"

#include <string.h>

enum { MAX_STATES = 2 };

/* An update in the making. */
typedef struct {
    Arena *arena;
    Graph *graph;
    int parameter, group;
    const Hyper *hyper;
    Reading to;
    int gradient;                              /* instruction */
    int states[MAX_STATES], n_states;          /* tensors */
    int new_parameter, new_states[MAX_STATES]; /* instructions */
} Update;

static int constant(Update *u, double value)
{
    return program_constant(&u->to.b, value);
}

static int binary(Update *u, OpKind op, int x, int y)
{
    return program_binary(&u->to.b, op, x, y);
}

static int read_whole(Update *u, int tensor)
{
    Shape as = u->to.b.program->domain;
    return reading_tensor(&u->to, tensor, &as, 0);
}

static int read_number(Update *u, int tensor, int64_t offset)
{
    Shape as = shape_widened(&(Shape){0}, u->to.b.program->domain.rank);
    return reading_tensor(&u->to, tensor, &as, offset);
}

static int read_step(Update *u, int which)
{
    return read_number(u, u->graph->step, step_slot(u->group, which));
}

/* Adds a state, zero before the first step, to the graph; returns the instruction that reads it. */
static int read_state(Update *u, const char *suffix)
{
    const Tensor *parameter = &u->graph->tensors[u->parameter];
    Tensor state = tensor_default(arena_printf(u->arena, "%s.%s", parameter->name, suffix),
                                  parameter->shape, parameter->dtype, CLASS_optimizer);
    state.origin = u->parameter;
    state.group = parameter->group;
    state.instance = parameter->instance;
    state.init = (Init){.kind = INIT_CONSTANT};
    int tensor = graph_add_tensor(u->arena, u->graph, state);
    u->states[u->n_states++] = tensor;
    return read_whole(u, tensor);
}

/* x + factor y */
static int plus_scaled(Update *u, int x, double factor, int y)
{
    if (factor == 0)
        return x;
    return binary(u, OP_add, x, binary(u, OP_mul, constant(u, factor), y));
}

static void update_sgd(Update *u, int p)
{
    const Hyper *h = u->hyper;
    int g = plus_scaled(u, u->gradient, h->weight_decay, p);
    if (h->momentum != 0) {
        int buffer = plus_scaled(u, g, h->momentum, read_state(u, "momentum"));
        u->new_states[0] = buffer;
        g = h->nesterov ? plus_scaled(u, g, h->momentum, buffer) : buffer;
    }
    u->new_parameter = binary(u, OP_sub, p, binary(u, OP_mul, read_step(u, STEP_RATE), g));
}

/* p minus the step that the moments of g give. */
static void adam_step(Update *u, int p, int g)
{
    const Hyper *h = u->hyper;
    int m = read_state(u, "m"), v = read_state(u, "v");
    m = plus_scaled(u, binary(u, OP_mul, constant(u, h->beta1), m), 1 - h->beta1, g);
    v = plus_scaled(u, binary(u, OP_mul, constant(u, h->beta2), v), 1 - h->beta2,
                    program_unary(&u->to.b, OP_square, g));
    int second = binary(u, OP_mul, v, read_step(u, STEP_CORRECTION2));
    int below = binary(u, OP_add, program_unary(&u->to.b, OP_sqrt, second), constant(u, h->eps));
    int first = binary(u, OP_mul, m, read_step(u, STEP_CORRECTION1));
    int step = binary(u, OP_mul, read_step(u, STEP_RATE), binary(u, OP_div, first, below));
    u->new_states[0] = m;
    u->new_states[1] = v;
    u->new_parameter = binary(u, OP_sub, p, step);
}

static void update_adam(Update *u, int p)
{
    adam_step(u, p, plus_scaled(u, u->gradient, u->hyper->weight_decay, p));
}

static void update_adamw(Update *u, int p)
{
    double decay = u->hyper->weight_decay;
    if (decay != 0) {
        int kept = binary(u, OP_mul, constant(u, decay), read_step(u, STEP_RATE));
        p = binary(u, OP_mul, p, binary(u, OP_sub, constant(u, 1), kept));
    }
    adam_step(u, p, u->gradient);
}

static const struct {
    const char *name, *signature, *help;
    void (*update)(Update *, int);
} rows[] = {
#define OPTIMIZER(name, signature, help) {#name, signature, help, update_##name},
#include "graph/optimizers.def"
#undef OPTIMIZER
};
enum { N_OPTIMIZERS = sizeof rows / sizeof *rows };

const Optimizer *optimizer_row(int i)
{
    static Optimizer table[N_OPTIMIZERS];
    if (i < 0 || i >= N_OPTIMIZERS)
        return NULL;
    if (!table[i].name) {
        table[i] = (Optimizer){rows[i].name, rows[i].signature, rows[i].help, {{0}}, 0};
        table[i].n_params = signature_parse(rows[i].signature, table[i].params);
    }
    return &table[i];
}

int optimizer_find(const char *name)
{
    for (int i = 0; i < N_OPTIMIZERS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return i;
    return -1;
}

bool hyper_set(Hyper *hyper, const char *param, double first, double second)
{
    if (strcmp(param, "betas") == 0) {
        hyper->beta1 = first;
        hyper->beta2 = second;
        return true;
    }
    if (strcmp(param, "nesterov") == 0) {
        hyper->nesterov = first != 0;
        return true;
    }
    double *field = strcmp(param, "lr") == 0             ? &hyper->lr
                    : strcmp(param, "momentum") == 0     ? &hyper->momentum
                    : strcmp(param, "weight_decay") == 0 ? &hyper->weight_decay
                    : strcmp(param, "eps") == 0          ? &hyper->eps
                                                         : NULL;
    if (field)
        *field = first;
    return field != NULL;
}

/* The gradient times min(1, max / (norm + 1e-6)). */
static int clipped(Update *u, int gradient, int norm)
{
    double max = u->graph->train.clip.max;
    int length = program_unary(&u->to.b, OP_sqrt, read_number(u, norm, 0));
    int below = binary(u, OP_add, length, constant(u, 1e-6));
    int factor = binary(u, OP_minimum, constant(u, 1), binary(u, OP_div, constant(u, max), below));
    return binary(u, OP_mul, gradient, factor);
}

/* The value that a tensor has after the update, in the bytes that it has now. */
static int renewed(Update *u, int tensor)
{
    Tensor next = u->graph->tensors[tensor];
    next.name = arena_printf(u->arena, "%s.new", next.name);
    next.origin = tensor;
    next.producer = u->graph->n_nodes;
    next.init = (Init){.kind = INIT_NONE};
    return graph_add_tensor(u->arena, u->graph, next);
}

static void update_node(Update *u)
{
    Shape domain = u->to.b.program->domain;
    int outputs[1 + MAX_STATES], taken[1 + MAX_STATES] = {u->parameter}, n = 1;
    outputs[0] = renewed(u, u->parameter);
    program_output(&u->to.b, u->new_parameter, &domain);
    for (int i = 0; i < u->n_states; i++, n++) {
        taken[n] = u->states[i];
        outputs[n] = renewed(u, taken[n]);
        program_output(&u->to.b, u->new_states[i], &domain);
    }
    Node node = {.op = KERNEL_fused,
                 .phase = PHASE_update,
                 .name = u->graph->tensors[u->parameter].name,
                 .what = u->graph->train.optimizer,
                 .outputs = ints(u->arena, n, outputs),
                 .n_outputs = n,
                 .takes = nones(u->arena, n),
                 .forward = -1,
                 .instance = u->graph->tensors[u->parameter].instance,
                 .span = u->graph->train.span};
    const Program *program = reading_finish(&u->to, &node.inputs);
    node.program = program;
    node.n_inputs = program->n_inputs;
    for (int i = 0; i < node.n_inputs; i++)
        for (int k = 0; k < n; k++)
            if (taken[k] == node.inputs[i])
                node.takes[k] = i;
    graph_add_node(u->arena, u->graph, node);
}

void optimizer_update(Arena *arena, Graph *graph, int parameter, int gradient, int norm)
{
    Shape domain =
        shape_widened(&graph->tensors[parameter].shape, graph->tensors[parameter].shape.rank);
    Update u = {.arena = arena,
                .graph = graph,
                .parameter = parameter,
                .group = graph->tensors[parameter].group,
                .to = reading_begin(arena, &domain)};
    u.hyper = &graph->train.groups[u.group].hyper;
    int p = read_whole(&u, parameter);
    u.gradient = read_whole(&u, gradient);
    if (norm >= 0)
        u.gradient = clipped(&u, u.gradient, norm);
    int row = optimizer_find(graph->train.optimizer);
    if (row < 0)
        bug("no optimizer '%s'", graph->train.optimizer);
    rows[row].update(&u, p);
    update_node(&u);
}
