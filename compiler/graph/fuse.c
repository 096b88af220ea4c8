/* Joins producers to their only consumers, last consumer first, so that each kernel is the largest
 * cone with one output that the rules allow; then cleans up. */
#include "graph/fuse.h"
#include "graph/fold.h"
#include "graph/lower.h"

#include <stdlib.h>
#include <string.h>

Node *fuse_producer(const Fuse *fuse, int tensor)
{
    int producer = fuse->graph->tensors[tensor].producer;
    return producer < 0 ? NULL : &fuse->graph->nodes[producer];
}

/* The position of a tensor among a node's inputs from `first` on, or -1. */
static int input_find(const Node *node, int tensor, int first)
{
    for (int i = first; i < node->n_inputs; i++)
        if (node->inputs[i] == tensor)
            return i;
    return -1;
}

static void count_readers(Fuse *fuse)
{
    for (int n = 0; n < fuse->graph->n_nodes; n++) {
        const Node *node = &fuse->graph->nodes[n];
        for (int i = 0; !fuse->gone[n] && i < node->n_inputs; i++)
            if (input_find(node, node->inputs[i], i + 1) < 0)
                fuse->n_readers[node->inputs[i]]++;
    }
}

/* --- which producer may join --------------------------------------------------------------------
 */

/* The value of an instruction depends on where in the domain it is computed. */
static bool depends_on_place(const Program *p)
{
    for (int i = 0; i < p->n_instrs; i++)
        if (p->instrs[i].kind == INSTR_RANDOM || p->instrs[i].kind == INSTR_COLUMN)
            return true;
    return false;
}

static bool has_row_reduction(const Program *p)
{
    for (int i = 0; i < p->n_instrs; i++)
        if (p->instrs[i].kind == INSTR_ROW_SUM || p->instrs[i].kind == INSTR_ROW_MAX)
            return true;
    return false;
}

/* The domain of both together, where they fit: the same, or one has the rows of the other. */
static bool join_domain(const Program *producer, const Program *consumer, Shape *domain)
{
    *domain = consumer->domain;
    if (shape_equal(&producer->domain, &consumer->domain))
        return !has_row_reduction(producer) || !program_is_reduce(consumer);
    Shape rows = shape_rows(&consumer->domain);
    if (shape_equal(&producer->domain, &rows))
        return !depends_on_place(producer) && !has_row_reduction(producer);
    *domain = producer->domain;
    rows = shape_rows(&producer->domain);
    return shape_equal(&consumer->domain, &rows) && !depends_on_place(consumer) &&
           !has_row_reduction(consumer) && !program_is_reduce(consumer);
}

/* All reads of the tensor see it in the shape in which it is written. */
static bool reads_as_written(const Node *consumer, int tensor, const Shape *as)
{
    for (int i = 0; i < consumer->n_inputs; i++)
        if (consumer->inputs[i] == tensor && !shape_equal(&consumer->program->inputs[i].as, as))
            return false;
    return true;
}

static bool may_join(const Fuse *fuse, int consumer, int tensor, Shape *domain)
{
    const Node *from = fuse_producer(fuse, tensor), *to = &fuse->graph->nodes[consumer];
    if (!from || from->op != KERNEL_fused || fuse->n_readers[tensor] != 1 || fuse->named[tensor] ||
        fuse->graph->tensors[tensor].keep)
        return false;
    int producer = fuse->graph->tensors[tensor].producer;
    return fuse->boundary[producer] == fuse->boundary[consumer] &&
           from->n_inputs + to->n_inputs <= FUSED_INPUTS + 1 &&
           from->program->n_instrs + to->program->n_instrs <= FUSED_INSTRS &&
           reads_as_written(to, tensor, &from->program->outputs[0].as) &&
           join_domain(from->program, to->program, domain);
}

/* --- joining ------------------------------------------------------------------------------------
 */

/* Appends a node's program; reads of the tensor `known` become the instruction `known_instr`. */
static int append(Reading *joint, const Node *node, int known, int known_instr)
{
    const Program *p = node->program;
    int *map = xcalloc((size_t)p->n_instrs, sizeof *map);
    for (int i = 0; i < p->n_instrs; i++) {
        const Instr *instr = &p->instrs[i];
        if (instr->kind != INSTR_INPUT)
            map[i] = program_copy(&joint->b, p, i, map);
        else if (node->inputs[instr->slot] == known)
            map[i] = known_instr;
        else
            map[i] = reading_tensor(joint, node->inputs[instr->slot], &p->inputs[instr->slot].as,
                                    p->inputs[instr->slot].offset);
    }
    int result = map[p->outputs[0].instr];
    free(map);
    return result;
}

/* "linear+gelu": operators in the order in which they run. */
const char *fuse_what(Arena *arena, const char *first, const char *then)
{
    size_t n = strlen(first);
    if (n > 60)
        return first;
    return arena_printf(arena, "%s+%s", first, then);
}

static void join(Fuse *fuse, int consumer, int tensor, const Shape *domain)
{
    Node *to = &fuse->graph->nodes[consumer], *from = fuse_producer(fuse, tensor);
    Reading joint = reading_begin(fuse->arena, domain);
    int value = append(&joint, from, -1, -1);
    int result = append(&joint, to, tensor, value);
    program_output(&joint.b, result, &to->program->outputs[0].as);
    int *inputs;
    const Program *program = reading_finish(&joint, &inputs);
    for (int i = 0; i < from->n_inputs; i++)
        if (input_find(to, from->inputs[i], 0) >= 0 && input_find(from, from->inputs[i], i + 1) < 0)
            fuse->n_readers[from->inputs[i]]--;
    fuse->gone[fuse->graph->tensors[tensor].producer] = true;
    fuse->n_readers[tensor] = 0;
    to->what = fuse_what(fuse->arena, from->what, to->what);
    to->program = program;
    to->inputs = inputs;
    to->n_inputs = program->n_inputs;
}

static void join_all(Fuse *fuse, int consumer)
{
    Node *node = &fuse->graph->nodes[consumer];
    Shape domain;
    for (int i = 0; i < node->n_inputs;) {
        int tensor = node->inputs[i];
        if (may_join(fuse, consumer, tensor, &domain)) {
            join(fuse, consumer, tensor, &domain);
            i = 0;
        } else {
            i++;
        }
    }
}

/* --- cleaning up ---------------------------------------------------------------------------------
 */

/* Marks nodes that reach no loss or output as gone. */
static void drop_useless(Fuse *fuse)
{
    const Graph *graph = fuse->graph;
    bool *needed = xcalloc((size_t)graph->n_tensors, sizeof *needed);
    for (int i = 0; i < graph->n_tensors; i++)
        needed[i] = fuse->named[i];
    for (int n = graph->n_nodes - 1; n >= 0; n--) {
        const Node *node = &graph->nodes[n];
        bool useful = false;
        for (int i = 0; i < node->n_outputs; i++)
            useful = useful || needed[node->outputs[i]];
        if (!useful || fuse->gone[n]) {
            fuse->gone[n] = true;
            continue;
        }
        for (int i = 0; i < node->n_inputs; i++)
            needed[node->inputs[i]] = true;
    }
    free(needed);
}

/* Gives tensors and nodes that are left their numbers. */
static void renumber(Fuse *fuse)
{
    Graph *graph = fuse->graph;
    int *tensor_to = xcalloc((size_t)graph->n_tensors, sizeof *tensor_to);
    int n_nodes = 0, n_tensors = 0;
    for (int n = 0; n < graph->n_nodes; n++) {
        if (fuse->gone[n])
            continue;
        graph->nodes[n_nodes] = graph->nodes[n];
        for (int i = 0; i < graph->nodes[n].n_outputs; i++)
            graph->tensors[graph->nodes[n].outputs[i]].producer = -2 - n_nodes;
        n_nodes++;
    }
    for (int t = 0; t < graph->n_tensors; t++) {
        Tensor tensor = graph->tensors[t];
        bool dropped = tensor.producer >= 0;
        tensor_to[t] = dropped ? -1 : n_tensors;
        if (dropped)
            continue;
        if (tensor.producer < -1)
            tensor.producer = -2 - tensor.producer;
        graph->tensors[n_tensors++] = tensor;
    }
    graph->n_nodes = n_nodes;
    graph->n_tensors = n_tensors;
    for (int n = 0; n < n_nodes; n++) {
        Node *node = &graph->nodes[n];
        for (int i = 0; i < node->n_inputs; i++)
            node->inputs[i] = tensor_to[node->inputs[i]];
        for (int i = 0; i < node->n_outputs; i++)
            node->outputs[i] = tensor_to[node->outputs[i]];
    }
    for (int i = 0; i < graph->n_inputs; i++)
        graph->inputs[i] = tensor_to[graph->inputs[i]];
    for (int i = 0; i < graph->n_losses; i++)
        graph->losses[i].tensor = tensor_to[graph->losses[i].tensor];
    for (int i = 0; i < graph->n_outputs; i++)
        graph->outputs[i].tensor = tensor_to[graph->outputs[i].tensor];
    free(tensor_to);
}

static void name_results(Fuse *fuse)
{
    for (int i = 0; i < fuse->graph->n_losses; i++)
        fuse->named[fuse->graph->losses[i].tensor] = true;
    for (int i = 0; i < fuse->graph->n_outputs; i++)
        fuse->named[fuse->graph->outputs[i].tensor] = true;
}

Graph *graph_fuse(Arena *arena, const Graph *expanded)
{
    Graph *graph = graph_lower(arena, expanded);
    size_t n_nodes = (size_t)graph->n_nodes, n_tensors = (size_t)graph->n_tensors;
    Fuse fuse = {.arena = arena,
                 .graph = graph,
                 .n_readers = xcalloc(n_tensors, sizeof(int)),
                 .boundary = xcalloc(n_nodes, sizeof(int)),
                 .named = xcalloc(n_tensors, sizeof(bool)),
                 .gone = xcalloc(n_nodes, sizeof(bool)),
                 .names = map_new(arena)};
    for (int t = 0; t < graph->n_tensors; t++)
        map_add(fuse.names, graph->tensors[t].name, t);
    name_results(&fuse);
    drop_useless(&fuse);
    for (int n = 0; n < graph->n_nodes; n++)
        fuse.boundary[n] = instance_boundary(graph, graph->nodes[n].instance);
    count_readers(&fuse);
    for (int n = graph->n_nodes - 1; n >= 0; n--)
        if (!fuse.gone[n] && graph->nodes[n].program)
            join_all(&fuse, n);
    for (int n = 0; n < graph->n_nodes; n++)
        if (!fuse.gone[n]) {
            fold_bias(&fuse, n);
            fold_copy(&fuse, n);
        }
    renumber(&fuse);
    free(fuse.n_readers);
    free(fuse.boundary);
    free(fuse.named);
    free(fuse.gone);
    return graph;
}
