/* What every kernel of the CPU target shares, beside what kernel.h has for all targets: bf16,
 * vectorisable functions and the random generator.
 *
 * A kernel call is one step of the schedule: it touches what it reads and writes (the arena's
 * high-water mark) and ends with rt_ran(). The order of every sum depends on shapes, and for BLAS
 * on the number of threads, but never on which thread does what. */
#ifndef KERNELS_H
#define KERNELS_H

#include "kernel.h"

#include <math.h>
#include <string.h>

/* Compiled once and never inlined into the schedule, so that a replay computes the same bits. */
#define RT_KERNEL static __attribute__((noinline))

#define RT_PRAGMA(text) _Pragma(#text)
/* The loop that follows is shared by the threads where its work (in elements) pays for waking them.
 */
#define RT_PARALLEL(work) RT_PRAGMA(omp parallel for schedule(static) if ((work) > 16384))

/* Elements that a row is cut into (what is kept of random numbers stays in the first-level cache);
 * pieces of a sum that has few outputs. */
enum { RT_CHUNK = 1024, RT_PIECES = 64 };

/* ---- bf16 ------------------------------------------------------------------------------------ */

typedef uint16_t rt_bf16;

static inline float rt_bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t rt_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float rt_from_bf16(rt_bf16 value)
{
    return rt_bits_float((uint32_t)value << 16);
}

/* To nearest, ties to even; a NaN stays one. */
static inline rt_bf16 rt_to_bf16(float value)
{
    uint32_t bits = rt_float_bits(value);
    uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (rt_bf16)(value != value ? (bits >> 16 | 0x40u) : rounded);
}

/* ---- what the text of fused kernels is made of --------------------------------------------------
 *
 * Arguments, what a thread works on, and random numbers of a chunk. */
#define RT_READS(dtype, x, in, n)                                                                  \
    const rt_##dtype *x = (const rt_##dtype *)(in);                                                \
    rt_touch(x, sizeof *x *(size_t)(n))
#define RT_WRITES(dtype, y, out, n)                                                                \
    rt_##dtype *y = (rt_##dtype *)(out);                                                           \
    rt_touch(y, sizeof *y *(size_t)(n))

/* Piece number `piece`: elements start to end of a row. */
#define RT_PIECE(piece, row, start, end)                                                           \
    const int64_t row = (piece) / PIECES, start = (piece) % PIECES * SPAN;                         \
    const int64_t end = rt_least(COLUMNS, start + SPAN);                                           \
    (void)row

#define RANDOM_CHUNK(u, first, n, step, stream)                                                    \
    real u##_chunk[RT_CHUNK + RT_UNIFORM_EXTRA];                                                   \
    const real *u = rt_uniform(u##_chunk, (uint64_t)(first), n, step, stream)

static inline int64_t rt_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- functions: without branches for float, so that loops over them vectorise ---------------- */

#ifdef REAL_F64
static inline real r_exp(real x)
{
    return exp(x);
}
static inline real r_log(real x)
{
    return log(x);
}
static inline real r_tanh(real x)
{
    return tanh(x);
}
static inline real r_erf(real x)
{
    return erf(x);
}
static inline real r_sqrt(real x)
{
    return sqrt(x);
}
static inline real r_abs(real x)
{
    return fabs(x);
}
#else
/* x = n log 2 + r, |r| <= log 2 / 2; a minimax polynomial for exp(r); 2^n in two factors, so that
 * results below the normal range are right too. */
static inline real r_exp(real x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float in = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
    float shifted = in * 1.44269504f + magic;
    float n = shifted - magic;
    float r = in - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 0.0013951717f;
    p = p * r + 0.008369599f;
    p = p * r + 0.041666187f;
    p = p * r + 0.16666512f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    int32_t k = (int32_t)(rt_float_bits(shifted) - rt_float_bits(magic));
    int32_t half = k >> 1;
    float low = rt_bits_float((uint32_t)(half + 127) << 23);
    float high = rt_bits_float((uint32_t)(k - half + 127) << 23);
    float value = p * low * high;
    return x != x ? x : value;
}

/* x = m 2^e, m in [sqrt(1/2), sqrt(2)); log m = f - f^2/2 + f^3 P(f), f = m - 1. */
static inline real r_log(real x)
{
    float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
    float below = x < 1.17549435e-38f ? -23.0f : 0.0f;
    uint32_t bits = rt_float_bits(scaled) - 0x3f3504f3u; /* sqrt(1/2) */
    float e = (float)((int32_t)bits >> 23) + below;
    float f = rt_bits_float((bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    float p = 0.06746601f;
    p = p * f - 0.11675641f;
    p = p * f + 0.11888175f;
    p = p * f - 0.124055915f;
    p = p * f + 0.14219551f;
    p = p * f - 0.16667996f;
    p = p * f + 0.20002119f;
    p = p * f - 0.2500001f;
    p = p * f + 0.33333313f;
    float f2 = f * f;
    float value = p * f2 * f - e * 2.12194440e-4f - 0.5f * f2 + f + e * 0.693359375f;
    value = x > 3.4e38f ? x : value;
    value = x == 0.0f ? -HUGE_VALF : value;
    return x < 0.0f || x != x ? NAN : value;
}

/* An odd polynomial near 0, 1 - 2 / (exp(2|x|) + 1) beyond. */
static inline real r_tanh(real x)
{
    float a = fabsf(x);
    float z = x * x;
    float p = -0.0055286246f;
    p = p * z + 0.020483306f;
    p = p * z - 0.053692963f;
    p = p * z + 0.13330899f;
    p = p * z - 0.33333263f;
    float near = p * z * a + a;
    float far = 1.0f - 2.0f / (r_exp(2.0f * a) + 1.0f);
    float value = copysignf(a < 0.625f ? near : far, x);
    return x != x ? x : value;
}

/* An odd polynomial to 0.95, 1 - exp(Q(|x|)) beyond, where Q is fitted to log(erfc). */
static inline real r_erf(real x)
{
    float a = fabsf(x);
    float z = x * x;
    float p = 8.150344e-05f;
    p = p * z - 0.000808968f;
    p = p * z + 0.005196282f;
    p = p * z - 0.026857462f;
    p = p * z + 0.11283661f;
    p = p * z - 0.37612632f;
    p = p * z + 1.1283792f;
    float t = a > 4.0f ? 4.0f : a;
    float q = -2.0909556e-05f;
    q = q * t + 0.000432303f;
    q = q * t - 0.004160527f;
    q = q * t + 0.025091497f;
    q = q * t - 0.10823662f;
    q = q * t - 0.6333867f;
    q = q * t - 1.1294951f;
    q = q * t + 0.00017055203f;
    float value = copysignf(a < 0.95f ? p * a : 1.0f - r_exp(q), x);
    return x != x ? x : value;
}

static inline real r_sqrt(real x)
{
    return sqrtf(x);
}
static inline real r_abs(real x)
{
    return fabsf(x);
}
#endif

static inline real r_gelu_tanh_slope(real a)
{
    real t = r_tanh(R(0.79788456080286535588) * (a + R(0.044715) * a * a * a));
    real inner = R(0.79788456080286535588) * (1 + R(0.134145) * a * a);
    return R(0.5) * (1 + t) + R(0.5) * a * (1 - t * t) * inner;
}

static inline real r_silu_slope(real a)
{
    real s = 1 / (1 + r_exp(-a));
    return s * (1 + a * (1 - s));
}

/* ---- random numbers -------------------------------------------------------------------------- */

/* Four counters' words side by side, each in the low half of 64 bits, so that products fit. */
typedef uint64_t RtLanes __attribute__((vector_size(32)));
typedef uint32_t RtHalves __attribute__((vector_size(16)));
enum { RT_VECTORS = 4, RT_COUNTERS = 4 * RT_VECTORS };

/* Elements that rt_uniform may write beyond those asked for. */
enum { RT_UNIFORM_EXTRA = 4 * RT_COUNTERS + 4 };

/* Products of the low halves; a macro, since without AVX a function cannot return such vectors. */
#ifdef __AVX2__
#include <immintrin.h>
#define RT_MULTIPLY(a, b) ((RtLanes)_mm256_mul_epu32((__m256i)(a), _mm256_set1_epi64x(b)))
#else
#define RT_MULTIPLY(a, b) ((a) * (uint64_t)(b))
#endif

/* Words of the counters block..block + RT_COUNTERS - 1, their upper 24 bits. */
static inline void rt_draw(uint32_t words[4][RT_COUNTERS], uint64_t block, const RtStep *step,
                           uint32_t stream)
{
    const RtLanes zero = {0, 0, 0, 0}, number = {0, 1, 2, 3}, low = zero + 0xffffffffu;
    RtLanes c[4][RT_VECTORS];
    uint64_t k0 = step->seed[0], k1 = step->seed[1];
    for (int v = 0; v < RT_VECTORS; v++) {
        const RtLanes counter = zero + (block + 4 * (uint64_t)v) + number;
        c[0][v] = counter & low;
        c[1][v] = counter >> 32;
        c[2][v] = zero + stream;
        c[3][v] = zero + step->step;
    }
    RT_PRAGMA(GCC unroll 10)
    for (int round = 0; round < 10; round++) {
        RT_PRAGMA(GCC unroll 4)
        for (int v = 0; v < RT_VECTORS; v++) {
            const RtLanes p0 = RT_MULTIPLY(c[0][v], 0xD2511F53);
            const RtLanes p1 = RT_MULTIPLY(c[2][v], 0xCD9E8D57);
            c[0][v] = (p1 >> 32) ^ c[1][v] ^ k0;
            c[1][v] = p1 & low;
            c[2][v] = (p0 >> 32) ^ c[3][v] ^ k1;
            c[3][v] = p0 & low;
        }
        k0 = (k0 + 0x9E3779B9u) & 0xffffffffu;
        k1 = (k1 + 0xBB67AE85u) & 0xffffffffu;
    }
    for (int word = 0; word < 4; word++)
        for (int v = 0; v < RT_VECTORS; v++) {
            const RtHalves halves = __builtin_convertvector(c[word][v] >> 8, RtHalves);
            memcpy(&words[word][4 * v], &halves, sizeof halves);
        }
}

/* Philox-4x32-10 (Salmon et al. 2011) keyed by the seed; the counter is (element / 4 as 64 bits,
 * stream, step), and element i takes word i % 4. Uniform in [0, 1): the upper 24 bits.
 * Writes elements first..first + n - 1 into buffer[n + RT_UNIFORM_EXTRA] and returns where they
 * start there. */
static inline const real *rt_uniform(real *buffer, uint64_t first, int64_t n, const RtStep *step,
                                     uint32_t stream)
{
    const int64_t skip = (int64_t)(first % 4);
    for (int64_t done = 0; done < skip + n; done += 4 * RT_COUNTERS) {
        uint32_t words[4][RT_COUNTERS];
        rt_draw(words, first / 4 + (uint64_t)(done / 4), step, stream);
        real *u = buffer + done;
        for (int i = 0; i < RT_COUNTERS; i++) {
            u[4 * i] = (real)(int32_t)words[0][i] * R(1.0 / 16777216);
            u[4 * i + 1] = (real)(int32_t)words[1][i] * R(1.0 / 16777216);
            u[4 * i + 2] = (real)(int32_t)words[2][i] * R(1.0 / 16777216);
            u[4 * i + 3] = (real)(int32_t)words[3][i] * R(1.0 / 16777216);
        }
    }
    return buffer + skip;
}

#endif
