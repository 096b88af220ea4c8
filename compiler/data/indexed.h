/* The .bin/.idx pair of Megatron and LiBai ("mmap" flavour), little endian:
 *
 *   .bin  token ids, back to back, u16 where the vocabulary has fewer than 65500 pieces, else i32
 *   .idx  offset 0        9 bytes   MMIDIDX, two zero bytes
 *         9               u64       version 1
 *         17              u8        dtype: 4 for i32, 8 for u16
 *         18              u64       N, items (here: sentences)
 *         26              u64       D, documents + 1
 *         34              i32[N]    tokens of each item
 *         34 + 4 N        i64[N]    byte offset of each item in .bin
 *         34 + 12 N       i64[D]    first item of each document; [0] = 0, the last is N
 *
 * Beside them goes .vocab.txt, a copy of the vocabulary: the trainer needs the ids of [CLS], [SEP],
 * [MASK] and [PAD] and which pieces continue a word. */
#ifndef DATA_INDEXED_H
#define DATA_INDEXED_H

#include "base/output.h"
#include "data/vocabulary.h"

enum { INDEXED_I32 = 4, INDEXED_U16 = 8, INDEXED_HEADER_BYTES = 34 };

typedef struct {
    Arena *arena;
    const char *prefix;
    const Vocabulary *vocabulary;
    int dtype;
    Output bin;
    ARRAY(int32_t) sizes;
    ARRAY(int64_t) documents; /* first item of each, and of the next one */
    int64_t n_tokens;
} IndexedWriter;

/* Ends the run (exit 3) where the files cannot be written, like the next three. */
void indexed_open(IndexedWriter *writer, Arena *arena, const char *prefix,
                  const Vocabulary *vocabulary);
void indexed_item(IndexedWriter *writer, const int32_t *ids, int n);
/* A document without items is not written. */
void indexed_document_end(IndexedWriter *writer);
/* Renames .bin, then writes .vocab.txt and last .idx. */
void indexed_commit(IndexedWriter *writer);

/* What a pair holds; arrays live in the arena. */
typedef struct {
    int dtype;
    int64_t n_items, n_documents, n_tokens;
    const int32_t *sizes;
    const int64_t *documents; /* n_documents + 1 */
    const int32_t *tokens;    /* n_tokens */
} Indexed;

/* Reads and checks both files. Returns EXIT_DONE, or EXIT_INPUT after a message. */
int indexed_read(Arena *arena, const char *prefix, Indexed *indexed);

#endif
