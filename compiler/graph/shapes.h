/* What an operator makes of its operands, as far as shapes and dtypes go: a rule `shape_NAME` for
 * each row OPERATOR of the table; elementwise rows share one. The rules also say which parameters
 * an operator creates where the user gave none (linear's weight and bias).
 *
 * An EXPANDED node's inputs are its tensors in the order of the row's signature, absent ones left
 * out: linear x, weight[, bias]; embedding ids, weight; layer_norm x, weight, bias; softmax
 * x[, mask]; cross_entropy logits, labels; masked_mean x, weight; concat all of its tensors. */
#ifndef SHAPES_H
#define SHAPES_H

#include "graph/graph.h"

/* A tensor or a number. */
typedef struct {
    bool given;  /* false: the user left this tensor out */
    bool scalar; /* a number: rank 0, fits any dtype */
    Shape shape;
    Dtype dtype;
} Operand;

/* A parameter to create and to pass at `position` of the operands. */
typedef struct {
    const char *name; /* "weight", "bias" */
    int position;
    Shape shape;
    Init init; /* the default; the attribute `init` of the call, where given, replaces weight's */
} NewParameter;

enum { MAX_NEW_PARAMETERS = 2 };

typedef struct {
    const char *error; /* NULL, or what is wrong, without a position: "needs 2 axes, has [3]" */
    int culprit;       /* the operand that the error is about, or -1 */
    Operand *outputs;
    int n_outputs;
    NewParameter parameters[MAX_NEW_PARAMETERS];
    int n_parameters;
} OpShapes;

/* operands: one for each tensor of the row's signature, in its order, not `given` where left out
 * (for a variadic row: as many as there are); attrs: by position in the signature, defaults filled
 * in (an optional one without a default has `given` false; linear's `bias = false`: attr i == 0).
 * n_wanted: how many values the user takes. A float tensor is f32 whatever the precision. */
OpShapes op_infer(Arena *arena, OpKind op, const Operand *operands, int n_operands,
                  const Attr *attrs, int n_wanted);

/* How many tensors the row's signature has; a variadic one counts once. */
int op_operands(const Operator *row);

/* An axis that may be negative, as 0..rank-1; -1 where out of range. */
int axis_of(int64_t axis, int rank);

#endif
