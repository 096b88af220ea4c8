/* First every option is measured: one timeline with that option in all blocks says what each block
 * keeps over the loss, and how much is live beside what earlier blocks keep while it runs forward
 * and backward. Then dynamic programming over (first block, last block, memory):
 *
 *   C(s, t, m) = min over options o of s that fit:   r(s, o) + C(s + 1, t, m - kept(s, o) - in(s +
 * 1)) min over cuts k in s + 1 .. t:       f(s) + .. + f(k - 1)
 *                                                     + C(k, t, m - in(k)) + C(s, k - 1, m)
 *
 * where m is what is free once all that earlier blocks keep, and the inputs of s, have their place;
 * r is the time of an option's reruns, f that of a whole forward; option o fits where both forward
 * and backward of s fit in m. Splits need the forward of s .. k - 1 with nothing kept to fit. */
#include "plan/chain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Arena *arena;
    const Problem *problem;
    const Catalog *catalog;
    int n, n_options;
    /* [n * n_options], bytes */
    int64_t *kept, *back, *ahead;
    int64_t *edge;      /* [n * (n + 1)], at s * (n + 1) + k; NULL without splits */
    double *forward;    /* [n] seconds */
    int64_t fixed, all; /* resident bytes; what keeping everything takes */
} Model;

/* --- measuring -----------------------------------------------------------------------------------
 */

/* The blocks of steps and the moments of one timeline. */
typedef struct {
    const Timeline *timeline;
    int *block;    /* [n_steps] whose forward or backward the step is part of, -1 before any */
    int loss;      /* the first step that is not a first forward run */
    int64_t *kept; /* [n] bytes that are live at the loss, by the block that wrote them */
} Reading;

static int *blocks_of_nodes(const Model *m, Arena *scratch)
{
    const Blocks *blocks = &m->catalog->blocks;
    int *block = NEW_N(scratch, int, m->problem->n_nodes);
    memset(block, -1, (size_t)m->problem->n_nodes * sizeof *block);
    for (int b = 0; b < m->n; b++)
        for (int i = catalog_start(m->catalog, b); i < blocks->end[b]; i++)
            block[blocks->node[i]] = b;
    return block;
}

static Reading read_timeline(const Model *m, const Timeline *t, Arena *scratch)
{
    Reading r = {.timeline = t, .loss = -1};
    const Plan *plan = t->plan;
    const int *block_of = blocks_of_nodes(m, scratch);
    bool *ran = NEW_N(scratch, bool, m->problem->n_nodes);
    r.block = NEW_N(scratch, int, plan->n_steps);
    for (int s = 0; s < plan->n_steps; s++) {
        int id = plan->sequence[s];
        const ProblemNode *node = &m->problem->nodes[id];
        int at = node->phase == PHASE_forward ? id : node->forward;
        r.block[s] = at >= 0 ? block_of[at] : s > 0 ? r.block[s - 1] : -1;
        if (r.loss < 0 && (node->phase != PHASE_forward || ran[id]))
            r.loss = s;
        ran[id] = true;
    }
    if (r.loss < 0)
        r.loss = plan->n_steps;
    r.kept = NEW_N(scratch, int64_t, m->n);
    for (int l = 0; l < t->n_lives; l++) {
        const Life *life = &t->lives[l];
        const Value *v = &m->problem->values[life->value];
        bool over_loss = life->first_step < r.loss && life->last_step >= r.loss;
        if (over_loss && v->producer >= 0 && !v->resident && !v->to_end &&
            block_of[v->producer] >= 0)
            r.kept[block_of[v->producer]] += (int64_t)value_bytes(m->problem, life->value);
    }
    return r;
}

static void raise_to(int64_t *most, int64_t bytes)
{
    if (bytes > *most)
        *most = bytes;
}

/* What is live at each step beside what earlier blocks keep. */
static void note_needs(Model *m, const Reading *r, int option, Arena *scratch)
{
    int64_t *below = NEW_N(scratch, int64_t, m->n + 1);
    for (int b = 0; b < m->n; b++) {
        below[b + 1] = below[b] + r->kept[b];
        m->kept[b * m->n_options + option] = r->kept[b];
    }
    for (int s = 0; s < r->timeline->plan->n_steps; s++) {
        int b = r->block[s] >= 0 ? r->block[s] : 0, at = b * m->n_options + option;
        int64_t bytes = (int64_t)r->timeline->live_bytes[s] - below[b];
        raise_to(s < r->loss ? &m->ahead[at] : &m->back[at], bytes);
    }
}

static bool measure_option(Model *m, int option)
{
    Arena *scratch = arena_new();
    Segments segments = segments_new(scratch, m->problem, m->n);
    for (int b = 0; b < m->n; b++)
        catalog_apply(m->catalog, b, option, -1, &segments);
    segments.on_demand = true;
    Plan *plan = segments_schedule(scratch, m->problem, &segments, "");
    Timeline t = plan_simulate(scratch, m->problem, plan);
    if (!t.error) {
        Reading r = read_timeline(m, &t, scratch);
        note_needs(m, &r, option, scratch);
        raise_to(&m->all, (int64_t)t.max_live_bytes);
    }
    bool legal = !t.error;
    arena_free(scratch);
    return legal;
}

/* The blocks between which a value is handed on: written in *from, last read forward in *to. */
static void add_edges(Model *m, int from, int to, int64_t bytes)
{
    for (int s = 0; s <= from; s++)
        for (int k = from + 1; k <= to; k++)
            m->edge[s * (m->n + 1) + k] += bytes;
}

static void find_edges(Model *m)
{
    Arena *scratch = arena_new();
    const Problem *p = m->problem;
    const int *block = blocks_of_nodes(m, scratch);
    int *last = NEW_N(scratch, int, p->n_values);
    for (int i = 0; i < p->n_nodes; i++)
        for (int k = 0; k < p->nodes[i].n_reads && p->nodes[i].phase == PHASE_forward; k++)
            last[p->nodes[i].reads[k]] = block[i];
    m->edge = NEW_N(m->arena, int64_t, (size_t)m->n * (size_t)(m->n + 1));
    for (int v = 0; v < p->n_values; v++) {
        int producer = p->values[v].producer;
        if (producer >= 0 && block[producer] >= 0)
            add_edges(m, block[producer], last[v], (int64_t)value_bytes(p, v));
    }
    arena_free(scratch);
}

static Model model_new(Arena *arena, const Problem *problem, const Catalog *catalog, bool splits)
{
    Model m = {
        arena, problem, catalog, catalog->blocks.n, catalog->most_options, NULL, NULL, NULL, NULL,
        NULL,  0,       0};
    size_t cells = (size_t)m.n * (size_t)m.n_options;
    m.kept = NEW_N(arena, int64_t, cells);
    m.back = NEW_N(arena, int64_t, cells);
    m.ahead = NEW_N(arena, int64_t, cells);
    m.forward = NEW_N(arena, double, m.n);
    for (int b = 0; b < m.n; b++)
        for (int i = catalog_start(catalog, b); i < catalog->blocks.end[b]; i++)
            m.forward[b] += problem->nodes[catalog->blocks.node[i]].seconds;
    for (int v = 0; v < problem->n_values; v++)
        if (problem->values[v].resident && problem->values[v].takes < 0)
            m.fixed += (int64_t)value_bytes(problem, v);
    if (splits)
        find_edges(&m);
    for (int o = 0; o < m.n_options; o++)
        if (!measure_option(&m, o))
            for (int b = 0; b < m.n; b++)
                m.back[b * m.n_options + o] = INT64_MAX / 2;
    return m;
}

/* --- the programme -------------------------------------------------------------------------------
 */

typedef struct {
    const Model *model;
    int64_t unit;
    int n_units;      /* memory above the fixed bytes, 0 .. n_units */
    int *kept, *need; /* [n * n_options] in units */
    double *extra;    /* [n * n_options] */
    double *sum;      /* [n + 1] forward seconds of the blocks before */
    /* [pairs * (n_units + 1)]: least time, and what attains it: an option, or n_options + cut - 1 -
     * s, or -1 where nothing fits */
    float *time;
    int16_t *choice;
    bool splits;
} Programme;

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t choose_unit(const Model *m, int most_units)
{
    int64_t unit = 0, range = m->all - m->fixed;
    for (int i = 0; i < m->n * m->n_options; i++)
        unit = common_divisor(unit, m->kept[i]);
    for (int i = 0; m->edge && i < m->n * (m->n + 1); i++)
        unit = common_divisor(unit, m->edge[i]);
    if (unit > 0 && range / unit <= 4 * most_units)
        return unit;
    return range / most_units + 1;
}

static size_t pair_index(const Programme *p, int s, int t)
{
    /* With splits all s <= t; else only t = n - 1 matters. */
    size_t pair = p->splits ? (size_t)t * (size_t)(t + 1) / 2 + (size_t)s : (size_t)s;
    return pair * (size_t)(p->n_units + 1);
}

static int in_units(int64_t bytes, int64_t unit)
{
    int64_t units = (bytes + unit / 2) / unit;
    return units > 1 << 28 ? 1 << 28 : (int)units;
}

static Programme programme_new(const Model *m, const ChainOptions *options)
{
    Programme p = {.model = m, .splits = options->splits};
    p.unit = choose_unit(m, options->most_units);
    p.n_units = (int)((m->all - m->fixed + p.unit - 1) / p.unit);
    int cells = m->n * m->n_options;
    p.kept = NEW_N(m->arena, int, cells);
    p.need = NEW_N(m->arena, int, cells);
    p.extra = NEW_N(m->arena, double, cells);
    p.sum = NEW_N(m->arena, double, m->n + 1);
    for (int b = 0; b < m->n; b++) {
        const OptionSet *set = &m->catalog->of_type[m->catalog->type[b]];
        p.sum[b + 1] = p.sum[b] + m->forward[b];
        for (int o = 0; o < m->n_options; o++) {
            int at = b * m->n_options + o;
            int64_t need = m->back[at] > m->ahead[at] ? m->back[at] : m->ahead[at];
            p.kept[at] = in_units(m->kept[at], p.unit);
            p.need[at] = in_units(need - m->fixed, p.unit);
            p.extra[at] = set->option[o < set->n ? o : set->n - 1].seconds;
        }
    }
    size_t pairs = p.splits ? (size_t)m->n * (size_t)(m->n + 1) / 2 : (size_t)m->n;
    p.time = xmalloc(pairs * (size_t)(p.n_units + 1) * sizeof *p.time);
    p.choice = xmalloc(pairs * (size_t)(p.n_units + 1) * sizeof *p.choice);
    return p;
}

/* time[m] = min(time[m], extra + rest[m - less]) for m >= need. */
static void relax(const Programme *p, size_t at, const float *rest, int less, int need, float extra,
                  int16_t choice)
{
    float *time = p->time + at;
    int16_t *chosen = p->choice + at;
    int from = need > less ? need : less;
    for (int m = from < 0 ? 0 : from; m <= p->n_units; m++) {
        float candidate = extra + rest[m - less];
        if (candidate < time[m]) {
            time[m] = candidate;
            chosen[m] = choice;
        }
    }
}

/* The same with two parts that follow each other: right[m - less] + left[m]. */
static void relax_split(const Programme *p, size_t at, const float *right, const float *left,
                        int less, int need, float extra, int16_t choice)
{
    float *time = p->time + at;
    int16_t *chosen = p->choice + at;
    for (int m = need > less ? need : less; m <= p->n_units; m++) {
        float candidate = extra + right[m - less] + left[m];
        if (candidate < time[m]) {
            time[m] = candidate;
            chosen[m] = choice;
        }
    }
}

/* What a forward with nothing kept needs: the least over the options. */
static int forward_need(const Programme *p, int block)
{
    const Model *m = p->model;
    int64_t least = INT64_MAX;
    for (int o = 0; o < m->n_options; o++)
        if (m->ahead[block * m->n_options + o] < least)
            least = m->ahead[block * m->n_options + o];
    int need = in_units(least - m->fixed, p->unit);
    return need > 0 ? need : 0;
}

static int edge_units(const Programme *p, int s, int k)
{
    const int64_t *edge = p->model->edge;
    return in_units(edge[s * (p->model->n + 1) + k], p->unit); /* NOLINT: only asked with splits */
}

static void solve_pair(Programme *p, int s, int t, const float *nothing)
{
    const Model *m = p->model;
    size_t at = pair_index(p, s, t);
    for (int i = 0; i <= p->n_units; i++) {
        p->time[at + (size_t)i] = INFINITY;
        p->choice[at + (size_t)i] = -1;
    }
    const OptionSet *set = &m->catalog->of_type[m->catalog->type[s]];
    for (int o = 0; o < set->n; o++) {
        int cell = s * m->n_options + o;
        const float *rest = s < t ? p->time + pair_index(p, s + 1, t) : nothing;
        int less = s < t ? p->kept[cell] : 0;
        relax(p, at, rest, less, p->need[cell], (float)p->extra[cell], (int16_t)o);
    }
    int need = 0;
    for (int k = s + 1; k <= t && p->splits; k++) {
        int more = forward_need(p, k - 1);
        need = more > need ? more : need;
        relax_split(p, at, p->time + pair_index(p, k, t), p->time + pair_index(p, s, k - 1),
                    edge_units(p, s, k), need, (float)(p->sum[k] - p->sum[s]),
                    (int16_t)(m->n_options + k - 1 - s));
    }
}

static void solve(Programme *p)
{
    int n = p->model->n;
    float *nothing = xcalloc((size_t)p->n_units + 1, sizeof *nothing);
    for (int t = p->splits ? 0 : n - 1; t < n; t++)
        for (int s = t; s >= 0; s--)
            solve_pair(p, s, t, nothing);
    free(nothing);
}

/* --- answers -------------------------------------------------------------------------------------
 */

/* Follows the choices; recursion is as deep as segments nest. */
static void build(const Programme *p, int s, int t, int units, int parent, Segments *segments)
{
    const Model *m = p->model;
    while (s <= t) {
        int choice = p->choice[pair_index(p, s, t) + (size_t)units];
        if (choice < m->n_options) {
            catalog_apply(m->catalog, s, choice, parent, segments);
            if (s < t)
                units -= p->kept[s * m->n_options + choice];
            s++;
            continue;
        }
        int cut = choice - m->n_options + 1 + s;
        build(p, s, cut - 1, units, segments_add(segments, parent), segments);
        units -= edge_units(p, s, cut);
        s = cut;
    }
}

static void offer(Pool *pool, const Programme *p, int units)
{
    Arena *scratch = arena_new();
    const Model *m = p->model;
    Segments segments = segments_new(scratch, m->problem, 2 * m->n);
    segments.on_demand = true;
    build(p, 0, m->n - 1, units, -1, &segments);
    pool_offer_segments(pool, &segments);
    arena_free(scratch);
}

/* The budgets at which the answer changes, at most `most` of them, evenly chosen. */
static void offer_all(Pool *pool, const Programme *p, int most)
{
    size_t at = pair_index(p, 0, p->model->n - 1);
    int *units = xcalloc((size_t)p->n_units + 1, sizeof *units), n = 0;
    float before = INFINITY;
    for (int i = 0; i <= p->n_units; i++)
        if (p->time[at + (size_t)i] < before) {
            before = p->time[at + (size_t)i];
            units[n++] = i;
        }
    int taken = n < most ? n : most;
    for (int i = 0; i < taken; i++)
        offer(pool, p, units[taken > 1 ? (int64_t)i * (n - 1) / (taken - 1) : 0]);
    free(units);
}

void chain_offer(Pool *pool, const Catalog *catalog, const ChainOptions *options)
{
    if (catalog->blocks.n == 0)
        return;
    Arena *scratch = arena_new();
    Model model = model_new(scratch, pool->problem, catalog, options->splits);
    Programme programme = programme_new(&model, options);
    solve(&programme);
    offer_all(pool, &programme, pool_affordable(pool, options->most_plans));
    free(programme.time);
    free(programme.choice);
    arena_free(scratch);
}
