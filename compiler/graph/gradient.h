/* What the parts of differentiation share: the gradients known so far, and nodes that add to them.
 *
 * Nodes of the forward graph are gone through from last to first. The gradient of a tensor is the
 * sum of what its readers contribute, in that order; the second and later contributions are added
 * in place. A gradient that equals another one (a residual connection) is the same tensor, as long
 * as nothing is added to it. */
#ifndef GRADIENT_H
#define GRADIENT_H

#include "graph/build.h"

typedef struct {
    int tensor;      /* of `to`, or -1 */
    bool everywhere; /* the tensor is a scalar that stands for every element */
    double constant; /* and this is to be added to every element */
    int n_parts;
} Gradient;

typedef struct {
    Arena *arena;
    const Graph *from; /* FUSED */
    Graph *to;         /* TRAINING; tensors and nodes of `from` keep their numbers */
    int *root;    /* for each tensor of `from`: the parameter that it is a cast of, or itself */
    bool *needed; /* for each tensor of `from`: a parameter's gradient needs its gradient */
    Gradient *gradient; /* for each tensor of `from` */
    int *holders;       /* for each tensor of `to`: of how many tensors it is the gradient */
    int n_holders;
    int node;  /* the forward node that is being differentiated */
    Dtype sum; /* dtype of statistics */
} Diff;

/* True where some gradient of the tensor is known. */
bool gradient_known(const Diff *diff, int of);
/* The gradient as a whole tensor of `to`: makes one where it is a number everywhere. */
int gradient_whole(Diff *diff, int of);
/* Lets go of the gradient of a tensor whose producer has been differentiated. */
void gradient_release(Diff *diff, int of);

/* A new tensor of `to`. */
int diff_tensor(Diff *diff, Tensor tensor);
/* A new backward node of diff->node. */
Node *diff_node(Diff *diff, OpKind op, int n_inputs, const int *inputs, int n_outputs,
                const int *outputs);

/* A contribution to the gradient of `of` (a root) by a node that writes `tensor`. */
typedef struct {
    int of, tensor;
    int onto; /* the tensor whose bytes are taken and added to, or -1 */
    int rest; /* a tensor that is still to be added, or -1 */
    bool rest_everywhere;
} Target;

/* in_place: the node that follows can add to what is there. Otherwise, or where what is there must
 * stay, target_end adds the two. */
Target target_begin(Diff *diff, int of, bool in_place);
/* The gradient becomes target->tensor; a node for the rest. */
void target_end(Diff *diff, const Target *target);

/* The gradient of `of` becomes the same tensor as that of the output, or the same scalar. */
void gradient_share(Diff *diff, int of, const Gradient *gradient);

/* Rules: what a forward node contributes to the gradients of its inputs. */
void backward_program(Diff *diff, const Node *node);
void backward_matmul(Diff *diff, const Node *node);
void backward_embedding(Diff *diff, const Node *node);
void backward_copy(Diff *diff, const Node *node);

#endif
