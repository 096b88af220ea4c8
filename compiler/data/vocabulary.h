/* A WordPiece vocabulary: one piece a line, its id the number of the line from 0. A piece that
 * starts with ## continues a word. */
#ifndef DATA_VOCABULARY_H
#define DATA_VOCABULARY_H

#include "base/base.h"

typedef struct {
    ARRAY(const char *) pieces;
    Map *ids;
    int unknown, separator; /* ids of [UNK] and [SEP] */
    size_t longest_bytes;   /* of any piece, with its ## */
} Vocabulary;

/* Returns EXIT_DONE, or EXIT_INPUT after a message: a piece twice, an empty line, or one of [PAD]
 * [UNK] [CLS] [SEP] [MASK] missing. */
int vocabulary_load(Arena *arena, const char *path, Vocabulary *vocabulary);

/* Writes it to path; ends the run where that cannot be done. */
void vocabulary_save(Arena *arena, const Vocabulary *vocabulary, const char *path);

/* Cuts word (ends in NUL) into the longest pieces from the left and puts their ids into ids, which
 * has room for WORD_CHARACTERS; returns how many. A word that cannot be cut so, or that has more
 * than WORD_CHARACTERS characters, is the one id [UNK]. */
int vocabulary_cut(const Vocabulary *vocabulary, const char *word, size_t n_characters,
                   int32_t *ids);

#endif
