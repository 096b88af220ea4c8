/* A plan in, its timeline out: who lives when, in whose bytes, and how much is live at each step.
 * This file is the specification of a legal plan. It replays the sequence run by run and knows
 * nothing of how the plan was made.
 *
 * A read means the latest writing of its value. A writing lives from its step to its last read; the
 * next writing of the same value starts a new life. An output that must be written in place takes
 * the life of the value whose bytes it overwrites, which nothing may read from then on. An output
 * that may be written in place does so where that input has its last read at this very step and no
 * other output took it: the first such input in the order listed. */
#include "plan/plan.h"

#include <string.h>

typedef struct {
    Arena *arena;
    const Problem *problem;
    const Plan *plan;
    Timeline *out;
    ARRAY(Life) lives;
    int *current;  /* [n_values] latest life, -1 before the first */
    int *runs;     /* [n_values] writings so far */
    int *ran;      /* [n_nodes] runs so far */
    int *taken_by; /* [most lives] the life that took its bytes, -1 none */
    bool *stays;   /* [most lives] its bytes belong to it, or to who takes them, to the end */
} Replay;

static const char *fail(Replay *r, int step, const char *what, const char *name)
{
    return r->out->error = arena_printf(r->arena, "step %d: %s %s", step, what, name);
}

static int begin_life(Replay *r, int value, int step)
{
    const Value *v = &r->problem->values[value];
    int life = r->lives.n;
    r->taken_by[life] = -1;
    r->stays[life] = v->resident || v->to_end;
    PUSH(r->arena, r->lives, ((Life){value, r->runs[value]++, step, step, -1}));
    r->current[value] = life;
    return life;
}

static void begin_from_outside(Replay *r)
{
    for (int v = 0; v < r->problem->n_values; v++)
        if (r->problem->values[v].producer < 0)
            begin_life(r, v, 0);
}

static size_t most_lives(const Problem *problem, const Plan *plan)
{
    size_t n = (size_t)problem->n_values;
    for (int s = 0; s < plan->n_steps; s++) {
        int node = plan->sequence[s];
        if (node >= 0 && node < problem->n_nodes)
            n += (size_t)problem->nodes[node].n_writes;
    }
    return n;
}

static const char *read_values(Replay *r, int step, const ProblemNode *node)
{
    int *reads = r->out->step_reads[step] = NEW_N(r->arena, int, node->n_reads);
    for (int i = 0; i < node->n_reads; i++) {
        const char *name = r->problem->values[node->reads[i]].name;
        int life = r->current[node->reads[i]];
        if (life < 0)
            return fail(r, step, "reads what is not written yet:", name);
        if (r->taken_by[life] >= 0)
            return fail(r, step, "reads what was overwritten in place:", name);
        r->lives.data[life].last_step = step;
        reads[i] = life;
    }
    return NULL;
}

/* The position among the node's writes of the smallest value above `after`. */
static int next_write(const ProblemNode *node, int after)
{
    int best = -1;
    for (int i = 0; i < node->n_writes; i++)
        if (node->writes[i] > after && (best < 0 || node->writes[i] < node->writes[best]))
            best = i;
    return best;
}

/* The life whose bytes value must take, given what this step reads; -1: not read here. */
static int life_read(const Replay *r, int step, const ProblemNode *node, int value)
{
    for (int i = 0; i < node->n_reads; i++)
        if (node->reads[i] == value)
            return r->out->step_reads[step][i];
    return -1;
}

static const char *take(Replay *r, int step, int taker, int taken)
{
    Life *to = &r->lives.data[taker], *from = &r->lives.data[taken];
    if (value_bytes(r->problem, to->value) != value_bytes(r->problem, from->value))
        return fail(r, step, "takes the bytes of a value of another size:",
                    r->problem->values[from->value].name);
    if (r->taken_by[taken] >= 0)
        return fail(r, step,
                    "takes bytes that are taken already:", r->problem->values[from->value].name);
    to->alias_of = taken;
    r->taken_by[taken] = taker;
    r->stays[taker] |= r->stays[taken];
    return NULL;
}

static const char *write_values(Replay *r, int step, const ProblemNode *node)
{
    int *writes = r->out->step_writes[step] = NEW_N(r->arena, int, node->n_writes);
    int after = -1;
    for (int i; (i = next_write(node, after)) >= 0; after = node->writes[i]) {
        const Value *value = &r->problem->values[node->writes[i]];
        int taken = value->takes >= 0 ? life_read(r, step, node, value->takes) : -1;
        if (value->takes >= 0 && taken < 0)
            return fail(r, step, "takes the bytes of a value that it does not read:", value->name);
        writes[i] = begin_life(r, node->writes[i], step);
        if (taken >= 0 && take(r, step, writes[i], taken))
            return r->out->error;
    }
    return NULL;
}

static const char *run_step(Replay *r, int step)
{
    int id = r->plan->sequence[step];
    if (id < 0 || id >= r->problem->n_nodes)
        return fail(r, step, "runs a node that does not exist", "");
    const ProblemNode *node = &r->problem->nodes[id];
    if (r->ran[id]++ && !node->replayable)
        return fail(r, step, "runs again what may run only once:", node->name);
    if (r->ran[id] > 1)
        r->out->recompute_flops += node->flops;
    r->out->seconds += node->seconds;
    if (read_values(r, step, node))
        return r->out->error;
    return write_values(r, step, node);
}

static const char *run_all(Replay *r)
{
    for (int s = 0; s < r->plan->n_steps; s++)
        if (run_step(r, s))
            return r->out->error;
    for (int i = 0; i < r->problem->n_nodes; i++)
        if (!r->ran[i])
            return fail(r, r->plan->n_steps, "the plan ends without", r->problem->nodes[i].name);
    return NULL;
}

/* What is resident, or still wanted at the end, lives to the end. */
static void extend_to_end(Replay *r)
{
    for (int l = 0; l < r->lives.n; l++) {
        Life *life = &r->lives.data[l];
        bool latest = r->current[life->value] == l;
        if (r->stays[l] && r->taken_by[l] < 0 && latest)
            life->last_step = r->plan->n_steps > 0 ? r->plan->n_steps - 1 : 0;
        if (!latest)
            r->stays[l] = false;
    }
}

static void may_take(Replay *r, int step, const ProblemNode *node, int write)
{
    int taker = r->out->step_writes[step][write];
    if (r->lives.data[taker].alias_of >= 0) /* NOLINT: what a step writes has a life */
        return;
    for (int i = 0; i < node->n_may_take[write]; i++) {
        int from = life_read(r, step, node, node->may_take[write][i]);
        if (from >= 0 && r->lives.data[from].last_step == step && r->taken_by[from] < 0 &&
            !r->stays[from] &&
            value_bytes(r->problem, r->lives.data[from].value) ==
                value_bytes(r->problem, r->lives.data[taker].value)) {
            take(r, step, taker, from);
            return;
        }
    }
}

static void take_where_allowed(Replay *r)
{
    for (int s = 0; s < r->plan->n_steps; s++) {
        const ProblemNode *node = &r->problem->nodes[r->plan->sequence[s]];
        for (int w = 0; node->may_take && w < node->n_writes; w++)
            may_take(r, s, node, w);
    }
}

/* Bytes that change hands within a step are counted once. */
static void add_up(Replay *r)
{
    Timeline *out = r->out;
    int n = r->plan->n_steps;
    size_t *born = NEW_N(r->arena, size_t, n + 1), *dead = NEW_N(r->arena, size_t, n + 2);
    for (int l = 0; l < r->lives.n; l++) {
        const Life *life = &r->lives.data[l];
        size_t bytes = value_bytes(r->problem, life->value);
        if (life->alias_of < 0)
            born[r->problem->values[life->value].resident ? 0 : life->first_step] += bytes;
        if (r->taken_by[l] < 0)
            dead[life->last_step + 1] += bytes;
    }
    size_t live = 0;
    for (int s = 0; s < n; s++) {
        live = live + born[s] - dead[s];
        const ProblemNode *node = &r->problem->nodes[r->plan->sequence[s]];
        out->live_bytes[s] = live + round_up(node->workspace_bytes, r->problem->alignment);
        if (out->live_bytes[s] > out->max_live_bytes) {
            out->max_live_bytes = out->live_bytes[s];
            out->peak_step = s;
        }
    }
}

static void set_up(Replay *r, size_t n_lives)
{
    size_t n_values = (size_t)r->problem->n_values;
    r->current = NEW_N(r->arena, int, n_values);
    memset(r->current, -1, n_values * sizeof *r->current);
    r->runs = NEW_N(r->arena, int, n_values);
    r->ran = NEW_N(r->arena, int, r->problem->n_nodes);
    r->taken_by = NEW_N(r->arena, int, n_lives);
    r->stays = NEW_N(r->arena, bool, n_lives);
    r->out->step_reads = NEW_N(r->arena, int *, r->plan->n_steps);
    r->out->step_writes = NEW_N(r->arena, int *, r->plan->n_steps);
    r->out->live_bytes = NEW_N(r->arena, size_t, r->plan->n_steps);
}

Timeline plan_simulate(Arena *arena, const Problem *problem, const Plan *plan)
{
    Timeline out = {.plan = plan};
    Replay r = {.arena = arena, .problem = problem, .plan = plan, .out = &out};
    set_up(&r, most_lives(problem, plan));
    begin_from_outside(&r);
    if (!run_all(&r)) {
        extend_to_end(&r);
        take_where_allowed(&r);
        add_up(&r);
    }
    out.lives = r.lives.data;
    out.n_lives = r.lives.n;
    return out;
}
