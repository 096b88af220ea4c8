/* Reverse mode over the instructions of a forward program.
 *
 * Values of the forward program are recomputed from its inputs, but for reductions along the row
 * (statistics, stored by the forward kernel) and, if allowed, its output. Derivatives come from the
 * table; softmax, normalization and log-sum-exp are recognized as wholes, because their derivatives
 * are simpler than those of their parts. */
#include "graph/reverse.h"

#include <stdlib.h>
#include <string.h>

/* --- values of the forward program
 * ------------------------------------------------------------------ */

static bool is_rows(const Program *p, const Shape *as)
{
    Shape rows = shape_rows(&p->domain);
    return shape_equal(as, &rows);
}

/* The output is what instruction i has, for each element or for each row. */
static bool stored_as_output(const Reverse *r, int i, bool rows)
{
    const ProgramOutput *output = &r->forward->outputs[0];
    return output->instr == i && (rows ? is_rows(r->forward, &output->as)
                                       : shape_equal(&output->as, &r->forward->domain));
}

static int value_of(Reverse *r, int i);

static int computed_again(Reverse *r, int i)
{
    const Instr *instr = &r->forward->instrs[i];
    for (int k = 0; k < N_ARGS; k++)
        if (instr->arg[k] >= 0)
            value_of(r, instr->arg[k]);
    return program_copy(&r->scratch.b, r->forward, i, r->known);
}

/* The scratch instruction that has the value of forward instruction i. */
static int value_of(Reverse *r, int i)
{
    const Program *f = r->forward;
    const Instr *instr = &f->instrs[i];
    if (r->known[i] >= 0)
        return r->known[i];
    int result;
    Shape rows = shape_rows(&f->domain);
    if (instr->kind == INSTR_INPUT) {
        const ProgramInput *input = &f->inputs[instr->slot];
        result =
            reading_tensor(&r->scratch, r->node->inputs[instr->slot], &input->as, input->offset);
    } else if (r->from_rows[i]) {
        bool stored = stored_as_output(r, i, true);
        result =
            reading_tensor(&r->scratch, stored ? r->node->outputs[0] : REVERSE_STAT(i), &rows, 0);
    } else if (r->read_output && !instr->per_row && stored_as_output(r, i, false)) {
        r->has_read_output = true;
        result = reading_tensor(&r->scratch, r->node->outputs[0], &f->domain, 0);
    } else {
        result = computed_again(r, i);
    }
    return r->known[i] = result;
}

/* --- adjoints
 * --------------------------------------------------------------------------------------- */

static int binary(Reverse *r, OpKind op, int x, int y)
{
    return program_binary(&r->scratch.b, op, x, y);
}

static int row_sum(Reverse *r, int x)
{
    return program_row(&r->scratch.b, INSTR_ROW_SUM, x);
}

/* Adds e to the gradient of forward instruction i. by_rows: e is of a whole row, not of one
 * element. */
static void contribute(Reverse *r, int i, int e, bool by_rows)
{
    if (!r->wanted[i])
        return;
    if (r->forward->instrs[i].per_row && !by_rows)
        e = row_sum(r, e);
    r->adjoint[i] = r->adjoint[i] < 0 ? e : binary(r, OP_add, r->adjoint[i], e);
}

static bool has_derivative(const Operator *row, OpPart part)
{
    const char *text = row->part[part];
    return text && *text && strcmp(text, "0") != 0;
}

static void element_by(Reverse *r, int i, int which)
{
    const Instr *instr = &r->forward->instrs[i];
    const Operator *row = op_row(instr->op);
    OpPart part = which == ARG_A ? PART_BY_A : PART_BY_B;
    if (instr->arg[which] < 0 || !r->wanted[instr->arg[which]] || !has_derivative(row, part))
        return;
    unsigned names = row->names[part];
    int arg[N_ARGS] = {-1, -1, r->adjoint[i], -1, -1, -1};
    if (names & NAMES_A)
        arg[ARG_A] = value_of(r, instr->arg[ARG_A]);
    if (names & NAMES_B)
        arg[ARG_B] = value_of(r, instr->arg[ARG_B]);
    if (names & NAMES_Y)
        arg[ARG_Y] = value_of(r, i);
    if (names & NAMES_U)
        arg[ARG_U] = value_of(r, instr->arg[ARG_U]);
    if (names & NAMES_P)
        arg[ARG_P] = value_of(r, instr->arg[ARG_P]);
    int e = program_element(&r->scratch.b, instr->op, part, arg);
    contribute(r, instr->arg[which], e, instr->per_row);
}

/* Equal largest elements share the gradient. The maximum is found again, so that it is the same
 * bits as the elements it is compared with. */
static void row_max_by(Reverse *r, int i)
{
    int of = r->forward->instrs[i].arg[ARG_A], x = value_of(r, of);
    int hit = binary(r, OP_equal, x, program_row(&r->scratch.b, INSTR_ROW_MAX, x));
    int share = binary(r, OP_div, r->adjoint[i], row_sum(r, hit));
    contribute(r, of, binary(r, OP_mul, hit, share), false);
}

/* --- softmax, normalization, log-sum-exp as wholes
 * -------------------------------------------------- */

static const Instr *element(const Program *p, int i, OpKind op)
{
    const Instr *instr = i < 0 ? NULL : &p->instrs[i];
    return instr && instr->kind == INSTR_ELEMENT && instr->op == op && instr->part == PART_VALUE
               ? instr
               : NULL;
}

static bool is_row_of(const Program *p, int i, InstrKind kind, int of)
{
    return p->instrs[i].kind == kind && p->instrs[i].arg[ARG_A] == of;
}

/* x where instruction i is x - row_max(x); else i. */
static int before_max(const Program *p, int i)
{
    const Instr *sub = element(p, i, OP_sub);
    return sub && is_row_of(p, sub->arg[ARG_B], INSTR_ROW_MAX, sub->arg[ARG_A]) ? sub->arg[ARG_A]
                                                                                : i;
}

/* Instruction i is e * (1 / row_sum(e)) or e / row_sum(e), e = exp(x): dx = y (g - row_sum(g y)).
 */
static bool softmax_by(Reverse *r, int i)
{
    const Program *p = r->forward;
    const Instr *y = element(p, i, OP_mul), *inverse = y ? element(p, y->arg[ARG_B], OP_div) : NULL;
    int sum = -1;
    double one;
    if (inverse && program_is_constant(p, inverse->arg[ARG_A], &one) && one == 1)
        sum = inverse->arg[ARG_B];
    else if ((y = element(p, i, OP_div)))
        sum = y->arg[ARG_B];
    const Instr *e = sum >= 0 ? element(p, y->arg[ARG_A], OP_exp) : NULL;
    if (!e || !is_row_of(p, sum, INSTR_ROW_SUM, y->arg[ARG_A]) || y->per_row)
        return false;
    int g = r->adjoint[i], value = value_of(r, i);
    int mean = row_sum(r, binary(r, OP_mul, g, value));
    contribute(r, before_max(p, e->arg[ARG_A]),
               binary(r, OP_mul, value, binary(r, OP_sub, g, mean)), false);
    return true;
}

/* c where instruction i is row_sum(c) / n, n the length of the row; else -1. */
static int row_mean_of(const Program *p, int i)
{
    const Instr *mean = element(p, i, OP_mul);
    double factor, unit = 1 / (double)p->domain.size[p->domain.rank - 1];
    if (!mean || !program_is_constant(p, mean->arg[ARG_B], &factor) || factor != unit ||
        p->instrs[mean->arg[ARG_A]].kind != INSTR_ROW_SUM)
        return -1;
    return p->instrs[mean->arg[ARG_A]].arg[ARG_A];
}

/* Instruction i is d * rsqrt(mean(d d) + eps), d = x - mean(x):
 * dx = rsqrt(..) (g - mean(g) - y mean(g y)). */
static bool normalize_by(Reverse *r, int i)
{
    const Program *p = r->forward;
    const Instr *y = element(p, i, OP_mul), *root = y ? element(p, y->arg[ARG_B], OP_rsqrt) : NULL;
    const Instr *plus = root ? element(p, root->arg[ARG_A], OP_add) : NULL;
    const Instr *d = plus ? element(p, y->arg[ARG_A], OP_sub) : NULL;
    const Instr *square = d ? element(p, row_mean_of(p, plus->arg[ARG_A]), OP_square) : NULL;
    if (!square || square->arg[ARG_A] != y->arg[ARG_A] ||
        row_mean_of(p, d->arg[ARG_B]) != d->arg[ARG_A])
        return false;
    int g = r->adjoint[i], value = value_of(r, i);
    int unit = program_constant(&r->scratch.b, 1 / (double)p->domain.size[p->domain.rank - 1]);
    int mean = binary(r, OP_mul, row_sum(r, g), unit);
    int mean_y = binary(r, OP_mul, row_sum(r, binary(r, OP_mul, g, value)), unit);
    int inner = binary(r, OP_sub, binary(r, OP_sub, g, mean), binary(r, OP_mul, value, mean_y));
    contribute(r, d->arg[ARG_A], binary(r, OP_mul, value_of(r, y->arg[ARG_B]), inner), false);
    return true;
}

/* Instruction i is m + log(row_sum(exp(x - m))), m = row_max(x): dx = g exp(x - y). */
static bool log_sum_exp_by(Reverse *r, int i)
{
    const Program *p = r->forward;
    const Instr *y = element(p, i, OP_add), *log = y ? element(p, y->arg[ARG_B], OP_log) : NULL;
    const Instr *sum = log ? &p->instrs[log->arg[ARG_A]] : NULL;
    if (!sum || sum->kind != INSTR_ROW_SUM)
        return false;
    const Instr *e = element(p, sum->arg[ARG_A], OP_exp);
    int x = e ? before_max(p, e->arg[ARG_A]) : -1;
    if (!e || x == e->arg[ARG_A] || !is_row_of(p, y->arg[ARG_A], INSTR_ROW_MAX, x))
        return false;
    int power =
        program_unary(&r->scratch.b, OP_exp, binary(r, OP_sub, value_of(r, x), value_of(r, i)));
    contribute(r, x, binary(r, OP_mul, r->adjoint[i], power), false);
    return true;
}

static void instr_by(Reverse *r, int i)
{
    switch (r->forward->instrs[i].kind) {
    case INSTR_ELEMENT:
        if (softmax_by(r, i) || normalize_by(r, i) || log_sum_exp_by(r, i))
            return;
        element_by(r, i, ARG_A);
        element_by(r, i, ARG_B);
        return;
    case INSTR_ROW_SUM:
        contribute(r, r->forward->instrs[i].arg[ARG_A], r->adjoint[i], false);
        return;
    case INSTR_ROW_MAX: row_max_by(r, i); return;
    default: return;
    }
}

/* --- the whole
 * -------------------------------------------------------------------------------------- */

/* The gradient of the output, as the kernel reads it. */
static int output_gradient(Reverse *r)
{
    const Gradient *gradient = &r->diff->gradient[r->node->outputs[0]];
    const Shape *as = &r->forward->outputs[0].as;
    Shape one = shape_widened(&(Shape){0}, as->rank);
    int constant = program_constant(&r->scratch.b, gradient->constant);
    if (gradient->tensor < 0)
        return constant;
    int g = reading_tensor(&r->scratch, gradient->tensor, gradient->everywhere ? &one : as, 0);
    return binary(r, OP_add, g, constant);
}

static void mark(Reverse *r)
{
    const Program *f = r->forward;
    for (int i = 0; i < f->n_instrs; i++) {
        const Instr *instr = &f->instrs[i];
        bool row = instr->kind == INSTR_ROW_SUM || instr->kind == INSTR_ROW_MAX;
        bool from_rows = row;
        if (instr->kind == INSTR_INPUT)
            r->wanted[i] = r->diff->needed[r->diff->root[r->node->inputs[instr->slot]]];
        for (int k = 0; k < N_ARGS; k++) {
            if (instr->arg[k] < 0)
                continue;
            r->wanted[i] = r->wanted[i] || r->wanted[instr->arg[k]];
            from_rows = from_rows || r->from_rows[instr->arg[k]];
        }
        r->from_rows[i] = instr->per_row && from_rows;
    }
}

Reverse reverse_program(Diff *diff, const Node *node, bool read_output)
{
    const Program *f = node->program;
    size_t n = (size_t)f->n_instrs;
    Reverse r = {.diff = diff,
                 .node = node,
                 .forward = f,
                 .scratch = reading_begin(diff->arena, &f->domain),
                 .known = xcalloc(n, sizeof(int)),
                 .adjoint = xcalloc(n, sizeof(int)),
                 .from_rows = xcalloc(n, sizeof(bool)),
                 .wanted = xcalloc(n, sizeof(bool)),
                 .read_output = read_output};
    for (int i = 0; i < f->n_instrs; i++)
        r.known[i] = r.adjoint[i] = -1;
    mark(&r);
    const ProgramOutput *output = &f->outputs[0];
    bool by_rows = is_rows(f, &output->as) && f->instrs[output->instr].per_row;
    contribute(&r, output->instr, output_gradient(&r), by_rows);
    for (int i = f->n_instrs - 1; i >= 0; i--)
        if (r.adjoint[i] >= 0)
            instr_by(&r, i);
    return r;
}

void reverse_free(Reverse *r)
{
    free(r->known);
    free(r->adjoint);
    free(r->from_rows);
    free(r->wanted);
}
