/* Runs a graph of kernels in double precision, straight from what graph.h and program.h say: the
 * oracle for fusing and differentiating. Slow, for small tensors. */
#ifndef INTERPRETER_H
#define INTERPRETER_H

#include "graph/graph.h"

typedef struct {
    Arena *arena;
    const Graph *graph;
    double *
        *values; /* for each tensor: its elements; what has no producer is for the caller to set */
    bool poison; /* bytes that a node takes become NaN, so that a later read shows */
} Machine;

Machine machine_new(Arena *arena, const Graph *graph);
/* Runs all nodes, or one. */
void machine_run(Machine *machine);
void machine_run_node(Machine *machine, const Node *node);
/* The tensor of a name; -1 where there is none. */
int machine_find(const Machine *machine, const char *name);

/* The value of an expression of ops.def; values by ARG_A..ARG_P. */
double expression_value(const char *text, const double values[N_ARGS]);
/* A number in [0, 1) that depends on the two alone. */
double machine_uniform(uint32_t stream, int64_t element);

#endif
