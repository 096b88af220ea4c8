/* One fused kernel while its text is written: levels.c says what is computed when, starts.c where
 * rows start and how long they are, values.c what an instruction is in C, lanes.c what only targets
 * have whose threads share a row, passes.c makes a row's passes of them, and fused.c the function.
 */
#ifndef WRITER_H
#define WRITER_H

#include "emit/axes.h"
#include "emit/kernels.h"

typedef struct {
    Arena *arena;
    Kernels *kernels;
    const Node *node;
    const Program *program; /* the node's */
    const char *name;       /* of the function */
    const bool *varies;     /* constants that are arguments; NULL: all */
    Axes axes;
    bool is_reduce;
    bool *live, *per_row;
    bool *nested;  /* its text stands within that of its uses */
    int *level;    /* row reductions that come before */
    int *computed; /* the pass that first computes it, or -1 */
    int n_levels;
    bool *kept;         /* computed in one pass and needed again: kept for the row */
    const char **start; /* [tensor]: where a row of it starts, "" for 0; last, of the domain */
} Writer;

/* ---- fused.c ---- */

const char *writer_input_dtype(const Writer *w, int input);
const char *writer_output_dtype(const Writer *w, int output);
/* An output that is stored for each element, not for each row. */
bool writer_is_element_output(const Writer *w, int output);
bool writer_has_output(const Writer *w, bool of_elements);
/* An input that a sum is accumulated onto: only the store reads it. */
bool writer_is_accumulated(const Writer *w, int input);
/* Where an input comes from: the argument "in0", or "out0" where an output has its bytes. */
const char *writer_source(const Writer *w, int input);
/* A constant is an argument, not part of the text. */
bool writer_varies(const Writer *w, int constant);
/* Appends an item of a list in brackets, on a new line where this one is full. */
void writer_item(Text *out, size_t *line_start, const char *text);
/* The same statements, several to a line. */
const char *writer_packed(Arena *arena, const char *text);

/* ---- levels.c ---- */

bool levels_is_row_reduction(const Instr *instr);
/* True where the instruction is a live reduction of that level. */
bool levels_ends(const Writer *w, int instr, int level);
/* Fills live, per_row, level, computed and n_levels. */
void levels_find(Writer *w);
/* What each pass computes, [pass][instr]; fills computed and kept. */
bool **levels_passes(Writer *w);

/* ---- starts.c ---- */

bool starts_is_summed(const Writer *w, int axis);
/* Fills start, and returns the declarations of the variables that it speaks of. */
const char *starts_declare(Writer *w);
/* "at + i": element i of a row of a tensor, or of the domain (tensor -1). */
const char *starts_element(const Writer *w, int tensor, const char *i);
/* The same for a tensor that has one element a row. */
const char *starts_row(const Writer *w, int tensor);
/* The position along an axis. */
const char *starts_coordinate(const Writer *w, int axis);
/* How many elements a tensor has, as a product of sizes. */
const char *starts_count(const Writer *w, int tensor);
/* Product of the axes (but the last) that are summed, or that are not. */
const char *starts_product(const Writer *w, bool summed);

/* ---- values.c ---- */

/* True where the instruction draws the random number that is its argument u. */
bool values_draws(const Instr *instr);
/* Dearer than a load: kept between passes where the target can. */
bool values_is_costly(const Instr *instr);
/* Fills nested; after levels_passes. */
void values_nest(Writer *w);
/* An instruction that is no reduction, as an expression. */
const char *values_text(Writer *w, int instr);
/* An instruction as an operand: its variable, or its text where it is nested. */
const char *values_operand(Writer *w, int instr);

/* ---- passes.c: regions of the skeletons ---- */

/* What comes before a row's first pass; starts: see starts_declare. */
const char *passes_row(Writer *w, const char *starts);
/* All passes, each as the skeleton's region `pass` has it, and the stores of the row's values. */
const char *passes_text(Writer *w, const char *skeleton_name, const char *skeleton, bool **needed);
/* What a pass computes for an element, and the loop over a thread's elements around that. */
const char *passes_body(Writer *w, const bool *needed, int pass);
const char *passes_each(const Writer *w, const char *body);
/* Random numbers of a chunk. */
const char *passes_random(const Writer *w, const bool *needed);

/* ---- lanes.c: regions of the skeletons ---- */

/* `template <auto n0, ...> `: see lanes_sizes. */
const char *lanes_template(const Writer *w);
/* The arguments of the kernel, with types; it starts with START. */
const char *lanes_kernel(const Writer *w);
/* How the work is shared, as a type. */
const char *lanes_share(const Writer *w);
const char *lanes_loads(const Writer *w, const bool *needed, bool stores);
const char *lanes_stores(const Writer *w);
const char *lanes_launch(const Writer *w);

#endif
