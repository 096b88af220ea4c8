/* The kernels that a program needs beside those of the template folder: one function for each
 * different fused program. Programs that are equal but for sizes, constants and random streams
 * share one, which takes those as arguments; a constant that is the same in all of them is in the
 * function's text. */
#ifndef EMIT_KERNELS_H
#define EMIT_KERNELS_H

#include "emit/names.h"
#include "emit/target.h"
#include "graph/graph.h"

typedef struct {
    const char *name;       /* NULL until it is called */
    const Program *program; /* of the first node that is computed by it */
    bool *varies;           /* for each constant: nodes differ in it, it is an argument */
} Kernel;

typedef struct {
    Arena *arena;
    const Target *target;
    const Graph *graph;
    Names *names;
    ARRAY(Kernel) list;
    int *of_node;              /* for each node of the graph: its kernel in list, or -1 */
    bool uses[N_OPS][N_PARTS]; /* formulas of elementwise operators */
    Text text;                 /* of the functions, in the order first called */
} Kernels;

/* The kernels of all nodes of the graph. */
Kernels *kernels_new(Arena *arena, const Target *target, const Graph *graph, Names *names);
/* The kernel of a node `fused` or `reduce`, by number; its text is added at the first call. */
const Kernel *kernels_call(Kernels *kernels, int node);
/* The output whose bytes an input has, and with which it is one argument; -1: it is its own. */
int kernels_source(const Node *node, int input);
/* The formulas used, as inline functions: in the order of the operator table. */
const char *kernels_formulas(const Kernels *kernels);

/* fused.c: the text of one function. Its arguments: inputs (see kernels_source), outputs, sizes of
 * the merged axes as int64_t (see axes.h) unless they are a template's, constants that vary as
 * double, streams as uint32_t, and the step's numbers where it draws random numbers. varies: NULL
 * for all. */
const char *fused_text(Kernels *kernels, const Node *node, const bool *varies, const char *name);
/* lanes.c: what a call says of the sizes, `<64u, 512u>`: their type is that of all indexes. */
const char *lanes_sizes(Arena *arena, const Program *program);
/* The name of the inline function of a formula: `ew_relu`, `ew_relu_by_a`. */
const char *formula_name(Arena *arena, OpKind op, OpPart part);
bool program_is_random(const Program *program);

#endif
