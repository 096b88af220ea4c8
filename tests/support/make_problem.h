/* Training problems for tests: a forward pass is recorded operator by operator, then backward and
 * update nodes follow as differentiation would write them. */
#ifndef MAKE_PROBLEM_H
#define MAKE_PROBLEM_H

#include "plan/problem.h"

/* A deep MLP: `layers` marked instances of a linear layer (weights of `weight_bytes`) and a relu
 * whose backward reads its output; activations of `bytes`. */
Problem *make_chain(Arena *arena, int layers, size_t bytes, size_t weight_bytes);

/* Marked encoder layers: attention with a score matrix, FFN of 4 times the width, layer norms and
 * residual connections, dropout; each layer has the instances attn and ffn inside. */
Problem *make_transformer(Arena *arena, int layers);

/* n_ops random operators with branches, skips, several outputs, shared parameters, workspaces and
 * random marks (nested ones too). The same seed gives the same problem. */
Problem *make_random(Arena *arena, uint64_t seed, int n_ops);

/* A 64-bit generator for tests. */
uint64_t random_next(uint64_t *state);
/* Uniform in 0..n-1. */
int random_below(uint64_t *state, int n);

#endif
