/* What a model command starts from: the file, its name, and the rows that the options choose. */
#ifndef SOURCE_H
#define SOURCE_H

#include "compile.h"
#include "elaborate/constant.h"

/* Reads the file and looks up target, device and strategy. Returns an exit status; what is wrong is
 * said on standard error. */
int source_open(Compilation *model);

/* The machine at hand, for a program that will run here; the model's own device where the user
 * chose the times, where a GPU is meant, or, after a warning, where it cannot be measured. */
const Device *source_clock(const Compilation *model);

/* Puts the times of --profile into the problem; false after saying what is wrong with the file. */
bool source_profile(const Compilation *model, Problem *problem);

/* -D name=value, taken apart. */
const Override *source_overrides(Arena *arena, const Options *options);

#endif
