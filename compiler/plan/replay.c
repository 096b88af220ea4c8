/* Replays a sequence of runs in two passes: forwards for the order rules and the copies that each
 * read takes, then once more for the bytes that are live at each run. See replay.h. */
#include "plan/replay.h"

#include <stdlib.h>

/* One copy of a value: written at run `birth`, read for the last time at run `end`. */
typedef struct {
    int value, birth, end;
} Copy;

typedef struct {
    const RecomputeProblem *problem;
    const int *sequence;
    int n;
    int *copy_of; /* [n_values], the copy that a read finds; -1: none yet */
    bool *is_written;
    Copy *copies; /* in order of birth */
    int n_copies;
    ReplayReport report;
} Replay;

static bool fail(Replay *r, int at, const char *fault)
{
    r->report.fault = fault;
    r->report.at = at;
    return false;
}

static bool read_values(Replay *r, int at, int node)
{
    const RecomputeProblem *p = r->problem;
    for (int e = p->read_start[node]; e < p->read_start[node + 1]; e++) {
        int v = p->reads[e];
        if (!r->is_written[v])
            continue;
        if (r->copy_of[v] < 0)
            return fail(r, at, "reads a value that is not there");
        r->copies[r->copy_of[v]].end = at;
    }
    return true;
}

static void write_values(Replay *r, int at, int node)
{
    const RecomputeProblem *p = r->problem;
    for (int e = p->write_start[node]; e < p->write_start[node + 1]; e++) {
        int v = p->writes[e];
        r->copies[r->n_copies] = (Copy){v, at, at};
        r->copy_of[v] = r->n_copies++;
    }
}

static bool replay_order(Replay *r)
{
    const RecomputeProblem *p = r->problem;
    int next = 0;
    for (int at = 0; at < r->n; at++) {
        int node = r->sequence[at];
        if (node < 0 || node >= p->n_nodes)
            return fail(r, at, "is no node");
        if (node > next)
            return fail(r, at, "runs before an earlier node's first run");
        if (node < next && p->runs_once && p->runs_once[node])
            return fail(r, at, "runs again but may run only once");
        if (!read_values(r, at, node))
            return false;
        write_values(r, at, node);
        r->report.cost += p->cost[node];
        r->report.n_reruns += node < next;
        next += node == next;
    }
    if (next < p->n_nodes)
        return fail(r, r->n, "ends before every node has run");
    for (int v = 0; v < p->n_values; v++)
        if (p->is_output && p->is_output[v] && r->is_written[v])
            r->copies[r->copy_of[v]].end = r->n - 1;
    return true;
}

/* Adds the copies born at each run, takes away those that ended at the run before. */
static bool replay_bytes(Replay *r)
{
    const RecomputeProblem *p = r->problem;
    size_t *ending = xcalloc((size_t)r->n + 1, sizeof *ending);
    size_t live = p->resident_bytes;
    int born = 0;
    bool fits = true;
    for (int at = 0; at < r->n && fits; at++) {
        for (; born < r->n_copies && r->copies[born].birth == at; born++) {
            size_t bytes = p->value_bytes[r->copies[born].value];
            fits = fits && !__builtin_add_overflow(live, bytes, &live);
            ending[r->copies[born].end] += bytes;
        }
        size_t peak;
        size_t workspace = p->workspace_bytes ? p->workspace_bytes[r->sequence[at]] : 0;
        fits = fits && !__builtin_add_overflow(live, workspace, &peak);
        if (fits && peak > r->report.peak_bytes) {
            r->report.peak_bytes = peak;
            r->report.peak_at = at;
        }
        live -= ending[at];
        if (!fits)
            fail(r, at, "needs more bytes than can be counted");
    }
    free(ending);
    return fits;
}

ReplayReport replay_sequence(const RecomputeProblem *problem, const int *sequence, int n)
{
    Replay r = {.problem = problem, .sequence = sequence, .n = n};
    int widest = 1;
    for (int k = 0; k < problem->n_nodes; k++) {
        int width = problem->write_start[k + 1] - problem->write_start[k];
        widest = width > widest ? width : widest;
    }
    r.copy_of = xcalloc((size_t)problem->n_values + 1, sizeof *r.copy_of);
    r.is_written = xcalloc((size_t)problem->n_values + 1, sizeof *r.is_written);
    r.copies = xcalloc((size_t)n + 1, (size_t)widest * sizeof *r.copies);
    for (int v = 0; v < problem->n_values; v++)
        r.copy_of[v] = -1;
    for (int e = 0; e < problem->write_start[problem->n_nodes]; e++)
        r.is_written[problem->writes[e]] = true;
    r.report.peak_bytes = problem->resident_bytes;
    if (replay_order(&r))
        replay_bytes(&r);
    free(r.copy_of);
    free(r.is_written);
    free(r.copies);
    return r.report;
}
