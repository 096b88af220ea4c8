/* Prints the tables. An empty table has one row of zeros, since C has no empty arrays. */
#include "emit/tables.h"

#include <string.h>

typedef struct {
    Arena *arena;
    const Emission *e;
    Text out;
    size_t line_start; /* of the row that is written */
    int *dump_of;      /* for each tensor: its row of dumps, or -1 */
} Tables;

/* ---- pieces
 * ------------------------------------------------------------------------------------------ */

static const char *quoted(Arena *arena, const char *text)
{
    Text out = text_new(arena);
    text_printf(&out, "\"");
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            text_printf(&out, "\\%c", c);
        else if (c < 32 || c == 127 || c == '?')
            text_printf(&out, "\\%03o", c);
        else
            text_printf(&out, "%c", c);
    }
    text_printf(&out, "\"");
    return out.data;
}

static const char *runtime_dtype(Dtype dtype)
{
    static const char *const names[] = {[DT_f32] = "RT_F32",
                                        [DT_bf16] = "RT_BF16",
                                        [DT_f64] = "RT_F64",
                                        [DT_i32] = "RT_I32",
                                        [DT_bool] = "RT_BOOL"};
    return names[dtype];
}

/* The first writing of a value. */
static size_t offset_of(const Emission *e, int tensor)
{
    for (int i = 0; i < e->timeline->n_lives; i++)
        if (e->timeline->lives[i].value == tensor)
            return e->layout->offsets[i];
    return 0;
}

static size_t tensor_bytes(const Tensor *tensor)
{
    return (size_t)shape_count(&tensor->shape) * dtype_bytes(tensor->dtype);
}

/* {name, dtype, rank, {sizes}, offset, bytes} */
static const char *tensor_row(Arena *arena, const Emission *e, int tensor, const char *name)
{
    const Tensor *t = &e->graph->tensors[tensor];
    Text shape = text_new(arena);
    for (int i = 0; i < t->shape.rank; i++)
        text_printf(&shape, "%s%lld", i ? ", " : "", (long long)t->shape.size[i]);
    return arena_printf(arena, "{%s, %s, %d, {%s}, %zu, %zu}", quoted(arena, name),
                        runtime_dtype(t->dtype), t->shape.rank, t->shape.rank ? shape.data : "0",
                        offset_of(e, tensor), tensor_bytes(t));
}

static void open_table(Tables *tables, const char *type, const char *name)
{
    text_printf(&tables->out, "static const %s %s[] = {", type, name);
    tables->line_start = 0;
}

/* A row, on the line of the row before where both fit. */
static void add_row(Tables *tables, const char *row)
{
    Text *out = &tables->out;
    if (tables->line_start == 0 || out->n - tables->line_start + strlen(row) > 98) {
        text_printf(out, "\n    %s,", row);
        tables->line_start = out->n - strlen(row) - 5;
    } else {
        text_printf(out, " %s,", row);
    }
}

static void close_table(Tables *tables, int n, const char *zero)
{
    if (n == 0)
        add_row(tables, zero);
    text_printf(&tables->out, "\n};\n\n");
}

/* ---- tensors
 * -------------------------------------------------------------------------------------------- */

static const char *const init_names[] = {[INIT_NONE] = "RT_CONSTANT",
                                         [INIT_CONSTANT] = "RT_CONSTANT",
                                         [INIT_NORMAL] = "RT_NORMAL",
                                         [INIT_UNIFORM] = "RT_UNIFORM"};

static int print_parameters(Tables *tables)
{
    const Graph *graph = tables->e->graph;
    int n = 0;
    open_table(tables, "RtParameter", "parameters");
    for (int i = 0; i < graph->n_tensors; i++) {
        const Tensor *t = &graph->tensors[i];
        if (t->class != CLASS_parameter || t->producer >= 0)
            continue;
        add_row(tables, arena_printf(tables->arena, "{%s, %s, %.17g, %.17g, %d}",
                                     tensor_row(tables->arena, tables->e, i, t->name),
                                     init_names[t->init.kind], t->init.a, t->init.b, n++));
    }
    close_table(tables, n, "{{NULL, RT_F32, 0, {0}, 0, 0}, RT_CONSTANT, 0, 0, 0}");
    return n;
}

static bool is_state(const Graph *graph, int tensor)
{
    const Tensor *t = &graph->tensors[tensor];
    return t->class == CLASS_optimizer && t->producer < 0 && tensor != graph->step;
}

static const char no_tensor[] = "{NULL, RT_F32, 0, {0}, 0, 0}";

static int print_states(Tables *tables)
{
    const Graph *graph = tables->e->graph;
    int n = 0;
    open_table(tables, "RtTensor", "states");
    for (int i = 0; i < graph->n_tensors; i++)
        if (is_state(graph, i)) {
            n++;
            add_row(tables, tensor_row(tables->arena, tables->e, i, graph->tensors[i].name));
        }
    close_table(tables, n, no_tensor);
    return n;
}

/* The number that a program compares one of its inputs with, and what it does where they are equal
 * is leave the element out: cross_entropy's `ignore`. */
static bool program_ignores(const Program *program, int input, int64_t *value)
{
    for (int i = 0; i < program->n_instrs; i++) {
        const Instr *instr = &program->instrs[i];
        if (instr->kind != INSTR_ELEMENT || instr->op != OP_equal || instr->part != PART_VALUE)
            continue;
        const Instr *a = &program->instrs[instr->arg[ARG_A]];
        double number;
        if (a->kind == INSTR_INPUT && a->slot == input &&
            program_is_constant(program, instr->arg[ARG_B], &number)) {
            *value = (int64_t)number;
            return true;
        }
    }
    return false;
}

/* Whether an i32 input may hold a number that is no class. */
static bool find_ignored(const Graph *graph, int tensor, int64_t *value)
{
    for (int i = 0; i < graph->n_nodes; i++) {
        const Node *node = &graph->nodes[i];
        for (int k = 0; k < node->n_inputs; k++) {
            if (node->inputs[k] != tensor)
                continue;
            if (node->program && program_ignores(node->program, k, value))
                return true;
            const int moved = node->outputs[0]; /* the same numbers in another place */
            if (graph->tensors[moved].dtype == DT_i32 && find_ignored(graph, moved, value))
                return true;
        }
    }
    return false;
}

static void print_inputs(Tables *tables)
{
    const Graph *graph = tables->e->graph;
    open_table(tables, "RtInput", "inputs");
    for (int i = 0; i < graph->n_inputs; i++) {
        const Tensor *t = &graph->tensors[graph->inputs[i]];
        int64_t ignored = 0;
        const bool ignore = t->dtype == DT_i32 && find_ignored(graph, graph->inputs[i], &ignored);
        add_row(tables,
                arena_printf(tables->arena, "{%s, %lld, %s, %lld}",
                             tensor_row(tables->arena, tables->e, graph->inputs[i], t->name),
                             (long long)t->classes, ignore ? "true" : "false", (long long)ignored));
    }
    close_table(tables, graph->n_inputs, "{{NULL, RT_F32, 0, {0}, 0, 0}, 0, false, 0}");
}

static void print_losses(Tables *tables)
{
    const Graph *graph = tables->e->graph;
    open_table(tables, "RtTensor", "losses");
    for (int i = 0; i < graph->n_losses; i++)
        add_row(tables, tensor_row(tables->arena, tables->e, graph->losses[i].tensor,
                                   graph->losses[i].name));
    close_table(tables, graph->n_losses, no_tensor);
}

/* For each tensor its gradient when all contributions are in: the last one made for it, or -1. */
static int *last_gradients(Arena *arena, const Graph *graph)
{
    int *last = NEW_N(arena, int, graph->n_tensors);
    for (int i = 0; i < graph->n_tensors; i++)
        last[i] = -1;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_outputs; k++) {
            const Tensor *t = &graph->tensors[graph->nodes[i].outputs[k]];
            if (t->class == CLASS_gradient && t->origin >= 0)
                last[t->origin] = graph->nodes[i].outputs[k];
        }
    return last;
}

static void add_dump(Tables *tables, int *n, int tensor, const char *name)
{
    if (tensor < 0 || tables->dump_of[tensor] >= 0)
        return;
    tables->dump_of[tensor] = (*n)++;
    add_row(tables, tensor_row(tables->arena, tables->e, tensor, name));
}

static int print_dumps(Tables *tables)
{
    const Graph *graph = tables->e->graph;
    const int *gradients = last_gradients(tables->arena, graph);
    int n = 0;
    open_table(tables, "RtTensor", "dumps");
    for (int i = 0; i < graph->n_tensors; i++)
        if (graph->tensors[i].class == CLASS_parameter && graph->tensors[i].producer < 0)
            add_dump(tables, &n, gradients[i],
                     arena_printf(tables->arena, "%s.grad", graph->tensors[i].name));
    for (int i = 0; i < graph->n_outputs; i++)
        if (graph->tensors[graph->outputs[i].tensor].producer >= 0)
            add_dump(tables, &n, graph->outputs[i].tensor, graph->outputs[i].name);
    close_table(tables, n, no_tensor);
    return n;
}

/* ---- training
 * --------------------------------------------------------------------------------------------- */

static void print_groups(Tables *tables)
{
    const Train *train = &tables->e->graph->train;
    open_table(tables, "RtGroup", "groups");
    for (int i = 0; i < train->n_groups; i++)
        add_row(tables,
                arena_printf(tables->arena, "{%.17g, %.17g, %.17g}", train->groups[i].hyper.lr,
                             train->groups[i].hyper.beta1, train->groups[i].hyper.beta2));
    close_table(tables, train->n_groups, "{0, 0, 0}");
}

static void print_options(Tables *tables)
{
    const Data *data = &tables->e->graph->train.data;
    open_table(tables, "RtDataOption", "data_options");
    for (int i = 0; i < data->n_options; i++) {
        const DataOption *option = &data->options[i];
        add_row(tables, arena_printf(tables->arena, "{%s, %s, %.17g, %s}",
                                     quoted(tables->arena, option->name),
                                     option->text ? quoted(tables->arena, option->text) : "NULL",
                                     option->number, option->constant ? "true" : "false"));
    }
    close_table(tables, data->n_options, "{NULL, NULL, 0, false}");
}

/* ---- the schedule
 * ------------------------------------------------------------------------------------------ */

/* For each step the step at which its node ran first. */
static int *first_runs(Arena *arena, const Emission *e)
{
    int *first = NEW_N(arena, int, e->plan->n_steps + 1);
    int *of_node = NEW_N(arena, int, e->problem->n_nodes);
    for (int i = 0; i < e->problem->n_nodes; i++)
        of_node[i] = -1;
    for (int step = 0; step < e->plan->n_steps; step++) {
        const int node = e->plan->sequence[step];
        if (of_node[node] < 0)
            of_node[node] = step;
        first[step] = of_node[node];
    }
    return first;
}

static void print_writes(Tables *tables, const int *first)
{
    const Emission *e = tables->e;
    int n = 0;
    open_table(tables, "RtWrite", "writes");
    for (int step = 0; step < e->plan->n_steps; step++) {
        const ProblemNode *node = &e->problem->nodes[e->plan->sequence[step]];
        for (int k = 0; k < node->n_writes; k++, n++) {
            const int life = e->timeline->step_writes[step][k];
            const int value = e->timeline->lives[life].value;
            const int repeats = first[step] < step ? first[step] : -1;
            add_row(tables, arena_printf(tables->arena, "{%zu, %zu, %d, %d}",
                                         e->layout->offsets[life], e->problem->values[value].bytes,
                                         repeats, repeats < 0 ? tables->dump_of[value] : -1));
        }
    }
    close_table(tables, n, "{0, 0, -1, -1}");
}

static void print_schedule(Tables *tables, const int *first)
{
    static const char *const phases[] = {"RT_FORWARD", "RT_BACKWARD", "RT_UPDATE"};
    const Emission *e = tables->e;
    int n_writes = 0;
    open_table(tables, "RtScheduleRow", "schedule");
    for (int step = 0; step < e->plan->n_steps; step++) {
        const ProblemNode *node = &e->problem->nodes[e->plan->sequence[step]];
        add_row(tables,
                arena_printf(tables->arena, "{%s, %s, %s, %d, %d}", quoted(tables->arena, node->op),
                             quoted(tables->arena, node->name),
                             first[step] < step ? "RT_RECOMPUTE" : phases[node->phase], n_writes,
                             node->n_writes));
        n_writes += node->n_writes;
    }
    close_table(tables, e->plan->n_steps, "{NULL, NULL, RT_FORWARD, 0, 0}");
}

/* The squared norms of gradients that are clipped together. */
static int print_grad_norms(Tables *tables)
{
    const Graph *graph = tables->e->graph;
    int n = 0;
    open_table(tables, "RtTensor", "grad_norms");
    for (int i = 0; i < graph->n_norms; i++) {
        if (graph->norms[i] < 0)
            continue; /* a group without parameters */
        n++;
        add_row(tables, tensor_row(tables->arena, tables->e, graph->norms[i],
                                   graph->tensors[graph->norms[i]].name));
    }
    close_table(tables, n, no_tensor);
    return n;
}

size_t tables_step_offset(const Emission *emission)
{
    return emission->graph->step >= 0 ? offset_of(emission, emission->graph->step) : 0;
}

/* ---- rt_program ------------------------------------------------------------------------------ */

typedef struct {
    int parameters, states, dumps, grad_norms;
} Counts;

static void print_program(Tables *tables, Counts n)
{
    static const char *const schedules[] = {[SCHEDULE_CONSTANT] = "RT_SCHEDULE_CONSTANT",
                                            [SCHEDULE_LINEAR] = "RT_SCHEDULE_LINEAR",
                                            [SCHEDULE_COSINE] = "RT_SCHEDULE_COSINE"};
    const Emission *e = tables->e;
    const Train *train = &e->graph->train;
    Arena *arena = tables->arena;
    Text *out = &tables->out;
    text_printf(out, "const RtProgram rt_program = {\n    %s, %s, %s, ARENA_BYTES, %zu,\n",
                quoted(arena, e->name), quoted(arena, e->target->name),
                quoted(arena, e->plan->strategy), e->problem->alignment);
    text_printf(out, "    parameters, %d, states, %d, inputs, %d, losses, %d,\n", n.parameters,
                n.states, e->graph->n_inputs, e->graph->n_losses);
    text_printf(out, "    dumps, %d, grad_norms, %d, STEP, groups, %d,\n", n.dumps,
                e->graph->n_norms, train->n_groups);
    text_printf(out, "    {%s, %.17g, %lld, %lld},\n", schedules[train->schedule.kind],
                train->schedule.to, (long long)train->schedule.steps,
                (long long)train->schedule.warmup);
    text_printf(out,
                "    %s, data_options, %d, %lld, %lluu,\n    schedule, %d, writes, train_step, "
                "%.9g, %s};\n",
                train->data.source ? quoted(arena, train->data.source) : "NULL",
                train->data.n_options, (long long)train->steps, (unsigned long long)train->seed,
                e->plan->n_steps, e->step_seconds, quoted(arena, e->timed_by));
}

const char *tables_text(Arena *arena, const Emission *emission)
{
    Tables tables = {.arena = arena, .e = emission, .out = text_new(arena)};
    tables.dump_of = NEW_N(arena, int, emission->graph->n_tensors);
    for (int i = 0; i < emission->graph->n_tensors; i++)
        tables.dump_of[i] = -1;
    const int *first = first_runs(arena, emission);
    Counts counts = {0};
    counts.parameters = print_parameters(&tables);
    counts.states = print_states(&tables);
    counts.dumps = print_dumps(&tables);
    counts.grad_norms = print_grad_norms(&tables);
    print_inputs(&tables);
    print_losses(&tables);
    print_groups(&tables);
    print_options(&tables);
    print_writes(&tables, first);
    print_schedule(&tables, first);
    print_program(&tables, counts);
    return tables.out.data;
}
