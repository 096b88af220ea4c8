/* idx(images = PATH, labels = PATH): images and labels in the IDX format of MNIST, plain or gzip.
 *
 *   0  two zero bytes, 0x08 (unsigned bytes), the rank r
 *   4  r sizes, 32 bits each, big endian: the first is the number of items
 *   .. the items, back to back
 *
 * Fields: image, scaled to 0..1, in any shape [batch, ...] that has as many elements as an image;
 * and label. Each epoch has an order of its own. --data FOLDER looks for the two files there. */
#include "shuffle.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *path;
    RtFile file;
    int64_t n_items, item_bytes;
    const unsigned char *items;
} IdxFile;

struct RtSource {
    IdxFile images, labels; /* one without items where the model has no such field */
    RtField image, label;   /* input is NULL where the model does not ask for it */
    int64_t batch, n_items;
    uint64_t seed;
};

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static IdxFile idx_read(char *path)
{
    IdxFile idx = {.path = path, .file = rt_file_unpack(path), .item_bytes = 1};
    const unsigned char *data = idx.file.data;
    if (idx.file.n < 4 || data[0] || data[1] || !data[3])
        rt_fail(RT_EXIT_DATA,
                "%s: expected an IDX file, which starts with two zero bytes, a type and a "
                "rank (at offset 0)",
                path);
    if (data[2] != 8)
        rt_fail(RT_EXIT_DATA, "%s: expected type 0x08, unsigned bytes, at offset 2, found 0x%02x",
                path, data[2]);
    size_t header = 4 + 4 * (size_t)data[3];
    if (idx.file.n < header)
        rt_fail(RT_EXIT_DATA, "%s: ends at byte %zu, within its header of %zu", path, idx.file.n,
                header);
    idx.n_items = big_endian(data + 4);
    for (size_t i = 8; i < header; i += 4)
        if (__builtin_mul_overflow(idx.item_bytes, (int64_t)big_endian(data + i), &idx.item_bytes))
            rt_fail(RT_EXIT_DATA, "%s: the sizes from offset 8 on are too large", path);
    idx.items = data + header;
    size_t body = idx.file.n - header;
    if (!idx.n_items || !idx.item_bytes || body / (size_t)idx.item_bytes != (size_t)idx.n_items ||
        body % (size_t)idx.item_bytes)
        rt_fail(RT_EXIT_DATA,
                "%s: its header tells of %lld items of %lld bytes, but %zu bytes follow it "
                "at offset %zu",
                path, (long long)idx.n_items, (long long)idx.item_bytes, body, header);
    return idx;
}

/* The path in the model; or, where --data names a folder, the file of the same name there. To be
 * freed. */
static char *idx_path(const RtProgram *program, const char *folder, const char *option)
{
    const RtDataOption *found = rt_data_option(program, option);
    if (!found || !found->text)
        rt_fail(RT_EXIT_DATA, "the data source idx needs %s = \"PATH\"", option);
    const char *slash = folder ? strrchr(found->text, '/') : NULL;
    const char *name = slash ? slash + 1 : found->text;
    size_t n = strlen(name) + (folder ? strlen(folder) + 1 : 0) + 1;
    char *path = rt_data_alloc(n, 1);
    snprintf(path, n, "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
    return path;
}

static void check_image(const IdxFile *images, const RtField *field)
{
    int64_t wanted = rt_field_count(field) / field->input->tensor.shape[0];
    if (wanted != images->item_bytes)
        rt_fail(RT_EXIT_DATA, "%s: an image has %lld pixels, but '%s' has %lld elements an example",
                images->file.path, (long long)images->item_bytes, field->input->tensor.name,
                (long long)wanted);
}

static void check_labels(const IdxFile *labels, const RtField *field)
{
    int64_t classes = field->input->classes;
    if (labels->item_bytes != 1)
        rt_fail(RT_EXIT_DATA, "%s: expected labels, one byte an item, found %lld bytes an item",
                labels->file.path, (long long)labels->item_bytes);
    for (int64_t i = 0; classes && i < labels->n_items; i++)
        if (labels->items[i] >= classes)
            rt_fail(RT_EXIT_DATA,
                    "%s: the label at offset %lld is %d, but the model has %lld classes",
                    labels->file.path, (long long)(labels->items + i - labels->file.data),
                    labels->items[i], (long long)classes);
}

static RtSource *idx_open(const RtProgram *program, const char *path, const RtField *fields,
                          int n_fields, uint64_t seed)
{
    static const RtGives gives[] = {
        {"image", "f32[batch, ...]", .real = true},
        {"label", "i32[batch]", .integer = true, .rank = 1},
    };
    RtField found[2];
    rt_fields_match("idx", fields, n_fields, gives, 2, found);
    RtSource *source = rt_data_alloc(1, sizeof *source);
    *source = (RtSource){.image = found[0],
                         .label = found[1],
                         .seed = seed,
                         .batch = n_fields ? fields[0].input->tensor.shape[0] : 0};
    if (source->image.input) {
        source->images = idx_read(idx_path(program, path, "images"));
        check_image(&source->images, &source->image);
        source->n_items = source->images.n_items;
    }
    if (source->label.input) {
        source->labels = idx_read(idx_path(program, path, "labels"));
        check_labels(&source->labels, &source->label);
        source->n_items = source->labels.n_items;
    }
    if (source->image.input && source->label.input &&
        source->images.n_items != source->labels.n_items)
        rt_fail(RT_EXIT_DATA, "%s has %lld images, but %s has %lld labels",
                source->images.file.path, (long long)source->images.n_items,
                source->labels.file.path, (long long)source->labels.n_items);
    return source;
}

static void idx_next_batch(RtSource *source, int64_t step)
{
    int64_t pixels = source->images.item_bytes;
    for (int64_t b = 0; b < source->batch; b++) {
        int64_t place = step * source->batch + b;
        int64_t item = rt_shuffled(place % source->n_items, source->n_items, source->seed,
                                   place / source->n_items);
        for (int64_t i = 0; source->image.input && i < pixels; i++)
            rt_field_set(&source->image, b * pixels + i,
                         source->images.items[item * pixels + i] / 255.0);
        if (source->label.input)
            rt_field_set(&source->label, b, source->labels.items[item]);
    }
}

static void idx_free(IdxFile *idx)
{
    free(idx->path);
    rt_file_close(&idx->file);
}

static void idx_close(RtSource *source)
{
    idx_free(&source->images);
    idx_free(&source->labels);
    free(source);
}

const RtSourceKind rt_source_idx = {"idx", idx_open, idx_next_batch, idx_close};
