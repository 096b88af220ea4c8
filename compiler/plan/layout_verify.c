/* Checks a layout from the lives and the offsets alone; shares nothing with what made it. It walks
 * through the steps with the occupied ranges in order of address, so that each newcomer has only
 * its two neighbours to miss. */
#include "plan/plan.h"

#include <string.h>

typedef struct {
    size_t start, end;
    const char *name;
    int life; /* -1: a workspace */
} Range;

typedef struct {
    Range *ranges; /* occupied now, ascending */
    int n;
    const char *error;
    Arena *arena;
    const Problem *problem;
    const Timeline *timeline;
    const Layout *layout;
} Walk;

static int range_at(const Walk *w, size_t start)
{
    int low = 0, high = w->n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (w->ranges[middle].start < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void occupy(Walk *w, Range range, int step)
{
    if (range.start == range.end)
        return;
    int at = range_at(w, range.start);
    const Range *other = NULL;
    if (at > 0 && w->ranges[at - 1].end > range.start)
        other = &w->ranges[at - 1];
    if (at < w->n && w->ranges[at].start < range.end)
        other = &w->ranges[at];
    if (other)
        w->error =
            arena_printf(w->arena, "step %d: %s and %s overlap", step, range.name, other->name);
    else if (range.end > w->layout->arena_bytes)
        w->error = arena_printf(w->arena, "step %d: %s ends above the arena", step, range.name);
    else if (range.start % w->problem->alignment)
        w->error = arena_printf(w->arena, "step %d: %s is not aligned", step, range.name);
    if (w->error)
        return;
    memmove(w->ranges + at + 1, w->ranges + at, (size_t)(w->n - at) * sizeof *w->ranges);
    w->ranges[at] = range;
    w->n++;
}

static void vacate(Walk *w, size_t start)
{
    int at = range_at(w, start);
    memmove(w->ranges + at, w->ranges + at + 1, (size_t)(w->n - at - 1) * sizeof *w->ranges);
    w->n--;
}

static Range range_of(const Walk *w, int life)
{
    int value = w->timeline->lives[life].value;
    size_t start = w->layout->offsets[life];
    return (Range){start, start + w->problem->values[value].bytes, w->problem->values[value].name,
                   life};
}

/* A newcomer that says whose bytes it takes must sit exactly there, at that life's last step. */
static void inherit(Walk *w, int life, int step)
{
    Range range = range_of(w, life);
    int from = w->timeline->lives[life].alias_of;
    if (w->problem->values[w->timeline->lives[life].value].bytes == 0)
        return;
    int at = range_at(w, range.start);
    if (at == w->n || w->ranges[at].start != range.start || w->ranges[at].life != from ||
        w->timeline->lives[from].last_step != step || w->ranges[at].end < range.end)
        w->error = arena_printf(w->arena, "step %d: %s does not have the bytes that it takes over",
                                step, range.name);
    else
        w->ranges[at] = range;
}

/* Lives grouped by the step of an event: those of step s are order[start[s]] .. before start[s +
 * 1].
 */
typedef struct {
    int *order, *start;
} Events;

static int event_step(const Walk *w, int life, bool birth)
{
    const Life *l = &w->timeline->lives[life];
    if (!birth)
        return l->last_step;
    return w->problem->values[l->value].resident && l->alias_of < 0 ? 0 : l->first_step;
}

static Events events_new(Arena *arena, const Walk *w, bool births)
{
    int n = w->timeline->n_lives, n_steps = w->timeline->plan->n_steps;
    Events e = {NEW_N(arena, int, n), NEW_N(arena, int, n_steps + 2)};
    int *fill = NEW_N(arena, int, n_steps + 2);
    for (int l = 0; l < n; l++)
        e.start[event_step(w, l, births) + 1]++;
    for (int s = 0; s <= n_steps; s++)
        e.start[s + 1] += e.start[s];
    memcpy(fill, e.start, ((size_t)n_steps + 2) * sizeof *fill);
    for (int l = 0; l < n; l++)
        e.order[fill[event_step(w, l, births)]++] = l;
    return e;
}

static void begin_step(Walk *w, int step, const Events *births, size_t workspace)
{
    /* Heirs second: they may take the bytes of an input that this same step is the first to read.
     */
    for (int i = births->start[step]; i < births->start[step + 1] && !w->error; i++)
        if (w->timeline->lives[births->order[i]].alias_of < 0)
            occupy(w, range_of(w, births->order[i]), step);
    for (int i = births->start[step]; i < births->start[step + 1] && !w->error; i++)
        if (w->timeline->lives[births->order[i]].alias_of >= 0)
            inherit(w, births->order[i], step);
    if (workspace == 0 || w->error)
        return;
    size_t at = w->layout->workspace_offsets[step];
    occupy(w, (Range){at, at + workspace, "workspace", -1}, step);
    if (!w->error)
        vacate(w, at);
}

/* Whose bytes were taken over has left already. */
static void end_step(Walk *w, int step, const Events *deaths)
{
    for (int i = deaths->start[step]; i < deaths->start[step + 1]; i++) {
        Range range = range_of(w, deaths->order[i]);
        int at = range_at(w, range.start);
        if (range.start != range.end && at < w->n && w->ranges[at].life == deaths->order[i])
            vacate(w, range.start);
    }
}

const char *layout_verify(Arena *arena, const Problem *problem, const Timeline *timeline,
                          const Layout *layout)
{
    Arena *scratch = arena_new();
    Walk w = {.arena = arena, .problem = problem, .timeline = timeline, .layout = layout};
    const Plan *plan = timeline->plan;
    w.ranges = NEW_N(scratch, Range, timeline->n_lives + 1);
    Events births = events_new(scratch, &w, true), deaths = events_new(scratch, &w, false);
    for (int s = 0; s < plan->n_steps && !w.error; s++) {
        begin_step(&w, s, &births, problem->nodes[plan->sequence[s]].workspace_bytes);
        if (!w.error)
            end_step(&w, s, &deaths);
    }
    if (!w.error && layout->arena_bytes < layout->max_live_bytes)
        w.error = "the arena is smaller than what is live at once";
    arena_free(scratch);
    return w.error;
}
