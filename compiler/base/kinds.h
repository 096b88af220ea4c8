/* The few kinds that every stage from the graph to the report speaks of. */
#ifndef KINDS_H
#define KINDS_H

#include <stddef.h>
#include <stdint.h>

/* name, bytes of one element */
#define DTYPES(X)                                                                                  \
    X(f32, 4)                                                                                      \
    X(bf16, 2)                                                                                     \
    X(f64, 8)                                                                                      \
    X(i32, 4)                                                                                      \
    X(bool, 1)

typedef enum {
#define X(name, bytes) DT_##name,
    DTYPES(X)
#undef X
        N_DTYPES
} Dtype;

/* What a tensor is for. The order is that of the plan's listing. */
#define TENSOR_CLASSES(X)                                                                          \
    X(parameter)                                                                                   \
    X(gradient)                                                                                    \
    X(optimizer)                                                                                   \
    X(input)                                                                                       \
    X(activation)                                                                                  \
    X(workspace)                                                                                   \
    X(output)

typedef enum {
#define X(name) CLASS_##name,
    TENSOR_CLASSES(X)
#undef X
        N_CLASSES
} TensorClass;

/* What a node is in the training graph. A plan adds `recompute`: a forward node that runs again. */
#define PHASES(X)                                                                                  \
    X(forward)                                                                                     \
    X(backward)                                                                                    \
    X(update)

typedef enum {
#define X(name) PHASE_##name,
    PHASES(X)
#undef X
        N_PHASES
} Phase;

const char *dtype_name(Dtype dtype);
size_t dtype_bytes(Dtype dtype);
const char *class_name(TensorClass class);
const char *phase_name(Phase phase);

#endif
