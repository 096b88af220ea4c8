/* The numbers of a step (seed, step, learning rates, Adam's corrections), and initial weights, all
 * worked out on the host, so that every target has the same. */
#include "philox.h"
#include "rt_internal.h"

#include <math.h>
#include <string.h>

size_t rt_numbers_bytes(void)
{
    return sizeof(RtStep) + 3 * (size_t)rt_program.n_groups * sizeof(double);
}

/* How far the schedule has come after its warm-up: 0 at its start, 1 at its end and after. */
static double progress(int64_t k)
{
    const int64_t warmup = rt_program.lr_schedule.warmup;
    const int64_t length = rt_program.lr_schedule.steps - warmup;
    if (length <= 0 || k - warmup >= length)
        return 1;
    return (double)(k - warmup) / (double)length;
}

double rt_learning_rate(int group, int64_t k)
{
    const double rate = rt_program.groups[group].lr, to = rt_program.lr_schedule.to;
    const int64_t warmup = rt_program.lr_schedule.warmup;
    if (rt_program.lr_schedule.kind == RT_SCHEDULE_CONSTANT)
        return rate;
    if (k < warmup)
        return rate * (double)(k + 1) / (double)warmup;
    if (rt_program.lr_schedule.kind == RT_SCHEDULE_LINEAR)
        return rate + (to - rate) * progress(k);
    return to + (rate - to) * 0.5 * (1 + cos(3.14159265358979323846 * progress(k)));
}

static double correction(double beta, int64_t k)
{
    return beta > 0 && beta < 1 ? 1 / (1 - pow(beta, (double)(k + 1))) : 1;
}

void rt_numbers_fill(void *numbers, int64_t k, uint64_t seed, bool training)
{
    const RtStep step = {{(uint32_t)seed, (uint32_t)(seed >> 32)}, (uint32_t)k, training};
    memcpy(numbers, &step, sizeof step);
    double *values = (void *)((char *)numbers + sizeof step);
    for (int g = 0; g < rt_program.n_groups; g++) {
        values[3 * g] = rt_learning_rate(g, k);
        values[3 * g + 1] = correction(rt_program.groups[g].beta1, k);
        values[3 * g + 2] = correction(rt_program.groups[g].beta2, k);
    }
}

/* ---- initial weights ---- */

enum { CHUNK = 4096 }; /* elements made at a time; a multiple of 4 */

/* Elements i..i+3. Their random words have the step number 2^32 - 1, which no step of training has.
 */
static void draw_four(const RtParameter *p, uint64_t seed, uint64_t i, double *out)
{
    const uint64_t block = i / 4;
    const RtRandom r = rt_philox((uint32_t)block, (uint32_t)(block >> 32), p->stream, UINT32_MAX,
                                 (uint32_t)seed, (uint32_t)(seed >> 32));
    for (int j = 0; j < 4; j++) {
        if (p->init == RT_CONSTANT)
            out[j] = p->a;
        else if (p->init == RT_UNIFORM)
            out[j] = p->a + (p->b - p->a) * ((double)r.word[j] / 4294967296.0);
    }
    for (int j = 0; p->init == RT_NORMAL && j < 4; j += 2) { /* Box and Muller 1958 */
        const double length = sqrt(-2 * log(((double)r.word[j] + 1) / 4294967296.0));
        const double angle = 6.283185307179586477 * ((double)r.word[j + 1] / 4294967296.0);
        out[j] = p->a + p->b * length * cos(angle);
        out[j + 1] = p->a + p->b * length * sin(angle);
    }
}

static uint16_t to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static void store(RtDtype dtype, void *to, int64_t i, double value)
{
    if (dtype == RT_F64)
        ((double *)to)[i] = value;
    else if (dtype == RT_BF16)
        ((uint16_t *)to)[i] = to_bf16((float)value);
    else
        ((float *)to)[i] = (float)value;
}

static void initialize(const RtParameter *p, uint64_t seed)
{
    static double chunk[CHUNK + 4], values[4];
    const size_t element = p->tensor.dtype == RT_F64 ? 8 : p->tensor.dtype == RT_BF16 ? 2 : 4;
    const int64_t count = (int64_t)(p->tensor.bytes / element);
    for (int64_t from = 0; from < count; from += CHUNK) {
        const int64_t n = count - from < CHUNK ? count - from : CHUNK;
        for (int64_t i = 0; i < n; i++) {
            if (i % 4 == 0)
                draw_four(p, seed, (uint64_t)(from + i), values);
            store(p->tensor.dtype, chunk, i, values[i % 4]);
        }
        rt_device_put(p->tensor.offset + (size_t)from * element, chunk, (size_t)n * element);
    }
}

void rt_weights_initialize(uint64_t seed)
{
    static const char zeros[CHUNK];
    for (int i = 0; i < rt_program.n_parameters; i++)
        initialize(&rt_program.parameters[i], seed);
    for (int i = 0; i < rt_program.n_states; i++) {
        const RtTensor *state = &rt_program.states[i];
        for (size_t at = 0; at < state->bytes; at += CHUNK)
            rt_device_put(state->offset + at, zeros,
                          state->bytes - at < CHUNK ? state->bytes - at : CHUNK);
    }
}
