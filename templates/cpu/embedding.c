/* Rows of a table: in ids [n] i32 and table [vocab, width], out [n, width]. */
#include "kernels.h"

void embedding(const EmbeddingShape *shape, const void *ids, const void *table, void *out)
{
    const size_t row_bytes = (size_t)shape->width * rt_dtype_bytes(shape->table);
    const int32_t *id = ids;
    rt_touch(ids, (size_t)shape->n * sizeof *id);
    rt_touch(table, (size_t)shape->vocab * row_bytes);
    rt_touch(out, (size_t)shape->n * row_bytes);
    RT_PARALLEL(shape->n * shape->width)
    for (int64_t i = 0; i < shape->n; i++)
        memcpy((char *)out + (size_t)i * row_bytes, (const char *)table + (size_t)id[i] * row_bytes,
               row_bytes);
    rt_ran();
}
