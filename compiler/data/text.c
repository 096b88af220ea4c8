/* Splits at blank lines, then at the ends of sentences, by rules that look at bytes: every mark
 * that matters is ASCII or one of a few fixed UTF-8 sequences. */
#include "data/text.h"

#include "base/base.h"
#include "data/files.h"
#include "data/message.h"
#include "data/words.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A text this large (in bytes) takes long enough for its progress to be shown. */
enum { LARGE = 1 << 20 };

typedef struct {
    const char *path;
    const TextOptions *options;
    const TextSink *sink;
    size_t n_sentences; /* since the document began */
} Splitter;

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void emit_sentence(Splitter *splitter, const char *text, size_t n)
{
    while (n && is_space(text[0])) {
        text++;
        n--;
    }
    while (n && is_space(text[n - 1]))
        n--;
    if (!n)
        return;
    splitter->n_sentences++;
    splitter->sink->sentence(splitter->sink->context, text, n);
}

static void end_document(Splitter *splitter)
{
    if (splitter->n_sentences)
        splitter->sink->document_end(splitter->sink->context);
    splitter->n_sentences = 0;
}

/* The bytes of a closing quote or bracket at text[0..n), or 0. */
static size_t closing_bytes(const char *text, size_t n)
{
    static const char *const wide[] = {"\u2019", "\u201D", "\u00BB", "\u300D", "\u300F"};
    if (n && strchr("\"')]}", *text) && *text)
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (n >= strlen(wide[i]) && memcmp(text, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    return 0;
}

/* The bytes of a mark that ends a sentence whatever follows it, or 0. */
static size_t full_mark_bytes(const char *text, size_t n)
{
    static const char *const marks[] = {"\u3002", "\uFF01", "\uFF1F"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (n >= 3 && memcmp(text, marks[i], 3) == 0)
            return 3;
    return 0;
}

/* Is the word that ends before text[at] one whose full stop ends no sentence? */
static bool is_abbreviation(const char *text, size_t at)
{
    static const char *const known[] = {
        "Mr",  "Mrs", "Ms",     "Dr",  "St", "Prof", "Rev", "Hon", "Col", "Gen",  "Capt", "Lt",
        "Sgt", "Maj", "Messrs", "Esq", "Jr", "Sr",   "Vol", "Fig", "vol", "fig",  "vs",   "viz",
        "cf",  "e.g", "i.e",    "p",   "pp", "ch",   "ed",  "eds", "op",  "trans"};
    size_t start = at;
    while (start > 0 && (isalpha((unsigned char)text[start - 1]) || text[start - 1] == '.'))
        start--;
    size_t n = at - start;
    bool after_letter =
        start > 0 && ((unsigned char)text[start - 1] >= 0x80 || text[start - 1] == '\'');
    if (n == 1 && !after_letter && isupper((unsigned char)text[start]))
        return text[start] != 'I';
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == n && memcmp(known[i], text + start, n) == 0)
            return true;
    return false;
}

/* The offset behind the sentence end whose mark is at text[at], or 0 where none ends there. */
static size_t sentence_end(const char *text, size_t n, size_t at)
{
    size_t end = at, taken;
    while (end < n && strchr(".!?", text[end]) && text[end])
        end++;
    bool weak = end == at + 1 && text[at] == '.';
    bool full = false;
    while ((taken = full_mark_bytes(text + end, n - end))) {
        full = true;
        end += taken;
    }
    if (end == at)
        return 0;
    while ((taken = closing_bytes(text + end, n - end)))
        end += taken;
    if (full || end == n)
        return end;
    size_t next = end;
    while (next < n && is_space(text[next]))
        next++;
    if (next == end || (next < n && islower((unsigned char)text[next])))
        return 0;
    return weak && is_abbreviation(text, at) ? 0 : end;
}

static void split_sentences(Splitter *splitter, const char *text, size_t n)
{
    size_t start = 0;
    for (size_t i = 0; i < n;) {
        bool may_end = text[i] && strchr(".!?\xE3\xEF", text[i]);
        size_t end = may_end ? sentence_end(text, n, i) : 0;
        if (end) {
            emit_sentence(splitter, text + start, end - start);
            start = end;
        }
        i = end ? end : i + 1;
    }
    emit_sentence(splitter, text + start, n - start);
}

static size_t line_bytes(const char *text, size_t n)
{
    const char *end = memchr(text, '\n', n);
    return end ? (size_t)(end - text) + 1 : n;
}

static bool is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_space(text[i]))
            return false;
    return true;
}

static void end_paragraph(Splitter *splitter, const char *text, size_t n, bool one_document)
{
    if (!splitter->options->lines)
        split_sentences(splitter, text, n);
    if (!one_document && splitter->n_sentences >= splitter->options->min_sentences)
        end_document(splitter);
}

static void split_text(Splitter *splitter, const char *text, size_t n, bool one_document)
{
    size_t start = 0;
    for (size_t i = 0; i < n;) {
        size_t line = line_bytes(text + i, n - i);
        if (is_blank(text + i, line)) {
            end_paragraph(splitter, text + start, i - start, one_document);
            start = i + line;
        } else if (splitter->options->lines) {
            emit_sentence(splitter, text + i, line);
        }
        if (n > LARGE)
            message_progress(splitter->path, i, i + line, n);
        i += line;
    }
    end_paragraph(splitter, text + start, n - start, one_document);
    end_document(splitter);
}

static int split_json_line(Splitter *splitter, const char *path, size_t line, const char *text,
                           size_t n)
{
    const char *key = splitter->options->json_key;
    cJSON *json = cJSON_ParseWithLength(text, n);
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, key);
    int status = EXIT_DONE;
    if (!json)
        status = message_error(EXIT_INPUT, path, line, "expected a JSON object on each line");
    else if (!cJSON_IsString(value))
        status = message_error(EXIT_INPUT, path, line,
                               "expected an object with the key \"%s\" "
                               "and a text as its value",
                               key);
    else
        split_text(splitter, value->valuestring, strlen(value->valuestring), true);
    cJSON_Delete(json);
    return status;
}

static int split_json(Splitter *splitter, const char *path, const Bytes *bytes)
{
    size_t line = 0;
    for (size_t i = 0; i < bytes->n;) {
        size_t n = line_bytes(bytes->data + i, bytes->n - i);
        line++;
        if (!is_blank(bytes->data + i, n)) {
            int status = split_json_line(splitter, path, line, bytes->data + i, n);
            if (status != EXIT_DONE)
                return status;
        }
        i += n;
    }
    return EXIT_DONE;
}

static void warn_of_bad_bytes(const char *path, const Bytes *bytes)
{
    size_t first = 0, line = 1;
    size_t n_bad = words_bad_bytes(bytes->data, bytes->n, &first);
    if (!n_bad)
        return;
    for (size_t i = 0; i < first; i++)
        line += bytes->data[i] == '\n';
    message_warning(path, line, "%zu bytes are not UTF-8 and are left out, the first at offset %zu",
                    n_bad, first);
}

int text_each(const char *path, const TextOptions *options, const TextSink *sink)
{
    Bytes bytes;
    int status = file_read(path, &bytes);
    if (status != EXIT_DONE)
        return status;
    warn_of_bad_bytes(path, &bytes);
    Splitter splitter = {path, options, sink, 0};
    if (options->json_key)
        status = split_json(&splitter, path, &bytes);
    else
        split_text(&splitter, bytes.data, bytes.n, options->whole_files);
    free(bytes.data);
    return status;
}
