/* bert_pairs(PATH, seq): sentence pairs with masked tokens, from the .bin/.idx pair of Megatron and
 * LiBai (`rematc data encode` writes it, with PATH.vocab.txt). The layout is in pairs_file.c, what
 * a sample is and how tokens are masked in pairs_sample.c.
 *
 * Fields, i32[batch, seq] but where said: tokens; types (0 and 1, of the two segments); mask (bool,
 * true where there is a token and no padding); labels (the token that was there, -1 where none was
 * masked); loss_mask (bool or f32, true where labels has a token); is_swapped (i32[batch]: 1 where
 * the second segment comes before the first in the text).
 *
 * Of 1000 documents the first 949 are for training, the next 50 for validation and the last for a
 * test, as in LiBai; --data PATH:valid and PATH:test take those. One epoch has each pair of the
 * sample map once, in an order of its own. Differences from LiBai: its map repeats the documents
 * until there are samples enough, ours has them once and each epoch masks anew; its order within an
 * epoch is PyTorch's random permutation, ours is rt_shuffled. A sample of one number has the same
 * tokens in both. */
#include "pairs.h"
#include "shuffle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS, TYPES, MASK, LABELS, LOSS_MASK, IS_SWAPPED, N_GIFTS };

static const RtGives gives[N_GIFTS] = {
    [TOKENS] = {"tokens", "i32[batch, seq]", .integer = true, .rank = 2},
    [TYPES] = {"types", "i32[batch, seq]", .integer = true, .rank = 2},
    [MASK] = {"mask", "bool[batch, seq]", .truth = true, .rank = 2},
    [LABELS] = {"labels", "i32[batch, seq]", .integer = true, .rank = 2},
    [LOSS_MASK] = {"loss_mask", "bool or f32[batch, seq]", .truth = true, .real = true, .rank = 2},
    [IS_SWAPPED] = {"is_swapped", "i32[batch]", .integer = true, .rank = 1},
};

struct RtSource {
    PairsFile file;
    PairsMap map;
    PairsSample sample;
    RtField found[N_GIFTS]; /* input is NULL where the model does not ask for it */
    int64_t batch;
    int seq;
    uint64_t seed;
};

/* All fields of rank 2 have the same second size, and the option seq, where it is given, says the
 * same. */
static int agreed_seq(const RtProgram *program, const RtField *found)
{
    const RtDataOption *option = rt_data_option(program, "seq");
    int64_t seq = option && !option->text ? (int64_t)option->number : 0;
    for (int i = 0; i < N_GIFTS; i++) {
        if (!found[i].input || gives[i].rank != 2)
            continue;
        int64_t size = found[i].input->tensor.shape[1];
        if (seq && size != seq)
            rt_fail(RT_EXIT_DATA,
                    "'%s' is %lld tokens long in the model, but the data is to have %lld",
                    gives[i].name, (long long)size, (long long)seq);
        seq = size;
    }
    if (seq < 8 || seq > 1 << 20)
        rt_fail(RT_EXIT_DATA, "bert_pairs needs sequences of 8 tokens or more, not %lld",
                (long long)seq);
    return (int)seq;
}

static void check_range(const RtField *field, int64_t needed, const char *what)
{
    if (field->input && field->input->classes && field->input->classes < needed)
        rt_fail(RT_EXIT_DATA, "%s, but '%s' in the model must be less than %lld", what,
                field->input->tensor.name, (long long)field->input->classes);
}

static void check_ranges(const RtSource *source)
{
    char what[512];
    const RtInput *labels = source->found[LABELS].input;
    snprintf(what, sizeof what, "%s has %d pieces", source->file.vocabulary_path,
             source->file.n_pieces);
    check_range(&source->found[TOKENS], source->file.n_pieces, what);
    check_range(&source->found[LABELS], source->file.n_pieces, what);
    check_range(&source->found[TYPES], 2, "there are two types");
    check_range(&source->found[IS_SWAPPED], 2, "there are two orders");
    if (labels && labels->classes && !(labels->has_ignore && labels->ignore == -1))
        rt_fail(RT_EXIT_DATA, "'labels' is -1 where no token was masked: its cross_entropy needs "
                              "ignore = -1");
}

static bool ends_in(const char *text, const char *suffix)
{
    size_t n = strlen(text), length = strlen(suffix);
    return n >= length && strcmp(text + n - length, suffix) == 0;
}

/* Opens PATH, PATH:valid or PATH:test, and says which documents those are. */
static PairsFile open_part(const char *path, int64_t *first, int64_t *end)
{
    static const char *const suffixes[] = {"", ":valid", ":test"};
    size_t part = 2;
    while (part > 0 && !ends_in(path, suffixes[part]))
        part--;
    size_t n = strlen(path) - strlen(suffixes[part]);
    char *prefix = rt_data_alloc(n + 1, 1);
    snprintf(prefix, n + 1, "%s", path);
    PairsFile file = pairs_file_open(prefix);
    free(prefix);
    /* What rounding leaves over goes to training. */
    double all = (double)file.n_documents;
    int64_t n_test = (int64_t)rint(0.001 * all), n_valid = (int64_t)rint(0.05 * all);
    int64_t ends[] = {0, file.n_documents - n_test - n_valid, file.n_documents - n_test,
                      file.n_documents};
    *first = ends[part];
    *end = ends[part + 1];
    return file;
}

static RtSource *pairs_open(const RtProgram *program, const char *path, const RtField *fields,
                            int n_fields, uint64_t seed)
{
    RtSource *source = rt_data_alloc(1, sizeof *source);
    rt_fields_match("bert_pairs", fields, n_fields, gives, N_GIFTS, source->found);
    source->seed = seed;
    source->seq = agreed_seq(program, source->found);
    source->batch = n_fields ? fields[0].input->tensor.shape[0] : 0;
    int64_t first, end;
    source->file = open_part(rt_data_path(program, path, "path"), &first, &end);
    check_ranges(source);
    source->map = pairs_map_build(&source->file, first, end, source->seq, seed);
    source->sample = pairs_sample_new(&source->file, &source->map, source->seq);
    return source;
}

static void set(const RtSource *source, int gift, int64_t i, double value)
{
    if (source->found[gift].input)
        rt_field_set(&source->found[gift], i, value);
}

/* Puts the sample at hand into row b of the batch. */
static void fill_row(const RtSource *source, int64_t b)
{
    const PairsSample *sample = &source->sample;
    for (int i = 0; i < source->seq; i++) {
        int64_t at = b * source->seq + i;
        bool there = i < sample->n;
        set(source, TOKENS, at, there ? sample->tokens[i] : source->file.pad);
        set(source, TYPES, at, there ? sample->types[i] : 0);
        set(source, MASK, at, there);
        set(source, LABELS, at, there ? sample->labels[i] : -1);
        set(source, LOSS_MASK, at, there && sample->labels[i] >= 0);
    }
    set(source, IS_SWAPPED, b, sample->is_swapped);
}

static void pairs_next_batch(RtSource *source, int64_t step)
{
    int64_t n = source->map.n_samples;
    for (int64_t b = 0; b < source->batch; b++) {
        int64_t place = step * source->batch + b, epoch = place / n;
        int64_t item = rt_shuffled(place % n, n, source->seed, epoch);
        uint32_t number = (uint32_t)(source->seed + (uint64_t)(epoch * n + item));
        pairs_sample_build(&source->sample, &source->map.samples[item], number);
        fill_row(source, b);
    }
}

static void pairs_close(RtSource *source)
{
    pairs_sample_free(&source->sample);
    pairs_map_free(&source->map);
    pairs_file_close(&source->file);
    free(source);
}

const RtSourceKind rt_source_bert_pairs = {"bert_pairs", pairs_open, pairs_next_batch, pairs_close};
