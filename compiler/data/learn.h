/* Learns a WordPiece vocabulary from the words of a text.
 *
 * The pieces come from byte-pair merging (Sennrich et al. 2016, as today's BERT trainers do it):
 * each word starts as its characters, all but the first marked ##, and the two neighbours that
 * occur together most often are joined into a new piece, again and again, until the vocabulary is
 * full. The likelihood criterion of the first WordPiece paper (Schuster and Nakajima 2012) prefers
 * the pair with the largest count(ab) / (count(a) count(b)); it is not used, since it fills a small
 * vocabulary with rare names before common words. How a text is cut by the finished vocabulary is
 * WordPiece's longest match either way. Between equal counts the pair that is less in byte order is
 * joined. */
#ifndef DATA_LEARN_H
#define DATA_LEARN_H

#include "data/vocabulary.h"

typedef struct {
    int size;      /* pieces asked for, the five special ones included */
    int alphabet;  /* characters kept, the most frequent; words with others teach nothing */
    int min_count; /* pairs that occur less often are not joined */
} LearnOptions;

typedef struct Learner Learner;

Learner *learn_new(Arena *arena);
/* Counts one word of the text (a WordFn; context is the Learner). */
void learn_word(void *learner, const char *word, size_t n_characters);
/* The number of pieces that size must at least be: the special ones and each character. */
int learn_least_size(Learner *learner, int alphabet);
/* The vocabulary: [PAD] [UNK] [CLS] [SEP] [MASK], single characters, then pieces in the order of
 * their joining. It has fewer pieces than asked for where the text has no more pairs to join. */
void learn_finish(Learner *learner, const LearnOptions *options, Vocabulary *vocabulary);

#endif
