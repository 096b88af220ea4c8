/* Arguments to the parameters of a signature, as operators, optimizers, schedules and data sources
 * have them. */
#include "elaborate/scope.h"

#include "elaborate/init.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Signature signature_of(SignatureRow *row)
{
    if (row->n_params == 0)
        row->n_params = signature_parse(row->text, row->params);
    return (Signature){row->name, row->text, row->params, row->n_params};
}

static int param_named(const Signature *signature, const char *name)
{
    for (int i = 0; i < signature->n_params; i++)
        if (strcmp(signature->params[i].name, name) == 0)
            return i;
    return -1;
}

static void note_signature(const Scope *scope, const Signature *signature)
{
    if (signature->text)
        diag_note(scope->x->diag, NO_SPAN, "it is written %s", signature->text);
}

static void unknown_argument(const Scope *scope, const Signature *signature, Name name)
{
    Nearest nearest = nearest_start(name.text);
    for (int i = 0; i < signature->n_params; i++)
        nearest_offer(&nearest, signature->params[i].name);
    scope_error(scope, name.span, "%s has no argument '%s'%s", signature->name, name.text,
                nearest_hint(scope->x->arena, &nearest));
    note_signature(scope, signature);
}

/* Tensors come first and the rest in the order of the table: a tensor goes to the first parameter
 * that takes one, anything else to the first that is no tensor to be left out. -1: no such. */
static int param_at(const Signature *signature, const Argument *argument, const int *of_param)
{
    for (int i = 0; i < signature->n_params; i++) {
        const OpParam *param = &signature->params[i];
        bool takes = argument->value.kind == VALUE_tensor
                         ? param->type == PARAM_TENSOR || param->type == PARAM_TENSOR_OR_BOOL
                         : param->type != PARAM_TENSOR || !param->optional;
        if (of_param[i] < 0 && takes)
            return i;
    }
    return -1;
}

/* The parameter of one argument; -1 after an error. */
static int param_of(const Scope *scope, const Signature *signature, const Argument *argument,
                    int position, const int *of_param)
{
    if (argument->name.text) {
        int i = param_named(signature, argument->name.text);
        if (i < 0)
            unknown_argument(scope, signature, argument->name);
        return i;
    }
    if (signature->n_params && signature->params[0].variadic)
        return 0;
    int at = param_at(signature, argument, of_param);
    if (at >= 0)
        return at;
    if (position < signature->n_params)
        return position;
    scope_error(scope, argument->span, "%s takes %d argument%s, this is one more", signature->name,
                signature->n_params, signature->n_params == 1 ? "" : "s");
    note_signature(scope, signature);
    return -1;
}

static bool all_given(const Scope *scope, const Signature *signature, Span call,
                      const int *of_param)
{
    bool good = true;
    for (int i = 0; i < signature->n_params; i++) {
        const OpParam *param = &signature->params[i];
        if (of_param[i] >= 0 || param->optional)
            continue;
        scope_error(scope, call, "%s needs an argument '%s'", signature->name, param->name);
        note_signature(scope, signature);
        good = false;
    }
    return good;
}

bool arguments_bind(const Scope *scope, const Signature *signature, Span call,
                    const Argument *arguments, int n_arguments, int *of_param)
{
    bool good = true;
    for (int i = 0; i < signature->n_params; i++)
        of_param[i] = -1;
    for (int i = 0; i < n_arguments; i++) {
        int at = param_of(scope, signature, &arguments[i], i, of_param);
        if (at < 0)
            return false;
        if (of_param[at] >= 0 && !signature->params[at].variadic) {
            scope_error(scope, arguments[i].span, "%s: argument '%s' is given already",
                        signature->name, signature->params[at].name);
            good = false;
        } else if (of_param[at] < 0) {
            of_param[at] = i;
        }
    }
    return good && all_given(scope, signature, call, of_param);
}

bool value_is_whole(Value value, int64_t *result)
{
    *result = value.number.i;
    if (value.kind != VALUE_number)
        return false;
    if (!value.number.is_float)
        return true;
    if (fabs(value.number.f) > 9e15 || value.number.f != floor(value.number.f))
        return false;
    *result = (int64_t)value.number.f;
    return true;
}

static bool list_attr(const Scope *scope, Value value, Attr *attr)
{
    if (value.kind != VALUE_list)
        return false;
    attr->n_list = value.n_items;
    attr->list = NEW_N(scope->x->arena, int64_t, value.n_items + 1);
    for (int i = 0; i < value.n_items; i++)
        if (!value_is_whole(value.items[i], &attr->list[i]))
            return false;
    return true;
}

static bool pair_attr(Value value, Attr *attr, double *second)
{
    if (value.kind != VALUE_list || value.n_items != 2 || value.items[0].kind != VALUE_number ||
        value.items[1].kind != VALUE_number)
        return false;
    attr->f = value.items[0].number.f;
    *second = value.items[1].number.f;
    return true;
}

static bool convert(const Scope *scope, ParamType type, Value value, Attr *attr, double *second)
{
    switch (type) {
    case PARAM_INT: return value_is_whole(value, &attr->i);
    case PARAM_FLOAT: attr->f = value.number.f; return value.kind == VALUE_number;
    case PARAM_TENSOR_OR_BOOL:
    case PARAM_BOOL: attr->i = value.truth; return value.kind == VALUE_bool;
    case PARAM_LIST: return list_attr(scope, value, attr);
    case PARAM_WORD:
        attr->word = value.text;
        return value.kind == VALUE_word || value.kind == VALUE_text;
    case PARAM_PAIR: return pair_attr(value, attr, second);
    case PARAM_INIT: return value.kind == VALUE_call && init_is_name(value.text);
    case PARAM_TENSOR: return value.kind == VALUE_tensor;
    }
    bug("convert: parameter type %d", (int)type);
}

static const char *expectation(ParamType type)
{
    static const char *const texts[] = {
        [PARAM_TENSOR] = "a tensor",
        [PARAM_TENSOR_OR_BOOL] = "a tensor, true or false",
        [PARAM_INT] = "a whole number",
        [PARAM_FLOAT] = "a number",
        [PARAM_BOOL] = "true or false",
        [PARAM_LIST] = "a list of whole numbers",
        [PARAM_WORD] = "a word",
        [PARAM_INIT] = "an init such as normal(0, 0.02)",
        [PARAM_PAIR] = "a pair of numbers",
    };
    return texts[type];
}

/* What was found; of a list, the item that is wrong. */
static const char *found_text(const Scope *scope, ParamType type, Value value)
{
    int64_t whole;
    for (int i = 0; type == PARAM_LIST && value.kind == VALUE_list && i < value.n_items; i++)
        if (!value_is_whole(value.items[i], &whole))
            return arena_printf(scope->x->arena, "%s as its item %d",
                                value_text(scope, value.items[i]), i + 1);
    return value_text(scope, value);
}

/* The default of a signature, as written there: a number, true, false, a pair or a word. */
static Value default_value(const Scope *scope, const char *text)
{
    Value value = {.kind = VALUE_word, .text = text};
    char *rest;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return (Value){.kind = VALUE_bool, .truth = text[0] == 't'};
    if (text[0] == '(') {
        value =
            (Value){.kind = VALUE_list, .n_items = 2, .items = NEW_N(scope->x->arena, Value, 2)};
        value.items[0] = value_number(number_float(strtod(text + 1, &rest)));
        value.items[1] = value_number(number_float(strtod(rest + 1, NULL)));
    } else if (number_parse(text, &value.number) == NUMBER_ok) {
        value.kind = VALUE_number;
    }
    return value;
}

bool argument_attr(const Scope *scope, const OpParam *param, const Argument *argument, Attr *attr,
                   double *second)
{
    double ignored = 0;
    *attr = (Attr){.given = argument != NULL};
    second = second ? second : &ignored;
    if (!argument && !param->default_value)
        return true;
    attr->given = true;
    Value value = argument ? argument->value : default_value(scope, param->default_value);
    if (value.kind == VALUE_error)
        return false;
    if (convert(scope, param->type, value, attr, second))
        return true;
    if (!argument)
        bug("the default '%s' of '%s' is not %s", param->default_value, param->name,
            expectation(param->type));
    scope_error(scope, argument->span, "expected %s for '%s', found %s", expectation(param->type),
                param->name, found_text(scope, param->type, value));
    return false;
}

bool argument_init(const Scope *scope, Value value, Span span, const Shape *shape, Init *init)
{
    double numbers[2] = {0, 0};
    if (value.kind == VALUE_error)
        return false;
    if (value.kind != VALUE_call || !init_is_name(value.text)) {
        scope_error(scope, span, "expected %s, found %s", expectation(PARAM_INIT),
                    value_text(scope, value));
        return false;
    }
    int n = init_n_numbers(value.text);
    bool good = value.n_items == n;
    for (int i = 0; good && i < n; i++) {
        good = value.items[i].kind == VALUE_number;
        numbers[i] = value.items[i].number.f;
    }
    if (!good)
        scope_error(scope, span, "%s takes %d number%s", value.text, n, n == 1 ? "" : "s");
    *init = init_make(value.text, numbers, shape);
    return good;
}
