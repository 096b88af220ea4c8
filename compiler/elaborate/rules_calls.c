/* Rules about calls: what may be called, with which arguments, how many values it gives, and how
 * instances are named. */
#include "elaborate/rules.h"

#include "elaborate/init.h"
#include "elaborate/operators.h"

#include <string.h>

/* How many values a module returns; -1 where that is not clear. */
static int n_returned(const Module *module)
{
    for (int i = 0; i < module->body.n; i++)
        if (module->body.data[i]->kind == STMT_return)
            return module->body.data[i]->values.n;
    return -1;
}

static const Module *called_module(const Check *check, const Expr *expr)
{
    return expr->kind == EXPR_call ? check_module(check, expr->call.callee.text) : NULL;
}

static void unknown_callee(Check *check, const Call *call)
{
    Nearest nearest = nearest_start(call->callee.text);
    for (int i = 0; i < check->ast->modules.n && !diag_is_full(check->diag); i++)
        nearest_offer(&nearest, check->ast->modules.data[i].name.text);
    operator_offer_names(&nearest);
    number_offer_functions(&nearest);
    init_offer_names(&nearest);
    diag_error(check->diag, call->callee.span, "there is no module or operator '%s'%s",
               call->callee.text, nearest_hint(check->arena, &nearest));
}

/* Positional arguments come first and no name is given twice. */
static void argument_names(Check *check, const Call *call)
{
    Map *seen = map_new(check->arena);
    bool named = false;
    for (int i = 0; i < call->args.n; i++) {
        const Arg *arg = &call->args.data[i];
        if (!arg->name.text && named)
            diag_error(check->diag, arg->value->span,
                       "arguments without a name come before those with one");
        if (arg->name.text && !map_add(seen, arg->name.text, i))
            diag_error(check->diag, arg->name.span, "argument '%s' is given already",
                       arg->name.text);
        named |= arg->name.text != NULL;
    }
}

static int param_index(const Module *module, const char *name)
{
    for (int i = 0; i < module->params.n; i++)
        if (strcmp(module->params.data[i].name.text, name) == 0)
            return i;
    return -1;
}

static void unknown_argument(Check *check, const Module *module, Name name)
{
    Nearest nearest = nearest_start(name.text);
    for (int i = 0; i < module->params.n; i++)
        nearest_offer(&nearest, module->params.data[i].name.text);
    diag_error(check->diag, name.span, "module '%s' has no parameter '%s'%s", module->name.text,
               name.text, nearest_hint(check->arena, &nearest));
    diag_note(check->diag, module->name.span, "the module is defined here");
}

static int n_positional(const Call *call)
{
    int n = 0;
    while (n < call->args.n && !call->args.data[n].name.text)
        n++;
    return n;
}

/* Binds the arguments of a module's call to its parameters, for the errors alone. */
static void module_arguments(Check *check, const Module *module, const Expr *expr)
{
    const Call *call = &expr->call;
    bool *given = NEW_N(check->arena, bool, module->params.n + 1);
    bool unknown = false;
    for (int i = 0; i < call->args.n; i++) {
        const Arg *arg = &call->args.data[i];
        int at = arg->name.text ? param_index(module, arg->name.text) : i;
        if (at < 0) {
            unknown_argument(check, module, arg->name);
            unknown = true;
        } else if (at >= module->params.n) {
            diag_error(check->diag, arg->value->span,
                       "module '%s' takes %d arguments, this is one more", module->name.text,
                       module->params.n);
            diag_note(check->diag, module->name.span, "the module is defined here");
            return;
        } else if (given[at] && arg->name.text && at < n_positional(call)) {
            diag_error(check->diag, arg->name.span, "argument '%s' is given already, by position",
                       arg->name.text);
        } else {
            given[at] = true;
        }
    }
    for (int i = 0; i < module->params.n && !unknown; i++) {
        if (given[i] || module->params.data[i].value)
            continue;
        diag_error(check->diag, expr->span, "module '%s' needs an argument '%s'", module->name.text,
                   module->params.data[i].name.text);
        diag_note(check->diag, module->params.data[i].name.span, "it has no default");
    }
}

static void check_call(void *context, const Expr *expr)
{
    Check *check = context;
    if (expr->kind != EXPR_call)
        return;
    const Call *call = &expr->call;
    const Module *module = called_module(check, expr);
    argument_names(check, call);
    if (module)
        module_arguments(check, module, expr);
    else if (!operator_find(call->callee.text) && !number_has_function(call->callee.text) &&
             !init_is_name(call->callee.text))
        unknown_callee(check, call);
}

/* Every callee is known, and a module's call gives it what it needs. */
void rule_calls(Check *check)
{
    visit_all_exprs(check->ast, check_call, check);
}

static void one_value(void *context, const Expr *expr)
{
    Check *check = context;
    const Module *module = called_module(check, expr);
    int n = module ? n_returned(module) : 1;
    if (n > 1)
        diag_error(check->diag, expr->span,
                   "'%s' returns %d values; take them apart first: a, b = %s(...)",
                   module->name.text, n, module->name.text);
}

static void parts_have_one_value(void *context, const Expr *expr)
{
    visit_parts(expr, one_value, context);
}

static void check_values(void *context, const Stmt *stmt, int depth)
{
    Check *check = context;
    (void)depth;
    visit_stmt_exprs(stmt, parts_have_one_value, check);
    if (stmt->kind != STMT_assign) {
        visit_stmt_exprs(stmt, one_value, check);
        return;
    }
    const Assign *assign = &stmt->assign;
    const Module *module = called_module(check, assign->value);
    int given = module ? n_returned(module) : 1;
    if (module && given >= 0 && given != assign->targets.n)
        diag_error(check->diag, assign->value->span, "'%s' returns %d value%s, %d %s taken",
                   module->name.text, given, given == 1 ? "" : "s", assign->targets.n,
                   assign->targets.n == 1 ? "is" : "are");
    if (assign->value->kind != EXPR_call && assign->targets.n > 1)
        diag_error(check->diag, assign->value->span,
                   "%d values are taken, but only a call gives several", assign->targets.n);
}

/* As many values are taken as a module returns. */
void rule_values(Check *check)
{
    for (int i = 0; i < check->ast->modules.n; i++)
        visit_stmts(&check->ast->modules.data[i].body, check_values, check);
    for (int i = 0; i < check->ast->models.n; i++)
        visit_stmts(&check->ast->models.data[i].body, check_values, check);
}

typedef enum { VISIT_new, VISIT_open, VISIT_done } VisitState;

typedef struct {
    int callee; /* a module */
    Span span;
} CallSite;

typedef ARRAY(CallSite) CallSites;

typedef struct {
    Check *check;
    CallSites *calls; /* made by each module */
    VisitState *states;
    int current, depth;
} Recursion;

static void collect_call(void *context, const Expr *expr)
{
    Recursion *recursion = context;
    if (expr->kind != EXPR_call)
        return;
    CallSite site = {map_get(recursion->check->modules, expr->call.callee.text),
                     expr->call.callee.span};
    if (site.callee >= 0)
        PUSH(recursion->check->arena, recursion->calls[recursion->current], site);
}

static void visit_module(Recursion *recursion, int i)
{
    recursion->states[i] = VISIT_open;
    recursion->depth++;
    for (int k = 0; k < recursion->calls[i].n; k++) {
        CallSite site = recursion->calls[i].data[k];
        if (recursion->states[site.callee] == VISIT_open)
            diag_error(recursion->check->diag, site.span,
                       "module '%s' calls itself, which would never end",
                       recursion->check->ast->modules.data[site.callee].name.text);
        else if (recursion->depth == AST_MAX_DEPTH)
            diag_error(recursion->check->diag, site.span,
                       "modules call one another more than %d deep", AST_MAX_DEPTH);
        else if (recursion->states[site.callee] == VISIT_new)
            visit_module(recursion, site.callee);
    }
    recursion->depth--;
    recursion->states[i] = VISIT_done;
}

/* No module calls itself, directly or through others. */
void rule_recursion(Check *check)
{
    int n = check->ast->modules.n;
    Recursion recursion = {.check = check,
                           .calls = NEW_N(check->arena, CallSites, n + 1),
                           .states = NEW_N(check->arena, VisitState, n + 1)};
    for (int i = 0; i < n; i++) {
        recursion.current = i;
        visit_module_exprs(&check->ast->modules.data[i], collect_call, &recursion);
    }
    for (int i = 0; i < n; i++)
        if (recursion.states[i] == VISIT_new)
            visit_module(&recursion, i);
}

/* The names that calls and blocks were given in one scope: a module, the model, or a named block.
 */
typedef struct {
    Check *check;
    Map *names;
    ARRAY(Span) spans;
} InstanceNames;

static void claim_name(InstanceNames *scope, Name name)
{
    if (!name.text)
        return;
    if (map_add(scope->names, name.text, scope->spans.n)) {
        PUSH(scope->check->arena, scope->spans, name.span);
        return;
    }
    diag_error(scope->check->diag, name.span, "'%s' names another call in this scope already",
               name.text);
    diag_note(scope->check->diag, scope->spans.data[map_get(scope->names, name.text)],
              "the first one is here");
}

static void claim_call(void *context, const Expr *expr)
{
    if (expr->kind == EXPR_call)
        claim_name(context, expr->call.as);
}

static void claim_calls(void *context, const Expr *expr)
{
    visit_expr(expr, claim_call, context);
}

static void claim_body(InstanceNames *scope, const Stmts *body)
{
    for (int i = 0; i < body->n; i++) {
        const Stmt *stmt = body->data[i];
        visit_stmt_exprs(stmt, claim_calls, scope);
        if (stmt->kind == STMT_param)
            claim_name(scope, stmt->param.name);
        if (stmt->kind == STMT_block && stmt->block.as.text) {
            claim_name(scope, stmt->block.as);
            InstanceNames inner = {.check = scope->check, .names = map_new(scope->check->arena)};
            claim_body(&inner, &stmt->block.body);
        } else if (ast_body(stmt)) {
            claim_body(scope, ast_body(stmt));
        }
    }
}

/* Names given with `as` and to parameters are paths, so no two in a scope are equal. */
void rule_instance_names(Check *check)
{
    for (int i = 0; i < check->ast->modules.n + check->ast->models.n; i++) {
        int model = i - check->ast->modules.n;
        InstanceNames scope = {.check = check, .names = map_new(check->arena)};
        claim_body(&scope, model < 0 ? &check->ast->modules.data[i].body
                                     : &check->ast->models.data[model].body);
    }
}
