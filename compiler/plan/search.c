/* Strategies run under budgets, and what comes out is checked before anyone sees it. */
#include "plan/search.h"

#include "plan/proof.h"

#include <math.h>

/* One strategy on one problem: what is the same under every budget. */
typedef struct {
    Arena *arena;
    const Problem *problem;
    const Strategy *strategy;
    PlanOptions options;
    Pool pool; /* filled once, where the strategy tries the same whatever the budget */
    Solution all;
    size_t lower_bound_bytes;
} Searcher;

static void lay_out(const Searcher *s, Solution *out)
{
    out->timeline = plan_simulate(s->arena, s->problem, out->plan);
    if (out->timeline.error)
        bug("strategy %s: %s", out->strategy->name, out->timeline.error);
    out->layout = plan_layout(s->arena, s->problem, &out->timeline, false);
    const char *error = layout_verify(s->arena, s->problem, &out->timeline, &out->layout);
    if (error)
        bug("layout of strategy %s: %s", out->strategy->name, error);
}

static void searcher_start(Searcher *s)
{
    if (s->options.effort <= 0)
        s->options.effort = 1;
    s->all.strategy = &strategies[STRATEGY_none];
    s->all.plan = s->all.strategy->run(s->arena, s->problem, &s->options);
    lay_out(s, &s->all);
    s->lower_bound_bytes = proof_memory(s->problem);
    s->pool = pool_new(s->arena, s->problem, &s->options);
    if (s->strategy->offer)
        s->strategy->offer(&s->pool);
}

static Plan *choose(Searcher *s)
{
    if (!s->strategy->offer)
        return s->strategy->run(s->arena, s->problem, &s->options);
    Plan *plan = NEW(s->arena, Plan); /* the pool's own may be chosen again */
    *plan = *pool_choose(&s->pool, s->strategy->name);
    return plan;
}

static void prove(const Searcher *s, Solution *out)
{
    out->lower_bound_bytes = s->lower_bound_bytes;
    size_t room = s->options.has_budget ? s->options.budget_bytes : out->layout.arena_bytes;
    if (out->fits && room < out->keep_all_bytes && out->keep_all_seconds > 0)
        out->overhead_lower_bound = proof_rerun_seconds(s->problem, room) / out->keep_all_seconds;
}

/* Under the budget that the options hold at the moment. */
static Solution solve(Searcher *s)
{
    const PlanOptions *options = &s->options;
    const Solution *all = &s->all;
    Solution out = {.strategy = s->strategy, .plan = choose(s)};
    lay_out(s, &out);
    if (out.layout.arena_bytes > all->layout.arena_bytes) {
        /* Recomputing that costs memory is no help to anyone. */
        out.plan->sequence = all->plan->sequence;
        out.plan->n_steps = all->plan->n_steps;
        lay_out(s, &out);
    }
    out.keep_all_bytes = all->layout.arena_bytes;
    out.keep_all_seconds = all->timeline.seconds;
    if (all->timeline.seconds > 0) /* the same runs in another order may add up a little lower */
        out.overhead = fmax(0, out.timeline.seconds / all->timeline.seconds - 1);
    out.fits = !options->has_budget || out.layout.arena_bytes <= options->budget_bytes;
    out.smallest_bytes = out.fits ? 0 : out.layout.arena_bytes;
    prove(s, &out);
    return out;
}

Solution plan_search(Arena *arena, const Problem *problem, const Strategy *strategy,
                     const PlanOptions *options)
{
    Searcher s = {.arena = arena, .problem = problem, .strategy = strategy, .options = *options};
    searcher_start(&s);
    return solve(&s);
}

static Solution solve_within(Searcher *s, size_t budget_bytes)
{
    s->options.has_budget = true;
    s->options.budget_bytes = budget_bytes;
    return solve(s);
}

Solution *plan_search_all(Arena *arena, const Problem *problem, const Strategy *strategy,
                          const PlanOptions *options, const size_t *budgets, int n)
{
    Searcher s = {.arena = arena, .problem = problem, .strategy = strategy, .options = *options};
    searcher_start(&s);
    Solution *solutions = NEW_N(arena, Solution, n);
    for (int i = 0; i < n; i++)
        solutions[i] = solve_within(&s, budgets[i]);
    return solutions;
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
    Searcher s = {.arena = arena, .problem = problem, .strategy = strategy, .options = *options};
    searcher_start(&s);
    Solution *solutions = NEW_N(arena, Solution, n);
    size_t low = solve_within(&s, 0).layout.arena_bytes, high = s.all.layout.arena_bytes;
    for (int i = 0; i < n; i++) {
        double share = n > 1 ? (double)i / (n - 1) : 0;
        solutions[i] = solve_within(&s, low + (size_t)((double)(high - low) * share));
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
