/* An operator on values: binds arguments, asks the table for shapes, creates the parameters that
 * the operator owns, and appends its node. */
#include "elaborate/scope.h"

#include "graph/shapes.h"

#include <string.h>

/* A call of an operator on its way to a node. */
typedef struct {
    Scope *scope;
    OpKind op;
    const Operator *row;
    const Expr *at;
    Site *site;
    ARRAY(Operand) operands;
    ARRAY(int) tensors;    /* for each operand: the tensor, or SCALAR_INPUT */
    ARRAY(double) scalars; /* for each operand */
    ARRAY(Span) spans;     /* for each operand */
    Attr *attrs;           /* by position in the signature */
    Value init;            /* VALUE_error where none was given */
    Span init_span;
    bool good;
} Application;

static bool is_tensor_param(const OpParam *param)
{
    return param->type == PARAM_TENSOR || param->type == PARAM_TENSOR_OR_BOOL;
}

static void add_operand(Application *a, const Operand *operand, int tensor, double scalar,
                        Span span)
{
    Arena *arena = a->scope->x->arena;
    PUSH(arena, a->operands, *operand);
    PUSH(arena, a->tensors, tensor);
    PUSH(arena, a->scalars, scalar);
    PUSH(arena, a->spans, span);
}

static void take_operand(Application *a, Value value, Span span, const char *param)
{
    if (value.kind == VALUE_tensor) {
        const Tensor *tensor = &a->scope->x->tensors.data[value.tensor];
        Operand operand = {true, false, tensor->shape, tensor->dtype};
        add_operand(a, &operand, value.tensor, 0, span);
    } else if (value.kind == VALUE_number) {
        Operand operand = {.given = true, .scalar = true, .dtype = DT_f32};
        add_operand(a, &operand, SCALAR_INPUT, value.number.f, span);
    } else {
        scope_error(a->scope, span, "%s: expected a tensor for '%s', found %s", a->row->name, param,
                    value_text(a->scope, value));
        a->good = false;
    }
}

/* concat(a, b) or concat([a, b]) */
static void take_variadic(Application *a, const Argument *arguments, int n)
{
    const char *param = a->row->params[0].name;
    for (int i = 0; i < n && !arguments[i].name.text; i++) {
        Value value = arguments[i].value;
        if (value.kind != VALUE_list)
            take_operand(a, value, arguments[i].span, param);
        for (int k = 0; value.kind == VALUE_list && k < value.n_items; k++)
            take_operand(a, value.items[k], arguments[i].span, param);
    }
}

static void take_param(Application *a, int i, const Argument *argument)
{
    const OpParam *param = &a->row->params[i];
    bool is_bool = argument && argument->value.kind == VALUE_bool;
    if (param->type == PARAM_INIT && argument) {
        a->init = argument->value;
        a->init_span = argument->span;
    }
    if (is_tensor_param(param) && argument && !(is_bool && param->type == PARAM_TENSOR_OR_BOOL)) {
        take_operand(a, argument->value, argument->span, param->name);
        a->attrs[i] = (Attr){.given = true, .i = 1};
    } else {
        Operand absent = {.given = false};
        if (is_tensor_param(param))
            add_operand(a, &absent, SCALAR_INPUT, 0, a->at->span);
        a->good &= argument_attr(a->scope, param, argument, &a->attrs[i], NULL);
    }
}

static void take_arguments(Application *a, const Argument *arguments, int n_arguments)
{
    int of_param[MAX_PARAMS];
    Signature signature = {a->row->name, a->row->signature, a->row->params, a->row->n_params};
    a->good = arguments_bind(a->scope, &signature, a->at->span, arguments, n_arguments, of_param);
    for (int i = 0; a->good && i < a->row->n_params; i++) {
        if (a->row->params[i].variadic)
            take_variadic(a, arguments, n_arguments);
        else
            take_param(a, i, of_param[i] < 0 ? NULL : &arguments[of_param[i]]);
    }
}

static void create_parameter(Application *a, const NewParameter *parameter)
{
    Scope *scope = a->scope;
    const char *path = scope_path(scope, site_name(a->site));
    Tensor tensor = {.name = arena_printf(scope->x->arena, "%s.%s", path, parameter->name),
                     .shape = parameter->shape,
                     .dtype = DT_f32,
                     .class = CLASS_parameter,
                     .producer = -1,
                     .init = parameter->init,
                     .span = a->at->span};
    if (strcmp(parameter->name, "weight") == 0 && a->init.kind != VALUE_error)
        a->good &= argument_init(scope, a->init, a->init_span, &tensor.shape, &tensor.init);
    if (!a->operands.data || parameter->position >= a->operands.n)
        bug("%s has no operand %d to create", a->row->name, parameter->position);
    a->operands.data[parameter->position].given = true;
    a->tensors.data[parameter->position] = tensor_add(scope, tensor);
}

/* layer[3].scores, layer[3].attn.qkv, layer[3].split[0] */
static const char *output_name(const Application *a, const OpShapes *shapes, int i)
{
    const Scope *scope = a->scope;
    const Names *variables = a->site->values;
    if (variables && shapes->n_parameters == 0)
        return scope_path(scope, variables->data[i].text);
    const char *path = scope_path(scope, site_name(a->site));
    return shapes->n_outputs == 1 ? path : arena_printf(scope->x->arena, "%s[%d]", path, i);
}

/* Class numbers that reach an operator: what they were moved, cut or joined from has its range, and
 * the smallest one where there are several uses. */
static void limit_classes(Expander *x, int tensor, int64_t classes)
{
    ARRAY(int) open = {0};
    PUSH(x->arena, open, tensor);
    while (open.n > 0) {
        Tensor *t = &x->tensors.data[open.data[--open.n]];
        if (t->dtype != DT_i32 || (t->classes && t->classes <= classes))
            continue;
        t->classes = classes;
        for (int i = 0; t->producer >= 0 && i < x->nodes.data[t->producer].n_inputs; i++)
            PUSH(x->arena, open, x->nodes.data[t->producer].inputs[i]);
    }
}

static void note_classes(const Application *a)
{
    if (a->operands.n < 2)
        return;
    const Shape *logits = &a->operands.data[0].shape;
    if (a->op == OP_embedding)
        limit_classes(a->scope->x, a->tensors.data[0],
                      a->scope->x->tensors.data[a->tensors.data[1]].shape.size[0]);
    else if (a->op == OP_cross_entropy)
        limit_classes(a->scope->x, a->tensors.data[1], logits->size[logits->rank - 1]);
}

static void set_inputs(const Application *a, Node *node)
{
    Arena *arena = a->scope->x->arena;
    double *scalars = NEW_N(arena, double, a->operands.n + 1);
    node->inputs = NEW_N(arena, int, a->operands.n + 1);
    node->scalars = scalars;
    for (int i = 0; i < a->operands.n; i++) {
        if (!a->operands.data[i].given)
            continue;
        scalars[node->n_inputs] = a->scalars.data[i];
        node->inputs[node->n_inputs++] = a->tensors.data[i];
    }
}

static void set_outputs(const Application *a, const OpShapes *shapes, Node *node, Value *values)
{
    Expander *x = a->scope->x;
    node->outputs = NEW_N(x->arena, int, shapes->n_outputs);
    node->takes = NEW_N(x->arena, int, shapes->n_outputs);
    node->n_outputs = shapes->n_outputs;
    for (int i = 0; i < shapes->n_outputs; i++) {
        Tensor tensor = {.name = output_name(a, shapes, i),
                         .shape = shapes->outputs[i].shape,
                         .dtype = shapes->outputs[i].dtype,
                         .class = CLASS_activation,
                         .producer = x->nodes.n,
                         .span = a->at->span};
        node->outputs[i] = tensor_add(a->scope, tensor);
        node->takes[i] = -1;
        values[i] = value_tensor(node->outputs[i]);
    }
    node->name = x->tensors.data[node->outputs[0]].name;
}

static void add_node(const Application *a, const OpShapes *shapes, Value *values)
{
    Expander *x = a->scope->x;
    Node node = {.op = a->op,
                 .phase = PHASE_forward,
                 .what = a->row->name,
                 .attrs = a->attrs,
                 .replayable = true,
                 .forward = -1,
                 .instance = a->scope->instance,
                 .span = a->at->span};
    set_inputs(a, &node);
    set_outputs(a, shapes, &node, values);
    if (a->row->names[PART_VALUE] & NAMES_U)
        node.stream = x->n_streams++;
    PUSH(x->arena, x->nodes, node);
    note_classes(a);
}

static bool has_tensor(const Application *a)
{
    for (int i = 0; i < a->tensors.n; i++)
        if (a->tensors.data[i] != SCALAR_INPUT)
            return true;
    return false;
}

static void report(const Application *a, const OpShapes *shapes)
{
    Span span = shapes->culprit < 0 || shapes->culprit >= a->spans.n
                    ? a->at->span
                    : a->spans.data[shapes->culprit];
    scope_error(a->scope, span, "%s", shapes->error);
}

void operator_apply(Scope *scope, OpKind op, const Expr *at, const Argument *arguments,
                    int n_arguments, Value *values, int n_values)
{
    Application a = {
        .scope = scope, .op = op, .row = op_row(op), .at = at, .site = &scope->x->sites[at->site]};
    a.attrs = NEW_N(scope->x->arena, Attr, a.row->n_params + 1);
    take_arguments(&a, arguments, n_arguments);
    if (!a.good || scope->x->too_large)
        return;
    if (a.row->group == OP_IS_ELEMENTWISE && !has_tensor(&a)) {
        scope_error(scope, at->span, "%s needs a tensor, here are only numbers", a.row->name);
        return;
    }
    OpShapes shapes =
        op_infer(scope->x->arena, op, a.operands.data, a.operands.n, a.attrs, n_values);
    if (shapes.error) {
        report(&a, &shapes);
        return;
    }
    for (int i = 0; i < shapes.n_parameters; i++)
        create_parameter(&a, &shapes.parameters[i]);
    if (a.good)
        add_node(&a, &shapes, values);
}
