/* rematc data: vocabularies and token files from plain text, for the data sources of a program. */
#include "commands.h"
#include "data/arguments.h"
#include "data/files.h"
#include "data/gpt2.h"
#include "data/indexed.h"
#include "data/info.h"
#include "data/learn.h"
#include "data/message.h"
#include "data/text.h"
#include "data/tokenfile.h"
#include "data/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How the text is split; the same for all commands that read text. */
typedef struct {
    bool lines;
    const char *document, *json_key;
    int min_sentences;
} SplitArguments;

#define SPLIT_OPTIONS(arguments)                                                                   \
    {"--lines", NULL, .flag = &(arguments).lines, .help = "each line is a sentence already"},      \
        {"--document", "KIND", .text = &(arguments).document,                                      \
         .help = "what a document is: paragraph (default; blank lines separate) or file"},         \
        {"--min-sentences", "N", .count = &(arguments).min_sentences,                              \
         .help = "join paragraphs until a document has N sentences (default 1)"},                  \
    {                                                                                              \
        "--jsonl", "KEY", .text = &(arguments).json_key,                                           \
                          .help = "each line is a JSON object; KEY's text is a document"           \
    }

static int split_options(const CommandLine *line, const SplitArguments *arguments,
                         TextOptions *options)
{
    const char *document = arguments->document;
    if (document && strcmp(document, "paragraph") != 0 && strcmp(document, "file") != 0)
        return arguments_error(line, "--document needs paragraph or file, not '%s'", document);
    *options = (TextOptions){.lines = arguments->lines,
                             .whole_files = document && strcmp(document, "file") == 0,
                             .min_sentences = (size_t)arguments->min_sentences,
                             .json_key = arguments->json_key};
    return EXIT_DONE;
}

static int read_texts(const Files *files, const TextOptions *options, const TextSink *sink)
{
    for (int i = 0; i < files->n; i++) {
        int status = text_each(files->data[i], options, sink);
        if (status != EXIT_DONE)
            return status;
    }
    return EXIT_DONE;
}

static void ignore_document_end(void *context)
{
    (void)context;
}

/* --- vocab ----------------------------------------------------------------------------------- */

static void learn_sentence(void *learner, const char *text, size_t n)
{
    words_each(text, n, learn_word, learner);
}

static int learn_vocabulary(Arena *arena, const Files *files, const TextOptions *split,
                            const LearnOptions *options, const char *path)
{
    Learner *learner = learn_new(arena);
    TextSink sink = {learner, learn_sentence, ignore_document_end};
    int status = read_texts(files, split, &sink);
    if (status != EXIT_DONE)
        return status;
    int least = learn_least_size(learner, options->alphabet);
    if (least > options->size)
        return message_error(
            EXIT_INPUT, files->data[0], 0,
            "the special pieces and the characters of the text are %d pieces, more "
            "than --size %d allows (--alphabet takes fewer characters)",
            least, options->size);
    Vocabulary vocabulary;
    learn_finish(learner, options, &vocabulary);
    if (vocabulary.pieces.n == 5)
        return message_error(EXIT_INPUT, files->data[0], 0, "there are no words in the text");
    if (vocabulary.pieces.n < options->size)
        message_warning(path, 0,
                        "has %d pieces, not %d: no further pair occurs %d times in the text",
                        vocabulary.pieces.n, options->size, options->min_count);
    vocabulary_save(arena, &vocabulary, path);
    printf("%s: %d pieces\n", path, vocabulary.pieces.n);
    return EXIT_DONE;
}

static int vocab_command(Arena *arena, char **argv)
{
    SplitArguments split = {.min_sentences = 1};
    LearnOptions learn = {.size = 0, .alphabet = 1000, .min_count = 2};
    const char *output = NULL;
    const Option options[] = {
        {"--size", "N", .count = &learn.size, .help = "how many pieces, special ones included"},
        {"-o", "VOCAB", .text = &output, .help = "the file to write, one piece a line"},
        {"--alphabet", "N", .count = &learn.alphabet,
         .help = "keep the N most frequent characters (default 1000)"},
        {"--min-count", "N", .count = &learn.min_count,
         .help = "join pairs that occur at least N times (default 2)"},
        {"--jsonl", "KEY", .text = &split.json_key,
         .help = "each line is a JSON object; KEY's text is what to learn from"},
    };
    const CommandLine line = {
        "rematc data vocab", "FILE...",
        "Learns a WordPiece vocabulary from text (plain or .gz, - for standard input), as BERT's\n"
        "uncased models cut it: lower case, no accents, punctuation and CJK characters alone.\n"
        "Pieces come from joining the most frequent pairs. [PAD] [UNK] [CLS] [SEP] [MASK] are "
        "first.\n",
        options, sizeof options / sizeof *options};
    Files files = {0};
    int status = arguments_read(arena, &line, argv, &files);
    if (status != EXIT_DONE)
        return status == ARGUMENTS_HELP ? EXIT_DONE : status;
    if (!files.n || !output || learn.size < 1)
        return arguments_error(&line, "--size N, -o VOCAB and a FILE are needed");
    if (learn.min_count < 1)
        return arguments_error(&line, "--min-count needs at least 1");
    TextOptions text_options;
    status = split_options(&line, &split, &text_options);
    return status == EXIT_DONE ? learn_vocabulary(arena, &files, &text_options, &learn, output)
                               : status;
}

/* --- encode ---------------------------------------------------------------------------------- */

typedef struct {
    Arena *arena;
    const Vocabulary *vocabulary;
    IndexedWriter *writer;
    int longest;        /* tokens of an item */
    ARRAY(int32_t) ids; /* of the sentence at hand */
    int64_t n_unknown, n_cut;
} Encoder;

static void encode_word(void *context, const char *word, size_t n_characters)
{
    Encoder *encoder = context;
    int32_t ids[WORD_CHARACTERS];
    int n = vocabulary_cut(encoder->vocabulary, word, n_characters, ids);
    encoder->n_unknown += n == 1 && ids[0] == encoder->vocabulary->unknown;
    for (int i = 0; i < n; i++)
        PUSH(encoder->arena, encoder->ids, ids[i]);
}

static void encode_sentence(void *context, const char *text, size_t n)
{
    Encoder *encoder = context;
    encoder->ids.n = 0;
    words_each(text, n, encode_word, encoder);
    encoder->n_cut += encoder->ids.n > encoder->longest;
    for (int i = 0; i < encoder->ids.n; i += encoder->longest) {
        int rest = encoder->ids.n - i;
        indexed_item(encoder->writer, encoder->ids.data + i,
                     rest < encoder->longest ? rest : encoder->longest);
    }
}

static void encode_document_end(void *context)
{
    Encoder *encoder = context;
    indexed_document_end(encoder->writer);
}

static void print_encoded(const IndexedWriter *writer, const Encoder *encoder)
{
    printf("%s: %d sentences in %d documents, %lld tokens, %.2f %% [UNK]\n", writer->prefix,
           writer->sizes.n, writer->documents.n - 1, (long long)writer->n_tokens,
           100.0 * (double)encoder->n_unknown / (double)writer->n_tokens);
    if (encoder->n_cut)
        message_warning(writer->prefix, 0, "%lld sentences had more than %d tokens and were cut",
                        (long long)encoder->n_cut, encoder->longest);
}

static int encode_texts(Arena *arena, const Files *files, const TextOptions *split,
                        const Vocabulary *vocabulary, int longest, const char *prefix)
{
    IndexedWriter writer;
    Encoder encoder = {
        .arena = arena, .vocabulary = vocabulary, .writer = &writer, .longest = longest};
    TextSink sink = {&encoder, encode_sentence, encode_document_end};
    indexed_open(&writer, arena, prefix, vocabulary);
    int status = read_texts(files, split, &sink);
    if (status == EXIT_DONE && !writer.n_tokens)
        status = message_error(EXIT_INPUT, files->data[0], 0, "there are no words in the text");
    if (status != EXIT_DONE) {
        output_abandon(&writer.bin);
        return status;
    }
    indexed_commit(&writer);
    print_encoded(&writer, &encoder);
    return EXIT_DONE;
}

static int encode_command(Arena *arena, char **argv)
{
    SplitArguments split = {.min_sentences = 1};
    const char *prefix = NULL, *vocabulary_path = NULL;
    int longest = 512;
    const Option options[] = {
        {"--vocab", "VOCAB", .text = &vocabulary_path, .help = "the vocabulary, one piece a line"},
        {"-o", "PREFIX", .text = &prefix, .help = "write PREFIX.bin, PREFIX.idx, PREFIX.vocab.txt"},
        SPLIT_OPTIONS(split),
        {"--longest", "N", .count = &longest,
         .help = "cut sentences of more than N tokens (default 512)"},
    };
    const CommandLine line = {"rematc data encode", "FILE...",
                              "Cuts text (plain or .gz, - for standard input) into the pieces of a "
                              "WordPiece vocabulary and\n"
                              "writes the .bin/.idx pair that Megatron and LiBai read, one item a "
                              "sentence, for the data\n"
                              "source bert_pairs(\"PREFIX\", seq).\n",
                              options, sizeof options / sizeof *options};
    Files files = {0};
    Vocabulary vocabulary;
    TextOptions text_options;
    int status = arguments_read(arena, &line, argv, &files);
    if (status != EXIT_DONE)
        return status == ARGUMENTS_HELP ? EXIT_DONE : status;
    if (!files.n || !prefix || !vocabulary_path)
        return arguments_error(&line, "--vocab VOCAB, -o PREFIX and a FILE are needed");
    if (longest < 1)
        return arguments_error(&line, "--longest needs at least 1");
    status = split_options(&line, &split, &text_options);
    if (status == EXIT_DONE)
        status = vocabulary_load(arena, vocabulary_path, &vocabulary);
    if (status != EXIT_DONE)
        return status;
    return encode_texts(arena, &files, &text_options, &vocabulary, longest, prefix);
}

/* --- tokens ---------------------------------------------------------------------------------- */

/* How text becomes tokens: by a vocabulary, by GPT-2's files, or, with neither, byte by byte. */
typedef struct {
    const Vocabulary *vocabulary;
    Gpt2 *gpt2;
    TokenWriter writer;
} Tokens;

static void put_token(void *context, int32_t id)
{
    Tokens *tokens = context;
    tokenfile_put(&tokens->writer, id);
}

static void put_word(void *context, const char *word, size_t n_characters)
{
    Tokens *tokens = context;
    int32_t ids[WORD_CHARACTERS];
    int n = vocabulary_cut(tokens->vocabulary, word, n_characters, ids);
    for (int i = 0; i < n; i++)
        tokenfile_put(&tokens->writer, ids[i]);
}

static void put_text(Tokens *tokens, const Bytes *text)
{
    if (tokens->gpt2) {
        if (gpt2_end_of_text(tokens->gpt2) >= 0)
            put_token(tokens, gpt2_end_of_text(tokens->gpt2));
        gpt2_encode(tokens->gpt2, text->data, text->n, put_token, tokens);
    } else if (tokens->vocabulary) {
        words_each(text->data, text->n, put_word, tokens);
        put_token(tokens, tokens->vocabulary->separator);
    } else {
        for (size_t i = 0; i < text->n; i++)
            put_token(tokens, (unsigned char)text->data[i]);
    }
}

static int write_tokens(Arena *arena, const Files *files, Tokens *tokens, int n_ids,
                        const char *path)
{
    tokens->writer = tokenfile_open(arena, path, n_ids);
    for (int i = 0; i < files->n; i++) {
        Bytes text;
        int status = file_read(files->data[i], &text);
        if (status != EXIT_DONE) {
            output_abandon(&tokens->writer.output);
            return status;
        }
        put_text(tokens, &text);
        free(text.data);
    }
    int status = tokenfile_commit(&tokens->writer);
    if (status == EXIT_DONE)
        printf("%s: %lld tokens below %d\n", path, (long long)tokens->writer.n_tokens, n_ids);
    return status;
}

typedef struct {
    const char *output, *vocabulary, *encoder, *merges;
    bool bytes;
} TokensArguments;

static int choose_tokens(Arena *arena, const Files *files, const TokensArguments *arguments)
{
    Tokens tokens = {0};
    Vocabulary vocabulary;
    int status = EXIT_DONE, n_ids = 256;
    if (arguments->encoder) {
        status = gpt2_load(arena, arguments->encoder, arguments->merges, &tokens.gpt2);
        n_ids = gpt2_n_ids(tokens.gpt2);
    } else if (arguments->vocabulary) {
        status = vocabulary_load(arena, arguments->vocabulary, &vocabulary);
        tokens.vocabulary = &vocabulary;
        n_ids = vocabulary.pieces.n;
    }
    if (status == EXIT_DONE)
        status = write_tokens(arena, files, &tokens, n_ids, arguments->output);
    gpt2_free(tokens.gpt2);
    return status;
}

static int tokens_command(Arena *arena, char **argv)
{
    TokensArguments arguments = {0};
    const Option options[] = {
        {"-o", "TOKENS", .text = &arguments.output, .help = "the file to write, in llm.c's format"},
        {"--bytes", NULL, .flag = &arguments.bytes, .help = "a token is a byte"},
        {"--vocab", "VOCAB", .text = &arguments.vocabulary,
         .help = "WordPiece; [SEP] comes after each file"},
        {"--gpt2", "ENCODER", .text = &arguments.encoder,
         .help = "GPT-2's encoder.json; <|endoftext|> comes before each file"},
        {"--merges", "MERGES", .text = &arguments.merges, .help = "GPT-2's vocab.bpe"},
    };
    const CommandLine line = {
        "rematc data tokens", "FILE...",
        "Turns text (plain or .gz, - for standard input) into a flat file of tokens for the data\n"
        "source tokens(\"TOKENS\"): a header of 256 i32 (20240520, 1, the number of tokens, the "
        "size of\n"
        "the vocabulary; 20240801, 7 where that is over 65536), then u16 (u32) tokens.\n",
        options, sizeof options / sizeof *options};
    Files files = {0};
    int status = arguments_read(arena, &line, argv, &files);
    if (status != EXIT_DONE)
        return status == ARGUMENTS_HELP ? EXIT_DONE : status;
    if (arguments.bytes + !!arguments.vocabulary + !!arguments.encoder != 1)
        return arguments_error(&line, "one of --bytes, --vocab and --gpt2 is needed");
    if (!arguments.encoder != !arguments.merges)
        return arguments_error(&line, "--gpt2 and --merges go together");
    if (!files.n || !arguments.output)
        return arguments_error(&line, "-o TOKENS and a FILE are needed");
    return choose_tokens(arena, &files, &arguments);
}

/* --- info ------------------------------------------------------------------------------------ */

static int info_command(Arena *arena, char **argv)
{
    bool json = false;
    const Option options[] = {{"--json", NULL, .flag = &json, .help = "print a JSON object"}};
    const CommandLine line = {
        "rematc data info", "FILE",
        "Says what a .bin/.idx pair, a token file or a vocabulary holds, and the unigram entropy "
        "of its\n"
        "tokens: the loss of a model that knows only how often each token comes.\n",
        options, 1};
    Files files = {0};
    int status = arguments_read(arena, &line, argv, &files);
    if (status != EXIT_DONE)
        return status == ARGUMENTS_HELP ? EXIT_DONE : status;
    if (files.n != 1)
        return arguments_error(&line, "one FILE is needed");
    return info_print(arena, files.data[0], json);
}

/* --- the table ------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    int (*run)(Arena *arena, char **argv);
    const char *help;
} DataCommand;

static const DataCommand commands[] = {
    {"vocab", vocab_command, "learn a WordPiece vocabulary from text"},
    {"encode", encode_command, "text to the .bin/.idx pair of bert_pairs()"},
    {"tokens", tokens_command, "text to the token file of tokens()"},
    {"info", info_command, "what such a file holds, and the entropy of its tokens"},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *out)
{
    fputs("usage: rematc data COMMAND ...; rematc data COMMAND --help says more\n", out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
}

int data_command(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    for (int i = 0; argc >= 2 && i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        Arena *arena = arena_new();
        int status = commands[i].run(arena, argv + 1);
        arena_free(arena);
        return status;
    }
    if (argc >= 2)
        fprintf(stderr, "rematc data: error: there is no command '%s'\n", argv[1]);
    print_usage(stderr);
    return EXIT_USAGE;
}
