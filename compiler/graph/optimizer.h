/* The table of optimizers, and the update nodes that they make. */
#ifndef OPTIMIZER_H
#define OPTIMIZER_H

#include "graph/graph.h"

typedef struct {
    const char *name, *signature, *help;
    OpParam params[MAX_PARAMS];
    int n_params;
} Optimizer;

/* Row i of optimizers.def; NULL past the last. */
const Optimizer *optimizer_row(int i);
/* The row of a name, or -1. */
int optimizer_find(const char *name);
/* Sets the field of Hyper that a parameter of the signatures names; `second` is for pairs. Returns
 * false where there is no such field. */
bool hyper_set(Hyper *hyper, const char *param, double first, double second);

/* Appends the node that updates `parameter` in place from `gradient` (tensors of the graph), and
 * the tensors of its states. norm: the sum of squares of the gradients that are clipped together,
 * or -1. */
void optimizer_update(Arena *arena, Graph *graph, int parameter, int gradient, int norm);

#endif
