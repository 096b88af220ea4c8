/* A graph's kernels as loops over elements. */
#include "tests/support/interpreter.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- expressions of ops.def
 * ------------------------------------------------------------------------- */

typedef struct {
    const char *at;
    const double *values;
} Reader;

static double read_choice(Reader *r);

static bool accept(Reader *r, const char *token)
{
    r->at += strspn(r->at, " ");
    size_t n = strlen(token);
    if (strncmp(r->at, token, n) != 0)
        return false;
    r->at += n;
    return true;
}

static double gelu_tanh_slope(double a)
{
    double k = sqrt(2 / acos(-1)), t = tanh(k * (a + 0.044715 * a * a * a));
    return 0.5 * (1 + t) + 0.5 * a * (1 - t * t) * k * (1 + 3 * 0.044715 * a * a);
}

static double silu_slope(double a)
{
    double s = 1 / (1 + exp(-a));
    return s * (1 + a * (1 - s));
}

static double identity(double a)
{
    return a;
}

static double read_call(Reader *r, const char *name, size_t n)
{
    static const struct {
        const char *name;
        double (*function)(double);
    } functions[] = {{"r_exp", exp},
                     {"r_log", log},
                     {"r_sqrt", sqrt},
                     {"r_tanh", tanh},
                     {"r_erf", erf},
                     {"r_abs", fabs},
                     {"R", identity},
                     {"r_gelu_tanh_slope", gelu_tanh_slope},
                     {"r_silu_slope", silu_slope}};
    double argument = read_choice(r);
    accept(r, ")");
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == n && strncmp(functions[i].name, name, n) == 0)
            return functions[i].function(argument);
    bug("unknown function in '%s'", name);
}

static double read_primary(Reader *r)
{
    if (accept(r, "-"))
        return -read_primary(r);
    if (accept(r, "(")) {
        double value = read_choice(r);
        accept(r, ")");
        return value;
    }
    if (isdigit((unsigned char)*r->at)) {
        char *end;
        double value = strtod(r->at, &end);
        r->at = end;
        return value;
    }
    const char *name = r->at, *letter;
    while (isalnum((unsigned char)*r->at) || *r->at == '_')
        r->at++;
    size_t n = (size_t)(r->at - name);
    if (accept(r, "("))
        return read_call(r, name, n);
    letter = n == 1 ? strchr("abgyup", *name) : NULL;
    if (!letter)
        bug("cannot read '%s'", name);
    return r->values[letter - "abgyup"];
}

static double read_product(Reader *r)
{
    double value = read_primary(r);
    for (;;) {
        if (accept(r, "*"))
            value *= read_primary(r);
        else if (accept(r, "/"))
            value /= read_primary(r);
        else
            return value;
    }
}

static double read_sum(Reader *r)
{
    double value = read_product(r);
    for (;;) {
        if (accept(r, "+"))
            value += read_product(r);
        else if (accept(r, "-"))
            value -= read_product(r);
        else
            return value;
    }
}

static double read_comparison(Reader *r)
{
    double value = read_sum(r);
    if (accept(r, "=="))
        return value == read_sum(r);
    if (accept(r, "!="))
        return value != read_sum(r);
    if (accept(r, "<"))
        return value < read_sum(r);
    if (accept(r, ">"))
        return value > read_sum(r);
    return value;
}

static double read_choice(Reader *r)
{
    double value = read_comparison(r);
    if (!accept(r, "?"))
        return value;
    double yes = read_choice(r);
    accept(r, ":");
    double no = read_choice(r);
    return value != 0 ? yes : no;
}

double expression_value(const char *text, const double values[N_ARGS])
{
    Reader r = {text, values};
    double value = read_choice(&r);
    accept(&r, "");
    if (*r.at)
        bug("cannot read all of '%s'", text);
    return value;
}

double machine_uniform(uint32_t stream, int64_t element)
{
    uint64_t x = ((uint64_t)stream << 32) ^ (uint64_t)element ^ 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (double)((x ^ (x >> 31)) >> 11) / 9007199254740992.0;
}

/* --- programs
 * ----------------------------------------------------------------------------------------- */

/* The element of a tensor seen in shape `as` that belongs to an element of the domain. */
static int64_t place(const Shape *domain, const Shape *as, int64_t element)
{
    int64_t result = 0, unit = 1;
    for (int i = domain->rank - 1; i >= 0; i--) {
        int64_t at = element % domain->size[i];
        element /= domain->size[i];
        result += as->size[i] == 1 ? 0 : at * unit;
        unit *= as->size[i];
    }
    return result;
}

typedef struct {
    const Machine *machine;
    const Node *node;
    const Program *program;
    double **values; /* for each instruction: one number for each element of the domain */
    int64_t n, row;
} Run;

static double instr_value(const Run *run, const Instr *instr, int64_t e)
{
    const Program *p = run->program;
    double arg[N_ARGS] = {0};
    switch (instr->kind) {
    case INSTR_INPUT: {
        const ProgramInput *input = &p->inputs[instr->slot];
        int64_t at = input->offset + place(&p->domain, &input->as, e);
        return run->machine->values[run->node->inputs[instr->slot]][at];
    }
    case INSTR_CONSTANT: return p->constants[instr->slot];
    case INSTR_RANDOM: return machine_uniform(p->streams[instr->slot], e);
    case INSTR_COLUMN: return (double)(e % run->row);
    case INSTR_POSITION:
        return (double)(p->domain.rank < 2 ? 0 : e / run->row % p->domain.size[p->domain.rank - 2]);
    case INSTR_ELEMENT:
        for (int k = 0; k < N_ARGS; k++)
            if (instr->arg[k] >= 0)
                arg[k] = run->values[instr->arg[k]][e];
        return expression_value(op_row(instr->op)->part[instr->part], arg);
    default: break;
    }
    const double *of = run->values[instr->arg[ARG_A]] + e / run->row * run->row;
    double result = instr->kind == INSTR_ROW_SUM ? 0 : of[0];
    for (int64_t i = 0; i < run->row; i++)
        result = instr->kind == INSTR_ROW_SUM ? result + of[i] : of[i] > result ? of[i] : result;
    return result;
}

static void store(const Run *run, int i)
{
    const Program *p = run->program;
    const ProgramOutput *output = &p->outputs[i];
    double *to = run->machine->values[run->node->outputs[i]];
    const double *from = run->values[output->instr];
    int64_t n_to = shape_count(&output->as);
    bool sum = program_is_reduce(p);
    for (int64_t k = 0; sum && k < n_to; k++)
        to[k] = p->accumulate_input < 0
                    ? 0
                    : run->machine->values[run->node->inputs[p->accumulate_input]][k];
    for (int64_t e = 0; e < run->n; e++) {
        int64_t at = place(&p->domain, &output->as, e);
        to[at] = sum ? to[at] + from[e] : from[e];
    }
}

static void run_program(const Machine *machine, const Node *node)
{
    const Program *p = node->program;
    Run run = {machine,
               node,
               p,
               xcalloc((size_t)p->n_instrs, sizeof(double *)),
               shape_count(&p->domain),
               p->domain.size[p->domain.rank - 1]};
    for (int i = 0; i < p->n_instrs; i++) {
        run.values[i] = xcalloc((size_t)run.n, sizeof(double));
        for (int64_t e = 0; e < run.n; e++)
            run.values[i][e] = instr_value(&run, &p->instrs[i], e);
    }
    for (int i = 0; i < p->n_outputs; i++)
        store(&run, i);
    for (int i = 0; i < p->n_instrs; i++)
        free(run.values[i]);
    free(run.values);
}

/* --- the other kernels
 * ---------------------------------------------------------------------------------- */

static const double *input(const Machine *machine, const Node *node, int i)
{
    return machine->values[node->inputs[i]];
}

static void one_matmul(const Matmul *f, const double *a, const double *b, double *c)
{
    for (int64_t i = 0; i < f->m; i++)
        for (int64_t j = 0; j < f->n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < f->k; k++)
                sum += a[f->transpose_a ? k * f->lda + i : i * f->lda + k] *
                       b[f->transpose_b ? j * f->ldb + k : k * f->ldb + j];
            c[i * f->ldc + j] += f->alpha * sum;
        }
}

static void run_matmul(const Machine *machine, const Node *node)
{
    const Matmul *f = node->matmul;
    int64_t n_c = shape_count(&machine->graph->tensors[node->outputs[0]].shape), batches = 1;
    double *c = machine->values[node->outputs[0]];
    for (int64_t i = 0; i < n_c; i++)
        c[i] = f->accumulate ? input(machine, node, node->n_inputs - 1)[i]
               : f->bias     ? input(machine, node, 2)[i % f->n]
                             : 0;
    for (int i = 0; i < MATMUL_BATCH; i++)
        batches *= f->batch[i];
    for (int64_t batch = 0; batch < batches; batch++) {
        int64_t rest = batch, at[3] = {0, 0, 0};
        for (int i = MATMUL_BATCH - 1; i >= 0; i--) {
            int64_t k = rest % f->batch[i];
            rest /= f->batch[i];
            at[0] += k * f->step_a[i];
            at[1] += k * f->step_b[i];
            at[2] += k * f->step_c[i];
        }
        one_matmul(f, input(machine, node, 0) + at[0], input(machine, node, 1) + at[1], c + at[2]);
    }
}

static void run_embedding(const Machine *machine, const Node *node)
{
    bool back = node->op == KERNEL_embedding_backward;
    const double *ids = input(machine, node, 0), *from = input(machine, node, 1);
    const Tensor *table = &machine->graph->tensors[back ? node->outputs[0] : node->inputs[1]];
    int64_t n = shape_count(&machine->graph->tensors[node->inputs[0]].shape);
    int64_t width = table->shape.size[1], n_table = shape_count(&table->shape);
    double *to = machine->values[node->outputs[0]];
    for (int64_t i = 0; back && i < n_table; i++)
        to[i] = node->accumulate ? input(machine, node, 2)[i] : 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < width; k++) {
            int64_t at = (int64_t)ids[i] * width + k;
            if (back)
                to[at] += from[i * width + k];
            else
                to[i * width + k] = from[at];
        }
}

static void run_part(const CopyPart *part, const double *from, double *to, bool adds)
{
    int64_t n = 1;
    for (int i = 0; i < COPY_RANK; i++)
        n *= part->size[i];
    for (int64_t e = 0; e < n; e++) {
        int64_t rest = e, at_from = part->offset_from, at_to = part->offset_to;
        for (int i = COPY_RANK - 1; i >= 0; i--) {
            int64_t k = rest % part->size[i];
            rest /= part->size[i];
            at_from += k * part->step_from[i];
            at_to += k * part->step_to[i];
        }
        to[at_to] = adds ? to[at_to] + from[at_from] : from[at_from];
    }
}

static void run_copy(const Machine *machine, const Node *node)
{
    const Copy *copy = node->copy;
    int n_sources = node->n_inputs - copy->accumulate;
    int64_t n = shape_count(&machine->graph->tensors[node->outputs[0]].shape);
    for (int64_t i = 0; i < n && (copy->zero_first || copy->accumulate); i++)
        machine->values[node->outputs[0]][i] =
            copy->accumulate ? input(machine, node, n_sources)[i] : 0;
    for (int i = 0; i < copy->n_parts; i++)
        run_part(&copy->parts[i], input(machine, node, n_sources == 1 ? 0 : i),
                 machine->values[node->outputs[node->n_outputs == 1 ? 0 : i]], copy->accumulate);
}

/* --- the whole
 * ------------------------------------------------------------------------------------------- */

Machine machine_new(Arena *arena, const Graph *graph)
{
    Machine machine = {.arena = arena, .graph = graph, .poison = true};
    machine.values = NEW_N(arena, double *, graph->n_tensors + 1);
    for (int t = 0; t < graph->n_tensors; t++) {
        int64_t n = shape_count(&graph->tensors[t].shape);
        machine.values[t] = NEW_N(arena, double, n);
        for (int64_t i = 0; graph->tensors[t].producer >= 0 && i < n; i++)
            machine.values[t][i] = NAN;
    }
    return machine;
}

void machine_run_node(Machine *machine, const Node *node)
{
    switch (node->op) {
    case KERNEL_fused:
    case KERNEL_reduce: run_program(machine, node); break;
    case KERNEL_matmul: run_matmul(machine, node); break;
    case KERNEL_embedding:
    case KERNEL_embedding_backward: run_embedding(machine, node); break;
    case KERNEL_copy: run_copy(machine, node); break;
    default: bug("the interpreter does not know '%s'", op_row(node->op)->name);
    }
    for (int i = 0; machine->poison && i < node->n_outputs; i++) {
        int taken = node->takes[i] < 0 ? -1 : node->inputs[node->takes[i]];
        if (taken < 0 || machine->graph->tensors[taken].producer < 0)
            continue;
        int64_t n = shape_count(&machine->graph->tensors[taken].shape);
        for (int64_t k = 0; k < n; k++)
            machine->values[taken][k] = NAN;
    }
}

void machine_run(Machine *machine)
{
    for (int n = 0; n < machine->graph->n_nodes; n++)
        machine_run_node(machine, &machine->graph->nodes[n]);
}

int machine_find(const Machine *machine, const char *name)
{
    for (int t = 0; t < machine->graph->n_tensors; t++)
        if (strcmp(machine->graph->tensors[t].name, name) == 0)
            return t;
    return -1;
}
