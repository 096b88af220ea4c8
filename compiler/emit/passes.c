/* The inside of a fused kernel's loop over rows: what a row starts with, and its passes. A Writer
 * in, fills of the skeletons' regions out. */
#include "emit/render.h"
#include "emit/writer.h"

#include <string.h>

/* ---- a row
 * ----------------------------------------------------------------------------------- */

/* Values of the row that follow from reductions of that level. */
static void print_row_values(Writer *w, Text *out, int level)
{
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        if (!w->live[i] || !w->per_row[i] || w->level[i] != level || w->nested[i])
            continue;
        if (!levels_is_row_reduction(instr))
            text_printf(out, "const real v%d = %s;\n", i, values_text(w, i));
        else if (w->kernels->target->lanes)
            text_printf(out, "v%d = group_%s<GROUP>(v%d);\n", i,
                        instr->kind == INSTR_ROW_SUM ? "sum" : "max", i);
    }
}

/* What is a dropout's probability: 0 where the step does not train. */
static void print_probabilities(Writer *w, Text *out)
{
    bool *done = NEW_N(w->arena, bool, w->program->n_instrs);
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        const int p = instr->arg[ARG_P];
        if (!w->live[i] || !values_draws(instr) || p < 0 || done[p])
            continue;
        done[p] = true;
        text_printf(out, "const real p%d = step->training ? %s : 0;\n", p, values_operand(w, p));
    }
}

/* Few different sizes, so that kernels that differ by no more share one function. */
static int kept_columns(const Writer *w)
{
    int columns = 1024;
    while (columns < w->axes.columns)
        columns *= 2;
    return columns;
}

/* The row's reductions before their first term, and what is kept between passes. */
static void print_variables(const Writer *w, Text *out)
{
    const size_t before = out->n;
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        const char *separator = out->n > before ? ", " : "real ";
        if (w->live[i] && levels_is_row_reduction(instr))
            text_printf(out, "%sv%d = %s", separator, i,
                        instr->kind == INSTR_ROW_SUM ? "0" : "-R(INFINITY)");
        else if (w->kept[i])
            text_printf(out, "%sk%d[%d]", separator, i, kept_columns(w));
    }
    if (out->n > before)
        text_printf(out, ";\n");
}

const char *passes_row(Writer *w, const char *starts)
{
    Text out = text_new(w->arena);
    text_printf(&out, "%s", starts);
    print_row_values(w, &out, 0);
    print_probabilities(w, &out);
    print_variables(w, &out);
    return writer_packed(w->arena, out.data);
}

/* ---- passes
 * --------------------------------------------------------------------------------------------- */

static void print_terms(Writer *w, Text *out, int level)
{
    for (int i = 0; i < w->program->n_instrs; i++) {
        if (!levels_ends(w, i, level))
            continue;
        const char *term = values_operand(w, w->program->instrs[i].arg[ARG_A]);
        if (w->program->instrs[i].kind == INSTR_ROW_SUM)
            text_printf(out, "v%d += %s;\n", i, term);
        else
            text_printf(out, "v%d = %s > v%d ? %s : v%d;\n", i, term, i, term, i);
    }
}

static void print_stores(Writer *w, Text *out)
{
    for (int i = 0; i < w->program->n_outputs; i++) {
        if (!writer_is_element_output(w, i))
            continue;
        const char *value = values_operand(w, w->program->outputs[i].instr);
        if (w->kernels->target->lanes)
            text_printf(out, "y%d_v[j] = %s;\n", i, value);
        else
            text_printf(out, "STORE_%s(y%d, %s, %s);\n", writer_output_dtype(w, i), i,
                        starts_element(w, w->program->n_inputs + i, "i"), value);
    }
}

const char *passes_body(Writer *w, const bool *needed, int pass)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_instrs; i++) {
        if (!needed[i] || w->nested[i])
            continue;
        if (w->kept[i] && w->computed[i] < pass) {
            text_printf(&out, "const real v%d = k%d[i];\n", i, i);
            continue;
        }
        text_printf(&out, "const real v%d = %s;\n", i, values_text(w, i));
        if (w->kept[i])
            text_printf(&out, "k%d[i] = v%d;\n", i, i);
    }
    print_terms(w, &out, pass + 1);
    if (pass == w->n_levels && !w->is_reduce)
        print_stores(w, &out);
    return out.data;
}

const char *passes_random(const Writer *w, const bool *needed)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_instrs; i++) {
        const int slot = w->program->instrs[i].slot;
        if (needed[i] && w->program->instrs[i].kind == INSTR_RANDOM)
            text_printf(&out, "RANDOM_CHUNK(u%d, %s, to - from, step, s%d);\n", slot,
                        starts_element(w, -1, "from"), slot);
    }
    return out.data;
}

/* `RT_PRAGMA(omp simd reduction(+ : v3) reduction(max : v7))`: no value of a pass depends on
 * another element's. */
static const char *simd_text(const Writer *w, int pass)
{
    Text out = text_new(w->arena);
    text_printf(&out, "RT_PRAGMA(omp simd");
    for (int i = 0; i < w->program->n_instrs; i++)
        if (levels_ends(w, i, pass + 1))
            text_printf(&out, " reduction(%s : v%d)",
                        w->program->instrs[i].kind == INSTR_ROW_SUM ? "+" : "max", i);
    text_printf(&out, ")\n");
    return out.data;
}

static void print_row_stores(const Writer *w, Text *out)
{
    for (int i = 0; i < w->program->n_outputs; i++)
        if (!writer_is_element_output(w, i))
            text_printf(out, "%sSTORE_%s(y%d, %s, v%d);\n", w->kernels->target->lanes ? "ROW_" : "",
                        writer_output_dtype(w, i), i, starts_row(w, w->program->n_inputs + i),
                        w->program->outputs[i].instr);
}

/* The loop over a thread's elements around its body. */
const char *passes_each(const Writer *w, const char *body)
{
    if (!w->kernels->target->lanes)
        return body;
    const bool single = strchr(body, '\n') == strrchr(body, '\n');
    Text out = text_new(w->arena);
    text_printf(&out, single ? "RT_EACH(j)" : "RT_EACH(j) {");
    for (size_t n; *body; body += n + 1) {
        n = strcspn(body, "\n");
        text_printf(&out, "\n    %.*s", (int)n, body);
    }
    text_printf(&out, single ? "\n" : "\n}\n");
    return out.data;
}

const char *passes_text(Writer *w, const char *skeleton_name, const char *skeleton, bool **needed)
{
    const char *pass_template = render_region(w->arena, skeleton_name, skeleton, "pass");
    Text out = text_new(w->arena);
    for (int pass = 0; pass <= w->n_levels; pass++) {
        Text after = text_new(w->arena);
        print_row_values(w, &after, pass + 1);
        const Fill fills[] = {{"random", passes_random(w, needed[pass])},
                              {"simd", simd_text(w, pass)},
                              {"body", passes_each(w, passes_body(w, needed[pass], pass))},
                              {"after", writer_packed(w->arena, after.data)},
                              {"loads", lanes_loads(w, needed[pass], pass == w->n_levels)},
                              {"stores", pass == w->n_levels ? lanes_stores(w) : ""}};
        if (pass < w->n_levels || writer_has_output(w, true))
            text_printf(&out, "%s", render(w->arena, skeleton_name, pass_template, fills, 6));
    }
    Text stores = text_new(w->arena);
    print_row_stores(w, &stores);
    text_printf(&out, "%s", writer_packed(w->arena, stores.data));
    return out.data;
}
