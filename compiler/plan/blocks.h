/* The forward pass cut into a chain of blocks where few values cross, which is where a segment may
 * begin or end cheaply. */
#ifndef PLAN_BLOCKS_H
#define PLAN_BLOCKS_H

#include "plan/problem.h"

typedef struct {
    int *node; /* the forward nodes in base order */
    int n_nodes;
    int *end; /* [n] block k is node[end[k - 1]] .. before node[end[k]] (end[-1] is 0) */
    int n;
} Blocks;

Blocks blocks_find(Arena *arena, const Problem *problem);

#endif
