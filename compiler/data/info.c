/* Counts, and the unigram entropy: what a model that knows only how often each token comes would
 * lose, in nats a token. A masked-token loss below it has learnt from the context. */
#include "data/info.h"

#include "data/files.h"
#include "data/indexed.h"
#include "data/message.h"
#include "data/tokenfile.h"
#include "data/vocabulary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *format, *dtype;
    int64_t n_documents, n_sentences; /* -1 where the format has none */
    int64_t n_tokens, shortest, longest;
    int64_t vocabulary, n_distinct, n_unknown; /* -1 where not known */
    double entropy;
} Info;

/* Ids are at least 0. */
static void count_tokens(Info *info, const int32_t *tokens, int64_t n, int unknown)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = tokens[i] > largest ? tokens[i] : largest;
    int64_t *counts = xcalloc((size_t)largest + 1, sizeof *counts);
    for (int64_t i = 0; i < n; i++)
        counts[tokens[i]]++;
    for (int32_t id = 0; id <= largest; id++) {
        double part = (double)counts[id] / (double)n;
        info->n_distinct += counts[id] > 0;
        info->entropy -= counts[id] ? part * log(part) : 0;
    }
    if (unknown >= 0)
        info->n_unknown = unknown <= largest ? counts[unknown] : 0;
    free(counts);
}

static int check_ids(const char *path, const int32_t *tokens, int64_t n, int64_t limit)
{
    for (int64_t i = 0; i < n; i++)
        if (tokens[i] < 0 || tokens[i] >= limit)
            return message_error(EXIT_INPUT, path, 0,
                                 "token %" PRId64 " is %d, which is not below %" PRId64, i,
                                 tokens[i], limit);
    return EXIT_DONE;
}

static int read_pair(Arena *arena, const char *prefix, Info *info)
{
    Indexed pair;
    Vocabulary vocabulary = {.unknown = -1};
    const char *pieces = arena_printf(arena, "%s.vocab.txt", prefix);
    int status = indexed_read(arena, prefix, &pair);
    if (status == EXIT_DONE && access(pieces, F_OK) == 0)
        status = vocabulary_load(arena, pieces, &vocabulary);
    if (status == EXIT_DONE)
        status = check_ids(prefix, pair.tokens, pair.n_tokens,
                           vocabulary.pieces.n ? vocabulary.pieces.n : INT32_MAX);
    if (status != EXIT_DONE)
        return status;
    *info = (Info){.format = "bert_pairs",
                   .dtype = pair.dtype == INDEXED_U16 ? "u16" : "i32",
                   .n_documents = pair.n_documents,
                   .n_sentences = pair.n_items,
                   .n_tokens = pair.n_tokens,
                   .vocabulary = vocabulary.pieces.n ? vocabulary.pieces.n : -1,
                   .n_unknown = -1};
    for (int64_t i = 0; i < pair.n_items; i++) {
        info->longest = pair.sizes[i] > info->longest ? pair.sizes[i] : info->longest;
        info->shortest = i == 0 || pair.sizes[i] < info->shortest ? pair.sizes[i] : info->shortest;
    }
    count_tokens(info, pair.tokens, pair.n_tokens, vocabulary.unknown);
    return EXIT_DONE;
}

static int read_tokens(Arena *arena, const char *path, Info *info)
{
    TokenFile file;
    int status = tokenfile_read(arena, path, &file);
    if (status == EXIT_DONE)
        status =
            check_ids(path, file.tokens, file.n_tokens, file.n_ids > 0 ? file.n_ids : INT32_MAX);
    if (status != EXIT_DONE)
        return status;
    *info = (Info){.format = "tokens",
                   .dtype = file.token_bytes == 2 ? "u16" : "u32",
                   .n_documents = -1,
                   .n_sentences = -1,
                   .n_tokens = file.n_tokens,
                   .vocabulary = file.n_ids > 0 ? file.n_ids : -1,
                   .n_unknown = -1};
    count_tokens(info, file.tokens, file.n_tokens, -1);
    return EXIT_DONE;
}

static int read_vocabulary(Arena *arena, const char *path, Info *info)
{
    Vocabulary vocabulary;
    int status = vocabulary_load(arena, path, &vocabulary);
    *info = (Info){.format = "vocabulary",
                   .n_documents = -1,
                   .n_sentences = -1,
                   .n_tokens = -1,
                   .vocabulary = vocabulary.pieces.n,
                   .n_unknown = -1};
    return status;
}

/* path without .idx or .bin, where that leaves the name of a pair; else NULL. */
static const char *pair_prefix(Arena *arena, const char *path)
{
    size_t n = strlen(path);
    if (n > 4 && (strcmp(path + n - 4, ".idx") == 0 || strcmp(path + n - 4, ".bin") == 0))
        n -= 4;
    const char *prefix = arena_strndup(arena, path, n);
    return access(arena_printf(arena, "%s.idx", prefix), F_OK) == 0 ? prefix : NULL;
}

static bool is_token_file(const char *path)
{
    char start[8];
    FILE *file = fopen(path, "rb");
    size_t n = file ? fread(start, 1, sizeof start, file) : 0;
    if (file)
        fclose(file);
    return tokenfile_recognises(start, n);
}

static void print_count(const char *name, int64_t count)
{
    if (count >= 0)
        printf("  %-16s %12" PRId64 "\n", name, count);
}

static void print_text(const char *path, const Info *info)
{
    printf("%s: %s%s%s\n", path, info->format, info->dtype ? ", " : "",
           info->dtype ? info->dtype : "");
    print_count("documents", info->n_documents);
    print_count("sentences", info->n_sentences);
    if (info->n_sentences > 0)
        printf("  %-16s %12.1f tokens (%" PRId64 " to %" PRId64 ")\n", "a sentence",
               (double)info->n_tokens / (double)info->n_sentences, info->shortest, info->longest);
    print_count("tokens", info->n_tokens);
    print_count("vocabulary", info->vocabulary);
    if (info->n_tokens < 1)
        return;
    print_count("of which occur", info->n_distinct);
    if (info->n_unknown >= 0)
        printf("  %-16s %12.4f %%\n", "[UNK]",
               100 * (double)info->n_unknown / (double)info->n_tokens);
    printf("  %-16s %12.4f nats a token\n", "unigram entropy", info->entropy);
}

static void print_json_count(const char *name, int64_t count)
{
    if (count >= 0)
        printf(", \"%s\": %" PRId64, name, count);
}

static void print_json(const Info *info)
{
    printf("{\"format\": \"%s\"", info->format);
    if (info->dtype)
        printf(", \"dtype\": \"%s\"", info->dtype);
    print_json_count("documents", info->n_documents);
    print_json_count("sentences", info->n_sentences);
    print_json_count("tokens", info->n_tokens);
    print_json_count("vocabulary", info->vocabulary);
    if (info->n_tokens > 0) {
        print_json_count("distinct", info->n_distinct);
        print_json_count("unknown", info->n_unknown);
        printf(", \"unigram_entropy_nats\": %.6f", info->entropy);
    }
    printf("}\n");
}

int info_print(Arena *arena, const char *path, bool json)
{
    Info info;
    const char *prefix = pair_prefix(arena, path);
    int status = prefix                ? read_pair(arena, prefix, &info)
                 : is_token_file(path) ? read_tokens(arena, path, &info)
                                       : read_vocabulary(arena, path, &info);
    if (status != EXIT_DONE)
        return status;
    if (json)
        print_json(&info);
    else
        print_text(path, &info);
    return EXIT_DONE;
}
