/* Lower bounds from cuts. When node t runs for the first time, what it reads and writes is live;
 * of the values written before that a later first run reads, a subset X fits beside them, and the
 * writers of the others have to run again. The least cost of those writers is a knapsack problem:
 * its fractional optimum bounds every cut, its integer optimum the most promising ones. */
#include "plan/bounds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One writer that can run again, at a cut: the bytes to keep all that is still needed of it, and
 * the cost to have it again. */
typedef struct {
    double cost;
    size_t bytes;
} Item;

typedef struct {
    const RecomputeProblem *problem;
    int *writers;
    int *last_reader; /* [n_values], the last node that reads it; -1: none */
    Item *items;      /* [n_nodes], of the cut at hand, the densest first */
    int n_items;
    double *cost_before;  /* [n_nodes + 1], of the items before each */
    size_t *bytes_before; /* [n_nodes + 1] */
    size_t *bytes_of;     /* [n_nodes], scratch */
    bool *is_read;        /* [n_values], by the node of the cut at hand */
} Bounds;

static Bounds bounds_new(const RecomputeProblem *problem)
{
    Bounds b = {.problem = problem, .writers = recompute_writers(problem)};
    size_t n_nodes = (size_t)problem->n_nodes + 1;
    b.last_reader = xcalloc((size_t)problem->n_values + 1, sizeof *b.last_reader);
    b.items = xcalloc(n_nodes, sizeof *b.items);
    b.cost_before = xcalloc(n_nodes, sizeof *b.cost_before);
    b.bytes_before = xcalloc(n_nodes, sizeof *b.bytes_before);
    b.bytes_of = xcalloc(n_nodes, sizeof *b.bytes_of);
    b.is_read = xcalloc((size_t)problem->n_values + 1, sizeof *b.is_read);
    for (int v = 0; v < problem->n_values; v++)
        b.last_reader[v] = problem->is_output && problem->is_output[v] ? problem->n_nodes : -1;
    for (int k = 0; k < problem->n_nodes; k++)
        for (int e = problem->read_start[k]; e < problem->read_start[k + 1]; e++)
            if (b.last_reader[problem->reads[e]] < k)
                b.last_reader[problem->reads[e]] = k;
    return b;
}

static void bounds_free(Bounds *b)
{
    free(b->writers);
    free(b->last_reader);
    free(b->items);
    free(b->cost_before);
    free(b->bytes_before);
    free(b->bytes_of);
    free(b->is_read);
}

static bool is_denser(const Item *a, const Item *b)
{
    return a->cost * (double)b->bytes > b->cost * (double)a->bytes;
}

static int by_density(const void *a, const void *b)
{
    const Item *x = a, *y = b;
    return is_denser(x, y) ? -1 : is_denser(y, x);
}

static void mark_reads(Bounds *b, int node, bool mark)
{
    const RecomputeProblem *p = b->problem;
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++)
        b->is_read[p->reads[e]] = mark;
}

/* The bytes that cannot be given up while node t runs for the first time; bytes_of is set to those
 * that can, by writer. */
static size_t open_cut(Bounds *b, int t)
{
    const RecomputeProblem *p = b->problem;
    size_t fixed = p->resident_bytes + (p->workspace_bytes ? p->workspace_bytes[t] : 0);
    memset(b->bytes_of, 0, (size_t)p->n_nodes * sizeof *b->bytes_of);
    mark_reads(b, t, true);
    for (int v = 0; v < p->n_values; v++) {
        int writer = b->writers[v];
        if (writer < 0 || writer > t)
            continue;
        bool is_needed = b->last_reader[v] > t;
        if (writer == t || b->is_read[v] || (is_needed && p->runs_once && p->runs_once[writer]))
            fixed += p->value_bytes[v];
        else if (is_needed)
            b->bytes_of[writer] += p->value_bytes[v];
    }
    mark_reads(b, t, false);
    return fixed;
}

size_t bounds_memory(const RecomputeProblem *problem)
{
    Bounds b = bounds_new(problem);
    size_t most = problem->resident_bytes;
    for (int t = 0; t < problem->n_nodes; t++) {
        size_t fixed = open_cut(&b, t);
        most = fixed > most ? fixed : most;
    }
    bounds_free(&b);
    return most;
}

/* --- what does not fit has to run again ----------------------------------------------------------
 */

static void sort_items(Bounds *b, int t)
{
    b->n_items = 0;
    for (int k = 0; k < t; k++)
        if (b->bytes_of[k] > 0)
            b->items[b->n_items++] = (Item){b->problem->cost[k], b->bytes_of[k]};
    qsort(b->items, (size_t)b->n_items, sizeof *b->items, by_density);
    for (int i = 0; i < b->n_items; i++) {
        b->cost_before[i + 1] = b->cost_before[i] + b->items[i].cost;
        b->bytes_before[i + 1] = b->bytes_before[i] + b->items[i].bytes;
    }
}

/* The cost of the items from `from` on that do not fit, where the last one to fit may be split. */
static double fractional_loss(const Bounds *b, int from, size_t room)
{
    int fit = from, last = b->n_items; /* items[from .. fit) fit, items[from .. last] do not */
    while (fit < last) {
        int middle = fit + (last - fit) / 2;
        if (b->bytes_before[middle + 1] - b->bytes_before[from] <= room)
            fit = middle + 1;
        else
            last = middle;
    }
    if (fit == b->n_items)
        return 0;
    room -= b->bytes_before[fit] - b->bytes_before[from];
    double split = b->items[fit].cost * (1 - (double)room / (double)b->items[fit].bytes);
    return split + (b->cost_before[b->n_items] - b->cost_before[fit + 1]);
}

/* Depth first, the densest item first, kept before dropped; what is still open where `effort` runs
 * out counts with its bound. */
static double integer_loss(const Bounds *b, int i, size_t room, double lost, double best,
                           int *effort)
{
    double bound = lost + fractional_loss(b, i, room);
    if (bound >= best || i == b->n_items)
        return bound < best ? bound : best;
    if (--*effort < 0)
        return bound;
    if (b->items[i].bytes <= room) {
        double kept = integer_loss(b, i + 1, room - b->items[i].bytes, lost, best, effort);
        best = kept < best ? kept : best;
    }
    return integer_loss(b, i + 1, room, lost + b->items[i].cost, best, effort);
}

/* The loss at one cut; INFINITY where not even what is fixed fits. */
static double cut_loss(Bounds *b, int t)
{
    enum { MOST_ITEMS = 4000 }; /* the depth of the recursion */
    size_t fixed = open_cut(b, t), bytes = fixed;
    if (fixed > b->problem->budget_bytes)
        return INFINITY;
    for (int k = 0; k < t; k++)
        bytes += b->bytes_of[k];
    if (bytes <= b->problem->budget_bytes)
        return 0;
    sort_items(b, t);
    size_t room = b->problem->budget_bytes - fixed;
    int effort = 20000;
    return b->n_items <= MOST_ITEMS ? integer_loss(b, 0, room, 0, INFINITY, &effort)
                                    : fractional_loss(b, 0, room);
}

double bounds_extra_cost(const RecomputeProblem *problem)
{
    enum { MOST_CUTS = 1000 };
    Bounds b = bounds_new(problem);
    double most = bounds_memory(problem) > problem->budget_bytes ? INFINITY : 0;
    for (int t = 0; t < problem->n_nodes && isfinite(most); t += 1 + problem->n_nodes / MOST_CUTS)
        most = fmax(most, cut_loss(&b, t));
    bounds_free(&b);
    return most;
}
