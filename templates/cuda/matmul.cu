/* Batched matrix products by cuBLASLt: bias in the epilogue, accumulation as beta, f32 sums (TF32
 * products where the program is built with -DRT_TF32). What a product needs is made once, in the
 * dry run before the first step, and used at every call, so that a replay has the same algorithm
 * and the same bits. A product for which the library has no algorithm is computed by a kernel of
 * our own. */
#include "kernels.h"

#include <cublasLt.h>

/* A row-major matrix [r, c] is a column-major one [c, r]: the library is asked for C' = B'' A''. */
typedef struct {
    const MatmulShape *key; /* with has_bias: one table of sizes serves products with and without */
    bool has_bias;
    MatmulShape shape; /* the same, with axes of the batch that step alike made one */
    int inner;         /* the axis of the batch that one call covers, or -1 */
    bool library;      /* else the kernel below */
    bool spread;       /* bias is written into C first: the epilogue takes none of another type */
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t a, b, c;
    cublasLtMatmulAlgo_t algo;
} Product;

static cublasLtHandle_t handle;
static Product *products;
static int n_products, capacity;

static void demand(cublasStatus_t status, const char *what)
{
    if (status != CUBLAS_STATUS_SUCCESS)
        rt_fail(RT_EXIT_ENVIRONMENT, "%s: cuBLAS status %d", what, (int)status);
}

/* ---- our own kernel: tiles of 16 by 16, terms of k in order
 * ---------------------------------------- */

enum { TILE = 16 };

static __device__ real load(RtDtype dtype, const void *x, int64_t i)
{
    return dtype == RT_BF16 ? LOAD_bf16((const rt_bf16 *)x, i) : ((const float *)x)[i];
}

static __device__ void store(RtDtype dtype, void *y, int64_t i, real value)
{
    if (dtype == RT_BF16)
        STORE_bf16((rt_bf16 *)y, i, value);
    else
        STORE_f32((float *)y, i, value);
}

/* The sum of one tile's products for one member of the batch. */
static __device__ real multiply_tile(const MatmulShape &s, const void *a, const void *b,
                                     int64_t at_a, int64_t at_b, int64_t row, int64_t column)
{
    SHARED(real, tile_a, TILE * (TILE + 1));
    SHARED(real, tile_b, TILE * (TILE + 1));
    const int x = threadIdx.x % TILE, y = threadIdx.x / TILE;
    real sum = 0;
    for (int64_t from = 0; from < s.k; from += TILE) {
        const int64_t k_a = from + x, k_b = from + y;
        const int64_t in_a = s.transpose_a ? k_a * s.lda + row : row * s.lda + k_a;
        const int64_t in_b = s.transpose_b ? column * s.ldb + k_b : k_b * s.ldb + column;
        tile_a[y * (TILE + 1) + x] = row < s.m && k_a < s.k ? load(s.a, a, at_a + in_a) : 0;
        tile_b[y * (TILE + 1) + x] = column < s.n && k_b < s.k ? load(s.b, b, at_b + in_b) : 0;
        __syncthreads();
#pragma unroll
        for (int k = 0; k < TILE; k++)
            sum += tile_a[y * (TILE + 1) + k] * tile_b[k * (TILE + 1) + x];
        __syncthreads();
    }
    return sum;
}

/* One block for a tile of one output; axes of the batch with a step of 0 in c are summed, in order.
 */
RT_GLOBAL multiply(MatmulShape s, const void *a, const void *b, const void *bias, void *c,
                   int64_t tiles_n, int64_t tiles, int64_t terms)
{
    const int64_t output = blockIdx.x / tiles, tile = blockIdx.x % tiles;
    const int64_t row = tile / tiles_n * TILE + threadIdx.x / TILE;
    const int64_t column = tile % tiles_n * TILE + threadIdx.x % TILE;
    real sum = 0;
    int64_t at_c = 0;
    for (int64_t term = 0; term < terms; term++) {
        int64_t rest_output = output, rest_term = term, at_a = 0, at_b = 0;
        at_c = 0;
#pragma unroll
        for (int axis = 3; axis >= 0; axis--) {
            const bool summed = s.step_c[axis] == 0;
            const int64_t rest = summed ? rest_term : rest_output, i = rest % s.batch[axis];
            rest_term = summed ? rest / s.batch[axis] : rest_term;
            rest_output = summed ? rest_output : rest / s.batch[axis];
            at_a += i * s.step_a[axis];
            at_b += i * s.step_b[axis];
            at_c += i * s.step_c[axis];
        }
        sum += (real)s.alpha * multiply_tile(s, a, b, at_a, at_b, row, column);
    }
    if (row >= s.m || column >= s.n)
        return;
    const int64_t at = at_c + row * s.ldc + column;
    sum += bias ? load(s.bias, bias, column) : 0;
    sum += s.accumulate ? load(s.c, c, at) : 0;
    store(s.c, c, at, sum);
}

static void multiply_plain(const MatmulShape *s, const void *a, const void *b, const void *bias,
                           void *c)
{
    int64_t outputs = 1, terms = 1;
    for (int axis = 0; axis < 4; axis++)
        *(s->step_c[axis] == 0 ? &terms : &outputs) *= s->batch[axis];
    const int64_t tiles_n = (s->n + TILE - 1) / TILE, tiles = (s->m + TILE - 1) / TILE * tiles_n;
    RT_LAUNCH(multiply, rt_blocks(outputs * tiles, 1), *s, a, b, bias, c, tiles_n, tiles, terms);
}

/* C[batch][i, j] = bias[j], which the product is then added to. */
RT_GLOBAL spread_bias(RtDtype bias_type, RtDtype c_type, const void *bias, void *c, int64_t batch,
                      int64_t step, int64_t m, int64_t n, int64_t ldc)
{
    const int64_t at = (int64_t)blockIdx.x * RT_BLOCK + threadIdx.x;
    if (at >= batch * m * n)
        return;
    const int64_t to = at / (m * n) * step + at / n % m * ldc + at % n;
    store(c_type, c, to, load(bias_type, bias, at % n));
}

/* ---- making a product
 * ------------------------------------------------------------------------------- */

static bool steps_alike(const int64_t step[4], int outer, int inner, int64_t size)
{
    return step[outer] == step[inner] * size;
}

/* Neighbours in the batch that are one longer axis become one: fewer calls. */
static MatmulShape merged(const MatmulShape *s)
{
    MatmulShape result = *s;
    for (int axis = 2; axis >= 0; axis--) {
        const int64_t size = result.batch[axis + 1];
        const bool same_kind = (s->step_c[axis] == 0) == (s->step_c[axis + 1] == 0);
        if (size > 1 && !(same_kind && steps_alike(result.step_a, axis, axis + 1, size) &&
                          steps_alike(result.step_b, axis, axis + 1, size) &&
                          steps_alike(result.step_c, axis, axis + 1, size)))
            continue;
        for (int64_t *step : {result.step_a, result.step_b, result.step_c}) {
            step[axis] = size > 1 ? step[axis + 1] : step[axis];
            step[axis + 1] = 0;
        }
        result.batch[axis] *= size;
        result.batch[axis + 1] = 1;
    }
    return result;
}

/* The axis of the batch that one call covers: the longest whose members have outputs of their own.
 */
static int choose_inner(const MatmulShape *s)
{
    int inner = -1;
    for (int axis = 0; axis < 4; axis++)
        if (s->batch[axis] > 1 && s->step_c[axis] != 0 &&
            (inner < 0 || s->batch[axis] > s->batch[inner]))
            inner = axis;
    return inner;
}

static cudaDataType library_type(RtDtype dtype)
{
    return dtype == RT_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

static cublasLtMatrixLayout_t make_layout(const MatmulShape *s, RtDtype dtype, int64_t rows,
                                          int64_t columns, int64_t leading, int inner,
                                          const int64_t step[4])
{
    cublasLtMatrixLayout_t layout;
    demand(cublasLtMatrixLayoutCreate(&layout, library_type(dtype), (uint64_t)columns,
                                      (uint64_t)rows, leading),
           "cublasLtMatrixLayoutCreate");
    const int32_t count = inner < 0 ? 1 : (int32_t)s->batch[inner];
    const int64_t stride = inner < 0 ? 0 : step[inner];
    demand(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                            sizeof count),
           "batch count");
    demand(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
                                            &stride, sizeof stride),
           "batch stride");
    return layout;
}

static void set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute,
                const void *value, size_t bytes)
{
    demand(cublasLtMatmulDescSetAttribute(desc, attribute, value, bytes),
           "cublasLtMatmulDescSetAttribute");
}

/* The library's first operand is our B, its second our A. */
static cublasLtMatmulDesc_t make_desc(const MatmulShape *s, const void *bias)
{
#ifdef RT_TF32
    const cublasComputeType_t compute = CUBLAS_COMPUTE_32F_FAST_TF32;
#else
    const cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
#endif
    const cublasOperation_t first = s->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = s->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    cublasLtMatmulDesc_t desc;
    demand(cublasLtMatmulDescCreate(&desc, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
    set(desc, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first);
    set(desc, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second);
    if (bias) {
        const cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_BIAS;
        const cudaDataType type = library_type(s->bias);
        set(desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue);
        set(desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &type, sizeof type);
        set(desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
    }
    return desc;
}

/* Bytes that every address of an operand is a multiple of: tensors start at multiples of 256. */
static uint32_t alignment_of(const MatmulShape *s, RtDtype dtype, const int64_t step[4], int inner)
{
    uint32_t alignment = 256;
    for (int axis = 0; axis < 4; axis++)
        while (axis != inner && s->batch[axis] > 1 &&
               step[axis] * (int64_t)rt_dtype_bytes(dtype) % alignment != 0)
            alignment /= 2;
    return alignment;
}

static cublasLtMatmulPreference_t make_preference(const MatmulShape *s, int inner)
{
    const uint64_t workspace = rt_workspace_bytes;
    const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    const uint32_t a = alignment_of(s, s->b, s->step_b, inner),
                   b = alignment_of(s, s->a, s->step_a, inner);
    const uint32_t c = alignment_of(s, s->c, s->step_c, inner);
    const struct {
        cublasLtMatmulPreferenceAttributes_t attribute;
        const void *value;
        size_t bytes;
    } rows[] = {{CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace},
                {CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &a, sizeof a},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &b, sizeof b},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &c, sizeof c},
                {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &c, sizeof c}};
    cublasLtMatmulPreference_t preference;
    demand(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        demand(cublasLtMatmulPreferenceSetAttribute(preference, rows[i].attribute, rows[i].value,
                                                    rows[i].bytes),
               "cublasLtMatmulPreferenceSetAttribute");
    return preference;
}

static void choose_algorithm(Product *product)
{
    cublasLtMatmulPreference_t preference = make_preference(&product->shape, product->inner);
    cublasLtMatmulHeuristicResult_t result;
    int found = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, product->desc, product->b, product->a, product->c,
                                       product->c, preference, 1, &result, &found);
    product->library =
        status == CUBLAS_STATUS_SUCCESS && found > 0 && result.workspaceSize <= rt_workspace_bytes;
    if (product->library)
        product->algo = result.algo;
    cublasLtMatmulPreferenceDestroy(preference);
}

static bool sums_batch(const MatmulShape *s)
{
    for (int axis = 0; axis < 4; axis++)
        if (s->batch[axis] > 1 && s->step_c[axis] == 0)
            return true;
    return false;
}

static void make_product(Product *product, const MatmulShape *key, const void *bias)
{
    if (!handle)
        demand(cublasLtCreate(&handle), "cublasLtCreate");
    product->key = key;
    product->has_bias = bias != NULL;
    product->shape = merged(key);
    const MatmulShape *s = &product->shape;
    product->inner = choose_inner(s);
    product->spread = bias && s->bias != s->c && !s->accumulate;
    const bool epilogue = bias && s->bias == s->c;
    product->desc = make_desc(s, epilogue ? bias : NULL);
    product->a = make_layout(s, s->a, s->transpose_a ? s->k : s->m, s->transpose_a ? s->m : s->k,
                             s->lda, product->inner, s->step_a);
    product->b = make_layout(s, s->b, s->transpose_b ? s->n : s->k, s->transpose_b ? s->k : s->n,
                             s->ldb, product->inner, s->step_b);
    product->c = make_layout(s, s->c, s->m, s->n, s->ldc, product->inner, s->step_c);
    /* Not for the library: a bias of another type with accumulation, and a bias to a sum of
     * products, to each of which the epilogue would add it. */
    if (bias && ((!epilogue && !product->spread) || sums_batch(s)))
        product->library = false;
    else
        choose_algorithm(product);
}

/* Made at the first call, in the dry run; found afterwards. */
static const Product *find_product(const MatmulShape *s, const void *bias)
{
    for (int i = 0; i < n_products; i++)
        if (products[i].key == s && products[i].has_bias == (bias != NULL))
            return &products[i];
    if (n_products == capacity) {
        capacity = capacity ? 2 * capacity : 64;
        products = (Product *)realloc(products, (size_t)capacity * sizeof *products);
        if (!products)
            rt_fail(RT_EXIT_ENVIRONMENT, "out of memory");
    }
    products[n_products] = Product{};
    make_product(&products[n_products], s, bias);
    return &products[n_products++];
}

/* ---- calling it
 * -------------------------------------------------------------------------------------- */

static const char *at(const void *start, RtDtype dtype, int64_t element)
{
    return (const char *)start + element * (int64_t)rt_dtype_bytes(dtype);
}

static void call_library(const Product *p, const void *a, const void *b, const void *bias, void *c,
                         bool add)
{
    const MatmulShape *s = &p->shape;
    const float alpha = (float)s->alpha, beta = add ? 1.0f : 0.0f;
    if (bias)
        set(p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias);
    demand(cublasLtMatmul(handle, p->desc, &alpha, b, p->b, a, p->a, &beta, c, p->c, c, p->c,
                          &p->algo, rt_workspace, rt_workspace_bytes, rt_stream),
           "cublasLtMatmul");
}

static void spread(const Product *p, const void *bias, void *c)
{
    const MatmulShape *s = &p->shape;
    const int64_t batch = p->inner < 0 ? 1 : s->batch[p->inner];
    const int64_t step = p->inner < 0 ? 0 : s->step_c[p->inner];
    RT_LAUNCH(spread_bias, rt_blocks(batch * s->m * s->n, RT_BLOCK), s->bias, s->c, bias, c, batch,
              step, s->m, s->n, s->ldc);
}

/* One call for each member of the other axes. The first term of a C takes the bias; a later one
 * finds the terms before it there and is added. */
static void multiply_members(const Product *p, const void *a, const void *b, const void *bias,
                             void *c)
{
    const MatmulShape *s = &p->shape;
    int64_t members = 1;
    for (int axis = 0; axis < 4; axis++)
        members *= axis == p->inner ? 1 : s->batch[axis];
    for (int64_t member = 0; member < members; member++) {
        int64_t rest = member, at_a = 0, at_b = 0, at_c = 0;
        bool first = true;
        for (int axis = 3; axis >= 0; axis--) {
            if (axis == p->inner)
                continue;
            const int64_t i = rest % s->batch[axis];
            rest /= s->batch[axis];
            at_a += i * s->step_a[axis];
            at_b += i * s->step_b[axis];
            at_c += i * s->step_c[axis];
            first = first && (i == 0 || s->step_c[axis] != 0);
        }
        void *to = (void *)at(c, s->c, at_c);
        if (p->spread && first)
            spread(p, bias, to);
        call_library(p, at(a, s->a, at_a), at(b, s->b, at_b), p->spread ? NULL : bias, to,
                     s->accumulate || !first || p->spread);
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
    touch(s->a, a, s->transpose_a ? s->k : s->m, s->transpose_a ? s->m : s->k, s->lda, s->batch,
          s->step_a);
    touch(s->b, b, s->transpose_b ? s->n : s->k, s->transpose_b ? s->k : s->n, s->ldb, s->batch,
          s->step_b);
    touch(s->c, c, s->m, s->n, s->ldc, s->batch, s->step_c);
    const Product *product = find_product(s, bias);
    if (!product->library)
        multiply_plain(s, a, b, bias, c);
    else if (!rt_is_preparing)
        multiply_members(product, a, b, bias, c);
    rt_ran();
}
