/* Consts from their expressions, in the order in which they need one another. */
#include "elaborate/constant.h"

#include <string.h>

typedef enum { STATE_new, STATE_open, STATE_done } State;

struct Consts {
    Arena *arena;
    Diag *diag;
    const Ast *ast;
    Map *names; /* to the first const of the name */
    Constant *values;
    State *states;
    const char **overrides; /* text given with -D, or NULL */
    int depth;
};

static Constant constant_number(Number number)
{
    return (Constant){.kind = CONSTANT_number, .number = number};
}

static bool resolve(Consts *consts, int i);

static bool eval(Consts *consts, const Expr *expr, Constant *value);

static Nearest nearest_const(const Consts *consts, const char *name)
{
    Nearest nearest = nearest_start(name);
    for (int i = 0; i < consts->ast->consts.n && !diag_is_full(consts->diag); i++)
        nearest_offer(&nearest, consts->ast->consts.data[i].name.text);
    return nearest;
}

static bool eval_name(Consts *consts, const Expr *expr, Constant *value)
{
    int i = map_get(consts->names, expr->text);
    if (i < 0) {
        Nearest nearest = nearest_const(consts, expr->text);
        diag_error(consts->diag, expr->span, "there is no const '%s'%s", expr->text,
                   nearest_hint(consts->arena, &nearest));
        return false;
    }
    if (consts->states[i] == STATE_open) {
        diag_error(consts->diag, expr->span, "'%s' is worked out from itself", expr->text);
        return false;
    }
    bool known = resolve(consts, i);
    *value = consts->values[i];
    return known;
}

static bool eval_number(Consts *consts, const Expr *expr, Number *number)
{
    Constant value;
    if (!eval(consts, expr, &value))
        return false;
    *number = value.number;
    if (value.kind == CONSTANT_number)
        return true;
    diag_error(consts->diag, expr->span, "expected a number");
    return false;
}

static bool eval_call(Consts *consts, const Expr *expr, Number *result)
{
    const Call *call = &expr->call;
    if (!number_has_function(call->callee.text)) {
        Nearest nearest = nearest_start(call->callee.text);
        number_offer_functions(&nearest);
        diag_error(consts->diag, call->callee.span, "'%s' is no function of numbers%s",
                   call->callee.text, nearest_hint(consts->arena, &nearest));
        return false;
    }
    Number *args = NEW_N(consts->arena, Number, call->args.n + 1);
    bool known = true;
    for (int i = 0; i < call->args.n; i++)
        known &= eval_number(consts, call->args.data[i].value, &args[i]);
    return known &&
           number_call(consts->diag, expr->span, call->callee.text, args, call->args.n, result);
}

static bool eval_binary(Consts *consts, const Expr *expr, Number *result)
{
    Number a, b;
    bool left = eval_number(consts, expr->binary.left, &a);
    bool right = eval_number(consts, expr->binary.right, &b);
    return left && right && number_binary(consts->diag, expr->span, expr->binary.op, a, b, result);
}

static bool eval(Consts *consts, const Expr *expr, Constant *value)
{
    Number *number = &value->number;
    *value = constant_number(number_int(1));
    switch (expr->kind) {
    case EXPR_number: *number = expr->number; return true;
    case EXPR_bool: *value = (Constant){.kind = CONSTANT_bool, .truth = expr->truth}; return true;
    case EXPR_string: *value = (Constant){.kind = CONSTANT_text, .text = expr->text}; return true;
    case EXPR_name: return eval_name(consts, expr, value);
    case EXPR_negate: {
        Number operand;
        return eval_number(consts, expr->operand, &operand) &&
               number_negate(consts->diag, expr->span, operand, number);
    }
    case EXPR_binary: return eval_binary(consts, expr, number);
    case EXPR_call: return eval_call(consts, expr, number);
    case EXPR_list:
    case EXPR_tuple: break;
    }
    diag_error(consts->diag, expr->span, "a const is a number, a string, true or false");
    return false;
}

static const char *kind_name(Constant value)
{
    static const char *const names[] = {"a number", "true or false", "a string"};
    if (value.kind == CONSTANT_number && !value.number.is_float)
        return "a whole number";
    return names[value.kind];
}

/* What -D gave, which must be of the kind of what it replaces; a number with a fraction may take
 * the place of one with a fraction only. */
static void override(Consts *consts, int i)
{
    const char *text = consts->overrides[i];
    Constant *value = &consts->values[i];
    bool fits = true;
    Number number;
    if (value->kind == CONSTANT_text) {
        value->text = text;
    } else if (value->kind == CONSTANT_bool) {
        fits = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
        value->truth = strcmp(text, "true") == 0;
    } else {
        fits = number_parse(text, &number) == NUMBER_ok &&
               (value->number.is_float || !number.is_float);
        value->number = fits ? number : value->number;
    }
    if (fits)
        return;
    const Binding *binding = &consts->ast->consts.data[i];
    diag_error(consts->diag, NO_SPAN, "-D %s=%s: expected %s", binding->name.text, text,
               kind_name(*value));
    diag_note(consts->diag, binding->name.span, "'%s' is defined here", binding->name.text);
}

static bool resolve(Consts *consts, int i)
{
    const Binding *binding = &consts->ast->consts.data[i];
    if (consts->states[i] == STATE_done)
        return true;
    if (consts->depth == AST_MAX_DEPTH) {
        diag_error(consts->diag, binding->name.span, "consts need one another more than %d deep",
                   AST_MAX_DEPTH);
        return false;
    }
    consts->states[i] = STATE_open;
    consts->depth++;
    bool known = eval(consts, binding->value, &consts->values[i]);
    consts->depth--;
    consts->states[i] = STATE_done;
    if (known && consts->overrides[i])
        override(consts, i);
    return known;
}

static void take_override(Consts *consts, const Override *given)
{
    int i = map_get(consts->names, given->name);
    if (i >= 0) {
        consts->overrides[i] = given->value;
        return;
    }
    Nearest nearest = nearest_const(consts, given->name);
    diag_error(consts->diag, NO_SPAN, "-D %s=%s: the model has no const '%s'%s", given->name,
               given->value, given->name, nearest_hint(consts->arena, &nearest));
}

Consts *consts_resolve(Arena *arena, const Ast *ast, const Override *overrides, int n_overrides,
                       Diag *diag)
{
    Consts *consts = NEW(arena, Consts);
    *consts = (Consts){.arena = arena, .diag = diag, .ast = ast, .names = map_new(arena)};
    consts->values = NEW_N(arena, Constant, ast->consts.n + 1);
    consts->states = NEW_N(arena, State, ast->consts.n + 1);
    consts->overrides = NEW_N(arena, const char *, ast->consts.n + 1);
    for (int i = 0; i < ast->consts.n; i++)
        map_add(consts->names, ast->consts.data[i].name.text, i);
    for (int i = 0; i < n_overrides; i++)
        take_override(consts, &overrides[i]);
    for (int i = 0; i < ast->consts.n; i++)
        resolve(consts, i);
    return consts;
}

const Constant *consts_find(const Consts *consts, const char *name)
{
    int i = map_get(consts->names, name);
    return i < 0 ? NULL : &consts->values[i];
}
