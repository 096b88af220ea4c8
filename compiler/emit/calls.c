/* Turns the steps of a plan into calls: a function, a table of its sizes, and operands. */
#include "emit/calls.h"

#include "emit/axes.h"

#include <string.h>

typedef struct {
    Arena *arena;
    const Emission *emission;
    Names *names;
    Calls *calls;
    Map *shape_numbers; /* text of a table: its number */
    ARRAY(const char *) shape_names;
    Text shapes;
    int step;
    const Node *node;
} Maker;

/* ---- operands
 * --------------------------------------------------------------------------------------- */

static int find_life(const Timeline *timeline, const int *lives, int n, int value)
{
    for (int i = 0; i < n; i++)
        if (timeline->lives[lives[i]].value == value)
            return lives[i];
    bug("a step has no life of value %d", value);
}

static CallOperand input_operand(const Maker *maker, int position)
{
    const Emission *e = maker->emission;
    const ProblemNode *node = &e->problem->nodes[e->plan->sequence[maker->step]];
    return (CallOperand){.kind = OPERAND_TENSOR,
                         .life = find_life(e->timeline, e->timeline->step_reads[maker->step],
                                           node->n_reads, maker->node->inputs[position])};
}

static CallOperand output_operand(const Maker *maker, int position)
{
    const Emission *e = maker->emission;
    const ProblemNode *node = &e->problem->nodes[e->plan->sequence[maker->step]];
    return (CallOperand){.kind = OPERAND_TENSOR,
                         .life = find_life(e->timeline, e->timeline->step_writes[maker->step],
                                           node->n_writes, maker->node->outputs[position])};
}

static Dtype input_dtype(const Maker *maker, int position)
{
    return maker->emission->graph->tensors[maker->node->inputs[position]].dtype;
}

static Dtype output_dtype(const Maker *maker, int position)
{
    return maker->emission->graph->tensors[maker->node->outputs[position]].dtype;
}

/* What is passed for input i of a program: one of the step's numbers is at a fixed place. */
static CallOperand program_operand(const Maker *maker, int i)
{
    const size_t plus =
        (size_t)maker->node->program->inputs[i].offset * dtype_bytes(input_dtype(maker, i));
    if (maker->node->inputs[i] == maker->emission->graph->step)
        return (CallOperand){.kind = OPERAND_STEP, .plus = plus};
    CallOperand operand = input_operand(maker, i);
    operand.plus = plus;
    return operand;
}

/* Output i; where it must take an input's bytes it is passed as that input. */
static CallOperand result_operand(const Maker *maker, int i)
{
    const int taken = maker->node->takes ? maker->node->takes[i] : -1;
    return taken >= 0 && !program_is_reduce(maker->node->program) ? program_operand(maker, taken)
                                                                  : output_operand(maker, i);
}

static Call *add_call(Maker *maker, const char *function, const char *shape)
{
    Call call = {.step = maker->step, .function = function, .shape = shape};
    PUSH(maker->arena, *maker->calls, call);
    return &maker->calls->data[maker->calls->n - 1];
}

static void add_operand(Maker *maker, Call *call, CallOperand operand)
{
    PUSH(maker->arena, call->operands, operand);
}

/* ---- tables of sizes
 * ------------------------------------------------------------------------------- */

static const char *runtime_dtype(Dtype dtype)
{
    static const char *const names[] = {[DT_f32] = "RT_F32",
                                        [DT_bf16] = "RT_BF16",
                                        [DT_f64] = "RT_F64",
                                        [DT_i32] = "RT_I32",
                                        [DT_bool] = "RT_BOOL"};
    return names[dtype];
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static const char *list_text(Arena *arena, const int64_t *numbers, int n)
{
    Text out = text_new(arena);
    text_printf(&out, "{");
    for (int i = 0; i < n; i++)
        text_printf(&out, "%s%lld", i ? ", " : "", (long long)numbers[i]);
    text_printf(&out, "}");
    return out.data;
}

/* The name of the table with that content; defined at the first use. */
static const char *shape_name(Maker *maker, const char *type, const char *wanted, const char *body)
{
    const char *key = arena_printf(maker->arena, "%s %s", type, body);
    int number = map_get(maker->shape_numbers, key);
    if (number >= 0 && maker->shape_names.data)
        return maker->shape_names.data[number];
    const char *name = names_new_one(maker->names, wanted);
    map_add(maker->shape_numbers, key, maker->shape_names.n);
    PUSH(maker->arena, maker->shape_names, name);
    text_printf(&maker->shapes, "static const %s %s = {%s};\n", type, name, body);
    return name;
}

static const char *matmul_shape(Maker *maker)
{
    const Matmul *s = maker->node->matmul;
    Arena *a = maker->arena;
    const char *body = arena_printf(
        a,
        "%s, %s, %s, %s, %lld, %lld, %lld, %s, %s, %s,\n"
        "    %lld, %lld, %lld, %s, %s, %s, %s, %.17g",
        runtime_dtype(input_dtype(maker, 0)), runtime_dtype(input_dtype(maker, 1)),
        runtime_dtype(s->bias ? input_dtype(maker, 2) : output_dtype(maker, 0)),
        runtime_dtype(output_dtype(maker, 0)), (long long)s->m, (long long)s->n, (long long)s->k,
        truth(s->transpose_a), truth(s->transpose_b), truth(s->accumulate), (long long)s->lda,
        (long long)s->ldb, (long long)s->ldc, list_text(a, s->batch, MATMUL_BATCH),
        list_text(a, s->step_a, MATMUL_BATCH), list_text(a, s->step_b, MATMUL_BATCH),
        list_text(a, s->step_c, MATMUL_BATCH), s->alpha);
    const char *wanted = arena_printf(a, "product_%lld_%lld_%lld", (long long)s->m, (long long)s->n,
                                      (long long)s->k);
    return shape_name(maker, "MatmulShape", wanted, body);
}

static const char *embedding_shape(Maker *maker, const Tensor *table, const Tensor *rows,
                                   const Tensor *ids)
{
    const long long width = (long long)table->shape.size[1],
                    vocab = (long long)table->shape.size[0];
    const long long n = (long long)shape_count(&ids->shape);
    const char *body =
        arena_printf(maker->arena, "%s, %s, %lld, %lld, %lld, %s", runtime_dtype(table->dtype),
                     runtime_dtype(rows->dtype), n, width, vocab, truth(maker->node->accumulate));
    return shape_name(maker, "EmbeddingShape",
                      arena_printf(maker->arena, "rows_%lld_of_%lld", n, vocab), body);
}

static const char *copy_shape(Maker *maker, int part)
{
    const Copy *copy = maker->node->copy;
    const CopyPart *p = &copy->parts[part];
    const Tensor *out = &maker->emission->graph
                             ->tensors[maker->node->outputs[maker->node->n_outputs > 1 ? part : 0]];
    size_t zero = copy->zero_first && part == 0
                      ? (size_t)shape_count(&out->shape) * dtype_bytes(out->dtype)
                      : 0;
    Arena *a = maker->arena;
    const char *body = arena_printf(
        a, "%s, %s, %s, %zu,\n    %s, %s, %s, %lld, %lld", runtime_dtype(out->dtype),
        truth(copy->accumulate), truth(part + 1 < copy->n_parts), zero,
        list_text(a, p->size, COPY_RANK), list_text(a, p->step_to, COPY_RANK),
        list_text(a, p->step_from, COPY_RANK), (long long)p->offset_to, (long long)p->offset_from);
    Text wanted = text_new(a);
    text_printf(&wanted, "box");
    for (int axis = 0; axis < COPY_RANK; axis++)
        if (p->size[axis] > 1)
            text_printf(&wanted, "_%lld", (long long)p->size[axis]);
    return shape_name(maker, "CopyShape", wanted.data, body);
}

/* ---- one function a kernel row
 * --------------------------------------------------------------------- */

static void call_program(Maker *maker)
{
    const Node *node = maker->node;
    const Program *program = node->program;
    const Kernel *kernel =
        kernels_call(maker->calls->kernels, (int)(node - maker->emission->graph->nodes));
    const char *sizes = maker->emission->target->lanes ? lanes_sizes(maker->arena, program) : "";
    Call *call = add_call(maker, arena_printf(maker->arena, "%s%s", kernel->name, sizes), NULL);
    for (int i = 0; i < node->n_inputs; i++)
        if (kernels_source(node, i) < 0)
            add_operand(maker, call, program_operand(maker, i));
    for (int i = 0; i < node->n_outputs; i++)
        add_operand(maker, call, result_operand(maker, i));
    const Axes axes = axes_of(maker->arena, program);
    for (int axis = 0; axis <= axes.n && !maker->emission->target->lanes; axis++)
        add_operand(maker, call,
                    (CallOperand){.kind = OPERAND_SIZE,
                                  .size = axis < axes.n ? axes.size[axis] : axes.columns});
    for (int i = 0; i < program->n_constants; i++)
        if (kernel->varies[i])
            add_operand(maker, call,
                        (CallOperand){.kind = OPERAND_CONSTANT, .constant = program->constants[i]});
    for (int i = 0; i < program->n_streams; i++)
        add_operand(maker, call,
                    (CallOperand){.kind = OPERAND_STREAM, .stream = program->streams[i]});
    if (program_is_random(program))
        add_operand(maker, call, (CallOperand){.kind = OPERAND_STEP});
}

static void call_fused(Maker *maker)
{
    call_program(maker);
}

static void call_reduce(Maker *maker)
{
    call_program(maker);
}

static void call_matmul(Maker *maker)
{
    Call *call = add_call(maker, "matmul", matmul_shape(maker));
    add_operand(maker, call, input_operand(maker, 0));
    add_operand(maker, call, input_operand(maker, 1));
    add_operand(maker, call,
                maker->node->matmul->bias ? input_operand(maker, 2)
                                          : (CallOperand){.kind = OPERAND_NONE});
    add_operand(maker, call, output_operand(maker, 0));
}

/* The ids among the first two inputs: the tensor of integers. */
static int ids_position(const Maker *maker)
{
    return input_dtype(maker, 0) == DT_i32 ? 0 : 1;
}

static void call_embedding(Maker *maker)
{
    const Tensor *tensors = maker->emission->graph->tensors;
    const Node *node = maker->node;
    const int ids = ids_position(maker);
    Call *call = add_call(maker, "embedding",
                          embedding_shape(maker, &tensors[node->inputs[1 - ids]],
                                          &tensors[node->outputs[0]], &tensors[node->inputs[ids]]));
    add_operand(maker, call, input_operand(maker, ids));
    add_operand(maker, call, input_operand(maker, 1 - ids));
    add_operand(maker, call, output_operand(maker, 0));
}

static void call_embedding_backward(Maker *maker)
{
    const Tensor *tensors = maker->emission->graph->tensors;
    const Node *node = maker->node;
    const int ids = ids_position(maker);
    Call *call =
        add_call(maker, "embedding_backward",
                 embedding_shape(maker, &tensors[node->outputs[0]], &tensors[node->inputs[1 - ids]],
                                 &tensors[node->inputs[ids]]));
    add_operand(maker, call, input_operand(maker, ids));
    add_operand(maker, call, input_operand(maker, 1 - ids));
    add_operand(maker, call, output_operand(maker, 0));
}

static void call_copy(Maker *maker)
{
    const Node *node = maker->node;
    const int n_sources = node->n_inputs - (node->copy->accumulate ? 1 : 0);
    for (int part = 0; part < node->copy->n_parts; part++) {
        Call *call = add_call(maker, "copy", copy_shape(maker, part));
        add_operand(maker, call, input_operand(maker, n_sources > 1 ? part : 0));
        add_operand(maker, call, output_operand(maker, node->n_outputs > 1 ? part : 0));
    }
}

static void call_workspace(Maker *maker)
{
    const Emission *e = maker->emission;
    const size_t bytes = e->problem->nodes[e->plan->sequence[maker->step]].workspace_bytes;
    if (!e->target->lanes || bytes == 0)
        return;
    Call *call = add_call(maker, "use_workspace", NULL);
    add_operand(maker, call, (CallOperand){.kind = OPERAND_WORKSPACE, .life = maker->step});
    add_operand(maker, call, (CallOperand){.kind = OPERAND_CONSTANT, .constant = (double)bytes});
}

/* A kernel row without its function here does not link. */
static void call_node(Maker *maker)
{
    call_workspace(maker);
    switch (maker->node->op) {
#define ELEMENTWISE(name, signature, value, by_a, by_b, help)
#define OPERATOR(name, signature, help)
#define KERNEL(name, help)                                                                         \
    case KERNEL_##name:                                                                            \
        call_##name(maker);                                                                        \
        break;
#include "graph/ops.def"
#undef ELEMENTWISE
#undef OPERATOR
#undef KERNEL
    default: bug("'%s' is no kernel", op_row(maker->node->op)->name);
    }
}

Calls *calls_of(Arena *arena, const Emission *emission, Names *names)
{
    Maker maker = {.arena = arena, .emission = emission, .names = names};
    maker.calls = NEW(arena, Calls);
    maker.calls->kernels = kernels_new(arena, emission->target, emission->graph, names);
    maker.shape_numbers = map_new(arena);
    maker.shapes = text_new(arena);
    for (int step = 0; step < emission->plan->n_steps; step++) {
        maker.step = step;
        maker.node = &emission->graph->nodes[emission->plan->sequence[step]];
        call_node(&maker);
    }
    maker.calls->shapes = maker.shapes.data;
    return maker.calls;
}
