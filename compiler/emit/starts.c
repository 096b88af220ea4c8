/* Sizes and positions as the text of a fused kernel has them: n0, n1, ... are the sizes of the
 * merged axes (see axes.h), outermost first. Elements of a row are counted from where it starts. */
#include "emit/writer.h"

#include <string.h>

bool starts_is_summed(const Writer *w, int axis)
{
    return w->is_reduce && !axes_full(&w->axes, w->program->n_inputs, axis);
}

/* The variable that counts an axis: rows of a fused kernel, kept and summed positions of a sum. */
static const char *counter(const Writer *w, int axis)
{
    if (!w->is_reduce)
        return "row";
    return starts_is_summed(w, axis) ? "summed" : "kept";
}

/* "n1 * n2", the product of axes' sizes; NULL where there is none. */
static const char *times(const Writer *w, const char *product, int axis)
{
    return product ? arena_printf(w->arena, "%s * n%d", product, axis)
                   : arena_printf(w->arena, "n%d", axis);
}

const char *starts_coordinate(const Writer *w, int axis)
{
    const char *inner = NULL;
    bool outermost = true;
    for (int other = 0; other < w->axes.n; other++) {
        if (starts_is_summed(w, other) != starts_is_summed(w, axis))
            continue;
        if (other > axis)
            inner = times(w, inner, other);
        outermost = outermost && other >= axis;
    }
    const char *text = counter(w, axis);
    if (inner)
        text = arena_printf(w->arena, strchr(inner, '*') ? "%s / (%s)" : "%s / %s", text, inner);
    return outermost ? text : arena_printf(w->arena, "%s %% n%d", text, axis);
}

/* Elements from one position of an axis to the next; tensor -1: in the domain. */
static const char *step_text(const Writer *w, int tensor, int axis)
{
    const char *step = NULL;
    for (int inner = axis + 1; inner <= w->axes.n; inner++)
        if (tensor < 0 || axes_full(&w->axes, tensor, inner))
            step = times(w, step, inner);
    return step;
}

/* Where a row of a tensor starts: the sum of its positions times its steps; "" for 0. */
static const char *row_start(const Writer *w, int tensor)
{
    Text out = text_new(w->arena);
    for (int axis = 0; axis < w->axes.n; axis++) {
        if (tensor >= 0 && !axes_full(&w->axes, tensor, axis))
            continue;
        const char *step = step_text(w, tensor, axis);
        text_printf(&out, "%s%s%s%s", out.n ? " + " : "", starts_coordinate(w, axis),
                    step ? " * " : "", step ? step : "");
    }
    return out.n ? out.data : "";
}

/* The same, shorter where a tensor has all axes or all but the last: its rows are the domain's. */
static const char *tensor_start(const Writer *w, int tensor)
{
    for (int axis = 0; axis < w->axes.n; axis++)
        if (w->is_reduce || (tensor >= 0 && !axes_full(&w->axes, tensor, axis)))
            return row_start(w, tensor);
    if (w->axes.n == 0)
        return "";
    return tensor < 0 || axes_full(&w->axes, tensor, w->axes.n)
               ? arena_printf(w->arena, "row * n%d", w->axes.n)
               : "row";
}

/* Equal starts share a variable; one that is a counter already has none. */
static void declare(Writer *w, Text *out, const char **known, int tensor, const char *name)
{
    const int place = tensor < 0 ? w->axes.n_tensors : tensor;
    const char *start = tensor_start(w, tensor);
    known[place] = w->start[place] = start;
    if (!strchr(start, ' '))
        return;
    w->start[place] = name;
    for (int other = 0; other <= w->axes.n_tensors; other++)
        if (other != place && known[other] && strcmp(known[other], start) == 0) {
            w->start[place] = w->start[other];
            return;
        }
    text_printf(out, "%s%s = %s", out->n ? ", " : "const int64_t ", w->start[place], start);
}

static bool is_drawn(const Writer *w)
{
    for (int i = 0; i < w->program->n_instrs; i++)
        if (w->live[i] && w->program->instrs[i].kind == INSTR_RANDOM)
            return true;
    return false;
}

/* What starts where the domain's rows do starts at `at`. */
static const char *wanted_name(const Writer *w, int tensor)
{
    if (strcmp(tensor_start(w, tensor), tensor_start(w, -1)) == 0)
        return "at";
    const int output = tensor - w->program->n_inputs;
    return arena_printf(w->arena, "at_%c%d", output < 0 ? 'x' : 'y', output < 0 ? tensor : output);
}

const char *starts_declare(Writer *w)
{
    const Program *program = w->program;
    Text out = text_new(w->arena);
    w->start = NEW_N(w->arena, const char *, w->axes.n_tensors + 1);
    const char **known = NEW_N(w->arena, const char *, w->axes.n_tensors + 1);
    if (is_drawn(w))
        declare(w, &out, known, -1, "at");
    for (int i = 0; i < program->n_instrs; i++)
        if (w->live[i] && program->instrs[i].kind == INSTR_INPUT)
            declare(w, &out, known, program->instrs[i].slot,
                    wanted_name(w, program->instrs[i].slot));
    for (int i = program->n_inputs; !w->is_reduce && i < w->axes.n_tensors; i++)
        declare(w, &out, known, i, wanted_name(w, i));
    if (out.n)
        text_printf(&out, ";\n");
    return out.data;
}

const char *starts_element(const Writer *w, int tensor, const char *i)
{
    const char *start = w->start[tensor < 0 ? w->axes.n_tensors : tensor];
    return *start ? arena_printf(w->arena, "%s + %s", start, i) : i;
}

const char *starts_row(const Writer *w, int tensor)
{
    return *w->start[tensor] ? w->start[tensor] : "0";
}

const char *starts_count(const Writer *w, int tensor)
{
    const char *count = NULL;
    for (int axis = 0; axis <= w->axes.n; axis++)
        if (axes_full(&w->axes, tensor, axis))
            count = times(w, count, axis);
    return count ? count : "1";
}

const char *starts_product(const Writer *w, bool summed)
{
    const char *product = NULL;
    for (int axis = 0; axis < w->axes.n; axis++)
        if (starts_is_summed(w, axis) == summed)
            product = times(w, product, axis);
    return product ? product : "1";
}
