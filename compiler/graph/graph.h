/* The graph of a model. One type serves three stages, and `stage` says which:
 *
 *   EXPANDED  one node for each operator the user wrote (rows ELEMENTWISE and OPERATOR of ops.def),
 *             forward only, in the order written;
 *   FUSED     kernels only (rows KERNEL), forward only;
 *   TRAINING  kernels only: forward, backward and update nodes, in a legal base order.
 *
 * Tensors are values: each is written by one node, once. Bytes are shared only through Node.takes.
 */
#ifndef GRAPH_H
#define GRAPH_H

#include "base/diag.h"
#include "graph/program.h"

typedef enum { STAGE_EXPANDED, STAGE_FUSED, STAGE_TRAINING } GraphStage;

typedef enum { INIT_NONE, INIT_CONSTANT, INIT_NORMAL, INIT_UNIFORM } InitKind;

/* constant(a); normal(mean a, deviation b); uniform(from a to b). xavier and kaiming are one of
 * these by the time they get here. */
typedef struct {
    InitKind kind;
    double a, b;
} Init;

typedef struct {
    const char *name; /* unique: `layer[3].attn.scores` */
    Shape shape;
    Dtype dtype;
    TensorClass class;
    int producer;    /* the node that writes it, or -1: parameters, optimizer state, inputs, step */
    int origin;      /* gradient: of which tensor; optimizer state: of which parameter; else -1 */
    int group;       /* parameter: which of train.groups */
    int instance;    /* where it was made */
    int64_t classes; /* input of dtype i32: values are 0..classes-1 (as its use needs), 0 unknown */
    bool keep;       /* the user's mark: never recomputed */
    Init init;       /* parameter */
    Span span;
} Tensor;

/* A module's call, a marked block, or one turn of a `repeat`: a tree with the model at 0. */
typedef struct {
    const char *path;   /* "" for the model, `layer[3]`, `layer[3].attn` */
    const char *module; /* what is called, or NULL for a block */
    int parent;
    int index;       /* in a repeat, else -1 */
    bool checkpoint; /* the user's mark */
    int type;        /* instances of equal structure and shapes share it (constants may differ) */
    Span span;
} Instance;

/* An argument of an operator that is not a tensor; which field holds it is the parameter's type. */
typedef struct {
    bool given;
    int64_t i; /* int, bool */
    double f;
    const char *word;
    int64_t *list;
    int n_list;
} Attr;

/* A batched product C[batch][m, n] (+)= A' B' (+ bias[n]), row-major. Steps and leading sizes are
 * in elements; a step of 0 in c means that the batch is summed into one C, in order. */
enum { MATMUL_BATCH = 4 };
typedef struct {
    int64_t m, n, k;
    bool transpose_a, transpose_b; /* A is stored [k, m], B is stored [n, k] */
    int64_t lda, ldb, ldc;
    int64_t batch[MATMUL_BATCH]; /* sizes, 1 where unused; outermost first */
    int64_t step_a[MATMUL_BATCH], step_b[MATMUL_BATCH], step_c[MATMUL_BATCH];
    double alpha;
    bool bias;       /* inputs[2] is bias[n] */
    bool accumulate; /* the last input is a C to add to; its bytes are taken */
} Matmul;

/* dst[i] = src[i] over a box of up to COPY_RANK axes, steps and offsets in elements. */
enum { COPY_RANK = MAX_RANK };
typedef struct {
    int64_t size[COPY_RANK]; /* 1 where unused; outermost first */
    int64_t step_to[COPY_RANK], step_from[COPY_RANK];
    int64_t offset_to, offset_from;
} CopyPart;

/* The kernel `copy`: part i reads inputs[i] and writes outputs[i] (or outputs[0] where there is
 * only one, as in concat; or reads inputs[0] where there is only one, as in split). */
typedef struct {
    CopyPart *parts;
    int n_parts;
    bool
        zero_first; /* bytes of outputs[0] that no part writes are zero (the gradient of a slice) */
    bool accumulate; /* the last input is an output to add to; its bytes are taken */
} Copy;

typedef struct {
    OpKind op;
    Phase phase;
    const char *name; /* forward: of its main output; backward: of the forward node it comes from */
    const char *what; /* operators in it, as the listing shows them: "linear", "add+gelu" */
    int *inputs, n_inputs; /* tensors; SCALAR_INPUT: scalars[i] instead (EXPANDED only) */
    int *outputs, n_outputs;
    int *takes; /* for each output: the position of the input whose bytes it must take, or -1 */
    const double *scalars;  /* EXPANDED: operands that are numbers */
    const Attr *attrs;      /* EXPANDED: by position in the row's signature */
    const Program *program; /* fused, reduce */
    const Matmul *matmul;
    const Copy *copy;
    bool accumulate; /* embedding_backward: the last input's bytes are taken and added to */
    bool replayable; /* false: has a side effect, is never run twice in a step */
    int forward;     /* backward: the forward node it belongs to; else -1 */
    int instance;
    uint32_t stream; /* EXPANDED dropout: its random stream, counted in the order written */
    Span span;
} Node;

enum { SCALAR_INPUT = -1 };

typedef struct {
    const char *name; /* as the user called it, or `loss` */
    int tensor;
} Named;

/* The optimizer's numbers for one group of parameters; what an optimizer does not use is 0. */
typedef struct {
    double lr, momentum, weight_decay, beta1, beta2, eps;
    bool nesterov;
} Hyper;

typedef struct {
    const char **patterns;
    int n_patterns;
    Hyper hyper;
    Span span;
} Group;

typedef enum { SCHEDULE_CONSTANT, SCHEDULE_LINEAR, SCHEDULE_COSINE } ScheduleKind;
typedef enum { CLIP_NONE, CLIP_GLOBAL, CLIP_GROUP } ClipKind;

/* One `field = constant(v)` or other option of a data source, as resolved. */
typedef struct {
    const char *name;
    const char *text; /* string options; NULL otherwise */
    double number;
    bool constant; /* number is constant(v) of the field `name` */
} DataOption;

typedef struct {
    const char *source; /* row of the table of data sources */
    DataOption *options;
    int n_options;
} Data;

typedef struct {
    const char *optimizer; /* row of graph/optimizers.def */
    Group *groups;         /* group 0 holds what no pattern matches */
    int n_groups;
    struct {
        ScheduleKind kind;
        double to; /* the rate at the end */
        int64_t steps, warmup;
    } schedule;
    struct {
        ClipKind kind;
        double max;
    } clip;
    Data data;
    int64_t steps;
    uint64_t seed;
    Dtype precision; /* f32, bf16, or f64 (for checking gradients) */
    bool has_budget;
    size_t budget_bytes;
    Span span;
} Train;

typedef struct {
    GraphStage stage;
    const char *name; /* of the model */
    Tensor *tensors;
    int n_tensors;
    Node *nodes;
    int n_nodes;
    Instance *instances;
    int n_instances;
    Named *losses, *outputs; /* loss tensors are scalars of the class output */
    int n_losses, n_outputs;
    int *inputs, n_inputs; /* inputs and targets, in the order declared */
    int step;            /* TRAINING: the tensor of the step's numbers (see graph/step.h), or -1 */
    int *norms, n_norms; /* TRAINING, clipping: scalars, sums of the squared gradients of each group
                            (per group; -1 where it is empty) or of all */
    Train train;
} Graph;

/* NULL, or what is wrong: dangling or doubly written tensors, uses before writes, shapes and dtypes
 * that the row does not allow, takes that are not the last use, rows of the wrong stage. Always
 * run. */
const char *graph_verify(Arena *arena, const Graph *graph);

/* The text form of `-d expand`, `-d fuse`, `-d differentiate`, and back again: graph_read gives an
 * equal graph, or NULL after errors in diag. */
void graph_print(Text *out, const Graph *graph);
Graph *graph_read(Arena *arena, Diag *diag);

#endif
