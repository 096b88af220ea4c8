/* Live bytes over the steps as an SVG picture: one column a step, coloured by phase; the step and
 * its node appear when the mouse rests on a column. */
#include "report/markup.h"
#include "report/report.h"

#include "base/size.h"

#include <string.h>

enum { WIDTH = 960, HEIGHT = 320, LEFT = 80, BOTTOM = 24 };

static const struct {
    const char *phase, *colour;
} colours[] = {
    {"forward", "#4878a8"},
    {"recompute", "#e08214"},
    {"backward", "#5aae61"},
    {"update", "#9970ab"},
};

enum { N_COLOURS = sizeof colours / sizeof colours[0] };

static const char *colour_of(const char *phase)
{
    for (int i = 0; i < N_COLOURS; i++)
        if (strcmp(colours[i].phase, phase) == 0)
            return colours[i].colour;
    return "#888888";
}

static double height_of(const Compiled *compiled, size_t bytes)
{
    return (double)bytes / (double)compiled->layout->arena_bytes * (HEIGHT - BOTTOM - 10);
}

static void put_column(Text *out, const Compiled *compiled, const Facts *facts, int step)
{
    const ProblemNode *node = &compiled->problem->nodes[compiled->plan->sequence[step]];
    double width = (double)(WIDTH - LEFT) / compiled->plan->n_steps;
    double height = height_of(compiled, compiled->timeline->live_bytes[step]);
    text_printf(out,
                "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"><title>",
                LEFT + step * width, HEIGHT - BOTTOM - height, width + 0.05, height,
                colour_of(facts->phases[step]));
    text_printf(out, "step %d: %s ", step, facts->phases[step]);
    markup_escape(out, node->name);
    text_printf(out, " (");
    markup_escape(out, node->op);
    text_printf(out, "), %s</title></rect>\n",
                size_format(out->arena, compiled->timeline->live_bytes[step]));
}

static void put_level(Text *out, const Compiled *compiled, size_t bytes, const char *label)
{
    double y = HEIGHT - BOTTOM - height_of(compiled, bytes);
    text_printf(out,
                "<line x1=\"%d\" y1=\"%.2f\" x2=\"%d\" y2=\"%.2f\" stroke=\"#444\" "
                "stroke-dasharray=\"4 3\"/>\n<text x=\"2\" y=\"%.2f\">%s %s</text>\n",
                LEFT, y, WIDTH, y, y + 4, label, size_format(out->arena, bytes));
}

void report_svg(Text *out, const Compiled *compiled)
{
    Facts facts = report_facts(out->arena, compiled);
    text_printf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                "font-family=\"sans-serif\" font-size=\"11\">\n",
                WIDTH, HEIGHT);
    for (int step = 0; step < compiled->plan->n_steps; step++)
        put_column(out, compiled, &facts, step);
    put_level(out, compiled, compiled->layout->arena_bytes, "");
    if (compiled->layout->arena_bytes > compiled->solution->lower_bound_bytes)
        put_level(out, compiled, compiled->solution->lower_bound_bytes, "");
    for (int i = 0; i < N_COLOURS; i++)
        text_printf(out,
                    "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>"
                    "<text x=\"%d\" y=\"%d\">%s</text>\n",
                    LEFT + i * 110, HEIGHT - 14, colours[i].colour, LEFT + i * 110 + 14, HEIGHT - 5,
                    colours[i].phase);
    text_printf(out, "</svg>\n");
}
