/* The pipeline, as the commands call it: a model file becomes a problem (compile_problem), a
 * problem a plan with its layout (compile_plan), a plan a program (compile_program). */
#ifndef COMPILE_H
#define COMPILE_H

#include "cli.h"
#include "emit/emit.h"
#include "plan/device.h"
#include "report/report.h"

/* A model on its way. Everything lives in the arena. */
typedef struct {
    Arena *arena;
    const Options *options;
    const char *name; /* the file's stem */
    Diag *diag;
    const Target *target;
    const Device *device; /* whose times the plan is made by */
    const Device *clock;  /* whose times the program foretells its step by; NULL: the same */
    const Graph *graph;   /* TRAINING */
    const Problem *problem;
    bool has_budget; /* the command line's, else the file's */
    size_t budget_bytes;
    const char *strategy; /* the one asked for, or the default */
} Compilation;

/* Text to problem. False after errors on standard error (*status says which), or after a dump. */
bool compile_problem(Arena *arena, const Options *options, Compilation *model, int *status);

/* A plan, replayed, placed and checked. */
Compiled *compile_plan(const Compilation *model, const char *strategy, bool has_budget,
                       size_t budget_bytes);

/* Plans for n budgets from the smallest possible to what keeping everything takes. */
Compiled **compile_pareto(const Compilation *model, const char *strategy, int n);

/* compile_plan with the model's own strategy and budget; false after a refusal or a dump. Warns of
 * marks that save nothing. */
bool compile_asked(const Compilation *model, Compiled **compiled, int *status);

/* What there is to write of a plan. */
Emission compile_emission(const Compilation *model, const Compiled *compiled);

/* Writes the program and NAME.plan.json into a folder. */
void compile_program(const Compilation *model, const Compiled *compiled, const char *directory);

/* Prints a text to the -o file, or to standard output. */
void write_result(const Compilation *model, const Text *text);

#endif
