/* The table of data sources, as far as the compiler knows them: options, and the fields that each
 * gives. runtime/data_NAME.c reads them. */
#include "elaborate/scope.h"

#include <string.h>

enum { FIELDS_MAX = 6, DTYPES_MAX = 2 };

typedef struct {
    const char *name, *type; /* type: as messages write it */
    Dtype dtypes[DTYPES_MAX];
    int n_dtypes;
    int rank; /* 0: any from 1 on */
} Field;

typedef struct {
    SignatureRow row;
    Field fields[FIELDS_MAX];
    int n_fields; /* 0: any field of any type, with NAME = constant(v) */
} DataSource;

static DataSource sources[] = {
    {{.name = "synthetic", .text = "synthetic(seed: int?)"}, {{0}}, 0},
    {{.name = "idx", .text = "idx(images: word, labels: word)"},
     {{"image", "f32[batch, ...]", {DT_f32, DT_bf16}, 2, 0},
      {"label", "i32[batch]", {DT_i32}, 1, 1}},
     2},
    {{.name = "tokens", .text = "tokens(path: word)"},
     {{"tokens", "i32[batch, seq]", {DT_i32}, 1, 2}, {"next", "i32[batch, seq]", {DT_i32}, 1, 2}},
     2},
    {{.name = "bert_pairs", .text = "bert_pairs(path: word, seq: int?)"},
     {{"tokens", "i32[batch, seq]", {DT_i32}, 1, 2},
      {"types", "i32[batch, seq]", {DT_i32}, 1, 2},
      {"mask", "bool[batch, seq]", {DT_bool}, 1, 2},
      {"labels", "i32[batch, seq]", {DT_i32}, 1, 2},
      {"loss_mask", "bool or f32[batch, seq]", {DT_bool, DT_f32}, 2, 2},
      {"is_swapped", "i32[batch]", {DT_i32}, 1, 1}},
     6},
};

enum { N_SOURCES = sizeof sources / sizeof *sources };

typedef struct {
    Scope *scope;
    DataSource *source;
    const Expr *expr;
    ARRAY(DataOption) options;
} Reader;

static const Tensor *input_named(const Expander *x, const char *name)
{
    for (int i = 0; i < x->inputs.n; i++)
        if (strcmp(x->tensors.data[x->inputs.data[i]].name, name) == 0)
            return &x->tensors.data[x->inputs.data[i]];
    return NULL;
}

/* Whether the model declares it, were it with an error, which is reported then. */
static bool is_declared(const Ast *ast, const char *name)
{
    const Stmts *body = &ast->models.data[0].body;
    for (int i = 0; i < body->n; i++)
        if (body->data[i]->kind == STMT_input && strcmp(body->data[i]->input.name.text, name) == 0)
            return true;
    return false;
}

static void unknown_field(const Reader *reader, Name name, const Signature *signature)
{
    const Expander *x = reader->scope->x;
    if (is_declared(x->ast, name.text))
        return;
    Nearest nearest = nearest_start(name.text);
    for (int i = 0; i < x->inputs.n; i++)
        nearest_offer(&nearest, x->tensors.data[x->inputs.data[i]].name);
    for (int i = 0; i < signature->n_params; i++)
        nearest_offer(&nearest, signature->params[i].name);
    scope_error(reader->scope, name.span, "'%s' is neither an input nor an option of %s%s",
                name.text, reader->source->row.name, nearest_hint(x->arena, &nearest));
}

/* y = constant(1) */
static void take_field(Reader *reader, const Argument *argument)
{
    Value value = argument->value;
    DataOption option = {.name = argument->name.text, .constant = true};
    bool good = value.kind == VALUE_call && strcmp(value.text, "constant") == 0 &&
                value.n_items == 1 && value.items[0].kind == VALUE_number;
    if (!good) {
        scope_error(reader->scope, argument->span, "expected constant(NUMBER) for the field '%s'",
                    argument->name.text);
        return;
    }
    option.number = value.items[0].number.f;
    PUSH(reader->scope->x->arena, reader->options, option);
}

static void take_option(Reader *reader, const OpParam *param, const Argument *argument)
{
    Attr attr;
    if (!argument_attr(reader->scope, param, argument, &attr, NULL))
        return;
    DataOption option = {.name = param->name, .text = attr.word, .number = (double)attr.i};
    PUSH(reader->scope->x->arena, reader->options, option);
}

static bool has_param(const Signature *signature, const char *name)
{
    for (int i = 0; i < signature->n_params; i++)
        if (strcmp(signature->params[i].name, name) == 0)
            return true;
    return false;
}

/* Fields are set apart first, where the source takes any; the rest are options. */
static void read_options(Reader *reader)
{
    int of_param[MAX_PARAMS], n = 0;
    Signature signature = signature_of(&reader->source->row);
    const Args *args = &reader->expr->call.args;
    Argument *arguments = evaluate_arguments(reader->scope, args);
    for (int i = 0; i < args->n; i++) {
        const char *name = arguments[i].name.text;
        if (reader->source->n_fields || !name || has_param(&signature, name))
            arguments[n++] = arguments[i];
        else if (input_named(reader->scope->x, name))
            take_field(reader, &arguments[i]);
        else
            unknown_field(reader, arguments[i].name, &signature);
    }
    if (!arguments_bind(reader->scope, &signature, reader->expr->span, arguments, n, of_param))
        return;
    for (int i = 0; i < signature.n_params; i++)
        if (of_param[i] >= 0)
            take_option(reader, &signature.params[i], &arguments[of_param[i]]);
}

static const char *list_fields(const Reader *reader)
{
    Text text = text_new(reader->scope->x->arena);
    for (int i = 0; i < reader->source->n_fields; i++)
        text_printf(&text, "%s%s : %s", i ? "; " : "", reader->source->fields[i].name,
                    reader->source->fields[i].type);
    return text.data;
}

static bool field_fits(const Field *field, const Tensor *input)
{
    bool dtype = false;
    for (int i = 0; i < field->n_dtypes; i++)
        dtype |= field->dtypes[i] == input->dtype;
    return dtype && input->shape.rank >= 1 && (!field->rank || field->rank == input->shape.rank);
}

static void match_input(const Reader *reader, const Tensor *input)
{
    DataSource *source = reader->source;
    Nearest nearest = nearest_start(input->name);
    const Field *field = NULL;
    for (int i = 0; i < source->n_fields; i++) {
        nearest_offer(&nearest, source->fields[i].name);
        if (strcmp(source->fields[i].name, input->name) == 0)
            field = &source->fields[i];
    }
    Arena *arena = reader->scope->x->arena;
    if (!field)
        scope_error(reader->scope, input->span, "the data source %s gives no '%s'%s",
                    source->row.name, input->name, nearest_hint(arena, &nearest));
    else if (!field_fits(field, input))
        scope_error(reader->scope, input->span, "the data source %s gives '%s' as %s, not as %s%s",
                    source->row.name, input->name, field->type, dtype_name(input->dtype),
                    shape_text(arena, &input->shape));
    else
        return;
    diag_note(reader->scope->x->diag, reader->expr->span, "it gives %s", list_fields(reader));
}

static int64_t option_seq(const Reader *reader)
{
    for (int i = 0; i < reader->options.n; i++)
        if (strcmp(reader->options.data[i].name, "seq") == 0)
            return (int64_t)reader->options.data[i].number;
    return 0;
}

/* All inputs have one batch, and all sequences one length. */
static void agree(const Reader *reader)
{
    const Expander *x = reader->scope->x;
    int64_t seq = option_seq(reader);
    for (int i = 0; i < x->inputs.n; i++) {
        const Tensor *first = &x->tensors.data[x->inputs.data[0]];
        const Tensor *input = &x->tensors.data[x->inputs.data[i]];
        if (input->shape.size[0] != first->shape.size[0])
            scope_error(reader->scope, input->span, "'%s' has a batch of %lld, '%s' one of %lld",
                        input->name, (long long)input->shape.size[0], first->name,
                        (long long)first->shape.size[0]);
        if (seq && input->shape.rank == 2 && input->shape.size[1] != seq)
            scope_error(reader->scope, input->span, "'%s' is %lld long, the data source gives %lld",
                        input->name, (long long)input->shape.size[1], (long long)seq);
    }
}

static void unknown_source(const Scope *scope, const Expr *expr, const char *name)
{
    Nearest nearest = nearest_start(name ? name : "");
    Text text = text_new(scope->x->arena);
    for (int i = 0; i < N_SOURCES; i++) {
        nearest_offer(&nearest, sources[i].row.name);
        text_printf(&text, "%s%s", i ? ", " : "", sources[i].row.name);
    }
    scope_error(scope, expr->span, "expected a data source (%s)%s", text.data,
                nearest_hint(scope->x->arena, &nearest));
}

void expand_data(Scope *scope, const Expr *expr, Data *data)
{
    Reader reader = {.scope = scope, .expr = expr};
    const char *name = expr->kind == EXPR_call ? expr->call.callee.text : NULL;
    for (int i = 0; name && i < N_SOURCES; i++)
        if (strcmp(sources[i].row.name, name) == 0)
            reader.source = &sources[i];
    if (!reader.source) {
        unknown_source(scope, expr, name);
        return;
    }
    int n_errors = diag_errors(scope->x->diag);
    read_options(&reader);
    *data = (Data){reader.source->row.name, reader.options.data, reader.options.n};
    for (int i = 0; reader.source->n_fields && i < scope->x->inputs.n; i++)
        match_input(&reader, &scope->x->tensors.data[scope->x->inputs.data[i]]);
    if (reader.source->n_fields && diag_errors(scope->x->diag) == n_errors)
        agree(&reader);
}
