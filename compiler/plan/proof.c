/* Lower bounds from what must be live at the moment when a node runs. */
#include "plan/proof.h"

#include "plan/mincut.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static void find_readers(Facts *f)
{
    const Problem *p = f->problem;
    f->read_start = NEW_N(f->arena, int, p->n_values + 2);
    int *start = f->read_start + 1;
    for (int i = 0; i < p->n_nodes; i++)
        for (int k = 0; k < p->nodes[i].n_reads; k++)
            start[p->nodes[i].reads[k] + 1]++;
    for (int v = 0; v < p->n_values; v++)
        start[v + 1] += start[v];
    f->reader = NEW_N(f->arena, int, start[p->n_values]);
    for (int i = 0; i < p->n_nodes; i++)
        for (int k = 0; k < p->nodes[i].n_reads; k++)
            f->reader[start[p->nodes[i].reads[k]]++] = i;
}

static Facts facts_new(Arena *arena, const Problem *p)
{
    Facts f = {.arena = arena, .problem = p};
    find_readers(&f);
    f.stays = NEW_N(arena, bool, p->n_values);
    f.can_rerun = NEW_N(arena, bool, p->n_values);
    for (int v = 0; v < p->n_values; v++) {
        const Value *value = &p->values[v];
        for (int u = v; u >= 0 && !f.stays[v]; u = p->values[u].takes)
            f.stays[v] = p->values[u].resident;
        if (value->resident && value->takes < 0)
            f.resident_bytes += value_bytes(p, v);
        f.can_rerun[v] = value->producer >= 0 && p->nodes[value->producer].replayable &&
                         !value->keep && p->nodes[value->producer].phase == PHASE_forward;
    }
    return f;
}

/* Marks all that the node needs, directly or not. */
static void mark_before(const Facts *f, int node, bool *mark, int *stack)
{
    const Problem *p = f->problem;
    int n = 0;
    stack[n++] = node;
    while (n > 0) {
        const ProblemNode *at = &p->nodes[stack[--n]];
        for (int k = 0; k < at->n_reads; k++) {
            int producer = p->values[at->reads[k]].producer;
            if (producer >= 0 && !mark[producer]) {
                mark[producer] = true;
                stack[n++] = producer;
            }
        }
    }
}

static void mark_after(const Facts *f, int node, bool *mark, int *stack)
{
    const Problem *p = f->problem;
    int n = 0;
    stack[n++] = node;
    while (n > 0) {
        const ProblemNode *at = &p->nodes[stack[--n]];
        for (int k = 0; k < at->n_writes; k++)
            for (int e = f->read_start[at->writes[k]]; e < f->read_start[at->writes[k] + 1]; e++)
                if (!mark[f->reader[e]]) {
                    mark[f->reader[e]] = true;
                    stack[n++] = f->reader[e];
                }
    }
}

/* Read after the moment by a node that runs only then, and once. */
static bool is_read_after(const Facts *f, const Moment *m, int value)
{
    for (int e = f->read_start[value]; e < f->read_start[value + 1]; e++)
        if (m->after[f->reader[e]] && !f->problem->nodes[f->reader[e]].replayable)
            return true;
    return false;
}

/* The bytes of a node's own reads and writes, taken over where allowed. */
static size_t own_bytes(const Facts *f, int node)
{
    const ProblemNode *n = &f->problem->nodes[node];
    size_t bytes = round_up(n->workspace_bytes, f->problem->alignment);
    for (int k = 0; k < n->n_reads; k++)
        bytes += f->stays[n->reads[k]] ? 0 : value_bytes(f->problem, n->reads[k]);
    for (int k = 0; k < n->n_writes; k++) {
        bool takes = f->problem->values[n->writes[k]].takes >= 0;
        takes |= n->n_may_take && n->n_may_take[k] > 0;
        bytes += takes || f->stays[n->writes[k]] ? 0 : value_bytes(f->problem, n->writes[k]);
    }
    return bytes;
}

/* Written by a node that nothing orders before or after the moment, and surely wanted after it in
 * bytes that are its own. */
static bool is_awaited(const Facts *f, const Moment *m, int value)
{
    const Value *v = &f->problem->values[value];
    bool awaited = v->to_end;
    for (int e = f->read_start[value]; e < f->read_start[value + 1]; e++) {
        if (!m->after[f->reader[e]])
            return false;
        awaited = true;
    }
    return awaited && v->takes < 0 && !f->stays[value];
}

/* The bytes that must be live so that all unordered readers of a gradient have run; SIZE_MAX where
 * one surely runs later. Outputs are counted once, in `counted`. */
static size_t bytes_of_readers(const Facts *f, const Moment *m, int value, bool *counted)
{
    size_t bytes = 0;
    for (int e = f->read_start[value]; e < f->read_start[value + 1]; e++) {
        int reader = f->reader[e];
        const ProblemNode *node = &f->problem->nodes[reader];
        if (m->after[reader])
            return SIZE_MAX;
        for (int k = 0; k < node->n_writes && !m->before[reader] && reader != m->node; k++) {
            int out = node->writes[k];
            if (counted[out] || node->replayable || !is_awaited(f, m, out))
                continue;
            counted[out] = true;
            bytes += value_bytes(f->problem, out);
        }
    }
    return bytes;
}

/* A gradient whose readers may have run before the moment or not: either what they made of it is
 * live, or it is itself. */
static size_t waiting_bytes(const Facts *f, const Moment *m, Arena *scratch)
{
    const Problem *p = f->problem;
    bool *counted = NEW_N(scratch, bool, p->n_values);
    size_t bytes = 0;
    for (int v = 0; v < p->n_values; v++) {
        int producer = p->values[v].producer;
        if (producer < 0 || !m->before[producer] || f->can_rerun[v] || f->stays[v] || m->read[v])
            continue;
        size_t own = value_bytes(p, v), made = bytes_of_readers(f, m, v, counted);
        if (made != SIZE_MAX) /* else it is live for sure, and counted as such */
            bytes += own < made ? own : made;
    }
    return bytes;
}

static void look_at(const Facts *f, Moment *m)
{
    const Problem *p = f->problem;
    Arena *scratch = arena_new();
    int *stack = NEW_N(scratch, int, p->n_nodes + 1);
    memset(m->before, 0, (size_t)p->n_nodes);
    memset(m->after, 0, (size_t)p->n_nodes);
    memset(m->read, 0, (size_t)p->n_values);
    for (int k = 0; k < p->nodes[m->node].n_reads; k++)
        m->read[p->nodes[m->node].reads[k]] = true;
    mark_before(f, m->node, m->before, stack);
    mark_after(f, m->node, m->after, stack);
    if (m->also >= 0 && !m->after[m->also]) {
        m->after[m->also] = true;
        mark_after(f, m->also, m->after, stack);
    }
    if (m->since >= 0 && !m->before[m->since]) {
        m->before[m->since] = true;
        mark_before(f, m->since, m->before, stack);
    }
    m->live_bytes = f->resident_bytes + own_bytes(f, m->node) + waiting_bytes(f, m, scratch);
    m->still_bytes = 0;
    for (int v = 0; v < p->n_values; v++) {
        int producer = p->values[v].producer;
        bool written = producer < 0 || m->before[producer];
        if (!written || f->stays[v] || m->read[v])
            continue;
        bool wanted = is_read_after(f, m, v);
        if (f->can_rerun[v])
            m->still_bytes += wanted ? value_bytes(p, v) : 0;
        else if (wanted || p->values[v].to_end)
            m->live_bytes += value_bytes(p, v);
    }
    arena_free(scratch);
}

/* --- candidates ----------------------------------------------------------------------------------
 */

typedef struct {
    size_t bytes;
    int node;
} Ranked;

static int by_bytes(const void *x, const void *y)
{
    const Ranked *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->node - b->node;
}

static Ranked *rank_by_own_bytes(const Facts *f)
{
    Ranked *ranked = NEW_N(f->arena, Ranked, f->problem->n_nodes);
    for (int i = 0; i < f->problem->n_nodes; i++)
        ranked[i] = (Ranked){own_bytes(f, i), i};
    qsort(ranked, (size_t)f->problem->n_nodes, sizeof *ranked, by_bytes);
    return ranked;
}

/* How many moments can be looked at in a fraction of a second. */
static int affordable(const Problem *problem)
{
    int64_t each = 1;
    for (int i = 0; i < problem->n_nodes; i++)
        each += 2 + problem->nodes[i].n_reads;
    int64_t n = 40000000 / each;
    return n > problem->n_nodes ? problem->n_nodes : (int)n + 1;
}

static Moment moment_new(Arena *arena, const Problem *problem)
{
    return (Moment){.also = -1,
                    .since = -1,
                    .before = NEW_N(arena, bool, problem->n_nodes),
                    .after = NEW_N(arena, bool, problem->n_nodes),
                    .read = NEW_N(arena, bool, problem->n_values)};
}

size_t proof_memory(const Problem *problem)
{
    Arena *arena = arena_new();
    Facts f = facts_new(arena, problem);
    const Ranked *ranked = rank_by_own_bytes(&f);
    Moment m = moment_new(arena, problem);
    size_t most = f.resident_bytes;
    for (int i = 0, n = affordable(problem); i < problem->n_nodes; i++) {
        m.node = ranked[i].node;
        m.live_bytes = f.resident_bytes + ranked[i].bytes;
        if (i < n)
            look_at(&f, &m);
        if (m.live_bytes > most)
            most = m.live_bytes;
    }
    arena_free(arena);
    return most;
}

/* --- the cut -------------------------------------------------------------------------------------
 */

/* Network nodes: 2 + v says that value v is wanted, 2 + n_values + i that node i runs again. A
 * value wanted (source side) whose producer does not run again is kept, at the price of its bytes;
 * a node that runs again wants its reads, at the cost of its seconds. */
typedef struct {
    const Facts *facts;
    const Moment *moment;
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
            (is_read_after(c->facts, c->moment, v) || p->values[v].to_end));
}

static void build_values(Cut *c)
{
    const Problem *p = c->facts->problem;
    for (int v = 0; v < p->n_values; v++) {
        c->edge[v] = -1;
        int producer = p->values[v].producer;
        if ((producer >= 0 && !c->moment->before[producer]) || is_free(c, v))
            continue;
        if (is_read_after(c->facts, c->moment, v))
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

static Cut cut_new(Arena *arena, const Facts *f, const Moment *m, double slope)
{
    const Problem *p = f->problem;
    double total = forward_seconds(p);
    Cut c = {.facts = f, .moment = m, .scale = total > 0 ? 1e15 / total : 1, .slope = slope};
    c.network = network_new(arena, 2 + p->n_values + p->n_nodes);
    c.edge = NEW_N(arena, int, p->n_values);
    c.side = NEW_N(arena, bool, 2 + p->n_values + p->n_nodes);
    build_values(&c);
    build_nodes(&c);
    return c;
}

static double bound_at(const Facts *f, const Moment *m, size_t budget_bytes)
{
    if (budget_bytes < m->live_bytes)
        return (double)INFINITY;
    Arena *scratch = arena_new();
    Cut c = cut_new(scratch, f, m, 0);
    double total = forward_seconds(f->problem);
    double bound = best_bound(&c, (double)(budget_bytes - m->live_bytes), total);
    arena_free(scratch);
    return bound;
}

/* The nodes at which most must be live or be made up for. */
static int choose_moments(const Facts *f, Ranked *chosen, int most)
{
    const Problem *p = f->problem;
    Moment m = moment_new(f->arena, p);
    int n_all = affordable(p), n = 0;
    const Ranked *ranked = rank_by_own_bytes(f);
    Ranked *found = NEW_N(f->arena, Ranked, p->n_nodes);
    for (int i = 0; i < p->n_nodes && n < n_all; i++) {
        m.node = ranked[i].node;
        look_at(f, &m);
        found[n++] = (Ranked){m.live_bytes + m.still_bytes, m.node};
    }
    qsort(found, (size_t)n, sizeof *found, by_bytes);
    n = n < most ? n : most;
    memcpy(chosen, found, (size_t)n * sizeof *found);
    return n;
}

/* At the first run of `node`, given that `since` ran before and `also` runs later (-1: nothing is
 * given); INFINITY where that cannot be. */
static double bound_given(const Facts *f, Moment *m, int node, int since, int also,
                          size_t budget_bytes)
{
    m->node = node;
    m->since = since;
    m->also = also;
    look_at(f, m);
    if ((also >= 0 && m->before[also]) || (since >= 0 && m->after[since]))
        return (double)INFINITY;
    return bound_at(f, m, budget_bytes);
}

/* Backward nodes that nothing orders against `node` and that follow each other, as far as `most`
 * of them go. */
static int find_chain(const Facts *f, int node, int *chain, int most)
{
    const Problem *p = f->problem;
    Arena *scratch = arena_new();
    Moment m = moment_new(scratch, p), at = moment_new(scratch, p), last = moment_new(scratch, p);
    int n = 0, target = -1;
    m.node = node;
    look_at(f, &m);
    for (int i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].phase == PHASE_backward && !p->nodes[i].replayable && i != node &&
            !m.before[i] && !m.after[i])
            target = i;
    last.node = target;
    if (target >= 0)
        look_at(f, &last);
    for (int i = 0; i < p->n_nodes && target >= 0 && n < most; i++) {
        if (p->nodes[i].phase != PHASE_backward || p->nodes[i].replayable || i == node ||
            m.before[i] || m.after[i] || !last.before[i])
            continue;
        at.node = i;
        look_at(f, &at);
        if (n == 0 || at.before[chain[n - 1]])
            chain[n++] = i;
    }
    arena_free(scratch);
    return n;
}

/* A node that may wait, as a large weight gradient may, runs somewhere between nodes that follow
 * each other: before the first it finds the most to be kept; later on, what it reads is live while
 * they run. The best of its places bounds every schedule. */
static double bound_of_place(const Facts *f, int node, double known, size_t budget_bytes)
{
    enum { MOST_PLACES = 24 };
    int chain[MOST_PLACES], n = find_chain(f, node, chain, MOST_PLACES);
    Moment m = moment_new(f->arena, f->problem);
    double best = (double)INFINITY, meanwhile = 0;
    for (int i = 0; i <= n && best > known && best > meanwhile; i++) {
        int since = i > 0 ? chain[i - 1] : -1, also = i < n ? chain[i] : -1;
        double here = bound_given(f, &m, node, since, also, budget_bytes);
        best = fmin(best, fmax(meanwhile, here));
        if (i < n)
            meanwhile = fmax(meanwhile, bound_given(f, &m, chain[i], -1, node, budget_bytes));
    }
    return best;
}

static double bound_of_places(const Facts *f, double known, size_t budget_bytes)
{
    enum { MOST_LARGE = 3 };
    const Ranked *ranked = rank_by_own_bytes(f);
    for (int i = 0, n_large = 0; i < f->problem->n_nodes && n_large < MOST_LARGE; i++)
        if (!f->problem->nodes[ranked[i].node].replayable) {
            known = fmax(known, bound_of_place(f, ranked[i].node, known, budget_bytes));
            n_large++;
        }
    return known;
}

double proof_rerun_seconds(const Problem *problem, size_t budget_bytes)
{
    enum { MOST_MOMENTS = 12 };
    Arena *arena = arena_new();
    Facts f = facts_new(arena, problem);
    Ranked chosen[MOST_MOMENTS];
    int n = choose_moments(&f, chosen, MOST_MOMENTS);
    Moment m = moment_new(arena, problem);
    double best = 0;
    for (int i = 0; i < n; i++)
        best = fmax(best, bound_given(&f, &m, chosen[i].node, -1, -1, budget_bytes));
    best = bound_of_places(&f, best, budget_bytes);
    arena_free(arena);
    return isfinite(best) ? best : 0; /* else no schedule fits, as the memory bound says */
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

void proof_visit_cuts(const Problem *problem, int most,
                      void (*visit)(void *context, const bool *runs_again), void *context)
{
    Arena *arena = arena_new();
    Facts f = facts_new(arena, problem);
    Moment m = moment_new(arena, problem);
    Ranked chosen;
    double total = forward_seconds(problem);
    if (choose_moments(&f, &chosen, 1) > 0 && total > 0) {
        m.node = chosen.node;
        look_at(&f, &m);
        Tour tour = {cut_new(arena, &f, &m, 1e-3), most, visit, context};
        Point much = visit_price(&tour, 0);
        Point little = visit_price(&tour, total / (double)problem->alignment);
        tour_hull(&tour, arena, (Interval){much, little});
    }
    arena_free(arena);
}
