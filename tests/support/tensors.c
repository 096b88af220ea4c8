/* Reads the header of a safetensors file as our programs write it: one object of objects. */
#include "tests/support/tensors.h"

#include "base/base.h"
#include "tests/support/command.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text between the quotes at `at`, into `to`; the position after it. */
static const char *read_string(const char *at, char *to, size_t capacity)
{
    size_t n = 0;
    for (at++; *at != '"'; at++)
        if (n + 1 < capacity)
            to[n++] = *at;
    to[n] = '\0';
    return at + 1;
}

/* `"NAME":{"dtype":"F32","shape":[..],"data_offsets":[a,b]}` at `at`; the position after it. */
static const char *read_tensor(const char *at, const char *data, TestTensor *tensor)
{
    at = read_string(at, tensor->name, sizeof tensor->name);
    const char *end = strchr(at, '}'), *dtype = strstr(at, "\"dtype\""),
               *offsets = strstr(at, "\"data_offsets\"");
    if (dtype && dtype < end)
        read_string(strchr(dtype + 7, '"'), tensor->dtype, sizeof tensor->dtype);
    if (offsets && offsets < end) {
        char *next;
        size_t from = strtoull(strchr(offsets, '[') + 1, &next, 10);
        tensor->data = data + from;
        tensor->bytes = strtoull(strchr(next, ',') + 1, NULL, 10) - from;
    }
    return end + 1;
}

TestTensors tensors_read(const char *path)
{
    TestTensors tensors = {0};
    size_t n;
    tensors.file = read_whole_file(path, &n);
    ck_assert_msg(tensors.file && n > 8, "%s cannot be read", path);
    uint64_t header;
    memcpy(&header, tensors.file, 8);
    ck_assert_uint_lt(header, n);
    const char *end = tensors.file + 8 + header;
    tensors.list = xcalloc(header / 16 + 1, sizeof *tensors.list);
    for (const char *at = strchr(tensors.file + 8, '"'); at && at < end; at = strchr(at, '"')) {
        TestTensor tensor = {0};
        at = read_tensor(at, end, &tensor);
        if (tensor.data)
            tensors.list[tensors.n++] = tensor;
        if (*at == '}')
            break;
    }
    return tensors;
}

void tensors_free(TestTensors *tensors)
{
    free(tensors->file);
    free(tensors->list);
}

const TestTensor *tensors_find(const TestTensors *tensors, const char *name)
{
    for (int i = 0; i < tensors->n; i++)
        if (strcmp(tensors->list[i].name, name) == 0)
            return &tensors->list[i];
    return NULL;
}

static size_t element_bytes(const TestTensor *tensor)
{
    static const struct {
        const char *dtype;
        size_t bytes;
    } rows[] = {{"F32", 4}, {"BF16", 2}, {"F64", 8}, {"I32", 4}, {"BOOL", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].dtype, tensor->dtype) == 0)
            return rows[i].bytes;
    ck_abort_msg("%s has the dtype '%s'", tensor->name, tensor->dtype);
}

size_t tensors_count(const TestTensor *tensor)
{
    return tensor->bytes / element_bytes(tensor);
}

double tensors_element(const TestTensor *tensor, size_t i)
{
    const char *at = tensor->data + i * element_bytes(tensor);
    uint32_t bits = 0;
    float f32;
    double f64;
    switch (tensor->dtype[0] == 'F' ? tensor->dtype[1] : tensor->dtype[0]) {
    case '3': return memcpy(&f32, at, 4), (double)f32;
    case '6': return memcpy(&f64, at, 8), f64;
    case 'I': return memcpy(&bits, at, 4), (double)(int32_t)bits;
    default: break;
    }
    if (strcmp(tensor->dtype, "BOOL") == 0)
        return *at;
    memcpy((char *)&bits + 2, at, 2); /* bf16: the upper half of an f32 */
    memcpy(&f32, &bits, 4);
    return (double)f32;
}

double tensors_difference(const TestTensor *a, const TestTensor *b)
{
    if (a->bytes != b->bytes || strcmp(a->dtype, b->dtype) != 0)
        return NAN;
    double most = 0, largest = 0;
    for (size_t i = 0; i < tensors_count(a); i++) {
        const double x = tensors_element(a, i), y = tensors_element(b, i), d = fabs(x - y);
        if (isnan(d))
            return NAN;
        most = d > most ? d : most;
        largest = fabs(x) > largest ? fabs(x) : largest;
    }
    return largest > 0 ? most / largest : most;
}

bool tensors_same_bits(const TestTensors *a, const TestTensors *b)
{
    bool same = a->n == b->n;
    for (int i = 0; i < a->n; i++) {
        const TestTensor *x = &a->list[i], *y = tensors_find(b, x->name);
        if (y && x->bytes == y->bytes && memcmp(x->data, y->data, x->bytes) == 0)
            continue;
        printf("%s differs\n", x->name);
        same = false;
    }
    return same;
}
