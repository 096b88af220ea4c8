/* The gradient of a table of rows: in ids [n] i32 and gradient [n, width], out [vocab, width]. A
 * block owns ROWS rows of the table and RT_BLOCK columns; it goes through all ids in order, so that
 * each row's terms are added in the order of the ids. */
#include "kernels.h"

enum { ROWS = 32, LIST = RT_BLOCK };

template <class T> static __device__ __forceinline__ real load(const T *x, int64_t i);
template <> __device__ __forceinline__ real load(const float *x, int64_t i)
{
    return x[i];
}
template <> __device__ __forceinline__ real load(const rt_bf16 *x, int64_t i)
{
    return LOAD_bf16(x, i);
}

static __device__ __forceinline__ void store(float *y, int64_t i, real value)
{
    y[i] = value;
}
static __device__ __forceinline__ void store(rt_bf16 *y, int64_t i, real value)
{
    STORE_bf16(y, i, value);
}

/* list = those positions of ids[start..start + LIST) whose row is one of this block's, in order;
 * the result is how many. */
static __device__ int select_ids(int *list, const int32_t *ids, int64_t start, int64_t n,
                                 int64_t first_row)
{
    SHARED(int, counts, RT_BLOCK / RT_WARP);
    const int lane = threadIdx.x % RT_WARP, warp = threadIdx.x / RT_WARP;
    const int64_t at = start + threadIdx.x;
    const int64_t row = at < n ? ids[at] - first_row : -1;
    const bool mine = row >= 0 && row < ROWS;
    const unsigned votes = __ballot_sync(RT_ALL_LANES, mine);
    __syncthreads(); /* the last list and counts have been read */
    if (lane == 0)
        counts[warp] = __popc(votes);
    __syncthreads();
    int before = __popc(votes & ((1u << lane) - 1u)), total = 0;
    for (int other = 0; other < RT_BLOCK / RT_WARP; other++) {
        before += other < warp ? counts[other] : 0;
        total += counts[other];
    }
    if (mine)
        list[before] = threadIdx.x;
    __syncthreads();
    return total;
}

template <class Table, class Gradient>
RT_GLOBAL scatter_rows(const int32_t *ids, const Gradient *gradient, Table *table, int64_t n,
                       int64_t width, int64_t vocab, bool accumulate)
{
    SHARED(int, list, LIST);
    const int64_t first_row = (int64_t)blockIdx.x * ROWS;
    const int64_t column = (int64_t)blockIdx.y * RT_BLOCK + threadIdx.x;
    const int64_t last_row = rt_least(first_row + ROWS, vocab);
    for (int64_t row = first_row; !accumulate && column < width && row < last_row; row++)
        store(table, row * width + column, 0);
    for (int64_t start = 0; start < n; start += LIST) {
        const int found = select_ids(list, ids, start, n, first_row);
        for (int i = 0; column < width && i < found; i++) {
            const int64_t at = start + list[i], to = ids[at] * width + column;
            store(table, to, load(table, to) + load(gradient, at * width + column));
        }
    }
}

template <class Table, class Gradient>
static void scatter(const EmbeddingShape *shape, const void *ids, const void *gradient, void *table)
{
    const dim3 grid(rt_blocks(shape->vocab, ROWS), rt_blocks(shape->width, RT_BLOCK));
    RT_LAUNCH((scatter_rows<Table, Gradient>), grid, (const int32_t *)ids,
              (const Gradient *)gradient, (Table *)table, shape->n, shape->width, shape->vocab,
              shape->accumulate);
}

void embedding_backward(const EmbeddingShape *shape, const void *ids, const void *gradient,
                        void *table)
{
    rt_touch(ids, (size_t)shape->n * sizeof(int32_t));
    rt_touch(gradient, (size_t)(shape->n * shape->width) * rt_dtype_bytes(shape->out));
    rt_touch(table, (size_t)(shape->vocab * shape->width) * rt_dtype_bytes(shape->table));
    if (shape->table == RT_F32 && shape->out == RT_F32)
        scatter<float, float>(shape, ids, gradient, table);
    else if (shape->table == RT_F32)
        scatter<float, rt_bf16>(shape, ids, gradient, table);
    else if (shape->out == RT_F32)
        scatter<rt_bf16, float>(shape, ids, gradient, table);
    else
        scatter<rt_bf16, rt_bf16>(shape, ids, gradient, table);
    rt_ran();
}
