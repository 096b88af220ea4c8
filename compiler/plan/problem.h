/* All that a strategy may see: nodes with time and bytes, the values they read and write, and the
 * tree of module instances. No strategy includes a header of the graph, so ten numbers are enough
 * to test one.
 *
 * A *value* is what one run of a node writes. nodes[] is in the base order: running each node once
 * in that order is the plan `none`. A plan may run forward nodes again, and may move backward and
 * update nodes as long as every read finds the value it means (plan/simulate.h says exactly what is
 * legal). */
#ifndef PROBLEM_H
#define PROBLEM_H

#include "base/base.h"
#include "base/kinds.h"

typedef struct {
    const char *name;
    size_t bytes; /* exact; what it occupies is bytes rounded up to Problem.alignment */
    TensorClass class;
    int producer; /* node, or -1: there from the start of the step */
    bool
        resident; /* occupies its bytes through the whole step: parameters, optimizer state, step */
    bool to_end;  /* once written it stays to the end of the step: losses */
    bool keep;    /* the user's mark: must not be recomputed; its node is not replayable */
    int takes;    /* the value whose bytes it must take over (written in place), or -1 */
    int instance;
} Value;

typedef struct {
    const char *name, *op;
    Phase phase;
    double seconds, flops;
    int *reads, n_reads; /* distinct */
    int *writes, n_writes;
    int *
        *may_take; /* for each write: values read here whose bytes it may take when they die here */
    int *n_may_take;
    size_t workspace_bytes; /* live at this step only */
    bool replayable;        /* a forward node that may run again */
    int forward;            /* backward: the forward node it belongs to, else -1 */
    int instance;
} ProblemNode;

typedef struct {
    const char *path;
    const char *source; /* `bert.net:41` of the mark or call, for messages */
    int parent;
    int index;
    bool checkpoint;
    int type; /* equal instances share it */
} ProblemInstance;

typedef struct {
    Value *values;
    int n_values;
    ProblemNode *nodes;
    int n_nodes;
    ProblemInstance *instances; /* 0 is the model */
    int n_instances;
    size_t alignment;
} Problem;

/* The text form of `-d measure`, and back again (NULL after a message in *error). */
void problem_print(Text *out, const Problem *problem);
Problem *problem_read(Arena *arena, const char *text, const char **error);

/* Bytes that a value occupies. */
static inline size_t value_bytes(const Problem *problem, int value)
{
    return round_up(problem->values[value].bytes, problem->alignment);
}

#endif
