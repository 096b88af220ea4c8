/* A file that appears whole or not at all: written beside its place under a temporary name, and
 * renamed when all of it is on the disk. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "base/base.h"

#include <stdio.h>

typedef struct {
    FILE *stream;
    char *path, *temporary; /* temporary is NULL where path is a device or a pipe */
} Output;

/* Ends the run where the file cannot be made (exit 3). */
Output output_open(Arena *arena, const char *path);
/* Ends the run where not all could be written; path then has its old contents. */
void output_commit(Output *output);
/* Drops what was written: path keeps its old contents. */
void output_abandon(Output *output);

#endif
