/* Everything about a model that can be checked before shapes are known. */
#ifndef ELABORATE_CHECK_H
#define ELABORATE_CHECK_H

#include "elaborate/constant.h"

/* Requires a tree without syntax errors. Runs every rule, reports all errors in the order of their
 * places; warns of names that are never used. After no error: there is exactly one model and at
 * most one train block, every name in an expression and every callee is known (but for words that
 * are options), calls of modules fit their parameters, and modules do not call themselves. */
void check_ast(Arena *arena, const Ast *ast, Diag *diag);

#endif
