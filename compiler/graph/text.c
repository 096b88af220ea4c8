/* The text form of a graph: one record a line, `tensor name="x" shape=[16, 512] dtype=f32 ...`;
 * fields are in a fixed order, and those that have their usual value are left out. Printing and
 * reading are the same walk over the fields (a Form either prints or reads), so that they cannot
 * disagree. `#` starts a comment. */
#include "graph/build.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Arena *arena;
    Text *out; /* printing, or NULL: reading */
    Diag *diag;
    const char *text;
    int at, n;
    bool failed;
} Form;

static bool reading(const Form *form)
{
    return form->out == NULL;
}

/* --- tokens
 * ------------------------------------------------------------------------------------------- */

static void skip_space(Form *form)
{
    while (form->at < form->n) {
        char c = form->text[form->at];
        if (c == '#')
            while (form->at < form->n && form->text[form->at] != '\n')
                form->at++;
        else if (isspace((unsigned char)c))
            form->at++;
        else
            return;
    }
}

static void expected(Form *form, const char *what)
{
    if (!form->failed)
        diag_error(form->diag, (Span){form->at, form->at + 1}, "expected %s", what);
    form->failed = true;
}

/* Takes a word or sign if it comes next. */
static bool accept(Form *form, const char *token)
{
    if (form->failed)
        return false;
    skip_space(form);
    int length = (int)strlen(token);
    if (form->n - form->at < length || strncmp(form->text + form->at, token, (size_t)length) != 0)
        return false;
    char next = form->at + length < form->n ? form->text[form->at + length] : ' ';
    if (isalnum((unsigned char)token[length - 1]) && (isalnum((unsigned char)next) || next == '_'))
        return false;
    form->at += length;
    return true;
}

/* `key=` */
static bool accept_key(Form *form, const char *key)
{
    int start = form->at;
    if (accept(form, key) && accept(form, "="))
        return true;
    form->at = form->failed ? form->at : start;
    return false;
}

static double read_number(Form *form)
{
    char buffer[64], *end;
    skip_space(form);
    size_t n = 0;
    while (form->at + (int)n < form->n && n < sizeof buffer - 1 &&
           (isalnum((unsigned char)form->text[form->at + (int)n]) ||
            strchr("+-.", form->text[form->at + (int)n])))
        n++;
    memcpy(buffer, form->text + form->at, n);
    buffer[n] = '\0';
    double value = strtod(buffer, &end);
    if (n == 0 || *end)
        expected(form, "a number");
    else
        form->at += (int)n;
    return value;
}

static int64_t read_integer(Form *form, int64_t low, int64_t high)
{
    char *end;
    skip_space(form);
    errno = 0;
    long long value = strtoll(form->text + form->at, &end, 10);
    int n = (int)(end - (form->text + form->at));
    if (n == 0 || errno || n > form->n - form->at || value < low || value > high) {
        expected(form, "a whole number in range");
        return low;
    }
    form->at += n;
    return value;
}

static const char *read_string(Form *form)
{
    Text text = text_new(form->arena);
    if (!accept(form, "\"")) {
        expected(form, "a string in quotes");
        return "";
    }
    while (form->at < form->n && form->text[form->at] != '"') {
        if (form->text[form->at] == '\\' && form->at + 1 < form->n)
            form->at++;
        text_append(&text, form->text + form->at++, 1);
    }
    if (!accept(form, "\""))
        expected(form, "the closing quote");
    return text.data;
}

static void print_string(Form *form, const char *text)
{
    text_append(form->out, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            text_append(form->out, "\\", 1);
        text_append(form->out, text, 1);
    }
    text_append(form->out, "\"", 1);
}

/* --- fields
 * --------------------------------------------------------------------------------------------- */

/* Prints the key where the value is not the usual one; reading: whether the key is there. */
static bool field(Form *form, const char *key, bool usual)
{
    if (reading(form))
        return accept_key(form, key);
    if (!usual)
        text_printf(form->out, " %s=", key);
    return !usual;
}

static void form_long(Form *form, const char *key, int64_t *value, int64_t usual)
{
    bool there = field(form, key, *value == usual);
    if (!reading(form) && there)
        text_printf(form->out, "%lld", (long long)*value);
    else if (reading(form))
        *value = there ? read_integer(form, INT64_MIN, INT64_MAX) : usual;
}

static void form_int(Form *form, const char *key, int *value, int usual)
{
    int64_t wide = *value;
    form_long(form, key, &wide, usual);
    if (wide < INT32_MIN || wide > INT32_MAX)
        expected(form, "a smaller number");
    else
        *value = (int)wide;
}

static void form_bool(Form *form, const char *key, bool *value)
{
    int number = *value;
    form_int(form, key, &number, 0);
    *value = number != 0;
}

static void print_double(Form *form, double value)
{
    text_printf(form->out, "%.17g", value);
}

static void form_double(Form *form, const char *key, double *value, double usual)
{
    bool there = field(form, key, memcmp(value, &usual, sizeof usual) == 0);
    if (!reading(form) && there)
        print_double(form, *value);
    else if (reading(form))
        *value = there ? read_number(form) : usual;
}

static void form_text(Form *form, const char *key, const char **value)
{
    bool there = field(form, key, *value == NULL);
    if (!reading(form) && there)
        print_string(form, *value);
    else if (reading(form))
        *value = there ? read_string(form) : NULL;
}

/* One of n names. */
static int form_name(Form *form, int value, int n, const char *(*name_of)(int))
{
    if (!reading(form)) {
        text_printf(form->out, "%s", name_of(value));
        return value;
    }
    for (int i = 0; i < n; i++)
        if (accept(form, name_of(i)))
            return i;
    expected(form, "a name that belongs here");
    return 0;
}

static void form_list_open(Form *form)
{
    if (!reading(form))
        text_printf(form->out, "[");
    else if (!accept(form, "["))
        expected(form, "'['");
}

/* Before element i of n (printing), or whether there is another one (reading). */
static bool form_list_next(Form *form, int i, int n)
{
    if (!reading(form)) {
        text_printf(form->out, i == n ? "]" : i ? ", " : "");
        return i < n;
    }
    if (form->failed || accept(form, "]"))
        return false;
    if (i > 0 && !accept(form, ","))
        expected(form, "',' or ']'");
    return !form->failed;
}

static void form_longs(Form *form, const char *key, int64_t **values, int *n)
{
    if (!field(form, key, *n == 0))
        return;
    form_list_open(form);
    for (int i = 0; form_list_next(form, i, *n); i++) {
        if (!reading(form)) {
            text_printf(form->out, "%lld", (long long)(*values)[i]);
            continue;
        }
        *values = array_room(form->arena, *values, *n, sizeof **values);
        (*values)[(*n)++] = read_integer(form, INT64_MIN, INT64_MAX);
    }
}

static void form_ints(Form *form, const char *key, int **values, int *n)
{
    int64_t *wide = reading(form) ? NULL : NEW_N(form->arena, int64_t, *n + 1);
    int n_wide = reading(form) ? 0 : *n;
    for (int i = 0; i < n_wide; i++)
        wide[i] = (*values)[i];
    form_longs(form, key, &wide, &n_wide);
    if (!reading(form))
        return;
    *values = nones(form->arena, n_wide);
    *n = n_wide;
    for (int i = 0; i < n_wide; i++) {
        if (wide[i] < INT32_MIN || wide[i] > INT32_MAX)
            expected(form, "smaller numbers");
        else
            (*values)[i] = (int)wide[i];
    }
}

static void form_array(Form *form, const char *key, int64_t *values, int n)
{
    int64_t *list = reading(form) ? NULL : values;
    int n_list = reading(form) ? 0 : n;
    form_longs(form, key, &list, &n_list);
    if (reading(form) && n_list != n)
        expected(form, "a list of another length");
    for (int i = 0; i < n && reading(form) && !form->failed; i++)
        values[i] = list[i];
}

static void form_doubles(Form *form, const char *key, double **values, int *n)
{
    if (!field(form, key, *n == 0))
        return;
    form_list_open(form);
    for (int i = 0; form_list_next(form, i, *n); i++) {
        if (!reading(form)) {
            print_double(form, (*values)[i]);
            continue;
        }
        *values = array_room(form->arena, *values, *n, sizeof **values);
        (*values)[(*n)++] = read_number(form);
    }
}

static void form_shape(Form *form, const char *key, Shape *shape)
{
    if (!field(form, key, false)) {
        expected(form, arena_printf(form->arena, "'%s='", key));
        return;
    }
    int rank = shape->rank;
    form_list_open(form);
    for (int i = 0; form_list_next(form, i, rank); i++) {
        if (!reading(form)) {
            text_printf(form->out, "%lld", (long long)shape->size[i]);
        } else if (i == MAX_RANK) {
            expected(form, "fewer axes");
        } else {
            shape->size[i] = read_integer(form, 1, INT64_MAX);
            shape->rank = i + 1;
        }
    }
}

static void form_span(Form *form, Span *span)
{
    form_int(form, "start", &span->start, -1);
    form_int(form, "end", &span->end, -1);
}

/* Starts a record (printing: on a new line), or whether it comes next (reading). */
static bool record(Form *form, const char *word, int i, int n)
{
    if (reading(form))
        return accept(form, word);
    if (i < n)
        text_printf(form->out, "\n%s", word);
    return i < n;
}

/* A record that must be there. */
static void record_one(Form *form, const char *word)
{
    if (!record(form, word, 0, 1))
        expected(form, word);
}

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
    if (!reading(form))
        text_printf(form->out, " ");
}

static OpKind form_op(Form *form, OpKind op, bool kernel)
{
    if (kernel)
        return (OpKind)(KERNEL_fused + form_name(form, (int)op - (int)KERNEL_fused,
                                                 N_OPS - (int)KERNEL_fused, name_of_kernel));
    if (!reading(form)) {
        text_printf(form->out, "%s", op_row(op)->name);
        return op;
    }
    for (int i = 0; i < (int)KERNEL_fused; i++)
        if (accept(form, name_of_op(i)))
            return (OpKind)i;
    expected(form, "an operator");
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
    int64_t *streams = reading(form) ? NULL : NEW_N(form->arena, int64_t, p->n_streams + 1);
    for (int i = 0; !reading(form) && i < p->n_streams; i++)
        streams[i] = p->streams[i];
    form_longs(form, "streams", &streams, &p->n_streams);
    if (!reading(form))
        return;
    p->streams = NEW_N(form->arena, uint32_t, p->n_streams + 1);
    for (int i = 0; i < p->n_streams; i++)
        p->streams[i] = (uint32_t)streams[i];
}

static void form_program(Form *form, Program *p)
{
    if (!reading(form) && p->n_outputs > 0)
        text_printf(form->out, "\n# %s", program_text(form->arena, p));
    record_one(form, "program");
    form_shape(form, "domain", &p->domain);
    form_int(form, "accumulate", &p->accumulate_input, -1);
    form_doubles(form, "constants", &p->constants, &p->n_constants);
    form_streams(form, p);
    for (int i = 0; record(form, "in", i, p->n_inputs); i++) {
        if (reading(form))
            p->inputs = array_room(form->arena, p->inputs, p->n_inputs++, sizeof *p->inputs);
        form_shape(form, "as", &p->inputs[i].as);
        form_long(form, "offset", &p->inputs[i].offset, 0);
    }
    for (int i = 0; record(form, "instr", i, p->n_instrs); i++) {
        if (reading(form))
            p->instrs = array_room(form->arena, p->instrs, p->n_instrs++, sizeof *p->instrs);
        form_instr(form, &p->instrs[i]);
    }
    for (int i = 0; record(form, "out", i, p->n_outputs); i++) {
        if (reading(form))
            p->outputs = array_room(form->arena, p->outputs, p->n_outputs++, sizeof *p->outputs);
        form_int(form, "instr", &p->outputs[i].instr, -1);
        form_shape(form, "as", &p->outputs[i].as);
    }
}

static void form_matmul(Form *form, Matmul *m)
{
    record_one(form, "product");
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
    record_one(form, "move");
    form_bool(form, "zero_first", &copy->zero_first);
    form_bool(form, "accumulate", &copy->accumulate);
    for (int i = 0; record(form, "part", i, copy->n_parts); i++) {
        if (reading(form))
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
    for (int i = 0; !reading(form) && node->attrs && i < n; i++)
        attrs[i] = node->attrs[i];
    for (int i = 0; i < n; i++) {
        if (reading(form) && !accept(form, "attr"))
            break;
        if (!reading(form))
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
    int n = reading(form) || !node->scalars ? 0 : node->n_inputs;
    double *scalars = NULL;
    for (int i = 0; i < n; i++) {
        scalars = array_room(form->arena, scalars, i, sizeof *scalars);
        scalars[i] = node->scalars[i];
    }
    form_doubles(form, "scalars", &scalars, &n);
    if (reading(form) && n != 0 && n != node->n_inputs)
        expected(form, "as many scalars as inputs");
    node->scalars = n ? scalars : NEW_N(form->arena, double, node->n_inputs + 1);
}

static void form_detail(Form *form, Node *node)
{
    Program *program = reading(form) ? NEW(form->arena, Program) : (Program *)node->program;
    Matmul *matmul = reading(form) ? NEW(form->arena, Matmul) : (Matmul *)node->matmul;
    Copy *copy = reading(form) ? NEW(form->arena, Copy) : (Copy *)node->copy;
    int detail = program ? 0 : matmul ? 1 : copy ? 2 : 3;
    if (reading(form)) {
        int at = form->at;
        detail = accept(form, "program")   ? 0
                 : accept(form, "product") ? 1
                 : accept(form, "move")    ? 2
                                           : 3;
        form->at = form->failed ? form->at : at;
    }
    if (reading(form)) {
        node->program = detail == 0 ? program : NULL;
        node->matmul = detail == 1 ? matmul : NULL;
        node->copy = detail == 2 ? copy : NULL;
    }
    if (detail == 0)
        form_program(form, program);
    if (detail == 1)
        form_matmul(form, matmul);
    if (detail == 2)
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
    if (!reading(form) && !node->takes)
        node->takes = nones(form->arena, n_takes);
    form_ints(form, "takes", &node->takes, &n_takes);
    if (reading(form) && n_takes != node->n_outputs)
        expected(form, "as many takes as outputs");
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
    for (int i = 0; record(form, "pattern", i, group->n_patterns); i++) {
        if (reading(form))
            group->patterns =
                array_room(form->arena, group->patterns, group->n_patterns++, sizeof(char *));
        form_text(form, "text", &group->patterns[i]);
        if (reading(form) && !group->patterns[i])
            expected(form, "text=");
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
    record_one(form, "train");
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
    for (int i = 0; record(form, "group", i, train->n_groups); i++) {
        if (reading(form))
            train->groups =
                array_room(form->arena, train->groups, train->n_groups++, sizeof *train->groups);
        form_group(form, &train->groups[i]);
    }
    for (int i = 0; record(form, "option", i, train->data.n_options); i++) {
        Data *data = &train->data;
        if (reading(form))
            data->options =
                array_room(form->arena, data->options, data->n_options++, sizeof *data->options);
        form_option(form, &data->options[i]);
    }
}

static void form_named(Form *form, const char *word, Named **names, int *n)
{
    for (int i = 0; record(form, word, i, *n); i++) {
        if (reading(form))
            *names = array_room(form->arena, *names, (*n)++, sizeof **names);
        form_text(form, "name", &(*names)[i].name);
        form_int(form, "tensor", &(*names)[i].tensor, -1);
    }
}

static void form_graph(Form *form, Graph *graph)
{
    record_one(form, "graph");
    space(form);
    graph->stage =
        (GraphStage)form_name(form, (int)graph->stage, STAGE_TRAINING + 1, name_of_stage);
    form_text(form, "name", &graph->name);
    form_int(form, "step", &graph->step, -1);
    form_ints(form, "norms", &graph->norms, &graph->n_norms);
    form_ints(form, "inputs", &graph->inputs, &graph->n_inputs);
    form_train(form, &graph->train);
    for (int i = 0; record(form, "instance", i, graph->n_instances); i++) {
        if (reading(form))
            graph_add_instance(form->arena, graph, (Instance){.parent = -1});
        form_instance(form, &graph->instances[i]);
    }
    for (int i = 0; record(form, "tensor", i, graph->n_tensors); i++) {
        if (reading(form))
            graph_add_tensor(form->arena, graph,
                             tensor_default(NULL, (Shape){0}, DT_f32, CLASS_activation));
        form_tensor(form, &graph->tensors[i]);
    }
    for (int i = 0; record(form, "node", i, graph->n_nodes); i++) {
        if (reading(form))
            graph_add_node(form->arena, graph, (Node){.forward = -1});
        Node node = graph->nodes[i];
        form_node(form, &node, graph->stage != STAGE_EXPANDED);
        if (reading(form))
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
    skip_space(&form);
    if (!form.failed && form.at < form.n)
        expected(&form, "another record, or the end");
    if (form.failed)
        return NULL;
    const char *error = graph_verify(arena, graph);
    if (error)
        diag_error(diag, NO_SPAN, "%s", error);
    return error ? NULL : graph;
}
