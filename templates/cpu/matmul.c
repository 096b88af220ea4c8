/* Batched matrix products by CBLAS. A batch is shared among the threads, each product on one of
 * them, where there are enough of them; else the products follow each other, each on all threads.
 * Which one it is depends on shapes and on the number of threads alone. */
#include "kernels.h"

#include <omp.h>

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };
void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                 const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
void cblas_dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha,
                 const double *a, int lda, const double *b, int ldb, double beta, double *c,
                 int ldc);

static const char *at(const void *start, RtDtype dtype, int64_t element)
{
    return (const char *)start + element * (int64_t)rt_dtype_bytes(dtype);
}

static float load(RtDtype dtype, const void *x, int64_t i)
{
    return dtype == RT_BF16 ? rt_from_bf16(((const rt_bf16 *)x)[i]) : ((const float *)x)[i];
}

/* ---- types other than f32 and f64: tiles are converted, multiplied as f32, and stored ----------
 */

enum { TILE_M = 64, TILE_N = 128, TILE_K = 256 };

/* tile[rows][columns] of a matrix stored with a leading size, from (row, column) on. */
static void load_tile(float *tile, RtDtype dtype, const void *x, int64_t start, int64_t leading,
                      int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            tile[i * columns + j] = load(dtype, x, start + i * leading + j);
}

static void store_tile(const MatmulShape *s, const float *tile, const void *bias, void *c,
                       int64_t row, int64_t column, int64_t rows, int64_t columns, bool add)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            const int64_t to = (row + i) * s->ldc + column + j;
            float value = tile[i * columns + j];
            value += bias ? load(s->bias, bias, column + j) : 0;
            value += add ? load(s->c, c, to) : 0;
            if (s->c == RT_BF16)
                ((rt_bf16 *)c)[to] = rt_to_bf16(value);
            else
                ((float *)c)[to] = value;
        }
}

static void multiply_tile(const MatmulShape *s, const void *a, const void *b, const void *bias,
                          void *c, bool add, int64_t row, int64_t column)
{
    float tile_a[TILE_M * TILE_K], tile_b[TILE_K * TILE_N], tile_c[TILE_M * TILE_N];
    const int64_t m = rt_least(TILE_M, s->m - row), n = rt_least(TILE_N, s->n - column);
    for (int64_t from = 0; from < s->k; from += TILE_K) {
        const int64_t k = rt_least(TILE_K, s->k - from);
        if (s->transpose_a)
            load_tile(tile_a, s->a, a, from * s->lda + row, s->lda, k, m);
        else
            load_tile(tile_a, s->a, a, row * s->lda + from, s->lda, m, k);
        if (s->transpose_b)
            load_tile(tile_b, s->b, b, column * s->ldb + from, s->ldb, n, k);
        else
            load_tile(tile_b, s->b, b, from * s->ldb + column, s->ldb, k, n);
        cblas_sgemm(ROW_MAJOR, s->transpose_a ? TRANSPOSED : PLAIN,
                    s->transpose_b ? TRANSPOSED : PLAIN, (int)m, (int)n, (int)k, (float)s->alpha,
                    tile_a, (int)(s->transpose_a ? m : k), tile_b, (int)(s->transpose_b ? k : n),
                    from > 0 ? 1.0f : 0.0f, tile_c, (int)n);
    }
    store_tile(s, tile_c, bias, c, row, column, m, n, add);
}

static void multiply_converted(const MatmulShape *s, const void *a, const void *b, const void *bias,
                               void *c, bool add)
{
    const int64_t down = (s->m + TILE_M - 1) / TILE_M, across = (s->n + TILE_N - 1) / TILE_N;
    RT_PARALLEL(s->m * s->n)
    for (int64_t tile = 0; tile < down * across; tile++)
        multiply_tile(s, a, b, bias, c, add, tile / across * TILE_M, tile % across * TILE_N);
}

/* ---- one product ------------------------------------------------------------------------------
 */

/* C = bias in every row (added to it where add), so that the product is then added. */
static void spread_bias(const MatmulShape *s, const void *bias, void *c, bool add)
{
    const size_t row_bytes = (size_t)s->n * rt_dtype_bytes(s->c);
    RT_PARALLEL(s->m * s->n)
    for (int64_t i = 0; i < s->m; i++) {
        char *row = (char *)c + (size_t)(i * s->ldc) * rt_dtype_bytes(s->c);
        if (!add)
            memcpy(row, bias, row_bytes);
        else if (s->c == RT_F32)
            for (int64_t j = 0; j < s->n; j++)
                ((float *)row)[j] += ((const float *)bias)[j];
        else
            for (int64_t j = 0; j < s->n; j++)
                ((double *)row)[j] += ((const double *)bias)[j];
    }
}

static void multiply(const MatmulShape *s, const void *a, const void *b, const void *bias, void *c,
                     bool add)
{
    const int transpose_a = s->transpose_a ? TRANSPOSED : PLAIN;
    const int transpose_b = s->transpose_b ? TRANSPOSED : PLAIN;
    const bool plain = s->a == s->b && s->a == s->c && (!bias || s->bias == s->a);
    if (!plain || s->a == RT_BF16) {
        multiply_converted(s, a, b, bias, c, add);
        return;
    }
    if (bias)
        spread_bias(s, bias, c, add);
    const double beta = add || bias ? 1 : 0;
    if (s->a == RT_F32)
        cblas_sgemm(ROW_MAJOR, transpose_a, transpose_b, (int)s->m, (int)s->n, (int)s->k,
                    (float)s->alpha, a, (int)s->lda, b, (int)s->ldb, (float)beta, c, (int)s->ldc);
    else
        cblas_dgemm(ROW_MAJOR, transpose_a, transpose_b, (int)s->m, (int)s->n, (int)s->k, s->alpha,
                    a, (int)s->lda, b, (int)s->ldb, beta, c, (int)s->ldc);
}

/* ---- the batch --------------------------------------------------------------------------------
 */

typedef struct {
    const MatmulShape *shape;
    const void *a, *b, *bias;
    void *c;
    int64_t n_outputs, n_terms; /* different C's, and products summed into each */
} Batch;

static bool is_summed(const MatmulShape *s, int axis)
{
    return s->step_c[axis] == 0;
}

/* All products of output number `output`, in order. */
static void multiply_output(const Batch *batch, int64_t output)
{
    const MatmulShape *s = batch->shape;
    for (int64_t term = 0; term < batch->n_terms; term++) {
        int64_t rest[2] = {output, term}, a = 0, b = 0, c = 0;
        for (int axis = 3; axis >= 0; axis--) {
            int64_t *number = &rest[is_summed(s, axis)];
            const int64_t i = *number % s->batch[axis];
            *number /= s->batch[axis];
            a += i * s->step_a[axis];
            b += i * s->step_b[axis];
            c += i * s->step_c[axis];
        }
        multiply(s, at(batch->a, s->a, a), at(batch->b, s->b, b), term == 0 ? batch->bias : NULL,
                 (void *)at(batch->c, s->c, c), s->accumulate || term > 0);
    }
}

static void touch(RtDtype dtype, const void *x, int64_t rows, int64_t columns, int64_t leading,
                  const int64_t batch[4], const int64_t step[4])
{
    int64_t last = (rows - 1) * leading + columns;
    for (int axis = 0; axis < 4; axis++)
        last += (batch[axis] - 1) * step[axis];
    rt_touch(x, (size_t)last * rt_dtype_bytes(dtype));
}

void matmul(const MatmulShape *s, const void *a, const void *b, const void *bias, void *c)
{
    Batch batch = {s, a, b, bias, c, 1, 1};
    for (int axis = 0; axis < 4; axis++)
        *(is_summed(s, axis) ? &batch.n_terms : &batch.n_outputs) *= s->batch[axis];
    touch(s->a, a, s->transpose_a ? s->k : s->m, s->transpose_a ? s->m : s->k, s->lda, s->batch,
          s->step_a);
    touch(s->b, b, s->transpose_b ? s->n : s->k, s->transpose_b ? s->k : s->n, s->ldb, s->batch,
          s->step_b);
    touch(s->c, c, s->m, s->n, s->ldc, s->batch, s->step_c);
    const int64_t threads = omp_get_max_threads();
    const bool even = batch.n_outputs >= 4 * threads || batch.n_outputs % threads == 0;
    if (batch.n_outputs > 1 && even) {
        RT_PARALLEL(batch.n_outputs * batch.n_terms * s->m * s->n * s->k / 16)
        for (int64_t output = 0; output < batch.n_outputs; output++)
            multiply_output(&batch, output);
    } else {
        for (int64_t output = 0; output < batch.n_outputs; output++)
            multiply_output(&batch, output);
    }
    rt_ran();
}
