/* tokens(PATH): a flat file of tokens in llm.c's format (`rematc data tokens` writes it).
 *
 *   256 i32 of header: 20240520, 1 for u16 tokens or 20240801, 7 for u32; then how many there are
 *   the tokens, little endian
 *
 * Fields: tokens and next, i32[batch, seq]; next is the token after each. The file is cut into
 * blocks of seq; an epoch has each whole block once, in an order of its own. */
#include "shuffle.h"
#include "source.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 1024 };

struct RtSource {
    RtFile file;
    size_t token_bytes;
    RtField tokens, next; /* input is NULL where the model does not ask for it */
    int64_t batch, seq, n_blocks;
    uint64_t seed;
};

static uint32_t little_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static int64_t read_header(RtSource *source)
{
    const RtFile *file = &source->file;
    if (file->n < HEADER_BYTES)
        rt_fail(RT_EXIT_DATA, "%s: ends at byte %zu, within its header of %d", file->path, file->n,
                HEADER_BYTES);
    uint32_t magic = little_endian(file->data), version = little_endian(file->data + 4);
    if (magic == 20240520 && version == 1)
        source->token_bytes = 2;
    else if (magic == 20240801 && version == 7)
        source->token_bytes = 4;
    else
        rt_fail(RT_EXIT_DATA,
                "%s: expected 20240520, 1 or 20240801, 7 at offset 0, found %u, %u: this is "
                "no token file",
                file->path, magic, version);
    int64_t n = (int32_t)little_endian(file->data + 8);
    if (n < 0 || file->n - HEADER_BYTES != (size_t)n * source->token_bytes)
        rt_fail(RT_EXIT_DATA,
                "%s: its header tells of %lld tokens of %zu bytes, but %zu bytes follow it "
                "at offset %d",
                file->path, (long long)n, source->token_bytes, file->n - HEADER_BYTES,
                HEADER_BYTES);
    return n;
}

static RtSource *tokens_open(const RtProgram *program, const char *path, const RtField *fields,
                             int n_fields, uint64_t seed)
{
    static const RtGives gives[] = {
        {"tokens", "i32[batch, seq]", .integer = true, .rank = 2},
        {"next", "i32[batch, seq]", .integer = true, .rank = 2},
    };
    RtField found[2];
    rt_fields_match("tokens", fields, n_fields, gives, 2, found);
    RtSource *source = rt_data_alloc(1, sizeof *source);
    *source = (RtSource){.file = rt_file_map(rt_data_path(program, path, "path")),
                         .tokens = found[0],
                         .next = found[1],
                         .seed = seed};
    int64_t n = read_header(source);
    if (n_fields) {
        source->batch = fields[0].input->tensor.shape[0];
        source->seq = fields[0].input->tensor.shape[1];
    }
    for (int i = 1; i < n_fields; i++)
        if (fields[i].input->tensor.shape[1] != source->seq)
            rt_fail(RT_EXIT_DATA, "'tokens' and 'next' have different lengths in the model");
    source->n_blocks = source->seq ? (n - 1) / source->seq : 0;
    if (n_fields && source->n_blocks < 1)
        rt_fail(RT_EXIT_DATA, "%s: has %lld tokens, but one example of the model takes %lld",
                source->file.path, (long long)n, (long long)source->seq + 1);
    return source;
}

static void set_token(const RtSource *source, const RtField *field, int64_t i, int64_t at)
{
    size_t offset = HEADER_BYTES + (size_t)at * source->token_bytes;
    const unsigned char *bytes = source->file.data + offset;
    uint32_t id =
        source->token_bytes == 2 ? (uint32_t)bytes[1] << 8 | bytes[0] : little_endian(bytes);
    int64_t limit = field->input->classes ? field->input->classes : INT32_MAX;
    if (id >= limit)
        rt_fail(RT_EXIT_DATA,
                "%s: the token at offset %zu is %u, but the model's '%s' must be less than "
                "%lld",
                source->file.path, offset, id, field->input->tensor.name, (long long)limit);
    ((int32_t *)field->batch)[i] = (int32_t)id;
}

static void tokens_next_batch(RtSource *source, int64_t step)
{
    for (int64_t b = 0; b < source->batch; b++) {
        int64_t place = step * source->batch + b;
        int64_t first = source->seq * rt_shuffled(place % source->n_blocks, source->n_blocks,
                                                  source->seed, place / source->n_blocks);
        for (int64_t i = 0; i < source->seq; i++) {
            if (source->tokens.input)
                set_token(source, &source->tokens, b * source->seq + i, first + i);
            if (source->next.input)
                set_token(source, &source->next, b * source->seq + i, first + i + 1);
        }
    }
}

static void tokens_close(RtSource *source)
{
    rt_file_close(&source->file);
    free(source);
}

const RtSourceKind rt_source_tokens = {"tokens", tokens_open, tokens_next_batch, tokens_close};
