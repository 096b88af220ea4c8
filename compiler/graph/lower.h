/* What each operator is made of: programs of elementwise instructions and row reductions, and
 * kernels. A rule `lower_NAME` for each row OPERATOR; elementwise rows share one. */
#ifndef LOWER_H
#define LOWER_H

#include "graph/build.h"

typedef struct {
    Arena *arena;
    const Graph *from;
    Graph *to;
    int *value;       /* for each tensor of `from`: the tensor of `to` that holds its elements */
    bool *is_sum;     /* for each tensor of `from`: made by reductions alone, in their precision */
    Map *casts;       /* names of copies in the precision of activations, to tensors of `to` */
    const Node *node; /* what is being lowered; its tensors are of `from` */
    Dtype activation; /* dtype of activations */
    Dtype sum;        /* dtype of sums, statistics and losses */
} Lower;

/* A program in the making that reads tensors of `to`. */
typedef struct {
    Lower *lower;
    Reading to;
} Saying;

/* The domain is the shape, with a row of one where it is a scalar. */
Saying say(Lower *lower, const Shape *domain);
/* Operand i of the node (a tensor or a number), broadcast into the domain; per row where its shape
 * is that of the domain without the last axis and `rows` is set. */
int say_operand(Saying *saying, int i, bool rows);
/* A tensor of `to`, seen in shape `as` of the domain's rank. */
int say_tensor(Saying *saying, int tensor, const Shape *as);
/* Makes the node; the program's output `instr` of shape `as` becomes the tensor `to`. */
void say_done(Saying *saying, int instr, const Shape *as, int to);

/* Attribute of the node by name. */
const Attr *lower_attr(const Lower *lower, const char *name);
/* The shape of operand i as the user sees it. */
const Shape *lower_shape(const Lower *lower, int i);
/* The tensor of `to` that holds operand i. */
int lower_operand(const Lower *lower, int i);
/* Operand i in the precision of activations. */
int lower_matrix(Lower *lower, int i);
/* A new tensor of `to` for output i of the node. */
int lower_output(Lower *lower, int i, Dtype dtype);
/* A new tensor between two kernels of one operator, NAME.SUFFIX. */
int lower_between(Lower *lower, const char *suffix, Shape shape, Dtype dtype);
/* A node that is a kernel: name, instance and span as the operator's. */
int lower_kernel(Lower *lower, OpKind kernel, int n_inputs, const int *inputs, int n_outputs,
                 const int *outputs);

typedef void LowerRule(Lower *);

LowerRule lower_linear, lower_matmul, lower_embedding, lower_layer_norm, lower_softmax,
    lower_reshape, lower_transpose, lower_permute, lower_split, lower_concat, lower_slice,
    lower_sum, lower_mean, lower_max, lower_cross_entropy, lower_masked_mean;

/* Copies along an axis and across axes: lower_copy.c. `from` and `to` are tensors of lower->to;
 * `shape` is that of `from`; order as of permute. */
void lower_permuted(Lower *lower, int from, const Shape *shape, const int *order, int to);

/* EXPANDED to FUSED, each operator by itself: what graph_fuse starts from. */
Graph *graph_lower(Arena *arena, const Graph *expanded);

#endif
