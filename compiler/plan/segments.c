/* Segments in, a sequence out. The level of a value says how deep it is dropped: 0 is kept from the
 * forward pass on; j > 0 is there only once the j-th segment around its producer, counted from
 * outside, was replayed. */
#include "plan/segments.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    int *start, *node; /* the nodes that read value v are node[start[v]] .. before start[v + 1] */
} Readers;

typedef struct {
    int *node; /* ascending */
    bool *done;
    int n;
    bool all_done;
} Replays;

typedef struct {
    Arena *scratch;
    const Problem *problem;
    const Segments *segments;
    Readers readers;
    int *depth;        /* [segments] 1 for the outermost */
    int *level;        /* [n_values] */
    int *assumed;      /* [n_nodes] the deepest level at which it is assumed to be replayed */
    int *deepest;      /* [n_nodes] the deepest level at which it is replayed */
    int *stamp;        /* [n_values] the last segment whose replay needed it, + 1 */
    Replays *replays;  /* [segments] */
    int *first, *next; /* the forward nodes directly in a segment, as linked lists, descending */
    int *sequence, n_steps, capacity;
} Builder;

Segments segments_new(Arena *arena, const Problem *problem, int most)
{
    Segments segments = {.parent = NEW_N(arena, int, most),
                         .open = NEW_N(arena, bool, most),
                         .of_node = NEW_N(arena, int, problem->n_nodes)};
    memset(segments.of_node, -1, (size_t)problem->n_nodes * sizeof(int));
    return segments;
}

int segments_add(Segments *segments, int parent)
{
    segments->parent[segments->n] = parent;
    return segments->n++;
}

void segments_dissolve(const Problem *problem, Segments *segments, int segment)
{
    int parent = segments->parent[segment];
    for (int i = 0; i < problem->n_nodes; i++)
        if (segments->of_node[i] == segment)
            segments->of_node[i] = parent;
    for (int s = segment + 1; s < segments->n; s++)
        if (segments->parent[s] == segment)
            segments->parent[s] = parent;
}

static Readers find_readers(Arena *scratch, const Problem *problem)
{
    Readers readers = {.start = NEW_N(scratch, int, problem->n_values + 2)};
    int *start = readers.start + 1;
    for (int i = 0; i < problem->n_nodes; i++)
        for (int k = 0; k < problem->nodes[i].n_reads; k++)
            start[problem->nodes[i].reads[k] + 1]++;
    for (int v = 0; v < problem->n_values; v++)
        start[v + 1] += start[v];
    readers.node = NEW_N(scratch, int, start[problem->n_values]);
    for (int i = 0; i < problem->n_nodes; i++)
        for (int k = 0; k < problem->nodes[i].n_reads; k++)
            readers.node[start[problem->nodes[i].reads[k]]++] = i;
    return readers; /* start was advanced, so that readers.start is what it should be */
}

/* The segment that a node belongs to: a backward node is where its forward node is. */
static int home(const Builder *b, int node)
{
    const ProblemNode *n = &b->problem->nodes[node];
    if (n->phase == PHASE_forward)
        return b->segments->of_node[node];
    return n->forward >= 0 ? b->segments->of_node[n->forward] : -1;
}

static int depth_of(const Builder *b, int segment)
{
    return segment < 0 ? 0 : b->depth[segment];
}

static int ancestor_at(const Builder *b, int segment, int depth)
{
    while (b->depth[segment] > depth)
        segment = b->segments->parent[segment];
    return segment;
}

/* The depth of the innermost segment around both. */
static int common_depth(const Builder *b, int x, int y)
{
    while (x != y) {
        if (depth_of(b, x) >= depth_of(b, y))
            x = b->segments->parent[x];
        else
            y = b->segments->parent[y];
    }
    return depth_of(b, x);
}

/* Dropped as deep as all that reads it after the forward pass allows. */
static int find_level(const Builder *b, int value)
{
    const Value *v = &b->problem->values[value];
    if (v->producer < 0 || v->keep || v->to_end || (b->segments->kept && b->segments->kept[value]))
        return 0;
    const ProblemNode *producer = &b->problem->nodes[v->producer];
    int segment = home(b, v->producer);
    if (producer->phase != PHASE_forward || !producer->replayable || segment < 0)
        return 0;
    int level = depth_of(b, segment);
    for (int k = b->readers.start[value]; k < b->readers.start[value + 1] && level > 0; k++) {
        int reader = b->readers.node[k];
        int common = common_depth(b, segment, home(b, reader));
        bool backward = b->problem->nodes[reader].phase != PHASE_forward;
        if (backward && b->segments->open[segment] && common == depth_of(b, segment) - 1)
            continue;
        if ((backward || b->assumed[reader] > common) && common < level)
            level = common;
    }
    return level;
}

/* Is value, at its segment's level, read by a backward node or by a deeper replay? */
static bool is_wanted(const Builder *b, int value, int level)
{
    if (b->level[value] != level)
        return false;
    for (int k = b->readers.start[value]; k < b->readers.start[value + 1]; k++) {
        int reader = b->readers.node[k];
        if (b->problem->nodes[reader].phase != PHASE_forward || b->deepest[reader] > level)
            return true;
    }
    return false;
}

static bool must_replay(const Builder *b, int node, int segment, int level)
{
    const ProblemNode *n = &b->problem->nodes[node];
    if (!n->replayable)
        return false;
    for (int w = 0; w < n->n_writes; w++)
        if (b->stamp[n->writes[w]] == segment + 1 || is_wanted(b, n->writes[w], level))
            return true;
    return false;
}

/* nodes: the n forward nodes in the segment and in those within it, descending. */
static void find_replays(Builder *b, int segment, const int *nodes, int n)
{
    int level = b->depth[segment];
    Replays *replays = &b->replays[segment];
    int *found = NEW_N(b->scratch, int, n), n_found = 0;
    for (int i = 0; i < n; i++) {
        if (!must_replay(b, nodes[i], segment, level))
            continue;
        found[n_found++] = nodes[i];
        if (b->deepest[nodes[i]] < level)
            b->deepest[nodes[i]] = level;
        const ProblemNode *node = &b->problem->nodes[nodes[i]];
        for (int k = 0; k < node->n_reads; k++)
            if (b->level[node->reads[k]] >= level)
                b->stamp[node->reads[k]] = segment + 1;
    }
    replays->n = n_found;
    replays->node = NEW_N(b->scratch, int, n_found);
    replays->done = NEW_N(b->scratch, bool, n_found);
    for (int i = 0; i < n_found; i++)
        replays->node[i] = found[n_found - 1 - i];
}

static int *merge(Arena *scratch, const int *x, int n_x, const int *y, int n_y)
{
    int *out = NEW_N(scratch, int, n_x + n_y);
    for (int i = 0, j = 0; i + j < n_x + n_y;)
        if (j == n_y || (i < n_x && x[i] > y[j]))
            out[i + j] = x[i], i++;
        else
            out[i + j] = y[j], j++;
    return out;
}

/* Inner segments first: what they replay decides what the outer ones must provide. */
static void find_all_replays(Builder *b)
{
    int n_segments = b->segments->n;
    int **inside = NEW_N(b->scratch, int *, n_segments),
        *n_inside = NEW_N(b->scratch, int, n_segments);
    memset(b->deepest, 0, (size_t)b->problem->n_nodes * sizeof(int));
    memset(b->stamp, 0, (size_t)b->problem->n_values * sizeof(int));
    for (int s = n_segments - 1; s >= 0; s--) {
        ARRAY(int) own = {0};
        for (int i = b->first[s]; i >= 0; i = b->next[i])
            PUSH(b->scratch, own, i);
        inside[s] = merge(b->scratch, own.data, own.n, inside[s], n_inside[s]);
        n_inside[s] += own.n;
        find_replays(b, s, inside[s], n_inside[s]);
        int parent = b->segments->parent[s];
        if (parent >= 0) {
            inside[parent] =
                merge(b->scratch, inside[s], n_inside[s], inside[parent], n_inside[parent]);
            n_inside[parent] += n_inside[s];
        }
    }
}

/* A node that turns out to be replayed deeper than assumed needs its inputs kept further out. */
static bool assume_more(Builder *b)
{
    bool more = false;
    for (int i = 0; i < b->problem->n_nodes; i++)
        if (b->deepest[i] > b->assumed[i]) {
            b->assumed[i] = b->deepest[i];
            more = true;
        }
    return more;
}

static void decide(Builder *b)
{
    enum { MOST_ROUNDS = 6 };
    for (int round = 0;; round++) {
        if (round == MOST_ROUNDS)
            for (int i = 0; i < b->problem->n_nodes; i++)
                b->assumed[i] = depth_of(b, home(b, i));
        for (int v = 0; v < b->problem->n_values; v++)
            b->level[v] = find_level(b, v);
        find_all_replays(b);
        if (!assume_more(b))
            return;
    }
}

static void push_step(Builder *b, int node)
{
    if (b->n_steps == b->capacity)
        b->sequence = array_grow(b->scratch, b->sequence, &b->capacity, sizeof *b->sequence);
    b->sequence[b->n_steps++] = node;
}

static void require(Builder *b, int value);

static void require_reads(Builder *b, int node, int below)
{
    const ProblemNode *n = &b->problem->nodes[node];
    for (int k = 0; k < n->n_reads; k++)
        if (b->level[n->reads[k]] > 0 && b->level[n->reads[k]] < below)
            require(b, n->reads[k]);
}

static int find_replay(const Replays *replays, int node)
{
    int low = 0, high = replays->n - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (replays->node[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return replays->n > 0 && replays->node[low] == node ? low : -1;
}

static int compare_ints(const void *x, const void *y)
{
    int a = *(const int *)x, b = *(const int *)y;
    return (a > b) - (a < b);
}

static bool claim(Replays *replays, int node)
{
    int at = find_replay(replays, node);
    if (at < 0 || replays->done[at])
        return false;
    return replays->done[at] = true;
}

/* Runs one node of a segment's replay, and before it those that it reads. */
static void replay_node(Builder *b, int segment, int node)
{
    Replays *replays = &b->replays[segment];
    ARRAY(int) found = {0};
    if (claim(replays, node))
        PUSH(b->scratch, found, node);
    for (int i = 0; i < found.n; i++) {
        const ProblemNode *n = &b->problem->nodes[found.data[i]];
        for (int k = 0; k < n->n_reads; k++) {
            int value = n->reads[k];
            if (b->level[value] >= b->depth[segment] &&
                claim(replays, b->problem->values[value].producer))
                PUSH(b->scratch, found, b->problem->values[value].producer);
        }
    }
    if (found.n > 1)
        qsort(found.data, (size_t)found.n, sizeof *found.data, compare_ints);
    for (int i = 0; i < found.n; i++) {
        require_reads(b, found.data[i], b->depth[segment]);
        push_step(b, found.data[i]);
    }
}

static void replay_all(Builder *b, int segment)
{
    Replays *replays = &b->replays[segment];
    if (replays->all_done)
        return;
    replays->all_done = true;
    for (int i = 0; i < replays->n; i++)
        require_reads(b, replays->node[i], b->depth[segment]);
    for (int i = 0; i < replays->n; i++)
        push_step(b, replays->node[i]);
}

/* Sees to it that a dropped value is there. */
static void require(Builder *b, int value)
{
    int producer = b->problem->values[value].producer;
    int segment = ancestor_at(b, b->segments->of_node[producer], b->level[value]);
    if (b->segments->on_demand)
        replay_node(b, segment, producer);
    else
        replay_all(b, segment);
}

static void set_up(Builder *b)
{
    const Problem *p = b->problem;
    int n_segments = b->segments->n;
    b->readers = find_readers(b->scratch, p);
    b->depth = NEW_N(b->scratch, int, n_segments);
    b->replays = NEW_N(b->scratch, Replays, n_segments);
    b->first = NEW_N(b->scratch, int, n_segments);
    b->level = NEW_N(b->scratch, int, p->n_values);
    b->stamp = NEW_N(b->scratch, int, p->n_values);
    b->assumed = NEW_N(b->scratch, int, p->n_nodes);
    b->deepest = NEW_N(b->scratch, int, p->n_nodes);
    b->next = NEW_N(b->scratch, int, p->n_nodes);
    for (int s = 0; s < n_segments; s++) {
        b->depth[s] = 1 + depth_of(b, b->segments->parent[s]);
        b->first[s] = -1;
    }
    for (int i = 0; i < p->n_nodes; i++) {
        int segment = b->segments->of_node[i];
        if (segment < 0 || p->nodes[i].phase != PHASE_forward)
            continue;
        b->next[i] = b->first[segment];
        b->first[segment] = i;
    }
}

Plan *segments_schedule(Arena *arena, const Problem *problem, const Segments *segments,
                        const char *strategy)
{
    Builder b = {.scratch = arena_new(), .problem = problem, .segments = segments};
    set_up(&b);
    decide(&b);
    for (int i = 0; i < problem->n_nodes; i++) {
        if (problem->nodes[i].phase != PHASE_forward)
            require_reads(&b, i, 1 << 30);
        push_step(&b, i);
    }
    Plan *plan = NEW(arena, Plan);
    plan->strategy = strategy;
    plan->n_steps = b.n_steps;
    plan->sequence = NEW_N(arena, int, b.n_steps);
    if (b.n_steps > 0)
        memcpy(plan->sequence, b.sequence, (size_t)b.n_steps * sizeof(int));
    arena_free(b.scratch);
    return plan;
}
