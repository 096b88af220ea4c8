/* What the packing methods share: one part of the problem with its times compressed, and the
 * incumbent that every method tries to better. */
#ifndef PACKING_H
#define PACKING_H

#include "place/place.h"

/* The buffers of one part, in order of birth. A section is a maximal set of buffers that are alive
 * together; buffer i lives in the sections from[i] <= s < to[i]. */
typedef struct {
    int n, n_sections;
    int *from, *to; /* [n] */
    int *first;     /* [n_sections + 1]: the first buffer born in section s or later */
    int64_t *size;  /* [n] */
    int64_t *life;  /* [n]: upper - lower */
    int64_t *load;  /* [n_sections]: the sum of the sizes alive */
    int64_t *peak;  /* [n]: the largest load while i lives */
    int *original;  /* [n]: index into the caller's buffers */
    int64_t lower_bound;
    int64_t unit; /* the greatest common divisor of the sizes, and so of every useful height */
} Packing;

/* Puts ids in order of birth. */
void packing_sort(const Buffer *buffers, int *ids, int n);

/* The packing of the n buffers named in ids, all with a size and a lifetime; reorders ids. */
Packing *packing_new(Arena *arena, const Buffer *buffers, int *ids, int n);

/* The best placement known, and how much longer to look. */
typedef struct {
    const Packing *packing;
    int64_t *offsets;     /* [n] */
    int64_t height;       /* INT64_MAX before the first offer */
    int *order;           /* [n]: of the best valley fill ... */
    int64_t order_height; /* ... and its height; INT64_MAX before the first */
    int64_t goal;         /* good enough: at most this */
    int64_t proved;       /* no placement is lower than this */
    int64_t steps;        /* work left; may fall below zero */
    const char *method;
    const PlaceOptions *options;
    int64_t base; /* bytes of the arena below this part, for reports alone */
} Incumbent;

/* Keeps the placement where it is better. */
void incumbent_offer(Incumbent *best, const int64_t *offsets, int64_t height, const char *method);
/* The same for a valley fill in the given order. */
void incumbent_offer_order(Incumbent *best, const int *order, const int64_t *offsets,
                           int64_t height, const char *method);
/* Nothing is left to win, or no work is left, or the user has had enough. */
bool incumbent_done(const Incumbent *best);

/* The keys of the greedy orders, largest first. */
typedef enum {
    KEY_PEAK_AREA, /* highest peak, then size times life */
    KEY_PEAK_LIFE,
    KEY_LIFE,
    KEY_AREA,
    KEY_SECTIONS, /* sections lived in, then size */
    KEY_SIZE,
    KEY_BIRTH, /* earliest first */
    N_KEYS
} Key;
extern const char *const key_names[N_KEYS];

/* order[0..n): the buffers by the key, ties in order of birth. */
void order_by_key(const Packing *packing, Key key, int *order);
/* Sorts the order by ascending values[order[i]]; equal values stay as they were. */
void order_sort(const uint64_t *values, int *order, int n);

/* order[0..n): by the key (not KEY_BIRTH) times a random factor, whose logarithm to base 2 is
 * within amplitude / 2^16 of 0. */
void order_by_noisy_key(const Packing *packing, Key key, int amplitude, uint64_t *random,
                        int *order);
/* The next of a sequence of random numbers (splitmix64). */
uint64_t noise_next(uint64_t *random);
/* 0 <= result < n. */
int noise_below(uint64_t *random, int n);

/* valley.c: fills the lowest valley of the skyline with the first buffer of the order that fits. */
typedef struct Valley Valley;
Valley *valley_new(Arena *arena, const Packing *packing);
/* The height, or INT64_MAX where it would be >= limit. Takes its work from *steps. */
int64_t valley_fill(Valley *valley, const int *order, int64_t limit, int64_t *offsets,
                    int64_t *steps);

/* fit.c: each buffer of the order at the lowest offset where it fits. Quadratic; limit and steps as
 * above. */
int64_t first_fit(const Packing *packing, const int *order, int64_t limit, int64_t *offsets,
                  int64_t *steps);

/* Methods that can go on for ever: each call works until the incumbent is done or has no more than
 * steps_left. */

/* restart.c: valley fill in noisy orders. */
typedef struct Restart Restart;
Restart *restart_new(Arena *arena, const Packing *packing, uint64_t seed);
void restart_run(Restart *restart, Incumbent *best, int64_t steps_left);

/* local.c: local search over the order of valley fill. */
typedef struct Local Local;
Local *local_new(Arena *arena, const Packing *packing, uint64_t seed);
void local_run(Local *local, Incumbent *best, int64_t steps_left);

/* search.c: depth-first search for capacities below the incumbent; needs n * n bytes of memory
 * several times over. Raises best->proved. */
typedef struct Search Search;
Search *search_new(Arena *arena, const Packing *packing, uint64_t seed);
void search_run(Search *search, Incumbent *best, int64_t steps_left);

#endif
