/* The plan as calls of C functions, one or more a step, in order. */
#ifndef CALLS_H
#define CALLS_H

#include "emit/emit.h"
#include "emit/kernels.h"

typedef enum {
    OPERAND_TENSOR,   /* a life of a value: its bytes in the arena */
    OPERAND_NONE,     /* NULL */
    OPERAND_CONSTANT, /* a number */
    OPERAND_SIZE,     /* of an axis */
    OPERAND_STREAM,   /* of the random generator */
    OPERAND_STEP,     /* the step's numbers, from `plus` on */
    OPERAND_WORKSPACE /* of a step */
} OperandKind;

typedef struct {
    OperandKind kind;
    int life;    /* OPERAND_WORKSPACE: the step */
    size_t plus; /* bytes from its start: a number among those of the step */
    double constant;
    int64_t size;
    uint32_t stream;
} CallOperand;

typedef struct {
    int step;
    const char *function;
    const char *shape; /* name of a static const table, or NULL */
    ARRAY(CallOperand) operands;
} Call;

typedef struct {
    Call *data;
    int n, capacity;
    const char *shapes; /* definitions of the tables, a line or two each */
    Kernels *kernels;
} Calls;

Calls *calls_of(Arena *arena, const Emission *emission, Names *names);

#endif
