/* What a machine does in a second: the time model's only facts, read from small text files
 * `KEY = VALUE`, of which those in plan/devices/ are built in. */
#ifndef DEVICE_H
#define DEVICE_H

#include "base/base.h"
#include "base/kinds.h"

typedef struct {
    const char *name, *description;
    size_t memory_bytes;
    double matmul[N_DTYPES]; /* FLOP/s of matrix products, by the dtype of their operands */
    double vector;           /* FLOP/s of all else */
    double bandwidth;        /* bytes/s to and from memory */
    double cached;           /* bytes/s of a kernel that touches at most cache_bytes */
    size_t cache_bytes;
    double launch;     /* seconds that every kernel costs */
    double cores;      /* that the rates are of; little work runs on one of them */
    double wake;       /* seconds more where the cores share a kernel's work */
    double efficiency; /* of matmul and bandwidth, as reached */
} Device;

/* The built-in devices, in order of their names. */
int device_count(void);
const char *device_name(int index);
/* NULL where there is no such device. */
Device *device_find(Arena *arena, const char *name);
/* NULL after a message `LINE: error: ...` in *error. */
Device *device_read(Arena *arena, const char *name, const char *text, const char **error);

#endif
