/* Rows of a table: in ids [n] i32 and table [vocab, width], out [n, width], which may be bf16 where
 * the table is f32: a lookup rounds its rows. */
#include "kernels.h"

static void round_row(const float *from, rt_bf16 *to, int64_t width)
{
    for (int64_t i = 0; i < width; i++)
        to[i] = rt_to_bf16(from[i]);
}

void embedding(const EmbeddingShape *shape, const void *ids, const void *table, void *out)
{
    const size_t row_bytes = (size_t)shape->width * rt_dtype_bytes(shape->table);
    const size_t out_bytes = (size_t)shape->width * rt_dtype_bytes(shape->out);
    const int32_t *id = ids;
    rt_touch(ids, (size_t)shape->n * sizeof *id);
    rt_touch(table, (size_t)shape->vocab * row_bytes);
    rt_touch(out, (size_t)shape->n * out_bytes);
    RT_PARALLEL(shape->n * shape->width)
    for (int64_t i = 0; i < shape->n; i++) {
        const void *row = (const char *)table + (size_t)id[i] * row_bytes;
        char *to = (char *)out + (size_t)i * out_bytes;
        if (shape->table == shape->out)
            memcpy(to, row, row_bytes);
        else
            round_row(row, (rt_bf16 *)to, shape->width);
    }
    rt_ran();
}
