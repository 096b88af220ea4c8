/* Sizes of a tensor's axes, all known at compile time. */
#ifndef SHAPE_H
#define SHAPE_H

#include "base/base.h"

enum { MAX_RANK = 8 };

typedef struct {
    int rank; /* 0: a scalar */
    int64_t size[MAX_RANK];
} Shape;

int64_t shape_count(const Shape *shape);
bool shape_equal(const Shape *a, const Shape *b);
/* numpy broadcasting of a and b; false where they do not fit. */
bool shape_broadcast(const Shape *a, const Shape *b, Shape *result);
/* "[16, 512, 768]" */
const char *shape_text(Arena *arena, const Shape *shape);

#endif
