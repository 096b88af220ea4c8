/* The independent check of a recompute schedule: replays the sequence run by run and reports its
 * cost, its live peak, and the first rule that it breaks. Shares nothing with the search. */
#ifndef REPLAY_H
#define REPLAY_H

#include "plan/recompute.h"

typedef struct {
    const char *fault; /* NULL: every rule holds; else what is wrong, in words */
    int at;            /* the run at fault, counted from 0 */
    int n_reruns;
    double cost;
    size_t peak_bytes; /* resident bytes included */
    int peak_at;       /* the first run with that peak */
} ReplayReport;

/* Rules: node ids in range; first runs in base order, all of them; every input written before it is
 * read; no node that runs once runs again; sums within size_t. The budget is the caller's. */
ReplayReport replay_sequence(const RecomputeProblem *problem, const int *sequence, int n);

#endif
