/* Tensors of a safetensors file as doubles, read with another JSON parser than the runtime's. */
#ifndef WEIGHTS_H
#define WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

typedef struct Weights Weights;

/* NULL where the file is not there or not well-formed. */
Weights *weights_open(const char *path);
/* The tensor's elements (malloc'ed) and how many; NULL where there is none of that name. */
double *weights_get(const Weights *weights, const char *name, int64_t *n);
/* The name of tensor i, or NULL past the last. */
const char *weights_name(const Weights *weights, int i);
void weights_close(Weights *weights);

#endif
