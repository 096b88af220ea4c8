/* What a strategy returns: the sequence of node runs of one training step. Everything else about a
 * plan (lives, peak, what is recomputed) follows from the sequence and is worked out by simulate.
 */
#ifndef PLAN_H
#define PLAN_H

#include "plan/problem.h"

/* A user's mark that does not lower the peak. */
typedef struct {
    int instance;
    size_t bytes; /* what it drops between forward and backward, to no avail */
} UselessMark;

typedef struct {
    const char *strategy;
    int *sequence; /* node ids; a node's second and later runs are recomputes */
    int n_steps;
    UselessMark *useless_marks; /* strategy `marked`: for the warnings */
    int n_useless_marks;
} Plan;

/* One stay of a value in memory: from the step that writes it to the last that reads that writing.
 */
typedef struct {
    int value;
    int run;                   /* 0 the first writing, 1 the first recompute... */
    int first_step, last_step; /* inclusive */
    int alias_of;              /* the life whose bytes it takes (must or may), or -1 */
} Life;

/* A plan replayed. Lives are in order of (first_step, value); those of resident values and inputs
 * come first. */
typedef struct {
    const Plan *plan;  /* what was replayed */
    const char *error; /* NULL, or why the plan is illegal: a bug of ours, reported as one */
    Life *lives;
    int n_lives;
    int **step_reads,
        **step_writes;  /* for each step: lives, in the order of the node's reads, writes */
    size_t *live_bytes; /* for each step, rounded sizes, workspace included */
    size_t max_live_bytes;
    int peak_step;
    double seconds;
    double recompute_flops;
} Timeline;

/* Replays the plan: every node runs, side effects once, every read finds the value it means,
 * nothing is read after its bytes were taken, no parameter is read after its update. O(total
 * reads). */
Timeline plan_simulate(Arena *arena, const Problem *problem, const Plan *plan);

/* Offsets of a timeline in one arena. */
typedef struct {
    size_t *offsets;           /* for each life */
    size_t *workspace_offsets; /* for each step with workspace */
    size_t arena_bytes;
    size_t max_live_bytes; /* its lower bound for this schedule */
    bool optimal;          /* arena_bytes is the least for this schedule */
} Layout;

/* quick: milliseconds, for use inside a search; else until it reaches the bound or its effort ends.
 */
Layout plan_layout(Arena *arena, const Problem *problem, const Timeline *timeline, bool quick);
/* NULL, or which lives collide. Always run. */
const char *layout_verify(Arena *arena, const Problem *problem, const Timeline *timeline,
                          const Layout *layout);

void plan_print(Text *out, const Problem *problem, const Plan *plan);
Plan *plan_read(Arena *arena, const Problem *problem, const char *text, const char **error);

/* What a strategy may be told. */
typedef struct {
    bool has_budget;
    size_t budget_bytes; /* of the arena */
    uint64_t seed;
    double effort; /* 0: the usual; work allowed, about seconds on a 2020s machine, counted in work
                      and not in time */
    void (*progress)(void *context, size_t peak_bytes, double seconds);
    bool (*stop)(void *context); /* asked now and then; true: return the best so far */
    void *context;
} PlanOptions;

/* A strategy returns the cheapest plan it can find whose arena fits the budget (without a budget:
 * the one that it stands for), or the plan of the smallest arena it can find where none fits. */
typedef Plan *PlanStrategy(Arena *arena, const Problem *problem, const PlanOptions *options);

#endif
