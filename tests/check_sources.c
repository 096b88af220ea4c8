/* The data sources of the runtime: random numbers against published values, batches against an
 * oracle in Python and against what their definitions say, and bad files against the message they
 * get. */
#include "../runtime/mt19937.h"
#include "../runtime/philox.h"
#include "../runtime/shuffle.h"
#include "../runtime/source.h"
#include "base/base.h"
#include "commands.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

Suite *sources_suite(void);

#define PROSE "tests/cases/text/prose.txt"

enum { MAX_FIELDS = 6, MAX_OPTIONS = 4 };

static Arena *arena;
static char folder[32];
static RtInput inputs[MAX_FIELDS];
static RtField fields[MAX_FIELDS];
static RtDataOption options[MAX_OPTIONS];
static RtProgram program;

void rt_fail(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("test: error: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fflush(stderr);
    _exit(status);
}

/* --- set-up ------------------------------------------------------------------------------------
 */

static const char *in_folder(const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

static void set_up(void)
{
    arena = arena_new();
    memset(inputs, 0, sizeof inputs);
    program = (RtProgram){.name = "test", .seed = 7, .inputs = inputs, .data_options = options};
}

static void tear_down(void)
{
    arena_free(arena);
}

/* shape ends in 0. */
static const RtField *add_field(const char *name, RtDtype dtype, int64_t classes,
                                const int64_t *shape)
{
    static const size_t bytes[] = {
        [RT_F32] = 4, [RT_BF16] = 2, [RT_F64] = 8, [RT_I32] = 4, [RT_BOOL] = 1};
    int i = program.n_inputs++;
    RtTensor *tensor = &inputs[i].tensor;
    *tensor = (RtTensor){.name = name, .dtype = dtype, .bytes = bytes[dtype]};
    for (; shape[tensor->rank]; tensor->rank++) {
        tensor->shape[tensor->rank] = shape[tensor->rank];
        tensor->bytes *= (size_t)shape[tensor->rank];
    }
    inputs[i].classes = classes;
    fields[i] = (RtField){&inputs[i], arena_alloc(arena, tensor->bytes)};
    return &fields[i];
}

#define FIELD(name, dtype, classes, ...)                                                           \
    add_field((name), (dtype), (classes), (const int64_t[]){__VA_ARGS__, 0})

static void add_option(const char *name, const char *text, double number, bool constant)
{
    options[program.n_data_options++] = (RtDataOption){name, text, number, constant};
}

static RtSource *open_source(const char *name, const char *path)
{
    program.data_source = name;
    /* The list of fields is the caller's: it is gone after open. */
    RtField *list = xmalloc(sizeof fields);
    memcpy(list, fields, sizeof fields);
    RtSource *source =
        rt_source_find(name)->open(&program, path, list, program.n_inputs, program.seed);
    memset(list, 0xFF, sizeof fields);
    free(list);
    return source;
}

static void next_batch(RtSource *source, int64_t step)
{
    rt_source_find(program.data_source)->next_batch(source, step);
}

static void close_source(RtSource *source)
{
    rt_source_find(program.data_source)->close(source);
}

static const int32_t *ints(int field)
{
    return fields[field].batch;
}

static const float *floats(int field)
{
    return fields[field].batch;
}

static const unsigned char *truths(int field)
{
    return fields[field].batch;
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    ck_assert_int_eq(fclose(file), 0);
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

__attribute__((format(printf, 1, 2))) static bool shell(const char *format, ...)
{
    va_list args;
    Text text = text_new(arena);
    va_start(args, format);
    text_vprintf(&text, format, args);
    va_end(args);
    return system(text.data) == 0;
}

/* Opens the source in a process of its own, and takes a batch; returns its exit status, or -1 where
 * it was killed. What it said is in the file `said`. */
static int status_of(const char *name, const char *path)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        ck_assert_ptr_nonnull(freopen(in_folder("said"), "w", stderr));
        next_batch(open_source(name, path), 0);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_refused(const char *name, const char *path, const char *message)
{
    int status = status_of(name, path);
    const char *said = read_all(in_folder("said"));
    ck_assert_msg(strstr(said, message) != NULL, "wanted '%s', said: %s", message, said);
    ck_assert_int_eq(status, RT_EXIT_DATA);
}

/* --- random numbers ----------------------------------------------------------------------------
 */

START_TEST(philox_gives_the_published_words)
{
    static const uint32_t known[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *k = known[i];
        RtRandom random = rt_philox(k[0], k[1], k[2], k[3], k[4], k[5]);
        for (int w = 0; w < 4; w++)
            ck_assert_uint_eq(random.word[w], k[6 + w]);
    }
}
END_TEST

/* The C++ standard (26.6.6) states the 10000th word of each with the default seed. */
START_TEST(mersenne_twisters_give_the_words_of_the_standard)
{
    Mt32 narrow;
    Mt64 wide;
    mt32_seed(&narrow, 5489);
    mt64_seed(&wide, 5489);
    for (int i = 1; i < 10000; i++) {
        mt32_next(&narrow);
        mt64_next(&wide);
    }
    ck_assert_uint_eq(mt32_next(&narrow), 4123659995u);
    ck_assert_uint_eq(mt64_next(&wide), 9981545732273789042u);
}
END_TEST

START_TEST(each_epoch_is_a_permutation_of_its_own)
{
    for (int64_t n = 1; n <= 300; n++) {
        bool seen[300] = {false};
        int n_same = 0;
        for (int64_t i = 0; i < n; i++) {
            int64_t item = rt_shuffled(i, n, 1234567890123, 3);
            ck_assert(item >= 0 && item < n && !seen[item]);
            seen[item] = true;
            n_same += item == rt_shuffled(i, n, 1234567890123, 4);
        }
        ck_assert_int_le(n_same, n < 10 ? 10 : 9);
    }
}
END_TEST

/* --- synthetic ----------------------------------------------------------------------------------
 */

START_TEST(synthetic_values_have_the_promised_distributions)
{
    const int64_t n = 40000;
    FIELD("x", RT_F32, 0, n);
    FIELD("mask", RT_BOOL, 0, n);
    FIELD("ids", RT_I32, 10, n);
    FIELD("y", RT_I32, 10, n);
    FIELD("z", RT_F64, 0, n);
    add_option("y", NULL, 3, true);
    RtSource *source = open_source("synthetic", NULL);
    next_batch(source, 5);
    double sum = 0, squares = 0, cubes = 0, product = 0, n_true = 0, counts[10] = {0};
    for (int64_t i = 0; i < n; i++) {
        double x = (double)floats(0)[i];
        sum += x;
        squares += x * x;
        cubes += x * x * x;
        product += x * ((const double *)fields[4].batch)[i];
        n_true += truths(1)[i];
        ck_assert(truths(1)[i] <= 1 && ints(2)[i] >= 0 && ints(2)[i] < 10);
        counts[ints(2)[i]]++;
        ck_assert_int_eq(ints(3)[i], 3);
    }
    double noise = 5 / sqrt((double)n); /* five deviations of a mean */
    ck_assert_double_lt(fabs(sum / (double)n), noise);
    ck_assert_double_lt(fabs(squares / (double)n - 1), noise * sqrt(2));
    ck_assert_double_lt(fabs(cubes / (double)n), noise * sqrt(15));
    ck_assert_double_lt(fabs(product / (double)n), noise);
    ck_assert_double_lt(fabs(n_true / (double)n - 0.85), noise * 0.36);
    for (int i = 0; i < 10; i++)
        ck_assert_double_lt(fabs(counts[i] / (double)n - 0.1), noise * 0.3);
    close_source(source);
}
END_TEST

START_TEST(synthetic_batches_depend_on_seed_and_step_alone)
{
    float first[9];
    FIELD("x", RT_F32, 0, 3, 3);
    RtSource *source = open_source("synthetic", NULL);
    next_batch(source, 11);
    memcpy(first, fields[0].batch, sizeof first);
    next_batch(source, 12);
    ck_assert_mem_ne(first, fields[0].batch, sizeof first);
    close_source(source);
    source = open_source("synthetic", NULL);
    next_batch(source, 11);
    ck_assert_mem_eq(first, fields[0].batch, sizeof first);
    close_source(source);
    program.seed++;
    source = open_source("synthetic", NULL);
    next_batch(source, 11);
    ck_assert_mem_ne(first, fields[0].batch, sizeof first);
    close_source(source);
}
END_TEST

START_TEST(synthetic_refuses_a_constant_out_of_range)
{
    FIELD("y", RT_I32, 10, 4);
    add_option("y", NULL, 10, true);
    assert_refused("synthetic", NULL, "synthetic gives 10 for 'y', whose values must be 0 to 9");
}
END_TEST

/* --- idx
 * ------------------------------------------------------------------------------------------ */

enum { N_IMAGES = 11, PIXELS = 6 };

static unsigned char image_file[16 + N_IMAGES * PIXELS] = {0, 0, 8, 3, 0, 0, 0, N_IMAGES,
                                                           0, 0, 0, 2, 0, 0, 0, 3};
static unsigned char label_file[8 + N_IMAGES] = {0, 0, 8, 1, 0, 0, 0, N_IMAGES};

/* Image i is all pixels 20 i, but its last is 255; its label is i % 5. */
static void write_images(void)
{
    for (int i = 0; i < N_IMAGES; i++) {
        memset(image_file + 16 + i * PIXELS, 20 * i, PIXELS);
        image_file[16 + i * PIXELS + 5] = 255;
        label_file[8 + i] = (unsigned char)(i % 5);
    }
    write_file("images", image_file, sizeof image_file);
    write_file("labels", label_file, sizeof label_file);
    ck_assert(shell("gzip -kf %s/images", folder));
    ck_assert(shell("head -c 40 %s/images.gz > %s/cut.gz", folder, folder));
    write_file("short", image_file, sizeof image_file - 1);
    write_file("header", image_file, 10);
    write_file("floats", "\0\0\x0d\1\0\0\0\1abcd", 12);
    write_file("text", "hello", 5);
    add_option("images", in_folder("images"), 0, false);
    add_option("labels", in_folder("labels"), 0, false);
}

START_TEST(each_epoch_has_each_image_once_with_its_label)
{
    int seen[3][N_IMAGES] = {{0}};
    write_images();
    if (_i)
        options[0].text = in_folder("images.gz");
    FIELD("image", RT_F32, 0, 3, 6);
    FIELD("label", RT_I32, 5, 3);
    RtSource *source = open_source("idx", NULL);
    for (int step = 0; step < N_IMAGES; step++) {
        next_batch(source, step);
        for (int b = 0; b < 3; b++) {
            const float *image = floats(0) + b * PIXELS;
            int item = (int)lrintf(image[0] * 255 / 20);
            ck_assert_float_eq(image[4], (float)(20 * item) / 255.0f);
            ck_assert_float_eq(image[5], 1);
            ck_assert_int_eq(ints(1)[b], item % 5);
            seen[(step * 3 + b) / N_IMAGES][item]++;
        }
    }
    for (int i = 0; i < 3 * N_IMAGES; i++)
        ck_assert_int_eq(seen[i / N_IMAGES][i % N_IMAGES], 1);
    close_source(source);
}
END_TEST

START_TEST(a_folder_takes_the_place_of_the_models_paths)
{
    write_images();
    options[0].text = "elsewhere/images";
    options[1].text = "labels";
    FIELD("image", RT_BF16, 0, 2, 2, 3);
    FIELD("label", RT_I32, 5, 2);
    RtSource *source = open_source("idx", folder);
    next_batch(source, 0);
    ck_assert_uint_eq(((const uint16_t *)fields[0].batch)[5], 0x3F80);
    close_source(source);
}
END_TEST

static const struct {
    const char *images, *message;
} bad_images[] = {
    {"none", "none: cannot be opened: No such file"},
    {"text", "text: expected an IDX file"},
    {"floats", "floats: expected type 0x08, unsigned bytes, at offset 2, found 0x0d"},
    {"header", "header: ends at byte 10, within its header of 16"},
    {"short",
     "short: its header tells of 11 items of 6 bytes, but 65 bytes follow it at offset 16"},
    {"cut.gz", "cut.gz: cannot be unpacked beyond byte"},
    {"labels", "labels: an image has 1 pixels, but 'image' has 6 elements an example"},
};

START_TEST(broken_images_are_refused)
{
    write_images();
    options[0].text = in_folder(bad_images[_i].images);
    FIELD("image", RT_F32, 0, 3, 6);
    FIELD("label", RT_I32, 5, 3);
    assert_refused("idx", NULL, bad_images[_i].message);
}
END_TEST

START_TEST(labels_and_fields_that_do_not_fit_are_refused)
{
    write_images();
    FIELD("image", RT_F32, 0, 3, 6);
    FIELD("label", RT_I32, 4, 3);
    assert_refused("idx", NULL, "labels: the label at offset 12 is 4, but the model has 4 classes");
    inputs[1].tensor.name = "digit";
    assert_refused("idx", NULL,
                   "gives no 'digit'; it gives image : f32[batch, ...]; label : i32[batch]");
    inputs[1].tensor.name = "label";
    inputs[1].tensor.dtype = RT_F32;
    assert_refused("idx", NULL, "the data source idx cannot give 'label' as the model has it");
    inputs[1].tensor.dtype = RT_I32;
    inputs[1].tensor.shape[0] = 2;
    assert_refused("idx", NULL, "'label' has a batch of 2, but 'image' has one of 3");
}
END_TEST

/* --- tokens
 * --------------------------------------------------------------------------------------- */

/* 21 tokens 100, 101, ...: four blocks of 5. */
static void write_tokens(const char *name, int magic, int version, int n, size_t width,
                         size_t n_bytes)
{
    unsigned char bytes[1024 + 21 * 4] = {0};
    int32_t header[3] = {magic, version, n};
    memcpy(bytes, header, sizeof header);
    for (size_t i = 0; i < 21; i++)
        bytes[1024 + i * width] = (unsigned char)(100 + i);
    write_file(name, bytes, n_bytes);
}

START_TEST(next_is_the_token_after_each)
{
    bool seen[21] = {false};
    write_tokens("tokens", _i ? 20240801 : 20240520, _i ? 7 : 1, 21, _i ? 4 : 2, _i ? 1108 : 1066);
    FIELD("tokens", RT_I32, 121, 2, 5);
    FIELD("next", RT_I32, 121, 2, 5);
    RtSource *source = open_source("tokens", in_folder("tokens"));
    for (int step = 0; step < 2; step++) {
        next_batch(source, step);
        for (int i = 0; i < 10; i++) {
            ck_assert_int_eq(ints(1)[i], ints(0)[i] + 1);
            ck_assert(!seen[ints(0)[i] - 100]);
            seen[ints(0)[i] - 100] = true;
        }
    }
    for (int i = 0; i < 20; i++)
        ck_assert(seen[i]);
    close_source(source);
}
END_TEST

START_TEST(broken_token_files_are_refused)
{
    write_tokens("good", 20240520, 1, 21, 2, 1066);
    write_tokens("magic", 20240521, 1, 21, 2, 1066);
    write_tokens("cut", 20240520, 1, 21, 2, 1065);
    write_tokens("header", 20240520, 1, 21, 2, 1000);
    write_tokens("few", 20240520, 1, 5, 2, 1034);
    FIELD("tokens", RT_I32, 120, 2, 5);
    FIELD("next", RT_I32, 120, 2, 5);
    assert_refused("tokens", in_folder("none"), "none: cannot be opened");
    assert_refused("tokens", in_folder("magic"), "found 20240521, 1: this is no token file");
    assert_refused("tokens", in_folder("cut"),
                   "tells of 21 tokens of 2 bytes, but 41 bytes follow");
    assert_refused("tokens", in_folder("header"), "ends at byte 1000, within its header of 1024");
    assert_refused("tokens", in_folder("few"),
                   "has 5 tokens, but one example of the model takes 6");
    assert_refused("tokens", NULL, "the data source tokens needs a path");
    inputs[0].classes = inputs[1].classes = 100;
    assert_refused("tokens", in_folder("good"), "but the model's 'tokens' must be less than 100");
}
END_TEST

/* --- sentence pairs
 * --------------------------------------------------------------------------------- */

enum { TOKENS, TYPES, MASK, LABELS, LOSS_MASK, IS_SWAPPED };

static void add_pair_fields(int64_t batch, int64_t seq, int64_t vocabulary)
{
    FIELD("tokens", RT_I32, vocabulary, batch, seq);
    FIELD("types", RT_I32, 2, batch, seq);
    FIELD("mask", RT_BOOL, 0, batch, seq);
    FIELD("labels", RT_I32, vocabulary, batch, seq);
    FIELD("loss_mask", RT_F32, 0, batch, seq);
    FIELD("is_swapped", RT_I32, 2, batch);
    inputs[LABELS].has_ignore = true;
    inputs[LABELS].ignore = -1;
    add_option("seq", NULL, (double)seq, false);
}

/* Encodes a text with `rematc data`; the prefix. */
static const char *encode(const char *text, const char *size, const char *document)
{
    char *vocabulary = arena_strdup(arena, in_folder("v")), *file = arena_strdup(arena, text);
    char *prefix = arena_strdup(arena, in_folder("pairs"));
    char *learn[] = {"data", "vocab",    "--size", arena_strdup(arena, size),
                     "-o",   vocabulary, file,     NULL};
    char *cut[] = {"data", "encode", "--vocab",         vocabulary,
                   "-o",   prefix,   "--min-sentences", arena_strdup(arena, document),
                   file,   NULL};
    ck_assert(shell("rm -rf %s/pairs.*", folder));
    ck_assert_ptr_nonnull(freopen(in_folder("said"), "w", stdout));
    ck_assert_int_eq(data_command(7, learn), EXIT_DONE);
    ck_assert_int_eq(data_command(9, cut), EXIT_DONE);
    return prefix;
}

/* n sentences of 3 to 12 words, of which some are of many pieces; a paragraph is 8 sentences. */
static const char *write_text(int n)
{
    static const char *const words[] = {"the", "house", "stands", "extraordinary",
                                        "by",  "sea",   "water",  "unforgettable",
                                        "and", "they",  "walked", "mountains"};
    Text text = text_new(arena);
    uint32_t r = 1;
    for (int s = 0; s < n; s++) {
        int n_words = 3 + (int)((r = r * 1664525 + 1013904223) >> 16) % 10;
        for (int w = 0; w < n_words; w++)
            text_printf(&text, "%s ", words[((r = r * 1664525 + 1013904223) >> 16) % 12]);
        text_printf(&text, "end.%s", s % 8 == 7 ? "\n\n" : " A");
    }
    write_file("text", text.data, text.n);
    return in_folder("text");
}

static void print_row(Text *text, int64_t b, int64_t seq)
{
    int fields_of_row[] = {TOKENS, TYPES, LABELS};
    text_printf(text, "%d", ints(IS_SWAPPED)[b]);
    for (int f = 0; f < 3; f++) {
        text_printf(text, " |");
        for (int64_t i = b * seq; i < (b + 1) * seq; i++)
            if (truths(MASK)[i])
                text_printf(text, " %d", ints(fields_of_row[f])[i]);
    }
    text_printf(text, "\n");
}

START_TEST(pairs_are_those_of_the_oracle)
{
    static const int seqs[] = {12, 32, 128, 64};
    int seq = seqs[_i], n_steps = 30;
    if (!shell("python3 -c 'import random' 2> %s/python", folder)) {
        fputs("skipped: there is no python3 for the oracle\n", stderr);
        return;
    }
    const char *prefix = _i == 1 ? encode(PROSE, "200", "2") : encode(write_text(300), "60", "1");
    add_pair_fields(3, seq, 0);
    RtSource *source =
        open_source("bert_pairs", _i == 3 ? arena_printf(arena, "%s:valid", prefix) : prefix);
    Text text = text_new(arena);
    for (int step = 0; step < n_steps; step++) {
        next_batch(source, step);
        for (int b = 0; b < 3; b++)
            print_row(&text, b, seq);
    }
    close_source(source);
    ck_assert(shell("python3 tests/oracle/bert_pairs.py %s %d 3 %d 7 %s > %s/want", prefix, seq,
                    n_steps, _i == 3 ? "valid" : "train", folder));
    ck_assert_str_eq(text.data, read_all(in_folder("want")));
}
END_TEST

static int piece_of(const char *vocabulary, const char *piece)
{
    int id = 0;
    for (const char *line = vocabulary; *line; id++) {
        size_t n = strcspn(line, "\n");
        if (strlen(piece) == n && strncmp(line, piece, n) == 0)
            return id;
        line += n + (line[n] == '\n');
    }
    return -1;
}

typedef struct {
    double tokens, masked, replaced, kept, random, swapped, broken_words, padded;
} Counts;

/* What the fields of one batch say, each against the others. */
static void count_batch(Counts *counts, const char *vocabulary, int64_t batch, int64_t seq,
                        const bool *continues)
{
    int mask_id = piece_of(vocabulary, "[MASK]"), pad = piece_of(vocabulary, "[PAD]");
    for (int64_t i = 0; i < batch * seq; i++) {
        int token = ints(TOKENS)[i], label = ints(LABELS)[i];
        bool there = truths(MASK)[i];
        counts->tokens += there;
        counts->padded += !there;
        ck_assert(there || (token == pad && label == -1 && ints(TYPES)[i] == 0));
        ck_assert_float_eq(floats(LOSS_MASK)[i], label >= 0 ? 1 : 0);
        if (label < 0)
            continue;
        counts->masked++;
        counts->replaced += token == mask_id;
        counts->kept += token == label;
        counts->random += token != mask_id && token != label;
        /* Where the label continues a word, the piece before it is masked too. */
        counts->broken_words += continues[label] && ints(LABELS)[i - 1] < 0;
    }
    for (int64_t b = 0; b < batch; b++)
        counts->swapped += ints(IS_SWAPPED)[b];
}

START_TEST(masking_takes_whole_words_15_percent_80_10_10)
{
    enum { BATCH = 16, SEQ = 64, STEPS = 150 };
    bool continues[60] = {false};
    Counts counts = {0};
    const char *prefix = encode(write_text(2000), "60", "1");
    char *vocabulary = read_all(arena_printf(arena, "%s.vocab.txt", prefix));
    const char *line = vocabulary;
    for (int i = 0; i < 60; i++, line += strcspn(line, "\n") + 1)
        continues[i] = strncmp(line, "##", 2) == 0;
    add_pair_fields(BATCH, SEQ, 60);
    RtSource *source = open_source("bert_pairs", prefix);
    for (int step = 0; step < STEPS; step++) {
        next_batch(source, step);
        count_batch(&counts, vocabulary, BATCH, SEQ, continues);
    }
    close_source(source);
    /* At most 15 %, and less where a whole word does not fit. */
    ck_assert_double_ge(counts.masked / counts.tokens, 0.13);
    ck_assert_double_le(counts.masked / counts.tokens, 0.152);
    double noise = 5 * sqrt(0.8 * 0.2 / counts.masked);
    ck_assert_double_lt(fabs(counts.replaced / counts.masked - (0.8 + 0.1 / 60)), noise);
    ck_assert_double_lt(fabs(counts.kept / counts.masked - (0.1 + 0.1 / 60)), noise);
    ck_assert_double_lt(fabs(counts.random / counts.masked - 0.1 * 58 / 60), noise);
    ck_assert_double_lt(fabs(counts.swapped / (BATCH * STEPS) - 0.5), 2.5 / sqrt(BATCH * STEPS));
    /* A word is masked in part only where the piece that it starts with was cut off. */
    ck_assert_double_le(counts.broken_words / counts.masked, 0.02);
    ck_assert_double_gt(counts.padded, 0);
}
END_TEST

START_TEST(a_pair_batch_is_the_same_without_those_before_it)
{
    int32_t tokens[3 * 32], labels[3 * 32];
    const char *prefix = encode(write_text(200), "60", "1");
    add_pair_fields(3, 32, 60);
    RtSource *source = open_source("bert_pairs", prefix);
    for (int step = 0; step <= 40; step++)
        next_batch(source, step);
    memcpy(tokens, fields[TOKENS].batch, sizeof tokens);
    memcpy(labels, fields[LABELS].batch, sizeof labels);
    close_source(source);
    source = open_source("bert_pairs", prefix);
    next_batch(source, 40);
    ck_assert_mem_eq(tokens, fields[TOKENS].batch, sizeof tokens);
    ck_assert_mem_eq(labels, fields[LABELS].batch, sizeof labels);
    close_source(source);
}
END_TEST

/* Each damages a good set of files by a shell command in the folder. */
static const struct {
    const char *damage, *message;
} bad_pairs[] = {
    {"rm pairs.idx", "pairs.idx: cannot be opened: No such file"},
    {"rm pairs.bin", "pairs.bin: cannot be opened: No such file"},
    {"rm pairs.vocab.txt", "pairs.vocab.txt: cannot be opened: No such file"},
    {"head -c 100 pairs.bin > t; mv t pairs.bin", "but "},
    {"head -c 200 pairs.idx > t; mv t pairs.idx", "pairs.idx: has 200 bytes, but "},
    {"head -c 20 pairs.idx > t; mv t pairs.idx",
     "pairs.idx: expected MMIDIDX at offset 0 and a header"},
    {"head -c 0 pairs.idx > t; mv t pairs.idx", "pairs.idx: expected MMIDIDX"},
    {"cp pairs.bin pairs.idx", "pairs.idx: expected MMIDIDX"},
    {"printf '\\2' | dd of=pairs.idx bs=1 seek=9 conv=notrunc 2> t",
     "version 1 at offset 9, found 2"},
    {"printf '\\7' | dd of=pairs.idx bs=1 seek=17 conv=notrunc 2> t",
     "type 4 (i32) or 8 (u16) at offset 17, found 7"},
    {"printf '\\377' | dd of=pairs.idx bs=1 seek=37 conv=notrunc 2> t", "sentence 0 is -"},
    {"printf 'x' > pairs.vocab.txt", "pairs.vocab.txt: expected a vocabulary"},
    {"head -n 50 pairs.vocab.txt > t; mv t pairs.vocab.txt", "pairs.vocab.txt has 50 pieces"},
    {"seq 100 >> pairs.vocab.txt", "pairs.vocab.txt has 160 pieces, but 'tokens' in the model"},
    {"rm pairs.idx; mkdir pairs.idx", "pairs.idx: is no plain file"},
};

START_TEST(broken_pair_files_are_refused)
{
    const char *prefix = encode(write_text(200), "60", "1");
    ck_assert(shell("cd %s && { %s; }", folder, bad_pairs[_i].damage));
    add_pair_fields(8, 32, 60);
    assert_refused("bert_pairs", prefix, bad_pairs[_i].message);
}
END_TEST

START_TEST(pair_fields_that_do_not_fit_are_refused)
{
    const char *prefix = encode(write_text(200), "60", "1");
    add_pair_fields(8, 32, 60);
    inputs[LABELS].ignore = 0;
    assert_refused("bert_pairs", prefix, "'labels' is -1 where no token was masked");
    inputs[LABELS].ignore = -1;
    inputs[TYPES].tensor.shape[1] = 31;
    assert_refused("bert_pairs", prefix, "'types' is 31 tokens long in the model");
    inputs[TYPES].tensor.shape[1] = 32;
    options[0].number = 64;
    assert_refused("bert_pairs", prefix,
                   "'tokens' is 32 tokens long in the model, but the data is to");
    inputs[IS_SWAPPED].tensor.name = "ns_labels";
    assert_refused("bert_pairs", prefix,
                   "gives no 'ns_labels'; it gives tokens : i32[batch, seq]; ");
}
END_TEST

START_TEST(text_without_pairs_is_refused)
{
    write_file("text", "one\n\ntwo\n\none\n\ntwo\n", 19);
    const char *prefix = encode(in_folder("text"), "12", "1");
    add_pair_fields(8, 32, 12);
    assert_refused("bert_pairs", prefix, "none of these 4 documents has two sentences");
}
END_TEST

/* --- the suite ----------------------------------------------------------------------------------
 */

static void make_folder(void)
{
    strcpy(folder, "/tmp/rematc-sources-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static TCase *new_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, make_folder, remove_folder);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add_pair_tests(TCase *tcase)
{
    tcase_add_loop_test(tcase, pairs_are_those_of_the_oracle, 0, 4);
    tcase_add_test(tcase, masking_takes_whole_words_15_percent_80_10_10);
    tcase_add_test(tcase, a_pair_batch_is_the_same_without_those_before_it);
    tcase_add_loop_test(tcase, broken_pair_files_are_refused, 0,
                        sizeof bad_pairs / sizeof *bad_pairs);
    tcase_add_test(tcase, pair_fields_that_do_not_fit_are_refused);
    tcase_add_test(tcase, text_without_pairs_is_refused);
}

Suite *sources_suite(void)
{
    Suite *suite = suite_create("sources");
    TCase *random = new_case(suite, "random");
    tcase_add_test(random, philox_gives_the_published_words);
    tcase_add_test(random, mersenne_twisters_give_the_words_of_the_standard);
    tcase_add_test(random, each_epoch_is_a_permutation_of_its_own);
    TCase *synthetic = new_case(suite, "synthetic");
    tcase_add_test(synthetic, synthetic_values_have_the_promised_distributions);
    tcase_add_test(synthetic, synthetic_batches_depend_on_seed_and_step_alone);
    tcase_add_test(synthetic, synthetic_refuses_a_constant_out_of_range);
    TCase *idx = new_case(suite, "idx");
    tcase_add_loop_test(idx, each_epoch_has_each_image_once_with_its_label, 0, 2);
    tcase_add_test(idx, a_folder_takes_the_place_of_the_models_paths);
    tcase_add_loop_test(idx, broken_images_are_refused, 0, sizeof bad_images / sizeof *bad_images);
    tcase_add_test(idx, labels_and_fields_that_do_not_fit_are_refused);
    TCase *tokens = new_case(suite, "tokens");
    tcase_add_loop_test(tokens, next_is_the_token_after_each, 0, 2);
    tcase_add_test(tokens, broken_token_files_are_refused);
    add_pair_tests(new_case(suite, "pairs"));
    return suite;
}
