/* A call of a module: a new instance with a scope of its own. */
#include "elaborate/scope.h"

#include <string.h>

static int param_index(const Module *module, const char *name)
{
    int i = 0;
    while (strcmp(module->params.data[i].name.text, name) != 0)
        i++;
    return i;
}

/* check has seen to it that every parameter gets one argument or has a default. */
static void bind_parameters(Scope *inner, const Module *module, const Argument *arguments, int n)
{
    for (int i = 0; i < n; i++) {
        int at = arguments[i].name.text ? param_index(module, arguments[i].name.text) : i;
        scope_set(inner, module->params.data[at].name.text, arguments[i].value);
    }
    for (int i = 0; i < module->params.n; i++) {
        const Binding *param = &module->params.data[i];
        if (!scope_get(inner, param->name.text))
            scope_set(inner, param->name.text, evaluate(inner, param->value));
    }
}

static void take_returned(Scope *inner, Value *values, int n_values)
{
    for (int i = 0; i < inner->returned.n && i < n_values; i++)
        values[i] = evaluate(inner, inner->returned.data[i]);
}

void module_call(Scope *scope, const Module *module, const Expr *expr, const Argument *arguments,
                 Mark mark, Value *values, int n_values)
{
    Expander *x = scope->x;
    const char *path = scope_path(scope, site_name(&x->sites[expr->site]));
    int parent;
    if (!instance_open(scope, path, module->name.text, mark == MARK_checkpoint, expr->span,
                       &parent))
        return;
    Values locals = {0};
    Scope inner = {.x = x,
                   .slots = map_new(x->arena),
                   .values = &locals,
                   .instance = scope->instance,
                   .index = -1,
                   .prefix = arena_printf(x->arena, "%s.", path),
                   .suffix = "",
                   .caller = scope,
                   .call = expr->span,
                   .callee = scope->instance};
    x->keeps += mark == MARK_keep;
    bind_parameters(&inner, module, arguments, expr->call.args.n);
    expand_body(&inner, &module->body);
    take_returned(&inner, values, n_values);
    x->keeps -= mark == MARK_keep;
    instance_close(scope, parent);
}
