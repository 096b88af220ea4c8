/* A training graph and a device in, a Problem out: exact bytes, times by a roofline (the slower of
 * arithmetic and memory traffic, plus the cost of a launch), and which outputs may be written over
 * which inputs. */
#include "plan/measure.h"

typedef struct {
    Arena *arena;
    const Graph *graph;
    const Device *device;
    Problem *problem;
} Measurer;

static size_t tensor_bytes(const Tensor *tensor)
{
    return (size_t)shape_count(&tensor->shape) * dtype_bytes(tensor->dtype);
}

static void measure_value(Measurer *m, int t)
{
    const Tensor *tensor = &m->graph->tensors[t];
    Value *value = &m->problem->values[t];
    *value = (Value){
        .name = tensor->name,
        .bytes = tensor_bytes(tensor),
        .class = tensor->class,
        .producer = tensor->producer,
        .resident = tensor->class == CLASS_parameter || tensor->class == CLASS_optimizer ||
                    t == m->graph->step,
        .to_end = tensor->class == CLASS_output,
        .keep = tensor->keep,
        .takes = -1,
        .instance = tensor->instance,
    };
}

static double matmul_flops(const Matmul *matmul)
{
    double flops = 2.0 * (double)matmul->m * (double)matmul->n * (double)matmul->k;
    for (int i = 0; i < MATMUL_BATCH; i++)
        flops *= (double)matmul->batch[i];
    return flops;
}

static double node_flops(const Node *node)
{
    if (node->matmul)
        return matmul_flops(node->matmul);
    return node->program ? program_flops(node->program) : 0;
}

/* Bytes to and from memory. What only moves elements reads no more of an input than it writes, so
 * that a lookup does not count the whole table. */
static double node_traffic(const Measurer *m, const Node *node)
{
    double written = 0, read = 0;
    for (int i = 0; i < node->n_outputs; i++)
        written += (double)m->problem->values[node->outputs[i]].bytes;
    for (int i = 0; i < node->n_inputs; i++) {
        double bytes = (double)m->problem->values[node->inputs[i]].bytes;
        bool moves = !node->matmul && !node->program;
        read += moves && bytes > written ? written : bytes;
    }
    return written + read;
}

/* Are the cores woken for it? As the CPU's kernels and OpenBLAS decide: by the elements of a loop,
 * and by the multiplications of a product. */
static bool is_shared(const Measurer *m, const Node *node)
{
    const double elements = 16384, multiplications = 262144;
    if (node->matmul)
        return matmul_flops(node->matmul) > 2 * multiplications;
    const Shape *domain =
        node->program ? &node->program->domain : &m->graph->tensors[node->outputs[0]].shape;
    return (double)shape_count(domain) > elements;
}

static double node_seconds(const Measurer *m, const Node *node, double flops)
{
    const Device *d = m->device;
    const bool shared = is_shared(m, node);
    double rate = d->vector;
    if (node->matmul)
        rate = d->matmul[m->graph->tensors[node->inputs[0]].dtype] * d->efficiency;
    double arithmetic = flops / (shared ? rate : rate / d->cores);
    double bytes = node_traffic(m, node);
    double traffic =
        bytes / ((bytes > (double)d->cache_bytes ? d->bandwidth : d->cached) * d->efficiency);
    return d->launch + (shared ? d->wake : 0) + (arithmetic > traffic ? arithmetic : traffic);
}

/* --- in place ------------------------------------------------------------------------------------
 */

/* In which pass along the row each instruction is known: a reduction is known one pass after what
 * it sums. Returns the last pass. */
static int find_passes(const Program *program, int *pass)
{
    int last = 0;
    for (int i = 0; i < program->n_instrs; i++) {
        const Instr *instr = &program->instrs[i];
        pass[i] = 0;
        for (int k = 0; k < N_ARGS && instr->kind == INSTR_ELEMENT; k++)
            if (instr->arg[k] >= 0 && pass[instr->arg[k]] > pass[i])
                pass[i] = pass[instr->arg[k]];
        if (instr->kind == INSTR_ROW_SUM || instr->kind == INSTR_ROW_MAX)
            pass[i] = pass[instr->arg[0]] + 1;
        if (pass[i] > last)
            last = pass[i];
    }
    return last;
}

/* Read element by element at the place where an output of the domain's shape is written, wherever
 * the node reads that tensor. */
static bool is_read_elementwise(const Measurer *m, const Node *node, int input, const Tensor *out)
{
    const Program *program = node->program;
    const Tensor *in = &m->graph->tensors[node->inputs[input]];
    if (in->dtype != out->dtype || shape_count(&in->shape) != shape_count(&out->shape))
        return false;
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i] == node->inputs[input] &&
            (!shape_equal(&program->inputs[i].as, &program->domain) ||
             program->inputs[i].offset != 0))
            return false;
    return true;
}

/* A fused output is written in the last pass over its row, after every read of the same element, if
 * it depends on all reductions; then it may lie on an input of the same shape and type. */
static void find_may_take(Measurer *m, const Node *node, ProblemNode *out, const int *pass,
                          int last)
{
    const Program *program = node->program;
    for (int w = 0; w < node->n_outputs; w++) {
        const ProgramOutput *output = &program->outputs[w];
        if (m->problem->values[node->outputs[w]].takes >= 0 || pass[output->instr] != last ||
            !shape_equal(&output->as, &program->domain))
            continue;
        out->may_take[w] = NEW_N(m->arena, int, node->n_inputs);
        for (int i = 0; i < node->n_inputs; i++)
            if (is_read_elementwise(m, node, i, &m->graph->tensors[node->outputs[w]]))
                out->may_take[w][out->n_may_take[w]++] = node->inputs[i];
    }
}

static void find_takes(Measurer *m, const Node *node, ProblemNode *out)
{
    for (int w = 0; node->takes && w < node->n_outputs; w++)
        if (node->takes[w] >= 0)
            m->problem->values[node->outputs[w]].takes = node->inputs[node->takes[w]];
    if (!node->program || program_is_reduce(node->program))
        return;
    Arena *scratch = arena_new();
    int *pass = NEW_N(scratch, int, node->program->n_instrs);
    int last = find_passes(node->program, pass);
    find_may_take(m, node, out, pass, last);
    arena_free(scratch);
}

/* --- nodes ---------------------------------------------------------------------------------------
 */

/* Each tensor once, in order of first mention. */
static int *distinct(Arena *arena, const int *ids, int n, int *n_distinct)
{
    int *out = NEW_N(arena, int, n), n_out = 0;
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < n_out && out[k] != ids[i])
            k++;
        if (k == n_out)
            out[n_out++] = ids[i];
    }
    *n_distinct = n_out;
    return out;
}

static void measure_node(Measurer *m, int id)
{
    const Node *node = &m->graph->nodes[id];
    ProblemNode *out = &m->problem->nodes[id];
    double flops = node_flops(node);
    *out = (ProblemNode){
        .name = node->name,
        .op = node->what,
        .phase = node->phase,
        .seconds = node_seconds(m, node, flops),
        .flops = flops,
        .writes = node->outputs,
        .n_writes = node->n_outputs,
        .may_take = NEW_N(m->arena, int *, node->n_outputs),
        .n_may_take = NEW_N(m->arena, int, node->n_outputs),
        .replayable = node->phase == PHASE_forward && node->replayable,
        .forward = node->forward,
        .instance = node->instance,
    };
    for (int w = 0; w < node->n_outputs; w++) /* what is kept is not run again */
        out->replayable &= !m->graph->tensors[node->outputs[w]].keep;
    out->reads = distinct(m->arena, node->inputs, node->n_inputs, &out->n_reads);
    find_takes(m, node, out);
}

static void measure_instance(Measurer *m, int id, const Diag *diag)
{
    const Instance *in = &m->graph->instances[id];
    ProblemInstance *out = &m->problem->instances[id];
    *out = (ProblemInstance){in->path, "", in->parent, in->index, in->checkpoint, in->type};
    if (diag && in->span.start >= 0)
        out->source = arena_printf(m->arena, "%s:%d", diag_source(diag)->name,
                                   diag_line(diag, in->span.start));
}

Problem *measure(Arena *arena, const Graph *graph, const Device *device, size_t alignment,
                 const Diag *diag)
{
    Problem *p = NEW(arena, Problem);
    *p = (Problem){.n_values = graph->n_tensors,
                   .n_nodes = graph->n_nodes,
                   .n_instances = graph->n_instances,
                   .alignment = alignment};
    p->values = NEW_N(arena, Value, p->n_values);
    p->nodes = NEW_N(arena, ProblemNode, p->n_nodes);
    p->instances = NEW_N(arena, ProblemInstance, p->n_instances);
    Measurer m = {arena, graph, device, p};
    for (int t = 0; t < p->n_values; t++)
        measure_value(&m, t);
    for (int i = 0; i < p->n_nodes; i++)
        measure_node(&m, i);
    for (int i = 0; i < p->n_instances; i++)
        measure_instance(&m, i, diag);
    return p;
}
