/* The table of rules, and the rules about what stands at the top of a file. Each rule looks at the
 * whole tree and reports every place that breaks it. */
#include "elaborate/rules.h"

#include "elaborate/operators.h"

/* Every rule of the language that needs no shapes. */
static Rule *const rules[] = {
    rule_consts,  rule_modules, rule_one_model, rule_one_train, rule_places,
    rule_returns, rule_losses,  rule_outputs,   rule_names,     rule_assignments,
    rule_calls,   rule_values,  rule_recursion, rule_train,     rule_instance_names,
};

const Module *check_module(const Check *check, const char *name)
{
    int i = map_get(check->modules, name);
    return i < 0 ? NULL : &check->ast->modules.data[i];
}

/* No two consts have one name. */
void rule_consts(Check *check)
{
    for (int i = 0; i < check->ast->consts.n; i++) {
        Name name = check->ast->consts.data[i].name;
        int first = map_get(check->consts, name.text);
        if (first == i)
            continue;
        diag_error(check->diag, name.span, "there is a const '%s' already", name.text);
        diag_note(check->diag, check->ast->consts.data[first].name.span, "it is defined here");
    }
}

static void check_params(Check *check, const Module *module)
{
    Map *seen = map_new(check->arena);
    const Binding *with_default = NULL;
    for (int i = 0; i < module->params.n; i++) {
        const Binding *param = &module->params.data[i];
        const char *name = param->name.text;
        if (!map_add(seen, name, i))
            diag_error(check->diag, param->name.span, "module '%s' has a parameter '%s' already",
                       module->name.text, name);
        if (with_default && !param->value)
            diag_error(check->diag, param->name.span,
                       "'%s' needs a default too, since '%s' before it has one", name,
                       with_default->name.text);
        with_default = param->value ? param : with_default;
    }
}

/* Modules have names of their own, different from the operators'; so have their parameters. */
void rule_modules(Check *check)
{
    for (int i = 0; i < check->ast->modules.n; i++) {
        const Module *module = &check->ast->modules.data[i];
        Name name = module->name;
        int first = map_get(check->modules, name.text);
        if (first != i) {
            diag_error(check->diag, name.span, "there is a module '%s' already", name.text);
            diag_note(check->diag, check->ast->modules.data[first].name.span, "it is defined here");
        }
        if (operator_find(name.text) || number_has_function(name.text))
            diag_error(check->diag, name.span, "'%s' is an operator; name the module otherwise",
                       name.text);
        check_params(check, module);
    }
}

void rule_one_model(Check *check)
{
    if (check->ast->models.n == 0)
        diag_error(check->diag, NO_SPAN, "there is no model: expected 'model NAME { ... }'");
    for (int i = 1; i < check->ast->models.n; i++) {
        diag_error(check->diag, check->ast->models.data[i].name.span,
                   "a file has one model, this is another");
        diag_note(check->diag, check->ast->models.data[0].name.span, "the first one is here");
    }
}

void rule_one_train(Check *check)
{
    for (int i = 1; i < check->ast->trains.n; i++) {
        diag_error(check->diag, check->ast->trains.data[i].span,
                   "a file has one train block, this is another");
        diag_note(check->diag, check->ast->trains.data[0].span, "the first one is here");
    }
}

void check_ast(Arena *arena, const Ast *ast, Diag *diag)
{
    Check check = {arena, diag, ast, map_new(arena), map_new(arena)};
    for (int i = 0; i < ast->consts.n; i++)
        map_add(check.consts, ast->consts.data[i].name.text, i);
    for (int i = 0; i < ast->modules.n; i++)
        map_add(check.modules, ast->modules.data[i].name.text, i);
    diag_hold(diag);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        rules[i](&check);
    diag_release(diag);
}
