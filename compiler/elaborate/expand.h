/* From the tree to the graph: modules become instances, repeats are unrolled, shapes are known. */
#ifndef EXPAND_H
#define EXPAND_H

#include "elaborate/constant.h"
#include "graph/graph.h"

/* Requires a tree that check_ast found no error in. Gives a graph of STAGE_EXPANDED: nodes in the
 * order written, every parameter with its path and group, instances of equal structure under one
 * type, the train block resolved. NULL after errors, which are reported at the place in the text
 * with a note for each call around it. Linear in the size of the graph. */
Graph *expand(Arena *arena, const Ast *ast, const Consts *consts, Diag *diag);

#endif
