/* Backward nodes of a fused kernel, cut out of the scratch program that reverse.c makes: one kernel
 * for all gradients that have an element for each element (or row) of the domain, then a sum for
 * each input that was broadcast. */
#include "graph/reverse.h"

#include <stdlib.h>

/* How the gradient of an input is stored. */
typedef enum { RESULT_STORED, RESULT_SUMMED, RESULT_SAME } ResultKind;

typedef struct {
    ResultKind kind;
    int of;    /* root */
    int instr; /* of the scratch program */
    Shape as;
    int same; /* RESULT_SAME: the root whose gradient it shares */
    Target target;
} Result;

typedef struct {
    Diff *diff;
    Reverse *r;
    Result *results;
    int n_results;
    int *stored;     /* for each scratch instruction: the tensor of `to` that holds it, or -1 */
    bool *from_rows; /* for each scratch instruction: it needs a reduction along the row */
    int *row_values, n_row_values; /* scratch instructions that sums read, one value a row */
    int *stats; /* for each forward instruction: the tensor of `to` that holds it, or -1 */
} Cut;

static const Program *scratch_of(const Cut *cut)
{
    return cut->r->scratch.b.program;
}

/* --- statistics
 * ------------------------------------------------------------------------------------- */

/* Lets the forward kernel store instruction i, one value a row. */
static int statistic(Cut *cut, int i)
{
    Diff *diff = cut->diff;
    if (cut->stats[i] >= 0)
        return cut->stats[i];
    Node *forward = &diff->to->nodes[diff->node];
    Builder b = {diff->arena, NEW(diff->arena, Program)};
    *b.program = *forward->program;
    int n = b.program->n_outputs;
    ProgramOutput *outputs = NEW_N(diff->arena, ProgramOutput, n + 1);
    for (int k = 0; k < n; k++)
        outputs[k] = b.program->outputs[k];
    Shape rows = shape_rows(&b.program->domain), shape = rows;
    outputs[n] = (ProgramOutput){i, rows};
    b.program->outputs = outputs;
    b.program->n_outputs = n + 1;
    shape.rank--;
    Tensor tensor = tensor_default(arena_printf(diff->arena, "%s.stat%d",
                                                diff->to->tensors[forward->outputs[0]].name,
                                                forward->n_outputs - 1),
                                   shape, diff->sum, CLASS_activation);
    tensor.producer = diff->node;
    tensor.instance = forward->instance;
    tensor.span = forward->span;
    int id = diff_tensor(diff, tensor);
    int *written = nones(diff->arena, n + 1);
    for (int k = 0; k < n; k++)
        written[k] = forward->outputs[k];
    written[n] = id;
    forward->program = b.program;
    forward->outputs = written;
    forward->takes = nones(diff->arena, n + 1);
    forward->n_outputs = n + 1;
    return cut->stats[i] = id;
}

/* --- cutting
 * ---------------------------------------------------------------------------------------- */

/* Copies scratch instruction i and what it needs; with `stored`, what is stored is read. */
static int cut_out(const Cut *cut, Reading *to, int *map, int i, const int *stored)
{
    const Program *p = scratch_of(cut);
    const Instr *instr = &p->instrs[i];
    if (map[i] >= 0)
        return map[i];
    if (stored && stored[i] >= 0) {
        Shape rows = shape_rows(&to->b.program->domain);
        return map[i] = reading_tensor(to, stored[i],
                                       instr->per_row ? &rows : &to->b.program->domain, 0);
    }
    if (instr->kind == INSTR_INPUT) {
        const ProgramInput *input = &p->inputs[instr->slot];
        return map[i] = reading_tensor(to, cut->r->scratch.tensors[instr->slot], &input->as,
                                       input->offset);
    }
    for (int k = 0; k < N_ARGS; k++)
        if (instr->arg[k] >= 0)
            cut_out(cut, to, map, instr->arg[k], stored);
    return map[i] = program_copy(&to->b, p, i, map);
}

static int *new_map(const Cut *cut)
{
    int n = scratch_of(cut)->n_instrs, *map = xcalloc((size_t)n, sizeof *map);
    for (int i = 0; i < n; i++)
        map[i] = -1;
    return map;
}

/* Finishes a program: statistics among its inputs become tensors. */
static Program *finish(Cut *cut, Reading *reading, int **inputs)
{
    Program *program = reading_finish(reading, inputs);
    for (int i = 0; i < program->n_inputs; i++)
        if ((*inputs)[i] < -1)
            (*inputs)[i] = statistic(cut, REVERSE_STAT_OF((*inputs)[i]));
    return program;
}

static int position_of(const int *inputs, int n, int tensor)
{
    for (int i = 0; i < n; i++)
        if (inputs[i] == tensor)
            return i;
    return -1;
}

/* --- sums over axes
 * --------------------------------------------------------------------------------- */

/* A sum is over the domain, or, where the gradient is one value a row, over the rows alone. A value
 * that is itself a sum along the row of something simple is taken apart: one sum does both. */
static void choose_summand(const Cut *cut, Result *result, Shape *domain)
{
    const Program *p = scratch_of(cut);
    *domain = p->domain;
    const Instr *instr = &p->instrs[result->instr];
    if (result->as.size[result->as.rank - 1] != 1 || p->domain.size[p->domain.rank - 1] == 1)
        return;
    if (instr->kind == INSTR_ROW_SUM && !cut->from_rows[instr->arg[ARG_A]])
        result->instr = instr->arg[ARG_A];
    else
        *domain = shape_rows(&p->domain);
}

/* Notes the values of rows that a sum needs and cannot compute itself. */
static void note_row_values(Cut *cut, int i)
{
    const Instr *instr = &scratch_of(cut)->instrs[i];
    if (!cut->from_rows[i] || cut->stored[i] != -1)
        return;
    if (instr->per_row) {
        cut->stored[i] = -2;
        cut->row_values =
            array_room(cut->diff->arena, cut->row_values, cut->n_row_values, sizeof(int));
        cut->row_values[cut->n_row_values++] = i;
        return;
    }
    for (int k = 0; k < N_ARGS; k++)
        if (instr->arg[k] >= 0)
            note_row_values(cut, instr->arg[k]);
}

static void sum_node(Cut *cut, Result *result)
{
    Shape domain;
    choose_summand(cut, result, &domain);
    Target target = target_begin(cut->diff, result->of, true);
    Reading reading = reading_begin(cut->diff->arena, &domain);
    int *map = new_map(cut), *inputs;
    int value = cut_out(cut, &reading, map, result->instr, cut->stored);
    free(map);
    program_output(&reading.b, value, &result->as);
    bool is_sum = program_is_reduce(reading.b.program);
    if (target.onto >= 0) {
        int there = reading_tensor(&reading, target.onto, &result->as, 0);
        if (is_sum)
            reading.b.program->accumulate_input = reading.b.program->instrs[there].slot;
        else
            reading.b.program->outputs[0].instr = program_binary(&reading.b, OP_add, there, value);
    }
    Program *program = finish(cut, &reading, &inputs);
    Node *node = diff_node(cut->diff, is_sum ? KERNEL_reduce : KERNEL_fused, program->n_inputs,
                           inputs, 1, &target.tensor);
    node->program = program;
    if (target.onto >= 0)
        node->takes[0] = position_of(inputs, program->n_inputs, target.onto);
    target_end(cut->diff, &target);
}

/* --- the kernel for what is stored
 * ------------------------------------------------------------------ */

/* A value of the rows that sums read later. */
static int row_value_tensor(Cut *cut, int k)
{
    Shape shape = shape_rows(&scratch_of(cut)->domain);
    shape.rank--;
    const char *name = cut->diff->to->tensors[cut->r->node->outputs[0]].name;
    Tensor tensor = tensor_default(arena_printf(cut->diff->arena, "%s.grad.stat%d", name, k), shape,
                                   cut->diff->sum, CLASS_gradient);
    tensor.instance = cut->r->node->instance;
    tensor.span = cut->r->node->span;
    return diff_tensor(cut->diff, tensor);
}

/* The value of a stored result: added to what is there. */
static int result_value(Cut *cut, Reading *reading, int *map, Result *result)
{
    const Gradient known = cut->diff->gradient[result->of];
    Shape one = shape_widened(&(Shape){0}, result->as.rank);
    int value = cut_out(cut, reading, map, result->instr, NULL);
    result->target = target_begin(cut->diff, result->of, true);
    result->target.rest = -1;
    if (known.tensor < 0)
        return value;
    int there = reading_tensor(reading, known.tensor, known.everywhere ? &one : &result->as, 0);
    return program_binary(&reading->b, OP_add, there, value);
}

static void stored_node(Cut *cut)
{
    Reading reading = reading_begin(cut->diff->arena, &scratch_of(cut)->domain);
    int n = cut->n_results + cut->n_row_values, n_outputs = 0;
    int *map = new_map(cut), *outputs = nones(cut->diff->arena, n), *inputs;
    int *of = nones(cut->diff->arena, n); /* for each output: its result */
    for (int i = 0; i < cut->n_results; i++) {
        Result *result = &cut->results[i];
        if (result->kind != RESULT_STORED)
            continue;
        bool adds = cut->diff->gradient[result->of].tensor >= 0;
        int value = result_value(cut, &reading, map, result);
        bool by_rows = !shape_equal(&result->as, &scratch_of(cut)->domain);
        if (!adds && by_rows == scratch_of(cut)->instrs[result->instr].per_row)
            cut->stored[result->instr] = result->target.tensor;
        program_output(&reading.b, value, &result->as);
        of[n_outputs] = i;
        outputs[n_outputs++] = result->target.tensor;
    }
    Shape rows = shape_rows(&reading.b.program->domain);
    for (int k = 0; k < cut->n_row_values; k++) {
        int instr = cut->row_values[k];
        if (cut->stored[instr] >= 0)
            continue;
        program_output(&reading.b, cut_out(cut, &reading, map, instr, NULL), &rows);
        outputs[n_outputs++] = cut->stored[instr] = row_value_tensor(cut, k);
    }
    free(map);
    if (n_outputs > 0) {
        Program *program = finish(cut, &reading, &inputs);
        Node *node =
            diff_node(cut->diff, KERNEL_fused, program->n_inputs, inputs, n_outputs, outputs);
        node->program = program;
        for (int i = 0; i < n_outputs; i++)
            if (of[i] >= 0 && cut->results[of[i]].target.onto >= 0)
                node->takes[i] =
                    position_of(inputs, program->n_inputs, cut->results[of[i]].target.onto);
    }
    for (int i = 0; i < n_outputs; i++)
        if (of[i] >= 0)
            target_end(cut->diff, &cut->results[of[i]].target);
}

/* --- which results there are
 * ------------------------------------------------------------------------ */

/* The same number for each element: nothing is computed. */
static bool is_everywhere(const Cut *cut, int of, int instr, const Shape *as)
{
    const Program *p = scratch_of(cut);
    double value;
    if (!program_is_constant(p, instr, &value))
        return false;
    Shape rows = shape_rows(&p->domain);
    bool by_rows = as->size[as->rank - 1] == 1;
    double n = (double)shape_count(by_rows ? &rows : &p->domain) / (double)shape_count(as);
    cut->diff->gradient[of].constant += value * n;
    return true;
}

/* A gradient may be shared with that of another tensor: it is its first part, and no parameter's.
 */
static bool may_share(const Diff *diff, int of)
{
    return diff->gradient[of].tensor < 0 && diff->from->tensors[of].class != CLASS_parameter;
}

/* The gradient of the output itself: shared instead of copied. A parameter's gradient is its own.
 */
static bool is_shared(const Cut *cut, int of, int instr, const Shape *as)
{
    const Program *p = scratch_of(cut);
    Diff *diff = cut->diff;
    int output = cut->r->node->outputs[0];
    const Gradient *gradient = &diff->gradient[output];
    const Instr *read = &p->instrs[instr];
    if (!may_share(diff, of) || read->kind != INSTR_INPUT || gradient->tensor < 0 ||
        cut->r->scratch.tensors[read->slot] != gradient->tensor)
        return false;
    Gradient shared = *gradient;
    const Shape *read_as = &p->inputs[read->slot].as;
    bool same = shape_equal(read_as, as) && !shared.everywhere &&
                diff->to->tensors[shared.tensor].dtype == diff->from->tensors[of].dtype;
    shared.everywhere = shape_count(read_as) == 1 && !same;
    if (!same && !shared.everywhere)
        return false;
    gradient_share(diff, of, &shared);
    return true;
}

/* The tensor that gets the same gradient from this node, where one tensor can serve both; or -1. */
static int equal_result(const Cut *cut, const Result *result)
{
    const Diff *diff = cut->diff;
    for (int i = 0; i < cut->n_results && may_share(diff, result->of); i++) {
        const Result *other = &cut->results[i];
        if (other->kind == RESULT_STORED && other->instr == result->instr &&
            other->of != result->of && shape_equal(&other->as, &result->as) &&
            may_share(diff, other->of) &&
            diff->from->tensors[other->of].dtype == diff->from->tensors[result->of].dtype)
            return other->of;
    }
    return -1;
}

static void add_result(Cut *cut, int of, int instr, const Shape *as)
{
    const Program *p = scratch_of(cut);
    Shape rows = shape_rows(&p->domain);
    bool stored = shape_equal(as, &p->domain) || shape_equal(as, &rows);
    if (is_everywhere(cut, of, instr, as) || (stored && is_shared(cut, of, instr, as)))
        return;
    Result result = {.kind = stored ? RESULT_STORED : RESULT_SUMMED,
                     .of = of,
                     .instr = instr,
                     .as = *as,
                     .same = -1};
    if (stored)
        result.same = equal_result(cut, &result);
    if (result.same >= 0)
        result.kind = RESULT_SAME;
    cut->results[cut->n_results++] = result;
}

static void collect_results(Cut *cut)
{
    const Reverse *r = cut->r;
    const Program *f = r->forward;
    cut->results = NEW_N(cut->diff->arena, Result, f->n_inputs + 1);
    for (int i = 0; i < f->n_instrs; i++) {
        if (f->instrs[i].kind != INSTR_INPUT || !r->wanted[i] || r->adjoint[i] < 0)
            continue;
        int slot = f->instrs[i].slot;
        add_result(cut, cut->diff->root[r->node->inputs[slot]], r->adjoint[i], &f->inputs[slot].as);
    }
}

static void mark_scratch(Cut *cut)
{
    const Program *p = scratch_of(cut);
    for (int i = 0; i < p->n_instrs; i++) {
        InstrKind kind = p->instrs[i].kind;
        cut->stored[i] = -1;
        cut->from_rows[i] = kind == INSTR_ROW_SUM || kind == INSTR_ROW_MAX;
        for (int k = 0; k < N_ARGS; k++)
            if (p->instrs[i].arg[k] >= 0)
                cut->from_rows[i] = cut->from_rows[i] || cut->from_rows[p->instrs[i].arg[k]];
    }
}

/* --- reading the output or computing it again
 * ------------------------------------------------------- */

/* Bytes of activations that the gradients read. */
static double bytes_read(const Reverse *r)
{
    const Program *p = r->scratch.b.program, *f = r->forward;
    bool *needed = xcalloc((size_t)p->n_instrs, sizeof *needed);
    double bytes = 0;
    for (int i = 0; i < f->n_instrs; i++)
        if (f->instrs[i].kind == INSTR_INPUT && r->wanted[i] && r->adjoint[i] >= 0)
            needed[r->adjoint[i]] = true;
    for (int i = p->n_instrs - 1; i >= 0; i--) {
        const Instr *instr = &p->instrs[i];
        for (int k = 0; needed[i] && k < N_ARGS; k++)
            if (instr->arg[k] >= 0)
                needed[instr->arg[k]] = true;
        int tensor = instr->kind == INSTR_INPUT ? r->scratch.tensors[instr->slot] : -1;
        if (!needed[i] || tensor < 0 || r->diff->to->tensors[tensor].class == CLASS_parameter)
            continue;
        const Tensor *read = &r->diff->to->tensors[tensor];
        bytes += (double)shape_count(&read->shape) * (double)dtype_bytes(read->dtype);
    }
    free(needed);
    return bytes;
}

static Reverse better_reverse(Diff *diff, const Node *node)
{
    Reverse reading = reverse_program(diff, node, true);
    if (!reading.has_read_output)
        return reading;
    Reverse computing = reverse_program(diff, node, false);
    bool compute = bytes_read(&computing) < bytes_read(&reading);
    reverse_free(compute ? &reading : &computing);
    return compute ? computing : reading;
}

void backward_program(Diff *diff, const Node *node)
{
    Reverse r = better_reverse(diff, node);
    size_t n = (size_t)r.scratch.b.program->n_instrs;
    Cut cut = {.diff = diff,
               .r = &r,
               .stored = xcalloc(n, sizeof(int)),
               .from_rows = xcalloc(n, sizeof(bool)),
               .stats = nones(diff->arena, r.forward->n_instrs)};
    mark_scratch(&cut);
    collect_results(&cut);
    for (int i = 0; i < cut.n_results; i++)
        if (cut.results[i].kind == RESULT_SUMMED) {
            Shape domain;
            Result result = cut.results[i];
            choose_summand(&cut, &result, &domain);
            note_row_values(&cut, result.instr);
        }
    stored_node(&cut);
    for (int i = 0; i < cut.n_results; i++) {
        Result *result = &cut.results[i];
        if (result->kind == RESULT_SUMMED)
            sum_node(&cut, result);
        if (result->kind == RESULT_SAME) {
            Gradient shared = {.tensor = diff->gradient[result->same].tensor};
            gradient_share(diff, result->of, &shared);
        }
    }
    free(cut.stored);
    free(cut.from_rows);
    reverse_free(&r);
}
