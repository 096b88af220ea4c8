/* The operator table as data: one Operator for each row of ops.def. */
#ifndef OPS_H
#define OPS_H

#include "base/base.h"

typedef enum {
#define ELEMENTWISE(name, signature, value, by_a, by_b, help) OP_##name,
#define OPERATOR(name, signature, help)                       OP_##name,
#define KERNEL(name, help)                                    KERNEL_##name,
#include "graph/ops.def"
#undef ELEMENTWISE
#undef OPERATOR
#undef KERNEL
    N_OPS
} OpKind;

typedef enum { OP_IS_ELEMENTWISE, OP_IS_OPERATOR, OP_IS_KERNEL } OpGroup;

/* What the text of an elementwise expression names. */
enum {
    NAMES_G = 1 << 0,
    NAMES_A = 1 << 1,
    NAMES_B = 1 << 2,
    NAMES_Y = 1 << 3,
    NAMES_U = 1 << 4,
    NAMES_P = 1 << 5
};

/* The three expressions of an elementwise row. */
typedef enum { PART_VALUE, PART_BY_A, PART_BY_B, N_PARTS } OpPart;

typedef enum {
    PARAM_TENSOR,
    PARAM_TENSOR_OR_BOOL, /* linear's bias */
    PARAM_INT,
    PARAM_FLOAT,
    PARAM_BOOL,
    PARAM_LIST, /* of integers */
    PARAM_WORD,
    PARAM_INIT,
    PARAM_PAIR /* of floats: betas */
} ParamType;

enum { MAX_PARAMS = 8 };

/* One parameter of a signature, as written in the table. */
typedef struct {
    const char *name;
    ParamType type;
    bool variadic;             /* `*xs`: takes all leading tensors */
    bool optional;             /* `?` or a default */
    const char *default_value; /* as written, or NULL */
} OpParam;

typedef struct {
    const char *name;
    OpGroup group;
    bool internal;         /* the user cannot write it */
    const char *signature; /* as help and messages print it */
    const char *help;
    OpParam params[MAX_PARAMS];
    int n_params;
    const char *part[N_PARTS]; /* elementwise: expressions; NULL or "" where there is none */
    unsigned names[N_PARTS];   /* elementwise: NAMES_ bits of each expression */
    int arity;                 /* elementwise: 1 or 2 tensors or scalars */
} Operator;

/* Reads a signature, `name(x, p: float = 0.1)`, into at most MAX_PARAMS params; returns how many.
 * Names and defaults are copies that live as long as the program. A bad signature is a bug of ours.
 */
int signature_parse(const char *signature, OpParam *params);

/* The row of an operator. The table is made at the first call and never freed. */
const Operator *op_row(OpKind op);
/* The operator a user means by a name, or -1; internal rows and kernels are not found. */
int op_find(const char *name);

#endif
