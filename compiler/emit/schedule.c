/* Prints functions and schedule. */
#include "emit/schedule.h"

#include "base/size.h"

#include <stdlib.h>
#include <string.h>

/* ---- functions
 * -------------------------------------------------------------------------------------- */

/* Appends ", text" (or "text" after an opening bracket), on a new line where this one is full. */
static void append_item(Text *out, size_t *line_start, const char *text, int indent)
{
    const char last = out->data[out->n - 1];
    const bool first = last == '(' || last == '{' || last == ' ';
    if (out->n - *line_start + strlen(text) > 94) {
        text_printf(out, "%s\n%*s", first ? "" : ",", indent, "");
        *line_start = out->n - (size_t)indent;
    } else if (!first) {
        text_printf(out, ", ");
    }
    text_printf(out, "%s", text);
}

static const char *number_text(Arena *arena, const CallOperand *operand)
{
    if (operand->kind == OPERAND_STREAM)
        return arena_printf(arena, "%lu", (unsigned long)operand->stream);
    if (operand->kind == OPERAND_SIZE)
        return arena_printf(arena, "%lld", (long long)operand->size);
    for (int digits = 6; digits < 17; digits++) {
        const char *text = arena_printf(arena, "%.*g", digits, operand->constant);
        if (strtod(text, NULL) == operand->constant)
            return text; /* the shortest that is read back as the same number */
    }
    return arena_printf(arena, "%.17g", operand->constant);
}

static const char *operand_text(Arena *arena, const Function *function, const CallOperand *operand,
                                int slot)
{
    if (operand->kind == OPERAND_NONE)
        return "NULL";
    if (operand->kind == OPERAND_STEP)
        return operand->plus ? arena_printf(arena, "m + STEP + %zu", operand->plus) : "m + STEP";
    const Slot *s = &function->slots[slot];
    if (operand->kind == OPERAND_TENSOR || operand->kind == OPERAND_WORKSPACE)
        return arena_printf(arena, "m + t->%s", s->name);
    return s->literal ? number_text(arena, &s->operand) : arena_printf(arena, "t->%s", s->name);
}

static void print_call(Arena *arena, Text *out, const Function *function, const Call *call,
                       const int *slot_of)
{
    size_t line = out->n;
    text_printf(out, "    %s(", call->function);
    if (call->shape)
        append_item(out, &line, arena_printf(arena, "&%s", call->shape), 8);
    for (int k = 0; k < call->operands.n; k++)
        append_item(out, &line, operand_text(arena, function, &call->operands.data[k], slot_of[k]),
                    8);
    text_printf(out, ");\n");
}

/* Offsets of tensors and of workspace are fields alike. */
static OperandKind field_kind(const Slot *slot)
{
    return slot->operand.kind == OPERAND_WORKSPACE ? OPERAND_TENSOR : slot->operand.kind;
}

/* Fields of one type on lines of their own; false where there is none. */
static bool print_fields(Text *out, const Function *function, OperandKind kind, const char *type)
{
    size_t line = out->n;
    bool any = false;
    for (int slot = 0; slot < function->n_slots; slot++) {
        const Slot *s = &function->slots[slot];
        if (field_kind(s) != kind || s->literal)
            continue;
        if (!any)
            text_printf(out, "    %s ", type);
        append_item(out, &line, s->name, 8);
        any = true;
    }
    if (any)
        text_printf(out, ";\n");
    return any;
}

static const char *value_text(Arena *arena, const Emission *e, const CallOperand *operand)
{
    if (operand->kind == OPERAND_TENSOR)
        return arena_printf(arena, "%zu", e->layout->offsets[operand->life] + operand->plus);
    if (operand->kind == OPERAND_WORKSPACE)
        return arena_printf(arena, "%zu", e->layout->workspace_offsets[operand->life]);
    return number_text(arena, operand);
}

static void print_values(Arena *arena, Text *out, const Emission *e, const Calls *calls,
                         const Function *function, const Run *run)
{
    static const OperandKind order[] = {OPERAND_TENSOR, OPERAND_SIZE, OPERAND_STREAM,
                                        OPERAND_CONSTANT};
    size_t line = out->n;
    text_printf(out, "    {");
    for (int kind = 0; kind < 4; kind++)
        for (int slot = 0; slot < function->n_slots; slot++) {
            const Slot *s = &function->slots[slot];
            if (field_kind(s) != order[kind] || s->literal)
                continue;
            const CallOperand operand = outline_operand(calls, run, slot);
            append_item(out, &line, value_text(arena, e, &operand), 5);
        }
    text_printf(out, "}, /* %d: %s */\n", run->number,
                *e->problem->instances[run->instance].path
                    ? e->problem->instances[run->instance].path
                    : e->name);
}

static void print_function(Arena *arena, Text *out, const Emission *e, const Calls *calls,
                           const Outline *outline, const Function *function)
{
    text_printf(out, "struct %s {\n", function->name);
    bool any = print_fields(out, function, OPERAND_TENSOR, "size_t");
    any |= print_fields(out, function, OPERAND_SIZE, "int64_t");
    any |= print_fields(out, function, OPERAND_STREAM, "uint32_t");
    any |= print_fields(out, function, OPERAND_CONSTANT, "double");
    text_printf(out, "%s};\n\nstatic void %s(char *m, const struct %s *t)\n{\n",
                any ? "" : "    char unused;\n", function->name, function->name);
    const Run *first = &outline->runs[function->runs[0]];
    for (int i = 0; i < first->n_calls; i++)
        print_call(arena, out, function, &calls->data[first->first_call + i], function->slot_of[i]);
    text_printf(out, "}\n\nstatic const struct %s %s_at[] = {\n", function->name, function->name);
    for (int i = 0; i < function->n_runs; i++)
        print_values(arena, out, e, calls, function, &outline->runs[function->runs[i]]);
    text_printf(out, "};\n\n");
}

const char *schedule_functions(Arena *arena, const Emission *emission, const Calls *calls,
                               const Outline *outline)
{
    Text out = text_new(arena);
    for (int i = 0; i < outline->n_functions; i++)
        print_function(arena, &out, emission, calls, outline, &outline->functions[i]);
    return out.data;
}

/* ---- the schedule
 * ---------------------------------------------------------------------------------------- */

/* Activations that a forward run leaves for a step that is no longer forward. */
typedef struct {
    int n;
    size_t bytes;
    const char *name; /* of the last */
} Left;

static Left left_by(const Emission *e, const Run *run, int first_backward)
{
    Left left = {0};
    for (int i = 0; i < e->timeline->n_lives; i++) {
        const Life *life = &e->timeline->lives[i];
        const Value *value = &e->problem->values[life->value];
        if (life->first_step < run->first_step || life->first_step > run->last_step ||
            life->last_step < first_backward || value->class != CLASS_activation)
            continue;
        left.n++;
        left.bytes += value->bytes;
        left.name = value->name;
    }
    return left;
}

/* Nodes that run more than once, and the first step that is no forward step: worked out once. */
typedef struct {
    bool *repeated; /* for each node */
    int first_backward, last_forward_run;
} Facts;

static Facts facts_of(Arena *arena, const Emission *e, const Outline *outline)
{
    Facts facts = {.repeated = NEW_N(arena, bool, e->problem->n_nodes),
                   .first_backward = e->plan->n_steps,
                   .last_forward_run = -1};
    bool *seen = NEW_N(arena, bool, e->problem->n_nodes);
    for (int step = 0; step < e->plan->n_steps; step++) {
        const int node = e->plan->sequence[step];
        facts.repeated[node] = seen[node];
        seen[node] = true;
    }
    for (int i = 0; i < outline->n_runs; i++) {
        if (outline->runs[i].kind == RUN_FORWARD)
            facts.last_forward_run = i;
        else if (outline->runs[i].first_step < facts.first_backward)
            facts.first_backward = outline->runs[i].first_step;
    }
    return facts;
}

static const char *forward_remark(Arena *arena, const Emission *e, const Run *run,
                                  const Facts *facts)
{
    bool dropped = false;
    for (int step = run->first_step; step <= run->last_step; step++)
        dropped = dropped || facts->repeated[e->plan->sequence[step]];
    const Left left = left_by(e, run, facts->first_backward);
    const char *kept = "";
    if (left.n == 1)
        kept = arena_printf(arena, "keeps %s", left.name);
    else if (left.n > 1)
        kept = arena_printf(arena, "keeps %d tensors, %s", left.n, size_format(arena, left.bytes));
    if (!dropped)
        return kept;
    return arena_printf(arena, "%s%sdrops the rest of %s", kept, *kept ? ", " : "",
                        *e->problem->instances[run->instance].path
                            ? e->problem->instances[run->instance].path
                            : e->name);
}

static const char *remark(Arena *arena, const Emission *e, const Outline *outline, int number,
                          const Facts *facts)
{
    const Run *run = &outline->runs[number];
    switch (run->kind) {
    case RUN_FORWARD: return forward_remark(arena, e, run, facts);
    case RUN_AGAIN:
        return number + 1 < outline->n_runs && outline->runs[number + 1].kind == RUN_BACKWARD
                   ? "again, for the next line"
                   : "again";
    default: return "";
    }
}

static void print_line(Arena *arena, Text *out, const Emission *e, const Outline *outline,
                       int number, const Facts *facts)
{
    const Run *run = &outline->runs[number];
    const char *function = outline->functions[run->function].name;
    size_t live = 0;
    for (int step = run->first_step; step <= run->last_step; step++)
        if (e->timeline->live_bytes[step] > live)
            live = e->timeline->live_bytes[step];
    const bool peak =
        e->timeline->peak_step >= run->first_step && e->timeline->peak_step <= run->last_step;
    const bool early = number < facts->last_forward_run && run->kind != RUN_FORWARD;
    const char *call = arena_printf(arena, "%s%s(m, &%s_at[%d]);", early ? "IF_TRAINING(m) " : "",
                                    function, function, run->number);
    const char *steps = run->first_step == run->last_step
                            ? arena_printf(arena, "%d", run->first_step)
                            : arena_printf(arena, "%d-%d", run->first_step, run->last_step);
    text_printf(out, "%-50s /* %9s  %s%s%s%s */\n", call, steps,
                remark(arena, e, outline, number, facts),
                *remark(arena, e, outline, number, facts) ? ": " : "", size_format(arena, live),
                peak ? ", peak" : "");
    if (number == facts->last_forward_run)
        text_printf(out, "END_OF_FORWARD(m);\n");
}

const char *schedule_calls(Arena *arena, const Emission *emission, const Outline *outline)
{
    Text out = text_new(arena);
    const Facts facts = facts_of(arena, emission, outline);
    for (int i = 0; i < outline->n_runs; i++)
        print_line(arena, &out, emission, outline, i, &facts);
    return out.data;
}
