/* One moment in, the cheapest ways to get over it out. */
#include "plan/cut.h"

#include "plan/mincut.h"

#include <math.h>
#include <string.h>

/* Network nodes: 2 + v says that value v is wanted, 2 + n_values + i that node i runs again. A
 * value wanted (source side) whose producer does not run again is kept, at the price of its bytes;
 * a node that runs again wants its reads, at the cost of its seconds. */
typedef struct {
    const Facts *facts;
    const Moment *moment;
    const Moment *until; /* a later one: what is read after it does not count; NULL: all counts */
    Network *network;
    int *edge; /* [n_values] the one whose capacity is the price, or -1 */
    bool *side;
    double scale; /* capacity of a second */
    double slope; /* relative extra cost of the last node over the first; 0 for bounds */
} Cut;

typedef struct {
    double seconds, bytes; /* of a cut: what runs again, what is kept */
} Point;

static int value_at(int v)
{
    return 2 + v;
}

static int node_at(const Cut *c, int i)
{
    return 2 + c->facts->problem->n_values + i;
}

/* A value that may matter: written before, not there for free. */
static bool is_free(const Cut *c, int v)
{
    const Problem *p = c->facts->problem;
    return c->facts->stays[v] || c->moment->read[v] ||
           (!c->facts->can_rerun[v] &&
            (moment_wants(c->facts, c->moment, v) || p->values[v].to_end));
}

/* Read by a node that surely runs between the two moments, and once. */
static bool is_wanted(const Cut *c, int value)
{
    const Facts *f = c->facts;
    if (!c->until)
        return moment_wants(f, c->moment, value);
    for (int e = f->read_start[value]; e < f->read_start[value + 1]; e++) {
        int reader = f->reader[e];
        if (c->moment->after[reader] && !f->problem->nodes[reader].replayable &&
            (c->until->before[reader] || c->until->node == reader))
            return true;
    }
    return false;
}

static void build_values(Cut *c)
{
    const Problem *p = c->facts->problem;
    for (int v = 0; v < p->n_values; v++) {
        c->edge[v] = -1;
        int producer = p->values[v].producer;
        if ((producer >= 0 && !c->moment->before[producer]) || is_free(c, v))
            continue;
        if (is_wanted(c, v))
            network_add(c->network, 0, value_at(v), CAPACITY_INFINITE);
        int to = c->facts->can_rerun[v] ? node_at(c, producer) : 1;
        c->edge[v] = network_add(c->network, value_at(v), to, 0);
    }
}

static double seconds_of(const Cut *c, int node)
{
    const Problem *p = c->facts->problem;
    return p->nodes[node].seconds * (1 + c->slope * node / p->n_nodes);
}

static void build_nodes(Cut *c)
{
    const Problem *p = c->facts->problem;
    for (int i = 0; i < p->n_nodes; i++) {
        if (!c->moment->before[i] || p->nodes[i].phase != PHASE_forward)
            continue;
        network_add(c->network, node_at(c, i), 1, (int64_t)(seconds_of(c, i) * c->scale));
        for (int k = 0; k < p->nodes[i].n_reads; k++)
            if (c->edge[p->nodes[i].reads[k]] >= 0)
                network_add(c->network, node_at(c, i), value_at(p->nodes[i].reads[k]),
                            CAPACITY_INFINITE);
    }
}

/* The cheapest cut where a byte costs `price` seconds. *least is the cut's value in seconds,
 * rounded down. */
static Point cut_at(Cut *c, double price, double *least)
{
    const Problem *p = c->facts->problem;
    for (int v = 0; v < p->n_values; v++)
        if (c->edge[v] >= 0)
            network_set(c->network, c->edge[v],
                        (int64_t)fmin(price * (double)value_bytes(p, v) * c->scale, 2e15));
    int64_t flow = network_cut(c->network, c->side);
    *least = (double)flow / c->scale;
    Point point = {0, 0};
    for (int v = 0; v < p->n_values; v++) {
        int producer = p->values[v].producer;
        bool again = producer >= 0 && c->side[node_at(c, producer)];
        if (c->edge[v] >= 0 && c->side[value_at(v)] && !again)
            point.bytes += (double)value_bytes(p, v);
    }
    for (int i = 0; i < p->n_nodes; i++)
        if (c->side[node_at(c, i)])
            point.seconds += seconds_of(c, i);
    return point;
}

/* The best bound over all prices: walks along the convex hull of (bytes, seconds) to the edge that
 * spans the room. */
static double best_bound(Cut *c, double room, double total_seconds)
{
    enum { MOST_CUTS = 24 };
    double best = 0, least;
    Point much = cut_at(c, 0, &least); /* bytes are free: nothing runs again */
    if (much.bytes <= room)
        return 0;
    double high = total_seconds / fmax(room, 1); /* above it, keeping a byte is never worth it */
    Point little = cut_at(c, high, &least);
    best = fmax(best, least - high * room);
    for (int i = 0; i < MOST_CUTS && much.bytes > little.bytes; i++) {
        double price = (little.seconds - much.seconds) / (much.bytes - little.bytes);
        Point between = cut_at(c, price, &least);
        best = fmax(best, least - price * room);
        double gained =
            little.seconds + price * little.bytes - between.seconds - price * between.bytes;
        if (gained <= 1e-9 * total_seconds)
            break;
        if (between.bytes > room)
            much = between;
        else
            little = between;
    }
    return best;
}

static double forward_seconds(const Problem *p)
{
    double total = 0;
    for (int i = 0; i < p->n_nodes; i++)
        total += p->nodes[i].phase == PHASE_forward ? p->nodes[i].seconds : 0;
    return total;
}

static Cut cut_new(Arena *arena, const Facts *f, const Moment *m, const Moment *until, double slope)
{
    const Problem *p = f->problem;
    double total = forward_seconds(p);
    Cut c = {.facts = f,
             .moment = m,
             .until = until,
             .scale = total > 0 ? 1e15 / total : 1,
             .slope = slope};
    c.network = network_new(arena, 2 + p->n_values + p->n_nodes);
    c.edge = NEW_N(arena, int, p->n_values);
    c.side = NEW_N(arena, bool, 2 + p->n_values + p->n_nodes);
    build_values(&c);
    build_nodes(&c);
    return c;
}

double cut_bound(const Facts *f, const Moment *m, const Moment *until, size_t budget_bytes)
{
    if (budget_bytes < m->live_bytes)
        return (double)INFINITY;
    Arena *scratch = arena_new();
    Cut c = cut_new(scratch, f, m, until, 0);
    double total = forward_seconds(f->problem);
    double bound = best_bound(&c, (double)(budget_bytes - m->live_bytes), total);
    arena_free(scratch);
    return bound;
}

/* --- seeds ---------------------------------------------------------------------------------------
 */

typedef struct {
    Cut cut;
    int left; /* cuts that may still be made */
    void (*visit)(void *context, const bool *runs_again);
    void *context;
} Tour;

typedef struct {
    Point much, little;
} Interval;

static Point visit_price(Tour *tour, double price)
{
    double least;
    Point point = cut_at(&tour->cut, price, &least);
    tour->visit(tour->context, tour->cut.side + node_at(&tour->cut, 0));
    tour->left--;
    return point;
}

/* Splits the interval that spans most bytes until none can be split or the cuts are used up. */
static void tour_hull(Tour *tour, Arena *scratch, Interval whole)
{
    ARRAY(Interval) open = {0};
    PUSH(scratch, open, whole);
    while (open.n > 0 && tour->left > 0) {
        int widest = 0;
        for (int i = 1; i < open.n; i++)
            if (open.data[i].much.bytes - open.data[i].little.bytes >
                open.data[widest].much.bytes - open.data[widest].little.bytes)
                widest = i;
        Interval at = open.data[widest];
        open.data[widest] = open.data[--open.n];
        double bytes = at.much.bytes - at.little.bytes;
        double price = bytes > 0 ? (at.little.seconds - at.much.seconds) / bytes : 0;
        if (price <= 0)
            continue;
        Point between = visit_price(tour, price);
        double gained =
            at.little.seconds - between.seconds + price * (at.little.bytes - between.bytes);
        if (gained <= 1e-9 * at.little.seconds)
            continue;
        PUSH(scratch, open, ((Interval){at.much, between}));
        PUSH(scratch, open, ((Interval){between, at.little}));
    }
}

void cut_visit(const Problem *problem, int most,
               void (*visit)(void *context, const bool *runs_again), void *context)
{
    Arena *arena = arena_new();
    Facts f = facts_new(arena, problem);
    Moment m = moment_new(arena, problem);
    Ranked chosen;
    double total = forward_seconds(problem);
    if (moment_choose(&f, &chosen, 1) > 0 && total > 0) {
        m.node = chosen.node;
        moment_look(&f, &m);
        Tour tour = {cut_new(arena, &f, &m, NULL, 1e-3), most, visit, context};
        Point much = visit_price(&tour, 0);
        Point little = visit_price(&tour, total / (double)problem->alignment);
        tour_hull(&tour, arena, (Interval){much, little});
    }
    arena_free(arena);
}
