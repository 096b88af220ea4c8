/* Reads the .bin/.idx pair of Megatron and LiBai ("mmap" flavour), little endian:
 *
 *   .idx  offset 0        9 bytes   MMIDIDX, two zero bytes
 *         9               u64       version 1
 *         17              u8        dtype: 4 for i32, 8 for u16
 *         18              u64       N, sentences
 *         26              u64       D, documents + 1
 *         34              i32[N]    tokens of each sentence
 *         34 + 4 N        i64[N]    byte offset of each sentence in .bin
 *         34 + 12 N       i64[D]    first sentence of each document; [0] = 0, the last is N
 *   .bin  token ids, back to back
 *
 * and the vocabulary beside it, one piece a line. */
#include "pairs.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 34 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "numbers are copied as the file has them");

static uint64_t get_u64(const RtFile *file, size_t offset)
{
    uint64_t value;
    memcpy(&value, file->data + offset, sizeof value);
    return value;
}

static char *with_suffix(const char *prefix, const char *suffix)
{
    size_t n = strlen(prefix) + strlen(suffix) + 1;
    char *path = rt_data_alloc(n, 1);
    snprintf(path, n, "%s%s", prefix, suffix);
    return path;
}

static void read_header(PairsFile *file)
{
    const RtFile *index = &file->index;
    if (index->n < HEADER_BYTES || memcmp(index->data, "MMIDIDX\0", 9) != 0)
        rt_fail(RT_EXIT_DATA,
                "%s: expected MMIDIDX at offset 0 and a header of %d bytes: this is no "
                "index of token ids",
                index->path, HEADER_BYTES);
    uint64_t version = get_u64(index, 9);
    if (version != 1)
        rt_fail(RT_EXIT_DATA, "%s: expected version 1 at offset 9, found %llu", index->path,
                (unsigned long long)version);
    int dtype = index->data[17];
    if (dtype != 4 && dtype != 8)
        rt_fail(RT_EXIT_DATA, "%s: expected type 4 (i32) or 8 (u16) at offset 17, found %d",
                index->path, dtype);
    file->token_bytes = dtype == 4 ? 4 : 2;
    uint64_t n = get_u64(index, 18), d = get_u64(index, 26);
    if (n > index->n || d > index->n || d < 1 || index->n != HEADER_BYTES + 12 * n + 8 * d)
        rt_fail(RT_EXIT_DATA,
                "%s: has %zu bytes, but %llu sentences and %llu document marks take %llu: "
                "it is cut off or damaged",
                index->path, index->n, (unsigned long long)n, (unsigned long long)d,
                (unsigned long long)HEADER_BYTES + 12 * n + 8 * d);
    file->n_sentences = (int64_t)n;
    file->n_documents = (int64_t)d - 1;
}

/* The arrays are not aligned in the file: they are copied. */
static void *copy_array(const RtFile *file, size_t offset, int64_t n, size_t bytes)
{
    void *array = rt_data_alloc((size_t)n, bytes);
    memcpy(array, file->data + offset, (size_t)n * bytes);
    return array;
}

static void read_sentences(PairsFile *file)
{
    const RtFile *index = &file->index;
    size_t at = HEADER_BYTES + 4 * (size_t)file->n_sentences;
    int64_t *offsets = copy_array(index, at, file->n_sentences, sizeof *offsets);
    file->sizes = copy_array(index, HEADER_BYTES, file->n_sentences, sizeof *file->sizes);
    file->offsets = offsets;
    for (int64_t i = 0; i < file->n_sentences; i++) {
        uint64_t offset = (uint64_t)offsets[i], width = file->token_bytes;
        if (file->sizes[i] < 0 || offset % width || offset > file->tokens.n ||
            (uint64_t)file->sizes[i] > (file->tokens.n - offset) / width)
            rt_fail(RT_EXIT_DATA,
                    "%s: sentence %lld is %d tokens at byte %lld, but %s has %zu bytes: it "
                    "is cut off, or belongs to another index",
                    index->path, (long long)i, file->sizes[i], (long long)offsets[i],
                    file->bin_path, file->tokens.n);
        offsets[i] = (int64_t)(offset / width);
    }
}

static void read_documents(PairsFile *file)
{
    size_t at = HEADER_BYTES + 12 * (size_t)file->n_sentences;
    int64_t *documents = copy_array(&file->index, at, file->n_documents + 1, sizeof *documents);
    file->documents = documents;
    for (int64_t i = 0; i <= file->n_documents; i++)
        if (documents[i] < (i ? documents[i - 1] : 0) || documents[i] > file->n_sentences)
            rt_fail(RT_EXIT_DATA,
                    "%s: document %lld starts at sentence %lld (at offset %zu): out of "
                    "order",
                    file->index.path, (long long)i, (long long)documents[i], at + 8 * (size_t)i);
}

static bool is_piece(const char *line, size_t n, const char *piece)
{
    return strlen(piece) == n && memcmp(line, piece, n) == 0;
}

static void take_piece(PairsFile *file, bool *continues, const char *line, size_t n)
{
    int id = file->n_pieces++;
    if (n && line[n - 1] == '\r')
        n--;
    continues[id] = n >= 2 && line[0] == '#' && line[1] == '#';
    if (is_piece(line, n, "[CLS]"))
        file->cls = id;
    else if (is_piece(line, n, "[SEP]"))
        file->sep = id;
    else if (is_piece(line, n, "[MASK]"))
        file->mask = id;
    else if (is_piece(line, n, "[PAD]"))
        file->pad = id;
}

static void read_vocabulary(PairsFile *file)
{
    const char *text = (const char *)file->vocabulary.data;
    size_t n = file->vocabulary.n, n_lines = 1;
    for (size_t i = 0; i < n; i++)
        n_lines += text[i] == '\n';
    bool *continues = rt_data_alloc(n_lines, sizeof *continues);
    file->continues = continues;
    file->cls = file->sep = file->mask = file->pad = -1;
    for (size_t i = 0; i < n;) {
        const char *end = memchr(text + i, '\n', n - i);
        size_t length = end ? (size_t)(end - text) - i : n - i;
        take_piece(file, continues, text + i, length);
        i += length + 1;
    }
    if (file->cls < 0 || file->sep < 0 || file->mask < 0 || file->pad < 0)
        rt_fail(RT_EXIT_DATA,
                "%s: expected a vocabulary, one piece a line, with [CLS], [SEP], [MASK] and "
                "[PAD]",
                file->vocabulary_path);
}

PairsFile pairs_file_open(const char *prefix)
{
    PairsFile file = {.idx_path = with_suffix(prefix, ".idx"),
                      .bin_path = with_suffix(prefix, ".bin"),
                      .vocabulary_path = with_suffix(prefix, ".vocab.txt")};
    file.index = rt_file_map(file.idx_path);
    file.tokens = rt_file_map(file.bin_path);
    file.vocabulary = rt_file_map(file.vocabulary_path);
    read_header(&file);
    read_sentences(&file);
    read_documents(&file);
    read_vocabulary(&file);
    return file;
}

void pairs_file_close(PairsFile *file)
{
    rt_file_close(&file->index);
    rt_file_close(&file->tokens);
    rt_file_close(&file->vocabulary);
    free(file->idx_path);
    free(file->bin_path);
    free(file->vocabulary_path);
    free(file->sizes);
    free(file->offsets);
    free(file->documents);
    free(file->continues);
}

void pairs_file_sentence(const PairsFile *file, int64_t sentence, int32_t *tokens)
{
    size_t offset = (size_t)file->offsets[sentence] * file->token_bytes;
    for (int32_t i = 0; i < file->sizes[sentence]; i++, offset += file->token_bytes) {
        uint16_t narrow;
        if (file->token_bytes == 4) {
            memcpy(&tokens[i], file->tokens.data + offset, 4);
        } else {
            memcpy(&narrow, file->tokens.data + offset, 2);
            tokens[i] = narrow;
        }
        if (tokens[i] < 0 || tokens[i] >= file->n_pieces)
            rt_fail(RT_EXIT_DATA, "%s: the token at offset %zu is %d, but %s has %d pieces",
                    file->bin_path, offset, tokens[i], file->vocabulary_path, file->n_pieces);
    }
}
