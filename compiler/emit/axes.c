/* Merges the axes of a program's domain. */
#include "emit/axes.h"

static const Shape *tensor_shape(const Program *program, int tensor)
{
    return tensor < program->n_inputs ? &program->inputs[tensor].as
                                      : &program->outputs[tensor - program->n_inputs].as;
}

static bool has_kind(const Program *program, InstrKind kind)
{
    for (int i = 0; i < program->n_instrs; i++)
        if (program->instrs[i].kind == kind)
            return true;
    return false;
}

/* Axes of size 1 go, but for those that an instruction speaks of. */
static bool is_dropped(const Shape *domain, int axis, bool last_pinned, int position)
{
    if (domain->size[axis] != 1 || axis == position)
        return false;
    return !(last_pinned && axis == domain->rank - 1);
}

static bool same_tensors(const Program *program, int a, int b)
{
    for (int t = 0; t < program->n_inputs + program->n_outputs; t++) {
        const Shape *as = tensor_shape(program, t);
        if ((as->size[a] != 1) != (as->size[b] != 1))
            return false;
    }
    return true;
}

typedef struct {
    int n, of[MAX_RANK]; /* an axis of the domain that stands for the merged one */
    int64_t size[MAX_RANK];
    int position;
} Merged;

static Merged merge(const Program *program)
{
    const Shape *domain = &program->domain;
    const bool pinned = has_kind(program, INSTR_ROW_SUM) || has_kind(program, INSTR_ROW_MAX) ||
                        has_kind(program, INSTR_COLUMN) || has_kind(program, INSTR_POSITION);
    const int position = has_kind(program, INSTR_POSITION) ? domain->rank - 2 : -1;
    Merged merged = {.position = -1};
    for (int axis = 0; axis < domain->rank; axis++) {
        if (is_dropped(domain, axis, pinned, position))
            continue;
        const int previous = merged.n - 1;
        const bool stands_alone =
            (pinned && axis == domain->rank - 1) || axis == position || axis - 1 == position;
        if (previous >= 0 && !stands_alone && same_tensors(program, merged.of[previous], axis)) {
            merged.size[previous] *= domain->size[axis];
            continue;
        }
        if (axis == position)
            merged.position = merged.n;
        merged.of[merged.n] = axis;
        merged.size[merged.n++] = domain->size[axis];
    }
    return merged;
}

Axes axes_of(Arena *arena, const Program *program)
{
    const Merged merged = merge(program);
    Axes axes = {.n = merged.n > 0 ? merged.n - 1 : 0,
                 .columns = merged.n > 0 ? merged.size[merged.n - 1] : 1,
                 .rows = 1,
                 .position = merged.position,
                 .n_tensors = program->n_inputs + program->n_outputs};
    axes.full = NEW_N(arena, bool, axes.n_tensors *(axes.n + 1) + 1);
    for (int axis = 0; axis < axes.n; axis++) {
        axes.size[axis] = merged.size[axis];
        axes.rows *= merged.size[axis];
    }
    for (int t = 0; t < axes.n_tensors; t++)
        for (int axis = 0; axis < merged.n; axis++)
            axes.full[t * (axes.n + 1) + axis] = tensor_shape(program, t)->size[merged.of[axis]] ==
                                                 program->domain.size[merged.of[axis]];
    for (int t = 0; merged.n == 0 && t < axes.n_tensors; t++)
        axes.full[t] = true; /* a single element: every tensor has the last axis, of size 1 */
    return axes;
}

bool axes_full(const Axes *axes, int tensor, int axis)
{
    return axes->full[tensor * (axes->n + 1) + axis];
}

static int64_t axis_size(const Axes *axes, int axis)
{
    return axis < axes->n ? axes->size[axis] : axes->columns;
}

int64_t axes_step(const Axes *axes, int tensor, int axis)
{
    if (!axes_full(axes, tensor, axis))
        return 0;
    int64_t step = 1;
    for (int inner = axis + 1; inner <= axes->n; inner++)
        step *= axes_full(axes, tensor, inner) ? axis_size(axes, inner) : 1;
    return step;
}

int64_t axes_count(const Axes *axes, int tensor)
{
    int64_t count = 1;
    for (int axis = 0; axis <= axes->n; axis++)
        count *= axes_full(axes, tensor, axis) ? axis_size(axes, axis) : 1;
    return count;
}
