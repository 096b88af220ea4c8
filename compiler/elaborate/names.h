/* Names of instances and tensors, worked out once for each place in the text, before expansion.
 *
 * In one scope (a module, the model, or a block with a name) a call is named by `as`, otherwise by
 * the callee in snake case, with a number from its second use on: linear, linear2. Where an
 * operator that owns no parameter gives its values to variables that are assigned nowhere else, the
 * variables' names are used. Within a repeat the expander appends the index. */
#ifndef NAMES_H
#define NAMES_H

#include "ast/ast.h"

typedef struct NameScope NameScope;

typedef struct {
    const char *name; /* NULL until asked for, where nothing but an operator may come of it */
    const char *base;
    NameScope *scope;
    const Names *values; /* variables that may name its values, or NULL */
} Site;

/* By Expr.site and Stmt.site. */
Site *names_of_sites(Arena *arena, const Ast *ast);

/* Arithmetic takes a number only if it is asked for its name, since most of it is folded away. */
const char *site_name(Site *site);

#endif
