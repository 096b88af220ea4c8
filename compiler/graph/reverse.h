/* Reverse mode over one program: from the gradient of its output to the gradients of its inputs, as
 * instructions of one scratch program, from which the backward nodes' programs are cut. */
#ifndef REVERSE_H
#define REVERSE_H

#include "graph/gradient.h"

typedef struct {
    Diff *diff;
    const Node *node;       /* forward */
    const Program *forward; /* its program */
    Reading scratch;  /* reads tensors; a statistic i of the forward program is REVERSE_STAT(i) */
    int *known;       /* for each forward instruction: the scratch instruction of its value */
    int *adjoint;     /* ... and of its gradient, -1 where none */
    bool *from_rows;  /* ... per row, and made from a reduction along the row */
    bool *wanted;     /* ... its gradient reaches an input that needs one */
    bool read_output; /* the output may be read instead of computed again */
    bool has_read_output;
} Reverse;

#define REVERSE_STAT(i)    (-2 - (i))
#define REVERSE_STAT_OF(t) (-2 - (t))

/* Fills adjoint[]. release with reverse_free. */
Reverse reverse_program(Diff *diff, const Node *node, bool read_output);
void reverse_free(Reverse *reverse);

#endif
