/* Small EXPANDED graphs by hand, for tests that need no language. */
#ifndef SKETCH_H
#define SKETCH_H

#include "graph/graph.h"

typedef struct {
    Arena *arena;
    Graph *graph;
    int instance; /* where new tensors and nodes go */
} Sketch;

Sketch sketch_new(Arena *arena, Dtype precision);
/* "3,5" is [3, 5], "" a scalar. */
Shape sketch_shape(const char *sizes);
int sketch_input(Sketch *sketch, const char *name, const char *sizes, Dtype dtype);
int sketch_param(Sketch *sketch, const char *name, const char *sizes);
/* Applies an operator to tensors (in the order of its signature); attrs as `axis=1 keep=true
 * shape=2,3`. Tensors that it creates itself become parameters NAME.weight, NAME.bias. Returns the
 * first output; the others have the next numbers. */
int sketch_apply(Sketch *sketch, const char *name, OpKind op, const char *attrs, int n_outputs,
                 int n_inputs, const int *inputs);
/* One and two tensors. */
int sketch_unary(Sketch *sketch, const char *name, OpKind op, const char *attrs, int x);
int sketch_binary(Sketch *sketch, const char *name, OpKind op, int x, int y);
void sketch_loss(Sketch *sketch, const char *name, int tensor);
/* A loss that depends on each element differently: sum(x w), w an input NAME.w. */
void sketch_probe(Sketch *sketch, const char *name, int tensor);

#endif
