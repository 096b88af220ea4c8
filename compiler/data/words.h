/* From text to words, as BERT's uncased models read it (the "basic tokenizer" of Devlin et al.
 * 2018): control characters are left out, white space separates, a Chinese, Japanese kanji or
 * punctuation character is a word of its own, letters are put in lower case and lose their accents
 * (canonical decomposition without nonspacing marks). */
#ifndef DATA_WORDS_H
#define DATA_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* A longer word (in characters) becomes the unknown word: it is passed on cut off, with its length.
 */
enum { WORD_CHARACTERS = 100 };

/* word is UTF-8, ends in NUL and is valid during the call only. */
typedef void WordFn(void *context, const char *word, size_t n_characters);

/* Calls fn for each word of text[0..n). Bytes that are not UTF-8 are passed over. */
void words_each(const char *text, size_t n, WordFn *fn, void *context);

/* The number of bytes that are not part of UTF-8; *first is the offset of the first one. */
size_t words_bad_bytes(const char *text, size_t n, size_t *first);

/* The character at text[0..n), n > 0, in *character, or -1; returns the bytes it takes (1 for -1).
 */
size_t words_next(const char *text, size_t n, int32_t *character);

#endif
