/* rematc data: tokens against a tokenizer written again in Python, files against readers written
 * from the published layouts, sentences against hand-made splits, and what bad input is told. */
#include "commands.h"
#include "data/text.h"
#include "data/vocabulary.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *data_suite(void);

#define PROSE    "tests/cases/text/prose.txt"
#define OFFICIAL "../shared/data/bert-base-uncased-vocab.txt"

static Arena *arena;
static char folder[32];

static void make_folder(void)
{
    strcpy(folder, "/tmp/rematc-data-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

static const char *in_folder(const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *bytes, size_t n)
{
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s is not there", path);
    Text text = text_new(arena);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        text_append(&text, block, n);
    fclose(file);
    return text.data;
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Runs `rematc data ...`; words are separated by spaces, and @ stands for the folder. What it says
 * on standard error is in said(). */
__attribute__((format(printf, 1, 2))) static int data(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    Text line = text_new(arena);
    text_vprintf(&line, format, args);
    va_end(args);
    char *argv[32] = {"data"};
    int argc = 1;
    for (char *word = strtok(line.data, " "); word; word = strtok(NULL, " "))
        argv[argc++] = *word == '@' ? arena_printf(arena, "%s%s", folder, word + 1) : word;
    ck_assert_ptr_nonnull(freopen(in_folder("stderr"), "w", stderr));
    ck_assert_ptr_nonnull(freopen(in_folder("stdout"), "w", stdout));
    int status = data_command(argc, argv);
    fflush(stderr);
    fflush(stdout);
    return status;
}

static char *said(void)
{
    return read_all(in_folder("stderr"));
}

/* Runs a command of the shell whose output goes to a file; @ stands for the folder. */
static bool shell(const char *command)
{
    Text text = text_new(arena);
    for (; *command; command++)
        if (*command == '@')
            text_printf(&text, "%s", folder);
        else
            text_append(&text, command, 1);
    return system(text.data) == 0;
}

static bool has_python(void)
{
    if (shell("python3 -c 'import unicodedata' 2> @/python"))
        return true;
    fputs("skipped: there is no python3 for the oracle\n", stderr);
    return false;
}

/* --- tokens ---------------------------------------------------------------------------------- */

START_TEST(pieces_are_those_of_the_oracle)
{
    if (!has_python())
        return;
    ck_assert_int_eq(data("vocab --size 250 -o @/vocab.txt " PROSE), EXIT_DONE);
    ck_assert_int_eq(data("encode --vocab @/vocab.txt -o @/prose " PROSE), EXIT_DONE);
    ck_assert(shell("python3 tests/oracle/wordpiece.py encode @/vocab.txt " PROSE " > @/want"));
    ck_assert(shell("python3 tests/oracle/indexed.py @/prose | tr ' ' '\\n' | grep . > @/got"));
    ck_assert_str_eq(read_all(in_folder("got")), read_all(in_folder("want")));
}
END_TEST

START_TEST(pieces_of_the_official_vocabulary_are_those_of_the_oracle)
{
    if (!has_python())
        return;
    if (!exists(OFFICIAL)) {
        fputs("skipped: " OFFICIAL " is not there\n", stderr);
        return;
    }
    ck_assert_int_eq(data("encode --vocab " OFFICIAL " -o @/prose " PROSE), EXIT_DONE);
    ck_assert(shell("python3 tests/oracle/wordpiece.py encode " OFFICIAL " " PROSE " > @/want"));
    ck_assert(shell("python3 tests/oracle/indexed.py @/prose | tr ' ' '\\n' | grep . > @/got"));
    ck_assert_str_eq(read_all(in_folder("got")), read_all(in_folder("want")));
}
END_TEST

START_TEST(a_vocabulary_is_learnt_as_by_counting_all_pairs_each_time)
{
    if (!has_python())
        return;
    ck_assert_int_eq(data("vocab --size 240 -o @/vocab.txt " PROSE), EXIT_DONE);
    ck_assert(shell("python3 tests/oracle/wordpiece.py learn 240 " PROSE " > @/want"));
    ck_assert_str_eq(read_all(in_folder("vocab.txt")), read_all(in_folder("want")));
}
END_TEST

START_TEST(a_vocabulary_of_all_pairs_ends_early_and_says_so)
{
    write_text("text", "abab abab");
    ck_assert_int_eq(data("vocab --size 100 -o @/vocab.txt @/text"), EXIT_DONE);
    ck_assert_ptr_nonnull(strstr(said(), "has 11 pieces, not 100"));
    ck_assert_str_eq(read_all(in_folder("vocab.txt")),
                     "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\n##b\n##ab\n##bab\nabab\n");
}
END_TEST

/* --- sentences and documents ----------------------------------------------------------------- */

typedef struct {
    const char *text, *sentences; /* | between sentences, || between documents */
} Split;

static const Split splits[] = {
    {"One. Two! Three?", "One.|Two!|Three?||"},
    {"He said \"Stop.\" Then he left.", "He said \"Stop.\"|Then he left.||"},
    {"\"What?\" said he. Mr. Bennet sat.", "\"What?\" said he.|Mr. Bennet sat.||"},
    {"It cost 3.50 dollars. J. R. Smith paid.", "It cost 3.50 dollars.|J. R. Smith paid.||"},
    {"Wait... What? (Yes.) No.", "Wait...|What?|(Yes.)|No.||"},
    {"It is I. You know.", "It is I.|You know.||"},
    {"See e.g. Paris, i.e. France.", "See e.g. Paris, i.e. France.||"},
    {"\u4F60\u597D\u3002\u518D\u89C1\u3002", "\u4F60\u597D\u3002|\u518D\u89C1\u3002||"},
    {"a\nb.\n\nC\n \t\n\n\nDe. E", "a\nb.||C||De.|E||"},
    {"", ""},
    {" \n\n ", ""},
    {"...", "...||"},
    {".", ".||"},
};

static void note_sentence(void *text, const char *sentence, size_t n)
{
    Text *all = text;
    if (all->n && all->data[all->n - 1] != '|')
        text_printf(all, "|");
    text_append(all, sentence, n);
}

static void note_document(void *text)
{
    text_printf(text, "||");
}

START_TEST(sentences_end_where_a_reader_ends_them)
{
    const Split *split = &splits[_i];
    write_text("text", split->text);
    Text all = text_new(arena);
    TextSink sink = {&all, note_sentence, note_document};
    ck_assert_int_eq(text_each(in_folder("text"), &(TextOptions){0}, &sink), EXIT_DONE);
    ck_assert_str_eq(all.data, split->sentences);
}
END_TEST

static const char *items_of(const char *options, const char *text)
{
    static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n.\n##d\n";
    write_text("v", vocabulary);
    write_text("text", text);
    ck_assert_int_eq(data("encode --vocab @/v -o @/out %s @/text", options), EXIT_DONE);
    ck_assert(shell("python3 tests/oracle/indexed.py @/out > @/items"));
    return read_all(in_folder("items"));
}

START_TEST(options_say_what_a_document_is)
{
    if (!has_python())
        return;
    const char *text = "A b. C\n\nBd. Ad\n\nB";
    ck_assert_str_eq(items_of("", text), "5 6 8\n7\n\n6 9 8\n5 9\n\n6\n\n");
    ck_assert_str_eq(items_of("--min-sentences 3", text), "5 6 8\n7\n6 9 8\n5 9\n\n6\n\n");
    ck_assert_str_eq(items_of("--document file", text), "5 6 8\n7\n6 9 8\n5 9\n6\n\n");
    ck_assert_str_eq(items_of("--lines", "a. b\nc\n\nb"), "5 8 6\n7\n\n6\n\n");
    ck_assert_str_eq(items_of("--longest 2", "a b c a b"), "5 6\n7 5\n6\n\n");
    ck_assert_str_eq(
        items_of("--jsonl t", "{\"t\": \"a. B\\n\\nc\"}\n\n{\"u\": 1, \"t\": \"b\"}\n"),
        "5 8\n6\n7\n\n6\n\n");
}
END_TEST

START_TEST(a_large_vocabulary_takes_four_bytes_a_token)
{
    if (!has_python())
        return;
    Text pieces = text_new(arena);
    text_printf(&pieces, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
    for (int i = 5; i < 70000; i++)
        text_printf(&pieces, "w%d\n", i);
    write_file("large", pieces.data, pieces.n);
    write_text("text", "w5 w69999");
    ck_assert_int_eq(data("encode --vocab @/large -o @/wide @/text"), EXIT_DONE);
    ck_assert(shell("python3 tests/oracle/indexed.py @/wide > @/items"));
    ck_assert_str_eq(read_all(in_folder("items")), "5 69999\n\n");
}
END_TEST

/* --- token files and info
 * -------------------------------------------------------------------------- */

/* The header's first four numbers, then the u16 tokens, one a line. */
static char *token_lines(const char *name)
{
    Text text = text_new(arena);
    FILE *file = fopen(in_folder(name), "rb");
    int32_t header[256];
    uint16_t token;
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(header, sizeof header, 1, file), 1);
    text_printf(&text, "%d %d %d %d\n", header[0], header[1], header[2], header[3]);
    while (fread(&token, sizeof token, 1, file) == 1)
        text_printf(&text, "%d\n", token);
    fclose(file);
    return text.data;
}

START_TEST(tokens_are_bytes_or_pieces)
{
    static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n.\n##d\n";
    write_text("v", vocabulary);
    write_text("text", "Ad b\n");
    ck_assert_int_eq(data("tokens --bytes -o @/tokens @/text @/text"), EXIT_DONE);
    ck_assert_str_eq(token_lines("tokens"),
                     "20240520 1 10 256\n65\n100\n32\n98\n10\n65\n100\n32\n98\n10\n");
    ck_assert_int_eq(data("tokens --vocab @/v -o @/tokens @/text @/text"), EXIT_DONE);
    ck_assert_str_eq(token_lines("tokens"), "20240520 1 8 10\n5\n9\n6\n3\n5\n9\n6\n3\n");
}
END_TEST

static void assert_gpt2_as_oracle(const char *encoder, const char *merges)
{
    ck_assert_int_eq(data("tokens --gpt2 %s --merges %s -o @/tokens " PROSE, encoder, merges),
                     EXIT_DONE);
    ck_assert(shell(arena_printf(
        arena, "python3 tests/oracle/gpt2.py encode %s %s " PROSE " > @/want", encoder, merges)));
    const char *got = token_lines("tokens");
    ck_assert_str_eq(got + strcspn(got, "\n") + 1, read_all(in_folder("want")));
}

START_TEST(gpt2_tokens_are_those_of_the_oracle)
{
    if (!has_python())
        return;
    ck_assert(shell("python3 tests/oracle/gpt2.py make @/encoder @/merges 120 " PROSE));
    assert_gpt2_as_oracle(in_folder("encoder"), in_folder("merges"));
    if (exists("../shared/data/gpt2-encoder.json"))
        assert_gpt2_as_oracle("../shared/data/gpt2-encoder.json", "../shared/data/gpt2-vocab.bpe");
    else
        fputs("skipped: ../shared/data/gpt2-encoder.json is not there\n", stderr);
}
END_TEST

START_TEST(a_piece_of_a_megabyte_takes_no_time_to_speak_of)
{
    Text text = text_new(arena);
    for (int i = 0; i < 1 << 20; i++)
        text_append(&text, "a", 1);
    write_file("long", text.data, text.n);
    if (!has_python())
        return;
    ck_assert(shell("python3 tests/oracle/gpt2.py make @/encoder @/merges 120 " PROSE));
    ck_assert_int_eq(data("tokens --gpt2 @/encoder --merges @/merges -o @/tokens @/long"),
                     EXIT_DONE);
    ck_assert_int_eq(data("vocab --size 9 -o @/v @/long " PROSE), EXIT_INPUT);
    write_text("v", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\n");
    ck_assert_int_eq(data("encode --vocab @/v -o @/long.out @/long"), EXIT_DONE);
}
END_TEST

START_TEST(info_counts_and_takes_the_entropy)
{
    /* Four tokens, 5 5 6 8: 3/2 ln 2 nats. */
    items_of("", "a. A\n\nb");
    ck_assert_int_eq(data("info --json @/out"), EXIT_DONE);
    ck_assert_str_eq(
        read_all(in_folder("stdout")),
        "{\"format\": \"bert_pairs\", \"dtype\": \"u16\", \"documents\": 2, \"sentences\": 3, "
        "\"tokens\": 4, \"vocabulary\": 10, \"distinct\": 3, \"unknown\": 0, "
        "\"unigram_entropy_nats\": 1.039721}\n");
    ck_assert_int_eq(data("info @/out.idx"), EXIT_DONE);
    ck_assert_ptr_nonnull(strstr(read_all(in_folder("stdout")), "1.0397 nats a token"));
    ck_assert_int_eq(data("info --json @/v"), EXIT_DONE);
    ck_assert_str_eq(read_all(in_folder("stdout")),
                     "{\"format\": \"vocabulary\", \"vocabulary\": 10}\n");
    ck_assert_int_eq(data("tokens --bytes -o @/tokens @/text"), EXIT_DONE);
    ck_assert_int_eq(data("info --json @/tokens"), EXIT_DONE);
    ck_assert_ptr_nonnull(
        strstr(read_all(in_folder("stdout")), "\"tokens\": 7, \"vocabulary\": 256"));
}
END_TEST

/* Each damages the pair out.bin, out.idx or the token file `tokens`, by a shell command in the
 * folder. */
static const struct {
    const char *damage, *file, *message;
} damages[] = {
    {"head -c 40 out.idx > t; mv t out.idx", "out",
     "out.idx: error: has 40 bytes, but 3 items and 3"},
    {"printf MMIDIDX > out.idx", "out", "out.idx: error: expected MMIDIDX at offset 0"},
    {"head -c 7 out.bin > t; mv t out.bin", "out",
     "out.bin: error: has 7 bytes, but .idx tells of 4"},
    {"rm out.bin", "out", "out.bin: error: cannot be opened"},
    {"printf '\\377\\0' | dd of=out.bin bs=1 conv=notrunc 2> t", "out",
     "token 0 is 255, which is not"},
    {"printf '\\3' | dd of=out.idx bs=1 seek=34 conv=notrunc 2> t", "out",
     "item 1 has 1 tokens at byte"},
    {"printf '\\7' | dd of=out.idx bs=1 seek=70 conv=notrunc 2> t", "out",
     "document 0 starts at item 7"},
    {"head -c 1030 tokens > t; mv t tokens", "tokens",
     "has 6 bytes of tokens, but its header tells of 7"},
    {"head -c 500 tokens > t; mv t tokens", "tokens", "expected a token file"},
    {"head -c 4 tokens > t; mv t tokens", "tokens", "tokens"},
    {"true", "none", "none: error: cannot be opened"},
};

START_TEST(info_refuses_damaged_files)
{
    items_of("", "a. A\n\nb");
    ck_assert_int_eq(data("tokens --bytes -o @/tokens @/text"), EXIT_DONE);
    ck_assert(shell(arena_printf(arena, "cd @ && { %s; }", damages[_i].damage)));
    ck_assert_int_eq(data("info @/%s", damages[_i].file), EXIT_INPUT);
    ck_assert_msg(strstr(said(), damages[_i].message) != NULL, "said: %s", said());
}
END_TEST

/* --- bad input ------------------------------------------------------------------------------- */

START_TEST(bytes_that_are_not_utf8_are_left_out_and_told_of)
{
    if (!has_python())
        return;
    ck_assert_str_eq(items_of("", "a\n\xFF"
                                  "b \xC3(c"),
                     "5 6 1 7\n\n");
    ck_assert_ptr_nonnull(strstr(said(), "text:2: warning: 2 bytes are not UTF-8"));
}
END_TEST

typedef struct {
    const char *arguments;
    int status;
    const char *message;
} Refusal;

static const Refusal refusals[] = {
    {"", EXIT_USAGE, "usage: rematc data"},
    {"encod", EXIT_USAGE, "there is no command 'encod'"},
    {"encode", EXIT_USAGE, "are needed"},
    {"encode --vocab", EXIT_USAGE, "--vocab needs a value"},
    {"encode --speed 9", EXIT_USAGE, "there is no option '--speed'"},
    {"encode --vocab @/good -o @/x --longest 0 " PROSE, EXIT_USAGE, "--longest needs at least 1"},
    {"encode --vocab @/good -o @/x --document book " PROSE, EXIT_USAGE, "not 'book'"},
    {"encode --vocab @/good -o @/x --lines=1 " PROSE, EXIT_USAGE, "--lines takes no value"},
    {"encode --vocab @/good -o @/x @/none", EXIT_INPUT,
     "none: error: cannot be opened: No such file"},
    {"encode --vocab @/good -o @/x @/", EXIT_INPUT, "cannot be read: Is a directory"},
    {"encode --vocab @/good -o @/x @/empty", EXIT_INPUT, "there are no words in the text"},
    {"encode --vocab @/good -o @/x @/cut.gz", EXIT_INPUT, "the gzip data ends early"},
    {"encode --vocab @/good -o @/x --jsonl t @/bad.jsonl", EXIT_INPUT,
     "bad.jsonl:2: error: expected a JSON object"},
    {"encode --vocab @/good -o @/x --jsonl u @/bad.jsonl", EXIT_INPUT,
     "bad.jsonl:1: error: expected an object with the key \"u\""},
    {"encode --vocab @/none -o @/x " PROSE, EXIT_INPUT, "none: error: cannot be opened"},
    {"encode --vocab @/twice -o @/x " PROSE, EXIT_INPUT,
     "twice:7: error: the piece 'a' is there already, in line 6"},
    {"encode --vocab @/gap -o @/x " PROSE, EXIT_INPUT, "gap:6: error: expected a piece"},
    {"encode --vocab " PROSE " -o @/x " PROSE, EXIT_INPUT, "error: "},
    {"encode --vocab @/empty -o @/x " PROSE, EXIT_INPUT, "the piece [PAD] is missing"},
    {"tokens -o @/x " PROSE, EXIT_USAGE, "one of --bytes, --vocab and --gpt2"},
    {"tokens --bytes --vocab @/good -o @/x " PROSE, EXIT_USAGE,
     "one of --bytes, --vocab and --gpt2"},
    {"tokens --gpt2 @/good -o @/x " PROSE, EXIT_USAGE, "--gpt2 and --merges go together"},
    {"tokens --gpt2 @/good --merges @/good -o @/x " PROSE, EXIT_INPUT,
     "expected a JSON object of tokens"},
    {"tokens --gpt2 @/few.json --merges @/good -o @/x " PROSE, EXIT_INPUT,
     "has no token '\u0100' for"},
    {"tokens --gpt2 @/id.json --merges @/good -o @/x " PROSE, EXIT_INPUT,
     "the token 'a' has no id"},
    {"tokens --bytes -o @/x " PROSE " @/none", EXIT_INPUT, "none: error: cannot be opened"},
    {"info", EXIT_USAGE, "one FILE is needed"},
    {"vocab --size 10 -o @/x", EXIT_USAGE, "are needed"},
    {"vocab --size ten -o @/x " PROSE, EXIT_USAGE, "needs a whole number, not 'ten'"},
    {"vocab --size 10 -o @/x " PROSE, EXIT_INPUT, "more than --size 10 allows"},
    {"vocab --size 10 -o @/x @/empty", EXIT_INPUT, "there are no words in the text"},
};

START_TEST(bad_input_is_refused_and_nothing_is_written)
{
    const Refusal *refusal = &refusals[_i];
    static const char good[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";
    write_text("good", good);
    write_text("twice", arena_printf(arena, "%sa\n", good));
    write_text("gap", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n\na\n");
    write_text("bad.jsonl", "{\"t\": \"a\"}\n{\"t\": \n");
    write_text("empty", "");
    write_text("few.json", "{\"a\": 1}");
    write_text("id.json", "{\"a\": \"b\"}");
    ck_assert(shell("gzip -c " PROSE " | head -c 500 > @/cut.gz"));
    ck_assert_int_eq(data("%s", refusal->arguments), refusal->status);
    ck_assert_msg(strstr(said(), refusal->message) != NULL, "said: %s", said());
    ck_assert(shell("test -z \"$(ls @ | grep '^x')\""));
}
END_TEST

START_TEST(output_that_cannot_be_written_is_the_environments_fault)
{
    write_text("text", "a a");
    data("vocab --size 9 -o @/nowhere/v @/text");
}
END_TEST

START_TEST(a_run_that_fails_leaves_the_files_that_were_there)
{
    items_of("", "a b");
    char *before = read_all(in_folder("out.idx"));
    write_text("empty", "");
    ck_assert_int_eq(data("encode --vocab @/v -o @/out @/text @/none"), EXIT_INPUT);
    ck_assert_str_eq(read_all(in_folder("out.idx")), before);
    ck_assert(shell("test -z \"$(ls @ | grep tmp)\""));
}
END_TEST

static TCase *bad_input_case(void)
{
    TCase *tcase = tcase_create("bad input");
    tcase_set_timeout(tcase, 60);
    tcase_add_unchecked_fixture(tcase, make_folder, remove_folder);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, bytes_that_are_not_utf8_are_left_out_and_told_of);
    tcase_add_loop_test(tcase, bad_input_is_refused_and_nothing_is_written, 0,
                        sizeof refusals / sizeof *refusals);
    tcase_add_exit_test(tcase, output_that_cannot_be_written_is_the_environments_fault,
                        EXIT_ENVIRONMENT);
    tcase_add_test(tcase, a_run_that_fails_leaves_the_files_that_were_there);
    return tcase;
}

Suite *data_suite(void)
{
    Suite *suite = suite_create("data");
    TCase *tcase = tcase_create("text");
    tcase_set_timeout(tcase, 60);
    tcase_add_unchecked_fixture(tcase, make_folder, remove_folder);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, pieces_are_those_of_the_oracle);
    tcase_add_test(tcase, pieces_of_the_official_vocabulary_are_those_of_the_oracle);
    tcase_add_test(tcase, a_vocabulary_is_learnt_as_by_counting_all_pairs_each_time);
    tcase_add_test(tcase, a_vocabulary_of_all_pairs_ends_early_and_says_so);
    tcase_add_loop_test(tcase, sentences_end_where_a_reader_ends_them, 0,
                        sizeof splits / sizeof *splits);
    tcase_add_test(tcase, options_say_what_a_document_is);
    tcase_add_test(tcase, a_large_vocabulary_takes_four_bytes_a_token);
    tcase_add_test(tcase, tokens_are_bytes_or_pieces);
    tcase_add_test(tcase, gpt2_tokens_are_those_of_the_oracle);
    tcase_add_test(tcase, a_piece_of_a_megabyte_takes_no_time_to_speak_of);
    tcase_add_test(tcase, info_counts_and_takes_the_entropy);
    tcase_add_loop_test(tcase, info_refuses_damaged_files, 0, sizeof damages / sizeof *damages);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, bad_input_case());
    return suite;
}
