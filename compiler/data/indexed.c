/* Tokens are written as they come; sizes and documents are kept and written at the end. */
#include "data/indexed.h"

#include "data/files.h"
#include "data/message.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the files are written as memory holds them");

void indexed_open(IndexedWriter *writer, Arena *arena, const char *prefix,
                  const Vocabulary *vocabulary)
{
    *writer = (IndexedWriter){.arena = arena, .prefix = prefix, .vocabulary = vocabulary};
    writer->dtype = vocabulary->pieces.n < 65500 ? INDEXED_U16 : INDEXED_I32;
    PUSH(arena, writer->documents, 0);
    writer->bin = output_open(arena, arena_printf(arena, "%s.bin", prefix));
}

void indexed_item(IndexedWriter *writer, const int32_t *ids, int n)
{
    for (int i = 0; i < n; i++) {
        uint16_t narrow = (uint16_t)ids[i];
        if (writer->dtype == INDEXED_U16)
            fwrite(&narrow, sizeof narrow, 1, writer->bin.stream);
        else
            fwrite(&ids[i], sizeof ids[i], 1, writer->bin.stream);
    }
    PUSH(writer->arena, writer->sizes, n);
    writer->n_tokens += n;
}

void indexed_document_end(IndexedWriter *writer)
{
    if (writer->documents.data[writer->documents.n - 1] < writer->sizes.n)
        PUSH(writer->arena, writer->documents, writer->sizes.n);
}

static void put_u64(FILE *file, uint64_t value)
{
    fwrite(&value, sizeof value, 1, file);
}

static void write_index(const IndexedWriter *writer, FILE *file)
{
    uint64_t offset = 0, token_bytes = writer->dtype == INDEXED_U16 ? 2 : 4;
    fwrite("MMIDIDX\0", 9, 1, file);
    put_u64(file, 1);
    fputc(writer->dtype, file);
    put_u64(file, (uint64_t)writer->sizes.n);
    put_u64(file, (uint64_t)writer->documents.n);
    if (writer->sizes.n)
        fwrite(writer->sizes.data, sizeof(int32_t), (size_t)writer->sizes.n, file);
    for (int i = 0; i < writer->sizes.n; i++) {
        put_u64(file, offset);
        offset += (uint64_t)writer->sizes.data[i] * token_bytes;
    }
    fwrite(writer->documents.data, sizeof(int64_t), (size_t)writer->documents.n, file);
}

void indexed_commit(IndexedWriter *writer)
{
    Arena *arena = writer->arena;
    indexed_document_end(writer);
    output_commit(&writer->bin);
    vocabulary_save(arena, writer->vocabulary, arena_printf(arena, "%s.vocab.txt", writer->prefix));
    Output index = output_open(arena, arena_printf(arena, "%s.idx", writer->prefix));
    write_index(writer, index.stream);
    output_commit(&index);
}

/* --- reading --------------------------------------------------------------------------------- */

static uint64_t get_u64(const char *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static int check_header(const char *path, const Bytes *index)
{
    if (index->n < INDEXED_HEADER_BYTES || memcmp(index->data, "MMIDIDX\0", 9) != 0)
        return message_error(EXIT_INPUT, path, 0,
                             "expected MMIDIDX at offset 0: this is no .idx file "
                             "of the mmap flavour");
    if (get_u64(index->data + 9) != 1)
        return message_error(EXIT_INPUT, path, 0, "expected version 1 at offset 9, found %llu",
                             (unsigned long long)get_u64(index->data + 9));
    int dtype = (unsigned char)index->data[17];
    if (dtype != INDEXED_U16 && dtype != INDEXED_I32)
        return message_error(EXIT_INPUT, path, 0,
                             "expected dtype 4 (i32) or 8 (u16) at offset 17, "
                             "found %d",
                             dtype);
    uint64_t n = get_u64(index->data + 18), d = get_u64(index->data + 26);
    if (n > index->n || d > index->n || d == 0 || index->n != INDEXED_HEADER_BYTES + 12 * n + 8 * d)
        return message_error(EXIT_INPUT, path, 0,
                             "has %zu bytes, but %llu items and %llu document "
                             "marks take %llu: the file is cut off or damaged",
                             index->n, (unsigned long long)n, (unsigned long long)d,
                             (unsigned long long)INDEXED_HEADER_BYTES + 12 * n + 8 * d);
    return EXIT_DONE;
}

/* Copies the arrays out of the file, where they are not aligned, and checks what they say. */
static int take_index(Arena *arena, const char *path, const Bytes *index, Indexed *indexed)
{
    size_t n = (size_t)get_u64(index->data + 18), d = (size_t)get_u64(index->data + 26);
    int32_t *sizes = NEW_N(arena, int32_t, n);
    int64_t *documents = NEW_N(arena, int64_t, d);
    memcpy(sizes, index->data + INDEXED_HEADER_BYTES, 4 * n);
    memcpy(documents, index->data + INDEXED_HEADER_BYTES + 12 * n, 8 * d);
    *indexed = (Indexed){.dtype = index->data[17],
                         .n_items = (int64_t)n,
                         .n_documents = (int64_t)d - 1,
                         .sizes = sizes,
                         .documents = documents};
    uint64_t token_bytes = indexed->dtype == INDEXED_U16 ? 2 : 4;
    for (size_t i = 0; i < n; i++) {
        uint64_t offset = get_u64(index->data + INDEXED_HEADER_BYTES + 4 * n + 8 * i);
        if (sizes[i] < 0 || offset != (uint64_t)indexed->n_tokens * token_bytes)
            return message_error(EXIT_INPUT, path, 0,
                                 "item %zu has %d tokens at byte %llu of .bin, "
                                 "which does not follow on the one before",
                                 i, sizes[i], (unsigned long long)offset);
        indexed->n_tokens += sizes[i];
    }
    for (size_t i = 0; i < d; i++)
        if (documents[i] < (i ? documents[i - 1] : 0) || documents[i] > (int64_t)n)
            return message_error(EXIT_INPUT, path, 0,
                                 "document %zu starts at item %lld: out of order", i,
                                 (long long)documents[i]);
    return EXIT_DONE;
}

static int take_tokens(Arena *arena, const char *path, const Bytes *bin, Indexed *indexed)
{
    size_t n = (size_t)indexed->n_tokens, token_bytes = indexed->dtype == INDEXED_U16 ? 2 : 4;
    if (bin->n != n * token_bytes)
        return message_error(EXIT_INPUT, path, 0,
                             "has %zu bytes, but .idx tells of %zu tokens of %zu "
                             "bytes",
                             bin->n, n, token_bytes);
    int32_t *tokens = NEW_N(arena, int32_t, n);
    for (size_t i = 0; i < n; i++) {
        uint16_t narrow;
        if (token_bytes == 2) {
            memcpy(&narrow, bin->data + 2 * i, 2);
            tokens[i] = narrow;
        } else {
            memcpy(&tokens[i], bin->data + 4 * i, 4);
        }
    }
    indexed->tokens = tokens;
    return EXIT_DONE;
}

int indexed_read(Arena *arena, const char *prefix, Indexed *indexed)
{
    Bytes index, bin;
    const char *idx_path = arena_printf(arena, "%s.idx", prefix);
    const char *bin_path = arena_printf(arena, "%s.bin", prefix);
    int status = file_read_binary(idx_path, &index);
    if (status == EXIT_DONE)
        status = check_header(idx_path, &index);
    if (status == EXIT_DONE)
        status = take_index(arena, idx_path, &index, indexed);
    free(index.data);
    if (status != EXIT_DONE || (status = file_read_binary(bin_path, &bin)) != EXIT_DONE)
        return status;
    status = take_tokens(arena, bin_path, &bin, indexed);
    free(bin.data);
    return status;
}
