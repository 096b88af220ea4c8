/* Building EXPANDED graphs: shapes and parameters come from the operator table. */
#include "tests/support/sketch.h"

#include "graph/build.h"
#include "graph/shapes.h"

#include <stdlib.h>
#include <string.h>

Sketch sketch_new(Arena *arena, Dtype precision)
{
    Sketch sketch = {.arena = arena, .graph = NEW(arena, Graph)};
    Graph *graph = sketch.graph;
    graph->name = "Sketch";
    graph->step = -1;
    graph_add_instance(arena, graph,
                       (Instance){.path = "", .module = "Sketch", .parent = -1, .index = -1});
    graph->train.precision = precision;
    graph->train.optimizer = "sgd";
    graph->train.n_groups = 1;
    graph->train.groups = NEW(arena, Group);
    graph->train.groups[0].hyper.lr = 0.1;
    graph->train.data.source = "synthetic";
    graph->train.steps = 1;
    return sketch;
}

static int numbers(const char *text, int64_t *result)
{
    int n = 0;
    for (char *end; *text && *text != ' '; text = *end == ',' ? end + 1 : end)
        result[n++] = strtoll(text, &end, 10);
    return n;
}

Shape sketch_shape(const char *sizes)
{
    Shape shape = {0};
    shape.rank = numbers(sizes, shape.size);
    return shape;
}

static int add_input(Sketch *sketch, const char *name, Shape shape, Dtype dtype)
{
    Tensor tensor = tensor_default(name, shape, dtype, CLASS_input);
    int id = graph_add_tensor(sketch->arena, sketch->graph, tensor);
    Graph *graph = sketch->graph;
    graph->inputs = array_room(sketch->arena, graph->inputs, graph->n_inputs, sizeof(int));
    graph->inputs[graph->n_inputs++] = id;
    return id;
}

int sketch_input(Sketch *sketch, const char *name, const char *sizes, Dtype dtype)
{
    return add_input(sketch, name, sketch_shape(sizes), dtype);
}

static int add_parameter(Sketch *sketch, const char *name, Shape shape)
{
    Tensor tensor = tensor_default(name, shape, DT_f32, CLASS_parameter);
    tensor.init = (Init){.kind = INIT_NORMAL, .b = 1};
    tensor.instance = sketch->instance;
    return graph_add_tensor(sketch->arena, sketch->graph, tensor);
}

int sketch_param(Sketch *sketch, const char *name, const char *sizes)
{
    return add_parameter(sketch, name, sketch_shape(sizes));
}

static Attr attr_parse(Arena *arena, ParamType type, const char *text)
{
    Attr attr = {
        .given = true, .word = text, .i = strtoll(text, NULL, 10), .f = strtod(text, NULL)};
    if (type == PARAM_BOOL || type == PARAM_TENSOR_OR_BOOL)
        attr.i = strncmp(text, "true", 4) == 0;
    if (type == PARAM_WORD)
        attr.word = arena_strndup(arena, text, strcspn(text, " "));
    if (type == PARAM_LIST) {
        attr.list = NEW_N(arena, int64_t, MAX_RANK);
        attr.n_list = numbers(text, attr.list);
    }
    return attr;
}

static Attr *attrs_parse(Arena *arena, const Operator *row, const char *text)
{
    Attr *attrs = NEW_N(arena, Attr, MAX_PARAMS);
    for (int i = 0; i < row->n_params; i++) {
        const OpParam *param = &row->params[i];
        const char *key = arena_printf(arena, "%s=", param->name), *at = strstr(text, key);
        while (at && at > text && at[-1] != ' ')
            at = strstr(at + 1, key);
        if (at)
            attrs[i] = attr_parse(arena, param->type, at + strlen(key));
        else if (param->default_value)
            attrs[i] = attr_parse(arena, param->type, param->default_value);
    }
    return attrs;
}

int sketch_apply(Sketch *sketch, const char *name, OpKind op, const char *attrs, int n_outputs,
                 int n_inputs, const int *inputs)
{
    Arena *arena = sketch->arena;
    const Operator *row = op_row(op);
    int n = op_operands(row) > n_inputs ? op_operands(row) : n_inputs, n_all = n_inputs;
    Operand *operands = NEW_N(arena, Operand, n + 1);
    int *all = nones(arena, n + 1);
    for (int i = 0; i < n_inputs; i++) {
        const Tensor *tensor = &sketch->graph->tensors[inputs[i]];
        operands[i] = (Operand){true, false, tensor->shape, tensor->dtype};
        all[i] = inputs[i];
    }
    Node node = {.op = op,
                 .name = name,
                 .what = row->name,
                 .attrs = attrs_parse(arena, row, attrs),
                 .scalars = NEW_N(arena, double, n + 1),
                 .n_outputs = n_outputs,
                 .forward = -1,
                 .replayable = true,
                 .instance = sketch->instance,
                 .stream = (uint32_t)sketch->graph->n_nodes,
                 .span = NO_SPAN};
    OpShapes shapes = op_infer(arena, op, operands, n, node.attrs, n_outputs);
    if (shapes.error)
        bug("%s: %s", name, shapes.error);
    for (int i = 0; i < shapes.n_parameters; i++)
        all[n_all++] =
            add_parameter(sketch, arena_printf(arena, "%s.%s", name, shapes.parameters[i].name),
                          shapes.parameters[i].shape);
    node.inputs = all;
    node.n_inputs = n_all;
    node.outputs = nones(arena, n_outputs);
    for (int i = 0; i < n_outputs; i++) {
        const char *own = n_outputs == 1 ? name : arena_printf(arena, "%s[%d]", name, i);
        Tensor tensor =
            tensor_default(own, shapes.outputs[i].shape, shapes.outputs[i].dtype, CLASS_activation);
        tensor.producer = sketch->graph->n_nodes;
        tensor.instance = sketch->instance;
        node.outputs[i] = graph_add_tensor(arena, sketch->graph, tensor);
    }
    graph_add_node(arena, sketch->graph, node);
    return node.outputs[0];
}

int sketch_unary(Sketch *sketch, const char *name, OpKind op, const char *attrs, int x)
{
    return sketch_apply(sketch, name, op, attrs, 1, 1, &x);
}

int sketch_binary(Sketch *sketch, const char *name, OpKind op, int x, int y)
{
    return sketch_apply(sketch, name, op, "", 1, 2, (int[]){x, y});
}

void sketch_loss(Sketch *sketch, const char *name, int tensor)
{
    Graph *graph = sketch->graph;
    graph->losses = array_room(sketch->arena, graph->losses, graph->n_losses, sizeof(Named));
    graph->losses[graph->n_losses++] = (Named){name, tensor};
}

void sketch_probe(Sketch *sketch, const char *name, int tensor)
{
    Shape shape = sketch->graph->tensors[tensor].shape;
    int w = add_input(sketch, arena_printf(sketch->arena, "%s.w", name), shape, DT_f32);
    int product =
        sketch_binary(sketch, arena_printf(sketch->arena, "%s.product", name), OP_mul, tensor, w);
    sketch_loss(
        sketch, name,
        sketch_unary(sketch, arena_printf(sketch->arena, "%s.sum", name), OP_sum, "", product));
}
