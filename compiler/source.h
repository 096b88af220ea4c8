/* What a model command starts from: the file, its name, and the rows that the options choose. */
#ifndef SOURCE_H
#define SOURCE_H

#include "compile.h"
#include "elaborate/constant.h"

/* Reads the file and looks up target, device and strategy. Returns an exit status; what is wrong is
 * said on standard error. */
int source_open(Compilation *model);

/* -D name=value, taken apart. */
const Override *source_overrides(Arena *arena, const Options *options);

#endif
