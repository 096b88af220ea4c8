/* The plan as JSON, schema rematc-plan/1. Step numbers count from 0; reads and writes index
 * tensors. */
#include "report/report.h"

#include "base/json.h"

static void put_text(Text *out, const char *key, const char *text)
{
    text_printf(out, "\"%s\": ", key);
    json_string(out, text);
}

static void put_head(Text *out, const Compiled *compiled)
{
    text_printf(out, "{\n  \"schema\": \"rematc-plan/1\",\n  ");
    put_text(out, "model", compiled->name);
    text_printf(out, ", ");
    put_text(out, "target", compiled->target);
    text_printf(out, ", ");
    put_text(out, "device", compiled->device);
    text_printf(out, ", ");
    put_text(out, "strategy", compiled->plan->strategy);
    if (compiled->has_budget)
        text_printf(out, ", \"budget_bytes\": %zu,\n", compiled->budget_bytes);
    else
        text_printf(out, ", \"budget_bytes\": null,\n");
}

static void put_memory(Text *out, const Compiled *compiled, const Facts *facts)
{
    text_printf(out,
                "  \"memory\": {\"peak_bytes\": %zu, \"max_live_bytes\": %zu, "
                "\"lower_bound_bytes\": %zu,\n    \"keep_all_peak_bytes\": %zu, "
                "\"alignment\": %zu,\n   ",
                compiled->layout->arena_bytes, compiled->timeline->max_live_bytes,
                compiled->solution->lower_bound_bytes, compiled->solution->keep_all_bytes,
                compiled->problem->alignment);
    static const struct {
        const char *key;
        TensorClass class;
    } keys[] = {
        {"parameters_bytes", CLASS_parameter},        {"gradients_bytes", CLASS_gradient},
        {"optimizer_bytes", CLASS_optimizer},         {"inputs_bytes", CLASS_input},
        {"activations_peak_bytes", CLASS_activation}, {"outputs_bytes", CLASS_output},
        {"workspace_bytes", CLASS_workspace},
    };
    int n = sizeof keys / sizeof keys[0];
    for (int i = 0; i < n; i++)
        text_printf(out, " \"%s\": %zu%s", keys[i].key, facts->class_bytes[keys[i].class],
                    i + 1 < n ? "," : "},\n");
}

static void put_number(Text *out, const char *key, double value, const char *end)
{
    text_printf(out, "\"%s\": ", key);
    json_number(out, value);
    text_printf(out, "%s", end);
}

static void put_time(Text *out, const Compiled *compiled, const Facts *facts)
{
    text_printf(out, "  \"time\": {");
    put_number(out, "forward_flops", facts->flops[PHASE_forward], ", ");
    put_number(out, "backward_flops", facts->flops[PHASE_backward], ", ");
    put_number(out, "update_flops", facts->flops[PHASE_update], ", ");
    put_number(out, "recompute_flops", compiled->timeline->recompute_flops, ",\n    ");
    put_number(out, "step_seconds", compiled->timeline->seconds, ", ");
    put_number(out, "keep_all_seconds", compiled->solution->keep_all_seconds, ", ");
    put_number(out, "overhead", compiled->solution->overhead, ", ");
    put_number(out, "overhead_lower_bound", compiled->solution->overhead_lower_bound, ", ");
    put_text(out, "gap", plan_gap(out->arena, compiled->solution));
    text_printf(out, "},\n");
}

static bool is_live(const Life *life, int step)
{
    return life->first_step <= step && step <= life->last_step;
}

static size_t workspace_bytes(const Compiled *compiled, int step)
{
    return compiled->problem->nodes[compiled->plan->sequence[step]].workspace_bytes;
}

static const char *workspace_name(Arena *arena, const Compiled *compiled, int step)
{
    const ProblemNode *node = &compiled->problem->nodes[compiled->plan->sequence[step]];
    return arena_printf(arena, "%s.workspace", node->name);
}

static void put_peak(Text *out, const Compiled *compiled)
{
    const Timeline *timeline = compiled->timeline;
    text_printf(out, "  \"peak\": {\"step\": %d, \"live\": [", timeline->peak_step);
    const char *separator = "";
    for (int i = 0; i < timeline->n_lives; i++) {
        if (!is_live(&timeline->lives[i], timeline->peak_step))
            continue;
        text_printf(out, "%s", separator);
        json_string(out, compiled->problem->values[timeline->lives[i].value].name);
        separator = ", ";
    }
    if (workspace_bytes(compiled, timeline->peak_step)) {
        text_printf(out, "%s", separator);
        json_string(out, workspace_name(out->arena, compiled, timeline->peak_step));
    }
    text_printf(out, "]},\n");
}

static void put_modules(Text *out, const Facts *facts)
{
    text_printf(out, "  \"modules\": [");
    for (int i = 0; i < facts->n_modules; i++) {
        const ModuleRow *row = &facts->modules[i];
        text_printf(out, "%s\n    {", i ? "," : "");
        put_text(out, "path", row->path);
        text_printf(out, ", \"count\": %d, ", row->count);
        put_text(out, "decision", row->decision);
        text_printf(out, ", \"kept_bytes\": %zu, ", row->kept_bytes);
        put_number(out, "recompute_seconds", row->recompute_seconds, "}");
    }
    text_printf(out, "\n  ],\n");
}

static void put_shape(Text *out, const Shape *shape)
{
    text_printf(out, "[");
    for (int i = 0; i < shape->rank; i++)
        text_printf(out, "%s%lld", i ? "," : "", (long long)shape->size[i]);
    text_printf(out, "]");
}

static void put_tensor(Text *out, const Compiled *compiled, const Facts *facts, int i)
{
    const Life *life = &compiled->timeline->lives[i];
    const Value *value = &compiled->problem->values[life->value];
    const Tensor *tensor = &compiled->graph->tensors[life->value];
    text_printf(out, "    {");
    put_text(out, "name", value->name);
    text_printf(out, ", \"shape\": ");
    put_shape(out, &tensor->shape);
    text_printf(out, ", \"dtype\": \"%s\", \"bytes\": %zu, \"offset\": %zu, \"class\": \"%s\", ",
                dtype_name(tensor->dtype), value->bytes, compiled->layout->offsets[i],
                class_name(value->class));
    text_printf(out, "\"decision\": \"%s\", \"first_step\": %d, \"last_step\": %d, \"runs\": %d, ",
                decision_name(facts->decisions[i]), life->first_step, life->last_step,
                facts->runs[life->value]);
    if (life->alias_of >= 0)
        text_printf(out, "\"alias_of\": %d, ", life->alias_of);
    put_text(out, "source", report_source(out->arena, compiled, tensor->span));
    text_printf(out, "}");
}

/* The row of a step's workspace: floats where its size allows, else bytes. */
static void put_workspace(Text *out, const Compiled *compiled, int step)
{
    size_t bytes = workspace_bytes(compiled, step);
    bool floats = bytes % sizeof(float) == 0;
    text_printf(out, "    {");
    put_text(out, "name", workspace_name(out->arena, compiled, step));
    text_printf(out,
                ", \"shape\": [%zu], \"dtype\": \"%s\", \"bytes\": %zu, \"offset\": %zu, "
                "\"class\": \"workspace\", \"decision\": \"free\", \"first_step\": %d, "
                "\"last_step\": %d, \"runs\": 1, \"source\": \"\"}",
                floats ? bytes / sizeof(float) : bytes, floats ? "f32" : "bool", bytes,
                compiled->layout->workspace_offsets[step], step, step);
}

/* Rows of tensors: the lives, and after them the workspaces, in the order of their steps. */
static void put_tensors(Text *out, const Compiled *compiled, const Facts *facts)
{
    text_printf(out, "  \"tensors\": [");
    const char *separator = "\n";
    for (int i = 0; i < compiled->timeline->n_lives; i++, separator = ",\n") {
        text_printf(out, "%s", separator);
        put_tensor(out, compiled, facts, i);
    }
    for (int step = 0; step < compiled->plan->n_steps; step++) {
        if (!workspace_bytes(compiled, step))
            continue;
        text_printf(out, "%s", separator);
        put_workspace(out, compiled, step);
        separator = ",\n";
    }
    text_printf(out, "\n  ],\n");
}

static void put_indexes(Text *out, const char *before, const int *indexes, int n)
{
    text_printf(out, "%s", before);
    for (int i = 0; i < n; i++)
        text_printf(out, "%s%d", i ? "," : "", indexes[i]);
}

/* workspace: the row of the step's workspace, where it has one. */
static void put_step(Text *out, const Compiled *compiled, const Facts *facts, int step,
                     int workspace)
{
    const Timeline *timeline = compiled->timeline;
    const ProblemNode *node = &compiled->problem->nodes[compiled->plan->sequence[step]];
    text_printf(out, "    {");
    put_text(out, "op", node->op);
    text_printf(out, ", ");
    put_text(out, "name", node->name);
    text_printf(out, ", \"phase\": \"%s\", \"live_bytes\": %zu", facts->phases[step],
                timeline->live_bytes[step]);
    put_indexes(out, ", \"reads\": [", timeline->step_reads[step], node->n_reads);
    put_indexes(out, "], \"writes\": [", timeline->step_writes[step], node->n_writes);
    if (node->workspace_bytes)
        text_printf(out, "%s%d", node->n_writes ? "," : "", workspace);
    text_printf(out, "]}");
}

void report_json(Text *out, const Compiled *compiled)
{
    Facts facts = report_facts(out->arena, compiled);
    put_head(out, compiled);
    put_memory(out, compiled, &facts);
    put_time(out, compiled, &facts);
    put_peak(out, compiled);
    put_modules(out, &facts);
    put_tensors(out, compiled, &facts);
    text_printf(out, "  \"steps\": [\n");
    int workspace = compiled->timeline->n_lives;
    for (int step = 0; step < compiled->plan->n_steps; step++) {
        put_step(out, compiled, &facts, step, workspace);
        workspace += workspace_bytes(compiled, step) != 0;
        text_printf(out, step + 1 < compiled->plan->n_steps ? ",\n" : "\n");
    }
    text_printf(out, "  ]\n}\n");
}
