/* A* over states (first runs done, set of live values). A step runs one node, the next first run or
 * any again; values are dropped only just before a run that needs their room, and no more of them
 * than it needs, since a live value never harms otherwise. The estimate of what is still to come:
 * what is missing has to run again, and what a later cut has no room for (see bounds.c). */
#include "plan/exact.h"

#include "plan/replay.h"

#include <math.h>
#include <stdlib.h>

enum { MASK_WORDS = 2, MAX_VALUES = 64 * MASK_WORDS, MOST_STATES = 2000000 };

typedef struct {
    uint64_t word[MASK_WORDS];
} Mask;

typedef struct {
    Mask live;
    double extra; /* cost of the re-runs so far */
    int stage;    /* the next node to run for the first time */
    int parent;   /* state; -1: the start */
    int node;     /* what ran to get here */
    int next;     /* in its hash chain */
} State;

typedef struct {
    double estimate; /* of the whole extra cost */
    double extra;
    int state;
} Open;

typedef struct {
    int value;
    int64_t bytes;
} Drop;

typedef struct {
    const RecomputeProblem *problem;
    int *writers;
    int64_t budget;
    Mask *reads, *writes;  /* [n_nodes] */
    Mask *needed, *useful; /* [n_nodes + 1]: read by a first run from here on (or an output); worth
                              keeping at this stage */
    State *states;
    int n_states, most_states;
    int *buckets, n_buckets; /* state + 1; 0: empty */
    Open *heap;
    int n_heap, heap_capacity;
    double worst_extra;
    int64_t work_left;
    bool gave_up;
    /* The expansion at hand. */
    int from, node;
    Drop drops[MAX_VALUES];
    int n_drops;
} Exact;

/* --- sets of values ------------------------------------------------------------------------------
 */

static void add(Mask *m, int v)
{
    m->word[v / 64] |= (uint64_t)1 << (v % 64);
}

static void discard(Mask *m, int v)
{
    m->word[v / 64] &= ~((uint64_t)1 << (v % 64));
}

static Mask both(Mask a, Mask b)
{
    for (int i = 0; i < MASK_WORDS; i++)
        a.word[i] &= b.word[i];
    return a;
}

static Mask either(Mask a, Mask b)
{
    for (int i = 0; i < MASK_WORDS; i++)
        a.word[i] |= b.word[i];
    return a;
}

static Mask without(Mask a, Mask b)
{
    for (int i = 0; i < MASK_WORDS; i++)
        a.word[i] &= ~b.word[i];
    return a;
}

static bool is_empty(Mask a)
{
    uint64_t any = 0;
    for (int i = 0; i < MASK_WORDS; i++)
        any |= a.word[i];
    return any == 0;
}

/* The smallest value of the set, which must not be empty. */
static int first_of(const Mask *m)
{
    int i = 0;
    while (m->word[i] == 0)
        i++;
    return 64 * i + __builtin_ctzll(m->word[i]);
}

static int64_t bytes_of(const Exact *x, Mask m)
{
    int64_t bytes = 0;
    while (!is_empty(m)) {
        int v = first_of(&m);
        bytes += (int64_t)x->problem->value_bytes[v];
        discard(&m, v);
    }
    return bytes;
}

/* --- the estimate --------------------------------------------------------------------------------
 */

static bool runs_once(const Exact *x, int node)
{
    return x->problem->runs_once && x->problem->runs_once[node];
}

/* The cost of running again whatever is missing for the first runs to come, with what that lacks
 * itself; INFINITY where it must not run again. */
static double missing_cost(const Exact *x, int stage, const Mask *live)
{
    double cost = 0;
    Mask seen = *live, missing = without(x->needed[stage], *live);
    while (!is_empty(missing)) {
        int node = x->writers[first_of(&missing)];
        if (runs_once(x, node))
            return INFINITY;
        cost += x->problem->cost[node];
        seen = either(seen, x->writes[node]);
        missing = without(either(missing, x->reads[node]), seen);
    }
    return cost;
}

/* --- open states ---------------------------------------------------------------------------------
 */

static bool is_before(const Open *a, const Open *b)
{
    return a->estimate != b->estimate ? a->estimate < b->estimate : a->state > b->state;
}

static void heap_push(Exact *x, Open open)
{
    if (x->n_heap == x->heap_capacity) {
        x->heap_capacity = 2 * x->heap_capacity + 256;
        x->heap = xrealloc(x->heap, (size_t)x->heap_capacity * sizeof *x->heap);
    }
    int i = x->n_heap++;
    for (; i > 0 && is_before(&open, &x->heap[(i - 1) / 2]); i = (i - 1) / 2)
        x->heap[i] = x->heap[(i - 1) / 2];
    x->heap[i] = open;
}

static Open heap_pop(Exact *x)
{
    Open top = x->heap[0], last = x->heap[--x->n_heap];
    int i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child >= x->n_heap)
            break;
        if (child + 1 < x->n_heap && is_before(&x->heap[child + 1], &x->heap[child]))
            child++;
        if (!is_before(&x->heap[child], &last))
            break;
        x->heap[i] = x->heap[child];
        i = child;
    }
    x->heap[i] = last;
    return top;
}

static int *bucket_of(const Exact *x, int stage, const Mask *live)
{
    uint64_t h = (uint64_t)stage;
    for (int i = 0; i < MASK_WORDS; i++) {
        h = (h ^ live->word[i]) * 0x9e3779b97f4a7c15U;
        h ^= h >> 32;
    }
    return &x->buckets[h % (uint64_t)x->n_buckets];
}

/* Reaches a state by running x->node from x->from. */
static void reach(Exact *x, int stage, Mask live, double extra)
{
    double estimate = extra + missing_cost(x, stage, &live);
    if (!(estimate <= x->worst_extra))
        return;
    int *bucket = bucket_of(x, stage, &live), id = *bucket - 1;
    while (id >= 0 &&
           !(x->states[id].stage == stage && is_empty(without(live, x->states[id].live)) &&
             is_empty(without(x->states[id].live, live))))
        id = x->states[id].next;
    if (id >= 0 && x->states[id].extra <= extra)
        return;
    if (id < 0) {
        if (x->n_states == x->most_states) {
            x->gave_up = true;
            return;
        }
        id = x->n_states++;
        x->states[id] = (State){.live = live, .stage = stage, .next = *bucket - 1};
        *bucket = id + 1;
    }
    x->states[id].extra = extra;
    x->states[id].parent = x->from;
    x->states[id].node = x->node;
    heap_push(x, (Open){estimate, extra, id});
}

/* --- steps ---------------------------------------------------------------------------------------
 */

/* Drops from candidate `at` on until `over` bytes are free, in every way that frees no more values
 * than it must; the candidates are sorted by size, the largest first. */
static void drop_and_run(Exact *x, int at, int64_t over, int64_t remaining, Mask live)
{
    const State *s = &x->states[x->from];
    if (over <= 0) {
        bool first = x->node == s->stage;
        int stage = s->stage + first;
        live = both(either(live, x->writes[x->node]), x->useful[stage]);
        reach(x, stage, live, s->extra + (first ? 0 : x->problem->cost[x->node]));
        return;
    }
    x->gave_up = x->gave_up || --x->work_left < 0;
    Mask after = either(live, x->writes[x->node]);
    if (remaining < over || x->gave_up ||
        s->extra + missing_cost(x, s->stage, &after) > x->worst_extra)
        return;
    Mask dropped = live;
    discard(&dropped, x->drops[at].value);
    remaining -= x->drops[at].bytes;
    drop_and_run(x, at + 1, over - x->drops[at].bytes, remaining, dropped);
    drop_and_run(x, at + 1, over, remaining, live);
}

static int by_bytes(const void *a, const void *b)
{
    const Drop *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->value < y->value ? -1 : 1;
}

static void run_node(Exact *x, int from, int node)
{
    Mask live = x->states[from].live, used = either(x->reads[node], x->writes[node]);
    int64_t need = bytes_of(x, either(live, x->writes[node]));
    if (x->problem->workspace_bytes)
        need += (int64_t)x->problem->workspace_bytes[node];
    Mask free = without(live, used);
    int64_t remaining = 0;
    x->n_drops = 0;
    while (!is_empty(free)) {
        int v = first_of(&free);
        discard(&free, v);
        x->drops[x->n_drops++] = (Drop){v, (int64_t)x->problem->value_bytes[v]};
        remaining += (int64_t)x->problem->value_bytes[v];
    }
    qsort(x->drops, (size_t)x->n_drops, sizeof *x->drops, by_bytes);
    x->from = from;
    x->node = node;
    drop_and_run(x, 0, need - x->budget, remaining, live);
}

/* All that can run now and writes something that is missing and useful. */
static void expand(Exact *x, int from)
{
    int stage = x->states[from].stage;
    Mask live = x->states[from].live;
    for (int node = 0; node <= stage && node < x->problem->n_nodes; node++) {
        Mask gained = without(both(x->writes[node], x->useful[stage]), live);
        bool rerun = node < stage;
        if ((rerun && (runs_once(x, node) || is_empty(gained))) ||
            !is_empty(without(x->reads[node], live)))
            continue;
        run_node(x, from, node);
    }
}

/* --- the search ----------------------------------------------------------------------------------
 */

/* useful: needed from this stage on, or read by a node that can run again and writes something
 * useful. */
static void find_useful(Exact *x, int stage)
{
    Mask useful = x->needed[stage];
    for (int k = stage - 1; k >= 0; k--)
        if (!runs_once(x, k) && !is_empty(both(x->writes[k], useful)))
            useful = either(useful, x->reads[k]);
    x->useful[stage] = useful;
}

static void find_needed(Exact *x)
{
    const RecomputeProblem *p = x->problem;
    Mask needed = {{0}}, written = {{0}};
    for (int v = 0; v < p->n_values; v++)
        if (p->is_output && p->is_output[v] && x->writers[v] >= 0)
            add(&needed, v);
    for (int k = p->n_nodes; k >= 0; k--) {
        if (k < p->n_nodes)
            needed = either(needed, x->reads[k]);
        x->needed[k] = needed;
    }
    for (int k = 0; k <= p->n_nodes; k++) {
        x->needed[k] = both(x->needed[k], written);
        if (k < p->n_nodes)
            written = either(written, x->writes[k]);
        find_useful(x, k);
    }
}

static Exact *exact_new(const RecomputeProblem *p, const ExactOptions *options)
{
    static const double work_per_second = 1e7;
    Exact *x = xcalloc(1, sizeof *x);
    size_t n = (size_t)p->n_nodes + 1;
    x->problem = p;
    x->writers = recompute_writers(p);
    size_t room = p->budget_bytes - p->resident_bytes;
    x->budget = room < INT64_MAX ? (int64_t)room : INT64_MAX;
    x->reads = xcalloc(n, sizeof *x->reads);
    x->writes = xcalloc(n, sizeof *x->writes);
    x->needed = xcalloc(n, sizeof *x->needed);
    x->useful = xcalloc(n, sizeof *x->useful);
    for (int k = 0; k < p->n_nodes; k++) {
        for (int e = p->read_start[k]; e < p->read_start[k + 1]; e++)
            if (x->writers[p->reads[e]] >= 0)
                add(&x->reads[k], p->reads[e]);
        for (int e = p->write_start[k]; e < p->write_start[k + 1]; e++)
            add(&x->writes[k], p->writes[e]);
    }
    find_needed(x);
    x->worst_extra = options->worst_extra;
    x->work_left = (int64_t)(options->effort * work_per_second);
    x->most_states = x->work_left < MOST_STATES ? (int)x->work_left + 1 : MOST_STATES;
    x->states = xcalloc((size_t)x->most_states, sizeof *x->states);
    x->n_buckets = 2 * x->most_states + 1;
    x->buckets = xcalloc((size_t)x->n_buckets, sizeof *x->buckets);
    return x;
}

static void exact_free(Exact *x)
{
    free(x->writers);
    free(x->reads);
    free(x->writes);
    free(x->needed);
    free(x->useful);
    free(x->states);
    free(x->buckets);
    free(x->heap);
    free(x);
}

static RecomputeSchedule trace_back(const Exact *x, int goal)
{
    RecomputeSchedule out = {0};
    for (int id = goal; x->states[id].parent >= 0; id = x->states[id].parent)
        out.n++;
    out.sequence = xcalloc((size_t)out.n + 1, sizeof *out.sequence);
    int i = out.n;
    for (int id = goal; x->states[id].parent >= 0; id = x->states[id].parent)
        out.sequence[--i] = x->states[id].node;
    ReplayReport report = replay_sequence(x->problem, out.sequence, out.n);
    if (report.fault || report.peak_bytes > x->problem->budget_bytes)
        bug("an exact schedule is wrong: %s at run %d", report.fault ? report.fault : "too large",
            report.at);
    out.cost = report.cost;
    out.peak_bytes = report.peak_bytes;
    return out;
}

/* The state that ends the cheapest schedule; -1: there is none, or gave up. */
static int search(Exact *x, const ExactOptions *options)
{
    x->from = x->node = -1;
    reach(x, 0, (Mask){{0}}, 0);
    for (int n = 0; x->n_heap > 0 && !x->gave_up; n++) {
        if (options->stop && n % 256 == 0 && options->stop(options->context))
            x->gave_up = true;
        Open open = heap_pop(x);
        if (open.extra > x->states[open.state].extra)
            continue;
        if (x->states[open.state].stage == x->problem->n_nodes &&
            is_empty(without(x->needed[x->problem->n_nodes], x->states[open.state].live)))
            return open.state;
        expand(x, open.state);
    }
    return -1;
}

ExactStatus exact_search(const RecomputeProblem *problem, const ExactOptions *options,
                         RecomputeSchedule *out)
{
    if (problem->budget_bytes < problem->resident_bytes)
        return EXACT_INFEASIBLE;
    if (problem->n_values > MAX_VALUES)
        return EXACT_GAVE_UP;
    Exact *x = exact_new(problem, options);
    int goal = search(x, options);
    ExactStatus status = x->gave_up ? EXACT_GAVE_UP : EXACT_INFEASIBLE;
    if (goal >= 0) {
        *out = trace_back(x, goal);
        status = EXACT_SOLVED;
    }
    exact_free(x);
    return status;
}

ExactStatus exact_least_peak(const RecomputeProblem *problem, const ExactOptions *options,
                             RecomputeSchedule *out)
{
    RecomputeProblem below = *problem;
    ExactOptions any = *options;
    any.worst_extra = INFINITY;
    size_t refused = 0; /* no schedule has a peak this small or smaller */
    *out = recompute_base_schedule(problem);
    while (refused + 1 < out->peak_bytes) {
        RecomputeSchedule lower;
        below.budget_bytes = refused + (out->peak_bytes - refused) / 2;
        switch (exact_search(&below, &any, &lower)) {
        case EXACT_SOLVED:
            recompute_schedule_free(out);
            *out = lower;
            break;
        case EXACT_INFEASIBLE: refused = below.budget_bytes; break;
        case EXACT_GAVE_UP: recompute_schedule_free(out); return EXACT_GAVE_UP;
        }
    }
    return EXACT_SOLVED;
}
