/* Small constructors of graphs. */
#ifndef BUILD_H
#define BUILD_H

#include "graph/graph.h"

/* Appends a copy; returns its number. Growing moves tensors[] and nodes[]. */
int graph_add_tensor(Arena *arena, Graph *graph, Tensor tensor);
int graph_add_node(Arena *arena, Graph *graph, Node node);
int graph_add_instance(Arena *arena, Graph *graph, Instance instance);

/* An array of n integers in the arena. */
int *ints(Arena *arena, int n, const int *values);
/* n times -1. */
int *nones(Arena *arena, int n);
/* Tensors of class activation and the like have these where nothing else is said. */
Tensor tensor_default(const char *name, Shape shape, Dtype dtype, TensorClass class);

/* A shape widened by leading ones to `rank` axes (to one at least: a scalar has a row of one). */
Shape shape_widened(const Shape *shape, int rank);
/* The shape with a 1 for its last axis. */
Shape shape_rows(const Shape *shape);

/* A program in the making together with the tensors that its inputs read. */
typedef struct {
    Builder b;
    int *tensors, n_tensors;
} Reading;

Reading reading_begin(Arena *arena, const Shape *domain);
/* The instruction that reads a tensor in shape `as`, from `offset` elements on. */
int reading_tensor(Reading *reading, int tensor, const Shape *as, int64_t offset);
/* The finished program; *inputs are the tensors of its inputs. */
Program *reading_finish(Reading *reading, int **inputs);

/* The nearest instance, from `instance` up, that is a boundary: a checkpoint mark, or a turn of a
 * `repeat`; 0 where there is none. Kernels do not reach over boundaries. */
int instance_boundary(const Graph *graph, int instance);

#endif
