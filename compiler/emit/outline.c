/* Groups calls into runs and runs into functions. */
#include "emit/outline.h"

#include <math.h>
#include <string.h>

enum { MANY_CHANGES = 4 }; /* of phase within one unit: more are one run */

/* ---- runs
 * -------------------------------------------------------------------------------------------- */

static int unit_of(const Problem *problem, int instance)
{
    while (instance > 0 && problem->instances[instance].parent > 0)
        instance = problem->instances[instance].parent;
    return instance < 0 ? 0 : instance;
}

/* The kind of each step: a forward node's second and later runs are `again`. */
static RunKind *step_kinds(Arena *arena, const Emission *e)
{
    RunKind *kinds = NEW_N(arena, RunKind, e->plan->n_steps + 1);
    bool *seen = NEW_N(arena, bool, e->problem->n_nodes);
    for (int step = 0; step < e->plan->n_steps; step++) {
        const int node = e->plan->sequence[step];
        switch (e->problem->nodes[node].phase) {
        case PHASE_backward: kinds[step] = RUN_BACKWARD; break;
        case PHASE_update: kinds[step] = RUN_UPDATE; break;
        default: kinds[step] = seen[node] ? RUN_AGAIN : RUN_FORWARD; break;
        }
        seen[node] = true;
    }
    return kinds;
}

/* Where the phases of a unit change too often for lines of their own, all of it but the forward
 * pass is its backward pass. calls[from..to) are of one unit. */
static void merge_phases(const Calls *calls, RunKind *kinds, int from, int to)
{
    int changes = 0;
    for (int i = from + 1; i < to; i++)
        changes += kinds[calls->data[i].step] != kinds[calls->data[i - 1].step];
    for (int i = from; i < to && changes >= MANY_CHANGES; i++)
        if (kinds[calls->data[i].step] != RUN_FORWARD)
            kinds[calls->data[i].step] = RUN_BACKWARD;
}

/* Where a call belongs: the work on a parameter's gradient outside the backward pass belongs to the
 * parameter's module. */
static int call_instance(const Emission *e, const Call *call)
{
    const int number = e->plan->sequence[call->step];
    const Node *node = &e->graph->nodes[number];
    for (int i = 0; node->phase == PHASE_update && i < node->n_inputs; i++) {
        const Tensor *tensor = &e->graph->tensors[node->inputs[i]];
        if (tensor->class == CLASS_gradient && tensor->origin >= 0 &&
            e->graph->tensors[tensor->origin].class == CLASS_parameter)
            return e->graph->tensors[tensor->origin].instance;
    }
    return e->problem->nodes[number].instance < 0 ? 0 : e->problem->nodes[number].instance;
}

static int call_unit(const Emission *e, const Call *call)
{
    return unit_of(e->problem, call_instance(e, call));
}

/* The innermost instance that holds both. Parents come before their children. */
static int common_instance(const Problem *problem, int a, int b)
{
    while (a != b) {
        int *inner = a > b ? &a : &b;
        *inner = *inner > 0 ? problem->instances[*inner].parent : 0;
    }
    return a;
}

static Run *split(Arena *arena, const Emission *e, const Calls *calls, int *n_runs)
{
    RunKind *kinds = step_kinds(arena, e);
    for (int from = 0, to; from < calls->n; from = to) {
        for (to = from; to < calls->n; to++)
            if (call_unit(e, &calls->data[to]) != call_unit(e, &calls->data[from]))
                break;
        merge_phases(calls, kinds, from, to);
    }
    Run *runs = NEW_N(arena, Run, calls->n + 1);
    int n = 0;
    for (int i = 0; i < calls->n; i++) {
        const Call *call = &calls->data[i];
        const int unit = call_unit(e, call);
        if (n == 0 || runs[n - 1].unit != unit || runs[n - 1].kind != kinds[call->step])
            runs[n++] = (Run){.first_call = i,
                              .first_step = call->step,
                              .instance = call_instance(e, call),
                              .unit = unit,
                              .kind = kinds[call->step]};
        runs[n - 1].n_calls++;
        runs[n - 1].instance =
            common_instance(e->problem, runs[n - 1].instance, call_instance(e, call));
        runs[n - 1].last_step = call->step;
    }
    *n_runs = n;
    return runs;
}

/* ---- slots
 * --------------------------------------------------------------------------------------------- */

/* Numbers a run's operands by first use: tensors by their life, each constant and stream its own.
 */
typedef struct {
    int *slot_of_life; /* -1: none in this run */
    int n_slots;
} Numbering;

static int slot_number(Numbering *numbering, const CallOperand *operand)
{
    if (operand->kind == OPERAND_NONE || operand->kind == OPERAND_STEP)
        return -1; /* the same in all runs: part of the text */
    if (operand->kind != OPERAND_TENSOR || operand->plus > 0)
        return numbering->n_slots++;
    int *slot = &numbering->slot_of_life[operand->life];
    if (*slot < 0)
        *slot = numbering->n_slots++;
    return *slot;
}

static void forget(Numbering *numbering, const Calls *calls, const Run *run)
{
    for (int i = 0; i < run->n_calls; i++) {
        const Call *call = &calls->data[run->first_call + i];
        for (int k = 0; k < call->operands.n; k++)
            if (call->operands.data[k].kind == OPERAND_TENSOR)
                numbering->slot_of_life[call->operands.data[k].life] = -1;
    }
    numbering->n_slots = 0;
}

/* Equal keys: equal text of the function. Also fills run->slots: [slot] = call * MOST_OPERANDS +
 * operand. */
enum { MOST_OPERANDS = 4096 };

static const char *number_run(Arena *arena, const Calls *calls, Run *run, Numbering *numbering)
{
    static const char letters[] = {'T', 'N', 'C', 'A', 'S', 'K', 'W'};
    Text key = text_new(arena);
    ARRAY(int) slots = {0};
    for (int i = 0; i < run->n_calls; i++) {
        const Call *call = &calls->data[run->first_call + i];
        text_printf(&key, "%s(%s", call->function, call->shape ? call->shape : "");
        for (int k = 0; k < call->operands.n; k++) {
            const int slot = slot_number(numbering, &call->operands.data[k]);
            text_printf(&key, ",%c%d", letters[call->operands.data[k].kind], slot);
            if (call->operands.data[k].kind == OPERAND_STEP)
                text_printf(&key, "+%zu", call->operands.data[k].plus);
            if (slot == slots.n)
                PUSH(arena, slots, i * MOST_OPERANDS + k);
        }
        text_printf(&key, ")");
    }
    run->slots = slots.data;
    forget(numbering, calls, run);
    return key.data;
}

CallOperand outline_operand(const Calls *calls, const Run *run, int slot)
{
    if (!run->slots)
        bug("a run has no slots");
    const int place = run->slots[slot];
    return calls->data[run->first_call + place / MOST_OPERANDS]
        .operands.data[place % MOST_OPERANDS];
}

/* ---- functions
 * -------------------------------------------------------------------------------------------- */

/* `layer.norm` of `layer[3].norm`: what is equal in all runs of a function. */
static const char *without_indexes(Arena *arena, const char *path)
{
    Text name = text_new(arena);
    for (; *path; path += strcspn(path, "]") + (strchr(path, ']') != NULL)) {
        const size_t n = strcspn(path, "[");
        text_append(&name, path, n);
        path += n;
    }
    return name.data;
}

/* For the model itself the program's name. */
static const char *instance_name(Arena *arena, const Emission *e, int instance)
{
    const char *path = e->problem->instances[instance].path;
    return instance == 0 || !*path ? e->name : without_indexes(arena, path);
}

static const char *function_name(Arena *arena, const Emission *e, const Run *run, Names *names)
{
    static const char *const words[] = {"forward", "again", "backward", "update"};
    return names_new_one(names, arena_printf(arena, "%s_%s", instance_name(arena, e, run->instance),
                                             words[run->kind]));
}

static const char *slot_name(Arena *arena, const Emission *e, const Run *run,
                             const CallOperand *operand, Names *names)
{
    if (operand->kind == OPERAND_CONSTANT)
        return names_new_one(names, "constant");
    if (operand->kind == OPERAND_STREAM)
        return names_new_one(names, "stream");
    if (operand->kind == OPERAND_WORKSPACE)
        return names_new_one(names, "workspace");
    if (operand->kind == OPERAND_SIZE)
        return names_new_one(names, "n");
    const char *name = e->problem->values[e->timeline->lives[operand->life].value].name;
    const char *path = e->problem->instances[run->instance].path;
    const size_t n = strlen(path);
    if (n > 0 && strncmp(name, path, n) == 0 && name[n] == '.')
        name += n + 1;
    return names_new_one(names, strchr(path, '[') ? without_indexes(arena, name) : name);
}

static int **slots_of_calls(Arena *arena, const Calls *calls, const Run *run, Numbering *numbering)
{
    int **slot_of = NEW_N(arena, int *, run->n_calls);
    for (int i = 0; i < run->n_calls; i++) {
        const Call *call = &calls->data[run->first_call + i];
        slot_of[i] = NEW_N(arena, int, call->operands.n);
        for (int k = 0; k < call->operands.n; k++)
            slot_of[i][k] = slot_number(numbering, &call->operands.data[k]);
    }
    return slot_of;
}

static Function function_new(Arena *arena, const Emission *e, const Calls *calls, const Run *run,
                             Numbering *numbering, Names *names)
{
    Function function = {.name = function_name(arena, e, run, names)};
    function.slot_of = slots_of_calls(arena, calls, run, numbering);
    function.n_slots = numbering->n_slots;
    function.slots = NEW_N(arena, Slot, function.n_slots);
    Names *fields = names_new(arena);
    for (int slot = 0; slot < function.n_slots; slot++) {
        const CallOperand operand = outline_operand(calls, run, slot);
        const bool literal = operand.kind != OPERAND_TENSOR && operand.kind != OPERAND_WORKSPACE;
        function.slots[slot] = (Slot){slot_name(arena, e, run, &operand, fields), operand, literal};
    }
    forget(numbering, calls, run);
    return function;
}

static bool same_number(const CallOperand *a, const CallOperand *b)
{
    return a->stream == b->stream && a->size == b->size && a->constant == b->constant &&
           signbit(a->constant) == signbit(b->constant);
}

static void find_literals(const Calls *calls, Function *function, const Run *run)
{
    for (int slot = 0; slot < function->n_slots; slot++) {
        const CallOperand operand = outline_operand(calls, run, slot);
        Slot *s = &function->slots[slot];
        s->literal = s->literal && same_number(&operand, &s->operand);
    }
}

static void list_runs(Arena *arena, Outline *outline)
{
    for (int i = 0; i < outline->n_runs; i++)
        outline->functions[outline->runs[i].function].n_runs++;
    for (int f = 0; f < outline->n_functions; f++) {
        outline->functions[f].runs = NEW_N(arena, int, outline->functions[f].n_runs);
        outline->functions[f].n_runs = 0;
    }
    for (int i = 0; i < outline->n_runs; i++) {
        Function *function = &outline->functions[outline->runs[i].function];
        outline->runs[i].number = function->n_runs;
        function->runs[function->n_runs++] = i;
    }
}

Outline outline_of(Arena *arena, const Emission *e, const Calls *calls, Names *names)
{
    Outline outline = {0};
    outline.runs = split(arena, e, calls, &outline.n_runs);
    outline.functions = NEW_N(arena, Function, outline.n_runs);
    Map *known = map_new(arena);
    Numbering numbering = {.slot_of_life = NEW_N(arena, int, e->timeline->n_lives)};
    for (int i = 0; i < e->timeline->n_lives; i++)
        numbering.slot_of_life[i] = -1;
    for (int i = 0; i < outline.n_runs; i++) {
        Run *run = &outline.runs[i];
        const char *key = number_run(arena, calls, run, &numbering);
        run->function = map_get(known, key);
        if (run->function < 0) {
            run->function = outline.n_functions++;
            map_add(known, key, run->function);
            outline.functions[run->function] =
                function_new(arena, e, calls, run, &numbering, names);
        }
        find_literals(calls, &outline.functions[run->function], run);
    }
    list_runs(arena, &outline);
    return outline;
}
