/* The user's marks, as the tutorial means them: each call marked `checkpoint` is a segment, a mark
 * inside a mark is a segment within a segment. Where the segment next to the loss saves nothing it
 * is not replayed; every mark that saves nothing is listed for a warning. */
#include "plan/segments.h"
#include "plan/strategies/strategies.h"

#include <string.h>

typedef struct {
    Arena *arena, *scratch;
    const Problem *problem;
    Segments segments;
    int *instance; /* [segments] the marked instance */
    Timeline timeline;
} Marks;

static void find_marks(Marks *m)
{
    const Problem *p = m->problem;
    int *segment = NEW_N(m->scratch, int, p->n_instances + 1);
    m->instance = NEW_N(m->scratch, int, p->n_instances);
    m->segments = segments_new(m->scratch, p, p->n_instances);
    for (int i = 0; i < p->n_instances; i++) {
        int parent = p->instances[i].parent;
        segment[i] = parent >= 0 ? segment[parent] : -1;
        if (p->instances[i].checkpoint) {
            segment[i] = segments_add(&m->segments, segment[i]);
            m->instance[segment[i]] = i;
        }
    }
    for (int i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].phase == PHASE_forward)
            m->segments.of_node[i] = segment[p->nodes[i].instance];
}

static size_t peak_of(const Marks *m, const Segments *segments)
{
    Arena *scratch = arena_new();
    Plan *plan = segments_schedule(scratch, m->problem, segments, "marked");
    size_t peak = plan_simulate(scratch, m->problem, plan).max_live_bytes;
    arena_free(scratch);
    return peak;
}

static Segments without(Arena *scratch, const Problem *problem, const Segments *segments,
                        int segment)
{
    Segments copy = *segments;
    copy.parent = NEW_N(scratch, int, segments->n);
    copy.of_node = NEW_N(scratch, int, problem->n_nodes);
    memcpy(copy.parent, segments->parent, (size_t)segments->n * sizeof(int));
    memcpy(copy.of_node, segments->of_node, (size_t)problem->n_nodes * sizeof(int));
    segments_dissolve(problem, &copy, segment);
    return copy;
}

static bool saves_nothing(const Marks *m, int segment)
{
    Arena *scratch = arena_new();
    Segments copy = without(scratch, m->problem, &m->segments, segment);
    bool nothing = peak_of(m, &copy) <= m->timeline.max_live_bytes;
    arena_free(scratch);
    return nothing;
}

/* What the segment drops after the forward pass, and whether having it live all the while would be
 * above the peak, which is a quick proof that the mark is of use. The gap of a value is between two
 * lives of which a backward node reads the second. */
static size_t dropped_bytes(const Marks *m, const int *segment_of_value, int segment, bool *useful)
{
    const Timeline *t = &m->timeline;
    int n_steps = t->plan->n_steps;
    Arena *scratch = arena_new();
    size_t *more = NEW_N(scratch, size_t, n_steps + 1), *less = NEW_N(scratch, size_t, n_steps + 1);
    int *before = NEW_N(scratch, int, m->problem->n_values);
    size_t dropped = 0, extra = 0;
    for (int l = 0; l < t->n_lives; l++) {
        const Life *life = &t->lives[l];
        int last_reader = t->plan->sequence[life->last_step];
        if (segment_of_value[life->value] == segment && life->run > 0 &&
            m->problem->nodes[last_reader].phase != PHASE_forward) {
            size_t bytes = value_bytes(m->problem, life->value);
            more[t->lives[before[life->value]].last_step + 1] += bytes;
            less[life->first_step] += bytes;
            dropped += bytes;
        }
        before[life->value] = l;
    }
    for (int s = 0; s < n_steps; s++) {
        extra = extra + more[s] - less[s];
        *useful |= extra > 0 && t->live_bytes[s] + extra > t->max_live_bytes;
    }
    arena_free(scratch);
    return dropped;
}

/* The segment with the last forward node before the backward pass begins, outermost. */
static int next_to_loss(const Marks *m)
{
    int segment = -1;
    for (int i = 0; i < m->problem->n_nodes; i++)
        if (m->segments.of_node[i] >= 0)
            segment = m->segments.of_node[i];
    while (segment >= 0 && m->segments.parent[segment] >= 0)
        segment = m->segments.parent[segment];
    return segment;
}

static void replay(Marks *m)
{
    Plan *plan = segments_schedule(m->scratch, m->problem, &m->segments, "marked");
    m->timeline = plan_simulate(m->scratch, m->problem, plan);
}

static int *segments_of_values(const Marks *m)
{
    int *segment = NEW_N(m->scratch, int, m->problem->n_values);
    for (int v = 0; v < m->problem->n_values; v++) {
        int producer = m->problem->values[v].producer;
        segment[v] = producer < 0 ? -1 : m->segments.of_node[producer];
    }
    return segment;
}

static void list_useless(Marks *m, Plan *plan)
{
    enum {
        MOST_TRIALS = 64
    }; /* beyond it the quick test decides, which knows nothing of bytes
          taken over in place */
    const int *segment_of_value = segments_of_values(m);
    int n_trials = 0;
    ARRAY(UselessMark) useless = {0};
    for (int s = 0; s < m->segments.n; s++) {
        bool useful = false;
        size_t bytes = dropped_bytes(m, segment_of_value, s, &useful);
        if (!useful && bytes > 0 && n_trials++ < MOST_TRIALS)
            useful = !saves_nothing(m, s);
        if (!useful)
            PUSH(m->arena, useless, ((UselessMark){m->instance[s], bytes}));
    }
    plan->useless_marks = useless.data;
    plan->n_useless_marks = useless.n;
}

Plan *marked_plan(Arena *arena, const Problem *problem, bool with_useless)
{
    Marks m = {.arena = arena, .scratch = arena_new(), .problem = problem};
    find_marks(&m);
    replay(&m);
    Plan useless = {0};
    if (m.segments.n > 0 && !m.timeline.error && with_useless)
        list_useless(&m, &useless);
    int last = next_to_loss(&m);
    if (last >= 0 && !m.timeline.error && saves_nothing(&m, last)) {
        segments_dissolve(problem, &m.segments, last);
        replay(&m);
    }
    Plan *plan = segments_schedule(arena, problem, &m.segments, "marked");
    plan->useless_marks = useless.useless_marks;
    plan->n_useless_marks = useless.n_useless_marks;
    arena_free(m.scratch);
    return plan;
}

Plan *strategy_marked(Arena *arena, const Problem *problem, const PlanOptions *options)
{
    (void)options;
    return marked_plan(arena, problem, true);
}
