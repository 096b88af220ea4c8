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

/* Lives of equal kind, folded: `layer[*].attn.scores`. */
typedef struct {
    int life; /* the first of them */
    int count;
    size_t bytes; /* of all */
    const char *name;
} Row;

static int by_bytes(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->life - y->life;
}

/* The name with every [7] as [*]. */
static const char *without_indexes(Arena *arena, const char *name)
{
    Text out = text_new(arena);
    for (; *name; name++) {
        text_append(&out, name, 1);
        if (*name != '[')
            continue;
        text_append(&out, "*", 1);
        name += strspn(name + 1, "0123456789");
    }
    return out.data;
}

/* What is live at the peak, folded by kind, the most bytes first. */
static Row *live_rows(Arena *arena, const Compiled *compiled, const Facts *facts, int *n)
{
    const Timeline *timeline = compiled->timeline;
    Row *rows = NEW_N(arena, Row, timeline->n_lives);
    Map *kinds = map_new(arena);
    *n = 0;
    for (int i = 0; i < timeline->n_lives; i++) {
        const Life *life = &timeline->lives[i];
        if (life->first_step > timeline->peak_step || timeline->peak_step > life->last_step)
            continue;
        const Tensor *tensor = &compiled->graph->tensors[life->value];
        const char *name = without_indexes(arena, tensor->name);
        const char *kind = arena_printf(arena, "%s %s %s", name, shape_text(arena, &tensor->shape),
                                        decision_name(facts->decisions[i]));
        int row = map_get(kinds, kind);
        if (row < 0) {
            row = (*n)++;
            map_add(kinds, kind, row);
            rows[row] = (Row){.life = i, .name = name};
        }
        rows[row].count++;
        rows[row].bytes += life->alias_of >= 0 ? 0 : value_bytes(compiled->problem, life->value);
    }
    qsort(rows, (size_t)*n, sizeof *rows, by_bytes);
    return rows;
}

static void put_live_row(Text *out, const Compiled *compiled, const Facts *facts, const Row *row)
{
    const Life *life = &compiled->timeline->lives[row->life];
    const Tensor *tensor = &compiled->graph->tensors[life->value];
    const char *name = row->count > 1 ? row->name : tensor->name;
    text_printf(out, "    %10s %5d x  %-9s  %s %s%s  %s  %s\n", bytes_text(out, row->bytes),
                row->count, decision_name(facts->decisions[row->life]), dtype_name(tensor->dtype),
                shape_text(out->arena, &tensor->shape), row->bytes ? "" : " (in place)", name,
                report_source(out->arena, compiled, tensor->span));
}

/* What is small is summed up. */
static void put_live(Text *out, const Compiled *compiled, const Facts *facts)
{
    enum { MOST_ROWS = 16 };
    int n;
    const Row *rows = live_rows(out->arena, compiled, facts, &n);
    size_t rest = 0;
    int n_rest = 0;
    for (int i = 0; i < n; i++) {
        if (i < MOST_ROWS) {
            put_live_row(out, compiled, facts, &rows[i]);
            continue;
        }
        rest += rows[i].bytes;
        n_rest += rows[i].count;
    }
    if (n_rest)
        text_printf(out, "    %10s %5d x  more\n", bytes_text(out, rest), n_rest);
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
