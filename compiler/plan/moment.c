/* A problem and one of its nodes in, what is sure about its first run out. */
#include "plan/moment.h"

#include <stdlib.h>
#include <string.h>

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

Facts facts_new(Arena *arena, const Problem *p)
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

bool moment_wants(const Facts *f, const Moment *m, int value)
{
    for (int e = f->read_start[value]; e < f->read_start[value + 1]; e++)
        if (m->after[f->reader[e]] && !f->problem->nodes[f->reader[e]].replayable)
            return true;
    return false;
}

size_t facts_own_bytes(const Facts *f, int node)
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

void moment_look(const Facts *f, Moment *m)
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
    m->live_bytes = f->resident_bytes + facts_own_bytes(f, m->node) + waiting_bytes(f, m, scratch);
    m->still_bytes = 0;
    for (int v = 0; v < p->n_values; v++) {
        int producer = p->values[v].producer;
        bool written = producer < 0 || m->before[producer];
        if (!written || f->stays[v] || m->read[v])
            continue;
        bool wanted = moment_wants(f, m, v);
        if (f->can_rerun[v])
            m->still_bytes += wanted ? value_bytes(p, v) : 0;
        else if (wanted || p->values[v].to_end)
            m->live_bytes += value_bytes(p, v);
    }
    arena_free(scratch);
}

/* --- candidates ----------------------------------------------------------------------------------
 */

static int by_bytes(const void *x, const void *y)
{
    const Ranked *a = x, *b = y;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->node - b->node;
}

Ranked *facts_rank(const Facts *f)
{
    Ranked *ranked = NEW_N(f->arena, Ranked, f->problem->n_nodes);
    for (int i = 0; i < f->problem->n_nodes; i++)
        ranked[i] = (Ranked){facts_own_bytes(f, i), i};
    qsort(ranked, (size_t)f->problem->n_nodes, sizeof *ranked, by_bytes);
    return ranked;
}

int facts_affordable(const Problem *problem)
{
    int64_t each = 1;
    for (int i = 0; i < problem->n_nodes; i++)
        each += 2 + problem->nodes[i].n_reads;
    int64_t n = 40000000 / each;
    return n > problem->n_nodes ? problem->n_nodes : (int)n + 1;
}

Moment moment_new(Arena *arena, const Problem *problem)
{
    return (Moment){.also = -1,
                    .since = -1,
                    .before = NEW_N(arena, bool, problem->n_nodes),
                    .after = NEW_N(arena, bool, problem->n_nodes),
                    .read = NEW_N(arena, bool, problem->n_values)};
}

int moment_choose(const Facts *f, Ranked *chosen, int most)
{
    const Problem *p = f->problem;
    Moment m = moment_new(f->arena, p);
    int n_all = facts_affordable(p), n = 0;
    const Ranked *ranked = facts_rank(f);
    Ranked *found = NEW_N(f->arena, Ranked, p->n_nodes);
    for (int i = 0; i < p->n_nodes && n < n_all; i++) {
        m.node = ranked[i].node;
        moment_look(f, &m);
        found[n++] = (Ranked){m.live_bytes + m.still_bytes, m.node};
    }
    qsort(found, (size_t)n, sizeof *found, by_bytes);
    n = n < most ? n : most;
    memcpy(chosen, found, (size_t)n * sizeof *found);
    return n;
}
