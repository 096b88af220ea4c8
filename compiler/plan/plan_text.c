/* A plan as text, one line a step, and back:
 *
 *     plan marked
 *     run 12 recompute linear layer[0].qkv
 *
 * What follows the node's number is for people and is not read back. */
#include "plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_print(Text *out, const Problem *problem, const Plan *plan)
{
    bool *ran = xcalloc((size_t)problem->n_nodes + 1, sizeof *ran);
    text_printf(out, "plan %s\n", plan->strategy);
    for (int s = 0; s < plan->n_steps; s++) {
        int id = plan->sequence[s];
        const ProblemNode *node = &problem->nodes[id];
        text_printf(out, "run %d %s %s %s\n", id, ran[id] ? "recompute" : phase_name(node->phase),
                    node->op, node->name);
        ran[id] = true;
    }
    free(ran);
}

static bool read_line(Arena *arena, const char *line, Plan *plan)
{
    char word[64];
    int id;
    if (!plan->strategy && sscanf(line, "plan %63s", word) == 1) {
        plan->strategy = arena_strdup(arena, word);
        return true;
    }
    if (!plan->strategy || sscanf(line, "run %9d", &id) != 1 || id < 0)
        return false;
    plan->sequence[plan->n_steps++] = id;
    return true;
}

static int count_lines(const char *text)
{
    int n = 1;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

Plan *plan_read(Arena *arena, const Problem *problem, const char *text, const char **error)
{
    Plan *plan = NEW(arena, Plan);
    plan->sequence = NEW_N(arena, int, count_lines(text));
    *error = NULL;
    int line = 1;
    for (const char *at = text; *at && !*error; line++) {
        size_t n = strcspn(at, "\n");
        if (n > 0 && !read_line(arena, arena_strndup(arena, at, n), plan))
            *error = arena_printf(arena, "%d: error: expected `plan NAME` or `run NODE`", line);
        else if (plan->n_steps && plan->sequence[plan->n_steps - 1] >= problem->n_nodes)
            *error = arena_printf(arena, "%d: error: there is no node %d (the last is %d)", line,
                                  plan->sequence[plan->n_steps - 1], problem->n_nodes - 1);
        at += n + (at[n] == '\n');
    }
    if (!*error && !plan->strategy)
        *error = "1: error: expected `plan NAME`";
    return *error ? NULL : plan;
}
