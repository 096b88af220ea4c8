/* Chrome trace events, which Perfetto opens: each step as a slice of its predicted time on the
 * track of its phase, and the live bytes as a counter. Times are microseconds. */
#include "report/report.h"

#include "base/json.h"

void report_perfetto(Text *out, const Compiled *compiled)
{
    Facts facts = report_facts(out->arena, compiled);
    double now = 0;
    text_printf(out, "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n");
    for (int step = 0; step < compiled->plan->n_steps; step++) {
        const ProblemNode *node = &compiled->problem->nodes[compiled->plan->sequence[step]];
        double duration = 1e6 * node->seconds;
        text_printf(out,
                    "{\"ph\": \"X\", \"pid\": 1, \"tid\": \"%s\", \"name\": ", facts.phases[step]);
        json_string(out, node->name);
        text_printf(out, ", \"ts\": %.3f, \"dur\": %.3f, \"args\": {\"step\": %d, \"op\": ", now,
                    duration, step);
        json_string(out, node->op);
        text_printf(out, "}},\n");
        text_printf(out,
                    "{\"ph\": \"C\", \"pid\": 1, \"name\": \"live bytes\", \"ts\": %.3f, "
                    "\"args\": {\"bytes\": %zu}}%s\n",
                    now, compiled->timeline->live_bytes[step],
                    step + 1 < compiled->plan->n_steps ? "," : "");
        now += duration;
    }
    text_printf(out, "]}\n");
}
