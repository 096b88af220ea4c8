/* A raw packing instance: CSV with the columns id, lower, upper, size (a header may name them in
 * another order), plain or gzip. */
#ifndef INSTANCE_H
#define INSTANCE_H

#include "place/place.h"

#include <stdio.h>

typedef struct {
    int n;
    Buffer *buffers;
    char **ids; /* as written; distinct */
} Instance;

/* `-` is standard input. False where the file is no instance: errors then has a line
 * `FILE:LINE:COL: error: ...` for each of the first few faults. */
bool instance_read(Arena *arena, const char *path, Instance *instance, Text *errors);

/* The same columns and `offset`. */
void instance_write(FILE *out, const Instance *instance, const size_t *offsets);

#endif
