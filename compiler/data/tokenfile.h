/* A flat file of tokens, in llm.c's format, little endian: 256 i32 of header, then the tokens.
 *
 *   header[0], [1]  20240520, 1: the tokens are u16;  20240801, 7: they are u32
 *   header[2]       how many tokens there are
 *   header[3]       ids are less than this, or 0 where that is not known (llm.c leaves it 0) */
#ifndef DATA_TOKENFILE_H
#define DATA_TOKENFILE_H

#include "base/output.h"

enum { TOKENFILE_HEADER_BYTES = 1024 };

typedef struct {
    Output output;
    int n_ids;
    int64_t n_tokens;
} TokenWriter;

/* Ids are less than n_ids. Ends the run (exit 3) where the file cannot be written, as the rest
 * does. */
TokenWriter tokenfile_open(Arena *arena, const char *path, int n_ids);
void tokenfile_put(TokenWriter *writer, int32_t id);
/* Returns EXIT_DONE, or EXIT_INPUT after a message: the format has no room for 2^31 tokens. */
int tokenfile_commit(TokenWriter *writer);

typedef struct {
    int token_bytes, n_ids;
    int64_t n_tokens;
    const int32_t *tokens; /* in the arena */
} TokenFile;

/* Is this the start of such a file? */
bool tokenfile_recognises(const char *bytes, size_t n);
/* Returns EXIT_DONE, or EXIT_INPUT after a message. */
int tokenfile_read(Arena *arena, const char *path, TokenFile *tokens);

#endif
