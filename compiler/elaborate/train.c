/* The train block: a row for each setting, and tables of schedules and of optimizers (graph). */
#include "elaborate/train.h"

#include "base/size.h"
#include "elaborate/groups.h"

#include <string.h>

typedef struct {
    Scope *scope;
    Train *train;
    const Optimizer *optimizer;
    Hyper hyper;
} Trainer;

static const int64_t default_steps = 100;
static const double default_rate = 1e-3;

/* The call that a setting's value must be: `cosine(...)`; a name alone is a call without arguments.
 */
static const char *callee_of(const Expr *expr, Args *args)
{
    *args = (Args){0};
    if (expr->kind == EXPR_name)
        return expr->text;
    if (expr->kind != EXPR_call)
        return NULL;
    *args = expr->call.args;
    return expr->call.callee.text;
}

static void set_optimizer_row(Trainer *t, const Optimizer *row, const Expr *expr, const Args *args)
{
    int of_param[MAX_PARAMS];
    Signature signature = {row->name, row->signature, row->params, row->n_params};
    Argument *arguments = evaluate_arguments(t->scope, args);
    t->train->optimizer = row->name;
    t->optimizer = row;
    t->hyper = (Hyper){0};
    if (!arguments_bind(t->scope, &signature, expr->span, arguments, args->n, of_param))
        return;
    for (int i = 0; i < row->n_params; i++)
        hyper_take(t->scope, &row->params[i], of_param[i] < 0 ? NULL : &arguments[of_param[i]],
                   &t->hyper);
    if (t->hyper.nesterov && t->hyper.momentum == 0)
        scope_error(t->scope, expr->span, "nesterov needs a momentum above 0");
}

static void set_optimizer(Trainer *t, const Expr *expr)
{
    Args args;
    const char *name = callee_of(expr, &args);
    int i = name ? optimizer_find(name) : -1;
    if (i >= 0) {
        set_optimizer_row(t, optimizer_row(i), expr, &args);
        return;
    }
    Nearest nearest = nearest_start(name ? name : "");
    Text text = text_new(t->scope->x->arena);
    for (int k = 0; optimizer_row(k); k++) {
        text_printf(&text, "%s%s", k ? ", " : "", optimizer_row(k)->name);
        nearest_offer(&nearest, optimizer_row(k)->name);
    }
    scope_error(t->scope, expr->span, "expected an optimizer (%s)%s", text.data,
                nearest_hint(t->scope->x->arena, &nearest));
}

static void set_data(Trainer *t, const Expr *expr)
{
    expand_data(t->scope, expr, &t->train->data);
}

static SignatureRow schedules[] = {
    [SCHEDULE_CONSTANT] = {.name = "constant", .text = "constant()"},
    [SCHEDULE_LINEAR] = {.name = "linear",
                         .text = "linear(to: float, steps: int, warmup: int = 0)"},
    [SCHEDULE_COSINE] = {.name = "cosine",
                         .text = "cosine(to: float, steps: int, warmup: int = 0)"},
};

static SignatureRow clip_row = {.name = "norm", .text = "norm(max: float, per: word = model)"};

enum { N_SCHEDULES = sizeof schedules / sizeof *schedules };

/* Arguments of a signature as attributes, by position; NULL after an error. */
static const Attr *bind_attrs(const Trainer *t, SignatureRow *row, const Expr *expr,
                              const Args *args)
{
    int of_param[MAX_PARAMS];
    Signature signature = signature_of(row);
    Argument *arguments = evaluate_arguments(t->scope, args);
    Attr *attrs = NEW_N(t->scope->x->arena, Attr, MAX_PARAMS);
    bool good = arguments_bind(t->scope, &signature, expr->span, arguments, args->n, of_param);
    for (int i = 0; good && i < signature.n_params; i++)
        good = argument_attr(t->scope, &signature.params[i],
                             of_param[i] < 0 ? NULL : &arguments[of_param[i]], &attrs[i], NULL);
    return good ? attrs : NULL;
}

static void set_schedule_row(Trainer *t, ScheduleKind kind, const Expr *expr, const Args *args)
{
    const Attr *attrs = bind_attrs(t, &schedules[kind], expr, args);
    t->train->schedule.kind = kind;
    if (!attrs || kind == SCHEDULE_CONSTANT)
        return;
    t->train->schedule.to = attrs[0].f;
    t->train->schedule.steps = attrs[1].i;
    t->train->schedule.warmup = attrs[2].i;
    if (attrs[0].f < 0 || attrs[1].i < 1 || attrs[2].i < 0 || attrs[2].i > attrs[1].i)
        scope_error(t->scope, expr->span,
                    "a schedule ends at a rate of at least 0, after at least 1 step, of which at "
                    "most all are warm-up");
}

static void set_schedule(Trainer *t, const Expr *expr)
{
    Args args;
    const char *name = callee_of(expr, &args);
    Nearest nearest = nearest_start(name ? name : "");
    for (int i = 0; i < N_SCHEDULES; i++) {
        nearest_offer(&nearest, schedules[i].name);
        if (name && strcmp(schedules[i].name, name) == 0) {
            set_schedule_row(t, (ScheduleKind)i, expr, &args);
            return;
        }
    }
    scope_error(t->scope, expr->span, "expected a schedule (constant, linear, cosine)%s",
                nearest_hint(t->scope->x->arena, &nearest));
}

static void set_clip(Trainer *t, const Expr *expr)
{
    Args args;
    const char *name = callee_of(expr, &args);
    if (name && strcmp(name, "none") == 0)
        return;
    if (!name || strcmp(name, "norm") != 0) {
        scope_error(t->scope, expr->span, "expected norm(MAX), norm(MAX, per = group) or none");
        return;
    }
    const Attr *attrs = bind_attrs(t, &clip_row, expr, &args);
    if (!attrs)
        return;
    bool per_group = strcmp(attrs[1].word, "group") == 0;
    if (!per_group && strcmp(attrs[1].word, "model") != 0)
        scope_error(t->scope, expr->span, "'per' is group, or left out");
    if (attrs[0].f <= 0)
        scope_error(t->scope, expr->span, "the largest norm must be above 0");
    t->train->clip.kind = per_group ? CLIP_GROUP : CLIP_GLOBAL;
    t->train->clip.max = attrs[0].f;
}

static void set_steps(Trainer *t, const Expr *expr)
{
    evaluate_whole(t->scope, expr, 0, &t->train->steps);
}

static void set_seed(Trainer *t, const Expr *expr)
{
    int64_t seed;
    if (evaluate_whole(t->scope, expr, 0, &seed))
        t->train->seed = (uint64_t)seed;
}

static void set_precision(Trainer *t, const Expr *expr)
{
    static const Dtype allowed[] = {DT_f32, DT_bf16, DT_f64};
    Value value = evaluate(t->scope, expr);
    bool is_name = value.kind == VALUE_word || value.kind == VALUE_text;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        t->train->precision = allowed[i];
        if (is_name && strcmp(value.text, dtype_name(allowed[i])) == 0)
            return;
    }
    scope_error(t->scope, expr->span, "a precision is f32, bf16 or f64, not %s",
                value_text(t->scope, value));
}

static void set_budget(Trainer *t, const Expr *expr)
{
    Value value = evaluate(t->scope, expr);
    int64_t bytes = 0;
    if (value.kind == VALUE_word && strcmp(value.text, "none") == 0)
        return;
    t->train->has_budget = true;
    if (value.kind == VALUE_text && size_parse(value.text, &t->train->budget_bytes))
        return;
    if (value.kind != VALUE_error && (!value_is_whole(value, &bytes) || bytes < 1))
        scope_error(t->scope, expr->span, "expected bytes such as 6 GiB, or none, found %s",
                    value_text(t->scope, value));
    t->train->budget_bytes = (size_t)bytes;
}

static const struct {
    const char *name;
    void (*set)(Trainer *, const Expr *);
} settings[] = {
    {"data", set_data},           {"optimizer", set_optimizer}, {"schedule", set_schedule},
    {"clip", set_clip},           {"steps", set_steps},         {"seed", set_seed},
    {"precision", set_precision}, {"budget", set_budget},
};

enum { N_SETTINGS = sizeof settings / sizeof *settings };

bool train_has_setting(const char *name)
{
    for (int i = 0; i < N_SETTINGS; i++)
        if (strcmp(settings[i].name, name) == 0)
            return true;
    return false;
}

void train_offer_settings(Nearest *nearest)
{
    for (int i = 0; i < N_SETTINGS; i++)
        nearest_offer(nearest, settings[i].name);
}

static const Expr *find_setting(const TrainBlock *block, const char *name)
{
    for (int i = 0; block && i < block->settings.n; i++)
        if (strcmp(block->settings.data[i].name.text, name) == 0)
            return block->settings.data[i].value;
    return NULL;
}

void expand_train(Scope *scope, const TrainBlock *block, Train *train)
{
    Values values = {0};
    Scope empty = {.x = scope->x,
                   .slots = map_new(scope->x->arena),
                   .values = &values,
                   .index = -1,
                   .prefix = "",
                   .suffix = ""};
    Trainer t = {.scope = &empty, .train = train, .optimizer = optimizer_row(0)};
    *train = (Train){.optimizer = t.optimizer->name,
                     .steps = default_steps,
                     .span = block ? block->span : NO_SPAN};
    t.hyper.lr = default_rate;
    for (int i = 0; i < N_SETTINGS; i++) {
        const Expr *value = find_setting(block, settings[i].name);
        if (value)
            settings[i].set(&t, value);
    }
    if (!find_setting(block, "data"))
        train->data = (Data){.source = "synthetic"};
    expand_groups(&empty, block, t.optimizer, &t.hyper, train);
}
