/* synthetic(seed, FIELD = constant(v) ...): random batches for any model. f32 is standard normal,
 * bool is true with probability 0.85, i32 is uniform over the range that its use needs.
 *
 * Philox is keyed by the seed; its counter is (element / 4, field, step). Two of its words make two
 * normal values (Box and Muller 1958), or each of them one truth or integer. */
#include "philox.h"
#include "source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double truth_probability = 0.85;
static const uint32_t stream_base = 0x53594E00u; /* apart from the streams of weights and dropout */

struct RtSource {
    RtField *fields;
    const RtDataOption **constants; /* of each field, or NULL */
    int n_fields;
    uint64_t seed;
};

/* --seed wins; without it main passes the model's seed, and the source's own is the default. */
static uint64_t choose_seed(const RtProgram *program, uint64_t seed)
{
    const RtDataOption *own = rt_data_option(program, "seed");
    return own && !own->constant && seed == program->seed ? (uint64_t)own->number : seed;
}

static void check_constant(const RtField *field, double value)
{
    const RtInput *input = field->input;
    if (input->tensor.dtype != RT_I32 || !input->classes ||
        (input->has_ignore && value == (double)input->ignore))
        return;
    if (value < 0 || value >= (double)input->classes)
        rt_fail(RT_EXIT_DATA, "synthetic gives %g for '%s', whose values must be 0 to %lld", value,
                input->tensor.name, (long long)input->classes - 1);
}

static RtSource *synthetic_open(const RtProgram *program, const char *path, const RtField *fields,
                                int n_fields, uint64_t seed)
{
    (void)path;
    RtSource *source = rt_data_alloc(1, sizeof *source);
    source->fields = rt_data_alloc((size_t)n_fields, sizeof(RtField));
    source->constants = rt_data_alloc((size_t)n_fields, sizeof(RtDataOption *));
    source->n_fields = n_fields;
    source->seed = choose_seed(program, seed);
    for (int i = 0; i < n_fields; i++) {
        source->fields[i] = fields[i];
        const RtDataOption *option = rt_data_option(program, fields[i].input->tensor.name);
        if (!option || !option->constant)
            continue;
        check_constant(&fields[i], option->number);
        source->constants[i] = option;
    }
    return source;
}

/* Two independent normal values from two words; upper 24 bits each, so at most 5.8. */
static void make_normal(const uint32_t *words, float *values)
{
    float radius = sqrtf(-2 * logf(((float)(words[0] >> 8) + 1) * 0x1p-24f));
    float angle = 6.2831853f * ((float)(words[1] >> 8) * 0x1p-24f);
    values[0] = radius * cosf(angle);
    values[1] = radius * sinf(angle);
}

static double make_value(const RtInput *input, uint32_t word)
{
    if (input->tensor.dtype == RT_BOOL)
        return word < (uint32_t)(truth_probability * 4294967296.0);
    /* Where no use sets a range, any value will do. */
    uint64_t range = input->classes > 0 ? (uint64_t)input->classes : 2;
    return (double)(word * range >> 32);
}

static void fill_random(const RtSource *source, int f, int64_t step)
{
    const RtField *field = &source->fields[f];
    const RtInput *input = field->input;
    int64_t n = rt_field_count(field);
    bool real = input->tensor.dtype != RT_BOOL && input->tensor.dtype != RT_I32;
    for (int64_t i = 0; i < n; i += 4) {
        float values[4];
        RtRandom random =
            rt_philox((uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), stream_base + (uint32_t)f,
                      (uint32_t)step, (uint32_t)source->seed, (uint32_t)(source->seed >> 32));
        if (real) {
            make_normal(random.word, values);
            make_normal(random.word + 2, values + 2);
        }
        for (int k = 0; k < 4 && i + k < n; k++)
            rt_field_set(field, i + k,
                         real ? (double)values[k] : make_value(input, random.word[k]));
    }
}

static void synthetic_next_batch(RtSource *source, int64_t step)
{
    for (int f = 0; f < source->n_fields; f++) {
        if (!source->constants[f]) {
            fill_random(source, f, step);
            continue;
        }
        int64_t n = rt_field_count(&source->fields[f]);
        for (int64_t i = 0; i < n; i++)
            rt_field_set(&source->fields[f], i, source->constants[f]->number);
    }
}

static void synthetic_close(RtSource *source)
{
    free((void *)source->constants);
    free(source->fields);
    free(source);
}

const RtSourceKind rt_source_synthetic = {"synthetic", synthetic_open, synthetic_next_batch,
                                          synthetic_close};
