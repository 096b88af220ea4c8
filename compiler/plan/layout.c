/* A timeline in, offsets in one arena out. Lives that share bytes are placed as one buffer; what is
 * resident is stacked at the bottom, since it fragments nothing there; the rest, workspaces
 * included, goes through place(). */
#include "place/place.h"
#include "plan/plan.h"

/* Work after the greedy passes, in place()'s nominal seconds. */
static const double full_effort = 1.0;

typedef struct {
    const Problem *problem;
    const Timeline *timeline;
    int *root;        /* [n_lives] first life of the bytes */
    int *buffer;      /* [n_lives] of a root: its buffer, -1 where resident */
    Buffer *buffers;  /* the lives' buffers, then a workspace for each step that has one */
    int *buffer_step; /* of a workspace: its step */
    int n_buffers, n_life_buffers;
} Packer;

static void find_roots(Packer *p)
{
    /* Lives are in order of birth, and a life takes the bytes of an older one. */
    for (int l = 0; l < p->timeline->n_lives; l++) {
        int from = p->timeline->lives[l].alias_of;
        p->root[l] = from < 0 ? l : p->root[from];
    }
}

static size_t stack_residents(Packer *p, size_t *offsets)
{
    size_t top = 0;
    for (int l = 0; l < p->timeline->n_lives; l++) {
        int value = p->timeline->lives[l].value;
        p->buffer[l] = -1;
        if (p->root[l] == l && p->problem->values[value].resident) {
            offsets[l] = top;
            top += value_bytes(p->problem, value);
        }
    }
    return top;
}

static void add_workspaces(Packer *p)
{
    const Plan *plan = p->timeline->plan;
    for (int s = 0; s < plan->n_steps; s++) {
        size_t bytes = p->problem->nodes[plan->sequence[s]].workspace_bytes;
        if (bytes == 0)
            continue;
        p->buffer_step[p->n_buffers] = s;
        p->buffers[p->n_buffers++] = (Buffer){s, s + 1, round_up(bytes, p->problem->alignment)};
    }
}

static void make_buffers(Packer *p)
{
    const Timeline *t = p->timeline;
    for (int l = 0; l < t->n_lives; l++) {
        const Life *life = &t->lives[l];
        int root = p->root[l];
        if (p->problem->values[t->lives[root].value].resident)
            continue;
        if (p->buffer[root] < 0) {
            p->buffer[root] = p->n_buffers++;
            p->buffers[p->buffer[root]] = (Buffer){life->first_step, life->last_step + 1,
                                                   value_bytes(p->problem, life->value)};
        }
        Buffer *b = &p->buffers[p->buffer[root]];
        if (life->first_step < b->lower)
            b->lower = life->first_step;
        if (life->last_step + 1 > b->upper)
            b->upper = life->last_step + 1;
    }
    p->n_life_buffers = p->n_buffers;
    add_workspaces(p);
}

static void set_up(Arena *arena, Packer *p)
{
    int n = p->timeline->n_lives, most = n + p->timeline->plan->n_steps;
    p->root = NEW_N(arena, int, n);
    p->buffer = NEW_N(arena, int, n);
    p->buffers = NEW_N(arena, Buffer, most);
    p->buffer_step = NEW_N(arena, int, most);
    find_roots(p);
}

Layout plan_layout(Arena *arena, const Problem *problem, const Timeline *timeline, bool quick)
{
    Arena *scratch = arena_new();
    Packer p = {.problem = problem, .timeline = timeline};
    set_up(scratch, &p);
    Layout layout = {.offsets = NEW_N(arena, size_t, timeline->n_lives),
                     .workspace_offsets = NEW_N(arena, size_t, timeline->plan->n_steps)};
    size_t bottom = stack_residents(&p, layout.offsets);
    make_buffers(&p);
    PlaceOptions options = {.effort = quick ? 0 : full_effort, .seed = 1};
    Placement placement = place(scratch, p.buffers, p.n_buffers, &options);
    for (int l = 0; l < timeline->n_lives; l++) {
        int root = p.root[l];
        layout.offsets[l] =
            p.buffer[root] < 0 ? layout.offsets[root] : bottom + placement.offsets[p.buffer[root]];
    }
    for (int b = p.n_life_buffers; b < p.n_buffers; b++)
        layout.workspace_offsets[p.buffer_step[b]] = bottom + placement.offsets[b];
    layout.arena_bytes = bottom + placement.arena_bytes;
    layout.max_live_bytes = timeline->max_live_bytes;
    layout.optimal = placement.optimal;
    arena_free(scratch);
    return layout;
}
