/* The gradient of a table of rows: in ids [n] i32 and gradient [n, width], out [vocab, width].
 * Threads share the columns, so that each row's terms are added in the order of the ids. */
#include "kernels.h"

enum { SPAN = 32 }; /* columns a thread takes at a time: two cache lines of f32 */

static void add_f32(float *to, const float *from, int64_t n)
{
    RT_PRAGMA(omp simd)
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static double load(RtDtype dtype, const void *x, int64_t i)
{
    if (dtype == RT_BF16)
        return (double)rt_from_bf16(((const rt_bf16 *)x)[i]);
    return dtype == RT_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void store(RtDtype dtype, void *y, int64_t i, double value)
{
    if (dtype == RT_BF16)
        ((rt_bf16 *)y)[i] = rt_to_bf16((float)value);
    else if (dtype == RT_F32)
        ((float *)y)[i] = (float)value;
    else
        ((double *)y)[i] = value;
}

static void add_columns(const EmbeddingShape *shape, const int32_t *ids, const void *gradient,
                        void *table, int64_t from)
{
    const int64_t n = rt_least(SPAN, shape->width - from);
    for (int64_t i = 0; i < shape->n; i++) {
        const int64_t source = i * shape->width + from, target = ids[i] * shape->width + from;
        if (shape->table == RT_F32 && shape->out == RT_F32)
            add_f32((float *)table + target, (const float *)gradient + source, n);
        else
            for (int64_t j = 0; j < n; j++)
                store(shape->table, table, target + j,
                      load(shape->table, table, target + j) +
                          load(shape->out, gradient, source + j));
    }
}

void embedding_backward(const EmbeddingShape *shape, const void *ids, const void *gradient,
                        void *table)
{
    const size_t table_bytes = (size_t)(shape->vocab * shape->width) * rt_dtype_bytes(shape->table);
    rt_touch(ids, (size_t)shape->n * sizeof(int32_t));
    rt_touch(gradient, (size_t)(shape->n * shape->width) * rt_dtype_bytes(shape->out));
    rt_touch(table, table_bytes);
    if (!shape->accumulate)
        memset(table, 0, table_bytes);
    RT_PARALLEL(shape->n * shape->width)
    for (int64_t from = 0; from < shape->width; from += SPAN)
        add_columns(shape, ids, gradient, table, from);
    rt_ran();
}
