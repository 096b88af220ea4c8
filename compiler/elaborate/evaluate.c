/* Expressions to values: numbers are folded, operators on tensors become nodes, calls of modules
 * become instances. */
#include "elaborate/scope.h"

#include <string.h>

static const int64_t max_elements = (int64_t)1 << 48; /* of a tensor: more than any machine holds */

static Value from_constant(const Constant *constant)
{
    switch (constant->kind) {
    case CONSTANT_number: return value_number(constant->number);
    case CONSTANT_bool: return (Value){.kind = VALUE_bool, .truth = constant->truth};
    case CONSTANT_text: return (Value){.kind = VALUE_text, .text = constant->text};
    }
    bug("from_constant: kind %d", (int)constant->kind);
}

static Value evaluate_name(const Scope *scope, const Expr *expr)
{
    const Value *local = scope_get(scope, expr->text);
    const Constant *constant = consts_find(scope->x->consts, expr->text);
    if (local)
        return *local;
    return constant ? from_constant(constant) : (Value){.kind = VALUE_word, .text = expr->text};
}

static Value evaluate_list(Scope *scope, const Exprs *items)
{
    Value list = {.kind = VALUE_list, .n_items = items->n};
    list.items = NEW_N(scope->x->arena, Value, items->n + 1);
    for (int i = 0; i < items->n; i++) {
        list.items[i] = evaluate(scope, items->data[i]);
        if (list.items[i].kind == VALUE_error)
            list.kind = VALUE_error;
    }
    return list;
}

static bool is_error(const Argument *arguments, int n)
{
    for (int i = 0; i < n; i++)
        if (arguments[i].value.kind == VALUE_error)
            return true;
    return false;
}

static bool all_numbers(const Argument *arguments, int n)
{
    for (int i = 0; i < n; i++)
        if (arguments[i].value.kind != VALUE_number || arguments[i].name.text)
            return false;
    return true;
}

static Value apply_one(Scope *scope, OpKind op, const Expr *expr, const Argument *arguments, int n)
{
    Value value = value_error();
    if (!is_error(arguments, n))
        operator_apply(scope, op, expr, arguments, n, &value, 1);
    return value;
}

static Value evaluate_negate(Scope *scope, const Expr *expr)
{
    Argument operand = {.value = evaluate(scope, expr->operand), .span = expr->operand->span};
    Number number;
    if (operand.value.kind != VALUE_number)
        return apply_one(scope, OP_neg, expr, &operand, 1);
    return number_negate(scope->x->diag, expr->span, operand.value.number, &number)
               ? value_number(number)
               : value_error();
}

static OpKind binary_op(char op)
{
    switch (op) {
    case '+': return OP_add;
    case '-': return OP_sub;
    case '*': return OP_mul;
    default: return OP_div;
    }
}

static Value evaluate_binary(Scope *scope, const Expr *expr)
{
    const Binary *binary = &expr->binary;
    Argument operands[2] = {
        {.value = evaluate(scope, binary->left), .span = binary->left->span},
        {.value = evaluate(scope, binary->right), .span = binary->right->span},
    };
    Number number;
    if (!all_numbers(operands, 2))
        return apply_one(scope, binary_op(binary->op), expr, operands, 2);
    return number_binary(scope->x->diag, expr->span, binary->op, operands[0].value.number,
                         operands[1].value.number, &number)
               ? value_number(number)
               : value_error();
}

static Value number_function(const Scope *scope, const Expr *expr, const Argument *arguments, int n)
{
    Number *numbers = NEW_N(scope->x->arena, Number, n + 1), result;
    for (int i = 0; i < n; i++) {
        if (arguments[i].value.kind != VALUE_number) {
            scope_error(scope, arguments[i].span, "'%s' takes numbers, found %s",
                        expr->call.callee.text, value_text(scope, arguments[i].value));
            return value_error();
        }
        numbers[i] = arguments[i].value.number;
    }
    return number_call(scope->x->diag, expr->span, expr->call.callee.text, numbers, n, &result)
               ? value_number(result)
               : value_error();
}

/* normal(0, 1) and the like: kept as they are for whoever takes them. */
static Value unapplied(const Scope *scope, const Expr *expr, const Argument *arguments, int n)
{
    Value value = {.kind = VALUE_call, .text = expr->call.callee.text, .n_items = n};
    value.items = NEW_N(scope->x->arena, Value, n + 1);
    for (int i = 0; i < n; i++)
        value.items[i] = arguments[i].value;
    return value;
}

Argument *evaluate_arguments(Scope *scope, const Args *args)
{
    Argument *arguments = NEW_N(scope->x->arena, Argument, args->n + 1);
    for (int i = 0; i < args->n; i++) {
        const Arg *arg = &args->data[i];
        arguments[i] = (Argument){arg->name, evaluate(scope, arg->value), arg->value->span};
    }
    return arguments;
}

/* A mark on an operator's call puts that one node into an instance of its own. */
static void marked_operator(Scope *scope, OpKind op, const Expr *expr, const Stmt *assign,
                            const Argument *arguments, Value *values, int n_values)
{
    int n = expr->call.args.n, parent;
    bool checkpoint = assign && assign->assign.mark == MARK_checkpoint;
    if (!checkpoint) {
        operator_apply(scope, op, expr, arguments, n, values, n_values);
        return;
    }
    const char *path = scope_path(scope, site_name(&scope->x->sites[assign->site]));
    if (!instance_open(scope, path, NULL, true, assign->span, &parent))
        return;
    operator_apply(scope, op, expr, arguments, n, values, n_values);
    instance_close(scope, parent);
}

static void evaluate_call(Scope *scope, const Expr *expr, const Stmt *assign, Value *values,
                          int n_values)
{
    const Call *call = &expr->call;
    const char *name = call->callee.text;
    Argument *arguments = evaluate_arguments(scope, &call->args);
    int module = map_get(scope->x->modules, name), op = op_find(name);
    if (is_error(arguments, call->args.n))
        return;
    if (module >= 0)
        module_call(scope, &scope->x->ast->modules.data[module], expr, arguments,
                    assign ? assign->assign.mark : MARK_none, values, n_values);
    else if (number_has_function(name) && (op < 0 || all_numbers(arguments, call->args.n)))
        values[0] = number_function(scope, expr, arguments, call->args.n);
    else if (op >= 0)
        marked_operator(scope, (OpKind)op, expr, assign, arguments, values, n_values);
    else
        values[0] = unapplied(scope, expr, arguments, call->args.n);
}

static Value evaluate_kind(Scope *scope, const Expr *expr)
{
    Value value = value_error();
    switch (expr->kind) {
    case EXPR_number: return value_number(expr->number);
    case EXPR_bool: return (Value){.kind = VALUE_bool, .truth = expr->truth};
    case EXPR_string: return (Value){.kind = VALUE_text, .text = expr->text};
    case EXPR_name: return evaluate_name(scope, expr);
    case EXPR_list:
    case EXPR_tuple: return evaluate_list(scope, &expr->items);
    case EXPR_negate: return evaluate_negate(scope, expr);
    case EXPR_binary: return evaluate_binary(scope, expr);
    case EXPR_call: evaluate_call(scope, expr, NULL, &value, 1); return value;
    }
    bug("evaluate: kind %d", (int)expr->kind);
}

Value evaluate(Scope *scope, const Expr *expr)
{
    Value value = scope_enter(scope, expr->span) ? evaluate_kind(scope, expr) : value_error();
    scope->x->depth--;
    return value;
}

/* a + b and the like under a mark: all of the expression is the block. */
static Value marked_expression(Scope *scope, const Stmt *assign)
{
    int parent;
    const char *path = scope_path(scope, site_name(&scope->x->sites[assign->site]));
    if (!instance_open(scope, path, NULL, true, assign->span, &parent))
        return value_error();
    Value value = evaluate(scope, assign->assign.value);
    instance_close(scope, parent);
    return value;
}

static void keep_values(const Scope *scope, const Value *values, int n_values)
{
    for (int i = 0; i < n_values; i++)
        if (values[i].kind == VALUE_tensor)
            scope->x->tensors.data[values[i].tensor].keep = true;
}

void evaluate_assigned(Scope *scope, const Stmt *assign, Value *values)
{
    const Expr *expr = assign->assign.value;
    int n_values = assign->assign.targets.n;
    for (int i = 0; i < n_values; i++)
        values[i] = value_error();
    if (expr->kind == EXPR_call)
        evaluate_call(scope, expr, assign, values, n_values);
    else if (assign->assign.mark == MARK_checkpoint)
        values[0] = marked_expression(scope, assign);
    else
        values[0] = evaluate(scope, expr);
    if (assign->assign.mark == MARK_keep)
        keep_values(scope, values, n_values);
}

bool evaluate_whole(Scope *scope, const Expr *expr, int64_t least, int64_t *result)
{
    Value value = evaluate(scope, expr);
    if (value_is_whole(value, result) && *result >= least)
        return true;
    if (value.kind != VALUE_error)
        scope_error(scope, expr->span, "expected a whole number, at least %lld, found %s",
                    (long long)least, value_text(scope, value));
    *result = least;
    return false;
}

static bool find_dtype(const Scope *scope, Name name, Dtype *dtype)
{
    static const Dtype allowed[] = {DT_f32, DT_bf16, DT_i32, DT_bool};
    Nearest nearest = nearest_start(name.text);
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        *dtype = allowed[i];
        if (strcmp(dtype_name(*dtype), name.text) == 0)
            return true;
        nearest_offer(&nearest, dtype_name(*dtype));
    }
    scope_error(scope, name.span, "a dtype is f32, bf16, i32 or bool, not '%s'%s", name.text,
                nearest_hint(scope->x->arena, &nearest));
    return false;
}

bool evaluate_type(Scope *scope, const Type *type, Shape *shape, Dtype *dtype)
{
    bool good = find_dtype(scope, type->dtype, dtype);
    int64_t count = 1;
    *shape = (Shape){.rank = type->dims.n};
    if (type->dims.n > MAX_RANK) {
        scope_error(scope, type->span, "a tensor has at most %d axes, this has %d", MAX_RANK,
                    type->dims.n);
        return false;
    }
    for (int i = 0; i < shape->rank; i++) {
        good &= evaluate_whole(scope, type->dims.data[i], 1, &shape->size[i]);
        if (shape->size[i] > max_elements / count) {
            scope_error(scope, type->span, "this tensor is too large for any machine");
            return false;
        }
        count *= shape->size[i];
    }
    return good;
}
