/* Files of named tensors in the safetensors format: eight bytes with the header's length, a JSON
 * header, and the tensors' bytes. Nothing in a file is believed before it is checked. */
#include "rt_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_HEADER_BYTES = 100000000, STAGING_BYTES = 1 << 20 };

static const char *const dtype_names[] = {"F32", "BF16", "F64", "I32", "BOOL"};

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    char *temporary; /* NULL where path is no plain file: written directly */
    FILE *stream;
} Output;

static void write_failed(const Output *out)
{
    const int error = errno;
    if (out->temporary)
        remove(out->temporary);
    rt_fail(RT_EXIT_ENVIRONMENT, "cannot write '%s': %s", out->path, strerror(error));
}

/* False for a pipe, a terminal or another device. */
static bool may_be_replaced(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static Output output_open(const char *path)
{
    Output out = {path, NULL, NULL};
    const size_t n = strlen(path) + 32;
    if (may_be_replaced(path)) {
        out.temporary = (char *)rt_alloc(n, 1);
        snprintf(out.temporary, n, "%s.%ld.tmp", path, (long)getpid());
    }
    out.stream = fopen(out.temporary ? out.temporary : path, "wb");
    if (!out.stream) {
        free(out.temporary);
        out.temporary = NULL;
        write_failed(&out);
    }
    return out;
}

static void output_close(Output *out)
{
    const int failed = ferror(out->stream) || fflush(out->stream) != 0;
    if (fclose(out->stream) != 0 || failed)
        write_failed(out);
    if (out->temporary && rename(out->temporary, out->path) != 0)
        write_failed(out);
    free(out->temporary);
}

static void put(const Output *out, const void *bytes, size_t n)
{
    if (fwrite(bytes, 1, n, out->stream) != n)
        write_failed(out);
}

/* Growing text of the header. */
typedef struct {
    char *data;
    size_t n, capacity;
} Header;

static void append(Header *header, const char *text)
{
    const size_t n = strlen(text);
    if (header->n + n + 1 > header->capacity) {
        header->capacity = 2 * (header->n + n + 1);
        char *grown = (char *)rt_alloc(header->capacity, 1);
        if (header->data)
            memcpy(grown, header->data, header->n);
        free(header->data);
        header->data = grown;
    }
    memcpy(header->data + header->n, text, n + 1);
    header->n += n;
}

static void append_string(Header *header, const char *text)
{
    append(header, "\"");
    for (; *text; text++) {
        char piece[8];
        const unsigned char c = (unsigned char)*text;
        if (c < 32)
            snprintf(piece, sizeof piece, "\\u%04x", c);
        else
            snprintf(piece, sizeof piece, c == '"' || c == '\\' ? "\\%c" : "%c", c);
        append(header, piece);
    }
    append(header, "\"");
}

static void append_tensor(Header *header, const RtTensor *tensor, size_t start)
{
    char text[96];
    append(header, ",");
    append_string(header, tensor->name);
    snprintf(text, sizeof text, ":{\"dtype\":\"%s\",\"shape\":[", dtype_names[tensor->dtype]);
    append(header, text);
    for (int i = 0; i < tensor->rank; i++) {
        snprintf(text, sizeof text, "%s%lld", i ? "," : "", (long long)tensor->shape[i]);
        append(header, text);
    }
    snprintf(text, sizeof text, "],\"data_offsets\":[%zu,%zu]}", start, start + tensor->bytes);
    append(header, text);
}

static Header make_header(const RtSaved *saved, int n, const char *const meta[][2], int n_meta)
{
    Header header = {NULL, 0, 0};
    append(&header, "{\"__metadata__\":{");
    for (int i = 0; i < n_meta; i++) {
        append(&header, i ? "," : "");
        append_string(&header, meta[i][0]);
        append(&header, ":");
        append_string(&header, meta[i][1]);
    }
    append(&header, "}");
    size_t start = 0;
    for (int i = 0; i < n; i++) {
        append_tensor(&header, saved[i].tensor, start);
        start += saved[i].tensor->bytes;
    }
    append(&header, "}");
    while (header.n % 8)
        append(&header, " ");
    return header;
}

static void put_tensor(const Output *out, const RtSaved *saved)
{
    static char staging[STAGING_BYTES];
    if (saved->host) {
        put(out, saved->host, saved->tensor->bytes);
        return;
    }
    for (size_t at = 0; at < saved->tensor->bytes; at += sizeof staging) {
        const size_t left = saved->tensor->bytes - at;
        const size_t n = left < sizeof staging ? left : sizeof staging;
        rt_device_get(staging, saved->tensor->offset + at, n);
        put(out, staging, n);
    }
}

void rt_safetensors_write(const char *path, const RtSaved *saved, int n,
                          const char *const meta[][2], int n_meta)
{
    Output out = output_open(path);
    Header header = make_header(saved, n, meta, n_meta);
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)header.n >> (8 * i));
    put(&out, length, sizeof length);
    put(&out, header.data, header.n);
    for (int i = 0; i < n; i++)
        put_tensor(&out, &saved[i]);
    free(header.data);
    output_close(&out);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* A tensor of a file. */
typedef struct {
    char *name, *dtype;
    int64_t shape[RT_MAX_RANK];
    int rank; /* RT_MAX_RANK + 1: more axes than any of ours */
    uint64_t start, end;
} Entry;

typedef struct {
    char *name, *value;
} Meta;

struct RtArchive {
    const char *path;
    char *bytes; /* of the whole file, with a 0 after it */
    const char *data;
    size_t data_bytes;
    Entry *entries;
    int n_entries, entries_capacity;
    Meta *meta;
    int n_meta, meta_capacity;
    const char *at, *end; /* of the header, while it is read */
};

static void corrupt(const RtArchive *archive, const char *what)
{
    rt_fail(RT_EXIT_DATA, "%s: is no valid safetensors file: %s", archive->path, what);
}

static void skip_space(RtArchive *a)
{
    while (a->at < a->end && (*a->at == ' ' || *a->at == '\n' || *a->at == '\t' || *a->at == '\r'))
        a->at++;
}

static bool next_is(RtArchive *a, char c)
{
    skip_space(a);
    if (a->at == a->end || *a->at != c)
        return false;
    a->at++;
    return true;
}

static void expect(RtArchive *a, char c, const char *what)
{
    if (!next_is(a, c))
        corrupt(a, what);
}

/* The character of \uXXXX in UTF-8 (pairs of surrogates are left as two characters). */
static int decode_unicode(RtArchive *a, char *out)
{
    unsigned code = 0;
    if (a->end - a->at < 4)
        corrupt(a, "a broken \\u in its header");
    for (int i = 0; i < 4; i++) {
        const char c = *a->at++;
        const char *digits = "0123456789abcdef", *found = strchr(digits, c | 32);
        if (!found || !c)
            corrupt(a, "a broken \\u in its header");
        code = code * 16 + (unsigned)(found - digits);
    }
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 63));
    out[2] = (char)(0x80 | (code & 63));
    return 3;
}

static char *read_string(RtArchive *a)
{
    expect(a, '"', "its header has no string where one must be");
    const char *close = a->at;
    while (close < a->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= a->end)
        corrupt(a, "a string in its header is not closed");
    char *text = (char *)rt_alloc((size_t)(close - a->at) + 1, 1);
    size_t n = 0;
    while (a->at < close) {
        char c = *a->at++;
        if (c == '\\') {
            c = *a->at++;
            if (c == 'u') {
                n += (size_t)decode_unicode(a, text + n);
                continue;
            }
            const char *from = "nrtbf", *found = strchr(from, c);
            c = found && c ? "\n\r\t\b\f"[found - from] : c;
        }
        text[n++] = c;
    }
    a->at = close + 1;
    text[n] = '\0';
    return text;
}

static uint64_t read_number(RtArchive *a)
{
    skip_space(a);
    uint64_t value = 0;
    if (a->at == a->end || *a->at < '0' || *a->at > '9')
        corrupt(a, "its header has no number where one must be");
    while (a->at < a->end && *a->at >= '0' && *a->at <= '9') {
        const uint64_t digit = (uint64_t)(*a->at++ - '0');
        if (value > (UINT64_MAX / 4 - digit) / 10)
            corrupt(a, "a number in its header is too large");
        value = value * 10 + digit;
    }
    return value;
}

static void *grown(void *data, int *capacity, int n, size_t element)
{
    if (n < *capacity)
        return data;
    const int wanted = *capacity ? 2 * *capacity : 64;
    char *larger = (char *)rt_alloc((size_t)wanted, element);
    if (data)
        memcpy(larger, data, (size_t)n * element);
    free(data);
    *capacity = wanted;
    return larger;
}

static void read_shape(RtArchive *a, Entry *entry)
{
    expect(a, '[', "a shape is no list");
    if (next_is(a, ']'))
        return;
    do {
        const uint64_t size = read_number(a);
        if (entry->rank < RT_MAX_RANK)
            entry->shape[entry->rank] = (int64_t)size;
        entry->rank += entry->rank <= RT_MAX_RANK;
    } while (next_is(a, ','));
    expect(a, ']', "a shape is not closed");
}

static void read_field(RtArchive *a, Entry *entry)
{
    char *name = read_string(a);
    expect(a, ':', "a name in its header has no value");
    if (strcmp(name, "dtype") == 0) {
        free(entry->dtype);
        entry->dtype = read_string(a);
    } else if (strcmp(name, "shape") == 0) {
        entry->rank = 0;
        read_shape(a, entry);
    } else if (strcmp(name, "data_offsets") == 0) {
        expect(a, '[', "data_offsets is no list");
        entry->start = read_number(a);
        expect(a, ',', "data_offsets has no end");
        entry->end = read_number(a);
        expect(a, ']', "data_offsets has more than two numbers");
    } else {
        corrupt(a, "a tensor has a field other than dtype, shape and data_offsets");
    }
    free(name);
}

static void read_entry(RtArchive *a, char *name)
{
    Entry entry = {name, NULL, {0}, 0, 1, 0};
    expect(a, '{', "a tensor is no object");
    do {
        read_field(a, &entry);
    } while (next_is(a, ','));
    expect(a, '}', "a tensor's fields are not closed");
    if (!entry.dtype || entry.start > entry.end || entry.end > a->data_bytes)
        corrupt(a, "a tensor's bytes are not all there: the file was cut short, or is not one");
    a->entries = (Entry *)grown(a->entries, &a->entries_capacity, a->n_entries, sizeof entry);
    a->entries[a->n_entries++] = entry;
}

static void read_meta(RtArchive *a)
{
    expect(a, '{', "__metadata__ is no object");
    if (next_is(a, '}'))
        return;
    do {
        Meta meta = {read_string(a), NULL};
        expect(a, ':', "a name in its metadata has no value");
        meta.value = read_string(a);
        a->meta = (Meta *)grown(a->meta, &a->meta_capacity, a->n_meta, sizeof meta);
        a->meta[a->n_meta++] = meta;
    } while (next_is(a, ','));
    expect(a, '}', "its metadata is not closed");
}

static void read_header(RtArchive *a)
{
    expect(a, '{', "its header is no JSON object");
    if (!next_is(a, '}')) {
        do {
            char *name = read_string(a);
            expect(a, ':', "a name in its header has no value");
            if (strcmp(name, "__metadata__") == 0) {
                free(name);
                read_meta(a);
            } else {
                read_entry(a, name);
            }
        } while (next_is(a, ','));
        expect(a, '}', "its header is not closed");
    }
    skip_space(a);
    if (a->at != a->end)
        corrupt(a, "something follows its header's end");
}

static size_t read_file(RtArchive *a)
{
    FILE *in = fopen(a->path, "rb");
    if (!in)
        rt_fail(RT_EXIT_DATA, "%s: cannot be opened: %s", a->path, strerror(errno));
    size_t n = 0, capacity = STAGING_BYTES;
    a->bytes = (char *)rt_alloc(capacity + 1, 1);
    for (size_t got = 1; got > 0; n += got) {
        if (n == capacity) {
            char *larger = (char *)realloc(a->bytes, 2 * capacity + 1);
            if (!larger)
                rt_fail(RT_EXIT_ENVIRONMENT, "%s: out of memory", a->path);
            a->bytes = larger;
            capacity *= 2;
        }
        got = fread(a->bytes + n, 1, capacity - n, in);
    }
    if (ferror(in))
        rt_fail(RT_EXIT_DATA, "%s: cannot be read: %s", a->path, strerror(errno));
    fclose(in);
    a->bytes[n] = '\0';
    return n;
}

RtArchive *rt_safetensors_open(const char *path)
{
    RtArchive *a = (RtArchive *)rt_alloc(1, sizeof *a);
    a->path = path;
    const size_t n = read_file(a);
    if (n < 8)
        corrupt(a, "it is shorter than 8 bytes");
    uint64_t header_bytes = 0;
    for (int i = 7; i >= 0; i--)
        header_bytes = header_bytes << 8 | (unsigned char)a->bytes[i];
    if (header_bytes > n - 8 || header_bytes > MOST_HEADER_BYTES)
        corrupt(a, "its header would be longer than the file");
    a->at = a->bytes + 8;
    a->end = a->at + header_bytes;
    a->data = a->end;
    a->data_bytes = n - 8 - (size_t)header_bytes;
    read_header(a);
    return a;
}

static bool same_shape(const Entry *entry, const RtTensor *tensor)
{
    bool same = entry->rank == tensor->rank;
    for (int i = 0; same && i < tensor->rank; i++)
        same = entry->shape[i] == tensor->shape[i];
    return same;
}

static const char *shape_text(const int64_t *shape, int rank, char *text, size_t capacity)
{
    size_t n = (size_t)snprintf(text, capacity, "[");
    for (int i = 0; i < rank && i < RT_MAX_RANK; i++)
        n += (size_t)snprintf(text + n, capacity - n, "%s%lld", i ? ", " : "", (long long)shape[i]);
    snprintf(text + n, capacity - n, rank > RT_MAX_RANK ? ", ...]" : "]");
    return text;
}

static void check_entry(const RtArchive *a, const Entry *entry, const RtTensor *tensor)
{
    char has[256], wanted[256];
    if (strcmp(entry->dtype, dtype_names[tensor->dtype]) != 0)
        rt_fail(RT_EXIT_DATA, "%s: '%s' is of type %s; the model has %s", a->path, tensor->name,
                entry->dtype, dtype_names[tensor->dtype]);
    if (!same_shape(entry, tensor))
        rt_fail(RT_EXIT_DATA, "%s: '%s' has the shape %s; the model has %s", a->path, tensor->name,
                shape_text(entry->shape, entry->rank, has, sizeof has),
                shape_text(tensor->shape, tensor->rank, wanted, sizeof wanted));
    if (entry->end - entry->start != tensor->bytes)
        rt_fail(RT_EXIT_DATA, "%s: '%s' has %llu bytes; its shape needs %zu", a->path, tensor->name,
                (unsigned long long)(entry->end - entry->start), tensor->bytes);
}

const void *rt_safetensors_find(const RtArchive *a, const RtTensor *tensor)
{
    for (int i = 0; i < a->n_entries; i++) {
        if (strcmp(a->entries[i].name, tensor->name) != 0)
            continue;
        check_entry(a, &a->entries[i], tensor);
        return a->data + a->entries[i].start;
    }
    rt_fail(RT_EXIT_DATA, "%s: there is no tensor '%s' in it", a->path, tensor->name);
}

const char *rt_safetensors_meta(const RtArchive *a, const char *name)
{
    for (int i = 0; i < a->n_meta; i++)
        if (strcmp(a->meta[i].name, name) == 0)
            return a->meta[i].value;
    return NULL;
}

void rt_safetensors_close(RtArchive *a)
{
    for (int i = 0; i < a->n_entries; i++) {
        free(a->entries[i].name);
        free(a->entries[i].dtype);
    }
    for (int i = 0; i < a->n_meta; i++) {
        free(a->meta[i].name);
        free(a->meta[i].value);
    }
    free(a->entries);
    free(a->meta);
    free(a->bytes);
    free(a);
}
