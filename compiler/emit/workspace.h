/* Memory that a GPU's kernels need beside their operands while they run. */
#ifndef WORKSPACE_H
#define WORKSPACE_H

#include "graph/graph.h"
#include "plan/problem.h"

/* Into how many parts the kernel `reduce` cuts each sum, so that the device is busy also where
 * there are few sums: 1 or more, from the shapes alone. The parts lie in workspace. */
int workspace_reduce_parts(const Program *program);

/* Sets the workspace of each node of a problem that was measured from the graph. */
void workspace_add(Problem *problem, const Graph *graph);

#endif
