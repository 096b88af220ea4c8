/* One fused kernel while its text is written: fused.c for every target, lanes.c for those whose
 * threads share rows. */
#ifndef WRITER_H
#define WRITER_H

#include "emit/axes.h"
#include "emit/kernels.h"

typedef struct {
    Arena *arena;
    Kernels *kernels;
    const Program *program;
    const Dtype *dtypes; /* of inputs, then outputs */
    const char *name;    /* of the function */
    Axes axes;
    bool is_reduce;
    bool *live, *per_row;
    bool *nested;  /* its text stands within that of its only use */
    int *level;    /* row reductions that come before */
    int *computed; /* the pass that first computes it, or -1 */
    int n_levels;
    bool *kept; /* computed in one pass and needed again: kept for the row */
} Writer;

/* ---- fused.c ---- */

const char *writer_input_dtype(const Writer *w, int input);
const char *writer_output_dtype(const Writer *w, int output);
/* False for the input that a sum is accumulated onto: the output's bytes. */
bool writer_is_argument(const Program *program, int input);
/* An output that is stored for each element, not for each row. */
bool writer_is_element_output(const Writer *w, int output);
bool writer_has_output(const Writer *w, bool of_elements);
/* Kept and summed positions before the last axis. */
void writer_sum_sizes(const Writer *w, long long *kept, long long *summed);
/* `START(const void *in0, ..., LAST)`; last may be NULL. */
const char *writer_signature(const Writer *w, const char *start, const char *last);

/* ---- lanes.c: regions of the skeletons ---- */

const char *lanes_pointers(const Writer *w);
const char *lanes_touches(const Writer *w);
const char *lanes_loads(const Writer *w, const bool *needed, bool stores);
const char *lanes_stores(const Writer *w);
const char *lanes_fused_sizes(const Writer *w);
const char *lanes_fused_launch(const Writer *w);
const char *lanes_reduce_sizes(const Writer *w, bool down);
const char *lanes_reduce_launch(const Writer *w, bool down);
/* "" where the sum is not cut into parts. */
const char *lanes_finish(const Writer *w, const char *finish_template, const char *store);

#endif
