/* The text form of a graph. Printing and reading are the same walk over the fields (form.h), so
 * that they cannot disagree. */
#include "graph/build.h"
#include "graph/form.h"

/* --- names of kinds
 * --------------------------------------------------------------------------------------- */

static const char *name_of_dtype(int i)
{
    return dtype_name((Dtype)i);
}

static const char *name_of_class(int i)
{
    return class_name((TensorClass)i);
}

static const char *name_of_phase(int i)
{
    return phase_name((Phase)i);
}

/* Operators, or kernels, whose names may be the same. */
static const char *name_of_op(int i)
{
    const Operator *row = op_row((OpKind)i);
    return row->group == OP_IS_KERNEL ? "" : row->name;
}

static const char *name_of_kernel(int i)
{
    return op_row((OpKind)(i + KERNEL_fused))->name;
}

static const char *name_of_instr(int i)
{
    static const char *const names[] = {"input",  "constant", "element", "random",
                                        "column", "position", "row_sum", "row_max"};
    return names[i];
}

static const char *name_of_part(int i)
{
    static const char *const names[] = {"value", "by_a", "by_b"};
    return names[i];
}

static const char *name_of_stage(int i)
{
    static const char *const names[] = {"expanded", "fused", "training"};
    return names[i];
}

static void space(Form *form)
{
    if (!form_reading(form))
        text_printf(form->out, " ");
}

static OpKind form_op(Form *form, OpKind op, bool kernel)
{
    if (kernel)
        return (OpKind)(KERNEL_fused + form_name(form, (int)op - (int)KERNEL_fused,
                                                 N_OPS - (int)KERNEL_fused, name_of_kernel));
    if (!form_reading(form)) {
        text_printf(form->out, "%s", op_row(op)->name);
        return op;
    }
    for (int i = 0; i < (int)KERNEL_fused; i++)
        if (form_accept(form, name_of_op(i)))
            return (OpKind)i;
    form_expected(form, "an operator");
    return OP_add;
}

/* --- programs
 * -----------------------------------------------------------------------------------------------
 */

static void form_instr(Form *form, Instr *instr)
{
    static const char *const keys[N_ARGS] = {"a", "b", "g", "y", "u", "p"};
    space(form);
    instr->kind = (InstrKind)form_name(form, (int)instr->kind, INSTR_ROW_MAX + 1, name_of_instr);
    if (instr->kind == INSTR_ELEMENT) {
        space(form);
        instr->op = form_op(form, instr->op, false);
        space(form);
        instr->part = (OpPart)form_name(form, (int)instr->part, N_PARTS, name_of_part);
    }
    form_int(form, "slot", &instr->slot, 0);
    for (int i = 0; i < N_ARGS; i++)
        form_int(form, keys[i], &instr->arg[i], -1);
    form_bool(form, "per_row", &instr->per_row);
}

static void form_streams(Form *form, Program *p)
{
    bool print = !form_reading(form);
    int64_t *streams = print ? NEW_N(form->arena, int64_t, p->n_streams + 1) : NULL;
    for (int i = 0; print && i < p->n_streams; i++)
        streams[i] = p->streams[i];
    form_longs(form, "streams", &streams, &p->n_streams);
    if (!form_reading(form))
        return;
    p->streams = NEW_N(form->arena, uint32_t, p->n_streams + 1);
    for (int i = 0; streams && i < p->n_streams; i++)
        p->streams[i] = (uint32_t)streams[i];
}

static void form_program(Form *form, Program *p)
{
    if (!form_reading(form) && p->n_outputs > 0)
        text_printf(form->out, "\n# %s", program_text(form->arena, p));
    form_one(form, "program");
    form_shape(form, "domain", &p->domain);
    form_int(form, "accumulate", &p->accumulate_input, -1);
    form_doubles(form, "constants", &p->constants, &p->n_constants);
    form_streams(form, p);
    for (int i = 0; form_record(form, "in", i, p->n_inputs); i++) {
        if (form_reading(form))
            p->inputs = array_room(form->arena, p->inputs, p->n_inputs++, sizeof *p->inputs);
        form_shape(form, "as", &p->inputs[i].as);
        form_long(form, "offset", &p->inputs[i].offset, 0);
    }
    for (int i = 0; form_record(form, "instr", i, p->n_instrs); i++) {
        if (form_reading(form))
            p->instrs = array_room(form->arena, p->instrs, p->n_instrs++, sizeof *p->instrs);
        form_instr(form, &p->instrs[i]);
    }
    for (int i = 0; form_record(form, "out", i, p->n_outputs); i++) {
        if (form_reading(form))
            p->outputs = array_room(form->arena, p->outputs, p->n_outputs++, sizeof *p->outputs);
        form_int(form, "instr", &p->outputs[i].instr, -1);
        form_shape(form, "as", &p->outputs[i].as);
    }
}

static void form_matmul(Form *form, Matmul *m)
{
    form_one(form, "product");
    form_long(form, "m", &m->m, 0);
    form_long(form, "n", &m->n, 0);
    form_long(form, "k", &m->k, 0);
    form_bool(form, "transpose_a", &m->transpose_a);
    form_bool(form, "transpose_b", &m->transpose_b);
    form_long(form, "lda", &m->lda, 0);
    form_long(form, "ldb", &m->ldb, 0);
    form_long(form, "ldc", &m->ldc, 0);
    form_array(form, "batch", m->batch, MATMUL_BATCH);
    form_array(form, "step_a", m->step_a, MATMUL_BATCH);
    form_array(form, "step_b", m->step_b, MATMUL_BATCH);
    form_array(form, "step_c", m->step_c, MATMUL_BATCH);
    form_double(form, "alpha", &m->alpha, 1);
    form_bool(form, "bias", &m->bias);
    form_bool(form, "accumulate", &m->accumulate);
}

static void form_copy(Form *form, Copy *copy)
{
    form_one(form, "move");
    form_bool(form, "zero_first", &copy->zero_first);
    form_bool(form, "accumulate", &copy->accumulate);
    for (int i = 0; form_record(form, "part", i, copy->n_parts); i++) {
        if (form_reading(form))
            copy->parts =
                array_room(form->arena, copy->parts, copy->n_parts++, sizeof *copy->parts);
        CopyPart *part = &copy->parts[i];
        form_array(form, "size", part->size, COPY_RANK);
        form_array(form, "step_to", part->step_to, COPY_RANK);
        form_array(form, "step_from", part->step_from, COPY_RANK);
        form_long(form, "offset_to", &part->offset_to, 0);
        form_long(form, "offset_from", &part->offset_from, 0);
    }
}

/* --- nodes, tensors, instances
 * ---------------------------------------------------------------------------------- */

static void form_attrs(Form *form, Node *node)
{
    int n = op_row(node->op)->n_params;
    Attr *attrs = NEW_N(form->arena, Attr, n + 1);
    for (int i = 0; !form_reading(form) && node->attrs && i < n; i++)
        attrs[i] = node->attrs[i];
    for (int i = 0; i < n; i++) {
        if (form_reading(form) && !form_accept(form, "attr"))
            break;
        if (!form_reading(form))
            text_printf(form->out, "\nattr");
        form_bool(form, "given", &attrs[i].given);
        form_long(form, "i", &attrs[i].i, 0);
        form_double(form, "f", &attrs[i].f, 0);
        form_text(form, "word", &attrs[i].word);
        form_longs(form, "list", &attrs[i].list, &attrs[i].n_list);
    }
    node->attrs = attrs;
}

static void form_scalars(Form *form, Node *node)
{
    int n = form_reading(form) || !node->scalars ? 0 : node->n_inputs;
    double *scalars = NULL;
    for (int i = 0; i < n; i++) {
        scalars = array_room(form->arena, scalars, i, sizeof *scalars);
        scalars[i] = node->scalars[i];
    }
    form_doubles(form, "scalars", &scalars, &n);
    if (form_reading(form) && n != 0 && n != node->n_inputs)
        form_expected(form, "as many scalars as inputs");
    node->scalars = n ? scalars : NEW_N(form->arena, double, node->n_inputs + 1);
}

static void form_detail(Form *form, Node *node)
{
    Program *program = form_reading(form) ? NEW(form->arena, Program) : (Program *)node->program;
    Matmul *matmul = form_reading(form) ? NEW(form->arena, Matmul) : (Matmul *)node->matmul;
    Copy *copy = form_reading(form) ? NEW(form->arena, Copy) : (Copy *)node->copy;
    int detail = program ? 0 : matmul ? 1 : copy ? 2 : 3;
    if (form_reading(form)) {
        int at = form->at;
        detail = form_accept(form, "program")   ? 0
                 : form_accept(form, "product") ? 1
                 : form_accept(form, "move")    ? 2
                                                : 3;
        form->at = form->failed ? form->at : at;
    }
    if (form_reading(form)) {
        node->program = detail == 0 ? program : NULL;
        node->matmul = detail == 1 ? matmul : NULL;
        node->copy = detail == 2 ? copy : NULL;
    }
    if (detail == 0 && program)
        form_program(form, program);
    if (detail == 1 && matmul)
        form_matmul(form, matmul);
    if (detail == 2 && copy)
        form_copy(form, copy);
}

static void form_node(Form *form, Node *node, bool kernel)
{
    int stream = (int)node->stream, n_takes = node->n_outputs;
    space(form);
    node->op = form_op(form, node->op, kernel);
    space(form);
    node->phase = (Phase)form_name(form, (int)node->phase, PHASE_update + 1, name_of_phase);
    form_text(form, "name", &node->name);
    form_text(form, "what", &node->what);
    form_ints(form, "inputs", &node->inputs, &node->n_inputs);
    form_ints(form, "outputs", &node->outputs, &node->n_outputs);
    if (!form_reading(form) && !node->takes)
        node->takes = nones(form->arena, n_takes);
    form_ints(form, "takes", &node->takes, &n_takes);
    if (form_reading(form) && n_takes != node->n_outputs)
        form_expected(form, "as many takes as outputs");
    form_bool(form, "accumulate", &node->accumulate);
    form_bool(form, "replayable", &node->replayable);
    form_int(form, "forward", &node->forward, -1);
    form_int(form, "instance", &node->instance, 0);
    form_int(form, "stream", &stream, 0);
    node->stream = (uint32_t)stream;
    form_span(form, &node->span);
    if (!kernel)
        form_scalars(form, node);
    if (!kernel)
        form_attrs(form, node);
    form_detail(form, node);
}

static void form_tensor(Form *form, Tensor *tensor)
{
    int init = (int)tensor->init.kind;
    form_text(form, "name", &tensor->name);
    form_shape(form, "shape", &tensor->shape);
    space(form);
    tensor->dtype = (Dtype)form_name(form, (int)tensor->dtype, N_DTYPES, name_of_dtype);
    space(form);
    tensor->class = (TensorClass)form_name(form, (int)tensor->class, N_CLASSES, name_of_class);
    form_int(form, "producer", &tensor->producer, -1);
    form_int(form, "origin", &tensor->origin, -1);
    form_int(form, "group", &tensor->group, 0);
    form_int(form, "instance", &tensor->instance, 0);
    form_long(form, "classes", &tensor->classes, 0);
    form_bool(form, "keep", &tensor->keep);
    form_int(form, "init", &init, 0);
    tensor->init.kind = init >= 0 && init <= INIT_UNIFORM ? (InitKind)init : INIT_NONE;
    form_double(form, "init_a", &tensor->init.a, 0);
    form_double(form, "init_b", &tensor->init.b, 0);
    form_span(form, &tensor->span);
}

static void form_instance(Form *form, Instance *instance)
{
    form_text(form, "path", &instance->path);
    form_text(form, "module", &instance->module);
    form_int(form, "parent", &instance->parent, -1);
    form_int(form, "index", &instance->index, -1);
    form_bool(form, "checkpoint", &instance->checkpoint);
    form_int(form, "type", &instance->type, 0);
    form_span(form, &instance->span);
}

/* --- how it is trained
 * --------------------------------------------------------------------------------------- */

static void form_group(Form *form, Group *group)
{
    Hyper *hyper = &group->hyper;
    form_double(form, "lr", &hyper->lr, 0);
    form_double(form, "momentum", &hyper->momentum, 0);
    form_double(form, "weight_decay", &hyper->weight_decay, 0);
    form_double(form, "beta1", &hyper->beta1, 0);
    form_double(form, "beta2", &hyper->beta2, 0);
    form_double(form, "eps", &hyper->eps, 0);
    form_bool(form, "nesterov", &hyper->nesterov);
    form_span(form, &group->span);
    for (int i = 0; form_record(form, "pattern", i, group->n_patterns); i++) {
        if (form_reading(form))
            group->patterns =
                array_room(form->arena, group->patterns, group->n_patterns++, sizeof(char *));
        form_text(form, "text", &group->patterns[i]);
        if (form_reading(form) && !group->patterns[i])
            form_expected(form, "text=");
    }
}

static void form_option(Form *form, DataOption *option)
{
    form_text(form, "name", &option->name);
    form_text(form, "text", &option->text);
    form_double(form, "number", &option->number, 0);
    form_bool(form, "constant", &option->constant);
}

static void form_train(Form *form, Train *train)
{
    int schedule = (int)train->schedule.kind, clip = (int)train->clip.kind;
    int64_t seed = (int64_t)train->seed, budget = (int64_t)train->budget_bytes;
    form_one(form, "train");
    form_text(form, "optimizer", &train->optimizer);
    form_int(form, "schedule", &schedule, 0);
    form_double(form, "to", &train->schedule.to, 0);
    form_long(form, "schedule_steps", &train->schedule.steps, 0);
    form_long(form, "warmup", &train->schedule.warmup, 0);
    form_int(form, "clip", &clip, 0);
    form_double(form, "max", &train->clip.max, 0);
    form_text(form, "data", &train->data.source);
    form_long(form, "steps", &train->steps, 0);
    form_long(form, "seed", &seed, 0);
    space(form);
    train->precision = (Dtype)form_name(form, (int)train->precision, N_DTYPES, name_of_dtype);
    form_bool(form, "has_budget", &train->has_budget);
    form_long(form, "budget", &budget, 0);
    form_span(form, &train->span);
    train->schedule.kind =
        schedule >= 0 && schedule <= SCHEDULE_COSINE ? (ScheduleKind)schedule : SCHEDULE_CONSTANT;
    train->clip.kind = clip >= 0 && clip <= CLIP_GROUP ? (ClipKind)clip : CLIP_NONE;
    train->seed = (uint64_t)seed;
    train->budget_bytes = budget > 0 ? (size_t)budget : 0;
    for (int i = 0; form_record(form, "group", i, train->n_groups); i++) {
        if (form_reading(form))
            train->groups =
                array_room(form->arena, train->groups, train->n_groups++, sizeof *train->groups);
        form_group(form, &train->groups[i]);
    }
    for (int i = 0; form_record(form, "option", i, train->data.n_options); i++) {
        Data *data = &train->data;
        if (form_reading(form))
            data->options =
                array_room(form->arena, data->options, data->n_options++, sizeof *data->options);
        form_option(form, &data->options[i]);
    }
}

static void form_named(Form *form, const char *word, Named **names, int *n)
{
    for (int i = 0; form_record(form, word, i, *n); i++) {
        if (form_reading(form))
            *names = array_room(form->arena, *names, (*n)++, sizeof **names);
        form_text(form, "name", &(*names)[i].name);
        form_int(form, "tensor", &(*names)[i].tensor, -1);
    }
}

static void form_graph(Form *form, Graph *graph)
{
    form_one(form, "graph");
    space(form);
    graph->stage =
        (GraphStage)form_name(form, (int)graph->stage, STAGE_TRAINING + 1, name_of_stage);
    form_text(form, "name", &graph->name);
    form_int(form, "step", &graph->step, -1);
    form_ints(form, "norms", &graph->norms, &graph->n_norms);
    form_ints(form, "inputs", &graph->inputs, &graph->n_inputs);
    form_train(form, &graph->train);
    for (int i = 0; form_record(form, "instance", i, graph->n_instances); i++) {
        if (form_reading(form))
            graph_add_instance(form->arena, graph, (Instance){.parent = -1});
        form_instance(form, &graph->instances[i]);
    }
    for (int i = 0; form_record(form, "tensor", i, graph->n_tensors); i++) {
        if (form_reading(form))
            graph_add_tensor(form->arena, graph,
                             tensor_default(NULL, (Shape){0}, DT_f32, CLASS_activation));
        form_tensor(form, &graph->tensors[i]);
    }
    for (int i = 0; form_record(form, "node", i, graph->n_nodes); i++) {
        if (form_reading(form))
            graph_add_node(form->arena, graph, (Node){.forward = -1});
        Node node = graph->nodes[i];
        form_node(form, &node, graph->stage != STAGE_EXPANDED);
        if (form_reading(form))
            graph->nodes[i] = node;
    }
    form_named(form, "loss", &graph->losses, &graph->n_losses);
    form_named(form, "output", &graph->outputs, &graph->n_outputs);
}

void graph_print(Text *out, const Graph *graph)
{
    Arena *arena = arena_new();
    Form form = {.arena = arena, .out = out};
    Graph copy = *graph;
    text_printf(out, "# rematc graph");
    form_graph(&form, &copy);
    text_printf(out, "\n");
    arena_free(arena);
}

Graph *graph_read(Arena *arena, Diag *diag)
{
    const Source *source = diag_source(diag);
    Form form = {.arena = arena, .diag = diag, .text = source->text, .n = source->n};
    Graph *graph = NEW(arena, Graph);
    form_graph(&form, graph);
    form_skip_space(&form);
    if (!form.failed && form.at < form.n)
        form_expected(&form, "another record, or the end");
    if (form.failed)
        return NULL;
    const char *error = graph_verify(arena, graph);
    if (error)
        diag_error(diag, NO_SPAN, "%s", error);
    return error ? NULL : graph;
}
