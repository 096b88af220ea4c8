/* Words syntax errors: the parser's long list of possible tokens becomes "an expression", "a
 * statement", and a misspelt word of the language is recognised. */
#include "grammar/report.h"

/* Tokens that together are better named by one phrase: where all of needs are possible, those of
 * drops are left out and phrase is said instead. */
typedef struct {
    const char *phrase;
    const char *needs[3];
    const char *drops[24];
} Phrase;

#define FIRST_WORDS                                                                                \
    "'const'", "'module'", "'model'", "'train'", "'input'", "'target'", "'param'", "'output'",     \
        "'loss'", "'return'", "'repeat'", "'checkpoint'", "'keep'"
#define WORDS  FIRST_WORDS, "'in'", "'as'"
#define LEAVES "name", "number", "string", "'true' or 'false'", "'('", "'['", "'-'"

static const Phrase phrases[] = {
    {"an argument", {"number", "'const'"}, {WORDS, LEAVES}},
    {"a statement", {"'checkpoint'", "'param'"}, {WORDS, "name"}},
    {"an expression", {"number"}, {LEAVES}},
    {"an operator", {"'+'", "'*'"}, {"'+'", "'-'", "'*'", "'/'", "'('", "'as'"}},
};

static bool has(const SyntaxError *error, const char *name)
{
    for (int i = 0; i < error->n_expected; i++)
        if (strcmp(error->expected[i], name) == 0)
            return true;
    return false;
}

static bool applies(const Phrase *phrase, const SyntaxError *error)
{
    for (int i = 0; i < 3 && phrase->needs[i]; i++)
        if (!has(error, phrase->needs[i]))
            return false;
    return true;
}

static void drop(SyntaxError *error, const char *name)
{
    int n = 0;
    for (int i = 0; i < error->n_expected; i++)
        if (strcmp(error->expected[i], name) != 0)
            error->expected[n++] = error->expected[i];
    error->n_expected = n;
}

static void shorten(SyntaxError *error)
{
    if (error->n_expected > 1)
        drop(error, "end of file");
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        if (!applies(&phrases[i], error))
            continue;
        for (int k = 0; phrases[i].drops[k]; k++)
            drop(error, phrases[i].drops[k]);
        error->expected[error->n_expected++] = phrases[i].phrase;
    }
}

/* Names of tokens as they read in a sentence. */
static const char *readable(const char *token)
{
    static const char *const words[][2] = {
        {"name", "a name"},
        {"number", "a number"},
        {"string", "a string"},
        {"end of line", "the end of the line"},
        {"end of file", "the end of the file"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(token, words[i][0]) == 0)
            return words[i][1];
    return token;
}

static bool is_word(const char *token)
{
    static const char *const words[] = {WORDS, "'true' or 'false'"};
    for (size_t i = 0; token && i < sizeof words / sizeof *words; i++)
        if (strcmp(token, words[i]) == 0)
            return true;
    return false;
}

static const char *list_expected(Parser *parser, const SyntaxError *error)
{
    Text text = text_new(parser->arena);
    for (int i = 0; i < error->n_expected; i++) {
        const char *separator = i == 0 ? "" : i + 1 < error->n_expected ? ", " : " or ";
        text_printf(&text, "%s%s", separator, readable(error->expected[i]));
    }
    return text.data;
}

static const char *describe_found(Parser *parser, const SyntaxError *error)
{
    const char *text = diag_source(parser->diag)->text + error->span.start;
    int n = error->span.end - error->span.start;
    if (!error->found)
        return "something else";
    if (strcmp(error->found, "name") == 0 || is_word(error->found))
        return arena_printf(parser->arena, "'%.*s'", n < 60 ? n : 60, text);
    return readable(error->found);
}

/* The word of the language that name, where a line begins, may have meant. */
static const char *word_hint(Parser *parser, const char *name)
{
    static const char *const words[] = {FIRST_WORDS};
    Nearest nearest = nearest_start(name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        nearest_offer(&nearest, arena_strndup(parser->arena, words[i] + 1, strlen(words[i]) - 2));
    return nearest_hint(parser->arena, &nearest);
}

static const char *hint(Parser *parser, const SyntaxError *error, Name before)
{
    if (is_word(error->found) && has(error, "name") && !parser->starts_line)
        return ": it is a word of the language and cannot be a name";
    if (parser->after_word && error->found && strcmp(error->found, "'='") == 0)
        return ": the word before it belongs to the language and cannot be a name";
    if (error->found && strcmp(error->found, "name") == 0) {
        if (before.text)
            return word_hint(parser, before.text);
        if (!has(error, "number"))
            return word_hint(parser, parser->last_name.text);
    }
    return "";
}

void parse_report(Parser *parser, const SyntaxError *error)
{
    SyntaxError shown = *error;
    const char *advice = hint(parser, error, parser->line_name);
    shorten(&shown);
    diag_error(parser->diag, error->span, "expected %s, found %s%s", list_expected(parser, &shown),
               describe_found(parser, error), advice);
    if (parser->unclosed.token)
        diag_note(parser->diag, parser->unclosed.span, "this '%c' is not closed",
                  parser->unclosed.token);
    lines_recover(parser);
}

void parse_failed(Parser *parser, Span span, const char *message)
{
    if (strstr(message, "memory"))
        message = "this is nested too deeply";
    diag_error(parser->diag, span, "%s", message);
}
