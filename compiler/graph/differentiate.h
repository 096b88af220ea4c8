/* FUSED to TRAINING. */
#ifndef DIFFERENTIATE_H
#define DIFFERENTIATE_H

#include "graph/graph.h"

/* Requires a graph of stage FUSED; ensures one of stage TRAINING: the same forward nodes (which may
 * also store statistics, one value a row), then backward and update nodes, in an order that can
 * run.
 *   - A parameter's gradient is the tensor PARAM.grad; its states are PARAM.m and so on.
 *   - An update follows the last node that reads the parameter; with clipping, all updates follow
 * the sums of squares (graph.norms).
 *   - Names of backward nodes are those of their forward nodes.
 * A parameter on which no loss depends is an error. NULL after errors. */
Graph *graph_differentiate(Arena *arena, const Graph *fused, Diag *diag);

#endif
