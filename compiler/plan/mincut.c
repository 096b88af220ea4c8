/* Dinic's algorithm: breadth-first levels, then a blocking flow along them, until the sink is out
 * of reach. The search for paths keeps its own stack, since networks are as deep as models. */
#include "plan/mincut.h"

#include <string.h>

typedef struct {
    int to, next; /* next edge out of the same node, -1 none */
    int64_t capacity, left;
} Edge;

struct Network {
    Arena *arena;
    int n;
    int *first, *at, *level, *queue, *path;
    ARRAY(Edge) edges; /* edge e and its reverse e ^ 1 */
};

Network *network_new(Arena *arena, int n)
{
    Network *g = NEW(arena, Network);
    g->arena = arena;
    g->n = n;
    g->first = NEW_N(arena, int, n);
    memset(g->first, -1, (size_t)n * sizeof(int));
    g->at = NEW_N(arena, int, n);
    g->level = NEW_N(arena, int, n);
    g->queue = NEW_N(arena, int, n);
    g->path = NEW_N(arena, int, n);
    return g;
}

static void add_half(Network *g, int from, int to, int64_t capacity)
{
    PUSH(g->arena, g->edges, ((Edge){to, g->first[from], capacity, capacity}));
    g->first[from] = g->edges.n - 1;
}

int network_add(Network *g, int from, int to, int64_t capacity)
{
    add_half(g, from, to, capacity);
    add_half(g, to, from, 0);
    return g->edges.n - 2;
}

void network_set(Network *g, int edge, int64_t capacity)
{
    g->edges.data[edge].capacity = capacity;
}

/* False where the sink cannot be reached any more. */
static bool find_levels(Network *g)
{
    memset(g->level, -1, (size_t)g->n * sizeof(int));
    int head = 0, tail = 0;
    g->queue[tail++] = 0;
    g->level[0] = 0;
    while (head < tail) {
        int node = g->queue[head++];
        for (int e = g->first[node]; e >= 0; e = g->edges.data[e].next) {
            const Edge *edge = &g->edges.data[e];
            if (edge->left > 0 && g->level[edge->to] < 0) {
                g->level[edge->to] = g->level[node] + 1;
                g->queue[tail++] = edge->to;
            }
        }
    }
    return g->level[1] >= 0;
}

/* Sends what fits along the path's n edges; returns how many of them to keep: those before the
 * first that is full. */
static int send(Network *g, int n, int64_t *flow)
{
    int64_t least = INT64_MAX;
    int full = 0;
    for (int i = n - 1; i >= 0; i--)
        if (g->edges.data[g->path[i]].left <= least) {
            least = g->edges.data[g->path[i]].left;
            full = i;
        }
    for (int i = 0; i < n; i++) {
        g->edges.data[g->path[i]].left -= least;
        g->edges.data[g->path[i] ^ 1].left += least;
    }
    *flow += least;
    return full;
}

static int64_t block_flow(Network *g)
{
    int64_t flow = 0;
    int n = 0, node = 0;
    memcpy(g->at, g->first, (size_t)g->n * sizeof(int));
    for (;;) {
        if (node == 1) {
            n = send(g, n, &flow);
            node = g->edges.data[g->path[n] ^ 1].to;
        }
        int e = g->at[node];
        while (e >= 0 &&
               (g->edges.data[e].left == 0 || g->level[g->edges.data[e].to] != g->level[node] + 1))
            e = g->edges.data[e].next;
        g->at[node] = e;
        if (e >= 0) {
            g->path[n++] = e;
            node = g->edges.data[e].to;
        } else if (n > 0) { /* a dead end: never again in this phase */
            g->level[node] = -1;
            node = g->edges.data[g->path[--n] ^ 1].to;
        } else {
            return flow;
        }
    }
}

int64_t network_cut(Network *g, bool *on_source)
{
    for (int e = 0; e < g->edges.n; e++)
        g->edges.data[e].left = g->edges.data[e].capacity;
    int64_t flow = 0;
    while (find_levels(g))
        flow += block_flow(g);
    for (int i = 0; i < g->n; i++)
        on_source[i] = g->level[i] >= 0;
    return flow;
}
