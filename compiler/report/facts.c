/* A compiled model in; out come the facts that every form shows: what each class holds, what
 * happens to each value, and how modules are treated. */
#include "report/report.h"

#include "base/size.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *decision_name(Decision decision)
{
    static const char *const names[] = {"keep", "recompute", "free"};
    return names[decision];
}

const char *report_source(Arena *arena, const Compiled *compiled, Span span)
{
    if (span.start < 0)
        return "";
    return arena_printf(arena, "%s:%d", diag_source(compiled->diag)->name,
                        diag_line(compiled->diag, span.start));
}

static int *count_runs(Arena *arena, const Compiled *compiled)
{
    int *runs = NEW_N(arena, int, compiled->problem->n_values);
    for (int i = 0; i < compiled->timeline->n_lives; i++)
        runs[compiled->timeline->lives[i].value]++;
    return runs;
}

/* Bytes of each class that appear and go at each step; a life that takes another's bytes adds what
 * it occupies beyond them, in its own class, and the bytes stay with the class that had them first.
 */
static void count_classes(const Compiled *compiled, size_t most[N_CLASSES])
{
    const Timeline *timeline = compiled->timeline;
    int n_steps = compiled->plan->n_steps;
    long long *change = xcalloc((size_t)(n_steps + 1) * N_CLASSES, sizeof *change);
    for (int i = 0; i < timeline->n_lives; i++) {
        const Life *life = &timeline->lives[i];
        const Value *value = &compiled->problem->values[life->value];
        long long bytes = (long long)value_bytes(compiled->problem, life->value);
        int first = life->first_step;
        if (life->alias_of >= 0 && first <= timeline->lives[life->alias_of].last_step)
            first = timeline->lives[life->alias_of].last_step + 1;
        if (first > life->last_step)
            continue;
        change[first * N_CLASSES + (int)value->class] += bytes;
        change[(life->last_step + 1) * N_CLASSES + (int)value->class] -= bytes;
    }
    for (int class = 0; class < N_CLASSES; class ++) {
        long long live = 0;
        for (int step = 0; step < n_steps; step++) {
            live += change[step * N_CLASSES + class];
            size_t now = (size_t)live;
            if (class == CLASS_workspace) {
                const ProblemNode *node = &compiled->problem->nodes[compiled->plan->sequence[step]];
                now += round_up(node->workspace_bytes, compiled->problem->alignment);
            }
            if (now > most[class])
                most[class] = now;
        }
    }
    free(change);
}

static const char **name_phases(Arena *arena, const Compiled *compiled)
{
    const Plan *plan = compiled->plan;
    const char **phases = NEW_N(arena, const char *, plan->n_steps);
    bool *seen = xcalloc((size_t)compiled->problem->n_nodes, sizeof *seen);
    for (int step = 0; step < plan->n_steps; step++) {
        int node = plan->sequence[step];
        phases[step] = seen[node] ? "recompute" : phase_name(compiled->problem->nodes[node].phase);
        seen[node] = true;
    }
    free(seen);
    return phases;
}

/* Kept: there from forward to backward, or for good. */
static Decision decide(const Compiled *compiled, const Facts *facts, const Life *life)
{
    const Value *value = &compiled->problem->values[life->value];
    if (facts->runs[life->value] > 1)
        return DECISION_RECOMPUTE;
    if (value->resident || value->to_end)
        return DECISION_KEEP;
    bool from_forward =
        value->producer < 0 || compiled->problem->nodes[value->producer].phase == PHASE_forward;
    const char *last = facts->phases[life->last_step];
    return from_forward && strcmp(last, "forward") != 0 && strcmp(last, "update") != 0
               ? DECISION_KEEP
               : DECISION_FREE;
}

/* The instance that a row of the module table stands for: the outermost call around it, or the
 * outermost block where no module is called. */
static int top_instance(const Compiled *compiled, int instance)
{
    const Instance *instances = compiled->graph->instances;
    int call = -1, block = 0;
    for (; instance > 0; instance = instances[instance].parent) {
        block = instance;
        if (instances[instance].module)
            call = instance;
    }
    return call > 0 ? call : block;
}

typedef struct {
    size_t kept_bytes;
    double recompute_seconds;
    int kept, dropped;
    bool is_row;
} Treatment;

/* By value: read in the forward pass outside of the call that made it. What a call returns is the
 * caller's, and says nothing about how its inside is treated. */
static bool *find_results(const Compiled *compiled)
{
    const Problem *problem = compiled->problem;
    bool *results = xcalloc((size_t)problem->n_values, sizeof *results);
    for (int i = 0; i < problem->n_nodes; i++) {
        const ProblemNode *node = &problem->nodes[i];
        for (int j = 0; node->phase == PHASE_forward && j < node->n_reads; j++) {
            int value = node->reads[j];
            if (top_instance(compiled, problem->values[value].instance) !=
                top_instance(compiled, node->instance))
                results[value] = true;
        }
    }
    return results;
}

static Treatment *treat_instances(const Compiled *compiled, const Facts *facts)
{
    const Problem *problem = compiled->problem;
    Treatment *treatments = xcalloc((size_t)problem->n_instances, sizeof *treatments);
    bool *results = find_results(compiled);
    for (int i = 0; i < compiled->timeline->n_lives; i++) {
        const Life *life = &compiled->timeline->lives[i];
        const Value *value = &problem->values[life->value];
        if (life->run > 0 || value->class != CLASS_activation || value->producer < 0 ||
            problem->nodes[value->producer].phase != PHASE_forward)
            continue;
        Treatment *treatment = &treatments[top_instance(compiled, value->instance)];
        treatment->is_row = true;
        if (facts->decisions[i] == DECISION_KEEP) {
            treatment->kept += !results[life->value];
            treatment->kept_bytes += value_bytes(problem, life->value);
        }
    }
    for (int step = 0; step < compiled->plan->n_steps; step++) {
        if (strcmp(facts->phases[step], "recompute") != 0)
            continue;
        const ProblemNode *node = &problem->nodes[compiled->plan->sequence[step]];
        Treatment *treatment = &treatments[top_instance(compiled, node->instance)];
        treatment->dropped++;
        treatment->recompute_seconds += node->seconds;
    }
    free(results);
    return treatments;
}

static ModuleRow module_row(const ProblemInstance *instance, const Treatment *treatment)
{
    return (ModuleRow){.path = instance->path,
                       .count = 1,
                       .decision = !treatment->dropped ? "keep"
                                   : !treatment->kept  ? "recompute"
                                                       : "mixed",
                       .kept_bytes = treatment->kept_bytes,
                       .recompute_seconds = treatment->recompute_seconds};
}

/* Rows fold where type and treatment are equal and nothing else of the model lies between. */
static void list_modules(Arena *arena, const Compiled *compiled, Facts *facts)
{
    const Problem *problem = compiled->problem;
    Treatment *treatments = treat_instances(compiled, facts);
    facts->modules = NEW_N(arena, ModuleRow, problem->n_instances);
    int last_type = -1;
    for (int i = 1; i < problem->n_instances; i++) {
        const ProblemInstance *instance = &problem->instances[i];
        if (!treatments[i].is_row)
            continue;
        ModuleRow row = module_row(instance, &treatments[i]);
        ModuleRow *last = facts->n_modules ? &facts->modules[facts->n_modules - 1] : NULL;
        if (last && instance->type == last_type && strcmp(row.decision, last->decision) == 0 &&
            row.kept_bytes == last->kept_bytes && row.recompute_seconds == last->recompute_seconds)
            last->count++;
        else
            facts->modules[facts->n_modules++] = row;
        last_type = instance->type;
    }
    free(treatments);
}

Facts report_facts(Arena *arena, const Compiled *compiled)
{
    Facts facts = {0};
    facts.runs = count_runs(arena, compiled);
    facts.phases = name_phases(arena, compiled);
    count_classes(compiled, facts.class_bytes);
    facts.decisions = NEW_N(arena, Decision, compiled->timeline->n_lives);
    for (int i = 0; i < compiled->timeline->n_lives; i++)
        facts.decisions[i] = decide(compiled, &facts, &compiled->timeline->lives[i]);
    for (int i = 0; i < compiled->problem->n_nodes; i++) {
        const ProblemNode *node = &compiled->problem->nodes[i];
        facts.flops[node->phase] += node->flops;
    }
    list_modules(arena, compiled, &facts);
    return facts;
}
