/* The table of data sources, and what they share. */
#define _POSIX_C_SOURCE 200809L
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const RtSourceKind *const kinds[] = {
    &rt_source_synthetic, &rt_source_idx, &rt_source_tokens, &rt_source_bert_pairs, NULL,
};

const RtSourceKind *rt_source_find(const char *name)
{
    for (const RtSourceKind *const *kind = kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}

/* --- options and files ------------------------------------------------------------------------ */

const RtDataOption *rt_data_option(const RtProgram *program, const char *name)
{
    for (int i = 0; i < program->n_data_options; i++)
        if (program->data_options[i].name && strcmp(program->data_options[i].name, name) == 0)
            return &program->data_options[i];
    return NULL;
}

const char *rt_data_path(const RtProgram *program, const char *path, const char *option)
{
    if (path)
        return path;
    const RtDataOption *named = rt_data_option(program, option);
    if (named && named->text)
        return named->text;
    for (int i = 0; i < program->n_data_options; i++)
        if (program->data_options[i].text)
            return program->data_options[i].text;
    rt_fail(RT_EXIT_DATA, "the data source %s needs a path: give --data PATH",
            program->data_source);
}

void *rt_data_alloc(size_t n, size_t bytes)
{
    void *data = calloc(n ? n : 1, bytes ? bytes : 1);
    if (!data)
        rt_fail(RT_EXIT_ENVIRONMENT, "out of memory for the data (%zu x %zu bytes)", n, bytes);
    return data;
}

RtFile rt_file_map(const char *path)
{
    struct stat info;
    RtFile file = {.path = path, .data = NULL};
    int descriptor = open(path, O_RDONLY);
    if (descriptor < 0 || fstat(descriptor, &info) != 0)
        rt_fail(RT_EXIT_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        rt_fail(RT_EXIT_DATA, "%s: is no plain file", path);
    file.n = (size_t)info.st_size;
    file.mapped = file.n > 0;
    if (file.mapped)
        file.data = mmap(NULL, file.n, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (file.data == MAP_FAILED)
        rt_fail(RT_EXIT_ENVIRONMENT, "%s: cannot be mapped: %s", path, strerror(errno));
    close(descriptor);
    return file;
}

RtFile rt_file_unpack(const char *path)
{
    gzFile packed = gzopen(path, "rb");
    if (!packed)
        rt_fail(RT_EXIT_DATA, "%s: cannot be opened: %s", path, strerror(errno));
    size_t n = 0, capacity = 1 << 20;
    unsigned char *data = malloc(capacity);
    for (int got = 1; data && got > 0; n += (size_t)got) {
        if (capacity - n < capacity / 2) {
            unsigned char *grown = realloc(data, capacity *= 2);
            if (!grown)
                free(data);
            data = grown;
        }
        got = data ? gzread(packed, data + n,
                            (unsigned)(capacity / 4 < 1 << 30 ? capacity / 4 : 1 << 30))
                   : 0;
        if (got < 0)
            break;
    }
    if (!data)
        rt_fail(RT_EXIT_ENVIRONMENT, "%s: out of memory after %zu bytes", path, n);
    int status;
    const char *text = gzerror(packed, &status);
    if (status != Z_OK && status != Z_STREAM_END)
        rt_fail(RT_EXIT_DATA, "%s: cannot be unpacked beyond byte %zu: %s", path, n,
                status == Z_ERRNO ? strerror(errno) : text);
    gzclose(packed);
    return (RtFile){path, data, n, false};
}

void rt_file_close(RtFile *file)
{
    if (file->mapped)
        munmap(file->data, file->n);
    else
        free(file->data);
    *file = (RtFile){0};
}

/* --- fields ----------------------------------------------------------------------------------- */

static const RtGives *find_gift(const RtGives *gives, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(gives[i].name, name) == 0)
            return &gives[i];
    return NULL;
}

static bool type_fits(const RtGives *gift, const RtTensor *tensor)
{
    bool fits = tensor->dtype == RT_I32    ? gift->integer
                : tensor->dtype == RT_BOOL ? gift->truth
                                           : gift->real;
    return fits && (!gift->rank || tensor->rank == gift->rank) && tensor->rank >= 1;
}

/* "tokens : i32[batch, seq]; next : ..." */
static const char *list_gifts(const RtGives *gives, int n)
{
    static char text[1024];
    size_t at = 0;
    for (int i = 0; i < n && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s : %s", i ? "; " : "",
                               gives[i].name, gives[i].type);
    return text;
}

void rt_fields_match(const char *source, const RtField *fields, int n_fields, const RtGives *gives,
                     int n, RtField *found)
{
    for (int i = 0; i < n; i++)
        found[i] = (RtField){NULL, NULL};
    for (int f = 0; f < n_fields; f++) {
        const RtTensor *tensor = &fields[f].input->tensor;
        const RtGives *gift = find_gift(gives, n, tensor->name);
        if (!gift)
            rt_fail(RT_EXIT_DATA, "the data source %s gives no '%s'; it gives %s", source,
                    tensor->name, list_gifts(gives, n));
        if (!type_fits(gift, tensor))
            rt_fail(RT_EXIT_DATA,
                    "the data source %s cannot give '%s' as the model has it; it gives %s", source,
                    tensor->name, list_gifts(gives, n));
        if (tensor->shape[0] != fields[0].input->tensor.shape[0])
            rt_fail(RT_EXIT_DATA, "'%s' has a batch of %lld, but '%s' has one of %lld",
                    tensor->name, (long long)tensor->shape[0], fields[0].input->tensor.name,
                    (long long)fields[0].input->tensor.shape[0]);
        found[gift - gives] = fields[f];
    }
}

int64_t rt_field_count(const RtField *field)
{
    const RtTensor *tensor = &field->input->tensor;
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        count *= tensor->shape[i];
    return count;
}

/* Rounded to the nearest, ties to even. */
static uint16_t bf16_from(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

void rt_field_set(const RtField *field, int64_t i, double value)
{
    switch (field->input->tensor.dtype) {
    case RT_F32: ((float *)field->batch)[i] = (float)value; break;
    case RT_F64: ((double *)field->batch)[i] = value; break;
    case RT_BF16: ((uint16_t *)field->batch)[i] = bf16_from((float)value); break;
    case RT_I32: ((int32_t *)field->batch)[i] = (int32_t)value; break;
    case RT_BOOL: ((unsigned char *)field->batch)[i] = value != 0; break;
    }
}
