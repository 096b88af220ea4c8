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
    size_t *bytes_of; /* [n_nodes], scratch */
} Bounds;

static Bounds bounds_new(const RecomputeProblem *problem)
{
    Bounds b = {.problem = problem, .writers = recompute_writers(problem)};
    size_t n_nodes = (size_t)problem->n_nodes + 1;
    b.last_reader = xcalloc((size_t)problem->n_values + 1, sizeof *b.last_reader);
    b.items = xcalloc(n_nodes, sizeof *b.items);
    b.bytes_of = xcalloc(n_nodes, sizeof *b.bytes_of);
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
    free(b->bytes_of);
}

static bool reads_value(const RecomputeProblem *p, int node, int v)
{
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++)
        if (p->reads[e] == v)
            return true;
    return false;
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

/* The bytes that cannot be given up while node t runs for the first time; items is set to what can.
 */
static size_t open_cut(Bounds *b, int t)
{
    const RecomputeProblem *p = b->problem;
    size_t fixed = p->resident_bytes + (p->workspace_bytes ? p->workspace_bytes[t] : 0);
    memset(b->bytes_of, 0, (size_t)p->n_nodes * sizeof *b->bytes_of);
    for (int v = 0; v < p->n_values; v++) {
        int writer = b->writers[v];
        if (writer < 0 || writer > t)
            continue;
        if (writer == t || reads_value(p, t, v))
            fixed += p->value_bytes[v];
        else if (b->last_reader[v] > t && p->runs_once && p->runs_once[writer])
            fixed += p->value_bytes[v];
        else if (b->last_reader[v] > t)
            b->bytes_of[writer] += p->value_bytes[v];
    }
    b->n_items = 0;
    for (int k = 0; k < t; k++)
        if (b->bytes_of[k] > 0)
            b->items[b->n_items++] = (Item){p->cost[k], b->bytes_of[k]};
    qsort(b->items, (size_t)b->n_items, sizeof *b->items, by_density);
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

/* The cost of the items from `from` on that do not fit, where the last one to fit may be split. */
static double fractional_loss(const Bounds *b, int from, size_t room)
{
    double loss = 0;
    int i = from;
    for (; i < b->n_items && b->items[i].bytes <= room; i++)
        room -= b->items[i].bytes;
    if (i < b->n_items) {
        loss = b->items[i].cost * (1 - (double)room / (double)b->items[i].bytes);
        for (i++; i < b->n_items; i++)
            loss += b->items[i].cost;
    }
    return loss;
}

/* Depth first, the densest item first, kept before dropped; ends early with the bounds of what is
 * still open where `effort` runs out. */
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

double bounds_extra_cost(const RecomputeProblem *problem)
{
    Bounds b = bounds_new(problem);
    double most = 0;
    for (int t = 0; t < problem->n_nodes && isfinite(most); t++) {
        size_t fixed = open_cut(&b, t);
        if (fixed > problem->budget_bytes) {
            most = INFINITY;
            break;
        }
        size_t room = problem->budget_bytes - fixed;
        int effort = 20000;
        double loss = fractional_loss(&b, 0, room);
        if (loss > 0)
            loss = integer_loss(&b, 0, room, 0, INFINITY, &effort);
        most = loss > most ? loss : most;
    }
    bounds_free(&b);
    return most;
}
