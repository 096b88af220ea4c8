/* EXPANDED to FUSED. */
#ifndef FUSE_H
#define FUSE_H

#include "graph/graph.h"

/* Requires a graph of stage EXPANDED that graph_verify accepts; ensures one of stage FUSED with the
 * same parameters, inputs, losses and outputs, where an elementwise operator or row reduction is in
 * its only consumer's kernel as far as marks allow:
 *   - what is lost, returned or marked `keep` is a tensor;
 *   - kernels do not reach over checkpoint marks or turns of a `repeat`;
 *   - a kernel reads at most FUSED_INPUTS tensors.
 * Operators that reach neither a loss nor an output are dropped. */
enum { FUSED_INPUTS = 12, FUSED_INSTRS = 96 };
Graph *graph_fuse(Arena *arena, const Graph *expanded);

#endif
