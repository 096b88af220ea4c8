/* Why a tensor is where it is: what reads it, what keeping or dropping it costs, and whether that
 * is felt at the peak. */
#include "report/report.h"

#include "base/size.h"

#include <string.h>

typedef struct {
    int first_backward, n_backward; /* steps that read it after the forward pass */
    bool at_peak;                   /* a life of it covers the peak */
    bool across_peak;               /* it would be live at the peak if it were kept */
    double seconds;                 /* one run of the node that writes it */
} Use;

static Use find_use(const Compiled *compiled, const Facts *facts, int value)
{
    Use use = {.first_backward = -1};
    const Timeline *timeline = compiled->timeline;
    int first = -1, last = -1;
    for (int i = 0; i < timeline->n_lives; i++) {
        const Life *life = &timeline->lives[i];
        if (life->value != value)
            continue;
        if (first < 0)
            first = life->first_step;
        last = life->last_step;
        if (life->first_step <= timeline->peak_step && timeline->peak_step <= life->last_step)
            use.at_peak = true;
    }
    use.across_peak = first <= timeline->peak_step && timeline->peak_step <= last;
    for (int step = 0; step < compiled->plan->n_steps; step++) {
        const ProblemNode *node = &compiled->problem->nodes[compiled->plan->sequence[step]];
        if (strcmp(facts->phases[step], "backward") != 0)
            continue;
        for (int i = 0; i < node->n_reads; i++) {
            if (node->reads[i] != value)
                continue;
            if (!use.n_backward++)
                use.first_backward = step;
        }
    }
    int producer = compiled->problem->values[value].producer;
    use.seconds = producer >= 0 ? compiled->problem->nodes[producer].seconds : 0;
    return use;
}

static void put_readers(Text *out, const Compiled *compiled, const Use *use)
{
    if (!use->n_backward) {
        text_printf(out, "  no backward step reads it\n");
        return;
    }
    const ProblemNode *node =
        &compiled->problem->nodes[compiled->plan->sequence[use->first_backward]];
    text_printf(out, "  %d backward step%s read%s it, first step %d: %s (%s)\n", use->n_backward,
                use->n_backward == 1 ? "" : "s", use->n_backward == 1 ? "s" : "",
                use->first_backward, node->name, node->op);
}

static void put_reason(Text *out, const Compiled *compiled, const Facts *facts, int value,
                       Decision decision)
{
    Use use = find_use(compiled, facts, value);
    const char *bytes = size_format(out->arena, value_bytes(compiled->problem, value));
    put_readers(out, compiled, &use);
    if (compiled->problem->values[value].resident)
        text_printf(out, "  it is part of the model's state and stays for the whole run\n");
    else if (decision == DECISION_RECOMPUTE)
        text_printf(out,
                    "  dropped and written %d times: a run of its node takes %.3f ms; keeping it "
                    "instead would %s\n",
                    facts->runs[value], 1e3 * use.seconds,
                    use.across_peak
                        ? arena_printf(out->arena, "hold %s more at the peak", bytes)
                        : "not be felt at the peak, but may be at another step near it");
    else if (decision == DECISION_KEEP)
        text_printf(out, "  kept: recomputing it would take at least %.3f ms and free %s%s\n",
                    1e3 * use.seconds, bytes,
                    use.at_peak ? ", which are live at the peak"
                                : ", but none of it is live at the peak");
    else
        text_printf(out, "  freed after its last use: nothing later needs it\n");
}

bool report_why(Text *out, const Compiled *compiled, const char *name)
{
    Facts facts = report_facts(out->arena, compiled);
    const Timeline *timeline = compiled->timeline;
    int found = -1;
    for (int i = 0; i < timeline->n_lives; i++) {
        const Life *life = &timeline->lives[i];
        const Value *value = &compiled->problem->values[life->value];
        if (strcmp(value->name, name) != 0)
            continue;
        const Tensor *tensor = &compiled->graph->tensors[life->value];
        if (found < 0)
            text_printf(out, "%s: %s %s, %zu bytes, %s, %s (%s)\n", name, dtype_name(tensor->dtype),
                        shape_text(out->arena, &tensor->shape), value->bytes,
                        class_name(value->class), decision_name(facts.decisions[i]),
                        report_source(out->arena, compiled, tensor->span));
        text_printf(out, "  at byte %zu in steps %d to %d\n", compiled->layout->offsets[i],
                    life->first_step, life->last_step);
        found = i;
    }
    if (found >= 0)
        put_reason(out, compiled, &facts, timeline->lives[found].value, facts.decisions[found]);
    return found >= 0;
}
