/* Regions of fused kernels for targets whose threads share a row: what is a template's argument,
 * how many elements a thread takes at once, what is loaded and stored, and the launch. A Writer in,
 * text out. */
#include "emit/render.h"
#include "emit/workspace.h"
#include "emit/writer.h"

#include <string.h>

/* Elements of the longest domain whose indexes have 32 bits: divisions of 64 are dear. */
enum { MOST_INDEXED = 2147483647 };

/* ---- sizes
 * ---------------------------------------------------------------------------------------- */

const char *lanes_template(const Writer *w)
{
    Text out = text_new(w->arena);
    for (int axis = 0; axis <= w->axes.n; axis++)
        text_printf(&out, "%sauto n%d", axis ? ", " : "template <", axis);
    text_printf(&out, "%s> ", w->is_reduce ? ", int PARTS" : "");
    return out.data;
}

const char *lanes_sizes(Arena *arena, const Program *program)
{
    const Axes axes = axes_of(arena, program);
    const char *type = axes.rows * axes.columns <= MOST_INDEXED ? "u" : "ull";
    Text out = text_new(arena);
    for (int axis = 0; axis <= axes.n; axis++)
        text_printf(&out, "%s%lld%s", axis ? ", " : "<",
                    (long long)(axis < axes.n ? axes.size[axis] : axes.columns), type);
    if (program_is_reduce(program))
        text_printf(&out, ", %d", workspace_reduce_parts(program));
    text_printf(&out, ">");
    return out.data;
}

/* "<n0, n1>", and the parts of a sum. */
static const char *template_arguments(const Writer *w)
{
    Text out = text_new(w->arena);
    for (int axis = 0; axis <= w->axes.n; axis++)
        text_printf(&out, "%sn%d", axis ? ", " : "<", axis);
    text_printf(&out, "%s>", w->is_reduce ? ", PARTS" : "");
    return out.data;
}

static bool starts_at_multiple(const Writer *w, int n)
{
    for (int i = 0; i < w->program->n_inputs; i++)
        if (axes_full(&w->axes, i, w->axes.n) && w->program->inputs[i].offset % n != 0)
            return false;
    return true;
}

/* Elements that a thread takes at once where the rows' length allows it: 16 bytes of the narrowest
 * tensor. */
static int longest_vector(const Writer *w)
{
    bool narrow = false;
    for (int i = 0; i < w->axes.n_tensors; i++) {
        const int output = i - w->program->n_inputs;
        const int tensor = output < 0 ? w->node->inputs[i] : w->node->outputs[output];
        narrow = narrow || (axes_full(&w->axes, i, w->axes.n) &&
                            w->kernels->graph->tensors[tensor].dtype == DT_bf16);
    }
    if (narrow && starts_at_multiple(w, 8))
        return 8;
    return starts_at_multiple(w, 4) ? 4 : 1;
}

const char *lanes_share(const Writer *w)
{
    const int n = w->axes.n;
    const char *rows = starts_product(w, false);
    if (w->is_reduce)
        return arena_printf(w->arena, "Rt%s<%s, %s, n%d, %d, PARTS>",
                            starts_is_summed(w, n) ? "SumAlong" : "SumDown", rows,
                            starts_product(w, true), n, longest_vector(w));
    if (w->n_levels > 0 || (writer_has_output(w, true) && writer_has_output(w, false)))
        return arena_printf(w->arena, "RtRows<%s, n%d, %d>", rows, n, longest_vector(w));
    if (!writer_has_output(w, true))
        return arena_printf(w->arena, "RtElements<%s, 1u, 1>", rows);
    return arena_printf(w->arena, "RtElements<%s, n%d, %d>", rows, n, longest_vector(w));
}

/* ---- vectors
 * -------------------------------------------------------------------------------------- */

static const char *vector_at(const Writer *w, const char *what, int tensor)
{
    const int output = tensor - w->program->n_inputs;
    return arena_printf(w->arena, "VECTOR_%s(%c%d, %s);\n", what, output < 0 ? 'x' : 'y',
                        output < 0 ? tensor : output, starts_element(w, tensor, "from"));
}

const char *lanes_loads(const Writer *w, const bool *needed, bool stores)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        if (needed[i] && instr->kind == INSTR_RANDOM)
            text_printf(&out, "VECTOR_RANDOM(u%d, %s, step, s%d);\n", instr->slot,
                        starts_element(w, -1, "from"), instr->slot);
    }
    for (int i = 0; i < w->program->n_instrs; i++) {
        const Instr *instr = &w->program->instrs[i];
        if (needed[i] && instr->kind == INSTR_INPUT && !w->per_row[i])
            text_printf(&out, "%s", vector_at(w, "LOAD", instr->slot));
    }
    for (int i = 0; stores && i < w->program->n_outputs; i++)
        if (writer_is_element_output(w, i))
            text_printf(&out, "VECTOR_KEEP(y%d);\n", i);
    return writer_packed(w->arena, out.data);
}

const char *lanes_stores(const Writer *w)
{
    Text out = text_new(w->arena);
    for (int i = 0; i < w->program->n_outputs; i++)
        if (writer_is_element_output(w, i))
            text_printf(&out, "%s", vector_at(w, "STORE", w->program->n_inputs + i));
    return writer_packed(w->arena, out.data);
}

/* ---- the kernel and its launch
 * ------------------------------------------------------------------------------------- */

const char *lanes_kernel(const Writer *w)
{
    Arena *a = w->arena;
    const Program *program = w->program;
    Text out = text_new(a);
    text_printf(&out, "%sRT_GLOBAL %s_kernel(", lanes_template(w), w->name);
    size_t line = 0;
    for (int i = 0; i < program->n_inputs; i++)
        if (!writer_is_accumulated(w, i))
            writer_item(&out, &line,
                        arena_printf(a, "const rt_%s *x%d", writer_input_dtype(w, i), i));
    for (int i = 0; i < program->n_outputs; i++)
        writer_item(&out, &line, arena_printf(a, "rt_%s *y%d", writer_output_dtype(w, i), i));
    for (int i = 0; i < program->n_constants; i++)
        if (writer_varies(w, i))
            writer_item(&out, &line, arena_printf(a, "real c%d", i));
    for (int i = 0; i < program->n_streams; i++)
        writer_item(&out, &line, arena_printf(a, "uint32_t s%d", i));
    if (program_is_random(program))
        writer_item(&out, &line, "const RtStep *step");
    if (w->is_reduce)
        writer_item(&out, &line, "real *parts");
    text_printf(&out, ")\n");
    return out.data;
}

static void print_arguments(const Writer *w, Text *out, size_t *line)
{
    Arena *a = w->arena;
    const Program *program = w->program;
    for (int i = 0; i < program->n_inputs; i++)
        if (!writer_is_accumulated(w, i))
            writer_item(out, line,
                        arena_printf(a, "rt_reads<rt_%s>(%s, %s)", writer_input_dtype(w, i),
                                     writer_source(w, i), starts_count(w, i)));
    for (int i = 0; i < program->n_outputs; i++)
        writer_item(out, line,
                    arena_printf(a, "rt_writes<rt_%s>(out%d, %s)", writer_output_dtype(w, i), i,
                                 starts_count(w, program->n_inputs + i)));
    for (int i = 0; i < program->n_constants; i++)
        if (writer_varies(w, i))
            writer_item(out, line, arena_printf(a, "R(c%d)", i));
    for (int i = 0; i < program->n_streams; i++)
        writer_item(out, line, arena_printf(a, "s%d", i));
    if (program_is_random(program))
        writer_item(out, line, "(const RtStep *)numbers");
    if (w->is_reduce)
        writer_item(out, line, "(real *)rt_workspace");
}

const char *lanes_launch(const Writer *w)
{
    Text out = text_new(w->arena);
    size_t line = 0;
    text_printf(&out, "RT_LAUNCH(");
    writer_item(&out, &line,
                arena_printf(w->arena, "(%s_kernel%s)", w->name, template_arguments(w)));
    writer_item(&out, &line, arena_printf(w->arena, "(%s::BLOCKS)", lanes_share(w)));
    print_arguments(w, &out, &line);
    text_printf(&out, ");\n");
    if (w->is_reduce)
        text_printf(
            &out, "if constexpr (PARTS > 1)\n    rt_finish_sums<%s, PARTS, %s>((rt_%s *)out0);\n",
            starts_count(w, w->program->n_inputs),
            w->program->accumulate_input >= 0 ? "true" : "false", writer_output_dtype(w, 0));
    return out.data;
}
