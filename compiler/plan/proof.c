/* Lower bounds from what must be live at the moments when nodes run, and from what must run again
 * between them. */
#include "plan/proof.h"

#include "plan/cut.h"

#include <math.h>
#include <string.h>

size_t proof_memory(const Problem *problem)
{
    Arena *arena = arena_new();
    Facts f = facts_new(arena, problem);
    const Ranked *ranked = facts_rank(&f);
    Moment m = moment_new(arena, problem);
    size_t most = f.resident_bytes;
    for (int i = 0, n = facts_affordable(problem); i < problem->n_nodes; i++) {
        m.node = ranked[i].node;
        m.live_bytes = f.resident_bytes + ranked[i].bytes;
        if (i < n)
            moment_look(&f, &m);
        if (m.live_bytes > most)
            most = m.live_bytes;
    }
    arena_free(arena);
    return most;
}

/* --- sums over time ------------------------------------------------------------------------------
 */

/* Moments that follow each other, and what runs again from each of them on at least. */
typedef struct {
    Moment *moment;
    double *rest; /* [n] seconds */
    int n;
} Sequel;

/* What runs again between two moments and what does after the later one add up, whatever may have
 * run already: the best of all ways to cut the time after a moment. */
static double bound_with_sequel(const Facts *f, const Moment *m, const Sequel *sequel,
                                size_t budget_bytes)
{
    double best = cut_bound(f, m, NULL, budget_bytes);
    for (int k = 0; k < sequel->n; k++)
        if (m->after[sequel->moment[k].node] && sequel->rest[k] > 0)
            best = fmax(best, sequel->rest[k] + cut_bound(f, m, &sequel->moment[k], budget_bytes));
    return best;
}

static bool is_ordered(const Moment *m, int node)
{
    return m->before[node] || m->after[node];
}

/* Of the moments that ask for most, in order of how much, those that come one after the other; by
 * time, latest first. */
static Sequel find_sequel(const Facts *f, const Ranked *chosen, int n, size_t budget_bytes)
{
    Sequel s = {.moment = NEW_N(f->arena, Moment, n), .rest = NEW_N(f->arena, double, n)};
    for (int i = 0; i < n; i++) {
        Moment m = moment_new(f->arena, f->problem);
        m.node = chosen[i].node;
        moment_look(f, &m);
        int at = 0;
        bool fits = !f->problem->nodes[m.node].replayable;
        for (int k = 0; k < s.n; k++) {
            fits &= is_ordered(&m, s.moment[k].node);
            at += m.after[s.moment[k].node];
        }
        if (!fits)
            continue;
        memmove(s.moment + at + 1, s.moment + at, (size_t)(s.n - at) * sizeof *s.moment);
        s.moment[at] = m;
        s.n++;
    }
    int n_all = s.n;
    for (s.n = 0; s.n < n_all; s.n++)
        s.rest[s.n] = bound_with_sequel(f, &s.moment[s.n], &s, budget_bytes);
    return s;
}

/* --- what may wait -------------------------------------------------------------------------------
 */

/* At the first run of `node`, given that `since` ran before and `also` runs later (-1: nothing is
 * given); INFINITY where that cannot be. */
static double bound_given(const Facts *f, Moment *m, int node, int since, int also,
                          const Sequel *sequel, size_t budget_bytes)
{
    m->node = node;
    m->since = since;
    m->also = also;
    moment_look(f, m);
    if ((also >= 0 && m->before[also]) || (since >= 0 && m->after[since]))
        return (double)INFINITY;
    return bound_with_sequel(f, m, sequel, budget_bytes);
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
    moment_look(f, &m);
    for (int i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].phase == PHASE_backward && !p->nodes[i].replayable && i != node &&
            !m.before[i] && !m.after[i])
            target = i;
    last.node = target;
    if (target >= 0)
        moment_look(f, &last);
    int left = facts_affordable(p) / 8; /* nodes that may be looked at */
    for (int i = 0; i < p->n_nodes && target >= 0 && n < most && left > 0; i++) {
        if (p->nodes[i].phase != PHASE_backward || p->nodes[i].replayable || i == node ||
            m.before[i] || m.after[i] || !last.before[i])
            continue;
        at.node = i;
        left--;
        moment_look(f, &at);
        if (n == 0 || at.before[chain[n - 1]])
            chain[n++] = i;
    }
    arena_free(scratch);
    return n;
}

/* A node that may wait, as a large weight gradient may, runs somewhere between nodes that follow
 * each other: before the first it finds the most to be kept; later on, what it reads is live while
 * they run. The best of its places bounds every schedule. */
static double bound_of_place(const Facts *f, int node, const Sequel *sequel, double known,
                             size_t budget_bytes)
{
    enum { MOST_PLACES = 24 };
    int chain[MOST_PLACES], n = find_chain(f, node, chain, MOST_PLACES);
    Moment m = moment_new(f->arena, f->problem);
    double best = (double)INFINITY, meanwhile = 0;
    for (int i = 0; i <= n && best > known && best > meanwhile; i++) {
        int since = i > 0 ? chain[i - 1] : -1, also = i < n ? chain[i] : -1;
        double here = bound_given(f, &m, node, since, also, sequel, budget_bytes);
        best = fmin(best, fmax(meanwhile, here));
        if (i < n)
            meanwhile =
                fmax(meanwhile, bound_given(f, &m, chain[i], -1, node, sequel, budget_bytes));
    }
    return best;
}

static double bound_of_places(const Facts *f, const Sequel *sequel, double known,
                              size_t budget_bytes)
{
    enum { MOST_LARGE = 3 };
    const Ranked *ranked = facts_rank(f);
    for (int i = 0, n_large = 0; i < f->problem->n_nodes && n_large < MOST_LARGE; i++)
        if (!f->problem->nodes[ranked[i].node].replayable) {
            known = fmax(known, bound_of_place(f, ranked[i].node, sequel, known, budget_bytes));
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
    int n = moment_choose(&f, chosen, MOST_MOMENTS);
    Sequel sequel = find_sequel(&f, chosen, n, budget_bytes);
    Moment m = moment_new(arena, problem);
    double best = 0;
    for (int i = 0; i < n; i++)
        best = fmax(best, bound_given(&f, &m, chosen[i].node, -1, -1, &sequel, budget_bytes));
    best = bound_of_places(&f, &sequel, best, budget_bytes);
    arena_free(arena);
    return isfinite(best) ? best : 0; /* else no schedule fits, as the memory bound says */
}
