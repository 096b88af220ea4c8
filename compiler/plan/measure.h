/* The training graph as numbers: all that planning may know of it. */
#ifndef MEASURE_H
#define MEASURE_H

#include "graph/graph.h"
#include "plan/device.h"
#include "plan/problem.h"

/* Value i is tensor i, node i is node i, instance i is instance i. Requires a verified graph of
 * STAGE_TRAINING; diag is asked for line numbers only. */
Problem *measure(Arena *arena, const Graph *graph, const Device *device, size_t alignment,
                 const Diag *diag);

#endif
