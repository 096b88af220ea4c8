/* Reads safetensors by cJSON. */
#include "tests/support/weights.h"

#include "tests/support/command.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

struct Weights {
    char *bytes;
    const char *data;
    cJSON *header;
};

Weights *weights_open(const char *path)
{
    size_t n;
    char *bytes = read_whole_file(path, &n);
    uint64_t length = 0;
    if (!bytes || n < 8)
        return NULL;
    memcpy(&length, bytes, sizeof length);
    Weights *weights = malloc(sizeof *weights);
    weights->bytes = bytes;
    weights->data = bytes + 8 + length;
    weights->header = length <= n - 8 ? cJSON_ParseWithLength(bytes + 8, length) : NULL;
    if (weights->header)
        return weights;
    weights_close(weights);
    return NULL;
}

static double element(const char *data, const char *dtype, int64_t i)
{
    if (strcmp(dtype, "F64") == 0) {
        double value;
        memcpy(&value, data + 8 * i, sizeof value);
        return value;
    }
    if (strcmp(dtype, "I32") == 0) {
        int32_t value;
        memcpy(&value, data + 4 * i, sizeof value);
        return value;
    }
    if (strcmp(dtype, "BOOL") == 0)
        return data[i];
    uint32_t bits = 0;
    float value;
    if (strcmp(dtype, "BF16") == 0)
        memcpy((char *)&bits + 2, data + 2 * i, 2);
    else
        memcpy(&bits, data + 4 * i, 4);
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

double *weights_get(const Weights *weights, const char *name, int64_t *n)
{
    const cJSON *entry = cJSON_GetObjectItemCaseSensitive(weights->header, name);
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    if (!offsets)
        return NULL;
    const char *dtype = cJSON_GetObjectItemCaseSensitive(entry, "dtype")->valuestring;
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    *n = 1;
    for (const cJSON *size = shape ? shape->child : NULL; size; size = size->next)
        *n *= (int64_t)size->valuedouble;
    const char *data = weights->data + (int64_t)cJSON_GetArrayItem(offsets, 0)->valuedouble;
    double *values = malloc((size_t)*n * sizeof *values + 1);
    for (int64_t i = 0; i < *n; i++)
        values[i] = element(data, dtype, i);
    return values;
}

const char *weights_name(const Weights *weights, int i)
{
    for (const cJSON *entry = weights->header->child; entry; entry = entry->next)
        if (strcmp(entry->string, "__metadata__") != 0 && i-- == 0)
            return entry->string;
    return NULL;
}

void weights_close(Weights *weights)
{
    cJSON_Delete(weights->header);
    free(weights->bytes);
    free(weights);
}
