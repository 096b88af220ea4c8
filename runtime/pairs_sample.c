/* One sample, as LiBai's bert_dataset.py and dataset_utils.py build it (masking style "bert"), with
 * the draws of numpy's RandomState in the same order, so that the same sentences and seed give the
 * same sample:
 *
 *   1. The sentences are parted in two, and the parts are swapped with probability 1/2.
 *   2. While they are too long, a token goes from the longer part, front or back with probability
 * 1/2.
 *   3. [CLS] A [SEP] B [SEP].
 *   4. 15 % of the tokens are chosen as spans of 1, 2 or 3 whole words (with weights 1, 1/2, 1/3),
 * from random places; of the chosen, 80 % become [MASK], 10 % stay, 10 % become any piece. */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double masked_part = 0.15;

enum { LONGEST_SPAN = 3 };

PairsSample pairs_sample_new(const PairsFile *file, const PairsMap *map, int seq)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < map->n_samples; i++) {
        int64_t length = 0;
        for (int64_t s = map->samples[i].first; s < map->samples[i].end; s++)
            length += file->sizes[s];
        if (length > longest)
            longest = length;
    }
    size_t n = (size_t)seq;
    return (PairsSample){.file = file,
                         .seq = seq,
                         .tokens = rt_data_alloc(n, sizeof(int32_t)),
                         .labels = rt_data_alloc(n, sizeof(int32_t)),
                         .types = rt_data_alloc(n, 1),
                         .text = rt_data_alloc((size_t)longest, sizeof(int32_t)),
                         .places = rt_data_alloc(n, sizeof(int)),
                         .words = rt_data_alloc(n + 1, sizeof(int)),
                         .order = rt_data_alloc(n, sizeof(int)),
                         .covered = rt_data_alloc(n, sizeof(bool))};
}

void pairs_sample_free(PairsSample *sample)
{
    free(sample->tokens);
    free(sample->labels);
    free(sample->types);
    free(sample->text);
    free(sample->places);
    free(sample->words);
    free(sample->order);
    free(sample->covered);
}

/* --- the two segments --------------------------------------------------------------------------
 */

typedef struct {
    const int32_t *tokens;
    int64_t n;
} Segment;

/* Reads the sentences and parts them: the first k of n, k uniform in 1..n-1. */
static void part(PairsSample *sample, const PairsSpan *span, Segment segments[2])
{
    int64_t n_sentences = span->end - span->first, k = 1, n = 0, n_first = 0;
    if (n_sentences >= 3)
        k += mt32_upto(&sample->random, (uint32_t)(n_sentences - 2));
    for (int64_t s = 0; s < n_sentences; s++) {
        pairs_file_sentence(sample->file, span->first + s, sample->text + n);
        n += sample->file->sizes[span->first + s];
        if (s + 1 == k)
            n_first = n;
    }
    sample->is_swapped = mt32_unit(&sample->random) < 0.5;
    segments[sample->is_swapped] = (Segment){sample->text, n_first};
    segments[!sample->is_swapped] = (Segment){sample->text + n_first, n - n_first};
}

static void cut(PairsSample *sample, Segment segments[2], int target)
{
    while (segments[0].n + segments[1].n > target) {
        Segment *longer = &segments[segments[0].n > segments[1].n ? 0 : 1];
        if (mt32_unit(&sample->random) < 0.5)
            longer->tokens++;
        longer->n--;
    }
}

static void put(PairsSample *sample, int32_t token, uint8_t type)
{
    sample->tokens[sample->n] = token;
    sample->types[sample->n] = type;
    sample->labels[sample->n++] = -1;
}

static void assemble(PairsSample *sample, const Segment segments[2])
{
    sample->n = 0;
    put(sample, sample->file->cls, 0);
    for (uint8_t type = 0; type < 2; type++) {
        for (int64_t i = 0; i < segments[type].n; i++)
            put(sample, segments[type].tokens[i], type);
        put(sample, sample->file->sep, type);
    }
}

/* --- masking ------------------------------------------------------------------------------------
 */

/* Word w is places[words[w]] .. places[words[w + 1] - 1]. */
static void find_words(PairsSample *sample)
{
    int n = 0;
    sample->n_words = 0;
    for (int i = 0; i < sample->n; i++) {
        int32_t token = sample->tokens[i];
        sample->covered[i] = false;
        if (token == sample->file->cls || token == sample->file->sep)
            continue;
        if (!sample->n_words || !sample->file->continues[token])
            sample->words[sample->n_words++] = n;
        sample->places[n++] = i;
    }
    sample->words[sample->n_words] = n;
}

static void shuffle_words(PairsSample *sample)
{
    for (int i = 0; i < sample->n_words; i++)
        sample->order[i] = i;
    for (int i = sample->n_words - 1; i > 0; i--) {
        int j = (int)mt32_upto(&sample->random, (uint32_t)i), kept = sample->order[i];
        sample->order[i] = sample->order[j];
        sample->order[j] = kept;
    }
}

/* 1, 2 or 3 words with weights 1, 1/2, 1/3, summed up in the order in which numpy sums them. */
static int draw_span(PairsSample *sample)
{
    double weight[LONGEST_SPAN], sum = 0, total = 0, reached[LONGEST_SPAN];
    for (int i = 0; i < LONGEST_SPAN; i++)
        sum += weight[i] = 1.0 / (i + 1);
    for (int i = 0; i < LONGEST_SPAN; i++)
        total += weight[i] /= sum;
    sum = 0;
    for (int i = 0; i < LONGEST_SPAN; i++)
        reached[i] = sum += weight[i] / total;
    double drawn = mt32_unit(&sample->random);
    int n = 1;
    while (n < LONGEST_SPAN && reached[n - 1] / sum <= drawn)
        n++;
    return n;
}

static int span_end(const PairsSample *sample, int word, int n)
{
    return sample->words[word + n < sample->n_words ? word + n : sample->n_words];
}

static void mask_token(PairsSample *sample, int i)
{
    sample->covered[i] = true;
    sample->labels[i] = sample->tokens[i];
    if (mt32_unit(&sample->random) < 0.8)
        sample->tokens[i] = sample->file->mask;
    else if (mt32_unit(&sample->random) >= 0.5)
        sample->tokens[i] =
            (int32_t)mt32_upto(&sample->random, (uint32_t)sample->file->n_pieces - 1);
}

/* Masks the span of words that starts at word, made shorter where it is more than room tokens;
 * returns how many tokens were masked: none where even one word is too long, or one of them is
 * masked already. */
static int mask_span(PairsSample *sample, int word, double room)
{
    int first = sample->words[word], n = draw_span(sample);
    while (n > 1 && span_end(sample, word, n) - first > room)
        n--;
    int end = span_end(sample, word, n);
    if (end - first > room)
        return 0;
    for (int i = first; i < end; i++)
        if (sample->covered[sample->places[i]])
            return 0;
    for (int i = first; i < end; i++)
        mask_token(sample, sample->places[i]);
    return end - first;
}

static void mask(PairsSample *sample, int target)
{
    double wanted = fmin(masked_part * target, fmax(1, rint(masked_part * sample->n)));
    int n_masked = 0;
    find_words(sample);
    shuffle_words(sample);
    for (int i = 0; i < sample->n_words && n_masked < wanted; i++)
        n_masked += mask_span(sample, sample->order[i], wanted - n_masked);
}

void pairs_sample_build(PairsSample *sample, const PairsSpan *span, uint32_t seed)
{
    Segment segments[2];
    mt32_seed(&sample->random, seed);
    part(sample, span, segments);
    cut(sample, segments, span->target);
    assemble(sample, segments);
    mask(sample, span->target);
}
