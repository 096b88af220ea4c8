/* GPT-2's byte-level byte-pair encoding (Radford et al. 2019), from its two files: encoder.json,
 * which has the ids of the tokens, and vocab.bpe, which has the pairs that are joined, first come
 * first. */
#ifndef DATA_GPT2_H
#define DATA_GPT2_H

#include "base/base.h"

typedef struct Gpt2 Gpt2;

/* Returns EXIT_DONE, or EXIT_INPUT after a message. Call gpt2_free in either case. */
int gpt2_load(Arena *arena, const char *encoder_path, const char *merges_path, Gpt2 **gpt2);
void gpt2_free(Gpt2 *gpt2);

/* Ids are less than this. */
int gpt2_n_ids(const Gpt2 *gpt2);
/* The id of <|endoftext|>, or -1. */
int gpt2_end_of_text(const Gpt2 *gpt2);

/* Calls put for each token of text[0..n), which may hold any bytes. */
void gpt2_encode(Gpt2 *gpt2, const char *text, size_t n, void (*put)(void *context, int32_t id),
                 void *context);

#endif
