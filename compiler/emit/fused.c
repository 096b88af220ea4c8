/* The text of a fused kernel: what fills the regions of the skeletons templates/TARGET/fused.* and
 * reduce.*. A program in, a C function out. */
#include "emit/render.h"
#include "emit/writer.h"

#include <string.h>

/* ---- inputs and outputs
 * ------------------------------------------------------------------------------------ */

const char *writer_input_dtype(const Writer *w, int input)
{
    return dtype_name(w->kernels->graph->tensors[w->node->inputs[input]].dtype);
}

const char *writer_output_dtype(const Writer *w, int output)
{
    return dtype_name(w->kernels->graph->tensors[w->node->outputs[output]].dtype);
}

bool writer_is_accumulated(const Writer *w, int input)
{
    return w->is_reduce && w->program->accumulate_input == input;
}

const char *writer_source(const Writer *w, int input)
{
    const int output = kernels_source(w->node, input);
    return arena_printf(w->arena, output < 0 ? "in%d" : "out%d", output < 0 ? input : output);
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
        if (kernels_source(w->node, i) < 0)
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
        if (!writer_is_accumulated(w, i))
            text_printf(&out, "RT_READS(%s, x%d, %s, %s);\n", writer_input_dtype(w, i), i,
                        writer_source(w, i), starts_count(w, i));
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
        {"row", passes_row(w, starts)},
        {"passes", passes_text(w, name, skeleton, needed)},
        {"launch", lanes ? lanes_launch(w) : ""}};
    return render(w->arena, name, start, fills, (int)(sizeof fills / sizeof *fills));
}

/* Adds a term to its sum; `down`: to that of its column. */
static const char *sum_body(Writer *w, const bool *needed, bool down)
{
    const char *column = w->kernels->target->lanes ? "[j]" : "[i - from]";
    const char *values = passes_body(w, needed, 0);
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
        {"row", passes_row(w, starts)},
        {"random", passes_random(w, needed[0])},
        {"loads", lanes_loads(w, needed[0], false)},
        {"body", passes_each(w, sum_body(w, needed[0], down))},
        {"store", store},
        {"launch", lanes ? lanes_launch(w) : ""}};
    return render(w->arena, name, skeleton, fills, (int)(sizeof fills / sizeof *fills));
}

const char *fused_text(Kernels *kernels, const Node *node, const bool *varies, const char *name)
{
    const Program *program = node->program;
    Arena *arena = kernels->arena;
    const int n = program->n_instrs;
    Writer w = {.arena = arena,
                .kernels = kernels,
                .node = node,
                .program = program,
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
