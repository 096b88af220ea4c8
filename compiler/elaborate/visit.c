/* Walks over statements and expressions, for the rules of check. */
#include "elaborate/rules.h"

static void visit_body(const Stmts *body, VisitStmt *visit, void *context, int depth)
{
    for (int i = 0; i < body->n; i++) {
        const Stmt *stmt = body->data[i];
        visit(context, stmt, depth);
        if (ast_body(stmt))
            visit_body(ast_body(stmt), visit, context, depth + 1);
    }
}

void visit_stmts(const Stmts *body, VisitStmt *visit, void *context)
{
    visit_body(body, visit, context, 0);
}

static void visit_list(const Exprs *exprs, VisitExpr *visit, void *context)
{
    for (int i = 0; i < exprs->n; i++)
        visit(context, exprs->data[i]);
}

void visit_stmt_exprs(const Stmt *stmt, VisitExpr *visit, void *context)
{
    switch (stmt->kind) {
    case STMT_assign: visit(context, stmt->assign.value); break;
    case STMT_repeat: visit(context, stmt->repeat.count); break;
    case STMT_param:
        visit_list(&stmt->param.type.dims, visit, context);
        visit(context, stmt->param.init);
        break;
    case STMT_input: visit_list(&stmt->input.type.dims, visit, context); break;
    case STMT_loss: visit(context, stmt->loss.value); break;
    case STMT_return: visit_list(&stmt->values, visit, context); break;
    case STMT_block:
    case STMT_output: break;
    }
}

void visit_parts(const Expr *expr, VisitExpr *visit, void *context)
{
    switch (expr->kind) {
    case EXPR_list:
    case EXPR_tuple: visit_list(&expr->items, visit, context); break;
    case EXPR_negate: visit(context, expr->operand); break;
    case EXPR_binary:
        visit(context, expr->binary.left);
        visit(context, expr->binary.right);
        break;
    case EXPR_call:
        for (int i = 0; i < expr->call.args.n; i++)
            visit(context, expr->call.args.data[i].value);
        break;
    case EXPR_number:
    case EXPR_bool:
    case EXPR_string:
    case EXPR_name: break;
    }
}

typedef struct {
    VisitExpr *visit;
    void *context;
} ExprWalk;

static void walk_expr(void *context, const Expr *expr)
{
    ExprWalk *walk = context;
    visit_parts(expr, walk_expr, walk);
    walk->visit(walk->context, expr);
}

void visit_expr(const Expr *expr, VisitExpr *visit, void *context)
{
    ExprWalk walk = {visit, context};
    walk_expr(&walk, expr);
}

static void walk_stmt(void *context, const Stmt *stmt, int depth)
{
    (void)depth;
    visit_stmt_exprs(stmt, walk_expr, context);
}

void visit_module_exprs(const Module *module, VisitExpr *visit, void *context)
{
    ExprWalk walk = {visit, context};
    for (int i = 0; i < module->params.n; i++)
        if (module->params.data[i].value)
            walk_expr(&walk, module->params.data[i].value);
    visit_stmts(&module->body, walk_stmt, &walk);
}

void visit_all_exprs(const Ast *ast, VisitExpr *visit, void *context)
{
    ExprWalk walk = {visit, context};
    for (int i = 0; i < ast->modules.n; i++)
        visit_module_exprs(&ast->modules.data[i], visit, context);
    for (int i = 0; i < ast->models.n; i++)
        visit_stmts(&ast->models.data[i].body, walk_stmt, &walk);
}
