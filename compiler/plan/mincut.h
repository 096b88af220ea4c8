/* Minimum cut of a directed network with integer capacities (Dinic 1970). */
#ifndef PLAN_MINCUT_H
#define PLAN_MINCUT_H

#include "base/base.h"

typedef struct Network Network;

#define CAPACITY_INFINITE (INT64_MAX / 4)

/* Nodes 0 .. n - 1; 0 is the source, 1 the sink. */
Network *network_new(Arena *arena, int n);
/* Returns the edge's number. */
int network_add(Network *network, int from, int to, int64_t capacity);
/* Forgets all flow and sets one edge's capacity anew; call for all edges that change, then
 * network_cut. */
void network_set(Network *network, int edge, int64_t capacity);
/* The capacity of a minimum cut; on_source[i] tells the side of node i (the smallest source side).
 */
int64_t network_cut(Network *network, bool *on_source);

#endif
