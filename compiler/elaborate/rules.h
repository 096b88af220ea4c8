/* What the rules of check share. A rule is a function of this type and a row in check.c's table. */
#ifndef RULES_H
#define RULES_H

#include "elaborate/check.h"

typedef struct {
    Arena *arena;
    Diag *diag;
    const Ast *ast;
    Map *consts, *modules; /* to the first of a name */
} Check;

typedef void Rule(Check *check);

Rule rule_consts, rule_modules, rule_one_model, rule_one_train;              /* check.c */
Rule rule_recursion, rule_calls, rule_values, rule_instance_names;           /* rules_calls.c */
Rule rule_places, rule_returns, rule_losses, rule_outputs, rule_assignments; /* rules_body.c */
Rule rule_names;                                                             /* rules_names.c */
Rule rule_train;                                                             /* rules_train.c */

/* The module of a name, or NULL. */
const Module *check_module(const Check *check, const char *name);

/* Calls visit for every statement of a body, those inside blocks and repeats too; depth counts the
 * bodies around it. */
typedef void VisitStmt(void *context, const Stmt *stmt, int depth);
void visit_stmts(const Stmts *body, VisitStmt *visit, void *context);

/* Calls visit for every expression directly in a statement (not in its body), outermost only. */
typedef void VisitExpr(void *context, const Expr *expr);
void visit_stmt_exprs(const Stmt *stmt, VisitExpr *visit, void *context);
/* Calls visit for expr and everything in it, parts before the whole. */
void visit_expr(const Expr *expr, VisitExpr *visit, void *context);
/* Calls visit for every part of expr, not for what is in them. */
void visit_parts(const Expr *expr, VisitExpr *visit, void *context);

/* visit_expr for everything in a module's defaults and body. */
void visit_module_exprs(const Module *module, VisitExpr *visit, void *context);
/* visit_expr for everything in all bodies and defaults of modules and models. */
void visit_all_exprs(const Ast *ast, VisitExpr *visit, void *context);

#endif
