/* Statements: assignments, blocks, repeats and declarations, in the order written. */
#include "elaborate/scope.h"

#include <string.h>

static void expand_assign(Scope *scope, const Stmt *stmt)
{
    const Names *targets = &stmt->assign.targets;
    Value *values = NEW_N(scope->x->arena, Value, targets->n);
    evaluate_assigned(scope, stmt, values);
    for (int i = 0; i < targets->n; i++)
        if (strcmp(targets->data[i].text, "_") != 0)
            scope_set(scope, targets->data[i].text, values[i]);
}

/* A named block begins a scope of paths, not of variables. */
static void expand_block(Scope *scope, const Stmt *stmt)
{
    const Block *block = &stmt->block;
    const char *path = scope_path(scope, site_name(&scope->x->sites[stmt->site]));
    const char *prefix = scope->prefix, *suffix = scope->suffix;
    int parent, index = scope->index;
    if (!instance_open(scope, path, NULL, block->mark == MARK_checkpoint, stmt->span, &parent))
        return;
    scope->index = -1;
    if (block->as.text) {
        scope->prefix = arena_printf(scope->x->arena, "%s.", path);
        scope->suffix = "";
    }
    scope->x->keeps += block->mark == MARK_keep;
    expand_body(scope, &block->body);
    scope->x->keeps -= block->mark == MARK_keep;
    scope->prefix = prefix;
    scope->suffix = suffix;
    scope->index = index;
    instance_close(scope, parent);
}

static bool expand_turn(Scope *scope, const Stmt *stmt, int64_t i)
{
    const char *path = scope_path(scope, site_name(&scope->x->sites[stmt->site]));
    int parent;
    if (!instance_open(scope, path, NULL, false, stmt->span, &parent))
        return false;
    scope_set(scope, stmt->repeat.index.text, value_number(number_int(i)));
    expand_body(scope, &stmt->repeat.body);
    instance_close(scope, parent);
    return true;
}

static void expand_repeat(Scope *scope, const Stmt *stmt)
{
    const char *suffix = scope->suffix;
    int index = scope->index;
    int64_t count;
    bool going = evaluate_whole(scope, stmt->repeat.count, 0, &count);
    for (int64_t i = 0; going && i < count; i++) {
        scope->suffix = arena_printf(scope->x->arena, "%s[%lld]", suffix, (long long)i);
        scope->index = (int)i;
        going = expand_turn(scope, stmt, i);
    }
    scope->suffix = suffix;
    scope->index = index;
}

static void expand_param(Scope *scope, const Param *param)
{
    Tensor tensor = {.name = scope_path(scope, param->name.text),
                     .class = CLASS_parameter,
                     .producer = -1,
                     .span = param->name.span};
    bool good = evaluate_type(scope, &param->type, &tensor.shape, &tensor.dtype);
    Value init = evaluate(scope, param->init);
    good &= argument_init(scope, init, param->init->span, &tensor.shape, &tensor.init);
    if (good && tensor.dtype != DT_f32) {
        scope_error(scope, param->type.dtype.span,
                    "a param is f32; the setting 'precision' says how it is stored");
        good = false;
    }
    Value value = good ? value_tensor(tensor_add(scope, tensor)) : value_error();
    scope_set(scope, param->name.text, value);
}

static void expand_input(Scope *scope, const Input *input)
{
    Expander *x = scope->x;
    Tensor tensor = {.name = scope_path(scope, input->name.text),
                     .class = CLASS_input,
                     .producer = -1,
                     .span = input->name.span};
    bool good = evaluate_type(scope, &input->type, &tensor.shape, &tensor.dtype);
    if (good)
        PUSH(x->arena, x->inputs, x->tensors.n);
    Value value = good ? value_tensor(tensor_add(scope, tensor)) : value_error();
    scope_set(scope, input->name.text, value);
}

static bool is_among(const Named *named, int n, int tensor)
{
    for (int i = 0; i < n; i++)
        if (named[i].tensor == tensor)
            return true;
    return false;
}

/* Gives a tensor to the outside, once; it must be the value of a node. */
static bool give_out(Scope *scope, Value value, Span span, const char *what, const Named *given,
                     int n_given)
{
    if (value.kind == VALUE_error)
        return false;
    Tensor *tensor = value.kind == VALUE_tensor ? &scope->x->tensors.data[value.tensor] : NULL;
    if (!tensor || tensor->producer < 0) {
        scope_error(scope, span, "%s is something that the model computes, this is %s%s", what,
                    tensor ? "just the " : "",
                    tensor ? class_name(tensor->class) : value_text(scope, value));
        return false;
    }
    if (is_among(given, n_given, value.tensor)) {
        scope_error(scope, span, "this value is %s already", what);
        return false;
    }
    tensor->class = CLASS_output;
    return true;
}

static void expand_outputs(Scope *scope, const Names *names)
{
    for (int i = 0; i < names->n; i++) {
        Name name = names->data[i];
        const Value *value = scope_get(scope, name.text);
        if (!value) {
            scope_error(scope, name.span, "an output is something that the model computes");
        } else if (give_out(scope, *value, name.span, "an output", scope->x->outputs.data,
                            scope->x->outputs.n)) {
            Named output = {name.text, value->tensor};
            PUSH(scope->x->arena, scope->x->outputs, output);
        }
    }
}

static bool is_loss_name(const Expander *x, const char *name)
{
    const Stmts *body = &x->ast->models.data[0].body;
    for (int i = 0; i < x->losses.n; i++)
        if (strcmp(x->losses.data[i].name, name) == 0)
            return true;
    for (int i = 0; i < body->n; i++)
        if (body->data[i]->kind == STMT_loss && body->data[i]->loss.name.text &&
            strcmp(body->data[i]->loss.name.text, name) == 0)
            return true;
    return false;
}

/* Losses without a name are loss, loss2, ...; names that the user gives are left out. */
static const char *loss_name(const Scope *scope, const Loss *loss)
{
    const char *name = "loss";
    if (loss->name.text)
        return loss->name.text;
    for (int n = 2; is_loss_name(scope->x, name); n++)
        name = arena_printf(scope->x->arena, "loss%d", n);
    return name;
}

static void expand_loss(Scope *scope, const Loss *loss)
{
    Value value = evaluate(scope, loss->value);
    if (!give_out(scope, value, loss->value->span, "a loss", scope->x->losses.data,
                  scope->x->losses.n))
        return;
    const Tensor *tensor = &scope->x->tensors.data[value.tensor];
    if (tensor->shape.rank != 0)
        scope_error(scope, loss->value->span, "a loss is a scalar, this is %s",
                    value_text(scope, value));
    Named named = {loss_name(scope, loss), value.tensor};
    PUSH(scope->x->arena, scope->x->losses, named);
}

static void expand_stmt(Scope *scope, const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_assign: expand_assign(scope, stmt); break;
    case STMT_block: expand_block(scope, stmt); break;
    case STMT_repeat: expand_repeat(scope, stmt); break;
    case STMT_param: expand_param(scope, &stmt->param); break;
    case STMT_input: expand_input(scope, &stmt->input); break;
    case STMT_output: expand_outputs(scope, &stmt->outputs); break;
    case STMT_loss: expand_loss(scope, &stmt->loss); break;
    case STMT_return: scope->returned = stmt->values; break;
    }
}

void expand_body(Scope *scope, const Stmts *body)
{
    if (body->n && scope_enter(scope, body->data[0]->span))
        for (int i = 0; i < body->n && !scope->x->too_large; i++)
            expand_stmt(scope, body->data[i]);
    scope->x->depth -= body->n > 0;
}
