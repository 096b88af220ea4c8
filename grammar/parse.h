/* Text in, Ast out. Nothing here knows what a name means: operators are plain names. */
#ifndef PARSE_H
#define PARSE_H

#include "ast/ast.h"

/* Parses the source of diag and reports every syntax error there. The tree holds what could be
 * understood; after an error (diag_errors) it is for nothing but to be thrown away. */
Ast *parse_source(Arena *arena, Diag *diag);

#endif
