/* One screen: totals, the peak and what is live there, the modules folded, and memory over steps.
 */
#include "report/report.h"

#include "base/size.h"

#include <stdlib.h>
#include <string.h>

static const char *bytes_text(Text *out, size_t bytes)
{
    return size_format(out->arena, bytes);
}

static void put_totals(Text *out, const Compiled *compiled, const Facts *facts)
{
    size_t peak = compiled->layout->arena_bytes;
    text_printf(out, "%s on %s (%s), strategy %s", compiled->name, compiled->target,
                compiled->device, compiled->plan->strategy);
    if (compiled->has_budget)
        text_printf(out, ", budget %s", bytes_text(out, compiled->budget_bytes));
    text_printf(out, "\n\n  peak        %12s  %zu bytes, the program's one allocation\n",
                bytes_text(out, peak), peak);
    text_printf(out, "  keeping all %12s  this plan needs %.1f %% of it\n",
                bytes_text(out, compiled->solution->keep_all_bytes),
                100.0 * (double)peak / (double)compiled->solution->keep_all_bytes);
    text_printf(out, "  max live    %12s  least for this schedule: layout %s\n",
                bytes_text(out, compiled->timeline->max_live_bytes),
                peak == compiled->timeline->max_live_bytes ? "optimal" : "not proved optimal");
    text_printf(out, "  lower bound %12s  no schedule of this model can use less\n",
                bytes_text(out, compiled->solution->lower_bound_bytes));
    text_printf(out, "  step        %9.3f ms  %.2f %% more than keeping all; bound %.2f %%: %s\n\n",
                1e3 * compiled->timeline->seconds, 100 * compiled->solution->overhead,
                100 * compiled->solution->overhead_lower_bound,
                plan_gap(out->arena, compiled->solution));
    text_printf(out, "  at most     ");
    const char *separator = "";
    for (int class = 0; class < N_CLASSES; class ++) {
        if (!facts->class_bytes[class])
            continue;
        text_printf(out, "%s%s %s", separator, class_name((TensorClass) class),
                    bytes_text(out, facts->class_bytes[class]));
        separator = ", ";
    }
    text_printf(out, "\n");
}

typedef struct {
    int life;
    size_t bytes;
} Row;

static int by_bytes(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->life - y->life;
}

static void put_live_row(Text *out, const Compiled *compiled, const Facts *facts, const Row *row)
{
    const Life *life = &compiled->timeline->lives[row->life];
    const Value *value = &compiled->problem->values[life->value];
    const Tensor *tensor = &compiled->graph->tensors[life->value];
    text_printf(out, "    %10s  %-9s %5d-%-5d x%d  %s %s%s  %s  %s\n", bytes_text(out, row->bytes),
                decision_name(facts->decisions[row->life]), life->first_step, life->last_step,
                facts->runs[life->value], dtype_name(tensor->dtype),
                shape_text(out->arena, &tensor->shape), life->alias_of >= 0 ? " (in place)" : "",
                value->name, report_source(out->arena, compiled, tensor->span));
}

/* What is small is summed up. */
static void put_live(Text *out, const Compiled *compiled, const Facts *facts)
{
    enum { MOST_ROWS = 16 };
    const Timeline *timeline = compiled->timeline;
    int peak = timeline->peak_step, n = 0;
    Row *rows = xcalloc((size_t)timeline->n_lives, sizeof *rows);
    for (int i = 0; i < timeline->n_lives; i++) {
        const Life *life = &timeline->lives[i];
        if (life->first_step <= peak && peak <= life->last_step)
            rows[n++] = (Row){i, value_bytes(compiled->problem, life->value)};
    }
    qsort(rows, (size_t)n, sizeof *rows, by_bytes);
    size_t rest = 0;
    for (int i = 0; i < n; i++) {
        if (i < MOST_ROWS)
            put_live_row(out, compiled, facts, &rows[i]);
        else
            rest += rows[i].bytes;
    }
    if (n > MOST_ROWS)
        text_printf(out, "    %10s  in %d more\n", bytes_text(out, rest), n - MOST_ROWS);
    free(rows);
}

void report_live(Text *out, const Compiled *compiled)
{
    Facts facts = report_facts(out->arena, compiled);
    put_live(out, compiled, &facts);
}

void report_layout(Text *out, const Compiled *compiled)
{
    text_printf(out, "layout %zu\n", compiled->layout->arena_bytes);
    for (int i = 0; i < compiled->timeline->n_lives; i++) {
        const Life *life = &compiled->timeline->lives[i];
        text_printf(out, "%d %d %zu %zu %d %s\n", life->first_step, life->last_step,
                    compiled->layout->offsets[i], value_bytes(compiled->problem, life->value),
                    life->alias_of, compiled->problem->values[life->value].name);
    }
}

static void put_peak(Text *out, const Compiled *compiled, const Facts *facts)
{
    int peak = compiled->timeline->peak_step;
    const ProblemNode *node = &compiled->problem->nodes[compiled->plan->sequence[peak]];
    text_printf(out, "\n  the peak is at step %d, %s %s (%s); live there, largest first:\n", peak,
                facts->phases[peak], node->name, node->op);
    put_live(out, compiled, facts);
}

static void put_modules(Text *out, const Facts *facts)
{
    text_printf(out, "\n  module                    x  decision       kept each    again each\n");
    for (int i = 0; i < facts->n_modules; i++) {
        const ModuleRow *row = &facts->modules[i];
        text_printf(out, "  %-22s %4d  %-9s  %12s  %9.3f ms\n", row->path, row->count,
                    row->decision, bytes_text(out, row->kept_bytes), 1e3 * row->recompute_seconds);
    }
}

/* Live bytes over the steps, as a row of columns. */
static void put_curve(Text *out, const Compiled *compiled)
{
    enum { WIDTH = 72, HEIGHT = 8 };
    const Timeline *timeline = compiled->timeline;
    int n_steps = compiled->plan->n_steps, width = n_steps < WIDTH ? n_steps : WIDTH;
    size_t top[WIDTH] = {0};
    for (int step = 0; step < n_steps; step++) {
        int column = (int)((long long)step * width / n_steps);
        if (timeline->live_bytes[step] > top[column])
            top[column] = timeline->live_bytes[step];
    }
    text_printf(out, "\n  live bytes over %d steps (top: %s)\n", n_steps,
                bytes_text(out, timeline->max_live_bytes));
    for (int row = HEIGHT; row > 0; row--) {
        text_printf(out, "  |");
        for (int column = 0; column < width; column++) {
            double height = (double)top[column] * HEIGHT / (double)timeline->max_live_bytes;
            text_append(out, height > row - 0.75 ? "#" : height > row - 1 ? "." : " ", 1);
        }
        text_printf(out, "\n");
    }
}

void report_text(Text *out, const Compiled *compiled)
{
    Facts facts = report_facts(out->arena, compiled);
    put_totals(out, compiled, &facts);
    put_peak(out, compiled, &facts);
    if (facts.n_modules)
        put_modules(out, &facts);
    put_curve(out, compiled);
}
