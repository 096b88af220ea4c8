/* Offsets for buffers with known lifetimes in one arena (dynamic storage allocation).
 *
 * In: sizes in bytes and half-open lifetimes. Out: an offset for each buffer such that no two that
 * are alive together overlap, with the arena's height as low as it can be found. Every offset is a
 * sum of sizes, so whoever rounds the sizes up to an alignment gets aligned offsets. */
#ifndef PLACE_H
#define PLACE_H

#include "base/base.h"

#include <signal.h>

/* Alive at the times lower <= t < upper. Empty lifetimes and empty sizes take no room. */
typedef struct {
    int64_t lower, upper;
    size_t size;
} Buffer;

typedef struct {
    size_t *offsets; /* [n], in bytes */
    size_t arena_bytes, lower_bound_bytes;
    bool optimal;       /* proved: at the lower bound, or every lower arena was searched in vain */
    bool infeasible;    /* proved: no placement is within the capacity */
    const char *method; /* the name of what found it */
} Placement;

/* What a long search tells whoever waits for it. */
typedef struct {
    void (*report)(void *context, size_t best_bytes, size_t lower_bound_bytes, const char *method);
    void *context;
    const volatile sig_atomic_t *stop; /* nonzero: return the best so far; may be NULL */
} PlaceWatch;

typedef struct {
    size_t capacity; /* done as soon as the arena fits; 0: as low as possible */
    double effort;   /* work after the greedy passes in nominal seconds, counted in steps, so that
                        the answer is the same on every machine; 0: greedy passes only, which take
                        milliseconds for 5000 buffers */
    uint64_t seed;
    const PlaceWatch *watch; /* may be NULL */
} PlaceOptions;

/* The sum of all sizes must fit in 62 bits. The placement is the best found even where it is above
 * the capacity; offsets live in the arena. */
Placement place(Arena *arena, const Buffer *buffers, int n, const PlaceOptions *options);

/* The largest sum of sizes alive at one time: no arena can be smaller. */
size_t place_lower_bound(const Buffer *buffers, int n);

/* Checks a placement from scratch, sharing no code with what made it: NULL, or what is wrong (text
 * in the arena). */
const char *place_verify(Arena *arena, const Buffer *buffers, int n, const Placement *placement);

#endif
