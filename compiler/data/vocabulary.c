/* Loading, saving, and the greedy longest match from the left (Devlin et al. 2018). */
#include "data/vocabulary.h"

#include "base/output.h"
#include "data/files.h"
#include "data/message.h"
#include "data/words.h"

#include <stdlib.h>
#include <string.h>

static int check_special_pieces(const char *path, Vocabulary *vocabulary)
{
    static const char *const special[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (map_get(vocabulary->ids, special[i]) < 0)
            return message_error(EXIT_INPUT, path, 0,
                                 "expected a WordPiece vocabulary, one piece a line: the piece %s "
                                 "is missing",
                                 special[i]);
    vocabulary->unknown = map_get(vocabulary->ids, "[UNK]");
    vocabulary->separator = map_get(vocabulary->ids, "[SEP]");
    return EXIT_DONE;
}

/* line has no NUL, no newline. */
static int add_piece(Arena *arena, const char *path, const char *line, size_t n,
                     Vocabulary *vocabulary)
{
    size_t number = (size_t)vocabulary->pieces.n + 1;
    if (n && line[n - 1] == '\r')
        n--;
    if (!n)
        return message_error(EXIT_INPUT, path, number, "expected a piece, found an empty line");
    if (vocabulary->pieces.n == INT32_MAX / 2)
        return message_error(EXIT_INPUT, path, number, "too many pieces");
    const char *piece = arena_strndup(arena, line, n);
    if (!map_add(vocabulary->ids, piece, vocabulary->pieces.n))
        return message_error(EXIT_INPUT, path, number,
                             "the piece '%s' is there already, in line %d", piece,
                             map_get(vocabulary->ids, piece) + 1);
    PUSH(arena, vocabulary->pieces, piece);
    if (n > vocabulary->longest_bytes)
        vocabulary->longest_bytes = n;
    return EXIT_DONE;
}

int vocabulary_load(Arena *arena, const char *path, Vocabulary *vocabulary)
{
    Bytes bytes;
    int status = file_read(path, &bytes);
    *vocabulary = (Vocabulary){.ids = map_new(arena)};
    for (size_t i = 0; status == EXIT_DONE && i < bytes.n;) {
        const char *end = memchr(bytes.data + i, '\n', bytes.n - i);
        size_t n = end ? (size_t)(end - bytes.data) - i : bytes.n - i;
        if (memchr(bytes.data + i, '\0', n))
            status = message_error(EXIT_INPUT, path, (size_t)vocabulary->pieces.n + 1,
                                   "expected text, found a NUL byte");
        else
            status = add_piece(arena, path, bytes.data + i, n, vocabulary);
        i += n + 1;
    }
    free(bytes.data);
    return status == EXIT_DONE ? check_special_pieces(path, vocabulary) : status;
}

void vocabulary_save(Arena *arena, const Vocabulary *vocabulary, const char *path)
{
    Output output = output_open(arena, path);
    for (int i = 0; i < vocabulary->pieces.n; i++)
        fprintf(output.stream, "%s\n", vocabulary->pieces.data[i]);
    output_commit(&output);
}

/* The id of the longest piece that text starts with, or -1; *taken is its length without ##. */
static int longest_piece(const Vocabulary *vocabulary, const char *text, size_t n, bool first,
                         size_t *taken)
{
    char piece[4 * WORD_CHARACTERS + 16] = "##";
    size_t prefix = first ? 0 : 2;
    if (n + prefix > vocabulary->longest_bytes)
        n = vocabulary->longest_bytes > prefix ? vocabulary->longest_bytes - prefix : 0;
    memcpy(piece + prefix, text, n);
    for (; n > 0; n--) {
        piece[prefix + n] = '\0';
        int id = map_get(vocabulary->ids, piece);
        if (id >= 0) {
            *taken = n;
            return id;
        }
    }
    return -1;
}

int vocabulary_cut(const Vocabulary *vocabulary, const char *word, size_t n_characters,
                   int32_t *ids)
{
    size_t n = strlen(word), taken = 0;
    int n_ids = 0;
    for (size_t i = 0; i < n && n_characters <= WORD_CHARACTERS; i += taken) {
        int id = longest_piece(vocabulary, word + i, n - i, i == 0, &taken);
        if (id < 0)
            break;
        ids[n_ids++] = id;
        if (i + taken == n)
            return n_ids;
    }
    ids[0] = vocabulary->unknown;
    return 1;
}
