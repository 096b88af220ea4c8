/* Writes the training program: a folder that builds by itself. */
#ifndef EMIT_H
#define EMIT_H

#include "emit/target.h"
#include "graph/graph.h"
#include "plan/plan.h"

/* One program to write. Problem node i is graph node i, and problem value i is graph tensor i. */
typedef struct {
    const Graph *graph; /* STAGE_TRAINING */
    const Problem *problem;
    const Plan *plan;
    const Timeline *timeline;
    const Layout *layout;
    const Target *target;
    const char *name; /* of the program: the model file's stem */
    bool has_budget;
    size_t budget_bytes, keep_all_peak_bytes;
    double step_seconds;  /* foretold */
    const char *timed_by; /* by what: a device's name, or "the profile" */
} Emission;

/* The text of NAME.c (or .cu) with its tables. Same input, same bytes. */
const char *emit_text(Arena *arena, const Emission *emission);

/* Writes NAME.c, NAME_tables.h, the kernels it uses, the runtime and a Makefile into the directory,
 * which is made where it is not there; each file appears whole or not at all, and one that is right
 * already is not touched. Ends the run (exit 3) where that fails. */
void emit_program(Arena *arena, const Emission *emission, const char *directory);

#endif
