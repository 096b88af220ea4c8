/* Programs of fused kernels: built instruction by instruction without doubles, cleaned of what no
 * output needs, compared, checked and counted. */
#include "graph/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Builder program_begin(Arena *arena, const Shape *domain)
{
    Builder b = {arena, NEW(arena, Program)};
    b.program->domain = *domain;
    b.program->accumulate_input = -1;
    return b;
}

static bool instr_equal(const Instr *a, const Instr *b)
{
    return a->kind == b->kind && a->op == b->op && a->part == b->part && a->slot == b->slot &&
           memcmp(a->arg, b->arg, sizeof a->arg) == 0;
}

static int instr_add(Builder *b, Instr instr)
{
    Program *p = b->program;
    for (int i = p->n_instrs - 1; i >= 0; i--)
        if (instr_equal(&p->instrs[i], &instr))
            return i;
    p->instrs = array_room(b->arena, p->instrs, p->n_instrs, sizeof instr);
    p->instrs[p->n_instrs] = instr;
    return p->n_instrs++;
}

static Instr instr_of(InstrKind kind, int slot, bool per_row)
{
    return (Instr){.kind = kind, .slot = slot, .per_row = per_row, .arg = {-1, -1, -1, -1, -1, -1}};
}

static int64_t row_length(const Program *p)
{
    return p->domain.size[p->domain.rank - 1];
}

static bool as_per_row(const Program *p, const Shape *as)
{
    return as->size[as->rank - 1] == 1 && row_length(p) != 1;
}

int program_input(Builder *b, const Shape *as, int64_t offset)
{
    Program *p = b->program;
    p->inputs = array_room(b->arena, p->inputs, p->n_inputs, sizeof *p->inputs);
    p->inputs[p->n_inputs] = (ProgramInput){*as, offset};
    return instr_add(b, instr_of(INSTR_INPUT, p->n_inputs++, as_per_row(p, as)));
}

int program_constant(Builder *b, double value)
{
    Program *p = b->program;
    int slot = 0;
    while (slot < p->n_constants &&
           (p->constants[slot] != value || signbit(p->constants[slot]) != signbit(value)))
        slot++;
    if (slot == p->n_constants) {
        p->constants = array_room(b->arena, p->constants, slot, sizeof value);
        p->constants[p->n_constants++] = value;
    }
    return instr_add(b, instr_of(INSTR_CONSTANT, slot, true));
}

int program_random(Builder *b, uint32_t stream)
{
    Program *p = b->program;
    int slot = 0;
    while (slot < p->n_streams && p->streams[slot] != stream)
        slot++;
    if (slot == p->n_streams) {
        p->streams = array_room(b->arena, p->streams, slot, sizeof stream);
        p->streams[p->n_streams++] = stream;
    }
    return instr_add(b, instr_of(INSTR_RANDOM, slot, false));
}

int program_index(Builder *b, InstrKind kind)
{
    return instr_add(b, instr_of(kind, 0, kind == INSTR_POSITION));
}

int program_row(Builder *b, InstrKind kind, int of)
{
    const Program *p = b->program;
    if (row_length(p) == 1 || (p->instrs[of].per_row && kind == INSTR_ROW_MAX))
        return of;
    if (p->instrs[of].per_row)
        return program_binary(b, OP_mul, of, program_constant(b, (double)row_length(p)));
    Instr instr = instr_of(kind, 0, true);
    instr.arg[ARG_A] = of;
    return instr_add(b, instr);
}

bool program_is_constant(const Program *p, int instr, double *value)
{
    if (instr < 0 || p->instrs[instr].kind != INSTR_CONSTANT)
        return false;
    *value = p->constants[p->instrs[instr].slot];
    return true;
}

static bool is_number(const Program *p, int instr, double wanted)
{
    double value;
    return program_is_constant(p, instr, &value) && value == wanted;
}

static int folded(Builder *b, OpKind op, double x, double y)
{
    switch (op) {
    case OP_add: return program_constant(b, x + y);
    case OP_sub: return program_constant(b, x - y);
    case OP_mul: return program_constant(b, x * y);
    case OP_div: return program_constant(b, x / y);
    default: return -1;
    }
}

/* An instruction that is there already or a constant, where arithmetic makes it equal; else -1. */
static int simplified(Builder *b, OpKind op, int x, int y)
{
    const Program *p = b->program;
    double vx, vy;
    if (op == OP_neg && program_is_constant(p, x, &vx))
        return program_constant(b, -vx);
    if (y < 0)
        return -1;
    if (program_is_constant(p, x, &vx) && program_is_constant(p, y, &vy))
        return folded(b, op, vx, vy);
    if ((op == OP_mul || op == OP_div) && is_number(p, y, 1))
        return x;
    if (op == OP_mul && is_number(p, x, 1))
        return y;
    if (op == OP_mul && is_number(p, x, -1))
        return program_unary(b, OP_neg, y);
    if ((op == OP_add || op == OP_sub) && is_number(p, y, 0))
        return x;
    if (op == OP_add && is_number(p, x, 0))
        return y;
    return -1;
}

/* Derivatives that are another row's value, so that both are one instruction. */
static const struct {
    const char *text;
    OpKind op;
    int a, b;
} same_as[] = {
    {"-g", OP_neg, ARG_G, -1},       {"g * a", OP_mul, ARG_G, ARG_A},
    {"g * b", OP_mul, ARG_G, ARG_B}, {"g * y", OP_mul, ARG_G, ARG_Y},
    {"g / a", OP_div, ARG_G, ARG_A}, {"g / b", OP_div, ARG_G, ARG_B},
};

static const unsigned names_bit[N_ARGS] = {[ARG_A] = NAMES_A, [ARG_B] = NAMES_B, [ARG_G] = NAMES_G,
                                           [ARG_Y] = NAMES_Y, [ARG_U] = NAMES_U, [ARG_P] = NAMES_P};

int program_element(Builder *b, OpKind op, OpPart part, const int arg[N_ARGS])
{
    const Operator *row = op_row(op);
    const char *text = row->part[part];
    if (part != PART_VALUE && strcmp(text, "g") == 0)
        return arg[ARG_G];
    for (size_t i = 0; part != PART_VALUE && i < sizeof same_as / sizeof *same_as; i++)
        if (strcmp(text, same_as[i].text) == 0)
            return same_as[i].b < 0
                       ? program_unary(b, same_as[i].op, arg[same_as[i].a])
                       : program_binary(b, same_as[i].op, arg[same_as[i].a], arg[same_as[i].b]);
    Instr instr = instr_of(INSTR_ELEMENT, 0, true);
    instr.op = op;
    instr.part = part;
    for (int i = 0; i < N_ARGS; i++) {
        if (!(row->names[part] & names_bit[i]))
            continue;
        instr.arg[i] = arg[i];
        instr.per_row = instr.per_row && b->program->instrs[arg[i]].per_row;
    }
    int same = part == PART_VALUE ? simplified(b, op, instr.arg[ARG_A], instr.arg[ARG_B]) : -1;
    return same >= 0 ? same : instr_add(b, instr);
}

int program_unary(Builder *b, OpKind op, int x)
{
    return program_element(b, op, PART_VALUE, (int[N_ARGS]){x, -1, -1, -1, -1, -1});
}

int program_binary(Builder *b, OpKind op, int x, int y)
{
    return program_element(b, op, PART_VALUE, (int[N_ARGS]){x, y, -1, -1, -1, -1});
}

void program_output(Builder *b, int instr, const Shape *as)
{
    Program *p = b->program;
    p->outputs = array_room(b->arena, p->outputs, p->n_outputs, sizeof *p->outputs);
    p->outputs[p->n_outputs++] = (ProgramOutput){instr, *as};
}

int program_copy(Builder *b, const Program *from, int i, const int *map)
{
    const Instr *instr = &from->instrs[i];
    int arg[N_ARGS];
    for (int k = 0; k < N_ARGS; k++)
        arg[k] = instr->arg[k] < 0 ? -1 : map[instr->arg[k]];
    switch (instr->kind) {
    case INSTR_INPUT: return map[i];
    case INSTR_CONSTANT: return program_constant(b, from->constants[instr->slot]);
    case INSTR_RANDOM: return program_random(b, from->streams[instr->slot]);
    case INSTR_COLUMN:
    case INSTR_POSITION: return program_index(b, instr->kind);
    case INSTR_ROW_SUM:
    case INSTR_ROW_MAX: return program_row(b, instr->kind, arg[ARG_A]);
    case INSTR_ELEMENT: break;
    }
    return program_element(b, instr->op, instr->part, arg);
}

Program *program_finish(Builder *b, int *kept)
{
    const Program *p = b->program;
    bool *needed = xcalloc((size_t)p->n_instrs, sizeof *needed);
    int *map = xcalloc((size_t)p->n_instrs, sizeof *map), n_kept = 0;
    for (int i = 0; i < p->n_outputs; i++)
        needed[p->outputs[i].instr] = true;
    for (int i = p->n_instrs - 1; i >= 0; i--)
        for (int k = 0; needed[i] && k < N_ARGS; k++)
            if (p->instrs[i].arg[k] >= 0)
                needed[p->instrs[i].arg[k]] = true;
    Builder clean = program_begin(b->arena, &p->domain);
    for (int i = 0; i < p->n_instrs; i++) {
        const Instr *instr = &p->instrs[i];
        bool accumulates = instr->kind == INSTR_INPUT && instr->slot == p->accumulate_input;
        if (!needed[i] && !accumulates)
            continue;
        if (accumulates)
            clean.program->accumulate_input = n_kept;
        if (instr->kind == INSTR_INPUT) {
            const ProgramInput *input = &p->inputs[instr->slot];
            map[i] = program_input(&clean, &input->as, input->offset);
            kept[n_kept++] = instr->slot;
        } else {
            map[i] = program_copy(&clean, p, i, map);
        }
    }
    for (int i = 0; i < p->n_outputs; i++)
        program_output(&clean, map[p->outputs[i].instr], &p->outputs[i].as);
    free(needed);
    free(map);
    return clean.program;
}

/* One on the last axis alone, where the domain has more. */
static bool shape_is_rows(const Program *p, const Shape *as)
{
    Shape rows = p->domain;
    rows.size[rows.rank - 1] = 1;
    return shape_equal(as, &rows);
}

bool program_is_reduce(const Program *p)
{
    const ProgramOutput *output = &p->outputs[0];
    return p->n_outputs == 1 && !shape_equal(&output->as, &p->domain) &&
           !(shape_is_rows(p, &output->as) && p->instrs[output->instr].per_row);
}

bool program_equal(const Program *a, const Program *b)
{
    bool equal = shape_equal(&a->domain, &b->domain) && a->n_instrs == b->n_instrs &&
                 a->n_inputs == b->n_inputs && a->n_outputs == b->n_outputs &&
                 a->n_constants == b->n_constants && a->n_streams == b->n_streams &&
                 a->accumulate_input == b->accumulate_input;
    for (int i = 0; equal && i < a->n_instrs; i++)
        equal = instr_equal(&a->instrs[i], &b->instrs[i]);
    for (int i = 0; equal && i < a->n_inputs; i++)
        equal = shape_equal(&a->inputs[i].as, &b->inputs[i].as);
    for (int i = 0; equal && i < a->n_outputs; i++)
        equal = a->outputs[i].instr == b->outputs[i].instr &&
                shape_equal(&a->outputs[i].as, &b->outputs[i].as);
    return equal;
}

double program_flops(const Program *p)
{
    double elements = (double)shape_count(&p->domain);
    double rows = elements / (double)row_length(p), flops = 0;
    for (int i = 0; i < p->n_instrs; i++) {
        const Instr *instr = &p->instrs[i];
        double runs = instr->per_row ? rows : elements;
        if (instr->kind == INSTR_ELEMENT)
            flops += runs * (strstr(op_row(instr->op)->part[instr->part], "r_") ? 8 : 1);
        else if (instr->kind == INSTR_ROW_SUM || instr->kind == INSTR_ROW_MAX)
            flops += elements;
    }
    return program_is_reduce(p) ? flops + elements : flops;
}

static bool broadcasts_into(const Shape *as, const Shape *domain)
{
    bool fits = as->rank == domain->rank;
    for (int i = 0; fits && i < as->rank; i++)
        fits = as->size[i] == domain->size[i] || as->size[i] == 1;
    return fits;
}

static const char *instr_verify(Arena *arena, const Program *p, int i)
{
    const Instr *instr = &p->instrs[i];
    for (int k = 0; k < N_ARGS; k++)
        if (instr->arg[k] >= i)
            return arena_printf(arena, "instruction %d uses a later one", i);
    int limit = instr->kind == INSTR_INPUT      ? p->n_inputs
                : instr->kind == INSTR_CONSTANT ? p->n_constants
                : instr->kind == INSTR_RANDOM   ? p->n_streams
                                                : 1;
    if (instr->slot < 0 || instr->slot >= limit)
        return arena_printf(arena, "instruction %d: slot %d of %d", i, instr->slot, limit);
    bool row = instr->kind == INSTR_ROW_SUM || instr->kind == INSTR_ROW_MAX;
    if (row && instr->arg[ARG_A] < 0)
        return arena_printf(arena, "instruction %d: a row of nothing", i);
    if (instr->kind != INSTR_ELEMENT)
        return NULL;
    const Operator *op = op_row(instr->op);
    if (op->group != OP_IS_ELEMENTWISE)
        return arena_printf(arena, "instruction %d: %s is not elementwise", i, op->name);
    for (int k = 0; k < N_ARGS; k++)
        if ((instr->arg[k] >= 0) != ((op->names[instr->part] & names_bit[k]) != 0))
            return arena_printf(arena, "instruction %d: operands of %s", i, op->name);
    return NULL;
}

static const char *reduce_verify(const Program *p)
{
    for (int i = 0; i < p->n_instrs; i++)
        if (p->instrs[i].kind == INSTR_ROW_SUM || p->instrs[i].kind == INSTR_ROW_MAX)
            return "a sum over axes with a reduction along the row";
    return NULL;
}

static const char *outputs_verify(Arena *arena, const Program *p)
{
    if (p->n_outputs < 1)
        return "no output";
    for (int i = 0; i < p->n_outputs; i++) {
        const ProgramOutput *output = &p->outputs[i];
        if (output->instr < 0 || output->instr >= p->n_instrs)
            return arena_printf(arena, "output %d is no instruction", i);
        bool stored = shape_equal(&output->as, &p->domain) ||
                      (shape_is_rows(p, &output->as) && p->instrs[output->instr].per_row);
        if (!broadcasts_into(&output->as, &p->domain) || (!stored && p->n_outputs > 1))
            return arena_printf(arena, "output %d has shape %s in domain %s", i,
                                shape_text(arena, &output->as), shape_text(arena, &p->domain));
    }
    return program_is_reduce(p) ? reduce_verify(p) : NULL;
}

const char *program_verify(Arena *arena, const Program *p)
{
    if (p->domain.rank < 1)
        return "a domain without a row";
    for (int i = 0; i < p->n_inputs; i++)
        if (!broadcasts_into(&p->inputs[i].as, &p->domain))
            return arena_printf(arena, "input %d has shape %s in domain %s", i,
                                shape_text(arena, &p->inputs[i].as), shape_text(arena, &p->domain));
    for (int i = 0; i < p->n_instrs; i++) {
        const char *error = instr_verify(arena, p, i);
        if (error)
            return error;
    }
    if (p->accumulate_input >= p->n_inputs)
        return "it accumulates onto no input";
    return outputs_verify(arena, p);
}
