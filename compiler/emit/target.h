/* The targets: a row each of targets.def. */
#ifndef TARGET_H
#define TARGET_H

#include "base/base.h"

typedef struct {
    const char *name;   /* also its template folder: templates/NAME, and its files in runtime/ */
    const char *suffix; /* of sources */
    size_t alignment;   /* of tensors, unless the user says otherwise */
    bool keeps_rows;    /* fused kernels keep costly values of a row from one pass to the next */
    bool lanes;         /* threads share a row and take vectors of elements; steps have workspace */
    const char *help;
} Target;

extern const Target targets[];
extern const int n_targets;

/* NULL where there is none of that name. */
const Target *target_find(const char *name);

#endif
