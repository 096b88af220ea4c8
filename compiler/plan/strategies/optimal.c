/* The cheapest plan of a small problem, with proof: best-first search over the states (first runs
 * done, values in memory). First runs stay in base order; reruns may come in any order and number.
 * What is dropped is decided when a step needs the room, so that only largest sets of what stays
 * are looked at. Where the problem is too large the plan is that of `auto`. */
#include "plan/strategies/strategies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 64, MOST_STATES = 50000 };

/* Choices that a core of the early 2020s looks at in a second. */
static const double work_per_second = 2e7;

typedef struct {
    uint64_t reads, writes, taken; /* taken: inputs that an output must take */
    size_t workspace_bytes;
} NodeBits;

typedef struct {
    int stage, parent, node;
    uint64_t present;
    double cost;
} State;

typedef struct {
    const Problem *problem;
    int *bit; /* [n_values] or -1: resident */
    int n_bits;
    size_t bytes[MOST_VALUES];
    NodeBits *nodes;
    uint64_t
        *wanted; /* [n_nodes + 1] values that nodes of that place or later, or reruns, may read */
    uint64_t *needed; /* [n_nodes + 1] of them those that cannot be computed again */
    int64_t room;     /* budget less what is resident */
    State *states;
    int n_states;
    int *heap, n_heap; /* of states, cheapest first */
    int *slot;         /* hash table of states, -1 free */
    int n_slots;
    int64_t work; /* how many more choices may be looked at */
} Search;

/* --- set up --------------------------------------------------------------------------------------
 */

static bool is_resident(const Problem *p, int value)
{
    for (; value >= 0; value = p->values[value].takes)
        if (p->values[value].resident)
            return true;
    return false;
}

static uint64_t bit_of(const Search *s, int value)
{
    return s->bit[value] >= 0 ? (uint64_t)1 << s->bit[value] : 0;
}

static bool number_values(Search *s, Arena *scratch)
{
    const Problem *p = s->problem;
    s->bit = NEW_N(scratch, int, p->n_values);
    for (int v = 0; v < p->n_values; v++) {
        s->bit[v] = -1;
        if (is_resident(p, v)) {
            if (p->values[v].takes < 0)
                s->room -= (int64_t)value_bytes(p, v);
            continue;
        }
        if (s->n_bits == MOST_VALUES)
            return false;
        s->bytes[s->n_bits] = value_bytes(p, v);
        s->bit[v] = s->n_bits++;
    }
    return true;
}

static void describe_node(Search *s, int id)
{
    const ProblemNode *node = &s->problem->nodes[id];
    NodeBits *bits = &s->nodes[id];
    bits->workspace_bytes = round_up(node->workspace_bytes, s->problem->alignment);
    for (int k = 0; k < node->n_reads; k++)
        bits->reads |= bit_of(s, node->reads[k]);
    for (int k = 0; k < node->n_writes; k++) {
        int taken = s->problem->values[node->writes[k]].takes;
        bits->writes |= bit_of(s, node->writes[k]);
        if (taken >= 0)
            bits->taken |= bit_of(s, taken);
    }
}

/* What may be read from each place on, and what of it must not be dropped. */
static void find_wanted(Search *s, Arena *scratch)
{
    const Problem *p = s->problem;
    s->wanted = NEW_N(scratch, uint64_t, p->n_nodes + 1);
    s->needed = NEW_N(scratch, uint64_t, p->n_nodes + 1);
    uint64_t fixed = 0, to_end = 0, reruns = 0;
    for (int v = 0; v < p->n_values; v++) {
        int producer = p->values[v].producer;
        if (producer < 0 || !p->nodes[producer].replayable)
            fixed |= bit_of(s, v);
        if (p->values[v].to_end)
            to_end |= bit_of(s, v);
    }
    for (int i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].replayable)
            reruns |= s->nodes[i].reads;
    s->wanted[p->n_nodes] = s->needed[p->n_nodes] = to_end;
    for (int i = p->n_nodes - 1; i >= 0; i--) {
        s->needed[i] = (s->needed[i + 1] | s->nodes[i].reads) & (fixed | to_end);
        s->wanted[i] = s->wanted[i + 1] | s->nodes[i].reads | reruns;
    }
}

/* --- states --------------------------------------------------------------------------------------
 */

static bool is_before(const Search *s, int x, int y)
{
    const State *a = &s->states[x], *b = &s->states[y];
    if (a->cost < b->cost || a->cost > b->cost)
        return a->cost < b->cost;
    return a->stage != b->stage ? a->stage > b->stage : x < y;
}

static void heap_push(Search *s, int state)
{
    int i = s->n_heap++;
    for (; i > 0 && is_before(s, state, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = state;
}

static int heap_pop(Search *s)
{
    int top = s->heap[0], last = s->heap[--s->n_heap], i = 0;
    for (;;) {
        int child = 2 * i + 1;
        if (child >= s->n_heap)
            break;
        if (child + 1 < s->n_heap && is_before(s, s->heap[child + 1], s->heap[child]))
            child++;
        if (!is_before(s, s->heap[child], last))
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

/* The slot of (stage, present), free or not. */
static int find_slot(const Search *s, int stage, uint64_t present)
{
    uint64_t hash = (present ^ (uint64_t)stage << 56) * 0x9e3779b97f4a7c15u;
    int at = (int)(hash >> 40) & (s->n_slots - 1);
    while (s->slot[at] >= 0 &&
           (s->states[s->slot[at]].stage != stage || s->states[s->slot[at]].present != present))
        at = (at + 1) & (s->n_slots - 1);
    return at;
}

static void reach(Search *s, State state)
{
    state.present &= s->wanted[state.stage];
    int at = find_slot(s, state.stage, state.present);
    if (s->slot[at] >= 0 && s->states[s->slot[at]].cost <= state.cost)
        return;
    if (s->n_states == MOST_STATES)
        return;
    s->states[s->n_states] = state;
    s->slot[at] = s->n_states; /* the costlier state stays in the heap, to no effect */
    heap_push(s, s->n_states++);
}

/* --- steps ---------------------------------------------------------------------------------------
 */

static int64_t bytes_of(const Search *s, uint64_t set)
{
    int64_t bytes = 0;
    for (int i = 0; i < s->n_bits; i++)
        if (set >> i & 1)
            bytes += (int64_t)s->bytes[i];
    return bytes;
}

/* Bytes that a node's outputs need beside its inputs, where the inputs in `dying` die here; *used:
 * those of them whose bytes are taken. */
static int64_t output_bytes(const Search *s, int id, uint64_t dying, uint64_t *used)
{
    const ProblemNode *node = &s->problem->nodes[id];
    int64_t bytes = 0;
    *used = 0;
    for (int w = 0; w < node->n_writes; w++) {
        int value = node->writes[w];
        if (s->bit[value] < 0 || s->problem->values[value].takes >= 0)
            continue;
        uint64_t taken = 0;
        for (int k = 0; k < node->n_may_take[w] && !taken; k++) {
            int from = node->may_take[w][k];
            uint64_t bit = bit_of(s, from) & dying & ~*used;
            if (bit && s->bytes[s->bit[from]] == s->bytes[s->bit[value]])
                taken = bit;
        }
        *used |= taken;
        bytes += taken ? 0 : (int64_t)s->bytes[s->bit[value]];
    }
    return bytes;
}

typedef struct {
    Search *search;
    State next;        /* but for what stays */
    uint64_t optional; /* may stay or go */
} Choice;

/* Tries every largest subset of the optional values from bit i on that fits in `room`;
 * dropped_least is the smallest of those dropped so far: if it fits in the end, the set was not
 * largest. */
static void choose(Choice *c, int i, int64_t room, int64_t dropped_least)
{
    const Search *s = c->search;
    while (i < s->n_bits && !(c->optional >> i & 1))
        i++;
    if (c->search->work-- <= 0)
        return;
    if (i == s->n_bits) {
        if (room < dropped_least)
            reach(c->search, c->next);
        return;
    }
    int64_t bytes = (int64_t)s->bytes[i];
    if (bytes <= room) {
        c->next.present |= (uint64_t)1 << i;
        choose(c, i + 1, room - bytes, dropped_least);
        c->next.present &= ~((uint64_t)1 << i);
    }
    if (bytes > 0)
        choose(c, i + 1, room, bytes < dropped_least ? bytes : dropped_least);
}

/* Runs a node with exactly the inputs in `dying` ending here. */
static void run_dying(Search *s, int from, int id, bool first, uint64_t dying)
{
    const State *state = &s->states[from];
    const NodeBits *node = &s->nodes[id];
    uint64_t used;
    int64_t need = output_bytes(s, id, dying, &used) + (int64_t)node->workspace_bytes;
    if (used != dying)
        return;
    int stage = state->stage + first;
    uint64_t after = state->present & ~node->writes & s->wanted[stage];
    uint64_t must = (after & s->needed[stage]) | node->reads;
    if (must & s->needed[stage] & dying)
        return;
    Choice c = {.search = s, .optional = after & ~must};
    c.next = (State){stage, from, id, (must | node->writes) & ~node->taken & ~dying,
                     state->cost + (first ? 0 : s->problem->nodes[id].seconds)};
    int64_t room = s->room - need - bytes_of(s, must);
    if (room >= 0)
        choose(&c, 0, room, INT64_MAX);
}

static uint64_t inputs_that_may_be_taken(const Search *s, int id)
{
    const ProblemNode *node = &s->problem->nodes[id];
    uint64_t set = 0;
    for (int w = 0; w < node->n_writes; w++)
        for (int k = 0; k < node->n_may_take[w]; k++)
            set |= bit_of(s, node->may_take[w][k]);
    return set & ~s->nodes[id].taken;
}

static void run_node(Search *s, int from, int id, bool first)
{
    if ((s->states[from].present & s->nodes[id].reads) != s->nodes[id].reads)
        return;
    uint64_t may = inputs_that_may_be_taken(s, id);
    for (uint64_t dying = may;; dying = (dying - 1) & may) {
        run_dying(s, from, id, first, dying);
        if (dying == 0)
            return;
    }
}

static void expand(Search *s, int from)
{
    int stage = s->states[from].stage;
    run_node(s, from, stage, true);
    for (int id = 0; id < stage; id++)
        if (s->problem->nodes[id].replayable &&
            s->nodes[id].writes & ~s->states[from].present & s->wanted[stage])
            run_node(s, from, id, false);
}

/* The final state, -1: no plan is within the budget; -2: gave up. */
static int explore(Search *s)
{
    uint64_t start = 0;
    for (int v = 0; v < s->problem->n_values; v++)
        if (s->problem->values[v].producer < 0)
            start |= bit_of(s, v);
    reach(s, (State){0, -1, -1, start, 0});
    while (s->n_heap > 0) {
        int state = heap_pop(s);
        const State *at = &s->states[state];
        if (s->slot[find_slot(s, at->stage, at->present)] != state)
            continue;
        if (at->stage == s->problem->n_nodes)
            return state;
        expand(s, state);
        if (s->n_states == MOST_STATES || s->work <= 0)
            return -2;
    }
    return -1;
}

/* --- plans ---------------------------------------------------------------------------------------
 */

static Plan *trace(Arena *arena, const Search *s, int state)
{
    Plan *plan = NEW(arena, Plan);
    plan->strategy = "optimal";
    for (int at = state; s->states[at].parent >= 0; at = s->states[at].parent)
        plan->n_steps++;
    plan->sequence = NEW_N(arena, int, plan->n_steps);
    for (int at = state, i = plan->n_steps; i > 0; at = s->states[at].parent)
        plan->sequence[--i] = s->states[at].node;
    return plan;
}

OptimalStatus optimal_plan(Arena *arena, const Problem *problem, size_t live_bytes, int64_t *work,
                           Plan **plan)
{
    Arena *scratch = arena_new();
    Search s = {.problem = problem, .room = (int64_t)live_bytes, .n_slots = 1 << 17};
    s.work = *work;
    OptimalStatus status = OPTIMAL_GAVE_UP;
    if (number_values(&s, scratch)) {
        s.nodes = NEW_N(scratch, NodeBits, problem->n_nodes);
        for (int i = 0; i < problem->n_nodes; i++)
            describe_node(&s, i);
        find_wanted(&s, scratch);
        s.states = xmalloc(MOST_STATES * sizeof *s.states);
        s.heap = xmalloc(MOST_STATES * sizeof *s.heap);
        s.slot = xmalloc((size_t)s.n_slots * sizeof *s.slot);
        memset(s.slot, -1, (size_t)s.n_slots * sizeof *s.slot);
        int state = explore(&s);
        status = state >= 0 ? OPTIMAL_FOUND : state == -1 ? OPTIMAL_NONE : OPTIMAL_GAVE_UP;
        if (state >= 0)
            *plan = trace(arena, &s, state);
        free(s.states);
        free(s.heap);
        free(s.slot);
    }
    *work = s.work;
    arena_free(scratch);
    return status;
}

/* The plan of the least live peak, by halving the interval in units of the alignment. */
static void offer_smallest(Pool *pool, int64_t *work)
{
    Plan *plan;
    size_t unit = pool->problem->alignment, low = 0;
    size_t high = pool->n > 0 ? pool->best[0].arena_bytes / unit + 1 : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        OptimalStatus status = optimal_plan(pool->arena, pool->problem, middle * unit, work, &plan);
        if (status == OPTIMAL_GAVE_UP)
            return;
        if (status == OPTIMAL_FOUND) {
            pool_offer(pool, plan);
            high = middle;
        } else {
            low = middle + 1;
        }
    }
}

Plan *strategy_optimal(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    enum { MOST_ROUNDS = 8 };
    Pool pool = pool_new(arena, problem, options);
    auto_offer(&pool);
    int64_t work = (int64_t)(options->effort * work_per_second);
    offer_smallest(&pool, &work);
    size_t room = options->has_budget ? options->budget_bytes : 0;
    for (int round = 0; round < MOST_ROUNDS && room > 0; round++) {
        Plan *plan;
        if (optimal_plan(arena, problem, room, &work, &plan) != OPTIMAL_FOUND ||
            pool_offer(&pool, plan) <= options->budget_bytes)
            break;
        room = pool.last_live_bytes - 1; /* it is live within the budget but does not lie so */
    }
    return pool_choose(&pool, "optimal");
}
