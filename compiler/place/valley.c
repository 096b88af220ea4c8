/* Valley fill: the skyline of what is placed is a list of flat segments; the lowest (then leftmost)
 * takes the first buffer of the order whose lifetime fits in it, or is raised to its lower
 * neighbour. Every hole that is left is one that nothing could use. Burke, Kendall and Whitwell's
 * best-fit for strip packing, as Sekiyama et al. 2018 (arXiv 1804.10001) apply it to lifetimes. */
#include "place/packing.h"

#include <string.h>

/* A node of a segment tree over the buffers in order of birth: of those not yet placed below it. */
typedef struct {
    int to;   /* the earliest end */
    int rank; /* the best rank */
} Node;

typedef struct {
    int64_t height;
    int from;
} HeapEntry;

struct Valley {
    const Packing *packing;
    Node *tree;
    int n_leaves;
    /* Segments are known by the section that they start in. */
    int *next, *previous;
    int64_t *height; /* -1: no segment starts here */
    HeapEntry *heap; /* stale entries stay until they surface */
    int n_heap;
    int64_t steps;
};

enum { NONE = INT32_MAX };

Valley *valley_new(Arena *arena, const Packing *packing)
{
    Valley *valley = NEW(arena, Valley);
    valley->packing = packing;
    valley->n_leaves = 1;
    while (valley->n_leaves < packing->n)
        valley->n_leaves *= 2;
    valley->tree = NEW_N(arena, Node, 2 * (size_t)valley->n_leaves);
    valley->next = NEW_N(arena, int, packing->n_sections + 1);
    valley->previous = NEW_N(arena, int, packing->n_sections + 1);
    valley->height = NEW_N(arena, int64_t, packing->n_sections + 1);
    /* A buffer pushes at most three segments, a raise one, and each raise removes a segment. */
    valley->heap = NEW_N(arena, HeapEntry, 6 * (size_t)packing->n + 2);
    return valley;
}

static Node node_join(Node a, Node b)
{
    return (Node){a.to < b.to ? a.to : b.to, a.rank < b.rank ? a.rank : b.rank};
}

static void tree_fill(Valley *valley, const int *order)
{
    const Packing *packing = valley->packing;
    Node *tree = valley->tree;
    int n_leaves = valley->n_leaves;
    for (int rank = 0; rank < packing->n; rank++)
        tree[n_leaves + order[rank]] = (Node){packing->to[order[rank]], rank};
    for (int i = packing->n; i < n_leaves; i++)
        tree[n_leaves + i] = (Node){NONE, NONE};
    for (int i = n_leaves - 1; i > 0; i--)
        tree[i] = node_join(tree[2 * i], tree[2 * i + 1]);
}

static void tree_remove(Valley *valley, int buffer)
{
    Node *tree = valley->tree;
    int i = valley->n_leaves + buffer;
    tree[i] = (Node){NONE, NONE};
    while (i >>= 1)
        tree[i] = node_join(tree[2 * i], tree[2 * i + 1]);
}

typedef struct {
    int first, last; /* buffers first <= i < last ... */
    int to;          /* ... that end here or earlier */
    int best;        /* the best rank so far */
} Query;

/* The node covers the buffers low <= i < high. */
static void tree_search(Valley *valley, int node, int low, int high, Query *query)
{
    const Node *tree = valley->tree;
    if (low >= query->last || high <= query->first || tree[node].to > query->to ||
        tree[node].rank >= query->best)
        return;
    valley->steps++;
    if (high - low == 1) {
        query->best = tree[node].rank;
        return;
    }
    int middle = (low + high) / 2;
    if (tree[2 * node].rank < tree[2 * node + 1].rank) {
        tree_search(valley, 2 * node, low, middle, query);
        tree_search(valley, 2 * node + 1, middle, high, query);
    } else {
        tree_search(valley, 2 * node + 1, middle, high, query);
        tree_search(valley, 2 * node, low, middle, query);
    }
}

static bool heap_less(HeapEntry a, HeapEntry b)
{
    return a.height < b.height || (a.height == b.height && a.from < b.from);
}

static void heap_push(Valley *valley, int from)
{
    HeapEntry entry = {valley->height[from], from}, *heap = valley->heap;
    int i = valley->n_heap++;
    for (; i > 0 && heap_less(entry, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = entry;
}

static HeapEntry heap_pop(Valley *valley)
{
    HeapEntry *heap = valley->heap, top = heap[0], last = heap[--valley->n_heap];
    int i = 0;
    for (int child; (child = 2 * i + 1) < valley->n_heap; i = child) {
        if (child + 1 < valley->n_heap && heap_less(heap[child + 1], heap[child]))
            child++;
        if (!heap_less(heap[child], last))
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

/* The segment from a up to (not with) b, and then c. */
static void segment_link(Valley *valley, int a, int b)
{
    valley->next[a] = b;
    if (b < valley->packing->n_sections)
        valley->previous[b] = a;
}

static void segment_start(Valley *valley, int from, int end, int64_t height)
{
    int after = valley->next[from];
    segment_link(valley, from, end);
    segment_link(valley, end, after);
    valley->height[end] = height;
}

static void segment_join_next(Valley *valley, int from)
{
    int end = valley->next[from];
    valley->height[end] = -1;
    segment_link(valley, from, valley->next[end]);
}

static int segment_merge_equal(Valley *valley, int from)
{
    int end = valley->next[from];
    if (end < valley->packing->n_sections && valley->height[end] == valley->height[from])
        segment_join_next(valley, from);
    int before = valley->previous[from];
    if (before >= 0 && valley->height[before] == valley->height[from]) {
        segment_join_next(valley, before);
        from = before;
    }
    return from;
}

/* Nothing fits: up to the lower neighbour. */
static void segment_raise(Valley *valley, int from)
{
    int n_sections = valley->packing->n_sections, before = valley->previous[from];
    int64_t left = before >= 0 ? valley->height[before] : INT64_MAX;
    int64_t right =
        valley->next[from] < n_sections ? valley->height[valley->next[from]] : INT64_MAX;
    if (left == INT64_MAX && right == INT64_MAX)
        return;
    valley->height[from] = left < right ? left : right;
    heap_push(valley, segment_merge_equal(valley, from));
}

static int64_t segment_place(Valley *valley, int from, int buffer)
{
    const Packing *packing = valley->packing;
    int64_t height = valley->height[from], top = height + packing->size[buffer];
    int a = packing->from[buffer], b = packing->to[buffer];
    if (b < valley->next[from]) {
        segment_start(valley, from, b, height);
        heap_push(valley, b);
    }
    if (a > from) {
        segment_start(valley, from, a, top);
        heap_push(valley, from);
    }
    valley->height[a] = top;
    heap_push(valley, segment_merge_equal(valley, a));
    return top;
}

static void skyline_reset(Valley *valley)
{
    int n_sections = valley->packing->n_sections;
    for (int s = 0; s < n_sections; s++)
        valley->height[s] = -1;
    valley->height[0] = 0;
    valley->next[0] = n_sections;
    valley->previous[0] = -1;
    valley->n_heap = 0;
    heap_push(valley, 0);
}

int64_t valley_fill(Valley *valley, const int *order, int64_t limit, int64_t *offsets,
                    int64_t *steps)
{
    const Packing *packing = valley->packing;
    int64_t top = 0;
    tree_fill(valley, order);
    skyline_reset(valley);
    valley->steps = packing->n;
    for (int n_placed = 0; n_placed < packing->n && top < limit;) {
        HeapEntry low = heap_pop(valley);
        if (valley->height[low.from] != low.height)
            continue;
        Query query = {packing->first[low.from], packing->first[valley->next[low.from]],
                       valley->next[low.from], NONE};
        tree_search(valley, 1, 0, valley->n_leaves, &query);
        if (query.best == NONE) {
            segment_raise(valley, low.from);
            continue;
        }
        int buffer = order[query.best];
        offsets[buffer] = low.height;
        tree_remove(valley, buffer);
        int64_t reached = segment_place(valley, low.from, buffer);
        if (reached > top)
            top = reached;
        n_placed++;
    }
    *steps -= valley->steps;
    return top < limit ? top : INT64_MAX;
}
