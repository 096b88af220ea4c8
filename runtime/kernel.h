/* What the kernels of every target have in common: element types, loads and stores of one element,
 * and the prototypes of the kernels that are no part of one model. The target's kernels.h includes
 * this; it says what a bf16 is and how it is converted. C11, and valid as CUDA C++. */
#ifndef KERNEL_H
#define KERNEL_H

#include "rt.h"

/* ---- kernels ------------------------------------------------------------------------------- */

/* C[batch][m, n] (+)= alpha A' B' (+ bias[n]), row-major; leading sizes and steps in elements. A is
 * stored [k, m] where transpose_a, B [n, k] where transpose_b. A step of 0 in c: the batch is
 * summed into one C, in order. bias is NULL where there is none. */
typedef struct {
    RtDtype a, b, bias, c;
    int64_t m, n, k;
    bool transpose_a, transpose_b, accumulate;
    int64_t lda, ldb, ldc;
    int64_t batch[4], step_a[4], step_b[4], step_c[4];
    double alpha;
} MatmulShape;
void matmul(const MatmulShape *shape, const void *a, const void *b, const void *bias, void *c);

/* out[i, :] = table[ids[i], :]; table is [vocab, width], of out's type. */
typedef struct {
    RtDtype table, out; /* backward: of the table's gradient, and of the gradient that comes in */
    int64_t n, width, vocab;
    bool accumulate;
} EmbeddingShape;
void embedding(const EmbeddingShape *shape, const void *ids, const void *table, void *out);

/* table[ids[i], :] += gradient[i, :], each row's terms in the order of i; from zero unless
 * accumulate. */
void embedding_backward(const EmbeddingShape *shape, const void *ids, const void *gradient,
                        void *table);

/* to[i] (+)= from[i] over a box; sizes outermost first, steps and offsets in elements. zero_bytes
 * of `to` are cleared before. more: another part of the same step follows. */
typedef struct {
    RtDtype dtype;
    bool accumulate, more;
    size_t zero_bytes;
    int64_t size[8], step_to[8], step_from[8];
    int64_t offset_to, offset_from;
} CopyShape;
void copy(const CopyShape *shape, const void *from, void *to);

/* ---- the runtime's side --------------------------------------------------------------------- */

extern const char *rt_high_water; /* end of the highest byte that any kernel was given */

static inline void rt_touch(const void *start, size_t bytes)
{
    const char *end = (const char *)start + bytes;
    if (end > rt_high_water)
        rt_high_water = end;
}

/* ---- element types: `real` is what is computed in -------------------------------------------- */

typedef float rt_f32;
typedef double rt_f64;
typedef int32_t rt_i32;
typedef uint8_t rt_bool;

#ifdef REAL_F64
typedef double real;
#else
typedef float real;
#endif
#define R(x) ((real)(x))

static inline size_t rt_dtype_bytes(RtDtype dtype)
{
    static const size_t bytes[] = {4, 2, 8, 4, 1};
    return bytes[dtype];
}

#define LOAD_f32(x, i)  ((real)(x)[i])
#define LOAD_bf16(x, i) ((real)rt_from_bf16((x)[i]))
#define LOAD_f64(x, i)  ((real)(x)[i])
#define LOAD_i32(x, i)  ((real)(x)[i])
#define LOAD_bool(x, i) ((real)(x)[i])

#define STORE_f32(y, i, v)  ((y)[i] = (float)(v))
#define STORE_bf16(y, i, v) ((y)[i] = rt_to_bf16((float)(v)))
#define STORE_f64(y, i, v)  ((y)[i] = (double)(v))
#define STORE_i32(y, i, v)  ((y)[i] = (int32_t)(v))
#define STORE_bool(y, i, v) ((y)[i] = (uint8_t)((v) != 0))

#endif
