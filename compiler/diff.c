/* rematc diff A.plan.json B.plan.json: what changed between two plans, in bytes and in time. Exits
 * 1 if the peak grew. */
#include "commands.h"

#include "base/base.h"
#include "base/size.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t capacity = 1 << 16;
    char *text = xmalloc(capacity + 1);
    *n = 0;
    for (size_t got; (got = fread(text + *n, 1, capacity - *n, file)) > 0;) {
        *n += got;
        if (*n == capacity)
            text = xrealloc(text, (capacity *= 2) + 1);
    }
    text[*n] = '\0';
    fclose(file);
    return text;
}

/* A plan, or NULL after saying why not. */
static cJSON *read_plan(const char *path)
{
    size_t n;
    char *text = read_file(path, &n);
    if (!text) {
        fprintf(stderr, "%s: error: cannot be read\n", path);
        return NULL;
    }
    const char *end = NULL;
    cJSON *plan = cJSON_ParseWithLengthOpts(text, n, &end, false);
    const char *schema = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(plan, "schema"));
    if (!plan)
        fprintf(stderr, "%s: error: not JSON (at byte %td)\n", path, end ? end - text : 0);
    else if (!schema || strcmp(schema, "rematc-plan/1") != 0)
        fprintf(stderr, "%s: error: expected a plan of schema rematc-plan/1, found %s\n", path,
                schema ? schema : "no schema");
    free(text);
    if (plan && (!schema || strcmp(schema, "rematc-plan/1") != 0)) {
        cJSON_Delete(plan);
        plan = NULL;
    }
    return plan;
}

static double number(const cJSON *plan, const char *object, const char *key)
{
    const cJSON *item =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(plan, object), key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/* Says how a number changed; false where it did not. */
static bool print_number(const cJSON *a, const cJSON *b, const char *object, const char *key,
                         const char *unit)
{
    double x = number(a, object, key), y = number(b, object, key);
    if (x != y)
        printf("%-24s %18.10g -> %18.10g  (%+.10g%s)\n", key, x, y, y - x, unit);
    return x != y;
}

/* The decision and bytes of each tensor's first row. */
typedef struct {
    const char *name, *decision;
    double bytes;
} Row;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Row *)a)->name, ((const Row *)b)->name);
}

static const char *text_of(const cJSON *item, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, key));
    return text ? text : "";
}

static Row *sorted_rows(const cJSON *plan, int *n)
{
    const cJSON *tensors = cJSON_GetObjectItemCaseSensitive(plan, "tensors"), *item;
    Row *rows = xcalloc((size_t)cJSON_GetArraySize(tensors), sizeof *rows);
    int count = 0;
    cJSON_ArrayForEach(item, tensors)
    {
        const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(item, "bytes");
        rows[count++] = (Row){text_of(item, "name"), text_of(item, "decision"),
                              cJSON_IsNumber(bytes) ? bytes->valuedouble : 0};
    }
    qsort(rows, (size_t)count, sizeof *rows, by_name);
    *n = 0;
    for (int i = 0; i < count; i++)
        if (!*n || strcmp(rows[*n - 1].name, rows[i].name) != 0)
            rows[(*n)++] = rows[i];
    return rows;
}

static bool print_row(const Row *a, const Row *b)
{
    bool changed = !a || !b || strcmp(a->decision, b->decision) != 0 || a->bytes != b->bytes;
    if (a && !b)
        printf("- %s (%s, %.0f bytes)\n", a->name, a->decision, a->bytes);
    if (b && !a)
        printf("+ %s (%s, %.0f bytes)\n", b->name, b->decision, b->bytes);
    if (a && b && changed)
        printf("  %s: %s, %.0f bytes -> %s, %.0f bytes\n", a->name, a->decision, a->bytes,
               b->decision, b->bytes);
    return changed;
}

static bool print_tensors(const cJSON *a, const cJSON *b)
{
    int n_a, n_b, i = 0, j = 0;
    bool changed = false;
    Row *rows_a = sorted_rows(a, &n_a), *rows_b = sorted_rows(b, &n_b);
    while (i < n_a || j < n_b) {
        int order = i == n_a ? 1 : j == n_b ? -1 : by_name(&rows_a[i], &rows_b[j]);
        changed |= print_row(order <= 0 ? &rows_a[i] : NULL, order >= 0 ? &rows_b[j] : NULL);
        i += order <= 0;
        j += order >= 0;
    }
    free(rows_a);
    free(rows_b);
    return changed;
}

static void print_difference(const cJSON *a, const cJSON *b)
{
    static const struct {
        const char *object, *key, *unit;
    } numbers[] = {
        {"memory", "peak_bytes", " bytes"},
        {"memory", "max_live_bytes", " bytes"},
        {"memory", "lower_bound_bytes", " bytes"},
        {"memory", "parameters_bytes", " bytes"},
        {"memory", "gradients_bytes", " bytes"},
        {"memory", "optimizer_bytes", " bytes"},
        {"memory", "inputs_bytes", " bytes"},
        {"memory", "workspace_bytes", " bytes"},
        {"memory", "activations_peak_bytes", " bytes"},
        {"time", "step_seconds", " s"},
        {"time", "recompute_flops", " flops"},
        {"time", "overhead", ""},
    };
    bool changed = false;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        changed |= print_number(a, b, numbers[i].object, numbers[i].key, numbers[i].unit);
    changed |= print_tensors(a, b);
    if (!changed)
        printf("no difference in bytes, time or decisions\n");
}

int diff_command(int argc, char **argv)
{
    static const char usage[] = "usage: rematc diff A.plan.json B.plan.json\n\n"
                                "What changed from plan A to plan B, in bytes and time. Exit "
                                "status 1 if the peak grew.\n";
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (argc != 3) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    cJSON *a = read_plan(argv[1]), *b = a ? read_plan(argv[2]) : NULL;
    int status = EXIT_INPUT;
    if (a && b) {
        print_difference(a, b);
        status = number(b, "memory", "peak_bytes") > number(a, "memory", "peak_bytes") ? EXIT_INPUT
                                                                                       : EXIT_DONE;
    }
    cJSON_Delete(a);
    cJSON_Delete(b);
    return status;
}
