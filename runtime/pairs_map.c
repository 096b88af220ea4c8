/* The sample map, as LiBai's helpers.cpp (build_mapping) makes it: the sentences of a document are
 * taken in order until the sample is long enough. The two generators are C++'s, so the map is the
 * same as theirs for one pass over the documents with the same seed. */
#include "pairs.h"

#include <stdlib.h>

/* Documents with a longer sentence are passed over; one target in ten is drawn short. */
enum { LONG_SENTENCE = 512, SHORT_RATIO = 10, LEAST_SENTENCES = 2 };

static int draw_target(Mt32 *random, int longest)
{
    uint32_t r = mt32_next(random);
    return r % SHORT_RATIO == 0 ? 2 + (int)(r % (uint32_t)(longest - 1)) : longest;
}

static bool is_usable(const PairsFile *file, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++)
        if (file->sizes[i] > LONG_SENTENCE)
            return false;
    return end - first >= LEAST_SENTENCES;
}

/* Appends the samples of one document, or counts them where samples is NULL; returns how many. */
static int64_t cut_document(const PairsFile *file, int64_t first, int64_t end, int longest,
                            Mt32 *random, PairsSpan *samples)
{
    int64_t n = 0, start = first, length = 0;
    int target = draw_target(random, longest);
    for (int64_t i = first; i < end; i++) {
        int64_t taken = i + 1 - start, left = end - i - 1;
        length += file->sizes[i];
        if (left != 0 && !(length >= target && left > 1 && taken >= LEAST_SENTENCES))
            continue;
        if (samples)
            samples[n] = (PairsSpan){start, i + 1, target};
        n++;
        start = i + 1;
        length = 0;
        target = draw_target(random, longest);
    }
    return n;
}

static int64_t cut_documents(const PairsFile *file, int64_t first, int64_t end, int longest,
                             uint64_t seed, PairsSpan *samples)
{
    Mt32 random;
    int64_t n = 0;
    mt32_seed(&random, (uint32_t)seed);
    for (int64_t d = first; d < end; d++)
        if (is_usable(file, file->documents[d], file->documents[d + 1]))
            n += cut_document(file, file->documents[d], file->documents[d + 1], longest, &random,
                              samples ? samples + n : NULL);
    return n;
}

PairsMap pairs_map_build(const PairsFile *file, int64_t first, int64_t end, int seq, uint64_t seed)
{
    int longest = seq - 3;
    PairsMap map = {.n_samples = cut_documents(file, first, end, longest, seed, NULL)};
    if (!map.n_samples)
        rt_fail(RT_EXIT_DATA,
                "%s: none of these %lld documents has two sentences or more, "
                "each of at most %d tokens",
                file->index.path, (long long)(end - first), LONG_SENTENCE);
    map.samples = rt_data_alloc((size_t)map.n_samples, sizeof *map.samples);
    cut_documents(file, first, end, longest, seed, map.samples);
    Mt64 random;
    mt64_seed(&random, seed + 1);
    for (int64_t i = map.n_samples - 1; i > 0; i--) {
        int64_t j = (int64_t)(mt64_next(&random) % (uint64_t)(i + 1));
        PairsSpan span = map.samples[i];
        map.samples[i] = map.samples[j];
        map.samples[j] = span;
    }
    return map;
}

void pairs_map_free(PairsMap *map)
{
    free(map->samples);
}
