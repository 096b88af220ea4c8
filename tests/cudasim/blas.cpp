/* cuBLAS and cuBLASLt: every call is checked argument by argument (operations, sizes, leading
 * dimensions, extents against the allocations, pointers of the epilogue, alignment that the
 * algorithm was chosen for), its workspace is overwritten with poison, and the product is computed
 * with f32 accumulation in the order of k, its operands rounded to TF32 where the call asks for
 * that. CUDASIM_LT=refuse makes the heuristic find nothing, so
 * that the fallback is run. */
#include "include/cublasLt.h"
#include "include/cuda_bf16.h"
#include "sim.h"
#include <cstdlib>
#include <cstring>
#include <set>

struct SimBlas {
    cudaStream_t stream;
    char *workspace;
    size_t workspace_bytes;
};
struct SimMatmulDesc {
    cublasComputeType_t compute;
    cublasOperation_t op_a, op_b;
    cublasLtEpilogue_t epilogue;
    const void *bias;
    cudaDataType bias_type;
};
struct SimMatrixLayout {
    cudaDataType type;
    uint64_t rows, columns;
    int64_t leading;
    int32_t batch;
    int64_t stride;
};
struct SimPreference {
    uint64_t workspace_bytes;
    uint32_t alignment[4];
};

/* A column-major operand. */
struct Matrix {
    const void *data;
    cudaDataType type;
    int64_t rows, columns, leading, stride;
};
struct Product {
    Matrix a, b, c, d;
    cublasOperation_t op_a, op_b;
    bool tf32;
    int64_t m, n, k, batch;
    float alpha, beta;
    const void *bias; /* of m values, or NULL */
    cudaDataType bias_type;
    char *workspace;
    size_t workspace_bytes;
};

static std::set<const void *> handles;

static size_t bytes_of(cudaDataType type)
{
    return type == CUDA_R_32F ? 4 : 2;
}

static void demand(bool good, const char *what)
{
    if (!good)
        sim_report("blas", "%s", what);
}

static float load(const void *data, cudaDataType type, int64_t i)
{
    return type == CUDA_R_32F ? ((const float *)data)[i]
                              : __bfloat162float(((const __nv_bfloat16 *)data)[i]);
}

static void store(const void *data, cudaDataType type, int64_t i, float value)
{
    if (type == CUDA_R_32F)
        ((float *)data)[i] = value;
    else
        ((__nv_bfloat16 *)data)[i] = __float2bfloat16_rn(value);
}

/* --- checks
 * ---------------------------------------------------------------------------------------- */

static void check_matrix(const char *name, const Matrix &x, int64_t batch)
{
    if (x.type != CUDA_R_32F && x.type != CUDA_R_16BF)
        sim_report("blas", "%s: unknown element type", name);
    if (x.leading < x.rows)
        sim_report("blas", "%s: leading dimension %lld is less than its %lld rows", name,
                   (long long)x.leading, (long long)x.rows);
    if ((uintptr_t)x.data % bytes_of(x.type))
        sim_report("blas", "%s: address is not a multiple of the element", name);
    int64_t last = (x.columns - 1) * x.leading + x.rows + (batch - 1) * x.stride;
    sim_demand_device(name, x.data, (size_t)last * bytes_of(x.type));
}

/* The batch's results must not lie over each other. */
static void check_output(const Product &p)
{
    int64_t extent = (p.d.columns - 1) * p.d.leading + p.d.rows;
    bool interleaved = p.d.stride >= p.d.rows && p.d.leading >= p.d.stride * p.batch;
    demand(p.batch == 1 || p.d.stride >= extent || interleaved, "the batch's results overlap");
}

static void check_product(const Product &p)
{
    demand(p.m > 0 && p.n > 0 && p.k > 0 && p.batch > 0, "an empty product");
    bool a = p.op_a == CUBLAS_OP_N ? p.a.rows == p.m && p.a.columns == p.k
                                   : p.a.rows == p.k && p.a.columns == p.m;
    bool b = p.op_b == CUBLAS_OP_N ? p.b.rows == p.k && p.b.columns == p.n
                                   : p.b.rows == p.n && p.b.columns == p.k;
    demand(a && b && p.d.rows == p.m && p.d.columns == p.n, "sizes do not fit each other");
    demand(p.a.type == p.b.type, "A and B differ in type");
    demand(p.c.type == p.d.type && (p.d.type == p.a.type || p.d.type == CUDA_R_32F),
           "this type of the result is not supported");
    check_matrix("A", p.a, p.batch);
    check_matrix("B", p.b, p.batch);
    check_matrix("C", p.c, p.batch);
    check_matrix("D", p.d, p.batch);
    check_output(p);
    if (p.bias)
        sim_demand_device("bias", p.bias, (size_t)p.m * bytes_of(p.bias_type));
    if (p.workspace_bytes) {
        sim_demand_device("workspace", p.workspace, p.workspace_bytes);
        demand((uintptr_t)p.workspace % 256 == 0, "workspace is not aligned to 256 bytes");
    }
}

/* --- the product
 * ----------------------------------------------------------------------------------- */

static void tell(const Matrix &x, int64_t batch, bool writes)
{
    if (!sim_checker)
        return;
    for (int64_t i = 0; i < batch; i++)
        for (int64_t column = 0; column < x.columns; column++) {
            char *at =
                (char *)x.data + (size_t)(i * x.stride + column * x.leading) * bytes_of(x.type);
            size_t bytes = (size_t)x.rows * bytes_of(x.type);
            writes ? sim_checker->write(at, bytes) : sim_checker->read(at, bytes);
        }
}

static void tell_accesses(const Product &p)
{
    tell(p.a, p.batch, false);
    tell(p.b, p.batch, false);
    if (p.beta != 0)
        tell(p.c, p.batch, false);
    if (p.bias && sim_checker)
        sim_checker->read(p.bias, (size_t)p.m * bytes_of(p.bias_type));
    tell(p.d, p.batch, true);
    if (p.workspace_bytes && sim_checker)
        sim_checker->write(p.workspace, p.workspace_bytes);
}

/* As the PTX ISA says of cvt.rna.tf32.f32: 10 bits of mantissa, ties away from zero. */
static float rounded_to_tf32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits >> 23 & 255u) != 255u)
        bits = (bits + 0x1000u) & ~0x1fffu;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static void round_all(std::vector<float> *values)
{
    for (float &value : *values)
        value = rounded_to_tf32(value);
}

/* op(X) of one member of the batch as packed columns: result[column * rows + row]. */
static std::vector<float> unpack(const Matrix &x, bool transposed, int64_t member)
{
    int64_t rows = transposed ? x.columns : x.rows, columns = transposed ? x.rows : x.columns;
    std::vector<float> result((size_t)(rows * columns));
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = 0; i < rows; i++) {
            int64_t at = transposed ? i * x.leading + j : j * x.leading + i;
            result[(size_t)(j * rows + i)] = load(x.data, x.type, member * x.stride + at);
        }
    return result;
}

static void multiply_member(const Product &p, int64_t member)
{
    std::vector<float> a = unpack(p.a, p.op_a == CUBLAS_OP_T, member);
    std::vector<float> b = unpack(p.b, p.op_b == CUBLAS_OP_T, member);
    std::vector<float> sums((size_t)p.m);
    if (p.tf32 && p.a.type == CUDA_R_32F) {
        round_all(&a);
        round_all(&b);
    }
    for (int64_t j = 0; j < p.n; j++) {
        std::fill(sums.begin(), sums.end(), 0.0f);
        for (int64_t l = 0; l < p.k; l++) {
            const float factor = b[(size_t)(j * p.k + l)], *column = &a[(size_t)(l * p.m)];
            for (int64_t i = 0; i < p.m; i++)
                sums[(size_t)i] += column[i] * factor;
        }
        for (int64_t i = 0; i < p.m; i++) {
            float value = p.alpha * sums[(size_t)i];
            if (p.beta != 0)
                value +=
                    p.beta * load(p.c.data, p.c.type, member * p.c.stride + j * p.c.leading + i);
            if (p.bias)
                value += load(p.bias, p.bias_type, i);
            store(p.d.data, p.d.type, member * p.d.stride + j * p.d.leading + i, value);
        }
    }
}

static void enqueue_product(const Product &p, cudaStream_t stream)
{
    sim_trace("matmul %lld %lld %lld batch %lld", (long long)p.m, (long long)p.n, (long long)p.k,
              (long long)p.batch);
    check_product(p);
    std::function<void()> run = [p] {
        tell_accesses(p);
        for (int64_t member = 0; member < p.batch; member++)
            multiply_member(p, member);
        if (p.workspace_bytes)
            sim_poison(p.workspace, p.workspace_bytes);
    };
    sim_enqueue(stream, {"matmul", [run] { return run; }});
}

/* --- cuBLAS
 * ---------------------------------------------------------------------------------------- */

static cublasStatus_t create(SimBlas **handle)
{
    sim_forbid_capture("creating a cuBLAS handle");
    if (!sim_options.driver)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new SimBlas{};
    handles.insert(*handle);
    return CUBLAS_STATUS_SUCCESS;
}

static void check_handle(const SimBlas *handle)
{
    demand(handles.count(handle) == 1, "not a handle");
}

cublasStatus_t cublasCreate(cublasHandle_t *handle)
{
    return create(handle);
}

cublasStatus_t cublasDestroy(cublasHandle_t handle)
{
    check_handle(handle);
    handles.erase(handle);
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

/* As the library does, a new stream takes the workspace away. */
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream)
{
    check_handle(handle);
    demand(sim_is_stream(stream), "not a stream");
    *handle = SimBlas{stream, nullptr, 0};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes)
{
    check_handle(handle);
    sim_demand_device("workspace", workspace, bytes);
    handle->workspace = (char *)workspace;
    handle->workspace_bytes = bytes;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a,
                                          cublasOperation_t op_b, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType type_a,
                                          int lda, long long stride_a, const void *b,
                                          cudaDataType type_b, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType type_c, int ldc,
                                          long long stride_c, int batch, cublasComputeType_t,
                                          cublasGemmAlgo_t)
{
    check_handle(handle);
    demand(handle->workspace_bytes > 0, "no workspace was set: the library would allocate one");
    bool plain_a = op_a == CUBLAS_OP_N, plain_b = op_b == CUBLAS_OP_N;
    Product p{};
    p.a = {a, type_a, plain_a ? m : k, plain_a ? k : m, lda, stride_a};
    p.b = {b, type_b, plain_b ? k : n, plain_b ? n : k, ldb, stride_b};
    p.c = p.d = {c, type_c, m, n, ldc, stride_c};
    p.op_a = op_a;
    p.op_b = op_b;
    p.m = m;
    p.n = n;
    p.k = k;
    p.batch = batch;
    p.alpha = *(const float *)alpha;
    p.beta = *(const float *)beta;
    p.workspace = handle->workspace;
    p.workspace_bytes = handle->workspace_bytes;
    enqueue_product(p, handle->stream);
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusName(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_SUCCESS ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS";
}

/* --- cuBLASLt
 * -------------------------------------------------------------------------------------- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    return create(handle);
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    return cublasDestroy(handle);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t compute,
                                        cudaDataType scale)
{
    demand(scale == CUDA_R_32F, "the scale must be f32");
    *desc = new SimMatmulDesc{compute, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT,
                              nullptr, CUDA_R_32F};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc)
{
    delete desc;
    return CUBLAS_STATUS_SUCCESS;
}

template <class T> static void take(T *to, const void *value, size_t bytes)
{
    demand(bytes == sizeof(T), "an attribute of the wrong size");
    memcpy(to, value, bytes);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes)
{
    switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA: take(&desc->op_a, value, bytes); break;
    case CUBLASLT_MATMUL_DESC_TRANSB: take(&desc->op_b, value, bytes); break;
    case CUBLASLT_MATMUL_DESC_EPILOGUE: take(&desc->epilogue, value, bytes); break;
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: take(&desc->bias, value, bytes); break;
    case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE: take(&desc->bias_type, value, bytes); break;
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t leading)
{
    *layout = new SimMatrixLayout{type, rows, columns, leading, 1, 0};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout)
{
    delete layout;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t bytes)
{
    if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
        take(&layout->batch, value, bytes);
    else
        take(&layout->stride, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference)
{
    *preference = new SimPreference{0, {256, 256, 256, 256}};
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference)
{
    delete preference;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t bytes)
{
    uint32_t mask;
    if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
        take(&preference->workspace_bytes, value, bytes);
    else if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
        take(&mask, value, bytes);
    else
        take(&preference->alignment[attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value,
             bytes);
    return CUBLAS_STATUS_SUCCESS;
}

/* What the choice was made for; cublasLtMatmul holds the call to it. */
struct SimAlgo {
    uint64_t workspace_bytes;
    uint32_t alignment[4];
    uint64_t m, n;
    uint32_t batch, epilogue;
};
static_assert(sizeof(SimAlgo) <= sizeof(cublasLtMatmulAlgo_t), "fits");

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int asked,
                                              cublasLtMatmulHeuristicResult_t results[], int *given)
{
    check_handle(handle);
    sim_trace("heuristic");
    demand(asked >= 1, "no result was asked for");
    const char *option = getenv("CUDASIM_LT");
    *given = 0;
    if (option && std::string(option) == "refuse")
        return CUBLAS_STATUS_NOT_SUPPORTED;
    results[0] = cublasLtMatmulHeuristicResult_t{};
    SimAlgo algo{preference->workspace_bytes, {}, d->rows, d->columns, (uint32_t)d->batch,
                 (uint32_t)desc->epilogue};
    memcpy(algo.alignment, preference->alignment, sizeof algo.alignment);
    memcpy(&results[0].algo, &algo, sizeof algo);
    results[0].workspaceSize = preference->workspace_bytes;
    *given = 1;
    return CUBLAS_STATUS_SUCCESS;
}

static Matrix matrix_of(const void *data, const SimMatrixLayout &layout)
{
    return {data,           layout.type,  (int64_t)layout.rows, (int64_t)layout.columns,
            layout.leading, layout.stride};
}

static void check_algo(const Product &p, const SimAlgo &algo, const SimMatmulDesc &desc)
{
    demand(algo.m == (uint64_t)p.m && algo.n == (uint64_t)p.n && algo.batch == (uint32_t)p.batch &&
               algo.epilogue == (uint32_t)desc.epilogue,
           "the algorithm was chosen for another product");
    demand(algo.workspace_bytes <= p.workspace_bytes,
           "the workspace is smaller than the algorithm's");
    const void *data[] = {p.a.data, p.b.data, p.c.data, p.d.data};
    for (int i = 0; i < 4; i++)
        demand((uintptr_t)data[i] % algo.alignment[i] == 0,
               "an operand is less aligned than the algorithm was chosen for");
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t layout_a, const void *b,
                              cublasLtMatrixLayout_t layout_b, const void *beta, const void *c,
                              cublasLtMatrixLayout_t layout_c, void *d,
                              cublasLtMatrixLayout_t layout_d, const cublasLtMatmulAlgo_t *algo,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream)
{
    check_handle(handle);
    Product p{};
    p.a = matrix_of(a, *layout_a);
    p.b = matrix_of(b, *layout_b);
    p.c = matrix_of(c, *layout_c);
    p.d = matrix_of(d, *layout_d);
    p.op_a = desc->op_a;
    p.op_b = desc->op_b;
    p.tf32 = desc->compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    p.m = p.d.rows;
    p.n = p.d.columns;
    p.k = p.op_a == CUBLAS_OP_N ? p.a.columns : p.a.rows;
    p.batch = layout_d->batch;
    demand(layout_a->batch == layout_d->batch && layout_b->batch == layout_d->batch &&
               layout_c->batch == layout_d->batch,
           "the operands' batches differ");
    p.alpha = *(const float *)alpha;
    p.beta = *(const float *)beta;
    if (desc->epilogue == CUBLASLT_EPILOGUE_BIAS) {
        demand(desc->bias != nullptr, "the epilogue's bias pointer was not set");
        p.bias = desc->bias;
        p.bias_type = desc->bias_type;
    }
    p.workspace = (char *)workspace;
    p.workspace_bytes = workspace_bytes;
    SimAlgo chosen;
    memcpy(&chosen, algo, sizeof chosen);
    check_algo(p, chosen, *desc);
    enqueue_product(p, stream);
    return CUBLAS_STATUS_SUCCESS;
}
