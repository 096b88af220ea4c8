/* Several plans in; out comes one table of their peaks and times, as text or as JSON. */
#include "report/report.h"

#include "base/json.h"
#include "base/size.h"

#include <string.h>

static void put_text_row(Text *out, const TableRow *row)
{
    const Compiled *compiled = row->compiled;
    const Solution *solution = compiled->solution;
    text_printf(out, "%-14s %14zu %10s %11.3f ms %8.2f %% %8.2f %%", row->label,
                compiled->layout->arena_bytes,
                size_format(out->arena, compiled->layout->arena_bytes),
                1e3 * compiled->timeline->seconds, 100 * solution->overhead,
                100 * solution->overhead_lower_bound);
    if (!solution->fits)
        text_printf(out, "  above the budget of %zu bytes", compiled->budget_bytes);
    text_printf(out, "\n");
}

static void put_text_table(Text *out, const TableRow *rows, int n_rows)
{
    text_printf(out, "%-14s %14s %10s %14s %10s %10s\n", "plan", "peak bytes", "", "step",
                "overhead", "at least");
    for (int i = 0; i < n_rows; i++)
        put_text_row(out, &rows[i]);
}

static void put_json_row(Text *out, const TableRow *row)
{
    const Compiled *compiled = row->compiled;
    const Solution *solution = compiled->solution;
    text_printf(out, "  {\"plan\": ");
    json_string(out, row->label);
    text_printf(out, ", \"strategy\": ");
    json_string(out, compiled->plan->strategy);
    text_printf(out, ", \"fits\": %s, \"peak_bytes\": %zu, \"max_live_bytes\": %zu",
                solution->fits ? "true" : "false", compiled->layout->arena_bytes,
                compiled->timeline->max_live_bytes);
    text_printf(out, ", \"step_seconds\": ");
    json_number(out, compiled->timeline->seconds);
    text_printf(out, ", \"overhead\": ");
    json_number(out, solution->overhead);
    text_printf(out, ", \"overhead_lower_bound\": ");
    json_number(out, solution->overhead_lower_bound);
    text_printf(out, "}");
}

static void put_json_table(Text *out, const TableRow *rows, int n_rows)
{
    text_printf(out, "[\n");
    for (int i = 0; i < n_rows; i++) {
        put_json_row(out, &rows[i]);
        text_printf(out, i + 1 < n_rows ? ",\n" : "\n");
    }
    text_printf(out, "]\n");
}

TableWrite *report_table_form(const char *name)
{
    return strcmp(name, "text") == 0   ? put_text_table
           : strcmp(name, "json") == 0 ? put_json_table
                                       : NULL;
}
