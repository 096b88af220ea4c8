/* Rows of a profile are matched to nodes by what both call themselves; a model has several backward
 * kernels of one name, so each key is counted up. */
#include "plan/profile.h"

#include <cjson/cJSON.h>
#include <string.h>

/* Keys in the order they come, and how often each came so far. */
typedef struct {
    Arena *arena;
    Map *map;
    ARRAY(int) seen;
} Counter;

/* "linear|layer[0].attn.qkv|forward|0": the n-th of its kind. */
static const char *next_key(Counter *counter, const char *op, const char *name, const char *phase)
{
    const char *key = arena_printf(counter->arena, "%s|%s|%s", op, name, phase);
    int kind = map_get(counter->map, key);
    if (kind < 0) {
        kind = counter->seen.n;
        map_add(counter->map, key, kind);
        PUSH(counter->arena, counter->seen, 0);
    }
    int nth = counter->seen.data[kind]++; /* NOLINT: only what was seen has a number */
    return arena_printf(counter->arena, "%s|%d", key, nth);
}

static const char *text_of(const cJSON *row, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, key));
    return text ? text : "";
}

/* Row numbers by key. */
static Map *index_rows(Arena *arena, const cJSON *rows)
{
    Counter counter = {.arena = arena, .map = map_new(arena)};
    Map *index = map_new(arena);
    const cJSON *row;
    int i = 0;
    cJSON_ArrayForEach(row, rows)
    {
        map_add(index,
                next_key(&counter, text_of(row, "op"), text_of(row, "name"), text_of(row, "phase")),
                i++);
    }
    return index;
}

/* cJSON's arrays are lists: one walk copies the numbers. */
static double *copy_seconds(Arena *arena, const cJSON *rows)
{
    double *seconds = NEW_N(arena, double, cJSON_GetArraySize(rows) + 1);
    const cJSON *row;
    int i = 0;
    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, "seconds");
        seconds[i++] = cJSON_IsNumber(value) ? value->valuedouble : -1;
    }
    return seconds;
}

static int apply_rows(Arena *arena, Problem *problem, const cJSON *rows)
{
    Map *index = index_rows(arena, rows);
    const double *seconds = copy_seconds(arena, rows);
    Counter counter = {.arena = arena, .map = map_new(arena)};
    int n_known = 0;
    for (int i = 0; i < problem->n_nodes; i++) {
        ProblemNode *node = &problem->nodes[i];
        int row = map_get(index, next_key(&counter, node->op, node->name, phase_name(node->phase)));
        if (row < 0 || seconds[row] < 0)
            continue;
        node->seconds = seconds[row];
        n_known++;
    }
    return n_known;
}

int profile_apply(Arena *arena, Problem *problem, const char *text, const char **error)
{
    cJSON *profile = cJSON_Parse(text);
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(profile, "rows");
    int n_known = -1;
    if (!profile)
        *error = "not JSON";
    else if (strcmp(text_of(profile, "schema"), "rematc-profile/1") != 0 || !cJSON_IsArray(rows))
        *error =
            "expected a profile of schema rematc-profile/1, as a program's --profile writes it";
    else
        n_known = apply_rows(arena, problem, rows);
    cJSON_Delete(profile);
    return n_known;
}
