/* One pass over the text: each character is classified, lower-cased and decomposed, and its parts
 * are added to the word in hand or end it. */
#include "data/words.h"

#include <stdbool.h>
#include <utf8proc.h>

typedef struct {
    WordFn *fn;
    void *context;
    size_t n_bytes, n_characters;
    char bytes[4 * WORD_CHARACTERS + 8];
} Word;

size_t words_next(const char *text, size_t n, int32_t *character)
{
    if ((unsigned char)*text < 0x80) {
        *character = (unsigned char)*text;
        return 1;
    }
    utf8proc_ssize_t limit = n > 4 ? 4 : (utf8proc_ssize_t)n;
    utf8proc_ssize_t taken = utf8proc_iterate((const utf8proc_uint8_t *)text, limit, character);
    if (taken > 0)
        return (size_t)taken;
    *character = -1;
    return 1;
}

size_t words_bad_bytes(const char *text, size_t n, size_t *first)
{
    size_t n_bad = 0;
    for (size_t i = 0; i < n;) {
        int32_t character;
        size_t taken = words_next(text + i, n - i, &character);
        if (character < 0 && n_bad++ == 0)
            *first = i;
        i += taken;
    }
    return n_bad;
}

static void word_end(Word *word)
{
    if (word->n_characters) {
        word->bytes[word->n_bytes] = '\0';
        word->fn(word->context, word->bytes, word->n_characters);
    }
    word->n_bytes = word->n_characters = 0;
}

static void word_add(Word *word, int32_t character)
{
    if (word->n_characters++ <= WORD_CHARACTERS)
        word->n_bytes += (size_t)utf8proc_encode_char(character, (utf8proc_uint8_t *)word->bytes +
                                                                     word->n_bytes);
}

static void word_alone(Word *word, int32_t character)
{
    word_end(word);
    word_add(word, character);
    word_end(word);
}

static bool is_space(int32_t c, utf8proc_category_t category)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* The ASCII signs that Unicode calls symbols ($ + < = > ^ ` | ~) separate words too. */
static bool is_punctuation(int32_t c, utf8proc_category_t category)
{
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
               (c >= '{' && c <= '~');
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* The blocks of CJK ideographs; kana and hangul are written with spaces or as words. */
static bool is_ideograph(int32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
           (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
           (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B820 && c <= 0x2CEAF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

static void add_ascii(Word *word, int32_t c)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        word_end(word);
    else if (c >= 'A' && c <= 'Z')
        word_add(word, c - 'A' + 'a');
    else if (is_punctuation(c, UTF8PROC_CATEGORY_CN))
        word_alone(word, c);
    else if (c > ' ' && c < 0x7F)
        word_add(word, c);
}

/* A character beyond ASCII that is a letter, a mark or a sign: decomposed, its marks left out. */
static void add_decomposed(Word *word, int32_t c)
{
    int32_t parts[8];
    int last = 0;
    utf8proc_ssize_t n =
        utf8proc_decompose_char(utf8proc_tolower(c), parts, 8, UTF8PROC_DECOMPOSE, &last);
    for (utf8proc_ssize_t i = 0; i < n && i < 8; i++) {
        utf8proc_category_t category = utf8proc_category(parts[i]);
        if (category == UTF8PROC_CATEGORY_MN)
            continue;
        if (is_punctuation(parts[i], category))
            word_alone(word, parts[i]);
        else
            word_add(word, parts[i]);
    }
}

static void add_character(Word *word, int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    if (is_space(c, category)) {
        word_end(word);
    } else if (c == 0xFFFD || category == UTF8PROC_CATEGORY_CC ||
               category == UTF8PROC_CATEGORY_CF) {
        return;
    } else if (is_ideograph(c)) {
        word_end(word);
        add_decomposed(word, c);
        word_end(word);
    } else {
        add_decomposed(word, c);
    }
}

void words_each(const char *text, size_t n, WordFn *fn, void *context)
{
    Word word = {.fn = fn, .context = context};
    for (size_t i = 0; i < n;) {
        int32_t c;
        i += words_next(text + i, n - i, &c);
        if (c >= 0x80)
            add_character(&word, c);
        else if (c >= 0)
            add_ascii(&word, c);
    }
    word_end(&word);
}
