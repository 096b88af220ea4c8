/* Rules about statements: where each may stand, what a module and a model need, what may be marked.
 */
#include "elaborate/rules.h"

#include <string.h>

typedef struct {
    Check *check;
    bool in_model;
} Place;

static const char *statement_name(const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_input: return stmt->input.is_target ? "target" : "input";
    case STMT_output: return "output";
    case STMT_loss: return "loss";
    default: return "return";
    }
}

static bool only_in_model(const Stmt *stmt)
{
    return stmt->kind == STMT_input || stmt->kind == STMT_output || stmt->kind == STMT_loss;
}

static void check_place(void *context, const Stmt *stmt, int depth)
{
    const Place *place = context;
    Diag *diag = place->check->diag;
    if (!only_in_model(stmt) && stmt->kind != STMT_return)
        return;
    if (only_in_model(stmt) && !place->in_model)
        diag_error(diag, stmt->span, "'%s' belongs in the model, not in a module",
                   statement_name(stmt));
    else if (stmt->kind == STMT_return && place->in_model)
        diag_error(diag, stmt->span,
                   "'return' belongs in a module; a model has 'output' and 'loss'");
    else if (depth > 0)
        diag_error(diag, stmt->span, "'%s' cannot stand inside a block or a repeat",
                   statement_name(stmt));
}

/* Inputs, targets, outputs and losses stand directly in the model, return directly in a module. */
void rule_places(Check *check)
{
    Place module = {check, false}, model = {check, true};
    for (int i = 0; i < check->ast->modules.n; i++)
        visit_stmts(&check->ast->modules.data[i].body, check_place, &module);
    for (int i = 0; i < check->ast->models.n; i++)
        visit_stmts(&check->ast->models.data[i].body, check_place, &model);
}

/* A module returns something, once, at its end. */
void rule_returns(Check *check)
{
    for (int i = 0; i < check->ast->modules.n; i++) {
        const Module *module = &check->ast->modules.data[i];
        int n = 0;
        for (int k = 0; k < module->body.n; k++) {
            const Stmt *stmt = module->body.data[k];
            if (stmt->kind != STMT_return)
                continue;
            n++;
            if (k + 1 < module->body.n)
                diag_error(check->diag, module->body.data[k + 1]->span,
                           "nothing can follow 'return' in a module");
        }
        if (n == 0)
            diag_error(check->diag, module->end, "module '%s' has no 'return'", module->name.text);
    }
}

/* A model has a loss; names of losses differ. */
void rule_losses(Check *check)
{
    for (int i = 0; i < check->ast->models.n; i++) {
        const Model *model = &check->ast->models.data[i];
        Map *names = map_new(check->arena);
        int n = 0;
        for (int k = 0; k < model->body.n; k++) {
            const Stmt *stmt = model->body.data[k];
            if (stmt->kind != STMT_loss)
                continue;
            n++;
            if (stmt->loss.name.text && !map_add(names, stmt->loss.name.text, k))
                diag_error(check->diag, stmt->loss.name.span, "there is a loss '%s' already",
                           stmt->loss.name.text);
        }
        if (n == 0)
            diag_error(check->diag, model->end,
                       "model '%s' has no 'loss', so nothing can be trained", model->name.text);
    }
}

static void check_outputs(void *context, const Stmt *stmt, int depth)
{
    Place *place = context;
    (void)depth;
    if (stmt->kind != STMT_output)
        return;
    Map *names = map_new(place->check->arena);
    for (int i = 0; i < stmt->outputs.n; i++)
        if (!map_add(names, stmt->outputs.data[i].text, i))
            diag_error(place->check->diag, stmt->outputs.data[i].span, "'%s' is an output already",
                       stmt->outputs.data[i].text);
}

/* An output is named once. */
void rule_outputs(Check *check)
{
    Place place = {check, true};
    for (int i = 0; i < check->ast->models.n; i++)
        visit_stmts(&check->ast->models.data[i].body, check_outputs, &place);
}

static void check_assignment(void *context, const Stmt *stmt, int depth)
{
    Check *check = context;
    (void)depth;
    if (stmt->kind != STMT_assign)
        return;
    const Assign *assign = &stmt->assign;
    Map *names = map_new(check->arena);
    for (int i = 0; i < assign->targets.n; i++) {
        Name name = assign->targets.data[i];
        if (!map_add(names, name.text, i) && strcmp(name.text, "_") != 0)
            diag_error(check->diag, name.span, "'%s' is assigned twice here", name.text);
    }
    ExprKind kind = assign->value->kind;
    if (assign->mark != MARK_none && kind != EXPR_call && kind != EXPR_binary &&
        kind != EXPR_negate)
        diag_error(check->diag, assign->value->span,
                   "'%s' marks a call, and nothing is computed here", ast_mark(assign->mark));
}

/* A name is assigned once in a statement, and marks are on what computes something. */
void rule_assignments(Check *check)
{
    for (int i = 0; i < check->ast->modules.n; i++)
        visit_stmts(&check->ast->modules.data[i].body, check_assignment, check);
    for (int i = 0; i < check->ast->models.n; i++)
        visit_stmts(&check->ast->models.data[i].body, check_assignment, check);
}
