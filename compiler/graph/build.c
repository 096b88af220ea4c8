/* Appending to a graph's arrays, and the shapes of operands inside a domain. */
#include "graph/build.h"

#include <stdlib.h>
#include <string.h>

int graph_add_tensor(Arena *arena, Graph *graph, Tensor tensor)
{
    graph->tensors = array_room(arena, graph->tensors, graph->n_tensors, sizeof tensor);
    graph->tensors[graph->n_tensors] = tensor;
    return graph->n_tensors++;
}

int graph_add_node(Arena *arena, Graph *graph, Node node)
{
    graph->nodes = array_room(arena, graph->nodes, graph->n_nodes, sizeof node);
    graph->nodes[graph->n_nodes] = node;
    return graph->n_nodes++;
}

int graph_add_instance(Arena *arena, Graph *graph, Instance instance)
{
    graph->instances = array_room(arena, graph->instances, graph->n_instances, sizeof instance);
    graph->instances[graph->n_instances] = instance;
    return graph->n_instances++;
}

int *ints(Arena *arena, int n, const int *values)
{
    int *copy = NEW_N(arena, int, n ? n : 1);
    if (n)
        memcpy(copy, values, (size_t)n * sizeof *copy);
    return copy;
}

int *nones(Arena *arena, int n)
{
    int *result = NEW_N(arena, int, n ? n : 1);
    for (int i = 0; i < n; i++)
        result[i] = -1;
    return result;
}

Tensor tensor_default(const char *name, Shape shape, Dtype dtype, TensorClass class)
{
    return (Tensor){.name = name,
                    .shape = shape,
                    .dtype = dtype,
                    .class = class,
                    .producer = -1,
                    .origin = -1,
                    .span = NO_SPAN};
}

Shape shape_widened(const Shape *shape, int rank)
{
    Shape wide = {.rank = rank > 0 ? rank : 1};
    int ahead = wide.rank - shape->rank;
    for (int i = 0; i < wide.rank; i++)
        wide.size[i] = i < ahead ? 1 : shape->size[i - ahead];
    return wide;
}

Shape shape_rows(const Shape *shape)
{
    Shape rows = *shape;
    rows.size[rows.rank - 1] = 1;
    return rows;
}

Reading reading_begin(Arena *arena, const Shape *domain)
{
    return (Reading){.b = program_begin(arena, domain)};
}

int reading_tensor(Reading *reading, int tensor, const Shape *as, int64_t offset)
{
    const Program *p = reading->b.program;
    for (int i = 0; i < p->n_instrs; i++) {
        int slot = p->instrs[i].slot;
        if (p->instrs[i].kind == INSTR_INPUT && reading->tensors[slot] == tensor &&
            p->inputs[slot].offset == offset && shape_equal(&p->inputs[slot].as, as))
            return i;
    }
    reading->tensors =
        array_room(reading->b.arena, reading->tensors, reading->n_tensors, sizeof(int));
    reading->tensors[reading->n_tensors++] = tensor;
    return program_input(&reading->b, as, offset);
}

Program *reading_finish(Reading *reading, int **inputs)
{
    int *kept = xcalloc((size_t)reading->n_tensors, sizeof *kept);
    Program *program = program_finish(&reading->b, kept);
    *inputs = nones(reading->b.arena, program->n_inputs);
    for (int i = 0; i < program->n_inputs; i++)
        (*inputs)[i] = reading->tensors[kept[i]];
    free(kept);
    return program;
}

int instance_boundary(const Graph *graph, int instance)
{
    while (instance > 0 && !graph->instances[instance].checkpoint &&
           graph->instances[instance].index < 0)
        instance = graph->instances[instance].parent;
    return instance;
}
