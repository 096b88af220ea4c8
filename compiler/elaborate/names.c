/* Goes through each scope for the names that are given (as, params, inputs), then in the order of
 * evaluation for the names that are made, and then for the variables that are assigned once. */
#include "elaborate/names.h"

#include "elaborate/rules.h"

#include <ctype.h>
#include <string.h>

struct NameScope {
    Arena *arena;
    Site *sites;
    Map *taken; /* names in use in this scope */
    Map *bases; /* to counts */
    ARRAY(int) counts;
    Map *variables; /* to assigned */
    ARRAY(int) assigned;
};

static void take(NameScope *scope, const char *name)
{
    if (name)
        map_add(scope->taken, name, 0);
}

/* base, base2, base3, ...: the next one that is free. */
static const char *fresh(NameScope *scope, const char *base)
{
    if (map_add(scope->bases, base, scope->counts.n))
        PUSH(scope->arena, scope->counts, 0);
    int *count = &scope->counts.data[map_get(scope->bases, base)];
    const char *name;
    do {
        ++*count;
        name = *count == 1 ? base : arena_printf(scope->arena, "%s%d", base, *count);
    } while (!map_add(scope->taken, name, 0));
    return name;
}

/* EncoderLayer -> encoder_layer, MLPHead -> mlp_head. */
static const char *snake_case(Arena *arena, const char *name)
{
    char *snake = arena_alloc(arena, 2 * strlen(name) + 1), *out = snake;
    for (const char *c = name; *c; c++) {
        bool upper = isupper((unsigned char)*c);
        bool after_lower =
            c > name && (islower((unsigned char)c[-1]) || isdigit((unsigned char)c[-1]));
        bool before_lower =
            c > name && isupper((unsigned char)c[-1]) && islower((unsigned char)c[1]);
        if (upper && (after_lower || before_lower))
            *out++ = '_';
        *out++ = (char)tolower((unsigned char)*c);
    }
    return snake;
}

static const char *binary_name(char op)
{
    return op == '+' ? "add" : op == '-' ? "sub" : op == '*' ? "mul" : "div";
}

static void count_assignment(NameScope *scope, const char *name)
{
    int i = map_get(scope->variables, name);
    if (i >= 0 && i < scope->assigned.n) {
        scope->assigned.data[i]++;
        return;
    }
    map_add(scope->variables, name, scope->assigned.n);
    PUSH(scope->arena, scope->assigned, 1);
}

static void collect_call(void *context, const Expr *expr)
{
    if (expr->kind == EXPR_call)
        take(context, expr->call.as.text);
}

static void collect_calls(void *context, const Expr *expr)
{
    visit_expr(expr, collect_call, context);
}

static void count_stmt(void *context, const Stmt *stmt, int depth)
{
    (void)depth;
    if (stmt->kind == STMT_input)
        count_assignment(context, stmt->input.name.text);
    if (stmt->kind == STMT_assign)
        for (int k = 0; k < stmt->assign.targets.n; k++)
            count_assignment(context, stmt->assign.targets.data[k].text);
}

/* The names that are given in a scope; the inside of a named block is a scope of its own. */
static void collect(NameScope *scope, const Stmts *body)
{
    for (int i = 0; i < body->n; i++) {
        const Stmt *stmt = body->data[i];
        visit_stmt_exprs(stmt, collect_calls, scope);
        if (stmt->kind == STMT_param)
            take(scope, stmt->param.name.text);
        if (stmt->kind == STMT_input)
            take(scope, stmt->input.name.text);
        if (stmt->kind == STMT_block && stmt->block.as.text)
            take(scope, stmt->block.as.text);
        else if (ast_body(stmt))
            collect(scope, ast_body(stmt));
    }
}

static void name_site(void *context, const Expr *expr)
{
    NameScope *scope = context;
    Site *site = &scope->sites[expr->site];
    bool is_call = expr->kind == EXPR_call;
    if (!is_call && expr->kind != EXPR_binary && expr->kind != EXPR_negate)
        return;
    site->scope = scope;
    site->base = is_call                     ? snake_case(scope->arena, expr->call.callee.text)
                 : expr->kind == EXPR_negate ? "neg"
                                             : binary_name(expr->binary.op);
    if (is_call && expr->call.as.text)
        site->name = expr->call.as.text;
    else if (is_call && !number_has_function(expr->call.callee.text))
        site->name = fresh(scope, site->base);
}

const char *site_name(Site *site)
{
    if (!site->name)
        site->name = fresh(site->scope, site->base);
    return site->name;
}

static void name_sites(void *context, const Expr *expr)
{
    visit_expr(expr, name_site, context);
}

static void name_values(NameScope *scope, const Assign *assign)
{
    ExprKind kind = assign->value->kind;
    if (kind != EXPR_call && kind != EXPR_binary && kind != EXPR_negate)
        return;
    if (kind == EXPR_call && assign->value->call.as.text)
        return;
    for (int i = 0; i < assign->targets.n; i++) {
        const char *name = assign->targets.data[i].text;
        if (scope->assigned.data[map_get(scope->variables, name)] > 1 || strcmp(name, "_") == 0 ||
            map_get(scope->taken, name) >= 0)
            return;
    }
    for (int i = 0; i < assign->targets.n; i++)
        take(scope, assign->targets.data[i].text);
    scope->sites[assign->value->site].values = &assign->targets;
}

static NameScope *scope_new(Arena *arena, Site *sites)
{
    NameScope *scope = NEW(arena, NameScope);
    *scope = (NameScope){.arena = arena,
                         .sites = sites,
                         .taken = map_new(arena),
                         .bases = map_new(arena),
                         .variables = map_new(arena)};
    return scope;
}

/* After the calls, so that no variable changes the path of a parameter. */
static void name_variables(NameScope *scope, const Stmts *body)
{
    for (int i = 0; i < body->n; i++) {
        const Stmt *stmt = body->data[i];
        if (stmt->kind == STMT_assign)
            name_values(scope, &stmt->assign);
        else if (ast_body(stmt) && !(stmt->kind == STMT_block && stmt->block.as.text))
            name_variables(scope, ast_body(stmt));
    }
}

static void name_body(NameScope *scope, const Stmts *body);

static void name_scope(NameScope *scope, const Stmts *body)
{
    collect(scope, body);
    name_body(scope, body);
    name_variables(scope, body);
}

static void name_block(NameScope *scope, const Stmt *stmt)
{
    Site *site = &scope->sites[stmt->site];
    if (!stmt->block.as.text) {
        site->name = fresh(scope, ast_mark(stmt->block.mark));
        name_body(scope, &stmt->block.body);
        return;
    }
    NameScope *inner = scope_new(scope->arena, scope->sites);
    inner->variables = scope->variables;
    inner->assigned.data = scope->assigned.data;
    site->name = stmt->block.as.text;
    name_scope(inner, &stmt->block.body);
}

static void name_body(NameScope *scope, const Stmts *body)
{
    for (int i = 0; i < body->n; i++) {
        const Stmt *stmt = body->data[i];
        visit_stmt_exprs(stmt, name_sites, scope);
        if (stmt->kind == STMT_assign && stmt->assign.mark == MARK_checkpoint)
            scope->sites[stmt->site].name = fresh(scope, ast_mark(MARK_checkpoint));
        if (stmt->kind == STMT_repeat) {
            scope->sites[stmt->site].name = fresh(scope, "repeat");
            name_body(scope, &stmt->repeat.body);
        } else if (stmt->kind == STMT_block) {
            name_block(scope, stmt);
        }
    }
}

Site *names_of_sites(Arena *arena, const Ast *ast)
{
    Site *sites = NEW_N(arena, Site, ast->n_sites + 1);
    for (int i = 0; i < ast->modules.n; i++) {
        NameScope *scope = scope_new(arena, sites);
        for (int k = 0; k < ast->modules.data[i].params.n; k++)
            count_assignment(scope, ast->modules.data[i].params.data[k].name.text);
        visit_stmts(&ast->modules.data[i].body, count_stmt, scope);
        name_scope(scope, &ast->modules.data[i].body);
    }
    for (int i = 0; i < ast->models.n; i++) {
        NameScope *scope = scope_new(arena, sites);
        visit_stmts(&ast->models.data[i].body, count_stmt, scope);
        name_scope(scope, &ast->models.data[i].body);
    }
    return sites;
}
