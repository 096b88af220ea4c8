/* Backward nodes of the kernels that are not programs: matmul, embedding, copy. */
#include "graph/gradient.h"

#include <stdlib.h>
#include <string.h>

static bool wants(const Diff *diff, int tensor)
{
    return diff->needed[diff->root[tensor]];
}

/* A node that writes the target, adding in place where it can: the tensor to add to is then the
 * last input. Returns the node. */
static Node *target_node(Diff *diff, OpKind op, const Target *target, int n_inputs,
                         const int *inputs)
{
    int all[3] = {-1, -1, -1};
    memcpy(all, inputs, (size_t)n_inputs * sizeof *inputs);
    if (target->onto >= 0)
        all[n_inputs++] = target->onto;
    Node *node = diff_node(diff, op, n_inputs, all, 1, &target->tensor);
    if (target->onto >= 0)
        node->takes[0] = n_inputs - 1;
    return node;
}

/* --- matmul
 * ------------------------------------------------------------------------------------------ */

/* Gradient of one factor of C = A B: a product of the other factor and the gradient g of C. */
static void factor_by(Diff *diff, const Node *node, int g, int which)
{
    const Matmul *f = node->matmul;
    bool of_a = which == 0;
    bool turned = of_a ? f->transpose_a : f->transpose_b; /* how the factor is stored */
    Target target = target_begin(diff, diff->root[node->inputs[which]], true);
    /* Where the factor is stored as [m, k] (a) or [n, k] (b), the gradient of C comes first. */
    bool g_first = of_a ? !turned : turned;
    int other = node->inputs[1 - which];
    Matmul *by = NEW(diff->arena, Matmul);
    *by = *f;
    by->bias = false;
    by->accumulate = target.onto >= 0;
    by->m = of_a ? (turned ? f->k : f->m) : (turned ? f->n : f->k);
    by->n = of_a ? (turned ? f->m : f->k) : (turned ? f->k : f->n);
    by->k = of_a ? f->n : f->m;
    bool turn_other = of_a ? (turned ? f->transpose_b : !f->transpose_b)
                           : (turned ? f->transpose_a : !f->transpose_a);
    const int64_t *step_other = of_a ? f->step_b : f->step_a;
    int64_t ld_other = of_a ? f->ldb : f->lda;
    by->transpose_a = g_first ? turned && !of_a : turn_other;
    by->transpose_b = g_first ? turn_other : turned && of_a;
    by->lda = g_first ? f->ldc : ld_other;
    by->ldb = g_first ? ld_other : f->ldc;
    by->ldc = of_a ? f->lda : f->ldb;
    for (int i = 0; i < MATMUL_BATCH; i++) {
        by->step_a[i] = g_first ? f->step_c[i] : step_other[i];
        by->step_b[i] = g_first ? step_other[i] : f->step_c[i];
        by->step_c[i] = of_a ? f->step_a[i] : f->step_b[i];
    }
    int inputs[2] = {g_first ? g : other, g_first ? other : g};
    target_node(diff, KERNEL_matmul, &target, 2, inputs)->matmul = by;
    target_end(diff, &target);
}

/* The bias was added to each row: its gradient is the sum of the rows. */
static void bias_by(Diff *diff, const Node *node, int g)
{
    const Tensor *output = &diff->from->tensors[node->outputs[0]];
    int64_t n = node->matmul->n;
    Shape domain = {.rank = 2, .size = {shape_count(&output->shape) / n, n}};
    Shape as = {.rank = 2, .size = {1, n}};
    Target target = target_begin(diff, diff->root[node->inputs[2]], true);
    Reading reading = reading_begin(diff->arena, &domain);
    int value = reading_tensor(&reading, g, &domain, 0);
    program_output(&reading.b, value, &as);
    bool is_sum = domain.size[0] > 1;
    if (target.onto >= 0) {
        int there = reading_tensor(&reading, target.onto, &as, 0);
        if (is_sum)
            reading.b.program->accumulate_input = reading.b.program->instrs[there].slot;
        else
            reading.b.program->outputs[0].instr = program_binary(&reading.b, OP_add, there, value);
    }
    int *inputs;
    Program *program = reading_finish(&reading, &inputs);
    Node *by = diff_node(diff, is_sum ? KERNEL_reduce : KERNEL_fused, program->n_inputs, inputs, 1,
                         &target.tensor);
    by->program = program;
    for (int i = 0; i < program->n_inputs; i++)
        if (target.onto >= 0 && inputs[i] == target.onto)
            by->takes[0] = i;
    target_end(diff, &target);
}

/* The weight's gradient comes first: what it reads is then free for the other. */
void backward_matmul(Diff *diff, const Node *node)
{
    int g = gradient_whole(diff, node->outputs[0]);
    if (node->matmul->bias && wants(diff, node->inputs[2]))
        bias_by(diff, node, g);
    for (int which = 1; which >= 0; which--)
        if (wants(diff, node->inputs[which]))
            factor_by(diff, node, g, which);
}

/* --- embedding
 * --------------------------------------------------------------------------------------- */

void backward_embedding(Diff *diff, const Node *node)
{
    if (!wants(diff, node->inputs[1]))
        return;
    int inputs[2] = {node->inputs[0], gradient_whole(diff, node->outputs[0])};
    Target target = target_begin(diff, diff->root[node->inputs[1]], true);
    target_node(diff, KERNEL_embedding_backward, &target, 2, inputs)->accumulate = target.onto >= 0;
    target_end(diff, &target);
}

/* --- copy
 * -------------------------------------------------------------------------------------------- */

static CopyPart part_reversed(const CopyPart *part)
{
    CopyPart back = *part;
    memcpy(back.step_to, part->step_from, sizeof back.step_to);
    memcpy(back.step_from, part->step_to, sizeof back.step_from);
    back.offset_to = part->offset_from;
    back.offset_from = part->offset_to;
    return back;
}

static int64_t part_count(const CopyPart *part)
{
    int64_t n = 1;
    for (int i = 0; i < COPY_RANK; i++)
        n *= part->size[i];
    return n;
}

static Copy *new_copy(Diff *diff, int n_parts)
{
    Copy *copy = NEW(diff->arena, Copy);
    copy->parts = NEW_N(diff->arena, CopyPart, n_parts);
    return copy;
}

/* One source, one or more results: their gradients go back to where they came from. */
static void gather(Diff *diff, const Node *node)
{
    int n = node->copy->n_parts, n_inputs = 0;
    int of = diff->root[node->inputs[0]], *inputs = nones(diff->arena, n + 1);
    int64_t covered = 0;
    Copy *copy = new_copy(diff, n);
    for (int i = 0; i < n; i++) {
        if (!gradient_known(diff, node->outputs[i]))
            continue;
        copy->parts[n_inputs] = part_reversed(&node->copy->parts[i]);
        covered += part_count(&copy->parts[n_inputs]);
        inputs[n_inputs++] = gradient_whole(diff, node->outputs[i]);
    }
    copy->n_parts = n_inputs;
    Target target = target_begin(diff, of, true);
    copy->accumulate = target.onto >= 0;
    copy->zero_first = !copy->accumulate && covered < shape_count(&diff->from->tensors[of].shape);
    if (copy->accumulate)
        inputs[n_inputs++] = target.onto;
    Node *by = diff_node(diff, KERNEL_copy, n_inputs, inputs, 1, &target.tensor);
    by->copy = copy;
    if (copy->accumulate)
        by->takes[0] = n_inputs - 1;
    target_end(diff, &target);
}

/* Several sources, one result. What has no gradient yet is written by one node; the rest is added
 * by a node each. */
static void scatter(Diff *diff, const Node *node)
{
    int g = gradient_whole(diff, node->outputs[0]), n = 0;
    Copy *fresh = new_copy(diff, node->copy->n_parts);
    Target *targets = xcalloc((size_t)node->n_inputs, sizeof *targets);
    int *outputs = nones(diff->arena, node->n_inputs);
    bool *later = xcalloc((size_t)node->n_inputs, sizeof *later);
    for (int i = 0; i < node->n_inputs; i++) {
        int of = diff->root[node->inputs[i]];
        if (!wants(diff, node->inputs[i]))
            continue;
        later[i] = diff->gradient[of].tensor >= 0;
        for (int k = 0; k < n; k++)
            later[i] = later[i] || targets[k].of == of;
        if (later[i])
            continue;
        fresh->parts[n] = part_reversed(&node->copy->parts[i]);
        targets[n] = target_begin(diff, of, true);
        outputs[n] = targets[n].tensor;
        n++;
    }
    fresh->n_parts = n;
    if (n > 0)
        diff_node(diff, KERNEL_copy, 1, &g, n, outputs)->copy = fresh;
    for (int k = 0; k < n; k++)
        target_end(diff, &targets[k]);
    for (int i = 0; i < node->n_inputs; i++) {
        if (!later[i])
            continue;
        Copy *added = new_copy(diff, 1);
        added->n_parts = 1;
        added->parts[0] = part_reversed(&node->copy->parts[i]);
        Target target = target_begin(diff, diff->root[node->inputs[i]], true);
        added->accumulate = target.onto >= 0;
        target_node(diff, KERNEL_copy, &target, 1, &g)->copy = added;
        target_end(diff, &target);
    }
    free(targets);
    free(later);
}

void backward_copy(Diff *diff, const Node *node)
{
    if (node->n_inputs == 1 && wants(diff, node->inputs[0]))
        gather(diff, node);
    else if (node->n_inputs > 1)
        scatter(diff, node);
}
