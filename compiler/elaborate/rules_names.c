/* The rule about names: each has a value where it is used, nothing is taken away from what must not
 * change, and what is never used is pointed out.
 *
 * A module's or model's names live in one table. A repeat hides, when it ends, the names that it
 * gave a value first; blocks hide nothing. */
#include "elaborate/rules.h"

#include "elaborate/operators.h"

#include <string.h>

typedef enum {
    SYMBOL_variable,
    SYMBOL_argument,
    SYMBOL_input,
    SYMBOL_param,
    SYMBOL_index
} SymbolKind;

static const char *const kind_names[] = {"variable", "argument", "input", "param", "repeat index"};

typedef struct {
    Name name;
    SymbolKind kind;
    int level; /* repeats around the place where it got its first value */
    bool live, used;
} Symbol;

typedef struct {
    Check *check;
    Map *slots; /* name to symbols; a hidden symbol's slot is used again */
    ARRAY(Symbol) symbols;
    Map *later; /* names that the body assigns anywhere, to places */
    ARRAY(Span) places;
    int level;
} Scope;

static Symbol *find_slot(const Scope *scope, const char *name)
{
    int i = map_get(scope->slots, name);
    return i < 0 || i >= scope->symbols.n ? NULL : &scope->symbols.data[i];
}

static void warn_unused(Scope *scope, const Symbol *symbol)
{
    if (diag_errors(scope->check->diag) || symbol->used || symbol->name.text[0] == '_' ||
        symbol->kind == SYMBOL_index)
        return;
    diag_warning(scope->check->diag, symbol->name.span, "%s '%s' is never used",
                 kind_names[symbol->kind], symbol->name.text);
}

static void declare(Scope *scope, SymbolKind kind, Name name)
{
    Symbol symbol = {name, kind, scope->level, true, false};
    if (map_add(scope->slots, name.text, scope->symbols.n))
        PUSH(scope->check->arena, scope->symbols, symbol);
    else
        *find_slot(scope, name.text) = symbol;
}

/* For what must be new: inputs, params and a repeat's index. */
static void declare_new(Scope *scope, SymbolKind kind, Name name)
{
    const Symbol *slot = find_slot(scope, name.text);
    if (map_get(scope->check->consts, name.text) >= 0) {
        diag_error(scope->check->diag, name.span, "'%s' is a const; choose another name",
                   name.text);
    } else if (slot && slot->live) {
        diag_error(scope->check->diag, name.span, "there is a '%s' already", name.text);
        diag_note(scope->check->diag, slot->name.span, "this %s", kind_names[slot->kind]);
    } else {
        declare(scope, kind, name);
    }
}

static void assign(Scope *scope, Name name)
{
    Symbol *slot = find_slot(scope, name.text);
    if (strcmp(name.text, "_") == 0)
        return;
    if (!slot || !slot->live) {
        if (map_get(scope->check->consts, name.text) >= 0)
            diag_error(scope->check->diag, name.span, "'%s' is a const and cannot be assigned",
                       name.text);
        else
            declare(scope, SYMBOL_variable, name);
    } else if (slot->kind == SYMBOL_param || slot->kind == SYMBOL_index) {
        diag_error(scope->check->diag, name.span, "'%s' is a %s and cannot be assigned", name.text,
                   kind_names[slot->kind]);
        diag_note(scope->check->diag, slot->name.span, "it is declared here");
    }
}

static void offer_names(const Scope *scope, Nearest *nearest)
{
    const Ast *ast = scope->check->ast;
    for (int i = 0; i < scope->symbols.n; i++)
        if (scope->symbols.data[i].live)
            nearest_offer(nearest, scope->symbols.data[i].name.text);
    for (int i = 0; i < ast->consts.n; i++)
        nearest_offer(nearest, ast->consts.data[i].name.text);
}

static void unknown_name(Scope *scope, Name name)
{
    const Symbol *hidden = find_slot(scope, name.text);
    int later = map_get(scope->later, name.text);
    Nearest nearest = nearest_start(name.text);
    if (!diag_is_full(scope->check->diag))
        offer_names(scope, &nearest);
    if (hidden) {
        diag_error(scope->check->diag, name.span, "'%s' has no value outside its repeat",
                   name.text);
        diag_note(scope->check->diag, hidden->name.span,
                  "it gets its value here; give it one before the repeat too");
    } else if (later >= 0) {
        diag_error(scope->check->diag, name.span, "'%s' has no value yet", name.text);
        diag_note(scope->check->diag, scope->places.data[later], "it gets its first one here");
    } else {
        diag_error(scope->check->diag, name.span, "unknown name '%s'%s", name.text,
                   nearest_hint(scope->check->arena, &nearest));
    }
}

static void use(Scope *scope, Name name)
{
    Symbol *slot = find_slot(scope, name.text);
    if (slot && slot->live)
        slot->used = true;
    else if (map_get(scope->check->consts, name.text) < 0)
        unknown_name(scope, name);
}

/* Whether an operator's argument may be a word that is no name of a value: `reduction = none`. */
static bool may_be_word(const Operator *row, const Arg *arg, int position)
{
    if (!row || arg->value->kind != EXPR_name)
        return false;
    const OpParam *param =
        arg->name.text ? operator_param(row, arg->name.text) : operator_param_at(row, position);
    return param && (param->type == PARAM_WORD || param->type == PARAM_INIT);
}

static void use_expr(void *context, const Expr *expr)
{
    Scope *scope = context;
    if (expr->kind == EXPR_name) {
        use(scope, (Name){expr->text, expr->span});
    } else if (expr->kind == EXPR_call) {
        const Operator *row = operator_find(expr->call.callee.text);
        for (int i = 0; i < expr->call.args.n; i++)
            if (!may_be_word(row, &expr->call.args.data[i], i))
                use_expr(scope, expr->call.args.data[i].value);
    } else {
        visit_parts(expr, use_expr, scope);
    }
}

static void walk_body(Scope *scope, const Stmts *body);

static void walk_repeat(Scope *scope, const Repeat *repeat)
{
    scope->level++;
    declare_new(scope, SYMBOL_index, repeat->index);
    walk_body(scope, &repeat->body);
    scope->level--;
    for (int i = 0; i < scope->symbols.n; i++) {
        Symbol *symbol = &scope->symbols.data[i];
        if (!symbol->live || symbol->level <= scope->level)
            continue;
        symbol->live = false;
        warn_unused(scope, symbol);
    }
}

static void walk_stmt(Scope *scope, const Stmt *stmt)
{
    visit_stmt_exprs(stmt, use_expr, scope);
    switch (stmt->kind) {
    case STMT_assign:
        for (int i = 0; i < stmt->assign.targets.n; i++)
            assign(scope, stmt->assign.targets.data[i]);
        break;
    case STMT_block: walk_body(scope, &stmt->block.body); break;
    case STMT_repeat: walk_repeat(scope, &stmt->repeat); break;
    case STMT_param: declare_new(scope, SYMBOL_param, stmt->param.name); break;
    case STMT_input: declare_new(scope, SYMBOL_input, stmt->input.name); break;
    case STMT_output:
        for (int i = 0; i < stmt->outputs.n; i++)
            use(scope, stmt->outputs.data[i]);
        break;
    case STMT_loss:
    case STMT_return: break;
    }
}

static void walk_body(Scope *scope, const Stmts *body)
{
    for (int i = 0; i < body->n; i++)
        walk_stmt(scope, body->data[i]);
}

static void collect_later(void *context, const Stmt *stmt, int depth)
{
    Scope *scope = context;
    (void)depth;
    if (stmt->kind != STMT_assign)
        return;
    for (int i = 0; i < stmt->assign.targets.n; i++) {
        Name name = stmt->assign.targets.data[i];
        if (map_add(scope->later, name.text, scope->places.n))
            PUSH(scope->check->arena, scope->places, name.span);
    }
}

static Scope scope_new(Check *check, const Stmts *body)
{
    Arena *arena = check->arena;
    Scope scope = {.check = check, .slots = map_new(arena), .later = map_new(arena)};
    visit_stmts(body, collect_later, &scope);
    return scope;
}

static void walk_scope(Scope *scope, const Stmts *body)
{
    walk_body(scope, body);
    for (int i = 0; i < scope->symbols.n; i++)
        if (scope->symbols.data[i].live)
            warn_unused(scope, &scope->symbols.data[i]);
}

/* A default may use consts and the parameters before it. */
static void module_names(Check *check, const Module *module)
{
    Scope scope = scope_new(check, &module->body);
    for (int i = 0; i < module->params.n; i++) {
        if (module->params.data[i].value)
            use_expr(&scope, module->params.data[i].value);
        declare(&scope, SYMBOL_argument, module->params.data[i].name);
    }
    walk_scope(&scope, &module->body);
}

void rule_names(Check *check)
{
    for (int i = 0; i < check->ast->modules.n; i++)
        module_names(check, &check->ast->modules.data[i]);
    for (int i = 0; i < check->ast->models.n; i++) {
        const Stmts *body = &check->ast->models.data[i].body;
        Scope scope = scope_new(check, body);
        walk_scope(&scope, body);
    }
}
