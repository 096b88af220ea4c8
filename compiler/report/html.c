/* A page of its own, which loads nothing: the picture, the text report, and every tensor as a table
 * that sorts by a click on its heads. */
#include "report/markup.h"
#include "report/report.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>rematc plan</title>\n"
    "<style>body{font:14px sans-serif;max-width:1100px;margin:1em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{padding:2px 8px;text-align:right;white-space:nowrap}"
    "th{cursor:pointer;border-bottom:1px solid #888}td:first-child,th:first-child{text-align:left}"
    "tr:hover{background:#eef}pre{overflow:auto}</style>\n";

static const char sorter[] =
    "<script>document.querySelectorAll('th').forEach((th,i)=>th.onclick=()=>{"
    "const t=th.closest('table'),b=t.tBodies[0],r=[...b.rows],k=x=>x.cells[i].dataset.n,"
    "d=th.dataset.d=-(th.dataset.d||1);r.sort((x,y)=>k(x)===undefined?"
    "d*x.cells[i].textContent.localeCompare(y.cells[i].textContent):d*(k(x)-k(y)));"
    "b.append(...r)})</script>\n";

static void put_row(Text *out, const Compiled *compiled, const Facts *facts, int i)
{
    const Life *life = &compiled->timeline->lives[i];
    const Value *value = &compiled->problem->values[life->value];
    const Tensor *tensor = &compiled->graph->tensors[life->value];
    text_printf(out, "<tr><td>");
    markup_escape(out, value->name);
    text_printf(out, "<td>%s %s<td data-n=%zu>%zu<td data-n=%zu>%zu<td>%s<td>%s",
                dtype_name(tensor->dtype), shape_text(out->arena, &tensor->shape), value->bytes,
                value->bytes, compiled->layout->offsets[i], compiled->layout->offsets[i],
                class_name(value->class), decision_name(facts->decisions[i]));
    text_printf(out, "<td data-n=%d>%d<td data-n=%d>%d<td data-n=%d>%d<td>%s\n", life->first_step,
                life->first_step, life->last_step, life->last_step, facts->runs[life->value],
                facts->runs[life->value], report_source(out->arena, compiled, tensor->span));
}

void report_html(Text *out, const Compiled *compiled)
{
    Facts facts = report_facts(out->arena, compiled);
    Text words = text_new(out->arena);
    report_text(&words, compiled);
    text_printf(out, "%s<h1>", head);
    markup_escape(out, compiled->name);
    text_printf(out, "</h1>\n");
    report_svg(out, compiled);
    text_printf(out, "<pre>");
    markup_escape(out, words.data);
    text_printf(out, "</pre>\n<table><thead><tr><th>tensor<th>shape<th>bytes<th>offset<th>class"
                     "<th>decision<th>first step<th>last step<th>runs<th>source</thead><tbody>\n");
    for (int i = 0; i < compiled->timeline->n_lives; i++)
        put_row(out, compiled, &facts, i);
    text_printf(out, "</tbody></table>\n%s</html>\n", sorter);
}
