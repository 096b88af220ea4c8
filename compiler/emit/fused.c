/* The text of a fused kernel: what fills the regions of the skeletons templates/TARGET/fused.* and
 * reduce.*. A program in, a C function out. */
#include "emit/render.h"
#include "emit/writer.h"

#include <string.h>

/* ---- inputs and outputs
 * ------------------------------------------------------------------------------------ */

const char *writer_input_dtype(const Writer *w, int input)
{
    return dtype_name(w->dtypes[input]);
}

const char *writer_output_dtype(const Writer *w, int output)
{
    return dtype_name(w->dtypes[w->program->n_inputs + output]);
}

bool writer_is_argument(const Program *program, int input)
{
    return !program_is_reduce(program) || program->accumulate_input != input;
}

bool writer_is_element_output(const Writer *w, int output)
{
    return axes_full(&w->axes, w->program->n_inputs + output, w->axes.n);
}

bool writer_has_output(const Writer *w, bool of_elements)
{
    for (int i = 0; i < w->program->n_outputs; i++)
        if (writer_is_element_output(w, i) == of_elements)
            return true;
    return false;
}

bool writer_varies(const Writer *w, int constant)
{
    return !w->varies || w->varies[constant];
}

/* ---- lines
 * ------------------------------------------------------------------------------------------- */

enum { LINE = 96, PACKED = 88 };

void writer_item(Text *out, size_t *line_start, const char *text)
{
    const bool first = out->data[out->n - 1] == '(';
    if (out->n + strlen(text) - *line_start > LINE) {
        text_printf(out, "%s\n        ", first ? "" : ",");
        *line_start = out->n - 8;
    } else if (!first) {
        text_printf(out, ", ");
    }
    text_printf(out, "%s", text);
}

const char *writer_packed(Arena *arena, const char *text)
{
    Text out = text_new(arena);
    size_t line_start = 0;
    while (*text) {
        const size_t n = strcspn(text, "\n");
        const bool fits = out.n > line_start && out.n - line_start + n < PACKED;
        if (out.n > line_start)
            text_append(&out, fits ? " " : "\n", 1);
        if (!fits)
            line_start = out.n;
        text_append(&out, text, n);
        text += n + (text[n] == '\n');
    }
    if (out.n > line_start)
        text_append(&out, "\n", 1);
    return out.data;
}

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

static const char *row_text(Writer *w, const char *starts)
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

static const char *pass_body(Writer *w, const bool *needed, int pass)
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

static const char *random_text(const Writer *w, const bool *needed)
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
static const char *each_text(const Writer *w, const char *body)
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

static const char *passes_text(Writer *w, const char *skeleton_name, const char *skeleton,
                               bool **needed)
{
    const char *pass_template = render_region(w->arena, skeleton_name, skeleton, "pass");
    Text out = text_new(w->arena);
    for (int pass = 0; pass <= w->n_levels; pass++) {
        Text after = text_new(w->arena);
        print_row_values(w, &after, pass + 1);
        const Fill fills[] = {{"random", random_text(w, needed[pass])},
                              {"simd", simd_text(w, pass)},
                              {"body", each_text(w, pass_body(w, needed[pass], pass))},
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

/* ---- the function
 * ------------------------------------------------------------------------------------------ */

static const char *signature_text(const Writer *w)
{
    const bool lanes = w->kernels->target->lanes;
    const Program *program = w->program;
    Arena *a = w->arena;
    Text out = text_new(a);
    text_printf(&out, "%sRT_KERNEL void %s(", lanes ? lanes_template(w) : "", w->name);
    size_t line = 0;
    for (int i = 0; i < program->n_inputs; i++)
        if (writer_is_argument(program, i))
            writer_item(&out, &line, arena_printf(a, "const void *in%d", i));
    for (int i = 0; i < program->n_outputs; i++)
        writer_item(&out, &line, arena_printf(a, "void *out%d", i));
    for (int axis = 0; axis <= w->axes.n && !lanes; axis++)
        writer_item(&out, &line, arena_printf(a, "int64_t n%d", axis));
    for (int i = 0; i < program->n_constants; i++)
        if (writer_varies(w, i))
            writer_item(&out, &line, arena_printf(a, "double c%d", i));
    for (int i = 0; i < program->n_streams; i++)
        writer_item(&out, &line, arena_printf(a, "uint32_t s%d", i));
    if (program_is_random(program))
        writer_item(&out, &line, "const void *numbers");
    text_printf(&out, ")\n");
    return out.data;
}

static const char *pointers_text(const Writer *w)
{
    Text out = text_new(w->arena);
    const Program *program = w->program;
    for (int i = 0; i < program->n_inputs; i++)
        if (writer_is_argument(program, i))
            text_printf(&out, "RT_READS(%s, x%d, in%d, %s);\n", writer_input_dtype(w, i), i, i,
                        starts_count(w, i));
    for (int i = 0; i < program->n_outputs; i++)
        text_printf(&out, "RT_WRITES(%s, y%d, out%d, %s);\n", writer_output_dtype(w, i), i, i,
                    starts_count(w, program->n_inputs + i));
    if (program_is_random(program))
        text_printf(&out, "const RtStep *step = (const RtStep *)numbers;\n");
    return writer_packed(w->arena, out.data);
}

/* Those of fused and of reduce. */
static const char *sizes_text(const Writer *w)
{
    const int n = w->axes.n;
    if (w->is_reduce)
        return arena_printf(w->arena, "const int64_t KEPT = %s, SUMMED = %s, COLUMNS = n%d;\n",
                            starts_product(w, false), starts_product(w, true), n);
    const bool whole = w->n_levels > 0 || writer_has_output(w, false);
    return arena_printf(
        w->arena, "const int64_t ROWS = %s, COLUMNS = n%d, SPAN = %s;\n", starts_product(w, false),
        n,
        whole ? "COLUMNS, PIECES = 1"
              : "rt_least(COLUMNS, RT_CHUNK);\nconst int64_t PIECES = (COLUMNS + SPAN - 1) / SPAN");
}

static const char *skeleton_name(const Writer *w, const char *which)
{
    const Target *target = w->kernels->target;
    return arena_printf(w->arena, "templates/%s/%s%s", target->name, which, target->suffix);
}

static const char *fused_function(Writer *w)
{
    const char *name = skeleton_name(w, "fused"), *skeleton = render_file(name);
    bool **needed = levels_passes(w);
    const char *starts = starts_declare(w);
    values_nest(w);
    const bool lanes = w->kernels->target->lanes;
    const char *start = strstr(skeleton, lanes ? "//@begin kernel" : "//@begin signature");
    if (!start)
        bug("%s has no signature", name);
    const Fill fills[] = {
        {"signature", signature_text(w)},
        {"kernel", lanes ? lanes_kernel(w) : ""},
        {"sizes", sizes_text(w)},
        {"pointers", pointers_text(w)},
        {"share", lanes ? arena_printf(w->arena, "RT_SHARE(%s);\n", lanes_share(w)) : ""},
        {"row", row_text(w, starts)},
        {"passes", passes_text(w, name, skeleton, needed)},
        {"launch", lanes ? lanes_launch(w) : ""}};
    return render(w->arena, name, start, fills, (int)(sizeof fills / sizeof *fills));
}

/* Adds a term to its sum; `down`: to that of its column. */
static const char *sum_body(Writer *w, const bool *needed, bool down)
{
    const char *column = w->kernels->target->lanes ? "[j]" : "[i - from]";
    const char *values = pass_body(w, needed, 0);
    return arena_printf(w->arena, "%spart%s += %s;\n", values, down ? column : "",
                        values_operand(w, w->program->outputs[0].instr));
}

static const char *reduce_function(Writer *w)
{
    const char *name = skeleton_name(w, "reduce");
    const bool down = !starts_is_summed(w, w->axes.n), lanes = w->kernels->target->lanes;
    const char *skeleton =
        render_region(w->arena, name, render_file(name), down ? "down" : "along");
    bool **needed = levels_passes(w);
    const char *starts = starts_declare(w);
    values_nest(w);
    const char *dtype = writer_output_dtype(w, 0);
    const char *store =
        w->program->accumulate_input >= 0
            ? arena_printf(w->arena, "STORE_%s(y0, out, LOAD_%s(y0, out) + sum);\n", dtype, dtype)
            : arena_printf(w->arena, "STORE_%s(y0, out, sum);\n", dtype);
    const Fill fills[] = {
        {"signature", signature_text(w)},
        {"kernel", lanes ? lanes_kernel(w) : ""},
        {"sizes", sizes_text(w)},
        {"pointers", pointers_text(w)},
        {"share", lanes ? arena_printf(w->arena, "typedef %s Share;\n", lanes_share(w)) : ""},
        {"row", row_text(w, starts)},
        {"random", random_text(w, needed[0])},
        {"loads", lanes_loads(w, needed[0], false)},
        {"body", each_text(w, sum_body(w, needed[0], down))},
        {"store", store},
        {"launch", lanes ? lanes_launch(w) : ""}};
    return render(w->arena, name, skeleton, fills, (int)(sizeof fills / sizeof *fills));
}

const char *fused_text(Kernels *kernels, const Program *program, const Dtype *dtypes,
                       const bool *varies, const char *name)
{
    Arena *arena = kernels->arena;
    const int n = program->n_instrs;
    Writer w = {.arena = arena,
                .kernels = kernels,
                .program = program,
                .dtypes = dtypes,
                .name = name,
                .varies = varies,
                .axes = axes_of(arena, program),
                .is_reduce = program_is_reduce(program),
                .live = NEW_N(arena, bool, n),
                .per_row = NEW_N(arena, bool, n),
                .nested = NEW_N(arena, bool, n),
                .kept = NEW_N(arena, bool, n),
                .level = NEW_N(arena, int, n),
                .computed = NEW_N(arena, int, n)};
    levels_find(&w);
    return w.is_reduce ? reduce_function(&w) : fused_function(&w);
}
