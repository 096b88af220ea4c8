/* Which forward nodes are recomputed together: a forest of segments, and the plan that follows from
 * it. Most strategies only choose segments; this is how all of them become sequences.
 *
 * After the forward pass what is inside a segment is gone, but for what is read outside of it in
 * the backward pass. When a backward node first reads something inside, the segment is run again
 * from its inputs, as far as backward needs it. A segment within a segment is dropped again after
 * its parent's replay, and replayed in its own turn: recursive checkpointing. */
#ifndef PLAN_SEGMENTS_H
#define PLAN_SEGMENTS_H

#include "plan/plan.h"

typedef struct {
    int n;
    int *parent;  /* [n] the segment around it, -1 none; parents have smaller numbers */
    int *of_node; /* [n_nodes] the innermost segment that the node is in, -1 none; only forward
                     nodes that may run again are replayed */
    bool *open;   /* [n] also dropped is what backward nodes outside of it read, if they are in its
                     parent: single operators rather than parts of the chain */
    const bool *kept; /* [n_values] never dropped, beside Value.keep; NULL: none */
    bool on_demand;   /* replay node by node, each as late as it can be; else all of a segment when
                         its first value is needed */
} Segments;

/* No segments yet, room for `most`. */
Segments segments_new(Arena *arena, const Problem *problem, int most);
/* A new segment inside `parent` (-1: inside none); its nodes are the caller's to set. */
int segments_add(Segments *segments, int parent);
/* What was in it belongs to its parent from now on. Numbers stay. */
void segments_dissolve(const Problem *problem, Segments *segments, int segment);

/* The plan in base order with the replays inserted. O(reads x depth of nesting). */
Plan *segments_schedule(Arena *arena, const Problem *problem, const Segments *segments,
                        const char *strategy);

#endif
