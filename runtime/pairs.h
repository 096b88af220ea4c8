/* The three parts of bert_pairs: the files, the map of samples, and one sample. */
#ifndef PAIRS_H
#define PAIRS_H

#include "mt19937.h"
#include "source.h"

#include <stdio.h>

/* --- pairs_file.c: PREFIX.idx, PREFIX.bin, PREFIX.vocab.txt --- */

typedef struct {
    RtFile index, tokens, vocabulary;
    char *idx_path, *bin_path, *vocabulary_path;
    size_t token_bytes;               /* 2 or 4 */
    int64_t n_sentences, n_documents; /* documents[n_documents] is the end */
    int32_t *sizes;                   /* tokens of each sentence */
    int64_t *offsets;                 /* of each sentence, in tokens */
    int64_t *documents;               /* first sentence of each */
    int n_pieces;
    bool *continues; /* the piece starts with ## */
    int32_t cls, sep, mask, pad;
} PairsFile;

/* Ends the program with a message where a file is missing, cut off or contradicts itself. */
PairsFile pairs_file_open(const char *prefix);
void pairs_file_close(PairsFile *file);
/* Copies the sentence's tokens. Ends the program where one is not in the vocabulary. */
void pairs_file_sentence(const PairsFile *file, int64_t sentence, int32_t *tokens);

/* --- pairs_map.c: which sentences make a sample --- */

typedef struct {
    int64_t first, end; /* sentences first .. end - 1; at least two */
    int target;         /* tokens to be cut to, without [CLS], [SEP] and [SEP] */
} PairsSpan;

typedef struct {
    PairsSpan *samples;
    int64_t n_samples;
} PairsMap;

/* LiBai's sample map of documents first .. end - 1, once through, for sequences of seq tokens.
 */
PairsMap pairs_map_build(const PairsFile *file, int64_t first, int64_t end, int seq, uint64_t seed);
void pairs_map_free(PairsMap *map);

/* --- pairs_sample.c: one sample, masked --- */

typedef struct {
    const PairsFile *file;
    int seq;
    int n; /* tokens of the sample at hand, with [CLS] and [SEP] */
    bool is_swapped;
    int32_t *tokens, *labels; /* seq each; labels are -1 where nothing was masked */
    uint8_t *types;
    int32_t *text; /* of the two segments before they are cut */
    /* Masking: indexes of tokens in order, and where each whole word starts among them. */
    int *places, *words, *order;
    int n_words;
    bool *covered;
    Mt32 random;
} PairsSample;

PairsSample pairs_sample_new(const PairsFile *file, const PairsMap *map, int seq);
/* The sample of that span; everything random in it is drawn from seed. Takes no memory. */
void pairs_sample_build(PairsSample *sample, const PairsSpan *span, uint32_t seed);
void pairs_sample_free(PairsSample *sample);

#endif
