/* Annealing over sets of runs: one searcher, what it changes and the best it has seen. */
#ifndef ANNEAL_H
#define ANNEAL_H

#include "plan/random.h"
#include "plan/retention.h"
#include "plan/runset.h"

typedef struct {
    RunKey key;
    bool inserted;
} Change;

/* A set of runs within the budget. */
typedef struct {
    RunKey *keys; /* malloc'ed; NULL: none */
    int n;
    double cost; /* INFINITY where there is none */
} Snapshot;

typedef struct {
    const RecomputeProblem *problem;
    const SearchOptions *options;
    Random random;
    RunSet *set;
    Change *changes; /* of the move at hand, to take it back */
    int n_changes, capacity;
    int room;           /* runs that the move at hand may still add */
    double penalty;     /* cost of one byte over the budget at one run */
    int64_t work_end;   /* all the work allowed */
    int64_t least_peak; /* no schedule has less */
    bool shrinks;       /* looks for the smallest peak: lowers the budget whenever it is met */
    bool strict;        /* what a re-run reads is kept where there is room for it, with no dice */
    bool stopped;       /* by the user, or by what is good enough */
    Snapshot best;      /* the cheapest of this annealing (with shrinks: the smallest) */
    double told_cost;   /* the cheapest of all */
} Annealer;

Annealer annealer_new(const RecomputeProblem *problem, const SearchOptions *options);
void annealer_free(Annealer *a);

/* Moves (moves.c). A random change to the set, noted in changes; false: nothing was changed. */
bool move_try(Annealer *a);
void move_take_back(Annealer *a);
/* Takes away each re-run that nothing reads. */
void move_prune(Annealer *a);
/* Drops what is cheapest for its bytes where most is live, until all is within the budget or that
 * gets no further. Not to be taken back. */
void move_greedily(Annealer *a);

/* Drops what costs least for the bytes above the budget that go, each choice by trial, until all is
 * within the budget (true), no drop helps, or the work is done. Not to be taken back. */
bool move_down(Annealer *a, int64_t work_end);
/* Takes away each re-run, dearest first, whose value can be kept instead within the budget. Not to
 * be taken back. */
void move_keep_all(Annealer *a);

/* Forgets the best, then anneals the set at hand from temperature `hot` down to `cold` (in units of
 * the mean cost of a node), for a share of all the work. */
void anneal(Annealer *a, double share, double hot, double cold);

/* Makes the set at hand the base order, or the given keys (all first runs among them). */
void anneal_reset(Annealer *a);
void anneal_become(Annealer *a, const RunKey *keys, int n);

static inline bool is_rerun(const Annealer *a, RunKey key)
{
    return key_stage(a->set, key) != key_node(a->set, key);
}

#endif
