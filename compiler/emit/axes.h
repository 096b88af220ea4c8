/* The loops of a program: its domain with axes that all of its tensors treat alike made one. Fewer
 * and longer loops, and the order of elements is the same. */
#ifndef AXES_H
#define AXES_H

#include "graph/program.h"

typedef struct {
    int n; /* axes but the last, outermost first */
    int64_t size[MAX_RANK];
    int64_t columns; /* size of the last axis */
    int64_t rows;    /* product of the others */
    int position;    /* the axis that INSTR_POSITION counts, or -1 */
    bool *full;      /* [tensor * (n + 1) + axis]: the tensor has that axis (else size 1 there);
                        tensors: inputs, then outputs */
    int n_tensors;
} Axes;

Axes axes_of(Arena *arena, const Program *program);
bool axes_full(const Axes *axes, int tensor, int axis);
/* Elements of a tensor from one position of an axis to the next; 0 where it does not have it. */
int64_t axes_step(const Axes *axes, int tensor, int axis);
/* Elements of a tensor. */
int64_t axes_count(const Axes *axes, int tensor);

#endif
