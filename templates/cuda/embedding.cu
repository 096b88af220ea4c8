/* Rows of a table: in ids [n] i32 and table [vocab, width], out [n, width]. Elements are only
 * moved, 16 bytes at a time where rows are a multiple of that. */
#include "kernels.h"

template <class Word>
RT_GLOBAL gather_rows(const int32_t *ids, const Word *table, Word *out, int64_t n, int64_t words)
{
    const int64_t at = (int64_t)blockIdx.x * RT_BLOCK + threadIdx.x;
    if (at >= n * words)
        return;
    const int64_t i = at / words;
    out[at] = table[ids[i] * words + at % words];
}

template <class Word>
static void gather(const EmbeddingShape *shape, size_t row_bytes, const void *ids,
                   const void *table, void *out)
{
    const int64_t words = (int64_t)(row_bytes / sizeof(Word));
    RT_LAUNCH(gather_rows<Word>, rt_blocks(shape->n * words, RT_BLOCK), (const int32_t *)ids,
              (const Word *)table, (Word *)out, shape->n, words);
}

/* VECTOR elements a thread. */
template <int VECTOR>
RT_GLOBAL round_rows(const int32_t *ids, const float *table, rt_bf16 *out, int64_t n, int64_t width)
{
    const int64_t at = ((int64_t)blockIdx.x * RT_BLOCK + threadIdx.x) * VECTOR;
    if (at >= n * width)
        return;
    real values[VECTOR];
    load_vector(values, table + ids[at / width] * width + at % width);
    store_vector(out + at, values);
}

template <int VECTOR>
static void gather_rounded(const EmbeddingShape *shape, const void *ids, const void *table,
                           void *out)
{
    RT_LAUNCH(round_rows<VECTOR>, rt_blocks(shape->n * shape->width / VECTOR, RT_BLOCK),
              (const int32_t *)ids, (const float *)table, (rt_bf16 *)out, shape->n, shape->width);
}

void embedding(const EmbeddingShape *shape, const void *ids, const void *table, void *out)
{
    const size_t row_bytes = (size_t)shape->width * rt_dtype_bytes(shape->table);
    rt_touch(ids, (size_t)shape->n * sizeof(int32_t));
    rt_touch(table, (size_t)shape->vocab * row_bytes);
    rt_touch(out, (size_t)(shape->n * shape->width) * rt_dtype_bytes(shape->out));
    if (shape->table != shape->out)
        shape->width % 8 == 0 ? gather_rounded<8>(shape, ids, table, out)
                              : gather_rounded<1>(shape, ids, table, out);
    else if (row_bytes % 16 == 0)
        gather<uint4>(shape, row_bytes, ids, table, out);
    else if (row_bytes % 4 == 0)
        gather<uint32_t>(shape, row_bytes, ids, table, out);
    else
        gather<uint16_t>(shape, row_bytes, ids, table, out);
    rt_ran();
}
