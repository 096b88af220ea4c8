/* Joins that are not of programs: a lonely bias into its matmul, a copy into the copy after it. */
#include "graph/fold.h"
#include "graph/copy.h"

#include <string.h>

/* --- a bias with nothing after it ----------------------------------------------------------------
 */

/* The program is x0 + x1, x0 as the domain and x1 a vector along the row: the position of the
 * vector among the inputs, or -1. */
static int added_vector(const Program *p)
{
    if (!p || p->n_instrs != 3 || p->n_inputs != 2 || p->instrs[2].kind != INSTR_ELEMENT ||
        p->instrs[2].op != OP_add || p->instrs[2].part != PART_VALUE ||
        !shape_equal(&p->outputs[0].as, &p->domain))
        return -1;
    for (int i = 0; i < 2; i++) {
        const Shape *as = &p->inputs[i].as;
        int64_t row = p->domain.size[p->domain.rank - 1];
        if (shape_equal(&p->inputs[1 - i].as, &p->domain) && shape_count(as) == row &&
            as->size[as->rank - 1] == row)
            return i;
    }
    return -1;
}

/* The bias in another precision. The node of number `at`, which is no longer of use, becomes the
 * cast. -1 where there is a cast already, but later. */
static int bias_cast(Fuse *fuse, int bias, Dtype dtype, int at)
{
    Graph *graph = fuse->graph;
    Tensor cast = graph->tensors[bias];
    cast.name = arena_printf(fuse->arena, "%s.%s", cast.name, dtype_name(dtype));
    int known = map_get(fuse->names, cast.name);
    if (known >= 0)
        return graph->tensors[known].producer < at ? known : -1;
    cast.dtype = dtype;
    cast.class = CLASS_activation;
    cast.init = (Init){.kind = INIT_NONE};
    cast.producer = at;
    int id = graph_add_tensor(fuse->arena, graph, cast);
    map_add(fuse->names, cast.name, id);
    Shape domain = shape_widened(&cast.shape, cast.shape.rank);
    Reading reading = reading_begin(fuse->arena, &domain);
    program_output(&reading.b, reading_tensor(&reading, bias, &domain, 0), &domain);
    Node *node = &graph->nodes[at];
    *node = (Node){.op = KERNEL_fused,
                   .name = cast.name,
                   .what = "cast",
                   .n_inputs = 1,
                   .outputs = ints(fuse->arena, 1, &id),
                   .n_outputs = 1,
                   .takes = nones(fuse->arena, 1),
                   .replayable = true,
                   .forward = -1,
                   .instance = cast.instance,
                   .span = cast.span};
    node->program = reading_finish(&reading, &node->inputs);
    fuse->gone[at] = false;
    return id;
}

/* Whether node n adds a vector to a product that nothing else reads; *vector is its position. */
static bool adds_bias(const Fuse *fuse, int n, int *vector)
{
    const Graph *graph = fuse->graph;
    const Node *node = &graph->nodes[n];
    *vector = node->op == KERNEL_fused ? added_vector(node->program) : -1;
    if (*vector < 0)
        return false;
    int tensor = node->inputs[1 - *vector];
    const Tensor *product = &graph->tensors[tensor];
    const Node *from = fuse_producer(fuse, tensor);
    const Shape *domain = &node->program->domain;
    return from && from->op == KERNEL_matmul && !from->matmul->bias &&
           fuse->n_readers[tensor] == 1 && !fuse->named[tensor] && !product->keep &&
           fuse->boundary[product->producer] == fuse->boundary[n] &&
           from->matmul->n == domain->size[domain->rank - 1] &&
           graph->tensors[node->outputs[0]].dtype == product->dtype;
}

/* Gives a bias that is added alone to the matmul before it. */
void fold_bias(Fuse *fuse, int n)
{
    int vector;
    if (!adds_bias(fuse, n, &vector))
        return;
    Node *node = &fuse->graph->nodes[n];
    int bias = node->inputs[vector], product = node->inputs[1 - vector];
    Dtype dtype = fuse->graph->tensors[product].dtype;
    int at = fuse->graph->tensors[product].producer;
    Node whole = fuse->graph->nodes[at];
    if (fuse->graph->tensors[bias].dtype != dtype) {
        if (fuse->graph->tensors[bias].producer >= 0)
            return;
        bias = bias_cast(fuse, bias, dtype, at);
        if (bias < 0)
            return;
    }
    if (fuse->graph->tensors[bias].producer != at)
        fuse->gone[at] = true;
    Matmul *matmul = NEW(fuse->arena, Matmul);
    *matmul = *whole.matmul;
    matmul->bias = true;
    whole.name = node->name;
    whole.instance = node->instance;
    whole.outputs = node->outputs;
    whole.takes = node->takes;
    whole.span = node->span;
    whole.matmul = matmul;
    whole.n_inputs = 3;
    whole.inputs = ints(fuse->arena, 3, (int[]){whole.inputs[0], whole.inputs[1], bias});
    if (strcmp(node->what, "bias") != 0)
        whole.what = fuse_what(fuse->arena, whole.what, node->what);
    *node = whole;
}

/* --- copies of copies ----------------------------------------------------------------------------
 */

/* Lets a copy read what the copy before it reads. */
void fold_copy(Fuse *fuse, int n)
{
    Node *node = &fuse->graph->nodes[n];
    if (node->op != KERNEL_copy || node->n_inputs != 1)
        return;
    int tensor = node->inputs[0];
    const Node *from = fuse_producer(fuse, tensor);
    if (!from || from->op != KERNEL_copy || from->copy->n_parts != 1 ||
        fuse->n_readers[tensor] != 1 || fuse->named[tensor] || fuse->graph->tensors[tensor].keep ||
        fuse->boundary[fuse->graph->tensors[tensor].producer] != fuse->boundary[n])
        return;
    Copy *copy = NEW(fuse->arena, Copy);
    *copy = *node->copy;
    copy->parts = NEW_N(fuse->arena, CopyPart, copy->n_parts);
    for (int i = 0; i < copy->n_parts; i++)
        if (!copy_compose(&from->copy->parts[0], &node->copy->parts[i], &copy->parts[i]))
            return;
    fuse->gone[fuse->graph->tensors[tensor].producer] = true;
    node->inputs = ints(fuse->arena, 1, from->inputs);
    node->copy = copy;
    node->what = fuse_what(fuse->arena, from->what, node->what);
}
