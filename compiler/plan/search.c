/* Strategies run under budgets, and what comes out is checked before anyone sees it. */
#include "plan/search.h"

#include "plan/proof.h"

#include <math.h>

static void lay_out(Arena *arena, const Problem *problem, Solution *s)
{
    s->timeline = plan_simulate(arena, problem, s->plan);
    if (s->timeline.error)
        bug("strategy %s: %s", s->strategy->name, s->timeline.error);
    s->layout = plan_layout(arena, problem, &s->timeline, false);
    const char *error = layout_verify(arena, problem, &s->timeline, &s->layout);
    if (error)
        bug("layout of strategy %s: %s", s->strategy->name, error);
}

static void prove(const Problem *problem, const PlanOptions *options, Solution *s)
{
    s->lower_bound_bytes = proof_memory(problem);
    size_t room = options->has_budget ? options->budget_bytes : s->layout.arena_bytes;
    if (s->fits && room < s->keep_all_bytes && s->keep_all_seconds > 0)
        s->overhead_lower_bound = proof_rerun_seconds(problem, room) / s->keep_all_seconds;
}

Solution plan_search(Arena *arena, const Problem *problem, const Strategy *strategy,
                     const PlanOptions *given)
{
    PlanOptions with_effort = *given;
    if (with_effort.effort <= 0)
        with_effort.effort = 1;
    const PlanOptions *options = &with_effort;
    Solution all = {.strategy = &strategies[STRATEGY_none]};
    all.plan = all.strategy->run(arena, problem, options);
    lay_out(arena, problem, &all);
    Solution s = {.strategy = strategy, .plan = strategy->run(arena, problem, options)};
    lay_out(arena, problem, &s);
    if (s.layout.arena_bytes > all.layout.arena_bytes) {
        /* Recomputing that costs memory is no help to anyone. */
        s.plan->sequence = all.plan->sequence;
        s.plan->n_steps = all.plan->n_steps;
        lay_out(arena, problem, &s);
    }
    s.keep_all_bytes = all.layout.arena_bytes;
    s.keep_all_seconds = all.timeline.seconds;
    if (all.timeline.seconds > 0) /* the same runs in another order may add up a little lower */
        s.overhead = fmax(0, s.timeline.seconds / all.timeline.seconds - 1);
    s.fits = !options->has_budget || s.layout.arena_bytes <= options->budget_bytes;
    s.smallest_bytes = s.fits ? 0 : s.layout.arena_bytes;
    prove(problem, options, &s);
    return s;
}

const char *plan_gap(Arena *arena, const Solution *solution)
{
    double gap = solution->overhead - solution->overhead_lower_bound;
    if (gap < 1e-9)
        return "optimal";
    double percent = ceil(gap * 1000) / 10;
    return arena_printf(arena, "at most %.1f %% of the step from optimal", percent);
}

Solution *plan_pareto(Arena *arena, const Problem *problem, const Strategy *strategy,
                      const PlanOptions *options, int n)
{
    Solution *solutions = NEW_N(arena, Solution, n);
    PlanOptions with = *options;
    with.has_budget = true;
    with.budget_bytes = 0;
    Solution smallest = plan_search(arena, problem, strategy, &with);
    size_t low = smallest.layout.arena_bytes, high = smallest.keep_all_bytes;
    for (int i = 0; i < n; i++) {
        double share = n > 1 ? (double)i / (n - 1) : 0;
        with.budget_bytes = low + (size_t)((double)(high - low) * share);
        solutions[i] = plan_search(arena, problem, strategy, &with);
    }
    return solutions;
}

int64_t fit_search(bool (*fits)(void *context, int64_t value), void *context, int64_t first,
                   int64_t most, int *n_tried)
{
    int64_t good = first - 1, bad = most + 1, next = first;
    *n_tried = 0;
    while (bad - good > 1) { /* doubles until something fails, then halves the interval */
        ++*n_tried;
        if (fits(context, next))
            good = next;
        else
            bad = next;
        int64_t doubled = good > 0 ? 2 * good : good + 1;
        next = bad == most + 1 && doubled < bad ? doubled : good + (bad - good) / 2;
    }
    return good;
}
