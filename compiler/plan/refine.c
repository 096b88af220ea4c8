/* A plan becomes a set of runs (runset.h), is annealed, and becomes a plan again. A value written
 * in place is one value with the one that it overwrites, as long as neither is ever computed again;
 * elsewhere a node that may write over what it reads for the last time is given those bytes back.
 */
#include "plan/refine.h"

#include "plan/anneal.h"
#include "plan/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int *data, n;
} Ids;

/* The problem in the order of the plan's first runs, after a node 0 that writes the inputs. */
typedef struct {
    Arena *arena;
    const Problem *problem; /* reordered */
    int *original;          /* [problem->n_nodes] */
    int *root;              /* [n_values] the value in whose bytes it is written, or itself */
    int *last_reader;       /* [n_values] in the new order, -1 none */
    RecomputeProblem out;
    int *read_start, *write_start;
    Ids reads, writes;
    size_t *value_bytes, *workspace_bytes, *taken_bytes;
    double *cost;
    bool *runs_once, *is_output;
} Translation;

static bool can_rerun(const Problem *p, int value)
{
    int producer = p->values[value].producer;
    return producer >= 0 && p->nodes[producer].replayable;
}

static void find_last_readers(Translation *t)
{
    const Problem *p = t->problem;
    t->last_reader = NEW_N(t->arena, int, p->n_values);
    memset(t->last_reader, -1, (size_t)p->n_values * sizeof(int));
    for (int i = 0; i < p->n_nodes; i++)
        for (int k = 0; k < p->nodes[i].n_reads; k++)
            t->last_reader[p->nodes[i].reads[k]] = i;
}

/* The value that write w of a node takes when it runs last of all that read it, or -1. */
static int taken_by(const Translation *t, int node, int w)
{
    const ProblemNode *n = &t->problem->nodes[node];
    const Value *values = t->problem->values;
    if (values[n->writes[w]].takes >= 0)
        return values[n->writes[w]].takes;
    for (int k = 0; n->may_take && k < n->n_may_take[w]; k++) {
        int from = n->may_take[w][k];
        bool stays = values[from].resident || values[from].to_end;
        if (t->last_reader[from] == node && !stays &&
            value_bytes(t->problem, from) == value_bytes(t->problem, n->writes[w]))
            return from;
    }
    return -1;
}

static void find_roots(Translation *t)
{
    const Problem *p = t->problem;
    bool *is_taken = NEW_N(t->arena, bool, p->n_values);
    t->root = NEW_N(t->arena, int, p->n_values);
    for (int v = 0; v < p->n_values; v++)
        t->root[v] = v;
    for (int i = 0; i < p->n_nodes; i++)
        for (int w = 0; w < p->nodes[i].n_writes; w++) {
            int v = p->nodes[i].writes[w], from = taken_by(t, i, w);
            if (from < 0 || is_taken[from])
                continue;
            is_taken[from] = true;
            if (!can_rerun(p, from) && !can_rerun(p, v))
                t->root[v] = t->root[from];
            else
                t->taken_bytes[i + 1] += value_bytes(p, from);
        }
}

static bool takes_part(const Translation *t, int value)
{
    return !t->problem->values[t->root[value]].resident;
}

static void push_once(Ids *ids, int from, int value)
{
    for (int i = from; i < ids->n; i++)
        if (ids->data[i] == value)
            return;
    ids->data[ids->n++] = value;
}

static void translate_node(Translation *t, int node)
{
    const ProblemNode *n = &t->problem->nodes[node];
    int first_read = t->reads.n;
    t->cost[node + 1] = n->seconds;
    t->workspace_bytes[node + 1] = round_up(n->workspace_bytes, t->problem->alignment);
    t->runs_once[node + 1] = !n->replayable;
    for (int k = 0; k < n->n_reads; k++)
        if (takes_part(t, n->reads[k]))
            push_once(&t->reads, first_read, t->root[n->reads[k]]);
    for (int k = 0; k < n->n_writes; k++)
        if (takes_part(t, n->writes[k]) && t->root[n->writes[k]] == n->writes[k])
            t->writes.data[t->writes.n++] = n->writes[k];
    t->read_start[node + 2] = t->reads.n;
    t->write_start[node + 2] = t->writes.n;
}

static void translate_values(Translation *t)
{
    const Problem *p = t->problem;
    for (int v = 0; v < p->n_values; v++) {
        t->value_bytes[v] = value_bytes(p, v);
        t->is_output[t->root[v]] |= p->values[v].to_end && takes_part(t, v);
        if (p->values[v].resident && p->values[v].takes < 0)
            t->out.resident_bytes += t->value_bytes[v];
        if (p->values[v].producer < 0 && takes_part(t, v) && t->root[v] == v)
            t->writes.data[t->writes.n++] = v;
    }
    t->write_start[1] = t->writes.n;
}

static void make_room(Translation *t)
{
    const Problem *p = t->problem;
    int n = p->n_nodes + 1, n_reads = 0, n_writes = p->n_values;
    for (int i = 0; i < p->n_nodes; i++) {
        n_reads += p->nodes[i].n_reads;
        n_writes += p->nodes[i].n_writes;
    }
    t->reads.data = NEW_N(t->arena, int, n_reads);
    t->writes.data = NEW_N(t->arena, int, n_writes);
    t->read_start = NEW_N(t->arena, int, n + 1);
    t->write_start = NEW_N(t->arena, int, n + 1);
    t->cost = NEW_N(t->arena, double, n);
    t->workspace_bytes = NEW_N(t->arena, size_t, n);
    t->taken_bytes = NEW_N(t->arena, size_t, n);
    t->runs_once = NEW_N(t->arena, bool, n);
    t->value_bytes = NEW_N(t->arena, size_t, p->n_values);
    t->is_output = NEW_N(t->arena, bool, p->n_values);
}

static void translate(Translation *t, size_t live_bytes)
{
    const Problem *p = t->problem;
    make_room(t);
    find_last_readers(t);
    find_roots(t);
    t->runs_once[0] = true;
    translate_values(t);
    for (int i = 0; i < p->n_nodes; i++)
        translate_node(t, i);
    t->out = (RecomputeProblem){.n_nodes = p->n_nodes + 1,
                                .n_values = p->n_values,
                                .cost = t->cost,
                                .workspace_bytes = t->workspace_bytes,
                                .taken_bytes = t->taken_bytes,
                                .runs_once = t->runs_once,
                                .read_start = t->read_start,
                                .reads = t->reads.data,
                                .write_start = t->write_start,
                                .writes = t->writes.data,
                                .value_bytes = t->value_bytes,
                                .is_output = t->is_output,
                                .resident_bytes = t->out.resident_bytes,
                                .budget_bytes = live_bytes};
}

static int compare_keys(const void *x, const void *y)
{
    RunKey a = *(const RunKey *)x, b = *(const RunKey *)y;
    return (a > b) - (a < b);
}

/* For each step its stage: the next first run's node, in the new numbers; *is_first says whether
 * that is the step itself. */
static int *find_stages(const Translation *t, const Plan *plan, bool **is_first, int *place)
{
    int n_nodes = t->problem->n_nodes;
    bool *ran = NEW_N(t->arena, bool, n_nodes);
    int *stage = NEW_N(t->arena, int, plan->n_steps);
    *is_first = NEW_N(t->arena, bool, plan->n_steps);
    for (int s = 0; s < plan->n_steps; s++) {
        (*is_first)[s] = !ran[plan->sequence[s]];
        ran[plan->sequence[s]] = true;
    }
    for (int s = plan->n_steps - 1, at = n_nodes; s >= 0; s--)
        stage[s] = at = (*is_first)[s] ? place[plan->sequence[s]] : at;
    return stage;
}

static void begin_with(Annealer *a, const Translation *t, const Plan *plan)
{
    int n_nodes = t->problem->n_nodes, n = 0, n_distinct = 0;
    int *place = NEW_N(t->arena, int, n_nodes);
    RunKey *keys = NEW_N(t->arena, RunKey, plan->n_steps + n_nodes + 1);
    bool *is_first;
    for (int i = 0; i < n_nodes; i++)
        place[t->original[i]] = i + 1;
    for (int i = 0; i <= n_nodes; i++)
        keys[n++] = run_key(a->set, i, i);
    const int *stage = find_stages(t, plan, &is_first, place);
    for (int s = 0; s < plan->n_steps; s++) {
        int node = place[plan->sequence[s]];
        if (!is_first[s] && stage[s] > node)
            keys[n++] = run_key(a->set, stage[s], node);
    }
    qsort(keys, (size_t)n, sizeof *keys, compare_keys);
    for (int i = 0; i < n; i++)
        if (i == 0 || keys[i] != keys[i - 1])
            keys[n_distinct++] = keys[i];
    anneal_become(a, keys, n_distinct);
    move_prune(a);
}

static Plan *plan_of(Arena *arena, const Annealer *a, const Translation *t, const char *strategy)
{
    Plan *plan = NEW(arena, Plan);
    plan->strategy = strategy;
    plan->sequence = NEW_N(arena, int, a->best.n);
    for (int i = 0; i < a->best.n; i++) {
        int node = key_node(a->set, a->best.keys[i]);
        if (node > 0)
            plan->sequence[plan->n_steps++] = t->original[node - 1];
    }
    return plan;
}

/* Leaves the best of the start, of what is left when it is brought within the budget, and of the
 * annealing in a->best. */
static void search_from(Annealer *a)
{
    static const double hot = 0.03, cold = 0.003; /* of the mean cost of a node */
    if (move_down(a, 2 * a->work_end)) {
        move_prune(a);
        move_keep_all(a);
    }
    anneal(a, 1, hot, cold);
}

static bool is_stopped(void *context, double best_cost, double share)
{
    const PlanOptions *options = context;
    (void)best_cost, (void)share;
    return options->stop && options->stop(options->context);
}

Plan *refine_plan(Arena *arena, const Problem *problem, const Plan *plan, size_t live_bytes,
                  const PlanOptions *options, int64_t work)
{
    static const double work_per_second = 5e8;
    Translation t = {.arena = arena_new()};
    t.original = NEW_N(t.arena, int, problem->n_nodes);
    t.problem = order_apply(t.arena, problem, plan, t.original);
    translate(&t, live_bytes);
    PlanOptions asked = *options;
    SearchOptions with = {.seed = options->seed,
                          .effort = (double)work / work_per_second,
                          .progress = is_stopped,
                          .context = &asked};
    Plan *found = NULL;
    if (live_bytes > t.out.resident_bytes) {
        Annealer a = annealer_new(&t.out, &with);
        begin_with(&a, &t, plan);
        a.set->work = 0;
        double start = a.set->overload == 0 ? a.set->cost : (double)INFINITY;
        if (a.set->overload > 0 || a.set->n > t.out.n_nodes)
            search_from(&a);
        if (a.best.keys && a.best.cost < start)
            found = plan_of(arena, &a, &t, plan->strategy);
        annealer_free(&a);
    }
    arena_free(t.arena);
    return found;
}
