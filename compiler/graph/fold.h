/* What fuse.c and fold.c share: a graph of kernels that is being joined. */
#ifndef FOLD_H
#define FOLD_H

#include "graph/build.h"

typedef struct {
    Arena *arena;
    Graph *graph;
    int *n_readers; /* for each tensor: how many nodes read it */
    int *boundary;  /* for each node */
    bool *named;    /* for each tensor: a loss or an output */
    bool *gone;     /* for each node: joined to another, or of no use */
    Map *names;     /* of the tensors, where precisions differ */
} Fuse;

/* The node that writes a tensor; NULL where none does. */
Node *fuse_producer(const Fuse *fuse, int tensor);
/* "linear+gelu": operators in the order in which they run. */
const char *fuse_what(Arena *arena, const char *first, const char *then);

/* Gives a bias that node n adds, and nothing else, to the matmul before it. */
void fold_bias(Fuse *fuse, int n);
/* Lets node n, a copy, read what the copy before it reads. */
void fold_copy(Fuse *fuse, int n);

#endif
