/* Checks that a graph is what graph.h says it is. Always run after a stage, so that a mistake of
 * ours is reported where it was made. */
#include "graph/build.h"
#include "graph/shapes.h"

#include <stdlib.h>

typedef struct {
    Arena *arena;
    const Graph *graph;
    const Node *node;
    int n;
    int *taken_by; /* for each tensor: the node that takes its bytes, or -1 */
    bool *written;
    const char *error;
} Verify;

__attribute__((format(printf, 2, 3))) static void wrong(Verify *v, const char *format, ...)
{
    if (v->error)
        return;
    Text text = text_new(v->arena);
    if (v->node)
        text_printf(&text, "node %d (%s '%s'): ", v->n, op_row(v->node->op)->name,
                    v->node->name ? v->node->name : "");
    va_list args;
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    v->error = text.data;
}

static bool in_range(int i, int n)
{
    return i >= 0 && i < n;
}

static const Tensor *input_of(const Verify *v, int i)
{
    return &v->graph->tensors[v->node->inputs[i]];
}

static const Tensor *output_of(const Verify *v, int i)
{
    return &v->graph->tensors[v->node->outputs[i]];
}

/* --- tensors and instances
 * --------------------------------------------------------------------------- */

static void verify_tensors(Verify *v)
{
    const Graph *g = v->graph;
    Map *names = map_new(v->arena);
    for (int t = 0; t < g->n_tensors; t++) {
        const Tensor *tensor = &g->tensors[t];
        if (!tensor->name || !map_add(names, tensor->name, t))
            wrong(v, "tensor %d: the name '%s' is taken", t, tensor->name ? tensor->name : "");
        if (tensor->producer >= g->n_nodes || tensor->origin >= g->n_tensors ||
            !in_range(tensor->instance, g->n_instances))
            wrong(v, "tensor '%s': producer, origin or instance", tensor->name);
        for (int i = 0; i < tensor->shape.rank; i++)
            if (tensor->shape.size[i] < 1)
                wrong(v, "tensor '%s' has an axis of size 0", tensor->name);
        if (tensor->class == CLASS_parameter && tensor->producer < 0 &&
            !in_range(tensor->group, g->train.n_groups))
            wrong(v, "parameter '%s' is in no group", tensor->name);
    }
    for (int i = 0; i < g->n_instances; i++)
        if (i > 0 && !in_range(g->instances[i].parent, i))
            wrong(v, "instance %d comes before its parent", i);
}

/* --- what a node reads and writes
 * ---------------------------------------------------------------------- */

static void verify_edges(Verify *v)
{
    const Graph *g = v->graph;
    for (int i = 0; i < v->node->n_inputs; i++) {
        int t = v->node->inputs[i];
        if (t == SCALAR_INPUT && g->stage == STAGE_EXPANDED)
            continue;
        if (!in_range(t, g->n_tensors)) {
            wrong(v, "input %d is no tensor", i);
            return;
        }
        if (!v->written[t])
            wrong(v, "'%s' is read before it is written", g->tensors[t].name);
        if (v->taken_by[t] >= 0)
            wrong(v, "'%s' is read after its bytes were taken", g->tensors[t].name);
    }
    for (int i = 0; i < v->node->n_outputs; i++) {
        int t = v->node->outputs[i];
        if (!in_range(t, g->n_tensors) || g->tensors[t].producer != v->n || v->written[t]) {
            wrong(v, "output %d is no tensor of its own", i);
            return;
        }
        v->written[t] = true;
    }
    if (!in_range(v->node->instance, g->n_instances))
        wrong(v, "it belongs to no instance");
    if (v->node->forward >= v->n)
        wrong(v, "its forward node comes after it");
}

static void verify_takes(Verify *v)
{
    for (int i = 0; i < v->node->n_outputs; i++) {
        int position = v->node->takes ? v->node->takes[i] : -1;
        if (position == -1)
            continue;
        if (!in_range(position, v->node->n_inputs)) {
            wrong(v, "output %d takes input %d", i, position);
            return;
        }
        int t = v->node->inputs[position];
        const Tensor *from = &v->graph->tensors[t], *to = output_of(v, i);
        if (v->taken_by[t] >= 0 || from->dtype != to->dtype ||
            shape_count(&from->shape) != shape_count(&to->shape))
            wrong(v, "'%s' cannot take the bytes of '%s'", to->name, from->name);
        if (v->node->phase != PHASE_update && from->class == CLASS_parameter)
            wrong(v, "it overwrites the parameter '%s'", from->name);
        v->taken_by[t] = v->n;
    }
}

/* --- kernels
 * -------------------------------------------------------------------------------------------- */

static void verify_program(Verify *v)
{
    const Program *p = v->node->program;
    if (!p || p->n_inputs != v->node->n_inputs || p->n_outputs != v->node->n_outputs) {
        wrong(v, "its program has other inputs or outputs");
        return;
    }
    const char *error = program_verify(v->arena, p);
    if (error) {
        wrong(v, "%s", error);
        return;
    }
    for (int i = 0; i < p->n_inputs; i++) {
        int64_t n = shape_count(&p->inputs[i].as), has = shape_count(&input_of(v, i)->shape);
        int64_t offset = p->inputs[i].offset;
        if (offset < 0 || (offset == 0 && n != has && v->node->inputs[i] != v->graph->step) ||
            offset + n > has)
            wrong(v, "input '%s' has %lld elements, %lld are read from %lld on",
                  input_of(v, i)->name, (long long)has, (long long)n, (long long)offset);
    }
    for (int i = 0; i < p->n_outputs; i++)
        if (shape_count(&p->outputs[i].as) != shape_count(&output_of(v, i)->shape))
            wrong(v, "output '%s' has another shape", output_of(v, i)->name);
    if (program_is_reduce(p) != (v->node->op == KERNEL_reduce))
        wrong(v, "its program is for another kernel");
    if (p->accumulate_input >= 0 && v->node->takes[0] != p->accumulate_input)
        wrong(v, "it does not take the bytes that it adds to");
}

/* One more than the highest element that a batch of matrices reaches. */
static int64_t reach(const Matmul *m, const int64_t *step, int64_t rows, int64_t columns,
                     int64_t ld)
{
    int64_t end = (rows - 1) * ld + columns;
    for (int i = 0; i < MATMUL_BATCH; i++)
        end += (m->batch[i] - 1) * step[i];
    return end;
}

static void verify_matmul(Verify *v)
{
    const Matmul *m = v->node->matmul;
    if (!m || v->node->n_outputs != 1 || v->node->n_inputs != 2 + m->bias + m->accumulate) {
        wrong(v, "a matmul of %d inputs", v->node->n_inputs);
        return;
    }
    int64_t a = m->transpose_a ? reach(m, m->step_a, m->k, m->m, m->lda)
                               : reach(m, m->step_a, m->m, m->k, m->lda);
    int64_t b = m->transpose_b ? reach(m, m->step_b, m->n, m->k, m->ldb)
                               : reach(m, m->step_b, m->k, m->n, m->ldb);
    int64_t c = reach(m, m->step_c, m->m, m->n, m->ldc);
    if (a > shape_count(&input_of(v, 0)->shape) || b > shape_count(&input_of(v, 1)->shape) ||
        c > shape_count(&output_of(v, 0)->shape))
        wrong(v, "it reaches beyond its tensors");
    if (input_of(v, 0)->dtype != input_of(v, 1)->dtype)
        wrong(v, "its factors differ in precision");
    if (m->bias && shape_count(&input_of(v, 2)->shape) != m->n)
        wrong(v, "its bias has another length");
    if (m->accumulate && (!v->node->takes || v->node->takes[0] != v->node->n_inputs - 1))
        wrong(v, "it does not take the bytes that it adds to");
}

static void verify_copy(Verify *v)
{
    const Copy *c = v->node->copy;
    int sources = c ? v->node->n_inputs - c->accumulate : 0;
    if (!c || (sources != c->n_parts && sources != 1) ||
        (v->node->n_outputs != c->n_parts && v->node->n_outputs != 1)) {
        wrong(v, "a copy of other parts");
        return;
    }
    for (int i = 0; i < c->n_parts; i++) {
        const CopyPart *part = &c->parts[i];
        int64_t from = part->offset_from, to = part->offset_to;
        for (int axis = 0; axis < COPY_RANK; axis++) {
            from += (part->size[axis] - 1) * part->step_from[axis];
            to += (part->size[axis] - 1) * part->step_to[axis];
        }
        if (from >= shape_count(&input_of(v, sources == 1 ? 0 : i)->shape) ||
            to >= shape_count(&output_of(v, v->node->n_outputs == 1 ? 0 : i)->shape))
            wrong(v, "part %d reaches beyond its tensors", i);
        if (input_of(v, sources == 1 ? 0 : i)->dtype !=
            output_of(v, v->node->n_outputs == 1 ? 0 : i)->dtype)
            wrong(v, "part %d changes precision", i);
    }
}

static void verify_embedding(Verify *v)
{
    bool back = v->node->op == KERNEL_embedding_backward;
    if (v->node->n_inputs != 2 + v->node->accumulate || v->node->n_outputs != 1) {
        wrong(v, "an embedding of %d inputs", v->node->n_inputs);
        return;
    }
    const Tensor *ids = input_of(v, 0), *table = back ? output_of(v, 0) : input_of(v, 1);
    const Tensor *rows = back ? input_of(v, 1) : output_of(v, 0);
    if (ids->dtype != DT_i32 || table->dtype != rows->dtype || table->shape.rank != 2 ||
        shape_count(&rows->shape) != shape_count(&ids->shape) * table->shape.size[1])
        wrong(v, "its shapes do not fit");
}

/* --- operators as the user wrote them
 * ---------------------------------------------------------------------- */

static void verify_operator(Verify *v)
{
    const Operator *row = op_row(v->node->op);
    int n = v->node->n_inputs, n_operands = op_operands(row);
    if (row->params[0].variadic)
        n_operands = n;
    if (n > n_operands) {
        wrong(v, "%d inputs", n);
        return;
    }
    Operand *operands = NEW_N(v->arena, Operand, n_operands + 1);
    for (int i = 0; i < n; i++) {
        int t = v->node->inputs[i];
        operands[i] = (Operand){.given = true, .scalar = t == SCALAR_INPUT, .dtype = DT_f32};
        if (t != SCALAR_INPUT) {
            operands[i].shape = v->graph->tensors[t].shape;
            operands[i].dtype = v->graph->tensors[t].dtype;
        }
    }
    OpShapes shapes =
        op_infer(v->arena, v->node->op, operands, n_operands, v->node->attrs, v->node->n_outputs);
    for (int i = 0; i < shapes.n_parameters; i++)
        if (!shapes.error && shapes.parameters[i].position >= n)
            wrong(v, "no %s", shapes.parameters[i].name);
    if (shapes.error) {
        wrong(v, "%s", shapes.error);
        return;
    }
    for (int i = 0; i < v->node->n_outputs; i++)
        if (!shape_equal(&shapes.outputs[i].shape, &output_of(v, i)->shape))
            wrong(v, "output %d has shape %s, not %s", i,
                  shape_text(v->arena, &output_of(v, i)->shape),
                  shape_text(v->arena, &shapes.outputs[i].shape));
}

static void verify_node(Verify *v)
{
    bool kernel = op_row(v->node->op)->group == OP_IS_KERNEL;
    verify_edges(v);
    if (v->error)
        return;
    verify_takes(v);
    if (kernel != (v->graph->stage != STAGE_EXPANDED))
        wrong(v, "an operation of another stage");
    if (v->graph->stage == STAGE_FUSED && v->node->phase != PHASE_forward)
        wrong(v, "a backward node before differentiation");
    if (v->error)
        return;
    switch (v->node->op) {
    case KERNEL_fused:
    case KERNEL_reduce: verify_program(v); break;
    case KERNEL_matmul: verify_matmul(v); break;
    case KERNEL_copy: verify_copy(v); break;
    case KERNEL_embedding:
    case KERNEL_embedding_backward: verify_embedding(v); break;
    default: verify_operator(v); break;
    }
}

static void verify_names(Verify *v)
{
    const Graph *g = v->graph;
    for (int i = 0; i < g->n_losses + g->n_outputs; i++) {
        const Named *named = i < g->n_losses ? &g->losses[i] : &g->outputs[i - g->n_losses];
        if (!in_range(named->tensor, g->n_tensors)) {
            wrong(v, "'%s' is no tensor", named->name);
            return;
        }
        const Tensor *tensor = &g->tensors[named->tensor];
        if (i < g->n_losses && tensor->shape.rank != 0)
            wrong(v, "the loss '%s' is no scalar", named->name);
        if (g->stage != STAGE_EXPANDED && tensor->class != CLASS_output)
            wrong(v, "'%s' is not of class output", named->name);
    }
}

const char *graph_verify(Arena *arena, const Graph *graph)
{
    size_t n = (size_t)graph->n_tensors;
    Verify v = {.arena = arena,
                .graph = graph,
                .taken_by = xcalloc(n, sizeof(int)),
                .written = xcalloc(n, sizeof(bool))};
    for (size_t t = 0; t < n; t++) {
        v.taken_by[t] = -1;
        v.written[t] = graph->tensors[t].producer < 0;
    }
    if (graph->n_instances < 1)
        wrong(&v, "no instance");
    verify_tensors(&v);
    for (int i = 0; i < graph->n_nodes && !v.error; i++) {
        v.n = i;
        v.node = &graph->nodes[i];
        verify_node(&v);
    }
    v.node = NULL;
    verify_names(&v);
    free(v.taken_by);
    free(v.written);
    return v.error;
}
