/* The header is written last, over the room left for it, when the number of tokens is known. */
#include "data/tokenfile.h"

#include "data/files.h"
#include "data/message.h"

#include <stdlib.h>
#include <string.h>

enum { MAGIC_U16 = 20240520, VERSION_U16 = 1, MAGIC_U32 = 20240801, VERSION_U32 = 7 };

static void write_header(const TokenWriter *writer)
{
    bool wide = writer->n_ids > 1 << 16;
    int32_t header[TOKENFILE_HEADER_BYTES / 4] = {
        wide ? MAGIC_U32 : MAGIC_U16,
        wide ? VERSION_U32 : VERSION_U16,
        (int32_t)writer->n_tokens,
        writer->n_ids,
    };
    fwrite(header, sizeof header, 1, writer->output.stream);
}

TokenWriter tokenfile_open(Arena *arena, const char *path, int n_ids)
{
    TokenWriter writer = {.output = output_open(arena, path), .n_ids = n_ids};
    write_header(&writer);
    return writer;
}

void tokenfile_put(TokenWriter *writer, int32_t id)
{
    uint16_t narrow = (uint16_t)id;
    if (writer->n_ids > 1 << 16)
        fwrite(&id, sizeof id, 1, writer->output.stream);
    else
        fwrite(&narrow, sizeof narrow, 1, writer->output.stream);
    writer->n_tokens++;
}

int tokenfile_commit(TokenWriter *writer)
{
    if (writer->n_tokens > INT32_MAX) {
        output_abandon(&writer->output);
        return message_error(EXIT_INPUT, writer->output.path, 0,
                             "%lld tokens are more than one file holds (%d)",
                             (long long)writer->n_tokens, INT32_MAX);
    }
    if (fseek(writer->output.stream, 0, SEEK_SET) != 0)
        fatal("cannot write '%s', whose start is written last:", writer->output.path);
    write_header(writer);
    output_commit(&writer->output);
    return EXIT_DONE;
}

static int32_t get_i32(const char *bytes)
{
    int32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

bool tokenfile_recognises(const char *bytes, size_t n)
{
    if (n < 8)
        return false;
    int32_t magic = get_i32(bytes), version = get_i32(bytes + 4);
    return (magic == MAGIC_U16 && version == VERSION_U16) ||
           (magic == MAGIC_U32 && version == VERSION_U32);
}

static int take_tokens(Arena *arena, const char *path, const Bytes *bytes, TokenFile *file)
{
    if (bytes->n < TOKENFILE_HEADER_BYTES || !tokenfile_recognises(bytes->data, bytes->n))
        return message_error(EXIT_INPUT, path, 0,
                             "expected a token file, which starts with 20240520, "
                             "1 or 20240801, 7 in a header of 1024 bytes");
    *file = (TokenFile){.token_bytes = get_i32(bytes->data) == MAGIC_U16 ? 2 : 4,
                        .n_tokens = get_i32(bytes->data + 8),
                        .n_ids = get_i32(bytes->data + 12)};
    size_t body = bytes->n - TOKENFILE_HEADER_BYTES, width = (size_t)file->token_bytes;
    if (file->n_tokens < 0 || body != (size_t)file->n_tokens * width)
        return message_error(EXIT_INPUT, path, 0,
                             "has %zu bytes of tokens, but its header tells of %lld "
                             "tokens of %zu bytes",
                             body, (long long)file->n_tokens, width);
    int32_t *tokens = NEW_N(arena, int32_t, file->n_tokens);
    for (int64_t i = 0; i < file->n_tokens; i++)
        memcpy(&tokens[i], bytes->data + TOKENFILE_HEADER_BYTES + (size_t)i * width, width);
    file->tokens = tokens;
    return EXIT_DONE;
}

int tokenfile_read(Arena *arena, const char *path, TokenFile *tokens)
{
    Bytes bytes;
    int status = file_read_binary(path, &bytes);
    if (status == EXIT_DONE)
        status = take_tokens(arena, path, &bytes, tokens);
    free(bytes.data);
    return status;
}
