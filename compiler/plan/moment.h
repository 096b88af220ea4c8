/* What is known of the moment at which a node runs for the first time, whatever the schedule: what
 * ran before, what runs after, what is live. */
#ifndef PLAN_MOMENT_H
#define PLAN_MOMENT_H

#include "plan/problem.h"

/* What does not depend on the moment. */
typedef struct {
    Arena *arena;
    const Problem *problem;
    int *read_start, *reader; /* readers of value v: reader[read_start[v]] .. */
    bool *stays;              /* [n_values] resident, or in the bytes of what is */
    bool *can_rerun;          /* [n_values] */
    size_t resident_bytes;
} Facts;

/* One node's first run: what surely ran before it, what surely runs after. */
typedef struct {
    int node;
    int also;             /* a node that is known, or assumed, to run later too; -1 none */
    int since;            /* and one that ran before */
    bool *before, *after; /* [n_nodes]; the node itself is in neither */
    bool *read;           /* [n_values] by the node */
    size_t live_bytes;    /* surely live at it, resident bytes included */
    size_t still_bytes;   /* of what could be dropped and is read after it by backward nodes */
} Moment;

/* A node, and a number of bytes by which nodes are ranked. */
typedef struct {
    size_t bytes;
    int node;
} Ranked;

Facts facts_new(Arena *arena, const Problem *problem);
/* Bytes of a node's own reads and writes, taken over where allowed. */
size_t facts_own_bytes(const Facts *facts, int node);
/* All nodes by their own bytes, most first. */
Ranked *facts_rank(const Facts *facts);
/* How many moments can be looked at in a fraction of a second. */
int facts_affordable(const Problem *problem);

/* Room for one; `node`, and `since` and `also` (-1), are the caller's to set. */
Moment moment_new(Arena *arena, const Problem *problem);
void moment_look(const Facts *facts, Moment *moment);
/* Read after the moment by a node that runs only then, and once. */
bool moment_wants(const Facts *facts, const Moment *moment, int value);
/* At most `most` nodes at which most must be live or be made up for, those first; returns how many.
 */
int moment_choose(const Facts *facts, Ranked *chosen, int most);

#endif
