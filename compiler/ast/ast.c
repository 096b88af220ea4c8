/* Constructors of the tree, in an arena. */
#include "ast/ast.h"

static Expr *expr_new(Arena *arena, Span span, ExprKind kind)
{
    Expr *expr = NEW(arena, Expr);
    expr->kind = kind;
    expr->span = span;
    expr->depth = 1;
    return expr;
}

static void deepen(Expr *expr, const Expr *part)
{
    if (expr->depth < part->depth + 1)
        expr->depth = part->depth + 1;
}

Expr *ast_number(Arena *arena, Span span, Number number)
{
    Expr *expr = expr_new(arena, span, EXPR_number);
    expr->number = number;
    return expr;
}

Expr *ast_bool(Arena *arena, Span span, bool truth)
{
    Expr *expr = expr_new(arena, span, EXPR_bool);
    expr->truth = truth;
    return expr;
}

Expr *ast_text(Arena *arena, Span span, ExprKind kind, const char *text)
{
    Expr *expr = expr_new(arena, span, kind);
    expr->text = text;
    return expr;
}

Expr *ast_items(Arena *arena, Span span, ExprKind kind, Exprs items)
{
    Expr *expr = expr_new(arena, span, kind);
    expr->items = items;
    for (int i = 0; i < items.n; i++)
        deepen(expr, items.data[i]);
    return expr;
}

Expr *ast_negate(Arena *arena, Span span, Expr *operand)
{
    Expr *expr = expr_new(arena, span, EXPR_negate);
    expr->operand = operand;
    deepen(expr, operand);
    return expr;
}

Expr *ast_binary(Arena *arena, char op, Expr *left, Expr *right)
{
    Expr *expr = expr_new(arena, (Span){left->span.start, right->span.end}, EXPR_binary);
    expr->binary = (Binary){op, left, right};
    deepen(expr, left);
    deepen(expr, right);
    return expr;
}

Expr *ast_call(Arena *arena, Span span, Name callee, Args args)
{
    Expr *expr = expr_new(arena, span, EXPR_call);
    expr->call.callee = callee;
    expr->call.args = args;
    for (int i = 0; i < args.n; i++)
        deepen(expr, args.data[i].value);
    return expr;
}

Stmt *ast_stmt(Arena *arena, Span span, StmtKind kind)
{
    Stmt *stmt = NEW(arena, Stmt);
    stmt->kind = kind;
    stmt->span = span;
    return stmt;
}

const Stmts *ast_body(const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_block: return &stmt->block.body;
    case STMT_repeat: return &stmt->repeat.body;
    default: return NULL;
    }
}

const char *ast_mark(Mark mark)
{
    static const char *const names[] = {NULL, "checkpoint", "keep"};
    return names[mark];
}
