/* From files of plain text (or JSON lines) to documents and sentences.
 *
 * A paragraph is a run of lines that are not blank. Sentences end within a paragraph: at a mark . !
 * ? (with the quotes and brackets that close behind it) that white space and then no lower-case
 * letter follow, unless the mark is the full stop of an abbreviation or of an initial; or at one of
 * the marks of Chinese and Japanese. */
#ifndef DATA_TEXT_H
#define DATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool lines;           /* each line is a sentence already */
    bool whole_files;     /* a file is one document; otherwise each paragraph is one ... */
    size_t min_sentences; /* ... with the paragraphs after it until it has this many sentences */
    const char *json_key; /* each line is a JSON object, and this key's text is one document */
} TextOptions;

/* What is called, in the order of the text. A sentence is not blank and is not terminated by NUL.
 */
typedef struct {
    void *context;
    void (*sentence)(void *context, const char *text, size_t n);
    void (*document_end)(void *context);
} TextSink;

/* Reads one file ("-": standard input). Returns EXIT_DONE, or EXIT_INPUT after a message; bytes
 * that are not UTF-8 are warned of and left out. */
int text_each(const char *path, const TextOptions *options, const TextSink *sink);

#endif
